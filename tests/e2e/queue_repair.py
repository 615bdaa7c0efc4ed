#!/usr/bin/env python3
"""remex queue repair: whatever page of the spool database is damaged, what can be read is kept, and the rest is named."""
# timeout: 180
import errno
import os
import re
import shutil
import sqlite3
import subprocess

import fault_shim as faults
import harness as h
from maildir_conf import fill
from peers import Sink

D = h.Dir()
PORT = h.free_port()
SINK = Sink()
SERVER = h.Remex(fill(D, PORT, boxes=('u@box.test',), extra='trusted_users = root\n', routers='''
relay:
  driver = manualroute
  domains = far.test
  route_list = * 127.0.0.1 byname
  self = send
  transport = relay
''', transports='''
relay:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
''' % SINK.port), [PORT])
ID = r'[0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4}'
SPOOL, SAVED = D('spool'), D('saved')
DATABASE = D('spool', 'db', 'spool.sqlite')
PAGE = 4096
COUNT = 24
SUBJECTS = {}  # of the messages in the queue, by their ids


def remex(*args, rc=0):
    r = subprocess.run([h.BIN, args[0], '-C', SERVER.conf, *args[1:]], capture_output=True, text=True, timeout=60, env=SERVER.env)
    h.equal(r.returncode, rc, 'exit status of %s: %s%s' % (args, r.stdout, r.stderr))
    return r.stdout + r.stderr


def queued():
    return re.findall(ID, SERVER.run('-bpi', check_rc=0).stdout)


def fill_queue():
    """Messages with bodies in a row of their own, on pages of their own and in files."""
    for i in range(COUNT):
        size = 20000 if i % 12 == 5 else 2000 if i % 3 else 10
        SERVER.run('-odq', '-oi', '-f', 's@box.test', 'r@far.test', input='Subject: m%d\n\n%s' % (i, ('body %d\n' % i) * size), check_rc=0)
    with sqlite3.connect(DATABASE) as db:
        db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        pages = {}
        for number, name, kind in db.execute('SELECT pageno, name, pagetype FROM dbstat'):
            pages.setdefault('%s %s' % (name, kind), []).append(number)
    db.close()
    for i, ident in enumerate(sorted(queued())):
        SUBJECTS[ident] = 'm%d' % i
    shutil.copytree(SPOOL, SAVED)
    return pages


def damage(number, junk):
    """The spool as it was, with one bad page."""
    shutil.rmtree(SPOOL)
    subprocess.run(['cp', '-a', SAVED, SPOOL], check=True)
    with open(DATABASE, 'r+b') as f:
        f.seek((number - 1) * PAGE)
        f.write(junk)
    SINK.messages.clear()


def delivered():
    return {re.search(r'^Subject: (\S+)', m[2].decode('latin-1'), re.M).group(1) for m in SINK.messages}


PAGES = fill_queue()
JUNK = {'zero': b'\0' * PAGE, 'noise': bytes((i * 97 + 13) % 251 for i in range(PAGE))}


def repair_and_run(kind, number, junk):
    """(set aside, lost, found) after a repair; everything else is delivered, once."""
    damage(number, JUNK[junk])
    r = subprocess.run([h.BIN, 'queue', '-C', SERVER.conf, 'repair'], capture_output=True, text=True, timeout=60, env=SERVER.env)
    where = '%s, page %d, %s: %s%s' % (kind, number, junk, r.stdout, r.stderr)
    aside = set(re.findall('^(%s) set aside' % ID, r.stdout, re.M))
    lost = set(re.findall('^(%s) lost' % ID, r.stdout, re.M))
    found = re.findall(r"^(\S+): nobody's now", r.stdout, re.M)
    h.equal(r.returncode, 1 if aside or lost or found else 0, where)
    with sqlite3.connect(DATABASE) as db:
        h.equal(db.execute('PRAGMA integrity_check').fetchall(), [('ok',)], where)
    db.close()
    SERVER.run('-qff', check_rc=0)
    h.equal(delivered(), {s for i, s in SUBJECTS.items() if i not in aside | lost}, where)
    h.equal(len(SINK.messages), len(SUBJECTS) - len(aside | lost), 'copies; ' + where)
    h.equal(set(queued()), aside, 'what is left; ' + where)
    return aside, lost, found


def test_nothing_is_lost_with_pages_that_can_be_made_again():
    for kind in ('sqlite_schema leaf', 'messages_waiting leaf', 'messages_frozen leaf', 'content_files leaf', 'message_log leaf',
                 'retry leaf', 'hints leaf'):
        for junk in JUNK:
            h.equal(repair_and_run(kind, PAGES[kind][0], junk), (set(), set(), []), kind)


