# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The role host through ansible-playbook."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import STATE_DIR, Step, Throwaway

FORWARDING = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding")
FILE = "/etc/sysctl.d/60-sandbox-network.conf"


@pytest.fixture
def host() -> Iterator[Throwaway]:
    with Throwaway() as throwaway:
        yield throwaway


def prepare(*, check: bool = False, **variables: Any) -> Step:
    return {"role": "host", "vars": variables, "check": check}


def take_back(*, check: bool = False, **variables: Any) -> Step:
    return prepare(check=check, host_state="absent", **variables)


def settings(host: Throwaway) -> list[str]:
    return host.run("cat", *FORWARDING).split()


def there(host: Throwaway, path: str) -> bool:
    return host.process("test", "-e", path).returncode == 0


def test_a_host_that_has_everything_needs_no_network(host: Throwaway) -> None:
    # The throw-away host has no way to the network: what the role asked it for would fail.
    parts = host.play_in_parts([prepare(check=True), prepare(), prepare()], [take_back(), take_back()])
    check, made, again = next(parts)
    assert [result["failed"] for result in (check, made, again)] == [None] * 3
    assert [result["changed"] for result in (check, made, again)] == [1, 1, 0]
    assert host.run("stat", "--format=%a", STATE_DIR) == "700\n"
    assert settings(host) == ["0", "0"]

    gone, again = next(parts)
    assert [result["changed"] for result in (gone, again)] == [1, 0]
    assert not there(host, STATE_DIR)


def test_forwarding_is_put_back_as_it_was(host: Throwaway) -> None:
    host.run("sh", "-c", f"echo 1 >{FORWARDING[0]}")
    no_packages = {"host_packages_install": False}
    forward = {**no_packages, "host_forwarding": True}
    parts = host.play_in_parts(
        [prepare(check=True, **forward), prepare(**forward), prepare(**forward)],
        [prepare(**forward), take_back(check=True), take_back(), take_back()],
    )
    check, made, again = next(parts)
    # The directory, the file, and the one setting that was not 1.
    assert [result["changed"] for result in (check, made, again)] == [3, 3, 0]
    assert settings(host) == ["1", "1"]
    text = host.run("cat", FILE)
    assert "\nnet.ipv4.ip_forward = 1\n" in text
    assert "\nnet.ipv6.conf.all.forwarding = 1\n" in text

    host.run("sh", "-c", f"echo 0 >{FORWARDING[0]}")
    repaired, check, gone, again = next(parts)
    assert [result["changed"] for result in (repaired, check, gone, again)] == [1, 3, 3, 0]
    assert settings(host) == ["1", "0"]
    assert not there(host, FILE)
    assert not there(host, STATE_DIR)


def test_what_is_refused(host: Throwaway) -> None:
    host.run("mkdir", "--parents", f"{STATE_DIR}/records/netns")
    host.run("touch", f"{STATE_DIR}/records/netns/web1.json")
    unknown = {"ansible_facts": {"os_family": "Plan9"}}
    left, family = host.play(take_back(), prepare(**unknown))
    assert "web1.json: take the sandboxes away first" in left["failed"]
    assert "The packages of the Plan9 family are not known" in family["failed"]
