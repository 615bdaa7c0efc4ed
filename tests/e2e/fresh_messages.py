#!/usr/bin/env python3
"""Between its arrival and its first delivery a message is nobody's, and a queue run of another process may deliver it, or somebody remove it: the
process that took it notices, and nothing is delivered twice or comes back. Bounces are such messages, too, and wait for no other bounce."""
# timeout: 120
import atexit
import re
import struct
import subprocess
import threading

import fault_shim as f
import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
SLOW, FAST = peers.Sink(), peers.Sink()
atexit.register(SLOW.stop)
atexit.register(FAST.stop)
CONF = fill(D, PORT, extra='trusted_users = root\n', routers='''
bad:
  driver = redirect
  domains = bad.test
  errors_to = ${if eq{$local_part}{one}{a@slow.test}{$local_part@z-fast.test}}
  data = $local_part@nobody.test
nobody:
  driver = redirect
  domains = nobody.test
  allow_fail
  data = :fail: no such user
out:
  driver = manualroute
  domains = slow.test : z-fast.test
  route_list = * 127.0.0.1
  self = send
  transport = ${if eq{$domain}{slow.test}{slow}{fast}}
''', transports=''.join('''
%s:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
''' % (name, sink.port) for name, sink in (('slow', SLOW), ('fast', FAST))))
h.write(CONF, open(CONF).read().replace('  accept domains = dsearch', '  accept domains = *.test : ! box.test\n  accept domains = dsearch', 1))
GATE = f.Faults(D.path, D('log/mainlog'))
SERVER = h.Remex(CONF, [PORT], env=GATE.env).start()
atexit.register(SERVER.kill)
OTHERS = h.Remex(CONF, [])  # commands that write to the log as they like


def log():
    try:
        with open(D('log/mainlog')) as file:
            return file.read()
    except OSError:
        return ''


def queue():
    return OTHERS.run('-bp').stdout


def to(sink):
    return sum((m[1] for m in sink.messages), [])


class Gate:
    """The slow host says nothing about a text before open()."""

    def __init__(self):
        self.asked, self.opened = threading.Event(), threading.Event()
        SLOW.messages.clear()
        FAST.messages.clear()
        SLOW.replies['.'] = self

    def __call__(self, _):
        self.asked.set()
        self.opened.wait(60)
        return '250 taken'

    def open(self):
        SLOW.replies.clear()
        self.opened.set()


def one_bounce_each():
    h.equal((to(SLOW), sorted(to(FAST))), (['a@slow.test'], ['three@z-fast.test', 'two@z-fast.test']), 'bounces; log: ' + log()[-4000:])


BAD = ['one@bad.test', 'two@bad.test', 'three@bad.test']


def test_bounces_wait_for_no_other_one():
    gate = Gate()
    code, text = h.send(PORT, 's@client.test', BAD, 'Subject: x\n\nx\n')
    h.equal(code, 250)
    h.check(gate.asked.wait(60), 'the first bounce is on its way; log: ' + log()[-3000:])
    OTHERS.run('-q', check_rc=0)
    h.wait_for(lambda: len(FAST.messages) >= 2, what=lambda: 'the other bounces: ' + log()[-3000:])
    h.wait_for(lambda: re.search(r'id=(\S+)', text).group(1) not in queue(), what='the message that failed to leave the queue')
    gate.open()
    h.wait_for(lambda: queue() == '', what=lambda: 'an empty queue: ' + queue())
    one_bounce_each()


def test_a_command_that_delivers_its_bounces_one_by_one():
    gate = Gate()
    with subprocess.Popen(OTHERS.command('-odf', '-oi', '-f', 's@client.test', *BAD), stdin=subprocess.PIPE, text=True, env=OTHERS.env) as command:
        command.stdin.write('Subject: x\n\nx\n')
        command.stdin.close()
        h.check(gate.asked.wait(60), 'the first bounce is on its way; log: ' + log()[-3000:])
        ids = {to: i for i, to in re.findall(r'(\S+) <>[^\n]*\n\s+(\S+@z-fast.test)', queue())}
        h.equal(sorted(ids), ['three@z-fast.test', 'two@z-fast.test'], 'the bounces that wait: ' + queue())
        OTHERS.run('-Mrm', ids['two@z-fast.test'], check_rc=0)
        OTHERS.run('-q', check_rc=0)
        h.equal(to(FAST), ['three@z-fast.test'], 'what the queue run delivered; log: ' + log()[-3000:])
        gate.open()
        h.equal(command.wait(60), 0, 'the command')
    h.equal((to(SLOW), to(FAST)), (['a@slow.test'], ['three@z-fast.test']), 'bounces; log: ' + log()[-4000:])


def test_a_slow_log_between_arrival_and_delivery():
    FAST.messages.clear()
    GATE.arm(f.WRITE, at=1, mode=f.CUT)
    client = threading.Thread(target=h.send, args=(PORT, 's@client.test', ['u@z-fast.test'], 'Subject: x\n\nx\n'))
    client.start()
    try:
        h.wait_for(lambda: GATE.fields()[7] == f.ASKED, what='the line about the arrival')
        OTHERS.run('-q', check_rc=0)
        h.equal(to(FAST), ['u@z-fast.test'], 'the queue run delivers it; log: ' + log()[-3000:])
    finally:
        struct.pack_into('i', GATE.map, 28, f.DONE)
        client.join(60)
    before = log().count(' Completed')
    h.equal(h.send(PORT, 's@client.test', ['v@z-fast.test'], 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: log().count(' Completed') > before, what=lambda: 'the next message: ' + log()[-3000:])
    h.equal(to(FAST), ['u@z-fast.test', 'v@z-fast.test'], 'what was delivered; log: ' + log()[-3000:])


def teardown():
    SERVER.stop()


h.main()
