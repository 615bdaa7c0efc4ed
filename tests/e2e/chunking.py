#!/usr/bin/env python3
"""CHUNKING (RFC 3030), the DSN parameters (RFC 3461), and the SMTP options that slow a client down or look at its HELO."""
import atexit
import re
import time

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
PEER = peers.Sink()
PLAIN = peers.Sink()  # knows no DSN
DNS = h.Dns({'bad.test': [{'A': '192.0.2.1'}]})
atexit.register(DNS.stop)
EXTRA = '''message_size_limit = 100K
dsn_advertise_hosts = *
dns_resolvers = <; [127.0.0.1]:%d
helo_verify_hosts = 127.0.0.2
helo_try_verify_hosts = *
smtp_ratelimit_hosts = 127.0.0.3
smtp_ratelimit_rcpt = 2,0.2s,1.5,1s
smtp_receive_timeout = 8s
acl_smtp_predata = acl_predata
''' % DNS.port
ROUTERS = '''
out:
  driver = manualroute
  domains = out.test : plain.test
  route_list = * 127.0.0.1
  self = send
  transport = remote
'''
TRANSPORTS = '''
remote:
  driver = smtp
  port = ${if eq{$domain}{plain.test}{%d}{%d}}
''' % (PLAIN.port, PEER.port)
path = fill(D, PORT, extra=EXTRA, routers=ROUTERS, transports=TRANSPORTS, boxes=('u@box.test', 'w@box.test'))
text = open(path).read().replace('begin acl\nacl_rcpt:\n', 'begin acl\nacl_predata:\n  deny senders = nodata@c.test\n  accept\nacl_rcpt:\n  accept domains = out.test : plain.test\n')
h.write(path, text)
SERVER = h.Remex(path, [PORT]).start()


def client(*rcpts, sender='s@c.test', source=None, parameters=''):
    c = h.Smtp(PORT, source=source)
    c.ehlo()
    c.expect('MAIL FROM:<%s>%s' % (sender, parameters), 250)
    for r in rcpts or ['u@box.test']:
        c.expect('RCPT TO:<%s>' % r, 250)
    return c


def bdat(c, data, last=False):
    data = data if isinstance(data, bytes) else data.encode()
    c.send(b'BDAT %d%s\r\n' % (len(data), b' LAST' if last else b'') + data)
    return c.reply()


def boxes():
    return h.maildir(D('mail', 'box.test', 'u'))


def delivered(subject):
    return h.wait_for(lambda: [m for m in boxes() if 'Subject: %s\n' % subject in m], what=subject)[0]


def test_one_chunk():
    c = h.Smtp(PORT)
    h.check('CHUNKING' in c.ehlo() and 'DSN' in c.ehlo(), 'advertised')
    c.close()
    c = client()
    code, reply = bdat(c, 'Subject: one\r\n\r\n.\r\nline\r\n..two\r\n.\r\n', True)
    h.check(code == 250 and 'OK id=' in reply, reply)
    c.close()
    h.check(delivered('one').endswith('\n\n.\nline\n..two\n.\n'), 'dots are data')
    h.check(re.search(r'<= s@c\.test .* P=esmtp K S=', open(D('log', 'mainlog')).read()), 'log field K')


def test_chunks_and_pipelining():
    c = client()
    c.send('BDAT 10\r\nSubject: tBDAT 12\r\nwo\r\n\r\nbody\r\nBDAT 3\r\nxyzBDAT 0 LAST\r\nNOOP\r\n')
    for i, want in enumerate([250, 250, 250, 250, 250]):
        code, reply = c.reply()
        h.equal(code, want, (i, reply))
    c.close()
    h.check(delivered('two').endswith('body\nxyz\n'), 'joined')


def test_line_end_across_chunks():
    c = client()
    for piece in ('Subject: split\r', '\n\r', '\nbody\r', '\n'):
        h.equal(bdat(c, piece)[0], 250)
    h.equal(bdat(c, '', True)[0], 250)
    c.close()
    h.check(delivered('split').endswith('\n\nbody\n'), 'CRLF over the edge of a chunk')


