# SPDX-License-Identifier: Apache-2.0
"""Whoever puts a hand into what collects, or stops it, is noticed with the next heartbeat. The hand
is tests/kernel/tamper, which knows the collector's objects by their ids."""
import datetime
import os
import platform
import re
import select
import signal
import subprocess
import time

from lib import TOOLS, Collector, Skip, Storm, balance, case, equal, main, records, run, tally, verdict


def tamper(*what):
    done = subprocess.run([os.path.join(TOOLS, "tamper"), *map(str, what)], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


def programs(chain):
    """Names and ids, as START has them."""
    [start] = records(chain, "--kind", "start")
    return {name: int(number) for name, number, tag in (line.split(":") for line in start["programs"])}


def links(collector):
    """fd, link id and program id of every link the collector holds."""
    held = []
    for fd in os.listdir(f"/proc/{collector.process.pid}/fd"):
        with open(f"/proc/{collector.process.pid}/fdinfo/{fd}") as info:
            facts = dict(re.findall(r"^(link_id|prog_id):\s+(\d+)$", info.read(), re.M))
        if len(facts) == 2:
            held.append((int(fd), int(facts["link_id"]), int(facts["prog_id"])))
    return held


def link_of(collector, program):
    return next((fd, link) for fd, link, of in links(collector) if of == program)


def disturbance(chain, reason):
    """The first of that sort, when it is there."""
    for _ in range(400):
        found = records(chain, "--kind", "disturbed")
        for r in found:
            if r["reason"] == reason:
                return r
        time.sleep(0.05)
    raise AssertionError(f"'{reason}' was not noticed: {found}")


def beats(chain, more):
    """Wait for so many more heartbeats."""
    begun = len(records(chain, "--kind", "heartbeat"))
    while len(records(chain, "--kind", "heartbeat")) < begun + more:
        time.sleep(0.05)


def between(found, chain):
    """The disturbance stands before the next heartbeat: it was noticed at once."""
    last = max(seconds(r["time"]) for r in records(chain, "--kind", "heartbeat") if r["index"] < found["index"])
    equal(round(found["since"] / 1e9, 3), round(last, 3), "the last heartbeat before it")


def told(chain, reason, name, times=1):
    """What status, verify and an alert say of it."""
    found = [r for r in records(chain, "--kind", "disturbed") if r["reason"] != "stood still"]
    equal([(r["reason"], r.get("name", ""), r["result"]) for r in found], [(reason, name, 0)] * times)
    assert f"{reason}" in run("status", "--chain", chain)[1], "status does not say it"
    report = verdict(chain)
    equal((report["disturbed"], report["verdict"] in ("LOSS", "TAMPER")), (times, True), "verify")
    equal([r["entity"] for r in records(chain, "--kind", "alert") if "was tampered with" in r["text"]][:1], ["host"],
          "alerts")


def sees(work, collector):
    """What is opened now is recorded."""
    name = f"/nonexistent/after-{time.monotonic_ns()}"
    subprocess.run(["cat", name], stderr=subprocess.DEVNULL)
    for _ in range(400):
        if any(r["path"] == name for r in records(work + "/D", "--kind", "open")):
            return
        time.sleep(0.05)
    raise AssertionError("nothing is recorded any more")


def seconds(text):
    return datetime.datetime.fromisoformat(text[:26] + "+00:00").timestamp()


def hand_in_ring(work, way):
    chain = work + "/D"
    collector = Collector(chain)
    beats(chain, 1)
    ids = programs(chain)
    equal(tamper("ring", ids["process_exit"], "ring_main", way), "done")
    found = disturbance(chain, "ring moved")
    between(found, chain)
    sees(work, collector)
    collector.stop()
    told(chain, "ring moved", "main")
    return verdict(chain)


@case
def a_consumer_position_moved_on(work):
    hand_in_ring(work, "forward")


@case
def a_consumer_position_moved_back(work):
    hand_in_ring(work, "back")


@case
def a_second_consumer_under_a_flood(work):
    """It makes the kernel write over what was not read: what is gone then is a gap that verify finds."""
    chain = work + "/D"
    storm = Storm("open", 50000)
    collector = Collector(chain, "--ring-size", "16384", scope=f"pid={storm.pid}")
    ids = programs(chain)
    storm.go()
    while not select.select([storm.process.stdout], [], [], 0.01)[0]:
        tamper("ring", ids["process_exit"], "ring_main", "forward")
    issued = storm.issued()
    collector.stop()
    storm.end()
    report = verdict(chain)
    recorded, lost = tally(records(chain))
    assert report["disturbed"] > 0, report
    equal(sum(recorded[kind] for kind in ("open", "fork", "exit")) + sum(lost.values()) + report["gap"],
          sum(issued.values()), "recorded, lost, and found missing")


@case
def a_link_that_was_closed(work):
    """The kernel refuses to detach or to change it; its holder can be made to close it."""
    if platform.machine() != "x86_64":
        raise Skip("the hand in another process is written for x86-64")
    chain = work + "/D"
    collector = Collector(chain)
    beats(chain, 1)
    ids = programs(chain)
    fd, link = link_of(collector, ids["process_fork"])
    equal(tamper("detach", link), "EOPNOTSUPP", "LINK_DETACH")
    assert tamper("replace", link, ids["process_exit"]) in ("EINVAL", "EOPNOTSUPP"), "LINK_UPDATE"
    equal(tamper("close", collector.process.pid, fd), "done")
    found = disturbance(chain, "link detached")
    between(found, chain)
    # It was attached again: forks are seen.
    child = subprocess.Popen(["true"])
    child.wait()
    collector.stop()
    told(chain, "link detached", "process_fork")
    forked = {r["child_pid"] for r in records(chain, "--kind", "fork")}
    assert child.pid in forked, "a fork after that was not recorded"


@case
def a_link_that_is_another_one_now(work):
    if platform.machine() != "x86_64":
        raise Skip("the hand in another process is written for x86-64")
    chain = work + "/D"
    collector = Collector(chain)
    beats(chain, 1)
    ids = programs(chain)
    exits, execs = (link_of(collector, ids[name])[0] for name in ("process_exit", "process_exec"))
    equal(tamper("dup", collector.process.pid, exits, execs), "done")
    found = disturbance(chain, "link detached")
    between(found, chain)
    child = subprocess.Popen(["true"])
    child.wait()
    collector.stop()
    told(chain, "link detached", "process_exec")
    assert any(r["pid"] == child.pid for r in records(chain, "--kind", "exec")), "an exec was not recorded"


@case
def maps_that_only_the_programs_write(work):
    chain = work + "/D"
    collector = Collector(chain)
    beats(chain, 1)
    program = next(number for name, number in programs(chain).items() if name.startswith("sys_exit"))
    for name in "counters", "scratches", "folds", "shares":
        equal(tamper("update", program, name, 0, 1), "EPERM", name)
    assert tamper("delete", program, "counters") in ("EPERM", "EINVAL")
    equal(tamper("update", program, "rodata", 0, 1), "EPERM", "settings that are fixed")
    beats(chain, 2)
    collector.stop()
    equal(verdict(chain)["verdict"], "OK")


def settings_are_edited(work, name, old, new, what):
    """One number among the settings of a program whose name begins so."""
    chain = work + "/D"
    collector = Collector(chain)
    beats(chain, 1)
    program = next(number for found, number in programs(chain).items() if found.startswith(name))
    equal(tamper("update", program, "bss", old or collector.keeper(), new), "done")
    found = disturbance(chain, "settings edited")
    between(found, chain)
    sees(work, collector)
    collector.stop()
    told(chain, "settings edited", what)


@case
def a_setting_that_was_changed(work):
    """Whoever passes for the keeper is not recorded."""
    settings_are_edited(work, "process_exit", None, os.getpid(), "keeper_pid")


@case
def a_policy_that_was_changed(work):
    """Of the families, 255 is all."""
    settings_are_edited(work, "sys_exit", 255, 16, "policy")


@case
def a_collector_that_was_stopped(work):
    chain = work + "/D"
    storm = Storm("open", 20000)
    collector = Collector(chain, "--ring-size", "65536", scope=f"pid={storm.pid}")
    beats(chain, 2)
    collector.process.send_signal(signal.SIGSTOP)
    storm.go()
    issued = storm.issued()
    time.sleep(4)
    collector.process.send_signal(signal.SIGCONT)
    found = disturbance(chain, "stood still")
    collector.stop()
    storm.end()
    stood = seconds(found["time"]) - found["since"] / 1e9
    assert stood > 4, f"stood still for {stood} s"
    recorded, lost = tally(records(chain))
    balance(issued, recorded, lost)
    equal(found["lost"], sum(lost.values()), "events lost meanwhile")
    assert lost["file"] > 0, "the ring was meant to overflow"
    report = verdict(chain)
    equal((report["verdict"], report["disturbed"], report["lost"]), ("LOSS", 0, found["lost"]))
    assert report["stalled"] >= 1, report
    assert "stood still" in run("status", "--chain", chain)[1], "status does not say it"
    alerts = [r["text"] for r in records(chain, "--kind", "alert")]
    assert any("events were lost" in text for text in alerts), f"no alert of the loss: {alerts}"


@case
def a_collector_that_was_killed(work):
    chain = work + "/D"
    collector = Collector(chain)
    beats(chain, 1)
    collector.kill()
    assert "did not end cleanly" in run("status", "--chain", chain)[1], "status does not say it"
    collector = Collector(chain)
    assert b"did not end cleanly" in collector.said(), "run does not say it"
    collector.stop()
    report = verdict(chain)
    equal((report["verdict"], report["recoveries"], report["open"]), ("TORN", 1, 1))


main()
