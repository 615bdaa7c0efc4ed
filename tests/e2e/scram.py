#!/usr/bin/env python3
"""The gsasl authenticator: SCRAM (RFC 5802, 7677) and its older relatives, server and client, checked by a client and a server of
our own that know the RFC only; wrong passwords, stored keys, servers that do not prove themselves or want too much."""
# timeout: 120
import atexit
import base64
import hashlib
import hmac
import os
import re
import socketserver
import threading

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
SALT = base64.b64encode(b'0123456789ab').decode()


def hmac_(name, key, data):
    return hmac.new(key, data, name).digest()


def scram_keys(name, password, salt, rounds):
    salted = hashlib.pbkdf2_hmac(name, password, base64.b64decode(salt), rounds)
    client = hmac_(name, salted, b'Client Key')
    return salted, client, hashlib.new(name, client).digest(), hmac_(name, salted, b'Server Key')


STORED = {n: scram_keys(n, b'kept secret', SALT, 4096) for n in ('sha1', 'sha256')}


class Handler(socketserver.StreamRequestHandler):
    """An SMTP server with SCRAM-SHA-256: knows u/secret. The server's `mode` makes it misbehave."""

    def say(self, line):
        self.wfile.write(line.encode() + b'\r\n')

    def hear(self):
        return self.rfile.readline().decode('latin-1').rstrip('\r\n')

    def handle(self):
        self.say('220 peer.test')
        while True:
            line = self.hear()
            word = line[:4].upper()
            if not word or word == 'QUIT':
                return
            if word == 'EHLO':
                self.say('250-peer.test\r\n250 AUTH SCRAM-SHA-256')
            elif word == 'AUTH':
                self.auth(line.split()[2])
            elif word == 'DATA':
                self.say('354 go')
                while self.hear() != '.':
                    pass
                self.server.messages += 1
                self.say('250 taken')
            else:
                self.say('250 ok')

    def auth(self, initial):
        first = base64.b64decode(initial).decode()
        user, nonce = re.match(r'n,,n=([^,]*),r=(.*)$', first).groups()
        rounds = 2000000000 if self.server.mode == 'greedy' else 4096
        challenge = 'r=%sserver,s=%s,i=%d' % (nonce, SALT, rounds)
        self.say('334 ' + base64.b64encode(challenge.encode()).decode())
        answer = self.hear()
        if answer == '*':
            self.say('501 cancelled')
            return
        final = base64.b64decode(answer).decode()
        bare, proof = final.rsplit(',p=', 1)
        _, client, stored, key = scram_keys('sha256', b'secret', SALT, 4096)
        text = ('%s,%s,%s' % (first[3:], challenge, bare)).encode()
        good = bytes(a ^ b for a, b in zip(client, hmac_('sha256', stored, text))) == base64.b64decode(proof)
        self.server.log.append((user, good))
        if not good:
            self.say('535 no')
            return
        if self.server.mode == 'silent':
            self.say('235 believe me')
            return
        signature = hmac_('sha256', b'x' * 32 if self.server.mode == 'liar' else key, text)
        self.say('334 ' + base64.b64encode(b'v=' + base64.b64encode(signature)).decode())
        if self.hear() == '*':
            self.say('501 cancelled')
        else:
            self.say('235 welcome')


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        self.log, self.messages, self.mode = [], 0, 'good'
        super().__init__(('127.0.0.1', 0), Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()


PEER = Server()
AUTH = r'''
begin authenticators
s1:
  driver = gsasl
  public_name = SCRAM-SHA-1
  server_password = ${if eq{$auth1}{u}{secret}fail}
  server_scram_salt = SALT
  server_set_id = $auth1
s256:
  driver = gsasl
  public_name = SCRAM-SHA-256
  server_password = ${if eq{$auth1}{u}{secret}{${if eq{$auth1}{unknown}{}{other secret}}}}
  server_skey = ${if eq{$auth1}{keyed}{STOREDKEY}{}}
  server_key = ${if eq{$auth1}{keyed}{SERVERKEY}{}}
  server_scram_salt = SALT
  server_set_id = $auth1
cram:
  driver = gsasl
  public_name = CRAM-MD5
  server_password = ${if eq{$auth1}{u}{secret}}
  server_set_id = $auth1
own_cram:
  driver = cram_md5
  public_name = X-CRAM-MD5
  server_secret = ${if eq{$auth1}{u}{secret}}
plain:
  driver = gsasl
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth1}{u}}{eq{$auth3}{secret}}}}
  server_set_id = $auth1
client_of_others:
  driver = gsasl
  public_name = SCRAM-SHA-256
  client_username = u
  client_password = ${if eq{$local_part}{wrong}{bad}{secret}}
  client_condition = yes
'''.replace('SALT', SALT).replace('STOREDKEY', base64.b64encode(STORED['sha256'][2]).decode()).replace('SERVERKEY', base64.b64encode(STORED['sha256'][3]).decode())
ROUTERS = '''
out:
  driver = manualroute
  domains = peer.test
  route_list = * 127.0.0.1
  self = send
  transport = remote
'''
TRANSPORTS = '''
remote:
  driver = smtp
  port = %d
  hosts_require_auth = *
  hosts_avoid_tls = *
  connection_max_messages = 1
''' % PEER.port
CONF = fill(D, PORT, extra='auth_advertise_hosts = *\n', routers=ROUTERS, transports=TRANSPORTS)
h.write(CONF, open(CONF).read().replace('acl_rcpt:\n', 'acl_rcpt:\n  accept\n', 1).replace('* * F,1h,1s', '* * F,1d,1h') + AUTH)
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log():
    try:
        with open(D('log/mainlog'), errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


def scram(mech, user, password, initial=True, spoil=None):
    """The last reply (of a message when the login worked), and whether the server proved itself."""
    name = 'sha1' if mech.endswith('-1') else 'sha256'
    c = h.Smtp(PORT)
    c.ehlo()
    bare = 'n=%s,r=%s' % (user, base64.b64encode(os.urandom(12)).decode())
    first = base64.b64encode(('n,,' + bare).encode()).decode()
    if initial:
        got = c.cmd('AUTH %s %s' % (mech, first))
    else:
        h.equal(c.cmd('AUTH ' + mech), (334, ''))
        got = c.cmd(first)
    if got[0] != 334:
        return got, False
    challenge = base64.b64decode(got[1]).decode()
    fields = dict(f.split('=', 1) for f in challenge.split(','))
    h.check(fields['r'].startswith(bare.split('r=')[1]), challenge)
    _, client, stored, key = scram_keys(name, password, fields['s'], int(fields['i']))
    end = 'c=biws,r=' + fields['r']
    text = ('%s,%s,%s' % (bare, challenge, end)).encode()
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client, hmac_(name, stored, text)))).decode()
    got = c.cmd(spoil or base64.b64encode(('%s,p=%s' % (end, proof)).encode()).decode())
    if got[0] != 334:
        c.close()
        return got, False
    proved = base64.b64decode(got[1]).decode() == 'v=' + base64.b64encode(hmac_(name, key, text)).decode()
    got = c.cmd('')
    if got[0] == 235:
        got = c.message('s@c.test', ['u@box.test'], 'Subject: x\n\nx\n')
    c.close()
    return got, proved


