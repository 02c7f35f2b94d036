#!/usr/bin/env python3
"""A proxy between client and server: counts, delays, freezes, cuts, records.

    p = proxy.Proxy(server.imaps_port, rtt_ms=50)
    ... let the client connect to p.port ...
    before = p.counts()
    ...
    print(p.counts() - before)        # bytes and flights since
    p.freeze(); p.thaw(); p.freeze_at("down", 815); p.freeze_after("UID STORE")
    p.cut("reset"); p.cut_at("down", 4711, "close")

It runs in a process of its own, so that a busy test does not disturb it. The
delay is half the RTT each way, whatever the amount; a connection costs one RTT
before anything passes, as TCP's handshake would. A *flight* is what the client
sends after it has been sent something: the number of round trips it has paid
for. With tls="good" the proxy ends the client's TLS itself and speaks plain
IMAP to the server: it then counts, records and cuts commands and responses,
not TLS records.
"""
import asyncio
import collections
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import time

_Counts = collections.namedtuple("_Counts", "connections flights up down")


class Counts(_Counts):
    """Connections, flights, bytes up (to the server) and down."""

    def __sub__(self, other):
        return Counts(*(a - b for a, b in zip(self, other)))


# --- The side of the test. ---------------------------------------------------

class Proxy:
    def __init__(self, target_port, rtt_ms=0, tls=None, record=None, port=0):
        argv = [sys.executable, os.path.abspath(__file__), str(target_port), str(rtt_ms), record or "-", str(port)]
        if tls:
            import certs
            argv += [certs.get(tls).pem]
        self.helper = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.helper.stdout.readline())
        self.record = record
        try:
            import tap
            tap.later(self.close)
        except ImportError:
            pass

    def ask(self, *words):
        self.helper.stdin.write(json.dumps(words) + "\n")
        self.helper.stdin.flush()
        answer = self.helper.stdout.readline()
        if not answer:
            raise AssertionError("the proxy is gone")
        return json.loads(answer)

    def counts(self):
        return Counts(*self.ask("counts"))

    def open_connections(self):
        return self.ask("open")

    def set_rtt(self, rtt_ms):
        self.ask("rtt", rtt_ms)

    def freeze(self, direction="both"):
        """Nothing passes and nothing is read any more; connections stay. New
        ones are taken by the kernel and get no answer."""
        self.ask("freeze", direction)

    def freeze_at(self, direction, n_bytes):
        """Freeze "up" or "down" by itself, once so many more bytes have passed."""
        self.ask("freeze_at", direction, n_bytes)

    def freeze_after(self, pattern):
        """Freeze "down" by itself once a client has said what matches: that passes, its
        answer does not. Needs `tls`, as the proxy has to read it."""
        self.ask("freeze_after", pattern)

    def is_frozen(self):
        return self.ask("is_frozen")

    def thaw(self):
        self.ask("freeze", "none")

    def refuse(self, on=True):
        """New connections are reset at once."""
        self.ask("refuse", on)

    def cut(self, how="close"):
        """End all connections now, "close" (FIN) or "reset" (RST); what is on its
        way is lost. Returns how many there were."""
        return self.ask("cut", how)

    def cut_at(self, direction, n_bytes, how="close"):
        """Pass so many more bytes "up" or "down" (over all connections), not one
        more, then cut. None takes it back."""
        self.ask("cut_at", direction, n_bytes, how)

    def has_cut(self):
        """Whether what cut_at() ordered has happened."""
        return self.ask("has_cut")

    def close(self):
        if self.helper.poll() is None:
            self.helper.stdin.close()
            try:
                self.helper.wait(5)
            except subprocess.TimeoutExpired:
                self.helper.kill()
        self.helper.wait()
        self.helper.stdout.close()

    def recorded(self, direction=None):
        """What passed: a list of (seconds, connection, direction, bytes)."""
        out = []
        with open(self.record, "rb") as f:
            while True:
                line = f.readline()
                if not line:
                    return out
                when, conn, way, size = line.split()
                data = f.read(int(size))
                f.read(1)
                if direction in (None, way.decode()):
                    out.append((float(when), int(conn), way.decode(), data))


