"""An interface to tern-session without a screen: frames out, frames in.

The messages come from include/tern/defs/{request,event}.def, as in the programs
themselves. `storedump` (tests/tools) shows what an interface would show.
"""
import fcntl
import json
import os
import re
import select
import socket
import struct
import subprocess
import time

import places
import tap

DEFS = os.path.join(places.ROOT, "include", "tern", "defs")
INTENT = {"flag": 1, "keyword": 2, "move": 3, "copy": 4, "delete": 5}
FLAG = {"seen": 1, "answered": 2, "flagged": 4, "deleted": 8, "draft": 16}
PACK = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "i64": "<q"}


def _read_defs():
    types, by_number, fields = {}, {}, {}
    for name, first in (("request.def", 1), ("event.def", 1001)):
        with open(os.path.join(DEFS, name)) as f:
            text = f.read().replace("\\\n", " ")
        macros = {"NO_FIELDS": []}
        for m in re.finditer(r"#define (F_\w+)\(F\)(.*)", text):
            macros[m[1]] = re.findall(r"F\((\w+), (\w+)\)", m[2])
        text = re.sub(r"/\*.*?\*/|#define.*", "", text, flags=re.S if False else 0)
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for n, m in enumerate(re.finditer(r"^MSG\((\w+), (\w+), (\w+)\)", text, re.M)):
            types[m[1]] = first + n
            by_number[first + n] = m[1]
            fields[m[1]] = macros.get(m[3], [])
    return types, by_number, fields


TYPES, NAMES, FIELDS = _read_defs()


def encode(name, values):
    out = b""
    for kind, field in FIELDS[name]:
        v = values.pop(field, None)
        if kind in PACK:
            out += struct.pack(PACK[kind], v or 0)
        else:
            v = (v or b"").encode() if isinstance(v or b"", str) else v or b""
            out += struct.pack("<I", len(v)) + v
    assert not values, "no field %s in %s" % (list(values), name)
    return out


def decode(name, data):
    out, at = {}, 0
    for kind, field in FIELDS[name]:
        if kind in PACK:
            out[field], = struct.unpack_from(PACK[kind], data, at)
            at += struct.calcsize(PACK[kind])
        else:
            n, = struct.unpack_from("<I", data, at)
            out[field] = data[at + 4:at + 4 + n]
            if kind == "text":
                out[field] = out[field].decode()
            at += 4 + n
    assert at == len(data), name
    return out


class Gone(Exception):
    pass


class Stores:
    """Private XDG directories, and what is in the two stores."""

    def __init__(self):
        self.top = places.temp_dir("tern-xdg-")
        self.env = dict(os.environ, HOME=self.top, XDG_CACHE_HOME=self.top + "/cache",
                        XDG_STATE_HOME=self.top + "/state", XDG_CONFIG_HOME=self.top + "/config",
                        XDG_RUNTIME_DIR=self.top + "/run")
        for d in ("cache", "state", "config", "run"):
            os.makedirs(os.path.join(self.top, d), mode=0o700)
        self.log = os.path.join(self.top, "log")
        self.env.update(TERN_LOG=self.log, TERN_LOG_LEVEL="4")
        self.wrap = []  # a command in front of the manager, such as strace

    def dump(self):
        out = subprocess.run([os.path.join(places.BUILD, "tests/tools/storedump")], env=self.env,
                             capture_output=True, timeout=60)
        assert out.returncode == 0, out.stderr.decode()
        return json.loads(out.stdout)

    def rows(self, mailbox="INBOX"):
        """What an interface shows, oldest first: [{uid, local, flags, subject}]."""
        for m in self.dump()["mailboxes"]:
            if m["name"] == mailbox:
                return m["rows"]
        return []

    def intents(self):
        return self.dump()["intents"]


