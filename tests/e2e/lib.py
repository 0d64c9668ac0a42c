# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a collector on a chain of its own, watching only the test's own
processes; the chain read back; TAP on standard output. A failed case leaves its directory."""
import collections
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

OUT = os.environ["O"]
INDELIBLE = os.path.join(OUT, "indelible")
TOOLS = os.path.join(OUT, "tests/kernel")
cases = []
collectors = []  # that were started, to be ended if a case fails in between


class Skip(Exception):
    pass


def case(function):
    cases.append(function)
    return function


def end_collectors():
    """What is attached, by a collector that a failed case left, slows everything down."""
    while collectors:
        process = collectors.pop()
        if process.poll() is None:
            process.kill()
            process.wait()


def main():
    failed = 0
    for number, function in enumerate(cases, 1):
        name = function.__name__.replace("_", " ")
        work = tempfile.mkdtemp(prefix="indelible-test-")
        try:
            function(work)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name}")
            print("# left behind: " + work)
            print("".join("# " + line for line in traceback.format_exc().splitlines(True)), flush=True)
            end_collectors()
            continue
        else:
            print(f"ok {number} - {name}", flush=True)
        shutil.rmtree(work, ignore_errors=True)
    print(f"1..{len(cases)}")
    sys.exit(1 if failed else 0)


def comm(pid):
    with open(f"/proc/{pid}/comm") as name:
        return name.read().strip()


def equal(got, wanted, what="value"):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def run(*args, **more):
    """indelible ARGS: (exit code, stdout, stderr), as text."""
    done = subprocess.run([INDELIBLE, *map(str, args)], capture_output=True, timeout=120, **more)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


EVERYTHING = "policy 1\nopens all\nfold off\n"


def write_policy(path, text=EVERYTHING):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


class Collector:
    """indelible run, ready when the constructor returns; what it says is kept beside the chain. It
    records whatever there is, unless its arguments say otherwise."""

    def __init__(self, chain, *args, scope=None):
        self.chain = chain
        if not {"--policy", "--all-opens", "--events"} & set(args):
            args = (*args, "--policy", write_policy(chain + ".policy"))
        self.log = open(chain + ".log", "ab")
        start = self.log.tell()
        self.process = subprocess.Popen(
            [INDELIBLE, "run", "--chain", chain, "--scope", scope or f"pid={os.getpid()}", *args],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        collectors.append(self.process)
        while b"verifier key" not in self.said(start):
            if self.process.poll() is not None:
                raise AssertionError(f"the collector ended at once: {self.said(start).decode()}")
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                pass

    def said(self, start=0):
        with open(self.chain + ".log", "rb") as log:
            log.seek(start)
            return log.read()

    def stop(self, wanted=0):
        """SIGTERM: a clean close."""
        self.process.terminate()
        equal(self.process.wait(60), wanted, "exit code of run: " + self.said().decode())

    def kill(self):
        """SIGKILL; returns when the keeper, which seals what is left, has let go of the chain."""
        self.process.kill()
        self.process.wait()
        directory = os.open(self.chain, os.O_RDONLY)
        fcntl.flock(directory, fcntl.LOCK_SH)
        os.close(directory)

    def keeper(self):
        """Process id of the keeper."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
            return next(int(pid) for pid in children.read().split() if comm(pid) == "indelible-keep")


def records(chain, *args):
    """Every record as a dictionary; a line that is no JSON object fails the test."""
    code, out, err = run("show", "--chain", chain, "--format", "json", *args)
    equal((code, err), (0, ""), "show")
    return [json.loads(line) for line in out.splitlines()]


def verdict(chain, *args):
    """The report of verify, its exit code checked against its own word for it."""
    code, out, err = run("verify", "--chain", chain, "--format", "json", *args)
    equal(err, "", "stderr of verify")
    report = json.loads(out)
    equal(code, report["exit"], "exit code of verify")
    return report


def raw(text, escaped):
    """The bytes behind a JSON string: undo what JSON could not hold."""
    if not escaped:
        return text.encode()
    parts = re.split(r"\\x([0-9a-f]{2})", text)
    return b"".join(bytes.fromhex(p) if i % 2 else p.encode() for i, p in enumerate(parts))


def field(record, name):
    """A string field as bytes; argv as NUL-terminated bytes."""
    escaped = name in record.get("escaped", [])
    value = record.get(name, "")
    if isinstance(value, list):
        return b"".join(raw(v, escaped) + b"\0" for v in value)
    return raw(value, escaped)


class Storm:
    """tests/kernel/storm (or attack), waiting to be told to go."""

    def __init__(self, what, count, *more, tool="storm"):
        self.process = subprocess.Popen([os.path.join(TOOLS, tool), what, str(count), *more],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def issued(self):
        """What it did, once it has: a dictionary of counts."""
        line = self.line = self.process.stdout.readline()
        return {k: int(v) for k, v in (pair.split("=") for pair in line.split()) if k != "opened"}

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)


