#!/usr/bin/env python3
"""A host that cannot be used is waited for once in a delivery, however many transactions that has, and servers at other ports of its address are
not taken for it."""
# timeout: 120
import atexit
import re
import select
import socket
import sqlite3

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PEER = peers.Sink()
atexit.register(PEER.stop)
SILENT = socket.socket()  # takes connections and says nothing
SILENT.bind(('127.0.0.3', PEER.port))
SILENT.listen(64)
CLOSED, CLOSED_TOO = h.free_port(), h.free_port()
CONF = fill(D, h.free_port(), extra='trusted_users = root\nlog_selector = +outgoing_port\nremote_max_parallel = 1\n', routers='''
out:
  driver = manualroute
  route_list = silent.test 127.0.0.3:127.0.0.1 ; mute.test 127.0.0.3 ; refusing.test 127.0.0.2:127.0.0.1 ; \\
    port.test "127.0.0.1::%d:127.0.0.1::%d" ; ports.test "127.0.0.1::%d:127.0.0.1::%d"
  self = send
  transport = out
''' % (CLOSED, PEER.port, CLOSED, CLOSED_TOO), transports='''
out:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
  max_rcpt = 1
  command_timeout = 2s
  connection_max_messages = 1
''' % PEER.port)
h.write(CONF, open(CONF).read().replace('* * F,1h,1s', '* * F,1h,30m'))
SERVER = h.Remex(CONF, [])


def deliver(domain, n=1):
    """What the log says of the delivery of a message to that many users."""
    PEER.messages.clear()
    try:
        with open(D('log/mainlog')) as f:
            before = len(f.read())
    except OSError:
        before = 0
    SERVER.run('-odf', '-oi', '-f', 's@client.test', *['u%d@%s' % (i, domain) for i in range(n)], input='Subject: x\n\nx\n', check_rc=0)
    with open(D('log/mainlog')) as f:
        return f.read()[before:]


def retry_records():
    with sqlite3.connect(D('spool/db/spool.sqlite')) as db:
        found = dict(db.execute("SELECT key, error_text FROM retry WHERE key LIKE 'T:127%'"))
    db.close()
    return found


def forget():
    with sqlite3.connect(D('spool/db/spool.sqlite')) as db:
        db.execute('DELETE FROM retry')
    db.close()


def clear():
    for i in re.findall(r'\S+-\S+-\S+', SERVER.run('-bpi').stdout):
        SERVER.run('-Mrm', i, check_rc=0)
    forget()


def connections():
    """How many the silent host has got since the last call."""
    n = 0
    while select.select([SILENT], [], [], 0)[0]:
        SILENT.accept()[0].close()
        n += 1
    return n


def test_a_silent_host_is_waited_for_once():
    for domain, host in (('silent.test', '127.0.0.3'), ('refusing.test', '127.0.0.2')):
        said = deliver(domain, 8)
        h.equal(connections(), 1 if domain == 'silent.test' else 0, 'connections to the silent host: ' + said)
        h.equal(sorted(sum((m[1] for m in PEER.messages), [])), sorted('u%d@%s' % (i, domain) for i in range(8)), 'recipients; log: ' + said)
        h.check(any(k.startswith('T:%s:' % host) for k in retry_records()), 'its retry record: %s' % retry_records())
        forget()


def test_every_address_is_told_why():
    said = deliver('mute.test', 5)
    h.equal(connections(), 1, 'connections to the silent host: ' + said)
    h.equal(re.findall(r'== (\S+) .*defer \(110\): Connection timed out H=127.0.0.3', said), ['u%d@mute.test' % i for i in range(5)], said)
    clear()


def test_another_port_is_another_server():
    said = deliver('port.test')
    h.check('=> u0@port.test' in said, said)
    h.equal(retry_records(), {'T:127.0.0.1:127.0.0.1:%d' % CLOSED: 'Connection refused'}, 'the record is the closed port\'s')
    said = deliver('port.test')
    h.check('=> u0@port.test' in said and 'refused' not in said, 'the closed port has its retry time: ' + said)
    forget()
    said = deliver('ports.test', 3)
    h.equal(said.count('defer (111): Connection refused'), 3, said)
    h.equal(sorted(retry_records()), sorted('T:127.0.0.1:127.0.0.1:%d' % p for p in (CLOSED, CLOSED_TOO)), 'both have one')
    clear()


def teardown():
    SILENT.close()
    D.remove()


h.main()
