## command-line modes and their messages
@case -be in many forms
@main
domainlist loc = a.test : b.test
@run -be
$primary_hostname $qualify_domain $tod_epoch_x
${lc:ABC} ${length_3:abcdef}
${if eq{a}{b}{y}{n}}
${lookup{x}lsearch{/nonexistent}}
${if match_domain{a.test}{+loc}{in}{out}}
$caller_uid $originator_uid $sender_address $sender_ident
$message_size $received_count $recipients_count
a\
  continued
@run -be 'a${uc:x}b' '$nosuch' '${nosuch:x}' '${if}'
@run -be
@run -bem @DIR@/msg '$h_subject: $message_body $sender_address $recipients'
@file msg
From: me@x.test
Subject: the subject

the body
@case macros on standard input of -be
@main
XX = yy
@run -be
AA=bb
AA XX
AA==cc
$acl_c_none AA
@run -be 'XX and XX' ZZ=3 ZZ
@run -DVV=w -be VV
@case options nobody knows
@run -bx
@run -Z
@run -oZ
@run -Mxx 1abcde-000001-AB
@run -q x
@run -odx
@run --foo
@run -h
@run -M
@run -Mvh
@run -Mrm xx
@run -Mvh xx
@case names and values of the configuration
@main
domainlist loc = a.test : b.test
hide message_size_limit = 10M
trusted_users = mail
@run -bP primary_hostname qualify_domain message_size_limit never_users_x
@run -bP +loc
@run -bP transport_list
@run -bP router_list
@run -bP macro _HAVE_TLS
@run -bP macro NOSUCH
@run -bP macro X
@run -n -bP primary_hostname
@run -bP spool_directory log_file_path
@case version with macro
@run -DXX=yes -bP macro XX
@case configuration errors: unknown option
@known the text of configuration errors is remex's own
@main
nosuch_option = 3
@run -bV
@run -bp
@case queue listing of nothing
@run -bp
@run -bpc
@run -bpr
@run -bpu
@run -q
@run -qf
@run -qff
@run -R x
@run -S x
@case listing of several messages
@known Exim lists messages of one second in any order
@run -odq -f s@test.ex userx@test.ex usery@test.ex
Subject: x

text
@run -odq -f <> userx@test.ex
Subject: x

text
@run -odq -f "quo ted"@test.ex userx@test.ex
Subject: x

text
@run -Mf $1
@run -bp
@run -bpr
@run -bpra
@run -bpru
@run -bpa
@run -bp $1
@run -bpc
@run -Mvb $1
@run -Mvc $1
@case header file of a message
@run -odq -f s@test.ex -oMa 192.0.2.1.44 -oMs name.test -oMr prot -oMt ident userx@test.ex usery@test.ex
Subject: x
X-Long: a
 b

text
@known the -H file of 4.96 has other lines than that of 4.99
@run -Mvh $1
@case -bi and options without effect
@run -bi
@run -odi -om -oo -m -U -ov -oem userx@test.ex
Subject: x

text
@case -odqs
@known Exim looks at the hosts of a transport before it leaves the address for a queue run
@routers
r:
  driver = accept
  domains = far.test
  transport = smtp
l:
  driver = accept
  transport = local
@transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = 1224
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
@run -odi -odqs -f s@test.ex a@far.test b@test.ex
Subject: x

text
@run -bp
@case daemon with queue runs, logged start
@daemon -oX 1225 -q10m
@wait End queue run
@stop
@case daemon lines for several ports
@main
daemon_smtp_ports = 1225 : 1226
local_interfaces = 127.0.0.1
@daemon
@wait daemon started
@stop
@case name in the syslog
@run -L tag -bP syslog_processname log_file_path
@run -Ltag -bP syslog_processname
@run -L
@run -L '' -be x
@run -L 12345678901234567890123456789012 -be x
@run -L 123456789012345678901234567890123 -be x
@case what describes a connection that is handed over
@run -MCA -MCD -MCK -MCP -MCS -MCT -be x
@run -MCd why -be x
@run -MCr sni -MCs sni -be x
@run -MCQ 1 2 -be x
@run -MCt 127.0.0.1 25 cipher -be x
@run -MCp 127.0.0.1 1 127.0.0.2 2 -be x
@run -MCGx -be x
@run -MCdx -be x
@run -MCX -be x
@run -MCd
@run -MCQ 1
@run -MCG
@run -MCt 1
@run -MC
@run -MC a b c
@run -MC a b c d notanid
@run -MC a b c d 1abcde-000001-AB f
@case a connection that is handed over
@known remex keeps connections inside one process and says so; Exim looks for a socket on standard input
@run -MC smtp h.test 127.0.0.1 2 1abcde-000001-AB
