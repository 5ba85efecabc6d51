# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The peer: iproute2 in batch mode, one batch that moves and renames, one that adds and sets up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from peer import lines

from moves.devices import NAMESPACE, Device

HOST = "netns 1"  # by its process id: the first one is in the host's


class Peer:
    """Batch files for the devices, written before the clock starts."""

    def __init__(self, devices: Sequence[Device], directory: Path) -> None:
        leave = [f"link set {device.name} netns {NAMESPACE} name {device.inside}" for device in devices]
        arrive = [command for device in devices for command in device.commands(device.inside)]
        leave_again = [f"link set {device.inside} {HOST} name {device.name}" for device in devices]
        arrive_again = [command for device in devices for command in device.commands(device.name)]
        self.there = _script(directory / "there", ("ip", leave), (f"ip -netns {NAMESPACE}", arrive))
        self.back = _script(directory / "back", (f"ip -netns {NAMESPACE}", leave_again), ("ip", arrive_again))


def _script(path: Path, *batches: tuple[str, Sequence[str]]) -> tuple[str, ...]:
    script = ["set -e"]
    for number, (program, commands) in enumerate(batches):
        batch = path.with_suffix(f".{number}")
        batch.write_text(lines(commands))
        script.append(f"{program} -batch {batch}")
    path.write_text(lines(script))
    return ("sh", str(path))
