# SPDX-License-Identifier: Apache-2.0
"""Attacks on what collects (tests/kernel/attack): what was issued is recorded, folded or proven lost,
to the last one, and a record holds what the kernel did, whatever the caller's memory said later."""
import collections
import os
import re

from lib import Collector, Skip, Storm, case, equal, field, main, records, tally, verdict

# The family in which the loss of a kind is counted.
FAMILY = {"open": "file", "rename": "file", "exec": "process", "fork": "process", "exit": "process",
          "connect": "network", "accept": "network", "bind": "network", "listen": "network",
          "mount": "kernel", "namespace": "kernel", "setuid": "credential"}

SINGULAR = {"opens": "open", "execs": "exec", "forks": "fork", "exits": "exit", "setids": "setuid",
            "connects": "connect"}


class Attack:
    """One attack under a collector that watches it alone."""

    def __init__(self, work, what, count, *arguments, tool="attack", before=None):
        self.place = work + "/place"
        os.makedirs(self.place, exist_ok=True)
        more = [self.place] if tool == "attack" else []
        storm = Storm(what, count, *more, tool=tool)
        if before:
            before(storm.pid)
        collector = Collector(work + "/chain", *arguments, scope=f"pid={storm.pid}")
        storm.go()
        self.issued = {SINGULAR.get(k, k): v for k, v in storm.issued().items()}
        self.opened = re.search("opened=(.*)", storm.line)
        collector.stop()
        storm.end()
        equal(storm.process.returncode, 0, "exit code of the attack")
        self.found = [r for r in records(work + "/chain") if r.get("ring") != "self"]
        self.report = verdict(work + "/chain")
        self.balance()

    def balance(self):
        """issued = recorded + folded + lost, by family; and nothing else is missing."""
        recorded, lost = tally(self.found)
        folded = collections.Counter()
        for counters in {r["cpu"]: r["families"] for r in self.found if r["kind"] == "counters"}.values():
            for family, counted in counters.items():
                folded[family] += counted.get("folded", 0)
        issued, had = collections.Counter(), collections.Counter()
        for kind, count in self.issued.items():
            issued[FAMILY[kind]] += count
            had[FAMILY[kind]] += recorded[kind]
        for family in issued:
            equal(had[family] + folded[family] + lost[family], issued[family], family)
        equal((self.report["lost"], self.report["gap"]), (sum(lost.values()), 0), "verify")
        self.lost = lost

    def kind(self, name):
        return [r for r in self.found if r["kind"] == name]


@case
def an_open_storm_on_two_cores(work):
    Attack(work, "open", 30000, tool="storm")


@case
def set_ids_that_change_nothing(work):
    """They overrun their own ring, and no other."""
    attack = Attack(work, "setid", 100000, tool="storm")
    equal([family for family in attack.lost if family != "credential"], [], "families that lost events")


@case
def set_ids_that_are_folded(work):
    """They do not even fill the ring."""
    attack = Attack(work, "setid", 100000, "--all-opens", tool="storm")
    equal(sum(attack.lost.values()), 0, "events lost")
    assert len(attack.kind("setuid")) < 1000, "they were meant to be folded"


@case
def opens_that_are_folded_in_a_ring_that_is_too_small(work):
    """A repeat that finds no room is one that is lost."""
    attack = Attack(work, "open", 100000, "--all-opens", "--ring-size", "4096", tool="storm")
    assert len(attack.kind("repeat")) > 0, "some were meant to be folded"


@case
def a_fork_bomb(work):
    group = f"indelible-test-{os.getpid()}"
    for top in "/sys/fs/cgroup/pids", "/sys/fs/cgroup":
        path = os.path.join(top, group)
        try:
            os.mkdir(path)
        except OSError:
            continue
        if os.path.exists(path + "/pids.max"):
            break
        os.rmdir(path)
    else:
        raise Skip("no cgroup can be made that limits the number of processes")

    def confine(pid):
        for name, value in ("pids.max", 40), ("cgroup.procs", pid):
            with open(f"{path}/{name}", "w") as file:
                file.write(str(value))

    try:
        attack = Attack(work, "bomb", 5000, before=confine)
        with open(path + "/pids.events") as events:
            refused = int(events.read().split()[1])
        assert refused > 0, "the limit was meant to be reached"
        assert attack.issued["fork"] >= 5000
    finally:
        os.rmdir(path)


@case
def a_connect_storm(work):
    attack = Attack(work, "connect", 1500)
    results = collections.Counter(r.get("error", "taken") for r in attack.kind("connect"))
    if not attack.lost:
        equal(results, {"taken": 3000, "ECONNREFUSED": 3000}, "results of connect")


@case
def arguments_of_two_megabytes(work):
    attack = Attack(work, "argv", 50)
    for r in attack.kind("exec"):
        equal(("argv_truncated" in r["flags"], r["argv"][0], len(field(r, "argv")) >= 8192),
              (True, "attack", True), f"arguments of {r['index']}")


