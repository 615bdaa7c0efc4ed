## autoreply as the transport's user: what it may read and write, and whose message the reply is
@case a text that the user may not read
@routers
b:
  driver = accept
  local_parts = s
  transport = file
r:
  driver = accept
  transport = ${if eq{$local_part}{optional}{optional}{reply}}
@transports
reply:
  driver = autoreply
  from = auto@else.test
  to = $sender_address
  subject = away
  file = /etc/shadow
  user = mail
optional:
  driver = autoreply
  from = auto@else.test
  to = $sender_address
  subject = away
  text = I am away.
  file = /etc/shadow
  file_optional
  user = mail
file:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex userx
Subject: x

text
@run -odi -f s@test.ex optional
Subject: x

text

@case a trusted user needs no Sender
@main
primary_hostname = myhost.test
qualify_domain = test.ex
trusted_users = mail
@routers
b:
  driver = accept
  local_parts = s
  transport = file
r:
  driver = accept
  transport = reply
@transports
reply:
  driver = autoreply
  from = auto@else.test
  to = $sender_address
  subject = away
  text = I am away.
  user = mail
file:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex userx
Subject: x

text

@case From: of the user is no other's
@routers
b:
  driver = accept
  local_parts = s
  transport = file
r:
  driver = accept
  transport = reply
@transports
reply:
  driver = autoreply
  from = mail@test.ex
  to = $sender_address
  subject = away
  headers = X-One: 1\nX-Two: 2
  text = I am away.
  user = mail
file:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex userx
Subject: x

text

@case a filter's reply
@file filter
#Exim filter
mail from "auto@else.test" subject "Re: x" text "gone"
@routers
b:
  driver = accept
  local_parts = s
  transport = file
list:
  driver = redirect
  file = @DIR@/filter
  no_check_owner
  no_check_group
  modemask = 0
  allow_filter
  user = mail
  reply_transport = r
c:
  driver = accept
  transport = file
@transports
r:
  driver = autoreply
  user = mail
file:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex userx
Subject: x

text
