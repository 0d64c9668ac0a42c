# SPDX-License-Identifier: Apache-2.0
"""Segments packed: by hand, and by a collector beside its work. Nothing else may change."""
import glob
import os
import time

from lib import Collector, Storm, case, equal, main, run, verdict


def names(chain):
    return sorted(os.path.basename(path) for path in glob.glob(chain + "/*.seg*"))


def collect(chain, what, count, *args):
    storm = Storm(what, count)
    collector = Collector(chain, *args, scope=f"pid={storm.pid}")
    storm.go()
    storm.issued()
    collector.stop()
    storm.end()


def seen(chain):
    """All that the commands say of a chain."""
    report = verdict(chain)
    replay = run("replay", "--chain", chain, "--check")
    equal((replay[0], replay[1][:6], replay[2]), (0, "EQUAL:", ""), "replay")
    return report, replay, run("show", "--chain", chain, "--format", "json")


def assert_good(chain):
    """A busy machine may have lost events, and said so."""
    report = verdict(chain)
    assert report["verdict"] in ("OK", "LOSS"), report


def wait_for(condition, what):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("never came: " + what)


@case
def the_same_chain_packed(work):
    chain = work + "/chain"
    for what, count in ("open", 30000), ("mixed", 500), ("setid", 5000), ("open", 10):
        collect(chain, what, count, "--no-pack")
    equal(names(chain), [f"{n:016x}.seg" for n in range(1, 5)])
    before = seen(chain)
    assert_good(chain)
    plain = sum(os.path.getsize(path) for path in glob.glob(chain + "/*[123].seg"))
    code, out, err = run("pack", "--chain", chain)
    packed = sum(os.path.getsize(path) for path in glob.glob(chain + "/*.segz"))
    equal((code, err), (0, ""), "pack")
    assert out.startswith(f"{chain}: packed 3 segments, {plain} bytes, now {packed} ("), out
    assert packed < plain / 2, (packed, plain)
    equal(names(chain), [f"{n:016x}.segz" for n in range(1, 4)] + [f"{4:016x}.seg"])
    equal(seen(chain), before)
    code, out, err = run("pack", "--chain", chain)
    equal((code, out, err), (0, f"{chain}: packed 0 segments, 0 bytes, now 0\n", ""))
    collect(chain, "open", 10, "--no-pack")
    assert_good(chain)


@case
def a_collector_packs_by_itself(work):
    chain = work + "/chain"
    collect(chain, "open", 30000)
    for n in range(1, 4):
        equal(f"{n:016x}.seg" in names(chain), True)
        collector = Collector(chain)
        wait_for(lambda: f"{n:016x}.seg" not in names(chain), f"segment {n} packed")
        collector.stop()
        equal(f"{n:016x}.segz" in names(chain), True)
        assert b"unpacked" not in collector.said(), collector.said()
    seen(chain)
    assert_good(chain)


@case
def packing_fails_and_collecting_goes_on(work):
    chain = work + "/chain"
    collect(chain, "open", 100)
    os.mkdir(f"{chain}/{1:016x}.segz")
    collector = Collector(chain)
    wait_for(lambda: b"unpacked" in collector.said(), "the complaint")
    collector.stop()
    lines = [line for line in collector.said().decode().splitlines() if "unpacked" in line]
    equal(len(lines), 1)
    assert f"{chain}/{1:016x}.seg, it stays as it is" in lines[0], lines
    os.rmdir(f"{chain}/{1:016x}.segz")
    assert_good(chain)


@case
def what_cannot_be_packed(work):
    chain = work + "/chain"
    code, out, err = run("pack", "--chain", chain)
    equal((code, out), (2, ""))
    assert chain in err and err.count("\n") == 1, err
    os.mkdir(chain)
    code, out, err = run("pack", "--chain", chain)
    equal((code, out, err), (2, "", f"indelible: pack: there is no chain in {chain}\n"))
    os.rmdir(chain)
    for _ in range(3):
        collect(chain, "open", 10, "--no-pack")
    with open(f"{chain}/{3:016x}.seg", "r+b") as segment:
        segment.seek(50)
        segment.write(b"?")
    code, out, err = run("pack", "--chain", chain)
    equal((code, names(chain)), (1, [f"{1:016x}.segz", f"{2:016x}.seg", f"{3:016x}.seg"]))
    assert out.startswith(f"{chain}: packed 1 segments"), out
    assert f"{2:016x}.seg, it stays as it is: bad crc" in err and err.count("\n") == 1, err


main()
