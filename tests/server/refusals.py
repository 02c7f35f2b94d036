#!/usr/bin/env python3
"""A server that says no, or not enough: what is refused fails alone, is shown, and is
not asked for again and again."""
import os
import re
import shutil
import signal
import threading

import manager
import places
import tap
from manager import FLAG
from named import CAPS, WAITING, Script

PLANNED, SENT, CONFIRMED, REFUSED, PARKED = 2, 3, 4, 5, 6
ANSWER = {1: (1, "secret")}
SELECT = re.compile(r"SELECT")


def is_in(sequence_set, number):
    for part in sequence_set.split(","):
        low, _, high = part.partition(":")
        if int(low) <= number <= (float("inf") if high == "*" else int(high or low)):
            return True
    return False


class Server:
    """Messages with these UIDs in every mailbox. `no(command)` may answer instead: a
    status line without its tag, None for nothing at all, or False to let it pass."""

    def __init__(self, uids=(7, 8, 9), no=lambda command: False, caps=CAPS, greeting=None, left_out=()):
        self.left_out = left_out  # of every FETCH of headers
        self.uids, self.no, self.caps = uids, no, caps
        self.uidvalidity, self.content = 9, {}  # content: which message a UID means now
        self.more = b"* OK [HIGHESTMODSEQ 5] x\r\n"  # in the answer to SELECT
        self.idling = {}
        self.deleted = set()  # UIDs that have the mark
        self.nameless = False  # messages without a Message-ID
        self.by_box, self.selected = {}, {}  # other messages in these mailboxes; which one a thread is in
        self.script = Script(greeting or b"* OK [CAPABILITY " + caps + b"] hello\r\n", self.answer)
        self.port = self.script.port

    def said(self, pattern):
        return [l for l in self.script.lines if re.search(pattern, l)]

    def answer(self, tag, command):
        tag = tag.encode()
        me = threading.get_ident()  # a thread for each connection
        if tag == b"DONE":
            return self.idling.pop(me) + b" OK done\r\n"
        if command == "IDLE":
            self.idling[me] = tag
            return b"+ idling\r\n"
        refusal = self.no(command)
        if refusal is None:
            return b""
        if refusal is not False:
            return getattr(refusal, "lines", b"") + tag + b" " + refusal + b"\r\n"
        words = command.split(" ")
        if words[0] == "SELECT":
            self.selected[me] = words[1].strip('"')
        uids = self.by_box.get(self.selected.get(me), self.uids)
        if words[0] == "SELECT":
            return (b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] x\r\n* OK [UIDNEXT %d] x\r\n"
                    b"* OK [PERMANENTFLAGS (\\Seen \\Flagged \\Deleted \\*)] x\r\n" %
                    (len(uids), self.uidvalidity, uids[-1] + 1) + self.more +
                    tag + b" OK [READ-WRITE] done\r\n")
        if words[0] == "CAPABILITY":
            return b"* CAPABILITY " + self.caps + b"\r\n" + tag + b" OK done\r\n"
        if words[0] == "LIST":
            return b'* LIST () "/" INBOX\r\n* LIST () "/" Box\r\n' + tag + b" OK done\r\n"
        if command.startswith("UID SEARCH"):
            return b"* SEARCH " + b" ".join(b"%d" % u for u in uids) + b"\r\n" + tag + b" OK done\r\n"
        if "FETCH" in command and "RFC822.SIZE" in command:
            rows = b""
            wanted = re.search(r"FETCH ([0-9,:*]+) ", command)[1]
            by_uid = command.startswith("UID")
            for n, uid in enumerate(uids, 1):
                if uid in self.left_out or not is_in(wanted, uid if by_uid else n):
                    continue
                m = self.content.get(uid, uid)
                header = b"Subject: m%d\r\n%s\r\n" % (m, b"" if self.nameless else b"Message-ID: <%d@x>\r\n" % m)
                flags = b"\\Deleted" if uid in self.deleted else b""
                rows += (b'* %d FETCH (UID %d FLAGS (%s) INTERNALDATE "20-Nov-2026 10:00:00 +0000" RFC822.SIZE 100 '
                         b"BODY[HEADER.FIELDS (X)] {%d}\r\n%s)\r\n" % (n, uid, flags, len(header), header))
            return rows + tag + b" OK done\r\n"
        return tag + b" OK done\r\n"


def attached(s, stores=None, wait=True, **more):
    i = manager.Interface(stores or manager.Stores(), ANSWER)
    i.account(host="127.0.0.1", port=s.port, tls=0, **more)
    i.open(wait=wait)
    return i


def locals_of(i):
    places.await_true("the rows", lambda: (i._take(0.02), len(i.stores.rows()) > 0)[1])
    return {r["uid"]: r["local"] for r in i.stores.rows()}


