#!/usr/bin/env python3
"""./dev run: the minimal mail setup alive on this machine, with two messages sent through it.

Uses sample-configs/minimal-mail as it stands; ports, folders and DNS records are set from outside with -D. Everything is
kept in $REMEX_STATE (./state) and on loopback. Exit 0: both messages arrived; 1: one did not, and why is printed.
"""
import getpass
import grp
import os
import pathlib
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "sample-configs" / "minimal-mail"
REMEX = pathlib.Path(os.environ.get("REMEX_BIN", ROOT / "build" / "release" / "remex"))
# Mail is never written by root: started as root the server becomes the user mail, who may not be able to look into the tree.
AS_ROOT = os.geteuid() == 0
STATE = pathlib.Path(os.environ.get("REMEX_STATE", "/var/tmp/remex-state" if AS_ROOT else ROOT / "state")).resolve()
MX_PORT = int(os.environ.get("REMEX_MX_PORT", "2525"))
SUBMIT_PORT = int(os.environ.get("REMEX_SUBMIT_PORT", "2587"))
DEADLINE = 20.0  # seconds for each thing waited for

STRANGER = """\
From: Stranger <someone@stranger.example>
To: me@example.org
Subject: Hello from outside
Message-ID: <{id}@stranger.example>

A stranger says hello.
"""
OURS = """\
From: Me <me@example.org>
To: blog@example.org
Subject: Hello from the laptop
Message-ID: <{id}@example.org>

Signed with the key of me@example.org: the signature is the login.
"""


class Failure(Exception):
    """Something did not work; the text says what."""


def say(text):
    print(f"== {text}", flush=True)


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, **options).stdout


def make_keys(folder):
    """An RSA key for me@, an Ed25519 key for blog@; returns the TXT records that publish them."""
    import base64
    records = []
    for user, algorithm in (("me", "rsa"), ("blog", "ed25519")):
        path = folder / f"{user}@example.org-dkim.pem"
        if not path.exists():
            wanted = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if algorithm == "rsa" else \
                     ["-algorithm", "ed25519"]
            key = openssl("genpkey", *wanted)
            path.touch(mode=0o600)
            path.write_bytes(key)
        public = openssl("pkey", "-in", str(path), "-pubout", "-outform", "DER")
        if algorithm == "ed25519":
            public = public[-32:]  # RFC 8463: the bare key
        text = f"v=DKIM1; k={algorithm}; p={base64.b64encode(public).decode()}"
        # A character string of a TXT record holds 255 bytes.
        quoted = " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200))
        records.append(f"{user}._domainkey.example.org. TXT {quoted}")
    return records


def prepare():
    """Makes the state directory; returns the -D options of server and laptop."""
    for folder in ("mail/example.org/me/shop", "mail/example.org/blog", "keys", "server/log", "laptop/log"):
        (STATE / folder).mkdir(parents=True, exist_ok=True)
    (STATE / "keys").chmod(0o700)
    if AS_ROOT:
        STATE.chmod(0o755)
        subprocess.run(["chown", "-R", "mail:mail", STATE / "mail", STATE / "server"], check=True)
    records = make_keys(STATE / "keys") + [
        "example.org. MX 10 mail.example.org.",
        "mail.example.org. A 127.0.0.1",
        "stranger.example. MX 10 mx.stranger.example.",
        "mx.stranger.example. A 192.0.2.25",
    ]
    both = {"DNS_RECORDS": "<| " + " | ".join(records)}
    server = {
        "MAIL_DIR": STATE / "mail", "STATE_DIR": STATE / "server", "LOG_FILES": STATE / "server/log/%slog",
        "MAIL_USER": "mail" if AS_ROOT else getpass.getuser(), "MAIL_GROUP": "mail" if AS_ROOT else grp.getgrgid(os.getgid()).gr_name,
        "MX_PORT": MX_PORT, "SUBMIT_PORT": SUBMIT_PORT,
        "LISTEN_ON": f"<; [127.0.0.1]:{MX_PORT} ; [127.0.0.1]:{SUBMIT_PORT}",
    }
    laptop = {
        "KEY_DIR": STATE / "keys", "STATE_DIR": STATE / "laptop", "LOG_FILES": STATE / "laptop/log/%slog",
        "SUBMIT_PORT": SUBMIT_PORT,
    }
    return ([f"-D{k}={v}" for k, v in {**server, **both}.items()], [f"-D{k}={v}" for k, v in {**laptop, **both}.items()])


