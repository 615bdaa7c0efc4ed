#!/usr/bin/env python3
"""A message on standard input that cannot be taken, in whole or in part; standard descriptors that are missing or are the client."""
# timeout: 120
import array
import contextlib
import fcntl
import os
import resource
import socket
import sqlite3
import subprocess
import termios

import harness as h
from maildir_conf import fill

D = h.Dir()
ME = 'joe@box.test'
CONF = fill(D, h.free_port(), boxes=('u@box.test', 'joe@box.test'),
            extra='qualify_domain = box.test\ntrusted_users = %d' % os.getuid() +
                  '\nheader_maxsize = 4M\n'
                  '.ifdef REFUSE\nacl_not_smtp = refuse\n.endif\n.ifdef PANIC\nacl_smtp_mail = noisy\n.endif\n'
                  '.ifdef RETURN\nbounce_return_size_limit = RETURN\n.endif\n.ifdef SIZE\nmessage_size_limit = SIZE\n.endif\n'
                  '.ifdef HEADERS_ONLY\nbounce_return_body = false\n.endif\n.ifdef FEW\nrecipients_max = FEW\n.endif\n',
            routers='nowhere:\n  driver = accept\n  domains = many.test\n  transport = nowhere\n',
            transports='nowhere:\n  driver = appendfile\n  file = /dev/null\n')
with open(CONF) as f:
    text = f.read()
h.write(CONF, text.replace('begin acl\n', 'begin acl\nrefuse:\n  deny message = not today\nnoisy:\n  accept logwrite = :panic: a line for the log\n'))


def remex(*args, data=b'', name=h.BIN, close='', **kw):
    """Runs it with `data` on standard input; with `close`, that redirection of the shell."""
    if isinstance(data, str):
        data = data.encode()
    command = [h.BIN, '-C', CONF] + list(args)
    if close:
        command = ['sh', '-c', 'exec "$@" ' + close, 'sh'] + command
    elif name != h.BIN:
        kw['executable'] = h.BIN
        command[0] = name
    return subprocess.run(command, input=data, capture_output=True, timeout=240, **kw)


@contextlib.contextmanager
def spool():
    db = sqlite3.connect(D('spool', 'db', 'spool.sqlite'), timeout=60)
    with contextlib.closing(db), db:
        yield db


def mails(box):
    new = D('mail', 'box.test', box, 'new')
    return [os.path.join(new, n) for n in os.listdir(new)] if os.path.isdir(new) else []


def mailed(box, *args, status=1, **kw):
    """The mails that arrive in the box during one foreground run, which ends with `status`."""
    before = set(mails(box))
    r = remex('-odf', '-f', ME, *args, **kw)
    h.equal(r.returncode, status, 'status of %r: %r' % (args, r.stderr))
    found = sorted(set(mails(box)) - before)
    out = []
    for path in found:
        with open(path) as f:
            out.append(f.read())
    return out


def the_mail(*args, **kw):
    found = mailed('joe', *args, **kw)
    h.equal(len(found), 1, 'mails to the sender of %r' % (args,))
    return found[0]


def test_panic_lines_stay_away_from_the_client():
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            p = subprocess.Popen([h.BIN, '-C', CONF, '-DPANIC', '-bs'], stdin=theirs, stdout=theirs, stderr=theirs)
        ours.settimeout(240)
        ours.sendall(b'HELO x\r\nMAIL FROM:<a@b.test>\r\nQUIT\r\n')
        lines = b''.join(iter(lambda: ours.recv(65536), b'')).decode().splitlines()
        p.wait(240)
    assert len(lines) == 4 and all(line[:3].isdigit() for line in lines), lines
    with open(D('log', 'paniclog')) as f:
        assert 'a line for the log' in f.read()
    r = remex('-DPANIC', '-bs', data='HELO x\r\nMAIL FROM:<a@b.test>\r\nQUIT\r\n')
    assert b'a line for the log' in r.stderr, r.stderr


def test_many_bad_addresses_cost_little():
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    r = remex('-t', '-oep', data='To: ' + 'a b,' * 90000 + '\n\nx\n')
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    h.equal(r.returncode, 1, 'status')
    h.equal(r.stderr.count(b'\n') <= 102, True, 'lines on standard error')
    assert len(r.stderr) < 250000, len(r.stderr)
    assert spent < 6, 'it took %.1f s' % spent


