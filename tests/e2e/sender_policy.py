#!/usr/bin/env python3
"""SPF (RFC 7208) and DMARC (RFC 7489): the conditions, their variables, Received-SPF and Authentication-Results, with our own name
server; and what happens when it says nothing, when the suffix list is missing and when From: is strange."""
import atexit
import re

import harness as h
import peers
from maildir_conf import fill

D = h.Dir()
PORT = h.free_port()
KEY = D('key.pem')
RECORD = h.dkim_key(KEY)
ZONE = {
    'good.test': [{'TXT': 'v=spf1 ip4:127.0.0.2 -all exp=why.good.test'}], 'why.good.test': [{'TXT': '%{i} is not a server of %{d}'}],
    'soft.test': [{'TXT': 'v=spf1 ~all'}], 'broken.test': [{'TXT': 'v=spf1 nonsense'}], 'dead.test': ['SERVFAIL'],
    'client.test': [{'TXT': 'v=spf1 ip4:127.0.0.2 ?all'}], 'guess.test': [{'A': '127.0.0.77'}],
    'loop.test': [{'TXT': 'v=spf1 include:loop.test -all'}], 'include.test': [{'TXT': 'v=spf1 include:good.test -all'}],
    'strict.test': [{'TXT': 'v=spf1 ip4:127.0.0.2 -all'}], '_dmarc.strict.test': [{'TXT': 'v=DMARC1; p=reject; sp=quarantine'}],
    'sel._domainkey.strict.test': [{'TXT': RECORD}], 'lax.test': [{'TXT': 'v=spf1 -all'}], '_dmarc.lax.test': [{'TXT': 'v=DMARC1; p=none'}],
    '_dmarc.dead2.test': ['SERVFAIL'],
}
DNS = h.Dns(ZONE)
atexit.register(DNS.stop)
EXTRA = '''dns_resolvers = <; [127.0.0.1]:%d
dmarc_tld_file = TLD
acl_smtp_mail = acl_mail
acl_smtp_dkim = accept
auth_advertise_hosts = *
log_selector = +dkim_verbose
''' % DNS.port
ACLS = '''begin acl
acl_mail:
  deny    hosts = !127.0.0.9
          spf = fail
          message = SPF: $spf_smtp_comment
  defer   spf = temperror
          message = try again
  warn    spf_guess = pass
          condition = $spf_result_guessed
          set acl_m_guessed = yes
  warn    spf = !pass : pass
          add_header = :at_start:$spf_received
  accept
acl_data:
  warn    senders = ^keep@
          spf_guess = !none : none
          set acl_m_before = $spf_result/$spf_result_guessed
  warn    senders = ^off@
          control = dmarc_disable_verify
  deny    dmarc_status = reject
          message = DMARC of $dmarc_used_domain says $dmarc_domain_policy ($dmarc_status_text; $dmarc_alignment_spf $dmarc_alignment_dkim)
  defer   dmarc_status = temperror
          message = later: $dmarc_status_text
  warn    senders = ^keep@
          add_header = X-Kept: $acl_m_before $spf_result/$spf_result_guessed
  warn    add_header = X-DMARC: $dmarc_status/$dmarc_domain_policy/$dmarc_used_domain guessed=$acl_m_guessed look=${lookup{$sender_address} spf {127.0.0.2}}
          add_header = :at_start:${authresults{mx.test}}
  accept
'''


def build():
    path = fill(D, PORT, extra=EXTRA.replace('TLD', D('list')))
    text = open(path).read().replace('begin acl\n', ACLS).replace('acl_smtp_data = accept', 'acl_smtp_data = acl_data')
    text += '''begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
'''
    return h.write(path, text)


h.write(D('list'), '// test\ntest\nco.test\n')
CONF = build()
SERVER = h.Remex(CONF, [PORT]).start()
atexit.register(SERVER.kill)
ME = 'u@box.test'


