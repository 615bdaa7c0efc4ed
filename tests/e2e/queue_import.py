#!/usr/bin/env python3
"""remex queue import: real spools made by Exim (when it is here), and damaged or hostile ones made by hand."""
# timeout: 240
import fcntl
import glob
import os
import re
import shutil
import signal
import subprocess

import harness as h
from peers import Sink

if os.geteuid() != 0:
    h.skip('needs root')
h.enter_namespace()
D = h.Dir()
ORACLE = next((p for p in (os.environ.get('REMEX_ORACLE'), os.path.join(h.SOURCE, 'build/oracle/exim'), shutil.which('oracle-exim'))
               if p and os.access(p, os.X_OK)), None)
SAID = []  # MAIL and RCPT commands of all sessions
SINK = Sink()
SINK.replies.update({'EHLO': '250-sink.test\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 PIPELINING',
                     'MAIL': SAID.append, 'RCPT': SAID.append})
# The same text for both programs; SPOOL and the user differ.
CONF = r'''
primary_hostname = mx.test
qualify_domain = box.test
spool_directory = @SPOOL@
log_file_path = @D@/log/@WHO@-%slog
exim_user = mail
exim_group = mail
exim_path = @EXIM@
keep_environment =
trusted_users = root
smtp_accept_max_nonmail = 100
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
bounce_return_size_limit = 0
@EXTRA@
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept

begin acl
acl_mail:
  accept set acl_c0 = conn value
         set acl_c_foo = $sender_helo_name
acl_rcpt:
  accept set acl_m_bar = line1\nline2
         set acl_m_size = ${strlen:$local_part}
         control = utf8_downconvert/-1

begin rewrite
old@box.test new@box.test

begin routers
same:
  driver = redirect
  local_parts = same
  data = same@box.test, late@box.test
again:
  driver = accept
  local_parts = again
  unseen
  transport = good
again2:
  driver = accept
  local_parts = again
  unseen
  transport = good
hold:
  driver = redirect
  allow_defer
  condition = ${if exists{@D@/hold}}
  local_parts = ! good : ! fan : ! slow : ! same
  data = :defer: not yet
fan:
  driver = redirect
  local_parts = fan
  data = good@box.test, other@box.test
slow:
  driver = accept
  local_parts = slow
  transport = slow
good:
  driver = accept
  local_parts = good : same
  transport = good
smart:
  driver = manualroute
  route_list = * 127.0.0.1 byname
  self = send
  transport = smart

begin transports
good:
  driver = pipe
  command = /bin/sh @D@/count.sh
  user = mail
slow:
  driver = pipe
  command = /bin/sh @D@/slow.sh
  user = mail
smart:
  driver = smtp
  port = @PORT@
  hosts_avoid_tls = *
  headers_add = X-Vars: $acl_c0 $acl_c_foo $acl_m_bar $acl_m_size $sender_host_address $authenticated_id $received_protocol
@SMART@

begin retry
* * F,1d,15m
'''


def conf(who, spool, exim='/nonexistent', extra='', smart=''):
    text = CONF
    for k, v in dict(SPOOL=spool, WHO=who, EXIM=exim, EXTRA=extra, SMART=smart, PORT=str(SINK.port), D=D.path).items():
        text = text.replace('@%s@' % k, v)
    return h.write(D(who + '.conf'), text)


os.makedirs(D('log'))
os.makedirs(D('mine'))
h.write(D('count.sh'), 'cat >/dev/null\necho $LOCAL_PART >> %s\n' % D('log/counted'))
h.write(D('slow.sh'), 'cat >/dev/null\necho > %s\nwhile [ ! -e %s ]; do sleep 0.1; done\n' % (D('log/waiting'), D('log/go')))
subprocess.run(['chown', '-R', 'mail:mail', D('log'), D('mine')], check=True)
MINE = conf('remex', D('mine'), extra='enhanced_status_codes_advertise_hosts =\n', smart='  allow_localhost\n')


def remex(*args, rc=0, binary=False):
    r = subprocess.run([h.BIN, '-C', MINE, *args], capture_output=True, timeout=60)
    h.equal(r.returncode, rc, 'status of %s: %s%s' % (args, r.stdout, r.stderr))
    return r.stdout if binary else r.stdout.decode('latin-1')


