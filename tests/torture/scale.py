#!/usr/bin/env python3
"""A long queue: messages for a smarthost that is away, then back.

Measures, and holds to limits: listing, memory of the daemon, how soon a message is tried that falls due or has just come, start-up to the
greeting and to the first delivery, and the drain when the smarthost is back. The long form does it with 10 000 and with 100 000 messages
(REMEX_SCALE=N: with N alone); the short one with 5000. The clock is not turned: "the smarthost was away long enough" is written into
the spool's database while the daemon is stopped. The short form runs anywhere, beside other tests: its limits of time are fifteen times
as wide, and tell only a slip of another order.
"""
# timeout: 300
import asyncio
import contextlib
import multiprocessing
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time

import harness as h
from _common import FULL, intact
from maildir_conf import fill

SIZES = [int(os.environ['REMEX_SCALE'])] if 'REMEX_SCALE' in os.environ else [10_000, 100_000] if FULL else [5000]
CONNECTIONS, BURST = 8, 50
BODY = b'Subject: waiting\r\nFrom: s@c.test\r\n\r\n' + b'The quick brown fox jumps over the lazy dog.\r\n' * 20
ROUTERS = '''
quick:
  driver = manualroute
  domains = quick.test
  route_list = * 127.0.0.1 byname
  self = send
  transport = quick
smart:
  driver = manualroute
  domains = far.test
  route_list = * 127.0.0.1 byname
  self = send
  transport = smart
'''
TRANSPORT = '''
%s:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
'''


class Sink(asyncio.Protocol):
    """Takes everything; `refuse` (shared): so many RCPT commands get 451 first."""
    count = first = refuse = last = None

    def connection_made(self, transport):
        self.transport, self.buffer, self.in_data, self.taken = transport, b'', False, 0
        transport.write(b'220 sink ESMTP\r\n')

    def data_received(self, data):
        self.buffer += data
        out = []
        while True:
            if self.in_data:
                body, end, rest = self.buffer.partition(b'\r\n.\r\n')
                if not end:
                    break
                self.buffer, self.in_data = rest, False
                now = time.time()
                with self.count.get_lock():
                    self.count.value += 1
                    self.last.value = now
                    if self.first.value == 0:
                        self.first.value = now
                out.append(b'250 taken\r\n')
                continue
            line, end, rest = self.buffer.partition(b'\r\n')
            if not end:
                break
            self.buffer = rest
            word = line[:4].upper()
            if word == b'DATA':
                self.in_data = self.taken > 0
                self.taken = 0
                out.append(b'354 go\r\n' if self.in_data else b'503 no recipients\r\n')
            elif word == b'EHLO':
                out.append(b'250-sink\r\n250 PIPELINING\r\n')
            elif word == b'RCPT' and self.refuse.value > 0:
                self.refuse.value -= 1
                out.append(b'451 4.2.1 later\r\n')
            elif word == b'RCPT':
                self.taken += 1
                out.append(b'250 ok\r\n')
            elif word == b'QUIT':
                self.transport.write(b''.join(out) + b'221 bye\r\n')
                self.transport.close()
                return
            else:
                out.append(b'250 ok\r\n')
        self.transport.write(b''.join(out))


class SinkProcess:
    def __init__(self, port):
        self.port = port
        self.count, self.refuse = multiprocessing.Value('i', 0), multiprocessing.Value('i', 0)
        self.first, self.last = multiprocessing.Value('d', 0.0), multiprocessing.Value('d', 0.0)
        self.proc = None

    def start(self):
        def serve():
            Sink.count, Sink.first, Sink.last, Sink.refuse = self.count, self.first, self.last, self.refuse

            async def main():
                loop = asyncio.get_running_loop()
                server = await loop.create_server(Sink, '127.0.0.1', self.port, backlog=512)
                await server.serve_forever()

            asyncio.run(main())

        self.proc = multiprocessing.get_context('fork').Process(target=serve, daemon=True)
        self.proc.start()
        h.wait_for(lambda: h.port_open(self.port), what='the sink')

    def stop(self):
        if self.proc:
            self.proc.kill()
            self.proc.join()
            self.proc = None


