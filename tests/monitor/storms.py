# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Many changes at once: commands of `ip`, drawn at random, of which some are refused."""

from __future__ import annotations

import random
from collections.abc import Iterator

LINKS = 5
BEGINNING = [
    command
    for number in range(LINKS)
    for command in (
        f"link add e{number} address 02:00:00:00:01:{number:02x} type ifb",
        f"link set e{number} up",
        f"address add 10.9.{number}.1/24 dev e{number}",
    )
]


def storm(changes: int, seed: int, *, macs: bool) -> Iterator[str]:
    """So many changes of links, addresses and routes of both families. ``macs``: of MAC addresses, too.

    A link is called eN or fN, whichever it is just then: half of what is said of it is refused, so
    both are said.
    """
    draw = random.Random(seed)
    names = [f"e{number}" for number in range(LINKS)]
    made = 0
    while made < changes:
        number = draw.randrange(LINKS)
        name = names[number]
        for command in _change(draw, number, name, macs=macs):
            yield command
            made += 1
        if draw.random() < 0.02:
            names[number] = name.translate(str.maketrans("ef", "fe"))
            yield from (
                f"link set {name} down",
                f"link set {name} name {names[number]}",
                f"link set {names[number]} up",
            )
            made += 3


def _change(draw: random.Random, number: int, name: str, *, macs: bool) -> list[str]:
    host, kind = draw.randrange(2, 250), draw.random()
    verb = draw.choice(("add", "add", "del"))
    if kind < 0.35:
        return [f"address {verb} 10.9.{number}.{host}/24 dev {name}"]
    if kind < 0.55:
        return [f"address {verb} fd00:9:{number}::{host:x}/64 dev {name} nodad"]
    if kind < 0.75:
        return [f"route {verb} 10.{100 + number}.{host}.0/24 dev {name}"]
    if kind < 0.9:
        return [f"-6 route {verb} fd00:{host:x}::/48 dev {name}"]
    if kind < 0.94:
        return [f"link set {name} mtu {draw.randrange(1280, 1500)}"]
    if kind < 0.96 and macs:
        return [f"link set {name} address 02:00:00:{draw.randrange(2, 255):02x}:01:{number:02x}"]
    if kind < 0.98:
        return [f"link set {name} down", f"link set {name} up", f"address replace 10.9.{number}.1/24 dev {name}"]
    other, state = f"x{number % 2}", draw.choice(("up", "down"))
    return [f"link del {other}", f"link add {other} type ifb", f"link set {other} {state}"]
