#!/usr/bin/env python3
"""A worker makes room for another one, or dies: no connection is refused, and no command runs twice at once, or twice at all without need."""
# timeout: 300
import contextlib
import os
import re
import signal
import threading
import time

import harness as h
from maildir_conf import fill

if os.geteuid() != 0:
    h.skip('needs root')

ROUTERS = '''
slow:
  driver = accept
  local_parts = slow
  domains = pipe.test
  transport = command
'''
TRANSPORTS = '''
command:
  driver = pipe
  command = @DIR@/command @DIR@/trace
  user = nobody
  return_fail_output
  timeout = 120s
'''
# Tells what it does, one short write each; goes on when somebody says so; takes a while to obey SIGTERM.
COMMAND = r'''#!/bin/sh
cat > /dev/null
trap 'sleep 1; echo "ended $$" >> "$1/log"; rmdir "$1/lock"; exit 1' TERM
mkdir "$1/lock" 2> /dev/null || echo "overlap $$" >> "$1/log"
echo "began $$" >> "$1/log"
until [ -e "$1/go" ]; do sleep 0.05; done
rmdir "$1/lock"
echo "done $$" >> "$1/log"
'''


class Server:
    def __init__(self, args=()):
        self.d = h.Dir()
        self.port = h.free_port()
        conf = fill(self.d, self.port, routers=ROUTERS, transports=TRANSPORTS.replace('@DIR@', self.d.path), boxes=('u@box.test',))
        with open(conf) as f:
            text = f.read()
        h.write(conf, text.replace('acl_rcpt:\n', 'acl_rcpt:\n  accept domains = pipe.test\n'))
        h.write(self.d('command'), COMMAND, 0o755)
        os.mkdir(self.d('trace'))
        os.chmod(self.d('trace'), 0o777)
        self.remex = h.Remex(conf, [self.port])
        self.remex.start(*args)
        self.logged('daemon started')
        self.more = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        h.write(self.d('trace/go'), '')
        self.remex.kill()
        self.d.remove()

    def read(self, *path):
        with contextlib.suppress(OSError), open(self.d(*path), errors='replace') as f:
            return f.read()
        return ''

    def log(self, name='mainlog'):
        return self.read('log', name)

    def logged(self, pattern, name='mainlog', seconds=60):
        return h.wait_for(lambda: re.search(pattern, self.log(name)), seconds, lambda: '%s in %s:\n%s' % (pattern, name, self.log(name)[-3000:]))

    def send(self, to='u@box.test', subject='x'):
        return h.send(self.port, 's@c.test', [to], 'Subject: %s\n\nx\n' % subject)[0]

    def trace(self, word):
        return [line for line in self.read('trace/log').splitlines() if line.startswith(word)]

    def need_more(self):
        """A configuration that needs another sandbox, and SIGHUP."""
        self.more += 1
        os.makedirs(self.d('more%d' % self.more))
        with open(self.remex.conf) as f:
            text = f.read()
        h.write(self.remex.conf, 'sandbox_writable_directories = %s\n' % self.d('more%d' % self.more) + re.sub(r'(?m)^sandbox_writable_directories.*\n', '', text))
        self.remex.proc.send_signal(signal.SIGHUP)

    def replaced(self, first):
        return h.wait_for(lambda: self.remex.child('remex-worker') not in (None, first) and self.remex.child('remex-worker'), what=lambda: 'another worker; log: ' + self.log())

    def replace(self):
        first = self.remex.worker()
        self.need_more()
        return self.replaced(first)


def test_a_command_runs_once():
    """The old worker waits for it while the new one serves, and nobody else takes its message."""
    with Server(args=['-q1s']) as s:
        h.equal(s.send('slow@pipe.test'), 250)
        h.wait_for(lambda: s.trace('began'), what='the command')
        began = time.monotonic()
        s.replace()
        h.equal(s.send(subject='meanwhile'), 250)
        h.wait_for(lambda: len(h.maildir(s.d('mail/box.test/u'))) == 1, what='a delivery by the new worker')
        h.check(time.monotonic() - began < 20, 'the new worker came after %.0f s' % (time.monotonic() - began))
        h.check(s.remex.child('remex-leaving'), 'the old worker did not wait')
        h.wait_for(lambda: s.remex.run('-bpc').stdout.strip() == '1', what='the other message to be forgotten')
        s.remex.run('-qf')
        h.equal(len(s.trace('began')), 1, 'runs while it is under way')
        h.write(s.d('trace/go'), '')
        s.logged(r'=> slow <slow@pipe\.test> R=slow T=command')
        h.wait_for(lambda: s.remex.run('-bpc').stdout.strip() == '0', what='an empty queue')
        h.wait_for(lambda: not s.remex.child('remex-leaving'), what='the end of the old worker')
        s.replace()  # and its first queue run finds nothing
        h.equal((len(s.trace('began')), len(s.trace('done')), s.log().count('=> slow')), (1, 1, 1), 'runs')
        h.equal(s.log('paniclog'), '', 'panic log')
        s.remex.stop()


