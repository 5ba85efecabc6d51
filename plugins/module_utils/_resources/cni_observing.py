# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Observing CNI attachments: what is on disk, what is in the namespaces, and what plugins say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_interface
from typing import Any

from .._engine.errors import InvalidOption
from .._engine.kinds.cni import chain_of, is_still
from .._engine.resource import Reader
from .._engine.state import NamespaceState, State
from .._kernel.addressing import read_addresses
from .._kernel.errors import NotANamespace
from .._kernel.host import Host
from .._kernel.links import read_links
from .._kernel.namespaces import identify
from .._programs.cni_chain import versions_of
from .._programs.cni_config import NetworkConfig, find_config
from .._programs.cni_plugin import find_plugin
from .._programs.cni_result import addresses_of
from .._programs.errors import ProgramError
from .._store.attachments import ATTACHED, Attachment, Attachments
from .cni_options import WantedCni, run_time_of
from .given_namespace import identify_sandbox


def observe_attachments(wanted: Sequence[WantedCni], state: State, reader: Reader) -> None:
    """Everything that a plan for these attachments needs to know. Raises TaskError."""
    for one in wanted:
        state.attachments[one.key] = _placed(Attachments(one.cache_dir).read(one.key), reader.host)
    for one in wanted:
        if not one.present:
            continue
        config = state.configs[one.conf_dir, one.network] = one.config or _find_config(one)
        programs = _find_plugins(one, config)
        namespace = _observe_namespace(one, state, reader)
        attachment = state.attachments[one.key]
        if attachment is None or attachment.config != config.as_dict():
            _refuse_unknown_version(one, config, programs)
        if attachment is not None and attachment.phase == ATTACHED and namespace is not None:
            problem = _problem(one, attachment, namespace, reader.host)
            if problem:
                state.unwell[one.key] = problem
    _observe_others(wanted, state)


def _placed(attachment: Attachment | None, host: Host) -> Attachment | None:
    """What somebody else attached is in the namespace that has the name now: without that an undo could not
    attach it again.
    """
    if attachment is None or attachment.ours or not is_still(attachment.netns, None, host):
        return attachment
    return replace(attachment, fingerprint=host.at(attachment.netns).fingerprint)


def _find_config(one: WantedCni) -> NetworkConfig:
    try:
        return find_config(one.conf_dir, one.network)
    except ProgramError as error:
        raise InvalidOption("network", one.network, f"cannot be used: {error}") from None


def _find_plugins(one: WantedCni, config: NetworkConfig) -> dict[str, str]:
    try:
        return {name: find_plugin(name, one.plugin_dirs) for name in config.programs}
    except ProgramError as error:
        raise _unusable(one, error) from None


def _refuse_unknown_version(one: WantedCni, config: NetworkConfig, programs: Mapping[str, str]) -> None:
    for name in dict.fromkeys(config.types):
        try:
            known = versions_of(programs[name], one.seconds)
        except ProgramError as error:
            raise _unusable(one, error) from None
        if config.version not in known:
            problem = f"the plugin {programs[name]} does not know cniVersion {config.version}, but {', '.join(known)}"
            raise _unusable(one, ProgramError(problem))


def _unusable(one: WantedCni, error: ProgramError) -> InvalidOption:
    return InvalidOption("config" if one.config else "network", one.network, f"cannot be used: {error}")


def _observe_namespace(one: WantedCni, state: State, reader: Reader) -> NamespaceState | None:
    if one.netns in state.namespaces:
        return state.at(one.netns)
    state.namespaces[one.netns] = None
    if identify_sandbox(one.netns) is None:
        return None
    handle = reader.host.at(one.netns)
    namespace = NamespaceState(identity=handle.identity, cookie=handle.fingerprint[2])
    for link in read_links(handle.netlink):
        namespace.put(link)
    for address in read_addresses(handle.netlink):
        namespace.addresses.setdefault(address.ifindex, []).append(address)
    state.namespaces[one.netns] = namespace
    return namespace


def _problem(one: WantedCni, attachment: Attachment, namespace: NamespaceState, host: Host) -> str:
    """What is wrong with an attachment; empty for nothing."""
    if not is_still(attachment.netns, attachment.fingerprint, host) or (attachment.ours and not attachment.this_boot):
        return f"the namespace {attachment.netns} that it was in has ended"
    if attachment.netns != one.netns:
        return ""  # it goes anyway
    problem = _missing(attachment, namespace)
    if problem or attachment.result is None:
        return problem or "there is no result of it"
    chain = chain_of(attachment, one.called_with, attachment.netns)
    found = chain.check(attachment.result)
    return "; ".join(text for name, text in found.items() if attachment.expected.get(name) != text)


def _missing(attachment: Attachment, namespace: NamespaceState) -> str:
    """What the result tells of, and the namespace has not."""
    name = attachment.key.interface
    link = namespace.link(name)
    if link is None:
        return f"there is no {name}"
    found = {(one.local, one.prefix) for one in namespace.addresses.get(link.ifindex, ())}
    lost = [text for text in addresses_of(attachment.result or {}, name) if _pair(text) not in found]
    return f"{name} has lost {', '.join(lost)}" if lost else ""


def _pair(text: str) -> tuple[str, int]:
    try:
        address = ip_interface(text)
    except ValueError:
        return text, -1
    return str(address.ip), address.network.prefixlen


def _observe_others(wanted: Sequence[WantedCni], state: State) -> None:
    """The other attachments, where ports are asked for, or where an interface is there already."""
    for cache_dir in dict.fromkeys(one.cache_dir for one in wanted if one.present and _matter(one, state)):
        for other in Attachments(cache_dir).all():
            if _is_somewhere(other):
                state.attachments.setdefault(other.key, other)


def _matter(one: WantedCni, state: State) -> bool:
    taken = state.attachments[one.key] is None and state.link(one.netns, one.interface) is not None
    return taken or bool(published(one, state))


def published(one: WantedCni, state: State) -> list[dict[str, Any]]:
    """The ports of the host that an attachment is to have. Raises InvalidOption."""
    _args, told = run_time_of(one, state.configs[one.conf_dir, one.network])
    found: list[dict[str, Any]] = told.get("portMappings") or []
    return found


def _is_somewhere(attachment: Attachment) -> bool:
    """Whether the namespace of an attachment may be there still."""
    if attachment.ours and not attachment.this_boot:
        return False
    try:
        return not attachment.netns or identify(attachment.netns) is not None
    except NotANamespace:
        return False
