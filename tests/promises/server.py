# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The fork server: a process of the target interpreter that has everything imported and forks for
each run.

Reads JSON commands from standard input and answers each. `open` makes a throw-away host (network,
mount and process namespaces, an empty /run, changes to /etc, /usr/local and /var/lib that vanish), without a
network of its own when told so; the commands up to `close` happen in it. runner.py is the other end
and says what the commands mean.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import mmap
import os
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import time
import traceback
import typing as t

import snapshot

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
TIMEOUT = 60.0
HEADER = struct.Struct("<9I")  # struct control in faultpoint.c
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}

Message = dict[str, t.Any]


def check(result: int, what: str) -> None:
    """Raise the error of a failed libc call."""
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


NODES = "/dev/sandbox-network"
CNI = "/var/lib/cni"


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)"""
    check(
        LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode() or None),
        f"mount {target}",
    )


class Channel:
    """JSON messages behind their length, read without looking ahead, because hosts share the
    server's standard input.
    """

    def read(self) -> Message | None:
        head = self.exactly(8)
        return t.cast(Message, json.loads(self.exactly(int(head, 16)))) if head else None

    @staticmethod
    def exactly(size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = os.read(0, size - len(data))
            if not chunk:
                return b""
            data += chunk
        return data

    @staticmethod
    def write(message: Message) -> None:
        data = json.dumps(message).encode()
        view = memoryview(b"%08x" % len(data) + data)
        while view:
            view = view[os.write(1, view) :]


class Server:
    """Preloads, opens hosts."""

    def __init__(self, channel: Channel, control: mmap.mmap) -> None:
        self.channel = channel
        self.control = control

    def serve(self) -> None:
        while True:
            message = self.channel.read()
            if message is None:
                return
            if message["op"] == "import":
                self.channel.write({"failed": [name for name in message["names"] if not preload(name)]})
                gc.collect()
                gc.freeze()
            elif message["op"] == "open":
                if self.fork_host(message):
                    self.channel.write({"error": "the host ended by itself"})
            else:
                self.channel.write({"error": f"{message['op']}: no host is open"})

    def fork_host(self, message: Message) -> int:
        """Fork twice: the second child is the first process of the new namespaces and ends
        everything with itself.
        """
        outer = os.fork()
        if outer:
            return os.waitpid(outer, 0)[1]
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        own_network = CLONE_NEWNET if message["network"] else 0
        check(LIBC.unshare(CLONE_NEWNS | CLONE_NEWPID | own_network), "unshare")
        inner = os.fork()
        if inner:
            _pid, status = os.waitpid(inner, 0)
            os._exit(0 if status == 0 else 1)
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            Host(self.channel, self.control).serve(message)
        except BaseException:
            self.channel.write({"error": traceback.format_exc()})
        os._exit(0)


def replace_by_copy(place: str) -> None:
    """Let changes of a directory vanish with the host, while what is below its directories stays the same."""
    old = snapshot.PRIVATE + "/old"
    os.makedirs(old)
    mount(place, old, "none", MS_BIND | MS_REC)
    mount("tmpfs", place, "tmpfs", 0, "mode=755")
    for entry in os.scandir(old):
        target = os.path.join(place, entry.name)
        if entry.is_dir(follow_symlinks=False):
            os.mkdir(target)
            mount(entry.path, target, "none", MS_BIND | MS_REC)
        else:
            shutil.copy2(entry.path, target, follow_symlinks=False)
    check(LIBC.umount2(old.encode(), MNT_DETACH), f"umount {old}")
    os.rmdir(old)


class Host:
    """A throw-away host and what is done in it."""

    def __init__(self, channel: Channel, control: mmap.mmap) -> None:
        self.channel = channel
        self.control = control
        self.standing: Message = {}

    def serve(self, message: Message) -> None:
        self.build(message["network"])
        self.channel.write({})
        while True:
            message = self.channel.read() or {"op": "close"}
            if message["op"] == "close":
                self.channel.write({})
                return
            self.bury()
            answer: Message = getattr(self, "do_" + message["op"])(message)
            self.channel.write(answer)

    def bury(self) -> None:
        """Bury orphans that have ended, as a first process does. A run that stands is waited for by who let it go."""
        with contextlib.suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if ended.si_pid == self.standing.get("pid"):
                    return
                os.waitpid(ended.si_pid, 0)

    @staticmethod
    def build(own_network: bool) -> None:
        mount("none", "/", "none", MS_REC | MS_PRIVATE)
        mount("proc", "/proc", "proc")
        if own_network:
            mount("sysfs", "/sys", "sysfs")
        mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
        if os.path.isdir(NODES):  # in a netbox, which many hosts share
            mount("tmpfs", NODES, "tmpfs", 0, "mode=755")
        if os.path.isdir(CNI):  # the same
            mount("tmpfs", CNI, "tmpfs", 0, "mode=700")
        os.makedirs(snapshot.PRIVATE + "/etc")
        os.makedirs(snapshot.PRIVATE + "/work")
        layers = f"lowerdir=/etc,upperdir={snapshot.PRIVATE}/etc,workdir={snapshot.PRIVATE}/work"
        mount("overlay", "/etc", "overlay", 0, layers)
        for place in filter(os.path.isdir, snapshot.INSTALLED):
            replace_by_copy(place)
        os.chdir("/")
        os.environ.update(ENVIRONMENT)
        for family, key, value in (("ipv6", "accept_dad", "0"), ("ipv6", "dad_transmits", "0")):
            for link in ("all", "default"):
                with open(f"/proc/sys/net/{family}/conf/{link}/{key}", "w", encoding="ascii") as file:
                    file.write(value)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, env=ENVIRONMENT)

    @staticmethod
    def do_sh(message: Message) -> Message:
        """Run shell commands. Their output goes to a file, which a process left in the background
        does not hold up.
        """
        with (
            open(os.memfd_create("script"), "r+b") as script,
            open(os.memfd_create("output"), "r+b") as output,
        ):
            script.write("\n".join(message["commands"]).encode())
            script.flush()
            done = subprocess.run(
                ["sh", "-e", f"/dev/fd/{script.fileno()}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=ENVIRONMENT,
                pass_fds=[script.fileno()],
                check=False,
            )
            output.seek(0)
            return {"code": done.returncode, "output": output.read().decode(errors="replace")}

    @staticmethod
    def do_snapshot(message: Message) -> Message:
        return {"snapshot": snapshot.take(message["directories"])}

    @staticmethod
    def do_unlike(message: Message) -> Message:
        return {"lines": snapshot.unlike(message["expected"], message["directories"])}

    @staticmethod
    def do_variables(_message: Message) -> Message:
        found = {}
        for name in os.listdir(snapshot.PRIVATE):
            if name.endswith(".pid"):
                with open(os.path.join(snapshot.PRIVATE, name), encoding="ascii") as file:
                    found[name] = file.read().strip()
        return {"variables": found}

    @staticmethod
    def do_exec(message: Message) -> Message:
        """Run a program as a process of its own."""
        started = time.monotonic()
        done = subprocess.run(
            message["argv"],
            env={**ENVIRONMENT, **message["environment"]},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT * 2,
            start_new_session=True,
            check=False,
        )
        return {
            "code": done.returncode,
            "stdout": done.stdout.decode(errors="replace"),
            "stderr": done.stderr.decode(errors="replace"),
            "seconds": time.monotonic() - started,
        }

    def do_run(self, message: Message) -> Message:
        """Fork and call the module's main(), with a fault or without."""
        return self.finish(self.start(message))

    def do_run_until(self, message: Message) -> Message:
        """Start, and wait until the process has stopped."""
        self.standing = self.start(message)
        _pid, status = os.waitpid(self.standing["pid"], os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise RuntimeError("the run ended before its call")
        return {"pid": self.standing["pid"]}

    def do_let_go(self, message: Message) -> Message:
        """Continue or kill what stands."""
        self.control[: HEADER.size] = HEADER.pack(*[0] * 9)
        os.killpg(self.standing["pid"], signal.SIGKILL if message["kill"] else signal.SIGCONT)
        self.standing["started"] = time.monotonic()
        return self.finish(self.standing)

    def do_together(self, message: Message) -> Message:
        """Many modules at the same time. All write into one list of calls, over each other: none is told."""
        started = [self.start(run) for run in message["runs"]]
        return {"answers": [{**self.finish(run), "calls": []} for run in started]}

    def start(self, message: Message) -> Message:
        fault = message["fault"]
        self.control[: HEADER.size] = HEADER.pack(
            fault["mode"], fault["at"], fault["sub"], fault["error"], fault["persist"], 0, 0, 0, 0
        )
        output, errors, learned = os.pipe(), os.pipe(), os.pipe()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os._exit(child(message, output[1], errors[1], learned[1]))
        for pair in (output, errors, learned):
            os.close(pair[1])
        return {"pid": pid, "pipes": [output[0], errors[0], learned[0]], "started": started}

    def finish(self, run: Message) -> Message:
        pid, pipes = run["pid"], run["pipes"]
        texts = {fd: bytearray() for fd in pipes}
        poll = select.poll()
        for fd in pipes:
            poll.register(fd, select.POLLIN)
        waiting, hung = set(pipes), False
        while waiting:
            events = poll.poll(max(0.0, (run["started"] + TIMEOUT - time.monotonic())) * 1000)
            if not events:
                hung = True
                os.killpg(pid, signal.SIGKILL)
                break
            for fd, _event in events:
                chunk = os.read(fd, 65536)
                texts[fd] += chunk
                if not chunk:
                    poll.unregister(fd)
                    waiting.discard(fd)
        _pid, status, usage = os.wait4(pid, 0)
        for fd in pipes:
            os.close(fd)
        head = HEADER.unpack(self.control[: HEADER.size])
        log = self.control[HEADER.size : HEADER.size + head[8]].decode(errors="replace").splitlines()
        out, err, new = (bytes(texts[fd]).decode(errors="replace") for fd in pipes)
        return {
            "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status),
            "stdout": out,
            "stderr": err,
            "imported": new.split(),
            "hung": hung,
            "calls": log,
            "fired": head[6],
            "seconds": time.monotonic() - run["started"],
            "cpu": usage.ru_utime + usage.ru_stime,
        }


def child(message: Message, output: int, errors: int, learned: int) -> int:
    """The module's own process."""
    os.setsid()
    sys.dont_write_bytecode = True  # which would be counted
    null = os.open("/dev/null", os.O_RDONLY)
    for fd, place in ((null, 0), (output, 1), (errors, 2)):
        os.dup2(fd, place)
    for fd, value in message.get("limits", {}).items():
        resource.setrlimit(getattr(resource, fd), (value, value))
    known = set(sys.modules)
    code = 0
    from ansible.module_utils import basic  # pylint: disable=import-outside-toplevel

    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": message["args"]}).encode()
    if hasattr(basic, "_ANSIBLE_PROFILE"):
        basic._ANSIBLE_PROFILE = "legacy"
    try:
        module = importlib.import_module(message["module"])
        sys.argv = [t.cast(str, module.__file__)]
        os.environ.update(ENVIRONMENT)
        os.environ.update(LD_PRELOAD=sys.argv[0] and PRELOAD, FAULTPOINT_MAP=MAP, FAULTPOINT_ARMED="1")
        LIBC.faultpoint_arm()
        module.main()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    LIBC.faultpoint_disarm()
    os.write(learned, " ".join(set(sys.modules) - known).encode())
    return code


def preload(name: str) -> bool:
    """Import what may be missing or need an argument."""
    try:
        importlib.import_module(name)
    except BaseException:
        return False
    return True


PRELOAD = os.environ.pop("LD_PRELOAD", "")
MAP = os.environ.get("FAULTPOINT_MAP", "")


def main() -> None:
    """Start with LD_PRELOAD=faultpoint.so and FAULTPOINT_MAP=file."""
    with open(MAP, "r+b") as file:
        control = mmap.mmap(file.fileno(), 0)
    Server(Channel(), control).serve()


if __name__ == "__main__":
    main()
