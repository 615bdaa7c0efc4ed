#!/usr/bin/env python3
"""tls_crl: certificates that their authority took back do not verify, of clients (main option) and of servers (smtp transport); a list that changes
counts for the next client, and one that cannot be read is no reason to trust."""
# timeout: 120
import atexit
import os
import ssl
import subprocess

import harness as h
from maildir_conf import fill

D, C = h.Dir(), h.Dir()
GOOD_PORT, REVOKED_PORT = h.free_port(), h.free_port()


def openssl(*args):
    subprocess.run(['openssl', *args], check=True, capture_output=True, cwd=D.path)


os.makedirs(D('new'))
h.write(D('index.txt'), '')
h.write(D('serial'), '1000\n')
h.write(D('crlnumber'), '01\n')
h.write(D('ca.cnf'), '''[ca]
default_ca = it
[it]
database = %(d)s/index.txt
serial = %(d)s/serial
crlnumber = %(d)s/crlnumber
new_certs_dir = %(d)s/new
certificate = %(d)s/ca.pem
private_key = %(d)s/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
subjectAltName = IP:127.0.0.1
''' % {'d': D.path})
openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=authority', '-addext', 'keyUsage=keyCertSign,cRLSign', '-keyout', 'ca.key', '-out', 'ca.pem')
for name in ('good', 'revoked'):
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=' + name, '-keyout', name + '.key', '-out', name + '.req')
    openssl('ca', '-batch', '-config', 'ca.cnf', '-in', name + '.req', '-out', name + '.pem')
    os.chmod(D(name + '.key'), 0o644)


def make_list(*names):
    """crl.pem with what was taken back so far."""
    for name in names:
        openssl('ca', '-config', 'ca.cnf', '-revoke', name + '.pem')
    openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'fresh.pem')
    os.replace(D('fresh.pem'), D('crl.pem'))


make_list('revoked')
SERVER = h.Remex(fill(D, GOOD_PORT, extra='''daemon_smtp_ports = <; %d ; %d
tls_certificate = %s/${if eq{$received_port}{%d}{revoked}{good}}.pem
tls_privatekey = %s/${if eq{$received_port}{%d}{revoked}{good}}.key
tls_verify_certificates = %s
tls_crl = ${if exists{%s}{%s}{%s}}
tls_try_verify_hosts = *
acl_smtp_mail = acl_mail
''' % (GOOD_PORT, REVOKED_PORT, D.path, REVOKED_PORT, D.path, REVOKED_PORT, D('ca.pem'), D('no-list'), D('nowhere.pem'), D('crl.pem'))), [GOOD_PORT, REVOKED_PORT])
text = open(D('remex.conf')).read().replace('daemon_smtp_ports = %d\n' % GOOD_PORT, '', 1)
h.write(D('remex.conf'), text.replace('begin acl\n', 'begin acl\nacl_mail:\n  warn logwrite = client $sender_helo_name verified=$tls_in_certificate_verified\n  accept\n', 1))
SERVER.start()
atexit.register(SERVER.kill)
CLIENT = h.Remex(fill(C, h.free_port(), extra='qualify_domain = box.test\n', routers='''
away:
  driver = manualroute
  domains = good.test : revoked.test : nolist.test
  route_list = * 127.0.0.1
  self = send
  transport = ${extract{1}{.}{$domain}}
''', transports=''.join('''
%s:
  driver = smtp
  port = %d
  allow_localhost
  hosts_require_tls = *
  tls_verify_hosts = *
  tls_verify_certificates = %s
  tls_crl = %s
''' % (name, port, D('ca.pem'), D(crl)) for name, port, crl in
    (('good', GOOD_PORT, 'crl.pem'), ('revoked', REVOKED_PORT, 'crl.pem'), ('nolist', GOOD_PORT, 'nowhere.pem'))), boxes=('u@box.test',)), [])
for name in ('good', 'nolist', 'revoked'):
    os.makedirs(D('mail', name + '.test', 'u'), exist_ok=True)
subprocess.run(['chmod', '-R', 'a+rwX', D('mail')], check=True)


def log(d):
    with open(d('log', 'mainlog'), errors='replace') as f:
        return f.read()


def verified(name):
    """What the server thinks of a client that shows this certificate; None: it got no TLS."""
    s = h.Smtp(GOOD_PORT)
    s.ehlo()
    if s.cmd('STARTTLS')[0] != 220:
        s.close()
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(D(name + '.pem'), D(name + '.key'))
    s.s = context.wrap_socket(s.s)
    s.f = s.s.makefile('rb')
    verified.count += 1
    who = 'c%d.test' % verified.count
    s.ehlo(who)
    s.expect('MAIL FROM:<a@b.test>', 250)
    s.close()
    line = [l for l in log(D).split('\n') if 'client %s ' % who in l]
    return line[0].split('verified=')[1]


verified.count = 0


def test_clients():
    h.equal(verified('good'), '1')
    h.equal(verified('revoked'), '0')
    h.write(D('no-list'), '')
    h.equal(verified('good'), None, 'a list that is not there')
    os.unlink(D('no-list'))
    h.equal(verified('good'), '1')


def test_servers():
    for name, there in (('good', 1), ('revoked', 0), ('nolist', 0)):
        CLIENT.run('-odf', '-oi', 'u@%s.test' % name, input='Subject: x\n\nx\n')
        box = D('mail', name + '.test', 'u')  # the server delivers after its 250
        h.wait_for(lambda: len(h.maildir(box)) >= there, what=lambda: name + ': ' + log(C))
        h.equal(len(h.maildir(box)), there, name + ': ' + log(C))
    h.check('revoked' in log(C).split('u@revoked.test')[1], log(C))
    h.check('nowhere.pem' in log(C), log(C))


def test_a_new_list_counts_at_once():
    make_list('good')
    h.equal(verified('good'), '0')


def teardown():
    SERVER.stop()
    D.remove()
    C.remove()


h.main()
