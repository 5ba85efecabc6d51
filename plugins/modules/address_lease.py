#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: address_lease
short_description: Hand out addresses of subnets, and remember who has them
version_added: 1.0.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Gives owners the next free addresses of subnets, the same ones in every run, until they are
    given back.
  - A lease is an entry in O(state_dir) and nothing else. No link and no host is asked. Put the
    addresses on links with M(sandbox.network.link), or let the role
    P(sandbox.network.sandbox#role) do it all.
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
  - sandbox.network._common.root
options:
  owner:
    description:
      - Who has the addresses, as any text, such as V(web1/eth0).
      - Required, unless O(leases) is given.
    type: str
  state:
    description:
      - V(present) leases what is missing, and gives back what is no longer asked for.
      - V(absent) gives all addresses of the owner back.
      - Given beside O(leases), it holds for all items that have no state of their own.
    type: str
    choices: [present, absent]
    default: present
  pools:
    description:
      - Subnets as CIDRs without host bits. The owner gets one address of each.
      - It is the lowest that is free. One that the owner has already is kept.
      - The network and the broadcast address of an IPv4 subnet and the first address of an IPv6
        subnet are never handed out. A V(/31) has neither, so both of its addresses are.
      - Two pools that overlap with different prefix lengths are different pools, and yet no
        address is leased twice.
    type: list
    elements: str
  addresses:
    description:
      - Addresses as CIDRs that the owner is to have, as they stand.
      - One that another owner has is an error.
    type: list
    elements: str
  exclude:
    description:
      - Addresses that must not be handed out of O(pools), such as those of gateways.
      - A prefix length is allowed and ignored. An address of the owner's that is excluded now is
        given back, and replaced.
    type: list
    elements: str
  recurse:
    description:
      - Whether O(state=absent) also gives back what owners have whose names begin with that of this
        one and a slash, such as V(web1/eth1) with V(web1).
    type: bool
    default: false
    version_added: 1.1.0
  leases:
    description:
      - Many leases in one task, done as a whole or not at all.
      - O(leases[].addresses) of all items are leased first, so none of them is handed out of a
        pool.
      - An address that one item gives back is free for the others.
      - Excludes the options for one lease, except O(state).
    type: list
    elements: dict
    suboptions:
      owner:
        description:
          - Who has the addresses, as any text, such as V(web1/eth0).
          - See O(owner).
        type: str
      state:
        description:
          - Whether the owner is to have addresses.
          - Left out, it is what O(state) says.
        type: str
        choices: [present, absent]
      pools:
        description:
          - Subnets as CIDRs without host bits. The owner gets one address of each.
          - See O(pools).
        type: list
        elements: str
      addresses:
        description:
          - Addresses as CIDRs that the owner is to have, as they stand.
          - See O(addresses).
        type: list
        elements: str
      exclude:
        description:
          - Addresses that must not be handed out of O(pools), such as those of gateways.
          - See O(exclude).
        type: list
        elements: str
      recurse:
        description:
          - Whether O(leases[].state=absent) also gives back what owners have whose names begin with
            that of this one and a slash.
          - See O(recurse).
        type: bool
        default: false
        version_added: 1.1.0
notes:
  - All leases of a state directory are worked on by one task at a time, so two tasks never get
    the same address.
  - Leases end with the running system, as the network does. After a reboot, all addresses are
    free.
seealso:
  - module: sandbox.network.link
  - plugin: sandbox.network.sandbox_addresses
    plugin_type: filter
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.address_lease -a 'owner=adhoc pools=10.90.0.0/24'

- name: Lease an address of each family, but not those of the gateway
  sandbox.network.address_lease:
    owner: web1/eth0
    pools: [10.80.0.0/24, "fd00:80::/64"]
    exclude: [10.80.0.1, "fd00:80::1"]
  register: web1

- name: Make a namespace
  sandbox.network.netns:
    name: web1

- name: Make a link with the leased addresses
  sandbox.network.link:
    name: eth0
    netns: web1
    kind: veth
    peer:
      name: web1-eth0
    addresses: "{{ web1.lease.addresses }}"

- name: Lease many in one task, one of them by name
  sandbox.network.address_lease:
    leases:
      - owner: web2/eth0
        pools: [10.80.0.0/24]
      - owner: web3/eth0
        pools: [10.80.0.0/24]
      - owner: printer
        addresses: [10.80.0.200/24]

- name: Ask which address a newcomer would get, without leasing it
  sandbox.network.address_lease:
    owner: newcomer
    pools: [10.80.0.0/24]
  check_mode: true
  register: preview

- name: Show it
  ansible.builtin.debug:
    var: preview.lease.addresses

- name: Give addresses back
  sandbox.network.address_lease:
    state: absent
    leases:
      - owner: web2/eth0
      - owner: web3/eth0

- name: Give back what all interfaces of a sandbox have
  sandbox.network.address_lease:
    owner: web1
    recurse: true
    state: absent
"""

RETURN = r"""
lease:
  description: The lease afterwards, or as predicted in check mode.
  type: dict
  returned: success, without O(leases)
  contains:
    owner:
      description: Who has it.
      type: str
      returned: success
      sample: web1/eth0
    state:
      description: V(present), or V(absent) when the owner has no addresses.
      type: str
      returned: success
      sample: present
    addresses:
      description:
        - The addresses as CIDRs, first those of O(addresses), then one of each of O(pools), in
          the order given.
      type: list
      elements: str
      returned: success
      sample: [10.80.0.2/24, "fd00:80::2/64"]
leases:
  description: The leases in the order in which they were given, each as RV(lease).
  type: list
  elements: dict
  returned: success, with O(leases)
  sample:
    - owner: web1/eth0
      state: present
      addresses: [10.80.0.2/24, "fd00:80::2/64"]
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(record.put) and V(record.drop), and what it was done
      to and with.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: record.put
      kind: lease
      name: web1/eth0
      value: {addresses: [10.80.0.2/24]}
      before: null
      visible: true
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {lease: {web1/eth0: null}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {lease: {web1/eth0: {addresses: [10.80.0.2/24]}}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: record.put
      kind: lease
      name: web1/eth0
      value: {addresses: [10.80.0.2/24]}
      before: null
      visible: true
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
from ansible_collections.sandbox.network.plugins.module_utils._resources.lease import (
    FORM,
    LeaseResource,
)


def main() -> None:
    """Run the module."""
    run_module(LeaseResource(), FORM)


if __name__ == "__main__":
    main()
