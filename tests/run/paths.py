# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Where everything lies."""

from __future__ import annotations

from pathlib import Path

RUN = Path(__file__).resolve().parent
ROOT = RUN.parents[1]
REQUIREMENTS = ROOT / "tests" / "requirements"

# All that the runner makes lies below one directory, which git ignores.
BUILD = ROOT / ".build"
ANSIBLE_LIB = BUILD / "ansible-lib"
COLLECTIONS = BUILD / "collections"
COMPILED = BUILD / "compiled"
COPIES = BUILD / "copy"
DIST = BUILD / "dist"
HOME = BUILD / "home"
KERNEL = BUILD / "guest" / "kernel"
LOGS = BUILD / "logs"
SYSTEMD_TREE = BUILD / "systemd" / "tree"
TEMPORARY = BUILD / "tmp"
TREE = BUILD / "tree"
VENVS = BUILD / "venv"

# Where a collection lies below any directory of ANSIBLE_COLLECTIONS_PATH.
COLLECTION = Path("ansible_collections") / "sandbox" / "network"
