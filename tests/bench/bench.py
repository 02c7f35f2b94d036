#!/usr/bin/env python3
"""Figures of tern beside other mail readers, measured in one run.

usage: bench.py [-n RUNS] [-o FILE.json] [SIZE...] [READER...] [ROW...]

SIZE is a number of messages (default 1000 and 100000; 1000000 takes some minutes
to make, once). READER: tern neomutt mutt aerc alpine (default: what is
installed). ROW is part of a row's name. Figures are medians; a time is from
exec, or from the key, to the arrival of the bytes that changed the screen as
expected. Everything passes a proxy that counts and delays.
"""
import json
import os
import statistics
import subprocess
import sys
import time

import bigbox
import dovecot
import places
import proxy
import readers
import tap
import ui

PATIENCE = 30
RTT = 50


def ms(us):
    return us / 1000


class Row:
    """A line of the table: {reader: median}, in a unit."""

    def __init__(self, name, unit, goal=None):
        self.name, self.unit, self.goal, self.values = name, unit, goal, {}

    def put(self, reader, samples):
        good = [s for s in samples if isinstance(s, (int, float))]
        self.values[reader] = statistics.median(good) if good else (samples[0] if samples else None)

    def cell(self, reader):
        v = self.values.get(reader)
        if v is None:
            return "-"
        if isinstance(v, str):
            return v
        return "%.0f" % v if abs(v) >= 100 else "%.1f" % v

    def ratio(self):
        """Best of the others over tern: how many times better."""
        tern = self.values.get("tern")
        others = [v for n, v in self.values.items() if n != "tern" and isinstance(v, (int, float))]
        if not others or not isinstance(tern, (int, float)) or tern <= 0:
            return ""
        return "%.1fx" % (min(others) / tern)


