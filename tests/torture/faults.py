#!/usr/bin/env python3
"""Every failing system call of a delivery: the n-th write, sync, open, rename, … fails, for all n and several errors.

Whatever fails: what was answered with 250 arrives whole, the server stays, its database is sound, and with the fault gone it takes and
delivers mail as before.
"""
# timeout: 600
import errno
import os
import random
import re

import harness as h
import fault_shim as f
from _common import FULL, SEED, intact, message, tags
from maildir_conf import fill

h.enter_namespace()
D = h.Dir()
PORT = h.free_port()
CONF = fill(D, PORT, boxes=('u@box.test', 'v@box.test'))
os.makedirs(D('spool'), exist_ok=True)
FAULTS = f.Faults(D.path, D.path)
SERVER = h.Remex(CONF, [PORT], args=['-q2s'], env=FAULTS.env)
SERVER.start()
COMMAND = h.Remex(CONF, [PORT])  # asks the queue, without faults of its own
ERRORS = {'write': (errno.ENOSPC, errno.EIO, errno.EINTR), 'sync': (errno.EIO, errno.ENOSPC), 'open': (errno.EMFILE, errno.ENOSPC, errno.EACCES),
          'name': (errno.EIO, errno.ENOSPC), 'read': (errno.EIO, errno.EINTR), 'size': (errno.ENOSPC, errno.EIO)}
SIZES = {'small': 200, 'large': 700_000}
ACKED, SENT = set(), set()
ONLY = os.environ.get('REMEX_TORTURE_ONLY', '')  # part of a case's name, to see it again


def send(kind, tag):
    """A message to two mailboxes; the code of the last reply, 0 when the connection ended."""
    SENT.add(tag)
    try:
        code, _ = h.send(PORT, 's@c.test', ['u@box.test', 'v@box.test'], message(tag, SIZES[kind]))
    except OSError:
        code = 0
    except h.Failed as e:  # an answer in between that ends the session, or its end
        code = int(re.search(r'got (4\d\d|0)\b', str(e)).group(1))
    if code == 250:
        ACKED.add(tag)
    return code


def everything_arrived(where):
    def missing():
        return [(box, t) for box in ('u', 'v') for t in ACKED - set(tags(D('mail', 'box.test', box)))]
    def done():
        if COMMAND.run('-bpc').stdout.strip() == '0':
            return not missing()
        COMMAND.run('-qf')  # what waits for its retry time goes now
        return False
    h.wait_for(done, 60,
               lambda: '%s: missing %r; queue %s' % (where, missing()[:5], COMMAND.run('-bp').stdout[:1000]))


def calls_of_a_delivery(kind):
    """How many calls of each class one undisturbed message makes, with what follows it."""
    counts = {}
    for name, klass in f.CLASSES.items():
        FAULTS.arm(klass)
        h.equal(send(kind, 'count-%s-%s' % (kind, name)), 250, 'undisturbed')
        everything_arrived('undisturbed')
        counts[name] = FAULTS.disarm()[0]
    print('%s: calls of a delivery: %r' % (kind, counts))
    return counts


def name_of(kind, name, error, n, mode):
    return '%s-%s-%s-%d-%d' % (kind, name, errno.errorcode.get(error, 'short'), n, mode)


def disturb(kind, name, error, n, mode):
    tag = name_of(kind, name, error, n, mode)
    FAULTS.arm(f.CLASSES[name], at=n, error=error, mode=mode)
    code = send(kind, tag)
    if mode != f.FROM_NOW_ON and code == 250:  # the delivery meets the fault, too
        h.wait_for(lambda: FAULTS.hits() > 0 or COMMAND.run('-bpc').stdout.strip() == '0', 60, tag)
    hits = FAULTS.disarm()[1]
    SERVER.alive()
    h.check(code in (250, 451, 452, 421, 0), '%s: answered %d' % (tag, code))
    h.check(code != 0 or hits > 0, '%s: the connection ended without a fault' % tag)
    return hits


