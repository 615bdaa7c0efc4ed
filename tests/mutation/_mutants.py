"""Single-fault mutants of a configuration: what people get wrong, one fault at a time.

mutants(text) yields Mutant objects. A fault changes what the configuration means; changes that cannot (in comments, in free
text such as message =) are not made. `lines` is where a reader would look for the fault: the logical line it is in, or, when
something was taken away, the instance or ACL it was taken from.
"""
import re
from dataclasses import dataclass


@dataclass
class Mutant:
    kind: str
    text: str
    first: int  # lines (1-based) in which a diagnostic is at the right place
    last: int
    what: str


FREE_TEXT = re.compile(r"^\s*(accept|deny|warn|require|defer|drop|discard)?\s*(message|log_message|logwrite|cannot_route_message|smtp_banner|debug_print|server_debug_print)\s*=")
OPTION = re.compile(r"^(\s*)(hide\s+)?([a-z][a-z0-9_]*)(\s*=\s*)(\S.*)?$")
FLAG = re.compile(r"^(\s+|)([a-z][a-z0-9_]+)\s*$")
VERBS = ("accept", "deny", "warn", "require", "defer", "drop", "discard")
ACL_WORDS = ("hosts", "domains", "sender_domains", "senders", "local_parts", "recipients", "authenticated", "encrypted", "verify",
             "condition", "dnslists", "ratelimit", "control", "dkim_status", "dkim_signers", "dkim_login", "acl", "set", "add_header",
             "message", "log_message", "delay", "endpass", "logwrite")
INTEGERS = re.compile(r"^\s*[a-z_]+\s*=\s*(0[0-7]+|\d+[KMG]?)\s*$")
TIMES = re.compile(r"^\s*[a-z_]+\s*=\s*(\d+[smhdw])+\s*$")
EXPANSION_WORD = re.compile(r"\$\{(if|lookup|extract|sg|run|readfile|map|filter|reduce|tr|hash|length|substr|acl|env|listextract|lc|uc|local_part|domain|quote|mask|escape|quote_local_part|reverse_ip|bool|rxquote|from_utf8)\b")
CONDITION_WORD = re.compile(r"(?<=[ {!])(eq|eqi|match|match_domain|match_ip|def|exists|inlist|inlisti|and|or|forany|crypteq|bool|isip)(?=[ {:])")
LOOKUP_TYPE = re.compile(r"\b(dsearch|lsearch|nwildlsearch|wildlsearch|iplsearch|passwd|dnsdb|cdb|dbm)(?=[ ;,{*])")


def typo(word, rng):
    """A misspelling that keeps the first letter: dropped, doubled or swapped characters."""
    if len(word) < 3:
        return word + word[-1]
    i = rng.randrange(1, len(word) - 1)
    choice = rng.randrange(3)
    if choice == 0:
        return word[:i] + word[i + 1:]
    if choice == 1:
        return word[:i] + word[i] + word[i:]
    swapped = word[:i] + word[i + 1] + word[i] + word[i + 2:]
    return swapped if swapped != word else word[:i] + word[i + 1:]


class Source:
    """A configuration cut into physical lines, with what is known of each."""

    def __init__(self, text):
        self.lines = text.rstrip("\n").split("\n")
        n = len(self.lines)
        self.section = ["main"] * n
        self.block = [0] * n  # line of the instance or ACL name, or of the section
        self.logical = [(i, i) for i in range(n)]
        self.comment = [False] * n
        section, block, start, conditions = "main", 0, None, 0
        for i, line in enumerate(self.lines):
            stripped = line.strip()
            if stripped.startswith((".ifdef", ".ifndef")):
                conditions += 1
            # Lines of conditional blocks may not be read at all: a fault there need not change anything.
            self.comment[i] = stripped.startswith("#") or not stripped or conditions > 0
            if stripped.startswith(".endif"):
                conditions -= 1
            if not self.comment[i] and start is None:
                if stripped.startswith("begin "):
                    section, block = stripped.split()[1], i
                elif section in ("routers", "transports", "acl", "authenticators") and re.match(r"^[A-Za-z][\w-]*:$", stripped):
                    block = i
            self.section[i], self.block[i] = section, block
            if start is None:
                start = i
            if not (line.endswith("\\") and not self.comment[i]) and not (self.comment[i] and start != i):
                for k in range(start, i + 1):
                    self.logical[k] = (start, i)
                start = None
        self.block_end = [n - 1] * n
        for i in range(n):
            for k in range(i + 1, n):
                if self.block[k] != self.block[i]:
                    self.block_end[i] = k - 1
                    break

    def code_lines(self, section=None):
        return [i for i in range(len(self.lines)) if not self.comment[i] and not self.lines[i].strip().startswith(".")
                and (section is None or self.section[i] in section)]


