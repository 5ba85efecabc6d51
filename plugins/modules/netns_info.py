#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns_info
short_description: Read what is in network namespaces
version_added: 1.0.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Returns the links, addresses, routes, neighbours and processes of network namespaces, each as
    a whole and in short, and draws how they are connected.
  - Tells of each network that a namespace is connected to what container inspection tells, which
    ports of the host lead to it, and which rules of M(sandbox.network.firewall) it has.
  - Reads everything of the kernel at the moment of the task, and never changes anything. What was
    remembered before a reboot, or of another namespace of the name, is not believed.
extends_documentation_fragment:
  - sandbox.network._attributes.info
  - sandbox.network._common.info
options:
  name:
    description:
      - The namespaces to look at, as names in O(netns_dir), absolute paths, or V(pid:N) for that
        of the process with the number N.
      - Left out, all of O(netns_dir). One that does not exist is not an error, but has
        RV(namespaces[].state=absent).
      - Naming something else than a network namespace is an error, and so is naming the one that
        Ansible itself runs in.
    type: list
    elements: str
  gather:
    description:
      - What to return of each namespace.
      - V(addresses) is a part of RV(namespaces[].links), and needs V(links). V(statistics) are
        parts of RV(namespaces[].links) and RV(namespaces[].networks).
      - What is left out is not returned. The summary of addresses, RV(namespaces[].guest) and
        RV(topology) are always there, but the guest's neighbours need V(neighbours).
    type: list
    elements: str
    choices:
      - links
      - addresses
      - routes
      - statistics
      - neighbours
      - networks
      - endpoints
      - forwards
      - firewall
      - monitors
      - attachments
      - processes
    default:
      - links
      - addresses
      - routes
      - statistics
      - neighbours
      - networks
      - endpoints
      - forwards
      - firewall
      - monitors
      - attachments
      - processes
  netns_dir:
    description:
      - The directory of named namespaces.
    type: path
    default: /run/netns
  cni_cache_dir:
    description:
      - Where the results of CNI plugins are kept, see
        O(sandbox.network.cni_network#module:cache_dir).
    type: path
    default: /var/lib/cni
notes:
  - Values are those inside the namespace. What a sandbox has received is the RV(ignore:rx_bytes)
    of its own link.
  - The contents of the namespace that Ansible itself runs in are not among RV(namespaces), but it
    is drawn, as C(host).
  - A name on disk that is not UTF-8 is returned with escapes for the bytes that are not.
  - Several sandboxes can share one namespace, as the containers of a pod do. It is read once, and
    all of it is returned for each of its names. What was made by one of them, such as a user-mode
    network or an endpoint, is told for the others too.
  - V(firewall) runs C(nft) where there are rules of sandboxes, to see whether they are in force.
seealso:
  - module: sandbox.network.netns
  - module: sandbox.network.link
  - module: sandbox.network.firewall
  - name: Mermaid
    description: How to show RV(topology.mermaid).
    link: https://mermaid.js.org
  - name: Graphviz
    description: How to show RV(topology.graphviz).
    link: https://graphviz.org
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.netns_info -a 'gather=links,addresses'

- name: Make two namespaces
  sandbox.network.netns:
    namespaces:
      - name: web1
      - name: web2

- name: Connect them
  sandbox.network.link:
    name: eth0
    netns: web1
    kind: veth
    addresses: [10.80.0.1/24]
    peer:
      name: eth0
      netns: web2
      addresses: [10.80.0.2/24]

- name: Read everything
  sandbox.network.netns_info:
  register: network

- name: Show how it is connected
  ansible.builtin.debug:
    msg: "{{ network.topology.mermaid }}"

- name: Show which addresses there are
  ansible.builtin.debug:
    msg: "{{ network.namespaces | items2dict(key_name='name', value_name='ip_address') }}"

- name: Show what each has received from each of its networks
  ansible.builtin.debug:
    msg: "{{ item.0.name }} {{ item.1.interface }} ({{ item.1.driver }}): {{ item.1.statistics.rx_bytes }} bytes"
  loop: "{{ network.namespaces | subelements('networks', skip_missing=True) }}"
  loop_control:
    label: "{{ item.0.name }}"

- name: Read a part of two namespaces, of which one does not exist
  sandbox.network.netns_info:
    name: [web1, web9]
    gather: [links, statistics, processes]
  register: part

- name: Make sure of what was read
  ansible.builtin.assert:
    that:
      - part.namespaces[0].pids | length == 0
      - part.namespaces[0].links | map(attribute='name') | list == ['lo', 'eth0']
      - part.namespaces[1].state == 'absent'
"""

RETURN = r"""
namespaces:
  description: The namespaces in the order in which they were given, or else by name.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The last part of the path, or V(pid:N) where it was found through a process.
      type: str
      returned: success
      sample: web1
    path:
      description: Where it is.
      type: str
      returned: success
      sample: /run/netns/web1
    state:
      description:
        - V(present), V(absent), or V(leftover) for an empty plain file where a namespace was.
        - When O(name) is left out also V(foreign) for something else in O(netns_dir), and V(own)
          for a name of the namespace that Ansible itself runs in.
      type: str
      returned: success
      sample: present
    inode:
      description: The inode number, by which the kernel tells namespaces apart.
      type: int
      returned: when the namespace exists
      sample: 4026532249
    nsid:
      description: The number by which the namespace that Ansible runs in knows it, or V(null).
      type: int
      returned: when the namespace exists
      sample: null
    created:
      description: Whether M(sandbox.network.netns) made it.
      type: bool
      returned: when the namespace exists
      sample: true
    shared_with:
      description:
        - The other paths of the same namespace, when several sandboxes share one. Those in other
          directories than O(netns_dir) are among them.
      type: list
      elements: str
      returned: when the namespace exists
      sample: [/run/netns/web1-sidecar]
    ip_address:
      description: The first global IPv4 address, or V(null).
      type: str
      returned: when the namespace exists
      sample: 10.80.0.2
    ip_prefix_len:
      description: Its prefix length, or V(null).
      type: int
      returned: when the namespace exists
      sample: 24
    gateway:
      description: The gateway of the IPv4 default route with the lowest metric, or V(null).
      type: str
      returned: when the namespace exists
      sample: 10.80.0.1
    global_ipv6_address:
      description: The first global IPv6 address, or V(null).
      type: str
      returned: when the namespace exists
      sample: "fd00:80::2"
    global_ipv6_prefix_len:
      description: Its prefix length, or V(null).
      type: int
      returned: when the namespace exists
      sample: 64
    ipv6_gateway:
      description: The gateway of the IPv6 default route with the lowest metric, or V(null).
      type: str
      returned: when the namespace exists
      sample: "fd00:80::1"
    mac_address:
      description: The MAC address of the first link that has a global address, or V(null).
      type: str
      returned: when the namespace exists
      sample: 02:00:00:00:00:07
    sandbox_key:
      description: The path, under the name that container engines give it.
      type: str
      returned: when the namespace exists
      sample: /run/netns/web1
    links:
      description: The links.
      type: list
      elements: dict
      returned: when the namespace exists and O(gather) has V(links)
      contains:
        name:
          description: The name.
          type: str
          returned: success
          sample: eth0
        ifindex:
          description: The index.
          type: int
          returned: success
          sample: 345298901
        kind:
          description: The kind. V(null) for V(lo) and a physical link.
          type: str
          returned: success
          sample: veth
        mac:
          description: The MAC address, or V(null).
          type: str
          returned: success
          sample: 02:00:00:00:00:07
        mtu:
          description: The MTU.
          type: int
          returned: success
          sample: 1500
        txqlen:
          description: The length of the transmit queue.
          type: int
          returned: success
          sample: 1000
        up:
          description: Whether it was brought up.
          type: bool
          returned: success
          sample: true
        flags:
          description:
            - The flags of the kernel that are set, among V(up), V(broadcast), V(loopback),
              V(pointopoint), V(running), V(noarp), V(promisc), V(allmulti), V(multicast),
              V(lower_up) and V(dormant).
          type: list
          elements: str
          returned: success
          sample: [up, broadcast, running, multicast, lower_up]
        master:
          description: The link that it is a port of, or V(null).
          type: str
          returned: success
          sample: null
        alias:
          description: The description, or an empty text.
          type: str
          returned: success
          sample: ""
        altnames:
          description: The alternative names.
          type: list
          elements: str
          returned: success
          sample: []
        parent:
          description:
            - The link that this one stands on. V(null) for those that stand on none, for a veth,
              and when it is in another namespace.
          type: str
          returned: success
          sample: null
        peer:
          description:
            - The other end of a veth. V(null) for other kinds, and when it is in a namespace that
              was not looked at.
          type: dict
          returned: success
          contains:
            name:
              description: Its name.
              type: str
              returned: success
              sample: web1-eth0
            netns:
              description:
                - The path of the namespace that it is in. V(null) for the one that Ansible runs
                  in.
              type: str
              returned: success
              sample: null
        addresses:
          description: The addresses.
          type: list
          elements: dict
          returned: when O(gather) has V(addresses)
          contains:
            address:
              description: The address as a CIDR.
              type: str
              returned: success
              sample: 10.80.0.2/24
            family:
              description: V(ipv4) or V(ipv6).
              type: str
              returned: success
              sample: ipv4
            peer:
              description: The other end of a point-to-point address, or V(null).
              type: str
              returned: success
              sample: null
            label:
              description: The label of an IPv4 address, or V(null).
              type: str
              returned: success
              sample: eth0
            broadcast:
              description: The broadcast address, or V(null).
              type: str
              returned: success
              sample: null
            scope:
              description: V(global), V(site), V(link) or V(host).
              type: str
              returned: success
              sample: global
            tentative:
              description: Whether duplicate address detection is under way.
              type: bool
              returned: success
              sample: false
            dadfailed:
              description: Whether duplicate address detection found that somebody else has it.
              type: bool
              returned: success
              sample: false
            permanent:
              description: Whether it has no lifetime.
              type: bool
              returned: success
              sample: true
            noprefixroute:
              description: Whether it came without a route to its subnet.
              type: bool
              returned: success
              sample: false
            valid:
              description: For how many seconds it is valid, or V(null) for ever.
              type: int
              returned: success
              sample: null
            preferred:
              description: For how many seconds it is preferred, or V(null) for ever.
              type: int
              returned: success
              sample: null
        statistics:
          description: Counters since the link was made.
          type: dict
          returned: when O(gather) has V(statistics)
          contains:
            rx_packets:
              description: Packets received.
              type: int
              returned: success
              sample: 0
            tx_packets:
              description: Packets sent.
              type: int
              returned: success
              sample: 0
            rx_bytes:
              description: Bytes received.
              type: int
              returned: success
              sample: 0
            tx_bytes:
              description: Bytes sent.
              type: int
              returned: success
              sample: 0
            rx_errors:
              description: Faulty packets received.
              type: int
              returned: success
              sample: 0
            tx_errors:
              description: Faulty packets sent.
              type: int
              returned: success
              sample: 0
            rx_dropped:
              description: Packets dropped that were to be received.
              type: int
              returned: success
              sample: 0
            tx_dropped:
              description: Packets dropped that were to be sent.
              type: int
              returned: success
              sample: 0
    routes:
      description: The routes of all tables.
      type: list
      elements: dict
      returned: when the namespace exists and O(gather) has V(routes)
      contains:
        dst:
          description: The destination as a CIDR.
          type: str
          returned: success
          sample: 0.0.0.0/0
        gateway:
          description: The next hop, or V(null).
          type: str
          returned: success
          sample: 10.80.0.1
        link:
          description: The link that it leads through, or V(null).
          type: str
          returned: success
          sample: eth0
        src:
          description: The source address to prefer, or V(null).
          type: str
          returned: success
          sample: null
        metric:
          description: The priority.
          type: int
          returned: success
          sample: 0
        table:
          description: The number of the table, such as 254 for V(main).
          type: int
          returned: success
          sample: 254
        scope:
          description: How far the destination is.
          type: str
          returned: success
          sample: global
        protocol:
          description:
            - The number of who made it, such as 2 for the kernel, and 4 for
              M(sandbox.network.link).
          type: int
          returned: success
          sample: 4
        onlink:
          description: Whether the gateway counts as reachable.
          type: bool
          returned: success
          sample: false
    neighbours:
      description: The entries of the ARP and ND tables.
      type: list
      elements: dict
      returned: when the namespace exists and O(gather) has V(neighbours)
      contains:
        address:
          description: The IP address.
          type: str
          returned: success
          sample: 10.80.0.1
        mac:
          description: The MAC address, or an empty text.
          type: str
          returned: success
          sample: 02:00:00:00:00:01
        state:
          description: What the kernel thinks of it.
          type: str
          returned: success
          sample: reachable
        link:
          description: The link that it is reached through.
          type: str
          returned: success
          sample: eth0
    networks:
      description:
        - What it is connected to, as container inspection tells it, for each link but V(lo), in
          the order of the links.
        - Without what wires endpoints of virtual machines. What a link lost to its VM is listed as
          if the link had it still.
      type: list
      elements: dict
      returned: when the namespace exists and O(gather) has V(networks)
      contains:
        interface:
          description: The link.
          type: str
          returned: success
          sample: eth0
        driver:
          description:
            - What connects it. V(bridge) for a veth whose other end is a port of a bridge, V(cni)
              for M(sandbox.network.cni_network) and other callers of CNI plugins, V(slirp) for
              M(sandbox.network.slirp_network), V(device) for M(sandbox.network.netdev_move) and
              any physical link, or else the kind of the link.
          type: str
          returned: success
          sample: bridge
        network:
          description: The name of the bridge, or of the network of CNI. V(null) for the others.
          type: str
          returned: success
          sample: sbr0
        ip_address:
          description: The first global IPv4 address, or V(null).
          type: str
          returned: success
          sample: 10.80.0.2
        ip_prefix_len:
          description: Its prefix length, or V(null).
          type: int
          returned: success
          sample: 24
        gateway:
          description:
            - The gateway of the IPv4 default route with the lowest metric of those that leave by
              this link, or V(null).
          type: str
          returned: success
          sample: 10.80.0.1
        global_ipv6_address:
          description: The first global IPv6 address, or V(null).
          type: str
          returned: success
          sample: "fd00:80::2"
        global_ipv6_prefix_len:
          description: Its prefix length, or V(null).
          type: int
          returned: success
          sample: 64
        ipv6_gateway:
          description:
            - The gateway of the IPv6 default route with the lowest metric of those that leave by
              this link, or V(null).
          type: str
          returned: success
          sample: "fd00:80::1"
        mac_address:
          description: The MAC address, or V(null).
          type: str
          returned: success
          sample: "02:00:00:00:00:07"
        secondary_ip_addresses:
          description: The other global IPv4 addresses as CIDRs.
          type: list
          elements: str
          returned: success
          sample: [10.80.0.3/24]
        secondary_ipv6_addresses:
          description: The other global IPv6 addresses as CIDRs.
          type: list
          elements: str
          returned: success
          sample: []
        statistics:
          description:
            - The counters of the link, from the sandbox's point of view, as in
              RV(namespaces[].links[].statistics).
          type: dict
          returned: when O(gather) has V(statistics)
          sample:
            rx_packets: 12
            tx_packets: 10
            rx_bytes: 1080
            tx_bytes: 860
            rx_errors: 0
            tx_errors: 0
            rx_dropped: 0
            tx_dropped: 0
    endpoints:
      description: Endpoints of virtual machines that are recorded for it, in the order of their links.
      type: list
      elements: dict
      returned: when the namespace exists and O(gather) has V(endpoints)
      contains:
        name:
          description: The link that leads to the network.
          type: str
          returned: success
          sample: eth0
        index:
          description: Its number among the endpoints.
          type: int
          returned: success
          sample: 0
        model:
          description: How it is wired.
          type: str
          returned: success
          sample: tcfilter
        hard_addr:
          description: The MAC address that the VM has.
          type: str
          returned: success
          sample: "02:00:00:00:00:07"
        tap:
          description: The tap or macvtap.
          type: str
          returned: success
          sample: tap0_kata
        bridge:
          description: The bridge that joins both, for the model V(bridged).
          type: str
          returned: success
          sample: null
    forwards:
      description:
        - The ports of the host that lead to it, by its user-mode network, by
          M(sandbox.network.firewall), or by plugins of CNI.
        - Those of a user-mode network are as they are while that lives, else as they are to be again.
      type: list
      elements: dict
      returned: when the namespace exists and O(gather) has V(forwards)
      contains:
        id:
          description: The number by which slirp4netns knows it, V(null) for all others and for a dead helper.
          type: int
          returned: success
          sample: 1
        proto:
          description: V(tcp) or V(udp).
          type: str
          returned: success
          sample: tcp
        host_addr:
          description: The address of the host that is listened at.
          type: str
          returned: success
          sample: 127.0.0.1
        host_port:
          description: The port of the host.
          type: int
          returned: success
          sample: 8080
        guest_addr:
          description: The address in the sandbox.
          type: str
          returned: success
          sample: 10.0.2.100
        guest_port:
          description: The port in the sandbox.
          type: int
          returned: success
          sample: 80
        by:
          description: What leads it there, V(slirp4netns), V(pasta), V(firewall) or V(cni).
          type: str
          returned: success
          sample: slirp4netns
    firewall:
      description:
        - The rules of the sandboxes in it, as M(sandbox.network.firewall) has them. There can be
          several, each with links of its own.
      type: list
      elements: dict
      returned: when the namespace exists and O(gather) has V(firewall)
      contains:
        sandbox:
          description: The name of the sandbox.
          type: str
          returned: success
          sample: web1
        in_force:
          description:
            - Whether the kernel has all of these rules. V(false) after somebody flushed or changed
              them, until they are put back by the guard of M(sandbox.network.firewall) or by its
              next task, on any sandbox.
          type: bool
          returned: success
          sample: true
        policy:
          description: V(isolate), V(open) or V(closed).
          type: str
          returned: success
          sample: isolate
        masquerade:
          description: Whether what it sends to other machines gets an address of the host.
          type: bool
          returned: success
          sample: false
        antispoof:
          description: Whether it can use no other addresses than its own.
          type: bool
          returned: success
          sample: true
        forwarding:
          description: Whether the host is made to forward for it.
          type: bool
          returned: success
          sample: false
        addresses:
          description: The addresses that count as its own.
          type: list
          elements: str
          returned: success
          sample: [10.80.0.2/24]
        allow:
          description: Who may talk to it, and whom it may talk to.
          type: list
          elements: dict
          returned: success
          sample: [{cidr: 10.80.0.3, proto: tcp, port: "80", direction: both}]
        deny:
          description: Who may not.
          type: list
          elements: dict
          returned: success
          sample: []
        ports:
          description: The ports of the host that are published for it.
          type: list
          elements: dict
          returned: success
          sample: [{proto: tcp, host_addr: 127.0.0.1, host_port: 8080, guest_addr: 10.80.0.2, guest_port: 80}]
        interfaces:
          description: The links of the host that lead to it.
          type: list
          elements: dict
          returned: success
          sample: [{name: web1-eth0, mac: "02:00:00:00:00:07", bridge: sbr0}]
    monitors:
      description: The sandboxes that the namespace is watched for, see M(sandbox.network.netmon_service).
      type: list
      elements: dict
      returned: when the namespace exists and O(gather) has V(monitors)
      contains:
        sandbox_id:
          description: The name by which the runtime knows it.
          type: str
          returned: success
          sample: web1
        runtime_path:
          description: The runtime that is told.
          type: str
          returned: success
          sample: /usr/local/bin/kata-runtime
        alive:
          description: Whether the monitor runs.
          type: bool
          returned: success
          sample: true
        watched:
          description: Whether it watches the namespace now.
          type: bool
          returned: success
          sample: true
        problem:
          description: Why the last call failed, or the namespace cannot be watched. V(null) when all is well.
          type: str
          returned: success
          sample: null
        interfaces:
          description: The names of the interfaces that the runtime knows.
          type: list
          elements: str
          returned: success
          sample: [eth0]
        events:
          description: How many events the kernel has sent since the monitor was started.
          type: int
          returned: success
          sample: 12
        overflows:
          description: How often events were lost, and everything was looked at again.
          type: int
          returned: success
          sample: 0
        looks:
          description: How often the namespace was read.
          type: int
          returned: success
          sample: 3
        commands:
          description: How often the runtime was called.
          type: int
          returned: success
          sample: 2
        failures:
          description: How often that failed.
          type: int
          returned: success
          sample: 0
        lag:
          description: Seconds from the last change until the runtime knew it.
          type: float
          returned: success
          sample: 0.23
    attachments:
      description:
        - The networks that CNI plugins attached it to, by the name of the interface, each as
          RV(sandbox.network.cni_network#module:cni) as it was when it was attached.
        - Each has the first address of each family besides, in short, as for the whole namespace.
      type: list
      elements: dict
      returned: when the namespace exists and O(gather) has V(attachments)
      sample:
        - network: web
          container_id: web1
          interface: eth0
          netns: /run/netns/web1
          state: present
          cni_version: 1.0.0
          interfaces: [{name: eth0, mac: "0e:8b:1d:3c:5d:02", sandbox: /run/netns/web1}]
          ips: [{address: 10.44.0.80/24, gateway: 10.44.0.1, interface: 0}]
          routes: [{dst: 0.0.0.0/0}]
          dns: {}
          unchecked: {}
          ip_address: 10.44.0.80
          ip_prefix_len: 24
          gateway: 10.44.0.1
          global_ipv6_address: null
          global_ipv6_prefix_len: null
          ipv6_gateway: null
          mac_address: "0e:8b:1d:3c:5d:02"
    user_mode:
      description: The helper of its user-mode network, V(null) where it has none.
      type: dict
      returned: when the namespace exists and O(gather) has V(processes)
      contains:
        backend:
          description: V(slirp4netns) or V(pasta).
          type: str
          returned: success
          sample: slirp4netns
        alive:
          description: Whether the helper and its supervisor run.
          type: bool
          returned: success
          sample: true
        answers:
          description: Whether it does what it is there for, as far as it can be asked. Pasta cannot be.
          type: bool
          returned: success
          sample: true
        problem:
          description: What is wrong, or the last words of a dead helper.
          type: str
          returned: success
          sample: null
        pid:
          description: The process.
          type: int
          returned: success
          sample: 4711
        api_socket:
          description: The API socket of slirp4netns.
          type: str
          returned: success
          sample: /run/sandbox-network/helpers/slirp-run_netns_web1-0123456789abcdef/api.sock
        interface:
          description: Its interface in the sandbox.
          type: str
          returned: success
          sample: tap0
        guest:
          description: The IPv4 address of the sandbox.
          type: str
          returned: success
          sample: 10.0.2.100
        gateway:
          description: The gateway that the sandbox sees.
          type: str
          returned: success
          sample: 10.0.2.2
        dns:
          description: The name server that the sandbox sees, V(null) for none.
          type: str
          returned: success
          sample: 10.0.2.3
        mtu:
          description: The MTU of the interface.
          type: int
          returned: success
          sample: 65520
    pids:
      description: The processes inside.
      type: list
      elements: int
      returned: when the namespace exists and O(gather) has V(processes)
      sample: []
    guest:
      description:
        - Interfaces, routes and neighbours in the form that the agent in a virtual machine takes.
        - Without V(lo), link-local addresses, and the routes that the kernel makes by itself.
        - Without what wires endpoints of virtual machines. What a link lost to its VM is listed as
          if the link had it still.
      type: dict
      returned: when the namespace exists
      contains:
        interfaces:
          description: The links.
          type: list
          elements: dict
          returned: success
          sample:
            - Device: eth0
              Name: eth0
              IPAddresses: [{Family: 2, Address: 10.80.0.2, Mask: "24"}]
              Mtu: 1500
              RawFlags: 0
              HwAddr: "02:00:00:00:00:07"
              PciPath: ""
              LinkType: veth
        routes:
          description: The routes of the main table. C(Dest) is empty for the default route.
          type: list
          elements: dict
          returned: success
          sample: [{Dest: "", Gateway: 10.80.0.1, Device: eth0, Source: "", Scope: 0}]
        neighbours:
          description:
            - Permanent entries of the neighbour table, and the default gateway once it has
              answered.
          type: list
          elements: dict
          returned: success
          sample:
            - Device: eth0
              Address: 10.80.0.1
              HwAddr: "02:00:00:00:00:01"
              State: permanent
topology:
  description:
    - A drawing of the namespaces that exist and of the one that Ansible runs in, with their
      links, addresses, bridges and veths.
  type: dict
  returned: success
  contains:
    mermaid:
      description: In the language of Mermaid.
      type: str
      returned: success
      sample: |
        flowchart LR
          subgraph n0["host"]
            host_br0["br0 · bridge<br/>10.80.0.1/24"]
          end
    graphviz:
      description: In the language of Graphviz.
      type: str
      returned: success
      sample: |
        graph topology {
          rankdir=LR; node [shape=box];
          subgraph cluster_0 { label="host";
            host_br0 [label="br0 · bridge\n10.80.0.1/24"];
          }
        }
errno:
  description: The kernel's error by its name.
  type: str
  returned: when the kernel refused something
  sample: EPERM
"""

from ansible_collections.sandbox.network.plugins.module_utils._engine.front import run_info
from ansible_collections.sandbox.network.plugins.module_utils._resources.info import (
    OPTIONS,
    gather_namespaces,
)


def main() -> None:
    """Run the module."""
    run_info(OPTIONS, gather_namespaces)


if __name__ == "__main__":
    main()
