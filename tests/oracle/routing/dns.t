## dnslookup: MX order, addresses, errors, what is ignored, domain literals.
[config]
@HEAD@begin routers
literal:
  driver = ipliteral
  transport = remote
dns:
  driver = dnslookup
  domains = ! strict.test
  ignore_target_hosts = 127.0.0.0/8
  transport = remote
  no_more
begin transports
remote:
  driver = smtp

[addresses]
x@far.test
x@aonly.test
x@alias.test
x@nullmx.test
x@nothing.test
x@slow.test
x@loopback.test
x@badmx.test
x@nosuch.example
x@[192.0.2.1]
x@strict.test
