"""Small messages."""
import dovecot

MESSAGE = ("From: Ada <ada@example.org>\r\nTo: bert@example.org\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n"
           "Date: Fri, 20 Nov 2026 10:%02d:00 +0100\r\n\r\nText of %s.\r\n")


def append(client, name, mailbox="INBOX", flags=""):
    data = (MESSAGE % (name, name, sum(name.encode()) % 60, name)).encode()
    dovecot.check(client.append(mailbox, flags, None, data))


def fill(server, n, user="anna", flags=""):
    """m0, m1, ... into the INBOX: by their subjects."""
    c = server.client(user)
    for i in range(n):
        append(c, "m%d" % i, flags=flags)
    c.logout()
