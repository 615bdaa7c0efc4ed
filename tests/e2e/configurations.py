#!/usr/bin/env python3
"""Whole configurations load: ten of our own in the style of common installations, Debian's in all debconf types, the distribution's default.

A name whose engine part does not exist yet may stand in the way: then the load error must name it ("not-supported"), and nothing else may
be wrong. The list at the end says which names those are, most frequent first. Debian's packages come from apt; without them only our own
configurations are tried.
"""
# timeout: 300
import collections
import glob
import json
import os
import re
import subprocess
import sys

import debian_config
import harness as h

# Names that may still be missing; a configuration that needs none of them must load. Remove a line when its name works.
MISSING = set(filter(None, open(os.path.join(h.SOURCE, 'tests/config/not-yet.txt'), encoding='utf-8').read().split('\n')))


def missing_name(message):
    """The thing a message says is not there: 'driver pipe', 'verify option callout', 'lookup type ldap', 'spam'."""
    m = re.search(r'((?:driver|lookup type|variable|condition|verify option|option) )?"([a-z0-9_]+)[^"]*" is (?:known but|not supported)', message)
    return (m.group(1) or '') + m.group(2) if m else re.sub(r'^(router|transport|authenticator) "[^"]*": ', '', message)


def load(path):
    """(loaded, the missing names, other errors)."""
    r = subprocess.run([h.BIN, '-C', path, '-bV'], capture_output=True, text=True, errors='replace', timeout=60)
    missing, other = [], []
    for message, code in re.findall(r'^error: (.*) \[[A-Z0-9]+ ([a-z0-9-]+)\]$', r.stderr, re.M):
        if code in ('not-supported', 'unsupported') or re.search(r'is known but|not supported', message):
            missing.append(missing_name(message))
        else:
            other.append(message + ' [' + code + ']')
    return r.returncode == 0, missing, other, r.stderr


def check_all(paths):
    counts = collections.Counter()
    bad = []
    loaded = 0
    for path in paths:
        ok, missing, other, text = load(path)
        name = os.path.basename(path)
        loaded += ok
        counts.update(missing)
        bad += ['%s: %s' % (name, m) for m in other]
        bad += ['%s: "%s" is not in not-yet.txt' % (name, m) for m in set(missing) if m not in MISSING]
        if not ok and not missing and not other:
            bad.append('%s: refused without a reason: %s' % (name, text[:500]))
    print('%d of %d configurations load; in the way:' % (loaded, len(paths)))
    for message, n in counts.most_common():
        print('%4d  %s' % (n, message))
    h.check(not bad, '\n'.join(bad))
    return counts


def test_own():
    paths = sorted(glob.glob(os.path.join(h.SOURCE, 'tests/config/*.conf')))
    h.check(len(paths) >= 10, 'tests/config has %d configurations' % len(paths))
    check_all(paths)


def test_debian():
    d = h.Dir()
    made = debian_config.debian_configs(d.path)
    example = debian_config.shipped_example(d.path)
    if not made or not example:
        print('exim4-config or exim4-base cannot be had here: not tried')
        return
    h.equal(len(made), 10, 'Debian configurations')
    check_all(sorted(made.values()) + [example])
    d.remove()


def test_a_wrong_one_is_not_excused():
    """The test can fail: a misspelt option is not taken for a missing one."""
    d = h.Dir()
    path = h.write(d('x.conf'), 'primary_hostname = a.test\nqualfy_domain = a.test\n')
    ok, missing, other, _ = load(path)
    h.check(not ok and not missing and len(other) == 1, (ok, missing, other))
    d.remove()


h.main()
