#!/usr/bin/env python3
"""Every example of variables, ACL words and file lookups is run: as an expansion, in a session (-bh), while an address is routed or a
message delivered. Those of options and drivers are loaded by unit_core_cli, those of lookups with servers by e2e/lookup_*.py.

What the examples stand in is what docs/reference/README.md shows. Deliveries to a file need root, as the server does.
"""
# timeout: 300
import os
import re
import sqlite3
import ssl
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import examples
import harness as h
import scanners

ENTRIES = [e for e in examples.entries() if e['state'] == 'works']
BLOCKS = examples.blocks()
D = h.Dir()
CLIENT = ['-bh', '192.0.2.7.40000', '-oMi', '198.51.100.25.587']
# A situation's command of the dialogue: which reply it is, and the option that names its ACL.
HOOKS = {'connect': (0, 'acl_smtp_connect'), 'helo': (1, 'acl_smtp_helo'), 'mail': (3, 'acl_smtp_mail'), 'mailauth': (3, 'acl_smtp_mailauth'),
         'vrfy': (4, 'acl_smtp_vrfy'), 'rcpt': (5, 'acl_smtp_rcpt'), 'predata': (6, 'acl_smtp_predata'), 'data': (7, 'acl_smtp_data'),
         'mime': (7, 'acl_smtp_mime'), 'dkim': (7, 'acl_smtp_dkim'), 'scanned': (7, 'acl_smtp_data'), 'quit': (8, 'acl_smtp_quit'),
         'notquit': (8, 'acl_smtp_notquit')}
SCANNER = scanners.Scripted(b'stream: Eicar-Signature FOUND\n')
SPAMD = scanners.Scripted(b'SPAMD/1.1 0 EX_OK\r\nContent-length: 30\r\nSpam: True ; 12.5 / 5.0\r\n\r\nContent analysis: a bad word.\r\n')


def of_kind(*kinds):
    """{situation: [(entry, example)]}"""
    out = {}
    for e in ENTRIES:
        if e['kind'] in kinds:
            for x in e.get('examples', []):
                out.setdefault(x.get('where', 'anywhere'), []).append((e, x))
    return out


VARIABLES = of_kind('variable')
for situation, some in of_kind('operator', 'item', 'condition').items():  # the others are run by unit_lang
    if situation != 'anywhere':
        VARIABLES[situation] += some
WORDS = of_kind('ACL condition', 'ACL modifier', 'ACL control', 'ACL verb')


def configure(name, main='', acl='', edit=lambda text: text):
    """The session's configuration with more of a main section and more ACLs."""
    head = 'spool_directory = %s/spool\nlog_file_path = %s/%%slog\ndns_resolvers = <; [127.0.0.1]:9\nexim_user = mail\nexim_group = mail\n' % (D.path, D.path)
    head += 'av_scanner = clamd:127.0.0.1 %d\nspamd_address = 127.0.0.1 %d\n' % (SCANNER.port, SPAMD.port)
    text = BLOCKS['session'].replace('/var/mail/', D('mail/'))
    return h.write(D(name), head + main + edit(text.replace('begin acl\n', 'begin acl\n' + acl, 1)))


def indented(statements):
    return ''.join('  %s\n' % line for line in statements.split('\n'))


def dialogue(quits=True):
    lines = []
    for line in BLOCKS['dialogue'].strip().split('\n'):
        if line == 'QUIT' and not quits:
            break
        lines.append(line)
        if line == 'DATA':
            lines += BLOCKS['message'].rstrip('\n').split('\n') + ['.']
    return ''.join(line + '\r\n' for line in lines)


def play(conf, quits=True):
    """(replies, what was logged) of the session."""
    r = subprocess.run([h.BIN, '-C', conf, *CLIENT], input=dialogue(quits).encode(), capture_output=True, timeout=60)
    out, err = r.stdout.decode(errors='replace').replace('\r', ''), r.stderr.decode(errors='replace')
    replies = [m.group(0) for m in re.finditer(r'(?:^\d{3}-.*\n)*^\d{3} .*', out, re.M)]
    return replies, err


def logged(err):
    """{number: text} of the log lines "[number] text"; the trace (">>>") shows the text before it is expanded."""
    return {int(n): text for n, text in re.findall(r'^(?!>>>).*\[#(\d+)\] ?(.*)$', err, re.M)}


def log_statements(cases):
    return ''.join('  warn logwrite = [#%d] %s\n' % (i, x['input']) for i, (_, x) in enumerate(cases))


