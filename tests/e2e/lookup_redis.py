#!/usr/bin/env python3
"""Redis lookups against redis-server: found, absent, hostile keys, down, slow, back again; data types; password and database."""
# timeout: 300
import subprocess

import examples
import harness as h
from _lookup_server import Folder, Policy, Server, Tarpit, check_policy, expand, need

need('redis-server', 'redis-cli')
F = Folder()
SOCKET = F('redis.sock')
PORT = h.free_port()


def cli(*words):
    return subprocess.run(['redis-cli', '-s', SOCKET, '-a', 'geheim', '--no-auth-warning', *words], capture_output=True, text=True).stdout


def fill():
    cli('set', 'user:alice', 'Alice')
    cli('del', 'list')
    cli('rpush', 'list', 'one', 'two', 'three')
    cli('hset', 'hash', 'f', 'v')
    cli('-n', '3', 'set', 'user:bob', 'in three')
    return cli('get', 'user:alice') == 'Alice\n'


SERVER = Server(['redis-server', '--unixsocket', SOCKET, '--bind', '127.0.0.1', '--port', str(PORT), '--requirepass', 'geheim', '--save', '',
                 '--dir', F('')], fill).start()
TARPIT = Tarpit()
QUERY = '{get user:${quote_redis:$local_part}}'
POLICY = Policy('redis_servers = (%s)//geheim' % SOCKET, 'redis ' + QUERY,
                'redis,servers=127.0.0.1::%d// %s' % (TARPIT.port, QUERY),
                'redis,servers=127.0.0.1::%d//:127.0.0.1::%d//geheim %s' % (TARPIT.port, PORT, QUERY))


def test_answers():
    got = expand(POLICY.conf, '${lookup redis{get user:alice}}', '${lookup redis{lrange list 0 -1}}', '${lookup redis{llen list}}',
                 '${lookup redis{hget hash f}{<$value>}{none}}', '${lookup redis{hget hash g}{<$value>}{none}}',
                 '${lookup redis,servers=127.0.0.1::%d/3/geheim{get user:bob}}' % PORT, '${lookup redis{set k a\\\\ b}}',
                 '${lookup redis{get k}}', '${quote_redis:a b\\\\c}')
    h.equal(got, ['Alice', 'one\ntwo\nthree', '3', '<v>', 'none', 'in three', 'OK', 'a b', 'a\\ b\\\\c'], 'answers')


def test_errors_defer():
    got = expand(POLICY.conf, '${lookup redis{lpop user:alice}{y}{n}}', '${lookup redis{nosuchcommand}{y}{n}}',
                 '${lookup redis,servers=127.0.0.1::%d//falsch{get k}{y}{n}}' % PORT, '${lookup redis,servers=nosuch{get k}{y}{n}}')
    for answer, pattern in zip(got, ('WRONGTYPE', 'unknown command', 'WRONGPASS', 'not found in redis_servers')):
        h.check(answer.startswith('Failed:') and pattern in answer, answer)
        h.check('geheim' not in answer and 'falsch' not in answer, 'no password in ' + answer)


def test_examples():
    examples.check_lookup(POLICY.conf, 'redis', lambda line: cli(*line.split()))


def test_policy():
    check_policy(POLICY, SERVER)


def test_zz_end():
    POLICY.stop()
    SERVER.stop()
    F.remove()


h.main()
