#!/usr/bin/env python3
"""The status of certificates (OCSP stapling, RFC 6066 8): tls_ocsp_file of the server, also when it changes or cannot be used, and hosts_request_ocsp,
hosts_require_ocsp of the smtp transport against servers with a good, a revoked and no proof. Needs openssl."""
# timeout: 180
import atexit
import os
import re
import subprocess
import threading
import time

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()


def openssl(*words, **options):
    return subprocess.run(['openssl', *words], check=True, capture_output=True, timeout=60, **options).stdout


def certificates():
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=issuer.test', '-keyout', D('ca.key'), '-out', D('ca.pem'))
    h.write(D('extensions'), 'subjectAltName=DNS:leaf.test,IP:127.0.0.1\n')
    end = time.strftime('%y%m%d%H%M%SZ', time.gmtime(time.time() + 30 * 86400))
    ago = time.strftime('%y%m%d%H%M%SZ', time.gmtime(time.time() - 86400))
    for name, serial in (('leaf', '1234'), ('other', '4321')):
        openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=%s.test' % name, '-keyout', D(name + '.key'), '-out', D(name + '.csr'))
        openssl('x509', '-req', '-in', D(name + '.csr'), '-CA', D('ca.pem'), '-CAkey', D('ca.key'), '-set_serial', '0x' + serial, '-days', '30', '-extfile', D('extensions'), '-out', D(name + '.pem'))
        openssl('ocsp', '-issuer', D('ca.pem'), '-cert', D(name + '.pem'), '-no_nonce', '-reqout', D(name + '.req'))
        os.chmod(D(name + '.key'), 0o644)
        for state, row in (('good', 'V\t%s\t\t%s\tunknown\t/CN=x\n' % (end, serial)), ('revoked', 'R\t%s\t%s\t%s\tunknown\t/CN=x\n' % (end, ago, serial))):
            h.write(D('index'), row)
            openssl('ocsp', '-index', D('index'), '-rsigner', D('ca.pem'), '-rkey', D('ca.key'), '-CA', D('ca.pem'), '-reqin', D(name + '.req'), '-respout', D('%s.%s' % (name, state)), '-ndays', '7')


certificates()
STATUS = D('status')
TRANSPORT = '''
%s:
  driver = smtp
  hosts = 127.0.0.1
  port = %d
  protocol = smtps
  allow_localhost
  tls_verify_certificates = %s
  event_action = ${if eq{$event_name}{smtp:ehlo}{${acl{seen}}}}
%s'''


class Peer:
    """openssl s_server with a small MX behind it: it can staple what no mail server would."""

    def __init__(self, status=None):
        self.port = h.free_port()
        self.messages = []
        command = ['openssl', 's_server', '-quiet', '-accept', '127.0.0.1:%d' % self.port, '-cert', D('leaf.pem'), '-key', D('leaf.key'), '-cert_chain', D('ca.pem')]
        if status:
            command += ['-status_file', status]
        self.proc = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        atexit.register(self.proc.kill)
        threading.Thread(target=self.talk, daemon=True).start()

    def talk(self):
        def say(text):
            self.proc.stdin.write(text + b'\r\n')
            self.proc.stdin.flush()
        # It passes on what comes, whoever comes: the greeting is for the first octets of the session, so it waits in the pipe.
        say(b'220 peer.test')
        for line in self.proc.stdout:
            word = line[:4].upper()
            if word == b'DATA':
                say(b'354 go')
                text = b''
                for line in self.proc.stdout:
                    if line == b'.\r\n':
                        break
                    text += line
                self.messages.append(text)
                say(b'250 taken')
            elif word == b'QUIT':
                return
            else:
                say(b'250 peer.test')


GOOD, REVOKED, NONE, NONE_REQUIRED, UNWANTED = Peer(D('leaf.good')), Peer(D('leaf.revoked')), Peer(), Peer(), Peer(D('leaf.good'))
CONF = fill(D, PORT, extra='''
tls_certificate = %s
tls_privatekey = %s
tls_ocsp_file = DER %s
acl_smtp_mail = acl_mail
''' % (D('leaf.pem'), D('leaf.key'), STATUS), routers='''
others:
  driver = accept
  transport = ${extract{1}{.}{$domain}{$value}}
''', transports=''.join(TRANSPORT % t for t in (
    ('good', GOOD.port, D('ca.pem'), '  hosts_require_ocsp = *\n'), ('revoked', REVOKED.port, D('ca.pem'), '  hosts_require_ocsp = *\n'),
    ('none', NONE.port, D('ca.pem'), ''), ('strict', NONE.port, D('ca.pem'), '  hosts_require_ocsp = *\n'), ('required', NONE_REQUIRED.port, D('ca.pem'), '  hosts_require_ocsp = *\n'),
    ('unwanted', UNWANTED.port, D('ca.pem'), '  hosts_request_ocsp =\n  tls_dh_min_bits = 2048\n'))))
