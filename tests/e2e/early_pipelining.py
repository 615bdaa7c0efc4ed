#!/usr/bin/env python3
"""PIPECONNECT on both sides: EHLO and what follows without waiting, and what happens when the other side has changed its mind."""
# timeout: 240
import atexit
import re
import socket
import ssl
import subprocess
import threading

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()


class Peer:
    """A server that serves one connection after the other. `script` says for each connection how it behaves: a dictionary with
    `early` (what must have come before the greeting is sent), `greeting`, `offers` and `secure` (keywords before and inside TLS),
    `hang_up` (instead of a greeting)."""

    def __init__(self):
        self.s = socket.create_server(('127.0.0.1', 0))
        self.port = self.s.getsockname()[1]
        self.script, self.messages, self.connections, self.early, self.trouble = [], [], 0, [], []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            c, _ = self.s.accept()
            self.connections += 1
            try:
                self.talk(c, self.script.pop(0))
            except (OSError, EOFError):
                pass
            except Exception as e:  # told by the test that waits in vain
                self.trouble.append(repr(e))
            c.close()

    def talk(self, c, how):
        c.settimeout(60)
        have, secure = b'', False

        def more():
            nonlocal have
            got = c.recv(65536)
            if not got:
                raise EOFError
            have += got

        def line():
            nonlocal have
            while b'\r\n' not in have:
                more()
            first, have = have.split(b'\r\n', 1)
            return first.decode()

        def say(text):
            c.sendall(text.encode() + b'\r\n')

        def ehlo(keywords):
            words = ['peer.test'] + keywords
            return '\r\n'.join('250%s%s' % ('-' if w is not words[-1] else ' ', w) for w in words)

        while how.get('early', '').encode() not in have:
            more()
        self.early.append(have.decode())
        if how.get('hang_up'):
            return
        say(how.get('greeting', '220 peer.test ESMTP'))
        if not how.get('greeting', '220').startswith('220'):
            return
        rcpts = 0
        while True:
            command = line()
            word = command[:4].upper()
            if word == 'EHLO':
                while secure and how.get('early_secure', '').encode() not in have:
                    more()
                say(ehlo(how['secure'] if secure else how['offers']))
            elif word == 'STAR':
                say('220 go')
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(D('cert.pem'), D('key.pem'))
                c = context.wrap_socket(c, server_side=True)
                have, secure = b'', True
            elif word == 'DATA':
                say('354 go')
                while b'\r\n.\r\n' not in have:
                    more()
                have = have.split(b'\r\n.\r\n', 1)[1]
                self.messages.append((rcpts, secure))
                say('250 taken')
            elif word == 'QUIT':
                say('221 bye')
                return
            else:
                rcpts += word == 'RCPT'
                say('250 ok')


PEERS = {name: Peer() for name in ('clear', 'poorer', 'angry', 'gone', 'later', 'tls', 'newtls', 'other')}
CONF = fill(D, PORT, extra='''log_selector = +pipelining
pipelining_connect_advertise_hosts = !127.0.0.2 : *
''', routers='''
out:
  driver = manualroute
  domains = *.remote.test
  route_data = 127.0.0.1::${extract{${extract{1}{.}{$domain}}}{%s}}
  self = send
  transport = out
''' % ' '.join('%s=%d' % (name, peer.port) for name, peer in PEERS.items()), transports='''
out:
  driver = smtp
  allow_localhost
  connection_max_messages = 1
  hosts_pipe_connect = ${if match{$domain}{^other}{}{*}}
''')
with open(CONF) as f:
    TEXT = f.read()
h.write(CONF, TEXT.replace('  accept domains = dsearch', '  accept domains = *.remote.test\n  accept domains = dsearch', 1))
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=peer.test',
                '-keyout', D('key.pem'), '-out', D('cert.pem')], check=True, capture_output=True)
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)
OFFER = ['PIPELINING', 'PIPECONNECT', '8BITMIME']


def log():
    try:
        with open(D('log/mainlog')) as f:
            return f.read()
    except OSError:
        return ''


