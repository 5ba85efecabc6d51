# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What every contestant moves: devices with addresses, made before the clock starts."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from pathlib import Path
from typing import Union

from cost import run
from peer import lines

NAMESPACE = "box"
FIRST = ("10.64.0.1/24", "10.128.0.1/24", "fd00:64::1/64", "fd00:128::1/64")

Address = Union[IPv4Interface, IPv6Interface]


@dataclass(frozen=True)
class Device:
    """One end of a veth; the other one stays on the host."""

    number: int

    @property
    def name(self) -> str:
        """On the host."""
        return f"mv{self.number}"

    @property
    def inside(self) -> str:
        """Its name in the namespace."""
        return f"d{self.number}"

    @property
    def peer(self) -> str:
        """The end that stays."""
        return f"pv{self.number}"

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Two of each family, each in a subnet of its own."""
        return tuple(_subnet(ip_interface(first), self.number) for first in FIRST)

    def commands(self, name: str) -> list[str]:
        """The ends of iproute2's commands that give it its addresses, and set it up."""
        added = [f"address add {one} dev {name}{' nodad' if one.version == 6 else ''}" for one in self.addresses]
        return [*added, f"link set {name} up"]


def prepare(number: int, directory: Path) -> list[Device]:
    """The namespace, and so many devices on the host."""
    devices = [Device(one) for one in range(number)]
    batch = [f"netns add {NAMESPACE}"]
    for device in devices:
        batch.append(f"link add {device.name} type veth peer name {device.peer}")
        batch.append(f"link set {device.peer} up")
        batch += device.commands(device.name)
    (directory / "prepare").write_text(lines(batch))
    run(("ip", "-batch", str(directory / "prepare")), directory / "output")
    return devices


def _subnet(first: Address, number: int) -> Address:
    step = number << (first.max_prefixlen - first.network.prefixlen)
    return ip_interface(f"{first.ip + step}/{first.network.prefixlen}")
