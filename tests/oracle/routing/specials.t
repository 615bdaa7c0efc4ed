## Files and pipes without a transport: the others of the list go on, and the address verifies. Host lists that cannot be expanded.
[config]
@HEAD@begin routers
lists:
  driver = redirect
  domains = box.test
  local_parts = one : two
  data = ${if eq{$local_part}{one}{|/bin/cat}{@DIR@/file, |/bin/cat, u@box.test}}
  file_transport = boxes
rest:
  driver = accept
  domains = box.test
  transport = boxes
data:
  driver = manualroute
  domains = data.test
  route_data = \${lookup{x}lsearch{/nonexistent}}
  transport = remote
list:
  driver = manualroute
  route_list = list.test ${lookup{x}lsearch{/nonexistent}} ; forced.test "${if eq{$domain}{}{x}fail}"
  transport = remote
begin transports
boxes:
  driver = appendfile
remote:
  driver = smtp

[addresses]
one@box.test
two@box.test
x@data.test
x@list.test
x@forced.test
