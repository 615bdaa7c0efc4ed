#!/usr/bin/env python3
"""A worker that dies while it sends: what the other side took before is not sent again, neither to other recipients of the same message nor of
the messages that went over the same connection."""
# timeout: 120
import atexit
import os
import re
import signal
import threading

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
PEER = peers.Sink()
atexit.register(PEER.stop)
CONF = fill(D, PORT, routers='''
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
  destination_max_connections = 1
''' % PEER.port)
h.write(CONF, open(CONF).read().replace('  accept domains = dsearch', '  accept domains = remote.test\n  accept domains = dsearch', 1))
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log():
    try:
        with open(D('log/mainlog')) as f:
            return f.read()
    except OSError:
        return ''


class Killer:
    """Kills the worker when the other side reads MAIL for the n-th time."""

    def __init__(self, n):
        self.left, self.killed = n, False

    def __call__(self, _):
        self.left -= 1
        if self.left == 0:
            os.kill(SERVER.worker(), signal.SIGKILL)
            self.killed = True
            raise ConnectionError('nobody is there any more')
        return '250 ok'


def each_once(recipients):
    h.equal(sorted(sum((m[1] for m in PEER.messages), [])), sorted(recipients), 'each recipient once; log: ' + log()[-3000:])


def begin(kill_at, ehlo='250-sink.test\r\n250 8BITMIME'):
    PEER.messages.clear()
    PEER.replies.clear()
    PEER.replies['EHLO'] = ehlo
    PEER.replies['MAIL'] = killer = Killer(kill_at)
    return killer, log().count(' Completed')


def done(n):
    h.wait_for(lambda: log().count(' Completed') >= n, what=lambda: '%d messages to be delivered: %s' % (n, log()[-3000:]))


def test_transactions_of_one_message():
    killer, before = begin(4, '250-sink.test\r\n250-LIMITS RCPTMAX=1\r\n250 8BITMIME')
    to = ['u%d@remote.test' % i for i in range(6)]
    h.equal(h.send(PORT, 'a@client.test', to, 'Subject: x\n\nx\n')[0], 250)
    done(before + 1)
    h.check(killer.killed, 'the worker died in the middle')
    each_once(to)
    for address in to:
        h.equal(len(re.findall('[=-]> %s ' % address, log())), 1, 'lines about ' + address)


def test_messages_over_one_connection():
    killer, _ = begin(5)
    all_in = threading.Event()
    PEER.replies['.'] = lambda _: all_in.wait(60) and '250 taken'
    to = ['m%d@remote.test' % i for i in range(8)]
    for address in to:
        h.equal(h.send(PORT, 'a@client.test', [address], 'Subject: x\n\nx\n')[0], 250)
    all_in.set()  # from now on one follows the other at once
    h.wait_for(lambda: killer.killed, what=lambda: 'the worker to die: ' + log()[-3000:])
    SERVER.worker()

    def empty():  # what waited for its turn would come back in minutes
        SERVER.run('-qf')
        return SERVER.run('-bpc').stdout.strip() == '0'
    h.wait_for(empty, what=lambda: 'an empty queue: ' + log()[-3000:])
    each_once(to)


h.main()
