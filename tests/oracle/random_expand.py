#!/usr/bin/python3
"""Random expansions, valid and broken, to remex and to the oracle: both must give the same value, failure or forced failure.

    random_expand.py [COUNT] [--seed N]...      2000 for each seed; a fixed one, and with REMEX_FRESH=1 a fresh one, which is printed

Every name comes from the program itself (remex help --json), with the number of its arguments and with its examples as
material. Known differences are the rules of docs/differences.md, each matched by an entry of KNOWN below. Without an oracle
(REMEX_ORACLE, build/oracle/exim, oracle-exim in PATH) the lines only have to be answered, and the status is 77.
"""
# timeout: 300
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading

import run_expand as base
from lookup_files import write_cdb

# Names whose values are the program's, the clock's or the process's own, or that do something outside.
OWN = re.compile(r'\$\{?(?:pid|tod_|exim_|version_number|compile_|load_average|spool_|log_|message_exim_id|message_id|caller_|originator_|'
                 r'received_time|received_port|host_lookup|connection_|smtp_(?:active|notquit|count)|queue_size|config_|primary_hostname\b.{0}x|'
                 r'address_file|exim_gid|exim_uid|recipients_|message_age|runrc|callout_|tls_|dkim_|malware|spam|av_|mime_|regex_|bmi_|demime|'
                 r'local_scan|router_name|transport_name|rcpt_fail|router_|event_|atrn_|proxy_|prvs|dmarc|arc_|spf_|headers_added|return_path)')
SKIP = {'operator': {'randint', 'stat', 'quote_*', 'expand'}, 'item': {'perl', 'dlfunc', 'prvs', 'env', 'run', 'readsocket', 'readfile', 'acl', 'lookup'},
        'condition': {'pam', 'radius', 'ldapauth', 'saslauthd', 'acl', 'crypteq', 'pwcheck', 'queue_running', 'first_delivery'}}
SYNTAX = (r'Failed: (?:internal expansion of .* failed: )?(?:missing |curly-bracket|unknown (?:expansion operator|variable|condition|lookup)|Not enough|Too many|non-digit after|'
          r'\} expected|"\$\{|syntax error in|each subcondition|condition name expected|\$ not followed|letter or digit expected|regular expression error|'
          r'first argument of "extract" must not be empty|":" expected|variable name omitted|unknown option|format error in lookup|bad option|\\+ at end|too few arguments)')
