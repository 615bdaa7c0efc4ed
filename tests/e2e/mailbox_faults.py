#!/usr/bin/env python3
"""A delivery that breaks off in a mailbox: no room, a quota of the system, a process that dies. The mailbox is as it was, nothing is left beside
it, and the next delivery works."""
# timeout: 180
import errno
import fcntl
import os
import re
import shutil
import signal
import stat
import subprocess

import harness as h
import fault_shim as f

if os.geteuid() != 0:
    h.skip('needs root')
D = h.Dir()
os.makedirs(D('mail'))
os.chown(D('mail'), 8, 8)
CONF = h.write(D('remex.conf'), r'''
primary_hostname = local.test
exim_user = mail
exim_group = mail
spool_directory = @D@/spool
log_file_path = @D@/log/%slog
begin routers
gone:
  driver = redirect
  domains = gone.test
  data = :blackhole:
here:
  driver = accept
  local_parts = file : plain : md : sized : store : locked : dead : linked : raced : dropped : \
    dropped_file : named
  transport = $local_part_data
  user = mail
begin transports
file:
  driver = appendfile
  file = @D@/mail/file
linked:
  driver = appendfile
  file = @D@/mail/linked
  allow_symlink
dropped:
  driver = appendfile
  file = @D@/mail/drop/u
  use_lockfile = false
dropped_file:
  driver = appendfile
  directory = @D@/mail/drop
named:
  driver = appendfile
  directory = @D@/mail/named
  directory_file = letter
raced:
  driver = appendfile
  file = @D@/mail/raced
  use_lockfile = false
  quota = 100K
plain:
  driver = appendfile
  directory = @D@/mail/plain
md:
  driver = appendfile
  directory = @D@/mail/md
  maildir_format
sized:
  driver = appendfile
  directory = @D@/mail/sized
  maildir_format
  maildir_use_size_file
  quota = 10M
store:
  driver = appendfile
  directory = @D@/mail/store
  mailstore_format
locked:
  driver = appendfile
  file = @D@/mail/locked
  lockfile_mode = 0640
  lock_fcntl_timeout = 60s
  use_flock_lock
dead:
  driver = appendfile
  file = @D@/mail/dead
  lock_fcntl_timeout = 60s
  lockfile_timeout = 30s
  lock_interval = 1s
  lock_retries = 3
begin retry
* quota
* * F,1h,10m
'''.replace('@D@', D.path))
FAULTS = f.Faults(D.path, D('mail'))
REMEX = h.Remex(CONF, [])
FAULTY = h.Remex(CONF, [], env=FAULTS.env)
KINDS = ('file', 'plain', 'md', 'sized', 'store')


def send(to, how=REMEX):
    """The lines of the log about a new message, without its arrival."""
    before = len(log())
    how.run('-odi', '-oi', '-f', 's@gone.test', to + '@local.test', input='Subject: x\n\n' + ('y' * 70 + '\n') * 3000, check_rc=0)
    return [l for l in log()[before:].split('\n') if re.search(' (=>|==|\\*\\*) %s' % to, l)]


def log():
    try:
        with open(D('log/mainlog')) as file:
            return file.read()
    except OSError:
        return ''


def all_files():
    """{path: contents} below mail/."""
    out = {}
    for root, _, names in os.walk(D('mail')):
        for n in names:
            with open(os.path.join(root, n), 'rb') as file:
                out[os.path.join(root, n)] = file.read()
    return out


def broken(to, klass, error, at=1, mode=f.FROM_NOW_ON):
    FAULTS.arm(klass, at=at, error=error, mode=mode)
    try:
        lines = send(to, FAULTY)
    finally:
        hits = FAULTS.disarm()[1]
    h.check(hits > 0, '%s: no fault happened' % to)
    return lines


