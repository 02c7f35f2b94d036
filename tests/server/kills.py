#!/usr/bin/env python3
"""Kills and cuts while requests are in flight: nothing acknowledged is lost,
nothing is done twice. Counted on the server by Message-ID, and on the wire.

Flags, moves, copies, deletes, deletes for good in the trash; a part of them taken
back while it is under way. Mailboxes are changed, and mail arrives, meanwhile.

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
from mail import append, fill
from manager import FLAG
from sync import PASSWORD_ANSWER, ids_in

SEED = int(os.environ.get("TERN_SEED", int.from_bytes(os.urandom(4), "little")))
KILLS = int(os.environ.get("TERN_KILLS", 300 // places.SLOW))
MESSAGES = 60
TYPED = 40  # messages of their own, for keys
PLANNED, SENT = 2, 3
NOWHERE = "nowhere"  # expunged
KINDS = {"tern", "tern-session", "tern-imap", "close", "reset", "byte"}
NAMES = {FLAG["seen"]: "\\Seen", FLAG["flagged"]: "\\Flagged", FLAG["answered"]: "\\Answered"}


class Run:
    def __init__(self, chance, capability=""):
        self.chance = chance
        self.d = dovecot.started(extra=capability)
        fill(self.d, MESSAGES)
        c = self.d.client()
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
        self.undone = set()  # locals of which something was taken back
        self.unsure = {}     # local: {places}: of a part of its group nothing can be said
        self.trashed = set() # locals whose copy was taken back: it may lie in the trash
        self.arrived = {}    # message id: mailbox
        self.n_undone = collections.Counter()
        self.shown = "INBOX"
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

    def has_hit(self, n):
        return self.in_flight > n // 2 and self.sent > 0 and set(self.strikes) == KINDS

    def attach(self):
        while True:
            try:
                self.ui = manager.Interface(self.stores, PASSWORD_ANSWER)
                self.ui.account(name=self.account, host="localhost", port=self.proxy.port, ca_file=self.d.cert.ca)
                self.ui.open(wait=self.ids is None, account=self.account)
                self.shown = "INBOX"
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
        if kind == "undo":
            self.undo_id = self.ui.send("UNDO", post_id=post["id"])
            return
        self.ui.send("POST", post_id=post["id"], kind=manager.INTENT[kind],
                     account=self.account, mailbox=post.get("mailbox", "INBOX"),
                     locals=b"".join(struct.pack("<Q", l) for l in post.get("shown", locals)), **more)

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
        self.in_flight += not self.open_intents().keys().isdisjoint(post.get("shown", post["locals"]))
        return self.post_to_the_end(post)

    def post_to_the_end(self, post):
        """Said again and again until it is answered; a second time does nothing more."""
        while True:
            try:
                self.send_post(post)
                self.ui.events[:] = [e for e in self.ui.events if e["event"] == "ACCOUNT_STATE"][-1:]
                self.ui.send("CONNECT_NOW")
                if post["kind"] == "undo":
                    end = self.ui.wait("DONE", "FAILED", id=self.undo_id)
                    assert end["event"] == "DONE", (end, post)
                    return end["text"]
                end = self.ui.wait("ACK", "REFUSED", where=lambda e: e["post_id"] == post["id"])
                assert end["event"] == "ACK", (end, post)
                return None
            except manager.Gone:
                self.attach()

    # --- taken back

    def undo_and_strike(self, post, before):
        """The change that was just acknowledged, on its way or done, is taken back."""
        undo = {"kind": "undo", "locals": post["locals"], "shown": post["shown"], "id": self.chance.randbytes(16),
                "more": {}}
        text = self.post_and_strike(undo)
        n, m = re.search(r"undone: .* of (\d+)", text), re.search(r"of (\d+) messages? cannot be", text)
        n, m = int(n[1]) if n else 0, int(m[1]) if m else 0
        assert n + m == len(post["locals"]), (text, post)
        self.n_undone["all" if m == 0 else "none" if n == 0 else "a part"] += 1
        self.undone.update(post["locals"])
        for l in post["locals"]:
            if n == 0:
                continue
            if post["kind"] == "copy":
                self.trashed.add(l)
            if m > 0:
                self.unsure[l] = {before["place"][l], self.place.get(l, "INBOX")}
                if post["kind"] == "copy":
                    self.unsure[l] |= {"Copies"}
            elif post["kind"] == "copy":
                self.copied.discard(l)
            elif post["kind"] == "flag":
                self.flags[l] = dict(before["flags"][l])
            else:
                self.place[l] = before["place"][l]

    # --- other mailboxes

    def change_mailbox(self):
        """Mail arrives in what is left, and in what is opened."""
        c, n = self.d.client(), len(self.arrived)
        self.shown = {"INBOX": self.chance.choice(("Archive", "Trash")), "Archive": "INBOX", "Trash": "INBOX"}[self.shown]
        strike = self.chance.choice(("tern-imap", "tern-session", "close", "reset", None))
        try:
            self.ui.send("CLOSE_MAILBOX", mailbox=self.ui.mailbox)
            arrive(c, self.arrived, n)
            self.ui.open(self.shown, wait=False, account=self.account)
            arrive(c, self.arrived, n + 1)
            time.sleep(self.chance.choice((0, 0.001, 0.01, 0.03)))
            if strike:
                self.strike(strike)
            arrive(c, self.arrived, n + 2)
        except manager.Gone:
            self.attach()
        c.logout()

    def rows_of(self, mailbox):
        """{local at first: local as shown}: what came back under a UID that nobody
        told is another row, and that is what a user would point at."""
        first = {message_id: l for l, message_id in self.ids.items()}
        for m in self.stores.dump()["mailboxes"]:
            if m["name"] == mailbox:
                return {first[r["message_id"]]: r["local"] for r in m["rows"] if r["message_id"] in first and
                        self.place.get(first[r["message_id"]], "INBOX") == mailbox}
        return {}

    # --- tern, with keys

    def type_and_strike(self):
        """Keys on a message of their own, and tern dies behind them."""
        local, what = self.to_type.pop(0)
        t, name = self.user.open(), self.ids[local][1:].split("@")[0]
        t.wait("Inbox─ [0-9]+ ")  # also while it is brought into step
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
        kind = self.chance.choice(("flag", "flag", "flag", "move", "copy", "delete", "expunge"))
        n = self.chance.choice((1, 1, 2, 5))
        shown = self.rows_of("Trash" if kind == "expunge" else "INBOX")
        here = [l for l in shown if l not in self.keyed and l not in self.unsure and
                (kind != "expunge" or l not in self.trashed)]
        if kind == "copy":
            here = [l for l in here if l not in self.copied and l not in self.trashed]
        if kind in ("move", "delete") and len(here) < MESSAGES // 3:
            kind = "flag"
        locals = self.chance.sample(here, min(n, len(here)))
        if not locals:
            return None
        post = {"kind": kind, "locals": locals, "id": self.chance.randbytes(16), "more": {},
                "shown": [shown[l] for l in locals]}
        if kind == "expunge":
            post.update(kind="delete", mailbox="Trash", more={"set_flags": 1})
        elif kind == "flag":
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
                self.place[l] = NOWHERE if "mailbox" in post else "Trash"
            else:
                self.copied.add(l)

    def turn(self):
        if self.to_type and self.chance.random() < 0.2:
            self.type_and_strike()
            return
        if self.chance.random() < 0.1:
            self.change_mailbox()
            return
        post = self.random_post()
        if post is None:
            return
        before = {"flags": {l: dict(self.flags.get(l, {})) for l in post["locals"]},
                  "place": {l: self.place.get(l, "INBOX") for l in post["locals"]}}
        is_taken_back = self.chance.random() < 0.25
        if is_taken_back:
            self.await_the_typed()
        self.post_and_strike(post)
        self.remember(post)
        if is_taken_back:
            self.undo_and_strike(post, before)

    def await_the_typed(self):
        """What a tern that was killed had said is taken or lost by now: two answers later
        nothing of it is waiting, and the newest change is the one that follows."""
        for _ in range(2):
            while True:
                try:
                    self.ui.ask("INTENT_RETRY", seq=0)
                    break
                except manager.Gone:
                    self.attach()

    def settle(self):
        end = time.monotonic() + 120 * places.SLOW
        while self.open_intents():
            assert time.monotonic() < end, [i for i in self.stores.intents() if i["state"] in (PLANNED, SENT)]
            try:
                self.ui.send("CONNECT_NOW")
                self.ui._take(0.1)
            except manager.Gone:
                self.attach()

    def open_in_step(self, mailbox):
        while True:
            try:
                self.ui.send("CONNECT_NOW")
                self.ui.open(mailbox, account=self.account)
                return
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
            at = {box: found[box].count(message_id) for box in found}
            if l in self.trashed:  # the copy that was taken back
                at["Trash"] -= at["Trash"] > (self.place.get(l) == "Trash")
            if l in self.unsure:
                where = [box for box in at if box != "Copies" and at[box]] or [NOWHERE]
                assert len(where) == 1 and where[0] in self.unsure[l] and max(at.values()) == 1, (message_id, at)
                self.place[l] = where[0]
            if l in self.unsure and "Copies" in self.unsure[l] and not at["Copies"]:
                self.copied.discard(l)
            where = self.place.get(l, "INBOX")
            for box in ("INBOX", "Archive", "Trash"):
                assert at[box] == (box == where), "%s: %d times in %s, belongs to %s" % (message_id, at[box], box, where)
            assert at["Copies"] == (l in self.copied), "%s: copied %d times, wanted %s" % (
                message_id, at["Copies"], l in self.copied)
        for message_id, where in self.arrived.items():
            assert found[where].count(message_id) == 1, (message_id, where)
        self.check_wire()
        server = {}
        for box in ("INBOX", "Archive", "Trash"):
            c = self.d.client(mailbox=box)
            for item in dovecot.check(c.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")):
                if isinstance(item, tuple):
                    head = item[0].decode()
                    server[box, item[1].decode().split(":", 1)[1].strip()] = head.split("FLAGS (")[1].split(")")[0].split()
            c.logout()
        for l, wanted in self.flags.items():
            if self.place.get(l) == NOWHERE:
                continue
            for bit, is_set in wanted.items():
                there = server[self.place.get(l, "INBOX"), self.ids[l]]
                assert (NAMES[bit] in there) == is_set, (self.ids[l], NAMES[bit], is_set)

    def check_wire(self):
        """What the server said it had copied and moved, whoever heard it."""
        ours = {self.uids[l] for l in self.ids if l not in self.undone}
        done = collections.Counter(d for d in done_on_the_wire(self.d.raw) if d[0] in ours)
        asked = {(uid, target) for _, requests in requests_on_the_wire(self.d.raw)
                 for _, uids, target in requests for uid in uids if uid in ours}
        wanted = {(self.uids[l], "Copies") for l in self.copied if l not in self.undone} | \
            {(self.uids[l], "Trash" if place == NOWHERE else place) for l, place in self.place.items()
             if l not in self.undone}
        # A connection that was cut takes the answer with it, also out of the server's log.
        assert set(done) <= wanted, sorted(set(done) - wanted)
        assert wanted <= asked, sorted(wanted - asked)
        twice = [what for what, n in done.items() if n > 1]
        assert not twice, "done twice: %s" % twice


def arrive(c, arrived, n):
    """Message n, from somebody else."""
    where = ("INBOX", "Archive", "INBOX")[n % 3]
    append(c, "new%d" % n, where)
    arrived["<new%d@example.org>" % n] = where


def numbers(uid_set):
    for part in uid_set.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


def requests_on_the_wire(folder):
    """(path, [(tag, uids, target)]) of each connection: its COPYs and MOVEs out of INBOX."""
    for path in glob.glob(os.path.join(folder, "*.in")):
        out, mailbox = [], None
        with open(path, errors="replace") as f:
            text = f.read()
        for m in re.finditer(r"(\S+) (?:UID (?:COPY|MOVE) ([\d,:]+) \"?([^\"\r\n]+)|SELECT \"?([^\" \r\n]+))", text):
            if m[4]:
                mailbox = m[4]
            elif mailbox == "INBOX":
                out.append((m[1], set(numbers(m[2])), m[3]))
        yield path, out


def done_on_the_wire(folder):
    """(uid, target) of each message that a COPY or MOVE out of INBOX has put somewhere."""
    for path, asked in requests_on_the_wire(folder):
        told, answered = [], set()  # MOVE says it untagged, before its end
        with open(path[:-3] + ".out", errors="replace") as f:
            text = f.read()
        for m in re.finditer(r"^\S+ (\*|A\d+) (?:OK|NO|BAD) ?(?:\[COPYUID \d+ ([\d,:]+))?", text, re.M):
            if m[2]:
                told.append(set(numbers(m[2])))
            if m[1] == "*":
                continue
            answered.add(m[1])
            yield from ((uid, target) for tag, _, target in asked if tag == m[1] for uid in set().union(*told))
            told = []
        # Cut before its end: of the first that has none.
        for tag, uids, target in asked:
            if told and tag not in answered:
                yield from ((uid, target) for uid in uids & set().union(*told))
                break


def storm(n, capability=""):
    tap.note("seed %d, %d kills and cuts" % (SEED, n))
    run = Run(random.Random(SEED), capability)
    try:
        storm_over(run, n)
    except Exception:
        # Chance does not bring it again: what was going on.
        for path in (run.stores.log, os.path.join(run.d.dir, "log")):
            with open(path, errors="replace") as f:
                tap.note("the end of %s:\n%s" % (os.path.basename(os.path.dirname(path)), "".join(f.readlines()[-40:])))
        raise


def storm_over(run, n):
    # A fast machine, or one whose time others have, is not struck while a change is on its
    # way as often: then some more.
    while run.kills() < n or not run.has_hit(n) and run.kills() < 5 * n + 100:
        run.turn()
    run.proxy.cut_at("up", None)
    tap.note("%s; a change was on its way at %d, known to be sent at %d of those on a slow link" %
             (dict(run.strikes), run.in_flight, run.sent))
    tap.note("taken back: %s; for good: %d; new: %d" % (
        dict(run.n_undone), list(run.place.values()).count(NOWHERE), len(run.arrived)))
    run.settle()
    assert run.has_hit(n), "most struck nothing: %s" % run.strikes
    run.proxy.cut()
    run.check()
    # What is shown here is what is there.
    for mailbox in ("Archive", "Trash", "INBOX"):
        run.open_in_step(mailbox)
        there = ids_in(run.d, mailbox)
        places.await_true("the view of %s as the server's" % mailbox,
                          lambda: sorted(r["message_id"] for r in run.stores.rows(mailbox)) == there)


def test_nothing_acknowledged_is_lost_or_done_twice():
    storm(KILLS * 2 // 3)


def test_the_same_without_move_and_uidplus_codes():
    # The server does COPY, STORE, EXPUNGE in stages, each of which may be cut.
    storm(KILLS - KILLS * 2 // 3,
          "protocol imap {\n  imap_capability = IMAP4rev1 SASL-IR IDLE ENABLE CONDSTORE QRESYNC UIDPLUS ESEARCH LITERAL+ SPECIAL-USE LIST-EXTENDED LIST-STATUS\n}")


if __name__ == "__main__":
    tap.main()
