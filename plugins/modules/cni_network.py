#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cni_network
short_description: Attach sandboxes to networks by CNI plugins
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Gives a network namespace an interface at a network that the plugins of CNI (Container Network
    Interface) make, as container engines do. The network is a configuration in a directory, or is
    given as data.
  - The plugins are called with ADD in their order, and with DEL in reverse order. When one of them
    fails, DEL is called for all, and the error has the code and the message of the plugin.
  - Results are kept where libcni keeps them and in its form, so other tools find them.
  - An interface that is attached already is asked for with CHECK. Is something wrong with it, it is
    detached and attached again with the same addresses, and the task has changed something.
  - The namespace must exist. M(sandbox.network.netns) makes one.
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
options:
  netns:
    description:
      - The namespace, as a name in C(/run/netns), an absolute path, or V(pid:N) for that of a
        process.
      - Required with O(state) V(present). To detach, O(container_id) will do.
    type: str
  container_id:
    description:
      - The name of the container for the plugins.
      - Left out, it is the name of the namespace.
    type: str
  network:
    description:
      - The name of a network. The first file in O(conf_dir) that has it is its configuration, in
        the order of file names, C(.conflist) before C(.conf) and C(.json).
      - To detach, no file is needed, for the configuration was kept.
      - Required, unless O(config) is given.
    type: str
  config:
    description:
      - The configuration of a network as data, either a list of plugins with C(cniVersion), C(name)
        and C(plugins), or one plugin.
      - The versions V(0.3.1), V(0.4.0), V(1.0.0) and V(1.1.0) are known. Before V(0.4.0) there is
        no CHECK.
      - When it has changed since the interface was attached, that is detached, as the former one
        says, and attached again. Where C(ipam) is the same, so are the addresses.
    type: dict
  conf_dir:
    description:
      - The directory of configurations.
    type: path
    default: /etc/cni/net.d
  plugin_dirs:
    description:
      - The directories that plugins are searched in, in this order.
    type: list
    elements: path
    default: [/opt/cni/bin, /usr/lib/cni, /usr/libexec/cni]
  cache_dir:
    description:
      - Where the results of attached interfaces are kept, in C(results), and what this module has
        begun, in C(sandbox-network).
      - It should outlive a reboot if the leases of addresses do, so that O(gc) finds their owners.
    type: path
    default: /var/lib/cni
  interface:
    description:
      - The name of the interface inside.
    type: str
    default: eth0
  ports:
    description:
      - Ports of the host that lead into the sandbox, as V([HOST_ADDR:]HOST_PORT[:PORT][/PROTO]),
        such as V(8080:80), V(0.0.0.0:8443:443) or V(5353:53/udp). Ports may be ranges.
      - Without an address, it is that of the loopback, V(127.0.0.1). V(0.0.0.0) and V([::]) stand
        for all addresses of a family.
      - One can also be a dict with the keys C(proto), C(host_addr), C(host_port) and C(guest_port).
      - A plugin such as portmap must have the capability C(portMappings). A port that another
        attachment in O(cache_dir) has is refused.
    type: list
    elements: raw
  ips:
    description:
      - Addresses that the interface is to have, with a prefix length where the plugin wants one.
      - They are told to plugins that have the capability C(ips). Without such a plugin, one address
        is told as C(IP) in C(CNI_ARGS).
    type: list
    elements: str
  mac:
    description:
      - The MAC address that the interface is to have.
      - It is told to plugins that have the capability C(mac), and without such a plugin as C(MAC)
        in C(CNI_ARGS).
    type: str
  args:
    description:
      - Texts for C(CNI_ARGS), by name. Most plugins refuse names that they do not know, unless
        C(IgnoreUnknown) is V(1).
    type: dict
  capabilities:
    description:
      - What plugins are told at run time by capability, such as C(bandwidth), C(aliases) or C(dns),
        as the plugin wants it.
      - It is an error when no plugin of the network has the capability.
    type: dict
  timeout:
    description:
      - How many seconds one call of a plugin may take. Then the plugin is ended with all that it
        started, which counts as a failure.
    type: float
    default: 60.0
  gc:
    description:
      - With O(state) V(absent), detach what was attached in namespaces that have ended, and free
        leases of host-local that name no owner. Plugins that were killed leave such leases.
      - What a reboot left is found, too. What other programs attached is theirs to collect.
      - With O(network) for this network only. Excludes the options for one attachment.
    type: bool
    default: false
  state:
    description:
      - V(present) attaches the interface, or repairs it.
      - V(absent) detaches it.
      - Given beside O(networks), it holds for all items that have no state of their own.
    type: str
    choices: [present, absent]
    default: present
  networks:
    description:
      - Many attachments in one task, done as a whole or not at all.
      - They are made in the order given, so the routes of the first one come first, and taken away
        in reverse order.
      - Excludes the options for one attachment, except O(state).
    type: list
    elements: dict
    suboptions:
      netns:
        description:
          - The namespace, as a name in C(/run/netns), an absolute path, or V(pid:N) for that of a
            process.
          - See O(netns).
        type: str
      container_id:
        description:
          - The name of the container for the plugins.
          - See O(container_id).
        type: str
      network:
        description:
          - The name of a network. The first file in O(networks[].conf_dir) that has it is its
            configuration, in the order of file names, C(.conflist) before C(.conf) and C(.json).
          - See O(network).
        type: str
      config:
        description:
          - The configuration of a network as data, either a list of plugins with C(cniVersion),
            C(name) and C(plugins), or one plugin.
          - See O(config).
        type: dict
      conf_dir:
        description:
          - The directory of configurations.
          - See O(conf_dir).
        type: path
        default: /etc/cni/net.d
      plugin_dirs:
        description:
          - The directories that plugins are searched in, in this order.
          - See O(plugin_dirs).
        type: list
        elements: path
        default: [/opt/cni/bin, /usr/lib/cni, /usr/libexec/cni]
      cache_dir:
        description:
          - Where the results of attached interfaces are kept, in C(results), and what this module
            has begun, in C(sandbox-network).
          - See O(cache_dir).
        type: path
        default: /var/lib/cni
      interface:
        description:
          - The name of the interface inside.
          - See O(interface).
        type: str
        default: eth0
      ports:
        description:
          - Ports of the host that lead into the sandbox, as
            V([HOST_ADDR:]HOST_PORT[:PORT][/PROTO]), such as V(8080:80), V(0.0.0.0:8443:443) or
            V(5353:53/udp). Ports may be ranges.
          - See O(ports).
        type: list
        elements: raw
      ips:
        description:
          - Addresses that the interface is to have, with a prefix length where the plugin wants
            one.
          - See O(ips).
        type: list
        elements: str
      mac:
        description:
          - The MAC address that the interface is to have.
          - See O(mac).
        type: str
      args:
        description:
          - Texts for C(CNI_ARGS), by name. Most plugins refuse names that they do not know, unless
            C(IgnoreUnknown) is V(1).
          - See O(args).
        type: dict
      capabilities:
        description:
          - What plugins are told at run time by capability, such as C(bandwidth), C(aliases) or
            C(dns), as the plugin wants it.
          - See O(capabilities).
        type: dict
      timeout:
        description:
          - How many seconds one call of a plugin may take. Then the plugin is ended with all that
            it started, which counts as a failure.
          - See O(timeout).
        type: float
        default: 60.0
      gc:
        description:
          - With O(networks[].state) V(absent), detach what was attached in namespaces that have
            ended, and free leases of host-local that name no owner. Plugins that were killed leave
            such leases.
          - See O(gc).
        type: bool
        default: false
      state:
        description:
          - Whether the interface is to be attached.
          - Left out, it is what O(state) says.
        type: str
        choices: [present, absent]
