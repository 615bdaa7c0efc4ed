## The minimal mail setup as printed: the cases of its table at both ports.
[config]
@SEED_SETUP@

[session 192.0.2.1 25]
EHLO client.test
MAIL FROM:<x@far.test>
RCPT TO:<me@box.test>
RCPT TO:<me/shop@box.test>
RCPT TO:<me/nosuch@box.test>
RCPT TO:<nobody@box.test>
RCPT TO:<y@far.test>
QUIT

[session 192.0.2.1 25]
HELO client.test
MAIL FROM:<me@box.test>
RCPT TO:<x@far.test>
RCPT TO:<blog@box.test>
RSET
MAIL FROM:<x@nosuch.example>
RCPT TO:<me@box.test>
QUIT

[session 127.0.0.1 587]
EHLO laptop
MAIL FROM:<me@box.test>
RCPT TO:<x@far.test>
RCPT TO:<blog@box.test>
RCPT TO:<nobody@box.test>
RSET
MAIL FROM:<x@far.test>
RCPT TO:<me@box.test>
RCPT TO:<y@far.test>
RSET
MAIL FROM:<nobody@box.test>
RCPT TO:<me@box.test>
QUIT

[session 127.0.0.1 587]
EHLO laptop
MAIL FROM:<me@box.test>
RCPT TO:<blog@box.test>
DATA
From: <me@box.test>
Subject: unsigned

body
.
QUIT

[session 192.0.2.1 25]
HELO client.test
MAIL FROM:<>
RCPT TO:<me@box.test>
DATA
Subject: a bounce

body
.
QUIT
