[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
acl_smtp_connect = deny message = go away
acl_smtp_rcpt = accept
[talk]
S: 550 go away
L: H=[192.0.2.9] rejected connection in "connect" ACL: go away
