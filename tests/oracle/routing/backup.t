## dnslookup: this host among the MXs when a better one cannot be looked up; names that are none; an internationalised domain.
[config]
@HEAD@allow_utf8_domains
begin routers
dns:
  driver = dnslookup
  check_srv = ${if match{$domain}{srv}{smtp}}
  transport = remote
  no_more
begin transports
remote:
  driver = smtp

[addresses]
x@bk-slow.test
x@bk-srv.test
x@bk-name.test
x@bücher.test
