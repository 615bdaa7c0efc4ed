#!/usr/bin/env python3
"""MTA-STS (RFC 8461): policies from a web server of our own, and what they make of a delivery. In a network namespace, for port 443."""
# timeout: 180
import http.server
import os
import re
import sqlite3
import ssl
import subprocess
import threading

import harness as h
from fakedns import FakeDNS
from maildir_conf import fill

h.enter_namespace()
SENDER, RECEIVER = h.Dir(), h.Dir()
PORT, MX_PORT = h.free_port(), h.free_port()
ME = 'u@box.test'
DOMAINS = ['good.test', 'badmx.test', 'badcert.test', 'testing.test', 'testcert.test', 'wrongweb.test', 'big.test', 'moved.test', 'html.test', 'broken.test', 'wild.test', 'off.test', 'late.test',
           'busy.test', 'both.test', 'nolib.test']
SLOW = ['slow%d.test' % i for i in range(4)]
DOMAINS += SLOW
POLICY = 'version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 86400\r\n'
ANSWERS = {  # by domain: status, type, text
    'good.test': (200, 'text/plain', POLICY % ('enforce', 'mx.good.test')),
    'badmx.test': (200, 'text/plain', POLICY % ('enforce', 'mx.elsewhere.test')),
    'badcert.test': (200, 'text/plain; charset=utf-8', POLICY % ('enforce', 'mx.badcert.test')),
    'testing.test': (200, 'text/plain', POLICY % ('testing', 'mx.elsewhere.test')),
    'testcert.test': (200, 'text/plain', POLICY % ('testing', 'mx.testcert.test')),
    'wrongweb.test': (200, 'text/plain', POLICY % ('enforce', 'mx.elsewhere.test')),
    'big.test': (200, 'text/plain', POLICY % ('enforce', 'mx.elsewhere.test') + 'x: y\r\n' * 20000),
    'moved.test': (301, 'text/plain', POLICY % ('enforce', 'mx.elsewhere.test')),
    'html.test': (200, 'text/html', POLICY % ('enforce', 'mx.elsewhere.test')),
    'broken.test': (200, 'text/plain', 'mode: enforce\r\n'),
    'wild.test': (200, 'text/plain', POLICY % ('enforce', '*.wild.test')),
    'late.test': (200, 'text/plain', POLICY % ('enforce', 'mx.elsewhere.test')),
    'busy.test': (200, 'text/plain', POLICY % ('enforce', 'mx.elsewhere.test')),
    'both.test': (200, 'text/plain', POLICY % ('enforce', 'mx.elsewhere.test')),
    'nolib.test': (200, 'text/plain', POLICY % ('enforce', 'mx.elsewhere.test')),
    'off.test': (200, 'text/plain', POLICY % ('none', 'mx.elsewhere.test')),
}


def openssl(*args):
    subprocess.run(['openssl', *args], check=True, capture_output=True)


def certificate(name, names, ca=False):
    key, cert, ext = RECEIVER(name + '.key'), RECEIVER(name + '.pem'), RECEIVER(name + '.cnf')
    h.write(ext, 'basicConstraints=critical,CA:TRUE\n' if ca else 'subjectAltName=%s\n' % ','.join('DNS:' + n for n in names))
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert + '.req', '-subj', '/CN=' + name)
    signer = ['-signkey', key] if ca else ['-CA', RECEIVER('ca.pem'), '-CAkey', RECEIVER('ca.key')]
    openssl('x509', '-req', '-in', cert + '.req', *signer, '-set_serial', str(len(name) + 7), '-days', '30', '-extfile', ext, '-out', cert)


certificate('ca', [], ca=True)
certificate('mx', ['mx.good.test', 'mx.busy.test', 'mx.badmx.test', 'mx.testing.test', 'a.wild.test', 'mx.off.test'])
certificate('web', ['mta-sts.' + d for d in DOMAINS if d != 'wrongweb.test'])

