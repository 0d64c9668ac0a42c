# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a collector on a chain of its own, watching only the test's own
processes; the chain read back; TAP on standard output. A failed case leaves its directory."""
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


class Skip(Exception):
    pass


def case(function):
    cases.append(function)
    return function


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
            continue
        else:
            print(f"ok {number} - {name}", flush=True)
        shutil.rmtree(work, ignore_errors=True)
    print(f"1..{len(cases)}")
    sys.exit(1 if failed else 0)


def equal(got, wanted, what="value"):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def run(*args, **more):
    """indelible ARGS: (exit code, stdout, stderr), as text."""
    done = subprocess.run([INDELIBLE, *map(str, args)], capture_output=True, timeout=120, **more)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Collector:
    """indelible run, ready when the constructor returns; what it says is kept beside the chain."""

    def __init__(self, chain, *args, scope=None):
        self.chain = chain
        self.log = open(chain + ".log", "ab")
        start = self.log.tell()
        self.process = subprocess.Popen(
            [INDELIBLE, "run", "--chain", chain, "--scope", scope or f"pid={os.getpid()}", *args],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
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
        self.process.kill()
        self.process.wait()


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
    """tests/kernel/storm, waiting to be told to go."""

    def __init__(self, what, count):
        self.process = subprocess.Popen([os.path.join(TOOLS, "storm"), what, str(count)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def issued(self):
        """What it did, once it has: a dictionary of counts."""
        line = self.process.stdout.readline()
        return {k: int(v) for k, v in (pair.split("=") for pair in line.split())}

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)
