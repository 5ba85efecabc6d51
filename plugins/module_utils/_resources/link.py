# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The resource link: network devices of a namespace, with their addresses and routes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._engine.errors import InvalidOption, NotThereYet, TaskError
from .._engine.kinds.address import address_args, address_key
from .._engine.kinds.contract import place
from .._engine.kinds.registry import KINDS, foretell, inverse
from .._engine.kinds.route import route_args, route_key
from .._engine.operation import Operation, without_empty
from .._engine.resource import Reader
from .._engine.state import NamespaceState, Netns, State
from .._kernel.addressing import (
    AF_INET6,
    RTN_UNICAST,
    Address,
    Route,
    ipv6_enabled,
    read_addresses,
    read_routes,
)
from .._kernel.errors import NoSuchNamespace, NotANamespace
from .._kernel.features import can_make_kind
from .._kernel.links import Link, read_links
from .._kernel.namespaces import Identity, is_leftover, named_namespaces, own_identity
from .._store.records import Record
from . import values
from .link_addressing import (
    OF_THE_KERNEL,
    is_made_by_kernel,
    kept_over_down,
    plan_addresses,
    plan_routes,
)
from .link_options import End, WantedLink, parse_link
from .link_removal import accept_ra, are_peers, find_parent, find_peer, grouped, plan_deletion
from .netns import namespace_subjects

CHANGEABLE_OF_KIND = ("multicast_snooping", "mode")
CHANGEABLE = ("mtu", "mac", "txqlen", "alias", "ipv6_link_local")


class LinkResource:
    """Observe and plan links."""

    def parse(self, options: dict[str, Any]) -> WantedLink:
        """One link as wanted. Raises InvalidOption."""
        return parse_link(options)

    def check(self, wanted: Sequence[WantedLink]) -> None:
        """Refuse a name, an alternative name or an address that is given twice."""
        names: list[tuple[Netns, str]] = []
        for one in wanted:
            for end in one.ends:
                names += [end.key, *((end.netns, name) for name in end.altnames)]
        seen: set[tuple[Netns, str]] = set()
        for netns, name in names:
            if (netns, name) in seen:
                raise InvalidOption("name", place(netns, name), "is given twice")
            seen.add((netns, name))
        # new links that will share a bridge or a namespace
        macs = [(end.netns, end.mac) for one in wanted if one.present for end in one.ends if end.mac]
        values.no_duplicates("mac", macs)

    def subjects(self, wanted: Sequence[WantedLink]) -> frozenset[str]:
        """A sandbox as a whole; where Ansible runs, each link by itself."""
        own = own_identity()[1]
        subjects: set[str] = set()
        for one in wanted:
            for end in one.ends:
                here = [f"link {end.name} in the namespace with inode {own}"]
                subjects.update(namespace_subjects(end.netns) if end.netns else here)
        return frozenset(subjects)

    def observe(self, wanted: Sequence[WantedLink], reader: Reader) -> State:
        """Links, addresses and routes of each namespace that is named, read once."""
        state = State(ipv6=ipv6_enabled())
        own = own_identity()
        for path in dict.fromkeys([None, *(path for one in wanted for path in one.netnses)]):
            state.namespaces[path] = _read_if_there(path, reader)
            namespace = state.at(path)
            if path is not None and namespace and namespace.identity == own:
                raise TaskError(f"netns: {path} is the namespace Ansible itself runs in")
        missing: set[tuple[Netns, int]] = set()
        for one in wanted:
            missing.update(_observe_relatives(one, state, reader))
            _observe_kind(one, state, reader)
            key = record_key(one.end, own)
            record = reader.records.get("link", key)
            state.records["link", key] = _believed(record)
        _search_named(missing, state, reader)
        return state

    def plan(self, wanted: Sequence[WantedLink], state: State) -> list[Operation]:
        """Item by item on a working copy, so that an item may lean on an earlier one."""
        _refuse_missing_namespaces(wanted, state)
        own = _own_identity(state)
        working = state.copy()
        operations: list[Operation] = []
        for one in wanted:
            if one.present:
                steps = _plan_present(one, _Plan(working, state), own)
            else:
                steps = _plan_absent(one, _Plan(working, state), own)
            operations += steps
        return grouped(operations)

    def describe(self, wanted: WantedLink, before: State, after: State) -> dict[str, Any]:
        """The link for the result."""
        result = describe_end(wanted.end, after)
        if wanted.peer is not None:
            result["peer"] = describe_end(wanted.peer, after)
        return result


