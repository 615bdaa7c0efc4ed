#!/usr/bin/env python3
"""The shortened run of tests/mutation: the same 150 single faults every time, told at load or the test fails."""
# timeout: 600
import pathlib
import subprocess
import sys

script = pathlib.Path(__file__).resolve().parents[1] / "mutation" / "run_mutants.py"
sys.exit(subprocess.run([sys.executable, str(script), "--sample", "150"], check=False).returncode)
