# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Keys of sysctl(8) as files below /proc/sys."""

from __future__ import annotations

import pytest

from ansible_collections.sandbox.network.plugins.module_utils._kernel.sysctl import (
    changed_along,
    same_value,
    sysctl_key,
    sysctl_path,
)


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


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("net.ipv4.ip_forward", "net.ipv4.ip_forward"),
        ("net/ipv4/ip_forward", "net.ipv4.ip_forward"),
        ("net.ipv4.conf.eth0/5.forwarding", "net/ipv4/conf/eth0.5/forwarding"),
        ("net/ipv4/conf/eth0.5/forwarding", "net/ipv4/conf/eth0.5/forwarding"),
    ],
)
def test_a_setting_has_one_name(given: str, key: str) -> None:
    assert sysctl_key(given) == key
    assert sysctl_path(key) == sysctl_path(given)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1", "1", True),
        ("01", "1", True),
        ("0x10", "16", True),
        ("010", "8", True),
        ("-01", "-1", True),
        ("09", "9", False),  # no number in C
        ("1_0", "10", False),
        ("1", "0", False),
        ("4096 087", "4096\t087", True),
        ("4096 1", "4096", False),
        ("cubic", "cubic", True),
        ("cubic", "reno", False),
        ("0", "", False),
    ],
)
def test_values_are_compared_as_the_kernel_reads_them(one: str, other: str, same: bool) -> None:
    assert same_value(one, other) is same


def test_forwarding_is_copied_to_the_links_of_its_family() -> None:
    ipv4 = ["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv4.conf.eth0.forwarding"]
    dotted = ["net/ipv4/conf/eth0.5/forwarding", "net.ipv4.conf.all.accept_redirects"]
    others = ["net.ipv4.conf.eth0.mc_forwarding", "net.ipv6.conf.eth0.forwarding", "net.ipv4.ip_default_ttl"]
    known = [*ipv4, *dotted, *others]
    assert changed_along("net.ipv4.ip_forward", "1", known) == {
        "net.ipv4.conf.all.forwarding": "1",
        "net.ipv4.conf.eth0.forwarding": "1",
        "net/ipv4/conf/eth0.5/forwarding": "1",
        "net.ipv4.conf.all.accept_redirects": "0",
    }
    assert changed_along("net.ipv4.conf.all.forwarding", "0", known)["net.ipv4.conf.all.accept_redirects"] == "1"
    assert changed_along("net.ipv6.conf.all.forwarding", "1", known) == {"net.ipv6.conf.eth0.forwarding": "1"}
    assert changed_along("net.ipv4.conf.eth0.forwarding", "1", known) == {}