def logical_text(src, i):
    return "\n".join(src.lines[src.logical[i][0]:src.logical[i][1] + 1])


def is_free_text(src, i):
    return bool(FREE_TEXT.match(src.lines[src.logical[i][0]]))


def replaced(src, i, new, kind, what):
    lines = src.lines[:i] + [new] + src.lines[i + 1:]
    first, last = src.logical[i]
    return Mutant(kind, "\n".join(lines) + "\n", first + 1, last + 1, what)


def removed(src, i, kind, what, lines=None):
    """Takes the logical line away; the fault is anywhere in its instance."""
    first, last = lines or src.logical[i]
    text = src.lines[:first] + src.lines[last + 1:]
    return Mutant(kind, "\n".join(text) + "\n", src.block[i] + 1, src.block_end[i] + 1, what)


def typos_in_names(src, rng):
    known = {OPTION.match(src.lines[i]).group(3) for i in src.code_lines() if OPTION.match(src.lines[i])}
    for i in src.code_lines():
        line, section = src.lines[i], src.section[i]
        if src.logical[i][0] != i:
            continue
        m = OPTION.match(line)
        if section in ("main", "routers", "transports", "authenticators") and m and m.group(3) not in ("domainlist", "hostlist", "addresslist"):
            new = typo(m.group(3), rng)
            if new not in known:
                yield replaced(src, i, line.replace(m.group(3), new, 1), "misspelled option", f"{m.group(3)} -> {new}")
        if section == "acl":
            words = [w for w in re.findall(r"[a-z_]+", line.split("=")[0]) if w in VERBS or w in ACL_WORDS]
            if words:
                word = rng.choice(words)
                new = typo(word, rng)
                if new not in VERBS and new not in ACL_WORDS:
                    yield replaced(src, i, re.sub(rf"\b{word}\b", new, line, count=1), "misspelled ACL word", f"{word} -> {new}")
        if m and m.group(3) == "driver":
            new = typo(m.group(5).strip(), rng)
            yield replaced(src, i, f"{m.group(1)}driver = {new}", "misspelled driver", f"{m.group(5)} -> {new}")
        if re.match(r"^\s*begin\s", line):
            word = line.split()[1]
            yield replaced(src, i, f"begin {typo(word, rng)}", "misspelled section", word)


def typos_in_expansions(src, rng):
    for i in src.code_lines():
        line = src.lines[i]
        if is_free_text(src, i):
            continue
        for kind, pattern in (("misspelled expansion item", EXPANSION_WORD), ("misspelled condition", CONDITION_WORD),
                              ("misspelled lookup type", LOOKUP_TYPE)):
            hits = list(pattern.finditer(line))
            if kind == "misspelled condition" and "${if" not in logical_text(src, i):
                continue
            if hits:
                m = rng.choice(hits)
                new = typo(m.group(1), rng)
                if new in ("eqi", "eq", "or", "and", "lc", "uc") or pattern.search(f" ${{{new}{{" if kind == "misspelled expansion item" else f" {new}{{"):
                    continue
                a, b = m.span(1)
                yield replaced(src, i, line[:a] + new + line[b:], kind, f"{m.group(1)} -> {new}")
        variables = [m for m in re.finditer(r"\$\{?([a-z][a-z0-9_]{3,})\b", line) if not m.group(1).startswith(("h_", "rh_", "bh_", "lh_", "header_"))]
        variables = [m for m in variables if not EXPANSION_WORD.match(line[m.start():])]
        if variables:
            m = rng.choice(variables)
            new = typo(m.group(1), rng)
            a, b = m.span(1)
            yield replaced(src, i, line[:a] + new + line[b:], "misspelled variable", f"{m.group(1)} -> {new}")


