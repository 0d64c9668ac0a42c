# SPDX-License-Identifier: Apache-2.0
"""The deeds and a storm on other kernels, each booted in a virtual machine by tests/kernel/vm. KERNELS=all
compares the two sets, and tries --harden, on each, and boots each in every way of preemption."""
import collections
import json
import os
import subprocess

import lib_sets
from lib import FAMILIES, KINDS, OUT, Skip, balance, case, equal, expect, main, records, run, tally, unmet, verdict

VM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../kernel/vm")
NOT_TO_BE_HAD = 77
SANITIZED = OUT.endswith("-san")  # slow, and about user space: one kernel is enough


def boot(work, series, *arguments):
    """What the guest left, as a function from a file's name to its text."""
    done = subprocess.run([VM, OUT, series, work, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode == NOT_TO_BE_HAD:
        raise Skip(done.stderr.splitlines()[-1])
    equal(done.returncode, 0, "exit code of vm: " + done.stderr)

    def left(name):
        with open(os.path.join(work, name), encoding="utf-8") as file:
            return file.read()

    print("#", left("kernel").strip(), *arguments)
    return left


def chain(work, left, name):
    """Records and report of a chain that the guest made; both read the same on this machine."""
    equal(left(name + ".exit"), "0\n", "exit code of run: " + left(name + ".run"))
    found = [json.loads(line) for line in left(name + ".show").splitlines()]
    report = json.loads(left(name + ".verify"))
    equal(left(name + ".replay")[:6], "EQUAL:", left(name + ".replay"))
    equal(records(f"{work}/{name}"), found, "records read here and there")
    equal(verdict(f"{work}/{name}"), report, "verdict here and there")
    misses = [r["misses"] for r in found if r["kind"] == "heartbeat"][-1]
    print(f"# {name}: {report['events']} events, {report['lost']} lost, {misses} of it skipped programs")
    return found, report, misses


# What the self-test chooses: where programs can be preempted, the hook that is not skipped.
HOOKS = {"5.10": "tracepoint/tp_btf, helper reads only", "6.1": "tracepoint/tp_btf, helper reads", "6.12": "tracepoint/tp_btf", "newest": "tracepoint/raw_syscalls"}


def through_old_ring(line):
    """What 5.10 shows of a deed through an io_uring: how it ended nobody says, and of a TCP connection
    not what began it. None: it has no such operation, or not that nothing is said of success."""
    kind, *pairs = line.split(" ")
    deed = dict(pair.split("=", 1) for pair in pairs)
    if kind == "link" or deed.get("result") == "-115":
        return None
    deed["result"] = "-115"
    deed.pop("resolved", None)
    if kind == "connect" and deed["family"] == "inet" and deed["port"] != "9":
        del deed["call"]
    else:
        deed.pop("verified", None)
    return " ".join([kind] + ["=".join(pair) for pair in deed.items()])


def check_old_ring(lines, found):
    """The rest of the lines."""
    ring = [line for line in lines if " call=io_uring_enter" in line]
    assert len(ring) > 10, ring
    absent = [line for line in ring if not through_old_ring(line)]
    equal([line for _, line, _ in unmet(absent, found)], absent, "deeds that are recorded here after all")
    known = collections.Counter(line for line in map(through_old_ring, ring) if line)
    records_of = dict.fromkeys(known, 1)
    records_of.update((line, hits) for hits, line, _ in unmet(list(known), found))
    equal(records_of, dict(known), "records of what an io_uring did")
    return [line for line in lines if line not in ring]


def check_deeds(work, left, series, has_lsm):
    found, report, misses = chain(work, left, "deeds")
    hooks = HOOKS[series] if series == "5.10" else f"object/{'lsm' if has_lsm else 'fentry'} + {HOOKS[series]}"
    equal([r["hooks"] for r in found if r["kind"] == "start"], [hooks], "hooks")
    lines = left("deeds.done").splitlines()
    assert len(lines) > 100, left("deeds.err")
    if series == "5.10":
        lines = check_old_ring(lines, found)
    if not misses:
        expect(lines, found)
        equal((report["verdict"], report["lost"], report["gap"]), ("OK", 0, 0))
        return found, misses
    # A skipped program takes its record away, and from the record after it what it knew of before.
    absent = [(hits, line) for hits, line, _ in unmet(lines, found)]
    equal([line for hits, line in absent if hits], [], "recorded more than once")
    assert len(absent) <= 2 * misses, (misses, absent)
    equal((report["verdict"], report["lost"], report["gap"]), ("LOSS", misses, 0))
    return found, misses


def check_sets(work, left, found, misses):
    """Both sets record the same, but for what is listed."""
    def root(name):
        return next(int(word[4:]) for word in left(name + ".done").split() if word.startswith("pid="))

    again, _, more = chain(work, left, "again")
    if not more:
        expect(left("again.done").splitlines(), again)
    assert [r["hooks"] for r in again if r["kind"] == "start"][0].startswith("tracepoint/"), again[0]
    if misses or more:
        print(f"# sets: not compared, {misses} and {more} programs were skipped")
        return
    records_compared, rows = lib_sets.compare(again, root("again"), found, root("deeds"))
    print(f"# sets: {records_compared} records agree; more known to the object set: {rows}")


def check_swap(left, found, report):
    """Whatever another thread does to name and descriptor, the record holds what the kernel opened."""
    issued = dict(pair.split("=") for pair in left("swap.done").split())
    opens = [r for r in found if r["kind"] == "open" and r["comm"] == "swap" and "O_CREAT" not in r["open_flags"]]
    worked, failed = [r for r in opens if r["result"] >= 0], [r for r in opens if r["result"] < 0]
    equal((len(worked), len(failed), report["gap"]), (int(issued["worked"]), int(issued["failed"]), 0), "opens")
    doubted = [r for r in opens if {"fd_shared", "unverified"} & set(r["flags"])]
    wrong = [r for r in opens if r not in doubted and not r["path"].endswith("/real" if r["result"] >= 0 else "/void")]
    print(f"# swap: {len(worked)} worked, {len(failed)} failed, {len(doubted)} doubted, {len(wrong)} wrong")
    equal(wrong, [], "records that say what was not, without a doubt")
    assert len(doubted) <= len(opens) // 2, "the object set sees most of them"


REFUSED = "kill attach seize write mem getfd limit sigio".split()


def check_harden(work, left, hardens):
    """Nobody but init takes hold of the collector; what was refused is recorded."""
    if not hardens:
        equal(left("harden.exit"), "2\n", "exit code")
        equal(len(left("harden.run").splitlines()), 1, left("harden.run"))
        assert "/sys/kernel/security/lsm" in left("harden.run"), left("harden.run")
        assert not os.path.exists(work + "/harden"), "a chain was begun"
        return
    found, report, _ = chain(work, left, "harden")
    check_swap(left, found, report)
    done = [(what, int(pid), int(result)) for what, pid, result in map(str.split, left("harden.done").splitlines())]
    ours = [int(pid) for pid in left("harden.pids").split()]
    victim = next(pid for what, pid, _ in done if what == "victim")
    for what in REFUSED:
        equal([r for w, pid, r in done if (w, pid) == (what, victim)], [0], what + " of the victim")
        for pid in ours:
            equal([r for w, p, r in done if (w, p) == (what, pid)], [-13 if what == "mem" else -1], f"{what} of {pid}")
    equal([r for w, pid, r in done if w == "ask" and pid in ours], [0, 0], "signal 0")
    equal([r for w, _, r in done if w == "create"], [0], "a map of somebody else's")
    said = {"program": 0, "map": 0, "link": 0}
    for what, _, result in done:
        if what in said and result:
            equal(result, -1, what)
            said[what] += 1
    names = [r for r in found if r["kind"] == "start"][0]["programs"]
    equal(said["program"], len(names), "programs refused")
    assert said["map"] > 5 and said["link"] > 5, said
    refused = [(r["kind"], r.get("target_pid"), r.get("request"), r.get("command"))
               for r in found if r.get("comm") == "harden" and r["result"] == -1]
    for pid in ours:
        for kind, request in ("signal", None), ("ptrace", "attach"), ("ptrace", "seize"), ("ptrace", "write"):
            equal(refused.count((kind, pid, request, None)), 1, f"records of {kind} {request} of {pid}")
    equal(sum(kind == "bpf" for kind, _, _, _ in refused), sum(said.values()), "records of bpf()")


def check_storm(work, left):
    found, report, misses = chain(work, left, "storm")
    issued = {k: int(v) for k, v in (pair.split("=") for pair in left("storm.done").split())}
    recorded, lost = tally(found)
    for deed, family in FAMILIES.items():  # no system call is ever skipped, whatever else is
        equal(recorded[KINDS[deed]] + lost[family], issued[deed], deed)
    if not misses:
        balance(issued, recorded, lost)
    unseen = sum(issued.values()) - sum(recorded.values()) - (sum(lost.values()) - lost["all"])
    assert unseen <= misses, (issued, recorded, lost)
    equal(lost["all"], misses, "LOSS records of skipped programs")
    equal((report["lost"], report["gap"]), (sum(lost.values()), 0))
    equal(report["verdict"], "LOSS" if report["lost"] else "OK")


# What an old kernel cannot give, and what the line on standard error says of it.
REFUSED_THERE = {"--harden": "--harden cannot be had", "--pin": "--pin cannot be had", "--hooks": "the object set cannot be had"}


def check_lacks(work, left):
    for option, said in REFUSED_THERE.items():
        equal(left(f"refused{option}.exit"), "2\n", "exit code with " + option)
        line, = left(f"refused{option}.run").splitlines()
        assert said in line, line
        assert not os.path.exists(f"{work}/refused{option}"), "a chain was begun"


def check_logins(work, left):
    """A probe for each function, each with its own program."""
    if not os.path.exists(work + "/logins"):
        print("# logins: not tried, this machine has no su that asks PAM")
        return
    found, _, _ = chain(work, left, "logins")
    equal(left("logins.done"), "both\n", left("logins.run"))
    logins = [r for r in found if r["kind"] == "login"]
    last = [r for r in logins if r["pid"] == logins[-1]["pid"]]
    equal([(r["action"], r["result"], r["service"], r["account"]) for r in last],
          [(action, 0, "su", "root") for action in ("authenticate", "account", "open_session", "close_session")])


def check_folds(work, left):
    """Every repeat is counted; and the flood of a process that was there before the collector is seen."""
    found, report, misses = chain(work, left, "folds")
    issued = dict(pair.split("=") for pair in left("folds.done").split())
    counts = {}
    for record in found:
        if record.get("ring", "self") != "self":
            call = record.get("call")
            counts[call] = counts.get(call, 0) + record.get("count", 1)
    for deed, call in ("opens", "openat"), ("setids", "setresuid"), ("connects", "connect"):
        equal(counts[call], int(issued[deed]), deed + " recorded and counted")
    assert len(found) < sum(counts.values()) // 4, f"{len(found)} records: nothing was folded"
    equal((report["verdict"], report["lost"], report["gap"], misses), ("OK", 0, 0, 0))


def on(series, *arguments):
    """One case a kernel and command line."""
    def deeds_and_storm(work):
        if SANITIZED and (series, *arguments[-1:]) != ("6.12", "harden=yes"):
            raise Skip("with sanitizers on 6.12 only")
        has_lsm = not any(a.startswith("lsm=") for a in arguments)
        left = boot(work, series, *arguments)
        found, misses = check_deeds(work, left, series, has_lsm)
        if "sets=both" in arguments:
            check_sets(work, left, found, misses)
        if any(a.startswith("harden=") for a in arguments):
            check_harden(work, left, has_lsm)
        check_storm(work, left)
        if "lacks=yes" in arguments:
            check_lacks(work, left)
            check_logins(work, left)
            check_folds(work, left)

    deeds_and_storm.__name__ = " ".join(("deeds and storm on", series, *arguments))
    case(deeds_and_storm)


# Each start of a collector has the emulated processor verify all programs: KERNELS=all for the rest.
MORE = os.environ.get("KERNELS") == "all"
on("5.10", "lacks=yes")
on("6.1", "sets=both", *["harden=yes"] * MORE)
on("6.1", "preempt=full")
on("6.12", *["sets=both"] * MORE, "harden=yes")
on("6.12", "preempt=full", "lsm=landlock,yama", "harden=no")  # no `bpf` among them
on("newest", "sets=both", *["harden=yes"] * MORE)
on("newest", "preempt=full")
for kernel in ("6.1", "6.12", "newest") * MORE:  # a kernel says that it does not know a mode, and goes on
    for mode in "none", "voluntary", "lazy":
        on(kernel, "preempt=" + mode)


main()
