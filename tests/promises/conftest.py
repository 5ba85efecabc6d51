# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the promise tests share: the lane, and fork servers that end with the session."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from promises import report
from promises.runner import SERVERS, Lane
from promises.sweep import FULL

SUMMARY: list[str] = []


@pytest.fixture(scope="session")
def lane() -> t.Iterator[Lane]:
    """Which target interpreter."""
    yield Lane.current()
    SERVERS.close()


@pytest.fixture(scope="session")
def summary() -> list[str]:
    """Lines for the end of the session."""
    return SUMMARY


def pytest_terminal_summary(terminalreporter: t.Any) -> None:
    """What the sweeps covered."""
    for line in SUMMARY:
        terminalreporter.write_line(line)


def pytest_sessionfinish() -> None:
    """A full sweep renews the page of figures."""
    if FULL:
        report.write()
