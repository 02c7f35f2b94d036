#!/usr/bin/env python3
"""Logging in with a token: tern runs $imap_oauth_refresh_command, gives the server what
it prints, runs it once more when that is refused, and keeps it to itself."""
import base64
import os
import re
import threading

import places
import proxy
import tap
import ui
from certs import get as certificate
from leaving import Server

SECRET = "ya29.Keep-it-dark-"  # the command puts it together: it stands in no file of the test
COMMAND = """#!/bin/sh
echo run >>'{home}/runs'
echo ya29.Keep""-it""-dark-$(($(wc -l <'{home}/runs')))
"""


class TokenServer(Server):
    """Takes those tokens alone; remembers those it was shown."""

    def __init__(self, mechanism, accepted):
        self.mechanism, self.accepted = mechanism, accepted
        self.tokens, self.sent, self.refused = [], [], {}
        super().__init__(caps=b"IMAP4rev1 UIDPLUS MOVE IDLE SASL-IR AUTH=" + mechanism.encode())

    def answer(self, tag, command):
        me = threading.get_ident()
        if me in self.refused:
            return self.refused.pop(me) + b" NO [AUTHENTICATIONFAILED] that token is of no use\r\n"
        m = re.fullmatch(r"AUTHENTICATE %s (\S+)" % self.mechanism, command)
        if m is None:
            return super().answer(tag, command)
        self.sent.append(m[1])
        self.tokens.append(re.search(r"\x01auth=Bearer (.*?)\x01", base64.b64decode(m[1]).decode())[1])
        if self.tokens[-1] in self.accepted:
            return tag.encode() + b" OK in\r\n"
        self.refused[me] = tag.encode()
        return b"+ " + base64.b64encode(b'{"status":"invalid_token"}') + b"\r\n"


def begin(mechanism, *accepted):
    s = TokenServer(mechanism, [SECRET + n for n in accepted])
    p = proxy.Proxy(s.port, tls="good")
    user = ui.User(base="")
    user.wrap = places.SEEN
    command = user.path("token")
    with open(command, "w") as f:
        f.write(COMMAND.format(home=user.home))
    os.chmod(command, 0o700)
    user.write_rc('set ssl_ca_certificates_file="%s"\nset folder="imaps://anna@localhost:%d/" spoolfile="+INBOX"\n'
                  'set imap_authenticators="%s" imap_oauth_refresh_command="%s"\n' % (
                      certificate("good").ca, p.port, mechanism.lower(), command))
    return s, p, user, user.open("-d", "5")


def n_runs(user):
    try:
        with open(user.path("runs")) as f:
            return len(f.readlines())
    except OSError:
        return 0


def assert_kept(s, user):
    """In no file below the home, on no command line, in no environment."""
    secrets = [SECRET.encode()] + [x.encode() for x in s.sent]
    looked_at = set()
    for folder, _, names in os.walk(user.home):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    data = f.read()
                assert not [x for x in secrets if x in data], path
                looked_at.add(name)
    assert {"debug.log", "data.mdb"} <= looked_at, looked_at
    assert {"tern", "tern-session", "tern-imap"} <= set(user.processes().values()), user.processes()
    for pid in user.processes():
        for data in places.told_of(pid):
            assert not [x for x in secrets if x in data], pid


def logs_in(mechanism):
    s, p, user, t = begin(mechanism, "1")
    t.wait("INBOX 8")
    assert s.tokens[0] == SECRET + "1" and n_runs(user) == 1, s.tokens
    assert_kept(s, user)
    # What the server takes is not asked for again when the connection is lost.
    n = len(s.tokens)
    p.cut("reset")
    places.await_true("another login", lambda: len(s.tokens) > n)
    assert set(s.tokens) == {SECRET + "1"} and n_runs(user) == 1, s.tokens
    t.keys("x")
    assert t.end() == 0


def test_xoauth2():
    logs_in("XOAUTH2")


def test_oauthbearer():
    logs_in("OAUTHBEARER")


def test_a_token_that_is_refused_is_fetched_anew():
    s, p, user, t = begin("XOAUTH2", "2")
    t.wait("INBOX 8")
    assert s.tokens[:2] == [SECRET + "1", SECRET + "2"] and n_runs(user) == 2, (s.tokens, n_runs(user))
    assert_kept(s, user)


def test_a_token_that_expires_is_fetched_anew():
    s, p, user, t = begin("OAUTHBEARER", "1")
    t.wait("INBOX 8")
    s.accepted[:] = [SECRET + "2"]
    s.uids["INBOX"].append(10)
    p.cut("reset")
    t.wait("INBOX 10")
    assert s.tokens[-1] == SECRET + "2", s.tokens
    assert n_runs(user) == 2
    assert_kept(s, user)


def test_a_server_that_takes_none_is_not_asked_for_ever():
    s, p, user, t = begin("XOAUTH2")
    t.wait("refused the token: invalid_token")
    places.await_true("the second", lambda: len(s.tokens) == 2)
    # It waits until something is wanted, and tries anew: what came before was two logins.
    t.wait("nothing of it has been fetched yet")  # it stopped: not while it still tries
    s.accepted[:] = [SECRET + "3"]
    t.keys("c=Box<Enter>")
    t.wait("Box 8")
    assert s.tokens[:3] == [SECRET + n for n in "123"] and n_runs(user) == 3, (s.tokens, n_runs(user))


tap.main()
