"""What the torture scripts share. REMEX_TORTURE=full: the long form (./dev torture); otherwise a short one, for ./dev test,
whose random choices are always the same."""
import contextlib
import os
import random
import sqlite3
import sys

import harness as h

sys.path.insert(0, os.path.join(h.SOURCE, 'tests/e2e'))
FULL = os.environ.get('REMEX_TORTURE') == 'full'
SEED = int(os.environ.get('REMEX_TORTURE_SEED', '0')) or (random.randrange(1, 1 << 30) if FULL else 1)
random.seed(SEED)


def message(tag, size):
    """Ends in a line that tells a whole message from a part of one."""
    line = 'z' * 70 + '\n'
    return 'Subject: %s\n\n%sEND-%s\n' % (tag, line * (size // len(line)), tag)


def tags(directory):
    """{tag: copies} of the whole messages in a maildir; a part of one is a failure."""
    seen = {}
    for m in h.maildir(directory):
        last = m.rstrip('\n').rpartition('\n')[2]
        h.check(last.startswith('END-'), 'a message in part: %r' % m[-200:])
        seen[last[4:]] = seen.get(last[4:], 0) + 1
    return seen


def intact(spool):
    """The database answers its own integrity check."""
    for folder, _, names in os.walk(spool):
        for name in names:
            if name.endswith(('.db', '.sqlite', '.sqlite3')):
                with contextlib.closing(sqlite3.connect(os.path.join(folder, name))) as db:
                    h.equal(db.execute('PRAGMA integrity_check').fetchone()[0], 'ok', 'integrity of ' + name)
                    return
    raise h.Failed('no database below ' + spool)
