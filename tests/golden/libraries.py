#!/usr/bin/env python3
"""The command is linked with no library that it can open when it is needed: binding them was most of the time of a start."""
import os
import re
import shutil
import subprocess
import sys

LATE = 'gnutls unbound sqlite3 idn2 psl nettle hogweed crypt curl gsasl pq ldap lber mariadb lmdb db-5'.split()

if not shutil.which('readelf'):
    sys.exit(77)
dynamic = subprocess.run(['readelf', '-d', os.environ['REMEX_BIN']], capture_output=True, text=True, check=True).stdout
needed = re.findall(r'NEEDED.*\[lib([^\]]*?)\.so', dynamic)
bound = [n for n in needed if any(n.startswith(l) for l in LATE)]
if not needed or bound:
    names = subprocess.run(['readelf', '--dyn-syms', '-W', os.environ['REMEX_BIN']], capture_output=True, text=True, check=True).stdout
    own = sorted(set(n for n in re.findall(r' UND (\w+)', names) if any(n.startswith(l.split('-')[0]) for l in LATE)))
    print('linked with %s: a function is called that its late library does not list: %s (core/io/gnutls.h and its like)'
          % (bound or 'nothing', ' '.join(own) or 'see readelf --dyn-syms'))
    sys.exit(1)
print('ok   linked with ' + ' '.join(needed))
