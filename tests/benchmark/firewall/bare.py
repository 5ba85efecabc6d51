# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The floor: what nft itself takes to make the same tables, to read them, to change one port, and to delete them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from cost import Cost, run

from firewall.host import GUEST_PORT, HOST_ADDRESS, OTHER_GUEST_PORT, Published

FAMILIES = ("inet", "bridge")
TABLE = "sandbox_network"


class Tables:
    """The tables as they are, which can be made again."""

    def __init__(self, last: Published, directory: Path) -> None:
        self._output = directory / "output"
        self._files = {name: directory / f"{name}.nft" for name in ("create", "one", "absent")}
        texts = [subprocess.check_output(["nft", "list", "table", family, TABLE], text=True) for family in FAMILIES]
        self._files["create"].write_text("\n".join(texts))
        self._files["absent"].write_text("".join(f"delete table {family} {TABLE}\n" for family in FAMILIES))
        self._files["one"].write_text(_changing(last))

    def create(self) -> Cost:
        """Make them."""
        return self._run("create")

    def read(self) -> Cost:
        """List them as JSON, for nobody."""
        costs = [run(("nft", "-j", "list", "table", family, TABLE), self._output) for family in FAMILIES]
        return sum(costs, Cost())

    def one_changed(self) -> Cost:
        """One port leads elsewhere."""
        return self._run("one")

    def absent(self) -> Cost:
        """Delete them."""
        return self._run("absent")

    def _run(self, name: str) -> Cost:
        return run(("nft", "-f", str(self._files[name])), self._output)


def _changing(last: Published) -> str:
    place = f"{HOST_ADDRESS} . tcp . {last.port}"
    commands: Sequence[str] = [
        f"{verb} element inet {TABLE} published4 {{ {place} : {last.address} . {guest} }}\n"
        for verb, guest in (("delete", GUEST_PORT), ("add", OTHER_GUEST_PORT))
    ]
    return "".join(commands)
