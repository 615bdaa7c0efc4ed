## What -bh tells on standard error.
@case -bh: lists of every kind
@main
acl_smtp_rcpt = arcpt
acl_smtp_connect = aconn
acl_smtp_mail = amail
hostlist relay = 192.0.2.0/24 : 10.0.0.1
hostlist names = lsearch;@DIR@/tab : net24-lsearch;@DIR@/tab
domainlist dyn = $primary_hostname : b.c
domainlist_cache dync = $primary_hostname : b.c
localpartlist lps = abc : ^def : lsearch;@DIR@/tab
addresslist al = dom.test : *.sub.test : lsearch;@DIR@/tab : @@lsearch;@DIR@/tab : *@lsearch;@DIR@/tab
@file tab
abc: one
evil.test: x:y
@file hosts
192.0.2.1
@acl
aconn:
  warn hosts = +relay
  warn hosts = +relay : !+relay
  warn hosts = <; +relay ; ::1
  warn hosts = *
       !hosts = *
  warn hosts =
  warn hosts = !@DIR@/hosts
  warn hosts = +names
  accept
amail:
  warn senders = +al
  warn senders = :
  warn senders = a@b : ! *@c
  warn sender_domains = +dyn : +dync
  warn sender_domains = +dyn : +dync
  warn sender_domains = @ : @[] : @mx_any : ^a : lsearch;@DIR@/tab
  accept
arcpt:
  warn domains = +dyn : +dync
  warn domains = +dyn : +dync
  warn local_parts = +lps
  warn !local_parts = +lps
  warn recipients = a@b : +al
  accept
@run -bh 192.0.2.1
HELO client.test
MAIL FROM:<a@x.sub.test>
RCPT TO:<abc@test.ex>
RSET
MAIL FROM:<y@evil.test>
RCPT TO:<definite@b.c>
QUIT
@run -bh 10.0.0.5
HELO client.test
MAIL FROM:<a@b>
RCPT TO:<x@evil.test>
QUIT
@case -bh: named lists that are remembered, lists in expansions, lists of routers
@main
acl_smtp_rcpt = arcpt
domainlist local = test.ex : b.c
domainlist both = +local : c.d
addresslist al = *@b.c
localpartlist lp = a : b
@acl
arcpt:
  warn domains = +both
  warn domains = +local
  warn sender_domains = +local
  warn sender_domains = +local
  warn senders = +al
  warn senders = +al
  warn recipients = +al
  warn recipients = +al
  warn local_parts = +lp
  warn local_parts = +lp
  warn condition = ${if match_domain{$domain}{+local}}
  warn condition = ${if match_ip{10.0.0.1}{10.0.0.0/8}}
  warn condition = ${if match_address{a@b.c}{+al}}
  accept verify = recipient
@routers
r1:
  driver = accept
  domains = ! +local
  transport = local
r2:
  driver = redirect
  domains = +local
  local_parts = al
  data = x@test.ex
r3:
  driver = redirect
  domains = +both
  senders = +al
  local_parts = dc
  data =
r4:
  driver = accept
  condition = ${if eq{$local_part}{zz}{no}{yes}}
  domains = +local
  local_parts = +lp : dc : al : zz
  transport = local
r5:
  driver = dnslookup
  domains = !+local
  transport = local
  ignore_target_hosts = 127.0.0.0/8
@run -bh 10.0.0.5
HELO x
MAIL FROM:<q@b.c>
RCPT TO:<a@test.ex>
RCPT TO:<a@c.d>
RCPT TO:<al@test.ex>
RCPT TO:<dc@test.ex>
RCPT TO:<zz@test.ex>
QUIT
@case -bh: verbs, messages, nested ACLs, verification
@main
acl_smtp_rcpt = arcpt
acl_smtp_connect = aconn
acl_smtp_helo = ahelo
acl_smtp_mail = amail
acl_smtp_data = adata
acl_smtp_etrn = aetrn
hostlist ff = !@DIR@/hf
hostlist relay = 192.0.2.0/24 : 10.0.0.1
hostlist named = far.test : *.test
hostlist names2 = lsearch;@DIR@/tab : net24-lsearch;@DIR@/tab : net-iplsearch;@DIR@/tab
localpartlist lps = abc : ^def : lsearch;@DIR@/tab
domainlist dyn = $primary_hostname : b.c
domainlist_cache dync = $primary_hostname : b.c
addresslist al = dom.test : *.sub.test : lsearch;@DIR@/tab : @@lsearch;@DIR@/tab : *@lsearch;@DIR@/tab : @@partial-lsearch;@DIR@/tab
auth_advertise_hosts = 10.0.0.0/8
prdr_enable
dsn_advertise_hosts = *
@authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
@file hf
10.0.0.5
@file tab
abc: one
evil.test: x:y
@acl
aconn:
  warn hosts = +ff : +relay
  accept
ahelo:
  accept
amail:
  accept
arcpt:
  accept local_parts = ep
     endpass
     message = nope
     log_message = logged $local_part
     condition = no
  accept local_parts = vr
     endpass
     verify = recipient
  accept local_parts = dny
     acl = sub
  deny local_parts = vs
     !verify = sender
  deny local_parts = er3
     condition = maybe
  warn local_parts = msg
    message = X-Hdr: y
    log_message = lm
    set acl_m1 = $local_part
    set acl_m_abc = ${lc:ABC}
    control = queue_only
    control = submission/sender_retain
    add_header = :at_start:X: Y
    remove_header = A:B
    delay = 2s
    logwrite = :main,reject: zz
    authenticated = *
  warn encrypted = *
       condition = 1
  warn acl = sub a b
  drop local_parts = drp
  require local_parts = req
    message = req msg
  accept local_parts = req
  discard
sub:
  deny condition = false
       message = no $acl_arg1
  deny local_parts = dny
       message = sub says no
       log_message = sub logs no
  warn acl = sub2
  accept
sub2:
  warn message = x: y
    condition = ${if eq{a}{a}}
adata:
  accept verify = header_syntax
aetrn:
  deny
@routers
r1:
  driver = redirect
  local_parts = f
  allow_fail
  data = :fail: gone
r2:
  driver = redirect
  local_parts = d
  allow_defer
  data = :defer: later
r3:
  driver = accept
  domains = test.ex : b.c
  local_parts = ! nobody
  condition = yes
  transport = local
@run -bh 10.0.0.5
EHLO bad
EXPN f
ETRN f
MAIL FROM:<f@test.ex>
RCPT TO:<ep@test.ex>
RCPT TO:<vr@test.ex>
RCPT TO:<vr@nosuch.ex>
RCPT TO:<f@test.ex>
RSET
MAIL FROM:<good@test.ex>
RCPT TO:<vs@b.c>
RCPT TO:<d@b.c>
RSET
MAIL FROM:<>
RCPT TO:<vs@evil.test>
RCPT TO:<dny@test.ex>
RCPT TO:<er2@test.ex>
RCPT TO:<msg@test.ex>
RSET
MAIL FROM:<a@x.sub.test>
RCPT TO:<req@test.ex>
DATA
Subject: x

text
.
QUIT
