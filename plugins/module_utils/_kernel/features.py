# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What this kernel can do, found out without doing it."""

from __future__ import annotations

import os
import re

from .links import kernel_knows_kind
from .netlink import NetlinkSocket
from .tuntap import NODE

KERNEL_KINDS = {"tap": "tun", "tun": "tun"}


def can_make_kind(netlink: NetlinkSocket, kind: str) -> bool:
    """Whether links of a kind can be made: it is built in, loaded, or a module on disk."""
    if kind in KERNEL_KINDS and not os.path.exists(NODE):
        return False
    name = KERNEL_KINDS.get(kind, kind)
    return kernel_knows_kind(netlink, name) or _module_on_disk(name)


def can_choose_index_of_move() -> bool:
    """Whether a link that is moved gets the index that is asked for: since Linux 5.12."""
    numbers = re.match(r"([0-9]+)\.([0-9]+)", os.uname().release)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= (5, 12)


def may_bring_links(kind: str) -> bool:
    """Whether the kernel will load a module for a link of a kind, which may bring some along by itself."""
    return os.path.isdir("/sys/module") and not os.path.isdir(f"/sys/module/{kind}")


def _module_on_disk(kind: str) -> bool:
    """Whether depmod's table has the alias by which the kernel asks for the kind."""
    table = f"/lib/modules/{os.uname().release}/modules.alias"
    wanted = f"alias rtnl-link-{kind} "
    try:
        with open(table, encoding="ascii", errors="replace") as lines:
            return any(line.startswith(wanted) for line in lines)
    except OSError:
        return False
