# SPDX-License-Identifier: Apache-2.0
"""Copies at further places: made while the collector runs, looked at, interrupted, refused; and
pruning what they hold."""
import glob
import os
import random
import shutil
import subprocess
import time

from lib import INDELIBLE, Collector, Skip, case, equal, main, records, run, verdict

HERE = os.path.dirname(os.path.abspath(__file__))
ASSEMBLE = os.path.join(HERE, "../../tools/assemble")


def segments(chain):
    return sorted(os.path.basename(f) for f in glob.glob(chain + "/*.seg*") if not f.endswith(".tmp"))


def make_chain(chain, runs):
    """A closed chain of so many runs: one segment or more each."""
    for _ in range(runs):
        collector = Collector(chain)
        subprocess.run(["/bin/true"], check=True)
        collector.stop()


def archive(chain, *args, wanted=0):
    code, out, err = run("archive", "--chain", chain, *args)
    equal(code, wanted, f"archive: {out} {err}")
    return out, err


def assert_copy(copy, *allowed):
    """verify accepts it by itself; it may at most be torn, that is: not closed."""
    report = verdict(copy, "--key", copy + "/identity.pub")
    assert report["verdict"] in (allowed or ("OK", "TORN")) and report["exit"] == 0, report
    return report


def replays(chain):
    code, out, err = run("replay", "--chain", chain, "--check")
    equal((code, out[:6], err), (0, "EQUAL:", ""), "replay")


@case
def copied_while_it_runs(work):
    chain, copy = work + "/chain", work + "/copy"
    collector = Collector(chain)
    sizes = []
    for _ in range(3):
        subprocess.run(["/bin/true"], check=True)
        time.sleep(0.3)
        archive(chain, "--to", copy)
        report = assert_copy(copy)
        equal(report["unsealed"], 0)
        sizes.append(report["sealed"])
    code, out, _ = run("status", "--chain", chain)
    assert code == 0 and f"entries below {sizes[-1]} are at {copy}" in out, out
    collector.stop()
    assert sizes == sorted(sizes), sizes
    said = records(chain, "--kind", "archive")
    equal(sorted({r["size"] for r in said}), sorted(set(sizes)))
    equal({(r["place"], r["result"]) for r in said}, {(copy, 0)})
    equal(verdict(chain)["verdict"], "OK")
    replays(chain)
    archive(chain, "--to", copy)  # the end as well; nobody runs
    equal(assert_copy(copy)["closed"], True)
    equal(verdict(chain)["verdict"], "OK")
    replays(chain)


@case
def again_and_again(work):
    """--every: until it is told to stop; what it says last is in the copy."""
    chain, copy = work + "/chain", work + "/copy"
    collector = Collector(chain)
    process = subprocess.Popen([INDELIBLE, "archive", "--chain", chain, "--to", copy, "--every", "1"],
                               stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(3)]
    process.terminate()
    out = process.communicate(timeout=60)[0]
    equal(process.returncode, 0, out)
    assert all(" entries are at " in line for line in lines), lines
    collector.stop()
    assert_copy(copy)


