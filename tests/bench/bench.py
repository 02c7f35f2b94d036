#!/usr/bin/env python3
"""Figures of tern beside other mail readers, measured in one run.

usage: bench.py [-n RUNS] [-t MINUTES] [-o FILE.json] [SIZE...] [READER...] [ROW...]

SIZE is a number of messages: 1000 and 100000 unless told, and 1000000 when its
mailbox has been made before. READER: tern neomutt mutt aerc alpine (what is
installed unless told). ROW is a part of a row's name. Figures are medians; a time
is from exec, or from the key, to the arrival of the bytes that changed the screen
as expected. Everything passes a proxy that counts, delays and freezes.

Rows of counts (round trips, bytes) must hold: the command fails when tern misses
one. Times are printed with a mark, because a busy machine makes them worse.
"""
import contextlib
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

import bigbox
import dovecot
import places
import proxy
import readers
import tap
import ui
from table import Row, short, show
from wire import Talk

PATIENCE = 30
RTT = 50
ENOUGH_S = 12  # a row is not repeated for longer, for one reader
KEYS = 300
TLS_FLIGHTS = 2  # of a client, in TLS 1.3: its hello, and its Finished, after which it hears the greeting
ANY = "Message [0-9]{7}"
HEADERS = ("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM TO CC "
           "REPLY-TO SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID CONTENT-TYPE)])")


def ms(us):
    return us / 1000


