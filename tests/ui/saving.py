#!/usr/bin/env python3
"""An attachment of some MB is saved over a link that stops in the middle: how far it
is, stopping it, and once more."""
import base64
import os
import random

import dovecot
import places
import proxy
import tap
import ui

DATA = random.Random(1).randbytes(3_000_000)
MESSAGE = (b"From: a@example.org\r\nSubject: holiday\r\nMessage-ID: <big@example.org>\r\nMIME-Version: 1.0\r\n"
           b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nSee the film.\r\n"
           b"--B\r\nContent-Type: video/mp4; name=film.mp4\r\nContent-Transfer-Encoding: base64\r\n"
           b"Content-Disposition: attachment; filename=film.mp4\r\n\r\n" +
           base64.encodebytes(DATA).replace(b"\n", b"\r\n") + b"--B--\r\n")
HALFWAY = 1_000_000


def begin():
    """(proxy, user, terminal): the cursor is on the attachment, which is not fetched."""
    d = dovecot.started()
    c = d.client()
    dovecot.check(c.append("INBOX", "", None, MESSAGE))
    c.logout()
    p = proxy.Proxy(d.imaps_port)
    user = ui.User(d, port=p.port)
    t = user.open()
    t.wait("holiday")
    t.keys("<Enter>")
    t.wait("See the film")
    t.keys("v")
    t.wait("parts.*Parts of the message")
    t.wait("film.mp4 .*not fetched")  # the message names it, too, before its parts are known
    t.keys("jj")
    return p, user, t


def films(user):
    """Files of any name that the saving made where it saves."""
    return sorted(n for n in os.listdir(user.home) if "film" in n or n.endswith(".part"))


def save(t):
    t.keys("s")
    t.wait("^Save to file: film.mp4")
    t.keys("<Enter>")


def test_stopped_and_saved_again():
    p, user, t = begin()
    p.freeze_at("down", HALFWAY)
    save(t)
    places.await_true("the middle of it", p.is_frozen)
    # How far it is, in the list and below it.
    t.wait("saving film.mp4 [0-9.]+[KM] of 2.[0-9]+M")
    t.gone("saving film.mp4 0[K.]")
    assert "film.mp4" not in films(user) and films(user), "its name stands for the whole of it"
    t.keys("<C-g>")
    t.wait("saving stopped", places.BEFORE_GIVEN_UP)
    t.gone("saving film.mp4")
    places.await_true("nothing left of it", lambda: films(user) == [])
    p.thaw()
    save(t)
    t.wait("saved to .*film.mp4")
    with open(user.path("film.mp4"), "rb") as f:
        assert f.read() == DATA
    assert films(user) == ["film.mp4"]
    # And it is not written over unasked.
    save(t)
    t.wait("exists. Overwrite it")
    t.keys("n")
    t.keys("qqq")
    assert t.end() == 0


def test_a_link_that_is_cut_in_the_middle():
    p, user, t = begin()
    p.cut_at("down", HALFWAY, "reset")
    save(t)
    places.await_true("the cut", p.has_cut)
    t.wait("saved to .*film.mp4")
    with open(user.path("film.mp4"), "rb") as f:
        assert f.read() == DATA
    assert films(user) == ["film.mp4"]


tap.main()
