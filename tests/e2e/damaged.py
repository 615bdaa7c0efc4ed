#!/usr/bin/env python3
"""A message whose row or body file is damaged: set aside and named once, shown as such, removed without being loaded; the others are delivered."""
# timeout: 120
import os
import re
import sqlite3
import subprocess

import harness as h
from maildir_conf import fill
from peers import Sink

D = h.Dir()
PORT = h.free_port()
SINK = Sink()
SERVER = h.Remex(fill(D, PORT, extra='trusted_users = root\nlog_selector = +queue_run\n', routers='''
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
DATABASE = D('spool', 'db', 'spool.sqlite')
LARGE = 'Subject: large\n\n' + 'The body.\n' * 40000


def log(name='mainlog'):
    try:
        with open(D('log', name), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def remex(*args, rc=0):
    r = subprocess.run([h.BIN, args[0], '-C', SERVER.conf, *args[1:]], capture_output=True, text=True, timeout=60, env=SERVER.env)
    h.equal(r.returncode, rc, 'exit status of %s: %s%s' % (args, r.stdout, r.stderr))
    return r.stdout + r.stderr


def listed():
    return SERVER.run('-bp', check_rc=0).stdout


def queue(text='Subject: x\n\nThe body.\n', to='one@far.test'):
    before = set(re.findall(ID, listed()))
    SERVER.run('-odq', '-oi', '-f', 's@box.test', to, input=text, check_rc=0)
    new = set(re.findall(ID, listed())) - before
    h.equal(len(new), 1, 'new messages')
    return new.pop()


def execute(sql, *values):
    with sqlite3.connect(DATABASE, timeout=60) as db:
        rows = db.execute(sql, values).fetchall()
    db.close()
    return rows


def break_row(ident):
    execute('UPDATE messages SET envelope = ? WHERE id = ?', b'\x01junk', ident)


def break_headers(ident):
    execute('UPDATE content SET headers = ? WHERE key = (SELECT content FROM messages WHERE id = ?)', b'', ident)


def body_file(ident):
    return D('spool', 'bodies', execute('SELECT body_file FROM content WHERE key = (SELECT content FROM messages WHERE id = ?)', ident)[0][0])


def clear():
    for i in re.findall(ID, listed()):
        SERVER.run('-Mrm', i, check_rc=0)


def test_the_daemon_sets_it_aside_and_goes_on():
    row, headers, file = queue(), queue(), queue(LARGE)
    break_row(row)
    break_headers(headers)
    os.truncate(body_file(file), 1000)
    good = queue()
    SERVER.start('-q1s')
    try:
        h.wait_for(lambda: '%s Completed' % good in log(), what=lambda: 'the message behind them; log: ' + log()[-2000:])
        bad = {row: 'damaged stored envelope', headers: 'unknown form of stored headers', file: 'is damaged: 400000 bytes expected, 1000 found'}
        for i in bad:
            h.wait_for(lambda: '%s set aside: ' % i in log('paniclog'), what=lambda: 'the line about %s in %s' % (i, log('paniclog')))
        ends = log().count('End queue run')
        h.wait_for(lambda: log().count('End queue run') >= ends + 3, what='three more queue runs')
    finally:
        SERVER.stop()
    for i, what in bad.items():
        lines = [l for l in log('paniclog').split('\n') if i in l]
        h.equal(len(lines), 1, 'lines of the panic log: %s' % lines)
        h.check(what in lines[0] and '-Mrm %s removes it' % i in lines[0] and '-M %s delivers it' % i in lines[0], lines[0])
        h.check(re.search(r'%s <.*> \*\*\* frozen \*\*\* damaged$' % i, listed(), re.M), listed())
        h.check(what in remex('why', i), remex('why', i))
    h.equal(set(remex('queue', 'ids', 'damaged').split()), set(bad), 'remex queue ids damaged')
    h.check('(damaged)' in remex('queue', 'list', 'damaged'), remex('queue'))
    SERVER.run('-Mrm', row, check_rc=0)
    h.equal(remex('queue', 'remove', 'id=' + headers), headers + '\n', 'queue remove')
    left = body_file(file)
    SERVER.run('-Mrm', file, check_rc=0)
    h.equal((re.findall(ID, listed()), os.path.exists(left)), ([], False), 'after removal')


def test_commands_name_it_and_remove_it():
    i = queue()
    break_row(i)
    for args in (('-M', i), ('-Mf', i), ('-Mvh', i), ('-Mes', i, 'x@box.test')):
        r = SERVER.run(*args, check_rc=1)
        h.check('damaged stored envelope' in r.stderr and '-Mrm %s removes it' % i in r.stderr, '%s: %s' % (args, r.stderr))
    h.check('damaged stored envelope' in SERVER.run('-Mvl', i, check_rc=0).stdout, '-Mvl')
    for verb in ('retry', 'bounce', 'thaw'):
        h.check('-Mrm %s removes it' % i in remex('queue', verb, 'id=' + i, rc=1), verb)
    h.equal(SERVER.run('-Mrm', i, check_rc=0).stdout, 'Message %s has been removed\n' % i, '-Mrm of what no run has met')
    h.equal(listed(), '', 'the queue')


def test_a_repaired_one_is_delivered():
    i = queue(LARGE)
    path = body_file(i)
    os.rename(path, path + '.away')
    SERVER.run('-q', check_rc=0)
    h.check(' *** frozen *** damaged\n' in listed() and 'No such file' in remex('why', i), listed())
    os.rename(path + '.away', path)
    h.check('whole again' in remex('why', i), remex('why', i))
    SERVER.run('-q', check_rc=0)
    h.check(i in listed(), 'a queue run takes what was set aside')
    n = len(SINK.messages)
    SERVER.run('-M', i, check_rc=0)
    h.equal((listed(), len(SINK.messages)), ('', n + 1), 'after -M')


def test_a_damaged_page():
    """The pages of one body in the database: its chain leads nowhere."""
    i, other = queue('Subject: x\n\n' + '%s\n' % ('Q' * 79) * 1000), queue()
    execute('PRAGMA wal_checkpoint(TRUNCATE)')
    with open(DATABASE, 'r+b') as f:
        data = f.read()
        page = 4096
        mine = [n for n in range(0, len(data), page) if data[n] == 0 and data[n:n + page].count(b'Q' * 79) > 40]
        h.check(len(mine) > 10, 'pages of the body: %d' % len(mine))
        for n in mine:
            f.seek(n)
            f.write(b'\xff\xff\xff\xf0')
    n = len(SINK.messages)
    SERVER.run('-q', check_rc=0)
    h.equal(len(SINK.messages), n + 1, 'the other message')
    h.check('%s set aside: ' % i in log('paniclog'), log('paniclog')[-600:])
    h.check(other not in listed() and ' *** frozen *** damaged\n' in listed(), listed())
    SERVER.run('-Mrm', i, check_rc=0)
    h.equal(listed(), '', 'after -Mrm')
    j = queue()
    SERVER.run('-q', check_rc=0)
    h.check('%s Completed' % j in log(), 'mail after that')


def teardown():
    SERVER.kill()
    SINK.stop()
    D.remove()


h.main()
