#!/usr/bin/env python3
"""Limits that queue messages or turn clients away: smtp_accept_queue_per_connection, smtp_accept_queue, smtp_accept_reserve, smtp_load_reserve with
smtp_reserve_hosts."""
import contextlib
import re
import subprocess

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
SERVER = h.Remex(fill(D, PORT, boxes=('u@box.test',)), [PORT])
with open(SERVER.conf) as f:
    TEXT = f.read()


@contextlib.contextmanager
def serving(**options):
    """With these options in place of the template's."""
    text = TEXT
    for name, value in options.items():
        text = re.sub(r'(?m)^%s = .*\n' % name, '', text)
        text = text.replace('primary_hostname', '%s = %s\nprimary_hostname' % (name, value), 1)
    h.write(SERVER.conf, text)
    SERVER.start()
    h.wait_for(lambda: ' worker: 0 sessions' in status(), what='the end of the look whether the port is open')
    try:
        yield
    finally:
        SERVER.stop()
        h.write(SERVER.conf, TEXT)
        SERVER.run('-qff', check_rc=0)


def log(name='mainlog'):
    try:
        with open(D('log', name)) as f:
            return f.read()
    except OSError:
        return ''


def status():
    return subprocess.run([h.BIN, 'status', '-C', SERVER.conf], capture_output=True, text=True, env=SERVER.env).stdout


def delivered():
    return len(h.maildir(D('mail', 'box.test', 'u')))


def send(client, subject='x'):
    code, text = client.message('s@c.test', ['u@box.test'], 'Subject: %s\n\nx\n' % subject)
    h.equal(code, 250, text)
    return re.search(r'id=(\S+)', text).group(1)


def waiting():
    return SERVER.run('-bpc').stdout.strip()


def test_the_third_of_a_connection_waits():
    with serving(smtp_accept_queue_per_connection=2):
        c = h.Smtp(PORT)
        c.ehlo()
        for _ in range(4):
            send(c)
        c.close()
        h.wait_for(lambda: delivered() == 2, what='the first two')
        h.equal(log().count('no immediate delivery: more than 2 messages received in one connection'), 2, log()[-600:])
        h.wait_for(lambda: waiting() == '2', what='two left in the queue')
        SERVER.run('-q', check_rc=0)
        h.wait_for(lambda: delivered() == 4, what='the rest after a queue run')


def test_messages_of_too_many_connections_wait():
    """The count at the start of a connection decides for all of its messages."""
    before = delivered()
    with serving(smtp_accept_queue=1):
        first, second = h.Smtp(PORT), h.Smtp(PORT)
        for c in (first, second):
            c.ehlo()
        late = send(second)
        h.check('%s no immediate delivery: too many connections (2, max 1)' % late in log(), log()[-600:])
        send(first)
        h.wait_for(lambda: delivered() == before + 1, what='the message of the first connection')
        first.close()
        also_late = send(second)
        h.check('%s no immediate delivery: too many connections (2, max 1)' % also_late in log(), log()[-600:])
        h.wait_for(lambda: waiting() == '2', what=lambda: 'two that wait: %s' % waiting())
        h.equal(delivered(), before + 1, 'what was delivered')
        second.close()
        SERVER.run('-q', check_rc=0)
        h.equal((waiting(), delivered()), ('0', before + 3), 'after a queue run')


def test_the_last_connections_are_reserved():
    with serving(smtp_accept_max=3, smtp_accept_reserve=1, smtp_reserve_hosts='127.0.0.2'):
        held = [h.Smtp(PORT), h.Smtp(PORT)]
        h.equal([c.greeting[0] for c in held], [220, 220], 'the two for everybody')
        h.equal(greeting(), (421, 'Too many concurrent SMTP connections'), 'the third of anybody')
        h.wait_for(lambda: 'reserved slots' in log(), what=lambda: 'the reason; log: ' + log()[-600:])
        held.append(h.Smtp(PORT, source='127.0.0.2'))
        h.equal(held[-1].greeting[0], 220, 'the third of a host with a reservation')
        h.equal(greeting('127.0.0.2')[0], 421, 'the fourth')
        for c in held:
            c.close()
        h.wait_for(connected, what='a connection when the others have gone').close()


def connected():
    """A session that was let in, or None."""
    c = h.Smtp(PORT, greet=False)
    if c.reply()[0] == 220:
        return c
    c.abort()
    return None


def greeting(source=None):
    """The code, and what the text begins with behind the host's name."""
    c = h.Smtp(PORT, greet=False, source=source)
    try:
        code, text = c.reply()
        return code, text.split(': ', 1)[-1].split(';')[0]
    finally:
        c.abort()


def test_a_busy_machine_serves_reserved_hosts():
    with open('/proc/loadavg') as f:
        if float(f.read().split()[0]) < 0.02:
            return  # nothing else runs here: there is no load to exceed
    with serving(smtp_load_reserve='0.0', smtp_reserve_hosts='127.0.0.2'):
        h.equal(greeting(), (421, 'Too much load'), 'anybody')
        h.wait_for(lambda: re.search(r'Connection from .* refused: load average = \d', log()), what=lambda: 'the reason; log: ' + log()[-600:])
        h.equal(greeting('127.0.0.2')[0], 220, 'a host with a reservation')
    with serving(smtp_load_reserve='100000.0'):
        h.equal(greeting()[0], 220, 'below the limit')


def teardown():
    SERVER.kill()
    D.remove()


h.main()
