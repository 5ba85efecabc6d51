# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Whether the ports are published as they should be, looked at from outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from firewall.bare import FAMILIES, TABLE
from firewall.cni import rule_count
from firewall.host import GUEST_PORT, HOST_ADDRESS, OTHER_GUEST_PORT, PROTOCOLS, Published
from firewall.path import answers

Place = tuple[object, ...]


def bad_tables(ones: Sequence[Published], *, elsewhere: Published | None = None) -> list[str]:
    """The ports that nft does not show, or should not. ``elsewhere`` is the one whose TCP port leads elsewhere."""
    wanted: set[Place] = {
        (
            HOST_ADDRESS,
            proto,
            one.port,
            one.address,
            OTHER_GUEST_PORT if (one, proto) == (elsewhere, "tcp") else GUEST_PORT,
        )
        for one in ones
        for proto in PROTOCOLS
    }
    bad = [str(place) for place in wanted ^ _published()]
    if elsewhere is None:
        bad += bad_ends(ones)
    return sorted(bad)


def bad_ends(ones: Sequence[Published]) -> list[str]:
    """Of the first and the last one, those that do not answer the client."""
    return [f"{one.name} does not answer" for one in (ones[0], ones[-1]) if not _reached(one)]


def bad_chains(ones: Sequence[Published], *, filtered: bool) -> list[str]:
    """What is wrong with the rules of CNI's plugins, each of which has two for each sandbox in a chain."""
    expected = {("CNI-HOSTPORT-DNAT", "nat"): 2 * len(ones)}
    if filtered:
        expected["CNI-FORWARD", "filter"] = 2 * len(ones) + 1
    bad = [
        f"{chain} has {count} rules"
        for (chain, table), wanted in expected.items()
        for count in (rule_count(chain, table),)
        if count != wanted
    ]
    return bad + bad_ends(ones)


def bad_without(ones: Sequence[Published]) -> list[str]:
    """What is there although nothing should be."""
    there = [
        family
        for family in FAMILIES
        if subprocess.run(["nft", "list", "table", family, TABLE], check=False, capture_output=True).returncode == 0
    ]
    return there + [f"{one.name} answers" for one in (ones[0], ones[-1]) if _reached(one)]


def _reached(one: Published) -> bool:
    return answers(one.name, HOST_ADDRESS, one.port)


def _published() -> set[Place]:
    printed = subprocess.check_output(["nft", "-j", "list", "map", "inet", TABLE, "published4"])
    (found,) = (one["map"] for one in json.loads(printed)["nftables"] if "map" in one)
    places = [(place["elem"]["val"] if "elem" in place else place, target) for place, target in found.get("elem", ())]
    return {(*place["concat"], *target["concat"]) for place, target in places}
