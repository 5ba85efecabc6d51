# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A task killed at any point is mended by the next one."""

from __future__ import annotations

import typing as t

import pytest

from promises.runner import Lane
from promises.sweep import Sweep, kills, swept

SWEPT = swept("kill")


@pytest.fixture(scope="module")
def sweep(lane: Lane, summary: list[str]) -> t.Iterator[Sweep]:
    """All points, tried in the background."""
    running = Sweep("kill", lane, SWEPT, kills)
    yield running
    summary.append(running.close())


@pytest.mark.parametrize("name", [case.name for case in SWEPT])
def test_killed_task_is_mended(sweep: Sweep, name: str) -> None:
    sweep.check(name)