def braces(src, rng):
    for i in src.code_lines():
        line = src.lines[i]
        if is_free_text(src, i) or "${" not in logical_text(src, i) or "\\N" in line:
            continue
        places = [k for k, ch in enumerate(line) if ch in "{}" and not (k and line[k - 1] == "\\")]
        if not places:
            continue
        k = rng.choice(places)
        yield replaced(src, i, line[:k] + line[k + 1:], "removed brace", f"column {k + 1}")
        closing = [k for k in places if line[k] == "}"]
        if closing:
            k = rng.choice(closing)
            yield replaced(src, i, line[:k] + "}" + line[k:], "added brace", f"column {k + 1}")


def values(src, rng):
    for i in src.code_lines():
        line = src.lines[i]
        m = OPTION.match(line)
        if not m or src.logical[i] != (i, i):
            continue
        if INTEGERS.match(line) and src.section[i] != "acl":
            yield replaced(src, i, m.group(1) + m.group(3) + " = many", "wrong type", "integer -> word")
        if TIMES.match(line):
            yield replaced(src, i, m.group(1) + m.group(3) + " = soon", "wrong type", "time -> word")
        if m.group(5) in ("true", "false", "yes", "no") and src.section[i] != "acl":
            yield replaced(src, i, m.group(1) + m.group(3) + " = maybe", "wrong type", "boolean -> word")
        if src.section[i] in ("main", "routers", "transports") and m.group(3) not in ("driver",):
            yield replaced(src, i, line.replace("=", " ", 1), "missing equals sign", m.group(3))
    for i in src.code_lines(("routers", "transports", "authenticators")):
        if FLAG.match(src.lines[i]) and src.logical[i] == (i, i):
            yield replaced(src, i, src.lines[i] + " = perhaps", "wrong type", "boolean -> word")
    for i in src.code_lines():
        line = src.lines[i]
        if re.search(r"\d+\.\d+\.\d+\.\d+/\d+", line) and not is_free_text(src, i) and "route" not in line:
            yield replaced(src, i, re.sub(r"(\d+\.\d+\.\d+\.\d+)/\d+", r"\1/64", line, count=1), "wrong value", "network mask")
        if "log_selector" in line:
            yield replaced(src, i, line + " +evrything", "wrong value", "log selector")
        m = re.match(r"^(\s*)(self)\s*=", line)
        if m:
            yield replaced(src, i, f"{m.group(1)}self = ignore", "wrong value", "self")


def references(src, rng):
    for i in src.code_lines():
        line = src.lines[i]
        for m in re.finditer(r"(?<![\w+])\+([a-z]\w{2,})", line):
            if "log_selector" in line or m.group(1).startswith(("include_", "ignore_", "caseful")):
                continue
            a, b = m.span(1)
            yield replaced(src, i, line[:a] + typo(m.group(1), rng) + line[b:], "dangling reference", f"list {m.group(1)}")
            break
        m = re.match(r"^(\s*(?:\w+_)?transport\s*=\s*)(\w+)\s*$", line)
        if m and src.section[i] == "routers":
            yield replaced(src, i, m.group(1) + typo(m.group(2), rng), "dangling reference", f"transport {m.group(2)}")
        m = re.match(r"^(\s*acl_\w+\s*=\s*)(\w+)\s*$", line)
        if m and src.section[i] == "main" and m.group(2) not in VERBS:
            yield replaced(src, i, m.group(1) + typo(m.group(2), rng), "dangling reference", f"ACL {m.group(2)}")
        m = re.match(r"^(\s*(?:\w+\s+)?acl\s*=\s*)(\w+)\s*$", line)
        if m and src.section[i] == "acl":
            yield replaced(src, i, m.group(1) + typo(m.group(2), rng), "dangling reference", f"ACL {m.group(2)}")


