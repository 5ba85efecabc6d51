# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on units of systemd that have a file of their own, and so survive a reboot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..._programs import systemd
from ..operation import Operation
from ..state import State
from .contract import Args, Context, section
from .files import FileRemove, FileWrite


class UnitWrite(FileWrite):
    """Write the file of a unit, as file.write does, and have systemd read it."""

    def apply(self, args: Args, context: Context) -> None:
        super().apply(args, context)
        systemd.reload()

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [_of_unit(one) for one in super().inverse(args)]


class UnitRemove(FileRemove):
    """Remove the file of a unit, as file.remove does, and have systemd forget it."""

    def apply(self, args: Args, context: Context) -> None:
        super().apply(args, context)
        systemd.reload()

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [_of_unit(one) for one in super().inverse(args)]


class UnitStart:
    """Start a unit, and wait until it is ready."""

    def apply(self, args: Args, context: Context) -> None:
        systemd.start_unit(args["unit"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("unit.stop", {**args, "active": True})]

    def foretell(self, args: Args, state: State) -> None:
        state.units[args["unit"]] = replace(_unit(args, state), active=True, process=None)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "units").setdefault(args["unit"], "stopped")
        section(after, "units")[args["unit"]] = "started"


class UnitStop:
    """Stop a unit; ``active`` tells whether it ran."""

    def apply(self, args: Args, context: Context) -> None:
        systemd.stop(args["unit"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("unit.start", {"unit": args["unit"]})] if args["active"] else []

    def foretell(self, args: Args, state: State) -> None:
        state.units[args["unit"]] = replace(_unit(args, state), active=False, process=None)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "units")[args["unit"]] = "started" if args["active"] else "failed"
        section(after, "units")[args["unit"]] = "stopped"


class UnitEnable:
    """Have a unit started at boot."""

    def apply(self, args: Args, context: Context) -> None:
        systemd.enable(args["unit"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("unit.disable", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.units[args["unit"]] = replace(_unit(args, state), enabled=True)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "enabled")[args["unit"]] = False
        section(after, "enabled")[args["unit"]] = True


class UnitDisable:
    """Have a unit started at boot no more."""

    def apply(self, args: Args, context: Context) -> None:
        systemd.disable(args["unit"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("unit.enable", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.units[args["unit"]] = replace(_unit(args, state), enabled=False)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "enabled")[args["unit"]] = True
        section(after, "enabled")[args["unit"]] = False


def _unit(args: Args, state: State) -> systemd.Unit:
    return state.units.get(args["unit"]) or systemd.Unit()


def _of_unit(operation: Operation) -> Operation:
    return Operation("unit." + operation.kind.partition(".")[2], operation.args)
