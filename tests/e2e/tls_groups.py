#!/usr/bin/env python3
"""tls_dh_min_bits: how small the Diffie-Hellman group of a server may be."""
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


def openssl(*args):
    subprocess.run(['openssl', *args], check=True, capture_output=True)


openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=peer.test', '-keyout', D('key.pem'), '-out', D('cert.pem'))


class Server:
    """SMTP inside TLS 1.2 with a Diffie-Hellman group of so many bits, and nothing else."""

    def __init__(self, bits):
        group = D('dh%d.pem' % bits)
        openssl('dhparam', '-dsaparam', '-out', group, str(bits))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_ciphers('DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0')
        self.context.load_cert_chain(D('cert.pem'), D('key.pem'))
        self.context.load_dh_params(group)
        self.s = socket.create_server(('127.0.0.1', 0))
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            c, _ = self.s.accept()
            c.settimeout(60)
            try:
                with self.context.wrap_socket(c, server_side=True) as t:
                    self.talk(t.makefile('rwb', buffering=0))
            except OSError:
                c.close()

    def talk(self, f):
        f.write(b'220 peer.test ESMTP\r\n')
        for line in f:
            word = line[:4].upper()
            if word == b'DATA':
                f.write(b'354 go\r\n')
                while f.readline() not in (b'.\r\n', b''):
                    pass
            f.write(b'221 bye\r\n' if word == b'QUIT' else b'250 ok\r\n')
            if word == b'QUIT':
                return


SERVERS = {1024: Server(1024), 2048: Server(2048)}
ROUTERS = TRANSPORTS = ''
for name, bits, option in (('default', 1024, ''), ('strict', 1024, 'tls_dh_min_bits = 2048'), ('good', 2048, 'tls_dh_min_bits = 2048')):
    ROUTERS += '\n%s:\n  driver = manualroute\n  domains = %s.remote.test\n  route_data = 127.0.0.1\n  self = send\n  transport = %s\n' % (name, name, name)
    TRANSPORTS += '\n%s:\n  driver = smtp\n  port = %d\n  protocol = smtps\n  allow_localhost\n  tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.2:+DHE-RSA:%%PROFILE_LOW\n  %s\n' % (
        name, SERVERS[bits].port, option)
CONF = fill(D, PORT, routers=ROUTERS, transports=TRANSPORTS)
with open(CONF) as f:
    TEXT = f.read()
h.write(CONF, TEXT.replace('  accept domains = dsearch', '  accept domains = *.remote.test\n  accept domains = dsearch', 1))
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def outcome(name):
    got = h.send(PORT, 'a@client.test', ['u@%s.remote.test' % name], 'Subject: x\n\nx\n')
    h.equal(got[0], 250)
    key = re.search(r'id=(\S+)', got[1]).group(1)

    def line():
        with open(D('log/mainlog')) as f:
            return re.search('.*%s (?:=>|==|\\*\\*) .*' % key, f.read())
    return h.wait_for(line, what='the delivery').group(0)


def test_groups():
    line = outcome('default')
    h.check(' => ' in line and 'X=TLS1.2:DHE' in line, 'the default takes 1024 bits: ' + line)
    line = outcome('good')
    h.check(' => ' in line and 'X=TLS1.2:DHE' in line, line)
    line = outcome('strict')
    h.check(' == ' in line and 'TLS session failure' in line, 'a smaller group is refused: ' + line)


def teardown():
    SERVER.stop()


h.main()
