# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What every contestant wires: a link in a namespace of its own, made before the clock starts."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path

from cost import run
from peer import lines

INTERFACE, TAP, BRIDGE = "eth0", "tap0_kata", "br0_kata"
INTERFACE_INDEX = 2  # right after lo
ADDRESSES = tuple(map(ip_interface, ("10.64.0.2/24", "fd00:64::2/64")))
MTU = 1450  # not that of a new tap
SYNTHETIC_MAC = "02:00:ca:fe:00:00"
"""What the link gets when the virtual machine gets its own."""


@dataclass(frozen=True)
class Endpoint:
    """The link ``eth0`` of a namespace; the other end of the veth is on the host."""

    number: int

    @property
    def netns(self) -> str:
        """The name of its namespace."""
        return f"ep{self.number}"

    @property
    def peer(self) -> str:
        """The end on the host."""
        return f"pe{self.number}"

    @property
    def mac(self) -> str:
        """Before it is wired, and what the virtual machine is to have."""
        return f"02:64:00:00:{self.number >> 8:02x}:{self.number & 0xFF:02x}"


def prepare(number: int, directory: Path) -> list[Endpoint]:
    """So many namespaces, each with its link."""
    endpoints = [Endpoint(one) for one in range(number)]
    host, script = [], ["set -e", f"ip -batch {directory}/host"]
    (directory / "inside").write_text(lines(_inside()))
    for one in endpoints:
        interface = f"{INTERFACE} index {INTERFACE_INDEX} address {one.mac} mtu {MTU} netns {one.netns}"
        host.append(f"netns add {one.netns}")
        host.append(f"link add {one.peer} mtu {MTU} type veth peer name {interface}")
        host.append(f"link set {one.peer} up")
        script.append(f"ip -netns {one.netns} -batch {directory}/inside")
    (directory / "host").write_text(lines(host))
    (directory / "prepare").write_text(lines(script))
    run(("sh", str(directory / "prepare")), directory / "output")
    return endpoints


def _inside() -> list[str]:
    """Without a link-local address, which would come and go at a time of its own."""
    added = [f"address add {one} dev {INTERFACE}{' nodad' if one.version == 6 else ''}" for one in ADDRESSES]
    return [f"link set {INTERFACE} addrgenmode none", f"link set {INTERFACE} up", *added]
