#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slirp_network
short_description: Connect network namespaces by slirp4netns or pasta, with port forwards
version_added: 1.1.0
author: The sandbox.network authors (@sandbox-network)
description:
  - Connects the network namespace of a sandbox to the outside by a process of the host, its helper,
    which is slirp4netns or pasta. What the sandbox sends leaves the host as the traffic of that
    process. So the host needs no bridge, no route and no firewall rule for it, and a user without
    privileges can connect namespaces of their own.
  - The helper outlives the task. A supervisor stays with it, and ends it with its namespace, within
    about a second. One that has died is started again by the next run, with its port forwards.
  - Port forwards lead from ports of the host into the sandbox. They are given here, or changed later
    with M(sandbox.network.slirp_portfwd).
extends_documentation_fragment:
  - sandbox.network._attributes
  - sandbox.network._common
options:
  netns:
    description:
      - The namespace of the sandbox. It is a name in C(/run/netns), an absolute path, or V(pid:N)
        for that of the process with the number N.
      - For a helper that does not run as root it must be V(pid:N), because the helper has to enter
        the user namespace of that process, too.
      - It must exist, except for O(state=stopped). The one that Ansible runs in is an error.
      - Required, unless O(networks) is given.
    type: str
  state:
    description:
      - V(started) starts the helper, or leaves one alone that runs as it is asked for. One that has
        died, or that differs in anything but its port forwards, is replaced, which cuts the
        connections of the sandbox.
      - V(restarted) replaces the helper in any case, also one that does not answer any more. Its port
        forwards come back. It is the one state that changes something in every run.
      - V(stopped) ends the helper and with it the interface in the sandbox. The loopback of the
        sandbox is down again if it was, and C(resolv.conf) is as it was. A helper that does not run,
        and a namespace that is gone, are no error.
      - V(present) is V(started), and V(absent) is V(stopped).
      - Given beside O(networks), it holds for all items that have no state of their own.
    type: str
    choices: [started, present, stopped, absent, restarted]
    default: started
  backend:
    description:
      - The program that is the helper.
      - V(slirp4netns) changes its port forwards while it runs. It forwards IPv4 only.
      - V(pasta), of the package passt, also forwards IPv6. It needs a default route where Ansible
        runs, and one for IPv6 with O(ipv6=true). One of May 2026 or newer changes its port forwards
        while it runs, where its companion C(pesto) is installed. Otherwise, they change by a restart,
        which cuts the connections of the sandbox.
      - They also differ in what a service in the sandbox sees of its clients, see the notes.
    type: str
    choices: [slirp4netns, pasta]
    default: slirp4netns
  interface:
    description:
      - What the interface in the sandbox is called, in at most 15 letters, digits, V(_), V(.) and
        V(-). A link of that name that is there already is an error.
    type: str
    default: tap0
  mtu:
    description:
      - The MTU of the interface, from 68, or 1280 with O(ipv6=true), to 65521, or 65520 with
        O(backend=pasta). It costs nothing on the wire, where the host sends packets of its own size.
    type: int
    default: 65520
  cidr:
    description:
      - The IPv4 network that the sandbox sees, of addresses that a host can have, without host bits,
        and with a prefix length from 1 to 25. Sandboxes may have the same one.
      - The 2nd address of it is the gateway, the 3rd the name server, and the 100th the sandbox. With
        the default these are V(10.0.2.2), V(10.0.2.3) and V(10.0.2.100).
    type: str
    default: 10.0.2.0/24
  ipv6:
    description:
      - Whether the sandbox has IPv6 besides, in V(fd00::/64).
      - With V(slirp4netns) it makes an address for itself from a router advertisement, which takes
        about a second, and which C(accept_ra) of the sandbox must allow.
      - With V(pasta) it has V(fd00::100) at once, where the host has an IPv6 default route. Without
        one it has none.
    type: bool
    default: false
  host_loopback:
    description:
      - Whether the sandbox may connect to services that listen on the loopback of the host, at the
        address of the gateway. Many of these trust whoever can reach them.
      - With V(slirp4netns), UDP clients on V(127.0.0.1) need it to get answers from the sandbox, even
        so through a port forward. When there are such port forwards without it, a warning says so.
    type: bool
    default: false
  dns:
    description:
      - Whether there is a name server in O(cidr), which hands questions to that of the host.
      - For a namespace in C(/run/netns), C(/etc/netns/NAME/resolv.conf) is written, which names that
        server. A file that is there already stays as it is, and so does one that
        M(sandbox.network.netns) keeps. For a namespace that is given in another way, and by a task
        without root, no file is written, see RV(slirp.dns).
      - V(pasta) hands questions to IPv4 servers only. When all name servers of the host are IPv6, nobody
        answers, and a warning says so.
    type: bool
    default: true
  sandbox:
    description:
      - Whether slirp4netns gives up its capabilities, and its view of most of the host's files.
      - V(auto) is yes where the program offers it. With V(required) it is an error when it does not.
      - Pasta always does so, and V(never) is an error for it.
    type: str
    choices: [auto, required, never]
    default: auto
  seccomp:
    description:
      - Whether slirp4netns limits itself to the system calls that it needs.
      - Otherwise as O(sandbox).
    type: str
    choices: [auto, required, never]
    default: auto
  outbound_addr:
    description:
      - The IPv4 address of the host that connections of the sandbox come from. Left out, the routes
        of the host decide.
    type: str
  outbound_addr6:
    description:
      - The IPv6 address of the host that connections of the sandbox come from. Needs O(ipv6=true).
    type: str
  forwards:
    description:
      - Port forwards from the host into the sandbox, each in a short form or as a dictionary.
      - The short form is C([HOST_ADDR:]HOST_PORT[:GUEST_PORT][/PROTO]), such as
        V(127.0.0.1:8080:80/tcp), V(8080:80), V(8080) or V([::1]:8080:80). V(8000-8010:9000-9010/udp)
        is a range, and C(/tcp,udp) means both.
      - A dictionary has C(host_port), and what else is wanted of C(proto), C(host_addr),
        C(guest_addr) and C(guest_port). They mean what these options of
        M(sandbox.network.slirp_portfwd) mean.
      - Without an address of the host it is V(127.0.0.1), where only the host itself can connect. A
        wildcard has to be written out, as in V(0.0.0.0:8080:80) or V([::]:8080:80), and a warning
        names it.
      - They are added to those that there are. One for the same address, port and protocol of the
        host replaces the former one. Left out, all stay as they are.
      - A port of the host that somebody else has is an error, before anything changes.
    type: list
    elements: raw
  purge:
    description:
      - Whether port forwards that are not in O(forwards) are removed. With an empty list, that is
        all. Without O(forwards) it has no effect.
    type: bool
    default: false
  ready_timeout:
    description:
      - How many seconds the helper may take until it is ready, at most 3600. One that takes longer is
        ended, and the task fails with what the helper said.
    type: float
    default: 60.0
  user:
    description:
      - The user that the helper runs as, for a task of root. O(netns) must be V(pid:N), for a process
        in a user namespace of that user.
      - Left out, it is whoever runs the task.
    type: str
  program:
    description:
      - The absolute path of the program. One that others than root and whoever runs the task could
        change is an error.
      - Left out, it is looked for in C(/usr/local/sbin), C(/usr/local/bin), C(/usr/sbin),
        C(/usr/bin), C(/sbin) and C(/bin), whatever C(PATH) says.
    type: path
  service_manager:
    description:
      - Who looks after the supervisor.
      - V(systemd) is a transient unit, of the user's manager unless the user is root. When the helper
        dies, it starts again by itself, with its port forwards.
      - V(process) is a process in a session of its own. When the helper dies, the next run starts it
        again.
      - V(auto) is V(systemd) where it is the init system, else V(process).
    type: str
    choices: [auto, systemd, process]
    default: auto
  networks:
    description:
      - Many namespaces in one task, connected as a whole or not at all.
      - Excludes the options for one namespace, except O(state).
    type: list
    elements: dict
    suboptions:
      netns:
        description:
          - The namespace of the sandbox. Required.
          - See O(netns).
        type: str
      state:
        description:
          - Whether the helper is to run. Left out, it is what O(state) says.
        type: str
        choices: [started, present, stopped, absent, restarted]
      backend:
        description:
          - The program that is the helper.
          - See O(backend).
        type: str
        choices: [slirp4netns, pasta]
        default: slirp4netns
      interface:
        description:
          - What the interface in the sandbox is called.
          - See O(interface).
        type: str
        default: tap0
      mtu:
        description:
          - The MTU of the interface.
          - See O(mtu).
        type: int
        default: 65520
      cidr:
        description:
          - The IPv4 network that the sandbox sees.
          - See O(cidr).
        type: str
        default: 10.0.2.0/24
      ipv6:
        description:
          - Whether the sandbox has IPv6 besides.
          - See O(ipv6).
        type: bool
        default: false
      host_loopback:
        description:
          - Whether the sandbox may connect to the loopback of the host.
          - See O(host_loopback).
        type: bool
        default: false
      dns:
        description:
          - Whether there is a name server in the network.
          - See O(dns).
        type: bool
        default: true
      sandbox:
        description:
          - Whether slirp4netns gives up its capabilities, and its view of most of the host's files.
          - See O(sandbox).
        type: str
        choices: [auto, required, never]
        default: auto
      seccomp:
        description:
          - Whether slirp4netns limits itself to the system calls that it needs.
          - See O(seccomp).
        type: str
        choices: [auto, required, never]
        default: auto
      outbound_addr:
        description:
          - The IPv4 address of the host that connections of the sandbox come from.
          - See O(outbound_addr).
        type: str
      outbound_addr6:
        description:
          - The IPv6 address of the host that connections of the sandbox come from.
          - See O(outbound_addr6).
        type: str
      forwards:
        description:
          - Port forwards from the host into the sandbox.
          - See O(forwards).
        type: list
        elements: raw
      purge:
        description:
          - Whether port forwards that are not in the list are removed.
          - See O(purge).
        type: bool
        default: false
      ready_timeout:
        description:
          - How many seconds the helper may take until it is ready.
          - See O(ready_timeout).
        type: float
        default: 60.0
      user:
        description:
          - The user that the helper runs as.
          - See O(user).
        type: str
      program:
        description:
          - The absolute path of the program.
          - See O(program).
        type: path
      service_manager:
        description:
          - Who looks after the supervisor.
          - See O(service_manager).
        type: str
        choices: [auto, systemd, process]
        default: auto
