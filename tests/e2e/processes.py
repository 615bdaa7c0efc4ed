#!/usr/bin/env python3
"""Master, worker and courier: each may die at any moment; no client is refused, nothing acknowledged is lost, and the log says what happened."""
# timeout: 240
import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import harness as h
from maildir_conf import fill

ROOT = os.geteuid() == 0
NO_LEAKS = dict(os.environ, ASAN_OPTIONS='detect_leaks=0')  # looking for them needs what a sandbox refuses


class Server:
    """A daemon in a directory of its own."""

    def __init__(self, extra='', args=(), env=None, boxes=('u@box.test',)):
        self.d = h.Dir()
        self.port = h.free_port()
        self.remex = h.Remex(fill(self.d, self.port, extra=extra, boxes=boxes), [self.port], args=args, env=env)
        self.remex.start()
        self.logged('daemon started')  # the master has the port open before that

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remex.kill()
        self.d.remove()

    def log(self, name='mainlog'):
        try:
            with open(self.d('log', name), errors='replace') as f:
                return f.read()
        except OSError:
            return ''

    def logged(self, pattern, name='mainlog'):
        return h.wait_for(lambda: re.search(pattern, self.log(name)), what=lambda: '%s in %s:\n%s' % (pattern, name, self.log(name)[-2000:]))

    def send(self, subject):
        return h.send(self.port, 's@c.test', ['u@box.test'], 'Subject: %s\n\nx\n' % subject)[0]

    def subjects(self):
        return [re.search(r'(?m)^Subject: (\S+)', m).group(1) for m in h.maildir(self.d('mail/box.test/u'))]

    def replaced(self, before):
        """Waits for a worker that is not `before`; returns its pid."""
        return h.wait_for(lambda: self.remex.worker() != before and self.remex.worker(), 90, 'another worker')


def no_dump():
    """Crashes of this test leave no core files behind."""
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def test_a_crash_is_survived():
    with Server(env={'ASAN_OPTIONS': 'detect_leaks=0:handle_segv=0'}) as s:
        h.equal(s.send('before'), 250)
        idle = h.Smtp(s.port)
        first = s.remex.worker()
        os.kill(first, signal.SIGSEGV)
        h.equal(idle.reply()[0], 0, 'the session of the dead worker')
        again = s.replaced(first)
        line = r'worker process %d was killed by signal 11 \(Segmentation fault[^)]*\) after \d+s; it is started again at once' % first
        s.logged(line)
        s.logged(line, 'paniclog')
        s.logged(r'worker process %d started again by the daemon, pid=%d' % (again, s.remex.proc.pid))
        h.equal(s.send('after'), 250)
        h.wait_for(lambda: sorted(s.subjects()) == ['after', 'before'], what='both messages')
        s.remex.stop()
        s.logged(r'remex daemon stopped: pid=%d' % s.remex.proc.pid)


def test_clients_wait_while_there_is_no_worker():
    """The second crash has a delay: who connects in it is neither refused nor forgotten."""
    with Server() as s:
        first = s.remex.worker()
        os.kill(first, signal.SIGKILL)
        second = s.replaced(first)
        s.logged('started again by the daemon')
        os.kill(second, signal.SIGKILL)
        h.wait_for(lambda: not s.remex.child('remex-worker'), what='the end of the second worker')
        clients = [h.Smtp(s.port, greet=False) for _ in range(5)]
        h.equal([c.reply()[0] for c in clients], [220] * 5, 'greetings')
        s.logged(r'worker process %d was killed by signal 9 \(Killed\) after \d+s; it is started again in 1s' % second)
        for c in clients:
            c.close()
        s.remex.stop()


def test_the_end_is_not_held_up_by_a_delay():
    with Server() as s:
        for _ in range(2):
            pid = s.remex.worker()
            os.kill(pid, signal.SIGKILL)
            h.wait_for(lambda: s.remex.child('remex-worker') != pid, what='the end of the worker')
        s.remex.stop(10)
        h.check(not h.port_open(s.port), 'the port is still open')


