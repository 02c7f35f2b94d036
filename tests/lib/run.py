#!/usr/bin/env python3
"""Run test programs and count what they report.

usage: run.py [-j N] [-t SECONDS] SUITE FILE... [SUITE FILE...]

A word without a slash starts a suite. What a file is follows from its name:
.py is run by Python, .screen by tests/lib/screen.py, .imap by
tests/proto/play.py, a program in a `fuzz` directory gets its seeds as
arguments, one in a `link` directory passes by being there, anything else is
run as it is. Tests report in TAP ("ok 1 - name", "not ok 2 - name"); cmocka is
told to. A test without such lines counts as one; one that leaves itself out
("# SKIP") has failed. The last line is `N passed, N failed`; a failure makes the
status 1.
"""
import collections
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

LIB = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(LIB))
BUILD = os.environ.get("TERN_BUILD", os.path.join(ROOT, "build"))
# Seconds one file may take. Sanitized programs are several times slower.
TIMEOUTS = {"unit": 180, "fuzz": 120, "layers": 120, "server": 600, "ui": 600}
TIMEOUT = 300

Result = collections.namedtuple("Result", "suite path passed failed seconds output")
# All that LeakSanitizer says of a program that is killed while it looks: a worker that takes
# longer than a second to end, one that a test strikes. That is no finding; nor is a report
# whose writer was killed before its first word.
KILLED_AT_ITS_END = re.compile(r"(==\d+==Unable to get registers from thread \d+\.\n)*")
TAP = re.compile(r"^(ok|not ok)\b[ \d]*(?:- )?(.*)$", re.M)


def command(path):
    """The argument vector for a test file, or None if there is nothing to run."""
    kind = os.path.basename(os.path.dirname(path))
    if path.endswith(".py"):
        return [sys.executable, path]
    if path.endswith(".screen"):
        return [sys.executable, os.path.join(LIB, "screen.py"), path]
    if path.endswith(".imap"):
        return [sys.executable, os.path.join(ROOT, "tests/proto/play.py"), path]
    if kind == "link":
        return None
    if kind == "fuzz":
        name = os.path.basename(path)
        return [path] + sorted(glob.glob(os.path.join(ROOT, "tests/fuzz/seeds", name, "*")))
    return [path]


def environment(report_dir):
    env = dict(os.environ)
    env.update(CMOCKA_MESSAGE_OUTPUT="TAP", LC_ALL="C.UTF-8", TZ="UTC",
               PYTHONPATH=LIB, PYTHONDONTWRITEBYTECODE="1", TERN_BUILD=BUILD)
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "LD_PRELOAD"):
        env.pop(name, None)
    if env.get("TERN_SAN"):
        # To files: the standard error of a program in the background is lost.
        report = os.path.join(report_dir, "report")
        env["ASAN_OPTIONS"] = "log_path=%s:detect_stack_use_after_return=1:allocator_may_return_null=1" % report
        env["UBSAN_OPTIONS"] = "log_path=%s:print_stacktrace=1:halt_on_error=1" % report
        env["LSAN_OPTIONS"] = "suppressions=%s:print_suppressions=0" % os.path.join(LIB, "lsan.supp")
    return env


def run_limited(argv, timeout, env):
    """Run in a process group of its own; returns (status, output, timed out)."""
    with tempfile.TemporaryFile() as out:
        try:
            proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                    cwd=ROOT, env=env, start_new_session=True)
        except OSError as e:
            return 127, str(e), False
        timed_out = False
        try:
            proc.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(proc.pid, signal.SIGTERM)  # a harness may still tidy up
            try:
                proc.wait(5)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        proc.wait()
        out.seek(0)
        return proc.returncode, out.read().decode("utf-8", "replace"), timed_out


def describe(status):
    if status < 0:
        return "killed by " + signal.Signals(-status).name
    return "status %d" % status


def run_one(suite, path, timeout):
    started = time.monotonic()
    if not os.path.exists(os.path.join(ROOT, path)):
        return Result(suite, path, 0, 1, 0, "not built\n")
    argv = command(path)
    if argv is None:
        return Result(suite, path, 1, 0, 0, "")
    with tempfile.TemporaryDirectory(prefix="tern-run-") as report_dir:
        env = environment(report_dir)
        status, output, timed_out = run_limited(argv, timeout, env)
        reports = []
        for name in sorted(os.listdir(report_dir)):
            with open(os.path.join(report_dir, name), errors="replace") as f:
                reports.append(f.read())
        reports = [r for r in reports if not KILLED_AT_ITS_END.fullmatch(r)]
    passed, failed = 0, 0
    for verdict, rest in TAP.findall(output):
        if verdict == "not ok" or re.search(r"#\s*skip", rest, re.I):
            failed += 1
        else:
            passed += 1
    if timed_out:
        failed += 1
        output += "\ntimed out after %d s\n" % timeout
    elif status != 0 and failed == 0:
        failed += 1
        output += "\n%s\n" % describe(status)
    elif status == 0 and passed + failed == 0:
        passed = 1
    if reports:
        failed += len(reports)
        output += "\n" + "\n".join(reports)
    return Result(suite, path, passed, failed, time.monotonic() - started, output)


def show(r):
    name = os.path.relpath(os.path.join(ROOT, r.path), ROOT)
    name = re.sub(r"^build/(san-[^/]*/)?", "", name)
    counts = "%d passed" % r.passed
    if r.failed:
        counts += ", %d FAILED" % r.failed
    print("%-7s %-44s %s  (%.2f s)" % (r.suite, name.removeprefix("tests/"), counts, r.seconds))
    if r.failed:
        lines = r.output.rstrip().splitlines()
        bad = [l for l in lines if l.startswith("not ok") or l.startswith("ok") and "# skip" in l.lower()]
        for line in lines[-80:] if len(bad) < 1 or len(lines) <= 80 else bad + ["..."] + lines[-60:]:
            print("    | " + line)
    sys.stdout.flush()


def parse(args):
    jobs, timeout, suite, tests = min(4, os.cpu_count() or 1), None, "test", []
    words = iter(args)
    for word in words:
        if word == "-j":
            jobs = int(next(words))
        elif word == "-t":
            timeout = float(next(words))
        elif "/" in word:
            tests.append((suite, word))
        else:
            suite = word
    return jobs, timeout, tests


def main():
    jobs, timeout, tests = parse(sys.argv[1:])
    slow = 4 if os.environ.get("TERN_SAN") else 1
    passed = failed = 0
    started = time.monotonic()
    shared = tempfile.TemporaryDirectory(prefix="tern-run-")  # certificates, samples
    os.chmod(shared.name, 0o755)
    os.environ["TERN_RUN_DIR"] = shared.name
    with shared, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_one, s, p, timeout or TIMEOUTS.get(s, TIMEOUT) * slow) for s, p in tests]
        for future in concurrent.futures.as_completed(futures):
            r = future.result()
            show(r)
            passed, failed = passed + r.passed, failed + r.failed
    print("%.0f s" % (time.monotonic() - started))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
