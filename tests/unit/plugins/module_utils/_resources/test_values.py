# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Option values: what is accepted is right, what is wrong is refused by name and value."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption
from ansible_collections.sandbox.network.plugins.module_utils._resources import values

# What people write for addresses, and what attackers write.
ODD = st.sampled_from(
    ["", " ", "/", "%eth0", ".", ":", "0", "00", "0x", "-", "+", "\n", "\0", "²", "٣", "1e3", "::ffff:", "/24", "/999"]
)
TEXTS = st.one_of(
    st.text(max_size=45),
    st.text("0123456789abcdefABCDEF.:/%x ", max_size=45),
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded),
    st.builds("".join, st.lists(st.one_of(ODD, st.ip_addresses().map(str)), max_size=4)),
)
NETWORKS = st.one_of(TEXTS, st.builds(lambda address, prefix: f"{address}/{prefix}", TEXTS, st.integers(-1, 130)))


def accepted(parse: Callable[[str, Any], Any], text: Any) -> Any:
    """The parsed value, or None when it is refused."""
    try:
        return parse("option", text)
    except InvalidOption:
        return None


def by_ipaddress(text: str) -> Any:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 6 and (address.ipv4_mapped or getattr(address, "scope_id", None)):
        return None
    return None if "%" in text else address


@settings(max_examples=800)
@given(TEXTS)
@example("010.0.0.1")
@example("10.1")
@example("10.0.0.1/24")
@example("::ffff:10.0.0.1")
@example("fe80::1%eth0")
@example("1::2::3")
@example("10.0.0.256")
@example("0x7f000001")
@example("2130706433")
def test_two_libraries_agree_on_addresses(text: str) -> None:
    ours, theirs = accepted(values.ip_address, text), by_ipaddress(text)
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert (ours.version, int(ours)) == (theirs.version, int(theirs))


@given(st.ip_addresses())
def test_an_address_is_written_as_the_kernel_reader_writes_it(address: Any) -> None:
    if address.version == 6 and address.ipv4_mapped:
        return
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    for text in (str(address), address.exploded, str(address).upper()):
        assert str(values.ip_address("option", text)) == socket.inet_ntop(family, address.packed)


@settings(max_examples=800)
@given(NETWORKS)
@example("10.0.0.1/8")
@example("10.0.0.0/08")
@example("10.0.0.0/255.0.0.0")
@example("::/0")
@example("0.0.0.0/0")
@example("fd00::1/64")
@example("10.0.0.0")
def test_two_libraries_agree_on_networks(text: str) -> None:
    ours = accepted(values.ip_network, text)
    head, slash, prefix = text.partition("/")
    try:
        theirs = (
            ipaddress.ip_network(text)
            if slash and prefix.isascii() and prefix.isdigit() and len(prefix) < 4 and by_ipaddress(head)
            else None
        )
    except ValueError:
        theirs = None
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert (ours.version, ours.first, ours.prefixlen) == (
            theirs.version,
            int(theirs.network_address),
            theirs.prefixlen,
        )


@settings(max_examples=600)
@given(NETWORKS)
@example("10.0.0.0/24")
@example("10.0.0.255/24")
@example("10.0.0.0/31")
@example("10.0.0.1/32")
@example("224.0.0.1/24")
@example("ff02::1/64")
@example("0.0.0.0/8")
@example("::/64")
@example("10.0.0.1/0")
@example("fd00::/64")
def test_two_libraries_agree_on_addresses_of_links(text: str) -> None:
    ours = accepted(values.ip_interface, text)
    head, slash, prefix = text.partition("/")
    theirs = None
    if slash and prefix.isascii() and prefix.isdigit() and len(prefix) < 4 and by_ipaddress(head):
        try:
            theirs = ipaddress.ip_interface(text)
        except ValueError:
            theirs = None
    if theirs is not None:
        one, length = theirs.ip, theirs.network.prefixlen
        edges = (theirs.network.network_address, theirs.network.broadcast_address)
        of_a_subnet = one.version == 4 and length < 31 and one in edges
        if one.is_multicast or int(one) == 0 or length == 0 or of_a_subnet:
            theirs = None
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert ipaddress.ip_interface(f"{ours[0]}/{ours[1]}") == theirs


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.lists(st.text()), st.dictionaries(st.text(), st.text())
    )
)
def test_values_of_other_types_are_refused(value: Any) -> None:
    for parse in (values.ip_address, values.ip_network, values.ip_interface):
        assert accepted(parse, value) is None


