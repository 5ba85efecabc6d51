# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The namespaces that one task touches, each opened once and closed together."""

from __future__ import annotations

import errno
import os
import resource
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from .errors import KernelError, NotANamespace
from .links import read_links
from .namespaces import Fingerprint, Identity, Namespace, identify, named_inodes, open_namespace
from .netlink import NetlinkSocket, attributes

RTM_NEWNSID = 88
RTM_GETNSID = 90
NETNSA_NSID = 1
NETNSA_FD = 3
ENDING_SECONDS = 1.0


class Host:
    """Handles on namespaces by path; ``None`` is the namespace Ansible runs in.

    A namespace that was unnamed stays open until ``close``, so that it can be
    named again when the task has to be undone.
    """

    def __init__(self) -> None:
        self._open: dict[str | None, Namespace] = {}
        self._with_socket: dict[str | None, None] = {}
        self._retired: list[Namespace] = []
        self._most_sockets = allow_many_descriptors() // 4

    def at(self, path: str | None) -> Namespace:
        """The namespace at a path. Raises NoSuchNamespace, NotANamespace."""
        handle = self._open.get(path)
        if handle is None:
            handle = self._open[path] = open_namespace(path)
        self._limit_sockets(path)
        return handle

    def __contains__(self, path: str) -> bool:
        return path in self._open

    def fingerprints(self) -> dict[str, Fingerprint]:
        """What each opened path names; the empty path is the caller's own namespace."""
        return {path or "": handle.fingerprint for path, handle in self._open.items()}

    def replaced(self) -> list[str]:
        """The paths that no longer name the namespace which was opened there."""
        return [
            path for path, handle in self._open.items() if path is not None and _identity_at(path) != handle.identity
        ]

    def adopt(self, path: str, descriptor: int) -> Namespace:
        """Take over a descriptor of the namespace that was just named ``path``."""
        self.retire(path)
        handle = self._open[path] = Namespace(path, os.dup(descriptor))
        return handle

    def retire(self, path: str) -> None:
        """Forget the name of a namespace but keep the namespace open."""
        handle = self._open.pop(path, None)
        if handle is not None:
            handle.close_socket()
            self._retired.append(handle)

    def retired(self, identity: Identity) -> Namespace | None:
        """A namespace that lost its name during this task, if it is still held."""
        return next((held for held in self._retired if held.identity == identity), None)

    def nsid(self, path: str | None, seen_from: str | None = None) -> int | None:
        """The id by which one namespace knows another, or None when it has none."""
        return self._nsid(self.at(path), seen_from)

    def assign_nsid(self, path: str) -> int:
        """Give a namespace an id of the kernel's choice in our own, and tell it. Raises KernelError."""
        request = struct.pack("=BxxxHHIHHi", 0, 8, NETNSA_FD, self.at(path).descriptor, 8, NETNSA_NSID, -1)
        try:
            self.at(None).netlink.change((RTM_NEWNSID, 0, request))
        except KernelError as error:
            if error.errno != errno.EEXIST:  # somebody was quicker
                raise
        found = self.nsid(path)
        if found is None:
            raise KernelError(errno.ENOENT, f"giving {path} an id")
        return found

    def release(self, path: str) -> None:
        """Forget a namespace, which may end then."""
        handle = self._open.pop(path, None)
        if handle is not None:
            handle.close()
        self._with_socket.pop(path, None)

    def is_nsid_taken(self, nsid: int) -> bool:
        """Whether an id is that of a namespace that stays.

        One that this task unnamed ends with the task. Another may be about to end: a
        process that was killed holds it for a moment.
        """
        query = struct.pack("=BxxxHHi", 0, 8, NETNSA_NSID, nsid)
        deadline = time.monotonic() + ENDING_SECONDS
        while not any(self._nsid(held) == nsid for held in self._retired):
            try:
                self.at(None).netlink.get(RTM_GETNSID, query)
            except KernelError as error:
                if error.errno == errno.ENOENT:
                    return False
                raise
            if time.monotonic() > deadline:
                return True
            time.sleep(0.02)
        return False

    def _nsid(self, namespace: Namespace, seen_from: str | None = None) -> int | None:
        query = struct.pack("=BxxxHHI", 0, 8, NETNSA_FD, namespace.descriptor)
        answer = attributes(self.at(seen_from).netlink.get(RTM_GETNSID, query), 4)
        number: int = struct.unpack("=i", answer[NETNSA_NSID])[0]
        return None if number < 0 else number

    def close(self) -> None:
        """Close every handle."""
        for handle in self._handles():
            handle.close()
        self._open.clear()
        self._retired.clear()

    def _handles(self) -> Iterator[Namespace]:
        yield from self._open.values()
        yield from self._retired

    def _limit_sockets(self, path: str | None) -> None:
        """Keep the most recently used sockets open, not one for every namespace."""
        self._with_socket.pop(path, None)
        self._with_socket[path] = None
        if len(self._with_socket) > self._most_sockets:
            oldest = next(iter(self._with_socket))
            del self._with_socket[oldest]
            if oldest in self._open:
                self._open[oldest].close_socket()


class Ending(NamedTuple):
    """A namespace that lost its name: the id by which it is known here, and its inode."""

    nsid: int
    inode: int


def wait_until_gone(ending: set[Ending], patience: float = 1.0) -> None:
    """Wait for the veth peers of namespaces that lost their last user.

    The kernel ends namespaces in the background, some 20 ms later; who makes a link
    of the same name at once would find it taken. One that has another name lives on. So
    does one that somebody holds open, which shows when nothing more goes for a while.
    """
    named = named_inodes()
    nsids = {one.nsid for one in ending if one.inode not in named}
    left: set[int] = set()
    deadline = time.monotonic()
    with closing(NetlinkSocket()) as netlink:
        while True:
            found = {link.ifindex for link in read_links(netlink) if link.parent_nsid in nsids}
            if found != left:
                left, deadline = found, time.monotonic() + patience
            if not left or time.monotonic() > deadline:
                return
            time.sleep(0.002)


def _identity_at(path: str) -> Identity | None:
    try:
        return identify(path)
    except NotANamespace:
        return None


def allow_many_descriptors() -> int:
    """Raise the soft limit of open files to the hard one, and tell it: a namespace costs two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20
