#!/usr/bin/env python3
"""The ACL conditions spam and malware against rspamd, SpamAssassin, clamd and daemons that misbehave."""
# timeout: 240
import os
import re
import socket

import harness as h
import scanners
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
DEAD = h.free_port()
RSPAMD = scanners.Rspamd(D('rspamd'))
SPAMD = scanners.Spamd(D('spamd'))
CLAMD = scanners.Clamd(D('clamd'))
FAKE_SPAMD = scanners.Scripted()
FAKE_CLAMD = scanners.Scripted()
SOCK = scanners.Scripted()
SILENT = scanners.Scripted(reply=None)
# A listener whose queue is full: whoever connects hears nothing.
FULL = socket.create_server(('127.0.0.1', 0), backlog=0)
FILLERS = []
for _ in range(4):
    FILLERS.append(socket.socket())
    FILLERS[-1].setblocking(False)
    FILLERS[-1].connect_ex(FULL.getsockname())

ACLS = r'''
acl_data:
  accept condition = ${if eq{$h_X-Do:}{}}
  deny  condition = ${if eq{$h_X-Do:}{rspamd}}
        set acl_m_servers = 127.0.0.1 @RSPAMD@ variant=rspamd
        spam = nobody
        message = spam $spam_score $spam_score_int $spam_bar <$spam_action> ca=$callout_address <${sg{$spam_report}{\n}{;}}>
  accept condition = ${if eq{$h_X-Do:}{rspamd}}
        add_header = X-Score: $spam_score $spam_score_int <$spam_action>
  warn  condition = ${if match{$h_X-Do:}{^spamd}}
        set acl_m_servers = 127.0.0.1 @DEAD@ pri=5 : 127.0.0.1 @SPAMD@
  deny  condition = ${if eq{$h_X-Do:}{spamd}}
        spam = joe
        message = spam $spam_score $spam_score_int $spam_bar <$spam_action> <${sg{$spam_report}{\n}{;}}>
  deny  condition = ${if eq{$h_X-Do:}{spamd-real}}
        set acl_m_servers = 127.0.0.1 @REALSPAMD@
        spam = joe
        message = spam $spam_score $spam_bar <$spam_action> <${sg{$spam_report}{\n}{;}}>
  deny  condition = ${if eq{$h_X-Do:}{spamd-ok}}
        spam = joe/defer_ok
  deny  condition = ${if eq{$h_X-Do:}{spamd-true}}
        spam = joe:true
        message = seen $spam_score
  deny  condition = ${if eq{$h_X-Do:}{spamd-silent}}
        set acl_m_servers = 127.0.0.1 @SILENT@ tmo=1s
        spam = joe
  warn  condition = ${if eq{$h_X-Do:}{clamd}}
        set acl_m_av = clamd:127.0.0.1 @DEAD@:127.0.0.1 @CLAMD@
  warn  condition = ${if eq{$h_X-Do:}{clamd-unix}}
        set acl_m_av = clamd:@CLAMDSOCK@
  warn  condition = ${if eq{$h_X-Do:}{clamd-local}}
        set acl_m_av = clamd:@CLAMDSOCK@:local
  warn  condition = ${if match{$h_X-Do:}{^fake}}
        set acl_m_av = clamd:127.0.0.1 @FAKECLAMD@
  warn  condition = ${if eq{$h_X-Do:}{silent}}
        set acl_m_av = clamd:127.0.0.1 @SILENT@
  warn  condition = ${if eq{$h_X-Do:}{full}}
        set acl_m_av = clamd:127.0.0.1 @FULL@:127.0.0.1 @CLAMD@
  warn  condition = ${if eq{$h_X-Do:}{cmdline}}
        set acl_m_av = cmdline:/bin/grep -r VIRUS %s:TEST-VIRUS:(TEST-[A-Z]+)
  warn  condition = ${if eq{$h_X-Do:}{sock}}
        set acl_m_av = sock:127.0.0.1 @SOCK@:SCAN %s:BAD:name=(.*)\$
  deny  condition = ${if eq{$h_X-Do:}{fake-ok}}
        malware = */defer_ok
        message = virus $malware_name
  accept condition = ${if eq{$h_X-Do:}{fake-ok}}
        add_header = X-Failed: $av_failed
  deny  condition = ${if eq{$h_X-Do:}{fake-pattern}}
        malware = ^Other
  deny  condition = ${if eq{$h_X-Do:}{silent}}
        malware = */tmo=2s
  deny  condition = ${if eq{$h_X-Do:}{full}}
        malware = */tmo=8s
  deny  condition = ${if !match{$h_X-Do:}{^spamd|^silent|^full}}
        malware = */tmo=20s
        message = virus $malware_name ca=$callout_address
  accept
'''


