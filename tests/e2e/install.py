#!/usr/bin/env python3
"""cmake --install: every part is where a Debian system looks for it, and says what its reader understands."""
# timeout: 120
import os
import re
import shutil
import subprocess

import harness as h

BUILD = os.path.dirname(h.BIN)
if not shutil.which('cmake') or not os.path.exists(os.path.join(BUILD, 'cmake_install.cmake')):
    h.skip('needs cmake and the build tree of the command')
D = h.Dir()
ROOT = D('root')


def run(*command, **kw):
    return subprocess.run(command, capture_output=True, text=True, timeout=100, **kw)


def installed(path):
    """The text of an installed file."""
    with open(ROOT + path, errors='replace') as f:
        return f.read()


def test_layout():
    got = run('cmake', '--install', BUILD, '--prefix', '/usr', env=dict(os.environ, DESTDIR=ROOT))
    h.equal(got.returncode, 0, got.stdout + got.stderr)
    for path in ('/usr/sbin/remex', '/usr/lib/systemd/system/remex.service', '/usr/lib/sysusers.d/remex.conf', '/usr/lib/tmpfiles.d/remex.conf',
                 '/usr/share/man/man8/remex.8', '/usr/share/bash-completion/completions/remex', '/usr/share/doc/remex/README.md',
                 '/usr/share/doc/remex/sample-configs/minimal-mail/server.conf', '/usr/share/doc/remex/reference/README.md'):
        h.check(os.path.isfile(ROOT + path), path + ' is not installed')
    logrotate = [os.path.join(f, n) for f, _, names in os.walk(ROOT) for n in names if f.endswith('logrotate.d')]
    h.equal(len(logrotate), 1, 'logrotate.d')
    strange = [os.path.join(f, n) for f, _, names in os.walk(ROOT) for n in names if n.endswith(('.o', '.a', '.cc', '.in', '.pyc'))]
    h.equal(strange, [], 'installed although nobody needs it')


def test_command_works():
    got = run(ROOT + '/usr/sbin/remex', '--version', '-C', os.path.join(h.SOURCE, 'tests/golden/config/ok_plain.conf'))
    h.equal(got.returncode, 0, got.stderr)
    h.check(re.match(r'remex version \d', got.stdout), got.stdout)
    for sample in ('server.conf', 'laptop.conf'):
        got = run(ROOT + '/usr/sbin/remex', 'check', ROOT + '/usr/share/doc/remex/sample-configs/minimal-mail/' + sample)
        h.equal(got.returncode, 0, '%s: %s' % (sample, got.stderr))


def test_unit_file():
    text = installed('/usr/lib/systemd/system/remex.service')
    h.check('@' not in re.sub(r'@system-service', '', text), 'a placeholder is left: ' + text)
    programs = re.findall(r'^Exec\w+=(\S+)', text, re.M)
    h.check(len(programs) >= 4 and all(p == '/bin/kill' or p.endswith('/sbin/remex') for p in programs), 'programs: %r' % programs)
    if not shutil.which('systemd-analyze'):
        return
    # The manual page is not in the system's own place here, and the command neither.
    here = D('remex.service')
    h.write(here, re.sub(r'(?m)^Documentation=.*\n', '', text).replace(programs[0], ROOT + '/usr/sbin/remex'))
    got = run('systemd-analyze', 'verify', '--man=no', here)
    complaints = [l for l in got.stderr.splitlines() if 'remex' in l]
    h.equal((got.returncode, complaints), (0, []), 'systemd-analyze verify')


def options(text):
    """Option words in a text, a page's \\- read as -."""
    text = re.sub(r'compopt -o \w+', '', text)
    return set(re.findall(r'(?<![\w-])-(?:[bMoq][A-Za-z]*|[CDFNdfitv])(?![\w-])', text.replace('\\-', '-')))


def test_manual_page():
    page = installed('/usr/share/man/man8/remex.8')
    h.check('@REMEX' not in page and '@CMAKE' not in page, 'a placeholder is left')
    offered = options(installed('/usr/share/bash-completion/completions/remex'))
    missing = sorted(o for o in offered - options(page.replace('\\fI', ' ').replace('\\fR', ' ')))
    h.equal(missing, [], 'completed, but not in the manual page')
    if shutil.which('groff'):
        got = run('groff', '-man', '-Tutf8', '-ww', '-z', ROOT + '/usr/share/man/man8/remex.8')
        h.equal((got.returncode, got.stderr), (0, ''), 'groff')


def complete(*words):
    """What bash offers for the last word."""
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _remex; printf "%s\\n" "${COMPREPLY[@]}"'
    got = run('bash', '-c', script, 'bash', ROOT + '/usr/share/bash-completion/completions/remex', ROOT + '/usr/sbin/remex', *words)
    h.equal(got.stderr, '', 'completion of %r' % (words,))
    return got.stdout.split()


def test_completion():
    h.equal(complete('-Mv'), ['-Mvb', '-Mvc', '-Mvh', '-Mvl'], 'options')
    h.equal(complete('ch'), ['check'], 'commands')
    h.equal(complete('-C', ROOT + '/usr/sbi'), [ROOT + '/usr/sbin'], 'files')


def teardown():
    D.remove()


h.main()
