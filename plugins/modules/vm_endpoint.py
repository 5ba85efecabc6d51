#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vm_endpoint
short_description: Wire the links of a sandbox to a virtual machine
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Gives a virtual machine that runs in a sandbox the sandbox's network. Each link of the network
    namespace gets an endpoint, which is a tap or a macvtap that the virtual machine monitor opens,
    and what connects it to the link.
  - Returns what the VM needs to know (MAC address, MTU, addresses and routes), and the arguments
    for QEMU, Cloud Hypervisor and Firecracker, ready to use.
  - What a link was is remembered, and O(state=absent) makes it that again.
  - A link that has a vhost-user back end needs no wiring. Its socket is found and returned in the
    same form.
  - A physical device is not wired either. It is bound to the driver V(vfio-pci), and the VM gets
    it as a whole.
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
  - sandbox.network._common.root
options:
  netns:
    description:
      - The namespace of the sandbox. It is a name in C(/run/netns), an absolute path, or V(pid:N)
        for that of the process with the number N.
      - It must exist, except for O(state=absent). The one that Ansible runs in is an error.
      - Required, unless O(endpoints) is given.
    type: str
  interface:
    description:
      - The link in O(netns) that the VM is to be wired to.
      - One of O(interface) and O(scan) is required. With O(state=absent) and no O(interface), all
        endpoints of O(netns) are taken back.
    type: str
  scan:
    description:
      - Whether all links of O(netns) that can have an endpoint get one, in the order of their
        names.
      - Those that cannot are in RV(unsupported) with the reason. The loopback, and the taps and
        bridges of endpoints, are in neither list.
      - Excludes O(interface) and the options that are for one link, which are O(index), O(tap),
        O(bridge), O(mac) other than V(random), and O(vhost_user_socket).
    type: bool
    default: false
  state:
    description:
      - V(present) wires the link, or mends what is missing of an endpoint. One that differs in
        O(model), O(index), O(tap), O(bridge), O(queues), O(vnet_hdr), O(owner) or O(group) is
        taken back and made anew, so the VM loses it. Rates change in place.
      - V(absent) takes the endpoint away and gives the link back its MAC address, its addresses of
        both families, its routes and permanent neighbours, IPv6, and whether it was up. Qdiscs and
        filters of others stay as they are.
      - With V(absent), a link without an endpoint is no error, and neither is a namespace that is
        gone.
      - Given beside O(endpoints), it holds for all items that have no state of their own.
    type: str
    choices: [present, absent]
    default: present
  index:
    description:
      - The number of the endpoint, from 0 to 65535. The names of tap and bridge, the MAC address
        that O(mac) stands for, and the ids in RV(endpoints[].hypervisor) are made of it.
      - Left out, it is the first number in the name of the link, such as 2 of V(eth2). Where there
        is none, it is the place of the link in the order of names.
    type: int
  type:
    description:
      - V(virtual) wires the link by O(model).
      - V(vhost-user) returns the socket of a back end in user space, such as that of DPDK or
        passt, and touches nothing. It is an error when there is none.
      - V(auto) is V(vhost-user) where O(vhost_user_socket) is given or a socket is found in
        O(vhost_user_dir), and V(virtual) otherwise.
      - V(physical) gives the VM the device as a whole. See O(vfio_driver).
    type: str
    choices: [auto, virtual, physical, vhost-user]
    default: auto
  model:
    description:
      - How a V(virtual) endpoint is wired.
      - V(tcfilter) makes a tap, and sends all that arrives at the link out of the tap and the other
        way round, by a filter on each. The VM has the MAC address of the link, and the link keeps
        its addresses, which the host reads and the VM is to be given. It works for each kind of
        link, and the qdiscs V(ingress) and V(clsact) of others, with their filters, stay and are
        asked first.
      - V(macvtap) makes a macvtap on the link. The macvtap takes over the MAC address of the link,
        which gets another one, see O(mac), and loses its addresses, routes and permanent
        neighbours to the VM. IPv6 is switched off on it. The VM gets the device as an open file
        of RV(endpoints[].tap.device), which Firecracker cannot do.
      - V(bridged) makes a tap and a bridge of which the tap and the link are the ports. The link
        is stripped as with V(macvtap). It is for VMMs that open a tap by its name, where filters
        are not possible.
      - V(none) makes the tap and wires it to nothing, for something else to do so.
      - V(default) is V(tcfilter). V(enlightened) is a name without a meaning, and refused.
      - V(macvtap) and V(bridged) are not possible for links of the kinds macvlan, ipvlan and vlan.
    type: str
    default: default
  tap:
    description:
      - The name of the tap, or of the macvtap.
      - Left out, it is C(tapN_kata), where N is O(index). The ending tells watchers of the
        namespace that it is no link of the sandbox's network.
    type: str
  bridge:
    description:
      - The name of the bridge of O(model=bridged).
      - Left out, it is C(brN_kata), where N is O(index).
    type: str
  queues:
    description:
      - How many queues the endpoint has, from 1 to 256. With more than one, the tap is made for
        several, and V(firecracker) of the result is V(null), since it opens one only.
      - A macvtap is opened once for each, see RV(endpoints[].descriptors).
    type: int
    default: 1
  vnet_hdr:
    description:
      - Whether frames on the tap have a header that leaves checksums and segmentation to the other
        side. All VMMs of today expect it.
    type: bool
    default: true
  vhost:
    description:
      - Whether QEMU is told to let the kernel carry the frames (C(/dev/vhost-net)).
      - V(auto) does so where the host has the device, V(never) never does, and with V(required) it
        is an error when the device is missing.
    type: str
    choices: [auto, required, never]
    default: auto
  owner:
    description:
      - The user, by name or number, who may open the tap without being root. That is for a VMM
        without privileges. The device node of a macvtap belongs to this user.
      - Left out, it is root alone.
    type: str
  group:
    description:
      - The group, by name or number, whose members may open the tap. The device node of a macvtap
        belongs to it, but is for its owner alone.
    type: str
  mac:
    description:
      - What the link of the sandbox gets in place of its MAC address, when the VM takes that over,
        with V(macvtap) and V(bridged).
      - V(random) lets the kernel choose one.
      - Left out, it is V(02:00:ca:fe:HH:LL) with the two bytes of O(index).
    type: str
  rx_rate:
    description:
      - How many bits a second the VM may receive, by an C(htb) qdisc on the tap, from 8000.
      - Left out, there is no limit. An existing limit goes when it is left out.
      - Not possible with O(model=macvtap), which queues nothing on that way, and not with
        O(model=none).
      - A root qdisc of somebody else in that place is an error.
    type: int
  tx_rate:
    description:
      - How many bits a second the VM may send, by an C(htb) qdisc on the link, or with
        O(model=macvtap) on the macvtap.
      - Otherwise as O(rx_rate), but also for O(model=macvtap).
    type: int
  vhost_user_socket:
    description:
      - The path of the socket of a vhost-user back end.
      - The socket must be there, and no directory above it may be a symbolic link or writable for
        everybody. Whoever can put another one in its place reads what the VM sends.
    type: str
  vhost_user_dir:
    description:
      - Where sockets of vhost-user back ends are looked for, as
        C(vhostuser_ADDRESS/vhu.sock) with an address of the link.
    type: str
    default: /run
  queue_size:
    description:
      - How many descriptors each queue has, a power of two from 2 to 32768. Cloud Hypervisor is
        told.
    type: int
    default: 256
  vfio_driver:
    description:
      - With O(type=physical), the driver that the device is bound to, so that a VMM can pass it to
        the VM. It gets its own driver back with O(state=absent).
    type: str
    default: vfio-pci
  force:
    description:
      - With O(type=physical), whether a device is given away that is better left alone, which is
        an error otherwise. That is one with the address that the SSH connection of this task
        leads to, one that another link stands on, one that has functions of its own (SR-IOV), or
        one with a qdisc that could not be put back.
    type: bool
    default: false
  network_json:
    description:
      - A file that holds the endpoints of O(netns) for other programs, in the shape that
        virtcontainers gives its C(network.json). Its directory must exist.
      - With O(state=present) it is written, readable for its owner only.
      - With O(state=absent), links that it names are let go as well, where O(state_dir) knows
        nothing of them, and then it is removed. What it holds of other types is in
        RV(unsupported), and stops nothing.
    type: path
  endpoints:
    description:
      - Many endpoints in one task, made as a whole or not at all, also of several sandboxes.
      - Excludes the options for one endpoint, except O(state).
    type: list
    elements: dict
    suboptions:
      netns:
        description:
          - The namespace of the sandbox. Required.
          - See O(netns).
        type: str
      interface:
        description:
          - The link that the VM is to be wired to.
          - See O(interface).
        type: str
      scan:
        description:
          - Whether all links that can have an endpoint get one.
          - See O(scan).
        type: bool
        default: false
      state:
        description:
          - Whether there is to be an endpoint. Left out, it is what O(state) says.
        type: str
        choices: [present, absent]
      index:
        description:
          - The number of the endpoint.
          - See O(index).
        type: int
      type:
        description:
          - What kind of endpoint it is.
          - See O(type).
        type: str
        choices: [auto, virtual, physical, vhost-user]
        default: auto
      model:
        description:
          - How it is wired.
          - See O(model).
        type: str
        default: default
      tap:
        description:
          - The name of the tap, or of the macvtap.
          - See O(tap).
        type: str
      bridge:
        description:
          - The name of the bridge of O(endpoints[].model=bridged).
          - See O(bridge).
        type: str
      queues:
        description:
          - How many queues it has.
          - See O(queues).
        type: int
        default: 1
      vnet_hdr:
        description:
          - Whether frames on the tap have a header for offloads.
          - See O(vnet_hdr).
        type: bool
        default: true
      vhost:
        description:
          - Whether QEMU is told to use C(/dev/vhost-net).
          - See O(vhost).
        type: str
        choices: [auto, required, never]
        default: auto
      owner:
        description:
          - The user who may open the tap.
          - See O(owner).
        type: str
      group:
        description:
          - The group whose members may open the tap.
          - See O(group).
        type: str
      mac:
        description:
          - What the link gets in place of the MAC address that the VM takes over.
          - See O(mac).
        type: str
      rx_rate:
        description:
          - How many bits a second the VM may receive.
          - See O(rx_rate).
        type: int
      tx_rate:
        description:
          - How many bits a second the VM may send.
          - See O(tx_rate).
        type: int
      vhost_user_socket:
        description:
          - The path of the socket of a vhost-user back end.
          - See O(vhost_user_socket).
        type: str
      vhost_user_dir:
        description:
          - Where sockets of vhost-user back ends are looked for.
          - See O(vhost_user_dir).
        type: str
        default: /run
      queue_size:
        description:
          - How many descriptors each queue has.
          - See O(queue_size).
        type: int
        default: 256
      vfio_driver:
        description:
          - The driver that a physical device is bound to.
          - See O(vfio_driver).
        type: str
        default: vfio-pci
      force:
        description:
          - Whether a physical device is given away that is better left alone.
          - See O(force).
        type: bool
        default: false
      network_json:
        description:
          - A file that holds the endpoints of the namespace for other programs.
          - See O(network_json).
        type: path
