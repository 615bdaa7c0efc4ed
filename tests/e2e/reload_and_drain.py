#!/usr/bin/env python3
"""SIGHUP takes a good configuration and refuses a bad one; sessions live on; SIGTERM says 421 to the idle and ends with 0."""
# timeout: 120
import os
import signal
import time

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
CONF = fill(D, PORT)
SERVER = h.Remex(CONF, [PORT])
SERVER.start()
with open(CONF) as f:
    TEXT = f.read()


def log(name='mainlog'):
    try:
        with open(D('log', name), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def both_logs():
    return log() + log('paniclog')


def reload_with(text, done):
    """Writes the configuration, sends SIGHUP, waits until done() is true."""
    h.write(CONF, text)
    SERVER.proc.send_signal(signal.SIGHUP)
    h.wait_for(done, what=lambda: 'the effect of SIGHUP; log: ' + both_logs()[-1500:])
    SERVER.alive()


def test_early_hangup():
    """A SIGHUP between binding the ports and serving is kept, not deadly."""
    for _ in range(3):
        SERVER.stop()
        mark = len(log())
        SERVER.start()
        SERVER.proc.send_signal(signal.SIGHUP)
        h.wait_for(lambda: 'SIGHUP received' in log()[mark:], what='the reload')
        SERVER.alive()


def greeting():
    c = h.Smtp(PORT)
    try:
        return c.greeting[1]
    finally:
        c.close()


def test_bad_configuration_is_refused():
    for bad, named in ((TEXT.replace('primary_hostname', 'primary_hostnam'), 'primary_hostnam'), (TEXT + '\nbegin nonsense\n', 'nonsense'),
                       (TEXT.replace('acl_smtp_data = accept', 'acl_smtp_data = ${if'), 'acl_smtp_data')):
        mark = len(both_logs())
        reload_with(bad, lambda: named in both_logs()[mark:] and 'onfiguration' in both_logs()[mark:])
        h.check('mx.test' in greeting(), 'the old configuration no longer serves')
        n = len(h.maildir(D('mail', 'box.test', 'u')))
        h.equal(h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250, 'mail under the old configuration')
        h.wait_for(lambda: len(h.maildir(D('mail', 'box.test', 'u'))) == n + 1, what='delivery')


def test_missing_configuration_is_refused():
    mark = len(both_logs())
    os.rename(CONF, CONF + '.away')
    SERVER.proc.send_signal(signal.SIGHUP)
    h.wait_for(lambda: 'remex.conf' in both_logs()[mark:], what=lambda: 'a log line: ' + both_logs()[mark:])
    os.rename(CONF + '.away', CONF)
    h.check('mx.test' in greeting(), 'the old configuration no longer serves')


def test_good_configuration_is_taken_and_sessions_live_on():
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<s@c.test>', 250)
    middle = h.Smtp(PORT)
    middle.ehlo()
    middle.expect('MAIL FROM:<s@c.test>', 250)
    middle.expect('RCPT TO:<u@box.test>', 250)
    middle.expect('DATA', 354)
    middle.send('Subject: across\r\n\r\nfirst half\r\n')
    reload_with(TEXT.replace('primary_hostname = mx.test', 'primary_hostname = new.test'), lambda: 'new.test' in greeting())
    n = len(h.maildir(D('mail', 'box.test', 'u')))
    middle.send('second half\r\n.\r\n')
    h.equal(middle.reply()[0], 250, 'a message across the reload')
    middle.close()
    c.expect('RCPT TO:<u@box.test>', 250)
    c.expect('DATA', 354)
    c.send('Subject: old session\r\n\r\nx\r\n.\r\n')
    h.equal(c.reply()[0], 250, 'a session across the reload')
    c.close()
    h.wait_for(lambda: len(h.maildir(D('mail', 'box.test', 'u'))) == n + 2, what='both deliveries')
    h.check(any('first half' in m and 'second half' in m for m in h.maildir(D('mail', 'box.test', 'u'))), 'the whole message')


def test_new_rules_apply():
    h.equal(h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250, 'before')
    reload_with(TEXT.replace('acl_rcpt:\n', 'acl_rcpt:\n  deny message = closed for today\n'), lambda: h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0] == 550)
    reload_with(TEXT, lambda: h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0] == 250)


def test_log_files_are_reopened():
    os.rename(D('log', 'mainlog'), D('log', 'mainlog.1'))
    h.equal(h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250, 'mail')
    # whether the file is still the same is looked up now and then, so one line may go to the old one
    h.wait_for(lambda: h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0] == 250 and '<= s@c.test' in log(), what='a new mainlog')


def test_term_drains():
    idle = [h.Smtp(PORT) for _ in range(5)]
    for c in idle[1:]:
        c.ehlo()
    idle[2].expect('MAIL FROM:<s@c.test>', 250)
    busy = h.Smtp(PORT)
    busy.ehlo()
    busy.expect('MAIL FROM:<s@c.test>', 250)
    busy.expect('RCPT TO:<u@box.test>', 250)
    busy.expect('DATA', 354)
    busy.send('Subject: last\r\n\r\nhalf\r\n')
    begin = time.monotonic()
    SERVER.proc.send_signal(signal.SIGTERM)
    for c in idle:
        h.equal(c.reply()[0], 421, 'an idle session')
        h.equal(c.reply()[0], 0, 'and its end')
        c.abort()
    h.check(not h.port_open(PORT), 'still listening')
    busy.send('other half\r\n.\r\n')
    code, text = busy.reply()
    h.check(code in (250, 421), 'the message under way: %d %s' % (code, text))
    busy.abort()
    SERVER.proc.wait(60)
    h.equal(SERVER.proc.returncode, 0, 'exit status; stderr: ' + SERVER.stderr()[-1000:])
    h.check(time.monotonic() - begin < 45, 'took %.1f s' % (time.monotonic() - begin))
    SERVER.start()
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '0' or SERVER.run('-q') is None, what='the queue after a restart')
    h.equal(sum('Subject: last\n' in m for m in h.maildir(D('mail', 'box.test', 'u'))), int(code == 250), 'the message under way: acknowledged, so delivered')


def test_port_is_free_at_once():
    SERVER.stop()
    SERVER.start()
    h.equal(h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250, 'after the restart')


def teardown():
    SERVER.stop()
    D.remove()


h.main()
