# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A sandbox that a virtual machine lives in: QEMU in its namespace, with the words that the module returned.

The processor is emulated, so it runs anywhere.
"""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from box import Box, only
from machine import KERNEL
from machine_image import commands_for, write_small_image
from promises.runner import BUILD

HERE = Path(__file__).resolve().parent
BOOT_SECONDS, END_SECONDS = 120, 20
MTU = 1400
TRIES = 20
GATEWAYS = {4: "10.9.0.1", 6: "2001:db8:9::1"}
ADDRESSES = {4: "10.9.0.2", 6: "2001:db8:9::2"}
BEYOND = {4: "192.0.2.1", 6: "2001:db8:ffff::1"}  # reached through the gateway only

NETWORK = (
    "ip link add br0 address 02:00:00:00:09:01 type bridge mcast_snooping 0",
    "ip link set br0 up",
    f"ip addr add {GATEWAYS[4]}/24 dev br0",
    f"ip addr add {GATEWAYS[6]}/64 dev br0 nodad",
    f"ip addr add {BEYOND[4]}/32 dev lo",
    f"ip addr add {BEYOND[6]}/128 dev lo nodad",
    *(
        command
        for number, name in ((2, "box"), (3, "client"))
        for command in (
            f"ip netns add {name}",
            f"ip -n {name} link set lo up",
            f"ip link add p{number} type veth peer name eth0 netns {name} address 02:c0:00:00:00:0{number}",
            f"ip link set p{number} master br0 up",
            f"ip -n {name} link set eth0 mtu {MTU} up",
            f"ip -n {name} addr add 10.9.0.{number}/24 dev eth0",
            f"ip -n {name} addr add 2001:db8:9::{number}/64 dev eth0 nodad",
            f"ip -n {name} route add default via {GATEWAYS[4]}",
            f"ip -n {name} -6 route add default via {GATEWAYS[6]}",
        )
    ),
)

BOARD = (
    *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
    *("-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "256"),
    # There is nothing to boot from over the network.
    *("-global", "virtio-net-pci.romfile="),
)
KERNEL_WORDS = (
    "console=ttyS0 quiet panic=-1 net.ifnames=0"
    # what an emulated processor is slow at
    " init_on_alloc=0 mitigations=off cryptomgr.notests lsm= audit=0 nowatchdog tsc=reliable"
)
FILES = "/run/box/vm"  # where the harness keeps its own


class Sandbox(Box):
    """A host with the sandbox `box` on a bridge, in which a machine can be started."""

    machine: Path | None = None

    def guest(self) -> dict[str, Any]:
        """The sandbox as netns_info describes it to a guest."""
        found = only(self.done("netns_info", {"name": ["box"]})["namespaces"])
        return dict(found["guest"])

    def start_machine(self, endpoint: dict[str, Any], processors: int = 1) -> None:
        """Start a machine as the module's result says, and wait until it serves."""
        assert KERNEL.is_dir(), f"{KERNEL} is missing: `make setup` fetches it"
        setup = commands_for(self.guest(), endpoint["hard_addr"])
        self.machine = Path(tempfile.mkdtemp(prefix="vm-", dir=BUILD))
        image = write_small_image(KERNEL, self.machine, setup)
        words = [
            *("ip", "netns", "exec", "box", "qemu-system-x86_64", *BOARD, "-smp", str(processors)),
            *("-kernel", str(KERNEL / "kernel"), "-initrd", str(image), "-append", KERNEL_WORDS),
            *("-serial", f"file:{FILES}/console", *endpoint["hypervisor"]["qemu"]),
        ]
        files = " ".join(f"{one['fd']}<>{shlex.quote(one['path'])}" for one in endpoint["descriptors"])
        self.sh(
            f"mkdir {FILES}",
            # Its parent waits for it: the first process of this host does not.
            f"( {shlex.join(words)} {files} >{FILES}/messages 2>&1 &",
            f"echo $! >{FILES}/process; wait; echo >{FILES}/ended ) >/dev/null 2>&1 &",
            f"until [ -s {FILES}/process ]; do sleep 0.02; done",
        )
        self._wait_until_it_serves()

    def _wait_until_it_serves(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while "eth0" not in self.fetch("addresses", check=False):
            ended = self.sh(f"test ! -e {FILES}/ended || echo ended", check=False)
            if ended or time.monotonic() > deadline:
                told = self.sh(f"tail -n 40 {FILES}/messages {FILES}/console", check=False)
                raise AssertionError(f"the machine {'ended' if ended else 'does not answer'}:\n{told}")
            time.sleep(0.1)

    def end_machine(self) -> None:
        """Switch it off: there is nothing in it to be kept."""
        if self.machine is None:
            return
        try:
            self.sh(
                f"if [ ! -e {FILES}/ended ]; then kill $(cat {FILES}/process); fi",
                f"for _try in $(seq {END_SECONDS * 50}); do if [ -e {FILES}/ended ]; then break; fi; sleep 0.02; done",
                f"test -e {FILES}/ended",
                f"rm -r {FILES}",
            )
        finally:
            shutil.rmtree(self.machine)
            self.machine = None

    def in_client(self, *words: str, check: bool = True) -> str:
        """A command in the other sandbox; what it prints."""
        return self.sh(shlex.join(["ip", "netns", "exec", "client", *words]), check=check)

    def fetch(self, name: str, family: int = 4, *, check: bool = True) -> str:
        """A file from the machine, as the other sandbox gets it over HTTP."""
        host = f"[{ADDRESSES[family]}]" if family == 6 else ADDRESSES[family]
        return self.in_client("curl", "-gsS", "-m", "5", f"http://{host}/{name}", check=check)

    def measure(self, direction: str) -> float:
        """What iperf3 measures between the other sandbox and the machine, which it sends to or receives
        from, in Mbit/s of payload; the first second, in which buffers fill, is left out.
        """
        reverse = ["--reverse"] if direction == "receive" else []
        command = ["iperf3", "--client", ADDRESSES[4], "--json", "--omit", "1", "--time", "3", *reverse]
        for _try in range(TRIES):
            answer = json.loads(self.in_client(*command, check=False))
            if "error" not in answer:
                return float(answer["end"]["sum_received"]["bits_per_second"]) / 1e6
            time.sleep(0.5)  # the server starts, or is busy with the end of the measurement before
        raise AssertionError(answer["error"])
