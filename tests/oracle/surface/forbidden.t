## forbid_... of the redirect router: the item fails alone, or the address waits
@case forbid_pipe and forbid_file in a list
@routers
pipes:
  driver = redirect
  local_parts = pipes
  data = "|/bin/cat, a@test.ex"
  forbid_pipe
  pipe_transport = p
files:
  driver = redirect
  local_parts = files
  data = @DIR@/mail/x, @DIR@/mail/y/, /dev/null, a@test.ex
  forbid_file
  file_transport = f
  directory_transport = f
all:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
p:
  driver = pipe
  user = mail
f:
  driver = appendfile
  user = mail
@run -odi -f s@test.ex pipes
Subject: x

text
@run -odi -f s@test.ex files
Subject: x

text
@run -bt pipes
@run -bt files
@run -bv pipes
@run -bv files
@run -bp

@case nothing but forbidden items
@routers
pipes:
  driver = redirect
  local_parts = pipes
  data = |/bin/cat
  forbid_pipe
  pipe_transport = p
files:
  driver = redirect
  local_parts = files
  data = @DIR@/mail/x
  forbid_file
all:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
p:
  driver = pipe
  user = mail
@run -odi -f s@test.ex pipes
Subject: x

text
@run -odi -f s@test.ex files
Subject: x

text
@run -bt pipes
@run -bv pipes

@case a forbidden item from a stranger, and one that nobody delivers
@routers
peer:
  driver = redirect
  local_parts = peer
  data = ${if eq{$sender_address_local_part}{}{}{/tmp/$sender_address_local_part}}, a@test.ex
  forbid_file
  file_transport = p
unset:
  driver = redirect
  local_parts = unset
  data = |/bin/cat, a@test.ex
  forbid_pipe
all:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
p:
  driver = pipe
  user = mail
@run -odi -f s@test.ex peer
Subject: x

text
@run -odi -f s@test.ex unset
Subject: x

text

@case what waits
@routers
inc:
  driver = redirect
  local_parts = inc
  data = :include:@DIR@/list, a@test.ex
  forbid_include
bh:
  driver = redirect
  local_parts = bh
  data = :blackhole:
  forbid_blackhole
fails:
  driver = redirect
  local_parts = fails
  data = :fail: no
defers:
  driver = redirect
  local_parts = defers
  data = :defer: no
all:
  driver = accept
  transport = local
@run -odi -f s@test.ex inc bh fails defers
Subject: x

text
@run -bt inc
@run -bt bh

@case one_time forbids commands and files
@routers
once:
  driver = redirect
  local_parts = once
  data = "|/bin/cat, @DIR@/mail/x, a@test.ex"
  one_time
  pipe_transport = p
  file_transport = p
all:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
p:
  driver = pipe
  user = mail
@run -odi -f s@test.ex once
Subject: x

text
@run -bt once

@case a .forward file
@file list
|/bin/cat, "/tmp/x", b@test.ex
@routers
list:
  driver = redirect
  local_parts = list
  file = @DIR@/list
  no_check_owner
  no_check_group
  modemask = 0
  forbid_pipe
  forbid_file
  skip_syntax_errors
  user = mail
  pipe_transport = p
  file_transport = p
all:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
p:
  driver = pipe
  user = mail
@run -odi -f s@test.ex list
Subject: x

text

@case a filter
@file filter
#Exim filter
pipe "/bin/cat"
save /tmp/x
save /tmp/y/
save /dev/null
mail subject a
deliver b@test.ex
@routers
list:
  driver = redirect
  local_parts = list
  file = @DIR@/filter
  no_check_owner
  no_check_group
  modemask = 0
  forbid_pipe
  forbid_file
  forbid_filter_reply
  allow_filter
  user = mail
  pipe_transport = p
  file_transport = p
  directory_transport = p
  reply_transport = r
all:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
p:
  driver = pipe
  user = mail
r:
  driver = autoreply
  user = mail
@run -odi -f s@test.ex list
Subject: x

text
@run -f s@test.ex -bt list

@case what a filter may not do makes the address wait
@file logs
#Exim filter
logfile @DIR@/x
logwrite "x"
@file looks
#Exim filter
if "${lookup{a}lsearch{@DIR@/t}{x}{y}}" is x then save /tmp/x endif
@file runs
#Exim filter
if "${run{/bin/true}{x}{y}}" is x then save /tmp/x endif
@file reads
#Exim filter
if "${readfile{@DIR@/t}}" is x then save /tmp/x endif
@file exists
#Exim filter
if "${if exists{/x}{x}{y}}" is x then save /tmp/x endif
@file socket
#Exim filter
if "${readsocket{/x}{y}}" is x then save /tmp/x endif
@file perl
#Exim filter
if "${perl{x}}" is x then save /tmp/x endif
@file sieve
#Sieve filter
keep;
@routers
list:
  driver = redirect
  local_parts = logs : looks : runs : reads : exists : socket : perl
  file = @DIR@/$local_part_data
  no_check_owner
  no_check_group
  modemask = 0
  forbid_filter_logwrite
  forbid_filter_lookup
  forbid_filter_run
  forbid_filter_readfile
  forbid_filter_readsocket
  forbid_filter_existstest
  forbid_filter_perl
  forbid_filter_dlfunc
  allow_filter
  user = mail
kinds:
  driver = redirect
  local_parts = sieve
  file = @DIR@/sieve
  no_check_owner
  no_check_group
  modemask = 0
  forbid_sieve_filter
  allow_filter
  user = mail
exim:
  driver = redirect
  local_parts = exim
  file = @DIR@/logs
  no_check_owner
  no_check_group
  modemask = 0
  forbid_exim_filter
  allow_filter
  user = mail
all:
  driver = accept
  transport = local
@run -odi -f s@test.ex logs
Subject: x

text
@run -odi -f s@test.ex looks
Subject: x

text
@run -odi -f s@test.ex runs
Subject: x

text
@run -odi -f s@test.ex reads
Subject: x

text
@run -odi -f s@test.ex exists
Subject: x

text
@run -odi -f s@test.ex socket
Subject: x

text
@run -odi -f s@test.ex perl
Subject: x

text
@run -odi -f s@test.ex sieve
Subject: x

text
@run -odi -f s@test.ex exim
Subject: x

text

@case bounces about commands and files that failed
@routers
pipes:
  driver = redirect
  local_parts = pipes
  data = "|/bin/false, |/bin/sh -c 'echo said; exit 3', a@test.ex"
  pipe_transport = p
hidden:
  driver = redirect
  local_parts = hidden
  data = |/bin/false
  hide_child_in_errmsg
  pipe_transport = p
refused:
  driver = redirect
  local_parts = refused
  data = nobody@test.ex
  hide_child_in_errmsg
shown:
  driver = redirect
  local_parts = shown
  data = nobody@test.ex
nobody:
  driver = redirect
  local_parts = nobody
  allow_fail
  data = :fail: no such person
nested:
  driver = redirect
  local_parts = nested
  data = pipes@test.ex
all:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
p:
  driver = pipe
  return_fail_output
  user = mail
@run -odi -f s@test.ex pipes
Subject: x

text
@run -odi -f s@test.ex hidden
Subject: x

text
@run -odi -f s@test.ex nested
Subject: x

text
@run -odi -f s@test.ex refused
Subject: x

text
@run -odi -f s@test.ex shown
Subject: x

text
