#!/usr/bin/env python3
"""Without a server: what was changed waits, quitting says so, and the next start sends it."""
import dovecot
import places
import proxy
import tap
import ui
from mail import fill


def begin():
    d = dovecot.started()
    fill(d, 3)
    p = proxy.Proxy(d.imaps_port)
    user = ui.User(d, port=p.port)
    t = user.open()
    t.wait("3 messages")
    t.wait("in step")
    p.refuse()
    p.cut("reset")
    t.wait("again in")
    return d, p, user, t


def flagged(d):
    c = d.client(mailbox="INBOX")
    found = dovecot.uids(c, "FLAGGED")
    c.logout()
    return found


def test_quitting_says_how_many_changes_wait():
    d, p, user, t = begin()
    t.keys("=F=jF=d")
    t.wait("1 to delete")
    t.keys("=u")
    t.gone("1 to delete")
    t.gone(r"^ *[0-9]+ *\?")
    t.keys("x")
    t.wait("^tern: 2 changes wait to be sent to the server; it goes on by itself")
    assert t.end() == 0
    p.refuse(False)
    t = user.open()
    places.await_true("both flags", lambda: flagged(d) == [1, 2])


def test_quitting_says_that_one_change_waits():
    d, p, user, t = begin()
    t.keys("=F")
    t.wait("1 flagged")
    t.keys("q")
    t.wait("^tern: 1 change waits to be sent")
    assert t.end() == 0
    # Nobody has to open it again: what goes on by itself does.
    p.refuse(False)
    places.await_true("the flag", lambda: flagged(d) == [1])


def test_quitting_says_nothing_when_nothing_waits():
    d, p, user, t = begin()
    t.keys("=jx")
    assert t.end() == 0
    assert "wait" not in " ".join(t.screen().lines), t.picture()


tap.main()
