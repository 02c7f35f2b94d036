#!/usr/bin/env python3
"""Play transcripts: a scripted server on one side of tern-imap, the manager's
frames on its other.

usage: play.py [FILE.imap...]         without a file: test the player itself

Lines of a transcript, played in order:

    connect: clear | starttls | imaps | tunnel     (first; clear is the default)
    also: bytes cuts                       (play again in single bytes; cut after
                                            each byte of the server's)
    S: text        the server sends a line          S- text   without CR LF
    C: text        the client must have sent just this line
    C~ regex       ... a line that matches
    > NAME#label field=value...            the manager asks (blanks: field="a b")
    < NAME#label field=value...            the next event; fields left out may be
                                           anything; uids=, subjects=, flags=,
                                           structure= look into the frame
    @ready CAP...  greeting PREAUTH with these capabilities, up to W_LOGGED_IN
    @tls           the server's side of the handshake
    @deflate       both sides are compressed from here on
    @close         the server closes        @end      tern-imap ends, status 0
    @file label    the last descriptor handed out holds the lines up to `.`
    @quiet         nothing comes from the client, nor an event, for 0.2 s

In text \\r \\n \\t \\0 \\\\ \\xHH are escapes. W_STATE and HELLO are passed over.
Tags are A1, A2, ... in the order of sending.
"""
import os
import re
import select
import shlex
import socket
import ssl
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import certs
import places
import worker

PASSED_OVER = ("W_STATE", "HELLO")


class Cut(Exception):
    """The server's output ended where it was told to."""


def unescape(text):
    return re.sub(rb"\\(?:x([0-9a-fA-F]{2})|(.))",
                  lambda m: bytes([int(m[1], 16)]) if m[1] else
                  {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}.get(m[2], m[2]), text)