def record_key(end: End, own: tuple[int, int]) -> str:
    """How the record of a link is called: its namespace and its name."""
    return f"{end.netns or own[1]}:{end.name}"


def describe_end(end: End, state: State) -> dict[str, Any]:
    """One end of a link for the result; what is not known yet is None."""
    namespace = state.at(end.netns)
    link = namespace.link(end.name) if namespace else None
    if namespace is None or link is None:
        return {"name": end.name, "netns": end.netns, "state": "absent"}
    data = {name: value for name, value in link.data.items() if name != "parent"}
    below = find_parent(link, end.netns, state)
    return {
        "name": link.name,
        "netns": end.netns,
        "state": "present",
        "kind": link.kind or None,
        "ifindex": link.ifindex if link.ifindex > 0 else None,
        "mac": link.mac or None,
        "mtu": link.mtu or None,
        "txqlen": link.txqlen if link.ifindex > 0 else link.txqlen or None,
        "up": link.up,
        "master": namespace.name_of(link.master) or None,
        "parent": below[1] if below else None,
        "alias": link.alias,
        "altnames": list(link.altnames),
        "addresses": sorted(
            f"{one.local}/{one.prefix}"
            for one in namespace.addresses.get(link.ifindex, ())
            if not (one.scope == "host" or is_made_by_kernel(one, link.mac))
        ),
        "routes": [_describe_route(one) for one in sorted(_unicast(namespace, link), key=route_key)],
        **data,
    }


def _unicast(namespace: NamespaceState, link: Link) -> list[Route]:
    return [one for one in _routes_made(namespace, link) if one.type == RTN_UNICAST]


def _describe_route(route: Route) -> dict[str, Any]:
    named = without_empty({"dst": route.dst, "gateway": route.gateway, "src": route.src})
    return {**named, "metric": route.metric, "table": route.table}


def _read_if_there(path: Netns, reader: Reader) -> NamespaceState | None:
    try:
        handle = reader.host.at(path)
    except NoSuchNamespace:
        return None
    except NotANamespace:
        if os.path.dirname(str(path)) == values.NETNS_DIR and is_leftover(str(path)):  # netns repairs it
            return None
        raise
    namespace = NamespaceState(identity=handle.identity)
    for link in read_links(handle.netlink):
        namespace.put(link)
    for address in read_addresses(handle.netlink):
        namespace.addresses.setdefault(address.ifindex, []).append(address)
    for route in read_routes(handle.netlink):
        namespace.routes.setdefault(route.ifindex, []).append(route)
    return namespace


def _observe_relatives(one: WantedLink, state: State, reader: Reader) -> Iterator[tuple[Netns, int]]:
    """By which ids the namespaces of found links know those of their peers and parents.

    A link that is to be deleted can be made again only with its other half: yields the
    ids of the namespaces to look for.
    """
    for end in one.ends:
        namespace = state.at(end.netns)
        link = namespace.link(end.name) if namespace else None
        if link is None or link.parent_nsid is None:
            continue
        for other in (*one.netnses, None):
            _learn_nsid(end.netns, other, state, reader)
        known = find_peer(link, end.netns, state) or find_parent(link, end.netns, state)
        if known is None and (one.recreate or not one.present):
            yield end.netns, link.parent_nsid


def _learn_nsid(seen_from: Netns, other: Netns, state: State, reader: Reader) -> None:
    if other != seen_from and (seen_from, other) not in state.nsids and state.at(other):
        state.nsids[seen_from, other] = reader.host.nsid(other, seen_from=seen_from)


