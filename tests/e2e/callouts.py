#!/usr/bin/env python3
"""verify = sender/callout and recipient/callout against scripted hosts: verdicts, texts, options and the cache."""
import re

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
DEAD = h.free_port()
LINES = []
ANSWERS = {}
PEER = peers.Sink()


def answer(line):
    LINES.append(line)
    for pattern, reply in ANSWERS.items():
        if re.search(pattern, line):
            return reply
    return None


for word in ('connect', 'EHLO', 'HELO', 'MAIL', 'RCPT', 'RSET', 'QUIT'):
    PEER.replies[word] = answer

# one ACL for each way, chosen by the local part of the recipient
WAYS = {'sender': 'sender/callout', 'nocache': 'sender/callout=no_cache', 'rcpt': 'recipient/callout', 'random': 'recipient/callout=random',
        'postmaster': 'sender/callout=postmaster', 'full': 'sender/callout=fullpostmaster', 'usesender': 'recipient/callout=use_sender',
        'usepost': 'recipient/callout=use_postmaster', 'deferok': 'recipient/callout=defer_ok', 'quick': 'recipient/callout=6s,connect=6s,maxwait=20s',
        'pmfrom': 'recipient/callout=postmaster_mailfrom=w@w.test', 'nodetails': 'sender/callout/no_details'}
ACL = 'acl_way:\n' + ''.join('''  deny local_parts = %s
       ! verify = %s
       log_message = s=$sender_verify_failure r=$recipient_verify_failure
  accept local_parts = %s
       message = ok <$domain_data> <$recipient_verify_failure>
''' % (k, v, k) for k, v in WAYS.items()) + '''  deny

acl_data2:
  require verify = header_sender/callout=mailfrom=checker@x.test
  accept
'''
ROUTERS = '''
dead:
  driver = manualroute
  domains = dead.test
  route_list = * 127.0.0.1
  self = send
  transport = dead
two:
  driver = manualroute
  domains = two.test
  route_list = * "127.0.0.2:127.0.0.1"
  hosts_randomize = false
  self = send
  transport = remote
remote:
  driver = manualroute
  domains = *.out.test
  route_list = * 127.0.0.1
  self = send
  transport = remote
'''
TRANSPORTS = '''
remote:
  driver = smtp
  port = %d
dead:
  driver = smtp
  port = %d
''' % (PEER.port, DEAD)
path = fill(D, PORT, routers=ROUTERS, transports=TRANSPORTS,
            extra='smtp_return_error_details\ncallout_negative_expire = 1h\nqualify_domain = q.test\nlog_selector = +sender_verify_fail')
text = open(path).read().replace('begin routers', ACL + '\nbegin routers', 1).replace('acl_smtp_rcpt = acl_rcpt', 'acl_smtp_rcpt = acl_way')
h.write(path, text.replace('acl_smtp_data = accept', 'acl_smtp_data = acl_data2'))
SERVER = h.Remex(path, [PORT]).start()


def rcpt(way, domain, sender='s@plain.out.test', answers=None):
    """One RCPT; (code, text without enhanced codes)."""
    LINES.clear()
    ANSWERS.clear()
    ANSWERS.update(answers or {})
    c = h.Smtp(PORT, timeout=60)
    try:
        c.ehlo()
        c.expect('MAIL FROM:<%s>' % sender, 250)
        code, text = c.cmd('RCPT TO:<%s@%s>' % (way, domain))
        return code, re.sub(r'(?m)^[245]\.\d+\.\d+ ', '', text)
    finally:
        c.close()


def commands():
    return [line for line in LINES if line and not line.startswith(('EHLO', 'QUIT'))]


def log():
    return open(D('log', 'mainlog')).read()


def test_recipient_accepted_and_cached():
    h.equal(rcpt('rcpt', 'a1.out.test'), (250, 'ok <a1.out.test> <>'))
    h.equal(commands(), ['MAIL FROM:<>', 'RCPT TO:<rcpt@a1.out.test>'])
    h.equal(rcpt('rcpt', 'a1.out.test')[0], 250)
    h.equal(commands(), [], 'cached')


def test_recipient_refused_and_cached():
    h.equal(rcpt('rcpt', 'a2.out.test', answers={'^RCPT': '550-no such\r\n550 user'}), (550, 'Callout verification failed:\n550-no such\n550 user'))
    h.check('SMTP error from remote mail server after RCPT TO:<rcpt@a2.out.test>: 550-no such\\n550 user' in log() or 'r=recipient' in log(), log()[-600:])
    code, text = rcpt('rcpt', 'a2.out.test')
    h.check(code == 550 and 'Previous (cached) callout verification failure' in text, text)
    h.equal(commands(), [])


def test_sender_refused():
    code, text = rcpt('sender', 'x.out.test', 'gone@b1.out.test', {'^RCPT': '550 no such user'})
    h.equal((code, text), (550, 'Verification failed for <gone@b1.out.test>\nCalled:   127.0.0.1\nSent:     RCPT TO:<gone@b1.out.test>\n'
                           'Response: 550 no such user\nSender verify failed'))
    h.check('sender verify fail for <gone@b1.out.test>: 127.0.0.1 [127.0.0.1] : SMTP error from remote mail server after '
            'RCPT TO:<gone@b1.out.test>: 550 no such user' in log(), log()[-800:])
    h.equal(rcpt('nodetails', 'x.out.test', 'gone@b1.out.test'), (550, 'Sender verify failed'))


