"""Debian's exim4-config (conf.d of the package) loads as internet, smarthost, satellite and local site, and delivers: to mailboxes of local
users, through .forward and /etc/aliases, and through an authenticating smarthost. Needs the package's files.
# timeout: 240
"""
import glob
import os
import shutil
import stat
import subprocess

import debian_config
import harness
from harness import check, equal, wait_for

if os.geteuid() != 0:
    harness.skip('needs root')
if 'REMEX_DEBIAN_CONFD' not in os.environ:
    # Outside the namespace: the package may have to come from the archive.
    UNPACKED = harness.Dir()
    os.environ['REMEX_DEBIAN_UNPACKED'] = UNPACKED.path
    os.environ['REMEX_DEBIAN_CONFD'] = (debian_config.unpack('exim4-config', UNPACKED.path) or '') + '/etc/exim4/conf.d'
CONFD = os.environ['REMEX_DEBIAN_CONFD']
if not os.path.isdir(CONFD + '/router'):
    harness.skip('exim4-config cannot be had here')
harness.enter_namespace()
subprocess.run(['ip', 'addr', 'add', '192.0.2.1/32', 'dev', 'lo'], check=True)

d = harness.Dir()
ALICE = 4031
for name in ('home/alice', 'mail', 'conf', 'etc'):
    os.makedirs(d(name))
os.chown(d('home/alice'), ALICE, ALICE)
os.chown(d('mail'), 0, 8)
os.chmod(d('mail'), 0o2775)
binds = {
    'passwd': open('/etc/passwd').read() + 'alice:x:%d:%d:Alice:%s:/bin/sh\n' % (ALICE, ALICE, d('home/alice')),
    'group': open('/etc/group').read() + 'alice:x:%d:\n' % ALICE,
    'aliases': 'postmaster: alice\nlist: alice, "|/bin/cat > /dev/null"\nbox: %s\n' % d('mail/box'),
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
}
for name, text in binds.items():
    harness.write(d('etc', name), text)
    if not os.path.exists('/etc/' + name):
        open('/etc/' + name, 'a').close()
    subprocess.run(['mount', '--bind', d('etc', name), '/etc/' + name], check=True)
os.makedirs('/var/mail', exist_ok=True)
subprocess.run(['mount', '--bind', d('mail'), '/var/mail'], check=True)
hub_port = harness.free_port()
harness.write(d('conf/passwd.client'), 'hub.test:alice:pa^ss:word\n', 0o640)
subprocess.run(['chown', 'mail:mail', d('conf/passwd.client')], check=True)
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=hub.test', '-addext', 'subjectAltName=DNS:hub.test',
                '-keyout', d('key.pem'), '-out', d('cert.pem')], check=True, capture_output=True)
for f in ('key.pem', 'cert.pem'):
    os.chmod(d(f), 0o644)


def config(kind, port, local_delivery='mail_spool', more=''):
    """One file as update-exim4.conf makes it, with answers as debconf would give them."""
    answers = {
        'MAIN_LOCAL_DOMAINS': '@:localhost:local.test', 'MAIN_RELAY_TO_DOMAINS': '', 'MAIN_RELAY_NETS': ': 127.0.0.1 : ::::1', 'ETC_MAILNAME': 'local.test',
        'LOCAL_DELIVERY': local_delivery, 'DCreadhost': 'read.test', 'DCsmarthost': 'hub.test::%d' % hub_port, 'DCconfig_' + kind: '1', 'CONFDIR': d('conf'),
        'SPOOLDIR': d('spool-' + kind), 'MAIN_HARDCODE_PRIMARY_HOSTNAME': 'client.local.test', 'DC_minimaldns': '1',
        'REMOTE_SMTP_SMARTHOST_TLS_VERIFY_CERTIFICATES': d('cert.pem'),
    }
    text = ''
    for section in ('main', 'acl', 'router', 'transport', 'retry', 'rewrite', 'auth'):
        for f in sorted(glob.glob(CONFD + '/' + section + '/*')):
            text += open(f).read()
    macros = ''.join('%s=%s\n' % kv for kv in answers.items())
    macros += 'MAIN_LOCAL_INTERFACES=127.0.0.1\n' + more
    text = macros + text.replace('UPEX4CmacrosUPEX4C = 1\n', '')
    own = 'exim_user = mail\nexim_group = mail\nlog_file_path = %s/logs-%s/%%slog\ndaemon_smtp_ports = %d\ndns_local_data = hub.test A 192.0.2.1\n' % (
        d.path, kind, port)
    text = text.replace('domainlist local_domains', own + 'domainlist local_domains', 1)
    return harness.write(d(kind + '.conf'), text)


