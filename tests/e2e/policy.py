# SPDX-License-Identifier: Apache-2.0
"""What is recorded is what the policy says, and nothing that it does not say goes without a count."""
import os
import subprocess
import sys
from lib import (TOOLS, Collector, Skip, Storm, case, equal, main, records, run, tally, unmet, verdict,
                 write_policy)


def python(code, *args):
    """A process of its own: its events are told apart by its pid."""
    child = subprocess.Popen([sys.executable, "-S", "-c", "import os, sys, time\n" + code, *args])
    equal(child.wait(60), 0, "exit code of the program")
    return child.pid


def paths(chain, pid):
    return [r["path"] for r in records(chain, "--kind", "open") if r["pid"] == pid]


OPEN = """
def touch(path, flags):
    try:
        os.close(os.open(path, flags))
    except OSError:
        pass
"""


@case
def opens_by_name(work):
    chain, tree = work + "/D", work + "/tree"
    os.makedirs(tree + "/etc/deep/er")
    os.makedirs(tree + "/home/alice/.ssh")
    for name in "etc/a", "etc/deep/er/b", "etc/skip", "other", "home/alice/.ssh/id_rsa", "home/id_rsa", "key_one":
        with open(f"{tree}/{name}", "w") as file:
            file.write(name)
    policy = write_policy(work + "/policy", f"policy 1\nopens write {tree}/etc\nopens none {tree}/etc/skip\n"
                          f"opens any **/.ssh/id_rsa {tree}/**/key_*\n")
    collector = Collector(chain, "--policy", policy)
    pid = python(OPEN + """
for path in sys.argv[1:]:
    touch(path, os.O_RDONLY)
    touch(path, os.O_WRONLY)
""", *(f"{tree}/{name}" for name in ("etc/a", "etc/deep/er/b", "etc/skip", "etcetera", "other", "home/alice/.ssh/id_rsa",
                                    "home/id_rsa", "key_one")))
    collector.stop()
    equal([path[len(tree) + 1:] for path in paths(chain, pid) if path.startswith(tree)],
          ["etc/a", "etc/deep/er/b", "home/alice/.ssh/id_rsa", "home/alice/.ssh/id_rsa", "key_one", "key_one"])
    [config] = records(chain, "--kind", "config")
    assert f"opens write {tree}/etc" in config["policy"], config
    equal(verdict(chain)["verdict"], "OK")


@case
def what_an_io_uring_opens(work):
    """The policy looks at the file and the result, as of any open; what nobody can look at is recorded."""
    chain, place = work + "/D", work + "/place"
    os.mkdir(place)
    collector = Collector(chain, "--policy", write_policy(work + "/policy", f"policy 1\nopens write {place}\nopens refused\n"))
    done = subprocess.run([TOOLS + "/deeds", place, "ring"], capture_output=True, text=True, check=True)
    collector.stop()
    deeds = [line for line in done.stdout.splitlines() if "unfinished=" not in line]
    if not deeds:
        raise Skip("no io_uring here")
    reads = [d for d in deeds if d.startswith("open ") and (" flags=0 " in d and " resolved=1" in d or " result=-2 " in d)]
    equal((len(reads), len(deeds)), (2, 16), "deeds that the policy does not want, and all")
    found = records(chain)
    equal([(hits, line) for hits, line, _ in unmet(deeds, found)], [(0, line) for line in reads], "deeds not recorded once")
    filtered = {r["cpu"]: r["families"]["file"]["filtered"] for r in found if r["kind"] == "counters"}
    assert sum(filtered.values()) >= len(reads), filtered
    equal(verdict(chain)["verdict"], "OK")


@case
def another_name_of_a_watched_file(work):
    """A hard link, and a bind mount of a directory above it."""
    chain, tree = work + "/D", work + "/tree"
    os.makedirs(tree + "/secret/below")
    for name in "secret/file", "secret/below/file":
        open(f"{tree}/{name}", "w").close()
    os.link(tree + "/secret/file", tree + "/innocent")
    os.mkdir(tree + "/mounted")
    policy = write_policy(work + "/policy", f"policy 1\nopens write {tree}/secret {tree}/secret/file\n")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        raise Skip("no mount namespace of our own")
    collector = Collector(chain, "--policy", policy)
    pid = python(OPEN + "touch(sys.argv[1], os.O_WRONLY)", tree + "/innocent")
    script = f"mount --bind {tree}/secret/below {tree}/mounted && echo x >{tree}/mounted/file"
    equal(subprocess.run(["unshare", "-m", "sh", "-c", script]).returncode, 0)
    collector.stop()
    equal(paths(chain, pid), [tree + "/innocent"])
    [found] = [r for r in records(chain, "--kind", "open") if r["path"] == tree + "/mounted/file"]
    assert "bind" in found["flags"], found


