## PRDR, ETRN, EXPN, SMTPUTF8, seen, queue, udpsend.
[config]
@HEAD@acl_smtp_rcpt = a_rcpt
acl_smtp_data_prdr = a_prdr
acl_smtp_data = a_data
acl_smtp_etrn = a_etrn
acl_smtp_expn = a_expn
acl_smtp_vrfy = accept
acl_smtp_helo = a_helo
prdr_enable
smtputf8_advertise_hosts = *
begin acl
a_helo:
  deny  condition = ${if eq{$sender_helo_name}{slash.test}}
        queue = a/b
  warn  condition = ${if eq{$sender_helo_name}{queue.test}}
        queue = slow
  accept
a_rcpt:
  deny  local_parts = udpbad
        udpsend = 127.0.0.1:foo:text
  deny  local_parts = udp
        udpsend = 127.0.0.1:9:text
        message = sent
  deny  local_parts = seen
        !seen = -0s / key=$local_part
        message = first
  deny  local_parts = seen
        seen = -0s / key=$local_part
        message = second
  deny  local_parts = since
        seen = 5m / key=$local_part
        message = seen since
  deny  local_parts = readonly
        seen = 5m / key=ro / readonly
  deny  local_parts = readonly
        !seen = 5m / key=ro / readonly
        message = never written
  deny  local_parts = write
        !seen = -1d / key=w / write
        seen = 1m/key=w
        message = written
  deny  local_parts = junk
        seen = ${if eq{a}{a}{junk}}
  deny  local_parts = option
        seen = ${if eq{a}{a}{5m / foo}}
  deny  local_parts = queue
        message = q=$queue_name
  warn  set acl_m_p = $acl_m_p $prdr_requested
  accept
a_prdr:
  deny  local_parts = bad
        message = no $local_part@$domain of $recipients_count
  defer local_parts = later
  deny  local_parts = coded
        message = 552 5.2.2 too much
  discard local_parts = hole
  drop  local_parts = drop
  accept local_parts = fine
        message = fine with me
  accept
a_data:
  deny  condition = ${if match{$h_subject:}{tell}}
        message = to $recipients, $prdr_requested$acl_m_p
  accept
a_etrn:
  deny  condition = ${if match{$smtp_command_argument}{no}}
  deny  condition = ${if match{$smtp_command_argument}{msg}}
        message = not you
  defer condition = ${if match{$smtp_command_argument}{later}}
  accept condition = ${if match{$smtp_command_argument}{fine}}
        message = fine
  accept
a_expn:
  deny  condition = ${if match{$smtp_command_argument}{secret}}
  accept
begin routers
aliases:
  driver = redirect
  data = ${if eq{$local_part}{list}{a@box.test, b@far.test}{${if eq{$local_part}{one}{two@box.test}}}}
hidden:
  driver = redirect
  local_parts = hidden
  no_expn
  data = secret@box.test
all:
  driver = accept
  transport = t
begin transports
t:
  driver = appendfile
  file = /dev/null
[session 192.0.2.1]
EHLO a.test
MAIL FROM:<x@far.test> PRDR
RCPT TO:<ok@box.test>
RCPT TO:<bad@box.test>
RCPT TO:<later@box.test>
RCPT TO:<coded@box.test>
RCPT TO:<drop@box.test>
RCPT TO:<fine@box.test>
DATA
Subject: tell

x
.
MAIL FROM:<x@far.test> PRDR
RCPT TO:<ok@box.test>
RCPT TO:<bad@box.test>
DATA
Subject: x

x
.
MAIL FROM:<x@far.test> PRDR
RCPT TO:<bad@box.test>
RCPT TO:<bad@box.test>
DATA
Subject: x

x
.
MAIL FROM:<x@far.test> PRDR
RCPT TO:<ok@box.test>
RCPT TO:<ok2@box.test>
DATA
Subject: x

x
.
MAIL FROM:<x@far.test> PRDR
RCPT TO:<bad@box.test>
DATA
Subject: tell

one recipient: no PRDR
.
MAIL FROM:<x@far.test>
RCPT TO:<bad@box.test>
RCPT TO:<later@box.test>
DATA
Subject: tell

not asked for
.
MAIL FROM:<x@far.test> PRDR
RCPT TO:<hole@box.test>
RCPT TO:<ok@box.test>
DATA
Subject: x

x
.
QUIT
[session 192.0.2.1]
EHLO a.test
MAIL FROM:<x@far.test> PRDR
RCPT TO:<ok@box.test>
RCPT TO:<bad@box.test>
BDAT 17 LAST
Subject: x

ab

QUIT
[session 192.0.2.1]
EHLO a.test
ETRN #no
ETRN #msg
ETRN #later
ETRN foo
ETRN #fine
ETRN #
MAIL FROM:<>
ETRN #x
QUIT
[session 192.0.2.1]
EHLO a.test
EXPN list
EXPN one@box.test
EXPN plain
EXPN far@far.test
EXPN hidden
EXPN secret
QUIT
[session 192.0.2.1]
EHLO a.test
MAIL FROM:<ä@bä.test> SMTPUTF8
RCPT TO:<ö@ß.test>
DATA
Subject: tell

x
.
MAIL FROM:<x@far.test> BODY=8BITMIME SMTPUTF8
RCPT TO:<ö@box.test>
QUIT
[session 192.0.2.1]
HELO slash.test
HELO a.test
MAIL FROM:<x@far.test>
RCPT TO:<queue@box.test>
RCPT TO:<udpbad@box.test>
RCPT TO:<udp@box.test>
RCPT TO:<seen@box.test>
RCPT TO:<seen@box.test>
RCPT TO:<since@box.test>
RCPT TO:<since@box.test>
RCPT TO:<readonly@box.test>
RCPT TO:<write@box.test>
RCPT TO:<junk@box.test>
RCPT TO:<option@box.test>
HELO queue.test
MAIL FROM:<x@far.test>
RCPT TO:<queue@box.test>
RSET
MAIL FROM:<x@far.test>
RCPT TO:<queue@box.test>
QUIT
