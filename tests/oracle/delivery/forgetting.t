## A success ends the record of the failures before it: the next temporary error begins a new time of patience.
@case routing of an address works again
@routers
r1:
  driver = redirect
  retry_use_local_part
  allow_defer
  data = ${if match{$h_subject:}{x}{${if <{$message_age}{300}{:defer: later}{}}}{}}
here:
  driver = accept
  transport = local
@retry
* * F,1h,10m
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@clock 11m
@run -q
@tool exim_dumpdb @DIR@/spool retry
@clock 2h
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -bp
@case routing of a domain works in the first attempt of another message
@routers
r1:
  driver = redirect
  allow_defer
  data = ${if match{$h_subject:}{x}{:defer: later}{}}
here:
  driver = accept
  transport = local
@retry
* * F,1h,10m
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -Mrm $1
@run -odi -f s@test.ex u@test.ex
Subject: good

text
@tool exim_dumpdb @DIR@/spool retry
@clock 2h
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -bp
@case delivery here works in the first attempt of another message
@routers
here:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = ${if match{$h_subject:}{x}{@DIR@/mail/none/box}{@DIR@/mail/box}}
  create_directory = false
  create_file = anywhere
  user = mail
@retry
* * F,1h,10m
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -Mrm $1
@run -odi -f s@test.ex u@test.ex
Subject: good

text
@tool exim_dumpdb @DIR@/spool retry
@clock 2h
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -bp
@case routing of an address works in a queue run that is its first attempt
@routers
r1:
  driver = redirect
  retry_use_local_part
  allow_defer
  data = ${if match{$h_subject:}{x}{:defer: later}{}}
here:
  driver = accept
  transport = local
@retry
* * F,1h,10m
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -Mrm $1
@run -odq -f s@test.ex u@test.ex
Subject: good

text
@clock 11m
@run -q
@tool exim_dumpdb @DIR@/spool retry
@clock 2h
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -bp
@case one recipient is routed, another of the same domain is deferred
@routers
r1:
  driver = redirect
  allow_defer
  data = ${if match{$acl_m_x$local_part}{^d}{:defer: later}{}}
here:
  driver = accept
  transport = local
@retry
* * F,1h,10m
@run -odi -f s@test.ex d1@test.ex a@test.ex
Subject: x

text
@clock 40m
@run -odi -f s@test.ex a@test.ex d2@test.ex b@test.ex
Subject: x

text
@clock 30m
@run -q
@run -bp
@case a child is deferred, later it is routed
@routers
list:
  driver = redirect
  local_parts = list
  data = child@other.test
r1:
  driver = redirect
  allow_defer
  data = ${if match{$h_subject:}{x}{:defer: later}{}}
here:
  driver = accept
  transport = local
@retry
* * F,1h,10m
@run -odi -f s@test.ex list@test.ex
Subject: x

text
@run -Mrm $1
@run -odi -f s@test.ex list@test.ex
Subject: good

text
@clock 2h
@run -odi -f s@test.ex list@test.ex
Subject: x

text
@run -bp
@case routing fails for good after it was deferred
@routers
r1:
  driver = redirect
  allow_defer
  allow_fail
  data = ${if match{$h_subject:}{x}{:defer: later}{${if match{$h_subject:}{f}{:fail: no}{}}}}
here:
  driver = accept
  transport = local
@retry
* * F,1h,10m
@run -odi -f s@test.ex u@test.ex
Subject: x

text
@run -Mrm $1
@run -odi -f s@test.ex u@test.ex
Subject: f

text
@tool exim_dumpdb @DIR@/spool retry
@clock 2h
@run -odi -f u@test.ex u@test.ex
Subject: x

text
@run -bp
