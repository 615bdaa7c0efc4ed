#!/usr/bin/env python3
"""Ordinary users of a machine where the daemon was started by root: what they send goes to the daemon over a socket in the spool, as themselves."""
# timeout: 240
import contextlib
import os
import pwd
import re
import signal
import socket
import stat
import struct
import subprocess
import threading

import harness as h
from maildir_conf import fill

if os.geteuid() != 0:
    h.skip('needs root: the point is that the caller is somebody else than the daemon')

USER, OTHER, TRUSTED, ADMIN = 'nobody', 'games', 'www-data', 'news'
for name in (USER, OTHER, TRUSTED, ADMIN, 'mail'):
    try:
        pwd.getpwnam(name)
    except KeyError:
        h.skip('there is no user ' + name)
UID, GID = pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid

D = h.Dir()
PORT = h.free_port()
CONF = fill(D, PORT, boxes=('u@box.test', USER + '@box.test'), extra='''qualify_domain = box.test
trusted_users = %s
admin_groups = %s
untrusted_set_sender = ^allowed-
local_from_check = true
message_size_limit = 200K
acl_not_smtp = not_smtp
acl_smtp_mail = mail
received_header_text = Received: ${if def:sender_ident {from $sender_ident }}by $primary_hostname with $received_protocol id $message_exim_id
log_selector = +all
''' % (TRUSTED, ADMIN), routers='never:\n  driver = redirect\n  domains = later.test\n  allow_defer\n  data = :defer: not now\n')
with open(CONF) as f:
    text = f.read()
h.write(CONF, text.replace('acl_smtp_data = accept\n', 'acl_smtp_data = data\n').replace('begin acl\n', '''begin acl
not_smtp:
  deny condition = ${if match{$h_subject:}{refused}}
       message = we do not want it
  accept add_header = X-Caller: $caller_uid $caller_gid $originator_uid $sender_ident
mail:
  accept logwrite = MAIL of $caller_uid <$sender_address>
data:
  accept logwrite = DATA of <$sender_address> $authenticated_id
'''))
SERVER = h.Remex(CONF, [PORT], args=['-q1h'])
SPOOL = D('spool')
SOCKET = D('spool/submit')


def start():
    """The port is open before the socket is there."""
    began = log().count('daemon started')
    SERVER.start()
    h.wait_for(lambda: SERVER.alive() and log().count('daemon started') > began, what='the start')


def teardown():
    SERVER.stop()
    h.check(not os.path.exists(SOCKET), 'the socket is still there')
    D.remove()


def call(*args, data='', user=USER, timeout=120, binary=h.BIN, conf=CONF, groups=()):
    """The command as that user."""
    account = pwd.getpwnam(user)
    return subprocess.run([binary, '-C', conf, *args], input=data.encode(), capture_output=True, timeout=timeout,
                          user=account.pw_uid, group=account.pw_gid, extra_groups=list(groups), cwd='/')


def log(name='mainlog'):
    with contextlib.suppress(OSError):
        with open(D('log', name), errors='replace') as f:
            return f.read()
    return ''


def received(subject, box='u'):
    """The message with that subject, once it is in the mailbox."""
    found = h.wait_for(lambda: [m for m in h.maildir(D('mail/box.test', box)) if 'Subject: %s\n' % subject in m],
                       what=lambda: '%s in the mailbox; log: %s' % (subject, log()[-2000:]))
    h.equal(len(found), 1, 'copies of ' + subject)
    return found[0]


def submit(subject, *args, status=0, user=USER, headers='To: u@box.test\n', body='text\n', **kw):
    r = call('-t', *args, data='%sSubject: %s\n\n%s' % (headers, subject, body), user=user, **kw)
    h.equal(r.returncode, status, 'status of %r: %s %s' % (args, r.stdout, r.stderr))
    return r


