#!/usr/bin/env python3
"""Whole configurations load: ten of our own in the style of common installations, Debian's in all debconf types, the distribution's default.

Debian's packages come from apt; without them only our own configurations are tried.
"""
# timeout: 300
import glob
import os
import subprocess

import debian_config
import harness as h


def refusal(path):
    """What `-bV` says of a configuration that does not load, and '' of one that does."""
    r = subprocess.run([h.BIN, '-C', path, '-bV'], capture_output=True, text=True, errors='replace', timeout=60)
    return '' if r.returncode == 0 else '%s:\n%s' % (os.path.basename(path), r.stderr or 'refused without a reason')


def check_all(paths):
    refused = list(filter(None, map(refusal, paths)))
    h.check(not refused, '\n'.join(refused))


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


def test_a_wrong_one_is_refused():
    """The test can fail: a misspelt option is named."""
    d = h.Dir()
    path = h.write(d('x.conf'), 'primary_hostname = a.test\nqualfy_domain = a.test\n')
    h.check('qualfy_domain' in refusal(path), refusal(path))
    d.remove()


h.main()
