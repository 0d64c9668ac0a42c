# SPDX-License-Identifier: Apache-2.0
"""Floods: what was issued is recorded or proven lost, to the last one."""
import os
from lib import Collector, Skip, Storm, balance, case, equal, main, records, run, tally, verdict


def flood(work, what, count, ring):
    """Run a storm under a collector that watches it alone: issued, recorded by kind, lost by family."""
    storm = Storm(what, count)
    collector = Collector(work + "/chain", "--ring-size", str(ring), scope=f"pid={storm.pid}")
    storm.go()
    issued = storm.issued()
    collector.stop()
    storm.end()
    found = records(work + "/chain")
    recorded, lost = tally(found)
    return issued, recorded, lost


@case
def tiny_ring_open_storm_loses_only_what_it_counts(work):
    issued, recorded, lost = flood(work, "open", 100000, 4096)
    balance(issued, recorded, lost)
    assert lost["file"] > 0, "the ring was meant to overflow"
    report = verdict(work + "/chain")
    equal((report["verdict"], report["gap"], report["lost"]), ("LOSS", 0, sum(lost.values())))


@case
def an_io_uring_storm_is_recorded_or_lost_to_the_last_one(work):
    for name, ring in ("tiny", 4096), ("whole", 1 << 24):
        os.mkdir(f"{work}/{name}")
        issued, recorded, lost = flood(f"{work}/{name}", "ring", 10000, ring)
        if not issued["opens"]:
            raise Skip("no io_uring here")
        equal(recorded["open"] + lost["file"], issued["opens"], "opens")
        equal(lost["file"] > 0, name == "tiny", "opens lost")
        report = verdict(f"{work}/{name}/chain")
        equal((report["gap"], report["lost"]), (0, sum(lost.values())))


@case
def tiny_ring_exec_storm_loses_only_what_it_counts(work):
    issued, recorded, lost = flood(work, "exec", 1500, 4096)
    balance(issued, recorded, lost)
    report = verdict(work + "/chain")
    equal((report["gap"], report["lost"]), (0, sum(lost.values())))


@case
def mixed_storm_with_the_default_ring(work):
    issued, recorded, lost = flood(work, "mixed", 20000, 1 << 24)
    balance(issued, recorded, lost)
    code, out, err = run("replay", "--chain", work + "/chain", "--check")
    equal((code, out[:6], err), (0, "EQUAL:", ""), "replay")


@case
def an_open_flood_does_not_push_credentials_out(work):
    """The credential ring is its own: a few set*id calls in the middle of a flood all arrive."""
    import subprocess
    import sys
    storm = Storm("open", 300000)
    helper = subprocess.Popen(
        [sys.executable, "-c",
         "import os,sys,time; sys.stdin.readline()\n"
         "for i in range(200): os.setresuid(-1,-1,-1); time.sleep(0.002)"],
        stdin=subprocess.PIPE, text=True)
    collector = Collector(work + "/chain", "--ring-size", "4096")
    storm.go()
    helper.communicate("go\n", timeout=60)
    storm.issued()
    collector.stop()
    storm.end()
    found = records(work + "/chain", "--kind", "setuid,loss")
    mine = [r for r in found if r.get("pid") == helper.pid]
    equal(len(mine), 200, "set*id calls recorded")
    assert any(r.get("lost_family") == "file" for r in found), "the flood was meant to lose opens"
    equal([r for r in found if r.get("lost_family") == "credential"], [], "credential loss")


main()
