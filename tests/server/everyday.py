#!/usr/bin/env python3
"""What a user sees on a day on which the network is slow, freezes, and is cut."""
import os

import dovecot
import places
import proxy
import tap
import ui
from mail import MESSAGE
from named import fresh


def slow(n=3):
    """(server, user, proxy, terminal) with INBOX in step."""
    d, name = fresh(n)
    p = proxy.Proxy(d.imaps_port)
    user = ui.User(d, user=name, port=p.port)
    return d, name, p, user


def test_a_change_that_waits_is_no_header_that_is_missing():
    d, name, p, user = slow()
    t = user.open("-f", "=INBOX")
    t.wait("in step")
    p.freeze()
    t.keys("s=Archive<Enter>")
    t.wait("Append|Create|moved", places.BEFORE_GIVEN_UP)
    if t.row_of(r"Append|Create") is not None:
        t.keys("y")
    t.wait("moved to =Archive", places.BEFORE_GIVEN_UP)
    t.wait("─ 2 messages · 2 new ─")
    assert t.row_of("reading headers") is None, t.picture()


def test_what_waits_behind_a_frozen_link_is_said():
    d, name, p, user = slow()
    t = user.open("-f", "=INBOX")
    t.wait("in step")
    p.freeze()
    t.keys("F")
    t.wait("in step · 1 change to send")  # long before the link is given up
    t.keys("jF")
    t.wait("in step · 2 changes to send")
    p.thaw()
    t.gone("to send")


def test_a_search_says_that_it_saw_only_what_is_here():
    # The first 64 KiB are fetched, the rest when asked for.
    d, name, p, user = slow(0)
    c = d.client(name)
    text = "Subject: long\r\n\r\nfirst\r\n" + "A row of this text.\r\n" * 5000 + "the last word\r\n"
    dovecot.check(c.append("INBOX", "", None, text.encode()))
    c.logout()
    t = user.open("-f", "=INBOX")
    t.wait("in step")
    t.keys("<Enter>")
    t.wait("A row of this text")
    # Its lines come one after another: all of the first piece is here when its end is. (<End> there fetches more.)
    places.await_true("the end of the first piece",
                      lambda: (t.keys("<Home><End>"), t.row_of("text continues: 64K of") is not None)[1])
    t.keys("<Home>/the last word<Enter>")
    t.wait("not found in what is here: the text continues")
    t.keys("/first<Enter>")
    t.gone("not found")
    t.keys("n")
    t.wait("the search went on at the beginning of what is here: the text continues")
    t.keys("<End>")
    t.wait(r"text continues: 64K of")
    t.keys("<Space>")
    # The last line may come before it is known to be the last: until then there is "more" behind it.
    places.await_true("the end of the text", lambda: (t.keys("<End>"), t.row_of("─ end ─$") is not None)[1])
    t.wait("^the last word")
    t.keys("<Home>/the last words<Enter>")
    t.wait("not found *$")


def bytes_of_first_sync(rc):
    """What a thousand rows cost through a tunnel that counts."""
    folder = places.temp_dir("tern-t-")
    os.chmod(folder, 0o755)
    d = dovecot.Preauth(os.path.join(folder, "mail"))
    new = os.path.join(d.home, "Maildir", "new")
    os.makedirs(new)
    for i in range(1000):
        with open(os.path.join(new, "%d.M%d.here" % (1790000000 + i, i)), "w") as f:
            f.write(MESSAGE.replace("\r\n", "\n") % ("m%d" % i, "m%d" % i, i % 60, "m%d" % i))
    dovecot.own_tree(d.home)
    counting, came = os.path.join(folder, "counting"), os.path.join(folder, "came")
    with open(counting, "w") as f:
        f.write("#!/bin/sh\n%s | tee %s\n" % (d.script, came))
    os.chmod(counting, 0o755)
    d.script = counting
    user = ui.User(d, rc=rc)
    t = user.open()
    t.wait("1,000 messages")
    t.wait("in step")
    t.keys("q")
    t.end()
    return os.path.getsize(came)


def test_a_long_list_comes_compressed():
    plain = bytes_of_first_sync("set imap_deflate=no\n")
    compressed = bytes_of_first_sync("")
    assert compressed * 2 < plain, (compressed, plain)


if __name__ == "__main__":
    tap.main()
