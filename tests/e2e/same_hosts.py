#!/usr/bin/env python3
"""What goes to the same hosts goes together: equal MX records and shuffled lists of hosts in whatever order each address got them, one routing for
all addresses of a domain (same_domain_copy_routing), and the load over equal hosts all the same."""
# timeout: 120
import atexit
import re
import subprocess

import harness as h
h.enter_namespace()
import peers
from fakedns import FakeDNS
from maildir_conf import fill

subprocess.run(['ip', 'route', 'add', 'local', '192.0.2.0/24', 'dev', 'lo'], check=True)
D = h.Dir()
PORT = h.free_port()
PEER = peers.Sink(host='0.0.0.0')
atexit.register(PEER.stop)
EQUAL = [{'MX': [10, 'eq%d.test' % i]} for i in range(1, 5)]
DNS = FakeDNS({
    'many.test': EQUAL, 'more.test': EQUAL, 'capped.test': EQUAL, 'apart.test': EQUAL, 'alone.test': EQUAL,
    'up.test': [{'MX': [10, 'eq1.test']}, {'MX': [20, 'eq2.test']}], 'down.test': [{'MX': [20, 'eq1.test']}, {'MX': [10, 'eq2.test']}],
    'level.test': [{'MX': [10, 'eq1.test']}, {'MX': [10, 'eq2.test']}], 'later.test': [{'MX': [30, 'eq1.test']}, {'MX': [40, 'eq2.test']}],
    'ips.test': [{'A': '192.0.2.%d' % i} for i in range(61, 65)], 'again.test': [{'MX': [5, 'ips.test']}], 'once.test': [{'MX': [5, 'ips.test']}],
    'copied.test': EQUAL, 'asked.test': EQUAL, 'added.test': EQUAL,
    **{'eq%d.test' % i: [{'A': '192.0.2.4%d' % i}] for i in range(1, 5)}})
atexit.register(DNS.close)
CONF = fill(D, PORT, extra='dns_resolvers = <; [127.0.0.1]:%d\nremote_max_parallel = 1\n' % DNS.port, routers='''
shuffled:
  driver = manualroute
  domains = shuffled.test
  route_list = * 192.0.2.51:192.0.2.52:192.0.2.53:+:192.0.2.54:192.0.2.55
  hosts_randomize
  transport = out
listed:
  driver = manualroute
  route_list = ab.test 192.0.2.51:192.0.2.52; ba.test 192.0.2.52:192.0.2.51
  transport = out
by_transport:
  driver = manualroute
  domains = trans.test
  route_list = * 192.0.2.51:192.0.2.52
  transport = shuffles
of_transport:
  driver = accept
  domains = own.test
  transport = has_hosts
copied:
  driver = dnslookup
  domains = copied.test
  check_srv = $local_part
  same_domain_copy_routing
  transport = out
asked:
  driver = dnslookup
  domains = asked.test
  check_srv = $local_part
  transport = out
added:
  driver = dnslookup
  domains = added.test
  check_srv = $local_part
  same_domain_copy_routing
  headers_add = X-For: $local_part
  transport = out
out:
  driver = dnslookup
  transport = ${if inlist{$domain}{capped.test:apart.test:alone.test}{${if eq{$domain}{capped.test}{capped}{apart}}}{out}}
''', transports=''.join('''
%s:
  driver = smtp
  port = %d
  hosts_avoid_tls = *
  %s
''' % (name, PEER.port, more) for name, more in (('out', 'max_rcpt = 0'), ('capped', 'max_rcpt = 10'), ('apart', 'multi_domain = false'), ('shuffles', 'hosts_randomize'),
                                           ('has_hosts', 'hosts_randomize\n  hosts = 192.0.2.51:192.0.2.52:+:192.0.2.53:192.0.2.54'))))
TEXT = open(CONF).read()
h.write(CONF, TEXT.replace('  accept domains = dsearch', '  accept domains = *.test\n  accept domains = dsearch', 1))
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)


def log():
    try:
        with open(D('log/mainlog')) as f:
            return f.read()
    except OSError:
        return ''


