"""sample-configs/filters: the configuration is sound, and the filters do what their comments say."""
import os
import subprocess

import harness
from harness import check, equal

SAMPLE = os.path.join(harness.SOURCE, 'sample-configs/filters')
CONF = os.path.join(SAMPLE, 'filters.conf')
d = harness.Dir()
HEAD = 'From: A <a@example.com>\nTo: bob@example.org\nDate: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <m@example.com>\n'


def run(*args, message):
    r = subprocess.run([harness.BIN, '-C', CONF, *args], input=message, capture_output=True, text=True, timeout=60, cwd=SAMPLE)
    equal(r.returncode, 0, r.stdout + r.stderr)
    return r.stdout


def test_check():
    r = subprocess.run([harness.BIN, 'check', '--strict', CONF], capture_output=True, text=True, timeout=60)
    equal(r.returncode, 0, r.stdout + r.stderr)


def test_exim():
    def told(headers, *args):
        return run('-bf', 'exim.forward', '-bfl', 'bob', *args, message=HEAD + headers + '\nx\n')
    check('mail/dev.lists.example.net\n' in told('List-Id: Dev <dev.lists.example.net>\n'), 'list folder')
    check('mail/shop\n' in told('Subject: x\n', '-bfs', '+shop'), 'suffix')
    check('Unseen deliver message to: accounts@example.org\n' in told('Subject: [invoice] 7\n'), 'copy')
    check('Normal delivery will occur.' in told('Subject: x\n'), 'nothing')
    check('Normal delivery will occur.' in told('List-Id: <x.y>\n', '-f', '<>'), 'bounces')


def test_sieve():
    for headers, keeps in (('List-Id: <announce.example.net>\n', False), ('Subject: [invoice]\n', True), ('Subject: x\n', True)):
        check(('\nNo implicit keep' if not keeps else '\nImplicit keep') in run('-bf', 'sieve.forward', message=HEAD + headers + '\nx\n'), headers)


def test_system():
    def told(headers):
        return run('-bF', 'system.filter', message=HEAD + headers + '\nx\n')
    check('Headers add "X-Local-Score: 5"' in told('Subject: LOTTERY\n'), 'score')
    check('Filtering ended by "freeze".' in told('Subject: [quarantine-me]\n'), 'freeze')
    check('Normal delivery will occur.' in told('Subject: x\n'), 'nothing')


def teardown():
    d.remove()


harness.main()
