"""Filters in real deliveries: users' Exim and Sieve filters run as the user, from a daemon started as root, and the system filter.
# timeout: 240
Accounts, homes and the queue are this test's own (a private mount namespace)."""
import os
import re
import stat
import subprocess

import harness
from harness import check, equal, wait_for

if os.geteuid() != 0:
    harness.skip('needs root')
harness.enter_namespace()

d = harness.Dir()
ALICE, BOB = 4011, 4012
for name, uid in (('alice', ALICE), ('bob', BOB)):
    os.makedirs(d('home', name))
    os.chown(d('home', name), uid, uid)
    os.chmod(d('home', name), 0o700)
os.makedirs(d('mail'))
os.chown(d('mail'), 0, 8)
os.chmod(d('mail'), 0o2775)
passwd = open('/etc/passwd').read() + 'alice:x:%d:%d:Alice:%s:/bin/sh\nbob:x:%d:%d:Bob:%s:/bin/sh\n' % (ALICE, ALICE, d('home/alice'), BOB, BOB, d('home/bob'))
harness.write(d('passwd'), passwd)
harness.write(d('group'), open('/etc/group').read() + 'alice:x:%d:\nbob:x:%d:\n' % (ALICE, BOB))
harness.write(d('nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files\n')
for source, target in (('passwd', '/etc/passwd'), ('group', '/etc/group'), ('nsswitch.conf', '/etc/nsswitch.conf')):
    if os.path.exists(target):
        subprocess.run(['mount', '--bind', d(source), target], check=True)
NOBODY = '# Exim filter\n# nothing yet\n'
harness.write(d('system.filter'), NOBODY)

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
system_filter = @D@/system.filter
system_filter_user = bob
system_filter_file_transport = address_file
system_filter_reply_transport = address_reply
begin routers
strict:
  driver = redirect
  domains = strict.test
  local_parts = alice
  user = alice
  allow_filter
  forbid_filter_run
  forbid_filter_readfile
  forbid_filter_logwrite
  forbid_pipe
  forbid_sieve_filter
  router_home_directory = @D@/home/alice
  file = @D@/home/alice/.forward
  file_transport = address_file
  pipe_transport = address_pipe
strict_rest:
  driver = redirect
  domains = strict.test
  data = $local_part@local.test
central:
  driver = redirect
  domains = data.test
  user = alice
  router_home_directory = @D@/home/alice
  allow_filter
  data = ${if eq{$local_part}{inserted}{#Exim filter\nif "$h_subject:" is x then save in endif}{\
         ${if eq{$local_part}{changed}{${sg{$h_x-filter:}{\N\|\N}{\n}}}{\
         ${if eq{$local_part}{quoted}{#Exim filter\nif "\$h_subject:" is x then save quoted endif}{${readfile{@D@/central.filter}}}}}}}}
  file_transport = address_file
  skip_syntax_errors
  syntax_errors_to = bob@local.test
  syntax_errors_text = Your filter is broken.
accounts:
  driver = redirect
  domains = accounts.test
  user = ${if eq{$local_part}{number}{4999}{${if !eq{$local_part}{unset}{${if eq{$local_part}{group}{alice}{nosuchuser}}}fail}}}
  group = ${if eq{$local_part}{group}{nosuchgroup}{bob}}
  allow_filter
  allow_defer
  data = #Exim filter\ndefer text "it is \${tr{\${run{/usr/bin/id}{\$value}}}{\\n}{ }}"
central_rest:
  driver = redirect
  domains = data.test
  data = bob@local.test
userforward:
  driver = redirect
  domains = +local_domains
  check_local_user
  allow_filter
  allow_fail
  allow_defer
  file = $home/.forward
  file_transport = address_file
  pipe_transport = address_pipe
  reply_transport = address_reply
  directory_transport = address_directory
  sieve_vacation_directory = $home/.sieve-vacation
  sieve_inbox = inbox
  no_verify
  skip_syntax_errors = ${if match{$h_x-skip:}{yes}}
localuser:
  driver = accept
  domains = +local_domains
  check_local_user
  transport = mail_spool
begin transports
mail_spool:
  driver = appendfile
  file = @D@/mail/$local_part_data
  group = mail
  mode = 0660
  mode_fail_narrower = false
address_file:
  driver = appendfile
  file = ${if eq{$address_file}{inbox}{@D@/mail/$local_part_data}{${if match{$address_file}{^/}{$address_file}{$home/mail/$address_file}}}}
  create_directory
  group = mail
  return_path_add
address_directory:
  driver = appendfile
  maildir_format
address_pipe:
  driver = pipe
  return_fail_output
address_reply:
  driver = autoreply
begin retry
* * F,1h,10m
'''.replace('  skip_syntax_errors = ${if match{$h_x-skip:}{yes}}\n', '')
conf = harness.write(d('remex.conf'), CONF.replace('@D@', d.path).replace('@PORT@', str(port)))
server = harness.Remex(conf, [port]).start()


def log(name='mainlog'):
    try:
        return open(d('log', name)).read()
    except OSError:
        return ''


def send(to, headers='Subject: x\n', body='hello\n', sender='from@remote.test'):
    got = harness.send(port, sender, to if isinstance(to, list) else [to], headers + '\n' + body)
    equal(got[0], 250, got[1])
    return got[1].split('id=')[1].split()[0]


def lines(mid, pattern='Completed'):
    return wait_for(lambda: [l for l in log().splitlines() if mid in l and pattern in l], what=lambda: '%s of %s in log: %s' % (pattern, mid, log()[-3000:]))


def all_lines(mid):
    lines(mid)
    return '\n'.join(l.split(mid + ' ')[1] for l in log().splitlines() if mid + ' ' in l)


def forward(text, user='alice', uid=ALICE):
    os.chown(harness.write(d('home', user, '.forward'), text, 0o600), uid, uid)


def read(*path):
    try:
        return open(d(*path), encoding='latin-1').read()
    except OSError:
        return ''


def empty_boxes():
    for name in ('alice', 'bob'):
        if os.path.exists(d('mail', name)):
            os.unlink(d('mail', name))


PERSONAL = 'From: Friend <from@remote.test>\nTo: alice@local.test\nSubject: hi there\nMessage-ID: <q@remote.test>\n'


def test_save_as_the_user():
    forward('# Exim filter\nsave folder 640\nsave $home/sub/other\nunseen save /dev/null\n')
    os.makedirs(d('home/alice/sub'), exist_ok=True)
    os.chown(d('home/alice/sub'), ALICE, ALICE)
    text = all_lines(send('alice@local.test'))
    check('=> %s <alice@local.test> R=userforward T=address_file' % d('home/alice/folder') in text, text)
    st = os.stat(d('home/alice/folder'))
    equal((st.st_uid, stat.S_IMODE(st.st_mode)), (ALICE, 0o640), 'owner and mode')
    check('hello' in read('home/alice/sub/other'), 'second folder')
    check(not read('mail/alice'), 'a significant delivery replaces the mailbox')


def test_unseen_copy_and_decline():
    empty_boxes()
    forward('# Exim filter\nunseen deliver bob\nif $h_subject: contains "nothing of the kind" then seen finish endif\n')
    text = all_lines(send('alice@local.test'))
    check('hello' in read('mail/alice') and 'hello' in read('mail/bob'), text)
    equal(text.count('=> '), 2, text)
    forward('# Exim filter\nif error_message then finish endif\n')
    empty_boxes()
    all_lines(send('alice@local.test'))
    check('hello' in read('mail/alice'), 'no delivery: the mailbox')


def test_discard_fail_defer():
    forward('# Exim filter\nif $h_subject: is "gone" then seen finish endif\n'
            'if $h_subject: is "no" then deliver bob@local.test fail text "not wanted here" endif\n'
            'if $h_subject: is "later" then defer "come back" endif\n')
    check('=> discarded <alice@local.test> R=userforward' in all_lines(send('alice@local.test', 'Subject: gone\n')), log()[-500:])
    empty_boxes()
    mid = send('alice@local.test', 'Subject: no\n', sender='bob@local.test')
    check('R=userforward: not wanted here' in lines(mid, '** alice@local.test')[0], log()[-500:])
    wait_for(lambda: 'not wanted here' in read('mail/bob') and '\nSubject: no\n' in read('mail/bob'), what=lambda: 'bounce and copy: ' + read('mail/bob'))
    mid = send('alice@local.test', 'Subject: later\n')
    check('R=userforward defer (-1): come back' in lines(mid, '== alice')[0], log()[-500:])


def test_pipe_values():
    out = d('home/alice/out')
    harness.write(d('home/alice/run'), '#!/bin/sh\n(id -un; printf "[%%s]" "$@"; cat) > %s\n' % out, 0o755)
    forward('# Exim filter\nif $tod_full matches "^(...)," then pipe "$home/run \\"a $1\\" $message_size \'x y\'" endif\n')
    all_lines(send('alice@local.test'))
    text = read('home/alice/out')
    check(re.match(r'alice\n\[a (Mon|Tue|Wed|Thu|Fri|Sat|Sun)\]\[\d+\]\[x y\]', text), text)
    forward('# Exim filter\npipe "$home/run $h_subject:"\n')
    mid = send('alice@local.test', 'Subject: $(id)\n')
    check("Tainted arg 1 for address_pipe transport command: '$(id)'" in lines(mid, '**')[0], log()[-600:])


def test_mistakes():
    forward('# Exim filter\nsave a\nif $h_subject: is "x" then\nsaev b\nendif\n')
    mid = send('alice@local.test')
    check('R=userforward defer (-' in lines(mid, '==')[0] and
          'error in filter file: unknown filtering command "saev" near line 4 of filter file' in lines(mid, '==')[0], log()[-500:])
    forward('# Exim filter\nsave ${lookup\n')
    check('failed to expand "${lookup" in save command: ' in lines(send('alice@local.test'), '==')[0], log()[-500:])
    check(not os.path.exists(d('home/alice/a')), 'nothing is done before the whole filter was read')


def test_filters_in_data():
    harness.write(d('central.filter'), '#Exim filter\nif $h_subject: contains "x" then save from-file endif\n')
    check('/home/alice/from-file <file@data.test>' in all_lines(send('file@data.test')), log()[-400:])
    check('/home/alice/quoted <quoted@data.test>' in all_lines(send('quoted@data.test')), log()[-400:])
    line = lines(send('inserted@data.test', 'Subject: x" is y or "\n'), '==')[0]
    check('R=central defer (-17): error in filter data: Tainted filter' in line, line)
    line = lines(send('changed@data.test', 'X-Filter: #Exim filter|save in\n'), '==')[0]
    check('R=central defer (-17): error in filter data: Tainted filter' in line, line)
    harness.write(d('central.filter'), '#Exim filter\nsaev from-file\n')
    empty_boxes()
    text = all_lines(send('file@data.test', 'Subject: passed on\n'))
    check('central router: skipped error: unknown filtering command "saev" near line 2 of filter file' in text, text)
    wait_for(lambda: 'passed on' in read('mail/bob') and 'Your filter is broken.' in read('mail/bob'), what=lambda: read('mail/bob'))
    check('unknown filtering command "saev"' in read('mail/bob'), read('mail/bob'))


def test_runs_as_the_user():
    os.chown(harness.write(d('home/bob/secret'), 'bobs\n', 0o600), BOB, BOB)
    os.chown(harness.write(d('home/alice/note'), 'mine\n', 0o600), ALICE, ALICE)
    forward('# Exim filter\nlogfile $home/filter.log 640\nlogwrite "$h_subject: $message_exim_id"\n'
            'save "as-${run{/usr/bin/id -un}{${tr{$value}{\\n}{-}}}}-${readfile{$home/note}{}}"\n')
    mid = send('alice@local.test', 'Subject: logged\n')
    text = all_lines(mid)
    check('/as-alice--mine <alice@local.test>' in text, text)
    st = os.stat(d('home/alice/filter.log'))
    equal((st.st_uid, stat.S_IMODE(st.st_mode)), (ALICE, 0o640), 'owner and mode')
    equal(read('home/alice/filter.log'), 'logged %s\n' % mid, 'log')
    for secret in (d('home/bob/secret'), '/etc/shadow', d('spool/db')):
        forward('# Exim filter\nsave a-${readfile{%s}}\n' % secret)
        line = lines(send('alice@local.test'), '==')[0]
        check('Permission denied' in line or 'No such file' in line, line)


def test_accounts_that_cannot_be_found():
    for name, why in (('none', 'user "nosuchuser" does not exist'), ('group', 'group "nosuchgroup" does not exist'), ('unset', 'failed to expand user')):
        line = lines(send(name + '@accounts.test'), '==')[0]
        check('R=accounts defer (' in line and why in line and 'it is' not in line, line)
    line = lines(send('number@accounts.test'), '==')[0]
    check('it is uid=4999 gid=%d(bob)' % BOB in line, line)


def test_what_is_expanded_later_is_no_way_out():
    mark = d('open/mark')
    os.makedirs(d('open'), exist_ok=True)
    os.chmod(d('open'), 0o777)
    text = '${run{/usr/bin/touch %s}}' % mark
    for command in ('pipe "/bin/true \\"%s\\""' % text, 'pipe "/bin/true ${lookup{alice}lsearch{/etc/passwd}}"', 'mail to bob@local.test expand file $home/m'):
        os.chown(harness.write(d('home/alice/m'), 'I am away. %s\n' % text), ALICE, ALICE)
        forward('# Exim filter\n%s\n' % command)
        line = lines(send('alice@local.test', PERSONAL), '==')[0]
        check('is not done here with the text of another user: let the command itself do it' in line, line)
        check(not os.path.exists(mark), command)


def test_forbidden():
    for text, why in (('save a${run{/bin/id}}', 'running a command is not permitted'), ('save a${readfile{/etc/passwd}}', 'file insertions are not permitted'),
                      ('logfile /tmp/x logwrite y', 'logwrite command forbidden'), ('fail', 'filtering command "fail" is disabled'),
                      ('headers add "X: y"', 'header addition and removal is available only in system filters')):
        forward('# Exim filter\n' + text + '\n')
        line = lines(send('alice@strict.test'), '==')[0]
        check('error in filter file: ' in line and why in line, line)
    forward('# Exim filter\npipe /bin/cat\n')
    check('delivery to pipe forbidden' in lines(send('alice@strict.test'), '**')[0], log()[-500:])
    forward('# Sieve filter\nkeep;\n')
    check('Sieve filtering not enabled' in lines(send('alice@strict.test'), '==')[0], log()[-500:])


def test_names_from_the_message():
    forward('# Exim filter\nsave $home/list-$h_x-list:\n')
    all_lines(send('alice@local.test', 'X-List: news\n'))
    check('hello' in read('home/alice/list-news'), 'a name from a header')
    for bad in ('../../bob/x', 'a/b', '/etc/cron.d/x'):
        line = lines(send('alice@local.test', 'X-List: %s\n' % bad), '==')[0]
        check("Tainted '%s'" % bad in line, line)
    forward('# Exim filter\nsave $home/$h_x-list:\n')
    for bad in ('..', '.forward'):
        check('Tainted' in lines(send('alice@local.test', 'X-List: %s\n' % bad), '==')[0], log()[-500:])


def replies():
    return [l for l in log().splitlines() if '<= <> R=' in l and 'P=local' in l]


def test_vacation():
    harness.write(d('home/alice/.vacation.msg'), 'I am away, ${lc:FRIEND}.\n')
    forward('# Exim filter\nif personal then vacation endif\n')
    empty_boxes()
    before = len(replies())
    text = all_lines(send('alice@local.test', PERSONAL))
    check('=> >from@remote.test <alice@local.test> R=userforward T=address_reply' in text, text)
    equal(len(replies()), before + 1, 'one reply')
    check('hi there' in read('mail/alice'), 'the message itself')
    text = all_lines(send('alice@local.test', PERSONAL))
    equal(len(replies()), before + 1, 'no second one within once_repeat: ' + text)
    check('Subject: On vacation' in read('home/alice/.vacation.log') and os.stat(d('home/alice/.vacation')).st_uid == ALICE, read('home/alice/.vacation.log'))
    for headers, sender in ((PERSONAL, ''), (PERSONAL + 'List-Id: <x.y>\n', 'l@remote.test'), (PERSONAL + 'Precedence: bulk\n', 'p@remote.test'),
                            (PERSONAL.replace('To: alice', 'To: other'), 'o@remote.test'), (PERSONAL + 'Auto-Submitted: auto-replied\n', 'a@remote.test'),
                            (PERSONAL.replace('from@', 'owner-list@'), 'w@remote.test')):
        text = all_lines(send('alice@local.test', headers, sender=sender))
        check('T=address_reply' not in text, text)
    equal(len(replies()), before + 1, 'lists, robots and bounces get none')


def test_mail_command():
    forward('# Exim filter\nmail to bob@local.test subject "about $h_subject:" text "line one\\nline two" extra_headers "X-Mine: 1" from alice@local.test\n')
    empty_boxes()
    all_lines(send('alice@local.test', PERSONAL))
    text = wait_for(lambda: read('mail/bob'), what='the mail')
    wait_for(lambda: 'line two' in read('mail/bob'), what=lambda: read('mail/bob'))
    text = read('mail/bob')
    for want in ('Subject: about hi there\n', 'X-Mine: 1\n', 'From: alice@local.test\n', 'To: bob@local.test\n', '\nline one\nline two\n', 'Auto-Submitted: auto-replied\n',
                 'In-Reply-To: <q@remote.test>\n'):
        check(want in text, want + ' in ' + text)
    check(text.startswith('From MAILER-DAEMON '), 'the null sender: ' + text[:60])
    forward('# Exim filter\nmail to "no address" text x\n')
    text = all_lines(send('alice@local.test', PERSONAL))
    check('** >**bad-reply** <alice@local.test> R=userforward T=address_reply: filter autoreply generated syntactically invalid recipient' in text, text)


def test_sieve():
    os.makedirs(d('home/alice/mail'), exist_ok=True)
    os.chown(d('home/alice/mail'), ALICE, ALICE)
    forward('# Sieve filter\nrequire ["fileinto", "copy", "vacation"];\n'
            'if header :contains "subject" "work" { fileinto "work"; stop; }\n'
            'if header :is "subject" "twice" { redirect :copy "bob@local.test"; }\n'
            'if header :is "subject" "away" { vacation :days 3 :subject "gone" "Not here."; }\n'
            'if header :is "subject" "drop" { discard; }\n')
    empty_boxes()
    all_lines(send('alice@local.test', 'Subject: some work\n'))
    check('some work' in read('home/alice/mail/work'), 'fileinto')
    check(not read('mail/alice'), 'only there')
    all_lines(send('alice@local.test', 'Subject: twice\n'))
    check('twice' in read('mail/alice') and 'twice' in read('mail/bob'), 'redirect :copy keeps')
    check('=> discarded' in all_lines(send('alice@local.test', 'Subject: drop\n')), 'discard')
    before = len(replies())
    for _ in range(2):
        check('away' in (all_lines(send('alice@local.test', PERSONAL.replace('hi there', 'away'))) and read('mail/alice')), 'kept')
    equal(len(replies()), before + 1, 'one vacation notice')
    check(os.stat(d('home/alice/.sieve-vacation')).st_uid == ALICE, 'the memory is the user\'s')
    empty_boxes()
    forward('# Sieve filter\ndiscard\n')
    text = all_lines(send('alice@local.test', 'Subject: broken\n'))
    check('broken' in read('mail/alice') and 'error in Sieve filter: missing semicolon in line 2' in text, text)
    os.unlink(d('home/alice/.forward'))


def system(text):
    harness.write(d('system.filter'), '# Exim filter\n' + text)


def test_system_filter():
    empty_boxes()
    try:
        system('if first_delivery then headers add "X-For: $recipients" headers remove X-Secret endif add 4 to n3\nunseen save @/copy 644\n'.replace('@', d('home/bob')))
        forward('# Exim filter\ntestprint x\nif $sn3 is above 3 and $h_x-for: contains bob then save $home/scored endif\n')
        text = all_lines(send(['alice@local.test', 'bob@local.test'], 'X-Secret: s\nSubject: both\n'))
        check('=> %s <system-filter> T=address_file' % d('home/bob/copy') in text, text)
        check('X-For: alice@local.test, bob@local.test\n' in read('mail/bob') and 'X-Secret' not in read('mail/bob'), read('mail/bob'))
        check('both' in read('home/alice/scored') and 'X-For' in read('home/alice/scored'), 'user filter sees counters and headers')
        check('X-For' in read('home/bob/copy'), 'the copy has the headers')
        equal(os.stat(d('home/bob/copy')).st_uid, BOB, 'system_filter_user')
        os.unlink(d('home/alice/.forward'))
        empty_boxes()
        system('deliver bob errors_to alice@local.test\n')
        text = all_lines(send('alice@local.test'))
        check('original recipients ignored (system filter)' in text and '=> bob <system-filter> R=localuser T=mail_spool' in text, text)
        check(read('mail/bob') and not read('mail/alice'), 'only there')
        system('seen finish\n')
        check('=> discarded (system filter)' in all_lines(send('alice@local.test')), log()[-300:])
        system('if $h_subject: contains spam and not error_message then fail "<<spam test>>We want no spam." endif\n')
        empty_boxes()
        text = all_lines(send('alice@local.test', 'Subject: spam\n', sender='bob@local.test'))
        check('cancelled by system filter: spam test' in text, text)
        wait_for(lambda: 'We want no spam.' in read('mail/bob'), what='the bounce')
    finally:
        system('')


def test_system_filter_of_nobody():
    mark = d('open/mark2')
    os.makedirs(d('open'), exist_ok=True)
    os.chmod(d('open'), 0o777)
    try:
        system('if "${run{/usr/bin/touch %s}}" is x then finish endif\n' % mark)
        for line, why in (('system_filter_user = nosuch\n', 'there is no user "nosuch"'), ('system_filter_user = bob\nsystem_filter_group = nosuch\n', 'group "nosuch"')):
            other = harness.write(d('other.conf'), open(conf).read().replace('system_filter_user = bob\n', line))
            r = harness.Remex(other, []).run('-odf', '-f', 'from@remote.test', 'alice@local.test', input='Subject: x\n\nx\n', check_rc=None)
            check(r.returncode != 0 and why in r.stderr, r.stderr)  # when the configuration is read
            check(not os.path.exists(mark), 'it was not run')
    finally:
        system('')


def deliver(mid):
    """Tries the message by hand, as soon as the attempt before is over: its last line is logged while it still has the message."""

    def tried():
        before = log().count('Spool file is locked')
        server.run('-M', mid, check_rc=0)
        return log().count('Spool file is locked') == before

    wait_for(tried, what='the end of the attempt before')


def test_system_filter_holds():
    empty_boxes()
    try:
        system('freeze text "look at this"\n')
        mid = send('alice@local.test', 'Subject: cold\n')
        lines(mid, 'Frozen by the system filter: look at this')
        check('frozen' in server.run('-bp').stdout, server.run('-bp').stdout)
        deliver(mid)
        lines(mid)
        check('cold' in read('mail/alice'), 'a message thawed by hand is not frozen again')
        system('defer text "not now"\n')
        mid = send('alice@local.test')
        lines(mid, 'Delivery deferred by system filter')
        system('')
        deliver(mid)
        lines(mid)
        system('no such command\n')
        mid = send('alice@local.test')
        lines(mid, 'Error in system filter: unknown filtering command "no" near line 2 of filter file')
        wait_for(lambda: 'Error in system filter: ' in log('paniclog'), what='panic log')
        system('')
        deliver(mid)
        lines(mid)
    finally:
        system('')


def test_bt_shows_what_the_filter_does():
    forward('# Exim filter\nsave x\nif "${run{/usr/bin/id -un}}" contains alice then deliver bob@local.test endif\n')
    r = server.run('-bt', 'alice@local.test')
    check(d('home/alice/x') in r.stdout and 'bob@local.test' in r.stdout, r.stdout + r.stderr)


def teardown():
    server.stop()
    d.remove()


harness.main()
