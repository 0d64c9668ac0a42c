# SPDX-License-Identifier: Apache-2.0
"""verify as a command: every number in both forms, what is brought along, ages, threads, and the
line on a terminal."""
import json
import os
import pty
import re
import shutil
import subprocess
import time

from lib import INDELIBLE, TOOLS, Collector, case, equal, main, run, verdict

SCOPE = f"pid={os.getpid()}"


def closed_chain(work, name="chain", runs=1):
    chain = work + "/" + name
    for _ in range(runs):
        code, _, err = run("run", "--chain", chain, "--for", "1", "--scope", SCOPE)
        equal((code, err), (0, ""))
    return chain


def tampered(chain, work):
    copy = work + "/copy"
    shutil.copytree(chain, copy)
    with open(copy + "/0000000000000002.seg", "r+b") as segment:
        segment.seek(-3, os.SEEK_END)
        segment.write(b"x")
    return copy


@case
def every_number_is_said(work):
    chain = closed_chain(work)
    words = {"entries": "entries", "sealed": "sealed", "unsealed": "unsealed", "unwitnessed": "unwitnessed",
             "recoveries": "recoveries", "adopted": "adopted", "dead_bytes": "dead", "torn_bytes": "torn",
             "lost": "lost", "pruned": "pruned", "pinned": "pinned", "stray": "stray"}
    empty = work + "/empty"
    os.mkdir(empty)
    for directory, code in ((chain, 0), (empty, 2)):
        got, text, err = run("verify", "--chain", directory)
        equal((got, err), (code, ""))
        report = verdict(directory)
        for name, word in words.items():
            assert name in report, name
            assert word in text, (word, text)
    with open(chain + "/left-behind", "w"):
        pass
    report = verdict(chain, "--key", chain + "/identity.pub", "--held",
                     next(line.split()[-1] for line in run("verify", "--chain", chain)[1].splitlines()
                          if "--held" in line))
    equal((report["verdict"], report["stray"], report["pinned"], report["unwitnessed"]), ("OK", 1, True, 0))


@case
def what_is_no_note_is_told_by_its_line(work):
    chain, other = closed_chain(work), closed_chain(work, "other")
    with open(chain + "/checkpoint", encoding="utf-8") as note:
        lines = note.read().split("\n")
    bad = work + "/bad"
    for number, text in ((1, ""), (2, "12x"), (3, "no root")):
        with open(bad, "w", encoding="utf-8") as note:
            note.write("\n".join(lines[:number - 1] + [text] + lines[number:]))
        code, out, err = run("verify", "--chain", chain, "--checkpoint", bad)
        equal((code, out, len(err.splitlines())), (2, "", 1), err)
        assert bad in err and f"line {number}" in err, (number, err)
    report = verdict(chain, "--checkpoint", other + "/checkpoint")
    equal((report["verdict"], report["exit"]), ("UNVERIFIABLE", 2))
    for origin in (verdict(chain)["origin"], verdict(other)["origin"]):
        assert origin in report["why"], (origin, report["why"])
    equal(verdict(chain, "--checkpoint", chain + "/checkpoint")["verdict"], "OK")


@case
def an_age_may_be_asked(work):
    chain = closed_chain(work)
    report = verdict(chain, "--max-age", "1h")
    equal((report["verdict"], report["max_age"]), ("OK", 3600))
    assert 0 <= report["age"] < 60, report["age"]
    assert "age" not in verdict(chain), "the clock is read only when an age is asked"
    while verdict(chain, "--max-age", "1d")["age"] <= 1:
        time.sleep(0.1)
    report = verdict(chain, "--max-age", "1s")
    equal((report["verdict"], report["exit"]), ("STALE", 1))
    code, text, _ = run("verify", "--chain", chain, "--max-age", "1s", "--quiet")
    equal((code, len(text.splitlines())), (1, 1))
    assert text.startswith("STALE: the newest sealed record is ") and "allowed 1 s" in text, text
    for wrong in "0s", "10", "m", "1w", "-1s", "1.5h", "99999999999999999999s":
        code, _, err = run("verify", "--chain", chain, "--max-age", wrong)
        equal(code, 2)
        assert "--max-age" in err and wrong in err, err


