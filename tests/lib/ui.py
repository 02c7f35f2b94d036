"""tern in a terminal: keys in, screen out.

    user = ui.User(server)              # a home of its own, an rc for the server
    t = user.open("-f", "INBOX")
    t.wait("Photos from the island")
    t.keys("j<Enter>")

Nothing here sleeps: a wait ends as soon as the screen matches, and fails with
the screen in its message at its deadline.
"""
import collections
import fcntl
import os
import re
import shutil
import signal
import subprocess

import certs
import dovecot
import places
import sample
import tap

KEYS = {
    "Enter": "\r", "Return": "\r", "Esc": "\x1b", "Tab": "\t", "Space": " ", "lt": "<", "Backspace": "\x7f",
    "Up": "\x1bOA", "Down": "\x1bOB", "Right": "\x1bOC", "Left": "\x1bOD", "Home": "\x1bOH", "End": "\x1bOF",
    "PageUp": "\x1b[5~", "PageDown": "\x1b[6~", "Insert": "\x1b[2~", "Delete": "\x1b[3~", "BackTab": "\x1b[Z",
    "F1": "\x1bOP", "F2": "\x1bOQ", "F3": "\x1bOR", "F4": "\x1bOS", "F5": "\x1b[15~",
}
Screen = collections.namedtuple("Screen", "seq row col visible rows cols lines")


def key_bytes(text):
    """`j<Enter><C-x><A-a>` as the bytes a terminal sends."""
    def one(match):
        name = match.group(1)
        if name.startswith("C-"):
            return chr(ord(name[2:].upper()) ^ 64)
        if name.startswith("A-"):
            return "\x1b" + name[2:]
        return KEYS[name]
    return re.sub(r"<([^<>]+)>", one, text).encode()


class Timeout(AssertionError):
    pass


class Ended(AssertionError):
    pass


