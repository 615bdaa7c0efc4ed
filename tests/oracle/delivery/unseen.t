## What goes two ways: the one that is finished is not gone again when the other one is tried again.
@case an unseen copy of a recipient, delivered once
@routers
copy:
  driver = accept
  domains = test.ex
  unseen
  transport = local
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex a@test.ex
Subject: x

text
@clock 11m
@run -q
@serve 1224
220 server ready
@clock 11m
@run -q
@case two unseen copies, behind an alias of the same name
@routers
alias:
  driver = redirect
  local_parts = a
  data = a@test.ex
one:
  driver = accept
  domains = test.ex
  unseen
  transport = local
two:
  driver = accept
  domains = test.ex
  unseen
  transport = local2
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
local2:
  driver = appendfile
  file = @DIR@/mail/box2
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
@run -odi -f s@test.ex a@test.ex
Subject: x

text
@clock 11m
@run -q
@serve 1224
220 server ready
@clock 11m
@run -q
