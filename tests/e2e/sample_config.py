#!/usr/bin/env python3
"""sample-configs/minimal-mail as it is shipped: who may send what from where, and which signature is a login."""
# timeout: 180
import os
import time

import harness as h
from _sample import DOMAIN, MX_ADDRESS, STRANGERS, Setup, enter
from peers import Sink, sign, verifies

enter()
S = Setup()
S.server.start()
SINK = Sink(25, MX_ADDRESS)
ME, BLOG, EVE, STRANGER = 'me@' + DOMAIN, 'blog@' + DOMAIN, 'eve@' + DOMAIN, 'someone@' + STRANGERS
COUNT = [0]


def text(sender, to, subject='test', body='A line of text.\n'):
    COUNT[0] += 1
    return 'From: <%s>\nTo: <%s>\nSubject: %s\nDate: Sat, 21 Nov 2026 00:00:00 +0000\nMessage-ID: <%d@test>\n\n%s' % (sender, to, subject, COUNT[0], body)


def accepted(data, sender, to, port=None):
    code, reply = h.send(port or S.submit, sender, [to], data)
    h.equal(code, 250, '%s to %s: %s; log: %s' % (sender, to, reply, S.log()[-800:]))


def refused(data, why, sender=ME, to=BLOG, port=None, logged=''):
    """Refused with 550, the log says why, nothing is queued or delivered."""
    before, mark = len(S.box('blog')), len(S.log())
    code, reply = h.send(port or S.submit, sender, [to], data)
    h.equal(code, 550, '%s: %s' % (why, reply))
    if logged:
        h.wait_for(lambda: logged in S.log()[mark:], what=lambda: '%s: "%s" in the log: %s' % (why, logged, S.log()[mark:]))
    h.check(' <= ' not in S.log()[mark:], why + ': accepted all the same')
    h.equal(len(S.box('blog')), before, why + ': delivered')


def arrives(box, count, what):
    h.wait_for(lambda: len(S.box(box)) == count, what=lambda: '%s; log: %s' % (what, S.log()[-800:]))


def test_both_configurations_are_clean():
    for r in (S.server, S.laptop):
        got = r.run('-bV', check_rc=0)
        h.check('error' not in got.stderr.lower(), got.stderr)


def test_stranger_to_us():
    n = len(S.box('me'))
    accepted(text(STRANGER, ME), STRANGER, ME, S.mx)
    arrives('me', n + 1, 'the mail of a stranger')
    got = S.box('me')[-1]
    for line in ('Return-path: <%s>' % STRANGER, 'Envelope-to: ' + ME, 'Delivery-date: '):
        h.check(line in got, '%s is missing: %s' % (line, got[:600]))


def test_stranger_signed_to_us():
    n = len(S.box('me'))
    accepted(sign(text(STRANGER, ME), 's1', STRANGERS, S.keys['stranger']), STRANGER, ME, S.mx)
    arrives('me', n + 1, 'the signed mail of a stranger')


def test_broken_signature_from_outside():
    good = sign(text(STRANGER, ME), 's1', STRANGERS, S.keys['stranger'])
    refused(good.replace('A line', 'Another line'), 'tampered', STRANGER, ME, S.mx)


def test_suffix():
    to = 'me/shop@' + DOMAIN
    accepted(text(STRANGER, to), STRANGER, to, S.mx)
    h.wait_for(lambda: len(h.maildir(S.d('mail', DOMAIN, 'me', 'shop'))) == 1, what='the mail in the subdirectory')
    for local in ('me/nosuch', 'me/new', 'me/CUR', 'me/tmp', 'me/', 'me/..', 'me/.', 'me/shop/..', '..', '.', 'nobody', '/', '../' + DOMAIN, '"../x"', 'me/../blog'):
        c = h.Smtp(S.mx)
        c.ehlo()
        c.expect('MAIL FROM:<%s>' % STRANGER, 250)
        code, reply = c.cmd('RCPT TO:<%s@%s>' % (local, DOMAIN))
        c.close()
        h.check(500 <= code < 600, '%s: %d %s' % (local, code, reply))


def test_wrong_direction():
    for port, sender, to in ((S.mx, ME, STRANGER), (S.mx, STRANGER, 'x@third.example'), (S.mx, ME, BLOG), (S.submit, STRANGER, ME), (S.submit, STRANGER, 'x@third.example'),
                             (S.submit, '', ME)):
        code, reply = h.send(port, sender, [to], text(sender, to))
        h.equal(code, 550, '%s to %s: %s' % (sender, to, reply))


def test_login_rsa_and_ed25519():
    n = len(S.box('blog'))
    accepted(sign(text(ME, BLOG), 'me', DOMAIN, S.keys['me']), ME, BLOG)
    arrives('blog', n + 1, 'me to blog')
    n = len(S.box('me'))
    accepted(sign(text(BLOG, ME), 'blog', DOMAIN, S.keys['blog']), BLOG, ME)
    arrives('me', n + 1, 'blog to me')
    h.check('A=dkim:me' in S.log() and 'A=dkim:blog' in S.log(), 'the login in the log: ' + S.log()[-1500:])


def test_login_of_a_suffixed_sender():
    sender = 'me/shop@' + DOMAIN
    n = len(S.box('blog'))
    accepted(sign(text(sender, BLOG), 'me', DOMAIN, S.keys['me']), sender, BLOG)
    arrives('blog', n + 1, 'me/shop to blog')


