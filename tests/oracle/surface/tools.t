## The small programs around the queue, and the options of -bp.
@case exim_dumpdb: hosts, recipients, domains and mailboxes that are waited for
@routers
closed:
  driver = manualroute
  domains = closed.test
  route_list = * 127.0.0.1 byname
  self = send
  transport = closed
smart:
  driver = manualroute
  domains = smart.test
  route_list = * 127.0.0.1 byname
  self = send
  transport = smart
defer:
  driver = redirect
  allow_defer
  domains = def.test
  data = :defer: later alligator
@transports
closed:
  driver = smtp
  port = 1229
smart:
  driver = smtp
  port = 1225
  hosts_avoid_tls = *
  hosts_try_chunking =
@serve 1225
220 ready
RCPT TO:<tmp => 451 4.2.1 wait
DATA => 452 no data
@run -odi -f s@test.ex a@closed.test
Subject: x

y
@run -odi -f s@test.ex tmp@smart.test
Subject: x

y
@run -odi -f s@test.ex d@def.test
Subject: x

y
@run -odi -f s@test.ex ok@smart.test
Subject: x

y
@tool exim_dumpdb @DIR@/spool retry
@tool exim_dumpdb -k @DIR@/spool retry
@tool exim_dumpdb -z @DIR@/spool retry
@tool exinext closed.test
@tool exinext a@closed.test
@tool exinext tmp@smart.test
@tool exinext nothing.test
@tool exinext other@nothing.test
@tool exinext 1abcde-000001-AB
@case exim_dumpdb: callouts, rates, what was seen
@acl
mail:
  warn ratelimit = 5/1h/strict/per_conn/key1
  warn ratelimit = 100 / 1d2h / leaky / some:key
  warn seen = -1h
  accept
rcpt:
  accept verify = recipient/callout=5s,defer_ok
@main
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
@routers
smart:
  driver = manualroute
  domains = smart.test
  route_list = * 127.0.0.1 byname
  self = send
  transport = smart
@transports
smart:
  driver = smtp
  port = 1225
  hosts_avoid_tls = *
@serve 1225
220 ready
RCPT TO:<bad => 550 no
@run -bs -oMa 192.0.2.7
EHLO c.test
MAIL FROM:<s@test.ex>
RCPT TO:<ok@smart.test>
RCPT TO:<bad@smart.test>
QUIT
@tool exim_dumpdb @DIR@/spool callout
@tool exim_dumpdb -k @DIR@/spool callout
@tool exim_dumpdb @DIR@/spool ratelimit
@tool exim_dumpdb @DIR@/spool seen
@case exim_dumpdb: bad arguments
@tool exim_dumpdb
@tool exim_dumpdb @DIR@/spool
@tool exim_dumpdb @DIR@/spool nonsense
@tool exim_dumpdb -x @DIR@/spool retry
@tool exim_dumpdb @DIR@/spool retry more
@case exim_lock
@file box
From x
@tool exim_lock
@tool exim_lock -x box
@tool exim_lock -interval
@tool exim_lock -retries 1 -v
@tool exim_lock box true
@tool exim_lock -v box true
@tool exim_lock -v box 'exit 3'
@tool exim_lock -q box 'exit 3'
@tool exim_lock -v -fcntl -flock box true
@tool exim_lock -v -lockfile box 'test -e box.lock'
@tool exim_lock -mbx -v box true
@tool exim_lock -mbx -lockfile box true
@tool exim_lock -restore-times box true
@tool exim_lock -retries 1 -interval 1 /nonexistent/x true
@tool exim_lock -fcntl /nonexistent/x true
@tool exim_lock -retries 0 box true
@tool exim_lock box true more
@case exim_lock: locked by somebody else
@file box
From x
@file box.lock
x
@file other
From x
@tool exim_lock -retries 2 -interval 0 box true
@tool exim_lock -v -retries 2 -interval 0 box true
@tool exim_lock -q -retries 2 -interval 0 box true
@tool exim_lock -q -fcntl other '@DIR@/tools/exim_lock -fcntl -retries 1 -interval 0 other true'
@tool exim_lock -q -flock other '@DIR@/tools/exim_lock -v -flock -retries 2 -interval 0 other true'
@tool exim_lock -q -flock other '@DIR@/tools/exim_lock -flock -timeout 1 -retries 1 other true'
@tool exim_lock -q -mbx other '@DIR@/tools/exim_lock -mbx -retries 1 -interval 0 other true'
@show box.lock
@case exim_dbmbuild
@file src
a: one
B:  two
 continued