notes:
  - Plugins run as root with a clean environment. A plugin, its directory or a configuration file
    that others than root could change is refused.
  - What plugins share between sandboxes stays when the last one is detached. Those of the CNI
    project leave the bridge, the first chains of their firewall rules, and C(net.ipv4.ip_forward).
  - In check mode plugins are asked with VERSION and CHECK, and never called with ADD or DEL. The
    addresses that a plugin will choose are V(null) then.
  - RV(cni.interfaces), RV(cni.ips), RV(cni.routes) and RV(cni.dns) are as the last plugin told them.
    The name servers are not written anywhere. Give them to M(sandbox.network.netns) for that.
  - Configurations are not part of results, diffs and error messages, since they may hold secrets. One
    that is given as O(config) is part of what Ansible itself logs of a task, unless it has
    C(no_log).
seealso:
  - module: sandbox.network.netns
  - module: sandbox.network.netns_info
  - name: The specification of CNI
    description: What plugins are told, and what they answer.
    link: https://www.cni.dev/docs/spec/
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.cni_network -a 'gc=true state=absent'

- name: Make two namespaces
  sandbox.network.netns:
    namespaces:
      - name: web1
      - name: web2

- name: Attach it to a bridge, and lead a port of the host to it
  sandbox.network.cni_network:
    netns: web1
    config:
      cniVersion: "1.0.0"
      name: web
      plugins:
        - type: bridge
          bridge: cni-web
          isGateway: true
          ipMasq: true
          capabilities:
            ips: true
          ipam:
            type: host-local
            ranges: [[{subnet: 10.44.0.0/24}]]
            routes: [{dst: 0.0.0.0/0}]
        - type: portmap
          capabilities:
            portMappings: true
        - type: firewall
    ips: [10.44.0.80]
    ports: ["8080:80"]
  register: web1

- name: Show its address
  ansible.builtin.debug:
    msg: "{{ web1.cni.ips[0].address }}"

- name: Have a directory for configurations
  ansible.builtin.file:
    path: /etc/cni/net.d
    state: directory
    mode: "0755"

- name: Put a configuration there
  ansible.builtin.copy:
    dest: /etc/cni/net.d/50-storage.conflist
    mode: "0644"
    content: |
      {
        "cniVersion": "1.0.0",
        "name": "storage",
        "plugins": [
          {
            "type": "ptp",
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.45.0.0/24"}]]}
          }
        ]
      }

