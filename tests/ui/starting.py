#!/usr/bin/env python3
"""The first screen with the muttrc one has: without a mailbox of IMAP, and with one that
is told late."""
import os

import dovecot
import places
import tap
import ui
from mail import append


def begin():
    d = dovecot.Dovecot().start()
    tap.later(d.stop)
    c = d.client()
    dovecot.check(c.create("Work"))
    for mailbox in "INBOX", "Work":
        append(c, "in-" + mailbox, mailbox=mailbox)
    c.logout()
    return d, ui.User(d)


LOCAL = """set folder=~/Mail
set spoolfile=+INBOX record=+Sent postponed=+Drafts mbox=+read
mailboxes +INBOX +lists +work
set sendmail="/usr/bin/msmtp" nm_default_url="notmuch://$HOME/Mail"
virtual-mailboxes "unread" "notmuch://?query=tag:unread"
"""


def test_local_mailboxes_are_a_screen_and_a_sentence():
    d, user = begin()
    imap = [l for l in user.server_rc().splitlines() if "ssl_ca" in l or "imap_user" in l]
    user.write_rc(LOCAL + "\n".join(imap) + "\n")
    for reaches in ("c%sWork<Enter>", ":set folder=%s<Enter>:set spoolfile=+Work<Enter>",
                    ":set spoolfile=%sWork<Enter>"):
        t = user.open()
        t.wait("^[$]spoolfile is no IMAP mailbox, and tern has no local ones:$")
        t.wait("^      set folder    = imaps://you@")
        t.keys(";djF$l<C-g>")
        t.wait("[(]no mailbox[)]")
        t.keys("y")
        t.wait("no folders are known")
        t.keys("q")
        t.keys(reaches % ("imaps://localhost:%d/" % d.imaps_port))
        t.wait("in-Work")
        t.keys("x")
        assert t.end() == 0
        done = user.batch("-z")
        assert done.returncode == 1 and "is no IMAP mailbox" in done.stderr, done


def test_every_name_of_mutt_and_neomutt_opens_a_screen():
    user = ui.User(base="")
    with open(os.path.join(places.ROOT, "tests/data/rc/every-name")) as f:
        user.write_rc(f.read())
    t = user.open()
    t.wait("[$]spoolfile is no IMAP mailbox, and tern has no local ones: 'value'")
    t.keys("x")
    assert t.end() == 0


def told_late(user, early="", late=lambda rc: rc):
    """Nothing of the server is known before a command has ended: the passwords of many
    a muttrc are decrypted in its first line. Returns what ends it."""
    fifo = user.path("fifo")
    if not os.path.exists(fifo):
        os.mkfifo(fifo)
    user.write_rc('%ssource "cat %s|"\n%s' % (early, fifo, late(user.server_rc())))

    def end():
        with open(fifo, "w") as f:
            f.write("set my_x=1\n")
    return end


def test_a_mailbox_that_a_slow_configuration_tells_late():
    d, user = begin()
    for args, subject in ((), "in-INBOX"), (("-f", "=Work"), "in-Work"):
        end = told_late(user)
        t = user.open(*args)
        t.wait("^  a command of the configuration is still running")
        t.keys("?")
        t.wait("Help for the index")
        t.keys("q")
        end()
        t.wait(subject)
        t.keys("x")
        assert t.end() == 0


def test_the_first_mailbox_is_the_one_told_last_unless_one_reads_already():
    d, user = begin()
    rc = user.server_rc()
    for keys, subject in ("", "in-Work"), ("?q", "in-INBOX"):
        end = told_late(user, rc, lambda rc: "set spoolfile=+Work\n")
        t = user.open()
        t.wait("in-INBOX")
        if keys:
            t.keys("?")
            t.wait("Help for the index")
            t.keys("q")
            t.gone("Help for the index")
        end()
        t.gone("still running")
        t.wait(subject)
        t.keys("x")
        assert t.end() == 0


def test_batch_use_waits_for_the_configuration():
    d, user = begin()
    told_late(user)
    with open(user.rc) as f:
        user.write_rc(f.read().replace("cat " + user.path("fifo"), "sleep 0.2; echo"))
    done = user.batch("-D")
    assert done.returncode == 0
    t = user.open("-z")
    t.wait("in-INBOX")
    t.keys("x")
    assert t.end() == 0


def test_two_accounts_of_one_host_have_two_names():
    d, user = begin()
    url = "localhost:%d/" % d.imaps_port
    user.write_rc(user.server_rc().replace("imaps://", "imaps://anna@") + "set sidebar_visible\n"
                  "mailboxes =INBOX imaps://bert@%s imaps://carla@%s\n" % (url, url))
    t = user.open(cols=120)
    t.wait("in-INBOX")
    for name in "anna", "bert", "carla":
        t.wait("^ %s@localhost" % name)
    t.wait("─anna@localhost/Inbox─")


def test_one_connection_more_takes_nothing_back():
    """The first one has brought the mailbox into step when the second logs in, for the list."""
    server = ui.preauth()
    first, go = os.path.join(server.dir, "first"), os.path.join(server.dir, "go")
    with open(server.script) as f:
        imap = f.read().partition("\n")[2]
    with open(server.script, "w") as f:
        f.write("#!/bin/sh\nmkdir '%s' 2>>/dev/null || while [ ! -e '%s' ]; do sleep 0.05; done\n%s" % (
            first, go, imap))
    user = ui.User(server)
    t = user.open()
    t.wait("localhost: in step")
    open(go, "w").close()
    t.keys("c?")
    t.wait("Projekte/")
    t.keys("q")
    t.wait("localhost: in step")
    t.keys("x")
    assert t.end() == 0


tap.main()
