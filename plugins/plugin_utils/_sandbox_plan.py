# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""From the role's sandbox_list to the lists that the modules take. Pure: no I/O.

This file is private to the collection: it may change without notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from os.path import basename, dirname
from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils._link_names import (
    ifb_name,
    link_name,
    stable_mac,
)
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_clashes import by_bridge, clashes
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_cni import detachment
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_endpoint import STRIPPING_MODELS
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_items import (
    BadItemError,
    Sandbox,
    parse_sandbox,
)
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_values import Interface, Network
from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_wires import Wire, first_host

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
    return sandboxes, [*problems, *clashes(sandboxes)]


def present(sandboxes: Sequence[Sandbox]) -> dict[str, Items]:
    """What the modules are asked for so that the sandboxes exist; links still without addresses."""
    return {
        "leases": [_lease(wire) for wire in _wires(sandboxes) if wire.networks],
        "bridges": [_bridge(name, ports) for name, ports in by_bridge(_wires(sandboxes)).items()],
        "namespaces": [_namespace(sandbox) for sandbox in sandboxes],
        "links": [link for sandbox in sandboxes for wire in sandbox.wires for link in _links(sandbox.name, wire)],
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
            {"sandbox_id": sandbox.name, "netns": sandbox.name, **_lasting(sandbox), **sandbox.monitor}
            for sandbox in sandboxes
            if sandbox.monitor is not None
        ],
        "restores": [
            {"sandbox": sandbox.name, "state": "present" if sandbox.persist else "absent"} for sandbox in sandboxes
        ],
    }


def _lasting(sandbox: Sandbox) -> dict[str, Any]:
    """A monitor outlives a reboot with its sandbox, unless it says otherwise. One that goes has nothing to say."""
    watched = sandbox.monitor is not None and sandbox.monitor["state"] != "absent"
    return {"enabled": True} if sandbox.persist and watched else {}


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
    links = []
    for owner, link in _with_owners(plan["links"]):
        if (link.get("netns"), link["name"]) in stripped:
            links.append(_without_what_the_vm_has(link))
        elif owner:
            links.append({**link, "addresses": [_address(cidr) for cidr in leased.get(owner, ())]})
        else:
            links.append(link)
    return bridges + links


def _with_owners(links: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Links with the owners of their leases: the first of each sandbox is that of its own options.
    Those of the host have none."""
    seen = set()
    for link in links:
        if "netns" not in link:
            yield "", link
            continue
        first = link["netns"] not in seen
        seen.add(link["netns"])
        yield (link["netns"] if first else f"{link['netns']}/{link['name']}"), link


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
    """The host's ends of the links, also of those that the list says nothing of, and the bridges that only they
    were on. Macvtaps that ``unwiring`` takes away come first: in check mode they are still on the links.
    """
    found = list(found)
    links = plan["links"] + [*_further_links(plan, found)]
    going = {link["name"] for link in links}
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
    return macvtaps + links + ([] if keep_bridges else [{"name": name, "kind": "bridge"} for name in unused])


def _further_links(plan: Mapping[str, Items], found: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The other links that lead to the sandboxes, and what limits them: the alias tells whose they are."""
    known = {link["name"] for link in plan["links"]}
    names = {one["name"] for one in plan["namespaces"]}
    for link in found:
        name, (sandbox, _slash, interface) = link["ifname"], link.get("ifalias", "").partition("/")
        if sandbox not in names or name in known:
            continue
        if name == link_name(sandbox, interface):
            yield {"name": name, "kind": "veth", "peer": {"name": interface, "netns": sandbox}}
        elif name == ifb_name(sandbox, interface):
            yield {"name": name, "kind": "ifb"}


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
        # Of all its networks, also of earlier lists.
        "leases": [{"owner": sandbox.name, "recurse": True} for sandbox in sandboxes],
        "bridges": [{"name": name} for name in by_bridge(_wires(sandboxes))],
        "namespaces": [{"name": sandbox.name, "force": force} for sandbox in sandboxes],
        "links": [
            {
                "name": wire.port,
                "kind": "veth",
                "peer": {"name": wire.interface, "netns": sandbox.name},
            }
            for sandbox in sandboxes
            for wire in sandbox.wires
        ],
        "attachments": [detachment(sandbox.name, one) for sandbox in sandboxes for one in sandbox.attachments],
        # Whatever is in there, also of earlier lists: a namespace that is removed would take it along.
        "devices": [{"netns": sandbox.name} for sandbox in sandboxes],
        "endpoints": [{"netns": sandbox.name} for sandbox in sandboxes],
        "firewalls": [{"sandbox": sandbox.name} for sandbox in sandboxes],
        "monitors": [{"sandbox_id": sandbox.name} for sandbox in sandboxes],
        "restores": [{"sandbox": sandbox.name} for sandbox in sandboxes],
    }


def _wires(sandboxes: Iterable[Sandbox]) -> list[Wire]:
    return [wire for sandbox in sandboxes for wire in sandbox.wires]


# ---------------------------------------------------------------------- what the modules are given


def _lease(wire: Wire) -> dict[str, Any]:
    pools, reserved = _pools(wire.subnets, wire.gateways)
    return {
        "owner": wire.owner,
        "addresses": [str(address) for address in wire.addresses],
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


def _bridge(name: str, ports: Iterable[Wire]) -> dict[str, Any]:
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


def _links(sandbox: str, wire: Wire) -> Iterator[dict[str, Any]]:
    """The veth of a network. Its rates are kept where the sandbox cannot reach: at the host's end what the sandbox
    receives, and at an ifb behind that what it sends.
    """
    veth = _veth(sandbox, wire)
    alias = f"{sandbox}/{wire.interface}"
    if wire.owner != sandbox:
        veth["peer"]["alias"] = alias
    ifb = {"name": ifb_name(sandbox, wire.interface), "kind": "ifb"}
    receives, sends = wire.rates.get("rx_rate"), wire.rates.get("tx_rate")
    if receives is not None:
        veth["peer"]["tx_rate"] = receives
    if sends is not None:
        veth["peer"]["rx_ifb"] = ifb["name"] if sends else ""
    if sends:
        yield {**ifb, "alias": alias, "tx_rate": sends, "ipv6_link_local": False, "accept_ra": False, "up": True}
    yield veth
    if sends == 0:
        yield {**ifb, "state": "absent"}


def _veth(sandbox: str, wire: Wire) -> dict[str, Any]:
    given = {"mac": wire.mac, "mtu": wire.mtu}
    return {
        "name": wire.interface,
        "netns": sandbox,
        "kind": "veth",
        "peer": {
            "name": wire.port,
            "master": wire.bridge,
            # The bridge speaks IPv6, its ports do not: a thousand of them would flood each other.
            "ipv6_link_local": False,
            "up": True,
            **({"mtu": wire.mtu} if wire.mtu else {}),
        },
        "accept_ra": False,
        "routes": [{"dst": DEFAULT_ROUTE[one.version], "gateway": str(one.ip)} for one in wire.routers],
        "up": True,
        **{option: value for option, value in given.items() if value is not None},
    }


def _address(cidr: str) -> dict[str, Any]:
    # Leased addresses are nobody else's: an IPv6 one need not be probed for, and works at once.
    return {"address": cidr, "nodad": True} if ":" in cidr else {"address": cidr}
