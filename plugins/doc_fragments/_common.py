# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Options, requirements and notes that modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """For modules that change something, for those of them that need root (``ROOT``), and for those that
    only read (``INFO``).

    Keep in step with COMMON in module_utils/_engine/front.py.
    """

    DOCUMENTATION = r"""
options:
  state_dir:
    description:
      - The directory of what tasks remember. That is how things were before they were changed, what
        a task under way is about to do, and locks.
      - It is made when missing, for whoever runs the task alone. Below C(/run) it ends with the running
        system, as the network itself does.
      - Tasks that work on the same objects must share it. Set it in one place, with
        C(module_defaults).
    type: path
    default: /run/sandbox-network
  lock_timeout:
    description:
      - How many seconds to wait for another task that works on the same objects.
      - A task that waited in vain fails, names the process that it waited for, and has changed
        nothing.
    type: float
    default: 30.0
requirements:
  - python >= 3.9
  - pyroute2 >= 0.7.2
  - netaddr >= 0.8.0
notes:
  - A task is done as a whole or not at all, with all items of its list. When something fails half
    way, what was done so far is undone, and the error says so. What a killed task left half done
    is undone by the next task on the same objects, and returned as C(recovered).
  - Many items in the list of one task are much faster than a loop of tasks.
  - In check mode nothing is written. What only a real run can know, such as an index, an inode, a
    random MAC address or a generated name, is V(null) then.
"""

    ROOT = r"""
options: {}
notes:
  - Needs root on the managed host, or C(CAP_NET_ADMIN) and C(CAP_SYS_ADMIN).
"""

    INFO = r"""
options:
  state_dir:
    description:
      - The directory of what tasks of the other modules remember, see
        O(sandbox.network.netns#module:state_dir). It is only read.
    type: path
    default: /run/sandbox-network
  lock_timeout:
    description:
      - Taken and not used, so that C(module_defaults) of the action group may set it. Reading waits
        for nobody.
    type: float
    default: 30.0
requirements:
  - python >= 3.9
  - netaddr >= 0.8.0
notes:
  - Needs root on the managed host, or C(CAP_SYS_ADMIN).
"""
