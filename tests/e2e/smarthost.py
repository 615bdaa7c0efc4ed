"""A client that authenticates to its smarthost (PLAIN, LOGIN, CRAM-MD5, EXTERNAL, XOAUTH2) as Debian's configuration does, LMTP over a socket and
to a command, automatic replies, transport filters and shadow transports.
# timeout: 240
"""
import base64
import os
import socketserver
import subprocess
import threading

import harness
from harness import check, equal, wait_for

d = harness.Dir()
hub_port, client_port = harness.free_port(), harness.free_port()
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=hub.test', '-keyout', d('key.pem'), '-out', d('cert.pem')],
               check=True, capture_output=True)
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=hub.test', '-addext', 'subjectAltName=IP:127.0.0.1',
                '-keyout', d('key2.pem'), '-out', d('cert2.pem')], check=True, capture_output=True)
harness.write(d('both.pem'), open(d('cert.pem')).read() + open(d('cert2.pem')).read())
for f in ('key.pem', 'cert.pem', 'key2.pem', 'cert2.pem'):
    os.chmod(d(f), 0o644)
USER = 'exim_user = mail\nexim_group = mail\n' if os.geteuid() == 0 else ''
COMMON = USER + r'''
spool_directory = @D@/@NAME@
log_file_path = @D@/log-@NAME@/%slog
daemon_smtp_ports = @PORT@
local_interfaces = 127.0.0.1
'''
HUB = COMMON + r'''
primary_hostname = hub.test
tls_certificate = @D@/cert.pem
tls_privatekey = @D@/key.pem
tls_advertise_hosts = *
auth_advertise_hosts = *
log_selector = +smtp_confirmation
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
  directory = @D@/hubmail
  maildir_format
  headers_add = X-Id: $authenticated_id by $sender_host_authenticated as $authenticated_sender
begin retry
* * F,1h,10m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{bob}}{eq{$auth3}{se^cret:1}}}}
  server_set_id = $auth2
  server_advertise_condition = ${if exists{@D@/offer-plain}}
  server_mail_auth_condition = ${if exists{@D@/believe}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{bob}}{eq{$auth2}{se^cret:1}}}}
  server_set_id = $auth1
  server_advertise_condition = ${if exists{@D@/offer-login}}
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{bob}{se^cret:1}fail}
  server_set_id = $auth1
  server_advertise_condition = ${if exists{@D@/offer-cram}}
external:
  driver = external
  public_name = EXTERNAL
  server_param2 = two
  server_condition = ${if and{{eq{$auth1}{bob}}{eq{$auth2}{two}}}}
  server_set_id = $auth1
  server_advertise_condition = ${if exists{@D@/offer-external}}
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_condition = ${if eq{$auth1}{user=bob\001auth=Bearer token-s3\001\001}}
  server_set_id = ${sg{$auth1}{^user=([a-z]*)\001.*}{\$1}}
  server_advertise_condition = ${if exists{@D@/offer-xoauth2}}
'''
CLIENT = COMMON + r'''
primary_hostname = client.test
acl_smtp_rcpt = accept
smtputf8_advertise_hosts = *
dns_local_data = hub.test A 127.0.0.1 : wrong.hub.test A 127.0.0.1 : token.hub.test A 127.0.0.1 : none.hub.test A 127.0.0.1
log_selector = +smtp_confirmation
begin routers
replies:
  driver = accept
  domains = reply.test
  transport = vacation
lmtp:
  driver = accept
  domains = lmtp.test
  transport = ${if eq{$local_part}{cmd}{lmtp_command}{lmtp_socket}}
shadowed:
  driver = accept
  domains = shadow.test
  transport = shadowed
strict:
  driver = manualroute
  domains = strict.test
  route_list = * $local_part.hub.test byname
  self = send
  transport = strict
byip:
  driver = manualroute
  domains = byip.test
  route_list = * 127.0.0.1
  self = send
  transport = byip
unlisted:
  driver = manualroute
  domains = unlisted.test
  route_list = * hub.test byname
  self = send
  transport = unlisted
filtered:
  driver = manualroute
  domains = filter.test
  route_list = * hub.test byname
  self = send
  transport = filtered
smarthost:
  driver = manualroute
  route_list = * hub.test byname
  self = send
  transport = remote_smtp_smarthost
begin transports
remote_smtp_smarthost:
  driver = smtp
  multi_domain
  allow_localhost
  port = @HUB@
  tls_verify_hosts = :
  hosts_try_auth = <; ${if exists{@D@/passwd.client}{${lookup{$host}nwildlsearch{@D@/passwd.client}{$host_address}}}{}}
filtered:
  driver = smtp
  allow_localhost
  port = @HUB@
  hosts_try_auth = *
  transport_filter = /bin/sed -e 's/needle/found/' -e '1iX-Filter: yes' -e '\$aend'
byip:
  driver = smtp
  allow_localhost
  port = @HUB@
  tls_verify_hosts = *
  tls_verify_certificates = @D@/both.pem
unlisted:
  driver = smtp
  allow_localhost
  port = @HUB@
  tls_try_verify_hosts =
strict:
  driver = smtp
  allow_localhost
  port = @HUB@
  hosts_require_auth = *
lmtp_socket:
  driver = lmtp
  socket = @D@/lmtp.sock
  batch_max = 10
  timeout = 10s
lmtp_command:
  driver = lmtp
  command = /usr/bin/python3 @D@/lmtpd.py $primary_hostname
  timeout = 10s
vacation:
  driver = autoreply
  to = $sender_address
  from = away@client.test
  subject = "Away: $h_subject:"
  text = "I am away.\n"
  file = @D@/vacation.txt
  file_expand
  file_optional
  once = @D@/once
  log = @D@/replylog
  never_mail = never@*
shadowed:
  driver = appendfile
  directory = @D@/main
  maildir_format
  shadow_transport = shadow
  shadow_condition = ${if !eq{$h_subject:}{plain}}
shadow:
  driver = appendfile
  file = @D@/shadowbox
begin retry
* * F,1h,10m
begin authenticators
cram_md5:
  driver = cram_md5
  public_name = CRAM-MD5
  client_name = ${extract{1}{:}{${lookup{$host}nwildlsearch{@D@/passwd.client}{$value}fail}}}
  client_secret = ${sg{${lookup{$host}nwildlsearch{@D@/passwd.client}{$value}fail}}{\N^[^:]+:\N}{}}
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = "<; ${if !eq{$tls_out_cipher}{}{^${extract{1}{:}{${sg{${lookup{$host}nwildlsearch{@D@/passwd.client}{$value}fail}}{\\N[\\^]\\N}{^^}}}}^${sg{${sg{${lookup{$host}nwildlsearch{@D@/passwd.client}{$value}fail}}{\\N[\\^]\\N}{^^}}}{\\N([^:]+:)(.*)\\N}{\\$2}}}fail}"
login:
  driver = plaintext
  public_name = LOGIN
  client_send = "<; ${if eq{$tls_out_cipher}{}{fail}{}} ; ${extract{1}{:}{${lookup{$host}nwildlsearch{@D@/passwd.client}{$value}fail}}} ; ${sg{${sg{${lookup{$host}nwildlsearch{@D@/passwd.client}{$value}fail}}{\\N[\\^]\\N}{^^}}}{\\N([^:]+:)(.*)\\N}{\\$2}}"
  client_set_id = ${extract{1}{:}{${lookup{$host}nwildlsearch{@D@/passwd.client}{$value}fail}}}
external:
  driver = external
  public_name = EXTERNAL
  client_send = bob
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  client_send = "user=bob\001auth=Bearer ${readfile{@D@/token}{}}\001\001"
'''


