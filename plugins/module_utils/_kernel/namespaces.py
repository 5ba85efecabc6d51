# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Network namespaces: recognise, open, enter, make, name and unname them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Collection, Iterator

from . import libc
from .errors import NoSuchNamespace, NotANamespace
from .netlink import NetlinkSocket

OWN, OF_FIRST = "/proc/self/ns/net", "/proc/1/ns/net"
LOCK_SECONDS = 10.0
NS_GET_NSTYPE = 0xB703  # include/uapi/linux/nsfs.h
LEADS_NOWHERE = (errno.ELOOP, errno.ENAMETOOLONG)  # what a symbolic link may be

Identity = tuple[int, int]
"""Device and inode of a namespace: what it is, whatever names it has, as long as it lives."""
Fingerprint = tuple[int, int, int]
"""Device, inode and cookie: the inode of a namespace that ended is soon another one's."""


class Namespace:
    """An open network namespace: its identity, and one netlink socket born inside it."""

    def __init__(self, path: str | None, descriptor: int) -> None:
        status = os.fstat(descriptor)
        self.path = path
        self.descriptor = descriptor
        self.identity: Identity = (status.st_dev, status.st_ino)
        self._netlink: NetlinkSocket | None = None
        self._cookie: int | None = None

    @property
    def fingerprint(self) -> Fingerprint:
        """What the namespace is, for whoever looks later."""
        if self._cookie is None:
            self._cookie = self.netlink.namespace_cookie()
        return (*self.identity, self._cookie)

    @property
    def netlink(self) -> NetlinkSocket:
        """A rtnetlink socket in the namespace, opened at the first use."""
        if self._netlink is None:
            with self.inside():
                self._netlink = NetlinkSocket()
        return self._netlink

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Run the block with the calling thread in the namespace.

        When the way back fails the process ends: nothing may run in the wrong place.
        """
        if self.path is None:
            yield
            return
        home = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            libc.setns(self.descriptor)
            try:
                yield
            finally:
                try:
                    libc.setns(home)
                except OSError:
                    os.abort()
        finally:
            os.close(home)

    def close_socket(self) -> None:
        """Close the netlink socket; the next use opens another."""
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def close(self) -> None:
        """Close everything; the namespace is no longer pinned by us."""
        self.close_socket()
        os.close(self.descriptor)


def fingerprint_of(descriptor: int) -> Fingerprint:
    """What a namespace without a name is, for whoever looks later. Raises OSError."""
    with contextlib.closing(Namespace("", os.dup(descriptor))) as namespace:
        return namespace.fingerprint


def own_identity() -> Identity:
    """The identity of the namespace of the calling process."""
    status = os.stat(OWN)
    return status.st_dev, status.st_ino


def is_first_process_here() -> bool:
    """Whether the first process of the host is in the namespace of the calling process, as far as we may know."""
    try:
        status = os.stat(OF_FIRST)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == own_identity()


def identify(path: str) -> Identity | None:
    """The identity of the namespace at a path, None when nothing is there.

    Raises NotANamespace for anything else, a left-over plain file among them.
    """
    descriptor = _open_checked(path)
    if descriptor is None:
        return None
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return status.st_dev, status.st_ino


def is_leftover(path: str) -> bool:
    """Whether a path holds the empty plain file that a killed creation leaves behind."""
    try:
        status = os.lstat(path)
        mounted = status.st_dev != os.stat(os.path.dirname(path)).st_dev
        empty = stat.S_ISREG(status.st_mode) and status.st_size == 0 and not mounted
        return empty and identify(path) is None
    except NotANamespace:
        return True
    except OSError:
        return False


def open_namespace(path: str | None) -> Namespace:
    """Open a namespace by path; None is the caller's own.

    Raises NoSuchNamespace, NotANamespace.
    """
    descriptor = _open_checked(path or OWN)
    if descriptor is None:
        raise NoSuchNamespace(f"there is no network namespace {path}")
    return Namespace(path, descriptor)


def _open_checked(path: str) -> int | None:
    """A descriptor of the namespace at a path, None when nothing is there.

    What was opened is what is checked. A FIFO or a device is not opened at all.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise NotANamespace(f"{path} is not a network namespace")
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ESRCH:  # /proc/PID of a process that just ended
            return None
        if error.errno in LEADS_NOWHERE:
            raise NotANamespace(f"{path} is not a network namespace: {error.strerror}") from None
        raise
    try:
        kind = fcntl.ioctl(descriptor, NS_GET_NSTYPE)
    except OSError:
        kind = 0
    if kind != libc.CLONE_NEWNET:
        os.close(descriptor)
        raise NotANamespace(f"{path} is not a network namespace")
    return descriptor


