# SPDX-License-Identifier: Apache-2.0
"""Wrong options, missing permission, damaged or foreign chains, full disks: one clear line that
names the thing, the right exit code, and nothing lost."""
import os
import shutil
import subprocess

from lib import INDELIBLE, OUT, Collector, Skip, Storm, case, equal, main, records, run, verdict, write_policy

SCOPE = ("--scope", f"pid={os.getpid()}")


def refused(code, words, *args, **more):
    """The command fails with this code and one line on stderr that holds all the words."""
    got, _, err = run(*args, **more)
    equal(got, code, f"exit code of {args}: {err}")
    equal(len(err.splitlines()), 1, f"lines on stderr: {err}")
    for word in words:
        assert word in err, (word, err)


def closed_chain(work):
    chain = work + "/chain"
    code, _, err = run("run", "--chain", chain, "--for", "1", *SCOPE)
    equal((code, err), (0, ""))
    return chain


@case
def wrong_options_and_commands(work):
    chain = work + "/chain"
    refused(2, ["nonsense", "--help"], "nonsense")
    refused(2, ["--bogus"], "run", "--bogus")
    refused(2, ["--chain"], "show", "--chain")
    refused(2, ["extra"], "verify", "extra")
    refused(2, ["--for", "soon"], "run", "--for", "soon", "--chain", chain)
    refused(2, ["--scope", "everything"], "run", "--scope", "everything", "--chain", chain)
    refused(2, ["no process"], "run", "--scope", "pid=2147483647", "--chain", chain)
    refused(2, [work], "run", "--scope", f"cgroup={work}", "--chain", chain)
    refused(2, ["power of two"], "run", "--ring-size", "5000", "--chain", chain)
    refused(2, ["swim"], "show", "--kind", "open,swim")
    refused(2, ["yesterday"], "show", "--since", "yesterday")
    refused(2, ["xml"], "show", "--format", "xml")
    refused(2, ["SIZE:ROOT"], "verify", "--held", "12")
    assert not os.path.exists(chain), "a wrong option must not make a chain"


@case
def help_is_help(work):
    for args in (["--help"], ["run", "--help"], ["show", "-h"], ["version"]):
        code, out, err = run(*args)
        equal((code, err), (0, ""), str(args))
        assert out, args
    equal(run()[0], 2, "no command at all")


@case
def missing_chain(work):
    for command in "show", "verify", "replay", "status":
        refused(2, [work + "/none"], command, "--chain", work + "/none")
    refused(2, [work + "/no/where"], "run", "--chain", work + "/no/where", *SCOPE)
    code, out, _ = run("verify", "--chain", work)
    equal((code, out[:12]), (2, "UNVERIFIABLE"), "an empty directory")


@case
def records_of_another_version(work):
    """A chain of another version's records is not read as if they were ours, nor gone on with."""
    for schema, words in (("indelible-records 1\nhost h\n", "records of version 1, this build reads version 3"),
                          ("some other program's", "records that are not of this program")):
        chain = f"{work}/{len(words)}"
        subprocess.run([OUT + "/tests/oracle/ours", "chain", chain, schema, "9"], check=True)
        for command in ["show"], ["replay"], ["status"], ["prune", "--older-than", "1d"], ["run", *SCOPE]:
            refused(2, [chain, words], command[0], "--chain", chain, *command[1:])
        code, out, err = run("verify", "--chain", chain)
        equal((code, out.splitlines()[0], err),
              (2, "UNVERIFIABLE: " + words, ""))
        equal(verdict(chain)["why"], words)
        with open(chain + "/0000000000000001.seg", "r+b") as segment: # what is worse is still said
            segment.seek(-1, os.SEEK_END)
            segment.write(b"x")
        equal(verdict(chain)["verdict"], "TAMPER")


@case
def not_root(work):
    def become_nobody():
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)

    binary = work + "/indelible"
    shutil.copy(INDELIBLE, binary)
    os.chmod(work, 0o777)
    done = subprocess.run([binary, "run", "--chain", work + "/chain", "--for", "1"], text=True,
                          capture_output=True, preexec_fn=become_nobody)
    equal(done.returncode, 2)
    assert "needs root" in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not os.path.exists(work + "/chain")