@case
def names_as_long_as_can_be(work):
    os.makedirs(work + "/place")
    for name in "right", "wrong":
        open(f"{work}/place/{name}", "w").close()
    attack = Attack(work, "names", 100)
    place = os.path.realpath(attack.place)
    opens = [r for r in attack.kind("open") if not r["path"].endswith("/deep")]
    equal(len(opens), 400, "opens")
    for r, wanted in zip(opens, ["right", "absent", "too long", "far too long"] * 100):
        if wanted == "right":
            equal((r["result"] >= 0, r["path"]), (True, place + "/right"))
            continue
        equal(r["error"], "ENOENT" if wanted == "absent" else "ENAMETOOLONG")
        assert r["path"].startswith(place + "/./") and len(r["path"]) >= len(place) + 1 + 4095, r["path"]
        equal(("claimed_truncated" in r["flags"], r["path"].endswith("absent")),
              (wanted != "absent", wanted != "far too long"), wanted)
    deep = [r for r in attack.kind("open") if r["path"].endswith("/deep")]
    below = "/" + "d" * 200
    os.chdir(place)
    for depth, r in enumerate(deep, 1):
        whole = place + below * depth + "/deep"
        os.chdir(below[1:])
        equal(r["inode"], os.stat("deep").st_ino, "inode")
        if "path_truncated" in r["flags"]:
            assert len(whole) > 4096 and r["path"].startswith("...") and whole.endswith(r["path"][3:]), r["path"]
        else:
            equal(r["path"], whole)
    os.chdir("/")
    assert "path_truncated" in deep[-1]["flags"]


@case
def file_systems_in_file_systems(work):
    attack = Attack(work, "mounts", 60)
    place = os.path.realpath(attack.place)
    files = attack.kind("open")
    equal(len(files), 120)
    for turn in range(60):
        bound, plain = files[2 * turn], files[2 * turn + 1]
        equal((bound["path"], "bind" in bound["flags"]), (f"{place}/b/by-bind-{turn}", True))
        equal((plain["path"], "bind" in plain["flags"]), (place + "/m" * (turn + 1) + f"/by-mount-{turn}", False))
        equal(bound["device"], plain["device"], "device, by which the two names are one file system")
    equal(len({r["device"] for r in files}), 60, "file systems")


@case
def renames_in_flight(work):
    os.makedirs(work + "/place/" + "a" * 20)
    with open(work + "/place/" + "a" * 20 + "/inside", "w") as file:
        inode = os.stat(file.fileno()).st_ino
    attack = Attack(work, "rename", 10000)
    place = os.path.realpath(attack.place)
    for r in attack.kind("open"):
        if r["result"] >= 0:
            # The walk takes no lock: the name that changes may be a mixture, nothing else may.
            assert re.fullmatch(re.escape(place) + "/[ab]{20}/inside", r["path"]), r["path"]
            equal(r["inode"], inode, "inode")


@case
def a_name_that_another_thread_changes(work):
    os.makedirs(work + "/place")
    for name in "right", "wrong":
        open(f"{work}/place/{name}", "w").close()
    attack = Attack(work, "argument", 20000)
    place, opens, really = os.path.realpath(attack.place), attack.kind("open"), attack.opened.group(1)
    equal(attack.lost, {}, "lost")
    mislead = 0
    for r, got in zip(opens, really, strict=True):
        if got in "RW":
            equal(r["path"], f"{place}/{'right' if got == 'R' else 'wrong'}", f"what was opened, {r['index']}")
            equal(r["inode"], os.stat(r["path"]).st_ino, "inode")
            mislead += field(r, "claimed") not in (b"", os.path.basename(r["path"]).encode())
        assert "fd_shared" in r["flags"] or r["result"] < 0, r
    assert {"R", "W"} <= set(really), "both were meant to be opened"
    print("#", mislead, "of", len(opens), "would have been taken for another file by the caller's word")


@case
def a_descriptor_that_another_thread_swaps(work):
    os.makedirs(work + "/place")
    for name in ("wrong", *"01234567"):
        open(f"{work}/place/{name}", "w").close()
    attack = Attack(work, "swap", 20000)
    place, opens = os.path.realpath(attack.place), attack.kind("open")[1:]
    equal(attack.lost, {}, "lost")
    swapped = 0
    for r, name in zip(opens, attack.opened.group(1), strict=True):
        if r["path"] == f"{place}/{name}":
            continue
        swapped += 1
        equal(("fd_shared" in r["flags"], field(r, "claimed")), (True, name.encode()), f"record {r['index']}")
        assert r["path"] == place + "/wrong" or "path_lost" in r["flags"], r
    print("#", swapped, "of", len(opens), "records hold what was put there, and what was asked for beside it")


main()
