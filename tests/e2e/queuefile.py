#!/usr/bin/env python3
"""The transport queuefile: the files of an Exim spool for another program. What it writes is read by `remex queue import` and by Exim."""
# timeout: 240
import glob
import os
import re
import shutil
import stat
import subprocess

import harness as h

if os.geteuid() != 0:
    h.skip('needs root')
h.enter_namespace()
D = h.Dir()
ORACLE = next((p for p in (os.environ.get('REMEX_ORACLE'), os.path.join(h.SOURCE, 'build/oracle/exim'), shutil.which('oracle-exim'))
               if p and os.access(p, os.X_OK)), None)
PORT = h.free_port()
MAIL = 8  # uid and gid of mail, as Debian has them
CONF = r'''
primary_hostname = here.test
qualify_domain = here.test
exim_user = mail
exim_group = mail
spool_directory = @SPOOL@
log_file_path = @LOG@/%slog
keep_environment =
trusted_users = root
dsn_advertise_hosts = *
never_users = root
delay_warning = 1s
delay_warning_condition = ${if eq{$sender_address}{late@here.test}}
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
daemon_smtp_ports = @PORT@
local_interfaces = 127.0.0.1
domainlist local_domains = here.test
begin acl
acl_mail:
  accept set acl_c_hello = $sender_helo_name
acl_rcpt:
  accept set acl_m_two = line1\nline2
begin routers
list:
  driver = redirect
  domains = lists.test
  local_parts = list
  data = one@scan.test, other@here.test
parts:
  driver = redirect
  domains = lists.test
  local_parts = parts
  data = one@scan.test, later@wait.test, nobody@unknown.test, gone@lists.test
mixed:
  driver = redirect
  domains = lists.test
  local_parts = mixed
  data = middle@lists.test, side@lists.test
middle:
  driver = redirect
  domains = lists.test
  local_parts = middle
  data = one@scan.test
side:
  driver = redirect
  domains = lists.test
  local_parts = side
  data = middle@lists.test
  redirect_router = boxed
gone:
  driver = redirect
  domains = lists.test
  local_parts = gone
  data = :blackhole:
boxed:
  driver = accept
  domains = lists.test
  transport = box
wait:
  driver = redirect
  domains = wait.test
  allow_defer
  data = ${if exists{@D@/go}{box@here.test}{:defer: not yet}}
both:
  driver = redirect
  domains = here.test
  local_parts = both
  data = both@here.test, one@scan.test
again:
  driver = redirect
  domains = here.test
  local_parts = again
  data = again@here.test, again@broken.test
unseen:
  driver = accept
  domains = scan.test
  local_parts = unseen
  unseen
  transport = box
shared:
  driver = accept
  domains = shared.test
  local_parts = a : b
  user = ${if eq{$local_part}{a}{mail}{nobody}}
  transport = shared
marked:
  driver = accept
  domains = scan.test
  local_parts = marked
  headers_add = X-Mark: yes
  transport = scan
scan:
  driver = accept
  domains = scan.test
  transport = scan
broken:
  driver = accept
  domains = broken.test
  local_parts = missing : shut : full : link : again : late
  transport = broken
of_user:
  driver = accept
  domains = user.test
  user = nobody
  transport = user
domains:
  driver = accept
  domains = a.test : b.test
  transport = domains
here:
  driver = accept
  domains = here.test
  transport = box
begin transports
scan:
  driver = queuefile
  directory = @D@/out/
broken:
  driver = queuefile
  directory = @D@/$local_part_data
user:
  driver = queuefile
  directory = @D@/user
  group = nogroup
shared:
  driver = queuefile
  directory = @D@/shared
domains:
  driver = queuefile
  directory = @D@/domains/$domain_data
box:
  driver = appendfile
  file = @D@/box/mail
  create_file = @D@/box
  user = mail
begin retry
* * F,1d,15m
'''
# Takes the copies: all recipients go into one mailbox, with what is known of the message.
TAKER = r'''
primary_hostname = taker.test
exim_user = mail
exim_group = mail
spool_directory = @D@/taker
log_file_path = @D@/log/taker-%slog
keep_environment =
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = @D@/taken
  user = mail
  return_path_add
  headers_add = X-Seen: $acl_c_hello $acl_m_two to=$local_part@$domain from=$sender_host_address protocol=$received_protocol
begin retry
* * F,1d,15m
'''


