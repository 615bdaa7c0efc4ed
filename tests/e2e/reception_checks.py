#!/usr/bin/env python3
"""What main options ask for before and around a message: room on the disks (check_spool_space and its like), names the DNS is asked for
(dns_check_names_pattern, dns_again_means_nonexist, slow_lookup_log), clients that say they are this host (helo_lookup_domains), the charset of headers (headers_charset); and in ACLs
rates that are counted once however often they are tested, and logs that get the line of a refusal (log_reject_target)."""
# timeout: 120
import atexit
import os
import re

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
ZONE = {'a_b.test': [{'A': '192.0.2.1'}, {'MX': [1, 'mx.a_b.test']}], 'mx.a_b.test': [{'A': '192.0.2.1'}], 'a-.test': [{'A': '192.0.2.1'}], 'again.test': ['SERVFAIL'], '_dmarc.again.test': [{'TXT': 'v=x'}], 'gone.test': ['SERVFAIL'],
        '9.2.0.192.in-addr.arpa': [{'PTR': 'real.client.test'}], 'real.client.test': [{'A': '192.0.2.9'}],
        '8.2.0.192.in-addr.arpa': [{'PTR': 'other.client.test'}], 'other.client.test': [{'A': '192.0.2.8'}]}
DNS = h.Dns(ZONE)
atexit.register(DNS.stop)
ACLS = '''begin acl
acl_mail:
  warn    set acl_m_n = 1
  warn    !ratelimit = 1000 / 1h / strict / per_mail / mail$acl_m_n
          set acl_c_first = $sender_rate
  warn    !ratelimit = 1000 / 1h / strict / per_mail / mail$acl_m_n
          set acl_c_second = $sender_rate
  warn    !ratelimit = 1000 / 1h / per_conn / conn
          set acl_c_conn = $sender_rate
  accept
acl_limits:
  accept  local_parts = rates
          !ratelimit = 1000 / 1h / per_rcpt / strict / to
          set acl_m_rcpt = $sender_rate
          !ratelimit = 1000 / 1h / per_rcpt / strict / to
          !ratelimit = 1000 / 1h / per_addr / strict / addr
          logwrite = :main: rates mail=$acl_c_first/$acl_c_second conn=$acl_c_conn rcpt=$acl_m_rcpt/$sender_rate addr=$sender_rate
  deny    local_parts = quiet
          log_reject_target =
          message = nobody is told
  deny    local_parts = panic
          log_reject_target = panic
          message = only the panic log
  deny    local_parts = both
          log_reject_target = main : reject
          message = in two logs
  warn    local_parts = typo
          log_reject_target = ${if eq{1}{1}{mian}}
          logwrite = ${if eq{1}{1}{:mian:}} text
  deny    local_parts = typo
          message = said where it can be read
  accept  local_parts = name
          logwrite = :main: name=$sender_host_name
  deny    message = no such test
begin routers
'''


def build():
    path = fill(D, PORT, extra='''dns_resolvers = <; [127.0.0.1]:%d
acl_smtp_mail = acl_mail
dns_again_means_nonexist = gone.test
slow_lookup_log = 600000
helo_lookup_domains = @ : *.internal.test
trusted_users = root
SPACE = 0
check_spool_space = SPACE
INODES = 0
CHARSET = UTF-8
headers_charset = CHARSET
check_log_inodes = INODES
''' % DNS.port, routers='''
dns:
  driver = dnslookup
  domains = *.test
  transport = maildir
  no_verify
''')
    text = open(path).read().replace('check_spool_space = 0\n', '', 1).replace('acl_smtp_rcpt = acl_rcpt', 'acl_smtp_rcpt = ${if match{$local_part}{^(rates|quiet|panic|both|typo|name)\\$}{acl_limits}{acl_rcpt}}')
    return h.write(path, text.replace('begin acl\n', ACLS[:ACLS.index('begin routers')], 1))


