#!/usr/bin/env python3
"""The spool refuses the record of what was delivered: nothing is delivered a second time, and the record is made when the spool takes it."""
# timeout: 180
import atexit

import fault_shim as f
import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
PEER = peers.Sink()
atexit.register(PEER.stop)
CONF = fill(D, PORT, routers='''
later:
  driver = redirect
  domains = later.test
  allow_defer
  data = :defer: not yet
out:
  driver = manualroute
  domains = remote.test
  route_list = * 127.0.0.1
  self = send
  transport = out
''', transports='''
out:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
  hosts_avoid_pipelining = *
''' % PEER.port)
h.write(CONF, open(CONF).read().replace('  accept domains = dsearch', '  accept domains = remote.test : later.test\n  accept domains = dsearch', 1))
FAULTS = f.Faults(D.path, D('spool/db/spool.sqlite-wal'))
SERVER = h.Remex(CONF, [PORT], env=FAULTS.env).start('-q1h')
atexit.register(SERVER.kill)
REFUSED = 'cannot be recorded'


def log():
    try:
        with open(D('log/mainlog')) as file:
            return file.read()
    except OSError:
        return ''


def refuse(_=''):
    FAULTS.arm(f.WRITE, at=1, mode=f.FROM_NOW_ON)
    return '250 taken'


def begin(refused_at_first, ehlo='250-sink.test\r\n250 8BITMIME'):
    """The other side refuses that many recipients, takes the others, and then the disk refuses: mail that waits for a retry time is looked at
    every second."""
    PEER.messages.clear()
    PEER.replies.clear()
    left = [refused_at_first]

    def rcpt(_):
        left[0] -= 1
        return '450 not now' if left[0] >= 0 else '250 ok'
    PEER.replies.update({'EHLO': ehlo, 'RCPT': rcpt, '.': refuse})


def taken():
    return sorted(sum((m[1] for m in PEER.messages), []))


def refused_for_long(after):
    """The writer tries each second; what was due was looked at as often."""
    h.wait_for(lambda: log().count(REFUSED) > after, what=lambda: 'a refused record: ' + log()[-3000:])
    first = FAULTS.hits()
    h.wait_for(lambda: FAULTS.hits() > first + 5, what='further attempts to record it')


def allow():
    FAULTS.disarm()
    PEER.replies.pop('.', None)


def test_a_message_that_has_other_recipients():
    before, recorded = log().count(REFUSED), log().count('is recorded now')
    begin(1)
    h.equal(h.send(PORT, 'a@client.test', ['u@remote.test', 'v@later.test'], 'Subject: x\n\nx\n')[0], 250)
    refused_for_long(before)
    h.equal(taken(), ['u@remote.test'], 'while the disk refuses; log: ' + log()[-3000:])
    allow()
    h.wait_for(lambda: log().count('is recorded now') > recorded, what=lambda: 'the record: ' + log()[-3000:])
    queue = SERVER.run('-bp').stdout
    h.check('D u@remote.test' in queue, 'the queue: ' + queue)
    SERVER.run('-qf')
    h.equal(taken(), ['u@remote.test'], 'after that; log: ' + log()[-3000:])
    h.equal(log().count(REFUSED), before + 1, 'lines about it')


def test_a_message_that_is_done():
    before, completed = log().count(REFUSED), log().count('Completed')
    to = ['u@remote.test', 'v@remote.test']
    begin(2)
    h.equal(h.send(PORT, 'a@client.test', to, 'Subject: x\n\nx\n')[0], 250)
    refused_for_long(before)
    h.equal(taken(), to, 'while the disk refuses; log: ' + log()[-3000:])
    allow()
    h.wait_for(lambda: 'v@remote.test' not in SERVER.run('-bp').stdout, what='a message less')
    h.equal(log().count('Completed'), completed + 1, 'Completed')
    h.equal(taken(), to, 'after that; log: ' + log()[-3000:])


def test_between_the_transactions_of_a_message():
    before, recorded = log().count(REFUSED), log().count('is recorded now')
    to = ['t%d@remote.test' % i for i in range(4)]
    begin(0, '250-sink.test\r\n250-LIMITS RCPTMAX=1\r\n250 8BITMIME')
    h.equal(h.send(PORT, 'a@client.test', to, 'Subject: x\n\nx\n')[0], 250)
    refused_for_long(before)
    h.equal(len(taken()), 1, 'one transaction, and no other before it is recorded; log: ' + log()[-3000:])
    allow()
    h.wait_for(lambda: log().count('is recorded now') > recorded, what=lambda: 'the record: ' + log()[-3000:])
    SERVER.run('-qf')
    h.wait_for(lambda: len(taken()) >= 4, what=lambda: 'the others: ' + log()[-3000:])
    h.equal(taken(), to, 'each once; log: ' + log()[-3000:])


h.main()
