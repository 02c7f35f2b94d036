"""A real Dovecot, in a private directory, on loopback and free ports.

Dovecot is the daemon with TLS; Preauth is the imap binary on a pipe. Both work
for root (mail then belongs to nobody) and for an ordinary user. Neither reads
or writes mail configuration in /etc.
"""
import atexit
import glob
import imaplib
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess

import certs
import places
import tap

imaplib._MAXLINE = 50_000_000
# Not every user's path leads there.
DAEMON = shutil.which("dovecot", path=os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin") or "dovecot"
PASSWORD = "Xyzzy-47+plugh"  # a word that no log and no program has
IS_ROOT = os.getuid() == 0
UID, GID = (places.NOBODY, places.NOBODY) if IS_ROOT else (os.getuid(), os.getgid())


def _given_away():
    """The ports that the kernel gives to whoever asks for any."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        low, high = map(int, f.read().split())
    return range(low, high + 1)


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _is_ours(port):
    """From now until this process ends, among the tests of all users: a name held."""
    s = socket.socket(socket.AF_UNIX)
    try:
        s.bind("\0tern-test-port-%d" % port)
    except OSError:
        s.close()
        return False
    _held.append(s)
    return True


_held = []


def free_ports(n):
    """Nobody else comes to listen there before a server of ours does, nor while it is down."""
    given_away = _given_away()
    candidates = [p for p in range(10000, 65536) if p not in given_away]
    random.SystemRandom().shuffle(candidates)
    ports = []
    while len(ports) < n:
        port = candidates.pop()
        if _is_ours(port) and _is_free(port):
            ports.append(port)
    return ports


def own(*paths):
    """Give paths to the user that mail belongs to."""
    if IS_ROOT:
        for p in paths:
            os.chown(p, UID, GID)


def own_tree(top):
    own(top)
    for folder, dirs, files in os.walk(top):
        own(*(os.path.join(folder, n) for n in dirs + files))


def special_mailboxes(names=("Drafts", "Sent", "Trash", "Archive")):
    return "".join("  mailbox %s {\n    auto = subscribe\n    special_use = \\%s\n  }\n" % (n, n) for n in names)


class Preauth:
    """Dovecot's imap on a pipe, already logged in: for `set tunnel`."""

    def __init__(self, folder, mail="maildir:~/Maildir", extra=""):
        self.dir = folder
        self.home = os.path.join(folder, "home")
        self.raw = os.path.join(folder, "raw")
        os.makedirs(self.home, exist_ok=True)
        os.makedirs(self.raw, exist_ok=True)
        own(self.dir, self.home, self.raw)
        self.conf = os.path.join(folder, "conf")
        with open(self.conf, "w") as f:
            f.write(f"""base_dir = {folder}
state_dir = {folder}
stats_writer_socket_path =
mail_location = {mail}
mail_plugins = zlib
namespace inbox {{
  inbox = yes
  separator = /
{special_mailboxes()}}}
protocol imap {{
  mail_plugins = zlib imap_zlib
  imap_metadata = no
  rawlog_dir = {self.raw}
}}
{extra}
""")
        self.script = os.path.join(folder, "tunnel")
        drop = "setpriv --reuid=%d --regid=%d --clear-groups " % (UID, GID) if IS_ROOT else ""
        with open(self.script, "w") as f:
            f.write("#!/bin/sh\nexec %senv -i PATH=/usr/bin:/bin USER=demo HOME='%s' "
                    "/usr/lib/dovecot/imap -c '%s' 2>>'%s/log'\n" % (drop, self.home, self.conf, folder))
        os.chmod(self.script, 0o755)
        open(os.path.join(folder, "log"), "a").close()
        own(os.path.join(folder, "log"))

    def client(self, mailbox=None):
        """A second client of the same mail."""
        c = imaplib.IMAP4_stream(self.script)
        if mailbox:
            c.select(mailbox)
        return c


class Dovecot:
    """The daemon: users anna, bert and full (20 KiB of quota), each with PASSWORD."""

    def __init__(self, extra="", mail="sdbox:~/mail", certificate="good", users=("anna", "bert", "full"),
                 folder=None, raw=True):
        self.dir = folder or places.temp_dir("tern-dc-")
        os.chmod(self.dir, 0o755)
        self.imap_port, self.imaps_port = free_ports(2)
        self.extra, self.mail, self.users = extra, mail, list(users)
        self.home = os.path.join(self.dir, "home")
        self.raw = os.path.join(self.dir, "raw") if raw else None
        self.conf = os.path.join(self.dir, "conf")
        self.cert = certs.get(certificate)
        self.master = None
        for path in (self.home, os.path.join(self.dir, "raw")):
            os.makedirs(path, exist_ok=True)
            own(path)
        self.write_users()
        self.write_conf()

    # --- configuration

    def write_users(self, passwords=None):
        with open(os.path.join(self.dir, "users"), "w") as f:
            for u in self.users:
                more = "userdb_quota_rule=*:storage=20K" if u == "full" else ""
                secret = (passwords or {}).get(u, PASSWORD)
                f.write("%s:{PLAIN}%s:%d:%d::%s/%s::%s\n" % (u, secret, UID, GID, self.home, u, more))

    def write_conf(self):
        no_root = "" if IS_ROOT else """
default_internal_user = {0}
default_internal_group = {1}
default_login_user = {0}
service imap-login {{
  chroot =
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
""".format(user_name(), group_name())
        rawlog = "rawlog_dir = " + self.raw if self.raw else ""
        with open(self.conf, "w") as f:
            f.write(f"""base_dir = {self.dir}/run
state_dir = {self.dir}/state
log_path = {self.dir}/log
instance_name = {os.path.basename(self.dir)}
protocols = imap
listen = 127.0.0.1
disable_plaintext_auth = no
first_valid_uid = 1
ssl = yes
ssl_cert = <{self.cert.crt}
ssl_key = <{self.cert.key}
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = {self.dir}/users
}}
userdb {{
  driver = passwd-file
  args = {self.dir}/users
}}
mail_location = {self.mail}
mail_plugins = acl quota zlib
mail_attribute_dict = file:%h/attributes
namespace inbox {{
  inbox = yes
  separator = /
{special_mailboxes()}}}
plugin {{
  acl = vfile
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=20G
}}
protocol imap {{
  mail_plugins = acl quota zlib imap_acl imap_quota imap_zlib
  imap_metadata = yes
  mail_max_userip_connections = 50
  {rawlog}
}}
service imap-login {{
  inet_listener imap {{
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = {self.imaps_port}
    ssl = yes
  }}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
  }}
}}
{no_root}
{self.extra}
""")

    def use_certificate(self, kind):
        """Takes effect with the next start."""
        self.cert = certs.get(kind)
        self.write_conf()

    # --- life

    def start(self):
        subprocess.run([DAEMON, "-c", self.conf], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        places.await_true("Dovecot", self.accepts)
        with open(os.path.join(self.dir, "run/master.pid")) as f:
            self.master = int(f.read())
        atexit.register(self.stop)
        # The first connections may see two greetings: not what most tests are about.
        self.client(self.users[0]).logout()
        return self

    def accepts(self):
        try:
            socket.create_connection(("127.0.0.1", self.imap_port), 1).close()
            return os.path.getsize(os.path.join(self.dir, "run/master.pid")) > 0
        except OSError:
            return False

    def stop(self, sig=signal.SIGTERM):
        """TERM says goodbye to every session; KILL cuts them without a word."""
        if self.master is None:
            return
        group, self.master = self.master, None
        try:
            os.killpg(group, sig)
        except ProcessLookupError:
            return
        finally:
            # What was killed leaves its pid file, and perhaps a zombie of that pid:
            # the next start would take it for a running Dovecot.
            pid_file = os.path.join(self.dir, "run/master.pid")
            if sig == signal.SIGKILL and os.path.exists(pid_file):
                os.unlink(pid_file)
        try:
            places.await_true("Dovecot's end", lambda: not group_lives(group), 10)
        except AssertionError:
            os.killpg(group, signal.SIGKILL)
            places.await_true("Dovecot's end", lambda: not group_lives(group))
        if sig == signal.SIGKILL:
            self._take_locks_away()

    def _take_locks_away(self):
        """A Dovecot killed while it subscribes leaves `subscriptions.lock`, and the next
        one waits for it longer than a test does."""
        for directory, _, names in os.walk(os.path.join(self.dir, "home")):
            for name in names:
                if name.endswith(".lock"):
                    os.unlink(os.path.join(directory, name))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # --- use

    def doveadm(self, *args, stdin=None):
        done = subprocess.run(["doveadm", "-c", self.conf, *args], input=stdin, capture_output=True)
        if done.returncode != 0:
            raise AssertionError("doveadm %s: %s" % (" ".join(args), done.stderr.decode()))
        return done.stdout.decode()

    def client(self, user="anna", mailbox=None, tls=True):
        """A second client, logged in: an imaplib connection."""
        if tls:
            context = ssl.create_default_context(cafile=self.cert.ca)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            c = imaplib.IMAP4_SSL("localhost", self.imaps_port, ssl_context=context)
        else:
            c = imaplib.IMAP4("127.0.0.1", self.imap_port)
        c.login(user, PASSWORD)
        if mailbox:
            check(c.select(mailbox))
        return c

    def url(self, user="anna", mailbox="INBOX", port=None):
        return "imaps://%s@localhost:%d/%s" % (user, port or self.imaps_port, mailbox)

    def put(self, all_messages, user="anna"):
        """Store sample messages (mailbox, flags, time, data) through IMAP."""
        c, made = self.client(user), {"INBOX"}
        for m in all_messages:
            if m.mailbox not in made:
                c.create(quote(m.mailbox))
                made.add(m.mailbox)
            check(c.append(quote(m.mailbox), imap_flags(m.flags), imaplib.Time2Internaldate(m.time), m.data))
        c.logout()

    def wire(self, direction="in"):
        """What clients sent ("in") or were sent ("out"), all sessions together."""
        text = b""
        for path in sorted(glob.glob(os.path.join(self.raw, "*." + direction))):
            with open(path, "rb") as f:
                text += f.read()
        return text.decode("utf-8", "replace")


def started(**more):
    """A Dovecot that stops when the test ends."""
    d = Dovecot(**more).start()
    tap.later(d.stop)
    return d


def user_name():
    import pwd
    return pwd.getpwuid(os.getuid()).pw_name


def group_name():
    import grp
    return grp.getgrgid(os.getgid()).gr_name


def group_lives(group):
    """Zombies do not count."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as f:
                    rest = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(rest[2]) == group and rest[0] not in "ZX":
                return True
    return False


# --- helpers around imaplib

def check(answer):
    status, data = answer
    assert status == "OK", (status, data)
    return data


def quote(name):
    from sample import mutf7
    return '"%s"' % mutf7(name).replace("\\", "\\\\").replace('"', '\\"')


def imap_flags(letters):
    names = {"S": "\\Seen", "F": "\\Flagged", "R": "\\Answered", "D": "\\Draft", "T": "\\Deleted"}
    return "(%s)" % " ".join(names[c] for c in letters)


def flags_of(client, uid):
    """The set of flags of a message, or None if it is not there; without \\Recent."""
    client.noop()
    data = check(client.uid("FETCH", str(uid), "(FLAGS)"))
    if not data or data[0] is None:
        return None
    return {f for f in imaplib.ParseFlags(data[0])} - {b"\\Recent"}


def uids(client, *criteria):
    client.noop()
    data = check(client.uid("SEARCH", *(criteria or ("ALL",))))
    return [int(u) for u in (data[0] or b"").split()]


def message_ids(client, mailbox):
    """Every Message-ID in a mailbox, as often as it is there: to count copies."""
    check(client.select(quote(mailbox), readonly=True))
    data = check(client.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"))
    return [d[1].split(b":", 1)[1].strip().decode() for d in data if isinstance(d, tuple) and b":" in d[1]]
