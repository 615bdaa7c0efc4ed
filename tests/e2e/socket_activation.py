#!/usr/bin/env python3
"""Sockets that a service manager opened and hands over (sd_listen_fds(3)) are served; one that fits nothing is refused by name."""
# timeout: 120
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import harness as h
from maildir_conf import fill

# Becomes the server with the descriptors at the numbers the protocol wants, and its own pid in the environment.
STARTER = '''
import fcntl, os, sys
fds, names, pid = [int(f) for f in sys.argv[1].split(",") if f], sys.argv[2], sys.argv[3]
high = [fcntl.fcntl(f, fcntl.F_DUPFD, 100) for f in fds]  # out of the way of 3, 4, ...
for i, f in enumerate(high):
    os.dup2(f, 3 + i)
os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names, LISTEN_PID=pid or str(os.getpid()))
os.execv(sys.argv[4], sys.argv[4:])
'''

NO_LEAKS = dict(os.environ, ASAN_OPTIONS='detect_leaks=0')  # looking for them needs what a sandbox refuses


def listening(address='127.0.0.1', port=0, family=socket.AF_INET, v6only=None):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if v6only is not None:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    s.bind((address, port))
    s.listen(50)
    return s


class Activated:
    def __init__(self, sockets, names='smtp', pid='', edit=lambda text: text, port=None):
        self.d = h.Dir()
        self.conf = fill(self.d, port or h.free_port())
        with open(self.conf) as f:
            text = f.read()
        h.write(self.conf, edit(text))
        fds = [s.fileno() for s in sockets]
        self.err = self.d('stderr')
        with open(self.err, 'wb') as err:
            self.proc = subprocess.Popen([sys.executable, '-c', STARTER, ','.join(map(str, fds)), names, pid, h.BIN, '-C', self.conf, '-bdf'],
                                         pass_fds=fds, env=NO_LEAKS, stdin=subprocess.DEVNULL, stdout=err, stderr=err)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proc.poll() is None:
            below = h.descendants(self.proc.pid)
            self.proc.kill()
            self.proc.wait()
            h.wait_for(lambda: not [p for p in below if h.processes().get(p, (0, '', 'Z'))[2] != 'Z'], what='the end of the processes')
        self.d.remove()

    def log(self):
        with contextlib.suppress(OSError), open(self.d('log/mainlog')) as f:
            return f.read()
        return ''

    def stderr(self):
        with open(self.err) as f:
            return f.read()

    def started(self):
        def look():
            if self.proc.poll() is not None:
                raise h.Failed('it ended with %d: %s' % (self.proc.returncode, self.stderr()))
            return re.search('daemon started.*', self.log())
        return h.wait_for(look, what='the start').group(0)

    def refused(self, pattern):
        h.equal(self.proc.wait(60), 78, 'exit status; ' + self.stderr())
        h.check(re.search(pattern, self.stderr()), self.stderr())

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        h.equal(self.proc.wait(60), 0, 'exit status')


def served(port, host='127.0.0.1'):
    c = h.Smtp(port, host)
    h.equal(c.greeting[0], 220, 'greeting')
    c.close()


def test_a_socket_for_the_configured_address():
    with listening() as s:
        port = s.getsockname()[1]
        with Activated([s], port=port) as a:
            h.check('listening for SMTP on [127.0.0.1]:%d' % port in a.started(), a.log())
            served(port)
            h.equal(h.send(port, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250, 'message')
            worker = next(p for p in h.descendants(a.proc.pid) if h.processes()[p][1] == 'remex-worker')
            os.kill(worker, signal.SIGKILL)
            served(port)  # by the next one
            a.stop()
        # It is the manager's: who connects now starts the service again.
        h.check(h.port_open(port), 'the socket was closed for everybody')


def test_other_addresses_are_bound_as_usual():
    with listening() as s:
        port, other = s.getsockname()[1], h.free_port()
        with Activated([s], port=port, edit=lambda t: t.replace('daemon_smtp_ports = %d' % port, 'daemon_smtp_ports = %d : %d' % (port, other))) as a:
            h.check('[127.0.0.1]:{%d,%d}' % (port, other) in a.started() or '[127.0.0.1]:{%d,%d}' % (other, port) in a.started(), a.log())
            served(port)
            served(other)
            a.stop()


def test_one_socket_for_both_families():
    try:
        s = listening('::', 0, socket.AF_INET6, 0)
    except OSError:
        return
    with s:
        port = s.getsockname()[1]
        with Activated([s], port=port, edit=lambda t: t.replace('local_interfaces = 127.0.0.1\n', '')) as a:
            h.check('listening for SMTP on port %d (IPv6 and IPv4)' % port in a.started(), a.log())
            served(port)
            served(port, '::1')
            # The addresses are the same after a reload.
            a.proc.send_signal(signal.SIGHUP)
            h.wait_for(lambda: 'SIGHUP received' in a.log(), what='the reload')
            h.check('other addresses' not in a.log(), a.log())
            a.stop()


def test_a_port_for_tls():
    with listening() as s:
        port = s.getsockname()[1]
        with Activated([s], port=port, edit=lambda t: 'tls_on_connect_ports = %d\n' % port + t) as a:
            h.check('SMTPS on [127.0.0.1]:%d' % port in a.started() or 'SMTPS on port' in a.started(), a.log())
            a.stop()


def test_what_fits_nothing_is_refused_by_name():
    with listening() as s, Activated([s], names='submission') as a:
        a.refused(r'socket submission is bound to \[127\.0\.0\.1\]:%d, which is not listened on; see local_interfaces' % s.getsockname()[1])
    with listening() as s, Activated([s], names='') as a:
        a.refused(r'socket number 1 is bound to')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, Activated([s]) as a:
        a.refused(r'socket smtp is no listening TCP socket')
    d = h.Dir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.bind(d('socket'))
        s.listen()
        with Activated([s]) as a:
            a.refused(r'socket smtp is no listening TCP socket')
    d.remove()


def test_sockets_of_somebody_else_are_left_alone():
    with listening() as s:
        port = h.free_port()
        with Activated([s], pid='1', port=port) as a:
            a.started()
            served(port)
            a.stop()


def test_systemds_own_program():
    if not shutil.which('systemd-socket-activate'):
        return
    d, port = h.Dir(), h.free_port()
    conf = fill(d, port)
    with open(d('stderr'), 'wb') as err:
        proc = subprocess.Popen(['systemd-socket-activate', '-l', '127.0.0.1:%d' % port, '--fdname=smtp', '-E', 'ASAN_OPTIONS=detect_leaks=0', h.BIN, '-C', conf, '-bdf'],
                                stdin=subprocess.DEVNULL, stdout=err, stderr=err)
    try:
        h.wait_for(lambda: h.port_open(port), what='the socket')  # which starts the server
        served(port)
        proc.send_signal(signal.SIGTERM)
        h.equal(proc.wait(60), 0, 'exit status')
    finally:
        proc.kill()
        d.remove()


h.main()
