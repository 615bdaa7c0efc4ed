#!/usr/bin/env python3
"""rsync empties a live maildir, over and over, while 100 messages a second arrive: none lost, none cut short, none twice."""
# timeout: 120
import os
import re
import shutil
import subprocess
import threading
import time

import harness as h
from maildir_conf import fill

if not shutil.which('rsync'):
    h.skip('needs rsync')
RATE, SECONDS, SENDERS = 100, 10, 5
D = h.Dir()
PORT = h.free_port()
SERVER = h.Remex(fill(D, PORT), [PORT])
SERVER.start()
BOX, LOCAL = D('mail', 'box.test', 'u'), D('pulled')
os.makedirs(LOCAL)


class Sender(threading.Thread):
    """Sends its share on time: message n leaves n/rate seconds after the start, whatever the ones before took."""

    def __init__(self, number, begin):
        super().__init__()
        self.number, self.begin, self.acked, self.trouble = number, begin, [], None

    def run(self):
        try:
            c = h.Smtp(PORT)
            c.ehlo()
            for n in range(RATE * SECONDS // SENDERS):
                due = self.begin + n * SENDERS / RATE
                time.sleep(max(0, due - time.monotonic()))  # the rate is the condition here
                ident = '%d-%d' % (self.number, n)
                body = ('%s ' % ident) * (20 + 4000 * (n % 7 == 0)) + '\n'
                code, text = c.message('s@c.test', ['u@box.test'], 'X-Id: %s\nSubject: x\n\n%send of %s\n' % (ident, re.sub(r'(.{900})', r'\1\n', body), ident))
                h.equal(code, 250, text)
                self.acked.append(ident)
            c.close()
        except Exception as e:  # reported by the test
            self.trouble = e


def pull():
    """One pull with the flags people use; the names of the message files it moved."""
    got = subprocess.run(['rsync', '-avz', '--remove-source-files', '--exclude=*temp*', BOX + '/', LOCAL + '/'], capture_output=True, text=True, timeout=60)
    h.equal(got.returncode, 0, 'rsync: ' + got.stdout[-500:] + got.stderr)
    return re.findall(r'^new/(\S+)$', got.stdout, re.M)


def test_pull_while_mail_arrives():
    begin = time.monotonic()
    senders = [Sender(i, begin) for i in range(SENDERS)]
    for s in senders:
        s.start()
    moved, pulls, busy = [], 0, 0
    while any(s.is_alive() for s in senders):
        got = pull()
        pulls += 1
        busy += bool(got)
        moved += got
    took = time.monotonic() - begin
    for s in senders:
        s.join()
        h.check(s.trouble is None, 'sender: %r' % s.trouble)
    acked = sorted(i for s in senders for i in s.acked)
    h.equal(len(acked), RATE * SECONDS, 'acknowledged')

    def rest():
        moved.extend(pull())
        return len(moved) >= len(acked)
    h.wait_for(rest, what=lambda: '%d messages, %d pulled' % (len(acked), len(moved)))
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '0', what='an empty queue')
    moved.extend(pull())

    h.equal(len(moved), len(set(moved)), 'a name moved twice')
    seen = []
    for folder in ('new', 'cur', 'tmp'):
        for name in os.listdir(os.path.join(LOCAL, folder)) if os.path.isdir(os.path.join(LOCAL, folder)) else ():
            h.equal(folder, 'new', 'pulled from the wrong folder: ' + name)
            with open(os.path.join(LOCAL, folder, name), encoding='latin-1') as f:
                text = f.read()
            ident = re.search(r'^X-Id: (\S+)$', text, re.M)
            h.check(ident and text.endswith('\nend of %s\n' % ident.group(1)), 'partial: %s: %r' % (name, text[-80:]))
            seen.append(ident.group(1))
    h.equal(sorted(seen), acked, 'what arrived, against what was acknowledged')
    h.equal([f for folder in ('new', 'tmp') for f in os.listdir(os.path.join(BOX, folder))], [], 'left on the server')
    # A machine busy with other things does not hold the rate; what must be true is true at any rate.
    print('%d messages in %.1f s (%.0f/s), %d pulls, %d of them found mail' % (len(seen), took, len(seen) / took, pulls, busy))
    h.check(busy >= 2, 'only %d pulls met mail: this shows nothing' % busy)


def teardown():
    SERVER.stop()
    D.remove()


h.main()
