#!/usr/bin/env python3
"""Configurations made to hurt: each ends in an answer within a time and a size, whether it is taken or refused.

Deep nesting, huge and cyclic lists, ACLs in a ring, files that include themselves, macros that multiply, patterns that
explode, 100 MB of text. The limits are CPU seconds (the machine may be busy) and the peak of resident memory; debug
builds with sanitizers get more of both.
"""
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

# timeout: 600

ASAN = subprocess.run(["grep", "-q", "__asan_init", os.environ.get("REMEX_BIN", "/dev/null")], check=False).returncode == 0
SLOWER = 10 if ASAN else 1
BASE_MB = 30  # program, registries and libraries, in a debug build


ROUTING = """a18:
  deny
begin routers
r:
  driver = dnslookup
  transport = t
begin transports
t:
  driver = smtp
"""


def write(path, text):
    """In another process: a child begins with the peak of its parent in its account."""
    if (pid := os.fork()) == 0:
        path.write_bytes((text() if callable(text) else text).encode("latin-1"))
        os._exit(0)
    os.waitpid(pid, 0)


def run(binary, conf, *options):
    """Exit status, output, CPU seconds and peak MB."""
    with tempfile.TemporaryFile() as out:
        pid = os.posix_spawn(binary, [binary, "check", "-C", str(conf), *options], os.environ,
                             file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, out.fileno(), 2)])
        _, status, usage = os.wait4(pid, 0)
        out.seek(0)
        return os.waitstatus_to_exitcode(status), out.read().decode(errors="replace"), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def nested(n, unit="${if eq{a}{b}{", end="}}"):
    return unit * n + "x" + end * n


def write_loop(directory):
    for i in range(3):
        (directory / f"loop{i}.conf").write_text(f"smtp_accept_max = 1{i}\n.include {directory}/loop{(i + 1) % 3}.conf\n")
    return f".include {directory}/loop0.conf\n"