# --- The proxy's own process. ----------------------------------------------

class Side(asyncio.Protocol):
    """One of the two connections of a pair."""

    def __init__(self, pair, way):
        self.pair, self.way, self.transport = pair, way, None

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(high=4 << 20)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pair.made(self)

    def data_received(self, data):
        self.pair.received(self.way, data)

    def eof_received(self):
        self.pair.received(self.way, None)
        return False

    def connection_lost(self, exc):
        self.pair.received(self.way, None)

    def pause_writing(self):
        self.pair.throttle(self.way, True)

    def resume_writing(self):
        self.pair.throttle(self.way, False)

    def reset(self):
        if self.transport is None:
            return
        raw = self.transport.get_extra_info("socket")
        if raw is None:
            return  # over TLS: closed already
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # closed already
        self.transport.abort()


class Pair:
    """A client's connection and its server's; "up" is what the client sends."""

    def __init__(self, proxy):
        self.proxy, self.number = proxy, proxy.connections
        self.sides = {"up": Side(self, "up"), "down": None}
        self.held = {"up": collections.deque(), "down": collections.deque()}
        self.timer = {"up": None, "down": None}
        self.not_before = 0.0
        self.said = b""  # the last of what the client said
        self.last_was_down = True
        self.is_over = False

    def made(self, side):
        if side.way == "up":
            self.proxy.pairs.add(self)
            self.proxy.connections += 1
            self.number = self.proxy.connections
            self.not_before = self.proxy.loop.time() + self.proxy.rtt
            asyncio.ensure_future(self.connect())
        self.apply_freeze()

    async def connect(self):
        try:
            _, side = await self.proxy.loop.create_connection(lambda: Side(self, "down"), "127.0.0.1",
                                                              self.proxy.target)
        except OSError:
            self.end("close")
            return
        self.sides["down"] = side
        self.pump("up")

    def received(self, way, data):
        """`None` is the end of that direction."""
        if self.is_over:
            return
        now = self.proxy.loop.time()
        due = max(now, self.not_before) + self.proxy.rtt / 2
        self.held[way].append((due, data))
        self.pump(way)

    def pump(self, way):
        """Pass on what is due."""
        other = self.sides["down" if way == "up" else "up"]
        if self.is_over or other is None or other.transport is None or self.proxy.is_frozen(way):
            return
        queue, now = self.held[way], self.proxy.loop.time()
        while queue and queue[0][0] <= now + 0.0002 and not self.proxy.is_frozen(way):
            _, data = queue.popleft()
            if data is None:
                self.end("close")
                return
            self.forward(way, other, data)
            if self.is_over:
                return
        if queue and self.timer[way] is None:
            self.timer[way] = self.proxy.loop.call_at(queue[0][0], self.on_timer, way)

    def on_timer(self, way):
        self.timer[way] = None
        self.pump(way)

    def forward(self, way, other, data):
        proxy, is_last = self.proxy, False
        limit = proxy.cut_after.get(way)
        if limit is not None and len(data) >= limit:
            data, is_last = data[:limit], True
        if limit is not None:
            proxy.cut_after[way] = limit - len(data)
        if data:
            if way == "up" and self.last_was_down:
                proxy.flights += 1
            self.last_was_down = way == "down"
            proxy.bytes[way] += len(data)
            if proxy.record:
                proxy.record.write(b"%.6f %d %s %d\n" % (time.time(), self.number, way.encode(), len(data)))
                proxy.record.write(data + b"\n")
                proxy.record.flush()
            if way == "up":
                self.said = self.said[-1000:] + data
                proxy.freeze_when_said(self.said)
            other.transport.write(data)
            proxy.freeze_when_due(way)
        if is_last:
            proxy.cut_after.clear()
            proxy.has_cut = True
            # What was let through must arrive before the end does.
            proxy.loop.call_later(0.002 if proxy.cut_how == "reset" else 0, proxy.cut, proxy.cut_how)
            self.is_over = True

    def throttle(self, way, on):
        """The buffer towards `way`'s side is full: stop reading the other."""
        other = self.sides["down" if way == "up" else "up"]
        if other and other.transport:
            (other.transport.pause_reading if on else other.transport.resume_reading)()

    def apply_freeze(self):
        for way, side in self.sides.items():
            if side and side.transport and not side.transport.is_closing():
                if self.proxy.is_frozen(way):
                    side.transport.pause_reading()
                else:
                    side.transport.resume_reading()
                    self.pump(way)

    def end(self, how):
        self.is_over = True
        self.proxy.pairs.discard(self)
        for side in self.sides.values():
            if side and side.transport:
                if how == "close":
                    side.transport.close()
                else:
                    side.reset()