def await_states(i, want):
    """{uid: state} of the changes that are not confirmed."""
    def states():
        i._take(0.05)
        return {n["uid"]: n["state"] for n in i.stores.intents() if n["state"] != CONFIRMED} == want
    places.await_true("states %s" % want, states)


def logins(s):
    return len(s.said("AUTHENTICATE|LOGIN"))


def test_a_no_without_a_code_is_tried_three_times_and_refused():
    s = Server(no=lambda c: b"NO not today" if "UID STORE" in c else False)
    i = attached(s)
    i.post("flag", [locals_of(i)[7]], set=FLAG["flagged"])
    i.wait("NOTICE", where=lambda e: "refused" in e["text"] and "not today" in e["text"])
    await_states(i, {7: REFUSED})
    assert len(s.said("UID STORE")) == 3, s.said("UID STORE")
    # The connection is as good as before: nothing was opened again.
    assert len(s.said(r"SELECT .?INBOX")) == 1, s.said("SELECT")


def test_a_bad_is_not_repeated():
    s = Server(no=lambda c: b"BAD what" if "UID STORE" in c else False)
    i = attached(s)
    i.post("flag", [locals_of(i)[7]], set=FLAG["flagged"])
    await_states(i, {7: REFUSED})
    i.post("flag", [locals_of(i)[8]], set=FLAG["flagged"])
    await_states(i, {7: REFUSED, 8: REFUSED})
    assert len(s.said("UID STORE")) == 2, s.said("UID STORE")


def test_one_message_that_is_refused_stops_no_other():
    s = Server(no=lambda c: b"NO this one is locked" if re.search(r"UID STORE .*\b(7:9|8)\b", c) else False)
    i = attached(s)
    i.post("flag", list(locals_of(i).values()), set=FLAG["flagged"])
    await_states(i, {8: REFUSED})
    assert not [r for r in i.stores.rows() if r["uid"] != 8 and "flagged" not in str(r["flags"]).lower()
                and not (isinstance(r["flags"], int) and r["flags"] & FLAG["flagged"])], i.stores.rows()


def keeps(s, kept):
    """A server that answers each STORE, and the question for flags, with what it keeps:
    {uid: flags}, by kept(uid, command)."""
    def no(command):
        m = re.match(r"UID (STORE|FETCH) ([0-9:,]+) (.*FLAGS ?.*)", command)
        if not m or "RFC822.SIZE" in command:
            return False
        lines = [b"* %d FETCH (UID %d FLAGS (%s))\r\n" % (n, uid, kept(uid, command))
                 for n, uid in enumerate(s.uids, 1) if is_in(m[2], uid)]
        return Raw(b"".join(lines), b"OK done")
    s.no = no
    return s


class Raw(bytes):
    """Untagged lines in front of a status line."""

    def __new__(cls, lines, status):
        r = super().__new__(cls, status)
        r.lines = lines
        return r


def flags_of(i, uid):
    return next(r["flags"] for r in i.stores.rows() if r["uid"] == uid)


def test_a_flag_that_the_server_only_says_it_keeps_is_not_shown_as_kept():
    s = keeps(Server(uids=range(1, 31)), lambda uid, command: b"\\Answered" if uid == 20 else b"\\Flagged")
    i = attached(s)
    i.post("flag", list(locals_of(i).values()), set=FLAG["flagged"])
    i.wait("NOTICE", where=lambda e: "the change to 1 message was refused" in e["text"] and "Flagged" in e["text"],)
    await_states(i, {20: REFUSED})
    # The others were told to be done, and not sent again.
    again = [l for l in s.said("UID STORE") if not l.endswith("STORE 1:30 +FLAGS (\\Flagged)")]
    assert [l.split(" ")[3] for l in again] == ["20", "20"], again
    assert flags_of(i, 20) & (FLAG["flagged"] | FLAG["answered"]) == FLAG["answered"], "what the server has is shown"
    assert all(flags_of(i, n) & FLAG["flagged"] for n in range(1, 31) if n != 20)


def test_a_flag_that_was_taken_away_that_very_moment_is_set_again():
    def kept(uid, command):
        return b"\\Flagged" if len(s.said("UID STORE")) > 1 else b""
    s = Server()
    keeps(s, kept)
    i = attached(s)
    i.post("flag", [locals_of(i)[7]], set=FLAG["flagged"])
    await_states(i, {})
    assert len(s.said("UID STORE")) == 2 and flags_of(i, 7) & FLAG["flagged"], s.script.lines


def test_what_is_unavailable_for_a_moment_is_done_after_it():
    tries = []

    def no(command):
        if "UID STORE" not in command:
            return False
        tries.append(command)
        return b"NO [UNAVAILABLE] a moment" if len(tries) == 1 else False
    s = Server(no=no)
    i = attached(s)
    i.post("flag", [locals_of(i)[7]], set=FLAG["flagged"])
    await_states(i, {})
    assert len(tries) == 2 and len(s.said(r"SELECT .?INBOX")) == 1, s.script.lines