@pytest.mark.parametrize(
    ("given_mac", "expected"),
    [
        ("02:00:00:00:00:01", "02:00:00:00:00:01"),
        ("02-00-00-00-00-0A", "02:00:00:00:00:0a"),
        ("AA:BB:CC:DD:EE:FF", "aa:bb:cc:dd:ee:ff"),
        ("00:00:00:00:00:01", "00:00:00:00:00:01"),
        (None, None),
    ],
)
def test_macs(given_mac: str | None, expected: str | None) -> None:
    assert values.mac_address("mac", given_mac) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "", "02:00:00:00:00", "02:00:00:00:00:01:02", "0200.0000.0001", "020000000001", "02:00:00:00:00:0g",
        "2:0:0:0:0:1", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "02:00:00:00:00:01\n",
        " 02:00:00:00:00:01", "\u06602:00:00:00:00:01",
    ],
)  # fmt: skip
def test_wrong_macs(wrong: str) -> None:
    with pytest.raises(InvalidOption, match=r"^mac: "):
        values.mac_address("mac", wrong)


@given(st.text(max_size=20))
def test_a_mac_is_unicast_and_canonical(text: str) -> None:
    try:
        mac = values.mac_address("mac", text)
    except InvalidOption:
        return
    assert mac is not None
    octets = [int(part, 16) for part in mac.split(":")]
    assert len(octets) == 6 and not octets[0] & 1 and any(octets)


