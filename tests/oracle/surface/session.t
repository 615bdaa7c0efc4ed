## SMTP dialogues: -bs, daemon with -oX, -bh
@case -bs, no ACL: RCPT refused
@run -bs
EHLO client.test
MAIL FROM:<a@b.test>
RCPT TO:<c@test.ex>
QUIT
@case -bs, accepted and delivered
@main
acl_smtp_rcpt = accept
@run -odi -bs
EHLO client.test
MAIL FROM:<a@b.test>
RCPT TO:<c@test.ex>
DATA
Subject: x

text
.
QUIT
@case -bs, HELO, NOOP, RSET, VRFY, EXPN, HELP, ETRN, unknown
@main
acl_smtp_rcpt = accept
@run -odi -bs
HELO client.test
NOOP
NOOP with words
RSET
VRFY postmaster
EXPN postmaster
HELP
ETRN some
TURN
FROB x
MAIL
QUIT
@case -bs, order of commands
@main
acl_smtp_rcpt = accept
@run -bs
RCPT TO:<c@test.ex>
DATA
MAIL FROM:<a@b.test>
MAIL FROM:<a@b.test>
DATA
RSET
DATA
EHLO
HELO
EHLO client.test
EHLO a b c
QUIT
@case -bs, malformed addresses
@main
acl_smtp_rcpt = accept
@run -bs
HELO client.test
MAIL FROM:a@b.test
RSET
MAIL FROM:<a b@c.test>
MAIL FROM:<@@x>
MAIL FROM:<>
RCPT TO:<>
RCPT TO:c@test.ex
RCPT TO:<unqualified>
RCPT TO:<postmaster>
RCPT TO:<a@b@c>
RCPT <x@y>
MAIL
RCPT
QUIT
@case -bs, ACL conditions and messages
@main
acl_smtp_mail = amail
acl_smtp_rcpt = arcpt
acl_smtp_data = adata
@acl
amail:
  deny senders = bad@sender.test
       message = I do not like $sender_address
       log_message = it is in the list
  defer senders = later@sender.test
  warn  senders = warned@sender.test
        log_message = noticed $sender_address
  accept
arcpt:
  deny local_parts = no
  deny local_parts = no2
       message = with text
  drop local_parts = dropme
       message = dropped
  defer local_parts = wait
       message = wait please
  warn local_parts = warn
       add_header = X-Warn: $local_part
       logwrite = written by $local_part
  discard local_parts = disc
          log_message = disc text
  deny local_parts = multi
       message = first line\nsecond line
  deny local_parts = code
       message = 553 5.1.1 own code
  accept domains = test.ex
  require message = relay not permitted
          condition = false
adata:
  deny condition = ${if match{$message_body}{virus}}
       message = contains a virus
       log_message = body matched
  accept
@run -odi -bs
HELO client.test
MAIL FROM:<bad@sender.test>
MAIL FROM:<later@sender.test>
MAIL FROM:<warned@sender.test>
RCPT TO:<no@test.ex>
RCPT TO:<no2@test.ex>
RCPT TO:<wait@test.ex>
RCPT TO:<warn@test.ex>
RCPT TO:<disc@test.ex>
RCPT TO:<multi@test.ex>
RCPT TO:<code@test.ex>
RCPT TO:<x@elsewhere.test>
RCPT TO:<ok@test.ex>
DATA
Subject: x

fine
.
MAIL FROM:<ok@sender.test>
RCPT TO:<ok@test.ex>
DATA
Subject: x

a virus here
.
MAIL FROM:<ok@sender.test>
RCPT TO:<disc@test.ex>
DATA
Subject: x

only discarded
.
MAIL FROM:<ok@sender.test>
RCPT TO:<dropme@test.ex>
NOOP
QUIT
@case daemon session, accepted
@main
acl_smtp_rcpt = accept
@daemon -oX 1225
@client 1225
EHLO client.test
MAIL FROM:<a@b.test> SIZE=100 BODY=8BITMIME
RCPT TO:<c@test.ex>
RCPT TO:<d@test.ex>
DATA
Subject: x
From: x@y.test

