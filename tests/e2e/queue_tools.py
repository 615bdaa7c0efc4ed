#!/usr/bin/env python3
"""Working on the queue: edits, selected runs, named queues; remex queue, why and host; Exim's own tools on top of -bp."""
# timeout: 120
import os
import re
import shutil
import subprocess

import harness as h
from maildir_conf import fill
from peers import Sink

D = h.Dir()
PORT = h.free_port()
SINK = Sink()
SERVER = h.Remex(fill(D, PORT, boxes=('u@box.test', 's@box.test'), extra='trusted_users = root\n', routers='''
relay:
  driver = manualroute
  domains = far.test : away.test
  route_list = * 127.0.0.1 byname
  self = send
  transport = relay
''', transports='''
relay:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
''' % SINK.port), [PORT])
TEXT = open(SERVER.conf).read().replace('F,1h,1s', 'F,1h,15m')  # nothing is due again while the test runs
open(SERVER.conf, 'w').write(TEXT)
ID = r'\b[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}\b'


def run(*args, **kw):
    return SERVER.run(*args, **kw)


def remex(*args, rc=0):
    """A command that is a word: the word comes first, then -C."""
    r = subprocess.run([h.BIN, args[0], '-C', SERVER.conf, *args[1:]], capture_output=True, text=True, timeout=30, env=SERVER.env)
    h.equal(r.returncode, rc, 'exit status of %s: %s%s' % (args, r.stdout, r.stderr))
    return r.stdout if rc == 0 else r.stdout + r.stderr


def ids(*args):
    return re.findall(ID, run('-bp', *args, check_rc=0).stdout)


def queue(*to, sender='s@box.test', subject='x'):
    before = set(ids())
    run('-odq', '-oi', '-f', sender, *to, input='Subject: %s\n\nThe body.\n' % subject, check_rc=0)
    new = set(ids()) - before
    h.equal(len(new), 1, 'new messages')
    return new.pop()


def clear():
    for i in ids() + ids('-qGslow'):
        run('-Mrm', i, check_rc=0)


def log():
    with open(D('log', 'mainlog'), errors='replace') as f:
        return f.read()


def test_edits_say_what_exim_says():
    i = queue('u@box.test')
    for args, rc, out in [
            (('-Mar', i, 'z@box.test', 'q@box.test'), 0, 'Message %s has been modified\n' % i),
            (('-Mmd', i, 'z@box.test'), 0, 'Message %s has been modified\n' % i),
            (('-Mmd', i, 'nobody@box.test'), 1, 'Message %s - error while marking as delivered:\n  nobody@box.test is not a recipient: message not updated\n' % i),
            (('-Mes', i, 'you'), 1, 'Message %s - error while editing sender:\n  bad address you: domain missing\n' % i),
            (('-Mes', i, 'you@box.test'), 0, 'Message %s has been modified\n' % i),
            (('-Mf', i), 0, 'Message %s is now frozen\n' % i),
            (('-Mf', i), 1, 'Message %s is already frozen\n' % i),
            (('-Mt', i), 0, 'Message %s is no longer frozen\n' % i),
            (('-Mt', i), 1, 'Message %s is not frozen\n' % i)]:
        r = run(*args)
        h.equal((r.returncode, r.stdout), (rc, out), args)
    h.check(re.search(r'<you@box\.test>\n {10}u@box\.test\n {8}D z@box\.test\n {10}q@box\.test\n\n', run('-bp').stdout), run('-bp').stdout)
    h.check('z@box.test' not in run('-bpu').stdout, '-bpu shows a finished recipient')
    text = log()
    for line in ('recipient <z@box.test> added by root', 'address <z@box.test> marked delivered by root', 'sender address changed to <you@box.test> by root',
                 'frozen by root', 'unfrozen by root'):
        h.check('%s %s' % (i, line) in text, line)
    run('-Mmad', i, check_rc=0)
    run('-q', check_rc=0)
    h.equal(ids(), [], 'a message without waiting recipients')
    h.equal(run('-Mrm', 'nonsense').stderr, 'remex: malformed message id nonsense after -Mrm option\n', 'a bad id')


def test_generated_addresses():
    head = run('-Mvh', queue('u@box.test', 'v@box.test'), check_rc=0).stdout
    h.check(re.search(r'^XX\n2\nu@box\.test\nv@box\.test\n\n', head, re.M), '-Mvh: ' + head)
    clear()


def test_selected_runs():
    SINK.replies.clear()
    a, b, c = queue('one@far.test'), queue('two@away.test', sender='boss@box.test'), queue('u@box.test')
    n = len(SINK.messages)
    run('-R', 'FAR.test', check_rc=0)
    h.equal((sorted(ids()), len(SINK.messages)), (sorted([b, c]), n + 1), 'after -R')
    run('-Rr', r'@(away|nowhere)\.', '-S', 'nobody', check_rc=0)
    h.equal(sorted(ids()), sorted([b, c]), 'after -R and -S that no message meets')
    run('-S', 'boss@', check_rc=0)
    h.equal(ids(), [c], 'after -S')
    run('-Rr', '(', check_rc=64)
    run('-qi', check_rc=0)
    h.equal(ids(), [], 'after -qi')
    d, e, f = queue('u@box.test'), queue('u@box.test'), queue('u@box.test')
    run('-q', e, e, check_rc=0)
    h.equal(ids(), [d, f], 'after -q with a start and an end')
    clear()


def test_first_attempts_only():
    SINK.replies['RCPT'] = '451 4.2.1 later'
    a = queue('one@far.test')
    run('-M', a)
    b = queue('u@box.test')
    SINK.replies.clear()
    run('-qqif', check_rc=0)
    h.equal(ids(), [a], 'after -qqif')
    run('-qf', check_rc=0)
    h.equal(ids(), [], 'after -qf')