def take(*args, rc=0):
    """(ids, what was said on standard error)"""
    r = subprocess.run([h.BIN, 'queue', '-C', MINE, 'import', *args], capture_output=True, text=True, errors='replace', timeout=60)
    h.equal(r.returncode, rc, 'status of import %s: %s%s' % (args, r.stdout, r.stderr))
    return r.stdout.split(), r.stderr


def queued():
    return remex('-bpi').split()


def clear():
    if queued():
        remex('-Mrm', *queued())


# ---- spools by Exim

class Exim:
    def __init__(self, name, extra):
        self.spool = D(name)
        os.mkdir(self.spool)
        h.own_as_oracle(self.spool, ORACLE)
        self.conf = conf(name, self.spool, ORACLE, extra)
        text = open(self.conf).read().replace('exim_user = mail\nexim_group = mail\n', '')
        open(self.conf, 'w').write(text.replace('  hosts_avoid_tls = *', '  hosts_avoid_tls = *\n  hosts_try_chunking =', 1))
        os.chmod(D('log'), 0o777)

    def run(self, *args, data=b'', rc=0):
        r = subprocess.run([ORACLE, '-C', self.conf, *args], input=data, capture_output=True, timeout=60)
        h.equal(r.returncode, rc, 'oracle %s: %s%s' % (args, r.stdout, r.stderr))
        return r.stdout

    def ids(self):
        return re.findall(r'\b\w{6}-\w{6,11}-\w{2,4}\b', self.run('-bp').decode())

    def files(self, kind):
        return sorted(glob.glob(self.spool + '/**/input/**/*-' + kind, recursive=True))

    def local(self, sender, to, text, *options):
        before = set(self.ids())
        self.run('-odq', '-oi', *options, '-f', sender, *to, data=text)
        return (set(self.ids()) - before).pop()

    def smtp(self, lines, *options):
        before = set(self.ids())
        out = self.run('-odq', '-bs', *options, data=lines)
        new = set(self.ids()) - before
        h.check(new, out)
        return new.pop()

    def fill(self):
        """One message of each kind; {kind: id}."""
        m = {}
        m['plain'] = self.local('s@box.test', ['u@box.test', 'v@box.test'], b'Subject: plain\n\nBody one\n.\n..two\n')
        m['null'] = self.local('<>', ['u@box.test'], b'Subject: bounce\nX-Folded: a\n b\n\nBody\n')
        m['rewritten'] = self.local('old@box.test', ['u@box.test'], b'From: old@box.test\nTo: u@box.test, old@box.test\n\nx\n')
        m['large'] = self.local('s@box.test', ['u@box.test'], b'Subject: large\n\n' + b'y' * 70 + b'\n' + (b'z' * 75 + b'\n') * 20000)
        m['empty'] = self.local('s@box.test', ['u@box.test'], b'Subject: no body\n\n')
        m['frozen'] = self.local('s@box.test', ['u@box.test'], b'Subject: frozen\n\nx\n')
        self.run('-Mf', m['frozen'])
        head = b'EHLO c.test\r\nMAIL FROM:<"a b"@c.test> RET=HDRS ENVID=abc+20d BODY=8BITMIME\r\n'
        m['dsn'] = self.smtp(head + b'RCPT TO:<u@box.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+2Bo@box.test\r\n'
                             b'RCPT TO:<v@box.test> NOTIFY=NEVER\r\nRCPT TO:<w@box.test> NOTIFY=FAILURE\r\nDATA\r\nSubject: dsn\r\n'
                             b'From: x@y.test\r\n\r\n\xe4 \xf6\r\n..dot\r\nnul\0x\r\n.\r\nQUIT\r\n',
                             '-oMa', '192.0.2.7.1234', '-oMi', '127.0.0.1.25', '-oMs', 'client.test', '-oMaa', 'cram', '-oMai', 'auth id',
                             '-oMas', 'snd@x.test')
        body = b'Subject: wire\r\nX-a: 1\r\n\t2\r\n\r\nbody\r\n.line\r\nlast\r\n'
        m['wire'] = self.smtp(b'EHLO c.test\r\nMAIL FROM:<s@c.test> SMTPUTF8\r\nRCPT TO:<u@box.test>\r\nBDAT %d LAST\r\n%sQUIT\r\n'
                              % (len(body), body), '-oMa', '192.0.2.8')
        h.write(D('hold'), '')
        m['partly'] = self.local('s@box.test', ['good@box.test', 'fan@box.test', 'third@box.test'], b'Subject: partly\n\nx\n')
        m['names'] = self.local('s@box.test', ['same@box.test', 'again@box.test'], b'Subject: names\n\nx\n')
        before = len(self.counted())
        self.run('-M', m['partly'])
        self.run('-M', m['names'])
        h.equal(sorted(self.counted()[before:]), ['again', 'again', 'good', 'same'], 'deliveries by Exim')
        os.unlink(D('hold'))
        return m

    @staticmethod
    def counted():
        return open(D('log/counted')).read().split() if os.path.exists(D('log/counted')) else []

    def cut_off(self):
        """A message whose delivery is killed after its first recipient: there is a journal. Which recipient comes first is Exim's choice."""
        return next(i for i in (self.try_to_cut_off(to) for to in (['slow', 'good'], ['good', 'slow'])) if i)

    def try_to_cut_off(self, to):
        i = self.local('s@box.test', [x + '@box.test' for x in (*to, 'GOOD2')], b'Subject: cut off\n\nx\n')
        h.write(D('hold'), '')
        for name in ('waiting', 'go'):
            if os.path.exists(D('log', name)):
                os.unlink(D('log', name))
        p = subprocess.Popen([ORACLE, '-C', self.conf, '-M', i])
        h.wait_for(lambda: os.path.exists(D('log/waiting')), what='the slow command')
        if not any(os.path.getsize(f) for f in self.files('J')):  # the slow one came first: let it end
            h.write(D('log/go'), '')
            p.wait()
            os.unlink(D('hold'))
            self.run('-Mrm', i)
            return None
        got, said = take('--dry-run', self.spool, rc=1)
        h.check(i not in got and '%s-D is locked by a running Exim: left alone' % i in said, said)
        for pid in os.listdir('/proc'):
            if pid.isdigit() and pid != str(os.getpid()):
                try:
                    args = open('/proc/%s/cmdline' % pid, 'rb').read()
                except OSError:
                    continue
                if self.conf.encode() in args and i.encode() in args:
                    os.kill(int(pid), signal.SIGKILL)
        p.wait()
        h.write(D('log/go'), '')
        os.unlink(D('hold'))
        return i


