[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
auth_advertise_hosts = *
smtp_accept_max_nonmail = 6
acl_smtp_rcpt = r
begin acl
r:
  deny message = a=<$authenticated_id> s=<$authenticated_sender>
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth2}{good}{yes}{${if eq{$auth2}{def}{temporary thing}{no}}}}
  server_set_id = $auth2
[talk]
S: 220 *
C: EHLO c
S: 250-mx.example Hello c [192.0.2.9]
S: 250-SIZE 52428800
S: 250-LIMITS MAILMAX=1000 RCPTMAX=50000
S: 250-8BITMIME
S: 250-PIPELINING
S: 250-PIPECONNECT
S: 250-AUTH PLAIN
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250 HELP
C: AUTH PLAIN ====
S: 501 Invalid base64 data
L: plain authenticator failed for (c) [192.0.2.9]: 501 Invalid base64 data
C: AUTH FOO x
S: 504 FOO authentication mechanism not supported
C: AUTH PLAIN AGJhZABiYWQ=
S: 535 Incorrect authentication data
L: plain authenticator failed for (c) [192.0.2.9]: 535 Incorrect authentication data (set_id=bad)
C: AUTH PLAIN AGRlZgBiYWQ=
S: 435 Unable to authenticate at present: temporary thing
L: plain authenticator failed for (c) [192.0.2.9]: 435 Unable to authenticate at present (set_id=def): temporary thing
C: AUTH PLAIN
S: 334
C: *
S: 501 Authentication cancelled
L: plain authenticator failed for (c) [192.0.2.9]: 501 Authentication cancelled
C: MAIL FROM:<a@b.example> AUTH=x@y.example
S: 250 OK
C: RCPT TO:<a@b.example>
S: 550 a=<> s=<>
L: H=(c) [192.0.2.9] F=<a@b.example> rejected RCPT <a@b.example>: a=<> s=<>
C: RSET
S: 250 Reset OK
C: AUTH PLAIN AGdvb2QAYmFk
S: 235 Authentication succeeded
C: AUTH PLAIN AGdvb2QAYmFk
S: 503-already authenticated
S: 503 Too many syntax or protocol errors
L: SMTP call from *(c) [192.0.2.9] dropped: too many syntax or protocol errors*
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
S: 250-*
S: 250 HELP
C: AUTH PLAIN AGdvb2QAYmFk
S: 235 Authentication succeeded
C: MAIL FROM:<a@b.example> AUTH=x+3Dy@y.example
S: 250 OK
C: RCPT TO:<a@b.example>
S: 550 a=<good> s=<x=y@y.example>
L: H=(c) [192.0.2.9] F=<a@b.example> A=plain:good rejected RCPT <a@b.example>: a=<good> s=<x=y@y.example>
C: RSET
S: 250 Reset OK
C: MAIL FROM:<a@b.example>
S: 250 OK
C: RCPT TO:<a@b.example>
S: 550 a=<good> s=<>
L: H=(c) [192.0.2.9] F=<a@b.example> A=plain:good rejected RCPT <a@b.example>: a=<good> s=<>
[talk]
# guessing is bounded
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
S: 250-*
S: 250 HELP
C: AUTH PLAIN AGJhZABiYWQ=
S: 535 *
C: AUTH PLAIN AGJhZABiYWQ=
S: 535 *
C: AUTH PLAIN AGJhZABiYWQ=
S: 535 *
C: AUTH PLAIN AGJhZABiYWQ=
S: 535 *
C: AUTH PLAIN AGJhZABiYWQ=
S: 535 *
C: AUTH PLAIN AGJhZABiYWQ=
S: 535 *
C: AUTH PLAIN AGJhZABiYWQ=
S: 535 *
C: AUTH PLAIN AGJhZABiYWQ=
S: 554 Too many nonmail commands
