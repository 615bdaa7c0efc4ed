#!/usr/bin/env python3
"""Who the client is, when others say it: a proxy in front (hosts_proxy, PROXY protocol 1 and 2, TLS on connect behind it) the ident service
of the client's host (rfc1413_hosts), and the ways to its name (host_lookup_order)."""
# timeout: 120
import atexit
import os
import socket
import ssl
import struct
import subprocess
import threading

import harness as h
from maildir_conf import fill

h.enter_namespace()
D = h.Dir()
PORT, TLS = h.free_port(), h.free_port()
DNS = h.Dns({'8.2.0.192.in-addr.arpa': [{'PTR': 'dns8.test'}], 'dns8.test': [{'A': '192.0.2.8'}], '9.2.0.192.in-addr.arpa': [{'PTR': 'dns9.test'}], 'dns9.test': [{'A': '192.0.2.9'}]})
atexit.register(DNS.stop)
h.write(D('hosts'), '127.0.0.1 localhost\n192.0.2.9 file9.test\n')
subprocess.run(['mount', '--bind', D('hosts'), '/etc/hosts'], check=True)
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
CONF = fill(D, PORT, extra='''
daemon_smtp_ports = %d : %d
tls_on_connect_ports = %d
hosts_proxy = 127.0.0.2
proxy_protocol_timeout = 4s
rfc1413_hosts = 127.0.0.3
rfc1413_query_timeout = 4s
acl_smtp_connect = accept control = dscp/ef
log_selector = +proxy +incoming_port +smtp_connection
smtp_banner = p=$proxy_session c=$sender_host_address:$sender_host_port i=$sender_ident l=$received_ip_address:$received_port x=$proxy_external_address:$proxy_external_port t=$tls_in_ver
''' % (PORT, TLS, TLS), transports='''  headers_add = X-Proxy: $proxy_session $proxy_local_address $proxy_external_address:$proxy_external_port''')
TEXT = open(CONF).read().replace('daemon_smtp_ports = %d\n' % PORT, '', 1)
h.write(CONF, TEXT)
SERVER = h.Remex(CONF, [PORT, TLS]).start()
atexit.register(SERVER.kill)


def v2(command, family, body):
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack('!H', len(body)) + body


def v4_body(client='192.0.2.9', port=4444):
    return socket.inet_aton(client) + socket.inet_aton('198.51.100.1') + struct.pack('!HH', port, 25)


def connect(source, port=PORT):
    s = socket.create_connection(('127.0.0.1', port), timeout=60, source_address=(source, 0))
    s.settimeout(60)
    return s


