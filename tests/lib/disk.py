"""A disk so small that a test can fill it: a tmpfs that nobody else sees and that goes with
the test. Root needs no more than that; others become the owner of a user namespace."""
import ctypes
import os

import tap

_libc = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_PRIVATE, MNT_DETACH = 0x4000, 0x40000, 2


def _write(path, text):
    with open(path, "w") as f:
        f.write(text)


def private_mounts():
    """From here on what this process mounts is its own and its children's. First of all:
    it must not have a thread yet. Where that is not allowed, small() says so."""
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(NEWNS) == 0:
        _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    elif _libc.unshare(NEWNS | NEWUSER) == 0:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", "%d %d 1" % (uid, uid))
        _write("/proc/self/gid_map", "%d %d 1" % (gid, gid))


def small(path, size):
    """Mount one of `size` bytes there."""
    done = _libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, b"size=%d,mode=700" % size)
    assert done == 0, ("no small disk can be made (%s): this test needs root with the right to mount, or "
                       "user namespaces for all (kernel.unprivileged_userns_clone, "
                       "kernel.apparmor_restrict_unprivileged_userns)" % os.strerror(ctypes.get_errno()))
    tap.later(_libc.umount2, path.encode(), MNT_DETACH)
