# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A namespace in place of one that has ended, for programs that look into it to know what to take away."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from ipaddress import ip_interface

from . import requests
from .addressing import AF_INET, AF_INET6, Address
from .namespaces import Namespace, new_namespace
from .tuntap import create_tuntap

IFINDEX = 1 << 20


@contextlib.contextmanager
def stand_in(name: str, addresses: Sequence[str]) -> Iterator[str]:
    """The path of a namespace that has an interface of that name with these CIDRs. It ends with the block,
    or with this process. Raises KernelError, OSError, ValueError.
    """
    with contextlib.closing(Namespace("", new_namespace())) as namespace:
        create_tuntap(namespace, name, "tap", ifindex=IFINDEX)
        requests.load_library()
        for text in addresses:
            cidr = ip_interface(text)
            family = AF_INET6 if cidr.version == 6 else AF_INET
            address = Address(IFINDEX, family, str(cidr.ip), cidr.network.prefixlen)
            namespace.netlink.change(requests.add_address(address))
        yield f"/proc/{os.getpid()}/fd/{namespace.descriptor}"
