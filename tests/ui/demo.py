#!/usr/bin/env python3
"""make demo, by root and by somebody who is not: the sample mailbox comes up, and
however it ends, no process and no file stays. What it says where something lacks."""
import os
import signal

import checkout
import places
import tap

# Commands that a machine with all that is needed has no use for.
INSTALLERS = "apt-get", "apt-cache", "sudo"


def fake(c, name, script):
    folder = c.path("fake")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w") as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(f.name, 0o755)
    return folder + ":" + c.env["PATH"]


def begin(uid):
    """A checkout whose user has everything: who asks to install something leaves a file."""
    c = checkout.Checkout(uid)
    for name in INSTALLERS:
        c.env["PATH"] = fake(c, name, "echo %s >>'%s'\nexit 1\n" % (name, c.path("home", "asked")))
        assert not os.path.exists(c.path("home", "asked"))
    # The first make writes ./tern, and build/ if anything is newer.
    c.make()
    return c


def demo(c):
    return c.open("make", "--no-print-directory", *checkout.SAN, "demo")


def comes_up(t):
    t.wait("82 messages", seconds=60)  # the mailbox is made first
    t.wait("localhost: (in step|connected)")
    t.wait("└─▶")


def names(c):
    return sorted(c.processes().values())


def nothing_stays(c, before):
    places.await_true("every process to end, there are %s" % names(c), lambda: not c.processes())
    after = c.files()
    assert after == before, "left or changed: %s" % sorted(
        p for p in set(before) | set(after) if before.get(p) != after.get(p))


def by_each(test):
    """test(c) in a checkout of root's, and of somebody else's; nothing may stay of it."""
    for uid in checkout.USERS:
        tap.note("as user %d" % uid)
        c = begin(uid)
        before = c.files()
        test(c)
        nothing_stays(c, before)


def test_mailbox_and_quit():
    def one(c):
        t = demo(c)
        comes_up(t)
        t.wait("17 new · 2 flagged")
        t.wait("^ +[0-9]+ N  ")
        assert os.listdir(c.tmp), "the mailbox is not in the temporary directory"
        assert {"imap", "tern", "tern-imap", "tern-session"} <= set(names(c)), names(c)
        mail = [pid for pid, name in c.processes().items() if name == "imap"]
        assert os.stat("/proc/%d" % mail[0]).st_uid == (c.uid or places.NOBODY)
        t.keys("/Photos from<Enter><Enter>")
        t.wait("^Subject: Photos from the island")
        t.wait("^Hello,|^Hi ")
        t.keys("qq")
        assert t.end() == 0
    by_each(one)


def test_terminal_goes_away():
    def one(c):
        t = demo(c)
        comes_up(t)
        t.close()
    by_each(one)


def test_somebody_ends_it():
    """make, the script or tern is told to end, or the whole job is, as when a shell does it."""
    def one(c):
        before = c.files()
        for name, sig in (("make", signal.SIGTERM), ("python3", signal.SIGTERM), ("tern", signal.SIGTERM),
                          ("tern", signal.SIGKILL), ("job", signal.SIGTERM), ("job", signal.SIGHUP)):
            tap.note("%s of %s" % (sig.name, name))
            t = demo(c)
            comes_up(t)
            if name == "job":
                os.killpg(t.pid, sig)
            else:
                pids = [pid for pid, its in c.processes().items() if its == name]
                assert pids, names(c)
                for pid in pids:
                    os.kill(pid, sig)
            t.end()
            nothing_stays(c, before)
    by_each(one)


def test_interrupt_is_a_key_of_tern():
    def one(c):
        t = demo(c)
        comes_up(t)
        t.keys("<C-c>")
        t.wait("is not bound")
        t.keys("/Photos from<Enter><Enter>")
        t.wait("^Subject: Photos from the island")
        t.keys("qq")
        assert t.end() == 0
    by_each(one)


def test_interrupted_before_the_first_screen():
    """As soon as the first file is there."""
    def one(c):
        t = demo(c)
        places.await_true("the temporary directory", lambda: os.listdir(c.tmp))
        os.killpg(t.pid, signal.SIGINT)
        t.end()
    by_each(one)


def lacking(c, what):
    """dpkg-query knows all but these packages."""
    real = "/usr/bin/dpkg-query"
    cut = "".join(" | grep -v ':%s$'" % p for p in what)
    c.env["PATH"] = fake(c, "dpkg-query", "%s \"$@\"%s\n" % (real, cut))


def test_missing_packages_are_named():
    """Neither root nor sudo: said what lacks and what root would type, and that is all."""
    c = begin(checkout.USERS[-1])
    # No sudo: all of the usual places but that.
    bin = c.path("bin")
    os.mkdir(bin)
    for folder in "/usr/bin", "/bin":
        for name in os.listdir(folder):
            if name != "sudo" and not os.path.lexists(os.path.join(bin, name)):
                os.symlink(os.path.join(folder, name), os.path.join(bin, name))
    c.env["PATH"] = bin
    os.unlink(c.path("fake", "sudo"))
    c.env["PATH"] = fake(c, "apt-get", "echo apt-get >>'%s'\nexit 1\n" % c.path("home", "asked"))
    lacking(c, ["libgumbo-dev", "dovecot-imapd"])
    before = c.files()
    t = demo(c)
    t.wait("needed and not installed")
    t.wait("^ *libgumbo-dev dovecot-imapd *$")
    t.wait("As root: +apt-get install .*libgumbo-dev dovecot-imapd")
    assert t.end() != 0
    nothing_stays(c, before)


def test_sudo_is_asked_about_first():
    c = begin(checkout.USERS[-1])
    lacking(c, ["libgumbo-dev"])
    before = c.files()
    t = demo(c)
    t.wait("^ *libgumbo-dev *$")
    t.wait("Install them with sudo apt-get\\? \\[y/N\\]")
    t.keys("n<Enter>")
    assert t.end() != 0
    nothing_stays(c, before)
    t = demo(c)
    t.wait("\\[y/N\\]")
    t.keys("y<Enter>")
    assert t.end() != 0
    with open(c.path("home", "asked")) as f:
        assert f.read() == "sudo\n"


def test_elsewhere_what_is_missing_is_named():
    """No Debian: the libraries by their pkg-config names, the programs by theirs."""
    c = begin(checkout.USERS[-1])
    os.unlink(c.path("fake", "apt-get"))
    bin = c.path("bin")
    os.mkdir(bin)
    for folder in "/usr/bin", "/bin":
        for name in os.listdir(folder):
            if name not in ("dpkg-query", "apt-get") and not os.path.lexists(os.path.join(bin, name)):
                os.symlink(os.path.join(folder, name), os.path.join(bin, name))
    c.env["PATH"] = bin
    c.env["PATH"] = fake(c, "pkg-config", "case $* in *gumbo*) exit 1 ;; esac\nexec %s/pkg-config \"$@\"\n" % bin)
    before = c.files()
    t = demo(c)
    t.wait("are missing: gumbo$")
    assert t.end() != 0
    nothing_stays(c, before)


tap.main()