def test_a_move_is_refused_for_good_when_there_is_no_room():
    s = Server(no=lambda c: b"NO [OVERQUOTA] full" if c.startswith("UID MOVE") else False)
    i = attached(s)
    i.post("move", [locals_of(i)[7]], target="Box")
    await_states(i, {7: REFUSED})
    assert len(s.said("UID MOVE")) == 1
    assert 7 in locals_of(i), "the message is shown again"


def test_headers_that_are_refused_for_a_while_are_not_broken():
    """More than the first screenful, so that the rest is filled in."""
    refusing = [True]
    uids = list(range(1, 151))
    s = Server(uids=uids, no=lambda c: b"NO Internal error" if refusing[0] and re.match(r"UID FETCH [0-9,:]+ ", c)
               and "RFC822.SIZE" in c else False)
    i = attached(s)
    places.await_true("some tries", lambda: (i._take(0.05), len(s.said(r"UID FETCH .*RFC822.SIZE")) >= 3)[1])
    refusing[0] = False
    places.await_true("all rows", lambda: (i._take(0.1), len(i.stores.rows()) == 150)[1])
    assert not [r for r in i.stores.rows() if "could not be read" in r["subject"]]


def test_a_message_that_the_server_leaves_out_is_shown_as_what_it_is():
    """In the first screenful, and behind it; a mailbox with nothing else has no halves."""
    for uids, left_out in ((range(1, 151), (140, 20)), ((7,), (7,))):
        s = Server(uids=list(uids), left_out=left_out)
        i = attached(s)
        places.await_true("all rows", lambda: (i._take(0.1), len(i.stores.rows()) == len(uids))[1])
        broken = [r["uid"] for r in i.stores.rows() if "could not be read" in r["subject"]]
        assert broken == sorted(left_out), broken
        n = len(s.said(r"UID FETCH .*RFC822.SIZE"))
        assert n < 40, n


def test_new_mail_that_the_server_leaves_out_is_asked_for_again():
    """Told of while the mailbox is watched: EXISTS says three more, the answer has two."""
    def no(command):
        s.left_out = (11,) if ":*" in command else ()
        return False
    s = Server(no=no)
    i = attached(s)
    locals_of(i)
    places.await_true("IDLE", lambda: (i._take(0.02), s.idling)[1])
    s.uids = (7, 8, 9, 10, 11, 12)
    s.script.socks[0].sendall(b"* 6 EXISTS\r\n")
    places.await_true("all rows", lambda: (i._take(0.05), sorted(locals_of(i)) == [7, 8, 9, 10, 11, 12])[1])
    # Asked once for the list, and then no more.
    assert len(s.said("UID FETCH [0-9]+:\\*")) == 1 and len(s.said("UID FETCH 11 ")) == 1, s.script.lines


def test_a_server_that_cannot_count_is_asked_once():
    s = Server()
    i = attached(s)
    locals_of(i)
    places.await_true("IDLE", lambda: (i._take(0.02), s.idling)[1])
    n = len(s.said("UID SEARCH"))
    for uid in (10, 11, 12):  # one more each time, says the server, than there are
        s.uids += (uid,)
        s.script.socks[0].sendall(b"* %d EXISTS\r\n" % (len(s.uids) + 1))
        places.await_true("the row", lambda: (i._take(0.02), uid in locals_of(i))[1])
        places.await_true("the list", lambda: (i._take(0.02), len(s.said("UID SEARCH")) > n)[1])
        places.await_true("IDLE", lambda: (i._take(0.02), s.idling)[1])
    i.post("flag", [locals_of(i)[7]], set=FLAG["flagged"])
    await_states(i, {})
    assert len(s.said("UID SEARCH")) == n + 1, s.script.lines


def test_a_mailbox_that_is_refused_is_not_taken_for_gone():
    refusing = [True]
    s = Server(no=lambda c: b"NO Internal error" if c.startswith("SELECT") and refusing[0] else False)
    i = attached(s, wait=False)
    end = i.wait("FAILED")
    assert "Internal error" in end["text"], end
    places.await_true("a second try", lambda: (i._take(0.05), len(s.said("SELECT")) >= 2)[1])
    assert [m["name"] for m in i.stores.dump()["mailboxes"] if not m.get("attrs", 0) & (1 << 16)] != []
    refusing[0] = False
    locals_of(i)
    # One try after another, with pauses, on one connection.
    assert len(s.said("SELECT")) <= 5 and logins(s) <= 2, s.script.lines


