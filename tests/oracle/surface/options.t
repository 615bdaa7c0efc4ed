## options of the command line, one by one
@case -bnq: addresses are not qualified
@run -bnq -odi -f s@test.ex userx
Subject: x

text
@run -bnq -odi -f s userx@test.ex
From: me
To: you, other@test.ex
Subject: x

text
@run -bnq -odi -t -f s@test.ex
To: userx
Cc: usery@test.ex

text
@run -bnq -odi -f s@test.ex userx@test.ex usery
Subject: x

text
@show mail/box
@case -bvs, -bv: verification of senders and recipients
@routers
s:
  driver = accept
  senders = x@test.ex
  local_parts = x
  transport = local
v:
  driver = redirect
  local_parts = v
  verify_only
  data = :blackhole:
ns:
  driver = accept
  local_parts = ns
  no_verify_sender
  transport = local
nr:
  driver = accept
  local_parts = nr
  no_verify_recipient
  transport = local
f:
  driver = redirect
  allow_fail
  allow_defer
  local_parts = f : d
  data = ${if eq{$local_part}{f}{:fail: gone}{:defer: later}}
a:
  driver = redirect
  local_parts = al : al2
  data = ${if eq{$local_part}{al}{nr@test.ex}{a@test.ex, b@test.ex}}
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  user = mail
@run -bv v@test.ex ns@test.ex nr@test.ex f@test.ex d@test.ex al@test.ex al2@test.ex x@test.ex
@run -bvs v@test.ex ns@test.ex nr@test.ex f@test.ex d@test.ex al@test.ex al2@test.ex
@run -bvs
ns@test.ex
nr@test.ex
f
@run -bvs -v ns@test.ex al@test.ex
@run -bv -f x@test.ex x@test.ex
@run -bt -f x@test.ex x@test.ex
@run -bv <>
@run -bvs <>
@run -bv a@b@c
@run -bvs @
@run -bv 'F <v@test.ex>'
@run -bv
@run -bt -v v@test.ex nr@test.ex
@case -brw: addresses, headers and envelope
@known what is wrong with an address is told in other words, and a second one is looked at
@rewrite
*@old.test $1@new.test frs
*@all.test $1@every.test
*@env.test $1@envelope.test FT
*@head.test "Fred <$1@header.test>" hw
*@quit.test $1@old.test q
*@rep.test $1@rep2.test R
@run -brw
@run -brw u@old.test
@run -brw u@all.test v@env.test
@run -brw 'F <u@head.test>'
@run -brw u@quit.test
@run -brw u@rep.test
@run -brw u
@run -brw @
@run -brw ''
@run -brw 'a b'
@run -brw u@none.test
@run -brw <u@all.test>
@run -brw 'u@all.test, w@all.test'
@run -brw '<>'
@case -brt: which rule
@retry
a.test refused_A F,1h,5m
a.test refused F,1h,6m
a.test timeout_connect G,2h,10m,1.5
a.test timeout F,3h,1h
a.test quota_3d F,5h,1h
a.test quota F,6h,1h
a.test auth_failed F,7h,1h
a.test rcpt_4xx F,8h,1h
a.test rcpt_452 F,9h,1h
a.test data_45x F,10h,1h
a.test mail_4xx F,11h,1h
a.test lost_connection F,12h,1h
a.test lookup F,13h,1h
a.test tls_required F,14h,1h
x@c.test * F,1h,10m; G,2d,1h,1.5; F,4d,6h
c.test * F,1d,1h
^d\d+\.test * F,2h,20m
h.test * 
* * F,2h,15m; F,5d,6h
@run -brt
@run -brt a.test refused_A
@run -brt a.test refused_MX
@run -brt a.test refused
@run -brt a.test timeout_connect
@run -brt a.test timeout_connect_MX
@run -brt a.test timeout
@run -brt a.test quota_4d
@run -brt a.test quota_1d
@run -brt a.test quota
@run -brt a.test auth_failed
@run -brt a.test nosuch
@run -brt a.test rcpt_5xx
@run -brt x@c.test
@run -brt z@c.test
@run -brt d12.test
@run -brt h.test
@run -brt u@e.test
@run -brt x
@run -brt x@y z
@run -brt A.TEST refused
@run -brt a.test a.test a.test
@case -brt without rules
@retry