HUB = r'''
primary_hostname = hub.test
exim_user = mail
exim_group = mail
spool_directory = @D@/hub
log_file_path = @D@/logs-hub/%slog
daemon_smtp_ports = @PORT@
local_interfaces = <; 192.0.2.1 ; 127.0.0.1
tls_certificate = @D@/cert.pem
tls_privatekey = @D@/key.pem
tls_advertise_hosts = *
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = check_rcpt
begin acl
check_rcpt:
  accept authenticated = *
  deny message = authenticate first
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = @D@/hub/taken
  maildir_format
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{alice}}{eq{$auth3}{pa^ss:word}}}}
  server_set_id = $auth2
'''


def log(kind):
    try:
        return open(d('logs-' + kind, 'mainlog')).read()
    except OSError:
        return ''


def done(kind, mid, pattern='Completed'):
    return wait_for(lambda: [l for l in log(kind).splitlines() if mid in l and pattern in l], what=lambda: '%s of %s in: %s' % (pattern, mid, log(kind)[-2500:]))


def send(port, to, subject):
    got = harness.send(port, 'alice@local.test', [to], 'From: alice@local.test\nSubject: %s\nMessage-ID: <%s@x>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n\nbody\n' % (subject, subject))
    equal(got[0], 250, got[1])
    return got[1].split('id=')[1].split()[0]


def test_all_kinds_load():
    for kind in ('internet', 'smarthost', 'satellite', 'local'):
        for delivery in ('mail_spool', 'maildir_home'):
            conf = config(kind, 25, delivery)
            r = subprocess.run([harness.BIN, '-C', conf, '-bV'], capture_output=True, text=True)
            equal(r.returncode, 0, '%s %s: %s' % (kind, delivery, r.stderr))


def test_local_deliveries():
    port = harness.free_port()
    server = harness.Remex(config('local', port), [port]).start()
    try:
        done('local', send(port, 'alice@local.test', 'one'))
        st = os.stat(d('mail/alice'))
        equal((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (ALICE, 8, 0o660), 'mailbox')
        done('local', send(port, 'postmaster@local.test', 'two'))
        text = open(d('mail/alice')).read()
        check('Subject: one' in text and 'Subject: two' in text and 'Envelope-to: postmaster@local.test' in text, text)
        harness.write(d('home/alice/.forward'), '%s\n"|/usr/bin/tee %s"\n' % (d('home/alice/saved'), d('home/alice/tee')))
        os.chown(d('home/alice/.forward'), ALICE, ALICE)
        done('local', send(port, 'alice@local.test', 'three'))
        for name in ('saved', 'tee'):
            check('Subject: three' in open(d('home/alice', name)).read(), name)
            equal(os.stat(d('home/alice', name)).st_uid, ALICE, name)
        harness.write(d('home/alice/.forward'), 'bad address here <<\n%s\n' % d('home/alice/saved'))
        os.chown(d('home/alice/.forward'), ALICE, ALICE)
        done('local', send(port, 'alice@local.test', 'four'))
        wait_for(lambda: 'An error has' in open(d('mail/alice')).read(), what=lambda: log('local')[-1500:])
        os.unlink(d('home/alice/.forward'))
        line = done('local', send(port, 'nobody.here@local.test', 'five'), '** nobody.here')[0]
        check('Unrouteable address' in line or 'Unknown user' in line, line)
    finally:
        server.stop()


def test_smarthost_with_password():
    port = harness.free_port()
    hub = harness.Remex(harness.write(d('hub.conf'), HUB.replace('@D@', d.path).replace('@PORT@', str(hub_port))), [hub_port]).start()
    server = harness.Remex(config('smarthost', port), [port]).start()
    try:
        mid = send(port, 'someone@far.test', 'away')
        line = done('smarthost', mid, ' => ')[0]
        check('A=plain' in line and 'R=smarthost T=remote_smtp_smarthost' in line and 'CV=yes' in line, line)
        check('Subject: away' in wait_for(lambda: harness.maildir(d('hub/taken')), what='the message at the hub')[0], 'at the hub')
    finally:
        server.stop()
        hub.stop()


def teardown():
    shutil.rmtree(os.environ.get('REMEX_DEBIAN_UNPACKED', '/nonexistent'), ignore_errors=True)
    d.remove()


harness.main()
