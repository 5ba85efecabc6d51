#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

from ansible_collections.sandbox.network.plugins.module_utils._engine.front import run_module
from ansible_collections.sandbox.network.plugins.module_utils._resources.cni import CniResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.cni_options import FORM


def main() -> None:
    """Run the module."""
    run_module(CniResource(), FORM)


if __name__ == "__main__":
    main()