def test_named_queue():
    i, j = queue('u@box.test'), queue('u@box.test')
    run('-MG', 'slow', i, check_rc=0)
    h.equal((ids(), ids('-qGslow')), ([j], [i]), 'default and named queue')
    h.equal((run('-bpc').stdout, run('-bpc', '-qGslow').stdout), ('1\n', '1\n'), '-bpc')
    run('-q', check_rc=0)
    h.equal((ids(), ids('-qGslow')), ([], [i]), 'after a run of the default queue')
    run('-qGslow', check_rc=0)
    h.equal(ids('-qGslow'), [], 'after a run of the named queue')
    h.check("Start 'slow' queue run: pid=" in log() and "End 'slow' queue run: pid=" in log(), log()[-600:])
    run('-MG', 'a/b', j, check_rc=1)


def test_load_ends_a_run():
    conf = D('load.conf')
    h.write(conf, open(SERVER.conf).read().replace('primary_hostname', 'deliver_queue_load_max = 0.0\nprimary_hostname', 1))
    if float(open('/proc/loadavg').read().split()[0]) == 0:
        return  # nothing else runs here: there is no load to exceed
    i = queue('u@box.test')
    subprocess.run([h.BIN, '-C', conf, '-q'], check=True, env=SERVER.env)
    h.equal(ids(), [i], 'delivered in spite of the load')
    h.check('Abandon queue run: pid=' in log(), log()[-400:])
    clear()


def test_questions():
    a, b = queue('one@far.test', sender='boss@box.test'), queue('u@box.test', 'v@box.test')
    h.equal(remex('queue', 'ids', 'domain=far.test'), a + '\n', 'ids')
    h.equal(remex('queue', 'count'), '2\n', 'count')
    h.check(re.search(r'^%s +0m +\d+ <s@box\.test> -> u@box\.test and 1 more \(next now\)$' % b, remex('queue', 'recipients>1'), re.M), remex('queue'))
    h.check('unknown field "domian"; did you mean "domain"?' in remex('queue', 'domian=x', rc=64), 'a bad field')
    h.check('needs a question' in remex('queue', 'remove', rc=64), 'remove without a question')
    h.equal(remex('queue', 'freeze', 'sender=boss@*'), a + '\n', 'freeze')
    h.equal(remex('queue', 'ids', 'frozen'), a + '\n', 'frozen')
    remex('queue', 'thaw', 'frozen')
    h.equal(remex('queue', 'frozen'), 'No such message.\n', 'after thaw')
    remex('queue', 'redirect', 'v@box.test', 'domain=far.test')
    h.check(re.search(r'        D one@far\.test\n {10}v@box\.test', run('-bp').stdout), run('-bp').stdout)
    h.check('is not an address with a domain' in remex('queue', 'redirect', 'v', 'id=*', rc=64), 'redirect to nowhere')
    out = D('out')
    os.mkdir(out)
    os.chmod(out, 0o777)
    remex('queue', 'export', out, 'sender=boss@*')
    text = open(os.path.join(out, a + '.eml')).read()
    h.check(text.startswith('Return-path: <boss@box.test>\nEnvelope-to: v@box.test\nReceived: ') and text.endswith('\n\nThe body.\n'), text)
    h.check('cannot create' in remex('queue', 'export', out, 'sender=boss@*', rc=1), 'export over an existing file')
    remex('queue', 'remove', 'id=*')
    h.equal(ids(), [], 'after remove')
    h.check('%s removed by root' % a in log(), 'the log of remove')


def test_why_and_host():
    SINK.replies['connect'] = '421 4.3.2 closed for cleaning'
    i = queue('one@far.test')
    run('-M', i)
    said = remex('why', i)
    for wanted in ('from <s@box.test>', 'waiting one@far.test', 'closed for cleaning', 'delivery: failing for', 'next in'):
        h.check(wanted in said, '%s in %s' % (wanted, said))
    h.check('is not in the queue' in remex('why', '1abcde-000000000Ab-1cDe', rc=1), 'an unknown id')
    host = remex('host', '127.0.0.1')
    h.check('T:127.0.0.1:127.0.0.1' in host and 'closed for cleaning' in host, host)
    h.equal(remex('host', 'mx.nowhere.test'), 'mx.nowhere.test: nothing is held against it\n', 'a host without a hint')
    h.equal(remex('queue', 'ids', 'error~cleaning'), i + '\n', 'error~')
    SINK.replies.clear()
    n = len(SINK.messages)
    remex('host', '--reset', '127.0.0.1')
    h.equal(remex('host', '127.0.0.1'), '127.0.0.1: nothing is held against it\n', 'after --reset')
    remex('queue', 'retry', 'domain=far.test')
    h.equal((ids(), len(SINK.messages)), ([], n + 1), 'after retry')


def exim_tool(name):
    oracle = os.environ.get('REMEX_ORACLE', os.path.join(h.SOURCE, 'build/oracle/exim'))
    for path in (os.path.join(os.path.dirname(oracle), 'root/usr/sbin', name), '/usr/sbin/' + name):
        if os.path.exists(path):
            return path
    return None


def test_exims_own_summary():
    summary = exim_tool('exiqsumm')
    if not summary or not shutil.which('perl'):
        print('     (exiqsumm is not here)')
        return
    queue('one@far.test', sender='boss@box.test')
    out = subprocess.run(['perl', summary], input=run('-bp').stdout, capture_output=True, text=True).stdout
    h.check(re.search(r'^ +1 +\d+ +0m +0m +far\.test$', out, re.M), out)
    clear()


def teardown():
    SERVER.kill()
    SINK.stop()
    D.remove()


h.main()