def test_changes_to_a_mailbox_that_is_gone_wait_for_the_user():
    gone = [False]

    def no(command):
        if gone[0] and command.startswith("SELECT"):
            return b"NO no such mailbox"
        return b"OK done" if gone[0] and command.startswith("LIST") else False
    s = Server(no=no)
    i = attached(s)
    local = locals_of(i)[7]
    gone[0] = True
    s.script.close_all()
    i.wait("FAILED", "ACCOUNT_STATE", where=lambda e: "no such" in e["text"])
    i.post("flag", [local], set=FLAG["flagged"])
    await_states(i, {7: PARKED})
    assert locals_of(i)[7] == local, "its rows stay"
    tries = len(s.said("SELECT"))
    i.post("flag", [local], set=FLAG["seen"])
    assert len(s.said("SELECT")) <= tries + 1


def test_further_connections_that_are_refused_are_not_tried_again():
    """BYE instead of a greeting while another one lives: that is the limit."""
    s = Server()
    i = attached(s)
    s.script.greeting = b"* BYE too many of you\r\n"
    local = locals_of(i)[7]
    i.post("move", [local], target="Box")
    await_states(i, {})
    socks = len(s.script.socks)
    i.post("flag", [locals_of(i)[8]], set=FLAG["flagged"])
    await_states(i, {})
    i.ask("FOLDERS", account="home")
    i.wait("FOLDER_NEWS")
    assert len(s.script.socks) <= max(socks, 2), len(s.script.socks)


def test_a_second_mailbox_on_a_screen_is_looked_into_on_the_only_connection():
    s = Server()
    i = attached(s, max_connections=1)
    locals_of(i)
    j = manager.Interface(i.stores, ANSWER)
    j.account(host="127.0.0.1", port=s.port, tls=0, max_connections=1)
    j.open("Box")
    assert len(s.script.socks) == 1
    # The first one's connection is where it was, and both can change things.
    j.post("flag", [r["local"] for r in i.stores.rows("Box") if r["uid"] == 8], set=FLAG["flagged"])
    i.post("flag", [locals_of(i)[7]], set=FLAG["flagged"])
    places.await_true("both", lambda: (i._take(0.02), s.said("UID STORE 7 ") and s.said("UID STORE 8 "))[1])
    await_states(i, {})


def workers():
    return [p for p, n in places.descendants().items() if n == "tern-imap"]


def test_a_fill_gives_way_to_what_somebody_waits_for():
    """A large mailbox is being filled when another one is opened, and a message there
    read: at most what was asked for already comes before."""
    for max_connections in (1, 2, 4):
        go = threading.Semaphore(2)

        def no(command, go=go):
            if is_slice(command):
                go.acquire()
            return False
        s = Server(uids=range(1, 40001), no=no)
        i = attached(s, max_connections=max_connections)
        box = manager.Interface(i.stores, ANSWER)
        box.account(host="127.0.0.1", port=s.port, tls=0, max_connections=max_connections)
        places.await_true("the filling", lambda: (i._take(0.02), len(slices(s)) >= 3)[1])
        s.by_box["Box"] = (7, 8, 9)
        before = len(s.script.lines)
        number = box.send("OPEN_MAILBOX", account="home", mailbox="Box")
        box.name = dict(account="home", mailbox="Box")
        box.wait("OPENED", id=number)
        for _ in range(100 if max_connections < 4 else 0):
            go.release()  # it has to come to an end of what was asked; others need not wait
        places.await_true("the rows", lambda: (i._take(0), box._take(0.02), len(box.stores.rows("Box")) == 3)[2])
        local = box.stores.rows("Box")[0]["local"]
        box.send("READ", local=local)
        places.await_true("the text", lambda: (i._take(0), box._take(0.02), s.said("UID FETCH 7 .*BODY"))[2])
        said = s.script.lines[before:]
        asked = next(n for n, l in enumerate(said) if re.search("UID FETCH 7 .*BODY", l))
        n = len([l for l in said[:asked] if is_slice(l.partition(" ")[2])])
        # Four are under way at a time; one goes there for the list, back, and for the text.
        assert n <= (8 if max_connections < 4 else 4), (max_connections, n)
        for _ in range(1000):
            go.release()


def is_slice(command):
    return re.match(r"UID FETCH [0-9]+:[0-9]+ ", command) and "RFC822.SIZE" in command


def slices(s):
    return [l for l in s.script.lines if is_slice(l.partition(" ")[2])]


def test_a_message_that_kills_two_workers_is_set_aside_and_remembered():
    s = Server(no=lambda c: None if re.search(r"FETCH 7 .*BODY", c) else False)
    stores = manager.Stores()
    places.expect_crashes(stores.env)
    i = attached(s, stores)
    local = locals_of(i)[7]
    number = i.send("READ", local=local)
    asked = lambda: [l for l in s.said(r"FETCH 7 .*BODY") if "RFC822.SIZE" not in l]
    for n in (1, 2):
        places.await_true("asked %d times" % n, lambda: (i._take(0.02), len(asked()) >= n)[1])
        for pid in workers():
            os.kill(pid, signal.SIGSEGV)
    end = i.wait("FAILED", id=number)
    assert "crash" in end["text"], end
    # In a later run, too, it is not fetched without being asked for.
    i.close()
    stores.manager.wait(places.SECONDS * places.SLOW)
    again = attached(s, stores)
    n = len(asked())
    again.ask("PREFETCH", locals=local.to_bytes(8, "little"))
    again.post("flag", [local], set=FLAG["flagged"])
    await_states(again, {})
    assert len(asked()) == n, asked()