# (a heading of docs/differences.md, what the expression contains, remex's answer, the oracle's answer): all regular expressions.
KNOWN = [
    ('Mistakes of an expansion are found before it runs', 'certextract', 'certextract', ''),
    ('Mistakes of an expansion are found before it runs', '', SYNTAX, 'Failed: '),
    ('Mistakes of an expansion are found before it runs', '', 'non-digit after underscore|missing values after', ''),
    ('An SRS tag has four digits', 'inbound_srs', '', ''),
    ('What is not chosen is not evaluated', r'\$\{', '', r'Failed: .*(?:is not a (?:positive )?number \(in|must be one character|must be numeric|unrecognised boolean|not given an IP|is not an IP|hmac|regular expression error)'),
    ('Both sides of a comparison are expanded before they are read as numbers', r'\$\{if *[<>=]', 'Failed: error in expression evaluation', 'Failed: integer expected'),
    ('Sorting wants a comparison that sorts', r'\$\{sort', '^$', '^Failed: $'),
    ('Sorting wants a comparison that sorts', r'\$\{sort', 'integer|comparator not handled|unknown condition|not ', ''),
    ('Sorting wants a comparison that sorts', r'\$\{sort', '', 'field-extract in sort|at end of "sort"|condition name expected|list mismatch'),
    ('Sorting wants a comparison that sorts', r'\$\{sort\{.*\{(?:ge|gei|le|lei|>=|<=)', '', ''),
    ('A word and its beginning compare as text does', r'(?:lt|le|gt|ge)i', '', ''),
    ('A hash is not shorter than nothing', r'\$\{n?hash', '"-\\d+" is not a positive number', ''),
    ('JSON is read as JSON', 'json', '', ''),
    ('Addresses are read as RFC 5322 has them', r'srs_encode|address|local_part|domain:', '', ''),
    ('A network has a number of bits', r'\$\{mask', 'is not an IP address', ''),
    ('authresults without results says "none"', 'authresults', '', ''),
    ('A header name ends with its colon', r'def:\w*h', 'could be header name', ''),
    ('UTF-8 is checked', 'from_utf8|utf8_|imapfolder', '', ''),
    ('Numbers have 64 bits', 'time_interval', '', ''),
    ('A NUL is a byte like any other', r'\\(?:0|x0|x(?![0-9a-fA-F]))', '', ''),
    ('A NUL is a byte like any other', '', r'\\x00', ''),
    ('A network has a number of bits', 'match_ip', 'bad mask', ''),
    ('A field whose name comes from data', 'extract', '', 'curly-bracket problem'),
    ('Options of a lookup type are checked', r'\$\{lookup', r'unknown option ".*" for lookup type|format error in lookup type|bad option', ''),
    ('A word of a command ends where its expansion ends', r'\$\{run', '', r'Expansion of .* from command'),
    ('The time of ${readsocket is a time', r'\$\{readsocket', 'bad time value', ''),
    ('Options of a lookup type are checked', r'\$\{lookup', 'is not absolute', ''),
    ('An empty key is looked for nowhere', r'\$\{lookup', '', 'failed to open|not a regular file'),
    ('$1` of a `partial0` lookup', 'partial(?:0|\\(\\))', '', ''),
    ('Numbers have 64 bits', 'local_user_[ug]id', '', ''),
    ('A minus alone is no number', r'\{-\}', '', ''),
    ('The time of ${readsocket is a time', r'\$\{readsocket', 'unknown option', ''),
    ('Taint is looked at first', '', '[Tt]ainted', 'Failed: '),
    ('Taint is looked at first', 'authenticated_sender', '[Tt]ainted', ''),
    ('Both sides of a comparison are expanded before they are read as numbers', r'[<>=] *\{', '^Failed: ', 'Failed: (?:integer expected|invalid integer|absolute value of integer)'),
    ('An encoded word has at most 75 characters', 'rfc2047:', r'=\?UTF-8\?Q\?', r'=\?UTF-8\?Q\?'),
    ('An encoded word is what RFC 2047 says', r'=\?[^?]*[^?\w-][^?]*\?|\? +=', '', ''),
    ('Text with a colon is no ACL', r'acl\{+[^}]*:', 'ERROR from acl', ''),
    ('"Could not look" is never "not found"', r'\{/\}', 'Is a directory', ''),
    ('Mistakes of an expansion are found before it runs', 'certextract', 'unknown variable', ''),
    ('Sorting wants a comparison that sorts', r'\$\{sort', '', 'comparator not handled'),
    ('A word of a command ends where its expansion ends', r'\$\{run', r'curly-bracket|at end of string', ''),
    ('`${ipv6norm:` takes nothing away', 'ipv6norm', '', ''),
    ('Mistakes of an expansion are found before it runs', r'match_ip\{.*\$', r'\$ not followed', 'unable to complete match'),
]

