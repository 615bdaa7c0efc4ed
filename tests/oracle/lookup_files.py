#!/usr/bin/python3
"""Compares single-key lookups with the oracle: random keys, every affix and default, every file type both can read, and sqlite.

REMEX_SEED=N makes other choices. Status 77 without an oracle.
"""
# timeout: 600
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("REMEX_SOURCE", os.path.dirname(os.path.dirname(HERE)))
COUNT = int(os.environ.get("REMEX_COUNT", "1500"))
LABELS = ["a", "b", "c", "test"]


def find_oracle():
    for path in (os.environ.get("REMEX_ORACLE"), os.path.join(SOURCE, "build/oracle/exim"), shutil.which("oracle-exim")):
        if path and os.access(path, os.X_OK):
            return path
    return None


def cdb_hash(key):
    h = 5381
    for c in key:
        h = ((h * 33) & 0xffffffff) ^ c
    return h


def write_cdb(path, pairs):
    tables = [[] for _ in range(256)]
    body, at = b"", 2048
    for key, data in pairs:
        tables[cdb_hash(key) & 255].append((cdb_hash(key), at))
        record = struct.pack("<II", len(key), len(data)) + key + data
        body, at = body + record, at + len(record)
    header, slots = b"", b""
    for t in tables:
        n = 2 * len(t)
        header += struct.pack("<II", at + len(slots), n)
        places = [(0, 0)] * n
        for h, p in t:
            i = (h >> 8) % n
            while places[i][1]:
                i = (i + 1) % n
            places[i] = (h, p)
        slots += b"".join(struct.pack("<II", *p) for p in places)
    with open(path, "wb") as f:
        f.write(header + body + slots)


def write_dbm(path, source, zero):
    """By exim_dbmbuild where there is one, else by db5.3_load; False when there is neither."""
    for tool in (os.path.join(os.path.dirname(os.environ.get("REMEX_ORACLE", "")), "root/usr/sbin/exim_dbmbuild"),
                 os.path.join(SOURCE, "build/oracle/root/usr/sbin/exim_dbmbuild"),
                 shutil.which("exim_dbmbuild") or ""):
        if os.access(tool, os.X_OK):
            command = [tool] + ([] if zero else ["-nozero"]) + [source, path]
            if subprocess.run(command, capture_output=True, check=False).returncode in (0, 1) and os.path.exists(path):
                return True
    tool = shutil.which("db5.3_load")
    if not tool:
        return False
    text = "VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n"
    for line in open(source, encoding="ascii"):
        key, _, data = line.rstrip("\n").partition(": ")
        end = b"\0" if zero else b""
        text += " %s\n %s\n" % ((key.strip('"').encode() + end).hex(), (data.encode() + end).hex())
    return subprocess.run([tool, path], input=text + "DATA=END\n", text=True, capture_output=True, check=False).returncode == 0


def make_files(directory, rng):
    names = set()
    while len(names) < 40:
        name = ".".join(rng.choice(LABELS) for _ in range(rng.randint(1, 4)))
        names.add(rng.choice(["", "", "*.", ".", "+", "*", "*@", "x@"]) + name)
    names |= {"*", ".", "*.", "+"} if rng.random() < 0.5 else {"."}
    pairs = [(n, "data of " + n) for n in sorted(names)]
    source = os.path.join(directory, "source")
    with open(source, "w", encoding="ascii") as f:
        f.write("".join("\"%s\": %s\n" % p for p in pairs))
    files = {"lsearch": source, "nwildlsearch": source}
    files["cdb"] = os.path.join(directory, "t.cdb")
    write_cdb(files["cdb"], [(k.encode(), d.encode()) for k, d in pairs])
    for name, zero in (("dbm", True), ("dbmnz", False)):
        path = os.path.join(directory, name + ".db")
        if write_dbm(path, source, zero):
            files[name] = path
    files["dbmjz"] = files.get("dbmnz", files["cdb"])
    if "dbmnz" not in files:
        del files["dbmjz"]
    return files


