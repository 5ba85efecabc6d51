# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Namespaces, links, bridges and peers as Mermaid and Graphviz text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._kernel.links import Link


@dataclass(frozen=True)
class Node:
    """One namespace to draw: its links, their addresses, and where their peers are."""

    name: str
    links: Sequence[Link]
    addresses: Mapping[int, Sequence[str]]
    peers: Mapping[int, tuple[Any, Link]]
    key: str = ""
    """The name, made distinct where two namespaces have the same one."""


@dataclass(frozen=True)
class _Edge:
    """A line between two links; ``label`` says why there is one."""

    first: str
    second: str
    label: str


def describe_topology(nodes: Sequence[Node]) -> dict[str, str]:
    """``{mermaid, graphviz}``: the same picture in two languages. Loopbacks are left out."""
    distinct = []
    keys: set[str] = set()
    for number, node in enumerate(nodes):
        key = node.name if node.name not in keys else f"{node.name} {number}"
        keys.add(key)
        distinct.append(replace(node, key=key))
    return {"mermaid": _mermaid(distinct), "graphviz": _graphviz(distinct)}


def _mermaid(nodes: Sequence[Node]) -> str:
    lines = ["flowchart LR"]
    for number, node in enumerate(nodes):
        lines.append(f'  subgraph n{number}["{_plain(node.name)}"]')
        for link in _drawn(node):
            text = "<br/>".join(_plain(part) for part in _text(node, link))
            lines.append(f'    {_id(node, link)}["{text}"]')
        lines.append("  end")
    for edge in _edges(nodes):
        lines.append(f"  {edge.first} ---|{edge.label}| {edge.second}")
    return "\n".join(lines) + "\n"


def _graphviz(nodes: Sequence[Node]) -> str:
    lines = ["graph topology {", "  rankdir=LR; node [shape=box];"]
    for number, node in enumerate(nodes):
        lines.append(f'  subgraph cluster_{number} {{ label="{_plain(node.name)}";')
        for link in _drawn(node):
            text = "\\n".join(_plain(part) for part in _text(node, link))
            lines.append(f'    {_id(node, link)} [label="{text}"];')
        lines.append("  }")
    for edge in _edges(nodes):
        lines.append(f'  {edge.first} -- {edge.second} [label="{edge.label}"];')
    return "\n".join([*lines, "}"]) + "\n"


def _edges(nodes: Sequence[Node]) -> Iterator[_Edge]:
    numbers = {id(node.links): number for number, node in enumerate(nodes)}
    for number, node in enumerate(nodes):
        by_index = {link.ifindex: link for link in node.links}
        for link in _drawn(node):
            master = by_index.get(link.master)
            if master is not None:
                yield _Edge(_id(node, link), _id(node, master), "port")
            peer = node.peers.get(link.ifindex)
            if peer is not None:
                other = numbers[id(peer[0].links)]
                if (number, link.ifindex) < (other, peer[1].ifindex):  # each pair once
                    yield _Edge(_id(node, link), _id(nodes[other], peer[1]), "veth")
            elif link.kind != "veth" and link.parent_nsid is None and link.parent in by_index:
                yield _Edge(_id(node, link), _id(node, by_index[link.parent]), link.kind)


def _drawn(node: Node) -> Iterator[Link]:
    return (link for link in node.links if not link.loopback)


def _text(node: Node, link: Link) -> list[str]:
    kind = link.kind or "physical"
    state = "" if link.up else " (down)"
    return [f"{link.name} · {kind}{state}", *node.addresses.get(link.ifindex, ())]


def _id(node: Node, link: Link) -> str:
    """A name that both languages take; what they do not is written as its code point."""
    return f"{_word(node.key)}_{_word(link.name)}"


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", lambda match: f"_{ord(match[0]):x}_", text)


def _plain(text: str) -> str:
    """Text from the host as a label: what could end the label is shown as '?'."""
    return re.sub(r'["<>|\[\]{}\\\x00-\x1f]', "?", text)