text
..dot
.
MAIL FROM:<a2@b.test>
RSET
QUIT
@wait Completed
@case daemon session, rejected and logged with host
@known the port of the client stands in the log, not in Received; a connection that has ended is not counted
@main
acl_smtp_rcpt = arcpt
acl_smtp_helo = ahelo
log_selector = +incoming_port +smtp_connection +smtp_no_mail +lost_incoming_connection +smtp_syntax_error +smtp_protocol_error
@acl
ahelo:
  deny condition = ${if eq{$sender_helo_name}{bad.test}}
       message = bad name
  accept
arcpt:
  deny local_parts = no
       message = $local_part is refused
       log_message = refused from $sender_host_address
  require verify = recipient
  accept
@routers
r:
  driver = accept
  local_parts = ok
  transport = local
@daemon -oX 1225
@client 1225
HELO bad.test
EHLO good.test
MAIL FROM:<a@b.test>
RCPT TO:<no@test.ex>
RCPT TO:<unknown@test.ex>
RCPT TO:<ok@test.ex>
FROB
DATA
Subject: x

text
.
QUIT
@wait Completed
@client 1225
EHLO good.test
QUIT
@client 1225
EHLO good.test
MAIL FROM:<a@b.test>
@case daemon, host lookup and connection ACL
@known the hosts file is asked too
@main
host_lookup = *
acl_smtp_connect = aconn
acl_smtp_rcpt = accept
@acl
aconn:
  deny hosts = 127.0.0.2
       message = go away $sender_host_address
  accept
@daemon -oX 1225
@client 1225 127.0.0.2
HELO x
@client 1225 127.0.0.3
HELO [127.0.0.3]
MAIL FROM:<a@b.test>
RCPT TO:<c@test.ex>
DATA
Subject: x

text
.
QUIT
@wait Completed
@case daemon, too many and errors
@main
acl_smtp_rcpt = accept
recipients_max = 2
smtp_max_unknown_commands = 2
smtp_accept_max_nonmail = 3
@daemon -oX 1225
@client 1225
HELO x.test
MAIL FROM:<a@b.test>
RCPT TO:<1@test.ex>
RCPT TO:<2@test.ex>
RCPT TO:<3@test.ex>
RSET
BAD1
BAD2
BAD3
BAD4
@client 1225
HELO x.test
NOOP
NOOP
NOOP
NOOP
NOOP
@client 1225
HELO x.test
MAIL FROM:<a@b
MAIL FROM:<a@b
MAIL FROM:<a@b
MAIL FROM:<a@b
MAIL FROM:<a@b
@case daemon, size limit
@main
acl_smtp_rcpt = accept
message_size_limit = 1000
@daemon -oX 1225
@client 1225
EHLO x.test
MAIL FROM:<a@b.test> SIZE=5000
MAIL FROM:<a@b.test>
RCPT TO:<1@test.ex>
DATA
Subject: x

0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
0123456789012345678901234567890123456789012345678901234567890123456789
.
QUIT
@case daemon, AUTH
@main
acl_smtp_rcpt = arcpt
@acl
arcpt:
  accept authenticated = *
  deny message = authentication required
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{u}}{eq{$auth3}{p}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{u}}{eq{$auth2}{p}}}}
  server_set_id = $auth1
@daemon -oX 1225
@client 1225
EHLO x.test
AUTH PLAIN AHUAcA==
AUTH PLAIN AHUAcA==
MAIL FROM:<a@b.test>
RCPT TO:<1@test.ex>
DATA
Subject: x

text
.
QUIT
@wait Completed
@client 1225
EHLO x.test
AUTH PLAIN AHUAeA==
AUTH FROB
AUTH PLAIN
*
AUTH LOGIN
dQ==
eA==
MAIL FROM:<a@b.test>
RCPT TO:<1@test.ex>
QUIT
@case daemon, sender verification
@main
acl_smtp_rcpt = arcpt
@acl
arcpt:
  require verify = sender
  require verify = recipient
  accept
@routers
f:
  driver = redirect
  local_parts = f
  allow_fail
  data = :fail: this one fails