def items(text):
    """-Mvh without what is not kept or told otherwise."""
    head, _, headers = text.partition('\n\n')
    lines = [x for x in head.split('\n') if not re.match(r'-(allow_unqualified|tls_resumption|local$|spool_file|body_linecount)', x)]
    headers = re.sub(r'(?m)^\d+\* .*\n(?:[ \t].*\n)*', '', headers)
    # From 4.98 on the word utf8 stands in the file's protocol; here it is added when asked for.
    return sorted(x.replace('_protocol utf8', '_protocol ') for x in lines), headers


def delivered(run, ids):
    """Delivers through the sink; {id: (commands, message)}. Exim 4.96 does not say BODY=8BITMIME when it passes such a body on."""
    out = {}
    for i in ids:
        SAID.clear()
        n = len(SINK.messages)
        run(i)
        h.check(len(SINK.messages) > n, '%s was not delivered' % i)
        out[i] = (sorted(re.sub(' SIZE=[0-9]+| BODY=8BITMIME', '', x) for x in SAID),
                  sorted(m[2] for m in SINK.messages[n:]))
    return out


def compare_spool(name, extra):
    exim = Exim(name, extra)
    m = exim.fill()
    journal = exim.cut_off()
    heads = {i: exim.run('-Mvh', i).decode('latin-1') for i in exim.ids()}
    bodies = {i: exim.run('-Mvb', i) for i in exim.ids()}
    listing = exim.run('-bp').decode()
    got, said = take('--dry-run', exim.spool)
    h.equal((got, queued()), ([], []), 'a dry run')
    h.check('%d messages can be imported' % len(heads) in said, said)
    got, said = take(exim.spool)
    h.equal(sorted(got), sorted(heads), 'imported')
    h.check('an Exim that runs there would deliver' in said, said)
    h.equal(take(exim.spool)[0], [], 'imported twice')
    skipped = {journal, m['partly'], m['names']}  # their trees are told apart below
    h.equal(remex('-bp').replace('\n\n', '\n').count('\n'), listing.replace('\n\n', '\n').count('\n'), 'lines of -bp')
    for entry in listing.strip('\n').split('\n\n'):
        if not any(i and i in entry for i in skipped) and m['wire'] not in entry:
            h.check(re.sub(r'^ *\w+ ', '', entry) in remex('-bp'), '%s not in %s' % (entry, remex('-bp')))
    for kind, i in m.items():
        if i not in skipped:
            h.equal(items(remex('-Mvh', i)), items(heads[i]), '-Mvh of ' + kind)
        wanted = bodies[i] if kind != 'wire' else bodies[i].replace(b'\r\n', b'\n')
        h.equal(remex('-Mvb', i, binary=True), wanted, '-Mvb of ' + kind)
    log = open(D('log/remex-mainlog')).read()
    h.check('%s imported from %s' % (m['plain'], exim.spool) in log, log)
    # What was delivered already is not delivered again; the rest is what Exim would send.
    counted = open(D('log/counted')).read()
    want = delivered(lambda i: exim.run('-M', i), m.values())
    h.equal(open(D('log/counted')).read(), counted, 'Exim repeated a delivery')
    have = delivered(lambda i: remex('-M', i), m.values())
    h.equal(open(D('log/counted')).read(), counted, 'a finished child was delivered again')
    for kind, i in m.items():
        mine, theirs = ([re.sub(rb'(?m)^\tby mx.test with .*\n', b'', x) for x in side[i][1]] for side in (have, want))
        h.equal(mine, theirs, 'delivered: ' + kind)
        if kind != 'wire':  # Exim 4.96 announces SMTPUTF8 though everything was made ASCII
            h.equal(have[i][0], want[i][0], 'commands: ' + kind)
    h.equal([open(f).read() for f in exim.files('J')], ['good@box.test\n'], 'the journal')
    remex('-M', journal)
    h.equal(open(D('log/counted')).read(), counted, 'what the journal calls delivered was delivered again')
    h.equal(queued(), [], 'after the deliveries')
    h.equal(take(exim.spool)[0], [], 'delivered messages were imported again')
    clear()


