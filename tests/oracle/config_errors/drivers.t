== a router with an unknown option
begin routers
r1:
  driver = accept
  nonsense = 3
== a router with an unknown option without a value
begin routers
r1:
  driver = accept
  nonsense
== a router with an unknown driver
begin routers
r1:
  driver = nonsense
== a router with an unknown driver and more
begin routers
r1:
  driver = nonsense
  transport = t1
r2:
  driver = accept
== a router without a driver
begin routers
r1:
  domains = x.test
== a router without anything
begin routers
r1:
== a router without a driver before another
begin routers
r1:
  domains = x.test
r2:
  driver = redirect
  data = a
== a router with two drivers
begin routers
r1:
  driver = redirect
  driver = redirect
  data = x
== a driver's option before the driver
begin routers
r1:
  data = x
  driver = redirect
== a generic option before the driver
begin routers
r1:
  domains = x.test
  driver = redirect
  data = a
== an unknown option before the driver
begin routers
r1:
  nonsense = x
  driver = redirect
  data = a
== a router without transport
begin routers
r1:
  driver = accept
== a manualroute router without transport
begin routers
r1:
  driver = manualroute
  route_list = * x.test
== a manualroute router without route_list
begin routers
r1:
  driver = manualroute
== a dnslookup router without transport
begin routers
r1:
  driver = dnslookup
== a redirect router with nothing
begin routers
r1:
  driver = redirect
== a redirect router with both
begin routers
r1:
  driver = redirect
  data = x
  file = /x
== a redirect router with one_time and headers
begin routers
r1:
  driver = redirect
  data = x
  one_time
  headers_add = X: y
== a redirect router with an unknown transport
begin routers
r1:
  driver = redirect
  data = x
  file_transport = nothere
== a router with an unknown transport
begin routers
r1:
  driver = accept
  transport = nothere
== an unknown transport, there are others
begin routers
r1:
  driver = accept
  transport = nothere
begin transports
t1:
  driver = smtp
== two routers of one name
begin routers
r1:
  driver = redirect
  data = x
r1:
  driver = redirect
  data = y
== a router with a bad name
begin routers
2r:
  driver = redirect
== a router with a hyphen in its name
begin routers
r-1:
  driver = redirect
== a router with text behind its name
begin routers
r1: driver = redirect
== a router without a colon
begin routers
r1
  driver = redirect
== an option before the first router
begin routers
driver = redirect
== a router option that is set twice
begin routers
r1:
  driver = redirect
  data = x
  data = y
== a generic option that is set twice
begin routers
r1:
  driver = redirect
  data = x
  domains = x
  domains = y
== a boolean option that is wrong
begin routers
r1:
  driver = redirect
  data = x
  one_time = perhaps
== an expanded boolean that is wrong
begin routers
r1:
  driver = redirect
  data = x
  more = perhaps
== unseen that is wrong
begin routers
r1:
  driver = redirect
  data = x
  unseen = perhaps
== a boolean of a driver without equals
begin routers
r1:
  driver = redirect
  data = x
  one_time true
== an integer of a router that is wrong
begin routers
r1:
  driver = redirect
  data = x
  modemask = 999
== an octal number of a router with text
begin routers
r1:
  driver = redirect
  data = x
  modemask = rw
== pass_router that goes back
begin routers
r1:
  driver = redirect
  data = x
r2:
  driver = redirect
  data = x
  pass_router = r1
== pass_router that is unknown
begin routers
r1:
  driver = redirect
  data = x
  pass_router = nothere
== redirect_router that is unknown
begin routers
r1:
  driver = redirect
  data = x
  redirect_router = nothere
== self that is wrong
begin routers
r1:
  driver = dnslookup
  transport = t1
  self = nonsense
begin transports
t1:
  driver = smtp
== host_find_failed that is wrong
begin routers
r1:
  driver = manualroute
  transport = t1
  route_list = * x.test
  host_find_failed = nonsense
begin transports
t1:
  driver = smtp
== host_all_ignored that is wrong
begin routers
r1:
  driver = manualroute
  transport = t1
  route_list = * x.test
  host_all_ignored = decline
  host_find_failed = ignore
begin transports
t1:
  driver = smtp
== manualroute with route_list and route_data
begin routers
r1:
  driver = manualroute
  transport = t1
  route_list = * x.test
  route_data = y.test
