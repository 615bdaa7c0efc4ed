[config]
host_reject_connection = net-lsearch;/nonexistent/unwanted
acl_smtp_rcpt = accept
[talk]
S: 421 mx.example: Temporary local problem; please try again later.
L: cannot tell whether [192.0.2.9] is in host_reject_connection: */nonexistent/unwanted*
L: Connection from [192.0.2.9] refused: host_reject_connection cannot be looked at
