#!/usr/bin/env python3
"""The MIME ACL, decoding, PRDR, ETRN, SMTPUTF8, named queues and the controls of this family, in a running server, with -bs and with
messages on standard input."""
# timeout: 240
import base64
import os
import random
import re
import select
import socket
import subprocess
import time

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
SINK, PLAIN = peers.Sink(), peers.Sink()
COMMANDS = []  # what they were told
SINK.replies['EHLO'] = '250-sink.test\r\n250-PIPELINING\r\n250-PRDR\r\n250-SMTPUTF8\r\n250 8BITMIME'
for sink in (SINK, PLAIN):
    for word in ('MAIL', 'RCPT'):
        sink.replies[word] = lambda line: COMMANDS.append(line) or '250 ok'
UDP = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
UDP.bind(('127.0.0.1', 0))
UDP.settimeout(60)

ACLS = r'''
acl_helo:
  warn  condition = ${if eq{$sender_helo_name}{debug.test}}
        control = debug/tag=.$sender_helo_name
  warn  condition = ${if eq{$sender_helo_name}{dscp.test}}
        control = dscp/af41
  warn  condition = ${if eq{$sender_helo_name}{kill.test}}
        control = debug/kill
  accept
acl_mail:
  warn  condition = ${if match{$sender_address}{queued}}
        queue = slow
  warn  condition = ${if match{$sender_address}{udp}}
        udpsend = 127.0.0.1:@UDP@:$sender_host_address said $sender_address
  accept
acl_start:
  warn  condition = ${if match{$sender_address}{queued}}
        queue = slow
  accept
acl_mime:
  warn  condition = ${if match{$h_X-Do:}{list}}
        decode = default
        set acl_m_log = $acl_m_log $mime_part_count:$mime_content_type:$mime_filename:$mime_content_size:$mime_anomaly_level
  warn  condition = ${if match{$h_X-Do:}{keep}}
        control = no_mbox_unspool
        decode = default
  deny  condition = ${if match{$h_X-Do:}{named}}
        !decode = named.bin
  deny  condition = ${if match{$h_X-Do:}{named}}
        message = $mime_decoded_filename $mime_content_size
  warn  condition = ${if match{$h_X-Do:}{climb}}
        decode = ${if eq{1}{1}{../../../climbed}}
  deny  mime_regex = FORBIDDEN(.)WORD
        message = forbidden $regex1
  accept
acl_prdr:
  deny  local_parts = nospam
        message = $local_part does not want it
  accept
acl_data:
  warn  condition = ${if def:acl_m_log}
        add_header = X-Parts: $acl_m_log
  accept
acl_etrn:
  accept
acl_rcpt_all:
  warn  condition = ${if match{$local_part}{^ü}}
        control = utf8_downconvert
  accept
'''
ROUTERS = '''
remote:
  driver = manualroute
  route_list = sink.test 127.0.0.1 ; plain.test 127.0.0.1
  transport = ${if eq{$domain}{plain.test}{plain}{smtp}}
  self = send
remote8:
  driver = manualroute
  domains = ! +local
  route_list = * 127.0.0.1
  transport = smtp
  self = send
'''


def conf():
    path = fill(D, PORT, boxes=('u@box.test', 'v@box.test', 'nospam@box.test'), extra='''
acl_smtp_helo = acl_helo
acl_smtp_mail = acl_mail
acl_smtp_mime = acl_mime
acl_not_smtp_mime = acl_mime
acl_not_smtp = acl_data
acl_not_smtp_start = acl_start
acl_smtp_data_prdr = acl_prdr
acl_smtp_etrn = acl_etrn
smtp_accept_max_nonmail = 1000000
prdr_enable
smtputf8_advertise_hosts = *
message_size_limit = 60M
domainlist local = box.test
log_selector = +smtp_confirmation
''', routers=ROUTERS, transports='''
smtp:
  driver = smtp
  port = %d
  allow_localhost
plain:
  driver = smtp
  port = %d
  allow_localhost
''' % (SINK.port, PLAIN.port))
    text = open(path).read().replace('acl_smtp_data = accept', 'acl_smtp_data = acl_data')
    text = text.replace('acl_smtp_rcpt = acl_rcpt', 'acl_smtp_rcpt = acl_rcpt_all')
    h.write(path, text.replace('begin routers', ACLS.replace('@UDP@', str(UDP.getsockname()[1])) + '\nbegin routers', 1))
    return path


