# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the middle of a storm, and what comes after."""
import glob
import os
import resource
import shutil
import subprocess
import time

from lib import Collector, Storm, case, equal, main, records, run, verdict


def chain_entries(chain):
    """RECOVERY entries by verify's count, and how many entries there are."""
    report = verdict(chain)
    return report["recoveries"], report["entries"]


@case
def kill_in_a_storm_then_start_again(work):
    chain = work + "/chain"
    storm = Storm("mixed", 200000)
    collector = Collector(chain, scope=f"pid={storm.pid}")
    storm.go()
    time.sleep(1.5)
    collector.kill()
    torn = verdict(chain)
    equal((torn["verdict"], torn["exit"], torn["recoveries"]), ("TORN", 0, 0))
    assert torn["sealed"] > 1000, torn
    before = records(chain)
    collector = Collector(chain, scope=f"pid={storm.pid}")
    time.sleep(0.5)
    collector.stop()
    storm.process.kill()
    after = records(chain)
    equal(after[:len(before)], before, "the durable records")
    report = verdict(chain)
    equal((report["verdict"], report["exit"], report["recoveries"]), ("TORN", 0, 1))
    equal((report["open"], report["gap"]), (1, 0), "the crashed run's window")
    assert report["entries"] > len(before) and report["unsealed"] == 0 and report["closed"], report
    code, out, err = run("replay", "--chain", chain, "--check")
    equal((code, out[:6], err), (0, "EQUAL:", ""), "replay")


@case
def kill_again_and_again(work):
    """A crash after a crash: each start writes one RECOVERY, nothing that was sealed goes."""
    chain = work + "/chain"
    sealed = 0
    for turn in range(12):
        storm = Storm("open", 1000000)
        collector = Collector(chain, scope=f"pid={storm.pid}")
        storm.go()
        time.sleep(0.05 + 0.11 * (turn % 5))
        collector.kill()
        storm.process.kill()
        report = verdict(chain)
        equal((report["verdict"], report["recoveries"], report["gap"]), ("TORN", turn, 0))
        assert report["sealed"] >= sealed, (report, sealed)
        sealed = report["sealed"]
    Collector(chain).stop()
    report = verdict(chain)
    equal((report["recoveries"], report["unsealed"], report["closed"]), (12, 0, True))


@case
def a_disk_full_at_the_very_first_entry(work):
    """A log and its first segment, but not one entry in it: nothing is in the way of going on."""
    chain = work + "/chain"
    room = (2000, 2000)  # enough for the keys and every header, too little for SCHEMA
    code, _, err = run("run", "--chain", chain, "--scope", f"pid={os.getpid()}",
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, room))
    equal((code, "disk full" in err, len(err.splitlines())), (2, True, 1), err)
    equal(os.path.getsize(chain + "/0000000000000001.seg"), 144, "a header and nothing else")
    equal(verdict(chain)["exit"], 0)
    code, _, err = run("replay", "--chain", chain)
    equal((code, len(err.splitlines())), (2, 1), err)
    Collector(chain).stop()
    report = verdict(chain)
    equal((report["verdict"], report["recoveries"], report["closed"]), ("TORN", 1, True))


@case
def a_clean_stop_needs_no_recovery(work):
    chain = work + "/chain"
    for _ in range(3):
        collector = Collector(chain)
        subprocess.run(["/bin/true"], check=True)
        collector.stop()
    report = verdict(chain)
    equal((report["verdict"], report["recoveries"]), ("OK", 0))


@case
def a_held_checkpoint_shows_what_was_cut(work):
    chain, old = work + "/chain", work + "/old"
    Collector(chain).stop()
    shutil.copytree(chain, old)
    Collector(chain).stop()
    report = verdict(chain)
    held = f"{report['sealed']}:{report['root']}"
    equal(verdict(chain, "--held", held)["verdict"], "OK")
    equal(verdict(old)["verdict"], "OK", "cut at a CLOSE, no checkpoint held")
    cut = verdict(old, "--held", held)
    equal((cut["verdict"], cut["exit"]), ("ROLLBACK", 1))
    cut = verdict(old, "--checkpoint", chain + "/checkpoint")
    equal((cut["verdict"], cut["exit"]), ("ROLLBACK", 1))
    wrong = f"{report['sealed']}:{'0' * 64}"
    equal(verdict(chain, "--held", wrong)["verdict"], "FORK")
    # the old chain put back under the newer keys: refused, not continued
    shutil.rmtree(chain)
    shutil.copytree(old, chain)
    code, out, err = run("run", "--chain", chain, "--for", "1", "--scope", f"pid={os.getpid()}")
    equal(code, 1, err)
    assert "rolled back" in err or "ahead" in err, err


@case
def a_flipped_bit_anywhere_is_found(work):
    """A cleanly closed chain of a real run: one bit of every byte, all eight in turn."""
    chain = work + "/chain"
    Collector(chain, "--for", "1").process.wait(20)
    equal(verdict(chain)["verdict"], "OK")
    flips = 0
    for path in sorted(glob.glob(chain + "/*")):
        data = bytearray(open(path, "rb").read())
        step = max(1, len(data) // 250)
        for at in range(0, len(data), step):
            bit = 1 << (at // step % 8)
            data[at] ^= bit
            with open(path, "wb") as f:
                f.write(data)
            code, out, _ = run("verify", "--chain", chain)
            assert code != 0 and not out.startswith("OK"), (path, at, bit, out)
            data[at] ^= bit
            flips += 1
        with open(path, "wb") as f:
            f.write(data)
    equal(verdict(chain)["verdict"], "OK", "put back")
    assert flips > 500, flips


main()
