#!/usr/bin/env python3
"""The build for acceptance tests (docs/test-build.md): a normal command never obeys MTA_TEST_SUITE; one with hooks, started by a set-uid
launcher, does what test mode says. The launcher is compiled here."""
# timeout: 180
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import struct
import subprocess
import threading

import harness as h

h.enter_namespace()
HOOKS = os.environ.get('REMEX_HOOKS_BIN', os.path.join(os.path.dirname(h.BIN), 'tests/remex-hooks'))
LAUNCHER = r'''
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char** argv) {
  (void)argc;
  setenv("MTA_TEST_SUITE", SUITE, 1);
  execv(PROGRAM, argv);
  perror(PROGRAM);
  return 126;
}
'''
USER = 'nobody'
CONF = '''
.ifndef DIR
DIR = @DIR@
.endif
primary_hostname = myhost.test
qualify_domain = test.ex
exim_user = mail
spool_directory = DIR/spool
log_file_path = DIR/spool/log/%slog
keep_environment =
acl_smtp_rcpt = accept
begin routers
far:
  driver = dnslookup
  domains = ! test.ex
  transport = smtp
  no_more
r:
  driver = accept
  transport = local
begin transports
smtp:
  driver = smtp
local:
  driver = appendfile
  file = DIR/mail/box
  create_file = anywhere
  user = mail
begin retry
* * F,1h,10m
'''
# DIR NAME TYPE: an A record for a.fake.test (with the AD bit), nothing for none.test, trouble for again.test
FAKENS = r'''#!/usr/bin/env python3
import struct, sys
_, directory, name, kind = sys.argv
open(directory + '/asked', 'a').write(name + ' ' + kind + '\n')
def wire(n): return b''.join(bytes([len(l)]) + l.encode() for l in n.split('.')) + b'\0'
if name == 'again.test': sys.exit(2)
if name == 'empty.test': sys.exit(4)
rr = {('fake.test', 'MX'): (15, struct.pack('!H', 5) + wire('a.fake.test')), ('a.fake.test', 'A'): (1, bytes([192, 0, 2, 77]))}.get((name, kind))
if rr is None: sys.exit(4 if name.endswith('fake.test') else 1)
t = {'A': 1, 'MX': 15}[kind]
sys.stdout.buffer.write(struct.pack('!HBBHHHH', 1, 0x84, 0x20, 1, 1, 0, 0) + wire(name) + struct.pack('!HH', t, 1) + wire(name) + struct.pack('!HHIH', rr[0], 1, 5, len(rr[1])) + rr[1])
'''


class Suite:
    def __init__(self):
        if not shutil.which('gcc') and not shutil.which('cc'):
            h.skip('no C compiler')
        self.d = h.Dir()
        os.makedirs(self.d('eximdir'))
        os.makedirs(self.d('mail'))
        shutil.chown(self.d('mail'), 'mail', 'mail')
        os.makedirs(self.d('spool'))
        shutil.chown(self.d('spool'), 'mail', 'mail')
        self.text = CONF.replace('@DIR@', self.d.path)
        self.conf = h.write(self.d('test-config'), self.text)
        h.write(self.d('bin/fakens'), FAKENS, 0o755)
        h.write(self.d('asked'), '', 0o666)

    def launcher(self, name, program):
        shutil.copy(program, self.d('copy-of-' + name))  # test users cannot read the build directory
        source = h.write(self.d('launcher.c'), LAUNCHER)
        path = self.d('eximdir', name)
        subprocess.run([shutil.which('gcc') or 'cc', '-DSUITE="%s"' % self.d.path, '-DPROGRAM="%s"' % self.d('copy-of-' + name), '-o', path, source], check=True)
        os.chmod(path, 0o4755)
        return path

    def run(self, program, *args, input='', user=USER, env=None):
        return subprocess.run([program, '-C', self.conf, *args], input=input, capture_output=True, text=True, timeout=60, user=user,
                              extra_groups=[], group='nogroup', env=dict(os.environ, **(env or {})))


S = Suite()
EXIM = S.launcher('exim', HOOKS)


def teardown():
    S.d.remove()


def test_a_normal_build_refuses_borrowed_rights():
    r = S.run(S.launcher('normal', h.BIN), '-be', '$version_number')
    h.equal((r.returncode, r.stdout), (1, ''), r.stderr)
    h.check('MTA_TEST_SUITE' in r.stderr and 'REMEX_TEST_HOOKS' in r.stderr, r.stderr)


