#!/usr/bin/env python3
"""Who includes whom, who sees which library, what each program is linked with.

The Makefile states it once (X_USES, X_LIBS); the linker proves calls, this
proves headers, and that a foreign library stays where it belongs.
"""
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TERN_BUILD", os.path.join(ROOT, "build"))
MAKEFILE = open(os.path.join(ROOT, "Makefile")).read()
USES = {m: set(u.split()) for m, u in re.findall(r"^(\w+)_USES = *(.*)$", MAKEFILE, re.M)}

# Foreign headers, and the only directories whose files may include them.
FOREIGN = {
    r"n?curses\.h|curses/.*|term\.h": ["src/ui"],
    r"openssl/.*": ["src/net"],
    r"zlib\.h": ["src/net"],
    r"libetpan/.*": ["src/imap", "src/mime"],
    r"gsasl.*": ["src/imap"],
    r"lmdb\.h": ["src/store"],
    r"notmuch\.h": ["src/search"],
    r"gumbo\.h": ["src/render", "src/mime"],
    r"utf8proc\.h": ["src/base"],
    r"seccomp\.h": ["src/render", "src/worker", "src/base"],
    r"pthread\.h|threads\.h": [],
}
# What a program must never be linked with, by the start of a library's name.
BANNED = {
    "tern": ["libssl", "libcrypto", "libetpan", "libgsasl", "libgumbo", "libnotmuch"],
    "tern-session": ["libssl", "libcrypto", "libetpan", "libgsasl", "libncurses", "libgumbo", "libnotmuch"],
    "tern-imap": ["liblmdb", "libncurses", "libgumbo", "libnotmuch"],
    "tern-render": ["libssl", "libcrypto", "libetpan", "libgsasl", "liblmdb", "libncurses", "libnotmuch"],
}


TOP = "README ChangeLog COPYING Makefile configure.ac include man src tests".split()


def closure(module):
    seen, todo = set(), [module]
    while todo:
        m = todo.pop()
        if m not in seen:
            seen.add(m)
            todo += USES.get(m, ())
    return seen


def sources():
    for top in ("src", "include"):
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    path = os.path.relpath(os.path.join(folder, name), ROOT)
                    with open(os.path.join(ROOT, path)) as f:
                        yield path, re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', f.read(), re.M)


SOURCES = list(sources())


def module_of_source(path):
    part = path.split("/")
    if part[0] != "src":
        return None
    if part[1] == "store":  # what lies above both archives is for both
        return "store_" + part[2] if len(part) > 3 else "store_write"
    return part[1]


def modules_of_header(name):
    """tern/base/x.h, tern/MODULE.h, or tern/PART.h written in src/MODULE/PART.c:
    the modules it may belong to; none if it holds declarations alone."""
    part = name.split("/")
    if part[0] != "tern" or part[1] in ("defs", "have.h"):
        return []
    if len(part) > 2:
        return [part[1]]
    stem = part[1][:-2]
    if stem == "store":
        return ["store_read"]
    return [stem] * (stem in USES) + [module_of_source(path) for path, _ in SOURCES if path.endswith("/" + stem + ".c")]


def bad_includes():
    for path, names in SOURCES:
        module = module_of_source(path)
        if module is None:
            continue
        if module not in USES:
            yield "%s: module '%s' is not in the Makefile" % (path, module)
            continue
        for name in names:
            others = modules_of_header(name)
            if others and not closure(module).intersection(others):
                yield "%s: '%s' does not use '%s'" % (path, module, others[0])


def bad_foreign():
    for path, names in SOURCES:
        for name in names:
            for pattern, allowed in FOREIGN.items():
                if re.fullmatch(pattern, name) and not any(path.startswith(a + "/") for a in allowed):
                    yield "%s: includes <%s>" % (path, name)


def bad_style_of_include():
    for path, names in SOURCES:
        for name in names:
            ours = os.path.exists(os.path.join(ROOT, "include", "tern", name))
            if ours and not name.startswith("tern/") and not name.endswith(".def"):
                yield "%s: include '%s' as 'tern/%s'" % (path, name, name)


