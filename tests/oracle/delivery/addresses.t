## answers about one address or one message
@case RCPT is refused for now
@serve 1224
220 server ready
RCPT TO:<a => 450 later
@run -odi -f s@test.ex a@far.test b@far.test
Subject: x

text
@run -bp
@clock 5m
@run -q
@clock 6m
@run -q
@clock 1h
@run -q
@case RCPT refused for now, another sender
@serve 1224
220 server ready
RCPT TO:<a => 450 later
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -odi -f other@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@case RCPT 4xx delays the address for one sender only
@serve 1224
220 server ready
RCPT TO:<a => 450 later
@run -odi -f s@test.ex a@far.test
Subject: x

text
@serve 1224
220 server ready
@run -odi -f other@test.ex a@far.test
Subject: x

text
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case RCPT 4xx, address_retry_include_sender is false
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  connection_max_messages = 1
  address_retry_include_sender = false
@serve 1224
220 server ready
RCPT TO:<a => 450 later
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -odq -f other@test.ex a@far.test
Subject: x

text
@run -q
@clock 11m
@serve 1224
220 server ready
@run -q
@case RCPT 5xx
@serve 1224
220 server ready
RCPT TO:<a => 550 nobody
RCPT TO:<b => 553 5.1.3 bad
@run -odi -f s@test.ex a@far.test b@far.test c@far.test
Subject: x

text
@case RCPT with several lines
@serve 1224
220 server ready
RCPT TO:<a => 550-nobody\n550-is here\n550 5.1.1 at all
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case MAIL refused for now
@serve 1224
220 server ready
MAIL => 451 4.7.1 greylisted
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -odi -f s@test.ex b@far.test
Subject: x

text
@clock 11m
@run -q
@clock 1h
@run -q
@case MAIL refused for good
@serve 1224
220 server ready
MAIL => 550 5.7.1 not you
@run -odi -f s@test.ex a@far.test b@far.test
Subject: x

text
@case DATA refused for now
@serve 1224
220 server ready
DATA => 451 later
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@clock 1h
@run -q
@case DATA refused for good
@serve 1224
220 server ready
DATA => 554 no
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case the message is refused for now
@serve 1224
220 server ready
. => 452 4.3.1 full
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 5m
@run -q
@clock 6m
@run -q
@clock 1h
@run -q
@case the message is refused for good
@serve 1224
220 server ready
. => 554 5.7.1 spam
@run -odi -f s@test.ex a@far.test b@far.test
Subject: x

text
@case message errors do not delay other messages
@serve 1224
220 server ready
. => 452 full
@run -odi -f s@test.ex a@far.test
Subject: x

text
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -q
@case a rule for senders
@retry
* * senders=: F,1h,30m
* * F,1h,10m
@serve 1224
220 server ready
RCPT => 450 later
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -odi -f <> a@far.test
Subject: x

text
@clock 11m
@run -q
@clock 20m
@run -q
@case a message older than the cut-off although others get through
@serve 1224
220 server ready
. => 452 full
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 30m
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@serve 1224
220 server ready
. => 452 full
@run -q
@clock 35m
@run -q
@case an address older than the cut-off although others get through
@serve 1224
220 server ready
RCPT TO:<a => 450 later
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 30m
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@serve 1224
220 server ready
RCPT TO:<a => 450 later
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 35m
@run -q
@case queued past the cut-off before the first attempt
@run -odq -f s@test.ex a@far.test
Subject: x

text
@clock 2h
@run -q
@case queued past the cut-off, address refused for now at the first attempt
@serve 1224
220 server ready
RCPT TO:<a => 450 later
@run -odq -f s@test.ex a@far.test
Subject: x

text
@clock 2h
@run -q
@clock 11m
@run -q
@case retry data expires
@main
retry_data_expire = 30m
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 31m
@run -q
@clock 31m
@run -q
@clock 11m
@run -q
@case a router defers
@routers
later:
  driver = redirect
  domains = far.test
  allow_defer
  data = :defer: not now
here:
  driver = accept
  transport = local
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -odi -f s@test.ex b@far.test
Subject: x

text
@clock 5m
@run -q
@clock 6m
@run -q
@clock 1h
@run -q
@case a router defers, retry_use_local_part
@routers
later:
  driver = redirect
  local_parts = a
  domains = far.test
  allow_defer
  retry_use_local_part
  data = :defer: not now
here:
  driver = accept
  transport = local
@retry
a@far.test * F,1h,20m
* * F,1h,10m
@run -odi -f s@test.ex a@far.test b@far.test
Subject: x

text
@clock 15m
@run -q
@clock 6m
@run -q
@case a mailbox over its quota
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = 1
smtp:
  driver = smtp
@retry
*@test.ex quota F,1h,20m
* * F,1h,10m
@run -odi -f <> u@test.ex
Subject: x

text
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@clock 15m
@run -q
@clock 6m
@run -q
@clock 1h
@run -q
@case a mailbox over its quota that nobody reads
@transports
local:
  driver = appendfile
  file = @DIR@/mail/${if eq{$local_part}{u}{full}{box}}
  create_file = anywhere
  user = mail
  quota = ${if eq{$local_part}{u}{200}{0}}
smtp:
  driver = smtp
@retry
*@test.ex quota_1h
*@test.ex quota F,7d,20m
* * F,1h,10m
@run -odi -f r@test.ex u@test.ex
Subject: x

text
@run -odi -f r@test.ex u@test.ex
Subject: x

text
@clock 21m
@run -q
@clock 1h
@run -q
@case a new message to a mailbox that an old one found full
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = 1
smtp:
  driver = smtp
@retry
*@test.ex quota F,1h,20m
* * F,1h,10m
@run -odq -f <> u@test.ex
Subject: x

text
@clock 2h
@run -q
@run -odq -f <> u@test.ex
Subject: x

text
@clock 30m
@run -q
@run -bp
@case a pipe command that fails for now
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
cmd:
  driver = accept
  transport = cmd
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
cmd:
  driver = pipe
  command = /bin/sh -c "echo sorry; exit 75"
  return_fail_output
  user = mail
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@clock 1h
@run -q
@case no such host
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
  self = send
@run -odi -f s@test.ex a@slow.test b@nothing.test c@nullmx.test d@badmx.test
Subject: x

text
@clock 5m
@run -q
@clock 6m
@run -q
@clock 1h
@run -q
@case lookup is a retry error
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
  self = send
@retry
* lookup F,2h,30m
* * F,2h,10m
@run -odi -f s@test.ex a@slow.test
Subject: x

text
@clock 11m
@run -q
@clock 20m
@run -q
@case the file of a transport cannot be expanded
@known such an address waits for its retry time like any other, and fails in the end (docs/differences.md)
@routers
r:
  driver = accept
  local_parts = u
  transport = broken
here:
  driver = accept
  transport = local
@transports
broken:
  driver = appendfile
  file = @DIR@/mail/${lookup{$local_part}lsearch{@DIR@/no.such.file}{$value}}
  user = mail
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -q
@clock 11m
@run -q
@clock 1h
@run -q
@run -bp