@run -brt a.test
@case -bhc and -bh
@main
primary_hostname = myhost.test
qualify_domain = test.ex
acl_smtp_rcpt = rcpt
acl_smtp_mail = mail
@acl
mail:
  accept
rcpt:
  require verify = recipient/callout=5s,no_cache
  accept
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
@serve 1224
220 server here
RCPT TO:<bad => 550 no such user
@run -bhc
@run -bhc x
@run -bh 1.2.3.4.5.6
@run -bh 10.0.0.1.1234
QUIT
@run -bh ::1
QUIT
@run -bh [10.0.0.1]
QUIT
@run -bh 10.0.0.1 -oMi 10.0.0.2.25
HELO x
QUIT
@run -bh 10.0.0.1 -oMa 10.0.0.3
HELO x
QUIT
@case -odqs and -odq over -bs
@main
acl_smtp_rcpt = accept
@run -odqs -f s@test.ex userx@test.ex
Subject: x

text
@wait Completed
@run -odq -bs
HELO x
MAIL FROM:<a@b.test>
RCPT TO:<b@test.ex>
DATA
Subject: x

text
.
QUIT
@run -bp
@run -q
@run -bp
@case -R and -S with letters
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -Rff userx
@run -bpc
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -Rr 'y@'
@run -bpc
@run -Rr '^user[x]@'
@run -bpc
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -Sr '^two'
@run -bpc
@run -Sr '^ONE'
@run -bpc
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -Sf two
@run -Srf t.o
@run -Sff one
@run -bpc
@run -R
@run -S
@run -Rr
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -R userx -S two
@run -bpc
@run -R userx -S one
@run -bpc
@run -Rx userx
@run -qR userx
@run -qqR userx
@case -q in all forms
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -qi
@run -bpc
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -qif
@run -bpc
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -ql
@run -bpc
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -qfl
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -qqf
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -qqff
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -qqil
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -qffl
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -q $1
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -q $1 $1
@run -bpc
@run -q x
@run -q 1abcde-000001-AB x
@run -qx
@run -q-1
@run -q0
@run -qq5x
@run -qfi
@run -qlf
@run -qff5
@case -oM: values that are none
@run -oMa x -be x
@run -oMa
@run -oMa 1.2.3.4.x -be x
@run -oMa 1.2.3.4.99999 -be '$sender_host_address $sender_host_port'
@run -oMa [1.2.3.4]:25 -be '$sender_host_address $sender_host_port'
@run -oMa 1:2::3.25 -be '$sender_host_address $sender_host_port'
@run -oMi 1.2.3.4.25 -be '$received_ip_address $received_port $interface_address $interface_port'
@run -oMi x -be x
@run -oMs a.b -be '$sender_host_name $sender_fullhost'
@run -oMr xx -be '$received_protocol'
@run -oMr xx -oMr yy -be '$received_protocol'
@run -oMaa xx -be '$sender_host_authenticated'
@run -oMai xx -be '$authenticated_id'
@run -oMas a@b -be '$authenticated_sender'
@run -oMm 1abcde-000001-AB -be '$message_id'
@run -oMm x -be x
@run -oMm
@run -oMx y
@run -oM
@run -oMz
@run -pxx -be '$received_protocol <$sender_host_name>'
@run -pxx:host.test -be '$received_protocol <$sender_host_name>'
@run -p
@case -oM for an untrusted sender and others
@run -odi -oMa 1.2.3.4 -oMs h.test -oMt id -oMr proto -oMai me -oMas me@x.test -oMaa auth -oMi 5.6.7.8.99 userx@test.ex
Subject: x