begin transports
t1:
  driver = smtp
== queryprogram without a command
begin routers
r1:
  driver = queryprogram
  transport = t1
begin transports
t1:
  driver = smtp
== queryprogram without a user
begin routers
r1:
  driver = queryprogram
  command = /bin/x
  transport = t1
begin transports
t1:
  driver = smtp
== queryprogram with a relative command
begin routers
r1:
  driver = queryprogram
  command = bin/x
  command_user = root
  transport = t1
begin transports
t1:
  driver = smtp
== iplookup without anything
begin routers
r1:
  driver = iplookup
== ipliteral without transport
begin routers
r1:
  driver = ipliteral
== a router's user that does not exist
begin routers
r1:
  driver = redirect
  data = x
  user = nosuchuser
== a router's group that does not exist
begin routers
r1:
  driver = redirect
  data = x
  group = nosuchgroup
== owners that do not exist
begin routers
r1:
  driver = redirect
  data = x
  owners = root : nosuchuser
== owngroups that do not exist
begin routers
r1:
  driver = redirect
  data = x
  owngroups = nosuchgroup
== set with a bad variable
@known remex looks at it when the file is read
begin routers
r1:
  driver = redirect
  data = x
  set = foo = 3
== set without equals
@known remex looks at it when the file is read
begin routers
r1:
  driver = redirect
  data = x
  set = r_foo
== errors_to twice with no
begin routers
r1:
  driver = redirect
  data = x
  no_errors_to
== an address_test that is negated with a value
begin routers
r1:
  driver = redirect
  data = x
  no_address_test = true
== no_verify with another
begin routers
r1:
  driver = redirect
  data = x
  no_verify
  verify
== an expansion of a router that is wrong
begin routers
r1:
  driver = redirect
  data = ${nonsense:x}
== an unknown variable in a router
begin routers
r1:
  driver = redirect
  data = $nonsense
== an unknown list in a router
begin routers
r1:
  driver = redirect
  data = x
  domains = +nothere
== an unclosed quote in a router
begin routers
r1:
  driver = redirect
  data = "x
== initial_destination that is unknown
begin routers
r1:
  driver = redirect
  data = x
  address_data
== a transport with an unknown option
begin transports
t1:
  driver = smtp
  nonsense = 3
== a transport with an unknown driver
begin transports
t1:
  driver = nonsense
== a transport without a driver
begin transports
t1:
  user = root
== two transports of one name
begin transports
t1:
  driver = smtp
t1:
  driver = smtp
== a transport option that is set twice
begin transports
t1:
  driver = smtp
  hosts = x
  hosts = y
== a transport with a bad time
begin transports
t1:
  driver = smtp
  connect_timeout = soon
== a transport with a bad integer
@known expanded, as in newer versions of Exim
begin transports
t1:
  driver = smtp
  max_rcpt = many
== a transport with a bad octal
begin transports
t1:
  driver = appendfile
  file = /x
  mode = 088
== a transport with a bad octal word
begin transports
t1:
  driver = appendfile
  file = /x
  mode = rw
== an appendfile with file and directory
begin transports
t1:
  driver = appendfile
  file = /x
  directory = /y
== an appendfile with maildir and mailstore
begin transports
t1:
  driver = appendfile
  directory = /y
  maildir_format
  mailstore_format
== an appendfile with maildir and file
@known such a transport delivers nothing
begin transports
t1:
  driver = appendfile
  file = /y
  maildir_format
== an appendfile with a bad create_file
begin transports
t1:
  driver = appendfile
  file = /y
  create_file = nonsense
== an appendfile with a bad quota
@known remex looks at it when the file is read
begin transports
t1:
  driver = appendfile
  file = /y
  quota = lots