# comment
"q uo\"ted": v
empty:
nocolon value
a: again

last: \n x
@file two
k: 1
K2: 2
@file one
one: 1
@tool exim_dbmbuild
@tool exim_dbmbuild src
@tool exim_dbmbuild -x src out
@tool exim_dbmbuild nosuch out
@tool exim_dbmbuild src src
@tool exim_dbmbuild src out
@tool exim_dbmbuild -nowarn src out
@tool exim_dbmbuild -noduperr src out
@tool exim_dbmbuild -noduperr -nowarn -lastdup src out
@run -be '${lookup{a}dbm{@DIR@/out}{$value}{no}} ${lookup{b}dbm{@DIR@/out}{$value}{no}}'
@run -be '${lookup{q uo"ted}dbm{@DIR@/out}{$value}{no}} ${lookup{empty}dbm{@DIR@/out}{<$value>}{no}}'
@run -be '${lookup{nocolon}dbm{@DIR@/out}{$value}{no}} ${lookup{last}dbm{@DIR@/out}{$value}{no}}'
@tool exim_dbmbuild two out
@run -be '${lookup{k}dbm{@DIR@/out}} ${lookup{k2}dbm{@DIR@/out}} ${lookup{k}dbmnz{@DIR@/out}{found}{not found}}'
@tool exim_dbmbuild -nolc -nozero two out
@run -be '${lookup{K2}dbmnz{@DIR@/out}} ${lookup{K2}dbm{@DIR@/out}{found}{not found}}'
@tool exim_dbmbuild one out
@tool exim_dbmbuild - out
x: y
@run -be '${lookup{x}dbm{@DIR@/out}}'
@case which of two ways to one mailbox, and in which order
@routers
fan:
  driver = redirect
  local_parts = fan : fan2
  data = x@test.ex, y@test.ex
fan3:
  driver = redirect
  local_parts = fan3
  data = a@test.ex, b@test.ex, c@test.ex
deep:
  driver = redirect
  local_parts = deep
  data = fan@test.ex, z@test.ex
l:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi x@test.ex fan@test.ex
Subject: 1
@run -odi fan@test.ex fan2@test.ex
Subject: 2
@run -odi deep@test.ex fan@test.ex x@test.ex
Subject: 3
@run -odi deep@test.ex fan3@test.ex
Subject: 4
@run -bt deep@test.ex fan3@test.ex
@case the words of an implicit deny
@main
acl_smtp_rcpt = ${extract{$sender_address_local_part}{s1=s1 s2=s2 s3=s3 s4=s4 s5=s5 s6=s6 s7=s7}}
@acl
s1:
  accept message = MSG
         log_message = LOGM
         verify = recipient
s2:
  accept verify = recipient
         condition = no
  warn verify = recipient
s3:
  deny local_parts = a
       message = MSG
       !verify = recipient
       condition = no
s4:
  require message = MSG
          condition = yes
s5:
  accept local_parts = a
         verify = recipient
  accept condition = no
s6:
  discard message = MSG
          condition = no
s7:
  accept acl = s8
s8:
  accept verify = recipient
@routers
x:
  driver = redirect
  allow_fail
  data = :fail: nobody here
@run -bs -oMa 192.0.2.7
EHLO c.test
MAIL FROM:<s1@test.ex>
RCPT TO:<a@test.ex>
RSET
MAIL FROM:<s2@test.ex>
RCPT TO:<a@test.ex>
RSET
MAIL FROM:<s3@test.ex>
RCPT TO:<a@test.ex>
RSET
MAIL FROM:<s4@test.ex>
RCPT TO:<a@test.ex>
RSET
MAIL FROM:<s5@test.ex>
RCPT TO:<a@test.ex>
RSET
MAIL FROM:<s6@test.ex>
RCPT TO:<a@test.ex>
RSET
MAIL FROM:<s7@test.ex>
RCPT TO:<a@test.ex>
QUIT
@case queue listings
@routers
all:
  driver = redirect
  allow_defer
  local_parts = wait
  data = :defer: wait
fan:
  driver = redirect
  local_parts = fan
  data = x@test.ex, wait@test.ex
l:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -f s@test.ex x@test.ex wait@test.ex fan@test.ex
Subject: x

y
@run -bpr
@run -bpra
@run -bpru
@run -odq -f <> wait@test.ex
Subject: bounce

y
@run -bp
@run -bpu
@run -bpa
@run -bpc
@run -bpx
