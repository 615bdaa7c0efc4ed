# A proxy says who the client is; smtp_accept_max_per_host counts the client.
[config]
hosts_proxy = 192.0.2.9
tls_advertise_hosts =
smtp_accept_max_per_host = 5
host_reject_connection = 198.51.100.66
acl_smtp_connect = c
acl_smtp_rcpt = accept
begin acl
c:
  accept logwrite = $proxy_session $sender_host_address:$sender_host_port ($proxy_local_address:$proxy_local_port) ($proxy_external_address:$proxy_external_port)
[talk]
C: PROXY TCP4 198.51.100.7 203.0.113.1 4444 25
S: 220 *
C: EHLO x
S: 250-mx.example Hello x [198.51.100.7]
S: 250-SIZE 52428800
S: 250-LIMITS MAILMAX=1000 RCPTMAX=50000
S: 250-8BITMIME
S: 250-PIPELINING
S: 250-PIPECONNECT
S: 250-CHUNKING
S: 250-ENHANCEDSTATUSCODES
S: 250-SMTPUTF8
S: 250 HELP
C: QUIT
S: 221 *
L: yes 198.51.100.7:4444 (192.0.2.9:0) (203.0.113.1:25)
[talk]
C: PROXY UNKNOWN
S: 220 *
C: QUIT
S: 221 *
L: yes 192.0.2.9:0 (:0) (:0)
[talk]
C: PROXY TCP4 198.51.100.66 203.0.113.1 4444 25
S: 554 SMTP service not available
L: refused connection from [198.51.100.66] (host_reject_connection)
[talk]
C: EHLO x
L: PROXY negotiation with [192.0.2.9] (in hosts_proxy) failed, connection closed: no PROXY header: got "EHLO x*
[talk]
C: PROXY TCP4 198.51.100.7 203.0.113.1 4444\c
L: PROXY negotiation with [192.0.2.9] (in hosts_proxy) failed, connection closed: the connection ended before the PROXY header did