class Bench:
    def __init__(self, runs, sizes, classes, rows):
        self.runs, self.sizes, self.classes, self.wanted = runs, sizes, classes, rows
        self.server = bigbox.server(sizes)
        self.table = []

    def row(self, name, unit, goal=None):
        """A row to fill, or None when it was not asked for."""
        if self.wanted and not any(w in name for w in self.wanted):
            return None
        row = Row(name, unit, goal)
        self.table.append(row)
        return row

    def proxy(self, rtt_ms=0):
        return proxy.Proxy(self.server.imaps_port, rtt_ms)

    def newest(self, size):
        """The newest message that is really there: earlier runs deliver and expunge."""
        c = self.server.client("n%d" % size, "INBOX")
        _, data = c.fetch("*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        c.logout()
        words = data[0][1].decode().split()
        return readers.SHOWN % int(words[words.index("Message") + 1])

    def each(self, row, samples_of):
        """Fill a row: samples_of(class) gives a list, or a sentence instead."""
        if row is None:
            return
        for cls in self.classes:
            try:
                got = samples_of(cls)
                row.put(cls.name, got if isinstance(got, list) else [got])
            except AssertionError as e:
                tap.note("%s, %s: %s" % (row.name, cls.name, str(e)[:3000]))
                row.put(cls.name, ["failed"])
            finally:
                tap._tidy()
        print("%-46s" % row.name + "  ".join("%s %s" % (n, row.cell(n)) for n in row.values) + " " + row.unit)
        sys.stdout.flush()

    # --- start

    def first_screen(self, reader, shown, patience=PATIENCE):
        t = reader.start()
        try:
            return t, ms(t.wait(shown, patience) - t.started_us)
        except ui.Timeout:
            reader.quit(t)
            raise

    def prepared(self, cls, size, rtt_ms=0, mailbox="INBOX", user=None):
        """A reader whose cache knows the mailbox."""
        p = self.proxy(0)
        reader = cls(p.port, user or "n%d" % size, mailbox)
        if cls.has_cache and size:
            t, _ = self.first_screen(reader, self.newest(size), 300)
            settle(p)
            reader.quit(t)
        p.set_rtt(rtt_ms)
        return reader, p

    def cached(self, size, rtt_ms, cold=False):
        row = self.row("%s cached, start, %d ms%s" % (short(size), rtt_ms, ", cold pages" if cold else ""), "ms",
                       100 if size >= 10 ** 6 else 50)

        def samples(cls):
            if not cls.has_cache and cold:
                return "no cache"
            reader, _ = self.prepared(cls, size, rtt_ms)
            shown, out = self.newest(size), []
            for _ in range(self.runs):
                if cold:
                    evict(reader.home)
                t, took = self.first_screen(reader, shown)
                out.append(took)
                settle_short(t)
                reader.quit(t)
            return out
        self.each(row, samples)

    def memory(self, size):
        row = self.row("%s cached, private memory" % short(size), "MB", 55 if size >= 10 ** 6 else 20)

        def samples(cls):
            reader, _ = self.prepared(cls, size)
            t, _ = self.first_screen(reader, self.newest(size))
            settle_short(t)
            mb = private_mb(t.pid)
            reader.quit(t)
            return [mb]
        self.each(row, samples)

    def never_seen(self, size, rtt_ms):
        name = "%s never seen, %d ms" % (short(size), rtt_ms)
        row = self.row(name, "ms", 60 if rtt_ms == 0 else 350)
        if row is None:
            return
        flights, down = Row(name + ": flights", "", 5), Row(name + ": bytes", "kB")

        def samples(cls):
            shown, out, counts = self.newest(size), [], []
            for _ in range(max(1, self.runs // 2)):
                p = self.proxy(rtt_ms)
                reader = cls(p.port, "n%d" % size)
                t, took = self.first_screen(reader, shown, 60)
                seen = p.counts()
                out.append(took)
                counts.append(seen)
                reader.quit(t)
                p.close()
            flights.put(cls.name, [c.flights for c in counts])
            down.put(cls.name, [c.down / 1000 for c in counts])
            return out
        self.each(row, samples)
        self.table += [flights, down]

    def whole_sync(self, size):
        row = self.row("%s, whole header sync" % short(size), "ms")
        if row is None:
            return

        def samples(cls):
            if cls is not readers.Tern:
                return "-"
            p = self.proxy()
            reader = cls(p.port, "n%d" % size)
            started = time.monotonic()
            t, _ = self.first_screen(reader, self.newest(size), 120)
            end = settle(p, 2.0)
            reader.quit(t)
            return [(end - started) * 1000]
        self.each(row, samples)
        wire = bigbox.Wire(self.server.imap_port, "n%d" % size)
        wire.command("SELECT INBOX")
        started = time.monotonic()
        wire.command("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM TO CC "
                     "REPLY-TO SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID CONTENT-TYPE)])")
        row.values["raw socket"] = (time.monotonic() - started) * 1000
        wire.close()
        print("    raw socket, the same answers: %.0f ms" % row.values["raw socket"])

    def changed_meanwhile(self, size):
        row = self.row("%s after 100 changes, 100 new, 100 gone" % short(size), "ms", 400)

        def samples(cls):
            reader, _ = self.prepared(cls, size, RTT)
            out = []
            for run in range(max(1, self.runs // 2)):
                shown = self.change(size)
                t, took = self.first_screen(reader, shown)
                out.append(took)
                settle_short(t)
                reader.quit(t)
            return out
        self.each(row, samples)

    def change(self, size):
        """What another client did meanwhile; returns what the newest row shows."""
        user = "n%d" % size
        c = self.server.client(user, "INBOX")
        uids = dovecot.uids(c)
        c.uid("STORE", "%d:%d" % (uids[-150], uids[-51]), "FLAGS", r"(\Seen \Flagged)")
        c.uid("STORE", "%d:%d" % (uids[100], uids[199]), "+FLAGS.SILENT", r"(\Seen \Deleted)")
        c.expunge()
        c.logout()
        self.deliver(user, 100)
        return self.newest(size)

    def deliver(self, user, n=1):
        """Newer messages than all before; their numbers go on from 2,000,000."""
        first = 2_000_000 + int(time.time() * 10) % 5_000_000
        wire = bigbox.Wire(self.server.imap_port, user)
        out = [b"t APPEND INBOX"]
        import random
        for i in range(n):
            data = (bigbox.header(first + i, int(time.time()), random.Random(i)) + "New.\r\n").encode()
            out.append(b" (\\Seen) {%d+}\r\n" % len(data) + data)
        wire.sock.sendall(b"".join(out) + b"\r\n")
        wire.until(b"t")
        wire.close()
        return readers.SHOWN % (first + n - 1)

    def unreachable(self, size):
        row = self.row("%s cached, server unreachable" % short(size), "ms", 50)

        def samples(cls):
            if not cls.has_cache:
                return "empty"
            reader, p = self.prepared(cls, size)
            p.refuse()
            try:
                t, took = self.first_screen(reader, self.newest(size), 10)
            except AssertionError:
                return "empty"
            reader.quit(t)
            return [took]
        self.each(row, samples)

    # --- at work

    def big_attachment(self):
        row = self.row("text before a 25 MB attachment", "ms")
        if row is None:
            return
        flights, down = Row(row.name + ": flights", "", 1), Row(row.name + ": bytes", "kB")

        def samples(cls):
            p = self.proxy()
            reader = cls(p.port, "anna", "Big")
            t, _ = self.first_screen(reader, "The big message")
            settle(p, 0.5)
            before = p.counts()
            pressed = t.keys(cls.open_key)
            took = ms(t.wait("the text comes first") - pressed)
            settle(p, 0.5)
            spent = p.counts() - before
            flights.put(cls.name, [spent.flights])
            down.put(cls.name, [spent.down / 1000])
            reader.quit(t)
            return [took]
        self.each(row, samples)
        self.table += [flights, down]

    def flag_elsewhere(self, size):
        row = self.row("flag seen by another client", "ms", 20)

        def samples(cls):
            reader, _ = self.prepared(cls, size)
            t, _ = self.first_screen(reader, self.newest(size))
            settle_short(t)
            c = self.server.client("n%d" % size, "INBOX")
            uid = dovecot.uids(c)[-1]
            c.uid("STORE", str(uid), "-FLAGS.SILENT", r"(\Flagged)")
            settle_short(t, 700)
            pressed = t.keys(cls.flag_key)
            seen = self.until_flag(c, uid, 3)
            took = ms(seen - pressed) if seen else "after save" if cls.save_key else "never"
            c.uid("STORE", str(uid), "-FLAGS.SILENT", r"(\Flagged)")
            c.logout()
            reader.quit(t)
            return [took]
        self.each(row, samples)

    def until_flag(self, c, uid, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if b"\\Flagged" in (dovecot.flags_of(c, uid) or ()):
                return int(time.monotonic() * 1e6)
        return None

    def new_mail(self, size):
        row = self.row("new mail on the screen, no key", "ms", 550)

        def samples(cls):
            reader, _ = self.prepared(cls, size)
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
        opened = self.row("open a message, frozen link: any answer", "ms", 16)
        after = self.row("open a message, frozen link: a key behind", "ms", 16)
        if opened is None:
            return
        second = {}

        def samples(cls):
            reader, p = self.prepared(cls, size)
            t, _ = self.first_screen(reader, self.newest(size))
            settle_short(t, 700)
            t.keys(cls.up * 7)
            settle_short(t, 500)
            p.freeze()
            first = answer_ms(t, cls.open_key, 8)
            settle_short(t, 300)
            second[cls.name] = answer_ms(t, cls.help_key, 8)
            p.thaw()
            t.signal(9)
            t.close()
            reader.end_rest()
            return [first]
        self.each(opened, samples)
        if after is not None:
            for name, value in second.items():
                after.put(name, [value])

    def keys_while(self, size, what):
        row = self.row("key to screen, p99, " + what, "ms", 16)

        def samples(cls):
            if what == "full sync":
                p = self.proxy(0)
                reader = cls(p.port, "n%d" % size)
                if cls in (readers.Mutt, readers.Neomutt):
                    return "no screen"
            else:
                reader, p = self.prepared(cls, size)
            t, _ = self.first_screen(reader, self.newest(size), 120)
            if what != "full sync":
                settle_short(t, 700)
            if what == "frozen":
                p.freeze()
            took = []
            for i in range(300):
                key = cls.up if i % 60 < 30 else cls.down
                got = answer_ms(t, key, 3)
                if isinstance(got, str):
                    return [got]
                took.append(got)
            if what == "frozen":
                p.thaw()
            took.sort()
            tap.note("%s %s: p50 %.2f ms, p99 %.2f ms, max %.2f ms" %
                     (cls.name, what, took[150], took[297], took[-1]))
            reader.quit(t)
            return [took[297]]
        self.each(row, samples)

    # --- all

    def run(self):
        middle = min(self.sizes, key=lambda n: abs(n - 100000))
        for size in self.sizes:
            self.cached(size, 0)
            self.cached(size, RTT)
            self.cached(size, 0, cold=True)
            self.memory(size)
            self.never_seen(size, 0)
            self.never_seen(size, RTT)
        self.whole_sync(middle)
        self.changed_meanwhile(middle)
        self.big_attachment()
        self.flag_elsewhere(self.sizes[0])
        self.new_mail(self.sizes[0])
        self.unreachable(middle)
        self.frozen(self.sizes[0])
        for what in ("idle", "frozen", "full sync"):
            self.keys_while(middle, what)

    def show(self):
        names = [c.name for c in self.classes]
        print("\n%-46s" % "" + "".join("%12s" % n for n in names) + "%8s %6s" % ("better", "goal"))
        for row in self.table:
            label = row.name + (" (%s)" % row.unit if row.unit else "")
            print("%-46s" % label + "".join("%12s" % row.cell(n) for n in names) +
                  "%8s %6s" % (row.ratio(), row.goal or ""))


def short(size):
    return "{:,}".format(size)


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


def evict(home):
    """Drop the pages of a reader's files from memory, as after a restart."""
    subprocess.run(["sync"])
    for folder, _, files in os.walk(home):
        for name in files:
            try:
                fd = os.open(os.path.join(folder, name), os.O_RDONLY)
            except OSError:
                continue
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def private_mb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        kb = sum(int(l.split()[1]) for l in f if l.startswith(("Private_Clean", "Private_Dirty")))
    return kb / 1024


def main():
    args, runs, out = sys.argv[1:], 5, os.path.join(places.BUILD, "bench.json")
    sizes, names, rows = [], [], []
    known = {c.name: c for c in readers.ALL}
    while args:
        word = args.pop(0)
        if word == "-n":
            runs = int(args.pop(0))
        elif word == "-o":
            out = args.pop(0)
        elif word.isdigit():
            sizes.append(int(word))
        elif word in known:
            names.append(word)
        else:
            rows.append(word)
    places.adopt_orphans()
    classes = [known[n] for n in names] or [c for c in readers.ALL if c.is_installed()]
    bench = Bench(runs, sorted(sizes) or [1000, 100000], classes, rows)
    try:
        bench.run()
    finally:
        bench.server.stop()
        bench.show()
    with open(out, "w") as f:
        json.dump([{"row": r.name, "unit": r.unit, "goal": r.goal, "values": r.values} for r in bench.table], f, indent=1)


if __name__ == "__main__":
    sys.path.insert(0, places.LIB)
    main()
