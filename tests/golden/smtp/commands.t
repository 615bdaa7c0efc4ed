# Syntax and order of commands; the 501 texts are Exim's.
[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
hosts_require_helo = *
smtp_max_synprot_errors = 100
smtp_accept_max_nonmail = 100
smtp_max_unknown_commands = 4
acl_smtp_rcpt = accept
[talk]
S: 220 mx.example ESMTP *
C: MAIL FROM:<a@b.example>
S: 503 HELO or EHLO required
L: rejected MAIL from [192.0.2.9]: no HELO/EHLO given
C: HELO
S: 501 Syntactically invalid HELO argument(s)
L: rejected HELO from [192.0.2.9]: syntactically invalid argument(s): (no argument given)
C: EHLO two words
S: 501 Syntactically invalid EHLO argument(s)
L: rejected EHLO from [192.0.2.9]: syntactically invalid argument(s): two words
C: EHLO [1.2.3]
S: 501 Syntactically invalid EHLO argument(s)
L: rejected EHLO from [192.0.2.9]: syntactically invalid argument(s): [1.2.3]
C: EHLO ${run{id}}%s%n
S: 501 Syntactically invalid EHLO argument(s)
L: rejected EHLO from [192.0.2.9]: syntactically invalid argument(s): ${run{id}}%s%n
C: ehlo client.example
S: 250-mx.example Hello client.example [192.0.2.9]
S: 250-SIZE 52428800
S: 250-LIMITS MAILMAX=1000 RCPTMAX=50000
S: 250-8BITMIME
S: 250-PIPELINING
S: 250-PIPECONNECT
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 HELP
C: RCPT TO:<x@b.example>
S: 503 sender not yet given
C: DATA
S: 503-All RCPT commands were rejected with this error:
S: 503-503 sender not yet given
S: 503 valid RCPT command must precede DATA
C: DATA now
S: 501 unexpected argument data
C: QUIT now
S: 501 unexpected argument data
C: MAIL
S: 500 unrecognized command
C: MAIL FROM:
S: 501 MAIL must have an address operand
C: MAIL FROM:<a@b
S: 501 <a@b: '>' missing at end of address
C: MAIL FROM:<a@b>x
S: 501 <a@b>x: malformed address: x may not follow <a@b>
C: MAIL FROM:<a b@c>
S: 501 <a b@c>: "@" or "." expected after "a"
C: MAIL FROM:<a@b(c)>
S: 501 <a@b(c)>: malformed address: (c)> may not follow <a@b
C: MAIL FROM:<a>
S: 501 <a>: sender address must contain a domain
C: MAIL FROM:<a@[127.0.0.1]>
S: 501 <a@[127.0.0.1]>: domain literals not allowed
C: MAIL FROM:<a@b.example> SIZE=abc
S: 501 SIZE: invalid parameter value
C: MAIL FROM:<a@b.example> SIZE=1 SIZE=2
S: 501 parameter SIZE given twice
C: MAIL FROM:<a@b.example> BODY=BINARYMIME
S: 501 BODY: invalid parameter value
C: MAIL FROM:<a@b.example> AUTH=<+0A>
S: 501 AUTH: invalid parameter value
C: MAIL FROM:<a@b.example> FOO=bar
S: 555 FOO: unsupported parameter
C: MAIL FROM:<a\0b@c.example>
S: 501 NUL characters are not allowed in SMTP commands
C: mail from: <a@b.example> size=10
S: 250 OK
C: MAIL FROM:<a@b.example>
S: 503 sender already given
C: ETRN x
S: 503 ETRN is not permitted inside a transaction
C: RCPT TO
S: 500 unrecognized command
C: RCPT TO:
S: 501 RCPT must have an address operand
C: RCPT TO:<>
S: 501 <>: missing or malformed local part
C: RCPT TO:<x>
S: 501 <x>: recipient address must contain a domain
C: RCPT TO:<Postmaster>
S: 250 Accepted
C: RCPT TO:<@r1.example,@r2.example:x@b.example>
S: 250 Accepted
C: RCPT TO:<"a b"@b.example>
S: 250 Accepted
C: RCPT TO:<x@b.example> ORCPT=rfc822;a+0Ab
S: 555 ORCPT: unsupported parameter
C: STARTTLS
S: 503 STARTTLS command used when not advertised
C: AUTH PLAIN xx
S: 503 AUTH command used when not advertised
C: VRFY x
S: 252 Administrative prohibition
L: H=(client.example) [192.0.2.9] rejected VRFY x
C: NOOP with text
S: 250 OK
C: HELP
S: 214-Commands supported:
S: 214 AUTH HELO EHLO MAIL RCPT DATA BDAT NOOP QUIT RSET HELP
C: RSET
S: 250 Reset OK
C: FOO
S: 500 unrecognized command
C: MAIL FROM
S: 500 unrecognized command
C: BAR
S: 500 Too many unrecognized commands
L: SMTP call from (client.example) [192.0.2.9] dropped: too many unrecognized commands (last was "BAR")
