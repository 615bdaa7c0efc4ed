#!/usr/bin/python3
"""Random lists outside of expansions: domain, host, address and local part lists in ACLs (-bh) and in routers (-bt), to remex and to
the oracle. Both must take or refuse the same addresses, with the same data of what matched.

    random_lists.py [COUNT] [--seed N]...       500 lists for each seed; a fixed one, and with REMEX_FRESH=1 a fresh one, which is printed

Lists that remex refuses to load are counted and left out: the oracle would find the mistake when it meets it. Known differences are
rules of docs/differences.md, each matched by an entry of KNOWN. Needs the oracle and a namespace (both ask the same name server).
"""
# timeout: 300
import json
import os
import random
import re
import subprocess
import sys

import _pair
import harness as h
from lookup_files import write_cdb

# (a heading of docs/differences.md, the list, remex's answer, the oracle's answer): all regular expressions.
KNOWN = [
    ('A network has a number of bits', r'\d/(?:\D|$)', '', ''),
]
FILES = {
    'partners': 'a.test: one\n*.b.test: two\nc.b.test: three\n*: star\njoe@a.test: joe\n*@b.test: all of b\n',
    'plain': 'a.test: one\nb.test: two\njoe: the user\njoe@a.test: whole\n192.0.2.1: the client\nclient.test: by name\n',
    'wild': '*.r.test: wild\n^mail[0-9]: regex\nb.test: plain\n^.*@c.test$: address\n',
    'nets': '192.0.2.0/24: documentation\n10.0.0.0/8: ten\n"2001:db8::/32": six\n',
    'hosts': '!192.0.2.2\n192.0.2.0/28\n*.test\n10.0.0.0/8\n',
    'names': '# a comment\na.test\n!c.b.test\n*.b.test\njoe@r.test\nadmin\n10.0.0.0/8\n',
}
CONFIG = '''@HEAD@domainlist local_domains = a.test : *.b.test : !c.b.test
domainlist others = lsearch;@DIR@/plain
hostlist nets = 10.0.0.0/8 : 192.0.2.0/28 : 2001:db8::/32
addresslist people = joe@a.test : *@b.test : ^x.*@
localpartlist users = joe : jane : ^adm
'''
DOMAINS = ['a.test', 'b.test', 'x.b.test', 'c.b.test', 'd.c.b.test', 'A.TEST', 'mail3.r.test', 'r.test', 'www.r.test', 'host.test', 'box.test', 'ab.test', 'far.test']
LOCALS = ['joe', 'jane', 'admin', 'adm', 'x1', 'JOE', 'joe+x', 'a.b', 'postmaster', 'root']
CLIENTS = ['192.0.2.1', '192.0.2.2', '10.1.2.3', '203.0.113.9', '2001:db8::5', '127.0.0.1']
WORDS = {
    'domain': ['a.test', 'b.test', '*.b.test', '*test', '*.test', '*', 'A.Test', 'c.b.test', '@', '@[]', '+local_domains', '+others', r'^\Nmail\d+\.\N', r'^\N.*\.r\.test$\N',
               'lsearch;@DIR@/plain', 'lsearch;@DIR@/partners', 'lsearch*;@DIR@/partners', 'partial-lsearch;@DIR@/partners', 'partial1-lsearch;@DIR@/partners',
               'partial(.)lsearch;@DIR@/plain', 'nwildlsearch;@DIR@/wild', 'dsearch;@DIR@/there', 'cdb;@DIR@/plain.cdb', 'partial-cdb;@DIR@/plain.cdb', '@DIR@/names', '@mx_any',
               '@mx_primary', '@mx_any/ignore=127.0.0.1', '', '$primary_hostname', '${lc:B.TEST}'],
    'host': ['192.0.2.1', '192.0.2.0/28', '192.0.2.0/24', '10.0.0.0/8', '2001:db8::/32', '2001:db8::5', '*', '@[]', '@', '+nets', 'client.test', '*.test', 'hostname.test',
             r'^\Ncl.*\.test$\N', 'net-lsearch;@DIR@/plain', 'net24-lsearch;@DIR@/plain', 'net-iplsearch;@DIR@/nets', 'lsearch;@DIR@/plain', 'net32-lsearch;@DIR@/plain',
             '@DIR@/hosts', '0.0.0.0/0', '127.0.0.1', ''],
    'address': ['joe@a.test', '*@b.test', '*@*.b.test', 'a.test', '*.b.test', '*@a.test', r'^\Njoe@.*\N', r'^\N.*@c\.b\.test$\N', '+people', '@@lsearch;@DIR@/lists', 'lsearch;@DIR@/plain',
                'lsearch*@;@DIR@/partners', '*@+local_domains', '@DIR@/names', '', 'JOE@a.test', 'postmaster@*', '*', 'nwildlsearch;@DIR@/wild', '+local_domains', '@'],
    'local_part': ['joe', 'jane', '^adm', '*x', '*', '+users', 'lsearch;@DIR@/plain', 'JOE', r'^\N[a-z]\d$\N', 'nwildlsearch;@DIR@/wild', '@DIR@/names', '', 'root', 'postmaster'],
}
BROKEN = ['^(', '+nosuch', 'nosuch;@DIR@/plain', '10.0.0.0/64', '@DIR@/not-there', 'lsearch;@DIR@/not-there', 'lsearch;relative', 'net99-lsearch;@DIR@/plain', '1.2.3', '^*']
CONDITIONS = {'domain': 'domains', 'host': 'hosts', 'address': 'recipients', 'local_part': 'local_parts'}
BATCH = 50


