#!/usr/bin/env python3
"""An order other than by date: it follows the news, and threads end where they end."""
import re

import dovecot
import places
import tap
import ui
from mail import append


def subjects(screen):
    # A row may have come as far as its author alone.
    return [(l.split("Ada")[1].split() or [""])[0] for l in screen.lines if "Ada" in l]


def test_mail_that_arrives_is_put_in_order():
    with dovecot.Dovecot() as d:
        c = d.client()
        for name in ("bb", "dd", "ff"):
            append(c, name)
        t = ui.User(d, rc="set sort=subject\n").open()
        t.until("three", lambda s: subjects(s) == ["bb", "dd", "ff"])
        t.wait("in step|connected")
        # Closer together than two orders are made.
        for name in ("cc", "aa", "ee"):
            append(c, name)
        t.until("the order", lambda s: subjects(s) == ["aa", "bb", "cc", "dd", "ee", "ff"])


def test_first_rows_do_not_wait_for_an_order_of_nothing():
    """Never seen, and in order of threads: as soon as there are rows, they are shown."""
    t = ui.User(ui.preauth(), rc="set sort=threads\n").open()
    seen = []
    t.until("rows", lambda s: (seen.append("\n".join(s.lines)), "└─▶" in seen[-1])[1])
    wrong = [screen for screen in seen if "no messages" in screen]
    assert not wrong, wrong[0]


def put_replies(c, names, first_minute):
    """Answers to a message that is not in the mailbox."""
    for i, name in enumerate(names):
        dovecot.check(c.append("INBOX", "", None, (
            "From: Ada <ada@example.org>\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n"
            "References: <lost@example.org>\r\nDate: Fri, 20 Nov 2026 10:%02d:00 +0100\r\n\r\nText.\r\n"
            % (name, name, first_minute + i)).encode()))


def threads(*rc):
    """Two messages alone, three answers to one that is missing, and one more alone."""
    d = dovecot.started()
    c = d.client()
    for name, minute in (("aa", 1), ("bb", 2)):
        put_alone(c, name, minute)
    put_replies(c, ("re1", "re2", "re3"), 10)
    put_alone(c, "zz", 20)
    t = ui.User(d, rc="set sort=threads\n" + "".join(rc)).open()
    t.wait("└─┄▶ re3")
    t.wait("in step|connected")
    return d, t


def put_alone(c, name, minute):
    dovecot.check(c.append("INBOX", "", None, (
        "From: Ada <ada@example.org>\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n"
        "Date: Fri, 20 Nov 2026 10:%02d:00 +0100\r\n\r\nText.\r\n" % (name, name, minute)).encode()))


def marked(screen):
    """The subjects marked for deletion."""
    return [l.split()[-2] for l in screen.lines if " D " in l and "Ada" in l]


def test_a_thread_whose_root_is_missing_is_one_of_its_own():
    d, t = threads()
    t.keys("=/re2<Enter><Esc>v")
    t.wait(r"Ada +re1 \[\+2\]")
    t.keys("<Esc>v")
    t.wait("└─┄▶ re3")
    t.keys("<C-d>")  # <delete-thread>
    t.until("its three", lambda s: marked(s) == ["re1", "re2", "re3"])
    t.keys("<Esc>V")
    t.wait(r"Ada +re1 \[\+2\]")
    assert t.row_of(r"bb \[") is None, t.picture()


def test_the_same_upside_down():
    d, t = threads("set sort=reverse-threads\n")
    t.keys("/re2<Enter><C-d>")
    t.until("its three", lambda s: marked(s) == ["re3", "re2", "re1"])


def test_a_thread_that_lost_its_head_does_not_go_to_the_one_before():
    # Deleted before the threads are made anew: keys in one piece.
    d, t = threads("set save_empty confirmappend=no\n")
    t.keys("=/re1<Enter>s=Trash<Enter>/re3<Enter><C-d>")
    t.until("both", lambda s: marked(s) == ["re2", "re3"])


def test_rows_and_their_number_come_together():
    with dovecot.Dovecot() as d:
        c = d.client()
        for name in ("bb", "dd", "ff"):
            append(c, name)
        dovecot.check(c.create("Archive"))
        t = ui.User(d, rc="set sort=subject confirmappend=no\n").open()
        t.until("three", lambda s: subjects(s) == ["bb", "dd", "ff"])
        t.wait("in step|connected")

        def there(s):
            told = int(re.search("─ ([0-9]+) messages", s.lines[-2])[1])
            # A screen is written from the first line to the last: rows lead, not the number.
            assert told <= len(subjects(s)), s.lines
            return told == 3
        for _ in range(3):
            t.keys("s=Archive<Enter>")
            t.until("one less", lambda s: "─ 2 messages" in s.lines[-2] and len(subjects(s)) == 2)
            t.wait("moved to")
            t.keys("<C-_>")
            t.until("three again", there)
            t.wait("undone")


def test_a_folded_thread_tells_that_there_is_unread_mail_in_it():
    d, t = threads("set flag_chars='+FDdAONon- '\n")
    head = lambda letter: "^ +3 %s .*re1 .*[+]2" % letter
    t.keys("<Esc>V")
    t.wait(head("n"))
    t.keys("<Esc>VT~A<Enter>;N;t<Esc>V")  # what is folded away is not tagged, as in mutt
    t.wait(head(" "))
    t.wait("6 messages ─")
    c = d.client(mailbox="INBOX")
    places.await_true("all to be read there", lambda: len(dovecot.uids(c, "SEEN")) == 6)
    dovecot.check(c.uid("STORE", "5", "-FLAGS", r"(\Seen)"))
    t.wait(head("n"))
    t.keys("=jj<Esc>v")  # unfolded: each for itself
    t.wait("^ +3   .*re1")
    t.wait("^ +5 N .*re3")


def test_new_mail_unfolds_its_thread_unless_told_not_to():
    for rc, shown in ("", "└─┄▶ re4"), ("unset uncollapse_new\n", r"Ada +re1 \[\+3\]"):
        d, t = threads(rc)
        t.keys("<Esc>V")
        t.wait(r"Ada +re1 \[\+2\]")
        put_replies(d.client(), ["re4"], 30)
        t.wait(shown)


def test_unread_mail_keeps_its_thread_unfolded_if_collapse_unread_is_unset():
    d, t = threads("unset collapse_unread\n")
    t.keys("=/re2<Enter><Esc>v")
    t.wait("the thread has unread messages")
    t.keys("<Esc>V:set ?collapse_unread<Enter>")
    t.wait("collapse_unread=")
    assert t.row_of("└─┄▶ re3") is not None, t.picture()
    t.keys("/re3<Enter>N")
    places.await_true("one to be read", lambda: len(dovecot.uids(d.client(mailbox="INBOX"), "SEEN")) == 1)
    t.keys("/re2<Enter><Esc>v")  # two of three are not
    t.wait("the thread has unread messages")
    t.keys("N/re1<Enter>N")
    places.await_true("three to be read", lambda: len(dovecot.uids(d.client(mailbox="INBOX"), "SEEN")) == 3)
    t.keys("<Esc>V")
    t.wait(r"Ada +re1 \[\+2\]")


tap.main()
