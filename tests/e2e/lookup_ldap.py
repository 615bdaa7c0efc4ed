#!/usr/bin/env python3
"""LDAP lookups and ldapauth against slapd: found, absent, hostile keys, down, slow, back again; formats of answers; passwords."""
# timeout: 300
import glob
import os
import subprocess

import examples
import harness as h
from _lookup_server import Folder, Policy, Server, Tarpit, check_policy, compare_with_oracle, expand, need

need('slapd', '/etc/ldap/schema/core.schema')
MODULE = glob.glob('/usr/lib/ldap/back_mdb*.so*') or h.skip('slapd has no mdb')
F = Folder()
PORT = h.free_port()
os.makedirs(F('data'))
h.write(F('slapd.conf'), '''include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %(dir)s/pid
database mdb
suffix "o=test"
rootdn "cn=admin,o=test"
rootpw geheim
directory %(dir)s/data
maxsize 10485760
''' % {'dir': F.path})
h.write(F('data.ldif'), '''dn: o=test
objectClass: organization
o: test

dn: uid=alice,o=test
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: A, B
mail: alice@test
mail: al@test
description: say "x\\y"
userPassword: wonderland

dn: uid=bob,o=test
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: B
mail: bob@test
''')
subprocess.run(['slapadd', '-f', F('slapd.conf'), '-l', F('data.ldif')], check=True, capture_output=True)
LDAPI = 'ldapi://' + F('sock').replace('/', '%2F')
SERVER = Server(['slapd', '-f', F('slapd.conf'), '-h', 'ldap://127.0.0.1:%d/ %s' % (PORT, LDAPI), '-d', '0'], lambda: h.port_open(PORT)).start()
TARPIT = Tarpit()
URL = 'ldap:///o=test?mail?sub?(uid=${quote_ldap:$local_part})'
MAIN = 'ldap_default_servers = 127.0.0.1::%d' % PORT
POLICY = Policy('ldap_default_servers = 127.0.0.1::%d' % PORT, 'ldap {%s}' % URL,
                'ldap {%s}' % URL.replace('///', '//127.0.0.1:%d/' % TARPIT.port),
                'ldap {SERVERS=127.0.0.1::%d:127.0.0.1::%d %s}' % (TARPIT.port, PORT, URL))


def test_answers():
    lines = ['${lookup ldap{ldap:///o=test?mail?sub?(uid=alice)}}', '${lookup ldap{ldap:///o=test?cn,mail?sub?(uid=alice)}}',
                 '${lookup ldap{ldap:///o=test?sn?sub?(uid=alice)}}', '${lookup ldap{ldap:///o=test?description,cn?sub?(uid=alice)}}',
                 '${lookup ldapm{ldap:///o=test?uid?sub?(uid=*)}}', '${lookup ldapdn{ldap:///o=test?cn?sub?(uid=bob)}}',
                 '${lookup ldap{ldap:///o=test?mail?sub?(uid=none)}{y}{n}}', '${lookup ldap{ldap:///o=nosuch?mail?sub?(uid=none)}{y}{n}}',
                 '${lookup ldap{ldap:///o=test?nosuchattr?sub?(uid=bob)}{y}{n}}',
                 '${lookup ldap{user="cn=admin,o=test" pass=geheim ldap:///o=test?userPassword?sub?(uid=alice)}}',
                 '${lookup ldap{%s/o=test?cn?sub?(uid=bob)}}' % LDAPI]
    got = expand(POLICY.conf, *lines)
    h.equal(got, ['alice@test,al@test', 'cn="Alice" mail="alice@test,al@test"', 'A,, B', 'cn="Alice" description="say \\"x\\\\y\\""', 'alice\nbob',
                  'uid=bob,o=test', 'n', 'n', 'n', 'wonderland', 'Bob'], 'answers')
    compare_with_oracle(MAIN, [l for l in lines if 'update' not in l and 'create' not in l], [g for l, g in zip(lines, got) if 'update' not in l and 'create' not in l])


def test_quoting():
    got = expand(POLICY.conf, '${quote_ldap: a(bc)*, a<yz>; }', '${quote_ldap_dn: a(bc)*, a<yz>; }', '${quote_ldap_xx:a}')
    h.equal(got[:2], ['%20a%5C28bc%5C29%5C2A%2C%20a%3Cyz%3E%3B%20', '%5C%20a(bc)*%5C%2C%20a%5C%3Cyz%5C%3E%5C%3B%5C%20'], 'as the manual has it')
    h.check(got[2].startswith('Failed:'), got[2])


def test_errors_defer():
    got = expand(POLICY.conf, '${lookup ldap{ldap:///o=test?mail?sub?(uid=*)}{y}{n}}', '${lookup ldap{ldap:///o=test?mail?sub?(uid=}{y}{n}}',
                 '${lookup ldap{user="uid=alice,o=test" pass=wrongpw ldap:///o=test?mail?sub?(uid=bob)}{y}{n}}', '${lookup ldap{nonsense}{y}{n}}',
                 '${lookup ldap{ldapi://host/o=test?cn?sub?(uid=bob)}{y}{n}}')
    for answer, pattern in zip(got, ('more than one entry', 'LDAP', 'bind', 'no URL', 'absolute path')):
        h.check(answer.startswith('Failed:') and pattern in answer, answer)


def test_ldapauth():
    def auth(user, password, server=''):
        return '${if ldapauth{user="uid=%s,o=test" pass=%s ldap://%s/}{y}{n}}' % (user, password, server)
    got = expand(POLICY.conf, auth('alice', 'wonderland'), auth('alice', 'wrong'), auth('alice', '""'), auth('nobody', 'x'),
                 auth('alice', 'wonderland', '127.0.0.1:%d' % h.free_port()))
    h.equal(got[:4], ['y', 'n', 'n', 'n'], 'passwords')
    h.check(got[4].startswith('Failed:'), 'nobody to ask: ' + got[4])


def test_examples():
    for name in ('ldap', 'ldapdn', 'ldapm'):
        examples.check_lookup(POLICY.conf, name)


def test_policy():
    check_policy(POLICY, SERVER)


def test_zz_end():
    POLICY.stop()
    SERVER.stop()
    F.remove()


h.main()
