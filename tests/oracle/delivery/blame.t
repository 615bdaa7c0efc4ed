## Whose fault it is: of the host, of this message at that host, or of the recipient (manual, "Errors in outgoing SMTP").
@case closed after the message, and another message
@serve 1224
220 server ready
. => CLOSE
@run -odi -f s@test.ex a@far.test
Subject: x

text
@serve 1224
220 server ready
@run -odi -f s@test.ex b@far.test
Subject: y

text
@tool exim_dumpdb @DIR@/spool retry
@clock 1m
@run -q
@clock 11m
@run -q
@case no answer to the message, and another message
@serve 1224
220 server ready
. => SILENT
@run -odi -f s@test.ex a@far.test
Subject: x

text
@serve 1224
220 server ready
@run -odi -f s@test.ex b@far.test
Subject: y

text
@tool exim_dumpdb @DIR@/spool retry
@clock 11m
@run -q
@case no answer to MAIL, and another message
@serve 1224
220 server ready
MAIL => SILENT
@run -odi -f s@test.ex a@far.test
Subject: x

text
@serve 1224
220 server ready
@run -odi -f s@test.ex b@far.test
Subject: y

text
@tool exim_dumpdb @DIR@/spool retry
@clock 11m
@run -q
@case no answer to RCPT, and another message to somebody else
@serve 1224
220 server ready
RCPT TO:<slow@ => SILENT
@run -odi -f s@test.ex slow@far.test
Subject: x

text
@run -odi -f s@test.ex b@far.test
Subject: y

text
@clock 1m
@run -q
@clock 11m
@run -q
@case no answer to RCPT, among others
@serve 1224
220 server ready
RCPT TO:<slow@ => SILENT
RCPT TO:<bad@ => 550 never
@run -odi -f s@test.ex a@far.test bad@far.test slow@far.test b@far.test
Subject: x

text
@clock 1m
@run -q
@clock 11m
@run -q
@clock 22m
@run -q
@case no answer to RCPT, among others, pipelining
@serve 1224
220 server ready
EHLO => 250-server\r\n250 PIPELINING
RCPT TO:<slow@ => SILENT
@run -odi -f s@test.ex a@far.test slow@far.test b@far.test
Subject: x

text
@clock 11m
@run -q
