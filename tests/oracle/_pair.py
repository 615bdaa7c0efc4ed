"""Runs remex and the oracle on the same configuration and the same input, in a namespace with a name server of its own.

Case files (tests/oracle/<script>/*.t) have a [config] section and then [addresses [OPTION...]] (one a line, for -bt and -bv or these) or
[session IP [port]] sections
(lines a client sends to -bh). A line beginning with "! " inside a section says that the two are known to differ there and why; such
a section is run, not compared. @HEAD@ is replaced by settings all need, @SEED_SETUP@ by support/seed_setup.conf; @DIR@ is a scratch directory holding the mailboxes and tables of FILES.
"""
import difflib
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import harness as h

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = '''primary_hostname = host.test
qualify_domain = box.test
spool_directory = @DIR@/spool
log_file_path = @DIR@/log/%slog
keep_environment =
rfc1413_query_timeout = 0s
smtp_accept_max_nonmail = 100
'''
FILES = {
    'aliases': 'postmaster: u@box.test\nlist: u@box.test, far@far.test\nloop1: loop2@box.test\nloop2: loop1@box.test\nfails: :fail: not here any more\n'
               'waits: :defer: try later\nvoid: :blackhole:\nchain: postmaster@box.test\nquoted: "u" <u@box.test>\nmany: u, u@box.test, U@box.test\n*: u\n',
    'domains': 'a.test\n!c.b.test\n*.b.test\n',
    'table': 'plain: yes\na.test: one\nb.test: two\n*: star\n',
    'hosts': '192.0.2.0/24\n2001:db8::/32\n',
}
BOXES = ('box.test/u/topic', 'box.test/me/shop', 'box.test/blog', 'second.test/anne')
ZONE = {
    'box.test': [{'MX': [10, 'host.test']}], 'host.test': [{'A': '127.0.0.1'}],
    'far.test': [{'MX': [20, 'mx2.far.test']}, {'MX': [10, 'mx1.far.test']}], 'mx1.far.test': [{'A': '192.0.2.11'}], 'mx2.far.test': [{'A': '192.0.2.12'}],
    'aonly.test': [{'A': '192.0.2.20'}], 'nullmx.test': [{'MX': [0, '.']}], 'nothing.test': [{'TXT': 'x'}], 'slow.test': ['SERVFAIL'],
    'alias.test': [{'CNAME': 'far.test'}], 'loopback.test': [{'MX': [10, 'l.loopback.test']}], 'l.loopback.test': [{'A': '127.0.0.1'}],
    'client.test': [{'A': '192.0.2.1'}], '1.2.0.192.in-addr.arpa': [{'PTR': 'client.test'}], '2.2.0.192.in-addr.arpa': [{'PTR': 'liar.test'}],
    'liar.test': [{'A': '192.0.2.99'}], 'badmx.test': [{'MX': [10, 'missing.test']}], '2.0.0.127.bl.test': [{'A': '127.0.0.2'}],
    'bk-slow.test': [{'MX': [10, 'slow.test']}, {'MX': [20, 'host.test']}, {'MX': [30, 'mx1.far.test']}],
    '_smtp._tcp.bk-srv.test': [{'SRV': [10, 0, 25, 'slow.test']}, {'SRV': [20, 0, 25, 'host.test']}], 'xn--bcher-kva.test': [{'A': '192.0.2.21'}],
    'bk-name.test': [{'MX': [10, "a|b'$(x).test"]}, {'MX': [20, 'hy-.test']}], "a|b'$(x).test": [{'A': '192.0.2.22'}], 'hy-.test': [{'A': '192.0.2.22'}],
    '_smtp._tcp.selfsrv.test': [{'SRV': [10, 0, 25, 'host.test']}], 'selfa.test': [{'A': '127.0.0.1'}],
    'second.test': [{'MX': [10, 'mx1.far.test']}, {'MX': [20, 'host.test']}], 'mxslow.test': [{'MX': 'SERVFAIL'}, {'A': '192.0.2.23'}],
    'mxtime.test': [{'MX': 'TIMEOUT'}, {'A': '192.0.2.23'}], 'both.test': [{'A': '192.0.2.24'}, {'AAAA': '2001:db8::24'}], 'six.test': [{'AAAA': '2001:db8::25'}],
    'mxboth.test': [{'MX': [10, 'both.test']}, {'MX': [20, 'six.test']}], 'one.test': [{'MX': [10, 'mx1.far.test']}], 'two.test': [{'MX': [10, 'mx2.far.test']}],
    'equal.test': [{'MX': [10, 'eq%d.test' % i]} for i in range(1, 5)], 'equals.test': [{'MX': [10, 'eq%d.test' % i]} for i in range(1, 5)],
    **{'eq%d.test' % i: [{'A': '192.0.2.4%d' % i}] for i in range(1, 5)},
    '1.2.0.192.bl.test': [{'A': '127.0.0.2'}, {'TXT': 'listed for the test'}],
}
SPF = {  # domains of acl_session/spf.t
    's-pass.test': 'ip4:192.0.2.1 -all', 's-fail.test': '-all', 's-soft.test': '~all', 's-neutral.test': '?all', 's-perm.test': 'foo:bar',
    's-mx.test': 'mx -all', 's-inc.test': 'include:s-pass.test -all', 's-red.test': 'redirect=s-pass.test', 's-incnone.test': 'include:s-none.test -all',
    's-default.test': 'ip4:10.0.0.1', 's-a.test': 'a:client.test ~all', 's-exists.test': 'exists:%{ir}.bl.test -all', 's-ptr.test': 'ptr:client.test ?all',
    's-cidr.test': 'ip4:192.0.2.0/26 -all', 's-macro.test': 'exists:%{l1r-}.%{d2} include:s-pass.test -all', 's-v6.test': 'ip6:2001:db8::/32 -all', 'helo.test': '-all',
}
ZONE.update({name: [{'TXT': 'v=spf1 ' + terms}] for name, terms in SPF.items()})
ZONE['s-two.test'] = [{'TXT': 'v=spf1 -all'}, {'TXT': 'v=spf1 +all'}]
ZONE['s-none.test'] = [{'A': '192.0.2.9'}]
ZONE['s-mx.test'].append({'MX': [10, 'client.test']})


