## Commands that get a message: how their end is judged, what becomes of their output, and what they are given.
@case temp_errors names the statuses that wait
@routers
here:
  driver = accept
  local_parts = 69 : 70 : 75 : 73 : 1 : 0
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; exit $local_part_data"
  temp_errors = 69 : 70
  user = mail
@send 10 69@test.ex 70@test.ex 75@test.ex 73@test.ex 1@test.ex 0@test.ex
@case temp_errors as it is, and statuses with a meaning
@routers
here:
  driver = accept
  local_parts = 64 : 65 : 66 : 67 : 68 : 69 : 70 : 71 : 72 : 73 : 74 : 75 : 76 : 77 : 78 : 79 : 126 : 127 : 143 : 255
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; exit $local_part_data"
  user = mail
@send 10 64@test.ex 65@test.ex 66@test.ex 67@test.ex 68@test.ex 69@test.ex 70@test.ex 71@test.ex 72@test.ex 73@test.ex 74@test.ex 75@test.ex 76@test.ex 77@test.ex 78@test.ex 79@test.ex 126@test.ex 127@test.ex 143@test.ex 255@test.ex
@case temp_errors = *
@routers
here:
  driver = accept
  local_parts = 1 : 0 : 127
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; exit $local_part_data"
  temp_errors = *
  user = mail
@send 10 1@test.ex 0@test.ex 127@test.ex
@case an empty temp_errors
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; exit 75"
  temp_errors =
  user = mail
@send 10 u@test.ex
@case temp_errors with return_output
@routers
here:
  driver = accept
  local_parts = says : quiet
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; test $local_part_data = says && echo some words; exit 75"
  return_output
  user = mail
@send 10 says@test.ex quiet@test.ex
@case temp_errors with return_fail_output
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo some words; exit 75"
  return_fail_output
  user = mail
@send 10 u@test.ex
@case a signal
@transports
local:
  driver = pipe
  command = @DIR@/die KILL
  user = mail
@file die
#!/bin/sh
cat >/dev/null
echo first words
test $1 = STATUS && exit 137
test $1 = SLEEP && exec sleep 30
kill -$1 $$
@sh
chmod 755 die
@send 10 u@test.ex
@case freeze_signal
@transports
signal:
  driver = pipe
  command = @DIR@/die KILL
  freeze_signal
  user = mail
status:
  driver = pipe
  command = @DIR@/die STATUS
  freeze_signal
  user = mail
@routers
here:
  driver = accept
  local_parts = signal : status
  transport = $local_part_data
@file die
#!/bin/sh
cat >/dev/null
echo first words
test $1 = STATUS && exit 137
test $1 = SLEEP && exec sleep 30
kill -$1 $$
@sh
chmod 755 die
@send 10 signal@test.ex
@send 10 status@test.ex
@run -bp
@case ignore_status
@routers
here:
  driver = accept
  local_parts = 1 : 75 : 127
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo some words; exit $local_part_data"
  ignore_status
  user = mail
@send 10 1@test.ex 75@test.ex 127@test.ex
@case ignore_status and a signal
@transports
local:
  driver = pipe
  command = @DIR@/die KILL
  ignore_status
  user = mail
@file die
#!/bin/sh
cat >/dev/null
echo first words
test $1 = STATUS && exit 137
test $1 = SLEEP && exec sleep 30
kill -$1 $$
@sh
chmod 755 die
@send 10 u@test.ex
@case ignore_status and freeze_signal
@transports
local:
  driver = pipe
  command = @DIR@/die KILL
  ignore_status
  freeze_signal
  user = mail
@file die
#!/bin/sh
cat >/dev/null
echo first words
test $1 = STATUS && exit 137
test $1 = SLEEP && exec sleep 30
kill -$1 $$
@sh
chmod 755 die
@send 10 u@test.ex
@case ignore_status with return_output
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo some words; exit 1"
  ignore_status
  return_output
  user = mail
@send 10 u@test.ex
@case ignore_status and a command that is not there
@transports
local:
  driver = pipe
  command = /no/such/command
  ignore_status
  user = mail
@send 10 u@test.ex
@case ignore_status and a timeout
@transports
local:
  driver = pipe
  command = /bin/sleep 30
  ignore_status
  timeout = 1s
  user = mail
@send 10 u@test.ex
@case freeze_exec_fail
@transports
local:
  driver = pipe
  command = /no/such/command
  freeze_exec_fail
  user = mail
@send 10 u@test.ex
@run -bp
@case freeze_exec_fail with ignore_status
@transports
local:
  driver = pipe
  command = @DIR@/notexecutable one two
  freeze_exec_fail
  ignore_status
  user = mail
@file notexecutable
#!/bin/sh
@send 10 u@test.ex
@case freeze_exec_fail and a shell that finds no command
@transports
local:
  driver = pipe
  command = /no/such/command
  use_shell
  freeze_exec_fail
  user = mail
