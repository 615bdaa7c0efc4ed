## The commands themselves: order, syntax, limits.
[config]
@HEAD@acl_smtp_rcpt = accept
acl_smtp_data = accept
recipients_max = 3
message_size_limit = 5K
smtp_max_unknown_commands = 2
smtp_max_synprot_errors = 50

[session 192.0.2.1]
HELO client.test
MAIL FROM:<x@far.test>
MAIL FROM:<y@far.test>
RCPT TO:<a@box.test>
RCPT TO:<b@box.test>
RCPT TO:<c@box.test>
RCPT TO:<d@box.test>
RSET
NOOP
RCPT TO:<a@box.test>
DATA
MAIL FROM:x@far.test
RSET
MAIL FROM:<x@far.test
MAIL FROM:<x@@far.test>
MAIL FROM:<x y@far.test>
MAIL FROM: <z@far.test>
QUIT

[session 192.0.2.1]
HELO client.test
MAIL FROM:<x@far.test>
RCPT TO:<>
RCPT TO:<unqualified>
RCPT TO:<postmaster>
RCPT TO:<"quoted local"@box.test>
RCPT TO:<a@[192.0.2.1]>
RCPT TO:<@route.test:a@box.test>
RCPT TO:a@box.test
RCPT TO:<a@box.test>x
QUIT

[session 192.0.2.1]
HELO
HELO x_y
HELO client.test
MAIL
MAIL FROM
MAIL TO:<x@far.test>
MAIL FROM:<unqualified>
MAIL FROM:<x@far.test> SIZE=99999
MAIL FROM:<x@far.test> SIZE=abc
MAIL FROM:<x@far.test> UNKNOWN=1
MAIL FROM:<x@far.test> BODY=8BITMIME
RCPT
RCPT FROM:<a@box.test>
DATA x
QUIT

[session 192.0.2.1]
MAIL FROM:<x@far.test>
RCPT TO:<a@box.test>
DATA
QUIT

[session 192.0.2.1]
HELO c
NONSENSE
NONSENSE
NONSENSE
QUIT

[session 192.0.2.1]
EHLO [192.0.2.1]
VRFY a@box.test
EXPN a@box.test
HELP
NOOP ignored
ETRN #x
AUTH PLAIN
QUIT now
