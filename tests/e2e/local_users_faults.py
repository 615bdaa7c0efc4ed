#!/usr/bin/env python3
"""Callers who hand their mail to the daemon when something goes wrong: no place in it, one who takes nothing or too much, a worker that dies, an
account database that does not answer."""
# timeout: 240
import contextlib
import os
import pwd
import re
import select
import signal
import socket
import struct
import subprocess
import sys

import harness as h
from maildir_conf import fill

if os.geteuid() != 0:
    h.skip('needs root: the point is that the caller is somebody else than the daemon')

USER, OTHER, TRUSTED = 'nobody', 'games', 'www-data'
for name in (USER, OTHER, TRUSTED, 'mail'):
    try:
        pwd.getpwnam(name)
    except KeyError:
        h.skip('there is no user ' + name)
UID, GID = pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid
PLACES = 64  # of one user

D = h.Dir()
PORT = h.free_port()
SLOW = socket.socket()  # a host that accepts and says nothing
SLOW.bind(('127.0.0.1', 0))
SLOW.listen(5)
CONF = fill(D, PORT, boxes=('u@box.test', USER + '@box.test'), extra='''qualify_domain = box.test
trusted_users = %s
recipients_max = 20000
log_selector = +all
''' % TRUSTED, routers='''never:
  driver = redirect
  domains = later.test
  allow_defer
  data = :defer: not now
slow:
  driver = manualroute
  domains = slow.test
  route_list = * 127.0.0.1
  self = send
  transport = slow
''', transports='slow:\n  driver = smtp\n  port = %d\n  allow_localhost\n' % SLOW.getsockname()[1])
SERVER = h.Remex(CONF, [PORT], args=['-q1h'])
SOCKET = D('spool/submit')


def start():
    """The port is open before the socket is there."""
    began = log().count('daemon started')
    SERVER.start()
    h.wait_for(lambda: SERVER.alive() and log().count('daemon started') > began and os.path.exists(SOCKET), what='the start')


def teardown():
    SLOW.close()
    SERVER.stop()
    D.remove()


def as_user(user=USER):
    account = pwd.getpwnam(user)
    return {'user': account.pw_uid, 'group': account.pw_gid, 'extra_groups': [], 'cwd': '/'}


def call(*args, data='', user=USER, timeout=120):
    """The command as that user."""
    return subprocess.run([h.BIN, '-C', CONF, *args], input=data.encode(), capture_output=True, timeout=timeout, **as_user(user))


def log(name='mainlog'):
    with contextlib.suppress(OSError):
        with open(D('log', name), errors='replace') as f:
            return f.read()
    return ''


def new_id(*args, data='Subject: x\n\nx\n', user=USER):
    """Of a message that waits in the queue."""
    before = len(log())
    r = call('-odq', *args, data=data, user=user)
    h.equal(r.returncode, 0, r.stderr)
    return re.search(r'(\S{23}) <= ', log()[before:]).group(1)


def frame(kind, content=b''):
    return kind + struct.pack('>I', len(content)) + content


def field(tag, value=b''):
    return tag + struct.pack('>I', len(value)) + value


MESSAGE, LIST, REMOVE = b'\0', b'\3', b'\4'


def request(kind, *arguments, more=b''):
    """Its frames."""
    octets = b'remex submission 2\n' + field(b'k', kind) + field(b'd', b'\2') + more + b''.join(field(b'a', a.encode()) for a in arguments)
    return b''.join(frame(b'R', octets[i:i + 60000]) for i in range(0, len(octets), 60000)) + frame(b'G')


