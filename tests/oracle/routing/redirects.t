## redirect: who comes back to where it came from, which domain a bare name gets, whose files are read.
[config]
@HEAD@begin routers
alias:
  driver = redirect
  domains = box.test
  local_parts = joe.bloggs : first : Twice
  data = ${if eq{$local_part}{first}{second}{${if eq{$local_part}{twice}{TWICE2}{jb}}}}
with_check:
  driver = redirect
  domains = box.test
  local_parts = jb
  check_ancestor
  data = \\Joe.Bloggs, other
without_check:
  driver = redirect
  domains = box.test
  local_parts = second
  data = first, other
checked_case:
  driver = redirect
  domains = box.test
  local_parts = twice2
  check_ancestor
  data = tWICE
once:
  driver = redirect
  domains = repeat.test
  no_repeat_use
  data = a$local_part@repeat.test
again:
  driver = redirect
  domains = repeats.test
  condition = ${if <{${strlen:$local_part}}{4}}
  data = a$local_part@repeats.test
own_domain:
  driver = redirect
  domains = keep.test
  local_parts = k
  qualify_preserve_domain
  data = bare, \\back, full@far.test
other_domain:
  driver = redirect
  domains = keep.test
  local_parts = q
  qualify_domain = far.test
  data = bare, \\back
main_domain:
  driver = redirect
  domains = keep.test
  local_parts = m
  data = bare, \\back
owner_right:
  driver = redirect
  domains = own.test
  local_parts = right
  file = @DIR@/domains
  owners = mail : root
  modemask = 0
owner_wrong:
  driver = redirect
  domains = own.test
  local_parts = wrong
  file = @DIR@/domains
  owners = mail
  modemask = 0
group_right:
  driver = redirect
  domains = group.test
  local_parts = right
  file = @DIR@/domains
  owngroups = mail : root
  modemask = 0
group_wrong:
  driver = redirect
  domains = group.test
  local_parts = wrong
  file = @DIR@/domains
  owngroups = mail
  modemask = 0
group_unchecked:
  driver = redirect
  domains = group.test
  local_parts = unchecked
  file = @DIR@/domains
  owngroups = mail
  no_check_group
  modemask = 0
masked:
  driver = redirect
  domains = group.test
  local_parts = masked
  file = @DIR@/domains
rest:
  driver = accept
  transport = local
begin transports
local:
  driver = appendfile
  file = /nowhere
  user = mail

[addresses]
joe.bloggs@box.test
Joe.Bloggs@box.test
jb@box.test
first@box.test
second@box.test
twice@box.test
x@repeat.test
x@repeats.test
k@keep.test
q@keep.test
m@keep.test
right@own.test
wrong@own.test
right@group.test
wrong@group.test
unchecked@group.test
masked@group.test
