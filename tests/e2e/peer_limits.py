#!/usr/bin/env python3
"""Limits that servers tell with LIMITS (RFC 9422): those of the other side are kept, by more transactions and more connections; this side tells its own."""
# timeout: 120
import atexit
import re

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
PEER = peers.Sink(host='0.0.0.0')
atexit.register(PEER.stop)
CONF = fill(D, PORT, extra='recipients_max = 50\nlimits_advertise_hosts = !127.0.0.2 : *\n', routers='''
out:
  driver = manualroute
  domains = *.remote.test
  route_data = ${if match{$domain}{\\N[.]c([0-9]+)[.]\\N}{127.0.1.$1}}
  self = send
  transport = out
''', transports='''
out:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
''' % PEER.port)
TEXT = open(CONF).read().replace('smtp_accept_max_per_connection = 100000', 'smtp_accept_max_per_connection = 7', 1)
h.write(CONF, TEXT.replace('  accept domains = dsearch', '  accept domains = *.remote.test\n  accept domains = dsearch', 1))
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log():
    try:
        with open(D('log/mainlog')) as f:
            return f.read()
    except OSError:
        return ''


def deliver(keyword, recipients):
    """What the other side got: the recipients of each transaction, and the number of connections."""
    PEER.messages.clear()
    PEER.sessions = 0
    PEER.replies['EHLO'] = '250-sink.test\r\n%s250-PIPELINING\r\n250 8BITMIME' % ('250-%s\r\n' % keyword if keyword else '')
    done = log().count(' Completed')
    h.equal(h.send(PORT, 'a@client.test', recipients, 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: log().count(' Completed') == done + 1, what=lambda: 'delivery: ' + log()[-2000:])
    got = [m[1] for m in PEER.messages]
    h.equal(sorted(sum(got, [])), sorted(recipients), 'each recipient once')
    return [len(r) for r in got], PEER.sessions


CASES = []  # a host for each, so that no kept connection knows the limits of the case before


def addresses(n, domains=1):
    CASES.append(n)
    return ['u%d@d%d.c%d.remote.test' % (i, i % domains, len(CASES)) for i in range(n)]


def test_no_limits():
    h.equal(deliver('', addresses(5)), ([5], 1))
    h.equal(deliver('LIMITS', addresses(5)), ([5], 1))
    h.equal(deliver('LIMITS RCPTMAX=x MAILMAX= FUTURE=1 RCPTMAX', addresses(5)), ([5], 1))


def test_recipients():
    h.equal(deliver('LIMITS RCPTMAX=2', addresses(5)), ([2, 2, 1], 1))
    h.equal(deliver('limits rcptmax=5', addresses(5)), ([5], 1))


def test_domains():
    sizes, connections = deliver('LIMITS RCPTDOMAINMAX=1', addresses(4, 2))
    h.equal((sorted(sizes), connections), ([2, 2], 1))
    for m in PEER.messages:
        h.equal(len({r.split('@')[1] for r in m[1]}), 1, 'one domain in ' + repr(m[1]))


def test_messages():
    # Connections are kept for the next message, but not beyond what the other side allows.
    h.equal(deliver('LIMITS RCPTMAX=1 MAILMAX=2', addresses(5)), ([1] * 5, 3))
    to = addresses(2)
    h.equal(deliver('LIMITS MAILMAX=2', to), ([2], 1))
    h.equal(deliver('LIMITS MAILMAX=2', to), ([2], 0), 'the same connection')
    h.equal(deliver('LIMITS MAILMAX=2', to), ([2], 1), 'a new one')


def test_a_refusal():
    # One transaction is refused for now: the others are not sent again.
    PEER.messages.clear()
    PEER.replies['EHLO'] = '250-sink.test\r\n250-LIMITS RCPTMAX=1\r\n250 8BITMIME'
    refusals = ['450 later']
    PEER.replies['RCPT'] = lambda line: refusals.pop() if 'u1@' in line and refusals else None
    to = addresses(3)
    done = log().count(' Completed')
    h.equal(h.send(PORT, 'a@client.test', to, 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: '== u1@' in log() and len(PEER.messages) == 2, what='two deliveries and a deferral')

    def completed():
        SERVER.run('-qf')  # again and again: one that comes before the first attempt has let the message go skips it
        return log().count(' Completed') == done + 1
    h.wait_for(completed, what=lambda: 'the third: ' + log()[-2000:])
    del PEER.replies['RCPT']
    h.equal(sorted(m[1][0] for m in PEER.messages), to, 'each once')


def test_a_reset_is_refused():
    """It says something about the connection, and nothing about recipients that were never named."""
    PEER.messages.clear()
    PEER.sessions = 0
    PEER.replies.update({'EHLO': '250-sink.test\r\n250-LIMITS RCPTMAX=1\r\n250 8BITMIME', 'RSET': '500 what is that', 'RCPT': lambda line: '550 no' if 'u1@' in line else None})
    to = addresses(4)
    done = log().count(' Completed')
    h.equal(h.send(PORT, 'a@client.test', to, 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: log().count(' Completed') == done + 1, what=lambda: 'the delivery: ' + log()[-2000:])
    del PEER.replies['RSET'], PEER.replies['RCPT']
    h.equal(sorted(m[1][0] for m in PEER.messages), sorted(set(to) - {to[1]}), 'what came')
    h.equal(PEER.sessions, 2, 'connections')


def test_a_server_that_goes_away():
    """421 is its answer for all that is still to come: it is not asked again for each transaction."""
    PEER.sessions = 0
    PEER.replies.update({'EHLO': '250-sink.test\r\n250-LIMITS RCPTMAX=1\r\n250 8BITMIME', 'RCPT': '421 going down'})
    to = addresses(4)
    h.equal(h.send(PORT, 'a@client.test', to, 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: all(re.search('== %s .*421 going down' % re.escape(a), log()) for a in to), what=lambda: 'four deferrals: ' + log()[-2000:])
    del PEER.replies['RCPT']
    h.equal(PEER.sessions, 1, 'connections')


def test_own_limits():
    for source, want in (('127.0.0.1', 'LIMITS MAILMAX=7 RCPTMAX=50'), ('127.0.0.2', None)):
        s = h.Smtp(PORT, source=source)
        lines = [line for line in s.ehlo().split('\n') if line.startswith('LIMITS')]
        h.equal(lines, [want] if want else [], source)
        s.close()


h.main()
