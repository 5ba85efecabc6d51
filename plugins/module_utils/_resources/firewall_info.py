# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What netns_info tells of the rules of sandboxes: those that the firewall has for a namespace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._engine.kinds.firewall import read_table
from .._engine.nft_tables import FAMILIES, Elements
from .._engine.state import NamespaceState
from .._kernel.host import Host
from .._kernel.sysctl import read_sysctl
from .._programs.errors import ProgramError
from .._programs.slirp4netns import Forward
from .._store.records import Records
from .firewall_elements import BRIDGE_NETFILTER, Record, addresses_of, elements_for, ports_of
from .firewall_record import KIND, describe_rules
from .info_contents import Contents


@dataclass(frozen=True)
class Rules:
    """The rules of the sandboxes of this host, by sandbox, as they are remembered in this boot."""

    records: Mapping[str, Record] = field(default_factory=dict)
    in_force: frozenset[str] = frozenset()
    """The sandboxes for which the kernel has them as they should be."""

    @staticmethod
    def read(records: Records, host: Host, own: Contents, *, look: bool) -> Rules:
        """The rules for the namespace Ansible runs in. ``look``: ask the kernel which of them are in force."""
        found = {
            name.partition(":")[2]: record.value
            for name, record in records.all(KIND).items()
            if record.this_boot and record.value["identity"] == list(own.fingerprint)
        }
        return Rules(found, _in_force(found, host, own) if found and look else frozenset())

    def of(self, links: Collection[str], addresses: Collection[str]) -> list[str]:
        """The sandboxes whose rules are those of a namespace: their links of the host lead to it, or, where they
        have none, their addresses are there.
        """
        return [name for name, record in sorted(self.records.items()) if _is_about(record, links, addresses)]

    def describe(self, sandbox: str) -> dict[str, Any]:
        """The rules of a sandbox."""
        return {**describe_rules(sandbox, self.records[sandbox]), "in_force": sandbox in self.in_force}

    def ports(self, sandbox: str) -> list[Forward]:
        """The ports that are published for a sandbox."""
        return ports_of(self.records[sandbox])


def _is_about(record: Record, links: Collection[str], addresses: Collection[str]) -> bool:
    if record["links"]:
        return any(one["interface"] in links for one in record["links"])
    return any(one in addresses for one in addresses_of(record))


def _in_force(records: Mapping[str, Record], host: Host, own: Contents) -> frozenset[str]:
    here = NamespaceState(identity=own.identity, cookie=own.fingerprint[2])
    for link in own.links:
        here.put(link)
    here.sysctls.update({key: read_sysctl(host.at(None), key) for key in BRIDGE_NETFILTER})
    harmed: set[str] = set()
    for family in FAMILIES:
        wanted = _by_sandbox(elements_for(records, here)[family])
        found = _found(family)
        harmed.update(name for name in records if name in wanted and (found is None or found.get(name) != wanted[name]))
    return frozenset(records) - harmed


def _found(family: str) -> Mapping[str, Collection[tuple[str, str]]] | None:
    """What our table has, by sandbox; None where its rules are not ours."""
    try:
        table = read_table(family)
    except ProgramError:
        return None
    return _by_sandbox(table.elements) if table is not None and table.intact else None


def _by_sandbox(elements: Elements) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for name, texts in elements.items():
        for text, owner in texts.items():
            found.setdefault(owner, set()).add((name, text))
    return found
