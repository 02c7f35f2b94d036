"""The frame of a Python test file: functions test_*, reported in TAP.

    import tap

    def test_flag_reaches_the_server():
        ...

    tap.main()

A test fails by an exception; none can be left out. Arguments on the command
line choose tests by a part of their name. What a test hands to tap.later() is
called when it ends, in reverse order.
"""
import sys
import time
import traceback

_later = []


def later(function, *args):
    _later.append((function, args))


def note(text):
    """A remark in the output; shown when something failed."""
    for line in str(text).splitlines():
        print("# " + line)
    sys.stdout.flush()


def _tidy():
    while _later:
        function, args = _later.pop()
        try:
            function(*args)
        except Exception:
            note("while tidying up:\n" + traceback.format_exc())


def _run(function):
    try:
        function()
    except Exception:
        note(traceback.format_exc())
        return False, ""
    finally:
        _tidy()
    return True, ""


def main(names=None):
    module = sys.modules["__main__"]
    tests = [(n, f) for n, f in vars(module).items() if n.startswith("test_") and callable(f)]
    wanted = sys.argv[1:]
    if wanted:
        tests = [(n, f) for n, f in tests if any(w in n for w in wanted)]
    failed = 0
    print("1..%d" % len(tests))
    for number, (name, function) in enumerate(tests, 1):
        started = time.monotonic()
        ok, more = _run(function)
        print("%s %d - %s%s" % ("ok" if ok else "not ok", number, name, more))
        note("%.2f s" % (time.monotonic() - started))
        failed += not ok
    sys.exit(1 if failed else 0)