def test_nothing_acknowledged_is_lost():
    with Server(args=['-q1s']) as s:
        acked, stop = [], threading.Event()

        def client(number):
            n = 0
            while not stop.is_set():
                n += 1
                try:
                    if s.send('m-%d-%d' % (number, n)) == 250:
                        acked.append('m-%d-%d' % (number, n))
                except (OSError, h.Failed, ValueError):
                    pass

        threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for _ in range(3):
            seen, pid = len(acked), s.remex.worker()
            h.wait_for(lambda: len(acked) > seen + 30, what='messages')
            os.kill(pid, signal.SIGKILL)
            s.replaced(pid)
        seen = len(acked)
        h.wait_for(lambda: len(acked) > seen + 10, what='messages after the last crash')
        stop.set()
        for t in threads:
            t.join()
        h.wait_for(lambda: s.remex.run('-bpc').stdout.strip() == '0', 60, 'an empty queue')
        lost = set(acked) - set(s.subjects())
        h.equal(sorted(lost)[:10], [], 'acknowledged and lost, of %d' % len(acked))
        s.remex.stop()


def test_a_killed_master_takes_all_with_it():
    with Server() as s:
        below = h.descendants(s.remex.proc.pid)
        h.check(len(below) == (2 if ROOT else 1), 'processes: %r' % below)
        s.remex.proc.kill()
        s.remex.proc.wait()
        h.wait_for(lambda: not any(p in below and state != 'Z' for p, (_, _, state) in h.processes().items()), what='their end')
        s.remex.start()
        h.equal(s.send('later'), 250)
        s.remex.stop()


def test_a_dead_courier_is_replaced_with_its_worker():
    if not ROOT:
        return
    with Server() as s:
        first, courier = s.remex.worker(), s.remex.child('remex-courier')
        open_session = h.Smtp(s.port)
        start = time.monotonic()
        os.kill(courier, signal.SIGKILL)
        s.replaced(first)
        h.equal(open_session.reply()[0], 421, 'a session of the worker that cannot deliver any more')
        h.check(time.monotonic() - start < 30, 'sent away late')
        s.logged(r'courier process %d was killed by signal 9 \(Killed\); worker process %d is replaced, too' % (courier, first), 'paniclog')
        h.wait_for(lambda: s.remex.child('remex-courier') not in (None, courier), what='another courier')
        h.check('daemon stopped' not in s.log(), 'a daemon that stays says it stopped')
        h.equal(s.send('after'), 250)
        h.wait_for(lambda: s.subjects() == ['after'], what='the message')
        s.remex.stop()


def test_the_pid_file_is_the_masters():
    with Server() as s:
        with open(s.d('spool/exim-daemon.pid')) as f:
            h.equal(int(f.read()), s.remex.proc.pid, 'pid file')
        pid = s.remex.worker()
        os.kill(pid, signal.SIGKILL)
        s.replaced(pid)
        h.check(os.path.exists(s.d('spool/exim-daemon.pid')), 'gone with the worker')
        s.remex.stop()
        h.check(not os.path.exists(s.d('spool/exim-daemon.pid')), 'left behind')


def pid_in(path):
    with open(path) as f:
        return int(f.read() or 0)


def test_a_pid_file_of_roots_is_no_obstacle():
    """A daemon of root's was killed; the next one is started by the owner of the spool."""
    if not ROOT:
        return
    import pwd
    with Server() as s:
        s.remex.kill()
        h.equal(os.stat(s.d('spool/exim-daemon.pid')).st_uid, 0, 'its owner')
        s.remex.user = 'mail'
        os.chown(s.remex.stderr_path, pwd.getpwnam('mail').pw_uid, -1)
        s.remex.start()
        h.wait_for(lambda: pid_in(s.d('spool/exim-daemon.pid')) == s.remex.proc.pid, what='the pid file')  # the port is open before that
        s.remex.stop()


