# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Recovery: what a killed task left half done is undone by the next one.

All of its journal is undone, also what was never reached: undoing what was not done is
harmless. What nobody can undo any more, because the host has changed since, is told and
does not stand in the way.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from typing import Any

from .._kernel.errors import NoSuchNamespace, NotANamespace
from .._kernel.host import Host
from .._kernel.links import find_link, find_link_by_index
from .._kernel.namespaces import Fingerprint, identify
from .._store.journals import Journal, Journals
from .errors import RecoveryFailed
from .kinds.contract import Context, place
from .kinds.registry import KINDS, inverse
from .operation import Operation
from .transaction import undo

OF_ANY_BOOT = ("file.", "record.", "cni.", "leases.")
# What the kernel says of something that no longer fits: trying again would not help.
OUTDATED = {errno.EEXIST, errno.EINVAL, errno.ENETUNREACH, errno.EHOSTUNREACH}


def recover(journal: Journal, context: Context, journals: Journals) -> tuple[list[Operation], list[str]]:
    """Undo a killed task; returns the operations undone, last first, and warnings.

    Raises RecoveryFailed when something could not be undone that a later try may undo;
    the journal stays then.
    """
    operations, warnings = to_undo(journal, context.host)
    troubles = undo(operations, context)
    # of an attachment that is half made, or half taken away, the files beside its result tell the next task
    failed = [one.text for one in troubles if one.errno not in OUTDATED and not one.kind.startswith("cni.")]
    if failed:
        raise RecoveryFailed(f"cannot undo the killed task of {journal.path}: {'; '.join(failed)}")
    journals.remove(journal.path)
    return operations, [*warnings, *(f"Not put back after a killed task: {trouble.text}" for trouble in troubles)]


def to_undo(journal: Journal, host: Host) -> tuple[list[Operation], list[str]]:
    """The operations of a killed task that have to be undone, last first, and warnings about
    those that nobody can undo any more. Raises RecoveryFailed.
    """
    own = journal.identities.get("")
    if journal.this_boot and own is not None and own != host.at(None).fingerprint:
        raise RecoveryFailed(
            f"the task of {journal.path} was killed in another network namespace"
            f" (inode {own[1]}); run this task there once, to undo it"
        )
    operations = list(reversed(_left_by(journal)))
    operations = [_without_the_dead(one, journal.identities, host) for one in operations]
    operations = [one for one in operations if not _is_foreign(one, journal.identities, host)]
    promised = {end["ifindex"] for one in operations if one.kind == "link.add" for end in _ends(one)}
    superseded = {id(one): taken for one in operations for taken in _taken(one, promised, host)}
    warnings = [
        f"Not put back after a killed task: {taken}; another link has the name" for taken in superseded.values()
    ]
    return [one for one in operations if id(one) not in superseded], warnings


def _left_by(journal: Journal) -> list[Operation]:
    """The operations of a journal whose effects may still be there.

    What a task of another boot did to the kernel ended with that boot.
    """
    operations = [Operation.from_dict(data) for data in journal.operations]
    unknown = [one.kind for one in operations if one.kind not in KINDS]
    if unknown:
        raise RecoveryFailed(
            f"the journal {journal.path} has the operation {unknown[0]!r}, which this version does not know:"
            " a newer version of the collection wrote it, use that one"
        )
    return [one for one in operations if journal.this_boot or one.kind.startswith(OF_ANY_BOOT)]


def _without_the_dead(operation: Operation, identities: Mapping[str, Fingerprint], host: Host) -> Operation:
    """A link that was moved into a namespace that has ended: a virtual one ended with it, and a
    physical one is back, under the name and with the index that it had there. From then on it is
    as if it had been moved to where it was found.
    """
    if operation.kind.startswith("pci.") and operation.args.get("netns") is not None:
        netns = operation.args["netns"]
        return operation if _found(netns, host) == identities.get(netns) else _without_place(operation)
    to = operation.args.get("to") if operation.kind == "link.move" else None
    if to is None or to["netns"] is None or _found(to["netns"], host) == identities.get(to["netns"]):
        return operation
    origin, index = operation.args["netns"], operation.args["ifindex"]
    for netns in dict.fromkeys((origin, None)):
        if netns is not None and _found(netns, host) is None:
            continue
        if find_link_by_index(host.at(netns).netlink, to["ifindex"]) is None:
            continue
        if netns == origin:  # an index stays as long as a link is in one namespace
            index = to["ifindex"]
        restore = [_with_index(step, operation.args["ifindex"], index) for step in operation.args.get("restore", ())]
        return operation.replace(ifindex=index, to={**to, "netns": netns}, restore=restore)
    return operation


def _without_place(operation: Operation) -> Operation:
    """A device whose namespace has ended still has to get its driver back."""
    of_link = ("netns", "name", "ifindex", "restore")
    return Operation(operation.kind, {name: value for name, value in operation.args.items() if name not in of_link})


def _with_index(step: Mapping[str, Any], former: int, index: int) -> dict[str, Any]:
    hops = [{**hop, "ifindex": index} if hop["ifindex"] == former else hop for hop in step.get("hops", ())]
    of_link = step["ifindex"] == former
    return {**step, **({"ifindex": index} if of_link else {}), **({"hops": hops} if hops else {})}


def _is_foreign(operation: Operation, identities: Mapping[str, Fingerprint], host: Host) -> bool:
    """Whether undoing an operation would reach into a namespace that no longer bears its name."""
    for step in inverse(operation):
        if step.kind == "process.start" and _has_ended(step.args["spec"].get("netns")):
            return True
        for path in _places(step):
            if path in identities and _found(path, host) != identities[path]:
                return True
        if step.kind == "netns.delete" and _found(step.args["path"], host) not in (None, identities[step.args["path"]]):
            return True
    return False


def _has_ended(netns: Mapping[str, Any] | None) -> bool:
    """Whether the namespace that a helper was for is no longer there, by its path and identity. It is
    not entered: it may be one of a user who is not root.
    """
    if netns is None:
        return False
    try:
        found = identify(netns["path"])
    except (NotANamespace, OSError):
        return True
    return found is None or list(found) != netns["identity"]


def _places(operation: Operation) -> Iterator[str]:
    """The paths of the namespaces that an operation works in."""
    making = operation.kind == "link.add"  # a deletion needs only one end
    for end in _ends(operation) if making or operation.kind == "link.move" else [operation.args]:
        if end.get("netns"):
            yield end["netns"]
    if making and operation.args.get("parent_netns"):
        yield operation.args["parent_netns"]


def _ends(operation: Operation) -> Iterator[Mapping[str, Any]]:
    """Both ends of a link that an operation makes or deletes, or of the way that it moves one."""
    yield operation.args
    for other in ("peer", "to"):
        if operation.args.get(other):
            yield operation.args[other]


def _found(path: str, host: Host) -> Fingerprint | None:
    """Which namespace bears a name now, None for none."""
    try:
        return host.at(path).fingerprint
    except (NoSuchNamespace, NotANamespace):
        return None


def _taken(operation: Operation, promised: set[int], host: Host) -> Iterator[str]:
    """The ends of a deleted link whose names other links have now, none that the task made itself."""
    for end in _ends(operation) if operation.kind == "link.delete" else ():
        try:
            link = find_link(host.at(end["netns"]).netlink, end["name"])
        except (NoSuchNamespace, NotANamespace):
            continue
        if link is not None and link.ifindex not in {end["ifindex"], *promised}:
            yield place(end["netns"], end["name"])
