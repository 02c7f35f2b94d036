#!/usr/bin/env python3
"""From an intent to the server and back: the manager and its workers against a
real Dovecot over TLS, a second client looking."""
import os
import shutil
import signal
import socket
import time

import dovecot
import manager
import places
import proxy
import tap
from mail import MESSAGE, append, fill
from manager import FLAG

PASSWORD_ANSWER = {1: (1, dovecot.PASSWORD)}
WAITING = 4


def server(n=3, **more):
    d = dovecot.started(**more)
    fill(d, n)
    return d


def attached(d, stores=None, port=None, mailbox="INBOX", answers=PASSWORD_ANSWER, wait=True, **more):
    stores = stores or manager.Stores()
    ui = manager.Interface(stores, answers)
    ui.account(host="localhost", port=port or d.imaps_port, ca_file=d.cert.ca, **more)
    ui.open(mailbox, wait=wait)
    return ui


def kill_server(d, ui):
    """It goes without a word, and is missed."""
    d.stop(signal.SIGKILL)
    ui.wait("ACCOUNT_STATE", where=lambda e: e["state"] == WAITING)


def comes_back(attach, stores):
    """As an interface does after damage: attach again until there is a sound manager."""
    end = time.monotonic() + places.SECONDS * places.SLOW
    while True:
        try:
            return attach()
        except manager.Gone:
            if time.monotonic() > end:
                raise AssertionError("no manager stays: " + open(stores.log).read()[-2000:])
            stores.manager.wait()


def flags_of(d, mailbox="INBOX"):
    """{uid: flags} as another client sees them."""
    c = d.client(mailbox=mailbox)
    out = {}
    for line in dovecot.check(c.uid("FETCH", "1:*", "(UID FLAGS)")):
        text = (line if isinstance(line, bytes) else line[0] if line else b"").decode()
        if "UID" in text:
            uid = int(text.split("UID ")[1].split()[0].rstrip(")"))
            out[uid] = set(text.split("FLAGS (")[1].split(")")[0].split()) - {"\\Recent"}
    c.logout()
    return out


