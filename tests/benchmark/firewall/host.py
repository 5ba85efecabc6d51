# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What every contestant publishes: two ports of each sandbox, for a client in a namespace that stands for the LAN.

Nothing leaves the machine: the LAN is a veth.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import floor
from cost import run
from peer import lines
from scenario import Sandbox, bridges, sandboxes
from verify import ask

CLIENT = "lan"
CLIENT_LINK = "lan0"
CLIENT_ADDRESS, HOST_ADDRESS = "203.0.113.2", "203.0.113.1"
FIRST_PORT = 20001
GUEST_PORT, OTHER_GUEST_PORT = 5201, 5202
PROTOCOLS = ("tcp", "udp")


@dataclass(frozen=True)
class Published:
    """A sandbox with a port of the host that leads to it, by TCP and by UDP."""

    sandbox: Sandbox
    port: int

    @property
    def name(self) -> str:
        """Of the sandbox."""
        return self.sandbox.name

    @property
    def address(self) -> str:
        """Where the port leads to: IPv4."""
        return self.sandbox.addresses[0]


def published(number: int) -> tuple[Published, ...]:
    """So many sandboxes, each with its port."""
    return tuple(Published(one, port) for port, one in enumerate(sandboxes(number), FIRST_PORT))


@contextmanager
def wired(number: int, directory: Path) -> Iterator[tuple[Published, ...]]:
    """The sandboxes on their bridges, by bare netlink, and the client; all gone afterwards."""
    floor.create(sandboxes(number), bridges(number))
    with _client(directory):
        time.sleep(2.0)  # until the kernel has told every bridge of every IPv6 address
        yield published(number)
    floor.delete(sandboxes(number), bridges(number))


@contextmanager
def named(number: int, directory: Path) -> Iterator[tuple[Published, ...]]:
    """The namespaces of the sandboxes without links, and the client; all gone afterwards."""
    ones = published(number)
    _batch(directory, [f"netns add {one.name}" for one in ones])
    with _client(directory):
        yield ones
    _batch(directory, [f"netns delete {one.name}" for one in ones])
    while any(link["ifname"] != "lo" for link in ask("link", "show", "type", "veth")):
        time.sleep(0.01)


@contextmanager
def _client(directory: Path) -> Iterator[None]:
    inside = (
        "link set lo up",
        "link set eth0 up",
        f"address add {CLIENT_ADDRESS}/24 dev eth0",
        f"route add default via {HOST_ADDRESS}",
    )
    _batch(
        directory,
        [
            f"netns add {CLIENT}",
            f"link add {CLIENT_LINK} type veth peer name eth0 netns {CLIENT}",
            f"link set {CLIENT_LINK} up",
            f"address add {HOST_ADDRESS}/24 dev {CLIENT_LINK}",
        ],
    )
    _batch(directory, inside, "-netns", CLIENT)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
    yield
    _batch(directory, [f"link delete {CLIENT_LINK}", f"netns delete {CLIENT}"])


def _batch(directory: Path, commands: Sequence[str], *where: str) -> None:
    (directory / "batch").write_text(lines(commands))
    run(("ip", *where, "-batch", str(directory / "batch")), directory / "output")
