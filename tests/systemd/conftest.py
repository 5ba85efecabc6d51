# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the tests on hosts with systemd share: a machine for each, for it takes a second to boot one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from promises.runner import Lane
from systemd_host import SystemdHost, session
from systemd_machine import Machine


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine with systemd."""
    machine = Machine(Lane.current())
    yield machine
    machine.close()


@pytest.fixture
def host(machine: Machine) -> Iterator[SystemdHost]:
    """That machine, for root."""
    with session(machine, "root") as host:
        yield host


@pytest.fixture
def tester(machine: Machine, host: SystemdHost) -> Iterator[SystemdHost]:
    """That machine, for a user without rights."""
    host.sh("chmod 666 /dev/net/tun")
    with session(machine, "tester") as tester:
        yield tester
