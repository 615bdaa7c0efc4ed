# A host list that cannot be looked at: what it lets through or keeps away is not to be had, what it offers is not offered.
[config]
acl_smtp_rcpt = accept
helo_verify_hosts = ${if match{$sender_helo_name}{^must}{/nonexistent/must}{}}
dsn_advertise_hosts = ${if match{$sender_helo_name}{^dsn}{/nonexistent/dsn}{*}}
hosts_require_helo = /nonexistent/polite
[talk]
S: 220 *
C: MAIL FROM:<a@b.example>
S: 503 HELO or EHLO required
C: HELO must.example
S: 421 mx.example: Temporary local problem; please try again later.
L: cannot tell whether [192.0.2.9] is in hosts_require_helo: */nonexistent/polite*
L: *rejected MAIL from [192.0.2.9]: no HELO/EHLO given
L: cannot tell whether (must.example) [192.0.2.9] is in helo_verify_hosts: */nonexistent/must*
L: Connection from (must.example) [192.0.2.9] refused: helo_verify_hosts cannot be looked at
[talk]
S: 220 *
C: EHLO dsn.example
S: 250-mx.example Hello dsn.example [192.0.2.9]
S: 250-SIZE 52428800
S: 250-LIMITS *
S: 250-8BITMIME
S: 250-PIPELINING
S: 250-PIPECONNECT
S: 250-CHUNKING
S: 250-STARTTLS
S: 250-ENHANCEDSTATUSCODES
S: 250-SMTPUTF8
S: 250 HELP
C: QUIT
S: 221 *
L: cannot tell whether (dsn.example) [192.0.2.9] is in dsn_advertise_hosts: */nonexistent/dsn*