def _search_named(missing: set[tuple[Netns, int]], state: State, reader: Reader) -> None:
    """Read the named namespaces that hold the other halves of links; one walk for all."""
    for path in named_namespaces(values.NETNS_DIR) if missing else ():
        for netns in {netns for netns, _nsid in missing}:
            unread = path not in state.namespaces
            if unread and (netns, reader.host.nsid(path, seen_from=netns)) in missing:
                state.namespaces[path] = _read_if_there(path, reader)
                _learn_nsid(netns, path, state, reader)


def _observe_kind(one: WantedLink, state: State, reader: Reader) -> None:
    if one.present and one.kind and one.kind not in state.kinds:
        namespace = state.at(one.end.netns)
        exists = namespace is not None and namespace.link(one.end.name) is not None
        if not exists or one.recreate:
            state.kinds[one.kind] = can_make_kind(reader.host.at(None).netlink, one.kind)


def _believed(record: Record | None) -> dict[str, Any] | None:
    """What a record says; of an earlier boot there is nothing to put back."""
    if record is None:
        return None
    return record.value if record.this_boot else {"of": [], "done": []}


def _own_identity(state: State) -> Identity:
    """The identity of the namespace Ansible runs in, as it was read."""
    own = state.namespaces[None]
    return own.identity if own and own.identity else (0, 0)


def _refuse_missing_namespaces(wanted: Sequence[WantedLink], state: State) -> None:
    missing = dict.fromkeys(path for one in wanted if one.present for path in one.netnses if state.at(path) is None)
    if not missing:
        return

    def assume() -> None:
        for path in missing:
            KINDS["netns.create"].foretell({"path": path}, state)

    for path in missing:
        if os.path.dirname(str(path)) != values.NETNS_DIR:
            raise TaskError(f"netns: there is no network namespace {path}")
    names = ", ".join(str(path) for path in list(missing)[:5])
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    raise NotThereYet(f"netns: there is no network namespace {names}{more}", assume)


def _assume_link(netns: Netns, name: str, state: State) -> Callable[[], None]:
    def assume() -> None:
        namespace = state.existing(netns)
        namespace.put(Link(ifindex=state.foretold_index(), name=name, up=True))

    return assume


class _Plan:
    """Operations as they are planned, each foretold at once on the working state."""

    def __init__(self, working: State, observed: State) -> None:
        self.state = working
        self.observed = observed
        self.operations: list[Operation] = []

    def add(self, operations: Iterator[Operation] | Sequence[Operation]) -> None:
        for operation in list(operations):
            self.operations.append(operation)
            KINDS[operation.kind].foretell(operation.args, self.state)


def _plan_present(one: WantedLink, plan: _Plan, own: tuple[int, int]) -> list[Operation]:
    link = _link_of(one.end, plan.state)
    obstacle = _obstacle(one, link, plan.state)
    if obstacle and not one.recreate:
        raise TaskError(f"{obstacle}; recreate: true replaces it")
    if obstacle:
        _plan_replacement(one, plan)
        link = None
    if link is None:
        _refuse_impossible(one, plan)
        plan.add([_creation(one, plan.state)])
    for end in one.ends:  # both ends up first: an address without carrier stays tentative
        _plan_attributes(one, end, plan)
    for end in one.ends:
        _plan_addressing(end, plan)
    if link is not None and not _deletable(link):
        _remember(one, plan, own)
    return plan.operations


def _plan_addressing(end: End, plan: _Plan) -> None:
    namespace = plan.state.existing(end.netns)
    link = namespace.existing(end.name)
    _refuse_without_ipv6(end, plan.state)
    plan.add(plan_addresses(end, namespace, link))
    plan.add(plan_routes(end, namespace, link.ifindex))


def _plan_replacement(one: WantedLink, plan: _Plan) -> None:
    for end in one.ends:
        link = _link_of(end, plan.state)
        if link is not None:
            if not _deletable(link):
                raise TaskError(f"{place(end.netns, end.name)} cannot be deleted, so not recreated")
            plan.add(plan_deletion(link, end.netns, plan.state))


