#!/usr/bin/env python3
"""PostgreSQL lookups against a real server: found, absent, hostile keys, down, slow, back again; several columns and rows, commands."""
# timeout: 300
import glob
import os
import signal
import subprocess

import examples
import harness as h
from _lookup_server import Folder, Policy, Server, Tarpit, account, check_policy, compare_with_oracle, expand, need

BINARIES = sorted(glob.glob('/usr/lib/postgresql/*/bin'))
if not BINARIES:
    h.skip('PostgreSQL is not installed')
BIN = BINARIES[-1]
need(BIN + '/initdb')
WHO = account('postgres')
F = Folder(WHO)
PORT = h.free_port()
SOCKET = F('.s.PGSQL.%d' % PORT)
USER = {'user': WHO.pw_uid, 'group': WHO.pw_gid, 'extra_groups': []} if WHO else {}
subprocess.run([BIN + '/initdb', '-D', F('data'), '-U', 'admin', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale', 'C'], check=True,
               capture_output=True, cwd='/', **USER)


def psql(sql):
    return subprocess.run([BIN + '/psql', '-h', F(''), '-p', str(PORT), '-U', 'admin', '-d', 'postgres', '-qAt', '-c', sql],
                          capture_output=True, text=True)


SERVER = Server([BIN + '/postgres', '-D', F('data'), '-p', str(PORT), '-k', F(''), '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
                lambda: psql('select 1').returncode == 0, WHO, end=signal.SIGINT).start()
psql("create table users(id text, name text, home text); insert into users values ('alice','Alice A','/home/alice'),('o''neil','O','/x')")
TARPIT = Tarpit()
QUERY = "{select name from users where id='${quote_pgsql:$local_part}'}"
GOOD = '127.0.0.1::%d/postgres/admin/pw' % PORT
MAIN = 'pgsql_servers = (%s)/postgres/admin/pw' % SOCKET
POLICY = Policy('pgsql_servers = (%s)/postgres/admin/pw' % SOCKET, 'pgsql ' + QUERY,
                'pgsql,servers=127.0.0.1::%d/postgres/admin/pw %s' % (TARPIT.port, QUERY),
                'pgsql,servers=127.0.0.1::%d/postgres/admin/pw:%s %s' % (TARPIT.port, GOOD, QUERY))


def test_answers():
    lines = ["${lookup pgsql{select name from users where id='alice'}}", "${lookup pgsql{select name,home from users where id='alice'}}",
                 '${lookup pgsql{select id from users order by id}}', "${lookup pgsql{select name from users where id='x'}{y}{n}}",
                 "${lookup pgsql{select '' as a, null as b, 'q\"q' as c}}", "${lookup pgsql{update users set home='/y' where name='O'}}",
                 "${lookup pgsql{update users set home='/y' where id='nobody'}}", "${lookup pgsql{create table if not exists t(a int)}{<$value>}{n}}",
                 '${lookup pgsql,servers=%s{select 7}}' % GOOD, '${lookup pgsql{servers=%s; select 8}}' % GOOD,
                 "${lookup pgsql{select name from users where id='${quote_pgsql:o'neil}'}}", '${quote_pgsql:a\'b"c}']
    got = expand(POLICY.conf, *lines)
    h.equal(got, ['Alice A', 'name="Alice A" home=/home/alice ', "alice\no'neil", 'n', 'a="" b="" c=q"q ', '1', '0', '<>', '7', '8', 'O',
                  "a''b\\\"c"], 'answers')
    compare_with_oracle(MAIN, [l for l in lines if 'update' not in l and 'create' not in l], [g for l, g in zip(lines, got) if 'update' not in l and 'create' not in l])


def test_commands_are_not_remembered():
    got = expand(POLICY.conf, "${lookup pgsql{insert into t values (1)}}", "${lookup pgsql{insert into t values (1)}}", '${lookup pgsql{select count(*) from t}}')
    h.equal(got, ['1', '1', '2'], 'two inserts')


def test_errors_defer():
    got = expand(POLICY.conf, '${lookup pgsql{selec 1}{y}{n}}', '${lookup pgsql{select pg_sleep(20)}{y}{n}}',
                 '${lookup pgsql,servers=127.0.0.1::%d/nosuchdb/admin/topsecret{select 1}{y}{n}}' % PORT, '${lookup pgsql{copy users to stdout}{y}{n}}')
    for answer, pattern in zip(got, ('syntax error', 'timed out|deadline', 'nosuchdb', 'COPY')):
        h.check(answer.startswith('Failed:') and h.re.search(pattern, answer), answer)
        h.check('topsecret' not in answer, 'no password in ' + answer)


def largest(kind, sql_text):
    """What the lookup says, and the largest size of the process in MiB."""
    with subprocess.Popen([h.BIN, '-C', POLICY.conf, '-be', '${lookup %s{%s}{y}{n}}' % (kind, sql_text)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as proc:
        out = proc.stdout.read()
        _, status, usage = os.wait4(proc.pid, 0)
        proc.returncode = os.waitstatus_to_exitcode(status)
    return out, usage.ru_maxrss / 1024


def test_results_that_are_too_large():
    """What does not fit is not taken into memory first."""
    most = float('inf') if h.sanitized() else 75  # it keeps what was freed
    for kind, sql_text in (('pgsql', "select repeat('x',1000) from generate_series(1,400000)"),
                           ('pgsql', "select i, repeat('x',1000000) from generate_series(1,400) as i"),
                           ('pgsql,servers=' + GOOD, "select repeat('x',100000000)")):  # a single row: TCP tells how much has come
        sizes = []
        for _ in range(5):  # libpq reads on for as long as a quick server has more: then it is a matter of luck
            out, size = largest(kind, sql_text)
            h.check('longer than 16 MiB' in out, out[:300])
            sizes.append(size)
            if size < most:
                break
        h.check(min(sizes) < most, '%s: %r MiB' % (sql_text, sizes))
    h.equal(expand(POLICY.conf, "${lookup pgsql{select repeat('x',1000) from generate_series(1,10000)}{${strlen:$value}}{n}}", '${lookup pgsql{select 1; select 2,3}}',
                   '${lookup pgsql{select 1; selec 2}{y}{n}}', "${lookup pgsql{select 1; select 2 where false}{y}{n}}")[:2], ['10009999', '?column?=2 ?column?=3 '], 'what fits')


def test_examples():
    examples.check_lookup(POLICY.conf, 'pgsql', psql)


def test_policy():
    check_policy(POLICY, SERVER)


def test_zz_end():
    POLICY.stop()
    SERVER.stop()
    F.remove()


h.main()