notes:
  - The tap is in the namespace of the sandbox, so that is where the VMM runs, with
    C(ip netns exec NAME) or C(NetworkNamespacePath=) of systemd. A macvtap is passed as an open
    file, so its VMM may run anywhere.
  - The device node of a macvtap is C(/dev/sandbox-network/NAME-IF), made of the last part of
    O(netns) and of O(interface). It is not that of the kernel, C(/dev/tapN), where N is the
    index of the macvtap. There is one directory C(/dev) for all namespaces and the same index may
    be given in each of them, so that node may lead into the network of another sandbox.
  - Links of the kinds veth, macvlan, ipvlan, vlan, dummy, ifb and vxlan can have an endpoint. One
    that is a port of a bridge cannot, since its frames would go to the VM before they get there.
  - Endpoints end with their namespace. Take them back before, since the device node of a macvtap
    is outside of it.
  - Endpoints are forgotten by a reboot, as is all else in O(state_dir).
  - In check mode, a link must be there.
seealso:
  - module: sandbox.network.link
    description: Makes the links that VMs are wired to, and taps without a link.
  - module: sandbox.network.netdev_move
    description: Moves a device into the namespace first.
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.netns -a 'name=vm9'
# ansible localhost -b -m sandbox.network.link -a 'name=eth0 netns=vm9 kind=veth peer="name=wire9"'
# ansible localhost -b -m sandbox.network.vm_endpoint -a 'netns=vm9 interface=eth0'
# ansible localhost -b -m sandbox.network.vm_endpoint -a 'netns=vm9 state=absent'

