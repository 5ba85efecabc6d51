# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A machine of its own for modules: Debian's kernel in QEMU, with network cards on a PCI bus.

The processor is emulated, so it runs anywhere. Standard input and output of QEMU are those of the
fork server that is the machine's first process.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import typing as t
from dataclasses import dataclass
from pathlib import Path

from image import ENVIRONMENT, write_image
from promises.runner import BUILD, HostError, Lane, Server, Servers
from promises.snapshot import Snapshot

KERNEL = BUILD / "guest" / "kernel"
BOOT_SECONDS = 180


@dataclass(frozen=True)
class Nic:
    """A network card: each is alone on a PCI bus, and those of one cable reach each other."""

    mac: str
    cable: int


NICS = (Nic("52:54:00:00:00:01", 1), Nic("52:54:00:00:00:02", 1), Nic("52:54:00:00:00:03", 2))

BOARD = (
    *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
    *("-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1", "-m", "768"),
    *("-device", "intel-iommu,caching-mode=on"),
    *("-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=agent"),
    *("-chardev", "stdio,id=agent,signal=off"),
)
KERNEL_WORDS = (
    "console=ttyS0",
    "quiet",
    "panic=-1",
    "init_on_alloc=0",
    "mitigations=off",
    "net.ifnames=0",
    "intel_iommu=on",
)


def command(kernel: Path, image: Path, console: Path) -> list[str]:
    """QEMU's command line."""
    words = [*KERNEL_WORDS, *(f"{name}={value}" for name, value in ENVIRONMENT.items())]
    nics: list[str] = []
    for number, nic in enumerate(NICS, 1):
        nics += ["-device", f"pcie-root-port,id=port{number},chassis={number},slot={number}"]
        nics += ["-netdev", f"hubport,id=cable{number},hubid={nic.cable}"]
        nics += ["-device", f"e1000e,bus=port{number},netdev=cable{number},mac={nic.mac},romfile="]
    boot = ["-kernel", str(kernel), "-initrd", str(image), "-append", " ".join(words)]
    return ["qemu-system-x86_64", *BOARD, *nics, "-serial", f"file:{console}", *boot]


class Machine(Server):
    """A machine that is running, and the fork server in it."""

    def start(self) -> subprocess.Popen[bytes]:
        assert KERNEL.is_dir(), f"{KERNEL} is missing: `make setup` fetches it"
        self.work = Path(tempfile.mkdtemp(prefix="guest-"))
        self.console, self.messages = self.work / "console", self.work / "messages"
        image = write_image(self.lane, KERNEL, self.work)
        return subprocess.Popen(
            command(KERNEL / "kernel", image, self.console),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.messages.open("wb"),
        )

    def boot(self) -> None:
        """Wait until it answers."""
        too_late = threading.Timer(BOOT_SECONDS, self.process.kill)
        too_late.start()
        try:
            self.learn()
        except HostError:
            text = [path.read_text(errors="replace") for path in (self.messages, self.console) if path.exists()]
            self.close()
            raise HostError("\n".join(["the guest does not start", *(part[-3000:] for part in text)])) from None
        finally:
            too_late.cancel()

    def close(self) -> None:
        """Switch it off: there is nothing in it to be kept."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            t.cast(t.IO[bytes], pipe).close()
        shutil.rmtree(self.work, ignore_errors=True)


def running(lane: Lane) -> Server:
    """A machine that has been started."""
    machine = Machine(lane)
    machine.boot()
    return machine


class Machines(Servers):
    """Machines for reuse, but for one that has been spoilt: that is not as it was when untouched."""

    def __init__(self) -> None:
        super().__init__(running)
        self.spoilt = False
        self.untouched: Snapshot = {}

    def give(self, server: Server) -> None:
        """Back after use."""
        if self.spoilt:
            self.spoilt, self.untouched = False, {}
            server.close()
        else:
            super().give(server)
