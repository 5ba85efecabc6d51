#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: link
short_description: Make, change and remove network links with their addresses and routes
version_added: 1.0.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Makes virtual links in any network namespace, both ends of a veth at once, changes links in
    place, and removes them.
  - Sets what a link has, such as its MTU, MAC address, master, addresses and routes.
  - What is not given is left as it is, except that a link is brought up.
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
  - sandbox.network._common.root
options:
  name:
    description:
      - The name of the link.
      - At most 15 bytes, without white space, V(/) and V(:). That of a new link is of letters,
        digits, V(_), V(.) and V(-), without V(-) in front, and neither V(all) nor V(default).
      - It is taken as it is, so V(eth%d) is not a name here. An alternative name does not find a
        link.
      - Required, unless O(links) is given.
    type: str
  netns:
    description:
      - The namespace that the link is in, as a name in C(/run/netns), an absolute path, or
        V(pid:N) for that of the process with the number N.
      - Left out, it is the namespace that Ansible runs in.
      - It must exist, except for O(state=absent). A link is not moved. One of the same name in
        another namespace is another link.
    type: str
  state:
    description:
      - V(present) makes the link if there is none, and changes it to what is given.
      - V(absent) removes it, also one that was made by somebody else, and with a veth its other
        end. V(lo) and physical links cannot be removed, so what this module changed of them is
        put back as it was.
      - A link that others stand on, such as the parent of a macvlan, is not removed before they
        are.
      - Given beside O(links), it holds for all items that have no state of their own.
    type: str
    choices: [present, absent]
    default: present
  kind:
    description:
      - The kind of link to make. The kernel must offer it, which is found out before anything is
        changed.
      - Left out, the link must exist, and is changed whatever kind it is of.
      - A link that exists and is of another kind is an error, unless O(recreate) is given.
    type: str
    choices: [veth, bridge, macvlan, macvtap, ipvlan, vlan, vxlan, dummy, ifb, tap, tun]
  peer:
    description:
      - The other end of a veth, with attributes of its own. Required to make one.
      - A link that exists with another peer is an error, unless O(recreate) is given.
    type: dict
    suboptions:
      name:
        description:
          - The name of the other end. Required. See O(name) for what it may be.
        type: str
      netns:
        description:
          - The namespace that the other end is in. See O(netns) for how to write it.
          - Left out, it is the namespace that Ansible runs in, wherever the link itself is.
        type: str
      master:
        description:
          - The link that this one is a port of, such as a bridge, in the same namespace.
          - See O(master).
        type: str
      mtu:
        description:
          - The largest packet in bytes, from 68 to 65536.
          - See O(mtu).
        type: int
      mac:
        description:
          - The MAC address, which is that of one station, such as V(02:00:00:00:00:01).
          - See O(mac).
        type: str
      txqlen:
        description:
          - The length of the transmit queue in packets. Left out, the kernel chooses.
          - See O(txqlen).
        type: int
      up:
        description:
          - Whether the link is up.
          - See O(up).
        type: bool
        default: true
      addresses:
        description:
          - The addresses of the link, as CIDRs or dictionaries.
          - See O(addresses).
        type: list
        elements: raw
      purge_addresses:
        description:
          - Whether addresses that are not in O(addresses) are removed.
          - See O(purge_addresses).
        type: bool
        default: false
      routes:
        description:
          - The routes through the link.
          - See O(routes).
        type: list
        elements: dict
        suboptions:
          dst:
            description:
              - The destination as a CIDR without host bits, or V(default).
              - See O(routes[].dst).
            type: str
            required: true
          gateway:
            description:
              - The address of the next hop.
              - See O(routes[].gateway).
            type: str
          metric:
            description:
              - The priority among routes to the same destination, where the lowest wins.
              - See O(routes[].metric).
            type: int
          src:
            description:
              - The source address to prefer, which must be an address of the namespace.
              - See O(routes[].src).
            type: str
          scope:
            description:
              - How far the destination is, for IPv4 only.
              - See O(routes[].scope).
            type: str
            choices: [global, site, link, host]
          table:
            description:
              - The routing table, as V(main), V(local), V(default) or a number.
              - See O(routes[].table).
            type: str
          onlink:
            description:
              - Whether the gateway counts as reachable, even in no subnet of the link.
              - See O(routes[].onlink).
            type: bool
      purge_routes:
        description:
          - Whether routes through the link that are not in O(routes) are removed, in every table.
          - See O(purge_routes).
        type: bool
        default: false
      alias:
        description:
          - A description of up to 255 bytes, kept by the kernel.
          - See O(alias).
        type: str
      altnames:
        description:
          - Alternative names, by which other tools find the link.
          - See O(altnames).
        type: list
        elements: str
      accept_ra:
        description:
          - Whether the link takes addresses and routes from router advertisements.
          - See O(accept_ra).
        type: bool
      ipv6_link_local:
        description:
          - Whether the kernel gives the link an IPv6 link-local address by itself when it comes
            up.
          - See O(ipv6_link_local).
        type: bool
      tx_rate:
        description:
          - The most that leaves by the link, in bit/s, from 8000 on. V(0) takes the limit off.
          - See O(tx_rate).
        type: int
        version_added: 1.1.0
      rx_ifb:
        description:
          - A link of kind C(ifb) that all which arrives at this one passes first.
          - See O(rx_ifb).
        type: str
        version_added: 1.1.0
  parent:
    description:
      - The link that this one stands on.
      - It is looked for in the namespace of the link, and then in the one that Ansible runs in,
        unless O(parent_netns) is given.
      - Required with O(kind=macvlan), O(kind=macvtap), O(kind=ipvlan) and O(kind=vlan), possible
        with O(kind=vxlan).
    type: str
  parent_netns:
    description:
      - The namespace that O(parent) is in. See O(netns) for how to write it.
    type: str
  mode:
    description:
      - How links on the same parent reach each other.
      - With O(kind=macvlan) and O(kind=macvtap), it is V(private), V(vepa), V(bridge),
        V(passthru) or V(source). A new one has V(bridge).
      - With O(kind=ipvlan), it is V(l2), V(l3) or V(l3s). A new one has what the kernel chooses.
    type: str
  vni:
    description:
      - The number of the network with O(kind=vxlan), from 0 to 16777215. Required there.
    type: int
  remote:
    description:
      - Where packets go with O(kind=vxlan), as an IPv4 or IPv6 address, which may be that of a
        multicast group.
    type: str
  local:
    description:
      - The source address of packets with O(kind=vxlan), of the same family as O(remote).
    type: str
  dst_port:
    description:
      - The UDP port with O(kind=vxlan).
      - Left out, it is the kernel's default, which is V(8472). The one that is registered for the
        protocol is V(4789).
    type: int
  vlan_id:
    description:
      - The tag with O(kind=vlan), from 1 to 4094. Required there.
    type: int
  multicast_snooping:
    description:
      - Whether a bridge learns which ports want a multicast group, with O(kind=bridge).
      - Left out, it is the kernel's choice, which is to learn it where it can.
    type: bool
  queues:
    description:
      - The number of queues, from 1 to 256, of both directions and both ends with O(kind=veth). A
        new one has 1, since the kernel's own choice, one for each processor, costs memory and
        time.
      - With O(kind=tap) and O(kind=tun), more than 1 makes the device multi-queue. The program
        that opens it decides how many there are.
    type: int
  vnet_hdr:
    description:
      - Whether packets have a virtio header, with O(kind=tap) and O(kind=tun). Hypervisors want
        it.
      - A new one has none when this is left out.
    type: bool
  owner:
    description:
      - The user who may open the device, as a name or a number, with O(kind=tap) and O(kind=tun).
    type: str
  group:
    description:
      - The group whose members may open the device, as a name or a number, with O(kind=tap) and
        O(kind=tun).
    type: str
  master:
    description:
      - The link that this one is a port of, such as a bridge, in the same namespace.
      - An empty text takes it from the one that it is a port of. Left out, it stays where it is.
    type: str
  mtu:
    description:
      - The largest packet in bytes, from 68 to 65536.
      - At least 1280 where there are IPv6 addresses, since the kernel would remove them.
      - Part of the request that makes the link, and changed in place later. Left out, the kernel
        chooses.
    type: int
  mac:
    description:
      - The MAC address, which is that of one station, such as V(02:00:00:00:00:01).
      - Part of the request that makes the link, and changed in place later. Left out, the kernel
        chooses at random, and a bridge without one changes its own with its ports.
    type: str
  txqlen:
    description:
      - The length of the transmit queue in packets. Left out, the kernel chooses.
    type: int
  up:
    description:
      - Whether the link is up.
      - Bringing it down removes its routes. IPv6 addresses, which the kernel would remove as
        well, are kept.
    type: bool
    default: true
  addresses:
    description:
      - The addresses of the link. Each is a CIDR such as V(10.80.0.2/24), or a dictionary.
      - A dictionary has C(address), which is required, C(peer), C(label), C(scope), C(broadcast),
        C(noprefixroute) and C(nodad).
      - C(peer) is the other end of a point-to-point address. C(label) is for IPv4, at most 15
        bytes, and begins with O(name). C(scope) is for IPv4, and V(global), V(site), V(link) or
        V(host). C(broadcast) is for IPv4, and V(+) is the last address of the subnet.
        C(noprefixroute) leaves out the route to the subnet. C(nodad) skips duplicate address
        detection of IPv6.
      - An address that is there with other details than those given is replaced. What hangs on
        it, such as routes, is put back.
      - An address that is not listed stays, unless O(purge_addresses) is given.
    type: list
    elements: raw
  purge_addresses:
    description:
      - Whether addresses that are not in O(addresses) are removed.
      - Addresses with a lifetime, those of scope V(host), and the link-local one of the kernel
        stay.
    type: bool
    default: false
  routes:
    description:
      - The routes through the link. They need O(up=true).
      - A route that is there with other details than those given is replaced. One that is not
        listed stays, unless O(purge_routes) is given.
      - A route with the same destination, table and metric through another link is an error.
    type: list
    elements: dict
    suboptions:
      dst:
        description:
          - The destination as a CIDR without host bits, or V(default).
          - V(default) is of the family of O(routes[].gateway). Without a gateway, write
            V(0.0.0.0/0) or V(::/0).
        type: str
        required: true
      gateway:
        description:
          - The address of the next hop.
          - It must be in a subnet of the link or of another of its routes, unless it is
            link-local or O(routes[].onlink) is given.
          - A route that is there with another gateway, but the same destination, table and
            metric, is replaced.
        type: str
      metric:
        description:
          - The priority among routes to the same destination, where the lowest wins.
          - Left out or V(0), it is the kernel's default, which is 0 for IPv4 and 1024 for IPv6.
        type: int
      src:
        description:
          - The source address to prefer, which must be an address of the namespace.
        type: str
      scope:
        description:
          - How far the destination is, for IPv4 only.
          - Left out, it is V(link) without a gateway, and V(global) with one.
        type: str
        choices: [global, site, link, host]
      table:
        description:
          - The routing table, as V(main), V(local), V(default) or a number.
          - Left out, it is V(main).
        type: str
      onlink:
        description:
          - Whether the gateway counts as reachable, even in no subnet of the link.
        type: bool
  purge_routes:
    description:
      - Whether routes through the link that are not in O(routes) are removed, in every table.
      - What the kernel and router advertisements make stays.
    type: bool
    default: false
  alias:
    description:
      - A description of up to 255 bytes, kept by the kernel.
      - An empty text removes it. Left out, it stays as it is.
    type: str
  altnames:
    description:
      - Alternative names, by which other tools find the link.
      - Up to 127 letters, digits, V(_), V(.) and V(-) each. They are added to those that are
        there.
    type: list
    elements: str
  accept_ra:
    description:
      - Whether the link takes addresses and routes from router advertisements.
      - Left out, it is the kernel's choice, which is to take them unless the namespace forwards
        IPv6.
    type: bool
  ipv6_link_local:
    description:
      - Whether the kernel gives the link an IPv6 link-local address by itself when it comes up.
      - V(false) suits the ports of a bridge. Left out, it is the kernel's choice, which is to
        give one.
    type: bool
  tx_rate:
    description:
      - The most that leaves by the link, in bit/s, from 8000 on. What is more is queued (HTB).
      - For a sandbox the end of a veth that the host has is the one to limit. By the end inside, a
        process of the sandbox could take the limit off again.
      - V(0) takes the limit off. Left out, it stays as it is. A queueing discipline of somebody
        else at the root of the link is an error.
      - For virtual links only. On others it would have to be put back one day.
    type: int
    version_added: 1.1.0
  rx_ifb:
    description:
      - A link of kind C(ifb) in the same namespace that all which arrives at this one passes first.
        The O(tx_rate) of that is then the most that arrives.
      - An empty text ends that. Left out, it stays as it is.
      - A link to which others send so cannot be deleted before them.
    type: str
    version_added: 1.1.0
  recreate:
    description:
      - Whether a link that cannot be changed in place to what is wanted is removed and made
        again.
      - O(mtu), O(mac), O(txqlen), O(master), O(alias), O(altnames), O(up), O(accept_ra),
        O(ipv6_link_local), O(tx_rate), O(rx_ifb), O(mode), O(multicast_snooping), addresses and
        routes are changed in place. O(kind), O(peer), O(parent), O(parent_netns), O(queues) and the other attributes of
        a kind are not.
      - What is on the old link and not asked for is lost with it.
    type: bool
    default: false
  links:
    description:
      - Many links in one task, done as a whole or not at all.
      - They are worked on in the order given, so that one may stand on, or be a port of, an
        earlier one.
      - Excludes the options for one link, except O(state).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the link.
          - See O(name).
        type: str
      netns:
        description:
          - The namespace that the link is in.
          - See O(netns).
        type: str
      state:
        description:
          - Whether the link is to be there.
          - Left out, it is what O(state) says.
        type: str
        choices: [present, absent]
      kind:
        description:
          - The kind of link to make. The kernel must offer it, which is found out before anything
            is changed.
          - See O(kind).
        type: str
        choices: [veth, bridge, macvlan, macvtap, ipvlan, vlan, vxlan, dummy, ifb, tap, tun]
      peer:
        description:
          - The other end of a veth.
          - See O(peer).
        type: dict
        suboptions:
          name:
            description:
              - The name of the other end. Required.
              - See O(peer.name).
            type: str
          netns:
            description:
              - The namespace that the other end is in.
              - See O(peer.netns).
            type: str
          master:
            description:
              - The link that this one is a port of, such as a bridge, in the same namespace.
              - See O(master).
            type: str
          mtu:
            description:
              - The largest packet in bytes, from 68 to 65536.
              - See O(mtu).
            type: int
          mac:
            description:
              - The MAC address, which is that of one station, such as V(02:00:00:00:00:01).
              - See O(mac).
            type: str
          txqlen:
            description:
              - The length of the transmit queue in packets. Left out, the kernel chooses.
              - See O(txqlen).
            type: int
          up:
            description:
              - Whether the link is up.
              - See O(up).
            type: bool
            default: true
          addresses:
            description:
              - The addresses of the link, as CIDRs or dictionaries.
              - See O(addresses).
            type: list
            elements: raw
          purge_addresses:
            description:
              - Whether addresses that are not in O(addresses) are removed.
              - See O(purge_addresses).
            type: bool
            default: false
          routes:
            description:
              - The routes through the link.
              - See O(routes).
            type: list
            elements: dict
            suboptions:
              dst:
                description:
                  - The destination as a CIDR without host bits, or V(default).
                  - See O(peer.routes[].dst).
                type: str
                required: true
              gateway:
                description:
                  - The address of the next hop.
                  - See O(peer.routes[].gateway).
                type: str
              metric:
                description:
                  - The priority among routes to the same destination, where the lowest wins.
                  - See O(peer.routes[].metric).
                type: int
              src:
                description:
                  - The source address to prefer, which must be an address of the namespace.
                  - See O(peer.routes[].src).
                type: str
              scope:
                description:
                  - How far the destination is, for IPv4 only.
                  - See O(peer.routes[].scope).
                type: str
                choices: [global, site, link, host]
              table:
                description:
                  - The routing table, as V(main), V(local), V(default) or a number.
                  - See O(peer.routes[].table).
                type: str
              onlink:
                description:
                  - Whether the gateway counts as reachable, even in no subnet of the link.
                  - See O(peer.routes[].onlink).
                type: bool
          purge_routes:
            description:
              - Whether routes through the link that are not in O(routes) are removed, in every
                table.
              - See O(purge_routes).
            type: bool
            default: false
          alias:
            description:
              - A description of up to 255 bytes, kept by the kernel.
              - See O(alias).
            type: str
          altnames:
            description:
              - Alternative names, by which other tools find the link.
              - See O(altnames).
            type: list
            elements: str
          accept_ra:
            description:
              - Whether the link takes addresses and routes from router advertisements.
              - See O(accept_ra).
            type: bool
          ipv6_link_local:
            description:
              - Whether the kernel gives the link an IPv6 link-local address by itself when it
                comes up.
              - See O(ipv6_link_local).
            type: bool
          tx_rate:
            description:
              - The most that leaves by the link, in bit/s, from 8000 on. V(0) takes the limit off.
              - See O(tx_rate).
            type: int
            version_added: 1.1.0
          rx_ifb:
            description:
              - A link of kind C(ifb) that all which arrives at this one passes first.
              - See O(rx_ifb).
            type: str
            version_added: 1.1.0
      parent:
        description:
          - The link that this one stands on.
          - See O(parent).
        type: str
      parent_netns:
        description:
          - The namespace that O(parent) is in. See O(netns) for how to write it.
          - See O(parent_netns).
        type: str
      mode:
        description:
          - How links on the same parent reach each other.
          - See O(mode).
        type: str
      vni:
        description:
          - The number of the network with O(kind=vxlan), from 0 to 16777215. Required there.
          - See O(vni).
        type: int
      remote:
        description:
          - Where packets go with O(kind=vxlan), as an IPv4 or IPv6 address, which may be that of
            a multicast group.
          - See O(remote).
        type: str
      local:
        description:
          - The source address of packets with O(kind=vxlan), of the same family as O(remote).
          - See O(local).
        type: str
      dst_port:
        description:
          - The UDP port with O(kind=vxlan).
          - See O(dst_port).
        type: int
      vlan_id:
        description:
          - The tag with O(kind=vlan), from 1 to 4094. Required there.
          - See O(vlan_id).
        type: int
      multicast_snooping:
        description:
          - Whether a bridge learns which ports want a multicast group, with O(kind=bridge).
          - See O(multicast_snooping).
        type: bool
      queues:
        description:
          - The number of queues with O(kind=veth), and whether there can be several with
            O(kind=tap) and O(kind=tun).
          - See O(queues).
        type: int
      vnet_hdr:
        description:
          - Whether packets have a virtio header, with O(kind=tap) and O(kind=tun). Hypervisors
            want it.
          - See O(vnet_hdr).
        type: bool
      owner:
        description:
          - The user who may open the device, as a name or a number, with O(kind=tap) and
            O(kind=tun).
          - See O(owner).
        type: str
      group:
        description:
          - The group whose members may open the device, as a name or a number, with O(kind=tap)
            and O(kind=tun).
          - See O(group).
        type: str
      master:
        description:
          - The link that this one is a port of, such as a bridge, in the same namespace.
          - See O(master).
        type: str
      mtu:
        description:
          - The largest packet in bytes, from 68 to 65536.
          - See O(mtu).
        type: int
      mac:
        description:
          - The MAC address, which is that of one station, such as V(02:00:00:00:00:01).
          - See O(mac).
        type: str
      txqlen:
        description:
          - The length of the transmit queue in packets. Left out, the kernel chooses.
          - See O(txqlen).
        type: int
      up:
        description:
          - Whether the link is up.
          - See O(up).
        type: bool
        default: true
      addresses:
        description:
          - The addresses of the link, as CIDRs or dictionaries.
          - See O(addresses).
        type: list
        elements: raw
      purge_addresses:
        description:
          - Whether addresses that are not in O(addresses) are removed.
          - See O(purge_addresses).
        type: bool
        default: false
      routes:
        description:
          - The routes through the link.
          - See O(routes).
        type: list
        elements: dict
        suboptions:
          dst:
            description:
              - The destination as a CIDR without host bits, or V(default).
              - See O(routes[].dst).
            type: str
            required: true
          gateway:
            description:
              - The address of the next hop.
              - See O(routes[].gateway).
            type: str
          metric:
            description:
              - The priority among routes to the same destination, where the lowest wins.
              - See O(routes[].metric).
            type: int
          src:
            description:
              - The source address to prefer, which must be an address of the namespace.
              - See O(routes[].src).
            type: str
          scope:
            description:
              - How far the destination is, for IPv4 only.
              - See O(routes[].scope).
            type: str
            choices: [global, site, link, host]
          table:
            description:
              - The routing table, as V(main), V(local), V(default) or a number.
              - See O(routes[].table).
            type: str
          onlink:
            description:
              - Whether the gateway counts as reachable, even in no subnet of the link.
              - See O(routes[].onlink).
            type: bool
      purge_routes:
        description:
          - Whether routes through the link that are not in O(routes) are removed, in every table.
          - See O(purge_routes).
        type: bool
        default: false
      alias:
        description:
          - A description of up to 255 bytes, kept by the kernel.
          - See O(alias).
        type: str
      altnames:
        description:
          - Alternative names, by which other tools find the link.
          - See O(altnames).
        type: list
        elements: str
      accept_ra:
        description:
          - Whether the link takes addresses and routes from router advertisements.
          - See O(accept_ra).
        type: bool
      ipv6_link_local:
        description:
          - Whether the kernel gives the link an IPv6 link-local address by itself when it comes
            up.
          - See O(ipv6_link_local).
        type: bool
      tx_rate:
        description:
          - The most that leaves by the link, in bit/s, from 8000 on. V(0) takes the limit off.
          - See O(tx_rate).
        type: int
        version_added: 1.1.0
      rx_ifb:
        description:
          - A link of kind C(ifb) that all which arrives at this one passes first.
          - See O(rx_ifb).
        type: str
        version_added: 1.1.0
      recreate:
        description:
          - Whether a link that cannot be changed in place to what is wanted is removed and made
            again.
          - See O(recreate).
        type: bool
        default: false