def test_relay_keeps_the_signature():
    accepted(sign(text(ME, STRANGER), 'me', DOMAIN, S.keys['me']), ME, STRANGER)
    got = h.wait_for(lambda: SINK.messages, what=lambda: 'the message at the MX; log: ' + S.log()[-1500:])[0]
    h.equal(got[:2], (ME, [STRANGER]), 'envelope')
    h.check(verifies(got[2], S.records), 'the signature at the MX: %r' % got[2])


def test_unsigned():
    refused(text(ME, BLOG), 'unsigned', logged='DKIM login failed')


def test_tampered():
    good = sign(text(ME, BLOG), 'me', DOMAIN, S.keys['me'])
    refused(good.replace('A line', 'Another line'), 'body', logged='DKIM login failed')
    refused(good.replace('Subject: test', 'Subject: tost'), 'header')


def test_second_from_line():
    good = sign(text(ME, BLOG), 'me', DOMAIN, S.keys['me'])
    refused('From: <%s>\n' % EVE + good, 'another From: in front', logged='exactly one')


def test_signature_by_another_user_of_the_domain():
    refused(sign(text(ME, BLOG), 'eve', DOMAIN, S.keys['eve']), "eve's signature under me", logged='selector eve is not')


def test_from_of_another_user():
    refused(sign(text(EVE, BLOG), 'me', DOMAIN, S.keys['me']), "eve's name over me", logged='selector me is not')
    refused(sign(text(STRANGER, BLOG), 'me', DOMAIN, S.keys['me']), "a stranger's name over me", logged='From:')


def test_envelope_of_another_user():
    refused(sign(text(ME, BLOG), 'me', DOMAIN, S.keys['me']), "eve's envelope", sender=EVE, logged='selector me is not')


def test_signature_of_a_strangers_domain():
    refused(sign(text(ME, BLOG), 'me', STRANGERS, S.keys['stranger']), "a stranger's domain, selector me", logged='signer stranger.example is not')


def test_wrong_key_and_unknown_selector():
    refused(sign(text(ME, BLOG), 'me', DOMAIN, S.keys['eve']), 'wrong key')
    refused(sign(text(ME, BLOG), 'nobody', DOMAIN, S.keys['me']), 'unknown selector')


def test_length_tag():
    refused(sign(text(ME, BLOG), 'me', DOMAIN, S.keys['me'], length=True), 'l=', logged='l=')


def test_unsigned_headers():
    data = sign(text(ME, BLOG), 'me', DOMAIN, S.keys['me'], include_headers=[b'from', b'date', b'to'])
    refused(data, 'Subject: not signed', logged='Subject: is not signed')


def at(moment, data):
    """data() with python3-dkim's clock set to moment."""
    real, time.time = time.time, lambda: moment
    try:
        return data()
    finally:
        time.time = real


def test_old_and_future_signatures():
    def data():
        return sign(text(ME, BLOG), 'me', DOMAIN, S.keys['me'])
    now = time.time()
    refused(at(now - 4000, data), 'old', logged='older than')
    refused(at(now + 4000, data), 'of the future')


def test_forwarded_and_replayed():
    n = len(S.box('blog'))
    mine = sign(text(ME, BLOG, 'only once'), 'me', DOMAIN, S.keys['me'])
    accepted(mine, ME, BLOG)
    arrives('blog', n + 1, 'the first copy')
    refused(mine, 'the same message again', logged='used before')
    refused('Resent-From: <%s>\nResent-To: <%s>\n' % (EVE, BLOG) + mine, 'forwarded by eve', logged='used before')
    refused(mine, 'forwarded in the name of eve', sender=EVE)
    S.server.stop()
    S.server.start()
    refused(mine, 'again after a restart', logged='used before')


def test_laptop_submits():
    n = len(S.box('blog'))
    S.laptop.run('-oi', '-f', ME, '-t', input='From: <%s>\nTo: <%s>\nSubject: from the laptop\n\nHello.\n' % (ME, BLOG), check_rc=0)
    arrives('blog', n + 1, "the laptop's mail")
    n = len(S.box('me'))
    S.laptop.run('-oi', '-f', BLOG, ME, input='From: <%s>\nTo: <%s>\nSubject: from the laptop\n\nHello.\n' % (BLOG, ME), check_rc=0)
    arrives('me', n + 1, 'Ed25519')
    sender = 'me/shop@' + DOMAIN
    n = len(S.box('blog'))
    S.laptop.run('-oi', '-f', sender, BLOG, input='From: <%s>\nTo: <%s>\nSubject: from the laptop\n\nHello.\n' % (sender, BLOG), check_rc=0)
    arrives('blog', n + 1, 'with a suffix')


def test_nothing_is_left_in_the_queue():
    h.wait_for(lambda: S.server.run('-bpc').stdout.strip() == '0', what='an empty queue')


def test_new_directories_are_new_addresses():
    os.makedirs(S.d('mail/second.example/anne'))
    S.own('mail/second.example')
    n = len(SINK.messages)
    accepted(text(STRANGER, 'anne@second.example'), STRANGER, 'anne@second.example', S.mx)
    h.wait_for(lambda: len(h.maildir(S.d('mail/second.example/anne'))) == 1, what='the mail in the new domain')
    h.equal(len(SINK.messages), n, 'relayed')


def teardown():
    SINK.stop()
    S.stop()


h.main()
