#!/usr/bin/env python3
"""control = cutthrough_delivery: the client hears what the next host says, and nothing is queued."""
import re

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT, DEAD = h.free_port(), h.free_port()
SINK = peers.Sink()


def conf():
    path = fill(D, PORT, extra='log_selector = +smtp_confirmation\nqueue_only_override = false\n', routers='''
remote:
  driver = manualroute
  route_list = *.far.test 127.0.0.1
  transport = ${if match{$domain}{dead}{dead}{smtp}}
  self = send
''', transports='''
smtp:
  driver = smtp
  port = %d
  allow_localhost
dead:
  driver = smtp
  port = %d
  allow_localhost
''' % (SINK.port, DEAD))
    text = open(path).read()
    text = text.replace('acl_rcpt:\n', '''acl_rcpt:
  accept condition = ${if match{$sender_address}{pass}}
         control = cutthrough_delivery/defer=pass
  deny   condition = ${if match{$sender_address}{bad}}
         control = cutthrough_delivery/defer=what
  accept domains = *.far.test : box.test
         control = cutthrough_delivery
''')
    h.write(path, text)
    return path


SERVER = h.Remex(conf(), [PORT]).start()


def send(*recipients, sender='s@c.test'):
    SINK.before = len(SINK.messages)
    code, text = h.send(PORT, sender, recipients, 'Subject: x\n\nhello\n')
    return code, re.sub(r'^\d\.\d\.\d+ ', '', text)


def mainlog():
    return open(D('log', 'mainlog')).read()


def queued():
    return SERVER.run('-bpc').stdout.strip()


def replies(**words):
    SINK.replies.clear()
    SINK.replies.update({k.replace('DOT', '.'): v for k, v in words.items()})


def test_delivered_before_the_answer():
    replies()
    code, text = send('u@a.far.test', 'v@a.far.test')
    h.equal(code, 250, text)
    h.equal(len(SINK.messages), 1)
    h.equal(SINK.messages[-1][1], ['u@a.far.test', 'v@a.far.test'])
    ident = text.split('id=')[1]
    lines = [l for l in mainlog().split('\n') if ident in l]
    h.check(' >> u@a.far.test R=remote T=smtp' in lines[0] and ' >> v@a.far.test' in lines[1] and ' <= s@c.test' in lines[2]
            and lines[3].endswith('Completed') and len(lines) == 4, lines)
    h.equal(queued(), '0')


def test_the_next_hosts_no():
    replies(DOT='550 no thanks')
    h.equal(send('u@a.far.test'), (550, 'no thanks'))
    h.check('rejected after DATA: R=remote T=smtp: SMTP error from remote mail server after end of data: 550 no thanks' in mainlog(), mainlog()[-600:])
    replies(RCPT='550 no such user')
    code, text = send('u@a.far.test')
    h.check(code == 550 and 'no such user' in text, (code, text))
    h.equal(queued(), '0')
    # one of two is refused: it hears so, the other is delivered
    replies(RCPT=lambda line: '550 not me' if 'bad' in line else '')
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<s@c.test>', 250)
    c.expect('RCPT TO:<u@a.far.test>', 250)
    c.expect('RCPT TO:<bad@a.far.test>', 550, 'not me')
    c.close()


def test_later():
    replies(DOT='450 later')
    h.equal(send('u@a.far.test', sender='pass@c.test'), (450, 'later'))
    h.equal(queued(), '0')
    code, text = send('u@a.far.test')
    h.equal(code, 250, text)
    h.check('tmp-reject from cutthrough after DATA: R=remote' in mainlog(), mainlog()[-600:])
    h.equal(queued(), '1')
    replies()
    h.wait_for(lambda: SERVER.run('-qff') and queued() == '0', what='delivery from the queue')


def test_no_for_now_is_not_no():
    for word, said in (('RCPT', '450 greylisted'), ('MAIL', '451 not now')):
        replies(**{word: said})
        h.equal(send('u@a.far.test', 'v@a.far.test')[0], 250)
        h.equal(queued(), '1')
        replies()
        h.wait_for(lambda: SERVER.run('-qff') and queued() == '0', what='delivery from the queue')
    replies(RCPT=lambda line: '450 greylisted' if '<v@' in line else '')
    h.equal(send('u@a.far.test', 'v@a.far.test')[0], 250)
    replies()
    h.wait_for(lambda: SERVER.run('-qff') and queued() == '0', what='delivery from the queue')
    h.check('rejected after DATA: R=remote T=smtp: SMTP error from remote mail server after RCPT TO:<u@a.far.test>: 450' not in mainlog(), mainlog())


def test_what_does_not_fit_is_queued():
    replies()
    code, text = send('u@box.test')  # a local mailbox
    h.equal(code, 250, text)
    h.wait_for(lambda: h.maildir(D('mail', 'box.test', 'u')), what='local delivery')
    code, text = send('u@a.far.test', 'u@box.test')
    h.equal(code, 250, text)
    h.wait_for(lambda: queued() == '0', what='both deliveries')
    h.equal(len(h.maildir(D('mail', 'box.test', 'u'))), 2)
    code, text = send('u@dead.far.test')
    h.equal(code, 250, text)
    h.equal(queued(), '1')


def test_wrong_option():
    h.equal(send('u@a.far.test', sender='bad@c.test')[0], 451)
    h.check('unknown option "defer=what"' in mainlog(), mainlog()[-300:])


def teardown():
    SERVER.stop()
    SINK.stop()
    D.remove()


h.main()
