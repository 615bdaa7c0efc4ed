#!/usr/bin/env python3
"""DANE (RFC 7672) with a signed zone of our own: what a validated TLSA record makes of a delivery; and the certificate variables."""
# timeout: 180
import atexit
import contextlib
import hashlib
import re
import sqlite3
import subprocess
import time

import harness as h
from maildir_conf import fill
from signed_dns import SignedDNS

SENDER, RECEIVER = h.Dir(), h.Dir()
PORT, MX_PORT = h.free_port(), h.free_port()
ME = 'u@box.test'


def openssl(*args):
    return subprocess.run(['openssl', *args], check=True, capture_output=True).stdout


def certificate(name, issuer=None, ca=False, subject='/C=AT/O=Ex, Org/CN=mx.dane.test', names='DNS:mx.dane.test'):
    key, cert, extensions = RECEIVER(name + '.key'), RECEIVER(name + '.pem'), RECEIVER(name + '.cnf')
    h.write(extensions, ('basicConstraints=critical,CA:TRUE\n' if ca else 'subjectAltName=%s\n' % names))
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert + '.req', '-subj', subject)
    if issuer:
        openssl('x509', '-req', '-in', cert + '.req', '-CA', RECEIVER(issuer + '.pem'), '-CAkey', RECEIVER(issuer + '.key'), '-set_serial', '77', '-days', '30',
                '-extfile', extensions, '-out', cert)
    else:
        openssl('x509', '-req', '-in', cert + '.req', '-signkey', key, '-set_serial', '0x0123abcd', '-days', '30', '-extfile', extensions, '-out', cert)
    return cert


def der(name):
    return openssl('x509', '-in', RECEIVER(name + '.pem'), '-outform', 'DER')


def key_of(name):
    pem = openssl('x509', '-in', RECEIVER(name + '.pem'), '-pubkey', '-noout')
    return subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=pem, check=True, capture_output=True).stdout


certificate('ca', ca=True, subject='/CN=Private CA')
certificate('leaf', 'ca')
certificate('other', ca=True, subject='/CN=Another CA')
certificate('wrongname', 'ca', subject='/CN=elsewhere.test', names='DNS:elsewhere.test')
for chain in ('leaf', 'wrongname'):
    with open(RECEIVER(chain + '.chain'), 'w') as out:
        for part in (chain, 'ca'):
            out.write(open(RECEIVER(part + '.pem')).read())

SHA256 = lambda data: hashlib.sha256(data).hexdigest()
SHA512 = lambda data: hashlib.sha512(data).hexdigest()
MATCHING = {
    'ee-key': [3, 1, 1, SHA256(key_of('leaf'))], 'ee-key512': [3, 1, 2, SHA512(key_of('leaf'))], 'ee-cert': [3, 0, 1, SHA256(der('leaf'))],
    'ee-full': [3, 0, 0, der('leaf').hex()], 'ta-cert': [2, 0, 1, SHA256(der('ca'))], 'ta-key': [2, 1, 1, SHA256(key_of('ca'))],
    'ta-full': [2, 0, 0, der('ca').hex()],
}
WRONG = {'ee-wrong': [3, 1, 1, SHA256(b'x')], 'ta-wrong': [2, 0, 1, SHA256(der('other'))], 'ta-is-no-ee': [3, 1, 1, SHA256(key_of('ca'))]}
ZONE = {'dane.test': [{'MX': [10, 'mx.dane.test']}], 'plain.test': [{'MX': [10, 'mx.plain.test']}], 'mx.plain.test': [{'A': '127.0.0.1'}]}
for name, record in {**MATCHING, **WRONG}.items():
    ZONE[name + '.dane.test'] = [{'MX': [10, 'mx.%s.dane.test' % name]}]
    ZONE['mx.%s.dane.test' % name] = [{'A': '127.0.0.1'}]
    ZONE['_%d._tcp.mx.%s.dane.test' % (MX_PORT, name)] = [{'TLSA': record}]
for name, entries in {
        'none': [], 'unusable': [{'TLSA': [1, 0, 1, SHA256(b'y')]}, {'TLSA': [3, 0, 9, 'aa']}], 'dead': ['SERVFAIL'],
        'spoiled': [{'TLSA': MATCHING['ee-key']}], 'two': [{'TLSA': WRONG['ee-wrong']}, {'TLSA': MATCHING['ta-cert']}],
        'clear': [{'TLSA': MATCHING['ee-key']}], 'usage1': [{'TLSA': [1, 1, 1, SHA256(key_of('leaf'))]}]}.items():
    ZONE[name + '.dane.test'] = [{'MX': [10, 'mx.%s.dane.test' % name]}]
    ZONE['mx.%s.dane.test' % name] = [{'A': '127.0.0.1'}]
    if entries:
        ZONE['_%d._tcp.mx.%s.dane.test' % (MX_PORT, name)] = entries
