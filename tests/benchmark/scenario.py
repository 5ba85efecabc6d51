# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What every contestant makes: sandboxes with a working network, and how they are called.

The names, MACs and module arguments are those of the role, taken from the code that it runs.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_plan
from ansible_collections.sandbox.network.plugins.plugin_utils._link_names import stable_mac

PORTS = 250  # links on one bridge
INTERFACE = "eth0"

Items = list[dict[str, Any]]


@dataclass(frozen=True)
class Bridge:
    """A bridge with the gateway addresses of its sandboxes."""

    name: str
    number: int

    @property
    def mac(self) -> str:
        """Its MAC address, which does not follow from its ports."""
        return str(stable_mac(self.name))

    @property
    def subnets(self) -> tuple[str, str]:
        """IPv4 and IPv6."""
        return f"10.80.{self.number}.0/24", f"fd00:80:{self.number:x}::/64"

    def addresses(self, host: int = 1) -> tuple[str, str]:
        """The IPv4 and IPv6 address of one host on it; the first is the gateway."""
        return f"10.80.{self.number}.{host}", f"fd00:80:{self.number:x}::{host:x}"


@dataclass(frozen=True)
class Sandbox:
    """A namespace with one interface, and the port of a bridge that it leads to."""

    name: str
    bridge: Bridge
    host: int
    port: str
    """The host's end of the link."""

    @property
    def path(self) -> str:
        """Where the namespace has its name."""
        return f"/run/netns/{self.name}"

    @property
    def addresses(self) -> tuple[str, str]:
        """IPv4 and IPv6."""
        return self.bridge.addresses(self.host)


@functools.cache
def bridges(number: int) -> tuple[Bridge, ...]:
    """The bridges that so many sandboxes need."""
    return tuple(_bridge_of(one) for one in range(0, number, PORTS))


@functools.cache
def sandboxes(number: int) -> tuple[Sandbox, ...]:
    """So many sandboxes."""
    return tuple(
        Sandbox(item["name"], _bridge_of(one), _host_of(one), port)
        for one, (item, port) in enumerate(zip(sandbox_list(number), Plan(number).ports()))
    )


def sandbox_list(number: int) -> Items:
    """The same as the role takes it; the role finds the addresses by itself."""
    return [
        {"name": f"sandbox{one:04}", "bridge": bridge.name, "subnet": list(bridge.subnets)}
        for one in range(number)
        for bridge in (_bridge_of(one),)
    ]


def _bridge_of(one: int) -> Bridge:
    return Bridge(f"sbr{one // PORTS + 1}", one // PORTS + 1)


def _host_of(one: int) -> int:
    return 2 + one % PORTS


class Plan:
    """The arguments of the role's modules for so many sandboxes."""

    def __init__(self, number: int) -> None:
        defaults = {"driver": "bridge", "interface": INTERFACE}
        wanted, problems = _sandbox_plan.wanted(sandbox_list(number), defaults)
        assert not problems, problems
        self._present = _sandbox_plan.present(wanted)
        self._absent = _sandbox_plan.absent(wanted)

    def ports(self) -> list[str]:
        """The names of the host's ends, in the order of the sandboxes."""
        return [link["peer"]["name"] for link in self._present["links"]]

    def leases(self, state: str) -> dict[str, Any]:
        """For address_lease."""
        return {"state": state, "leases": self._of(state)["leases"]}

    def namespaces(self, state: str) -> dict[str, Any]:
        """For netns."""
        return {"state": state, "namespaces": self._of(state)["namespaces"]}

    def made_links(self, leases: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """For link, with the leases that address_lease returned, and the host's bridges."""
        links = _sandbox_plan.made_links(self._present, leases, found)
        return {"state": "present", "links": links}

    def removed_links(self, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """For link, with the host's links."""
        links = _sandbox_plan.removed_links(self._absent, found, keep_bridges=False)
        return {"state": "absent", "links": links}

    def _of(self, state: str) -> dict[str, Items]:
        found: dict[str, Items] = self._present if state == "present" else self._absent
        return found
