#!/usr/bin/env python3
"""The harness itself: a proxy that lies, or a terminal that loses keys, would
make every other test here worthless."""
import imaplib
import os
import socket
import ssl
import time

import certs
import dovecot
import places
import proxy
import tap
import ui


class Echo:
    """A server on loopback that answers each line with the same line."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pid = os.fork()
        if self.pid == 0:
            self.serve()
        tap.later(self.close)

    def serve(self):
        while True:
            conn, _ = self.listener.accept()
            if os.fork() == 0:
                try:
                    while data := conn.recv(65536):
                        conn.sendall(data)
                finally:
                    os._exit(0)
            conn.close()

    def close(self):
        places.kill(self.pid)
        os.waitpid(self.pid, 0)
        self.listener.close()

    def exchange(self, conn, data):
        conn.sendall(data)
        got = b""
        while len(got) < len(data):
            more = conn.recv(65536)
            if not more:
                break
            got += more
        return got


def connect(port):
    conn = socket.create_connection(("127.0.0.1", port))
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    conn.settimeout(places.SECONDS * places.SLOW)
    tap.later(conn.close)
    return conn


def test_counts_bytes_and_flights():
    echo = Echo()
    p = proxy.Proxy(echo.port)
    conn = connect(p.port)
    for _ in range(3):
        assert echo.exchange(conn, b"x" * 100) == b"x" * 100
    assert p.counts() == (1, 3, 300, 300), p.counts()
    big = os.urandom(5_000_000)
    import threading
    sender = threading.Thread(target=conn.sendall, args=(big,))
    sender.start()
    got = b""
    while len(got) < len(big):
        got += conn.recv(1 << 20)
    sender.join()
    assert got == big


def test_delays():
    echo = Echo()
    p = proxy.Proxy(echo.port, rtt_ms=60)

    def is_on_time():
        started = time.monotonic()
        conn = connect(p.port)
        echo.exchange(conn, b"a")
        first = time.monotonic() - started
        started = time.monotonic()
        echo.exchange(conn, b"b")
        second = time.monotonic() - started
        tap.note("first %.1f ms, then %.1f ms" % (first * 1000, second * 1000))
        assert first >= 0.118 and second >= 0.058, "sooner than it may be"
        return first < 0.5 and second < 0.4
    # Later, too, on a busy machine; not every time.
    places.await_true("no delay but the one that was asked for", is_on_time)


def test_freezes():
    echo = Echo()
    p = proxy.Proxy(echo.port)
    conn = connect(p.port)
    echo.exchange(conn, b"a")
    p.freeze()
    conn.sendall(b"b")
    conn.settimeout(0.2)
    try:
        conn.recv(1)
        raise AssertionError("something passed")
    except TimeoutError:
        pass
    p.thaw()
    conn.settimeout(places.SECONDS * places.SLOW)
    assert conn.recv(1) == b"b"


def test_freezes_after_what_was_said():
    echo = Echo()
    p = proxy.Proxy(echo.port)
    conn = connect(p.port)
    assert echo.exchange(conn, b"A1 STORE 1\r\n") == b"A1 STORE 1\r\n"
    p.freeze_after(r"STORE \d")
    assert echo.exchange(conn, b"A2 FETCH 1\r\n") == b"A2 FETCH 1\r\n"
    before = p.counts()
    conn.sendall(b"A3 STO")
    conn.sendall(b"RE 1\r\n")
    places.await_true("the freeze", p.is_frozen)
    places.await_true("all of it", lambda: (p.counts() - before).up == 12)
    assert (p.counts() - before).down <= 6, "what came before it may be answered"
    p.thaw()
    assert conn.recv(6) == b"A3 STO"


def test_cuts_at_a_byte():
    echo = Echo()
    for how, want in (("close", b""), ("reset", ConnectionResetError)):
        p = proxy.Proxy(echo.port)
        conn = connect(p.port)
        p.cut_at("down", 7, how)
        conn.sendall(b"0123456789")
        got, end = b"", None
        try:
            while data := conn.recv(100):
                got += data
            end = b""
        except ConnectionResetError:
            end = ConnectionResetError
        assert got == b"0123456", got
        assert end == want, (how, end)
        assert p.has_cut()
        assert echo.exchange(connect(p.port), b"again") == b"again"


def test_refuses():
    echo = Echo()
    p = proxy.Proxy(echo.port)
    p.refuse()
    try:
        conn = connect(p.port)
        assert conn.recv(1) == b""
    except ConnectionResetError:
        pass
    p.refuse(False)
    assert echo.exchange(connect(p.port), b"a") == b"a"


def test_ends_tls_and_records():
    echo = Echo()
    path = os.path.join(places.temp_dir(), "wire")
    p = proxy.Proxy(echo.port, tls="good", record=path)
    context = ssl.create_default_context(cafile=certs.get().ca)
    conn = context.wrap_socket(connect(p.port), server_hostname="localhost")
    assert echo.exchange(conn, b"hello") == b"hello"
    assert [(w, d) for _, _, w, d in p.recorded()] == [("up", b"hello"), ("down", b"hello")]
    assert p.counts() == (1, 1, 5, 5), p.counts()


def test_certificates():
    def verify(kind):
        echo = Echo()
        p = proxy.Proxy(echo.port, tls=kind)
        context = ssl.create_default_context(cafile=certs.get().ca)
        context.wrap_socket(connect(p.port), server_hostname="localhost")
    verify("good")
    verify("renewed")
    for kind in ("otherhost", "expired", "stranger"):
        try:
            verify(kind)
            raise AssertionError("%s was accepted" % kind)
        except ssl.SSLCertVerificationError as e:
            tap.note("%s: %s" % (kind, e.verify_message))
    assert certs.fingerprint(certs.get("good").crt) != certs.fingerprint(certs.get("renewed").crt)


def test_dovecot_tells_another_client():
    with dovecot.Dovecot() as server:
        a, b = server.client(mailbox="INBOX"), server.client(mailbox="INBOX")
        dovecot.check(a.append("INBOX", None, None, b"Subject: s\r\nMessage-ID: <1@x>\r\n\r\ntext\r\n"))
        assert dovecot.uids(b) == [1]
        dovecot.check(a.uid("STORE", "1", "+FLAGS", r"(\Flagged)"))
        assert dovecot.flags_of(b, 1) == {b"\\Flagged"}
        assert dovecot.message_ids(b, "INBOX") == ["<1@x>"]
        server.stop()
        server.start()
        assert dovecot.message_ids(server.client(tls=False), "INBOX") == ["<1@x>"]
        try:
            imaplib.IMAP4("127.0.0.1", server.imap_port).login("anna", "wrong")
            raise AssertionError("a wrong password was taken")
        except imaplib.IMAP4.error:
            pass


def test_preauth_serves_the_sample():
    server = ui.preauth()
    one, two = server.client("INBOX"), server.client("INBOX")
    uids = dovecot.uids(one)
    assert len(uids) > 70, len(uids)
    dovecot.check(one.uid("STORE", str(uids[0]), "+FLAGS", r"(\Deleted)"))
    assert b"\\Deleted" in dovecot.flags_of(two, uids[0])
    for c in one, two:
        c.logout()


def test_terminal_shows_what_was_typed():
    t = ui.Terminal(["sh", "-c", "stty -echo; printf '\\033[1mready\\033[m'; read l; echo \"<$l>\"; exit 3"], 5, 30)
    t.wait("^ready$")
    assert t.attrs()[0] == "BBBBB"
    started = time.monotonic()
    typed = t.keys("日本 <lt>a<Enter>")
    shown = t.wait("<日本 <a>")
    assert 0 < shown - typed <= (time.monotonic() - started) * 1_000_000
    assert t.end() == 3


def test_terminal_waits_and_fails():
    t = ui.Terminal(["cat"], 5, 30)
    try:
        t.wait("never", 0.1)
        raise AssertionError("it matched")
    except ui.Timeout:
        pass
    t.resize(7, 40)
    assert t.screen().rows == 7
    t.signal(15)
    assert t.end() == -15


def test_no_process_stays():
    user = ui.User()
    t = ui.Terminal(["sh", "-c", "setsid sleep 1000 & setsid sh -c 'trap \"\" TERM HUP; sleep 1001' & echo go; wait"],
                    env=user.env)
    t.wait("go")
    places.await_true("all of them", lambda: len(user.processes("sleep")) == 2)
    user.close()
    assert not user.processes()


tap.main()