def test_flat_spool():
    if not ORACLE:
        return print('     (no oracle)')
    compare_spool('flat', 'split_spool_directory = false\n')


def test_split_spool_in_wire_format():
    if not ORACLE:
        return print('     (no oracle)')
    compare_spool('split', 'split_spool_directory = true\nspool_wireformat = true\n')


def test_named_queue():
    if not ORACLE:
        return print('     (no oracle)')
    exim = Exim('named', '')
    i = exim.local('s@box.test', ['u@box.test'], b'Subject: a\n\nx\n')
    exim.run('-MG', 'slow', i)
    h.equal(take(exim.spool)[0], [i], 'imported')
    h.equal((queued(), re.findall(i, remex('-bp', '-qGslow'))), ([], [i]), 'queue')
    remex('-Mrm', i)


# ---- spools by hand

OLD, NEW = '1xUnsX-0003Ot-0I', '1xUnsX-000000003Ot-2h0I'


def spool(name, owner='mail'):
    folder = D(name)
    os.makedirs(folder + '/input')
    shutil.chown(folder + '/input', owner)
    return folder


def put(folder, ident=OLD, head=None, data=None, where='input', **kw):
    h.check(not kw, kw)
    text = '%s-H\nmail 8 8\n<s@box.test>\n1795278233 0\n-body_linecount 1\nXX\n1\nu@box.test\n\n014  Subject: hand\n' % ident
    for kind, content in (('H', text if head is None else head and head.replace('@ID@', ident)), ('D', '%s-D\nx\n' % ident if data is None else data)):
        if content is not False:
            path = h.write(os.path.join(folder, where, '%s-%s' % (ident, kind)), content)
            shutil.chown(path, 'mail')
            shutil.chown(os.path.dirname(path), 'mail')
    return os.path.join(folder, where, ident)


