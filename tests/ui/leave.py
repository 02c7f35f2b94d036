#!/usr/bin/env python3
"""Deletes that were marked reach the server when they are let go: by $, by
quitting under $delete, and not by <exit>. A second client looks."""
import dovecot
import places
import tap
import ui


def begin(rc=""):
    server = ui.preauth(True)
    return server, server.client("INBOX"), ui.User(server, rc).open()


def n_left(client):
    return len(dovecot.uids(client))


def test_quitting_asks_and_deletes():
    server, other, t = begin()
    t.wait("82 messages")
    t.keys("=dd")
    t.wait("2 to delete")
    assert n_left(other) == 82  # a mark is held here
    t.keys("q")
    t.wait("Delete the 2 marked messages now")
    t.keys("<Enter>")
    assert t.end() == 0
    places.await_true("both to be gone", lambda: n_left(other) == 80)


def test_quitting_without():
    server, other, t = begin("set delete=no\n")
    t.wait("82 messages")
    t.keys("=d")
    t.wait("1 to delete")
    t.keys("q")
    assert t.end() == 0
    assert n_left(other) == 82


def test_sync_mailbox_deletes():
    server, other, t = begin()
    t.wait("82 messages")
    t.keys("=d$")
    t.wait("Delete the 1 marked message now")
    t.keys("y")
    t.wait("81 messages")
    places.await_true("it to be gone", lambda: n_left(other) == 81)
    t.keys("q")
    assert t.end() == 0


def test_at_once_with_delete_now():
    server, other, t = begin("set delete_now\n")
    t.wait("82 messages")
    t.keys("=d")
    t.wait("81 messages")
    places.await_true("it to be gone", lambda: n_left(other) == 81)
    t.keys("q")  # nothing is asked
    assert t.end() == 0


def test_exit_keeps_the_marks():
    server, other, t = begin()
    t.wait("82 messages")
    t.keys("=d")
    t.wait("1 to delete")
    t.keys("x")
    assert t.end() == 0
    assert n_left(other) == 82


tap.main()