def conf(name, text, port):
    text = text.replace('@NAME@', name).replace('@D@', d.path).replace('@PORT@', str(port)).replace('@HUB@', str(hub_port))
    return harness.write(d(name + '.conf'), text)


LMTPD = r'''
import sys
out = sys.stdout
def say(s):
    out.write(s + '\r\n'); out.flush()
say('220 lmtp ' + sys.argv[1])
rcpts = []
while True:
    line = sys.stdin.readline()
    if not line: break
    w = line[:4].upper().strip()
    if w == 'LHLO': say('250-lmtp'); say('250 PIPELINING')
    elif w == 'MAIL': rcpts = []; say('250 ok')
    elif w == 'RCPT': rcpts.append(line.strip()); say('250 ok')
    elif w == 'DATA':
        say('354 go')
        text = []
        while True:
            l = sys.stdin.readline()
            if l in ('.\r\n', ''): break
            text.append(l)
        open('%s', 'a').write(''.join(text))
        for r in rcpts: say('250 taken ' + r)
    elif w == 'QUIT': say('221 bye'); break
    else: say('250 ok')
'''
harness.write(d('lmtpd.py'), LMTPD.replace('%s', d('lmtp-cmd.out')))
harness.write(d('passwd.client'), 'hub.test:bob:se^cret:1\n*.hub.test:bob:se^cret:1\n')
harness.write(d('token'), 'token-s3\n')


