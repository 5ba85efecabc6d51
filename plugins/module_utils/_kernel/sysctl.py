# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Kernel settings below ``/proc/sys/net``, of whichever namespace is asked for."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator

from .errors import KernelError
from .namespaces import Namespace

ROOT = "/proc/sys/"

FORWARDING = {
    "net.ipv4.ip_forward": "ipv4",
    "net.ipv4.conf.all.forwarding": "ipv4",  # the same under another name
    "net.ipv6.conf.all.forwarding": "ipv6",
}
"""Settings that the kernel copies to every link, and the family that they are of."""
ACCEPT_REDIRECTS = "net.ipv4.conf.all.accept_redirects"  # the opposite of forwarding

HOST_WIDE = frozenset(
    [f"net.core.{side}mem_{which}" for side in "rw" for which in ("default", "max")]
    + [f"net.core.dev_weight{side}" for side in ("", "_rx_bias", "_tx_bias")]
    + [f"net.core.{name}" for name in ("busy_poll", "busy_read", "default_qdisc", "max_skb_frags")]
    + [f"net.core.netdev_{name}" for name in ("budget", "budget_usecs", "max_backlog", "rss_key", "tstamp_prequeue")]
    + [f"net.core.{name}" for name in ("message_burst", "message_cost", "rps_sock_flow_entries", "warnings")]
    + ["net.ipv4.tcp_max_orphans", "net.ipv4.tcp_mem", "net.ipv4.udp_mem"]
)
"""Settings of which there is one for all namespaces, in the first one only."""


TABLES_OF_LINKS = ("ipv4/conf", "ipv6/conf")
OF_THE_LINK_ITSELF = {"mtu"}  # of IPv6: follows that of the link


def sysctl_path(key: str) -> str:
    """The file of a key, in the notation of sysctl(8).

    Dots separate, or slashes when the first separator is a slash (for interface
    names with a dot in them).
    """
    first = next((character for character in key if character in "./"), ".")
    if first == ".":
        key = key.translate(str.maketrans("./", "/."))
    return ROOT + key


def sysctl_key(key: str) -> str:
    """The one name that a key has here: with dots, unless a part of it has one."""
    parts = sysctl_path(key)[len(ROOT) :].split("/")
    return ("/" if any("." in part for part in parts) else ".").join(parts)


def same_value(one: str, other: str) -> bool:
    """Whether two texts are the same to the kernel, which reads numbers as C does."""
    return [_number_or_text(word) for word in one.split()] == [_number_or_text(word) for word in other.split()]


def changes_others(key: str) -> bool:
    """Whether the kernel changes other settings along with one."""
    return key in FORWARDING


def changed_along(key: str, value: str, others: Collection[str]) -> dict[str, str]:
    """What becomes of others when one is set: those that the kernel changes, and their values."""
    family = FORWARDING.get(key)
    if family is None:
        return {}
    follower = re.compile(rf"net([./]){family}\1conf\1[^/]+\1forwarding")
    changed = {other: value for other in others if FORWARDING.get(other) == family or follower.fullmatch(other)}
    if family == "ipv4" and ACCEPT_REDIRECTS in others:
        changed[ACCEPT_REDIRECTS] = "1" if same_value(value, "0") else "0"
    changed.pop(key, None)
    return changed


def read_changed_along(namespace: Namespace, key: str) -> dict[str, str | None]:
    """The settings that the kernel would change along with one, as they are now."""
    family = FORWARDING.get(key)
    if family is None:
        return {}
    directory = f"net/{family}/conf"
    with namespace.inside():
        links = sorted(os.listdir(ROOT + directory))
    keys = [sysctl_key(f"{directory}/{link}/forwarding") for link in links]
    keys += [other for other in (*FORWARDING, ACCEPT_REDIRECTS) if other.startswith(f"net.{family}.")]
    return {other: read_sysctl(namespace, other) for other in keys if other != key}


def is_writable(namespace: Namespace, key: str) -> bool:
    """Whether the kernel lets anybody change a key that exists."""
    with namespace.inside():
        try:
            return bool(os.stat(sysctl_path(key)).st_mode & 0o222)
        except OSError as error:
            raise KernelError(error.errno or 0, f"reading sysctl {key}") from None


def read_sysctl(namespace: Namespace, key: str) -> str | None:
    """The value of a key, white space folded; None when the kernel has no such key."""
    with namespace.inside():
        try:
            descriptor = os.open(sysctl_path(key), os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise KernelError(error.errno or 0, f"reading sysctl {key}") from None
        try:
            return " ".join(os.read(descriptor, 4096).decode().split())
        except OSError as error:
            raise KernelError(error.errno or 0, f"reading sysctl {key}") from None
        finally:
            os.close(descriptor)


def read_settings_of_link(namespace: Namespace, link: str) -> dict[str, str]:
    """The settings of a link (``default``: those that new links get), by family, table and name,
    such as ``ipv4/conf/rp_filter``. Those that nobody can write, or read, are left out.
    """
    found: dict[str, str] = {}
    with namespace.inside():
        for table in TABLES_OF_LINKS:
            found.update(_read_table(table, link))
    return found


def setting_of_link(link: str, name: str) -> str:
    """The key of a setting of a link, from its name as in read_settings_of_link."""
    table, _slash, setting = name.rpartition("/")
    return f"net/{table}/{link}/{setting}"


def _read_table(table: str, link: str) -> Iterator[tuple[str, str]]:
    try:
        directory = os.open(f"{ROOT}net/{table}/{link}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # without IPv6, or the link has gone
        return
    try:
        for name in sorted(set(os.listdir(directory)) - OF_THE_LINK_ITSELF):
            with contextlib.suppress(OSError):  # write-only, read-only, or not set yet
                descriptor = os.open(name, os.O_RDWR | os.O_CLOEXEC, dir_fd=directory)
                try:
                    yield f"{table}/{name}", " ".join(os.read(descriptor, 4096).decode().split())
                finally:
                    os.close(descriptor)
    finally:
        os.close(directory)


def write_sysctl(namespace: Namespace, key: str, value: str) -> None:
    """Set a key. Raises KernelError."""
    with namespace.inside():
        try:
            descriptor = os.open(sysctl_path(key), os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, value.encode("utf-8", "surrogateescape"))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise KernelError(error.errno or 0, f"setting sysctl {key} to {value}") from None


def _number_or_text(word: str) -> int | str:
    if re.fullmatch(r"-?0[xX][0-9a-fA-F]+", word):
        return int(word, 16)
    if re.fullmatch(r"-?0[0-7]*", word):
        return int(word, 8)
    return int(word) if re.fullmatch(r"-?[1-9][0-9]*", word) else word
