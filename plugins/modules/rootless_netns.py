#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rootless_netns
short_description: Make and remove network namespaces of an unprivileged user
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Makes network namespaces without root, each together with a user namespace, in which the user is
    C(root), and a mount namespace. Each has a name, by which later tasks find it again.
  - A process of the user keeps them until V(absent) ends it. It outlives the connection of Ansible
    and is looked after by a supervisor, which is a unit of the user's systemd where there is one.
  - The loopback interface is up inside, and there is nothing else. M(sandbox.network.slirp_network)
    connects it to the outside; the role P(sandbox.network.rootless#role) does both.
extends_documentation_fragment:
  - sandbox.network._attributes
options:
  name:
    description:
      - The name of the namespace, for this user and O(state_dir). Other users may have the same.
      - It may have letters, digits, V(_), V(.) and V(-), no V(-) in front, and 255 bytes at most.
      - Required, unless O(namespaces) is given.
    type: str
  state:
    description:
      - V(present) makes the namespace if there is none. One whose process has died is gone with all
        that was in it, and is made anew.
      - V(absent) ends the process, and before that the user-mode network that
        M(sandbox.network.slirp_network) started for the namespace, with its port forwards.
      - Given beside O(namespaces), it holds for all items that have no state of their own.
    type: str
    choices: [present, absent]
    default: present
  dns:
    description:
      - IPv4 and IPv6 addresses of name servers, in the order in which they are asked. A
        C(resolv.conf) with them is seen inside in place of the host's C(/etc/resolv.conf).
      - Left out, the host's is seen. It often names a server on the loopback, which inside is not
        there. That of M(sandbox.network.slirp_network) is V(10.0.2.3), unless C(cidr) is another.
      - The file belongs to the namespace from its beginning. Where other servers are asked for than
        those that it has, the namespace is made anew. That is an error while processes are inside,
        unless O(force) is given.
    type: list
    elements: str
  force:
    description:
      - A namespace that has processes inside is neither taken away nor made anew. The task fails,
        and names them.
      - V(true) does it all the same. The processes run on in the former namespace, without a
        network, until they end.
    type: bool
    default: false
  service_manager:
    description:
      - Who looks after the process that keeps the namespace.
      - V(systemd) is a transient unit, of the user's manager unless the user is root. It ends with
        the last session of the user, unless C(loginctl enable-linger) was called for the user.
      - V(process) is a process in a session of its own.
      - V(auto) is V(systemd) where it runs, else V(process). One that runs stays where it is.
    type: str
    choices: [auto, systemd, process]
    default: auto
  namespaces:
    description:
      - Many namespaces in one task, done as a whole or not at all.
      - Excludes the options for one namespace, except O(state).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the namespace, for this user and O(state_dir).
          - See O(name).
        type: str
      state:
        description:
          - Whether the namespace is to be there.
          - Left out, it is what O(state) says.
        type: str
        choices: [present, absent]
      dns:
        description:
          - IPv4 and IPv6 addresses of name servers, in the order in which they are asked.
          - See O(dns).
        type: list
        elements: str
      force:
        description:
          - Whether a namespace with processes inside is taken away or made anew.
          - See O(force).
        type: bool
        default: false
      service_manager:
        description:
          - Who looks after the process that keeps the namespace.
          - See O(service_manager).
        type: str
        choices: [auto, systemd, process]
        default: auto
  state_dir:
    description:
      - The directory of what tasks remember, of locks, and of the processes' own files.
      - It is made when missing, for this user alone. The default is root's. Another user gives a
        directory of their own, such as C(sandbox-network) below C($XDG_RUNTIME_DIR), with a path of
        at most 46 bytes, because sockets of M(sandbox.network.slirp_network) are in it.
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
  - C(unshare) and C(mount) of util-linux, C(ip) of iproute2
notes:
  - Needs no root, and works as root as well. The kernel must let users make user namespaces.
  - A task is done as a whole or not at all, with all items of its list. When something fails half
    way, what was done so far is undone, and the error says so. What a killed task left half done
    is undone by the next task on the same objects, and returned as C(recovered).
  - A namespace that was taken away, or whose process has died, cannot come back. Where an undo makes
    one again, it is empty.
  - In check mode nothing is written. What only a real run can know, such as the process and what
    follows from it, is V(null) then.
  - Inside, the user is C(root) for files and processes of the user's own, and nobody for all others.
seealso:
  - module: sandbox.network.slirp_network
    description: The user-mode network of such a namespace.
  - module: sandbox.network.netns
    description: Namespaces with names that the whole host knows, made by root.
  - name: user_namespaces(7)
    description: What a user may do in a user namespace.
    link: https://man7.org/linux/man-pages/man7/user_namespaces.7.html
"""

EXAMPLES = r"""
# From the command line, as any user:
# ansible localhost -m sandbox.network.rootless_netns -a 'name=adhoc state_dir=/run/tmp/adhoc'

- name: Say once where this user's tasks remember what they did
  module_defaults:
    group/sandbox.network.all:
      state_dir: /run/tmp/sandboxes
  block:
    - name: Make a namespace, in which the name server of its user-mode network is asked
      sandbox.network.rootless_netns:
        name: web1
        dns: [10.0.2.3]
      register: made

    - name: Connect it, and forward a port of the host to it
      sandbox.network.slirp_network:
        netns: "{{ made.rootless.netns }}"
        forwards: ["8080:80"]

    - name: Run something inside
      ansible.builtin.command:
        argv: "{{ made.rootless.enter + ['cat', '/etc/resolv.conf'] }}"
      register: inside
      changed_when: false
      failed_when: inside.stdout != 'nameserver 10.0.2.3'

    - name: Make many in one task
      sandbox.network.rootless_netns:
        namespaces:
          - name: db1
          - name: db2

    - name: Ask what a change would do, without doing it
      sandbox.network.rootless_netns:
        name: db1
        dns: [192.0.2.53]
      check_mode: true
      diff: true
      register: preview

    - name: Take all away, and the network of the first with it
      sandbox.network.rootless_netns:
        state: absent
        namespaces:
          - name: web1
          - name: db1
          - name: db2
"""

RETURN = r"""
rootless:
  description: The namespace afterwards, or as predicted in check mode.
  type: dict
  returned: success, without O(namespaces)
  contains:
    name:
      description: The name.
      type: str
      returned: success
      sample: web1
    state:
      description: V(present) or V(absent).
      type: str
      returned: success
      sample: present
    alive:
      description: Whether the process that keeps the namespace runs, with its supervisor.
      type: bool
      returned: success
      sample: true
    created:
      description:
        - Whether this run made the namespace, be it for the first time, or in place of another one
          that is gone with all that was in it.
      type: bool
      returned: success
      sample: true
    pid:
      description:
        - The process that keeps the namespace. V(null) when there is none, and in check mode when
          it would be started.
      type: int
      returned: success
      sample: 4711
    netns:
      description:
        - The namespace as O(sandbox.network.slirp_network#module:netns) takes it. V(null) where
          RV(rootless.pid) is.
      type: str
      returned: success
      sample: pid:4711
    enter:
      description:
        - The words by which the same user runs a command inside. The command comes after them.
          V(null) where RV(rootless.pid) is.
      type: list
      elements: str
      returned: success
      sample: [nsenter, --target, "4711", --user, --preserve-credentials, --net, --mount, --]
    dns:
      description: The name servers that were given, V(null) where the host's are seen inside.
      type: list
      elements: str
      returned: success
      sample: [10.0.2.3]
namespaces:
  description: The namespaces in the order in which they were given, each as RV(rootless).
  type: list
  elements: dict
  returned: success, with O(namespaces)
  sample:
    - name: web1
      state: present
      alive: true
      created: true
      pid: 4711
      netns: pid:4711
      enter: [nsenter, --target, "4711", --user, --preserve-credentials, --net, --mount, --]
      dns: [10.0.2.3]
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(process.start), V(process.stop), V(record.put) and
      V(record.drop), and what it was done to and with.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: process.start
      name: holder of web1
      directory: /run/user/1000/sandbox-network/helpers/rootless-web1-3f0c1d8f7d0b5a52
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {processes: {holder of web1: null}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {processes: {holder of web1: [/usr/bin/unshare, --user]}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: process.start
      name: holder of web1
rolled_back:
  description:
    - Whether everything stands as it stood before the task.
    - Where it is V(false), RV(ignore:msg) says what could not be undone. The next task on the
      same objects tries again.
  type: bool
  returned: failure
  sample: true
errno:
  description: The kernel's error by its name.
  type: str
  returned: when the kernel refused something
  sample: EPERM
"""

from ansible_collections.sandbox.network.plugins.module_utils._engine.front import run_module
from ansible_collections.sandbox.network.plugins.module_utils._resources.rootless import (
    FORM,
    RootlessResource,
)


def main() -> None:
    """Run the module."""
    run_module(RootlessResource(), FORM)


if __name__ == "__main__":
    main()
