#!/usr/bin/env python3
"""The queue from the command line: -odq -bp -bpc -Mvh -Mvb -Mvl -Mf -Mt -M -Mrm -q, mailq by name; retries and bounces."""
# timeout: 120
import os
import re
import subprocess

import harness as h
from maildir_conf import fill
from peers import Sink

D = h.Dir()
PORT = h.free_port()
SINK = Sink()
SERVER = h.Remex(fill(D, PORT, boxes=('u@box.test', 's@box.test'), extra='trusted_users = root\ndns_local_data = <| box.test. MX 10 mx.test.\nqueue_run_max = 2\n', routers='''
relay:
  driver = manualroute
  domains = far.test
  route_list = * 127.0.0.1 byname
  self = send
  transport = relay
unrouteable:
  driver = redirect
  domains = late.test
  allow_fail
  data = :fail: nobody is called $local_part here
''', transports='''
relay:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
''' % SINK.port), [PORT])
ID = r'\b[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}\b'
TEXT = 'From: <s@box.test>\nTo: <%s>\nSubject: %s\n\nThe body of it.\n'


def log():
    try:
        with open(D('log', 'mainlog'), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def run(*args, **kw):
    return SERVER.run(*args, **kw)


def ids():
    return re.findall(ID, run('-bp', check_rc=0).stdout)


def count():
    return int(run('-bpc', check_rc=0).stdout)


def queue(to, subject='queued', sender='s@box.test', how='-odq'):
    """Submits from the command line; the id of the message."""
    before = set(ids())
    run(how, '-oi', '-f', sender, to, input=TEXT % (to, subject), check_rc=0)
    new = set(ids()) - before
    h.equal(len(new), 1, 'new messages in the queue')
    return new.pop()


def remove_all():
    for i in ids():
        run('-Mrm', i, check_rc=0)
    h.equal(count(), 0, 'left in the queue')


def box(name='u'):
    return h.maildir(D('mail', 'box.test', name))


def logged(ident, what):
    h.wait_for(lambda: any(what in l for l in log().splitlines() if ident in l), what=lambda: '"%s" for %s in the log: %s' % (what, ident, log()[-1500:]))


def test_empty_queue():
    h.equal(run('-bp', check_rc=0).stdout, '', '-bp')
    h.equal(count(), 0, '-bpc')


def test_queued_and_listed():
    n = len(box())
    ident = queue('u@box.test')
    h.equal(len(box()), n, 'delivered in spite of -odq')
    out = run('-bp', check_rc=0).stdout
    h.check(re.search(r'^ *0m +\d+(\.\d)?K? %s <s@box\.test>\n {10}u@box\.test\n$' % ident, out, re.M), '-bp: %r' % out)
    h.equal(count(), 1, '-bpc')
    logged(ident, '<= s@box.test U=')


def test_mailq_by_name():
    link = D('mailq')
    os.symlink(h.BIN, link)
    got = subprocess.run([link, '-C', SERVER.conf], capture_output=True, text=True, timeout=60, env=SERVER.env)
    h.equal((got.returncode, got.stdout), (0, run('-bp').stdout), 'mailq')
    h.check(ids()[0] in got.stdout, 'mailq: ' + got.stdout)


def test_view():
    ident = ids()[0]
    head = run('-Mvh', ident, check_rc=0).stdout
    for wanted in (ident + '-H\n', '<s@box.test>\n', '\nu@box.test\n', 'Subject: queued\n'):
        h.check(wanted in head, '-Mvh lacks %r: %s' % (wanted, head))
    h.check('The body of it.' not in head, '-Mvh shows the body')
    h.equal(run('-Mvb', ident, check_rc=0).stdout, ident + '-D\nThe body of it.\n', '-Mvb')
    h.check(' Received from s@box.test U=' in run('-Mvl', ident, check_rc=0).stdout, '-Mvl')


def test_unknown_ids():
    for action in ('-Mvh', '-Mvb', '-Mvl', '-Mrm', '-Mf', '-Mt', '-M'):
        for ident in ('1abcde-000000000Ab-1cDe', 'nonsense', '../../etc/passwd'):
            got = run(action, ident)
            h.check(got.returncode != 0, '%s %s: status 0: %s' % (action, ident, got.stdout))
            h.check('passwd:' not in got.stdout + got.stderr and 'root:' not in got.stdout, got.stdout)


def test_freeze_and_thaw():
    ident = ids()[0]
    h.check('is now frozen' in run('-Mf', ident, check_rc=0).stdout, '-Mf')
    h.check('*** frozen ***' in run('-bp').stdout, '-bp')
    n = len(box())
    run('-q', check_rc=0)
    h.equal((len(box()), count()), (n, 1), 'a queue run delivers a frozen message')
    h.check('is no longer frozen' in run('-Mt', ident, check_rc=0).stdout, '-Mt')
    h.check('*** frozen ***' not in run('-bp').stdout, '-bp')
    logged(ident, 'frozen by ')
    logged(ident, 'unfrozen by ')


def test_deliver_one():
    ident, n = ids()[0], len(box())
    run('-M', ident, check_rc=0)
    h.equal((len(box()), count()), (n + 1, 0), '-M')
    logged(ident, '=> u <u@box.test> R=local T=maildir')
    logged(ident, 'Completed')


def test_deliver_a_frozen_one():
    ident, n = queue('u@box.test'), len(box())
    run('-Mf', ident, check_rc=0)
    run('-M', ident, check_rc=0)
    h.equal((len(box()), count()), (n + 1, 0), '-M of a frozen message')


def test_remove():
    ident, n = queue('u@box.test'), len(box())
    h.equal(run('-Mrm', ident, check_rc=0).stdout, 'Message %s has been removed\n' % ident, '-Mrm')
    run('-q', check_rc=0)
    h.equal((count(), len(box()), len(box('s'))), (0, n, len(box('s'))), 'after -Mrm')
    logged(ident, 'removed by ')


def test_queue_run():
    n = len(box())
    for i in range(5):
        queue('u@box.test', 'run %d' % i)
    h.equal(count(), 5, 'queued')
    run('-q', check_rc=0)
    h.equal((count(), len(box())), (0, n + 5), 'after -q')
    h.check('Start queue run: pid=' in log() and 'End queue run: pid=' in log(), 'log')


def bounce(subject):
    """The RFC 3464 message for `subject` in the sender's mailbox."""
    got = [m for m in box('s') if 'multipart/report' in m and subject in m]
    return got[0] if got else None


def check_bounce(m, recipient, diagnostic):
    import email
    p = email.message_from_string(m)
    h.equal(p.get_content_type(), 'multipart/report', 'type')
    h.equal(p.get_param('report-type'), 'delivery-status', 'report type')
    parts = p.get_payload()
    h.equal([x.get_content_type() for x in parts][:2], ['text/plain', 'message/delivery-status'], 'parts')
    h.check(parts[2].get_content_type() in ('message/rfc822', 'text/rfc822-headers'), 'third part')
    h.check(recipient in parts[0].get_payload() and diagnostic in parts[0].get_payload(), 'the human part: ' + parts[0].get_payload())
    status = parts[1].as_string()
    for wanted in (r'^Reporting-MTA: dns; ?mx\.test$', r'^Action: failed$', r'^Final-Recipient: rfc822; ?%s$' % re.escape(recipient), r'^Status: 5\.\d+\.\d+$'):
        h.check(re.search(wanted, status, re.M), '%s in %s' % (wanted, status))
    h.equal((p['To'], p['Auto-Submitted']), ('s@box.test', 'auto-replied'), 'header')
    h.check('Return-path: <>' in m or p['From'].lower().startswith('mail delivery system'), 'from the postmaster: ' + m[:400])


def test_bounce_of_an_address_that_fails_later():
    ident = queue('who@late.test', 'fails later')
    run('-M', ident)
    m = h.wait_for(lambda: bounce('fails later'), what=lambda: 'the bounce; log: ' + log()[-1500:])
    check_bounce(m, 'who@late.test', 'nobody is called who here')
    logged(ident, '** who@late.test')
    h.wait_for(lambda: count() == 0, what='an empty queue')


def test_bounce_of_a_refused_recipient():
    SINK.replies['RCPT'] = '550 5.1.1 no such person'
    try:
        ident = queue('x@far.test', 'refused there')
        run('-M', ident)
        m = h.wait_for(lambda: bounce('refused there'), what=lambda: 'the bounce; log: ' + log()[-1500:])
        check_bounce(m, 'x@far.test', 'no such person')
        h.check(re.search(r'^Diagnostic-Code: smtp; ?550', m, re.M) and re.search(r'^Remote-MTA: dns; ?127\.0\.0\.1', m, re.M), 'remote diagnostic: ' + m)
        logged(ident, '** x@far.test')
    finally:
        SINK.replies.clear()


def test_no_bounce_for_a_bounce():
    n = len(box('s'))
    ident = queue('who@late.test', 'a lost bounce', sender='<>')
    run('-M', ident)
    h.equal(len(box('s')), n, 'bounces')
    h.check(run('-bp').stdout.count('*** frozen ***') == 1 or count() == 0, 'a failed bounce is frozen or gone: ' + run('-bp').stdout)
    remove_all()


def test_deferral_and_retry():
    SINK.replies['RCPT'] = '451 4.2.1 later'
    ident = queue('y@far.test', 'greylisted')
    run('-M', ident)
    h.equal(count(), 1, 'still queued')
    logged(ident, '== y@far.test R=relay T=relay defer')
    h.check('451' in run('-Mvl', ident).stdout, '-Mvl: ' + run('-Mvl', ident).stdout)
    SINK.replies.clear()
    n = len(SINK.messages)

    def again():
        run('-q', check_rc=0)
        return count() == 0
    h.wait_for(again, what=lambda: 'the delivery after the retry time; log: ' + log()[-1500:])
    h.equal(len(SINK.messages), n + 1, 'at the sink')
    logged(ident, '=> y@far.test')
    logged(ident, 'Completed')


def test_server_away_and_back():
    SINK.replies['connect'] = '421 not now'
    ident = queue('z@far.test', 'server away')
    run('-M', ident)
    logged(ident, '== z@far.test')
    h.equal(count(), 1, 'still queued')
    SINK.replies.clear()
    n = len(SINK.messages)
    run('-qf', check_rc=0)
    h.equal((count(), len(SINK.messages)), (0, n + 1), 'after -qf')


def test_partial_delivery():
    SINK.replies['RCPT'] = lambda line: '450 4.2.0 not you yet' if 'late' in line else ''
    run('-odq', '-oi', '-f', 's@box.test', 'now@far.test', 'late@far.test', 'u@box.test', input=TEXT % ('all', 'partial'), check_rc=0)
    ident, n, m = ids()[0], len(SINK.messages), len(box())
    run('-M', ident)
    h.equal((len(SINK.messages), len(box())), (n + 1, m + 1), 'delivered')
    out = run('-bp').stdout
    h.check(re.search(r'^ {8}D now@far\.test$', out, re.M) and re.search(r'^ {10}late@far\.test$', out, re.M), '-bp: ' + out)
    SINK.replies.clear()
    run('-M', ident)
    h.equal([r for _, r, _ in SINK.messages[n:]], [['now@far.test'], ['late@far.test']], 'each once')
    h.equal((len(box()), count()), (m + 1, 0), 'no second local copy')


def test_background_delivery():
    n = len(box())
    run('-odb', '-oi', '-f', 's@box.test', 'u@box.test', input=TEXT % ('u@box.test', 'odb'), check_rc=0)
    h.wait_for(lambda: len(box()) == n + 1 and count() == 0, what='-odb')
    run('-odf', '-oi', '-f', 's@box.test', 'u@box.test', input=TEXT % ('u@box.test', 'odf'), check_rc=0)
    h.equal((len(box()), count()), (n + 2, 0), '-odf')


def test_daemon_sees_what_was_queued():
    SERVER.start('-q1s')
    n = len(box())
    queued = run('-odq', '-oi', '-f', 's@box.test', 'u@box.test', input=TEXT % ('u@box.test', 'for the daemon'), check_rc=0)
    h.equal(queued.stdout, '', 'output')
    h.wait_for(lambda: len(box()) == n + 1 and count() == 0, what='the queue runner of the daemon')
    SERVER.stop()


def test_daemon_retries_when_the_time_has_come():
    SINK.replies['RCPT'] = '451 4.2.1 later'
    held = queue('u@box.test', 'held for a run')  # before the daemon's first run, which is over when the next one waits
    SERVER.start('-q1h')
    h.wait_for(lambda: count() == 0, what='the first run')
    waiting = queue('u@box.test', 'waits for a run')
    code, text = h.send(PORT, 's@box.test', ['u@box.test'], 'Subject: over TCP\n\nx\n')
    h.equal(code, 250, text)
    run('-odb', '-oi', '-f', 's@box.test', 'late@far.test', input=TEXT % ('late@far.test', 'retried by the daemon'), check_rc=0)
    h.wait_for(lambda: '== late@far.test' in log(), what='the deferral')
    n = len(SINK.messages)
    SINK.replies.clear()
    h.wait_for(lambda: len(SINK.messages) == n + 1, what=lambda: 'the retry by the daemon, an hour before its next run; log: ' + log()[-1500:])
    h.wait_for(lambda: ids() == [waiting], what=lambda: 'only the queued one left: %s' % ids())
    SERVER.stop()
    h.check(held not in ids(), 'the one that was there before')
    remove_all()


def teardown():
    SERVER.kill()
    SINK.stop()
    D.remove()


h.main()
