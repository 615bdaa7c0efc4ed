"""The examples of the registry entries, as the program itself tells them, and what they stand in (docs/reference/README.md)."""
import json
import os
import re
import subprocess
import tempfile

import harness as h


def entries():
    return json.loads(subprocess.run([h.BIN, 'help', '--json'], capture_output=True, text=True, errors='replace', check=True).stdout)


def blocks():
    """{"session": text, "dialogue": ..., "message": ...}: the code blocks of the page."""
    with tempfile.TemporaryDirectory(prefix='examples-') as d:
        subprocess.run([h.BIN, 'help', '--markdown', d], check=True)
        with open(os.path.join(d, 'README.md'), encoding='utf-8') as f:
            return dict(re.findall(r'^```(\w+)\n(.*?)^```$', f.read(), re.M | re.S))


def expand(conf, lines, where='/'):
    """Answers of remex -be, one for each line."""
    given = ''.join('%s\n@@%d@@\n' % (line, i) for i, line in enumerate(lines))
    out = subprocess.run([h.BIN, '-C', conf, '-be'], input=given, capture_output=True, text=True, errors='replace', timeout=120, cwd=where).stdout
    answers = []
    for i, line in enumerate(lines):
        marker = '\n> @@%d@@\n' % i
        at = out.find(marker)
        h.check(at >= 0, 'no answer to %s: %s' % (line, out[:500]))
        answers.append(out[2:at])
        out = out[at + len(marker):]
    return answers


def judge(example, answer):
    """What is wrong with the answer of remex -be, or None."""
    if 'error' in example:
        good = answer.startswith('Failed: ') and example['error'] in answer
        return None if good else '%s\n    gives %s, not a failure with "%s"' % (example['input'], answer, example['error'])
    return None if answer == example['output'] else '%s\n    gives %s, not %s' % (example['input'], answer, example['output'])


def check_lookup(conf, name, prepare=None):
    """Runs the examples of a lookup type that needs a server; `prepare` is given each line of what they look up in, once."""
    entry = next(e for e in entries() if e['kind'] == 'lookup' and e['name'] == name)
    for line in dict.fromkeys(line for x in entry['examples'] for line in x.get('setup', '').split('\n') if line):
        prepare(line)
    answers = expand(conf, [x['input'] for x in entry['examples']])
    wrong = [w for w in map(judge, entry['examples'], answers) if w]
    h.check(not wrong, '\n'.join(wrong))
