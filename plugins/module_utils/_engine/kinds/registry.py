# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The kinds of operation, by name: there is no other way to change the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..operation import Operation
from ..state import State
from .address import AddressAdd, AddressDelete
from .cni import CniAdd, CniDelete, LeasesFree, LeasesRestore
from .contract import Context, Kind
from .files import FileRemove, FileWrite, RecordDrop, RecordPut
from .firewall import ConntrackForget, FirewallChange
from .forward import ForwardAdd, ForwardRemove
from .helper import ProcessStart, ProcessStop
from .link import LinkAdd, LinkDelete, LinkSet
from .monitor import MonitorSettle
from .move import LinkMove
from .neighbour import NeighbourAdd, NeighbourDelete
from .netns import NetnsCreate, NetnsDelete, NetnsSet, SysctlSet
from .nodes import NodeCreate, NodeRemove
from .pci import PciBind, PciRelease
from .program import ProgramInstall, ProgramRemove
from .redirect import RedirectAdd, RedirectDelete
from .route import RouteAdd, RouteDelete
from .traffic import FilterAdd, FilterDelete, QdiscAdd, QdiscDelete
from .unit import UnitDisable, UnitEnable, UnitRemove, UnitStart, UnitStop, UnitWrite

KINDS: dict[str, Kind] = {
    "netns.create": NetnsCreate(),
    "netns.delete": NetnsDelete(),
    "netns.set": NetnsSet(),
    "sysctl.set": SysctlSet(),
    "link.add": LinkAdd(),
    "link.delete": LinkDelete(),
    "link.set": LinkSet(),
    "link.move": LinkMove(),
    "address.add": AddressAdd(),
    "address.delete": AddressDelete(),
    "route.add": RouteAdd(),
    "route.delete": RouteDelete(),
    "neighbour.add": NeighbourAdd(),
    "neighbour.delete": NeighbourDelete(),
    "qdisc.add": QdiscAdd(),
    "qdisc.delete": QdiscDelete(),
    "filter.add": FilterAdd(),
    "filter.delete": FilterDelete(),
    "redirect.add": RedirectAdd(),
    "redirect.delete": RedirectDelete(),
    "node.create": NodeCreate(),
    "node.remove": NodeRemove(),
    "pci.bind": PciBind(),
    "pci.release": PciRelease(),
    "process.start": ProcessStart(),
    "process.stop": ProcessStop(),
    "forward.add": ForwardAdd(),
    "forward.remove": ForwardRemove(),
    "program.install": ProgramInstall(),
    "program.remove": ProgramRemove(),
    "unit.write": UnitWrite(),
    "unit.remove": UnitRemove(),
    "unit.start": UnitStart(),
    "unit.stop": UnitStop(),
    "unit.enable": UnitEnable(),
    "unit.disable": UnitDisable(),
    "monitor.settle": MonitorSettle(),
    "cni.add": CniAdd(),
    "cni.delete": CniDelete(),
    "leases.free": LeasesFree(),
    "leases.restore": LeasesRestore(),
    "firewall.change": FirewallChange(),
    "conntrack.forget": ConntrackForget(),
    "file.write": FileWrite(),
    "file.remove": FileRemove(),
    "record.put": RecordPut(),
    "record.drop": RecordDrop(),
}

LASTING = {"netns.set", "conntrack.forget"}
"""What the kernel has no way to take back."""


def apply(operation: Operation, context: Context) -> None:
    """Carry an operation out. Raises KernelError, OSError, StoreError, NoSuchNamespace."""
    KINDS[operation.kind].apply(operation.args, context)


def inverse(operation: Operation) -> Sequence[Operation]:
    """The operations that undo one."""
    return KINDS[operation.kind].inverse(operation.args)


def foretell(operations: Sequence[Operation], state: State) -> State:
    """The state as it will be after the operations; the given one is left alone."""
    after = state.copy()
    for operation in operations:
        KINDS[operation.kind].foretell(operation.args, after)
    return after


def diff(operations: Sequence[Operation]) -> dict[str, Any]:
    """What the operations change, as Ansible shows it: before and after."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for operation in operations:
        KINDS[operation.kind].show(operation.args, before, after)
    return {"before": _sorted(before), "after": _sorted(after)}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value
