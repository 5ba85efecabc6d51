# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The collection: the module netdev_move with a list, a process as Ansible has it."""

from __future__ import annotations

from collections.abc import Sequence

from cost import Cost
from ours import Modules

from moves.devices import NAMESPACE, Device


class Moves:
    """The tasks for the devices: the same list there and back."""

    module = "netdev_move"

    def __init__(self, modules: Modules, devices: Sequence[Device]) -> None:
        self._modules = modules
        self._list = [
            {"device": device.name, "netns": NAMESPACE, "new_name": device.inside, "addresses": "preserve", "up": True}
            for device in devices
        ]

    def starts(self) -> dict[str, Cost]:
        """What the module costs that has nothing to do."""
        return self._modules.starts({self.module: "devices"})

    def run(self, state: str, *, check: bool = False) -> tuple[bool, Cost]:
        """Whether something changed, and what it cost."""
        result, cost = self._modules.run(self.module, {"state": state, "devices": self._list}, check=check)
        if len(result["devices"]) != len(self._list):
            raise RuntimeError(f"{self.module}: {len(result['devices'])} devices in the result, not {len(self._list)}")
        return result["changed"], cost
