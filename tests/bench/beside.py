"""Beside Exim, Postfix and OpenSMTPD in one run: TLS from clients, TLS to a smart host, messages signed on the way, a queue let go.

Usage: beside.py [--peers FOLDER] [--json FILE] [--only NAME,...] [--servers NAME,...] [--messages N] [--queued N] [--rounds N]
FOLDER is what dev.d/peers.sh makes (build/peers; made when it is not there). Needs root: everything runs in namespaces of its own, on loopback.

The load comes from Python, which is slower than the faster servers: processor time per message is what compares; rates below what
the generator can do, too. Every message must arrive once (with TLS or a signature where that is the work), or the figure is marked.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(SOURCE, 'tests/support')]
import harness as h
import _load
import _servers
from _servers import Work

# name: what the servers are to do, whether mail is for the maildirs, messages a session, octets
CASES = {
    'tls-in, 1 message a session': (Work(tls_in=True), True, 1, 4096),
    'tls-in, 10 a session': (Work(tls_in=True), True, 10, 4096),
    'tls-in, 1 MiB': (Work(tls_in=True), True, 10, 1 << 20),
    'relay, plain': (Work(), False, 10, 4096),
    'relay, tls-out': (Work(tls_out=True), False, 10, 4096),
    'relay, signed RSA': (Work(sign='rsa'), False, 10, 4096),
    'relay, signed Ed25519': (Work(sign='ed25519'), False, 10, 4096),
    'queue let go': (Work(hold=True), False, 10, 4096),
}
PATIENCE = 15  # seconds without one more arrival after which the rest counts as lost


def make_keys(folder):
    run = lambda *c: subprocess.run(c, check=True, capture_output=True)
    run('openssl', 'req', '-x509', '-newkey', 'rsa:%d' % _servers.KEY_BITS, '-nodes', '-days', '30', '-subj', '/CN=bench.test', '-keyout', folder + '/key.pem',
        '-out', folder + '/cert.pem')
    run('openssl', 'genrsa', '-traditional', '-out', folder + '/rsa.pem', str(_servers.KEY_BITS))
    run('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', folder + '/ed25519.pem')


def wait_for_arrivals(count, want):
    """count() until it is `want` or does not grow for PATIENCE seconds."""
    have, end = 0, time.monotonic() + PATIENCE
    while have < want and time.monotonic() < end:
        time.sleep(0.05)
        now = count()
        if now != have:
            have, end = now, time.monotonic() + PATIENCE


def maildir_arrivals(server):
    """(tag, True, True, time) of every message in the maildirs."""
    found = []
    for directory in server.new_mail():
        for entry in os.scandir(directory):
            with open(entry.path, 'rb') as f:
                tag = _load.TAG.search(f.read(8192))
            found.append((tag.group(1).decode() if tag else '', True, True, entry.stat().st_ctime))
    return found


def measure(server, name, sink, tag, messages):
    """One round of a case: what arrived a second, processor time a message, and what was wrong."""
    work, local, per_session, size = CASES[name]
    if size > 100_000:
        messages = max(20, messages // 10)
    tags = ['%s-%d' % (tag, n) for n in range(messages)]
    cpu, begin = server.cpu.seconds(), time.time()
    failures = _load.send(server.port, tags, 20, per_session, size, 'bench.test' if local else 'dest.test', work.tls_in)
    accepted = time.time()
    arrivals = (lambda: maildir_arrivals(server)) if local else (lambda: [s for s in sink.seen() if s[0].startswith(tag + '-')])
    if work.hold:
        begin = time.time()
        server.drain()
        last = [begin]

        def arrived():
            if time.time() > last[0] + 1:
                last[0] = time.time()
                server.drain()
            return len(arrivals())
    else:
        arrived = (lambda: sum(len(os.listdir(d)) for d in server.new_mail())) if local else (lambda: len(arrivals()))
    wait_for_arrivals(arrived, messages)
    cpu = server.cpu.seconds() - cpu
    got = arrivals()
    once = {g[0] for g in got if g[0] in set(tags)}
    wrong = failures[:2]
    if len(once) != messages or len(got) != len(once):
        wrong.append('%d of %d arrived, %d again' % (len(once), messages, len(got) - len(once)))
    if work.sign and not all(g[1] for g in got):
        wrong.append('%d not signed' % sum(not g[1] for g in got))
    if work.tls_out and not all(g[2] for g in got):
        wrong.append('%d without TLS' % sum(not g[2] for g in got))
    if local:
        server.forget_mail()
    seconds = max(1e-3, max((g[3] for g in got), default=accepted) - begin)
    return {'per_second': len(once) / seconds, 'cpu_ms': cpu * 1000 / messages, 'wrong': wrong}


def table(results, servers):
    print('\n%-30s %s' % ('', ''.join('%34s' % s for s in servers)))
    for name, row in results.items():
        cells = []
        for server in servers:
            r = row.get(server)
            cells.append('%34s' % ('-' if r is None else '%.0f/s  %.2f ms%s' % (r['per_second'], r['cpu_ms'], ' !' if r['wrong'] else '')))
        print('%-30s %s' % (name, ''.join(cells)))
        own = row.get('remex')
        others = {s: r for s, r in row.items() if s != 'remex' and not r['wrong']}
        if own and others:
            print('%-30s %s' % ('  remex against it', ''.join('%34s' % ('-' if s not in others else 'x%.1f rate, %.2f of the time' % (
                own['per_second'] / max(others[s]['per_second'], 1e-9), own['cpu_ms'] / others[s]['cpu_ms'])) for s in servers)))
    for name, row in results.items():
        for server, r in row.items():
            for text in r['wrong']:
                print('! %s, %s: %s' % (server, name, text))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--peers', default=os.environ.get('REMEX_PEERS', os.path.join(SOURCE, 'build/peers')))
    parser.add_argument('--json')
    parser.add_argument('--only', default='')
    parser.add_argument('--servers', default='exim,postfix,opensmtpd,remex')
    parser.add_argument('--messages', type=int, default=1000)
    parser.add_argument('--queued', type=int, default=10_000)
    parser.add_argument('--rounds', type=int, default=3)
    options = parser.parse_args()
    if os.environ.get('REMEX_TEST_NS') != '1' and os.geteuid() == 0 and options.servers != 'remex':
        if subprocess.run([os.path.join(SOURCE, 'dev.d/peers.sh'), options.peers], stdout=sys.stderr).returncode != 0:
            print('beside.py: remex is measured alone', file=sys.stderr)
            options.servers = 'remex'
            sys.argv += ['--servers', 'remex']
    h.enter_namespace()
    os.makedirs(os.path.join(SOURCE, 'build'), exist_ok=True)
    folder = tempfile.mkdtemp(prefix='beside-', dir=os.path.join(SOURCE, 'build'))
    try:
        results = run(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table(results, options.servers.split(','))
    if options.json:
        with open(options.json, 'w') as f:
            json.dump(results, f, indent=1)


def run(options, folder):
    os.chmod(folder, 0o755)
    keys = os.path.join(folder, 'keys')
    os.mkdir(keys)
    make_keys(keys)
    smart_host = h.free_port()
    kinds = {k.name: k for k in (_servers.Exim, _servers.Postfix, _servers.OpenSmtpd)}
    servers = []
    for name in options.servers.split(','):
        port = h.free_port()
        if name == 'remex':
            os.mkdir(os.path.join(folder, 'remex'))
            servers.append(_servers.Remex(os.environ.get('REMEX_BIN', os.path.join(SOURCE, 'build/release/remex')), os.path.join(folder, 'remex'), port, smart_host, keys))
        else:
            servers.append(kinds[name](os.path.join(os.path.abspath(options.peers), name), port, smart_host, keys))
    results = {}
    for name, (work, _, _, _) in CASES.items():
        if options.only and not any(o in name for o in options.only.split(',')):
            continue
        rounds = {}
        for number in range(options.rounds):
            for server in servers:
                if work.sign and work.sign not in server.signs or work.tls_in and not server.serves_tls:
                    continue
                sink = _load.Sink(smart_host, (keys + '/cert.pem', keys + '/key.pem') if work.tls_out else None)
                try:
                    server.start(work)
                    if not work.hold:
                        measure(server, name, sink, 'warm%d%s' % (number, server.name), 40)
                    one = measure(server, name, sink, 'n%d%s' % (number, server.name), options.queued if work.hold else options.messages)
                finally:
                    server.stop()
                    sink.stop()
                rounds.setdefault(server.name, []).append(one)
                print('%s: %s: %.0f/s, %.2f ms%s' % (name, server.name, one['per_second'], one['cpu_ms'], ' '.join(one['wrong'])), file=sys.stderr, flush=True)
            print('%s: round %d of %d' % (name, number + 1, options.rounds), file=sys.stderr)
        results[name] = {s: {'per_second': statistics.median(r['per_second'] for r in rs), 'cpu_ms': statistics.median(r['cpu_ms'] for r in rs),
                             'wrong': [w for r in rs for w in r['wrong']]} for s, rs in rounds.items()}
    return results


if __name__ == '__main__':
    main()