def directory(name, uid=MAIL, mode=0o755):
    os.makedirs(D(name), exist_ok=True)
    os.chown(D(name), uid, uid)
    os.chmod(D(name), mode)
    return D(name)


def conf(name, text, **kw):
    for k, v in {'SPOOL': D('spool'), 'LOG': D('log'), 'PORT': str(PORT), 'D': D.path, **kw}.items():
        text = text.replace('@%s@' % k, v)
    return h.write(D(name), text)


for name in ('log', 'out', 'box', 'taken', 'domains', 'domains/a.test', 'domains/b.test'):
    directory(name)
directory('user', 65534)
MINE, THEIRS = conf('remex.conf', CONF), conf('taker.conf', TAKER)
SERVER = h.Remex(MINE, [PORT]).start()


def teardown():
    SERVER.stop()


def log():
    return open(D('log/mainlog')).read() if os.path.exists(D('log/mainlog')) else ''


def said(ident, pattern):
    return h.wait_for(lambda: re.search(r'(?m)^.*%s.*%s.*$' % (ident, pattern), log()), 60,
                      lambda: '%s of %s in %s' % (pattern, ident, log()[-2000:])).group()


def send(to, text='Subject: x\n\nbody\n', sender='s@far.test', dsn=''):
    c = h.Smtp(PORT)
    c.ehlo('client.test')
    c.expect('MAIL FROM:<%s>' % sender, 250)
    for r in to:
        c.expect('RCPT TO:<%s>%s' % (r, dsn), 250)
    c.expect('DATA', 354)
    c.send(h.dot_stuff(text) + '.\r\n')
    got = c.reply()
    c.close()
    h.equal(got[0], 250, got[1])
    return got[1].split('id=')[1].split()[0]


def remex(config, *args, rc=0, user=None):
    command = (['setpriv', '--reuid', user, '--regid', user, '--clear-groups'] if user else []) + [h.BIN, '-C', config, *args]
    r = subprocess.run(command, capture_output=True, text=True, timeout=60)
    h.equal(r.returncode, rc, 'status of %s: %s%s' % (args, r.stdout, r.stderr))
    return r.stdout


def files(where):
    return sorted(os.listdir(D(where)))


def sections(where, ident):
    """(lines before the finished addresses, finished addresses, recipients without what stands behind them)"""
    lines = open(D(where, ident + '-H'), encoding='latin-1').read().split('\n\n')[0].split('\n')
    at = next(i for i, x in enumerate(lines) if re.match(r'XX$|[YN][YN] ', x))
    count = next(i for i in range(at, len(lines)) if lines[i].isdigit())
    done = [x[3:] for x in lines[at:count] if x != 'XX']
    h.equal(len(lines) - count - 1, int(lines[count]), 'count of recipients')
    return lines[:at], done, [x.split()[0] for x in lines[count + 1:]]


def take(where):
    """Puts the files into an Exim spool's directory and imports and delivers them; the delivered texts."""
    spool = D('handed')
    shutil.rmtree(spool, ignore_errors=True)
    os.makedirs(spool + '/input')
    os.chown(spool + '/input', MAIL, MAIL)
    shutil.rmtree(D('taken'))
    directory('taken')
    for name in files(where):
        shutil.move(D(where, name), spool + '/input/' + name)
        os.chown(spool + '/input/' + name, MAIL, MAIL)
    r = subprocess.run([h.BIN, 'queue', '-C', THEIRS, 'import', spool], capture_output=True, text=True, timeout=60)
    h.equal(r.returncode, 0, r.stdout + r.stderr)
    for ident in r.stdout.split():
        remex(THEIRS, '-M', ident)
    h.equal(remex(THEIRS, '-bpc').strip(), '0', 'left in the queue')
    return [open(D('taken', x), encoding='latin-1').read() for x in files('taken')]