class Lmtp(socketserver.StreamRequestHandler):
    """Takes good@, refuses full@ after the data, defers later@ after the data, does not know nobody@."""
    taken, senders, offers = [], [], '250 8BITMIME'

    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')

    def handle(self):
        self.say('220 lmtp')
        rcpts = []
        while True:
            line = self.rfile.readline().decode().strip()
            w = line[:4].upper()
            if not line or w == 'QUIT':
                self.say('221 bye')
                return
            if w == 'LHLO':
                self.say('250-lmtp\r\n250-PIPELINING\r\n' + Lmtp.offers)
            elif w == 'MAIL':
                Lmtp.senders.append(line)
                self.say('250 ok')
            elif w == 'RCPT':
                if 'nobody' in line:
                    self.say('550 5.1.1 no such user')
                else:
                    rcpts.append(line)
                    self.say('250 ok')
            elif w == 'DATA':
                self.say('354 go')
                text = b''
                while True:
                    l = self.rfile.readline()
                    if l in (b'.\r\n', b''):
                        break
                    text += l
                Lmtp.taken.append((list(rcpts), text))
                for r in rcpts:
                    self.say('552 5.2.2 mailbox full' if 'full' in r else '451 4.3.0 later' if 'later' in r else '250 2.0.0 taken')
                rcpts = []
            else:
                self.say('250 ok')


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


