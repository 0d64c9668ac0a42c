# SPDX-License-Identifier: Apache-2.0
"""Keys in memory, of the real processes: the keeper holds the present seal key, locked and kept out of
cores, and nothing of those before; the collector holds none at all, not even the identity's."""
import hashlib
import os
import resource
import shutil
import signal
import struct
import subprocess
import time

from lib import Collector, Skip, case, equal, main, records, verdict

HALF = 16  # copies are not always whole


def hashed(seed, label):
    return hashlib.blake2b(label, key=seed, digest_size=32).digest()


def next_seed(seed):
    return hashed(seed, b"indelible/next/v1")


def secrets_of(seed, signing=None):
    """Halves of all that a seed gives: itself, the seed of its key pair, and that expanded."""
    signing = signing or hashed(seed, b"indelible/sign/v1")
    expanded = hashlib.sha512(signing).digest()
    scalar = bytes([expanded[0] & 248]) + expanded[1:31] + bytes([expanded[31] & 63 | 64])
    whole = [seed, signing, expanded[:32], scalar, expanded[32:]]
    return {part for secret in whole for part in (secret[:HALF], secret[HALF:])}


def identity(chain):
    with open(chain + ".keys/identity.key", "rb") as key:
        return key.read()


def current(chain):
    """Number and seed of the seal key on the disk; the other slot must be empty."""
    with open(chain + ".keys/seal.key", "rb") as key:
        slots = key.read()
    used = [slot for slot in (slots[:512], slots[512:]) if slot.startswith(b"INDKEY01")]
    if len(used) != 1:
        return None
    return struct.unpack_from("<Q", used[0], 40)[0], used[0][48:80]


def settled(chain):
    """The same, once it has not changed for a while."""
    for _ in range(100):
        before = current(chain)
        time.sleep(0.2)
        if before and current(chain) == before:
            return before
    raise AssertionError("the seal key never rests")


def maps(pid):
    with open(f"/proc/{pid}/maps") as lines:
        for line in lines:
            fields = line.split()
            if fields[1].startswith("r") and fields[-1] not in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                yield tuple(int(end, 16) for end in fields[0].split("-"))


def find(pid, parts):
    """Addresses at which any of them stands in the process's memory, and bytes that were looked at."""
    found, size = {}, 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end in maps(pid):
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except (OSError, OverflowError):
                continue  # a guard page, a device
            size += len(data)
            for part in parts:
                at = data.find(part)
                if at >= 0:
                    found[part] = begin + at
    return found, size


def flags_at(pid, address):
    """VmFlags of the mapping that holds the address."""
    inside = False
    with open(f"/proc/{pid}/smaps") as lines:
        for line in lines:
            first = line.split()[0]
            if "-" in first and not first.endswith(":"):
                begin, end = (int(part, 16) for part in first.split("-"))
                inside = begin <= address < end
            elif inside and first == "VmFlags:":
                return line.split()[1:]
    raise AssertionError("no such mapping")


def seal_some(chain, times):
    """Seeds, by number, from the one there is now to the one after so many more seals."""
    number, seed = settled(chain)
    seeds = {number: seed}
    for _ in range(times):
        last = settled(chain)[0]
        for _ in range(500):
            subprocess.run(["/bin/true"], check=True)
            if (current(chain) or (last,))[0] > last:
                break
            time.sleep(0.02)
    last = settled(chain)
    while number < last[0]:
        seed, number = next_seed(seed), number + 1
        seeds[number] = seed
    equal(seeds[last[0]], last[1], "the seed that follows from the first")
    return seeds


class Stopped:
    """Processes that stand still meanwhile."""

    def __init__(self, *pids):
        self.pids = pids

    def __enter__(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(0.05)

    def __exit__(self, *_):
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)