def test_each_format_is_as_it_was():
    for to in KINDS:
        lines = send(to)
        h.check(len(lines) == 1 and '=> ' + to in lines[0], lines)
    before = all_files()
    h.check(len(before) == 7, sorted(before))
    for klass, name in ((f.WRITE, 'write'), (f.SYNC, 'sync')):
        for to in KINDS:
            lines = broken(to, klass, errno.ENOSPC)
            h.check(len(lines) == 1 and ' == ' in lines[0] and 'No space left on device' in lines[0], '%s, %s: %r' % (to, name, lines))
            h.equal({p: len(t) for p, t in all_files().items()}, {p: len(t) for p, t in before.items()}, '%s, %s' % (to, name))
            h.check(all_files() == before, '%s, %s: contents changed' % (to, name))
    REMEX.run('-Mrm', *re.findall(r'\S{23}', REMEX.run('-bpi').stdout), check_rc=0)


def test_a_part_was_written():
    """Half of the message is there when the rest cannot be written."""
    before = all_files()
    FAULTS.arm(f.WRITE | f.SYNC, at=1, mode=f.SHORT)  # the first write is a short one; what is left fits all the same
    lines = send('file', FAULTY)
    h.check(FAULTS.disarm()[1] == 1 and '=> file' in lines[0], lines)
    box = D('mail/file')
    whole = all_files()[box]
    h.equal(len(whole), 2 * len(before[box]), 'two messages')
    lines = broken('file', f.SYNC, errno.EIO)
    h.check(' == ' in lines[0] and 'Input/output error' in lines[0], lines)
    h.check(all_files()[box] == whole, 'a mailbox of two messages')
    REMEX.run('-Mrm', *re.findall(r'\S{23}', REMEX.run('-bpi').stdout), check_rc=0)


def test_a_link_to_a_mailbox_that_is_to_be_made_stays():
    os.symlink('elsewhere', D('mail/linked'))
    os.lchown(D('mail/linked'), 8, 8)
    lines = broken('linked', f.WRITE, errno.ENOSPC)
    h.check(' == ' in lines[0], lines)
    h.equal((os.readlink(D('mail/linked')), os.path.exists(D('mail/elsewhere'))), ('elsewhere', False), 'the link, the file')
    lines = send('linked')
    h.check('=> linked' in lines[0] and os.path.getsize(D('mail/elsewhere')) > 0 and os.path.islink(D('mail/linked')), lines)
    os.unlink(D('mail/linked'))
    os.unlink(D('mail/elsewhere'))
    REMEX.run('-Mrm', *re.findall(r'\S{23}', REMEX.run('-bpi').stdout), check_rc=0)


def test_a_new_mailbox_is_not_left_behind():
    os.unlink(D('mail/file'))
    lines = broken('file', f.WRITE, errno.ENOSPC)
    h.check(' == ' in lines[0], lines)
    h.check(not os.path.exists(D('mail/file')) and not os.path.exists(D('mail/file.lock')), sorted(os.listdir(D('mail'))))
    REMEX.run('-Mrm', *re.findall(r'\S{23}', REMEX.run('-bpi').stdout), check_rc=0)
    h.check('=> file' in send('file')[0], 'the next one')


def test_a_quota_of_the_system_is_a_quota():
    """The retry rule for quota errors is taken: it has no times, so the message bounces at once."""
    before = all_files()
    for klass in (f.WRITE, f.SYNC):
        for to in KINDS:
            lines = broken(to, klass, errno.EDQUOT)
            h.check(any(' ** ' in l or ' == ' in l for l in lines) and 'mailbox is full' in lines[0], '%s: %r' % (to, lines))
            h.check(any(' ** ' in l and 'retry timeout exceeded' in l for l in lines), '%s: %r' % (to, lines))
            h.check(all_files() == before, '%s: changed' % to)


def clear():
    """Mailboxes and queue are as at the beginning."""
    waiting = re.findall(r'\S{23}', REMEX.run('-bpi').stdout)
    if waiting:
        REMEX.run('-Mrm', *waiting, check_rc=0)
    for n in os.listdir(D('mail')):
        path = D('mail/' + n)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def syncs(to):
    FAULTS.arm(f.SYNC)
    try:
        lines = send(to, FAULTY)
        h.check('=> ' + to in lines[0], lines)
    finally:
        count = FAULTS.disarm()[0]
    return count


