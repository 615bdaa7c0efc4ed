#!/usr/bin/env python3
"""What users see of remex and of the oracle: tests/oracle/surface/*.t (see _surface.py). Exit 77 without an oracle.

    surface.py [FILE-PATTERN [WORDS OF A TITLE]] [-v]
"""
# timeout: 600
import _surface

_surface.main('surface')
