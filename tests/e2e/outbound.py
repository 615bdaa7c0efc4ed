#!/usr/bin/env python3
"""The smtp transport: through SOCKS proxies, one connection at a time, in BDAT chunks; and certificates as values, on both sides."""
# timeout: 180
import atexit
import hashlib
import re
import socket
import struct
import subprocess
import threading
import time

import harness as h
import peers
from maildir_conf import fill

D, R = h.Dir(), h.Dir()
PORT, REMOTE = h.free_port(), h.free_port()
PEER = peers.Sink()


class Socks:
    """A SOCKS5 proxy (RFC 1928, 1929) that can refuse and talk nonsense."""

    def __init__(self, name=b'', password=b'', reply=0, raw=None):
        self.name, self.password, self.reply, self.raw = name, password, reply, raw
        self.targets = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            c, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=(c,), daemon=True).start()

    def talk(self, c):
        try:
            self.dialogue(c)
        except (OSError, struct.error, IndexError):
            c.close()

    def dialogue(self, c):
        f = c.makefile('rb')
        version, count = f.read(2)
        methods = f.read(count)
        if self.raw is not None:
            c.sendall(self.raw)
            c.close()
            return
        wanted = 2 if self.name else 0
        if wanted not in methods:
            c.sendall(b'\5\xff')
            return
        c.sendall(bytes([5, wanted]))
        if wanted == 2:
            _, n = f.read(2)
            name = f.read(n)
            password = f.read(f.read(1)[0])
            ok = (name, password) == (self.name, self.password)
            c.sendall(b'\1' + (b'\0' if ok else b'\1'))
            if not ok:
                return
        _, _, _, kind = f.read(4)
        ip = socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, f.read(4 if kind == 1 else 16))
        port = struct.unpack('!H', f.read(2))[0]
        self.targets.append((ip, port))
        if self.reply:
            c.sendall(bytes([5, self.reply, 0, 1]) + b'\0' * 6)
            return
        out = socket.create_connection((ip, port))
        c.sendall(b'\5\0\0\3\4name\x10\x92')  # a domain name as bound address
        threading.Thread(target=self.pump, args=(out, c), daemon=True).start()
        self.pump(c, out)

    @staticmethod
    def pump(a, b):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


OPEN, LOGIN, REFUSES = Socks(), Socks(b'user', b'pass word'[:4]), Socks(reply=5)
NONSENSE, CUT, DEAD = Socks(raw=b'HTTP/1.1 400 Bad Request\r\n\r\n'), Socks(raw=b'\5'), h.free_port()
PROXIES = {
    'open': '127.0.0.1 port=%d' % OPEN.port, 'login': '127.0.0.1 port=%d auth=name name=user pass=pass' % LOGIN.port,
    'wrong': '127.0.0.1 port=%d auth=name name=user pass=secret' % LOGIN.port, 'nologin': '127.0.0.1 port=%d' % LOGIN.port,
    'refuses': '127.0.0.1 port=%d' % REFUSES.port, 'nonsense': '127.0.0.1 port=%d' % NONSENSE.port, 'cut': '127.0.0.1 port=%d' % CUT.port,
    'dead': '127.0.0.1 port=%d' % DEAD, 'second': '127.0.0.1 port=%d pri=5 : 127.0.0.1 port=%d pri=1' % (DEAD, OPEN.port),
    'order': '127.0.0.1 port=%d pri=1 weight=9 : 127.0.0.1 port=%d pri=2' % (REFUSES.port, OPEN.port),
    'badoption': '127.0.0.1 pass', 'badip': 'localhost', 'none': '',
}


def certificate(name, subject):
    h.write(D(name + '.cnf'), 'subjectAltName=DNS:%s,DNS:other.test,email:u@%s,URI:http://x.test/a\nauthorityInfoAccess=OCSP;URI:http://ocsp.test/,caIssuers;URI:http://ca.test/\n'
            'crlDistributionPoints=URI:http://crl.test/a.crl,URI:http://crl.test/b.crl\n' % (name, name))
    subprocess.run(['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', D(name + '.key'), '-out', D(name + '.req'), '-subj', subject], check=True,
                   capture_output=True)
    subprocess.run(['openssl', 'x509', '-req', '-in', D(name + '.req'), '-signkey', D(name + '.key'), '-set_serial', '0x0123456789abcdef', '-days', '30', '-extfile', D(name + '.cnf'), '-out',
                    D(name + '.pem')], check=True, capture_output=True)
    der = subprocess.run(['openssl', 'x509', '-in', D(name + '.pem'), '-outform', 'DER'], check=True, capture_output=True).stdout
    return D(name + '.pem'), D(name + '.key'), der