requirements:
  - slirp4netns 0.4.0 or newer, or pasta, which is in the package passt
notes:
  - A user without root can connect V(pid:N) in a user namespace of their own, with an O(state_dir) of
    their own. Its path may have 42 bytes, since the path of a socket can have no more than 107. The
    user must be allowed to open C(/dev/net/tun). The loopback is brought up by the program then, and
    V(stopped) leaves it up.
  - Which address of its client a service in the sandbox sees depends on the helper. Clients on the
    loopback of the host come from the gateway with V(slirp4netns), from V(127.0.0.1) with the pasta of
    Debian 12, and from the sandbox's own address with newer ones. Clients elsewhere keep the address
    that they have.
  - With the pasta of Debian 12, a port forward of V(127.0.0.1) or V(::1) leads to the loopback of the
    sandbox. So the service must listen there, or at the wildcard address. In all other cases, it must
    listen at the sandbox's address, or at the wildcard.
  - Of two UDP port forwards to one port of the sandbox, only one gets answers. Give the service a port
    for each.
  - The pasta of Debian 12 cannot forward one port of the host at two addresses, nor a UDP port to a
    lower one. Both are errors. With it, a client outside of the host does not hear a service that
    speaks first, until it has said something itself.
  - What the helper says is in the file C(log) of its directory below C(helpers) in O(state_dir), with
    at most 1 MiB. Pasta says more in C(helper.log) beside it.
  - The interface goes with the helper, and whatever was configured on it. The routes of the sandbox to
    other links stay.
  - Networks and their port forwards are forgotten by a reboot, as is all else in O(state_dir).
  - In check mode, a namespace in C(/run/netns) that is missing is taken for made by an earlier task,
    with a warning. The program must be there.
