# SPDX-License-Identifier: Apache-2.0
"""A virtual machine with a disk of ours: what is written, flushed and promised is kept in order, so
that the power can be cut at every moment of it afterwards; and the disk can be told to fail.

The disk is served over NBD to qemu, as one with a cache that honours flushes and nothing else. A
second export, "marks", takes sectors of text: they stand in the log where they arrived."""
import atexit
import errno
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading

from lib import OUT, Skip

HERE = os.path.dirname(os.path.abspath(__file__))
SECTOR = 512
NOT_TO_BE_HAD = 77

WRITE, FLUSH, MARK = "write", "flush", "mark"

with open(HERE + "/../../include/event.h", encoding="utf-8") as header:
    NO_EVENTS = f"INDEVT\\{re.search(r'define EVENT_VERSION +([0-7])$', header.read(), re.M)[1]}\\0"
"""An event file without any, as printf takes it."""

OPTION = struct.Struct(">QII")  # IHAVEOPT, option, length
REPLY = struct.Struct(">QIII")  # magic, option, reply, length
REQUEST = struct.Struct(">IHHQQI")  # magic, flags, command, handle, offset, length
SIMPLE = struct.Struct(">IIQ")  # magic, error, handle


class Disk:
    """Serves image (bytes) until stopped. log: (WRITE, offset, bytes), (FLUSH,), (MARK, text)."""

    def __init__(self, path, image):
        self.base = bytes(image)
        self.data = bytearray(image)
        self.log = []
        self.failing = {}  # WRITE or FLUSH: how often yet
        self.which = None  # of the writes, by offset and data
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        self.path = path
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.socket.close()

    def accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer, peer.makefile("rwb") as stream:
            try:
                export = self.greet(stream)
                while export:
                    self.answer(stream, export)
            except (EOFError, OSError, struct.error):
                pass  # qemu is gone

    @staticmethod
    def take(stream, length):
        data = stream.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def greet(self, stream):
        """The fixed newstyle handshake; returns the export that was asked for."""
        stream.write(struct.pack(">8s8sH", b"NBDMAGIC", b"IHAVEOPT", 3))
        stream.flush()
        self.take(stream, 4)
        while True:
            _, option, length = OPTION.unpack(self.take(stream, OPTION.size))
            data = self.take(stream, length)
            if option not in (6, 7):  # INFO, GO
                stream.write(REPLY.pack(0x3e889045565a9, option, 1 << 31 | 1, 0))
                stream.flush()
                if option == 2:  # ABORT
                    return None
                continue
            size, = struct.unpack(">I", data[:4])
            name = data[4:4 + size].decode()
            room = len(self.data) if name == "disk" else SECTOR
            stream.write(REPLY.pack(0x3e889045565a9, option, 3, 12))
            stream.write(struct.pack(">HQH", 0, room, 1 | 4))  # has flags, honours FLUSH, no FUA
            stream.write(REPLY.pack(0x3e889045565a9, option, 1, 0))
            stream.flush()
            if option == 7:
                return name

    def answer(self, stream, export):
        _, _, command, handle, offset, length = REQUEST.unpack(self.take(stream, REQUEST.size))
        data = self.take(stream, length) if command == 1 else b""
        with self.lock:
            error, out = self.do(export, command, offset, length, data)
        stream.write(SIMPLE.pack(0x67446698, error, handle) + out)
        stream.flush()
        if command == 2:
            raise EOFError

    def do(self, export, command, offset, length, data):
        if export == "marks":
            if command == 1:
                self.log.append((MARK, data.rstrip(b"\0").decode().strip()))
            return 0, b"\0" * length if command == 0 else b""
        if command == 0:
            return 0, bytes(self.data[offset:offset + length])
        if command == 1:
            if self.failing.get(WRITE) and self.which(offset, data) and self.fails(WRITE):
                return errno.EIO, b""
            self.data[offset:offset + length] = data
            self.log.append((WRITE, offset, data))
        elif command == 3:
            if self.fails(FLUSH):
                return errno.EIO, b""
            self.log.append((FLUSH,))
        return 0, b""

    def fails(self, what):
        left = self.failing.get(what, 0)
        self.failing[what] = max(0, left - 1)
        return left > 0

    def fail(self, *what, times=sys.maxsize, which=lambda offset, data: True):
        """From now on WRITE or FLUSH give EIO, so many of each; of the writes, those which."""
        with self.lock:
            self.failing, self.which = dict.fromkeys(what, times), which


