#!/usr/bin/env python3
"""A mailbox that is left for another one: what the server still says of it is not
the other's, and what happens there afterwards is seen."""
import re
import threading

import manager
import places
import tap
from named import CAPS, Script
from refusals import ANSWER, is_in

INBOX, BOX = "INBOX", "Box"


class Server:
    """Two mailboxes whose UIDs are the same. The answer to `UID FETCH held:*` in INBOX
    is kept back until the SELECT of the other one is there, and then goes out before it."""

    def __init__(self, caps=CAPS, held=9):
        self.uids = {INBOX: [7, 8], BOX: [7, 8, 9]}
        self.caps, self.held = caps, held
        self.unseen = {INBOX: 0, BOX: 0}
        self.selected, self.idling, self.late = {}, {}, {}
        self.is_kept_back = threading.Event()
        self.script = Script(b"* OK [CAPABILITY " + caps + b"] hello\r\n", self.answer)
        self.port = self.script.port

    def said(self, pattern):
        return [l for l in self.script.lines if re.search(pattern, l)]

    def deliver(self, mailbox, uid):
        """New mail; who idles there is told."""
        self.uids[mailbox].append(uid)
        for me, (sock, _) in list(self.idling.items()):
            if self.selected.get(me) == mailbox:
                sock.sendall(b"* %d EXISTS\r\n" % len(self.uids[mailbox]))

    def rows(self, mailbox, wanted, by_uid):
        out = b""
        for n, uid in enumerate(self.uids[mailbox], 1):
            if is_in(wanted, uid if by_uid else n):
                header = b"Subject: %s %d\r\nMessage-ID: <%d@%s>\r\n\r\n" % (
                    mailbox.encode(), uid, uid, mailbox.encode())
                out += (b'* %d FETCH (UID %d FLAGS () INTERNALDATE "20-Nov-2026 10:00:00 +0000" RFC822.SIZE 100 '
                        b"BODY[HEADER.FIELDS (X)] {%d}\r\n%s)\r\n" % (n, uid, len(header), header))
        return out

    def answer(self, tag, command):
        me, tag = threading.get_ident(), tag.encode()
        if tag == b"DONE":
            return self.idling.pop(me)[1] + b" OK done\r\n"
        done = tag + b" OK done\r\n"
        if command == "IDLE":
            self.idling[me] = (self.sock_of(), tag)
            return b"+ idling\r\n"
        if command.startswith("SELECT"):
            name = BOX if BOX in command else INBOX
            self.selected[me] = name
            uids = self.uids[name]
            return self.late.pop(me, b"") + (
                b"* %d EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT %d] x\r\n* OK [HIGHESTMODSEQ 5] x\r\n"
                % (len(uids), uids[-1] + 1)) + tag + b" OK [READ-WRITE] done\r\n"
        mailbox = self.selected.get(me)
        if command.startswith("UID FETCH %d:*" % self.held) and mailbox == INBOX and self.held in self.uids[INBOX]:
            self.late[me] = self.rows(INBOX, "%d:*" % self.held, True) + done
            self.is_kept_back.set()
            return b""
        if command == "CAPABILITY":
            return b"* CAPABILITY " + self.caps + b"\r\n" + done
        if command.startswith("LIST"):
            return b'* LIST () "/" INBOX\r\n* LIST () "/" Box\r\n' + done
        if command.startswith("STATUS"):
            name = BOX if BOX in command else INBOX
            return b"* STATUS %s (MESSAGES %d UNSEEN %d UIDNEXT %d UIDVALIDITY 9 HIGHESTMODSEQ 5)\r\n" % (
                name.encode(), len(self.uids[name]), self.unseen[name], self.uids[name][-1] + 1) + done
        if command.startswith("UID SEARCH"):
            return b"* SEARCH " + b" ".join(b"%d" % u for u in self.uids[mailbox]) + b"\r\n" + done
        if "FETCH" in command and "RFC822.SIZE" in command:
            return self.rows(mailbox, re.search(r"FETCH ([0-9,:*]+) ", command)[1], command.startswith("UID")) + done
        return done

    def sock_of(self):
        """Of the connection whose thread this is: one here, so the last."""
        return self.script.socks[-1]


def attached(s, max_connections=1):
    i = manager.Interface(manager.Stores(), ANSWER)
    i.account(host="127.0.0.1", port=s.port, tls=0, max_connections=max_connections)
    return i


def subjects(i, mailbox):
    return sorted(r["subject"] for r in i.stores.rows(mailbox))


def go(i, mailbox, wait=True):
    """Leave what is open for this one."""
    if hasattr(i, "mailbox"):
        i.send("CLOSE_MAILBOX", mailbox=i.mailbox)
    return i.open(mailbox, wait=wait)


def await_idle(s, mailbox):
    places.await_true("IDLE in " + mailbox,
                      lambda: [m for m in list(s.idling) if s.selected.get(m) == mailbox])


def test_late_rows_of_the_mailbox_left_are_not_the_next_ones():
    s = Server()
    i = attached(s)
    go(i, BOX)
    go(i, INBOX)
    await_idle(s, INBOX)
    before = i.stores.rows(BOX)
    s.deliver(INBOX, 9)
    assert s.is_kept_back.wait(places.SECONDS * places.SLOW)
    go(i, BOX)
    await_idle(s, BOX)
    assert i.stores.rows(BOX) == before, i.stores.rows(BOX)
    assert subjects(i, BOX) == ["Box 7", "Box 8", "Box 9"], subjects(i, BOX)
    # What was left out comes when it is opened again.
    s.held = 99
    go(i, INBOX)
    places.await_true("the new mail", lambda: (i._take(0.05), subjects(i, INBOX))[1] ==
                      ["INBOX 7", "INBOX 8", "INBOX 9"])


def test_counts_of_a_mailbox_that_was_left_follow_the_server():
    s = Server()
    i = attached(s)
    go(i, INBOX)
    places.await_true("its rows", lambda: (i._take(0.05), len(subjects(i, INBOX)) == 2)[1])
    go(i, BOX)
    await_idle(s, BOX)
    s.uids[INBOX].append(9)
    s.unseen[INBOX] = 3
    i.ask("FOLDERS", account="home")

    def counts():
        i._take(0.05)
        return {m["name"]: (m["messages"], m["unseen"]) for m in i.stores.dump()["mailboxes"]}
    places.await_true("the count", lambda: counts()[INBOX] == (3, 3))
    assert counts()[BOX] == (3, 3), counts()


def test_a_mailbox_that_was_left_is_asked_for_again():
    """DONE says that it is in step."""
    s = Server(held=99)
    i = attached(s)
    go(i, INBOX)
    go(i, BOX)
    await_idle(s, BOX)
    s.uids[INBOX].append(9)
    go(i, INBOX)
    assert subjects(i, INBOX) == ["INBOX 7", "INBOX 8", "INBOX 9"], subjects(i, INBOX)


if __name__ == "__main__":
    tap.main()