@case
def a_watched_place_by_a_path_without_its_name(work):
    """Of a mount that is in no namespace, of a root that was a directory in it, of a depth that no path holds."""
    chain, tree = work + "/D", work + "/tree"
    os.makedirs(tree + "/secret/below")
    for name in "secret/below/detached", "secret/below/pivoted":
        open(f"{tree}/{name}", "w").close()
    policy = write_policy(work + "/policy", f"policy 1\nopens write {tree}/secret\n")
    collector = Collector(chain, "--policy", policy)
    pids = [python("""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    if libc.syscall(*args) < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
""" + code, tree + "/secret/below") for code in ("""
tree = libc.syscall(428, -100, sys.argv[1].encode(), 1)
os.close(os.open("detached", os.O_WRONLY, dir_fd=tree))
""", """
call(272, 0x20000)
call(165, b"none", b"/", None, 0x44000, None)
call(165, sys.argv[1].encode(), sys.argv[1].encode(), None, 0x1000, None)
os.chdir(sys.argv[1])
call(155, b".", b".")
os.close(os.open("/pivoted", os.O_WRONLY))
""", """
os.chdir(sys.argv[1])
for i in range(300):
    os.mkdir("d")
    os.chdir("d")
os.close(os.open("deep", os.O_WRONLY | os.O_CREAT))
""")]
    collector.stop()
    found = [[os.path.basename(path) for path in paths(chain, pid) if "__pycache__" not in path] for pid in pids]
    equal(found, [["detached"], ["pivoted"], ["deep"]])


@case
def refused_opens_and_nothing_else(work):
    chain = work + "/D"
    os.mkdir(work + "/place")
    os.chmod(work, 0o755)
    open(work + "/place/closed", "w").close()
    os.chmod(work + "/place/closed", 0o600)
    policy = write_policy(work + "/policy", "policy 1\nopens refused\n")
    collector = Collector(chain, "--policy", policy)
    pid = python(OPEN + "os.setresuid(65534, 65534, 65534)\nfor path in sys.argv[1:]: touch(path, os.O_RDONLY)",
                 work + "/place/closed", work + "/place/none", "/etc/hostname")
    collector.stop()
    equal([(r["path"], r["result"]) for r in records(chain, "--kind", "open") if r["pid"] == pid],
          [(work + "/place/closed", -13)])


@case
def families_and_users(work):
    chain = work + "/D"
    policy = write_policy(work + "/policy", "policy 1\nrecord process file credential\nopens all\nusers 65534\n")
    collector = Collector(chain, "--policy", policy)
    code = OPEN + """
touch("/etc/hostname", os.O_RDONLY)
os.close(os.memfd_create("unseen"))
os.setresuid(65534, 65534, 65534)
touch("/etc/hosts", os.O_RDONLY)
"""
    pid = python(code)
    collector.stop()
    equal([path for path in paths(chain, pid) if path.startswith("/etc/host")], ["/etc/hosts"])
    mine = {r["kind"] for r in records(chain) if r.get("pid") == pid}
    assert {"exec", "exit", "setuid"} <= mine and "memfd" not in mine, mine


@case
def changed_while_it_runs_without_a_gap(work):
    """Two names that both policies watch: each open of them is recorded, whichever is in force."""
    chain = work + "/D"
    names = [f"{work}/always", f"{work}/sometimes"]
    for name in names:
        open(name, "w").close()
    both = write_policy(work + "/both", "policy 1\nfold off\nopens any **/always **/sometimes\n")
    one = write_policy(work + "/one", "policy 1\nfold off\nopens any **/always\n")
    collector = Collector(chain, "--policy", both)
    writer = subprocess.Popen([sys.executable, "-S", "-c", "import os, sys, time\nn, end = 0, time.time() + 3\n"
                               "while time.time() < end:\n os.close(os.open(sys.argv[1], 0)); n += 1\n"
                               " if n % 20 == 0: time.sleep(0.0005)\nprint(n)", names[0]],
                              stdout=subprocess.PIPE, text=True)
    changes = 0
    while writer.poll() is None:
        code, out, err = run("policy", "--chain", chain, [one, both][changes % 2])
        equal((code, err), (0, ""), out)
        changes += 1
    opened = int(writer.communicate()[0])
    assert changes > 1, "it was meant to change under load"
    equal(run("policy", "--chain", chain)[1], open([one, both][(changes - 1) % 2]).read())
    collector.stop()
    equal(paths(chain, writer.pid).count(names[0]), opened, "opens recorded")
    equal(len(records(chain, "--kind", "config")), changes + 1)
    equal(verdict(chain)["verdict"], "OK")


