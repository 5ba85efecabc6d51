# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A failed task changes nothing and says why."""

from __future__ import annotations

import typing as t

import pytest

from promises.runner import Lane
from promises.sweep import Sweep, errors, swept

SWEPT = swept("error")


@pytest.fixture(scope="module")
def sweep(lane: Lane, summary: list[str]) -> t.Iterator[Sweep]:
    """All points, tried in the background."""
    running = Sweep("error", lane, SWEPT, errors)
    yield running
    summary.append(running.close())


@pytest.mark.parametrize("name", [case.name for case in SWEPT])
def test_failed_task_changes_nothing(sweep: Sweep, name: str) -> None:
    sweep.check(name)