d:
  driver = redirect
  local_parts = d
  allow_defer
  data = :defer: this one waits
r:
  driver = accept
  local_parts = ok
  transport = local
@daemon -oX 1225
@client 1225
HELO x.test
MAIL FROM:<unknown@test.ex>
RCPT TO:<ok@test.ex>
RSET
MAIL FROM:<f@test.ex>
RCPT TO:<ok@test.ex>
RCPT TO:<ok@test.ex>
RSET
MAIL FROM:<d@test.ex>
RCPT TO:<ok@test.ex>
RSET
MAIL FROM:<ok@test.ex>
RCPT TO:<f@test.ex>
RCPT TO:<d@test.ex>
RCPT TO:<nobody@test.ex>
RCPT TO:<ok@test.ex>
QUIT
@case daemon, pipelined without waiting
@main
acl_smtp_rcpt = accept
@daemon -oX 1225
@client 1225
EHLO x.test
... MAIL FROM:<a@b.test>
... RCPT TO:<1@test.ex>
DATA
@case daemon, synchronisation error
@known a disconnection is always told
@main
acl_smtp_rcpt = accept
@daemon -oX 1225
@client 1225
... HELO x.test
NOOP
@case -bh trace
@main
acl_smtp_rcpt = arcpt
acl_smtp_connect = aconn
domainlist local = test.ex : other.ex
hostlist relay = 192.0.2.0/24 : 10.0.0.1
addresslist bad = bad@sender.test : *@evil.test
@acl
aconn:
  accept hosts = +relay
  warn   log_message = not a relay
  accept
arcpt:
  deny senders = +bad
       message = no thanks
  accept domains = +local
         local_parts = ! no
  deny  message = relay not permitted
@run -bh 10.0.0.5
HELO client.test
MAIL FROM:<x@evil.test>
RCPT TO:<a@test.ex>
RSET
MAIL FROM:<ok@sender.test>
RCPT TO:<a@test.ex>
RCPT TO:<no@test.ex>
RCPT TO:<a@elsewhere.test>
DATA
Subject: x

text
.
QUIT
@case -bh from an address with a name
@main
host_lookup = *
acl_smtp_rcpt = accept
@run -bh 192.0.2.1
EHLO client.test
MAIL FROM:<x@evil.test>
QUIT
@case -bh with port and interface
@main
acl_smtp_rcpt = accept
@run -bh 192.0.2.9.1234 -oMi 192.0.2.2.25
HELO x
VRFY a@b
QUIT
@case -bh, bad address
@run -bh 300.1.1.1
@case transports to a server, all is well
@serve 1224
220 server ready
EHLO => 250-server\n250-SIZE 1000\n250-PIPELINING\n250 HELP
@routers
r:
  driver = accept
  transport = smtp
@transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = 1224
  allow_localhost
@run -odi -f s@test.ex a@far.test b@far.test
Subject: x

.dot
text
@case server refuses connection
@known the message log has one line more
@routers
r:
  driver = accept
  transport = smtp
@transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = 1224
  allow_localhost
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -bp
@run -q
@run -qf
@run -Mvl $1
@case server defers
@serve 1224
220 server ready
RCPT TO:<later@ => 451 try later
@routers
r:
  driver = accept
  transport = smtp
@transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = 1224
  allow_localhost
@run -odi -f s@test.ex later@far.test ok@far.test
Subject: x

text
@run -bp
@run -q
@case server defers at MAIL, DATA, after data
@serve 1224
220 server ready
MAIL FROM:<m@ => 450 mail waits
DATA => 354 go
. => 452 no room
@serve 1226
220 server ready
MAIL FROM:<m@ => 450 mail waits
@routers
r1:
  driver = accept
  domains = one.test
  transport = smtp
r2:
  driver = accept
  transport = smtp2
@transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = 1224
  allow_localhost
smtp2:
  driver = smtp
  hosts = 127.0.0.1
  port = 1226
  allow_localhost
@run -odi -f m@test.ex a@two.test
Subject: x

text
@run -odi -f s@test.ex a@one.test
Subject: x