notes:
  - A veth is made with its ends in the namespaces where they belong. Nothing is moved, and no
    name is taken for a moment elsewhere.
  - The index of a link that is made here is chosen by this module at random, far above those that
    the kernel gives by itself. So a link that was half made by a killed task is told from a
    foreign one.
  - When a link goes down, the kernel removes its routes, and its IPv6 addresses unless told
    otherwise. This module keeps the addresses. A link that is to have routes must be up.
  - An IPv6 address is tentative for a second or two, until duplicate address detection has ended.
    It cannot be used as a source meanwhile, unless C(nodad) is given.
  - With a parent, the kernel removes what stands on it, in every namespace. This module refuses
    to remove a parent on which something in the same namespace stands.
  - In check mode, a namespace in C(/run/netns), a master or a parent that is missing is taken for
    made by an earlier task, with a warning.
seealso:
  - module: sandbox.network.netns
    description: Namespaces for links to be in.
  - module: sandbox.network.netns_info
  - module: sandbox.network.address_lease
    description: Addresses to give to links.
  - name: ip-link(8)
    description: The tool that such links can be handled with by hand.
    link: https://man7.org/linux/man-pages/man8/ip-link.8.html
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.link -a 'name=br9 kind=bridge'

- name: Make two namespaces for links to be in
  sandbox.network.netns:
    namespaces:
      - name: web1
      - name: web2

