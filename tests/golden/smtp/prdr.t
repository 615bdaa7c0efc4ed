[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
prdr_enable
acl_smtp_rcpt = r
acl_smtp_data_prdr = accept
begin acl
r:
  discard local_parts = b : d
  accept
[talk]
# every recipient the client heard 250 of has its reply, discarded ones too
S: 220 *
C: EHLO c
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-PRDR
S: 250-*
S: 250 HELP
C: MAIL FROM:<s@b.example> PRDR
S: 250 OK, PRDR Requested
C: RCPT TO:<a@b.example>
S: 250 Accepted
C: RCPT TO:<b@b.example>
S: 250 Accepted
C: RCPT TO:<c@b.example>
S: 250 Accepted
C: RCPT TO:<d@b.example>
S: 250 Accepted
C: DATA
S: 354 *
C: Subject: x\r\n\r\nx\r\n.
S: 353 *
S: 250 PRDR R=<a@b.example> acceptance
S: 250 PRDR R=<b@b.example> acceptance
S: 250 PRDR R=<c@b.example> acceptance
S: 250 PRDR R=<d@b.example> acceptance
S: 250 *
C: QUIT
S: 221 *
