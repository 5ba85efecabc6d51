#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: restore_service
short_description: Make sandboxes again after a reboot
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Network namespaces, links, rules and user-mode networks end with the boot. This module keeps a description
    of a sandbox, and has it made again at each boot, before the programs start that use it.
  - A description is a list of tasks, each a module of this collection with its options. They are checked
    when they are given, and kept as C(/var/lib/sandbox-network/sandboxes/NAME.json). The task itself makes
    nothing of the sandbox.
  - The program that runs them, C(sandbox-network-restore), comes with this collection. The first sandbox
    installs it as C(/usr/local/sbin/sandbox-network-restore) with what it needs below
    C(/usr/local/lib/sandbox-network), a newer collection replaces it, and the last O(state=absent) removes it.
    It runs by the Python that ran this module, and needs pyroute2 and netaddr there.
  - Where systemd is the first process, the unit C(sandbox-network-restore.service) runs it at boot, after the
    host's own rules of the firewall are loaded and before container engines and C(sandbox-netmon.service).
    What else uses sandboxes is ordered by C(After=sandbox-network-restore.service).
  - The program can be run at any time. It puts right what is not as described, and changes nothing else.
  - The tasks of all sandboxes are run together, each module once for many. Where that fails, each sandbox
    is on its own, and one that cannot be made does not keep the others from being made. The unit has failed
    then, and the journal has the reasons.
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
options:
  sandbox:
    description:
      - The name of the sandbox, or of whatever the tasks make. Letters, digits, V(.), V(_) and V(-).
      - Required unless O(sandboxes) is given.
    type: str
  state:
    description:
      - V(present) keeps the description, in place of the former one.
      - V(absent) forgets it. What its tasks made stays until the next boot.
    type: str
    choices: [present, absent]
    default: present
  tasks:
    description:
      - What makes the sandbox, in order. Each item has one key, the name of a module, and its options as the
        value, as in a playbook.
      - The modules are M(sandbox.network.address_lease), M(sandbox.network.cni_network),
        M(sandbox.network.firewall), M(sandbox.network.link), M(sandbox.network.netdev_move),
        M(sandbox.network.netns), M(sandbox.network.slirp_network) and M(sandbox.network.vm_endpoint), with or
        without C(sandbox.network.) in front. M(sandbox.network.netmon_service) has O(ignore:enabled) of its own.
      - What belongs to a process, such as C(netns=pid:4711), is refused, and so are tasks that make nothing.
      - Leased addresses are those of this boot. Give those that a lease told, if they are to stay the same.
      - Required with O(state=present).
    type: list
    elements: dict
  tasks_state_dir:
    description: The O(state_dir) that the tasks are run with.
    type: path
    default: /run/sandbox-network
  sandboxes:
    description:
      - Many sandboxes in one task, each with the options above. O(state) holds for those that have none of
        their own.
    type: list
    elements: dict
    suboptions:
      sandbox:
        description: As O(sandbox).
        type: str
      state:
        description: As O(state).
        type: str
        choices: [present, absent]
      tasks:
        description: As O(tasks).
        type: list
        elements: dict
      tasks_state_dir:
        description: As O(tasks_state_dir).
        type: path
        default: /run/sandbox-network
seealso:
  - module: sandbox.network.netmon_service
    description: Watches sandboxes after a boot, too, with its option O(ignore:enabled).
"""

EXAMPLES = r"""
# From the command line, have a sandbox made no more:
# ansible localhost -b -m sandbox.network.restore_service -a 'sandbox=web1 state=absent'

- name: Have a namespace with a link after each boot
  sandbox.network.restore_service:
    sandbox: web1
    tasks:
      - netns: {name: web1}
      - link:
          name: eth0
          netns: web1
          kind: veth
          peer: {name: web1-out}
          addresses: [10.90.0.2/24]

- name: The same for many sandboxes, each in a list of its own
  sandbox.network.restore_service:
    sandboxes:
      - sandbox: web2
        tasks:
          - sandbox.network.netns: {name: web2}
      - sandbox: web3
        tasks:
          - sandbox.network.netns: {name: web3, dns: {servers: [192.0.2.53]}}

- name: Make them now, too, as the next boot will
  ansible.builtin.command: sandbox-network-restore
  changed_when: false

- name: Have them made no more
  sandbox.network.restore_service:
    state: absent
    sandboxes: [{sandbox: web1}, {sandbox: web2}, {sandbox: web3}]
"""

RETURN = r"""
restore:
  description: The sandbox, as it is described. With O(sandboxes), these are in RV(sandboxes).
  type: dict
  returned: success, without O(sandboxes)
  contains: &one
    sandbox:
      description: The name of the sandbox.
      type: str
      returned: success
      sample: web1
    state:
      description: V(present) or V(absent).
      type: str
      returned: success
      sample: present
    file:
      description: The file that describes it.
      type: str
      returned: success
      sample: /var/lib/sandbox-network/sandboxes/web1.json
    unit:
      description: The unit of systemd that makes it again. V(null) where there is none.
      type: str
      returned: success
      sample: sandbox-network-restore.service
    enabled:
      description: Whether that unit is run at boot.
      type: bool
      returned: success
      sample: true
sandboxes:
  description: The sandboxes in the order of the option, each as RV(restore).
  type: list
  elements: dict
  returned: success, with O(sandboxes)
  contains: *one
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(program.install), V(program.remove), V(file.write),
      V(file.remove), V(unit.write), V(unit.remove), V(unit.enable), V(unit.disable) and V(unit.stop), and
      what it was done to and with.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: unit.enable
      unit: sandbox-network-restore.service
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {enabled: {sandbox-network-restore.service: false}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {enabled: {sandbox-network-restore.service: true}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: unit.enable
      unit: sandbox-network-restore.service
rolled_back:
  description:
    - Whether everything stands as it stood before the task.
    - Where it is V(false), RV(ignore:msg) says what could not be undone. The next task on the
      same objects tries again.
  type: bool
  returned: failure
  sample: true
errno:
  description: The system's error by its name.
  type: str
  returned: when the system refused something
  sample: EROFS
"""

import typing as t

from ansible_collections.sandbox.network.plugins.module_utils._engine.front import run_module
from ansible_collections.sandbox.network.plugins.module_utils._resources.restore import (
    FORM,
    RestoreResource,
)

if t.TYPE_CHECKING:  # not executed, yet Ansible sends along what is imported here, and what that imports
    from ansible_collections.sandbox.network.plugins.module_utils._services import restore

    PROGRAM = restore.main


def main() -> None:
    """Run the module."""
    run_module(RestoreResource(), FORM)


if __name__ == "__main__":
    main()
