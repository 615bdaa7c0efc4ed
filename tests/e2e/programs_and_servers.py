#!/usr/bin/env python3
"""Routers that ask somebody: queryprogram, iplookup, and dnslookup with SRV records, widening and translated addresses."""
# timeout: 180
import atexit
import os
import re
import socket
import subprocess
import threading

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
PEER = peers.Sink()
DNS = h.Dns({
    '_submit._tcp.srv.test': [{'SRV': [20, 0, PEER.port, 'second.srv.test']}, {'SRV': [10, 5, PEER.port, 'first.srv.test']}, {'SRV': [10, 0, PEER.port, 'zero.srv.test']}],
    'first.srv.test': [{'A': '127.0.0.1'}], 'second.srv.test': [{'A': '127.0.0.1'}], 'zero.srv.test': [{'A': '127.0.0.1'}],
    '_submit._tcp.nosrv.test': [{'SRV': [0, 0, 0, '.']}], '_submit._tcp.deadsrv.test': ['SERVFAIL'], '_submit._tcp.laxsrv.test': ['SERVFAIL'],
    'laxsrv.test': [{'MX': [10, 'first.srv.test']}], 'deadsrv.test': [{'MX': [10, 'first.srv.test']}], 'mxonly.test': [{'MX': [10, 'first.srv.test']}],
    'short.wide.test': [{'MX': [10, 'first.srv.test']}], 'moved.test': [{'MX': [10, 'away.moved.test']}], 'away.moved.test': [{'A': '192.0.2.1'}],
    'named.test': [{'A': '192.0.2.2'}], 'kept.test': [{'A': '127.0.0.1'}],
})
atexit.register(DNS.stop)
SCRIPT = D('ask.sh')
h.write(SCRIPT, r'''#!/bin/sh
case "$1" in
accept) echo "accept transport=remote hosts=127.0.0.1 data=\"from the program\"" ;;
local) echo "ACCEPT TRANSPORT = other" ;;
twolines) echo decline; echo accept ;;
decline) echo decline ;;
pass) echo Pass ;;
fail) echo "fail 550 no such luck $(id -u)" ;;
defer) echo "defer come back" ;;
freeze) echo "freeze stop" ;;
redirect) echo "redirect u@box.test, w@box.test" ;;
file) echo "redirect /etc/passwd" ;;
unknown) echo "accept transport=nosuch" ;;
badhost) echo "accept transport=remote hosts=nowhere.srv.test lookup=bydns" ;;
nonsense) echo "whatever" ;;
empty) ;;
status) echo accept; exit 3 ;;
slow) sleep 60; echo accept ;;
whoami) echo "fail uid $(id -u) gid $(id -g) in $(pwd) with <$2> <$3> $FOO" ;;
long) head -c 100000 /dev/zero | tr '\0' x; echo ;;
killed) kill -9 $$ ;;
esac
''', 0o755)


class Lookup:
    """Answers iplookup queries over UDP and TCP from a table."""
    table = {}

    def __init__(self):
        self.queries = []
        self.port = h.free_port()  # of both kinds: the kernel gives none of these to anybody
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(('127.0.0.1', self.port))
        self.tcp = socket.create_server(('127.0.0.1', self.port))
        for f in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=f, daemon=True).start()

    def answer(self, query):
        self.queries.append(query)
        got = self.table.get(query.split(' ')[0].split('@')[0])
        return got and got.replace('QUERY', query.split(' ')[-1])

    def serve_udp(self):
        while True:
            data, peer = self.udp.recvfrom(4096)
            got = self.answer(data.decode())
            if got is not None:
                self.udp.sendto(got.encode(), peer)

    def serve_tcp(self):
        while True:
            c, _ = self.tcp.accept()
            with c:
                got = self.answer(c.recv(4096).decode())
                if got is not None:
                    c.sendall(got.encode())


