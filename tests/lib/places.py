"""Where things are, directories that go away, processes by their id."""
import atexit
import collections
import contextlib
import ctypes
import itertools
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time

LIB = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(LIB))
# Of the frames between tern's programs.
with open(os.path.join(ROOT, "include", "tern", "ipc.h")) as _f:
    PROTOCOL = int(re.search(r"#define IPC_PROTOCOL (\d+)", _f.read())[1])
BUILD = os.environ.get("TERN_BUILD", os.path.join(ROOT, "build"))
NOBODY = 65534
# Sanitized programs are several times slower.
SLOW = 5 if os.environ.get("TERN_SAN") else 1
# Patience of every wait: a busy machine takes its time, and a wait that is met costs none.
SECONDS = 60
# Of what must not wait until a link that is frozen is given up, after 30 s.
BEFORE_GIVEN_UP = 20


def _leave(sig, _):
    sys.exit(128 + sig)


# A test that is told to stop tidies up: what it started would outlive it.
for _sig in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(_sig, _leave)


def program(name):
    return os.path.join(BUILD, name)


def temp_dir(prefix="tern-test-"):
    """A private directory, gone at exit. Short: a socket's path has 107 bytes."""
    path = tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("TMPDIR", "/tmp"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def run_dir():
    """A directory that all tests of one run share (run.py makes it)."""
    if "TERN_RUN_DIR" not in os.environ:
        os.environ["TERN_RUN_DIR"] = temp_dir("tern-run-")
        os.chmod(os.environ["TERN_RUN_DIR"], 0o755)
    return os.environ["TERN_RUN_DIR"]


def await_true(what, condition, seconds=SECONDS):
    """Ask again and again until it holds; returns what it returned."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %.0f s for %s" % (seconds * SLOW, what))
        time.sleep(0.005)


# --- Processes. Only by id, and only those that descend from this one. -----

def adopt_orphans():
    """Descendants whose parent dies become ours, so none is ever lost."""
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stat(pid):
    """(parent, state, name), or None when it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            text = f.read()
    except OSError:
        return None
    name = text[text.index("(") + 1:text.rindex(")")]
    rest = text[text.rindex(")") + 2:].split()
    return int(rest[1]), rest[0], name


def descendants(top=None):
    """All living descendants: {pid: name}; zombies do not count."""
    top = top or os.getpid()
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = _stat(int(entry))
            if stat:
                parents[int(entry)], names[int(entry)] = stat[0], (stat[2], stat[1])
    found, todo = {}, [top]
    while todo:
        parent = todo.pop()
        for pid, its_parent in parents.items():
            if its_parent == parent:
                todo.append(pid)
                if names[pid][1] != "Z":
                    found[pid] = names[pid][0]
    return found


def expect_crashes(env):
    """Programs with this environment may die of a damaged cache, as they are meant to:
    a sanitizer has nothing to say about it."""
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":handle_segv=0:handle_sigbus=0:handle_abort=0"


# The manager hides from everybody but root: no other may look at its environment, its
# descriptors, its memory. With this in front of a command an ordinary user sees what root
# does, as the owner of the namespace that it runs in.
SEEN = [] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user"]

# So a home's processes are known by a limit that no program here has a use for: children
# have it from their parents, and the kernel tells it of one that hides, too.
MARK = resource.RLIMIT_MSGQUEUE
_marks = collections.defaultdict(itertools.count(1).__next__)


@contextlib.contextmanager
def marked(env):
    """What is started in here with this environment belongs to its TERN_TEST_HOME."""
    before = resource.getrlimit(MARK)
    if env and "TERN_TEST_HOME" in env:
        resource.setrlimit(MARK, (_marks[env["TERN_TEST_HOME"]], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(MARK, before)


def _mark_of(pid):
    try:
        return resource.prlimit(pid, MARK)[0]
    except OSError:
        return None  # it has ended


def belonging_to(home):
    """{pid: name} of what was started for this home, and of what that started."""
    return {pid: name for pid, name in descendants().items() if name != "screen" and _mark_of(pid) == _marks[home]}


def told_of(pid):
    """What anybody may read of a process: its command line and its environment. Nothing,
    if it has ended meanwhile."""
    found = []
    for what in ("cmdline", "environ"):
        try:
            with open("/proc/%d/%s" % (pid, what), "rb") as f:
                found.append(f.read())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def kill(pid, sig=signal.SIGKILL):
    try:
        os.kill(pid, sig)
        return True
    except ProcessLookupError:
        return False


def reap():
    """Collect what has ended: orphans that were handed to us, too."""
    ended = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def end_all(pids, seconds=2.0):
    """TERM, then KILL, until none of them lives. `pids` is called again and
    again: it returns those that are still there."""
    for sig, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 10.0)):
        end = time.monotonic() + patience
        for pid in pids():
            kill(pid, sig)
        while time.monotonic() < end:
            left = pids()
            if not left:
                return
            if sig == signal.SIGKILL:
                for pid in left:
                    kill(pid, sig)
            time.sleep(0.01)
    print("# still there: %r" % (pids(),), file=sys.stderr)
