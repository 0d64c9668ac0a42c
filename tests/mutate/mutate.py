#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Switch every check of the verifier off, one at a time: a test must turn red.

    make mutate                     all of it
    make mutate FILES='user/chain/verify*.c user/chain/judge.c' EVERY=5
                                    these sources only, and every fifth mutant of them
    FILES='a.c:one,two b.c:^three'  these functions of a.c, all but this one of b.c
    MUTANTS='check_(seal|link)' ... only mutants whose name matches, and what turned red
    QUICK=1 LOUD=1 make mutate ...  without the slow tests; tell each survivor at once
    TESTS='told|claims' ...         only these tests

The sources are copied into O/mutate with all mutants in them (schemata.py), compiled once and
linked to the unit tests. A run without any mutant notes which places each test meets, and which
values each condition has there; a mutant then runs the tests in which it changes something, the
quickest first, until one fails, crashes or does not end. Tests that take longer than SLOW seconds
are kept for the mutants which survive the others.

A mutant is named FILE FUNCTION: TEXT = false|true|0, or ... gone; with #1, #2 behind it where a
function has several of that name. What can make no difference is listed in `equivalent`, with the
reason below it (* stands for all of a function); an entry without a mutant is an error, and so is,
when all mutants are run, one that a test notices (unless its reason begins with Now and then).
Last line: mutants N, caught N, survived N, equivalent N. Exit code 1 when one survived.
"""
import glob
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from schemata import Source

HERE = os.path.dirname(os.path.abspath(__file__))
SPACING = 2000  # numbers for the places of one file
SLOW = float(os.environ.get("SLOW", "0.5"))
JOBS = min(os.cpu_count(), int(os.environ.get("JOBS", "2")))
WRAPPED = ["_tcase_add_test", "srunner_run_all", "_ck_assert_failed", "mkdtemp"]


class Test:
    def __init__(self, program, number, name):
        self.program, self.number, self.name = program, number, name
        self.seconds, self.seen = None, b""

    def title(self):
        return "%s %s" % (os.path.basename(self.program), self.name)


class Mutant:
    def __init__(self, place, kind):
        self.place, self.kind = place, kind
        self.caught = None
        self.nth = ""  # " #2": the second one of this name
        self.slot = 2 * place.number + (kind == "false")  # what must be seen to make a difference
        self.setting = "%d:%d" % (place.number, kind == "true")

    def name(self, line=""):
        to = " = " + self.kind if self.kind else " gone"
        return "%s%s %s: %s%s%s" % (self.place.file, line, self.place.function, self.place.text, to,
                                    self.nth)

    def function(self):
        """What stands in `equivalent` for all of a function."""
        return "%s %s: *" % (self.place.file, self.place.function)

    def where(self):
        return self.name(":%d" % self.place.line)


class Choice:
    """Which functions of which files: PATTERN, PATTERN:FUNCTION,... or PATTERN:^FUNCTION,..."""

    def __init__(self, words):
        self.files, self.functions = [], {}
        for word in words:
            pattern, _, names = word.partition(":")
            for file in sorted(glob.glob(pattern)):
                if file not in self.functions:
                    self.files.append(file)
                self.functions[file] = (names[:1] == "^", [n for n in names.lstrip("^").split(",") if n])

    def has(self, file, function):
        without, names = self.functions.get(file, (False, ["?"]))
        return not names or (function in names) != without


def say(*words):
    print(*words, flush=True)


def limits():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 20, 256 << 20))


def run(command, seconds, **env):
    """Exit code (negative: a signal), output; everything that was started is gone afterwards."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limits,
                             env={**os.environ, "CK_VERBOSITY": "silent", **env})
    try:
        out = child.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        out = None
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if out is None:
        child.communicate()
        return None, b""
    return child.returncode, out


