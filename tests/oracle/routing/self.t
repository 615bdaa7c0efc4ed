## self: what becomes of an address whose first host is this machine.
[config]
@HEAD@begin routers
defers:
  driver = dnslookup
  domains = box.test
  local_parts = defer
  self = defer
  transport = remote
fails:
  driver = dnslookup
  domains = box.test
  local_parts = fail
  self = fail
  transport = remote
reroutes:
  driver = dnslookup
  domains = box.test
  local_parts = reroute
  self = reroute: far.test
  transport = remote
round:
  driver = dnslookup
  domains = box.test
  local_parts = round
  self = reroute:box.test
  transport = remote
passes:
  driver = dnslookup
  domains = box.test : far.test
  local_parts = pass
  self = pass
  no_more
  transport = remote
jumps:
  driver = dnslookup
  domains = box.test : nosuch.example
  local_parts = jump
  self = pass
  pass_router = at_end
  no_more
  transport = remote
sends:
  driver = dnslookup
  domains = box.test : second.test
  local_parts = send
  self = send
  transport = remote
freezes:
  driver = dnslookup
  domains = box.test
  local_parts = freeze
  transport = remote
by_srv:
  driver = dnslookup
  domains = selfsrv.test : selfa.test
  check_srv = smtp
  self = fail
  transport = remote
known:
  driver = accept
  condition = ${if def:self_hostname}
  address_data = $self_hostname
  transport = ${if eq{$self_hostname}{host.test}{local}{remote}}
manual_defer:
  driver = manualroute
  domains = manual.test
  local_parts = defer
  self = defer
  route_list = * 127.0.0.1
  transport = remote
manual_fail:
  driver = manualroute
  domains = manual.test
  local_parts = fail
  self = fail
  route_list = * 127.0.0.1
  transport = remote
manual_pass:
  driver = manualroute
  domains = manual.test
  local_parts = pass
  self = pass
  route_list = * host.test:mx1.far.test
  transport = remote
manual_send:
  driver = manualroute
  domains = manual.test
  local_parts = send
  self = send
  route_list = * 127.0.0.1:mx1.far.test
  transport = remote
manual_second:
  driver = manualroute
  domains = manual.test
  local_parts = second
  route_list = * mx1.far.test:127.0.0.1:mx2.far.test
  transport = remote
manual_reroute:
  driver = manualroute
  domains = manual.test
  local_parts = reroute
  self = reroute: far.test
  route_list = * 127.0.0.1
  transport = remote
at_end:
  driver = dnslookup
  domains = far.test : ! box.test
  ignore_target_hosts = 127.0.0.1
  transport = remote
last:
  driver = accept
  domains = box.test
  local_parts = jump : pass
  transport = local
begin transports
remote:
  driver = smtp
local:
  driver = appendfile
  file = /nowhere
  user = mail

[addresses]
defer@box.test
fail@box.test
reroute@box.test
round@box.test
pass@box.test
pass@far.test
jump@box.test
jump@nosuch.example
send@box.test
send@second.test
freeze@box.test
defer@manual.test
fail@manual.test
pass@manual.test
send@manual.test
second@manual.test
reroute@manual.test
x@selfsrv.test
x@selfa.test