CONF = build()
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log(name='mainlog'):
    try:
        with open(D('log', name), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def refused(local):
    s = h.Smtp(PORT)
    s.ehlo()
    s.expect('MAIL FROM:<a@client.test>', 250)
    s.expect('RCPT TO:<%s@box.test>' % local, 550)
    s.close()


def test_rates_are_counted_once():
    for n in (1, 2):
        s = h.Smtp(PORT)
        s.ehlo()
        s.expect('MAIL FROM:<a@client.test>', 250)
        s.expect('RCPT TO:<rates@box.test>', 250)
        s.expect('RCPT TO:<rates@box.test>', 250)
        s.expect('RCPT TO:<rates@second.test>', 250)
        s.expect('RSET', 250)
        s.expect('MAIL FROM:<a@client.test>', 250)
        s.expect('RCPT TO:<rates@box.test>', 250)
        s.close()
    lines = re.findall(r'rates mail=(\S+)/(\S+) conn=(\S+) rcpt=(\S+)/\S+ addr=(\S+)', log())
    want = [('%d.0' % m, '%d.0' % m, '%d.0' % c, '%d.0' % r, '%d.0' % a)
            for m, c, r, a in ((1, 1, 1, 1), (1, 1, 2, 1), (1, 1, 3, 2), (2, 1, 4, 2), (3, 2, 5, 2), (3, 2, 6, 2), (3, 2, 7, 2), (4, 2, 8, 2))]
    h.equal(lines, want)


def test_where_refusals_are_logged():
    for local in ('quiet', 'panic', 'both', 'typo'):
        refused(local)
    found = {local: [name for name in ('mainlog', 'rejectlog', 'paniclog') if 'RCPT <%s@box.test>' % local in log(name)] for local in ('quiet', 'panic', 'both', 'typo')}
    h.equal(found, {'quiet': [], 'panic': ['paniclog'], 'both': ['mainlog', 'rejectlog'], 'typo': ['mainlog', 'rejectlog']})
    for name in ('mainlog', 'paniclog'):
        h.check('unknown log name "mian" in "log_reject_target" in rcpt ACL' in log(name), name)
        h.check('unknown log name "mian" in "logwrite" in rcpt ACL' in log(name), name)


def test_who_says_he_is_this_host():
    for helo, source, name in (('mx.test', '192.0.2.9', 'real.client.test'), ('x.internal.test', '192.0.2.8', 'other.client.test'), ('some.where.test', '192.0.2.9', 'some.where.test')):
        r = SERVER.run('-bh', source, input='EHLO %s\r\nQUIT\r\n' % helo)
        h.check('Hello %s [%s]' % (name, source) in r.stdout, '%s: %s' % (helo, r.stdout))


def test_names_for_the_dns():
    r = SERVER.run('-bt', 'x@a_b.test')
    h.equal(r.returncode, 0, r.stdout)
    r = SERVER.run('-be', '${lookup dnsdb{a=a-.test}{$value}{none}}')
    h.equal(r.stdout.strip().lstrip('> '), 'none', 'a name that is no host name')
    h.check(SERVER.run('-bt', 'x@again.test').returncode == 1, 'SERVFAIL is no deferral')
    r = SERVER.run('-bt', 'x@gone.test')
    h.equal(r.returncode, 2, r.stdout)
    h.check('Unrouteable address' in r.stdout, r.stdout)
    r = SERVER.run('-be', '${lookup dnsdb{txt=_dmarc.again.test}{$value}{none}}')
    h.equal(r.stdout.strip().lstrip('> '), 'v=x', 'TXT of a name with an underscore')


def test_charset_of_headers():
    h.write(D('latin'), 'Subject: =?utf-8?q?caf=C3=A9_=E2=82=AC?=\n\nx\n')
    r = SERVER.run('-DCHARSET=ISO-8859-1', '-bem', D('latin'), '${escape8bit:$h_subject:} ${escape8bit:$bh_subject:} ${rfc2047:${sg{$h_subject:}{ .*}{}}}')
    h.equal(r.stdout.strip(), 'caf\\351 ??? caf\\303\\251 \\342\\202\\254 =?ISO-8859-1?Q?caf=E9?=')
    r = SERVER.run('-bem', D('latin'), '${escape8bit:$h_subject:}')
    h.equal(r.stdout.strip(), 'caf\\303\\251 \\342\\202\\254')
    r = SERVER.run('-DCHARSET=nosuch', '-be', 'x')
    h.check('"nosuch" is not a charset' in r.stderr, r.stderr)


def test_room_on_the_disks():
    cases = [('SPACE=900000G', 'spool directory space check failed: space=')]
    inodes = os.statvfs(D.path).f_files
    if inodes:  # a file system may have no such number: then there is nothing to check
        cases.append(('INODES=%d' % (inodes + 10**6), 'log directory space check failed: space='))
    for macro, what in cases:
        before = log().count(what)
        s = SERVER.run('-D' + macro, '-bs', input='EHLO x\r\nMAIL FROM:<a@box.test>\r\nQUIT\r\n')
        h.check('452 Space shortage, please try later' in s.stdout.replace('452 4.3.1 ', '452 '), s.stdout)
        for args, text in ((('-odq', 'u@box.test'), 'Subject: x\n\nx\n'), (('-bS',), 'MAIL FROM:<a@box.test>\nRCPT TO:<u@box.test>\nDATA\nSubject: x\n\nx\n.\n')):
            r = SERVER.run('-D' + macro, *args, input=text)
            h.equal(r.returncode, 1, '%s %s' % (args, r.stderr))
            h.check('insufficient disk space' in r.stderr, r.stderr)
        h.equal(log().count(what), before + 3, what)
    h.equal(h.maildir(D('mail', 'box.test', 'u')), [])
    # SIZE= counts, unless smtp_check_spool_space is off; without a limit there is none.
    s = SERVER.run('-bs', input='EHLO x\r\nMAIL FROM:<a@box.test> SIZE=40000000\r\nQUIT\r\n')
    h.check('250 OK' in s.stdout.split('HELP')[1], s.stdout)
    h.equal(SERVER.run('-odf', 'u@box.test', input='Subject: x\n\nx\n').returncode, 0)


def teardown():
    SERVER.stop()
    D.remove()


h.main()