CONF = conf()
SERVER = h.Remex(CONF, [PORT]).start()
MIXED = '''From: s@c.test
Subject: x
X-Do: %s
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="BB"

--BB
Content-Type: text/plain

%s
--BB
Content-Type: application/octet-stream; name="a.bin"
Content-Transfer-Encoding: base64

%s
--BB--
'''


def mixed(do, text='hello', data=b'data'):
    return MIXED % (do, text, base64.encodebytes(data).decode().strip())


def mainlog():
    return open(D('log', 'mainlog'), errors='replace').read()


def box(name='u'):
    return h.maildir(D('mail', 'box.test', name))


def wait_mail(what, name='u'):
    return h.wait_for(lambda: [m for m in box(name) if what in m], what='mail with ' + what)[0]


def scan_left():
    try:
        return os.listdir(D('spool', 'scan'))
    except FileNotFoundError:
        return []


def test_parts_in_a_session():
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], mixed('list one', data=b'x' * 3000))
    h.equal(code, 250, text)
    m = wait_mail('X-Do: list one')
    h.check(re.search(r'X-Parts: +0:multipart/mixed::5:0 1:text/plain::1:0 2:application/octet-stream:a.bin:3:0', m), m)
    h.equal(scan_left(), [], 'decoded files are gone')


def test_parts_of_a_large_message():
    data = random.Random(1).randbytes(9 * 1024 * 1024)
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], mixed('list large', data=data))
    h.equal(code, 250, text)
    m = wait_mail('X-Do: list large')
    h.check('2:application/octet-stream:a.bin:9216:0' in m, m[:2000])


def test_the_loop_goes_on_while_a_part_is_decoded():
    body = mixed('list busy', data=random.Random(2).randbytes(25 * 1024 * 1024))
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<s@c.test>', 250)
    c.expect('RCPT TO:<u@box.test>', 250)
    c.expect('DATA', 354)
    c.send(h.dot_stuff(body) + '.\r\n')
    other = h.Smtp(PORT)
    slowest = 0
    c.s.settimeout(0.01)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        start = time.monotonic()
        other.expect('NOOP', 250)
        slowest = max(slowest, time.monotonic() - start)
        try:
            if c.s.recv(1, socket.MSG_PEEK):
                break
        except (TimeoutError, socket.timeout):
            continue
    c.s.settimeout(60)
    h.equal(c.reply()[0], 250)
    h.check(slowest < 20, 'another session waited %.1f s' % slowest)
    other.close()
    c.close()


def test_mime_regex_refuses():
    h.equal(h.send(PORT, 's@c.test', ['u@box.test'], mixed('x', data=b'a FORBIDDEN-WORD b')), (550, '5.7.1 forbidden -'))
    h.check('rejected during MIME ACL checks: forbidden -' in mainlog(), mainlog()[-500:])
    h.equal(scan_left(), [])


def test_named_file_stays_in_the_scan_directory():
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], mixed('named'))
    h.check(code == 550 and re.search(re.escape(D('spool', 'scan')) + r'/[^/]+/named.bin 1$', text), text)
    h.equal(scan_left(), [])


def test_no_file_outside():
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], mixed('climb'))
    h.equal(code, 250, text)  # a warn statement: skipped
    h.check('bad file name "../../../climbed"' in mainlog(), mainlog()[-800:])
    h.check(not os.path.exists(D('climbed')) and not os.path.exists(D('spool', 'climbed')), 'file outside')


