#!/usr/bin/env python3
"""Clients other people wrote: swaks, msmtp, Python's smtplib, openssl s_client; in clear, by STARTTLS, with AUTH."""
# timeout: 120
import re
import shutil
import smtplib
import ssl
import subprocess

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
EXTRA = 'auth_advertise_hosts = *\nlog_selector = +tls_sni\n'
AUTH = '''
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{u}}{eq{$auth3}{secret}}}}
  server_set_id = $auth2
  server_advertise_condition = yes
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{u}}{eq{$auth2}{secret}}}}
  server_set_id = $auth1
'''
CONF = fill(D, PORT, extra=EXTRA)
with open(CONF) as f:
    TEXT = f.read().replace('acl_rcpt:\n', 'acl_rcpt:\n  accept authenticated = *\n         verify = recipient\n')
h.write(CONF, TEXT + AUTH)
SERVER = h.Remex(CONF, [PORT])
SERVER.start()
BOX, ME = D('mail', 'box.test', 'u'), 'u@box.test'


def log():
    with open(D('log', 'mainlog'), errors='replace') as f:
        return f.read()


def need(program):
    if not shutil.which(program):
        raise h.Failed('%s is not installed' % program)


def run(command, want=0, **kw):
    got = subprocess.run(command, capture_output=True, text=True, timeout=60, **kw)
    h.equal(got.returncode == 0, want == 0, 'status %d of %s: %s%s' % (got.returncode, command[0], got.stdout, got.stderr))
    return got.stdout + got.stderr


def arrives(subject, *logged):
    """The message with this subject is in the mailbox, and its <= line holds each of `logged`."""
    h.wait_for(lambda: any('Subject: %s\n' % subject in m for m in h.maildir(BOX)), what=lambda: '%s; log: %s' % (subject, log()[-1500:]))
    line = [l for l in log().splitlines() if ' <= ' in l][-1]
    for wanted in logged:
        h.check(wanted in line, '"%s" in the log line: %s' % (wanted, line))


def swaks(subject, *args, want=0):
    need('swaks')
    return run(['swaks', '--server', '127.0.0.1:%d' % PORT, '--from', 's@c.test', '--to', ME, '--header', 'Subject: ' + subject, *args], want)


def test_swaks_plain():
    swaks('swaks in clear')
    arrives('swaks in clear', 'P=esmtp ')


def test_swaks_tls():
    out = swaks('swaks with TLS', '--tls')
    h.check(re.search(r'TLS started with cipher', out), out)
    arrives('swaks with TLS', 'P=esmtps ', 'X=TLS1.')


def test_swaks_auth_plain():
    swaks('swaks authenticated', '--auth', 'PLAIN', '--auth-user', 'u', '--auth-password', 'secret')
    arrives('swaks authenticated', 'P=esmtpa ', 'A=plain:u')


def test_swaks_auth_login_inside_tls():
    swaks('swaks login', '--tls', '--auth', 'LOGIN', '--auth-user', 'u', '--auth-password', 'secret')
    arrives('swaks login', 'P=esmtpsa ', 'A=login:u')


def test_swaks_wrong_password():
    out = swaks('never', '--auth', 'PLAIN', '--auth-user', 'u', '--auth-password', 'wrong', want=1)
    h.check('535' in out, out)
    h.check(not any('Subject: never' in m for m in h.maildir(BOX)), 'delivered')
    h.wait_for(lambda: 'authenticator failed' in log(), what='the log line')
    h.check('wrong' not in log() and 'secret' not in log(), 'a password is in the log')


def test_swaks_large_with_dots():
    body = D('body.txt')
    h.write(body, ''.join('.%d %s\n' % (i, 'x' * 60) for i in range(20000)))
    swaks('swaks large', '--body', '@' + body)
    arrives('swaks large')
    got = [m for m in h.maildir(BOX) if 'Subject: swaks large\n' in m][0]
    with open(body) as f:
        h.check(f.read().rstrip('\n') in got, 'the body changed')


def msmtp(subject, *args, want=0):
    need('msmtp')
    text = 'From: <s@c.test>\nTo: <%s>\nSubject: %s\n\nmsmtp was here\n' % (ME, subject)
    return run(['msmtp', '--host=127.0.0.1', '--port=%d' % PORT, '--from=s@c.test', *args, ME], want, input=text)


def fingerprint():
    out = run(['msmtp', '--host=127.0.0.1', '--port=%d' % PORT, '--serverinfo', '--tls=on', '--tls-certcheck=off'])
    return re.search(r'SHA256: *([0-9A-F:]+)', out).group(1)


def test_msmtp_plain():
    msmtp('msmtp in clear')
    arrives('msmtp in clear', 'P=esmtp ')


def test_msmtp_starttls():
    msmtp('msmtp unchecked', '--tls=on', '--tls-starttls=on', '--tls-certcheck=off')
    arrives('msmtp unchecked', 'P=esmtps ')


def test_msmtp_fingerprint():
    right = fingerprint()
    msmtp('msmtp pinned', '--tls=on', '--tls-fingerprint=' + right)
    arrives('msmtp pinned', 'P=esmtps ')
    wrong = right[:-2] + ('00' if right[-2:] != '00' else '01')
    msmtp('never', '--tls=on', '--tls-fingerprint=' + wrong, want=1)
    msmtp('never', '--tls=on', want=1)  # nobody vouches for a certificate of our own making
    h.check(not any('Subject: never' in m for m in h.maildir(BOX)), 'delivered')


def test_smtplib():
    with smtplib.SMTP('127.0.0.1', PORT, timeout=60) as c:
        refused = c.sendmail('s@c.test', [ME, 'nobody@elsewhere.test'], 'Subject: smtplib\r\n\r\nhello\r\n')
        h.equal(list(refused), ['nobody@elsewhere.test'], 'refused recipients')
        h.equal(refused['nobody@elsewhere.test'][0], 550, 'code')
    arrives('smtplib', 'P=esmtp ')


def test_smtplib_starttls_and_login():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP('127.0.0.1', PORT, timeout=60) as c:
        h.check(c.starttls(context=context)[0] == 220, 'STARTTLS')
        c.login('u', 'secret')
        for i in range(3):
            c.sendmail('s@c.test', [ME], 'Subject: smtplib %d\r\n\r\nhello\r\n' % i)
    arrives('smtplib 2', 'P=esmtpsa ', 'A=plain:u')


def test_openssl_handshake():
    for version in ('-tls1_2', '-tls1_3'):
        out = run(['openssl', 's_client', '-starttls', 'smtp', '-connect', '127.0.0.1:%d' % PORT, '-quiet', '-ign_eof', version], input='QUIT\n')
        h.check('221 ' in out, out)
    out = run(['openssl', 's_client', '-starttls', 'smtp', '-connect', '127.0.0.1:%d' % PORT, '-ign_eof'], input='QUIT\r\n')
    h.check('Server certificate' in out and re.search(r'CN ?= ?mx\.test', out), out)
    h.check('Secure Renegotiation IS NOT' not in out or 'TLSv1.3' in out, out)


def test_old_tls_is_refused():
    got = subprocess.run(['openssl', 's_client', '-starttls', 'smtp', '-connect', '127.0.0.1:%d' % PORT, '-tls1', '-cipher', 'ALL:@SECLEVEL=0'], input='QUIT\n', capture_output=True,
                         text=True, timeout=60)
    h.check('Cipher is (NONE)' in got.stdout or 'alert protocol version' in got.stderr, got.stdout + got.stderr)
    swaks('after the failed handshake', '--tls')
    arrives('after the failed handshake')


def teardown():
    SERVER.stop()
    D.remove()


h.main()
