## redirection, bounces, deferrals, freezing
@case aliases, blackhole, fail, defer, file, pipe
@file aliases
one: a@test.ex, b@test.ex
gone: :fail: no longer here
later: :defer: come back
hole: :blackhole:
file: @DIR@/mail/filed
cmd: "|/bin/sh -c 'cat >@DIR@/mail/piped'"
loop: loop@test.ex
self: \self@test.ex
@routers
al:
  driver = redirect
  data = ${lookup{$local_part}lsearch{@DIR@/aliases}}
  file_transport = file
  pipe_transport = pipe
  user = mail
r:
  driver = accept
  local_parts = a : b : loop : self : s
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
file:
  driver = appendfile
  create_file = anywhere
pipe:
  driver = pipe
  use_shell
@run -odi -f s@test.ex one@test.ex
Subject: x

text
@run -odi -f s@test.ex gone@test.ex
Subject: x

text
@run -odi -f s@test.ex later@test.ex
Subject: x

text
@run -odi -f s@test.ex hole@test.ex
Subject: x

text
@run -odi -f s@test.ex file@test.ex
Subject: x

text
@run -odi -f s@test.ex cmd@test.ex
Subject: x

text
@run -odi -f s@test.ex loop@test.ex
Subject: x

text
@run -odi -f s@test.ex self@test.ex
Subject: x

text
@run -bp
@run -bpa
@run -bpu
@case unrouteable address bounces
@routers
r:
  driver = accept
  local_parts = s
  transport = local
@run -odi -f s@test.ex nobody@test.ex
Subject: hello there
From: S <s@test.ex>
To: nobody@test.ex

text
line two
@case two failures with different reasons
@routers
f:
  driver = redirect
  local_parts = f1
  allow_fail
  data = :fail: first reason
g:
  driver = redirect
  local_parts = f2
  allow_fail
  data = :fail: second reason
r:
  driver = accept
  local_parts = s
  transport = local
@run -odi -f s@test.ex f1@test.ex f2@test.ex f3@test.ex s@test.ex
Subject: hello there

text
@case failure of a child shows its parent
@routers
a:
  driver = redirect
  local_parts = list
  data = s@test.ex, missing@test.ex
r:
  driver = accept
  local_parts = s
  transport = local
@run -odi -f s@test.ex list@test.ex
Subject: hello there

text
@case bounce of a bounce freezes
@routers
r:
  driver = accept
  local_parts = s
  transport = local
@run -odi -f <> nobody@test.ex
Subject: x

text
@run -bp
@case bounce to an unknown sender freezes the bounce
@routers
r:
  driver = accept
  local_parts = s
  transport = local
@run -odi -f unknown@test.ex nobody@test.ex
Subject: x

text
@run -bp
@run -bpr
@run -Mrm $1
@run -bp
@case errors_to and bounces
@routers
f:
  driver = accept
  local_parts = f1
  errors_to = s2@test.ex
  transport = pipe
r:
  driver = accept
  local_parts = s : s2
  transport = local
@transports
pipe:
  driver = pipe
  command = /bin/false
  user = mail
local:
  driver = appendfile
  file = @DIR@/mail/$local_part_data
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@transports
pipe:
  driver = pipe
  command = /bin/false
  user = mail
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex f1@test.ex
Subject: x

text
@case bounce message file
@main
bounce_message_file = @DIR@/bounce
@file bounce
Subject: Own subject
X-Own: header
****
Own intro to $bounce_recipient.

****
Own end.
@routers
r:
  driver = accept
  local_parts = s
  transport = local
@run -odi -f s@test.ex nobody@test.ex
Subject: x

text
@case bounce options
@main
bounce_return_body = false
bounce_message_text = Call the help desk.
errors_copy = s@test.ex copy@test.ex
errors_reply_to = helpdesk@test.ex
@routers
r:
  driver = accept
  local_parts = s : copy
  transport = local
@run -odi -f s@test.ex nobody@test.ex
Subject: x

text
@case bounce_return_message false
@known 4.96 returns the message all the same
@main
bounce_return_message = false
@routers
r:
  driver = accept
  local_parts = s
  transport = local
@run -odi -f s@test.ex nobody@test.ex
Subject: x

text
@case deferral, no retry rule
@retry

@routers
d:
  driver = redirect
  local_parts = d
  allow_defer
  data = :defer: not now
r:
  driver = accept
  transport = local
@run -odi -f s@test.ex d@test.ex
Subject: x

text
@run -bp
@case deferral by router, then queue runs
@known when a bounce is delivered beside Completed
@routers
d:
  driver = redirect
  local_parts = d
  allow_defer
  data = :defer: not now
r:
  driver = accept
  transport = local
@run -odi -f s@test.ex d@test.ex
Subject: x

text
@run -bp
@run -q
@run -qf
@run -Mvb $1
@run -M $1
@run -Mg $1
@wait R=r
@case freezing by hand
@run -odq -f s@test.ex userx@test.ex
Subject: x

text
@run -Mf $1
@run -Mf $1
@run -bp
@run -q
@run -qf
@run -Mt $1
@run -Mt $1
@run -Mf $1
@run -qff
@run -bp
@case queue commands
@run -odq -f s@test.ex userx@test.ex usery@test.ex
Subject: x

text
@run -Mar $1 userz@test.ex
@run -Mes $1 new@test.ex
@run -Mmd $1 usery@test.ex
@run -Mvc $1
@run -bpc
@run -M $1
@run -bpc
@case remove
@known there are no files that could be left over
@run -odq -f s@test.ex userx@test.ex
Subject: x

