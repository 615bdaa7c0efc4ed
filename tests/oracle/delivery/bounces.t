## bounces
@case several reasons in one bounce
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@serve 1224
220 server ready
RCPT TO:<a => 550 5.1.1 nobody
RCPT TO:<b => 450 later
@run -odi -f s@test.ex bad@test.ex worse@test.ex a@far.test b@far.test
Subject: hello there
From: S <s@test.ex>

text
@case errors_to of a router
@routers
bad:
  driver = redirect
  local_parts = bad
  allow_fail
  data = :fail: no such person
list:
  driver = redirect
  local_parts = list
  data = a@far.test, bad@test.ex
  errors_to = o@test.ex
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@serve 1224
220 server ready
RCPT => 550 nobody
@run -odi -f s@test.ex list@test.ex
Subject: x

text
@case errors_to is empty
@routers
list:
  driver = redirect
  local_parts = list
  data = a@far.test
  errors_to =
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@serve 1224
220 server ready
RCPT => 550 nobody
@run -odi -f s@test.ex list@test.ex
Subject: x

text
@case errors_copy
@main
errors_copy = s@test.ex copies@test.ex : *@other.test o@test.ex
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex bad@test.ex
Subject: x

text
@case bounce_message_file
@main
bounce_message_file = @DIR@/bounce
@file bounce
Subject: Sorry $bounce_recipient
X-Own: yes
****
Dear $bounce_recipient,

it went wrong.
****
Texts:
****
The copy:
****
Too large, only the headers (limit $bounce_return_size_limit):
****
Final words.
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex bad@test.ex
Subject: x

text
@case bounce_return_size_limit
@known the headers are returned, Exim cuts the body (docs/differences.md)
@main
bounce_return_size_limit = 1K
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex bad@test.ex
Subject: long

line 0 of a text that is longer than the limit
line 1 of a text that is longer than the limit
line 2 of a text that is longer than the limit
line 3 of a text that is longer than the limit
line 4 of a text that is longer than the limit
line 5 of a text that is longer than the limit
line 6 of a text that is longer than the limit
line 7 of a text that is longer than the limit
line 8 of a text that is longer than the limit
line 9 of a text that is longer than the limit
line 10 of a text that is longer than the limit
line 11 of a text that is longer than the limit
line 12 of a text that is longer than the limit
line 13 of a text that is longer than the limit
line 14 of a text that is longer than the limit
line 15 of a text that is longer than the limit
line 16 of a text that is longer than the limit
line 17 of a text that is longer than the limit
line 18 of a text that is longer than the limit
line 19 of a text that is longer than the limit
line 20 of a text that is longer than the limit
line 21 of a text that is longer than the limit
line 22 of a text that is longer than the limit
line 23 of a text that is longer than the limit
line 24 of a text that is longer than the limit
line 25 of a text that is longer than the limit
line 26 of a text that is longer than the limit
line 27 of a text that is longer than the limit
line 28 of a text that is longer than the limit
line 29 of a text that is longer than the limit
line 30 of a text that is longer than the limit
line 31 of a text that is longer than the limit
line 32 of a text that is longer than the limit
line 33 of a text that is longer than the limit
line 34 of a text that is longer than the limit
line 35 of a text that is longer than the limit
line 36 of a text that is longer than the limit
line 37 of a text that is longer than the limit
line 38 of a text that is longer than the limit
line 39 of a text that is longer than the limit
@case bounce_return_size_limit is 0
@main
bounce_return_size_limit = 0
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex bad@test.ex
Subject: long

line 0
line 1
line 2
line 3
line 4
line 5
line 6
line 7
line 8
line 9
line 10
line 11
line 12
line 13
line 14
line 15
line 16
line 17
line 18
line 19
line 20
line 21
line 22
line 23
line 24
line 25
line 26
line 27
line 28
line 29
line 30
line 31
line 32
line 33
line 34
line 35
line 36
line 37
line 38
line 39
@case bounce_return_body is false
@main
bounce_return_body = false
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex bad@test.ex
Subject: x

text
@case bounce_return_message is false
@known 4.96 returns the message all the same
@main
bounce_return_message = false
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex bad@test.ex
Subject: x

text
@case bounce_return_linesize_limit
@known lines over the limit: the body is left out, Exim cuts it (docs/differences.md)
@main
bounce_return_linesize_limit = 50
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex bad@test.ex
Subject: long line

xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
@case bounce_sender_authentication and bounce_message_text
@main
bounce_sender_authentication = mailer@test.ex
bounce_message_text = Ask the help desk.
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex bad@test.ex
Subject: x

text
@case dsn_from
@main
dsn_from = Postmaster <post@$qualify_domain>
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f s@test.ex bad@test.ex
Subject: x

text
@case DSN: success, failure, never
@known NOTIFY is obeyed for each recipient, and RFC 3461 says relayed (docs/differences.md)
@main
dsn_advertise_hosts = *
acl_smtp_rcpt = ok
@acl
ok:
  accept
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@serve 1224
220 server ready
RCPT TO:<b => 550 nobody
@run -odi -bs
EHLO client.test
MAIL FROM:<s@test.ex> ENVID=env1 RET=FULL
RCPT TO:<o@test.ex> NOTIFY=SUCCESS ORCPT=rfc822;orig@test.ex
RCPT TO:<a@far.test> NOTIFY=SUCCESS,FAILURE
RCPT TO:<b@far.test> NOTIFY=FAILURE ORCPT=rfc822;b@far.test
RCPT TO:<bad@test.ex> NOTIFY=NEVER
DATA
Subject: dsn

text
.
MAIL FROM:<s@test.ex> RET=HDRS
RCPT TO:<bad@test.ex> NOTIFY=FAILURE
DATA
Subject: dsn2

text
.
QUIT
@case DSN passed on to a server that knows it
@main
dsn_advertise_hosts = *
acl_smtp_rcpt = ok
@acl
ok:
  accept
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@serve 1224
220 server ready
EHLO => 250-server\n250 DSN
@run -odi -bs
EHLO client.test
MAIL FROM:<s@test.ex> ENVID=env1 RET=FULL
RCPT TO:<a@far.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;orig@test.ex
DATA
Subject: dsn

text
.
QUIT
@case a message that timed out
@serve 1224
220 server ready
RCPT => 450 4.2.0 later
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 61m
@run -q
@case the copy keeps its headers, lines and dots
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -oi -f s@test.ex bad@test.ex
Subject: a long
 folded subject
X-8bit: ä
From: s@test.ex

.leading dot
ä
end
@case bounces to a sender far away
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@serve 1224
220 server ready
@run -odi -f u@far.test bad@test.ex
Subject: x

text
@case a list with an address that fails and one that waits: one bounce
@routers
list:
  driver = redirect
  domains = test.ex
  local_parts = list
  data = gone@test.ex, wait@far.test, nobody@nowhere.test
gone:
  driver = redirect
  domains = test.ex
  local_parts = gone
  allow_fail
  data = :fail: moved away
far:
  driver = manualroute
  domains = far.test
  route_list = * 127.0.0.1
  self = send
  transport = smtp
here:
  driver = accept
  domains = test.ex
  transport = local
@run -odi -f s@test.ex list@test.ex
Subject: x

text
@run -bp
@clock 11m
@run -q
@clock 11m
@run -q
@serve 1224
220 server ready
@clock 11m
@run -q
@run -bp
