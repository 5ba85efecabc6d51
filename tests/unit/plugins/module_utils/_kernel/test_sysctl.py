# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Keys of sysctl(8) as files below /proc/sys."""

from __future__ import annotations

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._kernel.sysctl import sysctl_path


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/5.forwarding", "/proc/sys/net/ipv4/conf/eth0.5/forwarding"),
        ("net/ipv4/conf/eth0.5/forwarding", "/proc/sys/net/ipv4/conf/eth0.5/forwarding"),
        ("net", "/proc/sys/net"),
    ],
)
def test_dots_separate_unless_a_slash_comes_first(key: str, path: str) -> None:
    assert sysctl_path(key) == path
