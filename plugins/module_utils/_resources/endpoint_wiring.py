# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""An endpoint in the making, and what its parts are made and changed with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._engine.draft import Draft
from .._engine.kinds.traffic import class_args, control_args
from .._engine.operation import Operation
from .._engine.state import NamespaceState
from .._kernel.links import Link
from .._kernel.traffic import Qdisc
from .endpoint_options import WantedEndpoint
from .endpoint_record import Remembered


@dataclass
class Wiring:
    """An endpoint in the making: its wish, its link as it was, and where both meet."""

    one: WantedEndpoint
    draft: Draft
    record: Remembered

    @property
    def namespace(self) -> NamespaceState:
        return self.draft.state.existing(self.one.netns)

    def link(self, role: str) -> Link:
        """The ``interface``, the ``tap`` or the ``bridge`` as it is by now."""
        return self.namespace.existing(self.record[role])

    def operation(self, kind: str, link: Link, **args: Any) -> Operation:
        """An operation on a link of the namespace."""
        index = link.known_index
        which = "name" if kind.startswith("link.") else "link"
        return Operation(kind, {"netns": self.one.netns, which: link.name, "ifindex": index, **args})

    def qdisc(self, kind: str, link: Link, qdisc: Qdisc) -> Operation:
        """An operation on a qdisc of a link, with its classes."""
        args = {**control_args(qdisc.control, self.one.netns, link.name), "ifindex": link.known_index}
        if qdisc.classes:
            args["classes"] = [class_args(one) for one in qdisc.classes]
        return Operation(kind, args)

    def ensure(self, role: str, **wanted: Any) -> None:
        """Change what is different of a link; None as a MAC address: a random one, once."""
        link = self.link(role)
        now = {name: getattr(link, name) for name in wanted}
        if "master" in wanted:
            now["master"] = self.namespace.name_of(link.master)
        changes = {name: value for name, value in wanted.items() if value != now[name]}
        if changes:
            before = {name: now[name] for name in changes}
            self.draft.add([self.operation("link.set", link, set=changes, before=before)])