def compare(what, cases, got):
    wrong = []
    for i, (e, x) in enumerate(cases):
        h.check('error' not in x, '%s: examples that fail are not run in a session' % e['name'])
        if got.get(i) != x['output']:
            wrong.append('%s, %s: %s\n    gives %s, not %s' % (e['name'], what, x['input'], got.get(i), x['output']))
    h.check(not wrong, '\n'.join(wrong))
    h.check(cases, 'no examples ' + what)


def test_anywhere():
    conf = configure('session.conf')
    os.makedirs(D('spool'), exist_ok=True)
    cases = VARIABLES['anywhere']
    answers = examples.expand(conf, [x['input'] for _, x in cases], D.path)
    wrong = [e['name'] + ': ' + w for (e, x), answer in zip(cases, answers) for w in [examples.judge(x, answer)] if w]
    h.check(not wrong, '\n'.join(wrong))


def test_variables_in_sessions():
    for quits, hooks in ((True, [k for k in HOOKS if k not in ('notquit', 'scanned')]), (False, ['notquit'])):
        hooks = [k for k in hooks if k in VARIABLES]
        main = ''.join('%s = example_%s\n' % (HOOKS[k][1], k) for k in hooks)
        if 'rcpt' not in hooks:
            main += 'acl_smtp_rcpt = accept\n'
        if quits:
            main += 'acl_smtp_mailauth = accept\nacl_smtp_vrfy = accept\n'
        for k in hooks:  # each in a session of its own: what one ACL leaves behind is not the next one's
            others = re.sub(r'(?m)^(acl_smtp_\w+) = example_(?!%s$)\w+$' % k, r'\1 = accept', main)
            conf = configure('variables.conf', others, 'example_%s:\n%s  accept\n' % (k, log_statements(VARIABLES[k])))
            replies, err = play(conf, quits)
            compare(examples_phrase(k), VARIABLES[k], first(err))


def first(err):
    """As logged(), the first line of each number (the DKIM ACL runs for each signer)."""
    got = {}
    for n, text in re.findall(r'^(?!>>>).*\[#(\d+)\] ?(.*)$', err, re.M):
        got.setdefault(int(n), text)
    return got


def examples_phrase(where):
    return 'in ' + where


def test_authentication():
    conf = configure('auth.conf', 'acl_smtp_rcpt = accept\n', 'example_auth:\n%s  accept\n' % log_statements(VARIABLES['auth']),
                     lambda text: text.replace('server_condition = ${if and{', 'server_condition = ${if and{{acl{{example_auth}}}'))
    compare('in server_condition', VARIABLES['auth'], logged(play(conf)[1]))


def test_scanned():
    acl = 'example_scanned:\n  warn malware = *\n  warn spam = nobody:true\n%s  accept\n' % log_statements(VARIABLES['scanned'])
    conf = configure('scanned.conf', 'acl_smtp_rcpt = accept\nacl_smtp_data = example_scanned\n', acl)
    compare('after a scan', VARIABLES['scanned'], logged(play(conf)[1]))


def test_router():
    conf = configure('router.conf', '', 'example_router:\n%s  accept\n' % log_statements(VARIABLES['router']),
                     lambda text: text.replace('transport = local_delivery', 'transport = ${acl{example_router}}local_delivery'))
    r = subprocess.run([h.BIN, '-C', conf, '-bt', 'joe@example.com'], capture_output=True, text=True, timeout=60)
    compare('in a router', VARIABLES['router'], logged(r.stderr + mainlog()))