seealso:
  - module: sandbox.network.slirp_portfwd
    description: Changes port forwards of a network that runs.
  - module: sandbox.network.netns
    description: Makes namespaces, and ends their helpers when they are removed.
  - module: sandbox.network.netns_info
    description: Tells which helpers are alive, and their port forwards.
  - name: slirp4netns
    description: The program and its manual page.
    link: https://github.com/rootless-containers/slirp4netns
  - name: passt and pasta
    description: The program and its manual page.
    link: https://passt.top
"""

EXAMPLES = r"""
# From the command line:
# ansible localhost -b -m sandbox.network.netns -a 'name=web9'
# ansible localhost -b -m sandbox.network.slirp_network -a 'netns=web9 forwards=8089:80'
# ansible localhost -b -m sandbox.network.slirp_network -a 'netns=web9 state=restarted'
# ansible localhost -b -m sandbox.network.slirp_network -a 'netns=web9 state=stopped'

- name: Make namespaces
  sandbox.network.netns:
    namespaces:
      - name: web1
      - name: web2
      - name: web3

- name: Ask what connecting one would take, without doing it
  sandbox.network.slirp_network:
    netns: web1
  check_mode: true
  diff: true

- name: Connect it, and lead two ports of the host to it
  sandbox.network.slirp_network:
    netns: web1
    forwards:
      - "127.0.0.1:8080:80/tcp"
      - host_port: 8443
        guest_port: 443
  register: connected