text
@run -odi -pproto:h.test userx@test.ex
Subject: x

text
@run -odi -oMm 1abcde-000001-AB userx@test.ex
Subject: x

text
@show mail/box
@case -bem
@file msg
Received: from a by b
From: me@x.test
To: you@x.test
Subject: the
 subject
X-One: 1
X-One: 2

the body
second line
@run -bem @DIR@/msg '$h_subject:' '$bh_subject:' '$h_x-one:' '$message_body' '$message_size $body_linecount' '$h_from: $h_to: $h_cc: $reply_address'
@run -bem @DIR@/msg -f s@x.test '$sender_address' '$recipients_count'
@run -bem @DIR@/msg
$h_subject:
$message_body
@run -bem
@run -bem /nonexistent x
@run -bem @DIR@ x
@case -ps, -pd, -or, -os and friends without effect
@run -ps -be x
@run -pd -be x
@run -or 10s -be x
@run -or10s -be x
@run -or x -be x
@run -or
@run -os 5m -be x
@run -os5m -be x
@run -osx -be x
@run -os
@run -h 3 -be x
@run -h3 -be x
@run -h
@run -n -be x
@run -n
@run -O x -be x
@run -Ox -be x
@run -B8BITMIME -be x
@run -B 8BITMIME -be x
@run -B
@run -U -be x
@run -G -be x
@run -m -be x
@run -e -be x
@run -ee -be x
@run -x -be x
@run -X x -be x
@run -X
@run -A6 -be x
@run -Am -be x
@run -Ac -be x
@run -A x -be x
@run -om -be x
@run -oo -be x
@run -oitrue -be x
@run -oi -be x
@run -oB -be x
@run -oB 3 -be x
@run -oB3 -be x
@run -oBx -be x
@run -oY -be x
@run -ov -be x
@run -oxx -be x
@run -o -be x
@run -oee -be x
@run -oex -be x
@run -oA x -be x
@run -oA
@run -t -i -be x
@run -ti -be x
@run -tx
@run -N -be x
@run -F x -be x
@run -Fx -be '$originator_uid'
@run -F
@run -f
@run -r x@y -be '$sender_address'
@run -rx@y -be '$sender_address'
@run -f '' -be '<$sender_address>'
@run -f '<>' -be '<$sender_address>'
@run -v -be x
@run -d-all -be x
@run -dx
@run -C
@run -D
@run -DX
@run -Dx=y -be x
@run -DXX=y -be XX
@run -D=y
@run -DXX=1 -DXX=2 -be x
@run -z
@run -z 'a line' x
@run -z a line
@run -bi x
@case -bi with a command
@main
bi_command = /bin/echo
@run -bi
@run -bi -oA x
@run -bi -oAx
@run -bi x
@case -Mset and names of queues
@run -odq -f one@test.ex userx@test.ex
Subject: x

text
@run -Mset $1 -be '$sender_address $h_subject: $message_exim_id'
@run -Mset
@run -Mset xx -be x
@run -MCG other -be '$queue_name'
@case -N and -n
@run -N -odi -f one@test.ex userx@test.ex
Subject: x

text
@run -n -bP primary_hostname qualify_domain
@run -n -bP local_parts
@case -bf and -bF
@file f
# Exim filter
if $h_subject: contains "x" then
  save /tmp/x
  finish
endif
deliver a@b.test
@file m
From: me@x.test
To: you@x.test
Subject: an x

body
@run -bf @DIR@/f
From me@y.test Mon Jan 01 10:00:00 2020
Subject: none

text
@run -bF @DIR@/f
Subject: an x

text
@run -bf
@run -bf /nonexistent
Subject: x

text
@run -bf @DIR@/f -bfd dom.test -bfl loc -bfp pre -bfs suf
Subject: x

text
@run -bfd
@run -bfx y