@case
def a_bad_policy_changes_nothing(work):
    chain = work + "/D"
    good = write_policy(work + "/good", "policy 1\nopens any **/wanted\n")
    collector = Collector(chain, "--policy", good)
    cases = (("policy 2\n", "line 1"), ("opens all\n", "line 1"), ("policy 1\n\nopens some /etc\n", "line 3"),
             ("policy 1\nopens any etc\n", "'etc'"), ("policy 1\nopens any /a/../b\n", "/a/../b"),
             ("policy 1\nopens any **/a*b\n", "star"), ("policy 1\nusers bob\n", "'bob'"),
             ("policy 1\nrecord fork\n", "'fork'"), ("policy 1\nfold never\n", "fold"),
             ("policy 1\nopens any /1/2/3/4/5/6/7\n", "at most 6"), ("", "policy 1"))
    for text, word in cases:
        bad = write_policy(work + "/bad", text)
        for args in ["--check", bad], ["--chain", chain, bad]:
            code, out, err = run("policy", *args)
            equal((code, out, len(err.splitlines())), (1, "", 1), text + err)
            assert bad in err and word in err, err
    bad = write_policy(work + "/bad", "policy 1\ncgroups only /no/where\n")
    code, _, err = run("policy", "--chain", chain, bad)
    assert code == 2 and "/no/where" in err, err
    os.chmod(good, 0o666)
    code, _, err = run("policy", "--chain", chain, good)
    assert code == 2 and "written by others" in err, err
    open(work + "/wanted", "w").close()
    collector.stop()
    equal(len(records(chain, "--kind", "config")), 1)
    equal([r["path"] for r in records(chain, "--kind", "open")], [work + "/wanted"])
    code, _, err = run("policy", "--chain", chain, work + "/policy")
    equal((code, len(err.splitlines())), (2, 1), err)
    code, standard, err = run("policy", "--default")
    equal((code, err), (0, ""))
    equal(run("policy", "--check", write_policy(work + "/standard", standard)), (0, "", ""))


@case
def repeats_are_counted_to_the_last_one(work):
    chain = work + "/D"
    policy = write_policy(work + "/policy", "policy 1\nopens all\nfold 300\n")
    collector = Collector(chain, "--policy", policy)
    pid = python("""
for i in range(5000):
    os.close(os.open("/etc/hostname", 0))
    try:
        os.open("/etc/nowhere", 0)
    except OSError:
        pass
    os.setresuid(0, 0, 0)
os.setresuid(0, 65534, 0)
os.setresuid(0, 0, 0)
time.sleep(1.5)
os.close(os.open("/etc/hostname", 0))
""")
    collector.stop()
    found = [r for r in records(chain) if r.get("pid") == pid]
    seen = {"/etc/hostname": 0, "/etc/nowhere": 0}
    for r in found:
        if r["kind"] in ("open", "repeat") and r.get("path") in seen:
            seen[r["path"]] += r.get("count", 1)
    equal(seen, {"/etc/hostname": 5001, "/etc/nowhere": 5000}, "opens recorded and counted")
    calls = [r for r in found if r["kind"] == "setuid"]
    again = sum(r["count"] for r in found if r["kind"] == "repeat" and r["call"] == "setresuid")
    equal(len(calls) + again, 5002, "credential calls recorded and counted")
    equal([r["new_cred"]["euid"] for r in calls][-2:], [65534, 0], "a call that changes something is never folded")
    assert len(found) < 2000, f"{len(found)} records: nothing was folded"
    counters = {}
    for r in records(chain, "--kind", "counters"):
        counters[r["cpu"]] = r["families"]
    assert sum(f["file"]["folded"] for f in counters.values()) >= 9000, counters
    report = verdict(chain)
    equal((report["verdict"], report["lost"]), ("OK", 0))


@case
def a_swapped_thread_does_not_hide_what_was_asked_for(work):
    """The descriptor table is shared: what is found there may be another file."""
    chain = work + "/D"
    open(work + "/dull", "w").close()
    policy = write_policy(work + "/policy", "policy 1\nopens any **/wanted\n")
    collector = Collector(chain, "--policy", policy)
    pid = python("""
import threading
stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
os.symlink(sys.argv[1] + "/dull", sys.argv[1] + "/link")
os.close(os.open(sys.argv[1] + "/link", 0))
os.close(os.open(sys.argv[1] + "/dull", 0))
stop.set()
thread.join()
""", work)
    collector.stop()
    [found] = [r for r in records(chain, "--kind", "open") if r["pid"] == pid and work in r["path"]]
    equal((found["path"], found["claimed"]), (work + "/dull", work + "/link"))


@case
def one_that_floods_does_not_blind_the_rest(work):
    """Half of a small ring is for everyone, the rest is not for who fills it."""
    chain = work + "/D"
    storm = Storm("open", 200000)
    quiet = subprocess.Popen(
        [sys.executable, "-S", "-c", "import os, sys, time\nsys.stdin.readline()\n"
         "for i in range(100):\n os.close(os.open('/etc/hostname', 0)); time.sleep(0.01)"],
        stdin=subprocess.PIPE, text=True)
    collector = Collector(chain, "--ring-size", str(1 << 18))
    os.sched_setaffinity(collector.process.pid, {0})
    storm.go()
    quiet.communicate("go\n", timeout=60)
    issued = storm.issued()
    collector.stop()
    storm.end()
    found = records(chain)
    equal(len([r for r in found if r["kind"] == "open" and r["pid"] == quiet.pid and r["path"] == "/etc/hostname"]), 100,
          "opens of the quiet process")
    report = verdict(chain)
    equal(report["gap"], 0)
    recorded, lost = tally(found)
    assert recorded["open"] + lost["file"] >= 800000, (issued, recorded, lost)
    withheld = sum(r["count"] for r in found if r["kind"] == "loss" and r["reason"] == "withheld from a flood")
    print(f"# {lost['file']} lost, {withheld} of them withheld", flush=True)


main()
