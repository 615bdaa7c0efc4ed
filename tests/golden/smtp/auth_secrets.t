[config]
pipelining_connect_advertise_hosts =
enhanced_status_codes_advertise_hosts =
tls_advertise_hosts =
host_lookup =
[talk]
# what a client wanted to log in with is not logged
S: 220 *
C: EHLO c
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250-*
S: 250 HELP
C: AUTH PLAIN AGJhZABiYWQ=
S: 503 AUTH command used when not advertised
C: auth\0plain\0AGJhZABiYWQ=
S: 501 *
C:  AUTH PLAIN AGJhZABiYWQ=
S: 500 *
C: AUTH PLAIN AGJhZABiYWQ=
S: 503-AUTH command used when not advertised
S: 503 Too many syntax or protocol errors
L: SMTP call from (c) [192.0.2.9] dropped: too many syntax or protocol errors (last command was "AUTH PLAIN",  C=EHLO,AUTH,AUTH)
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
S: 250 HELP
C: AUTH LOGIN AGJhZABiYWQ=
P: AGJhZABiYWQ=
S: 554 SMTP synchronization error
L: SMTP protocol synchronization error (next input sent too soon: pipelining was advertised): rejected "AUTH LOGIN" H=(c) [192.0.2.9] next input="(not shown)"
[talk]
S: 220 *
C: EHLO c
P: NOOP
P: AUTH PLAIN AGJhZABiYWQ=
P: RSET
S: 554 SMTP synchronization error
L: SMTP protocol synchronization error (next input sent too soon: pipelining was not advertised): rejected "EHLO c" H=[192.0.2.9] next input="NOOP\r\nAUTH PLAIN"
