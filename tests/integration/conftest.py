# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the integration tests share: throw-away hosts that modules run on at the price of a fork."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from box import Box
from promises.runner import SERVERS, Host, Lane


@pytest.fixture(scope="session")
def lane() -> Iterator[Lane]:
    """Which target interpreter."""
    yield Lane.current()
    SERVERS.close()


@pytest.fixture
def box(lane: Lane) -> Iterator[Box]:
    """A fresh host."""
    with Host(lane) as host:
        yield Box(host)
