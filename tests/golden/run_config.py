#!/usr/bin/env python3
"""Golden tests of configuration diagnostics.

Every tests/golden/config/*.conf is checked with `remex -bV -C file`. fail_x.conf must be refused and its diagnostics equal
fail_x.expected; other files must load without a word. Files named *.inc belong to others. `--update` rewrites the
expected texts; read the diff. Names given as arguments select cases.
"""
import difflib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent / "config"


def run(binary, conf):
    """Exit status and diagnostics, with the folder's path taken out."""
    done = subprocess.run([binary, "-C", str(conf), "-bV"], capture_output=True, text=True, errors="replace", timeout=20)
    return done.returncode, done.stderr.replace(str(ROOT) + "/", "")


def main():
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    update = "--update" in sys.argv
    binary = os.environ.get("REMEX_BIN", "")
    if not binary or not os.access(binary, os.X_OK):
        print("no remex command (REMEX_BIN)")
        return 77
    bad = count = 0
    for conf in sorted(ROOT.glob("*.conf")):
        if arguments and conf.stem not in arguments:
            continue
        count += 1
        status, text = run(binary, conf)
        expected_file = conf.with_suffix(".expected")
        must_fail = conf.stem.startswith("fail_")
        if (status != 0) != must_fail:
            print(f"{conf.name}: exit status {status}\n{text}")
            bad += 1
            continue
        if not must_fail and not expected_file.exists() and not text:
            continue
        if update:
            expected_file.write_text(text)
            continue
        expected = expected_file.read_text() if expected_file.exists() else ""
        if text != expected:
            bad += 1
            print(f"{conf.name}:")
            sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), text.splitlines(True), "expected", "got"))
    print(f"{count} configurations, {bad} wrong")
    return 1 if bad or not count else 0


sys.exit(main())