- name: Make a bridge that is the gateway of a subnet of each family
  sandbox.network.link:
    name: br0
    kind: bridge
    mac: "02:00:00:00:00:01"
    addresses: [10.80.0.1/24, "fd00:80::1/64"]

- name: Connect a namespace to it
  sandbox.network.link:
    name: eth0
    netns: web1
    kind: veth
    peer:
      name: web1-eth0
      master: br0
      ipv6_link_local: false
    mtu: 1400
    accept_ra: false
    addresses: [10.80.0.2/24, "fd00:80::2/64"]
    routes:
      - dst: default
        gateway: 10.80.0.1
      - dst: default
        gateway: "fd00:80::1"

- name: Let the namespace receive 100 Mbit/s and send 20 Mbit/s at the most
  sandbox.network.link:
    links:
      - name: web1-ifb
        kind: ifb
        tx_rate: 20000000
      - name: web1-eth0
        tx_rate: 100000000
        rx_ifb: web1-ifb

- name: Make many links in one task, later ones on earlier ones
  sandbox.network.link:
    links:
      - name: lan0
        kind: bridge
        multicast_snooping: false
      - name: eth0
        netns: web2
        kind: veth
        queues: 2
        peer:
          name: web2-eth0
          master: lan0
      - name: overlay0
        kind: vxlan
        vni: 80
        remote: 192.0.2.1
        dst_port: 4789
        parent: lan0
      - name: shared0
        kind: macvtap
        parent: lan0
      - name: direct0
        netns: web1
        kind: macvlan
        parent: lan0

