# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""From the role's sandbox_list to the lists that the modules take. Pure: no I/O.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from os.path import basename, dirname
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils._link_names import (
    link_name,
    stable_mac,
)
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_cni import detachment
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_items import (
    BadItemError,
    Sandbox,
    first_host,
    parse_sandbox,
)
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_values import Interface, Network

BRIDGE_PORTS = 1023  # the kernel's limit
STRIPPING_MODELS = ("macvtap", "bridged")  # with these, a VM takes over the addresses of a link
JSON = ".json"
DEFAULT_ROUTE = {4: "0.0.0.0/0", 6: "::/0"}

Items = list[dict[str, Any]]


def wanted(items: Sequence[object], defaults: Mapping[str, Any]) -> tuple[list[Sandbox], list[str]]:
    """The sandboxes of a list and everything that is wrong with it, in the list's order."""
    sandboxes, problems = [], []
    for position, item in enumerate(items):
        try:
            sandboxes.append(parse_sandbox(item, position, defaults))
        except BadItemError as bad:
            problems += bad.problems
    for check in (
        _same_name,
        _same_link,
        _same_address,
        _same_device,
        _address_of_gateway,
        _shared_networks,
        _full_bridges,
    ):
        problems += check(sandboxes)
    return sandboxes, problems


def present(sandboxes: Sequence[Sandbox]) -> dict[str, Items]:
    """What the modules are asked for so that the sandboxes exist; links still without addresses."""
    return {
        "leases": [_lease(sandbox) for sandbox in sandboxes if sandbox.networks],
        "bridges": [_bridge(name, ports) for name, ports in _by_bridge(sandboxes).items()],
        "namespaces": [_namespace(sandbox) for sandbox in sandboxes],
        "links": [_veth(sandbox) for sandbox in _bridged(sandboxes)],
        "networks": [
            {"netns": sandbox.name, **sandbox.network} for sandbox in sandboxes if sandbox.network is not None
        ],
        "attachments": [{"netns": sandbox.name, **one} for sandbox in sandboxes for one in sandbox.attachments],
        "devices": [{"netns": sandbox.name, **device.options} for sandbox in sandboxes for device in sandbox.devices],
        "endpoints": [
            {"netns": sandbox.name, "interface": sandbox.interface, **sandbox.endpoint}
            for sandbox in sandboxes
            if sandbox.endpoint is not None
        ],
        "firewalls": [
            {"sandbox": sandbox.name, "netns": sandbox.name, **sandbox.firewall}
            for sandbox in sandboxes
            if sandbox.firewall is not None
        ],
        "monitors": [
            {"sandbox_id": sandbox.name, "netns": sandbox.name, **sandbox.monitor}
            for sandbox in sandboxes
            if sandbox.monitor is not None
        ],
    }


def made_links(
    plan: Mapping[str, Items],
    leases: Iterable[Mapping[str, Any]],
    found: Iterable[Mapping[str, Any]],
    unwiring: Iterable[Mapping[str, Any]] = (),
) -> Items:
    """Bridges, then the links on them with the addresses that were leased.

    A bridge that was there before is used as it is. ``unwiring`` is what would take endpoints
    back: a link whose addresses a VM has is not given them again.
    """
    foreign = {link["ifname"] for link in found if not _is_ours(link)}
    leased = {lease["owner"]: lease["addresses"] for lease in leases}
    bridges = [bridge for bridge in plan["bridges"] if bridge["name"] not in foreign]
    stripped = _stripped(list(unwiring))
    links = [
        _without_what_the_vm_has(link)
        if (link["netns"], link["name"]) in stripped
        else {**link, "addresses": [_address(cidr) for cidr in leased.get(link["netns"], ())]}
        for link in plan["links"]
    ]
    return bridges + links