# not signed, so its TLSA record counts for nothing
ZONE['_%d._tcp.mx.plain.test' % MX_PORT] = [{'TLSA': WRONG['ee-wrong']}]
DNS = SignedDNS(ZONE, ['dane.test'], spoiled=['_%d._tcp.mx.spoiled.dane.test' % MX_PORT])
atexit.register(DNS.close)
ANCHORS = DNS.anchors(SENDER('anchors'))


def receiver(chain, tls='*'):
    conf = fill(RECEIVER, MX_PORT, extra='tls_certificate = %s\ntls_privatekey = %s\nlog_selector = +tls_sni\n' % (RECEIVER(chain + '.chain'), RECEIVER(chain + '.key')))
    text = open(conf).read().replace('tls_advertise_hosts = *', 'tls_advertise_hosts = ' + tls)
    text = text.replace('acl_rcpt:\n', 'acl_rcpt:\n  accept\n', 1)
    text = text.replace('begin routers\n', 'begin routers\nall:\n  driver = accept\n  transport = sink\n', 1)
    text = text.replace('begin transports\n', 'begin transports\nsink:\n  driver = appendfile\n  directory = %s\n  maildir_format\n' % RECEIVER('mail/all'), 1)
    h.write(conf, text)
    return h.Remex(conf, [MX_PORT]).start()


