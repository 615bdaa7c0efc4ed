## options of the smtp transport and of all transports, as the other side sees them
@case max_rcpt
@main
primary_hostname = myhost.test
qualify_domain = test.ex
remote_max_parallel = 1
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  max_rcpt = 2
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test b@far.test c@far.test d@near.test e@far.test
Subject: x

text
@case max_rcpt is 0
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  max_rcpt = 0
@serve 1224
220 server ready
@run -odi -f s@test.ex u0@far.test u1@far.test u2@far.test u3@far.test u4@far.test u5@far.test u6@far.test u7@far.test u8@far.test u9@far.test u10@far.test u11@far.test u12@far.test u13@far.test u14@far.test u15@far.test u16@far.test u17@far.test u18@far.test u19@far.test u20@far.test u21@far.test u22@far.test u23@far.test u24@far.test u25@far.test u26@far.test u27@far.test u28@far.test u29@far.test u30@far.test u31@far.test u32@far.test u33@far.test u34@far.test u35@far.test u36@far.test u37@far.test u38@far.test u39@far.test u40@far.test u41@far.test u42@far.test u43@far.test u44@far.test u45@far.test u46@far.test u47@far.test u48@far.test u49@far.test u50@far.test u51@far.test u52@far.test u53@far.test u54@far.test u55@far.test u56@far.test u57@far.test u58@far.test u59@far.test u60@far.test u61@far.test u62@far.test u63@far.test u64@far.test u65@far.test u66@far.test u67@far.test u68@far.test u69@far.test u70@far.test u71@far.test u72@far.test u73@far.test u74@far.test u75@far.test u76@far.test u77@far.test u78@far.test u79@far.test u80@far.test u81@far.test u82@far.test u83@far.test u84@far.test u85@far.test u86@far.test u87@far.test u88@far.test u89@far.test u90@far.test u91@far.test u92@far.test u93@far.test u94@far.test u95@far.test u96@far.test u97@far.test u98@far.test u99@far.test u100@far.test u101@far.test u102@far.test u103@far.test u104@far.test u105@far.test u106@far.test u107@far.test u108@far.test u109@far.test u110@far.test u111@far.test u112@far.test u113@far.test u114@far.test u115@far.test u116@far.test u117@far.test u118@far.test u119@far.test
Subject: x

text
@case helo_data
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  helo_data = ${if eq{$host}{127.0.0.1}{from-$sending_ip_address.test}{other.test}}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case helo_data is forced to fail
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  helo_data = ${if eq{1}{2}{x}fail}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case helo_data cannot be expanded
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  helo_data = ${lookup{x}lsearch{/nonexistent}}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case interface
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  interface = ${if eq{$host_address}{127.0.0.1}{<; ::1 ; 127.0.0.7}{}}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case interface is forced to fail
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  interface = ${if eq{$host_address}{x}{127.0.0.7}fail}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case interface is empty
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  interface = ${if eq{$host_address}{192.0.2.1}{127.0.0.7}{}}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case interface that is none
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  interface = ::1
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case interface of another family
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  interface = <; ::1
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case interface that is not here
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  interface = 203.0.113.9
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case message_linelength_limit
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  message_linelength_limit = 30
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

123456789012345678901234567890
@run -odi -f s@test.ex a@far.test
Subject: x

1234567890123456789012345678901
@run -odi -f s@test.ex a@far.test
Subject: a header that is longer than the limit

text
@case message_linelength_limit, its default
@serve 1224
220 server ready
@run -odi -f <> a@far.test
Subject: x

xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
@run -odi -f <> a@far.test
Subject: x

xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
@case return_path
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  return_path = bounces+${local_part:$return_path}=$local_part@test.ex
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case return_path is empty
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  return_path =
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case return_path is forced to fail
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  return_path = ${if eq{1}{2}{x}fail}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case return_path cannot be expanded
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  return_path = ${lookup{x}lsearch{/nonexistent}}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case return_path of a mailbox
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  return_path = other@test.ex
  return_path_add
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case rcpt_include_affixes
@routers
far:
  driver = manualroute
  local_part_prefix = abc-
  local_part_suffix = +*
  local_part_suffix_optional
  route_list = * 127.0.0.1
  self = send
  transport = ${if eq{$domain}{far.test}{smtp}{plain}}
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  rcpt_include_affixes
plain:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
@serve 1224
220 server ready
@run -odi -f s@test.ex abc-xyz@far.test abc-xyz+ab@far.test
Subject: x

text
@run -odi -f s@test.ex abc-xyz@near.test abc-xyz+ab@near.test
Subject: x

