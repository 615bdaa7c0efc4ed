#!/usr/bin/env python3
"""Bounces, warnings and notices as the administrator wants them: template files, copies, Reply-To, limits, freeze_tell; and what
makes new messages wait for a queue run."""
# timeout: 120
import email
import os
import threading

import harness as h
from maildir_conf import fill
from peers import Sink

D = h.Dir()
PORT = h.free_port()
SINK = Sink()
BOUNCE, WARN, HALT, SMTPHALT = D('bounce.txt'), D('warn.txt'), D('halt'), D('smtphalt')
SERVER = h.Remex(fill(D, PORT, boxes=('u@box.test', 's@box.test', 'boss@box.test', 'post@box.test'), extra='''trusted_users = root
errors_reply_to = post@box.test
errors_copy = z@box.test x@box.test : "nobody at all@box.test" x@box.test : s@box.test boss@box.test, post@$domain
bounce_message_file = %s
warn_message_file = %s
bounce_return_linesize_limit = 200
delay_warning = 1s
freeze_tell = post, boss@box.test
qualify_domain = box.test
queue_only_file = %s : smtp%s
remote_sort_domains = second.test : *.test
remote_max_parallel = 1
''' % (BOUNCE, WARN, HALT, SMTPHALT), routers='''
fails:
  driver = redirect
  domains = fail.test
  allow_fail
  data = :fail: nobody here
relay:
  driver = manualroute
  domains = first.test : second.test : third.test : far.example
  route_list = third.test 127.0.0.2 ; * 127.0.0.1
  self = send
  transport = relay
''', transports='''
relay:
  driver = smtp
  port = %d
  allow_localhost
  hosts_avoid_tls = *
  multi_domain = false
''' % SINK.port), [PORT])


def run(*args, **kw):
    return SERVER.run(*args, **kw)


def submit(*to, sender='s@box.test', body='x\n', how='-odf'):
    run(how, '-oi', '-f', sender, *to, input='Subject: the original\n\n' + body, check_rc=0)


def box(name):
    return h.maildir(D('mail', 'box.test', name))


def newest(name, before):
    got = h.wait_for(lambda: len(box(name)) > before and box(name), what='a message for ' + name)
    return max((email.message_from_string(m) for m in got), key=lambda m: m['Message-Id'])


def write(path, text):
    h.write(path, text)


def clear():
    for i in [l.split()[2] for l in run('-bp').stdout.splitlines() if '<' in l]:
        run('-Mrm', i, check_rc=0)


def panic():
    try:
        return open(D('log', 'paniclog')).read()
    except OSError:
        return ''


def text_of(m):
    return m.get_payload(0).get_payload() if m.is_multipart() else m.get_payload()


def test_builtin_text_when_there_is_no_file():
    n, c = len(box('s')), len(box('boss'))
    submit('a@fail.test')
    m = newest('s', n)
    h.equal((m['Subject'], m['Reply-To'], m['To']), ('Mail delivery failed: returning message to sender', 'post@box.test', 's@box.test'), 'header')
    h.check('A message that you sent could not be delivered' in text_of(m) and 'nobody here' in text_of(m), text_of(m))
    h.check('cannot use the template file %s' % BOUNCE in panic(), 'the missing file is reported')
    copy = newest('boss', c)
    h.equal((copy['Message-Id'], copy['To']), (m['Message-Id'], 's@box.test'), 'the copy is the bounce')
    h.equal(m.get_payload(2).get_content_type(), 'message/rfc822', 'the original')


def test_template():
    write(BOUNCE, 'Subject: Gone wrong for $bounce_recipient\nX-Loop: yes\n  and more\nnot a header\n****\nDear ${lc:$sender_address},\nit is lost: $h_subject:\n****\n')
    n = len(box('s'))
    submit('a@fail.test', body='y' * 300 + '\n')
    m = newest('s', n)
    h.equal((m['Subject'], m['X-Loop']), ('Gone wrong for s@box.test', 'yes\n  and more'), 'header')
    h.check(text_of(m).startswith('Dear s@box.test,\nit is lost: the original\n') and 'a@fail.test' in text_of(m), text_of(m))
    h.equal(m.get_payload(2).get_content_type(), 'text/rfc822-headers', 'a body with a line over the limit')
    h.check('"not a header" in a template file is not a header line' in panic(), panic())


def test_bad_template_falls_back():
    write(BOUNCE, 'Subject: ${nonsense\n****\n${if\n****\n')
    n = len(box('s'))
    submit('a@fail.test')
    m = newest('s', n)
    h.equal(m['Subject'], 'Mail delivery failed: returning message to sender', 'subject')
    h.check('item 1 of %s: ' % BOUNCE in panic() and 'item 2 of %s: ' % BOUNCE in panic(), panic()[-800:])


def test_warning_template():
    write(WARN, 'Subject: late by $warn_message_delay\n****\nNot yet, $warn_message_recipients:\n****\nBe patient.\n')
    SINK.replies['RCPT'] = '451 4.2.1 later'
    n = len(box('s'))
    submit('w@first.test')
    ident = h.wait_for(lambda: [l.split()[2] for l in run('-bp').stdout.splitlines() if '<s@box.test>' in l], what='the deferred message')[0]

    def warned():
        run('-M', ident)
        return len(box('s')) > n
    h.wait_for(warned, what='the warning')
    m = newest('s', n)
    h.equal(m['Subject'], 'late by 0 minutes', 'subject')
    h.check(text_of(m).startswith('Not yet, s@box.test:\n\n  w@first.test\n    host ') and '    Delay reason: SMTP error' in text_of(m) and text_of(m).rstrip().endswith('Be patient.'), text_of(m))
    SINK.replies.clear()
    clear()