== an appendfile with a bad regex
@known remex looks at it when the file is read
begin transports
t1:
  driver = appendfile
  directory = /y
  quota_size_regex = ^([
== an appendfile without mbx and lock
begin transports
t1:
  driver = appendfile
  file = /y
  no_use_lockfile
  no_use_fcntl_lock
== an appendfile with mbx and use_lockfile
@known mbx_format is not supported
begin transports
t1:
  driver = appendfile
  file = /y
  mbx_format
  message_prefix = x
== a pipe with both returns
begin transports
t1:
  driver = pipe
  command = /x
  return_output
  return_fail_output
== a pipe with both logs
begin transports
t1:
  driver = pipe
  command = /x
  log_output
  log_fail_output
== a pipe with a bad temp_errors
begin transports
t1:
  driver = pipe
  command = /x
  temp_errors = 1:x
== a pipe with freeze and ignore
begin transports
t1:
  driver = pipe
  command = /x
  freeze_exec_fail
  ignore_status
== a pipe with allow_commands
begin transports
t1:
  driver = pipe
  use_shell
  allow_commands = /x
== a pipe with a relative path
begin transports
t1:
  driver = pipe
  command = x
  path = bin
== autoreply with nothing
begin transports
t1:
  driver = autoreply
== an lmtp transport with nothing
begin transports
t1:
  driver = lmtp
== an lmtp transport with both
begin transports
t1:
  driver = lmtp
  command = /x
  socket = /y
== an smtp transport with a bad protocol
@known Exim takes any other word for smtp
begin transports
t1:
  driver = smtp
  protocol = uucp
== an smtp transport with a negative timeout
begin transports
t1:
  driver = smtp
  command_timeout = 0s
== an smtp transport with zero limits
begin transports
t1:
  driver = smtp
  connection_max_messages = -1
== an smtp transport with unknown hosts
begin transports
t1:
  driver = smtp
  hosts_require_auth = +nothere
== an smtp transport with a bad serialize
begin transports
t1:
  driver = smtp
  size_addition = x
== a transport with shadow
begin transports
t1:
  driver = smtp
  shadow_transport = nothere
== body_only with headers_only
begin transports
t1:
  driver = smtp
  body_only
  headers_only
== a transport with a user that does not exist
begin transports
t1:
  driver = pipe
  command = /x
  user = nosuchuser
== a transport with a bad headers_rewrite
begin transports
t1:
  driver = smtp
  headers_rewrite = x
== a transport with a bad headers_rewrite flag
begin transports
t1:
  driver = smtp
  headers_rewrite = *@x a@b Z
== a transport with transport_filter
begin transports
t1:
  driver = smtp
  transport_filter
== message_size_limit
@known remex looks at constant values when the file is read
begin transports
t1:
  driver = smtp
  message_size_limit = lots
== an authenticator with an unknown driver
begin authenticators
a1:
  driver = nonsense
== an authenticator with an unknown option
begin authenticators
a1:
  driver = plaintext
  public_name = PLAIN
  nonsense = 3
== an authenticator without a driver
begin authenticators
a1:
  public_name = PLAIN
== an authenticator without a public name
begin authenticators
a1:
  driver = plaintext
  server_prompts = :
== an authenticator with a bad public name
begin authenticators
a1:
  driver = plaintext
  public_name = "a b"
== two authenticators of one name
begin authenticators
a1:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = no
a1:
  driver = plaintext
  public_name = LOGIN
== two authenticators with one mechanism
@known remex warns
begin authenticators
a1:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = no
a2:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = no
== cram_md5 without a secret
@known such an authenticator does nothing
begin authenticators
a1:
  driver = cram_md5
  public_name = CRAM-MD5
== cram_md5 with only a client name
@known such an authenticator does nothing
begin authenticators
a1:
  driver = cram_md5
  public_name = CRAM-MD5
  client_name = x
== dovecot without a socket
@known such an authenticator does nothing
begin authenticators
a1:
  driver = dovecot
  public_name = PLAIN
== gsasl with an unknown mechanism
@known the oracle was built without gsasl
begin authenticators
a1:
  driver = gsasl
  public_name = NONSENSE
== gsasl without what it needs
@known the oracle was built without gsasl
begin authenticators
a1:
  driver = gsasl
  public_name = SCRAM-SHA-256
  server_realm = x
== cyrus
@known cyrus_sasl is not supported
begin authenticators
a1:
  driver = cyrus_sasl
  public_name = PLAIN
== external
begin authenticators
a1:
  driver = external
== tls with nothing
begin authenticators
a1:
  driver = tls
== spa
@known spa is not supported
begin authenticators
a1:
  driver = spa
  public_name = NTLM
  client_send = x
== an authenticator option twice
begin authenticators
a1:
  driver = plaintext
  public_name = PLAIN
  public_name = LOGIN
