## What makes a router take or pass an address.
[config]
@HEAD@domainlist listed = @DIR@/domains
begin routers
by_domain:
  driver = accept
  domains = +listed
  transport = t
by_condition:
  driver = accept
  domains = cond.test
  condition = ${if match{$local_part}{^a}}
  transport = t
by_data:
  driver = accept
  domains = lsearch;@DIR@/table
  address_data = $domain_data
  condition = ${if eq{$address_data}{two}}
  transport = t
by_prefix:
  driver = accept
  domains = prefix.test
  local_part_prefix = real- : x-*-
  transport = t
by_optional:
  driver = accept
  domains = optional.test
  local_part_suffix = +*
  local_part_suffix_optional
  local_parts = joe : ^adm
  transport = t
by_sender:
  driver = accept
  domains = sender.test
  senders = : a@b.test
  transport = t
by_files:
  driver = accept
  domains = files.test
  require_files = @DIR@/$local_part:!@DIR@/absent
  transport = t
stops:
  driver = accept
  domains = stop.test
  local_parts = one
  no_more
  cannot_route_message = nobody called $local_part at $domain
  transport = t
after:
  driver = accept
  domains = stop.test : more.test
  local_parts = two
  transport = t
fails_more:
  driver = accept
  domains = more.test
  local_parts = three
  more = ${if eq{$local_part}{four}{no}{yes}}
  transport = t
declines:
  driver = redirect
  domains = decline.test
  data = ${if eq{$local_part}{go}{u@cond.test}fail}
passes:
  driver = redirect
  domains = again.test
  data = a@again.test
  redirect_router = at_end
verify_only_r:
  driver = accept
  domains = verify.test
  verify_only
  transport = t
no_verify_r:
  driver = accept
  domains = noverify.test
  no_verify
  transport = t
no_test_r:
  driver = accept
  domains = notest.test
  no_address_test
  transport = t
unseen_r:
  driver = accept
  domains = twice.test
  unseen
  transport = t
at_end:
  driver = accept
  domains = twice.test : again.test
  transport = t2
begin transports
t:
  driver = appendfile
  directory = /nowhere
  maildir_format
  user = mail
t2:
  driver = appendfile
  directory = /nowhere
  maildir_format
  user = mail

[addresses]
x@a.test
x@b.test
x@x.b.test
x@c.b.test
abc@cond.test
bcd@cond.test
real-joe@prefix.test
x-1-joe@prefix.test
joe@prefix.test
joe@optional.test
joe+x@optional.test
admin@optional.test
bob@optional.test
x@sender.test
aliases@files.test
nofile@files.test
one@stop.test
two@stop.test
two@more.test
three@more.test
four@more.test
go@decline.test
stay@decline.test
q@again.test
x@verify.test
x@noverify.test
x@notest.test
x@nobody.example

[addresses]
! An unseen copy is listed before its original there, and named its own parent.
x@twice.test