LOOKUP = Lookup()
Lookup.table = {'moved': 'u@box.test QUERY', 'liar': 'u@box.test other@box.test', 'pattern': 'box.test', 'nopattern': 'no dots', 'bare': 'nodomain QUERY', 'tcp': 'w@box.test QUERY'}
ROUTERS = '''
program:
  driver = queryprogram
  domains = program.test
  local_parts = ${sg{$local_part}{[^a-z]}{}}
  set = r_word = ${lookup{$local_part}lsearch{%(dir)s/words}}
  command = %(script)s $r_word "two words" "${if eq{$domain}{program.test}{yes}{no}}"
  command_user = %(user)s
  current_directory = /tmp
  timeout = 8s
  self = send
  transport = maildir_of_program
other:
  driver = accept
  domains = program.test
  transport = other
asked:
  driver = iplookup
  domains = asked.test
  hosts = 127.0.0.1
  port = %(lookup)d
  timeout = 8s
asked_by_tcp:
  driver = iplookup
  domains = tcp.test
  hosts = 127.0.0.1
  port = %(lookup)d
  protocol = tcp
asked_with_pattern:
  driver = iplookup
  domains = pattern.test
  hosts = 127.0.0.1
  port = %(lookup)d
  query = $local_part
  response_pattern = ^([a-z]+\\.[a-z]+)$
  reroute = u@$1
asked_optional:
  driver = iplookup
  domains = optional.test
  hosts = 127.0.0.1
  port = %(dead)d
  optional
  timeout = 1s
asked_required:
  driver = iplookup
  domains = required.test
  hosts = 127.0.0.1
  port = %(dead)d
  timeout = 1s
after:
  driver = accept
  domains = optional.test : asked.test : pattern.test
  transport = other
translated:
  driver = dnslookup
  domains = moved.test : named.test : kept.test
  translate_ip_address = ${if eq{$host_address}{192.0.2.1}{127.0.0.1}{${if eq{$host_address}{192.0.2.2}{first.srv.test}fail}}}
  self = send
  transport = remote
out:
  driver = dnslookup
  domains = ! box.test
  check_srv = submit
  srv_fail_domains = laxsrv.test
  widen_domains = nowhere.test : wide.test
  rewrite_headers = false
  self = send
  dsn_lasthop = ${if eq{1}{1}}
  transport = remote
''' % {'dir': D.path, 'script': SCRIPT, 'user': 'daemon' if os.geteuid() == 0 else str(os.getuid()), 'lookup': LOOKUP.port, 'dead': h.free_port()}
ROUTERS = ROUTERS.replace('  dsn_lasthop = ${if eq{1}{1}}\n', '  dsn_lasthop\n').replace('  local_parts = ${sg{$local_part}{[^a-z]}{}}\n', '')
if os.geteuid() != 0:
    ROUTERS = ROUTERS.replace('  command_user = %d\n' % os.getuid(), '  command_user = %d\n  command_group = %d\n' % (os.getuid(), os.getgid()))
