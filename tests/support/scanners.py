"""Scanner daemons for tests: the real rspamd, spamd and clamd with a tiny configuration and signature set of their own, and one
that says whatever it is told."""
import atexit
import os
import shutil
import socket
import subprocess
import threading

import harness as h

GTUBE_LIKE = 'cheap watches'  # the word of our own rule
VIRUS = 'REMEX-TEST-VIRUS-0123456789'

RSPAMD = r'''
options {
  filters = "regexp";
  pidfile = "@D@/pid";
  dns { nameserver = ["127.0.0.1:@DNS@:1"]; timeout = 0.2s; retransmits = 1; }
  tempdir = "@D@";
  hs_cache_dir = "@D@";
  control_socket = "@D@/c.sock mode=0600";
  disable_hyperscan = true;
  url_tld = "@D@/tld";
}
logging { type = "file"; filename = "@D@/log"; level = "info"; }
worker "normal" { bind_socket = "127.0.0.1:@PORT@"; count = 1; }
metric {
  name = "default";
  actions { reject = 15; add_header = 6; }
  unknown_weight = 0;
  group "local" { symbol "TEST_WORD" { weight = 17.5; description = "a word"; } }
}
regexp {
  "TEST_WORD" { re = '/cheap watches/i{mime}'; score = 17.5; description = "a word"; }
}
'''


class Rspamd:
    def __init__(self, directory):
        if not shutil.which('rspamd'):
            h.skip('rspamd is not installed')
        os.makedirs(directory)
        os.chmod(directory, 0o777)
        self.port = h.free_port()
        self.log = os.path.join(directory, 'log')
        h.write(os.path.join(directory, 'tld'), 'test\ncom\n')
        text = RSPAMD.replace('@D@', directory).replace('@PORT@', str(self.port)).replace('@DNS@', str(h.free_port()))
        conf = h.write(os.path.join(directory, 'rspamd.conf'), text)
        self.out = open(os.path.join(directory, 'out'), 'ab')
        self.proc = subprocess.Popen(['rspamd', '-f', '-i', '-c', conf], stdout=self.out, stderr=self.out, start_new_session=True)
        atexit.register(self.stop)
        h.wait_for(self.up, 90, lambda: 'rspamd; ' + open(os.path.join(directory, 'out'), errors='replace').read()[-1500:])

    def up(self):
        h.check(self.proc.poll() is None, 'rspamd ended')
        return h.port_open(self.port)

    def stop(self):
        if self.proc.poll() is not None:
            return
        self.proc.terminate()
        try:
            self.proc.wait(20)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.out.close()


class Spamd:
    """SpamAssassin with one rule."""

    def __init__(self, directory):
        if not shutil.which('spamd'):
            h.skip('spamd is not installed')
        self.port = h.free_port()
        h.write(os.path.join(directory, 'rules', '10.cf'),
                'required_score 5\nreport_safe 0\nclear_report_template\nreport Score _SCORE_ of _REQD_\nreport _SUMMARY_\n'
                'body TEST_WORD /%s/\ndescribe TEST_WORD a word\nscore TEST_WORD 7.5\n' % GTUBE_LIKE)
        h.write(os.path.join(directory, 'site', 'v320.pre'), 'loadplugin Mail::SpamAssassin::Plugin::Check\n')
        self.out = open(os.path.join(directory, 'out'), 'ab')
        self.proc = subprocess.Popen(['spamd', '-L', '-x', '-m', '1', '-p', str(self.port), '-i', '127.0.0.1', '-C', directory + '/rules',
                                      '--siteconfigpath', directory + '/site', '-s', 'stderr', '-u', 'nobody'], stdout=self.out, stderr=self.out)
        atexit.register(self.stop)
        h.wait_for(self.up, 60, lambda: 'spamd; ' + open(os.path.join(directory, 'out'), errors='replace').read()[-1500:])

    def up(self):
        h.check(self.proc.poll() is None, 'spamd ended')
        return h.port_open(self.port)

    stop = Rspamd.stop


class Clamd:
    """A real clamd whose only signature is VIRUS, on a UNIX socket and a TCP port."""

    def __init__(self, directory):
        if not shutil.which('clamd'):
            h.skip('clamd is not installed')
        self.directory = directory
        os.makedirs(os.path.join(directory, 'db'))
        h.write(os.path.join(directory, 'db', 'test.ndb'), 'Test.Virus:0:*:%s\n' % VIRUS.encode().hex())
        self.port = h.free_port()
        self.socket = os.path.join(directory, 'clamd.sock')
        conf = h.write(os.path.join(directory, 'clamd.conf'),
                       'DatabaseDirectory %s/db\nLocalSocket %s\nLocalSocketMode 666\nTCPSocket %d\nTCPAddr 127.0.0.1\nForeground yes\n'
                       'LogFile %s/log\nStreamMaxLength 1M\nMaxThreads 2\nTemporaryDirectory %s\n'
                       % (directory, self.socket, self.port, directory, directory))
        self.out = open(os.path.join(directory, 'out'), 'ab')
        self.proc = subprocess.Popen(['clamd', '--config-file', conf], stdout=self.out, stderr=self.out)
        atexit.register(self.stop)
        h.wait_for(self.up, 60, lambda: 'clamd; ' + open(os.path.join(directory, 'out'), errors='replace').read()[-1500:])

    def up(self):
        h.check(self.proc.poll() is None, 'clamd ended: ' + open(os.path.join(self.directory, 'out'), errors='replace').read())
        return os.path.exists(self.socket) and h.port_open(self.port)

    def stop(self):
        if self.proc.poll() is not None:
            return
        self.proc.terminate()
        try:
            self.proc.wait(20)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.out.close()


class Scripted:
    """Takes a connection, keeps what it is sent (until a pause or the end), says `reply`, closes. `reply` may be a function of the
    octets; None: says nothing."""

    def __init__(self, reply=b'', path=None):
        self.reply, self.requests, self.held = reply, [], []
        if path:
            self.s = socket.socket(socket.AF_UNIX)
            self.s.bind(path)
            os.chmod(path, 0o777)
        else:
            self.s = socket.socket()
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.s.bind(('127.0.0.1', 0))
            self.port = self.s.getsockname()[1]
        self.s.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(c,), daemon=True).start()

    def complete(self, data):
        if data.startswith(b'zINSTREAM\0'):
            return data.endswith(b'\0\0\0\0')
        if data.startswith(b'zSCAN'):
            return data.endswith(b'\0')
        head, sep, body = data.replace(b'\r\n', b'\n').partition(b'\n\n')
        for line in head.split(b'\n'):
            if line.lower().startswith(b'content-length:'):
                return bool(sep) and len(body) >= int(line.split(b':')[1])
        return data.endswith(b'\n')

    def talk(self, c):
        data = b''
        c.settimeout(20)
        try:
            while not self.complete(data):
                piece = c.recv(65536)
                if not piece:
                    break
                data += piece
            self.requests.append(data)
            reply = self.reply(data) if callable(self.reply) else self.reply
            if reply is None:
                self.held.append(c)
                return
            else:
                c.sendall(reply)
        except OSError:
            pass
        c.close()

    def stop(self):
        for c in self.held:
            c.close()
        self.s.close()
