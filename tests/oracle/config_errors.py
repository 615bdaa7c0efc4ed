#!/usr/bin/env python3
"""How a bad configuration is refused: remex-hooks in test mode and the oracle on tests/oracle/config_errors/*.t.

A case is "== title", perhaps "@known reason" (the two differ, and why), and a configuration. @CONF@ is its file, @INC@ one that it may
include. Compared are the exit status, standard error, and for every mode of MODES also the panic log. Arguments: [FILE-PATTERN
[WORDS OF A TITLE]] [-v] [-k: known differences]. Exit 77 without an oracle or a hooks build.
"""
# timeout: 300
import fnmatch
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import harness as h
from _pair import find_oracle

HERE = os.path.dirname(os.path.abspath(__file__))
# One configuration, refused in every mode: where the words go, and in what form.
MODES = ['-bV', '-bP', '-bP routers', '-be x', '-bt a@b.test', '-bt -v a@b.test', '-bv a@b.test', '-bh 192.0.2.1', '-bf /dev/null', '-bd -oX 0',
         '-bs', '-bS', '-q', '-bp', 'a@b.test', '-v a@b.test', '-t', '-brt x', '-brw a@b.test', '-bi']


def cases(pattern):
    """(file, title, reason or '', configuration)"""
    for path in sorted(glob.glob(os.path.join(HERE, 'config_errors/*.t'))):
        name = os.path.basename(path)[:-2]
        if not fnmatch.fnmatch(name, pattern):
            continue
        with open(path, encoding='utf-8') as f:
            for part in re.split(r'(?m)^== ', f.read())[1:]:
                title, _, text = part.partition('\n')
                reason = ''
                if text.startswith('@known '):
                    reason, _, text = text[7:].partition('\n')
                yield name, title, reason, text


class Comparison:
    def __init__(self):
        self.oracle = find_oracle() or h.skip('no oracle')
        self.hooks = os.environ.get('REMEX_HOOKS_BIN') or h.skip('no build with hooks')
        if os.geteuid() != 0:
            h.skip('the oracle wants a configuration of root')
        self.d = h.Dir()
        os.makedirs(self.d('log'), exist_ok=True)
        os.chmod(self.d('log'), 0o777)
        h.write(self.d('inc.conf'), '\nxyz = 3\n')

    def run(self, binary, words):
        env = dict(os.environ, MTA_TEST_SUITE=self.d.path)
        panic = self.d('log/paniclog')
        if os.path.exists(panic):
            os.remove(panic)
        r = subprocess.run([binary, '-C', self.d('bad.conf'), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace', env=env,
                           timeout=60)
        out = 'exit status %d\n%s' % (r.returncode, r.stderr)
        if os.path.exists(panic):
            with open(panic, encoding='utf-8', errors='replace') as f:
                out += '-- panic log\n' + f.read()
        out = re.sub(r'(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?( [-+]\d{4})?( \[\d+\])?', 'STAMP', out)
        out = re.sub(r'STAMP Warning: purging the environment.\n Suggested action: use keep_environment.\n', '', out)
        return out.replace(self.d.path, '@DIR@')

    def both(self, text, words):
        h.write(self.d('bad.conf'), text.replace('@CONF@', self.d('bad.conf')).replace('@INC@', self.d('inc.conf')))
        return self.run(self.hooks, words), self.run(self.oracle, words)


def main():
    words = [w for w in sys.argv[1:] if not w.startswith('-')]
    c = Comparison()
    count = {'same': 0, 'different': 0, 'known': 0}
    try:
        todo = [(name, title, reason, text, ['-bV']) for name, title, reason, text in cases(words[0] if words else '*')]
        if not words:
            h.check(len(todo) >= 250, 'only %d cases' % len(todo))
            bad = 'spool_directory = @DIR@\nlog_file_path = @DIR@/log/%slog\nxyz = 3\n'.replace('@DIR@', c.d.path)
            todo += [('modes', mode, '', bad, mode.split()) for mode in MODES]
        for name, title, reason, text, mode in todo:
            if len(words) > 1 and words[1] not in title:
                continue
            ours, theirs = c.both(text, mode)
            verdict = 'known' if reason else 'same' if ours == theirs else 'different'
            count[verdict] += 1
            h.check(not reason or ours != theirs, '%s: %s: no longer different' % (name, title))
            if verdict == 'different' or (verdict == 'known' and '-k' in sys.argv):
                print('%s %s: %s\n%s   oracle: %s   remex:  %s' % (verdict.upper(), name, title, reason and '   %s\n' % reason, theirs, ours), flush=True)
            elif '-v' in sys.argv:
                print('%-9s %s: %s' % (verdict, name, title))
    finally:
        c.d.remove()
    print('%d same, %d different, %d known to differ' % (count['same'], count['different'], count['known']))
    return 1 if count['different'] or not count['same'] else 0


sys.exit(main())
