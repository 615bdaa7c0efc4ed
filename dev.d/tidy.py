#!/usr/bin/env python3
"""clang-tidy over the given C++ files, several at a time; part of ./dev lint. Usage: tidy.py BUILD-DIR JOBS FILE...

A header is checked through the source of the same name, else through one source that includes it. A source whose
preprocessed text was found clean before under the same rules is skipped: clean results are kept in BUILD-DIR/tidy. Exit
status 1: findings, which are printed as clang-tidy says them.
"""
import concurrent.futures
import hashlib
import json
import pathlib
import shlex
import subprocess
import sys

TIDY = "clang-tidy-19"


def preprocess_command(entry):
    """The entry's compile command turned into one that prints the preprocessed text, comments (NOLINT) included."""
    words = shlex.split(entry["command"])
    while "ccache" in words[0]:
        words = words[1:]
    kept, skip = [], False
    for word in words:
        if skip or word in ("-c", "-MD"):
            skip = False
        elif word in ("-o", "-MF", "-MT"):
            skip = True
        else:
            kept.append(word)
    return kept + ["-E", "-C", "-o", "-"]


def sources_for(files, known):
    """The files of the compilation database through which `files` are checked, in order and once each."""
    chosen = {}
    for name in files:
        path = pathlib.Path(name)
        if path.suffix != ".h":
            if str(path.resolve()) in known:
                chosen[str(path.resolve())] = None
            continue
        same = path.with_suffix(".cc").resolve()
        if str(same) in known:
            chosen[str(same)] = None
            continue
        line = f'#include "{path}"'
        for source in known:
            if "/generated/" not in source and line in pathlib.Path(source).read_text(errors="replace"):
                chosen[source] = None
                break
    return list(chosen)


def check(source, entry, build, rules):
    """(source, what clang-tidy said; empty when clean)."""
    text = subprocess.run(preprocess_command(entry), cwd=entry["directory"], capture_output=True, check=False)
    stamp = None
    if text.returncode == 0:
        stamp = build / "tidy" / hashlib.sha256(rules + text.stdout).hexdigest()
        if stamp.exists():
            return source, ""
    done = subprocess.run([TIDY, "-p", str(build), "--quiet", source], capture_output=True, text=True, check=False)
    if done.returncode == 0 and "warning:" not in done.stdout:
        if stamp:
            stamp.touch()
        return source, ""
    return source, done.stdout or done.stderr


def main():
    build, jobs, files = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]), sys.argv[3:]
    known = {str(pathlib.Path(e["directory"], e["file"]).resolve()): e
             for e in json.loads((build / "compile_commands.json").read_text())}
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    rules = version + pathlib.Path(__file__).resolve().parent.parent.joinpath(".clang-tidy").read_bytes()
    (build / "tidy").mkdir(exist_ok=True)
    sources, bad = sources_for(files, known), 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for source, said in pool.map(lambda s: check(s, known[s], build, rules), sources):
            if said:
                bad += 1
                print(f"{source}:\n{said}", flush=True)
    print(f"{len(sources)} sources, {bad} with findings", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
