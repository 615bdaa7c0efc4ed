#!/usr/bin/env python3
"""MySQL lookups against MariaDB: found, absent, hostile keys, down, slow, back again; several columns and rows, commands."""
# timeout: 300
import subprocess
import time

import examples
import harness as h
from _lookup_server import Folder, Policy, Server, Tarpit, account, check_policy, compare_with_oracle, expand, need

need('mariadbd', 'mariadb-install-db', 'mariadb')
WHO = account('mysql')
F = Folder(WHO)
PORT = h.free_port()
SOCKET = F('m.sock')
USER = {'user': WHO.pw_uid, 'group': WHO.pw_gid, 'extra_groups': []} if WHO else {}
subprocess.run(['mariadb-install-db', '--no-defaults', '--datadir=' + F('data'), '--auth-root-authentication-method=normal', '--skip-test-db'],
               check=True, capture_output=True, cwd='/', **USER)


def sql(text):
    return subprocess.run(['mariadb', '--no-defaults', '-S', SOCKET, '-u', 'root', '-e', text], capture_output=True, text=True)


SERVER = Server(['mariadbd', '--no-defaults', '--datadir=' + F('data'), '--socket=' + SOCKET, '--port=%d' % PORT, '--bind-address=127.0.0.1',
                 '--pid-file=' + F('pid'), '--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=8M'],
                lambda: sql('select 1').returncode == 0, WHO).start()
MADE = sql("create database mail; create table mail.users(id varchar(64), name varchar(64), home varchar(64)); "
           "insert into mail.users values ('alice','Alice A','/home/alice'),('o''neil','O','/x'); "
           "create user 'mta'@'127.0.0.1' identified by 'geheim'; create user 'mta'@'localhost' identified by 'geheim'; "
           "grant all on mail.* to 'mta'@'127.0.0.1'; grant all on mail.* to 'mta'@'localhost'")
h.equal(MADE.returncode, 0, MADE.stderr)
TARPIT = Tarpit()
QUERY = "{select name from users where id='${quote_mysql:$local_part}'}"
GOOD = '127.0.0.1::%d/mail/mta/geheim' % PORT
MAIN = 'mysql_servers = localhost(%s)/mail/mta/geheim' % SOCKET
POLICY = Policy('hide mysql_servers = localhost(%s)/mail/mta/geheim' % SOCKET, 'mysql ' + QUERY,
                'mysql,servers=127.0.0.1::%d/mail/mta/geheim %s' % (TARPIT.port, QUERY),
                'mysql,servers=127.0.0.1::%d/mail/mta/geheim:%s %s' % (TARPIT.port, GOOD, QUERY))


def test_answers():
    lines = ["${lookup mysql{select name from users where id='alice'}}", "${lookup mysql{select name,home from users where id='alice'}}",
                 '${lookup mysql{select id from users order by id}}', "${lookup mysql{select name from users where id='x'}{y}{n}}",
                 "${lookup mysql{update users set home='/y' where name='O'}}", "${lookup mysql{update users set home='/y' where name='O'}}",
                 '${lookup mysql,servers=%s{select 7}}' % GOOD, '${lookup mysql{servers=%s; select 8}}' % GOOD,
                 "${lookup mysql{select name from users where id='${quote_mysql:o'neil}'}}", '${quote_mysql:a\'b"c\\\\d}']
    got = expand(POLICY.conf, *lines)
    h.equal(got, ['Alice A', 'name="Alice A" home=/home/alice ', "alice\no'neil", 'n', '1', '0', '7', '8', 'O', 'a\\\'b\\"c\\\\d'], 'answers')
    compare_with_oracle(MAIN, [l for l in lines if 'update' not in l and 'create' not in l], [g for l, g in zip(lines, got) if 'update' not in l and 'create' not in l])


def test_errors_defer():
    got = expand(POLICY.conf, '${lookup mysql{selec 1}{y}{n}}', '${lookup mysql{select sleep(20)}{y}{n}}',
                 '${lookup mysql,servers=127.0.0.1::%d/mail/mta/topsecret{select 1}{y}{n}}' % PORT, '${lookup mysql{load data local infile "/etc/passwd" into table users}{y}{n}}')
    for answer, pattern in zip(got, ('syntax', 'MYSQL', 'Access denied', 'MYSQL')):
        h.check(answer.startswith('Failed:') and pattern in answer, answer)
        h.check('topsecret' not in answer and 'geheim' not in answer, 'no password in ' + answer)


def test_a_long_result():
    """Rows that come for longer than lookup_timeout, and more of them than fit: neither is waited for to the end."""
    rows = 'with recursive n(i) as (select 1 union all select i+1 from n where i<%d) select %s from n'
    for sql_text, pattern in ((rows % (40, "repeat('x',20000), sleep(0.5)"), 'lookup_timeout'), (rows % (2000, "repeat('x',1000000)"), '16 MiB'),
                              (rows % (2000, "concat(i, repeat('x',1000000))"), '16 MiB')):
        started = time.monotonic()
        h.equal(POLICY.rcpt('alice')[0], 250, 'before')
        r = subprocess.run([h.BIN, '-C', POLICY.conf, '-be', '${lookup mysql{set_max}{y}{n}}'.replace('set_max', sql_text)], capture_output=True, text=True, timeout=60)
        took = time.monotonic() - started
        h.check('Failed' in r.stdout + r.stderr and pattern in r.stdout + r.stderr, '%s: %s %s' % (pattern, r.stdout[:300], r.stderr[:300]))
        h.check(took < 18, '%s took %.1f s' % (pattern, took))


def test_examples():
    examples.check_lookup(POLICY.conf, 'mysql', lambda line: sql('use mail; ' + line))


def test_policy():
    check_policy(POLICY, SERVER)


def test_zz_end():
    POLICY.stop()
    SERVER.stop()
    F.remove()


h.main()
