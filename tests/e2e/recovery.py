# SPDX-License-Identifier: Apache-2.0
"""The collector in a virtual machine whose disk fills up, fails or turns read-only, whose clock is set
back and forth, and which is cloned or put back to an old snapshot."""
import calendar
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile

from lib import case, equal, main, run, verdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../kernel"))
from machine import NO_EVENTS, WRITE, Disk, Guest, journal, make_image, unpack  # noqa: E402


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
        self.do(f"rm -f log code pid; (indelible run --chain /disk/D --no-pack {' '.join(args)} & echo $! >pid; "
                "wait $!; echo $? >code) >log 2>&1 &")
        self.do("until grep -q '^verifier key' log || [ -e code ]; do usleep 20000; done")

    def said(self):
        return self.do("cat log")

    def gives_up(self, why):
        """The collector ends, as it has to write, and says why in one line."""
        self.do("i=0; until [ -e code ] || [ $i = 300 ]; do /bin/busybox true; usleep 50000; i=$((i+1)); done")
        said = [line for line in self.said().splitlines() if line.startswith("indelible: ")]
        equal((self.do("cat code"), len(said), why in "".join(said)), ("2\n", 1, True), said)

    def goes_on(self):
        """A short run, of no events."""
        said = self.do("indelible run --chain /disk/D --no-pack --events none 2>&1")
        assert "recovered: " in said, said

    def stop(self):
        self.do("kill $(cat pid); until [ -e code ]; do usleep 20000; done")
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
def a_disk_that_fails_fills_up_and_turns_read_only(work):
    host = Host(work)
    spared = journal(host.image, work)

    def is_data(offset, _):
        return offset not in spared

    host.do(f"printf '{NO_EVENTS}' >none")

    # --- one write fails
    host.start()
    held = [host.held()]
    host.disk.fail(WRITE, times=1, which=is_data)
    host.do("for i in 1 2 3 4 5 6 7 8 9; do /bin/busybox true; usleep 200000; done; [ ! -e code ]")
    equal(host.verdict("--held", held[0])["recoveries"], 1, "going on in a new segment")

    # --- all writes fail, until the collector gives up; then the disk is well again
    held.append(host.held())
    host.disk.fail(WRITE, which=is_data)
    host.gives_up("Input/output error")
    host.disk.fail()
    host.goes_on()

    # --- full
    host.start()
    held.append(host.held())
    host.do("! dd if=/dev/zero of=/disk/fill bs=1k 2>/dev/null")
    host.gives_up("disk full while writing /disk/D/0000000000000004.seg")
    host.do("rm /disk/fill")
    host.goes_on()

    # --- read-only
    host.start()
    held.append(host.held())
    host.do("echo u >/proc/sysrq-trigger; until grep -q ' /disk ext4 ro' /proc/mounts; do usleep 20000; done")
    host.gives_up("Read-only file system")
    code, said = host.tell("indelible run --chain /disk/D --events none 2>&1")
    equal((code, len(said.splitlines()), "Read-only" in said), (2, 1, True), said)
    host.do("mount -o remount,rw /disk")
    host.goes_on()

    # --- nothing was lost, and what was adopted is on the disk, not in the guest's memory alone
    holding = sum((["--held", h] for h in held), [])
    after = host.verdict(*holding)
    equal((after["verdict"], after["recoveries"], after["unsealed"], after["gap"]), ("TORN", 4, 0, 0), after)
    code, said = host.tell("indelible replay --chain /disk/D --check")
    equal((code, said[:6]), (0, "EQUAL:"), said)
    host.do("sync")
    host.cut()
    chain = host.files()
    there = verdict(chain, *holding)
    equal((there["verdict"], there["recoveries"], there["root"]), ("TORN", 4, after["root"]), there)
    equal([reason for reason, _, _ in reasons(chain)], [3, 1, 1, 1], "reasons of the recoveries")


DAY = 86400


def check_clock(host, steps):
    """Each time was set, then a program ran: the records stand in the order of what happened, with the
    clock's word for when."""
    ran = [r for r in host.records("--kind", "exec") if r["argv"][-1].startswith("step-")]
    equal([r["argv"][-1] for r in ran], [f"step-{at}" for at in steps], "what ran, in this order")
    for record, at in zip(ran, steps):
        time = calendar.timegm(datetime.datetime.fromisoformat(record["time"][:19]).timetuple())
        assert at <= time < at + 120, (at, record)
    code, said = host.tell("indelible replay --chain /disk/D --check")
    equal((code, said[:6]), (0, "EQUAL:"), said)