def conf():
    acls = ACLS
    for k, v in dict(RSPAMD=RSPAMD.port, DEAD=DEAD, SPAMD=FAKE_SPAMD.port, SILENT=SILENT.port, REALSPAMD=SPAMD.port, CLAMD=CLAMD.port, CLAMDSOCK=CLAMD.socket,
                     FAKECLAMD=FAKE_CLAMD.port, FULL=FULL.getsockname()[1], SOCK=SOCK.port).items():
        acls = acls.replace('@%s@' % k, str(v))
    path = fill(D, PORT, extra='av_scanner = $acl_m_av\nspamd_address = $acl_m_servers')
    text = open(path).read().replace('acl_smtp_data = accept', 'acl_smtp_data = acl_data').replace('begin routers', acls + '\nbegin routers', 1)
    h.write(path, text)
    # clamd of another user reads the file named to it
    for p in (D.path, D('spool')):
        os.makedirs(p, exist_ok=True)
        os.chmod(p, 0o777)
    return path


SERVER = h.Remex(conf(), [PORT]).start()


def send(do, body='hello\n'):
    code, text = h.send(PORT, 's@c.test', ['u@box.test'], 'From: s@c.test\nTo: u@box.test\nDate: Sat, 21 Nov 2026 06:00:00 +0000\n'
                  'Message-ID: <1@c.test>\nSubject: x\nX-Do: %s\n\n%s' % (do, body), timeout=60)
    return code, re.sub(r'(?m)^[245]\.\d+\.\d+ ', '', text)


def mainlog():
    return open(D('log', 'mainlog')).read()


def last():
    return h.maildir(D('mail', 'box.test', 'u'))


def test_rspamd_rejects_spam():
    code, text = send('rspamd', 'buy %s now\n' % scanners.GTUBE_LIKE)
    h.equal(code, 550, text)
    h.check(re.search(r'spam 17\.5 175 \+{17} <reject> ca=\[127\.0\.0\.1\]:%d' % RSPAMD.port, text), text)
    h.check('Symbol: TEST_WORD' in text, text)


def test_rspamd_passes_ham_with_score():
    before = len(last())
    code, text = send('rspamd')
    h.equal(code, 250, text)
    h.wait_for(lambda: len(last()) > before, what='delivery')
    h.check(any(re.search(r'X-Score: 0\.0 0 <no action>', m) for m in last()), last()[-1])


def test_rspamd_sees_a_body_kept_in_a_file():
    code, text = send('rspamd', ('filler ' * 10 + '\n') * 12000 + 'buy %s now\n' % scanners.GTUBE_LIKE)
    h.equal(code, 550, text[:300])


def test_spamassassin():
    code, text = send('spamd-real', 'buy %s now\n' % scanners.GTUBE_LIKE)
    h.check(code == 550 and text.startswith('spam 7.5 +++++++ <reject> <Score 7.5 of 5.0;'), (code, text))
    h.equal(send('spamd-real')[0], 250)


def test_spamd_dialogue():
    FAKE_SPAMD.reply = b'SPAMD/1.1 0 EX_OK\r\nContent-length: 20\r\nSpam: True ; 15.57 / 5.0\r\n\r\nfirst\r\nsecond\r\n'
    code, text = send('spamd', 'a body\n.dot\n')
    h.equal((code, text), (550, 'spam 15.6 155 +++++++++++++++ <reject> <first;second>'))
    request = FAKE_SPAMD.requests[-1].decode()
    h.check(request.startswith('REPORT SPAMC/1.2\r\nUser: joe\r\nContent-length: '), request)
    head, _, rest = request.partition('\r\n\r\n')
    h.equal(int(head.rsplit(' ', 1)[1]), len(rest), 'length')
    h.check(rest.startswith('From MAILER-DAEMON ') and 'X-Envelope-From: <s@c.test>\nX-Envelope-To: u@box.test\nReceived: ' in rest
            and rest.endswith('\n\na body\n.dot\n') and '\r' not in rest, rest)
    h.check('spam acl condition: warning - spamd connection to 127.0.0.1 %d failed: Connection refused' % DEAD in mainlog(), mainlog())


def test_spamd_user_true_is_always_true():
    FAKE_SPAMD.reply = b'SPAMD/1.1 0 EX_OK\r\nSpam: False ; -1.2 / 5.0\r\n\r\n'
    h.equal(send('spamd-true'), (550, 'seen -1.2'))
    h.equal(send('spamd')[0], 250)


