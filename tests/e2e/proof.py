# SPDX-License-Identifier: Apache-2.0
"""prove, check-proof and export as somebody meets them: what they print, their exit codes, and one
clear line for whatever is wrong."""
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess

from lib import Collector, case, equal, main, records, run, verdict


def refused(code, words, *args):
    """Fails with this code, nothing on stdout, and one line on stderr that holds all the words."""
    got, out, err = run(*args)
    equal((got, out), (code, ""), f"exit code and output of {args}: {err}")
    equal(len(err.splitlines()), 1, f"lines on stderr: {err}")
    for word in words:
        assert word in err, (word, err)


def good(*args):
    code, out, err = run(*args)
    equal((code, err), (0, ""), str(args))
    return out


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def read(path):
    with open(path) as f:
        return f.read()


def make_chain(work):
    """A chain with this test's own deeds, and another log's."""
    chain = work + "/chain"
    collector = Collector(chain)
    for name in "one", "two", "three":
        subprocess.run(["/bin/true", name], check=True)
    collector.stop()
    good("keygen", "--chain", work + "/other")
    return chain, chain + "/identity.pub"


@case
def an_event_handed_over(work):
    chain, key = make_chain(work)
    old = shutil.copy(chain + "/checkpoint", work + "/old")
    event = [r for r in records(chain) if r["kind"] == "exec" and r["argv"][1:] == ["two"]][0]
    proof = work + "/event.tlog-proof"
    equal(good("prove", "--chain", chain, str(event["index"]), "--out", proof), "")
    equal(good("prove", "--chain", chain, str(event["index"])), read(proof), "standard output")
    equal(os.stat(proof).st_mode & 0o777, 0o600)
    size = read(old).split("\n")[1]
    for more, strength in (((), "by host key only"), (("--checkpoint", old), "(held)")):
        said = good("check-proof", proof, "--key", key, *more).splitlines()
        assert f"#{event['index']} exec" in said[0] and "two" in said[0], said
        assert said[1].startswith(f"PROVEN {strength}: entry {event['index']} is in "), said
        said = good("check-proof", proof, "--key", key, "--format", "json", *more).splitlines()
        for name in "index", "time", "kind", "argv", "pid", "hash":
            equal(json.loads(said[0])[name], event[name], name)
        equal(json.loads(said[1])["strength"], strength.strip("()").replace("by ", "").replace(" only", ""))
    # what check-proof says to hold is what verify takes
    held = [line.split()[2] for line in said_lines(proof, key) if line.startswith("hold this")][0]
    equal(held.split(":")[0], size)
    equal(verdict(chain, "--key", key, "--held", held)["verdict"], "OK")
    assert "PROVEN (held)" in good("check-proof", proof, "--key", key, "--held", held)
    # no entry of the chain's own is hidden either
    good("prove", "--chain", chain, "0", "--out", proof)
    assert said_lines(proof, key)[0].startswith("#0 entry of type 01, ")


def said_lines(proof, key):
    return good("check-proof", proof, "--key", key).splitlines()


@case
def a_witness_that_has_not_signed(work):
    """A witness's key that does not apply is said to count for nothing; the proof stays as strong as it was."""
    chain, key = make_chain(work)
    proof = work + "/proof"
    good("prove", "--chain", chain, "3", "--out", proof)
    keys = []
    for name in "one.example/w", "two.example/w":
        public = b"\x04" + name.encode().ljust(32, b".")
        digest = hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8]
        keys += ["--witness", write(f"{work}/{name[:3]}", f"{name}+{digest}+{base64.b64encode(public).decode()}\n")]
    for more, strength in (((), "by host key only"), (("--checkpoint", chain + "/checkpoint"), "(held)")):
        said = good("check-proof", proof, "--key", key, *keys, *more).splitlines()
        assert f"PROVEN {strength}: entry 3 is in " in said[1], said
        for name in "one.example/w", "two.example/w":
            assert any(line.startswith(f"not cosigned by {name}: ") for line in said), said
        said = json.loads(good("check-proof", proof, "--key", key, *keys, *more, "--format", "json").splitlines()[1])
        equal(said["strength"], strength.strip("()").replace("by ", "").replace(" only", ""))
        equal(said["witnesses"], [{"name": "one.example/w", "cosigned": False},
                                  {"name": "two.example/w", "cosigned": False}])
    # the same name over another key is none of its lines
    with open(proof, "a") as note:
        note.write("\u2014 one.example/w " + base64.b64encode(bytes(76)).decode() + "\n")
    assert "not cosigned by one.example/w: " in good("check-proof", proof, "--key", key, *keys)
    # one that has its key id is a forgery
    with open(proof, "rb") as note:
        lines = note.read().decode().splitlines(True)
    forged = bytes.fromhex(read(work + "/one").split("+")[1]) + bytes(72)
    write(proof, "".join(lines[:-1]) + "\u2014 one.example/w " + base64.b64encode(forged).decode() + "\n")
    refused(1, ["one.example/w", "does not hold"], "check-proof", proof, "--key", key, *keys)


