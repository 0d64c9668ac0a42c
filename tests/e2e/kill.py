# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the collector, the keeper, both, and the packer at any moment, a thousand times. After
each the chain is verified and gone on with:

  what was under a seal is there with the same bytes; the number of entries only grows;
  one RECOVERY for an unclean end, never two; TORN at worst; nothing runs on, no *.tmp piles up.

KILLS=10000 python3 tests/e2e/kill.py (with O=build) for more of them; SEED=N for the same choices.
The events come from a file, so that nothing else happens on the machine because of it."""
import collections
import concurrent.futures
import fcntl
import glob
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time

from lib import INDELIBLE, Collector, Storm, case, equal, main, records, run, verdict

KILLS = int(os.environ.get("KILLS", "1000"))
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
LANES = 3  # chains side by side
TURNS = 40  # kills of one chain
VICTIMS = ["collector"] * 4 + ["keeper"] * 3 + ["keeper, collector"] * 2 + ["collector, keeper", "packer"]


class Chain:
    """One chain, and what is known of it from before."""

    def __init__(self, path, events, chance):
        self.path, self.events, self.chance = path, events, chance
        self.length = 0.05  # of a run, s: what is typical
        self.report = {"entries": 0, "sealed": 0, "recoveries": 0, "closed": True, "unsealed": 0}
        self.seals = b""
        self.held = []
        self.key = ()
        self.keeper_kills = self.replaced = 0
        self.hit = collections.Counter()

    def start(self):
        self.process = subprocess.Popen(
            [INDELIBLE, "run", "--events", self.events, "--chain", self.path, "--segment-size", "10000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self):
        """Exit code and what was said; the keeper has the pipes too, so it is gone as well."""
        out, err = self.process.communicate(timeout=60)
        directory = None
        if os.path.isdir(self.path):
            directory = os.open(self.path, os.O_RDONLY)
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(directory)
        return self.process.returncode, out.decode(), err.decode()

    def child(self):
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
                return next((int(pid) for pid in children.read().split()), None)
        except (FileNotFoundError, ProcessLookupError):
            return None

    def kill(self, whom):
        """One process; was it there?"""
        if whom == "collector":
            alive = self.process.poll() is None
            self.process.kill()
            return alive
        pid = self.child()
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.keeper_kills += 1
        return True

    def turn(self, victim):
        """A run in which something is killed; how many were."""
        self.start()
        killed = kept = 0
        if victim == "packer":
            time.sleep(self.chance.random() * self.length)
            packer = subprocess.Popen([INDELIBLE, "pack", "--chain", self.path], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE)
            time.sleep(self.chance.random() * 0.02)
            killed = packer.poll() is None
            packer.kill()
            packer.communicate(timeout=60)
            victims = []
        else:
            time.sleep(self.chance.random() * self.length * 1.1)
            victims = victim.split(", ")
        for place, whom in enumerate(victims):
            if place and self.chance.random() < 0.5:
                time.sleep(self.chance.random() * 0.005)
            hit = self.kill(whom)
            killed += hit
            kept += hit and whom == "keeper"
        self.check(victims, kept, *self.end())
        self.hit[victim] += killed
        return killed

    def check(self, victims, kept, code, out, err):
        before, what = self.report, f"after {victims}: exit code {code}, {out} {err}"
        if "collector" in victims:
            assert code in (0, -9) or (kept and code == 2), what
        elif kept:
            assert code in (0, 2), what
        else:
            equal(code, 0, what)
        lines = len(err.splitlines())  # it may have said why it ends when it was killed
        assert lines == (code == 2) or lines == 1 and code == -9 and kept, what
        left = glob.glob(self.path + "/*.tmp") + glob.glob(self.path + ".keys/*.tmp")
        assert len(left) <= 3, left
        if not os.path.exists(self.path + "/seals"):
            assert self.report["entries"] == 0, what
            return
        after = self.look()
        what += f"\nbefore {before}\nafter {after}"
        if after["entries"] == before["entries"] == 0 and after["verdict"] == "UNVERIFIABLE":
            equal(after["why"], "nothing was written yet", what)
            return
        assert after["verdict"] in ("OK", "TORN") and after["exit"] == 0 and after["gap"] == 0, what
        assert after["entries"] >= before["entries"] and after["sealed"] >= before["sealed"], what
        new = after["recoveries"] - before["recoveries"]
        clean = before["closed"] and before["unsealed"] == 0
        due = int(after["entries"] > before["entries"] and not clean)
        if before["entries"] == 0:  # an end while the first segment is made
            assert new <= 1 + kept, what
            due = 0
        else:
            assert due <= new <= due + kept, what
        self.replaced += new - due
        if after["entries"] > before["entries"] and not kept:  # the keeper sealed what was left
            # A signal can end a write in the middle: the keeper takes what is whole.
            equal((after["unsealed"], after["torn_seal"]), (0, False), what)
            assert after["torn_bytes"] == 0 or "collector" in victims, what
        if code == 0:
            equal((after["closed"], after["unsealed"]), (True, 0), what)
        self.report = after

    def look(self):
        """verify, against what was held; and that becomes more."""
        with open(self.path + "/seals", "rb") as seals:
            data = seals.read()
        data = data[:len(data) // 160 * 160]
        assert data.startswith(self.seals), "seals that were written before have changed"
        held = [argument for one in self.held[-20:] for argument in ("--held", one)]
        report = verdict(self.path, *self.key, *held)
        self.seals = data[:160 * (report["seals"] + 1)]
        if report["sealed"]:
            self.held.append(f"{report['sealed']}:{report['root']}")
        if not self.key:
            shutil.copy(self.path + "/identity.pub", self.path + ".pub")
            self.key = ("--key", self.path + ".pub")
        return report

    def finish(self):
        """One run that nobody disturbs; then everything is looked at once more."""
        self.start()
        code, out, err = self.end()
        equal((code, err), (0, ""), out)
        self.check([], 0, code, out, err)
        code, _, err = run("pack", "--chain", self.path)
        equal((code, err), (0, ""), "pack")
        equal(glob.glob(self.path + "/*.tmp") + glob.glob(self.path + ".keys/*.tmp"), [], "left")
        held = [argument for one in self.held for argument in ("--held", one)]
        report = verdict(self.path, *self.key, *held)
        equal((report["exit"], report["closed"], report["unsealed"]), (0, True, 0))
        equal({k: v for k, v in report.items() if k != "unwitnessed"},
              {k: v for k, v in self.report.items() if k != "unwitnessed"}, "after packing")
        said = len(records(self.path, "--kind", "keeper"))
        assert said <= self.replaced <= self.keeper_kills, (said, self.replaced, self.keeper_kills)
        code, out, err = run("replay", "--chain", self.path, "--check")
        equal((code, out[:6], err), (0, "EQUAL:", ""), "replay")


def lane(work, events, number, wanted):
    """Chain after chain until so many were killed."""
    chance = random.Random(f"{SEED} {number}")
    hit, length, chains = collections.Counter(), 0.05, 0
    while sum(hit.values()) < wanted:
        chain = Chain(f"{work}/chain-{number}-{chains}", events, chance)
        chain.length = length
        for turn in range(TURNS):
            begin = time.monotonic()
            try:
                killed = chain.turn(chance.choice(VICTIMS))
            except Exception as wrong:
                raise AssertionError(f"SEED={SEED}, {chain.path}, turn {turn}") from wrong
            if not killed:  # it had ended before: so long does it take
                chain.length += ((time.monotonic() - begin) - chain.length) / 4
            if sum(hit.values()) + sum(chain.hit.values()) >= wanted:
                break
        chain.finish()
        hit += chain.hit
        length = chain.length
        chains += 1
        for path in glob.glob(chain.path + "*"):
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    return hit


def memory():
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def running(work):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as command:
                if work.encode() in command.read():
                    yield pid
        except (FileNotFoundError, ProcessLookupError):
            pass


@case
def killed_at_any_moment(work):
    print(f"# SEED={SEED} KILLS={KILLS}", flush=True)
    storm = Storm("mixed", 60)
    collector = Collector(work + "/captured", "--save-events", work + "/events", scope=f"pid={storm.pid}")
    storm.go()
    storm.issued()
    collector.stop()
    storm.end()
    # The first on the disk, whose syncs take their time, the others in memory.
    places = [work] + (LANES - 1) * [tempfile.mkdtemp(prefix="indelible-test-", dir=memory())]
    hit = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
        done = [lanes.submit(lane, places[n], work + "/events", n, -(-KILLS // LANES)) for n in range(LANES)]
        for one in done:
            hit += one.result()
    for place in places:
        equal(list(running(place)), [], "processes left")
    shutil.rmtree(places[1])
    assert sum(hit.values()) >= KILLS, hit
    print("# kills: " + ", ".join(f"{hit[v]} {v}" for v in sorted(hit)), flush=True)


main()
