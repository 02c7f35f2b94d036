#!/usr/bin/env python3
"""<undo> while the command is under way: it has gone out and is not answered, and what
the user said last is what the server ends with."""
import re

import places
import proxy
import tap
from manager import FLAG
from sync import attached, flags_of, ids_in, locals_of, server

RTT_MS = 1200
NO_MOVE = """protocol imap {
  imap_capability = IMAP4rev1 SASL-IR IDLE ENABLE CONDSTORE QRESYNC UIDPLUS ESEARCH LITERAL+ SPECIAL-USE LIST-EXTENDED LIST-STATUS
}"""
M0 = "<m0@example.org>"
WAITING = (2, 3)
OFFLINE = 4  # the state of an account


class Slow:
    """An interface on a link that can be held up; the mailbox holds m0."""

    def __init__(self, mailbox="INBOX", n=1, **more):
        self.d = server(n, **more)
        if mailbox != "INBOX":
            c = self.d.client(mailbox="INBOX")
            c.uid("COPY", "1", mailbox)
            c.logout()
        self.mailbox = mailbox
        self.proxy = proxy.Proxy(self.d.imap_port, tls="good")
        self.ui = attached(self.d, port=self.proxy.port, mailbox=mailbox)
        self.local = locals_of(self.ui, mailbox)[1]

    def post(self, *args, until, **more):
        """Post, and wait until the server got a command that matches `until`: nothing comes
        back any more before settle()."""
        self.proxy.freeze_after(until)
        assert self.ui.post(*args[:1], [self.local], *args[1:], **more)["event"] == "ACK"
        places.await_true(until, lambda: self.proxy.is_frozen() and re.search(until, self.d.wire()))

    def undo(self):
        self.ui.events.clear()
        end = self.ui.undo()
        assert end["event"] == "DONE", end
        # It did not wait until a link that holds the answer is given up.
        assert not [e for e in self.ui.events if e["event"] == "ACCOUNT_STATE" and e["state"] == OFFLINE], self.ui.events
        return end["text"]

    def settle(self):
        self.proxy.set_rtt(0)
        self.proxy.thaw()
        places.await_true("nothing waits", lambda: not [i for i in self.ui.stores.intents() if i["state"] in WAITING])
        assert not [i for i in self.ui.stores.intents() if i["state"] in (5, 6)], self.ui.stores.intents()

    def shown(self):
        return {r["local"]: r for r in self.ui.stores.rows(self.mailbox)}


def test_of_a_flag():
    s = Slow()
    s.post("flag", set=FLAG["flagged"], until=r"UID STORE .*Flagged")
    assert s.undo() == "undone: change of flags of 1 message"
    s.settle()
    assert flags_of(s.d) == {1: set()}
    assert s.shown()[s.local]["flags"] & FLAG["flagged"] == 0


def test_of_a_flag_whose_connection_is_cut():
    s = Slow()
    s.post("flag", set=FLAG["flagged"], until=r"UID STORE .*Flagged")
    s.undo()
    s.proxy.cut("reset")
    s.settle()
    assert flags_of(s.d) == {1: set()}


def test_of_a_keyword():
    s = Slow()
    s.post("keyword", set=1, keyword="later", until=r"UID STORE .*later")
    s.undo()
    s.settle()
    assert flags_of(s.d) == {1: set()}


def test_of_a_permanent_delete():
    s = Slow("Trash")
    s.post("delete", set=1, until=r"UID STORE .*Deleted")
    assert s.undo() == "undone: delete of 1 message"
    s.settle()
    assert flags_of(s.d, "Trash") == {1: set()}
    assert "EXPUNGE" not in s.d.wire()
    assert s.local in s.shown()


def test_of_a_permanent_delete_whose_connection_is_cut():
    s = Slow("Trash")
    s.post("delete", set=1, until=r"UID STORE .*Deleted")
    assert s.undo() == "undone: delete of 1 message"
    s.proxy.cut("reset")
    s.settle()
    assert flags_of(s.d, "Trash") == {1: set()}


def test_of_one_that_is_being_expunged_promises_nothing():
    s = Slow("Trash")
    s.post("delete", set=1, until=r"UID EXPUNGE")
    assert s.undo() == "delete of 1 message cannot be undone"
    s.settle()
    assert flags_of(s.d, "Trash") == {}


