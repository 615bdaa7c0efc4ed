== an unknown option
xyz = 3
== an unknown option without a value
xyz
== an unknown option behind others

primary_hostname = a.test

# comment
xyz = 3
primary_hostname = b.test
== an unknown option on a continued line
xyz = 3 \
  4 \
  5
== an unknown option, negated
no_xyz
== an option that cannot be negated
no_primary_hostname
== an option that is negated and has a value
no_log_timezone = true
== an option is set twice
qualify_domain = a.test
qualify_domain = b.test
== a boolean is set twice
log_timezone
no_log_timezone
== a bad boolean
log_timezone = maybe
== an empty boolean
log_timezone =
== text behind a boolean
log_timezone = true yes
== boolean without equals
log_timezone true
== a bad integer
smtp_accept_max = many
== an empty integer
smtp_accept_max =
== text behind an integer
smtp_accept_max = 20 connections
== text directly behind an integer
smtp_accept_max = 20x
== an integer that is too large
@known remex has 64 bits
smtp_accept_max = 99999999999
== an integer that is too large for K
@known remex has 64 bits
smtp_accept_max = 9999999K
== a bad hexadecimal integer
smtp_accept_max = 0xZZ
== a negative integer
smtp_accept_max = -
== an integer with a bad octal digit
smtp_accept_max = 09
== an integer without equals
smtp_accept_max 20
== an integer without anything
smtp_accept_max
== a bad time
auto_thaw = soon
== a time without a unit
auto_thaw = 12
== a time with an unknown unit
auto_thaw = 3y
== an empty time
auto_thaw =
== text behind a time
auto_thaw = 3d later
== a time without equals
auto_thaw 3d
== a bad list of times
delay_warning = 4h:soon:1d
== an empty item in a list of times
delay_warning = 4h::1d
== a bad fixed-point number
queue_only_load = high
== a fixed-point number with many decimals
@known Exim drops them
queue_only_load = 2.34567
== text behind a fixed-point number
queue_only_load = 2.5 or so
== a fixed-point number without decimals
@known remex wants a decimal behind the point
queue_only_load = 2.
== an empty fixed-point number
queue_only_load =
== a string without equals
primary_hostname a.test
== a string without anything
primary_hostname
== an unclosed quote
smtp_banner = "hello
== text behind a quoted string
smtp_banner = "hello" world
== an unclosed quote over several lines
smtp_banner = "hello \
  world
