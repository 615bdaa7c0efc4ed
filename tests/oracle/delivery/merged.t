## One address that several recipients come to.
@case a recipient and a member of a list, who leaves it while she waits
@file team
alice@test.ex, bob@test.ex
@routers
team:
  driver = redirect
  local_parts = team
  data = ${readfile{@DIR@/team}{ }}
late:
  driver = accept
  local_parts = bob
  transport = nodir
here:
  driver = accept
  domains = test.ex
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
nodir:
  driver = appendfile
  file = @DIR@/mail/none/bob
  no_create_directory
  user = mail
@run -odi -f s@test.ex bob@test.ex team@test.ex
Subject: x

text
@run -bp
@sh
echo alice@test.ex > team; mkdir mail/none; chown mail mail/none
@clock 11m
@run -q
@run -bp
@case an address that two lists route in different ways
@routers
one:
  driver = redirect
  local_parts = team
  data = bob@test.ex
  redirect_router = arch
two:
  driver = redirect
  local_parts = alt
  data = bob@test.ex
late:
  driver = accept
  local_parts = bob
  transport = nodir
arch:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
nodir:
  driver = appendfile
  file = @DIR@/mail/none/bob
  no_create_directory
  user = mail
@run -odi -f s@test.ex team@test.ex alt@test.ex
Subject: x

text
@run -bp
@sh
mkdir mail/none; chown mail mail/none
@clock 11m
@run -q
@case the same, the other way round
@routers
one:
  driver = redirect
  local_parts = team
  data = bob@test.ex
  redirect_router = arch
two:
  driver = redirect
  local_parts = alt
  data = bob@test.ex
late:
  driver = accept
  local_parts = bob
  transport = nodir
arch:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
nodir:
  driver = appendfile
  file = @DIR@/mail/none/bob
  no_create_directory
  user = mail
@run -odi -f s@test.ex alt@test.ex team@test.ex
Subject: x

text
@run -bp
@sh
mkdir mail/none; chown mail mail/none
@clock 11m
@run -q
@case a recipient and the same address from a list, routed in another way
@routers
one:
  driver = redirect
  local_parts = team
  data = bob@test.ex
  redirect_router = arch
late:
  driver = accept
  local_parts = bob
  transport = nodir
arch:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
nodir:
  driver = appendfile
  file = @DIR@/mail/none/bob
  no_create_directory
  user = mail
@run -odi -f s@test.ex bob@test.ex team@test.ex
Subject: x

text
@run -bp
@sh
mkdir mail/none; chown mail mail/none
@clock 11m
@run -q
