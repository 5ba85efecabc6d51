#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns
short_description: Make and remove network namespaces
version_added: 1.0.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Makes network namespaces that have names, sets them up, and takes them away.
  - They are the same as those of C(ip netns). Each can use the namespaces of the other.
  - An empty plain file that is left where a namespace was, for example after its mount was lost,
    is replaced by a namespace, and V(absent) removes it. Anything else in its place is an error.
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
  - sandbox.network._common.root
attributes:
  idempotent:
    support: partial
    details:
      - With O(generate), every run makes another namespace.
options:
  name:
    description:
      - The name of the namespace, which is that of a file in O(netns_dir).
      - A new one may have letters, digits, V(_), V(.) and V(-), no V(-) in front, and 255 bytes
        at most.
      - Required, unless O(path), O(generate) or O(namespaces) is given.
    type: str
  path:
    description:
      - The namespace by its absolute path, in place of O(name) and O(netns_dir).
      - The directory must exist.
    type: path
  state:
    description:
      - V(present) makes the namespace if there is none, and sets what is given.
      - V(absent) takes it away with everything inside, also one that was made by somebody else.
        What was changed outside, the file of O(dns), is put back as it was.
      - Given beside O(namespaces), it holds for all items that have no state of their own.
    type: str
    choices: [present, absent]
    default: present
  pid:
    description:
      - Name the namespace of the process with this number, in place of making one.
      - Nothing is changed inside but for what is given with O(loopback), O(sysctl) and O(nsid).
      - It is an error when the name is that of another namespace already.
      - V(absent) only takes the name away, and puts back what was changed inside. The process
        keeps its namespace, and O(force) is not needed.
    type: int
  generate:
    description:
      - Make a namespace with a name that nothing else has, which begins with O(name) or else with
        V(sandbox).
      - Every run makes another one, so such a task always reports a change. Register its result
        and use RV(netns.name).
    type: bool
    default: false
  loopback:
    description:
      - Whether the interface V(lo) is up inside.
      - Left out, it is brought up. With O(pid) it is left as it is.
      - The addresses that others gave it stay. Their routes through it cannot, while it is down.
        They come back as soon as a task of this module brings it up again, be it with V(absent).
    type: bool
  sysctl:
    description:
      - Kernel settings inside the namespace, by their C(net.*) keys.
      - Values are texts, numbers, or V(true) and V(false) for 1 and 0. A setting that has its
        value already is not written.
      - For an interface with a dot in its name, use slashes, as in
        C(net/ipv4/conf/eth0.5/rp_filter).
      - Settings that are left out stay as they are, also those that an earlier task has set.
      - With C(net.ipv4.ip_forward), which is C(net.ipv4.conf.all.forwarding), and with
        C(net.ipv6.conf.all.forwarding) the kernel sets C(forwarding) of all interfaces. Those of
        single interfaces, given beside it, are set after it. V(absent) puts back what each had.
      - Settings that are one for the whole host, such as C(net.core.rmem_max), are an error.
    type: dict
  dns:
    description:
      - How names are resolved inside, kept as C(/etc/netns/NAME/resolv.conf).
      - C(ip netns exec) and the connection plugin P(sandbox.network.netns#connection) show this
        file in place of C(/etc/resolv.conf).
      - For namespaces in C(/run/netns) only. Elsewhere the same name may be that of another
        namespace, and C(ip netns exec) does not look for it.
      - The file is written as a whole. Left out, a file that is there stays. V(absent) puts back
        what was there before.
    type: dict
    suboptions:
      servers:
        description:
          - IPv4 and IPv6 addresses of name servers, in the order in which they are asked.
        type: list
        elements: str
      search:
        description:
          - Domains in which short names are looked up.
        type: list
        elements: str
      options:
        description:
          - Options of the resolver, such as V(ndots:2).
        type: list
        elements: str
  nsid:
    description:
      - The number by which the namespace that Ansible runs in knows this one, as with C(ip netns
        set).
      - From 0 to 2147483647.
      - The kernel has no way to change or take back such a number, and gives one by itself as
        soon as a veth leads from one namespace to the other. So give it in the task that makes
        the namespace. Where there is another number already, the task fails.
    type: int
  netns_dir:
    description:
      - The directory of named namespaces.
      - It is made when missing. C(ip netns) and the option O(sandbox.network.link#module:netns)
        find names in the default directory only; elsewhere they need the path.
    type: path
    default: /run/netns
  force:
    description:
      - With V(absent), a namespace that has processes inside is an error, which names them.
      - V(true) takes its name away all the same. The processes keep the namespace until they end.
    type: bool
    default: false
  namespaces:
    description:
      - Many namespaces in one task, done as a whole or not at all.
      - Excludes the options for one namespace, except O(state).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the namespace, which is that of a file in O(netns_dir).
          - See O(name).
        type: str
      path:
        description:
          - The namespace by its absolute path, in place of O(name) and O(netns_dir).
          - See O(path).
        type: path
      state:
        description:
          - Whether the namespace is to be there.
          - Left out, it is what O(state) says.
        type: str
        choices: [present, absent]
      pid:
        description:
          - Name the namespace of the process with this number, in place of making one.
          - See O(pid).
        type: int
      generate:
        description:
          - Make a namespace with a name that nothing else has, which begins with O(name) or else
            with V(sandbox).
          - See O(generate).
        type: bool
        default: false
      loopback:
        description:
          - Whether the interface V(lo) is up inside.
          - See O(loopback).
        type: bool
      sysctl:
        description:
          - Kernel settings inside the namespace, by their C(net.*) keys.
          - See O(sysctl).
        type: dict
      dns:
        description:
          - How names are resolved inside, kept as C(/etc/netns/NAME/resolv.conf).
          - See O(dns).
        type: dict
        suboptions:
          servers:
            description:
              - IPv4 and IPv6 addresses of name servers, in the order in which they are asked.
              - See O(dns.servers).
            type: list
            elements: str
          search:
            description:
              - Domains in which short names are looked up.
              - See O(dns.search).
            type: list
            elements: str
          options:
            description:
              - Options of the resolver, such as V(ndots:2).
              - See O(dns.options).
            type: list
            elements: str
      nsid:
        description:
          - The number by which the namespace that Ansible runs in knows this one, as with C(ip
            netns set).
          - See O(nsid).
        type: int
      netns_dir:
        description:
          - The directory of named namespaces.
          - See O(netns_dir).
        type: path
        default: /run/netns
      force:
        description:
          - Whether V(absent) also concerns a namespace that has processes inside.
          - See O(force).
        type: bool
        default: false
notes:
  - A namespace is removed by taking its name away. The kernel keeps it as long as a process, a
    mount or an open file uses it. Its veth links end with it, on both sides.
  - The namespace that Ansible itself runs in is refused.
  - A namespace that was removed and made again by hand is a new one. What was remembered of the
    old one is not applied to it.
seealso:
  - module: sandbox.network.link
    description: Links, addresses and routes inside.
  - module: sandbox.network.netns_info
  - plugin: sandbox.network.netns
    plugin_type: connection
    description: Run any task inside a namespace.
  - name: ip-netns(8)
    description: The tool that such namespaces can be handled with by hand.
    link: https://man7.org/linux/man-pages/man8/ip-netns.8.html
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.netns -a name=adhoc

- name: Make a namespace, with lo up
  sandbox.network.netns:
    name: web1

- name: Make one that routes, with a number and name servers of its own
  sandbox.network.netns:
    name: router1
    nsid: 100
    sysctl:
      net.ipv4.ip_forward: 1
      net.ipv6.conf.all.forwarding: 1
    dns:
      servers: [192.0.2.53, "2001:db8::53"]
      search: [lab.example]
      options: ["ndots:2"]

- name: Make many in one task
  sandbox.network.netns:
    namespaces:
      - name: db1
      - name: db2
        loopback: false

- name: Ask what a change would do, without doing it
  sandbox.network.netns:
    name: web1
    sysctl:
      net.ipv4.ip_unprivileged_port_start: 80
  check_mode: true
  diff: true
  register: preview

- name: Make a namespace with a name that nothing else has, another one in every run
  sandbox.network.netns:
    name: ci
    generate: true
  register: scratch

- name: Take it away again
  sandbox.network.netns:
    name: "{{ scratch.netns.name }}"
    state: absent

- name: Start a process in a namespace that has no name
  ansible.builtin.shell:
    cmd: unshare --net sleep 600 >/dev/null 2>&1 </dev/null & echo $!
  register: job
  changed_when: true

- name: Give the namespace of the process a name
  sandbox.network.netns:
    name: job1
    pid: "{{ job.stdout }}"
    loopback: true

- name: Take the name away, and leave the process what it had
  sandbox.network.netns:
    name: job1
    state: absent

- name: Take several away, even with processes inside
  sandbox.network.netns:
    state: absent
    namespaces:
      - name: db1
        force: true
      - name: db2
        force: true

- name: Say once what holds for all modules of the collection
  module_defaults:
    group/sandbox.network.all:
      state_dir: /run/lab
  block:
    - name: Make a namespace that is remembered in a directory of its own
      sandbox.network.netns:
        name: lab1

    - name: Bring its loopback interface down
      sandbox.network.link:
        name: lo
        netns: lab1
        up: false
"""

RETURN = r"""
netns:
  description: The namespace afterwards, or as predicted in check mode.
  type: dict
  returned: success, without O(namespaces)
  contains:
    name:
      description: The name. V(null) in check mode when it is to be generated.
      type: str
      returned: success
      sample: web1
    path:
      description: Where it is. V(null) in check mode when the name is to be generated.
      type: str
      returned: success
      sample: /run/netns/web1
    state:
      description: V(present) or V(absent).
      type: str
      returned: success
      sample: present
    inode:
      description:
        - The inode number, by which the kernel tells namespaces apart. V(null) when there is
          none, or not yet.
      type: int
      returned: success
      sample: 4026532249
    nsid:
      description: The number by which the namespace that Ansible runs in knows it, or V(null).
      type: int
      returned: success
      sample: 100
    created:
      description:
        - Whether this module made it. V(false) for one that it found, or that O(pid) names.
      type: bool
      returned: success
      sample: true
    pids:
      description: The processes inside.
      type: list
      elements: int
      returned: success
      sample: []
    repaired:
      description: An empty plain file that was left over stood in its place.
      type: bool
      returned: when it was so
      sample: true
namespaces:
  description: The namespaces in the order in which they were given, each as RV(netns).
  type: list
  elements: dict
  returned: success, with O(namespaces)
  sample:
    - name: web1
      path: /run/netns/web1
      state: present
      inode: 4026532249
      nsid: 100
      created: true
      pids: []
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(netns.create), V(netns.delete), V(netns.set),
      V(link.set), V(route.add), V(route.delete), V(sysctl.set), V(file.write), V(file.remove),
      V(record.put) and V(record.drop), and what it was done to and with.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: netns.create
      path: /run/netns/web1
      identity: [4, 4026532249]
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {namespaces: {/run/netns/web1: {state: absent}}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {namespaces: {/run/netns/web1: {state: present}}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: netns.create
      path: /run/netns/web1
      identity: [4, 4026532249]
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
  sample: EEXIST
"""

from ansible_collections.sandbox.network.plugins.module_utils._engine.front import run_module
from ansible_collections.sandbox.network.plugins.module_utils._resources.netns import (
    FORM,
    NetnsResource,
)


def main() -> None:
    """Run the module."""
    run_module(NetnsResource(), FORM)


if __name__ == "__main__":
    main()
