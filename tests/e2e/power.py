# SPDX-License-Identifier: Apache-2.0
"""Power cuts: what a guest wrote to a disk that honours flushes and nothing else, cut at many
places, with any part of what was not flushed lost. What was promised before the cut must be there;
the chain is gone on with, and shows one recovery and no attack.

CUTS (90) is how many places the first case tries, the others fewer, SEED repeats a run."""
import concurrent.futures
import glob
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from lib import TOOLS, case, equal, main, run, verdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../kernel"))
from machine import MARK, NO_EVENTS, WRITE, Cuts, Disk, Guest, journal, make_image, seed, unpack  # noqa: E402

CUTS = int(os.environ.get("CUTS", 90))


def judge(work, image, promises, name):
    """The chain /D of an image, by writer: what was promised, and going on with it."""
    work = tempfile.mkdtemp(dir=work)
    files = unpack(image, work)
    held, entries = [], 0
    for promise in [p.split() for p in promises]:
        entries = int(promise[0])
        held.append(f"{promise[2]}:{promise[3]}")
    closed = ["closed"] if promises and promises[-1].endswith("closed") else []
    held = held[-1:] + held[:-1][::max(1, len(held) // 4)][:4]
    done = subprocess.run([TOOLS + "/writer", "judge", files + "/D", str(entries), *held, *closed],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(f"{name}: {done.stdout}{done.stderr}left in {work}")
    shutil.rmtree(work)
    return done.stdout


def places(log, count, rng):
    """Where to cut: anywhere, and more often right behind a promise."""
    marks = [i + 1 for i, what in enumerate(log) if what[0] == MARK]
    some = rng.sample(marks, min(len(marks), count // 3))
    return sorted(set(some) | set(rng.sample(range(len(log) + 1), min(len(log) + 1, count - len(some)))))


def cut_everywhere(work, disk, count, rng, check, earlier=()):
    cuts = Cuts(disk.base, disk.log)
    cuts.promises.extend(earlier)
    shown = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = []
        for at in places(disk.log, count, rng):
            image, promises, how = cuts.cut(at, rng)
            name = f"cut at {at} of {len(disk.log)}, kept {how}"
            waiting.append(pool.submit(check, work, image, promises, name))
            shown[how] = shown.get(how, 0) + 1
            if len(waiting) > 4:
                waiting.pop(0).result()
        for w in waiting:
            w.result()
    return sum(shown.values())


@case
def a_writer_of_small_segments(work):
    """Three boots in a row, each on what the cut before it left."""
    rng = random.Random(seed())
    image, earlier, total = make_image(work, 16), [], 0
    for boot in range(3):
        disk = Disk(f"{work}/nbd{boot}", image)
        guest = Guest(work, disk)
        guest.do("mount /dev/vda /disk")
        last = boot == 2
        code, said = guest.tell(f"timeout {25 if last else 6} writer run /disk/D {300 if last else 0}"
                                f" {rng.randrange(1 << 31)} /dev/vdb")
        equal(code, 0 if last else 143, said)
        guest.cut()
        disk.stop()
        total += cut_everywhere(work, disk, CUTS // 3, rng, judge, earlier)
        print(f"# boot {boot}: {len(disk.log)} writes, flushes and promises", flush=True)
        cuts = Cuts(disk.base, disk.log)
        cuts.promises.extend(earlier)
        image, earlier, _ = cuts.cut(rng.randrange(len(disk.log) // 2, len(disk.log)), rng)
    print(f"# {total} power cuts", flush=True)


@case
def writes_that_fail_now_and_then(work):
    """The same with errors: a block, a seal or a key cannot be written, once. What was promised holds all
    the same, whether the writer went on or was started again."""
    rng = random.Random(seed())
    image = make_image(work, 16)
    spared = journal(image, work)
    disk = Disk(f"{work}/nbd", image)
    guest = Guest(work, disk)
    guest.do("mount /dev/vda /disk")
    guest.do("(until [ -e stop ]; do writer run /disk/D 0 $RANDOM /dev/vdb; echo $?; done) >said 2>&1 &")
    guest.do("until [ -e /disk/D/checkpoint ]; do usleep 10000; done")

    def is_ours(offset, data):
        return offset not in spared and re.search(b"INDB|SEAL|INDKEY", data)

    for _ in range(40):
        disk.fail(WRITE, times=rng.choice((1, 1, 1, 2)), which=is_ours)
        time.sleep(rng.random() * 0.5)
    disk.fail()
    said = guest.do("touch stop; killall -q writer; sleep 1; sync; cat said")
    guest.cut()
    disk.stop()
    total = cut_everywhere(work, disk, max(1, CUTS // 3), rng, judge)
    print(f"# {total} power cuts in {len(disk.log)} writes, flushes and promises; it stopped {said.count('stopped')} times")


def roots(files):
    """The root under each size that was sealed."""
    with open(files + "/D/seals", "rb") as file:
        data = file.read()
    return {struct.unpack_from("<Q", data, at + 16)[0]: data[at + 32:at + 64].hex()
            for at in range(160, len(data) - 159, 160)}


def judge_collector(work, image, promises, name):
    """The same by the commands, for a chain of the collector's; a promise is SIZE:ROOT."""
    work = tempfile.mkdtemp(dir=work)
    chain = unpack(image, work) + "/D"
    before = {"recoveries": 0}
    if promises or os.path.exists(chain + "/seals"):
        before = verdict(chain, *sum((["--held", p] for p in promises[-3:]), []))
        if promises or before["verdict"] != "UNVERIFIABLE":
            equal((before["exit"], before["gap"]), (0, 0), f"{name}, in {work}: {before}")
    torn = bool(glob.glob(chain + "/*.seg")) and not before["closed"]
    subprocess.run(["sh", "-c", f"printf '{NO_EVENTS}' >{work}/events"], check=True)
    code, said, err = run("run", "--chain", chain, "--events", work + "/events")
    equal((code, err), (0, ""), f"{name}, in {work}: going on")
    after = verdict(chain, *sum((["--held", p] for p in promises), []))
    wanted = before["recoveries"] + torn
    equal((after["exit"], after["closed"], after["recoveries"], after["gap"]), (0, True, wanted, 0),
          f"{name}, in {work}: {before} and then {after}")
    equal("recovered: " in said, torn, said)
    code, out, err = run("replay", "--chain", chain, "--check")
    equal((code, out[:6], err), (0, "EQUAL:", ""), f"{name}, in {work}: replay")
    shutil.rmtree(work)


@case
def a_collector_at_work(work):
    """Everything in the guest is collected; what the collector shows on its terminal is promised."""
    rng = random.Random(seed())
    disk = Disk(f"{work}/nbd", make_image(work, 24))
    guest = Guest(work, disk)
    guest.do("mount /dev/vda /disk && mkdir /guest/place")
    guest.do("indelible run --chain /disk/D >/dev/ttyS2 2>&1 & echo $! >pid")
    guest.do("until [ -s /disk/D/checkpoint ]; do usleep 10000; done")
    for _ in range(3):
        guest.tell("deeds /guest/place >/dev/null 2>&1; sleep 1")
    guest.do("kill $(cat pid); while kill -0 $(cat pid) 2>/dev/null; do usleep 10000; done")
    guest.cut()
    disk.stop()
    log, known = [], roots(unpack(disk.data, tempfile.mkdtemp(dir=work)))
    for what in disk.log:
        if what[0] == MARK:
            size = re.search(r"seal [0-9]+ over ([0-9]+)", what[1])
            what = size and (MARK, f"{size[1]}:{known[int(size[1])]}")
        if what:
            log.append(what)
    disk.log = log
    promises = len([what for what in log if what[0] == MARK])
    assert promises > 2, guest.shown
    total = cut_everywhere(work, disk, max(1, CUTS // 6), rng, judge_collector)
    print(f"# {total} power cuts in {len(log)} writes, flushes and promises, {promises} of them")


main()
