"""A copy of this checkout with what was built, for tests that run make in it.

    c = checkout.Checkout(uid)          # its own home and temporary directory, empty
    done = c.run("make", "install")     # by that user
    c.files(), c.processes()            # what is there afterwards
"""
import os
import shutil
import signal
import subprocess

import places
import tap
import ui

IS_ROOT = os.getuid() == 0
# Who has nothing else on this machine; below 65536, as a container may map no more.
STRANGER = 20000 + os.getpid() % 40000
USERS = [0, STRANGER] if IS_ROOT else [os.getuid()]
NOT_COPIED = {".git", "build", "tern", "autom4te.cache", "configure", "config.log", "config.status"}
MAKE_VARIABLES = {"CC", "AR", "CFLAGS", "CPPFLAGS", "LDFLAGS", "PKG_CONFIG", "DEVELOPER", "SAN", "V", "prefix", "DESTDIR"}
SAN = ["SAN=" + os.environ["TERN_SAN"]] if os.environ.get("TERN_SAN") else []


def snapshot(top):
    """{path: (kind and rights, size or target)} of all below a directory."""
    found = {}
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            more = os.readlink(path) if os.path.islink(path) else st.st_size if name in files else 0
            found[os.path.relpath(path, top)] = (oct(st.st_mode), more)
    return found


class Checkout:
    def __init__(self, uid=None, with_build=True):
        places.adopt_orphans()
        self.uid = os.getuid() if uid is None else uid
        self.san = SAN if with_build else []
        self.top = places.temp_dir("tern-co-")
        self.tree, self.home, self.tmp = (os.path.join(self.top, n) for n in ("tree", "home", "tmp"))
        for path in self.home, self.tmp:
            os.mkdir(path, 0o755)
        self._copy(places.ROOT, self.tree, NOT_COPIED)
        if with_build:
            # What make goes by is the time of a file: a copy that keeps it is not built again.
            # It is as if nothing had been configured.
            self._copy(places.BUILD, os.path.join(self.tree, os.path.relpath(places.BUILD, places.ROOT)),
                       {"tests", "config.mak"} | {n for n in os.listdir(places.BUILD) if n.startswith("san-")})
        if IS_ROOT:
            os.chmod(self.top, 0o755)
            for folder, dirs, files in os.walk(self.top):
                for name in [""] + dirs + files:
                    os.lchown(os.path.join(folder, name), self.uid, self.uid)
        # Nothing of the make that runs this test: it is another user's, in another place.
        # (What stood on its command line is in the environment, too.)
        self.env = {k: v for k, v in os.environ.items() if k not in MAKE_VARIABLES and
                    not k.startswith(("XDG_", "MAKE", "MFLAGS", "TERN_", "PYTHON", "CI", "CCACHE"))}
        self.env.update(HOME=self.home, TMPDIR=self.tmp, TERM="xterm-256color", LC_ALL="C.UTF-8", TZ="UTC")
        tap.later(self.close)

    @staticmethod
    def _copy(source, target, without):
        """All but these names at its top, and what Python keeps for itself anywhere."""
        shutil.copytree(source, target, symlinks=True, ignore=lambda folder, names: {
            n for n in names if n == "__pycache__" or folder == source and n in without})

    def argv(self, *argv):
        if self.uid == os.getuid():
            return list(argv)
        who = str(self.uid)
        return ["setpriv", "--reuid", who, "--regid", who, "--clear-groups", *argv]

    def run(self, *argv, seconds=120, **env):
        """Without a terminal; returns a subprocess.CompletedProcess, both outputs in one."""
        return subprocess.run(self.argv(*argv), cwd=self.tree, env=dict(self.env, **env), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=seconds * places.SLOW)

    def make(self, *words, **env):
        """`make WORDS`, which must succeed."""
        done = self.run("make", "--no-print-directory", *self.san, *words, **env)
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    def open(self, *argv, **env):
        return ui.Terminal(self.argv(*argv), env=dict(self.env, **env), cwd=self.tree)

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def files(self):
        """All that is there, and what this user has in the machine's own temporary places."""
        found = snapshot(self.top)
        if self.uid == STRANGER:
            for place in "/tmp", "/var/tmp", "/dev/shm", "/run/user":
                for name in os.listdir(place) if os.path.isdir(place) else []:
                    path = os.path.join(place, name)
                    try:
                        if path != self.top and os.lstat(path).st_uid == self.uid:
                            found[path] = "is there"
                    except FileNotFoundError:
                        pass
        return found

    def processes(self):
        """{pid: name} of all that was started here and lives, whoever its parent is now."""
        places.reap()
        found = {pid: name for pid, name in places.descendants().items() if name != "screen"}
        if self.uid == STRANGER:
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    try:
                        if os.stat("/proc/" + entry).st_uid == self.uid:
                            found[int(entry)] = open("/proc/%s/comm" % entry).read().strip()
                    except OSError:
                        pass
        return found

    def close(self):
        for pid in self.processes():
            places.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.top, ignore_errors=True)
