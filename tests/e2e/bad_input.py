#!/usr/bin/env python3
"""Clients that are broken, hostile or gone: each ends in the right reply or time-out, a log line, and a server that goes on."""
# timeout: 300
import os
import socket
import time

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
SERVER = h.Remex(fill(D, PORT, extra='message_size_limit = 2M\nrecipients_max = 1000\nheader_maxsize = 512K\nlog_selector = +lost_incoming_connection'),
                 [PORT])
SERVER.start()


def log():
    try:
        return open(D('log', 'mainlog'), errors='replace').read()
    except OSError:
        return ''


def box():
    return h.maildir(D('mail', 'box.test', 'u'))


def settled():
    """The number of messages in the mailbox once nothing accepted before is still under way to it."""
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '0', what='an empty queue')
    return len(box())


def still_serves():
    n = settled()
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: still there\n\nyes\n')
    h.equal(code, 250, text)
    h.wait_for(lambda: len(box()) == n + 1, what='delivery')


def begin():
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<s@c.test>', 250)
    c.expect('RCPT TO:<u@box.test>', 250)
    return c


def test_command_line_of_a_mebibyte():
    c = h.Smtp(PORT)
    c.send('NOOP ' + 'x' * (1 << 20) + '\r\n')
    h.equal(c.reply()[0], 500, 'long line')
    c.ehlo()
    c.close()
    still_serves()


def test_hundred_thousand_recipients():
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<s@c.test>', 250)
    codes = {}
    for _ in range(100):
        c.send('RCPT TO:<u@box.test>\r\n' * 1000)
        for _ in range(1000):
            code = c.reply()[0]
            codes[code] = codes.get(code, 0) + 1
    h.equal(codes, {250: 1000, 452: 99000}, 'replies')
    c.expect('RSET', 250)
    c.close()
    still_serves()


def test_ten_thousand_header_lines():
    c = begin()
    c.expect('DATA', 354)
    c.send(''.join('X-%d: y\r\n' % i for i in range(10000)) + '\r\nbody\r\n.\r\n')
    h.equal(c.reply()[0], 250, '10 000 headers')
    c.close()


def test_endless_header():
    c = begin()
    c.expect('DATA', 354)
    try:
        for _ in range(200):
            c.send('X-Long: ' + 'a' * 8000 + '\r\n')
        c.send('\r\n.\r\n')
        code = c.reply()[0]
    except OSError:
        code = 552
    h.equal(code, 552, 'endless header')
    c.abort()
    still_serves()


def test_line_of_a_mebibyte_in_the_body():
    c = begin()
    c.expect('DATA', 354)
    c.send('Subject: x\r\n\r\n' + 'y' * (1 << 20) + '\r\n.\r\n')
    h.equal(c.reply()[0], 250, 'long body line')
    c.close()


def test_nul_bytes():
    c = h.Smtp(PORT)
    c.ehlo()
    c.send(b'MAIL FROM:<a\0b@c.test>\r\n')
    h.equal(c.reply()[0] // 100, 5, 'NUL in MAIL')
    c.expect('MAIL FROM:<s@c.test>', 250)
    c.expect('RCPT TO:<u@box.test>', 250)
    c.expect('DATA', 354)
    c.send(b'Subject: a\0b\r\n\r\nx\0y\r\n\0.\r\nstill body\r\n.\r\n')
    h.equal(c.reply()[0], 250, 'NUL in data')
    c.close()
    h.wait_for(lambda: any('still body' in m for m in box()), what='the whole message')


def test_too_large():
    c = h.Smtp(PORT)
    c.ehlo()
    h.equal(c.cmd('MAIL FROM:<s@c.test> SIZE=99999999')[0], 552, 'declared size')
    c.close()
    c = begin()
    c.expect('DATA', 354)
    c.send('Subject: x\r\n\r\n' + ('z' * 70 + '\r\n') * 50000 + '.\r\n')
    h.equal(c.reply()[0], 552, 'real size')
    c.expect('NOOP', 250)
    c.close()


def test_slow_client_is_timed_out():
    # A server of its own: with so little patience, a busy machine would make any other test's client too slow.
    d, port = h.Dir(), h.free_port()
    server = h.Remex(fill(d, port, extra='smtp_receive_timeout = 3s'), [port])
    server.start()

    def logged(text):
        with open(d('log', 'mainlog'), errors='replace') as f:
            return text in f.read()

    def dialogue(*commands):
        """Says the commands, then a header line if the last was DATA, then nothing more; the server's last word."""
        c = h.Smtp(port)
        for command in commands:
            code, text = c.cmd(command)
            h.check(code in (250, 354), '%s: %d %s' % (command, code, text))
        if commands:
            c.send('Subject: slow\r\n')
        got = c.reply()
        c.abort()
        return got
    try:
        start = time.monotonic()
        h.equal(dialogue()[0], 421, 'a client that says nothing')
        h.check(3 <= time.monotonic() - start < 60, 'after %.1f s' % (time.monotonic() - start))
        h.wait_for(lambda: logged('SMTP command timeout'), what='the log line')
        h.equal(dialogue('EHLO c.test', 'MAIL FROM:<s@c.test>', 'RCPT TO:<u@box.test>', 'DATA')[0], 421, 'a client that stops in a message')
        h.wait_for(lambda: logged('SMTP data timeout'), what='the log line')
        server.stop()
    finally:
        server.kill()
        d.remove()


def test_disconnect_at_every_state():
    steps = ['EHLO c.test\r\n', 'MAIL FROM:<s@c.test>\r\n', 'RCPT TO:<u@box.test>\r\n', 'DATA\r\n', 'Subject: gone\r\n', '\r\nhalf\r\n', '.']
    n = settled()
    for k in range(len(steps) + 1):
        c = h.Smtp(PORT)
        for i, s in enumerate(steps[:k]):
            c.send(s)
            if i < 4:
                c.reply()
        c.abort()
    # and with a reset
    c = begin()
    c.expect('DATA', 354)
    c.send('Subject: gone\r\n\r\nhalf')
    c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')
    c.abort()
    still_serves()
    h.equal(len(box()), n + 1, 'half messages delivered')
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '0', what='an empty queue: half messages queued')


