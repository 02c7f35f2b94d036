"""Drive tern-imap by its frames, as the manager does.

The messages are read from include/tern/defs/*.def, so a new row is known here
by itself. Worker.ask() sends a request; Worker.wait() takes events until one
ends it; every event is a (type, id, dict) and is kept in Worker.events.
"""
import array
import os
import re
import select
import socket
import struct
import subprocess
import time

import places

SIZES = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "i64": "<q"}
ENDS = ("DONE", "FAILED", "CANCELED")


def read_defs():
    """Names, numbers and fields of all messages."""
    types, number = {}, 0
    for name, base in (("request", 0), ("event", 1000)):
        text = open(os.path.join(places.ROOT, "include/tern/defs", name + ".def")).read()
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S).replace("\\\n", " ")
        macros = dict(re.findall(r"#define (\w+)\(F\)[ \t]*(.*)", text))
        number = base
        for symbol, fields in re.findall(r"^MSG\((\w+), \w+, (\w+)\)", text, re.M):
            number += 1
            types[symbol] = (number, re.findall(r"F\((\w+), (\w+)\)", macros.get(fields, "")))
    return types


TYPES = read_defs()
NAMES = {number: name for name, (number, _) in TYPES.items()}


def put(fields, values):
    out = b""
    for kind, name in fields:
        v = values.get(name, 0 if kind in SIZES else b"")
        if kind in SIZES:
            out += struct.pack(SIZES[kind], v)
        else:
            v = v.encode() if isinstance(v, str) else bytes(v)
            out += struct.pack("<I", len(v)) + v
    return out


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, kind):
        if kind in SIZES:
            v = struct.unpack_from(SIZES[kind], self.data, self.at)[0]
            self.at += struct.calcsize(SIZES[kind])
            return v
        n = self.take("u32")
        v = self.data[self.at:self.at + n]
        if len(v) != n:
            raise ValueError("short frame")
        self.at += n
        return v.decode("utf-8") if kind == "text" else v

    def done(self):
        return self.at == len(self.data)


ROW = [("u64", "local"), ("u32", "uid"), ("u32", "size_bytes"), ("u32", "flags"), ("i64", "date"),
       ("i64", "internaldate"), ("u16", "zone_min"), ("u64", "modseq"), ("u64", "id_hash"),
       ("blob", "ancestors")] + [("text", n) for n in (
           "subject", "from_name", "from_addr", "to", "cc", "reply_to", "list_id", "message_id", "keywords")]
CHANGE = [("u32", "uid"), ("u32", "flags"), ("u64", "modseq"), ("text", "keywords")]
FOLDER = [("blob", "name"), ("u8", "delimiter"), ("u32", "attributes"), ("u8", "has_status"), ("u32", "messages"),
          ("u32", "unseen"), ("u32", "uidnext"), ("u32", "uidvalidity"), ("u64", "modseq")]
PART = [("u8", "depth"), ("u32", "n_children"), ("u32", "size_octets"), ("u32", "n_lines")] + [
    ("text", n) for n in ("section", "type", "subtype", "charset", "boundary", "params", "name", "disposition",
                          "encoding", "content_id", "description")]
FLAGS = {"seen": 1, "answered": 2, "flagged": 4, "deleted": 8, "draft": 16, "recent": 32, "attachment": 256}


def unpack(layout, data, n=None):
    """Items of one layout; checks that nothing is left over."""
    r = Reader(data)
    items = []
    while not r.done():
        items.append({name: r.take(kind) for kind, name in layout})
    if n is not None and len(items) != n:
        raise ValueError("%d items, said to be %d" % (len(items), n))
    return items


def flag_names(bits):
    return " ".join(n for n, b in FLAGS.items() if bits & b)


