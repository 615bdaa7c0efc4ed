"""What end-to-end tests share: a private network and mount namespace, a server under test, an SMTP dialogue, maildirs, waiting.

Every wait has a deadline and a condition; nothing sleeps for luck. Processes are ended by pid. A test is a script with functions
named test_*; call harness.main() at the end. Exit status 0 passed, 1 failed, 77 cannot run here.
"""
import contextlib
import fcntl
import functools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

DEBIAN_PYTHON = '/usr/bin/python3'  # the one that python3-dkim belongs to, whichever comes first in PATH
if os.path.exists(DEBIAN_PYTHON) and os.path.realpath(sys.executable) != os.path.realpath(DEBIAN_PYTHON) and not os.environ.get('REMEX_TEST_PYTHON'):
    os.execve(DEBIAN_PYTHON, [DEBIAN_PYTHON] + sys.argv, dict(os.environ, REMEX_TEST_PYTHON='1'))

BIN = os.environ.get('REMEX_BIN', os.path.join(os.path.dirname(__file__), '../../build/release/remex'))
SOURCE = os.environ.get('REMEX_SOURCE', os.path.abspath(os.path.join(os.path.dirname(__file__), '../..')))
SUPPORT = os.path.join(SOURCE, 'tests/support')
os.umask(0o022)  # whatever the user's is: servers of other users read what tests write


class Failed(AssertionError):
    pass


def own_as_oracle(path, oracle):
    """Gives a path to the user that Debian's exim runs as. A machine without that user: the oracle's command (dev.d/oracle.sh) has a
    passwd of its own beside it."""
    name = 'Debian-exim'
    try:
        return shutil.chown(path, name, name)
    except LookupError:
        with open(os.path.join(os.path.dirname(oracle), 'passwd')) as users:
            entry = next(line.split(':') for line in users if line.startswith(name + ':'))
        os.chown(path, int(entry[2]), int(entry[3]))


def drip(command, line, seconds=30, **kw):
    """Runs it with `line` on standard input five times a second until it ends by itself; (status or None, standard error)."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, **kw) as p:
        end = time.monotonic() + seconds
        while p.poll() is None and time.monotonic() < end:
            with contextlib.suppress(BrokenPipeError):
                p.stdin.write(line)
                p.stdin.flush()
            time.sleep(0.2)
        status = p.poll()
        p.kill()
        with contextlib.suppress(BrokenPipeError):
            p.stdin.close()
        return status, p.stderr.read()


@functools.cache
def sanitized():
    """The program under test was built with the address sanitizer, which has its own idea of memory."""
    return subprocess.run(['grep', '-q', '__asan_init', BIN], check=False).returncode == 0


def check(condition, what):
    if not condition:
        raise Failed(what)


def equal(got, want, what=''):
    if got != want:
        raise Failed('%s: got %r, want %r' % (what, got, want))


def skip(why):
    print('skipped: ' + why)
    sys.exit(77)


def wait_for(condition, seconds=60, what='condition'):
    """Polls until condition() is true; returns its value. The limit is for a machine that is busy with other tests: it costs nothing
    while things go well."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed('timed out after %d s waiting for %s' % (seconds, what() if callable(what) else what))
        time.sleep(0.02)


def enter_namespace():
    """Runs this script again inside network and mount namespaces of its own (loopback up). Needs root."""
    if os.environ.get('REMEX_TEST_NS') == '1':
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        return
    if os.geteuid() != 0 or not shutil.which('unshare') or not shutil.which('ip'):
        skip('needs root, unshare and ip')
    env = dict(os.environ, REMEX_TEST_NS='1')
    probe = subprocess.run(['unshare', '--net', '--mount', 'true'], capture_output=True)
    if probe.returncode != 0:
        skip('namespaces are not permitted here')
    sys.exit(subprocess.run(['unshare', '--net', '--mount', '--propagation', 'private', sys.executable] + sys.argv, env=env).returncode)


RESERVED = []  # descriptors of lock files: a port stays ours until this process ends


def lowest_outgoing():
    try:
        with open('/proc/sys/net/ipv4/ip_local_port_range') as f:
            return int(f.read().split()[0])
    except OSError:
        return 32768