def test_what_others_see_of_the_spool():
    h.equal(stat.S_IMODE(os.stat(SOCKET).st_mode), 0o666, 'mode of the socket')
    h.equal(os.stat(SOCKET).st_uid, pwd.getpwnam('mail').pw_uid, 'owner of the socket')
    h.equal(stat.S_IMODE(os.stat(SPOOL).st_mode) & 0o7, 0o1, 'what others may in the spool')
    r = subprocess.run(['ls', SPOOL], user=UID, group=GID, extra_groups=[], capture_output=True)
    h.check(r.returncode != 0, 'the spool can be listed')
    for root, folders, files in os.walk(SPOOL):
        for name in folders + files:
            path = os.path.join(root, name)
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            h.check(mode & 0o7 == 0 or name in ('submit', 'exim-daemon.pid'), '%s has mode %o' % (path, mode))


def test_a_message_with_its_recipients_in_the_headers():
    r = submit('by-t', '-i')
    h.equal((r.stdout, r.stderr), (b'', b''), 'what is said')
    m = received('by-t')
    h.check(re.search(r'(?m)^Received: from %s by mx.test with local id ' % USER, m), m)
    h.check(re.search(r'(?m)^From: .*%s@box.test' % USER, m), m)
    h.check('X-Caller: %d %d %d %s\n' % (UID, GID, UID, USER) in m, m)
    h.check(re.search(r'<= %s@box.test U=%s P=local .*by-t' % (USER, USER), log()), log()[-1000:])


def test_recipients_as_arguments():
    h.equal(call('-oi', 'u@box.test', data='Subject: by-bm\n\n.\nafter a dot\n').returncode, 0, 'status')
    h.check('after a dot' in received('by-bm'), 'the text')
    h.equal(call('u', data='Subject: by-dot\n\nfirst\n.\nsecond\n').returncode, 0, 'status')
    h.check('second' not in received('by-dot'), 'text after the dot')


def test_a_writer_who_keeps_standard_input_open():
    """A dot ends the message, and the command, though nobody closed the pipe."""
    account = pwd.getpwnam(USER)
    p = subprocess.Popen([h.BIN, '-C', CONF, '-t'], stdin=subprocess.PIPE, user=account.pw_uid, group=account.pw_gid, extra_groups=[])
    p.stdin.write(b'To: u@box.test\nSubject: open-pipe\n\nx\n.\n')
    p.stdin.flush()
    h.equal(p.wait(60), 0, 'status')
    p.stdin.close()
    received('open-pipe')


def test_a_large_message():
    body = 'a line of text that is long enough\n' * 5000
    submit('large', body=body)
    h.check(received('large').endswith(body), 'the body')


def test_sendmail_options_of_scripts():
    r = subprocess.run(['-t', '-i'], executable=h.BIN, input=b'', capture_output=True, user=UID, group=GID, extra_groups=[])
    h.check(r.returncode != 0, 'no configuration')
    link = D('sendmail')
    os.symlink(h.BIN, link)
    submit('as-sendmail', '-i', '-oem', '-odi', binary=link)
    h.equal(len([m for m in h.maildir(D('mail/box.test/u')) if 'Subject: as-sendmail\n' in m]), 1, 'delivered when it ends (-odi)')


