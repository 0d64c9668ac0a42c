# SPDX-License-Identifier: Apache-2.0
"""Known deeds on this kernel: each stands in the chain exactly once, as it was."""
import os
import subprocess

from lib import TOOLS, Collector, Skip, case, equal, expect, main, records, run, verdict


@case
def each_deed_is_recorded_exactly_once(work):
    chain, place = work + "/chain", work + "/place"
    os.mkdir(place)
    collector = Collector(chain)
    done = subprocess.run([TOOLS + "/deeds", place], capture_output=True, text=True, check=True)
    collector.stop()
    lines = done.stdout.splitlines()
    assert len(lines) > 100, done.stdout
    found = records(chain)
    expect(lines, found)
    report = verdict(chain)
    equal((report["verdict"], report["lost"], report["gap"]), ("OK", 0, 0))
    code, out, err = run("replay", "--chain", chain, "--check")
    equal((code, out[:6], err), (0, "EQUAL:", ""), "replay")
    # and nothing was made up: every number the kernel gave out is there once
    seen = [(r["ring"], r["cpu"], r["seq"]) for r in found if "seq" in r]
    equal(len(seen), len(set(seen)), "records with one number")


@case
def what_an_io_uring_has_not_done_yet_is_recorded(work):
    chain, place = work + "/chain", work + "/place"
    os.mkdir(place)
    collector = Collector(chain)
    waits = subprocess.Popen([TOOLS + "/deeds", place, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = waits.stdout.readline()
    collector.stop()
    waits.communicate(timeout=60)
    if not line:
        raise Skip("no io_uring here")
    expect([line.strip()], records(chain))
    equal(verdict(chain)["verdict"], "OK")


@case
def text_is_one_clean_line_a_record(work):
    chain, place = work + "/chain", work + "/place"
    os.mkdir(place)
    collector = Collector(chain)
    subprocess.run([TOOLS + "/deeds", place], capture_output=True, check=True)
    collector.stop()
    code, out, err = run("show", "--chain", chain)
    equal((code, err), (0, ""), "show")
    equal(len(out.splitlines()), len(records(chain)), "lines")
    bad = [c for c in out if c != "\n" and (ord(c) < 32 or ord(c) == 127)]
    equal(bad, [], "control characters")


@case
def actor_names_who_and_how(work):
    chain = work + "/chain"
    collector = Collector(chain)
    subprocess.run(["/bin/sh", "-c", "/bin/true; :"], check=True)
    collector.stop()
    execs = [r for r in records(chain, "--kind", "exec") if r["path"].endswith("/true")]
    equal(len(execs), 1, "execs of true")
    actor = execs[0]["actor"]
    assert actor["how"] in ("guess", "loginuid", "ancestor", "unit", "container"), actor
    equal(actor["acting_as"], "root", "acting_as")
    assert os.path.basename(os.path.realpath("/bin/sh")) in actor["via"], actor
    names = [r for r in records(chain, "--kind", "user") if r["id"] == 0]
    equal([r["name"] for r in names], ["root"], "binding of uid 0")


@case
def a_login_uid_is_the_person_whoever_they_act_as(work):
    chain = work + "/chain"
    collector = Collector(chain)
    done = subprocess.run(["/bin/sh", "-c", "echo 1 > /proc/self/loginuid && /bin/true && exec setpriv "
                           "--reuid 2 --clear-groups /bin/true"], capture_output=True)
    collector.stop()
    if done.returncode:
        raise Skip("cannot set a login uid here: " + done.stderr.decode())
    execs = [r for r in records(chain, "--kind", "exec") if r["path"].endswith("/true")]
    equal([(r["actor"]["kind"], r["actor"]["how"], r["auid"], r["actor"]["user"], r["actor"]["acting_as"])
           for r in execs],
          [("human", "loginuid", 1, "daemon", "root"), ("human", "loginuid", 1, "daemon", "bin")])
    assert execs[0]["session"] != 4294967295, execs[0]
    changes = [(r["old_auid"], r["auid"], r["session"]) for r in records(chain, "--kind", "loginuid")]
    equal(changes, [(4294967295, 1, execs[0]["session"])], "changes of the login uid")
    equal({r["id"]: r["name"] for r in records(chain, "--kind", "user")}, {0: "root", 1: "daemon", 2: "bin"})


@case
def without_a_login_uid_the_login_program_tells(work):
    chain = work + "/chain"
    collector = Collector(chain)
    done = subprocess.run(["su", "root", "-s", "/bin/sh", "-c", "/bin/true"], capture_output=True)
    collector.stop()
    if done.returncode:
        raise Skip("su does not work here: " + done.stderr.decode())
    found = records(chain, "--kind", "exec")
    true = [r for r in found if r["path"].endswith("/true")][0]["actor"]
    equal((true["kind"], true["how"], true["user"]), ("human", "ancestor", "root"))
    assert "su" in true["via"], true
    equal([r["actor"]["how"] for r in found if r["path"].endswith("/su") and not r["result"]], ["guess"], "su itself")


@case
def a_signal_to_the_collector_is_recorded(work):
    chain = work + "/chain"
    collector = Collector(chain)
    subprocess.run(["/bin/kill", "-WINCH", str(collector.process.pid)], check=True)
    collector.stop()
    found = [r for r in records(chain, "--kind", "signal")]
    equal([(r["comm"], r["signal"], r["target_pid"]) for r in found][:1],
          [("kill", "SIGWINCH", collector.process.pid)], "signals")


@case
def the_collector_does_not_record_its_own_reading(work):
    chain = work + "/chain"
    collector = Collector(chain)  # the test is its parent: it is in its own scope
    subprocess.run(["/bin/true"], check=True)
    collector.stop()
    own = [r for r in records(chain) if r.get("pid") == collector.process.pid and r["kind"] == "open"]
    equal([r for r in own if r["result"] >= 0], [], "successful opens of the collector")


main()
