#!/usr/bin/env python3
"""Play a .screen file: keys in, expected screen out.

A line starting with # is a comment; the others are, one per line:

    size 24x80           rows and columns; before start (default 24x80)
    mail sample|empty|none   what the server holds (default sample, by tunnel)
    rc LINE              a line of the rc file, before start
    env NAME=VALUE       before start
    start ARGUMENTS      run tern with these
    keys KEYS            type; <Enter> <Esc> <Down> <C-x> <A-x> <lt> ...
    type TEXT            type this literally
    match REGEX          wait until the screen matches
    gone REGEX           wait until it does not
    resize 40x120
    screen               wait until the screen is exactly the lines that follow,
                         each with | in front, up to a line with a dot alone.
                         A line with ~ in front is a regular expression.
    attrs ROW LETTERS    wait until a row has these (tests/lib/ui.py: attrs)
    cursor ROW COL
    kill NAME            kill -9 every program of this user with that name
    end STATUS           wait until tern ends by itself, with this status

GENERATE=1 writes the screens anew, leaving lines with ~ that still match.
"""
import os
import re
import sys

import places
import tap
import ui


class Play:
    def __init__(self, path):
        self.path = path
        with open(path) as f:
            self.lines = f.read().split("\n")
        self.out = []  # the file as it would be written
        self.size, self.mail, self.rc, self.env = (24, 80), "sample", "", {}
        self.user = self.terminal = None
        self.at = 0
        self.generate = bool(os.environ.get("GENERATE"))

    def run(self):
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            self.out.append(line)
            if not line.strip() or line.startswith("#"):
                continue
            word, _, rest = line.partition(" ")
            step = getattr(self, "do_" + word, None)
            if step is None:
                raise AssertionError("line %d: no such step: '%s'" % (self.at, word))
            try:
                step(rest)
            except AssertionError as e:
                raise AssertionError("%s:%d: %s" % (os.path.basename(self.path), self.at, e)) from None
        if self.generate and self.out != self.lines:
            with open(self.path, "w") as f:
                f.write("\n".join(self.out))
            tap.note("written anew")

    def do_size(self, rest):
        self.size = tuple(int(n) for n in rest.split("x"))

    def do_mail(self, rest):
        self.mail = rest

    def do_rc(self, rest):
        self.rc += rest + "\n"

    def do_env(self, rest):
        name, _, value = rest.partition("=")
        self.env[name] = value

    def do_start(self, rest):
        if self.user is None:
            server = None if self.mail == "none" else ui.preauth(self.mail == "sample")
            self.user = ui.User(server, self.rc)
        self.terminal = self.user.open(*rest.split(), rows=self.size[0], cols=self.size[1], **self.env)

    def do_keys(self, rest):
        self.terminal.keys(rest)

    def do_type(self, rest):
        self.terminal.type(rest)

    def do_match(self, rest):
        self.terminal.wait(rest)

    def do_gone(self, rest):
        self.terminal.gone(rest)

    def do_resize(self, rest):
        self.terminal.resize(*(int(n) for n in rest.split("x")))

    def do_attrs(self, rest):
        row, _, letters = rest.partition(" ")
        self.terminal.until("attributes of row %s to be '%s'" % (row, letters),
                            lambda s: self.terminal.attrs()[int(row)] == letters)

    def do_cursor(self, rest):
        want = tuple(int(n) for n in rest.split())
        self.terminal.until("the cursor at %d,%d" % want, lambda s: (s.row, s.col) == want)

    def do_kill(self, rest):
        assert self.user.kill(rest) > 0, "no '%s' runs" % rest

    def do_end(self, rest):
        status = self.terminal.end()
        assert status == int(rest or 0), "status %d" % status

    def do_screen(self, _):
        wanted = []
        while self.lines[self.at] != ".":
            wanted.append(self.lines[self.at])
            self.at += 1
        self.at += 1
        if self.generate:
            self.terminal.quiet(500)
            wanted = self.fresh(wanted, self.terminal.screen().lines)
        self.out += wanted + ["."]
        try:
            self.terminal.until("screen", lambda s: fits(wanted, s.lines))
        except ui.Timeout:
            raise AssertionError("the screen differs:\n" + difference(wanted, self.terminal.screen().lines)) from None

    def fresh(self, wanted, lines):
        while lines and lines[-1] == "":
            lines = lines[:-1]
        new = []
        for n, line in enumerate(lines):
            old = wanted[n] if n < len(wanted) else ""
            new.append(old if old.startswith("~") and fits_line(old, line) else "|" + line)
        return new


def fits_line(wanted, line):
    if wanted.startswith("~"):
        return re.fullmatch(wanted[1:], line) is not None
    return wanted[1:].rstrip() == line


def fits(wanted, lines):
    """What is not named below the last line is blank."""
    wanted = wanted + ["|"] * (len(lines) - len(wanted))
    return len(wanted) == len(lines) and all(fits_line(w, l) for w, l in zip(wanted, lines))


def difference(wanted, lines):
    wanted = wanted + ["|"] * (len(lines) - len(wanted))
    out = []
    for w, l in zip(wanted, lines):
        if fits_line(w, l):
            out.append("   |" + l)
        else:
            out += ["-  " + w, "+  |" + l]
    return "\n".join(out)


def main():
    path = sys.argv[1]
    with open(path) as f:
        first = f.readline().lstrip("# ").strip()
    ok, more = tap._run(Play(path).run)
    print("%s 1 - %s%s" % ("ok" if ok else "not ok", first, more))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
