#!/usr/bin/env python3
"""What users see of remex and of the oracle: tests/oracle/surface/*.t (see _surface.py). Exit 77 without an oracle.

    surface.py [FILE-PATTERN [WORDS OF A TITLE]] [-v]
"""
# timeout: 600
import difflib
import sys

import _pair
import _surface as s
import harness as h


def main():
    words = [w for w in sys.argv[1:] if w != '-v']
    oracle = _pair.find_oracle()
    if not oracle:
        h.skip('no oracle')
    pair = _pair.Pair()
    d = h.Dir()
    oracle = s.settle_oracle(oracle, d)
    same = different = known = 0
    try:
        for name, (title, reason, steps) in s.cases(words[0] if words else '*'):
            if len(words) > 1 and words[1] not in title:
                continue
            theirs = s.normal(s.Side(oracle, 'oracle', d).run(steps), d.path, oracle)
            ours = s.normal(s.Side(h.BIN, 'remex', d).run(steps), d.path, h.BIN)
            names = list(dict.fromkeys([w for w, _ in theirs] + [w for w, _ in ours]))
            faults = []
            for what in names:
                a, b = ['\n'.join(t for w, t in side if w == what) for side in (theirs, ours)]
                if a != b:
                    faults.append('  -- %s\n%s' % (what, '\n'.join(
                        '  ' + l for l in list(difflib.unified_diff(a.split('\n'), b.split('\n'), 'oracle', 'remex', lineterm='', n=1))[2:])))
            if reason:
                known += 1
            elif faults:
                different += 1
                print('DIFFERENT %s: %s\n%s' % (name, title, '\n'.join(faults)), flush=True)
            else:
                same += 1
                if '-v' in sys.argv:
                    print('same      %s: %s' % (name, title), flush=True)
    finally:
        d.remove()
        pair.close()
    print('%d same, %d different, %d known to differ' % (same, different, known))
    sys.exit(1 if different or not same else 0)


main()
