#!/usr/bin/env python3
"""The power goes at a sync: at the first, the second, … of all that a number of mixed messages cause.

The spool and the mailboxes are on a file system in a file. Just before the n-th sync it is shut down without writing its journal:
what was not synced is gone, as in a power cut. Then the server is killed, the file system is mounted again and the queue is run. Every
message that had its 250 is in the mailbox, whole. Needs root, loop devices and ext4. REMEX_TORTURE_PART=K/N: only every N-th sync, from
the K-th on, so that N machines (or runs one after another) share the long form.
"""
# timeout: 600
import os
import random
import shutil
import subprocess
import threading
import time

import harness as h
import fault_shim as f
from _common import FULL, SEED, intact, message, tags
from maildir_conf import fill

h.enter_namespace()
WORK = h.Dir()
MOUNT, IMAGE, TEMPLATE = WORK('mnt'), WORK('image'), WORK('template')
MESSAGES, CLIENTS = (500, 4) if FULL else (24, 3)
PORT = h.free_port()
KEPT = h.Dir()  # what must not vanish with the power: the configuration, the shim
os.mkdir(MOUNT)


class OnTheDisk:
    """maildir_conf wants a directory that can be called for a path and asked for its own."""
    path = MOUNT

    def __call__(self, *parts):
        return os.path.join(MOUNT, *parts)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def mount():
    # The journal is not committed by the clock: that would save what the server forgot to sync.
    got = run('mount', '-o', 'loop,commit=300,noauto_da_alloc', IMAGE, MOUNT)
    h.equal(got.returncode, 0, got.stderr)


def unmount():
    h.wait_for(lambda: run('umount', MOUNT).returncode == 0, what='umount')


def make_template():
    if not shutil.which('mkfs.ext4'):
        h.skip('needs mkfs.ext4')
    run('truncate', '-s', '160M', IMAGE)
    h.equal(run('mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', IMAGE).returncode, 0, 'mkfs')
    if run('mount', '-o', 'loop', IMAGE, MOUNT).returncode != 0:
        h.skip('loop devices are not permitted here')
    conf = fill(OnTheDisk(), PORT, boxes=('u@box.test', 'v@box.test'))
    with open(conf) as text:  # the log tells what the server believed
        kept = text.read().replace('log_file_path = %s/log' % MOUNT, 'log_file_path = %s/log' % KEPT.path)
    h.write(KEPT('remex.conf'), kept)
    shutil.chown(KEPT.path, 'mail')
    unmount()
    run('cp', '--sparse=always', IMAGE, TEMPLATE)


class Client(threading.Thread):
    def __init__(self, round_number, number, plan):
        super().__init__(daemon=True)
        self.name_, self.plan, self.acked, self.sent = '%d-%d' % (round_number, number), plan, [], []

    def run(self):
        try:
            c = h.Smtp(PORT, timeout=30)
            c.ehlo()
            for i, (size, boxes) in enumerate(self.plan):
                tag = '%s-%d' % (self.name_, i)
                self.sent.append((tag, boxes))
                code, _ = c.message('s@c.test', ['%s@box.test' % b for b in boxes], message(tag, size))
                if code != 250:
                    break
                self.acked.append((tag, boxes))
            c.abort()
        except (OSError, h.Failed, ValueError):
            pass


def plan():
    """What each client sends: sizes around the limits of the spool, one or two recipients."""
    return [(random.choice((200, 4000, 30_000, 300_000)), random.choice(('u', 'v', 'uv'))) for _ in range(MESSAGES // CLIENTS)]


def one_round(n, **env):
    """n = 0: no cut; how many syncs there were. Else (acknowledged, lost, copies too many)."""
    run('cp', '--sparse=always', TEMPLATE, IMAGE)
    mount()
    shim = f.Faults(KEPT.path, MOUNT)
    server = h.Remex(KEPT('remex.conf'), [PORT], args=['-q1h'], env=dict(shim.env, **env))
    server.start()
    shim.arm(f.SYNC, at=n, mode=f.CUT)
    clients = [Client(n, k, plan()) for k in range(CLIENTS)]
    for c in clients:
        c.start()
    end = time.monotonic() + 120

    def over():
        """Everything was sent and delivered before that sync came."""
        h.check(time.monotonic() < end, 'neither the cut nor the end came')
        return not any(c.is_alive() for c in clients) and server.run('-bpc').stdout.strip() == '0'
    acked = []

    def promised():
        acked.extend((tag, b) for c in clients for tag, boxes in list(c.acked) for b in boxes)
    cut = shim.cut_power(MOUNT, over, promised)
    for c in clients:
        c.join(60)
        h.check(not c.is_alive(), 'a client hangs')
    count = shim.disarm()[0]
    server.kill()
    unmount()
    if n == 0:
        return count
    mount()
    command = h.Remex(KEPT('remex.conf'), [PORT])
    command.run('-qff')
    h.wait_for(lambda: command.run('-bpc').stdout.strip() == '0', 60, lambda: 'the queue after the cut: ' + command.run('-bp').stdout[:1000])
    have = {b: tags(os.path.join(MOUNT, 'mail', 'box.test', b)) for b in 'uv'}
    if not cut:
        promised()
    lost = [(tag, b) for tag, b in acked if tag not in have[b]]
    intact(os.path.join(MOUNT, 'spool'))
    unmount()
    return cut, len(acked), lost, sum(copies - 1 for seen in have.values() for copies in seen.values())


def test_the_power_goes_at_every_sync():
    make_template()
    syncs = one_round(0)
    h.check(syncs > MESSAGES // 2, 'only %d syncs for %d messages: the instrument is blind' % (syncs, MESSAGES))
    first, step = (int(x) for x in os.environ.get('REMEX_TORTURE_PART', '1/1').split('/'))
    points = list(range(first, syncs + 1, step)) if FULL else sorted(random.sample(range(1, syncs + 1), min(syncs, 10)))
    cuts = acked = twice = 0
    for n in points:
        cut, promised, lost, copies = one_round(n)
        h.equal(lost[:10], [], 'acknowledged and lost when the power went at sync %d (seed %d)' % (n, SEED))
        cuts, acked, twice = cuts + cut, acked + promised, twice + copies
        if FULL and cuts % 50 == 0:
            print('%d of %d: %d deliveries promised, 0 lost, %d twice' % (points.index(n) + 1, len(points), acked, twice), flush=True)
    print('%d cuts at %d of %d syncs of %d messages: %d deliveries promised, 0 lost, %d twice (seed %d)' % (
        cuts, len(points), syncs, MESSAGES, acked, twice, SEED))
    h.check(cuts >= len(points) // 2, 'the power went only %d times' % cuts)


def test_a_server_that_does_not_sync_would_be_caught():
    count = one_round(0, REMEX_FAULTS_LIE='1')
    h.check(any(one_round(max(1, count * k // 6), REMEX_FAULTS_LIE='1')[2] for k in (4, 3, 5, 2)), 'nothing was lost although nothing was synced: the instrument is blind')


def teardown():
    run('umount', MOUNT)
    WORK.remove()
    KEPT.remove()


h.main()
