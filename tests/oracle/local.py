#!/usr/bin/env python3
"""What local deliveries do, on remex and on the oracle: files, directories, commands, automatic replies, the options all transports have, and
how a client authenticates. tests/oracle/local/*.t (see _surface.py), with a clock that the scenarios move. Exit 77 without an oracle.

    local.py [FILE-PATTERN [WORDS OF A TITLE]] [-v]

What is for s@test.ex comes to the file mail/box, so that bounces and replies are compared, too; header sections have the same size on both sides.
"""
# timeout: 600
import _surface

_surface.COMMON.update({
    'routers': '''sender:
  driver = accept
  local_parts = s
  domains = test.ex
  transport = box
''',
    'transports': '''box:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
''',
})
_surface.USUAL.update({
    'main': 'primary_hostname = myhost.test\nqualify_domain = test.ex\nqueue_run_in_order = true\nreceived_header_text = "Received: by here"\n',
    'routers': 'here:\n  driver = accept\n  transport = local\n',
    'transports': '',
    'retry': '* * F,1h,10m\n',
})
_surface.RULES.extend([
    (r'(<= <> R=MSGID\d+ )U=\S+', r'\1U=USER'),  # of what a transport sends: Exim's is whoever called it
    (r'Auto-Submitted: auto-(generated|replied)', 'Auto-Submitted: AUTO'),  # of a warning: no reply to anybody
    (r'mail delivery software \(Exim\)', 'mail delivery software'),
    (r'while writing to tmp/\d{9,}\.[^)]*', 'while writing to tmp/MAILDIRFILE'),
    (r'/temp\.\d+\.[^)]*', '/TEMPFILE'),
    (r'/q?(MSGID\d+|[0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4})-[^)\s:]*\.msg', '/STOREFILE.msg'),
    (r'defer \((0|-\d+)\)', 'defer (N)'),  # Exim's own numbers for troubles here
    (r'\n    local delivery failed(?=\n)', ''),
    (r'(failed to exec "[^"]*"): [^\n]*', r'\1'),  # remex says why
    (r'(signal 9 \(Killed\)): it produced too much output', r'\1'),
    (r'(?m)^(STAMP MSGID\d+ [=-]>) (\S+) <', lambda m: '%s %s <' % (m.group(1), m.group(2).lower())),  # here as in the address
    (r'(?<=>)\n (?=<)', ' '),  # how References: is folded
    (r'STAMP MSGID\d+ \S+ was answered before: no reply \(once\)\n', ''),
    (r'\*{4,}', '****'),  # as many as the secret has characters, or not
    (r'authenticator (?:cancelled authentication|failed) (H=\S+ \[\S+\]) [^\n]*base64[^\n]*', r'authenticator failed \1 base64'),
])
_surface.main('local', by_step=True, own_clock=True)
