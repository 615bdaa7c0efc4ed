"""Deliveries as the recipient's user: mbox, maildir with quota, pipes, .forward, from a daemon started as root.
# timeout: 240
Accounts, /var/mail and homes are this test's own (a private mount namespace)."""
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import time

import harness
from harness import check, equal, wait_for

if os.geteuid() != 0:
    harness.skip('needs root')
harness.enter_namespace()

d = harness.Dir()
ALICE, BOB = 4011, 4012
os.makedirs(d('home/alice'))
os.makedirs(d('home/bob'))
os.makedirs(d('mail'))
os.chown(d('home/alice'), ALICE, ALICE)
os.chown(d('home/bob'), BOB, BOB)
os.chmod(d('home/alice'), 0o700)
os.chmod(d('home/bob'), 0o700)
os.chown(d('mail'), 0, 8)
os.chmod(d('mail'), 0o2775)
passwd = open('/etc/passwd').read() + 'alice:x:%d:%d:Alice:%s:/bin/sh\nbob:x:%d:%d:Bob:%s:/bin/sh\n' % (
    ALICE, ALICE, d('home/alice'), BOB, BOB, d('home/bob'))
group = open('/etc/group').read() + 'alice:x:%d:\nbob:x:%d:\nextra:x:4020:alice\n' % (ALICE, BOB)
harness.write(d('passwd'), passwd)
harness.write(d('group'), group)
for name in ('passwd', 'group'):
    subprocess.run(['mount', '--bind', d(name), '/etc/' + name], check=True)