def mainlog():
    try:
        with open(D('mainlog'), errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def needs_root():
    if os.geteuid() != 0:
        print('   needs root: not run')
    return os.geteuid() == 0


def submit(conf, recipient, sender='jane@example.net', *more):
    return subprocess.run([h.BIN, '-C', conf, '-odf', '-oi', '-f', sender, *more, recipient], input=BLOCKS['message'], capture_output=True, text=True, timeout=60)


def fresh_log():
    for name in ('mainlog', 'paniclog', 'rejectlog'):
        if os.path.exists(D(name)):
            os.unlink(D(name))
    shutil.rmtree(D('spool'), ignore_errors=True)
    os.makedirs(D('mail'), exist_ok=True)
    os.chmod(D('mail'), 0o1777)
    os.chmod(D.path, 0o777)


def test_submitted():
    if not needs_root():
        return
    fresh_log()
    conf = configure('submitted.conf', 'acl_not_smtp = example_submitted\n', 'example_submitted:\n%s  accept\n' % log_statements(VARIABLES['submitted']))
    r = submit(conf, 'joe@example.com')
    compare('in the non-SMTP ACL', VARIABLES['submitted'], logged(r.stderr + mainlog()))


def test_transport():
    if not needs_root():
        return
    fresh_log()
    conf = configure('transport.conf', '', 'example_transport:\n%s  accept\n' % log_statements(VARIABLES['transport']),
                     lambda text: text.replace('file = ', 'message_prefix = ${acl{example_transport}}From me\\n\n  file = '))
    r = submit(conf, 'joe@example.com')
    compare('in a transport', VARIABLES['transport'], logged(r.stderr + mainlog()))


def test_notices():
    """The text of a bounce and of a delay warning."""
    if not needs_root():
        return
    for where, option, retry, routers in (
            ('bounce', 'bounce_message_file', '', 'fails:\n  driver = redirect\n  local_parts = nobody\n  allow_fail\n  data = :fail: no such person\n'),
            ('warning', 'warn_message_file', 'begin retry\n*  *  F,1d,1m\n', 'waits:\n  driver = redirect\n  local_parts = nobody\n  allow_defer\n  data = :defer: later\n')):
        fresh_log()
        h.write(D('notice'), 'Subject: ${acl{example_%s}}about your message\n****\nIt is not there.\n****\n' % where)
        conf = configure(where + '.conf', 'trusted_users = root\ndelay_warning = 1s\n%s = %s\n' % (option, D('notice')),
                         'example_%s:\n%s  accept\n' % (where, log_statements(VARIABLES[where])),
                         lambda text: text.replace('begin routers\n', 'begin routers\n' + routers) + retry)
        submit(conf, 'nobody@example.com', 'joe@example.com')

        def seen():
            subprocess.run([h.BIN, '-C', conf, '-qff'], capture_output=True, timeout=60)
            return len(logged(mainlog())) >= len(VARIABLES[where])
        h.wait_for(seen, what=lambda: 'the %s; log: %s' % (where, mainlog()))
        compare('in a ' + where, VARIABLES[where], logged(mainlog()))


def test_filters():
    system = h.write(D('system.filter'), BLOCKS['system'])
    prints = ''.join('testprint "[#%d] %s"\n' % (i, x['input'].replace('\\', '\\\\').replace('"', '\\"')) for i, (_, x) in enumerate(VARIABLES['filter']))
    user = h.write(D('user.filter'), BLOCKS['user'] + prints)
    r = subprocess.run([h.BIN, '-C', configure('filter.conf'), '-bF', system, '-bf', user], input=BLOCKS['message'], capture_output=True, text=True, timeout=60)
    compare('in a filter', VARIABLES['filter'], logged(r.stdout))


def certificate():
    if not os.path.exists(D('cert.pem')):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3', '-subj', '/CN=mail.example.com', '-keyout', D('key.pem'),
                        '-out', D('cert.pem')], check=True, capture_output=True)
        os.chmod(D('key.pem'), 0o644)


def test_tls():
    """The RCPT ACL inside TLS, and a message that goes out over it: the server is its own next host."""
    if not needs_root():
        return
    fresh_log()
    certificate()
    port = h.free_port()
    main = 'daemon_smtp_ports = %d\nlocal_interfaces = 127.0.0.1\ntls_certificate = %s\ntls_privatekey = %s\nacl_smtp_rcpt = example_tls\n' % (port, D('cert.pem'), D('key.pem'))
    acl = 'example_tls:\n  accept domains = example.org\n%s  accept\nexample_remote:\n%s  accept\n' % (log_statements(VARIABLES['tls']), log_statements(VARIABLES['remote']))
    edit = lambda text: text.replace('  driver = smtp\n', '  driver = smtp\n  port = %d\n  allow_localhost\n  tls_sni = $host\n  authenticated_sender_force\n  authenticated_sender = ${acl{example_remote}}jane@example.net\n' % port) \
        .replace('host_lookup = *\n', '').replace('198.51.100.99', '127.0.0.1') \
        .replace('route_list = * mx.example.org', 'self = send\n  route_list = * mx.example.org')
    server = h.Remex(configure('tls.conf', main, acl, edit), [port]).start()
    try:
        s = h.Smtp(port)
        s.ehlo()
        s.expect('STARTTLS', 220)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        s.s = context.wrap_socket(s.s, server_hostname='mail.example.com')
        s.f = s.s.makefile('rb')
        s.ehlo()
        s.expect('MAIL FROM:<jane@example.net>', 250)
        s.expect('RCPT TO:<joe@example.com>', 250)
        s.close()
        compare('inside TLS', VARIABLES['tls'], logged(mainlog()))
        fresh_log_only()
        submit(server.conf, 'anne@example.org', 'joe@example.com')
        h.wait_for(lambda: len(logged(mainlog())) >= len(VARIABLES['remote']), what=lambda: 'the delivery; log: ' + mainlog())
        compare('in an smtp transport', VARIABLES['remote'], first(mainlog()))
    finally:
        server.stop()


