#!/usr/bin/env python3
"""Tags: they go with what is taken away, and are there again when it comes back."""
import re

import dovecot
import tap
import ui
from mail import append


def begin(rc=""):
    d = dovecot.Dovecot().start()
    tap.later(d.stop)
    c = d.client(mailbox="INBOX")
    for i in range(6):
        append(c, "m%d" % i)
    dovecot.check(c.create("Archive"))
    user = ui.User(d, rc='set confirmappend=no delete=yes sort=mailbox-order status_format="%m in it, %t tagged"\n' + rc)
    t = user.open()
    t.wait("6 in it, 0 tagged")
    t.wait("in step|connected")
    return c, t


def tagged(screen):
    # A row may have come as far as its author alone.
    return sorted(m[1] for l in screen.lines for m in [re.match(r" +[0-9]+ ..\+.* (m[0-9]) ", l)] if m)


def shows(t, n, names):
    t.until("%d messages, tagged %s" % (n, names), lambda s: tagged(s) == names and
            s.lines[-2].startswith("%d in it, %d tagged" % (n, len(names))))


def tag(t, *names):
    for name in names:
        t.keys("=/~s %s<Enter>t" % name)
    shows(t, 6, list(names))


def test_a_tagged_move_that_is_undone():
    for order in ("", "set sort=subject\n"):
        c, t = begin(order)
        tag(t, "m1", "m3", "m4")
        t.keys(";s=Archive<Enter>")
        shows(t, 3, [])
        t.keys("<C-_>")
        shows(t, 6, ["m1", "m3", "m4"])
        # Untagged ones stay so.
        t.keys("=/~s m3<Enter>t=/~s m3<Enter>s=Archive<Enter>")
        shows(t, 5, ["m1", "m4"])
        t.keys("<C-_>")
        shows(t, 6, ["m1", "m4"])


def test_what_was_untagged_meanwhile_comes_back_so():
    c, t = begin()
    tag(t, "m1", "m3")
    t.keys(";s=Archive<Enter>")
    shows(t, 4, [])
    t.keys("=t;t")
    t.wait("0 tagged")
    t.keys("<C-_>")
    shows(t, 6, [])


def test_a_tagged_delete_at_once_that_is_undone():
    c, t = begin("set delete_now\n")
    tag(t, "m0", "m5")
    t.keys(";d")
    shows(t, 4, [])
    t.keys("<C-_>")
    shows(t, 6, ["m0", "m5"])


def test_the_number_counts_what_is_there():
    c, t = begin("unset delete_untag\n")
    tag(t, "m0", "m2", "m5")
    dovecot.check(c.uid("STORE", "3", "+FLAGS", r"(\Deleted)"))
    dovecot.check(c.expunge())
    shows(t, 5, ["m0", "m5"])
    t.keys("=d$")
    shows(t, 4, ["m5"])
    t.keys("<C-_>")
    shows(t, 5, ["m0", "m5"])


tap.main()