def test_bad_addresses_are_told_with_the_outcome():
    message = 'To: u@box.test, x@y@z\nSubject: s\n\ntext\n'
    told = the_mail('-t', data=message, status=0)
    assert 'passed on for an attempt at delivery' in told and 'x@y@z' in told and '\ntext\n' in told, told
    told = the_mail('-t', '-DREFUSE', data=message)
    assert 'passed on' not in told and 'not today' in told and 'x@y@z' in told, told
    h.equal(len(mailed('u', '-t', '-DREFUSE', data=message)), 0, 'deliveries of what was refused')


def test_a_report_that_cannot_be_stored():
    message = 'To: u@box.test, x@y@z\n\ntext\n'
    with spool() as db:
        db.execute("create trigger no_reports before insert on messages when new.sender = '' begin select raise(abort, 'no'); end")
    try:
        r = remex('-odf', '-f', ME, '-t', data=message)
        before = len(mails('u'))
        background = remex('-odb', '-f', ME, '-t', data=message)
    finally:
        with spool() as db:
            db.execute('drop trigger no_reports')
    for got in (r, background):
        h.equal(got.returncode, 1, 'status')
        assert b'remex: message accepted, but not for invalid address:  x@y@z' in got.stderr, got.stderr
    h.wait_for(lambda: len(mails('u')) == before + 1, what='the other recipient')
    with open(D('log', 'paniclog')) as f:
        assert 'accepted without the sender being told of invalid address:  x@y@z' in f.read()
    r = remex('-odf', '-f', '<>', '-t', data=message)
    h.equal(r.returncode, 0, 'status without a sender')
    assert b'message accepted, but not for invalid address:  x@y@z' in r.stderr, r.stderr


def test_rmail_mails_errors_and_succeeds():
    message = 'To: x@y@z\n\ntext\n'
    the_mail('-t', data=message, status=1)
    the_mail('-t', '-oee', data=message, status=0)
    the_mail('-t', data=message, status=0, name='rmail')
    the_mail('-t', '-oem', data=message, status=1, name='rmail')
    the_mail('-t', '-oew', data=message, status=1, name='rmail')
    the_mail('-t', '-oep', '-oem', data=message, status=1)
    h.equal(mailed('joe', '-t', '-oep', data=message, name='rmail'), [], 'mails with -oep')


def test_how_much_is_returned():
    body = 'line of text\n' * 2000
    for arguments, headers in ((('-t',), 'To: x@y@z\n'), (('a@@b',), 'Subject: s\n')):
        def told(*macros, data=headers + '\n' + body, **kw):
            return the_mail(*macros, *arguments, data=data, **kw)
        h.equal(told().count('line of text\n'), 2000, 'lines')
        h.equal(told('-DRETURN=0').count('line of text\n'), 2000, 'lines without a limit')
        assert 50 < told('-DRETURN=1K').count('line of text\n') < 90
        short = told('-DHEADERS_ONLY')
        assert headers in short and 'line of text' not in short, short
        dot = told(data=headers + '\none\n.\ntwo\n')
        assert '\none\n' in dot and 'two' not in dot, dot
        assert '\n.\ntwo\n' in told('-i', data=headers + '\none\n.\ntwo\n')
    assert told('-DRETURN=0', '-DSIZE=10K').count('line of text\n') < 1000