def fresh_log_only():
    open(D('mainlog'), 'w').close()


def test_acl_words():
    """Statements in their ACL: the reply to the command, or the code with which they are refused."""
    wrong = []
    count = 0
    for where, cases in WORDS.items():
        number, option = HOOKS[where]
        for e, x in cases:
            count += 1
            main = ''.join('%s = accept\n' % o for _, o in HOOKS.values() if o not in (option, 'acl_smtp_dkim', 'acl_smtp_mime', 'acl_smtp_connect', 'acl_smtp_notquit'))
            main = '\n'.join(dict.fromkeys(main.split('\n'))) + '\n'
            conf = configure('word.conf', main.lstrip('\n') + '%s = example\n' % option, 'example:\n' + indented(x['input']))
            replies, err = play(conf)
            if 'error' in x:
                got = ' '.join(re.findall(r'^error: .*\[(E\d+)', err, re.M))
                good = x['error'] in got
            else:
                got = re.sub(r'id=\S+', 'id=...', replies[number]) if len(replies) > number else '(no reply) ' + err[-300:]
                good = got == x['output']
            if not good:
                wrong.append('%s: %s\n    gives %s, not %s' % (e['name'], x['input'], got, x.get('error', x.get('output'))))
    h.check(not wrong, '\n'.join(wrong))
    h.check(count >= 100, '%d examples of ACL words' % count)


def make_database(name, path, text):
    """The file that a lookup's example looks into; False when the tool for it is not here."""
    pairs = [line.rpartition(': ')[::2] for line in text.split('\n') if line]
    if name == 'dsearch':
        shutil.rmtree(path, ignore_errors=True)
        for line in text.split('\n'):
            h.write(os.path.join(path, line), '')
    elif name == 'cdb':
        if not shutil.which('cdb'):
            return False
        lines = ''.join('+%d,%d:%s->%s\n' % (len(k), len(v), k, v) for k, v in pairs) + '\n'
        subprocess.run(['cdb', '-c', path], input=lines, text=True, check=True)
    elif name in ('dbm', 'dbmnz', 'dbmjz', 'lmdb'):
        tool = ['mdb_load', '-n'] if name == 'lmdb' else ['db5.3_load']
        if not shutil.which(tool[0]):
            return False
        end = '\0' if name == 'dbm' else ''
        pairs = [((k.replace(':', '\0') if name == 'dbmjz' else k) + end, v + end) for k, v in pairs]
        head = 'type=btree\nmapsize=1048576\nmaxreaders=126\n' if name == 'lmdb' else 'type=hash\n'
        lines = 'VERSION=3\nformat=bytevalue\n%sHEADER=END\n%sDATA=END\n' % (
            head, ''.join(' %s\n %s\n' % (k.encode().hex(), v.encode().hex()) for k, v in sorted(pairs)))
        if os.path.exists(path):
            os.unlink(path)
        subprocess.run([*tool, path], input=lines, text=True, check=True)
    elif name == 'sqlite':
        if os.path.exists(path):
            os.unlink(path)
        with sqlite3.connect(path) as db:
            db.executescript(text)
    else:
        h.write(path, text + '\n')
    return True


def test_file_lookups():
    conf = configure('session.conf')
    wrong = []
    for e in ENTRIES:
        if e['kind'] != 'lookup' or e['name'] in ('mysql', 'pgsql', 'redis', 'ldap', 'ldapdn', 'ldapm', 'spf'):  # e2e/lookup_*.py
            continue
        for x in e['examples']:
            expression = x['input']
            if 'setup' in x:
                path = D('files', e['name'])
                os.makedirs(D('files'), exist_ok=True)
                if not make_database(e['name'], path, x['setup']):
                    print('   %s: no tool to make the file' % e['name'])
                    continue
                expression = re.sub(r'(?<=[{=])/[^} ]+', path, expression, count=1)
            w = examples.judge(x, examples.expand(conf, [expression])[0])
            wrong += [e['name'] + ': ' + w] if w else []
    h.check(not wrong, '\n'.join(wrong))


def teardown():
    D.remove()


h.main()
