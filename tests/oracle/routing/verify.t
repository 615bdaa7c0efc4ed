## Routers that take an address and say that it does not verify, and those that verify nothing.
[config]
@HEAD@begin routers
recipient:
  driver = accept
  local_parts = recipient
  fail_verify_recipient
  transport = local
sender:
  driver = accept
  local_parts = sender
  fail_verify_sender
  transport = local
both:
  driver = accept
  local_parts = both
  fail_verify
  transport = local
redirected:
  driver = redirect
  local_parts = redirected
  fail_verify
  data = x@far.test
discards:
  driver = redirect
  local_parts = discards
  fail_verify_recipient
  data = :blackhole:
refuses:
  driver = redirect
  local_parts = refuses
  fail_verify
  allow_fail
  data = :fail: gone away
mixed:
  driver = accept
  local_parts = mixed
  fail_verify
  no_fail_verify_sender
  transport = local
unsent:
  driver = accept
  local_parts = unsent
  no_verify_sender
  transport = local
unreceived:
  driver = accept
  local_parts = unreceived
  no_verify_recipient
  transport = local
last:
  driver = accept
  domains = far.test
  transport = local
begin transports
local:
  driver = appendfile
  file = /nowhere
  user = mail

[addresses -bt -bv -bvs]
recipient@box.test
sender@box.test
both@box.test
redirected@box.test
discards@box.test
refuses@box.test
mixed@box.test
unsent@box.test
unreceived@box.test
unsent@far.test
unreceived@far.test
