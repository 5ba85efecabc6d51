# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What makes each sandbox of the role again."""

from __future__ import annotations

from typing import Any

from ansible_collections.sandbox.network.plugins.plugin_utils._sandbox_restores import restores

BRIDGES = [{"name": "sbr0", "kind": "bridge"}, {"name": "sbr1", "kind": "bridge"}]
NOTHING: dict[str, list[Any]] = {"networks": [], "attachments": [], "devices": [], "endpoints": []}


def veth(netns: str, name: str, master: str) -> dict[str, Any]:
    """A link of a sandbox."""
    return {"name": name, "netns": netns, "kind": "veth", "peer": {"name": f"{netns}-{name}", "master": master}}


def test_each_has_its_own_and_nothing_else() -> None:
    plan = {
        **NOTHING,
        "namespaces": [{"name": "a"}, {"name": "ab"}],
        "restores": [{"sandbox": "a", "state": "present"}, {"sandbox": "ab", "state": "absent"}],
    }
    links = [
        *BRIDGES,
        veth("a", "eth0", "sbr0"),
        veth("a", "eth1", "sbr0"),
        {"name": "limit", "kind": "ifb", "alias": "a/eth1"},
        veth("ab", "eth0", "sbr1"),
    ]
    leases = [
        {"owner": "a", "addresses": ["10.80.0.2/24"]},
        {"owner": "a/eth1", "addresses": ["10.80.0.4/24"]},
        {"owner": "ab", "addresses": ["10.80.0.3/24"]},
    ]
    firewalls = [{"sandbox": "a", "netns": "a"}, {"sandbox": "ab", "netns": "ab"}]
    first, second = restores(plan, links, leases, firewalls, "/run/state")
    assert first == {
        "sandbox": "a",
        "state": "present",
        "tasks_state_dir": "/run/state",
        "tasks": [
            {"netns": {"namespaces": [{"name": "a"}]}},
            {"address_lease": {"leases": leases[:2]}},
            {"link": {"links": [BRIDGES[0], *links[2:5]]}},
            {"firewall": {"sandboxes": firewalls[:1]}},
        ],
    }
    assert second == {"sandbox": "ab", "state": "absent"}


def test_every_driver_has_its_task() -> None:
    plan = {
        "namespaces": [{"name": "u"}],
        "networks": [{"netns": "u", "mtu": 1400}],
        "attachments": [{"netns": "u", "network": "n"}],
        "devices": [{"netns": "u", "device": "d0"}],
        "endpoints": [{"netns": "u", "interface": "eth0"}],
        "restores": [{"sandbox": "u", "state": "present"}],
    }
    (one,) = restores(plan, [], [], [], "/run/state")
    assert [list(task) for task in one["tasks"]] == [
        ["netns"], ["slirp_network"], ["cni_network"], ["netdev_move"], ["vm_endpoint"],
    ]  # fmt: skip