def deliver(name, *script, end='Completed', all_come=True):
    """Sends a message to that peer, which behaves as `script` says; the log line of the delivery. Not `all_come`: the last connections
    of the script may come later."""
    peer = PEERS[name]
    h.equal(peer.script, [], 'connections that did not come')
    peer.script += script
    got = h.send(PORT, 'a@client.test', ['u@%s.remote.test' % name], 'Subject: x\n\nx\n')
    h.equal(got[0], 250)
    key = re.search(r'id=(\S+)', got[1]).group(1)
    h.wait_for(lambda: re.search('%s .*%s' % (key, end), log()), what=lambda: 'the delivery: %s %s' % (peer.trouble, log()[-1500:]))
    h.check(not peer.script or not all_come, 'connections that did not come')
    return next(line for line in log().split('\n') if re.search('%s (=>|==|\\*\\*) ' % key, line))


def test_in_clear():
    line = deliver('clear', {'offers': OFFER})
    h.check(' L C=' in line, 'waited the first time: ' + line)
    line = deliver('clear', {'offers': OFFER, 'early': 'DATA\r\n'})  # it all came before the greeting
    h.check(' L* C=' in line, 'did not wait: ' + line)
    h.check(re.match(r'EHLO mx\.test\r\nMAIL FROM:<a@client\.test>.*\r\nRCPT TO:<u@clear\.remote\.test>\r\nDATA\r\n', PEERS['clear'].early[-1]), PEERS['clear'].early)
    # More is no trouble, and used the next time.
    h.check(' L* ' in deliver('clear', {'offers': OFFER + ['SIZE 1000000'], 'early': 'DATA\r\n'}), log()[-300:])
    h.check(' L* ' in deliver('clear', {'offers': OFFER + ['SIZE 1000000'], 'early': 'DATA\r\n'}), log()[-300:])
    h.check(' SIZE=' in PEERS['clear'].early[-1], PEERS['clear'].early)
    h.equal(len(PEERS['clear'].messages), 4)


def test_not_asked_for():
    for _ in range(2):
        h.check(' L C=' in deliver('other', {'offers': OFFER}), 'only hosts_pipe_connect: ' + log()[-300:])


def test_the_server_offers_less():
    """What was sent on the strength of the old offer is not carried out; the message comes once, by another connection."""
    deliver('poorer', {'offers': OFFER})
    line = deliver('poorer', {'offers': ['8BITMIME'], 'early': 'DATA\r\n'}, {'offers': ['8BITMIME']})
    h.check(' L' not in line.split(' C=')[0], line)
    h.check(' L' not in deliver('poorer', {'offers': ['8BITMIME']}).split(' C=')[0], 'forgotten')
    h.equal(len(PEERS['poorer'].messages), 3)


def test_the_server_minds():
    deliver('angry', {'offers': OFFER})
    line = deliver('angry', {'greeting': '554 you speak too soon', 'early': 'DATA\r\n'}, {'offers': ['PIPELINING']})
    h.check(' L C=' in line, line)
    deliver('gone', {'offers': OFFER})
    deliver('gone', {'hang_up': True, 'early': 'DATA\r\n'}, {'offers': ['PIPELINING']})
    h.equal(len(PEERS['gone'].messages), 2)


def test_the_server_is_busy():
    """That would be so without haste: it is not asked again at once."""
    deliver('later', {'offers': OFFER})
    # The second connection is that of a later attempt: there is a deferral in between.
    line = deliver('later', {'greeting': '421 too many', 'early': 'DATA\r\n'}, {'offers': OFFER}, end='== .*421 too many', all_come=False)
    h.check('initial connection: 421 too many' in line, line)
    # The delivery that wrote the line may still hold the message.
    h.wait_for(lambda: len(PEERS['later'].messages) == 2 or SERVER.run('-qf') is None, what='the message')


def test_tls():
    secure = {'offers': OFFER + ['STARTTLS'], 'secure': OFFER}
    h.check(' L C=' in deliver('tls', secure), log()[-500:])
    line = deliver('tls', {**secure, 'early': 'STARTTLS\r\n', 'early_secure': 'DATA\r\n'})
    h.check(' L* C=' in line and ' X=' in line, line)
    h.equal(PEERS['tls'].early[-1], 'EHLO mx.test\r\nSTARTTLS\r\n')
    h.equal(PEERS['tls'].messages, [(1, True)] * 2)
    # Without TLS now: the message follows in clear, as to any server that offers none.
    deliver('tls', {'offers': OFFER, 'early': 'STARTTLS\r\n'}, {'offers': OFFER})
    h.equal(PEERS['tls'].messages[-1], (1, False))