def test_freeze_is_told():
    n, c = len(box('post')), len(box('boss'))
    submit('a@fail.test', sender='<>')
    m = newest('post', n)
    h.equal(m['Subject'], 'Message frozen', 'subject')
    h.check('has been frozen' in text_of(m) and 'The sender is <>.' in text_of(m) and 'a@fail.test: nobody here' in text_of(m), text_of(m))
    h.check(not m.is_multipart(), 'a plain notice')
    newest('boss', c)
    clear()


def test_order_of_remote_deliveries():
    n = len(SINK.messages)
    submit('a@far.example', 'b@first.test', 'c@second.test')
    h.equal([r for _, r, _ in SINK.messages[n:]], [['c@second.test'], ['b@first.test'], ['a@far.example']], 'remote_sort_domains')


def test_queue_only_file():
    write(HALT, '')
    n = len(box('u'))
    submit('u@box.test', how='-odb')   # an explicit wish overrides the file
    h.wait_for(lambda: len(box('u')) == n + 1, what='-odb with queue_only_override')
    run('-oi', '-f', 's@box.test', 'u@box.test', input='Subject: x\n\nx\n', check_rc=0)
    h.equal(run('-bpc').stdout, '1\n', 'queued because of the file')
    h.check('no immediate delivery: %s exists' % HALT in open(D('log', 'mainlog')).read(), 'the reason in the log')
    os.unlink(HALT)
    run('-q', check_rc=0)
    h.equal((run('-bpc').stdout, len(box('u'))), ('0\n', n + 2), 'after a queue run')


def test_smtp_waits_for_a_queue_run():
    write(SMTPHALT, '')
    n, s = len(box('u')), len(SINK.messages)
    submit('u@box.test', 'b@first.test')
    h.equal((len(box('u')), len(SINK.messages), run('-bpc').stdout), (n + 1, s, '1\n'), 'the local part is delivered, the rest waits')
    run('-q', check_rc=0)
    h.equal((len(box('u')), len(SINK.messages), run('-bpc').stdout), (n + 1, s + 1, '0\n'), 'after a queue run')
    os.unlink(SMTPHALT)


def test_a_crash_loses_no_report_of_success():
    reached, go = threading.Event(), threading.Event()

    def rcpt(line):
        if 'last@' in line:
            reached.set()
            go.wait(60)

    old, before = box('s'), len(SINK.messages)
    other = Sink(SINK.port, '127.0.0.2')
    other.replies['RCPT'] = rcpt
    conf = h.write(D('asked.conf'), 'dsn_advertise_hosts = *\n' + open(SERVER.conf).read().replace('acl_smtp_rcpt = acl_rcpt', 'acl_smtp_rcpt = accept'))
    server = h.Remex(conf, [PORT]).start()
    try:
        c = h.Smtp(PORT)
        c.ehlo()
        c.expect('MAIL FROM:<s@box.test>', 250)
        for to in ('done@second.test', 'last@third.test'):
            c.expect('RCPT TO:<%s> NOTIFY=SUCCESS' % to, 250)
        c.expect('DATA', 354)
        c.send('Subject: asked\r\n\r\nx\r\n.\r\n')
        code, text = c.reply()
        h.equal(code, 250, text)
        h.check(reached.wait(60), 'the second host was not reached')
    finally:
        server.kill()  # the first delivery is recorded, nothing has been told
    go.set()
    c.abort()
    run('-qff', check_rc=0)
    h.equal(run('-bpc').stdout, '0\n', 'left in the queue')

    def told():
        return sorted(w for m in map(email.message_from_string, (m for m in box('s') if m not in old)) for part in m.walk() if part.get_content_type() == 'message/delivery-status'
                      for block in part.get_payload() for k, w in block.items() if k == 'Final-Recipient')
    h.wait_for(lambda: len(told()) == 2, what=lambda: 'two reports: %s' % told())
    h.equal([w.split(';')[1].strip() for w in told()], ['done@second.test', 'last@third.test'], 'told of')
    h.equal([m[1] for m in SINK.messages[before:] + other.messages], [['done@second.test'], ['last@third.test']], 'deliveries')
    other.stop()


def test_queue_only_load():
    if float(open('/proc/loadavg').read().split()[0]) == 0:
        return
    conf = D('load.conf')
    h.write(conf, 'queue_only_load = 0.0\n' + open(SERVER.conf).read())
    busy = h.Remex(conf, [PORT])
    busy.start()
    c = h.Smtp(PORT)
    c.ehlo()
    for _ in range(2):
        code, text = c.message('s@box.test', ['u@box.test'], 'Subject: busy\n\nx\n')
        h.equal(code, 250, text)
    c.close()
    h.equal(run('-bpc').stdout, '2\n', 'queued')
    h.check('no immediate delivery: load average ' in open(D('log', 'mainlog')).read(), 'the reason in the log')
    busy.stop()
    clear()


def teardown():
    SERVER.kill()
    SINK.stop()
    D.remove()


h.main()