def test_contents():
    for kind in ('content leaf', 'content overflow'):
        for number in PAGES[kind][::max(1, len(PAGES[kind]) // 6)]:
            aside, lost, _ = repair_and_run(kind, number, 'noise')
            h.check(not lost and len(aside) < COUNT // 2, '%s: %s' % (kind, aside))


def test_envelopes():
    for number in PAGES['messages leaf']:
        aside, lost, found = repair_and_run('messages leaf', number, 'zero')
        h.check(lost and not aside, 'nothing was lost with page %d' % number)
        h.equal({os.path.basename(f)[:-4] for f in found}, lost, 'files of what was lost: all of it, also what no index names')
        for path in found:
            with open(path) as f:
                text = f.read()
            subject = re.search(r'^Subject: (\S+)', text, re.M).group(1)
            h.equal(subject, SUBJECTS[os.path.basename(path)[:-4]], path)
            h.check('\nbody %s\n' % subject[1:] in text, path)


def test_without_repair_the_others_are_listed_and_delivered():
    for junk in JUNK.values():
        number = PAGES['messages leaf'][0]
        damage(number, junk)
        listing = SERVER.run('-bp', check_rc=75)
        whole = set(re.findall(ID, listing.stdout))
        h.check(0 < len(whole) < COUNT and 'passed over' in listing.stderr and '"remex queue repair"' in listing.stderr, listing)
        SERVER.run('-q')
        h.equal(delivered(), {SUBJECTS[i] for i in whole}, 'a queue run')
        damage(number, junk)
        SERVER.start('-q1s')
        try:
            h.wait_for(lambda: delivered() == {SUBJECTS[i] for i in whole}, what='what the daemon delivers')
            h.equal(h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: more\n\nmore\n')[0], 250, 'more mail')
        finally:
            SERVER.stop()
        with open(D('log', 'paniclog')) as f:
            h.check('passed over' in f.read(), 'panic log')


def test_damaged_message_logs_hold_nothing_up():
    damage(PAGES['message_log leaf'][0], JUNK['zero'])
    SERVER.run('-q', check_rc=0)
    SERVER.run('-q', check_rc=0)
    h.equal((queued(), len(SINK.messages)), ([], COUNT), 'with damaged message logs')


def test_not_while_somebody_uses_it():
    damage(PAGES['retry leaf'][0], JUNK['zero'])
    SERVER.start()
    try:
        h.equal(h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: more\n\nmore\n')[0], 250, 'a message, so that the spool is open')
        said = remex('queue', 'repair', rc=75)
        h.check(re.search(r'process \d+ has the spool open: stop remex first', said), said)
        h.check(os.listdir(D('spool', 'db')).count('spool.sqlite') == 1 and not any('damaged' in n for n in os.listdir(D('spool', 'db'))), 'traces')
    finally:
        SERVER.stop()


def test_a_repair_that_was_broken_off():
    damage(PAGES['messages_waiting leaf'][0], JUNK['zero'])
    os.rename(DATABASE, DATABASE + '.kept')
    remex('queue', 'ids')  # nothing was there: an empty one is made by the next command that writes
    os.rename(DATABASE + '.kept', DATABASE)
    h.write(DATABASE + '.new', 'half a database')  # of one that ended early: begun anew
    shutil.chown(DATABASE + '.new', 'mail')
    remex('queue', 'repair')
    os.rename(DATABASE, DATABASE + '.repaired')  # of one that ended just before the end
    with open(DATABASE, 'wb') as f:
        f.write(b'junk')
    shutil.chown(DATABASE, 'mail')
    h.check('"remex queue repair" ends it' in SERVER.run('-bp', check_rc=75).stderr, '-bp')
    h.check('broken off is done' in remex('queue', 'repair'), 'the second repair')
    h.equal(set(queued()), set(SUBJECTS), 'the queue')


def restore():
    """The spool as it was, whole."""
    shutil.rmtree(SPOOL)
    subprocess.run(['cp', '-a', SAVED, SPOOL], check=True)


def lose_a_large_message():
    """A message with a body in a file, of whose rows nothing is left but the name of that file. → its path"""
    restore()
    SERVER.run('-odq', '-oi', '-f', 's@box.test', 'r@far.test', input='Subject: large\n\n' + 'large\n' * 100000, check_rc=0)
    with sqlite3.connect(DATABASE) as db:
        names = [n for n, in db.execute('SELECT body_file FROM content WHERE body_file IS NOT NULL')]
        db.execute('DELETE FROM messages WHERE content IN (SELECT key FROM content WHERE body_file IS NOT NULL)')
        db.execute("UPDATE content SET headers = x'ff' WHERE body_file IS NOT NULL")
    db.close()
    h.equal(len(names), 1, 'body files')
    return os.path.join(SPOOL, 'bodies', names[0])


def repair():
    return subprocess.run([h.BIN, 'queue', '-C', SERVER.conf, 'repair'], capture_output=True, text=True, timeout=60, env=SERVER.env)


def check_rescue(body, r):
    found = os.path.join(SPOOL, 'lost+found', os.path.basename(body))
    h.check(r.returncode == 1 and found + ": nobody's now" in r.stdout, 'the body is named: %s' % r)
    with open(found) as f:
        h.equal(f.read(), 'large\n' * 100000, 'the body')
    h.check(not os.path.exists(body), 'it is among the bodies still, where it would be written over')
    h.equal(set(queued()), set(SUBJECTS), 'the queue')


def test_a_body_is_rescued_before_the_old_database_goes():
    body = lose_a_large_message()
    folder = sorted(os.listdir(D('spool', 'db')))
    h.write(D('spool', 'lost+found'), '')  # no place for it
    r = repair()
    h.check(r.returncode == 75 and 'lost+found' in r.stderr, r)
    h.equal((sorted(os.listdir(D('spool', 'db'))), os.path.exists(body)), (folder, True), 'nothing was changed')
    os.unlink(D('spool', 'lost+found'))
    check_rescue(body, repair())


def test_a_repair_that_was_broken_off_behind_the_rescue():
    body = lose_a_large_message()
    os.mkdir(D('spool', 'lost+found'))
    shutil.chown(D('spool', 'lost+found'), 'mail')
    os.rename(body, os.path.join(SPOOL, 'lost+found', os.path.basename(body)))
    check_rescue(body, repair())


def test_a_new_database_that_cannot_be_put_in_place():
    body = lose_a_large_message()
    for end in ('-wal', '-shm'):
        if os.path.exists(DATABASE + end):
            os.unlink(DATABASE + end)
    os.makedirs(DATABASE + '-shm/in the way')
    r = repair()
    h.check(r.returncode == 75 and 'could not be put in place' in r.stderr and '%d messages kept' % COUNT in r.stdout, 'the report comes all the same: %s' % r)
    h.check(os.path.basename(body) in r.stdout, r.stdout)
    shutil.rmtree(DATABASE + '-shm')
    h.check('broken off is done' in remex('queue', 'repair'), 'the second repair')
    h.equal(set(queued()), set(SUBJECTS), 'the queue')
    h.check(not os.path.exists(body) and os.listdir(D('spool', 'lost+found')) == [os.path.basename(body)], 'the body')


def test_a_latecomer():
    """Who has the old file open when it is replaced is waited for: it could take the new database's log for the old one's."""
    damage(PAGES['retry leaf'][0], JUNK['zero'])
    with open(DATABASE, 'rb') as late:
        old = os.fstat(late.fileno()).st_ino
        repair = subprocess.Popen([h.BIN, 'queue', '-C', SERVER.conf, 'repair'], stdout=subprocess.PIPE, text=True, env=SERVER.env)
        h.wait_for(lambda: os.stat(DATABASE).st_ino != old, what='the new database')
        listing = subprocess.Popen([h.BIN, '-C', SERVER.conf, '-bpc'], stdout=subprocess.PIPE, text=True, env=SERVER.env)
        h.equal(listing.communicate(timeout=60)[0].strip(), str(COUNT), 'the new database is used')
        h.equal(repair.poll(), None, 'it waits')
    h.check('%d messages kept' % COUNT in repair.communicate(timeout=60)[0], 'the repair')


def test_a_full_or_failing_disk():
    """The spool stays as it is, nothing is left lying about, and with room the repair works."""
    damage(PAGES['retry leaf'][0], JUNK['zero'])
    before = sorted(os.listdir(D('spool', 'db')))
    with open(DATABASE, 'rb') as f:
        old = f.read()
    for klass, error in ((faults.WRITE, errno.ENOSPC), (faults.SYNC, errno.EIO)):
        shim = faults.Faults(D.path, SPOOL)
        shim.arm(klass, at=1, error=error, mode=faults.FROM_NOW_ON)
        r = subprocess.run([h.BIN, 'queue', '-C', SERVER.conf, 'repair'], capture_output=True, text=True, timeout=60, env=dict(os.environ, **shim.env))
        h.check(shim.disarm()[1] > 0, 'no fault happened')
        h.check(r.returncode == 75 and SPOOL in r.stderr, r)
        h.equal(sorted(os.listdir(D('spool', 'db'))), before, 'what is in the folder')
        with open(DATABASE, 'rb') as f:
            h.check(f.read() == old, 'the database was touched')
    h.check('%d messages kept' % COUNT in remex('queue', 'repair'), 'with room')


def test_arguments():
    h.check('takes no arguments' in remex('queue', 'repair', 'now', rc=64), 'arguments')


def teardown():
    SERVER.kill()
    SINK.stop()
    D.remove()


h.main()