def test_connections_all_through():
    """Replaced again and again: whoever connects is greeted soon, and old sessions go on."""
    with Server() as s:
        waits, problems, stop, sent = [], [], threading.Event(), []

        def client(number):
            n = 0
            while not stop.is_set():
                n += 1
                begin = time.monotonic()
                try:
                    if s.send(subject='m-%d-%d' % (number, n)) == 250:
                        sent.append('m-%d-%d' % (number, n))
                    else:
                        problems.append('not 250')
                except (OSError, h.Failed, ValueError) as e:
                    problems.append(repr(e))
                waits.append(time.monotonic() - begin)

        old = h.Smtp(s.port)
        old.ehlo()
        old.expect('MAIL FROM:<s@c.test>', 250)
        threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for _ in range(3):
            seen = len(sent)
            s.replace()
            h.wait_for(lambda: len(sent) > seen + 10, what='messages')
        stop.set()
        for t in threads:
            t.join()
        old.expect('RCPT TO:<u@box.test>', 250)
        old.expect('DATA', 354)
        old.send('Subject: old\r\n\r\n' + 'x' * 70 + '\r\n.\r\n')
        h.equal(old.reply()[0], 250, 'the session of the first worker')
        old.close()
        h.equal(problems, [], 'clients')
        h.check(max(waits) < 15, 'a client waited %.1f s' % max(waits))
        want = sorted(sent + ['old'])
        got = lambda: sorted(re.search(r'(?m)^Subject: (\S+)', m).group(1) for m in h.maildir(s.d('mail/box.test/u')))
        h.wait_for(lambda: len(got()) >= len(want), what='all messages')
        h.equal(got(), want, 'messages')
        h.wait_for(lambda: not s.remex.child('remex-leaving'), what='the end of the old workers')
        h.check(os.path.exists(s.d('spool/daemon-%d.sock' % s.remex.proc.pid)), 'the status socket went with an old worker')
        h.equal(s.log('paniclog'), '', 'panic log')
        s.remex.stop()


def test_large_messages_in_both():
    """Two workers at one spool, with bodies in files: each has its own."""
    with Server() as s:
        old = [h.Smtp(s.port) for _ in range(3)]
        for c in old:
            c.ehlo()
        s.replace()
        new = [h.Smtp(s.port) for _ in range(3)]
        for c in new:
            c.ehlo()
        body = {c: ''.join('%s-%06d-%s\r\n' % (name, i, 'y' * 50) for i in range(8000)) for name, c in zip('abcdef', old + new)}

        def work(c):
            for _ in range(5):
                h.equal(c.message('s@c.test', ['u@box.test'], 'Subject: large\r\n\r\n' + body[c])[0], 250, 'large')
        failed = []

        def guarded(c):
            try:
                work(c)
            except Exception as e:  # noqa: BLE001
                failed.append(repr(e))
        threads = [threading.Thread(target=guarded, args=(c,)) for c in old + new]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        h.equal(failed, [], 'clients')
        h.wait_for(lambda: len(h.maildir(s.d('mail/box.test/u'))) == 30, what='30 messages')
        got = sorted(m.replace('\r\n', '\n').split('\n\n', 1)[1] for m in h.maildir(s.d('mail/box.test/u')))
        want = sorted([b.replace('\r\n', '\n') for b in body.values()] * 5)
        h.check(got == want, 'bodies are mixed up')
        for c in old + new:
            c.close()
        s.remex.stop()


def test_a_dead_worker_leaves_a_command():
    """It is ended before its message is tried again, however soon the next worker comes."""
    with Server(args=['-q1s']) as s:
        h.equal(s.send('slow@pipe.test'), 250)
        h.wait_for(lambda: s.trace('began'), what='the command')
        first = s.remex.worker()
        os.kill(first, signal.SIGKILL)
        s.replaced(first)
        h.equal(s.send(), 250)
        h.wait_for(lambda: len(s.trace('began')) == 2, what=lambda: 'another run: ' + s.read('trace/log'))
        h.equal((len(s.trace('ended')), s.trace('overlap')), (1, []), 'the first run')
        h.write(s.d('trace/go'), '')
        s.logged(r'=> slow <slow@pipe\.test>')
        s.remex.stop()
        h.equal((len(s.trace('done')), s.trace('overlap')), (1, []), 'runs')


def test_the_daemon_ends_while_a_worker_makes_room():
    """All end, the command is told to, and the next daemon tries the message."""
    with Server() as s:
        h.equal(s.send('slow@pipe.test'), 250)
        h.wait_for(lambda: s.trace('began'), what='the command')
        s.replace()
        h.wait_for(lambda: s.remex.child('remex-leaving'), what='a worker that leaves')
        s.remex.stop(70)
        h.equal((len(s.trace('ended')), s.trace('done')), (1, []), 'the command')
        h.equal(s.log().count('daemon stopped'), 1, 'lines')
        h.write(s.d('trace/go'), '')
        s.remex.start()
        s.remex.run('-qf')
        s.logged(r'=> slow <slow@pipe\.test>')
        h.equal(s.trace('overlap'), [], 'runs')
        s.remex.stop()


def test_signals_that_come_late():
    """A worker that ends in good order is not killed by what it no longer watches for (a worker that made room ends: the master tells the next one)."""
    for number in (signal.SIGRTMIN, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        with Server() as s:
            h.equal(s.send(), 250)
            worker = s.remex.worker()
            s.remex.proc.send_signal(signal.SIGTERM)
            while s.remex.proc.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, number)
                time.sleep(0.0001)  # those of SIGRTMIN queue up
            h.equal(s.remex.proc.returncode, 0, 'exit status with %s' % signal.Signals(number).name)


def test_too_many_at_once():
    """The oldest of five is told to hurry."""
    with Server() as s:
        sessions = []
        for _ in range(5):
            c = h.Smtp(s.port)
            c.ehlo()
            sessions.append(c)
            s.replace()
        h.equal(sessions[0].reply()[0], 421, 'the oldest')
        for c in sessions[1:]:
            c.expect('NOOP', 250)
            c.close()
        h.wait_for(lambda: not s.remex.child('remex-leaving'), what='their end')
        s.remex.stop()


h.main()