- name: Make the namespaces of two sandboxes
  sandbox.network.netns:
    namespaces:
      - name: vm1
      - name: vm2

- name: Make their links
  sandbox.network.link:
    links:
      - name: eth0
        netns: vm1
        kind: veth
        addresses: [192.0.2.7/24, "2001:db8::7/64"]
        routes:
          - dst: default
            gateway: 192.0.2.1
        peer: {name: wire1}
      - name: eth1
        netns: vm1
        kind: veth
        addresses: [198.51.100.7/24]
        peer: {name: wire2}
      - name: eth0
        netns: vm2
        kind: veth
        mac: "02:00:00:00:00:02"
        peer: {name: wire3}

- name: Ask what an endpoint would take, without making it
  sandbox.network.vm_endpoint:
    netns: vm1
    interface: eth0
  check_mode: true
  diff: true

- name: Wire a link to a VM, which may receive 100 Mbit/s and send 20
  sandbox.network.vm_endpoint:
    netns: vm1
    interface: eth0
    rx_rate: 100000000
    tx_rate: 20000000
  register: wired

- name: Show the arguments for QEMU, and the body for Firecracker
  ansible.builtin.debug:
    msg:
      - "ip netns exec vm1 qemu-system-x86_64 {{ wired.endpoints[0].hypervisor.qemu | join(' ') }}"
      - "{{ wired.endpoints[0].hypervisor.firecracker }}"

