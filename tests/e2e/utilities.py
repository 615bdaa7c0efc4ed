#!/usr/bin/env python3
"""The small programs that the command is by another name: what tests/oracle/surface/tools.t cannot compare with Exim 4.96."""
import os
import signal
import subprocess
import time

import harness as h

D = h.Dir()
for name in ('exim_dumpdb', 'exim_msgdate', 'exinext', 'exim_lock', 'exim_dbmbuild', 'exim_id_update'):
    os.symlink(h.BIN, D(name))


def run(name, *args, rc=0, **kw):
    r = subprocess.run([D(name), *args], capture_output=True, text=True, timeout=60, cwd=D.path, **kw)
    h.equal(r.returncode, rc, 'status of %s %s: %s%s' % (name, args, r.stdout, r.stderr))
    return r.stdout + r.stderr


def test_dates_of_message_ids():
    # 4.97's form, the one before, with the E of a Message-ID, and the first part alone: all made at the same second.
    ids = ('1xUnsX-000000003Ot-2h0I', '1xUnsX-0003Ot-0I', 'E1xUnsX-0003Ot-0I', '1xUnsX')
    for i in ids:
        h.equal(run('exim_msgdate', '-u', i), '1795278233\n', i)
        h.equal(run('exim_msgdate', '--utc', i), '2026-11-21 16:23:53\n', i)
    h.equal(run('exim_msgdate', '-l', ids[0], env=dict(os.environ, TZ='UTC-2')), '2026-11-21 18:23:53\n', 'local time')
    h.equal(run('exim_msgdate', '-u', '--pid', *ids[:2]), '1795278233 13075\n1795278233 13075\n', 'process ids')
    h.check('no message id was given' in run('exim_msgdate', rc=1), 'no argument')
    h.check('is not a message id' in run('exim_msgdate', 'nonsense', rc=1), 'a bad id')
    h.check('Usage: exim_msgdate' in run('exim_msgdate', '--what', 'x', rc=1), 'a bad option')
    h.check('1795278233\n' in run('exim_msgdate', '-u', 'nonsense', ids[0], rc=1), 'the good ones are answered')


def test_ids_need_no_update():
    h.equal(run('exim_id_update', '-u', D.path), '', 'upgrade')
    h.equal(run('exim_id_update', '-d', D.path), '', 'downgrade')
    h.check('exim_id_update of remex' in run('exim_id_update', '-v'), 'version')
    h.check('Usage:' in run('exim_id_update', '-h') and 'Usage:' in run('exim_id_update', rc=1), 'usage')


def test_dumps_of_what_is_not_there():
    os.mkdir(D('spool'))
    for name in ('retry', 'callout', 'ratelimit', 'seen'):
        h.equal(run('exim_dumpdb', D('spool'), name), '', name)
    h.check('There is no database wait-remote_smtp: what waits for a host is asked from the queue' in
            run('exim_dumpdb', D('spool'), 'wait-remote_smtp', rc=1), 'wait-')
    for name in ('misc', 'tls'):
        h.check('There is no database %s: ' % name in run('exim_dumpdb', D('spool'), name, rc=1), name)
    h.check('Failed to open spool directory /nonexistent' in run('exim_dumpdb', '/nonexistent', 'retry', rc=1), 'no spool')
    os.makedirs(D('bad/db'))
    h.write(D('bad/db/spool.sqlite'), 'no database at all, but long enough to be one' * 100)
    h.check('spool.sqlite' in run('exim_dumpdb', D('bad'), 'retry', rc=1), 'a damaged database')


def test_a_lock_waits_no_longer_than_told():
    h.write(D('box'), 'From x\n')
    began = time.monotonic()
    out = run('exim_lock', '-q', '-fcntl', 'box', './exim_lock -fcntl -timeout 1 -retries 1 box true; echo status $?')
    h.check('fcntl() failed: Interrupted system call\nexim_lock: locking failed too many times\nstatus 1' in out.replace('exim_lock: box closed\n', ''), out)
    h.check(time.monotonic() - began < 20, 'time')
    os.symlink('/etc/passwd', D('link'))
    h.equal(run('exim_lock', '-q', '-lockfile', 'link', 'true'), '', 'a lock file needs no mailbox')
    before = os.stat(D('box'))
    os.utime(D('box'), (1000, 2000))
    run('exim_lock', '-q', '-restore-times', 'box', 'cat box >/dev/null; touch box')
    h.equal((os.stat(D('box')).st_mtime, before.st_ino == os.stat(D('box')).st_ino), (2000, True), '-restore-times')
    # A lock file does not outlive the program that is told to end.
    h.equal(os.path.exists(D('box.lock')), False, 'lock file')


def test_exinext_without_a_configuration():
    h.check('cannot' in run('exinext', '-C', '/nonexistent/conf', 'x.test', rc=1), 'no configuration')
    h.check('Usage: exinext' in run('exinext', rc=1), 'usage')


def teardown():
    D.remove()


h.main()
