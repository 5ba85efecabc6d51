# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the tests in the guest share: a machine that is started once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from guest import Guest
from machine import Machines
from promises.runner import Host, Lane


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """The machine, or a new one in place of one that a test has spoilt."""
    machines = Machines()
    yield machines
    machines.close()


@pytest.fixture
def guest(machines: Machines) -> Iterator[Guest]:
    """The guest, with the machine's own network, which a test must leave as it found it."""
    with Host(Lane.current(), servers=machines, network=False) as host:
        guest = Guest(host)
        machines.untouched = machines.untouched or guest.snapshot()
        machines.spoilt = True
        yield guest
        left = guest.unlike(machines.untouched)
        machines.spoilt = bool(left)
        assert left == [], "\n".join(["the test left this behind:", *left])
