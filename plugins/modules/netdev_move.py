#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netdev_move
short_description: Move network devices into namespaces, and bring them back as they were
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Moves network devices that exist already, such as a physical interface, one end of a veth or
    a tap, into the network namespace of a sandbox, under a name of your choice.
  - The kernel takes nearly everything off a device that changes its namespace. Its lasting
    addresses are put on again there, of both families and with all their details, and its routes
    where you ask for them.
  - What a device was is remembered, and O(state=absent) brings it back where it was, as it was.
  - Takes C(linux.netDevices) of an OCI runtime C(config.json) as it stands.
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
  - sandbox.network._common.root
options:
  device:
    description:
      - The name of the device where it comes from, also when it is to be brought back. An
        alternative name does not find a device.
      - One of O(device) and O(mac) is required, unless O(devices) or O(net_devices) is given. With
        O(state=absent) and neither of them, all devices that were moved to O(netns) come back.
    type: str
  mac:
    description:
      - The MAC address of the device where it comes from, in place of its name. It may also be
        the permanent one, which a physical device was made with.
      - A bridge has the address of one of its ports, and a VLAN that of its parent. Neither is
        meant where another device has the address by itself. When there are still several, the
        task fails and names them.
      - Excludes O(device).
    type: str
  state:
    description:
      - V(present) moves the device, unless it was moved before. Then what is missing of its
        addresses and routes is put on again, and it is renamed, and brought up or down, as given.
        Addresses and routes that are there are never removed.
      - V(absent) moves it back to the namespace, the name and the index that it had, unless the
        index is taken by now, and gives it back what it had there. That is its MTU, MAC address,
        transmit queue, alias, alternative names, group and promiscuous mode; whether it was up;
        its place in a bridge, with the settings of that port; its addresses, those with a
        lifetime for what is left of it; its routes and permanent neighbours; its qdiscs, classes
        and filters, of the kinds that O(force) names; and its kernel settings, where they were
        not those of new links.
      - With V(absent), a device that was not moved by this module, or that is no more, is no
        error. What is not possible any longer is left out, such as the place in a bridge that is
        gone, or a route that another one has replaced, and RV(device.not_restored) tells it.
      - Devices of one task come back in the opposite order of their leaving.
      - Given beside O(devices), it holds for all items that have no state of their own.
    type: str
    choices: [present, absent]
    default: present
  netns:
    description:
      - The namespace that the device goes to, also when it is to be brought back from there. It
        is a name in C(/run/netns), an absolute path, or V(pid:N) for that of the process with the
        number N.
      - It must exist, except for O(state=absent).
      - Required, unless O(devices) is given.
    type: str
  from_netns:
    description:
      - The namespace that the device comes from. See O(netns) for how to write it.
      - Left out, it is the namespace that Ansible runs in. With O(state=absent), it is the one
        that the device came from, whichever that was.
    type: str
  new_name:
    description:
      - What the device is to be called in O(netns), in at most 15 letters, digits, V(_), V(.) and
        V(-), without V(-) in front, and neither V(all) nor V(default).
      - V(%d) in it, as in V(eth%d), stands for the lowest number that makes a name which is free
        there. The device keeps the name that it got this way.
      - Left out, it keeps its name. One that somebody renamed since is given its name again.
      - A name that another link there has, as its name or as an alternative one, is an error.
        So is an alternative name of the device that is taken there.
      - Not used with O(state=absent).
    type: str
  addresses:
    description:
      - V(preserve) brings the addresses along that are permanent and of global scope, IPv4 and
        IPv6, in their order, with prefix length, peer, label, broadcast address, metric, protocol
        and flags such as C(noprefixroute).
      - Those with a lifetime or of another scope stay behind, and are in RV(device.skipped)
        with the reason. What the kernel or a router gives by itself, it gives again.
      - V(drop) brings none along.
    type: str
    choices: [preserve, drop]
    default: preserve
  routes:
    description:
      - V(preserve) brings the routes through the device along, of all tables, and its permanent
        neighbours. Needs O(up=true).
      - A route that cannot work there is left behind, and is in RV(device.skipped_routes)
        with the reason.
      - V(drop) brings none along, which suits a sandbox with routes of its own.
      - Routes that the kernel makes for addresses, and those of router advertisements, come by
        themselves either way.
      - A route that is there through another link, with the same destination, table and metric,
        is an error.
    type: str
    choices: [preserve, drop]
    default: drop
  up:
    description:
      - Whether the device is up in O(netns), whatever it was before.
    type: bool
    default: true
  force:
    description:
      - Whether a device is moved that is better left alone, which is an error otherwise.
      - In the namespace that Ansible runs in, that is one through which the host is reached. It
        carries the default route, or the address that the SSH connection of this task leads to,
        by itself or as the physical port of a bridge that does.
      - In any namespace, it is one that would not come back as it was. Another link stands on it,
        such as a VLAN or a macvlan. Or it has a qdisc of another kind than V(htb), V(tbf),
        V(fq), V(fq_codel), V(prio), V(sfq), V(pfifo), V(bfifo), V(ingress) and V(clsact), or
        filters of another kind than V(u32) or with other actions than V(mirred) and V(gact). Or it
        is the port of a bridge that filters VLANs, or of something other than a bridge.
      - With O(state=absent), where the namespace that the device came from is gone, it leaves the
        device where it is, and forgets where it came from. Without it, that is an error. A device
        whose origin is there is brought back either way.
    type: bool
    default: false
  devices:
    description:
      - Many devices in one task, moved as a whole or not at all.
      - They are worked on in the order given. So V(eth%d) gives the first of them the lowest
        number.
      - Excludes O(net_devices) and the options for one device, except O(state).
    type: list
    elements: dict
    suboptions:
      device:
        description:
          - The name of the device where it comes from.
          - See O(device).
        type: str
      mac:
        description:
          - The MAC address of the device where it comes from, in place of its name.
          - See O(mac).
        type: str
      state:
        description:
          - Whether the device is to be in the namespace, or back where it came from.
          - Left out, it is what O(state) says.
        type: str
        choices: [present, absent]
      netns:
        description:
          - The namespace that the device goes to. Required.
          - See O(netns).
        type: str
      from_netns:
        description:
          - The namespace that the device comes from.
          - See O(from_netns).
        type: str
      new_name:
        description:
          - What the device is to be called, with V(%d) for the lowest free number.
          - See O(new_name).
        type: str
      addresses:
        description:
          - Whether its permanent addresses of global scope go along.
          - See O(addresses).
        type: str
        choices: [preserve, drop]
        default: preserve
      routes:
        description:
          - Whether the routes through it and its permanent neighbours go along.
          - See O(routes).
        type: str
        choices: [preserve, drop]
        default: drop
      up:
        description:
          - Whether the device is up afterwards.
          - See O(up).
        type: bool
        default: true
      force:
        description:
          - Whether a device is moved that is better left alone, or forgotten when its origin is
            gone.
          - See O(force).
        type: bool
        default: false
  net_devices:
    description:
      - Many devices as C(linux.netDevices) of an OCI runtime C(config.json) has them, as it
        stands. The keys are the names of the devices. Each value is a dictionary with C(name),
        see O(new_name), or an empty one.
      - An entry with anything else in it is an error, so nothing is left out in silence.
      - The other options hold for all of the devices. O(netns) is required.
      - Excludes O(devices), O(device), O(mac) and O(new_name).
    type: dict