def test_a_normal_build_ignores_the_variable():
    r = subprocess.run([h.BIN, '-C', S.conf, '-be', '$version_number'], capture_output=True, text=True, env=dict(os.environ, MTA_TEST_SUITE=S.d.path))
    h.equal(r.returncode, 0, r.stderr)
    h.check(re.match(r'\d+\.\d+', r.stdout), r.stdout)
    h.check(b'bin/fakens' not in open(h.BIN, 'rb').read() or os.path.realpath(h.BIN) == os.path.realpath(HOOKS), 'the hooks are in a normal build')


def test_names_and_version():
    h.equal(S.run(EXIM, '-be', '$version_number').stdout, 'x.yz\n')
    r = S.run(EXIM, '-d-all+transport', '-bV')
    for line in (r'^Exim version 4\.\d+ #\d+ built \d\d-[A-Z][a-z][a-z]-\d{4} \d\d:\d\d:\d\d$', r'^Support for:( \S+)+$', r'^Lookups \(built-in\):.* lsearch',
                 r'^Routers \(built-in\): accept .*dnslookup', r'^Transports \(built-in\): appendfile/maildir', r'^Size of off_t: 8$'):
        h.check(re.search(line, r.stdout, re.M), line + ' in ' + r.stdout)
    r = S.run(EXIM, '-bP', 'exim_user', 'exim_group')
    h.equal(r.stdout, 'exim_user = mail\nexim_group = mail\n', r.stderr)
    h.equal(S.run(EXIM, '-bP', 'macro', '_HAVE_TLS').returncode, 0)
    h.equal(S.run(EXIM, '-bP', 'macro', '_HAVE_NOTHING').returncode, 1)


def test_expansions_get_no_rights():
    h.equal(S.run(EXIM, '-be', '${run{/usr/bin/id -u}}').stdout.strip(), '65534')


def test_fake_dns():
    r = S.run(EXIM, '-bt', 'x@fake.test')
    h.equal(r.stdout, 'x@fake.test\n  router = far, transport = smtp\n  host a.fake.test [192.0.2.77] MX=5 AD\n', r.stderr)
    asked = open(S.d('asked')).read()
    h.check('fake.test MX' in asked and 'a.fake.test A' in asked, asked)
    h.equal(S.run(EXIM, '-bt', 'x@again.test').returncode, 1)
    h.equal(S.run(EXIM, '-bt', 'x@nowhere.test').returncode, 2)
    h.equal(S.run(EXIM, '-be', '${lookup dnsdb{a=localhost}{$value}{no}}').stdout, 'no\n')


def test_a_message_of_an_ordinary_user_is_delivered():
    r = S.run(EXIM, '-odi', '-DDIR=' + S.d.path, 'userx@test.ex', input='Subject: x\n\nbody\n')
    h.equal((r.returncode, r.stdout, r.stderr), (0, '', ''))
    with open(S.d('mail/box')) as f:
        box = f.read()
    h.check(re.search(r'^Received: from nobody by myhost\.test with local \(Exim x\.yz\)$', box, re.M), box)
    h.check('Message-Id: <E' in box and 'From: ' in box, box)
    with open(S.d('spool/log/mainlog')) as f:
        log = f.read()
    h.check(re.search(r' <= nobody@test\.ex U=nobody P=local S=\d+$', log, re.M), log)
    h.check(re.search(r' => userx <userx@test\.ex> R=r T=local$', log, re.M), log)
    for name in ('input', 'msglog', 'db', 'log'):
        h.check(os.path.isdir(S.d('spool', name)), name)


def test_a_session_with_the_banner_of_exim():
    r = S.run(EXIM, '-bs', input='EHLO me\nQUIT\n')
    h.check(re.match(r'220 myhost\.test ESMTP Exim x\.yz \w\w\w, ', r.stdout), r.stdout)
    h.check('ENHANCEDSTATUSCODES' not in r.stdout and 'SMTPUTF8' not in r.stdout, r.stdout)


def test_load_average_counts():
    h.equal(S.run(EXIM, '-be', '$load_average $load_average').stdout, '0 10\n')


