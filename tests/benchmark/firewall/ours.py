# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The collection: the module firewall with a list, a process as Ansible has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cost import Cost, beyond, cheapest
from ours import Modules

from firewall.host import GUEST_PORT, HOST_ADDRESS, OTHER_GUEST_PORT, PROTOCOLS, Published

MODULE = "firewall"


class Rules:
    """The tasks for the rules of all sandboxes, each beyond the module's start."""

    def __init__(self, modules: Modules, ones: Sequence[Published]) -> None:
        self._modules = modules
        self._ones = ones
        self.starts = cheapest([modules.starts({MODULE: "sandboxes"}) for _round in range(3)])  # the first compiles

    def present(self, *, check: bool = False) -> tuple[bool, Cost]:
        """All of them."""
        return self._run("present", [_item(one) for one in self._ones], check=check)

    def one_changed(self) -> tuple[bool, Cost]:
        """All of them, and the last one has its TCP port elsewhere."""
        last = self._ones[-1]
        return self._run("present", [*map(_item, self._ones[:-1]), _item(last, OTHER_GUEST_PORT)])

    def changed_back(self) -> tuple[bool, Cost]:
        """The last one alone, as it was."""
        return self._run("present", [_item(self._ones[-1])])

    def absent(self) -> tuple[bool, Cost]:
        """None of them."""
        return self._run("absent", [{"sandbox": one.name} for one in self._ones])

    def _run(self, state: str, sandboxes: list[dict[str, Any]], *, check: bool = False) -> tuple[bool, Cost]:
        result, cost = self._modules.run(MODULE, {"state": state, "sandboxes": sandboxes}, check=check)
        return result["changed"], beyond({MODULE: cost}, self.starts)


def _item(one: Published, guest_port: int = GUEST_PORT) -> dict[str, Any]:
    guests = dict.fromkeys(PROTOCOLS, GUEST_PORT)
    guests["tcp"] = guest_port
    ports = [f"{HOST_ADDRESS}:{one.port}:{guest}/{proto}" for proto, guest in guests.items()]
    return {"sandbox": one.name, "ports": ports}
