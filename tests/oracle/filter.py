#!/usr/bin/env python3
"""Filters against the oracle: the exit status and everything -bf and -bF print must be the same.

tests/oracle/filter/*.t: a case begins with a line "== ARGUMENTS" (of -bf; "system" makes it -bF, "message NAME" takes another message than
"plain") and goes on with the filter. A line "! reason" behind it says that the two are known to differ, and why that is right; such a case is run,
not compared. A line "@NL@" at the end takes the newline before it away. Messages are in MESSAGES. Exit 77 without an oracle.
"""
# timeout: 300
import difflib
import glob
import os
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import harness as h
from _pair import find_oracle

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = '''primary_hostname = host.test
qualify_domain = box.test
spool_directory = @DIR@/spool
log_file_path = @DIR@/log/%slog
keep_environment =
timezone = UTC
begin rewrite
big.boss@box.test root@box.test Tt
'''
TAIL = 'Date: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <m@far.test>\n\n'
MESSAGES = {
    'plain': 'From: Alice <alice@far.test>\nTo: Root <root@box.test>, bob@box.test\nCc: carol@else.test\nSubject: Hello World\n' + TAIL + 'Body line one\nsecond line\n',
    'mailbox': 'From x@y.test Mon Jan  1 00:00:00 2024\nFrom: x@y.test\nTo: root@box.test\nReturn-Path: <ret@p.test>\n' + TAIL + 'hi\n',
    'list': 'From: Alice <alice@far.test>\nTo: root@box.test\nList-Id: <l.far.test>\nPrecedence: bulk\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n' + TAIL + 'x\n',
    'robot': 'From: cron-daemon@far.test\nTo: root@box.test\nAuto-Submitted: auto-generated\n' + TAIL + 'x\n',
    'list-request': 'From: news-request@far.test\nTo: root@box.test\n' + TAIL + 'x\n',
    'owner': 'From: owner-news@far.test\nTo: root@box.test\n' + TAIL + 'x\n',
    'self': 'From: root@box.test\nTo: root@box.test\n' + TAIL + 'x\n',
    'copied': 'From: a@far.test\nTo: b@far.test\nCc: root@box.test\n' + TAIL + 'x\n',
    'human': 'From: a@far.test\nTo: ROOT@BOX.test\nAuto-Submitted: no\nPrecedence: first-class\nReply-To: r@far.test\n' + TAIL + 'x\n',
    'group': 'From: a@far.test\nTo: friends: root@box.test, b@far.test;, "c d"@far.test (comment), <e@far.test>\nX-Broken: a b c\n' + TAIL + 'x\n',
    'affix': 'From: a@far.test\nTo: pre-bob-suf@d.test\n' + TAIL + 'x\n',
}


def cases(path):
    """[(arguments, text, reason or None)]"""
    out = []
    with open(path, encoding='utf-8', newline='\n') as f:
        for line in f:
            if line.startswith('== ') or line == '==\n':
                out.append([line[3:].strip(), '', None])
            elif line.startswith('! ') and out and not out[-1][1]:
                out[-1][2] = line[2:].strip()
            elif out:
                out[-1][1] += line
    return [(a, t.replace('\n@NL@\n', ''), r) for a, t, r in out]


def main():
    oracle = find_oracle() or h.skip('no oracle')
    if os.geteuid() != 0:
        h.skip('the oracle wants a configuration of root')
    d = h.Dir()
    counts = {'same': 0, 'different': 0, 'known': 0}
    try:
        for name in ('spool', 'log'):
            os.makedirs(d(name))
            os.chmod(d(name), 0o777)
        h.write(d('test.conf'), CONFIG.replace('@DIR@', d.path))

        def run(binary, args, message):
            r = subprocess.run([binary, '-C', d('test.conf'), *args], input=message, capture_output=True, text=True, errors='replace', timeout=60, cwd=d.path)
            return '%d\n%s' % (r.returncode, r.stdout.replace(d.path, '@DIR@'))

        for path in sorted(glob.glob(os.path.join(HERE, 'filter/*.t'))):
            for n, (arguments, text, reason) in enumerate(cases(path), 1):
                words = shlex.split(arguments)
                system = 'system' in words
                message = words[words.index('message') + 1] if 'message' in words else 'plain'
                words = [w for i, w in enumerate(words) if w not in ('system', 'message') and (i == 0 or words[i - 1] != 'message')]
                h.write(d('filter'), text.replace('@DIR@', d.path))
                args = ['-bF' if system else '-bf', 'filter', *words]
                ours, theirs = (run(b, args, MESSAGES[message]) for b in (h.BIN, oracle))
                if reason:
                    counts['known'] += 1
                elif ours == theirs:
                    counts['same'] += 1
                else:
                    counts['different'] += 1
                    print('DIFFERENT %s case %d: %s\n%s' % (os.path.basename(path), n, arguments, text))
                    print('\n'.join(difflib.unified_diff(theirs.split('\n'), ours.split('\n'), 'oracle', 'remex', lineterm='')))
    finally:
        d.remove()
    print('%(same)d same, %(different)d different, %(known)d known to differ' % counts)
    return 1 if counts['different'] or counts['same'] < 80 else 0


sys.exit(main())
