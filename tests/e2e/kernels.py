# SPDX-License-Identifier: Apache-2.0
"""The deeds and a storm on other kernels, each booted in a virtual machine by tests/kernel/vm."""
import json
import os
import subprocess

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
HOOKS = {"6.1": "object/lsm + tracepoint/tp_btf, helper reads", "6.12": "object/lsm + tracepoint/tp_btf",
         "newest": "object/lsm + tracepoint/raw_syscalls"}


def check_deeds(work, left, series):
    found, report, misses = chain(work, left, "deeds")
    equal([r["hooks"] for r in found if r["kind"] == "start"], [HOOKS[series]], "hooks")
    lines = left("deeds.done").splitlines()
    assert len(lines) > 100, left("deeds.err")
    if not misses:
        expect(lines, found)
        equal((report["verdict"], report["lost"], report["gap"]), ("OK", 0, 0))
        return
    # A skipped program takes its record away, and from the record after it what it knew of before.
    absent = [(hits, line) for hits, line, _ in unmet(lines, found)]
    equal([line for hits, line in absent if hits], [], "recorded more than once")
    assert len(absent) <= 2 * misses, (misses, absent)
    equal((report["verdict"], report["lost"], report["gap"]), ("LOSS", misses, 0))


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


def on(series, *arguments):
    """One case a kernel and command line."""
    def deeds_and_storm(work):
        if SANITIZED and (series, *arguments) != ("6.12",):
            raise Skip("with sanitizers on 6.12 only")
        left = boot(work, series, *arguments)
        check_deeds(work, left, series)
        check_storm(work, left)

    deeds_and_storm.__name__ = " ".join(("deeds and storm on", series, *arguments))
    case(deeds_and_storm)


on("6.1")
on("6.1", "preempt=full")
on("6.12")
on("6.12", "preempt=full")
on("newest")
on("newest", "preempt=full")


@case
def a_kernel_below_the_floor_is_refused(work):
    left = boot(work, "5.10")
    equal(left("deeds.exit"), "2\n", "exit code")
    equal(len(left("deeds.run").splitlines()), 1, left("deeds.run"))
    assert "5.15" in left("deeds.run"), left("deeds.run")
    assert not os.path.exists(work + "/deeds"), "a chain was begun"


main()
