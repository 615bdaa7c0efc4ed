"""A real Dovecot (Debian's dovecot-core and dovecot-lmtpd): LMTP into its mailboxes over its socket, AUTH by its authentication service.
# timeout: 180
"""
import base64
import os
import shutil
import subprocess

import harness
from harness import check, equal, wait_for

if os.geteuid() != 0:
    harness.skip('needs root')
DOVECOT = shutil.which('dovecot') or '/usr/sbin/dovecot'
if not os.path.exists(DOVECOT) or not os.path.exists('/usr/lib/dovecot/lmtp'):
    harness.skip('dovecot-lmtpd is not installed')
harness.enter_namespace()

d = harness.Dir()
port = harness.free_port()
for name in ('run', 'mailboxes'):
    os.makedirs(d(name))
subprocess.run(['chown', 'mail:mail', d('mailboxes')], check=True)
harness.write(d('users'), 'bob:{PLAIN}se^cret::::::\n')
harness.write(d('dovecot.conf'), '''
base_dir = @D@/run
state_dir = @D@/run
log_path = @D@/dovecot.log
protocols = lmtp
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5
first_valid_uid = 1
mail_location = maildir:@D@/mailboxes/%n
mail_uid = mail
mail_gid = mail
postmaster_address = postmaster@local.test
hostname = local.test
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%n @D@/users
}
userdb {
  driver = passwd-file
  args = username_format=%n @D@/users
  default_fields = uid=mail gid=mail home=@D@/mailboxes/%n
}
service lmtp {
  unix_listener lmtp {
    mode = 0666
  }
}
service auth {
  unix_listener auth-client {
    mode = 0666
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
'''.replace('@D@', d.path))
harness.write(d('remex.conf'), '''
primary_hostname = local.test
exim_user = mail
exim_group = mail
spool_directory = @D@/spool
log_file_path = @D@/log/%slog
daemon_smtp_ports = @PORT@
local_interfaces = 127.0.0.1
auth_advertise_hosts = *
acl_smtp_rcpt = accept
log_selector = +smtp_confirmation
begin routers
all:
  driver = accept
  transport = dovecot
begin transports
dovecot:
  driver = lmtp
  socket = @D@/run/lmtp
  batch_max = 20
begin retry
* * F,1h,10m
begin authenticators
plain:
  driver = dovecot
  public_name = PLAIN
  server_socket = @D@/run/auth-client
  server_set_id = $auth1
login:
  driver = dovecot
  public_name = LOGIN
  server_socket = @D@/run/auth-client
  server_set_id = $auth1
cram:
  driver = dovecot
  public_name = CRAM-MD5
  server_socket = @D@/run/auth-client
  server_set_id = $auth1
gone:
  driver = dovecot
  public_name = DIGEST-MD5
  server_socket = @D@/run/nothing
'''.replace('@D@', d.path).replace('@PORT@', str(port)))
dovecot = subprocess.Popen([DOVECOT, '-F', '-c', d('dovecot.conf')], stdin=subprocess.DEVNULL)
wait_for(lambda: os.path.exists(d('run/lmtp')) and os.path.exists(d('run/auth-client')),
         what=lambda: open(d('dovecot.log')).read() if os.path.exists(d('dovecot.log')) else 'no log')
server = harness.Remex(d('remex.conf'), [port]).start()


def log():
    return open(d('log/mainlog')).read() if os.path.exists(d('log/mainlog')) else ''


def test_lmtp_gives_each_recipient_its_answer():
    got = harness.send(port, 'a@far.test', ['bob@local.test', 'nobody@local.test'], 'Subject: to dovecot\n\n.\nbody\n')
    equal(got[0], 250, got[1])
    line = wait_for(lambda: [l for l in log().splitlines() if '=> bob' in l], what=lambda: log() + open(d('dovecot.log')).read())[0]
    check('Saved' in line, line)
    wait_for(lambda: [l for l in log().splitlines() if '** nobody' in l and '550' in l], what=log)
    text = wait_for(lambda: harness.maildir(d('mailboxes/bob')), what='the mailbox')[0]
    check('Subject: to dovecot' in text and '\n.\n' in text, text)


def login(*lines):
    c = harness.Smtp(port)
    c.ehlo()
    got = None
    for line in lines:
        got = c.cmd(line(got[1]) if callable(line) else line)
    c.close()
    return got


def b64(s):
    return base64.b64encode(s.encode()).decode()


def test_auth_by_dovecot():
    equal(login('AUTH PLAIN ' + b64('\0bob\0se^cret'))[0], 235, 'PLAIN')
    equal(login('AUTH PLAIN', b64('\0bob\0se^cret'))[0], 235, 'PLAIN without an initial response')
    equal(login('AUTH LOGIN', b64('bob'), b64('se^cret'))[0], 235, 'LOGIN')

    def cram(challenge):
        import hashlib
        import hmac
        return b64('bob ' + hmac.new(b'se^cret', base64.b64decode(challenge), hashlib.md5).hexdigest())
    equal(login('AUTH CRAM-MD5', cram)[0], 235, 'CRAM-MD5')
    equal(login('AUTH PLAIN ' + b64('\0bob\0wrong'))[0], 535, 'wrong password')
    equal(login('AUTH LOGIN', '*')[0], 501, 'cancelled')
    check('set_id=bob' in log(), log()[-500:])


def test_service_that_is_not_there():
    equal(login('AUTH DIGEST-MD5')[0], 435, 'no socket')


def teardown():
    server.stop()
    dovecot.terminate()
    dovecot.wait()
    d.remove()


harness.main()
