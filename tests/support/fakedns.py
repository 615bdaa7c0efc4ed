#!/usr/bin/env python3
"""A small DNS server for tests: one JSON zone over UDP and TCP on loopback, which can misbehave on demand.

    python3 fakedns.py --zone zone.json --port 0      prints "port N" when it listens

    with FakeDNS({"example.org": [{"MX": [10, "mx.example.org"]}], "slow.example.org": ["TIMEOUT"]}) as dns:
        ... dns.port, dns.queries (list of (name, type)), dns.set_zone(other) ...

Zone: {"NAME": [ENTRY, ...]}. ENTRY is {"TYPE": value} or a bare word for the whole name. Names ignore case; "*.NAME" is a
wildcard. Values: A AAAA CNAME NS PTR "text"; MX [preference, "host"]; TXT "text" or ["string", ...];
SRV [priority, weight, port, "host"]; TLSA [usage, selector, matching, "hex"]; RAW [type number, "hex rdata"]; TTL seconds.
Words: TIMEOUT (no answer), SERVFAIL, REFUSED, NXDOMAIN, NODATA, TRUNCATE (TC over UDP, whole answer over TCP),
GARBAGE (not a DNS message), LOOPPTR (a compression pointer to itself), SHORTRR (cut inside a record), FORMERR and NOTIMP (to questions with EDNS only),
BARE (FORMERR to them that does not repeat the question).
{"TYPE": "WORD"} misbehaves for that type only. The command re-reads its zone file when it gets SIGHUP.
"""
import argparse
import ipaddress
import json
import signal
import socket
import struct
import sys
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "TLSA": 52, "ANY": 255}
RCODES = {"FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
WORDS = set(RCODES) | {"TIMEOUT", "NODATA", "TRUNCATE", "GARBAGE", "LOOPPTR", "SHORTRR", "BARE"}


def wire_name(name):
    labels = [l.encode("latin-1") for l in name.rstrip(".").split(".") if l]
    return b"".join(bytes([len(l)]) + l for l in labels) + b"\0"


def rdata(kind, value):
    """(type number, rdata octets) of one zone value."""
    if kind == "RAW":
        return value[0], bytes.fromhex(value[1])
    number = TYPES[kind]
    if kind in ("A", "AAAA"):
        return number, ipaddress.ip_address(value).packed
    if kind in ("CNAME", "NS", "PTR"):
        return number, wire_name(value)
    if kind == "MX":
        return number, struct.pack("!H", value[0]) + wire_name(value[1])
    if kind == "SRV":
        return number, struct.pack("!HHH", *value[:3]) + wire_name(value[3])
    if kind == "TLSA":
        return number, bytes(value[:3]) + bytes.fromhex(value[3])
    if kind == "TXT":
        out = b""
        for text in [value] if isinstance(value, str) else value:
            data = text.encode("utf-8")
            chunks = [data[i:i + 255] for i in range(0, len(data), 255)] or [b""]
            out += b"".join(bytes([len(c)]) + c for c in chunks)
        return number, out
    raise ValueError("unknown record type " + kind)


class FakeDNS:
    """Serves `zone` on 127.0.0.1 from background threads until close()."""

    def __init__(self, zone, port=0, address="127.0.0.1"):
        self.queries = []
        self.set_zone(zone)
        for _ in range(20):  # the same free port for both protocols
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((address, port))
            self.port = self.udp.getsockname()[1]
            self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                self.tcp.bind((address, self.port))
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
                if port:
                    raise
        self.tcp.listen(16)
        for target in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=target, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for s in (self.udp, self.tcp):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def set_zone(self, zone):
        self.zone = {name.lower().rstrip("."): entries for name, entries in zone.items()}

    def _entries(self, name):
        if name in self.zone:
            return self.zone[name]
        labels = name.split(".")
        for i in range(1, len(labels)):
            entries = self.zone.get("*." + ".".join(labels[i:]))
            if entries is not None:
                return entries
        return [] if any(n.endswith("." + name) for n in self.zone) else None

    def _collect(self, name, qtype):
        """(word or None, records as (owner, type, ttl, rdata)) following CNAMEs."""
        records = []
        for _ in range(10):
            entries = self._entries(name)
            if entries is None:
                return "NXDOMAIN", records
            ttl, alias, word = 300, None, None
            for entry in entries:
                if isinstance(entry, str):
                    word = entry.upper()
                    if word not in WORDS:
                        raise ValueError("unknown word " + entry)
                    continue
                for kind, value in entry.items():
                    if kind == "TTL":
                        ttl = value
                    elif isinstance(value, str) and value.upper() in WORDS:
                        if TYPES.get(kind) == qtype:
                            word = value.upper()
                    else:
                        number, data = rdata(kind, value)
                        if qtype in (number, 255):
                            records.append((name, number, ttl, data))
                        elif kind == "CNAME":
                            alias = value.lower().rstrip(".")
                            records.append((name, number, ttl, data))
            if word or alias is None:
                return word, records
            name = alias
        return "SERVFAIL", []

    def answer(self, query, tcp):
        """The reply octets, or None for silence."""
        ident, flags = struct.unpack("!HH", query[:4])
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
            at += 1 + query[at]
        qtype = struct.unpack("!H", query[at + 1:at + 3])[0]
        question = query[12:at + 5]
        name = ".".join(labels)
        self.queries.append((name, qtype))
        word, records = self._collect(name, qtype)
        if word == "TIMEOUT":
            return None
        if word == "GARBAGE":
            return b"\xff" * 7
        if word in ("FORMERR", "NOTIMP", "BARE") and not query[11]:
            word = None  # these dislike EDNS only
        rcode = RCODES.get(word, 0)
        if word == "BARE":  # FORMERR that repeats nothing
            return struct.pack("!HHHHHH", ident, 0x8081, 0, 0, 0, 0)
        if word in ("SERVFAIL", "REFUSED", "NODATA", "FORMERR", "NOTIMP"):
            records = []
        body = b""
        for owner, number, ttl, data in records:
            body += wire_name(owner) + struct.pack("!HHIH", number, 1, ttl, len(data)) + data
        count = len(records)
        truncated = not tcp and (word == "TRUNCATE" or len(body) > 1200)
        if truncated:
            body, count = b"", 0
        if word == "LOOPPTR":
            here = 12 + len(question)
            body, count = struct.pack("!H", 0xC000 | here) + struct.pack("!HHIH", qtype, 1, 300, 4) + b"\x7f\0\0\1", 1
        if word == "SHORTRR":
            body, count = wire_name(name) + struct.pack("!HHIH", qtype, 1, 300, 400) + b"abc", 1
        flags = 0x8480 | (flags & 0x0100) | (0x0200 if truncated else 0) | rcode
        return struct.pack("!HHHHHH", ident, flags, 1, count, 0, 0) + question + body

    def _safe_answer(self, query, tcp):
        try:
            return self.answer(query, tcp)
        except Exception as e:  # a bad query must not end the server
            print("fakedns:", e, file=sys.stderr, flush=True)
            return None

    def _serve_udp(self):
        while True:
            try:
                query, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            reply = self._safe_answer(query, False)
            if reply is not None:
                self.udp.sendto(reply, peer)

    def _serve_tcp(self):
        while True:
            try:
                conn, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._tcp_client, args=(conn,), daemon=True).start()

    def _tcp_client(self, conn):
        with conn, conn.makefile("rb") as stream:
            conn.settimeout(30)
            try:
                while True:
                    head = stream.read(2)
                    if len(head) < 2:
                        return
                    reply = self._safe_answer(stream.read(struct.unpack("!H", head)[0]), True)
                    if reply is None:
                        return
                    conn.sendall(struct.pack("!H", len(reply)) + reply)
            except OSError:
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zone", required=True, help="JSON file")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--address", default="127.0.0.1")
    args = parser.parse_args()

    def load():
        with open(args.zone, encoding="utf-8") as f:
            return json.load(f)

    server = FakeDNS(load(), args.port, args.address)
    signal.signal(signal.SIGHUP, lambda *_: server.set_zone(load()))
    print("port %d" % server.port, flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