@send 10 u@test.ex
@case timeouts
@transports
local:
  driver = pipe
  command = /bin/sleep 30
  timeout = 1s
  user = mail
defers:
  driver = pipe
  command = /bin/sleep 30
  timeout = 1s
  timeout_defer
  user = mail
says:
  driver = pipe
  command = /bin/sh -c "echo some words; exec sleep 30"
  timeout = 1s
  return_output
  user = mail
@routers
here:
  driver = accept
  local_parts = local : defers : says
  transport = $local_part_data
@send 10 local@test.ex
@send 10 defers@test.ex
@send 10 says@test.ex
@case log_output, log_fail_output and log_defer_output
@routers
here:
  driver = accept
  local_parts = 0 : 1 : 75 : 127
  transport = ${if eq{$domain}{all.ex}{all}{${if eq{$domain}{fail.ex}{fail}{${if eq{$domain}{defer.ex}{defer}{both}}}}}}
@transports
all:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo; echo first words of $local_part_data; echo second; exit $local_part_data"
  log_output
  user = mail
fail:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo first words of $local_part_data >&2; echo second; exit $local_part_data"
  log_fail_output
  user = mail
defer:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; printf '  first words of $local_part_data  '; exit $local_part_data"
  log_defer_output
  user = mail
both:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo first words of $local_part_data; exit $local_part_data"
  log_defer_output
  log_fail_output
  user = mail
@send 10 0@all.ex 1@all.ex 75@all.ex
@send 10 0@fail.ex 1@fail.ex 75@fail.ex
@send 10 0@defer.ex 1@defer.ex 75@defer.ex
@send 10 0@both.ex 1@both.ex 75@both.ex
@case log_output of a long line, with odd characters
@transports
local:
  driver = pipe
  command = @DIR@/talks
  log_output
  user = mail
@file talks
#!/bin/sh
cat >/dev/null
printf 'bell \007 back \\ quote " high \303\244 '
head -c 300 /dev/zero | tr '\0' x
printf ' end\n'
@sh
chmod 755 talks
@send 10 u@test.ex
@case log_fail_output and log_defer_output with a signal and a timeout
@transports
signal:
  driver = pipe
  command = @DIR@/die KILL
  log_fail_output
  log_defer_output
  user = mail
timeout:
  driver = pipe
  command = @DIR@/die SLEEP
  log_fail_output
  log_defer_output
  timeout = 1s
  user = mail
defers:
  driver = pipe
  command = @DIR@/die SLEEP
  log_fail_output
  log_defer_output
  timeout = 1s
  timeout_defer
  user = mail
@routers
here:
  driver = accept
  local_parts = signal : timeout : defers
  transport = $local_part_data
@file die
#!/bin/sh
cat >/dev/null
echo first words
test $1 = STATUS && exit 137
test $1 = SLEEP && exec sleep 30
kill -$1 $$
@sh
chmod 755 die
@send 10 signal@test.ex
@send 10 timeout@test.ex
@send 10 defers@test.ex
@case return_output without output and with some
@routers
here:
  driver = accept
  local_parts = quiet : says : bad
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; test $local_part_data = quiet || echo some words; test $local_part_data = bad && exit 3; exit 0"
  return_output
  user = mail
@send 10 quiet@test.ex
@send 10 says@test.ex
@send 10 bad@test.ex
@case return_fail_output
@routers
here:
  driver = accept
  local_parts = 0 : 3
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo some words; echo more words >&2; echo finished; exit $local_part_data"
  return_fail_output
  user = mail
@send 10 0@test.ex
@send 10 3@test.ex
@case return_output of several addresses in one bounce
@known the addresses are in another order
@routers
here:
  driver = accept
  local_parts = a : b : c
  transport = local
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo words for $local_part_data"
  return_output
  user = mail
@send 10 a@test.ex b@test.ex c@test.ex
@case return_output of a bounce
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo some words; exit 3"
  return_output
  user = mail
@run -odi -f <> u@test.ex
Subject: x

text
@case return_fail_output of a redirection
@routers
alias:
  driver = redirect
  local_parts = alias
  data = "|/bin/sh -c 'cat >/dev/null; echo some words; exit 4'"
  pipe_transport = local
@transports
local:
  driver = pipe
  return_fail_output
  log_fail_output
  user = mail
@send 10 alias@test.ex
@case too much output
@transports
local:
  driver = pipe
  command = /usr/bin/yes
  max_output = 2K
  user = mail
@send 10 u@test.ex
@case output just below the limit
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; head -c 2000 /dev/zero | tr '\\\\0' x"
  max_output = 2K
  user = mail
@send 10 u@test.ex
@case pipe_as_creator, and root is nobody's user
@transports
local:
  driver = pipe
  command = /bin/sh -c "id -u > @DIR@/mail/ran"
  pipe_as_creator