@case
def a_tamper_is_worse_than_an_age(work):
    copy = tampered(closed_chain(work, runs=2), work)
    time.sleep(1.1)
    report = verdict(copy, "--max-age", "1s")
    equal((report["verdict"], report["exit"]), ("TAMPER", 1))


@case
def records_that_are_none_are_told(work):
    """What is signed can still be no record: of the version that the chain says, of a kind that is known."""
    schema = subprocess.run([INDELIBLE, "version"], capture_output=True, text=True, check=True).stdout
    [version] = re.findall(r"records?\D*(\d+)", schema)

    def chain(name, number, *hexes):
        directory = f"{work}/{name}"
        subprocess.run([TOOLS + "/writer", "records", directory, f"indelible-records {number}\n", *hexes], check=True)
        return directory

    good = "15" + "07" + "00" + "17" * 8  # user: an id, no name, a time
    report = verdict(chain("good", version, good, good))
    equal((report["verdict"], report["gap"], report["unknown"]), ("OK", 0, 0))
    report = verdict(chain("unknown", version, good, "3f00"))
    equal((report["verdict"], report["gap"], report["unknown"]), ("OK", 0, 1))
    broken = chain("broken", version, good, "1507", "43", good)
    report = verdict(broken)
    equal((report["verdict"], report["gap"], report["exit"]), ("TAMPER", 2, 1))
    assert "2 records are not well-formed" in run("verify", "--chain", broken)[1]
    report = verdict(chain("other", int(version) + 1, good, "1507", "43"))
    equal((report["verdict"], report["gap"]), ("UNVERIFIABLE", 0))


@case
def what_is_not_sealed_is_not_fresh(work):
    """An idle collector appends every second and seals every ten."""
    idle = subprocess.Popen(["sleep", "1000"])
    collector = Collector(work + "/chain", scope=f"pid={idle.pid}")
    end = time.monotonic() + 60
    while True:
        report = verdict(collector.chain, "--max-age", "2s")
        if report["unsealed"] and report["age"] > 2:
            break
        assert time.monotonic() < end, report
        time.sleep(0.3)
    equal((report["verdict"], report["live"]), ("STALE", True))
    collector.stop()
    idle.kill()
    idle.wait()


@case
def threads_change_nothing(work):
    chain = closed_chain(work, runs=4)
    for directory in (chain, tampered(chain, work)):
        reports = [verdict(directory, "--threads", n) for n in (1, 2, 3, 8)]
        for report in reports[1:]:
            equal(report, reports[0])
    equal(reports[0]["verdict"], "TAMPER")
    equal(run("verify", "--chain", chain, "--threads", "0")[0], 2)


def on_a_terminal(*args):
    """(standard output, what the terminal on standard error got)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([INDELIBLE, *args], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:
            data = b""
        if not data:
            break
        seen += data
    out = process.communicate()[0]
    os.close(ours)
    return out.decode(), seen.decode()


@case
def progress_is_drawn_on_a_terminal_only(work):
    chain = closed_chain(work)
    out, seen = on_a_terminal("verify", "--chain", chain)
    assert out.startswith("OK"), out
    assert "%" in seen and "events/s" in seen and "left" in seen, seen
    assert seen.endswith("\r\x1b[K"), "the line is wiped at the end: " + repr(seen)
    equal(on_a_terminal("verify", "--chain", chain, "--quiet")[1], "")
    out, seen = on_a_terminal("verify", "--chain", chain, "--format", "json")
    json.loads(out)
    equal(seen, "")
    equal(run("verify", "--chain", chain)[2], "", "no terminal")


main()
