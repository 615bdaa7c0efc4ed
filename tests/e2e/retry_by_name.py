#!/usr/bin/env python3
"""retry_include_ip_address: whether a host that gets another address waits for the retry time of the one before."""
import atexit
import re

import harness as h
import peers
from fakedns import FakeDNS
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
PEER = peers.Sink(host='127.0.0.6')
atexit.register(PEER.stop)
OLD, NEW = '127.0.0.5', '127.0.0.6'  # nobody listens on the old one


def zone(ip):
    return {name: [{'TTL': 0}, {'A': ip}] for name in ('one.dialup.test', 'two.fixed.test')}


DNS = FakeDNS(zone(OLD))
atexit.register(DNS.close)
CONF = fill(D, PORT, extra='dns_resolvers = <; [127.0.0.1]:%d\n' % DNS.port, routers='''
out:
  driver = manualroute
  domains = *.test : ! box.test
  route_list = one.test one.dialup.test ; two.test two.fixed.test
  self = send
  transport = out
''', transports='''
out:
  driver = smtp
  port = %d
  allow_localhost
  retry_include_ip_address = ${if match{$host}{dialup}{no}{yes}}
''' % PEER.port)
with open(CONF) as f:
    TEXT = f.read()
h.write(CONF, TEXT.replace('  accept domains = dsearch', '  accept domains = *.test\n  accept domains = dsearch', 1).replace('* * F,1h,1s', '* * F,1h,30m'))
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def outcome(domain):
    """The line of the delivery of a new message."""
    got = h.send(PORT, 'a@client.test', ['u@' + domain], 'Subject: x\n\nx\n')
    h.equal(got[0], 250)
    key = re.search(r'id=(\S+)', got[1]).group(1)

    def line():
        with open(D('log/mainlog')) as f:
            return re.search('.*%s (?:=>|==) .*' % key, f.read())
    return h.wait_for(line, what='the delivery to ' + domain).group(0)


def test_another_address():
    for domain in ('one.test', 'two.test'):
        line = outcome(domain)
        h.check(' == ' in line and 'refused' in line, line)
    DNS.set_zone(zone(NEW))
    line = outcome('two.test')
    h.check(' => ' in line and '[%s]' % NEW in line, 'an address of its own: ' + line)
    line = outcome('one.test')
    h.check(' == ' in line and 'retry time not reached' in line, 'the name has its retry time: ' + line)
    SERVER.run('-qf')
    h.wait_for(lambda: len(PEER.messages) == 4, what='all four messages')
    # A success clears the record, so that the next message is not held up.
    h.check(' => ' in outcome('one.test'), 'after the success')


def teardown():
    SERVER.stop()


h.main()