- name: Make addresses and routes exact, with all that can be said about them
  sandbox.network.link:
    name: eth0
    netns: web2
    addresses:
      - 10.81.0.2/24
      - address: 192.0.2.7/32
        peer: 192.0.2.8
        label: eth0:uplink
      - address: "fd00:81::2/64"
        nodad: true
    purge_addresses: true
    routes:
      - dst: 198.51.100.0/24
        gateway: 192.0.2.8
        src: 10.81.0.2
        metric: 50
        table: main
      - dst: 203.0.113.0/24
    purge_routes: true

- name: Ask what a change would do, without doing it
  sandbox.network.link:
    name: eth0
    netns: web1
    mtu: 1300
  check_mode: true
  diff: true
  register: preview

- name: Make a tap for a virtual machine with several queues
  sandbox.network.link:
    name: tap0
    kind: tap
    queues: 4
    vnet_hdr: true
    owner: nobody
    master: br0
    alias: virtual machine 1
    altnames: [virtual-machine-1-uplink]

- name: Replace it by one with a single queue
  sandbox.network.link:
    name: tap0
    kind: tap
    queues: 1
    recreate: true

- name: Take a link from its bridge, and bring it down
  sandbox.network.link:
    name: tap0
    master: ""
    up: false

- name: Give the loopback interface of a namespace a service address
  sandbox.network.link:
    name: lo
    netns: web1
    addresses: [192.0.2.80/32]

