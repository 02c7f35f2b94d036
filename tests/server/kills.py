#!/usr/bin/env python3
"""Kills and cuts while requests are in flight: nothing acknowledged is lost,
nothing is done twice. Counted on the server by Message-ID.

The seed is printed; TERN_SEED=N repeats it, TERN_KILLS=N says how many.
"""
import os
import random
import signal
import struct
import time

import dovecot
import manager
import places
import proxy
import tap
from manager import FLAG
from sync import PASSWORD_ANSWER, append, flags_of, ids_in

SEED = int(os.environ.get("TERN_SEED", int.from_bytes(os.urandom(4), "little")))
KILLS = int(os.environ.get("TERN_KILLS", 300))
MESSAGES = 60
NAMES = {FLAG["seen"]: "\\Seen", FLAG["flagged"]: "\\Flagged", FLAG["answered"]: "\\Answered"}


class Run:
    def __init__(self, chance, capability=""):
        self.chance = chance
        self.d = dovecot.Dovecot(extra=capability).start()
        tap.later(self.d.stop)
        c = self.d.client()
        for i in range(MESSAGES):
            append(c, "m%d" % i)
        c.create("Copies")
        c.logout()
        self.proxy = proxy.Proxy(self.d.imaps_port)
        self.stores = manager.Stores()
        self.flags = {}      # local: {bit: wanted}, as acknowledged
        self.place = {}      # local: mailbox, as acknowledged
        self.copied = set()  # locals, as acknowledged
        self.unsure = set()  # locals whose copy was never acknowledged
        self.kills = 0
        self.attach()
        self.ids = {r["local"]: r["message_id"] for r in self.stores.rows()}
        assert len(self.ids) == MESSAGES

    def attach(self):
        while True:
            try:
                self.ui = manager.Interface(self.stores, PASSWORD_ANSWER)
                self.ui.account(host="localhost", port=self.proxy.port, ca_file=self.d.cert.ca)
                self.ui.open(wait=not hasattr(self, "ids"))
                return
            except manager.Gone:
                continue

    def workers(self):
        return [p for p, n in places.descendants().items() if n == "tern-imap"]

    def strike(self):
        """Kill or cut something, now."""
        self.kills += 1
        what = self.chance.choice(("worker", "worker", "manager", "close", "reset"))
        if what == "manager":
            os.kill(self.stores.manager.pid, signal.SIGKILL)
            self.stores.manager.wait()
        elif what == "worker":
            for pid in self.workers():
                places.kill(pid)
        else:
            self.proxy.cut(what)

    def send_post(self, post):
        kind, locals, more = post["kind"], post["locals"], post["more"]
        self.ui.send("POST", post_id=post["id"], kind=manager.INTENT[kind], mailbox=self.ui.mailbox,
                     locals=b"".join(struct.pack("<Q", l) for l in locals), **more)

    def post_until_acknowledged(self, post, strike_after=None):
        while True:
            try:
                self.send_post(post)
                if strike_after is not None:
                    time.sleep(strike_after)
                    self.strike()
                    strike_after = None
                    self.ui.send("CONNECT_NOW")
                end = self.ui.wait("ACK", "REFUSED", where=lambda e: e["post_id"] == post["id"])
                assert end["event"] == "ACK", (end, post)
                return
            except manager.Gone:
                self.attach()
                self.ui.send("CONNECT_NOW")

    def random_post(self):
        here = [l for l in self.ids if self.place.get(l, "INBOX") == "INBOX"]
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
        post = self.random_post()
        if post is None:
            return
        self.post_until_acknowledged(post, self.chance.choice((0, 0.001, 0.003, 0.01, 0.03, 0.1)))
        self.remember(post)

    def settle(self):
        self.ui.send("CONNECT_NOW")
        end = time.monotonic() + 120 * places.SLOW
        while True:
            open_ones = [i for i in self.stores.intents() if i["state"] in (2, 3)]
            if not open_ones:
                return
            assert time.monotonic() < end, open_ones[:5]
            try:
                self.ui._take(0.1)
                self.ui.send("CONNECT_NOW")
            except manager.Gone:
                self.attach()

    def check(self):
        bad = [i for i in self.stores.intents() if i["state"] in (5, 6)]
        assert not bad, bad[:5]
        found = {box: ids_in(self.d, box) for box in ("INBOX", "Archive", "Trash", "Copies")}
        for l, message_id in self.ids.items():
            where = self.place.get(l, "INBOX")
            for box in ("INBOX", "Archive", "Trash"):
                n = found[box].count(message_id)
                assert n == (box == where), "%s: %d times in %s, belongs to %s" % (message_id, n, box, where)
            n = found["Copies"].count(message_id)
            assert n == (l in self.copied), "%s: copied %d times, wanted %s" % (message_id, n, l in self.copied)
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


def storm(n, capability=""):
    tap.note("seed %d, %d kills and cuts" % (SEED, n))
    run = Run(random.Random(SEED), capability)
    while run.kills < n:
        run.turn()
    run.settle()
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
