#!/usr/bin/env python3
"""Two windows of one user: whom a question goes to, and one that is stopped for a while."""
import os
import re
import signal

import dovecot
import places
import proxy
import tap
import ui
from mail import append, fill


def begin(rc=lambda text: text):
    d = dovecot.started()
    fill(d, 4)
    p = proxy.Proxy(d.imaps_port)
    user = ui.User(d, port=p.port)
    user.write_rc(rc(user.server_rc()))
    return d, p, user


def type_in(t):
    """Keys that show that they have come."""
    t.keys("?")
    t.wait("Help for the index")
    t.keys("q")
    t.gone("Help for the index")


def test_a_question_goes_where_was_typed_last_and_on_when_that_one_dies():
    d, p, user = begin(lambda text: re.sub(' imap_pass="[^"]*"', "", text))
    p.refuse()  # so that both are there before it is asked
    one = user.open()
    one.wait("again in")
    two = user.open()
    two.wait("again in")
    type_in(two)
    type_in(one)
    p.refuse(False)
    one.wait("^Password for anna@localhost:")
    assert two.row_of("Password for") is None, two.picture()
    one.signal(signal.SIGKILL)
    two.wait("^Password for anna@localhost:")
    two.keys(dovecot.PASSWORD + "<Enter>")
    two.wait("4 messages")
    two.keys("x")
    assert two.end() == 0


def test_one_that_is_stopped_shows_what_is_true_when_it_goes_on():
    d, p, user = begin()
    stopped = user.open()
    stopped.wait("4 messages")
    other = user.open()
    other.wait("4 messages")
    os.kill(stopped.pid, signal.SIGSTOP)
    places.await_true("it stopped", lambda: stopped.state() == "stopped")
    for n in range(60):
        other.keys("=F")
    other.keys("=jF=jjd:set delete=yes<Enter>$")
    other.wait("3 messages.* 1 flagged")
    c = d.client()
    append(c, "new")
    other.wait("new ")
    os.kill(stopped.pid, signal.SIGCONT)
    stopped.wait("4 messages .* 1 flagged")
    rows = lambda t: [l for l in t.screen().lines if re.match(" +[0-9] ", l)]
    places.await_true("the same rows in both", lambda: rows(stopped) == rows(other) and len(rows(other)) == 4)
    stopped.keys("x")
    assert stopped.end() == 0


tap.main()
