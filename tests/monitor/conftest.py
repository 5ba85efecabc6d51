# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What the tests of the monitor share: the program as it is installed, and a world for each test.

All of them run on one throw-away host. The monitor needs no library, so Debian's Python is enough.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from runtime import compile_runtime
from world import World

from ansible_collections.sandbox.network.plugins.module_utils._programs import installing, monitor
from ansible_collections.sandbox.network.plugins.module_utils._programs.own_program import LIBRARY, interpreter

PYTHON = os.environ.get("SANDBOX_PYTHON", "/usr/bin/python3")


@pytest.fixture(scope="session")
def program() -> Iterator[list[str]]:
    """The words that start the monitor."""
    directory = monitor.monitor_directory()
    installing.install(directory, monitor.monitor_files(), (LIBRARY,))
    yield [PYTHON, *interpreter(directory, libraries=False)[1:]]
    installing.uninstall(directory, (LIBRARY,))


@pytest.fixture(scope="session")
def runtime() -> Iterator[Path]:
    """The recording runtime, compiled."""
    with tempfile.TemporaryDirectory() as directory:
        yield compile_runtime(Path(directory) / "runtime")


@pytest.fixture
def world(program: list[str], runtime: Path) -> Iterator[World]:
    """An empty one, in a directory that only root can write to."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        world = World(Path(directory), program, runtime)
        yield world
        world.close()