def free_port():
    """A port nobody listens on, below the range from which the kernel takes the ports of outgoing connections, and promised to no
    other test that runs at the same time."""
    lowest = lowest_outgoing()
    end = lowest if lowest > 12500 else 32000  # a system that takes them from everywhere: chance
    locks = os.path.join(tempfile.gettempdir(), 'remex-test-ports-%d' % os.geteuid())
    os.makedirs(locks, exist_ok=True)
    while True:
        port = random.randrange(12000, min(end, 32000))
        lock = os.open(os.path.join(locks, str(port)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as s:
                s.bind(('127.0.0.1', port))
        except OSError:
            os.close(lock)
            continue
        RESERVED.append(lock)
        return port


class Dir:
    """A temporary directory, removed at the end unless the test failed and REMEX_TEST_KEEP is set."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix='remex-test-')
        os.chmod(self.path, 0o755)

    def __call__(self, *parts):
        return os.path.join(self.path, *parts)

    def remove(self):
        if not os.environ.get('REMEX_TEST_KEEP'):
            shutil.rmtree(self.path, ignore_errors=True)


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def processes():
    """{pid: (parent, name, state)} of the processes of this machine."""
    out = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open('/proc/%s/stat' % entry) as f:
                    name, _, rest = f.read().partition('(')[2].rpartition(')')
            except OSError:
                continue
            state, parent = rest.split()[:2]
            out[int(entry)] = (int(parent), name, state)
    return out


def descendants(pid):
    """Living processes below `pid`, the children first."""
    table, found, now = processes(), [], [pid]
    while now:
        now = [p for p, (parent, _, state) in table.items() if parent in now and state != 'Z']
        found += now
    return found


class Remex:
    """A daemon under test: a master process, which is `proc`, and its children (docs/architecture.md, "Processes and rights")."""

    def __init__(self, conf, ports, args=(), env=None, user=None, prefix=()):
        self.conf, self.ports, self.args = conf, ports, list(args)
        self.env = {**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0', **(env or {})}
        self.user = user
        self.prefix = list(prefix)
        self.proc = None
        self.stderr_path = conf + '.stderr'

    def command(self, *args):
        return self.prefix + [BIN, '-C', self.conf, *self.args, *args]

    def start(self, *extra):
        err = open(self.stderr_path, 'ab')
        self.proc = subprocess.Popen(self.command('-bdf', *extra), stdin=subprocess.DEVNULL, stdout=err, stderr=err, env=self.env, user=self.user)
        err.close()
        for p in self.ports:
            wait_for(lambda: self.alive() and port_open(p), what=lambda: 'port %d; stderr: %s' % (p, self.stderr()))
        return self

    def alive(self):
        if self.proc.poll() is not None:
            raise Failed('server ended with status %s: %s' % (self.proc.returncode, self.stderr()))
        return True

    def stderr(self):
        try:
            return open(self.stderr_path, errors='replace').read()
        except OSError:
            return ''

    def stop(self, seconds=60):
        """Polite end; the exit status must be 0 and a sanitizer must have said nothing."""
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(seconds)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
                raise Failed('server did not end within %d s of SIGTERM' % seconds)
            text = self.stderr()
            check('ERROR: AddressSanitizer' not in text and 'runtime error:' not in text, 'sanitizer: ' + text[-4000:])
            equal(self.proc.returncode, 0, 'exit status after SIGTERM; stderr: ' + text[-2000:])

    def child(self, name):
        """The pid of the master's child of that name, or None."""
        table = processes()
        return next((p for p, (parent, n, state) in table.items() if parent == self.proc.pid and n == name and state != 'Z'), None)

    def worker(self):
        """The pid of the process that serves."""
        return wait_for(lambda: self.alive() and self.child('remex-worker'), what='a worker process')

    def kill(self):
        """SIGKILL to the master and all that came from it, as when the machine's power goes; returns when none of them is left."""
        if self.proc and self.proc.poll() is None:
            below = descendants(self.proc.pid)
            self.proc.kill()
            for pid in below:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.proc.wait()
            wait_for(lambda: not any(p in below and state != 'Z' for p, (_, _, state) in processes().items()), what='the processes to end')

    @contextlib.contextmanager
    def held(self):
        """Stops the worker for as long as the block runs: what clients send in it has arrived before the server looks."""
        pid = self.worker()
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_for(lambda: processes().get(pid, (0, '', ''))[2] == 'T', what='the server to stop')
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def run(self, *args, input=None, timeout=120, check_rc=None):
        """A command of its own with the daemon's options, but not with its queue interval, which goes with no other mode."""
        command = self.prefix + [BIN, '-C', self.conf, *(a for a in self.args if not a.startswith('-q')), *args]
        r = subprocess.run(command, input=input, capture_output=True, text=True, timeout=timeout, env=self.env, user=self.user)
        if check_rc is not None:
            equal(r.returncode, check_rc, 'exit status of %s: %s%s' % (args, r.stdout, r.stderr))
        return r


def port_open(port, host='127.0.0.1'):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


class Smtp:
    """A client that says exactly what it is told."""

    def __init__(self, port, host='127.0.0.1', timeout=90, greet=True, source=None):
        self.s = socket.create_connection((host, port), timeout, source_address=(source, 0) if source else None)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.f = self.s.makefile('rb')
        self.greeting = self.reply() if greet else None

    def reply(self):
        """(code, text of all lines); (0, '') at end of stream."""
        lines = []
        while True:
            line = self.f.readline()
            if not line:
                return (0, '\n'.join(lines))
            line = line.decode('latin-1').rstrip('\r\n')
            lines.append(line[4:])
            if line[3:4] != '-':
                return (int(line[:3]), '\n'.join(lines))

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode('latin-1'))

    def cmd(self, line):
        self.send(line + '\r\n')
        return self.reply()

    def expect(self, line, code, pattern=''):
        got = self.cmd(line)
        check(got[0] == code and re.search(pattern, got[1]), '%s: got %d %s, want %d %s' % (line[:100], got[0], got[1], code, pattern))
        return got[1]

    def message(self, sender, recipients, data, helo='client.test', codes=None):
        """A whole transaction after EHLO; returns the last reply."""
        self.expect('MAIL FROM:<%s>' % sender, 250)
        for i, r in enumerate(recipients):
            got = self.cmd('RCPT TO:<%s>' % r)
            want = codes[i] if codes else 250
            equal(got[0], want, 'RCPT %s: %s' % (r, got[1]))
        self.expect('DATA', 354)
        self.send(dot_stuff(data) + '.\r\n')
        return self.reply()

    def ehlo(self, name='client.test'):
        return self.expect('EHLO ' + name, 250)

    def close(self):
        try:
            self.send('QUIT\r\n')
            self.reply()
        except OSError:
            pass
        self.f.close()
        self.s.close()

    def abort(self):
        self.f.close()
        self.s.close()


def dot_stuff(data):
    data = data.replace('\r\n', '\n').replace('\n', '\r\n')
    if not data.endswith('\r\n'):
        data += '\r\n'
    return re.sub(r'(?m)^\.', '..', data)


def send(port, sender, recipients, data, **kw):
    """One message on a connection of its own; (code, text) of the last reply, or of the first refusal."""
    c = Smtp(port, **kw)
    try:
        c.ehlo()
        got = c.cmd('MAIL FROM:<%s>' % sender)
        if got[0] != 250:
            return got
        for r in recipients:
            got = c.cmd('RCPT TO:<%s>' % r)
            if got[0] != 250:
                return got
        got = c.cmd('DATA')
        if got[0] != 354:
            return got
        c.send(dot_stuff(data) + '.\r\n')
        return c.reply()
    finally:
        c.close()


def maildir(path):
    """Contents of the messages in new/, sorted by name."""
    d = os.path.join(path, 'new')
    if not os.path.isdir(d):
        return []
    out = []
    for n in sorted(os.listdir(d)):
        try:
            with open(os.path.join(d, n), encoding='latin-1', newline='') as f:
                out.append(f.read())
        except FileNotFoundError:
            pass
    return out


class Dns:
    """tests/support/fakedns.py as a process; zone is its JSON."""

    def __init__(self, zone, port=0, host='127.0.0.1'):
        self.file = tempfile.NamedTemporaryFile('w', suffix='.json', delete=False)
        json.dump(zone, self.file)
        self.file.close()
        self.proc = subprocess.Popen([sys.executable, os.path.join(SUPPORT, 'fakedns.py'), '--zone', self.file.name, '--port', str(port)],
                                     stdout=subprocess.PIPE, text=True)
        self.port = int(self.proc.stdout.readline().split()[-1])

    def stop(self):
        self.proc.kill()
        self.proc.wait()
        os.unlink(self.file.name)


def dkim_key(path, kind='rsa'):
    """Makes a private key; returns the TXT record's text."""
    if kind == 'rsa':
        subprocess.run(['openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', path], check=True, capture_output=True)
        der = subprocess.run(['openssl', 'pkey', '-in', path, '-pubout', '-outform', 'DER'], check=True, capture_output=True).stdout
        tag = 'rsa'
    else:
        subprocess.run(['openssl', 'genpkey', '-algorithm', 'ED25519', '-out', path], check=True, capture_output=True)
        der = subprocess.run(['openssl', 'pkey', '-in', path, '-pubout', '-outform', 'DER'], check=True, capture_output=True).stdout[12:]
        tag = 'ed25519'
    import base64
    return 'v=DKIM1; k=%s; p=%s' % (tag, base64.b64encode(der).decode())


def main():
    """Runs the test_* functions of the calling script in order of definition; -k PATTERN chooses."""
    module = sys.modules['__main__']
    pattern = sys.argv[sys.argv.index('-k') + 1] if '-k' in sys.argv else ''
    failed = passed = 0
    if not os.path.exists(BIN):
        print('no binary at', BIN)
        sys.exit(1)
    try:
        for name, fn in list(vars(module).items()):
            if not name.startswith('test_') or not callable(fn) or pattern not in name:
                continue
            start = time.monotonic()
            try:
                fn()
                passed += 1
                print('ok   %-50s %6.2f s' % (name, time.monotonic() - start), flush=True)
            except Exception:
                failed += 1
                print('FAIL %s' % name)
                traceback.print_exc()
                sys.stdout.flush()
    finally:
        end = getattr(module, 'teardown', None)
        if end:
            try:
                end()
            except Exception:
                failed += 1
                traceback.print_exc()
    print('%d passed, %d failed' % (passed, failed))
    sys.exit(1 if failed else 0)
