#!/usr/bin/env python3
"""Queue runners of the daemon: named queues, several of them, and what their flags, -R and -S choose; what a daemon does not take is refused."""
# timeout: 180
import re
import subprocess

import harness as h
from maildir_conf import fill
from peers import Sink

D = h.Dir()
PORT = h.free_port()
SINK = Sink()
SERVER = h.Remex(fill(D, PORT, extra='trusted_users = root\nlog_selector = +queue_run\n', routers='''
relay:
  driver = manualroute
  domains = far.test
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
ID = r'\b[0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4}\b'


def log():
    try:
        with open(D('log', 'mainlog'), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def ids(*args):
    return re.findall(ID, SERVER.run('-bp', *args, check_rc=0).stdout)


def queue(*to, sender='s@box.test', name=''):
    before = set(ids())
    SERVER.run('-odq', '-oi', '-f', sender, *to, input='Subject: x\n\nThe body.\n', check_rc=0)
    new = set(ids()) - before
    h.equal(len(new), 1, 'new messages')
    i = new.pop()
    if name:
        SERVER.run('-MG', name, i, check_rc=0)
    return i


class Daemon:
    """One with these options while the block runs; the queues are empty afterwards."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.mark = len(log())
        SERVER.start(*self.options)
        h.wait_for(lambda: 'daemon started' in self.said(), what='the line about the start')
        return self

    def __exit__(self, *_):
        SERVER.stop()
        SINK.replies.clear()
        for i in ids() + ids('-qGslow') + ids('-qGother'):
            SERVER.run('-Mrm', i, check_rc=0)

    def said(self):
        return log()[self.mark:]

    def completes(self, i):
        h.wait_for(lambda: '%s Completed' % i in self.said(), what=lambda: '%s; log: %s' % (i, self.said()[-2000:]))

    def runs(self, n, label='', queue=''):
        """So many more runs end."""
        def ended():
            return len(re.findall(r"End %squeue run: pid=\d+.*%s$" % (queue and "'%s' " % queue, label), self.said(), re.M))
        before = ended()
        h.wait_for(lambda: ended() >= before + n, what=lambda: 'queue runs; log: ' + self.said()[-2000:])


def test_named_queues_beside_the_usual_one():
    mine, slow, other = queue('u@far.test'), queue('u@far.test', name='slow'), queue('u@far.test', name='other')
    with Daemon('-q1h', '-qGslow/1s') as d:
        h.check('-q1h -qGslow/1s, listening' in d.said(), d.said())
        d.completes(mine)
        d.completes(slow)
        d.runs(2, queue='slow')
        late = queue('u@far.test', name='slow')
        d.completes(late)
        h.equal(ids('-qGother'), [other], 'a queue that has no runner')


def test_a_named_queue_is_retried_when_the_time_has_come():
    SINK.replies['RCPT'] = '451 4.2.1 later'
    i = queue('u@far.test', name='slow')
    with Daemon('-qGslow/1h') as d:
        h.wait_for(lambda: '%s == u@far.test' % i in d.said(), what=lambda: 'a deferral; log: ' + d.said()[-2000:])
        SINK.replies.clear()
        d.completes(i)
        h.equal(d.said().count('Start '), 1, 'runs')


def test_frozen_ones():
    i = queue('u@far.test')
    SERVER.run('-Mf', i, check_rc=0)
    with Daemon('-qff1s') as d:
        d.completes(i)
        h.check(re.search(r'Start queue run: pid=\d+ -qff$', d.said(), re.M), d.said())


def test_forced_ones():
    conf = open(SERVER.conf).read()
    h.write(SERVER.conf, conf.replace('F,1h,1s', 'F,1h,15m'))
    SINK.replies['RCPT'] = '451 4.2.1 later'
    i = queue('u@far.test')
    SERVER.run('-M', i)
    SINK.replies.clear()
    try:
        with Daemon('-q1s') as d:
            d.runs(2)
            h.equal(ids(), [i], 'what is not due')
            SERVER.stop()
        i = queue('u@far.test')
        with Daemon('-qf1s') as d:
            d.completes(i)
    finally:
        h.write(SERVER.conf, conf)


def test_untried_ones():
    SINK.replies['RCPT'] = '451 4.2.1 later'
    tried = queue('u@far.test')
    SERVER.run('-M', tried)
    SINK.replies.clear()
    fresh = queue('v@far.test')
    with Daemon('-qi1s') as d:
        h.check('-qi1s, ' in d.said(), d.said())
        d.completes(fresh)
        d.runs(3)
        h.equal(ids(), [tried], 'what was tried before')


def test_local_ones():
    far, near = queue('u@far.test'), queue('u@box.test')
    with Daemon('-ql1s') as d:
        d.completes(near)
        d.runs(3)
        h.equal(ids(), [far], 'what goes to another host')


def test_selected_ones():
    far, boss, near = queue('u@far.test'), queue('u@far.test', sender='boss@box.test'), queue('u@box.test')
    for options in (('-q1s', '-R', 'FAR.test', '-S', 'boss@'), ('-S', 'boss@', '-q1s')):
        with Daemon(*options) as d:
            d.completes(boss)
            d.runs(2, ' -S boss@')
            h.wait_for(lambda: sorted(ids()) == sorted([far, near]), what=lambda: 'the selected one to go: %s' % ids())
            h.check(re.search(r'Start queue run: pid=\d+.* -S boss@$', d.said(), re.M), d.said())
            SERVER.stop()
        far, boss, near = queue('u@far.test'), queue('u@far.test', sender='boss@box.test'), queue('u@box.test')


def test_what_a_daemon_does_not_take():
    for options, words in ((('-qGslow',), '-q without a time'), (('-qff', '-q30m'), '-q without a time'), (('-R', 'x'), 'a -q with a time is missing'),
                           (('-q30m', '1abcde-000000000Ab-1cDe'), 'takes no message ids'), (('-q1s', '-Rr', '('), 'bad regular expression')):
        r = SERVER.run('-bdf', *options, timeout=30)
        h.equal(r.returncode, 64, '%s: %s' % (options, r.stderr))
        h.check(words in r.stderr, '%s: %s' % (options, r.stderr))
    h.equal(subprocess.run([h.BIN, '-C', SERVER.conf, '-qGslow/'], capture_output=True, env=SERVER.env).returncode, 1, '-qGslow/')


def teardown():
    SERVER.kill()
    SINK.stop()
    D.remove()


h.main()
