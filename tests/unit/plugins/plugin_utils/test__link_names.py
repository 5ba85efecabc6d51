# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Names and MAC addresses that follow from what they are for."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.plugin_utils._link_names import (
    link_name,
    stable_mac,
)


@given(st.text(max_size=300), st.text(max_size=30))
def test_any_owner_gets_a_name_that_a_link_can_have(owner: str, purpose: str) -> None:
    name = link_name(owner, purpose)
    assert re.fullmatch(r"[A-Za-z0-9_]{1,7}-[a-z2-7]{7}", name)
    assert name == link_name(owner, purpose)


def test_the_name_begins_as_the_owner_does() -> None:
    assert link_name("web1").startswith("web1-")
    assert link_name("ci-runner-0001").startswith("cirunne-")
    assert link_name("--").startswith("sb-")


def test_names_that_begin_alike_differ() -> None:
    names = [link_name(f"ci-runner-{number}", interface) for number in range(5000) for interface in ("eth0", "eth1")]
    assert len(set(names)) == len(names)


def test_the_names_stay_what_they_are_in_every_release() -> None:
    # Links of running sandboxes are found again by these names.
    assert link_name("web1") == "web1-mwnh7mv"
    assert stable_mac("sbr0") == "02:8e:bb:33:e0:ac"


@given(st.text())
def test_a_mac_is_local_and_unicast(seed: str) -> None:
    mac = stable_mac(seed)
    assert re.fullmatch(r"02(:[0-9a-f]{2}){5}", mac)