class Interface:
    """Attached to the manager of some stores, which is started if need be."""

    def __init__(self, stores, answers=None):
        self.stores = stores
        self.answers = answers or {}
        self.next_id = 1
        self.events = []
        self.fds = {}
        self.data = b""
        self.sock = self._connect()
        tap.later(self.close)
        self.send("HELLO", protocol=places.PROTOCOL, schema=1, build="test", pid=os.getpid())
        self.wait("HELLO")

    def _socket_path(self):
        state = os.path.realpath(os.path.join(self.stores.env["XDG_STATE_HOME"], "tern"))
        os.makedirs(state, mode=0o700, exist_ok=True)
        run = os.path.join(self.stores.env["XDG_RUNTIME_DIR"], "tern")
        os.makedirs(run, mode=0o700, exist_ok=True)
        h = 0xcbf29ce484222325
        for byte in state.encode():
            h = (h ^ byte) * 0x100000001b3 & 0xffffffffffffffff
        return os.path.join(run, "%016x" % h), state

    def _connect(self):
        path, state = self._socket_path()
        end = time.monotonic() + places.SECONDS * places.SLOW
        while True:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(path)
                return s
            except OSError:
                s.close()
            self._start(path, state)
            if time.monotonic() > end:
                raise AssertionError("no manager came up")
            time.sleep(0.01)

    def _start(self, path, state):
        lock = os.open(os.path.join(state, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return
        if os.path.exists(path):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(16)
        fd = listener.fileno()
        # Out of the way of 3 and 4, and of the pipe that Popen makes for itself.
        high = [fcntl.fcntl(n, fcntl.F_DUPFD_CLOEXEC, 50) for n in (fd, lock)]
        low = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]

        def place():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
        self.stores.manager = subprocess.Popen(self.stores.wrap + [places.program("tern-session")], env=self.stores.env,
                                               preexec_fn=place, close_fds=False,
                                               start_new_session=True)
        for h in high + low + [lock]:
            os.close(h)
        listener.close()

    def close(self):
        self.sock.close()

    def send(self, name, /, **values):
        payload = encode(name, dict(values))
        number, self.next_id = self.next_id, self.next_id + 1
        try:
            self.sock.sendall(struct.pack("<IHHQ", len(payload), TYPES[name], 0, number) + payload)
        except OSError:
            raise Gone()
        return number

    def _take(self, seconds):
        """Read what is there; wait for at most this long."""
        if select.select([self.sock], [], [], seconds)[0]:
            try:
                data, fds, _, _ = socket.recv_fds(self.sock, 1 << 20, 16)
            except OSError:
                raise Gone()
            if not data:
                raise Gone()
            self.data += data
            self.received_fds = getattr(self, "received_fds", []) + list(fds)
        while len(self.data) >= 16:
            n, kind, flags, number = struct.unpack_from("<IHHQ", self.data)
            if len(self.data) < 16 + n:
                break
            payload, self.data = self.data[16:16 + n], self.data[16 + n:]
            name = NAMES.get(kind, str(kind))
            event = dict(decode(name, payload), event=name, id=number)
            if flags & 1:
                event["fd"] = self.received_fds.pop(0)
            if name == "QUESTION":
                self._answer(event)
            self.events.append(event)

    def _answer(self, q):
        answer = self.answers.get(q["kind"])
        if answer is not None:
            verdict, text = answer
            self.send("ANSWER", question=q["question"], verdict=verdict, text=text)

    def wait(self, *names, id=None, seconds=places.SECONDS, where=None):
        """The first event of these names (and id), taken out of the queue."""
        end = time.monotonic() + seconds * places.SLOW
        while True:
            for i, e in enumerate(self.events):
                if e["event"] in names and (id is None or e["id"] == id) and (where is None or where(e)):
                    return self.events.pop(i)
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError("no %s; got %s" % ("/".join(names), self.events[-8:]))
            self._take(min(left, 0.5))

    def ask(self, name, /, **values):
        """A request to its end."""
        return self.wait("DONE", "FAILED", "CANCELED", "ACK", "REFUSED", "LEFT",
                         id=self.send(name, **values))

    def account(self, name="home", host="", port=0, tls=2, user="anna", tunnel="", **more):
        end = self.ask("ACCOUNT", name=name, host=host or ("tunnel" if tunnel else ""), port=port,
                       tls=tls, user=user, tunnel=tunnel, use_idle=1, **more)
        assert end["event"] == "DONE", end

    def open(self, mailbox="INBOX", account="home", wait=True):
        number = self.send("OPEN_MAILBOX", account=account, mailbox=mailbox)
        self.name = dict(account=account, mailbox=mailbox)
        self.mailbox = self.wait("OPENED", id=number)["mailbox"]
        if wait:
            end = self.wait("DONE", "FAILED", id=number)
            assert end["event"] == "DONE", end
        return self.mailbox

    def post(self, kind, locals, set=0, clear=0, target="", post_id=None, mailbox=None, keyword=""):
        """Post and wait for the acknowledgement."""
        data = b"".join(struct.pack("<Q", l) for l in locals)
        name = dict(self.name, mailbox=mailbox or self.name["mailbox"])
        return self.ask("POST", post_id=post_id or os.urandom(16), kind=INTENT[kind], **name,
                        locals=data, set_flags=set, clear_flags=clear, target=target, keyword=keyword)

    def release(self):
        return self.ask("RELEASE", post_id=os.urandom(16), **self.name)

    def undo(self):
        return self.ask("UNDO", post_id=os.urandom(16))
