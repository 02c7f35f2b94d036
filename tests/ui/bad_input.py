#!/usr/bin/env python3
"""Bad input, as a user meets it: a clear sentence on the screen or behind it,
and nothing is lost. What a manager makes of the same is in tests/server."""
import os
import random
import re
import signal
import socket
import subprocess

import certs
import dovecot
import places
import proxy
import tap
import ui
from mail import append, fill

_shared = []


def server():
    if not _shared:
        _shared.append(dovecot.Dovecot(users=["anna"] + ["u%d" % i for i in range(40)]).start())
    return _shared[0]


def fresh(n=3, **more):
    """(server, user) with a few messages."""
    name = "u%d" % fresh.next
    fresh.next += 1
    fill(server(), n, name)
    return server(), ui.User(server(), user=name, **more)


fresh.next = 0


def nowhere(port, host="localhost", more=""):
    return ui.User(base="set folder=imaps://me@%s:%d/ spoolfile=+INBOX imap_pass=x\n%s" % (host, port, more))


def plainly(user, *args):
    """tern in a terminal, without root's right to pass over modes of files."""
    argv = user.argv(*args)
    if os.getuid() == 0:
        argv = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] + argv
    return ui.Terminal(argv, 24, 160, user.env, user.home)


def flags_on_server(user, uid):
    c = user.server.client(user.name, "INBOX")
    flags = dovecot.flags_of(c, uid)
    c.logout()
    return flags


# --- The rc. ------------------------------------------------------------------------

def test_no_rc():
    user = ui.User()
    t = ui.Terminal([places.program("tern")], 24, 160, user.env, user.home)
    t.wait("no mailbox is configured: write 'set folder = imaps://.*ternrc")
    assert t.end() == 1


def test_an_rc_that_is_named_and_is_not_there():
    user = ui.User()
    os.unlink(user.rc)
    done = user.batch("-D")
    assert done.returncode == 1 and re.search("cannot read '.*ternrc': no such file", done.stderr), done
    os.mkdir(user.rc)
    done = user.batch("-D")
    assert done.returncode == 1 and "is a directory" in done.stderr, done


def test_an_rc_that_cannot_be_read():
    user = ui.User()
    os.chmod(user.rc, 0)
    t = plainly(user)
    t.wait("cannot read '.*ternrc': permission denied")
    assert t.end() == 1


def test_commands_of_the_rc_that_hang_hold_nothing():
    d, user = fresh(rc='source "exec sleep 1000|"\nset my_x=`exec sleep 1000`\nbind index Z flag-message\n')
    for _ in range(2):  # never seen, then from the cache
        t = user.open()
        t.wait("m2")
        t.keys("=jj")
        t.until("the cursor", lambda s: s.row == 3)
        t.keys("q")
        assert t.end() == 0
        user.await_processes("sleep", 0)


def test_a_password_command_is_not_run_before_it_is_needed():
    d, user = fresh()
    ran = user.path("ran")
    user.write_rc(re.sub('imap_pass=".*"', "imap_pass=`echo x >>%s; echo %s`" % (ran, dovecot.PASSWORD), user.server_rc()))
    assert user.batch("-D").returncode == 0
    assert user.batch("-Q", "folder").returncode == 0
    p = proxy.Proxy(d.imaps_port)
    p.refuse()
    with open(user.rc) as f:
        text = f.read()
    user.write_rc(text.replace(":%d/" % d.imaps_port, ":%d/" % p.port))
    t = user.open()
    t.wait("trying again")
    assert not os.path.exists(ran), "it was run, and nobody had asked for a password"
    p.refuse(False)
    t.keys("G")
    t.wait("m2")
    with open(ran) as f:
        assert f.read() == "x\n", "once"


def test_every_variable_of_mutt_and_neomutt_is_taken():
    user = ui.User(base="")
    with open(os.path.join(places.ROOT, "tests/data/rc/every-name")) as f:
        user.write_rc(f.read())
    done = user.batch("-D")
    assert done.returncode == 0 and not re.search("unknown|error", done.stderr), done.stderr[-2000:]


