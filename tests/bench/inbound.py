"""Messages a second from the socket to the maildir, both durable: 4 KiB messages by 1, 20 and 200 sessions at once.

Needs root (the server gives it up itself). Every message must be in the maildir once, or the measurement fails.
"""
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

CONF = """
primary_hostname = bench.test
domainlist local_domains = bench.test
acl_smtp_rcpt = acl_rcpt
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
smtp_accept_max = 1000
exim_user = mail
begin acl
acl_rcpt:
  accept domains = +local_domains
begin routers
local:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {root}/mail/Maildir
  maildir_format
  create_directory
  user = mail
  group = mail
"""
BODY = b'Subject: measured\r\n\r\n' + b'The quick brown fox jumps over the lazy dog, again and again.\r\n' * 64
PER_CONNECTION = 10


async def converse(port, messages):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)

    async def reply(want):
        while True:
            line = await reader.readline()
            if not line.startswith(want):
                raise RuntimeError('unexpected reply %r' % line)
            if line[3:4] != b'-':
                return

    await reply(b'220')
    writer.write(b'EHLO client.test\r\n')
    await reply(b'250')
    for _ in range(messages):
        writer.write(b'MAIL FROM:<a@client.test>\r\nRCPT TO:<u@bench.test>\r\nDATA\r\n')
        await reply(b'250')
        await reply(b'250')
        await reply(b'354')
        writer.write(BODY + b'.\r\n')
        await reply(b'250')
    writer.write(b'QUIT\r\n')
    await reply(b'221')
    writer.close()


async def load(port, sessions, total):
    left = [total]

    async def worker():
        while left[0] > 0:
            n = min(PER_CONNECTION, left[0])
            left[0] -= n
            await converse(port, n)

    await asyncio.gather(*(worker() for _ in range(sessions)))


def cpu(master):
    """Seconds that a daemon and its processes have used."""
    ticks = 0
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/stat' % entry) as f:
                fields = f.read().rsplit(')', 1)[1].split()
        except OSError:
            continue
        if master in (int(entry), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf('SC_CLK_TCK')


def main():
    if os.getuid():
        print('skipped: needs root')
        return 0
    root = tempfile.mkdtemp(prefix='remex-bench-', dir='/var/tmp')
    os.chmod(root, 0o755)
    os.mkdir(root + '/mail')
    shutil.chown(root + '/mail', 'mail', 'mail')
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    with open(root + '/conf', 'w') as f:
        f.write(CONF.format(port=port, root=root))
    server = subprocess.Popen([os.environ['REMEX_BIN'], '-C', root + '/conf', '-bdf', '-q1h'], stdin=subprocess.DEVNULL)
    try:
        end = time.time() + 20
        while True:
            try:
                socket.create_connection(('127.0.0.1', port), 1).close()
                break
            except OSError:
                if server.poll() is not None or time.time() > end:
                    raise
                time.sleep(0.05)
        new, sent = root + '/mail/Maildir/new', 0
        print('%-10s %12s %12s %12s' % ('sessions', 'accepted/s', 'delivered/s', 'CPU ms/msg'))
        for sessions, total in ((1, 500), (20, 4000), (200, 4000)):
            before, used = time.time(), cpu(server.pid)
            asyncio.run(load(port, sessions, total))
            accepted = time.time()
            sent += total
            while len(os.listdir(new)) < sent and time.time() < accepted + 30:
                time.sleep(0.01)
            done = time.time()
            if len(os.listdir(new)) != sent:
                print('%d messages sent, %d delivered' % (sent, len(os.listdir(new))))
                return 1
            print('%-10d %12.0f %12.0f %12.2f' % (sessions, total / (accepted - before), total / (done - before),
                                                  (cpu(server.pid) - used) * 1000 / total))
    finally:
        server.terminate()
        server.wait(40)
        shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
