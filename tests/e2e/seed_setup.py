#!/usr/bin/env python3
"""The minimal mail setup as its author printed it (one slip mended), on ports 25 and 587 in a network namespace of its own.

The eight traffic cases, suffix delivery, mailboxes that are directories, hostile local parts, DKIM as login.
"""
# timeout: 180
import os
import subprocess

import harness as h

h.enter_namespace()
D = h.Dir()
US, THEM = 'staging.example.net', 'other.example.org'

HEAD = r'''
primary_hostname = mail.staging.example.net
spool_directory = @DIR@/spool
log_file_path = @DIR@/log/%slog
daemon_smtp_ports = 25 : 587
local_interfaces = 127.0.0.1
dns_resolvers = <; 127.0.0.1:@DNS@
exim_user = @USER@
rfc1413_query_timeout = 0s
log_selector = +dkim_verbose
'''
with open(os.path.join(h.SUPPORT, 'seed_setup.conf')) as f:
    CONF = f.read().replace('@HEAD@', HEAD).replace('@MAIL@', '/var/mail')

KEYS = {}
ZONE = {
    US: [{'MX': [10, 'mail.' + US]}], 'mail.' + US: [{'A': '127.0.0.1'}],
    THEM: [{'MX': [10, 'mx.' + THEM]}], 'mx.' + THEM: [{'A': '127.0.0.1'}],
}
for selector, kind in (('me', 'rsa'), ('blog', 'ed25519')):
    KEYS[selector] = D('%s.pem' % selector)
    ZONE['%s._domainkey.%s' % (selector, US)] = [{'TXT': h.dkim_key(KEYS[selector], kind)}]
h.dkim_key(D('wrong.pem'))
DNS = h.Dns(ZONE)

MAIL = '/var/mail'
os.makedirs(D('mail', US, 'me', 'topic'))
os.makedirs(D('mail', US, 'blog'))
os.makedirs('/var/mail', exist_ok=True)
subprocess.run(['mount', '--bind', D('mail'), '/var/mail'], check=True)
subprocess.run(['chown', '-R', 'mail:mail', D('mail')], check=True)
h.write(D('mail', US, 'plainfile'), 'x')
SERVER = h.Remex(h.write(D('remex.conf'), CONF.replace('@DIR@', D.path).replace('@DNS@', str(DNS.port)).replace('@USER@', 'mail')), [25, 587])
SERVER.start()


def teardown():
    SERVER.stop()
    DNS.stop()
    D.remove()


def text(sender, to, extra='', body='Hello, this is my first e-mail to you.\n'):
    return 'From: <%s>\nTo: <%s>\nSubject: test\nDate: Sat, 21 Nov 2026 00:00:00 +0000\nMessage-ID: <1@x>\n%s\n%s' % (sender, to, extra, body)


def sign(message, selector, key=None, domain=US):
    """Signs with remex's own client mode, into a sink."""
    import dkim
    algo = b'ed25519-sha256' if selector == 'blog' and not key else b'rsa-sha256'
    raw = message.replace('\n', '\r\n').encode()
    with open(key or KEYS[selector], 'rb') as f:
        pem = f.read()
    if algo.startswith(b'ed'):
        import base64
        der = base64.b64decode(b''.join(l for l in pem.split(b'\n') if not l.startswith(b'-')))
        pem = base64.b64encode(der[-32:])
    sig = dkim.sign(raw, selector.encode(), domain.encode(), pem, canonicalize=(b'relaxed', b'relaxed'), signature_algorithm=algo)
    return sig.decode().replace('\r\n', '\n') + message


ME, OTHER, BLOG = 'me@' + US, 'someone@' + THEM, 'blog@' + US


def rcpt(port, sender, to):
    c = h.Smtp(port)
    c.ehlo()
    c.expect('MAIL FROM:<%s>' % sender, 250)
    got = c.cmd('RCPT TO:<%s>' % to)
    c.close()
    return got


def test_1_stranger_to_me_is_delivered():
    n = len(h.maildir(D('mail', US, 'me')))
    code, reply = h.send(25, OTHER, [ME], text(OTHER, ME))
    h.equal(code, 250, reply)
    h.wait_for(lambda: len(h.maildir(D('mail', US, 'me'))) == n + 1, what='the mail in the maildir')
    h.check('first e-mail' in h.maildir(D('mail', US, 'me'))[-1], 'body')


def test_2_3_4_mx_refuses():
    for sender, to in ((ME, OTHER), (OTHER, 'x@third.example'), (ME, ME)):
        h.equal(rcpt(25, sender, to)[0], 550, '%s to %s on 25' % (sender, to))


def test_5_7_submission_refuses():
    for sender, to in ((OTHER, ME), (OTHER, 'x@third.example')):
        h.equal(rcpt(587, sender, to)[0], 550, '%s to %s on 587' % (sender, to))