ZONE = {}
for d in DOMAINS:
    mx = 'a.wild.test' if d == 'wild.test' else 'mx.' + d
    ZONE[d] = [{'MX': [10, mx]}]
    ZONE[mx] = [{'A': '127.0.0.1'}]
    ZONE['mta-sts.' + d] = [{'A': '127.0.0.1'}]
    ZONE['_mta-sts.' + d] = [{'TTL': 0}, {'TXT': 'v=STSv1; id=1;'}]
ZONE['plain.test'] = [{'MX': [10, 'mx.plain.test']}]
ZONE['mx.plain.test'] = [{'A': '127.0.0.1'}]
DNS = FakeDNS(ZONE)
ASKED, GO, BOTH = [], threading.Event(), threading.Event()


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        domain = self.headers['Host'].replace('mta-sts.', '', 1)
        ASKED.append((domain, self.path))
        if domain in SLOW:
            GO.wait(60)
            return
        if domain == 'both.test':
            BOTH.wait(60)
            if requests(domain) > 1:  # who comes later finds no web server
                self.send_error(503)
                return
        status, kind, text = ANSWERS[domain]
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Location', 'https://mta-sts.good.test/.well-known/mta-sts.txt')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        try:
            self.wfile.write(text.encode())
        except OSError:
            pass

    def log_message(self, *_):
        pass


class WebServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def web_server():
    server = WebServer(('127.0.0.1', 443), Web)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(RECEIVER('web.pem'), RECEIVER('web.key'))
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
    return server


def receiver():
    conf = fill(RECEIVER, MX_PORT, extra='tls_certificate = %s\ntls_privatekey = %s\n' % (RECEIVER('mx.pem'), RECEIVER('mx.key')))
    text = open(conf).read().replace('acl_rcpt:\n', 'acl_rcpt:\n  accept\n', 1)
    text = text.replace('begin routers\n', 'begin routers\nall:\n  driver = accept\n  transport = sink\n', 1)
    text = text.replace('begin transports\n', 'begin transports\nsink:\n  driver = appendfile\n  directory = %s\n  maildir_format\n' % RECEIVER('mail/all'), 1)
    h.write(conf, text)
    return h.Remex(conf, [MX_PORT]).start()


ROUTERS = '\nout:\n  driver = dnslookup\n  self = send\n  domains = ! box.test\n  transport = remote\n'
TRANSPORTS = '\nremote:\n  driver = smtp\n  port = %d\n  mta_sts_domains = *\n  tls_verify_certificates = %s\n' % (MX_PORT, RECEIVER('ca.pem'))
EXTRA = 'dns_resolvers = <; [127.0.0.1]:%d\nlog_selector = +tls_certificate_verified\n' % DNS.port
CONF = fill(SENDER, PORT, extra=EXTRA, routers=ROUTERS, transports=TRANSPORTS)
h.write(CONF, open(CONF).read().replace('acl_rcpt:\n', 'acl_rcpt:\n  accept\n', 1).replace('* * F,1h,1s', '* * F,1d,10m'))
subprocess.run(['chmod', '-R', 'a+rX', SENDER.path, RECEIVER.path], check=True)
os.environ['https_proxy'] = 'http://127.0.0.1:9'  # must not be used
WEB, MX, SERVER = web_server(), receiver(), h.Remex(CONF, [PORT]).start()