def mail(sender, author=None, source='127.0.0.2', subject='x', signed=None, raw=None, helo='client.test'):
    """(reply, the delivered text or None)."""
    text = raw or 'From: <%s>\nTo: <%s>\nSubject: %s\nDate: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <%s@t>\n\nhello\n' % (author or sender, ME, subject, subject)
    if signed:
        text = peers.sign(text, 'sel', signed, KEY)
    c = h.Smtp(PORT, source=source)
    try:
        c.ehlo(helo)
        got = c.cmd('MAIL FROM:<%s>' % sender)
        if got[0] != 250:
            return got, None
        c.expect('RCPT TO:<%s>' % ME, 250)
        c.expect('DATA', 354)
        c.send(h.dot_stuff(text) + '.\r\n')
        got = c.reply()
        if got[0] != 250:
            return got, None
    finally:
        c.close()
    box = D('mail/box.test/u')
    number = got[1].split('id=')[1].split()[0]
    return got, h.wait_for(lambda: next((m for m in h.maildir(box) if number in m), None), what='delivery')


def log():
    with open(D('log/mainlog'), errors='replace') as f:
        return f.read()


def test_pass():
    got, m = mail('u@good.test', subject='pass')
    h.check(m.startswith(('Return-path', 'Received-SPF', 'Authentication-Results')) or 'Received-SPF' in m, m)
    h.check('Received-SPF: pass (mx.test: domain of good.test designates 127.0.0.2 as permitted sender) client-ip=127.0.0.2; '
            'envelope-from=u@good.test; helo=client.test;\n' in m, m)
    h.check('spf=pass smtp.mailfrom=good.test' in m, m)
    h.check('look=pass' in m, m)
    h.check('X-DMARC: norecord//good.test' in m, m)
    h.check('dmarc=none header.from=good.test' in m, m)


def test_fail_with_the_domains_explanation():
    got, m = mail('u@good.test', source='127.0.0.3')
    h.equal(got, (550, '5.7.1 SPF: 127.0.0.3 is not a server of good.test'))
    h.check('rejected MAIL <u@good.test>: SPF: 127.0.0.3 is not' in log(), log()[-500:])


def test_include_and_redirect_loops():
    got, m = mail('u@include.test', subject='include')
    h.check('spf=pass smtp.mailfrom=include.test' in m, m)
    got, m = mail('u@loop.test', subject='loop')
    h.check('spf=permerror' in m and 'more than ten terms' in m, m)
    got, m = mail('u@broken.test', subject='broken')
    h.check('Received-SPF: permerror' in m and 'unknown mechanism' in m, m)


def test_null_sender_is_judged_by_helo():
    got, m = mail('', author='u@good.test', subject='null')
    h.check('spf=pass smtp.helo=client.test' in m, m)
    h.check('envelope-from=postmaster@client.test' in m, m)


def test_dns_trouble_defers():
    got, m = mail('u@dead.test')
    h.equal(got, (451, '4.3.0 try again'))


def test_guess():
    got, m = mail('u@guess.test', subject='guess')
    h.check('guessed=yes' in m, m)
    h.check('spf=none smtp.mailfrom=guess.test' in m, 'the plain check came last: ' + m)
    got, m = mail('keep@guess.test', subject='kept')
    h.check('X-Kept: pass/yes pass/yes\n' in m and 'X-DMARC: norecord' in m, 'a guess stays after dmarc_status: ' + m)


def test_no_state_from_the_message_before():
    c = h.Smtp(PORT, source='127.0.0.2')
    c.ehlo()
    for sender, want in (('u@strict.test', 'accept'), ('u@soft.test', 'norecord')):
        got = c.message(sender, [ME], 'From: <%s>\nSubject: twice %s\n\nx\n' % (sender, want))
        h.equal(got[0], 250, got[1])
    c.close()
    box = D('mail/box.test/u')
    h.wait_for(lambda: sum('Subject: twice' in m for m in h.maildir(box)) == 2, what='both')
    for m in h.maildir(box):
        got = re.search(r'Subject: twice (\w+)', m)
        if got:
            h.check('X-DMARC: %s/' % got.group(1) in m, m)


def test_dmarc_by_spf():
    got, m = mail('u@strict.test', subject='by spf')
    h.check('X-DMARC: accept/reject/strict.test' in m, m)
    h.check('dmarc=pass (p=reject) header.from=strict.test' in m, m)
    got, m = mail('u@mail.strict.test', author='u@strict.test', source='127.0.0.9')
    h.equal(got[0], 550, got[1])


