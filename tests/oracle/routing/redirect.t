## Aliases: lists, chains, loops, the special items, defaults.
[config]
@HEAD@domainlist ours = box.test
begin routers
aliases:
  driver = redirect
  domains = +ours
  allow_fail
  allow_defer
  data = ${lookup {$local_part} lsearch {@DIR@/aliases}}
plus:
  driver = redirect
  domains = +ours
  local_part_suffix = +* : -*
  data = ${local_part}@$domain
boxes:
  driver = accept
  domains = +ours
  local_parts = dsearch;@DIR@/mail/box.test
  transport = boxes
far:
  driver = manualroute
  domains = !+ours
  route_list = far.test mx.far.test byname ; *.list.test "192.0.2.1:192.0.2.2" ; port.test 192.0.2.1::2525
  transport = remote
begin transports
boxes:
  driver = appendfile
  directory = @DIR@/mail/box.test/$local_part_data
  maildir_format
remote:
  driver = smtp

[addresses]
postmaster@box.test
chain@box.test
loop1@box.test
fails@box.test
waits@box.test
void@box.test
quoted@box.test
many@box.test
u@box.test
u+detail@box.test
u-detail@box.test
u+@box.test
blog@box.test
who@box.test
x@a.list.test
x@port.test
x@other.test
