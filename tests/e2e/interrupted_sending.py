#!/usr/bin/env python3
"""A worker that dies while it sends: what the other side took before is not sent again, neither to other recipients of the same message nor of
the messages that went over the same connection, and what was delivered here is not delivered again."""
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
mbox:
  driver = accept
  domains = file.test
  local_parts = box
  transport = mbox
command:
  driver = accept
  domains = file.test
  transport = command
''', transports='''
mbox:
  driver = appendfile
  file = @DIR@/mail/$local_part_data.mbox
command:
  driver = pipe
  command = /bin/sh -c "echo x >> @DIR@/mail/begun; read x < @DIR@/mail/fifo; true"
  log_output
out:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
  hosts_avoid_pipelining = *
  destination_max_connections = 1
'''.replace('@DIR@', D.path) % PEER.port)
h.write(CONF, open(CONF).read().replace('  accept domains = dsearch', '  accept domains = remote.test : file.test\n  accept domains = dsearch', 1))
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


def boxes():
    with open(D('mail/box.mbox')) as f:
        return f.read().count('Subject: x')


def test_a_mailbox_file_and_a_host_that_is_silent():
    killer, before = begin(1)
    h.equal(h.send(PORT, 'a@client.test', ['box@file.test', 'n@remote.test'], 'Subject: x\n\nx\n')[0], 250)
    done(before + 1)
    h.check(killer.killed, 'the worker died in the middle')
    h.equal(boxes(), 1, 'copies in the mailbox; log: ' + log()[-3000:])


def test_a_mailbox_file_and_a_command_that_takes_long():
    os.unlink(D('mail/box.mbox'))
    os.mkfifo(D('mail/fifo'))
    os.chmod(D('mail/fifo'), 0o666)
    before = log().count(' Completed')
    h.equal(h.send(PORT, 'a@client.test', ['box@file.test', 'wait@file.test'], 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: os.path.exists(D('mail/begun')), what=lambda: 'the command to begin: ' + log()[-3000:])
    h.equal(boxes(), 1, 'copies in the mailbox before')
    os.kill(SERVER.worker(), signal.SIGKILL)

    def completed():  # the old command holds the message until it ends
        let_go(D('mail/fifo'))
        return log().count(' Completed') > before
    h.wait_for(completed, what=lambda: 'the message to be done: ' + log()[-3000:])
    with open(D('mail/begun')) as f:
        h.equal(f.read(), 'x\nx\n', 'the command ran again')
    h.equal(boxes(), 1, 'copies in the mailbox; log: ' + log()[-3000:])


def let_go(path):
    """Whoever waits for the other end of a fifo goes on."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        pass


h.main()
