# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The peer: iproute2 in batch mode, as few processes as it can do with.

One ``ip -batch`` on the host makes bridges, namespaces and links, each link born with
its end inside; then one ``ip -netns NAME -batch`` for each namespace.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scenario import INTERFACE, Bridge, Sandbox


class Peer:
    """Batch files for so many sandboxes, written before the clock starts."""

    def __init__(self, wanted: Sequence[Sandbox], bridges: Sequence[Bridge], directory: Path) -> None:
        host = [line for bridge in bridges for line in _bridge(bridge)]
        script = [f"ip -batch {directory}/host"]
        for sandbox in wanted:
            host += _sandbox(sandbox)
            (directory / sandbox.name).write_text(lines(_inside(sandbox)))
            script.append(f"ip -netns {sandbox.name} -batch {directory}/{sandbox.name}")
        gone = [f"netns delete {sandbox.name}" for sandbox in wanted]
        (directory / "host").write_text(lines(host))
        (directory / "gone").write_text(lines(gone))
        (directory / "bridges").write_text(lines([f"link delete {bridge.name}" for bridge in bridges]))
        (directory / "create").write_text(lines(["set -e", *script]))
        (directory / "delete").write_text(
            lines(
                [
                    "set -e",
                    f"ip -batch {directory}/gone",
                    'while [ -n "$(ip -oneline link show type veth)" ]; do sleep 0.002; done',
                    f"ip -batch {directory}/bridges",
                ]
            )
        )
        self.create = ("sh", str(directory / "create"))
        self.delete = ("sh", str(directory / "delete"))


def _bridge(bridge: Bridge) -> list[str]:
    return [
        f"link add {bridge.name} address {bridge.mac} type bridge",
        f"link set {bridge.name} up",
        *_addresses(bridge.name, bridge.addresses()),
    ]


def _sandbox(sandbox: Sandbox) -> list[str]:
    return [
        f"netns add {sandbox.name}",
        f"link add {sandbox.port} type veth peer name {INTERFACE} netns {sandbox.name}",
        f"link set {sandbox.port} addrgenmode none",
        f"link set {sandbox.port} master {sandbox.bridge.name} up",
    ]


def _inside(sandbox: Sandbox) -> list[str]:
    return [
        "link set lo up",
        f"link set {INTERFACE} up",
        *_addresses(INTERFACE, sandbox.addresses),
        *(f"route add default via {gateway}" for gateway in sandbox.bridge.addresses()),
    ]


def _addresses(link: str, addresses: tuple[str, str]) -> list[str]:
    v4, v6 = addresses
    return [f"address add {v4}/24 dev {link}", f"address add {v6}/64 dev {link} nodad"]


def lines(commands: Sequence[str]) -> str:
    """A batch file, or a script."""
    return "".join(f"{command}\n" for command in commands)
