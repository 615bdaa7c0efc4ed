#!/usr/bin/env python3
"""remex status, exiwhat and SIGUSR1: what each process, session and delivery is doing."""
# timeout: 120
import os
import re
import signal
import socket
import subprocess
import threading

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT, SLOW = h.free_port(), h.free_port()
CONF = fill(D, PORT, routers='''
far:
  driver = manualroute
  domains = far.test
  route_list = * 127.0.0.1::%d
  transport = smtp
  self = send
''' % SLOW, transports='''
smtp:
  driver = smtp
''')
with open(CONF) as f:
    TEXT = f.read().replace('  deny message = relay', '  accept domains = far.test\n  deny message = relay')
h.write(CONF, TEXT)
SERVER = h.Remex(CONF, [PORT], args=['-q1h'])


class Far:
    """A server that takes its time: it greets when it is told to."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', SLOW))
        self.go, self.came = threading.Event(), threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            s, _ = self.listener.accept()
            self.came.set()
            self.go.wait(60)
            s.sendall(b'220 far.test\r\n')
            f = s.makefile('rb')
            data = False
            for line in f:
                if data:
                    data = line != b'.\r\n'
                    if not data:
                        s.sendall(b'250 ok\r\n')
                elif line.upper().startswith(b'DATA'):
                    data = True
                    s.sendall(b'354 go\r\n')
                else:
                    s.sendall(b'250 ok\r\n')


FAR = Far()
SERVER.start()


def lines(text):
    return [(int(line.partition(' ')[0]), line.partition(' ')[2]) for line in text.splitlines()]


def ask():
    return subprocess.run([h.BIN, 'status', '-C', CONF], capture_output=True, text=True, timeout=60)


def status():
    got = ask()
    h.equal(got.returncode, 0, got.stderr)
    return got.stdout


def shown(pattern):
    """Waits for a line of the worker's that matches."""
    worker = SERVER.worker()

    def look():
        return [t for pid, t in lines(status()) if pid == worker and re.search(pattern, t)]
    return h.wait_for(look, what=lambda: '%s in:\n%s' % (pattern, status()))[0]


def test_processes():
    h.wait_for(lambda: ask().returncode == 0, what='an answer')
    got = dict((text.partition(':')[0], (pid, text)) for pid, text in lines(status()))
    h.equal(got['daemon'], (SERVER.proc.pid, 'daemon: -q1h, listening for SMTP on [127.0.0.1]:%d' % PORT), 'daemon')
    h.equal(got['worker'][0], SERVER.worker(), 'worker')
    if os.geteuid() == 0:
        h.equal(got['courier'][0], SERVER.child('remex-courier'), 'courier')


def test_sessions():
    c = h.Smtp(PORT, greet=True)
    shown(r'^handling incoming call from \[127\.0\.0\.1\](:\d+)?: waiting for a command for \d+s$')
    c.ehlo('client.test')
    c.expect('MAIL FROM:<s@c.test>', 250)
    c.expect('RCPT TO:<u@box.test>', 250)
    c.expect('DATA', 354)
    shown(r'^handling incoming call from \(client\.test\) \[127\.0\.0\.1\](:\d+)?: receiving a message')
    h.check(re.search(r'worker: 1 session, for \d+s', status()), status())
    c.send('Subject: x\r\n\r\nx\r\n.\r\n')
    h.equal(c.reply()[0], 250, 'message')
    c.close()
    h.wait_for(lambda: 'handling' not in status(), what='the end of the session')


def test_deliveries():
    h.equal(h.send(PORT, 's@c.test', ['a@far.test'], 'Subject: x\n\nx\n')[0], 250, 'message')
    h.check(FAR.came.wait(60), 'no delivery')
    text = shown(r'^delivering \S+ to 127\.0\.0\.1 \[127\.0\.0\.1\] for \d+s$')
    ident = text.split()[1]
    shown(r'^delivering %s: running transports for' % re.escape(ident))
    shown(r'^delivering %s with transport smtp \(a@far\.test\) for' % re.escape(ident))
    FAR.go.set()
    h.wait_for(lambda: 'delivering' not in status(), what='the end of the delivery')


def test_exiwhat():
    os.symlink(h.BIN, D('exiwhat'))
    got = subprocess.run([D('exiwhat'), '-C', CONF], capture_output=True, text=True, timeout=60)
    h.equal((got.returncode, got.stderr), (0, ''), 'exiwhat')
    h.check(got.stdout.startswith('%d daemon: ' % SERVER.proc.pid), got.stdout)
    got = subprocess.run([D('exiwhat'), '-x'], capture_output=True, text=True, timeout=60)
    h.check(got.returncode == 1 and 'Usage' in got.stderr, got)


def test_the_signal():
    info = D('spool/exim-process.info')
    h.check(not os.path.exists(info), 'it is there without being asked for')
    SERVER.proc.send_signal(signal.SIGUSR1)
    h.wait_for(lambda: os.path.exists(info), what='the process log')
    with open(info) as f:
        h.check(f.read().startswith('%d daemon: ' % SERVER.proc.pid), 'process log')


def test_who_may_ask():
    if os.geteuid() != 0:
        return
    socket_file = next(os.path.join(D('spool'), n) for n in os.listdir(D('spool')) if n.endswith('.sock'))
    h.equal(oct(os.stat(socket_file).st_mode & 0o777), '0o660', 'mode')
    got = subprocess.run([h.BIN, 'status', '-C', CONF], capture_output=True, text=True, timeout=60, user='nobody', group='nogroup', extra_groups=[])
    h.check(got.returncode == 69 and got.stdout == '' and 'ermission denied' in got.stderr, got)


def test_one_who_does_not_read():
    """It holds up others for two seconds at most, and the server not at all."""
    name = next(os.path.join(D('spool'), n) for n in os.listdir(D('spool')) if n.endswith('.sock'))
    mute = socket.socket(socket.AF_UNIX)
    mute.connect(name)
    status()
    mute.close()


def test_a_loop_that_stands_still_and_no_daemon():
    with SERVER.held():
        got = ask()
        h.check(got.returncode == 69 and 'does not answer within 5 s' in got.stderr, got)
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(D('spool/daemon-1.sock'))  # of a daemon that was killed
    stale.close()
    os.chmod(D('spool/daemon-1.sock'), 0o777)
    os.kill(SERVER.worker(), signal.SIGKILL)  # leaves its socket behind; the next one takes its place
    h.wait_for(lambda: ask().returncode == 0, what='an answer of the next worker')
    h.check(re.search(r'worker: 0 sessions, for \d+s, after an unexpected end \(see the panic log\)$', status(), re.M), status())
    SERVER.stop()
    h.check(not [n for n in os.listdir(D('spool')) if n.endswith('.sock')], 'the socket is left behind')
    got = ask()
    h.check(got.returncode == 69 and 'no daemon runs on %s' % D('spool') in got.stderr, got)


def teardown():
    SERVER.kill()
    D.remove()


h.main()
