#!/usr/bin/env python3
"""Limits per destination: destination_max_connections and destination_rate of the smtp transport. What comes more waits in the queue without being a
failure, in its order, and nobody else waits for it; in the daemon, in a queue run and between processes."""
import os
import pwd
import re
import subprocess
import threading
import time

import harness as h
import peers

D = h.Dir()
PORT, MX, OTHER = h.free_port(), h.free_port(), h.free_port()
CONF = '''primary_hostname = host.test
spool_directory = %(d)s/spool
log_file_path = %(d)s/log/%%slog
exim_user = %(user)s
daemon_smtp_ports = %(port)d
local_interfaces = 127.0.0.1
tls_advertise_hosts =
acl_smtp_rcpt = ok
acl_smtp_etrn = ok
dns_local_data = MX_RECORDS
queue_only_file = %(d)s/halt
begin acl
ok:
  accept
begin routers
mx:
  driver = dnslookup
  domains = *.mx.test
  transport = busy
other:
  driver = accept
  domains = other.test
  transport = other
rated:
  driver = accept
  domains = rated.test
  transport = rated
hours:
  driver = accept
  domains = hours.test
  transport = hours
falls:
  driver = accept
  domains = falls.test
  transport = falls
busy:
  driver = manualroute
  route_list = * localhost byname
  self = send
  transport = busy
begin transports
busy:
  driver = smtp
  port = %(mx)d
  destination_max_connections = 2
other:
  driver = smtp
  hosts = 127.0.0.1
  allow_localhost
  port = %(other)d
  destination_max_connections = ${if eq{$host}{127.0.0.1}{7}{0}}
  destination_name = $domain
rated:
  driver = smtp
  hosts = 127.0.0.1
  allow_localhost
  port = %(other)d
  destination_rate = 2/2s
  destination_name = rated
hours:
  driver = smtp
  hosts = 127.0.0.1
  allow_localhost
  port = %(other)d
  destination_rate = 3/1h
  destination_name = hours
falls:
  driver = smtp
  hosts = 127.0.0.1
  fallback_hosts = 127.0.0.2
  allow_localhost
  hosts_try_chunking =
  port = %(other)d
  destination_rate = ${if eq{$host}{127.0.0.2}{1/1h}}
begin retry
* * F,1h,10m
'''


MX_RECORDS = ['good.mx.test. MX 10 a.provider.test.', 'same.mx.test. MX 10 A.provider.test.', 'two.mx.test. MX 10 b.provider.test.',
              'two.mx.test. MX 10 a.provider.test.', 'two.mx.test. MX 20 c.provider.test.', 'evil.mx.test. MX 10 a.provider.test.',
              'evil.mx.test. MX 10 z.evil.test.', 'owt.mx.test. MX 5 a.provider.test.', 'owt.mx.test. MX 5 b.provider.test.']
MX_RECORDS += ['%s.test. A 192.0.2.%d' % (n, i) for i, n in enumerate(['a.provider', 'b.provider', 'c.provider', 'z.evil'])]


class Slow(peers.Sink):
    """Keeps the answer to the final dot until told; counts how many sessions are open at once."""

    def __init__(self, port):
        self.go, self.lock, self.open, self.most, self.order = threading.Event(), threading.Lock(), 0, 0, []
        super().__init__(port)
        sink, talk = self, self.server.RequestHandlerClass.talk

        def counted(handler):
            with sink.lock:
                sink.open += 1
                sink.most = max(sink.most, sink.open)
            try:
                talk(handler)
            finally:
                with sink.lock:
                    sink.open -= 1
        self.server.RequestHandlerClass.talk = counted
        self.replies['.'] = lambda line: self.go.wait(60) and ''


h.write(D('conf'), CONF.replace('MX_RECORDS', ' : '.join(MX_RECORDS)) % {'d': D.path, 'user': pwd.getpwuid(os.geteuid()).pw_name, 'port': PORT, 'mx': MX, 'other': OTHER})
BUSY, FREE = Slow(MX), peers.Sink(OTHER)
SERVER = h.Remex(D('conf'), [PORT])


def log():
    try:
        with open(D('log/mainlog')) as f:
            return f.read()
    except OSError:
        return ''


def ask(verb, what):
    return subprocess.run([h.BIN, verb, '-C', SERVER.conf, what], capture_output=True, text=True).stdout


def waits():
    return [l for l in log().split('\n') if ' defer (-53): waits for its turn: ' in l]


def queue(n, domain):
    for i in range(n):
        SERVER.run('-odq', '-f', 's@host.test', 'u%d@%s' % (i, domain), input='Subject: %d\n\nx\n' % i, check_rc=0)


def test_bt_tells():
    out = SERVER.run('-bt', 'u@far.test').stdout
    h.check('  destination localhost: at most 2 connections\n' in out, out)
    out = SERVER.run('-bt', 'u@other.test').stdout
    h.check('  destination other.test: at most 7 connections\n' in out, out)
    out = SERVER.run('-bt', 'u@hours.test').stdout
    h.check('  destination hours: at most 3 messages in 1h\n' in out, out)


def test_a_destination_is_all_the_hosts_that_are_tried_first():
    def destination(domain):
        out = SERVER.run('-bt', 'u@%s.mx.test' % domain).stdout
        return re.search(r'(?m)^  destination (.*): at most 2 connections$', out).group(1)
    h.equal([destination(d) for d in ('good', 'same', 'two', 'owt')], ['a.provider.test'] * 2 + ['a.provider.test+b.provider.test'] * 2, 'names')
    # Whoever names the provider's host beside his own takes none of its connections.
    h.equal(destination('evil'), 'a.provider.test+z.evil.test', 'name')