def test_an_alert_is_shown_once():
    s = Server(no=lambda c: b"OK [ALERT] the cellar is wet" if c.startswith("UID STORE") else False)
    i = attached(s)
    i.post("flag", [locals_of(i)[7]], set=FLAG["flagged"])
    await_states(i, {})
    i.post("flag", [locals_of(i)[8]], set=FLAG["flagged"])
    await_states(i, {})
    alerts = [e for e in i.events if e["event"] == "NOTICE" and e["is_alert"]]
    assert [e["text"] for e in alerts] == ["the cellar is wet"], alerts


# --- A server that does not say where a message came to lie. -------------------

class Silent(Server):
    """No COPYUID, and what is moved there is dated anew, so that it looks like another
    message; its Message-ID is all it can be known by."""

    def __init__(self):
        self.boxes, self.selected = {"INBOX": {7: (b"<m@x>", 10)}, "Box": {3: (b"<other@x>", 10)}}, {}
        self.may_move = threading.Event()
        super().__init__(caps=b"IMAP4rev1 MOVE IDLE AUTH=PLAIN SASL-IR")

    def answer(self, tag, command):
        me, words, out = threading.get_ident(), command.split(" "), []
        if words[0] == "SELECT":
            self.selected[me] = words[1].strip('"')
        box = self.boxes.get(self.selected.get(me), {})
        if words[0] == "SELECT":
            self.uids = sorted(box) or [1]
            out = [b"%d EXISTS" % len(box), b"OK [UIDVALIDITY 9] x", b"OK [UIDNEXT %d] x" % (max(box, default=0) + 1)]
        elif command.startswith("UID SEARCH"):
            id = re.search(r'(?i)HEADER "?MESSAGE-ID"? "?(<?[^ ">]+>?)', command)
            found = [u for u in sorted(box) if not id or id[1].encode() in box[u][0]]
            out = [b" ".join([b"SEARCH"] + [b"%d" % u for u in found])]
        elif command.startswith("UID MOVE"):
            self.may_move.wait(60)
            there = self.boxes[words[3].strip('"')]
            there[max(there, default=7) + 1] = (box.pop(int(words[2]))[0], 11)
            out = [b"1 EXPUNGE"]
        elif "FETCH" in command and "RFC822.SIZE" in command:
            wanted, by_uid = re.search(r"FETCH ([0-9,:*]+) ", command)[1], command.startswith("UID")
            for n, uid in enumerate(sorted(box), 1):
                if is_in(wanted, uid if by_uid else n):
                    header = b"Subject: s\r\nMessage-ID: " + box[uid][0] + b"\r\n\r\n"
                    out += [b'%d FETCH (UID %d FLAGS () INTERNALDATE "20-Nov-2026 %d:00:00 +0000" RFC822.SIZE 100 '
                            b"BODY[HEADER.FIELDS (X)] {%d}\r\n%s)" % (n, uid, box[uid][1], len(header), header)]
        else:
            return super().answer(tag, command)
        return b"".join(b"* " + line + b"\r\n" for line in out) + tag.encode() + b" OK done\r\n"


def test_a_move_that_the_server_does_not_know_is_a_copy():
    s = Server(no=lambda c: b"BAD unknown command" if "UID MOVE" in c else False)
    i = attached(s)
    rows = locals_of(i)
    for n, uid in enumerate((7, 8), 1):
        i.post("move", [rows[uid]], target="Box")
        await_states(i, {})
        assert [l.split(" ", 1)[1] for l in s.said("UID (COPY|STORE|EXPUNGE) %d" % uid)] == [
            'UID COPY %d "Box"' % uid, "UID STORE %d +FLAGS (\\Deleted)" % uid, "UID EXPUNGE %d" % uid], s.script.lines
        assert len(s.said("UID MOVE")) == 1  # once, and never again
        assert len(i.stores.rows()) == 3 - n


def test_undo_of_a_move_whose_new_uid_nobody_told():
    s = Silent()
    i = attached(s)
    i.post("move", [locals_of(i)[7]], target="Box")
    places.await_true("it on its way", lambda: (i._take(0.02), s.said("UID MOVE 7 "))[1])
    assert i.undo()["text"] == "undone: move of 1 message"
    s.may_move.set()
    places.await_true("it there", lambda: (i._take(0.02), s.boxes["INBOX"] == {})[1])
    places.await_true("it back", lambda: (i._take(0.02), s.boxes["INBOX"])[1])
    await_states(i, {})
    assert [m for m, _ in s.boxes["INBOX"].values()] == [b"<m@x>"] and sorted(s.boxes["Box"]) == [3], s.boxes
    assert len(s.said("UID SEARCH.*(?i:message-id)")) == 1, s.said("UID SEARCH")