TEXT = open(CONF).read().replace('begin acl\n', 'begin acl\nacl_mail:\n  accept logwrite = status $tls_in_ocsp\nseen:\n  accept logwrite = to $domain: $tls_out_ocsp\n         message =\n', 1).replace('  deny message = relay', '  accept\n  deny message = relay', 1)
h.write(CONF, TEXT.replace('* * F,1h,1s', '* * F,1h,1h'))


def put(name):
    """Replaces the proof that the server reads."""
    with open(D(name), 'rb') as f, open(STATUS + '.new', 'wb') as new:
        new.write(f.read())
    os.rename(STATUS + '.new', STATUS)


put('leaf.good')
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log(name='mainlog'):
    try:
        with open(D('log', name), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def stapled(*words):
    """What a client of the server is told, by openssl."""
    out = openssl('s_client', '-connect', '127.0.0.1:%d' % PORT, '-starttls', 'smtp', '-CAfile', D('ca.pem'), *words, input=b'Q\n').decode('latin-1')
    found = re.search(r'Cert Status: (\w+)', out)
    return found.group(1) if found else 'nothing' if 'OCSP response: no response sent' in out else ''


def test_the_server_staples():
    h.equal(stapled('-status'), 'good')
    h.equal(stapled('-status', '-tls1_2'), 'good')
    h.equal(stapled(), '', 'nobody asked')


def test_the_file_changes():
    put('other.good')  # of another certificate
    h.equal(stapled('-status'), 'nothing')
    h.equal(stapled('-status'), 'nothing')
    h.equal(log('paniclog').count('tls_ocsp_file is not used: OCSP status file %s: ' % STATUS), 1, 'said once: ' + log('paniclog'))
    put('ca.pem')
    h.equal(stapled('-status'), 'nothing')
    os.unlink(STATUS)
    h.equal(stapled('-status'), 'nothing', 'no file')
    h.check('cannot read OCSP status file' in log('paniclog'), log('paniclog'))
    put('leaf.good')
    h.equal(stapled('-status'), 'good', 'a good one again')


def test_what_the_acl_sees():
    import smtplib
    import ssl
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP('127.0.0.1', PORT, timeout=60) as s:  # python's client does not ask
        s.starttls(context=context)
        s.ehlo()
        s.mail('a@client.test')
    h.wait_for(lambda: 'status 0' in log(), what='status 0')
    for name, want in (('leaf.good', 'status 4'), ('other.good', 'status 1')):
        put(name)
        c = subprocess.Popen(['openssl', 's_client', '-connect', '127.0.0.1:%d' % PORT, '-starttls', 'smtp', '-status', '-quiet'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        atexit.register(c.kill)
        for line, last in ((b'EHLO x', b'Hello x'), (None, b'250 HELP'), (b'MAIL FROM:<a@client.test>', b'250 ')):
            if line:
                c.stdin.write(line + b'\r\n')
                c.stdin.flush()
            for answer in c.stdout:
                if last in answer:
                    break
        h.wait_for(lambda: log().count(want) == 1, what=lambda: want + log())
        c.kill()
        c.wait()
    put('leaf.good')


def deliver(domain):
    h.equal(h.send(PORT, 'a@client.test', ['u@%s.test' % domain], 'Subject: x\n\nx\n')[0], 250)


def test_the_client_requires():
    deliver('good')
    h.wait_for(lambda: GOOD.messages and '=> u@good.test' in log(), what=lambda: 'the message: ' + log())
    h.check('to good.test: 4' in log(), log())
    deliver('revoked')
    line = h.wait_for(lambda: [x for x in log().splitlines() if '== u@revoked.test' in x], what=lambda: 'a deferral: ' + log())[0]
    h.check('hosts_require_ocsp, and the certificate status is not good' in line, line)
    deliver('required')
    line = h.wait_for(lambda: [x for x in log().splitlines() if '== u@required.test' in x], what=lambda: 'a deferral: ' + log())[0]
    h.check('hosts_require_ocsp, and the certificate status was not sent' in line, line)
    h.equal((REVOKED.messages, NONE_REQUIRED.messages), ([], []))


def test_the_client_asks():
    deliver('none')
    h.wait_for(lambda: NONE.messages, what=lambda: 'the message: ' + log())
    h.check('to none.test: 1' in log(), log())
    # The connection is kept, but not for those who want more of it.
    deliver('strict')
    line = h.wait_for(lambda: [x for x in log().splitlines() if ' u@strict.test' in x], what=lambda: 'a deferral: ' + log())[0]
    h.check('hosts_require_ocsp, and the certificate status was not sent' in line, line)
    deliver('unwanted')
    h.wait_for(lambda: UNWANTED.messages, what=lambda: 'the message: ' + log())
    h.check('to unwanted.test: 0' in log(), log())


h.main()