def connect(octets=b''):
    """As root."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(SOCKET)
    s.sendall(octets)
    return s


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


def text_of(got, kind=b'O'):
    return b''.join(content for k, content in got if k == kind)


class Crowd:
    """Connections of a user's, each of which has sent `octets`; as a process of his, for the kernel says whose they are."""
    CODE = '''import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
octets = sys.stdin.buffer.read(int(sys.argv[3]))
held = []
for _ in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    try:
        s.sendall(octets)
    except ConnectionError:
        pass
    held.append(s)
if len(sys.argv) > 4:
    for s in held:
        try:
            while s.recv(65536):
                pass
        except ConnectionError:
            pass
print('there', flush=True)
sys.stdin.read()
'''

    def __init__(self, n, octets=b'', user=USER, to_the_end=False):
        self.process = subprocess.Popen([sys.executable, '-c', self.CODE, SOCKET, str(n), str(len(octets))] + ['end'] * to_the_end,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, **as_user(user))
        self.process.stdin.write(octets)
        self.process.stdin.flush()
        h.equal(self.process.stdout.readline(), b'there\n', 'the crowd')

    def leave(self):
        self.process.stdin.close()
        self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()


def test_what_waits_for_a_place_is_not_read():
    """Standard input can be read once. -bS and -bs that find no place have it still when there is one."""
    n = 800
    message = 'MAIL FROM:<%s@box.test>\nRCPT TO:<u@box.test>\nDATA\nSubject: batch-%d\n\nxxxxxxxxxxxxxxxxx\n.\n'
    for mode, begin, end in (('-bS', '', ''), ('-bs', 'HELO x\n', 'QUIT\n')):
        with open(h.write(D('batch'), begin + ''.join(message % (USER, i) for i in range(n)) + end)) as f, Crowd(PLACES) as crowd:
            before = log().count('<= ')
            p = subprocess.Popen([h.BIN, '-C', CONF, '-odq', mode], stdin=f, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **as_user())
            asked = subprocess.run([sys.executable, '-c', 'import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\nprint(s.recv(1))', SOCKET],
                                   capture_output=True, **as_user())
            h.equal(asked.stdout, b"b'B'\n", 'there is no place')
            h.equal(log().count('<= '), before, 'messages of the one who waits')
            crowd.leave()
            out, err = p.communicate(timeout=120)
        h.equal(p.returncode, 0, '%s: %r %r' % (mode, out[-300:], err))
        h.equal(log().count('<= ') - before, n, 'messages that were taken by ' + mode)


def test_one_message_is_listed_once():
    """However often its id is given: a list is the caller's to take, and the daemon's to hold until he does."""
    ident = new_id('-t', data='To: ' + ',\n '.join('recipient-number-%06d@later.test' % i for i in range(3000)) + '\nSubject: many\n\nx\n')
    once = text_of(answers(connect(request(LIST, ident))))
    h.equal(once.count(b'@later.test\n'), 3000, 'recipients listed')
    h.equal(text_of(answers(connect(request(LIST, *[ident] * 6000)))), once, 'the id 6000 times')
    h.equal(call('-bp', ident, ident).stdout, once, 'by the command')
    # One who does not take his list keeps others of his own waiting, and nobody else.
    with Crowd(8, request(LIST, ident)):
        other = new_id('o@later.test', user=OTHER)
        h.check(other.encode() in call('-bp', user=OTHER, timeout=30).stdout, 'a list of somebody else')
        worker = SERVER.worker()
        h.check(call('-bp').returncode in (0, 75), 'a list of his own')
        h.equal(SERVER.worker(), worker, 'the worker')
    call('-Mrm', ident)


def test_a_long_list_of_ids():
    ids = ['1xV0D1-%011d-%04d' % (i, i % 10000) for i in range(30000)]
    got = text_of(answers(connect(request(LIST, *ids))))
    h.equal(got.count(b'spool read error'), len(ids), 'ids that are not there')