lmtp_server = Server(d('lmtp.sock'), Lmtp)
os.chmod(d('lmtp.sock'), 0o666)
threading.Thread(target=lmtp_server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
if os.geteuid() == 0:
    subprocess.run(['chown', 'mail:mail', d.path], check=True)
hub = harness.Remex(conf('hub', HUB, hub_port), [hub_port]).start()
client = harness.Remex(conf('client', CLIENT, client_port), [client_port]).start()


def log(name='client'):
    try:
        return open(d('log-' + name, 'mainlog')).read()
    except OSError:
        return ''


def send(to, body='hello\n', sender='from@client.test', subject='x', extra=''):
    got = harness.send(client_port, sender, to if isinstance(to, list) else [to], 'Subject: %s\nMessage-ID: <one@x>\n%s\n%s' % (subject, extra, body))
    equal(got[0], 250, got[1])
    return got[1].split('id=')[1].split()[0]


def done(mid, pattern='Completed'):
    return wait_for(lambda: [l for l in log().splitlines() if mid in l and pattern in l], what=lambda: '%s of %s in: %s' % (pattern, mid, log()[-2500:]))


def offer(*names):
    for n in ('plain', 'login', 'cram', 'external', 'xoauth2'):
        if os.path.exists(d('offer-' + n)):
            os.unlink(d('offer-' + n))
    for n in names:
        harness.write(d('offer-' + n), '')


def delivered(mid):
    done(mid)
    return wait_for(lambda: [m for m in harness.maildir(d('hubmail')) if mid in m], what='the message at the hub')[0]


def test_each_mechanism():
    for i, (name, logged) in enumerate((('plain', 'A=plain'), ('login', 'A=login:bob'), ('cram', 'A=cram_md5'), ('external', 'A=external'),
                                      ('xoauth2', 'A=xoauth2'))):
        offer(name)
        # Another sender: a connection with credentials serves one sender only.
        mid = send('someone@far.test', sender='s%d@client.test' % i)
        text = delivered(mid)
        check('X-Id: bob by ' in text, text)
        check(logged in done(mid, '=>')[0], done(mid, '=>')[0])


def test_no_password_in_any_log():
    secrets = ['se^cret', 'token-s3'] + [base64.b64encode(s).decode() for s in (b'\0bob\0se^cret:1', b'user=bob\1auth=Bearer token-s3\1\1')]
    for name in ('client', 'hub'):
        for kind in ('mainlog', 'paniclog', 'rejectlog'):
            path = d('log-' + name, kind)
            text = open(path).read() if os.path.exists(path) else ''
            check(not any(s in text for s in secrets), path)


def test_address_in_the_certificate():
    """A host that is an IP address shall show a certificate for it; the hub shows a renewed one without being told."""
    mid = send('a@byip.test')
    check('certificate verification failed' in done(mid, '==')[0], log()[-800:])
    for name in ('key', 'cert'):
        os.rename(d(name + '2.pem'), d(name + '.pem'))

    def refused():
        client.run('-qff')  # again and again: one that comes before the first attempt has let the message go skips it
        return [l for l in log().splitlines() if mid in l and '**' in l]
    check('authenticate first' in wait_for(refused, what=lambda: 'another attempt: ' + log()[-2500:])[0], log()[-800:])


def test_wrong_password():
    offer('plain', 'cram')
    harness.write(d('passwd.client'), 'hub.test:bob:wrong\n*.hub.test:bob:wrong\n')
    mid = send('a@far.test', sender='w@client.test')
    check('authenticate first' in done(mid, '**')[0], 'hosts_try_auth goes on without: ' + log()[-800:])
    check('cram_md5 authenticator failed H=hub.test [127.0.0.1] 535' in log(), log()[-1500:])
    mid = send('wrong@strict.test', sender='w2@client.test')
    check('authentication attempt(s) failed' in done(mid, '==')[0], log()[-800:])
    harness.write(d('passwd.client'), 'hub.test:bob:se^cret:1\n*.hub.test:bob:se^cret:1\n')


def test_refused_token_or_name():
    """A mechanism that is refused for good is left; the next one that both know is tried, and then the host's kind of list decides."""
    offer('xoauth2')
    harness.write(d('token'), 'an-old-one\n')
    mid = send('a@far.test', sender='x1@client.test')
    check('authenticate first' in done(mid, '**')[0], 'hosts_try_auth goes on without: ' + log()[-800:])
    check('xoauth2 authenticator failed H=hub.test [127.0.0.1] 535' in log(), log()[-1500:])
    mid = send('token@strict.test', sender='x2@client.test')
    check('authentication attempt(s) failed' in done(mid, '==')[0], log()[-800:])
    offer('external', 'xoauth2', 'plain')
    harness.write(d('passwd.client'), 'hub.test:bob:wrong\n*.hub.test:bob:wrong\n')
    mid = send('a@far.test', sender='x3@client.test')
    delivered(mid)
    check('A=external' in done(mid, '=>')[0], done(mid, '=>')[0])
    check('plain authenticator failed H=hub.test [127.0.0.1] 535' in log(), 'PLAIN was tried first: ' + log()[-1500:])
    offer('xoauth2', 'plain')
    harness.write(d('token'), 'token-s3\n')
    mid = send('a@far.test', sender='x4@client.test')
    check('X-Id: bob by xoauth2' in delivered(mid), 'after PLAIN was refused')
    harness.write(d('passwd.client'), 'hub.test:bob:se^cret:1\n*.hub.test:bob:se^cret:1\n')


def test_required_but_not_offered():
    offer()
    mid = send('none@strict.test', sender='n@client.test')
    check('did not advertise AUTH' in done(mid, '==')[0], log()[-800:])


def test_transport_filter():
    offer('cram')
    text = delivered(send('a@filter.test', 'a needle here\n', sender='f@client.test'))
    check('X-Filter: yes' in text and 'a found here' in text and text.rstrip().endswith('end'), text)


def test_lmtp_socket_has_an_answer_for_each():
    mid = send(['good@lmtp.test', 'full@lmtp.test', 'later@lmtp.test', 'nobody@lmtp.test'])
    line = done(mid, '=> good')[0]
    check('C="250 2.0.0 taken"' in line, line)
    check('552 5.2.2 mailbox full' in done(mid, '** full')[0], log()[-1500:])
    check('451 4.3.0 later' in done(mid, '== later')[0], log()[-1500:])
    check('550 5.1.1 no such user' in done(mid, '** nobody')[0], log()[-1500:])
    equal(len(Lmtp.taken), 1, 'transactions')


def test_lmtp_and_names_beyond_ascii():
    octets = lambda text: text.encode().decode('latin-1')
    for offers, want in (('250-SMTPUTF8\r\n250 8BITMIME', True), ('250 8BITMIME', False)):
        Lmtp.offers = offers
        del Lmtp.senders[:], Lmtp.taken[:]
        c = harness.Smtp(client_port)
        c.ehlo()
        c.expect(octets('MAIL FROM:<ä@client.test> SMTPUTF8'), 250)
        c.expect(octets('RCPT TO:<ö@lmtp.test>'), 250)
        c.expect('DATA', 354)
        c.send('Subject: x\r\n\r\nx\r\n.\r\n')
        equal(c.reply()[0], 250)
        wait_for(lambda: Lmtp.taken, what=lambda: 'the message: ' + log()[-1500:])
        equal(('SMTPUTF8' in Lmtp.senders[0], 'ö@lmtp.test' in Lmtp.taken[0][0][0]), (want, True), (Lmtp.senders, Lmtp.taken))
    send('good@lmtp.test')
    wait_for(lambda: len(Lmtp.senders) == 2, what='the other message')
    check('SMTPUTF8' not in Lmtp.senders[1], Lmtp.senders)
    del Lmtp.taken[:]


def test_lmtp_command():
    mid = send('cmd@lmtp.test', '.dot\nbody\n')
    check('=> cmd' in done(mid, '=>')[0], log()[-500:])
    done(mid)
    text = open(d('lmtp-cmd.out')).read()
    check('..dot' in text and 'body' in text, text)


def test_autoreply_once_and_no_loop():
    harness.write(d('vacation.txt'), 'Back soon, $sender_address.\n')
    offer('cram')
    mid = send('me@reply.test', sender='asker@far.test', subject='question')
    done(mid)
    text = wait_for(lambda: [m for m in harness.maildir(d('hubmail')) if 'Away: question' in m], what=lambda: log()[-1500:])[0]
    for part in ('To: asker@far.test', 'From: away@client.test', 'Auto-Submitted: auto-replied', 'References: <one@x>', 'I am away.', 'Back soon, asker@far.test.'):
        check(part in text, part + ' in ' + text)
    check(' <= <> R=' + mid in log(), 'null sender: ' + log()[-1500:])
    check('To: asker@far.test' in open(d('replylog')).read(), 'log')
    check('asker@far.test' in open(d('once')).read(), 'once')
    done(send('me@reply.test', sender='asker@far.test', subject='again'), 'answered before')
    done(send('me@reply.test', sender='never@far.test', subject='never'))
    done(send('me@reply.test', sender='', subject='bounce'))
    equal([m for m in harness.maildir(d('hubmail')) if 'Away: ' in m and 'Away: question' not in m], [], 'other replies')


def test_shadow():
    mid = send('u@shadow.test', subject='both')
    check('ST=shadow' in done(mid, '=>')[0], log()[-500:])
    check('Subject: both' in open(d('shadowbox')).read(), 'shadow copy')
    mid = send('u@shadow.test', subject='plain')
    check('ST=' not in done(mid, '=>')[0], log()[-500:])


def test_no_list_of_hosts_to_verify():
    """Neither tls_verify_hosts nor tls_try_verify_hosts: every certificate must verify, as in Exim."""
    mid = send('a@unlisted.test')
    check('certificate verification failed' in done(mid, '==')[0], log()[-800:])


def teardown():
    client.stop()
    hub.stop()
    lmtp_server.shutdown()
    d.remove()


harness.main()
