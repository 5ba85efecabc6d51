# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The command lines of slirp4netns and pasta, and what is refused because they could not do it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption, TaskError
from ansible_collections.sandbox.network.plugins.module_utils._programs.finding import Program
from ansible_collections.sandbox.network.plugins.module_utils._programs.slirp4netns import Forward
from ansible_collections.sandbox.network.plugins.module_utils._resources.slirp_backends import (
    command_line,
    pasta_with,
    refuse_forwards,
    refuse_guest,
    refuse_impossible,
    socket_of,
)
from ansible_collections.sandbox.network.plugins.module_utils._resources.slirp_options import OPTIONS, parse_slirp

FILES = "/run/sandbox-network/helpers/slirp-x"
OFFERS = (
    *("configure", "exit-fd", "ready-fd", "mtu", "cidr", "api-socket", "netns-type", "enable-ipv6", "disable-dns"),
    *("disable-host-loopback", "enable-sandbox", "enable-seccomp", "outbound-addr", "outbound-addr6"),
)
SLIRP = Program("/usr/bin/slirp4netns", frozenset(OFFERS))
PASTA = Program("/usr/bin/pasta", frozenset(["no-map-gw", "dns-forward", "config-net"]))
NEW_PASTA = Program("/usr/bin/pasta", PASTA.options | {"map-host-loopback", "host-lo-to-ns-lo", "conf-path"})
TCP = Forward("tcp", "127.0.0.1", 8080, "", 80)
SIX = Forward("tcp", "::1", 8080, "", 80)
UDP = Forward("udp", "0.0.0.0", 53, "", 5353)


def wanted(**options: Any) -> Any:
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    return parse_slirp({**defaults, "netns": "sb", **options})


def argv(one: Any, forwards: tuple[Forward, ...] = (), *, root: bool = True) -> list[str]:
    program = SLIRP if one.backend == "slirp4netns" else PASTA
    return command_line(one, program, FILES, forwards, root=root, live=False)


def follows(words: list[str], option: str) -> list[str]:
    """What stands behind each of an option."""
    return [words[place + 1] for place, word in enumerate(words) if word == option]


# ---------------------------------------------------------------- slirp4netns


def test_slirp4netns_is_kept_in_by_default() -> None:
    words = argv(wanted())
    assert words == [
        "/usr/bin/slirp4netns",
        *("--configure", "--mtu=65520", "--cidr=10.0.2.0/24", "--ready-fd=3", "--exit-fd=4"),
        f"--api-socket={FILES}/api.sock",
        *("--disable-host-loopback", "--enable-sandbox", "--enable-seccomp", "--netns-type=path", "/run/netns/sb"),
        "tap0",
    ]


@pytest.mark.parametrize(
    ("options", "there", "away"),
    [
        ({"host_loopback": True}, [], ["--disable-host-loopback"]),
        ({"dns": False}, ["--disable-dns"], []),
        ({"ipv6": True}, ["--enable-ipv6"], []),
        ({"sandbox": "never"}, ["--enable-seccomp"], ["--enable-sandbox"]),
        ({"seccomp": "never"}, ["--enable-sandbox"], ["--enable-seccomp"]),
        ({"outbound_addr": "192.0.2.1"}, ["--outbound-addr=192.0.2.1"], []),
        ({"ipv6": True, "outbound_addr6": "2001:DB8::1"}, ["--outbound-addr6=2001:db8::1"], []),
        ({"cidr": "10.9.0.0/16", "mtu": 1400}, ["--cidr=10.9.0.0/16", "--mtu=1400"], []),
    ],
)
def test_options_of_slirp4netns(options: dict[str, Any], there: list[str], away: list[str]) -> None:
    words = argv(wanted(**options))
    assert all(word in words for word in there) and not any(word in words for word in away)


def test_an_ordinary_user_names_a_process() -> None:
    words = argv(wanted(netns="pid:4711"), root=False)
    assert words[-2:] == ["4711", "tap0"] and "--netns-type=path" not in words
    assert argv(wanted(netns="pid:4711"))[-3:] == ["--netns-type=path", "/proc/4711/ns/net", "tap0"]


def test_only_what_a_program_offers_is_asked_of_it() -> None:
    bare = Program("/usr/bin/slirp4netns", frozenset())
    words = command_line(wanted(), bare, FILES, (), root=True, live=False)
    assert not {"--enable-sandbox", "--enable-seccomp"} & set(words)
    for option, value, flag in (
        ("host_loopback", False, "disable-host-loopback"),
        ("dns", False, "disable-dns"),
        ("ipv6", True, "enable-ipv6"),
        ("sandbox", "required", "enable-sandbox"),
        ("seccomp", "required", "enable-seccomp"),
        ("outbound_addr", "192.0.2.1", "outbound-addr"),
    ):
        lacking = Program("/usr/bin/slirp4netns", SLIRP.options - {flag})
        refuse_impossible(wanted(**{option: value}), SLIRP)
        with pytest.raises(InvalidOption, match=f"^{option}: .*needs /usr/bin/slirp4netns with --{flag}"):
            refuse_impossible(wanted(**{option: value}), lacking)


# ---------------------------------------------------------------- pasta


def test_pasta_is_kept_in_by_default() -> None:
    words = argv(wanted(backend="pasta"))
    for flag in ("--tcp-ports", "--udp-ports", "--tcp-ns", "--udp-ns"):
        assert follows(words, flag) == ["none"], "it would forward what it finds"
    assert "--no-map-gw" in words and "--ipv4-only" in words
    assert follows(words, "--netns") == ["/run/netns/sb"] and follows(words, "--runas") == ["0"]
    assert follows(words, "--address") == ["10.0.2.100"] and follows(words, "--netmask") == ["24"]


