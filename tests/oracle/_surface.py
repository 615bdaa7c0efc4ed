"""Scenarios run on remex and on the oracle from the same configuration and the same start; what users see is compared: standard output
and error, exit statuses, dialogues, mail files, main, reject and panic log. Dates, ids, process ids, sizes and free ports become fixed text.

A case file (tests/oracle/surface/*.t) is a list of

  @case TITLE              begins a scenario; what follows stands in it
  @known REASON            the two differ here and why; the scenario is run, not compared
  @main, @acl, @routers, @transports, @retry, @rewrite, @authenticators     a part of the configuration (replaces the usual one)
  @conf                    the whole configuration after the head
  @file NAME               a file in the scratch directory
  @run ARGS                runs the command; the lines below are its standard input. Quotes as in a shell; $1, $2 ... are message ids.
  @tool NAME ARGS            runs a small program (exim_dumpdb, exinext ...): Exim's, or the command by that name
  @bg ARGS                 the same, but nobody waits; ended by @stop
  @daemon ARGS             -bdf with these arguments; goes on when a pid file is there
  @load NUMBER             sets the load average, which is 0 at first; inside @client the line "!load NUMBER" does
  @client PORT [FROM]      an SMTP client: reads the greeting, then a reply after each line (none inside DATA; "... " before a line: send without waiting)
  @serve [IP:]PORT         an SMTP server from now on (in the place of the one before): its banner, then lines "PREFIX => REPLY"; others get 250.
                           REPLY may be CLOSE, or SILENT for no answer.
  @unserve [IP:]PORT       ends it: connections are refused
  @hold [IP:]PORT          takes no connections and refuses none: they time out
  @wait REGEX              until the main log has it
  @clock TIME              moves the clock of what runs from now on (10m, 2h, 3d; only with use_clock())
  @stop                    ends the daemon
  @show PATH               a file of the scratch directory
  @send SIZE RECIPIENTS    a message from s@test.ex with a body of that many octets; its header section has the same size on both sides
  @sh                      the lines are run by sh in the scratch directory; $MTA is the command. What it writes is compared, too.

@DIR@ is the scratch directory. "## " begins a comment.
"""
import difflib
import glob
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time

import _pair
import _peers
import harness as h

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = '''exim_path = @EXIM@
keep_environment =
host_lookup_order = bydns
spool_directory = @DIR@/spool
log_file_path = @DIR@/spool/log/%slog
gecos_pattern = ""
gecos_name = CALLER_NAME
tls_advertise_hosts =
chunking_advertise_hosts =
pipelining_connect_advertise_hosts =
.ifdef _OPT_MAIN_DNS_RESOLVERS
exim_user = Debian-exim
exim_group = Debian-exim
enhanced_status_codes_advertise_hosts =
limits_advertise_hosts =
.endif
smtputf8_advertise_hosts =
'''
USUAL = {
    'main': 'primary_hostname = myhost.test\nqualify_domain = test.ex\n',
    'acl': '',
    'routers': 'r1:\n  driver = accept\n  transport = local\n',
    'transports': 'local:\n  driver = appendfile\n  file = @DIR@/mail/$local_part_data_or\n  user = mail\n',
    'retry': '* * F,1h,10m\n',
    'rewrite': '', 'authenticators': '',
}
USUAL['transports'] = 'local:\n  driver = appendfile\n  file = @DIR@/mail/box\n  create_file = anywhere\n  user = mail\n'
COMMON = {}  # stands in front of a part of every configuration, whatever the case says
SENT = 'Subject: x\nDate: Mon, 01 Jan 2024 00:00:00 +0000\nMessage-Id: <m@test.ex>\nFrom: s@test.ex\n\n'
RULES = []  # (pattern, replacement) that a script adds to those of normal()
DATES = r'(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [^\n]*'
UNITS = {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}
CLOCK = None  # of use_clock()


class Clock:
    """tests/support/clock_shim.c below every process that starts from now on in this mount namespace, set-uid ones too."""

    def __init__(self, d):
        library, self.path = d('clock.so'), d('clock')
        h.write(self.path, '\0' * 8)
        subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-DCLOCK_FILE="%s"' % self.path, '-o', library,
                        os.path.join(h.SUPPORT, 'clock_shim.c'), '-ldl'], check=True)
        os.chmod(library, 0o755)
        h.write('/etc/ld.so.preload', library + '\n')

    def set(self, seconds):
        self.now = seconds
        with open(self.path, 'r+b') as f:
            f.write(struct.pack('l', seconds))


