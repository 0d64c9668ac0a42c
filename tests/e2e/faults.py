# SPDX-License-Identifier: Apache-2.0
"""One call of a real run fails, or is the last that its process makes: EIO, ENOSPC, EROFS, SIGKILL at
each write, sync, rename, open, unlink of chain and keys by collector and keeper, one after the other.
Then: what was under a seal is there, TORN at worst; an error is one line and exit code 2, or is got
over; the next run goes on with one RECOVERY at most, none if the end was clean, and the scores
replay. The same of archive and the files of a copy.

FAULTS=all python3 tests/e2e/faults.py (with O=build) for every call; SEED=N for the same choice."""
import collections
import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys

from lib import INDELIBLE, Collector, Skip, case, equal, main, records, run, verdict

FAULTS = os.environ.get("FAULTS", "240")
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
LANES = 3
KINDS = {"EIO": "error=EIO", "ENOSPC": "error=ENOSPC", "EROFS": "error=EROFS", "kill": "signal=SIGKILL"}


def segments(chain):
    return [f"{chain}/{n:016x}.seg" for n in range(1, 16)]


def others(chain):
    keys = chain + ".keys"
    return ([chain, keys, chain + "/seals", keys + "/seal.key"] + [name + ".tmp" for name in segments(chain)] +
            [f"{chain}/{name}.tmp" for name in ("checkpoint", "identity.pub", "seals")] +
            [f"{keys}/{name}.tmp" for name in ("identity.key", "seal.key")])


# What fails: the call, and where. Blocks are written by the collector, all else by the keeper.
PLACES = [("pwrite64", segments), ("pwrite64", others), ("fdatasync", lambda c: segments(c) + others(c)),
          ("fsync", others), ("renameat", others), ("openat", others), ("unlinkat", others), ("mkdir", others),
          ("write", lambda c: [])]


def traced(chain, events, call, paths, log, *more):
    """run, under strace: exit code, what it said."""
    where = [argument for path in paths for argument in ("-P", path)]
    done = subprocess.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=" + call, *where, *more, INDELIBLE, "run",
                           "--events", events, "--chain", chain, "--segment-size", "4096"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def copy(base, chain):
    for end in "", ".keys":
        shutil.rmtree(chain + end, ignore_errors=True)
        if os.path.isdir(base + end):
            shutil.copytree(base + end, chain + end)


def count(base, work, events, call, where):
    """How often one process of an undisturbed run makes this call."""
    chain, log = work + "/count", work + "/count.log"
    copy(base, chain)
    traced(chain, events, call, where(chain), log)
    with open(log) as lines:
        made = collections.Counter(line.split()[0] for line in lines if re.match(r"\d+ +\w+\(", line))
    return max(made.values(), default=0)


EMPTY = {"entries": 0, "sealed": 0, "recoveries": 0, "closed": True, "unsealed": 0, "root": ""}


def look(chain, *held):
    """What verify says; EMPTY where there is nothing yet."""
    if not os.path.exists(chain + "/seals"):
        return EMPTY
    for one in held:
        if one["sealed"]:
            report = verdict(chain, "--held", f"{one['sealed']}:{one['root']}")
            assert report["verdict"] in ("OK", "TORN"), report
    report = verdict(chain)
    if report["entries"] == 0 and report["why"] == "nothing was written yet":
        return EMPTY
    assert report["verdict"] in ("OK", "TORN") and report["gap"] == 0, report
    return report


def is_clean(report):
    return report["closed"] and report["unsealed"] == 0


def check(chain, before, kind, code, out, err, events):
    assert code in ((0, 2, -9) if kind == "kill" else (0, 2)), "exit code"
    if code == 0 and "no socket in" in err:  # it collects nevertheless
        err = ""
    equal(len(err.splitlines()), 1 if code == 2 else 0, "lines on stderr")
    assert code != 2 or re.match(r"indelible: run: .{20}", err), "says nothing"
    after = look(chain, before)
    assert after["entries"] >= before["entries"] and after["sealed"] >= before["sealed"], after
    new = after["recoveries"] - before["recoveries"]
    # At the start, and for the fault; each keeper is killed at the same place, until that is given up.
    assert new <= (99 if kind == "kill" else 2) - is_clean(before), after
    if code == 0:
        assert is_clean(after), after
    code, out, err = run("run", "--events", events, "--chain", chain)
    equal((code, err), (0, ""), "the next run")
    last = look(chain, before, after)
    assert is_clean(last) and last["entries"] > after["entries"], last
    new = last["recoveries"] - after["recoveries"]
    assert new == (0 if is_clean(after) else 1) or after["entries"] == 0 and new == 1, (after, last)
    code, out, err = run("replay", "--chain", chain, "--check")
    equal((code, out[:6], err), (0, "EQUAL:", ""), "replay")
    equal([name for name in os.listdir(chain) + os.listdir(chain + ".keys") if name.endswith(".tmp")], [], "left")


def one(lane, work, events, fault):
    base, call, where, number, kind = fault
    chain = f"{work}/chain-{lane}"
    copy(base, chain)
    before = look(base)
    got = traced(chain, events, call, where(chain), "/dev/null", "-e", f"inject={call}:{KINDS[kind]}:when={number}")
    try:
        check(chain, before, kind, *got, events)
    except Exception as wrong:
        return f"{os.path.basename(base)}, {call} {where.__name__} number {number}: {kind}: {got}: {wrong!r}"
    return kind, got[0]