def test_named():
    h.check(re.search(r'(?m)^Transports .*: .*\bqueuefile\b', remex(MINE, '-bV')), 'queuefile in -bV')


def test_copy():
    text = 'Subject: copy\nX-Folded: a\n b\n\nFirst\n.\n..two\nFrom here\n\n' + 'z' * 70 + '\n'
    ident = send(['one@scan.test', 'two@scan.test', 'box@here.test'], text, dsn=' NOTIFY=SUCCESS,FAILURE')
    said(ident, 'Completed')
    h.check('=> two ' in said(ident, 'T=scan') or '=> one ' in said(ident, 'T=scan'), log())
    h.equal(files('out'), [ident + '-D', ident + '-H'], 'files')
    for name in files('out'):
        st = os.stat(D('out', name))
        h.equal((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (MAIL, MAIL, 0o640), name)
    h.equal(open(D('out', ident + '-D')).read(), ident + '-D\n' + text.split('\n\n', 1)[1], 'the -D file')
    head, done, recipients = sections('out', ident)
    h.equal((sorted(done), sorted(recipients)), (['box@here.test'], ['box@here.test', 'one@scan.test', 'two@scan.test']), 'recipients')
    h.check('-deliver_firsttime' in head and '--helo_name client.test' in head and '<s@far.test>' in head, head)
    # One report of success: for what was delivered here. The copy takes the wish along.
    h.wait_for(lambda: re.search('(?m)^.* <= <> R=%s .*$' % ident, log()), what='the report')
    h.equal(len(re.findall('<= <> R=%s ' % ident, log())), 1, 'reports of success')
    everything = take('out')
    got = [x for x in everything if '\nSubject: copy\n' in x.split('\n\n')[0]]
    h.equal((len(got), len(everything)), (2, 3), 'delivered by the taker, and its report of success')
    for one in got:
        h.check(one.split('\n\n', 1)[1] == text.split('\n\n', 1)[1] and '\nX-Folded: a\n b\n' in one and one.startswith('Return-path: <s@far.test>'), one)
        h.check('from=127.0.0.1 protocol=esmtp' in one and 'X-Seen: client.test line1\nline2' in one, one)
    h.equal(sorted(re.search(r'to=(\S+)', x).group(1) for x in got), ['one@scan.test', 'two@scan.test'], 'to whom')


def test_a_list_and_runs_of_their_own():
    # Two runs of the transport in one attempt (one address has a header of its own) and a recipient with another way.
    ident = send(['list@lists.test', 'marked@scan.test', 'plain@scan.test'])
    said(ident, 'Completed')
    h.equal(len(re.findall('%s [=-]> .* T=scan' % ident, log())), 3, 'deliveries')
    _, done, recipients = sections('out', ident)
    h.equal((done, sorted(recipients)), (['other@here.test'], ['list@lists.test', 'marked@scan.test', 'plain@scan.test']), 'recipients')
    h.equal(files('out'), [ident + '-D', ident + '-H'], 'files')
    h.equal(len(take('out')), 3, 'delivered by the taker')


def test_one_run_for_what_only_routers_tell_apart():
    # Two runs would write the files twice when somebody takes them away in between: everybody would get the message twice.
    ident = send(['marked@scan.test', 'plain@scan.test'])
    said(ident, 'Completed')
    h.equal(sorted(re.findall('%s ([=-]>) .* T=scan' % ident, log())), ['->', '=>'], 'runs')
    h.equal(len(take('out')), 2, 'delivered by the taker')


def test_runs_of_two_users():
    directory('shared', mode=0o777)
    ident = send(['a@shared.test', 'b@shared.test'])
    line = said(ident, '== .@shared.test')
    first, second = ('b', 'a') if '== a@' in line else ('a', 'b')
    h.equal(sections('shared', ident)[1:], (['%s@shared.test' % second], ['a@shared.test', 'b@shared.test']), 'the first files')
    h.equal(len(take('shared')), 1, 'taken first')
    remex(MINE, '-M', ident)
    said(ident, 'Completed')
    h.equal(sections('shared', ident)[1], ['%s@shared.test' % first], 'finished in the second files')
    shutil.rmtree(D('taker'))  # it forgets the id
    h.equal(len(take('shared')), 1, 'taken then')


def test_a_recipient_who_is_his_own_child():
    ident = send(['both@here.test'])
    said(ident, 'Completed')
    h.equal(sections('out', ident)[1:], (['both@here.test/box'], ['both@here.test']), 'the copy')
    h.equal(len(take('out')), 1, 'delivered by the taker')
    # The other way is finished by an earlier attempt.
    ident = send(['again@here.test'])
    said(ident, '== again@broken.test')
    directory('again')
    remex(MINE, '-M', ident)
    said(ident, 'Completed')
    h.equal(sections('again', ident)[1:], (['again@here.test/box'], ['again@here.test']), 'the copy of the second attempt')
    h.equal(len(take('again')), 1, 'delivered by the taker')


def test_other_ways_without_a_transport():
    ident = send(['parts@lists.test'])
    said(ident, '=> .*T=scan')
    done = sections('out', ident)[1]
    h.equal(sorted(done), ['gone@lists.test', 'later@wait.test', 'nobody@unknown.test'], 'finished')
    h.equal(len(take('out')), 1, 'delivered by the taker')
    h.write(D('go'), '')
    remex(MINE, '-M', ident)
    said(ident, 'Completed')
    h.equal(files('out'), [], 'no second copy')


def test_unseen():
    ident = send(['unseen@scan.test'])
    said(ident, 'Completed')
    h.equal(sections('out', ident)[1:], (['unseen@scan.test/unseen'], ['unseen@scan.test']), 'the copy')
    h.equal(len(take('out')), 1, 'delivered by the taker')


def test_a_recipient_who_is_also_the_child_of_another():
    ident = send(['list@lists.test', 'one@scan.test'])
    said(ident, 'Completed')
    h.equal(sections('out', ident)[1:], (['other@here.test'], ['list@lists.test', 'one@scan.test']), 'the copy')
    h.equal(len(take('out')), 2, 'delivered by the taker')


def test_names_that_tell_nothing_apart():
    # middle@lists.test goes into the box, and is also where an address of the copy comes from.
    ident = send(['mixed@lists.test'])
    said(ident, '== one@scan.test .*: middle@lists.test goes another way, and cannot be a finished address in the copy')
    said(ident, '=> .*T=box')
    h.equal(files('out'), [], 'files')
    remex(MINE, '-Mrm', ident)


def test_a_directory_for_each_domain():
    ident = send(['x@a.test', 'y@a.test', 'x@b.test'])
    said(ident, 'Completed')
    h.equal(sorted(sections('domains/a.test', ident)[1]), ['x@b.test'], 'finished in the first directory')
    h.equal(sorted(sections('domains/b.test', ident)[1]), ['x@a.test', 'y@a.test'], 'finished in the second directory')


def test_as_the_user_of_the_router():
    ident = send(['x@user.test'])
    said(ident, 'Completed')
    st = os.stat(D('user', ident + '-H'))
    h.equal((st.st_uid, st.st_gid), (65534, 65534), 'owner')


def deferred(to, pattern):
    ident = send([to])
    line = said(ident, r'== %s .*' % to)
    h.check(re.search(pattern, line), line)
    return ident


def test_failures_defer():
    missing = deferred('missing@broken.test', r'failed to open directory \S+/missing: No such file or directory')
    directory('shut', 0)
    shut = deferred('shut@broken.test', r'while creating \S+/shut/temp\.\S+: Permission denied')
    directory('full')
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k,uid=8,gid=8', 'tmpfs', D('full')], check=True)
    h.write(D('full/filler'), 'x' * 65536)
    full = deferred('full@broken.test', r'/full/.*: No space left on device')
    h.equal(files('full'), ['filler'], 'what is left of a message that did not fit')
    h.write(D('secret'), 'secret')
    directory('link')
    link = send(['link@broken.test'])
    said(link, 'Completed')
    # With the causes gone each is delivered.
    directory('missing')
    os.chown(D('shut'), MAIL, MAIL)
    os.unlink(D('full/filler'))
    for ident, name in ((missing, 'missing'), (shut, 'shut'), (full, 'full')):
        remex(MINE, '-M', ident)
        said(ident, 'Completed')
        h.equal(files(name), [ident + '-D', ident + '-H'], name)
    subprocess.run(['umount', D('full')], check=True)


def test_files_that_are_there():
    shutil.rmtree(D('missing'))
    ident = deferred('missing@broken.test', 'No such file')
    directory('missing')
    # Another file of that name is not written over: who takes it away knows nothing of this delivery.
    h.write(D('missing', ident + '-H'), 'another')
    remex(MINE, '-M', ident)
    said(ident, r'-H is there already, with other recipients: waits until it was taken away')
    h.equal(open(D('missing', ident + '-H')).read(), 'another', 'the other file')
    os.unlink(D('missing', ident + '-H'))
    os.symlink(D('secret'), D('missing', ident + '-H'))
    remex(MINE, '-M', ident)
    said(ident, r'while reading \S+-H: Too many levels of symbolic links')
    os.unlink(D('missing', ident + '-H'))
    # Left by a crash: unfinished files, and a -D file without its -H file.
    for name in ('temp.%s.D' % ident, 'temp.%s.H' % ident, ident + '-D'):
        h.write(D('missing', name), 'half')
        os.chown(D('missing', name), MAIL, MAIL)
    remex(MINE, '-M', ident)
    said(ident, 'Completed')
    h.equal(files('missing'), [ident + '-D', ident + '-H'], 'files')
    h.equal(open(D('missing', ident + '-D')).read(), ident + '-D\nbody\n', 'the -D file')


def test_the_copy_is_new_for_its_reader():
    ident = send(['late@broken.test'], sender='late@here.test')
    said(ident, '== late@broken.test')

    def warned():
        remex(MINE, '-M', ident)
        return re.search('(?m)^.* <= <> R=%s ' % ident, log())
    h.wait_for(warned, 60, what='the warning')
    directory('late')
    remex(MINE, '-M', ident)
    said(ident, 'Completed')
    h.check(sections('late', ident)[0][3].endswith(' 0'), sections('late', ident)[0])


def test_started_by_somebody_else():
    directory('own')
    directory('own/log')
    directory('own/out')
    own = conf('own.conf', CONF.replace('@D@/out/', '@D@/own/out').replace('exim_user = mail\nexim_group = mail\n', ''), SPOOL=D('own/spool'), LOG=D('own/log'))
    r = subprocess.run(['setpriv', '--reuid', 'mail', '--regid', 'mail', '--clear-groups', h.BIN, '-C', own, '-odi', 'me@scan.test'],
                       input='Subject: own\n\nbody\n', capture_output=True, text=True, timeout=60)
    h.equal(r.returncode, 0, r.stderr)
    text = open(D('own/log/mainlog')).read()
    h.check('Completed' in text and len(files('own/out')) == 2, text)


def test_exim_reads_it():
    if not ORACLE:
        return print('     (no oracle)')
    # Exim 4.96 knows only its own form of ids: its message comes here, goes through the transport, and back into a spool of Exim.
    spools, confs = [], []
    for name in ('exim1', 'exim2'):
        os.makedirs(D(name))
        h.own_as_oracle(D(name), ORACLE)
        confs.append(h.write(D(name + '.conf'), 'spool_directory = %s\nlog_file_path = %s/log/%%slog\nexim_path = %s\nkeep_environment =\nqualify_domain = here.test\n'
                     'primary_hostname = exim.test\ntrusted_users = root\nacl_smtp_mail = acl_mail\nacl_smtp_rcpt = acl_rcpt\nacl_smtp_data = accept\n'
                     'dsn_advertise_hosts = *\nbegin acl\nacl_mail:\n  accept set acl_c_hello = $sender_helo_name\nacl_rcpt:\n  accept set acl_m_two = line1\\nline2\n'
                     'begin routers\nall:\n  driver = accept\n  transport = box\nbegin transports\nbox:\n  driver = appendfile\n  directory = %s\n'
                     '  user = mail\n  return_path_add\n  headers_add = X-Seen: $acl_c_hello $acl_m_two to=$local_part@$domain\n'
                     % (D(name), D(name), ORACLE, D(name + '-box'))))
        directory(name + '-box')
        spools.append(D(name, 'input'))

    def exim(which, *args, data=''):
        r = subprocess.run([ORACLE, '-C', confs[which], *args], input=data, capture_output=True, text=True, timeout=60)
        h.equal(r.returncode, 0, 'oracle %s: %s%s' % (args, r.stdout, r.stderr))
        return r.stdout

    text = 'Subject: round\nX-Folded: a\n b\n\nFirst\n..two\n'
    exim(0, '-odq', '-bs', '-oMa', '192.0.2.7.1234', '-oMi', '127.0.0.1.25', data=
         'EHLO c.test\nMAIL FROM:<s@far.test> RET=HDRS ENVID=abc+20d\n' + ''.join('RCPT TO:<%s@scan.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+2Bo@x.test\n' % x
         for x in ('u', 'V', 'w')) + 'RCPT TO:<box@here.test>\nRCPT TO:<Zoe@here.test>\nRCPT TO:<adam@here.test>\nDATA\n' + h.dot_stuff(text).replace('\r', '') + '.\nQUIT\n')
    exim(0, '-odq', '-oi', '-f', 'plain@here.test', 'p@scan.test', data='Subject: plain\n\nplain\n')
    ids = re.findall(r'\b\w{6}-\w{6}-\w{2}\b', exim(0, '-bp'))
    h.equal(len(ids), 2, 'messages of Exim')
    before = {i: exim(0, '-Mvh', i) for i in ids}
    r = subprocess.run([h.BIN, 'queue', '-C', MINE, 'import', D('exim1')], capture_output=True, text=True, timeout=60)
    h.equal((r.returncode, sorted(r.stdout.split())), (0, sorted(ids)), r.stderr)
    for i in ids:
        remex(MINE, '-M', i)
        said(i, 'Completed')
    exim(1, '-bp')
    os.makedirs(spools[1], exist_ok=True)
    for name in files('out'):
        shutil.move(D('out', name), spools[1] + '/' + name)
    for path in [spools[1]] + glob.glob(spools[1] + '/*'):
        h.own_as_oracle(path, ORACLE)
    listing = exim(1, '-bp')
    for i in ids:
        h.check(i in listing, listing)
        h.equal(exim(1, '-Mvb', i), exim(0, '-Mvb', i), '-Mvb')

        def lines(whole):
            """Items and recipients; without the tree, and what only says how the message waited."""
            head = whole.split('\n\n')[0]
            return sorted(x for x in head.split('\n') if not re.match(r'-(allow_unqualified|deliver_first|local$|tls_resumption)|XX$|[YN][YN] ', x))
        h.equal(lines(exim(1, '-Mvh', i)), lines(before[i]), '-Mvh')
        h.equal(exim(1, '-Mvh', i).split('\n\n', 1)[1], before[i].split('\n\n', 1)[1], 'headers')
    h.check(re.search(r'D box@here.test', listing) and re.search(r'D Zoe@here.test', listing) and re.search(r'D adam@here.test', listing), listing)
    exim(1, '-M', ids[0])
    exim(1, '-q')
    h.equal(exim(1, '-bp'), '', 'left in the queue of Exim')
    got = [open(D('exim2-box', x), encoding='latin-1').read() for x in files('exim2-box')]
    h.equal(sorted(re.search(r'to=(\S+)', x).group(1) for x in got if 'round' in x), ['u@scan.test', 'v@scan.test', 'w@scan.test'], 'delivered by Exim')
    h.check(all('X-Seen: c.test line1\nline2' in x and x.endswith('\n\nFirst\n..two\n') for x in got if 'round' in x), got)


h.main()
