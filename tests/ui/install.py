#!/usr/bin/env python3
"""make install and configure: what lies where, and that it runs from there."""
import os
import re
import stat

import checkout
import places
import tap
import ui

LIBEXEC = "tern-imap", "tern-render", "tern-session"


def files_below(top):
    """{path: rights} of all files, and the set of rights of all directories."""
    files, rights = {}, set()
    for folder, _, names in os.walk(top):
        rights.add(stat.S_IMODE(os.stat(folder).st_mode))
        for name in names:
            path = os.path.join(folder, name)
            files[os.path.relpath(path, top)] = stat.S_IMODE(os.lstat(path).st_mode)
    return files, rights


def tree(bin="bin", libexec="libexec/tern", man="share/man"):
    wanted = {bin + "/tern": 0o755, man + "/man1/tern.1": 0o644, man + "/man5/ternrc.5": 0o644}
    wanted.update({libexec + "/" + name: 0o755 for name in LIBEXEC})
    return wanted


def configure(c, *words, status=0, **env):
    done = c.run("autoconf")
    assert done.returncode == 0 and not done.stdout, done.stdout
    done = c.run("./configure", *words, **env)
    assert done.returncode == status, done.stdout[-3000:]
    return done.stdout


def would(c, *words):
    """What make would run, with all options as they are chosen."""
    return c.make("-n", "V=1", *words)


def test_destdir():
    """All of it goes below DESTDIR, readable by all whatever the umask; nothing knows DESTDIR."""
    c = checkout.Checkout()
    dest = c.path("dest")
    done = c.run("sh", "-c", "umask 077 && exec make install DESTDIR='%s' %s" % (dest, " ".join(checkout.SAN)))
    assert done.returncode == 0, done.stdout
    files, rights = files_below(dest)
    assert files == {"usr/local/" + path: mode for path, mode in tree().items()}, files
    assert {stat.S_IMODE(os.stat(os.path.join(dest, p)).st_mode) for p in
            ("usr/local/bin", "usr/local/libexec/tern", "usr/local/share/man/man1")} == {0o755}, rights
    for path in files:
        with open(os.path.join(dest, path), "rb") as f:
            assert dest.encode() not in f.read(), path
    with open(os.path.join(dest, "usr/local/bin/tern"), "rb") as f:
        assert b"/usr/local/libexec/tern" in f.read()
    assert os.listdir(c.home) == [] and os.listdir(c.tmp) == []
    # A second time over the first, and then away: other people's files stay.
    c.make("install", "DESTDIR=" + dest)
    open(os.path.join(dest, "usr/local/bin/other"), "w").close()
    c.make("uninstall", "DESTDIR=" + dest)
    assert list(files_below(dest)[0]) == ["usr/local/bin/other"]
    assert not os.path.exists(os.path.join(dest, "usr/local/libexec/tern"))
    c.make("uninstall", "DESTDIR=" + dest)  # nothing is there any more


def test_configured_and_moved_away():
    """Built for another prefix, installed, the checkout gone: tern finds its programs in
    libexec and opens a mailbox."""
    c = checkout.Checkout(with_build=False)
    prefix = c.path("prefix")
    # What configure says of compiling reaches every file.
    configure(c, "--prefix=" + prefix, "CFLAGS=-O0 -DTERN_SEEN_BY_ALL", *(
        ["--with-sanitizers=" + checkout.SAN[0].partition("=")[2]] if checkout.SAN else []))
    done = c.run("make", "-j2", seconds=250)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "-DTERN_SEEN_BY_ALL" in would(c, "-B", "all")
    done = c.run("make", "install")
    assert done.returncode == 0, done.stdout
    assert files_below(prefix)[0] == tree()
    os.rename(c.tree, c.path("elsewhere"))

    tern = os.path.join(prefix, "bin", "tern")
    user = ui.User(ui.preauth())
    user.argv = lambda *args: [tern, "-F", user.rc, *args]
    done = user.batch("-v")
    assert done.returncode == 0 and re.match(r"tern \d+\.\d+\.\d+$", done.stdout.splitlines()[0]), done
    done = user.batch("-D")
    assert done.returncode == 0 and 'folder="imap://demo@localhost/"' in done.stdout, done
    t = user.open()
    t.wait("82 messages")
    t.wait("Photos from the island")
    t.keys("/Photos from<Enter><Enter>")
    t.wait("^Subject: Photos from the island")
    for name in "tern-session", "tern-imap":
        pids = user.processes(name)
        assert pids, name
        for pid in pids:
            # Of a process that hides, this is told.
            with open("/proc/%d/cmdline" % pid) as f:
                assert f.read().split("\0")[0] == os.path.join(prefix, "libexec", "tern", name)
    t.keys("qq")
    assert t.end() == 0


