#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netmon_service
short_description: Tell container runtimes what changes in the networks of their sandboxes
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Keeps a monitor running that watches the network namespaces of sandboxes, and calls the runtime of
    a sandbox when interfaces, addresses or routes in it have changed. So a runtime can give a virtual
    machine what was added to its namespace after it was started.
  - One monitor watches all sandboxes of a host. One more or one less does not restart it.
  - The monitor, C(sandbox-netmon), comes with this collection. The first sandbox installs it as
    C(/usr/local/sbin/sandbox-netmon) with what it needs below C(/usr/local/lib/sandbox-network), a newer
    collection replaces it, and the last O(state=absent) removes it. It needs the host's Python and
    nothing else.
  - It calls C(RUNTIME kata-network VERB SANDBOX FILE), where VERB is C(add-iface), C(update-iface),
    C(del-iface) or C(update-routes), and FILE holds one interface, or all routes, as the agent of Kata
    Containers knows them. The next call for a sandbox is made when the former one has ended.
  - A call that fails is made again, later and later, as long as what it tells is still so. What a
    runtime was told is kept on disk. After a restart, it is told the difference.
  - By hand, C(sandbox-netmon -s SANDBOX -r RUNTIME) watches the namespace that it is started in, with the
    options of C(kata-netmon).
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
options:
  sandbox_id:
    description:
      - The name by which the runtime knows the sandbox. Letters, digits, V(.), V(_) and V(-).
      - Required unless O(sandboxes) is given.
    type: str
  netns:
    description:
      - The namespace to watch. It is a name in C(/run/netns), an absolute path, or V(pid:N) for that of
        the process with the number N.
      - It is not kept alive. When it ends, what is remembered of it is removed within a second. When
        another one appears at the same place, that is watched.
      - Left out, it is the one in C(/run/netns) that has the name O(sandbox_id).
    type: str
  runtime_path:
    description:
      - The absolute path of the runtime. It is called as root, so nobody else may be able to write to it
        or to its directory.
      - Required unless O(state=absent).
    type: path
  state:
    description:
      - V(started) watches the sandbox, and V(present) is another word for it.
      - V(restarted) does, too, and starts the monitor again, for all sandboxes.
      - V(stopped) keeps the sandbox but does not watch it. Once it is started again, its runtime is told
        what has changed meanwhile.
      - V(absent) forgets the sandbox and what its runtime was told.
    type: str
    choices: [started, present, stopped, restarted, absent]
    default: started
  enabled:
    description:
      - Whether the sandbox is also watched after the next boot. Its namespace is waited for.
      - This needs systemd.
    type: bool
    default: false
  log_level:
    description:
      - What is logged of the sandbox. V(info) has each call, V(debug) everything.
      - Messages go to the journal, or else to syslog where there is one and to the file C(log) in
        C(helpers/netmon) of O(state_dir).
    type: str
    choices: [debug, info, warn, error]
    default: warn
  debug:
    description:
      - Short for O(log_level=debug).
    type: bool
    default: false
  ignore:
    description:
      - Links with such a name are not told. V(*), V(?) and V([...]) are as in a shell.
      - C(lo) and links without a MAC address are never told.
    type: str
    default: "*kata*"
  update:
    description:
      - How a runtime is told that an interface has changed its name, its MAC address, its MTU or its
        addresses, or has gone down or come up.
      - V(update-iface) and V(add-iface) are verbs that it is called with. V(replace) calls C(del-iface) with
        what it knows, then C(add-iface).
      - V(ignore) tells nothing, as C(kata-netmon) does.
    type: str
    choices: [update-iface, add-iface, replace, ignore]
    default: update-iface
  announce_existing:
    description:
      - Whether a runtime is told what is there when the sandbox is first watched. At the default, it knows
        that already.
    type: bool
    default: false
  debounce:
    description:
      - Seconds to wait after a change for others that belong to it.
    type: float
    default: 0.2
  command_timeout:
    description:
      - Seconds that a call may take. Then its process group is killed, and the call has failed.
    type: float
    default: 30.0
  retries:
    description:
      - How often a call that failed is made again before the monitor waits for the next change. V(0) is
        without end.
    type: int
    default: 0
  storage_dir:
    description:
      - The directory in which each sandbox has one, with the file that is handed over while a call lasts.
      - Such a directory belongs to root, with the mode C(0750), and the file has C(0640).
    type: path
    default: /run/kata-containers/netmon/sbs
  metrics_file:
    description:
      - The file that the monitor keeps its numbers in for the textfile collector of Prometheus' node
        exporter, such as V(/var/lib/prometheus/node-exporter/sandbox_netmon.prom).
      - It is one file for all sandboxes. When it is left out, it stays where it is, which at first is
        C(netmon/metrics.prom) in O(state_dir).
    type: path
  service_manager:
    description:
      - Who looks after the monitor. V(systemd) has the unit C(sandbox-netmon.service), V(process) a process
        of this collection, which ends with its monitor.
      - V(auto) leaves it as it is. At first it is V(systemd) where that is the first process of the host.
    type: str
    choices: [auto, systemd, process]
    default: auto
  sandboxes:
    description:
      - Many sandboxes in one task, each with the options above. All of them are watched, or nothing is
        changed. O(state) holds for those that have none of their own.
    type: list
    elements: dict
    suboptions:
      sandbox_id:
        description: As O(sandbox_id).
        type: str
      netns:
        description: As O(netns).
        type: str
      runtime_path:
        description: As O(runtime_path).
        type: path
      state:
        description: As O(state).
        type: str
        choices: [started, present, stopped, restarted, absent]
      enabled:
        description: As O(enabled).
        type: bool
        default: false
      log_level:
        description: As O(log_level).
        type: str
        choices: [debug, info, warn, error]
        default: warn
      debug:
        description: As O(debug).
        type: bool
        default: false
      ignore:
        description: As O(ignore).
        type: str
        default: "*kata*"
      update:
        description: As O(update).
        type: str
        choices: [update-iface, add-iface, replace, ignore]
        default: update-iface
      announce_existing:
        description: As O(announce_existing).
        type: bool
        default: false
      debounce:
        description: As O(debounce).
        type: float
        default: 0.2
      command_timeout:
        description: As O(command_timeout).
        type: float
        default: 30.0
      retries:
        description: As O(retries).
        type: int
        default: 0
      storage_dir:
        description: As O(storage_dir).
        type: path
        default: /run/kata-containers/netmon/sbs
      metrics_file:
        description: As O(metrics_file).
        type: path
      service_manager:
        description: As O(service_manager).
        type: str
        choices: [auto, systemd, process]
        default: auto