harness.write(d('nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files\n')
if os.path.exists('/etc/nsswitch.conf'):
    subprocess.run(['mount', '--bind', d('nsswitch.conf'), '/etc/nsswitch.conf'], check=True)

port = harness.free_port()
CONF = r'''
primary_hostname = local.test
exim_user = mail
exim_group = mail
spool_directory = @D@/spool
log_file_path = @D@/log/%slog
acl_smtp_rcpt = accept
daemon_smtp_ports = @PORT@
local_interfaces = 127.0.0.1
never_users = root
domainlist local_domains = local.test
begin routers
forward:
  driver = redirect
  domains = +local_domains
  check_local_user
  file = $home/.forward
  require_files = $local_part_data:$home/.forward
  file_transport = address_file
  pipe_transport = address_pipe
  directory_transport = address_directory
  no_verify
fixed:
  driver = redirect
  domains = fixed.test
  data = ${lookup{$local_part}lsearch{@D@/aliases}}
  file_transport = address_file
  pipe_transport = address_pipe
  user = alice
quotas:
  driver = accept
  domains = quota.test
  user = bob
  local_parts = small : dir : sized
  transport = quota_$local_part_data
named:
  driver = accept
  domains = named.test
  user = bob
  local_parts = constant : inode
  transport = named_$local_part_data
commands:
  driver = accept
  domains = command.test
  user = bob
  local_parts = away : busy : linger
  transport = command_$local_part_data
grown:
  driver = accept
  domains = grown.test
  user = bob
  transport = grown
notroot:
  driver = accept
  domains = root.test
  user = root
  transport = mail_spool_root
local_user:
  driver = accept
  domains = +local_domains
  check_local_user
  initgroups
  local_part_suffix = +maildir : +dir
  local_part_suffix_optional
  transport = ${if eq{$local_part_suffix}{+maildir}{maildir_home}{${if eq{$local_part_suffix}{+dir}{plain_home}{mail_spool}}}}
begin transports
mail_spool:
  driver = appendfile
  file = @D@/mail/$local_part_data
  delivery_date_add
  envelope_to_add
  return_path_add
  group = mail
  mode = 0660
  mode_fail_narrower = false
  lock_interval = 1s
  lock_retries = 3
mail_spool_root:
  driver = appendfile
  file = @D@/mail/root
maildir_home:
  driver = appendfile
  directory = $home/Maildir
  maildir_format
  maildir_use_size_file
  quota = 1M
plain_home:
  driver = appendfile
  directory = $home/plain
  mode = 0640
named_constant:
  driver = appendfile
  directory = @D@/home/bob/constant
  directory_file = message
named_inode:
  driver = appendfile
  directory = @D@/home/bob/inode
  directory_file = message-$inode
command_away:
  driver = pipe
  command = /bin/true
  current_directory = @D@/home/bob/away
command_linger:
  driver = pipe
  command = @D@/linger
command_busy:
  driver = pipe
  command = @D@/busy
grown:
  driver = appendfile
  file = @D@/home/bob/grown
  transport_filter = @D@/grow
quota_small:
  driver = appendfile
  file = @D@/home/bob/small
  quota = 1000
quota_dir:
  driver = appendfile
  directory = @D@/home/bob/qdir
  maildir_format
  quota_filecount = 1
quota_sized:
  driver = appendfile
  directory = @D@/home/bob/sized
  maildir_format
  maildir_use_size_file
  quota = 20K
  quota_warn_threshold = 10%
  quota_warn_message = "To: bob@local.test\nSubject: nearly full\n\nTidy up.\n"
address_file:
  driver = appendfile
  delivery_date_add
address_directory:
  driver = appendfile
  maildir_format
address_pipe:
  driver = pipe
  return_fail_output
  timeout = 8s
  max_output = 2000
  log_fail_output
begin retry
* quota
* * F,1h,10m
'''
conf = harness.write(d('remex.conf'), CONF.replace('@D@', d.path).replace('@PORT@', str(port)))
server = harness.Remex(conf, [port]).start()


def log():
    try:
        return open(d('log/mainlog')).read()
    except OSError:
        return ''


def send(to, body='hello\n', sender='from@remote.test', subject='x'):
    got = harness.send(port, sender, [to], 'Subject: %s\n\n%s' % (subject, body))
    equal(got[0], 250, got[1])
    return got[1].split('id=')[1].split()[0]


def done(mid, pattern='Completed'):
    return wait_for(lambda: [l for l in log().splitlines() if mid in l and pattern in l], 60, lambda: '%s of %s in log: %s' % (pattern, mid, log()[-2000:]))


def read(path):
    return open(path, encoding='latin-1').read()


def test_mbox_as_user():
    done(send('alice@local.test', 'From here\nend\n'))
    st = os.stat(d('mail/alice'))
    equal((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (ALICE, 8, 0o660), 'owner, group, mode')
    text = read(d('mail/alice'))
    check(text.startswith('From from@remote.test '), text[:80])
    check('\n>From here\nend\n\n' in text, 'escape and suffix: ' + text)
    for name in ('Return-path: <from@remote.test>', 'Envelope-to: alice@local.test', 'Delivery-date: '):
        check(name in text, name)
    done(send('alice@local.test'))
    equal(read(d('mail/alice')).count('\nSubject: x'), 2, 'messages')
    check(not os.path.exists(d('mail/alice.lock')), 'lock file left')


def test_mbox_attacks():
    box = d('mail/bob')
    secret = harness.write(d('secret'), 'keep\n')
    os.chown(secret, BOB, BOB)
    os.symlink(secret, box)
    check('is a symlink' in done(send('bob@local.test'), '==')[0], log()[-500:])
    os.unlink(box)
    os.link(secret, box)
    check('too many links' in done(send('bob@local.test'), '==')[0], log()[-500:])
    os.unlink(box)
    harness.write(box, '')
    os.chown(box, ALICE, 8)
    check('wrong uid' in done(send('bob@local.test'), '==')[0], log()[-500:])
    os.unlink(box)
    os.mkfifo(box)
    check('not a regular file' in done(send('bob@local.test'), '==')[0], log()[-500:])
    os.unlink(box)
    harness.write(box, '', 0o666)
    os.chown(box, BOB, 8)
    done(send('bob@local.test'))
    equal(stat.S_IMODE(os.stat(box).st_mode), 0o660, 'mode is narrowed')
    equal(read(secret), 'keep\n', 'the file behind the link')


def test_lock_file_of_another():
    harness.write(d('mail/alice.lock'), '')
    check('failed to lock mailbox' in done(send('alice@local.test'), '==')[0], log()[-500:])
    os.utime(d('mail/alice.lock'), (time.time() - 4000,) * 2)
    done(send('alice@local.test', subject='stale'))
    check('Subject: stale' in read(d('mail/alice')), 'delivered past a stale lock')


def test_maildir_and_plain_as_user():
    done(send('alice+maildir@local.test'))
    files = os.listdir(d('home/alice/Maildir/new'))
    equal(len(files), 1, 'files')
    st = os.stat(d('home/alice/Maildir/new', files[0]))
    equal((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (ALICE, ALICE, 0o600), 'owner and mode')
    lines = read(d('home/alice/Maildir/maildirsize')).splitlines()
    equal(lines[0], '1048576S,0C', 'limits')
    equal(sum(int(l.split()[0]) for l in lines[1:]), st.st_size, 'sum')
    done(send('alice+dir@local.test'))
    files = os.listdir(d('home/alice/plain'))
    equal(len(files), 1, 'plain files')
    equal(stat.S_IMODE(os.stat(d('home/alice/plain', files[0])).st_mode), 0o640, 'mode')


def test_named_files():
    for name in ('constant', 'inode'):
        for subject in ('one', 'two', 'three'):
            done(send(name + '@named.test', subject=subject))
        files = os.listdir(d('home/bob', name))
        equal(sorted(re.search('Subject: (.*)', read(d('home/bob', name, f))).group(1) for f in files), ['one', 'three', 'two'])
        if name == 'constant':
            equal([len(re.findall('^message(-q[-0-9A-Za-z]+)?$', f)) for f in files] + ['message' in files], [1, 1, 1, True], files)
        else:
            check(all(re.match('^message-[1-9][0-9]+$', f) for f in files), files)


def test_a_command_that_cannot_run_now():
    check('failed to change directory' in done(send('away@command.test'), '==')[0], log()[-500:])
    shutil.copy('/bin/true', d('busy'))
    os.chmod(d('busy'), 0o755)
    with open(d('busy'), 'ab'):
        check('failed to exec' in done(send('busy@command.test'), '==')[0], log()[-500:])


def test_a_filter_may_write_a_lot():
    size = 68000000
    harness.write(d('grow'), "#!/bin/sh\ncat\nhead -c %d /dev/zero | tr '\\0' x\necho\n" % size, 0o755)
    done(send('grown@grown.test', 'x' * 70 + '\n' * 2000000), '=>')
    check(os.path.getsize(d('home/bob/grown')) > size, 'size')


def test_maildir_symlink_attack():
    os.makedirs(d('home/bob/Maildir'), exist_ok=True)
    os.symlink('/tmp', d('home/bob/Maildir/new'))
    os.chown(d('home/bob/Maildir'), BOB, BOB)
    before = set(os.listdir('/tmp'))
    done(send('bob+maildir@local.test'), '==')
    check(not [f for f in set(os.listdir('/tmp')) - before if '.local.test' in f], 'written through a link')


def test_forward_pipe_runs_as_user():
    harness.write(d('home/alice/.forward'), '"|/bin/sh -c \'id; env; pwd; umask; cat; exit 0\' | x"\n')
    out = d('home/alice/out')
    harness.write(d('home/alice/run'), '#!/bin/sh\n(id; pwd; umask; echo "args: $*"; env; ls /proc/self/fd; cat) > %s\n' % out, 0o755)
    harness.write(d('home/alice/.forward'), '"|%s one \'two three\' $HOME"\n' % d('home/alice/run'))
    os.chown(d('home/alice/.forward'), ALICE, ALICE)
    done(send('alice@local.test', 'a body\n'))
    text = read(out)
    check('uid=%d(alice) gid=%d(alice)' % (ALICE, ALICE) in text, text)
    check('args: one two three $HOME\n' in text, 'no shell, no expansion: ' + text)
    check('\n%s\n' % d('home/alice') in text, 'current directory')
    for v in ('LOCAL_PART=alice', 'DOMAIN=local.test', 'USER=alice', 'HOME=' + d('home/alice'), 'SENDER=from@remote.test', 'RECIPIENT=alice@local.test',
              'SHELL=/bin/sh', 'PATH=/bin:/usr/bin'):
        check('\n%s\n' % v in text, v + ' in ' + text)
    check('a body\n' in text, 'message')
    check('\n3\n4\n' not in text, 'inherited descriptors: ' + text)


def test_pipe_outcomes():
    def forward(script):
        harness.write(d('home/alice/run'), '#!/bin/sh\n' + script, 0o755)
        return send('alice@local.test')
    check('returned 7 from command' in done(forward('echo some reason; exit 7'), '**')[0], log()[-800:])
    check('output: some reason' in log(), 'log_fail_output')
    check('returned 75 (could mean temporary error)' in done(forward('exit 75'), '==')[0], log()[-500:])
    check('terminated by signal 9' in done(forward('kill -9 $$'), '**')[0], log()[-500:])
    started = time.monotonic()
    check('timed out' in done(forward('sleep 1000 & sleep 1000'), '**')[0], log()[-500:])
    check(time.monotonic() - started < 60, 'time limit')
    check('too much output' in done(forward('yes'), '**')[0], log()[-500:])
    harness.write(d('home/alice/.forward'), '|/no/such/program\n')
    check('returned 127 (could mean unable to exec' in done(send('alice@local.test'), '**')[0], log()[-500:])


def test_bounce_has_the_output():
    os.chown(harness.write(d('home/bob/.forward'), ''), BOB, BOB)
    os.unlink(d('home/bob/.forward'))
    harness.write(d('home/alice/run'), '#!/bin/sh\necho the reason why; exit 1\n', 0o755)
    harness.write(d('home/alice/.forward'), '|%s\n' % d('home/alice/run'))
    if os.path.exists(d('mail/bob')):
        os.unlink(d('mail/bob'))
    send('alice@local.test', sender='bob@local.test')
    text = wait_for(lambda: os.path.exists(d('mail/bob')) and read(d('mail/bob')), what='the bounce')
    wait_for(lambda: 'the reason why' in read(d('mail/bob')), what=lambda: read(d('mail/bob')))


def test_forward_of_another_owner():
    os.unlink(d('home/alice/.forward'))
    harness.write(d('home/alice/.forward'), d('home/alice/evil') + '\n')
    os.chown(d('home/alice/.forward'), BOB, BOB)
    check('bad owner' in done(send('alice@local.test'), '==')[0], log()[-500:])
    os.chown(d('home/alice/.forward'), ALICE, ALICE)
    os.chmod(d('home/alice/.forward'), 0o666)
    check('bad mode' in done(send('alice@local.test'), '==')[0], log()[-500:])
    os.chmod(d('home/alice/.forward'), 0o600)
    done(send('alice@local.test'))
    equal(os.stat(d('home/alice/evil')).st_uid, ALICE, 'owner of the file')


def test_forward_file_cannot_leave():
    harness.write(d('home/alice/.forward'), d('home/alice') + '/../bob/x\n', 0o600)
    os.chown(d('home/alice/.forward'), ALICE, ALICE)
    check('.. component' in done(send('alice@local.test'), '==')[0], log()[-500:])
    harness.write(d('home/alice/.forward'), d('home/bob/x') + '\n', 0o600)
    os.chown(d('home/alice/.forward'), ALICE, ALICE)
    check('Permission denied' in done(send('alice@local.test'), '==')[0], log()[-500:])
    harness.write(d('home/alice/.forward'), '/etc/shadow-of-mine\n', 0o600)
    os.chown(d('home/alice/.forward'), ALICE, ALICE)
    check('Permission denied' in done(send('alice@local.test'), '==')[0], log()[-500:])
    os.unlink(d('home/alice/.forward'))


def test_bt_reads_the_forward_as_the_user():
    harness.write(d('home/alice/.forward'), 'bob@local.test\n', 0o600)
    os.chown(d('home/alice/.forward'), ALICE, ALICE)
    r = server.run('-bt', 'alice@local.test')
    check('bob@local.test' in r.stdout and 'transport = mail_spool' in r.stdout, r.stdout + r.stderr)
    os.unlink(d('home/alice/.forward'))


def test_quota():
    done(send('small@quota.test', 'x' * 300 + '\n'))
    size = os.path.getsize(d('home/bob/small'))
    mid = send('small@quota.test', 'x' * 900 + '\n')
    check('mailbox is full' in done(mid, '==')[0], log()[-800:])
    check('retry timeout exceeded' in done(mid, '**')[0], log()[-800:])
    equal(os.path.getsize(d('home/bob/small')), size, 'nothing was appended')
    done(send('dir@quota.test'))
    check('mailbox is full' in done(send('dir@quota.test'), '==')[0], log()[-800:])
    equal(len(os.listdir(d('home/bob/qdir/new'))), 1, 'files')


def test_quota_warning_and_maildirsize():
    done(send('sized@quota.test', 'x' * 70 * 20 + '\n', subject='one'))
    done(send('sized@quota.test', ('y' * 70 + '\n') * 20, subject='two'))
    wait_for(lambda: 'Subject: nearly full' in read(d('mail/bob')), what=lambda: log()[-1500:])
    for bad in ('garbage', '-5S,0C\n', '1S,1C\n' + '9' * 30 + ' 1\n', '20480S,0C\n-99999 1\n'):
        harness.write(d('home/bob/sized/maildirsize'), bad)
        os.chown(d('home/bob/sized/maildirsize'), BOB, BOB)
        done(send('sized@quota.test', 'z\n'))
        equal(read(d('home/bob/sized/maildirsize')).splitlines()[0], '20480S,0C', 'made anew')


def test_root_is_never_used():
    check('never_users list' in done(send('x@root.test'), '==')[0], log()[-500:])
    check(not os.path.exists(d('mail/root')), 'written as root')


def test_include_and_alias_pipe_of_fixed_user():
    harness.write(d('aliases'), 'run: |/usr/bin/id -u\ninc: :include:%s\n' % d('home/alice/list'))
    harness.write(d('home/alice/list'), 'bob@local.test\n', 0o600)
    os.chown(d('home/alice/list'), ALICE, ALICE)
    done(send('run@fixed.test'))
    check('=> |/usr/bin/id -u' in log(), log()[-500:])
    done(send('inc@fixed.test'))


def test_the_same_command_of_two_recipients():
    harness.write(d('aliases'), 'first: |%s, away@command.test\nsecond: |%s\n' % (d('step'), d('step')))
    harness.write(d('home/alice/notyet'), '')
    harness.write(d('step'), '#!/bin/sh\ncat > /dev/null\n[ $LOCAL_PART = second ] && [ -e %s ] && exit 75\necho $LOCAL_PART >> %s\n'
                  % (d('home/alice/notyet'), d('home/alice/steps')), 0o755)
    c = harness.Smtp(port)
    c.ehlo()
    got = c.message('from@remote.test', ['first@fixed.test', 'second@fixed.test'], 'Subject: x\n\nx\n')
    c.close()
    mid = got[1].split('id=')[1].split()[0]
    wait_for(lambda: len(done(mid, '== ')) == 2, what=lambda: log()[-1500:])
    equal(read(d('home/alice/steps')), 'first\n', 'after the first attempt')
    os.unlink(d('home/alice/notyet'))
    wait_for(lambda: (server.run('-M', mid), read(d('home/alice/steps')))[1] == 'first\nsecond\n', what=lambda: log()[-1500:])
    server.run('-Mrm', mid)


def is_running(pid):
    try:
        return 'State:\tZ' not in read('/proc/%d/status' % pid)
    except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
        return False


def test_a_command_ends_when_nobody_waits_for_it():
    """The message is delivered again by whoever comes next; until then the first delivery must be over. One command ends when it is told
    to, the other must be killed; what they started ends with them."""
    for name, trap in (('obeys', "trap 'echo yes > %s; exit 1' TERM\n" % d('home/bob/told')), ('stays', "trap '' TERM\n")):
        harness.write(d('linger'), '#!/bin/sh\n%scat > /dev/null\nsleep 7654 & echo $$ $! > %s.new\nmv %s.new %s\nwait; wait; sleep 7654\n'
                      % ((trap,) + (d('home/bob/' + name),) * 3), 0o755)
        r = subprocess.run(server.command('-odq', '-f', 'x@remote.test', 'linger@command.test'), input='Subject: x\n\nx\n', text=True, env=server.env)
        equal(r.returncode, 0, 'queued')
        mid = server.run('-bpi').stdout.split()[-1]
        asking = subprocess.Popen(server.command('-M', mid), env=server.env)
        pids = [int(p) for p in wait_for(lambda: os.path.exists(d('home/bob/' + name)) and read(d('home/bob/' + name)), what='the command').split()]
        began = time.monotonic()
        asking.kill()
        asking.wait()
        wait_for(lambda: not any(is_running(p) for p in pids), what='the end of the command')
        if name == 'obeys':
            equal(read(d('home/bob/told')), 'yes\n', 'what it was told')
        else:
            check(time.monotonic() - began > 3, 'killed after %.1f s' % (time.monotonic() - began))
        server.run('-Mrm', mid)


def test_courier_survives_a_killed_child():
    harness.write(d('home/alice/run'), '#!/bin/sh\nkill -9 $PPID\nsleep 5\n', 0o755)
    harness.write(d('home/alice/.forward'), '|%s\n' % d('home/alice/run'), 0o600)
    os.chown(d('home/alice/.forward'), ALICE, ALICE)
    check('ended without an answer' in done(send('alice@local.test'), '==')[0], log()[-800:])
    os.unlink(d('home/alice/.forward'))
    done(send('alice@local.test'))


def test_command_line_as_root_delivers_as_user():
    if os.path.exists(d('mail/alice')):
        os.unlink(d('mail/alice'))
    r = server.run('-odi', '-f', 'x@remote.test', 'alice@local.test', input='Subject: cli\n\nbody\n')
    equal(r.returncode, 0, r.stderr)
    wait_for(lambda: os.path.exists(d('mail/alice')) and 'Subject: cli' in read(d('mail/alice')), what=lambda: log()[-800:])
    equal(os.stat(d('mail/alice')).st_uid, ALICE, 'owner')


def teardown():
    server.stop()
    d.remove()


harness.main()