class Player:
    def __init__(self, path, slice_bytes=0, cut_at=None):
        self.path, self.slice, self.cut_at = path, slice_bytes, cut_at
        self.steps = [l.rstrip(b"\n") for l in open(path, "rb")]
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1)
        self.sock, self.line_buffer, self.sent, self.labels, self.fds = None, b"", 0, {}, []
        self.packs = self.unpacks = None
        self.worker = worker.Worker()
        self.mode = "clear"
        self.also = []

    def close(self):
        self.worker.close()
        for s in (self.sock, self.listener):
            if s:
                s.close()
        for fd in self.fds:
            os.close(fd)

    # --- the server's side

    def connect(self):
        cert = certs.get("good") if self.mode in ("starttls", "imaps") else None
        port = self.listener.getsockname()[1]
        relay = "exec '%s' '%s' %d" % (sys.executable, os.path.join(places.ROOT, "tests", "lib", "relay.py"), port)
        self.worker.ask("W_CONNECT", account="test", host="localhost" if cert else "127.0.0.1", port=port,
                        tunnel=relay if self.mode == "tunnel" else "",
                        tls={"starttls": 1, "imaps": 2}.get(self.mode, 0), ca_file=cert.ca if cert else "")
        self.listener.settimeout(places.SECONDS * places.SLOW)
        self.sock, _ = self.listener.accept()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.mode == "imaps":
            self.tls()

    def tls(self):
        cert = certs.get("good")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert.crt, cert.key)
        self.sock.settimeout(places.SECONDS * places.SLOW)
        self.sock = context.wrap_socket(self.sock, server_side=True)

    def deflate(self):
        self.packs, self.unpacks = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)

    def send(self, data):
        if self.packs:
            data = self.packs.compress(data) + self.packs.flush(zlib.Z_SYNC_FLUSH)
        is_cut = self.cut_at is not None and self.sent + len(data) > self.cut_at
        if is_cut:
            data = data[:self.cut_at - self.sent]
        self.sent += len(data)
        step = self.slice or len(data) or 1
        try:
            for i in range(0, len(data), step):
                self.sock.sendall(data[i:i + step])
        except OSError as e:
            raise AssertionError("the client is gone: %s" % e)
        if is_cut:
            raise Cut()

    def line(self):
        end = time.monotonic() + places.SECONDS * places.SLOW
        while b"\r\n" not in self.line_buffer:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = self.sock.recv(65536)
            except (TimeoutError, socket.timeout):
                raise AssertionError("the client sent nothing; before: %r" % self.line_buffer)
            if not data:
                raise AssertionError("the client closed the connection")
            self.line_buffer += self.unpacks.decompress(data) if self.unpacks else data
        line, self.line_buffer = self.line_buffer.split(b"\r\n", 1)
        return line

    # --- the manager's side

    def fields(self, text):
        name, *words = shlex.split(text.decode("latin-1"), posix=True)
        name, _, label = name.partition("#")
        return name, label, dict(w.split("=", 1) for w in words)

    def ask(self, text):
        name, label, values = self.fields(text)
        kinds = {n: k for k, n in worker.TYPES[name][1]}
        for key, value in values.items():
            values[key] = int(value) if kinds.get(key) in worker.SIZES else unescape(value.encode("latin-1"))
        fd = None
        if name in ("W_FETCH_TEXT", "W_FETCH_PART"):
            fd = os.memfd_create("text")
            self.fds.append(fd)
        if "request" in values and label == "":
            values["request"] = values["request"]
        if name == "CANCEL":
            values = {"request": self.labels[label]}
            label = ""
        id = self.worker.ask(name, fd=fd, **values)
        if label:
            self.labels[label] = id

    def event(self):
        while True:
            event = self.worker.next()
            if event is None or event[0] not in PASSED_OVER:
                return event

    def seen(self, event, key):
        name, _, values = event
        if name == "W_ROWS":
            rows = worker.rows([event])
            if key == "uids":
                return ",".join(str(r["uid"]) for r in rows)
            if key == "subjects":
                return ",".join(r["subject"] for r in rows)
            if key == "flags":
                return ",".join(worker.flag_names(r["flags"]) for r in rows)
        if name == "W_FLAGS":
            changes = worker.changes([event])
            if key == "uids":
                return ",".join(str(c["uid"]) for c in changes)
            if key == "flags":
                return ",".join((worker.flag_names(c["flags"]) + " " + c["keywords"]).strip() for c in changes)
        if name == "W_FOLDERS" and key == "names":
            return ",".join(f["name"].decode("latin-1") for f in worker.folders([event]))
        if name == "W_STRUCTURE" and key == "structure":
            parts = self.worker.structure(event)
            return " ".join("[%s]%s/%s" % (p["section"], p["type"], p["subtype"]) for p in parts) if parts else ""
        value = values[key]
        return value.decode("latin-1") if isinstance(value, bytes) else str(value)

    def expect(self, text):
        name, label, values = self.fields(text)
        event = self.event()
        if event is None or event[0] != name:
            raise AssertionError("want %s, got %s" % (text.decode("latin-1"), event))
        want_id = {"": None, "0": 0}.get(label, self.labels.get(label))
        if want_id is not None and event[1] != want_id:
            raise AssertionError("%s has id %d, not that of #%s" % (name, event[1], label))
        # However many frames a list came in.
        while name in ("W_ROWS", "W_FLAGS") and "uids" in values:
            got = self.seen(event, "uids")
            if not values["uids"].startswith(got + ","):
                break
            more = self.event()
            if more is None or more[0] != name:
                raise AssertionError("%s: only %s came, then %s" % (name, got, more))
            blob = "rows" if name == "W_ROWS" else "changes"
            event = (name, event[1], {"n": event[2]["n"] + more[2]["n"], blob: event[2][blob] + more[2][blob]})
        for key, value in values.items():
            if key == "text" and value.encode("latin-1").decode() not in self.seen(event, key):
                raise AssertionError("%s: %r is not in %r" % (name, value, self.seen(event, key)))
            if key != "text" and self.seen(event, key) != value:
                raise AssertionError("%s: %s is %r, not %r" % (name, key, self.seen(event, key), value))

    # --- words

    def ready(self, words):
        caps = b" ".join([b"IMAP4rev1", words]).strip()
        self.send(b"* PREAUTH [CAPABILITY " + caps + b"] hi\r\n")
        while (self.event() or [""])[0] != "W_LOGGED_IN":
            if self.worker.at_end:
                raise AssertionError("tern-imap ended before the login")

    def end(self, words):
        while self.event() is not None:
            pass
        status = self.worker.proc.wait(places.SECONDS * places.SLOW)
        if status != 0:
            raise AssertionError("tern-imap ended with status %d" % status)

    def quiet(self, words):
        got = select.select([self.sock, self.worker.sock], [], [], 0.2)[0]
        if got or self.line_buffer:
            raise AssertionError("something came: %r %r" % (
                self.line_buffer or (self.sock in got and self.sock.recv(1000)),
                self.worker.sock in got and self.worker.next()))

    def file(self, lines):
        got = os.pread(self.fds[-1], 1 << 20, 0)
        want = b"".join(unescape(l) + b"\r\n" for l in lines)
        if got != want:
            raise AssertionError("the file holds %r, not %r" % (got, want))

    def play(self):
        steps = iter(enumerate(self.steps, 1))
        words = {b"@ready": self.ready, b"@tls": lambda w: self.tls(),
                 b"@deflate": lambda w: self.deflate(), b"@end": self.end, b"@quiet": self.quiet,
                 b"@close": lambda w: self.sock.close()}
        for number, step in steps:
            try:
                if not step or step.startswith(b"#"):
                    continue
                kind, _, rest = step.partition(b" ")
                if kind == b"connect:":
                    self.mode = rest.decode()
                    continue
                if kind == b"also:":
                    self.also = rest.decode().split()
                    continue
                if self.sock is None:
                    self.connect()
                if kind == b"S:":
                    self.send(unescape(rest) + b"\r\n")
                elif kind == b"S-":
                    self.send(unescape(rest))
                elif kind in (b"C:", b"C~"):
                    line, want = self.line(), unescape(rest) if kind == b"C:" else rest
                    if line != want if kind == b"C:" else not re.fullmatch(want, line):
                        raise AssertionError("the client sent %r, not %r" % (line, want))
                elif kind == b">":
                    self.ask(rest)
                elif kind == b"<":
                    self.expect(rest)
                elif kind == b"@file":
                    lines = []
                    for _, line in steps:
                        if line == b".":
                            break
                        lines.append(line)
                    self.file(lines)
                elif kind in words:
                    words[kind](rest)
                else:
                    raise ValueError("what is %r?" % step)
            except AssertionError as e:
                raise AssertionError("%s:%d: %s" % (os.path.basename(self.path), number, e)) from None