TRANSPORTS = '''
other:
  driver = appendfile
  file = %s/other
  headers_add = X-Data: $address_data
maildir_of_program:
  driver = appendfile
  file = %s/program
remote:
  driver = smtp
  port = %d
  allow_localhost
  connection_max_messages = 1
  headers_add = X-Data: $address_data
''' % (D.path, D.path, PEER.port)
WORDS = 'accept local twolines decline pass fail defer freeze redirect file unknown badhost nonsense empty status slow whoami long killed'.split()
h.write(D('words'), ''.join('%s: %s\n' % (w, w) for w in WORDS))
CONF = fill(D, PORT, extra='dns_resolvers = <; [127.0.0.1]:%d\ndsn_advertise_hosts = *\nlog_selector = +all\n' % DNS.port, routers=ROUTERS, transports=TRANSPORTS, boxes=('u@box.test', 'w@box.test'))
h.write(CONF, open(CONF).read().replace('acl_rcpt:\n', 'acl_rcpt:\n  accept domains = !box.test\n', 1).replace('* * F,1h,1s', '* * F,1d,1h'))
subprocess.run(['chmod', 'a+rx', D.path, SCRIPT], check=True)
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log():
    try:
        with open(D('log/mainlog'), errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


def outcome(address, parameters=''):
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<s@c.test>', 250)
    c.expect('RCPT TO:<%s>%s' % (address, parameters), 250)
    c.expect('DATA', 354)
    c.send('Subject: x\r\n\r\nx\r\n.\r\n')
    number = c.reply()[1].split('id=')[1].split()[0]
    c.close()

    def lines():
        found = [l for l in log().splitlines() if number in l and re.search(r' (=>|->|==|\*\*) ', l)]
        return found and '\n'.join(found)
    return h.wait_for(lines, what=lambda: 'an end of %s: %s' % (address, log()[-1500:]))


def rule(word):
    return outcome(word + '@program.test')


def test_accept():
    got = rule('accept')
    h.check('R=program T=remote ' in got and 'H=127.0.0.1 [127.0.0.1]' in got, got)
    h.check(b'X-Data: from the program' in PEER.messages[-1][2], PEER.messages[-1][2])
    h.check('T=other' in rule('local'), 'transport of the answer')


def test_who_runs_it_and_with_what():
    got = rule('whoami')
    if os.geteuid() == 0:
        import pwd
        entry = pwd.getpwnam('daemon')
        h.check('uid %d gid %d in /tmp with <two words> <yes>' % (entry.pw_uid, entry.pw_gid) in got, got)
    else:
        h.check('uid %d ' % os.getuid() in got, got)


def test_other_words():
    for word, want in (('decline', 'R=other'), ('twolines', 'R=other'), ('pass', 'R=other'), ('fail', '** fail@program.test'), ('defer', 'come back'),
                       ('unknown', 'unknown transport "nosuch"'), ('badhost', 'nowhere.srv.test'), ('nonsense', 'bad command answer "whatever"'),
                       ('empty', 'bad command answer ""'), ('status', 'command returned status 3'), ('file', 'may redirect to addresses only'),
                       ('long', 'bad command answer "xxxx'), ('killed', 'ended by signal 9')):
        got = rule(word)
        h.check(want in got, '%s: %s' % (word, got))


def test_freeze_and_timeout_freeze():
    for word, want in (('freeze', 'stop'), ('slow', 'command timed out')):
        before = log().count('rozen')
        got = rule(word)
        h.check(want in got, got)
        h.wait_for(lambda: log().count('rozen') > before, what=lambda: 'freezing: ' + log()[-800:])


def test_redirect():
    got = rule('redirect')
    h.wait_for(lambda: h.maildir(D('mail/box.test/u')) and h.maildir(D('mail/box.test/w')), what='both')


def test_tainted_arguments_are_refused():
    path = D('tainted.conf')
    h.write(path, open(CONF).read().replace('$r_word', '$local_part'))
    r = h.Remex(path, []).run('-bt', 'accept@program.test')
    h.check('ainted' in r.stdout + r.stderr, r.stdout + r.stderr)


def test_options_that_are_missing():
    for gone, why in (('  command_user = %s\n' % re.search(r'command_user = (\S+)', ROUTERS).group(1), 'needs the option command_user'),
                      ('  hosts = 127.0.0.1\n', 'iplookup needs the option hosts'), ('  rewrite_headers = false\n', 'widen_domains needs rewrite_headers')):
        path = h.write(D('bad.conf'), open(CONF).read().replace(gone, ''))
        r = h.Remex(path, []).run('-bV')
        h.check(r.returncode != 0 and why in r.stderr, r.stderr[-600:])


def test_iplookup():
    got = outcome('moved@asked.test')
    h.check('=> u <moved@asked.test>' in got, got)
    h.equal(LOOKUP.queries[-1], 'moved@asked.test moved@asked.test')
    h.check('=> w <tcp@tcp.test>' in outcome('tcp@tcp.test'), 'tcp')
    h.check('T=other' in outcome('liar@asked.test'), 'an answer to another question is declined')
    h.check('lacks a domain' in outcome('bare@asked.test'), 'no domain')
    h.check('failed to get anything' in outcome('silence@asked.test'), 'no answer')
    h.check('=> u <pattern@pattern.test>' in outcome('pattern@pattern.test'), 'pattern')
    h.check('T=other' in outcome('nopattern@pattern.test'), 'declined')
    h.check('T=other' in outcome('x@optional.test'), 'optional')
    h.check('failed to get anything' in outcome('x@required.test'), 'required')


def test_srv():
    got = outcome('x@srv.test')
    h.check('R=out T=remote' in got and ('H=first.srv.test' in got or 'H=zero.srv.test' in got), got)
    got = outcome('x@nosrv.test')
    h.check('** x@nosrv.test' in got and 'indicated no SMTP service' in got, got)
    got = outcome('x@deadsrv.test')
    h.check('== x@deadsrv.test' in got and 'SRV' in got, got)
    h.check('H=first.srv.test' in outcome('x@laxsrv.test'), 'srv_fail_domains')
    h.check('H=first.srv.test' in outcome('x@mxonly.test'), 'MX')


def test_widening():
    got = outcome('x@short')
    h.check('=> x@short.wide.test <x@short>' in got and 'H=first.srv.test' in got, got)
    h.check('** x@nothing' in outcome('x@nothing'), 'nothing to widen to')


def test_translated_addresses():
    h.check('H=away.moved.test [127.0.0.1]' in outcome('x@moved.test'), 'by address')
    h.check('H=named.test [127.0.0.1]' in outcome('x@named.test'), 'by name')
    h.check('H=kept.test [127.0.0.1]' in outcome('x@kept.test'), 'fail keeps it')


def test_dsn_lasthop():
    seen = []
    PEER.replies['EHLO'] = '250-sink.test\r\n250 DSN'
    PEER.replies['RCPT'] = lambda line: seen.append(line) or '250 ok'
    try:
        outcome('y@mxonly.test', ' NOTIFY=SUCCESS')
        h.check('NOTIFY' not in seen[-1], seen)
        h.wait_for(lambda: 'DSN' in log() or 'R=' in log(), what='the report')
        outcome('y@kept.test', ' NOTIFY=SUCCESS')
        h.check('NOTIFY=SUCCESS' in seen[-1], seen)
    finally:
        PEER.replies.clear()


h.main()
