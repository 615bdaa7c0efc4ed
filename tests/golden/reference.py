#!/usr/bin/python3
"""docs/reference is what the program says of itself: every page is generated again and compared; `remex help` knows every name.

A difference means that an entry changed: run ./dev docs and commit the pages with the change.
"""
import json
import os
import subprocess
import sys
import tempfile

SOURCE = os.environ.get('REMEX_SOURCE', os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PAGES = os.path.join(SOURCE, 'docs/reference')


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def remex(*args):
    return subprocess.run([os.environ['REMEX_BIN'], 'help', *args], capture_output=True, text=True, errors='replace', timeout=60)


def main():
    wrong = 0
    with tempfile.TemporaryDirectory(prefix='reference-') as made:
        if remex('--markdown', made).returncode:
            sys.exit('remex help --markdown failed')
        for name in sorted(set(os.listdir(made)) | set(os.listdir(PAGES))):
            pair = [os.path.join(d, name) for d in (made, PAGES)]
            if not all(map(os.path.exists, pair)) or read(pair[0]) != read(pair[1]):
                wrong += 1
                print('docs/reference/%s is not what the program says: run ./dev docs' % name)
    entries = json.loads(remex('--json').stdout)
    coverage = read(os.path.join(PAGES, 'coverage.md'))
    unknown = sorted({e['name'] for e in entries if '| `%s` | %s' % (e['name'].replace('|', '\\|'), e['state']) not in coverage})
    for name in unknown:
        wrong += 1
        print('%s is not in coverage.md with its state' % name)
    for e in entries[::7]:  # each name takes a start of the program
        r = remex(e['name'])
        if r.returncode or e['summary'] not in r.stdout:
            wrong += 1
            print('remex help %s: status %d' % (e['name'], r.returncode))
    r = remex('strlenn')
    if r.returncode != 1 or 'did you mean "strlen"' not in r.stderr:
        wrong += 1
        print('remex help strlenn: %d %s' % (r.returncode, r.stderr))
    print('%d names, %d mistakes' % (len(entries), wrong))
    return 1 if wrong or len(entries) < 1000 else 0


if __name__ == '__main__':
    sys.exit(main())