ROUTERS = '''
out:
  driver = dnslookup
  self = send
  domains = ! box.test
  transport = ${if match{$local_part}{^require}{required}{remote}}
'''
TRANSPORTS = '''
remote:
  driver = smtp
  port = %d
  tls_verify_certificates = system
  mta_sts_domains = *
  connection_max_messages = 1
  headers_add = X-Never: ${if def:tls_out_peercert{$tls_out_peercert}{}}
required:
  driver = smtp
  port = %d
  hosts_require_ocsp = *
  hosts_require_dane = *
  connection_max_messages = 1
''' % (MX_PORT, MX_PORT)
EXTRA = 'dns_resolvers = <; [127.0.0.1]:%d\ndns_trust_anchor_file = %s\nlog_selector = +tls_certificate_verified +tls_peerdn\n' % (DNS.port, ANCHORS)
CONF = fill(SENDER, PORT, extra=EXTRA, routers=ROUTERS, transports=TRANSPORTS)
h.write(CONF, open(CONF).read().replace('acl_rcpt:\n', 'acl_rcpt:\n  accept\n', 1).replace('* * F,1h,1s', '* * F,1d,10m'))
subprocess.run(['chmod', '-R', 'a+rX', SENDER.path, RECEIVER.path], check=True)
MX = receiver('leaf')
atexit.register(lambda: MX.kill())
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log(d=SENDER):
    try:
        with open(d('log/mainlog'), errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


def outcome(address):
    """The delivery line of one message to `address`."""
    got = h.send(PORT, ME, [address], 'Subject: x\n\nx\n')
    h.equal(got[0], 250, got[1])
    number = got[1].split('id=')[1].split()[0]

    def line():
        lines = [l for l in log().splitlines() if number in l and re.search(r' (=>|==|\*\*) ', l)]
        return lines[-1] if lines else None
    h.wait_for(line, what=lambda: 'an end of %s: %s' % (address, log()[-1500:]))
    return line()


def test_dane_comes_before_mta_sts():
    """A policy that wants another host and a certificate of a public CA: with TLSA records nobody asks it, without them it decides."""
    SERVER.stop()
    now = int(time.time())
    policy = 'version: STSv1\nmode: enforce\nmx: mx.elsewhere.test\nmax_age: 86400\n'
    with contextlib.closing(sqlite3.connect(SENDER('spool/db/spool.sqlite'))) as db, db:
        for domain in ('ee-key.dane.test', 'none.dane.test'):
            db.execute('INSERT OR REPLACE INTO hints (tab, key, value, at) VALUES (?, ?, ?, ?)',
                       ('mta-sts', domain, ('1\n%d\n%d\n%d\n%s' % (now, now + 86400, now, policy)).encode(), now))
    SERVER.start()
    line = outcome('a@ee-key.dane.test')
    h.check(' => ' in line and ' CV=dane' in line, line)
    line = outcome('a@none.dane.test')
    h.check(' == ' in line and 'MTA-STS: mx.none.dane.test [127.0.0.1] is not among the mx of the policy of none.dane.test' in line, line)
    SERVER.stop()
    with contextlib.closing(sqlite3.connect(SENDER('spool/db/spool.sqlite'))) as db, db:
        db.execute("DELETE FROM hints WHERE tab = 'mta-sts'")
    SERVER.start()


def test_matching_records():
    for name in MATCHING:
        line = outcome('a@%s.dane.test' % name)
        if name.startswith('ta'):
            # the certificate is for mx.dane.test, not for this MX: a trust anchor wants the name
            h.check(' == ' in line and 'DANE attempt failed: the certificate is not for mx.%s.dane.test' % name in line, line)
        else:
            h.check(' => ' in line and ' CV=dane' in line and 'X=TLS1' in line, name + ': ' + line)


def test_trust_anchor_with_the_right_name():
    DNS.set_zone({**ZONE, 'mx.dane.test': [{'A': '127.0.0.1'}], '_%d._tcp.mx.dane.test' % MX_PORT: [{'TLSA': MATCHING['ta-cert']}]})
    line = outcome('a@dane.test')
    h.check(' => ' in line and ' CV=dane' in line, line)
    h.check('DN="C=AT,O=Ex\\\\, Org,CN=mx.dane.test"' in line or 'DN="C=AT,O=Ex' in line, line)
    h.check('SNI="mx.dane.test"' in log(RECEIVER), log(RECEIVER)[-600:])


def test_wrong_records_never_deliver():
    for name in WRONG:
        line = outcome('a@%s.dane.test' % name)
        h.check(' == ' in line and 'DANE attempt failed' in line, name + ': ' + line)


def test_one_of_two_records_is_enough_but_the_name_counts():
    line = outcome('a@two.dane.test')
    h.check(' == ' in line and 'the certificate is not for' in line, line)


def test_no_dane():
    line = outcome('a@none.dane.test')
    h.check(' => ' in line and ' CV=dane' not in line, line)
    line = outcome('a@plain.test')
    h.check(' => ' in line and ' CV=dane' not in line, line)


def test_unusable_records_want_tls_only():
    for name in ('unusable', 'usage1'):
        line = outcome('a@%s.dane.test' % name)
        h.check(' => ' in line and ' CV=no' in line and 'X=TLS' in line, line)


def test_dns_trouble_and_forged_answers_defer():
    for name in ('dead', 'spoiled'):
        line = outcome('a@%s.dane.test' % name)
        h.check(' == ' in line and 'DANE error: mx.%s.dane.test [127.0.0.1]: TLSA lookup' % name in line, line)


def test_required():
    line = outcome('require@ee-key.dane.test')
    h.check(' => ' in line and ' CV=dane' in line, line)
    for name, why in (('none.dane', 'it has no validated TLSA record'), ('unusable.dane', 'none of its TLSA records can be used'), ('plain', 'the host was not found by DNSSEC')):
        line = outcome('require@%s.test' % name)
        h.check(' == ' in line and why in line, line)


def test_wrong_name_with_end_entity_is_fine():
    global MX
    MX.stop()
    MX = receiver('wrongname')
    zone = {**ZONE, '_%d._tcp.mx.ee-key.dane.test' % MX_PORT: [{'TLSA': [3, 1, 1, SHA256(key_of('wrongname'))]}], 'fresh.dane.test': [{'MX': [10, 'mx.fresh.dane.test']}],
            'mx.fresh.dane.test': [{'A': '127.0.0.1'}], '_%d._tcp.mx.fresh.dane.test' % MX_PORT: [{'TLSA': MATCHING['ta-key']}]}
    DNS.set_zone(zone)
    SERVER.stop()
    SERVER.start()  # forgets the DNS answers
    line = outcome('a@ee-key.dane.test')
    h.check(' => ' in line and ' CV=dane' in line, line)
    line = outcome('a@fresh.dane.test')
    h.check(' == ' in line and 'the certificate is not for' in line, line)


def test_no_tls_offered_is_no_way_out():
    global MX
    MX.stop()
    MX = receiver('leaf', tls='')
    line = outcome('a@clear.dane.test')
    h.check(' == ' in line and 'a TLS session is required' in line, line)
    line = outcome('b@none.dane.test')
    h.check(' => ' in line, line)


h.main()