def taint(src, rng):
    for i in src.code_lines(("transports", "routers")):
        line = src.lines[i]
        if not re.match(r"^\s*(file|directory)\s*=", line):
            continue
        for data, raw in (("local_part_data", "local_part"), ("domain_data", "domain")):
            if f"${data}" in line or f"${{{data}" in line:
                yield replaced(src, i, line.replace(data, raw), "tainted file name", f"${data} -> ${raw}")
        if "$address_data" in line:
            yield replaced(src, i, line.replace("$address_data", "/var/mail/$local_part"), "tainted file name", "$address_data -> $local_part")
        yield replaced(src, i, re.sub(r"=\s*.*", "= /var/mail/${lc:$h_from:}", line.rstrip("\\")), "tainted file name", "a header") if src.logical[i] == (i, i) else \
            replaced(src, i, line.replace("=", "= /var/mail/${lc:$h_subject:}/", 1), "tainted file name", "a header")


def structure(src, rng):
    for i in src.code_lines(("routers", "transports", "authenticators")):
        line = src.lines[i]
        if re.match(r"^\s*driver\s*=", line):
            yield removed(src, i, "missing driver", line.strip())
        if src.section[i] == "routers" and re.match(r"^\s*transport\s*=", line):
            yield removed(src, i, "missing transport", line.strip())
    for i in src.code_lines():
        line = src.lines[i]
        if line.startswith("begin ") and any(not src.comment[k] for k in range(i + 1, len(src.lines)) if src.section[k] == src.section[i]):
            mutant = removed(src, i, "missing section line", line.strip())
            mutant.first, mutant.last = i + 1, len(src.lines)
            yield mutant
        if re.match(r"^[A-Za-z][\w-]*:\s*$", line) and src.section[i] in ("routers", "transports", "acl", "authenticators"):
            yield replaced(src, i, line.replace(":", ""), "missing colon", line.strip())
        m = OPTION.match(line)
        if m and src.logical[i] == (i, i) and src.section[i] in ("main", "routers", "transports") and \
                m.group(3) not in ("driver", "condition", "set", "headers_add", "headers_remove", "domainlist", "hostlist"):
            lines = src.lines[:i + 1] + [line] + src.lines[i + 1:]
            yield Mutant("repeated option", "\n".join(lines) + "\n", i + 1, i + 2, m.group(3))


def misplaced(src, rng):
    """An option in the wrong place: of one driver in another, of a driver in the main section."""
    private = {"routers": ("route_list", "route_data", "data", "self", "file", "ignore_target_hosts", "check_local_user"),
               "transports": ("directory", "maildir_format", "hosts", "command", "dkim_domain", "port", "return_path_add", "delivery_date_add")}
    heads = {s: [i for i in src.code_lines((s,)) if re.match(r"^\s*driver\s*=", src.lines[i])] for s in ("routers", "transports")}
    for section, names in private.items():
        other = heads["transports" if section == "routers" else "routers"]
        for i in src.code_lines((section,)):
            m = OPTION.match(src.lines[i]) or FLAG.match(src.lines[i])
            name = m and (m.group(3) if m.re is OPTION else m.group(2))
            if name not in names or src.logical[i] != (i, i):
                continue
            option = src.lines[i]
            if other:
                at = rng.choice(other)
                lines = list(src.lines)
                lines.insert(at + 1, option)
                # file is an option of redirect and of appendfile, hosts of several
                if not (name in ("file", "hosts", "data") and "redirect" in src.lines[at]):
                    yield Mutant("misplaced option", "\n".join(lines) + "\n", at + 2, at + 2, f"{name} in {src.lines[src.block[at]]}")
            lines = [option.strip()] + src.lines
            yield Mutant("misplaced option", "\n".join(lines) + "\n", 1, 1, f"{name} in the main section")


