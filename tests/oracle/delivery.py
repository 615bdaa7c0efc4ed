#!/usr/bin/env python3
"""What becomes of mail that cannot be delivered, on remex and on the oracle: retry times, time-outs, bounces, warnings, freezing.
tests/oracle/delivery/*.t (see _surface.py), with a clock that the scenarios move. Exit 77 without an oracle.

    delivery.py [FILE-PATTERN [WORDS OF A TITLE]] [-v]
"""
# timeout: 900
import _surface

_surface.USUAL.update({
    'main': 'primary_hostname = myhost.test\nqualify_domain = test.ex\nqueue_run_in_order = true\n',
    'routers': '''here:
  driver = accept
  domains = test.ex
  transport = local
far:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
''',
    'transports': '''local:
  driver = appendfile
  file = @DIR@/mail/box
  create_file = anywhere
  user = mail
smtp:
  driver = smtp
  port = 1224
  connect_timeout = 1s
  command_timeout = 2s
  final_timeout = 2s
  hosts_try_fastopen =
  connection_max_messages = 1
''',
    'retry': '* * F,1h,10m\n',
})
_surface.main('delivery', by_step=True, own_clock=True)