class Daemon:
    """-bdf, started by USER, with these lines before the rest of the configuration."""

    def __init__(self, main='', env=None):
        self.port = h.free_port()
        self.conf = h.write(S.d('daemon-config'), main + S.text)
        self.pid = S.d('spool/daemon.pid')
        self.p = subprocess.Popen([EXIM, '-C', self.conf, '-bdf', '-oX', '127.0.0.1:%d' % self.port, '-oP', self.pid], user=USER, group='nogroup',
                                  extra_groups=[], env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL)
        h.wait_for(self.answers, what='the daemon')

    def answers(self):
        h.check(self.p.poll() is None, 'the daemon ended')
        try:
            h.Smtp(self.port).close()
        except OSError:
            return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.p.pid, signal.SIGTERM)  # we are root; the process is, too
        self.p.wait(60)

    def certificate(self):
        """The server's certificate."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP('127.0.0.1', self.port, timeout=60) as s:
            s.starttls(context=context)
            return s.sock.getpeercert(True)


def lifetime(der, seconds):
    """Is the certificate still good after so many seconds?"""
    return subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', '-checkend', str(seconds)], input=der, capture_output=True).returncode == 0


def test_port_of_ident_services():
    asked = []

    def serve():
        while True:
            try:
                c, _ = service.accept()
            except OSError:
                return
            with c:
                question = c.recv(1000).decode().strip()
                asked.append(question)
                c.sendall((question + ' : USERID : UNIX : fred\r\n').encode())

    with socket.create_server(('127.0.0.1', 1113)) as service:
        threading.Thread(target=serve, daemon=True).start()
        with Daemon('rfc1413_hosts = *\nrfc1413_query_timeout = 30s\nrfc1413_port = 1113\n') as d:
            s = h.Smtp(d.port)
            here = s.s.getsockname()[1]
            h.check('Hello fred at me.test' in str(s.cmd('EHLO me.test')), 'greeting')
            s.close()
            h.check('%d , %d' % (here, d.port) in asked, asked)


def test_a_self_signed_certificate_is_short_lived():
    with Daemon('tls_advertise_hosts = *\n') as d:
        first = d.certificate()
        h.check(not lifetime(first, 3), 'it is good for more than 3 seconds')
        h.wait_for(lambda: not lifetime(first, 0), what='its end')
        later = d.certificate()
        h.check(later != first, 'the same certificate, out of date')


def old_proof():
    """A key, its certificate, its issuer's, and two proofs of its state, good and revoked, that were made a week ago for a day."""
    def openssl(*words, **more):
        subprocess.run(['openssl', *words], check=True, capture_output=True, **more)

    library, clock = S.d('clock.so'), S.d('clock')
    subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-DCLOCK_FILE="%s"' % clock, '-o', library, os.path.join(h.SUPPORT, 'clock_shim.c'), '-ldl'], check=True)
    with open(clock, 'wb') as f:
        f.write(struct.pack('l', -7 * 86400))
    ca, leaf = S.d('ca.pem'), S.d('leaf.pem')
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=issuer.test', '-keyout', S.d('ca.key'), '-out', ca)
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=leaf.test', '-keyout', S.d('leaf.key'), '-out', S.d('leaf.csr'))
    h.write(S.d('extensions'), 'subjectAltName=DNS:leaf.test,IP:127.0.0.1\n')
    openssl('x509', '-req', '-in', S.d('leaf.csr'), '-CA', ca, '-CAkey', S.d('ca.key'), '-set_serial', '0x1234', '-days', '30', '-extfile', S.d('extensions'), '-out', leaf)
    openssl('ocsp', '-issuer', ca, '-cert', leaf, '-no_nonce', '-reqout', S.d('leaf.req'))
    for name, row in (('good', 'V\t491231000000Z\t\t1234\tunknown\t/CN=x\n'), ('revoked', 'R\t491231000000Z\t200101000000Z\t1234\tunknown\t/CN=x\n')):
        h.write(S.d('index'), row)
        openssl('ocsp', '-index', S.d('index'), '-rsigner', ca, '-rkey', S.d('ca.key'), '-CA', ca, '-reqin', S.d('leaf.req'), '-respout', S.d(name), '-ndays', '1',
                env=dict(os.environ, LD_PRELOAD=library))
    for name in ('leaf.key', 'leaf.pem', 'ca.pem', 'good', 'revoked'):
        os.chmod(S.d(name), 0o644)