def make_bases(work, events):
    """None yet; one that was closed; one that was killed with entries that no seal covers."""
    bases = [work + "/new", work + "/closed", work + "/killed"]
    for _ in range(2):
        equal(run("run", "--events", events, "--chain", bases[1], "--segment-size", "4096")[0], 0)
    for number in range(3, 30):
        copy(bases[1], bases[2])
        traced(bases[2], events, "pwrite64", segments(bases[2]) + others(bases[2]), "/dev/null",
               "-e", f"inject=pwrite64:signal=SIGKILL:when={number}+")
        if verdict(bases[2])["unsealed"]:
            return bases
    raise AssertionError("no kill left entries unsealed")


def capture(work, events):
    collector = Collector(work + "/captured", "--save-events", events)
    for _ in range(8):
        subprocess.run(["/bin/true"], check=True)
    collector.stop()


@case
def every_call_fails(work):
    if not shutil.which("strace"):
        raise Skip("no strace")
    events = work + "/events"
    capture(work, events)
    bases = make_bases(work, events)
    faults = [(base, call, where, number, kind) for base in bases for call, where in PLACES
              for number in range(1, count(base, work, events, call, where) + 1) for kind in KINDS]
    chance = random.Random(SEED)
    chosen = faults if FAULTS == "all" else chance.sample(faults, min(int(FAULTS), len(faults)))
    print(f"# SEED={SEED}, {len(chosen)} of {len(faults)} faults", flush=True)
    ends = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
        def some(lane):
            return [one(lane, work, events, fault) for fault in chosen[lane::LANES]]
        for done in [lanes.submit(some, lane) for lane in range(LANES)]:
            ends.update(done.result())
    wrong = [end for end in ends if isinstance(end, str)]
    assert not wrong, f"SEED={SEED}, {len(wrong)} of {len(chosen)} faults:\n" + "\n".join(wrong[:20])
    print("# " + ", ".join(f"{kind} exit {code}: {ends[kind, code]}" for kind, code in sorted(ends)), flush=True)


# Opens keys of users and of a chain: that is an alert.
SUSPECT = """
import os, sys
for name in ".ssh/id_rsa", ".ssh/authorized_keys", "indelible-chain/x":
    path = os.path.join(sys.argv[1], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    os.close(os.open(path, os.O_RDONLY))
"""


@case
def alerts_replay_after_records_have_moved(work):
    """A sync fails: what was not durable is written again, further on. It was scored before."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    events, moved, alerts = work + "/events", 0, 0
    collector = Collector(work + "/captured", "--save-events", events)
    for number in range(8):
        subprocess.run([sys.executable, "-c", SUSPECT, f"{work}/{number}"], check=True)
    collector.stop()
    for number in range(1, 6):
        chain = f"{work}/chain-{number}"
        code, out, err = traced(chain, events, "fdatasync", segments(chain), "/dev/null",
                                "-e", f"inject=fdatasync:error=EIO:when={number}")
        equal((code, err), (0, ""), "run")
        code, out, err = run("replay", "--chain", chain, "--check")
        equal((code, out[:6], err), (0, "EQUAL:", ""), f"replay after sync {number}")
        found = records(chain, "--kind", "alert")
        alerts += len(found)
        moved += sum(r["index"] - r["at"] > 1 for r in found)
    assert moved > 0, f"none of {alerts} alerts was moved"


def copied(copy):
    return ([copy] + segments(copy) + [name + ".tmp" for name in segments(copy)] +
            [f"{copy}/{name}{end}" for name in ("checkpoint", "identity.pub", "seals") for end in ("", ".tmp")])


@case
def every_call_of_a_copy_fails(work):
    """The copy is brought up from an older one; what is there then is good, and the next call ends it."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    chain, events, old, place = work + "/chain", work + "/events", work + "/old", work + "/place"
    capture(work, events)
    for _ in range(2):
        equal(run("run", "--events", events, "--chain", chain, "--segment-size", "4096")[0], 0)
        equal(run("archive", "--chain", chain, "--to", place)[0], 0)
        if not os.path.exists(old):
            shutil.copytree(place, old)
    copy(chain, work + "/kept")

    def again():
        copy(work + "/kept", chain)
        shutil.rmtree(place)
        shutil.copytree(old, place)

    def attempt(call, log, *more):
        where = [argument for path in copied(place) for argument in ("-P", path)]
        done = subprocess.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=" + call, *where, *more, INDELIBLE,
                               "archive", "--chain", chain, "--to", place], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60)
        return done.returncode, done.stderr.decode()

    faults = []
    for call in "pwrite64", "fsync", "renameat", "openat", "unlinkat", "pread64":
        again()
        equal(attempt(call, work + "/log")[0], 0, "undisturbed")
        with open(work + "/log") as lines:
            faults += [(call, n, kind) for n in range(1, len(lines.readlines()) + 1) for kind in KINDS]
    chance = random.Random(SEED)
    chosen = faults if FAULTS == "all" else chance.sample(faults, min(int(FAULTS) // 6, len(faults)))
    print(f"# SEED={SEED}, {len(chosen)} of {len(faults)} faults", flush=True)
    for call, number, kind in chosen:
        again()
        what = f"SEED={SEED}: {call} number {number}: {kind}"
        code, err = attempt(call, "/dev/null", "-e", f"inject={call}:{KINDS[kind]}:when={number}")
        what += f": exit code {code}, {err}"
        assert code in ((-9, 0) if kind == "kill" else (0, 2)), what  # its threads share the calls
        equal(len(err.splitlines()), int(code == 2), what)
        for where in place, chain:
            report = verdict(where)
            assert report["verdict"] in ("OK", "TORN") and report["exit"] == 0, (what, report)
        equal(run("archive", "--chain", chain, "--to", place)[0], 0, "the next one after " + what)
        report = verdict(place)
        assert report["exit"] == 0 and report["closed"] and report["unsealed"] == 0, (what, report)


main()
