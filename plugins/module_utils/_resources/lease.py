# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource address_lease: addresses of subnets, handed out and remembered.

A lease is a record and nothing else. All leases of a state directory are one subject:
two tasks that ask at once get different addresses.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network
from typing import Any, Union

from .._engine.errors import InvalidOption, TaskError
from .._engine.form import Form
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import State
from . import values

Network = Union[IPv4Network, IPv6Network]
KIND = "lease"

OPTIONS: dict[str, Any] = {
    "owner": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "pools": {"type": "list", "elements": "str"},
    "addresses": {"type": "list", "elements": "str"},
    "exclude": {"type": "list", "elements": "str"},
    "recurse": {"type": "bool", "default": False},
}
FORM = Form(options=OPTIONS, single="lease", plural="leases", constraints={})


@dataclass(frozen=True)
class Lease:
    """The addresses that an owner is to have: one of each pool, and the ones named. With ``recurse``, those of
    what is below the owner, as web1/eth1 is below web1, go too."""

    owner: str
    present: bool
    pools: tuple[Network, ...] = ()
    addresses: tuple[str, ...] = ()
    exclude: frozenset[str] = frozenset()
    recurse: bool = False

    def takes_back(self, owner: str) -> bool:
        """Whether what another owner has is to be free."""
        return not self.present and self.recurse and owner.startswith(f"{self.owner}/")


class LeaseResource:
    """Observe and plan leases."""

    def parse(self, options: dict[str, Any]) -> Lease:
        """One lease as wanted. Raises InvalidOption."""
        owner = values.required("owner", options["owner"])
        if any(ord(character) < 32 for character in owner):
            raise InvalidOption("owner", owner, "has control characters in it")
        if options["state"] == "absent":
            return Lease(owner, present=False, recurse=options["recurse"])
        if options["recurse"]:
            raise InvalidOption("recurse", True, "is possible with state: absent only")
        pools = tuple(_pool(text) for text in options["pools"] or ())
        named = tuple(values.ip_interface("addresses", one) for one in options["addresses"] or ())
        if not pools and not named:
            raise InvalidOption("pools", None, "is required, or addresses")
        exclude = frozenset(
            str(values.ip_address("exclude", one.partition("/")[0])) for one in options["exclude"] or ()
        )
        values.no_duplicates("pools", pools)
        values.no_duplicates("addresses", [local for local, _prefix in named])
        addresses = tuple(f"{local}/{prefix}" for local, prefix in named)
        return Lease(owner, True, pools, addresses, exclude)

    def check(self, wanted: Sequence[Lease]) -> None:
        """Refuse an owner or an address that is given twice."""
        values.no_duplicates("owner", [one.owner for one in wanted])
        values.no_duplicates("addresses", [_host(address) for one in wanted for address in one.addresses])

    def subjects(self, wanted: Sequence[Lease]) -> frozenset[str]:
        """All leases together."""
        return frozenset({"leases"})

    def observe(self, wanted: Sequence[Lease], reader: Reader) -> State:
        """Every lease there is; one of an earlier boot ended with its sandbox."""
        state = State()
        for owner, record in reader.records.all(KIND).items():
            state.records[KIND, owner] = record.value if record.this_boot else None
        return state

    def plan(self, wanted: Sequence[Lease], state: State) -> list[Operation]:
        """Named addresses first, so that none of them is handed out as the next free one."""
        wanted = [*wanted, *_below(wanted, state)]
        leaving = {one.owner: one for one in wanted}
        holders = {
            _host(address): owner
            for (_kind, owner), value in state.records.items()
            if value
            for address in value["addresses"]
            if owner not in leaving or _may_keep(leaving[owner], address)
        }
        for one in wanted:
            for address in one.addresses:
                holder = holders.get(_host(address))
                if holder not in (None, one.owner):
                    raise TaskError(f"addresses: {address} for {one.owner} is leased to {holder}")
        for one in wanted:
            holders.update({_host(address): one.owner for address in one.addresses})
        kept = {one.owner: _kept(one, state, holders) for one in wanted if one.present}
        for owner, held in kept.items():
            holders.update({_host(address): owner for address in held.values()})
        free: dict[Network, _Free] = {}
        operations = []
        for one in wanted:
            before = state.record(KIND, one.owner)
            if not one.present:
                if before is not None:
                    operations.append(_drop(one.owner, before))
                continue
            addresses = [*one.addresses]
            for pool in one.pools:
                leased = kept[one.owner].get(pool)
                if leased is None:
                    leased = free.setdefault(pool, _Free(pool)).next_for(one, holders)
                    holders[_host(leased)] = one.owner
                addresses.append(leased)
            if before is None or before["addresses"] != addresses:
                operations.append(_put(one.owner, addresses, before))
        return operations

    def describe(self, wanted: Lease, before: State, after: State) -> dict[str, Any]:
        """The lease for the result."""
        record = after.record(KIND, wanted.owner)
        return {
            "owner": wanted.owner,
            "state": "present" if record else "absent",
            "addresses": list(record["addresses"]) if record else [],
        }


