#!/usr/bin/env python3
"""The options of the command line, a test each."""
import re

import dovecot
import places
import tap
import ui
from mail import append, fill

_shared = []


def fresh(n=3, flags="", rc="", **more):
    """A user with a few messages of a Dovecot shared by all tests here."""
    if not _shared:
        _shared.append(dovecot.Dovecot(users=["o%d" % i for i in range(20)]).start())
    fresh.next += 1
    d, name = _shared[0], "o%d" % fresh.next
    fill(d, n, name, flags)
    return ui.User(d, user=name, rc=rc, **more)


fresh.next = -1


def test_commands_after_the_file():
    user = fresh(rc='set index_format="rc %s"\nset status_format="file"\n')
    t = user.open("-e", 'set index_format="one %s"', "-e", 'set index_format="two %s"')
    t.wait("^ *two m2")
    t.wait("^file")
    t.keys("x")
    assert t.end() == 0
    assert user.batch("-e", "set sort=subject", "-Q", "sort").stdout == "sort=subject\n"


def test_no_system_wide_file():
    t = fresh().open("-n")
    t.wait("m2")
    t.keys("x")
    assert t.end() == 0


def test_read_only():
    user = fresh()
    t = user.open("-R")
    t.wait("m2")
    t.keys("d")
    t.wait("the mailbox is read-only")
    t.keys("F")
    t.gone("[DF] +[0-9]+ [A-Z][a-z][a-z] ")
    t.keys("<Enter>")
    t.wait("^Subject: m")
    t.keys("q")
    t.wait("3 messages")
    t.keys("x")
    assert t.end() == 0
    c = user.server.client(user.name, "INBOX")
    assert [dovecot.flags_of(c, u) for u in (1, 2, 3)] == [set()] * 3
    # It is for the mailboxes of this run alone.
    t = user.open()
    t.wait("m2")
    t.keys("F")
    places.await_true("the flag", lambda: dovecot.uids(c, "FLAGGED"))


def test_the_list_of_mailboxes_first():
    t = fresh().open("-y")
    t.wait("^ q:Back  <Enter>:Open")
    t.wait("^ . Inbox +3 +3 new")
    t.wait("^ . Archive +0")
    t.keys("/Archive<Enter><Enter>")
    t.wait("/Archive─ 0 messages")
    t.keys("x")
    assert t.end() == 0


def test_the_first_mailbox_with_new_mail():
    user = fresh(1, "\\Seen", rc="mailboxes =INBOX =Archive =Drafts\n")
    # None: it says so and does not open.
    done = user.batch("-Z")
    assert done.returncode == 1 and "no mailbox with new mail" in done.stderr, done
    c = user.server.client(user.name)
    append(c, "news", "Archive")
    t = user.open("-Z")
    t.wait("news")
    t.wait("/Archive─ 1 message")
    t.keys("x")
    assert t.end() == 0


def test_if_there_is_anything():
    user = fresh(0)
    done = user.batch("-z")
    assert done.returncode == 1 and done.stderr.startswith("tern: ") and len(done.stderr.splitlines()) == 1, done
    # Who still watches it may be told of the next one a moment later.
    places.await_true("everything's end", lambda: (places.reap(), not user.processes())[1])
    append(user.server.client(user.name), "first")
    t = user.open("-z")
    t.wait("first")
    t.keys("x")
    assert t.end() == 0


def test_version():
    done = ui.User().batch("-v")
    assert re.fullmatch(r"tern [0-9][^\n]*\n", done.stdout) and done.stderr == "" and done.returncode == 0, done


def test_usage():
    user = ui.User()
    done = user.batch("-h")
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("usage: tern "), done
    # Each option that is named is one: none is refused as unknown.
    for option in re.findall(r"^  -(\w)", done.stdout, re.M):
        needs = " " in re.search(r"^  -%s( [A-Z]+)?" % option, done.stdout, re.M)[0].strip()
        again = user.batch("-" + option, *(["1"] if needs else []), "-h")
        assert "there is no option" not in again.stderr and "usage:" in again.stdout or option == "v", again


def test_an_option_that_is_none():
    done = ui.User().batch("-j")
    assert done.returncode == 1 and "there is no option -j" in done.stderr and "usage: tern" in done.stderr, done


tap.main()