def test_tls_is_new():
    """A server that has begun to offer TLS gets nothing in clear."""
    deliver('newtls', {'offers': OFFER})
    line = deliver('newtls', {'offers': OFFER + ['STARTTLS'], 'early': 'DATA\r\n'}, {'offers': OFFER + ['STARTTLS'], 'secure': OFFER})
    h.check(' X=' in line, line)
    h.equal(PEERS['newtls'].messages, [(1, False), (1, True)])


def test_as_server():
    with SERVER.held():
        c = h.Smtp(PORT, greet=False)
        c.send('EHLO client.test\r\nMAIL FROM:<early@client.test>\r\nRCPT TO:<u@box.test>\r\nDATA\r\n')
    h.equal([c.reply()[0] for _ in range(5)], [220, 250, 250, 250, 354])
    c.send('Subject: x\r\n\r\nx\r\n.\r\n')
    h.equal(c.reply()[0], 250)
    c.close()
    h.wait_for(lambda: re.search(r'<= early@client\.test .* P=esmtp L\* S=', log()), what=lambda: 'the log line: ' + log()[-500:])
    h.equal(h.send(PORT, 'slow@client.test', ['u@box.test'], 'x\n')[0], 250)
    h.wait_for(lambda: re.search(r'<= slow@client\.test .* P=esmtp L\.- S=', log()), what=lambda: 'the log line: ' + log()[-500:])


def test_as_server_inside_tls():
    raw = socket.create_connection(('127.0.0.1', PORT), 60)
    f = raw.makefile('rb')
    raw.sendall(b'EHLO client.test\r\nSTARTTLS\r\n')
    lines = []
    while not lines or not lines[-1].startswith(b'220 2.0.0 TLS') and not lines[-1].startswith(b'220 TLS'):
        lines.append(f.readline())
        h.check(lines[-1], 'the connection ended: %r' % lines)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    c = context.wrap_socket(raw)
    c.sendall(b'EHLO client.test\r\nMAIL FROM:<secret@client.test>\r\nRCPT TO:<u@box.test>\r\nDATA\r\n')
    f = c.makefile('rb')
    while not lines[-1].startswith(b'354'):
        lines.append(f.readline())
        h.check(lines[-1], 'the connection ended: %r' % lines)
    c.sendall(b'x\r\n.\r\nQUIT\r\n')
    h.wait_for(lambda: re.search(r'<= secret@client\.test .* P=esmtps L\* X=', log()), what=lambda: 'the log line: ' + log()[-500:])
    c.close()


def test_who_may():
    """Only who is in the list, and only with EHLO: what else talks before the greeting is no mail client."""
    for source, text, code in (('127.0.0.1', 'EHLO a\r\n', 220), ('127.0.0.1', 'ehlo a\r\n', 220), ('127.0.0.2', 'EHLO a\r\n', 554), ('127.0.0.1', 'HELO a\r\n', 554),
                               ('127.0.0.1', 'MAIL FROM:<a@b.test>\r\n', 554), ('127.0.0.1', 'GET / HTTP/1.0\r\n', 554), ('127.0.0.1', '\r\n', 554)):
        with SERVER.held():
            c = h.Smtp(PORT, greet=False, source=source)
            c.send(text)
        h.equal(c.reply()[0], code, '%s from %s' % (text, source))
        c.abort()
    for source, offered in (('127.0.0.1', True), ('127.0.0.2', False)):
        c = h.Smtp(PORT, source=source)
        h.equal('PIPECONNECT' in c.ehlo().split('\n'), offered, source)
        c.close()
    # After the greeting the others wait for the answer to EHLO, too.
    c = h.Smtp(PORT, source='127.0.0.2')
    with SERVER.held():
        c.send('EHLO a\r\nMAIL FROM:<a@b.test>\r\n')
    h.equal(c.reply()[0], 554)
    c.abort()


h.main()