class Build:
    def __init__(self, out, files):
        self.out, self.files = out, files
        self.dir = os.path.join(out, "mutate")
        self.env = {k: shlex.split(os.environ["MUTATE_" + k]) for k in ("CC", "CFLAGS")}
        self.places = []

    def write(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.exists(path) or open(path).read() != text:
            with open(path, "w") as f:
                f.write(text)

    def compile(self, source, flags):
        target = source[:-2] + ".o" if source.startswith(self.dir) else self.dir + "/mutant.o"
        newest = max(os.path.getmtime(f) for f in
                     [source, HERE + "/mutant.h", self.dir + "/places.h"] +
                     glob.glob("user/*/*.h") + glob.glob("include/*.h"))
        if not os.path.exists(target) or os.path.getmtime(target) < newest:
            # Mutants leave things unset: the same value each time, and nothing to warn of.
            subprocess.run(self.env["CC"] + self.env["CFLAGS"] + flags +
                           ["-w", "-O1", "-U_FORTIFY_SOURCE", "-ftrivial-auto-var-init=zero",
                            "-I" + HERE, "-I" + self.dir, "-c", source, "-o", target], check=True)
        return target

    def all(self):
        sources = []
        for n, name in enumerate(self.files):
            source = Source(name, open(name).read(), n * SPACING)
            assert len(source.places) < SPACING, name
            self.places += source.places
            self.write(os.path.join(self.dir, name), source.instrumented())
            sources.append(os.path.join(self.dir, name))
        self.write(self.dir + "/places.h", "#define MUTANT_PLACES %d\n" %
                   (SPACING * len(self.files)))
        with ThreadPoolExecutor(JOBS) as pool:
            runtime = self.compile(HERE + "/mutant.c", [])
            objects = list(pool.map(lambda s: self.compile(s, []), sources))
            return list(pool.map(lambda t: self.link(t, runtime, objects), self.programs()))

    def programs(self):
        """Tests of the parts that the sources belong to."""
        parts = {name.split("/")[1] for name in self.files}
        return sorted(t for part in parts for t in glob.glob("tests/unit/%s_*.c" % part)
                      if re.search(os.environ.get("TESTS", ""), t))

    def link(self, test, runtime, objects):
        part = os.path.basename(test).split("_")[0]
        name = os.path.basename(test)[:-2]
        target = os.path.join(self.dir, "unit", name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        libs = os.environ["MUTATE_LIBS_" + part].split()
        mine = [o for o in objects if "/mutate/user/%s/" % part in o]
        subprocess.run(self.env["CC"] + self.env["CFLAGS"] +
                       ["%s/tests/unit/%s.o" % (self.out, name), runtime] + mine + libs +
                       ["-lcheck", "-lsubunit", "-lm", "-lrt", "-lpthread", "-o", target] +
                       ["-Wl,--wrap=" + w for w in WRAPPED], check=True)
        return target


class Hunt:
    def __init__(self, build, programs):
        self.dir, self.build = build.dir, build
        self.size = 2 * SPACING * len(build.files)
        self.tests, self.slow = [], []
        self.dirs = os.path.join(self.dir, "dirs")
        open(self.dirs, "w").close()
        for program in programs:
            _, out = run([program], 20, MUTANT_LIST="1")
            self.tests += [Test(program, i, n) for i, n in enumerate(out.decode().split())]

    def clean(self):
        """Directories of tests that were stopped; only those that they said they made."""
        for made in open(self.dirs).read().split():
            if re.match(r"/(tmp|dev/shm)/[\w-]+\.?\w*$", made):
                shutil.rmtree(made, ignore_errors=True)

    def run_test(self, test, seconds, **env):
        return run([test.program], seconds, MUTANT_TEST=str(test.number), MUTANT_DIRS=self.dirs, **env)

    def look(self, test, seconds):
        """Run a test without a mutant: what does it meet, and how long does it take?"""
        path = "%s/seen.%d" % (self.dir, id(test))
        with open(path, "wb") as f:
            f.truncate(self.size)
        begin = time.monotonic()
        code, out = self.run_test(test, seconds, MUTANT_SEEN=path)
        test.seconds = time.monotonic() - begin
        test.seen = open(path, "rb").read()
        os.unlink(path)
        if code:
            sys.exit("%s fails without a mutant (%d):\n%s" %
                     (test.title(), code, out.decode(errors="replace")))
        return code == 0

    def look_all(self, pool):
        done = list(pool.map(lambda t: self.look(t, SLOW), self.tests))
        self.slow = [t for t, d in zip(self.tests, done) if not d]
        self.tests = sorted((t for t, d in zip(self.tests, done) if d), key=lambda t: t.seconds)

    def hunt(self, mutant, tests):
        for test in tests:
            if not test.seen[mutant.slot]:
                continue
            limit = 2 + 10 * test.seconds
            code, out = self.run_test(test, limit, MUTANT=mutant.setting)
            if code is None:  # endless, or others had the processors meanwhile?
                code, out = self.run_test(test, 3 * limit, MUTANT=mutant.setting)
            if code == 4:
                sys.exit("%s: cannot run alone" % test.title())
            if code != 0:
                mutant.caught = (test.title(), code)
                if os.environ.get("MUTANTS"):
                    say("caught by %s (%s): %s\n%s" % (test.title(), code, mutant.name(),
                                                       out.decode(errors="replace").strip()))
                return
        if os.environ.get("LOUD"):
            say("survives: %s" % mutant.where())


def number(mutants):
    """Several of one name get numbers."""
    names = {}
    for m in mutants:
        names.setdefault(m.name(), []).append(m)
    for same in names.values():
        for n, m in enumerate(same if len(same) > 1 else []):
            m.nth = " #%d" % (n + 1)


def read_equivalent():
    """Name: reason."""
    entries, name = {}, None
    for line in open(HERE + "/equivalent"):
        if line.startswith("#") or not line.strip():
            continue
        if line[0] not in " \t":
            name = line.strip()
            entries[name] = ""
        else:
            entries[name] += line.strip() + " "
    assert all(entries.values()), "equivalent: an entry without a reason"
    return entries


def main():
    out, choice = sys.argv[1], Choice(sys.argv[2:])
    files = choice.files
    every, wanted = int(os.environ.get("EVERY") or 1), os.environ.get("MUTANTS", "")
    os.nice(int(os.environ.get("NICE", "10")))
    begin = time.monotonic()
    build = Build(out, files)
    hunt = Hunt(build, build.all())
    listed = read_equivalent()
    mutants = [Mutant(p, k) for p in build.places for k in p.kinds if choice.has(p.file, p.function)]
    number(mutants)
    for m in mutants:
        m.listed = next((n for n in (m.name(), m.function()) if n in listed), None)
    used = {m.listed for m in mutants}
    stale = [n for n in listed if choice.has(*n.split(": ")[0].split(" ")) and n not in used]
    equivalent = [m for m in mutants if m.listed]
    mutants = [m for m in mutants if re.search(wanted, m.name()) and not m.listed]
    mutants = mutants[::every]

    with ThreadPoolExecutor(JOBS) as pool:
        hunt.look_all(pool)
        say("%d mutants in %d files, %d tests, %d slow ones; %.0f s" %
            (len(mutants), len(files), len(hunt.tests), len(hunt.slow), time.monotonic() - begin))
        list(pool.map(lambda m: hunt.hunt(m, hunt.tests), mutants))
        left = [m for m in mutants if not m.caught]
        say("%d left for the slow tests; %.0f s" % (len(left), time.monotonic() - begin))
        if left and not os.environ.get("QUICK"):
            list(pool.map(lambda t: hunt.look(t, 600), hunt.slow))
            hunt.slow.sort(key=lambda t: t.seconds)
            list(pool.map(lambda m: hunt.hunt(m, hunt.slow), left))
        wrong = [m for m in equivalent if not m.listed.endswith("*") and
                 not listed[m.listed].startswith("Now and then")]
        if every > 1 or wanted or os.environ.get("QUICK") or os.environ.get("TESTS"):
            wrong = []
        list(pool.map(lambda m: hunt.hunt(m, hunt.tests), wrong))
    hunt.clean()

    left = [m for m in mutants if not m.caught]
    for m in left:
        tests = [t for t in hunt.tests + hunt.slow if t.seen and t.seen[m.slot]]
        say("survived (%d tests): %s" % (len(tests), m.where()))
    for name in stale:
        say("listed as equivalent, but there is no such mutant: %s" % name)
    wrong = [m for m in wrong if m.caught]
    for m in wrong:
        say("listed as equivalent, but caught by %s: %s" % (m.caught[0], m.name()))
    endless = sum(m.caught[1] is None for m in mutants if m.caught)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    say("stopped because they did not end: %d; %.0f s, of the processors %.0f s" %
        (endless, time.monotonic() - begin, used.ru_utime + used.ru_stime))
    say("mutants %d, caught %d, survived %d, equivalent %d (listed)" %
        (len(mutants) + len(equivalent), len(mutants) - len(left), len(left), len(equivalent)))
    return 1 if left or stale or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
