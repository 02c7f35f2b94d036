#!/usr/bin/env python3
"""A command of the rc that wants the terminal, as pinentry-curses does: that of a
password gets it as an editor would; another is told off. None hangs, none writes
over the screen."""
import os
import re

import dovecot
import places
import tap
import ui
from mail import fill

ASK = r"""#!/bin/sh
printf 'PIN please: ' >/dev/tty
read -r pin </dev/tty
[ "$pin" = 1234 ] && echo %s
""" % dovecot.PASSWORD

# gpg does not ask itself: its agent does, which belongs to no terminal, on the one
# that $GPG_TTY names.
GPG = r"""#!/bin/sh
[ -n "$GPG_TTY" ] || { echo 'gpg: decryption failed: No pinentry' >&2; exit 2; }
exec setsid -w sh -c "exec <$GPG_TTY; printf 'PIN please: ' >$GPG_TTY; read -r pin; [ \"\$pin\" = 1234 ] && echo %s"
""" % dovecot.PASSWORD


def begin(script, rc='set imap_pass=`{script}`\n', shell="exec \"$@\""):
    d = dovecot.started()
    fill(d, 1)
    user = ui.User(d)
    path = user.path("ask")
    with open(path, "w") as f:
        f.write(script)
    os.chmod(path, 0o700)
    user.write_rc(re.sub("imap_pass=\"[^\"]*\"", "", user.server_rc()) + rc.replace("{script}", path))
    return user, ui.Terminal(["sh", "-c", shell, "sh", *user.argv()], 24, 80, user.env, user.home)


def is_whole(screen):
    return "q:Quit" in screen.lines[0] and any("m0" in l for l in screen.lines) and \
        not any("PIN" in l for l in screen.lines)


def test_a_password_command_is_lent_the_terminal():
    user, t = begin(ASK)
    t.wait("^PIN please:")
    t.keys("1234<Enter>")
    t.until("the mailbox, and nothing else", is_whole)
    t.keys("q")
    assert t.end() == 0


def test_what_waits_for_a_pin_can_be_interrupted():
    user, t = begin(ASK)
    t.wait("^PIN please:")
    t.keys("<C-z>1<C-c>")
    t.wait("The password command failed: (it exited with|signal) ")
    t.wait("Password for anna@localhost:")
    t.keys(dovecot.PASSWORD + "<Enter>")
    t.until("the mailbox, and nothing else", is_whole)


def test_an_agent_that_knows_the_terminal_gets_it():
    user, t = begin(GPG, shell='GPG_TTY=$(tty) exec "$@"')
    t.wait("^PIN please:")
    t.keys("1234<Enter>")
    t.until("the mailbox, and nothing else", is_whole)


def test_why_a_password_command_failed():
    user, t = begin("#!/bin/sh\necho 'store: no entry of that name' >&2\nexit 3\n")
    t.wait("The password command failed: it exited with 3: store: no entry")


def test_another_command_is_stopped():
    user, t = begin(ASK, 'set my_pin="x`{script}`"\nset imap_pass=%s\n' % dovecot.PASSWORD)
    t.wait("wants the terminal")
    t.until("the mailbox, and nothing else", is_whole)
    user.await_processes("ask", 0)


tap.main()
