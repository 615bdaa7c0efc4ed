#!/usr/bin/env python3
"""The laptop: remex as sendmail signs and submits through a real ssh -L tunnel; the server relays; the signature holds.

Whatever goes wrong, the mail program sees a status other than 0 and a reason, and nothing stays behind on the laptop.
"""
# timeout: 180
import os
import shutil
import signal
import subprocess

import harness as h
from _sample import DOMAIN, MX_ADDRESS, STRANGERS, Setup, enter
from peers import Sink, verifies

enter()
if not shutil.which('ssh') or not os.path.exists('/usr/sbin/sshd'):
    h.skip('needs ssh and sshd')
TUNNEL, SSHD = h.free_port(), h.free_port()
S = Setup(submit_port=TUNNEL)
SINK = Sink(25, MX_ADDRESS)
S.server.start()
ME, BLOG, STRANGER = 'me@' + DOMAIN, 'blog@' + DOMAIN, 'someone@' + STRANGERS
PROCESSES = []


def make_ssh():
    os.makedirs(S.d('ssh'), 0o700)
    for name in ('host', 'user'):
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', S.d('ssh', name)], check=True)
    shutil.copy(S.d('ssh/user.pub'), S.d('ssh/authorized_keys'))
    with open(S.d('ssh/host.pub')) as f:
        h.write(S.d('ssh/known_hosts'), '[127.0.0.1]:%d %s' % (SSHD, f.read()))
    h.write(S.d('ssh/sshd_config'), '\n'.join([
        'ListenAddress 127.0.0.1', 'Port %d' % SSHD, 'HostKey ' + S.d('ssh/host'), 'AuthorizedKeysFile ' + S.d('ssh/authorized_keys'), 'StrictModes no', 'UsePAM no',
        'PasswordAuthentication no', 'PermitRootLogin prohibit-password', 'PidFile none', 'AllowTcpForwarding local', '']))
    os.makedirs('/run/sshd', exist_ok=True)
    log = open(S.d('ssh/sshd.log'), 'w')
    PROCESSES.append(subprocess.Popen(['/usr/sbin/sshd', '-D', '-e', '-f', S.d('ssh/sshd_config')], stdin=subprocess.DEVNULL, stderr=log))
    h.wait_for(lambda: h.port_open(SSHD), what=lambda: 'sshd: ' + open(S.d('ssh/sshd.log')).read())


def open_tunnel():
    """ssh as the README says it: -N -L port:127.0.0.1:port. A process of its own, ended by pid."""
    log = open(S.d('ssh/ssh.log'), 'w')
    p = subprocess.Popen(['ssh', '-F', 'none', '-N', '-L', '%d:127.0.0.1:%d' % (TUNNEL, S.submit), '-p', str(SSHD), '-i', S.d('ssh/user'), '-o', 'IdentitiesOnly=yes', '-o',
                          'UserKnownHostsFile=' + S.d('ssh/known_hosts'), '-o', 'BatchMode=yes', '-o', 'ExitOnForwardFailure=yes', '127.0.0.1'],
                         stdin=subprocess.DEVNULL, stderr=log)
    PROCESSES.append(p)
    h.wait_for(lambda: h.port_open(TUNNEL), what=lambda: 'the tunnel: %s %s' % (open(S.d('ssh/ssh.log')).read(), open(S.d('ssh/sshd.log')).read()))
    return p


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait()
    PROCESSES.remove(process)


make_ssh()
TUNNEL_PROCESS = open_tunnel()


def message(sender, to, subject='hello'):
    return 'From: <%s>\nTo: <%s>\nSubject: %s\n\nHello from the laptop.\n.\nA line after a dot.\n' % (sender, to, subject)


def sendmail(sender, *to, text=None, args=()):
    """remex by the name sendmail, as a mail program calls it."""
    link = S.d('sendmail')
    if not os.path.exists(link):
        os.symlink(h.BIN, link)
    command = [link, '-C', S.laptop.conf, *S.laptop.args, '-oi', '-f', sender, *args, *to]
    return subprocess.run(command, input=text or message(sender, to[0] if to else STRANGER), capture_output=True, text=True, timeout=60, env=S.laptop.env)


def leftovers():
    """Messages in the laptop's spool; the log is no message."""
    found = []
    for folder, _, files in os.walk(S.d('laptop')):
        found += [os.path.join(folder, f) for f in files if not f.endswith('log')]
    return [f for f in found if 'Hello from the laptop' in open(f, errors='replace').read()]