notes:
  - The monitor hears of changes in other namespaces by ids that the host's namespace has for them, see
    C(ip netns list-id). It gives one to a namespace that has none, and the kernel keeps it until that
    namespace ends.
seealso:
  - module: sandbox.network.netns_info
    description: Shows what the monitor knows of each sandbox.
  - module: sandbox.network.netdev_move
    description: Gives a sandbox a device that its runtime can be told of.
"""

EXAMPLES = r"""
# From the command line, watch a sandbox no more:
# ansible localhost -b -m sandbox.network.netmon_service -a 'sandbox_id=web1 state=absent'

- name: Make two sandboxes
  sandbox.network.netns:
    namespaces: [{name: web1}, {name: web2}]

- name: Write a runtime that does nothing but keep what it is told
  ansible.builtin.copy:
    dest: /usr/local/bin/example-runtime
    content: |
      #!/bin/sh
      logger "$2 $3 $(cat "$4")"
    mode: "0755"

- name: Tell the runtime what is added to a sandbox after its start
  sandbox.network.netmon_service:
    sandbox_id: web1
    runtime_path: /usr/local/bin/example-runtime

- name: Watch many sandboxes, for a runtime that knows no update
  sandbox.network.netmon_service:
    sandboxes:
      - sandbox_id: web1
        runtime_path: /usr/local/bin/example-runtime
        update: replace
      - sandbox_id: web2
        netns: /run/netns/web2
        runtime_path: /usr/local/bin/example-runtime
        update: replace
        debounce: 0.5

- name: Watch one of them no more
  sandbox.network.netmon_service:
    sandbox_id: web1
    state: absent
"""

RETURN = r"""
netmon:
  description: The sandbox, as it is watched. With O(sandboxes), these are in RV(sandboxes).
  type: dict
  returned: success, without O(sandboxes)
  contains: &one
    sandbox_id:
      description: The name of the sandbox.
      type: str
      returned: success
      sample: web1
    state:
      description: V(started), V(stopped) or V(absent).
      type: str
      returned: success
      sample: started
    netns:
      description: The path of the namespace. V(null) for an absent sandbox.
      type: str
      returned: success
      sample: /run/netns/web1
    runtime_path:
      description: The runtime that is called. V(null) for an absent sandbox.
      type: str
      returned: success
      sample: /usr/local/bin/kata-runtime
    enabled:
      description: Whether it is watched after the next boot, too.
      type: bool
      returned: success
      sample: false
    storage_dir:
      description: The directory that has one for the sandbox. V(null) for an absent sandbox.
      type: str
      returned: success
      sample: /run/kata-containers/netmon/sbs
    service_manager:
      description: Who looks after the monitor. V(null) when there is none.
      type: str
      returned: success
      sample: process
    pid:
      description: The process of the monitor. V(null) when it does not run, and in check mode before it is started.
      type: int
      returned: success
      sample: 4711
    status_file:
      description: Where the monitor tells the state of all sandboxes, as JSON. V(null) when there is no monitor.
      type: str
      returned: success
      sample: /run/sandbox-network/netmon/status.json
    metrics_file:
      description: Where it tells its numbers to Prometheus. V(null) when there is no monitor.
      type: str
      returned: success
      sample: /run/sandbox-network/netmon/metrics.prom
sandboxes:
  description: The sandboxes in the order of the option, each as RV(netmon).
  type: list
  elements: dict
  returned: success, with O(sandboxes)
  contains: *one
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(file.write), V(file.remove), V(process.start), V(process.stop),
      V(unit.write), V(unit.remove), V(unit.start), V(unit.stop), V(unit.enable), V(unit.disable),
      V(monitor.settle), V(record.put) and V(record.drop), and what it was done to and with.
    - V(monitor.settle) waits until the monitor watches what it is to watch.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: file.write
      path: /run/sandbox-network/netmon/sandboxes/web1.json
      file: {content: "{}\n", mode: 384, owner: [0, 0]}
      before: null
      directories: []
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {processes: {sandbox-netmon: null}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {processes: {sandbox-netmon: [/usr/bin/python3, -I, -S, -B]}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: process.start
      name: sandbox-netmon
rolled_back:
  description:
    - Whether everything stands as it stood before the task. A monitor that had been restarted is another
      process then.
    - Where it is V(false), RV(ignore:msg) says what could not be undone. The next task on the
      same objects tries again.
  type: bool
  returned: failure
  sample: true
errno:
  description: The system's error by its name.
  type: str
  returned: when the system refused something
  sample: ENOENT
"""

from ansible_collections.sandbox.network.plugins.module_utils._engine.front import run_module
from ansible_collections.sandbox.network.plugins.module_utils._resources.netmon import NetmonResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.netmon_options import FORM


def main() -> None:
    """Run the module."""
    run_module(NetmonResource(), FORM)


if __name__ == "__main__":
    main()