notes:
  - Needs Linux 5.12 or newer on the managed host, which gives a moved device an index that is
    chosen beforehand. By that a device is recognised, whatever it is called.
  - Never moved, whatever O(force) says, are V(lo), a link that has ports, and those that the
    kernel moves to no other namespace, which are bridges, bonds, teams, VRFs and what a driver
    keeps in its place. Nor is a device with a route that could not be put back, such as one with
    an encapsulation or with a next hop object.
  - MTU, MAC address, transmit queue, alias, group, alternative names and promiscuous mode stay
    with a device. It loses its master, qdiscs, filters and kernel settings. In O(netns), it has
    those that new links have there.
  - A virtual device ends with the namespace that it is in, so bring it back before the namespace
    is removed. A physical one is put into the initial namespace by the kernel, under the name
    that it had in the sandbox. From there, O(state=absent) takes it where it was, and
    O(state=present) into a new namespace of the same name.
  - A device that is moved on from one sandbox to another is remembered at each step. Bring it
    back in the reverse order.
  - Devices with their origins are forgotten by a reboot, as is all else in O(state_dir).
  - While a device is away, filters of other links that redirect packets to it lose their target,
    and do not find it again when it is back. Static entries in the forwarding database of its
    bridge are not put back.
  - In check mode, a namespace in C(/run/netns) that is missing is taken for made by an earlier
    task, with a warning. A device must be there.
