# SPDX-License-Identifier: Apache-2.0
"""The collector in a virtual machine whose disk fills up, fails or turns read-only, whose clock is set
back and forth, and which is cloned or put back to an old snapshot."""
import json
import os
import re
import sys
import tempfile

from lib import case, equal, main, run, verdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../kernel"))
from machine import WRITE, Disk, Guest, journal, make_image, unpack  # noqa: E402


class Host:
    """A guest that keeps a chain in /disk/D."""

    def __init__(self, work, image=None, boots=0):
        self.work, self.boots = work, boots
        self.image = image or make_image(work, 24)
        self.boot()

    def boot(self):
        self.boots += 1
        self.disk = Disk(f"{self.work}/nbd{self.boots}", self.image)
        self.guest = Guest(self.work, self.disk)
        self.tell, self.do = self.guest.tell, self.guest.do
        self.do("mount /dev/vda /disk")

    def cut(self):
        """The power goes; what was written so far is the disk of the next boot."""
        self.guest.cut()
        self.disk.stop()
        self.image = bytes(self.disk.data)

    def files(self):
        """The chain as it is on the disk, not in the guest's memory."""
        return unpack(self.disk.data, tempfile.mkdtemp(dir=self.work)) + "/D"

    def start(self, *args):
        """A collector in the background, which collects."""
        self.do(f"rm -f log code; (indelible run --chain /disk/D --no-pack {' '.join(args)}; echo $? >code) >log 2>&1 &")
        self.do("until grep -q '^verifier key' log || [ -e code ]; do usleep 20000; done")

    def said(self):
        return self.do("cat log")

    def ended(self):
        """Waits for the collector's end, working so that it has to write; its exit code and what it
        said on the way out."""
        self.do("i=0; until [ -e code ] || [ $i = 300 ]; do /bin/busybox true; usleep 50000; i=$((i+1)); done")
        return int(self.do("cat code")), [l for l in self.said().splitlines() if l.startswith("indelible: ")]

    def stop(self):
        self.do("pkill -o -x indelible; until [ -e code ]; do usleep 20000; done")
        equal(self.do("cat code"), "0\n", self.said())

    def verdict(self, *args):
        code, said = self.tell(f"indelible verify --chain /disk/D --format json {' '.join(args)}")
        report = json.loads(said)
        equal(code, report["exit"], "exit code of verify")
        return report

    def records(self, *args):
        return [json.loads(line) for line in
                self.do(f"indelible show --chain /disk/D --format json {' '.join(args)}").splitlines()]

    def held(self):
        """What somebody keeps elsewhere now."""
        report = self.verdict()
        return f"{report['sealed']}:{report['root']}"


def reasons(chain):
    """Of every RECOVERY: reason, boot id before, boot id after."""
    found = []
    for number in range(1, 1000):
        path = f"{chain}/{number:016x}.seg"
        if not os.path.exists(path):
            return found
        with open(path, "rb") as file:
            data = file.read()
        at = 144 + 32 * int.from_bytes(data[12:16], "little") + 24  # of the first block's payload
        at += 2 + int.from_bytes(data[at:at + 2], "big")  # behind SCHEMA
        if data[at:at + 3] == b"\0\x6c\2":
            found.append((data[at + 3], data[at + 78:at + 94], data[at + 94:at + 110]))


@case
def a_disk_that_fills_up_turns_read_only_and_fails(work):
    host = Host(work)

    # --- full
    host.start()
    held = [host.held()]
    host.do("! dd if=/dev/zero of=/disk/fill bs=1k 2>/dev/null")
    code, said = host.ended()
    equal((code, len(said), "disk full while writing /disk/D/0000000000000001.seg" in said[0]), (2, 1, True), said)
    equal(host.verdict("--held", held[0])["verdict"], "TORN")
    code, said = host.tell("indelible run --chain /disk/D --events /dev/null 2>&1")
    equal(code, 1, "no event file: " + said)
    host.do("rm /disk/fill")

    # --- read-only
    host.start()
    assert "recovered: " in host.said(), host.said()
    held.append(host.held())
    host.do("echo u >/proc/sysrq-trigger; until grep -q ' /disk ext4 ro' /proc/mounts; do usleep 20000; done")
    code, said = host.ended()
    equal((code, len(said), "Read-only file system" in said[0]), (2, 1, True), said)
    code, said = host.tell("indelible run --chain /disk/D --events /dev/null 2>&1")
    equal((code, len(said.splitlines())), (1, 1), said)
    host.do("mount -o remount,rw /disk")

    # --- one write fails
    spared = journal(host.image, work)
    host.start()
    held.append(host.held())
    host.disk.fail(WRITE, times=1, spared=spared)
    host.do("for i in 1 2 3 4 5 6 7 8 9; do /bin/busybox true; usleep 200000; done; [ ! -e code ]")
    host.disk.fail()
    held.append(host.held())
    equal(host.verdict("--held", held[-1])["recoveries"], 3, "going on in a new segment")

    # --- all writes fail, until the collector gives up; then the disk is well again
    host.disk.fail(WRITE, spared=spared)
    code, said = host.ended()
    equal((code, len(said), "Input/output error" in said[0]), (2, 1, True), said)
    host.disk.fail()
    host.start("--for", "1")
    equal(host.ended(), (0, []))
    held.append(host.held())
    after = host.verdict(*sum((["--held", h] for h in held), []))
    equal((after["verdict"], after["recoveries"], after["unsealed"], after["gap"]), ("TORN", 4, 0, 0), after)
    code, said = host.tell("indelible replay --chain /disk/D --check")
    equal((code, said[:6]), (0, "EQUAL:"), said)

    # What was adopted after that is not in the guest's memory alone.
    host.do("sync")
    host.cut()
    chain = host.files()
    there = verdict(chain, *sum((["--held", h] for h in held), []))
    equal((there["verdict"], there["recoveries"], there["root"]), ("TORN", 4, after["root"]), there)
    equal([reason for reason, _, _ in reasons(chain)], [1, 1, 3, 1], "reasons of the recoveries")


main()
