# ACL verdicts as the client and the log see them (compared with Exim 4.96).
[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
acl_smtp_mail = m
acl_smtp_helo = h
acl_smtp_rcpt = r
begin acl
h:
  deny condition = ${if eq{$sender_helo_name}{bad.example}}
       message = bad helo name
  accept
m:
  deny senders = deny@x.example
       message = sender denied
       log_message = denied in log
  defer senders = defer@x.example
  deny senders = wrong@x.example
       message = 450 wrong class
  accept senders = okmsg@x.example
         message = fine sender
  accept
r:
  accept local_parts = okmsg
         message = 251 fine\nrecipient
  deny local_parts = multi
       message = line one\nline two
  deny local_parts = sv
       !verify = sender
  deny local_parts = sv2
       message = MSG
       !verify = sender
  require message = need verify
          log_message = LOGREQ
          verify = recipient
  deny local_parts = nested
       acl = inner a b
       log_message = <$acl_verify_message>
  deny local_parts = nestdeny
       !acl = inner2 a
  deny local_parts = wrongdiscard
       acl = discarder
  deny local_parts = deep
       acl = deep
  deny local_parts = badbool
       condition = maybe
  warn local_parts = badwarn
       condition = maybe
  deny local_parts = ff
       ! hosts = ${if eq{1}{2}{a}fail}
       message = forced failure is true
  accept local_parts = endq
         message = before endpass
         endpass
         condition = no
  discard local_parts = disc
          log_message = why
  drop local_parts = dropme
  accept
inner:
  accept message = inner msg $acl_arg1-$acl_arg2 $acl_narg
inner2:
  deny message = inner2 msg $acl_arg1
discarder:
  discard
deep:
  deny acl = deep
[talk]
S: 220 *
C: EHLO bad.example
S: 550 bad helo name
L: H=(bad.example) [192.0.2.9] rejected EHLO or HELO bad.example: bad helo name
C: HELO c
S: 250 *
C: MAIL FROM:<deny@x.example>
S: 550 sender denied
L: H=(c) [192.0.2.9] rejected MAIL <deny@x.example>: denied in log
C: MAIL FROM:<defer@x.example>
S: 451 Temporary local problem - please try later
L: H=(c) [192.0.2.9] temporarily rejected MAIL <defer@x.example>
C: MAIL FROM:<wrong@x.example>
S: 550 wrong class
L: configured error code starts with incorrect digit (expected 5) in "450 wrong class"
L: H=(c) [192.0.2.9] rejected MAIL <wrong@x.example>: 550 wrong class
C: MAIL FROM:<okmsg@x.example>
S: 250 fine sender
C: RCPT TO:<okmsg@b.example>
S: 251-fine
S: 251 recipient
C: RCPT TO:<multi@b.example>
S: 550-line one
S: 550 line two
L: H=(c) [192.0.2.9] F=<okmsg@x.example> rejected RCPT <multi@b.example>: line one
C: RCPT TO:<nosuch@b.example>
S: 550 need verify
L: H=(c) [192.0.2.9] F=<okmsg@x.example> rejected RCPT <nosuch@b.example>: LOGREQ: no such address here
C: RCPT TO:<tempfail@b.example>
S: 451 try again
L: H=(c) [192.0.2.9] F=<okmsg@x.example> temporarily rejected RCPT <tempfail@b.example>: try again
C: RCPT TO:<nested@b.example>
S: 550 inner msg a-b 2
L: H=(c) [192.0.2.9] F=<okmsg@x.example> rejected RCPT <nested@b.example>: <inner msg a-b 2>: inner msg a-b 2
C: RCPT TO:<nestdeny@b.example>
S: 550 inner2 msg a
L: H=(c) [192.0.2.9] F=<okmsg@x.example> rejected RCPT <nestdeny@b.example>: inner2 msg a
C: RCPT TO:<wrongdiscard@b.example>
S: 451 Temporary local problem - please try later
L: H=(c) [192.0.2.9] F=<okmsg@x.example> temporarily rejected RCPT <wrongdiscard@b.example>: nested ACL returned "discard" for "deny" command (only allowed with "accept" or "discard")
C: RCPT TO:<deep@b.example>
S: 451 Temporary local problem - please try later
L: H=(c) [192.0.2.9] F=<okmsg@x.example> temporarily rejected RCPT <deep@b.example>: ACL nested too deep: possible loop
C: RCPT TO:<badbool@b.example>
S: 451 Temporary local problem - please try later
L: H=(c) [192.0.2.9] F=<okmsg@x.example> temporarily rejected RCPT <badbool@b.example>: invalid "condition" value "maybe"
C: RCPT TO:<badwarn@b.example>
S: 250 Accepted
L: H=(c) [192.0.2.9] Warning: ACL "warn" statement skipped: condition test deferred: invalid "condition" value "maybe"
C: RCPT TO:<ff@b.example>
S: 550 forced failure is true
L: H=(c) [192.0.2.9] F=<okmsg@x.example> rejected RCPT <ff@b.example>: forced failure is true
C: RCPT TO:<endq@b.example>
S: 550 before endpass
L: H=(c) [192.0.2.9] F=<okmsg@x.example> rejected RCPT <endq@b.example>: before endpass
C: RCPT TO:<disc@b.example>
S: 250 Accepted
L: H=(c) [192.0.2.9] F=<okmsg@x.example> RCPT <disc@b.example>: discarded by RCPT ACL: why
C: RCPT TO:<dropme@b.example>
S: 550 Administrative prohibition
L: H=(c) [192.0.2.9] F=<okmsg@x.example> rejected RCPT <dropme@b.example>
[talk]
S: 220 *
C: HELO c
S: 250 *
C: MAIL FROM:<nosuch@x.example>
S: 250 OK
C: RCPT TO:<sv@b.example>
S: 550-Verification failed for <nosuch@x.example>
S: 550-no such address here
S: 550 Sender verify failed
L: H=(c) [192.0.2.9] sender verify fail for <nosuch@x.example>: no such address here
L: H=(c) [192.0.2.9] F=<nosuch@x.example> rejected RCPT <sv@b.example>: Sender verify failed
C: RCPT TO:<sv2@b.example>
S: 550 MSG
L: H=(c) [192.0.2.9] F=<nosuch@x.example> rejected RCPT <sv2@b.example>: Sender verify failed
C: DATA
S: 503 valid RCPT command must precede DATA
C: RSET
S: 250 Reset OK
C: MAIL FROM:<tempfail@x.example>
S: 250 OK
C: RCPT TO:<sv@b.example>
S: 451 Temporary local problem - please try later
L: H=(c) [192.0.2.9] sender verify defer for <tempfail@x.example>: try again
L: H=(c) [192.0.2.9] F=<tempfail@x.example> temporarily rejected RCPT <sv@b.example>: Could not complete sender verify
C: QUIT
S: 221 mx.example closing connection