text
@run -Mmad $1
@run -Mrm $1
@run -Mrm 1abcde-000001-AB
@run -Mvh 1abcde-000001-AB
@run -Mvb 1abcde-000001-AB
@run -Mvl 1abcde-000001-AB
@run -M 1abcde-000001-AB
@run -Mf 1abcde-000001-AB
@run -Mt 1abcde-000001-AB
@run -Mg 1abcde-000001-AB
@run -Mar 1abcde-000001-AB x@y
@run -Mrm xx
@run -M
@case selected queue runs
@run -odq -f s@test.ex userx@test.ex
Subject: x

text
@run -odq -f t@test.ex usery@test.ex
Subject: y

text
@run -R usery
@run -bp
@run -S s@test
@run -bp
@case queue run over several
@known Exim takes messages in any order
@run -odq -f s@test.ex userx@test.ex
Subject: x

text
@run -odq -f t@test.ex usery@test.ex
Subject: y

text
@run -q
@case two-stage queue run
@run -odq -f s@test.ex userx@test.ex
Subject: x

text
@run -qq
@case -bt in many forms
@known the order of generated addresses, and remex says why a lookup did not complete
@file aliases
one: a@test.ex, b@test.ex, one@far.test
gone: :fail: no longer here
later: :defer: come back
hole: :blackhole:
cmd: |/bin/cat
file: /tmp/x
@routers
far:
  driver = dnslookup
  domains = ! test.ex
  transport = smtp
  no_more
al:
  driver = redirect
  data = ${lookup{$local_part}lsearch{@DIR@/aliases}}
  file_transport = local
  pipe_transport = pipe
un:
  driver = accept
  local_parts = unseen
  unseen
  transport = local
r:
  driver = accept
  local_parts = a : b : unseen
  transport = local
@transports
smtp:
  driver = smtp
pipe:
  driver = pipe
local:
  driver = appendfile
  file = /dev/null
  user = mail
@run -bt one@test.ex
@run -bt gone@test.ex
@run -bt later@test.ex
@run -bt hole@test.ex cmd@test.ex file@test.ex
@run -bt nobody@test.ex
@run -bt unseen@test.ex
@run -bt x@far.test x@aonly.test x@nullmx.test x@nothing.test x@slow.test x@nosuch.test
@run -bt
a@test.ex
b@test.ex
@run -bv a@test.ex nobody@test.ex gone@test.ex later@test.ex one@test.ex
@run -bv -v a@test.ex nobody@test.ex
@run -bvs a@test.ex nobody@test.ex
@run -bt @@bad a
@run -bv @@bad a
@case bounces to a remote host
@serve 1224
220 server ready
RCPT TO:<bad@ => 550 no such user
@routers
r:
  driver = accept
  domains = far.test
  transport = smtp
l:
  driver = accept
  transport = local
@transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = 1224
  allow_localhost
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex bad@far.test good@far.test
Subject: x
To: bad@far.test

text
@case warning messages
@main
delay_warning = 1s
@routers
d:
  driver = redirect
  local_parts = d
  allow_defer
  data = :defer: not now
r:
  driver = accept
  transport = local
@run -odq -f s@test.ex d@test.ex
Subject: x

text
@sleep 2.1
@run -q
@case rewriting
@known -brw writes no time before its lines
@rewrite
*@old.test $1@test.ex
s@test.ex  sender@test.ex Ffr
*@bcc.test  x@test.ex  bT
@main
log_selector = +address_rewrite
@run -odi -f s@test.ex userx@old.test
From: S <s@test.ex>
To: userx@old.test, y@bcc.test (comment)
Cc: "Q" <q@old.test>
Subject: x

text
@run -brw s@test.ex
@run -brw u@old.test
@case retry rules shown
@retry
*@a.test  rcpt_4xx  F,1h,10m; G,16h,1h,1.5
b.test  *  F,2h,15m
@run -brt x@a.test
@run -brt b.test
@run -brt b.test refused
@run -brt c.test
@run -brt
@case headers added and removed by routers
@routers
r:
  driver = accept
  headers_add = X-R: $local_part\nX-S: 2
  headers_remove = Subject : X-Remove
  transport = local
@run -odi -f s@test.ex userx@test.ex
X-Remove: a
Subject: x

text
@case unseen and several routers
@routers
u:
  driver = accept
  unseen
  transport = copy
r:
  driver = accept
  transport = local
@transports
copy:
  driver = appendfile
  file = @DIR@/mail/copy
  create_file = anywhere
  user = mail
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex userx@test.ex
Subject: x

text
@case system options: hold, queue
@known Exim takes messages in any order
@main
hold_domains = held.test
queue_domains = queued.test
@run -odi -f s@test.ex a@held.test
Subject: x

text
@run -odi -f s@test.ex a@queued.test
Subject: x

text
@run -bp
@run -q
@run -bp
@case queue_only and -odq reasons
@main
queue_only
@run -f s@test.ex a@test.ex
Subject: x

text
@run -bp
@case freeze_tell
@known one line of the log has no message id
@main
freeze_tell = s@test.ex
@routers
f:
  driver = redirect
  local_parts = fr
  allow_freeze
  allow_defer
  data = :defer: x
m:
  driver = manualroute
  local_parts = self
  domains = test.ex
  route_list = * 127.0.0.1
  transport = smtp
r:
  driver = accept
  local_parts = s
  transport = local
@transports
smtp:
  driver = smtp
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex self@test.ex
Subject: x

text
@run -bp
