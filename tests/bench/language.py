"""The language against Exim: 50 expressions over 10 000 items, an ACL of 60 statements run 10 000 times, -be with new lines, -bt, start-up,
memory of the compiled configuration. Arguments choose: items acl new bt start memory; a number chooses expressions.

CPU time is measured (a busy machine changes it little); that of a program that starts and does nothing is taken off. Exim is compared when one is
there (REMEX_ORACLE, build/oracle/exim, oracle-exim or exim4 in PATH); both run the same input in turn, the best of three counts.
"""
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import debian_config

SOURCE = os.environ.get('REMEX_SOURCE', os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
ITEMS = 10000
# What configurations do with one item: $item is user123@host123.example.org
EACH = [
    '${map{L}{$item}}', '${map{L}{x-$item-y}}', '${map{L}{${lc:$item}}}', '${map{L}{${uc:$item}}}', '${map{L}{${local_part:$item}}}',
    '${map{L}{${domain:$item}}}', '${map{L}{${lc:${domain:$item}}}}', '${map{L}{${length_8:$item}}}', '${map{L}{${substr_2_5:$item}}}',
    '${map{L}{${substr{2}{5}{$item}}}}', '${map{L}{${strlen:$item}}}', '${map{L}{${md5:$item}}}', '${map{L}{${hash_4_62:$item}}}',
    '${map{L}{${nhash_100:$item}}}', '${map{L}{${quote:$item}}}', '${map{L}{${quote_local_part:$item}}}', '${map{L}{${rxquote:$item}}}',
    '${map{L}{${escape:$item}}}', '${map{L}{${rfc2047:$item}}}', '${map{L}{${base64:$item}}}', '${map{L}{${eval:10*3+${strlen:$item}}}}',
    '${map{L}{${if eq{$item}{user7@host7.example.org}{yes}{no}}}}', '${map{L}{${if eqi{$item}{USER7@HOST7.EXAMPLE.ORG}{yes}{no}}}}',
    '${map{L}{${if match{$item}{\\N^user(\\d+)@\\N}{$1}{none}}}}', '${map{L}{${if match_domain{${domain:$item}}{*.example.org}{in}{out}}}}',
    '${map{L}{${if match_domain{${domain:$item}}{+local_domains}{in}{out}}}}',
    '${map{L}{${if match_address{$item}{*@host7.example.org : user9@*}{in}{out}}}}',
    '${map{L}{${if match_ip{10.0.0.1}{10.0.0.0/8 : 192.168.0.0/16}{in}{out}}}}', '${map{L}{${if inlist{$item}{a:b:c:d}{in}{out}}}}',
    '${map{L}{${if and{{def:item}{!eq{$item}{}}}{y}{n}}}}', '${map{L}{${if or{{eq{$item}{a}}{eq{$item}{b}}{match{$item}{@}}}{y}{n}}}}',
    '${map{L}{${if >{${strlen:$item}}{20}{long}{short}}}}', '${map{L}{${if bool{${if eq{$item}{a}{yes}{no}}}{y}{n}}}}',
    '${map{L}{${sg{$item}{@.*}{}}}}', '${map{L}{${sg{$item}{[0-9]}{#}}}}', '${map{L}{${tr{$item}{.@}{_-}}}}',
    '${map{L}{${extract{1}{@}{$item}}}}', '${map{L}{${extract{2}{.}{$item}{$value}{none}}}}',
    '${map{L}{${extract{b}{a=1 b=$item c=3}{$value}{none}}}}', '${map{L}{${listextract{2}{a:$item:c}}}}',
    '${map{L}{${lookup{${domain:$item}}lsearch{@DIR@/table}{$value}{none}}}}',
    '${map{L}{${if eq{${domain:$item}}{$qualify_domain}{$primary_hostname}{$spool_directory}}}}',
    '${map{L}{${length_3:${md5:${lc:$item}}}/${local_part:$item}}}', '${map{L}{${expand:\\$item}}}',
    '${map{L}{${hmac{md5}{secret}{$item}}}}', '${reverse_ip:10.0.0.1}${map{L}{${reverse_ip:10.0.0.1}$item}}',
    '${filter{L}{match{$item}{7@}}}', '${filter{L}{eq{${domain:$item}}{host7.example.org}}}',
    '${reduce{L}{0}{${eval:$value+1}}}', '${if forany{L}{eq{$item}{nobody@nowhere}}{y}{n}}',
]
NEW = ['${if eq{%d}{7}{seven}{other}}', '${lc:HeLLo%dWORLD}', '${sg{abc%ddef}{[0-9]+}{<N>}}', '${md5:%d}', '${eval:%d*3+1}',
       '${extract{2}{:}{a:b%d:c}}', '${map{<, a,b,%d}{x$item}}', '${reduce{<, 1,2,%d}{0}{${eval:$value+$item}}}']
# Statements in the style of an RCPT ACL; none but the last decides.
STATEMENTS = [
    'deny condition = ${if eq{$acl_arg1}{nobody%d@nowhere}}', 'warn set acl_m_n%d = ${lc:$acl_arg1}', 'deny condition = ${if match_domain{${domain:$acl_arg1}}{!+local_domains : other%d.test}}',
    'deny condition = ${if match{$acl_arg1}{\\N^bad%d\\N}}', 'warn condition = ${if >{${strlen:$acl_arg1}}{300}}\n       log_message = long %d',
    'deny hosts = 192.0.2.%d\n       message = go away', 'warn set acl_m_s%d = ${eval:${strlen:$acl_m_n1}+1}', 'deny !condition = ${if def:acl_m_n1}\n       message = no %d',
    'deny senders = bad%d@example.net : *@evil.example.net', 'deny condition = ${if match_local_part{${local_part:$acl_arg1}}{^[./|] : ^.*[@%!] : root%d}}',
]
CONFIG = '''primary_hostname = bench.test
qualify_domain = example.org
spool_directory = @DIR@/spool
log_file_path = @DIR@/log/%slog
domainlist local_domains = example.org : *.example.org : localhost
acl_smtp_rcpt = accept
begin acl
sixty:
@ACL@
  accept message = done
begin routers
r:
  driver = accept
  domains = +local_domains
  local_parts = ! ^nobody
  transport = t
begin transports
t:
  driver = appendfile
  directory = @DIR@/mail
  maildir_format
'''


def find_oracle():
    for path in (os.environ.get('REMEX_ORACLE'), os.path.join(SOURCE, 'build/oracle/exim'), shutil.which('oracle-exim'), shutil.which('exim4')):
        if path and os.access(path, os.X_OK):
            return path
    return None


class Bench:
    def __init__(self, root):
        self.root = root
        os.makedirs(root + '/spool')
        os.makedirs(root + '/log')
        os.chmod(root, 0o755)
        for d in ('/spool', '/log'):
            os.chmod(root + d, 0o777)
        with open(root + '/table', 'w') as f:
            f.write(''.join('host%d.example.org: value %d\n' % (i, i) for i in range(0, 200)))
        statements = [STATEMENTS[i % len(STATEMENTS)].replace('%d', str(i)) for i in range(59)]
        with open(root + '/conf', 'w') as f:
            f.write(CONFIG.replace('@DIR@', root).replace('@ACL@', '\n'.join('  ' + s for s in statements)))
        self.programs = [('remex', os.environ['REMEX_BIN'])]
        oracle = find_oracle()
        if oracle:
            self.programs.append(('exim', oracle))
        self.idle = {name: min(self.once(path, ['-be'], '${lc:A}\n')[0] for _ in range(5)) for name, path in self.programs}

    def once(self, path, args, text):
        """CPU seconds of the program and its children, and what it printed."""
        with open(self.root + '/input', 'w') as f:
            f.write(text)
        with open(self.root + '/input', 'rb') as stdin, open(self.root + '/output', 'wb') as stdout:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            p = subprocess.run([path, '-C', self.root + '/conf', *args], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=300)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(self.root + '/output', 'rb') as f:
            out = f.read()
        if p.returncode:
            sys.exit('%s %s: status %d: %s%s' % (path, ' '.join(args), p.returncode, p.stderr.decode(errors='replace')[:2000], out[-300:]))
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, out

    def times(self, args, text, rounds=3):
        """Seconds of each program without its start, and whether the outputs are the same."""
        best, output = {}, {}
        for _ in range(rounds):
            for name, path in self.programs:
                took, output[name] = self.once(path, args, text)
                best[name] = min(best.get(name, 1e9), max(took - self.idle[name], 1e-5))
        return best, len(set(output.values())) == 1

    def line(self, what, count, best, same):
        text = '%-58s %10.0f /s' % (what[:58], count / best['remex'])
        if 'exim' in best:
            text += '  exim %9.0f /s  x%.1f%s' % (count / best['exim'], best['exim'] / best['remex'], '' if same else '  other output')
        print(text, flush=True)
        return best['exim'] / best['remex'] if 'exim' in best else None


    def configurations(self):
        """(name, path): this measurement's own, a large one, and Debian's when its packages can be had."""
        found = [('own', self.root + '/conf')]
        with open(self.root + '/conf') as f:
            own = f.read()
        acls = ''.join('large%d:\n%s\n' % (k, '\n'.join('  ' + STATEMENTS[i % len(STATEMENTS)].replace('%d', str(i)) for i in range(40))) for k in range(50))
        with open(self.root + '/large', 'w') as f:
            f.write(own.replace('begin routers', acls + 'begin routers'))
        found.append(('2 000 ACL statements more', self.root + '/large'))
        os.makedirs(self.root + '/debian')
        try:
            made = debian_config.debian_configs(self.root + '/debian', {'internet': debian_config.TYPES['internet']})
        except (OSError, subprocess.SubprocessError):
            made = None
        if made:
            found.append(("Debian's", made['internet-unsplit']))
        return found

    def anonymous(self, path, conf):
        """KiB of memory of its own that the program has when it waits for the first line of -be."""
        p = subprocess.Popen([path, '-C', conf, '-be'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        p.stdin.write(b'${lc:READY}\n' * 10)
        p.stdin.flush()
        end, last = time.time() + 20, -1
        while time.time() < end:
            time.sleep(0.1)
            with open('/proc/%d/smaps_rollup' % p.pid) as f:
                now = sum(int(line.split()[1]) for line in f if line.startswith('Anonymous:'))
            if now == last:
                break
            last = now
        p.stdin.close()
        p.stdout.read()
        p.wait(20)
        return last

    def start(self, args, text, conf, rounds=20):
        """Wall clock and CPU of the program from its start to its end, medians of runs in turn, milliseconds."""
        wall, cpu = {}, {}
        for _ in range(rounds):
            for name, path in self.programs:
                before, use = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run([path, '-C', conf, *args], input=text, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
                wall.setdefault(name, []).append((time.perf_counter() - before) * 1000)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                cpu.setdefault(name, []).append((after.ru_utime + after.ru_stime - use.ru_utime - use.ru_stime) * 1000)
        return {n: (statistics.median(wall[n]), statistics.median(cpu[n])) for n in wall}


def measure_start(b):
    for name, conf in b.configurations():
        for args, text in ((['-be'], b'${lc:A}\n'), (['-bt', 'nobody@elsewhere.invalid' if name == "Debian's" else 'a@example.org'], b'')):
            got = b.start(args, text, conf)
            line = 'start %s, %-26s %6.2f ms, CPU %6.2f ms' % (args[0], name, *got['remex'])
            if 'exim' in got:
                line += '   exim %6.2f ms, CPU %6.2f ms   %.2f, CPU %.2f' % (*got['exim'], got['remex'][0] / got['exim'][0], got['remex'][1] / got['exim'][1])
            print(line, flush=True)


def measure_memory(b):
    base = {}
    for name, conf in b.configurations():
        line = 'memory, %-28s' % name
        for program, path in b.programs:
            kib = b.anonymous(path, conf)
            base.setdefault(program, kib)
            line += '   %s %6d KiB (%+d)' % (program, kib, kib - base[program])
        print(line, flush=True)


def summary(ratios):
    ratios = sorted(r for r in ratios if r)
    if ratios:
        mean = math.exp(statistics.mean(math.log(r) for r in ratios))
        print('%d expressions: x%.1f (geometric mean), lowest x%.1f, median x%.1f' % (len(ratios), mean, ratios[0], statistics.median(ratios)))


def main():
    only = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix='remex-bench-') as root:
        b = Bench(root)
        with open(root + '/items', 'w') as f:
            f.write('\n'.join('user%d@host%d.example.org' % (i, i % 500) for i in range(ITEMS)))
        chosen = [EACH[int(a)] for a in only if a.isdigit()]
        if not only or 'items' in only or chosen:
            ratios = []
            for e in chosen or EACH:
                text = e.replace('L}', '${readfile{@DIR@/items}{:}}}', 1).replace('@DIR@', root)
                best, same = b.times(['-be'], text + '\n')
                ratios.append(b.line(e, ITEMS, best, same))
            summary(ratios)
        if not only or 'acl' in only:
            best, same = b.times(['-be'], '${map{${readfile{%s/items}{:}}}{${acl{sixty}{$item}}}}\n' % root, 2)
            b.line('ACL of 60 statements, 10 000 times', ITEMS, best, same)
        if not only or 'new' in only:
            n = 20000
            best, same = b.times(['-be'], ''.join(NEW[i % len(NEW)] % i + '\n' for i in range(n)))
            b.line('-be, 20 000 new lines', n, best, same)
        if not only or 'bt' in only:
            n = 50000
            best, same = b.times(['-bt'], ''.join('user%d@host%d.example.org\n' % (i, i % 500) for i in range(n)), 2)
            b.line('-bt, 50 000 addresses', n, best, same)
        if not only or 'start' in only:
            measure_start(b)
        if not only or 'memory' in only:
            shutil.rmtree(root + '/debian', ignore_errors=True)
            measure_memory(b)
    return 0


if __name__ == '__main__':
    sys.exit(main())
