#!/usr/bin/env python3
"""control = submission: who is logged in is the envelope sender and the author, whatever the client and its headers say."""
# timeout: 60
import os
import smtplib

import harness as h
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
CONF = fill(D, PORT, extra='qualify_domain = box.test\n')
with open(CONF) as f:
    text = f.read()
text = text.replace('acl_rcpt:\n', 'acl_rcpt:\n  warn condition = ${if eq{$sender_address_domain}{keep.test}}\n       control = submission/sender_retain\n'
                    '  warn condition = ${if !eq{$sender_address_domain}{keep.test}}\n       control = submission\n')
text += ('\nbegin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n  server_condition = yes\n'
         '  server_set_id = $auth2\n')
h.write(CONF, text)
SERVER = h.Remex(CONF, [PORT])
SERVER.start()


def submit(sender, headers):
    """Sends as joe; returns (the sender in the log's arrival line, the delivered message)."""
    new = D('mail', 'box.test', 'u', 'new')
    before = set(os.listdir(new)) if os.path.isdir(new) else set()
    with smtplib.SMTP('127.0.0.1', PORT, timeout=60) as s:
        s.ehlo()
        s.login('joe', 'x')
        s.sendmail(sender, ['u@box.test'], headers + '\r\n\r\nbody\r\n')
    h.wait_for(lambda: os.path.isdir(new) and set(os.listdir(new)) - before, what='the message in its mailbox')
    with open(os.path.join(new, (set(os.listdir(new)) - before).pop())) as f:
        message = f.read()
    with open(D('log', 'mainlog')) as f:
        return [line.split(' <= ')[1].split(' ')[0] for line in f if ' <= ' in line][-1], message


def test_the_envelope_is_the_submitters():
    for headers in ('Subject: no author', 'From: joe@box.test', 'From: joe@box.test\r\nResent-Date: x', 'From: other@far.test',
                    'Resent-To: u@box.test\r\nSubject: x', 'From: joe@box.test\r\nFrom: evil@far.test'):
        h.equal(submit('evil@far.test', headers)[0], 'joe@box.test', 'sender with ' + headers)


def test_sender_header():
    assert '\nSender:' not in submit('joe@box.test', 'From: joe@box.test')[1]
    for headers in ('From: other@far.test', 'From: joe@box.test\r\nFrom: evil@far.test', 'From: other@far.test\r\nSender: evil@far.test'):
        message = submit('joe@box.test', headers)[1]
        assert '\nSender: joe@box.test\n' in message and message.count('\nSender:') == 1, message
    assert '\nFrom: joe@box.test\n' in submit('joe@box.test', 'Subject: x')[1]


def test_sender_retain():
    sender, message = submit('me@keep.test', 'From: me@keep.test')
    h.equal(sender, 'me@keep.test', 'sender')
    assert '\nSender:' not in message, message


def test_bounces_stay():
    h.equal(submit('', 'From: joe@box.test')[0], '<>', 'the empty sender')


def teardown():
    SERVER.stop()
    D.remove()


h.main()
