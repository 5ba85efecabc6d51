# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The networks of CNI that one item of the role's sandbox_list is attached to.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values

NETNS_DIR = "/run/netns"
OF_OTHER_DRIVERS = ("subnet", "gateway", "bridge", "mtu")
"""What is the plugins' business."""
LONGEST_WAIT = 3600


def _texts(value: object) -> list[str]:
    return [values.text(one) for one in values.as_list(value)]


PARSERS: dict[str, Any] = {
    "network": values.text,
    "config": values.dictionary,
    "conf_dir": values.absolute_path,
    "plugin_dirs": lambda value: [values.absolute_path(one) for one in values.as_list(value)],
    "cache_dir": values.absolute_path,
    "interface": values.interface_name,
    "ips": _texts,
    "mac": values.mac,
    "args": values.dictionary,
    "capabilities": values.dictionary,
    "timeout": partial(values.seconds, longest=LONGEST_WAIT),
}


def parse_cni(item: Mapping[str, Any], driver: str, interface: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The attachments as cni_network takes them, but for the namespace, and what is wrong with them.

    What the item says of addresses, MAC address and ports is about the first one. Interfaces that are not
    named are eth1, eth2 and so on.
    """
    given = values.as_list(item.get("networks"))
    if driver != "cni":
        return [], ["networks: needs driver: cni or driver: bridge"] if given and driver != "bridge" else []
    problems = [f"{key}: is not possible with driver: cni" for key in OF_OTHER_DRIVERS if item.get(key) is not None]
    if not given:
        problems.append("networks: is missing; driver: cni needs one at least")
    attachments = []
    for number, element in enumerate(given):
        options = element if isinstance(element, Mapping) else {"network": element}
        found, wrong = values.parse_options(options, PARSERS)
        if not wrong and ("network" in found) == ("config" in found):
            wrong = ["either network or config has to be given"]
        problems += [f"networks[{number}]: {text}" for text in wrong]
        attachments.append({"interface": f"eth{number}" if number else interface, **found})
    names = [one["interface"] for one in attachments]
    problems += [f"networks: {name} is the interface of two of them" for name in names if names.count(name) > 1][:1]
    if attachments:
        own = {"ips": _texts(item.get("addresses")), "mac": item.get("mac"), "ports": values.as_list(item.get("ports"))}
        attachments[0] = {**{key: value for key, value in own.items() if value}, **attachments[0]}
    return attachments, problems


def detachment(name: str, attachment: Mapping[str, Any]) -> dict[str, Any]:
    """What takes an attachment of a sandbox away, whatever else was asked for."""
    network = attachment.get("network") or attachment["config"].get("name", "")
    found = {"netns": f"{NETNS_DIR}/{name}", "container_id": name, "network": network}
    return {**found, "interface": attachment["interface"]}