def _obstacle(one: WantedLink, link: Link | None, state: State) -> str:
    """Why a link cannot become what is wanted in place; empty when it can."""
    where = place(one.end.netns, one.end.name)
    if link is None:
        peer = _link_of(one.peer, state) if one.peer else None
        if one.peer and peer:
            return f"{place(one.peer.netns, one.peer.name)} exists, but not as the peer of {where}"
        return ""
    if one.kind is None:
        return ""
    if link.kind != one.kind:
        return f"{where} exists and is of kind {link.kind or 'physical'}, not {one.kind}"
    for name, wanted in one.data.items():
        if name not in CHANGEABLE_OF_KIND and link.data.get(name) != wanted:
            return f"{where} has {name} {link.data.get(name)}, not {wanted}"
    if one.queues and one.kind == "veth" and link.tx_queues != one.queues:
        return f"{where} has {link.tx_queues} queues, not {one.queues}"
    if one.parent:
        below = find_parent(link, one.end.netns, state)
        if below is None or below != (parent_netns(one, state), one.parent):
            found = place(*below) if below else "a link elsewhere"
            return f"{where} stands on {found}, not on {one.parent}"
    if one.peer:
        peer = _link_of(one.peer, state)
        if peer is None or not are_peers(link, one.end.netns, peer, one.peer.netns, state):
            return f"{place(one.peer.netns, one.peer.name)} is not the peer of {where}"
    return ""


def _refuse_impossible(one: WantedLink, plan: _Plan) -> None:
    """What the kernel would refuse, found out before anything is touched."""
    state = plan.state
    where = place(one.end.netns, one.end.name)
    if one.kind is None:
        raise InvalidOption("name", one.end.name, f"does not exist as {where}; kind makes it")
    if not state.kinds.get(one.kind, True):
        raise TaskError(f"kind: this kernel cannot make links of kind {one.kind!r} ({_missing(one.kind)})")
    if one.kind == "veth" and one.peer is None:
        raise InvalidOption("peer", None, "is required to make a link of kind veth")
    for end in one.ends:
        namespace = state.existing(end.netns)
        other = namespace.link_called(end.name)
        if other is not None:
            raise TaskError(f"name: {place(end.netns, end.name)} is an alternative name of {other.name}")
    namespace = state.existing(one.end.netns)
    below = state.at(parent_netns(one, state))
    if one.parent and (below is None or below.link(one.parent) is None):
        raise NotThereYet(
            f"parent: {one.parent!r} does not exist, for {where}",
            _assume_link(parent_netns(one, state), one.parent, plan.observed),
        )


def _missing(kind: str) -> str:
    options = {"vlan": "VLAN_8021Q", "tap": "TUN", "tun": "TUN"}
    return f"CONFIG_{options.get(kind, kind.upper())} is not built, or its module not installed"


def parent_netns(one: WantedLink, state: State) -> Netns:
    """Where the parent is: as told, else beside the link, else where Ansible runs."""
    if one.parent_netns is not None or one.parent is None:
        return one.parent_netns
    beside = state.at(one.end.netns)
    return one.end.netns if beside is not None and beside.link(one.parent) else None


def _creation(one: WantedLink, state: State) -> Operation:
    queues = one.queues or 1 if one.kind == "veth" else 0
    args = {**_born(one.end, queues), "kind": one.kind}
    if one.parent:
        args["parent_netns"] = parent_netns(one, state)
        args["parent"] = one.parent
    data = dict(one.data)
    if one.kind in ("macvlan", "macvtap"):
        data.setdefault("mode", "bridge")
    if data:
        args["data"] = data
    if one.peer:
        args["peer"] = _born(one.peer, queues)
    return Operation("link.add", args)


def _born(end: End, queues: int) -> dict[str, Any]:
    details = {
        "mac": end.mac,
        "mtu": end.mtu,
        "txqlen": end.txqlen,
        "master": end.master,
        "queues": queues or None,
    }
    return {"netns": end.netns, "name": end.name, "ifindex": None, **without_empty(details)}


