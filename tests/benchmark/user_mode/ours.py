# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The collection: the modules slirp_network and slirp_portfwd, each a process as Ansible has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cost import Cost, measured
from ours import Modules

from user_mode.sandbox import GUEST_PORT, HOST, NAMESPACE, wait_for_answer

NOTHING: dict[str, dict[str, Any]] = {
    "slirp_network": {"state": "absent", "networks": []},
    "slirp_portfwd": {"state": "absent", "netns": "nowhere", "forwards": []},
}


class Forwards:
    """The tasks of one module for the forwards: ``slirp_network`` starts the network with them."""

    def __init__(self, modules: Modules, module: str, ports: Sequence[int]) -> None:
        self.module = module
        self._modules = modules
        self._last = ports[-1]
        self._options = {"netns": NAMESPACE, "forwards": [f"{HOST}:{port}:{GUEST_PORT}" for port in ports]}

    def starts(self) -> dict[str, Cost]:
        """What the module costs that has nothing to do."""
        return {self.module: self._modules.run(self.module, NOTHING[self.module])[1]}

    def run(self, state: str, *, check: bool = False) -> tuple[bool, Cost]:
        """Whether something changed, and what it cost; new forwards are there when the last one answers."""
        result, cost = self._modules.run(self.module, {**self._options, "state": state}, check=check)
        if result["changed"] and state == "present":
            with measured() as waiting:
                wait_for_answer(self._last)
            cost += waiting
        return result["changed"], cost
