#!/usr/bin/env python3
"""The worker of a daemon started by root cannot do what a mail server never does, and what it was refused is in the log."""
# timeout: 180
import contextlib
import ctypes
import errno
import os
import pwd
import re
import shutil
import signal
import sqlite3
import subprocess

import harness as h
from maildir_conf import fill

if os.geteuid() != 0:
    h.skip('needs root')
if not shutil.which('cc'):
    h.skip('needs a C compiler')
if ctypes.CDLL(None).syscall(444, None, 0, 1) < 2:  # landlock_create_ruleset, LANDLOCK_CREATE_RULESET_VERSION
    h.skip('needs a kernel with Landlock')
LIBRARY = h.Dir()
subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', LIBRARY('probe.so'), os.path.join(h.SUPPORT, 'sandbox_probe.c'), '-ldl'], check=True)
os.chmod(LIBRARY('probe.so'), 0o755)

REFUSED = ('setuid', 'setresuid', 'setgroups', 'capset', 'ptrace', 'process_vm_readv', 'unshare', 'clone', 'mount', 'chroot', 'bpf', 'io_uring_setup',
           'keyctl', 'perf_event_open', 'finit_module', 'kexec_load', 'personality')


class Server:
    def __init__(self, extra='', **kw):
        self.d = h.Dir()
        os.mkdir(self.d('outside'))
        os.chmod(self.d('outside'), 0o777)
        with open(self.d('outside/old'), 'w') as f:
            f.write('precious')
        os.chmod(self.d('outside/old'), 0o666)
        self.port = h.free_port()
        env = {'LD_PRELOAD': LIBRARY('probe.so'), 'REMEX_PROBE': self.d('outside'), **kw.pop('env', {})}
        conf = fill(self.d, self.port, extra='keep_environment = ^REMEX_PROBE\n' + extra.replace('@DIR@', self.d.path), **kw)
        with open(conf) as f:
            text = f.read()
        h.write(conf, text.replace('\nkeep_environment =\n', '\n'))
        self.remex = h.Remex(conf, [self.port], env=env)
        self.remex.start()
        self.logged('daemon started')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remex.kill()
        self.d.remove()

    def log(self, name='mainlog'):
        try:
            with open(self.d('log', name), errors='replace') as f:
                return f.read()
        except OSError:
            return ''

    def logged(self, pattern, name='mainlog'):
        return h.wait_for(lambda: re.search(pattern, self.log(name)), what=lambda: '%s in %s:\n%s' % (pattern, name, self.log(name)[-3000:]))

    def send(self, subject='x'):
        h.equal(h.send(self.port, 's@c.test', ['u@box.test'], 'Subject: %s\n\nx\n' % subject)[0], 250, 'message')

    def arrived(self, n=1, where='mail/box.test/u'):
        h.wait_for(lambda: len(h.maildir(self.d(where))) == n, what=lambda: '%d messages; log: %s' % (n, self.log()[-2000:]))

    def probe(self):
        """{what was tried: errno}"""
        h.write(self.d('outside/wanted'), '%s %s %s\n' % (self.d('spool/probed'), self.d('outside'), self.d('spool')))
        h.Smtp(self.port).close()
        os.unlink(self.d('outside/wanted'))

        def result():
            with contextlib.suppress(OSError), open(self.d('spool/probed')) as f:
                return dict((line.split()[0], int(line.split()[1])) for line in f)
            return {}
        return h.wait_for(lambda: 'end' in result() and result(), what='the probe')

    def stop(self):
        self.remex.stop()


def status(pid):
    with open('/proc/%d/status' % pid) as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