def test_both_forms_of_ids_and_moving_aside():
    folder = spool('hand')
    put(folder, OLD)
    put(folder, NEW, where='input/X')
    os.mkdir(D('aside'))
    h.write(os.path.join(folder, 'input', 'hdr.1234'), 'unfinished')
    h.equal(take('--move-to', D('nowhere'), folder, rc=66)[0], [], 'no such folder to move to')
    got, said = take('--move-to', D('aside'), folder)
    h.equal(sorted(got), sorted([OLD, NEW]), 'imported')
    h.equal(sorted(os.listdir(D('aside'))), sorted('%s-%s' % (i, k) for i in (OLD, NEW) for k in 'DH'), 'moved')
    h.equal(sorted(os.listdir(os.path.join(folder, 'input/X')) + os.listdir(os.path.join(folder, 'input'))), ['X', 'hdr.1234'], 'left')
    h.check('an Exim that runs there' not in said, said)
    # The same message again, as after a crash between commit and move: moved, not taken; nothing is written over.
    put(folder, OLD)
    got, said = take('--move-to', D('aside'), folder, rc=1)
    h.check(not got and 'was not moved to' in said and 'File exists' in said, said)
    for name in os.listdir(D('aside')):
        os.unlink(D('aside', name))
    got, said = take('--move-to', D('aside'), folder)
    h.check(not got and '1 imported before' in said and len(os.listdir(D('aside'))) == 2, said)
    # Another message of that id is no repetition.
    put(folder, OLD, head='@ID@-H\nmail 8 8\n<>\n1795279999 0\nXX\n1\nu@box.test\n\n014  Subject: hand\n')
    got, said = take(folder, rc=1)
    h.check(not got and 'another message with the id %s was imported before' % OLD in said, said)
    clear()


def test_damaged_and_hostile_files():
    folder = spool('bad')
    good = '@ID@-H\nmail 8 8\n<s@box.test>\n1795278233 0\n%sXX\n1\nu@box.test\n\n014  Subject: hand\n'
    ids = iter('1xUnsX-00%02dOt-0I' % n for n in range(100))
    want = {}

    def bad(says, **kw):
        path = put(folder, next(ids), **kw)
        want[path] = says
        return path

    bad(r'-H:1: ', head='')
    bad(r'-H:1: ', head='1xUnsX-9999Ot-0I-H\n')
    bad(r'-H:6: .*count', head='@ID@-H\nmail 8 8\n<s@box.test>\n1795278233 0\nXX\n99999999999\nu@box.test\n\n')
    bad(r'-H:5: -aclm', head=good % '-aclm x 99999999\nabc\n')
    bad(r'-H:5: -N', head=good % '-N\n')
    bad(r'-H:3: ', head=(good % '').replace('s@box', 's\x01@box'))
    bad(r'-H:9: ', head=(good % '').replace('014  Subject: hand\n', '020  Subject: hand\n\nbody\n'))
    bad(r'-D:1: ', data='')
    bad(r'-D:1: ', data='someone-else-D\nx\n')
    bad(r'-D: 3 lines, where .*-H says 1', data='%s-D\n1\n2\n3\n' % '1xUnsX-0009Ot-0I')
    bad(r'-H is there, .*-D is not', data=False)
    bad(r'-D is there, .*-H is not', head=False)
    secret = h.write(D('secret'), '%s-D\nsecret\n' % '1xUnsX-0012Ot-0I', 0o600)
    p = bad(r'-D is a symbolic link', data=False)
    os.symlink(secret, p + '-D')
    p = bad(r'-D has more than one name', data=False)
    os.link(secret, p + '-D')
    p = bad(r'-D is no plain file', data=False)
    os.mkfifo(p + '-D')
    p = bad(r'-D belongs to uid 0', data=False)
    h.write(p + '-D', '%s-D\nx\n' % os.path.basename(p), 0o600)
    p = bad(r'-J:2: not an address')
    h.write(p + '-J', 'u@box.test\n\n')
    shutil.chown(p + '-J', 'mail')
    os.symlink('/', os.path.join(folder, 'input', 'Z'))
    fine = put(folder, '1xUnsX-0099Ot-0I')
    got, said = take(folder, rc=1)
    h.equal(got, [os.path.basename(fine)], 'taken')
    for path, says in want.items():
        h.check(re.search(re.escape(path) + says, said) or re.search(re.escape(os.path.basename(path)) + says, said), '%s%s in\n%s' % (path, says, said))
    h.check(re.search(r'cannot open the folder .*/Z: ', said), said)
    h.check('%d refused' % (len(want) + 1) in said, said)
    h.equal(queued(), got, 'queue')
    h.equal(os.path.exists(fine + '-D') and os.path.exists(list(want)[0] + '-H'), True, 'the source is as it was')
    clear()