@case
def kernel_that_does_not_describe_itself(work):
    done = subprocess.run(["unshare", "-m", "sh", "-c",
                           f"mount -t tmpfs none /sys/kernel/btf && exec {INDELIBLE} run --chain "
                           f"{work}/chain --for 1 --scope pid={os.getpid()}"],
                          capture_output=True, text=True)
    if "mount:" in done.stderr:
        raise Skip("no private mount namespace")
    equal(done.returncode, 2)
    assert "/sys/kernel/btf/vmlinux" in done.stderr, done.stderr


@case
def chain_of_another_writer(work):
    chain = work + "/chain"
    collector = Collector(chain)
    refused(2, [chain], "run", "--chain", chain, "--for", "1", *SCOPE)
    equal(verdict(chain)["live"], True)
    code, out, _ = run("status", "--chain", chain)
    equal((code, out[:7]), (0, "running"))
    collector.stop()
    code, out, _ = run("status", "--chain", chain)
    equal((code, out[:11]), (2, "not running"))
    equal(verdict(chain)["verdict"], "OK")


@case
def keys_that_are_not_these(work):
    chain, keys = closed_chain(work), work + "/chain.keys"
    os.chmod(keys + "/seal.key", 0o644)
    refused(2, ["seal.key", "0600"], "run", "--chain", chain, *SCOPE)
    os.chmod(keys + "/seal.key", 0o600)
    whole = open(keys + "/seal.key", "rb").read()
    with open(keys + "/seal.key", "wb") as f:
        f.write(whole[:1000])
    refused(2, ["seal.key", "1024"], "run", "--chain", chain, *SCOPE)
    with open(keys + "/seal.key", "wb") as f:
        f.write(whole)
    code, out, _ = run("keygen", "--chain", work + "/other")
    equal((code, out.count("\n")), (0, 1))
    shutil.copy(work + "/other.keys/seal.key", keys + "/seal.key")
    refused(2, ["seal.key"], "run", "--chain", chain, *SCOPE)
    with open(keys + "/seal.key", "wb") as f:
        f.write(whole)
    shutil.copy(work + "/other.keys/identity.key", keys + "/identity.key")
    refused(2, ["identity"], "run", "--chain", chain, *SCOPE)
    equal(verdict(chain)["verdict"], "OK", "a refusal changes nothing")
    report = verdict(chain, "--key", work + "/other/identity.pub")
    equal((report["verdict"], report["exit"]), ("UNVERIFIABLE", 2))
    equal(verdict(chain, "--key", chain + "/identity.pub")["pinned"], True)


