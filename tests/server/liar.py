#!/usr/bin/env python3
"""A worker that has been taken over: what it says costs it its connection, and
nobody else anything. Here tern-imap is this file, played by the name of the account."""
import os
import shutil
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import manager
import places
import tap
import worker

LONG = 1024 * 1024 - 200


# --- The worker. --------------------------------------------------------------

class Fake:
    def __init__(self, top):
        self.top, self.sock, self.data, self.account = top, socket.socket(fileno=3), b"", ""
        self.say("HELLO", 0, protocol=places.PROTOCOL)
        while True:
            self.take(*self.frame())

    def frame(self):
        while len(self.data) < 16 or len(self.data) < 16 + struct.unpack_from("<I", self.data)[0]:
            more = self.sock.recv(1 << 20)
            if not more:
                sys.exit(0)
            self.data += more
        n, number, _, id = struct.unpack_from("<IHHQ", self.data)
        payload, self.data = self.data[16:16 + n], self.data[16 + n:]
        name = worker.NAMES[number]
        r = worker.Reader(payload)
        return name, id, {f: r.take(kind) for kind, f in worker.TYPES[name][1]}

    def say(self, name, id, **values):
        number, fields = worker.TYPES[name]
        payload = worker.put(fields, values)
        self.sock.sendall(struct.pack("<IHHQ", len(payload), number, 0, id) + payload)

    def rows(self, id, *uids):
        out = b"".join(worker.put(worker.ROW, {"uid": u, "subject": "m%d" % u}) for u in uids)
        self.say("W_ROWS", id, n=len(uids), rows=out)

    def mark(self, name, text=""):
        with open(os.path.join(self.top, name + ".new"), "w") as f:
            f.write(text)
        os.rename(f.name, os.path.join(self.top, name))

    def await_mark(self, name):
        while not os.path.exists(os.path.join(self.top, name)):
            time.sleep(0.002)
        with open(os.path.join(self.top, name)) as f:
            return f.read()

    def take(self, name, id, m):
        if name == "W_CONNECT":
            self.account = m["account"]
            if self.account == "loud":
                self.say("W_CERT", id, subject="x" * LONG, fingerprint="00")
                return
            self.say("W_CONNECTED", id)
        elif name == "W_CERT_ANSWER":
            self.say("W_CONNECTED", 0)
        elif name == "W_LOGIN":
            if self.account == "loud":
                self.say("NOTICE", 0, level=2, text="é" * (LONG // 2))
                self.say("W_STATE", 0, text="y" * LONG)
            self.say("W_LOGGED_IN", id)
        elif name == "W_OPEN" and self.account in ("forgetful", "emptied"):
            self.say("W_OPENED", id, mailbox=m["mailbox"], uidvalidity=9, uidnext=101, exists=100)
            self.rows(id, *range(1, 101))
            self.say("W_CURSOR", id, uidnext=101, exists=100)
            self.say("DONE", id)
            self.say("W_UIDS", 0, uids="", is_last=1)
            return
        elif name == "W_FETCH_UIDS" and self.account in ("forgetful", "emptied"):
            self.mark("asked again")
            self.await_mark("looked")
            self.say("W_UIDS", id, uids="" if self.account == "emptied" else "1:100", is_last=1)
        elif name == "W_OPEN":
            self.say("W_OPENED", id, mailbox=m["mailbox"], uidvalidity=9, uidnext=4, exists=3)
            self.rows(id, 3)
            self.say("W_CURSOR", id, uidnext=4, exists=3)
        elif name == "W_FETCH_UIDS":
            self.say("W_UIDS", id, uids="1:3", is_last=1)
        elif name == "W_FETCH_ROWS":
            self.slice(id)
        if name not in ("HELLO", "CANCEL"):
            self.say("DONE", id)

    def slice(self, id):
        if self.account == "home":
            self.await_mark("liar is there")
            self.rows(id, 1, 2)
            self.mark("home has told")
            pid = self.await_mark("liar lies")
            while is_alive(pid):
                time.sleep(0.002)
        elif not os.path.exists(os.path.join(self.top, "liar lies")):
            self.mark("liar is there")
            self.await_mark("home has told")
            self.mark("liar lies", str(os.getpid()))
            self.say("W_ROWS", id, n=2, rows=b"nonsense")
            time.sleep(60)


def is_alive(pid):
    try:
        with open("/proc/%s/stat" % pid) as f:
            return f.read().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


# --- The tests. -----------------------------------------------------------------

def interface(*accounts):
    stores = manager.Stores()
    bin = os.path.join(stores.top, "bin")
    os.mkdir(bin)
    copy = os.path.join(bin, "tern-session")
    shutil.copy(places.program("tern-session"), copy)
    with open(os.path.join(bin, "tern-imap"), "w") as f:
        f.write("#!/bin/sh\nexec %s %s --worker %s\n" % (sys.executable, os.path.abspath(__file__), bin))
    os.chmod(f.name, 0o755)
    stores.wrap = [copy]  # it looks for its workers beside itself
    i = manager.Interface(stores, {1: (1, "secret"), 3: (1, "")})
    for name in accounts:
        i.account(name=name, host="127.0.0.1", port=1, tls=0, max_connections=1)
    return i


def test_what_others_told_stays_when_one_lies():
    i = interface("home", "liar")
    i.open(account="liar")
    i.open(account="home")
    def uids():
        i._take(0.05)
        return [sorted(r["uid"] for r in m["rows"]) for m in i.stores.dump()["mailboxes"] if m["account"] == "home"]
    places.await_true("the slice", lambda: uids() == [[1, 2, 3]])


def test_most_messages_go_when_it_is_said_twice():
    for account, n_left in (("forgetful", 100), ("emptied", 0)):
        i = interface(account)
        i.open(account=account)
        bin = os.path.join(i.stores.top, "bin")
        def n_rows():
            i._take(0.05)
            return len(i.stores.rows())
        def is_asked():
            i._take(0.05)
            return os.path.exists(os.path.join(bin, "asked again"))
        places.await_true("the second question", is_asked)
        assert n_rows() == 100, (account, n_rows())
        open(os.path.join(bin, "looked"), "w").close()
        places.await_true("what was said twice", lambda: n_rows() == n_left)


def test_long_words_end_no_manager():
    i = interface("loud")
    i.open(account="loud")
    q = i.wait("QUESTION", where=lambda e: e["kind"] == 3)
    n = i.wait("NOTICE")
    assert q["detail"].startswith("xxx") and len(q["detail"]) < 5000, len(q["detail"])
    assert n["text"].startswith("ééé") and n["text"].endswith("é...") and len(n["text"].encode()) < 5000, n["text"][-9:]
    assert i.stores.manager.poll() is None


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        Fake(sys.argv[2])
    tap.main()