def test_the_age_of_a_status_proof():
    if not shutil.which('openssl'):
        h.skip('no openssl')
    old_proof()
    ignore = {'EXIM_TESTHARNESS_DISABLE_OCSPVALIDITYCHECK': 'y'}

    def server(proof):
        return 'tls_advertise_hosts = *\ntls_certificate = %s\ntls_privatekey = %s\ntls_ocsp_file = %s\n' % (S.d('leaf.pem'), S.d('leaf.key'), S.d(proof))

    def stapled(port):
        r = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % port, '-starttls', 'smtp', '-status'], input='Q\n', capture_output=True, text=True)
        return re.findall(r'Cert Status: (\w+)', r.stdout)

    def deliver(port, name, option, env):
        """The last line about the address in the main log."""
        address = name + '@out.test'
        conf = h.write(S.d('client-config'), S.text.replace('begin routers\n', 'begin routers\nout:\n  driver = accept\n  domains = out.test\n  transport = out\n').replace(
            'begin transports\n', 'begin transports\nout:\n  driver = smtp\n  hosts = 127.0.0.1\n  port = %d\n  allow_localhost\n  hosts_require_tls = *\n'
            '  %s = *\n  tls_verify_certificates = %s\n' % (port, option, S.d('ca.pem'))))
        subprocess.run([EXIM, '-C', conf, '-odi', address], input='Subject: x\n\nx\n', text=True, check=True, user=USER, group='nogroup', extra_groups=[],
                       timeout=60, env=dict(os.environ, **env))
        with open(S.d('spool/log/mainlog')) as f:
            return [l for l in f.read().splitlines() if address in l and ' R=out ' in l][-1]  # the server writes there, too

    with Daemon(server('good')) as d:
        h.equal(stapled(d.port), [], 'an old proof')
    with Daemon(server('good'), env=ignore) as d:
        h.equal(stapled(d.port), ['good'], 'an old proof whose age does not count')
        for name, option in (('a', 'hosts_require_ocsp'), ('b', 'hosts_request_ocsp')):
            line = deliver(d.port, name, option, ignore)
            h.check(' => ' in line and ' CV=yes' in line, line)
        line = deliver(d.port, 'c', 'hosts_require_ocsp', {})
        h.check(' == ' in line and 'certificate' in line, line)
    with Daemon(server('revoked'), env=ignore) as d:
        h.equal(stapled(d.port), ['revoked'], 'nothing is looked at')
        line = deliver(d.port, 'd', 'hosts_require_ocsp', ignore)
        h.check(' == ' in line and 'certificate' in line, line)


def test_syslog_name():
    r = S.run(EXIM, '-L', 'tag', '-bP', 'syslog_processname', user='root')
    h.equal((r.returncode, r.stdout), (0, 'syslog_processname = tag\n'), r.stderr)
    r = S.run(EXIM, '-Ltag', '-odq', 'x@test.ex', input='Subject: x\n\nx\n', user='root')
    h.equal(r.returncode, 0, r.stderr)
    h.check(re.search(r"^SYSLOG: '.* <= root@test\.ex ", r.stderr, re.M), r.stderr)
    r = S.run(EXIM, '-L', 'tag', '-bP', 'syslog_processname')
    h.equal((r.returncode, r.stdout, r.stderr), (1, '', 'exim: you lack sufficient privilege to specify syslog process name\n'))


def test_options_of_connections_that_are_handed_over():
    for words in (['-MCA', '-MCD', '-MCK', '-MCP', '-MCS', '-MCT'], ['-MCd', 'why'], ['-MCr', 'sni'], ['-MCQ', '1', '2'], ['-MCt', '127.0.0.1', '25', 'x'], ['-MCp', 'a', '1', 'b', '2']):
        r = S.run(EXIM, *words, '-be', 'x$queue_name')
        h.equal((r.returncode, r.stdout, r.stderr), (0, 'x\n', ''), words)
    r = S.run(EXIM, '-MC', 'smtp', 'h.test', '127.0.0.1', '2', '1abcde-000001-AB')
    h.equal((r.returncode, r.stdout), (1, ''))
    h.check('one process' in r.stderr and '-M 1abcde-000001-AB' in r.stderr, r.stderr)


def test_hidden_option_and_default_config_header():
    r = S.run(EXIM, '-bP', 'config', user='root')
    h.check(r.stdout.startswith('# Exim Configuration (X)\n'), r.stdout[:100])


h.main()
