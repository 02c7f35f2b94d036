"""Big mailboxes, made fast: one MULTIAPPEND stream into mdbox, no fsync.

Message n has the subject `Message 0000042 about ...`, is a minute younger than
the one before it, and has been read; the newest carries the highest number. Kept
between runs in TERN_BENCH_DIR (default: below /var/tmp).
"""
import os
import random
import socket
import time
from email.utils import formatdate

import dovecot
import tap

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
TOPICS = ["boats", "the harbour", "bread", "printers", "the annual report", "winter tyres", "chairs", "invoices"]
NAMES = ["Anna Berg", "Bert Claasen", "Carla Munoz", "Dmitri Orlov", "Emi Yama", "Hugo Iversen", "Ines de Sa"]
STEP = 60
LAST = 1789560000  # date of the newest message


def bench_dir():
    return os.environ.get("TERN_BENCH_DIR", "/var/tmp/tern-bench-%d" % os.getuid())


def header(n, when, chance, reply_to=None):
    name = NAMES[n % len(NAMES)]
    address = name.split()[0].lower() + "@example.org"
    received = "".join("Received: from mx%d.example.net (mx%d.example.net [192.0.2.%d]) by mail.example.org\r\n"
                       "\tfor <anna@example.org>; %s\r\n" % (i, i, n % 250, formatdate(when - i)) for i in (1, 2))
    refs = "In-Reply-To: <m%d@bench>\r\nReferences: <m%d@bench>\r\n" % (reply_to, reply_to) if reply_to is not None else ""
    return ("Return-Path: <%s>\r\n%sFrom: %s <%s>\r\nTo: Anna Berg <anna@example.org>\r\n"
            "Subject: %sMessage %07d about %s\r\nDate: %s\r\nMessage-ID: <m%d@bench>\r\n%s"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
            % (address, received, name, address, "Re: " if refs else "", n, chance.choice(TOPICS),
               formatdate(when), n, refs))


def message(n, total, chance):
    when = LAST - (total - 1 - n) * STEP
    reply_to = n - chance.randint(1, 50) if n > 50 and chance.random() < 0.6 else None
    return when, (header(n, when, chance, reply_to) + "Text of message %d.\r\n" % n).encode()


def internal_date(when):
    t = time.gmtime(when)
    return '"%02d-%s-%d %02d:%02d:%02d +0000"' % (t.tm_mday, MONTHS[t.tm_mon - 1], t.tm_year, t.tm_hour,
                                                    t.tm_min, t.tm_sec)


class Wire:
    """A plain connection without a parser in the way."""

    def __init__(self, port, user):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.file = self.sock.makefile("rb")
        self.file.readline()
        self.command("LOGIN %s %s" % (user, dovecot.PASSWORD))

    def until(self, tag):
        size = 0
        while True:
            line = self.file.readline()
            if not line:
                raise AssertionError("the server hung up")
            size += len(line)
            if line.startswith(tag + b" "):
                if not line.startswith(tag + b" OK"):
                    raise AssertionError(line.decode())
                return size
            if line.endswith(b"}\r\n"):
                n = int(line[line.rindex(b"{") + 1:-3])
                size += n
                while n > 0:
                    n -= len(self.file.read(min(n, 1 << 20)))

    def command(self, text):
        self.sock.sendall(b"t " + text.encode() + b"\r\n")
        return self.until(b"t")

    def append(self, mailbox, messages):
        """All in one command, seen, dated now."""
        out = [b't APPEND "%s"' % mailbox.encode()]
        for text in messages:
            data = text.encode()
            out.append(b" (\\Seen) {%d+}\r\n" % len(data) + data)
        self.sock.sendall(b"".join(out) + b"\r\n")
        return self.until(b"t")

    def close(self):
        self.file.close()
        self.sock.close()


def fill(port, user, total, mailbox="INBOX", first=0):
    """Append messages first..total-1, in one command per ten thousand."""
    chance, wire = random.Random(total), Wire(port, user)
    n = first
    while n < total:
        upto, out, size = min(n + 10000, total), [b't APPEND "%s"' % mailbox.encode()], 0
        while n < upto:
            when, data = message(n, total, chance)
            out.append(b' (\\Seen) %s {%d+}\r\n' % (internal_date(when).encode(), len(data)))
            out.append(data)
            size += len(data)
            n += 1
            if size > 1 << 18:
                wire.sock.sendall(b"".join(out))
                out, size = [], 0
        wire.sock.sendall(b"".join(out) + b"\r\n")
        wire.until(b"t")
    wire.close()


def warm(port, user, mailbox="INBOX"):
    """Have the server cache what clients ask for: it is not what is measured."""
    wire = Wire(port, user)
    wire.command('SELECT "%s"' % mailbox)
    wire.command("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM TO CC SUBJECT "
                 "REPLY-TO MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID CONTENT-TYPE SENDER CONTENT-DESCRIPTION LINES "
                 "LIST-POST LIST-SUBSCRIBE LIST-UNSUBSCRIBE X-LABEL X-ORIGINAL-TO)])")
    wire.command("FETCH 1:* (ENVELOPE)")
    wire.close()


def big_message(megabytes=25):
    """A short text before a long attachment."""
    chance = random.Random(megabytes)
    line = __import__("base64").b64encode(chance.randbytes(57)) + b"\r\n"
    body = line * (megabytes * 1024 * 1024 // len(line))
    head = header(1, LAST, chance).replace("Content-Type: text/plain; charset=utf-8\r\n\r\n", "")
    head = head.replace("Message 0000001", "The big message")
    return (head + 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
            "Here is the film, the text comes first.\r\n--b\r\nContent-Type: video/mp4\r\n"
            "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=film.mp4\r\n\r\n"
            ).encode() + body + b"--b--\r\n"


def long_message(lines=3000):
    head = header(1, LAST, random.Random(lines)).replace("Message 0000001", "The long message")
    return (head + "".join("This is the long line %d of a text without end.\r\n" % i for i in range(lines))).encode()


def is_made(n):
    return os.path.exists(os.path.join(bench_dir(), "home", "n%d" % n, "made"))


def put(d, mailbox, message):
    if mailbox not in d.doveadm("mailbox", "list", "-u", "anna").split():
        c = d.client("anna")
        c.create(mailbox)
        dovecot.check(c.append(mailbox, "(\\Seen)", None, message))
        c.logout()


def server(sizes):
    """A started Dovecot with one user per size (n1000, n100000, ...), filled."""
    folder = bench_dir()
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    d = dovecot.Dovecot(mail="mdbox:~/mail", folder=folder, raw=False, users=["anna"] + ["n%d" % n for n in sizes],
                        extra="mail_fsync = never\nmdbox_rotate_size = 64M\ndefault_vsz_limit = 4G\n"
                              "auth_mechanisms = plain login\n")  # what most servers offer, and costs least
    d.start()
    for n in sizes:
        user = "n%d" % n
        have = int(d.doveadm("-f", "flow", "mailbox", "status", "-u", user, "messages", "INBOX").split("=")[1])
        if have < n * 0.9:
            tap.note("making a mailbox of %d messages" % n)
            started = time.monotonic()
            fill(d.imap_port, user, n, first=have)
            tap.note("made in %.0f s" % (time.monotonic() - started))
        if not is_made(n):
            warm(d.imap_port, user)
        with open(os.path.join(d.home, user, "made"), "w"):
            pass
    put(d, "Big", big_message())
    put(d, "Long", long_message())
    return d
