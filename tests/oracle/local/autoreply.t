## Automatic replies. The transport runs as Debian-exim, so that both programs hand the reply in as the same user.
@case the parts of a reply
@known the order of the header lines
@transports
local:
  driver = autoreply
  from = Away <auto@test.ex>
  to = $sender_address
  cc = "Other Person <s@test.ex>, third@test.ex"
  bcc = hidden@test.ex
  reply_to = "back@test.ex, there@test.ex"
  subject = Re: $h_subject:
  headers = "X-One: 1\nX-Two: folded\n line\nPrecedence: bulk"
  text = "I am away.\nSo am I.\n"
  user = Debian-exim
@routers
here:
  driver = accept
  transport = ${if match_local_part{$local_part}{third:hidden}{box}{local}}
@run -odi -f s@test.ex u@test.ex
Subject: question
Date: Mon, 01 Jan 2024 00:00:00 +0000
Message-ID: <q@test.ex>
From: Asker <s@test.ex>

text
@case references of a reply
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  subject = x
  text = x\n
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
Message-ID: <q@test.ex>
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
Message-ID: <q@test.ex>
References: <a@test.ex> <b@test.ex>
 <c@test.ex>
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
Message-ID: <q@test.ex>
In-Reply-To: <a@test.ex>
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
Message-ID: <q@test.ex>
References: <1@test.ex> <2@test.ex> <3@test.ex> <4@test.ex> <5@test.ex> <6@test.ex> <7@test.ex> <8@test.ex> <9@test.ex> <10@test.ex> <11@test.ex> <12@test.ex> <13@test.ex>
From: s@test.ex

text
@case Auto-Submitted is the transport's when it says so
@known Exim says it twice
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  headers = Auto-Submitted: auto-generated
  text = x\n
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case text without a newline, no text at all
@known Exim writes an empty line for an empty text
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = ${if eq{$local_part}{u}{words}{}}
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex v@test.ex
From: s@test.ex

text
@case a file behind the text
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = "from the text\n"
  file = @DIR@/away
  user = Debian-exim
@file away
from the file for $sender_address
.
last line
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case a file that is expanded
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  file = @DIR@/away
  file_expand
  user = Debian-exim
@file away
from the file for $sender_address
about ${uc:$h_subject:} and \$this
@run -odi -f s@test.ex u@test.ex
Subject: things
From: s@test.ex

text
@case a file that cannot be expanded
@known Exim sends the reply with the line as it is and a note; here the delivery waits
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  file = @DIR@/away
  file_expand
  user = Debian-exim
