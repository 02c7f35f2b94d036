#!/usr/bin/env python3
"""Kills and cuts while requests are in flight: nothing acknowledged is lost,
nothing is done twice. Counted on the server by Message-ID, and on the wire.

The seed is printed; TERN_SEED=N repeats it, TERN_KILLS=N says how many. A strike
comes at a random moment after a change was posted, at a byte of the connection, or
while the link is slow and the journal says "sent": the server may have done it, and
nobody knows. tern itself is killed behind its keys.
"""
import collections
import glob
import os
import random
import re
import struct
import time

import dovecot
import manager
import places
import proxy
import tap
import ui
from mail import append
from manager import FLAG
from sync import PASSWORD_ANSWER, ids_in

SEED = int(os.environ.get("TERN_SEED", int.from_bytes(os.urandom(4), "little")))
KILLS = int(os.environ.get("TERN_KILLS", 300))
MESSAGES = 60
TYPED = 40  # messages of their own, for keys
PLANNED, SENT = 2, 3
NAMES = {FLAG["seen"]: "\\Seen", FLAG["flagged"]: "\\Flagged", FLAG["answered"]: "\\Answered"}


class Run:
    def __init__(self, chance, capability=""):
        self.chance = chance
        self.d = dovecot.Dovecot(extra=capability).start()
        tap.later(self.d.stop)
        c = self.d.client()
        for i in range(MESSAGES):
            append(c, "m%d" % i)
        for i in range(TYPED):
            append(c, "key%02dk" % i)
        c.create("Copies")
        c.logout()
        self.proxy = proxy.Proxy(self.d.imaps_port)
        self.user = ui.User(self.d, port=self.proxy.port, rc="set confirmappend=no\n")
        self.stores = manager.Stores()
        self.stores.env = dict(self.user.env, TERN_LOG=self.stores.log, TERN_LOG_LEVEL="4")
        self.account = "anna@localhost:%d" % self.proxy.port  # as tern names it
        self.flags = {}      # local: {bit: wanted}, as acknowledged
        self.place = {}      # local: mailbox, as acknowledged
        self.copied = set()  # locals, as acknowledged
        self.ids = self.terminal = None
        self.strikes = collections.Counter()
        self.in_flight = self.sent = 0
        self.typed = []      # (local, what) of keys, whether they came to anything or not
        self.attach()
        rows = self.stores.rows()
        self.uids = {r["local"]: r["uid"] for r in rows}
        self.ids = {r["local"]: r["message_id"] for r in rows}
        self.keyed = [r["local"] for r in rows if r["subject"].startswith("key")]
        assert len(self.ids) == MESSAGES + TYPED and len(self.keyed) == TYPED
        self.to_type = [(l, what) for what in ("C", "w", "s") for l in self.keyed]

    def kills(self):
        return sum(self.strikes.values())

    def attach(self):
        while True:
            try:
                self.ui = manager.Interface(self.stores, PASSWORD_ANSWER)
                self.ui.account(name=self.account, host="localhost", port=self.proxy.port, ca_file=self.d.cert.ca)
                self.ui.open(wait=self.ids is None, account=self.account)
                return
            except manager.Gone:
                places.reap()

    def open_intents(self):
        """{local: state} of what waits or is on its way."""
        return {i["local"]: i["state"] for i in self.stores.intents() if i["state"] in (PLANNED, SENT)}

    def strike(self, what):
        """Kill or cut something, now."""
        self.strikes[what] += 1
        if what in ("close", "reset"):
            self.proxy.cut(what)
        else:
            self.user.kill(what)
            places.reap()

    def send_post(self, post):
        kind, locals, more = post["kind"], post["locals"], post["more"]
        self.ui.send("POST", post_id=post["id"], kind=manager.INTENT[kind], **self.ui.name,
                     locals=b"".join(struct.pack("<Q", l) for l in locals), **more)

    def is_idle(self):
        """Nothing waits, and the mailbox is open: on a slow link that would take long."""
        end = time.monotonic() + 3 * places.SLOW
        self.ui.send("CONNECT_NOW")
        while time.monotonic() < end:
            self.ui._take(0.02)
            states = [e["text"] for e in self.ui.events if e["event"] == "ACCOUNT_STATE"]
            if states and states[-1] == "in step" and not self.open_intents():
                return True
        return False

    def strike_while_sent(self, post, what):
        """On a slow link: the command or its answer is under way, nobody knows which."""
        if not self.is_idle():
            return False
        self.proxy.set_rtt(60)
        try:
            self.send_post(post)
            end = time.monotonic() + 1 * places.SLOW
            while time.monotonic() < end and SENT not in self.open_intents().values():
                self.ui._take(0.001)
            time.sleep(self.chance.random() * 0.05)
            self.sent += SENT in self.open_intents().values()
            self.strike(what)
            self.proxy.cut("reset")
        finally:
            self.proxy.set_rtt(0)
        return True

    def strike_after(self, post, what):
        self.send_post(post)
        time.sleep(self.chance.choice((0, 0.001, 0.003, 0.01, 0.03)))
        self.strike(what)

    def strike_at_a_byte(self, post):
        self.proxy.cut_at(self.chance.choice(("up", "down")), self.chance.randrange(1, 400),
                          self.chance.choice(("close", "reset")))
        self.strikes["byte"] += 1
        self.send_post(post)

    def post_and_strike(self, post):
        what = self.chance.choice(("tern-imap", "tern-session", "close", "reset", "byte"))
        is_held = self.chance.random() < 0.25
        try:
            if what == "byte":
                self.strike_at_a_byte(post)
            elif not is_held or not self.strike_while_sent(post, what):
                self.strike_after(post, what)
        except manager.Gone:
            pass
        self.in_flight += not self.open_intents().keys().isdisjoint(post["locals"])
        while True:
            try:
                self.send_post(post)
                self.ui.events[:] = [e for e in self.ui.events if e["event"] == "ACCOUNT_STATE"][-1:]
                self.ui.send("CONNECT_NOW")
                end = self.ui.wait("ACK", "REFUSED", where=lambda e: e["post_id"] == post["id"])
                assert end["event"] == "ACK", (end, post)
                return
            except manager.Gone:
                self.attach()

    # --- tern, with keys

    def type_and_strike(self):
        """Keys on a message of their own, and tern dies behind them."""
        local, what = self.to_type.pop(0)
        t, name = self.user.open(), self.ids[local][1:].split("@")[0]
        t.wait("[0-9] messages")
        t.keys("=/%s<Enter>" % name)
        t.until("the cursor on " + name, lambda s: name in s.lines[s.row], 30)
        t.keys({"C": "C=Copies<Enter>", "w": "w!", "s": "s=Archive<Enter>"}[what])
        self.typed.append((local, what))
        end = time.monotonic() + self.chance.choice((0, 0.002, 0.01, 0.05))
        while time.monotonic() < end and local not in self.open_intents():
            pass
        # What is in the journal is promised.
        promised = local in self.open_intents()
        self.in_flight += promised
        self.strike("tern")
        t.close()
        if promised and what == "C":
            self.copied.add(local)
        elif promised and what == "s":
            self.place[local] = "Archive"
        elif promised:
            self.flags.setdefault(local, {})[FLAG["flagged"]] = True

    def random_post(self):
        here = [l for l in self.ids if self.place.get(l, "INBOX") == "INBOX" and l not in self.keyed]
        kind = self.chance.choice(("flag", "flag", "flag", "move", "copy", "delete"))
        n = self.chance.choice((1, 1, 2, 5))
        if kind == "copy":
            here = [l for l in here if l not in self.copied]
        if kind in ("move", "delete") and len(here) < MESSAGES // 3:
            kind = "flag"
        locals = self.chance.sample(here, min(n, len(here)))
        if not locals:
            return None
        post = {"kind": kind, "locals": locals, "id": self.chance.randbytes(16), "more": {}}
        if kind == "flag":
            bit = self.chance.choice(list(NAMES))
            post["more"] = {self.chance.choice(("set_flags", "clear_flags")): bit}
        elif kind == "move":
            post["more"] = {"target": "Archive"}
        elif kind == "copy":
            post["more"] = {"target": "Copies"}
        else:
            post["more"] = {"set_flags": 1}
        return post

    def remember(self, post):
        for l in post["locals"]:
            if post["kind"] == "flag":
                for name, bit in post["more"].items():
                    self.flags.setdefault(l, {})[bit] = name == "set_flags"
            elif post["kind"] == "move":
                self.place[l] = "Archive"
            elif post["kind"] == "delete":
                self.place[l] = "Trash"
            else:
                self.copied.add(l)

    def turn(self):
        if self.to_type and self.chance.random() < 0.2:
            self.type_and_strike()
            return
        post = self.random_post()
        if post is not None:
            self.post_and_strike(post)
            self.remember(post)

    def settle(self):
        self.ui.send("CONNECT_NOW")
        end = time.monotonic() + 120 * places.SLOW
        while True:
            open_ones = self.open_intents()
            if not open_ones:
                return
            assert time.monotonic() < end, open_ones
            try:
                self.ui._take(0.1)
                self.ui.send("CONNECT_NOW")
            except manager.Gone:
                self.attach()

    def check(self):
        bad = [i for i in self.stores.intents() if i["state"] in (5, 6)]
        assert not bad, bad[:5]
        found = {box: ids_in(self.d, box) for box in ("INBOX", "Archive", "Trash", "Copies")}
        # Keys before a kill came to something or did not; never twice.
        for l, what in self.typed:
            if what == "s" and self.ids[l] in found["Archive"]:
                self.place[l] = "Archive"
            elif what == "C" and self.ids[l] in found["Copies"]:
                self.copied.add(l)
        for l, message_id in self.ids.items():
            where = self.place.get(l, "INBOX")
            for box in ("INBOX", "Archive", "Trash"):
                n = found[box].count(message_id)
                assert n == (box == where), "%s: %d times in %s, belongs to %s" % (message_id, n, box, where)
            n = found["Copies"].count(message_id)
            assert n == (l in self.copied), "%s: copied %d times, wanted %s" % (message_id, n, l in self.copied)
        self.check_wire()
        server = {}
        for box in ("INBOX", "Archive", "Trash"):
            c = self.d.client(mailbox=box)
            for item in dovecot.check(c.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")):
                if isinstance(item, tuple):
                    head = item[0].decode()
                    server[item[1].decode().split(":", 1)[1].strip()] = head.split("FLAGS (")[1].split(")")[0].split()
            c.logout()
        for l, wanted in self.flags.items():
            for bit, is_set in wanted.items():
                assert (NAMES[bit] in server[self.ids[l]]) == is_set, (self.ids[l], NAMES[bit], is_set)

    def check_wire(self):
        """What the server said it had copied and moved, whoever heard it."""
        done = collections.Counter(done_on_the_wire(self.d.raw))
        asked = {(uid, target) for _, requests in requests_on_the_wire(self.d.raw)
                 for _, uids, target in requests for uid in uids}
        wanted = {(self.uids[l], "Copies") for l in self.copied} | \
            {(self.uids[l], place) for l, place in self.place.items()}
        # A connection that was cut takes the answer with it, also out of the server's log.
        assert set(done) <= wanted, sorted(set(done) - wanted)
        assert wanted <= asked, sorted(wanted - asked)
        twice = [what for what, n in done.items() if n > 1]
        assert not twice, "done twice: %s" % twice


def numbers(uid_set):
    for part in uid_set.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


def requests_on_the_wire(folder):
    """(path, [(tag, uids, target)]) of each connection: its COPYs, and MOVEs with a * behind the tag."""
    for path in glob.glob(os.path.join(folder, "*.in")):
        with open(path, errors="replace") as f:
            yield path, [(m[1] if m[2] == "COPY" else m[1] + "*", set(numbers(m[3])), m[4]) for m in
                         re.finditer(r"(\S+) UID (COPY|MOVE) ([\d,:]+) \"?([^\"\r\n]+)", f.read())]


def done_on_the_wire(folder):
    """(uid, target) of each message that a COPY or MOVE has put somewhere."""
    for path, asked in requests_on_the_wire(folder):
        with open(path[:-3] + ".out", errors="replace") as f:
            for m in re.finditer(r"^\S+ (\S+) OK \[COPYUID \d+ ([\d,:]+)", f.read(), re.M):
                for uid in numbers(m[2]):
                    # MOVE says it untagged, before its end.
                    yield uid, next(t for tag, uids, t in asked if uid in uids and
                                    (m[1] == tag or m[1] == "*" and tag.endswith("*")))


def storm(n, capability=""):
    tap.note("seed %d, %d kills and cuts" % (SEED, n))
    run = Run(random.Random(SEED), capability)
    while run.kills() < n:
        run.turn()
    run.proxy.cut_at("up", None)
    tap.note("%s; a change was on its way at %d, known to be sent at %d of those on a slow link" %
             (dict(run.strikes), run.in_flight, run.sent))
    run.settle()
    assert run.in_flight > n // 2 and run.sent > 0, "most struck nothing"
    assert set(run.strikes) == {"tern", "tern-session", "tern-imap", "close", "reset", "byte"}, run.strikes
    run.proxy.cut()
    run.check()
    # What is shown here is what is there.
    rows = {r["message_id"] for r in run.stores.rows()}
    assert rows == set(ids_in(run.d, "INBOX")), "the view differs from the server"


def test_nothing_acknowledged_is_lost_or_done_twice():
    storm(KILLS * 2 // 3)


def test_the_same_without_move_and_uidplus_codes():
    # The server does COPY, STORE, EXPUNGE in stages, each of which may be cut.
    storm(KILLS - KILLS * 2 // 3,
          "protocol imap {\n  imap_capability = IMAP4rev1 SASL-IR IDLE ENABLE CONDSTORE QRESYNC UIDPLUS ESEARCH LITERAL+ SPECIAL-USE LIST-EXTENDED LIST-STATUS\n}")


if __name__ == "__main__":
    tap.main()