def test_scram_server():
    for mech in ('SCRAM-SHA-1', 'SCRAM-SHA-256'):
        for initial in (True, False):
            got, proved = scram(mech, 'u', b'secret', initial)
            h.check(got[0] == 250 and proved, (mech, got, proved))
    h.check('A=s256:u' in log() and 'A=s1:u' in log(), log()[-600:])


def test_stored_keys():
    got, proved = scram('SCRAM-SHA-256', 'keyed', b'kept secret')
    h.check(got[0] == 250 and proved, (got, proved))
    got, proved = scram('SCRAM-SHA-256', 'keyed', b'secret')
    h.equal(got[0], 535, got[1])


def test_wrong_passwords_and_junk():
    for mech in ('SCRAM-SHA-1', 'SCRAM-SHA-256'):
        got, _ = scram(mech, 'u', b'wrong')
        h.equal(got[0], 535, got[1])
    got, _ = scram('SCRAM-SHA-256', 'u', b'secret', spoil=base64.b64encode(b'c=biws,r=other,p=AAAA').decode())
    h.check(got[0] in (501, 535), got)
    got, _ = scram('SCRAM-SHA-256', 'u', b'secret', spoil='*')
    h.equal(got[0], 501, got[1])
    c = h.Smtp(PORT)
    c.ehlo()
    got = c.cmd('AUTH SCRAM-SHA-256 ' + base64.b64encode(b'p=tls-unique,,n=u,r=x').decode())
    if got[0] == 334:  # refused at the end of the exchange
        got = c.cmd(base64.b64encode(b'c=cD10bHMtdW5pcXVlLCw=,r=x,p=AAAA').decode())
    h.check(got[0] in (501, 535), got)
    c.close()
    h.check('secret' not in log(), 'a password is in the log')


