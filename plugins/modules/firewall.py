#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: firewall
short_description: Isolate sandboxes, publish their ports, and keep them from spoofing
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Gives sandboxes that are reached through the host, by a bridge or by a veth of their own, their
    nftables rules. They say who may open connections to a sandbox and where it may open some, which
    of its ports are published on the host, and that it uses no addresses but its own.
  - The rules are in two tables of our own, both called C(sandbox_network), of the families C(inet)
    and C(bridge). Rules of others are never touched. What differs between sandboxes is in sets, so a
    packet meets the same few rules however many sandboxes there are.
  - A task is one transaction of nftables. Where somebody changed or flushed the tables, check mode
    says so, and the next task on any sandbox makes them whole again, for all.
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
options:
  sandbox:
    description:
      - The name of the sandbox. Each element of a set bears it as a comment.
      - Letters, digits, V(_), V(.) and V(-), 64 at most.
      - Required, unless O(sandboxes) is given.
    type: str
  state:
    description:
      - V(present) makes the rules of the sandbox what the options say. An option that is left out
        has its default, so each task names all that is to hold.
      - V(absent) takes the rules of the sandbox away, and its connections are forgotten. O(sandbox)
        is enough for that. The tables go with the last sandbox.
      - Given beside O(sandboxes), it holds for all items that have no state of their own.
    type: str
    choices: [present, absent]
    default: present
  netns:
    description:
      - The namespace of the sandbox. It is a name in C(/run/netns), an absolute path, or V(pid:N)
        for that of the process with the number N. It is only read.
      - Left out, it is the one in C(/run/netns) that has the name O(sandbox), if there is one.
      - Its veths that have their other end on this host tell what O(interface), O(mac) and
        O(addresses) are, where these are left out.
    type: str
  addresses:
    description:
      - The addresses of the sandbox, each with or without a prefix length. The rules know the
        sandbox by them.
      - The prefix length tells the network of the sandbox, which is not masqueraded. Without one,
        there is only the address.
      - Left out, they are all global addresses of the links in O(netns).
      - One that another sandbox has is an error.
    type: list
    elements: str
  interface:
    description:
      - The link of this host that leads to the sandbox. It is a port of a bridge, a tap for
        example, or the end of a veth that the host routes to.
      - Left out, it is the other end of each veth in O(netns).
    type: str
  mac:
    description:
      - The MAC address of the sandbox at O(interface), which is not that of O(interface) itself.
      - Left out, it is that of the other end of O(interface) in O(netns).
    type: str
  interfaces:
    description:
      - The links of this host that lead to the sandbox, where O(interface) is not enough, because
        there are several and the MAC address of one cannot be seen. It excludes O(interface).
    type: list
    elements: dict
    suboptions:
      name:
        description: The link, as O(interface).
        type: str
        required: true
      mac:
        description: The MAC address of the sandbox there, as O(mac).
        type: str
  policy:
    description:
      - V(isolate) lets the sandbox open connections, and lets in the answers. What comes from
        elsewhere gets in by O(ports) and O(allow) only.
      - V(open) lets everything in and out.
      - V(closed) lets nothing in or out, but what O(allow) names. It excludes O(ports).
      - The host itself can always open connections to a sandbox, except with V(closed).
      - Sandboxes on one bridge are outsiders to each other, too. Unless both are V(open) and deny
        nothing, the host routes what they send each other, for which it has to forward.
    type: str
    choices: [isolate, open, closed]
    default: isolate
  masquerade:
    description:
      - Whether what the sandbox sends to other machines has the address of the host there.
      - Other sandboxes, and machines in the networks of O(addresses), see the address of the
        sandbox.
    type: bool
    default: false
  ports:
    description:
      - Ports of the host that lead to the sandbox, each in a short form or as a dictionary.
      - The short form is C([HOST_ADDR:]HOST_PORT[:GUEST_PORT][/PROTO]), such as
        V(127.0.0.1:8080:80/tcp), V(8080:80) or V([2001:db8::1]:8080:80). V(8000-8010:9000-9010/udp)
        is a range, and C(/tcp,udp) means both.
      - A dictionary has C(host_port), and what else is wanted of C(proto), C(host_addr),
        C(guest_addr) and C(guest_port).
      - Without C(host_addr), a port is published at V(127.0.0.1) and V(::1), where only the host
        itself reaches it, each if the sandbox has an address of that family. It is left out at
        V(::1) if another port of the list is published there, or if IPv6 is off on the link that
        leads to the sandbox. V(0.0.0.0) is every IPv4 address of the host, V(::) every IPv6
        address. As everybody who can reach the host reaches those, a warning says so.
      - C(guest_addr) is an address of the sandbox. Left out, it is the first one of the family of
        C(host_addr).
      - A port that another sandbox has there, at which somebody listens, or of an address that is
        not this host's, is an error.
    type: list
    elements: raw
  allow:
    description:
      - Connections that are accepted besides those of O(policy), each in a short form or as a
        dictionary.
      - The short form is a CIDR or an address, C(PORT/PROTO), or both with a colon between, such as
        V(10.0.0.0/8), V(443/tcp), V(10.0.0.0/8:8000-8010/udp) or V([fd00::/8]:443/tcp).
      - A dictionary has what is wanted of C(cidr), C(port), C(proto) and C(direction). C(proto) is
        V(tcp), V(udp), V(sctp) or V(icmp). With a port, it is V(tcp) when left out. C(direction) is
        V(in) for connections to the sandbox, V(out) for connections that it opens, or V(both),
        which is the default.
      - C(cidr) is where the other machine is. C(port) is that of the machine that is connected to,
        which is the port in the sandbox for V(in).
    type: list
    elements: raw
  deny:
    description:
      - Connections that are dropped, as in O(allow). It comes before O(allow), O(policy) and
        O(ports), and holds for the host itself as well.
    type: list
    elements: raw
  antispoof:
    description:
      - Whether the sandbox is kept to its own addresses. Frames with another MAC address, IPv4 or
        IPv6 address are dropped, and so are ARP and neighbour discovery for another address, router
        advertisements, redirects, answers of DHCP servers, and protocols other than IP and ARP.
      - Besides O(addresses), the sandbox may use the link-local IPv6 address that follows from its
        MAC address. Others are named in O(addresses).
      - It needs the link that leads to the sandbox, so O(netns), or O(interface) and O(mac). All
        links with addresses in O(netns) must be veths with their other end on this host.
    type: bool
    default: true
  guard:
    description:
      - Whether a process watches the rules, and puts them back at once when somebody has flushed or changed
        them, such as a restart of C(nftables.service). There is one for all sandboxes of the host, as long as
        one of them asks for it.
      - V(auto) has one where systemd is the first process. It is the unit
        C(sandbox-network-firewall-guard.service), which ends with the boot, as the rules do.
      - V(always) has one elsewhere, too, as a process of this collection.
      - V(never) does not ask for one. The next task puts the rules back.
      - There is none for rules in another namespace than that of the host's first process.
    type: str
    choices: [auto, always, never]
    default: auto
  forwarding:
    description:
      - Whether the host is made to forward packets of the families of O(addresses)
        (C(net.ipv4.ip_forward), C(net.ipv6.conf.all.forwarding)). Other machines reach published ports,
        and sandboxes reach other machines, by a host that forwards only.
      - A host that forwards already is left as it is. Otherwise the settings are put back with the last
        sandbox that wanted them.
      - A host that forwards IPv6 takes router advertisements only on links whose C(accept_ra) is 2. A
        link that has 1, and a route or an address from a router, gets 2 before, and 1 again after it.
      - V(false) leaves the settings to others.
    type: bool
    default: false
  sandboxes:
    description:
      - Many sandboxes in one task, done as a whole or not at all.
      - Excludes the options for one sandbox, except O(state).
    type: list
    elements: dict
    suboptions:
      sandbox:
        description:
          - The name of the sandbox. Each element of a set bears it as a comment.
          - See O(sandbox).
        type: str
      state:
        description:
          - Whether the sandbox is to have rules.
          - Left out, it is what O(state) says.
        type: str
        choices: [present, absent]
      netns:
        description:
          - The namespace of the sandbox. It is a name in C(/run/netns), an absolute path, or
            V(pid:N) for that of the process with the number N. It is only read.
          - See O(netns).
        type: str
      addresses:
        description:
          - The addresses of the sandbox, each with or without a prefix length. The rules know the
            sandbox by them.
          - See O(addresses).
        type: list
        elements: str
      interface:
        description:
          - The link of this host that leads to the sandbox. It is a port of a bridge, a tap for
            example, or the end of a veth that the host routes to.
          - See O(interface).
        type: str
      mac:
        description:
          - The MAC address of the sandbox at O(interface), which is not that of O(interface)
            itself.
          - See O(mac).
        type: str
      interfaces:
        description:
          - The links of this host that lead to the sandbox, where there are several and the MAC
            address of one cannot be seen.
          - See O(interfaces).
        type: list
        elements: dict
        suboptions:
          name:
            description: The link, as O(interface).
            type: str
            required: true
          mac:
            description: The MAC address of the sandbox there, as O(mac).
            type: str
      policy:
        description:
          - V(isolate) lets the sandbox open connections, and lets in the answers. What comes from
            elsewhere gets in by O(ports) and O(allow) only.
          - See O(policy).
        type: str
        choices: [isolate, open, closed]
        default: isolate
      masquerade:
        description:
          - Whether what the sandbox sends to other machines has the address of the host there.
          - See O(masquerade).
        type: bool
        default: false
      ports:
        description:
          - Ports of the host that lead to the sandbox, each in a short form or as a dictionary.
          - See O(ports).
        type: list
        elements: raw
      allow:
        description:
          - Connections that are accepted besides those of O(policy), each in a short form or as a
            dictionary.
          - See O(allow).
        type: list
        elements: raw
      deny:
        description:
          - Connections that are dropped, as in O(allow). It comes before O(allow), O(policy) and
            O(ports), and holds for the host itself as well.
          - See O(deny).
        type: list
        elements: raw
      antispoof:
        description:
          - Whether the sandbox is kept to its own addresses. Frames with another MAC address, IPv4
            or IPv6 address are dropped, and so are ARP and neighbour discovery for another address,
            router advertisements, redirects, answers of DHCP servers, and protocols other than IP
            and ARP.
          - See O(antispoof).
        type: bool
        default: true
      guard:
        description:
          - Whether a process watches the rules, and puts them back at once when somebody has flushed or
            changed them.
          - See O(guard).
        type: str
        choices: [auto, always, never]
        default: auto
      forwarding:
        description:
          - Whether the host is made to forward packets of the families of the sandbox's addresses.
          - See O(forwarding).
        type: bool
        default: false