WORDS = ['', 'a', 'abc', 'ABC', 'Joe Doe', 'x y', '0', '1', '-1', '7', '42', '1024', '10K', '3M', '08', '0x1f', '99999999999', '-', '+', 'yes', 'no',
         'true', 'false', 'fail', '*', 'a@b.test', 'joe@a.test', 'Joe <joe@a.test>', '"q s"@b.test', 'a@b, c@d', 'grp: a@b, c@d;', '<@x:y@z>',
         '1.2.3.4', '10.0.0.1', '192.168.1.1/24', '::1', '2001:db8::1', '2001:db8::1/48', '1.2.3', 'host.test', 'sub.b.test', 'c.b.test',
         'a:b:c', ' a : b : c ', '<, a,b,c', '<; a ; b', 'a::b:c', ':', ': a', 'a : ', '3:1:2', 'b:a:C', 'k1=v1 k2="v 2" k3=', 'A=1 b=2',
         '=?utf-8?q?caf=C3=A9?=', 'caf\\303\\251', '\\xff', 'tab\\there', '\\n', 'a\\nb', 'YWJj', 'YW==', '616263', '61f', 'zz', '+2B', '1+2*3', '(4-1)/2',
         '7%0', '1/0', '2**3', '1<<4', '5&3|8', '~0', '1d2h', '90061', '3w', '[1, "a", {"k": 2}]', '{"a": 1, "b": "x"}', '^a.*$', 'b(.)', '[', '(',
         '\\N^\\d+$\\N', '%', '/', "it's", '"', '`', 'aaaa', 'x' * 60, '+local_domains', '@', '@[]', '!a', '\\$1', '\\$item', '\\\\']