def fails(got, reason):
    h.check(got.returncode != 0, 'status 0: %s%s' % (got.stdout, got.stderr))
    h.check(reason in got.stderr, 'wanted "%s" on stderr, got: %r' % (reason, got.stderr))
    h.equal(leftovers(), [], 'left in the spool')
    h.equal(S.laptop.run('-bpc').stdout.strip(), '0', 'queued')


def reaches_the_mx(sender):
    n = len(SINK.messages)
    got = sendmail(sender, STRANGER)
    h.equal((got.returncode, got.stderr), (0, ''), 'sendmail')
    h.wait_for(lambda: len(SINK.messages) == n + 1, what=lambda: 'the message at the MX: ' + S.log()[-1500:])
    envelope_sender, recipients, octets = SINK.messages[-1]
    h.equal((envelope_sender, recipients), (sender, [STRANGER]), 'envelope')
    h.check(octets.endswith(b'Hello from the laptop.\r\n.\r\nA line after a dot.\r\n'), 'body: %r' % octets[-200:])
    h.check(verifies(octets, S.records), 'the signature at the MX: %r' % octets)
    h.check(not verifies(octets.replace(b'Hello from', b'Hullo from'), S.records), 'a changed body still verifies')
    h.equal(leftovers(), [], 'left in the spool')
    return octets


def test_rsa_to_a_stranger():
    octets = reaches_the_mx(ME)
    h.check(b'a=rsa-sha256' in octets and b's=me;' in octets, 'signature: %r' % octets[:1500])


def test_ed25519_to_a_stranger():
    octets = reaches_the_mx(BLOG)
    h.check(b'a=ed25519-sha256' in octets and b's=blog;' in octets, 'signature: %r' % octets[:1500])


def test_recipients_from_headers():
    n, boxes = len(SINK.messages), len(S.box('blog'))
    text = 'From: <%s>\nTo: <%s>\nBcc: <%s>\nSubject: both\n\nHello from the laptop.\n' % (ME, STRANGER, BLOG)
    got = sendmail(ME, text=text, args=['-t'])
    h.equal((got.returncode, got.stderr), (0, ''), 'sendmail -t')
    h.wait_for(lambda: len(SINK.messages) == n + 1 and len(S.box('blog')) == boxes + 1, what='both recipients')
    h.check(b'Bcc' not in SINK.messages[-1][2], 'the blind copy is visible')


def test_to_ourselves():
    n = len(S.box('blog'))
    h.equal(sendmail(ME, BLOG).returncode, 0, 'status')
    h.wait_for(lambda: len(S.box('blog')) == n + 1, what='the mail in the maildir')


def test_no_key():
    fails(sendmail('nokey@' + DOMAIN, STRANGER), 'no DKIM key')


def test_unreadable_key():
    h.write(S.d('keys/broken@%s-dkim.pem' % DOMAIN), 'this is no key\n')
    n = len(SINK.messages)
    fails(sendmail('broken@' + DOMAIN, STRANGER), 'DKIM')
    h.equal(len(SINK.messages), n, 'sent without a signature')


def test_refused_recipient():
    fails(sendmail(ME, 'nobody@' + DOMAIN), '550')


def test_one_of_two_recipients_refused():
    n = len(S.box('blog'))
    fails(sendmail(ME, BLOG, 'nobody@' + DOMAIN), 'nobody@')
    h.equal(len(S.box('blog')), n, 'delivered to the other although the status says failure')


def test_server_down():
    S.server.stop()
    try:
        fails(sendmail(ME, BLOG), 'remex: ')
    finally:
        S.server.start()


def test_tunnel_down():
    global TUNNEL_PROCESS
    end(TUNNEL_PROCESS)
    h.wait_for(lambda: not h.port_open(TUNNEL), what='the end of the tunnel')
    fails(sendmail(ME, BLOG), 'refused')
    TUNNEL_PROCESS = open_tunnel()
    n = len(S.box('blog'))
    h.equal(sendmail(ME, BLOG).returncode, 0, 'status with the tunnel up again')
    h.wait_for(lambda: len(S.box('blog')) == n + 1, what='the mail in the maildir')


def teardown():
    for process in list(PROCESSES):
        end(process)
    SINK.stop()
    S.stop()


h.main()
