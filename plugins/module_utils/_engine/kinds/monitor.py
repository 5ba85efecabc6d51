# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The one operation on the monitor itself: it takes its configuration in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._programs import systemd
from ..._programs.monitor import settle
from ..._programs.supervised import read_running
from ..operation import Operation
from ..state import State
from .contract import Args, Context


class MonitorSettle:
    """Wait until the monitor watches the ``sandboxes`` as they are to be watched (their configuration by
    their ids), and those ``without`` no more. It is the process of ``directory``, or that of ``unit``.
    """

    def apply(self, args: Args, context: Context) -> None:
        if args["unit"]:
            process = systemd.read_unit(args["unit"]).process
        else:
            running = read_running(args["directory"])
            process = running.helper if running else None
        settle(process, args["status"], args["sandboxes"], args["without"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        return []  # it sees for itself, a little later, when files are put back

    def foretell(self, args: Args, state: State) -> None:
        pass

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        pass