def _stripped(unwiring: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """The links, by sandbox and name, that gave their addresses to a VM."""
    recorded = {
        (one["before"]["netns"], one["before"]["interface"])
        for one in unwiring
        if one["op"] == "record.drop" and one["before"]["model"] in STRIPPING_MODELS
    }
    # Of a link that is no more, there is nothing but the record to be dropped.
    touched = {(one.get("netns"), one.get("link") or one.get("name")) for one in unwiring}
    return {(basename(netns), interface) for netns, interface in recorded & touched}


def _without_what_the_vm_has(link: Mapping[str, Any]) -> dict[str, Any]:
    return {option: value for option, value in link.items() if option not in ("mac", "routes")}


def removed_links(
    plan: Mapping[str, Items],
    found: Iterable[Mapping[str, Any]],
    *,
    keep_bridges: bool,
    unwiring: Iterable[Mapping[str, Any]] = (),
) -> Items:
    """The host's ends of the links, and the bridges that only they were on.

    Macvtaps that ``unwiring`` takes away come first: in check mode they are still on the links.
    """
    going = {link["name"] for link in plan["links"]}
    bridges = {bridge["name"] for bridge in plan["bridges"]}
    used = set()
    ours = set()
    for link in found:
        name, master = link["ifname"], link.get("master")
        if master and name in going:  # the sandbox may have been on another bridge than its item says now
            bridges.add(master)
        elif master:
            used.add(master)
        if _is_ours(link):
            ours.add(name)
    unused = sorted((bridges & ours) - used)
    macvtaps = [_link_of(one) for one in unwiring if one["op"] == "link.delete" and one["kind"] == "macvtap"]
    return macvtaps + plan["links"] + ([] if keep_bridges else [{"name": name, "kind": "bridge"} for name in unused])


def _is_ours(link: Mapping[str, Any]) -> bool:
    """Whether a bridge was made by the role, which gives it a MAC address of its own."""
    return bool(link.get("address") == stable_mac(link["ifname"]))


def addresses(leases: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Addresses without prefix length by the owner's name."""
    return {lease["owner"]: [address.partition("/")[0] for address in lease["addresses"]] for lease in leases}


def made(results: Iterable[Mapping[str, Any]]) -> dict[str, Items]:
    """What results say that was not there before, as the modules are asked to take it away.

    A task that failed has put back what it did itself.
    """
    done = [one for result in results if not result.get("failed") for one in result.get("operations", ())]
    added = [one for one in done if one["op"] == "link.add"]
    remembered = [one for one in done if one["op"] == "record.put" and not one["before"]]
    written = [one["path"] for one in done if one["op"] == "file.write" and not one["before"]]
    attached = [one for one in done if one["op"] == "cni.add"]
    return {
        "attachments": [_detached(one) for one in attached],
        "firewalls": [{"sandbox": one["name"].partition(":")[2]} for one in remembered if one["kind"] == "firewall"],
        "monitors": [{"sandbox_id": basename(path)[: -len(JSON)]} for path in written if _is_watched(path)],
        "endpoints": [_taken_off(one["value"]) for one in remembered if one["kind"] == "endpoint"],
        "devices": [_moved_back(one["value"]) for one in remembered if one["kind"] == "device"],
        "links": [_link_of(one) for one in added if one["kind"] != "bridge"],
        "bridges": [_link_of(one) for one in added if one["kind"] == "bridge"],
        "networks": [{"netns": one["name"]} for one in remembered if one["kind"] == "slirp"],
        "namespaces": [{"name": basename(one["path"])} for one in done if one["op"] == "netns.create"],
        "leases": [{"owner": one["name"]} for one in remembered if one["kind"] == "lease"],
    }


def _is_watched(path: str) -> bool:
    """Whether a file describes a sandbox to the monitor."""
    return path.endswith(JSON) and dirname(path).endswith(("/netmon", "/netmon/sandboxes"))


def _detached(operation: Mapping[str, Any]) -> dict[str, Any]:
    named = {option: operation[option] for option in ("network", "container_id", "interface", "cache_dir")}
    return {"netns": operation["sandbox"], **named}


def _moved_back(record: Mapping[str, Any]) -> dict[str, Any]:
    origin = record["origin"]
    return {"device": origin["name"], "netns": record["netns"], "from_netns": origin["netns"]}


def _taken_off(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"netns": record["netns"], "interface": record["interface"]}


def _link_of(operation: Mapping[str, Any]) -> dict[str, Any]:
    return {option: operation[option] for option in ("name", "netns", "kind")}


def absent(sandboxes: Sequence[Sandbox], *, force: bool = False) -> dict[str, Items]:
    """What the modules are asked for so that nothing of the sandboxes is left."""
    return {
        "leases": [{"owner": sandbox.name} for sandbox in sandboxes],
        "bridges": [{"name": name} for name in _by_bridge(sandboxes)],
        "namespaces": [{"name": sandbox.name, "force": force} for sandbox in sandboxes],
        "links": [
            {
                "name": link_name(sandbox.name),
                "kind": "veth",
                "peer": {"name": sandbox.interface, "netns": sandbox.name},
            }
            for sandbox in _bridged(sandboxes)
        ],
        "attachments": [detachment(sandbox.name, one) for sandbox in sandboxes for one in sandbox.attachments],
        # Whatever is in there, also of earlier lists: a namespace that is removed would take it along.
        "devices": [{"netns": sandbox.name} for sandbox in sandboxes],
        "endpoints": [{"netns": sandbox.name} for sandbox in sandboxes],
        "firewalls": [{"sandbox": sandbox.name} for sandbox in sandboxes],
        "monitors": [{"sandbox_id": sandbox.name} for sandbox in sandboxes],
    }


def _bridged(sandboxes: Iterable[Sandbox]) -> list[Sandbox]:
    return [sandbox for sandbox in sandboxes if sandbox.driver == "bridge"]


def _by_bridge(sandboxes: Iterable[Sandbox]) -> dict[str, list[Sandbox]]:
    found: dict[str, list[Sandbox]] = {}
    for sandbox in _bridged(sandboxes):
        found.setdefault(sandbox.bridge, []).append(sandbox)
    return found


# ---------------------------------------------------------------------- what the modules are given


def _lease(sandbox: Sandbox) -> dict[str, Any]:
    pools, reserved = _pools(sandbox.subnets, sandbox.gateways)
    return {
        "owner": sandbox.name,
        "addresses": [str(address) for address in sandbox.addresses],
        "pools": list(pools),
        "exclude": list(reserved),
    }


@lru_cache(maxsize=256)
def _pools(subnets: tuple[Network, ...], gateways: tuple[Interface, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Subnets as texts, and what must stay free in them: the same for most sandboxes."""
    # The first address stays free even where this sandbox's gateway is another one:
    # it is the gateway of the next sandbox that names none.
    routers = (*gateways, *map(first_host, subnets))
    reserved = dict.fromkeys(str(router.ip) for router in routers if router is not None)
    return tuple(map(str, subnets)), tuple(reserved)


def _bridge(name: str, ports: Iterable[Sandbox]) -> dict[str, Any]:
    gateways = dict.fromkeys(gateway for port in ports for gateway in port.gateways)
    return {
        "name": name,
        "kind": "bridge",
        # Without one of its own, a bridge takes the lowest of its ports, which come and go.
        # It also tells a bridge of ours from one that was there before.
        "mac": stable_mac(name),
        "accept_ra": False,
        "addresses": [_address(str(gateway)) for gateway in gateways],
        "up": True,
    }


def _namespace(sandbox: Sandbox) -> dict[str, Any]:
    given = {"dns": sandbox.dns, "sysctl": sandbox.sysctl}
    return {"name": sandbox.name, **{option: value for option, value in given.items() if value}}


def _veth(sandbox: Sandbox) -> dict[str, Any]:
    given = {"mac": sandbox.mac, "mtu": sandbox.mtu}
    return {
        "name": sandbox.interface,
        "netns": sandbox.name,
        "kind": "veth",
        "peer": {
            "name": link_name(sandbox.name),
            "master": sandbox.bridge,
            # The bridge speaks IPv6, its ports do not: a thousand of them would flood each other.
            "ipv6_link_local": False,
            "up": True,
            **({"mtu": sandbox.mtu} if sandbox.mtu else {}),
        },
        "accept_ra": False,
        "routes": _default_routes(sandbox),
        "up": True,
        **{option: value for option, value in given.items() if value is not None},
    }


def _default_routes(sandbox: Sandbox) -> Items:
    """One a family: the gateway that comes first."""
    gateways: dict[int, Interface] = {}
    for gateway in sandbox.gateways:
        gateways.setdefault(gateway.version, gateway)
    return [{"dst": DEFAULT_ROUTE[version], "gateway": str(gateway.ip)} for version, gateway in gateways.items()]


def _address(cidr: str) -> dict[str, Any]:
    # Leased addresses are nobody else's: an IPv6 one need not be probed for, and works at once.
    return {"address": cidr, "nodad": True} if ":" in cidr else {"address": cidr}


# ------------------------------------------- what the items of one list must not do to each other


def _same_name(sandboxes: Iterable[Sandbox]) -> list[str]:
    return _clashes(((sandbox, sandbox.name) for sandbox in sandboxes), "name: {0} is also the name of {1}")


def _same_link(sandboxes: Iterable[Sandbox]) -> list[str]:
    """Two names whose links would be called the same: the hash makes it all but impossible."""
    names = ((sandbox, link_name(sandbox.name)) for sandbox in _bridged(sandboxes))
    different = {sandbox.name: (sandbox, name) for sandbox, name in names}
    return _clashes(
        different.values(),
        "name: the host's end of its link would be {0}, as that of {1}: rename one",
    )


def _same_address(sandboxes: Iterable[Sandbox]) -> list[str]:
    given = ((sandbox, str(address.ip)) for sandbox in sandboxes for address in sandbox.addresses)
    return _clashes(given, "addresses: {0} is also an address of {1}")


def _same_device(sandboxes: Iterable[Sandbox]) -> list[str]:
    given = ((sandbox, device.called) for sandbox in sandboxes for device in sandbox.devices)
    return _clashes(given, "devices: {0} is also a device of {1}")


def _clashes(pairs: Iterable[tuple[Sandbox, str]], text: str) -> list[str]:
    """One problem for every value that an earlier sandbox has already."""
    holders: dict[str, Sandbox] = {}
    problems = []
    for sandbox, value in pairs:
        holder = holders.setdefault(value, sandbox)
        if holder is not sandbox:
            problems.append(f"{sandbox.where}: {text.format(value, holder.where)}")
    return problems


def _address_of_gateway(sandboxes: Sequence[Sandbox]) -> list[str]:
    gateways = {gateway.ip: sandbox for sandbox in sandboxes for gateway in sandbox.gateways}
    return [
        f"{sandbox.where}: addresses: {address.ip} is the gateway of {gateways[address.ip].where}"
        for sandbox in sandboxes
        for address in sandbox.addresses
        if gateways.get(address.ip, sandbox) is not sandbox
    ]


def _shared_networks(sandboxes: Iterable[Sandbox]) -> list[str]:
    """A network on two bridges, or two that overlap: the host would not know where to send."""
    # A sandbox without gateways takes no part in the host's routing.
    bridges: dict[tuple[Network, str], Sandbox] = {}
    for sandbox in _bridged(sandboxes):
        for gateway in sandbox.gateways:
            bridges.setdefault((gateway.network, sandbox.bridge), sandbox)
    ordered = sorted(
        bridges,
        key=lambda key: (key[0].version, int(key[0].network_address), key[0].prefixlen, key[1]),
    )
    problems = []
    widest: dict[int, tuple[Network, str]] = {}
    for network, bridge in ordered:
        before, before_bridge = widest.get(network.version, (None, ""))
        if before is not None and network.network_address in before and bridge != before_bridge:
            sandbox, other = bridges[network, bridge], bridges[before, before_bridge]
            problems.append(
                f"{sandbox.where}: {network} on bridge {bridge} overlaps "
                f"{before} on bridge {before_bridge} ({other.where})"
            )
        if before is None or network.broadcast_address > before.broadcast_address:  # type: ignore[operator]
            widest[network.version] = (network, bridge)
    return problems


def _full_bridges(sandboxes: Iterable[Sandbox]) -> list[str]:
    return [
        f"sandbox_list: {len(ports)} are on bridge {name}, which takes {BRIDGE_PORTS}: use several"
        for name, ports in _by_bridge(sandboxes).items()
        if len(ports) > BRIDGE_PORTS
    ]
