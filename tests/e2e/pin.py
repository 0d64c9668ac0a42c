# SPDX-License-Identifier: Apache-2.0
"""Programs that outlive the collector (--pin): whether it is stopped or killed, the next one goes on
where it ended, and nothing is lost or told twice."""
import collections
import os
import shutil
import subprocess
import sys
import time

from lib import Collector, Skip, Storm, balance, case, equal, main, records, run, tally, verdict

# Opens a name after the other, and says when it begins and how many there were.
LOAD = """
import sys, time
end = time.monotonic() + float(sys.argv[1])
n = 0
while time.monotonic() < end:
    for i in range(20):
        try:
            open(f"/nonexistent/load-{n}")
        except OSError:
            n += 1
    time.sleep(0.005)
print(n)
"""


class Bpffs:
    """A bpffs of the test's own: what is pinned there is gone with it."""

    def __init__(self, work):
        self.path = work + "/bpffs"
        os.mkdir(self.path)

    def __enter__(self):
        if subprocess.run(["mount", "-t", "bpf", "none", self.path], stderr=subprocess.DEVNULL).returncode:
            raise Skip("no bpffs can be mounted")
        return self.path + "/pin"

    def __exit__(self, *exception):
        shutil.rmtree(self.path + "/pin", ignore_errors=True)
        subprocess.run(["umount", "-l", self.path], check=True)


def load(seconds):
    return subprocess.Popen([sys.executable, "-c", LOAD, str(seconds)], stdout=subprocess.PIPE, text=True)


def every_one_once(chain, count):
    names = collections.Counter(r["path"] for r in records(chain, "--kind", "open")
                                if r["path"].startswith("/nonexistent/load-"))
    wanted = collections.Counter({f"/nonexistent/load-{n}": 1 for n in range(count)})
    equal((len(wanted - names), len(names - wanted)), (0, 0), f"missing and doubled of {count} opens")


@case
def a_clean_restart_loses_nothing(work):
    chain = work + "/D"
    with Bpffs(work) as pin:
        collector = Collector(chain, "--pin", pin)
        loading = load(6)
        for _ in range(2):
            time.sleep(1)
            collector.stop()
            assert "the programs go on" in run("status", "--chain", chain)[1], "status"
            equal(verdict(chain)["verdict"], "OK", "between two collectors")
            time.sleep(0.5)
            collector = Collector(chain, "--pin", pin)
        count = int(loading.communicate(timeout=60)[0])
        collector.stop()
    every_one_once(chain, count)
    report = verdict(chain)
    equal((report["verdict"], report["lost"], report["gap"], report["open"], report["disturbed"]), ("OK", 0, 0, 0, 0))
    kinds = collections.Counter(r["kind"] for r in records(chain))
    equal((kinds["start"], kinds["resume"], kinds["pause"], kinds["stop"]), (3, 2, 3, 0))
    equal(len({r["run"] for r in records(chain, "--kind", "start")}), 1, "runs")
    equal(run("replay", "--chain", chain, "--check")[0], 0, "exit code of replay --check")


@case
def a_killed_collector_loses_nothing(work):
    chain = work + "/D"
    with Bpffs(work) as pin:
        collector = Collector(chain, "--pin", pin)
        loading = load(8)
        for _ in range(4):
            time.sleep(0.7)
            collector.kill()
            collector = Collector(chain, "--pin", pin)
        count = int(loading.communicate(timeout=60)[0])
        collector.stop()
    every_one_once(chain, count)
    report = verdict(chain)
    equal((report["verdict"], report["lost"], report["gap"], report["open"], report["disturbed"], report["recoveries"]),
          ("TORN", 0, 0, 0, 0, 4))
    equal(run("replay", "--chain", chain, "--check")[0], 0, "exit code of replay --check")


@case
def killed_in_a_flood_it_loses_only_what_it_counts(work):
    """What the rings cannot hold meanwhile is counted; what was written already does not come twice."""
    chain = work + "/D"
    with Bpffs(work) as pin:
        storm = Storm("open", 100000)
        arguments = {"scope": f"pid={storm.pid}"}
        collector = Collector(chain, "--pin", pin, **arguments)
        storm.go()
        for _ in range(3):
            time.sleep(0.3)
            collector.kill()
            collector = Collector(chain, "--pin", pin, **arguments)
        issued = storm.issued()
        collector.stop()
        storm.end()
    balance(issued, *tally(records(chain)))
    report = verdict(chain)
    equal((report["gap"], report["open"]), (0, 0), report["why"])


@case
def what_does_not_fit_is_refused(work):
    chain = work + "/D"
    with Bpffs(work) as pin:
        def refused(words, *arguments, chain=chain, code=2):
            got, out, err = run("run", "--chain", chain, "--for", "1", *arguments)
            equal((got, len(err.splitlines())), (code, 1), f"{words}: {out}{err}")
            assert words in err, err

        scope = ("--scope", f"pid={os.getpid()}")
        refused("is in no bpffs", *scope, "--pin", work)
        collector = Collector(chain, "--pin", pin)
        refused("another collector", *scope, "--pin", pin, chain=work + "/other")
        collector.stop()
        refused("of other settings", "--scope", f"pid={os.getppid()}", "--pin", pin)
        refused("of other settings", *scope, "--pin", pin, "--ring-size", "65536")
        refused("collect for another log", *scope, "--pin", pin, chain=work + "/other")
        refused("collect for another log", *scope, "--pin", pin, "--new-log")
        Collector(chain, "--pin", pin).stop()
        equal(verdict(chain)["verdict"], "OK")
        # Removed by hand: detached, and the next one begins anew.
        shutil.rmtree(pin)
        collector = Collector(chain, "--pin", pin)
        collector.stop()
        report = verdict(chain)
        equal((report["verdict"], report["gap"], report["open"]), ("LOSS", 0, 1), "the rest of a run was thrown away")


main()
