#!/usr/bin/env python3
"""SIGHUP takes a good configuration and refuses a bad one; sessions live on; SIGTERM says 421 to the idle and ends with 0."""
# timeout: 240
import os
import signal
import socket
import threading
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


class Clients:
    """Who connect all the time while the block runs: every one must be greeted."""

    def __init__(self, port):
        self.port, self.problems, self.greeted, self.stop = port, [], 0, threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(4)]

    def run(self):
        while not self.stop.is_set():
            try:
                with socket.create_connection(('127.0.0.1', self.port), 60) as s:
                    greeting = s.recv(3)
                if greeting != b'220':
                    self.problems.append(greeting)
            except OSError as e:
                self.problems.append(repr(e))
            self.greeted += 1

    def go_on(self):
        seen = self.greeted
        h.wait_for(lambda: self.greeted > seen + 40, what='clients')

    def __enter__(self):
        for t in self.threads:
            t.start()
        self.go_on()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join()


def test_nobody_is_refused():
    with Clients(PORT) as clients:
        for i in range(10):
            mark = len(log())
            reload_with(TEXT, lambda: 'configuration loaded again' in log()[mark:])
            clients.go_on()
    h.equal(clients.problems, [], 'clients')
    h.equal(log('paniclog').count('listen'), 0, 'panic log')


def test_ports_come_and_go():
    """Without a restart; clients of the port that stays do not notice."""
    other = h.free_port()
    both = TEXT.replace('daemon_smtp_ports = %d' % PORT, 'daemon_smtp_ports = %d : %d' % (PORT, other))
    session = h.Smtp(PORT)
    session.ehlo()
    with Clients(PORT) as clients:
        for _ in range(2):
            reload_with(both, lambda: h.port_open(other))
            h.equal(h.send(other, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250, 'mail at the new port')
            clients.go_on()
            reload_with(TEXT, lambda: not h.port_open(other))
            clients.go_on()
    h.equal(clients.problems, [], 'clients')
    session.expect('NOOP', 250)
    session.close()
    h.check('listening for SMTP on [127.0.0.1]:{%d,%d} from now on' % (PORT, other) in log(), log()[-1000:])


def test_addresses_that_overlap():
    """From one address to all of them and back, at the same port."""
    def serves(ip):
        return h.port_open(PORT, ip)
    reload_with(TEXT.replace('local_interfaces = 127.0.0.1', 'local_interfaces = 0.0.0.0'), lambda: serves('127.0.0.2'))
    h.check('mx.test' in greeting(), 'the address that was there before')
    reload_with(TEXT, lambda: not serves('127.0.0.2'))
    h.check('mx.test' in greeting(), 'the first address again')


def test_a_port_that_cannot_be_had():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        other = taken.getsockname()[1]
        mark = len(log('paniclog'))
        both = TEXT.replace('daemon_smtp_ports = %d' % PORT, 'daemon_smtp_ports = %d : %d' % (PORT, other))
        reload_with(both.replace('primary_hostname = mx.test', 'primary_hostname = new.test'), lambda: 'send SIGHUP again' in log('paniclog')[mark:])
        line = log('paniclog')[mark:]
        h.check('Address already in use' in line and str(other) in line and 'goes on listening for SMTP on [127.0.0.1]:%d only' % PORT in line, line)
        h.wait_for(lambda: 'new.test' in greeting(), what='the rest of the configuration')
    reload_with(both, lambda: h.port_open(other))
    h.equal(h.send(other, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250, 'mail at the port that is free now')
    reload_with(TEXT, lambda: not h.port_open(other))


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
