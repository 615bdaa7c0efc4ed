## dnslookup: check_secondary_mx, mx_domains, mx_fail_domains, fail_defer_domains.
[config]
@HEAD@begin routers
secondary:
  driver = dnslookup
  domains = second.test : far.test : box.test : aonly.test : nosuch.example
  check_secondary_mx
  transport = backup
needs_mx:
  driver = dnslookup
  domains = aonly.test : one.test : mxslow.test
  mx_domains = ! one.test : *
  transport = remote
  no_more
begin transports
backup:
  driver = smtp
remote:
  driver = smtp

[addresses]
x@second.test
x@far.test
x@box.test
x@aonly.test
x@one.test
x@mxslow.test
x@nosuch.example

[config]
@HEAD@begin routers
dns:
  driver = dnslookup
  mx_fail_domains = mxslow.test
  fail_defer_domains = nosuch.example : nothing.test : nullmx.test : badmx.test : loopback.test
  ignore_target_hosts = 127.0.0.0/8
  transport = remote
  no_more
begin transports
remote:
  driver = smtp

[addresses]
x@mxslow.test
x@slow.test
x@nosuch.example
x@nosuch2.example
x@nothing.test
x@nullmx.test
x@badmx.test
x@loopback.test
x@far.test

[config]
@HEAD@begin routers
strict:
  driver = dnslookup
  mx_domains = *
  mx_fail_domains = mxslow.test
  transport = remote
  no_more
begin transports
remote:
  driver = smtp

[addresses]
x@mxslow.test
x@aonly.test

## Addresses of both families.
[config]
@HEAD@begin routers
only:
  driver = dnslookup
  ipv4_only = ${if match{$local_part}{only}{yes}{no}}
  ipv4_prefer = ${if match{$local_part}{prefer}{yes}fail}
  transport = remote
  no_more
begin transports
remote:
  driver = smtp

[addresses]
x@both.test
only@both.test
prefer@both.test
x@mxboth.test
prefer@mxboth.test
x@six.test
only@six.test

[addresses]
! A host that has no address it may be reached by is listed there.
only@mxboth.test

## What cannot be looked up now goes on with pass_on_timeout; DNSSEC.
[config]
@HEAD@begin routers
passes:
  driver = dnslookup
  domains = slow.test : mxslow.test : bk-slow.test : far.test : nosuch.example
  pass_on_timeout
  no_more
  transport = remote
signed:
  driver = dnslookup
  domains = one.test : two.test : aonly.test
  dnssec_request_domains = *
  dnssec_require_domains = ! two.test : *
  transport = remote
  no_more
smart:
  driver = manualroute
  domains = ! literal.test
  route_list = slow.test mx1.far.test ; * mx2.far.test
  transport = smart
list:
  driver = manualroute
  route_list = literal.test slow.test
  pass_on_timeout
  no_more
  transport = remote
last:
  driver = accept
  transport = smart
begin transports
remote:
  driver = smtp
smart:
  driver = smtp
  hosts = 192.0.2.99

[addresses]
x@slow.test
x@mxslow.test
x@bk-slow.test
x@far.test
x@nosuch.example
x@one.test
x@two.test
x@aonly.test

[addresses]
! The host that could not be looked up is shown there with the transport of the router that took the address.
x@literal.test
