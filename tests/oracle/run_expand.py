#!/usr/bin/python3
"""Compares expansions with the values written down and with the oracle, line by line.

tests/oracle/expand/*.t are read like this:
    ${lc:ABC}           an expression
    = abc               what remex must answer (\\n and other bytes as escapes); written by --update
    ! reason            the oracle is known to answer something else, and why that is right
    # ...               a comment
@DIR@ is a directory with the files made below. Files whose name begins with "single" are given to the oracle one line at a
time, because it may die of them. Without an oracle (REMEX_ORACLE, build/oracle/exim, oracle-exim in PATH) only the written
values are compared, and the status is 77 when they are right. --update writes the values of remex into the files: read the diff.
"""
# timeout: 300
import glob
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("REMEX_SOURCE", os.path.dirname(os.path.dirname(HERE)))
CONFIG = """primary_hostname = host.test
qualify_domain = test.example
spool_directory = @DIR@/spool
log_file_path = @DIR@/spool/%slog
keep_environment = HOME
domainlist local_domains = a.test : *.b.test : !c.b.test : c.test
domainlist file_domains = @DIR@/domains
hostlist nets = <; 10.0.0.0/8 ; 192.168.1.1 ; 2001:db8::/32
addresslist people = joe@a.test : *@b.test : ^x.*@
localpartlist users = joe : jane : ^adm
acl_smtp_rcpt = accept
begin acl
yes:
  accept message = said $acl_arg1/$acl_narg
no:
  deny message = refused
late:
  defer
"""
FILES = {
    "table": "alpha: first\nbeta:   second value\n*: fallback\nquoted: \"a b\"\n\"key with space\": spaced\nlong: one\n"
             "  two\n  three\nempty:\nALPHA: never\n",
    "domains": "# comment\nx.test\n*.y.test\n!n.y.test\n",
    "middle": "a.test\n!b.test\n*.test\n",
    "last": "*.a.test\n!b.test\n",
    "none": "# nothing\n",
    "chains": "not.test: !joe : >all\nall: *\nlost.test: !joe : >nowhere\nend.test: !joe\n",
    "wild": "*.w.test: wild\n^r.*t$: regex\nplain: yes\n",
    "partial": "*.p.test: part\np.test: whole\n*: star\n*@q.test: at\n",
    "nets": "10.0.0.0/8: ten\n192.168.1.1: one\n\"2001:db8::/32\": six\n",
    "text": "line one\nline two\n",
    "json": "{\"a\": [1, 2], \"b\": \"x\"}\n",
    "users/joe/keep": "",
    "users/jane/keep": "",
}


def find_oracle():
    for path in (os.environ.get("REMEX_ORACLE"), os.path.join(SOURCE, "build/oracle/exim"), shutil.which("oracle-exim")):
        if path and os.access(path, os.X_OK):
            return path
    return None


def read_cases(path):
    """[expression, expected or None, reason or None], and the comments before each."""
    cases, before = [], []
    with open(path, encoding="latin-1", newline="\n") as f:
        for line in f.read().split("\n"):
            if line.startswith("= ") or line == "=":
                cases[-1][1] = line[2:]
            elif line.startswith("! "):
                cases[-1][2] = line[2:]
            elif line.startswith("#") or not line:
                before.append(line)
            else:
                cases.append([line, None, None, before])
                before = []
    return cases, before


def escape(data, directory):
    text = data.replace(directory.encode(), b"@DIR@").decode("latin-1")
    return "".join(c if " " <= c <= "~" and c != "\\" else {"\n": "\\n", "\\": "\\\\"}.get(c, "\\x%02x" % ord(c)) for c in text)


def run(command, lines, directory):
    """The answers to the lines; None from where the program died. A marker behind each tells where an answer ends."""
    given = "".join("%s\n@@%d@@\n" % (line.replace("@DIR@", directory), i) for i, line in enumerate(lines))
    r = subprocess.run(command, input=given.encode("latin-1"), capture_output=True, cwd="/", timeout=120, check=False,
                       env={"HOME": "/home/test", "PATH": "/usr/bin:/bin"})
    out, answers = r.stdout, []
    for i in range(len(lines)):
        marker = b"\n> @@%d@@\n" % i
        at = out.find(marker)
        if at < 0 or not out.startswith(b"> "):
            answers += [None] * (len(lines) - i)
            break
        answers.append(escape(out[2:at], directory))
        out = out[at + len(marker):]
    return answers


def run_single(command, lines, directory):
    return [run(command, [line], directory)[0] for line in lines]


def make_directory(directory):
    for name, text in FILES.items():
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    os.makedirs(os.path.join(directory, "spool"))
    os.chmod(directory, 0o755)
    with open(os.path.join(directory, "conf"), "w", encoding="ascii") as f:
        f.write(CONFIG.replace("@DIR@", directory))
    return os.path.join(directory, "conf")


def compare(path, cases, oracle, directory, config):
    """Compares one file; returns (lines, compared with the oracle, known differences, failures)."""
    lines = [c[0] for c in cases]
    name = os.path.basename(path)
    single = name.startswith("single")
    runner = run_single if single else run
    ours = runner([os.environ["REMEX_BIN"], "-C", config, "-be"], lines, directory)
    theirs = [None] * len(lines)
    if oracle:
        theirs = runner([oracle, "-C", config, "-be"], lines, directory)
        if not single and None in theirs:
            print("%s: the oracle died at: %s" % (name, lines[theirs.index(None)]))
            return len(lines), 0, 0, 1
    known = failures = both = 0
    for case, mine, other in zip(cases, ours, theirs):
        expression, expected, reason, _ = case
        problem = None
        if mine is None:
            problem = "remex gave no answer"
        elif mine != expected:
            problem = "remex answers  %s\n   written:        %s" % (mine, expected)
        if oracle and (other is not None or single):
            both += 1
            if mine == other and reason:
                problem = problem or "is marked as different but is the same: " + reason
            elif mine != other and not reason:
                problem = (problem or "remex answers  %s" % mine) + "\n   oracle answers: %s" % other
            known += 1 if mine != other and reason else 0
        if problem:
            failures += 1
            print("%s: %s\n   %s" % (name, expression, problem))
    return len(lines), both, known, failures


def update(path, cases, tail, directory, config):
    lines = [c[0] for c in cases]
    with open(path, "w", encoding="latin-1", newline="\n") as f:
        for case, mine in zip(cases, run([os.environ["REMEX_BIN"], "-C", config, "-be"], lines, directory)):
            f.write("".join(line + "\n" for line in case[3]))
            f.write(case[0] + "\n= " + (mine if mine is not None else "(no answer)") + "\n")
            if case[2]:
                f.write("! " + case[2] + "\n")
        f.write("\n".join(line for line in tail if line))


def main():
    if "REMEX_BIN" not in os.environ:
        sys.exit("REMEX_BIN is not set")
    oracle = find_oracle()
    totals = [0, 0, 0, 0]
    with tempfile.TemporaryDirectory(prefix="expand-") as directory:
        config = make_directory(directory)
        for path in sorted(glob.glob(os.path.join(HERE, "expand", "*.t"))):
            cases, tail = read_cases(path)
            if "--update" in sys.argv:
                update(path, cases, tail, directory, config)
                continue
            totals = [a + b for a, b in zip(totals, compare(path, cases, oracle, directory, config))]
    if "--update" in sys.argv:
        return 0
    print("%d lines, %d compared with the oracle (%d known differences), %d wrong" % tuple(totals))
    if totals[3] or not totals[0]:
        return 1
    if not oracle:
        print("no oracle here: compared with the written values only")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
