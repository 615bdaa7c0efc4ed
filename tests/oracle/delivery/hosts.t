## hosts that cannot be reached, break off or refuse everybody: retry times of hosts
@case refused, waits, tries again, times out, bounces
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -bp
@clock 5m
@run -q
@clock 6m
@run -q
@clock 1h
@run -q
@run -bp
@case refused, then the host comes back
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@serve 1224
220 server ready
@run -q
@run -bp
@case a second message while the host waits
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@run -bp
@case a new message after the host was given up
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 61m
@run -q
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 12m
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 12m
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case a new message after the host was given up, delay_after_cutoff is false
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
  delay_after_cutoff = false
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 61m
@run -q
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 2m
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case no retry rule at all
@retry
*@other.test * F,1h,10m
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case a rule without times
@retry
* refused_A
* * F,1h,10m
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case growing intervals
@retry
* * F,30m,10m; G,4h,20m,2
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@clock 11m
@run -q
@clock 11m
@run -q
@clock 21m
@run -q
@clock 21m
@run -q
@clock 41m
@run -q
@clock 2h
@run -q
@case rules by error name
@retry
* rcpt_4xx F,2h,50m
* mail_45x F,2h,40m
* data_4xx F,2h,30m
* lost_connection F,2h,20m
* refused_MX F,2h,5m
* refused_A F,2h,10m
* * F,2h,1m
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 9m
@run -q
@clock 2m
@serve 1224
220 server ready
MAIL => 450 not now
@run -q
@clock 39m
@run -q
@clock 2m
@serve 1224
220 server ready
RCPT => 450 not now
@run -q
@clock 49m
@run -q
@clock 2m
@serve 1224
220 server ready
@run -q
@case the greeting refuses for now
@serve 1224
421 busy
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@serve 1224
450 busy
@run -q
@clock 11m
@serve 1224
554 no
@run -q
@case the greeting is nonsense
@serve 1224
hello
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case closed at once
@serve 1224
CLOSE
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@case EHLO and HELO refused for now
@serve 1224
220 server ready
EHLO => 450 no
HELO => 450 no
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case EHLO refused, HELO taken
@serve 1224
220 server ready
EHLO => 502 no
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case EHLO and HELO refused for good
@serve 1224
220 server ready
EHLO => 550 no
HELO => 550 no
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case EHLO and HELO are 421
@known a server that says 421 is leaving and is not asked again (docs/differences.md)
@serve 1224
220 server ready
EHLO => 421 busy
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case closed after EHLO
@serve 1224
220 server ready
EHLO => CLOSE
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case closed after MAIL
@serve 1224
220 server ready
MAIL => CLOSE
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@case closed after RCPT
@serve 1224
220 server ready
RCPT => CLOSE
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case closed after DATA
@serve 1224
220 server ready
DATA => CLOSE
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case closed after the message
@serve 1224
220 server ready
. => CLOSE
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@clock 1h
@run -q
@case connection times out
@hold 1224
@retry
* timeout_connect_A F,1h,20m
* * F,1h,10m
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 15m
@run -q
@case no greeting
@serve 1224
SILENT
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case no answer to MAIL
@serve 1224
220 server ready
MAIL => SILENT
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@case no answer to RCPT
@serve 1224
220 server ready
RCPT => SILENT
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case no answer to DATA
@serve 1224
220 server ready
DATA => SILENT
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case no answer to the message
@serve 1224
220 server ready
. => SILENT
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case 421 to MAIL, RCPT, DATA and the message
@serve 1224
220 server ready
MAIL => 421 closing
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@serve 1224
220 server ready
RCPT => 421 closing
@run -q
@clock 11m
@serve 1224
220 server ready
DATA => 421 closing
@run -q
@clock 11m
@serve 1224
220 server ready
. => 421 closing
@run -q
@case TLS is required and not offered
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
  hosts_require_tls = *
@retry
* tls_required F,1h,20m
* * F,1h,10m
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 15m
@run -q
@case TLS is required and refused
@known the server's words are told as well
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
  hosts_require_tls = *
@serve 1224
220 server ready
EHLO => 250-server\n250 STARTTLS
STARTTLS => 454 not now
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case TLS is offered and refused
@serve 1224
220 server ready
EHLO => 250-server\n250 STARTTLS
STARTTLS => 454 not now
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case authentication is required
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
  hosts_require_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^u^p
@retry
* auth_failed F,1h,20m
* * F,1h,10m
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 15m
@run -q
@clock 6m
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN
AUTH => 535 wrong
@run -q
@clock 21m
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN
AUTH => 454 later
@run -q
@case several hosts, hosts_max_try
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = manualroute
  route_list = * 127.0.0.2:127.0.0.3:127.0.0.4
  self = send
  transport = smtp
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
  hosts_max_try = 2
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 1m
@run -q
@clock 11m
@serve 127.0.0.4:1224
220 four
@run -q
@case all hosts given up one after the other
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = manualroute
  route_list = * 127.0.0.2:127.0.0.3
  self = send
  transport = smtp
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 61m
@run -q
@case fallback_hosts
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
  fallback_hosts = 127.0.0.5
  allow_localhost
@serve 127.0.0.5:1224
220 five
@run -odi -f s@test.ex a@far.test
Subject: x

text
@unserve 127.0.0.5:1224
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@run -q
@clock 1h
@run -q
@case fallback_hosts get no more at once than the transport allows
@main
remote_max_parallel = 1
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  multi_domain = false
  fallback_hosts = 127.0.0.2::1225
  allow_localhost
  hosts_try_fastopen =
  connection_max_messages = 1
@serve 127.0.0.2:1225
220 server ready
@run -odi -f s@test.ex a@far.test b@other.test
Subject: x

text
@case fallback_hosts get what a server refuses for now
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
  fallback_hosts = 127.0.0.5
  allow_localhost
@serve 1224
220 server ready
RCPT TO:<b => 450 later
RCPT TO:<c => 550 never
@serve 127.0.0.5:1224
220 five
@run -odi -f s@test.ex a@far.test b@far.test c@far.test
Subject: x

text
@case -M, -qf and -R try in spite of the time
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -M $1
@run -qf
@run -R far
@run -q
