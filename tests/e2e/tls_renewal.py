#!/usr/bin/env python3
"""Certificates are renewed under a running server: new files are served at once, and files that do not fit leave the old ones in use."""
# timeout: 60
import os
import smtplib
import ssl
import subprocess

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()


def make(name, key, cert):
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=' + name,
                    '-keyout', D(key), '-out', D(cert)], check=True, capture_output=True)
    os.chmod(D(key), 0o644)


make('first.test', 'key.pem', 'cert.pem')
CONF = fill(D, PORT, extra='tls_certificate = %s\ntls_privatekey = %s\n' % (D('cert.pem'), D('key.pem')))
SERVER = h.Remex(CONF, [PORT])
SERVER.start()


def served():
    """The name in the certificate a client gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP('127.0.0.1', PORT, timeout=60) as s:
        s.starttls(context=context)
        der = s.sock.getpeercert(True)
    return subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', '-subject'], input=der, check=True,
                          capture_output=True).stdout.decode().strip().split(' ')[-1]


def panics():
    try:
        with open(D('log', 'paniclog')) as f:
            return f.read().count('the changed certificate or key cannot be used')
    except FileNotFoundError:
        return 0


def test_renewal():
    h.equal(served(), 'first.test', 'certificate')
    make('second.test', 'key2.pem', 'cert2.pem')
    os.rename(D('cert2.pem'), D('cert.pem'))
    h.equal(served(), 'first.test', 'the new certificate is not for the old key')
    h.equal(served(), 'first.test', 'and again')
    h.equal(panics(), 1, 'said once')
    os.rename(D('key2.pem'), D('key.pem'))
    h.equal(served(), 'second.test', 'certificate after the renewal')
    h.write(D('cert.pem'), 'garbage\n')
    h.equal(served(), 'second.test', 'a file that holds no certificate')
    h.equal(panics(), 2, 'said once more')


def teardown():
    SERVER.stop()
    D.remove()


h.main()
