# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What tasks lock, and what a journal is found by, as texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .operation import Operation


def link_subject(name: str, inode: int) -> str:
    """A link of the namespace with that inode, where Ansible runs."""
    return f"link {name} in the namespace with inode {inode}"


def namespace_subject(path: str) -> str:
    """A namespace by its path, with all that is in it."""
    return f"namespace {path}"


def touched(operations: Sequence[Operation], own_inode: int) -> frozenset[str]:
    """The links and namespaces that operations change, also those that no option named,
    such as the peers of deleted links."""
    return frozenset(subject for operation in operations for subject in _of(operation, own_inode))


def _of(operation: Operation, own_inode: int) -> Iterator[str]:
    others = [operation.args.get(other) for other in ("peer", "to")] if operation.kind.startswith("link.") else []
    for end in filter(None, (operation.args, *others)):
        name = end.get("link") or end.get("name")
        if "netns" not in end:
            continue
        if end["netns"] is not None:
            yield namespace_subject(end["netns"])
        elif name:
            yield link_subject(name, own_inode)
