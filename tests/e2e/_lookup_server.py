"""What the tests of server lookups share: real servers in temporary folders, a remex that asks them in its RCPT ACL, and the cases
that hold for every type: found, not found, hostile keys, server gone, server back, server that never answers."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import examples
import harness as h

HOSTILE = ["x'or'1'='1", "x';drop/**/table/**/users;--", 'x"or"1', "x\\'or/**/1=1", 'x*', 'x)(uid=*', 'get%20x', '..', '$1', '{x}', "x\\"]


def need(*programs):
    for p in programs:
        if not os.path.exists(p) and not shutil.which(p):
            h.skip('%s is not installed' % p)


def account(name):
    """The user to run a server as: root may not, everyone else is himself."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError:
        h.skip('no user ' + name)


class Folder:
    """A folder below /tmp that another user may own; short, because sockets live in it."""

    def __init__(self, owner=None):
        self.path = tempfile.mkdtemp(prefix='rx-')
        os.chmod(self.path, 0o755)
        if owner:
            os.chown(self.path, owner.pw_uid, owner.pw_gid)

    def __call__(self, *parts):
        return os.path.join(self.path, *parts)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """A server process: start() waits until ready() is true, stop() ends it by its pid."""

    def __init__(self, command, ready, user=None, env=None, end=signal.SIGTERM):
        self.command, self.ready, self.user, self.env, self.end = command, ready, user, env, end
        self.proc = None

    def start(self):
        who = {}
        if self.user:
            who = {'user': self.user.pw_uid, 'group': self.user.pw_gid, 'extra_groups': []}
        self.output = tempfile.TemporaryFile()
        self.proc = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, cwd='/',
                                     env=self.env, **who)
        h.wait_for(self.is_ready, 60, lambda: 'server %s: %s' % (self.command[0], self.text()))
        return self

    def is_ready(self):
        if self.proc.poll() is not None:
            raise h.Failed('%s ended: %s' % (self.command[0], self.text()))
        return self.ready()

    def text(self):
        self.output.seek(0)
        return self.output.read()[-2000:].decode('latin-1')

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(self.end)
            try:
                self.proc.wait(60)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()


class Tarpit:
    """Accepts and never says a word."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.held = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                self.held.append(self.listener.accept()[0])
            except OSError:
                return


CONF = '''primary_hostname = h.test
spool_directory = %(dir)s/spool
log_file_path = %(dir)s/log/%%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = %(port)d
keep_environment =
host_lookup =
exim_user = %(user)s
smtp_accept_max_nonmail = 1000
lookup_timeout = 6s
acl_smtp_rcpt = rcpt
%(main)s
begin acl
rcpt:
  accept domains = known.test
         condition = ${lookup %(query)s {yes}{no}}
         set acl_m_found = ${lookup %(query)s}
         message = found
  accept domains = slow.test
         condition = ${lookup %(slow)s {yes}{no}}
  accept domains = spare.test
         condition = ${lookup %(spare)s {yes}{no}}
  deny   message = no such user
'''


class Policy:
    """A running remex. query, slow, spare: what stands behind "${lookup" for the three domains."""

    def __init__(self, main, query, slow, spare):
        self.dir = h.Dir()
        self.port = h.free_port()
        for sub in ('spool', 'log'):
            os.makedirs(self.dir(sub), exist_ok=True)
        self.conf = self.dir('conf')
        user = pwd.getpwuid(os.geteuid()).pw_name
        h.write(self.conf, CONF % {'dir': self.dir(''), 'port': self.port, 'main': main, 'query': query, 'slow': slow, 'spare': spare,
                                   'user': user})
        self.remex = h.Remex(self.conf, [self.port]).start()
        self.mail = h.Smtp(self.port, timeout=120)
        self.mail.ehlo()

    def rcpt(self, local_part, domain='known.test'):
        """The code of RCPT, in a transaction of its own."""
        self.mail.expect('RSET', 250)
        self.mail.expect('MAIL FROM:<a@b.test>', 250)
        return self.mail.cmd('RCPT TO:<%s@%s>' % (local_part, domain))

    def log(self):
        text = ''
        for name in ('mainlog', 'paniclog', 'rejectlog'):
            try:
                with open(self.dir('log', name), errors='replace') as f:
                    text += f.read()
            except OSError:
                pass
        return text

    def stop(self):
        self.mail.close()
        self.remex.stop()


def quoted(local_part):
    return '"%s"' % local_part.replace('\\', '\\\\').replace('"', '\\"')


def check_policy(policy, server, user='alice'):
    """The cases every type must pass, in this order."""
    h.equal(policy.rcpt(user)[0], 250, 'a user who is there')
    h.equal(policy.rcpt('nobody')[0], 550, 'a user who is not')
    for key in HOSTILE:
        code, text = policy.rcpt(quoted(key))
        h.equal(code, 550, 'hostile key %r: %s; log: %s' % (key, text, policy.log()[-1500:]))
    h.equal(policy.rcpt(user)[0], 250, 'a user who is there, after hostile keys')
    started = time.monotonic()
    h.equal(policy.rcpt(user, 'slow.test')[0], 451, 'a server that does not answer')
    took = time.monotonic() - started
    h.check(5.5 < took < 90, 'the time-out of 6 s took %.1f s' % took)
    h.equal(policy.rcpt(user, 'spare.test')[0], 250, 'the second server answers when the first does not')
    server.stop()
    code, text = policy.rcpt(user)
    h.equal(code, 451, 'server down: ' + text)
    h.check('defer' in policy.log().lower() or 'failed' in policy.log().lower(), 'the log says why: ' + policy.log()[-1500:])
    server.start()
    h.wait_for(lambda: policy.rcpt(user)[0] == 250, what='the answer of a server that came back')
    h.equal(policy.rcpt('nobody')[0], 550, 'a user who is not there, after the restart')


def expand(conf, *lines):
    """Answers of remex -be, one for each line."""
    return examples.expand(conf, lines)


def compare_with_oracle(main, lines, answers):
    """The oracle must give the same answers; nothing happens where there is none or it lacks the type."""
    oracle = os.environ.get('REMEX_ORACLE') or os.path.join(h.SOURCE, 'build/oracle/exim')
    if not os.access(oracle, os.X_OK) or os.geteuid() != 0:
        return
    where = h.Dir()
    conf = where('conf')
    h.write(conf, 'primary_hostname = h.test\nspool_directory = %s\nlog_file_path = %s/%%slog\nkeep_environment =\n%s\n' % (where(''), where(''), main))
    for line, mine in zip(lines, answers):
        r = subprocess.run([oracle, '-C', conf, '-be'], input=line + '\n', capture_output=True, text=True, timeout=60)
        theirs = r.stdout[2:].removesuffix('\n> \n')
        h.equal(mine, theirs, 'the oracle says otherwise for ' + line)