def cases(d):
    """name, text, exit status, what must be said, CPU seconds, MB over BASE_MB"""
    yield "nested items", lambda: f"smtp_banner = {nested(5000)}\n", 1, "E0318", 2, 60
    yield "nested operators", lambda: f"smtp_banner = {nested(20000, '${lc:', '}')}\n", 1, "E0318", 2, 60
    yield "open braces", lambda: "smtp_banner = " + "{" * 500000 + "\n", None, "", 4, 100
    yield "open items", lambda: "smtp_banner = " + "${if" * 100000 + "\n", 1, "E03", 4, 100
    yield "nested conditions", lambda: "smtp_banner = ${if " + "and{{" * 3000 + "eq{a}{b}" + "}}" * 3000 + "{x}}\n", 1, "E0318", 2, 60
    yield "negations", lambda: "smtp_banner = ${if " + "!" * 200000 + "eq{a}{b}{x}}\n", None, "", 4, 100
    yield "many dollars", lambda: "smtp_banner = " + "$primary_hostname" * 50000 + "\n", None, "", 6, 300
    yield "huge list", lambda: "domainlist big = " + " : ".join(f"d{i}.example" for i in range(60000)) + "\n", 0, "", 6, 200
    yield "many lists", lambda: "".join(f"domainlist l{i} = +l{i + 1} : a{i}.example\n" for i in range(20000)) + "domainlist l20000 = x.example\n", 0, "", 8, 250
    yield "ring of lists", lambda: "".join(f"domainlist l{i} = +l{(i + 1) % 5000}\n" for i in range(5000)), 1, "E0405", 4, 120
    yield "lists many ways", lambda: "".join(f"domainlist l{i} = +l{i + 1} : +l{i + 1} : +l{i + 1}\n" for i in range(60)) + "domainlist l60 = x\n", 0, "", 2, 40
    yield "list names itself", lambda: "domainlist a = +a\n", 1, "E0405", 2, 40
    yield "ring of ACLs", lambda: "begin acl\n" + "".join(f"a{i}:\n  accept acl = a{(i + 1) % 300}\n" for i in range(300)), 0, "W0537", 3, 60
    yield "deep ACLs", lambda: "begin acl\n" + "".join(f"a{i}:\n  accept acl = a{i + 1}\n" for i in range(3000)) + "a3000:\n  accept\n", 0, "", 6, 150
    yield "ACLs many ways", lambda: "acl_smtp_rcpt = a0\nbegin acl\n" + "".join(
        f"a{i}:\n" + f"  accept acl = a{i + 1}\n" * 4 for i in range(18)) + ROUTING, 0, "", 6, 60
    yield "include loop", write_loop(d), 1, "E0103", 2, 40
    yield "include device", lambda: ".include /dev/zero\n", 1, "E0101", 4, 60
    yield "include directory", lambda: ".include /etc\n", 1, "E0101", 2, 40
    yield "conditions", lambda: ".ifdef A\n" * 100000, 1, "E0107", 4, 120
    yield "macros multiply", lambda: "A_0 = xxxxxxxxxx\n" + "".join(f"A_{i + 1} = " + f"A_{i}" * 10 + "\n" for i in range(9)) + "smtp_banner = A_9\n", 1, "E0108", 4, 120
    yield "many macros", lambda: "".join(f"M{i}_END = {i}\n" for i in range(1500)) + "smtp_banner = x\n" * 1, 0, "", 8, 80
    yield "long line", lambda: "smtp_banner = " + "x" * (2 << 20) + "\n", 1, "E0108", 2, 60
    yield "long continuation", lambda: "smtp_banner = " + "xxxxxxxxxxxxxxxx \\\n" * 100000 + "\n", 1, "E0108", 6, 120
    yield "many errors", lambda: "".join(f"nosuch{i} = 1\n" for i in range(30000)), 1, "and 29900 more errors", 6, 60
    yield "explosive pattern", lambda: "begin acl\na:\n  deny condition = ${if match{$sender_helo_name}{^(([a-z]+)*)+\\$}}\n  accept\n", 0, "W0330", 3, 60
    yield "explosive patterns", lambda: "begin acl\na:\n" + "".join(
        f"  deny condition = ${{if match{{$sender_helo_name}}{{^x{i}([a-z]+)*\\$}}}}\n" for i in range(300)) + "  accept\n", 0, "W0330", 40, 80
    yield "huge pattern", lambda: "begin acl\na:\n  deny condition = ${if match{$sender_helo_name}{" + "(a|b)*" * 20000 + "}}\n  accept\n", None, "", 6, 150
    yield "pattern size", lambda: "begin acl\na:\n  deny condition = ${if match{$sender_helo_name}{" + "(" * 20000 + "a" + "){1,1000}" * 20000 + "}}\n", 1, "E0315", 6, 120
    yield "binary", lambda: "\x00\x01\xff\xfe" * 20000 + "\n", 1, "E0109", 6, 80
    yield "100 MB", lambda: "# a comment that says little, but often\n" * 2_600_000, 1, "E0101", 4, 60
    yield "quotes", lambda: 'smtp_banner = "' + '\\"' * 300000 + "\n", 1, "E0110", 4, 150
    yield "routers", lambda: "begin routers\n" + "".join(f"r{i}:\n  driver = redirect\n  data = a{i}@x.example\n" for i in range(5000)), 0, "", 12, 200
    yield "allow comments", lambda: "# remex: allow W0631\n" * 100000 + "qualify_domain = a.example\n", 0, "H0117", 8, 120


def main():
    binary = os.environ.get("REMEX_BIN", "")
    if not binary or not os.access(binary, os.X_OK):
        print("no remex command (REMEX_BIN)")
        return 77
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bad = count = 0
    selected = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        for case, text, want, said, seconds, megabytes in cases(directory):
            if selected and case not in selected:
                continue
            count += 1
            conf = directory / "case.conf"
            write(conf, text)
            status, output, cpu, peak = run(binary, conf)
            wrong = []
            if status not in (0, 1) or (want is not None and status != want):
                wrong.append(f"exit status {status}")
            if said not in output:
                wrong.append(f"does not say {said}")
            if cpu > seconds * SLOWER:
                wrong.append(f"{cpu:.1f} s of CPU, {seconds} allowed")
            if peak > (BASE_MB + megabytes) * (5 if ASAN else 1):
                wrong.append(f"{peak:.0f} MB, {BASE_MB + megabytes} allowed")
            if len(output) > 400000:
                wrong.append(f"{len(output)} characters of output")
            print(f"{case}: {cpu:.2f} s, {peak:.0f} MB, {', '.join(sorted(set(re.findall(r'[EWH][01][0-9]{3}', output)))[:6]) or 'nothing'}"
                  + "".join(f"\n    WRONG: {w}" for w in wrong))
            if wrong:
                bad += 1
                print("    " + "\n    ".join(output[-600:].splitlines()))
    print(f"{count} configurations, {bad} wrong")
    return 1 if bad or not count else 0


sys.exit(main())