- name: Show where the sandbox is
  ansible.builtin.debug:
    msg: >-
      {{ connected.slirp.guest_address }} behind {{ connected.slirp.gateway }},
      by process {{ connected.slirp.pid }}

- name: Connect many in one task
  sandbox.network.slirp_network:
    networks:
      - netns: web1
      - netns: web2
        cidr: 10.0.3.0/24
        mtu: 1500
        forwards: ["8081:80"]

- name: Leave one of its port forwards, and no other
  sandbox.network.slirp_network:
    netns: web1
    forwards: ["8080:80"]
    purge: true

- name: Make default routes, in place of those that a host has
  sandbox.network.link:
    name: uplink1
    kind: veth
    addresses:
      - 192.0.2.7/24
      - address: "2001:db8::7/64"
        nodad: true  # to be listened at in the next task
    routes:
      - dst: default
        gateway: 192.0.2.1
      - dst: "::/0"
        gateway: "2001:db8::1"
    peer: {name: wire1}

- name: Connect a sandbox by pasta, with IPv6
  sandbox.network.slirp_network:
    netns: web3
    backend: pasta
    ipv6: true
    forwards:
      - "192.0.2.7:8082:80"
      - "[2001:db8::7]:8083:80"

- name: Stop all of them
  sandbox.network.slirp_network:
    state: stopped
    networks:
      - netns: web1
      - netns: web2
      - netns: web3
