## Exim's own programs of Debian 12 on logs and queues: they know message ids of the older form, so docs/differences.md shortens the others.
@case exigrep
@routers
bad:
  driver = redirect
  local_parts = bad
  allow_fail
  data = :fail: no such person
wait:
  driver = redirect
  local_parts = wait
  allow_defer
  data = :defer: not today
far:
  driver = manualroute
  domains = far.test
  route_list = * 127.0.0.1
  self = send
  transport = smtp
here:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  user = mail
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
@serve 1224
220 server ready
RCPT TO:<no => 550 nobody
@send 10 u@test.ex v@test.ex
@send 100 one@far.test no@far.test
@send 10 bad@test.ex
@send 10 wait@test.ex
@sh
sed -E 's/\b(\w{6})-\w{9}(\w{2})-(\w{4})\b/\1-\2\3-00/g' spool/log/mainlog > mail/log
show() { echo "exigrep $*"; /usr/sbin/exigrep "$@" mail/log | sed -E 's/\b\w{6}-\w{6}-\w{2}\b/ID/g'; }
show v@test.ex
show -I V@TEST.EX
show V@TEST.EX
show -l one@far.test
show -v 'far|bad|wait'
show -M no@far.test
show -t1s u@test.ex
show 'T=smtp'
echo $(cat mail/log | wc -l) lines
rm mail/log
@case eximstats
@routers
bad:
  driver = redirect
  local_parts = bad
  allow_fail
  data = :fail: no such person
wait:
  driver = redirect
  local_parts = wait
  allow_defer
  data = :defer: not today
far:
  driver = manualroute
  domains = far.test
  route_list = * 127.0.0.1
  self = send
  transport = smtp
here:
  driver = accept
  transport = local
@transports
local:
  driver = appendfile
  file = @DIR@/mail/file
  user = mail
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
@serve 1224
220 server ready
RCPT TO:<no => 550 nobody
@send 1000 u@test.ex v@test.ex
@send 3000 one@far.test no@far.test
@send 10 bad@test.ex
@send 10 wait@test.ex
@sh
sed -E -e 's/\b(\w{6})-\w{9}(\w{2})-(\w{4})\b/\1-\2\3-00/g' -e 's/ S=([0-9]*)[0-9]{2}\b/ S=\100/' spool/log/mainlog > mail/log
show() { echo "eximstats $*"; /usr/sbin/eximstats "$@" mail/log | sed -E 's/^(Exim statistics from ).*/\1/; s/[0-9]{2}:00-|[0-9]{2}-[0-9]{2} /HOUR /; /^ *[0-9]{2}:00/d'; }
show -h0
show -h0 -bydomain -byemail
show -h0 -nr -ne -txt -t5 -pattern queued '/R=wait/'
rm mail/log
@case exiqsumm
@routers
wait:
  driver = redirect
  allow_defer
  data = :defer: not today
@send 100 a@one.test
@send 100 b@one.test c@two.test
@send 10000 a@three.test
@run -odi -f <> d@two.test
Subject: x

text
@sh
sorted() { echo "exiqsumm $*"; $MTA -bp | sed -E 's/^ *([0-9]+[mhd]) +[0-9.]+K? /\1 1K /; s/\b(\w{6})-\w{9}(\w{2})-(\w{4})\b/\1-\2\3-00/' | sed -E 's/^([0-9]+[mhd] )/ \1 /' | /usr/sbin/exiqsumm "$@" | sort; }
sorted
sorted -a
sorted -b
sorted -f
@case exinext and exim_dumpdb
@routers
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
@transports
smtp:
  driver = smtp
  port = 1224
  hosts_try_fastopen =
@send 10 a@far.test
@tool exinext far.test
@tool exinext a@far.test
@tool exinext 127.0.0.1
@clock 2h
@run -q
@tool exinext far.test
