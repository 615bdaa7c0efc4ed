# No RCPT ACL: nothing is accepted.
[config]
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
[talk]
S: 220 *
C: HELO c
S: 250 *
C: MAIL FROM:<>
S: 250 OK
C: RCPT TO:<x@mx.example>
S: 550 Administrative prohibition
C: DATA
S: 503-All RCPT commands were rejected with this error:
S: 503-Administrative prohibition
S: 503 Valid RCPT command must precede DATA
