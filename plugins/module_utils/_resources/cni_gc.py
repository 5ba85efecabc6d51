# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What is left of CNI attachments whose namespaces have ended, and of plugins that were killed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from .._engine.kinds.cni import is_still
from .._engine.operation import Operation
from .._engine.resource import Reader
from .._engine.state import State
from .._store.attachments import Attachment, Attachments
from .._store.errors import StoreError
from .._store.host_local import DEFAULT, networks_in, read_leases
from .cni_options import WantedCni
from .cni_planning import delete


def observe_left_over(one: WantedCni, state: State, reader: Reader) -> None:
    """The attachments whose namespaces have ended, and the leases that name no owner."""
    found = [att for att in Attachments(one.cache_dir).all() if one.network in ("", att.key.network)]
    for attachment in found:
        if _has_ended(attachment, reader):
            state.attachments[attachment.key] = attachment
    for data_dir in dict.fromkeys([DEFAULT, *(place for att in found for place in _data_dirs(att.config))]):
        for network in [one.network] if one.network else networks_in(data_dir):
            directory = os.path.join(data_dir, network)
            with contextlib.suppress(StoreError):  # a directory of others
                nameless = {address: text for address, text in read_leases(directory).items() if not text.strip()}
                if nameless:
                    state.host_local[directory] = nameless


def plan_collection(one: WantedCni, state: State) -> Iterator[Operation]:
    """DEL for each of them, and the leases freed."""
    for _key, attachment in sorted(state.attachments.items(), key=lambda item: str(item[0])):
        if attachment is not None:
            yield delete(one, attachment)
    for directory, leases in sorted(state.host_local.items()):
        if leases:
            yield Operation("leases.free", {"directory": directory, "leases": dict(leases)})


def collection_subjects(one: WantedCni) -> Iterator[str]:
    """Every network that something may be collected of: nothing else works on it meanwhile."""
    for attachment in Attachments(one.cache_dir).all():
        yield network_subject(attachment.key.network)
        yield container_subject(attachment.key.container)
    for network in [one.network] if one.network else networks_in(DEFAULT):
        yield network_subject(network)


def describe_collection(before: State, after: State) -> dict[str, Any]:
    """What was collected."""
    gone = [found for key, found in before.attachments.items() if found and after.attachments.get(key) is None]
    freed = [
        {"directory": directory, "addresses": sorted(set(leases) - set(after.host_local.get(directory, ())))}
        for directory, leases in sorted(before.host_local.items())
        if set(leases) - set(after.host_local.get(directory, ()))
    ]
    attachments = [
        {
            "network": one.key.network,
            "container_id": one.key.container,
            "interface": one.key.interface,
            "netns": one.netns or None,
        }
        for one in sorted(gone, key=lambda one: str(one.key))
    ]
    return {"collected": attachments, "freed_leases": freed}


def network_subject(network: str) -> str:
    """A network, which one task at a time works on: plugins do not take turns everywhere."""
    return f"cni network {network}"


def container_subject(container: str) -> str:
    """A container, with all its interfaces."""
    return f"cni container {container}"


def _has_ended(attachment: Attachment, reader: Reader) -> bool:
    """Of those that somebody else attached, a namespace may be where it cannot be seen from here."""
    if not attachment.ours:
        return False
    return not attachment.this_boot or not is_still(attachment.netns, attachment.fingerprint, reader.host)


def _data_dirs(config: Mapping[str, Any]) -> Iterator[str]:
    """Where host-local keeps the leases of a network."""
    for plugin in config.get("plugins") or [config]:
        ipam = plugin.get("ipam") or {}
        if ipam.get("type") == "host-local" and str(ipam.get("dataDir") or "").startswith("/"):
            yield str(ipam["dataDir"])