def test_undo_of_a_move_that_was_done_and_whose_new_uid_nobody_told():
    s = Silent()
    s.may_move.set()
    i = attached(s)
    i.post("move", [locals_of(i)[7]], target="Box")
    await_states(i, {})
    assert s.boxes["INBOX"] == {} and i.stores.rows() == []
    assert i.undo()["text"] == "undone: move of 1 message"
    places.await_true("it back", lambda: (i._take(0.02), s.boxes["INBOX"])[1])
    await_states(i, {})
    assert [m for m, _ in s.boxes["INBOX"].values()] == [b"<m@x>"] and sorted(s.boxes["Box"]) == [3], s.boxes


def test_what_undo_brings_back_is_shown_also_where_the_server_tells_nothing_by_itself():
    s = Silent()
    s.may_move.set()
    def no(command):
        box = s.boxes.get(s.selected.get(threading.get_ident()), ())
        return Raw(b"* %d EXISTS\r\n" % len(box), b"OK done") if command == "NOOP" else False
    s.no = no
    i = attached(s)
    i.post("move", [locals_of(i)[7]], target="Box")
    await_states(i, {})
    assert i.undo()["text"] == "undone: move of 1 message"
    places.await_true("its row", lambda: (i._take(0.02), len(i.stores.rows()) == 1)[1], 20)
    await_states(i, {})


def test_undo_of_a_move_to_where_there_are_several_like_it():
    s = Silent()
    s.may_move.set()
    s.boxes["Box"][4] = (b"<m@x>", 9)
    i = attached(s)
    i.post("move", [locals_of(i)[7]], target="Box")
    await_states(i, {})
    i.undo()
    i.wait("NOTICE", where=lambda e: "not sure which" in e["text"])
    assert s.boxes["INBOX"] == {} and len(s.boxes["Box"]) == 3, s.boxes


class Standing(Silent):
    """Who stands in a mailbox finds there what it was told of, and no more (as with Dovecot).
    Each message is copied, and then it says that it could not."""

    def __init__(self):
        self.told, self.n_copies = {}, {}
        super().__init__()
        self.boxes["INBOX"][8] = (b"<n@x>", 10)

    def answer(self, tag, command):
        me = threading.get_ident()
        if command.startswith("UID COPY"):
            uid, box = int(command.split(" ")[2]), self.boxes["Box"]
            self.n_copies[uid] = self.n_copies.get(uid, 0) + 1
            box[max(box) + 1] = self.boxes["INBOX"][uid]
            return tag.encode() + b" NO [UNAVAILABLE] a moment\r\n"
        if "MESSAGE-ID" in command:
            box, everything = self.selected[me], self.boxes[self.selected[me]]
            self.boxes[box] = {u: m for u, m in everything.items() if u in self.told[me]}
            try:
                return super().answer(tag, command)
            finally:
                self.boxes[box] = everything
        out = super().answer(tag, command)
        if command.startswith("SELECT") or command == "NOOP":
            self.told[me] = set(self.boxes.get(self.selected.get(me), ()))
        return out


def test_a_copy_that_was_made_all_the_same_is_found_by_a_connection_that_stands_there():
    s = Standing()
    i = attached(s)
    rows = locals_of(i)
    for uid in (7, 8):  # after the first, a connection stands in Box
        i.post("copy", [rows[uid]], target="Box")
        await_states(i, {})
    assert s.n_copies == {7: 1, 8: 1}, s.boxes["Box"]


def changes_said(s):
    return s.said("^[^ ]+ UID (STORE|MOVE|COPY|EXPUNGE) ")


def held_delete(s, uid):
    """A delete that has not gone out, and no manager any more."""
    i = attached(s)
    i.post("delete", [locals_of(i)[uid]])
    i.close()
    os.kill(i.stores.manager.pid, signal.SIGKILL)
    i.stores.manager.wait()
    return i.stores


def test_a_change_follows_its_message_to_another_uid():
    s = Server()
    stores = held_delete(s, 8)
    # Restored from a backup: the same UIDVALIDITY, and other messages.
    s.uids, s.content = (5, 6, 8), {5: 8, 6: 9, 8: 80}
    i = attached(s, stores)
    i.release()
    await_states(i, {})
    assert changes_said(s) and all(" 5 " in l or l.endswith(" 5") for l in changes_said(s)), changes_said(s)


