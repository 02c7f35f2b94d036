#!/usr/bin/env python3
"""The manual pages as `man` shows them."""
import os
import re
import subprocess

import places
import tap


def rendered(page):
    done = subprocess.run(["groff", "-man", "-Kutf8", "-ww", "-Tutf8", "-P-cbou", page], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr[:2000]
    return done.stdout.splitlines()


def test_every_heading_is_shown():
    for name, at_least in ("tern.1", ["Moving", "Messages", "General"]), ("ternrc.5", ["VARIABLES", "COMMANDS"]):
        page = os.path.join(places.ROOT, "man", name)
        with open(page) as f:
            # Wherever in a line: one that stands behind a comment is lost.
            headings = re.findall(r"\.S[HS] (.*)", f.read())
        shown = [line.strip() for line in rendered(page)]
        missing = [h for h in headings + at_least if h.strip('"') not in shown]
        assert not missing, "%s does not show %s" % (name, missing)


tap.main()