- name: Attach many interfaces, in this order
  sandbox.network.cni_network:
    networks:
      - netns: web1
        network: storage
        interface: eth1
      - netns: web2
        network: storage

- name: Detach one of them
  sandbox.network.cni_network:
    netns: web2
    network: storage
    state: absent

- name: Detach the others
  sandbox.network.cni_network:
    state: absent
    networks:
      - netns: web1
        network: web
      - netns: web1
        network: storage
        interface: eth1

- name: Collect what is left of namespaces that have ended
  sandbox.network.cni_network:
    gc: true
    state: absent
"""

RETURN = r"""
cni:
  description:
    - The attachment afterwards.
    - With O(gc), what was collected instead.
  returned: success, without O(networks)
  type: dict
  contains:
    network:
      description: The name of the network.
      type: str
      returned: success
      sample: web
    container_id:
      description: The name of the container.
      type: str
      returned: success
      sample: web1
    interface:
      description: The name of the interface inside.
      type: str
      returned: success
      sample: eth0
    netns:
      description: The path of the namespace.
      type: str
      returned: success
      sample: /run/netns/web1
    state:
      description: V(present) or V(absent).
      type: str
      returned: success
      sample: present
    cni_version:
      description: The version of the protocol that is spoken with the plugins.
      type: str
      returned: success
      sample: 1.0.0
    interfaces:
      description: The interfaces that plugins made. Those inside have a RV(ignore:sandbox).
      type: list
      returned: success
      elements: dict
      sample:
        - {name: cni-web, mac: "4e:7d:0a:71:7d:24"}
        - {name: veth3f0cf6a1, mac: "9a:1c:0c:d1:a5:6f"}
        - {name: eth0, mac: "0e:8b:1d:3c:5d:02", sandbox: /run/netns/web1}
    ips:
      description: The addresses, each with its gateway and the number of its interface in the list.
      type: list
      returned: success
      elements: dict
      sample: [{address: 10.44.0.80/24, gateway: 10.44.0.1, interface: 2}]
    routes:
      description: The routes inside.
      type: list
      returned: success
      elements: dict
      sample: [{dst: 0.0.0.0/0}]
    dns:
      description: What the network says about name servers.
      type: dict
      returned: success
      sample: {}
    unchecked:
      description:
        - What plugins complained of when they were asked with CHECK at once after ADD, by plugin. Some
          releases cannot check all that they do.
        - The same complaint later is no reason to attach anything again, and another one is.
      type: dict
      returned: success
      sample: {}
    collected:
      description:
        - The attachments of which something was left. Each has C(network), C(container_id),
          C(interface) and C(netns).
      type: list
      returned: success, with O(gc)
      elements: dict
      sample: [{network: web, container_id: web7, interface: eth0, netns: /run/netns/web7}]
    freed_leases:
      description:
        - Addresses that nobody had, by the C(directory) of host-local.
      type: list
      returned: success, with O(gc)
      elements: dict
      sample: [{directory: /var/lib/cni/networks/web, addresses: [10.44.0.7]}]
networks:
  description: The attachments in the order in which they were given, each as RV(cni).
  returned: success, with O(networks)
  type: list
  elements: dict
  sample:
    - {network: web, container_id: web1, interface: eth0, netns: /run/netns/web1, state: present}
cni_error:
  description: What the plugin said that failed.
  returned: when a plugin failed
  type: dict
  contains:
    plugin:
      description: The plugin.
      type: str
      returned: when a plugin failed
      sample: bridge
    command:
      description: What it was to do, such as V(ADD).
      type: str
      returned: when a plugin failed
      sample: ADD
    code:
      description: Its error code. Those up to 99 are of the specification. V(null) where it told none.
      type: int
      returned: when a plugin failed
      sample: 11
    msg:
      description: Its message.
      type: str
      returned: when a plugin failed
      sample: no IP addresses available in range set
    details:
      description: Its details, or what else it said.
      type: str
      returned: when a plugin failed
      sample: ""
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(cni.add), V(cni.delete) and V(leases.free), and what it
      was done to and with, without the configuration.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - {op: cni.add, network: web, container_id: web1, interface: eth0, sandbox: /run/netns/web1}
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {attachments: {eth0 of web1 in /run/netns/web1 at web: null}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {attachments: {eth0 of web1 in /run/netns/web1 at web: {plugins: [bridge, firewall]}}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - {op: cni.add, network: web, container_id: web1, interface: eth0, sandbox: /run/netns/web1}
rolled_back:
  description:
    - Whether everything stands as it stood before the task.
    - Where it is V(false), RV(ignore:msg) says what could not be undone. The next task on the
      same objects tries again.
  type: bool
  returned: failure
  sample: true
errno:
  description: The system's error by its name, where it was the system that refused.
  type: str
  returned: when the system refused something
  sample: ENOSPC
"""

from ansible_collections.sandbox.network.plugins.module_utils._engine.front import run_module
from ansible_collections.sandbox.network.plugins.module_utils._resources.cni import CniResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.cni_options import FORM


def main() -> None:
    """Run the module."""
    run_module(CniResource(), FORM)


if __name__ == "__main__":
    main()