def test_a_change_does_not_hit_the_stranger_that_has_its_uid():
    s = Server()
    stores = held_delete(s, 8)
    shutil.rmtree(os.path.join(stores.env["XDG_CACHE_HOME"], "tern", "cache"))
    s.uids, s.content = (5, 6, 8), {5: 50, 6: 9, 8: 80}
    i = attached(s, stores)
    i.release()
    await_states(i, {8: PARKED})
    assert changes_said(s) == [], changes_said(s)


def test_uidnext_that_goes_back_is_another_life():
    """A server restored from a backup, under the UIDVALIDITY it had: what a UID means now
    is looked at before anything is done to it."""
    s = Server()
    stores = held_delete(s, 8)
    s.uids, s.content = (5, 6, 7), {5: 8, 6: 60, 7: 70}
    i = attached(s, stores)
    places.await_true("the rows", lambda: (i._take(0.02), [(r["uid"], r["subject"]) for r in i.stores.rows()] ==
                                           [(5, "m8"), (6, "m60"), (7, "m70")])[1])
    i.release()
    await_states(i, {})
    assert changes_said(s) and all(" 5 " in l or l.endswith(" 5") for l in changes_said(s)), changes_said(s)


def test_a_mailbox_made_anew_by_its_name_is_another_life():
    """Renamed, and another one made: the same name, UIDVALIDITY and UIDs; MAILBOXID tells."""
    s = Server()
    s.more = b"* OK [MAILBOXID (F1)] x\r\n"
    stores = held_delete(s, 8)
    s.more = b"* OK [MAILBOXID (F2)] x\r\n"
    s.content = {7: 70, 8: 80, 9: 90}
    i = attached(s, stores)
    places.await_true("the rows", lambda: (i._take(0.02), [r["subject"] for r in i.stores.rows()] ==
                                           ["m70", "m80", "m90"])[1])
    i.release()
    await_states(i, {8: PARKED})
    assert changes_said(s) == [], changes_said(s)


def test_half_of_a_move_is_half_done():
    def no(command):
        if not command.startswith("UID MOVE") or len(s.uids) < 3:
            return b"NO not these" if command.startswith("UID MOVE") else False
        s.uids = (8, 9)
        return Raw(b"* OK [COPYUID 9 7 50] x\r\n* 1 EXPUNGE\r\n", b"NO [NOPERM] not these")
    s = Server(no=no, caps=CAPS + b" MOVE")
    i = attached(s)
    i.post("move", list(locals_of(i).values()), target="Box")
    await_states(i, {8: REFUSED, 9: REFUSED})
    assert sorted(locals_of(i)) == [8, 9], "what was refused is shown again"
    assert [n["state"] for n in i.stores.intents() if n["uid"] == 7] == [CONFIRMED], i.stores.intents()
    assert not [l for l in s.said("UID MOVE")[1:] if is_in(l.split(" ")[3], 7)], s.said("UID MOVE")


def test_a_change_of_what_is_gone_is_said_and_hits_no_other():
    """Its place in the mailbox is another message's now."""
    s = Server()
    stores = held_delete(s, 8)
    s.uids = (7, 9)
    i = attached(s, stores)
    places.await_true("the rows", lambda: (i._take(0.02), sorted(locals_of(i)) == [7, 9])[1])
    i.release()
    await_states(i, {8: PARKED})
    assert changes_said(s) == [], changes_said(s)


def test_flags_that_cross_with_a_change_under_way():
    s = Server(no=lambda c: None if "UID STORE" in c else False)
    i = attached(s)
    i.post("flag", [locals_of(i)[7]], set=FLAG["flagged"])
    places.await_true("it on its way", lambda: (i._take(0.02), s.said("UID STORE"))[1])
    s.script.socks[0].sendall(b"* 1 FETCH (UID 7 FLAGS (\\Answered))\r\n")
    places.await_true("the news", lambda: (i._take(0.02), flags_of(i, 7) & FLAG["answered"])[1])
    assert flags_of(i, 7) & FLAG["flagged"], "what is wanted stays"


def test_modseqs_that_begin_anew_are_not_compared_with_the_old():
    """Known to 5; then a server without; then one whose 9 says nothing about our 5. And
    one that is behind us."""
    caps = CAPS + b" CONDSTORE"
    for then, last in ((b"* OK [NOMODSEQ] x\r\n", 9), (b"", 9), (b"* OK [HIGHESTMODSEQ 3] x\r\n", 3)):
        s = Server(caps=caps)
        stores = manager.Stores()
        runs = []
        for more in (s.more, then, b"* OK [HIGHESTMODSEQ %d] x\r\n" % last):
            s.more = more
            n = len(s.script.lines)
            i = attached(s, stores)
            locals_of(i)
            i.close()
            stores.manager.wait(places.SECONDS * places.SLOW)
            runs.append(s.script.lines[n:])
        asks_all = [any(l.endswith("UID FETCH 1:9 (UID FLAGS)") for l in said) for said in runs]
        assert asks_all == [False, True, last == 9], (then, runs)
        assert not [l for l in runs[2] if "CHANGEDSINCE 5" in l or "QRESYNC (9 5" in l], (then, runs[2])