def test_null_sender_refused_is_a_property_of_the_domain():
    code, text = rcpt('sender', 'x.out.test', 'a@b2.out.test', {'^MAIL': '550 no bounces'})
    h.check(code == 550 and text.startswith('Callback setup failed while verifying <a@b2.out.test>\nCalled:   127.0.0.1\nSent:     MAIL FROM:<>\n'), text)
    code, text = rcpt('sender', 'x.out.test', 'b@b2.out.test')
    h.check(code == 550 and '(result of an earlier callout reused).' in text, text)
    h.equal(commands(), [])
    h.equal(rcpt('nocache', 'x.out.test', 'b@b2.out.test')[0], 250)
    h.equal(commands(), ['MAIL FROM:<>', 'RCPT TO:<b@b2.out.test>'])


def test_other_sender_refused_is_not():
    h.equal(rcpt('usesender', 'b3.out.test', answers={'^MAIL': '550 not you'})[0], 550)
    h.equal(rcpt('usesender', 'b3.out.test')[0], 250)
    h.equal(commands(), ['MAIL FROM:<s@plain.out.test>', 'RCPT TO:<usesender@b3.out.test>'])
    h.equal(rcpt('usesender', 'b3.out.test', sender='t@plain.out.test')[0], 250)
    h.equal(len(commands()), 2, 'another sender is another question')


def test_greeting_refused():
    h.equal(rcpt('rcpt', 'b4.out.test', answers={'^$': '554 go away'}), (550, 'Callout verification failed:\n554 go away'))
    h.check('(result of an earlier callout reused).' in rcpt('rcpt', 'b4.out.test')[1], 'cached')


def test_trouble_defers():
    code, text = rcpt('rcpt', 'b5.out.test', answers={'^RCPT': '450 later'})
    h.check(code == 451 and text.startswith('Could not complete recipient verify callout for <rcpt@b5.out.test>.\nThe mail server(s)'), text)
    h.equal(rcpt('rcpt', 'b5.out.test')[0], 250, 'not cached')
    code, text = rcpt('sender', 'x.out.test', 's@dead.test')
    h.check(code == 451 and text.startswith('Could not complete sender verify callout: 127.0.0.1 [127.0.0.1] : Connection refused\n'
                                            'Could not complete sender verify callout for <s@dead.test>.'), text)
    h.equal(rcpt('deferok', 'dead.test')[0], 250)


def test_silence_times_out():
    h.equal(rcpt('quick', 'b6.out.test', answers={'^RCPT': '250-never\r\n250-ending'})[0], 451)
    h.check('SMTP timeout after RCPT TO:<quick@b6.out.test>' in log(), log()[-500:])


def test_second_host_is_tried():
    h.equal(rcpt('rcpt', 'two.test')[0], 250)


def test_random():
    h.equal(rcpt('random', 'c1.out.test'), (250, 'ok <> <random>'))
    h.check(re.match(r'RCPT TO:<mx\.test-\d+-testing@c1\.out\.test>', commands()[1]), commands())
    h.equal(rcpt('random', 'c1.out.test')[0], 250)
    h.equal(commands(), [])
    h.equal(rcpt('random', 'c2.out.test', answers={'testing@': '550 no'})[0], 250)
    h.equal([line for line in commands() if 'testing' not in line], ['MAIL FROM:<>', 'RSET', 'MAIL FROM:<>', 'RCPT TO:<random@c2.out.test>'])


def test_postmaster():
    code, text = rcpt('postmaster', 'x.out.test', 'a@d1.out.test', {'postmaster': '550 no postmaster'})
    h.check(code == 550 and text.startswith('Postmaster verification failed while checking <a@d1.out.test>\nCalled:   127.0.0.1\n'
                                            'Sent:     RCPT TO:<postmaster@d1.out.test>\nResponse: 550 no postmaster'), text)
    h.equal(rcpt('postmaster', 'x.out.test', 'other@d1.out.test')[0], 550)
    h.equal(commands(), [], 'the domain is remembered')
    h.equal(rcpt('full', 'x.out.test', 'a@d2.out.test', {'postmaster@': '550 no'})[0], 250)
    h.equal(commands()[-2:], ['RCPT TO:<postmaster@d2.out.test>', 'RCPT TO:<postmaster>'])
    h.equal(rcpt('pmfrom', 'd3.out.test')[0], 250)
    h.equal(commands()[2:], ['RSET', 'MAIL FROM:<w@w.test>', 'RCPT TO:<postmaster@d3.out.test>'])
    h.equal(rcpt('usepost', 'd4.out.test')[0], 250)
    h.equal(commands()[0], 'MAIL FROM:<postmaster@q.test>')


def test_header_sender():
    LINES.clear()
    ANSWERS.clear()
    ANSWERS['from@e1'] = '550 nobody'
    c = h.Smtp(PORT)
    c.ehlo()
    code, text = c.message('s@plain.out.test', ['rcpt@e1.out.test'], 'From: from@e1.out.test\n\nx\n')
    c.close()
    h.check(code == 550 and 'there is no valid sender in any header line' in text, (code, text))
    h.check('MAIL FROM:<checker@x.test>' in LINES, LINES)


def test_rehearsal_calls_only_when_asked():
    LINES.clear()
    ANSWERS.clear()
    said = 'EHLO c\nMAIL FROM:<s@plain.out.test>\nRCPT TO:<rcpt@f1.out.test>\nQUIT\n'
    r = SERVER.run('-bh', '192.0.2.1', input=said)
    h.check('ok <' in r.stdout and not commands(), (r.stdout, LINES))
    r = SERVER.run('-bhc', '192.0.2.1', input=said)
    h.check('ok <' in r.stdout and len(commands()) == 2, (r.stdout, LINES))


def teardown():
    SERVER.stop()
    PEER.stop()
    D.remove()


h.main()