@file away
one line
from the file for ${sender_address
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case a file that is not there
@known the reason in other words
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  file = @DIR@/nosuchfile
  user = Debian-exim
optional:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  file = @DIR@/nosuchfile
  file_optional
  user = Debian-exim
@routers
here:
  driver = accept
  transport = ${if eq{$local_part}{u}{local}{optional}}
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex v@test.ex
From: s@test.ex

text
@case the message is returned
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  return_message
  headers_add = X-Added: to the copy
  headers_remove = X-Gone
  user = Debian-exim
@run -odi -oi -f s@test.ex u@test.ex
Subject: things
X-Gone: 1
Message-ID: <q@test.ex>
Date: Mon, 01 Jan 2024 00:00:00 +0000
From: s@test.ex

first
.
last
@case a large message is not returned whole
@known Exim returns the header section alone, and says so in other words
@main
bounce_return_size_limit = 1K
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  return_message
  user = Debian-exim
@send 3000 u@test.ex
@case the message is returned through a filter
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  return_message
  transport_filter = /bin/sed -e s/needle/found/ -e "1iX-Filtered: yes"
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
Message-ID: <q@test.ex>
Date: Mon, 01 Jan 2024 00:00:00 +0000
From: s@test.ex

a needle here
@case never_mail
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = "$sender_address, never@test.ex, Other <other@never.ex>"
  cc = never@test.ex
  bcc = never@test.ex
  never_mail = never@test.ex : *@never.ex : ^bulk-
  text = words\n
  user = Debian-exim
@routers
here:
  driver = accept
  transport = ${if eq{$local_part}{u}{local}{box}}
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f bulk-7@test.ex u@test.ex
From: s@test.ex

text
@case never_mail, all of them
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  never_mail = *
  text = words\n
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case nobody to reply to
@known nothing is written to the log
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  log = @DIR@/spool/replies
  user = Debian-exim
@run -odi -f <> u@test.ex
From: s@test.ex

text
@show spool/replies
@case a reply to nobody but a cc
@transports
local:
  driver = autoreply
  from = auto@test.ex
  cc = s@test.ex
  text = words\n
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case addresses that are none
@known one bad address makes the delivery wait; Exim leaves it out and mails the caller
@transports
to:
  driver = autoreply
  from = auto@test.ex
  to = "s@test.ex, @@bad"
  text = words\n
  user = Debian-exim
only:
  driver = autoreply
  from = auto@test.ex
  to = "a b c"
  text = words\n
  user = Debian-exim
cc:
  driver = autoreply
  from = auto@test.ex
  to = s@test.ex
  cc = s@test.ex>
  text = words\n
  user = Debian-exim
bcc:
  driver = autoreply
  from = auto@test.ex
  to = s@test.ex
  bcc = <s@test.ex
  text = words\n
  user = Debian-exim
from:
  driver = autoreply
  from = "a b c@"
  to = s@test.ex
  text = words\n
  user = Debian-exim
@routers
here:
  driver = accept
  local_parts = to : only : cc : bcc : from
  transport = $local_part_data
@run -odi -f s@test.ex to@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex only@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex cc@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex bcc@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex from@test.ex
From: s@test.ex

text
@case addresses without a domain
@known they are sent to, and stay as they are in the header
@transports
local:
  driver = autoreply
  from = auto
  to = s
  cc = "Third Person <third>"
  text = words\n
  user = Debian-exim
@routers
here:
  driver = accept
  transport = ${if eq{$local_part}{u}{local}{box}}
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case header text that is not printable
@known the delivery waits, as the manual says; Exim fails the address
@transports
subject:
  driver = autoreply
  from = auto@test.ex
  to = s@test.ex
  subject = "two\nlines"
  text = words\n
  user = Debian-exim
fold:
  driver = autoreply
  from = auto@test.ex
  to = s@test.ex
  subject = "two\n lines"
  text = words\n
  user = Debian-exim
tab:
  driver = autoreply
  from = auto@test.ex
  to = s@test.ex
  subject = "one\ttab"
  text = words\n
  user = Debian-exim
bell:
  driver = autoreply
  from = auto@test.ex
  to = s@test.ex
  subject = "one\007bell"
  text = words\n
  user = Debian-exim
headers:
  driver = autoreply
  from = auto@test.ex
  to = s@test.ex
  headers = "X-One: one\007bell"
  text = words\n
  user = Debian-exim
@routers
here:
  driver = accept
  local_parts = subject : fold : tab : bell : headers
  transport = $local_part_data
@run -odi -f s@test.ex subject@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex fold@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex tab@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex bell@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex headers@test.ex
From: s@test.ex

text
@case a subject that is folded, empty, or 8-bit
@known characters that are not ASCII are printing ones
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  subject = "Re: $h_subject:"
  text = words\n
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
Subject: one
 two
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
Subject: =?utf-8?q?=C3=A4?=
From: s@test.ex

text
@case once
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  once = @DIR@/spool/once
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@clock 400d
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case once_repeat
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  once = @DIR@/spool/once
  once_repeat = 1d2h
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@clock 25h
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@clock 2h
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@clock 25h
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case once_repeat that is expanded
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  once = @DIR@/spool/once
  once_repeat = ${if eq{$local_part}{u}{1h}{0s}}
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@clock 61m
@run -odi -f s@test.ex v@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case once_file_size forgets the oldest
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  once = @DIR@/spool/once
  once_file_size = 60
  user = Debian-exim
@routers
more:
  driver = accept
  local_parts = ^s[0-9]
  transport = box
here:
  driver = accept
  transport = local
@run -odi -f s1@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s1@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s2@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s3@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s4@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s1@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s4@test.ex u@test.ex
From: s@test.ex

text
@sh
test $(stat -c %s spool/once) -le 60 && echo within the limit
stat -c %a spool/once
@case once_file_size with once_repeat
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  once = @DIR@/spool/once
  once_file_size = 10K
  once_repeat = 1h
  mode = 0640
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@clock 50m
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@clock 20m
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@sh
stat -c %a spool/once
@case once in a directory that is not there
@known the reason in other words
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  once = @DIR@/spool/nowhere/once
  once_file_size = 10K
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case once counts the first of several recipients
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = "$sender_address, t@test.ex"
  text = words\n
  once = @DIR@/spool/once
  user = Debian-exim
@routers
t:
  driver = accept
  local_parts = t
  transport = box
here:
  driver = accept
  transport = local
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f t@test.ex u@test.ex
From: s@test.ex

text
@case an empty once
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  once =
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case the log of replies
@known Exim notes what it did not send, too
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  cc = third@test.ex
  bcc = hidden@test.ex
  subject = "folded\n subject"
  text = words\n
  log = @DIR@/spool/replies
  mode = 0644
  once = @DIR@/spool/once
  user = Debian-exim
@routers
here:
  driver = accept
  transport = ${if eq{$local_part}{u}{local}{box}}
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@show spool/replies
@sh
stat -c '%a %U' spool/replies
@case a log that cannot be written
@known Exim says nothing
@transports
local:
  driver = autoreply
  from = auto@test.ex
  to = $sender_address
  text = words\n
  log = @DIR@/spool/nowhere/replies
  user = Debian-exim
@run -odi -f s@test.ex u@test.ex
From: s@test.ex

text
@case a reply of a filter is not sent to lists and machines
@known the reply comes from the recipient, where Exim names the user that delivers
@routers
filter:
  driver = redirect
  allow_filter
  data = "#Exim filter\nif personal and not error_message then mail to \"\\$sender_address\" subject away text words endif\n"
  reply_transport = local
  user = Debian-exim
here:
  driver = accept
  transport = box
@transports
local:
  driver = autoreply
@run -odi -f s@test.ex u@test.ex
To: u@test.ex
From: s@test.ex

text
@run -odi -f s@test.ex u@test.ex
To: u@test.ex
From: s@test.ex
Precedence: bulk

text
@run -odi -f s@test.ex u@test.ex
To: u@test.ex
From: s@test.ex
Auto-Submitted: auto-replied

text
@run -odi -f s@test.ex u@test.ex
To: u@test.ex
From: s@test.ex
List-Id: <x.test.ex>

text
@run -odi -f <> u@test.ex
To: u@test.ex
From: s@test.ex

text
@case two responders do not answer each other
@known of nobody to reply to nothing is said
@transports
local:
  driver = autoreply
  from = $local_part@$domain
  to = $sender_address
  subject = I got: $h_subject:
  text = words\n
  user = Debian-exim
@run -odi -f one@test.ex two@test.ex
Subject: hello
From: one@test.ex

text