"""

RETURN = r"""
slirp:
  description: The network afterwards, or as predicted in check mode.
  type: dict
  returned: success, without O(networks)
  contains:
    netns:
      description: The path of the namespace.
      type: str
      returned: success
      sample: /run/netns/web1
    state:
      description: V(started) or V(stopped).
      type: str
      returned: success
      sample: started
    alive:
      description: Whether the helper and its supervisor run.
      type: bool
      returned: success
      sample: true
    restarted:
      description:
        - Whether there was a helper and there is another one now, so that connections were cut.
      type: bool
      returned: success
      sample: false
    backend:
      description: V(slirp4netns) or V(pasta). V(null) for a network that is stopped.
      type: str
      returned: success
      sample: slirp4netns
    pid:
      description:
        - The process of the helper. V(null) for a network that is stopped, and in check mode for one
          that is to be started.
      type: int
      returned: success
      sample: 4711
    api_socket:
      description:
        - The socket by which its port forwards change. V(null) for a network that is stopped, and for
          a pasta whose port forwards change by a restart.
      type: str
      returned: success
      sample: /run/sandbox-network/helpers/slirp-run_netns_web1-e62e59023b09aecf/api.sock
    argv:
      description: The words that the helper was started with. Empty for a network that is stopped.
      type: list
      elements: str
      returned: success
      sample: [/usr/bin/slirp4netns, --configure, --mtu=65520, --cidr=10.0.2.0/24, tap0]
    interface:
      description: The interface in the sandbox. V(null) for a network that is stopped.
      type: str
      returned: success
      sample: tap0
    mtu:
      description: The MTU of the interface. V(null) for a network that is stopped.
      type: int
      returned: success
      sample: 65520
    guest_address:
      description: The IPv4 address of the sandbox. V(null) for a network that is stopped.
      type: str
      returned: success
      sample: 10.0.2.100
    guest_address6:
      description:
        - The IPv6 address of the sandbox, with V(pasta) and O(ipv6=true). V(null) in all other cases.
      type: str
      returned: success
      sample: null
    gateway:
      description: The gateway that the sandbox sees. V(null) for a network that is stopped.
      type: str
      returned: success
      sample: 10.0.2.2
    dns:
      description:
        - The name server that the sandbox sees. V(null) for a network that is stopped, and with
          O(dns=false).
      type: str
      returned: success
      sample: 10.0.2.3
    forwards:
      description:
        - All of its port forwards, one for each protocol and port, in the order in which they were
          entered. Empty for a network that is stopped.
      type: list
      elements: dict
      returned: success
      contains:
        id:
          description:
            - The number that slirp4netns gave it. V(null) with V(pasta), and in check mode for one
              that is to be entered.
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
networks:
  description: The networks in the order in which they were given, each as RV(slirp).
  type: list
  elements: dict
  returned: success, with O(networks)
  sample:
    - netns: /run/netns/web1
      state: started
      alive: true
      restarted: false
      backend: slirp4netns
      pid: 4711
      api_socket: /run/sandbox-network/helpers/slirp-run_netns_web1-e62e59023b09aecf/api.sock
      argv: [/usr/bin/slirp4netns, --configure, --mtu=65520, --cidr=10.0.2.0/24, tap0]
      interface: tap0
      mtu: 65520
      guest_address: 10.0.2.100
      guest_address6: null
      gateway: 10.0.2.2
      dns: 10.0.2.3
      forwards: []
operations:
  description:
    - What was done, in order, or in check mode would be done. Empty when nothing had to change.
    - Each item has C(op), which is one of V(process.start), V(process.stop), V(forward.add),
      V(forward.remove), V(link.set), V(route.delete), V(file.write), V(file.remove), V(record.put)
      and V(record.drop), and what it was done to and with.
    - What is left of networks whose namespaces have ended is cleared away besides.
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
      description:
        - What the task found. Empty when nothing had to change. A helper that has died is V(dead).
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
    - Whether everything stands as it stood before the task. A helper that had been ended is another
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
  sample: EACCES
"""

from ansible_collections.sandbox.network.plugins.module_utils._engine.front import run_module
from ansible_collections.sandbox.network.plugins.module_utils._resources.slirp import SlirpResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.slirp_options import FORM


def main() -> None:
    """Run the module."""
    run_module(SlirpResource(), FORM)


if __name__ == "__main__":
    main()
