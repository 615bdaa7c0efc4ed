#!/usr/bin/env python3
"""The clients people have: swaks, msmtp with STARTTLS, Python's smtplib, openssl s_client; AUTH PLAIN."""
# timeout: 120
import os
import shutil
import smtplib
import ssl
import subprocess

import harness as h
from _maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
AUTH = r'''
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and {{eq{$auth2}{joe}}{eq{$auth3}{secret}}}}
  server_set_id = $auth2
  server_advertise_condition = ${if def:tls_in_cipher}
'''
CONF = fill(D, PORT, extra='auth_advertise_hosts = *')
with open(CONF, 'a') as f:
    f.write(AUTH)
SERVER = h.Remex(CONF, [PORT])
SERVER.start()


def need(program):
    if not shutil.which(program):
        raise h.Failed('%s is not installed' % program)


def arrives(what, run):
    before = len(h.maildir(D('mail', 'box.test', 'u')))
    run()
    h.wait_for(lambda: len(h.maildir(D('mail', 'box.test', 'u'))) == before + 1, what=what)
    return log().splitlines()


def log():
    return open(D('log', 'mainlog'), errors='replace').read()


def call(*args, input=None):
    r = subprocess.run(args, input=input, capture_output=True, text=True, timeout=30)
    h.equal(r.returncode, 0, '%s: %s%s' % (args[0], r.stdout[-1500:], r.stderr[-1500:]))
    return r.stdout


def test_swaks():
    need('swaks')
    arrives('swaks', lambda: call('swaks', '--server', '127.0.0.1', '--port', str(PORT), '--from', 's@c.test', '--to', 'u@box.test'))
    lines = arrives('swaks with TLS', lambda: call('swaks', '--server', '127.0.0.1', '--port', str(PORT), '--tls', '--from', 's@c.test', '--to', 'u@box.test'))
    h.check(any(' P=esmtps ' in l and ' X=TLS1.' in l for l in lines), 'no TLS in the log: %r' % lines[-4:])


def test_swaks_auth():
    need('swaks')
    base = ['swaks', '--server', '127.0.0.1', '--port', str(PORT), '--tls', '--from', 's@c.test', '--to', 'u@box.test', '--auth', 'PLAIN', '--auth-user', 'joe']
    lines = arrives('swaks with AUTH', lambda: call(*base, '--auth-password', 'secret'))
    h.check(any(' P=esmtpsa ' in l and ' A=plain:joe ' in l for l in lines), 'no authentication in the log: %r' % lines[-4:])
    r = subprocess.run(base + ['--auth-password', 'wrong'], capture_output=True, text=True, timeout=30)
    h.check(r.returncode != 0 and '535' in r.stdout, 'a wrong password: %s' % r.stdout[-800:])
    h.check('plain authenticator failed for' in log() and 'wrong' not in log(), 'the log line of a failed login')


def test_auth_is_not_offered_in_clear():
    c = h.Smtp(PORT)
    h.check('AUTH' not in c.ehlo(), 'AUTH offered without TLS')
    h.equal(c.cmd('AUTH PLAIN AGpvZQBzZWNyZXQ=')[0], 503, 'AUTH without TLS')
    c.close()


def test_msmtp():
    need('msmtp')
    text = 'From: s@c.test\nTo: u@box.test\nSubject: msmtp\n\nhello\n'
    arrives('msmtp', lambda: call('msmtp', '--host=127.0.0.1', '--port=%d' % PORT, '--from=s@c.test', '--auth=off', '--tls=on', '--tls-starttls=on', '--tls-certcheck=off',
                                  'u@box.test', input=text))


def test_smtplib():
    def run():
        with smtplib.SMTP('127.0.0.1', PORT, timeout=20) as s:
            s.starttls(context=ssl._create_unverified_context())
            s.ehlo()
            s.sendmail('s@c.test', ['u@box.test'], 'Subject: smtplib\r\n\r\n.leading dot\r\nbye\r\n')
    arrives('smtplib', run)
    h.check(any('\n.leading dot\n' in m for m in h.maildir(D('mail', 'box.test', 'u'))), 'the dot line')


def test_openssl():
    for version in ('-tls1_2', '-tls1_3'):
        r = subprocess.run(['openssl', 's_client', '-starttls', 'smtp', '-connect', '127.0.0.1:%d' % PORT, version, '-brief'], input='QUIT\r\n', capture_output=True,
                           text=True, timeout=30)
        h.check('CONNECTION ESTABLISHED' in r.stderr + r.stdout, '%s: %s' % (version, r.stderr[-800:]))
    r = subprocess.run(['openssl', 's_client', '-starttls', 'smtp', '-connect', '127.0.0.1:%d' % PORT, '-tls1_1', '-brief'], input='QUIT\r\n', capture_output=True, text=True,
                       timeout=30)
    h.check('CONNECTION ESTABLISHED' not in r.stderr + r.stdout, 'TLS 1.1 was accepted')


def teardown():
    SERVER.stop()
    D.remove()


h.main()