def test_refused_without_recipient():
    c = h.Smtp(PORT)
    c.ehlo()
    h.equal(bdat(c, 'QUIT\r\nQUIT\r\n', True)[0], 503)
    c.expect('NOOP', 250)
    c.expect('MAIL FROM:<s@c.test>', 250)
    c.expect('RCPT TO:<x@elsewhere.test>', 550)
    h.equal(bdat(c, 'QUIT\r\nQUIT\r\n', True)[0], 503)
    c.expect('NOOP', 250)
    c.close()


def test_not_advertised():
    c = h.Smtp(PORT)
    c.expect('HELO c.test', 250)
    c.expect('MAIL FROM:<s@c.test>', 250)
    c.expect('RCPT TO:<u@box.test>', 250)
    h.check('not advertised' in bdat(c, 'QUIT\r\n', True)[1], 'text')
    c.expect('NOOP', 250)
    c.close()


def test_mixed_with_data():
    c = client()
    h.equal(bdat(c, 'Subject: mixed\r\n')[0], 250)
    c.expect('DATA', 503)
    c.expect('RSET', 250)
    h.equal(c.message('s@c.test', ['u@box.test'], 'Subject: after rset\n\nok\n')[0], 250)
    c.close()
    h.check(delivered('after rset').endswith('\n\nok\n'), 'DATA is whole')
    h.check(not [m for m in boxes() if 'mixed' in m], 'nothing of the aborted one')


def test_no_recipient_between_chunks():
    c = client()
    h.equal(bdat(c, 'Subject: late\r\n')[0], 250)
    c.expect('RCPT TO:<w@box.test>', 503)
    h.equal(bdat(c, '\r\nlate\r\n', True)[0], 250)
    c.close()
    h.check(delivered('late').endswith('\n\nlate\n'), 'the message is whole')
    h.check(not [m for m in h.maildir(D('mail', 'box.test', 'w')) if 'late' in m], 'who was named too late gets nothing')


def test_refused_by_predata():
    c = client(sender='nodata@c.test')
    h.equal(bdat(c, 'RSET\r\n')[0], 550)
    h.equal(bdat(c, 'RSET\r\n', True)[0], 503)
    c.expect('RSET', 250)
    c.close()


def test_too_big():
    c = client()
    big = 'Subject: big\r\n\r\n' + 'x' * 70000 + '\r\n'
    h.equal(bdat(c, big)[0], 250)
    h.equal(bdat(c, 'y' * 70000)[0], 552)
    h.equal(bdat(c, 'QUIT\r\n', True)[0], 503)
    c.expect('RSET', 250)
    h.equal(c.message('s@c.test', ['u@box.test'], 'Subject: after big\n\nok\n')[0], 250)
    c.close()


def test_bad_syntax():
    for line in ('BDAT', 'BDAT LAST', 'BDAT x', 'BDAT 5 FIRST', 'BDAT 99999999999999999999'):
        c = client()
        c.send(line + '\r\n')
        h.equal(c.reply()[0], 501)
        h.equal(c.reply()[0], 0, 'closed')
        c.abort()


def test_half_a_chunk():
    c = client()
    c.send('BDAT 100\r\nSubject: half\r\n\r\n')
    h.equal(c.reply()[0], 421)
    c.abort()
    c = client()
    c.send('BDAT 100\r\nSubject: half\r\n\r\n')
    c.abort()
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '0', what='an empty queue')
    h.check(not [m for m in boxes() if 'half' in m], 'nothing delivered')


def test_dsn_syntax():
    c = h.Smtp(PORT)
    c.ehlo()
    for bad in ('RET=ALL', 'ENVID=a+0', 'ENVID=a+0Ab', 'ENVID=', 'ENVID=' + 'x' * 101):
        c.expect('MAIL FROM:<s@c.test> ' + bad, 501)
        c = h.Smtp(PORT)  # more than three mistakes end a connection
        c.ehlo()
    c.expect('MAIL FROM:<s@c.test> RET=HDRS ENVID=QQ314159', 250)
    for bad in ('NOTIFY=', 'NOTIFY=NEVER,SUCCESS', 'NOTIFY=SUCCESS,SUCCESS', 'NOTIFY=SOON', 'ORCPT=x', 'ORCPT=rfc822;a+ZZ', 'ORCPT=;x'):
        c.expect('RCPT TO:<u@box.test> ' + bad, 501)
        c.expect('NOOP', 250)
    c.expect('RCPT TO:<u@box.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;u+40old.test', 250)
    c.expect('RCPT TO:<u@box.test> SIZE=3', 555)
    c.close()


