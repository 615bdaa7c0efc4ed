#!/usr/bin/env python3
"""File lookups with files of other programs: cdb (tinycdb), dbm (db5.3_load), lmdb (mdb_load); replaced files; a large file is quick."""
import os
import shutil
import subprocess
import time

import harness as h
from _lookup_server import Folder, expand

F = Folder()
CONF = F('conf')
h.write(CONF, 'primary_hostname = h.test\nspool_directory = %s/spool\nlog_file_path = %s/%%slog\nkeep_environment =\n' % (F.path, F.path))
PAIRS = [('alice@test', 'Alice'), ('*@test', 'anyone'), ('*', 'all'), ('*.part.test', 'part'), ('empty', '')]


def have(tool):
    if not shutil.which(tool):
        print('   %s is not installed' % tool)
    return shutil.which(tool)


def check_type(name, path):
    got = expand(CONF, '${lookup{alice@test}%s{%s}}' % (name, path), '${lookup{Alice@test}%s{%s}{y}{n}}' % (name, path),
                 '${lookup{bob@test}%s*@{%s}}' % (name, path), '${lookup{x}%s*{%s}}' % (name, path), '${lookup{a.b.part.test}partial-%s{%s}{$value $1}{n}}' % (name, path),
                 '${lookup{empty}%s{%s}{<$value>}{n}}' % (name, path), '${lookup{none}%s{%s}{y}{n}}' % (name, path),
                 '${lookup{alice@test}%s,ret=key{%s}}' % (name, path), '${lookup{a}%s{%s.none}{y}{n}}' % (name, path), '${lookup{a}%s{%s}{y}{n}}' % (name, CONF))
    h.equal(got[:8], ['Alice', 'n', 'anyone', 'all', 'part a.b', '<>', 'n', 'alice@test'], name)
    for answer in got[8:]:
        h.check(answer.startswith('Failed:'), '%s: a file that is not there, or not of its kind: %s' % (name, answer))


def test_cdb():
    if not have('cdb'):
        return
    text = ''.join('+%d,%d:%s->%s\n' % (len(k), len(d), k, d) for k, d in PAIRS) + '\n'
    subprocess.run(['cdb', '-c', F('t.cdb')], input=text, text=True, check=True)
    check_type('cdb', F('t.cdb'))


def test_dbm():
    if not have('db5.3_load'):
        return
    for kind in ('hash', 'btree'):
        for name, end in (('dbm', b'\0'), ('dbmnz', b'')):
            path = F(name + kind)
            text = 'VERSION=3\nformat=bytevalue\ntype=%s\nHEADER=END\n' % kind
            text += ''.join(' %s\n %s\n' % ((k.encode() + end).hex(), (d.encode() + end).hex()) for k, d in PAIRS)
            subprocess.run(['db5.3_load', path], input=text + 'DATA=END\n', text=True, check=True)
            check_type(name, path)


def test_dbmjz():
    if not have('db5.3_load'):
        return
    text = 'VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n %s\n %s\nDATA=END\n' % (b'user\0realm\0userPassword'.hex(), b'pw'.hex())
    subprocess.run(['db5.3_load', F('sasldb2')], input=text, text=True, check=True)
    h.equal(expand(CONF, '${lookup{user:realm:userPassword}dbmjz{%s}}' % F('sasldb2')), ['pw'], 'dbmjz')


def test_lmdb():
    if not have('mdb_load'):
        return
    text = 'VERSION=3\nformat=bytevalue\ntype=btree\nmapsize=1048576\nmaxreaders=126\nHEADER=END\n'
    text += ''.join(' %s\n %s\n' % (k.encode().hex(), d.encode().hex()) for k, d in sorted(PAIRS))
    subprocess.run(['mdb_load', '-n', F('t.mdb')], input=text + 'DATA=END\n', text=True, check=True)
    check_type('lmdb', F('t.mdb'))


def test_large_files_are_quick():
    """The hundredfold of look-ups costs less than a hundredfold of time: a file is not read again for each."""
    h.write(F('large'), ''.join('key%d: value %d\n' % (i, i) for i in range(50000)))
    types = {'lsearch': F('large')}
    if have('cdb'):
        text = ''.join('+%d,%d:key%d->value %d\n' % (len('key%d' % i), len('value %d' % i), i, i) for i in range(50000)) + '\n'
        subprocess.run(['cdb', '-c', F('large.cdb')], input=text, text=True, check=True)
        types['cdb'] = F('large.cdb')
    for name, path in types.items():
        lines = ['${lookup{key%d}%s{%s}}' % (i * 7919 % 50000, name, path) for i in range(2000)]
        started = time.process_time(), os.times().children_user
        got = expand(CONF, *lines)
        h.equal(got, ['value %d' % (i * 7919 % 50000) for i in range(2000)], name)
        took = os.times().children_user - started[1]
        h.check(took < 10, '%s: 2000 look-ups took %.1f s of the processor' % (name, took))


def test_zz_end():
    F.remove()


h.main()
