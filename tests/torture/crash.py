#!/usr/bin/env python3
"""kill -9 at random moments while 50 clients send: every acknowledged message is in the maildir after a restart.

Duplicates are permitted only for deliveries that were in flight when the server died, and are counted. REMEX_CRASH_ROUNDS sets the rounds.
"""
# timeout: 900
import asyncio
import os
import random
import re
import subprocess
import time

import harness as h
from maildir_conf import fill

ROUNDS = int(os.environ.get('REMEX_CRASH_ROUNDS', '5000' if os.environ.get('REMEX_TORTURE') == 'full' else '200'))
CLIENTS = 50
D = h.Dir()
PORT = h.free_port()
SERVER = h.Remex(fill(D, PORT), [PORT], args=['-q2s'])
random.seed(int(os.environ.get('REMEX_CRASH_SEED', '1')))
BODY = 'x' * 70 + '\r\n'


class Client:
    def __init__(self, state, number):
        self.state, self.number = state, number

    async def run(self):
        """Sends messages on one connection until it breaks."""
        state = self.state
        try:
            reader, writer = await asyncio.open_connection('127.0.0.1', PORT)
        except OSError:
            return
        try:
            await reader.readline()
            writer.write(b'EHLO c.test\r\n')
            while (await reader.readline())[3:4] == b'-':
                pass
            while True:
                state['next'] += 1
                ident = 'id-%d' % state['next']
                size = random.choice((1, 5, 60, 5000 if random.random() < 0.05 else 10))
                msg = 'MAIL FROM:<s@c.test>\r\nRCPT TO:<u@box.test>\r\nDATA\r\n'
                writer.write(msg.encode())
                for want in (b'250', b'250', b'354'):
                    line = await reader.readline()
                    if not line.startswith(want):
                        if line:
                            state['refused'].append(line)
                        return
                writer.write(('X-Id: %s\r\n\r\n%s.\r\n' % (ident, BODY * size)).encode())
                state['inflight'].add(ident)
                line = await reader.readline()
                if line.startswith(b'250'):
                    state['acked'].add(ident)
                elif line:
                    state['refused'].append(line)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def one_round(state, work):
    """work: it lives until it has acknowledged something, however slow the machine is."""
    seen, end = len(state['acked']), time.monotonic() + 20
    tasks = [asyncio.create_task(Client(state, i).run()) for i in range(CLIENTS)]
    while work and len(state['acked']) == seen and time.monotonic() < end:
        await asyncio.sleep(0.002)
    await asyncio.sleep(random.uniform(0.02, 0.3))  # the moment of death is what is being varied
    SERVER.kill()
    await asyncio.gather(*tasks)


def collect(seen):
    """Lets the server deliver all it has, counts what is in the maildir and takes it away: hundreds of thousands of messages would fill
    the disk. (Taken away earlier, a message whose delivery was not recorded would be delivered again: the file is the record.)"""
    SERVER.start()
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '0', 120, lambda: 'an empty queue: ' + SERVER.run('-bp').stdout[:2000])
    SERVER.stop()
    folder = D('mail', 'box.test', 'u', 'new')
    for entry in os.scandir(folder) if os.path.isdir(folder) else ():
        with open(entry.path) as f:
            m = f.read()
        ident = re.search(r'^X-Id: (\S+)', m, re.M)
        h.check(ident, 'a message without its id: %r' % m[:200])
        h.check(m.endswith('x\n'), 'a partial message: %r' % m[-100:])
        seen[ident.group(1)] = seen.get(ident.group(1), 0) + 1
        os.unlink(entry.path)


def test_nothing_acknowledged_is_lost():
    state = dict(next=0, acked=set(), inflight=set(), refused=[])
    start, seen = time.monotonic(), {}
    for i in range(ROUNDS):
        SERVER.start()
        asyncio.run(one_round(state, i % 2 == 1))
        if i % 250 == 249:
            collect(seen)
        if i % 500 == 499:
            print('%d rounds in %.0f s: %d acknowledged' % (i + 1, time.monotonic() - start, len(state['acked'])), flush=True)
    collect(seen)
    lost = state['acked'] - set(seen)
    doubled = sum(n - 1 for n in seen.values())
    print('%d rounds in %.0f s: %d sent, %d acknowledged, %d delivered, %d lost, %d twice, %d never acknowledged but delivered' % (
        ROUNDS, time.monotonic() - start, len(state['inflight']), len(state['acked']), len(seen), len(lost), doubled, len(set(seen) - state['acked'])))
    h.equal(sorted(lost)[:20], [], 'acknowledged and lost')
    h.equal(state['refused'][:5], [], 'refused')
    h.check(len(state['acked']) > ROUNDS, 'too few messages to mean anything: %d' % len(state['acked']))
    # a kill can repeat at most what was being delivered at that moment
    h.check(doubled <= ROUNDS * 64, '%d duplicates in %d rounds' % (doubled, ROUNDS))
    left = [n for n in os.listdir(D('mail', 'box.test', 'u', 'tmp'))]
    h.check(all('temp' in n for n in left), 'unfinished files the rsync filter would pull: %r' % left[:5])


def teardown():
    SERVER.kill()
    D.remove()


h.main()