def new_namespace() -> int:
    """A descriptor of a new namespace that has no name yet: it dies with the descriptor."""
    home = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc.unshare(libc.CLONE_NEWNET)
        try:
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            try:
                libc.setns(home)
            except OSError:
                os.abort()
    finally:
        os.close(home)


def name_namespace(descriptor: int, path: str) -> None:
    """Bind a namespace to a path, as ``ip netns add`` does. Raises OSError."""
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    try:
        libc.mount(f"/proc/self/fd/{descriptor}", path, libc.MS_BIND)
    except OSError:
        os.unlink(path)
        raise


def unname_namespace(path: str) -> None:
    """Take the name of a namespace away; the last user of the namespace ends it.

    Only a mounted namespace or an empty left-over file is removed, nothing else.
    """
    while True:
        try:
            identity = identify(path)
        except NotANamespace:
            if not is_leftover(path):
                raise
            break
        if identity is None:
            return
        libc.unmount(path, libc.MNT_DETACH | libc.UMOUNT_NOFOLLOW)
    os.unlink(path)


def prepare_directory(directory: str) -> None:
    """Make the directory of names as iproute2 does: a shared mount, so that a name
    made in one mount namespace is seen in the others.

    The lock on the directory is the one iproute2 takes: concurrent first users do
    not stack mounts on each other.
    """
    if _is_shared_mount(directory):
        return
    os.makedirs(directory, mode=0o755, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock_with_patience(descriptor, directory)
        if _is_shared_mount(directory) or _holds_mounts(directory):
            return
        try:
            libc.mount("", directory, libc.MS_SHARED | libc.MS_REC, "none")
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: not a mount point yet
                raise
            libc.mount(directory, directory, libc.MS_BIND | libc.MS_REC, "none")
            libc.mount("", directory, libc.MS_SHARED | libc.MS_REC, "none")
    finally:
        os.close(descriptor)


def named_namespaces(directory: str) -> list[str]:
    """The paths of the namespaces in a directory of names; anything else is passed over."""
    found = []
    try:
        entries = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    for entry in entries:
        path = os.path.join(directory, entry)
        with contextlib.suppress(NotANamespace, OSError):
            if identify(path) is not None:
                found.append(path)
    return found


def named_inodes() -> set[int]:
    """The inodes of all namespaces that have a name in this mount namespace, wherever it is."""
    return {inode for inode, _path in _mounted_namespaces()}


def names_of(identities: Collection[Identity]) -> dict[Identity, list[str]]:
    """The paths at which namespaces are mounted in this mount namespace, wherever that is, by namespace."""
    inodes = {inode for _device, inode in identities}
    found: dict[Identity, list[str]] = {}
    for path in dict.fromkeys(path for inode, path in _mounted_namespaces() if inode in inodes):
        with contextlib.suppress(OSError):
            status = os.stat(path)  # something else may be mounted over it
            if (status.st_dev, status.st_ino) in identities:
                found.setdefault((status.st_dev, status.st_ino), []).append(path)
    return found


def processes_inside(identities: set[Identity]) -> dict[Identity, list[int]]:
    """The processes of each namespace, from one walk over ``/proc``."""
    found: dict[Identity, list[int]] = {identity: [] for identity in identities}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            status = os.stat(f"/proc/{entry}/ns/net")
        except OSError:  # ended meanwhile, or not ours to see
            continue
        pids = found.get((status.st_dev, status.st_ino))
        if pids is not None:
            pids.append(int(entry))
    return {identity: sorted(pids) for identity, pids in found.items()}


def _lock_with_patience(descriptor: int, directory: str) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OSError(errno.EAGAIN, "another process keeps it locked", directory) from None
        time.sleep(0.01)


def _holds_mounts(directory: str) -> bool:
    """Whether names are kept there unshared already; a mount over them would hide them."""
    below = os.path.realpath(directory) + "/"
    points = [fields[4] for fields in _mounts()]
    return below[:-1] not in points and any(point.startswith(below) for point in points)


def _is_shared_mount(directory: str) -> bool:
    wanted = os.path.realpath(directory)
    for fields in _mounts():
        if fields[4] == wanted:
            optional = fields[6 : fields.index("-")]
            return any(tag.startswith("shared:") for tag in optional)
    return False


def _mounted_namespaces() -> Iterator[tuple[int, str]]:
    """The inode and the path of each namespace that is mounted somewhere."""
    for fields in _mounts():
        root = re.fullmatch(r"net:\[([0-9]+)\]", fields[3])
        if root:
            yield int(root[1]), re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])


def _mounts() -> Iterator[list[str]]:
    """The fields of each mount of this mount namespace (proc(5), mountinfo)."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            yield line.split(" ")
