# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""From the role's rootless_list to the lists that the modules take, and from their results to one. Pure: no I/O.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils import _sandbox_values as values
from ansible_collections.sandbox.network.plugins.plugin_utils import _user_mode as user_mode

Items = list[dict[str, Any]]

OF_NETWORK = ("backend", "cidr", "mtu", "ipv6", "host_loopback")
OF_NAMESPACE = ("pid", "netns", "enter", "created")
TOLD = ("backend", "guest_address", "guest_address6", "gateway", "dns", "api_socket", "forwards")
LARGEST_LIST = 3  # of name servers: resolv.conf(5)


def name_servers(value: object) -> bool | list[str]:
    """Whether to ask the name server of the network, or which others."""
    if isinstance(value, (list, tuple)):
        found = [_server(one) for one in value]
        if len(found) > LARGEST_LIST:
            raise ValueError(f"{len(found)} name servers are more than the {LARGEST_LIST} that are asked")
        return found
    try:
        return values.boolean(value)
    except ValueError:
        raise ValueError(f"{value!r} is neither true nor false nor a list of addresses") from None


def _server(value: object) -> str:
    try:
        return str(ipaddress.ip_address(values.text(value)))
    except ValueError:
        raise ValueError(f'"{value}" is not the address of a name server') from None


PARSERS: dict[str, Any] = {
    "name": values.namespace_name,
    "forwards": user_mode.ports,
    "dns": name_servers,
    "interface": values.interface_name,
    **{option: user_mode.PARSERS[option] for option in OF_NETWORK},
}


def plan(items: Sequence[object], defaults: Mapping[str, Any], state: str) -> dict[str, Any]:
    """What is wrong with a list, and what the modules are asked for when nothing is."""
    sandboxes: list[dict[str, Any]] = []
    problems: list[str] = []
    places: dict[Any, str] = {}
    for position, item in enumerate(items):
        where = f"rootless_list[{position}]"
        if not isinstance(item, Mapping):
            problems.append(f'{where}: {item!r} is not a dictionary with a "name"')
            continue
        name = item.get("name")
        where += f" ({name})" if name else ""
        given = {key: value for key, value in item.items() if value is not None}
        found, wrong = values.parse_options({**defaults, **given, "name": name or ""}, PARSERS)
        wrong = wrong or list(user_mode.contradictions(found))
        other = places.setdefault(found.get("name"), where)
        if other != where and "name" in found:
            wrong.append(f"name: {name} is also the name of {other}")
        problems += [f"{where}: {problem}" for problem in wrong]
        sandboxes.append(found)
    if problems:
        sandboxes = []
    if state == "absent":
        return {"problems": problems, "namespaces": [{"name": one["name"]} for one in sandboxes], "networks": []}
    return {
        "problems": problems,
        "namespaces": [_namespace(one) for one in sandboxes],
        "networks": [_network(one) for one in sandboxes],
    }


def _namespace(sandbox: Mapping[str, Any]) -> dict[str, Any]:
    dns = sandbox.get("dns", True)
    if dns is True:
        dns = [user_mode.addresses_in(sandbox.get("cidr", user_mode.DEFAULT_CIDR))["dns"]]
    return {"name": sandbox["name"], **({"dns": dns} if dns is not False else {})}


def _network(sandbox: Mapping[str, Any]) -> dict[str, Any]:
    """As slirp_network takes it, but for the namespace."""
    options = {name: value for name, value in sandbox.items() if name not in ("name", "dns", "forwards")}
    if sandbox.get("dns") is False:
        options["dns"] = False
    if "forwards" in sandbox:
        # Those of the list and no others. Where nothing is said, those that there are stay.
        options.update(forwards=sandbox["forwards"], purge=True)
    return options


def connected(networks: Iterable[Mapping[str, Any]], namespaces: Iterable[Mapping[str, Any]]) -> Items:
    """The networks of the namespaces that are there; those that check mode has foretold are not."""
    return [
        {"netns": namespace["netns"], **network}
        for network, namespace in zip(networks, namespaces)
        if namespace["netns"] is not None
    ]


def described(
    networks: Iterable[Mapping[str, Any]],
    namespaces: Iterable[Mapping[str, Any]],
    found: Iterable[Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """What there is to know of each sandbox, by name; of a foretold one, what follows from its options."""
    results = iter(found)
    told = {}
    for network, namespace in zip(networks, namespaces):
        one = next(results) if namespace["netns"] is not None else _foretold(network)
        told[namespace["name"]] = {
            **{key: namespace[key] for key in OF_NAMESPACE},
            **{key: one.get(key) for key in TOLD},
        }
    return told


def _foretold(network: Mapping[str, Any]) -> dict[str, Any]:
    addresses = user_mode.addresses_in(network.get("cidr", user_mode.DEFAULT_CIDR))
    dns = addresses["dns"] if network.get("dns", True) else None
    return {"backend": network.get("backend", user_mode.BACKENDS[0]), **addresses, "dns": dns}
