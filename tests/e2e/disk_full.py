#!/usr/bin/env python3
"""The disk is full while a message is spooled: 452, a log line, and recovery by itself."""
# timeout: 120
import os
import subprocess

import harness as h
from maildir_conf import fill

h.enter_namespace()
D = h.Dir()
os.makedirs(D('spool'))
subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=24M', 'tmpfs', D('spool')], check=True)
PORT = h.free_port()
SERVER = h.Remex(fill(D, PORT), [PORT])
SERVER.start()
h.wait_for(lambda: os.path.exists(D('spool/db/spool.sqlite-wal')), what='the spool')  # the port is open before that
BIG = 'Subject: big\n\n' + ('b' * 70 + '\n') * 60000
SMALL = 'Subject: small\n\nx\n'


def test_full_then_free():
    filler = D('spool', 'filler')
    fd = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(fd, b'\0' * 4096) == 4096:
            pass
    except OSError:
        pass
    os.close(fd)
    refused = [h.send(PORT, 's@c.test', ['u@box.test'], t) for t in (BIG, SMALL * 1, BIG)]
    h.check(any(code in (451, 452) for code, _ in refused), 'replies: %r' % refused)
    h.check(all(code in (250, 451, 452) for code, _ in refused), 'replies: %r' % refused)
    with open(D('log', 'mainlog'), errors='replace') as f:
        h.check('spooling a message failed' in f.read(), 'no log line')
    os.unlink(filler)
    accepted = sum(code == 250 for code, _ in refused)
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], SMALL)
    h.equal(code, 250, 'after space was made: ' + text)
    h.wait_for(lambda: len(h.maildir(D('mail', 'box.test', 'u'))) == accepted + 1, what='delivery')


def test_an_export_that_does_not_fit():
    small = D('small')
    os.mkdir(small)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k,mode=777', 'tmpfs', small], check=True)
    SERVER.run('-odq', '-oi', '-f', 'export@c.test', 'u@box.test', input='Subject: x\n\n' + ('y' * 70 + '\n') * 2000, check_rc=0)
    export = [h.BIN, 'queue', '-C', SERVER.conf, 'export', small, 'sender=export@c.test']
    r = subprocess.run(export, capture_output=True, text=True, timeout=60)
    h.check(r.returncode == 1 and 'No space left' in r.stderr, r)
    h.equal(os.listdir(small), [], 'what is left of it')
    subprocess.run(['mount', '-o', 'remount,size=4M', small], check=True)
    r = subprocess.run(export, capture_output=True, text=True, timeout=60)
    h.equal(r.returncode, 0, r)
    h.equal(len(os.listdir(small)), 1, 'messages')
    subprocess.run(['umount', small], check=True)


def teardown():
    SERVER.stop()
    subprocess.run(['umount', D('spool')])
    D.remove()


h.main()