- name: Wire links of several sandboxes in one task
  sandbox.network.vm_endpoint:
    endpoints:
      - netns: vm1
        interface: eth1
        model: macvtap
        tx_rate: 20000000
      - netns: vm2
        interface: eth0
        model: bridged
        owner: nobody
  register: many

- name: Show how a VMM in a shell gets the macvtap
  ansible.builtin.debug:
    msg: >-
      cloud-hypervisor {{ many.endpoints[0].hypervisor.cloud_hypervisor | join(' ') }}
      {% for file in many.endpoints[0].descriptors %}{{ file.fd }}<>{{ file.path }} {% endfor %}

- name: Take one of them back, as it was
  sandbox.network.vm_endpoint:
    netns: vm1
    interface: eth1
    state: absent

- name: Take back all of two sandboxes
  sandbox.network.vm_endpoint:
    state: absent
    endpoints:
      - netns: vm1
      - netns: vm2

- name: Wire whatever links there are
  sandbox.network.vm_endpoint:
    netns: vm1
    scan: true
  register: scanned

- name: Show what could not be wired, and why
  ansible.builtin.debug:
    msg: "{{ scanned.unsupported }}"
"""

RETURN = r"""
endpoints:
  description:
    - The endpoints afterwards, or as predicted in check mode, in the order in which they were
      given, those of O(scan) by the names of their links.
    - Empty with O(state=absent).
  type: list
  elements: dict
  returned: success
  contains:
    type:
      description: V(virtual), V(physical) or V(vhost-user).
      type: str
      returned: success
      sample: virtual
    name:
      description: The link of the sandbox.
      type: str
      returned: success
      sample: eth0
    netns:
      description: The path of its namespace, in which the VMM is to be started.
      type: str
      returned: success
      sample: /run/netns/vm1
    index:
      description: The number of the endpoint.
      type: int
      returned: success
      sample: 0
    hard_addr:
      description:
        - The MAC address that the VM must have. It is that which the link had in the beginning.
      type: str
      returned: success
      sample: 02:00:00:00:00:07
    model:
      description:
        - V(tcfilter), V(macvtap), V(bridged) or V(none). V(null) for an endpoint that is not
          V(virtual).
      type: str
      returned: success
      sample: tcfilter
    tap:
      description: The tap or macvtap. V(null) for an endpoint that is not V(virtual).
      type: dict
      returned: success
      contains:
        name:
          description: The name.
          type: str
          returned: success
          sample: tap0_kata
        ifindex:
          description: The index. V(null) in check mode for one that is to be made.
          type: int
          returned: success
          sample: 541973668
        device:
          description:
            - The device node to open, of a macvtap. V(null) for a tap, which is opened by its name.
          type: str
          returned: success
          sample: /dev/sandbox-network/vm1-eth1
        major:
          description: The major number of that node. V(null) for a tap, and in check mode for one that is to be made.
          type: int
          returned: success
          sample: 246
        minor:
          description: The minor number of that node. See RV(endpoints[].tap.major).
          type: int
          returned: success
          sample: 1
    bridge:
      description: The bridge of O(model=bridged). V(null) with other models.
      type: str
      returned: success
      sample: null
    mtu:
      description: The MTU that the VM must have.
      type: int
      returned: success
      sample: 1500
    addresses:
      description:
        - The addresses of global scope that the VM is to have, as CIDRs. They are those that the
          link has, or with O(model=macvtap) and O(model=bridged) those that were taken off it.
      type: list
      elements: str
      returned: success
      sample: [192.0.2.7/24, "2001:db8::7/64"]
    routes:
      description:
        - The routes with a gateway that the VM is to have. Those of subnets come with the
          addresses. With O(model=macvtap) and O(model=bridged), they are all that were taken off
          the link.
      type: list
      elements: dict
      returned: success
      contains:
        dst:
          description: The destination as a CIDR.
          type: str
          returned: success
          sample: 0.0.0.0/0
        gateway:
          description: The gateway.
          type: str
          returned: when the route has one
          sample: 192.0.2.1
    pci:
      description:
        - The physical device. V(null) for an endpoint that is not V(physical).
      type: dict
      returned: success
      contains:
        bdf:
          description: Its place on the bus, as domain, bus, device and function.
          type: str
          returned: success
          sample: "0000:03:00.1"
        vendor_device_id:
          description: The numbers of its vendor and its kind.
          type: str
          returned: success
          sample: "0x8086 0x10ed"
        driver:
          description: The driver that it has of its own, and gets back with O(state=absent).
          type: str
          returned: success
          sample: ixgbevf
        bound_driver:
          description: The driver that it is bound to now.
          type: str
          returned: success
          sample: vfio-pci
        iommu_group:
          description: The number of its IOMMU group.
          type: int
          returned: success
          sample: 17
        vfio_device:
          description: The device node that a VMM opens.
          type: str
          returned: success
          sample: /dev/vfio/17
    socket_path:
      description: The socket of the vhost-user back end. V(null) for another endpoint.
      type: str
      returned: success
      sample: null
    descriptors:
      description:
        - The files that the VMM must be started with, open for reading and writing, one for each
          queue of a macvtap. Empty where a tap is opened by its name.
      type: list
      elements: dict
      returned: success
      contains:
        fd:
          description: The number of the descriptor, to which the arguments refer.
          type: int
          returned: success
          sample: 3
        path:
          description: What to open.
          type: str
          returned: success
          sample: /dev/sandbox-network/vm1-eth1
    hypervisor:
      description: Arguments for VMMs. V(null) for one that cannot have such an endpoint.
      type: dict
      returned: success
      contains:
        qemu:
          description: Words of its command line.
          type: list
          elements: str
          returned: success
          sample:
            - -netdev
            - tap,id=net0,ifname=tap0_kata,script=no,downscript=no,vhost=off
            - -device
            - virtio-net-pci,netdev=net0,mac=02:00:00:00:00:07,host_mtu=1500
        cloud_hypervisor:
          description: Words of its command line.
          type: list
          elements: str
          returned: success
          sample: [--net, "tap=tap0_kata,mac=02:00:00:00:00:07,mtu=1500,num_queues=2,queue_size=256"]
        firecracker:
          description:
            - The body of C(PUT /network-interfaces/ID), where ID is its C(iface_id), or an element
              of C(network-interfaces) in its configuration file.
          type: dict
          returned: success
          sample: {iface_id: net0, host_dev_name: tap0_kata, guest_mac: "02:00:00:00:00:07"}
