"""The command line: start-up time, and expansions a second with -be (every line a new string, so the parser is measured)."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

LINES = ['${if eq{%d}{7}{seven}{other}}', '${lc:HeLLo%dWORLD}', '${sg{abc%ddef}{[0-9]+}{<N>}}', '${md5:%d}', '${eval:%d*3+1}',
         '${extract{2}{:}{a:b%d:c}}', '${map{<, a,b,%d}{x$item}}', '${reduce{<, 1,2,%d}{0}{${eval:$value+$item}}}']


def timed(args, text):
    start = time.perf_counter()
    p = subprocess.run(args, input=text, capture_output=True, timeout=120)
    took = time.perf_counter() - start
    if p.returncode:
        sys.exit('%s: status %d: %s' % (' '.join(args), p.returncode, p.stderr.decode(errors='replace')))
    return took, p.stdout


def main():
    remex = os.environ['REMEX_BIN']
    with tempfile.TemporaryDirectory(prefix='remex-bench-') as root:
        conf = root + '/conf'
        with open(conf, 'w') as f:
            f.write('primary_hostname = bench.test\nspool_directory = %s/spool\n' % root)
        base = [remex, '-C', conf]
        print('%-28s %14s' % ('command', 'median of 20'))
        for name, args, text in (('-bV', ['-bV'], b''), ('-be, one line', ['-be'], b'${lc:ABC}\n')):
            ms = statistics.median(timed(base + args, text)[0] for _ in range(20)) * 1000
            print('%-28s %11.1f ms' % (name, ms))
        n = 20000
        text = ''.join(LINES[i % len(LINES)] % i + '\n' for i in range(n)).encode()
        took, out = min(timed(base + ['-be'], text) for _ in range(3))
        if out.count(b'\n') < n:
            sys.exit('-be: %d lines in, %d out' % (n, out.count(b'\n')))
        print('%-28s %11.0f /s' % ('-be, %d lines' % n, n / took))
    return 0


if __name__ == '__main__':
    sys.exit(main())
