# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The filters as Ansible finds them; what they compute is tested beside their helpers."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

PACKAGE = "ansible_collections.sandbox.network.plugins.filter"
DEFAULTS = {"driver": "bridge", "interface": "eth0", "bridge": "sbr0", "subnets": ["10.80.0.0/24"]}


def filter_of(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}").FilterModule().filters()[name]


NAMES = (
    *("link_name", "sandbox_addresses", "sandbox_failures", "sandbox_links", "sandbox_made", "sandbox_plan"),
    *("rootless_networks", "rootless_plan", "rootless_sandboxes"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_the_filter_of_its_name_and_no_other(name: str) -> None:
    filters = importlib.import_module(f"{PACKAGE}.{name}").FilterModule().filters()
    assert list(filters) == [name]


def test_a_plan_with_problems_asks_for_nothing() -> None:
    plan = filter_of("sandbox_plan")([{"name": "a"}, {"name": "b", "mtu": 1}], DEFAULTS)
    assert plan == {
        "problems": ["sandbox_list[1] (b): mtu: 1 is not between 68 and 65535"],
        "leases": [],
        "bridges": [],
        "namespaces": [],
        "links": [],
        "networks": [],
        "attachments": [],
        "devices": [],
        "endpoints": [],
        "firewalls": [],
        "monitors": [],
        "restores": [],
    }


def test_from_plan_to_links() -> None:
    plan = filter_of("sandbox_plan")([{"name": "a"}], DEFAULTS)
    links = filter_of("sandbox_links")(plan, [], [{"owner": "a", "addresses": ["10.80.0.2/24"]}])
    assert [link["addresses"] for link in links] == [
        [{"address": "10.80.0.1/24"}],
        [{"address": "10.80.0.2/24"}],
    ]


def test_from_plan_to_nothing() -> None:
    plan = filter_of("sandbox_plan")([{"name": "a"}], DEFAULTS, "absent")
    links = filter_of("sandbox_links")(plan, [])
    assert [link["peer"] for link in links] == [{"name": "eth0", "netns": "a"}]


def test_absent() -> None:
    defaults = {**DEFAULTS, "force": True}
    plan = filter_of("sandbox_plan")([{"name": "a"}], defaults, "absent")
    assert plan["problems"] == []
    assert plan["namespaces"] == [{"name": "a", "force": True}]


def test_what_was_made() -> None:
    made = filter_of("sandbox_made")([{}, {"operations": [{"op": "netns.create", "path": "/run/netns/a"}]}])
    assert made == {
        "attachments": [],
        "firewalls": [],
        "monitors": [],
        "endpoints": [],
        "devices": [],
        "links": [],
        "bridges": [],
        "networks": [],
        "namespaces": [{"name": "a"}],
        "leases": [],
    }


def test_from_plan_to_rules() -> None:
    plan = filter_of("sandbox_plan")([{"name": "a", "ports": ["8080:80"]}], DEFAULTS)
    (rules,) = filter_of("sandbox_firewalls")(plan, [{"owner": "a", "addresses": ["10.80.0.2/24"]}])
    assert rules == {**plan["firewalls"][0], "addresses": ["10.80.0.2/24"]}


def test_addresses_by_name() -> None:
    leases = [
        {"owner": "a", "addresses": ["10.80.0.2/24", "fd00::2/64"]},
        {"owner": "b", "addresses": ["10.81.0.2/24"]},
    ]
    assert filter_of("sandbox_addresses")(leases) == {
        "a": ["10.80.0.2", "fd00::2"],
        "b": ["10.81.0.2"],
    }


def test_the_host_end_of_a_link() -> None:
    assert filter_of("link_name")("web1") != filter_of("link_name")("web1", "eth1")


def test_a_rootless_sandbox_from_plan_to_result() -> None:
    plan = filter_of("rootless_plan")([{"name": "a"}], {"backend": "pasta"})
    assert plan["problems"] == []
    namespaces = [{"name": "a", "pid": 7, "netns": "pid:7", "enter": ["nsenter"], "created": True}]
    networks = filter_of("rootless_networks")(plan["networks"], namespaces)
    assert networks == [{"netns": "pid:7", "backend": "pasta"}]
    found = filter_of("rootless_sandboxes")(plan["networks"], namespaces, [{"backend": "pasta", "gateway": "10.0.2.2"}])
    assert (found["a"]["pid"], found["a"]["gateway"]) == (7, "10.0.2.2")
    assert filter_of("rootless_plan")([{"name": "a"}], None, "absent")["namespaces"] == [{"name": "a"}]