text
@case headers_rewrite
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  headers_rewrite = s@test.ex sender@new.test f : *@test.ex $1@other.test : old@far.test new@far.test t
  headers_add = From: s@test.ex
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
From: Some Body <s@test.ex>
To: old@far.test, x@test.ex
Cc: old@far.test
Sender: s@test.ex
Subject: s@test.ex

s@test.ex
@case headers_rewrite of a mailbox
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  headers_rewrite = s@test.ex sender@new.test
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
@run -odi -f s@test.ex u@test.ex
From: Some Body <s@test.ex>
Reply-To: s@test.ex (comment), group: s@test.ex;
Subject: x

text
@case message_size_limit of a transport
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  message_size_limit = 1K
@serve 1224
220 server ready
@run -odi -f <> a@far.test
Subject: x

text
@run -odi -f <> a@far.test
Subject: x

xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
@case message_size_limit of a mailbox
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  message_size_limit = ${if eq{$local_part}{u}{1K}{0}}
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
@run -odi -f <> u@test.ex
Subject: x

xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
@case message_size_limit is forced to fail
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  message_size_limit = ${if eq{1}{2}{x}fail}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case message_size_limit is no number
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  message_size_limit = ${if eq{1}{1}{10X}}
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case body_only and headers_only
@routers
here:
  driver = accept
  domains = test.ex
  transport = ${if eq{$local_part}{body}{local_body}{local_head}}
  local_parts = body : head
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = ${if eq{$local_part}{body}{smtp_body}{smtp_head}}
@transports
smtp_body:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  body_only
local_body:
  driver = appendfile
  file = @DIR@/mail/body
  create_file = anywhere
  user = mail
  body_only
smtp_head:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  headers_only
local_head:
  driver = appendfile
  file = @DIR@/mail/head
  create_file = anywhere
  user = mail
  headers_only
@serve 1224
220 server ready
@run -odi -f s@test.ex body@far.test
Subject: x

text
..
@run -odi -f s@test.ex head@far.test
Subject: x

text
@run -odi -f s@test.ex body@test.ex head@test.ex
Subject: x

From text
@case tls_tempfail_tryclear is false, another host
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1:127.0.0.2
  self = send
  transport = smtp
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  tls_tempfail_tryclear = false
@serve 127.0.0.1:1224
220 one
EHLO => 250-one\n250 STARTTLS
STARTTLS => 454 not now
@serve 127.0.0.2:1224
220 two
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case tls_tempfail_tryclear is false, one host
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  tls_tempfail_tryclear = false
@serve 127.0.0.1:1224
220 one
EHLO => 250-one\n250 STARTTLS
STARTTLS => 454 not now
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 11m
@serve 127.0.0.1:1224
220 one
@run -q
@case tls_tempfail_tryclear is false, STARTTLS is refused for good
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  tls_tempfail_tryclear = false
@serve 1224
220 one
EHLO => 250-one\n250 STARTTLS
STARTTLS => 554 never
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case hosts_override
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = ${if eq{$domain}{far.test}{smtp}{plain}}
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  hosts = 127.0.0.2
  hosts_override
  allow_localhost
plain:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  hosts_override
@serve 127.0.0.1:1224
220 one
@serve 127.0.0.2:1224
220 two
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -odi -f s@test.ex a@near.test
Subject: x

text
@case hosts of the transport when the router has others
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  hosts = 127.0.0.2
  allow_localhost
@serve 127.0.0.1:1224
220 one
@serve 127.0.0.2:1224
220 two
@run -odi -f s@test.ex a@far.test
Subject: x

text
@case hosts_max_try_hardlimit
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.2:127.0.0.3:127.0.0.4:127.0.0.5
  self = send
  transport = smtp
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  hosts_max_try_hardlimit = 2
@serve 127.0.0.5:1224
220 five
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -qf
@clock 11m
@run -q
@case queue_smtp_domains
@routers
here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = manualroute
  route_list = far.test 127.0.0.1; near.test 127.0.0.2
  self = send
  transport = smtp
@main
primary_hostname = myhost.test
qualify_domain = test.ex
queue_smtp_domains = far.test
@serve 127.0.0.1:1224
220 server ready
@serve 127.0.0.2:1224
220 server ready
@run -odi -f s@test.ex a@far.test b@near.test u@test.ex
Subject: x

text
@run -bp
@run -q
@case queue_smtp_domains, -odi is no different and -M delivers
@main
primary_hostname = myhost.test
qualify_domain = test.ex
queue_smtp_domains = !near.test : *
@serve 1224
220 server ready
@run -odi -f s@test.ex a@far.test
Subject: x

text
@run -odi -f s@test.ex a@near.test
Subject: x

text
@run -M $1
