# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A machine whose first process is systemd: the tree that the runner made, booted in a container.

What is written there is gone with it, though not with a reboot of it. It has a network, processes and
control groups of its own, so that many can run at once.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

from promises.runner import BUILD, CONTROL_SIZE, PACKAGE, HostError, Lane, Server, shim

HERE = Path(__file__).resolve().parent
PROMISES = HERE.parent / "promises"
TREE = BUILD / "systemd" / "tree"
BOOT_SECONDS, END_SECONDS = 60, 20
GROUP = "sandbox-network-"

# The tree, and over it what is written: in a mount namespace, which ends with the machine.
MOUNTED = """
mount -t tmpfs tmpfs "$0"
mkdir "$0/changes" "$0/work" "$0/root"
mount -t overlay -o "lowerdir=$1,upperdir=$0/changes,workdir=$0/work" overlay "$0/root"
program=$2
root=$0/root
shift 2
status=133  # a reboot
while [ "$status" -eq 133 ]; do
    status=0
    "$program" "--directory=$root" "$@" || status=$?
done
exit "$status"
"""
ROOT = ("unshare", "--mount", "--propagation=private", "sh", "-euc", MOUNTED)
CONTAINER = (
    *("systemd-nspawn", "--quiet", "--boot", "--machine=machine"),
    *("--private-network", "--bind=/dev/net/tun", "--capability=all"),
    *("--register=no", "--keep-unit", "--link-journal=no", "--console=passive"),
)
# As Debian has its control groups, whatever the outside has.
UNIFIED = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
IN_GROUP = ("sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"')

# The fork server: its map is a file of the machine.
MAP = f'export FAULTPOINT_MAP=$(mktemp); truncate -s {CONTROL_SIZE} "$FAULTPOINT_MAP"'
AGENT = ("sh", "-euc", f"{MAP}; LD_PRELOAD=$0 exec python3 -c 'import agent; agent.main()'")


class Machine:
    """A machine from its boot to its end."""

    def __init__(self, lane: Lane) -> None:
        assert TREE.is_dir(), f"{TREE} is missing: `make setup` makes it"
        self.lane = lane
        self.leader = 0
        _remove_empty_groups()
        self.group = Path(tempfile.mkdtemp(prefix=GROUP, dir=_hierarchies()[0]))
        self.root = Path(tempfile.mkdtemp(prefix=GROUP))
        with tempfile.TemporaryFile("w+") as console:
            self.process = subprocess.Popen(
                [*IN_GROUP, str(self.group), *ROOT, str(self.root), str(TREE), *CONTAINER, *self._shared()],
                env={**os.environ, **UNIFIED},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
            try:
                self._wait_until_booted()
            except HostError as error:
                self.close()
                console.seek(0)
                raise HostError(f"{error}: {console.read()[-3000:]}") from None

    def _shared(self) -> list[str]:
        """What is shown to the machine, in the same places: what modules are made of, and the fork server."""
        shim().chmod(0o755)  # it is for all users
        collection = Path(self.lane.collections, *PACKAGE.split(".")[:-1])
        places = (Path(self.lane.ansible_lib, "ansible"), collection, PROMISES, HERE, shim())
        return [f"--bind-ro={place.resolve()}:{place}:norbind" for place in places]

    def _wait_until_booted(self) -> None:
        deadline, state = time.monotonic() + BOOT_SECONDS, "not there"
        while state not in ("running", "degraded"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise HostError(f"the machine does not start, it is {state}")
            time.sleep(0.02)
            for container in _children(self.process.pid):
                self.leader = next(iter(_children(container)), 0)
            if self.leader:
                asked = self.inside("systemctl", "is-system-running")
                state = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()

    def reboot(self) -> None:
        """Boot again. Sessions on it have ended."""
        former = self.leader
        subprocess.run(self.inside("systemctl", "reboot"), check=False)
        deadline = time.monotonic() + BOOT_SECONDS
        while Path(f"/proc/{former}").exists():
            if time.monotonic() > deadline:
                raise HostError("the machine does not go down")
            time.sleep(0.02)
        self._wait_until_booted()

    def inside(self, *command: str) -> list[str]:
        """The words by which a command is run on the machine, as root."""
        return ["nsenter", f"--target={self.leader}", "--all", *command]

    def close(self) -> None:
        """Switch it off: there is nothing in it to be kept."""
        with contextlib.suppress(FileNotFoundError):  # it has not come that far
            (self.group / "payload" / "cgroup.kill").write_text("1", encoding="ascii")
        self.process.wait(END_SECONDS)
        self.root.rmdir()
        _remove_groups(self.group.name)


class Session(Server):
    """The fork server on a machine, as one of its users."""

    def __init__(self, machine: Machine, user: str) -> None:
        self.machine = machine
        self.user = user
        super().__init__(machine.lane)

    def start(self) -> subprocess.Popen[bytes]:
        become = ("setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups")
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": f"{self.lane.python_path}:{PROMISES}:{HERE}",
        }
        return subprocess.Popen(
            self.machine.inside(*become, *AGENT, str(shim())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            t.cast(t.IO[bytes], pipe).close()
        self.process.wait()


def _children(pid: int) -> list[int]:
    """The processes that one has started; none when it has ended."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except FileNotFoundError:
        return []


def _hierarchies() -> list[Path]:
    """Where control groups are: the unified hierarchy, then the older ones."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    found = [Path(words[1]) for kind in ("cgroup2", "cgroup") for words in mounts if words[2] == kind]
    assert found, "there are no control groups here"
    return found


def _remove_groups(name: str) -> None:
    """Remove the groups of a machine that has ended; systemd-nspawn has made some."""
    for hierarchy in _hierarchies():
        for directory, _directories, _files in os.walk(hierarchy / name, topdown=False):
            os.rmdir(directory)


def _remove_empty_groups() -> None:
    """Remove what runs that were killed have left."""
    for group in _hierarchies()[0].glob(f"{GROUP}*"):
        if "populated 0" in (group / "cgroup.events").read_text(encoding="ascii"):
            _remove_groups(group.name)