def test_refused_connections_are_closed():
    """A user without a place costs the worker no descriptor: it has those that others need."""
    worker = SERVER.worker()
    before = len(os.listdir('/proc/%d/fd' % worker))
    with Crowd(PLACES), Crowd(500, b'x', to_the_end=True):
        now = len(os.listdir('/proc/%d/fd' % worker))
        h.check(now < before + PLACES + 50, '%d descriptors, before %d' % (now, before))
    with Crowd(500, frame(b'I', b'x'), user=OTHER, to_the_end=True):
        now = len(os.listdir('/proc/%d/fd' % worker))
        h.check(now < before + 50 + PLACES, '%d descriptors after nonsense, before %d' % (now, before))
    lines = [line for line in log().splitlines() if 'a submission of user' in line and 'is refused' in line]
    h.equal(len(lines), 1, 'lines of the log about 500 of them: %s' % lines[:3])


def test_one_who_takes_nothing_is_left():
    ids = ['1xV0D1-%011d-%04d' % (i, i % 10000) for i in range(30000)]
    with connect(request(REMOVE, *ids)) as s:
        poll = select.poll()
        poll.register(s, select.POLLHUP)
        h.check([e for _, e in poll.poll(60000) if e & select.POLLHUP], 'the daemon waits for ever until its answers are read')


def test_a_stranger_s_message():
    """It is as if it were not there, and nobody locks it."""
    ident = new_id('m@later.test', user=OTHER)
    r = call('-Mrm', ident)
    h.equal((r.returncode, r.stdout, r.stderr), (1, b'Spool data file for %s does not exist\n' % ident.encode(), b''), 'a stranger')
    h.equal(call('-Mrm', ident, ident, user=OTHER).stdout, b'Message %s has been removed\n' % ident.encode(), 'his own, twice')


def test_what_is_no_id():
    for ids, why in (((), b'no message ids given after -Mrm option'), (('nonsense',), b'malformed message id nonsense after -Mrm option')):
        got = answers(connect(request(REMOVE, *ids)))
        h.check(why in text_of(got, b'E'), got)
        h.equal(got[-1], (b'X', b'\1'), 'status')


def test_a_set_uid_caller_lends_nothing():
    """The effective user of a program that calls the command is not who calls."""
    code = 'import os, sys; os.setgroups([]); os.setresgid(%d, %d, %d); os.setresuid(%d, %d, %d); os.execv(sys.argv[1], sys.argv[1:])' % (
        GID, GID, GID, UID, pwd.getpwnam(TRUSTED).pw_uid, UID)
    before = len(log())
    r = subprocess.run([sys.executable, '-c', code, h.BIN, '-C', CONF, '-f', 'boss@else.test', '-odq', 'x@later.test'], input=b'Subject: e\n\n', capture_output=True, cwd='/')
    h.equal(r.returncode, 0, r.stderr)
    h.check(re.search(r'<= %s@box.test U=%s ' % (USER, USER), log()[before:]), log()[before:])


def test_input_that_cannot_be_read():
    run = lambda text: subprocess.run(['sh', '-c', text.replace('remex', '%s -C %s' % (h.BIN, CONF))], capture_output=True, timeout=60, **as_user())
    r = run('remex -bs <&-')
    h.equal(r.returncode, 1, r)
    h.check(b'421 ' in r.stdout and b'500' not in r.stdout, r)
    r = run('remex -bS <%s' % '/tmp')
    h.equal(r.returncode, 74, r)  # EX_IOERR
    h.check(b'reading standard input: ' in r.stderr, r)
    direct = subprocess.run([h.BIN, '-C', CONF, '-bs'], stdin=os.open('/tmp', os.O_RDONLY), capture_output=True, timeout=60)
    h.check(b'421 ' in direct.stdout and b'500' not in direct.stdout, direct)


def test_one_who_vanishes_with_a_bad_address():
    """He has sent no message, and gets no mail about it."""
    before = len(log())
    with connect(request(MESSAGE, 'x@y@z') + frame(b'I', b'Subject: half\n\nhalf')) as s:
        s.shutdown(socket.SHUT_WR)
        h.equal(answers(s)[-1], (b'X', b'\x4a'), 'status')  # EX_IOERR
    h.check('<= ' not in log()[before:], log()[before:])


