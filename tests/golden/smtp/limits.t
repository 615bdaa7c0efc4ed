# What ends a session: too many of something.
[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
recipients_max = 3
message_size_limit = 1000
acl_smtp_rcpt = accept
smtp_accept_max_per_connection = 3
[talk]
S: 220 *
C: HELO c
S: 250 mx.example Hello c [192.0.2.9]
C: RCPT TO:<x>
S: 503 sender not yet given
C: RCPT TO:<x>
S: 503 sender not yet given
C: RCPT TO:<x>
S: 503 sender not yet given
C: RCPT TO:<x>
S: 503-sender not yet given
S: 503 Too many syntax or protocol errors
L: SMTP call from (c) [192.0.2.9] dropped: too many syntax or protocol errors (last command was "RCPT TO:<x>",  C=HELO,RCPT,RCPT,RCPT,RCPT)
[talk]
S: 220 *
C: HELO c
S: 250 *
C: NOOP
S: 250 OK
C: NOOP
S: 250 OK
C: NOOP
S: 250 OK
C: NOOP
S: 250 OK
C: NOOP
S: 250 OK
C: NOOP
S: 250 OK
C: NOOP
S: 250 OK
C: NOOP
S: 250 OK
C: NOOP
S: 250 OK
C: NOOP
S: 250 OK
C: NOOP
S: 554 Too many nonmail commands
L: SMTP call from (c) [192.0.2.9] dropped: too many nonmail commands (last was "NOOP")
[talk]
S: 220 *
C: HELO c
S: 250 *
C: MAIL FROM:<> SIZE=1001
S: 552 Message size exceeds maximum permitted
L: rejected MAIL FROM:<> H=(c) [192.0.2.9]: message too big: size=1001 max=1000
C: MAIL FROM:<>
S: 250 OK
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: RCPT TO:<a@b.example>
S: 452 too many recipients
L: too many recipients: excess temporarily rejected: sender=<> H=(c) [192.0.2.9]
C: RCPT TO:<a@b.example>
S: 452 too many recipients
C: RSET
S: 250 Reset OK
C: MAIL FROM:<>
S: 250 OK
C: RSET
S: 250 Reset OK
C: MAIL FROM:<>
S: 421 too many messages in this connection
L: rejected MAIL command H=(c) [192.0.2.9]: too many messages in one connection
[talk]
S: 220 *
C: GET / HTTP/1.1
P: Host: x
P: MAIL FROM:<a@b.example>
S: 554 this is a mail server
L: SMTP call from [192.0.2.9] dropped: HTTP request "GET / HTTP/1.1"
[talk]
S: 220 *
C: HELO c
S: 554 SMTP synchronization error
P: MAIL FROM:<a@b.example>
L: SMTP protocol synchronization error (next input sent too soon: pipelining was not advertised): rejected "HELO c" H=[192.0.2.9] next input="MAIL FROM:<a@b.example>\r\n"
