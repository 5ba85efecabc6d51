# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The picture: whatever links and namespaces are called, the text stays well-formed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._kernel.links import Link
from ansible_collections.sandbox.network.plugins.module_utils._resources.topology import (
    Node,
    describe_topology,
)

NASTY = st.one_of(st.text(min_size=1, max_size=20), st.text('"<>|[]{}\\\n\r\t;%-#&\u2028', min_size=1, max_size=20))
LABEL = r'[^"<>|\[\]{}\\\x00-\x1f]*(<br/>[^"<>|\[\]{}\\\x00-\x1f]*)*'
MERMAID = re.compile(rf'flowchart LR|  subgraph n\d+\["{LABEL}"\]|  end|    \w+\["{LABEL}"\]|  \w+ ---\|\w+\| \w+')


def nodes_of(names: list[str], links: list[str]) -> list[Node]:
    """Each namespace with the same links; the first of each are the ends of one veth."""
    nodes = []
    for name in names:
        found = [
            Link(
                number,
                link,
                "veth" if number == 2 else "bridge",
                up=number % 2 == 0,
                master=3 if number > 3 else 0,
                parent=2 if number == 2 else 0,
            )
            for number, link in enumerate(links, start=2)
        ]
        nodes.append(Node(name, [Link(1, "lo", loopback=True), *found], {2: ["10.0.0.1/24", "fd00::1/64"]}, {}))
    if len(nodes) > 1 and links:
        first, second = nodes[0], nodes[1]
        nodes[0] = Node(first.name, first.links, first.addresses, {2: (second, second.links[1])})
        nodes[1] = Node(second.name, second.links, second.addresses, {2: (first, first.links[1])})
    return nodes


@given(st.lists(NASTY, max_size=3), st.lists(NASTY, max_size=4))
def test_nobody_breaks_out_of_a_label(names: list[str], links: list[str]) -> None:
    pictures = describe_topology(nodes_of(names, links))
    for line in pictures["mermaid"].split("\n")[:-1]:
        assert MERMAID.fullmatch(line), line
    for line in pictures["graphviz"].split("\n"):
        assert line.count('"') in (0, 2)
        assert not re.sub(r'"[^"]*"', "", line).count("\\")
    text = re.sub(r'"[^"]*"', "", pictures["graphviz"])
    assert text.count("{") == text.count("}") == 1 + len(names)


def test_what_is_drawn() -> None:
    pictures = describe_topology(nodes_of(["host", "web1"], ["vh1", "br0", "p1"]))
    assert "host_vh1 ---|veth| web1_vh1" in pictures["mermaid"]
    assert pictures["mermaid"].count("|veth|") == 1
    assert pictures["mermaid"].count("|port|") == 2
    assert 'host_vh1 -- web1_vh1 [label="veth"]' in pictures["graphviz"]
    assert "10.0.0.1/24" in pictures["mermaid"] and "fd00::1/64" in pictures["graphviz"]
    assert "lo" not in pictures["mermaid"].replace("flowchart", "")


@pytest.mark.parametrize("names", [["host", "host"], ["web1", "web1"], ["a_b", "a"]])
def test_every_link_has_a_name_of_its_own(names: list[str]) -> None:
    """A namespace may be called host, and two in different directories alike."""
    text = describe_topology(nodes_of(names, ["c", "b_c", "b-c"]))["mermaid"]
    drawn = re.findall(r"^    (\w+)\[", text, re.MULTILINE)
    assert len(drawn) == 6 == len(set(drawn))