def random_line(rng, files):
    kind = rng.choice(sorted(files))
    partial = rng.choice(["", "", "partial-", "partial0-", "partial1-", "partial2-", "partial3-", "partial9-", "partial(.)", "partial0(.)",
                          "partial1()", "partial0()", "partial(+)", "partial0(*)", "partial1(*@)"])
    default = rng.choice(["", "", "*", "*@"])
    options = rng.choice(["", "", "", ",ret=key", ",cache=no_rd"])
    key = ".".join(rng.choice(LABELS + ["", "B"]) for _ in range(rng.randint(1, 5)))
    key = rng.choice(["", "", "", "x@", "y@", "*", ".", "@"]) + key
    spec = partial + kind + default + options
    if rng.random() < 0.75:
        return "${lookup{%s}%s{%s}{<$value>/$1/$2}{none}}" % (key, spec, files[kind])
    return "${if match_domain{%s}{%s;%s}{y<$value>}{n}}" % (key, spec, files[kind])


SQL = ["select 1", "select 1 as a, '' as b", "select 'a b' as a, 'c' as b", "select null", "select null as a, 1 as b", "select 1 where 0",
       "select 'x\"y' as a, '\"z' as b", "select 1 union select 2", "select 1, 2 union select 3, 4", "select 'q\\\\ r' as a, 1 as b",
       "select '  ' as a, 'x' as b", "select id, name from t", "select name from t where id = 2", "select count(*) from t", "select x'6162' as b, 1.50 as c"]


def run(command, lines):
    given = "".join("%s\n@@%d@@\n" % (line, i) for i, line in enumerate(lines))
    out = subprocess.run(command, input=given.encode(), capture_output=True, cwd="/", timeout=300, check=False,
                         env={"PATH": "/usr/bin:/bin"}).stdout
    answers = []
    for i in range(len(lines)):
        marker = b"\n> @@%d@@\n" % i
        at = out.find(marker)
        if at < 0:
            print("%s died at: %s" % (command[0], lines[i]))
            sys.exit(1)
        answers.append(out[2:at].decode("latin-1"))
        out = out[at + len(marker):]
    return answers


def same(line, mine, other):
    """Failures are compared as such: their texts are each program's own. Where "partial0" ends at the bare prefix, the oracle cuts the
    last character off $1."""
    if mine == other or (mine.startswith("Failed:") and other.startswith("Failed:")):
        return True
    a, b = mine.strip("<>").split("/"), other.strip("<>").split("/")
    return "partial0" in line and len(a) == len(b) == 3 and a[0] == b[0] and a[2] == b[2] == "" and a[1][:-1] == b[1]


def main():
    if "REMEX_BIN" not in os.environ:
        sys.exit("REMEX_BIN is not set")
    oracle = find_oracle()
    if not oracle:
        print("no oracle here")
        return 77
    seed = int(os.environ.get("REMEX_SEED", "20240601"))
    print("seed %d" % seed)
    rng = random.Random(seed)
    wrong = lines_seen = 0
    for _ in range(4):
        with tempfile.TemporaryDirectory(prefix="lookups-") as directory:
            os.chmod(directory, 0o755)
            conf = os.path.join(directory, "conf")
            with open(conf, "w", encoding="ascii") as f:
                f.write("primary_hostname = h.test\nspool_directory = %s/spool\nlog_file_path = %s/%%slog\nkeep_environment =\n" % (directory, directory))
            files = make_files(directory, rng)
            base = os.path.join(directory, "sqlite.db")
            with sqlite3.connect(base) as db:
                db.execute("create table t(id integer, name text)")
                db.executemany("insert into t values(?,?)", [(1, "one"), (2, "two words"), (3, ""), (4, None)])
            db.close()
            os.chmod(base, 0o644)
            lines = [random_line(rng, files) for _ in range(COUNT // 4)]
            lines += ["${lookup sqlite,file=%s{%s}{<$value>}{none}}" % (base, q) for q in SQL]
            mine = run([os.environ["REMEX_BIN"], "-C", conf, "-be"], lines)
            theirs = run([oracle, "-C", conf, "-be"], lines)
            lines_seen += len(lines)
            for line, a, b in zip(lines, mine, theirs):
                if not same(line, a, b):
                    wrong += 1
                    if wrong <= 20:
                        print("%s\n   remex:  %s\n   oracle: %s" % (line, a, b))
    print("%d lookups compared, %d wrong; types: %s" % (lines_seen, wrong, " ".join(sorted(files) + ["sqlite"])))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
