## the load average
@case queue_only_load, one message is kept and then those after it
@main
acl_smtp_rcpt = accept
queue_only_load = 1
@daemon -oX 1225
@client 1225
EHLO client.test
!load 5
MAIL FROM:<a@b.test>
RCPT TO:<one@test.ex>
DATA
Subject: one

text
.
NOOP
!load 0
MAIL FROM:<a@b.test>
RCPT TO:<two@test.ex>
DATA
Subject: two

text
.
NOOP
QUIT
@wait (?s)load average.*load average
@stop
@run -bp
@case queue_only_load, a new connection
@main
acl_smtp_rcpt = accept
queue_only_load = 1
@load 5
@daemon -oX 1225
@client 1225
EHLO client.test
MAIL FROM:<a@b.test>
RCPT TO:<one@test.ex>
DATA
Subject: one

text
.
QUIT
@load 0.5
@client 1225
EHLO client.test
MAIL FROM:<a@b.test>
RCPT TO:<two@test.ex>
DATA
Subject: two

text
.
QUIT
@wait Completed
@stop
@run -bp
@case queue_only_load_latch is false
@main
acl_smtp_rcpt = accept
queue_only_load = 1
queue_only_load_latch = false
@daemon -oX 1225
@client 1225
EHLO client.test
!load 5
MAIL FROM:<a@b.test>
RCPT TO:<one@test.ex>
DATA
Subject: one

text
.
NOOP
!load 0
MAIL FROM:<a@b.test>
RCPT TO:<two@test.ex>
DATA
Subject: two

text
.
NOOP
QUIT
@wait Completed
@stop
@run -bp