def test_6_me_to_stranger_is_relayed():
    sink = Sink(2600)
    code, reply = h.send(587, ME, [OTHER], sign(text(ME, OTHER), 'me'))
    h.equal(code, 250, reply)
    got = h.wait_for(lambda: sink.messages, what='the message at the MX')[0]
    sink.stop()
    import dkim
    records = {k.encode() + b'.': v[0]['TXT'].encode() for k, v in ZONE.items() if '_domainkey' in k}
    h.check(dkim.verify(got, dnsfunc=lambda name, timeout=5: records.get(name if isinstance(name, bytes) else name.encode())), 'signature at the MX')


def test_8_me_to_me_is_delivered():
    n = len(h.maildir(D('mail', US, 'blog')))
    code, reply = h.send(587, ME, [BLOG], sign(text(ME, BLOG), 'me'))
    h.equal(code, 250, reply)
    h.wait_for(lambda: len(h.maildir(D('mail', US, 'blog'))) == n + 1, what='the mail in the maildir')
    code, reply = h.send(587, BLOG, [ME], sign(text(BLOG, ME), 'blog'))
    h.equal(code, 250, 'Ed25519: ' + reply)


def test_suffix_is_a_subdirectory():
    code, reply = h.send(25, OTHER, ['me/topic@' + US], text(OTHER, 'me/topic@' + US))
    h.equal(code, 250, reply)
    h.wait_for(lambda: len(h.maildir(D('mail', US, 'me', 'topic'))) == 1, what='the mail in the subdirectory')
    h.equal(rcpt(25, OTHER, 'me/nosuch@' + US)[0], 550, 'a suffix without directory')


def test_new_directory_is_a_new_mailbox():
    h.equal(rcpt(25, OTHER, 'fresh@' + US)[0], 550, 'before')
    os.mkdir(D('mail', US, 'fresh'))
    subprocess.run(['chown', 'mail:mail', D('mail', US, 'fresh')], check=True)
    code, reply = h.send(25, OTHER, ['fresh@' + US], text(OTHER, 'fresh@' + US))
    h.equal(code, 250, reply)
    h.wait_for(lambda: h.maildir(D('mail', US, 'fresh')), what='the mail in the new mailbox')


def test_hostile_local_parts():
    for local in ('..', '.', '../' + US, '../../etc', '/etc/passwd', 'me/..', 'me/../blog', '/', '', 'me//topic', 'plainfile', 'unknown', '""', '".."',
                  '"../x"', 'me/topic/../..', '%2e%2e'):
        code, reply = rcpt(25, OTHER, '%s@%s' % (local, US))
        # a suffix that holds a slash reaches the last lookup, which cannot be done for such a key: a temporary refusal
        want = (451,) if local == 'me//topic' else range(500, 600)
        h.check(code in want, '%s: %d %s' % (local, code, reply))


def refused(data, what, port=587, sender=ME, to=BLOG):
    n = len(h.maildir(D('mail', US, 'blog')))
    code, reply = h.send(port, sender, [to], data)
    h.equal(code, 550, '%s: %s' % (what, reply))
    h.equal(len(h.maildir(D('mail', US, 'blog'))), n, what + ': delivered all the same')


def test_dkim_is_the_login():
    good = sign(text(ME, BLOG), 'me')
    refused(text(ME, BLOG), 'unsigned')
    refused(good.replace('first e-mail', 'second e-mail'), 'tampered body')
    refused(good.replace('Subject: test', 'Subject: tost'), 'tampered header')
    refused(sign(text(ME, BLOG), 'nobody', D('wrong.pem')), 'unknown selector')
    refused(sign(text(ME, BLOG), 'me', D('wrong.pem')), 'wrong key')


def test_broken_signature_is_refused_on_25():
    refused(sign(text(OTHER, ME), 'me').replace('Subject: test', 'Subject: x'), 'broken signature', 25, OTHER, ME)


class Sink:
    """An MX that takes everything."""

    def __init__(self, port):
        import socketserver
        import threading
        sink = self
        self.messages = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b'220 sink\r\n')
                while True:
                    line = self.rfile.readline()
                    if not line:
                        return
                    word = line[:4].upper()
                    if word == b'DATA':
                        self.wfile.write(b'354 go\r\n')
                        lines = []
                        while True:
                            l = self.rfile.readline()
                            if l == b'.\r\n' or not l:
                                break
                            lines.append(l[1:] if l.startswith(b'..') else l)
                        sink.messages.append(b''.join(lines))
                    self.wfile.write(b'221 bye\r\n' if word == b'QUIT' else b'250 ok\r\n')
                    if word == b'QUIT':
                        return

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.server = socketserver.ThreadingTCPServer(('127.0.0.1', port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


h.main()