def test_dmarc_by_dkim_only():
    got, m = mail('u@good.test', author='u@strict.test', subject='by dkim', signed='strict.test')
    h.check('X-DMARC: accept/reject/strict.test' in m, m)
    h.check('dkim=pass header.d=strict.test' in m, m)


def test_dmarc_rejects_a_stranger():
    got, m = mail('u@good.test', author='ceo@strict.test')
    h.equal(got[0], 550)
    h.check('DMARC of strict.test says reject (Reject; no no)' in got[1], got[1])
    got, m = mail('u@good.test', author='ceo@sub.strict.test', subject='sub')
    h.check('X-DMARC: quarantine/quarantine/strict.test' in m, m)


def test_dmarc_policy_none_and_off():
    got, m = mail('u@good.test', author='u@lax.test', subject='lax')
    h.check('X-DMARC: none/none/lax.test' in m and 'dmarc=fail (p=none) header.from=lax.test' in m, m)
    got, m = mail('off@good.test', author='ceo@strict.test', subject='off')
    h.check('X-DMARC: off//' in m and 'dmarc=' not in m, m)


def test_dmarc_off_for_authenticated_clients():
    c = h.Smtp(PORT, source='127.0.0.2')
    c.ehlo()
    c.expect('AUTH PLAIN AHUAcA==', 235)
    got = c.message('u@good.test', [ME], 'From: <ceo@strict.test>\nSubject: authenticated\n\nx\n')
    h.equal(got[0], 250, got[1])
    c.close()


def test_dmarc_dns_trouble():
    got, m = mail('u@good.test', author='u@dead2.test')
    h.equal(got[0], 451)
    h.check('later: The DMARC record could not be looked up now' in got[1], got[1])


def test_strange_from():
    for n, head in enumerate(('Subject: nofrom0', 'From: a@strict.test\nFrom: u@good.test\nSubject: nofrom1', 'From: undisclosed:;\nSubject: nofrom2',
                              'From: ' + ', '.join('a@d%d.test' % i for i in range(500)) + '\nSubject: nofrom3')):
        got, m = mail('u@good.test', subject='nofrom%d' % n, raw=head + '\n\nx\n')
        h.check(m and 'X-DMARC: nofrom/' in m, (got, m))
    got, m = mail('u@good.test', raw='From: u@good.test, ceo@strict.test\nSubject: two\n\nx\n')
    h.equal(got[0], 550, got[1])


def test_quoting_of_hostile_names():
    got, m = mail('"a)(; x=y"@good.test', author='u@good.test', subject='hostile')
    h.check('envelope-from="\\"a)(; x=y\\"@good.test";' in m, m)
    got, m = mail('"a; dkim=pass header.d=strict.test"@soft.test', author='u@good.test', subject='hostile2')
    h.check('spf=softfail smtp.mailfrom=soft.test' in m, m)


def test_missing_suffix_list_defers():
    h.write(D('list'), 'x')
    import os
    os.unlink(D('list'))
    got, m = mail('u@good.test', author='u@strict.test')
    h.equal(got[0], 451, got[1])
    h.check('public suffix list' in open(D('log/rejectlog'), errors='replace').read() + log(), log()[-800:])
    h.write(D('list'), 'test\n')
    got, m = mail('u@strict.test', subject='list is back')
    h.check('X-DMARC: accept' in m, m)


def test_what_is_refused_at_load():
    for line, why in (('dmarc_history_file = /var/x', 'dmarc_history_file'), ('dmarc_forensic_sender = a@b', 'dmarc_forensic_sender')):
        path = h.write(D('bad.conf'), line + '\n')
        r = h.Remex(path, []).run('-bV')
        h.check(r.returncode != 0 and why in r.stderr + r.stdout, r.stdout + r.stderr)
    path = h.write(D('bad.conf'), 'acl_smtp_connect = c\nacl_smtp_rcpt = c\nbegin acl\nc:\n accept control = dmarc_enable_forensic\n')
    r = h.Remex(path, []).run('-bV')
    h.check(r.returncode != 0 and 'dmarc_enable_forensic' in r.stderr + r.stdout, r.stdout + r.stderr)


h.main()
