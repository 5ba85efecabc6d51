# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The collection: the module vm_endpoint with a list, a process as Ansible has it."""

from __future__ import annotations

from collections.abc import Sequence

from cost import Cost
from ours import Modules

from endpoints.devices import INTERFACE, Endpoint


class Endpoints:
    """The tasks for the endpoints: the same list to wire and to let go."""

    module = "vm_endpoint"

    def __init__(self, modules: Modules, model: str, endpoints: Sequence[Endpoint]) -> None:
        self._modules = modules
        self._list = [{"netns": one.netns, "interface": INTERFACE, "model": model} for one in endpoints]

    def starts(self) -> dict[str, Cost]:
        """What the module costs that has nothing to do."""
        return self._modules.starts({self.module: "endpoints"})

    def run(self, state: str, *, check: bool = False) -> tuple[bool, Cost]:
        """Whether something changed, and what it cost."""
        result, cost = self._modules.run(self.module, {"state": state, "endpoints": self._list}, check=check)
        return result["changed"], cost