class Maker:
    def __init__(self, names, rng):
        self.r = rng
        self.operators, self.items, self.conditions, self.variables, self.examples = [], [], [], [], []
        for e in names:
            if e['kind'] not in ('operator', 'item', 'condition', 'variable'):
                continue
            if e['state'] != 'works' or e['name'] in SKIP.get(e['kind'], ()):
                continue
            if e['kind'] == 'variable':
                if '*' not in e['name'] and not OWN.match('$' + e['name']):
                    self.variables.append(e['name'])
                continue
            {'operator': self.operators, 'item': self.items, 'condition': self.conditions}[e['kind']].append(e)
            self.examples += [x['input'] for x in e.get('examples', [])]

    def word(self):
        return self.r.choice(WORDS)

    def quoted(self, text):
        """Braces of data need a backslash, or they end the argument."""
        return re.sub(r'(?<!\\)([{}])', r'\\\1', text) if self.r.random() < 0.9 else text

    def value(self, depth):
        roll = self.r.random()
        if depth <= 0 or roll < 0.45:
            return self.quoted(self.word())
        if roll < 0.6:
            return self.r.choice(['$%s', '${%s}']) % self.r.choice(self.variables + ['item', 'value', '0', '1', '2'])
        if roll < 0.63:
            return self.reaching(depth - 1)
        if roll < 0.8:
            return self.operator(depth - 1)
        if roll < 0.95:
            return self.item(depth - 1)
        return self.value(depth - 1) + self.value(depth - 1)

    def group(self, depth):
        return '{' + self.value(depth) + '}'

    def operator(self, depth):
        e = self.r.choice(self.operators)
        name = e['name']
        for _ in range(self.r.choice([0, 0, 1, 1, 2]) if self.r.random() < (0.9 if needs_number(e) else 0.1) else 0):
            name += '_' + self.r.choice(['0', '1', '2', '3', '5', '16', '64', '256', '512', '-1', '-2', '', 'x'])
        return '${%s:%s}' % (name, self.value(depth))

    def branches(self, depth):
        roll = self.r.random()
        if roll < 0.3:
            return ''
        yes = self.group(depth) if self.r.random() < 0.6 else self.r.choice(['{$value}', '{$1}', '{<$value>}'])
        return yes if roll < 0.5 else yes + (self.group(depth) if roll < 0.85 else 'fail')

    def item(self, depth):
        e = self.r.choice(self.items)
        name = e['name']
        if name == 'if':
            return '${if %s%s}' % (self.condition(depth), self.branches(depth))
        forms = e.get('arguments', '').split(' or ')
        form = self.r.choice(forms)
        out = '${' + name
        if name == 'extract' and self.r.random() < 0.2:
            out += self.r.choice([' json', ' jsons', ' json '])
        for argument in re.findall(r'\{[^}]*\}|\.\.\.', form):
            if argument in ('{yes}', '{no}', '...'):
                continue
            out += '{' + (self.condition(depth - 1) if argument == '{condition}' else self.argument(argument, depth)) + '}'
        if '{yes}' in form:
            out += self.branches(depth)
        return out + '}'

    def argument(self, what, depth):
        if self.r.random() < 0.75:
            material = {'{list}': ['a:b:c', '3:1:2', '<, x,y', ':', '', 'a : b', 'a::b:c'], '{comparator}': ['<', '>', 'lt', 'lti', 'ge', '<=', '=', 'eq'],
                        '{n}': ['0', '2', '-1', '50', 'x', ''], '{number}': ['0', '1', '2', '-1', '-2', '9', 'x'], '{key}': ['a', 'b', 'k1', 'K2', '', '1', '-1'],
                        '{extractor}': ['$item', '${lc:$item}', '${length_1:$item}'], '{expression}': ['$item', '$value$item', '<$item>'],
                        '{file}': ['@DIR@/text', '@DIR@/none'], '{separators}': [':', ' ', ',:', '']}.get(what)
            if material:
                return self.r.choice(material)
        return self.value(depth)

    def condition(self, depth):
        e = self.r.choice(self.conditions)
        name = e['name']
        out = self.r.choice(['', '', '', '!', '! ']) + name
        if name in ('and', 'or'):
            return out + '{' + ''.join('{' + (self.condition(depth - 1) if depth > 0 else 'eq{a}{b}') + '}' for _ in range(self.r.randint(0, 3))) + '}'
        if name == 'def':
            return out + ':' + self.r.choice(self.variables + ['h_subject:', 'header_to:', 'nosuch', 'h_x'])
        if name.startswith('for'):
            return out + '{' + self.argument('{list}', depth) + '}{' + (self.condition(depth - 1) if depth > 0 else 'eq{$item}{a}') + '}'
        groups = re.findall(r'\{\{|\}\}|\{[^{}]*\}', e.get('arguments', ''))
        for g in groups:
            if g not in ('{{', '}}'):
                out += self.group(depth) if self.r.random() < 0.9 else ' ' + self.group(depth)
        return out

    def broken(self, text):
        for _ in range(self.r.choice([1, 1, 1, 2])):
            if not text:
                return text
            i = self.r.randrange(len(text))
            how = self.r.random()
            if how < 0.45:
                text = text[:i] + text[i + 1:]
            elif how < 0.8:
                text = text[:i] + self.r.choice('{}$:\\ _1ax') + text[i:]
            else:
                text = text[:i] + self.r.choice('{}$:\\ _1ax') + text[i + 1:]
        return text

    # What reaches out of the expansion: ACLs, files, programs, sockets.

    def acl(self, depth):
        arguments = ''.join(self.group(depth) for _ in range(self.r.choice([0, 1, 1, 2, 3])))
        name = self.r.choice(['yes', 'yes', 'no', 'late', 'nosuch', '${lc:YES}', ''])
        if self.r.random() < 0.4:
            return '${if acl{{%s}%s}%s}' % (name, arguments, self.branches(depth))
        return '${acl{%s}%s}' % (name, arguments)

    def lookup(self, depth):
        kind = self.r.choice(['lsearch', 'lsearch', 'nwildlsearch', 'wildlsearch', 'iplsearch', 'cdb', 'dsearch'])
        if kind != 'dsearch' and self.r.random() < 0.3:
            kind = self.r.choice(['partial-', 'partial0-', 'partial1-', 'partial2-', 'partial(.)', 'partial()', 'partial3-']) + kind
        kind += self.r.choice(['', '', '', '', '*', '*@'])
        kind += self.r.choice(['', '', '', '', '', ',ret=full', ',filter=dir' if 'dsearch' in kind else ''])
        file = self.r.choice(['table', 'wild', 'partial', 'nets', 'table.cdb', 'users', 'none', 'text'])
        if 'cdb' in kind:
            file = self.r.choice(['table.cdb', 'table.cdb', 'none'])
        elif 'dsearch' in kind:
            file = self.r.choice(['users', 'users', 'none'])
        key = self.r.choice(['alpha', 'ALPHA', 'beta', 'key with space', 'empty', 'a.w.test', 'rest', 'x.p.test', 'a.b.p.test', 'p.test', 'me@q.test', '10.1.2.3', '192.168.1.1',
                             '2001:db8::9', 'joe', 'jane', 'x/y', '..', 'zzz', '*', '']) if self.r.random() < 0.8 else self.value(depth)
        return '${lookup{%s}%s{@DIR@/%s}%s}' % (key, kind, file, self.branches(depth))

    def run(self, depth):
        words = [self.r.choice(['a', 'b c', '"d  e"', "'f g'", '$1', '${lc:H I}', '"${uc:j k}"', '\\\\x', '']) for _ in range(self.r.randint(0, 3))]
        command = self.r.choice(['/bin/echo', '/bin/echo', '/bin/echo', '/bin/false', '/bin/true', '/no/such/program', 'echo', '/bin/sh -c "exit 7"'])
        return '${run%s{%s}%s}' % (self.r.choice(['', '', '', ',preexpand', ',nosuch']), ' '.join([command] + words), self.branches(depth))

    def readsocket(self, depth):
        groups = ['@DIR@/%s' % self.r.choice(['socket', 'socket', 'socket', 'none']), self.r.choice(['one', 'two lines', '', self.value(depth)])]
        if self.r.random() < 0.6:
            groups.append(self.r.choice(['2s', '1s', '3s:shutdown=no', 'x', '', '2s:tls=no']))
            if self.r.random() < 0.6:
                groups.append(self.r.choice(['|', '', ' ', 'EOL']))
                if self.r.random() < 0.5:
                    groups.append(self.r.choice(['failed', '', '<$value>']))
        return '${readsocket%s}' % ''.join('{%s}' % g for g in groups)

    def readfile(self, depth):
        return '${readfile{@DIR@/%s}%s}' % (self.r.choice(['text', 'table', 'none', 'users']), self.r.choice(['', '', '{}', '{|}', '{, }', self.group(depth)]))

    def reaching(self, depth):
        return self.r.choice([self.acl, self.lookup, self.lookup, self.lookup, self.run, self.readsocket, self.readfile])(depth)

    def line(self):
        roll = self.r.random()
        if roll < 0.15:
            text = self.broken(self.r.choice(self.examples))
        else:
            text = self.value(self.r.randint(1, 4)) if self.r.random() < 0.75 else self.reaching(self.r.randint(0, 2))
            if '$' not in text:
                text = self.operator(2)
            if roll < 0.3:
                text = self.broken(text)
        text = text.strip()
        # One line, short enough for the oracle, and not joined to the next.
        if not text or len(text) > 700 or text.endswith('\\') or '\n' in text or OWN.search(text) or text.startswith('>') or re.match('[A-Z]', text):
            return self.line()
        return text


