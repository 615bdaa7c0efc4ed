# Nothing of a refused or ended transaction survives; the enhanced codes come only when offered.
[config]
tls_advertise_hosts =
host_lookup =
smtp_accept_max_nonmail = 100
enhanced_status_codes_advertise_hosts = *
message_size_limit = 5000
acl_smtp_mail = m
acl_smtp_rcpt = r
acl_smtp_connect = c
acl_smtp_quit = q
begin acl
c:
  accept message = hello there\nsecond
q:
  accept message = bye bye
m:
  deny senders = no@x.example
  warn senders = set@x.example
       set acl_m_a = A
       set acl_c_a = C
  accept
r:
  deny local_parts = nosuchuser
       !verify = recipient
  deny local_parts = coded
       message = 550 5.2.1 disabled\nmailbox
  deny message = m=<$acl_m_a> c=<$acl_c_a> size=<$message_size> lp=<$local_part> d=<$domain>
[talk]
S: 220-hello there
S: 220 second
C: HELO c
S: 250 mx.example Hello c [192.0.2.9]
C: RCPT TO:<x>
S: 503 sender not yet given
C: EHLO c
S: 250-mx.example Hello c [192.0.2.9]
S: 250-SIZE 5000
S: 250-LIMITS MAILMAX=1000 RCPTMAX=50000
S: 250-8BITMIME
S: 250-PIPELINING
S: 250-PIPECONNECT
S: 250-CHUNKING
S: 250-ENHANCEDSTATUSCODES
S: 250-SMTPUTF8
S: 250 HELP
C: MAIL FROM:<no@x.example> SIZE=77
S: 550 5.7.1 Administrative prohibition
C: MAIL FROM:<set@x.example>
S: 250 2.1.0 OK
C: RCPT TO:<"Some One"@B.example>
S: 550 5.7.1 m=<A> c=<C> size=<*> lp=<some one> d=<b.example>
C: RCPT TO:<nosuchuser@b.example>
S: 550 5.1.1 no such address here
C: RCPT TO:<coded@b.example>
S: 550-5.2.1 disabled
S: 550 5.2.1 mailbox
C: RSET
S: 250 2.0.0 Reset OK
C: MAIL FROM:<b@x.example>
S: 250 2.1.0 OK
C: RCPT TO:<c@b.example>
S: 550 5.7.1 m=<> c=<C> size=<*> lp=<c> d=<b.example>
C: QUIT
S: 221 2.0.0 bye bye
[talk]
S: 220-hello there
S: 220 second
C: EHLO c
S: 250-mx.example Hello c [192.0.2.9]
S: 250-SIZE 5000
S: 250-LIMITS MAILMAX=1000 RCPTMAX=50000
S: 250-8BITMIME
S: 250-PIPELINING
S: 250-PIPECONNECT
S: 250-CHUNKING
S: 250-ENHANCEDSTATUSCODES
S: 250-SMTPUTF8
S: 250 HELP
C: MAIL FROM:<b@x.example>
S: 250 2.1.0 OK
C: RCPT TO:<c@b.example>
S: 550 5.7.1 m=<> c=<> size=<*> lp=<c> d=<b.example>
