"""The other ends of connections in the scenarios of _surface.py: scripted SMTP servers, an SMTP client, ports nobody answers at."""
import socket
import threading
import time

import harness as h


def place(where):
    ip, _, port = where.rpartition(':')
    return ip or '127.0.0.1', int(port)


class Held:
    """A port whose queue of connections is full: what comes more is neither taken nor refused."""

    def __init__(self, where):
        self.heard = []
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind(place(where))
        self.s.listen(0)
        self.waiting = []
        for _ in range(4):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(place(where))
            self.waiting.append(c)
        h.wait_for(self.full, what='a full queue of connections')

    def full(self):
        probe = socket.socket()
        probe.settimeout(0.3)
        try:
            probe.connect(self.s.getsockname())
        except TimeoutError:
            return True
        finally:
            self.waiting.append(probe)
        return False

    def stop(self):
        for c in self.waiting:
            c.close()
        self.s.close()


class Server(threading.Thread):
    """A scripted SMTP server; .heard is what it got."""

    def __init__(self, where, lines):
        super().__init__(daemon=True)
        self.talks, self.rules = [], []
        self.banner = lines[0] if lines else '220 server'
        for line in lines[1:]:
            prefix, _, reply = line.partition(' => ')
            self.rules.append((prefix, reply.replace('\\n', '\r\n')))
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind(place(where))
        self.s.listen(10)
        self.start()

    def answer(self, line, usual):
        for prefix, reply in self.rules:
            if line.startswith(prefix):
                return reply
        return usual

    def run(self):
        while True:
            try:
                c, (ip, *_) = self.s.accept()
            except OSError:
                return
            talk = ['-- connection from ' + ip]
            self.talks.append(talk)
            threading.Thread(target=self.session, args=(c, talk), daemon=True).start()

    def session(self, c, talk):
        try:
            self.serve(c, talk)
        except OSError:
            pass
        c.close()

    @property
    def heard(self):
        return [line for talk in self.talks for line in talk]

    def serve(self, c, heard):
        f = c.makefile('rb')
        if self.banner == 'CLOSE':
            return
        if self.banner == 'SILENT':
            f.read()
            return
        c.sendall((self.banner.replace('\\n', '\r\n') + '\r\n').encode())
        while True:
            line = f.readline().decode('latin-1')
            if not line:
                return
            line = line.rstrip('\r\n')
            heard.append(line)
            reply = self.answer(line, '354 go on' if line == 'DATA' else '221 bye' if line == 'QUIT' else '250 OK')
            if reply == 'CLOSE':
                return
            if reply == 'SILENT':
                f.read()
                return
            c.sendall((reply + '\r\n').encode())
            if line == 'QUIT':
                return
            if line == 'DATA' and reply.startswith('354'):
                while True:
                    line = f.readline().decode('latin-1')
                    if not line:
                        return
                    heard.append(line.rstrip('\r\n'))
                    if line == '.\r\n':
                        break
                reply = self.answer('.', '250 OK')
                if reply == 'CLOSE':
                    return
                if reply == 'SILENT':
                    f.read()
                    return
                c.sendall((reply + '\r\n').encode())

    def stop(self):
        self.s.shutdown(socket.SHUT_RDWR)
        self.s.close()


def client(port, source, lines, load=None):
    """`load`: called with the number of a line "!load NUMBER"."""
    out = []
    for _ in range(100):
        try:
            s = socket.create_connection(('127.0.0.1', port), 20, source_address=(source, 0) if source else None)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    f = s.makefile('rb')

    def reply():
        while True:
            line = f.readline().decode('latin-1')
            if not line:
                out.append('-- end')
                return None
            out.append(line.rstrip('\r\n'))
            if line[3:4] != '-':
                return line[:3]
    try:
        code = reply()
        data = False
        for line in lines:
            if code is None:
                break
            if line.startswith('!load '):
                load(float(line[6:]))
                continue
            quiet = line.startswith('... ')
            s.sendall((line[4 if quiet else 0:] + '\r\n').encode('latin-1'))
            if not data:
                out.append('> ' + line)
            if data and line != '.' or quiet:
                continue
            data = False
            code = reply()
            data = code == '354'
        if code is not None:
            s.shutdown(socket.SHUT_WR)
            while reply() is not None:
                pass
    except (ConnectionResetError, BrokenPipeError):
        out.append('-- end')  # closed with input unread: whether that shows as a reset is a matter of timing
    except OSError as e:
        out.append('-- ' + e.__class__.__name__)
    s.close()
    return '\n'.join(out) + '\n'
