# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What makes each sandbox of the role again after a reboot: the tasks of this run, by sandbox. Pure: no I/O.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Items = list[dict[str, Any]]


def restores(
    plan: Mapping[str, Items],
    links: Sequence[Mapping[str, Any]],
    leases: Iterable[Mapping[str, Any]],
    firewalls: Iterable[Mapping[str, Any]],
    state_dir: str,
) -> Items:
    """What restore_service is asked for: a description of each sandbox that is to outlive a reboot, and none of others.

    ``links`` are all links as they are made when no virtual machine has taken over anything of them.
    """
    given: dict[str, dict[str, Items]] = {one["sandbox"]: {} for one in plan["restores"]}

    def add(sandbox: str, module: str, items: Iterable[Mapping[str, Any]]) -> None:
        if sandbox in given:
            given[sandbox].setdefault(module, []).extend(map(dict, items))

    bridges = {link["name"]: link for link in links if link.get("kind") == "bridge"}
    for lease in leases:
        add(_sandbox_of(lease["owner"]), "leases", [{"owner": lease["owner"], "addresses": lease["addresses"]}])
    for namespace in plan["namespaces"]:
        add(namespace["name"], "namespaces", [namespace])
    for link in links:
        if link["name"] not in bridges:
            master = bridges.get(link.get("peer", {}).get("master"))
            add(_owner_of(link), "links", [*([master] if master else []), link])
    for name in ("networks", "attachments", "devices", "endpoints"):
        for item in plan[name]:
            add(item["netns"], name, [item])
    for firewall in firewalls:
        add(firewall["sandbox"], "firewalls", [firewall])
    return [
        {**one, "tasks": _tasks(given[one["sandbox"]]), "tasks_state_dir": state_dir}
        if one["state"] == "present"
        else dict(one)
        for one in plan["restores"]
    ]


# In this order. Those that some sandboxes do not have come late: the tasks of many are run side by side.
_MODULES = (
    ("namespaces", "netns", "namespaces"),
    ("leases", "address_lease", "leases"),
    ("links", "link", "links"),
    ("networks", "slirp_network", "networks"),
    ("attachments", "cni_network", "networks"),
    ("devices", "netdev_move", "devices"),
    ("endpoints", "vm_endpoint", "endpoints"),
    ("firewalls", "firewall", "sandboxes"),
)


def _tasks(given: Mapping[str, Items]) -> Items:
    return [{module: {option: _distinct(given[name])}} for name, module, option in _MODULES if given.get(name)]


def _distinct(items: Items) -> Items:
    """Without what is there before: two networks of a sandbox may be on one bridge."""
    return [item for number, item in enumerate(items) if item not in items[:number]]


def _sandbox_of(owner: str) -> str:
    return owner.partition("/")[0]


def _owner_of(link: Mapping[str, Any]) -> str:
    """The sandbox of a link: where it is, or for one on the host, whom its alias names."""
    return str(link["netns"]) if "netns" in link else _sandbox_of(link.get("alias") or "")