class Terminal:
    def __init__(self, argv, rows=24, cols=80, env=None, cwd=None, record=None):
        self.record = record
        more = ["-o", record] if record else []
        with places.marked(env):
            self.helper = subprocess.Popen([places.program("tests/tools/screen"), *more, str(rows), str(cols), *argv],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=cwd)
        first = self._line().split()
        self.pid, self.started_us = int(first[1]), int(first[2])
        tap.later(self.close)

    def _line(self):
        line = self.helper.stdout.readline().decode()
        if not line:
            raise Ended("the terminal is gone")
        return line.rstrip("\n")

    def ask(self, command):
        self.helper.stdin.write(command.encode() + b"\n")
        self.helper.stdin.flush()
        return self._line()

    def _ok(self, answer, what):
        word, _, rest = answer.partition(" ")
        if word == "ok":
            return rest
        if word == "exited":
            raise Ended("ended with status %s, waiting for %s:\n%s" % (rest, what, self.picture()))
        raise Timeout("%s: %s:\n%s" % (answer, what, self.picture()))

    def _dump(self, command):
        words = self.ask(command).split()
        seq, row, col, visible, rows, cols, size = (int(w) for w in words[1:])
        text = self.helper.stdout.read(size).decode()
        return Screen(seq, row, col, visible, rows, cols, text.split("\n")[:rows])

    def screen(self):
        return self._dump("dump")

    def attrs(self):
        """One letter per cell: B bold, U underline, R reverse, S bold reverse, b f colours, . none."""
        return self._dump("attrs").lines

    def picture(self):
        s = self.screen()
        frame = "+" + "-" * s.cols + "+"
        return "\n".join([frame] + ["|" + l for l in s.lines] + [frame, "cursor at %d,%d" % (s.row, s.col)])

    def keys(self, text):
        """Type; returns the time in microseconds."""
        return int(self._ok(self.ask("keys " + key_bytes(text).hex()), "keys"))

    def type(self, text):
        """Type this literally: `<` is no special key."""
        return int(self._ok(self.ask("keys " + text.encode().hex()), "keys"))

    def wait(self, regex, seconds=places.SECONDS):
        """Until the screen matches an extended regular expression (^ and $ are
        line ends); returns the time at which the bytes for it came."""
        answer = self.ask("wait %d %s" % (seconds * 1000 * places.SLOW, regex))
        return int(self._ok(answer, "the screen to match '%s'" % regex))

    def gone(self, regex, seconds=places.SECONDS):
        answer = self.ask("gone %d %s" % (seconds * 1000 * places.SLOW, regex))
        return int(self._ok(answer, "'%s' to go" % regex))

    def change(self, seq, seconds=places.SECONDS):
        """Until the screen is newer than `seq`; returns (seq, time)."""
        answer = self._ok(self.ask("change %d %d" % (seconds * 1000 * places.SLOW, seq)), "a change")
        return tuple(int(w) for w in answer.split())

    def until(self, what, condition, seconds=places.SECONDS):
        """Until condition(Screen) holds; returns that screen."""
        import time
        end = time.monotonic() + seconds * places.SLOW
        while True:
            s = self.screen()
            if condition(s):
                return s
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout("%s:\n%s" % (what, self.picture()))
            answer = self.ask("change %d %d" % (left * 1000, s.seq))
            if answer.startswith("exited"):
                if condition(self.screen()):
                    return self.screen()
                self._ok(answer, what)

    def row_of(self, regex):
        """Number of the first line that matches, or None."""
        for n, line in enumerate(self.screen().lines):
            if re.search(regex, line):
                return n
        return None

    def quiet(self, ms=300):
        """Until nothing was written for so long. For making expectations, and
        for proving that nothing happens; not for waiting until something has."""
        self.ask("quiet %d" % ms)

    def resize(self, rows, cols):
        self._ok(self.ask("resize %d %d" % (rows, cols)), "resize")

    def signal(self, sig):
        self._ok(self.ask("signal %d" % sig), "signal")

    def state(self):
        return self.ask("state").removeprefix("ok ")

    def end(self, seconds=places.SECONDS):
        """Until the program ends by itself; returns its status, -N for a signal."""
        answer = self.ask("end %d" % (seconds * 1000 * places.SLOW))
        word, _, rest = answer.partition(" ")
        if word != "exited":
            raise Timeout("the program does not end:\n" + self.picture())
        return int(rest)

    def close(self):
        if self.helper.poll() is None:
            try:
                self.helper.stdin.close()
            except BrokenPipeError:
                pass
            try:
                self.helper.wait(10)
            except subprocess.TimeoutExpired:
                self.helper.kill()
        self.helper.wait()
        self.helper.stdout.close()

    def written(self):
        """Every byte the program sent to the terminal (needs record=)."""
        with open(self.record, "rb") as f:
            return f.read()


