# SPDX-License-Identifier: Apache-2.0
"""An independent implementation, golang.org/x/mod as Debian packages it, against ours: roots and
all proofs of small trees both ways, notes, proof files and exported tiles. Needs no root."""
import json
import os
import random
import shutil
import subprocess

from lib import OUT, Skip, case, equal, main, run

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "../oracle/oracle.go")
OURS = os.path.join(OUT, "tests/oracle/ours")
THEIRS = os.path.join(OUT, "tests/oracle/theirs")
GOCODE = "/usr/share/gocode"
LEAVES = "1024"
built = []


def go():
    """Build the other side, once."""
    if built:
        return
    if not shutil.which("go"):
        raise Skip("no Go compiler (golang-go)")
    if not os.path.isdir(GOCODE + "/src/golang.org/x/mod"):
        raise Skip("no golang.org/x/mod (golang-golang-x-mod-dev)")
    cache = os.path.join(OUT, "tests/oracle/cache")
    subprocess.run(["go", "build", "-o", THEIRS, SOURCE], check=True, timeout=300, env=dict(
        os.environ, GO111MODULE="off", GOPATH=GOCODE, GOCACHE=cache, GOFLAGS=""))
    shutil.rmtree(cache, ignore_errors=True)
    built.append(THEIRS)


def theirs(*args):
    """What the other side says; anything it does not accept fails the test."""
    done = subprocess.run([THEIRS, *map(str, args)], capture_output=True, text=True, timeout=300)
    equal((done.returncode, done.stderr), (0, ""), f"{args}: {done.stdout}")
    return done.stdout.split()


def refused(*args):
    done = subprocess.run([THEIRS, *map(str, args)], capture_output=True, text=True, timeout=300)
    equal(done.returncode, 1, f"{args} must be refused: {done.stdout}")


def pipe(maker, taker):
    """What maker emits, taker accepts."""
    first = subprocess.Popen([maker, "emit", LEAVES], stdout=subprocess.PIPE)
    done = subprocess.run([taker, "accept", LEAVES], stdin=first.stdout, capture_output=True,
                          text=True, timeout=300)
    first.stdout.close()
    equal((done.returncode, done.stderr, first.wait()), (0, "", 0))
    equal(done.stdout, f"{int(LEAVES) * (int(LEAVES) + 1)} proofs hold\n")


def grow(chain, records):
    subprocess.run([OURS, "chain", chain, str(records)], check=True, timeout=120)


def prove(chain, out, *args):
    code, _, err = run("prove", "--chain", chain, "--out", out, *args)
    equal((code, err), (0, ""), f"prove {args}")


def check(*args):
    """Exit code of check-proof, and the line with its verdict."""
    code, out, err = run("check-proof", *args)
    said = [line for line in (out + err).splitlines() if "PROVEN" in line or "not proven" in line]
    return code, said[0] if said else err


@case
def our_proofs_hold_there(work):
    go()
    pipe(OURS, THEIRS)


@case
def their_proofs_hold_here(work):
    go()
    pipe(THEIRS, OURS)


@case
def our_notes_and_proofs_are_theirs(work):
    go()
    chain, proof = work + "/chain", work + "/proof"
    key = chain + "/identity.pub"
    grow(chain, 1500)
    shutil.copy(chain + "/checkpoint", work + "/old")
    grow(chain, 1500)
    size = int(theirs("note", key, chain + "/checkpoint")[1])
    assert size > 3000, size
    for index in {0, 1, 2, 255, 256, 1499, size - 2, size - 1, *random.Random(7).sample(range(size), 20)}:
        prove(chain, proof, index)
        said = theirs("proof", key, proof)
        equal(said[:2], [str(index), str(size)])
        # the entry is the one that is in the chain
        code, out, err = run("check-proof", proof, "--key", key)
        equal((code, err), (0, ""))
        assert said[2] in out, (said, out)
    prove(chain, proof, "--from", work + "/old")
    theirs("growth", key, work + "/old", proof)
    refused("growth", key, chain + "/checkpoint", proof)
    prove(chain, proof, 7)
    with open(proof) as f:
        text = f.read()
    with open(proof, "w") as f:
        f.write(text.replace("\nindex 7\n", "\nindex 8\n"))
    refused("proof", key, proof)
    equal(check(proof, "--key", key)[0], 1)


@case
def their_notes_and_proofs_are_ours(work):
    go()
    log = ("--key", work + "/log.vkey")
    witness = ("--witness", work + "/witness.vkey")
    note = ("--checkpoint", work + "/note")
    theirs("log", work, 77)
    for i in range(77):
        for name in f"{work}/proof-{i}", f"{work}/cosigned-{i}":
            equal(check(name, *log), (0, f"PROVEN by host key only: entry {i} is in "
                                         "oracle.example/log at size 77"))
            equal(check(name, *log, *note)[1][:14], "PROVEN (held):")
    equal(check(f"{work}/cosigned-5", *log, *witness)[1][:18], "PROVEN (cosigned):")
    equal(check(f"{work}/proof-5", *log, *witness)[1][:24], "PROVEN by host key only:")
    for name, signed in ("cosigned-5", {"cosigned": True, "time": 1679315147}), ("proof-5", {"cosigned": False}):
        out = run("check-proof", f"{work}/{name}", *log, *witness, "--format", "json")[1]
        equal(json.loads(out.splitlines()[-1])["witnesses"], [{"name": "witness.example/w1", **signed}])
    assert "cosigned by witness.example/w1 at 2023-03-20T12:25:47" in \
        run("check-proof", f"{work}/cosigned-5", *log, *witness)[1]
    equal(check(work + "/growth", *log, "--checkpoint", work + "/half"),
          (0, "PROVEN (held): all of the log at size 38 is in oracle.example/log at size 77"))
    # not under another key, nor with one line of the other's proof
    equal(check(f"{work}/proof-5", "--key", work + "/witness.vkey")[0], 2)
    with open(f"{work}/proof-5") as f:
        mine = f.read().splitlines(True)
    with open(f"{work}/proof-6") as f:
        other = f.read().splitlines(True)
    for line in range(1, 10):
        if mine[line] == other[line]:
            continue
        with open(work + "/mixed", "w") as f:
            f.writelines(mine[:line] + [other[line]] + mine[line + 1:])
        equal(check(work + "/mixed", *log)[0], 1, f"line {line} of another proof")


@case
def tiles_are_read_there(work):
    go()
    chain, to = work + "/chain", work + "/tiles"
    total = 0
    for records in 3, 100, 150, 700, 65000, 300:
        grow(chain, records)
        code, out, err = run("export", "--chain", chain, "--tiles", to)
        equal((code, err), (0, ""))
        total = int(theirs("tiles", to)[0])
    assert total > 66253, total
    equal(theirs("note", chain + "/identity.pub", chain + "/checkpoint")[1], str(total))
    # any byte of a hash tile matters to them
    with open(to + "/tile/1/000", "r+b") as f:
        f.seek(1000)
        byte = f.read(1)
        f.seek(1000)
        f.write(bytes([byte[0] ^ 1]))
    refused("tiles", to)


main()
