## options of transports that cannot be used: what cannot be expanded, and values that are none
@case appendfile: headers_add fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  headers_add = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: headers_remove fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  headers_remove = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: return_path fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  return_path = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: quota fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: mailbox_size fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  mailbox_size = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: home_directory fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  home_directory = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: current_directory fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  current_directory = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: group fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  group = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: transport_filter fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  transport_filter = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: message_size_limit fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  message_size_limit = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: quota is forced to fail
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${if eq{1}{2}{x}fail}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: home_directory is forced to fail
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  home_directory = ${if eq{1}{2}{x}fail}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: group is forced to fail
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  group = ${if eq{1}{2}{x}fail}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: return_path is forced to fail
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  return_path = ${if eq{1}{2}{x}fail}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: message_prefix fails
@known the reason is told, too (docs/differences.md)
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  message_prefix = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: message_suffix fails
@known the reason is told, too (docs/differences.md)
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  message_suffix = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: quota_warn_threshold fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = 10M
  quota_warn_threshold = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: maildir_use_size_file fails
@known the message waits, and is not stored past its quota (docs/differences.md)
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = 10M
  maildir_use_size_file = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: user fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: user is nobody known
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = ${if eq{1}{1}{nosuchuser}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: group is none
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  group = ${if eq{1}{1}{nosuchgroup}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: a number for a user and no group
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = ${if eq{1}{1}{43210}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: root
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = root
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: home_directory is relative
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  home_directory = foo
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: current_directory is relative
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  current_directory = foo
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: file fails
@transports
local:
  driver = appendfile
  create_file = anywhere
  user = mail
  file = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: directory fails
@transports
local:
  driver = appendfile
  create_file = anywhere
  user = mail
  directory = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: file is relative
@transports
local:
  driver = appendfile
  create_file = anywhere
  user = mail
  file = box
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: file is empty
@transports
local:
  driver = appendfile
  create_file = anywhere
  user = mail
  file = ${if eq{1}{2}{x}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: directory_file fails
@transports
local:
  driver = appendfile
  create_file = anywhere
  user = mail
  directory = @DIR@/mail/d
  directory_file = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: maildir_tag fails
@transports
local:
  driver = appendfile
  create_file = anywhere
  user = mail
  directory = @DIR@/mail/d
  maildir_format
  maildir_tag = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: mailstore_prefix fails
@transports
local:
  driver = appendfile
  create_file = anywhere
  user = mail
  directory = @DIR@/mail/d
  mailstore_format
  mailstore_prefix = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: mailstore_suffix fails
@transports
local:
  driver = appendfile
  create_file = anywhere
  user = mail
  directory = @DIR@/mail/d
  mailstore_format
  mailstore_suffix = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: message_prefix fails
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  message_prefix = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: message_suffix fails
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  message_suffix = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: headers_add fails
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  headers_add = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: return_path fails
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  return_path = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: home_directory fails
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  home_directory = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: current_directory fails
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  current_directory = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: transport_filter fails
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  transport_filter = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: environment fails
@known the number of the deferral
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  environment = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: allow_commands fails
@known the number of the deferral
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  allow_commands = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: current_directory is relative
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat
  current_directory = foo
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: command fails
@transports
local:
  driver = pipe
  user = mail
  command = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: a word of the command fails
@transports
local:
  driver = pipe
  user = mail
  command = /bin/cat "${if eq{1}{2}{x}fail}"
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case pipe: command of a shell fails
@transports
local:
  driver = pipe
  user = mail
  use_shell
  command = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case lmtp: socket fails
@transports
local:
  driver = lmtp
  user = mail
  socket = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case lmtp: command fails
@transports
local:
  driver = lmtp
  user = mail
  command = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case autoreply: to fails
@known the message waits and is not returned (docs/differences.md)
@transports
local:
  driver = autoreply
  user = mail
  to = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case autoreply: text fails
@known the message waits and is not returned (docs/differences.md)
@transports
local:
  driver = autoreply
  user = mail
  to = $sender_address
  text = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case autoreply: once fails
@known the message waits and is not returned (docs/differences.md)
@transports
local:
  driver = autoreply
  user = mail
  to = $sender_address
  once = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case smtp: return_path fails
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
  return_path = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: message_size_limit fails
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
  message_size_limit = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: interface fails
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
  interface = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: multi_domain fails
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
  multi_domain = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: max_parallel fails
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
  max_parallel = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: helo_data fails
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
  helo_data = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: authenticated_sender fails
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
  authenticated_sender = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: interface is forced to fail
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
  interface = ${if eq{1}{2}{x}fail}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: multi_domain is forced to fail
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
  multi_domain = ${if eq{1}{2}{x}fail}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: authenticated_sender is forced to fail
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
  authenticated_sender = ${if eq{1}{2}{x}fail}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: return_path is forced to fail
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
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: max_parallel is forced to fail
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
  max_parallel = ${if eq{1}{2}{x}fail}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: headers_add fails
@known the server is not connected to before it fails
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
  headers_add = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: transport_filter fails
@known the server is not connected to before it fails
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
  transport_filter = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: serialize_hosts fails
@known the option is named
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
  serialize_hosts = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: hosts fails
@routers
far:
  driver = accept
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  hosts = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: hosts is empty
@routers
far:
  driver = accept
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
  hosts = ${if eq{1}{2}{x}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: no hosts
@routers
far:
  driver = accept
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case smtp: event_action fails
@known an empty line of the log follows each, and closing the connection is told before
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
  event_action = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case appendfile: quota fails for two in a batch
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  batch_max = 5
  quota = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex v@test.ex
Subject: x

text
@case message_size_limit is negative
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  message_size_limit = ${if eq{1}{1}{-5}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case appendfile: a quota that fails, told with -v
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  quota = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -v -f s@test.ex u@test.ex
Subject: x

text
@case shadow: quota fails
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  shadow_transport = copy
copy:
  driver = appendfile
  file = @DIR@/mail/copy
  create_file = anywhere
  user = mail
  quota = ${lookup{x}lsearch{/nosuch/file}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case shadow: nobody knows its user
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
  shadow_transport = copy
copy:
  driver = appendfile
  file = @DIR@/mail/copy
  create_file = anywhere
  user = ${if eq{1}{1}{nosuchuser}}
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case smtp: interface fails with two hosts
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
  interface = ${lookup{x}lsearch{/nosuch/file}}
@serve 1224
220 server ready
@run -odi -f s@test.ex u@far.test
Subject: x

text
@case main: event_action fails
@known an empty line of the log follows
@main
primary_hostname = myhost.test
qualify_domain = test.ex
event_action = ${lookup{x}lsearch{/nosuch/file}}
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
@run -odi -f s@test.ex u@test.ex
Subject: x

text
