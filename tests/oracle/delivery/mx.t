## hosts found by MX records: words of retry rules, the order of hosts, what goes together
@case refused, refused_MX and refused_A
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
@retry
* refused_A F,2h,5m
* refused_MX F,2h,20m
* * F,2h,1m
@run -odi -f s@test.ex a@one.test
Subject: x

text
@run -odi -f s@test.ex a@aonly.test
Subject: x

text
@clock 6m
@run -q
@clock 15m
@run -q
@serve 192.0.2.11:1224
220 mx1
@serve 192.0.2.20:1224
220 aonly
@clock 21m
@run -q
@case refused
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
@retry
* refused F,2h,20m
* * F,2h,1m
@run -odi -f s@test.ex a@one.test
Subject: x

text
@clock 6m
@run -q
@clock 15m
@run -q
@case no connection, timeout_connect_MX
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
@retry
* timeout_connect_A F,2h,5m
* timeout_connect_MX F,2h,20m
* * F,2h,1m
@hold 192.0.2.11:1224
@hold 192.0.2.20:1224
@run -odi -f s@test.ex a@one.test
Subject: x

text
@run -odi -f s@test.ex a@aonly.test
Subject: x

text
@clock 6m
@run -q
@clock 15m
@run -q
@case no connection, timeout_MX and timeout_A
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
@retry
* timeout_A F,2h,5m
* timeout_MX F,2h,20m
* * F,2h,1m
@hold 192.0.2.11:1224
@hold 192.0.2.20:1224
@run -odi -f s@test.ex a@one.test
Subject: x

text
@run -odi -f s@test.ex a@aonly.test
Subject: x

text
@clock 6m
@run -q
@clock 15m
@run -q
@case no answer, timeout_MX and timeout_A
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
@retry
* timeout_connect F,2h,2m
* timeout_A F,2h,5m
* timeout_MX F,2h,20m
* * F,2h,1m
@serve 192.0.2.11:1224
220 mx1
MAIL => SILENT
@serve 192.0.2.20:1224
220 aonly
MAIL => SILENT
@run -odi -f s@test.ex a@one.test
Subject: x

text
@run -odi -f s@test.ex a@aonly.test
Subject: x

text
@clock 6m
@run -q
@clock 15m
@run -q
@case the second MX takes it
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
@serve 192.0.2.12:1224
220 mx2
@run -odi -f s@test.ex a@far.test
Subject: x

text
@serve 192.0.2.11:1224
220 mx1
RCPT TO:<b => 450 not now
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -odi -f s@test.ex b@far.test
Subject: x

text
@case a backup MX gives to the better one alone
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
@run -odi -f s@test.ex a@second.test
Subject: x

text
@serve 192.0.2.11:1224
220 mx1
@clock 11m
@run -q
@case equal MX records, many recipients of one domain
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
@serve 0.0.0.0:1224
220 equal
@run -odi -f s@test.ex u0@equal.test u1@equal.test u2@equal.test u3@equal.test u4@equal.test u5@equal.test u6@equal.test u7@equal.test u8@equal.test u9@equal.test u10@equal.test u11@equal.test u12@equal.test u13@equal.test u14@equal.test u15@equal.test u16@equal.test u17@equal.test u18@equal.test u19@equal.test u20@equal.test u21@equal.test u22@equal.test u23@equal.test u24@equal.test u25@equal.test u26@equal.test u27@equal.test u28@equal.test u29@equal.test
Subject: x

text
@run -odi -f s@test.ex u0@equal.test u1@equal.test u2@equal.test u3@equal.test u4@equal.test u5@equal.test u6@equal.test u7@equal.test u8@equal.test u9@equal.test u10@equal.test u11@equal.test u12@equal.test u13@equal.test u14@equal.test u15@equal.test u16@equal.test u17@equal.test u18@equal.test u19@equal.test u20@equal.test u21@equal.test u22@equal.test u23@equal.test u24@equal.test u25@equal.test u26@equal.test u27@equal.test u28@equal.test u29@equal.test
Subject: x

text
@case equal MX records, two domains
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
  transport = smtp
@serve 0.0.0.0:1224
220 equal
@run -odi -f s@test.ex u0@equal.test u1@equals.test u2@equal.test u3@equals.test u4@equal.test u5@equals.test u6@equal.test u7@equals.test
Subject: x

text
@run -odi -f s@test.ex u0@equal.test u1@equals.test u2@equal.test u3@equals.test u4@equal.test u5@equals.test u6@equal.test u7@equals.test
Subject: x

text
@case equal MX records, two domains, multi_domain is false
@main
primary_hostname = myhost.test
qualify_domain = test.ex
remote_max_parallel = 1
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
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
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  multi_domain = false
@serve 0.0.0.0:1224
220 equal
@run -odi -f s@test.ex u0@equal.test u1@equals.test u2@equal.test u3@equals.test u4@equal.test u5@equals.test u6@equal.test u7@equals.test
Subject: x

text
@case equal MX records, max_rcpt
@main
primary_hostname = myhost.test
qualify_domain = test.ex
queue_run_in_order = true
remote_max_parallel = 1
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = dnslookup
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
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  max_rcpt = 3
@serve 0.0.0.0:1224
220 equal
@run -odi -f s@test.ex u0@equal.test u1@equal.test u2@equal.test u3@equal.test u4@equal.test u5@equal.test u6@equal.test
Subject: x

text
@case a shuffled list of hosts
@routers
far:
  driver = manualroute
  route_list = * 192.0.2.41:192.0.2.41:192.0.2.41
  hosts_randomize
  transport = smtp
@serve 0.0.0.0:1224
220 any
@run -odi -f s@test.ex u0@one.test u1@one.test u2@one.test u3@one.test u4@one.test u5@one.test
Subject: x

text
@case same_domain_copy_routing
@routers
far:
  driver = manualroute
  route_data = ${if match{$local_part}{[ac]}{127.0.0.2}{127.0.0.3}}
  self = send
  same_domain_copy_routing
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
@serve 127.0.0.2:1224
220 two
@serve 127.0.0.3:1224
220 three
@run -odi -f s@test.ex a@one.test b@one.test c@one.test
Subject: x

text
@case same_domain_copy_routing, a header is added
@routers
far:
  driver = manualroute
  route_data = ${if match{$local_part}{[ac]}{127.0.0.2}{127.0.0.3}}
  self = send
  same_domain_copy_routing
  headers_add = X-For: $local_part
  transport = smtp
@main
primary_hostname = myhost.test
qualify_domain = test.ex
remote_max_parallel = 1
@serve 127.0.0.2:1224
220 two
@serve 127.0.0.3:1224
220 three
@run -odi -f s@test.ex a@one.test b@one.test c@one.test
Subject: x

text
@case same_domain_copy_routing, children of an alias
@routers
alias:
  driver = redirect
  domains = test.ex
  data = a@one.test, b@one.test, c@two.test
  errors_to = owner@test.ex
far:
  driver = manualroute
  route_data = ${if match{$local_part}{[ac]}{127.0.0.2}{127.0.0.3}}
  self = send
  same_domain_copy_routing
  transport = smtp
@main
primary_hostname = myhost.test
qualify_domain = test.ex
remote_max_parallel = 1
@serve 127.0.0.2:1224
220 two
@serve 127.0.0.3:1224
220 three
@run -odi -f s@test.ex list@test.ex x@one.test
Subject: x

text
