#!/usr/bin/env python3
"""What an interface may rely on, beside the others' files and programs."""
import os

import dovecot
import manager
import places
import proxy
import tap
from manager import FLAG
from named import WAITING, await_flag, fresh, interface, message_ids
from sync import locals_of

HEX = os.urandom(300_000).hex()


def with_attachment():
    """(server, user): message 1 has its part 2."""
    d, user = fresh(0)
    data = ("From: a@example.org\r\nSubject: big\r\nMessage-ID: <big@example.org>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nText.\r\n"
            "--B\r\nContent-Type: application/x-hex; name=big.hex\r\nContent-Disposition: attachment; filename=big.hex\r\n\r\n"
            + "\r\n".join(HEX[i:i + 76] for i in range(0, len(HEX), 76)) + "\r\n--B--\r\n").encode()
    c = d.client(user)
    dovecot.check(c.append("INBOX", "", None, data))
    c.logout()
    return d, user


def reader(d, user, **more):
    """An interface that has read the message, so its structure is known; its folder for files."""
    i = interface(d, user, **more)
    local = locals_of(i)[1]
    number = i.send("READ", local=local)
    os.close(i.wait("DOCUMENT", id=number)["fd"])
    i.wait("DONE", id=number)
    folder = os.path.join(i.stores.top, "saved")
    os.mkdir(folder)
    return i, local, folder


def is_whole(path):
    with open(path) as f:
        return f.read().replace("\r", "").replace("\n", "") == HEX


def is_saved(event):
    return event["event"] == "DONE"


def test_saving_touches_no_file_of_anybody_else():
    i, local, folder = reader(*with_attachment())
    path = os.path.join(folder, "report.hex")
    with open(path + ".part", "w") as f:
        f.write("a browser's")
    end = i.ask("SAVE_PART", local=local, section="2", path=path)
    assert is_saved(end) and is_whole(path), end
    with open(path + ".part") as f:
        assert f.read() == "a browser's"
    assert sorted(os.listdir(folder)) == ["report.hex", "report.hex.part"]


def test_two_saves_to_one_path_do_not_mix():
    i, local, folder = reader(*with_attachment())
    path = os.path.join(folder, "report.hex")
    numbers = [i.send("SAVE_PART", local=local, section="2", path=path) for _ in range(2)]
    ends = [i.wait("DONE", "FAILED", id=n) for n in numbers]
    assert sorted(map(is_saved, ends)) == [False, True], ends
    assert [e for e in ends if not is_saved(e)][0]["text"].endswith("exists"), ends
    assert is_whole(path) and os.listdir(folder) == ["report.hex"]


def test_a_save_that_is_asked_to_replaces_the_file():
    i, local, folder = reader(*with_attachment())
    path = os.path.join(folder, "report.hex")
    with open(path, "w") as f:
        f.write("old")
    end = i.ask("SAVE_PART", local=local, section="2", path=path, overwrite=1)
    assert is_saved(end) and is_whole(path), end
    assert os.listdir(folder) == ["report.hex"]


def test_saving_waits_for_the_disk_where_nobody_else_waits():
    stores = manager.Stores()
    # Who looks for leaks stops the program, as strace does; not both at once.
    stores.env["ASAN_OPTIONS"] = stores.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    trace = os.path.join(stores.top, "trace")
    stores.wrap = [*places.SEEN, "strace", "-f", "-y", "-s", "500", "-e", "trace=fsync,fdatasync,rename,renameat2,link", "-o", trace]
    i, local, folder = reader(*with_attachment(), stores=stores)
    assert is_saved(i.ask("SAVE_PART", local=local, section="2", path=os.path.join(folder, "report.hex")))
    calls = lambda name: [(n, l.split()[0]) for n, l in enumerate(open(trace)) if name in l and ".part" in l]
    places.await_true("the trace", lambda: calls("rename") or calls("link"))
    (named, manager_pid), = (calls("rename") or calls("link"))[:1]
    synced = calls("sync(")
    assert synced and synced[0][0] < named, "its name stands for a file that is on the disk"
    assert manager_pid not in [pid for _, pid in synced], "the manager waited for the disk"


def test_a_save_canceled_in_the_queue_leaves_nothing():
    d, user = with_attachment()
    p = proxy.Proxy(d.imaps_port)
    i, local, folder = reader(d, user, port=p.port)
    p.refuse()
    p.cut("reset")
    i.wait("ACCOUNT_STATE", where=lambda e: e["state"] == WAITING)
    number = i.send("SAVE_PART", local=local, section="2", path=os.path.join(folder, "report.hex"))
    places.await_true("its file", lambda: os.listdir(folder))
    i.send("CANCEL", request=number)
    i.wait("CANCELED", id=number)
    assert os.listdir(folder) == []


def test_a_second_interface_does_not_change_the_firsts_account():
    d, user = fresh()
    one = interface(d, user, trash="Archive")
    two = manager.Interface(one.stores, {})
    two.account(host="localhost", port=d.imaps_port, user=user, ca_file=d.cert.ca, trash="Elsewhere")
    notice = two.wait("NOTICE", where=lambda e: "other settings" in e["text"])
    assert notice["account"] == "home" and not [e for e in one.events if "other settings" in str(e)]
    three = manager.Interface(one.stores, {})
    three.account(host="localhost", port=d.imaps_port, user=user, ca_file=d.cert.ca, trash="Archive")
    assert not [e for e in three.events if "other settings" in str(e)], three.events
    one.post("delete", [locals_of(one)[1]], set=1)
    places.await_true("it in the first's trash", lambda: message_ids(d, user, "Archive"))


def test_one_that_does_not_read_is_told_once_to_read_again():
    d, user = fresh()
    slow = interface(d, user)
    other = interface(d, user, slow.stores)
    local = locals_of(other)[1]
    slow._take(0)
    slow.events.clear()
    # More answers than may wait for it, as it reads none of them.
    numbers = {slow.send("OPEN_MAILBOX", account="nobody" * 50, mailbox="INBOX") for _ in range(10000)}
    for n in range(20):
        end = other.post("flag", [local], **{"clear" if n % 2 else "set": FLAG["flagged"]})
        assert end["event"] == "ACK", end
    assert other.post("flag", [local], set=FLAG["answered"])["event"] == "ACK"
    await_flag(d, user, 1, b"\\Answered")
    slow.wait("READ_AGAIN")
    places.await_true("its answers", lambda: (slow._take(0.1), numbers <= {e["id"] for e in slow.events})[1])
    told = [e["event"] for e in slow.events]
    assert "READ_AGAIN" not in told and told.count("NEWS") < 20, (told.count("READ_AGAIN"), told.count("NEWS"))
    # It is told of everything again.
    slow.events.clear()
    other.post("flag", [local], set=FLAG["flagged"])
    slow.wait("NEWS", where=lambda e: e["mailbox"] == slow.mailbox)


if __name__ == "__main__":
    tap.main()