@case
def a_log_that_grew(work):
    chain, key = make_chain(work)
    old = shutil.copy(chain + "/checkpoint", work + "/old")
    Collector(chain).stop()
    new = shutil.copy(chain + "/checkpoint", work + "/new")
    good("prove", "--chain", chain, "--from", old, "--out", work + "/grown")
    said = good("check-proof", work + "/grown", "--key", key, "--checkpoint", old)
    assert said.startswith("PROVEN (held): all of the log at size "), said
    equal(good("prove", "--chain", chain, "--from", old, "--to", new), read(work + "/grown"))
    refused(2, ["give the checkpoint held"], "check-proof", work + "/grown", "--key", key)
    refused(2, ["older checkpoint"], "prove", "--chain", chain, "--from", new, "--to", old)
    size = read(old).split("\n")[1]
    refused(1, ["not proven", size], "check-proof", work + "/grown", "--key", key,
            "--held", f"{size}:{'00' * 32}")


@case
def wrong_requests(work):
    chain, key = make_chain(work)
    other = work + "/other/checkpoint"
    refused(2, ["INDEX"], "prove", "--chain", chain)
    refused(2, ["x7"], "prove", "--chain", chain, "x7")
    refused(2, ["--to"], "prove", "--chain", chain, "7", "--to", other)
    refused(2, ["--checkpoint"], "prove", "--chain", chain, "--from", other, "--checkpoint", other)
    refused(2, ["99999", "not (yet)"], "prove", "--chain", chain, "99999")
    refused(2, [work + "/none"], "prove", "--chain", work + "/none", "0")
    refused(2, [work + "/none"], "prove", "--chain", chain, "0", "--checkpoint", work + "/none")
    refused(2, ["line 2"], "prove", "--chain", chain, "0", "--checkpoint", key)
    origins = [read(path).split("\n")[0] for path in (other, chain + "/checkpoint")]
    refused(2, origins, "prove", "--chain", chain, "0", "--checkpoint", other)
    refused(2, ["/no/where"], "prove", "--chain", chain, "0", "--out", work + "/no/where")
    proof = work + "/proof"
    good("prove", "--chain", chain, "3", "--out", proof)
    refused(2, ["--key"], "check-proof", proof)
    refused(2, ["FILE"], "check-proof", "--key", key)
    refused(2, ["verifier key"], "check-proof", proof, "--key", other)
    refused(2, origins, "check-proof", proof, "--key", key, "--checkpoint", other)
    refused(1, origins, "check-proof", proof, "--key", work + "/other/identity.pub")
    refused(2, ["line 1"], "check-proof", key, "--key", key)
    refused(2, ["no proof"], "check-proof", work, "--key", key)
    lines = read(proof).split("\n")
    for number in range(len(lines) - 1):
        text = "\n".join(lines[:number] + ["?" + lines[number]] + lines[number + 1:])
        code, out, err = run("check-proof", write(work + "/bad", text), "--key", key)
        assert code in (1, 2) and not out and len(err.splitlines()) == 1, (number, code, out, err)
        # where a line that is missed after this one is the first that cannot be, it says so
        where = re.search(r": line (\d+):", err)
        assert code == 1 or number < int(where[1]) <= len(lines), (number, err)
    refused(1, ["not proven"], "check-proof", write(work + "/bad", read(proof).replace(
        "\nindex 3\n", "\nindex 4\n")), "--key", key)


@case
def an_export(work):
    chain, key = make_chain(work)
    tiles = work + "/tiles"
    size = read(chain + "/checkpoint").split("\n")[1]
    equal(good("export", "--chain", chain, "--tiles", tiles), f"{tiles} is at size {size}, was at 0\n")
    equal(read(tiles + "/checkpoint"), read(chain + "/checkpoint"))
    equal(read(tiles + "/identity.pub"), read(key))
    equal(good("export", "--chain", chain, "--tiles", tiles), f"{tiles} is at size {size}, was at {size}\n")
    vkeys = [read(path).strip() for path in (key, work + "/other/identity.pub")]
    refused(2, vkeys, "export", "--chain", work + "/other", "--tiles", tiles)
    refused(2, ["is a chain"], "export", "--chain", chain, "--tiles", chain)
    refused(2, ["neither empty nor"], "export", "--chain", chain, "--tiles", work)
    refused(2, ["--tiles"], "export", "--chain", chain)
    refused(2, [work + "/none"], "export", "--chain", work + "/none", "--tiles", tiles)


main()
