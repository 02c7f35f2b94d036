#!/usr/bin/env python3
"""What a user sees on a day on which the network is slow, freezes, and is cut."""
import proxy
import tap
import ui
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
    t.wait("Append|Create|moved")
    if t.row_of(r"Append|Create") is not None:
        t.keys("y")
    t.wait("moved to =Archive")
    t.wait("─ 2 messages · 2 new ─")
    assert t.row_of("reading headers") is None, t.picture()


if __name__ == "__main__":
    tap.main()
