== a transport option without equals
begin transports
t1:
  driver = smtp
  hosts x
== no name in a driver
begin transports
t1:
  driver = smtp
  = 3
== a sign in a driver
begin transports
t1:
  driver = smtp
  -x = 3
== a capital in a driver
begin transports
t1:
  driver = smtp
  XYZ
== a capital in a driver with equals
begin transports
t1:
  driver = smtp
  XYZ = 3
  nonsense
== a macro in a driver, then an option
begin transports
t1:
  driver = smtp
XYZ = 3
  hosts = x
== a capital before the first driver
begin transports
XYZ
== driver without equals
begin transports
t1:
  driver smtp
== driver without anything
begin transports
t1:
  driver
== driver with an empty value
begin transports
t1:
  driver =
== hide in a driver
begin transports
t1:
  driver = smtp
  hide
== hide nonsense in a driver
begin transports
t1:
  driver = smtp
  hide nonsense = 3
== negated unknown in a driver
begin transports
t1:
  driver = smtp
  no_nonsense
== a missing endif in a router
begin routers
r1:
  driver = redirect
.ifdef X
  data = x
== acl_smtp_rcpt with an error in the main section behind
begin acl
a:
  deny message = ${x
       domains = x.test : ^([
  nonsense
== an unknown option in the main section after a warning
domainlist a = ^([
xyz = 3
== local_parts with bad regex
begin routers
r1:
  driver = redirect
  data = x
  local_parts = ^([
== not_ before a non-boolean
not_primary_hostname
== two errors
xyz = 3
abc = 4
== an error in the routers and one in the main section
begin routers
r1:
  driver = nonsense
begin acl
a:
  permit
== routers before transports
@known remex reads all sections before it compares the options of a driver
begin routers
r1:
  driver = accept
begin transports
t1:
  driver = nonsense
== retry quota
begin retry
* quota_ F,2h,15m
== expanded macro on a continued line
M = xyz = 3
M \
 4
== acl line with macros
M = nonsense
begin acl
a:
  deny M = 3
== domains negated
begin acl
a:
  deny ! domains = x
  ! nonsense = 3
