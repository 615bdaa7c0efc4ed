# Bodies: the end of data, what is discarded, what is refused; no second message inside the first (FRAME rules).
[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
message_size_limit = 500
smtp_accept_max_nonmail = 100
acl_smtp_rcpt = r
acl_smtp_data = d
acl_smtp_predata = p
begin acl
p:
  deny senders = pre@x.example
       message = predata no
  accept
r:
  discard local_parts = disc
  warn local_parts = hdr
       add_header = X-Two: 2
       set acl_m_seen = in rcpt: $h_x-two:
  accept
d:
  deny condition = ${if eq{$h_subject:}{deny}}
       message = 554 no such subject
  discard condition = ${if eq{$h_subject:}{disc}}
          log_message = dd
  accept condition = ${if eq{$h_subject:}{hdr}}
         message = <$acl_m_seen> <$h_x-two:>
  accept condition = ${if eq{$h_subject:}{msg}}
         message = 251 thanks
  accept message = lines $body_linecount rcpts $recipients_count body <$message_body>
[talk]
S: 220 *
C: EHLO c
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250 HELP
C: MAIL FROM:<pre@x.example>
P: RCPT TO:<a@b.example>
P: DATA
S: 250 OK
S: 250 Accepted
S: 550 predata no
L: H=(c) [192.0.2.9] rejected DATA: predata no
C: RSET
S: 250 Reset OK
C: MAIL FROM:<a@x.example>
S: 250 OK
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: DATA
S: 354 Enter message, ending with "." on a line by itself
C: Subject: x\r\n\r\none\n.\nMAIL FROM:<evil@x>\r\nRCPT TO:<v@y>\r\nDATA\r\nSubject: two\r\n.
S: 250 lines 4 rcpts 1 body <one . MAIL FROM:<evil@x> RCPT TO:<v@y> DATA Subject: two >
L: * <= a@x.example H=(c) [192.0.2.9] P=esmtp S=*
C: MAIL FROM:<a@x.example>
S: 250 OK
C: RCPT TO:<disc@b.example>
S: 250 Accepted
L: H=(c) [192.0.2.9] F=<a@x.example> RCPT <disc@b.example>: discarded by RCPT ACL
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: DATA
S: 354 *
C: Subject: msg\r\n\r\nx\r\n.
S: 251 thanks
L: * <= a@x.example H=(c) [192.0.2.9] P=esmtp S=*
C: MAIL FROM:<a@x.example>
S: 250 OK
C: RCPT TO:<disc@b.example>
S: 250 Accepted
L: H=(c) [192.0.2.9] F=<a@x.example> RCPT <disc@b.example>: discarded by RCPT ACL
C: DATA
S: 354 *
C: Subject: disc\r\n\r\nx\r\n.
S: 250 OK id=*
L: * <= a@x.example H=(c) [192.0.2.9] P=esmtp S=*
L: * => blackhole (RCPT ACL discarded recipients)
L: * Completed
C: MAIL FROM:<a@x.example>
S: 250 OK
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: DATA
S: 354 *
C: Subject: disc\r\n\r\nx\r\n.
S: 250 OK id=*
L: * <= a@x.example H=(c) [192.0.2.9] P=esmtp S=*
L: * => blackhole (DATA ACL discarded recipients): dd
L: * Completed
C: MAIL FROM:<a@x.example>
S: 250 OK
C: RCPT TO:<hdr@b.example>
S: 250 Accepted
C: DATA
S: 354 *
C: Subject: hdr\r\n\r\nx\r\n.
S: 250 <in rcpt: > <2>
L: * <= a@x.example H=(c) [192.0.2.9] P=esmtp S=*
C: MAIL FROM:<a@x.example>
S: 250 OK
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: DATA
S: 354 *
C: Subject: deny\r\n\r\n\r\n.
S: 554 no such subject
L: * H=(c) [192.0.2.9] F=<a@x.example> rejected after DATA: 554 no such subject
L: * H=(c) [192.0.2.9] F=<a@x.example> rejected after DATA: 554 no such subject*Envelope-from: <a@x.example>*Subject: deny*
C: MAIL FROM:<a@x.example>
S: 250 OK
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: DATA
S: 354 *
C: Subject: big\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n.
S: 552 Message size exceeds maximum permitted
L: * rejected from <a@x.example> H=(c) [192.0.2.9]: message too big: read=* max=500
L: * rejected from <a@x.example> H=(c) [192.0.2.9]: message too big: read=* max=500*Envelope-to: <a@b.example>*Subject: big*
C: BDAT 10 LAST
P: 0123456789\c
S: 503 valid RCPT command must precede BDAT
C: MAIL FROM:<a@x.example>
S: 250 OK
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: DATA
S: 354 *
C: Subject: lost\r\n\r\nbody\r\n.\r\c
S: 421 Lost incoming connection
L: SMTP connection from (c) [192.0.2.9] lost while reading message data