def files_of_the_map():
    """The paths that src/README lists: a folder at the margin, its files indented below."""
    with open(os.path.join(ROOT, "src", "README")) as f:
        text = f.read().split("\nThe map\n", 1)[1].split("\nTo add\n", 1)[0]
    folder = None
    for line in text.splitlines():
        if re.match(r"src/[\w/]+: ", line):
            folder = line.split(":")[0]
        elif folder and line.startswith("    "):
            yield folder + "/" + line.split()[0]


def named_in_prose():
    """Every path that src/README names in its sentences: a file without a folder may lie anywhere."""
    with open(os.path.join(ROOT, "src", "README")) as f:
        before, rest = f.read().split("\nThe map\n", 1)
    prose = before + rest.split("\nTo add\n", 1)[1]
    for path in re.findall(r"(?:src|include|tests)/[\w*./-]*\w|\b[\w*]+\.(?:c|h|def|py)\b", prose):
        if "NAME" not in path:
            yield path if "/" in path else "**/" + path


def bad_map():
    there = set()
    for folder, _, files in os.walk(os.path.join(ROOT, "src")):
        there.update(os.path.relpath(os.path.join(folder, name), ROOT)
                     for name in files if name.endswith((".c", ".h", ".def")))
    listed = list(files_of_the_map())
    for path in there.difference(listed):
        yield "%s is not in the map of src/README" % path
    for path in named_in_prose():
        if not glob.glob(os.path.join(ROOT, path), recursive=True):
            yield "src/README names %s, which is not there" % path
    for path in listed:
        if path not in there or listed.count(path) > 1:
            yield "src/README: the map names %s, which is %s" % (path, "there twice" if path in there else "no file")


def bad_libraries():
    for program, banned in BANNED.items():
        path = os.path.join(BUILD, program)
        if not os.path.exists(path):
            continue
        dynamic = subprocess.run(["readelf", "-d", path], capture_output=True, text=True).stdout
        for lib in re.findall(r"NEEDED.*\[(.*)\]", dynamic):
            if any(lib.startswith(b) for b in banned):
                yield "%s is linked with %s" % (program, lib)
            if lib.startswith("libpthread") and not os.environ.get("TERN_SAN"):
                yield "%s is linked with threads" % program


def bad_top():
    """What git has at the top beside this list; nothing where there is no git."""
    tracked = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True).stdout
    for name in {path.split("/")[0] for path in tracked.splitlines()}.difference(TOP):
        if not name.startswith("."):
            yield "%s does not belong to the top of the tree" % name


def bad_uses():
    """What :capabilities says is used is asked for by its name, and nothing else is."""
    table = open(os.path.join(ROOT, "include/tern/defs/capability.def")).read()
    code = "".join(open(f).read() for f in glob.glob(os.path.join(ROOT, "src/imap/*.c")))
    for name, use in re.findall(r"^CAPABILITY\((\w+),.*?, \d+, (\w+),", table, re.M):
        is_used = re.search(r"\bIMAP_CAP_%s\b" % name, code) is not None
        if is_used != (use != "NOT_YET") and name != "STARTTLS":  # required, never optional
            yield "%s is %s, but %s" % (name, use, "src/imap has it" if is_used else "nothing in src/imap asks for it")


def main():
    checks = [("nothing else at the top of the tree", bad_top),
              ("headers only of modules that may be used", bad_includes),
              ("foreign libraries only where they belong", bad_foreign),
              ("our headers by their full name", bad_style_of_include),
              ("the map of src/README names every file", bad_map),
              ("programs linked with what they need alone", bad_libraries),
              ("extensions are said to be used if they are", bad_uses)]
    failed = 0
    for n, (name, check) in enumerate(checks, 1):
        found = sorted(set(check()))
        print("%s %d - %s" % ("not ok" if found else "ok", n, name))
        for line in found:
            print("# " + line)
        failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