def use_clock(d):
    global CLOCK
    CLOCK = Clock(d)


LOAD = None  # of own_load()


def own_load(d):
    """A file in the place of /proc/loadavg, in this mount namespace alone."""
    global LOAD
    LOAD = d('loadavg')
    set_load(0)
    subprocess.run(['mount', '--bind', LOAD, '/proc/loadavg'], check=True)


def set_load(number):
    with open(LOAD, 'r+' if os.path.exists(LOAD) else 'w') as f:
        f.write('%.2f 0.00 0.00 1/100 1000\n' % number)
        f.truncate()


def own_etc(d):
    """A copy of /etc in the place of /etc, in this mount namespace alone. Before anything is mounted below /etc."""
    copy = d('etc')
    os.makedirs(copy)
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', copy], check=True)
    subprocess.run(['cp', '-a', '/etc/.', copy], check=True)
    subprocess.run(['mount', '--bind', copy, '/etc'], check=True)


def parse(path):
    """[(title, known, [(directive, argument, lines)])]"""
    cases = []
    with open(path, encoding='utf-8') as f:
        for line in f.read().split('\n'):
            if line.startswith('## '):
                continue
            m = re.match(r'^@([a-z]+)(?: (.*))?$', line)
            if m and m.group(1) == 'case':
                cases.append([m.group(2), None, []])
            elif m and m.group(1) == 'known':
                cases[-1][1] = m.group(2)
            elif m:
                cases[-1][2].append((m.group(1), m.group(2) or '', []))
            elif cases and cases[-1][2]:
                cases[-1][2][-1][2].append(line)
    for case in cases:
        for _, _, lines in case[2]:
            while lines and not lines[-1]:
                lines.pop()
    return cases


DEFAULT_CONF = '/var/lib/exim4/config.autogenerated'


def settle_oracle(wrapper, d):
    """The oracle starts itself again as root and as Debian-exim, and then trusts neither -C nor LD_LIBRARY_PATH: in this mount namespace
    its libraries go into the cache of the dynamic linker, and its own default configuration file becomes ours. Returns the real program."""
    with open(wrapper, errors='replace') as f:
        text = f.read(4096)
    path = re.search(r'LD_LIBRARY_PATH=["\']?([^\s"\';]+)', text)
    program = re.search(r'exec\s+["\']?(\S+?)["\']?\s', text)
    if not path or not program or not os.access(program.group(1), os.X_OK):
        h.skip('the oracle is no wrapper around an unpacked package')
    conf, cache = d('ld.conf'), d('ld.cache')
    h.write(conf, 'include /etc/ld.so.conf.d/*.conf\n' + ''.join(p + '\n' for p in path.group(1).split(':') if p and '$' not in p))
    subprocess.run(['ldconfig', '-X', '-C', cache, '-f', conf], check=True)
    subprocess.run(['mount', '--bind', cache, '/etc/ld.so.cache'], check=True)
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/var/lib'], check=True)
    os.makedirs(os.path.dirname(DEFAULT_CONF))
    for name in ('passwd', 'group'):  # users known to the wrapper alone
        own = re.search(r'NSS_WRAPPER_%s=(\S+)' % name.upper(), text)
        if own:
            subprocess.run(['mount', '--bind', own.group(1), '/etc/' + name], check=True)
    shutil.copy(program.group(1), d('exim4'))
    os.chmod(d('exim4'), 0o4755)
    # Its small programs call each other by their installed names.
    tools = [p for p in glob.glob(os.path.join(os.path.dirname(program.group(1)), 'exi*')) if not os.path.basename(p) in ('exim', 'exim4')]
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/usr/sbin'], check=True)
    for path in tools:
        shutil.copy(path, '/usr/sbin')
    for name in ('exim', 'exim4'):
        shutil.copy(d('exim4'), '/usr/sbin/' + name)
        os.chmod('/usr/sbin/' + name, 0o4755)
    os.mkdir(d('tools'))
    for path in tools:
        os.symlink(h.BIN, d('tools', os.path.basename(path)))
    return d('exim4')