@main
never_users = root
@send 10 u@test.ex
@case pipe_as_creator does nothing when there is a user
@known Exim refuses both together
@transports
local:
  driver = pipe
  command = /bin/sh -c "{ id -un; id -gn; } > @DIR@/mail/ran"
  pipe_as_creator
  user = mail
  group = nogroup
@send 10 u@test.ex
@case what is in the environment
@main
timezone = UTC
@routers
alias:
  driver = redirect
  local_parts = alias
  data = u+suffix
here:
  driver = accept
  local_part_prefix = pre-
  local_part_prefix_optional
  local_part_suffix = +*
  local_part_suffix_optional
  transport = local
  transport_home_directory = @DIR@/mail
  errors_to = errors@test.ex
@transports
local:
  driver = pipe
  command = /bin/sh -c "{ env; pwd; umask; } | grep -v ^PWD= | sort > @DIR@/mail/of-$message_id"
  environment = ONE=1:TWO=two words:DOMAIN=mine:LIST=a\::b:LP=${uc:$local_part}:nonsense
  user = mail
@send 10 Pre-U+x@test.ex
@sh
sed 's/^MESSAGE_ID=.*/MESSAGE_ID/' mail/of-*
rm mail/of-*
@send 10 alias@test.ex
@sh
sed 's/^MESSAGE_ID=.*/MESSAGE_ID/' mail/of-*
rm mail/of-*
@case an environment without anything given
@transports
local:
  driver = pipe
  command = /bin/sh -c "{ env; pwd; } | grep -v ^PWD= | sort > @DIR@/mail/of"
  user = mail
@run -odi -f <> u@test.ex
Subject: x

text
@sh
sed 's/^MESSAGE_ID=.*/MESSAGE_ID/' mail/of
rm mail/of
@case directories, umask, group
@routers
here:
  driver = accept
  transport = local
  transport_home_directory = /tmp
  transport_current_directory = /usr
@transports
local:
  driver = pipe
  command = /bin/sh -c "{ pwd; umask; id -un; id -gn; echo \\\$HOME; } > @DIR@/mail/of"
  umask = 027
  home_directory = @DIR@/mail
  current_directory = /var
  user = mail
  group = nogroup
@send 10 u@test.ex
@sh
stat -c '%a %U %G' mail/of
@case a current directory that is not there
@known the reason stands behind the directory
@transports
local:
  driver = pipe
  command = /bin/true
  current_directory = @DIR@/nowhere
  user = mail
@send 10 u@test.ex
@case an environment that cannot be expanded
@known the option is named, where Exim shows its text
@transports
local:
  driver = pipe
  command = /bin/true
  environment = ONE=${lookup{x}lsearch{@DIR@/nosuchfile}}
  user = mail
@send 10 u@test.ex
@case path finds the command
@routers
here:
  driver = accept
  local_parts = u
  transport = local
@transports
local:
  driver = pipe
  command = mine $local_part_data 'two words'
  path = /bin:@DIR@/mail/bin:/usr/bin
  user = mail
@sh
mkdir mail/bin
printf '#!/bin/sh\necho "$0 $* $PATH" > %s/mail/ran\n' "$PWD" > mail/bin/mine
chmod 755 mail/bin/mine
@send 10 u@test.ex
@sh
rm -r mail/bin
@case path is expanded
@known the bounce says that there is no such command
@transports
local:
  driver = pipe
  command = mine
  path = ${if eq{$local_part}{u}{@DIR@/mail/bin}{/bin}}
  user = mail
@sh
mkdir mail/bin
printf '#!/bin/sh\necho "$0 $PATH" > %s/mail/ran\n' "$PWD" > mail/bin/mine
chmod 755 mail/bin/mine
@send 10 u@test.ex v@test.ex
@sh
rm -r mail/bin
@case use_shell
@known a tainted command is refused, with a shell, too (docs/differences.md)
@transports
local:
  driver = pipe
  command = cat >/dev/null; echo "$sender_address_local_part for \$LOCAL_PART" | tr a-z A-Z > @DIR@/mail/ran && echo some words; exit 3
  use_shell
  log_fail_output
  user = mail
@send 10 u@test.ex
@case use_shell of a redirection
@routers
alias:
  driver = redirect
  local_parts = alias
  data = |cat >/dev/null; echo for \$LOCAL_PART > @DIR@/mail/ran; exit 5
  pipe_transport = local
@transports
local:
  driver = pipe
  use_shell
  user = mail
@send 10 alias@test.ex
@case message_prefix and message_suffix, escapes
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat > @DIR@/mail/got"
  message_prefix = "from <$return_path> to $local_part\n"
  message_suffix = "--\n"
  check_string = "From "
  escape_string = "> "
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