def test_who_may_say_who_sends():
    submit('f-untrusted', '-f', 'boss@box.test')
    h.check(re.search(r'<= %s@box.test U=%s .*f-untrusted' % (USER, USER), log()), 'an untrusted sender')
    submit('f-allowed', '-f', 'allowed-x@box.test')
    h.check(re.search(r'<= allowed-x@box.test U=%s .*f-allowed' % USER, log()), 'untrusted_set_sender')
    submit('f-null', '-f', '<>')
    h.check(re.search(r'<= <> .*f-null', log()), 'the null sender')
    submit('f-trusted', '-f', 'list@elsewhere.test', user=TRUSTED)
    h.check(re.search(r'<= list@elsewhere.test U=%s .*f-trusted' % TRUSTED, log()), 'a trusted sender')
    submit('from-untrusted', headers='To: u@box.test\nFrom: boss@box.test\n')
    h.check(re.search(r'(?m)^Sender: .*%s@box.test' % USER, received('from-untrusted')), 'local_from_check')
    submit('from-trusted', headers='To: u@box.test\nFrom: boss@box.test\n', user=TRUSTED)
    h.check('\nSender:' not in received('from-trusted'), 'a trusted From:')
    submit('oM-untrusted', '-oMa', '192.0.2.9', '-oMr', 'esmtp')
    h.check(re.search(r'<= \S+ U=%s P=local .*oM-untrusted' % USER, log()), '-oMa of somebody untrusted')
    submit('oM-trusted', '-oMa', '192.0.2.9', '-oMr', 'scan', user=TRUSTED)
    h.check(re.search(r'<= \S+ H=\[192.0.2.9\]\S* .*P=scan .*oM-trusted', log()), log()[-1500:])


def test_errors_are_told():
    r = submit('refused', '-oep', status=1)
    h.check(b'we do not want it' in r.stderr, r.stderr)
    submit('refused', status=1)
    h.wait_for(lambda: any('we do not want it' in m for m in h.maildir(D('mail/box.test', USER))), what='the mail about what was refused')
    r = call('-t', '-oep', data='Subject: x\n\n')
    h.check(r.returncode != 0 and b'no recipients' in r.stderr, r.stderr)
    r = call('-oep', 'x@y@z', data='\n')
    h.check(r.returncode != 0 and b'x@y@z' in r.stderr, r.stderr)
    r = call('-f', 'a b c@', 'u@box.test', data='\n')
    h.check(r.returncode == 1 and b'bad -f address' in r.stderr, r.stderr)
    r = submit('too-big', '-oep', status=1, body='x' * 70 + '\n' + ('y' * 70 + '\n') * 6000)
    h.check(b'too big' in r.stderr or b'larger than' in r.stderr or b'maximum' in r.stderr, r.stderr)


def test_bs():
    dialogue = 'EHLO me\r\nMAIL FROM:<boss@box.test>\r\nRCPT TO:<u@box.test>\r\nDATA\r\nSubject: %s\r\n\r\nx\r\n.\r\nQUIT\r\n'
    r = call('-bs', data=dialogue % 'bs-untrusted')
    h.equal(r.returncode, 0, r.stderr)
    codes = [line[:3] for line in r.stdout.decode().splitlines() if line[3:4] == ' ']
    h.equal(codes, ['220', '250', '250', '250', '354', '250', '221'], r.stdout)
    received('bs-untrusted')
    h.check(re.search(r'<= %s@box.test U=%s P=local-esmtp .*bs-untrusted' % (USER, USER), log()), log()[-1500:])
    h.check('MAIL of %d <boss@box.test>' % UID in log(), 'the ACL sees who it is, and what he said')
    h.check(re.search(r'DATA of <%s@box.test> %s\n' % (USER, USER), log()), 'and whose the message is')
    call('-bs', data=(dialogue % 'bs-null').replace('boss@box.test', ''))
    h.check(re.search(r'<= %s@box.test U=%s P=local-esmtp .*bs-null' % (USER, USER), log()), 'no sender')
    call('-bs', data=(dialogue % 'bs-allowed').replace('boss@', 'allowed-y@'))
    h.check(re.search(r'<= allowed-y@box.test U=%s P=local-esmtp .*bs-allowed' % USER, log()), 'untrusted_set_sender')
    call('-bs', data=dialogue % 'bs-trusted', user=TRUSTED)
    h.wait_for(lambda: re.search(r'<= boss@box.test U=%s P=local-esmtp .*bs-trusted' % TRUSTED, log()), what='a trusted sender')
    r = call('-bS', data='MAIL FROM:<boss@box.test>\nRCPT TO:<u@box.test>\nDATA\nSubject: batch\n\nx\n.\nNONSENSE\n')
    h.equal(r.returncode, 1, r.stderr)
    h.check(b'An error was detected while processing a file of BSMTP input' in r.stderr and b'Error detected in line 8' in r.stdout, r)
    h.check(re.search(r'<= %s@box.test U=%s .*batch' % (USER, USER), log()), 'the batch')


