# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The rules of our nftables tables. They are the same however many sandboxes there are: what differs is in sets.

A rule is its text in the language of nft(8), and why it is there.
"""

from __future__ import annotations

from collections.abc import Iterator

Rule = tuple[str, str]

ADDRESS = {4: "ipv4_addr", 6: "ipv6_addr"}
HEADER = {4: "ip", 6: "ip6"}
TARGET = "target"
"""What a neighbour advertisement is about: the 128 bits after the first eight bytes of ICMPv6 (RFC 4861, 4.4)."""
AT_TARGET = "@th,64,128"
NEIGHBOURS = "nd-neighbor-solicit, nd-neighbor-advert"
NOBODY_YET = "{ nd-neighbor-solicit, nd-router-solicit, mld-listener-report, mld2-listener-report }"
LOOPBACK = {4: "127.0.0.0/8", 6: "::1"}
STAND_IN = "100::1"
"""Where br_netfilter is on, an answer to ::1 has its address again already on the bridge, and the host would not take
it from there (ip6_rcv_core). It gets past that with another address, of the prefix of what is discarded (RFC 6666).
"""
PEER = "{header} {own} . {header} {peer} . meta l4proto . th dport @{name}{version}"


def _both(text: str) -> Iterator[str]:
    """A rule for each family: ``{header}`` is ip or ip6, ``{version}`` 4 or 6, ``{loopback}`` 127.0.0.0/8 or ::1."""
    for version, header in HEADER.items():
        yield text.format(header=header, version=version, loopback=LOOPBACK[version])


def _listed(name: str, verdict: str, why: str, *, outwards: bool) -> list[Rule]:
    """What a list of allowed or denied connections says to a packet, in one direction."""
    own, peer = ("saddr", "daddr") if outwards else ("daddr", "saddr")
    texts = [
        PEER.format(header=header, own=own, peer=peer, name=name, version=version) for version, header in HEADER.items()
    ]
    return [(f"{text} {verdict}", why) for text in texts]


def _every(text: str, why: str) -> list[Rule]:
    return [(one, why) for one in _both(text)]


KNOWN: Rule = ("ct state established,related accept", "answers, and what goes on")
NEIGHBOUR_DISCOVERY: Rule = (
    f"icmpv6 type {{ {NEIGHBOURS}, nd-router-solicit, nd-router-advert }} accept",
    "without it there is no IPv6",
)
DENIED_OUT = _listed("deny_out", "drop", "denied to a sandbox", outwards=True)
DENIED_IN = _listed("deny_in", "drop", "denied towards a sandbox", outwards=False)
FROM_CLOSED = _every("{header} saddr @closed{version} jump out_of_closed", "from a closed sandbox")
TO_CLOSED = _every("{header} daddr @closed{version} jump into_closed", "to a closed sandbox")
ALLOWED_IN = _listed("allow_in", "return", "allowed towards the sandbox", outwards=False)

INET: dict[str, tuple[str, list[Rule]]] = {
    "antispoof": (
        "",
        [
            ("iifname . ether saddr != @stations drop", "another MAC address"),
            ("meta nfproto ipv4 iifname . ip saddr != @sources4 drop", "another IPv4 address"),
            ("icmpv6 type { nd-router-advert, nd-redirect } drop", "sandboxes are no routers"),
            (f"ip6 saddr :: icmpv6 type {NOBODY_YET} return", "before it has an address"),
            ("meta nfproto ipv6 iifname . ip6 saddr != @sources6 drop", "another IPv6 address"),
        ],
    ),
    "out_of_closed": (
        "",
        [
            *_listed("allow_out", "return", "allowed to the sandbox", outwards=True),
            ("drop", "nothing else"),
        ],
    ),
    "into_closed": ("", [*ALLOWED_IN, ("drop", "nothing else")]),
    "into_isolated": (
        "",
        [
            ("ct status dnat return", "a published port"),
            *ALLOWED_IN,
            ("drop", "nothing else"),
        ],
    ),
    "publish": (
        "",
        [
            *_every(
                "dnat {header} to {header} daddr . meta l4proto . th dport map @published{version}",
                "published at one address",
            ),
            *_every(
                "meta nfproto ipv{version} dnat {header} to meta l4proto . th dport map @published_any{version}",
                "published at every address",
            ),
        ],
    ),
    "before": (
        "type filter hook prerouting priority raw; policy accept;",
        [
            ('iifname != "lo" ip daddr 127.0.0.0/8 drop', "the loopback is for the host itself"),
            ("iifname @guarded jump antispoof", "from a routed sandbox"),
        ],
    ),
    "arriving": (
        "type nat hook prerouting priority dstnat; policy accept;",
        [("fib daddr type local jump publish", "to an address of this host")],
    ),
    "leaving": (
        "type nat hook output priority -100; policy accept;",
        [("fib daddr type local jump publish", "to an address of this host")],
    ),
    "forward": (
        "type filter hook forward priority filter; policy accept;",
        [
            KNOWN,
            (f"icmpv6 type {{ {NEIGHBOURS} }} accept", "of bridges whose frames come this way (br_netfilter)"),
            *DENIED_OUT,
            *DENIED_IN,
            *FROM_CLOSED,
            *TO_CLOSED,
            *_every("{header} daddr @isolated{version} jump into_isolated", "to an isolated sandbox"),
        ],
    ),
    "input": (
        "type filter hook input priority filter; policy accept;",
        [
            (
                f"ip6 daddr {STAND_IN} ct direction reply ct original ip6 saddr ::1 ip6 daddr set ::1",
                "an answer for the host itself has come by the bridge",
            ),
            KNOWN,
            NEIGHBOUR_DISCOVERY,
            *DENIED_OUT,
            *FROM_CLOSED,
        ],
    ),
    "output": (
        "type filter hook output priority filter; policy accept;",
        [
            ("ip daddr @sandboxes4 icmp type redirect drop", "neighbours are reached through the host"),
            ("ip6 daddr @sandboxes6 icmpv6 type nd-redirect drop", "neighbours are reached through the host"),
            KNOWN,
            NEIGHBOUR_DISCOVERY,
            *DENIED_IN,
            *TO_CLOSED,
        ],
    ),
    "behind": (
        "type nat hook postrouting priority srcnat; policy accept;",
        [
            *_every("ct status dnat {header} saddr @sandboxes{version} masquerade", "answers come back this way"),
            *_every("ct status dnat {header} saddr {loopback} masquerade", "from the host itself"),
            *_every(
                "{header} saddr @masqueraded{version} {header} daddr @sandboxes{version} return", "among sandboxes"
            ),
            *_every("{header} saddr . {header} daddr @nearby{version} return", "on its own network"),
            ("ip saddr @masqueraded4 ip daddr != 224.0.0.0/4 masquerade", "under the host's address"),
            ("ip6 saddr @masqueraded6 ip6 daddr != ff00::/8 masquerade", "under the host's address"),
        ],
    ),
}
"""By chain: its hook, empty for a chain that others jump to, and its rules."""

DIVERTED = "meta pkttype other ether daddr set {key} map @{name} meta pkttype set host"
BRIDGE: dict[str, tuple[str, list[Rule]]] = {
    "antispoof": (
        "",
        [
            ("iifname . ether saddr != @stations drop", "another MAC address"),
            ("ether type != { arp, ip, ip6 } drop", "no other protocol"),
            ("iifname . arp saddr ether != @stations drop", "ARP for another MAC address"),
            ("arp saddr ip != 0.0.0.0 iifname . arp saddr ip != @sources4 drop", "ARP for another address"),
            ("ip protocol udp udp sport 67 drop", "sandboxes hand out no addresses"),
            ("ether type ip6 udp sport 547 drop", "sandboxes hand out no addresses"),
            ("ip saddr 0.0.0.0 udp sport 68 udp dport 67 return", "asks for an address"),
            ("ether type ip iifname . ip saddr != @sources4 drop", "another IPv4 address"),
            ("icmpv6 type { nd-router-advert, nd-redirect } drop", "sandboxes are no routers"),
            (
                f"icmpv6 type nd-neighbor-advert iifname . {AT_TARGET} != @targets drop",
                "neighbour discovery for another address",
            ),
            (
                f"ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . {AT_TARGET} != @targets drop",
                "claims another address",
            ),
            (f"ip6 saddr :: icmpv6 type {NOBODY_YET} return", "before it has an address"),
            ("ether type ip6 iifname . ip6 saddr != @sources6 drop", "another IPv6 address"),
        ],
    ),
    "arriving": (
        "type filter hook prerouting priority -300; policy accept;",
        [
            ("ip6 daddr ::1 drop", "the loopback is for the host itself"),
            ("iifname @guarded jump antispoof", "from a sandbox"),
            (f"icmpv6 type {{ {NEIGHBOURS} }} accept", "neighbour discovery stays on the bridge"),
            (
                f"ether type {{ ip, ip6 }} {DIVERTED.format(key='iifname', name='routers')}",
                "the host routes what a sandbox sends, so that the rules for it hold",
            ),
            (
                f"ether type {{ ip, ip6 }} {DIVERTED.format(key='ether daddr', name='shielded')}",
                "the host routes what a sandbox is sent, so that the rules for it hold",
            ),
        ],
    ),
    "input": (
        "type filter hook input priority filter; policy accept;",
        [(f"ip6 daddr ::1 ip6 daddr set {STAND_IN}", "an answer for the host itself, which br_netfilter has seen")],
    ),
    "forward": (
        "type filter hook forward priority filter; policy accept;",
        [
            (
                "iifname . oifname @hairpins ether type { ip, ip6 } ether daddr @members accept",
                "to itself, by a published port",
            ),
            ("iifname . oifname @hairpins drop", "nothing else comes back"),
            ("ether type arp accept", "finding each other"),
            (f"icmpv6 type {{ {NEIGHBOURS} }} accept", "finding each other"),
            (
                "ether type { ip, ip6 } ether daddr @members accept",
                "not routed because br_netfilter has sent it to a published port",
            ),
            ("iifname @restricted drop", "nothing goes past the rules"),
            ("oifname @restricted drop", "nothing goes past the rules"),
        ],
    ),
}