def test_a_name_that_is_not_on_the_disk_is_no_delivery():
    """Whichever sync fails, the message waits; the next attempt delivers it once."""
    for to, files in (('file', 1), ('plain', 1), ('named', 1), ('md', 1), ('store', 2)):
        for what in ('nothing is there', 'the directory is there'):
            clear()
            if what != 'nothing is there':
                if to == 'file':
                    h.write(D('mail/file'), '', 0o600)
                    os.chown(D('mail/file'), 8, 8)
                else:
                    send(to)
            there = len(all_files())
            count = syncs(to)
            h.check(count >= 2, '%s, %s: %d syncs' % (to, what, count))
            for at in range(1, count + 1):
                clear()
                if what != 'nothing is there':
                    if to == 'file':
                        h.write(D('mail/file'), '', 0o600)
                        os.chown(D('mail/file'), 8, 8)
                    else:
                        send(to)
                where = '%s, %s, sync %d of %d' % (to, what, at, count)
                lines = broken(to, f.SYNC, errno.EIO, at=at, mode=f.ONCE)
                h.check(len(lines) == 1 and ' == ' in lines[0] and 'Input/output error' in lines[0], '%s: %r' % (where, lines))
                REMEX.run('-qff', check_rc=0)
                h.equal(REMEX.run('-bpc').stdout.strip(), '0', where)
                texts = all_files()
                h.equal(len(texts), there if to == 'file' and there else there + files, '%s: %r' % (where, sorted(texts)))
                h.equal(sum(t.count(b'Subject: x') for t in texts.values()), 1 + (there > 0 and to != 'file'), where)
    clear()


def test_a_directory_that_may_be_written_and_not_read():
    for to in ('dropped', 'dropped_file'):
        os.makedirs(D('mail/drop'), exist_ok=True)
        os.chmod(D('mail/drop'), 0o733)
        h.equal(syncs(to), 2, '%s: the file, and the file system for its name' % to)
        if to == 'dropped':
            os.unlink(D('mail/drop/u'))
        before = len(all_files())
        lines = broken(to, f.SYNC, errno.EIO, at=2)
        h.check(' == ' in lines[0] and 'Input/output error' in lines[0], lines)
        REMEX.run('-qff', check_rc=0)
        h.equal(len(all_files()), before + 1, 'files')
    clear()


def start(to, how=REMEX):
    return subprocess.Popen(how.command('-odi', '-f', 's@gone.test', to + '@local.test'), stdin=subprocess.PIPE, env=how.env)


def test_mail_that_came_into_a_new_mailbox_stays():
    """One delivery makes the file, another one locks it first and is done; then the first fails."""
    for lines, trouble in ((3000, 'quota'), (10, 'disk')):
        FAULTS.pause(f.LOCK)
        first = start('raced', FAULTY)
        first.stdin.write(b'Subject: first\n\n' + b'y' * 70 * lines + b'\n')
        first.stdin.close()
        FAULTS.wait_for_pause()
        h.equal(os.path.getsize(D('mail/raced')), 0, 'a new file that is not locked yet')
        before = len(log())
        REMEX.run('-odi', '-oi', '-f', 's@gone.test', 'raced@local.test', input='Subject: second\n\ny\n', check_rc=0)
        h.check('=> raced' in log()[before:], log()[before:])
        if trouble == 'quota':
            FAULTS.resume()
        else:
            FAULTS.arm(f.WRITE, at=1, error=errno.ENOSPC)
        h.equal(first.wait(60), 0, 'status')
        FAULTS.disarm()
        h.check({'quota': 'mailbox is full', 'disk': 'No space left on device'}[trouble] in log()[before:], log()[before:])
        with open(D('mail/raced')) as box:
            h.equal(re.findall('Subject: .*', box.read()), ['Subject: second'], 'the mailbox')
        os.unlink(D('mail/raced'))
    REMEX.run('-Mrm', *re.findall(r'\S{23}', REMEX.run('-bpi').stdout), check_rc=0)


