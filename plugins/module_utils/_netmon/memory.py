# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a runtime has been told, kept across our own end.

A file of lines, one before a command and one when it has succeeded: whoever starts after a kill tells
the difference only. What a command was about to say when it was cut off the runtime may know or not, so
it is told again. A torn last line is one that was not written. The first line says which namespace it
is about: another one of the same name is begun with anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from .documents import Document
from .handover import write_whole

TOO_LONG = 1 << 20


class Memory:
    """The interfaces by index, and the routes, as the runtime knows them."""

    def __init__(self, path: str, identity: Sequence[str]) -> None:
        self._path = path
        self._identity = list(identity)
        self._size = 0
        self._incomplete = False
        self.interfaces: dict[int, Document] = {}
        self.routes: list[Document] = []
        self.unsure: dict[int, Document | None] = {}
        """What was being told when a command was cut off, by index; 0 is for the routes."""
        self.is_new = not self._load()

    def begin(self, interfaces: dict[int, Document], routes: list[Document]) -> None:
        """Take for told what was there before us: the runtime has attached it itself."""
        self.interfaces, self.routes, self.is_new = dict(interfaces), routes, False
        self._rewrite()

    def telling(self, ifindex: int, document: Document | None) -> None:
        """A command is about to say something of an interface, or at 0 of the routes."""
        self.unsure[ifindex] = document
        self._append({"ifindex": ifindex, "telling": document})

    def told_nothing(self, ifindex: int) -> None:
        """It has refused: all is as before."""
        if ifindex not in self.unsure:
            return
        if ifindex:
            self._tell({"ifindex": ifindex, "interface": self.interfaces.get(ifindex)})
        else:
            self._tell({"routes": self.routes})

    def told_interface(self, ifindex: int, document: Document) -> None:
        """An interface was added or updated."""
        self._tell({"ifindex": ifindex, "interface": document})

    def told_gone(self, ifindex: int) -> None:
        """An interface was deleted."""
        self._tell({"ifindex": ifindex, "interface": None})

    def told_routes(self, routes: list[Document]) -> None:
        """All routes were sent."""
        self._tell({"routes": routes})

    def _tell(self, entry: dict[str, Any]) -> None:
        self._enter(entry)
        self._append(entry)

    def _load(self) -> bool:
        try:
            with open(self._path, "rb") as source:
                lines = source.read().split(b"\n")
        except FileNotFoundError:
            return False
        if not lines[:-1] or _entry(lines[0]).get("netns") != self._identity:
            return False
        for line in lines[1:-1]:  # what stands behind the last line break was not written to its end
            self._enter(_entry(line))
        self._rewrite()
        return True

    def _enter(self, entry: dict[str, Any]) -> None:
        if not entry:
            return
        ifindex = int(entry.get("ifindex", 0))
        if "telling" in entry:
            self.unsure[ifindex] = entry["telling"]
            return
        if "routes" in entry:
            self.routes = entry["routes"]
        elif entry.get("interface"):
            self.interfaces[ifindex] = entry["interface"]
        else:
            self.interfaces.pop(ifindex, None)
        self.unsure.pop(ifindex, None)

    def _append(self, entry: dict[str, Any]) -> None:
        if self._incomplete:
            self._rewrite()
            return
        self._incomplete = True
        size = write_whole(self._path, os.O_APPEND, json.dumps(entry).encode() + b"\n")
        self._incomplete = False
        if size > TOO_LONG and size > 4 * self._size:
            self._rewrite()

    def _rewrite(self) -> None:
        entries: list[dict[str, Any]] = [{"netns": self._identity}]
        entries += [{"ifindex": index, "interface": document} for index, document in self.interfaces.items()]
        entries += [{"routes": self.routes}]
        entries += [{"ifindex": index, "telling": document} for index, document in self.unsure.items()]
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        temporary = self._path + ".new"
        write_whole(temporary, os.O_CREAT | os.O_TRUNC, text.encode())
        os.rename(temporary, self._path)
        self._size, self._incomplete = len(text), False


def _entry(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
