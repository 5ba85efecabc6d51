# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What a case of the promise tests is. A module with cases inherits every promise test, the kill sweep
and the error sweep.

In the arguments `@NAME.pid@` stands for the content of the file /run/box/NAME.pid that a `prepare`
command wrote. Pin every MAC address in `prepare`: snapshots are compared between hosts. What another
module has to do before is a pair in `prepare`, of its name and its arguments.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

Args = dict[str, t.Any]
Step = t.Union[str, tuple[str, Args]]

# What somebody else has on the host, in all cases: nothing of it may change.
FOREIGN = """
ip netns add foreign
ip -batch - <<END
link add fbr0 address 02:f0:00:00:00:01 type bridge
link add fgn0 address 02:f0:00:00:00:02 type veth peer name fgn1 address 02:f0:00:00:00:03
link set fgn1 netns foreign
link set fgn0 mtu 1460 alias somebody master fbr0 up
link property add dev fgn0 altname fgn-other-name
link set fbr0 up
addr add 198.51.100.1/24 broadcast + dev fbr0
addr add 2001:db8:ffff::1/64 nodad dev fbr0
route add 203.0.113.0/24 via 198.51.100.2 metric 77
route add 2001:db8:fffe::/48 via 2001:db8:ffff::2
rule add from 192.0.2.99 lookup 77 priority 777
neigh add 198.51.100.77 lladdr 02:f0:00:00:00:77 dev fbr0 nud permanent
END
ip -n foreign -batch - <<END
link set lo up
link set fgn1 up
addr add 198.51.100.2/24 dev fgn1
addr add 2001:db8:ffff::2/64 nodad dev fgn1
route add default via 198.51.100.1
route add default via 2001:db8:ffff::1
END
tc qdisc add dev fgn0 ingress
tc filter add dev fgn0 parent ffff: protocol ip prio 10 \\
  u32 match ip dst 192.0.2.99/32 action mirred egress mirror dev fbr0
mkdir -p /etc/netns/foreign /run/foreign
echo nameserver 198.51.100.53 > /etc/netns/foreign/resolv.conf
echo of somebody else > /run/foreign/file
"""


@dataclass(frozen=True)
class Case:
    """One thing that a module manages, on a host prepared for it."""

    name: str
    module: str
    present: Args
    absent: Args
    update: Args | None = None  # the same thing with other values
    prepare: tuple[Step, ...] = ()
    gone: tuple[str, ...] = ()  # what absent does beyond restoring, as shell commands on the prepared host
    refused: str | None = None  # present is an error before anything changes; the message matches this pattern
    reads: bool = False  # the module changes nothing, whatever its answer
    foreign: bool = True  # with somebody else's things on the host
    things: tuple[str, ...] = ()  # what messages may call the thing besides the names in the arguments
    fresh: bool = False  # every point of a sweep on a new host: for the first use

    @property
    def surroundings(self) -> tuple[Step, ...]:
        """All that prepares a host."""
        return ((FOREIGN,) if self.foreign else ()) + self.prepare

    @property
    def states(self) -> tuple[str, ...]:
        """What a sweep goes through."""
        if self.refused or self.reads:
            return ()
        return ("present", "update", "absent") if self.update else ("present", "absent")

    def args(self, state: str) -> Args:
        """The module's arguments."""
        if state == "absent":
            return {**self.absent, "state": "absent"}
        if state == "update":
            assert self.update is not None
            return self.update
        return self.present