def test_locked_finished_and_unknown_items():
    folder = spool('more')
    locked = put(folder, '1xUnsX-1001Ot-0I')
    done = put(folder, '1xUnsX-1002Ot-0I', head='@ID@-H\nmail 8 8\n<s@box.test>\n1795278233 0\nNN u@box.test\n1\nu@box.test\n\n014  Subject: hand\n')
    strange = put(folder, '1xUnsX-1003Ot-0I', head='@ID@-H\nmail 8 8\n<s@box.test>\n1795278233 0\n-from_the_future 1\nXX\n1\nu@box.test\n\n014  Subject: hand\n')
    with open(locked + '-D', 'r+') as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        got, said = take(folder, rc=1)
    h.equal(got, [os.path.basename(strange)], 'taken')
    for line in (locked + '-D is locked by a running Exim: left alone', done + '-H: every recipient is finished, nothing to take',
                 'not kept, since it has no meaning here: -from_the_future (1 times)', '1 message imported, 1 finished, 1 locked'):
        h.check(line in said, '%s in %s' % (line, said))
    h.equal(take(folder)[0], [os.path.basename(locked)], 'when the lock is gone')
    clear()


def test_arguments():
    for args in ((), ('--what', '/x'), ('/x', '/y'), ('--move-to',)):
        h.check('Usage: remex queue' in take(*args, rc=64)[1], args)
    h.check("has no folder \"input\": give Exim's spool_directory" in take(D('log'), rc=66)[1], 'not a spool')
    h.check('cannot open the folder /nonexistent: No such file or directory' in take('/nonexistent', rc=66)[1], 'no folder')
    # Whoever may not read the files is told so.
    folder = spool('private')
    put(folder)
    os.chmod(folder, 0o700)
    h.write(D('user.conf'), open(MINE).read().replace('exim_user = mail\nexim_group = mail\n', '').replace(D('mine'), D('user-spool')).replace(D('log'), D('user-log')))
    for name in ('user-spool', 'user-log'):
        os.mkdir(D(name))
        shutil.chown(D(name), 'games')
    r = subprocess.run([h.BIN, 'queue', '-C', D('user.conf'), 'import', folder], capture_output=True, text=True, user='games')
    h.check(r.returncode == 66 and 'Permission denied' in r.stderr, r)


def test_a_spool_that_cannot_be_written_stops_at_once():
    folder = spool('full')
    for n in range(5):
        put(folder, '1xUnsX-20%02dOt-0I' % n)
    h.write(D('full.conf'), open(MINE).read().replace(D('mine'), D('mine-not')))
    os.makedirs(D('mine-not/db'))
    os.mkdir(D('mine-not/db/spool.sqlite'))
    shutil.chown(D('mine-not/db'), 'mail')
    r = subprocess.run([h.BIN, 'queue', '-C', D('full.conf'), 'import', folder], capture_output=True, text=True)
    h.check(r.returncode != 0 and 'spool.sqlite' in r.stderr, r)
    h.check(os.path.exists(os.path.join(folder, 'input/1xUnsX-2000Ot-0I-H')), 'the source')


def teardown():
    SINK.stop()
    D.remove()


h.main()