# How the keys of a line that tests/kernel/deeds printed read in a record.
CHECKS = {
    "result": lambda r, v: r["result"] == int(v),
    "tid": lambda r, v: r["tid"] == int(v),
    "call": lambda r, v: r.get("call") == v,
    "uid": lambda r, v: r["euid"] == int(v),
    "path": lambda r, v: field(r, "path") == bytes.fromhex(v),
    "cwd": lambda r, v: field(r, "cwd") == bytes.fromhex(v),
    "argv": lambda r, v: field(r, "argv") == bytes.fromhex(v),
    "argc": lambda r, v: len(r["argv"]) == int(v) or "argv_truncated" in r["flags"],
    "addr": lambda r, v: field(r, "addr") == bytes.fromhex(v),
    "port": lambda r, v: r["port"] == int(v),
    "family": lambda r, v: r["family"] == v,
    "child": lambda r, v: r["child_pid"] == int(v),
    "marked": lambda r, v: v in r["flags"],
    "flags": lambda r, v: open_flags(r) == int(v),
}
for name in "claimed", "new_path", "link_target", "name", "source", "fs_type", "parameters", "command_line":
    CHECKS[name] = lambda r, v, n=name: field(r, n) == bytes.fromhex(v)
for name in "length", "owner", "group", "target_pid", "entries":
    CHECKS[name] = lambda r, v, n=name: r[n] == int(v)
for name in "new_mode", "namespaces", "call_flags", "command", "request":
    CHECKS[name] = lambda r, v, n=name: r[n] == v
CHECKS["verified"] = lambda r, v: "unverified" not in r["flags"]
CHECKS["resolved"] = lambda r, v: r["inode"] != 0 and r["mode"] and "unverified" not in r["flags"]
CHECKS["unresolved"] = lambda r, v: not r["inode"]
CHECKS["unfinished"] = lambda r, v: r["result"] in (-4, -512, -115, -125)  # interrupted, unseen, cancelled
CHECKS["dropped"] = lambda r, v: (int(r["old_cred"]["cap_effective"], 16) & 1, int(r["new_cred"]["cap_effective"], 16) & 1,
                                  int(r["new_cred"]["cap_permitted"], 16) & 1) == (1, 0, 0)
OPEN_FLAGS = {"O_WRONLY": 1, "O_RDWR": 2, "O_CREAT": 0o100, "O_EXCL": 0o200, "O_TRUNC": 0o1000}
for kind in "old", "new":
    for name in "uid", "euid", "suid":
        CHECKS[f"{kind}_{name}"] = lambda r, v, k=kind, n=name: r[k + "_cred"][n] == int(v)


def open_flags(record):
    return sum(OPEN_FLAGS.get(name, 0) for name in record["open_flags"])


def fits(record, deed):
    if record["kind"] == "open" and deed.get("call") in ("creat", None):
        deed = {k: v for k, v in deed.items() if k != "flags"}
    if record["kind"] == "open" and "flags" in deed and "O_CREAT" in record["open_flags"]:
        deed = dict(deed, flags=str(int(deed["flags"]) | open_flags(record) & 0o100))
    return all(CHECKS[key](record, value) for key, value in deed.items() if key != "pid")


def unmet(deed_lines, found):
    """The deeds that have not exactly one record: how many each has, the deed, what came near."""
    by_process = {}
    for record in found:
        by_process.setdefault((record["kind"], record.get("pid")), []).append(record)
    for line in deed_lines:
        kind, *pairs = line.split(" ")
        deed = dict(pair.split("=", 1) for pair in pairs)
        near = by_process.get((kind, int(deed["pid"])), [])
        hits = sum(fits(record, deed) for record in near)
        if hits != 1:
            yield hits, line, near


def expect(deed_lines, found):
    for hits, line, near in unmet(deed_lines, found):
        raise AssertionError(f"{hits} records of: {line[:300]}\nkind and pid: {near}")


# What a storm counts, the kind of its records, the family of its losses.
FAMILIES = {"opens": "file", "setids": "credential", "connects": "network"}
KINDS = {"opens": "open", "execs": "exec", "forks": "fork", "exits": "exit", "setids": "setuid",
         "connects": "connect"}


def tally(found):
    """Records by kind (the collector's own aside), and what the LOSS records say by family: the
    counters must say the same."""
    recorded = collections.Counter(r["kind"] for r in found if r.get("ring", "self") != "self")
    lost = collections.Counter()
    for r in found:
        if r["kind"] == "loss":
            lost[r["lost_family"]] += r["count"]
    final = {r["cpu"]: r["families"] for r in found if r["kind"] == "counters"}
    for family in set(FAMILIES.values()) | {"process"}:
        equal(sum(f[family]["lost"] for f in final.values()), lost[family], f"LOSS records of {family}")
    return recorded, lost


def balance(issued, recorded, lost):
    for deed, family in FAMILIES.items():
        equal(recorded[KINDS[deed]] + lost[family], issued[deed], deed)
    process = sum(issued[k] for k in ("execs", "forks", "exits"))
    equal(recorded["exec"] + recorded["fork"] + recorded["exit"] + lost["process"], process, "process")