seealso:
  - module: sandbox.network.netns
    description: Namespaces for devices to go to.
  - module: sandbox.network.link
    description: Makes links in the namespace where they belong, so that none has to be moved.
  - name: OCI runtime specification, network devices
    description: What linux.netDevices says.
    link: https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#network-devices
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.netns -a 'name=web9'
# ansible localhost -b -m sandbox.network.link -a 'name=nic9 kind=veth peer="name=wire9"'
# ansible localhost -b -m sandbox.network.netdev_move -a 'device=nic9 netns=web9'
# ansible localhost -b -m sandbox.network.netdev_move -a 'device=nic9 netns=web9 state=absent'

- name: Make a namespace for devices to go to
  sandbox.network.netns:
    name: web1

- name: Make devices, in place of those that a machine has
  sandbox.network.link:
    links:
      - name: nic1
        kind: veth
        addresses: [192.0.2.7/24, "2001:db8::7/64"]
        routes:
          - dst: 198.51.100.0/24
            gateway: 192.0.2.1
        peer: {name: wire1}
      - name: nic2
        kind: veth
        mac: "02:00:00:00:00:02"
        peer: {name: wire2}
      - name: nic3
        kind: veth
        peer: {name: wire3}

- name: Ask what a move would do, without doing it
  sandbox.network.netdev_move:
    device: nic1
    netns: web1
  check_mode: true
  diff: true

- name: Move a device into the namespace, with its addresses and routes, and call it eth0
  sandbox.network.netdev_move:
    device: nic1
    netns: web1
    new_name: eth0
    routes: preserve
  register: moved

- name: Show what could not come along
  ansible.builtin.debug:
    msg: "{{ moved.device.skipped + moved.device.skipped_routes }}"

- name: Move many in one task, one of them by its MAC address, to the lowest free names
  sandbox.network.netdev_move:
    devices:
      - mac: "02:00:00:00:00:02"
        netns: web1
        new_name: eth%d
      - device: nic3
        netns: web1
        new_name: eth%d
        up: false

- name: Bring all of them back as they were
  sandbox.network.netdev_move:
    state: absent
    devices:
      - device: nic1
        netns: web1
      - mac: "02:00:00:00:00:02"
        netns: web1
      - device: nic3
        netns: web1

- name: Move the devices that the configuration of an OCI runtime names
  sandbox.network.netdev_move:
    netns: web1
    net_devices: "{{ config.linux.netDevices }}"
  vars:
    config:
      linux:
        netDevices:
          nic1: {name: net0}
          nic2: {}

- name: Bring a device back, or forget it should the namespace that it came from be gone
  sandbox.network.netdev_move:
    state: absent
    netns: web1
    device: nic2
    force: true