def wait_for(what, condition, server):
    """Polls until `condition` is true; the server must stay alive meanwhile."""
    end = time.monotonic() + DEADLINE
    while True:
        result = condition()
        if result:
            return result
        if server.poll() is not None:
            raise Failure(f"the server ended with status {server.returncode} while waiting for {what}")
        if time.monotonic() > end:
            raise Failure(f"no {what} within {DEADLINE:.0f} seconds")
        time.sleep(0.02)


def listening(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def delivered(mailbox, identity):
    folder = STATE / "mail/example.org" / mailbox / "new"
    for path in folder.glob("*") if folder.is_dir() else ():
        if identity in path.read_text(errors="replace"):
            return path
    return None


def show(path):
    say(str(path))
    print(path.read_text(errors="replace"), flush=True)


def send_stranger(server):
    identity = f"{os.getpid()}.{time.time_ns()}.stranger"
    say(f"a stranger sends to me@example.org, port {MX_PORT}")
    try:
        with smtplib.SMTP("127.0.0.1", MX_PORT, "mx.stranger.example", timeout=DEADLINE) as client:
            client.sendmail("someone@stranger.example", ["me@example.org"],
                            STRANGER.format(id=identity).replace("\n", "\r\n"))
    except (smtplib.SMTPException, OSError) as error:
        raise Failure(f"the stranger's message was not accepted: {error}") from error
    show(wait_for("stranger's message in the maildir of me", lambda: delivered("me", identity), server))


def submit(server, laptop):
    identity = f"{os.getpid()}.{time.time_ns()}.laptop"
    say(f"me@example.org signs and submits to blog@example.org, port {SUBMIT_PORT}")
    command = [str(REMEX), "-C", str(SAMPLE / "laptop.conf"), *laptop, "-f", "me@example.org", "-oi", "blog@example.org"]
    done = subprocess.run(command, input=OURS.format(id=identity), text=True, capture_output=True, timeout=DEADLINE, check=False)
    if done.returncode != 0:
        raise Failure(f"the submission ended with status {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    show(wait_for("submitted message in the maildir of blog", lambda: delivered("blog", identity), server))


def log_lines(since):
    """What the server has logged since the file had that size."""
    try:
        with (STATE / "server/log/mainlog").open(errors="replace") as lines:
            lines.seek(since)
            return lines.read()
    except FileNotFoundError:
        return ""


def show_log(since):
    say(str(STATE / "server/log/mainlog"))
    print(log_lines(since), flush=True)


def main():
    once = "--once" in sys.argv[1:]
    unknown = [a for a in sys.argv[1:] if a != "--once"]
    if unknown:
        print(f"run: unknown option {unknown[0]}", file=sys.stderr)
        return 2
    for port in (MX_PORT, SUBMIT_PORT):
        if listening(port):
            print(f"run: port {port} is taken", file=sys.stderr)
            return 1
    if not shutil.which("openssl"):
        print("run: openssl is not installed", file=sys.stderr)
        return 1
    server_options, laptop_options = prepare()
    log = STATE / "server/log/mainlog"
    since = log.stat().st_size if log.exists() else 0
    command = [str(REMEX), "-C", str(SAMPLE / "server.conf"), *server_options, "-bdf"]
    (STATE / "server.command").write_text("\n".join(command) + "\n")
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    status = 0
    try:
        wait_for("start of the server", lambda: "listening for SMTP" in log_lines(since), server)
        send_stranger(server)
        submit(server, laptop_options)
        wait_for("log lines of both deliveries", lambda: log_lines(since).count(" Completed\n") >= 2, server)
        show_log(since)
        if not once:
            say(f"serving on 127.0.0.1 ports {MX_PORT} and {SUBMIT_PORT}; mail is in {STATE / 'mail'}; Ctrl-C ends it")
            status = 1 if server.wait() else 0
    except (Failure, subprocess.TimeoutExpired) as error:
        show_log(since)
        print(f"run: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        pass
    finally:
        if server.poll() is None:
            server.terminate()
            try:
                server.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    if status == 0 and once:
        say("both messages arrived")
    return status


if __name__ == "__main__":
    sys.exit(main())