@case
def damaged_segment(work):
    chain = closed_chain(work)
    segment = chain + "/0000000000000001.seg"
    whole = open(segment, "rb").read()
    for damage in (whole[:-1], whole[:len(whole) // 2], whole[:100], b"", whole + b"\0",
                   b"X" * len(whole), whole[:7] + b"2" + whole[8:]):
        with open(segment, "wb") as f:
            f.write(damage)
        report = verdict(chain)
        assert report["verdict"] in ("TAMPER", "UNVERIFIABLE"), report
        code, _, err = run("run", "--chain", chain, "--for", "1", *SCOPE)
        assert code in (1, 2) and len(err.splitlines()) == 1, (code, err)
        for command in ("show",), ("replay", "--check"), ("status",):
            code, _, err = run(*command, "--chain", chain)
            assert code in (0, 1, 2) and len(err.splitlines()) <= 1, (command, code, err)
    with open(segment, "wb") as f:
        f.write(whole)
    equal(verdict(chain)["verdict"], "OK", "put back")


@case
def keygen_first_then_run(work):
    chain = work + "/chain"
    code, vkey, _ = run("keygen", "--chain", chain, "--name", "web-1.example")
    equal(code, 0)
    assert vkey.startswith("web-1.example/indelible/"), vkey
    refused(2, [chain], "keygen", "--chain", chain)
    refused(2, ["a-z"], "keygen", "--chain", work + "/bad", "--name", "No Spaces")
    code, out, err = run("run", "--chain", chain, "--for", "1", *SCOPE)
    equal((code, err), (0, ""))
    assert vkey.strip() in out
    report = verdict(chain)
    equal((report["verdict"], report["recoveries"]), ("OK", 0))


@case
def full_disk_while_running(work):
    """In a mount namespace of its own: 2 MiB of disk and a flood."""
    disk = work + "/disk"
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], capture_output=True).returncode:
        raise Skip("cannot mount a tmpfs")
    try:
        chain = disk + "/chain"
        storm = Storm("open", 40000)
        collector = subprocess.Popen([INDELIBLE, "run", "--chain", chain, "--scope", f"pid={storm.pid}", "--policy",
                                      write_policy(work + "/policy")],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "verifier key" not in collector.stdout.readline():
            assert collector.poll() is None, collector.stderr.read()
        storm.go()
        out, err = collector.communicate(timeout=60)
        equal(collector.returncode, 2, err)
        equal(len(err.splitlines()), 1, err)
        assert "disk full" in err.lower() or "No space" in err, err
        storm.issued()
        storm.end()
        full = verdict(chain)
        equal((full["verdict"], full["exit"]), ("TORN", 0))
        assert full["sealed"] > 0, full
        durable = records(chain)
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        code, _, err = run("run", "--chain", chain, "--for", "1", *SCOPE)
        equal((code, err), (0, ""))
        after = records(chain)
        equal(after[:len(durable)], durable, "what was there")
        report = verdict(chain)
        equal((report["verdict"], report["recoveries"], report["closed"]), ("TORN", 1, True))
        code, out, _ = run("replay", "--chain", chain, "--check")
        equal((code, out[:6]), (0, "EQUAL:"))
    finally:
        subprocess.run(["umount", disk], check=True)


@case
def disk_not_writable(work):
    chain = closed_chain(work)
    done = subprocess.run(["unshare", "-m", "sh", "-c",
                           f"mount --bind {work} {work} && mount -o remount,ro,bind {work} && exec {INDELIBLE} "
                           f"run --chain {chain} --for 1 --scope pid={os.getpid()}"],
                          capture_output=True, text=True)
    equal(done.returncode, 2, done.stderr)
    equal(len(done.stderr.splitlines()), 1, done.stderr)
    assert "Read-only" in done.stderr, done.stderr
    equal(verdict(chain)["verdict"], "OK")


@case
def event_files(work):
    chain, saved = work + "/chain", work + "/events"
    collector = Collector(chain, "--save-events", saved)
    subprocess.run(["/bin/true"], check=True)
    collector.stop()
    code, out, err = run("run", "--events", saved, "--chain", work + "/again")
    equal((code, err), (0, ""))
    live = [r for r in records(chain) if "seq" in r]
    again = [r for r in records(work + "/again") if "seq" in r]
    equal([(r["seq"], r["kind"], r.get("path")) for r in again],
          [(r["seq"], r["kind"], r.get("path")) for r in live])
    whole = open(saved, "rb").read()
    with open(saved, "wb") as f:
        f.write(whole[:-30])
    code, _, err = run("run", "--events", saved, "--chain", work + "/cut")
    equal(code, 1, err)
    assert "damaged at offset" in err, err
    refused(1, ["no event file"], "run", "--events", __file__, "--chain", work + "/none")
    assert not os.path.exists(work + "/none")


@case
def a_reader_that_goes_away_stops_nothing(work):
    chain = work + "/chain"
    collector = subprocess.Popen([INDELIBLE, "run", "--chain", chain, "--for", "2", *SCOPE],
                                 stdout=subprocess.PIPE)
    collector.stdout.readline()
    collector.stdout.close()
    equal(collector.wait(20), 0)
    equal(verdict(chain)["verdict"], "OK")
    pipe = subprocess.run(f"{INDELIBLE} show --chain {chain} | head -n 1", shell=True, capture_output=True)
    equal(pipe.stderr, b"")


main()
