## freezing, thawing and bounces that bounce
@case a bounce that cannot be delivered freezes, and is dropped later
@main
ignore_bounce_errors_after = 2h
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f nobody@test.ex bad@test.ex
Subject: x

text
@run -bp
@run -q
@clock 1h
@run -q
@clock 61m
@run -q
@run -bp
@case ignore_bounce_errors_after 0
@main
ignore_bounce_errors_after = 0s
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f nobody@test.ex bad@test.ex
Subject: x

text
@run -bp
@case a bounce that is deferred past its retry time
@main
ignore_bounce_errors_after = 2h
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f u@far.test bad@test.ex
Subject: x

text
@clock 61m
@run -q
@run -bp
@clock 2h
@run -q
@run -bp
@case timeout_frozen_after
@main
timeout_frozen_after = 3h
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odq -f s@test.ex a@far.test
Subject: x

text
@run -Mf $1
@clock 2h
@run -q
@clock 61m
@run -q
@run -bp
@case timeout_frozen_after counts from the arrival, not from the freezing
@main
timeout_frozen_after = 3h
@routers
here:
  driver = accept
  domains = test.ex
  local_parts = s
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odq -f s@test.ex a@far.test
Subject: x

text
@clock 150m
@run -Mf $1
@run -q
@run -bp
@clock 31m
@run -q
@run -bp
@case timeout_frozen_after for a bounce
@main
timeout_frozen_after = 3h
ignore_bounce_errors_after = 1d
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f nobody@test.ex bad@test.ex
Subject: x

text
@clock 2h
@run -q
@clock 61m
@run -q
@run -bp
@case auto_thaw
@main
auto_thaw = 1h
@serve 1224
220 server ready
RCPT => 450 later
@run -odq -f s@test.ex a@far.test
Subject: x

text
@run -Mf $1
@clock 30m
@run -q
@clock 31m
@run -q
@run -bp
@case auto_thaw of a bounce
@main
auto_thaw = 1h
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f nobody@test.ex bad@test.ex
Subject: x

text
@clock 61m
@run -q
@run -bp
@case freeze_tell
@main
freeze_tell = o@test.ex
@routers
bad:
  driver = redirect
  local_parts = bad : worse
  allow_fail
  data = :fail: no such person
here:
  driver = accept
  domains = test.ex
  local_parts = s : o : copies
  transport = local
far:
  driver = manualroute
  domains = ! test.ex
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@run -odi -f nobody@test.ex bad@test.ex
Subject: x

text
@case -Mt, -M and -qff
@run -odq -f s@test.ex a@far.test
Subject: x

text
@run -Mf $1
@run -Mt $1
@run -q
@run -Mf $1
@run -qff
@run -Mf $1
@run -M $1
@run -bp
@case -Mg
@run -odq -f s@test.ex a@far.test b@far.test
Subject: x

text
@run -Mg $1
@case -Mg of a bounce
@run -odq -f <> a@far.test
Subject: x

text
@run -Mg $1
@run -bp
@case a router freezes
@routers
fr:
  driver = redirect
  local_parts = d
  allow_filter
  allow_freeze
  user = mail
  data = "#Exim filter\nfreeze \"look at this\""
here:
  driver = accept
  transport = local
@main
freeze_tell = o@test.ex
@run -odi -f s@test.ex d@test.ex x@test.ex
Subject: x

text
@run -bp
@run -q
