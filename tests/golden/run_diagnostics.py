#!/usr/bin/env python3
"""Golden tests of the kinds of diagnostics: every code has a case, and the examples in its help are true.

`remex check --explain all --json` lists the codes. The wrong example of each (or tests/golden/diagnostics/CODE.conf, for
what needs a file of its own) is checked and must report the code, exactly as CODE.expected says; the right example must
not report it. The sources may use no name that is not in the table. docs/diagnostics.md must be what the program
prints. `--update` rewrites the expected texts and the page; read the diff. Codes given as arguments select cases.
"""
import concurrent.futures
import difflib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# timeout: 300

HERE = pathlib.Path(__file__).resolve().parent / "diagnostics"
SOURCE = pathlib.Path(__file__).resolve().parents[2]
# Needs more than a text: made by the case below.
GENERATED = {
    "E0104": lambda d: [(d / f"part{i}.conf").write_text(f".include {d}/part{i + 1}.conf\n") for i in range(25)],
    "W0115": lambda d: (d / "case.conf").chmod(0o666),
}
# Nothing can be written that brings it out (the option tables rule it out); see the kind's text.
UNREACHABLE = {"E0218"}
ROOT_ONLY = {"W0115"}


def check(binary, conf, *options):
    done = subprocess.run([binary, "check", "-C", str(conf), *options], capture_output=True, text=True, errors="replace", timeout=60)
    return done.returncode, done.stderr, done.stdout


def codes_of(binary, conf):
    return {d["code"] for d in json.loads(check(binary, conf, "--json")[2])}


def without_directory(text, directory):
    """As if the case lay in the directory where it is read: the underlining of a name gets shorter with it."""
    prefix = f"{directory}/"
    lines = text.split("\n")
    for n in range(1, len(lines)):
        if re.fullmatch(r"\s*\| +\^+.*", lines[n]):
            lines[n] = lines[n].replace("^" * (len(prefix) * lines[n - 1].count(prefix)), "", 1)
    return "\n".join(lines).replace(prefix, "")


def make_case(kind, directory, text):
    conf = directory / "case.conf"
    conf.write_text(text.replace("@DIR@", str(directory)))
    if kind["code"] in GENERATED:
        GENERATED[kind["code"]](directory)
    return conf


def run_case(binary, kind, update):
    """Problems of one kind as texts."""
    code, problems = kind["code"], []
    own = HERE / f"{code}.conf"
    wrong = own.read_text() if own.exists() else kind["wrong"]
    if code in UNREACHABLE or (code in ROOT_ONLY and os.geteuid() != 0):
        return problems
    if not wrong:
        return [f"{code} {kind['name']}: there is neither a wrong example nor {own.name}"]
    with tempfile.TemporaryDirectory() as d:
        directory = pathlib.Path(d)
        conf = make_case(kind, directory, wrong)
        status, text, _ = check(binary, conf)
        text = without_directory(text, directory)
        if code not in codes_of(binary, conf):
            problems.append(f"{code} {kind['name']}: the wrong example does not report it:\n{text}")
        if (status != 0) != (code[0] == "E"):
            problems.append(f"{code}: exit status {status}\n{text}")
        if code[0] == "W" and check(binary, conf, "--strict")[0] == 0:
            problems.append(f"{code}: --strict accepts it")
        expected_file = HERE / f"{code}.expected"
        if update:
            expected_file.write_text(text)
        expected = expected_file.read_text() if expected_file.exists() else ""
        if text != expected:
            problems.append(f"{code}: not as in {expected_file.name}\n" + "".join(
                difflib.unified_diff(expected.splitlines(True), text.splitlines(True), "expected", "got")))
        if kind["right"]:
            conf.write_text(kind["right"])
            if code in codes_of(binary, conf):
                problems.append(f"{code} {kind['name']}: the right example reports it too:\n{check(binary, conf)[1]}")
    return problems