def _plan_attributes(one: WantedLink, end: End, plan: _Plan) -> None:
    namespace = plan.state.existing(end.netns)
    link = namespace.existing(end.name)
    if end.master and namespace.link(end.master) is None:
        raise NotThereYet(
            f"master: {end.master!r} does not exist beside {place(end.netns, end.name)}",
            _assume_link(end.netns, end.master, plan.observed),
        )
    before, wanted = _differences(one, end, link, namespace)
    newborn = link.accept_ra is None and link.ifindex < 0 and plan.state.ipv6
    differs = link.accept_ra is not None and bool(link.accept_ra) != end.accept_ra
    if end.accept_ra is not None and (newborn or differs):
        wanted_ra = int(end.accept_ra)
        plan.add([accept_ra(end.netns, end.name, wanted=wanted_ra, before=link.accept_ra)])
    if not wanted:
        return
    target = {
        "netns": end.netns,
        "name": end.name,
        "ifindex": link.ifindex if link.ifindex > 0 else None,
    }
    args: dict[str, Any] = {**target, "set": wanted, "before": before}
    if any(name in wanted for name in CHANGEABLE_OF_KIND):
        args["kind"] = link.kind
    found = namespace.addresses.get(link.ifindex, [])
    if "up" in wanted:
        kept = kept_over_down(found, link.mac)
        keep = [address_args(one, end.netns, end.name) for one in kept]
        if keep:
            args["keep"] = keep
    if wanted.get("up") is False:
        for route in list(namespace.routes.get(link.ifindex, ())):
            if route.protocol not in OF_THE_KERNEL and route.type == RTN_UNICAST:
                plan.add([Operation("route.delete", route_args(route, end.netns, end.name))])
    _refuse_small_mtu(end, kept_over_down(found, link.mac))
    plan.add([Operation("link.set", args)])