requirements:
  - nft, of the package nftables, 1.0.6 or newer
notes:
  - All rules of a host are worked on by one task at a time.
  - Without C(net.ipv4.ip_forward), only the host itself reaches published ports. With O(forwarding),
    this module sees to it for as long as there are such sandboxes, and the role
    P(sandbox.network.host#role) for good, also after a reboot. Let that role run first, so that what
    it sets is not taken for this module's to put back.
  - What other tables drop stays dropped, whatever is allowed here.
  - So that local clients reach a port that is published at V(127.0.0.1) or V(0.0.0.0), the setting
    C(route_localnet) of the bridge, or of the veth, is switched on, and put back with the last such
    port. A rule drops what comes from outside for C(127.0.0.0/8). For V(::1) and V(::), that link gets
    a local route for C(::1) instead. A service that shall see who its clients are should not be asked
    through V(127.0.0.1) or V(::1), where all of them have the address of the host.
  - A sandbox that connects to a published port of another one, or of itself, is seen with the address
    of the host. Where frames of bridges come by the rules for IP (C(br_netfilter)), the port of the
    bridge that leads to a sandbox with published ports is put into hairpin mode for that, until the
    last one goes.
  - A published port is a rule and not a listening socket. A program of the host that begins to listen
    at the same place later gets no connections.
  - UDP and other connections that the kernel tracks are forgotten where they must not go on. That is
    so for those through a port that is published, taken back or leads elsewhere, and for those of a
    sandbox whose O(policy), O(masquerade), O(deny) or O(addresses) change.
  - In check mode, a namespace or a link that is missing is taken for made by an earlier task. What
    only it could tell is left out of the prediction, and a warning says so.
seealso:
  - module: sandbox.network.link
    description: Makes the veths and bridges that lead to sandboxes.
  - module: sandbox.network.slirp_portfwd
    description: The ports of sandboxes with a user-mode network.
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.firewall -a 'sandbox=adhoc addresses=10.90.0.2 antispoof=false'
# ansible localhost -b -m sandbox.network.firewall -a 'sandbox=adhoc state=absent'

- name: Make namespaces
  sandbox.network.netns:
    namespaces:
      - name: web1
      - name: db1

- name: Connect them to a bridge
  sandbox.network.link:
    links:
      - name: sbr0
        kind: bridge
        addresses: [10.80.0.1/24, "fd00:80::1/64"]
      - name: eth0
        netns: web1
        kind: veth
        peer: {name: web1-eth0, master: sbr0}
        addresses: [10.80.0.2/24, "fd00:80::2/64"]
        routes: [{dst: default, gateway: 10.80.0.1}]
      - name: eth0
        netns: db1
        kind: veth
        peer: {name: db1-eth0, master: sbr0}
        addresses: [10.80.0.3/24]

- name: Isolate a sandbox, and publish its web server on the host itself
  sandbox.network.firewall:
    sandbox: web1
    ports: ["8080:80"]
  register: web1

- name: Show what holds for it
  ansible.builtin.debug:
    var: web1.firewall

- name: Let it out under the address of the host, but not to a network
  sandbox.network.firewall:
    sandbox: web1
    masquerade: true
    forwarding: true
    ports: ["8080:80"]
    deny:
      - cidr: 192.168.0.0/16
        direction: out

- name: Let one sandbox use the database of another, which is let nowhere
  sandbox.network.firewall:
    sandboxes:
      - sandbox: web1
        ports: ["10.80.0.1:8080:80"]
      - sandbox: db1
        policy: closed
        allow: ["10.80.0.2:5432/tcp"]

- name: See what would change, if somebody had flushed the tables for example
  sandbox.network.firewall:
    sandbox: db1
    policy: closed
    allow: ["10.80.0.2:5432/tcp"]
  check_mode: true

- name: Take all rules away
  sandbox.network.firewall:
    state: absent
    sandboxes:
      - sandbox: web1
      - sandbox: db1
"""

RETURN = r"""
firewall:
  description: What holds for the sandbox afterwards, or as predicted in check mode.
  type: dict
  returned: success, without O(sandboxes)
  contains:
    sandbox:
      description: Its name.
      type: str
      returned: success
      sample: web1
    state:
      description: V(present), or V(absent) when there are no rules for it.
      type: str
      returned: success
      sample: present
    addresses:
      description: Its addresses, each with a prefix length.
      type: list
      elements: str
      returned: when there are rules
      sample: [10.80.0.2/24, "fd00:80::2/64"]
    interfaces:
      description: The links of the host that lead to it.
      type: list
      elements: dict
      returned: when there are rules
      contains:
        name:
          description: The name of the link.
          type: str
          returned: success
          sample: web1-eth0
        mac:
          description: The MAC address that the sandbox has there. V(null) where it is not known.
          type: str
          returned: success
          sample: "02:00:00:00:00:01"
        bridge:
          description: The bridge that the link is a port of. V(null) where it is on none.
          type: str
          returned: success
          sample: sbr0
    policy:
      description: As O(policy).
      type: str
      returned: when there are rules
      sample: isolate
    masquerade:
      description: As O(masquerade).
      type: bool
      returned: when there are rules
      sample: false
    antispoof:
      description: As O(antispoof).
      type: bool
      returned: when there are rules
      sample: true
    guarded:
      description: Whether a process watches the rules, see O(guard).
      type: bool
      returned: when there are rules
      sample: true
    forwarding:
      description: As O(forwarding).
      type: bool
      returned: when there are rules
      sample: false
    ports:
      description: The published ports, one for each protocol and port.
      type: list
      elements: dict
      returned: when there are rules
      contains:
        proto:
          description: V(tcp) or V(udp).
          type: str
          returned: success
          sample: tcp
        host_addr:
          description: The address of the host.
          type: str
          returned: success
          sample: 127.0.0.1
        host_port:
          description: The port of the host.
          type: int
          returned: success
          sample: 8080
        guest_addr:
          description: The address of the sandbox.
          type: str
          returned: success
          sample: 10.80.0.2
        guest_port:
          description: The port in the sandbox.
          type: int
          returned: success
          sample: 80
    allow:
      description: What O(allow) says, each item with V(cidr), V(proto), V(port) and V(direction).
      type: list
      elements: dict
      returned: when there are rules
      sample: [{cidr: 10.80.0.0/24, proto: tcp, port: "5432", direction: both}]
    deny:
      description: What O(deny) says, as in RV(firewall.allow).
      type: list
      elements: dict
      returned: when there are rules
      sample: []
sandboxes:
  description: What holds for the sandboxes, in the order in which they were given, each as RV(firewall).
  type: list
  elements: dict
  returned: success, with O(sandboxes)
  sample:
    - {sandbox: web1, state: absent}
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(firewall.change), V(conntrack.forget), V(sysctl.set),
      V(link.set), V(record.put), V(record.drop), V(program.install), V(program.remove), V(process.start) and
      V(process.stop), and what it was done to and with.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: firewall.change
      tables:
        inet:
          before: ours
          after: ours
          remove: {}
          add:
            published4: {"127.0.0.1 . tcp . 8080 : 10.80.0.2 . 80": web1}
    - op: conntrack.forget
      addresses: []
      inbound: []
      places: [[tcp, 127.0.0.1, 8080]]
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {nftables: {inet sandbox_network: {published4: []}}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {nftables: {inet sandbox_network: {published4: ["127.0.0.1 . tcp . 8080 : 10.80.0.2 . 80"]}}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: conntrack.forget
      addresses: [10.80.0.2]
      inbound: []
      places: []
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

import typing as t

from ansible_collections.sandbox.network.plugins.module_utils._engine.front import run_module
from ansible_collections.sandbox.network.plugins.module_utils._resources.firewall import (
    FORM,
    FirewallResource,
)

if t.TYPE_CHECKING:  # not executed, yet Ansible sends along what is imported here, and what that imports
    from ansible_collections.sandbox.network.plugins.module_utils._services import firewall_guard

    PROGRAM = firewall_guard.main


def main() -> None:
    """Run the module."""
    run_module(FirewallResource(), FORM)


if __name__ == "__main__":
    main()