- name: Put it back as it was
  sandbox.network.link:
    name: lo
    netns: web1
    state: absent

- name: Remove links, each after what stands on it
  sandbox.network.link:
    state: absent
    links:
      - name: direct0
        netns: web1
      - name: shared0
      - name: overlay0
      - name: web2-eth0
      - name: lan0
      - name: tap0
"""

RETURN = r"""
link:
  description:
    - The link afterwards, or as predicted in check mode.
    - The keys that belong to a kind are, in check mode, only those known beforehand.
  type: dict
  returned: success, without O(links)
  contains:
    name:
      description: The name.
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
        - V(present) or V(absent).
        - V(lo) and a physical link are V(present) also after O(state=absent).
      type: str
      returned: success
      sample: present
    kind:
      description: The kind. V(null) for V(lo) and a physical link.
      type: str
      returned: when it is present
      sample: veth
    ifindex:
      description: The index. V(null) in check mode for a link that is to be made.
      type: int
      returned: when it is present
      sample: 832452463
    mac:
      description:
        - The MAC address. V(null) for a link that has none, and in check mode where the kernel
          will choose.
      type: str
      returned: when it is present
      sample: 02:00:00:00:00:07
    mtu:
      description: The MTU. V(null) in check mode where the kernel will choose.
      type: int
      returned: when it is present
      sample: 1500
    txqlen:
      description:
        - The length of the transmit queue. V(null) in check mode where the kernel will choose.
      type: int
      returned: when it is present
      sample: 1000
    up:
      description: Whether it is up.
      type: bool
      returned: when it is present
      sample: true
    master:
      description: The link that it is a port of, or V(null).
      type: str
      returned: when it is present
      sample: br0
    parent:
      description: The link that it stands on, or V(null).
      type: str
      returned: when it is present
      sample: eth1
    alias:
      description: The description, or an empty text.
      type: str
      returned: when it is present
      sample: ""
    altnames:
      description: The alternative names.
      type: list
      elements: str
      returned: when it is present
      sample: []
    addresses:
      description:
        - The addresses as CIDRs, without those of scope V(host) and the link-local one of the
          kernel.
      type: list
      elements: str
      returned: when it is present
      sample: [10.80.0.2/24, "fd00:80::2/64"]
    routes:
      description:
        - The routes through it, without those that the kernel and router advertisements make.
      type: list
      elements: dict
      returned: when it is present
      contains:
        dst:
          description: The destination as a CIDR.
          type: str
          returned: success
          sample: 0.0.0.0/0
        gateway:
          description: The next hop.
          type: str
          returned: when there is one
          sample: 10.80.0.1
        src:
          description: The source address to prefer.
          type: str
          returned: when there is one
          sample: 10.80.0.2
        metric:
          description: The priority.
          type: int
          returned: success
          sample: 0
        table:
          description: The number of the table.
          type: int
          returned: success
          sample: 254
    tx_rate:
      description: The most that leaves by it, in bit/s, or V(0).
      type: int
      returned: when it is present and O(tx_rate) was given
      sample: 100000000
    rx_ifb:
      description: The link that all which arrives passes first, or an empty text.
      type: str
      returned: when it is present and O(rx_ifb) was given
      sample: ifb0
    mode:
      description: How links on the same parent reach each other.
      type: str
      returned: when it is present and a macvlan, macvtap or ipvlan
      sample: bridge
    vni:
      description: The number of the network.
      type: int
      returned: when it is present and a vxlan
      sample: 7
    remote:
      description: Where packets go, or an empty text.
      type: str
      returned: when it is present and a vxlan
      sample: 192.0.2.1
    local:
      description: The source address, or an empty text.
      type: str
      returned: when it is present and a vxlan
      sample: ""
    dst_port:
      description: The UDP port.
      type: int
      returned: when it is present and a vxlan
      sample: 4789
    vlan_id:
      description: The tag.
      type: int
      returned: when it is present and a vlan
      sample: 5
    multicast_snooping:
      description: Whether it learns which ports want a multicast group.
      type: bool
      returned: when it is present and a bridge
      sample: true
    owner:
      description: The number of the user who may open it, or V(null).
      type: int
      returned: when it is present and a tap or tun
      sample: 1000
    group:
      description: The number of the group that may open it, or V(null).
      type: int
      returned: when it is present and a tap or tun
      sample: null
    vnet_hdr:
      description: Whether packets have a virtio header.
      type: bool
      returned: when it is present and a tap or tun
      sample: false
    multi_queue:
      description: Whether it can have several queues.
      type: bool
      returned: when it is present and a tap or tun
      sample: false
    persist:
      description: Whether it stays without a program that has it open.
      type: bool
      returned: when it is present and a tap or tun
      sample: true
    peer:
      description: The other end, with the same keys but for those of other kinds than veth.
      type: dict
      returned: when O(peer) was given and O(state=present)
      contains:
        name:
          description: The name.
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
            - V(present) or V(absent).
            - V(lo) and a physical link are V(present) also after O(state=absent).
          type: str
          returned: success
          sample: present
        kind:
          description: The kind. V(null) for V(lo) and a physical link.
          type: str
          returned: when it is present
          sample: veth
        ifindex:
          description: The index. V(null) in check mode for a link that is to be made.
          type: int
          returned: when it is present
          sample: 832452463
        mac:
          description:
            - The MAC address. V(null) for a link that has none, and in check mode where the
              kernel will choose.
          type: str
          returned: when it is present
          sample: 02:00:00:00:00:07
        mtu:
          description: The MTU. V(null) in check mode where the kernel will choose.
          type: int
          returned: when it is present
          sample: 1500
        txqlen:
          description:
            - The length of the transmit queue. V(null) in check mode where the kernel will
              choose.
          type: int
          returned: when it is present
          sample: 1000
        up:
          description: Whether it is up.
          type: bool
          returned: when it is present
          sample: true
        master:
          description: The link that it is a port of, or V(null).
          type: str
          returned: when it is present
          sample: br0
        parent:
          description: The link that it stands on, or V(null).
          type: str
          returned: when it is present
          sample: eth1
        alias:
          description: The description, or an empty text.
          type: str
          returned: when it is present
          sample: ""
        altnames:
          description: The alternative names.
          type: list
          elements: str
          returned: when it is present
          sample: []
        tx_rate:
          description: The most that leaves by it, in bit/s, or V(0).
          type: int
          returned: when it is present and O(peer.tx_rate) was given
          sample: 100000000
        rx_ifb:
          description: The link that all which arrives passes first, or an empty text.
          type: str
          returned: when it is present and O(peer.rx_ifb) was given
          sample: ifb0
        addresses:
          description:
            - The addresses as CIDRs, without those of scope V(host) and the link-local one of the
              kernel.
          type: list
          elements: str
          returned: when it is present
          sample: [10.80.0.2/24, "fd00:80::2/64"]
        routes:
          description:
            - The routes through it, without those that the kernel and router advertisements make.
          type: list
          elements: dict
          returned: when it is present
          contains:
            dst:
              description: The destination as a CIDR.
              type: str
              returned: success
              sample: 0.0.0.0/0
            gateway:
              description: The next hop.
              type: str
              returned: when there is one
              sample: 10.80.0.1
            src:
              description: The source address to prefer.
              type: str
              returned: when there is one
              sample: 10.80.0.2
            metric:
              description: The priority.
              type: int
              returned: success
              sample: 0
            table:
              description: The number of the table.
              type: int
              returned: success
              sample: 254
links:
  description: The links in the order in which they were given, each as RV(link).
  type: list
  elements: dict
  returned: success, with O(links)
  sample:
    - name: eth0
      netns: /run/netns/web1
      state: present
      kind: veth
      ifindex: 832452463
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(link.add), V(link.delete), V(link.set),
      V(address.add), V(address.delete), V(route.add), V(route.delete), V(qdisc.add), V(qdisc.delete),
      V(redirect.add), V(redirect.delete), V(sysctl.set), V(record.put) and V(record.drop), and what it
      was done to and with.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: link.set
      netns: null
      name: br0
      ifindex: 323707491
      set: {mtu: 1400}
      before: {mtu: 1500}
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {links: {br0: {mtu: 1500}}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {links: {br0: {mtu: 1400}}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: link.set
      netns: null
      name: br0
      ifindex: 323707491
      set: {mtu: 1400}
      before: {mtu: 1500}
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
from ansible_collections.sandbox.network.plugins.module_utils._resources.link import LinkResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.link_options import FORM


def main() -> None:
    """Run the module."""
    run_module(LinkResource(), FORM)


if __name__ == "__main__":
    main()