# --- Hosts, passwords, certificates, mailboxes. ----------------------------------------

def test_unknown_host():
    t = nowhere(993, "no-such-host.invalid").open(cols=160)
    t.wait("cannot find 'no-such-host.invalid': no such host; trying again")
    t.keys("q")
    assert t.end() == 0


def test_refused_port():
    port, = dovecot.free_ports(1)
    t = nowhere(port).open(cols=160)
    t.wait("cannot connect to 'localhost' port %d: connection refused; trying again" % port)


def test_a_host_that_says_nothing():
    listener = socket.create_server(("127.0.0.1", 0))
    t = nowhere(listener.getsockname()[1]).open(cols=160)
    t.wait("setting up TLS")
    t.keys("q")
    assert t.end(places.BEFORE_GIVEN_UP) == 0
    listener.close()


def test_wrong_password():
    d, user = fresh()
    user.write_rc(user.server_rc().replace(dovecot.PASSWORD, "wrong"))
    t = user.open()
    t.wait("Login refused. Password for %s@localhost" % user.name)
    t.keys(dovecot.PASSWORD + "<Enter>")
    t.wait("m2")


def without_password(user):
    user.write_rc(re.sub(' imap_pass=".*"', "", user.server_rc()))


def test_a_password_not_given_is_asked_for_again():
    d, user = fresh()
    without_password(user)
    t = user.open(cols=160)
    for again, refuse in (("G", "<C-g>"), ("$", "<Enter>"), ("c=INBOX<Enter>", "<C-g>")):
        t.wait("Password for %s@localhost" % user.name)
        t.keys(refuse)
        t.gone("Password for")
        t.keys(again)
    t.wait("Password for")
    t.keys("<C-g>")
    t.wait("no password was given")
    # Nobody has answered: the next one is asked.
    other = user.open(cols=160)
    other.wait("Password for")
    other.keys(dovecot.PASSWORD + "<Enter>")
    other.wait("m2")
    t.wait("m2")


def test_expired_certificate():
    d, user = fresh()
    user.go_through(proxy.Proxy(d.imap_port, tls="expired"))
    t = user.open(cols=80)
    t.wait("[(]r[)]eject, accept [(]o[)]nce, [(]a[)]lways")
    said = "".join(line.lstrip("|").rstrip() for line in t.picture().splitlines()).lower()
    assert "expired on 20" in said and "issued by" in said, t.picture()
    assert certs.fingerprint(certs.get("expired").crt).lower() in said, t.picture()
    t.keys("r")
    t.wait("certificate was rejected")
    assert "m2" not in t.picture()
    t.keys("G")
    t.wait("[(]r[)]eject, accept [(]o[)]nce")
    t.keys("o")
    t.wait("m2")


def test_a_question_is_for_the_window_though_batch_use_came_later():
    d, user = fresh()
    p = proxy.Proxy(d.imap_port, tls="expired")
    p.freeze()
    user.go_through(p)
    t = user.open(cols=160)
    t.wait("setting up TLS")
    batch = subprocess.Popen(user.argv("-z"), env=user.env, cwd=user.home, stderr=subprocess.PIPE, text=True)
    tap.later(batch.stderr.close)
    tap.later(batch.wait)
    tap.later(batch.kill)
    places.await_true("its connection to the manager", lambda: has_attached(user, batch.pid))
    p.thaw()
    t.wait("[(]r[)]eject, accept [(]o[)]nce")
    t.keys("o")
    t.wait("m2")


def has_attached(user, pid):
    """It has said to the manager which mailbox it wants, and heard of it: it maps the cache by then."""
    with open("/proc/%d/maps" % pid) as f:
        is_mapped = "cache/data.mdb" in f.read()
    held = [os.path.basename(os.readlink("/proc/%d/fd/%s" % (pid, fd))) for fd in os.listdir("/proc/%d/fd" % pid)]
    return is_mapped and any(name.startswith("socket:") for name in held)