def check_allow(binary):
    """A comment takes back warnings and hints of its line, by code or name, and nothing else."""
    problems = []
    base = "begin routers\nr:\n  driver = redirect\n{}  condition = a.example\n  data = x@a.example\n"
    two = "begin routers\nr:\n  driver = redirect\n{}  condition = ${{if eq{{$domain}}{{a}}}} \\\n{}    and more\n  data = x@a.example\n"
    with tempfile.TemporaryDirectory() as d:
        conf = pathlib.Path(d) / "case.conf"
        for text, expected in [
            (base.format(""), {"W0631"}),
            (base.format("  # remex: allow W0631\n"), set()),
            (base.format("  # remex: allow condition-always-true because it is a test\n"), set()),
            (base.format("  #remex: allow W0533, w0631\n  # more words\n"), {"H0117"}),
            (base.format("  # remex: allow W0533\n"), {"W0631", "H0117"}),
            (base.format("  # remex: allow E0203\n"), {"W0631", "W0116"}),
            (base.format("  # remex: disallow W0631\n"), {"W0631"}),
            (two.format("", ""), {"W0631"}),
            (two.format("", "  # remex: allow W0631\n"), set()),
            ("# remex: allow E0203\nnosuch = 1\n", {"E0203", "W0116"}),
        ]:
            conf.write_text(text)
            found = codes_of(binary, conf)
            if found != expected:
                problems.append(f"allow: {sorted(found)} instead of {sorted(expected)} for\n{text}")
    return problems


def check_names(kinds):
    """Names used by the sources are in the table: a misspelled one would have no code."""
    known, problems = {k["name"] for k in kinds}, []
    call = re.compile(r'(?:\.error|\.warning|\.warn|\.hint|->error|->warning|[^_a-z]fail|[^_a-z]bad|[^_a-z]warn|[^_a-z]error|Problem|store_integer)\s*[({]\s*'
                      r'(?:[^";]{0,80}[,?(]\s*)?"([a-z]+(?:-[a-z]+)+)"')
    for room in ("lang", "acl", "routers", "transports", "authenticators"):
        for path in sorted((SOURCE / room).rglob("*.cc")):
            for name in call.findall(path.read_text()):
                if name not in known:
                    problems.append(f"{path.relative_to(SOURCE)}: \"{name}\" is not in lang/diagnostics/")
    return problems


def main():
    selected = [a for a in sys.argv[1:] if a != "--update"]
    update = "--update" in sys.argv
    binary = os.environ.get("REMEX_BIN", "")
    if not binary or not os.access(binary, os.X_OK):
        print("no remex command (REMEX_BIN)")
        return 77
    kinds = json.loads(subprocess.run([binary, "check", "--explain", "all", "--json"], capture_output=True, text=True, check=True).stdout)
    problems = []
    for field in ("code", "name"):
        values = [k[field] for k in kinds]
        problems += [f"{v} is there twice" for v in set(values) if values.count(v) > 1]
    problems += [f"{k['code']}: no title or text" for k in kinds if not k["title"] or not k["doc"]]
    cases = [k for k in kinds if not selected or k["code"] in selected]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda k: run_case(binary, k, update), cases):
            problems += found
    if not selected:
        problems += check_allow(binary) + check_names(kinds)
        codes = {k["code"] for k in kinds}
        problems += [f"{f.name}: there is no such code" for f in HERE.iterdir() if f.stem not in codes]
        page = SOURCE / "docs" / "diagnostics.md"
        text = subprocess.run([binary, "help", "--diagnostics"], capture_output=True, text=True, check=True).stdout
        marker = "\n<!-- written by hand from here -->\n"
        old = page.read_text() if page.exists() else ""
        if update:
            page.write_text(text + (marker + old.split(marker, 1)[1] if marker in old else ""))
        elif old.split(marker, 1)[0] != text:
            problems.append("docs/diagnostics.md is not what `remex help --diagnostics` prints (--update writes it)")
    for p in problems:
        print(p)
    print(f"{len(cases)} kinds, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