class Cuts:
    """What a disk can hold after a power cut, for growing places in its log."""

    def __init__(self, base, log):
        self.image = bytearray(base)  # all that is flushed
        self.log = log
        self.flushed = 0  # place behind the last flush that was looked at
        self.promises = []
        self.at = 0

    def cut(self, at, rng):
        """The image after a cut before log[at], what was promised by then, and how it was cut."""
        for place in range(self.at, at):
            what = self.log[place]
            if what[0] == MARK:
                self.promises.append(what[1])
            elif what[0] == FLUSH:
                for _, offset, data in (w for w in self.log[self.flushed:place] if w[0] == WRITE):
                    self.image[offset:offset + len(data)] = data
                self.flushed = place
        self.at = at
        pending = [w for w in self.log[self.flushed:at] if w[0] == WRITE]
        how, kept = choose(pending, rng)
        image = bytearray(self.image)
        for offset, data in kept:
            image[offset:offset + len(data)] = data
        return image, list(self.promises), how


def sectors(writes):
    for _, offset, data in writes:
        for at in range(0, len(data), SECTOR):
            yield offset + at, data[at:at + SECTOR]


def choose(pending, rng):
    """Which of the writes since the last flush are on the disk: none, all, some."""
    how = rng.choice(("none", "all", "first", "some", "torn", "all but one"))
    whole = [(offset, data) for _, offset, data in pending]
    if how == "none":
        return how, []
    if how == "first":
        return how, whole[:rng.randrange(len(whole) + 1)]
    if how == "some":
        return how, [w for w in whole if rng.random() < 0.5]
    if how == "torn":
        share = rng.random()
        return how, [w for w in sectors(pending) if rng.random() < share]
    if how == "all but one" and whole:
        del whole[rng.randrange(len(whole))]
    return how, whole


# --- images ---------------------------------------------------------------------------------------

