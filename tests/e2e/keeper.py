# SPDX-License-Identifier: Apache-2.0
"""The keeper: killed, stopped and outlived, beside a collector at work."""
import os
import signal
import subprocess
import time

from lib import Collector, case, comm, equal, main, records, run, verdict


def wait_for(condition, what):
    for _ in range(1000):
        got = condition()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen")


def work_a_little():
    for _ in range(5):
        subprocess.run(["true"], check=True)


@case
def a_killed_keeper_is_replaced_and_recorded(work):
    chain = work + "/D"
    collector = Collector(chain)
    first = collector.keeper()
    work_a_little()
    os.kill(first, signal.SIGKILL)
    second = wait_for(lambda: next((r["pid"] for r in records(chain, "--kind", "keeper")), None),
                      "a record of the new keeper")
    equal(second != first and comm(second), "indelible-keep")
    equal(collector.keeper(), second, "the new keeper")
    work_a_little()
    collector.stop()
    report = verdict(chain, "--key", chain + "/identity.pub")
    equal((report["verdict"], report["recoveries"], report["unsealed"], report["gap"]), ("TORN", 1, 0, 0))
    found = records(chain)
    [keeper] = [r for r in found if r["kind"] == "keeper"]
    equal((keeper["count"], keeper["name"]), (1, "killed by signal 9 (Killed)"))
    [alert] = [r for r in found if r["kind"] == "alert" and "process that seals was ended" in str(r)]
    equal(alert["entity"], "host")
    equal(run("replay", "--chain", chain, "--check")[0], 0, "exit code of replay --check")


@case
def what_a_killed_collector_wrote_is_sealed(work):
    chain = work + "/D"
    collector = Collector(chain)
    work_a_little()
    wait_for(lambda: len(records(chain, "--kind", "exec")) >= 5, "five records")
    collector.kill()
    report = verdict(chain)
    equal((report["verdict"], report["unsealed"], report["torn_bytes"]), ("TORN", 0, 0))


@case
def nobody_starts_it_by_hand(work):
    equal(run("keeper"), (2, "", "indelible: keeper: is started by 'run', not by hand\n"))


@case
def the_collector_holds_no_key_file(work):
    chain = work + "/D"
    collector = Collector(chain)
    keys = {name: {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
            for name, pid in (("run", collector.process.pid), ("keeper", collector.keeper()))}
    equal([f for f in keys["run"] if f.endswith(".key")], [], "key files the collector has open")
    equal(chain + ".keys/seal.key" in keys["keeper"], True, "the keeper has seal.key open")
    equal([f for f in keys["keeper"] if "bpf" in f], [], "rings and maps the keeper has open")
    collector.stop()


@case
def a_new_log_goes_on_from_the_old_one(work):
    chain = work + "/D"
    collector = Collector(chain)
    work_a_little()
    collector.stop()
    with open(chain + "/identity.pub") as key:
        old = key.read()
    with open(work + "/old.pub", "w") as pinned:
        pinned.write(old)
    collector = Collector(chain, "--new-log")
    equal(b"and names the new one" in collector.said(), True, "what run says of the old log")
    work_a_little()
    collector.stop()
    [kept] = [name for name in os.listdir(work) if name.startswith("D.old-")]
    equal(verdict(f"{work}/{kept}", "--key", work + "/old.pub")["verdict"], "OK")
    equal(verdict(chain, "--key", chain + "/identity.pub")["verdict"], "OK")
    equal(verdict(chain, "--key", work + "/old.pub")["verdict"], "UNVERIFIABLE")
    before, after = verdict(f"{work}/{kept}"), verdict(chain)
    equal((after["continues"]["vkey"], after["continues"]["origin"]), (before["vkey"], before["origin"]))
    held = f"{after['continues']['size']}:{after['continues']['root']}"
    equal(verdict(f"{work}/{kept}", "--held", held)["verdict"], "OK")
    equal((before["continued_by"]["vkey"], before["continued_by"]["origin"]), (after["vkey"], after["origin"]))
    equal(("continues" in before, "continued_by" in after), (False, False), "links that are none")
    for directory, line in ((f"{work}/{kept}", f"continued   by {after['origin']}"),
                            (chain, f"continues   {before['origin']}, --held {held}")):
        assert line in run("verify", "--chain", directory)[1].splitlines(), line
    equal(run("replay", "--chain", chain, "--check")[0], 0, "exit code of replay --check")


@case
def a_damaged_log_is_left_and_a_new_one_begun(work):
    chain = work + "/D"
    collector = Collector(chain)
    work_a_little()
    collector.stop()
    with open(chain + "/0000000000000001.seg", "r+b") as segment:
        segment.seek(-20, os.SEEK_END)
        byte = segment.read(1)
        segment.seek(-1, os.SEEK_CUR)
        segment.write(bytes([byte[0] ^ 1]))
    code, out, err = run("run", "--chain", chain, "--scope", f"pid={os.getpid()}", "--for", "1")
    equal((code, len(err.splitlines())), (1, 1), "exit code and lines of a refused run")
    collector = Collector(chain, "--new-log")
    equal(b"could not be gone on with" in collector.said(), True, "what run says of the old log")
    collector.stop()
    [kept] = [name for name in os.listdir(work) if name.startswith("D.old-") and "keys" not in name]
    equal(verdict(f"{work}/{kept}")["verdict"], "TAMPER")
    equal(verdict(chain)["verdict"], "OK")


main()
