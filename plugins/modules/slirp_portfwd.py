#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slirp_portfwd
short_description: Forward ports of the host into a sandbox with a user-mode network
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Adds and removes port forwards of a network that M(sandbox.network.slirp_network) keeps, or of a
    slirp4netns that something else started. All of a task are done, or none.
  - A port forward is known by its protocol, address and port on the host. One that leads somewhere
    else is replaced.
  - Those of V(slirp4netns) change while it runs. Those of V(pasta) do where it has C(pesto), and
    otherwise by a restart, which cuts the connections of the sandbox. V(process.stop) and
    V(process.start) in RV(operations) tell of it.
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
options:
  netns:
    description:
      - The namespace whose network it is. It is a name in C(/run/netns), an absolute path, or
        V(pid:N) for that of the process with the number N.
      - Its network must run, except for O(state=absent), where one that is missing is no error.
      - Exactly one of O(netns) and O(api_socket) is required.
    type: str
  api_socket:
    description:
      - The absolute path of the API socket of a slirp4netns that something else started. Its network
        is read from its command line.
      - Nothing is remembered of such port forwards. They end with that slirp4netns. With
        O(state=absent), one that has ended is no error.
    type: path
  state:
    description:
      - V(present) adds the port forwards, or leaves those alone that are as they are asked for.
      - V(absent) removes them. They are found by protocol, address and port of the host, whatever they
        lead to. One that is not there is no error.
    type: str
    choices: [present, absent]
    default: present
  proto:
    description:
      - V(tcp), V(udp), or V(tcp,udp) for both.
    type: str
    default: tcp
  host_addr:
    description:
      - The address of the host that is listened at.
      - At the default, only the host itself can connect. A wildcard, V(0.0.0.0) or V(::), lets
        everybody connect who can reach the host, and a warning names it.
      - IPv6 needs V(pasta) and a network with O(sandbox.network.slirp_network#module:ipv6=true).
    type: str
    default: 127.0.0.1
  host_port:
    description:
      - The port of the host, or a range such as V(8000-8010).
      - One that somebody else has is an error, which names the process where it can be seen.
      - Exactly one of O(host_port) and O(forwards) is required.
    type: str
  guest_addr:
    description:
      - The address in the sandbox. Left out, it is that of the sandbox.
      - With V(slirp4netns), it may be another address of its network, which the sandbox has besides.
      - With V(pasta), there is nothing to choose. The pasta of Debian 12 leads what comes to
        V(127.0.0.1) or V(::1) to the same address in the sandbox, and all else to the address of the
        sandbox.
    type: str
  guest_port:
    description:
      - The port in the sandbox, or a range with as many ports as O(host_port) has. Left out, it is
        O(host_port).
    type: str
  forwards:
    description:
      - Many port forwards in one task, each in a short form or as a dictionary.
      - The short form is C([HOST_ADDR:]HOST_PORT[:GUEST_PORT][/PROTO]), such as
        V(127.0.0.1:8080:80/tcp), V(8080:80), V(8080) or V([::1]:8080:80). V(8000-8010:9000-9010/udp)
        is a range, and C(/tcp,udp) means both.
      - A dictionary has C(host_port), and what else is wanted of C(proto), C(host_addr),
        C(guest_addr) and C(guest_port), as these options.
      - Excludes the options for one port forward.
    type: list
    elements: raw
  purge:
    description:
      - Whether port forwards of the network that are not asked for are removed, also those that
        something else entered. With an empty O(forwards), that is all.
      - Not possible with O(state=absent).
    type: bool
    default: false
  timeout:
    description:
      - How many seconds to wait for each answer of the helper, at most 600.
    type: float
    default: 5.0
requirements:
  - a running slirp4netns 0.4.0 or newer, or pasta
notes:
  - A user without root can change the port forwards of their own networks, with their own
    O(state_dir).
  - What a service in the sandbox sees of its clients, where it has to listen, and what the programs
    cannot do, is told by M(sandbox.network.slirp_network). UDP clients on V(127.0.0.1) get no answers
    from V(slirp4netns), unless O(sandbox.network.slirp_network#module:host_loopback=true).
  - Everything is checked before the helper is told of it, since slirp4netns ends with a request that
    it does not expect.
  - A port below 1024 needs a helper that runs as root, unless the kernel lets others have it
    (C(net.ipv4.ip_unprivileged_port_start)).
  - A network that is dead is an error. M(sandbox.network.slirp_network) starts it again, with its port
    forwards.
  - In check mode, a network that is missing is taken for made by an earlier task, with
    V(slirp4netns) and the defaults, and a warning says so.
seealso:
  - module: sandbox.network.slirp_network
    description: Makes the networks, and takes port forwards from the beginning.
  - module: sandbox.network.netns_info
    description: Tells the port forwards of namespaces.
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.netns -a 'name=web9'
# ansible localhost -b -m sandbox.network.slirp_network -a 'netns=web9'
# ansible localhost -b -m sandbox.network.slirp_portfwd -a 'netns=web9 host_port=8089 guest_port=80'
# ansible localhost -b -m sandbox.network.slirp_portfwd -a 'netns=web9 host_port=8089 state=absent'

- name: Make a namespace
  sandbox.network.netns:
    name: web1

- name: Connect it to the outside
  sandbox.network.slirp_network:
    netns: web1
  register: connected

- name: Make an address that others can reach, in place of those that a host has
  sandbox.network.link:
    name: uplink1
    kind: veth
    addresses: [192.0.2.7/24]
    peer: {name: wire1}

- name: Lead a port of the host to a service in the sandbox
  sandbox.network.slirp_portfwd:
    netns: web1
    host_port: 8080
    guest_port: 80

- name: Lead many ports in one task
  sandbox.network.slirp_portfwd:
    netns: web1
    forwards:
      - "127.0.0.1:8443:443/tcp"
      - "8000-8010:9000-9010"
      - "192.0.2.7:5353:53/tcp,udp"
      - host_addr: 192.0.2.7
        host_port: 2222
        guest_port: 22
  register: forwarded

- name: Show all port forwards of the sandbox
  ansible.builtin.debug:
    msg: "{{ forwarded.forwards }}"

- name: Remove some of them
  sandbox.network.slirp_portfwd:
    netns: web1
    forwards: ["8443", "8000-8010"]
    state: absent

- name: Ask what would go if there were to be these only, without doing it
  sandbox.network.slirp_portfwd:
    netns: web1
    forwards: ["8080:80"]
    purge: true
  check_mode: true
  diff: true

- name: Remove all
  sandbox.network.slirp_portfwd:
    netns: web1
    forwards: []
    purge: true

- name: Lead a port to the sandbox of a slirp4netns that something else started
  sandbox.network.slirp_portfwd:
    api_socket: "{{ connected.slirp.api_socket }}"
    host_port: 8080
    guest_port: 80
"""

RETURN = r"""
forwards:
  description:
    - All port forwards of the network afterwards, or as predicted in check mode, one for each protocol
      and port, in the order in which they were entered. These are not only those of the task.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description:
        - The number that slirp4netns gave it. V(null) with V(pasta), and in check mode for one that is
          to be entered.
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
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(forward.add), V(forward.remove), V(process.stop),
      V(process.start) and V(record.put), and what it was done to and with.
    - V(process.stop) and V(process.start) are the restart of a pasta.
    - After a failure, what had been done before it was undone.
  type: list
  elements: dict
  returned: always but for errors in the arguments
  sample:
    - op: forward.add
      api_socket: /run/sandbox-network/helpers/slirp-run_netns_web1-e62e59023b09aecf/api.sock
      timeout: 5.0
      proto: tcp
      host_addr: 127.0.0.1
      host_port: 8080
      guest_addr: 10.0.2.100
      guest_port: 80
diff:
  description: The changed parts of the state before and after.
  type: dict
  returned: success
  contains:
    before:
      description: What the task found. Empty when nothing had to change.
      type: dict
      returned: success
      sample: {forwards: {127.0.0.1:8080/tcp: null}}
    after:
      description: What it left, or in check mode would leave.
      type: dict
      returned: success
      sample: {forwards: {127.0.0.1:8080/tcp: "10.0.2.100:80"}}
recovered:
  description:
    - Operations of an earlier task that had been killed half way, undone before this task did
      anything.
  type: list
  elements: dict
  returned: when there were any
  sample:
    - op: forward.add
      api_socket: /run/sandbox-network/helpers/slirp-run_netns_web1-e62e59023b09aecf/api.sock
      timeout: 5.0
      proto: tcp
      host_addr: 127.0.0.1
      host_port: 8080
      guest_addr: 10.0.2.100
      guest_port: 80
rolled_back:
  description:
    - Whether everything stands as it stood before the task. A pasta that had been restarted is another
      process then, with the same port forwards.
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
from ansible_collections.sandbox.network.plugins.module_utils._resources.portfwd import FORM, PortfwdResource


def main() -> None:
    """Run the module."""
    run_module(PortfwdResource(), FORM)


if __name__ == "__main__":
    main()
