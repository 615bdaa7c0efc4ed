#!/usr/bin/env python3
"""event_action: which events there are, in which order and with which values, for deliveries that succeed, fail and wait, over TLS and without; what
an answer forbids; and that an action which cannot be expanded is a line in the log and nothing else."""
# timeout: 180
import atexit
import os
import re
import socket
import ssl
import subprocess
import threading

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
PEER = peers.Sink(host='0.0.0.0')
REFUSED = h.free_port()
atexit.register(PEER.stop)


def chain():
    """cert.pem: a certificate and its issuer; key.pem."""
    def openssl(*words):
        subprocess.run(['openssl', *words], check=True, capture_output=True)
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=issuer.test', '-keyout', D('ca.key'), '-out', D('ca.pem'))
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=leaf.test', '-keyout', D('key.pem'), '-out', D('leaf.csr'))
    openssl('x509', '-req', '-in', D('leaf.csr'), '-CA', D('ca.pem'), '-CAkey', D('ca.key'), '-set_serial', '7', '-days', '30', '-out', D('leaf.pem'))
    with open(D('leaf.pem')) as leaf, open(D('ca.pem')) as ca:
        h.write(D('cert.pem'), leaf.read() + ca.read())
    os.chmod(D('key.pem'), 0o644)


chain()


class TlsPeer:
    """An MX that speaks TLS from the first octet."""

    def __init__(self):
        self.listener = socket.create_server(('0.0.0.0', 0))
        self.port = self.listener.getsockname()[1]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(D('cert.pem'), D('key.pem'))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            c, _ = self.listener.accept()
            try:
                self.talk(self.context.wrap_socket(c, server_side=True))
            except OSError:
                pass

    def talk(self, c):
        f = c.makefile('rwb')

        def say(text):
            f.write(text + b'\r\n')
            f.flush()
        say(b'220 tls.test')
        for line in f:
            word = line[:4].upper()
            if word == b'DATA':
                say(b'354 go')
                while f.readline() not in (b'.\r\n', b''):
                    pass
                say(b'250 taken')
            else:
                say(b'221 bye' if word == b'QUIT' else b'250 tls.test')
            if word == b'QUIT':
                c.close()
                return