def test_what_batch_use_cannot_answer_is_left_to_the_next_window():
    d, user = fresh()
    user.go_through(proxy.Proxy(d.imap_port, tls="expired"))
    for flag in "-z", "-Z":
        done = user.batch(flag, "-e", "mailboxes =INBOX")
        assert done.returncode == 1, done
        assert re.search("tern: the certificate of localhost is not trusted: .*expired", done.stderr), done
    t = user.open(cols=160)
    t.wait("[(]r[)]eject, accept [(]o[)]nce")
    t.keys("o")
    t.wait("m2")


def test_batch_use_says_why():
    d, user = fresh(0)
    rc = user.server_rc()
    port, = dovecot.free_ports(1)
    for text, mailbox, why in (
            (rc, "=Nowhere", "tern: cannot open the mailbox: the server says 'Mailbox doesn't exist: Nowhere"),
            (rc, "=INBOX", "tern: the mailbox is empty|tern: no mailbox with new mail"),
            (rc.replace(str(d.imaps_port), str(port)), "=INBOX",
             "tern: cannot connect to 'localhost' port %d: connection refused" % port),
            (rc.replace(dovecot.PASSWORD, "wrong"), "=INBOX", "tern: .*(refused|failed)"),
            (re.sub('imap_pass=".*"', "imap_pass=`exit 3`", rc), "=INBOX",
             "tern: no password for .*localhost.*: the password command failed"),
            (re.sub(' imap_pass=".*"', "", rc), "=INBOX", "tern: no password for .*localhost.*: set imap_pass")):
        for flags in (["-z", "-f", mailbox], ["-Z", "-e", "mailboxes " + mailbox]):
            one = ui.User(d, user=user.name, base=text)
            done = one.batch(*flags)
            assert done.returncode == 1 and re.match(why, done.stderr), (flags, why, done)
            one.close()


def test_batch_use_that_becomes_a_window_asks():
    d, user = fresh()
    t = user.open()
    t.wait("m2")
    quit_wholly(user, t)
    without_password(user)
    t = user.open("-z", cols=160)
    t.wait("m2")
    t.wait("Password for %s@localhost" % user.name)
    t.keys(dovecot.PASSWORD + "<Enter>")
    t.wait("in step")


def test_one_account_in_trouble_keeps_batch_use_from_no_other():
    d, user = fresh(0)
    port, = dovecot.free_ports(1)
    user.write_rc(user.server_rc() + "account-hook imaps://b@localhost 'unset imap_pass'\n"
                  "mailboxes imaps://a@localhost:%d/INBOX imaps://a@localhost:%d/Other\n"
                  "mailboxes imaps://b@localhost:%d/INBOX imaps://b@localhost:%d/Other =INBOX =Nowhere\n"
                  % (port, port, d.imaps_port, d.imaps_port))
    done = user.batch("-Z")
    assert done.returncode == 1, done
    # Each account's trouble once, and what the one without says of its mailboxes.
    found = [[why for why in ("connection refused", "no password for imaps://b@", "doesn't exist: Nowhere",
                              "no mailbox with new mail") if why in line] for line in done.stderr.splitlines()]
    assert sorted(sum(found, [])) == ["connection refused", "doesn't exist: Nowhere", "no mailbox with new mail",
                                      "no password for imaps://b@"] and all(found), done.stderr


def test_G_brings_the_news():
    d, user = fresh(rc="unset imap_idle\nset mail_check=3600\n")
    t = user.open(cols=160)
    t.wait("m2")
    t.wait("in step")
    c = d.client(user.name)
    append(c, "late")
    c.logout()
    t.keys("G")
    t.wait("late")


