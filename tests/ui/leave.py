#!/usr/bin/env python3
"""Deletes that were marked reach the server when they are let go: by $, by
quitting under $delete, and not by <exit>. A second client looks."""
import dovecot
import places
import tap
import ui


def begin(rc=""):
    """(another client, terminal)"""
    server = ui.preauth(True)
    user = ui.User(server, rc)
    t = user.open()
    t.wait("82 messages")
    t.user = user
    return server.client("INBOX"), t


def end(t):
    """With the manager: what it has to send is sent then, and nothing follows."""
    assert t.end() == 0
    t.user.await_processes("tern-session", 0)


def mark(t, n):
    """The first n for deletion."""
    t.keys("=" + n * "d")
    t.wait("%d to delete" % n)


def n_left(client):
    return len(dovecot.uids(client))


def test_quitting_asks_and_deletes():
    other, t = begin()
    mark(t, 2)
    assert n_left(other) == 82  # a mark is held here
    t.keys("q")
    t.wait("Delete the 2 marked messages now")
    t.keys("<Enter>")
    assert t.end() == 0
    places.await_true("both to be gone", lambda: n_left(other) == 80)


def test_quitting_without():
    other, t = begin("set delete=no\n")
    mark(t, 1)
    t.keys("q")
    end(t)
    assert n_left(other) == 82


def test_sync_mailbox_deletes():
    other, t = begin()
    t.keys("=d$")
    t.wait("Delete the 1 marked message now")
    t.keys("y")
    t.wait("81 messages")
    places.await_true("it to be gone", lambda: n_left(other) == 81)
    t.keys("q")
    assert t.end() == 0


def test_at_once_with_delete_now():
    other, t = begin("set delete_now\n")
    t.keys("=d")
    t.wait("81 messages")
    places.await_true("it to be gone", lambda: n_left(other) == 81)
    t.keys("q")  # nothing is asked
    assert t.end() == 0


def test_exit_keeps_the_marks():
    other, t = begin()
    mark(t, 1)
    t.keys("x")
    end(t)
    assert n_left(other) == 82


def changed_mailbox(t, rc_asks=True):
    mark(t, 2)
    t.keys("c=Drafts<Enter>")
    if rc_asks:
        t.wait("Delete the 2 marked messages now")


def test_changing_the_mailbox_deletes_and_undo_brings_them_back():
    other, t = begin()
    changed_mailbox(t)
    t.keys("y")
    t.wait("/Drafts─ 3 messages")
    places.await_true("both to be gone", lambda: n_left(other) == 80)
    t.keys("c!<Enter>")
    t.wait("80 messages")
    t.keys("<C-_>")
    t.wait("undone: .* of 2 messages")
    t.wait("82 messages")
    places.await_true("both to be back", lambda: n_left(other) == 82)
    t.keys("q")  # marks are not back: nothing is asked
    assert t.end() == 0


def test_changing_the_mailbox_and_undo_where_one_is():
    other, t = begin("set delete=yes\n")
    changed_mailbox(t, rc_asks=False)
    t.wait("/Drafts─ 3 messages")
    places.await_true("both to be gone", lambda: n_left(other) == 80)
    t.keys("<C-_>")
    t.wait("undone: .* of 2 messages")
    places.await_true("both to be back", lambda: n_left(other) == 82)
    t.keys("c!<Enter>")
    t.wait("82 messages")


def test_changing_the_mailbox_keeps_the_marks():
    other, t = begin()
    changed_mailbox(t)
    t.keys("n")
    t.wait("/Drafts─ 3 messages")
    t.keys("c!<Enter>")
    t.wait("82 messages .* 2 to delete")
    assert n_left(other) == 82


tap.main()
