#!/usr/bin/env python3
"""Mixed load for long: memory and descriptors stay flat, every message arrives once.

Small and large messages, several recipients, refused ones, broken connections, TLS, messages that are signed and relayed to a server which
puts some of them off, pipes, queue listings, reloads. REMEX_SOAK_SECONDS: how long (an hour in the long form).
"""
# timeout: 180
import os
import random
import re
import signal
import smtplib
import ssl
import subprocess
import threading
import time

import harness as h
from _common import FULL, SEED, intact, message
from maildir_conf import fill
from peers import Sink

SECONDS = int(os.environ.get('REMEX_SOAK_SECONDS', '3600' if FULL else '20'))
D = h.Dir()
PORT = h.free_port()
SINK = Sink()
EXTRA = """
acl_smtp_mail = ${if match{$sender_address}{^bad}{deny}{accept}}
tls_certificate = @DIR@/cert.pem
tls_privatekey = @DIR@/cert.key
"""
ROUTERS = """
relay:
  driver = manualroute
  domains = sink.test
  route_list = * 127.0.0.1::%d
  self = send
  transport = relay
piped:
  driver = accept
  domains = pipe.test
  transport = piped
""" % SINK.port
TRANSPORTS = """
relay:
  driver = smtp
  hosts_try_fastopen =
  dkim_domain = box.test
  dkim_selector = s1
  dkim_private_key = @DIR@/dkim.pem
piped:
  driver = pipe
  command = /bin/sh @DIR@/command @DIR@/piped
  message_prefix =
  message_suffix =
""" + ('  user = mail\n' if os.geteuid() == 0 else '')
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', D('cert.key'), '-out', D('cert.pem'), '-days', '30',
                '-subj', '/CN=mx.test'], check=True, capture_output=True)
h.dkim_key(D('dkim.pem'))
h.write(D('command'), 'part=$(mktemp "$1/XXXXXXXXXXXX.part") && tail -n 1 > "$part" && mv "$part" "${part%.part}"\n')
os.makedirs(D('piped'))
CONF = fill(D, PORT, extra=EXTRA.replace('@DIR@', D.path), routers=ROUTERS, transports=TRANSPORTS.replace('@DIR@', D.path), boxes=('u@box.test', 'v@box.test'))
with open(CONF) as f:
    text = f.read()
h.write(CONF, text.replace('acl_rcpt:\n', 'acl_rcpt:\n  accept domains = sink.test : pipe.test\n'))
SERVER = h.Remex(CONF, [PORT], args=['-q5s'])
END = threading.Event()
ACKED, COLLECTED, LOCK, TROUBLE = [], {}, threading.Lock(), []


def good(n, tag):
    boxes = random.choice((['u'], ['v'], ['u', 'v']))
    code, text = h.send(PORT, 's@c.test', ['%s@box.test' % b for b in boxes], message(tag, random.choice((100, 3000, 40_000, 400_000))))
    if code == 250:
        with LOCK:
            ACKED.extend((tag, b) for b in boxes)
    else:
        TROUBLE.append('%s: %d %s' % (tag, code, text))