@case
def past_keys_are_nowhere(work):
    chain = work + "/chain"
    collector = Collector(chain)
    keeper = collector.keeper()
    seeds = seal_some(chain, 3)
    now = max(seeds)
    assert len(seeds) > 3, seeds.keys()
    past = set().union(*(secrets_of(seed) for number, seed in seeds.items() if number < now))
    present = secrets_of(seeds[now]) | secrets_of(next_seed(seeds[now])) | secrets_of(identity(chain), identity(chain))
    with Stopped(collector.process.pid, keeper):
        equal(settled(chain)[0], now, "no seal meanwhile")
        found, size = find(keeper, past | present)
        assert size > 1 << 20, size
        equal([part.hex() for part in found if part in past], [], "keys of past seals in the keeper")
        for seed in (seeds[now], identity(chain)):
            assert seed[:HALF] in found and seed[HALF:] in found, "the scan does not find what is there"
        for part, address in found.items():
            flags = flags_at(keeper, address)
            assert "lo" in flags and "dd" in flags, (hex(address), flags)
        with open(f"/proc/{keeper}/status") as status:
            locked = next(int(line.split()[1]) for line in status if line.startswith("VmLck:"))
        assert locked >= 4, "nothing is locked"
        found, size = find(collector.process.pid, past | present)
        assert size > 1 << 20, size
        equal([part.hex() for part in found], [], "keys in the collector")
        for name in os.listdir(chain) + os.listdir(chain + ".keys"):
            path = os.path.join(chain if os.path.exists(f"{chain}/{name}") else chain + ".keys", name)
            with open(path, "rb") if os.path.isfile(path) else open("/dev/null", "rb") as file:
                data = file.read()
            equal([part.hex() for part in past if part in data], [], "keys of past seals in " + path)
    collector.stop()
    equal(verdict(chain)["verdict"], "OK")


@case
def a_core_by_a_debugger_holds_no_key(work):
    if not shutil.which("gcore"):
        raise Skip("no gcore")
    chain = work + "/chain"
    collector = Collector(chain)
    keeper = collector.keeper()
    seeds = seal_some(chain, 1)
    subprocess.run(["gcore", "-o", work + "/core", str(keeper)], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with open(f"{work}/core.{keeper}", "rb") as core:
        data = core.read()
    assert len(data) > 1 << 20 and b"indelible" in data, len(data)
    last = settled(chain)
    while max(seeds) < last[0]:
        seeds[max(seeds) + 1] = next_seed(seeds[max(seeds)])
    parts = set().union(*map(secrets_of, seeds.values())) | secrets_of(identity(chain), identity(chain))
    equal([part.hex() for part in parts if part in data], [], "keys in the core")
    collector.stop()
    equal(verdict(chain)["verdict"], "OK")


@case
def neither_dumps_core(work):
    """Even where cores are written without a limit."""
    with open("/proc/sys/kernel/core_pattern") as pattern:
        if pattern.read().strip() not in ("core", "core.%p"):
            raise Skip("cores do not go to files in the working directory here")
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    was = os.getcwd()
    os.chdir(work)
    try:
        sleeper = subprocess.Popen(["/bin/sleep", "60"])
        time.sleep(0.2)
        sleeper.send_signal(signal.SIGSEGV)
        sleeper.wait(20)
        cores = [name for name in os.listdir(work) if name.startswith("core")]
        if not cores:
            raise Skip("no cores are written here")
        for name in cores:
            os.unlink(name)
        chain = work + "/chain"
        collector = Collector(chain)
        keeper = collector.keeper()
        try:
            resource.prlimit(keeper, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except PermissionError:
            pass  # then its own limit is part of what is tried
        os.kill(keeper, signal.SIGSEGV)
        for _ in range(500):
            if records(chain, "--kind", "keeper"):
                break
            time.sleep(0.02)
        equal([r["name"] for r in records(chain, "--kind", "keeper")], ["killed by signal 11 (Segmentation fault)"])
        collector.process.send_signal(signal.SIGSEGV)
        equal(collector.process.wait(20), -signal.SIGSEGV)
        equal([name for name in os.listdir(work) if name.startswith("core")], [], "cores")
    finally:
        os.chdir(was)


main()