def test_batch_use_ends_though_another_tern_is_asked():
    d, user = fresh()
    user.go_through(proxy.Proxy(d.imap_port, tls="expired"))
    t = user.open()
    t.wait("[(]r[)]eject, accept")
    # The question is for the one in front of the user: nobody else may answer it.
    done = user.batch("-z")
    assert done.returncode == 1 and "another tern asks about its certificate" in done.stderr, done
    t.wait("[(]r[)]eject, accept")


def test_batch_use_ends_though_another_tern_waits_for_the_password():
    d, user = fresh()
    without_password(user)
    t = user.open()
    t.wait("^Password for %s@localhost" % user.name)
    for flags in (["-z"], ["-Z", "-e", "mailboxes =INBOX"]):
        done = user.batch(*flags)
        assert done.returncode == 1 and "another tern asks for the password" in done.stderr, done
    # Whoever comes later sees it, too, and goes on with the others.
    later = user.open("-f", "=INBOX")
    later.wait("localhost: another tern asks for the password")
    t.wait("^Password for %s@localhost" % user.name)
    t.keys(dovecot.PASSWORD + "<Enter>")
    t.wait("m2")
    later.wait("m2")
    later.wait("in step|connected")


def test_the_server_goes_in_the_middle():
    d, user = fresh(5)
    p = proxy.Proxy(d.imaps_port)
    user.go_through(p)
    t = user.open(cols=160)
    t.wait("m4")
    p.refuse()
    p.cut("reset")
    t.keys("=F")
    t.wait("trying again")
    assert flags_on_server(user, 1) == set()
    t.keys("x")
    t.end()
    p.refuse(False)
    t = user.open(cols=160)
    places.await_true("the flag", lambda: flags_on_server(user, 1) == {b"\\Flagged"})


def test_a_mailbox_that_is_not_there():
    d, user = fresh()
    t = user.open("-f", "=Nowhere", cols=160)
    t.wait("cannot open the mailbox: the server says 'Mailbox doesn't exist: Nowhere")
    t.keys("c=INBOX<Enter>")
    t.wait("m2")


def test_a_mailbox_that_is_not_there_troubles_nobody_else():
    d, user = fresh()
    t = user.open("-f", "=INBOX", cols=160)
    t.wait("in step")
    done = user.batch("-z", "-f", "=Nowhere")
    assert done.returncode == 1 and "Mailbox doesn't exist: Nowhere" in done.stderr, done
    t.quiet()
    assert t.row_of("cannot open") is None, t.picture()


def test_a_mailbox_that_is_read_only():
    d, user = fresh()
    c = d.client(user.name)
    append(c, "kept", "Archive")
    c.logout()
    d.doveadm("acl", "set", "-u", user.name, "Archive", "owner", "lookup", "read")
    t = user.open("-f", "=Archive")
    t.wait("read-only")
    t.keys("F")
    t.wait("^the mailbox is read-only")


# --- The stores. ---------------------------------------------------------------------------

def test_a_cache_directory_that_cannot_be_written():
    d, user = fresh()
    os.chmod(user.path("cache"), 0o500)
    t = plainly(user)
    t.wait("cannot make directory '.*cache/tern': permission denied")
    t.keys("q")
    t.end()
    os.chmod(user.path("cache"), 0o700)
    user.open().wait("m2")


def test_a_state_directory_that_cannot_be_written():
    d, user = fresh()
    os.chmod(user.path("state"), 0o500)
    t = plainly(user)
    t.wait("cannot make directory '.*state/tern': permission denied")
    assert t.end() == 1


def cache_of(user):
    return user.path("cache", "tern", "cache", "data.mdb")


def quit_wholly(user, t):
    t.keys("q")
    t.end()
    user.await_processes("tern-session", 0)


def test_a_cache_of_another_version():
    d, user = fresh()
    t = user.open()
    t.wait("m2")
    quit_wholly(user, t)
    # LMDB's own version, in both meta pages.
    with open(cache_of(user), "r+b") as f:
        for page in 0, 1:
            f.seek(page * 4096 + 16 + 4)
            assert f.read(4) == b"\1\0\0\0"
            f.seek(-4, 1)
            f.write(b"\x63\0\0\0")
    user.open().wait("m2")


