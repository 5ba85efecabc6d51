# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Sandboxes as hosts of an inventory."""

from __future__ import annotations

import pytest

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_hosts import (
    hosts_named,
    sandboxes_of,
    variables_for,
)

ANSWER = {
    "namespaces": [
        {"name": "web1", "path": "/run/netns/web1", "state": "present", "created": True},
        {"name": "other", "path": "/run/netns/other", "state": "present", "created": False},
        {"name": "left", "path": "/run/netns/left", "state": "leftover"},
    ]
}


def test_what_is_a_sandbox() -> None:
    assert [one["name"] for one in sandboxes_of("node1", ANSWER, everything=False)] == ["web1"]
    assert [one["name"] for one in sandboxes_of("node1", ANSWER, everything=True)] == ["web1", "other"]


def test_names() -> None:
    sandboxes = [*sandboxes_of("node1", ANSWER, everything=False), *sandboxes_of("node2", ANSWER, everything=False)]
    assert sorted(hosts_named(sandboxes, with_host=True)) == ["web1.node1", "web1.node2"]
    with pytest.raises(ValueError, match="two sandboxes have the name web1: /run/netns/web1 and /run/netns/web1"):
        hosts_named(sandboxes, with_host=False)


def test_the_way_in() -> None:
    (sandbox,) = sandboxes_of("node1", ANSWER, everything=False)
    of_host = {"ansible_user": "admin", "inventory_hostname": "node1", "groups": {}, "site": "lab"}
    assert variables_for(sandbox, of_host) == {
        "ansible_user": "admin",
        "site": "lab",
        "ansible_host": "node1",
        "ansible_connection": "sandbox.network.netns",
        "ansible_netns_connection": "ssh",
    }
    through = {"ansible_connection": "local", "ansible_host": "192.0.2.1"}
    variables = variables_for(sandbox, through)
    assert (variables["ansible_netns_connection"], variables["ansible_host"]) == ("local", "192.0.2.1")
    (here,) = sandboxes_of("localhost", ANSWER, everything=False)
    assert variables_for(here, {})["ansible_netns_connection"] == "local"