def test_more_arguments_than_recipients():
    r = call('-oep', '-odq', *[','.join('a%06d@later.test' % (i + 4000 * j) for i in range(3000)) for j in range(8)], data='Subject: x\n\n')
    h.check(r.returncode == 1 and b'too many recipients' in r.stderr, r)
    before = len(log())
    r = call('-oep', '-odq', *['a%06d@later.test' % (i % 10) for i in range(30000)], data='Subject: x\n\n')
    h.equal(r.returncode, 0, r)
    h.check(re.search(r'<= .* for (a00000\d@later.test ?){10}\n', log()[before:]), log()[before:])


def test_origins_are_addresses():
    """The command refuses others; the daemon does not rely on it."""
    for text, host in ((b'192.0.2.7] x', ''), (b'192.0.2.7.99999999999', ''), (b'192.0.2.8.25', r'H=\[192\.0\.2\.8\]:25 ')):
        before = len(log())
        answers(connect(request(MESSAGE, 'x@later.test', more=field(b'A', text)) + frame(b'I', b'Subject: o\n\n') + frame(b'Z')))
        h.check(re.search(r'<= root@box.test %sU=root' % host, log()[before:]), log()[before:])


def limit(worker, files):
    """Of its descriptors; as the user it runs as."""
    subprocess.run(['prlimit', '--pid', str(worker), '--nofile=%d:' % files], check=True, **as_user('mail'))


def test_an_account_database_that_does_not_answer():
    """Whoever it is, he is not taken for a stranger without a name: he is told to come again."""
    worker = SERVER.worker()
    new_id('x@later.test')
    used = {int(n) for n in os.listdir('/proc/%d/fd' % worker)}
    free = [n for n in range(4096) if n not in used]
    usual = int(re.search(r'Max open files +(\d+)', open('/proc/%d/limits' % worker).read()).group(1))
    before = len(log())
    limit(worker, free[1])  # room for the connection, and for no file
    try:
        r = call('-odq', 'x@later.test', data='Subject: e\n\n')
    finally:
        limit(worker, usual)
    h.equal(r.returncode, 75, r)
    h.check(re.search(rb'the account database cannot be asked about the (groups of the )?user %d now' % UID, r.stderr), r)
    h.check('<= ' not in log()[before:], log()[before:])
    h.check('is put off: the account database cannot be asked' in log()[before:], log()[before:])
    new_id('x@later.test')


def test_accepted_is_accepted():
    """-odf waits for the delivery. When the worker dies meanwhile the message is in the queue, and nobody is told to send it again."""
    p = subprocess.Popen([h.BIN, '-C', CONF, '-odf', 'x@slow.test'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **as_user())
    p.stdin.write(b'Subject: odf\n\nx\n')
    p.stdin.close()
    SLOW.settimeout(60)
    connection, _ = SLOW.accept()
    os.kill(SERVER.worker(), signal.SIGKILL)
    h.equal((p.stdout.read(), p.wait(60)), (b'', 0), 'what the caller hears')
    connection.close()
    SERVER.worker()
    h.check(b'x@slow.test' in call('-bp').stdout, 'the message')
    SLOW.close()  # the next attempt is not waited for at the end


def test_the_socket_of_another_daemon():
    """A daemon that ends takes its own name away, and no other one."""
    os.rename(SOCKET, SOCKET + '.old')
    other = socket.socket(socket.AF_UNIX)
    try:
        other.bind(SOCKET)
        other.listen(1)
        os.chmod(SOCKET, 0o666)
        SERVER.stop()
        h.check(os.path.exists(SOCKET), 'the name of another one')
        start_without = h.Remex(CONF, [PORT], args=['-q1h'])
        start_without.start()
        h.wait_for(lambda: 'another daemon takes the messages of users who may not write the spool, at %s' % SOCKET in log(), what='a line of the log')
        start_without.stop()
        h.check(os.path.exists(SOCKET), 'the name of another one after a daemon that had none')
    finally:
        other.close()
    start()
    new_id('x@later.test')


start()
h.main()
