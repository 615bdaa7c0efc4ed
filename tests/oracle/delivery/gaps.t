## How long it takes until the next attempt when intervals grow.
@case several recipients, the host refuses for now
@retry
* * G,16h,1h,2
@serve 1224
220 server ready
MAIL FROM => 450 later
@run -odi -f s@test.ex a@far.test b@far.test c@far.test d@far.test
Subject: x

text
@clock 61m
@run -q
@tool exinext far.test
@case several recipients, the message is refused for now
@retry
* * G,16h,1h,2
@serve 1224
220 server ready
. => 450 later
@run -odi -f s@test.ex a@far.test b@far.test c@far.test d@far.test
Subject: x

text
@clock 61m
@run -q
@case several recipients at one domain, routing deferred
@routers
r1:
  driver = redirect
  allow_defer
  data = :defer: later
@retry
* * G,16h,1h,2
@run -odi -f s@test.ex a@far.test b@far.test c@far.test d@far.test
Subject: x

text
@clock 61m
@run -q
@case several recipients, deliveries here deferred
@routers
here:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/none/box
  create_directory = false
  create_file = anywhere
  user = mail
@retry
* * G,16h,1h,2
@run -odi -f s@test.ex a@test.ex b@test.ex
Subject: x

text
@clock 61m
@run -q
@case several messages for one host in one queue run
@retry
* * G,16h,1h,2
@run -odq -f s@test.ex a@far.test
Subject: x

text
@run -odq -f s@test.ex b@far.test
Subject: x

text
@run -q
@clock 61m
@run -q
@case a forced attempt before the time waits for the same gap again
@retry
* * G,16h,1h,2
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 30m
@run -qf
@clock 31m
@run -q
@clock 30m
@run -q
@clock 61m
@run -q
@clock 61m
@run -q
@case a forced attempt past the end of the rule
@retry
* * F,1h,50m
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 51m
@run -q
@clock 10m
@run -qf
@run -bp
@case new messages while an address waits
@retry
* * G,16h,1h,2
@serve 1224
220 server ready
RCPT => 450 later
@run -odi -f s@test.ex a@far.test
Subject: x

text
@clock 30m
@run -odi -f s@test.ex a@far.test
Subject: y

text
@clock 31m
@run -q
@clock 30m
@run -q
@clock 61m
@run -q
@clock 61m
@run -q