def test_rights_of_the_processes():
    with Server() as s:
        worker, master, courier = s.remex.worker(), s.remex.proc.pid, s.remex.child('remex-courier')
        mine = status(worker)
        h.equal((mine['NoNewPrivs'], mine['Seccomp']), ('1', '2'), 'the worker')
        h.equal([int(mine[c], 16) for c in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')], [0] * 4, 'capabilities of the worker')
        h.equal(mine['Uid'].split(), [str(pwd.getpwnam('mail').pw_uid)] * 4, 'user of the worker')
        for pid in (master, courier):
            h.equal((status(pid)['Uid'].split()[0], status(pid)['Seccomp']), ('0', '0'), 'master and courier')
        h.check('sandbox' not in s.log(), 'said although nothing is missing: ' + s.log())
        s.stop()


def test_what_is_refused():
    with Server() as s:
        got = s.probe()
        for call in REFUSED:
            h.equal(got[call], errno.EPERM, call)
            s.logged(r'sandbox: process \d+ was refused the system call %s ' % call, 'paniclog')
        h.equal(got['execve'], errno.EPERM, 'execve')
        h.equal(got['clone3'], errno.ENOSYS, 'clone3')
        h.equal((got['socket-packet'], got['socket-netfilter']), (errno.EAFNOSUPPORT,) * 2, 'sockets')
        h.equal((got['socket-inet'], got['socket-route']), (0, 0), 'sockets of a mail server')
        for what in ('write-outside', 'truncate-outside', 'unlink-outside', 'mkdir-outside'):
            h.equal(got[what], errno.EACCES, what)
        h.equal((got['write-inside'], got['unlink-inside'], got['dev-null']), (0, 0, 0), 'what is its own')
        # It was refused, not harmed; each kind is logged once.
        s.send()
        s.arrived()
        s.probe()
        h.equal(s.log('paniclog').count('system call ptrace'), 1, 'lines about ptrace')
        h.check('worker process' not in s.log('paniclog'), s.log('paniclog'))
        s.stop()


def test_without_a_sandbox():
    """The probe finds everything open that another user may do: it is the sandbox that refuses."""
    with Server(extra='sandbox = false') as s:
        got = s.probe()
        h.equal([got[c] for c in ('setresuid', 'personality', 'write-outside', 'unlink-outside', 'execve')], [0] * 5, 'without a sandbox')
        h.equal(got['ptrace'], errno.ESRCH, 'ptrace')
        h.equal(status(s.remex.worker())['Seccomp'], '0', 'seccomp')
        s.logged(r'sandbox: none \(sandbox = false\)')
        s.stop()


def test_a_kernel_without_the_means():
    for why in (errno.ENOSYS, errno.EPERM):
        with Server(env={'REMEX_PROBE_OLD_KERNEL': str(why)}) as s:
            s.logged(r'sandbox: writing is not confined \(Landlock: %s\)' % os.strerror(why))
            s.logged(r'sandbox: system calls are not filtered \(seccomp: %s\)' % os.strerror(why))
            h.equal(status(s.remex.worker())['NoNewPrivs'], '1', 'no_new_privs')
            s.send()
            s.arrived()
            s.stop()


def test_programs_of_the_configuration():
    """Where ${run} is used, it runs, and writes where it likes; the list of refused calls holds for it, too."""
    program = LIBRARY('program')
    h.write(program, '#!/bin/sh\necho ran > "$1" && echo done; exec %s -c "import ctypes,os; l=ctypes.CDLL(None,use_errno=True); '
            'print(l.unshare(0x10000000), ctypes.get_errno())"\n' % h.DEBIAN_PYTHON, 0o755)
    with Server(extra='acl_smtp_mail = ${run{%s @DIR@/outside/mark}{${if match{$value}{^done\\\\n-1 1\\\\n}{accept}{deny}}}{deny}}' % program) as s:
        s.logged(r'sandbox: programs are run \(\$\{run\} in option "acl_smtp_mail"\), writing is not confined because of \$\{run\}')
        s.send()
        h.check(os.path.exists(s.d('outside/mark')), 'the program wrote nothing')
        s.logged('was refused the system call unshare')
        s.stop()
    with Server(extra='sandbox_writable_directories = @DIR@/spool\nacl_smtp_mail = ${run{%s @DIR@/outside/mark}{${if match{$value}{done}{accept}{deny}}}{deny}}' % program) as s:
        c = h.Smtp(s.port)
        c.ehlo()
        h.equal(c.cmd('MAIL FROM:<a@b.test>')[0], 550, 'a program that may not write there')
        c.close()
        h.check(not os.path.exists(s.d('outside/mark')), 'it wrote')
        s.stop()


def test_a_maildir_elsewhere():
    """What the worker may not write is delivered by the courier."""
    with Server(routers='', boxes=('u@box.test',)) as s:
        with open(s.remex.conf) as f:
            text = f.read()
        h.check('directory = %s/mail/' % s.d.path in text, 'the configuration of these tests has changed')
        h.write(s.remex.conf, text.replace('directory = %s/mail/' % s.d.path, 'directory = ${if eq{a}{a}{%s/elsewhere/}}' % s.d.path + 'x/'))
        os.mkdir(s.d('elsewhere'))
        shutil.chown(s.d('elsewhere'), 'mail', 'mail')
        s.remex.stop()
        s.remex.start()
        s.send()
        h.wait_for(lambda: re.search(' => u', s.log()), what=lambda: 'the delivery: ' + s.log()[-2000:])
        s.arrived(1, 'elsewhere/x/box.test/u')
        h.check('refused' not in s.log('paniclog'), s.log('paniclog'))
        s.stop()


def test_a_reload_that_needs_more():
    """A new worker begins with the new configuration; nobody is refused in between."""
    with Server() as s:
        first = s.remex.worker()
        s.send('one')
        with open(s.remex.conf) as f:
            text = f.read()
        h.write(s.remex.conf, text.replace('acl_smtp_rcpt =', 'acl_smtp_mail = ${run{/bin/true}{accept}{deny}}\nacl_smtp_rcpt =', 1))
        s.remex.proc.send_signal(signal.SIGHUP)
        s.logged('a new worker process begins with the new configuration, which needs another sandbox')
        s.send('two')
        h.wait_for(lambda: s.remex.child('remex-worker') not in (None, first), what='another worker')
        s.logged(r'sandbox: programs are run')
        s.send('three')
        s.arrived(3)
        h.equal(s.log('paniclog'), '', 'panic log')
        s.stop()


def test_a_reload_whose_worker_cannot_begin():
    """It needs another sandbox, so another worker, which cannot open its log: the old configuration stays in force."""
    with Server() as s:
        with open(s.remex.conf) as f:
            text = f.read()
        first = s.remex.worker()
        h.write(s.remex.conf, re.sub(r'(?m)^log_file_path.*$', 'log_file_path = here/%slog', text).replace(
            'acl_smtp_rcpt =', 'acl_smtp_mail = ${run{/bin/true}{accept}{deny}}\nacl_smtp_rcpt =', 1))
        s.remex.proc.send_signal(signal.SIGHUP)
        s.logged('the worker process cannot begin with the new configuration; the old one stays in force', 'paniclog')
        h.check('"here/%slog" is not an absolute path' in s.remex.stderr(), s.remex.stderr())
        s.send()
        s.arrived()
        h.check(s.remex.worker() != first, 'the first worker still serves')
        h.check('programs are run' not in s.log(), s.log())
        s.stop()


def test_a_log_directory_that_was_not_there():
    """The master makes it and gives it away, and another worker begins that may write in it."""
    with Server() as s:
        first = s.remex.worker()
        with open(s.remex.conf) as f:
            text = f.read()
        h.write(s.remex.conf, re.sub(r'(?m)^log_file_path.*$', 'log_file_path = %s/%%slog' % s.d('newlog'), text))
        s.remex.proc.send_signal(signal.SIGHUP)
        h.wait_for(lambda: s.remex.child('remex-worker') not in (None, first), what='another worker')
        s.send()

        def new_log():
            with contextlib.suppress(OSError), open(s.d('newlog/mainlog')) as f:
                return f.read()
        h.wait_for(lambda: '=>' in (new_log() or ''), what=lambda: 'the delivery in the new log: %r' % new_log())
        s.arrived()
        s.stop()


def test_a_directory_that_comes_later():
    """What was not there when the worker began is not its own; a reload begins another one."""
    with Server(extra='sandbox_writable_directories = @DIR@/later') as s:
        s.logged('later cannot be written: No such file')
        first = s.remex.worker()
        os.mkdir(s.d('later'))
        s.remex.proc.send_signal(signal.SIGHUP)
        h.wait_for(lambda: s.remex.child('remex-worker') not in (None, first), what='another worker')
        s.logged('(?s)started:.*another sandbox')
        h.equal(s.log().count('later cannot be written'), 1, 'lines')
        s.stop()


def test_a_directory_that_stays_missing():
    """No reload begins another worker for it."""
    with Server(extra='sandbox_writable_directories = @DIR@/never') as s:
        s.logged('never cannot be written: No such file')
        first = s.remex.worker()
        s.remex.proc.send_signal(signal.SIGHUP)
        s.logged('SIGHUP received: configuration loaded again')
        s.send()
        s.arrived()
        h.equal((s.remex.worker(), 'another sandbox' in s.log()), (first, False), 'the worker')
        s.stop()


FILTER = """# Exim filter
if "${run{/bin/sh -c 'echo ran'}}" contains "ran" then
  save $home/ran/
else
  save $home/not/
endif
"""


def test_a_filter_of_the_daemons_own_user():
    """It may run commands, which the worker may not: the courier does."""
    d = h.Dir()
    h.write(d('filter'), FILTER)
    os.mkdir(d('mail'))
    shutil.chown(d('mail'), 'mail', 'mail')
    router = ('filtered:\n  driver = redirect\n  domains = f.test\n  file = %s\n  allow_filter\n  user = mail\n  router_home_directory = %s\n'
              '  directory_transport = box\n' % (d('filter'), d('mail')))
    with Server(routers=router, transports='box:\n  driver = appendfile\n  maildir_format\n  user = mail\n') as s:
        with open(s.remex.conf) as f:
            text = f.read()
        h.write(s.remex.conf, text.replace('acl_rcpt:\n', 'acl_rcpt:\n  accept domains = f.test\n'))
        s.remex.stop()
        s.remex.start()
        h.check('programs are run' not in s.log(), s.log())
        h.equal(h.send(s.port, 's@c.test', ['u@f.test'], 'Subject: x\n\nx\n')[0], 250, 'message')
        h.wait_for(lambda: h.maildir(d('mail/ran')), what=lambda: 'the delivery: ' + s.log()[-2000:])
        h.equal(s.log('paniclog'), '', 'panic log')
        s.stop()
    d.remove()


def test_sqlite():
    """A database that an ACL writes: in the directory of sqlite_dbfile, or anywhere when that is not known when the server starts."""
    for dbfile, confined in (('sqlite_dbfile = @DIR@/grey/db', True), ('sqlite_dbfile = ${if eq{a}{a}{@DIR@/grey/db}}', False)):
        with Server(extra=dbfile + '\nacl_smtp_mail = ${if eq{${lookup sqlite{INSERT INTO seen VALUES (1)}}}{}{accept}{deny}}') as s:
            os.mkdir(s.d('grey'))
            with contextlib.closing(sqlite3.connect(s.d('grey/db'))) as db:
                db.execute('PRAGMA journal_mode=WAL')
                db.execute('CREATE TABLE seen (n)')
                db.commit()
            subprocess.run(['chown', '-R', 'mail:mail', s.d('grey')], check=True)
            s.remex.stop()  # it was started before the directory was there
            s.remex.start()
            s.send()
            with contextlib.closing(sqlite3.connect(s.d('grey/db'))) as db:
                h.equal(db.execute('SELECT count(*) FROM seen').fetchone()[0], 1, 'rows')
            h.equal('writing is not confined because of a sqlite lookup' in s.log(), not confined, s.log())
            h.equal('grey cannot be written: No such file' in s.log(), confined, 'a directory that is not there: ' + s.log())
            s.stop()


def teardown():
    LIBRARY.remove()


h.main()