def encrypted(n, tag):
    """One to the server that relays, or to a command."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    where = ('sink', 'pipe')[n % 2]
    with smtplib.SMTP('127.0.0.1', PORT, 'c.test', timeout=90) as c:
        c.starttls(context=context)
        c.sendmail('s@c.test', ['x@%s.test' % where], message(tag, random.choice((100, 3000, 400_000))))
    with LOCK:
        ACKED.append((tag, where))


def refused(n, tag):
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<bad@c.test>', 550)
    c.expect('MAIL FROM:<ok@c.test>', 250)
    c.expect('RCPT TO:<nobody@elsewhere.test>', 550)
    c.expect('NONSENSE', 500)
    c.close()


def broken(n, tag):
    c = h.Smtp(PORT)
    c.ehlo()
    c.expect('MAIL FROM:<s@c.test>', 250)
    c.expect('RCPT TO:<u@box.test>', 250)
    if n % 2:
        c.expect('DATA', 354)
        c.send('Subject: never ends\r\n\r\n' + 'x' * random.randrange(1, 500_000))
    c.abort()


def client(number):
    n = 0
    while not END.is_set():
        n += 1
        what = random.choices((good, encrypted, refused, broken), (7, 2, 1, 1))[0]
        try:
            what(n, '%d-%d' % (number, n))
        except (OSError, smtplib.SMTPException, h.Failed) as e:
            TROUBLE.append('%s: %r' % (what.__name__, e))
            if len(TROUBLE) > 20:
                return


def state():
    """(resident KiB without what files lend, descriptors)"""
    worker = SERVER.worker()
    with open('/proc/%d/status' % worker) as f:
        anonymous = int(re.search(r'RssAnon:\s+(\d+)', f.read()).group(1))
    return anonymous, len(os.listdir('/proc/%d/fd' % worker))


def note(last, where):
    h.check(last.startswith('END-'), 'a message in part: %r' % last[:200])
    COLLECTED[last[4:], where] = COLLECTED.get((last[4:], where), 0) + 1


def collect():
    """Takes the mail out of the mailboxes, as its readers would."""
    while SINK.messages:
        _, _, data = SINK.messages.pop()
        h.check(b'DKIM-Signature:' in data, 'not signed')
        note(data.decode('latin-1').rstrip('\r\n').rpartition('\n')[2], 'sink')
    for name in os.listdir(D('piped')):
        if not name.endswith('.part'):
            with open(D('piped', name)) as f:
                note(f.read().rstrip('\n'), 'pipe')
            os.unlink(D('piped', name))
    for box in 'uv':
        new = D('mail', 'box.test', box, 'new')
        for name in os.listdir(new) if os.path.isdir(new) else ():
            with open(os.path.join(new, name), encoding='latin-1') as f:
                last = f.read().rstrip('\n').rpartition('\n')[2]
            note(last, box)
            os.unlink(os.path.join(new, name))


def test_memory_and_descriptors_stay_flat():
    SERVER.start()
    SINK.replies['RCPT'] = lambda _: '451 later' if random.random() < 0.1 and not END.is_set() else '250 ok'
    threads = [threading.Thread(target=client, args=(k,), daemon=True) for k in range(6)]
    for t in threads:
        t.start()
    readings, begin = [], time.monotonic()
    while time.monotonic() - begin < SECONDS and len(TROUBLE) <= 20:
        END.wait(SECONDS / 40)
        SERVER.alive()
        readings.append(state())
        collect()
        if len(readings) % 10 == 0:
            SERVER.proc.send_signal(signal.SIGHUP)
            h.equal(SERVER.run('-bpc').returncode, 0, '-bpc')
    END.set()
    for t in threads:
        t.join(120)
    h.equal(TROUBLE[:5], [], 'trouble')
    h.wait_for(lambda: SERVER.run('-bpc').stdout.strip() == '0', 60, 'an empty queue')
    collect()
    h.equal([key for key in ACKED if key not in COLLECTED][:5], [], 'acknowledged and not delivered')
    h.equal([key for key, n in COLLECTED.items() if n > 1][:5], [], 'delivered twice')
    # The first half is for warming up: caches, pools and threads are made then.
    half = len(readings) // 2
    early, late = [max(r[0] for r in part) for part in (readings[half // 2:half], readings[half:])]
    print('%d s: %d deliveries; anonymous memory %d KiB, later %d KiB; descriptors %d, at most %d (seed %d)' % (
        SECONDS, len(ACKED), early, late, readings[half][1], max(r[1] for r in readings), SEED))
    h.check(late < early * 1.25 + 8192, 'memory grows: %r' % [r[0] for r in readings])
    h.wait_for(lambda: state()[1] < 60, what=lambda: 'descriptors to be closed: %r' % (state(),))
    SERVER.stop()
    intact(D('spool'))


def teardown():
    END.set()
    SERVER.kill()
    D.remove()


h.main()
