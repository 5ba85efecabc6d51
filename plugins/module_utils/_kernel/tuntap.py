# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Persistent tun and tap devices; made by ioctl, since netlink cannot."""

from __future__ import annotations

import fcntl
import os
import struct

from .errors import KernelError
from .namespaces import Namespace

NODE = "/dev/net/tun"
# include/uapi/linux/if_tun.h
TUNSETIFF = 0x400454CA
TUNSETPERSIST = 0x400454CB
TUNSETOWNER = 0x400454CC
TUNSETGROUP = 0x400454CE
TUNSETIFINDEX = 0x400454DA
MODES = {"tun": 0x0001, "tap": 0x0002}
IFF_NO_PI = 0x1000
IFF_MULTI_QUEUE = 0x0100
IFF_VNET_HDR = 0x4000
IFF_TUN_EXCL = 0x8000


def create_tuntap(
    namespace: Namespace,
    name: str,
    kind: str,
    *,
    ifindex: int,
    multi_queue: bool = False,
    vnet_hdr: bool = False,
    owner: int | None = None,
    group: int | None = None,
) -> None:
    """Make a persistent device of kind ``tun`` or ``tap``. Raises KernelError.

    Until it is made persistent the device ends with this process, so that a kill
    in between leaves nothing.
    """
    flags = MODES[kind] | IFF_NO_PI | IFF_TUN_EXCL
    flags |= IFF_MULTI_QUEUE if multi_queue else 0
    flags |= IFF_VNET_HDR if vnet_hdr else 0
    try:
        with namespace.inside():
            descriptor = os.open(NODE, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, TUNSETIFINDEX, struct.pack("=I", ifindex))
            request = struct.pack("=16sH22x", name.encode(), flags)
            fcntl.ioctl(descriptor, TUNSETIFF, request)
            if owner is not None:
                fcntl.ioctl(descriptor, TUNSETOWNER, _as_int(owner))
            if group is not None:
                fcntl.ioctl(descriptor, TUNSETGROUP, _as_int(group))
            fcntl.ioctl(descriptor, TUNSETPERSIST, 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise KernelError(error.errno or 0, f"making {kind} {name}") from None


def _as_int(number: int) -> int:
    """An unsigned id as the C int that ioctl takes."""
    return number - (1 << 32) if number >= 1 << 31 else number
