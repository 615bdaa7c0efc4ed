## warnings about delays
@case three warnings
@main
delay_warning = 30m:2h:6h
@retry
* * F,3d,10m
@routers
later:
  driver = redirect
  local_parts = d : e
  allow_defer
  data = :defer: not now
here:
  driver = accept
  local_parts = s : o : copies
  transport = local
@run -odi -f s@test.ex d@test.ex e@test.ex
Subject: A subject
Date: Thu, 1 Jan 2026 00:00:00 +0000
From: S <s@test.ex>
To: d@test.ex

text
@clock 29m
@run -q
@clock 2m
@run -q
@clock 11m
@run -q
@clock 2h
@run -q
@clock 4h
@run -q
@clock 4h
@run -q
@clock 3d
@run -q
@case no warning for lists and automatic mail
@main
delay_warning = 30m
@retry
* * F,3d,10m
@routers
later:
  driver = redirect
  local_parts = d : e
  allow_defer
  data = :defer: not now
here:
  driver = accept
  local_parts = s : o : copies
  transport = local
@run -odi -f s@test.ex d@test.ex
Precedence: bulk
Subject: x

text
@run -odi -f s@test.ex d@test.ex
Precedence: junk
Subject: x

text
@run -odi -f s@test.ex d@test.ex
Precedence: first-class
Subject: x

text
@run -odi -f s@test.ex d@test.ex
List-Id: <x>
Subject: x

text
@run -odi -f s@test.ex d@test.ex
Auto-Submitted: auto-generated
Subject: x

text
@run -odi -f s@test.ex d@test.ex
Auto-Submitted: no
Subject: x

text
@run -odi -f <> d@test.ex
Subject: x

text
@clock 31m
@run -q
@case delay_warning_condition
@main
delay_warning = 30m
delay_warning_condition = ${if match{$h_subject:}{quiet}{no}{yes}}
@retry
* * F,3d,10m
@routers
later:
  driver = redirect
  local_parts = d : e
  allow_defer
  data = :defer: not now
here:
  driver = accept
  local_parts = s : o : copies
  transport = local
@run -odi -f s@test.ex d@test.ex
Subject: quiet

text
@run -odi -f s@test.ex d@test.ex
Subject: loud

text
@clock 31m
@run -q
@case warn_message_file
@main
delay_warning = 30m
warn_message_file = @DIR@/warn
@retry
* * F,3d,10m
@file warn
Subject: Late: $warn_message_delay
X-Own: yes
****
Dear $warn_message_recipients,

your message $message_exim_id is late.
****
The end.
@routers
later:
  driver = redirect
  local_parts = d : e
  allow_defer
  data = :defer: not now
here:
  driver = accept
  local_parts = s : o : copies
  transport = local
@run -odi -f s@test.ex d@test.ex
Subject: x

text
@clock 31m
@run -q
@case a remote host is the reason
@main
delay_warning = 30m
@retry
* * F,3d,10m
@serve 1224
220 server ready
RCPT => 450 4.2.0 come back
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 31m
@run -q
@case a host that refuses is the reason
@main
delay_warning = 30m
@retry
* * F,3d,10m
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 31m
@run -q
@case a message queued while nobody ran the queue
@main
delay_warning = 1h
@retry
* * F,3d,10m
@routers
later:
  driver = redirect
  local_parts = d : e
  allow_defer
  data = :defer: not now
here:
  driver = accept
  local_parts = s : o : copies
  transport = local
@run -odq -f s@test.ex d@test.ex
Subject: x

text
@clock 10h
@run -q
@clock 30m
@run -q
@clock 40m
@run -q
@case what is told of an address whose retry time has not come
@main
delay_warning = 30m
@retry
* * F,3d,1h
@routers
later:
  driver = redirect
  local_parts = d
  allow_defer
  data = :defer: not now
broken:
  driver = accept
  local_parts = e
  transport = nowhere
here:
  driver = accept
  domains = test.ex
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
nowhere:
  driver = appendfile
  file = @DIR@/mail
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex d@test.ex e@test.ex
Subject: x

text
@clock 31m
@run -q
@show mail/box
@case DSN: delay wanted, not wanted, never
@known NOTIFY is obeyed for each recipient (docs/differences.md)
@main
delay_warning = 30m
dsn_advertise_hosts = *
acl_smtp_rcpt = ok
@acl
ok:
  accept
@retry
* * F,3d,10m
@routers
later:
  driver = redirect
  local_parts = d : e
  allow_defer
  data = :defer: not now
here:
  driver = accept
  local_parts = s : o : copies
  transport = local
@run -odi -bs
EHLO client.test
MAIL FROM:<s@test.ex> ENVID=env1 RET=HDRS
RCPT TO:<d@test.ex> NOTIFY=DELAY ORCPT=rfc822;orig@test.ex
RCPT TO:<e@test.ex> NOTIFY=FAILURE
DATA
Subject: dsn

text
.
MAIL FROM:<o@test.ex>
RCPT TO:<d@test.ex> NOTIFY=NEVER
DATA
Subject: dsn

text
.
QUIT
@clock 31m
@run -q
@clock 3d
@run -q
