# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The firewall of one item of the role's sandbox_list, and the ports of the host that lead to it.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from os.path import basename
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_endpoint import STRIPPING_MODELS

HOST_ADDR = re.compile(r"(?:\[([^\[\]]+)\]|([0-9]+\.[0-9.]+)):[0-9]")
POLICIES = ("isolate", "open", "closed")
PARSERS: dict[str, Any] = {
    "policy": partial(values.one_of, POLICIES),
    "masquerade": values.boolean,
    "allow": values.as_list,
    "deny": values.as_list,
    "antispoof": values.boolean,
}


def parse_firewall(
    item: Mapping[str, Any], driver: str, *, forwarding: bool | None = None
) -> tuple[Mapping[str, Any] | None, list[str]]:
    """The rules as the module firewall takes them, but for whom, and what is wrong with them.

    None: nothing is said about a firewall. With ``forwarding`` the host forwards where the rules need it.
    """
    given, ports = item.get("firewall"), item.get("ports") if driver == "bridge" else None
    if given is None and ports is None:
        return None, []
    if driver == "slirp":
        return None, ["firewall: is not possible with driver: slirp, which lets nobody in but by its ports"]
    if given is not None and not isinstance(given, Mapping):
        try:
            wanted = values.boolean(given)
        except ValueError:
            return None, [f"firewall: {given!r} is neither a dictionary nor true or false"]
        if not wanted and ports is None:
            return {"state": "absent"}, []
        if not wanted:
            return None, ["ports: need the firewall, which is false"]
        given = {}
    options, problems = values.parse_options(given or {}, PARSERS)
    found = {"state": "present", **options, **({} if ports is None else {"ports": values.as_list(ports)})}
    if forwarding and (found.get("masquerade") or _lead_elsewhere(found.get("ports", ()))):
        found["forwarding"] = True
    return found, [f"firewall: {text}" for text in problems]


def _lead_elsewhere(ports: Sequence[object]) -> bool:
    """Whether other machines are to reach a port; those at 127.0.0.1 the host reaches without forwarding."""
    for port in ports:
        if isinstance(port, Mapping):
            address = str(port.get("host_addr") or "127.0.0.1")
        else:
            named = HOST_ADDR.match(str(port))
            address = (named[1] or named[2]) if named else "127.0.0.1"
        try:
            if not ipaddress.ip_address(address).is_loopback:
                return True
        except ValueError:  # which the module tells
            return False
    return False


def guarded(
    plan: Mapping[str, Iterable[Mapping[str, Any]]],
    leases: Iterable[Mapping[str, Any]],
    endpoints: Iterable[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """The rules with the addresses that were leased, on all links of a sandbox, and for those of virtual
    machines that have taken them over, with the MAC addresses of these.
    """
    leased: dict[str, list[str]] = {}
    for lease in leases:
        leased.setdefault(lease["owner"].partition("/")[0], []).extend(lease["addresses"])
    interfaces = _interfaces(plan["links"], endpoints)
    found = []
    for one in plan["firewalls"]:
        name = one["sandbox"]
        place: dict[str, Any] = {"addresses": leased[name]} if name in leased and one["state"] == "present" else {}
        if place and name in interfaces:
            place["interfaces"] = interfaces[name]
        found.append({**one, **place})
    return found


def _interfaces(
    links: Iterable[Mapping[str, Any]], endpoints: Iterable[Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """The ends on the host of all links of sandboxes in which a virtual machine has taken one over, with its MAC
    address there.
    """
    taken = {
        (basename(one["netns"]), one["name"]): one["hard_addr"]
        for one in endpoints
        if one.get("model") in STRIPPING_MODELS and one.get("hard_addr")
    }
    with_machine = {sandbox for sandbox, _interface in taken}
    found: dict[str, list[dict[str, Any]]] = {}
    for link in links:
        sandbox = str(link.get("netns"))
        if sandbox in with_machine:
            mac = taken.get((sandbox, link["name"]))
            found.setdefault(sandbox, []).append({"name": link["peer"]["name"], **({"mac": mac} if mac else {})})
    return found
