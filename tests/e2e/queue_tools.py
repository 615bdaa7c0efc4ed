#!/usr/bin/env python3
"""Working on the queue: edits, selected runs, named queues; remex queue, why and host; Exim's own tools on top of -bp."""
# timeout: 120
import itertools
import os
import re
import shutil
import subprocess
import time

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
itself:
  driver = manualroute
  domains = self.test
  route_list = * 127.0.0.1 byname
  self = freeze
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
    r = subprocess.run([h.BIN, args[0], '-C', SERVER.conf, *args[1:]], capture_output=True, text=True, timeout=60, env=SERVER.env)
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
    run('-Rr', '(', check_rc=1)
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


def test_bounce_and_show():
    a, b = queue('one@far.test', 'two@far.test'), queue('one@far.test', sender='<>')
    said = remex('queue', 'show', 'id=' + a)
    h.check(said.startswith('%s: ' % a) and ' from <s@box.test>, ' in said and 'next attempt now' in said, said)
    h.equal(re.findall(r'^  waiting (.*)$', said, re.M), ['one@far.test', 'two@far.test'], 'show')
    n = len(h.maildir(D('mail', 'box.test', 's')))
    h.check('needs a question' in remex('queue', 'bounce', rc=64), 'bounce without a question')
    remex('queue', 'bounce', 'sender=s@box.test')
    h.equal(ids(), [b], 'after bounce')
    h.check('%s cancelled by root' % a in log() and '%s Completed' % a in log(), log()[-800:])
    box = h.maildir(D('mail', 'box.test', 's'))
    h.equal(len(box), n + 1, 'bounces')
    h.check(any(re.search(r'(?m)^X-Failed-Recipients: (one@far\.test,\n  two|two@far\.test,\n  one)@far\.test$', m) for m in box), box)
    remex('queue', 'bounce', 'id=' + b)
    h.equal((ids(), len(h.maildir(D('mail', 'box.test', 's')))), ([], n + 1), 'a bounce that is bounced')


def test_variables_of_a_message():
    i = queue('u@box.test', 'v@box.test', subject='the subject')
    r = run('-Mset', i, '-be', '$message_exim_id|$sender_address|$h_subject:|$recipients_count|$message_body', check_rc=0)
    h.equal(r.stdout, '%s|s@box.test|the subject|2|The body. \n' % i, '-Mset')
    r = run('-Mset', '1abcde-000000000Ab-1cDe', '-be', '$sender_address')
    h.check(r.returncode != 0 and 'failed to load message 1abcde-000000000Ab-1cDe from spool' in r.stdout + r.stderr, r)
    r = run('-Mset', 'nonsense', '-be', '$sender_address')
    h.check(r.returncode != 0 and 'malformed message id nonsense' in r.stdout + r.stderr, r)
    clear()


def test_one_delivery_that_minds_the_retry_times():
    SINK.replies['RCPT'] = '451 4.2.1 later'
    i = queue('one@far.test')
    run('-Mc', i, check_rc=0)
    h.equal(log().count('%s == one@far.test' % i), 1, log()[-600:])
    SINK.replies.clear()
    n = len(SINK.messages)
    run('-Mc', i, check_rc=0)
    h.equal((ids(), len(SINK.messages)), ([i], n), '-Mc before its time')
    run('-M', i, check_rc=0)
    h.equal((ids(), len(SINK.messages)), ([], n + 1), '-M')
    frozen = queue('u@box.test')
    run('-Mf', frozen, check_rc=0)
    run('-Mc', frozen, check_rc=0)
    h.equal(ids(), [frozen], '-Mc of a frozen one')
    clear()


def test_local_deliveries_only():
    i = queue('one@far.test', 'u@box.test')
    n, m = len(SINK.messages), len(h.maildir(D('mail', 'box.test', 'u')))
    run('-ql', check_rc=0)
    h.equal((ids(), len(SINK.messages), len(h.maildir(D('mail', 'box.test', 'u')))), ([i], n, m + 1), 'after -ql')
    h.check(re.search(r'^ {10}one@far\.test\n {8}D u@box\.test$', run('-bp').stdout, re.M), run('-bp').stdout)
    run('-q', check_rc=0)
    h.equal((ids(), len(SINK.messages)), ([], n + 1), 'after -q')


def test_listings():
    # ids of one second tell the order in which they came
    all_of_them = [queue('u@box.test') for _ in range(3)]
    h.equal(run('-bpri', check_rc=0).stdout.split(), all_of_them, '-bpri')
    h.equal(run('-bpi', check_rc=0).stdout.split(), all_of_them, '-bpi')
    h.equal(run('-bpri', '-qGslow', check_rc=0).stdout, '', '-bpri of another queue')
    clear()


