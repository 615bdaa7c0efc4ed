#!/usr/bin/env python3
"""Who waits for whom: max_parallel runs of a transport at once, and mailboxes that somebody else has locked (lock_fcntl_timeout, lock_flock_timeout)."""
# timeout: 180
import atexit
import contextlib
import fcntl
import os

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
SCRIPT = D('command')
h.write(SCRIPT, '#!/bin/sh\necho start >> %s\ncat %s > /dev/null\necho end >> %s\n' % (D('out/runs'), D('out/gate'), D('out/runs')), 0o755)
os.makedirs(D('out'))
os.mkfifo(D('out/gate'))
MBOX = '''
%s:
  driver = appendfile
  file = @DIR@/out/%s.mbox
  user = mail
  create_file = anywhere
  %s
'''
CONF = fill(D, PORT, extra='log_selector = +retry_defer\n', routers='''
others:
  driver = accept
  transport = ${extract{1}{.}{$domain}{$value}}
''', transports=('''
one:
  driver = pipe
  command = @SCRIPT@
  user = mail
  max_parallel = ${if eq{$domain}{one.test}{1}{0}}
quick:
  driver = pipe
  command = /bin/sh -c "sleep 0.2; echo end >> @DIR@/out/quick"
  user = mail
  max_parallel = 1
bad:
  driver = pipe
  command = @SCRIPT@
  user = mail
  max_parallel = ${if eq{$domain}{bad.test}{many}}
''' + MBOX % ('patient', 'patient', 'lock_fcntl_timeout = 60s\n  lock_retries = 1\n  lock_interval = 1s') +
    MBOX % ('flock', 'flock', 'use_fcntl_lock = false\n  use_flock_lock\n  lock_flock_timeout = 60s\n  lock_retries = 1\n  lock_interval = 1s') +
    MBOX % ('hasty', 'hasty', 'lock_fcntl_timeout = 1s\n  lock_retries = 1\n  lock_interval = 1s')).replace('@SCRIPT@', SCRIPT).replace('@DIR@', D.path))
TEXT = open(CONF).read().replace('  deny message = relay', '  accept\n  deny message = relay', 1).replace('* * F,1h,1s', '* * F,1h,1h')
h.write(CONF, TEXT)
if os.geteuid() == 0:
    h.subprocess.run(['chown', '-R', 'mail:mail', D('out')], check=True)
SERVER = h.Remex(CONF, [PORT], ['-q1s']).start()
atexit.register(SERVER.kill)


def log():
    try:
        with open(D('log/mainlog'), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def runs():
    try:
        with open(D('out/runs')) as f:
            return f.read().split()
    except OSError:
        return []


def send(domain):
    h.equal(h.send(PORT, 'a@client.test', ['u@%s.test' % domain], 'Subject: x\n\nx\n')[0], 250)


def test_max_parallel():
    send('one')
    h.wait_for(lambda: runs() == ['start'], what='the first run')
    send('one')
    send('one')
    h.wait_for(lambda: log().count('waits for its turn: 1 run of the one transport is under way (max_parallel)') >= 2, what=lambda: 'two that wait: ' + log())
    h.equal(runs(), ['start'])
    for n in range(1, 4):
        with open(D('out/gate'), 'w'):  # opens when the command does
            pass
        h.wait_for(lambda: runs().count('end') == n, what='run %d' % n)
        if n < 3:
            h.wait_for(lambda: runs().count('start') == n + 1, what='the start of run %d' % (n + 1))
    h.equal(runs(), ['start', 'end'] * 3, 'never two at once')
    h.wait_for(lambda: log().count('=> u <u@one.test>') == 3, what='three deliveries')


def test_a_limit_that_is_none():
    send('bad')
    h.wait_for(lambda: 'T=bad defer (-1): integer expected but "many" found' in log(), what='a deferral')
    h.check('Failed to expand max_parallel option in bad transport (u@bad.test): integer expected but "many" found' in log(), 'the option')


def held(domain, take):
    path = D('out/%s.mbox' % domain)
    f = open(path, 'a')
    os.chmod(path, 0o600)
    if os.geteuid() == 0:
        h.subprocess.run(['chown', 'mail:mail', path], check=True)
    take(f, fcntl.LOCK_EX)
    send(domain)
    return f


def test_a_locked_mailbox():
    f = held('hasty', fcntl.lockf)
    h.wait_for(lambda: '== u@hasty.test' in log(), what='a deferral')
    h.check('(fcntl)' in log() and 'failed to lock mailbox' in log(), log())
    f.close()
    for domain, take in (('patient', fcntl.lockf), ('flock', fcntl.flock)):
        f = held(domain, take)
        # It waits with the file open: released, it is delivered at once, where a single attempt would have been deferred.
        h.wait_for(lambda: D('out/%s.mbox' % domain) in opened(), what='somebody who waits for ' + domain)
        f.close()
        h.wait_for(lambda: '=> u <u@%s.test>' % domain in log(), what=lambda: 'the delivery: ' + log())
        h.check('== u@%s.test' % domain not in log(), log())


def opened():
    """What the server's processes have open. They and their descriptors come and go while this looks."""
    out = []
    for pid in h.descendants(SERVER.proc.pid):
        folder = '/proc/%d/fd' % pid
        with contextlib.suppress(OSError):
            for n in os.listdir(folder):
                with contextlib.suppress(OSError):
                    out.append(os.readlink(os.path.join(folder, n)))
    return out


def test_the_next_one_is_told():
    """Twenty that wait for one place are through as fast as their runs are, and each says once that it waits."""
    def done():
        return len(open(D('out/quick')).read().split()) if os.path.exists(D('out/quick')) else 0
    c = h.Smtp(PORT)
    c.ehlo()
    for _ in range(20):
        c.message('a@client.test', ['u@quick.test'], 'Subject: x\n\nx\n')
    c.close()
    h.wait_for(lambda: done() == 20, 70, lambda: '20 runs, not %d: %s' % (done(), log()[-800:]))
    waits = [l for l in log().splitlines() if 'quick transport is under way' in l]
    h.check(0 < len(waits) <= 20, '%d lines about waiting' % len(waits))


h.main()