async def inject(port, total):
    """Bursts of whole transactions (PIPELINING and CHUNKING); every one must be answered 250."""
    share = [total // CONNECTIONS + (1 if i < total % CONNECTIONS else 0) for i in range(CONNECTIONS)]
    one = b'MAIL FROM:<s@c.test>\r\nRCPT TO:<u@far.test>\r\nBDAT %d LAST\r\n' % len(BODY) + BODY

    async def client(n):
        reader, writer = await asyncio.open_connection('127.0.0.1', port, limit=1 << 20)

        async def reply():
            while True:
                line = await reader.readline()
                h.check(line[:1] == b'2', 'reply %r' % line)
                if line[3:4] != b'-':
                    return

        await reply()
        writer.write(b'EHLO c.test\r\n')
        await reply()
        while n > 0:
            burst = min(BURST, n)
            writer.write(one * burst)
            for _ in range(3 * burst):
                await reply()
            n -= burst
        writer.write(b'QUIT\r\n')
        await reply()
        writer.close()

    await asyncio.gather(*(client(n) for n in share))


class Queue:
    """One queue of `n` messages from the first to the last."""

    def __init__(self, n):
        self.n, self.figures = n, {}
        self.d = h.Dir()
        self.port = h.free_port()
        self.smart, self.quick = SinkProcess(h.free_port()), SinkProcess(h.free_port())
        conf = fill(self.d, self.port, routers=ROUTERS,
                    transports=TRANSPORT % ('smart', self.smart.port) + TRANSPORT % ('quick', self.quick.port),
                    extra='remote_max_parallel = 4\nsmtp_accept_queue = 0')
        text = open(conf).read().replace('  accept domains = dsearch', '  accept domains = far.test : quick.test\n  accept domains = dsearch')
        text = text.replace('* * F,1h,1s', 'quick.test * F,1h,3s\n* * F,1d,15m')
        open(conf, 'w').write(text)
        self.server = h.Remex(conf, [self.port], args=['-q1h'])

    def rows(self, sql):
        with contextlib.closing(sqlite3.connect('file:%s?mode=ro' % self.d('spool/db/spool.sqlite'), uri=True, timeout=30)) as db:
            return db.execute(sql).fetchall()

    def memory(self):
        """MiB of the daemon and all its processes."""
        pids, sums = [self.server.proc.pid], {'VmRSS': 0, 'VmHWM': 0}
        for pid in pids:
            with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
                pids += [int(p) for p in f.read().split()]
            with open('/proc/%d/status' % pid) as f:
                text = f.read()
            for k in sums:
                sums[k] += int(re.search(r'%s:\s+(\d+)' % k, text).group(1)) / 1024
        return sums

    def timed(self, *args):
        """Seconds of a command, its standard output."""
        began = time.perf_counter()
        r = subprocess.run([h.BIN, *args], capture_output=True, env=self.server.env)
        took = time.perf_counter() - began
        h.equal(r.returncode, 0, 'status of %s: %s' % (args, r.stderr))
        return took, r.stdout

    def note(self, what, value, limit=None, unit='s'):
        self.figures[what] = value
        if limit is not None and unit == 's' and not FULL:
            limit *= 15
        if unit == 'MiB' and h.sanitized():
            limit = None
        print('     %-46s %10.3f %s%s' % (what, value, unit, '' if limit is None else '   (limit %g)' % limit), flush=True)
        if limit is not None:
            h.check(value < limit, '%s with %d messages: %.3f %s, the limit is %g' % (what, self.n, value, unit, limit))

    def fill(self):
        self.server.start()
        began = time.time()
        asyncio.run(inject(self.port, self.n))
        self.note('accepted', self.n / (time.time() - began), unit='messages/s')
        deferred = 'SELECT count(*) FROM messages WHERE next_attempt > 0'
        h.wait_for(lambda: self.rows(deferred)[0][0] >= self.n, 1200, lambda: 'all deferred: %d of %d' % (self.rows(deferred)[0][0], self.n))
        self.note('accepted and tried once', self.n / (time.time() - began), unit='messages/s')
        self.note('memory after that', self.memory()['VmRSS'], 200, 'MiB')

    def list(self):
        conf = ['-C', self.server.conf]
        for what, args, lines in (('-bp', [*conf, '-bp'], 3 * self.n), ('-bpc', [*conf, '-bpc'], 1), ('-bpi', [*conf, '-bpi'], self.n),
                                  ('remex queue list', ['queue', *conf, 'list'], self.n), ('remex queue count', ['queue', *conf, 'count'], 1),
                                  ('remex queue ids, one sender', ['queue', *conf, 'ids', 'sender=nobody@*'], 0)):
            took, out = min((self.timed(*args) for _ in range(3)), key=lambda r: r[0])
            h.equal(out.count(b'\n'), lines, 'lines of ' + what)
            self.note(what, took, 1)

    def due(self):
        """A message that falls due, and one that has just come."""
        self.quick.refuse.value = 1
        self.quick.start()
        code, text = h.send(self.port, 's@c.test', ['u@quick.test'], 'Subject: due\n\nx\n')
        h.equal(code, 250, text)
        found = h.wait_for(lambda: self.rows("SELECT next_attempt FROM messages WHERE next_attempt > 0 ORDER BY received DESC, id DESC LIMIT 1"
                                             if self.quick.refuse.value == 0 else 'SELECT 1 WHERE 0'), what='the first attempt')
        h.wait_for(lambda: self.quick.count.value == 1, what='the second attempt')
        self.note('a due message is delivered after', self.quick.last.value - found[0][0], 1)
        began = time.time()
        h.send(self.port, 's@c.test', ['u@quick.test'], 'Subject: new\n\nx\n')
        h.wait_for(lambda: self.quick.count.value == 2, what='a new message')
        self.note('a new message is delivered after', self.quick.last.value - began, 1)

    def restart(self):
        self.server.stop()
        began = time.time()
        self.server.start()
        with contextlib.closing(socket.create_connection(('127.0.0.1', self.port), 60)) as s:
            s.settimeout(60)
            h.check(s.recv(200).startswith(b'220'), 'greeting')
        self.note('start-up to the greeting', time.time() - began, 2)
        before = self.quick.count.value
        h.send(self.port, 's@c.test', ['u@quick.test'], 'Subject: again\n\nx\n')
        h.wait_for(lambda: self.quick.count.value > before, what='a new message after the restart')
        self.note('start-up to the first delivery', self.quick.last.value - began, 2)

    def drain(self):
        """The smarthost is back, and the retry times have come."""
        self.server.stop()
        with contextlib.closing(sqlite3.connect(self.d('spool/db/spool.sqlite'), timeout=30)) as db:
            db.execute('UPDATE messages SET next_attempt = 1 WHERE next_attempt > 0')
            db.execute('UPDATE retry SET next_try = 1')
            db.commit()
        self.smart.start()
        began = time.time()
        self.server.start()
        h.wait_for(lambda: self.smart.count.value > 0, what='the first delivery of the drain')
        self.note('start-up to the first queued message', self.smart.first.value - began, 2)
        sent = time.time()
        before = self.quick.count.value
        h.send(self.port, 's@c.test', ['u@quick.test'], 'Subject: meanwhile\n\nx\n')
        h.wait_for(lambda: self.quick.count.value > before, what='a new message during the drain')
        self.note('a new message meanwhile', self.quick.last.value - sent, 1)
        h.wait_for(lambda: self.smart.count.value >= self.n, 1200, lambda: 'the drain: %d of %d' % (self.smart.count.value, self.n))
        self.note('drained', self.n / (self.smart.last.value - self.smart.first.value), unit='messages/s')
        h.wait_for(lambda: self.rows('SELECT count(*) FROM messages')[0][0] == 0, what='an empty queue')
        self.note('memory at its highest', self.memory()['VmHWM'], 200, 'MiB')
        h.equal(self.smart.count.value, self.n, 'messages at the smarthost')

    def run(self):
        print('     -- %d messages' % self.n, flush=True)
        try:
            self.fill()
            self.list()
            self.due()
            self.restart()
            self.drain()
            self.server.stop()
            intact(self.d('spool'))
        finally:
            self.server.kill()
            self.smart.stop()
            self.quick.stop()
            self.d.remove()
        return self.figures


def test_long_queue():
    figures = [Queue(n).run() for n in SIZES]
    if len(figures) == 2:  # the work for a message does not grow with the queue
        small, large = (f['drained'] for f in figures)
        h.check(large > small / 3, 'drained %.0f/s of many, %.0f/s of few' % (large, small))


h.main()