text
@case server fails at banner, EHLO, MAIL
@serve 1224
554 no service
@serve 1226
220 hi
EHLO => 550 no ehlo
HELO => 550 no helo
@serve 1227
220 hi
MAIL => 550 not from you
@serve 1228
220 hi
DATA => 550 no data
@routers
l:
  driver = accept
  domains = test.ex
  transport = local
r:
  driver = accept
  address_data = ${extract{$domain}{a.test=1224 b.test=1226 c.test=1227 d.test=1228}}
  transport = smtp
@transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = $address_data
  allow_localhost
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex x@a.test
Subject: x

text
@run -odi -f s@test.ex x@b.test
Subject: x

text
@run -odi -f s@test.ex x@c.test
Subject: x

text
@run -odi -f s@test.ex x@d.test
Subject: x

text
@case server drops the connection
@serve 1224
220 hi
MAIL => CLOSE
@routers
r:
  driver = accept
  transport = smtp
@transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = 1224
  allow_localhost
@run -odi -f s@test.ex x@a.test
Subject: x

text
@case LMTP and hosts list with fallback
@serve 1224
220 hi
LHLO => 250-lm\n250 PIPELINING
@routers
r:
  driver = accept
  transport = smtp
@transports
smtp:
  driver = smtp
  protocol = lmtp
  hosts = 127.0.0.1
  port = 1224
  allow_localhost
@run -odi -f s@test.ex x@a.test
Subject: x

text
@case manualroute and dnslookup failures
@routers
d:
  driver = dnslookup
  domains = ! test.ex
  transport = smtp
  no_more
l:
  driver = accept
  transport = local
@transports
smtp:
  driver = smtp
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex x@nosuch.test
Subject: x

text
@run -odi -f s@test.ex x@nullmx.test
Subject: x

text
@run -odi -f s@test.ex x@slow.test
Subject: x

text
@run -odi -f s@test.ex x@badmx.test
Subject: x

text
@case queued by ACL, frozen by ACL, delayed
@main
acl_smtp_rcpt = arcpt
@acl
arcpt:
  warn local_parts = fr
       control = freeze
  warn local_parts = qu
       control = queue_only
  accept
@run -odi -bs
HELO x
MAIL FROM:<a@b.test>
RCPT TO:<fr@test.ex>
DATA
Subject: x

text
.
MAIL FROM:<a@b.test>
RCPT TO:<qu@test.ex>
DATA
Subject: x

text
.
QUIT
@run -bp
@case fakereject
@main
acl_smtp_rcpt = arcpt
@acl
arcpt:
  warn control = fakereject/not really
  accept
@run -odi -bs
HELO x
MAIL FROM:<a@b.test>
RCPT TO:<fr@test.ex>
DATA
Subject: x

text
.
QUIT
@case -bs with the details of a remote host
@known Exim takes no details with -bs
@main
acl_smtp_rcpt = accept
@run -odi -bs -oMa 192.0.2.7 -oMs name.test
EHLO client.test
MAIL FROM:<a@b.test>
RCPT TO:<c@test.ex>
DATA
Subject: x

text
.
QUIT
@case end of input
@main
acl_smtp_rcpt = accept
@run -odi -bs
EHLO client.test
MAIL FROM:<a@b.test>
RCPT TO:<c@test.ex>
DATA
Subject: x

no end
@run -odi -bs
EHLO client.test
MAIL FROM:<a@b.test>
@case headers checked
@known what is wrong with a header is told in other words
@main
acl_smtp_rcpt = accept
acl_smtp_data = ad
@acl
ad:
  require verify = header_syntax
  require verify = header_sender
  accept
@routers
r:
  driver = accept
  local_parts = ok
  transport = local
@run -odi -bs
HELO client.test
MAIL FROM:<ok@test.ex>
RCPT TO:<ok@test.ex>
DATA
From: ok@test.ex
To: @@bad

text
.
MAIL FROM:<ok@test.ex>
RCPT TO:<ok@test.ex>
DATA
From: unknown@test.ex

text
.
MAIL FROM:<ok@test.ex>
RCPT TO:<ok@test.ex>
DATA
From: ok@test.ex

text
.
QUIT
