# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What every module of the collection supports."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes: of modules that change something, and of those that only read (``INFO``)."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the predicted result without changing anything.
    support: full
  diff_mode:
    description: Returns what has changed, or in C(check_mode) what would change, as C(diff).
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run changes
        nothing.
    support: full
  platform:
    description: The systems whose hosts can be managed.
    platforms: linux
    support: full
  action_group:
    description: C(group/sandbox.network.all) in C(module_defaults) sets options for this module.
    support: full
    membership:
      - sandbox.network.all
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the predicted result without changing anything.
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    description: Returns what has changed, or in C(check_mode) what would change, as C(diff).
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run changes
        nothing.
    support: full
    details:
      - This module changes nothing.
  platform:
    description: The systems whose hosts can be managed.
    platforms: linux
    support: full
  action_group:
    description: C(group/sandbox.network.all) in C(module_defaults) sets options for this module.
    support: full
    membership:
      - sandbox.network.all
"""
