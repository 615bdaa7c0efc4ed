#!/usr/bin/env python3
"""What a high load average does with new messages, on remex and on the oracle: tests/oracle/load/*.t (see _surface.py). Exit 77 without an oracle."""
import os

import _surface

os.environ.setdefault('ASAN_OPTIONS', 'detect_leaks=0')  # looking for them needs what a sandbox refuses
_surface.main('load', own_clock=True)