class Echo:
    """Answers what it is sent, in upper case, between two line ends."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.bind(path)
        os.chmod(path, 0o777)
        self.s.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            c, _ = self.s.accept()
            with c:
                c.settimeout(0.3)
                got = b''
                try:
                    while piece := c.recv(4096):
                        got += piece
                except OSError:
                    pass
                try:
                    c.sendall(b'\n' + got.upper() + b'\n')
                except OSError:
                    pass


def needs_number(entry):
    return any(re.match(r'\$\{\w+?_\d', x['input']) for x in entry.get('examples', ())) or '_n' in entry.get('doc', '')


def answers(command, lines, directory):
    """As run_expand.run, but goes on behind a line of which the program died (answer None)."""
    out = []
    while len(out) < len(lines):
        got = base.run(command, lines[len(out):], directory)
        alive = got.index(None) if None in got else len(got)
        out += got[:alive]
        if alive < len(got):
            out.append(None)
    return out


def kind(answer):
    """value, failed or forced, and the text without what it quotes."""
    if not answer.startswith('Failed: '):
        return 'value', answer
    text = answer[8:].split('\\n')[0]
    if text.endswith('failed and "fail" requested'):
        return 'forced', text
    text = re.sub(r'internal expansion of .* failed: ', '', text)
    text = re.sub(r'\(\w+ lookup\)', '', text)  # one driver of Exim has several names
    text = re.sub(r'gave DEFER: .*', 'gave DEFER', text)
    text = re.sub(r'^ERROR from acl', 'DEFER from acl', text)
    text = re.sub(r'\\+', r'\\', text)
    text = re.sub(r'"(\w+?)_[-\d_x]+" operator', r'"\1" operator', text)
    text = re.sub(r' inside "[^"]*" (?:item|condition).*', '', text)
    text = re.sub(r'"[^"]*"|\'[^\']*\'', '""', text)
    return 'failed', text[:60].strip()


def newer(theirs, registry):
    """The oracle does not know the name yet."""
    m = re.search(r'unknown (?:expansion operator|variable name|variable|condition) "([\w-]+)"|unknown variable in "\$\{(\w+)', theirs)
    name = m and (m.group(1) or m.group(2))
    return bool(name) and (name in registry or name.split('_')[0] in registry)


def known(expression, ours, theirs):
    return any(re.search(where, expression, re.S) and re.search(mine, ours, re.S) and re.search(other, theirs, re.S) for _, where, mine, other in KNOWN)


def run_seed(seed, count, names, oracle, directory, config, show):
    maker = Maker(names, random.Random(seed))
    registry = {e['name'] for e in names}
    lines = [maker.line() for _ in range(count)]
    ours = answers([os.environ['REMEX_BIN'], '-C', config, '-be'], lines, directory)
    theirs = answers([oracle, '-C', config, '-be'], lines, directory) if oracle else ours
    bad = excused = died = 0
    for line, mine, other in zip(lines, ours, theirs):
        if mine is None:
            bad += 1
            print('NO ANSWER   %s' % line)
            continue
        if other is None:
            died += 1
            continue
        if kind(mine) == kind(other):
            continue
        # Values that a failed line before left behind ($item, $value, $1) are not this line's.
        mine, other = (base.run_single([b, '-C', config, '-be'], [line], directory)[0] for b in (os.environ['REMEX_BIN'], oracle))
        if other is None or kind(mine) == kind(other):
            continue
        if known(line, mine, other) or newer(other, registry):
            excused += 1
            continue
        bad += 1
        if bad <= show:
            print('EXPRESSION  %s\n   remex    %s\n   oracle   %s' % (line, mine, other))
    values = sum(1 for a in ours if a is not None and kind(a)[0] == 'value')
    print('seed %d: %d expressions, %d with a value, %d different, %d known differences, %d the oracle died of' % (seed, count, values, bad, excused, died), flush=True)
    return bad


def main():
    if 'REMEX_BIN' not in os.environ:
        sys.exit('REMEX_BIN is not set')
    words = sys.argv[1:]
    seeds = []
    while '--seed' in words:
        i = words.index('--seed')
        seeds.append(int(words[i + 1]))
        del words[i:i + 2]
    count = int(words[0]) if words else 2000
    oracle = base.find_oracle()
    names = json.loads(subprocess.run([os.environ['REMEX_BIN'], 'help', '--json'], capture_output=True, check=True).stdout)
    bad = 0
    with tempfile.TemporaryDirectory(prefix='random-') as directory:
        config = base.make_directory(directory)
        write_cdb(os.path.join(directory, 'table.cdb'), [(b'alpha', b'first'), (b'*', b'star'), (b'*.p.test', b'part'), (b'p.test', b'whole'), (b'empty', b''), (b'*@q.test', b'at')])
        Echo(os.path.join(directory, 'socket'))
        show = int(os.environ.get('SHOW', '25'))
        for seed in seeds or [20240601]:
            bad += run_seed(seed, count, names, oracle, directory, config, show)
        if os.environ.get('REMEX_FRESH'):  # what nobody has met before is news, and a failure when there is much of it
            new = run_seed(random.SystemRandom().randrange(1 << 30), count, names, oracle, directory, config, show)
            bad += new if new > count // 500 else 0
    if bad:
        return 1
    if not oracle:
        print('no oracle here: the lines were only answered')
        return 77
    return 0


if __name__ == '__main__':
    sys.exit(main())