def test_paths_are_chosen_each():
    c = checkout.Checkout(with_build=False)
    configure(c, "--prefix=/opt/t", "--bindir=/opt/b", "--libexecdir=/opt/l", "--mandir=/opt/m")
    # Nothing is built: what make would do tells.
    said = would(c, "install", "DESTDIR=/dest")
    for path in "/dest/opt/b/tern", "/dest/opt/l/tern", "/dest/opt/m/man1/", "/dest/opt/m/man5/":
        assert re.search(r" %s($|\s)" % re.escape(path), said), path
    assert "/usr/local" not in said
    c.make("build/include/tern/have.h", "B=build")
    with open(os.path.join(c.tree, "build/include/tern/have.h")) as f:
        assert '"/opt/l/tern"' in f.read()
    # What the command line says goes before what configure said.
    said = would(c, "install", "bindir=/opt/other")
    assert re.search(r" /opt/other/tern$", said, re.M) and "/opt/b" not in said


def test_features():
    c = checkout.Checkout(with_build=False)
    assert "-Werror" not in would(c, "build/src/base/str.o")
    said = configure(c, "--help")
    assert "--enable-developer" in said and "--with-sanitizers" in said
    configure(c, "--enable-developer", "--with-sanitizers=undefined", "CC=cc")
    said = c.run("make", "-n", "V=1", "all").stdout
    compiled = [l for l in said.splitlines() if " -c -o " in l]
    assert compiled and all("cc " in l and "-Werror" in l and "-fsanitize=undefined" in l and
                            "build/san-undefined/" in l for l in compiled), said[:2000]
    configure(c, "--disable-developer", "--without-sanitizers")
    said = c.run("make", "-n", "V=1", "all").stdout
    assert "-Werror" not in said and "-fsanitize" not in said


def test_clean_keeps_what_was_configured():
    c = checkout.Checkout(with_build=False)
    before = set(c.files())
    configure(c, "--prefix=/opt/t")
    c.make("build/src/base/str.o")
    c.make("clean")
    assert os.listdir(os.path.join(c.tree, "build")) == ["config.mak"]
    assert "/opt/t/bin" in would(c, "install")
    c.make("distclean")
    assert set(c.files()) == before


def test_what_is_missing_is_named_at_once():
    """All that is missing, not just the first."""
    c = checkout.Checkout(with_build=False)
    fake = c.path("pkg-config")
    with open(fake, "w") as f:
        f.write("#!/bin/sh\ncase $* in *lmdb*|*gumbo*) exit 1 ;; esac\nexec pkg-config \"$@\"\n")
    os.chmod(fake, 0o755)
    said = configure(c, "PKG_CONFIG=" + fake, status=1)
    assert "these libraries are missing: lmdb gumbo\n" in said, said
    assert not os.path.exists(os.path.join(c.tree, "build/config.mak"))


def test_one_version():
    c = checkout.Checkout()
    c.run("autoconf")
    with open(os.path.join(c.tree, "Makefile")) as f:
        version = re.search(r"^VERSION = (.*)$", f.read(), re.M)[1]
    assert c.run("./configure", "--version").stdout.startswith("tern configure %s\n" % version)
    assert c.run(places.program("tern"), "-v").stdout.startswith("tern %s\n" % version)
    with open(os.path.join(c.tree, "ChangeLog")) as f:
        assert f.readline().split()[0] == version


tap.main()
