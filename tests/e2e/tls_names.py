#!/usr/bin/env python3
"""Certificates by the name a client asks for (RFC 6066 3), certificates of two kinds, and the connect ACL of a port with TLS on connect."""
# timeout: 60
import os
import smtplib
import socket
import ssl
import subprocess

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT, SMTPS = h.free_port(), h.free_port()


def make(name, kind):
    words = ['-newkey', 'rsa:2048'] if kind == 'rsa' else ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
    key, cert = D('%s-%s.key' % (name, kind)), D('%s-%s.pem' % (name, kind))
    subprocess.run(['openssl', 'req', '-x509', *words, '-nodes', '-days', '30', '-subj', '/CN=' + name, '-keyout', key, '-out', cert],
                   check=True, capture_output=True)
    os.chmod(key, 0o644)


for n, k in (('a.test', 'rsa'), ('a.test', 'ec'), ('b.test', 'rsa')):
    make(n, k)
CHOICE = '${if eq{$tls_in_sni}{b.test}{%s}{${if eq{$tls_in_sni}{none.test}{%s}{%s : %s}}}}'
CONF = fill(D, PORT, extra='tls_certificate = ' + CHOICE % (D('b.test-rsa.pem'), D('missing.pem'), D('a.test-rsa.pem'), D('a.test-ec.pem')) +
            '\ntls_privatekey = ' + CHOICE % (D('b.test-rsa.key'), D('missing.key'), D('a.test-rsa.key'), D('a.test-ec.key')) +
            '\nacl_smtp_connect = acl_connect\n')
with open(CONF) as f:
    text = f.read()
text = text.replace('daemon_smtp_ports = %d' % PORT, 'daemon_smtp_ports = %d : %d\ntls_on_connect_ports = %d' % (PORT, SMTPS, SMTPS))
text = text.replace('begin acl\n', 'begin acl\nacl_connect:\n  deny message = not $tls_in_sni\n       condition = ${if eq{$tls_in_sni}{away.test}}\n'
                    '  deny message = in clear\n       condition = ${if eq{$received_port}{%d}}\n       !encrypted = *\n  accept\n' % SMTPS)
h.write(CONF, text)
SERVER = h.Remex(CONF, [PORT, SMTPS])
SERVER.start()


def lax():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def name_of(der):
    out = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', '-subject'], input=der, check=True, capture_output=True).stdout
    return out.decode().strip().split(' ')[-1]


def served(name):
    """The name in the certificate a client gets that asks for `name`."""
    with smtplib.SMTP(timeout=60) as s:
        s.connect('127.0.0.1', PORT)
        s._host = name  # what starttls() asks for
        s.starttls(context=lax())
        return name_of(s.sock.getpeercert(True))


def greeting(name):
    """The first line of a session with TLS on connect."""
    with socket.create_connection(('127.0.0.1', SMTPS), 20) as plain, lax().wrap_socket(plain, server_hostname=name) as s:
        return s.recv(1000).decode()


def test_the_name_chooses():
    h.equal(served('b.test'), 'b.test', 'certificate')
    h.equal(served('a.test'), 'a.test', 'another name gets the default')
    h.equal(served('b.test'), 'b.test', 'and again')


def test_a_name_without_files():
    try:
        served('none.test')
        assert False, 'a handshake without a certificate'
    except (ssl.SSLError, smtplib.SMTPException, OSError):
        pass
    def log():
        with open(D('log', 'mainlog')) as f:
            return f.read()
    h.wait_for(lambda: 'cannot read certificate file %s' % D('missing.pem') in log(), what=lambda: 'why: ' + log())
    h.equal(served('a.test'), 'a.test', 'the server goes on')


def kind(signatures):
    """The kind of key of the certificate a client gets that can verify such signatures only."""
    r = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % SMTPS, '-servername', 'a.test', '-sigalgs', signatures], timeout=60,
                       input=b'QUIT\r\n', capture_output=True)
    text = subprocess.run(['openssl', 'x509', '-noout', '-text'], input=r.stdout, check=True, capture_output=True).stdout.decode()
    return 'ec' if 'id-ecPublicKey' in text else 'rsa'


def test_certificates_of_two_kinds():
    h.equal(kind('ECDSA+SHA256'), 'ec', 'key')
    h.equal(kind('RSA-PSS+SHA256'), 'rsa', 'key')


def test_connect_acl_inside_tls():
    h.check(greeting('a.test').startswith('220 '), greeting('a.test'))
    h.check(greeting('away.test').startswith('550 ') and 'not away.test' in greeting('away.test'), greeting('away.test'))


def teardown():
    SERVER.stop()
    D.remove()


h.main()