def file_label(path):
    """The path without what differs each time: names made for one delivery."""
    path = re.sub(r'/(?:q?[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[^/]*?|q[0-9A-Za-z]{6}-\d+)(\.\w+)?$', r'/FILE\1', path)
    return re.sub(r'\d{9,}\.[^/,:]*', 'MAILDIRFILE', path)


def sorted_records(text):
    """A dump in the order of its keys; a record's further lines begin with a date, or with a word and a date."""
    records = re.findall(r'(?m)^.*\n(?:(?:  [a-z ]+: +)?\d\d-[A-Z][a-z][a-z]-\d{4} .{8}.*\n)*', text)
    return ''.join(sorted(records, key=lambda r: re.sub(r'\d\d-\w{3}-\d{4} [\d:.]+', '', r)))


class Side:
    """One program's run of one case. `by_step`: the main log is told step by step, and in each message by message: what two messages have
    to do with each other is compared, not which of two processes was faster."""

    def __init__(self, binary, name, d, by_step=False):
        self.binary, self.name, self.d, self.by_step, self.told = os.path.realpath(binary), name, d, by_step, 0
        self.command = [binary]
        self.out, self.servers, self.ended, self.daemon = [], [], [], None

    def say(self, what, text):
        self.out.append((what, text))

    def prepare(self, steps):
        if CLOCK:
            CLOCK.set(0)
        set_load(0)
        for n in ('spool', 'mail'):
            for _ in range(100):  # a delivery may still be writing
                shutil.rmtree(self.d(n), ignore_errors=True)
                if not os.path.exists(self.d(n)):
                    break
                time.sleep(0.05)
            os.makedirs(self.d(n))
            shutil.chown(self.d(n), 'mail' if n == 'mail' else 'Debian-exim', 'mail' if n == 'mail' else 'Debian-exim')
        parts = dict(USUAL)
        whole = None
        for what, arg, lines in steps:
            text = '\n'.join(lines) + '\n'
            if what in parts:
                parts[what] = text if what != 'main' or 'primary_hostname' in text else USUAL['main'] + text
            elif what == 'conf':
                whole = text
            elif what == 'file':
                h.write(self.d(arg), text.replace('@DIR@', self.d.path))
        for n, text in COMMON.items():
            parts[n] = text + parts[n]
        conf = HEAD + (whole if whole is not None else parts['main'] + ''.join(
            'begin %s\n%s\n' % (n, parts[n]) for n in ('acl', 'routers', 'transports', 'retry', 'rewrite', 'authenticators') if parts[n]))
        conf = conf.replace('@EXIM@', self.binary).replace('@DIR@', self.d.path)
        self.conf = h.write(self.d('test-config') if self.name == 'remex' else DEFAULT_CONF, conf)
        self.command = [self.binary] + (['-C', self.conf] if self.name == 'remex' else [])

    def ids(self):
        r = subprocess.run(self.command + ['-bpr'], capture_output=True, text=True)
        return [l.split()[2] for l in r.stdout.split('\n') if re.match(r'^ *\d+[mhd] ', l)]

    def argv(self, arg):
        words = shlex.split(arg.replace('@DIR@', self.d.path))
        if any(re.search(r'\$\d', w) for w in words):
            ids = self.ids()
            words = [re.sub(r'\$(\d)', lambda m: ids[int(m.group(1)) - 1] if int(m.group(1)) <= len(ids) else 'none', w) for w in words]
        return self.command + words

    def shell(self, text):
        environment = dict(os.environ, MTA=shlex.join(self.command), LC_ALL='C.UTF-8')
        r = subprocess.run(['sh'], input=text.encode('latin-1'), capture_output=True, timeout=60, cwd=self.d.path, env=environment)
        return (r.stdout + r.stderr).decode('latin-1')

    def step(self, what, arg, lines):
        text = ('\n'.join(lines) + '\n').replace('@DIR@', self.d.path) if lines else ''
        if what == 'run':
            try:
                r = subprocess.run(self.argv(arg), input=text.encode('latin-1'), capture_output=True, timeout=60)
                self.say('run ' + arg + ' stdout', r.stdout.decode('latin-1'))
                self.say('run ' + arg + ' stderr', r.stderr.decode('latin-1') if ' -d' not in ' ' + arg else '')
                self.say('run ' + arg + ' status', str(r.returncode))
            except subprocess.TimeoutExpired:
                self.say('run ' + arg, 'no end after 60 s')
        elif what == 'send':
            size, _, rest = arg.partition(' ')
            body = (('x' * 63 + '\n') * (int(size) // 64 + 1))[-int(size):]
            self.step('run', '-odi -oi -f s@test.ex ' + rest, (SENT + body).split('\n')[:-1])
        elif what == 'sh':
            self.say('sh', self.shell(text))
        elif what == 'tool':
            name, _, rest = arg.partition(' ')
            argv = ['/usr/sbin/' + name if self.name == 'oracle' else self.d('tools', name)]
            if name == 'exinext' and self.name == 'remex':
                argv += ['-C', self.conf]
            r = subprocess.run(argv + self.argv(rest)[len(self.command):], input=text.encode(), capture_output=True, timeout=60, cwd=self.d.path)
            out = r.stdout.decode('latin-1')
            self.say('tool ' + arg + ' stdout', sorted_records(out) if name in ('exim_dumpdb', 'exinext') else out)
            self.say('tool ' + arg + ' stderr', r.stderr.decode('latin-1'))
            self.say('tool ' + arg + ' status', str(r.returncode))
        elif what in ('daemon', 'bg'):
            pid = self.d('spool/exim-daemon.pid')
            err = open(self.d('daemon.stderr'), 'wb')
            self.daemon = subprocess.Popen(self.argv('-bdf -oP %s %s' % (pid, arg)), stdin=subprocess.DEVNULL, stdout=err, stderr=err)
            h.wait_for(lambda: os.path.exists(pid) and os.path.getsize(pid) or self.daemon.poll() is not None, what='pid file')
        elif what == 'client':
            port, _, source = arg.partition(' ')
            self.say('client ' + arg, _peers.client(int(port), source, lines, set_load))
        elif what == 'load':
            set_load(float(arg))
        elif what == 'serve':
            self.end_server(arg)
            self.servers.append((arg, _peers.Server(arg, lines)))
        elif what == 'hold':
            self.end_server(arg)
            self.servers.append((arg, _peers.Held(arg)))
        elif what == 'unserve':
            self.end_server(arg)
        elif what == 'clock':
            CLOCK.set(CLOCK.now + sum(int(n) * UNITS[u] for n, u in re.findall(r'(\d+)([smhd])', arg)))
        elif what == 'wait':
            end = time.monotonic() + 15
            while time.monotonic() < end and not re.search(arg, self.read('spool/log/mainlog'), re.M):
                time.sleep(0.02)
        elif what == 'sleep':
            time.sleep(float(arg))
        elif what == 'stop':
            self.stop()
        elif what == 'show':
            self.say('file ' + arg, self.read(arg))

    def end_server(self, where):
        for i, (at, server) in enumerate(self.servers):
            if at == where and server not in self.ended:
                server.stop()
                self.ended.append(server)

    def stop(self):
        if self.daemon:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(20)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
            self.daemon = None
            time.sleep(0.05)

    def tell_log(self, what, arg):
        text = self.read('spool/log/mainlog')
        new, self.told = text[self.told:], len(text)
        by_id = {}
        for line in new.splitlines():
            m = re.match(r'\S+ \S+ ([0-9A-Za-z]{6}-[0-9A-Za-z]+-[0-9A-Za-z]+) ', line)
            by_id.setdefault(m.group(1) if m else '', []).append(line)
        if new:
            self.say('main log after %s %s' % (what, arg), ''.join(l + '\n' for i in sorted(by_id) for l in by_id[i]))

    def read(self, name):
        try:
            with open(self.d(name), encoding='latin-1', newline='') as f:
                return f.read()
        except OSError:
            return ''

    def quiet(self):
        """Waits until no process of the program runs in this network namespace."""
        own = os.readlink('/proc/self/ns/net')

        def any_left():
            for pid in filter(str.isdigit, os.listdir('/proc')):
                try:
                    if os.readlink('/proc/%s/exe' % pid) == self.binary and os.readlink('/proc/%s/ns/net' % pid) == own:
                        return True
                except OSError:
                    pass
            return False
        h.wait_for(lambda: not any_left(), 60, self.name + ' to be done')

    def run(self, steps):
        self.prepare(steps)
        try:
            for what, arg, lines in steps:
                self.step(what, arg, lines)
                if self.by_step:
                    self.quiet()
                    self.tell_log(what, arg)
        finally:
            self.stop()
            for at, _ in self.servers:
                self.end_server(at)
        for port, s in self.servers:
            self.say('server %s heard' % port, '\n'.join(s.heard) + '\n')
        for n in ('main', 'reject', 'panic')[self.by_step:]:
            self.say(n + 'log', self.read('spool/log/%slog' % n))
        found = []
        for root, _, files in os.walk(self.d('mail')):
            for n in files:
                path = os.path.relpath(os.path.join(root, n), self.d.path)
                found.append((file_label(path), self.read(path) if os.path.isfile(self.d(path)) else ''))
        for path, text in sorted(found, key=lambda t: (t[0], re.sub(DATES, '', t[1]))):
            self.say('mail ' + path, text)
        return self.out


def normal(out, dirname, program):
    """[(what, text)] with what varies made equal."""
    ids = {}

    def message_id(m):
        return '%sMSGID%d' % (m.group(1), ids.setdefault(m.group(2), len(ids) + 1))
    day, month = r'(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)', r'(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
    result = []
    for what, text in out:
        text = text.replace(dirname, '@DIR@')
        text = re.sub(r'(?<![0-9A-Za-z-])(E?)([0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4}|[0-9A-Za-z]{6}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2})(?![0-9A-Za-z])',
                      message_id, text)
        text = re.sub(r'%s, +\d+ %s \d{4} \d\d:\d\d:\d\d [-+]\d{4}' % (day, month), 'DATE', text)
        text = re.sub(r'%s %s +\d+ \d\d:\d\d:\d\d \d{4}' % (day, month), 'DATE', text)
        text = re.sub(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?( [-+]\d{4})?', 'STAMP', text)
        text = re.sub(r'\d\d-\w{3}-\d{4} \d\d:\d\d:\d\d(\.\d{6})?', 'TIME', text)
        text = re.sub(r'/tmp/\.[0-9a-f]+\.[0-9a-f]+', 'MBXLOCK', text)
        text = re.sub(r'(?m)^ *\d+[mhd] +[\d.]+[KM]? ', 'AGE SIZE ', text)
        text = re.sub(r'\bpid=\d+|\bpid \d+', 'pid=PID', text)
        text = re.sub(r'\bS=\d+', 'S=SSS', text)
        text = re.sub(r'\.lock\.\S+\.[0-9a-f]{8}\.[0-9a-f]{8}', '.lock.HITCH', text)
        text = re.sub(r'(?m)^STAMP remex daemon stopped: pid=PID\n', '', text)
        text = re.sub(r'\b([QDR]T|D)=[\d.]+s', r'\1=TT', text)
        text = re.sub(r'(\]:|port )(3[2-9]|[456]\d)\d{3}\b', r'\1PORT', text)
        text = re.sub(r'\d{8,}-eximdsn-\d+', 'NNN-eximdsn-NNN', text)
        text = re.sub(r'\b(Exim|exim) 4\.96\b', r'\1 x.yz', text)
        text = re.sub(r'\bremex 0\.1\.0\b', lambda m: 'exim x.yz' if 'daemon started' in text[m.end():m.end() + 20] else 'Exim x.yz', text)
        text = re.sub(r'(?m)^remex(?=:| abandoned)', 'exim', text)
        text = re.sub(r'(?m)\bBDAT \d+', 'BDAT NNN', text)
        text = re.sub(r'\b(size|SIZE|read)=\d+', r'\1=SSS', text)
        text = re.sub(r'\bport=(3[2-9]|[456]\d)\d{3}\b', 'port=PORT', text)
        text = re.sub(r'(?m)^remex is a Mail|the remex documentation', lambda m: m.group(0).replace('remex', 'Exim'), text)
        text = text.replace(DEFAULT_CONF, '@DIR@/test-config') if what.endswith('stderr') else text
        text = re.sub(r'(?m)^>>> host in limits_advertise_hosts\? .*\n', '', text)  # 4.96 has none
        text = re.sub(r'(MSGID\d+) \1 ', r'\1 ', text)  # 4.96 says the id twice in two places
        text = re.sub(r'(?m)^(Status: [245])\.\d+\.\d+$', r'\1.x', text)  # of a server's answer; Exim says 5.0.0
        text = re.sub(r'host lookup did not complete: [^\n]*', 'host lookup did not complete', text)  # remex says why
        text = re.sub(r'(no immediate delivery: load average) [\d.]+', r'\1 N', text)
        text = re.sub(r'(message has lines too long for transport) \(received: \d+, max: \d+\)', r'\1', text)
        text = re.sub(r'(?m)^(-- connection from 192\.0\.2\.4)[1-4]$', r'\1N', text)
        text = re.sub(r'\beq[1-4]\.test \[192\.0\.2\.4[1-4]\]', 'eqN.test [192.0.2.4N]', text)  # equal MX records: either of them
        for pattern, by in RULES:
            text = re.sub(pattern, by, text)
        text = re.sub(r'\(\d+ bytes written\)', '(NNN bytes written)', text)
        result.append((what, text))
    return result


def cases(pattern='*', folder='surface'):
    for path in sorted(glob.glob(os.path.join(HERE, folder, pattern + '.t'))):
        for case in parse(path):
            yield os.path.basename(path)[:-2], case


def main(folder, by_step=False, own_clock=False):
    """Runs the cases of a folder on both sides. Arguments: [FILE-PATTERN [WORDS OF A TITLE]] [-v] [-vv: all that the oracle said] [-k: known differences]"""
    words = [w for w in sys.argv[1:] if not w.startswith('-')]
    oracle = _pair.find_oracle()
    if not oracle:
        h.skip('no oracle')
    if own_clock and not shutil.which('cc'):
        h.skip('needs a C compiler')
    h.enter_namespace()
    d = h.Dir()
    if own_clock:
        own_etc(d)
    pair = _pair.Pair()
    own_load(d)
    subprocess.run(['ip', 'route', 'add', 'local', '192.0.2.0/24', 'dev', 'lo'], check=True)  # where the hosts of the zone are
    oracle = settle_oracle(oracle, d)
    if own_clock:
        use_clock(d)
    same = different = known = 0
    try:
        for name, (title, reason, steps) in cases(words[0] if words else '*', folder):
            if len(words) > 1 and words[1] not in title:
                continue
            theirs = normal(Side(oracle, 'oracle', d, by_step).run(steps), d.path, oracle)
            ours = normal(Side(h.BIN, 'remex', d, by_step).run(steps), d.path, h.BIN)
            names = list(dict.fromkeys([w for w, _ in theirs] + [w for w, _ in ours]))
            faults = []
            for what in names:
                a, b = ['\n'.join(t for w, t in side if w == what) for side in (theirs, ours)]
                if a != b:
                    faults.append('  -- %s\n%s' % (what, '\n'.join(
                        '  ' + l for l in list(difflib.unified_diff(a.split('\n'), b.split('\n'), 'oracle', 'remex', lineterm='', n=1))[2:])))
            if '-vv' in sys.argv:
                print(''.join('-- %s\n%s' % t for t in theirs))
            if reason:
                known += 1
                if '-k' in sys.argv:
                    print('KNOWN %s: %s (%s)\n%s' % (name, title, reason, '\n'.join(faults) or 'no longer different'), flush=True)
            elif faults:
                different += 1
                print('DIFFERENT %s: %s\n%s' % (name, title, '\n'.join(faults)), flush=True)
            else:
                same += 1
                if '-v' in sys.argv:
                    print('same      %s: %s' % (name, title), flush=True)
    finally:
        if CLOCK:
            subprocess.run(['rm', '-f', '/etc/ld.so.preload'])
        d.remove()
        pair.close()
    print('%d same, %d different, %d known to differ' % (same, different, known))
    sys.exit(1 if different or not same else 0)
