#!/usr/bin/env python3
"""The picture in docs/architecture.md, checked: an #include may only point to the same or an earlier room.

Reads every #include line below the rooms. Drivers of one line (acl, routers, transports, authenticators, lookups) may use
each other's interface headers only, and the rooms without I/O may not reach for it. Run by ctest; fails with one line
per arrow that points down.
"""
import pathlib
import re
import sys

LAYERS = [
    ["core/base"],
    ["core/hooks"],
    ["core/io"],
    ["core/dns"],
    ["core/mail"],
    ["core/msgauth"],
    ["core/store"],
    ["core/log"],
    ["lang"],
    ["acl", "routers", "transports", "authenticators", "lookups"],
    ["core/smtp"],
    ["core/delivery"],
    ["core/daemon"],
    ["core/cli"],
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
DRIVERS = {"acl", "routers", "transports", "authenticators", "lookups"}
INTERFACES = {
    "acl/acl.h", "acl/word.h", "routers/router.h", "routers/address.h", "transports/transport.h",
    "authenticators/authenticator.h", "lookups/lookup.h", "routers/host_text.h", "routers/local_host.h",
}
# Rooms that only compute: no rooms with I/O, no sockets, no event loop.
PURE = {"core/base": {"core/base"}, "core/mail": {"core/base", "core/mail"}}
IO_HEADERS = re.compile(r"^(uv\.h|sys/socket\.h|netdb\.h|sqlite3\.h|unbound\.h|gnutls/.*)$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def room_of(path):
    parts = path.split("/")
    if parts[0] == "core" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0] if len(parts) > 1 else None


def complaint(file, header, quoted):
    """Why `file` may not include `header`, or None."""
    room = room_of(file)
    if not quoted:
        if room in PURE and IO_HEADERS.match(header):
            return f"{room} does no I/O, but includes <{header}>"
        return None
    target = room_of(header)
    if target not in RANK:
        return f'includes "{header}", which is not a path from the top of the tree'
    if room in PURE and target not in PURE[room]:
        return f'{room} does no I/O, but includes "{header}"'
    if RANK[target] > RANK[room]:
        return f'{room} includes "{header}" of the later room {target}'
    if target != room and target in DRIVERS and room in DRIVERS and header not in INTERFACES:
        return f'{room} includes "{header}", which is private to {target}'
    return None


def check_text(file, text):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            why = complaint(file, match.group(1) or match.group(2), match.group(1) is not None)
            if why:
                found.append(f"{file}:{number}: {why}")
    return found


def self_test():
    """The test can fail: each of these lines must (or must not) be a complaint."""
    table = [
        ("core/base/text.h", '#include "core/io/stream.h"', True),
        ("core/base/text.h", "#include <uv.h>", True),
        ("core/base/text.h", "#include <string>", False),
        ("core/mail/address.cc", '#include "core/dns/resolver.h"', True),
        ("core/mail/address.cc", '#include "core/base/text.h"', False),
        ("lang/expand.cc", '#include "routers/router.h"', True),
        ("lang/operators/md5.cc", '  #  include "core/smtp/session.h"', True),
        ("lang/operators/md5.cc", '#include "core/mail/address.h"', False),
        ("routers/accept.cc", '#include "transports/transport.h"', False),
        ("routers/accept.cc", '#include "transports/smtp_pool.h"', True),
        ("routers/accept.cc", '#include "routers/generic.h"', False),
        ("acl/words/verify.cc", '#include "core/delivery/delivery.h"', True),
        ("core/smtp/session.cc", '#include "acl/acl.h"', False),
        ("core/cli/main.cc", '#include "core/daemon/daemon.h"', False),
        ("core/cli/main.cc", '#include "modes.h"', True),
        ("core/daemon/listen.cc", '#include "core/cli/modes.h"', True),
    ]
    return [f"self test: {file}: {line}: expected {'a complaint' if bad else 'none'}"
            for file, line, bad in table if bool(check_text(file, line)) != bad]


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    found = self_test()
    files = 0
    for room in sorted(RANK):
        for path in sorted((root / room).rglob("*")):
            if path.suffix in (".h", ".cc"):
                files += 1
                found += check_text(str(path.relative_to(root)), path.read_text(errors="replace"))
    if files == 0:
        found.append(f"no sources below {root}")
    for line in found:
        print(line)
    print(f"{files} files, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
