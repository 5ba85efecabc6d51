# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the tests of virtual machines share: a throw-away host with a sandbox that is to be given to one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "guest"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from promises.runner import SERVERS, Host, Lane
from sandbox_for_vm import NETWORK, Sandbox


@pytest.fixture(scope="session")
def lane() -> Iterator[Lane]:
    """Which target interpreter."""
    yield Lane.current()
    SERVERS.close()


@pytest.fixture
def box(lane: Lane) -> Iterator[Sandbox]:
    """A fresh host with a bridge, and on it the sandbox `box` and another one, `client`."""
    with Host(lane, prepare=NETWORK) as host:
        sandbox = Sandbox(host)
        yield sandbox
        sandbox.end_machine()