def check_age(host):
    """Seen from a later, an earlier and the right time."""
    now = int(host.do("date +%s"))
    equal(host.verdict("--max-age", "1h")["verdict"], "OK")
    host.do(f"date -u -s @{now + 2 * DAY}")
    late = host.verdict("--max-age", "1d")
    equal((late["verdict"], late["exit"], late["age"] > DAY), ("STALE", 1, True), late)
    host.do(f"date -u -s @{now - 2 * DAY}")
    early = host.verdict("--max-age", "1d")
    equal((early["verdict"], early["age"] < -DAY), ("OK", True), early)
    assert "ahead of this clock" in host.do("indelible verify --chain /disk/D --max-age 1d")
    host.do(f"date -u -s @{now}")


def go_on(chain):
    """A short run here, of no events; exit code and what it says."""
    subprocess.run(["sh", "-c", f"printf '{NO_EVENTS}' >{chain}.events"], check=True)
    code, _, err = run("run", "--chain", chain, "--events", chain + ".events")
    return code, err


def mix(work, chain, keys):
    """A chain directory from here, its keys from there."""
    mixed = tempfile.mkdtemp(dir=work) + "/D"
    shutil.copytree(chain, mixed)
    shutil.copytree(keys + ".keys", mixed + ".keys")
    return mixed


def check_half_put_back(work, old, new):
    code, err = go_on(mix(work, old, new))
    equal((code, len(err.splitlines()), "was rolled back" in err), (1, 1, True), err)
    stale = mix(work, new, old)
    equal(go_on(stale), (0, ""), "keys that are older step on to the present")
    equal(verdict(stale)["exit"], 0)


def check_twins(work, chain):
    """A clone that cannot be told from the original: both go on, and each is a fork of the other."""
    twins = [mix(work, chain, chain) for _ in range(2)]
    equal([go_on(twin) for twin in twins], [(0, "")] * 2)
    one, other = (verdict(twin) for twin in twins)
    equal((one["exit"], other["exit"]), (0, 0), (one, other))
    for twin, stranger in zip(twins, (other, one)):
        found = verdict(twin, "--held", f"{stranger['sealed']}:{stranger['root']}")
        equal((found["verdict"], found["exit"]), ("FORK", 1), found)


def check_other_machine(host):
    host.do(f"cp /disk/D/identity.pub key; printf '{NO_EVENTS}' >none")
    host.do("echo fedcba9876543210fedcba9876543210 >/etc/machine-id")
    code, said = host.tell("indelible run --chain /disk/D --events none 2>&1")
    equal((code, len(said.splitlines()), "another machine" in said), (2, 1, True), said)
    host.do("indelible run --chain /disk/D --events none --new-log")
    equal(host.verdict()["verdict"], "OK")
    equal(host.verdict("--key", "key")["verdict"], "UNVERIFIABLE")
    kept = host.do("ls -d /disk/D.old-*").split()[0]
    equal(host.tell(f"indelible verify --chain {kept} --key key")[0], 0, "the old log")


@case
def a_clock_that_jumps_and_a_snapshot_put_back(work):
    host = Host(work)
    now = int(host.do("date +%s"))
    steps = [now + DAY, now - 365 * DAY, 10 * DAY, 2208988800]

    # --- forward, back, to 1970, to 2040, while the collector runs
    host.start()
    for at in steps:
        host.do(f"date -u -s @{at}; sleep 2; /bin/busybox true step-{at}")
    before = host.held()
    host.do("sync")
    with host.disk.lock:
        snapshot = bytes(host.disk.data)
    host.do("for i in 1 2 3 4 5 6 7 8 9; do /bin/busybox true; done; sleep 2")
    host.stop()
    after = host.held()
    check_clock(host, steps)
    check_age(host)
    report = host.verdict("--held", before, "--held", after)
    equal((report["verdict"], report["gap"], report["recoveries"]), ("OK", 0, 0), report)
    host.do("sync")
    host.cut()
    new = host.files()

    # --- the snapshot, taken under the running collector, instead
    old = unpack(snapshot, tempfile.mkdtemp(dir=work)) + "/D"
    check_half_put_back(work, old, new)
    check_twins(work, old)
    host.image = snapshot
    host.boot()
    report = host.verdict("--held", before)
    equal((report["verdict"], report["exit"]), ("TORN", 0), "that is all it can know")
    report = host.verdict("--held", after)
    equal((report["verdict"], report["exit"]), ("ROLLBACK", 1), report)

    # --- another boot, 14 years before the last record
    host.start()
    host.do("for i in $(seq 100); do /bin/busybox true; done")
    host.stop()
    report = host.verdict("--held", before)
    equal((report["verdict"], report["recoveries"], report["open"], report["gap"]), ("TORN", 1, 1, 0), report)
    equal(host.verdict("--held", after)["verdict"], "FORK")
    code, said = host.tell("indelible replay --chain /disk/D --check")
    equal((code, said[:6]), (0, "EQUAL:"), said)
    first, second = (bytes.fromhex(r["boot_id"].replace("-", "")) for r in host.records("--kind", "start"))
    host.do("sync")
    equal((reasons(host.files()), first != second), ([(1, bytes(16), second)], True), "boots")
    check_other_machine(host)
    host.cut()


main()