def deliver(recipients):
    """The recipients of each transaction that the other side saw, sorted."""
    PEER.messages.clear()
    done = log().count(' Completed')
    h.equal(h.send(PORT, 'a@client.test', recipients, 'Subject: x\n\nx\n')[0], 250)
    h.wait_for(lambda: log().count(' Completed') == done + 1, what=lambda: 'delivery: ' + log()[-2000:])
    got = [m[1] for m in PEER.messages]
    h.equal(sorted(sum(got, [])), sorted(recipients), 'each recipient once')
    return sorted(len(r) for r in got)


def users(n, *domains):
    return ['u%d@%s' % (i, domains[i % len(domains)]) for i in range(n)]


def test_equal_mx_of_one_domain():
    for _ in range(3):  # the order of the hosts is a matter of chance
        h.equal(deliver(users(30, 'many.test')), [30])


def test_no_more_than_max_rcpt():
    h.equal(deliver(users(30, 'capped.test')), [10, 10, 10])


def test_domains_with_the_same_mx():
    for _ in range(3):
        h.equal(deliver(users(30, 'many.test', 'more.test')), [30])
    h.equal(deliver(users(8, 'up.test', 'later.test')), [8], 'other numbers, the same order')
    h.equal(deliver(users(12, 'apart.test')), [12], 'multi_domain = false')


def test_domains_one_by_one():
    h.equal(deliver(users(12, 'apart.test', 'alone.test')), [6, 6])
    for m in PEER.messages:
        h.equal(len({a.split('@')[1] for a in m[1]}), 1, repr(m[1]))


def test_another_order_is_another_way():
    h.equal(deliver(users(6, 'up.test', 'down.test')), [3, 3])
    h.equal(deliver(users(6, 'ab.test', 'ba.test')), [3, 3])
    # Equals are tried in any order, ranks are not.
    h.equal(deliver(users(6, 'up.test', 'level.test')), [3, 3])


def test_addresses_of_one_host():
    h.equal(deliver(users(20, 'again.test', 'once.test')), [20])


def hosts_of(text):
    return re.findall(r' => .* H=\S+ \[([\d.]+)\]', text)


def test_a_shuffled_list():
    before = len(log())
    for _ in range(25):
        h.equal(deliver(users(6, 'shuffled.test')), [6])
    seen = set(hosts_of(log()[before:]))
    h.check(len(seen) > 1 and seen <= {'192.0.2.51', '192.0.2.52', '192.0.2.53'}, 'hosts of the first group: %r' % seen)


def test_a_transport_that_shuffles():
    for domain in ('trans.test', 'own.test'):
        before = len(log())
        for _ in range(25):
            h.equal(deliver(users(2, domain)), [2])
        h.equal(set(hosts_of(log()[before:])), {'192.0.2.51', '192.0.2.52'}, 'hosts of ' + domain)


def test_messages_are_spread():
    before = len(log())
    for _ in range(40):
        h.equal(deliver(users(2, 'many.test')), [2])
    seen = set(hosts_of(log()[before:]))
    h.check(len(seen) > 2, 'most of the equal hosts get something: %r' % seen)


def services(domain):
    """Local parts for whose service somebody asked."""
    return sorted({name.split('.')[0][1:] for name, _ in DNS.queries if name.endswith('._tcp.' + domain)})


def test_one_routing_for_a_domain():
    h.equal(deliver(users(5, 'copied.test')), [5])
    h.equal(len(services('copied.test')), 1, 'addresses that were routed: %r' % services('copied.test'))


def test_without_the_option_each_is_routed():
    h.equal(deliver(users(5, 'asked.test')), [5])
    h.equal(services('asked.test'), ['u%d' % i for i in range(5)])


def test_a_changed_header_is_nobody_elses():
    h.equal(deliver(users(5, 'added.test')), [1] * 5)
    h.equal(services('added.test'), ['u%d' % i for i in range(5)])
    for _, to, data in PEER.messages:
        h.equal(re.findall(rb'X-For: (\S+)', data), [to[0].split('@')[0].encode()])


h.main()