def test_of_a_copy_that_has_not_begun():
    s = Slow()
    s.post("copy", target="Archive", until=r"STATUS \"?Archive\"? \([^)]*UIDNEXT")
    assert s.undo() == "undone: copy of 1 message"
    s.settle()
    assert ids_in(s.d, "Archive") == []


def test_of_a_copy_under_way_promises_nothing():
    s = Slow()
    s.post("copy", target="Archive", until=r"UID COPY")
    assert "cannot be undone" in s.undo()
    s.settle()
    assert ids_in(s.d, "Archive") == [M0]


def test_of_a_move():
    s = Slow()
    s.post("move", target="Archive", until=r"UID MOVE")
    assert s.undo() == "undone: move of 1 message"
    s.settle()
    assert (ids_in(s.d, "INBOX"), ids_in(s.d, "Archive")) == ([M0], [])


def test_of_a_move_to_where_a_connection_still_stands():
    # The one that brought m0 back is in Archive, and nobody tells it of what came since.
    s = Slow(n=3)
    for uid in 1, 2, 3:
        s.local = locals_of(s.ui)[uid]
        assert s.ui.post("move", [s.local], target="Archive")["event"] == "ACK"
        s.settle()
        assert s.undo() == "undone: move of 1 message"
        s.settle()
    assert ids_in(s.d, "INBOX") == ["<m%d@example.org>" % i for i in range(3)]
    assert ids_in(s.d, "Archive") == []


def test_what_was_moved_is_changed_at_once_where_it_came_to_lie():
    # Its row comes along when the server says where; no connection has looked there yet.
    s = Slow()
    s.ui.post("move", [s.local], target="Archive")
    s.settle()
    assert s.undo() == "undone: move of 1 message"
    s.settle()
    local = locals_of(s.ui)
    assert list(local.values()) == [s.local], local
    s.proxy.set_rtt(RTT_MS)
    assert s.ui.post("move", [s.local], target="Archive")["event"] == "ACK"
    places.await_true("the move is done", lambda: [i for i in s.ui.stores.intents() if i["kind"] == 3][-1]["state"] == 4)
    assert list(locals_of(s.ui, "Archive").values()) == [s.local]
    assert s.ui.post("delete", [s.local], set=1, mailbox="Archive")["event"] == "ACK"
    s.settle()
    assert (ids_in(s.d, "INBOX"), ids_in(s.d, "Archive"), ids_in(s.d, "Trash")) == ([], [], [M0])


def test_two_mailboxes_do_not_call_a_connection_to_and_fro():
    # What was put into them is looked at once, and then the connection stays.
    s = Slow(n=3)
    locals = locals_of(s.ui)
    s.proxy.set_rtt(100)
    s.ui.post("move", [locals[1]], target="Archive")
    s.ui.post("move", [locals[2]], target="Trash")
    for n in range(20):
        s.ui.post("flag", [locals[3]], **{("set", "clear")[n % 2]: FLAG["flagged"]})
        places.await_true("nothing waits", lambda: not [i for i in s.ui.stores.intents() if i["state"] in WAITING])
    s.settle()
    opened = re.findall(r"SELECT \"?(\w+)", s.d.wire())
    assert len(opened) < 8, opened


def test_what_comes_after_it_is_counted_where_a_connection_still_stands():
    # It watches nobody's screen, and STATUS on it says what it was told last.
    s = Slow(n=3)
    locals = locals_of(s.ui)
    s.local = locals[1]
    s.ui.post("move", [s.local], target="Archive")
    s.settle()
    s.undo()
    s.settle()
    for uid, kind in (2, "move"), (3, "copy"):
        s.ui.post(kind, [locals[uid]], target="Archive")
        s.settle()

    def archive():
        m = next(m for m in s.ui.stores.dump()["mailboxes"] if m["name"] == "Archive")
        return m["messages"], m["unseen"], len(m["rows"])

    places.await_true("both counted", lambda: archive() == (2, 2, 2))


def test_of_a_move_in_stages():
    for until in (r"STATUS \"?Archive\"? \([^)]*UIDNEXT", r"UID COPY", r"UID STORE .*Deleted", r"UID EXPUNGE"):
        s = Slow(extra=NO_MOVE)
        s.post("move", target="Archive", until=until)
        assert s.undo() == "undone: move of 1 message", until
        s.settle()
        assert (ids_in(s.d, "INBOX"), ids_in(s.d, "Archive")) == ([M0], []), until
        assert set.union(*flags_of(s.d).values()) == set(), until


if __name__ == "__main__":
    tap.main()
