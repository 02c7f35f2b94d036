#!/usr/bin/env python3
"""What is easily skipped, a test each, by name: starts at the same instant,
certificates, damage, a full disk, frozen links, strangers on the socket."""
import base64
import datetime
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

import certs
import disk
import dovecot
import manager
import places
import proxy
import tap
import ui
from manager import FLAG
from mail import append, fill
from sync import PASSWORD_ANSWER, comes_back, locals_of

WAITING, STOPPED = 4, 5
REJECT, ONCE, PIN = (0, ""), (1, ""), (2, "")
_shared = []


def server():
    """One Dovecot for all tests here that need nothing special of it; a user each."""
    if not _shared:
        users = ["u%d" % i for i in range(40)]
        _shared.append(dovecot.Dovecot(users=["anna"] + users).start())
    return _shared[0]


def fresh(n=3):
    """(server, user) with a few messages."""
    d = server()
    user = "u%d" % fresh.next
    fresh.next += 1
    fill(d, n, user)
    return d, user


fresh.next = 0


def interface(d, user, stores=None, answers=PASSWORD_ANSWER, port=None, wait=True, mailbox="INBOX", **more):
    i = manager.Interface(stores or manager.Stores(), answers)
    more.setdefault("ca_file", d.cert.ca)
    i.account(host="localhost", port=port or d.imaps_port, user=user, **more)
    i.open(mailbox, wait=wait)
    return i


def client_flags(d, user, uid, mailbox="INBOX"):
    c = d.client(user, mailbox)
    flags = dovecot.flags_of(c, uid)
    c.logout()
    return flags


def await_flag(d, user, uid, flag):
    places.await_true("%s on %d" % (flag, uid), lambda: flag in (client_flags(d, user, uid) or ()))


def message_ids(d, user, mailbox):
    c = d.client(user)
    ids = dovecot.message_ids(c, mailbox)
    c.logout()
    return ids


def kill_manager(i):
    i.close()
    os.kill(i.stores.manager.pid, signal.SIGKILL)
    i.stores.manager.wait()


def stopped(i):
    return i.wait("ACCOUNT_STATE", where=lambda e: e["state"] == STOPPED)


# --- Several interfaces. ----------------------------------------------------

def test_interfaces_started_at_the_same_instant():
    d, name = fresh()
    user = ui.User(d, user=name)
    # Where nobody held the lock, each would find no manager, and take the socket of the
    # one before away: there is time for all of them to come there.
    late = ["strace", "-qq", "-o", "/dev/null", "-e", "inject=/^unlink(at)?$:delay_enter=500000"]
    # Who looks for leaks stops the program, as strace does; not both at once.
    asan = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    terminals = [user.open("-f", "=INBOX", wrap=late, ASAN_OPTIONS=asan) for _ in range(3)]
    for t in terminals:
        t.wait("m2")
    user.await_processes("tern-session", 1)
    user.await_processes("tern", 3)


def test_a_third_attached_later_sees_the_others_changes():
    d, user = fresh()
    one = interface(d, user)
    two = interface(d, user, one.stores)
    locals = locals_of(one)
    one.post("flag", [locals[1]], set=FLAG["flagged"])
    two.post("move", [locals[2]], target="Archive")
    three = interface(d, user, one.stores)
    rows = {r["uid"]: r for r in three.stores.rows()}
    assert rows[1]["flags"] & FLAG["flagged"] and 2 not in rows, rows
    one.events.clear()
    two.events.clear()
    three.post("flag", [locals[3]], set=FLAG["seen"])
    for i in (one, two):
        i.wait("NEWS", where=lambda e: e["mailbox"] == i.mailbox)
    await_flag(d, user, 3, b"\\Seen")


