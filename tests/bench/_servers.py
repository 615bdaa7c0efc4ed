"""The servers that are measured beside each other: how each is configured, started, and asked for its processor time.

Each peer lives in a root folder made by dev.d/peers.sh; remex runs where it was built. All serve the same work on loopback: mail
for bench.test goes into maildirs of 16 users, other mail to one smart host. What is compared is in a Work.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

USERS = 16
KEY_BITS = 2048  # of the certificate and of the RSA signing key


@dataclass(frozen=True)
class Work:
    """What the servers are to do: TLS towards clients, TLS towards the smart host, a signature by 'rsa', 'ed25519' or none;
    hold: keep mail for others in the queue until told."""
    tls_in: bool = False
    tls_out: bool = False
    sign: str = ''
    hold: bool = False


def write(path, text, mode=0o644, owner=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)
    if owner:
        os.chown(path, *owner)


class ProcessorTime:
    """The processor time of a server with all its children, dead ones too: a control group, of either version."""

    def __init__(self, name):
        base = '/sys/fs/cgroup'
        self.v1 = os.path.isdir(base + '/cpuacct')
        self.path = '%s/remex-bench-%s-%d' % (base + ('/cpuacct' if self.v1 else ''), name, os.getpid())
        os.mkdir(self.path)

    def entered(self, command):
        return ['sh', '-c', 'echo $$ > %s/cgroup.procs; exec "$@"' % self.path, 'sh', *command]

    def seconds(self):
        if self.v1:
            return int(open(self.path + '/cpuacct.usage').read()) / 1e9
        return int(open(self.path + '/cpu.stat').readline().split()[1]) / 1e6

    def pids(self):
        return [int(p) for p in open(self.path + '/cgroup.procs').read().split()]

    def remove(self):
        end = time.monotonic() + 10
        while self.pids() and time.monotonic() < end:
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
        os.rmdir(self.path)


class Server:
    """One server in its root folder. keys is the folder of the certificate and the signing keys, smart_host a port."""
    name = ''
    signs = ('rsa', 'ed25519')
    serves_tls = True

    def __init__(self, root, port, smart_host, keys):
        self.root, self.port, self.smart_host, self.keys = root, port, smart_host, keys
        self.helpers = []

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def inside(self, *command):
        return ['chroot', self.root, *command]

    def owner(self, user):
        """(uid, gid) of a user of the root folder."""
        for line in open(self.path('etc/passwd')):
            fields = line.split(':')
            if fields[0] == user:
                return int(fields[2]), int(fields[3])
        raise KeyError(user)

    def make_maildirs(self, owner):
        for i in range(USERS):
            for part in ('', 'Maildir', 'Maildir/tmp', 'Maildir/new', 'Maildir/cur'):
                directory = self.path('srv/mail', 'u%d' % i, part)
                os.makedirs(directory, exist_ok=True)
                os.chown(directory, *owner)

    def new_mail(self):
        return [self.path('srv/mail/u%d/Maildir/new' % i) for i in range(USERS)]

    def forget_mail(self):
        for directory in self.new_mail():
            for entry in os.scandir(directory):
                os.unlink(entry.path)

    def configure(self, work):
        raise NotImplementedError

    def commands(self, work):
        """The commands to run, the server first."""
        raise NotImplementedError

    def start(self, work):
        self.configure(work)
        self.cpu = ProcessorTime(self.name)
        self.log = open(self.path('bench.log'), 'ab')
        environment = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C'}
        for command in reversed(self.commands(work)):
            self.helpers.append(subprocess.Popen(self.cpu.entered(command), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                                 env=environment, cwd='/', start_new_session=True))
        end = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(('127.0.0.1', self.port), 1) as s:
                    s.settimeout(5)
                    if s.recv(300).startswith(b'220'):
                        return
            except OSError:
                pass
            if time.monotonic() > end or self.helpers[-1].poll() is not None:
                raise RuntimeError('%s did not start; see %s' % (self.name, self.log.name))
            time.sleep(0.05)

    def stop(self):
        for helper in reversed(self.helpers):
            helper.terminate()
        end = time.monotonic() + 10
        while self.cpu.pids() and time.monotonic() < end:
            time.sleep(0.05)
        self.cpu.remove()
        for helper in self.helpers:
            helper.wait()
        self.helpers = []
        self.log.close()

    def drain(self):
        """Asked once, when the smart host is there again, and then every second."""
        raise NotImplementedError

    def call(self, *command):
        return subprocess.Popen(self.cpu.entered(command), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd='/')


# One configuration for both programs that speak the language.
EXIM = '''primary_hostname = bench.test
domainlist local_domains = bench.test
acl_smtp_rcpt = accept
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
spool_directory = {spool}
log_file_path = {spool}/log/%slog
pid_file_path = {spool}/bench.pid
tls_advertise_hosts = {advertise}
tls_certificate = {keys}/cert.pem
tls_privatekey = {keys}/key.pem
smtp_accept_max = 1000
smtp_accept_queue_per_connection = 1000
message_size_limit = 100M
queue_run_max = 8
keep_environment =
{extra}
begin routers
local:
  driver = accept
  domains = +local_domains
  transport = maildir
relay:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = out
begin transports
maildir:
  driver = appendfile
  directory = {mail}/${{lookup{{$local_part}}lsearch{{{users}}}}}/Maildir
  maildir_format
  create_directory
  user = {user}
  group = {user}
out:
  driver = smtp
  port = {smart_host}
  allow_localhost
  hosts_try_chunking =
  tls_try_verify_hosts = :
  {tls} = *
{sign}begin retry
* * F,2h,15m
'''


class EximLike(Server):
    keys_inside = spool_inside = mail_inside = user = mail_user = ''

    def text(self, work):
        sign = ''
        if work.sign:
            sign = '  dkim_domain = client.test\n  dkim_selector = bench\n  dkim_private_key = %s/%s.pem\n' % (self.keys_inside, work.sign)
        return EXIM.format(port=self.port, spool=self.spool_inside, advertise='*' if work.tls_in else '', keys=self.keys_inside, mail=self.mail_inside,
                           users=self.keys_inside + '/users', user=self.mail_user, smart_host=self.smart_host, extra='queue_only' if work.hold else '',
                           tls='hosts_require_tls' if work.tls_out else 'hosts_avoid_tls', sign=sign)

    def place_keys(self, directory, owner):
        os.makedirs(directory, exist_ok=True)
        for name in os.listdir(self.keys):
            shutil.copy(os.path.join(self.keys, name), directory)
            os.chown(os.path.join(directory, name), *owner)
            os.chmod(os.path.join(directory, name), 0o600)
        write(directory + '/users', ''.join('u%d: u%d\n' % (i, i) for i in range(USERS)))

    def drain(self):
        if not getattr(self, 'runner', None) or self.runner.poll() is not None:
            self.runner = self.call(*self.program('-qff'))


class Exim(EximLike):
    name = 'exim'
    keys_inside, spool_inside, mail_inside, mail_user = '/etc/exim4/bench', '/var/spool/exim4', '/srv/mail', 'vmail'

    def program(self, *arguments):
        return self.inside('/usr/sbin/exim4', *arguments)

    def configure(self, work):
        owner = self.owner('Debian-exim')
        self.make_maildirs(self.owner('vmail'))
        for name in ('input', 'msglog', 'db', 'log'):
            shutil.rmtree(self.path('var/spool/exim4', name), ignore_errors=True)
        os.makedirs(self.path('var/spool/exim4/log'))
        for name in ('', 'log'):
            os.chown(self.path('var/spool/exim4', name), *owner)
        self.place_keys(self.path('etc/exim4/bench'), owner)
        write(self.path('etc/exim4/exim4.conf'), self.text(work))

    def commands(self, work):
        return [self.program('-bdf', '-q1h')]


class Remex(EximLike):
    name = 'remex'

    def __init__(self, binary, root, *rest):
        super().__init__(root, *rest)
        self.binary, self.conf, self.mail_user = binary, root + '/remex.conf', 'mail'
        self.keys_inside, self.spool_inside, self.mail_inside = root + '/keys', root + '/spool', root + '/srv/mail'

    def program(self, *arguments):
        return [self.binary, '-C', self.conf, *arguments]

    def configure(self, work):
        mail = pwd.getpwnam('mail')
        owner = (mail.pw_uid, mail.pw_gid)
        shutil.rmtree(self.path('spool'), ignore_errors=True)
        os.makedirs(self.path('spool/log'))
        for name in ('spool', 'spool/log'):
            os.chown(self.path(name), *owner)
        os.chmod(self.root, 0o755)
        self.make_maildirs(owner)
        self.place_keys(self.path('keys'), owner)
        write(self.conf, self.text(work).replace('keep_environment', 'exim_user = mail\nkeep_environment'))

    def commands(self, work):
        return [self.program('-bdf', '-q1h')]


class Postfix(Server):
    name = 'postfix'
    signs = ('rsa',)  # by OpenDKIM, which knows no other
    milter = 8891
    MAIN = '''compatibility_level = 3.6
myhostname = bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
virtual_mailbox_domains = bench.test
virtual_mailbox_base = /srv/mail
virtual_mailbox_maps = texthash:/etc/postfix/vmailbox
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_mailbox_limit = 0
message_size_limit = 104857600
relayhost = [127.0.0.1]:{smart_host}
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_tls_security_level = {tls_out}
smtpd_tls_security_level = {tls_in}
smtpd_tls_cert_file = /etc/postfix/bench/cert.pem
smtpd_tls_key_file = /etc/postfix/bench/key.pem
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
default_process_limit = 250
in_flow_delay = 0
biff = no
maillog_file = /var/log/bench.log
{extra}
'''

    def configure(self, work):
        self.make_maildirs(self.owner('vmail'))
        extra = 'defer_transports = smtp\n' if work.hold else ''
        if work.sign:
            extra += 'smtpd_milters = inet:127.0.0.1:%d\n' % self.milter
            dkim = self.owner('opendkim')
            shutil.copy(os.path.join(self.keys, work.sign + '.pem'), self.path('etc/opendkim.bench.pem'))
            os.chown(self.path('etc/opendkim.bench.pem'), *dkim)
            os.chmod(self.path('etc/opendkim.bench.pem'), 0o600)
            write(self.path('etc/opendkim.bench.conf'), 'Domain client.test\nSelector bench\nKeyFile /etc/opendkim.bench.pem\nMode s\nSocket inet:%d@127.0.0.1\n'
                  'Canonicalization relaxed/relaxed\nInternalHosts 127.0.0.1\nUserID opendkim\nUMask 007\n' % self.milter)
        write(self.path('etc/postfix/main.cf'), self.MAIN.format(smart_host=self.smart_host, tls_in='may' if work.tls_in else 'none',
                                                                 tls_out='encrypt' if work.tls_out else 'none', extra=extra))
        master = open(self.path('usr/share/postfix/master.cf.dist')).read()
        lines = []
        for line in master.splitlines():
            fields = line.split()
            if line[:1] in '# \t' or len(fields) < 8:
                continue
            if fields[0] == 'smtp' and fields[1] == 'inet':
                fields[0], fields[6] = '127.0.0.1:%d' % self.port, '250'
            fields[4] = 'n'  # the whole server has a root folder of its own
            lines.append(' '.join(fields))
        write(self.path('etc/postfix/master.cf'), '\n'.join(lines) + '\n')
        write(self.path('etc/postfix/vmailbox'), ''.join('u%d@bench.test u%d/Maildir/\n' % (i, i) for i in range(USERS)))
        for name in ('cert.pem', 'key.pem'):
            os.makedirs(self.path('etc/postfix/bench'), exist_ok=True)
            shutil.copy(os.path.join(self.keys, name), self.path('etc/postfix/bench'))
        subprocess.run(self.inside('/usr/sbin/postsuper', '-d', 'ALL'), capture_output=True)

    def commands(self, work):
        signer = [self.inside('/usr/sbin/opendkim', '-f', '-x', '/etc/opendkim.bench.conf')] if work.sign else []
        return [self.inside('/usr/sbin/postfix', 'start-fg')] + signer

    def stop(self):
        subprocess.run(self.inside('/usr/sbin/postfix', 'stop'), capture_output=True)
        super().stop()

    def drain(self):
        if not getattr(self, 'asked', False):
            self.asked = True
            self.call(*self.inside('/usr/sbin/postconf', '-e', 'defer_transports=')).wait()
            self.call(*self.inside('/usr/sbin/postfix', 'reload')).wait()
        self.call(*self.inside('/usr/sbin/postqueue', '-f')).wait()


class OpenSmtpd(Server):
    name = 'opensmtpd'
    serves_tls = False  # Debian 12's answers every handshake with an internal error

    def configure(self, work):
        self.make_maildirs(self.owner('vmail'))
        shutil.rmtree(self.path('var/spool/smtpd/queue'), ignore_errors=True)
        lines = ['pki bench cert "/etc/bench/cert.pem"', 'pki bench key "/etc/bench/key.pem"', 'table users { "@bench.test" = vmail }',
                 'smtp max-message-size 100M', 'smtp limit max-mails 1000', 'mta limit conn-delay-relay 0', 'mta limit reconn-delay-route 1',
                 'mda limit max-session 100']
        options = ' tls pki bench' if work.tls_in else ''
        for name in os.listdir(self.keys):
            os.makedirs(self.path('etc/bench'), exist_ok=True)
            shutil.copy(os.path.join(self.keys, name), self.path('etc/bench'))
            os.chmod(self.path('etc/bench', name), 0o600)
        if work.sign:
            signer = self.path('etc/bench', work.sign + '.pem')
            os.chown(signer, *self.owner('_dkimsign'))
            algorithm = ' -a ed25519-sha256' if work.sign == 'ed25519' else ''
            lines.append('filter sign proc-exec "filter-dkimsign -d client.test -s bench%s -k /etc/bench/%s.pem" user _dkimsign group _dkimsign' % (algorithm, work.sign))
            options += ' filter sign'
        lines += ['listen on 127.0.0.1 port %d hostname bench.test%s' % (self.port, options),
                  'action "local" maildir "/srv/mail/%{rcpt.user}/Maildir" virtual <users>',
                  'action "out" relay host %s://127.0.0.1:%d' % ('smtp' if work.tls_out else 'smtp+notls', self.smart_host),
                  'match from any for domain "bench.test" action "local"', 'match from local for any action "out"']
        write(self.path('etc/smtpd.conf'), '\n'.join(lines) + '\n')
        write(self.path('etc/mailname'), 'bench.test\n')

    def commands(self, work):
        return [self.inside('/usr/sbin/smtpd', '-F')]

    def start(self, work):
        super().start(work)
        if work.hold:
            self.call(*self.inside('/usr/sbin/smtpctl', 'pause', 'mta')).wait()

    def drain(self):
        for words in (('resume', 'mta'), ('schedule', 'all')):
            self.call(*self.inside('/usr/sbin/smtpctl', *words)).wait()
