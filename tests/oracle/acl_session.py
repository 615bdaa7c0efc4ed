#!/usr/bin/env python3
"""remex -bh sessions against the oracle: the replies of tests/oracle/acl_session/*.t. Exit 77 without an oracle."""
# timeout: 300
import re
import sys

import _pair
import harness as h


def normal(result):
    """The replies without product names, dates, message ids, enhanced status codes and what the versions differ in offering."""
    lines = [l for l in result[1].replace('\r', '').split('\n') if re.match(r'^\d{3}[ -]', l)]
    out = []
    for line in lines:
        line = re.sub(r'^(\d{3}[ -])\d\.\d\.\d+ ', r'\1', line)
        if re.match(r'^250-(PIPECONNECT|CHUNKING|SMTPUTF8|LIMITS .*|ENHANCEDSTATUSCODES|DSN)$', line):
            continue
        line = re.sub(r'^214 .*', '214 commands', line)
        line = re.sub(r'\b[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}\b', 'ID', line)
        line = re.sub(r'^220 (\S+) ESMTP .*', r'220 \1', line)
        out.append(line)
    return '\n'.join(out) + '\n(status %d)' % result[0] + ('' if out else result[2])


def compare(pair, section):
    args = ['-bh', section[1][0]]
    if len(section[1]) > 1:
        args += ['-oMi', '127.0.0.1.' + section[1][1]]
    text = '\r\n'.join(section[2]) + '\r\n'
    what = 'session %s: %s' % (' '.join(section[1]), ' | '.join(section[2])[:100])
    yield what, normal(pair.run(h.BIN, args, text)), normal(pair.run(pair.oracle, args, text))


_pair.main('acl_session', compare, sys.argv[1] if len(sys.argv) > 1 else '*')