def any_list(kind, r, broken):
    separator, begin = r.choice([(' : ', ''), (' : ', ''), (' , ', '<, '), (' ; ', '<; '), (' | ', '<| ')])
    words = []
    for _ in range(r.choice([1, 1, 2, 2, 3, 4, 6])):
        word = r.choice(BROKEN) if r.random() < broken else r.choice(WORDS[kind])
        if kind == 'host' and r.random() < 0.03:
            words.append(r.choice(['+include_unknown', '+ignore_unknown', '+include_defer', '+ignore_defer']))
        words.append(r.choice(['', '', '', '', '!', '! ']) + word)
    words = [w.replace(separator.strip(), separator.strip() * 2) for w in words]  # doubled, it is a character of the item
    return begin + separator.join(words)


class Lists:
    def __init__(self, pair, seed):
        self.pair, self.r = pair, random.Random(seed)
        self.same = self.different = self.known = self.refused = 0
        for name, text in FILES.items():
            h.write(pair.d(name), text)
        h.write(pair.d('lists'), 'a.test: joe : jane\nb.test: ! root : *\nc.b.test: !joe : >chain\nchain: jane : !adm : *\nr.test: !joe\n'
                'x.b.test: !jane : >nowhere\n*: postmaster\n')
        for name in ('a.test', 'x.b.test'):
            h.write(pair.d('there', name), '')
        write_cdb(pair.d('plain.cdb'), [(b'a.test', b'one'), (b'b.test', b'two'), (b'joe', b'the user')])

    def address(self):
        return '%s@%s' % (self.r.choice(LOCALS), self.r.choice(DOMAINS))

    def loadable(self, text):
        """The configuration, and the lines (from 1) in which remex finds an error."""
        self.pair.configure(text)
        r = subprocess.run([h.BIN, 'check', '-C', self.pair.conf, '--json'], capture_output=True, text=True, errors='replace', timeout=60)
        return {d['line'] for d in json.loads(r.stdout) if d['code'].startswith('E')}

    def report(self, what, ours, theirs):
        if ours == theirs:
            self.same += 1
        elif any(re.search(a, what) and re.search(b, ours) and re.search(c, theirs) for _, a, b, c in KNOWN):
            self.known += 1
        else:
            self.different += 1
            if self.different <= int(os.environ.get('SHOW', '25')):
                print('LIST     %s\n   remex    %s\n   oracle   %s' % (what, ours, theirs))

    # ------------------------------------------------------------ ACLs

    def acl_config(self, cases, left_out=()):
        out = [CONFIG + 'acl_smtp_rcpt = t$rcpt_count\nrecipients_max = 1000\nsmtp_accept_max_nonmail = 1000\nsmtp_max_synprot_errors = 1000\nbegin acl']
        for i, (kind, text, _) in enumerate(cases, 1):
            data = {'domain': '$domain_data', 'local_part': '$local_part_data', 'host': '$host_data', 'address': '$recipient_data'}[kind]
            out += ['t%d:' % i] + ([] if i in left_out else ['  accept %s = %s' % (CONDITIONS[kind], text), '         message = yes %d <%s>' % (i, data)])
            out += ['  deny message = no']
        return '\n'.join(out) + '\nbegin routers\nbegin transports\n'

    def session(self, cases):
        lines = ['EHLO client.test', 'MAIL FROM:<me@far.test>'] + ['RCPT TO:<%s>' % a for _, _, a in cases] + ['QUIT']
        return '\r\n'.join(lines) + '\r\n'

    def replies(self, binary, client, cases):
        out = self.pair.run(binary, ['-bh', client], self.session(cases))[1].replace('\r', '')
        found = [m.group(0) for m in re.finditer(r'(?:^\d{3}-.*\n)*^\d{3} .*', out, re.M)]
        found = [re.sub(r'^(\d{3} )\d\.\d\.\d+ ', r'\1', f) for f in found[3:3 + len(cases)]]
        return found + ['(none)'] * (len(cases) - len(found))

    def acls(self, count):
        while count > 0:
            cases = []
            for _ in range(min(BATCH, count)):
                kind = self.r.choice(list(WORDS))
                cases.append((kind, any_list(kind, self.r, 0.04), self.address()))
            count -= len(cases)
            text = self.acl_config(cases)
            lines = text.replace('@HEAD@', _pair.HEAD).split('\n')
            errors = self.loadable(text)
            bad = {int(m.group(1)) for n in errors for m in [self.owner(lines, n)] if m}
            client = self.r.choice(CLIENTS)
            self.refused += len(bad)
            self.pair.configure(self.acl_config(cases, bad))
            ours, theirs = self.replies(h.BIN, client, cases), self.replies(self.pair.oracle, client, cases)
            for i, (case, mine, other) in enumerate(zip(cases, ours, theirs), 1):
                if i not in bad:
                    self.report('%s = %s   for <%s> from %s' % (CONDITIONS[case[0]], case[1], case[2], client), mine, other)

    def owner(self, lines, number):
        for n in range(min(number, len(lines)) - 1, -1, -1):
            m = re.match(r'[tr](\d+):$', lines[n])
            if m:
                return m
        return None

    # ------------------------------------------------------------ routers

    def router_config(self, cases, left_out=()):
        out = [CONFIG + 'begin routers']
        for i, (domains, locals_) in enumerate(cases, 1):
            if i not in left_out:
                out += ['r%d:' % i, '  driver = accept', '  domains = ' + domains, '  local_parts = ' + locals_, '  transport = t%d' % i]
        out += ['begin transports'] + ['t%d:\n  driver = appendfile\n  file = /dev/null' % i for i in range(1, len(cases) + 1)]
        return '\n'.join(out) + '\n'

    def tested(self, binary, addresses):
        """For each address the router that takes it, "undeliverable" or "deferred". Where a file cannot be opened the oracle dies
        ("PANIC DIE"): that is its way to defer, and it is asked again for the rest."""
        found = []
        while len(found) < len(addresses):
            _, out, err = self.pair.run(binary, ['-bt', *addresses[len(found):]])
            for a in addresses[len(found):]:
                m = re.search(r'(?m)^%s(?:\n  router = (\w+)| is (undeliverable)| cannot be resolved at this time(.*))' % re.escape(a), out)
                if not m:
                    found.append('deferred' if 'PANIC DIE' in err + out else '(nothing)')
                    break
                found.append(m.group(1) or m.group(2) or 'deferred')
        return found

    def rules(self, cases, *found):
        """The lists of the routers that the answers name, or all of them."""
        named = [int(f[1:]) for f in found if re.match(r'r\d', f)]
        return ['%s & %s' % pair for i, pair in enumerate(cases, 1) if not named or i <= min(named)]

    def routers(self, count):
        while count > 0:
            cases = [(any_list('domain', self.r, 0.02), any_list('local_part', self.r, 0.02)) for _ in range(8)]
            count -= 2 * len(cases)
            text = self.router_config(cases)
            lines = text.replace('@HEAD@', _pair.HEAD).split('\n')
            bad = {int(m.group(1)) for n in self.loadable(text) for m in [self.owner(lines, n)] if m}
            self.refused += len(bad)
            self.pair.configure(self.router_config(cases, bad))
            addresses = list(dict.fromkeys(self.address() for _ in range(20)))
            ours, theirs = self.tested(h.BIN, addresses), self.tested(self.pair.oracle, addresses)
            for a, mine, other in zip(addresses, ours, theirs):
                if mine != other:
                    self.report('-bt %s: %s' % (a, self.rules(cases, mine, other)), mine, other)
                else:
                    self.same += 1


def main():
    words = sys.argv[1:]
    seeds = []
    while '--seed' in words:
        i = words.index('--seed')
        seeds.append(int(words[i + 1]))
        del words[i:i + 2]
    count = int(words[0]) if words else 500
    pair = _pair.Pair()
    failed = False
    try:
        fresh = [random.SystemRandom().randrange(1 << 30)] if os.environ.get('REMEX_FRESH') else []
        for seed in (seeds or [20240601]) + fresh:
            lists = Lists(pair, seed)
            lists.acls(count * 3 // 4)
            lists.routers(count - count * 3 // 4)
            print('seed %d: %d answers the same, %d different, %d known differences, %d lists refused at load'
                  % (seed, lists.same, lists.different, lists.known, lists.refused), flush=True)
            failed = failed or lists.different > (count // 250 if seed in fresh else 0)
    finally:
        pair.close()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