@functools.lru_cache(maxsize=64)  # a thousand leases share a few pools
def _pool(text: str) -> Network:
    network = ip_network(str(values.ip_network("pools", text).cidr))
    if network.num_addresses < 2:
        raise InvalidOption("pools", text, "has no address to hand out")
    return network


def _below(wanted: Sequence[Lease], state: State) -> Iterator[Lease]:
    """The leases that go with those of others."""
    named = {one.owner for one in wanted}
    parents = [one for one in wanted if one.recurse]
    for (_kind, owner), value in sorted(state.records.items()) if parents else ():
        if value and owner not in named and any(one.takes_back(owner) for one in parents):
            yield Lease(owner, present=False)


def _host(address: str) -> str:
    return address.partition("/")[0]


def _may_keep(one: Lease, address: str) -> bool:
    """Whether an address that the owner has is still one of those it is to have."""
    of_a_pool = ip_interface(address).network in one.pools and _host(address) not in one.exclude
    return one.present and (address in one.addresses or of_a_pool)


def _kept(one: Lease, state: State, holders: dict[str, str]) -> dict[Network, str]:
    """What the owner has already, by the pool that it is of."""
    kept: dict[Network, str] = {}
    record = state.record(KIND, one.owner)
    asked_for = {_host(address) for address in one.addresses}  # perhaps with another prefix length
    for address in record["addresses"] if record else ():
        interface = ip_interface(address)
        pool = interface.network
        free = holders.get(_host(address), one.owner) == one.owner
        allowed = _host(address) not in one.exclude and _host(address) not in asked_for
        if pool in one.pools and free and allowed:
            kept[pool] = address
    return kept


def _hosts(pool: Network) -> Iterator[str]:
    """The addresses of a pool that hosts may have, lowest first."""
    for host in pool.hosts():
        if pool.version == 6 and host == pool.network_address:
            continue  # the subnet-router anycast address (RFC 4291, 2.6.1)
        yield f"{host}/{pool.prefixlen}"


class _Free:
    """The free addresses of a pool, in order; what one owner excludes waits for the next."""

    def __init__(self, pool: Network) -> None:
        self._pool = pool
        self._hosts = _hosts(pool)
        self._passed_over: list[str] = []

    def next_for(self, one: Lease, holders: dict[str, str]) -> str:
        """The next address for an owner. Raises TaskError when there is none."""
        for address in self._passed_over:
            if _host(address) not in one.exclude and _host(address) not in holders:
                self._passed_over.remove(address)
                return address
        for address in self._hosts:
            if _host(address) in holders:
                continue
            if _host(address) not in one.exclude:
                return address
            self._passed_over.append(address)
        raise TaskError(
            f"pools: no address of {self._pool} is free for {one.owner}"
            f" ({len(self._passed_over)} are excluded, the others leased)"
        )


def _put(owner: str, addresses: list[str], before: dict[str, Any] | None) -> Operation:
    args = {
        "kind": KIND,
        "name": owner,
        "value": {"addresses": addresses},
        "before": before,
        "visible": True,
    }
    return Operation("record.put", args)


def _drop(owner: str, before: dict[str, Any]) -> Operation:
    return Operation("record.drop", {"kind": KIND, "name": owner, "before": before, "visible": True})