def test_a_change_made_in_the_list_that_its_message_has_left():
    def no(command):
        if not command.startswith("UID MOVE"):
            return False
        s.content = {7: 70, 8: 80, 9: 7}
        return Raw(b"* OK [COPYUID 9 7 9] x\r\n", b"OK done")
    s = Server(no=no, caps=CAPS + b" MOVE")
    i = attached(s)
    local = locals_of(i)[7]
    places.await_true("the list of mailboxes", lambda: (i._take(0.02), len(i.stores.dump()["mailboxes"]) == 2)[1])
    i.post("move", [local], target="Box")
    await_states(i, {})
    # Somebody looked there, and found nothing to do.
    places.await_true("the look", lambda: (i._take(0.02), len(i.stores.rows("Box")) == 3)[1])
    i.ask("CHECK_STORES")
    i.post("flag", [local], set=FLAG["flagged"])
    await_states(i, {})
    assert s.said("UID STORE 9 .FLAGS .*Flagged"), s.script.lines


def test_a_move_on_its_way_when_the_mailbox_is_renumbered_is_not_taken_for_done():
    def no(command):
        if not command.startswith("UID MOVE") or s.uidvalidity != 9:
            return False
        s.uidvalidity, s.uids = 10, tuple(range(1001, 1301))
        s.content = {u: u - 1000 for u in s.uids}
        s.script.close_all()
        return None
    s = Server(uids=tuple(range(1, 301)), no=no, caps=CAPS + b" MOVE")
    i = attached(s)
    # Not among the newest, which come first when it is opened again.
    places.await_true("all rows", lambda: (i._take(0.02), len(i.stores.rows()) == 300)[1])
    i.post("move", [locals_of(i)[10]], target="Box")
    places.await_true("the move, repeated", lambda: (i._take(0.05), len(s.said("UID MOVE")) > 1)[1])
    assert s.said("UID MOVE")[1].split(" ")[3] == "1010", s.said("UID MOVE")


def test_a_mailbox_that_cannot_be_asked_holds_up_no_other_change():
    def no(command):
        if command.startswith("SELECT") and "Box" in command:
            return b"NO [SERVERBUG] not now"
        if command.startswith("UID COPY"):
            s.script.close_all()
            return None
        return False
    s = Server(no=no)
    i = attached(s)
    i.post("copy", [locals_of(i)[7]], target="Box")
    # It may have been done or not: only a look into the target could tell.
    places.await_true("the look", lambda: (i._take(0.05), s.said('SELECT "?Box'))[1])
    i.post("flag", [locals_of(i)[8]], set=FLAG["flagged"])
    places.await_true("the flag", lambda: (i._take(0.05), s.said("UID STORE 8 "))[1])


def test_a_move_that_only_marked_is_undone_by_taking_the_mark_off():
    # Neither MOVE nor UID EXPUNGE: it was copied, and stays, marked.
    def no(command):
        if command.startswith("UID STORE 7 +FLAGS"):
            s.deleted.add(7)
        return False
    s = Server(no=no, caps=b"IMAP4rev1 IDLE AUTH=PLAIN SASL-IR")
    s.by_box = {"Box": (1,)}
    i = attached(s)
    i.post("move", [locals_of(i)[7]], target="Box")
    i.wait("NOTICE", where=lambda e: "stay marked as deleted" in e["text"])
    await_states(i, {})
    # The next look finds it where it was.
    s.script.close_all()
    places.await_true("the row", lambda: (i._take(0.05), {r["uid"]: r["flags"] for r in i.stores.rows()}.get(7) == FLAG["deleted"])[1])
    assert i.undo()["text"] == "undone: move of 1 message; a copy may be left where it went"
    places.await_true("the mark goes", lambda: (i._take(0.05), s.said(r"UID STORE 7 -FLAGS"))[1])
    assert [l.split(" ", 1)[1] for l in s.said("UID (STORE|COPY|EXPUNGE)")] == [
        'UID COPY 7 "Box"', "UID STORE 7 +FLAGS (\\Deleted)", "UID STORE 7 -FLAGS (\\Deleted)"], s.script.lines


def test_undo_of_a_move_that_may_have_been_made_says_so():
    # Nothing to look for it by: it is parked, and the copy is there.
    def no(command):
        if command.startswith("UID COPY"):
            s.script.close_all()
            return None
        return False
    s = Server(no=no, caps=b"IMAP4rev1 UIDPLUS IDLE AUTH=PLAIN SASL-IR")
    s.nameless = True
    i = attached(s)
    i.post("move", [locals_of(i)[7]], target="Box")
    await_states(i, {7: PARKED})
    assert i.undo()["text"] == "undone: move of 1 message; a copy may be left where it went"


if __name__ == "__main__":
    tap.main()
