# The name of an ACL may not come from a client: it would choose by which rules it is judged.
[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
acl_smtp_mail = ${if match{$sender_helo_name}{ok}{$sender_helo_name}{mail_from}}
acl_smtp_rcpt = accept
begin acl
ok:
  accept
mail_from:
  accept
[talk]
S: 220 *
C: HELO ok
S: 250 *
C: MAIL FROM:<a@b.example>
S: 451 Temporary local problem - please try later
C: QUIT
S: 221 *
L: attempt to use tainted ACL text "ok"
L: H=(ok) [192.0.2.9] temporarily rejected MAIL <a@b.example>: *
[talk]
S: 220 *
C: HELO other
S: 250 *
C: MAIL FROM:<a@b.example>
S: 250 OK
C: QUIT
S: 221 *