primary_hostname = a.test
== an expanded integer that is none
recipients_max = many
== a main option that starts with a digit
2nd = 3
== a main option that starts with a sign
-xyz = 3
== an option name with a hyphen
primary-hostname = a.test
== equals alone
= 3
== garbage
%%%
== hide alone
hide
== hide with an unknown option
hide xyz = 3
== a user that does not exist
exim_user = nosuchuser
== a group that does not exist
exim_group = nosuchgroup
== never_users with a user that does not exist
never_users = root : nosuchuser
== trusted_users with a user that does not exist
trusted_users = root : nosuchuser
== trusted_groups with a group that does not exist
trusted_groups = nosuchgroup
== admin_groups with a group that does not exist
admin_groups = nosuchgroup
== an unknown log selector
log_selector = +all +nonsense
== a log selector without a sign
log_selector = all
== an unknown syslog facility
syslog_facility = nonsense
== a bad localhost_number
localhost_number = 99
== a localhost_number that is no number
localhost_number = x
== a bad gecos_pattern
gecos_pattern = ^([a-z
gecos_name = x
== a gecos_name without a pattern
gecos_name = $1
== a bad dns_check_names_pattern
dns_check_names_pattern = ^([a-z
== a bad uucp_from_pattern
uucp_from_pattern = ^([a-z
== a bad host_lookup_order
@known remex looks at it when the file is read
host_lookup_order = sideways
== openssl options
@known remex accepts the option without effect, for shared configurations
openssl_options = +nonsense
== a bad spool_directory
spool_directory = ${nonsense:x}
== a bad log_file_path
log_file_path = relative
== a log_file_path that cannot be expanded
@known Exim splits the list before it expands it
log_file_path = ${nonsense:x}
== a log_file_path with a second %s
log_file_path = /tmp/%s/%slog
== a pid_file_path that cannot be expanded
pid_file_path = ${nonsense:x}
== a primary_hostname that is empty
primary_hostname = ""
== a domain list twice
domainlist a = x.test
domainlist a = y.test
== a named list without a name
@known Exim makes a list without a name
domainlist = x.test
== a named list without equals
domainlist a x.test
== a named list with a bad name
@known remex wants a letter first
domainlist 2a = x.test
== a named list with a hyphen in its name
domainlist a-b = x.test
== a named list with an unclosed quote
domainlist a = "x.test
== a reference to an unknown list
domainlist a = +b
== a list that refers to itself
domainlist a = +a
== too many lists
domainlist
== a local part list that is one too many
localpartlist x
== a macro that is defined twice
ABC = 1
ABC = 2
== a macro that is redefined and was not defined
ABC == 1
== a macro whose name contains an earlier one
ABC = 1
XABCX = 2
== a macro whose name begins with an earlier one
ABC = 1
ABCD = 2
== a macro with a bad name
A-B = 1
== a macro without equals
ABC
== a macro definition with text behind the name
ABC DEF = 1
== the end of a condition is missing
.ifdef ABC
primary_hostname = a.test
== an .endif too many
primary_hostname = a.test
.endif
== an .else too many
.else
== a second .else
@known Exim takes several
.ifdef ABC
.else
.else
.endif
== an .elifdef without .ifdef
.elifdef ABC
== an .elifdef behind .else
@known Exim takes it
.ifdef ABC
.else
.elifdef ABC
.endif
== an unknown directive
.nonsense
== an unknown directive that begins like one
@known Exim ignores such a line
.ifdefined ABC
.endif
== an included file that is missing
primary_hostname = a.test
.include /nonexistent/file
== an included file without a name
@known Exim includes the directory, which is empty
.include
== an optional include with a relative name
.include_if_exists nothere.conf
== an optional include of a missing file, then an error
.include_if_exists /nonexistent/file
xyz = 3
== a relative include of a missing file
.include nothere.conf
== a file that includes itself
.include @CONF@
== an unknown option in an included file
.include @INC@
== an unknown section
begin nonsense
== begin without a name
begin
== a section twice
begin acl
begin acl
== routers twice
begin routers
begin transports
begin routers
== begin with text behind the name
begin routers now
== begin with a colon
begin routers:
== a section name in capitals
begin Routers
== a line of ten words
one two three four five six seven eight nine ten
== av_scanner with an unknown scanner
@known remex looks at it when the file is read
av_scanner = nonsense:/x
== acl_smtp_rcpt names no ACL
acl_smtp_rcpt = nothere
begin acl
other:
  accept
== acl_smtp_rcpt names no ACL and there are none
acl_smtp_rcpt = nothere
== an unknown variable in an option
smtp_banner = $nonsense
== an expansion without its end
smtp_banner = ${lc:$tod_full
== an unknown operator
smtp_banner = ${nonsense:abc}
== a retry_interval_max that is too large
@known remex has times up to 68 years
retry_interval_max = 99999d
== tls_dhparam etc
tls_certificate = /nonexistent
tls_privatekey =
== message_size_limit that is no number
@known remex looks at constant values when the file is read
message_size_limit = big
== a smtp_accept_max_per_connection
@known remex looks at constant values when the file is read
smtp_accept_max_per_connection = 1.5
== smtp_accept_queue without max
smtp_accept_reserve = 30
smtp_accept_max = 20
== smtp_accept_max is zero and a reserve
smtp_accept_max = 0
smtp_accept_reserve = 30
== smtp_accept_queue larger than the maximum
smtp_accept_max = 0
smtp_accept_queue = 3
== check_spool_inodes with K
check_spool_inodes = -5
== message_logs and more
message_logs = off
== an obsolete option
auth_over_tls_hosts = *
== an old option name
forbid_domain_literals
== local_interfaces that is bad
local_interfaces = 1.2.3.4.5
== daemon_smtp_ports that is bad
daemon_smtp_ports = nosuchport
== extra_local_interfaces that is bad
extra_local_interfaces = x
== queue_run_max that is bad
@known remex looks at constant values when the file is read
queue_run_max = some
== remote_max_parallel
remote_max_parallel = x
== timezone
timezone
== system_filter_user that does not exist
system_filter_user = nosuchuser
== system_filter_group that does not exist
system_filter_group = nosuchgroup
== errors_reply_to
@known remex takes any text
errors_reply_to = a b
== rfc1413
rfc1413_query_timeout = 5
== unknown_login twice
unknown_login = a
unknown_login = b
== received_header_text
received_header_text = "a\