From here
there
@case no prefix, no suffix, CRLF
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat > @DIR@/mail/got"
  message_prefix =
  message_suffix =
  use_crlf
  headers_add = X-Added: 1
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

From here
@case a prefix of its own, CRLF
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat > @DIR@/mail/got"
  use_crlf
  user = mail
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@case a batch in batch SMTP
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >> @DIR@/mail/got"
  use_bsmtp
  message_prefix = "EHLO $primary_hostname\n"
  batch_max = 10
  user = mail
@run -odi -oi -f s@test.ex u@test.ex v@test.ex
Subject: x

.
From here
@case a batch with $pipe_addresses
@transports
local:
  driver = pipe
  command = @DIR@/args one $pipe_addresses two
  batch_max = 2
  user = mail
@file args
#!/bin/sh
cat >/dev/null
for a in "$@"; do echo "<$a>"; done >> @DIR@/mail/args
@sh
chmod 755 args
@send 10 a@test.ex b@test.ex c@test.ex
@case a batch that fails
@known each address of the batch has the output
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo some words; exit 3"
  batch_max = 10
  return_fail_output
  user = mail
@send 10 a@test.ex b@test.ex
@case a command that does not read
@transports
local:
  driver = pipe
  command = /bin/true
  user = mail
fails:
  driver = pipe
  command = /bin/sh -c "exit 9"
  user = mail
@routers
here:
  driver = accept
  local_parts = local : fails
  transport = $local_part_data
@send 70000 local@test.ex
@send 70000 fails@test.ex
@case a command that closes its output and goes on
@transports
local:
  driver = pipe
  command = /bin/sh -c "exec >&- 2>&-; cat > @DIR@/mail/got; exit 3"
  user = mail
@send 10 u@test.ex
@case a command that leaves something running
@transports
local:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; sleep 20 >/dev/null 2>&1 & exit 0"
  timeout = 10s
  user = mail
@send 10 u@test.ex
@sh
for p in $(pgrep -x sleep); do tr '\0' ' ' < /proc/$p/cmdline | grep -q '^sleep 20 ' && kill $p; done; true
@case words of a command: quotes and expansions
@transports
local:
  driver = pipe
  command = @DIR@/args 'a ${uc:b}' "c \"d\" \\ e" f${uc:g}i "${if eq{$local_part}{u}{two words}{}}" '' "" $local_part_data
  user = mail
@routers
here:
  driver = accept
  local_parts = u
  transport = local
@file args
#!/bin/sh
cat >/dev/null
for a in "$@"; do echo "<$a>"; done >> @DIR@/mail/args
@sh
chmod 755 args
@send 10 u@test.ex
@case restricted commands
@routers
alias:
  driver = redirect
  local_parts = allowed : found : slash : other : nowhere
  data = ${if eq{$local_part}{allowed}{|/bin/echo}{${if eq{$local_part}{found}{|true}{${if eq{$local_part}{slash}{|/bin/true}{${if eq{$local_part}{other}{|/bin/false}{|nosuchcommand x}}}}}}}}
  pipe_transport = ${if eq{$domain}{both.ex}{both}{${if eq{$domain}{path.ex}{path}{list}}}}
@transports
list:
  driver = pipe
  allow_commands = /bin/echo : true
  user = mail
path:
  driver = pipe
  restrict_to_path
  user = mail
both:
  driver = pipe
  allow_commands = /bin/echo : /bin/true
  restrict_to_path
  user = mail
@send 10 allowed@list.ex
@send 10 found@list.ex
@send 10 slash@list.ex
@send 10 other@list.ex
@send 10 nowhere@list.ex
@send 10 allowed@path.ex
@send 10 found@path.ex
@send 10 slash@path.ex
@send 10 other@path.ex
@send 10 nowhere@path.ex
@send 10 allowed@both.ex
@send 10 found@both.ex
@send 10 slash@both.ex
@send 10 other@both.ex
@send 10 nowhere@both.ex
@case force_command
@known Exim 4.96 puts the words behind the first in another order
@routers
alias:
  driver = redirect
  local_parts = alias
  data = "|/bin/thing 'one word' two"
  pipe_transport = local
@transports
local:
  driver = pipe
  command = @DIR@/args wrapped -- $address_pipe
  force_command
  user = mail
@file args
#!/bin/sh
cat >/dev/null
for a in "$@"; do echo "<$a>"; done >> @DIR@/mail/args
@sh
chmod 755 args
@send 10 alias@test.ex
@case use_shell with the transport's own words
@routers
here:
  driver = accept
  local_parts = u
  transport = local
@transports
local:
  driver = pipe
  command = cat >/dev/null; echo "$local_part_data for \$LOCAL_PART" | tr a-z A-Z > @DIR@/mail/ran && echo some words; exit 3
  use_shell
  log_fail_output
  user = mail
@send 10 u@test.ex
