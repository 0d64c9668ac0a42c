# SPDX-License-Identifier: Apache-2.0
"""Two chains of the same deeds, one by the tracepoint set and one by the object set: the records must
be the same, but for what the object set alone can know."""
from lib import equal

# Numbers that another run of the same deeds has others for, one for one.
RENAMED = {"pid": "task", "tid": "task", "ppid": "task", "child_pid": "task", "child_tid": "task",
           "child_parent": "task", "target_pid": "task", "start": "start", "child_start": "start",
           "inode": "inode", "port": "port", "mount_ns": "mount_ns"}
PASSING = {"index", "time", "run", "seq", "cpu", "hash"}
CHANGES = {"unlink", "rename", "link", "truncate", "chmod", "chown", "xattr"}
IDENTITY = {"inode", "device", "mode"}
KEPT = 384  # of a name, as bpf/object_set.h has it
BEFORE = {"old_mode", "old_owner", "old_group"}


def of_deeds(found, root):
    """The records of what descends from root: a list a thread, threads in the order of their making.
    (Threads of an io_uring are made by nobody, and come and go as they like.)"""
    threads = {root: []}
    for record in found:
        if record.get("path", "").endswith("change ring fifo"):
            continue  # its process was killed meanwhile: how far it came is chance
        if record.get("tid") in threads:
            threads[record["tid"]].append(record)
            if record["kind"] == "fork":
                threads[record["child_tid"]] = []
    return list(threads.values())


def known_to_object_set(record):
    """Name of the row of the table, and the fields that differ from this record of the tracepoint set."""
    unverified = "unverified" in record["flags"]
    call = record.get("call")
    if call == "io_uring_enter":
        return None, set()
    if record["kind"] in CHANGES and record["result"] >= 0:
        if record["kind"] in ("chmod", "chown"):
            return ("change of mode by name", {"flags"} | IDENTITY | BEFORE) if unverified else \
                ("change of mode by descriptor", BEFORE)
        if call in ("symlink", "symlinkat"):
            return "symbolic link", {"flags"}
        return ("change by name", {"flags"} | IDENTITY) if unverified and not record["inode"] else (None, set())
    if record["kind"] == "open" and record["result"] < 0 and unverified and len(record["path"]) < KEPT and \
            not {"claimed_truncated", "claimed_lost"} & set(record["flags"]):
        return "open that failed", {"flags"}
    if record["kind"] == "open" and record["result"] >= 0 and "fd_shared" in record["flags"]:
        return "open beside another thread", {"flags"}
    return None, set()


ROWS = {"change of mode by name", "change of mode by descriptor", "symbolic link", "change by name",
        "open that failed"}  # and, if a thread was still there, "open beside another thread"


def value(record, field):
    """An inode number means something on its device alone."""
    found = record.get(field)
    return (record["device"], found) if field == "inode" and found else found


def same(field, one, other, names):
    if field not in RENAMED or not one or not other:
        return one == other
    known, back = names.setdefault(RENAMED[field], ({}, {}))
    return known.setdefault(one, other) == other and back.setdefault(other, one) == one


def compare(tracepoint, root, other, other_root):
    """Fails where they differ in another way than the table says, or where it says what is not so."""
    ours, theirs = of_deeds(tracepoint, root), of_deeds(other, other_root)
    names, rows = {}, {}
    equal([[r["kind"] for r in t] for t in theirs], [[r["kind"] for r in t] for t in ours], "kinds of records")
    for one, two in ((a, b) for t, u in zip(ours, theirs) for a, b in zip(t, u)):
        row, wanted = known_to_object_set(one)
        rows[row] = rows.get(row, 0) + 1
        fields = (set(one) | set(two)) - PASSING
        different = {f for f in fields
                     if not same(f, value(one, f), value(two, f), {} if f in wanted else names)}
        if one["kind"] in CHANGES and "inode" in wanted:
            equal((one["inode"], two["inode"] != 0), (0, True), f"inode of {two}")
            different |= {"device", "mode", "inode"}
        equal(different, wanted, f"fields that differ ({row}):\n{one}\n{two}\n")
        if "flags" in wanted:
            equal({"unverified", "fd_shared"} & set(two["flags"]), set(), f"doubts left in {two}")
            equal(set(two["flags"]) <= set(one["flags"]), True, f"flags of {two}")
    equal(ROWS - set(rows), set(), "rows of the table that no record shows")
    return sum(map(len, ours)), rows