@case
def a_changed_copy_is_found_and_left(work):
    chain, copy = work + "/chain", work + "/copy"
    make_chain(chain, 3)
    archive(chain, "--to", copy)
    for name in segments(copy) + ["seals", "checkpoint"]:
        path = os.path.join(copy, name)
        data = bytearray(open(path, "rb").read())
        data[len(data) // 2] ^= 4
        with open(path, "wb") as f:
            f.write(data)
        _, err = archive(chain, "--to", copy, wanted=1)
        assert name in err, (name, err)
        equal(open(path, "rb").read(), bytes(data), "the changed file")
        data[len(data) // 2] ^= 4
        with open(path, "wb") as f:
            f.write(data)
    archive(chain, "--to", copy)
    assert_copy(copy)


@case
def refused_places(work):
    chain, other, copy = work + "/chain", work + "/other", work + "/copy"
    make_chain(chain, 1)
    make_chain(other, 1)
    archive(other, "--to", copy)
    before = sorted(os.listdir(copy))
    _, err = archive(chain, "--to", copy, wanted=2)
    assert "a copy of" in err, err
    for place in (chain + "/x", chain + ".keys/x", chain, work):
        _, err = archive(chain, "--to", place, wanted=2)
        assert "must not lie in each other" in err, err
    equal(sorted(os.listdir(copy)), before)
    full = work + "/full"
    os.mkdir(full)
    open(full + "/mine", "w").close()
    _, err = archive(chain, "--to", full, wanted=2)
    assert "neither empty nor a copy" in err, err
    equal(verdict(chain)["stray"], 0)


@case
def killed_at_any_moment(work):
    """kill -9 twenty times: what is there is good at any moment, and the next one goes on."""
    chain, copy = work + "/chain", work + "/copy"
    collector = Collector(chain, "--segment-size", "4096")
    chance = random.Random(1)
    killed = 0
    for turn in range(20):
        for _ in range(20):
            subprocess.run(["/bin/true"], check=True)
        process = subprocess.Popen([INDELIBLE, "archive", "--chain", chain, "--to", copy],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * 0.03)
        killed += process.poll() is None
        process.kill()
        process.wait()
        if os.path.exists(copy + "/seals"):
            assert_copy(copy)
    collector.stop()
    assert killed > 5, killed
    archive(chain, "--to", copy)
    equal(assert_copy(copy)["closed"], True)


@case
def the_place_is_full_then_is_not(work):
    chain, mount = work + "/chain", work + "/mount"
    make_chain(chain, 4)
    os.mkdir(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12k", "none", mount]).returncode:
        raise Skip("cannot mount a small file system")
    try:
        there = {n: open(chain + "/" + n, "rb").read() for n in segments(chain)}
        for _ in range(2):
            _, err = archive(chain, "--to", mount, wanted=2)
            assert "No space left" in err, err
        failures = records(chain, "--kind", "archive")
        equal([r["error"] for r in failures], ["ENOSPC"], "one record for one outage")
        code, out, _ = run("status", "--chain", chain)
        assert f"archive  to {mount} fails since " in out and "No space left" in out, out
        for name, data in there.items():
            equal(open(chain + "/" + name, "rb").read(), data, name)
        subprocess.run(["mount", "-o", "remount,size=10m", mount], check=True)
        archive(chain, "--to", mount)
        assert_copy(mount)
        equal(records(chain, "--kind", "archive")[-1]["result"], 0)
        subprocess.run(["umount", mount], check=True)
        # the mount is gone: an empty directory is not the place
        _, err = archive(chain, "--to", mount, wanted=2)
        assert "not mounted" in err, err
        equal(os.listdir(mount), [])
        archive(chain, "--to", mount, "--anew")
        assert_copy(mount)
    finally:
        subprocess.run(["umount", mount], stderr=subprocess.DEVNULL)


class Every:
    """archive --every 1, until it is told to stop; what it says is kept."""

    def __init__(self, chain, place, log):
        self.log = log
        with open(log, "wb") as said:
            self.process = subprocess.Popen([INDELIBLE, "archive", "--chain", chain, "--to", place, "--every", "1"],
                                            stdout=said, stderr=subprocess.STDOUT)

    def said(self):
        with open(self.log) as said:
            return said.read().splitlines()

    def stop(self):
        self.process.terminate()
        equal(self.process.wait(60), 0, "exit code of archive: " + str(self.said()))


def wait_for(condition, what):
    for _ in range(1500):
        got = condition()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen")


def outcomes(chain):
    """What the chain says of its copies: 0 or the error, repetitions left out."""
    said = [r["error"] if r["result"] else 0 for r in records(chain, "--kind", "archive")]
    return [one for n, one in enumerate(said) if n == 0 or one or said[n - 1] != one]


@case
def the_place_is_gone_and_comes_back(work):
    """Once without a trace, once as an empty directory: both kept out of the way, said, and recorded."""
    chain, place = work + "/chain", work + "/disk/copy"
    os.mkdir(work + "/disk")
    collector = Collector(chain)
    archiver = Every(chain, place, work + "/said")
    wait_for(lambda: outcomes(chain) == [0], "a first copy")
    before = len(archiver.said())
    os.rename(work + "/disk", work + "/away")
    wait_for(lambda: outcomes(chain) == [0, "ENODEV"], "the record of a failure")
    code, out, _ = run("status", "--chain", chain)
    assert code == 0 and f"archive  to {place} fails since" in out and "not mounted?" in out, out
    shown = run("show", "--chain", chain, "--kind", "archive")[1].splitlines()[-1]
    assert f"cannot copy to {place}" in shown and "not mounted?" in shown, shown
    wait_for(lambda: sum("not mounted?" in line for line in archiver.said()) == 2, "another attempt")
    assert not os.path.exists(work + "/disk"), "made something where the place was"
    os.rename(work + "/away", work + "/disk")
    wait_for(lambda: outcomes(chain) == [0, "ENODEV", 0], "the record of a copy")
    assert sum("not mounted?" in line for line in archiver.said()[before:]) <= 4, archiver.said()
    code, out, _ = run("status", "--chain", chain)
    assert "fails since" not in out and f"are at {place}" in out, out
    archiver.stop()
    collector.stop()
    os.rename(place, work + "/away")
    os.mkdir(place)
    _, err = archive(chain, "--to", place, wanted=2)
    assert "not mounted?" in err and os.listdir(place) == [], err
    os.rmdir(place)
    os.rename(work + "/away", place)
    archive(chain, "--to", place)
    equal(assert_copy(place)["closed"], True)
    equal(outcomes(chain), [0, "ENODEV", 0, "ENODEV", 0])
    equal(verdict(chain)["exit"], 0)


def mounted(place, options):
    os.makedirs(place, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], capture_output=True).returncode:
        raise Skip("cannot mount a small file system")


def fill(path):
    """Take all the room that is left."""
    with open(path, "wb", buffering=0) as filler:
        for size in 1 << 16, 1:
            try:
                while True:
                    filler.write(size * b"f")
            except OSError:
                pass


@case
def read_only_or_full_while_another_is_well(work):
    chain, well, disk = work + "/chain", work + "/well", work + "/disk"
    ill = disk + "/copy"
    make_chain(chain, 1)
    mounted(disk, "size=1m")
    try:
        for place in well, ill:
            archive(chain, "--to", place)
        for error, text in ("EROFS", "Read-only"), ("ENOSPC", "No space"):
            collector = Collector(chain)
            if error == "ENOSPC":
                fill(disk + "/filler")
            else:
                subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            for _ in range(2):
                archive(chain, "--to", well)
                _, err = archive(chain, "--to", ill, wanted=2)
                assert text in err and ill in err and len(err.splitlines()) == 1, err
                code, out, _ = run("status", "--chain", chain)
                assert code == 0 and f"are at {well}" in out and f"archive  to {ill} fails since" in out, out
                assert_copy(ill)
            equal([r["error"] for r in records(chain, "--kind", "archive") if r["result"]][-1], error)
            equal(verdict(chain)["exit"], 0, "kept here")
            if error == "ENOSPC":
                os.unlink(disk + "/filler")
            else:
                subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
            archive(chain, "--to", ill)
            code, out, _ = run("status", "--chain", chain)
            assert code == 0 and "fails since" not in out and f"are at {ill}" in out, out
            collector.stop()
        equal([r["error"] for r in records(chain, "--kind", "archive") if r["result"]], ["EROFS", "ENOSPC"])
        for place in well, ill:
            archive(chain, "--to", place)
            equal(assert_copy(place)["closed"], True)
    finally:
        subprocess.run(["umount", disk], check=True)


STORE = 'if [ $INDELIBLE_OP = put ]; then cat >"{0}/$INDELIBLE_NAME"; else cat "{0}/$INDELIBLE_NAME"; fi'


@case
def objects_through_a_command(work):
    chain, store = work + "/chain", work + "/store"
    os.mkdir(store)
    command = STORE.format(store)
    collector = Collector(chain)
    for turn in range(3):
        subprocess.run(["/bin/true"], check=True)
        time.sleep(0.2)
        if turn == 1:
            collector.stop()
            collector = Collector(chain)
        archive(chain, "--to-command", command)
        shutil.rmtree(work + "/made", ignore_errors=True)
        subprocess.run([ASSEMBLE, store, work + "/made"], check=True)
        equal(assert_copy(work + "/made")["unsealed"], 0)
    collector.stop()
    times = {f: os.stat(store + "/" + f).st_mtime_ns for f in os.listdir(store)}
    archive(chain, "--to-command", command)
    for name, then in times.items():
        equal(os.stat(store + "/" + name).st_mtime_ns, then, name + " sent once")
    equal(verdict(chain)["verdict"], "OK")


@case
def a_command_that_fails_at_any_object(work):
    """What is there then is good as far as its checkpoint."""
    chain, store, before, room = work + "/chain", work + "/store", work + "/before", work + "/room"
    command = f'[ $INDELIBLE_OP = get ] || [ $(ls "{store}" | wc -l) -lt $(cat {room}) ] || exit 5; ' + STORE.format(store)

    def leave_room(objects):
        with open(room, "w") as limit:
            limit.write(str(objects))

    os.mkdir(store)
    leave_room(1000)
    for archived in True, False:
        collector = Collector(chain, "--segment-size", "16384", "--no-pack")
        for _ in range(2):
            for _ in range(20):
                subprocess.run(["/bin/true"], check=True)
            time.sleep(0.2)
        collector.stop()
        if archived:
            archive(chain, "--to-command", command)
    shutil.copytree(store, before)
    there = len(os.listdir(store))
    for puts in range(60):
        shutil.rmtree(store)
        shutil.copytree(before, store)
        leave_room(there + puts)
        code, _, err = run("archive", "--chain", chain, "--to-command", command)
        shutil.rmtree(work + "/made", ignore_errors=True)
        subprocess.run([ASSEMBLE, store, work + "/made"], check=True)
        assert_copy(work + "/made")
        if code == 0:
            break
        assert "exit code 5" in err, err
    equal((code, puts > 3), (0, True), f"{puts} objects")


@case
def a_command_that_fails(work):
    chain, store = work + "/chain", work + "/store"
    os.mkdir(store)
    make_chain(chain, 2)
    _, err = archive(chain, "--to-command", "cat >/dev/null; exit 3", wanted=2)
    assert "exit code 3" in err, err
    _, err = archive(chain, "--to-command", "kill -9 $$", wanted=2)
    assert "signal 9" in err, err
    # it takes everything, and gives back something else
    liar = 'if [ $INDELIBLE_OP = put ]; then cat >/dev/null; else echo other; fi'
    _, err = archive(chain, "--to-command", liar, wanted=1)
    assert "reads back" in err, err
    # fails in the middle, then goes on
    flaky = f'[ $INDELIBLE_NAME = identity.pub ] || [ -e {work}/go ] || exit 5; '
    command = flaky + STORE.format(store)
    archive(chain, "--to-command", command, wanted=2)
    equal(os.listdir(store), ["identity.pub"])
    open(work + "/go", "w").close()
    archive(chain, "--to-command", command)
    subprocess.run([ASSEMBLE, store, work + "/made"], check=True)
    assert_copy(work + "/made")


@case
def pruned_while_it_runs(work):
    chain, copy = work + "/chain", work + "/copy"
    make_chain(chain, 4)
    collector = Collector(chain, "--no-pack")  # names stay what they are
    archive(chain, "--to", copy)
    before = segments(chain)
    code, out, err = run("prune", "--chain", chain, "--keep-segments", 3, "--dry-run")
    equal((code, segments(chain)), (0, before), out + err)
    code, out, err = run("prune", "--chain", chain, "--keep-segments", 3)
    equal((code, segments(chain)), (0, before[-3:]), out + err)
    equal(verdict(chain)["verdict"], "OK")
    archive(chain, "--to", copy)
    assert_copy(copy)
    collector.stop()
    report = verdict(chain)
    equal((report["verdict"], report["exit"], report["gap"]), ("OK", 0, 0), report["why"])
    assert report["pruned"] > 0, report
    said = records(chain, "--kind", "prune")
    equal([(r["uid"], r["keep_first"]) for r in said], [(os.geteuid(), report["pruned"])])
    assert copy in said[0]["why"], said
    code, out, err = run("replay", "--chain", chain, "--check")
    equal(code, 2, out + err)
    assert "pruned" in err and out.startswith("CANNOT COMPARE ALL"), (out, err)
    # a run that began since can be compared: once all before it is gone
    make_chain(chain, 3)
    equal(verdict(chain)["verdict"], "OK")
    code, out, err = run("prune", "--chain", chain, "--keep-segments", 2, "--unarchived")
    equal(code, 0, out + err)
    make_chain(chain, 1)
    report = verdict(chain)
    equal((report["verdict"], report["gap"]), ("OK", 0), report["why"])


@case
def pruned_when_nobody_runs(work):
    chain, copy = work + "/chain", work + "/copy"
    make_chain(chain, 4)
    before = segments(chain)
    code, out, err = run("prune", "--chain", chain, "--keep-segments", 2)
    equal((code, segments(chain)), (2, before), out)
    assert "--unarchived" in err, err
    code, out, err = run("prune", "--chain", chain, "--keep-segments", 1)
    equal((code, segments(chain)), (2, before), out)
    code, out, err = run("prune", "--chain", chain, "--older-than", "1h")
    equal((code, segments(chain)), (0, before), out + err)
    archive(chain, "--to", copy)
    code, out, err = run("prune", "--chain", chain, "--keep-segments", 2)
    equal(code, 0, out + err)
    assert before[0] not in segments(chain) and before[-1] in segments(chain), segments(chain)
    report = verdict(chain)
    equal((report["verdict"], report["pruned"] > 0), ("OK", True), report["why"])
    assert records(chain), "show"
    archive(chain, "--to", copy)
    equal(assert_copy(copy)["pruned"], 0, "the copy is whole")


@case
def pruning_that_was_cut_short(work):
    """PRUNE is sealed, but the segments are there, or some are: the next one finishes."""
    chain, saved = work + "/chain", work + "/saved"
    make_chain(chain, 4)
    shutil.copytree(chain, saved)
    first = segments(chain)
    code, out, err = run("prune", "--chain", chain, "--keep-segments", 2, "--unarchived")
    equal(code, 0, out + err)
    gone = [s for s in first if s not in segments(chain)]
    assert len(gone) >= 2, gone
    for name in gone[1:]:  # as if only the oldest had been deleted
        shutil.copy(os.path.join(saved, name), chain)
    equal(verdict(chain)["verdict"], "OK")
    code, out, err = run("prune", "--chain", chain, "--keep-segments", 2, "--unarchived")
    equal(code, 0, out + err)
    assert not set(gone) & set(segments(chain)), segments(chain)
    equal(verdict(chain)["verdict"], "OK")


main()