def test_a_reload_holds_after_a_crash():
    """A good new configuration is what the next worker begins with; a file that became wrong afterwards is not."""
    with Server() as s:
        with open(s.remex.conf) as f:
            text = f.read()
        h.write(s.remex.conf, re.sub(r'(?m)^primary_hostname.*$', 'primary_hostname = second.test', text))
        s.remex.proc.send_signal(signal.SIGHUP)
        s.logged('SIGHUP received')
        h.write(s.remex.conf, 'this is wrong\n')
        pid = s.remex.worker()
        os.kill(pid, signal.SIGKILL)
        s.replaced(pid)
        c = h.Smtp(s.port)
        h.check(c.greeting[1].startswith('second.test'), c.greeting)
        c.close()
        s.remex.stop()


def test_a_start_that_fails_says_so():
    """No endless attempts where the very first worker cannot begin: here the spool is no directory."""
    d = h.Dir()
    conf = fill(d, h.free_port())
    with open(conf) as f:
        text = f.read()
    h.write(d('file'), 'x')
    h.write(conf, re.sub(r'(?m)^spool_directory.*$', 'spool_directory = %s' % d('file'), text))
    got = subprocess.run([h.BIN, '-C', conf, '-bdf', '-oP', d('pid')], capture_output=True, text=True, timeout=60)
    h.check(got.returncode in (73, 78) and d('file') in got.stderr, (got.returncode, got.stderr))
    h.check(not os.path.exists(d('pid')), 'the pid file is left behind')
    d.remove()


def test_in_the_background():
    """-bd: the pid file has the master's number, whose worker may crash there, too."""
    d, port = h.Dir(), h.free_port()
    conf = fill(d, port)
    subprocess.run([h.BIN, '-C', conf, '-bd'], check=True, timeout=60, env=NO_LEAKS)

    def number():
        with contextlib.suppress(OSError), open(d('spool/exim-daemon.pid')) as f:
            return f.read().strip()
    pid = int(h.wait_for(number, what='the pid file'))

    def worker():
        table = h.processes()
        return next((p for p in h.descendants(pid) if table.get(p, (0, ''))[1] == 'remex-worker'), None)
    try:
        first = h.wait_for(worker, what='a worker')
        h.Smtp(port).close()
        os.kill(first, signal.SIGKILL)
        h.Smtp(port).close()
        h.check(worker() not in (None, first), 'another worker')
        os.kill(pid, signal.SIGTERM)
        h.wait_for(lambda: h.processes().get(pid, (0, '', 'Z'))[2] == 'Z', what='the end')
        h.check(not h.port_open(port) and not os.path.exists(d('spool/exim-daemon.pid')), 'something is left')
    finally:
        for p in [pid] + h.descendants(pid):
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                pass
    d.remove()


