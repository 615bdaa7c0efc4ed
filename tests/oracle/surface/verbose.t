## what -v tells of deliveries
@case -v of a delivery over SMTP
@routers
r1:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 2525
  hosts_try_fastopen =
@serve 2525
220 server
EHLO => 250-server\n250 SIZE
@run -odi -v -f s@x.test userx@test.ex
Subject: one

body
@run -odq -f s@x.test userx@test.ex
Subject: two

body
@run -v -M $1
@run -odq -f s@x.test userx@test.ex
Subject: three

body
@run -v -q
@run -odq -f s@x.test userx@test.ex
Subject: four

body
@run -qv
@case -v of refused recipients and PIPELINING
@known Exim sends QUIT behind the dot, before the answer
@routers
r1:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 2525
  hosts_try_fastopen =
@serve 2525
220 server
EHLO => 250-server\n250-PIPELINING\n250 SIZE
RCPT TO:<no => 550 no such user
RCPT TO:<later => 450 not now
@run -odi -v -f s@x.test yes@test.ex no@test.ex later@test.ex
Subject: one

body
@case -v of local deliveries and of one that waits
@routers
r0:
  driver = redirect
  local_parts = many
  data = a@test.ex, b@test.ex, /dev/null, |/bin/cat
  pipe_transport = pipe
  file_transport = file
  user = mail
r1:
  driver = accept
  local_parts = userx : a : b
  transport = local
r2:
  driver = redirect
  local_parts = wait
  data = :defer: not now
r3:
  driver = redirect
  local_parts = no
  data = :fail: nobody
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
pipe:
  driver = pipe
  return_fail_output
file:
  driver = appendfile
@run -odi -v -f s@x.test userx@test.ex
Subject: one

body
@run -odi -v -f s@x.test userx@test.ex wait@test.ex
Subject: two

body
@run -odi -v -f s@x.test many@test.ex
Subject: three

body
@run -odi -v -f a@test.ex no@test.ex
Subject: four

body
@case -v of hosts that cannot be reached
@known what hosts said is logged when the delivery is over
@routers
r1:
  driver = manualroute
  route_list = * 127.0.0.1:127.0.0.2
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 2525
  hosts_try_fastopen =
@run -odi -v -f s@x.test yes@test.ex
Subject: one

body
@run -v -q
@run -v -qf
@serve 127.0.0.2:2525
220 server
@run -v -qf
@case -v of one host that cannot be reached
@routers
r1:
  driver = manualroute
  route_list = * 127.0.0.2
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 2525
  hosts_try_fastopen =
@run -odi -v -f s@x.test yes@test.ex
Subject: one

body
@run -v -q
@serve 127.0.0.2:2525
220 server
@run -v -qf
@case -v of a server without EHLO, one that refuses the session and one that closes
@routers
r1:
  driver = manualroute
  route_list = a.ex 127.0.0.1 ; b.ex 127.0.0.2; c.ex 127.0.0.3; d.ex 127.0.0.4
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 2525
  hosts_try_fastopen =
@serve 127.0.0.1:2525
220 server
EHLO => 500 what
@serve 127.0.0.2:2525
554 go away
@serve 127.0.0.3:2525
220 server
MAIL => 451-not\n451 now
@serve 127.0.0.4:2525
220-two\n220 lines
DATA => CLOSE
@run -odi -v -f s@x.test a@a.ex
Subject: one

body
@run -odi -v -f s@x.test a@b.ex
Subject: one

body
@run -odi -v -f s@x.test a@d.ex
Subject: one

body
@case -v of a server that defers the sender
@known what hosts said is logged when the delivery is over
@routers
r1:
  driver = manualroute
  route_list = a.ex 127.0.0.1 ; b.ex 127.0.0.2; c.ex 127.0.0.3; d.ex 127.0.0.4
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 2525
  hosts_try_fastopen =
@serve 127.0.0.1:2525
220 server
EHLO => 500 what
@serve 127.0.0.2:2525
554 go away
@serve 127.0.0.3:2525
220 server
MAIL => 451-not\n451 now
@serve 127.0.0.4:2525
220-two\n220 lines
DATA => CLOSE
@run -odi -v -f s@x.test a@c.ex
Subject: one

body
@case -v with -t and -odq
@run -odi -v -t -f s@x.test
To: userx@test.ex
Subject: one

body
@run -odq -v -f s@x.test userx@test.ex
Subject: one

body
@case -v with -bS
@known Exim tells lines that the selector keeps out of the log, too
@run -odi -v -bS
MAIL FROM:<s@x.test>
RCPT TO:<userx@test.ex>
DATA
Subject: one

body
.
@case -v of a server with CHUNKING
@known the server knows no BDAT, so what it answers to the text comes when it comes
@routers
r1:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 2525
  hosts_try_fastopen =
@serve 2525
220 server
EHLO => 250-server\n250-CHUNKING\n250 SIZE
@run -odi -v -f s@x.test userx@test.ex
Subject: one

body
@case -v of a login
@routers
r1:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 2525
  hosts_try_fastopen =
  hosts_try_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^me^secret
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : me : secret
@serve 2525
220 server
EHLO => 250-server\n250 AUTH PLAIN LOGIN
AUTH PLAIN => 535 no
AUTH LOGIN => 334 VXNlcm5hbWU6
bWU= => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 yes
@run -odi -v -f s@x.test userx@test.ex
Subject: one

body
@case /dev/null in redirections
@routers
r0:
  driver = redirect
  local_parts = many
  data = a@test.ex, /dev/null
  file_transport = file
  user = mail
r0b:
  driver = redirect
  local_parts = alone
  data = /dev/null
  file_transport = file
  user = mail
r0c:
  driver = redirect
  local_parts = twice
  data = many@test.ex, alone@test.ex
r0d:
  driver = redirect
  local_parts = waits
  data = /dev/null, later@test.ex
  file_transport = file
  user = mail
r0e:
  driver = redirect
  local_parts = later
  data = :defer: not now
r1:
  driver = accept
  local_parts = a
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
file:
  driver = appendfile
@run -odi -f s@x.test many@test.ex
Subject: three

body
@run -odi -f s@x.test alone@test.ex
Subject: three

body
@run -odi -f s@x.test twice@test.ex alone@test.ex
Subject: three

body
@run -odi -f s@x.test waits@test.ex
Subject: three

body
@run -qf
@run -bt many@test.ex alone@test.ex
@run -bv alone@test.ex
@case /dev/null in a system filter
@main
primary_hostname = myhost.test
qualify_domain = test.ex
system_filter = @DIR@/filter
system_filter_user = mail
system_filter_file_transport = file
@file filter
# Exim filter
if $h_subject: is "gone" then
save /dev/null
endif
if $h_subject: is "both" then
unseen save /dev/null
endif
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
file:
  driver = appendfile
@run -odi -f s@x.test many@test.ex
Subject: gone

body
@run -odi -f s@x.test many@test.ex
Subject: both

body