def test_dsn_goes_along():
    lines = []
    PEER.replies['EHLO'] = '250-sink.test\r\n250-DSN\r\n250 8BITMIME'
    for word in ('MAIL', 'RCPT'):
        PEER.replies[word] = lambda line: lines.append(line)
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<s@c.test> RET=HDRS ENVID=Q+2B1', 250)
    c.expect('RCPT TO:<a@out.test> NOTIFY=FAILURE,SUCCESS ORCPT=rfc822;a+2Bb@old.test', 250)
    c.expect('RCPT TO:<b@out.test>', 250)
    h.equal(bdat(c, 'Subject: dsn\r\n\r\nx\r\n', True)[0], 250)
    c.close()
    h.wait_for(lambda: PEER.messages, what='the message')
    h.check(lines[0].startswith('MAIL FROM:<s@c.test>') and lines[0].endswith(' RET=HDRS ENVID=Q+2B1'), lines)
    h.check('RCPT TO:<a@out.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@old.test' in lines and 'RCPT TO:<b@out.test>' in lines, lines)


def test_success_is_reported():
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<w@box.test> ENVID=E77', 250)
    c.expect('RCPT TO:<u@box.test> NOTIFY=SUCCESS ORCPT=rfc822;old@box.test', 250)
    c.expect('RCPT TO:<r@plain.test> NOTIFY=SUCCESS', 250)
    c.expect('RCPT TO:<quiet@plain.test>', 250)
    h.equal(bdat(c, 'Subject: tell me\r\n\r\nsecret body\r\n', True)[0], 250)
    c.close()
    reports = h.wait_for(lambda: len(h.maildir(D('mail', 'box.test', 'w'))) >= 2 and h.maildir(D('mail', 'box.test', 'w')), what='two reports')
    here = [m for m in reports if 'Action: delivered' in m]
    there = [m for m in reports if 'Action: relayed' in m]
    h.equal((len(reports), len(here), len(there)), (2, 1, 1))
    h.check('Original-Envelope-ID: E77' in here[0] and 'Original-Recipient: rfc822;old@box.test' in here[0]
            and 'Final-Recipient: rfc822;u@box.test' in here[0] and 'secret body' not in here[0], here[0])
    h.check('Final-Recipient: rfc822;r@plain.test' in there[0] and 'quiet' not in there[0], there[0])


def test_bad_rate_limit_is_a_load_error():
    bad = h.write(D('bad.conf'), open(SERVER.conf).read().replace('2,0.2s,1.5,1s', '2,0.2s'))
    r = h.Remex(bad, []).run('-bV')
    h.check(r.returncode != 0 and 'is not threshold,delay,factor,maximum' in r.stderr, r.stderr)


def test_helo_verification():
    c = h.Smtp(PORT, source='127.0.0.2')
    h.check('verification failed' in c.expect('EHLO bad.test', 550), 'text')
    c.expect('EHLO [127.0.0.2]', 250)
    c.close()
    c = h.Smtp(PORT)
    c.expect('EHLO bad.test', 250)
    c.close()


def test_rate_limit():
    c = h.Smtp(PORT, source='127.0.0.3')
    c.ehlo()
    c.expect('MAIL FROM:<s@c.test>', 250)
    start = time.monotonic()
    for _ in range(2):
        c.expect('RCPT TO:<u@box.test>', 250)
    quick = time.monotonic() - start
    start = time.monotonic()
    for _ in range(3):
        c.expect('RCPT TO:<u@box.test>', 250)
    slow = time.monotonic() - start
    c.close()
    h.check(slow >= 0.2 + 0.3 + 0.45 - 0.05, 'slow %.2f quick %.2f' % (slow, quick))


def teardown():
    SERVER.stop()
    PEER.stop()
    PLAIN.stop()
    D.remove()


h.main()
