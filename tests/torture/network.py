#!/usr/bin/env python3
"""Two hosts with a bad line between them, and peers that behave badly.

The other host is a network namespace; the line is two TUN devices with a forwarder between them that loses, delays and, when asked, swallows
packets. Whatever happens: no acknowledged message is lost, no session waits for ever, and when the line is good again the rest gets through.
"""
# timeout: 400
import fcntl
import heapq
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import harness as h
from _common import FULL, SEED, intact, message
from maildir_conf import fill

HERE, THERE = '10.99.0.1', '10.99.0.2'
BAD_MOMENTS = ('connect', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.')


# ------------------------------------------------------------------ what runs on the other host

def send_from_there(port, tag, count, size):
    for i in range(int(count)):
        code, text = h.send(int(port), 's@c.test', ['u@box.test'], message('%s-%d' % (tag, i), int(size)), host=HERE)
        print('%s-%d' % (tag, i) if code == 250 else 'refused: %d %s' % (code, text), flush=True)


class Sink(threading.Thread):
    """An SMTP server that breaks off (`reset`) or falls silent (`silence`) when it hears a word, as the file `mood` says."""

    def __init__(self, connection, mood, out):
        super().__init__(daemon=True)
        self.connection, self.mood, self.out = connection, mood, out

    def bad(self, moment):
        how, _, when = open(self.mood).read().strip().partition(' ')
        if when != moment:
            return False
        if how == 'silence':
            select.select([self.connection], [], [], 60)
            while self.connection.recv(65536):
                pass
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.connection.close()
        return True

    def run(self):
        try:
            self.talk()
        except (OSError, ValueError):
            pass
        self.connection.close()

    def talk(self):
        f = self.connection.makefile('rb')

        def say(text):
            self.connection.sendall(text.encode() + b'\r\n')
        if self.bad('connect'):
            return
        say('220 sink.test')
        for line in f:
            word = line.split()[0].decode().upper() if line.split() else ''
            if self.bad(word):
                return
            if word == 'DATA':
                say('354 go on')
                text = []
                for part in f:
                    if part == b'.\r\n':
                        break
                    text.append(part)
                else:
                    return
                if self.bad('.'):
                    return
                with open(self.out, 'a') as out:
                    out.write(text[-1].decode().strip() + '\n')
                say('250 taken')
                if open(self.mood).read() == 'once':
                    return
            elif word == 'QUIT':
                say('221 bye')
                return
            else:
                say('250-sink.test\r\n250 SIZE' if word == 'EHLO' else '250 ok')


def sink(port, mood, out):
    listener = socket.create_server((THERE, int(port)), backlog=64)
    print('listening', flush=True)
    while True:
        Sink(listener.accept()[0], mood, out).start()


if len(sys.argv) > 1 and sys.argv[1] in ('send_from_there', 'sink'):
    globals()[sys.argv[1]](*sys.argv[2:])
    sys.exit()

# ------------------------------------------------------------------ the line

h.enter_namespace()
if not os.path.exists('/dev/net/tun') or not shutil.which('nsenter'):
    h.skip('needs /dev/net/tun and nsenter')


class Line(threading.Thread):
    """Carries packets between two TUN devices: loses `loss` of them, delays the others by `delay` seconds; swallows all when `dead`."""

    def __init__(self):
        super().__init__(daemon=True)
        self.loss, self.delay, self.dead = 0.0, 0.0, False
        self.other = subprocess.Popen(['unshare', '--net', 'sleep', '3600'])
        mine = os.readlink('/proc/self/ns/net')
        h.wait_for(lambda: os.readlink('/proc/%d/ns/net' % self.other.pid) != mine, what='the other namespace')
        self.ends = [self.device('near'), self.device('far')]
        subprocess.run(['ip', 'link', 'set', 'far', 'netns', str(self.other.pid)], check=True)
        for where, name, address in ((), 'near', HERE), (self.there(), 'far', THERE):
            for command in ('ip addr add %s/24 dev %s' % (address, name), 'ip link set %s up' % name, 'ip link set lo up'):
                subprocess.run([*where, *command.split()], check=True)
        self.start()

    @staticmethod
    def device(name):
        fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        try:
            fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH', name.encode(), 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
        except OSError as e:
            h.skip('no TUN device can be made here: %s' % e)
        return fd

    def there(self):
        return ['nsenter', '--net=/proc/%d/ns/net' % self.other.pid]

    def run(self):
        waiting, n = [], 0
        while True:
            pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 1.0
            for fd in select.select(self.ends, [], [], pause)[0]:
                try:
                    packet = os.read(fd, 65536)
                except OSError:
                    return  # the devices went with their namespace
                if not self.dead and random.random() >= self.loss:
                    n += 1
                    heapq.heappush(waiting, (time.monotonic() + self.delay, n, self.ends[fd == self.ends[0]], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                try:
                    os.write(waiting[0][2], waiting[0][3])
                except OSError:
                    pass  # the queue of the device is full: lost, as on a line
                heapq.heappop(waiting)


D = h.Dir()
PORT, SINK = h.free_port(), h.free_port()
LINE = Line()
MOOD, TAKEN = h.write(D('mood'), 'good', 0o666), h.write(D('taken'), '', 0o666)
CONF = fill(D, PORT, extra='smtp_receive_timeout = 10s\nqueue_run_max = 5', routers='''
out:
  driver = manualroute
  route_list = far.test %s
  transport = out
''' % THERE, transports='''
out:
  driver = smtp
  port = %d
  connect_timeout = 3s
  command_timeout = 2s
  data_timeout = 2s
  final_timeout = 2s
''' % SINK)
with open(CONF) as text:
    changed = text.read().replace('local_interfaces = 127.0.0.1', 'local_interfaces = 127.0.0.1 : ' + HERE).replace(
        'acl_rcpt:\n', 'acl_rcpt:\n  accept domains = far.test\n')
h.write(CONF, changed)
SERVER = h.Remex(CONF, [PORT], args=['-q1s'])
SERVER.start()
PEER = subprocess.Popen(LINE.there() + [sys.executable, __file__, 'sink', str(SINK), MOOD, TAKEN], stdout=subprocess.PIPE, text=True)
h.equal(PEER.stdout.readline().strip(), 'listening', 'the other host')


def mainlog():
    with open(D('log', 'mainlog'), errors='replace') as f:
        return f.read()


def taken():
    with open(TAKEN) as f:
        return [line.strip()[4:] for line in f]


def arrived():
    return [m.rstrip('\n').rpartition('\n')[2][4:] for m in h.maildir(D('mail', 'box.test', 'u'))]


def test_a_line_that_loses_and_delays():
    LINE.loss, LINE.delay = 0.03, 0.02
    count = 30 if FULL else 4
    senders = [subprocess.Popen(LINE.there() + [sys.executable, __file__, 'send_from_there', str(PORT), 'lossy%d' % k, str(count), str(size)],
                                stdout=subprocess.PIPE, text=True) for k, size in enumerate((200, 5000, 60_000))]
    for k in range(count):
        h.equal(h.send(PORT, 's@c.test', ['x@far.test'], message('out-%d' % k, 20_000))[0], 250, 'a message for the other host')
    acked = [line for s in senders for line in s.communicate(timeout=300)[0].split('\n') if line]
    LINE.loss = LINE.delay = 0
    h.check(acked and not [a for a in acked if a.startswith('refused')], 'refused: %r' % acked[:5])
    h.wait_for(lambda: set(acked) <= set(arrived()), 60, 'deliveries of what came over the line')
    h.wait_for(lambda: {'out-%d' % k for k in range(count)} <= set(taken()), 120, 'what went over the line')
    print('%d messages in, %d out, %d of these twice (seed %d)' % (len(acked), count, len(taken()) - len(set(taken())), SEED))


def test_a_peer_that_breaks_off_or_falls_silent():
    # From now on the peer ends each connection after a message: a connection that is used again hears no EHLO.
    h.write(MOOD, 'once', 0o666)
    h.equal(h.send(PORT, 's@c.test', ['x@far.test'], message('once', 100))[0], 250, 'once')
    h.wait_for(lambda: 'once' in taken(), 60, 'the last use of an old connection')
    for how in ('reset', 'silence'):
        for moment in BAD_MOMENTS if FULL else random.sample(BAD_MOMENTS[:-1], 2) + ['.']:
            tag = '%s-%s' % (how, moment)
            h.write(MOOD, '%s %s' % (how, moment), 0o666)
            before = len(mainlog())
            h.equal(h.send(PORT, 's@c.test', ['x@far.test'], message(tag, 3000))[0], 250, tag)
            h.wait_for(lambda: 'defer' in mainlog()[before:] or THERE in mainlog()[before:], 60, tag + ': a line in the log')
            h.check(tag not in taken(), tag + ': taken by a peer that did not say so')
            h.write(MOOD, 'once', 0o666)
            h.wait_for(lambda: tag in taken(), 90, lambda: tag + ': the next attempt; log: ' + mainlog()[before:][-1500:])
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '0', 60, 'an empty queue')


def test_a_line_that_dies_in_the_middle():
    talk = "import sys, harness as h; c = h.Smtp(int(sys.argv[1]), host=sys.argv[2]); c.ehlo(); print(c.cmd('MAIL FROM:<half@open.test>')[0], flush=True); sys.stdin.read()"
    there = subprocess.Popen(LINE.there() + [sys.executable, '-c', talk, str(PORT), HERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    h.equal(there.stdout.readline().strip(), '250', 'MAIL from the other host')
    LINE.dead = True
    h.equal(h.send(PORT, 's@c.test', ['x@far.test'], message('over-a-dead-line', 100))[0], 250, 'accepted for the other host')
    h.wait_for(lambda: 'timeout' in mainlog() and 'SMTP command timeout' in mainlog(), 60, lambda: 'the session to time out: ' + mainlog()[-1500:])
    there.kill()
    there.wait()
    LINE.dead = False
    h.wait_for(lambda: 'over-a-dead-line' in taken(), 120, lambda: 'delivery when the line lives again: ' + mainlog()[-1500:])


def test_the_server_is_as_before():
    h.equal(h.send(PORT, 's@c.test', ['u@box.test'], message('last', 100))[0], 250, 'afterwards')
    h.wait_for(lambda: 'last' in arrived(), 60, 'the last delivery')
    SERVER.stop()
    intact(D('spool'))


def teardown():
    for p in (PEER, LINE.other):
        p.kill()
        p.wait()
    SERVER.kill()
    D.remove()


h.main()
