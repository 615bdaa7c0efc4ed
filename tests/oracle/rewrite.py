#!/usr/bin/env python3
"""Rewriting and retry rules against the oracle: -brw, -brt, and real messages (command line and SMTP) as they lie in the queue.

The rules are in tests/oracle/rewrite/rules.conf. Folding of rewritten headers may differ, so headers are compared unfolded. Exit 77 without
an oracle.
"""
# timeout: 300
import difflib
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import harness as h
from _pair import find_oracle

HERE = os.path.dirname(os.path.abspath(__file__))
ADDRESSES = '''u@a.test u@x.look.test root@x.look.test hatta@look.test Joe@case.test joe@case.test jim2@CASE.test old@case.test u@env.test
u@ENV.test u@w.test u@wq.test u@w8.test u@ww2.test q@one.test p@one.test u@one.test xrrr@re.test xsss@re.test xxxs@re.test
hearts-queen@wonderland.fict.test s@kinds.test r@kinds.test b@kinds.test c@kinds.test t@kinds.test f@kinds.test z@kinds.test
x@a.b.key.test x@key.test x@a.test2 x@dom.test unqual none@other.test <h.test!u> <u@a.test> rrrrrrrrrrrrrrrr@re.test'''.split() + [
    '"Fr ed" <u@w.test>', 'Phrase (com) <u@a.test>', '<dot u@a.test>', '"quoted lp"@a.test', '(c) u@a.test (d)']
FAILING = ['u2@one.test', 'bad@one.test', 'two@one.test', 'bf@one.test', 'jim@case.test']
RETRY = '''w.test|alice@w.test|w.test quota_5d|alice@w.test quota_5d|alice@w.test quota_6d|alice@w.test quota_1d|alice@w.test quota|l.test x.test
x.test l.test|x.test l.test refused_A|x.test refused_A|x.test refused_MX|a@xyz1.abc.test|xyz1.abc.test|x.d.test rcpt_452|t.test timeout_connect_MX
t.test timeout_connect|t.test timeout|t.test timeout_A|t.test timeout_MX|q.e.test timeout_connect_MX|q.e.test timeout_MX|t.test lookup|t.test lost_connection
t.test tls_required|t.test auth_failed|n.test auth_failed|X@W.test|t.test mail_999|t.test mail_5xx|t.test foo|unq'''.replace('\n', '|').split('|')
MESSAGES = [
    '''From: "Phrase, x" (comment) <u@a.test>
To: unqual, u@A.test, "Q" <u@a.test> (tail comment),
 folded@a.test, last@long.test, another@long.test
Cc: Group: u@a.test, x@other.test;, u@w.test
Bcc: u@a.test
Reply-To:  <@a,@b:u@a.test>
Sender: u@a.test
Subject: u@a.test
Errors-To: u@a.test
X: u@a.test

body
''',
    '''Resent-From: u@a.test
Resent-Sender: u@a.test
Resent-To: u@a.test, u@w8.test
From: u@a.test
To: u@a.test

''',
    '''From: unq1
Sender: "x" <unq2>
Reply-To: unq3, u@a.test
To: bad one, u@a.test, <unq4>, (c) unq5 (d)
Cc: u@a.test, <@x:u@keep.test>, A B <bad one@x>
Subject: s

b
''',
    'Subject: nothing else\n\nb\n',
    'From: s@kinds.test\nTo: t@kinds.test, f@kinds.test\nCc: c@kinds.test\nReply-To: r@kinds.test\nSender: s@kinds.test\n\nb\n',
]


def shown_rule(text):
    """A line of -brt without the error's name, which the oracle shows as "*" for most, and without the senders, which it leaves out."""
    return re.sub(r'(Retry rule: \S+)  \S+  (senders=.*?  )?', r'\1 ', text)


