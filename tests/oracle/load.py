#!/usr/bin/env python3
"""What a high load average does with new messages, on remex and on the oracle: tests/oracle/load/*.t (see _surface.py). Exit 77 without an oracle."""
import _surface

_surface.main('load', own_clock=True)
