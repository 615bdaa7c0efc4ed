"""The clients that send and the smart host that takes: processes of their own, so that a server's processor time is its own."""
import asyncio
import multiprocessing
import re
import socket
import ssl
import threading
import time

TAG = re.compile(rb'^X-Bench: (\S+)\r?$', re.M | re.I)


def message(tag, size):
    head = 'From: sender@client.test\r\nTo: someone\r\nSubject: measured\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%s@client.test>\r\nX-Bench: %s\r\n\r\n' % (tag, tag)
    line = b'The quick brown fox jumps over the lazy dog, again and again.\r\n'
    return head.encode() + line * (max(0, size - len(head)) // len(line)) + b'.\r\n'


class Client:
    """One session; MAIL, RCPT and DATA go in one piece where the server announces it."""

    def __init__(self, port, tls):
        self.socket = socket.create_connection(('127.0.0.1', port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest, self.pipelining = b'', False
        self.expect(b'220')
        self.command(b'EHLO client.test\r\n', b'250')
        if tls:
            self.command(b'STARTTLS\r\n', b'220')
            self.socket = tls.wrap_socket(self.socket)
            self.command(b'EHLO client.test\r\n', b'250')

    def expect(self, code):
        while True:
            line, separator, rest = self.rest.partition(b'\n')
            if not separator:
                more = self.socket.recv(65536)
                if not more:
                    raise RuntimeError('the server closed the connection')
                self.rest += more
                continue
            self.rest = rest
            self.pipelining = self.pipelining or line[4:].rstrip() == b'PIPELINING'
            if not line.startswith(code):
                raise RuntimeError('unexpected reply %r' % line)
            if line[3:4] != b'-':
                return

    def command(self, data, code):
        self.socket.sendall(data)
        self.expect(code)

    def send(self, recipient, data):
        commands = b'MAIL FROM:<sender@client.test>\r\n', b'RCPT TO:<%s>\r\n' % recipient, b'DATA\r\n'
        if self.pipelining:
            self.socket.sendall(b''.join(commands))
        for line, code in zip(commands, (b'250', b'250', b'354')):
            if not self.pipelining:
                self.socket.sendall(line)
            self.expect(code)
        self.command(data, b'250')

    def close(self):
        self.command(b'QUIT\r\n', b'221')
        self.socket.close()


def _send(port, tags, sessions, per_session, size, domain, tls, out):
    context = ssl._create_unverified_context() if tls else None
    lock, failures, work = threading.Lock(), [], list(tags)[::-1]

    def run():
        while True:
            with lock:
                mine = [work.pop() for _ in range(min(per_session, len(work)))]
            if not mine:
                return
            try:
                client = Client(port, context)
                for tag in mine:
                    client.send(b'u%d@%s' % (hash(tag) % 16, domain), message(tag, size))
                client.close()
            except (OSError, RuntimeError) as error:
                failures.append(str(error))
                return

    threads = [threading.Thread(target=run) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out.put(failures)


def send(port, tags, sessions, per_session, size, domain, tls):
    """Sends a message for each tag from as many sessions at once, in two processes; returns what went wrong."""
    out, tags = multiprocessing.Queue(), list(tags)
    halves = [multiprocessing.Process(target=_send, args=(port, tags[i::2], max(1, sessions // 2), per_session, size, domain.encode(), tls, out)) for i in range(2)]
    for half in halves:
        half.start()
    failures = [f for _ in halves for f in out.get(timeout=600)]
    for half in halves:
        half.join()
    return failures


class _Taker(asyncio.Protocol):
    """A session of the smart host: takes everything, counts each tag and whether a signature was there."""

    def __init__(self, seen, context):
        self.seen, self.context, self.buffer, self.in_data, self.tls = seen, context, b'', False, False

    def connection_made(self, transport):
        self.transport = transport
        if not self.tls:
            transport.write(b'220 sink.test ESMTP\r\n')

    def data_received(self, data):
        self.buffer += data
        while self.transport:
            if self.in_data:
                end = self.buffer.find(b'\r\n.\r\n')
                if end < 0:
                    return
                body, self.buffer, self.in_data = self.buffer[:end], self.buffer[end + 5:], False
                head = body[:body.find(b'\r\n\r\n')]
                tag = TAG.search(head)
                self.seen.append((tag.group(1).decode() if tag else '', b'\nDKIM-Signature:' in b'\n' + head, self.tls, time.time()))
                self.transport.write(b'250 taken\r\n')
                continue
            line, separator, rest = self.buffer.partition(b'\n')
            if not separator:
                return
            self.buffer, word = rest, line[:4].upper()
            if word == b'EHLO':
                self.transport.write(b'250-sink.test\r\n250-PIPELINING\r\n' + (b'250-STARTTLS\r\n' if self.context and not self.tls else b'') + b'250 8BITMIME\r\n')
            elif word == b'DATA':
                self.in_data = True
                self.transport.write(b'354 go\r\n')
            elif word == b'STAR':
                self.transport.write(b'220 go\r\n')
                asyncio.ensure_future(self.secure())
            elif word == b'QUIT':
                self.transport.write(b'221 bye\r\n')
                self.transport.close()
            else:
                self.transport.write(b'250 ok\r\n')

    async def secure(self):
        plain, self.transport, self.tls, self.buffer = self.transport, None, True, b''
        try:
            self.transport = await asyncio.get_running_loop().start_tls(plain, self, self.context, server_side=True)
            self.data_received(b'')  # the first command may have come with the end of the handshake
        except (OSError, ssl.SSLError):
            plain.close()


def _sink(port, certificate, pipe):
    seen, context = [], None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

    async def serve():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Taker(seen, context), '127.0.0.1', port, backlog=1024)
        done = asyncio.Event()

        def asked():
            if pipe.recv() == 'stop':
                done.set()
            else:
                pipe.send(list(seen))

        loop.add_reader(pipe.fileno(), asked)
        pipe.send('ready')
        await done.wait()
        server.close()

    asyncio.run(serve())


class Sink:
    """The smart host, with TLS when there is a (certificate, key)."""

    def __init__(self, port, certificate=None):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_sink, args=(port, certificate, other))
        self.process.start()
        self.pipe.recv()

    def seen(self):
        """A (tag, signed, by TLS, time) for each message taken."""
        self.pipe.send('seen')
        return self.pipe.recv()

    def stop(self):
        self.pipe.send('stop')
        self.process.join(5)
        self.process.kill()