def test_one_connection_for_a_two_stage_run():
    """With destination_max_connections = 1, as in the second stage of Exim's -qq."""
    text = open(SERVER.conf).read()
    h.write(SERVER.conf, text.replace('  hosts_avoid_tls = *\n', '  hosts_avoid_tls = *\n  destination_max_connections = 1\n'))
    for i in range(12):
        queue('u%d@far.test' % i)
    n, sessions = len(SINK.messages), SINK.sessions
    run('-qq', check_rc=0)
    h.write(SERVER.conf, text)
    h.equal((ids(), len(SINK.messages) - n, SINK.sessions - sessions), ([], 12, 1), 'messages and connections')


def test_logs_of_complete_messages():
    text = open(SERVER.conf).read()
    h.write(SERVER.conf, 'preserve_message_logs = true\n' + text)
    a, b, c = queue('u@box.test'), queue('one@far.test'), queue('one@far.test')
    run('-M', a, check_rc=0)
    SINK.replies['RCPT'] = '451 4.2.1 later'
    run('-M', b)
    SINK.replies.clear()
    run('-M', b, check_rc=0)
    run('-Mrm', c, check_rc=0)
    kept = {i: open(D('spool', 'msglog.OLD', i)).read() for i in (a, b, c)}
    for i in kept:
        h.check(re.match(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d Received from s@box\.test U=', kept[i]), kept[i])
    h.check(re.search(r'(?m)^\S+ \S+ u <u@box\.test> R=local T=maildir', kept[a]), kept[a])
    h.check(re.search(r'(?s) one@far\.test .*451 4\.2\.1 later.* one@far\.test R=relay T=relay ', kept[b]), kept[b])
    h.write(SERVER.conf, text)
    d = queue('u@box.test')
    run('-M', d, check_rc=0)
    h.equal(os.path.exists(D('spool', 'msglog.OLD', d)), False, 'without the option')


def test_why_it_is_frozen():
    a, b = queue('u@box.test'), queue('u@box.test')
    run('-Mf', a, check_rc=0)
    remex('queue', 'freeze', 'id=' + b)
    for i in (a, b):
        said = remex('why', i)
        h.check(re.search(r'^  frozen \d+s ago by root$', said, re.M), said)
        h.check('-Mt %s does that' % i in said and '-Mrm %s removes it' % i in said, said)
    run('-Mt', a, check_rc=0)
    h.check('frozen' not in remex('why', a), remex('why', a))
    SINK.replies['RCPT'] = '550 5.1.1 no'
    bounce = queue('nobody@far.test', sender='<>')
    run('-M', bounce)
    h.check(re.search(r'^  frozen \d+s ago \(delivery error message\)$', remex('why', bounce), re.M), remex('why', bounce))
    SINK.replies.clear()
    itself = queue('u@self.test')
    run('-M', itself)
    h.check(re.search(r'^  frozen \d+s ago by a delivery attempt: u@self\.test: .*local host', remex('why', itself), re.M), remex('why', itself))
    clear()


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
    h.check('\n  retry rule: *  *  F,1h,15m;\n' in host, 'the rule: ' + host)
    # A rule by the host's name comes before, and by the error that happened.
    text = open(SERVER.conf).read()
    h.write(SERVER.conf, text.replace('* * F,1h,15m', '127.0.0.1 quota F,1h,2m\n127.0.0.1 * F,3h,20m\nmx.nowhere.test * F,5h,30m\n* * F,1h,15m'))
    h.check('\n  retry rule: 127.0.0.1  *  F,3h,20m;\n' in remex('host', '127.0.0.1'), remex('host', '127.0.0.1'))
    h.equal(remex('host', 'mx.nowhere.test'), 'mx.nowhere.test: nothing is held against it\n  retry rule: mx.nowhere.test  *  F,5h,30m;\n', 'a host without a hint')
    h.write(SERVER.conf, text)
    for short in ('t', 'r', '1', '127.0.0', '0.0.1', 'T:127.0.0.1', ''):  # parts of the key
        h.check(remex('host', short).startswith(short.lower() + ': nothing is held against it\n'), short)
    h.equal(remex('queue', 'ids', 'error~cleaning'), i + '\n', 'error~')
    SINK.replies.clear()
    n = len(SINK.messages)
    remex('host', '--reset', '127.0.0.1')
    h.check(remex('host', '127.0.0.1').startswith('127.0.0.1: nothing is held against it\n'), 'after --reset')
    remex('queue', 'retry', 'domain=far.test')
    h.equal((ids(), len(SINK.messages)), ([], n + 1), 'after retry')


# ---- Exim's own Perl scripts, of Debian 12 (4.96): they know the older form of ids only (docs/differences.md)

SERIAL = itertools.count(1000)
SHORT_IDS = r's/\b(\w{6})-\w{9}(\w{2})-(\w{4})\b/\1-\2\3-00/g'


def exim_tool(name):
    """Runs it; None when it is not here."""
    wrapper = os.environ.get('REMEX_ORACLE', os.path.join(h.SOURCE, 'build/oracle/exim'))
    places = [os.path.join(os.path.dirname(wrapper), 'root/usr/sbin'), '/usr/sbin']
    if os.path.exists(wrapper):
        with open(wrapper, errors='replace') as f:
            places += [os.path.dirname(x) for x in re.findall(r'exec\s+["\']?(\S+?)["\']?\s', f.read(4096))]
    path = next((os.path.join(p, name) for p in places if os.path.exists(os.path.join(p, name))), None)
    if not path or not shutil.which('perl'):
        print('     (%s is not here)' % name)
        return None
    return lambda *args, **kw: subprocess.run(['perl', path, *args], capture_output=True, text=True, cwd=D.path, **kw).stdout


def some_queue():
    """Three messages with ids of the older form, as an Exim before 4.97 left them."""
    folder = D('exim-spool')
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder + '/input')
    now, ids = int(time.time()), []
    for n, (sender, to, frozen, age, size) in enumerate([('a@one.test', ['u@x.test', 'v@y.test'], 0, 600, 10), ('', ['w@x.test'], 1, 90000, 10),
                                                         ('b@two.test', ['u@x.test'], 0, 60, 5000)]):
        ident = base62(now - age, 6) + '-%s-0%d' % (base62(next(SERIAL), 6), n)  # an id is imported once
        head = '%s-H\nmail 8 8\n<%s>\n%d 0\n%sXX\n%d\n%s\n\n013  Subject: old\n' % (
            ident, sender, now - age, '-frozen %d\n' % now if frozen else '', len(to), '\n'.join(to))
        h.write('%s/input/%s-H' % (folder, ident), head)
        h.write('%s/input/%s-D' % (folder, ident), '%s-D\n%s\n' % (ident, 'x' * size))
        ids.append(ident)
    remex('queue', 'import', folder)
    return ids


def base62(n, width):
    out = ''
    while n:
        n, d = divmod(n, 62)
        out = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'[d] + out
    return out.rjust(width, '0')


def test_exiqsumm():
    summary = exim_tool('exiqsumm')
    if not summary:
        return
    clear()
    some_queue()
    queued = run('-bp').stdout

    def lines(*options):
        return [re.sub(r' +', ' ', l.strip()) for l in summary(*options, input=queued).split('\n') if re.search(r'\d', l)]
    for options in ([], ['-a'], ['-c']):
        got = lines(*options)
        h.check(re.fullmatch(r'3 5\d\d\d 25h 1m x\.test', got[0]) and re.fullmatch(r'1 \d+ 10m 10m y\.test', got[1]), got)
        h.check(re.fullmatch(r'4 5\d\d\d 25h 1m TOTAL', got[-1]), got)
    h.check(any(l.endswith('x.test (b)') for l in lines('-b')) and any(l.endswith('x.test (f)') for l in lines('-f')), lines('-f'))
    h.check(any(l.endswith('<> > x.test') for l in lines('-s')), lines('-s'))
    clear()


def test_exiqgrep():
    grep = exim_tool('exiqgrep')
    if not grep:
        return
    clear()
    young, bounce, large = some_queue()
    h.write(D('exim'), '#!/bin/sh\nexec %s -C %s "$@"\n' % (h.BIN, SERVER.conf), 0o755)
    for options, want in ((['-f', 'one'], {young}), (['-f', '^<>$'], {bounce}), (['-r', '@x'], {young, bounce, large}), (['-r', '^v@'], {young}), (['-z'], {bounce}),
                          (['-x'], {young, large}), (['-o', '3600'], {bounce}), (['-y', '300'], {large}), (['-s', 'K'], {large}), (['-r', 'nobody'], set())):
        h.equal(set(grep('-E', './exim', '-i', *options).split()), want, options)
    h.equal(grep('-E', './exim', '-c', '-r', '@x'), '3 matches out of 3 messages\n', '-c')
    long = grep('-E', './exim', '-f', 'one')
    h.check(young + ' <a@one.test>\n' in long and 'v@y.test' in long, long)
    h.check(re.search(r'%s From: <a@one\.test> To: ' % young, grep('-E', './exim', '-b', '-f', 'one')), grep('-E', './exim', '-b', '-f', 'one'))
    h.check(grep('-E', './exim', '-i', '-R', '-r', '@x').split() == grep('-E', './exim', '-i', '-r', '@x').split()[::-1], '-R')
    run('-Mmd', young, 'u@x.test', check_rc=0)
    h.equal(set(grep('-E', './exim', '-i', '-r', '^u@').split()), {large}, 'what was delivered')
    h.equal(set(grep('-E', './exim', '-i', '-a', '-r', r'\bu@').split()), {young, large}, '-a')
    run('-MG', 'slow', young, check_rc=0)
    h.equal(grep('-E', './exim', '-i', '-G', 'slow', '-r', '.').split(), [young], '-G')
    clear()


def as_tool(name):
    """Runs the command by another name, as exim_tool() runs Exim's program."""
    if not os.path.exists(D(name)):
        os.symlink(h.BIN, D(name))
    return lambda *args, **kw: subprocess.run(['./' + name, *args], capture_output=True, text=True, cwd=D.path, **kw)


def test_own_exiqgrep():
    clear()
    young, bounce, large = some_queue()
    own = as_tool('exiqgrep')
    ours = lambda *options: own('-C', SERVER.conf, *options).stdout
    run('-Mmd', young, 'u@x.test', check_rc=0)
    for options, want in ((['-f', 'ONE'], [young]), (['-f', '^<>$'], [bounce]), (['-r', '@x'], [bounce, large]), (['-r', '^v@'], [young]), (['-z'], [bounce]), (['-x'], [young, large]),
                          (['-o', '3600'], [bounce]), (['-y300'], [large]), (['-sK'], [large]), (['-r', 'nobody'], []), (['-a', '-r', r'\bu@'], [young, large])):
        h.equal(sorted(ours('-i', *options).split()), sorted(want), options)
    h.equal(ours('-iR', '-r', '@').split(), ours('-ir', '@').split()[::-1], '-R')
    h.equal(len(ours('-ir', '@').split()), 3, '-i -r')
    h.equal(ours('-c', '-r', '@x'), '2 matches out of 3 messages\n', '-c')
    run('-MG', 'slow', young, check_rc=0)
    h.equal(ours('-i', '-G', 'slow').split(), [young], '-G')
    h.equal(ours('-c'), '2 matches out of 2 messages\n', 'the queue without a name')
    run('-MG', '', young, check_rc=0)
    for options, why in ((['-r', '('], 'regular expression'), (['-o', 'x'], 'a number of seconds is needed'), (['-q'], 'Unknown option: q'), (['word'], 'Unknown argument'),
                         (['-r'], 'requires an argument'), ([], 'Selection criteria'), (['-C', '/nonexistent/conf', '-z'], '/nonexistent/conf')):
        r = own(*options)
        h.check(r.returncode == 1 and why in r.stdout + r.stderr, (options, r))
    h.check(own('-h').returncode == 0 and 'Selection criteria' in own('-h').stdout, '-h')
    theirs = exim_tool('exiqgrep')
    if theirs:  # the same text, in another order
        h.write(D('exim'), '#!/bin/sh\nexec %s -C %s "$@"\n' % (h.BIN, SERVER.conf), 0o755)
        for options in (['-r', '@'], ['-b', '-r', '@'], ['-b', '-a', '-f', '.'], ['-a', '-z'], ['-l', '-x'], ['-c', '-s', 'K'], ['-f', 'two']):
            end = '\n' if '-b' in options else '\n\n'
            h.equal(sorted(ours(*options).split(end)), sorted(theirs('-E', './exim', *options).split(end)), options)
    clear()


def check_exigrep(shortlog):
    """That of the command, beside Exim's on the same lines: the same groups."""
    theirs, own = exim_tool('exigrep'), as_tool('exigrep')
    groups = lambda text: sorted(g for g in text.split('\n\n') if g.strip())
    for options in (['far.test'], ['-I', 'FAR.TEST'], ['-l', 'u@box'], ['-M', 'bad@far.test'], ['away'], ['-t', '1000', 'test'], ['.'], ['Start|away|<=']):
        h.equal(groups(own(*options, shortlog).stdout), groups(theirs(*options, shortlog)), options)
    with open(D(shortlog)) as f:
        text = f.read()
    whole = groups(own('far.test', shortlog).stdout)
    h.equal(groups(own('--literal', 'far.test', input=text).stdout), whole, 'standard input')
    subprocess.run(['gzip', '-k', shortlog], cwd=D.path, check=True)
    h.equal(groups(own('far.test', shortlog + '.gz').stdout), whole, 'a packed file')
    h.write(D('torn.gz'), 'no gzip')
    for args, why in ((['x', 'nofile'], 'Unable to open nofile: No such file or directory'), (['('], 'regular expression'), ([], 'Usage: exigrep'), (['-x', 'a'], 'Unknown option: x'),
                      (['-t', 'soon', 'a'], 'a number of seconds is needed'), (['x', 'torn.gz'], 'zcat could not unpack torn.gz')):
        r = own(*args, input='')
        h.check(r.returncode == 2 and why in r.stderr, (args, r))
    h.equal(groups(own('-lt1000', 'test', shortlog).stdout), groups(own('-l', '-t', '1000', 'test', shortlog).stdout), 'letters in one word')
    r = own('x', '.')
    h.check(r.returncode == 2 and 'Unable to read .: Is a directory' in r.stderr, r)
    r = subprocess.run(['sh', '-c', './exigrep . %s > /dev/full' % shortlog], capture_output=True, text=True, cwd=D.path)
    h.check(r.returncode == 1 and 'No space left' in r.stderr, r)


def test_exigrep_and_eximstats():
    grep, stats = exim_tool('exigrep'), exim_tool('eximstats')
    if not grep or not stats:
        return
    clear()
    skip = len(log())
    SINK.replies.clear()
    run('-odf', '-oi', '-f', 's@box.test', 'u@box.test', input='Subject: a\n\nx\n', check_rc=0)
    run('-odf', '-oi', '-f', 's@box.test', 'one@far.test', 'u@box.test', input='Subject: b\n\nx\n', check_rc=0)
    SINK.replies['RCPT'] = '550 5.1.1 no'
    run('-odf', '-oi', '-f', 's@box.test', 'bad@far.test', input='Subject: c\n\nx\n', check_rc=0)
    SINK.replies['RCPT'] = '451 4.1.1 later'
    run('-odf', '-oi', '-f', 's@box.test', 'tmp@away.test', input='Subject: d\n\nx\n', check_rc=0)
    SINK.replies.clear()
    h.wait_for(lambda: len(re.findall(r' Completed$', log()[skip:], re.M)) == 4, what='four complete messages')
    h.write(D('shortlog'), subprocess.run(['sed', '-E', SHORT_IDS], input=log()[skip:], capture_output=True, text=True).stdout)

    def found(*args):
        """[(words that begin each line of one message's part)]"""
        return sorted(tuple(l.split()[3] for l in part.split('\n') if ' ' in l and not l.startswith('+++'))
                      for part in grep(*args, 'shortlog').strip().split('\n\n') if part.strip())
    h.equal(found('far.test'), [('<=', '**', 'Completed'), ('<=', '=>', '=>', 'Completed')], 'exigrep far.test')
    h.equal(found('-I', 'FAR.TEST'), [], '-I')
    h.equal(len(found('-l', 'u@box')), 2, '-l')
    h.equal(found('-v', 'far|u@box'), [('<=', '=='), ('<=', '=>', 'Completed')], '-v')
    h.equal(len(found('-M', 'bad@far.test')), 2, '-M: the message and its bounce')
    h.check('has not completed +++' in grep('away', 'shortlog'), 'an open message')

    check_exigrep('shortlog')
    said = stats('shortlog')
    for pattern in (r'Received +\d+ +5 +1 +1 20\.0% +1 20\.0%', r'Delivered +\d+ +4 +4 +2', r'maildir +\d+ +3', r'relay +\d+ +1', r'Under   1m +4 100\.0%',
                    r'1 +1 +\d+ +\d+ +127\.0\.0\.1', r'2 +2 +\d+ +\d+ +u$', r'1 bad@far\.test R=relay T=relay', r'Errors encountered: 1'):
        h.check(re.search(pattern, said, re.M), '%s in %s' % (pattern, said))
    said = stats('-bydomain', '-byemail', '-h0', '-q0', '-t3', '-ne', '-nr', 'shortlog')
    for pattern in (r'4 +\d+ +\d+ +s@box\.test', r'1 +1 +\d+ +\d+ +one@far\.test'):
        h.check(re.search(pattern, said), '%s in %s' % (pattern, said))
    h.check('<table' in stats('-html', 'shortlog'), '-html')
    clear()


def teardown():
    SERVER.kill()
    SINK.stop()
    D.remove()


h.main()