class Server:
    def __init__(self, target, rtt_ms, record, port, pem):
        self.target, self.rtt, self.port = target, rtt_ms / 1000, port
        self.record = open(record, "ab") if record != "-" else None
        self.pem = pem
        self.pairs, self.connections, self.flights = set(), 0, 0
        self.bytes = {"up": 0, "down": 0}
        self.frozen, self.refusing = "none", False
        self.freeze_after, self.freeze_said = {}, None
        self.cut_after, self.cut_how, self.has_cut = {}, "close", False

    def is_frozen(self, way):
        return self.frozen in (way, "both")

    def freeze(self, way):
        self.frozen = way
        for pair in list(self.pairs):
            pair.apply_freeze()

    def freeze_when_due(self, way):
        limit = self.freeze_after.get(way)
        if limit is not None and self.bytes[way] >= limit:
            self.freeze_after.clear()
            self.freeze(way)

    def freeze_when_said(self, said):
        if self.freeze_said and self.freeze_said.search(said):
            self.freeze_said = None
            self.freeze("down")

    def new_side(self):
        return Pair(self).sides["up"]

    async def accept(self, listener, context):
        """By hand: a frozen or refusing proxy treats new connections in its own way."""
        while True:
            conn, _ = await self.loop.sock_accept(listener)
            if self.refusing:
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                conn.close()
                continue
            while self.frozen != "none":
                await asyncio.sleep(0.01)
            asyncio.ensure_future(self.adopt(conn, context))

    async def adopt(self, conn, context):
        try:
            await self.loop.connect_accepted_socket(self.new_side, conn, ssl=context)
        except (OSError, ssl.SSLError):
            conn.close()

    def cut(self, how):
        pairs = list(self.pairs)
        for pair in pairs:
            pair.end(how)
        return len(pairs)

    def obey(self, words):
        name, args = words[0], words[1:]
        if name == "counts":
            return [self.connections, self.flights, self.bytes["up"], self.bytes["down"]]
        if name == "open":
            return len(self.pairs)
        if name == "rtt":
            self.rtt = args[0] / 1000
        elif name == "freeze":
            self.freeze(args[0])
        elif name == "freeze_at":
            self.freeze_after = {args[0]: self.bytes[args[0]] + args[1]}
        elif name == "freeze_after":
            self.freeze_said = re.compile(args[0].encode())
            for pair in self.pairs:
                pair.said = b""
        elif name == "is_frozen":
            return self.frozen != "none"
        elif name == "refuse":
            self.refusing = args[0]
        elif name == "cut":
            return self.cut(args[0])
        elif name == "cut_at":
            self.cut_after = {} if args[1] is None else {args[0]: args[1]}
            self.cut_how, self.has_cut = args[2], False
        elif name == "has_cut":
            return self.has_cut
        return True

    async def run(self):
        self.loop = asyncio.get_running_loop()
        context = None
        if self.pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.pem)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(100)
        listener.setblocking(False)
        print(listener.getsockname()[1], flush=True)
        accepting = asyncio.ensure_future(self.accept(listener, context))
        reader = asyncio.StreamReader()
        await self.loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            print(json.dumps(self.obey(json.loads(line))), flush=True)
        accepting.cancel()
        self.cut("reset")


def main():
    target, rtt_ms, record = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    port, pem = int(sys.argv[4]), sys.argv[5] if len(sys.argv) > 5 else None
    asyncio.run(Server(target, rtt_ms, record, port, pem).run())


if __name__ == "__main__":
    main()
