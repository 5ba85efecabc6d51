# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on programs of this collection that are installed on a host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._kernel.errors import KernelError
from ..._programs.installing import install, uninstall
from ..operation import Operation
from ..state import State
from .contract import Args, Context, section


class ProgramInstall:
    """Make a ``directory`` that holds ``files``, text by relative path, as a whole. ``above`` are the
    directories that are made for it, outermost first.
    """

    def apply(self, args: Args, context: Context) -> None:
        try:
            install(args["directory"], args["files"], args["above"])
        except OSError as error:
            raise KernelError(error.errno or 0, f"installing {args['directory']}", error.strerror or "") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("program.remove", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.installed[args["directory"]] = dict(args["files"])

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "programs")[args["directory"]] = None
        section(after, "programs")[args["directory"]] = sorted(args["files"])


class ProgramRemove:
    """Remove it, and those ``above`` that are empty then."""

    def apply(self, args: Args, context: Context) -> None:
        try:
            uninstall(args["directory"], args["above"])
        except OSError as error:
            raise KernelError(error.errno or 0, f"removing {args['directory']}", error.strerror or "") from None

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("program.install", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.installed[args["directory"]] = None

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "programs")[args["directory"]] = sorted(args["files"])
        section(after, "programs")[args["directory"]] = None