def damages(size, chance):
    """Name, and what is done to the file, from a page on."""
    def over(data):
        def do(f, at):
            f.seek(at)
            f.write(data(size - at))
        return do

    def here_and_there(f, at):
        for page in range(at, size, 4096):
            if chance.random() < 0.5:
                f.seek(page)
                f.write(chance.randbytes(4096))
    return {"garbage": over(chance.randbytes), "zeros": over(bytes), "here and there": here_and_there,
            "cut short": lambda f, at: f.truncate(at)}


def test_a_cache_damaged_under_a_running_tern():
    seed = int(os.environ.get("TERN_SEED", int.from_bytes(os.urandom(4), "little")))
    tap.note("seed %d" % seed)
    chance = random.Random(seed)
    for n, name in enumerate(("garbage", "zeros", "here and there", "cut short") * 2):
        d, user = fresh()
        places.expect_crashes(user.env)
        t = user.open()
        t.wait("m2")
        t.wait("in step|connected")
        size = os.path.getsize(cache_of(user))
        first = chance.randrange(2, 5)
        tap.note("%s from page %d" % (name, first))
        with open(cache_of(user), "r+b") as f:
            damages(size, chance)[name](f, first * 4096)
        t.keys("=jj" + (":set sort=subject<Enter>" if n % 2 else ""))
        c = d.client(user.name)
        append(c, "late")
        c.logout()
        t.until("all of it, after %s" % name,
                lambda s: all(any(m in l for l in s.lines) for m in ("m0", "m1", "m2", "late")))
        t.keys("=*F")
        places.await_true("the flag", lambda: {b"\\Flagged"} in [flags_on_server(user, uid) for uid in (3, 4)])
        t.close()
        user.close()


def test_a_damaged_cache_before_the_start():
    for page in (0, 2, 3):
        d, user = fresh()
        places.expect_crashes(user.env)
        t = user.open()
        t.wait("m2")
        quit_wholly(user, t)
        size = os.path.getsize(cache_of(user))
        with open(cache_of(user), "r+b") as f:
            f.seek(page * 4096)
            f.write(os.urandom(size - page * 4096))
        t = user.open()
        t.wait("m2")
        t.close()
        user.close()


# --- The terminal, other terns, kills. -------------------------------------------------------

def test_a_terminal_too_small():
    d, user = fresh()
    t = user.open(rows=3, cols=60)
    t.wait("tern needs more room")
    t.resize(24, 80)
    t.wait("m2")
    t.resize(1, 1)
    t.resize(2, 200)
    t.resize(24, 80)
    t.wait("m2")
    assert user.processes("tern")


def test_a_second_tern_beside_the_first():
    d, user = fresh()
    one, two = user.open(), user.open()
    one.wait("m2")
    two.wait("m2")
    user.await_processes("tern-session", 1)
    one.keys("=F")
    two.wait("^ +1 +N? *F ")
    one.keys("q")
    assert one.end() == 0
    two.keys("=F")
    two.gone("^ +1 +N? *F ")
    places.await_true("the flag", lambda: flags_on_server(user, 1) == set())


def test_any_program_killed_at_any_time():
    d, user = fresh(4)
    t = user.open()
    t.wait("m3")
    for uid, name in enumerate(("tern-imap", "tern-session", "tern-render", "tern"), 1):
        if name == "tern-render":
            t.keys("<Enter>")
            t.wait("Text of m")
            t.keys("q")
        user.kill(name, signal.SIGKILL)
        if name == "tern":
            assert t.end() == -9
            t = user.open()
            t.wait("m3")
        t.keys("%d<Enter>F" % uid)
        places.await_true("the flag after the end of " + name, lambda: flags_on_server(user, uid) >= {b"\\Flagged"})


tap.main()