def test_nobody_waits_any_more_when_a_slow_disk_is_done():
    """The message is taken out of the mailbox again, and a repetition is no second copy."""
    clear()
    for made in (False, True):
        before = os.path.getsize(D('mail/file')) if made else 0
        FAULTS.pause(f.SYNC)
        asker = start('file', FAULTY)
        asker.stdin.write(b'Subject: slow\n\ny\n')
        asker.stdin.close()
        FAULTS.wait_for_pause()
        h.check(os.path.getsize(D('mail/file')) > before and os.path.exists(D('mail/file.lock')), 'it is in the mailbox')
        asker.kill()
        asker.wait()
        FAULTS.resume()
        h.wait_for(lambda: not os.path.exists(D('mail/file.lock')), what='the end of the delivery')
        FAULTS.disarm()
        h.equal(os.path.getsize(D('mail/file')) if made else os.path.exists(D('mail/file')), before, 'the mailbox')
        REMEX.run('-qff', check_rc=0)
        with open(D('mail/file')) as box:
            h.equal(box.read().count('Subject: slow'), 1 + made, 'copies')
        h.equal(os.listdir(D('mail')), ['file'], 'files')
    clear()


def test_mode_of_the_lock_file():
    h.write(D('mail/locked'), '', 0o600)
    os.chown(D('mail/locked'), 8, 8)
    with open(D('mail/locked'), 'r+b') as box:
        fcntl.flock(box, fcntl.LOCK_EX)
        waiting = start('locked')
        waiting.stdin.write(b'Subject: x\n\ny\n')
        waiting.stdin.close()
        h.wait_for(lambda: os.path.exists(D('mail/locked.lock')), what='the lock file')
        h.equal(stat.S_IMODE(os.stat(D('mail/locked.lock')).st_mode), 0o640, 'mode')
        h.equal(os.stat(D('mail/locked.lock')).st_uid, 8, 'owner')
        h.equal(os.path.getsize(D('mail/locked')), 0, 'nothing is written before the lock is there')
    h.equal(waiting.wait(60), 0, 'status')
    h.wait_for(lambda: os.path.getsize(D('mail/locked')) > 0 and not os.path.exists(D('mail/locked.lock')), what='the delivery')
    h.equal([n for n in os.listdir(D('mail')) if 'locked.' in n], [], 'lock files')


def test_a_process_that_dies_with_the_lock():
    h.write(D('mail/dead'), '', 0o600)
    os.chown(D('mail/dead'), 8, 8)
    with open(D('mail/dead'), 'r+b') as box:
        fcntl.lockf(box, fcntl.LOCK_EX)
        dying = start('dead')
        dying.stdin.write(b'Subject: one\n\ny\n')
        dying.stdin.close()
        h.wait_for(lambda: os.path.exists(D('mail/dead.lock')), what='the lock file')
        for pid in h.descendants(dying.pid) + [dying.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        dying.wait()
    h.check(os.path.exists(D('mail/dead.lock')), 'the lock file of the dead')
    h.check('failed to lock mailbox' in send('dead')[0], log()[-500:])
    h.check(os.path.exists(D('mail/dead.lock')), 'it is young')
    old = os.stat(D('mail/dead.lock')).st_mtime - 40
    os.utime(D('mail/dead.lock'), (old, old))
    h.check('=> dead' in send('dead')[0], log()[-500:])
    h.check(not os.path.exists(D('mail/dead.lock')), 'it is gone')
    REMEX.run('-qff')
    h.wait_for(lambda: 'Subject: one' in open(D('mail/dead')).read(), what=lambda: 'the message of the dead: ' + log()[-1500:])
    h.equal([n for n in os.listdir(D('mail')) if 'dead.' in n], [], 'lock files')


def teardown():
    D.remove()


h.main()