def policy(src, rng):
    """Legal text that means something else."""
    for i in src.code_lines(("acl",)):
        line = src.lines[i]
        block = range(src.block[i], src.block_end[i] + 1)
        # the last accept of an ACL taken away
        if re.match(r"^\s*accept\s*$", line) and not any(re.match(r"^\s*(accept|discard)\b", src.lines[k]) for k in block if k != i):
            yield removed(src, i, "lost accept", src.lines[src.block[i]])
        # a deny that loses its only condition
        m = re.match(r"^(\s+)(deny|drop)(\s+)(message\s*=.*)$", line)
        if m and src.logical[i] == (i, i) and i + 1 <= src.block_end[i] and re.match(r"^\s+!?\s*\w+\s*=", src.lines[i + 1]) \
                and src.logical[i + 1] == (i + 1, i + 1) and (i + 2 > src.block_end[i] or re.match(rf"^\s*({'|'.join(VERBS)})\b|^\s*$|^\s*#", src.lines[i + 2])) \
                and any(re.match(rf"^\s+({'|'.join(VERBS)})\b", src.lines[k]) for k in range(i + 2, src.block_end[i] + 1)):
            yield removed(src, i, "lost condition of a deny", src.lines[i + 1].strip(), (i + 1, i + 1))
        m = re.match(r"^(\s*(?:\w+\s+)?)(!?\s*)(condition\s*=\s*)\$\{if (.*)\}\s*$", line)
        if m and src.logical[i] == (i, i):
            yield replaced(src, i, f"{m.group(1)}{m.group(2)}{m.group(3)}if {m.group(4)}", "lost ${ of a condition", line.strip())
    for i in src.code_lines(("routers",)):
        line = src.lines[i]
        m = re.match(r"^(\s*condition\s*=\s*)\$\{if (.*)$", line)
        if m and src.logical[i] == (i, i):
            yield replaced(src, i, f"{m.group(1)}if {m.group(2)}"[:-1], "lost ${ of a condition", line.strip())
            yield replaced(src, i, f"{m.group(1)}! ${{if {m.group(2)}", "! before a router condition", line.strip())
        if re.match(r"^\s*local_parts\s*=", line) and "$local_part_data" in "\n".join(src.lines):
            yield removed(src, i, "lost local_parts", line.strip())
    for i in src.code_lines(("main", "acl", "routers")):
        line = src.lines[i]
        m = re.match(r"^(\s*(?:domainlist|hostlist|(?:\w+\s+)?!?\s*(?:domains|hosts|sender_domains))\b[^:;$]*=[^:;$]*)\s:\s([^$;]*)$", line)
        if m:
            yield replaced(src, i, f"{m.group(1)}, {m.group(2)}", "comma instead of colon", line.strip())


def relay(src, rng):
    """What protects from relaying taken away: the RCPT ACL accepts before it looks."""
    for i in src.code_lines(("acl",)):
        if src.lines[i].strip() in ("acl_check_rcpt:", "check_rcpt:") and any(re.match(r"\s*acl_smtp_rcpt\s*=\s*\w+\s*$", l) for l in src.lines):
            for extra in ("  accept", "  accept hosts = 0.0.0.0/0", "  accept sender_domains = *", "  accept !domains = nowhere.example"):
                lines = src.lines[:i + 1] + [extra] + src.lines[i + 1:]
                yield Mutant("open relay", "\n".join(lines) + "\n", i + 2, src.block_end[i] + 2, extra.strip())
            # "accept authenticated" or "accept hosts" or "accept domains" loses what it asks for
            for k in range(i, src.block_end[i] + 1):
                m = re.match(r"^(\s+accept)\s+(hosts|authenticated|domains)\s*=\s*\S+\s*$", src.lines[k])
                if m:
                    yield replaced(src, k, m.group(1), "open relay", src.lines[k].strip() + " -> accept")


ALL = (typos_in_names, typos_in_expansions, braces, values, references, taint, structure, misplaced, policy, relay)


def mutants(text, rng):
    src = Source(text)
    for make in ALL:
        for m in make(src, rng):
            if m.text != text:
                yield m