def test_spamd_nonsense_defers():
    for reply in (b'', b'hello\r\n', b'SPAMD/1.1 76 EX_PROTOCOL\r\n\r\n', b'SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / 5\r\n\r\n'):
        FAKE_SPAMD.reply = reply
        h.equal(send('spamd'), (451, 'Temporary local problem - please try later'), reply)
        h.equal(send('spamd-ok')[0], 250, reply)


def test_spamd_silence_times_out():
    h.equal(send('spamd-silent')[0], 451)
    h.check(re.search(r'spam acl condition: spamd 127\.0\.0\.1 %d: no answer' % SILENT.port, mainlog()), mainlog()[-800:])


def test_clamd_finds_and_passes():
    for way in ('clamd', 'clamd-unix', 'clamd-local'):
        code, text = send(way, 'x %s y\n' % scanners.VIRUS)
        h.check(code == 550 and text.startswith('virus Test.Virus.UNOFFICIAL ca='), (way, code, text))
        h.equal(send(way)[0], 250, way)
    h.check(not os.path.isdir(D('spool', 'scan')) or os.listdir(D('spool', 'scan')) == [], 'scan copies are removed')


def test_clamd_size_limit_defers():
    code, text = send('clamd-unix', ('filler ' * 10 + '\n') * 30000)
    h.equal(code, 451, text)
    h.check('INSTREAM size limit exceeded' in mainlog(), mainlog()[-800:])


def test_clamd_trouble():
    before = len(last())
    for reply in (b'', b'stream: something ERROR\0', b'junk\0'):
        FAKE_CLAMD.reply = reply
        h.equal(send('fake')[0], 451, reply)
        h.equal(send('fake-ok')[0], 250, reply)
    h.wait_for(lambda: len(last()) == before + 3, what='deliveries')
    h.equal(sum('X-Failed: 1' in m for m in last()), 3)
    FAKE_CLAMD.reply = b'stream: Some.Virus(abc:12) FOUND\0'
    h.check(send('fake')[1].startswith('virus Some.Virus ca='), 'name')
    h.check(send('fake-pattern')[1].startswith('virus Some.Virus ca='), 'the pattern did not match, the second condition did')


def test_clamd_silence_times_out():
    h.equal(send('silent')[0], 451)
    h.check('(time-out)' in mainlog(), mainlog()[-800:])


def test_a_clamd_that_hangs_leaves_time_for_the_next():
    tried = 'clamd: connection to 127.0.0.1 %d failed' % FULL.getsockname()[1]
    for _ in range(20):  # which of the two is asked first is chance
        h.equal(send('full')[0], 250)
        if tried in mainlog():
            return
    h.check(False, 'the hanging server was asked: ' + mainlog()[-800:])


def test_cmdline():
    code, text = send('cmdline', 'x %s y\n' % scanners.VIRUS)
    h.check(code == 550 and text.startswith('virus TEST-VIRUS'), (code, text))
    h.equal(send('cmdline')[0], 250)


def test_sock():
    SOCK.complete = lambda data: data.endswith(b'.eml')
    SOCK.reply = lambda data: b'BAD thing\nname=Seen.%d\n' % len(open(data.split()[1], 'rb').read(5))
    h.check(send('sock')[1].startswith('virus Seen.5'), 'sock')
    SOCK.reply = b'fine\n'
    h.equal(send('sock')[0], 250)


def test_load_errors():
    base = open(SERVER.conf).read()
    for line, want in (('av_scanner = avast:/x', 'scanner type "avast" is known but this version cannot do it'),
                       ('av_scanner = clamav:/x', '"clamav" is not a scanner type'),
                       ('av_scanner = clamd:/x:/y', 'only one server'),
                       ('av_scanner = clamd:host', 'invalid port'),
                       ('av_scanner = cmdline:/bin/x', 'needs a trigger expression'),
                       ('spamd_address = 127.0.0.1 783 pri=x', 'bad option "pri=x"'),
                       ('', 'option "av_scanner" is not set')):
        option = line.split(' ')[0] or 'av_scanner'
        text = re.sub(r'(?m)^%s = .*$' % option, line, base)
        conf_path = h.write(D('bad.conf'), text)
        r = h.Remex(conf_path, []).run('-bV')
        h.check(r.returncode != 0 and want in r.stderr + r.stdout, '%s: %s' % (line, r.stderr + r.stdout))


def teardown():
    try:
        SERVER.stop()
    finally:
        for d in (RSPAMD, SPAMD, CLAMD, FAKE_SPAMD, FAKE_CLAMD, SOCK, SILENT):
            d.stop()
    D.remove()


h.main()
