#!/usr/bin/env python3
"""A worker that dies while it sends: what the other side took before is not sent again, neither to other recipients of the same message nor of
the messages that went over the same connection, and what was delivered here is not delivered again. Nor does another host get what the first one may
have, and a text that cannot be read here is not the host's fault."""
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
PEER, SECOND = peers.Sink(), peers.Sink()
atexit.register(PEER.stop)
atexit.register(SECOND.stop)
CONF = fill(D, PORT, routers='''
later:
  driver = redirect
  domains = remote.test
  local_parts = later
  data = ${if exists{@DIR@/open} {u0@remote.test} {:defer: not yet}}
out:
  driver = manualroute
  domains = remote.test
  route_list = * 127.0.0.1
  self = send
  transport = out
two:
  driver = manualroute
  domains = two.test
  route_list = * 127.0.0.1
  self = send
  transport = two
one_each:
  driver = manualroute
  domains = one.test
  route_list = * 127.0.0.1
  self = send
  transport = one_each
mbox:
  driver = accept
  domains = file.test
  local_parts = box
  transport = mbox
command:
  driver = accept
  domains = file.test
  transport = command
'''.replace('@DIR@', D.path), transports='''
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
one_each:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
  max_rcpt = 1
  connection_max_messages = 1
two:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
  fallback_hosts = 127.0.0.1::%d
'''.replace('@DIR@', D.path) % (PEER.port, PEER.port, PEER.port, SECOND.port))
h.write(CONF, open(CONF).read().replace('  accept domains = dsearch', '  accept domains = remote.test : file.test : two.test : one.test\n  accept domains = dsearch', 1))
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log():
    try:
        with open(D('log/mainlog')) as f:
            return f.read()
    except OSError:
        return ''


class Killer:
    """Kills the worker when the other side reads a command (or takes a connection) for the n-th time."""

    def __init__(self, n, usual='250 ok'):
        self.left, self.killed, self.usual = n, False, usual

    def __call__(self, _):
        self.left -= 1
        if self.left == 0:
            os.kill(SERVER.worker(), signal.SIGKILL)
            self.killed = True
            raise ConnectionError('nobody is there any more')
        return self.usual


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


def test_a_recipient_that_an_alias_leads_to_later():
    killer, _ = begin(4, '250-sink.test\r\n250-LIMITS RCPTMAX=1\r\n250 8BITMIME')
    to = ['u%d@remote.test' % i for i in range(6)]
    h.equal(h.send(PORT, 'a@client.test', ['later@remote.test'] + to, 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: killer.killed, what=lambda: 'the worker to die: ' + log()[-3000:])
    SERVER.worker()
    h.write(D('open'), '')

    def empty():
        SERVER.run('-qf')
        return SERVER.run('-bpc').stdout.strip() == '0'
    h.wait_for(empty, what=lambda: 'an empty queue: ' + log()[-3000:])
    each_once(to)


def written():
    with open('/proc/%d/io' % SERVER.worker()) as f:
        return int(re.search('wchar: ([0-9]+)', f.read()).group(1))


def test_a_transaction_for_each_of_many_recipients_writes_down_little():
    PEER.messages.clear()
    PEER.replies.clear()
    PEER.replies['EHLO'] = '250-sink.test\r\n250-LIMITS RCPTMAX=1\r\n250 8BITMIME'
    before, bytes_before = log().count(' Completed'), written()
    to = ['recipient-%s-%03d@remote.test' % ('x' * 50, i) for i in range(400)]
    h.equal(h.send(PORT, 'a@client.test', to, 'Subject: x\n\nx\n')[0], 250)
    done(before + 1)
    each_once(to)
    h.check(written() - bytes_before < 400 * 24000, '%d bytes written; the envelope alone has more than 30000' % (written() - bytes_before))


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


def refuse_to_say(_):
    raise ConnectionError('gone behind the dot')


def test_what_a_host_may_have_goes_to_no_other_one():
    PEER.messages.clear()
    PEER.replies.clear()
    # The one that was refused before the text cannot be there.
    PEER.replies.update({'.': refuse_to_say, 'RCPT': lambda line: '450 later' if 'later' in line else '250 ok'})
    before = log().count(' => ')
    h.equal(h.send(PORT, 'a@client.test', ['doubt@two.test', 'later@two.test'], 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: '== doubt@two.test' in log() and '=> later@two.test' in log(), what=lambda: 'both: ' + log()[-3000:])
    h.equal([m[1] for m in SECOND.messages], [['later@two.test']], 'what the fallback host got; log: ' + log()[-3000:])
    PEER.replies.clear()
    h.wait_for(lambda: SERVER.run('-qf').returncode == 0 and 'doubt@two.test' in taken(), what=lambda: 'the second attempt: ' + log()[-3000:])
    h.equal([m[1] for m in SECOND.messages], [['later@two.test']], 'what the fallback host got in the end')
    h.check(log().count(' => ') >= before + 2, 'delivered')


def taken():
    return sum((m[1] for m in PEER.messages), [])


def test_a_text_that_cannot_be_read():
    PEER.messages.clear()
    PEER.replies.clear()
    bodies = D('spool/bodies')

    def cut(_):
        for root, _, names in os.walk(bodies):
            for name in names:
                os.truncate(os.path.join(root, name), 1000)
        return '354 go'
    PEER.replies['DATA'] = cut
    h.equal(h.send(PORT, 'a@client.test', ['big@remote.test'], 'Subject: x\n\n' + ('y' * 70 + '\n') * 10000)[0], 250)
    h.wait_for(lambda: 'cannot read the message body' in log(), what=lambda: 'the trouble: ' + log()[-3000:])
    PEER.replies.clear()
    h.equal(h.send(PORT, 'a@client.test', ['small@remote.test'], 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: taken() == ['small@remote.test'], what=lambda: 'the other message: ' + log()[-3000:])
    h.check(not re.search('== small@remote.test', log()), 'it did not wait: ' + log()[-3000:])


def test_before_another_connection():
    """What was taken is on the disk before the next connection is made, which a host may leave without a word for minutes."""
    PEER.messages.clear()
    PEER.replies.clear()
    PEER.replies['connect'] = killer = Killer(3, '220 sink.test ESMTP')
    before = log().count(' Completed')
    to = ['s%d@one.test' % i for i in range(5)]
    h.equal(h.send(PORT, 'a@client.test', to, 'Subject: x\n\nx\n')[0], 250)
    done(before + 1)
    h.check(killer.killed, 'the worker died in the middle')
    each_once(to)


def let_go(path):
    """Whoever waits for the other end of a fifo goes on."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        pass


h.main()
