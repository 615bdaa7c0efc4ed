# Refused before the greeting.
[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
host_reject_connection = 192.0.2.9
acl_smtp_rcpt = accept
[talk]
S: 554 SMTP service not available
L: refused connection from [192.0.2.9] (host_reject_connection)