TLS_PEER = TlsPeer()
ACTION = '${acl{event}{%s}}'
TRANSPORT = '''
%s:
  driver = smtp
  hosts = 127.0.1.%d
  port = %d
  allow_localhost
  event_action = %s%s
%s'''
CONF = fill(D, PORT, extra='''
event_action = %s
tls_certificate = %s
tls_privatekey = %s
tls_verify_certificates = %s
tls_try_verify_hosts = *
''' % (ACTION % 'main', D('cert.pem'), D('key.pem'), D('ca.pem')), routers='''
fail:
  driver = redirect
  domains = fail.test
  data = :fail: no such box
  allow_fail
defer:
  driver = redirect
  domains = defer.test
  data = :defer: not today
  allow_defer
others:
  driver = accept
  transport = ${extract{1}{.}{$domain}{$value}}
''', transports='  event_action = %s\n' % (ACTION % 'box') + ''.join(TRANSPORT % (t[0], n, *t[1:]) for n, t in enumerate((
    ('out', PEER.port, ACTION % 'out', '', ''),
    ('gone', REFUSED, ACTION % 'gone', '', ''),
    ('tls', TLS_PEER.port, ACTION % 'tls', '', '  protocol = smtps\n  tls_verify_certificates = %s\n  tls_verify_cert_hostnames =\n' % D('ca.pem')),
    ('noconnect', PEER.port, ACTION % 'noconnect', '${if eq{$event_name}{tcp:connect}{not there}}', ''),
    ('nosmtp', PEER.port, ACTION % 'nosmtp', '${if eq{$event_name}{smtp:connect}{not him}}', ''),
    ('nocert', TLS_PEER.port, ACTION % 'nocert', '${if eq{$event_name/$event_data}{tls:cert/0}{not this one}}', '  protocol = smtps\n'),
    ('broken', PEER.port, '${if eq{$event_name}{msg:delivery}{${lookup{x}lsearch{%s}}}}' % D('no-such-file'), '', '')), 1)) + '''
unasked:
  driver = smtp
  hosts = 127.0.1.4
  port = %d
  allow_localhost
false:
  driver = pipe
  command = /bin/false
  user = mail
  event_action = %s
''' % (PEER.port, ACTION % 'false'))
TEXT = open(CONF).read()
TEXT = TEXT.replace('begin acl\n', '''begin acl
event:
  accept logwrite = EVENT $acl_arg1 $event_name ($event_data) $event_defer_errno $host_address $local_part@$domain T=$transport_name $tls_out_ver ${if eq{$event_name}{tls:cert}{${if eq{$acl_arg1}{main}{${certextract{subject}{$tls_in_peercert}{$value}}}{${certextract{subject}{$tls_out_peercert}{$value}}}}}}
         message =
''', 1).replace('  deny message = relay', '  accept\n  deny message = relay', 1)
TEXT = TEXT.replace('* * F,1h,1s', '* * F,1h,1h')
h.write(CONF, TEXT)
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log(name='mainlog'):
    try:
        with open(D('log', name), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def events(*to, sender='a@client.test', done=' Completed', count=1):
    """What happens in the delivery of a message: the events, and =, *, D or C for lines of the log in between."""
    before = len(log())
    h.equal(h.send(PORT, sender, to, 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: log()[before:].count(done) >= count, what=lambda: '%s in %s' % (done, log()[before:]))
    out = []
    for line in log()[before:].splitlines():
        found = re.search(r'EVENT (\S+ \S+ \(.*?\) \S+) ', line)
        if found:
            out.append(found.group(1))
        elif re.search(r' [=-]> ', line):
            out.append('=>')
        elif ' ** ' in line or ' == ' in line or ' Completed' in line:
            out.append({'*': '**', '=': '==', 'C': 'Completed'}[re.search(r' (\*|=|C)[*=o]', line).group(1)])
    return out


def test_a_delivery():
    PEER.replies['EHLO'] = '250-sink.test\r\n250 8BITMIME'
    start = ['out tcp:connect () 0', 'out smtp:connect (220 sink.test ESMTP) 0', 'out smtp:ehlo (250-sink.test\\n250 8BITMIME) 0', 'out tcp:close () 0']
    one = start + ['=>', 'out msg:delivery (250 taken) 0']
    h.equal(events('u@out.test', done='msg:complete'), one + ['Completed', 'main msg:complete () 0'])
    h.equal(events('u@out.test', 'v@out.test', done='msg:complete'), one + one[-2:] + ['Completed', 'main msg:complete () 0'])
    h.check(re.search(r'EVENT out msg:delivery \(250 taken\) 0 127\.0\.1\.1 v@out\.test T=out ', log()), 'values: ' + log())


def test_a_local_delivery():
    h.equal(events('u@box.test', done='msg:complete'), ['=>', 'box msg:delivery () 0', 'Completed', 'main msg:complete () 0'])


def test_failures():
    PEER.replies['RCPT'] = lambda line: '550 never' if 'never' in line else None
    got = events('never@out.test', done='msg:fail:delivery', sender='')
    h.wait_for(lambda: ' ** never@out.test' in log(), what='failure')
    h.equal(got[4:5], ['out msg:fail:delivery (SMTP error from remote mail server after RCPT TO:<never@out.test>: 550 never) 0'])
    h.equal(events('x@fail.test', sender='', done=' ** x@fail.test')[:2], ['main msg:fail:internal (no such box) 0', '**'])
    h.equal(events('x@false.test', sender='', done=' ** x@false.test')[:2], ['false msg:fail:delivery () 0', '**'])


def test_deferrals():
    PEER.replies['RCPT'] = lambda line: '450 later' if 'later' in line else None
    why = 'SMTP error from remote mail server after RCPT TO:<later@out.test>: 450 later'
    h.equal(events('later@out.test', done=' == later@out.test')[3:], ['out msg:rcpt:host:defer (%s) -44' % why, 'out tcp:close () 0', 'out msg:rcpt:defer (%s) -44' % why, '=='])
    h.equal(events('u@gone.test', done=' == u@gone.test'), ['gone tcp:connect () 0', 'gone msg:host:defer (Connection refused) 111', 'gone msg:defer (Connection refused) 111', '=='])
    h.equal(events('u@defer.test', done=' == u@defer.test'), ['=='], 'a router is no transport')
    # Waiting for its time, the address is not tried: no event.
    before = log().count('EVENT')
    SERVER.run('-q')
    h.equal(log().count('EVENT'), before, 'a queue run before the time')


def test_certificates():
    got = events('u@tls.test', done='msg:complete')
    h.equal(got[:5], ['tls tcp:connect () 0', 'tls tls:cert (1) 0', 'tls tls:cert (0) 0', 'tls smtp:connect (220 tls.test) 0', 'tls smtp:ehlo (250 tls.test) 0'])
    lines = [line for line in log().splitlines() if 'EVENT tls tls:cert' in line]
    h.check(lines[0].endswith('CN=issuer.test') and lines[1].endswith('CN=leaf.test'), lines)
    h.check('EVENT tls smtp:ehlo (250 tls.test) 0 127.0.1.3 u@tls.test T=tls TLS1.' in log(), 'TLS values: ' + log())


def test_what_answers_forbid():
    # A connection of another transport to the same host is no way around the veto.
    h.equal(events('u@unasked.test', done='EVENT main msg:complete')[0], '=>', 'a connection that is kept')
    sessions = PEER.sessions
    h.equal(events('u@noconnect.test', done=' == u@noconnect.test')[:2], ['noconnect tcp:connect () 0', 'noconnect msg:host:defer (deferred by tcp:connect event expansion: not there) -58'])
    h.equal(PEER.sessions, sessions, 'nobody connected')
    h.equal(events('u@nosmtp.test', done=' == u@nosmtp.test')[:4], ['nosmtp tcp:connect () 0', 'nosmtp smtp:connect (220 sink.test ESMTP) 0', 'nosmtp tcp:close () 0',
                                                                     'nosmtp msg:host:defer (deferred by smtp:connect event expansion: not him) -27'])
    got = events('u@nocert.test', done=' == u@nocert.test')
    h.check(any('msg:defer' in e and 'refused by event_action, depth 0: not this one' in e for e in got), got)


def test_an_action_that_fails():
    h.equal(events('u@broken.test', done='msg:complete')[0], '=>')
    h.wait_for(lambda: 'failed to expand event_action msg:delivery' in log('paniclog'), what='panic log')


def test_clients():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(D('cert.pem'), D('key.pem'))
    with socket.create_connection(('127.0.0.1', PORT), 60) as s:
        s.recv(1000)
        s.sendall(b'EHLO x\r\n')
        s.recv(1000)
        s.sendall(b'STARTTLS\r\n')
        s.recv(1000)
        t = context.wrap_socket(s)
        t.sendall(b'NOOP\r\n')
        h.check(t.recv(100).startswith(b'250'), 'a client with a certificate')
    h.wait_for(lambda: re.search(r'EVENT main tls:cert \(0\) 0 .* CN=leaf\.test', log()), what='tls:cert')
    with socket.create_connection(('127.0.0.1', PORT), 60) as s:
        s.recv(1000)
        s.sendall(b'EHLO x\r\n')
        s.recv(1000)
        s.sendall(b'STARTTLS\r\n')
        s.recv(1000)
        s.sendall(b'this is no TLS, is it?\r\n' * 20)
        s.recv(1000)
    h.wait_for(lambda: 'EVENT main tls:fail:connect (' in log(), what='tls:fail:connect')


h.main()
