# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""From the attachments that are there to those that are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._engine.errors import InvalidOption, NotThereYet
from .._engine.operation import Operation
from .._engine.state import NamespaceState, State
from .._programs.cni_config import NetworkConfig
from .._programs.cni_result import addresses_of, mac_of
from .._store.attachments import ATTACHED, Attachment
from .cni_observing import published
from .cni_options import WantedCni, run_time_of
from .forwards import overlap


def plan_attachments(wanted: Sequence[WantedCni], state: State) -> Iterator[Operation]:
    """First what goes, the last one first, then what comes, in the order given."""
    for one in wanted:
        if one.present:
            _refuse_impossible(one, wanted, state)
    changes = [_change(one, state) for one in wanted]
    for one, _comes, goes in reversed(changes):
        if goes:
            yield delete(one, goes, state.unwell.get(one.key, ""))
    for one, comes, goes in changes:
        if comes:
            yield _add(one, goes, state)


def delete(one: WantedCni, attachment: Attachment, problem: str = "") -> Operation:
    """Detach; undone, it is attached again as it was."""
    args = _args(one, attachment.config, attachment.args, attachment.capabilities, attachment.netns)
    args.update(
        network=attachment.key.network,
        container_id=attachment.key.container,
        interface=attachment.key.interface,
        identity=list(attachment.fingerprint or (0, 0, 0)),
        keep=_kept(attachment),
    )
    return Operation("cni.delete", {**args, **({"problem": problem} if problem else {})})


def _change(one: WantedCni, state: State) -> tuple[WantedCni, bool, Attachment | None]:
    """Whether an attachment is to be made, and the one that has to go."""
    found = state.attachments.get(one.key)
    if not one.present:
        return one, False, found
    if found is None:
        return one, True, None
    config = state.configs[one.conf_dir, one.network]
    args, capabilities = run_time_of(one, config)
    wanted = (config.as_dict(), dict(args), capabilities, one.netns, ATTACHED)
    as_is = (found.config, dict(found.args), found.capabilities, found.netns or one.netns, found.phase)
    fits = _normal(wanted) == _normal(as_is) and one.key not in state.unwell
    return one, not fits, None if fits else found


def _normal(described: tuple[Any, ...]) -> tuple[Any, ...]:
    """A configuration of one plugin in a file of its own is a list of one."""
    config, *rest = described
    return (NetworkConfig.from_dict(config).as_dict(), *rest)


def _add(one: WantedCni, former: Attachment | None, state: State) -> Operation:
    config = state.configs[one.conf_dir, one.network]
    args, capabilities = run_time_of(one, config)
    same_pools = former and NetworkConfig.from_dict(former.config).address_management == config.address_management
    keep = _kept(former) if former and same_pools else {}
    if one.ips:
        keep.pop("ips", None)
    if one.mac:
        keep.pop("mac", None)
    described = _args(one, config.as_dict(), args, capabilities, one.netns)
    namespace = state.existing(one.netns)
    return Operation("cni.add", {**described, "identity": list(namespace.fingerprint), "keep": keep})


def _args(
    one: WantedCni,
    config: Mapping[str, Any],
    args: Sequence[tuple[str, str]],
    capabilities: Mapping[str, Any],
    netns: str,
) -> dict[str, Any]:
    return {
        "network": one.network,
        "container_id": one.container,
        "interface": one.interface,
        "sandbox": netns,
        "cache_dir": one.cache_dir,
        **one.called_with,
        "config": dict(config),
        "args": [list(pair) for pair in args],
        "capabilities": dict(capabilities),
    }


def _kept(attachment: Attachment) -> dict[str, Any]:
    """The addresses that an attachment has, for when it is made again."""
    name = attachment.key.interface
    result = attachment.result or {}
    ips, mac = addresses_of(result, name), mac_of(result, name)
    return {**({"ips": ips} if ips else {}), **({"mac": mac} if mac else {})}


def _refuse_impossible(one: WantedCni, wanted: Sequence[WantedCni], state: State) -> None:
    """Raises NotThereYet, InvalidOption."""
    namespace = state.at(one.netns)
    if namespace is None:

        def assume() -> None:
            state.namespaces[one.netns] = NamespaceState()

        raise NotThereYet(f"netns: there is no network namespace {one.netns}", assume)
    found = state.attachments.get(one.key)
    if namespace.link(one.interface) is not None and (found is None or found.netns not in ("", one.netns)):
        holder = _holder(one, state)
        if holder is None or not any(other.key == holder.key and not other.present for other in wanted):
            whose = f"is attached to {holder.key.network}" if holder else "is somebody else's"
            raise InvalidOption("interface", one.interface, f"exists in {one.netns} already, and {whose}")
    _refuse_taken_ports(one, wanted, state)


def _holder(one: WantedCni, state: State) -> Attachment | None:
    """The attachment that the interface is of, as far as it was looked at."""
    for other in state.attachments.values():
        if other and other.key.interface == one.interface and other.netns == one.netns:
            return other
    return None


def _refuse_taken_ports(one: WantedCni, wanted: Sequence[WantedCni], state: State) -> None:
    """The plugin portmap asks nobody: the last one would have the port."""
    ours = published(one, state)
    leaving = {other.key for other in wanted}  # what these are to have is compared with each other
    for key, other in state.attachments.items():
        if other is None or key in leaving:
            continue
        for theirs in other.capabilities.get("portMappings") or ():
            for mine in ours:
                if _meet(mine, theirs):
                    port = f"{mine['hostIP']}:{mine['hostPort']}/{mine['protocol']}"
                    raise InvalidOption("ports", port, f"is led to the container {key.container} of {key.network}")


def _meet(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    protocol, address = str(theirs.get("protocol") or "tcp").lower(), str(theirs.get("hostIP") or "")
    if (mine["hostPort"], mine["protocol"]) != (theirs.get("hostPort"), protocol):
        return False
    return not address or overlap(mine["hostIP"], address)
