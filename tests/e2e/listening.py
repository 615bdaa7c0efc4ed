#!/usr/bin/env python3
"""-oX: ports, interfaces, or both of them, in place of daemon_smtp_ports and local_interfaces."""
import atexit

import harness as h
from maildir_conf import fill

D = h.Dir()
CONFIGURED, OTHER = h.free_port(), h.free_port()
CONF = fill(D, CONFIGURED)
with open(CONF) as f:
    TEXT = f.read()
h.write(CONF, TEXT.replace('local_interfaces = 127.0.0.1', 'local_interfaces = 127.0.0.2', 1))
PLACES = [(ip, port) for ip in ('127.0.0.1', '127.0.0.2') for port in (CONFIGURED, OTHER)]


def serves(argument, wanted):
    server = h.Remex(CONF, [])
    atexit.register(server.kill)
    server.start(*(['-oX', argument] if argument else []))
    h.wait_for(lambda: server.alive() and all(h.port_open(port, ip) for ip, port in wanted), what=lambda: '%s for %s; %s' % (wanted, argument, server.stderr()))
    h.equal([place for place in PLACES if h.port_open(place[1], place[0])], wanted, argument)
    server.stop()


def test_what_is_opened():
    serves('', [('127.0.0.2', CONFIGURED)])
    serves('%d' % OTHER, [('127.0.0.2', OTHER)])
    serves('%d : %d' % (CONFIGURED, OTHER), [('127.0.0.2', CONFIGURED), ('127.0.0.2', OTHER)])
    serves('127.0.0.1', [('127.0.0.1', CONFIGURED)])
    serves('127.0.0.1.%d' % OTHER, [('127.0.0.1', OTHER)])
    serves('127.0.0.1:%d' % OTHER, [('127.0.0.1', OTHER)])  # a list of two
    serves('<; [127.0.0.1]:%d ; 127.0.0.2 ; %d' % (CONFIGURED, OTHER), [('127.0.0.1', CONFIGURED), ('127.0.0.2', OTHER)])


def test_what_is_none():
    for argument in ('127.0.0.1 : nosuchport', '127.0.0.x'):
        r = h.Remex(CONF, []).run('-bdf', '-oX', argument)
        h.check(r.returncode != 0 and 'is not a' in r.stderr, '%s: %s' % (argument, r.stderr))


def teardown():
    D.remove()


h.main()
