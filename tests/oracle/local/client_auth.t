## A client that authenticates to a server: which mechanism it takes, and what it does when it is refused.
@case XOAUTH2
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  client_send = "user=me@test.ex\001auth=Bearer token\001\001"
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN XOAUTH2
AUTH => 235 welcome
@send 10 a@far.test
@case XOAUTH2 is refused as Google does, with a challenge first
@known the exchange is ended with an asterisk before QUIT
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  client_send = "user=me@test.ex\001auth=Bearer token\001\001"
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN XOAUTH2
AUTH => 334 eyJzdGF0dXMiOiI0MDEifQ==
MAIL => 530 authenticate
QUIT => 221 bye
* => 501 cancelled
 => 535 5.7.8 not accepted
@send 10 a@far.test
@case XOAUTH2 is refused with a challenge, and something else is tried
@known the exchange is ended with an asterisk before QUIT
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  client_send = "user=me@test.ex\001auth=Bearer token\001\001"
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH XOAUTH2 PLAIN
AUTH XOAUTH2 => 334 eyJzdGF0dXMiOiI0MDEifQ==
AUTH PLAIN => 235 welcome
* => 535 cancelled
@send 10 a@far.test
@case EXTERNAL
@known an empty initial response is sent as such (RFC 4954 4)
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
external:
  driver = external
  public_name = EXTERNAL
  client_send = ${if eq{$sender_address}{s@test.ex}{bob}{}}
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH EXTERNAL
AUTH => 235 welcome
@send 10 a@far.test
@run -odi -f <> a@far.test
Subject: x

text
@case EXTERNAL is refused, PLAIN is taken
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
external:
  driver = external
  public_name = EXTERNAL
  client_send = ${if eq{$sender_address}{s@test.ex}{bob}{}}
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN EXTERNAL
AUTH EXTERNAL => 535 no
AUTH PLAIN => 235 welcome
@send 10 a@far.test
@case EXTERNAL asks for the name
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
external:
  driver = external
  public_name = EXTERNAL
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH EXTERNAL
AUTH => 334 
MAIL => 250 OK
RCPT => 250 OK
DATA => 354 go
QUIT => 221 bye
 => 235 welcome
@send 10 a@far.test
@case PLAIN is refused, LOGIN is taken
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH LOGIN PLAIN
AUTH PLAIN => 535 5.7.8 no
AUTH LOGIN => 334 VXNlcm5hbWU6
Ym9i => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case the order is that of the configuration
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN LOGIN
AUTH PLAIN => 535 5.7.8 no
AUTH LOGIN => 334 VXNlcm5hbWU6
Ym9i => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case all refuse, authentication is tried
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH LOGIN PLAIN
AUTH PLAIN => 535 5.7.8 no
AUTH LOGIN => 504 no such
@send 10 a@far.test
@case all refuse, authentication is required
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH LOGIN PLAIN
AUTH PLAIN => 535 5.7.8 no
AUTH LOGIN => 504 no such
@send 10 a@far.test
@case all refuse, and a retry rule makes that final
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@retry
* auth_failed
* * F,1h,10m
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN
AUTH PLAIN => 535 5.7.8 no
@send 10 a@far.test
@case refused for now
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH LOGIN PLAIN
AUTH PLAIN => 454 4.7.0 later
AUTH LOGIN => 334 VXNlcm5hbWU6
Ym9i => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case an answer of no known kind
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN
AUTH PLAIN => 299 hm
@send 10 a@far.test
@case the connection is closed at AUTH
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN
AUTH PLAIN => CLOSE
@send 10 a@far.test
@case no answer to AUTH
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN
AUTH PLAIN => SILENT
@send 10 a@far.test
@case nothing that both know, authentication is tried
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_auth = *
@authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  client_name = bob
  client_secret = secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH LOGIN PLAIN
@send 10 a@far.test
@case nothing that both know, authentication is required
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  client_name = bob
  client_secret = secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH LOGIN PLAIN
@send 10 a@far.test
@case AUTH is not offered, authentication is required
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250 server
@send 10 a@far.test
@case an expansion that is forced to fail
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ${if eq{1}{2}{x}fail}
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN LOGIN
AUTH LOGIN => 334 VXNlcm5hbWU6
Ym9i => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case an expansion that fails
@known the option is named, where Exim shows its text
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ${lookup{x}lsearch{@DIR@/nosuchfile}}
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN LOGIN
AUTH LOGIN => 334 VXNlcm5hbWU6
Ym9i => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case client_condition
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_condition = ${if eq{$host}{other}}
  client_send = ^bob^secret
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN LOGIN
AUTH LOGIN => 334 VXNlcm5hbWU6
Ym9i => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case LOGIN that is given up in its middle
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : ${if eq{1}{2}{x}fail}
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN LOGIN
AUTH PLAIN => 235 welcome
* => 501 cancelled
AUTH LOGIN => 334 VXNlcm5hbWU6
Ym9i => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case more challenges than there are answers
@known the exchange is ended with an asterisk before QUIT
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN LOGIN
AUTH PLAIN => 235 welcome
* => 501 cancelled
AUTH LOGIN => 334 VXNlcm5hbWU6
Ym9i => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case challenges that are not base64
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN LOGIN
AUTH PLAIN => 235 welcome
AUTH LOGIN => 334 User Name:
* => 501 cancelled
Ym9i => 334 UGFzc3dvcmQ6
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case challenges that are not base64, and do not matter
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : bob : secret
  client_ignore_invalid_base64
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^bob^secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN LOGIN
AUTH LOGIN => 334 User Name:
Ym9i => 334 Password:
c2VjcmV0 => 235 welcome
@send 10 a@far.test
@case two circumflexes are one, and the identity is sent along
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
  authenticated_sender = ${if eq{$sender_address}{s@test.ex}{auth-id@test.ex}}
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^b^^ob^s^^ecret^^
  client_set_id = bob-$host
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH PLAIN
AUTH => 235 welcome
@send 10 a@far.test
@case CRAM-MD5
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
  hosts_avoid_tls = *
  command_timeout = 2s
  final_timeout = 2s
  hosts_require_auth = *
@authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  client_name = bob
  client_secret = secret
@serve 1224
220 server ready
EHLO => 250-server\n250 AUTH CRAM-MD5
AUTH => 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+
MAIL => 250 OK
RCPT => 250 OK
DATA => 354 go
QUIT => 221 bye
 => 235 welcome
@send 10 a@far.test