def play(path, **how):
    p = Player(path, **how)
    try:
        p.play()
    finally:
        p.close()
    return p


def play_cut(path, at):
    """Cut the connection there: tern-imap must say so and end well."""
    p = Player(path, cut_at=at)
    try:
        p.play()
    except Cut:
        p.sock.close()
        events = []
        while (event := p.worker.next()) is not None:
            events.append(event)
        status = p.worker.proc.wait(places.SECONDS * places.SLOW)
        assert status == 0, "cut at %d: status %d" % (at, status)
        assert events and events[-1][0] == "FAILED", "cut at %d: last of it %s" % (at, events[-1:])
    finally:
        p.close()


def cut_points(total):
    """Every byte of a short one; of a longer one spread over it, not always the same residue."""
    n = 60 if places.SLOW == 1 else 20
    return range(total) if total <= n else sorted({i * total // n + i % 3 for i in range(n)} & set(range(total)))


def run(path):
    number, failed = 0, 0

    def report(what, function):
        nonlocal number, failed
        number += 1
        try:
            function()
        except Exception as e:
            failed += 1
            print("not ok %d - %s" % (number, what))
            for line in ("%s: %s" % (type(e).__name__, e)).splitlines():
                print("# " + line)
        else:
            print("ok %d - %s" % (number, what))
        sys.stdout.flush()

    played = []
    report("whole", lambda: played.append(play(path)))
    if not played:
        return 1
    if "bytes" in played[0].also:
        report("in single bytes", lambda: play(path, slice_bytes=1))
    if "cuts" in played[0].also:
        report("cut", lambda: [play_cut(path, at) for at in cut_points(played[0].sent)])
    return 1 if failed else 0


def test_the_player():
    """A transcript that is wrong must fail, at its line."""
    wrong = [
        (b"@ready\n> W_OPEN mailbox=INBOX\nC: A1 SELECT OTHER\n", ":3: the client sent"),
        (b"S: * OK hi\nC: A1 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: A1 OK x\n< W_LOGGED_IN\n", ":5: want W_LOGGED_IN"),
        (b"@ready\n> W_OPEN mailbox=INBOX\n@quiet\n", ":3: something came"),
    ]
    failed = 0
    for i, (text, why) in enumerate(wrong, 1):
        path = os.path.join(places.temp_dir(), "t.imap")
        open(path, "wb").write(text)
        try:
            play(path)
            got = "it passed"
        except AssertionError as e:
            got = str(e)
        is_good = why in got
        failed += not is_good
        print("%sok %d - a wrong transcript fails%s" % ("" if is_good else "not ", i, "" if is_good else ": " + got))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(max([run(p) for p in sys.argv[1:]]) if len(sys.argv) > 1 else test_the_player())