def test_an_empty_secret_lets_nobody_in():
    got, _ = scram('SCRAM-SHA-256', 'unknown', b'')
    h.check(got[0] in (454, 535), got)
    for mech in ('CRAM-MD5', 'X-CRAM-MD5'):
        c = h.Smtp(PORT)
        c.ehlo()
        challenge = base64.b64decode(c.cmd('AUTH ' + mech)[1])
        got = c.cmd(base64.b64encode(b'unknown ' + hmac.new(b'', challenge, 'md5').hexdigest().encode()).decode())
        h.check(got[0] in (454, 535), (mech, got))
        c.close()


def test_a_forced_failure_defers():
    got, _ = scram('SCRAM-SHA-1', 'stranger', b'secret')
    h.check(400 <= got[0] < 500, got)


def test_cram_md5_and_plain():
    c = h.Smtp(PORT)
    c.ehlo()
    challenge = base64.b64decode(c.cmd('AUTH CRAM-MD5')[1])
    h.equal(c.cmd(base64.b64encode(b'u ' + hmac.new(b'secret', challenge, 'md5').hexdigest().encode()).decode())[0], 235)
    c.close()
    for password, want in ((b'secret', 235), (b'wrong', 535)):
        c = h.Smtp(PORT)
        c.ehlo()
        h.equal(c.cmd('AUTH PLAIN ' + base64.b64encode(b'\0u\0' + password).decode())[0], want)
        c.close()


def deliver(word):
    got = h.send(PORT, 's@c.test', [word + '@peer.test'], 'Subject: x\n\nx\n')
    number = got[1].split('id=')[1].split()[0]

    def line():
        found = [l for l in log().splitlines() if number in l and re.search(r' (=>|==|\*\*) ', l)]
        return found and found[0]
    return h.wait_for(line, what=lambda: log()[-1000:])


def test_client():
    line = deliver('good')
    h.check(' => ' in line and ' A=client_of_others' in line, line)
    h.equal(PEER.log[-1], ('u', True))


def test_client_is_not_fooled():
    for mode, why in (('liar', 'SCRAM-SHA-256'), ('silent', 'did not prove'), ('greedy', 'too many SCRAM iterations')):
        PEER.mode, before = mode, PEER.messages
        SERVER.stop()
        for name in ('spool', 'log'):
            os.system('rm -rf %s/*' % D(name))
        SERVER.start()
        line = deliver(mode)
        h.check(' == ' in line, line)
        h.check(why in log(), why + ': ' + log()[-800:])
        h.equal(PEER.messages, before)
    PEER.mode = 'good'


def test_what_is_refused_at_load():
    text = open(CONF).read()
    for a, b, why in (('public_name = SCRAM-SHA-1\n', 'public_name = NOSUCH\n', 'cannot serve the mechanism NOSUCH'),
                      ('  server_condition = ${if and{{eq{$auth1}{u}}{eq{$auth3}{secret}}}}\n', '  server_password = x\n', 'PLAIN needs server_condition'),
                      ('  client_condition = yes\n', '  client_channelbinding\n', 'client_channelbinding')):
        path = h.write(D('bad.conf'), text.replace(a, b))
        r = h.Remex(path, []).run('-bV')
        h.check(r.returncode != 0 and why in r.stderr, r.stderr[-500:])


h.main()