class User:
    """A home with its own store, rc and log; everything goes when the test ends.

    server: a dovecot.Dovecot, a dovecot.Preauth, or None. rc: lines behind the
    ones that name the server. port: a proxy's, instead of the server's."""

    def __init__(self, server=None, rc="", user="anna", port=None, base=None):
        places.adopt_orphans()
        self.home = places.temp_dir("tern-u-")
        self.server, self.name, self.port = server, user, port
        self.wrap = []  # a command in front of tern, such as places.SEEN
        self.rc = os.path.join(self.home, "ternrc")
        self.env = dict(os.environ, HOME=self.home, TERN_TEST_HOME=self.home, TERM="xterm-256color",
                        LC_ALL="C.UTF-8", TZ="UTC")
        for name in ("ESCDELAY", "EDITOR", "VISUAL", "MAIL", "COLUMNS", "LINES"):
            self.env.pop(name, None)
        for name in ("cache", "state", "config", "runtime"):
            os.mkdir(os.path.join(self.home, name), 0o700)
            self.env["XDG_%s_%s" % (name.upper(), "DIR" if name == "runtime" else "HOME")] = \
                os.path.join(self.home, name)
        self.write_rc((base if base is not None else self.server_rc()) + rc)
        tap.later(self.close)

    def server_rc(self):
        if isinstance(self.server, dovecot.Preauth):
            return PREAUTH_RC.format(tunnel=self.server.script)
        if isinstance(self.server, dovecot.Dovecot):
            return DAEMON_RC.format(ca=self.server.cert.ca, user=self.name, password=dovecot.PASSWORD,
                                    port=self.port or self.server.imaps_port)
        return ""

    def go_through(self, proxy):
        """From the next start on."""
        self.port = proxy.port
        self.write_rc(self.server_rc())

    def write_rc(self, text):
        with open(self.rc, "w") as f:
            f.write(text)

    def argv(self, *args):
        return [*self.wrap, places.program("tern"), "-F", self.rc, *args]

    def open(self, *args, rows=24, cols=80, record=None, wrap=(), **env):
        return Terminal([*wrap, *self.argv(*args)], rows, cols, dict(self.env, **env), self.home, record)

    def batch(self, *args, seconds=places.SECONDS, stdin=None):
        """Run without a terminal; returns a subprocess.CompletedProcess."""
        with places.marked(self.env):
            return subprocess.run(self.argv(*args), env=self.env, cwd=self.home, capture_output=True, input=stdin,
                                  timeout=seconds * places.SLOW, text=True)

    def processes(self, name=None):
        """Pids of this user's programs, by name or all: {pid: name} / [pid]."""
        found = places.belonging_to(self.home)
        if name is None:
            return found
        return sorted(pid for pid, n in found.items() if n == name)

    def await_processes(self, name, n):
        """Until so many of that name run: what is killed takes a moment to end, and what is
        started has the name of who starts it until then."""
        places.await_true("%d '%s'" % (n, name), lambda: (places.reap(), len(self.processes(name)) == n)[1])

    def kill(self, name, sig=signal.SIGKILL):
        """Kill every program of that name; returns how many there were."""
        return sum(places.kill(pid, sig) for pid in self.processes(name))

    def path(self, *parts):
        return os.path.join(self.home, *parts)

    def close(self):
        def mine():
            places.reap()
            return list(self.processes())
        places.end_all(mine)
        if not os.environ.get("TERN_KEEP"):
            shutil.rmtree(self.home, ignore_errors=True)


PREAUTH_RC = """set tunnel="{tunnel}"
set folder="imap://demo@localhost/"
set spoolfile="+INBOX"
set record="+Sent" postponed="+Drafts" trash="+Trash"
set real_name="Anna Berg" from="anna@example.org"
mailboxes +INBOX +Lists/sailors +Archive/2025 +Sent +Drafts +Junk +Trash
"""
DAEMON_RC = """set ssl_ca_certificates_file="{ca}"
set imap_user="{user}" imap_pass="{password}"
set folder="imaps://localhost:{port}/"
set spoolfile="+INBOX"
set record="+Sent" postponed="+Drafts" trash="+Trash"
set real_name="Anna Berg" from="anna@example.org"
"""


def sample_tree():
    """The sample as a Maildir, written once per run; tests take a copy."""
    folder = os.path.join(places.run_dir(), "sample")
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(folder):
            sample.write_maildir(folder + ".new", sample.messages())
            dovecot.own_tree(folder + ".new")
            os.rename(folder + ".new", folder)
    return folder


def copy_tree(source, target):
    """Messages never change in a Maildir, so links do."""
    subprocess.run(["cp", "-al", source, target], check=True)


def preauth(mail=True):
    """A Preauth server with the sample, or with an empty INBOX."""
    folder = places.temp_dir("tern-pa-")
    os.chmod(folder, 0o755)
    server = dovecot.Preauth(os.path.join(folder, "mail"))
    if mail:
        copy_tree(sample_tree(), os.path.join(server.home, "Maildir"))
    return server