def test_forwards_of_pasta() -> None:
    words = argv(wanted(backend="pasta", ipv6=True), (TCP, SIX, UDP))
    assert follows(words, "--tcp-ports") == ["127.0.0.1/8080:80", "::1/8080:80"]
    assert follows(words, "--udp-ports") == ["0.0.0.0/53:5353"]
    assert follows(words, "--tcp-ns") == follows(words, "--udp-ns") == ["none"]
    assert "--ipv4-only" not in words and follows(words, "--address") == ["10.0.2.100", "fd00::100"]


FORWARDS = st.lists(
    st.builds(
        Forward,
        st.sampled_from(["tcp", "udp"]),
        st.sampled_from(["127.0.0.1", "0.0.0.0", "::1"]),
        st.integers(1, 65535),
        st.just(""),
        st.integers(1, 65535),
    ),
    max_size=5,
)


@given(FORWARDS, FORWARDS, st.booleans())
def test_other_forwards_of_a_pasta_that_runs(before: list[Forward], after: list[Forward], six: bool) -> None:
    one = wanted(backend="pasta", ipv6=six)
    assert pasta_with(argv(one, tuple(before)), after) == argv(one, tuple(after))


def test_pasta_cannot_be_run_without_its_own_protection() -> None:
    for option in ("sandbox", "seccomp"):
        with pytest.raises(InvalidOption, match="pasta cannot be run without"):
            refuse_impossible(wanted(backend="pasta", **{option: "never"}), PASTA)
        refuse_impossible(wanted(backend="pasta", **{option: "required"}), PASTA)
    with pytest.raises(InvalidOption, match="--no-map-gw"):
        refuse_impossible(wanted(backend="pasta"), Program("/usr/bin/pasta", frozenset(["dns-forward"])))


# ---------------------------------------------------------------- forwards that could not work


def test_ipv6_needs_pasta_and_the_option() -> None:
    with pytest.raises(InvalidOption, match=r"\[::1\]:8080/tcp' is IPv6, which slirp4netns cannot forward"):
        refuse_forwards(wanted(ipv6=True), SLIRP, "forwards", [SIX])
    with pytest.raises(InvalidOption, match="needs ipv6: true"):
        refuse_forwards(wanted(backend="pasta"), PASTA, "forwards", [SIX])
    refuse_forwards(wanted(backend="pasta", ipv6=True), PASTA, "forwards", [SIX])


@pytest.mark.parametrize("guest", ["10.0.2.0", "10.0.2.255", "10.0.2.2", "10.0.2.3", "10.0.3.100", "192.0.2.1"])
def test_guests_that_nobody_can_be(guest: str) -> None:
    with pytest.raises(InvalidOption, match=f"'{guest}' is not an address that the sandbox can have"):
        refuse_guest("forwards", TCP._replace(guest_addr=guest), "10.0.2.0/24", ("10.0.2.2", "10.0.2.3"))
    refuse_guest("forwards", TCP._replace(guest_addr="10.0.2.4"), "10.0.2.0/24", ("10.0.2.2", "10.0.2.3"))


def test_another_guest_needs_slirp4netns() -> None:
    other = [TCP._replace(guest_addr="10.0.2.7")]
    refuse_forwards(wanted(), SLIRP, "forwards", other)
    for pasta in (PASTA, NEW_PASTA):
        with pytest.raises(InvalidOption, match=r"'10\.0\.2\.7' is not where pasta leads this one"):
            refuse_forwards(wanted(backend="pasta"), pasta, "forwards", other)


def test_where_pasta_leads_what_comes_to_the_loopback() -> None:
    one = wanted(backend="pasta")
    for program, guest, wrong in ((PASTA, "127.0.0.1", "10.0.2.100"), (NEW_PASTA, "10.0.2.100", "127.0.0.1")):
        refuse_forwards(one, program, "forwards", [TCP._replace(guest_addr=guest)])
        with pytest.raises(InvalidOption, match=f"is not where pasta leads this one, {guest}"):
            refuse_forwards(one, program, "forwards", [TCP._replace(guest_addr=wrong)])


def test_what_an_old_pasta_does_wrong() -> None:
    one = wanted(backend="pasta")
    lower = Forward("udp", "127.0.0.1", 5353, "", 53)
    twice = [TCP, TCP._replace(host_addr="198.18.0.1")]
    for forwards, text in (([lower], "127.0.0.1:5353/udp"), (twice, "198.18.0.1:8080/tcp")):
        with pytest.raises(InvalidOption, match=text):
            refuse_forwards(one, PASTA, "forwards", forwards)
        refuse_forwards(one, NEW_PASTA, "forwards", forwards)
    refuse_forwards(one, PASTA, "forwards", [TCP, TCP._replace(proto="udp", guest_port=8080), UDP])


# ---------------------------------------------------------------- the socket


def test_a_socket_has_a_short_path() -> None:
    for length in range(60, 120):
        files = "/" + "d" * (length - 1)
        if length + len("/api.sock") <= 107:
            assert socket_of(wanted(), files, live=False) == f"{files}/api.sock"
        else:
            with pytest.raises(TaskError, match=r"state_dir: .* 107"):
                socket_of(wanted(), files, live=False)
    assert socket_of(wanted(backend="pasta"), "/" + "d" * 200, live=False) is None
    with pytest.raises(TaskError):
        socket_of(wanted(), "/" + "é" * 50, live=False)
