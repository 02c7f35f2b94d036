#!/usr/bin/env python3
"""Open tern on a sample mailbox, served by a Dovecot of its own on a pipe.

All of it lives in one temporary directory, tern's own cache and journal
included, and goes when tern ends: by itself or by a signal. Arguments are
handed to tern; --print only says what would be run, and waits for a line.
"""
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time

import dovecot
import places
import sample

RC = """# Written by make demo.
set tunnel="{tunnel}"
set folder="imap://demo@localhost/"
set spoolfile="+INBOX"
set record="+Sent" postponed="+Drafts" trash="+Trash"
set real_name="Anna Berg" from="anna@example.org"
set sort=threads sort_aux=last-date-received
mailboxes +INBOX +Lists/sailors +Archive/2025 +Sent +Drafts +Junk +Trash
"""


def make(folder):
    os.chmod(folder, 0o755 if dovecot.IS_ROOT else 0o700)
    server = dovecot.Preauth(os.path.join(folder, "mail"))
    # Dated as if the newest had come in the last hour.
    sample.write_maildir(os.path.join(server.home, "Maildir"), sample.messages(int(time.time())))
    dovecot.own_tree(server.home)
    rc = os.path.join(folder, "ternrc")
    with open(rc, "w") as f:
        f.write(RC.format(tunnel=server.script))
    env = dict(os.environ)
    for name in ("cache", "state", "config", "runtime"):
        path = os.path.join(folder, name)
        os.mkdir(path, 0o700)
        env["XDG_%s_%s" % (name.upper(), "DIR" if name == "runtime" else "HOME")] = path
    return rc, env


def run(argv, env):
    """Wait for tern; when it is suspended, so is everything make started."""
    tern = subprocess.Popen(argv, env=env)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: tern.send_signal(signal.SIGHUP))
    # ^C is a key to tern; before and after, it must not leave things behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.waitpid(tern.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            continue  # it stops all of its job, as ^Z does: this script too
        tern.returncode = os.waitstatus_to_exitcode(status)
        return tern.returncode


def others():
    places.reap()
    return list(places.descendants())


def main():
    args = sys.argv[1:]
    os.environ.setdefault("LC_ALL", os.environ.get("LANG") or "C.UTF-8")
    places.adopt_orphans()
    # Told to stop at any moment, it knows what to remove: the name is there before the
    # directory. (tempfile makes a file of its own first, to see where it can.)
    folder = os.path.join(os.environ.get("TMPDIR") or "/tmp", "tern-demo-" + secrets.token_hex(4))
    stop = lambda *_: sys.exit(1)
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, stop)
    try:
        os.mkdir(folder, 0o700)
        rc, env = make(folder)
        if args[:1] == ["--print"]:
            print(rc, flush=True)
            sys.stdin.readline()
            return 0
        return run([places.program("tern"), "-F", rc] + args, env)
    finally:
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, signal.SIG_IGN)
        places.end_all(others)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
