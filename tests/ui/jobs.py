#!/usr/bin/env python3
"""tern as a job of a shell: ^Z gives the terminal back, fg brings the whole screen."""
import re

import tap
import ui


def begin(rc=""):
    server = ui.preauth(True)
    user = ui.User(server, rc)
    t = ui.Terminal(["sh", "-i"], 24, 80, dict(user.env, PS1="shell> "), user.home)
    t.wait("^shell>$")
    t.type(" ".join(user.argv()) + "\r")
    t.until("the index", is_whole)
    return server, t


def is_whole(screen):
    """The index from the first line to the last, and nothing of the shell's."""
    return screen.lines[0].startswith(" q:Quit") and "82 messages" in screen.lines[-2] and \
        all(re.match(r" +[0-9]+ ", l) for l in screen.lines[1:-2]) and not any("shell>" in l for l in screen.lines)


def is_message(screen):
    """The keys, the small index, a text that fills the rest, and the status. Not what
    the news of its being read may still change."""
    text = screen.lines[5:-2]
    return screen.lines[0].startswith(" i:Index") and screen.lines[-2].startswith("─A better colour") and \
        all(re.match(r" +[0-9]+ ", l) for l in screen.lines[1:4]) and "Hello," in text and \
        all(len(l) > 40 for l in text[7:10]) and not any("here2" in l or "shell>" in l for l in screen.lines)


def is_at_prompt(screen):
    return screen.lines[screen.row].startswith("shell>") and screen.col == len("shell> ")


def suspend(t):
    t.keys("<C-z>")
    t.until("the shell's prompt", is_at_prompt)
    t.type("clear; echo here$((1 + 1))\r")
    t.until("the shell's answer", lambda s: s.lines[0] == "here2" and is_at_prompt(s))


def ends(t):
    t.keys("x")
    t.until("the shell's prompt", is_at_prompt)
    t.type("echo status=$?; stty -a | tr -s ' ' '\\n' | grep -cx 'icanon\\|echo\\|icrnl'; exit\r")
    t.wait("^status=0")
    t.wait("^3$")
    assert t.end() == 0


def test_suspended_and_continued():
    server, t = begin()
    for _ in range(2):
        suspend(t)
        t.type("fg\r")
        t.until("the index, every line of it", is_whole)
    t.keys("=F")
    t.wait("^ +1 +F ")
    ends(t)


def test_what_happens_meanwhile_is_shown():
    server, t = begin()
    suspend(t)
    other = server.client("INBOX")
    other.append("INBOX", "", None, b"From: a@example.org\r\nSubject: meanwhile\r\n\r\nText\r\n")
    t.resize(12, 60)
    t.type("fg\r")
    t.until("a screen of the new size", lambda s: s.rows == 12 and s.lines[0].startswith(" q:Quit") and
            " 83 · 18 new" in s.lines[-2] and not any("shell>" in l for l in s.lines))
    t.keys("*")
    t.wait("meanwhile")
    ends(t)


def test_a_message_is_suspended():
    server, t = begin()
    t.keys("=<Enter>")
    t.until("the message", is_message)
    suspend(t)
    t.type("fg\r")
    t.until("the message, every line of it", is_message)
    t.keys("q")
    t.wait("82 messages")
    ends(t)


def test_a_prompt_is_suspended():
    server, t = begin()
    at_line = lambda s: s.lines[-1].startswith("Limit to messages matching: ~s plan") and s.col == len("Limit to messages matching: ~s plan") and \
        "82 messages" in s.lines[-2]
    at_choice = lambda s: s.lines[-1].startswith("Quit tern?") and "82 messages" in s.lines[-2]
    t.keys("l~s plan")
    t.until("the line", at_line)
    suspend(t)
    t.type("fg\r")
    t.until("the same line", at_line)
    t.keys("<C-v><C-z>")  # this one is text
    t.wait("~s plan.")
    t.until("the key as text", lambda s: s.col > len("Limit to messages matching: ~s plan"))
    t.keys("<C-g>:set quit=ask-yes<Enter>q")
    t.until("the question", at_choice)
    suspend(t)
    t.type("fg\r")
    t.until("the question", at_choice)
    t.keys("n:unset suspend<Enter>l~s plan<C-z>s")
    t.wait("^Limit to messages matching: ~s plans$")
    t.keys("<C-g>")
    ends(t)


tap.main()