def test_no_mbox_unspool_keeps_copies():
    h.equal(h.send(PORT, 's@c.test', ['u@box.test'], mixed('keep'))[0], 250)
    ids = scan_left()
    h.equal(len(ids), 1)
    files = sorted(os.listdir(D('spool', 'scan', ids[0])))
    h.equal(files, [ids[0] + x for x in ('-00000', '-00001', '-00002', '.eml')])
    h.equal(open(D('spool', 'scan', ids[0], files[2]), 'rb').read(), b'data')
    subprocess.run(['rm', '-r', D('spool', 'scan', ids[0])], check=True)


def test_hostile_structures():
    nested = 'From: s@c.test\n' + ''.join('Content-Type: multipart/mixed; boundary=B%d\n\n--B%d\n' % (i, i) for i in range(2000)) + '\nx\n'
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], nested)
    h.check(code == 554 and 'nested too deeply' in text, (code, text))
    wrapped = 'From: s@c.test\n' + 'Content-Type: message/rfc822\n\n' * 3000 + 'x\n'
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], wrapped)
    h.check(code == 554 and 'nested too deeply' in text, (code, text))
    many = 'From: s@c.test\nContent-Type: multipart/mixed; boundary=B\n\n' + '--B\n\n' * 50000
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], many)
    h.check(code == 554 and 'too many MIME parts' in text, (code, text))
    equals = 'From: s@c.test\nX-Do: list equals\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n' + ('=' * 900 + '\n') * 9000
    h.equal(h.send(PORT, 's@c.test', ['u@box.test'], equals)[0], 250)
    h.check(':1' in re.search('X-Parts: (.*)', wait_mail('X-Do: list equals')).group(1), 'anomaly')
    # each container decoded: more than the limit of decoded octets
    deep = 'From: s@c.test\nX-Do: list bomb\n' + ''.join('Content-Type: multipart/mixed; boundary=B%d\n\n--B%d\n' % (i, i) for i in range(40)) + '\n' + 'x' * 70 + '\n'
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], deep + ('y' * 70 + '\n') * 20000)
    h.equal(code, 451, text)
    h.check('needs too much space' in mainlog(), mainlog()[-800:])
    h.equal(scan_left(), [])


def test_encoded_attached_message():
    inner = 'Subject: inner\nContent-Type: text/plain\n\nFORBIDDEN_WORD\n'
    text = 'From: s@c.test\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n' + base64.encodebytes(inner.encode()).decode()
    h.equal(h.send(PORT, 's@c.test', ['u@box.test'], text.replace('FORBIDDEN', 'FORBIDDEN')), (550, '5.7.1 forbidden _'))
    h.equal(scan_left(), [])


def test_standard_input_and_bs():
    r = SERVER.run('-f', 's@c.test', 'u@box.test', input=mixed('list stdin'))
    h.equal(r.returncode, 0, r.stderr)
    h.check('X-Parts:  0:multipart/mixed' in wait_mail('X-Do: list stdin'), 'parts')
    r = SERVER.run('-oep', '-f', 's@c.test', 'u@box.test', input=mixed('x', text='FORBIDDEN.WORD'))
    h.check(r.returncode != 0 and 'forbidden .' in r.stderr, (r.returncode, r.stderr))
    h.check('rejected by non-SMTP MIME ACL: forbidden .' in mainlog(), mainlog()[-600:])
    session = 'EHLO a\r\nMAIL FROM:<s@c.test>\r\nRCPT TO:<u@box.test>\r\nDATA\r\n%s.\r\nQUIT\r\n' % h.dot_stuff(mixed('list bs'))
    r = SERVER.run('-bs', input=session)
    h.check('250 2.0.0 OK id=' in r.stdout or '250 OK id=' in r.stdout, r.stdout + r.stderr)
    h.check('X-Parts:  0:multipart/mixed' in wait_mail('X-Do: list bs'), 'parts')


