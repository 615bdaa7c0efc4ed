#!/usr/bin/env python3
"""remex -bt and -bv against the oracle: tests/oracle/routing/*.t. Exit 77 without an oracle."""
# timeout: 300
import re
import sys

import _pair
import harness as h


def normal(result):
    code, out, err = result
    out = re.sub(r'[ \t]+\n', '\n', out)
    out = re.sub(r' +', ' ', out)
    out = re.sub(r'host lookup (?:for \S+ )?did not complete.*', 'host lookup did not complete', out)  # remex says why
    out = re.sub(r'(host lookup done insecurely).*', r'\1', out)
    out = re.sub(r'(this time:) (?:\w+ router: failed to expand|route_(?:data|list):) .*', r'\1 failed to expand', out)
    return '%s(status %d)' % (out, code)


def compare(pair, section):
    for address in section[2]:
        for mode in section[1] or ('-bt', '-bv'):
            ours, theirs = pair.run(h.BIN, [mode, address]), pair.run(pair.oracle, [mode, address])
            yield '%s %s' % (mode, address), normal(ours) + (ours[2] if ours[0] > 2 else ''), normal(theirs)


_pair.main('routing', compare, sys.argv[1] if len(sys.argv) > 1 else '*')
