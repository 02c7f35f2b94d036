"""The mail readers that are measured: how each is set up, started and driven."""
import os
import shutil

import certs
import dovecot
import places
import tap
import ui

SHOWN = r"Message %07d"  # a row of message n on the screen


class Reader:
    name = program = None
    open_key, flag_key, quit_keys, help_key = "<Enter>", "F", "q", "?"
    down, up = "j", "k"
    top = "<Home>"
    save_key = None  # what must be pressed before a flag goes to the server
    pager_down, pager_up = "<Space>", "-"
    has_cache = True
    has_threads = False  # by an option that order() sets
    is_threaded = False

    def __init__(self, port, user, mailbox="INBOX", home=None):
        """Without a home of its own it gets an empty one that goes at the end."""
        self.port, self.user, self.mailbox = port, user, mailbox
        self.home = home or places.temp_dir("tern-bench-")
        self.env = dict(os.environ, HOME=self.home, TERN_TEST_HOME=self.home, TERM="xterm-256color",
                        LC_ALL="C.UTF-8", TZ="UTC", SSL_CERT_FILE=certs.get().ca)
        for name in ("cache", "state", "config", "runtime", "data"):
            os.makedirs(os.path.join(self.home, name), 0o700, exist_ok=True)
            self.env["XDG_%s_%s" % (name.upper(), "DIR" if name == "runtime" else "HOME")] = \
                os.path.join(self.home, name)

    @classmethod
    def is_installed(cls):
        return shutil.which(cls.program) is not None

    def start(self):
        """Set up for self.port; returns a terminal in which the program starts."""
        self.setup()
        t = ui.Terminal(self.argv(), 40, 120, self.env, self.home)
        self.started(t)
        return t

    def started(self, t):
        pass

    def quit(self, t):
        try:
            t.keys(self.quit_keys)
            t.end(3)
        except AssertionError:
            pass
        t.close()
        self.end_rest()

    def end_rest(self):
        """Programs that outlive their interface (a manager) go too."""
        places.end_all(self.rest)

    def rest(self):
        places.reap()
        return list(places.belonging_to(self.home))

    def order(self):
        return "threads" if self.is_threaded else "date"

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path


class Tern(Reader):
    name = "tern"
    has_threads = True
    program = places.program("tern")

    is_plain = False  # without TLS

    def setup(self):
        self.rc = self.write("ternrc", 'set ssl_ca_certificates_file="%s"\nset imap_user="%s" imap_pass="%s"\n'
                             'set folder="imaps://localhost:%d/"\nset spoolfile="+%s"\nset sort=%s\n'
                             % (certs.get().ca, self.user, dovecot.PASSWORD, self.port, self.mailbox, self.order())
                             + self.is_plain * ('set folder="imap://localhost:%d/" ssl_starttls=no ssl_force_tls=no\n'
                                                % self.port))

    def argv(self):
        return [self.program, "-F", self.rc]


class Mutt(Reader):
    name = program = "mutt"
    save_key = "$"
    has_threads = True

    def setup(self):
        self.rc = self.write("muttrc", 'set ssl_ca_certificates_file="%s" certificate_file="%s" ssl_force_tls=yes\n'
                             'set imap_user="%s" imap_pass="%s" folder="imaps://localhost:%d/" spoolfile="+%s"\n'
                             'set header_cache="%s/cache/h" message_cachedir="%s/cache/m"\n'
                             'set sort=%s confirmappend=no quit=yes timeout=10 mail_check=5\n'
                             % (certs.get().ca, certs.get().ca, self.user, dovecot.PASSWORD, self.port, self.mailbox,
                                self.home, self.home, self.order()))
        os.makedirs(os.path.join(self.home, "cache/h"), exist_ok=True)

    def argv(self):
        return [self.program, "-n", "-F", self.rc]


class Neomutt(Mutt):
    name = program = "neomutt"


class Aerc(Reader):
    name = program = "aerc"
    flag_key = ":flag<Enter>"
    pager_up = "b"
    quit_keys = ":quit<Enter>"

    def setup(self):
        self.write("config/aerc/accounts.conf", "[a]\nsource = imaps://%s:%s@localhost:%d\ndefault = %s\n"
                   "from = anna@example.org\ncache-headers = true\n"
                   % (self.user, dovecot.PASSWORD, self.port, self.mailbox))

    def argv(self):
        return [self.program]


class Alpine(Reader):
    name = program = "alpine"
    flag_key, quit_keys = "*", "qy"
    down, up = "n", "p"
    has_cache = False

    def setup(self):
        self.rc = self.write("pinerc", "inbox-path={localhost:%d/ssl/novalidate-cert/user=%s}%s\n"
                             "feature-list=enable-flag-cmd,quit-without-confirm,disable-password-caching,disable-password-file-saving\n"
                             "last-version-used=6.26\nuser-domain=example.org\n"
                             % (self.port, self.user, self.mailbox))

    def argv(self):
        return [self.program, "-p", self.rc, "-i"]

    def started(self, t):
        t.wait("PASSWORD|Password", 30)
        t.type(dovecot.PASSWORD + "\r")


ALL = [Tern, Neomutt, Mutt, Aerc, Alpine]