class Bench:
    def __init__(self, runs, minutes, sizes, classes, rows):
        self.runs, self.sizes, self.classes, self.wanted = runs, sizes, classes, rows
        self.table, self.is_out_of_time = [], False
        self.server = bigbox.server(sizes)
        self.deadline = time.monotonic() + 60 * minutes
        self.kept = kept_proxy(self.server.imaps_port)
        self.is_fresh = set()
        self.next_number = 0  # of what is delivered: none comes twice

    def stop(self):
        self.kept.close()
        self.server.stop()

    def row(self, name, unit, bar=None, exact=False):
        """A row to fill, or None when it was not asked for."""
        if self.wanted and not any(w in name for w in self.wanted):
            return None
        if time.monotonic() > self.deadline:
            self.is_out_of_time = True
            return None
        row = Row(name, unit, bar, exact)
        self.table.append(row)
        return row

    def more(self, row, name, unit, bar=None, exact=False):
        """A row that is filled along with another."""
        extra = Row(row.name.partition(":")[0] + ": " + name, unit, bar, exact)
        self.table.append(extra)
        return extra

    def proxy(self, rtt_ms=0):
        return proxy.Proxy(self.server.imaps_port, rtt_ms)

    def newest(self, size):
        """The newest message that is really there: earlier runs deliver and expunge."""
        c = self.server.client("n%d" % size, "INBOX")
        _, data = c.fetch("*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        c.logout()
        words = data[0][1].decode().split()
        return readers.SHOWN % int(words[words.index("Message") + 1])

    def each(self, row, samples_of, classes=None):
        """Fill a row: samples_of(class) gives a list, or a sentence instead."""
        if row is None:
            return
        for cls in classes or self.classes:
            try:
                row.put(cls.name, samples_of(cls))
            except GaveUp:
                row.put(cls.name, "gave up")
            except AssertionError as e:
                tap.note("%s, %s: %s" % (row.name, cls.name, str(e)[:900] + "\n...\n" + str(e)[-900:]))
                row.put(cls.name, "failed")
            finally:
                tap._tidy()
                self.kept.thaw()
                self.kept.refuse(False)
                self.kept.cut("reset")
        print("%-52s" % row.name + "  ".join("%s %s" % (n, row.cell(n)) for n in row.values) + " " + row.unit +
              "  " + row.mark())
        sys.stdout.flush()

    def tern_alone(self):
        return [c for c in self.classes if c is readers.Tern]

    def repeat(self, once):
        """Samples of once(), as many as were asked for, or as are cheap."""
        out, end = [], time.monotonic() + ENOUGH_S
        while len(out) < self.runs and (not out or time.monotonic() < end):
            out.append(once())
        return out

    # --- start

    def first_screen(self, reader, shown, patience=PATIENCE):
        t = reader.start()
        try:
            return t, ms(t.wait(shown, patience) - t.started_us)
        except AssertionError:
            reader.quit(t)
            raise

    def prepared(self, cls, size, rtt_ms=0):
        """A reader whose cache knows the mailbox; kept, like the mailbox, from run to run."""
        self.kept.set_rtt(0)
        if not cls.has_cache:
            self.kept.set_rtt(rtt_ms)
            return cls(self.kept.port, "n%d" % size)
        home = os.path.join(bigbox.bench_dir(), "readers", "%s-%d" % (cls.name, size))
        is_new = not os.path.exists(os.path.join(home, "ready"))
        if os.path.exists(os.path.join(home, "gave-up")):
            raise GaveUp
        reader = cls(self.kept.port, "n%d" % size, home=home)
        if is_new or (cls, size) not in self.is_fresh:
            self.refresh(reader, cls, size, home, is_new)
        self.kept.set_rtt(rtt_ms)
        return reader

    def refresh(self, reader, cls, size, home, is_new):
        started = time.monotonic()
        if is_new:
            tap.note("%s reads %s messages for the first time; kept in %s" % (cls.name, short(size), home))
        try:
            t, _ = self.first_screen(reader, ANY, 60 + size / 2500 if is_new else 90)
        except AssertionError:
            if is_new:
                path = reader.write("gave-up", "")
                tap.note("%s did not show them in time; remove %s to try again" % (cls.name, path))
            raise
        settle(self.kept, 3.0 if is_new else 1.0)
        reader.quit(t)
        reader.write("ready", "")
        self.is_fresh.add((cls, size))
        if is_new:
            self.deadline += time.monotonic() - started

    def cached(self, size, rtt_ms, cold=False):
        row = self.row("%s cached, start, %s" % (short(size), "cold pages" if cold else "%d ms" % rtt_ms), "ms",
                       250 if cold else 100 if size >= 10 ** 6 else 50)
        if row is None:
            return
        is_first = rtt_ms == 0 and not cold
        memory = self.more(row, "private memory", "MB", 15 + size * 40 / 1e6) if is_first else None
        work = self.more(row, "its processor time", "ms") if is_first else None

        def samples(cls):
            if not cls.has_cache and cold:
                return "no cache"
            reader, shown = self.prepared(cls, size, rtt_ms), self.newest(size)
            mb, cpu = [], []

            def once():
                if cold:
                    evict(reader)
                t, took = self.first_screen(reader, shown)
                cpu.append(cpu_ms(t.pid))
                settle_short(t)
                mb.append(private_mb(t.pid))
                reader.quit(t)
                return took
            took = self.repeat(once)
            if is_first:
                memory.put(cls.name, mb)
                work.put(cls.name, cpu)
            return took
        self.each(row, samples)

    def never_seen(self, size, rtt_ms):
        row = self.row("%s never seen, %d ms" % (short(size), rtt_ms), "ms",
                       (60 if rtt_ms == 0 else 350) if size <= 10 ** 5 else None)  # the server's SELECT is most of it
        if row is None:
            return
        # Up to the moment in which the screen is seen: what goes out meanwhile is in it.
        flights = self.more(row, "flights till it is seen", "")
        down = self.more(row, "read till then", "kB")

        def samples(cls):
            counts, shown = [], self.newest(size)

            def once():
                p = self.proxy(rtt_ms)
                reader = cls(p.port, "n%d" % size)
                try:
                    t, took = self.first_screen(reader, shown, 20)
                except ui.Timeout:
                    return "> 20 s"
                counts.append(p.counts())
                reader.quit(t)
                p.close()
                return took
            took = self.repeat(once)
            flights.put(cls.name, [c.flights for c in counts])
            down.put(cls.name, [c.down / 1000 for c in counts])
            return took[:1] if "> 20 s" in took else took
        self.each(row, samples)

    def never_seen_exactly(self, size):
        row = self.row("%s never seen: round trips after login" % short(size), "", 2, exact=True)
        if row is None:
            return
        flights = self.more(row, "flights, from the first of TLS to the one that asks for the rows", "", 5, exact=True)

        def samples(cls):
            reader, talk = self.talking(cls, "n%d" % size)
            shown = self.newest(size)
            t, _ = self.first_screen(reader, shown)
            trips, _ = talk.until(shown.encode())
            flights.put(cls.name, [TLS_FLIGHTS + talk.flights_until(shown.encode())])
            reader.quit(t)
            return [trips]
        self.each(row, samples, self.tern_alone())

    def whole_sync(self, size):
        """Without TLS or proxy: against a socket that only reads the same answers."""
        row = self.row("%s, whole header sync over raw socket" % short(size), "x", 1.3)
        if row is None:
            return
        times = self.more(row, "time", "ms")

        def samples(cls):
            raw, full = [], []
            for _ in range(2):
                raw.append(self.read_raw(size))
                full.append(self.sync_plain(cls, size))
            times.put("tern", full)
            tap.note("raw socket: %s ms" % " ".join("%.0f" % r for r in raw))
            return [statistics.median(full) / statistics.median(raw)]
        self.each(row, samples, self.tern_alone())

    def read_raw(self, size):
        wire = bigbox.Wire(self.server.imap_port, "n%d" % size)
        wire.command("SELECT INBOX")
        started, tail = time.monotonic(), b""
        wire.sock.sendall(b"t " + HEADERS.encode() + b"\r\n")
        while b"\r\nt OK" not in tail:
            tail = tail[-100:] + wire.sock.recv(1 << 18)
        wire.close()
        return (time.monotonic() - started) * 1000

    def sync_plain(self, cls, size):
        """Until the last commit of rows: the cache's file says when it was written."""
        reader = cls(self.server.imap_port, "n%d" % size)
        reader.is_plain = True
        t, _ = self.first_screen(reader, self.newest(size), 60)
        started = time.time() - (time.monotonic() - t.started_us / 1e6)
        cache = os.path.join(reader.home, "cache/tern/cache/data.mdb")
        last, end = time.time(), time.monotonic() + 120
        while time.time() - last < 1.5 and time.monotonic() < end:
            time.sleep(0.05)
            last = os.stat(cache).st_mtime
        reader.quit(t)
        return (last - started) * 1000

    def changed_meanwhile(self, size):
        row = self.row("%s, 100 changed, 100 new, 100 gone: current" % short(size), "ms", 400)

        def samples(cls):
            reader = self.prepared(cls, size, RTT)

            def once():
                shown = self.change(size)
                t, took = self.first_screen(reader, shown)
                settle_short(t)
                reader.quit(t)
                return took
            return self.repeat(once)[:3]
        self.each(row, samples)

    def reopened(self, size):
        """What a reopening costs, exactly, unchanged and changed."""
        trips = self.row("%s reopened: round trips, unchanged" % short(size), "", 1, exact=True)
        if trips is None:
            return
        down = self.more(trips, "bytes, unchanged", "kB", 4, exact=True)
        trips2 = self.more(trips, "round trips, 300 changes", "", 2, exact=True)
        down2 = self.more(trips, "bytes, 300 changes", "kB", 104, exact=True)

        def samples(cls):
            reader, talk = self.talking(cls, "n%d" % size)
            t, _ = self.first_screen(reader, self.newest(size), 60)
            settle(talk.proxy, 2.0)
            reader.quit(t)
            trips.put("tern", self.reopen(reader, talk, b"HIGHESTMODSEQ", down, self.newest(size)))
            shown = self.change(size)
            trips2.put("tern", self.reopen(reader, talk, shown.partition("|")[2].encode(), down2, shown))
            return trips.samples["tern"]
        self.each(trips, samples, self.tern_alone())

    def reopen(self, reader, talk, needle, down, shown):
        talk.mark()
        t, _ = self.first_screen(reader, shown)
        settle(talk.proxy, 1.0)
        down.put("tern", [talk.down() / 1000])
        reader.quit(t)
        return [talk.until(needle)[0]]

    def talking(self, cls, user, mailbox="INBOX"):
        """A reader behind a proxy that sees what is said. With a delay, so that what
        is sent without waiting is not mistaken for an answer to what comes meanwhile."""
        record = os.path.join(places.temp_dir("tern-talk-"), "record")
        p = proxy.Proxy(self.server.imap_port, RTT, tls="good", record=record)
        return cls(p.port, user, mailbox), Talk(p)

    def change(self, size):
        """What another client did meanwhile; returns what the new rows show."""
        user = "n%d" % size
        self.is_fresh.clear()
        c = self.server.client(user, "INBOX")
        n = int(c.select("INBOX")[1][0])
        c.store("%d:%d" % (n - 149, n - 50), "FLAGS", r"(\Seen \Flagged)")
        c.store("101:200", "+FLAGS.SILENT", r"(\Seen \Deleted)")
        c.expunge()
        c.logout()
        return self.deliver(user, 100)

    def deliver(self, user, n=1, mailbox="INBOX"):
        """Newer messages than all before; their numbers go on from 2,000,000."""
        first = max(2_000_000 + int(time.time() * 100) % 5_000_000, self.next_number)
        self.next_number = first + n
        wire = bigbox.Wire(self.server.imap_port, user)
        wire.append(mailbox, [bigbox.header(first + i, int(time.time()), random.Random(i)) + "New.\r\n"
                              for i in range(n)])
        wire.close()
        return "|".join(readers.SHOWN % i for i in (first, first + n - 1)[:n])

    def unreachable(self, size):
        row = self.row("%s cached, server unreachable" % short(size), "ms", 50)

        def samples(cls):
            if not cls.has_cache:
                return "empty"
            reader, shown = self.prepared(cls, size), self.newest(size)
            self.kept.refuse()

            def once():
                try:
                    t, took = self.first_screen(reader, shown, 6)
                except AssertionError:
                    return "empty"
                reader.quit(t)
                return took
            first = once()
            return first if first == "empty" else [first] + self.repeat(once)
        self.each(row, samples)

    # --- at work

    def big_attachment(self):
        row = self.row("text before a 25 MB attachment", "ms")
        if row is None:
            return
        flights = self.more(row, "flights", "", 2)
        down = self.more(row, "read", "kB")

        def samples(cls):
            p = self.proxy()
            reader = cls(p.port, "anna", "Big")
            t, _ = self.first_screen(reader, "The big message")
            settle(p, 0.5)
            before = p.counts()
            pressed = t.keys(cls.open_key)
            took = ms(t.wait("the text comes first") - pressed)
            at_once = p.counts() - before
            settle(p, 0.5)
            flights.put(cls.name, [at_once.flights])
            down.put(cls.name, [(p.counts() - before).down / 1000])
            reader.quit(t)
            return [took]
        self.each(row, samples)

    def big_attachment_exactly(self):
        """The structure is known when the message has been opened once."""
        row = self.row("text before a 25 MB attachment: round trips", "", 2, exact=True)
        if row is None:
            return
        down = self.more(row, "bytes over the text and header", "kB", 4, exact=True)

        def samples(cls):
            reader, talk = self.talking(cls, "anna", "Big")
            t, _ = self.first_screen(reader, "The big message")
            settle(talk.proxy, 0.5)
            talk.mark()
            t.keys(cls.open_key)
            t.wait("the text comes first")
            settle(talk.proxy, 0.5)
            trips, _ = talk.until(b"the text comes first")
            text = bigbox.big_message(1)
            down.put("tern", [(talk.down() - text.index(b"--b\r\nContent-Type: video")) / 1000])
            reader.quit(t)
            return [trips]
        self.each(row, samples, self.tern_alone())

    def flag_elsewhere(self, size, rtt_ms):
        """The other client stands beside the server: it has no delay."""
        row = self.row("%s, flag seen by another client, %d ms" % (short(size), rtt_ms), "ms", rtt_ms + 20)

        def samples(cls):
            reader = self.prepared(cls, size, rtt_ms)
            t, _ = self.first_screen(reader, self.newest(size))
            settle_short(t)
            c = self.server.client("n%d" % size, "INBOX")
            uid = dovecot.uids(c)[-1]
            out = []
            for _ in range(3):
                c.uid("STORE", str(uid), "-FLAGS.SILENT", r"(\Flagged)")
                settle_short(t, 700)
                pressed = t.keys(cls.flag_key)
                seen = self.until_flag(c, uid, 3)
                if not seen:
                    out = ["after save" if cls.save_key else "never"]
                    break
                out.append(ms(seen - pressed))
            c.uid("STORE", str(uid), "-FLAGS.SILENT", r"(\Flagged)")
            c.logout()
            reader.quit(t)
            return out
        self.each(row, samples)

    def until_flag(self, c, uid, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if b"\\Flagged" in (dovecot.flags_of(c, uid) or ()):
                return int(time.monotonic() * 1e6)
        return None

    def new_mail(self, size):
        row = self.row("%s, new mail on the screen, no key" % short(size), "ms", 550)

        def samples(cls):
            reader = self.prepared(cls, size)
            t, _ = self.first_screen(reader, self.newest(size))
            settle_short(t, 1000)
            shown = self.deliver("n%d" % size)
            delivered = int(time.monotonic() * 1e6)
            try:
                # mutt tells by a line, and shows the row somewhere below
                took = ms(t.wait(shown + "|New mail in", 40) - delivered)
            finally:
                reader.quit(t)
            return [took]
        self.each(row, samples)

    def frozen(self, size):
        row = self.row("%s, open a message, frozen link: any answer" % short(size), "ms", 16)
        if row is None:
            return
        behind = self.more(row, "to a key behind it", "ms", 16)

        def samples(cls):
            reader = self.prepared(cls, size)
            t, _ = self.first_screen(reader, self.newest(size))
            settle_short(t, 700)
            t.keys(cls.up * random.randint(5, 25))  # one whose text no cache has
            settle_short(t, 500)
            self.kept.freeze()
            first = answer_ms(t, cls.open_key, 8)
            settle_short(t, 300)
            behind.put(cls.name, answer_ms(t, cls.help_key, 8))
            self.kept.thaw()
            t.signal(9)
            t.close()
            reader.end_rest()
            return [first]
        self.each(row, samples)

    # --- keys

    def memory_in_threads(self, size):
        """40 octets a message for the order, at most."""
        row = self.row("%s in threads: private memory" % short(size), "MB", 15 + size * 40 / 1e6)

        def samples(cls):
            reader = self.prepared(cls, size)
            reader.is_threaded = True
            t, _ = self.first_screen(reader, ANY, 60)
            settle_short(t, 3000)
            used = private_mb(t.pid)
            reader.quit(t)
            return [used]
        self.each(row, samples, [c for c in self.classes if c.has_threads])

    def keys(self, size, what, situation, classes=None):
        """A key each time the one before it has been answered. No size: it has its own."""
        row = self.row(("%s, " % short(size) if size else "") + "key to screen, p99, " + what, "ms", 16)
        if row is None:
            return
        half = self.more(row, "p50", "ms")
        cpu = self.more(row, "processor time", "ms")

        def samples(cls):
            with situation(cls, size) as (t, press):
                if isinstance(t, str):
                    return t
                before, took = cpu_ms(t.pid), []
                for i in range(KEYS):
                    answer = press(i)
                    if isinstance(answer, str):
                        return answer
                    took.append(answer)
                cpu.put(cls.name, [(cpu_ms(t.pid) - before) / KEYS])
            took.sort()
            half.put(cls.name, [took[KEYS // 2]])
            return [took[KEYS * 99 // 100]]
        self.each(row, samples, classes)

    @contextlib.contextmanager
    def at_rest(self, cls, size):
        reader = self.prepared(cls, size)
        t, _ = self.first_screen(reader, self.newest(size), 120)
        settle_short(t, 700)
        yield t, up_and_down(t, cls)
        reader.quit(t)

    @contextlib.contextmanager
    def while_frozen(self, cls, size):
        with self.at_rest(cls, size) as (t, press):
            self.kept.freeze()
            yield t, press
            self.kept.thaw()

    @contextlib.contextmanager
    def in_pager(self, cls, size, is_frozen=False):
        p = self.proxy()
        reader = cls(p.port, "anna", "Long")
        t, _ = self.first_screen(reader, "The long message")
        settle_short(t, 700)
        t.keys(cls.open_key)
        t.wait("long line 5 ")
        settle_short(t, 500)
        t.keys(cls.pager_down)
        settle_short(t, 500)
        if is_frozen:
            p.freeze()
        # Between the second page and the end of what is fetched first.
        yield t, lambda i: answer_ms(t, cls.pager_down if i % 40 < 20 else cls.pager_up, 3)
        p.thaw()
        reader.quit(t)

    def in_pager_while_frozen(self, cls, size):
        return self.in_pager(cls, size, is_frozen=True)

    @contextlib.contextmanager
    def while_syncing(self, cls, size):
        if cls in (readers.Mutt, readers.Neomutt):
            yield "no screen", None
            return
        reader = cls(self.proxy().port, "n%d" % size)
        t, _ = self.first_screen(reader, self.newest(size), 60)
        yield t, up_and_down(t, cls)
        reader.quit(t)

    @contextlib.contextmanager
    def while_threading(self, cls, size):
        """From the first screen on, so also while the threads are being made."""
        if not cls.has_threads:
            yield "-", None
            return
        reader = self.prepared(cls, size)
        reader.is_threaded = True
        t, _ = self.first_screen(reader, ANY, 60)
        yield t, up_and_down(t, cls)
        reader.quit(t)

    @contextlib.contextmanager
    def in_the_rain(self, cls, size):
        """200 new mails a second, into a mailbox of their own."""
        c = self.server.client("anna")
        c.delete("Rain")
        dovecot.check(c.create("Rain"))
        self.deliver("anna", 100, "Rain")
        reader = cls(self.proxy().port, "anna", "Rain")
        t, _ = self.first_screen(reader, ANY)
        settle_short(t, 700)
        t.keys("<PageUp>")  # or the list would move by itself
        settle_short(t, 700)
        stop = threading.Event()
        rain = threading.Thread(target=self.rain, args=(stop,))
        rain.start()
        try:
            yield t, up_and_down(t, cls)
        finally:
            stop.set()
            rain.join()
            reader.quit(t)
            c.delete("Rain")
            c.logout()

    def rain(self, stop):
        wire, n = bigbox.Wire(self.server.imap_port, "anna"), 8_000_000
        while not stop.wait(0.1):
            wire.append("Rain", [bigbox.header(n + i, int(time.time()), random.Random(i)) + "Drop.\r\n"
                                 for i in range(20)])
            n += 20
        wire.close()

    # --- all

    def run(self):
        for size in self.sizes:
            self.cached(size, 0)
            self.cached(size, RTT)
            self.cached(size, 0, cold=True)
            self.never_seen(size, 0)
            self.never_seen(size, RTT)
            self.never_seen_exactly(size)
            self.unreachable(size)
            self.changed_meanwhile(size)
            self.reopened(size)
            self.flag_elsewhere(size, 0)
            self.flag_elsewhere(size, RTT)
            self.new_mail(size)
            self.frozen(size)
            self.keys(size, "idle", self.at_rest)
            self.keys(size, "link frozen", self.while_frozen)
            self.keys(size, "full sync", self.while_syncing)
            self.keys(size, "threads being made", self.while_threading)
            self.memory_in_threads(size)
            if size >= 10 ** 5:
                self.whole_sync(size)
        self.big_attachment()
        self.big_attachment_exactly()
        self.keys(None, "200 mails/s", self.in_the_rain)
        self.keys(None, "pager", self.in_pager)
        self.keys(None, "pager, link frozen", self.in_pager_while_frozen)


class GaveUp(AssertionError):
    """It could not read so many messages when it was tried; not tried in every run."""


def kept_proxy(target):
    """On the port that the kept caches know, or, if that is taken, on a new one."""
    folder = os.path.join(bigbox.bench_dir(), "readers")
    os.makedirs(folder, exist_ok=True)
    path, p = os.path.join(folder, "port"), None
    if os.path.exists(path):
        with open(path) as f:
            port = int(f.read())
        try:
            socket.create_server(("127.0.0.1", port)).close()
            p = proxy.Proxy(target, port=port)
        except OSError:
            tap.note("port %d is taken: the readers' caches have to be made again" % port)
            shutil.rmtree(folder)
            os.makedirs(folder)
    if p is None:
        p = proxy.Proxy(target)
        with open(path, "w") as f:
            f.write("%d" % p.port)
    tap._later.clear()  # it stays for the whole run
    return p


def up_and_down(t, cls):
    """Keys within the last screenful. Where the reader has the cursor on the line,
    the answer is that it moves; else, any change."""
    def line():
        return t.screen().row
    before = line()
    t.keys(cls.up)
    settle_short(t, 100)
    has_cursor = line() != before

    def press(i):
        key = cls.up if i % 60 < 30 else cls.down
        if not has_cursor:
            return answer_ms(t, key, 3)
        # Tried again, in case the cursor was seen on its way in half a frame; but the
        # time counts from the first press, so a key that was lost is not hidden.
        first = None
        for _ in range(2):
            row = line()
            pressed = t.keys(key)
            first = first or pressed
            answer = t.ask("moved 3000 %d" % row).split()
            if answer[0] == "ok":
                return ms(int(answer[2]) - first)
            tap.note("no answer to key %d:\n%s" % (i, t.picture()[-500:]))
        return "dead"
    return press


def answer_ms(t, key, seconds):
    """From a key to the next change of the screen, in ms; "dead" without one."""
    seq = t.screen().seq
    pressed = t.keys(key)
    answer = t.ask("change %d %d" % (seconds * 1000, seq)).split()
    return ms(int(answer[2]) - pressed) if answer[0] == "ok" else "dead"


def settle(p, quiet=1.0, limit=240):
    """Until nothing more comes from the server; returns when the last of it came."""
    last, since, end = p.counts().down, time.monotonic(), time.monotonic() + limit
    while time.monotonic() < end and time.monotonic() - since < quiet:
        time.sleep(0.02)
        now = p.counts().down
        if now != last:
            last, since = now, time.monotonic()
    return since


def settle_short(t, quiet_ms=300):
    t.ask("quiet %d" % quiet_ms)


def evict(reader):
    """Drop the pages of a reader's files and of its program from memory, as after a
    restart; what other programs have mapped (libc) stays."""
    subprocess.run(["sync"])
    paths = [os.path.join(folder, name) for folder, _, files in os.walk(reader.home) for name in files]
    program = shutil.which(reader.program) or reader.program
    paths += [program] + [program + "-" + helper for helper in ("session", "imap", "render")]
    linked = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    paths += [word for word in linked.split() if word.startswith("/")]
    for path in paths:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def private_mb(pid):
    with open("/proc/%d/status" % pid) as f:
        return sum(int(l.split()[1]) for l in f if l.startswith("RssAnon")) / 1024


def cpu_ms(pid):
    """Of all threads, so far; to the microsecond, unlike utime."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as f:
            total += int(f.read().split()[0])
    return total / 1e6


def main():
    args, runs, minutes, out = sys.argv[1:], 5, 12, os.path.join(places.BUILD, "bench.json")
    sizes, names, rows = [], [], []
    known = {c.name: c for c in readers.ALL}
    while args:
        word = args.pop(0)
        if word == "-n":
            runs = int(args.pop(0))
        elif word == "-t":
            minutes = float(args.pop(0))
        elif word == "-o":
            out = args.pop(0)
        elif word.isdigit():
            sizes.append(int(word))
        elif word in known:
            names.append(word)
        else:
            rows.append(word)
    sizes = sorted(sizes) or [1000, 100000] + ([10 ** 6] if bigbox.is_made(10 ** 6) else [])
    classes = [known[n] for n in names] or [c for c in readers.ALL if c.is_installed()]
    places.adopt_orphans()
    print("Measuring %s with %s messages, up to %d minutes, and more the first time, when mailboxes\n"
          "and caches are made. They are kept in %s; remove it when you have done.\nRun this on a machine that "
          "does nothing else; the load is now %.1f on %d processors.\n"
          % (" ".join(c.name for c in classes), " ".join(short(n) for n in sizes), minutes, bigbox.bench_dir(),
             os.getloadavg()[0], os.cpu_count()), flush=True)
    started = time.monotonic()
    bench = Bench(runs, minutes, sizes, classes, rows)
    try:
        bench.run()
    finally:
        bench.stop()
        show(bench.table, [c.name for c in classes])
    if bench.is_out_of_time:
        print("\nThe time was up: rows were left out (-t MINUTES allows more).")
    with open(out, "w") as f:
        json.dump([r.as_json() for r in bench.table], f, indent=1)
    missed = [r.name for r in bench.table if r.exact and r.mark().startswith("MISSED")]
    held = sum(r.mark() == "ok" for r in bench.table)
    print("\n%d bars held, %d missed, in %.0f s, load %.1f; figures in %s" %
          (held, sum(r.mark().startswith("MISSED") for r in bench.table), time.monotonic() - started,
           os.getloadavg()[0], os.path.relpath(out)))
    for name in missed:
        print("missed, and not by chance: " + name)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