GOOD_NAMES = ["web1", "a", "a-b", "A_b.c", "0", ".hidden", "a..b", "_", "web1.sandbox-network"]
BAD_NAMES = ["", ".", "..", "a/b", "/", "a\0b", "../x"]
STRANGE_NAMES = [
    "-x",
    "--help",
    "a b",
    "a\nb",
    "ü",
    "$(id)",
    "%d",
    "eth%d",
    "a;b",
    "a'b",
    'a"b',
    "*",
    "a\\b",
    "\x7f",
    "a:b",
    "a@b",
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_names_of_namespaces(name: str) -> None:
    assert values.file_name("name", name, new=True) == name
    assert values.file_name("name", name, new=False) == name


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("new", [True, False])
def test_what_is_no_name_at_all(name: str, new: bool) -> None:
    with pytest.raises(InvalidOption, match=r"^name: "):
        values.file_name("name", name, new=new)


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_strange_names_are_not_given_but_survived(name: str) -> None:
    with pytest.raises(InvalidOption, match=r"^name: "):
        values.file_name("name", name, new=True)
    assert values.file_name("name", name, new=False) == name


@pytest.mark.parametrize(("unit", "most"), [("x", 255), ("ü", 127)])
def test_the_length_of_names_is_counted_in_bytes(unit: str, most: int) -> None:
    assert values.file_name("name", unit * most, new=False)
    with pytest.raises(InvalidOption, match="longer than 255 bytes"):
        values.file_name("name", unit * (most + 1), new=False)


@pytest.mark.parametrize("name", ["eth0", "a", "x" * 15, "a-b", "a.5", "_x", "0"])
def test_names_of_links(name: str) -> None:
    assert values.link_name("name", name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a:b", "a b", "a\tb", "a\nb", "a\0b", "x" * 16, "ü" * 8, "a\u2003b"]
)
@pytest.mark.parametrize("new", [True, False])
def test_what_no_link_can_be_called(name: str, new: bool) -> None:
    with pytest.raises(InvalidOption, match=r"^name: "):
        values.link_name("name", name, new=new)


@pytest.mark.parametrize("name", ["-x", "eth%d", "ü", "$(id)", "all", "default", "a;b", 'a"b', "a|b", "a@b"])
def test_strange_links_are_not_made_but_survived(name: str) -> None:
    with pytest.raises(InvalidOption, match=r"^name: "):
        values.link_name("name", name)
    assert values.link_name("name", name, new=False) == name


@settings(max_examples=600)
@given(st.one_of(st.text(max_size=20), st.text("ab-_.%/: \n\0ü", max_size=20)))
def test_names_that_are_accepted_are_safe(text: str) -> None:
    name = accepted(values.link_name, text)
    if name is not None:
        assert name == text and 1 <= len(name.encode()) <= 15 and name.isascii()
        assert name[0] != "-" and not set(name) & set("/: \t\n\0%") and name not in (".", "..", "all", "default")
    name = accepted(lambda option, value: values.file_name(option, value, new=True), text)
    if name is not None:
        assert name == text and name.isascii() and name[0] != "-" and "/" not in name and name not in (".", "..")


def test_altnames() -> None:
    assert values.altname("altnames", "x" * 127) == "x" * 127
    for wrong in ("", "x" * 128, "a b", "-x", ".", "..", "a/b", "ü", "a\n"):
        with pytest.raises(InvalidOption, match=r"^altnames: "):
            values.altname("altnames", wrong)


@pytest.mark.parametrize(
    ("given_netns", "path"),
    [
        (None, None),
        ("web1", "/run/netns/web1"),
        ("-x", "/run/netns/-x"),
        ("a b", "/run/netns/a b"),
        ("pid:1", "/proc/1/ns/net"),
        ("pid", "/run/netns/pid"),
        ("/proc/7/ns/net", "/proc/7/ns/net"),
        ("/proc/self/ns/net", "/proc/self/ns/net"),
        ("/no/such/directory/web1", "/no/such/directory/web1"),
        ("/no//such/./directory/web1", "/no/such/directory/web1"),
    ],
)
def test_namespaces(given_netns: str | None, path: str | None) -> None:
    assert values.namespace_path("netns", given_netns) == path


@pytest.mark.parametrize(
    "wrong",
    ["", "a/b", "..", ".", "pid:", "pid:0", "pid:-1", "pid:1x", "pid:²", "pid: 1", "/a/../b", "/", "a\0b", "/a\0b"],
)
def test_wrong_namespaces(wrong: str) -> None:
    with pytest.raises(InvalidOption, match=r"^netns: "):
        values.namespace_path("netns", wrong)


def test_one_place_has_one_name(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    real = os.path.realpath(tmp_path / "real")
    assert values.namespace_path("netns", f"{tmp_path}/link/web1") == f"{real}/web1"
    assert values.namespace_path("netns", f"{tmp_path}//real/./web1") == f"{real}/web1"
    assert values.directory("netns_dir", f"{tmp_path}//link/.") == real


@pytest.mark.parametrize("root", ["/", "//", "/.", "///"])
def test_the_root_is_no_directory_of_names(root: str) -> None:
    with pytest.raises(InvalidOption, match="netns_dir"):
        values.directory("netns_dir", root)


@pytest.mark.parametrize(("value", "fine"), [(None, True), (1, True), (10, True), (0, False), (11, False), (-1, False)])
def test_numbers(value: int | None, fine: bool) -> None:
    if fine:
        assert values.number("mtu", value, 1, 10) == value
    else:
        with pytest.raises(InvalidOption, match=r"mtu: -?\d+ is not between 1 and 10"):
            values.number("mtu", value, 1, 10)


def test_duplicates_are_named() -> None:
    values.no_duplicates("name", ["a", "aa", "b", ""])
    with pytest.raises(InvalidOption, match="name: 'b' is given twice"):
        values.no_duplicates("name", ["a", "b", "c", "b"])