def test_a_lone_dot_ends_what_is_dropped():
    """The caller's end of the pipe stays open."""
    p = subprocess.Popen([h.BIN, '-C', CONF, '-odf', '-f', ME, 'a@@b'], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(b'Subject: s\n\none\n.\n')
    p.stdin.flush()
    h.equal(p.wait(60), 1, 'status')
    p.stdin.close()
    p.stderr.close()


def taken(pipe):
    """What was written to it has been read."""
    left = array.array('i', [0])
    fcntl.ioctl(pipe, termios.FIONREAD, left)
    return left[0] == 0


def test_a_from_line_in_pieces():
    for pieces, sender in (((b'From joe@el', b'se.test Fri Nov 20 10:10:10 2026\nSubject: s\n\nx\n'), 'joe@else.test'),
                           ((b'>', b'From', b' joe@else.test Fri Nov 20 10:10:10 2026', b'\nSubject: s\n\nx\n'), 'joe@else.test'),
                           ((b'F', b'rom: joe@box.test\nSubject: s\n\nx\n'), None), ((b'From joe', b' once\nSubject: s\n\nx\n'), None)):
        before = set(mails('u'))
        with subprocess.Popen([h.BIN, '-C', CONF, '-odf', 'u@box.test'], stdin=subprocess.PIPE) as p:
            for piece in pieces:
                p.stdin.write(piece)
                p.stdin.flush()
                h.wait_for(lambda: taken(p.stdin), what='the piece to be read')
            p.stdin.close()
            h.equal(p.wait(60), 0, 'status')
        (path,) = set(mails('u')) - before
        with open(path) as f:
            mail = f.read()
        with open(D('log', 'mainlog')) as f:
            arrival = [line for line in f if ' <= ' in line][-1]
        h.check(sender is None or ' <= %s ' % sender in arrival, arrival)
        h.equal('\nSubject: s\n' in mail.split('\n\n')[0], pieces[0] != b'From joe', mail)


def test_the_time_is_for_the_whole_message():
    status, told = h.drip([h.BIN, '-C', CONF, '-odf', '-or', '1s', 'u@box.test'], b'X-Drip: x\n')
    h.check(status == 1 and b'timed out while reading - message abandoned' in told, (status, told))
    with open(D('log', 'mainlog')) as f:
        h.check('timed out while reading local message' in f.read(), 'no log line')


def test_without_qualifying():
    data = 'HELO x\r\nMAIL FROM:<me>\r\nMAIL FROM:<me@box.test>\r\nRCPT TO:<u>\r\nRCPT TO:<u@box.test>\r\nDATA\r\nFrom: me\r\n\r\nx\r\n.\r\nQUIT\r\n'
    before = set(mails('u'))
    answers = remex('-bs', '-bnq', '-odi', data=data).stdout.decode()
    h.check('501 <me>: sender address must contain a domain' in answers and '501 <u>: recipient address must contain a domain' in answers, answers)
    (path,) = set(mails('u')) - before
    with open(path) as f:
        h.check('\nFrom: me\n' in f.read(), 'the header was changed')


def test_many_recipients():
    def to(n):
        return 'To: ' + ',\n '.join('u%d@many.test' % i for i in range(n)) + '\n\nx\n'
    r = remex('-t', '-odq', '-f', ME, data=to(40000))
    h.equal((r.returncode, r.stderr), (0, b''), '40000 recipients')
    queued = remex('-bpi').stdout.decode().split()
    h.equal(len(queued), 1, 'messages in the queue')
    h.equal(remex('-bp').stdout.count(b'@many.test'), 40000, 'recipients in the queue')
    h.equal(remex('-Mrm', queued[0]).returncode, 0, 'status of -Mrm')
    r = remex('-t', '-odq', '-oep', data=to(50001))
    h.equal((r.returncode, r.stderr), (1, b'remex: message rejected: too many recipients\n'), '50001 recipients')
    told = the_mail('-t', '-DFEW=1', data='To: u@box.test, joe@box.test, x@y@z\n\nx\n')
    assert 'more recipients than allowed' in told and 'x@y@z' in told, told


def test_closed_descriptors():
    for close in ('2>&-', '1>&-', '0<&-', '0<&- 1>&- 2>&-'):
        r = remex('-bp', close=close)
        h.equal(r.returncode, 0, 'status of -bp with ' + close)
    r = remex('-odf', '-f', ME, 'u@box.test', close='0<&-')
    assert r.returncode != 0 and b'reading the message' in r.stderr, r
    before = len(mails('u'))
    r = remex('-bs', '-odi', '-DPANIC', close='2>&-',
              data='HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<u@box.test>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n')
    h.equal(r.returncode, 0, 'status of -bs')
    assert all(line[:3].isdigit() for line in r.stdout.decode().splitlines()), r.stdout
    h.wait_for(lambda: len(mails('u')) == before + 1, what='the message')


def teardown():
    D.remove()


h.main()