def log():
    try:
        with open(SENDER('log/mainlog'), errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


def outcome(address):
    """The lines about one message to `address`, up to its end."""
    got = h.send(PORT, ME, [address], 'Subject: x\n\nx\n')
    h.equal(got[0], 250, got[1])
    number = got[1].split('id=')[1].split()[0]

    def lines():
        found = [l for l in log().splitlines() if number in l]
        return found if any(' => ' in l or ' == ' in l or ' ** ' in l for l in found) else None
    h.wait_for(lines, what=lambda: 'an end of %s: %s' % (address, log()[-1500:]))
    return '\n'.join(lines())


def requests(domain):
    return len([d for d, path in ASKED if d == domain and path == '/.well-known/mta-sts.txt'])


def test_enforced_and_good():
    out = outcome('a@good.test')
    h.check(' => a@good.test' in out and ' CV=yes' in out and 'X=TLS' in out, out)
    h.equal(requests('good.test'), 1, 'requests')
    h.check(' => ' in outcome('b@good.test'), log())
    h.equal(requests('good.test'), 1, 'requests for the second message')
    h.check(' => ' in outcome('a@wild.test'), log())


def test_enforced_and_bad():
    out = outcome('a@badmx.test')
    h.check(' == ' in out and 'MTA-STS: mx.badmx.test [127.0.0.1] is not among the mx of the policy of badmx.test' in out, out)
    out = outcome('a@badcert.test')
    h.check(' == ' in out and 'TLS certificate verification failed' in out and '(MTA-STS of badcert.test)' in out, out)
    h.check(' => ' not in out, out)


def test_testing_only_reports():
    out = outcome('a@testing.test')
    h.check(' => ' in out and 'is not among the mx of the policy of testing.test (testing)' in out, out)
    out = outcome('a@testcert.test')
    h.check(' => ' in out and 'MTA-STS: the certificate of mx.testcert.test [127.0.0.1] does not fit: ' in out and '(testing, policy of testcert.test)' in out, out)


def test_policies_that_cannot_be_had():
    for domain, why in (('big.test', 'larger than 64 KiB'), ('moved.test', 'the web server answered 301'), ('html.test', 'text/html, not text/plain'),
                        ('broken.test', 'it has no version'), ('wrongweb.test', 'certificate')):
        out = outcome('a@' + domain)
        h.check(' => ' in out, out)
        line = [l for l in log().splitlines() if 'MTA-STS: the policy of %s cannot be fetched' % domain in l]
        h.check(len(line) == 1 and why in line[0] and line[0].endswith('delivering as if there were none'), '%s: %r' % (domain, line))
    n = requests('moved.test')
    h.check(' => ' in outcome('b@moved.test'), log())
    h.equal(requests('moved.test'), n, 'a fetch that failed is not repeated at once')


def test_no_policy():
    h.check(' => ' in outcome('a@off.test'), log())
    h.check(' => ' in outcome('a@plain.test'), log())
    h.equal(requests('plain.test'), 0, 'requests without a record')


def test_slow_servers_take_nobodys_protection_away():
    for domain in SLOW:
        h.equal(h.send(PORT, ME, ['a@' + domain], 'Subject: x\n\nx\n')[0], 250, 'accepted')
    h.wait_for(lambda: sum(requests(d) for d in SLOW) == 2, what='two requests')
    # The two others wait for their turn, which comes before that of the next.
    h.wait_for(lambda: all(any(q[0].startswith('mta-sts.' + d) for q in DNS.queries) for d in SLOW), what='four questions for the web server')
    out = outcome('a@late.test')  # its policy would have refused the delivery
    h.check(' == ' in out and 'MTA-STS: too many policies are being fetched to ask for that of late.test' in out, out)
    h.check(any('the policy of slow' in l and 'imed out' in l for l in log().splitlines()), log()[-1500:])
    GO.set()


def test_deliveries_of_one_domain_ask_once():
    def send(who):
        return h.send(PORT, ME, [who + '@both.test'], 'Subject: x\n\nx\n')[1].split('id=')[1].split()[0]
    sent = [send('a')]
    h.wait_for(lambda: requests('both.test') == 1, what='a request')
    n = len(DNS.queries)
    sent.append(send('b'))
    h.wait_for(lambda: any('_mta-sts.both.test' in q[0] for q in DNS.queries[n:]), what='a question about the second message')
    BOTH.set()
    for number in sent:
        h.wait_for(lambda: any(number + ' == ' in l or number + ' => ' in l for l in log().splitlines()), what=log)
        line = [l for l in log().splitlines() if number + ' == ' in l or number + ' => ' in l][0]
        h.check('is not among the mx of the policy of both.test' in line, line)
    h.equal(requests('both.test'), 1, 'requests')


def test_a_changed_policy_that_could_not_be_fetched_is_asked_for_again():
    h.check(' == ' in outcome('a@busy.test'), log()[-1500:])
    zone = dict(ZONE)
    zone['_mta-sts.busy.test'] = [{'TTL': 0}, {'TXT': 'v=STSv1; id=2;'}]
    DNS.set_zone(zone)
    ANSWERS['busy.test'] = (503, 'text/plain', 'busy')
    h.check(' == ' in outcome('b@busy.test') and requests('busy.test') == 2, log()[-1500:])
    ANSWERS['busy.test'] = (200, 'text/plain', POLICY % ('enforce', 'mx.busy.test'))
    h.check(' == ' in outcome('c@busy.test') and requests('busy.test') == 2, 'asked again at once')
    SERVER.stop()
    db = sqlite3.connect(SENDER('spool/db/spool.sqlite'))
    (kept,) = db.execute("SELECT value FROM hints WHERE tab = 'mta-sts' AND key = 'busy.test'").fetchone()
    lines = kept.decode().split('\n') if isinstance(kept, bytes) else kept.split('\n')
    asked, _, tried = lines[3].partition(' ')
    h.equal((lines[0], tried), ('1', '2'), 'the policy that is kept and the one that was tried')
    lines[3] = '%d %s' % (int(asked) - 1000, tried)  # a quarter of an hour later
    db.execute("UPDATE hints SET value = ? WHERE tab = 'mta-sts' AND key = 'busy.test'", ('\n'.join(lines).encode(),))
    db.commit()
    db.close()
    SERVER.start()
    h.check(' => ' in outcome('d@busy.test') and requests('busy.test') == 3, log()[-1500:])


def test_the_library_is_not_installed():
    """It is opened at the first policy: what is known stays in force, what is not known is logged, and nothing else is held up."""
    found = subprocess.run(['ldconfig', '-p'], check=True, capture_output=True, text=True).stdout
    library = re.search(r'libcurl-gnutls\.so\.4 .*=> (\S+)', found).group(1)
    SERVER.stop()
    subprocess.run(['mount', '--bind', '/dev/null', os.path.realpath(library)], check=True)  # in our own namespace
    try:
        SERVER.start()
        out = outcome('a@nolib.test')
        h.check(' => ' in out, out)
        line = [l for l in log().splitlines() if 'MTA-STS: the policy of nolib.test cannot be fetched' in l]
        h.check(len(line) == 1 and 'MTA-STS needs libcurl-gnutls.so.4, which cannot be opened' in line[0] and line[0].endswith('delivering as if there were none'), line)
        out = outcome('c@good.test')
        h.check(' => ' in out and ' CV=yes' in out, out)
        h.equal(requests('nolib.test'), 0, 'requests')
        SERVER.stop()
    finally:
        subprocess.run(['umount', os.path.realpath(library)], check=True)
    SERVER.start()


def test_another_id_asks_again_and_the_old_policy_outlives_the_web_server():
    ANSWERS['badmx.test'] = (200, 'text/plain', POLICY % ('enforce', 'mx.badmx.test'))
    zone = dict(ZONE)
    zone['_mta-sts.badmx.test'] = [{'TTL': 0}, {'TXT': 'v=STSv1; id=2;'}]
    DNS.set_zone(zone)
    out = outcome('b@badmx.test')
    h.check(' => ' in out and requests('badmx.test') == 2, out)
    WEB.shutdown()
    WEB.server_close()
    zone['_mta-sts.badmx.test'] = [{'TTL': 0}, {'TXT': 'v=STSv1; id=3;'}]
    zone['badmx.test'] = [{'TTL': 0}, {'MX': [10, 'mx.off.test']}]
    zone['_mta-sts.badcert.test'] = ['SERVFAIL']
    DNS.set_zone(zone)
    SERVER.stop()  # what is known outlives the process
    SERVER.start()
    out = outcome('c@badmx.test')
    h.check(' == ' in out and 'mx.off.test [127.0.0.1] is not among the mx of the policy of badmx.test' in out, out)
    h.check('the policy of badmx.test cannot be fetched' in log() and 'the one before stays in force' in log(), log()[-1500:])
    subprocess.run([h.BIN, 'host', '-C', CONF, '--reset', 'mx.badcert.test'], check=True, capture_output=True)
    out = outcome('b@badcert.test')
    h.check(' == ' in out and '(MTA-STS of badcert.test)' in out, out)


def teardown():
    SERVER.kill()
    MX.kill()
    DNS.close()
    SENDER.remove()
    RECEIVER.remove()


h.main()