class Pair:
    def __init__(self):
        self.oracle = find_oracle() or h.skip('no oracle')
        if os.geteuid() != 0:
            h.skip('the oracle wants a configuration of root')
        self.d = h.Dir()
        os.makedirs(self.d('log'))
        h.write(self.d('table'), '*.key.test: one\nkey.test: two\n')
        h.write(self.d('domains'), 'dom.test: found\n')
        with open(os.path.join(HERE, 'rewrite/rules.conf'), encoding='utf-8') as f:
            self.text = f.read().replace('@DIR@', self.d.path)
        self.conf = h.write(self.d('test.conf'), self.text)
        subprocess.run(['chmod', '-R', 'a+rwX', self.d('log')], check=True)
        for binary in (h.BIN, self.oracle):
            loaded = self.run(binary, '-bV')
            h.check(loaded[0] == 0, '%s does not load the rules: %r' % (binary, loaded))
        self.same = self.different = 0

    def run(self, binary, *args, text=None):
        r = subprocess.run([binary, '-C', self.conf, *args], input=text, capture_output=True, text=True, errors='surrogateescape', timeout=60)
        return r.returncode, r.stdout, r.stderr

    def compare(self, what, ours, theirs):
        if ours == theirs:
            self.same += 1
            return
        self.different += 1
        print('DIFFERENT ' + what)
        print('\n'.join(difflib.unified_diff(theirs.split('\n'), ours.split('\n'), 'oracle', 'remex', lineterm='')))

    def queued(self, binary, *args, text):
        """Envelope and headers of the one message that the command leaves in the queue."""
        for name in ('spool', 'log'):
            shutil.rmtree(self.d(name), ignore_errors=True)
            os.makedirs(self.d(name))
            os.chmod(self.d(name), 0o777)
        done = self.run(binary, *args, text=text)
        listing = self.run(binary, '-bpr')[1]
        ids = re.findall(r'^ *\S+ +\S+ +([0-9A-Za-z]{6,}-[0-9A-Za-z]+-[0-9A-Za-z]+)', listing, re.M)
        h.equal(len(ids), 1, 'messages in the queue after %s %s (%r)' % (binary, args, done))
        sender = re.search(r'<(.*?)>', listing).group(1)
        recipients = re.findall(r'^ +(\S+@\S+)$', listing, re.M)
        head = re.sub(r'\n[ \t]+', ' ', self.run(binary, '-Mvc', ids[0])[1].split('\n\n')[0])
        lines = [line for line in head.split('\n') if not re.match(r'(?i)(received|(resent-)?date|(resent-)?message-id):', line)]
        lines = [re.sub(r'\s+', ' ', line).strip() for line in lines]
        return '\n'.join(['sender ' + sender] + ['to ' + r for r in sorted(recipients)] + sorted(lines))


def main():
    p = Pair()
    try:
        for address in ADDRESSES + FAILING:
            ours, theirs = (p.run(b, '-brw', address) for b in (h.BIN, p.oracle))
            p.compare('-brw ' + address, ours[1], theirs[1])
            if address in FAILING and not ours[2]:
                p.compare('-brw %s says why' % address, ours[2], theirs[2])
        for words in RETRY:
            for sender in ([], ['-f', 'a@b.test'], ['-f', '<>']):
                ours, theirs = (p.run(b, *sender, '-brt', *words.split()) for b in (h.BIN, p.oracle))
                p.compare('-brt %s %s' % (words, sender), *('%d %s' % (r[0], shown_rule(r[1])) for r in (ours, theirs)))
        for n, message in enumerate(MESSAGES):
            for args in (['-f', 'u@a.test'], ['-f', '<>'], ['-f', 'unqs'], ['-bnq', '-f', 'u@env.test']):
                args += ['-odq', '-oi', 'u@a.test', 'old@case.test', 'u@w.test'] + ([] if '-bnq' in args else ['unqr'])
                ours, theirs = (p.queued(b, *args, text=message) for b in (h.BIN, p.oracle))
                p.compare('message %d %s' % (n, args), ours, theirs)
            if 'kinds.test' in message:
                ours, theirs = (p.queued(b, '-odq', '-oi', '-t', '-f', 'u@a.test', text=message) for b in (h.BIN, p.oracle))
                p.compare('message %d -t' % n, ours, theirs)
            smtp = 'EHLO x\nMAIL FROM:<u@a.test>\nRCPT TO:<h.test!u>\nRCPT TO:<u@a.test>\nRCPT TO:<u@verified.test>\nRCPT TO:<unq>\nDATA\n%s.\nQUIT\n' % message
            ours, theirs = (p.queued(b, '-odq', '-bs', text=smtp) for b in (h.BIN, p.oracle))
            p.compare('message %d by SMTP' % n, ours, theirs)
    finally:
        p.d.remove()
    print('%d same, %d different' % (p.same, p.different))
    return 1 if p.different or not p.same else 0


sys.exit(main())
