#!/usr/bin/env python3
"""rsync pulls a live maildir, with the flags of the minimal mail setup, while 100 messages a second arrive: none lost, none partial, none twice."""
# timeout: 120
import os
import re
import shutil
import subprocess
import threading
import time

import harness as h
from _maildir_conf import fill

if not shutil.which('rsync'):
    h.skip('rsync is not installed')
D = h.Dir()
PORT = h.free_port()
SERVER = h.Remex(fill(D, PORT), [PORT])
SERVER.start()
RATE, SECONDS = 100, 10
BODY = 'y' * 72 + '\n'


def pull():
    subprocess.run(['rsync', '-az', '--remove-source-files', '--exclude=*temp*', D('mail', 'box.test', 'u') + '/', D('home') + '/'],
                   check=True, capture_output=True, timeout=60)


def test_pulling_a_live_maildir():
    os.makedirs(D('home'))
    acked = []
    stop = threading.Event()

    def sender():
        c = h.Smtp(PORT)
        c.ehlo()
        start = time.monotonic()
        for i in range(RATE * SECONDS):
            # sent when its time has come: the rate is the test
            delay = start + i / RATE - time.monotonic()
            if delay > 0:
                stop.wait(delay)
            size = (1, 40, 400, 4000)[i % 4] if i % 20 == 3 else i % 50 + 1
            code, text = c.message('s@c.test', ['u@box.test'], 'X-Id: %d\nX-Lines: %d\n\n' % (i, size) + BODY * size)
            h.equal(code, 250, text)
            acked.append(i)
        c.close()

    problems = []

    def run_sender():
        try:
            sender()
        except Exception as e:
            problems.append(e)

    t = threading.Thread(target=run_sender)
    t.start()
    pulls = 0
    while t.is_alive():
        pull()
        pulls += 1
    t.join()
    h.equal(problems, [], 'sender')
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '0', 20, 'an empty queue')
    pull()
    seen = {}
    for n in os.listdir(D('home', 'new')):
        with open(D('home', 'new', n), encoding='latin-1') as f:
            text = f.read()
        ident, lines = (int(re.search(r'^X-%s: (\d+)' % k, text, re.M).group(1)) for k in ('Id', 'Lines'))
        h.check(text.endswith('\n\n' + BODY * lines), 'message %d is not whole' % ident)
        seen[ident] = seen.get(ident, 0) + 1
    print('%d messages in %d pulls: %d lost, %d twice' % (len(acked), pulls, len(set(acked) - set(seen)), sum(v - 1 for v in seen.values())))
    h.equal(sorted(set(acked) - set(seen)), [], 'lost')
    h.equal([k for k, v in seen.items() if v > 1], [], 'twice')
    h.equal(os.listdir(D('mail', 'box.test', 'u', 'new')), [], 'left behind')
    h.check(pulls > 3, 'only %d pulls' % pulls)


def teardown():
    SERVER.stop()
    D.remove()


h.main()
