# SPDX-License-Identifier: Apache-2.0
"""What is watched, and what is not; following a chain as it grows."""
import json
import os
import subprocess
import time

from lib import INDELIBLE, Collector, Skip, case, equal, main, records, run, verdict


def opened(chain):
    """Names of the missing files that were asked for, in order: each test uses names of its own."""
    return [os.path.basename(r["path"]) for r in records(chain, "--kind", "open")
            if r["path"].startswith("/nonexistent/")]


@case
def a_tree_with_all_its_descendants(work):
    chain = work + "/chain"
    for name in "go1", "go2":
        os.mkfifo(f"{work}/{name}")
    # root of the tree: has a child before the collector starts, makes others after, one of which
    # outlives its parent and becomes somebody else's child
    root = subprocess.Popen(["/bin/sh", "-c", """
        (read line < "$0/go1"; cat /nonexistent/older) & read line < "$0/go2"
        cat /nonexistent/child; (cat /nonexistent/grandchild)
        ( (sleep 0.3; cat /nonexistent/orphan; : > "$0/done") & )
        wait""", work], stderr=subprocess.DEVNULL)
    time.sleep(0.2)
    collector = Collector(chain, scope=f"pid={root.pid}")
    subprocess.run(["cat", "/nonexistent/stranger"], stderr=subprocess.DEVNULL)
    for name in "go1", "go2":
        with open(f"{work}/{name}", "w") as fifo:
            fifo.write("go\n")
    root.wait()
    while not os.path.exists(work + "/done"):
        time.sleep(0.05)
    collector.stop()
    equal(sorted(opened(chain)), ["child", "grandchild", "older", "orphan"])
    filtered = sum(r["families"]["file"]["filtered"] for r in records(chain, "--kind", "counters")[-8:])
    assert filtered > 0, "what is out of scope is counted"
    equal(verdict(chain)["verdict"], "OK")


@case
def a_control_group(work):
    mounts = [line.split() for line in open("/proc/mounts")]
    top = [m[1] for m in mounts if m[2] == "cgroup2"]
    if not top:
        raise Skip("no cgroup v2 is mounted")
    group = f"{top[0]}/indelible-test-{os.getpid()}"
    try:
        os.mkdir(group)
    except OSError as error:
        raise Skip(f"cannot make a cgroup: {error}")
    try:
        os.mkdir(group + "/below")
        chain = work + "/chain"
        collector = Collector(chain, scope=f"cgroup={group}")
        subprocess.run(["/bin/sh", "-c", f"echo $$ > {group}/below/cgroup.procs; cat /nonexistent/inside"],
                       stderr=subprocess.DEVNULL)
        subprocess.run(["cat", "/nonexistent/outside"], stderr=subprocess.DEVNULL)
        collector.stop()
        equal(opened(chain), ["inside"])
        ids = {r["cgroup"] for r in records(chain, "--kind", "open") if r["path"] == "/nonexistent/inside"}
        equal(ids, {os.stat(group + "/below").st_ino}, "cgroup id")
    finally:
        os.rmdir(group + "/below")
        os.rmdir(group)


@case
def filters_of_show(work):
    chain = work + "/chain"
    collector = Collector(chain)
    subprocess.run(["cat", "/nonexistent/one"], stderr=subprocess.DEVNULL)
    collector.stop()
    every = records(chain)
    kinds = {r["kind"] for r in records(chain, "--kind", "exec,open")}
    equal(kinds, {"exec", "open"})
    root = records(chain, "--user", "root")
    assert 0 < len(root) < len(every)
    equal(records(chain, "--user", "nobody-at-all"), [])
    middle = every[len(every) // 2]["time"][:19] + "Z"
    early, late = records(chain, "--until", middle), records(chain, "--since", middle)
    equal(early + late, every)
    equal(records(chain, "--since", "1h"), every)
    equal(records(chain, "--until", "1h"), [])


@case
def follow_shows_what_comes(work):
    chain = work + "/chain"
    collector = Collector(chain)
    follower = subprocess.Popen([INDELIBLE, "show", "--chain", chain, "--follow", "--kind", "open",
                                 "--format", "json"], stdout=subprocess.PIPE, text=True)
    subprocess.run(["cat", "/nonexistent/now"], stderr=subprocess.DEVNULL)
    for line in follower.stdout:
        if json.loads(line)["path"] == "/nonexistent/now":
            break
    follower.kill()
    follower.wait()
    collector.stop()


@case
def status_tells_of_the_running_collector(work):
    chain = work + "/chain"
    collector = Collector(chain)
    for _ in range(300):
        subprocess.run(["/bin/true"], check=True)
    time.sleep(1.5)
    code, out, err = run("status", "--chain", chain, "--format", "json")
    equal((code, err), (0, ""))
    status = json.loads(out)
    equal((status["running"], status["pid"]), (True, collector.process.pid))
    # Counters may be a few events behind on each CPU.
    assert status["families"]["process"]["sent"] >= 900 - 16 * os.cpu_count(), status
    assert status["canary"] is True, status
    collector.stop()


main()
