## Verbs, messages, codes, conditions, nested ACLs.
[config]
@HEAD@acl_smtp_connect = a_connect
acl_smtp_helo = a_helo
acl_smtp_mail = a_mail
acl_smtp_rcpt = a_rcpt
acl_smtp_data = a_data
acl_smtp_vrfy = a_vrfy
domainlist ours = box.test : second.test
hostlist friends = @DIR@/hosts
addresslist bad = bad@* : *@evil.test : ^.*\N\d{6}@\N
begin acl
a_connect:
  deny  message = go away $sender_host_address
        hosts = 203.0.113.0/24
  defer message = come again
        hosts = 198.51.100.7
  warn  set acl_c_seen = connect
  accept
a_helo:
  drop  message = no such name
        condition = ${if eq{$sender_helo_name}{evil}}
  accept
a_mail:
  deny  message = 553 sender <$sender_address> is not welcome
        senders = +bad
  deny  senders = : late@far.test
        !hosts = +friends
  require message = too big
        condition = ${if <{$message_size}{10000}{yes}{no}}
  accept
sub:
  deny  message = sub says $acl_arg1
        condition = ${if eq{$acl_arg1}{no}}
  accept
a_rcpt:
  deny  message = 571 with code
        local_parts = coded
  deny  message = 451 wrong class
        local_parts = class
  defer message = 452 4.5.3 slow down
        local_parts = slow
  deny  local_parts = silent
  defer local_parts = later
  drop  message = that was it
        local_parts = dropped
  deny  message = line one\nline two
        local_parts = lines
  discard local_parts = hole
  require message = sub failed
          set acl_m_word = ${if eq{$local_part}{sub}{no}{yes}}
          acl = sub $acl_m_word
  accept local_parts = ended
        endpass
        message = endpass failed
        domains = second.test
  deny  message = count $rcpt_count
        condition = ${if >{$rcpt_count}{6}}
  accept domains = +ours
        message = accepted for $domain
  accept hosts = +friends
        domains = relay.test
  deny  log_message = only in the log
        domains = logged.test
  deny  message = seen $acl_c_seen helo $sender_helo_name at $sender_host_address
a_data:
  deny  message = no subject
        condition = ${if eq{$h_subject:}{}}
  deny  message = contains ${uc:$h_x-word:}
        condition = ${if def:h_x-word:}
  accept
a_vrfy:
  accept local_parts = u
  deny  message = no secrets

[session 192.0.2.1]
EHLO client.test
MAIL FROM:<x@far.test>
RCPT TO:<u@box.test>
RCPT TO:<coded@box.test>
RCPT TO:<class@box.test>
RCPT TO:<slow@box.test>
RCPT TO:<silent@box.test>
RCPT TO:<later@box.test>
RCPT TO:<lines@box.test>
RCPT TO:<hole@box.test>
RCPT TO:<sub@box.test>
RCPT TO:<ended@box.test>
RCPT TO:<ended@second.test>
RCPT TO:<x@relay.test>
RCPT TO:<x@logged.test>
RCPT TO:<x@other.test>
RCPT TO:<dropped@box.test>
QUIT

[session 192.0.2.1]
HELO client.test
MAIL FROM:<bad@far.test>
MAIL FROM:<x@evil.test>
MAIL FROM:<a123456@far.test>
MAIL FROM:<late@far.test>
MAIL FROM:<>
RCPT TO:<u@box.test>
QUIT

[session 192.0.2.77]
EHLO c
MAIL FROM:<late@far.test>
RSET
MAIL FROM:<x@far.test> SIZE=20000
MAIL FROM:<x@far.test> SIZE=200
RCPT TO:<u@box.test>
QUIT

[session 198.51.100.1]
HELO c
MAIL FROM:<>
MAIL FROM:<late@far.test>
MAIL FROM:<ok@far.test>
RCPT TO:<x@relay.test>
RCPT TO:<x@other.test>
QUIT

[session 203.0.113.9]
HELO c
QUIT

[session 198.51.100.7]
HELO c
QUIT

[session 192.0.2.1]
HELO evil
MAIL FROM:<x@far.test>

[session 192.0.2.1]
HELO client.test
MAIL FROM:<x@far.test>
RCPT TO:<u@box.test>
DATA
From: x@far.test

no subject
.
MAIL FROM:<x@far.test>
RCPT TO:<u@box.test>
DATA
Subject: fine
X-Word: evil

body
.
MAIL FROM:<x@far.test>
RCPT TO:<u@box.test>
DATA
Subject: fine

..body
.
QUIT

[session 192.0.2.1]
HELO client.test
MAIL FROM:<x@far.test>
RCPT TO:<hole@box.test>
DATA
Subject: into the hole

body
.
QUIT
