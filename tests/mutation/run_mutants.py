#!/usr/bin/env python3
"""How many single faults of a configuration are told when it is loaded, and at the right line.

Takes the sample configurations, those in tests/mutation/configs, and further ones named on the command line; makes
single-fault mutants of each (_mutants.py) and runs `remex check` on every one. A mutant counts as told when it is refused or
when a warning or hint appears that the unchanged configuration does not have. With an oracle (REMEX_ORACLE) the same mutants
go to `exim -bV`, where Exim takes the unchanged file.

  run_mutants.py [--sample N] [--table] [--missed] [--debian | FILE...]

--sample N: N mutants, the same ones every time (the shortened run of the tests). --table: Markdown for docs/diagnostics.md.
--debian: the configurations of Debian's exim4-config in all debconf types, split and unsplit.
Fails when fewer than 95 % of the mutants are told, or fewer than 90 % of those at the right line.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import _mutants  # noqa: E402
import debian_config  # noqa: E402

# timeout: 600
SEED = 20260101
ROUNDS = 2  # each place gets that many different misspellings and braces
ROOT = pathlib.Path(__file__).resolve().parents[2]
DEFINES = {"laptop.conf": ["-DKEY_DIR=/tmp"], "server.conf": []}


def remex(binary, path, defines):
    done = subprocess.run([binary, "check", "-C", str(path), "--json", *defines], capture_output=True, text=True, errors="replace", timeout=120)
    try:
        return [(d["code"], d["message"], d["line"]) for d in json.loads(done.stdout)], done.returncode
    except ValueError:
        return [("crash", done.stdout[-200:] + done.stderr[-500:], 0)], done.returncode


def exim(binary, path, defines):
    """(refused, warned, line)"""
    done = subprocess.run([binary, "-C", str(path), *defines, "-bV"], capture_output=True, text=True, errors="replace", timeout=120)
    text = done.stdout + done.stderr
    line = re.search(r"in line (\d+)", text)
    return done.returncode != 0, "LOG:" in text or "arning" in text, int(line.group(1)) if line else 0


def judge(job):
    (base_name, mutant, base_found, defines), binary, oracle, directory, number = job
    path = pathlib.Path(directory) / f"m{number}.conf"
    path.write_text(mutant.text)
    os.chmod(path, 0o644)
    found, status = remex(binary, path, defines)
    new = collections.Counter((c, m) for c, m, _ in found) - collections.Counter((c, m) for c, m, _ in base_found)
    fresh = [f for f in found if (f[0], f[1]) in new]
    told = "missed"
    if status not in (0, 1) or any(c == "crash" for c, _, _ in found):
        told = "crashed"
    elif status == 1:
        told = "refused"
    elif any(c.startswith("W") for c, _, _ in fresh):
        told = "warned"
    elif fresh:
        told = "hinted"
    right = any(mutant.first <= line <= mutant.last for _, _, line in fresh)
    theirs = exim(oracle, path, defines) if oracle else None
    path.unlink()
    return base_name, mutant, told, right, theirs


def main():
    arguments = sys.argv[1:]
    sample = int(arguments[arguments.index("--sample") + 1]) if "--sample" in arguments else 0
    files = [pathlib.Path(a) for a in arguments if a.endswith(".conf")]
    binary, oracle = os.environ.get("REMEX_BIN", ""), os.environ.get("REMEX_ORACLE", "")
    if not binary or not os.access(binary, os.X_OK):
        print("no remex command (REMEX_BIN)")
        return 77
    bases = files or sorted((ROOT / "tests/mutation/configs").glob("*.conf")) + sorted((ROOT / "sample-configs").rglob("*.conf"))
    rng = random.Random(SEED)
    jobs, clean = [], True
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        if "--debian" in arguments:
            made = debian_config.debian_configs(directory)
            if not made:
                print("exim4-config cannot be had here")
                return 77
            bases = [pathlib.Path(p) for _, p in sorted(made.items())]
        for base in bases:
            defines = DEFINES.get(base.name, [])
            found, status = remex(binary, base, defines)
            if status != 0:
                print(f"{base}: is refused itself, skipped: {found[:2]}")
                clean = clean and not base.is_relative_to(ROOT / "tests/mutation")
                continue
            ours_only = not oracle or exim(oracle, base, defines)[0]
            seen = set()
            for mutant in (m for _ in range(ROUNDS) for m in _mutants.mutants(base.read_text(), rng)):
                if mutant.text in seen:
                    continue
                seen.add(mutant.text)
                jobs.append(((base.stem, mutant, found, defines), binary, "" if ours_only else oracle, directory, len(jobs)))
        if sample and sample < len(jobs):
            jobs = rng.sample(jobs, sample)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(judge, jobs))
    kinds = collections.defaultdict(collections.Counter)
    for base, mutant, told, right, theirs in results:
        for name in (mutant.kind, "all"):
            row = kinds[name]
            row["n"] += 1
            row[told] += 1
            row["right"] += right and told != "missed"
            if theirs:
                row["both"] += 1
                row["both told"] += told != "missed"
                row["exim refused"] += theirs[0]
                row["exim told"] += theirs[0] or theirs[1]
                row["exim right"] += (theirs[0] or theirs[1]) and mutant.first <= theirs[2] <= mutant.last
        if told in ("missed", "crashed") or ("--missed" in arguments and not right):
            if "--missed" in arguments or told == "crashed":
                print(f"{told}: {base}:{mutant.first}: {mutant.kind}: {mutant.what}")
    report(kinds, "--table" in arguments)
    total = kinds["all"]
    told = total["n"] - total["missed"] - total["crashed"]
    good = told >= 0.95 * total["n"] and total["right"] >= 0.9 * total["n"] and not total["crashed"] and clean
    return 0 if good else 1


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "–"


def report(kinds, markdown):
    head = ["fault", "mutants", "refused", "warned", "hinted", "missed", "right line", "Exim: mutants", "told at load", "right line"]
    rows = [[name, str(k["n"]), str(k["refused"]), str(k["warned"]), str(k["hinted"]), str(k["missed"] + k["crashed"]), percent(k["right"], k["n"]),
             str(k["both"]), percent(k["exim told"], k["both"]), percent(k["exim right"], k["both"])]
            for name, k in sorted(kinds.items(), key=lambda item: (item[0] == "all", item[0]))]
    if markdown:
        print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
        for row in rows:
            print("| " + " | ".join(row) + " |")
    else:
        widths = [max(len(r[i]) for r in [head] + rows) for i in range(len(head))]
        for row in [head] + rows:
            print("  ".join(cell.ljust(w) for cell, w in zip(row, widths)))
    k = kinds["all"]
    print(f"\n{k['n']} mutants: {percent(k['n'] - k['missed'] - k['crashed'], k['n'])} told, {percent(k['right'], k['n'])} at the right line", end="")
    print(f"; of {k['both']} that Exim was asked about it tells {percent(k['exim told'], k['both'])}, remex {percent(k['both told'], k['both'])}" if k["both"] else "")


sys.exit(main())
