#!/usr/bin/env python3
"""An order other than by date follows the news, without a key."""
import dovecot
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


tap.main()