def test_an_older_manager_finishes_when_a_newer_interface_starts():
    d, name = fresh()
    user = ui.User(d, user=name)
    stores = manager.Stores()
    stores.env = user.env
    state = user.path("state", "tern")
    os.makedirs(state, mode=0o700)
    path, state = manager.Interface._socket_path(_Only(stores))
    import fcntl
    lock = os.open(os.path.join(state, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)
    listener.settimeout(places.SECONDS * places.SLOW)
    t = user.open("-f", "=INBOX")
    conn, _ = listener.accept()
    conn.settimeout(places.SECONDS * places.SLOW)
    hello = manager.encode("HELLO", dict(protocol=places.PROTOCOL, schema=1, build="0.0.1", pid=os.getpid()))
    conn.sendall(struct.pack("<IHHQ", len(hello), 1001 if "HELLO" not in manager.TYPES else manager.TYPES["HELLO"],
                             0, 0) + hello)
    data = b""
    while not any(kind == manager.TYPES["FINISH"] for kind in kinds_of(data)):
        more = conn.recv(65536)
        assert more, "hung up without FINISH: %s" % kinds_of(data)
        data += more
    # It takes its time: that is said, with the process to look at.
    t.wait(r"older tern \(process %d\) has not" % os.getpid())
    os.unlink(path)
    listener.close()
    os.close(lock)
    conn.close()
    t.wait("m2")
    user.await_processes("tern-session", 1)


def test_a_manager_that_is_silent_is_told_of():
    d, name = fresh()
    user = ui.User(d, user=name)
    first = user.open("-f", "=INBOX")
    first.wait("m2")
    pid = user.processes("tern-session")[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        second = user.open("-f", "=INBOX")
        second.wait("m2")  # what is cached needs nobody
        second.wait("session manager does not answer")
    finally:
        os.kill(pid, signal.SIGCONT)
    second.gone("session manager does not answer")


class _Only:
    def __init__(self, stores):
        self.stores = stores


def kinds_of(data):
    out = []
    while len(data) >= 16:
        n, kind, _, _ = struct.unpack_from("<IHHQ", data)
        if len(data) < 16 + n:
            break
        out.append(kind)
        data = data[16 + n:]
    return out


# --- Certificates. -------------------------------------------------------------

def tls_front(d, kind):
    """A server whose certificate is `kind`, in front of Dovecot."""
    return proxy.Proxy(d.imap_port, tls=kind, port=dovecot.free_ports(1)[0])


def move_front(p, d, kind):
    """The same port, another certificate."""
    port = p.port
    p.close()
    return proxy.Proxy(d.imap_port, tls=kind, port=port)


def asked(i):
    return i.wait("QUESTION", where=lambda e: e["kind"] == 3)


def test_a_certificate_that_fails_is_shown_and_rejected():
    d, user = fresh()
    for kind, why in (("expired", "expired"), ("otherhost", "mail.example.org|name|host"), ("stranger", "issuer|signed|trust")):
        p = tls_front(d, kind)
        i = interface(d, user, port=p.port, wait=False)
        q = asked(i)
        assert re.search(why, q["detail"]), q
        assert certs.fingerprint(certs.get(kind).crt).replace(":", "").lower() in \
            q["detail"].replace(":", "").lower(), q
        i.send("ANSWER", question=q["question"], verdict=0, text="")
        stopped(i)
        assert i.stores.rows() == []
        assert not [e for e in i.events if e["event"] == "QUESTION" and e["kind"] == 1]
        kill_manager(i)


def test_a_certificate_accepted_once_is_asked_again_next_time():
    d, user = fresh()
    p = tls_front(d, "expired")
    pins = os.path.join(places.temp_dir(), "pins")
    i = interface(d, user, port=p.port, answers=PASSWORD_ANSWER | {3: ONCE}, certificate_file=pins)
    assert len(i.stores.rows()) == 3
    # A connection that is lost is made again without another question.
    i.events.clear()
    p.cut()
    i.wait("ACCOUNT_STATE", where=lambda e: e["text"] == "connected")
    i.wait("ACCOUNT_STATE", where=lambda e: e["text"] == "in step")
    assert not [e for e in i.events if e["event"] == "QUESTION"]
    assert not os.path.exists(pins)
    kill_manager(i)
    i = interface(d, user, i.stores, port=p.port, certificate_file=pins, wait=False)
    asked(i)


def pin_a_stranger(d, user):
    """(front, file, stores): its certificate was accepted for ever; nothing runs any more."""
    p = tls_front(d, "stranger")
    pins = os.path.join(places.temp_dir(), "pins")
    i = interface(d, user, port=p.port, answers=PASSWORD_ANSWER | {3: PIN}, certificate_file=pins)
    kill_manager(i)
    return p, pins, i.stores


def test_a_pinned_certificate_is_not_asked_about_again():
    d, user = fresh()
    p, pins, stores = pin_a_stranger(d, user)
    assert os.stat(pins).st_mode & 0o077 == 0
    i = interface(d, user, stores, port=p.port, certificate_file=pins)
    assert not [e for e in i.events if e["event"] == "QUESTION" and e["kind"] == 3]


def test_a_pinned_certificate_that_changes_is_a_hard_stop():
    d, user = fresh()
    p, pins, stores = pin_a_stranger(d, user)
    with open(pins) as f:
        before = f.read()
    # The new one is even signed by the CA that is trusted.
    p = move_front(p, d, "renewed")
    i = interface(d, user, stores, port=p.port, certificate_file=pins, answers=PASSWORD_ANSWER | {3: ONCE},
                  wait=False)
    e = stopped(i)
    assert "not the one" in e["text"], e
    assert not [e for e in i.events if e["event"] == "QUESTION" and e["kind"] == 3]
    with open(pins) as f:
        assert f.read() == before
    # Asking again does not talk it out of it; what is posted waits.
    assert i.post("flag", [locals_of(i)[1]], set=FLAG["flagged"])["event"] == "ACK"
    i.events.clear()
    i.send("CONNECT_NOW")
    stopped(i)
    assert client_flags(d, user, 1) == set()


def test_scram_is_what_is_used():
    d, user = fresh()
    p = proxy.Proxy(d.imap_port, tls="good", record=os.path.join(places.temp_dir(), "wire"))
    interface(d, user, port=p.port)
    sent = b"".join(data for _, _, _, data in p.recorded("up"))
    assert b"AUTHENTICATE SCRAM-SHA-256" in sent, sent
    assert dovecot.PASSWORD.encode() not in sent
    for word in re.findall(rb"[A-Za-z0-9+/=]{8,}", sent):
        try:
            assert dovecot.PASSWORD.encode() not in base64.b64decode(word, validate=True), word
        except ValueError:
            pass


def test_starttls_is_required():
    d, user = fresh()
    i = interface(d, user, port=d.imap_port, tls=1)
    assert len(i.stores.rows()) == 3


class Script(threading.Thread):
    """A server that says `answers` one after the other, each after a line of the client."""

    def __init__(self, greeting, answer):
        super().__init__(daemon=True)
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.greeting, self.answer, self.lines = greeting, answer, []
        self.socks = []
        tap.later(self.close)
        self.start()

    def close_all(self):
        """Hang up on everybody."""
        for s in self.socks:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for s in [self.listener] + self.socks:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.socks.append(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            sock.sendall(self.greeting)
            f = sock.makefile("rb")
            for line in f:
                line = line.decode("latin-1").rstrip("\r\n")
                self.lines.append(line)
                tag, _, command = line.partition(" ")
                out = self.answer(tag, command)
                if out is None:
                    sock.shutdown(socket.SHUT_RDWR)
                    return
                sock.sendall(out)
        except OSError:
            pass


def test_starttls_that_was_stripped_sends_no_password():
    def answer(tag, command):
        if command == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n%s OK done\r\n" % tag.encode()
        return b"%s BAD what\r\n" % tag.encode()
    s = Script(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n", answer)
    i = manager.Interface(manager.Stores(), PASSWORD_ANSWER)
    i.account(host="127.0.0.1", port=s.port, tls=1)
    i.open(wait=False)
    e = i.wait("ACCOUNT_STATE", where=lambda e: e["state"] in (WAITING, STOPPED))
    assert re.search("TLS", e["text"]), e
    assert not [l for l in s.lines if re.search("LOGIN|AUTHENTICATE", l)], s.lines


# --- The stores. -----------------------------------------------------------------

def cache_file(i):
    return os.path.join(i.stores.env["XDG_CACHE_HOME"], "tern/cache/data.mdb")


def damage(path, from_page=2):
    """Garbage over every page but the two that LMDB checks."""
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        f.seek(from_page * 4096)
        f.write(os.urandom(size - from_page * 4096))


def queue_offline(i, d, user, p):
    """Two changes that cannot go out."""
    p.refuse()
    p.cut("reset")
    i.wait("ACCOUNT_STATE", where=lambda e: e["state"] == WAITING)
    locals = locals_of(i)
    assert i.post("flag", [locals[1]], set=FLAG["flagged"])["event"] == "ACK"
    assert i.post("move", [locals[2]], target="Archive")["event"] == "ACK"


def arrived(d, user):
    await_flag(d, user, 1, b"\\Flagged")
    places.await_true("the move", lambda: message_ids(d, user, "Archive") == ["<m1@example.org>"])


def test_the_cache_damaged_in_its_pages_while_changes_wait():
    d, user = fresh()
    p = proxy.Proxy(d.imaps_port)
    stores = manager.Stores()
    places.expect_crashes(stores.env)
    i = interface(d, user, stores, port=p.port)
    queue_offline(i, d, user, p)
    kill_manager(i)
    damage(cache_file(i))
    p.refuse(False)
    i = comes_back(lambda: interface(d, user, stores, port=p.port), stores)
    arrived(d, user)
    places.await_true("the rows", lambda: sorted(r["subject"] for r in i.stores.rows()) == ["m0", "m2"])


def test_the_cache_damaged_while_the_manager_runs():
    d, user = fresh()
    p = proxy.Proxy(d.imaps_port)
    stores = manager.Stores()
    places.expect_crashes(stores.env)
    i = interface(d, user, stores, port=p.port)
    queue_offline(i, d, user, p)
    damage(cache_file(i))
    p.refuse(False)
    # An interface died of it and asks for a check; or the manager did, before or after.
    try:
        i.send("CONNECT_NOW")
        i.send("CHECK_STORES")
        while True:
            i._take(1.0)
            i.events.clear()
    except manager.Gone:
        pass
    i.stores.manager.wait(timeout=places.SECONDS * places.SLOW)
    i = comes_back(lambda: interface(d, user, stores, port=p.port), stores)
    i.send("CONNECT_NOW")
    arrived(d, user)
    places.await_true("the rows", lambda: sorted(r["subject"] for r in i.stores.rows()) == ["m0", "m2"])


def below(i, kind, name):
    return os.path.join(i.stores.env["XDG_%s_HOME" % kind], "tern", name)


def test_a_sound_cache_stays_after_quiet_runs():
    d, user = fresh()
    p = proxy.Proxy(d.imaps_port)
    i = interface(d, user, port=p.port)
    kill_manager(i)
    p.refuse()
    open(below(i, "CACHE", "suspect"), "w").close()  # as one leaves it that died of something
    for _ in range(2):  # offline, with nothing to write
        i = manager.Interface(i.stores, PASSWORD_ANSWER)
        i.account(host="localhost", port=p.port, user=user, ca_file=d.cert.ca)
        i.ask("LEAVE")
        i.close()
        assert i.stores.manager.wait(timeout=places.SECONDS * places.SLOW) == 0
        assert not os.path.exists(below(i, "CACHE", "suspect"))
    assert len(i.stores.rows()) == 3
    assert not os.path.exists(below(i, "CACHE", "cache.damaged"))


def test_a_sound_cache_stays_when_who_verified_it_is_killed():
    d, user = fresh()
    i = interface(d, user)
    kill_manager(i)
    open(below(i, "CACHE", "suspect"), "w").close()
    for _ in range(2):
        i = manager.Interface(i.stores, PASSWORD_ANSWER)
        assert open(below(i, "CACHE", "suspect")).read() == "verified\n"
        kill_manager(i)
        assert len(i.stores.rows()) == 3
    # Who dies of it all the same has it dropped.
    places.expect_crashes(i.stores.env)
    i = manager.Interface(i.stores, PASSWORD_ANSWER)
    os.kill(i.stores.manager.pid, signal.SIGBUS)
    i.stores.manager.wait(timeout=places.SECONDS * places.SLOW)
    i = manager.Interface(i.stores, PASSWORD_ANSWER)
    assert i.stores.rows() == []


def test_a_damaged_journal_is_kept_aside_and_said():
    d, user = fresh()
    p = proxy.Proxy(d.imaps_port)
    stores = manager.Stores()
    places.expect_crashes(stores.env)
    i = interface(d, user, stores, port=p.port)
    queue_offline(i, d, user, p)
    kill_manager(i)
    damage(below(i, "STATE", "journal/data.mdb"))
    with open(below(i, "STATE", "journal/data.mdb"), "rb") as f:
        damaged = f.read()
    open(below(i, "CACHE", "suspect"), "w").close()
    try:
        i = manager.Interface(stores, PASSWORD_ANSWER)
    except manager.Gone:
        raise AssertionError(open(stores.log).read()[-2500:])
    said = i.wait("NOTICE", where=lambda e: "record of your changes" in e["text"])["text"]
    where = re.search("'(.*)'", said)[1]
    assert os.path.dirname(where) == os.path.realpath(below(i, "STATE", "")), said
    with open(os.path.join(where, "data.mdb"), "rb") as f:
        assert f.read() == damaged
    # The cache had nothing to do with it.
    assert len(stores.rows()) == 3
    assert not os.path.exists(below(i, "CACHE", "cache.damaged"))
    p.refuse(False)
    i.account(host="localhost", port=p.port, user=user, ca_file=d.cert.ca)
    i.open()
    assert i.post("flag", [locals_of(i)[3]], set=FLAG["flagged"])["event"] == "ACK"
    await_flag(d, user, 3, b"\\Flagged")


def test_stores_that_are_sound_stay():
    d, user = fresh()
    i = interface(d, user)
    assert i.ask("CHECK_STORES")["event"] == "DONE"
    assert len(i.stores.rows()) == 3
    i.post("flag", [locals_of(i)[1]], set=FLAG["flagged"])
    await_flag(d, user, 1, b"\\Flagged")


def fill_up(path):
    with open(os.path.join(path, "filler"), "ab", buffering=0) as f:
        for n in (1 << 16, 4096, 512):
            try:
                while True:
                    f.write(b"x" * n)
            except OSError:
                pass


def test_full_disk_refuses_and_forgets_nothing():
    d, user = fresh(6)
    stores = manager.Stores()
    disk.small(stores.env["XDG_STATE_HOME"], 16 << 20)
    p = proxy.Proxy(d.imaps_port)
    i = interface(d, user, stores, port=p.port)
    queue_offline(i, d, user, p)
    locals = locals_of(i)
    fill_up(stores.env["XDG_STATE_HOME"])
    acked, refused = 0, None
    for n in range(2000):
        end = i.post("flag", [locals[3]], set=FLAG["seen"] if n % 2 else 0, clear=0 if n % 2 else FLAG["seen"])
        if end["event"] != "ACK":
            refused = end
            break
        acked += 1
        if n % 10 == 9:
            # The reserve is large: take what it gave back.
            fill_up(stores.env["XDG_STATE_HOME"])
    assert refused and refused["event"] == "REFUSED" and refused["kind"] == 6, (acked, refused)
    assert re.search("full|space", refused["text"]), refused
    os.unlink(os.path.join(stores.env["XDG_STATE_HOME"], "filler"))
    assert i.post("flag", [locals[4]], set=FLAG["flagged"])["event"] == "ACK"
    p.refuse(False)
    i.send("CONNECT_NOW")
    arrived(d, user)
    await_flag(d, user, 4, b"\\Flagged")


def test_full_cache_disk_loses_no_change():
    d, user = fresh(3)
    stores = manager.Stores()
    disk.small(stores.env["XDG_CACHE_HOME"], 4 << 20)
    i = interface(d, user, stores)
    locals = locals_of(i)
    fill_up(stores.env["XDG_CACHE_HOME"])
    c = d.client(user)
    for n in range(60):
        append(c, "late%d" % n)
    assert i.post("flag", [locals[1]], set=FLAG["flagged"])["event"] == "ACK"
    i.wait("NOTICE", "ACCOUNT_STATE", where=lambda e: re.search("full|space", e["text"]))
    os.unlink(os.path.join(stores.env["XDG_CACHE_HOME"], "filler"))
    i.send("CONNECT_NOW")
    await_flag(d, user, 1, b"\\Flagged")
    places.await_true("the new rows", lambda: (i.send("CONNECT_NOW"), len(i.stores.rows()) == 63)[1])


def test_full_cache_disk_in_the_middle_of_everything():
    """Rows, texts and changes are under way when nothing can be written: each ends
    once, nothing is used after it ended, and all is done when there is room."""
    d, user = fresh(0)
    append_rows(d, user, 300)
    stores = manager.Stores()
    # What is freed is overwritten: who uses it after that falls over.
    stores.env["MALLOC_PERTURB_"] = "165"
    cache = stores.env["XDG_CACHE_HOME"]
    disk.small(cache, 12 << 20)
    p = proxy.Proxy(d.imaps_port, rtt_ms=40)
    i = interface(d, user, stores, port=p.port)
    first = i.stores.manager.pid
    chance = random.Random(4711)
    flagged = set()
    for n in range(4):
        locals = locals_of(i)
        uids = sorted(locals)
        some = chance.sample(uids, 30)
        i.send("PREFETCH", locals=b"".join(struct.pack("<Q", locals[u]) for u in some), prefer="")
        for uid in some[:3]:
            i.send("READ", local=locals[uid], prefer="", more=0, whole=n % 2)
        assert i.post("flag", [locals[u] for u in some[:5]], set=FLAG["flagged"])["event"] == "ACK"
        flagged.update(some[:5])
        i.events.clear()
        fill_up(cache)
        append_rows(d, user, 10, "n%d-" % n)
        i.wait("NOTICE", "ACCOUNT_STATE", where=lambda e: re.search("full|space", e["text"]))
        os.unlink(os.path.join(cache, "filler"))
        i.send("CONNECT_NOW")
    p.set_rtt(0)
    places.await_true("all rows", lambda: (i.send("CONNECT_NOW"), i._take(0.2), len(i.stores.rows()) == 340)[2],)
    places.await_true("all changes", lambda: (i.send("CONNECT_NOW"), i._take(0.2), not [
        x for x in i.stores.intents() if x["state"] not in (4, 7)])[2])  # done, or taken up by a later one
    assert i.stores.manager.pid == first and i.stores.manager.poll() is None, "the manager died of it"
    c = d.client(user, "INBOX")
    assert set(dovecot.uids(c, "FLAGGED")) == flagged
    c.logout()


def append_rows(d, user, n, prefix="r"):
    c = d.client(user)
    for k in range(n):
        append(c, "%s%d" % (prefix, k))
    c.logout()


def test_acknowledged_only_after_the_sync():
    d, user = fresh()
    stores = manager.Stores()
    # Who looks for leaks stops the program, as strace does; not both at once.
    stores.env["ASAN_OPTIONS"] = stores.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    trace = os.path.join(stores.top, "trace")
    stores.wrap = [*places.SEEN, "strace", "-f", "-ttt", "-y", "-e", "trace=fdatasync,fsync,msync,pwrite64,pwritev,sendmsg,sendto,write",
                   "-s", "64", "-xx", "-o", trace]
    i = interface(d, user, stores)
    post_id = os.urandom(16)
    end = i.post("flag", [locals_of(i)[1]], set=FLAG["flagged"], post_id=post_id)
    assert end["event"] == "ACK", end
    marker = "".join("\\x%02x" % b for b in post_id)
    places.await_true("the trace", lambda: marker in open(trace).read())
    lines = open(trace).read().split("\n")
    ack, = [n for n, l in enumerate(lines) if marker in l and "pwrite" not in l][:1]
    journal = [n for n, l in enumerate(lines[:ack]) if "state/tern" in unhex(l)]
    synced = [n for n in journal if "sync(" in lines[n] and "= 0" in lines[n]]
    written = [n for n in journal if "write" in lines[n]]
    # Data, sync, the meta page, sync (LMDB), and only then the frame.
    assert synced and written, lines[max(0, ack - 20):ack + 1]
    assert max(written) < max(synced) or "O_DSYNC" in lines[max(written)] or is_dsync(stores, lines[max(written)]), \
        lines[max(0, ack - 20):ack + 1]


def unhex(line):
    return re.sub(r"(?:\\x[0-9a-f]{2})+", lambda m: bytes.fromhex(m[0].replace("\\x", "")).decode("latin-1"), line)


def is_dsync(stores, line):
    """LMDB writes its meta page through a descriptor opened with O_DSYNC."""
    fd = re.search(r"pwrite64\((\d+)<", line)
    pids = places.descendants(stores.manager.pid)
    for pid in pids:
        try:
            with open("/proc/%d/fdinfo/%s" % (pid, fd[1])) as f:
                flags = int(re.search(r"flags:\s*(\d+)", f.read())[1], 8)
            if flags & os.O_DSYNC:
                return True
        except (OSError, TypeError):
            continue
    return False


# --- Secrets. -------------------------------------------------------------------

def assert_in_no_file(top, user):
    secret = dovecot.PASSWORD.encode()
    forms = [secret, base64.b64encode(secret), base64.b64encode(secret).rstrip(b"="),
             base64.b64encode(b"\0" + user.encode() + b"\0" + secret)]
    # The secret inside a longer base64 text, at each of the three alignments.
    for pad in range(3):
        form = base64.b64encode(b"x" * pad + secret + b"xx")
        forms.append(form[(pad * 8 + 5) // 6:len(secret) * 8 // 6])
    n = 0
    for folder, _, files in os.walk(top):
        for name in files:
            if name == "ternrc" or not os.path.isfile(os.path.join(folder, name)):
                continue
            with open(os.path.join(folder, name), "rb") as f:
                data = f.read()
            n += 1
            for form in forms:
                assert len(form) < 5 or form not in data, (folder, name, form)
    return n


def test_no_password_in_any_file_at_the_highest_log_level():
    d, user = fresh()
    for mechanisms in ("plain", "login", ""):
        stores = manager.Stores()
        stores.env["TERN_LOG_LEVEL"] = "5"
        i = interface(d, user, stores, mechanisms=mechanisms)
        i.post("flag", [locals_of(i)[1]], set=FLAG["seen"])
        await_flag(d, user, 1, b"\\Seen")
        assert i.ask("LEAVE")["event"] == "LEFT"
        i.stores.manager.wait(timeout=places.SECONDS * places.SLOW)
        with open(stores.log) as f:
            log = f.read()
        assert re.search("SELECT|UID STORE", log), "the wire is in the log"
        assert assert_in_no_file(stores.top, user) >= 3


def test_no_password_on_any_command_line_or_in_the_log_of_tern():
    d, name = fresh()
    user = ui.User(d, user=name)
    user.wrap = places.SEEN
    t = user.open("-d", "5", "-f", "=INBOX")
    t.wait("m2")
    assert {"tern", "tern-session", "tern-imap"} <= set(user.processes().values()), user.processes()
    for pid in user.processes():
        assert not [data for data in places.told_of(pid) if dovecot.PASSWORD.encode() in data], pid
    t.keys("q")
    t.end()
    assert assert_in_no_file(user.home, name) >= 3


# --- Links and servers. -------------------------------------------------------------

def test_frozen_with_requests_in_flight():
    d, user = fresh(4)
    p = proxy.Proxy(d.imaps_port)
    i = interface(d, user, port=p.port)
    locals = locals_of(i)
    doc = i.wait("DOCUMENT", id=i.send("READ", local=locals[1]))
    os.close(doc["fd"])
    p.freeze()
    stuck = i.send("READ", local=locals[2])
    i.events.clear()
    assert i.post("flag", [locals[3]], set=FLAG["flagged"])["event"] == "ACK"
    assert i.post("move", [locals[4]], target="Archive")["event"] == "ACK"
    doc = i.wait("DOCUMENT", id=i.send("READ", local=locals[1]))
    os.close(doc["fd"])
    # None of it waited for the frozen link to be given up: what hangs there hangs still.
    assert not [e for e in i.events if e["event"] == "ACCOUNT_STATE" and e["state"] == WAITING], i.events
    i.send("CANCEL", request=stuck)
    i.wait("CANCELED", id=stuck)
    # Two at a time are stuck; a third reader is not needed to get out.
    p.thaw()
    await_flag(d, user, 3, b"\\Flagged")
    places.await_true("the move", lambda: message_ids(d, user, "Archive") == ["<m3@example.org>"])


def test_the_server_goes_in_the_middle():
    d, user = fresh(3)
    p = proxy.Proxy(d.imaps_port)
    i = interface(d, user, port=p.port)
    locals = locals_of(i)
    for at in (0, 40, 200):
        p.cut_at("down", at, "reset")
        uid = {0: 1, 40: 2, 200: 3}[at]
        assert i.post("copy", [locals[uid]], target="Archive")["event"] == "ACK"
        places.await_true("the cut", p.has_cut)
        p.cut_at("down", None)
        i.send("CONNECT_NOW")
        places.await_true("the end", lambda: (i._take(0.02), i.send("CONNECT_NOW"),
                                              all(s["state"] == 4 for s in i.stores.intents()))[2])
    assert sorted(message_ids(d, user, "Archive")) == ["<m%d@example.org>" % n for n in range(3)]


def test_a_mailbox_that_is_read_only():
    d, user = fresh(0)
    c = d.client(user)
    append(c, "kept", "Archive")
    c.logout()
    d.doveadm("acl", "set", "-u", user, "Archive", "owner", "lookup", "read")
    i = interface(d, user, mailbox="Archive")
    rows = i.stores.rows("Archive")
    assert [r["subject"] for r in rows] == ["kept"], rows
    assert i.post("flag", [rows[0]["local"]], set=FLAG["flagged"])["event"] in ("ACK", "REFUSED")
    e = i.wait("NOTICE", "REFUSED", where=lambda e: "read-only" in e["text"] or "refused" in e["text"])
    assert e
    places.await_true("nothing waits", lambda: not [s for s in i.stores.intents() if s["state"] in (1, 2)])
    assert not i.stores.rows("Archive")[0]["flags"] & FLAG["flagged"], "what was refused is not shown as done"


# --- Strangers on the socket. ---------------------------------------------------------

def raw_connection(i):
    s = socket.socket(socket.AF_UNIX)
    s.connect(manager.Interface._socket_path(i)[0])
    return s


def test_garbage_on_the_managers_socket_harms_nobody():
    import random
    seed = int(os.environ.get("TERN_SEED", time.time()))
    tap.note("seed %d" % seed)
    chance = random.Random(seed)
    d, user = fresh()
    i = interface(d, user)
    hello = manager.encode("HELLO", dict(protocol=places.PROTOCOL, schema=1, build="test", pid=1))
    greeting = struct.pack("<IHHQ", len(hello), manager.TYPES["HELLO"], 0, 0) + hello
    kinds = [n for n in manager.TYPES.values() if n < 1000]
    kinds = [n for n in kinds if n != manager.TYPES["FINISH"]]
    for n in range(300):
        s = raw_connection(i)
        data = greeting if n % 3 else b""
        for _ in range(chance.randrange(1, 6)):
            kind = chance.choice(kinds + [0, 999, 1001, 65535])
            payload = chance.choice([
                b"", os.urandom(chance.randrange(64)),
                b"\xff" * chance.randrange(200), b"\0" * chance.randrange(200),
                struct.pack("<I", 4) + b"home" + struct.pack("<I", 5) + b"INBOX\0",
                struct.pack("<I", 0xffffffff) * 8,
                struct.pack("<I", 16) + b"p" * 16 + bytes([chance.randrange(8)]) +
                struct.pack("<I", 4) + b"home" + struct.pack("<I", 5) + b"INBOX" + struct.pack("<I", 8) + struct.pack("<Q", chance.randrange(9)) +
                b"\0" * 8 + struct.pack("<I", 0) * 3])
            size = chance.choice([len(payload), len(payload), len(payload), 0xffffffff, 1 << 20, 1 << 21])
            data += struct.pack("<IHHQ", size, kind, chance.randrange(4), chance.randrange(1 << 40)) + payload
        try:
            s.sendall(data)
            if n % 5 == 0:
                s.settimeout(0.05)
                s.recv(65536)
        except OSError:
            pass
        s.close()
    assert i.stores.manager.poll() is None, "the manager died of it"
    assert i.post("flag", [locals_of(i)[1]], set=FLAG["answered"])["event"] == "ACK"
    await_flag(d, user, 1, b"\\Answered")


# --- Servers that lie. ------------------------------------------------------------------

CAPS = b"IMAP4rev1 UIDPLUS MOVE CONDSTORE ENABLE QRESYNC IDLE AUTH=PLAIN SASL-IR LITERAL+ SPECIAL-USE"
ROW = (b'* 1 FETCH (UID 7 FLAGS () INTERNALDATE "20-Nov-2026 10:00:00 +0000" RFC822.SIZE 100 '
       b'BODY[HEADER.FIELDS (X)] {16}\r\nSubject: true\r\n\r\n)\r\n')


def liar(lies):
    """A server that opens a mailbox, with these lies in its answers."""
    def answer(tag, command):
        tag, word = tag.encode(), command.split(" ")[0].upper()
        name = word if word != "UID" else "UID " + command.split(" ")[1].upper()
        lie = lies.get(name, lies.get(word))
        if callable(lie):
            return lie(tag, command)
        if lie is not None:
            return lie.replace(b"TAG", tag)
        if word == "CAPABILITY":
            return b"* CAPABILITY " + CAPS + b"\r\n" + tag + b" OK done\r\n"
        if word in ("SELECT", "EXAMINE"):
            return (b"* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 8] x\r\n* OK [HIGHESTMODSEQ 5] x\r\n"
                    b"* FLAGS (\\Seen)\r\n" + tag + b" OK [READ-WRITE] done\r\n")
        if command == "IDLE":
            return b"+ idling\r\n"
        return tag + b" OK done\r\n"
    return Script(b"* OK [CAPABILITY " + CAPS + b"] hello\r\n", answer)


LIES = {
    "vanished of everything": {"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 8] x\r\n"
                               b"* VANISHED (EARLIER) 1:4294967295\r\nTAG OK [READ-WRITE] x\r\n"},
    "uidvalidity 0": {"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 0] x\r\n* OK [UIDNEXT 8] x\r\nTAG OK x\r\n"},
    "exists too much": {"SELECT": b"* 4294967295 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 4294967295] x\r\n"
                        b"TAG OK [READ-WRITE] x\r\n"},
    "numbers beyond": {"SELECT": b"* 99999999999999999999 EXISTS\r\nTAG OK x\r\n"},
    "modseq beyond": {"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 8] x\r\n"
                      b"* OK [HIGHESTMODSEQ 18446744073709551616] x\r\nTAG OK x\r\n"},
    "a literal cut": {"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 8] x\r\nTAG OK x\r\n",
                      "UID": lambda tag, command: None},
    "a literal of 4 GiB": {"UID": b"* 1 FETCH (UID 7 BODY[] {4294967295}\r\nabc\r\n"},
    "bye at once": {"SELECT": b"* BYE [UNAVAILABLE] go away \x1b[2J\xff\r\n"},
    "uids of nothing": {"UID SEARCH": b"* SEARCH 0 1 1 4294967295 -1\r\nTAG OK x\r\n"},
    "esearch of all": {"UID SEARCH": b"* ESEARCH (TAG \"TAG\") UID ALL 1:4294967295\r\nTAG OK x\r\n"},
    "nested": {"UID": b"* 1 FETCH (UID 7 BODYSTRUCTURE " + b"(" * 5000 + b"\r\nTAG OK x\r\n"},
    "permanentflags": {"SELECT": b"* OK [PERMANENTFLAGS (] x\r\nTAG OK x\r\n"},
    "an expunge of what is not there": {"SELECT": b"* 1 EXISTS\r\n* 4294967295 EXPUNGE\r\n* OK [UIDVALIDITY 9] x\r\n"
                                        b"* OK [UIDNEXT 8] x\r\nTAG OK x\r\n"},
}


def test_servers_that_lie_cost_one_connection():
    i = manager.Interface(manager.Stores(), PASSWORD_ANSWER)
    asked_for = {}
    for n, (name, lies) in enumerate(LIES.items()):
        s = liar(lies)
        i.account(name="a%d" % n, host="127.0.0.1", port=s.port, tls=0)
        asked_for[name] = (s, i.send("OPEN_MAILBOX", account="a%d" % n, mailbox="INBOX"))
    for name, (s, number) in asked_for.items():
        places.await_true(name, lambda: (i._take(0.02), [l for l in s.lines if "SELECT" in l])[1])
    d, user = fresh()
    i.account(name="true", host="localhost", port=d.imaps_port, user=user, ca_file=d.cert.ca)
    i.open("INBOX", account="true")
    assert i.stores.manager.poll() is None
    m0, = [r["local"] for m in i.stores.dump()["mailboxes"] for r in m["rows"] if r["subject"] == "m0"]
    assert i.post("flag", [m0],
                  set=FLAG["flagged"])["event"] == "ACK"
    await_flag(d, user, 1, b"\\Flagged")
    # No storm: a connection that fails is tried again with a pause.
    for name, (s, _) in asked_for.items():
        assert len([l for l in s.lines if "SELECT" in l]) < 12, (name, len(s.lines))


def holey(n):
    """A server with n messages: every second UID."""
    header = b"Subject: m\r\n\r\n"
    row = (b'* %d FETCH (UID %d FLAGS (\\Seen) INTERNALDATE "20-Nov-2026 10:00:00 +0000" RFC822.SIZE 100 '
           b'BODY[HEADER.FIELDS (X)] {' + b"%d" % len(header) + b"}\r\n" + header + b")\r\n")

    def numbers(text, last):
        for part in text.split(","):
            a, _, b = part.replace("*", str(last)).partition(":")
            yield from range(int(a), int(b or a) + 1)

    def fetch(tag, command):
        words = command.split(" ")
        if words[0] == "UID":
            seqs = [(uid + 1) // 2 for uid in numbers(words[2], 2 * n - 1) if uid % 2]
        else:
            seqs = numbers(words[1], n)
        return b"".join(row % (s, 2 * s - 1) for s in seqs) + tag + b" OK done\r\n"

    def search_all(tag, command):
        key = command.split(" ")[2:]
        uids = numbers(key[1], 2 * n - 1) if key[0] == "UID" else range(1, 2 * n)
        return b"* SEARCH " + b" ".join(b"%d" % u for u in uids if u % 2) + b"\r\n" + tag + b" OK done\r\n"
    return liar({"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nTAG OK done\r\n",
                 "LOGIN": b"TAG OK [CAPABILITY IMAP4rev1] done\r\n",
                 "AUTHENTICATE": b"TAG OK [CAPABILITY IMAP4rev1] done\r\n",
                 "SELECT": b"* %d EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT %d] x\r\n"
                           b"TAG OK [READ-WRITE] done\r\n" % (n, 2 * n),
                 "FETCH": fetch, "UID FETCH": fetch, "UID SEARCH": search_all})


def searches(s):
    return [l for l in s.lines if "UID SEARCH" in l]


def test_a_mailbox_with_a_hole_behind_every_message_fills():
    # As one answer too long a line, as one frame too long a set.
    s = holey(160000)
    i = manager.Interface(manager.Stores(), PASSWORD_ANSWER)
    i.account(host="127.0.0.1", port=s.port, tls=0)
    i.open()
    i.wait("ACCOUNT_STATE", where=lambda e: e["total"] > 150000 and e["done"] > 4000)
    # What is said to be done may be a moment before its commit.
    places.await_true("4,000 rows in the store", lambda: len(i.stores.rows()) > 4000)
    uids = [r["uid"] for r in i.stores.rows()]
    assert all(u % 2 for u in uids), [u for u in uids if u % 2 == 0][:9]
    # Once for each connection that opened it.
    assert len(searches(s)) <= 5 * len([l for l in s.lines if " SELECT " in l]), searches(s)


def test_a_server_that_hangs_up_after_login_is_not_called_again_and_again():
    s = liar({"SELECT": b"* BYE go away\r\n"})
    i = manager.Interface(manager.Stores(), PASSWORD_ANSWER)
    i.account(host="127.0.0.1", port=s.port, tls=0)
    began = time.monotonic()
    i.open(wait=False)
    # At once, then after 1 and 2 s: never five within two seconds.
    places.await_true("three tries", lambda: (i._take(0.02), sum("SELECT" in l for l in s.lines) >= 3)[1])
    while time.monotonic() < began + 2.0:
        i._take(0.1)
    assert sum("SELECT" in l for l in s.lines) < 5, s.lines
    assert [e for e in i.events if e["event"] == "ACCOUNT_STATE" and e["state"] == WAITING]


# --- No descriptors left. -----------------------------------------------------------

def seen():
    """Stores whose manager has descriptors that can be counted."""
    stores = manager.Stores()
    stores.wrap = places.SEEN
    return stores


def starve(pid):
    """Not one descriptor more for this process of seen(); returns what gives them back."""
    used = {int(n) for n in os.listdir("/proc/%d/fd" % pid)}
    lowest = next(n for n in range(len(used) + 1) if n not in used)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, limits[1]))
    return lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def test_a_worker_that_cannot_be_started_is_tried_again():
    d, user = fresh()
    i = manager.Interface(seen(), PASSWORD_ANSWER)
    # The one that was started in advance ends unused.
    spare = lambda: [p for p, name in places.descendants(i.stores.manager.pid).items() if name == "tern-imap"]
    for pid in places.await_true("a worker in advance", spare):
        os.kill(pid, signal.SIGKILL)
    places.await_true("its end", lambda: not spare())
    feed = starve(i.stores.manager.pid)
    i.account(host="localhost", port=d.imaps_port, user=user, ca_file=d.cert.ca)
    i.open(wait=False)
    e = i.wait("ACCOUNT_STATE", where=lambda e: e["state"] in (WAITING, STOPPED))
    assert e["state"] == WAITING and e["retry_wall"] > 0, e
    feed()
    places.await_true("the rows, without a key", lambda: (i._take(0.05), len(i.stores.rows()) == 3)[1])


def test_an_interface_that_cannot_be_let_in_costs_no_processor():
    PAUSE = datetime.timedelta(seconds=0.9)  # it tries once a second
    i = manager.Interface(seen())
    pid = i.stores.manager.pid

    def said():
        """When, each time: the log tells."""
        with open(i.stores.log, errors="replace") as f:
            return [datetime.datetime.fromisoformat(l[:23]) for l in f if "cannot accept" in l]

    def ticks():
        with open("/proc/%d/stat" % pid) as f:
            return sum(int(n) for n in f.read().rsplit(") ", 1)[1].split()[11:13])
    feed = starve(pid)
    path, _ = i._socket_path()
    other = socket.socket(socket.AF_UNIX)
    other.connect(path)
    tap.later(other.close)
    places.await_true("a line of the log", lambda: len(said()) >= 1)
    before, n = ticks(), len(said())
    places.await_true("two more", lambda: len(said()) >= n + 2)
    used, when = ticks() - before, said()
    assert used < 50 and all(b - a > PAUSE for a, b in zip(when, when[1:])), (used, when)
    feed()
    hello = manager.encode("HELLO", dict(protocol=places.PROTOCOL, schema=1, build="test", pid=os.getpid()))
    other.sendall(struct.pack("<IHHQ", len(hello), manager.TYPES["HELLO"], 0, 1) + hello)
    other.settimeout(places.SECONDS * places.SLOW)
    assert other.recv(100), "nobody answered"


if __name__ == "__main__":
    disk.private_mounts()
    tap.main()