def log(name='mainlog'):
    try:
        with open(D('log', name), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def banner(header, source='127.0.0.2'):
    with connect(source) as s:
        s.sendall(header)
        return s.recv(1000).decode().strip()


def test_headers():
    h.equal(banner(b'PROXY TCP4 192.0.2.9 198.51.100.1 4444 25\r\n'), '220 p=yes c=192.0.2.9:4444 i= l=127.0.0.1:%d x=198.51.100.1:25 t=' % PORT)
    h.equal(banner(v2(1, 0x11, v4_body() + b'\x04\x00\x03abc')), '220 p=yes c=192.0.2.9:4444 i= l=127.0.0.1:%d x=198.51.100.1:25 t=' % PORT)
    ip6 = socket.inet_pton(socket.AF_INET6, '2001:db8::9')
    h.equal(banner(v2(1, 0x21, ip6 + ip6 + struct.pack('!HH', 4445, 465))), '220 p=yes c=2001:db8::9:4445 i= l=127.0.0.1:%d x=2001:db8::9:465 t=' % PORT)
    h.check('control = dscp' not in log(), 'the address is IPv6, the socket is not: ' + log())
    for local in (b'PROXY UNKNOWN\r\n', v2(0, 0, b''), v2(0, 0x11, v4_body())):
        h.check(banner(local).startswith('220 p=yes c=127.0.0.2:'), local)


def test_others_are_no_proxies():
    with connect('127.0.0.1') as s:
        h.check(s.recv(1000).startswith(b'220 p=no c=127.0.0.1:'), 'a direct client')
        s.sendall(b'PROXY TCP4 192.0.2.9 198.51.100.1 4444 25\r\n')
        h.check(s.recv(1000).startswith(b'500 '), 'a client in hosts_proxy only by its own word')


def test_octet_by_octet():
    with connect('127.0.0.2') as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in v2(1, 0x11, v4_body()):
            s.sendall(bytes([octet]))
        h.check(b'c=192.0.2.9:4444' in s.recv(1000), 'banner')


def test_bad_headers_end_the_connection():
    for n, (header, why) in enumerate(((b'EHLO client.test\r\n', 'no PROXY header: got "EHLO client'), (b'PROXY TCP4 1.2.3.4.5 198.51.100.1 1 2\r\n', 'no IPv4 address'),
                                       (v2(1, 0x31, b'\0' * 216), 'neither TCP over IPv4'), (v2(1, 0x11, v4_body() + b'x' * 5000), 'at most 4096'))):
        before = log().count(why)
        with connect('127.0.0.2') as s:
            s.sendall(header)
            try:
                h.equal(s.recv(1000), b'', 'nothing is said')
            except ConnectionResetError:
                pass
        h.wait_for(lambda: log().count(why) == before + 1, what='log line about ' + why)
        h.check('PROXY negotiation with [127.0.0.2]:' in log('rejectlog'), 'reject log')


def test_a_silent_proxy_is_cut_off():
    for begin in (b'', b'PROXY TCP4 192', v2(1, 0x11, v4_body())[:20]):
        with connect('127.0.0.2') as s:
            s.sendall(begin)
            h.equal(s.recv(1000), b'', 'silence')
    h.wait_for(lambda: log().count('no complete header within proxy_protocol_timeout') == 3, what='log lines')


def test_tls_on_connect_and_the_message():
    # The header and the handshake come in one segment: not an octet of the handshake may be lost.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    tls = context.wrap_bio(incoming, outgoing, server_hostname='mx.test')
    raw = connect('127.0.0.2', TLS)
    first = [v2(1, 0x11, v4_body())]

    def turn(action):
        while True:
            try:
                value = action()
            except ssl.SSLWantReadError:
                value = None
            if outgoing.pending:
                raw.sendall(first.pop() + outgoing.read() if first else outgoing.read())
            if value is not None:
                return value
            octets = raw.recv(65536)
            h.check(octets, 'the server closed')
            incoming.write(octets)

    turn(lambda: tls.do_handshake() or True)
    h.check(b'c=192.0.2.9:4444' in turn(lambda: tls.read(1000)), 'banner')
    for line in ('EHLO client.test', 'MAIL FROM:<a@client.test>', 'RCPT TO:<u@box.test>', 'DATA', 'Subject: x\r\n\r\nx\r\n.'):
        turn(lambda: tls.write(line.encode() + b'\r\n'))
        answer = turn(lambda: tls.read(5000))
        h.check(answer[:1] in b'23', answer)
    raw.close()
    text = h.wait_for(lambda: h.maildir(D('mail/box.test/u')), what='the message')[0]
    h.check('X-Proxy: yes 127.0.0.2 198.51.100.1:25\n' in text, text)
    h.check('from [192.0.2.9] (helo=client.test)' in text, text)
    h.check('H=(client.test) [192.0.2.9]:4444 P=esmtps ' in log() and ' PRX=127.0.0.2 S=' in log(), log())


class Ident:
    """The service of the client's host; answers with what `answer` makes of the ports."""

    def __init__(self):
        self.questions, self.answer = [], None
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.3', 113))
        self.listener.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, peer = self.listener.accept()
            except OSError:
                return
            with c:
                question = c.recv(1000).decode()
                self.questions.append((question, peer[0]))
                answer = self.answer(question.strip())
                try:
                    if answer is None:
                        c.recv(1)  # silent until the other side has enough
                    else:
                        c.sendall(answer)
                except OSError:
                    pass  # it had enough


def test_ident():
    def ask():
        with connect('127.0.0.3') as s:
            return s.recv(1000).decode().split(' i=')[1].split(' l=')[0], s.getsockname()[1]

    h.equal(ask()[0], '', 'no service')
    service = Ident()
    service.answer = lambda q: (q + ' : USERID : UNIX : fred\r\n').encode()
    name, port = ask()
    h.equal(name, 'fred')
    h.equal(service.questions, [('%d , %d\r\n' % (port, PORT), '127.0.0.1')], 'question')
    service.answer = lambda q: (q + ' : USERID : UNIX : a\x01"b\r').encode() + b'\n'
    h.equal(ask()[0], 'a\\001"b')
    service.answer = lambda q: b'1 , 2 : USERID : UNIX : mallory\r\n'
    h.equal(ask()[0], '', 'about another connection')
    service.answer = lambda q: b'x' * 100000
    h.equal(ask()[0], '', 'no answer but octets')
    service.answer = lambda q: None
    h.equal(ask()[0], '', 'silence')
    service.answer = lambda q: (q + ' : USERID : UNIX : fred\r\n').encode()
    s = h.Smtp(PORT, source='127.0.0.3')
    h.check('Hello fred at client.test' in str(s.ehlo()), 'greeting')
    s.expect('MAIL FROM:<a@client.test>', 250)
    s.expect('RCPT TO:<u@box.test>', 250)
    s.expect('DATA', 354)
    s.expect('Subject: ident\r\n\r\nx\r\n.', 250)
    s.close()
    h.check(' U=fred P=esmtp ' in log(), log())
    asked = len(service.questions)
    with connect('127.0.0.1') as s:
        h.check(b' i= l=' in s.recv(1000), 'who is not in rfc1413_hosts')
    h.equal(len(service.questions), asked, 'is not asked about')


def test_the_port_is_for_test_builds():
    conf = h.write(D('port.conf'), TEXT.replace('rfc1413_hosts', 'rfc1413_port = 1113\nrfc1413_hosts', 1))
    r = subprocess.run([h.BIN, '-C', conf, '-bV'], capture_output=True, text=True)
    h.check(r.returncode != 0 and 'rfc1413_port' in r.stdout + r.stderr, r.stdout + r.stderr)
    hooks = os.environ.get('REMEX_HOOKS_BIN')
    if hooks:
        r = subprocess.run([hooks, '-C', conf, '-bP', 'rfc1413_port'], capture_output=True, text=True, env=dict(os.environ, MTA_TEST_SUITE=D.path))
        h.equal(r.stdout.strip(), 'rfc1413_port = 1113', r.stderr)


def test_ways_to_a_name():
    text = TEXT.replace('smtp_banner = ', 'dns_resolvers = <; [127.0.0.1]:%d\nhost_lookup = *\nORDER = bydns : byaddr\nhost_lookup_order = ORDER\nsmtp_banner = n=$sender_host_name; ' % DNS.port, 1)
    conf = h.write(D('order.conf'), text)
    for order, eight, nine in (('', 'dns8.test', 'file9.test'), ('bydns', 'dns8.test', 'dns9.test'), ('byaddr', '', 'file9.test'), ('byaddr : bydns', 'dns8.test', 'file9.test')):
        for last, want in ((8, eight), (9, nine)):
            r = subprocess.run([h.BIN, '-C', conf] + (['-DORDER=' + order] if order else []) + ['-bh', '192.0.2.%d' % last], input='QUIT\r\n', capture_output=True, text=True, timeout=60)
            h.check('220 n=%s;' % want in r.stdout, '%s: %s%s' % (order, r.stdout, r.stderr))


def test_in_bh():
    r = SERVER.run('-bh', '127.0.0.2', input='PROXY TCP4 192.0.2.9 198.51.100.1 4444 25\r\nEHLO x\r\nQUIT\r\n')
    h.check('220 p=yes c=192.0.2.9:4444' in r.stdout and 'Hello x [192.0.2.9]' in r.stdout, r.stdout + r.stderr)


h.main()