def find_oracle():
    for path in (os.environ.get('REMEX_ORACLE'), os.path.join(h.SOURCE, 'build/oracle/exim'), shutil.which('oracle-exim')):
        if path and os.access(path, os.X_OK):
            return path
    return None


class Pair:
    def __init__(self):
        self.oracle = find_oracle()
        if not self.oracle:
            h.skip('no oracle')
        h.enter_namespace()
        self.d = h.Dir()
        for box in BOXES:
            os.makedirs(self.d('mail', box))
        os.makedirs(self.d('log'))
        for name, text in FILES.items():
            h.write(self.d(name), text)
        self.dns = h.Dns(ZONE, 53)
        h.write(self.d('resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
        subprocess.run(['mount', '--bind', self.d('resolv.conf'), '/etc/resolv.conf'], check=True)
        subprocess.run(['chmod', '-R', 'a+rwX', self.d.path], check=True)

    def configure(self, text):
        with open(os.path.join(h.SUPPORT, 'seed_setup.conf')) as f:
            text = text.replace('@SEED_SETUP@', f.read().replace('@MAIL@', '@DIR@/mail'))
        text = text.replace('@HEAD@', HEAD).replace('@DIR@', self.d.path)
        self.conf = h.write(self.d('test.conf'), text)

    def run(self, binary, args, text=None):
        """(exit status, standard output, standard error); both programs start from an empty spool."""
        shutil.rmtree(self.d('spool'), ignore_errors=True)
        os.makedirs(self.d('spool'))
        os.chmod(self.d('spool'), 0o777)
        r = subprocess.run([binary, '-C', self.conf, *args], input=text, capture_output=True, text=True, errors='replace', timeout=60)
        return r.returncode, r.stdout.replace(self.d.path, '@DIR@'), r.stderr.replace(self.d.path, '@DIR@')

    def close(self):
        self.dns.stop()
        subprocess.run(['umount', '/etc/resolv.conf'])
        self.d.remove()


def sections(path):
    """[(kind, argument words, lines, reason or None)] in order."""
    out = []
    with open(path, encoding='utf-8') as f:
        for line in f.read().split('\n'):
            m = re.match(r'^\[(config|addresses|session)\b ?(.*)\]$', line)
            if m:
                out.append([m.group(1), m.group(2).split(), [], None])
            elif line.startswith('! '):
                out[-1][3] = line[2:]
            elif out and not (line.startswith('##') or (not line and out[-1][0] == 'addresses')):
                out[-1][2].append(line)
    for section in out:  # an empty line before the next section belongs to the layout
        while section[2] and not section[2][-1]:
            section[2].pop()
    return out


def main(script, compare, pattern='*'):
    """compare(pair, section) yields (what, remex's text, the oracle's text)."""
    pair = Pair()
    same = different = known = 0
    try:
        for path in sorted(glob.glob(os.path.join(HERE, script, pattern + '.t'))):
            name = os.path.basename(path)
            for section in sections(path):
                if section[0] == 'config':
                    pair.configure('\n'.join(section[2]) + '\n')
                    continue
                for what, ours, theirs in compare(pair, section):
                    if section[3]:
                        known += 1
                    elif ours == theirs:
                        same += 1
                    else:
                        different += 1
                        print('DIFFERENT %s: %s' % (name, what))
                        print('\n'.join(difflib.unified_diff(theirs.split('\n'), ours.split('\n'), 'oracle', 'remex', lineterm='')))
    finally:
        pair.close()
    print('%d same, %d different, %d known to differ' % (same, different, known))
    sys.exit(1 if different or not same else 0)
