# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""From what is remembered of all sandboxes to what our nftables tables hold: a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._engine.nft_tables import FAMILIES, Elements, address_text, prefix
from .._engine.state import NamespaceState
from .._programs.slirp4netns import Forward
from .firewall_lists import elements_of
from .forwards import WILDCARDS, is_loopback

VERSIONS = (4, 6)
BRIDGE_NETFILTER = ("net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables")
LISTS = ("allow", "deny")
DIRECTIONS = ("in", "out")
Record = Mapping[str, Any]
Found = Iterator[tuple[str, str, str, str]]
"""Family, set, element, and the sandbox that it is of."""


def elements_for(records: Mapping[str, Record], own: NamespaceState) -> dict[str, Elements]:
    """The elements of each table by family; none of a family for a table that is not needed.

    ``own`` has the links of the host: a bridge is looked up there, and is as recorded while the port is gone.
    """
    result: dict[str, Elements] = {family: {} for family in FAMILIES}
    for sandbox, record in records.items():
        for family, name, text, owner in _of_sandbox(sandbox, record, own):
            result[family].setdefault(name, {})[text] = owner
    return result


def addresses_of(record: Record, version: int | None = None) -> list[str]:
    """The addresses of a sandbox without prefix length."""
    bare = [one.partition("/")[0] for one in record["addresses"]]
    return [one for one in bare if version in (None, _version(one))]


def all_addresses_of(record: Record, version: int | None = None) -> list[str]:
    """The same, with the link-local ones that follow from MAC addresses: by them, too, it talks to the host."""
    link_local = [link_local_of(link["mac"]) for link in record["links"] if link["mac"]]
    return [*addresses_of(record, version), *(link_local if version in (None, 6) else ())]


def ports_of(record: Record | None) -> list[Forward]:
    """The published ports of a sandbox."""
    return [Forward(*one) for one in record["ports"]] if record else []


def devices_of(record: Record, own: NamespaceState, version: int) -> list[str]:
    """The links of the host that must take answers for 127.0.0.1, or for ::1, so that local clients reach
    published ports.
    """
    return ways_to(record["links"], own) if is_local(ports_of(record), version) else []


def ways_to(links: Iterable[Mapping[str, Any]], own: NamespaceState) -> list[str]:
    """The links of the host by which it reaches a sandbox itself: the bridge of a port, or the port."""
    return sorted({_bridge_of(link, own)[0] or link["interface"] for link in links})


def is_local(ports: Iterable[Forward], version: int) -> bool:
    """Whether clients on the host reach one of the ports through the loopback of a family."""
    addresses = [one.host_addr for one in ports if _version(one.host_addr) == version]
    return any(is_loopback(address) or address in WILDCARDS for address in addresses)


def hairpins_of(record: Record, own: NamespaceState) -> list[str]:
    """The ports of bridges by which a sandbox is reached from itself, where that needs more than routing."""
    filtered = any(own.sysctls.get(key) == "1" for key in BRIDGE_NETFILTER)
    if not filtered or all(is_loopback(port.host_addr) for port in ports_of(record)):
        return []
    return [link["interface"] for link in record["links"] if _bridge_of(link, own)[0]]


def guarding_bridges(record: Record, own: NamespaceState) -> list[str]:
    """The bridges that must believe a sandbox no other address than its own."""
    bridges = {_bridge_of(link, own)[0] for link in record["links"]} if record["antispoof"] else set()
    return sorted(bridges - {""})


def link_local_of(mac: str) -> str:
    """The IPv6 address that a link makes of its MAC address (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return address_text(b"\xfe\x80" + bytes(6) + bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:])


def _of_sandbox(sandbox: str, record: Record, own: NamespaceState) -> Found:
    for version in VERSIONS:
        for address in all_addresses_of(record, version):
            yield "inet", f"sandboxes{version}", address, sandbox
            if record["policy"] != "open":
                name = {"isolate": "isolated", "closed": "closed"}[record["policy"]]
                yield "inet", f"{name}{version}", address, sandbox
            for which in LISTS:
                for direction in DIRECTIONS:
                    for text in elements_of(record[which], direction, version):
                        yield "inet", f"{which}_{direction}{version}", f"{address} . {text}", sandbox
    yield from _published(sandbox, record)
    if record["masquerade"]:
        yield from _masqueraded(sandbox, record)
    for link in record["links"]:
        yield from _of_link(sandbox, record, link, own)
    for interface in hairpins_of(record, own):
        yield "bridge", "hairpins", f"{interface} . {interface}", sandbox


def _published(sandbox: str, record: Record) -> Found:
    for port in ports_of(record):
        version = _version(port.host_addr)
        place = f"{port.proto} . {port.host_port} : {port.guest_addr} . {port.guest_port}"
        if port.host_addr in WILDCARDS:
            yield "inet", f"published_any{version}", place, sandbox
        else:
            yield "inet", f"published{version}", f"{port.host_addr} . {place}", sandbox


def _masqueraded(sandbox: str, record: Record) -> Found:
    for one in record["addresses"]:
        address, _slash, length = one.partition("/")
        version = _version(address)
        yield "inet", f"masqueraded{version}", address, sandbox
        yield "inet", f"nearby{version}", f"{address} . {prefix(address, int(length))}", sandbox


def _of_link(sandbox: str, record: Record, link: Mapping[str, Any], own: NamespaceState) -> Found:
    interface, mac = link["interface"], link["mac"]
    bridge, router = _bridge_of(link, own)
    family = "bridge" if bridge else "inet"
    if record["antispoof"]:
        yield family, "guarded", interface, sandbox
        yield family, "stations", f"{interface} . {mac}", sandbox
        for address in [*addresses_of(record), link_local_of(mac)]:
            yield family, f"sources{_version(address)}", f"{interface} . {address}", sandbox
            if bridge and ":" in address:
                yield family, "targets", f"{interface} . {address}", sandbox
    if bridge and mac:
        yield "bridge", "members", mac, sandbox
    if bridge and (record["policy"] != "open" or record["deny"]):
        yield "bridge", "restricted", interface, sandbox
        yield "bridge", "routers", f"{interface} : {router}", sandbox
        if mac:
            yield "bridge", "shielded", f"{mac} : {router}", sandbox


def _bridge_of(link: Mapping[str, Any], own: NamespaceState) -> tuple[str, str]:
    """The bridge that a port is on, and its MAC address; empty for none."""
    found = own.link(link["interface"])
    if found is None:
        return link["bridge"], link["router"]
    master = own.links.get(found.master)
    return (master.name, master.mac) if master is not None and master.kind == "bridge" else ("", "")


def recorded_link(interface: str, mac: str, own: NamespaceState) -> dict[str, Any]:
    """A port of a sandbox as it is remembered."""
    bridge, router = _bridge_of({"interface": interface, "bridge": "", "router": ""}, own)
    return {"interface": interface, "mac": mac, "bridge": bridge, "router": router}


def _version(address: str) -> int:
    return 6 if ":" in address else 4