def _differences(
    one: WantedLink, end: End, link: Link, namespace: NamespaceState
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes that change in place: their old and their new values."""
    before: dict[str, Any] = {}
    wanted: dict[str, Any] = {}

    def compare(name: str, new: Any, old: Any) -> None:
        if new is not None and new != old:
            wanted[name], before[name] = new, old

    for name in CHANGEABLE:
        compare(name, getattr(end, name), getattr(link, name))
    if end is one.end:
        for name in CHANGEABLE_OF_KIND:
            compare(name, one.data.get(name), link.data.get(name))
    missing = [name for name in end.altnames if name not in link.altnames]
    for name in missing:
        other = namespace.link(name) or namespace.link_called(name)
        if other is not None and other is not link:
            raise TaskError(f"altnames: {name!r} is a name of {other.name} already")
    if missing:
        wanted["altnames"] = [*link.altnames, *missing]
        before["altnames"] = list(link.altnames)
    if end.master is not None:
        compare("master", end.master, namespace.name_of(link.master))
    compare("up", end.up, link.up)
    return before, wanted


def _refuse_small_mtu(end: End, ipv6: Sequence[Address]) -> None:
    if end.mtu is not None and end.mtu < 1280 and ipv6:
        raise InvalidOption(
            "mtu",
            end.mtu,
            f"would take the IPv6 addresses from {place(end.netns, end.name)}: 1280 at least",
        )


def _refuse_without_ipv6(end: End, state: State) -> None:
    if not state.ipv6:
        for one in end.addresses:
            if one.address.family == AF_INET6:
                raise InvalidOption("addresses", one.address.local, "needs IPv6, which is off here")


def _plan_absent(one: WantedLink, plan: _Plan, own: tuple[int, int]) -> list[Operation]:
    working = plan.state
    link = _link_of(one.end, working)
    if link is not None and _deletable(link):
        plan.add(plan_deletion(link, one.end.netns, working))
    key = record_key(one.end, own)
    record = working.record("link", key)
    if record is not None:
        if link is not None and record["of"] == _identity_of(one.end, link, working):
            _plan_restoration(record, one.end, plan)
        plan.add([Operation("record.drop", {"kind": "link", "name": key, "before": record})])
    return plan.operations


def _deletable(link: Link) -> bool:
    """Virtual links can be deleted; lo and physical ones are only put back as they were."""
    return bool(link.kind) and not link.loopback


def _remember(one: WantedLink, plan: _Plan, own: tuple[int, int]) -> None:
    """A link that cannot be deleted: remember what was changed, to put it back."""
    link = _link_of(one.end, plan.state)
    if link is None or not plan.operations:
        return
    key = record_key(one.end, own)
    before = plan.state.record("link", key)
    identity = _identity_of(one.end, link, plan.state)
    earlier = before["done"] if before and before["of"] == identity else []
    done = [operation.as_dict() for operation in plan.operations]
    value = {"of": identity, "done": [*earlier, *done]}
    args = {
        "kind": "link",
        "name": key,
        "value": value,
        "before": before,
    }
    plan.add([Operation("record.put", args)])


def _identity_of(end: End, link: Link, state: State) -> list[int]:
    """Which link a record is about: device and inode of its namespace, and its index."""
    namespace = state.existing(end.netns)
    return [*(namespace.identity or ()), link.ifindex]


def _plan_restoration(record: dict[str, Any], end: End, plan: _Plan) -> None:
    """Undo what the record holds on a copy, then do what makes the difference."""
    done = [Operation.from_dict(data) for data in reversed(record["done"])]
    steps = [step for operation in done for step in inverse(operation)]
    restored = foretell(steps, plan.state)
    now, then = plan.state.existing(end.netns), restored.existing(end.netns)
    link, former = now.existing(end.name), then.existing(end.name)
    old_routes, new_routes = _routes_made(now, link), _routes_made(then, link)
    for route in old_routes:
        if route not in new_routes:
            plan.add([Operation("route.delete", route_args(route, end.netns, end.name))])
    old, new = now.addresses.get(link.ifindex, []), then.addresses.get(link.ifindex, [])
    kept = {address_key(one) for one in new}
    there = {address_key(one) for one in old}
    for address in [one for one in old if address_key(one) not in kept]:
        plan.add([Operation("address.delete", address_args(address, end.netns, end.name))])
    for address in [one for one in new if address_key(one) not in there]:
        plan.add([Operation("address.add", address_args(address, end.netns, end.name))])
    plan.add(_attributes_back(link, former, end, now, then))
    for route in new_routes:
        if route not in old_routes:
            plan.add([Operation("route.add", route_args(route, end.netns, end.name))])


def _routes_made(namespace: NamespaceState, link: Link) -> list[Route]:
    """The routes of a link that somebody made, not the kernel."""
    routes = namespace.routes.get(link.ifindex, ())
    return [route for route in routes if route.protocol not in OF_THE_KERNEL]


def _attributes_back(
    link: Link, former: Link, end: End, now: NamespaceState, then: NamespaceState
) -> Iterator[Operation]:
    if former.accept_ra is not None and former.accept_ra != link.accept_ra:
        yield accept_ra(end.netns, end.name, wanted=former.accept_ra, before=link.accept_ra)
    current = {name: getattr(link, name) for name in (*CHANGEABLE, "up")}
    back = {name: getattr(former, name) for name in (*CHANGEABLE, "up")}
    current.update(altnames=list(link.altnames), master=now.name_of(link.master))
    back.update(altnames=list(former.altnames), master=then.name_of(former.master))
    differing = [name for name in back if back[name] != current[name]]
    if differing:
        args = {
            "netns": end.netns,
            "name": end.name,
            "ifindex": link.ifindex,
            "set": {name: back[name] for name in differing},
            "before": {name: current[name] for name in differing},
        }
        yield Operation("link.set", args)


def _link_of(end: End | None, state: State) -> Link | None:
    namespace = state.at(end.netns) if end else None
    return namespace.link(end.name) if namespace and end else None