def test_daemon_waits_in_order_and_others_do_not():
    SERVER.start('-q1h')
    for i in range(6):
        h.equal(h.send(PORT, 's@host.test', ['u%d@far.test' % i], 'Subject: %d\n\nx\n' % i)[0], 250, 'accepted')
        h.wait_for(lambda: BUSY.open == min(i + 1, 2) and len(waits()) == max(0, i - 1), what=lambda: 'message %d: %s' % (i, log()))
    h.check('2 connections to localhost are open (destination_max_connections)' in waits()[0], waits()[0])
    ident = re.search(r' (\S+) == u2@far.test', log()).group(1)
    out = ask('why', ident)
    h.check('waits for its turn: 2 connections to localhost' in out, out)
    h.equal(ask('host', 'localhost').splitlines()[0], 'localhost: nothing is held against it', 'no retry hint')
    # Nobody else waits for that destination.
    h.equal(h.send(PORT, 's@host.test', ['u@other.test'], 'Subject: x\n\nx\n')[0], 250, 'accepted')
    h.wait_for(lambda: len(FREE.messages) == 1, what='the other destination')
    # Asked for again in the same process they wait on, and the log, which knows that, hears nothing.
    n = len(waits())
    c = h.Smtp(PORT)
    c.ehlo()
    h.equal(c.cmd('ETRN #far.test')[0], 250, 'ETRN')
    h.wait_for(lambda: re.search(r'End queue run: \S+ -R far.test', log()), what=lambda: 'the end of the run: ' + log())
    h.equal(len(waits()), n, 'said again: ' + log())
    # Another process of the spool counts with this one.
    SERVER.run('-M', ident, check_rc=0)
    h.equal(BUSY.most, 2, 'connections with a process of its own: %s' % log())
    BUSY.go.set()
    h.wait_for(lambda: len(BUSY.messages) == 6, what=lambda: 'all six: ' + log())  # woken: this daemon has no queue runs
    h.equal(BUSY.most, 2, 'connections at once')
    h.equal(sorted(m[1][0] for m in BUSY.messages[:2]) + [m[1][0] for m in sorted(BUSY.messages[2:], key=lambda m: m[1])],
            ['u%d@far.test' % i for i in range(6)], 'who came')
    h.check('u5@far.test' in [r for _, r, _ in BUSY.messages[-2:]][0] + [r for _, r, _ in BUSY.messages[-2:]][1], 'the last came last: %r' % [m[1] for m in BUSY.messages])


def test_rate_in_the_daemon():
    n = len(FREE.messages)
    begun = time.monotonic()
    for i in range(5):
        h.equal(h.send(PORT, 's@host.test', ['u%d@rated.test' % i], 'Subject: %d\n\nx\n' % i)[0], 250, 'accepted')
    h.wait_for(lambda: len(FREE.messages) == n + 5, what=lambda: 'all five: ' + log())
    h.check(time.monotonic() - begun >= 4, 'five at two in two seconds take four')
    h.check('2 messages in 2s went to rated (destination_rate)' in log(), log())
    SERVER.stop()


def test_queue_run():
    n = len(BUSY.messages)
    BUSY.most = 0
    queue(7, 'far.test')
    SERVER.run('-q', check_rc=0)
    h.equal((len(BUSY.messages) - n, SERVER.run('-bpc').stdout), (7, '0\n'), 'one run delivers all: ' + log()[-2000:])
    h.check(1 <= BUSY.most <= 2, 'connections at once: %d' % BUSY.most)


def test_rate_in_queue_runs_and_by_hand():
    n = len(FREE.messages)
    queue(5, 'hours.test')
    SERVER.run('-q', check_rc=0)
    h.equal(len(FREE.messages) - n, 3, 'as many as the rate allows')
    SERVER.run('-qf', check_rc=0)
    ident = SERVER.run('-bp').stdout.split()[2]
    SERVER.run('-M', ident, check_rc=0)
    h.equal((len(FREE.messages) - n, SERVER.run('-bpc').stdout), (3, '2\n'), 'neither -qf nor -M goes over it')
    out = ask('why', ident)
    h.check('3 messages in 1h went to hours (destination_rate)' in out and 'next attempt in' in out, out)
    h.check('Frozen' not in log() and ' ** ' not in log(), 'no failure')


def test_an_answer_stays_while_the_fallback_hosts_wait():
    fallback = peers.Sink(OTHER, '127.0.0.2')
    FREE.replies['RCPT'] = '451 not now'
    try:
        queue(2, 'falls.test')
        SERVER.run('-q', check_rc=0)
        h.equal(len(fallback.messages), 1, 'as many as the rate of the fallback host allows: ' + log()[-2000:])
        lines = [l for l in log().split('\n') if '@falls.test ' in l and ' == ' in l]
        h.check(len(lines) == 1 and re.search(r'defer \(-44\) H=127.0.0.1 \[127.0.0.1\]: SMTP error from remote mail server after RCPT TO:<u\d@falls.test>: 451 not now', lines[0]), lines)
        dump = SERVER.run('-bpi').stdout.split()
        h.check('451 not now' in ask('why', dump[-1]), ask('why', dump[-1]))
    finally:
        del FREE.replies['RCPT']
        fallback.stop()


def teardown():
    BUSY.go.set()
    SERVER.kill()
    BUSY.stop()
    FREE.stop()
    D.remove()


h.main()