CLIENT, SERVER_CERT = certificate('client.test', '/C=AT/O=Ex, ample/CN=client.test'), certificate('server.test', '/CN=server.test')
FIELDS = ['version', 'serial_number', 'subject', 'subject,CN', 'subject,O', 'subject,xx', 'issuer,CN', 'notafter,int', 'sig_algorithm', 'subj_altname', 'subj_altname,dns,>;', 'subj_altname,mail',
          'ocsp_uri', 'crl_uri,>;', 'version,x']
ACL = 'begin acl\nacl_data:\n' + ''.join('  warn logwrite = F <%s> <${certextract{%s}{$tls_in_peercert}{$value}{NO}}>\n' % (f, f) for f in FIELDS) + '''
  warn logwrite = digests ${md5:$tls_in_peercert} ${sha1:$tls_in_peercert} ${sha256:$tls_in_peercert} ${sha256:$tls_in_ourcert} ${length_20:${base64:$tls_in_peercert}}
  warn logwrite = def ${if def:tls_in_peercert{y}{n}} ${if def:tls_in_ourcert{y}{n}} [${sha256:$tls_out_peercert}] $tls_in_peerdn
  accept
'''
REMOTE_CONF = fill(R, REMOTE, extra='tls_certificate = %s\ntls_privatekey = %s\ntls_try_verify_hosts = *\ntls_verify_certificates = %s\nmessage_size_limit = 5M\nlog_selector = +all\n' % (
    SERVER_CERT[0], SERVER_CERT[1], CLIENT[0]))
text = open(REMOTE_CONF).read().replace('begin acl\n', ACL, 1).replace('acl_smtp_data = accept', 'acl_smtp_data = acl_data')
h.write(REMOTE_CONF, text)

ROUTERS = '''
proxied:
  driver = manualroute
  domains = proxied.test
  route_data = ${lookup{$local_part}lsearch{%s/places}{$value}{127.0.0.1}}
  self = send
  transport = proxied
  set = r_proxy = ${lookup{$local_part}lsearch{%s/proxies}}
bound:
  driver = manualroute
  domains = bound.test
  route_list = * 127.0.0.1
  self = send
  transport = bound
named:
  driver = manualroute
  domains = named.test
  route_list = * 127.0.0.1
  self = send
  transport = named
alone:
  driver = manualroute
  domains = alone.test
  route_list = * 127.0.0.1
  self = send
  transport = alone
remex:
  driver = manualroute
  domains = box.remote.test : data.remote.test
  route_list = * 127.0.0.1
  self = send
  transport = ${if eq{$domain}{data.remote.test}{by_data}{remex}}
''' % (D.path, D.path)
COMMON = '''
  driver = smtp
  port = %d
  tls_certificate = %s
  tls_privatekey = %s
  tls_verify_certificates = %s
  headers_add = "X-Peer: ${certextract{subject,CN}{$tls_out_peercert}} ${sha256:$tls_out_ourcert}"
''' % (REMOTE, CLIENT[0], CLIENT[1], SERVER_CERT[0])
TRANSPORTS = '''
proxied:
  driver = smtp
  port = %d
  socks_proxy = $r_proxy
  connection_max_messages = 1
bound:
  driver = smtp
  port = %d
  interface = ${if eq{$local_part}{bad}{127.0.0}{127.0.0.9}}
named:
  driver = smtp
  port = %d
  helo_data = ${domain:$sender_address}.from.$sending_ip_address
alone:
  driver = smtp
  port = %d
  serialize_hosts = *
  connection_max_messages = 1
remex: %s
  authenticated_sender = ${lc:x${certextract{subject,CN}{$tls_out_peercert}}x${sha256:$tls_out_ourcert}}
  authenticated_sender_force
by_data: %s
  hosts_try_chunking =
''' % (PEER.port, PEER.port, PEER.port, PEER.port, COMMON, COMMON)
TROUBLE = (('wrong', 'refuses the user name or password'), ('nologin', 'does not accept the authentication method'), ('refuses', 'proxy: connection refused'),
           ('nonsense', 'does not speak SOCKS5'), ('cut', 'closed the connection'), ('dead', 'SOCKS proxy 127.0.0.1 port %d' % DEAD),
           ('badoption', 'socks_proxy: bad option "pass"'), ('badip', '"localhost" is not an IP address'))