def test_every_call_of_a_delivery_fails_once():
    plan = []
    for kind in SIZES:  # the first messages make what later ones find: the log's room, files, directories
        send(kind, 'first-' + kind)
    everything_arrived('the first ones')
    for kind in SIZES:
        for name, count in calls_of_a_delivery(kind).items():
            h.check(count > 0 or name in ('size', 'read', 'name'), 'no call of class %s was seen: the instrument is blind' % name)
            plan += [(kind, name, error, n, f.ONCE) for error in ERRORS[name] for n in range(1, count + 1)]
            if name in ('write', 'read'):
                plan += [(kind, name, 0, n, f.SHORT) for n in range(1, count + 1)]
    whole = len(plan)
    if ONLY:
        plan = [case for case in plan if ONLY in name_of(*case)]
    elif not FULL:
        plan = random.sample(plan, min(len(plan), 60))
    happened = 0
    for case in plan:
        happened += 1 if disturb(*case) else 0
        if not FULL or len(SENT) % 20 == 0:
            everything_arrived('%r' % (case,))
    everything_arrived('at the end')
    print('%d of %d cases, %d faults happened, %d of %d messages acknowledged, all of them delivered (seed %d)' % (
        len(plan), whole, happened, len(ACKED), len(SENT), SEED))
    h.check(happened >= len(plan) // 2, 'only %d faults happened' % happened)


def test_a_fault_that_stays_ends():
    for name in ('write', 'sync', 'open'):
        for kind in SIZES:
            disturb(kind, name, ERRORS[name][0], 1, f.FROM_NOW_ON)
    everything_arrived('after faults that stayed')
    h.equal(send('small', 'afterwards'), 250, 'after faults that stayed')
    everything_arrived('afterwards')


def test_no_descriptors_left_for_connections():
    before = SERVER.worker()
    FAULTS.arm(f.ACCEPT, at=1, error=errno.EMFILE, mode=f.FROM_NOW_ON)
    try:
        h.Smtp(PORT, timeout=1, greet=False).s.recv(1)
    except OSError:
        pass
    h.wait_for(lambda: FAULTS.hits() > 0, what='accept to fail')
    FAULTS.disarm()
    h.equal(send('small', 'accepted-again'), 250, 'after EMFILE')
    h.equal(SERVER.worker(), before, 'process')
    everything_arrived('after EMFILE')


def test_no_memory():
    """The n-th request of the worker is refused: the session, the delivery or the worker ends; nothing that was acknowledged does."""
    if h.sanitized():
        return  # it asks nobody
    def worker_now():  # one that ends again and again is started again after a minute at most
        return h.wait_for(lambda: SERVER.alive() and SERVER.child('remex-worker'), 150, 'a worker process')

    def under_way():
        worker = worker_now()
        h.wait_for(lambda: h.port_open(PORT), 60, 'the port')
        return worker
    h.equal(send('small', 'memory-first'), 250, 'undisturbed')
    everything_arrived('undisturbed')
    FAULTS.arm(f.MEMORY, pid=under_way())
    h.equal(send('small', 'memory-count'), 250, 'undisturbed')
    h.wait_for(lambda: COMMAND.run('-bpc').stdout.strip() == '0', 60, 'the delivery')
    count = FAULTS.disarm()[0]
    h.check(count > 50, '%d requests for memory were seen: the instrument is blind' % count)
    whole = [('small', n) for n in range(1, count + 1)] + [('large', n) for n in range(1, count + 1, 5)]
    plan = whole if FULL else random.sample(whole, 40)
    happened = ends = refused = 0
    for kind, n in plan:
        worker = under_way()
        FAULTS.arm(f.MEMORY, at=n, error=errno.ENOMEM, pid=worker)
        code = send(kind, 'memory-%s-%d' % (kind, n))
        if code == 250:
            h.wait_for(lambda: FAULTS.hits() > 0 or COMMAND.run('-bpc').stdout.strip() == '0', 60, 'the delivery of %s-%d' % (kind, n))
        happened += FAULTS.disarm()[1]
        h.check(code in (250, 451, 452, 421, 0), 'request %d: answered %d' % (n, code))
        SERVER.alive()
        refused += code != 250
        ends += worker_now() != worker
        if not FULL or n % 50 == 0:
            everything_arrived('request %d' % n)
    everything_arrived('memory')
    print('%d of %d requests for memory refused: %d messages not acknowledged, %d workers ended' % (happened, len(whole), refused, ends))
    h.check(happened >= len(plan) // 3, 'only %d refusals happened' % happened)


def test_the_clock_jumps():
    for seconds in (3600 * 24 * 400, -3600 * 24 * 400, 0):
        FAULTS.move_clock(seconds)
        h.equal(send('small', 'clock-%d' % seconds), 250, 'with the clock moved by %d s' % seconds)
        everything_arrived('clock moved by %d s' % seconds)


def test_the_database_is_sound():
    SERVER.stop()
    intact(D('spool'))
    for box in ('u', 'v'):
        seen = tags(D('mail', 'box.test', box))
        h.check(set(seen) <= SENT, 'unknown messages')
        print('%s: %d messages, %d of them not acknowledged, %d copies too many' % (
            box, len(seen), len(set(seen) - ACKED), sum(n - 1 for n in seen.values())))


def teardown():
    SERVER.kill()
    D.remove()


h.main()