class Worker:
    def __init__(self, log=None):
        ours, theirs = socket.socketpair()
        env = dict(os.environ)
        if log:
            env["TERN_WIRE_LOG"] = "4"

        def set_up():
            os.dup2(theirs.fileno(), 3)
            os.set_inheritable(3, True)

        self.proc = subprocess.Popen([places.program("tern-imap")], preexec_fn=set_up, close_fds=False, env=env,
                                     stdin=subprocess.DEVNULL, stderr=log if log else subprocess.DEVNULL)
        theirs.close()
        self.sock, self.buffer, self.events, self.last_id = ours, b"", [], 0
        self.at_end = False
        self.ask("HELLO", id=0, protocol=places.PROTOCOL)

    def close(self):
        self.sock.close()
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()

    # --- frames

    def ask(self, name, id=None, fd=None, **values):
        number, fields = TYPES[name]
        unknown = set(values) - {n for _, n in fields}
        if unknown:
            raise ValueError("%s has no %s" % (name, ", ".join(unknown)))
        if id is None:
            self.last_id += 1
            id = self.last_id
        payload = put(fields, values)
        frame = struct.pack("<IHHQ", len(payload), number, 0 if fd is None else 1, id) + payload
        control = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        sent = self.sock.sendmsg([frame], control)
        self.sock.sendall(frame[sent:])
        return id

    def _parse(self):
        if len(self.buffer) < 16:
            return None
        n, number, _, id = struct.unpack_from("<IHHQ", self.buffer)
        if len(self.buffer) < 16 + n:
            return None
        r = Reader(self.buffer[16:16 + n])
        self.buffer = self.buffer[16 + n:]
        name = NAMES.get(number, str(number))
        values = {f: r.take(kind) for kind, f in TYPES[name][1]}
        assert r.done(), "bytes left in a frame " + name
        event = (name, id, values)
        self.events.append(event)
        return event

    def next(self, seconds=places.SECONDS):
        """The next event; None at end of file."""
        end = time.monotonic() + seconds * places.SLOW
        while True:
            event = self._parse()
            if event:
                return event
            if self.at_end:
                return None
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise AssertionError("no event for %.0f s; so far %s" % (
                    seconds, [e[0] for e in self.events[-10:]]))
            try:
                data = self.sock.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            self.at_end = not data
            self.buffer += data

    def wait(self, id, seconds=places.SECONDS):
        """Events up to the end of request `id`."""
        got = []
        while True:
            event = self.next(seconds)
            if event is None:
                raise AssertionError("tern-imap ended, status %s; %s" % (self.proc.wait(), self.events[-3:]))
            got.append(event)
            if event[1] == id and event[0] in ENDS:
                return got

    def wait_for(self, name, seconds=places.SECONDS):
        got = []
        while True:
            event = self.next(seconds)
            if event is None:
                raise AssertionError("ended before %s; %s" % (name, self.events[-3:]))
            got.append(event)
            if event[0] == name:
                return got

    # --- requests

    def done(self, name, fd=None, seconds=places.SECONDS, **values):
        """Ask, wait, insist that it went well; the events of that request."""
        id = self.ask(name, fd=fd, **values)
        got = self.wait(id, seconds)
        assert got[-1][0] == "DONE", "%s: %s %s" % (name, got[-1][0], got[-1][2])
        return [e for e in got if e[1] == id]

    def tunnel(self, command):
        self.ask("W_CONNECT", account="test", tunnel=command, tls=0)
        self.wait_for("W_LOGGED_IN")

    def structure(self, event):
        r = Reader(event[2]["structure"])
        if not event[2]["structure"]:
            return None
        n = r.take("u32")
        items = [{name: r.take(kind) for kind, name in PART} for _ in range(n)]
        assert r.done()
        return items


def rows(events):
    return [row for e in events if e[0] == "W_ROWS" for row in unpack(ROW, e[2]["rows"], e[2]["n"])]


def changes(events):
    return [c for e in events if e[0] == "W_FLAGS" for c in unpack(CHANGE, e[2]["changes"], e[2]["n"])]


def folders(events):
    return [f for e in events if e[0] == "W_FOLDERS" for f in unpack(FOLDER, e[2]["folders"], e[2]["n"])]


def one(events, name):
    found = [e for e in events if e[0] == name]
    assert len(found) == 1, "%d events %s in %s" % (len(found), name, [e[0] for e in events])
    return found[0][2]