# an address for each: what happens to one host is not held against the next
h.write(D('places'), ''.join('%s: 127.0.1.%d\n' % (word, n) for n, (word, _) in enumerate(TROUBLE, 1)))
h.write(D('proxies'), ''.join('%s: %s\n' % i for i in PROXIES.items()))
CONF = fill(D, PORT, extra='log_selector = +all\nremote_max_parallel = 5\n', routers=ROUTERS, transports=TRANSPORTS)
h.write(CONF, open(CONF).read().replace('acl_rcpt:\n', 'acl_rcpt:\n  accept\n', 1).replace('* * F,1h,1s', '* * F,1d,1h'))
for d in (D, R):
    subprocess.run(['chmod', '-R', 'a+rX', d.path], check=True)
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)
OTHER = h.Remex(REMOTE_CONF, [REMOTE]).start()
atexit.register(OTHER.kill)


def log(d=D):
    try:
        with open(d('log/mainlog'), errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


def outcome(address, text='Subject: x\n\nx\n', sender='s@c.test'):
    got = h.send(PORT, sender, [address], text)
    h.equal(got[0], 250, got[1])
    number = got[1].split('id=')[1].split()[0]

    def line():
        lines = [l for l in log().splitlines() if number in l and re.search(r' (=>|==|\*\*) ', l)]
        return lines[-1] if lines else None
    return h.wait_for(line, what=lambda: 'an end of %s: %s' % (address, log()[-1500:]))


def test_socks():
    for word, proxy in (('open', OPEN), ('login', LOGIN), ('second', OPEN), ('order', OPEN)):
        before = len(proxy.targets)
        line = outcome(word + '@proxied.test')
        h.check(' => ' in line, line)
        h.equal(proxy.targets[before:], [('127.0.0.1', PEER.port)])
    h.check(' => ' in outcome('none@proxied.test'), 'an empty list is no proxy')


def test_socks_trouble():
    for word, why in TROUBLE:
        line = outcome(word + '@proxied.test')
        h.check(' == ' in line and why in line, word + ': ' + line)
    h.check('secret' not in log(), 'the password is in the log')


def test_serialized():
    now, most, lock = [0], [0], threading.Lock()

    def greet(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        return '220 sink.test'

    def leave(_):
        with lock:
            now[0] -= 1
        return '221 bye'
    PEER.replies.update({'connect': greet, 'QUIT': leave})
    try:
        before = len(PEER.messages)
        threads = [threading.Thread(target=h.send, args=(PORT, 's@c.test', ['a%d@alone.test' % i], 'Subject: x\n\nx\n')) for i in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        h.wait_for(lambda: len(PEER.messages) == before + 6, what=lambda: 'all six: ' + log()[-1000:])
    finally:
        PEER.replies.clear()
    h.equal(most[0], 1)


def test_the_name_it_gives_itself():
    """helo_data is expanded with the address the connection comes from; one that said another name is not used again."""
    said = []

    def hello(line):
        said.append(line)
    PEER.replies['EHLO'] = hello
    try:
        for sender in ('a@one.test', 'b@one.test', 'c@two.test'):
            h.check(' => ' in outcome('x@named.test', sender=sender), 'from ' + sender)
    finally:
        PEER.replies.clear()
    h.equal(said, ['EHLO one.test.from.127.0.0.1', 'EHLO two.test.from.127.0.0.1'])


def test_interface():
    line = outcome('good@bound.test')
    h.check(' => ' in line and ' I=[127.0.0.9] ' in line, line)
    line = outcome('bad@bound.test')
    h.check(' == ' in line and '"127.0.0" is not a valid IP address for the "interface" option for bound transport' in line, line)


def received(subject):
    return [m for m in h.maildir(R('mail/box.remote.test/u')) + h.maildir(R('mail/data.remote.test/u')) if 'Subject: %s\n' % subject in m]


def test_chunks():
    import os
    for domain in ('box.remote.test', 'data.remote.test'):
        os.makedirs(R('mail', domain, 'u'), exist_ok=True)
    if os.geteuid() == 0:
        subprocess.run(['chown', '-R', 'mail:mail', R('mail')], check=True)
    body = '.leading dot\n..two\n' + ''.join('line %d %s\n' % (i, 'x' * 100) for i in range(30000)) + 'end without newline'
    for domain, chunked in (('box.remote.test', True), ('data.remote.test', False)):
        for size, text in (('small', '.\n.small\n'), ('large', body)):
            line = outcome('u@' + domain, 'Subject: %s %s\n\n%s' % (size, domain, text))
            h.check(' => ' in line and (' K ' in line) == chunked, line)
            got = h.wait_for(lambda: received('%s %s' % (size, domain)), what='delivery')
            h.equal(got[0].split('\n\n', 1)[1].rstrip('\n') == text.rstrip('\n'), True, 'the body of %s %s' % (size, domain))
    h.check(re.search(r'<= s@c.test .* K S=', log(R)), log(R)[-800:])


def test_a_refused_chunk():
    body = ''.join('line %d %s\n' % (i, 'x' * 100) for i in range(60000))
    line = outcome('u@box.remote.test', 'Subject: too big\n\n' + body)
    h.check(' ** ' in line and ('552' in line or 'message too big' in line or 'size' in line), line)
    line = outcome('u@box.remote.test', 'Subject: after\n\nx\n')
    h.check(' => ' in line, line)


def fields():
    return dict(re.findall(r'F <(.*?)> <(.*)>', log(R)))


def test_certificate_fields():
    outcome('u@box.remote.test')
    h.wait_for(lambda: 'digests ' in log(R), what='the log lines')
    got = fields()
    end = subprocess.run(['openssl', 'x509', '-in', CLIENT[0], '-noout', '-enddate', '-dateopt', 'iso_8601'], check=True, capture_output=True, text=True).stdout.split('=')[1].strip()
    import calendar
    seconds = calendar.timegm(time.strptime(end, '%Y-%m-%d %H:%M:%SZ'))
    want = {'version': '3', 'serial_number': '123456789abcdef', 'subject': r'C=AT,O=Ex\, ample,CN=client.test', 'subject,CN': 'client.test', 'subject,O': 'Ex, ample', 'subject,xx': 'NO',
            'issuer,CN': 'client.test', 'notafter,int': str(seconds), 'sig_algorithm': 'ECDSA-SHA256', 'version,x': '3',
            'subj_altname': r'DNS=client.test\nDNS=other.test\nMAIL=u@client.test\nURI=http://x.test/a', 'subj_altname,dns,>;': 'client.test;other.test', 'subj_altname,mail': 'u@client.test',
            'ocsp_uri': 'http://ocsp.test/', 'crl_uri,>;': 'http://crl.test/a.crl;http://crl.test/b.crl'}
    for name, value in want.items():
        h.equal(got.get(name), value, name)


def test_certificate_digests():
    der, own = CLIENT[2], SERVER_CERT[2]
    import base64
    want = ' '.join(['digests', hashlib.md5(der).hexdigest().upper(), hashlib.sha1(der).hexdigest().upper(), hashlib.sha256(der).hexdigest().upper(), hashlib.sha256(own).hexdigest().upper(),
                     base64.b64encode(der).decode()[:20]])
    h.check(want in log(R), log(R)[-1500:])
    h.check(r'def y y [] C=AT,O=Ex\\, ample,CN=client.test' in log(R) or r'def y y [] C=AT,O=Ex\, ample,CN=client.test' in log(R), log(R)[-1500:])


def test_outgoing_certificates():
    # authenticated_sender was expanded with the connection's certificates
    line = outcome('u@box.remote.test', 'Subject: auth\n\nx\n')
    h.check(' CV=yes' in line or ' CV=no' in line, line)


h.main()