def test_a_dialogue_is_a_dialogue():
    account = pwd.getpwnam(USER)
    p = subprocess.Popen([h.BIN, '-C', CONF, '-bs'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=account.pw_uid, group=account.pw_gid, extra_groups=[])
    h.equal(p.stdout.readline()[:3], b'220', 'the greeting comes by itself')
    for line, code in ((b'HELO x\r\n', b'250'), (b'RSET\r\n', b'250'), (b'QUIT\r\n', b'221')):
        p.stdin.write(line)
        p.stdin.flush()
        h.equal(p.stdout.readline()[:3], code, 'the answer to %r' % line)
    h.equal(p.wait(60), 0, 'status: it ends with the session')
    p.stdin.close()


def test_the_list_of_the_queue():
    submit('mine', headers='To: a@later.test\n')
    submit('theirs', headers='To: b@later.test\n', user=OTHER)
    h.wait_for(lambda: log().count('not now') >= 2, what='both deferrals')
    mine = call('-bp')
    h.equal(mine.returncode, 0, mine.stderr)
    h.check(b'a@later.test' in mine.stdout and b'b@later.test' not in mine.stdout, mine.stdout)
    r = call('-bpc')
    h.check(r.returncode == 1 and b'permission denied' in r.stderr, r)
    both = call('-bp', user=ADMIN)
    h.check(b'a@later.test' in both.stdout and b'b@later.test' in both.stdout, both.stdout)
    # Others of an earlier test may be on their way still.
    ident = re.search(rb'(\S{23}) <[^>]*>[^\n]*\n +a@later\.test', mine.stdout).group(1).decode()
    h.check(ident.encode() in call('-bpi', user=ADMIN).stdout.split(), '-bpi')
    # What cannot be looked at is an error, and nobody else's message can be touched.
    r = call('-Mvh', ident)
    h.check(r.returncode == 1 and b'permission denied' in r.stderr, r)
    r = call('-Mrm', ident, user=OTHER)
    h.check(r.returncode == 1 and b'does not exist' in r.stdout, r)
    r = h.wait_for(lambda: (lambda got: b'locked' not in got.stdout and got)(call('-Mrm', ident)), what='the lock')
    h.check(r.returncode == 0 and b'has been removed' in r.stdout, r)
    h.check('%s removed by %s' % (ident, USER) in log(), 'who removed it')
    h.check(ident.encode() not in call('-bpi', user=ADMIN).stdout, 'it is still there')
    r = call('-Mrm', ident)
    h.check(r.returncode == 1 and b'does not exist' in r.stdout, r)
    r = call('-q')
    h.check(r.returncode == 1 and b'admin' in r.stderr, r)


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(SOCKET)
    return s


def frame(kind, content=b''):
    return kind + struct.pack('>I', len(content)) + content


def field(tag, value=b''):
    return tag + struct.pack('>I', len(value)) + value


REQUEST = b'remex submission 2\n' + field(b'k', b'\0') + field(b'd', b'\0')


def answers(s):
    """The frames until the other side closes."""
    data = b''
    with contextlib.suppress(ConnectionError):
        while True:
            more = s.recv(65536)
            if not more:
                break
            data += more
    out = []
    while len(data) >= 5:
        n = struct.unpack('>I', data[1:5])[0]
        out.append((data[:1], data[5:5 + n]))
        data = data[5 + n:]
    return out


def test_a_caller_who_vanishes_leaves_nothing():
    for parts in ((), (b'Subject: vanished\n',), (b'Subject: vanished\n\n', b'half a line')):
        with connect() as s:
            s.sendall(frame(b'R', REQUEST + field(b'a', b'u@box.test')) + frame(b'G') + b''.join(frame(b'I', p) for p in parts))
    with connect() as s:
        s.sendall(frame(b'R', REQUEST)[:9])
    submit('after-vanished')
    received('after-vanished')
    lines = [line for line in log().splitlines() if '<=' in line and 'T="vanished' in line]
    h.equal(lines, [], 'what was kept of it')


def test_one_who_vanishes_at_the_end_has_sent_it():
    with connect() as s:
        s.sendall(frame(b'R', REQUEST + field(b'a', b'u@box.test')) + frame(b'G') + frame(b'I', b'Subject: gone-at-the-end\n\nwhole\n') + frame(b'Z'))
    h.check(received('gone-at-the-end').endswith('whole\n'), 'the text')


def test_nonsense_is_refused():
    for octets in (b'GET / HTTP/1.0\r\n\r\n', frame(b'I', b'x'), frame(b'R', b'remex submission 9\n') + frame(b'G'),
                   frame(b'R', REQUEST + field(b'?', b'')) + frame(b'G'), frame(b'R', REQUEST + b'a\xff\xff\xff\xff') + frame(b'G'),
                   b'R\xff\xff\xff\xff', frame(b'R') + frame(b'R', REQUEST) + frame(b'G')):
        with connect() as s:
            s.sendall(octets)
            got = answers(s)
        h.equal((got[-1][0], got[-1][1]), (b'X', b'\x4c'), 'the answer to %r: %r' % (octets, got))  # EX_PROTOCOL
    submit('after-nonsense')
    received('after-nonsense')


def test_a_flood_has_a_bound():
    """One user's idle connections keep neither others nor, for ever, himself away."""
    made = D('flood.py')
    h.write(made, '''import socket, sys
open_ = []
for _ in range(100):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    open_.append(s)
for s in open_:
    s.settimeout(0.0)
import select
got, _, _ = select.select(open_, [], [], 5)
import time
end = time.monotonic() + 5
while len(got) < 36 and time.monotonic() < end:
    got, _, _ = select.select(open_, [], [], 0.1)
print(len([s for s in got if s.recv(1) == b'B']), flush=True)
sys.stdin.read()
''')
    p = subprocess.Popen(['/usr/bin/python3', made, SOCKET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=UID, group=GID, extra_groups=[])
    try:
        h.equal(int(p.stdout.readline()), 36, 'connections that were told to come again')
        submit('other-in-flood', user=OTHER)
        received('other-in-flood')
        submit('self-in-flood')  # comes again until those who said nothing are sent away
        received('self-in-flood')
        h.check('too many submissions at a time' in log(), 'a line of the log')
    finally:
        p.stdin.close()
        p.wait(60)


def test_many_at_a_time():
    failed = []

    def one(n):
        try:
            submit('many-%d' % n)
        except Exception as e:
            failed.append(e)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    h.equal(failed, [], 'failures')
    for i in range(100):
        received('many-%d' % i)


def test_the_sandbox_has_nothing_against_it():
    h.check('sandbox: process' not in log(), 'a system call was refused')
    h.check('internal error' not in log(), 'an exception')


def test_after_sighup_and_a_dead_worker():
    before = log().count('configuration loaded again')
    SERVER.proc.send_signal(signal.SIGHUP)
    h.wait_for(lambda: log().count('configuration loaded again') > before, what='the reload')
    submit('after-hup')
    received('after-hup')
    worker = SERVER.worker()
    os.kill(worker, signal.SIGKILL)
    submit('after-kill')  # waits in the master's socket
    received('after-kill')
    h.check(SERVER.worker() != worker, 'another worker')


def test_a_daemon_of_the_same_spool_leaves_the_socket():
    inode = os.stat(SOCKET).st_ino
    second = subprocess.Popen([h.BIN, '-C', CONF, '-q1h'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    starts = lambda: len(re.findall(r'daemon started: pid=%d' % second.pid, log()))
    try:
        h.wait_for(starts, what='the second daemon')
        h.equal(os.stat(SOCKET).st_ino, inode, 'the socket')
    finally:
        second.terminate()
        second.wait(60)
    h.equal(os.stat(SOCKET).st_ino, inode, 'the socket after the second daemon')
    submit('after-second')
    received('after-second')


def test_without_a_daemon():
    global SERVER
    SERVER.stop()
    h.check(not os.path.exists(SOCKET), 'the socket of a daemon that ended')
    for args, data in (('-t',), 'To: u@box.test\n\n'), (('-bs',), 'QUIT\r\n'), (('-bp',), ''), (('-Mrm', '1xV0D1-000000007w4-0BLs'), ''):
        r = call(*args, data=data)
        h.equal(r.returncode, 75, 'status of %r: %r' % (args, r))
        h.check(b'no daemon takes what you send' in r.stderr and b'start the daemon' in r.stderr, r.stderr)
        h.equal(r.stdout, b'', 'standard output')
    start()
    SERVER.kill()  # leaves its socket behind
    h.check(os.path.exists(SOCKET), 'the socket of a daemon that was killed')
    r = call('-t', data='To: u@box.test\n\n')
    h.equal(r.returncode, 75, r)
    start()
    submit('after-restart')
    received('after-restart')


def test_a_daemon_in_the_background_is_ready_when_the_command_returns():
    SERVER.stop()
    h.equal(subprocess.run([h.BIN, '-C', CONF, '-bd', '-oP', D('spool/pid')], timeout=60).returncode, 0, '-bd')
    try:
        submit('after-bd')
        received('after-bd')
    finally:
        with open(D('spool/pid')) as f:
            pid = int(f.read())
        os.kill(pid, signal.SIGTERM)
        h.wait_for(lambda: h.processes().get(pid, (0, '', 'Z'))[2] == 'Z', what='its end')
    h.check(not os.path.exists(SOCKET), 'its socket')
    start()


def test_the_time_is_for_the_whole_message():
    account = pwd.getpwnam(USER)
    status, told = h.drip([h.BIN, '-C', CONF, '-or', '1s', 'u@box.test'], b'X-Drip: x\n', user=account.pw_uid, group=account.pw_gid, extra_groups=[], cwd='/')
    h.check(status == 1 and b'timed out while reading - message abandoned' in told, (status, told))


def test_a_configuration_that_is_not_for_everybody():
    """The command cannot know where the spool is then: the usual place."""
    secret = D('secret.conf')
    h.write(secret, 'primary_hostname = x\n', mode=0o600)
    r = call('-t', conf=secret, data='To: u@box.test\n\n')
    h.equal(r.returncode, 75, r)
    h.check(b'/var/spool/remex' in r.stderr, r.stderr)


def test_a_user_with_a_spool_of_his_own():
    d = h.Dir()
    try:
        os.chown(d.path, UID, GID)
        conf = h.write(d('conf'), 'spool_directory = %s/spool\nlog_file_path = %s/%%slog\nqualify_domain = box.test\nprimary_hostname = own.test\nkeep_environment =\n'
                       'begin routers\nall:\n  driver = accept\n  transport = t\nbegin transports\nt:\n  driver = appendfile\n  file = %s/box\n  user = %d\n' % (d.path, d.path, d.path, UID))
        r = call('-odi', '-f', 'anybody@else.test', 'x@box.test', data='Subject: own\n\n', conf=conf)
        h.equal(r.returncode, 0, r)
        with open(d('box')) as f:
            h.check(f.read().startswith('From anybody@else.test '), 'the sender')
        r = call('-bpc', conf=conf)
        h.equal((r.returncode, r.stdout), (0, b'0\n'), 'he administers it: %r' % r)
        h.equal(call('-q', conf=conf).returncode, 0, '-q')
    finally:
        d.remove()


start()
h.main()