"""

RETURN = r"""
device:
  description: The device afterwards, or as predicted in check mode.
  type: dict
  returned: success, without O(devices) and O(net_devices)
  contains:
    name:
      description: The name that it has where it is.
      type: str
      returned: success
      sample: eth0
    netns:
      description:
        - The path of the namespace that it is in. V(null) for the one that Ansible runs in.
      type: str
      returned: success
      sample: /run/netns/web1
    state:
      description:
        - V(present) when it is where it was moved to, V(absent) when it is back, or was never
          moved.
      type: str
      returned: success
      sample: present
    ifindex:
      description:
        - The index. V(null) in check mode for a device that is to be moved, and for one that is
          no more.
      type: int
      returned: success
      sample: 926264472
    mac:
      description:
        - The MAC address. V(null) for a device that has none or is no more.
      type: str
      returned: success
      sample: 02:00:00:00:00:07
    mtu:
      description: The MTU. V(null) for a device that is no more.
      type: int
      returned: success
      sample: 1500
    up:
      description: Whether it is up. V(null) for a device that is no more.
      type: bool
      returned: success
      sample: true
    addresses:
      description: Its addresses as CIDRs, without those of scope V(host) and V(link).
      type: list
      elements: str
      returned: success
      sample: [192.0.2.7/24, "2001:db8::7/64"]
    origin:
      description: Where it came from. V(null) for a device that is not moved.
      type: dict
      returned: success
      contains:
        name:
          description: The name that it had there.
          type: str
          returned: success
          sample: nic1
        netns:
          description: The path of that namespace. V(null) for the one that Ansible runs in.
          type: str
          returned: success
          sample: null
    skipped:
      description:
        - The addresses that it had, and that were not brought along.
        - In each run that finds it moved, it is the same list. C(absent) puts them on again.
      type: list
      elements: dict
      returned: success
      contains:
        address:
          description: The address as a CIDR.
          type: str
          returned: success
          sample: 192.0.2.99/24
        reason:
          description:
            - "Why. V(dynamic) for one with a lifetime, V(scope) and the scope, such as
              V(scope link), for one that is not global, or V(addresses: drop)."
          type: str
          returned: success
          sample: dynamic
    skipped_routes:
      description:
        - With O(routes=preserve), the routes that were not brought along. C(absent) puts them on
          again.
      type: list
      elements: dict
      returned: success
      contains:
        dst:
          description: The destination as a CIDR.
          type: str
          returned: success
          sample: 198.51.100.0/24
        reason:
          description:
            - Why, as words. The gateway would be out of reach, IPv6 is off there, the source address stays behind,
              the route leads through other devices, too, or through another one altogether with
              an address of this one as its source, or it is of another type than unicast.
          type: str
          returned: success
          sample: its gateway 192.0.2.1 is out of reach
    not_restored:
      description:
        - With O(state=absent), what could not be put back because its place has changed while the
          device was away, each as words that name it and the reason. Addresses whose lifetime is
          over are not told.
        - Only the run that brings the device back tells it.
      type: list
      elements: str
      returned: success
      sample: ["master: br0 is gone"]
    brought_back:
      description: The devices that came back, the last one to leave first.
      type: list
      elements: dict
      returned: success, with O(state=absent) and neither O(device) nor O(mac)
      contains:
        name:
          description: The name that it has again.
          type: str
          returned: success
          sample: nic1
        netns:
          description: The path of the namespace where it is again. V(null) for the one that Ansible runs in.
          type: str
          returned: success
          sample: null
devices:
  description: The devices in the order in which they were given, each as RV(device).
  type: list
  elements: dict
  returned: success, with O(devices) or O(net_devices)
  sample:
    - name: eth0
      netns: /run/netns/web1
      state: present
      ifindex: 926264472
      mac: 02:00:00:00:00:07
      mtu: 1500
      up: true
      addresses: [192.0.2.7/24]
      origin: {name: nic1, netns: null}
      skipped: []
      skipped_routes: []
      not_restored: []
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(link.move), V(link.set), V(address.add),
      V(route.add), V(neighbour.add), V(qdisc.add), V(filter.add), V(sysctl.set), V(record.put)
      and V(record.drop), and what it was done to and with.
    - C(restore) of V(link.move) is what the kernel takes off the device, and what an undo puts on
      again.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: link.move
      netns: null
      name: nic2
      ifindex: 7
      to: {netns: /run/netns/web1, name: nic2, ifindex: 926264472}
      restore: []
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {links: {nic2: {state: present}, nic2 in /run/netns/web1: {state: absent}}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {links: {nic2: {state: absent}, nic2 in /run/netns/web1: {state: present}}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: link.move
      netns: null
      name: nic2
      ifindex: 7
      to: {netns: /run/netns/web1, name: nic2, ifindex: 926264472}
      restore: []
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
from ansible_collections.sandbox.network.plugins.module_utils._resources.device import DeviceResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.device_options import FORM


def main() -> None:
    """Run the module."""
    run_module(DeviceResource(), FORM)


if __name__ == "__main__":
    main()