def test_a_super_server_has_its_socket_back():
    """-bw2s: it serves the socket that is its standard input, and ends two seconds after the last client."""
    d = h.Dir()
    conf = fill(d, h.free_port())
    with socket.create_server(('127.0.0.1', 0)) as listener:
        proc = subprocess.Popen([h.BIN, '-C', conf, '-bw2s'], env=NO_LEAKS, stdin=listener, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        h.Smtp(listener.getsockname()[1]).close()
        h.equal((proc.wait(60), proc.stderr.read()), (0, ''), 'its end')
        proc.stderr.close()
        h.check(h.port_open(listener.getsockname()[1]), 'the socket of the super-server is closed')
    d.remove()


def test_a_loop_that_stands_still():
    with Server(extra='worker_watchdog = 6s') as s:
        pid = s.remex.worker()
        os.kill(pid, signal.SIGSTOP)
        s.replaced(pid)
        s.logged(r'worker process %d: its event loop has not turned for 6s \(worker_watchdog\); it is killed' % pid, 'paniclog')
        h.equal(s.send('after'), 250)
        s.remex.stop()


def test_a_shorter_patience_is_for_the_next_worker():
    """The one that runs reports as often as it was told when it began."""
    with Server() as s:
        first = s.remex.worker()
        with open(s.remex.conf) as f:
            text = f.read()
        h.write(s.remex.conf, 'worker_watchdog = 4s\n' + text)
        s.remex.proc.send_signal(signal.SIGHUP)
        s.logged('SIGHUP received')
        end = time.monotonic() + 6
        while time.monotonic() < end:
            h.equal(s.send('x'), 250)
        h.equal((s.remex.worker(), s.log('paniclog')), (first, ''), 'the worker')
        os.kill(first, signal.SIGKILL)
        second = s.replaced(first)
        s.logged('started again by the daemon')
        os.kill(second, signal.SIGSTOP)
        s.logged(r'worker process %d: its event loop has not turned for 4s' % second, 'paniclog')
        s.replaced(second)
        s.remex.stop()


def test_root_gives_away_only_what_is_its_own():
    """Whoever has taken over the worker may put anything into its directories: no command of root's makes that the worker's."""
    if not ROOT:
        return
    with Server() as s:
        s.remex.stop()
        owner = os.stat(s.d('spool')).st_uid
        h.check(owner != 0 and os.stat(s.d('spool/db/spool.sqlite')).st_uid == owner, 'the spool')
        os.makedirs(s.d('precious'))
        foreign = [s.d('spool/victim'), s.d('spool/db/victim'), s.d('log/victim'), s.d('precious/victim')]
        for path in foreign:
            h.write(path, 'x', 0o600)
            os.chown(path, 0, 0)
        os.symlink(s.d('precious'), s.d('spool/scan'))
        os.link(s.d('precious/victim'), s.d('spool/bodies/1vTESTx-00000000001-0000-D'))  # a second name
        s.remex.run('-bpc')
        s.remex.start()
        s.remex.stop()
        h.equal([os.stat(p).st_uid for p in foreign + [s.d('precious')]], [0] * 5, 'owners')
        # What root alone could write until now is handed over: a spool that was restored by root. Not while other files lie in it.
        for top, directories, files in os.walk(s.d('spool')):
            for path in [top] + [os.path.join(top, f) for f in directories + files]:
                os.lchown(path, 0, 0)
        start = subprocess.run([h.BIN, '-C', s.remex.conf, '-bdf'], capture_output=True, text=True, timeout=60, env=NO_LEAKS)
        h.check(start.returncode != 0 and 'mail (exim_user) cannot write in %s/db (spool_directory)' % s.d('spool') in start.stderr, (start.returncode, start.stderr))
        h.equal([os.stat(s.d(p)).st_uid for p in ('spool', 'spool/db', 'spool/db/victim')], [0] * 3, 'a spool with other files')
        for path in ('spool/victim', 'spool/db/victim'):
            os.unlink(s.d(path))
        for top, directories, files in os.walk(s.d('spool')):
            for path in [top] + [os.path.join(top, f) for f in directories + files]:
                os.lchown(path, 0, 0)
        s.remex.start()
        h.equal(h.send(s.port, 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250, 'a message')
        h.equal([os.stat(s.d(p)).st_uid for p in ('spool', 'spool/db', 'spool/db/spool.sqlite', 'spool/bodies')], [owner] * 4, 'the spool again')
        h.equal([os.stat(p).st_uid for p in (s.d('precious'), s.d('precious/victim'))], [0] * 2, 'what is not')
        s.remex.stop()


@contextlib.contextmanager
def logging_to(pattern, prepare):
    """A daemon's directory and configuration with this log_file_path (%s is the directory) that prepare() has seen."""
    d, port = h.Dir(), h.free_port()
    os.chmod(d(), 0o755)
    conf = fill(d, port)
    prepare(d)
    with open(conf) as f:
        text = f.read()
    h.write(conf, 'log_file_path = %s\n' % d(pattern) + re.sub(r'(?m)^log_file_path.*$', '', text))
    remex = h.Remex(conf, [port])
    try:
        yield d, remex
    finally:
        remex.kill()
        d.remove()


ROOTS_PLACE = ROOT and not any(os.stat(p).st_uid or os.stat(p).st_mode & 0o22 for p in ('/', '/var', '/var/lib'))


@contextlib.contextmanager
def logging_to_place(prepare):
    """The same with "exim" in a directory where root alone writes, as it is not below /tmp."""
    place, d, port = tempfile.mkdtemp(dir='/var/lib', prefix='remex-test-'), h.Dir(), h.free_port()
    remex = None
    try:
        os.chmod(place, 0o755)
        prepare(place)
        conf = fill(d, port)
        with open(conf) as f:
            text = f.read()
        h.write(conf, 'log_file_path = %s/exim/%%slog\n' % place + re.sub(r'(?m)^log_file_path.*$', '', text))
        remex = h.Remex(conf, [port])
        yield place, remex
    finally:
        if remex:
            remex.kill()
        shutil.rmtree(place)
        d.remove()


def test_a_link_of_roots_is_walked_not_followed():
    """Root's link leads through a directory of exim_user's: what exim_user puts there instead is not given to it."""
    if not ROOTS_PLACE:
        return
    mail = pwd.getpwnam('mail')

    def prepare(place):
        os.makedirs(place + '/vol/log')
        os.mkdir(place + '/victim')
        h.write(place + '/victim/mainlog', 'x', 0o600)
        os.chown(place + '/vol', mail.pw_uid, mail.pw_gid)
        os.symlink(place + '/vol/log', place + '/exim')
        os.rename(place + '/vol/log', place + '/vol/log.old')
        os.symlink(place + '/victim', place + '/vol/log')
    with logging_to_place(prepare) as (place, remex):
        r = subprocess.run([h.BIN, '-C', remex.conf, '-bdf'], capture_output=True, text=True, timeout=60, env=NO_LEAKS)
        h.equal([os.stat(place + p).st_uid for p in ('/victim', '/victim/mainlog')], [0, 0], 'owners')
        h.check('log in it is a symbolic link that somebody else than root may have made' in r.stderr and r.returncode == 78, (r.returncode, r.stderr))


def test_a_link_of_roots_to_a_place_of_roots():
    if not ROOTS_PLACE:
        return

    def prepare(place):
        os.makedirs(place + '/real/deep')
        os.symlink('real/deep/../deep', place + '/relative')
        os.symlink(place + '/relative', place + '/exim')
    with logging_to_place(prepare) as (place, remex):
        remex.start()
        h.equal(h.send(remex.ports[0], 's@c.test', ['u@box.test'], 'Subject: x\n\nx\n')[0], 250, 'a message')
        remex.stop()
        h.equal([os.stat(place + p).st_uid for p in ('/real/deep', '/real')], [pwd.getpwnam('mail').pw_uid, 0], 'owners of the target and above')
        h.check(os.path.exists(place + '/real/deep/mainlog'), 'no log')


def test_directories_of_others_stay_theirs():
    """A log directory that others use is not given away; where exim_user cannot write, the operator is told what to do."""
    if not ROOT:
        return
    nobody = pwd.getpwnam('nobody')

    def shared(d):
        os.mkdir(d('logs'))
        os.chmod(d('logs'), 0o1777)
    with logging_to('logs/exim_%slog', shared) as (d, remex):
        remex.start()
        remex.stop()
        h.equal((os.stat(d('logs')).st_uid, os.stat(d('logs')).st_mode & 0o7777), (0, 0o1777), 'a shared directory')
        h.check(os.path.exists(d('logs/exim_mainlog')), 'no log')

    def shared_place(place):
        os.mkdir(place + '/exim')
        os.chmod(place + '/exim', 0o1777)

    def foreign_place(place):
        os.mkdir(place + '/exim', 0o755)
        os.chown(place + '/exim', nobody.pw_uid, nobody.pw_gid)
        os.chmod(place + '/exim', 0o777)
    for prepare, owner in ((shared_place, 0), (foreign_place, nobody.pw_uid)) if ROOTS_PLACE else ():
        with logging_to_place(prepare) as (place, remex):
            remex.start()
            remex.stop()
            h.equal(os.stat(place + '/exim').st_uid, owner, 'a directory where root alone writes above')
            h.check(os.path.exists(place + '/exim/mainlog'), 'no log')

    def foreign(d):
        os.mkdir(d('logs'), 0o755)
        os.chown(d('logs'), nobody.pw_uid, nobody.pw_gid)

    def used(d):
        os.mkdir(d('logs'), 0o755)
        h.write(d('logs/other'), 'x', 0o600)
    for prepare, owner in ((foreign, nobody.pw_uid), (used, 0)):
        with logging_to('logs/%slog', prepare) as (d, remex):
            with open(d('err'), 'w') as err, subprocess.Popen([h.BIN, '-C', remex.conf, '-bdf'], stderr=err, env=NO_LEAKS) as proc:
                def told():
                    with open(d('err')) as f:
                        return 'remex: mail (exim_user) cannot write in %s (log_file_path)' % d('logs') in f.read()
                try:
                    h.wait_for(told, what='the advice')
                    h.wait_for(lambda: h.port_open(remex.ports[0]) or proc.poll() is not None, what='the start')
                finally:
                    proc.terminate()
            h.equal([os.stat(d(p)).st_uid for p in ['logs'] + ['logs/' + n for n in os.listdir(d('logs'))]],
                    [owner] + [0] * len(os.listdir(d('logs'))), 'owners')


def prepared(s, hostname, rest=''):
    """A configuration with that name, beside the one in force; os.replace puts it there in no time."""
    with open(s.remex.conf) as f:
        text = f.read().replace('this is wrong\n', '')
    return h.write(s.remex.conf + '.' + (hostname or 'wrong'), re.sub(r'(?m)^primary_hostname.*$', 'primary_hostname = ' + hostname, text) + rest)


def test_a_sighup_without_a_worker():
    """It is for the one that comes; what becomes of it is in the log."""
    with Server() as s:
        first = s.remex.worker()
        os.kill(first, signal.SIGKILL)
        second = s.replaced(first)
        s.logged('started again by the daemon')
        wrong, good = prepared(s, '', 'this is wrong\n'), prepared(s, 'second.test')
        os.kill(second, signal.SIGKILL)
        h.wait_for(lambda: not s.remex.child('remex-worker'), what='the end of the second worker')
        os.replace(wrong, s.remex.conf)
        s.remex.proc.send_signal(signal.SIGHUP)
        s.logged('SIGHUP: the new configuration is refused; the old one stays in force', 'paniclog')
        third = s.replaced(second)
        s.logged(r'(?s)started again by the daemon.*started again by the daemon')
        os.kill(third, signal.SIGKILL)
        h.wait_for(lambda: not s.remex.child('remex-worker'), what='the end of the third worker')
        os.replace(good, s.remex.conf)
        s.remex.proc.send_signal(signal.SIGHUP)
        s.logged(r'pid %d: SIGHUP received: configuration loaded again, for the worker process that begins next' % s.remex.proc.pid)
        s.replaced(third)
        c = h.Smtp(s.port)
        h.check(c.greeting[1].startswith('second.test'), c.greeting)
        c.close()
        s.remex.stop()


def test_a_sigterm_while_the_worker_is_replaced():
    """The sessions it waits for end at once, and a clean end is one."""
    if not ROOT:
        return
    with Server() as s:
        c = h.Smtp(s.port)
        os.makedirs(s.d('more'))  # what needs another sandbox needs another worker, and the old one is polite
        with open(s.remex.conf) as f:
            text = f.read()
        h.write(s.remex.conf, 'sandbox_writable_directories = %s\n' % s.d('more') + text)
        s.remex.proc.send_signal(signal.SIGHUP)
        h.wait_for(lambda: s.remex.child('remex-leaving') and s.remex.child('remex-worker'), what='the replacement')
        start = time.monotonic()
        s.remex.stop(20)  # status 0
        h.check(time.monotonic() - start < 15, 'the daemon ended late')
        h.equal(c.reply()[0], 421, 'the session')


class Manager:
    """The service manager's end of sd_notify(3)."""

    def __init__(self, d):
        self.path = d('notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.socket.setblocking(False)
        self.seen = []

    def messages(self):
        while True:
            try:
                self.seen.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self.seen

    def count(self, what):
        return self.messages().count(what)


def open_files(pid):
    """(soft, hard) limit of open files."""
    with open('/proc/%d/limits' % pid) as f:
        return tuple(int(n) for n in re.search(r'(?m)^Max open files +(\d+) +(\d+)', f.read()).groups())


def test_the_worker_takes_all_descriptors():
    """The soft limit becomes the hard one; the courier, which starts the commands of users, keeps it."""
    if not shutil.which('prlimit'):
        return print('     (no prlimit)')
    d, port = h.Dir(), h.free_port()
    server = h.Remex(fill(d, port), [port], prefix=['prlimit', '--nofile=512:2048'])
    server.start()
    try:
        h.wait_for(lambda: open_files(server.worker()) == (2048, 2048), what=lambda: 'the limit of the worker: %s' % (open_files(server.worker()),))
        h.equal(open_files(server.proc.pid), (512, 2048), 'the limit of the master')
        if ROOT:
            h.equal(open_files(server.child('remex-courier')), (512, 2048), 'the limit of the courier')
    finally:
        server.kill()
        d.remove()


def test_the_service_manager_is_told():
    d = h.Dir()
    manager = Manager(d)
    with Server(extra='worker_watchdog = 0s', env={'NOTIFY_SOCKET': manager.path, 'WATCHDOG_USEC': '600000'}) as s:
        h.wait_for(lambda: manager.count('READY=1') == 1, what='READY=1')
        pid = s.remex.worker()
        h.wait_for(lambda: manager.count('WATCHDOG=1') >= 5, what='WATCHDOG=1')
        # Only a worker whose loop turns is alive.
        os.kill(pid, signal.SIGSTOP)
        h.wait_for(lambda: h.processes()[pid][2] == 'T', what='the worker to stop')
        end, quiet = time.monotonic() + 30, 0
        while quiet < 1.5:  # seven heartbeats
            h.check(time.monotonic() < end, 'WATCHDOG=1 of a worker that stands still')
            before, start = manager.count('WATCHDOG=1'), time.monotonic()
            while manager.count('WATCHDOG=1') == before and quiet < 1.5:
                time.sleep(0.02)
                quiet = time.monotonic() - start
        os.kill(pid, signal.SIGCONT)
        before = manager.count('WATCHDOG=1')
        h.wait_for(lambda: manager.count('WATCHDOG=1') > before, what='WATCHDOG=1 again')
        # A crash is no standstill: the manager need not do anything.
        os.kill(pid, signal.SIGKILL)
        s.replaced(pid)
        h.wait_for(lambda: any(m.startswith('STATUS=worker process %d was killed' % pid) for m in manager.messages()), what='STATUS=')
        h.equal(manager.count('READY=1'), 1, 'READY=1')
        s.remex.stop()
        h.equal(manager.count('STOPPING=1'), 1, 'STOPPING=1')
    d.remove()


no_dump()
h.main()
