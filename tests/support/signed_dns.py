"""fakedns.FakeDNS with DNSSEC: zones signed with Ed25519 (RFC 8080), for tests of what a validating resolver believes.

    with SignedDNS({"mx.dane.test": [{"A": "127.0.0.1"}], ...}, ["dane.test"]) as dns:
        dns.anchors("/tmp/anchors")        trust anchors of the signed zones, for dns_trust_anchor_file

Names outside the signed zones are answered without signatures: a resolver with these anchors calls them insecure. A name in `spoiled`
gets a wrong signature: bogus. Absent names and types are denied with NSEC records (RFC 4034 4).
"""
import base64
import struct
import time

import nacl.signing
from fakedns import TYPES, RCODES, FakeDNS, wire_name

DNSKEY, RRSIG, NSEC, SOA, DS = 48, 46, 47, 6, 43


class SignedDNS(FakeDNS):
    def __init__(self, zone, signed, spoiled=(), **kw):
        self.signed = [z.lower() for z in signed]
        self.spoiled = set(spoiled)
        self.key = nacl.signing.SigningKey.generate()
        self.key_data = struct.pack("!HBB", 257, 3, 15) + bytes(self.key.verify_key)
        total = sum(b << 8 if i % 2 == 0 else b for i, b in enumerate(self.key_data))
        self.tag = (total + (total >> 16)) & 0xFFFF
        super().__init__(zone, **kw)

    def anchors(self, path):
        with open(path, "w", encoding="ascii") as f:
            for zone in self.signed:
                f.write("%s. IN DNSKEY 257 3 15 %s\n" % (zone, base64.b64encode(bytes(self.key.verify_key)).decode()))
        return path

    def _apex(self, name):
        for zone in self.signed:
            if name == zone or name.endswith("." + zone):
                return zone
        return None

    def _sign(self, owner, number, ttl, datas, apex):
        now = int(time.time())
        labels = len(owner.split(".")) if owner else 0
        head = struct.pack("!HBBIIIH", number, 15, labels, ttl, now + 86400, now - 3600, self.tag) + wire_name(apex)
        text = head
        for data in sorted(datas):
            text += wire_name(owner) + struct.pack("!HHIH", number, 1, ttl, len(data)) + data
        signature = self.key.sign(text).signature
        if owner in self.spoiled:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return (owner, RRSIG, ttl, head + signature)

    def _soa(self, apex):
        return (apex, SOA, 300, wire_name("ns." + apex) + wire_name("root." + apex) + struct.pack("!IIIII", 1, 3600, 600, 86400, 300))

    def _types(self, name):
        found = {RRSIG, NSEC}
        for entry in self._entries(name) or []:
            if isinstance(entry, dict):
                found |= {TYPES[k] for k in entry if k in TYPES}
        if name in self.signed:
            found |= {SOA, DNSKEY}
        return found

    def _denial(self, name, apex):
        """The NSEC record of `name` or of the name before it, and the one that denies the wildcard."""
        names = {n for n in self.zone if self._apex(n) == apex} | {apex}
        for n in list(names):  # empty non-terminals
            while n != apex:
                n = n.split(".", 1)[1]
                names.add(n)
        order = sorted(names, key=lambda n: n.split(".")[::-1])
        out = []
        for wanted in (name, "*." + apex):
            key = wanted.split(".")[::-1]
            before = [n for n in order if n.split(".")[::-1] <= key]
            owner = before[-1] if before else apex
            following = order[(order.index(owner) + 1) % len(order)]
            bitmap = bytearray(32)
            for t in self._types(owner):
                bitmap[t >> 3] |= 0x80 >> (t & 7)
            used = bytes(bitmap).rstrip(b"\0")
            record = (owner, NSEC, 300, wire_name(following) + bytes([0, len(used)]) + used)
            if record not in out:
                out.append(record)
        return out

    def answer(self, query, tcp):
        ident, flags = struct.unpack("!HH", query[:4])
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
            at += 1 + query[at]
        qtype = struct.unpack("!H", query[at + 1:at + 3])[0]
        question, name = query[12:at + 5], ".".join(labels)
        apex = self._apex(name)
        if apex is None or (qtype == DS and name == apex):
            return super().answer(query, tcp)
        self.queries.append((name, qtype))
        word, records = self._collect(name, qtype)
        if word == "TIMEOUT":
            return None
        rcode = RCODES.get(word, 0)
        if name == apex and rcode == 3:
            rcode = 0
        if qtype == DNSKEY and name == apex:
            rcode, records = 0, [(apex, DNSKEY, 300, self.key_data)]
        if qtype == SOA and name == apex:
            rcode, records = 0, [self._soa(apex)]
        if word in ("SERVFAIL", "REFUSED", "NODATA"):
            records = []
        authority = []
        if not records and rcode in (0, 3):
            # an empty non-terminal exists
            authority = [self._soa(apex)] + self._denial(name, apex)
        sections = []
        for part in (records, authority):
            sets = {}
            for owner, number, ttl, data in part:
                sets.setdefault((owner, number, ttl), []).append(data)
            full = list(part) + [self._sign(o, n, t, d, self._apex(o)) for (o, n, t), d in sets.items() if self._apex(o)]
            sections.append(full)
        body = b"".join(wire_name(o) + struct.pack("!HHIH", n, 1, t, len(d)) + d for part in sections for o, n, t, d in part)
        body += b"\0" + struct.pack("!HHIH", 41, 4096, 0x8000, 0)  # EDNS0, DO
        flags = 0x8480 | (flags & 0x0110) | rcode
        return struct.pack("!HHHHHH", ident, flags, 1, len(sections[0]), len(sections[1]), 1) + question + body