unsupported:
  description: >-
    The links that O(scan) found and that cannot have an endpoint; with O(state=absent), what
    O(network_json) holds and nobody here knows.
  type: list
  elements: dict
  returned: success
  contains:
    interface:
      description: The name of the link.
      type: str
      returned: success
      sample: br0
    reason:
      description: Why, as words.
      type: str
      returned: success
      sample: of kind bridge
not_restored:
  description:
    - With O(state=absent), what of a physical device could not be put back because its place has
      changed while a VM had it, each as words.
  type: list
  elements: str
  returned: success
  sample: []
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(link.add), V(link.set), V(link.delete), V(qdisc.add),
      V(qdisc.delete), V(redirect.add), V(redirect.delete), V(node.create), V(node.remove),
      V(address.add), V(address.delete), V(route.add), V(route.delete), V(neighbour.add),
      V(neighbour.delete), V(sysctl.set), V(record.put) and V(record.drop), and what it was done to
      and with.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: redirect.add
      netns: /run/netns/vm1
      link: eth0
      ifindex: 293323680
      parent: "ffff:0"
      target: tap0_kata
      target_ifindex: 541973668
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {links: {eth0 in /run/netns/vm1: {redirected_to: null}}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {links: {eth0 in /run/netns/vm1: {redirected_to: tap0_kata}}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: redirect.add
      netns: /run/netns/vm1
      link: eth0
      ifindex: 293323680
      parent: "ffff:0"
      target: tap0_kata
      target_ifindex: 541973668
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
from ansible_collections.sandbox.network.plugins.module_utils._resources.endpoint import EndpointResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.endpoint_options import FORM


def main() -> None:
    """Run the module."""
    run_module(EndpointResource(), FORM)


if __name__ == "__main__":
    main()