def test_no_time_limit_with_bs():
    p = subprocess.Popen(SERVER.command('-os', '0s', '-bs'), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    h.check(p.stdout.readline().startswith('220 '), 'greeting')
    h.check(not select.select([p.stdout], [], [], 0.3)[0], 'it waits')
    out = p.communicate('QUIT\r\n', timeout=60)[0]
    h.check(out.startswith('221 '), out)


def test_prdr_as_server_and_client():
    c = h.Smtp(PORT)
    h.check('PRDR' in c.ehlo().split('\n'), 'offered')
    c.expect('MAIL FROM:<s@c.test> PRDR', 250, 'PRDR Requested')
    for who in ('u', 'nospam', 'v'):
        c.expect('RCPT TO:<%s@box.test>' % who, 250)
    c.expect('DATA', 354)
    c.send('Subject: prdr one\r\n\r\nx\r\n.\r\n')
    got = [c.reply() for _ in range(5)]
    h.equal([g[0] for g in got], [353, 250, 550, 250, 250], got)
    h.check('nospam does not want it' in got[2][1] and 'accepted for some recipients' in got[4][1], got)
    c.close()
    wait_mail('prdr one', 'u')
    wait_mail('prdr one', 'v')
    h.equal([m for m in box('nospam') if 'prdr one' in m], [])
    h.check(re.search(r'<= s@c.test .* PRDR S=', mainlog()), mainlog()[-800:])
    # as a client: one recipient is refused after the data, the other has its mail
    SINK.replies['.'] = '353 each\r\n250 fine\r\n550 not for me\r\n250 taken for some'
    h.equal(h.send(PORT, 's@c.test', ['good@sink.test', 'bad@sink.test'], 'Subject: out\n\nx\n')[0], 250)
    h.wait_for(lambda: re.search(r'=> good@sink.test .* PRDR', mainlog()) and re.search(r'\*\* bad@sink.test .*550 not for me', mainlog()),
               what=lambda: 'both outcomes: ' + mainlog()[-1500:])
    del SINK.replies['.']
    h.check(any(line.startswith('MAIL FROM:<s@c.test>') and ' PRDR' in line for line in COMMANDS), COMMANDS)


def test_etrn_delivers_what_waits():
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('ETRN box.test', 501)
    r = SERVER.run('-odq', '-f', 's@c.test', 'u@box.test', input='Subject: waiting one\n\nx\n')
    h.equal(r.returncode, 0, r.stderr)
    c.expect('ETRN #nobody', 250)
    h.equal([m for m in box() if 'waiting one' in m], [])
    c.expect('ETRN #U@BOX', 250)
    wait_mail('waiting one')
    h.check('ETRN #U@BOX received from' in mainlog() and '-R U@BOX' in mainlog(), mainlog()[-600:])
    c.close()


def test_named_queue():
    r = SERVER.run('-odq', '-f', 'queued@c.test', 'u@box.test', input='Subject: slow one\n\nx\n')
    h.equal(r.returncode, 0, r.stderr)
    h.check(re.search(r'<= queued@c.test .* Q=slow', mainlog()), mainlog()[-400:])
    h.check('slow' not in SERVER.run('-bp').stdout and 'queued@c.test' not in SERVER.run('-bp').stdout, 'default queue')
    SERVER.run('-q', check_rc=0)
    h.equal([m for m in box() if 'slow one' in m], [])
    SERVER.run('-qGslow', check_rc=0)
    wait_mail('slow one')


def test_udpsend():
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<udp@c.test>', 250)
    h.equal(UDP.recv(1000), b'127.0.0.1 said udp@c.test')
    c.close()


def test_debug_file():
    c = h.Smtp(PORT)
    c.ehlo('debug.test')
    c.expect('MAIL FROM:<s@c.test>', 250)
    path = D('log', 'debuglog.debug.test')
    text = open(path).read()
    h.check('using ACL "acl_mail"' in text, text)
    c.ehlo('kill.test')
    h.check(not os.path.exists(path), 'removed')
    c.close()


def test_dscp():
    c = h.Smtp(PORT)
    c.ehlo('dscp.test')
    inode = None
    me = c.s.getsockname()[1]
    for line in open('/proc/net/tcp').read().split('\n')[1:]:
        f = line.split()
        if f and int(f[1].split(':')[1], 16) == PORT and int(f[2].split(':')[1], 16) == me:
            inode = f[9]
    h.check(inode, 'server socket')
    c.expect('NOOP', 250)
    c.close()
    h.check('control = dscp' not in mainlog(), mainlog()[-300:])


def test_smtputf8():
    h.equal(h.send(PORT, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250)
    c = h.Smtp(PORT)
    h.check('SMTPUTF8' in c.ehlo().split('\n'), 'offered')
    utf8 = lambda text: text.encode().decode('latin-1')
    c.expect(utf8('MAIL FROM:<ä@c.test>'), 501)
    c.expect(utf8('MAIL FROM:<ä@c.test> SMTPUTF8'), 250)
    c.expect(utf8('RCPT TO:<ö@sink.test>'), 250)
    c.expect('DATA', 354)
    c.send(utf8('Subject: ünicode\r\n\r\nx\r\n.\r\n'))
    h.equal(c.reply()[0], 250)
    m = h.wait_for(lambda: [m for m in SINK.messages if 'ünicode'.encode() in m[2]], what='delivery with SMTPUTF8')
    h.check(b'with utf8esmtp' in m[-1][2] and 'P=utf8esmtp' in mainlog(), m[-1])
    h.check(any('SMTPUTF8' in line and utf8('ä@c.test') in line for line in COMMANDS), COMMANDS[-5:])
    # a host that does not know it gets A-labels
    c.expect(utf8('MAIL FROM:<s@bä.test> SMTPUTF8'), 250)
    c.expect(utf8('RCPT TO:<üx@plain.test>'), 250)
    c.expect('DATA', 354)
    c.send('Subject: plain\r\n\r\nx\r\n.\r\n')
    h.equal(c.reply()[0], 250)
    h.wait_for(lambda: 'MAIL FROM:<s@xn--b-0fa.test>' in COMMANDS, what=lambda: 'A-labels: %r' % COMMANDS)
    h.wait_for(lambda: any(re.match('RCPT TO:<xn--x-[a-z0-9]+@plain.test>', line) for line in COMMANDS), what=lambda: 'local part: %r' % COMMANDS)
    # without the control only the domain is converted; a local part or header that needs more is not sent
    c.expect(utf8('MAIL FROM:<again@bä.test> SMTPUTF8'), 250)
    c.expect('RCPT TO:<u@plain.test>', 250)
    c.expect('DATA', 354)
    c.send('Subject: plain\r\n\r\nx\r\n.\r\n')
    h.equal(c.reply()[0], 250)
    h.wait_for(lambda: 'MAIL FROM:<again@xn--b-0fa.test>' in COMMANDS, what=lambda: 'the domain: %r' % COMMANDS)
    for recipient, subject in (('ö@plain.test', 'x'), ('u@plain.test', 'ü')):
        before = mainlog().count('5.6.7 the remote server does not support SMTPUTF8')
        c.expect('MAIL FROM:<> SMTPUTF8', 250)
        c.expect(utf8('RCPT TO:<%s>' % recipient), 250)
        c.expect('DATA', 354)
        c.send(utf8('Subject: %s\r\n\r\nx\r\n.\r\n' % subject))
        h.equal(c.reply()[0], 250)
        h.wait_for(lambda: mainlog().count('5.6.7 the remote server does not support SMTPUTF8') > before, what='refusal of ' + recipient)
    c.close()


def teardown():
    SERVER.stop()
    SINK.stop()
    PLAIN.stop()
    D.remove()


h.main()
