"""The other side of a mail server: an MX that takes (or refuses) what comes, and DKIM by python3-dkim for comparison."""
import base64
import re
import socketserver
import threading


class Sink:
    """An MX on loopback. replies maps a command word (RCPT, DATA, '.', ...) to the reply given instead of 250; it may be
    changed at any time. A reply may also be a function of the command line. messages holds (sender, [recipients], octets)."""

    def __init__(self, port=0, host='127.0.0.1'):
        sink = self
        self.messages, self.replies, self.sessions = [], {}, 0

        class Handler(socketserver.StreamRequestHandler):
            def reply(self, word, line, usual):
                text = sink.replies.get(word, usual)
                return (text(line) if callable(text) else text) or usual

            def say(self, word, line, usual):
                text = self.reply(word, line, usual)
                self.wfile.write(text.encode() + b'\r\n')
                return text

            def handle(self):
                sink.sessions += 1
                try:
                    self.talk()
                except OSError:
                    pass

            def talk(self):
                sender, recipients = None, []
                if not self.say('connect', '', '220 sink.test ESMTP').startswith('2'):
                    return
                while True:
                    line = self.rfile.readline().decode('latin-1').rstrip('\r\n')
                    word = line[:4].upper()
                    if not word or word == 'QUIT':
                        self.say('QUIT', line, '221 bye')
                        return
                    if word == 'DATA':
                        if not recipients:
                            self.wfile.write(b'503 no recipients\r\n')
                            continue
                        if not self.say('DATA', line, '354 go').startswith('3'):
                            continue
                        data = self.content()
                        text = self.reply('.', '', '250 taken')
                        if text.startswith('2'):  # noted before the other side can know
                            sink.messages.append((sender, recipients, data))
                        self.wfile.write(text.encode() + b'\r\n')
                        sender, recipients = None, []
                        continue
                    usual = '250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME' if word == 'EHLO' else '250 ok'
                    ok = self.say(word, line, usual).startswith('2')
                    path = re.search(r'<(.*?)>', line)
                    if word == 'MAIL' and ok:
                        sender, recipients = path.group(1), []
                    elif word == 'RCPT' and ok:
                        recipients.append(path.group(1))

            def content(self):
                lines = []
                while True:
                    line = self.rfile.readline()
                    if line == b'.\r\n' or not line:
                        return b''.join(lines)
                    lines.append(line[1:] if line.startswith(b'.') else line)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 64

        self.server = Server((host, port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def sign(message, selector, domain, key, **options):
    """The message (LF line ends) with a signature by the private key file in front; options go to dkim.sign."""
    import dkim
    with open(key, 'rb') as f:
        pem = f.read()
    if b'RSA' not in pem and len(pem) < 200:  # Ed25519: dkim wants the bare 32 octets
        der = base64.b64decode(b''.join(l for l in pem.split(b'\n') if not l.startswith(b'-')))
        pem = base64.b64encode(der[-32:])
        options['signature_algorithm'] = b'ed25519-sha256'
    options.setdefault('canonicalize', (b'relaxed', b'relaxed'))
    raw = message.replace('\n', '\r\n').encode()
    return dkim.sign(raw, selector.encode(), domain.encode(), pem, **options).decode().replace('\r\n', '\n') + message


def verifies(octets, records):
    """Whether python3-dkim finds a good first signature; records maps names (no final dot) to TXT texts."""
    import dkim

    def txt(name, timeout=5):
        name = name.decode() if isinstance(name, bytes) else name
        return records.get(name.rstrip('.'), '').encode() or None

    return dkim.verify(octets, dnsfunc=txt)
