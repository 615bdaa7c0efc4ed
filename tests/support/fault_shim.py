"""Faults below a server under test: fault_shim.c compiled and loaded into it, steered while it runs.

    faults = Faults(directory)                       # compiles; files below `directory` are concerned
    server = harness.Remex(conf, ports, env=faults.env)
    faults.arm(SYNC, at=3, error=errno.EIO)          # the third sync from now fails once
    faults.disarm()                                  # → calls counted, faults that happened
"""
import errno
import fcntl
import mmap
import os
import shutil
import struct
import subprocess
import time

import harness as h

WRITE, SYNC, OPEN, NAME, READ, ACCEPT, SIZE, MEMORY, LOCK = 1, 2, 4, 8, 16, 32, 64, 128, 256
ONCE, FROM_NOW_ON, SHORT, CUT = range(4)
CLASSES = {'write': WRITE, 'sync': SYNC, 'open': OPEN, 'name': NAME, 'read': READ, 'size': SIZE}
ASKED, DONE = 1, 2
GOINGDOWN = 0x8004587d  # _IOR('X', 125, __u32) of ext4 and xfs; 2: the log is not flushed
FIELDS = struct.Struct('8i')  # armed, classes, at, error, mode, count, hits, cut; then the clock (long), the process (int) and the path


class Faults:
    def __init__(self, work, prefix):
        if not shutil.which('cc'):
            h.skip('needs a C compiler')
        library = os.path.join(work, 'faults.so')
        subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', library, os.path.join(h.SUPPORT, 'fault_shim.c'), '-ldl'], check=True)
        path = os.path.join(work, 'faults')
        with open(path, 'wb') as f:
            f.write(FIELDS.pack(*[0] * 8) + struct.pack('li', 0, 0) + prefix.encode().ljust(236, b'\0'))
        os.chmod(path, 0o666)
        os.chmod(library, 0o755)
        self.file = open(path, 'r+b')
        self.map = mmap.mmap(self.file.fileno(), 0)
        self.env = {'LD_PRELOAD': library, 'REMEX_FAULTS': path, 'ASAN_OPTIONS': 'detect_leaks=0'}

    def fields(self):
        return FIELDS.unpack_from(self.map, 0)

    def arm(self, classes, at=0, error=errno.EIO, mode=ONCE, pid=0):
        """at = 0: counts only; pid: whose memory. The last thing written is what makes it count."""
        struct.pack_into('i', self.map, FIELDS.size + struct.calcsize('l'), pid)
        struct.pack_into('7i', self.map, 4, classes, at, error, mode, 0, 0, 0)
        struct.pack_into('i', self.map, 0, 1)

    def disarm(self):
        """(calls counted, faults that happened)."""
        struct.pack_into('i', self.map, 0, 0)
        return self.fields()[5:7]

    def hits(self):
        return self.fields()[6]

    def pause(self, classes, at=1):
        """The call waits, at most ten seconds, until resume() or another arm()."""
        self.arm(classes, at=at, mode=CUT)

    def wait_for_pause(self):
        h.wait_for(lambda: self.fields()[7] == ASKED, what='the call that waits')

    def resume(self):
        struct.pack_into('i', self.map, 28, DONE)

    def cut_power(self, mount, give_up, last_moment):
        """Waits for the moment that was armed with mode=CUT, calls last_moment() and shuts the file system at `mount` down without
        writing its journal. Returns whether it came before give_up() did.

        What counts as promised must be settled in last_moment(): after a real power cut nobody says anything, but here the server still
        runs, and the kernel may report success to a sync whose transaction another one's failure has taken away."""
        directory = os.open(mount, os.O_RDONLY)
        try:
            while self.fields()[7] != ASKED:
                if give_up():
                    return False
                time.sleep(0.001)
            last_moment()
            fcntl.ioctl(directory, GOINGDOWN, struct.pack('I', 2))
        finally:
            os.close(directory)
            struct.pack_into('i', self.map, 28, DONE)
        return True

    def move_clock(self, seconds):
        struct.pack_into('l', self.map, FIELDS.size, seconds)