def ids_in(d, mailbox):
    """The Message-IDs of a mailbox, each as often as it is there."""
    c = d.client(mailbox=mailbox)
    ids = []
    for item in dovecot.check(c.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")):
        if isinstance(item, tuple):
            ids.append(item[1].decode().split(":", 1)[1].strip())
    c.logout()
    return sorted(ids)


def await_flags(d, uid, want, mailbox="INBOX"):
    places.await_true("flags %s of %d" % (want, uid), lambda: flags_of(d, mailbox).get(uid) == want)


def locals_of(ui, mailbox="INBOX"):
    return {r["uid"]: r["local"] for r in ui.stores.rows(mailbox)}


def test_cold_start_brings_the_rows():
    d = server(3)
    ui = attached(d)
    rows = ui.stores.rows()
    assert sorted(r["subject"] for r in rows) == ["m0", "m1", "m2"], rows


def append_many(d, n):
    """In one command, as appending one by one takes longer than the test."""
    with socket.create_connection(("127.0.0.1", d.imap_port)) as s, s.makefile("rb") as f:
        f.readline()
        s.sendall(b"a LOGIN anna %s\r\n" % dovecot.PASSWORD.encode())
        assert f.readline().startswith(b"a OK")
        out = [b"b APPEND INBOX"]
        for i in range(n):
            data = (MESSAGE % ("m%d" % i, "m%d" % i, i % 60, "m%d" % i)).encode()
            out.append(b" {%d+}\r\n" % len(data) + data)
        s.sendall(b"".join(out) + b"\r\n")
        line = f.readline()
        while not line.startswith(b"b "):
            assert line, "the server hung up"
            line = f.readline()
        assert line.startswith(b"b OK"), line


def test_a_big_mailbox_fills_without_a_key():
    d = server(0, mail="mdbox:~/mail", extra="mail_fsync = never\n")
    append_many(d, 5000)
    ui = attached(d)
    # Nothing more is asked for: the slices behind the first screenful follow by themselves.
    ui.wait("ACCOUNT_STATE", where=lambda e: e["total"] > 0 and e["done"] == e["total"])
    places.await_true("all rows", lambda: len(ui.stores.rows()) == 5000)
    uids = [r["uid"] for r in ui.stores.rows()]
    assert sorted(uids) == list(range(1, 5001))


def test_warm_start_brings_what_changed():
    d = server(3)
    ui = attached(d)
    before = locals_of(ui)
    assert ui.ask("LEAVE")["event"] == "LEFT"
    ui.stores.manager.wait(timeout=places.SECONDS * places.SLOW)
    c = d.client(mailbox="INBOX")
    c.uid("STORE", "1", "+FLAGS", "\\Flagged")
    c.uid("STORE", "2", "+FLAGS", "\\Deleted")
    c.expunge()
    append(c, "m9")
    ui = attached(d, ui.stores)
    rows = {r["uid"]: r for r in ui.stores.rows()}
    assert sorted(rows) == [1, 3, 4], rows
    assert rows[1]["flags"] & FLAG["flagged"]
    assert rows[1]["local"] == before[1]
    assert rows[4]["subject"] == "m9"
    assert "QRESYNC" in d.wire()


def test_a_flag_reaches_the_server():
    d = server(3)
    ui = attached(d)
    end = ui.post("flag", [locals_of(ui)[2]], set=FLAG["flagged"])
    assert end["event"] == "ACK", end
    await_flags(d, 2, {"\\Flagged"})
    end = ui.post("flag", [locals_of(ui)[2]], clear=FLAG["flagged"], set=FLAG["seen"])
    await_flags(d, 2, {"\\Seen"})


def test_changes_elsewhere_appear_here_without_a_key():
    d = server(3)
    ui = attached(d)
    c = d.client(mailbox="INBOX")
    c.uid("STORE", "1", "+FLAGS", "\\Flagged")
    places.await_true("the flag", lambda: [r for r in ui.stores.rows() if r["uid"] == 1 and r["flags"] & FLAG["flagged"]])
    append(c, "new")
    places.await_true("the new message", lambda: [r for r in ui.stores.rows() if r["subject"] == "new"])
    c.uid("STORE", "2", "+FLAGS", "\\Deleted")
    c.expunge()
    places.await_true("the expunge", lambda: 2 not in locals_of(ui))


def test_a_held_delete_is_kept_and_moves_to_trash_when_released():
    d = server(3)
    ui = attached(d)
    local = locals_of(ui)[2]
    ui.post("delete", [local])
    row = [r for r in ui.stores.rows() if r["local"] == local][0]
    assert row["flags"] & 1 << 16, row
    assert len(flags_of(d)) == 3 and ids_in(d, "Trash") == []
    # It outlives the manager.
    os.kill(ui.stores.manager.pid, signal.SIGKILL)
    ui.stores.manager.wait()
    ui = attached(d, ui.stores)
    assert [r for r in ui.stores.rows() if r["local"] == local][0]["flags"] & 1 << 16
    assert ui.release()["event"] == "ACK"
    places.await_true("the move", lambda: ids_in(d, "Trash") == ["<m1@example.org>"])
    # The server puts it there first, and takes it from here then.
    places.await_true("its end here", lambda: sorted(flags_of(d)) == [1, 3])
    assert sorted(locals_of(ui)) == [1, 3]


def test_move_and_undo():
    d = server(3)
    ui = attached(d)
    local = locals_of(ui)[1]
    assert ui.post("move", [local], target="Archive")["event"] == "ACK"
    places.await_true("the move", lambda: ids_in(d, "Archive") == ["<m0@example.org>"])
    assert local not in locals_of(ui).values()
    places.await_true("the end", lambda: all(i["state"] == 4 for i in ui.stores.intents()))
    end = ui.undo()
    assert end["event"] == "DONE", end
    places.await_true("the way back", lambda: ids_in(d, "Archive") == [])
    assert "<m0@example.org>" in ids_in(d, "INBOX")
    places.await_true("the row", lambda: local in locals_of(ui).values())


def test_copy_arrives_once():
    d = server(2)
    ui = attached(d)
    ui.post("copy", [locals_of(ui)[1]], target="Archive")
    places.await_true("the copy", lambda: ids_in(d, "Archive") == ["<m0@example.org>"])
    assert len(ids_in(d, "INBOX")) == 2


def test_many_flags_are_few_commands():
    d = server(40)
    ui = attached(d)
    ui.post("flag", sorted(locals_of(ui).values()), set=FLAG["seen"])
    places.await_true("all", lambda: all("\\Seen" in f for f in flags_of(d).values()))
    assert d.wire().count("UID STORE") == 1, d.wire()


def test_a_post_sent_twice_is_done_once():
    d = server(2)
    ui = attached(d)
    post_id = os.urandom(16)
    local = locals_of(ui)[1]
    for _ in range(2):
        assert ui.post("copy", [local], target="Archive", post_id=post_id)["event"] == "ACK"
    places.await_true("the end", lambda: all(i["state"] == 4 for i in ui.stores.intents()))
    assert ids_in(d, "Archive") == ["<m0@example.org>"]


def test_a_move_to_a_mailbox_that_is_not_there_is_refused_and_shown():
    d = server(2)
    ui = attached(d)
    local = locals_of(ui)[1]
    ui.post("move", [local], target="Nowhere")
    ui.wait("NOTICE", where=lambda e: "refused" in e["text"])
    assert [i["state"] for i in ui.stores.intents()] == [5]
    assert local in locals_of(ui).values(), "the message is shown again"
    assert len(ids_in(d, "INBOX")) == 2


def test_wrong_password_is_said_and_asked_again():
    d = server(1)
    ui = attached(d, answers={1: (1, "wrong")}, wait=False)
    ui.wait("NOTICE", where=lambda e: e["account"] == "home")
    ui.answers = PASSWORD_ANSWER
    # Dovecot makes who guesses wait.
    places.await_true("the row", lambda: (ui._take(0.05), ui.stores.rows())[1])


def test_the_mailbox_does_not_exist():
    d = server(1)
    ui = attached(d, wait=False, mailbox="Nowhere")
    end = ui.wait("FAILED")
    assert "Nowhere" in end["text"] or "exist" in end["text"], end


def test_an_unknown_host_is_said_and_tried_again():
    ui = manager.Interface(manager.Stores(), PASSWORD_ANSWER)
    port, = dovecot.free_ports(1)
    ui.account(host="127.0.0.1", port=port)
    ui.open(wait=False)
    e = ui.wait("ACCOUNT_STATE", where=lambda e: e["state"] == 4)
    assert "refused" in e["text"] and e["retry_wall"] > 0, e


def test_offline_changes_wait_and_arrive_later():
    d = server(3)
    ui = attached(d)
    locals = locals_of(ui)
    kill_server(d, ui)
    assert ui.post("flag", [locals[1]], set=FLAG["flagged"])["event"] == "ACK"
    assert ui.post("move", [locals[2]], target="Archive")["event"] == "ACK"
    assert ui.ask("LEAVE")["n_waiting"] == 2
    os.kill(ui.stores.manager.pid, signal.SIGKILL)
    ui.stores.manager.wait()
    d.start()
    ui = attached(d, ui.stores)
    await_flags(d, 1, {"\\Flagged"})
    places.await_true("the move", lambda: ids_in(d, "Archive") == ["<m1@example.org>"])


def test_changes_in_two_mailboxes_that_nobody_looks_at_go_out():
    """One connection does both: it stays where it came to until what it came for is out."""
    d = server(1)
    c = d.client()
    for box in ("Archive", "Sent"):
        append(c, "in" + box, box)
    c.logout()
    ui = attached(d)
    for box in ("Archive", "Sent"):
        inbox = ui.mailbox
        ui.open(box)
        ui.send("CLOSE_MAILBOX", mailbox=inbox)
    ui.send("CLOSE_MAILBOX", mailbox=ui.mailbox)
    ui.open("INBOX")
    kill_server(d, ui)
    for box in ("Archive", "Sent"):
        local, = locals_of(ui, box).values()
        assert ui.post("flag", [local], set=FLAG["flagged"], mailbox=box)["event"] == "ACK"
    d.start()
    places.await_true("both", lambda: (ui._take(0.1), ui.send("CONNECT_NOW"), all(
        i["state"] == 4 for i in ui.stores.intents()))[2])
    assert flags_of(d, "Archive") == flags_of(d, "Sent") == {1: {"\\Flagged"}}


def test_the_cache_deleted_while_changes_wait():
    d = server(3)
    ui = attached(d)
    locals = locals_of(ui)
    kill_server(d, ui)
    ui.post("flag", [locals[1]], set=FLAG["flagged"])
    ui.post("move", [locals[2]], target="Archive")
    os.kill(ui.stores.manager.pid, signal.SIGKILL)
    ui.stores.manager.wait()
    places_to_go = os.path.join(ui.stores.env["XDG_CACHE_HOME"], "tern")
    import shutil
    shutil.rmtree(places_to_go)
    d.start()
    ui = attached(d, ui.stores)
    await_flags(d, 1, {"\\Flagged"})
    places.await_true("the move", lambda: ids_in(d, "Archive") == ["<m1@example.org>"])
    assert min(locals_of(ui).values()) > max(locals.values()), "local ids are never used again"


def test_uidvalidity_changes_while_changes_wait():
    d = server(3)
    ui = attached(d)
    locals = locals_of(ui)
    kill_server(d, ui)
    ui.post("flag", [locals[1]], set=FLAG["flagged"])
    d.start()
    d.doveadm("mailbox", "update", "-u", "anna", "--uid-validity", "77777", "INBOX")
    ui.send("CONNECT_NOW")
    await_flags(d, 1, {"\\Flagged"})


def test_a_damaged_cache_is_built_anew_and_no_change_is_lost():
    d = server(30)
    stores = manager.Stores()
    places.expect_crashes(stores.env)
    ui = attached(d, stores)
    locals = locals_of(ui)
    kill_server(d, ui)
    assert ui.post("flag", [locals[1]], set=FLAG["flagged"])["event"] == "ACK"
    top = os.path.join(ui.stores.env["XDG_CACHE_HOME"], "tern")
    data, = [os.path.join(f, n) for f, _, names in os.walk(top) for n in names if n == "data.mdb"]
    size = os.path.getsize(data)
    with open(data, "r+b") as f:
        f.seek(3 * 4096)
        f.write(os.urandom(size - 3 * 4096))
    try:
        ui.send("CHECK_STORES")
        ui.wait("NOTICE", where=lambda e: "the cache was damaged" in e["text"])
    except manager.Gone:
        pass  # it met the damage itself, and died of it
    ui.stores.manager.wait(timeout=places.SECONDS * places.SLOW)
    d.start()
    ui = comes_back(lambda: attached(d, stores), stores)
    await_flags(d, 1, {"\\Flagged"})
    places.await_true("all rows", lambda: len(ui.stores.rows()) == 30)


def test_a_change_to_an_old_message_outlives_the_cache():
    """Its row comes with a later slice: until then, that it is not here says nothing."""
    d = server(0)
    append_many(d, 700)
    ui = attached(d)
    places.await_true("all rows", lambda: (ui._take(0.02), len(ui.stores.rows()) == 700)[1])
    locals = locals_of(ui)
    kill_server(d, ui)
    assert ui.post("flag", [locals[2]], set=FLAG["flagged"])["event"] == "ACK"
    assert ui.post("move", [locals[5]], target="Archive")["event"] == "ACK"
    ui.ask("LEAVE")
    ui.stores.manager.wait(timeout=places.SECONDS * places.SLOW)
    shutil.rmtree(os.path.join(ui.stores.env["XDG_CACHE_HOME"], "tern"))
    d.start()
    ui = attached(d, ui.stores)
    await_flags(d, 2, {"\\Flagged"})
    places.await_true("it moved", lambda: ids_in(d, "Archive") == ["<m4@example.org>"])
    places.await_true("nothing waits", lambda: not [i for i in ui.stores.intents() if i["state"] != 4])


def test_what_is_let_go_is_named_by_its_mailbox():
    """The numbers of mailboxes are the cache's; the next cache gives others."""
    d = server(1)
    c = d.client()
    append(c, "a0", "Archive")
    c.logout()
    ui = attached(d, mailbox="Archive")
    archive, number = ui.name, ui.mailbox
    assert ui.post("delete", [locals_of(ui, "Archive")[1]])["event"] == "ACK"
    ui.open("INBOX")
    assert ui.post("delete", [locals_of(ui)[1]])["event"] == "ACK"
    ui.ask("LEAVE")
    ui.stores.manager.wait(timeout=places.SECONDS * places.SLOW)
    shutil.rmtree(os.path.join(ui.stores.env["XDG_CACHE_HOME"], "tern"))
    ui = attached(d, ui.stores)
    assert ui.mailbox == number, "this test proves nothing"
    # As an interface asks again that had no answer.
    assert ui.ask("RELEASE", post_id=os.urandom(16), **archive)["event"] == "ACK"
    places.await_true("it in the trash", lambda: ids_in(d, "Trash") == ["<a0@example.org>"])
    assert ids_in(d, "INBOX") == ["<m0@example.org>"]
    assert [i["state"] for i in ui.stores.intents() if i["mailbox"] == "INBOX"] == [1], ui.stores.intents()


def test_counts_of_folders_come_without_opening_them():
    d = server(3)
    c = d.client()
    append(c, "seen", "Archive", "\\Seen")
    append(c, "unseen", "Archive")
    ui = attached(d)
    ui.wait("FOLDER_NEWS")
    boxes = {m["name"]: m for m in ui.stores.dump()["mailboxes"]}
    assert (boxes["Archive"]["messages"], boxes["Archive"]["unseen"]) == (2, 1), boxes["Archive"]
    assert (boxes["INBOX"]["messages"], boxes["INBOX"]["unseen"]) == (3, 3), boxes["INBOX"]
    ui.post("flag", [locals_of(ui)[1]], set=FLAG["seen"])
    boxes = {m["name"]: m for m in ui.stores.dump()["mailboxes"]}
    assert boxes["INBOX"]["unseen"] == 2, boxes["INBOX"]


def test_sound_stores_are_said_to_be_sound():
    d = server(3)
    ui = attached(d)
    ui.send("CHECK_STORES")
    ui.wait("READ_AGAIN")
    assert len(ui.stores.rows()) == 3
    assert ui.stores.manager.poll() is None


def test_two_interfaces_see_each_others_changes():
    d = server(2)
    one = attached(d)
    two = attached(d, one.stores)
    two.events.clear()
    one.post("flag", [locals_of(one)[1]], set=FLAG["flagged"])
    two.wait("NEWS", where=lambda e: e["mailbox"] == two.mailbox)
    assert [r for r in two.stores.rows() if r["uid"] == 1][0]["flags"] & FLAG["flagged"]


def test_reading_fetches_the_text_without_the_attachment():
    d = server(0)
    big = os.urandom(600_000).hex()
    data = ("From: a@example.org\r\nSubject: big\r\nMessage-ID: <big@example.org>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nTwo lines.\r\nOnly.\r\n"
            "--B\r\nContent-Type: application/x-hex; name=big.hex\r\nContent-Disposition: attachment; filename=big.hex\r\n\r\n"
            + "\r\n".join(big[i:i + 76] for i in range(0, len(big), 76)) + "\r\n--B--\r\n").encode()
    c = d.client()
    dovecot.check(c.append("INBOX", "", None, data))
    p = proxy.Proxy(d.imaps_port)
    ui = attached(d, port=p.port)
    before = p.counts()
    number = ui.send("READ", local=locals_of(ui)[1])
    doc = ui.wait("DOCUMENT", "FAILED", id=number)
    assert doc["event"] == "DOCUMENT" and doc["complete"] == 1, doc
    os.close(doc["fd"])
    ui.wait("DONE", id=number)
    used = p.counts() - before
    assert used.down < 8000, used
    path = os.path.join(ui.stores.top, "saved.hex")
    end = ui.ask("SAVE_PART", local=locals_of(ui)[1], section="2", path=path)
    assert end["event"] == "DONE", end
    with open(path) as f:
        assert f.read().replace("\r", "").replace("\n", "") == big
    end = ui.ask("SAVE_PART", local=locals_of(ui)[1], section="2", path=path)
    assert end["event"] == "FAILED" and "exists" in end["text"], end


def test_the_manager_leaves_by_itself():
    d = server(1)
    before = set(places.descendants())
    ui = attached(d)
    ours = set(places.descendants()) - before
    assert ui.stores.manager.pid in ours
    assert ui.ask("LEAVE")["n_waiting"] == 0
    assert ui.stores.manager.wait(timeout=places.SECONDS * places.SLOW) == 0
    places.await_true("its workers' end", lambda: not ours & set(places.descendants()))


# --- Neither QRESYNC nor CONDSTORE (IMAP.md 3.4): UIDs and flags are compared. -------------

PLAIN = {
    "news come by IDLE": "IMAP4rev1 SASL-IR ID LITERAL+ IDLE UIDPLUS MOVE ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE",
    "nothing but the standard": "IMAP4rev1 ID",
}


def plain_server(capability, n=5):
    return server(n, extra="protocol imap {\n  imap_capability = %s\n}" % capability)


def change_elsewhere(d):
    """1 is flagged, 3 is seen no more, 2 and 4 go, of which 4 has its place in the middle; one comes."""
    c = d.client(mailbox="INBOX")
    c.uid("STORE", "1", "+FLAGS", "(\\Flagged Important)")
    c.uid("STORE", "3", "-FLAGS", "\\Seen")
    c.uid("STORE", "2,4", "+FLAGS", "\\Deleted")
    dovecot.check(c.expunge())
    append(c, "new")
    c.logout()


def assert_changed(ui, before):
    def changed():
        ui._take(0.02)
        rows = {r["uid"]: r for r in ui.stores.rows()}
        return sorted(rows) == [1, 3, 5, 6] and rows[1]["flags"] & FLAG["flagged"] and \
            not rows[3]["flags"] & FLAG["seen"] and rows
    rows = places.await_true("what was changed elsewhere", changed)
    assert rows[6]["subject"] == "new", rows[6]
    assert {u: rows[u]["local"] for u in (1, 3, 5)} == {u: before[u] for u in (1, 3, 5)}, "the same rows"


def assert_plain(d):
    """The server has them, and was asked for none."""
    assert not [w for w in ("QRESYNC", "CONDSTORE", "CHANGEDSINCE", "ENABLE") if w in d.wire()], d.wire()


def plain_while_closed(capability):
    d = plain_server(capability)
    c = d.client(mailbox="INBOX")
    c.uid("STORE", "3", "+FLAGS", "\\Seen")
    c.logout()
    ui = attached(d)
    before = locals_of(ui)
    assert ui.ask("LEAVE")["event"] == "LEFT"
    ui.stores.manager.wait(timeout=places.SECONDS * places.SLOW)
    change_elsewhere(d)
    ui = attached(d, ui.stores)
    assert_changed(ui, before)
    # And the other way.
    assert ui.post("flag", [before[5]], set=FLAG["answered"])["event"] == "ACK"
    await_flags(d, 5, {"\\Answered"})
    assert_plain(d)


def plain_while_open(capability):
    d = plain_server(capability)
    c = d.client(mailbox="INBOX")
    c.uid("STORE", "3", "+FLAGS", "\\Seen")
    c.logout()
    ui = attached(d, poll_s=1)
    before = locals_of(ui)
    change_elsewhere(d)
    assert_changed(ui, before)
    assert ui.post("flag", [before[5]], set=FLAG["answered"])["event"] == "ACK"
    await_flags(d, 5, {"\\Answered"})
    assert ui.post("flag", [before[1]], clear=FLAG["flagged"])["event"] == "ACK"
    await_flags(d, 1, {"Important"})
    # What left while it was open is not brought back by the next opening.
    assert ui.ask("LEAVE")["event"] == "LEFT"
    ui.stores.manager.wait(timeout=places.SECONDS * places.SLOW)
    ui = attached(d, ui.stores)
    assert sorted(locals_of(ui)) == [1, 3, 5, 6]
    assert_plain(d)


def test_plain_changes_while_closed_are_found():
    plain_while_closed(PLAIN["news come by IDLE"])


def test_plain_changes_while_closed_are_found_by_the_standard_alone():
    plain_while_closed(PLAIN["nothing but the standard"])


def test_plain_changes_while_open_come_by_idle():
    plain_while_open(PLAIN["news come by IDLE"])


def test_plain_changes_while_open_come_by_asking():
    plain_while_open(PLAIN["nothing but the standard"])


if __name__ == "__main__":
    tap.main()