def make_image(work, megabytes, *options):
    """An empty ext4; small blocks make many writes."""
    if not shutil.which("mkfs.ext4"):
        raise Skip("no mkfs.ext4 on this machine")
    path = os.path.join(work, "empty")
    with open(path, "wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "1024", *options, path], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    with open(path, "rb") as file:
        image = file.read()
    os.unlink(path)
    return image


def journal(image, work):
    """Where its journal is, in bytes."""
    path = os.path.join(work, "image")
    with open(path, "wb") as file:
        file.write(image)
    said = subprocess.run(["debugfs", "-R", "stat <8>", path], check=True, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True).stdout
    os.unlink(path)
    begin, end = re.search(r"\(0-\d+\):(\d+)-(\d+)\s*$", said).groups()
    return range(int(begin) << 10, int(end) + 1 << 10)


def unpack(image, work):
    """What is in it, after the journal was replayed, as files below work. The file system itself
    must have come through."""
    path = os.path.join(work, "image")
    with open(path, "wb") as file:
        file.write(image)
    done = subprocess.run(["e2fsck", "-fy", path], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise AssertionError("e2fsck: " + done.stdout + done.stderr)
    files = os.path.join(work, "files")
    os.mkdir(files)
    subprocess.run(["debugfs", "-R", f"rdump / {files}", path], check=True, stdin=subprocess.DEVNULL,
                   capture_output=True)
    os.unlink(path)
    return files


# --- the machine ----------------------------------------------------------------------------------

class Guest:
    """A booted machine that does what it is told; disk is /dev/vda, marks are /dev/vdb."""

    def __init__(self, work, disk=None, series="6.12"):
        if OUT.endswith("-san"):
            raise Skip("not with sanitizers: a guest is slow enough")
        self.work = work
        self.prepared = os.path.join(work, "boot-" + series)
        if not os.path.exists(self.prepared + "/vmlinuz"):
            done = subprocess.run([HERE + "/vm", "--prepare", HERE + "/obey", OUT, series, self.prepared],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode == NOT_TO_BE_HAD:
                raise Skip(done.stderr.splitlines()[-1])
            if done.returncode:
                raise AssertionError("vm: " + done.stderr)
        self.boot(disk)
        if os.path.exists("/etc/machine-id"):  # its chains can be gone on with here
            with open("/etc/machine-id", encoding="ascii") as machine:
                self.do(f"echo {machine.read().strip()} >/etc/machine-id")
        else:
            self.do("rm /etc/machine-id")

    def boot(self, disk):
        line, terminal = (self.listen(name) for name in ("line", "terminal"))
        drives = []
        for name in ("disk", "marks") if disk else ():
            drives += ["-drive", f"file.driver=nbd,file.server.type=unix,file.server.path={disk.path},"
                                 f"file.export={name},format=raw,if=none,id={name},cache=writeback,"
                                 "werror=report,rerror=report",
                       "-device", f"virtio-blk-pci,drive={name}"]
        # One thread for both processors: see tests/kernel/vm.
        with open(os.path.join(self.work, "qemu"), "ab") as said:
            self.process = subprocess.Popen(
                ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2",
                 "-m", "512", "-nodefaults", "-no-reboot", "-display", "none",
                 "-serial", f"file:{self.work}/console", "-serial", f"unix:{self.work}/line",
                 "-serial", f"unix:{self.work}/terminal", *drives,
                 "-kernel", self.prepared + "/vmlinuz", "-initrd", self.prepared + "/initrd",
                 "-append", "console=ttyS0 panic=-1 quiet"],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        atexit.register(self.process.kill)
        self.line, self.terminal = (self.connection(listener) for listener in (line, terminal))
        self.shown = []
        threading.Thread(target=self.watch, args=(self.terminal, disk), daemon=True).start()
        self.stream = self.line.makefile("rb")
        self.answer()

    def listen(self, name):
        path = os.path.join(self.work, name)
        if os.path.exists(path):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        listener.settimeout(30)
        return listener

    @staticmethod
    def connection(listener):
        with listener:
            connection, _ = listener.accept()
        connection.settimeout(100)
        return connection

    def watch(self, terminal, disk):
        """What is shown on the third serial line (/dev/ttyS2), as marks too."""
        with terminal.makefile("r", newline="\r", errors="replace") as lines:
            try:
                for line in lines:
                    self.shown.append(line)
                    if disk:
                        with disk.lock:
                            disk.log.append((MARK, line.replace("\x1b[K", "").strip()))
            except OSError:
                pass

    def answer(self):
        said = []
        for line in self.stream:
            if line.startswith(b"\1 "):
                return int(line[2:]), b"".join(said).decode(errors="replace")
            said.append(line)
        with open(f"{self.work}/console", errors="replace") as console:
            raise AssertionError("the guest is gone: " + console.read()[-2000:])

    def tell(self, command):
        """Exit code and output of a shell command."""
        self.line.sendall(command.encode() + b"\n")
        return self.answer()

    def do(self, command):
        """The same, and it must succeed; its output."""
        code, said = self.tell(command)
        if code:
            raise AssertionError(f"{command}: exit code {code}: {said}")
        return said

    def cut(self):
        """No more power."""
        self.process.kill()
        self.process.wait()
        self.stream.close()
        self.line.close()
        self.terminal.close()


def seed():
    """SEED, or one of its own, printed."""
    given = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"# SEED={given}", flush=True)
    return given