def test_synchronisation():
    # The server is held while the client connects and talks, so that the early line is surely there before the greeting.
    with SERVER.held():
        c = h.Smtp(PORT, greet=False)
        c.send('HELO early\r\n')  # EHLO is for clients that know PIPECONNECT
    h.equal(c.reply()[0], 554, 'input before the greeting')
    c = begin()
    c.send('DATA\r\nSubject: too soon\r\n')
    h.equal(c.reply()[0], 554, 'data before 354')
    c.abort()


def test_smuggling_makes_one_message():
    before = settled()
    evils = ['one\n.\nMAIL FROM:<evil@x>\r\nRCPT TO:<u@box.test>\r\nDATA\r\nSubject: two\r\n', 'one\r\n\r\n.\nMAIL FROM:<evil@x>\r\n', 'one\r\n\r\nx\r.\r\nMAIL FROM:<evil@x>\r\n',
             'A: b\r\n\r\none\n.\r\nMAIL FROM:<evil@x>\r\n', 'A: b\r\n\r\nx\r\n.\rMAIL FROM:<evil@x>\r\n', 'A: b\r\n\r\nx\r\n.\r\r\nMAIL FROM:<evil@x>\r\n']
    for i, e in enumerate(evils):
        c = begin()
        c.expect('DATA', 354)
        c.send(e + '\r\n.\r\n')
        h.equal(c.reply()[0], 250, repr(e))
        c.expect('NOOP', 250)
        c.close()
    h.wait_for(lambda: len(box()) == before + len(evils), what='one message each')


def test_starttls_injection():
    c = h.Smtp(PORT)
    c.ehlo()
    c.send('STARTTLS\r\nMAIL FROM:<inj@x>\r\n')
    got = c.reply()
    h.equal(got[0], 554, got[1])  # a second command behind STARTTLS is a synchronisation error
    c.abort()
    c = h.Smtp(PORT)
    c.ehlo()
    h.equal(c.cmd('STARTTLS x')[0], 501, 'parameter')
    c.expect('STARTTLS', 220)
    c.send('this is not a ClientHello\r\n')
    rest = c.f.read()  # an alert at most, then the end; never a reply in clear
    h.check(b'250' not in rest and b'500' not in rest, 'after a failed handshake: %r' % rest)
    still_serves()


def test_http():
    c = h.Smtp(PORT)
    c.send('POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b>\r\n')
    h.equal(c.reply()[0], 554, 'HTTP')
    h.equal(c.reply()[0], 0, 'closed')


def test_limits_of_patience():
    c = h.Smtp(PORT)
    c.ehlo()
    codes = [c.cmd('NOOP')[0] for _ in range(12)]
    h.check(554 in codes, 'NOOP for ever: %r' % codes)
    c = h.Smtp(PORT)
    codes = []
    while len(codes) < 20 and 0 not in codes:
        try:
            codes.append(c.cmd('BLURDYBLOOP')[0])
        except OSError:
            codes.append(0)
    h.check(codes[0] == 500 and 0 in codes, 'unknown commands for ever: %r' % codes)


def test_bdat_octets_are_no_commands():
    c = begin()
    c.send('BDAT 20 LAST\r\nMAIL FROM:<evil@x>\r\n')
    h.equal(c.reply()[0], 250, 'BDAT')
    c.expect('RCPT TO:<x@y.test>', 503)  # what was in the chunk was no MAIL command
    c.abort()


def teardown():
    SERVER.stop()
    D.remove()


h.main()
