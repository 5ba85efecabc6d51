# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Network cards that are given to a VM: two of the three are equal, and only one may lose its driver."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from box import operations
from guest import Guest
from machine import NICS
from promises.runner import FAIL, KILL_AFTER, KILL_BEFORE, Call, Fault

GIVEN: dict[str, Any] = {"netns": "box", "interface": "eth9"}
BACK = {**GIVEN, "state": "absent"}
SETTINGS = """
ip netns add box
ip link set {nic} netns box name eth9
ip -n box link set eth9 mtu 1400 address 02:00:00:00:00:77 alias uplink txqueuelen 500
ip -n box link property add dev eth9 altname lan-port
ip netns exec box sh -c 'echo 1 > /proc/sys/net/ipv4/conf/eth9/arp_notify'
ip -n box link set lo up
ip -n box link set eth9 up
ip -n box addr add 10.9.0.2/24 broadcast + dev eth9
ip -n box addr add 2001:db8:9::2/64 nodad dev eth9
ip -n box route add default via 10.9.0.1
ip -n box -6 route add 2001:db8:20::/48 via 2001:db8:9::1
ip -n box neigh add 10.9.0.77 lladdr 02:aa:00:00:00:77 dev eth9 nud permanent
tc -n box qdisc add dev eth9 root handle 1: tbf rate 4mbit burst 10k latency 50ms
"""
PLAIN = """
tc -n box qdisc del dev eth9 root
ip -n box link property del dev eth9 altname lan-port
ip -n box link set eth9 down
ip -n box link set eth9 mtu 1500 address {mac} alias '' txqueuelen 1000 netns 1 name {nic}
ip netns del box
"""


class Card:
    """The first card, in a sandbox as ``eth9``, and the places of all cards on the bus."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.nic = guest.nic(0)
        names = [guest.nic(number) for number in range(len(NICS))]
        links = [guest.sh(f"readlink /sys/class/net/{name}/device") for name in names]
        self.bdf, *self.others = [link.strip().rpartition("/")[2] for link in links]

    def drivers(self) -> list[str]:
        """The driver of each card, and what overrides it."""
        paths = [f"/sys/bus/pci/devices/{bdf}" for bdf in (self.bdf, *self.others)]
        command = "; ".join(
            f'echo "$(basename "$(readlink {path}/driver)")" $(cat {path}/driver_override)' for path in paths
        )
        return self.guest.sh(command).splitlines()

    def driver_is(self, driver: str, override: str = "(null)") -> bool:
        """Whether the card has a driver, and the others have kept theirs."""
        return self.drivers() == [f"{driver} {override}", *["e1000e (null)"] * len(self.others)]


@pytest.fixture
def card(guest: Guest) -> Iterator[Card]:
    card = Card(guest)
    guest.sh("modprobe vfio-pci", SETTINGS.format(nic=card.nic))
    before = guest.snapshot()
    yield card
    assert card.driver_is("e1000e")
    assert guest.unlike(before) == []
    guest.sh(PLAIN.format(nic=card.nic, mac=NICS[0].mac))


def test_there_and_back(guest: Guest, card: Card) -> None:
    result = guest.change("vm_endpoint", GIVEN)
    (endpoint,) = result["endpoints"]
    assert operations(result) == ["pci.bind", "record.put"]
    assert card.driver_is("vfio-pci", "vfio-pci") and guest.link("eth9", "box") is None
    group = guest.sh(f"readlink /sys/bus/pci/devices/{card.bdf}/iommu_group").strip().rpartition("/")[2]
    assert endpoint["type"] == "physical" and endpoint["hard_addr"] == "02:00:00:00:00:77" and endpoint["mtu"] == 1400
    assert endpoint["pci"] == {
        "bdf": card.bdf,
        "vendor_device_id": "8086 10d3",
        "driver": "e1000e",
        "bound_driver": "vfio-pci",
        "iommu_group": int(group),
        "vfio_device": f"/dev/vfio/{group}",
    }
    assert guest.sh(f"ls /dev/vfio/{group}").strip() == f"/dev/vfio/{group}"
    assert endpoint["addresses"] == ["10.9.0.2/24", "2001:db8:9::2/64"]
    assert {"dst": "0.0.0.0/0", "gateway": "10.9.0.1"} in endpoint["routes"]
    assert endpoint["hypervisor"] == {
        "qemu": ["-device", f"vfio-pci,host={card.bdf}"],
        "cloud_hypervisor": ["--device", f"path=/sys/bus/pci/devices/{card.bdf}/"],
        "firecracker": None,
    }
    assert operations(guest.change("vm_endpoint", BACK))[0] == "pci.release"


def test_of_all_links(guest: Guest, card: Card) -> None:
    guest.sh("modprobe tun", "ip -n box link add eth0 type veth peer name far", "ip -n box link add br7 type bridge")
    before = guest.snapshot()
    result = guest.change("vm_endpoint", {"netns": "box", "scan": True})
    found = {one["name"]: one["type"] for one in result["endpoints"]}
    assert found == {"eth0": "virtual", "eth9": "physical", "far": "virtual"}
    assert [one["interface"] for one in result["unsupported"]] == ["br7"]
    assert card.driver_is("vfio-pci", "vfio-pci")
    guest.change("vm_endpoint", {"netns": "box", "state": "absent"})
    assert guest.unlike(before) == []
    guest.sh("ip -n box link del eth0", "ip -n box link del br7")


WHOLE = os.environ.get("SWEEP") == "full"


def calls_of(guest: Guest, wish: dict[str, Any], other: dict[str, Any]) -> list[Call]:
    """The mutating calls of a task that is not the first of its kind, which makes directories as well."""
    for args in (wish, other):
        guest.done("vm_endpoint", args)
    calls = guest.run("vm_endpoint", wish).calls
    guest.done("vm_endpoint", other)
    return calls


def on_the_bus(calls: Sequence[Call]) -> list[int]:
    """The numbers of the calls that write to the card's place below /sys."""
    numbers = [call.number for call in calls if call.text.startswith("write /sys/")]
    assert len(numbers) == 3, [*map(str, calls)]
    return numbers


def sweep(guest: Guest, card: Card, wish: dict[str, Any], other: dict[str, Any], after: str) -> None:
    """Killed at each write to the bus (with SWEEP=full: at each call), the next run ends what was begun;
    no other card is ever touched.

    Before a call is after the one before it, but for what the kernel does: there, both are tried.
    """
    calls = calls_of(guest, wish, other)
    bus = on_the_bus(calls)
    both = [*bus, *(call.number for call in calls if call.text.startswith("netlink"))]
    for call in calls if WHOLE else [one for one in calls if one.number in bus]:
        for mode in (KILL_BEFORE, KILL_AFTER) if call.number in both else (KILL_BEFORE,):
            assert guest.host.run("vm_endpoint", wish, fault=Fault(mode, call.number)).killed, call
            assert card.drivers()[1:] == ["e1000e (null)"] * len(card.others)
            guest.done("vm_endpoint", wish)
            assert card.drivers()[0] == after, call
            guest.done("vm_endpoint", other)


def test_killed_when_given(guest: Guest, card: Card) -> None:
    before = guest.snapshot()
    sweep(guest, card, GIVEN, BACK, "vfio-pci vfio-pci")
    assert card.driver_is("e1000e") and guest.unlike(before) == []


def test_killed_when_taken_back(guest: Guest, card: Card) -> None:
    before = guest.snapshot()
    guest.done("vm_endpoint", GIVEN)
    sweep(guest, card, BACK, GIVEN, "e1000e (null)")
    guest.done("vm_endpoint", BACK)
    assert card.driver_is("e1000e") and guest.unlike(before) == []


def test_killed_when_given_and_then_taken_back(guest: Guest, card: Card) -> None:
    before = guest.snapshot()
    calls = calls_of(guest, GIVEN, BACK)
    for number in on_the_bus(calls):
        for mode in (KILL_BEFORE, KILL_AFTER):
            assert guest.host.run("vm_endpoint", GIVEN, fault=Fault(mode, number)).killed
            guest.done("vm_endpoint", BACK)
            assert card.driver_is("e1000e") and guest.unlike(before) == []


@pytest.mark.parametrize("error", [errno.EBUSY, errno.EIO], ids=["EBUSY", "EIO"])
def test_the_bus_refuses(guest: Guest, card: Card, error: int) -> None:
    for wish, other, driver in ((GIVEN, BACK, "e1000e"), (BACK, GIVEN, "vfio-pci")):
        calls = calls_of(guest, wish, other)
        before = guest.snapshot()
        for number in on_the_bus(calls):
            outcome = guest.host.run("vm_endpoint", wish, fault=Fault(FAIL, number, error=error))
            assert outcome.result.get("failed") and outcome.result["rolled_back"] is True, str(outcome)
            assert errno.errorcode[error] in outcome.result["msg"]
            assert card.driver_is(driver, *(["vfio-pci"] if wish is BACK else []))
            assert guest.unlike(before) == []
        guest.done("vm_endpoint", wish)


def test_a_vm_has_it(guest: Guest, card: Card) -> None:
    """Taking it away would wait until the VM ends."""
    (endpoint,) = guest.done("vm_endpoint", GIVEN)["endpoints"]
    path = endpoint["pci"]["vfio_device"]
    guest.sh(f"sleep 600 9<>{path} >/dev/null 2>&1 & echo $! > /run/vm", "sleep 0.2")
    outcome = guest.run("vm_endpoint", BACK)
    assert outcome.result["rolled_back"] is True and path in outcome.result["msg"], str(outcome)
    assert card.driver_is("vfio-pci", "vfio-pci")
    guest.sh("kill $(cat /run/vm)", "rm /run/vm")
    guest.done("vm_endpoint", BACK)


def test_a_driver_that_does_not_take_it(guest: Guest, card: Card) -> None:
    """One that is there, and finds on probing that the card is none of its own."""
    guest.sh("modprobe virtio_pci")
    result = guest.fails("vm_endpoint", {**GIVEN, "vfio_driver": "virtio-pci"}, card.bdf, "virtio-pci")
    assert result["msg"] and card.driver_is("e1000e")


def test_its_namespace_died(guest: Guest, card: Card) -> None:
    """There is no place left to bring it to, and yet it gets its driver back."""
    guest.done("vm_endpoint", GIVEN)
    guest.sh("ip netns del box")
    assert card.driver_is("vfio-pci", "vfio-pci")
    guest.change("vm_endpoint", BACK)
    assert card.driver_is("e1000e")
    again(guest, card)


def test_killed_and_its_namespace_died(guest: Guest, card: Card) -> None:
    calls = calls_of(guest, GIVEN, BACK)
    last = on_the_bus(calls)[-1]
    assert guest.host.run("vm_endpoint", GIVEN, fault=Fault(KILL_AFTER, last)).killed
    guest.sh("ip netns del box")
    assert guest.done("vm_endpoint", BACK)["recovered"]
    assert card.driver_is("e1000e")
    again(guest, card)


def again(guest: Guest, card: Card) -> None:
    """The card in its sandbox, as at first."""
    card.nic = guest.nic(0)
    guest.sh(SETTINGS.format(nic=card.nic))


def test_somebody_gave_it_back(guest: Guest, card: Card) -> None:
    guest.done("vm_endpoint", GIVEN)
    path = f"/sys/bus/pci/devices/{card.bdf}"
    guest.sh(f"echo > {path}/driver_override", f"echo {card.bdf} > {path}/driver/unbind")
    guest.sh(f"echo {card.bdf} > /sys/bus/pci/drivers_probe", f"until ip link show {card.nic}; do sleep 0.05; done")
    assert operations(guest.done("vm_endpoint", BACK)) == ["record.drop"]
    guest.sh("ip netns del box")
    again(guest, card)


def test_unplugged(guest: Guest, card: Card) -> None:
    guest.done("vm_endpoint", GIVEN)
    guest.sh(f"echo 1 > /sys/bus/pci/devices/{card.bdf}/remove")
    assert operations(guest.change("vm_endpoint", BACK)) == ["record.drop"]
    guest.sh("echo 1 > /sys/bus/pci/rescan", f"until ip -o link | grep -q {NICS[0].mac}; do sleep 0.05; done")
    guest.sh("ip netns del box")
    again(guest, card)


def test_after_it_was_moved(guest: Guest) -> None:
    """Moved into the sandbox, given to a VM, and all the way back."""
    nic = guest.nic(2)
    guest.sh("modprobe vfio-pci", "ip netns add box", f"ip addr add 10.9.0.2/24 dev {nic}", f"ip link set {nic} up")
    before = guest.snapshot()
    move = {"device": nic, "netns": "box", "new_name": "eth9"}
    guest.done("netdev_move", move)
    guest.change("vm_endpoint", GIVEN)
    assert guest.nothing_to_do("netdev_move", move)["device"]["state"] == "present"
    guest.refused("netdev_move", {**move, "state": "absent"}, nic, "vm_endpoint")
    guest.change("vm_endpoint", BACK)
    guest.nothing_to_do("netdev_move", move)
    guest.change("netdev_move", {**move, "state": "absent"})
    assert guest.unlike(before) == []
    guest.sh(f"ip addr flush dev {nic}", f"ip link set {nic} down", "ip netns del box")


# ---------------------------------------------------------------- refused


@pytest.mark.usefixtures("card")
def test_without_the_module(guest: Guest) -> None:
    guest.sh("modprobe -r vfio-pci")
    guest.refused("vm_endpoint", GIVEN, "eth9", "modprobe vfio-pci")
    guest.refused("vm_endpoint", {**GIVEN, "vfio_driver": "no-such"}, "eth9", "no-such", "no driver of this kernel")
    result = guest.done("vm_endpoint", {"netns": "box", "scan": True})
    assert "modprobe vfio-pci" in result["unsupported"][0]["reason"]
    guest.sh("modprobe vfio-pci")


@pytest.mark.usefixtures("card")
def test_options_of_virtual_ones(guest: Guest) -> None:
    guest.refused("vm_endpoint", {**GIVEN, "tx_rate": 1_000_000}, "tx_rate", "physical")
    guest.refused("vm_endpoint", {**GIVEN, "type": "virtual"}, "eth9", "physical")
    guest.refused("vm_endpoint", {**GIVEN, "vfio_driver": "../x"}, "vfio_driver")


@pytest.mark.usefixtures("card")
def test_what_stands_on_it(guest: Guest) -> None:
    guest.sh("ip -n box link add link eth9 name tagged type vlan id 7")
    guest.refused("vm_endpoint", GIVEN, "eth9", "tagged", "force: true")
    guest.sh("ip -n box link del tagged")


def test_the_card_that_the_host_is_reached_by(guest: Guest) -> None:
    """It is where Ansible runs, and no sandbox is: under no name of that namespace is it given away."""
    nic = guest.nic(0)
    guest.sh("modprobe vfio-pci", f"ip link set {nic} up", f"ip addr add 10.9.0.2/24 dev {nic}")
    guest.sh("ip route add default via 10.9.0.1")
    for netns in ("/proc/1/ns/net", "/proc/self/ns/net"):
        guest.refused("vm_endpoint", {"netns": netns, "interface": nic, "force": True}, "netns")
    guest.sh(f"ip addr flush dev {nic}", f"ip link set {nic} down")


def test_a_group_of_several(guest: Guest, card: Card) -> None:
    members = guest.sh(f"cd /sys/bus/pci/devices/{card.bdf}/iommu_group/devices; grep -L ^0x06 */class").split()
    if len(members) == 1:
        pytest.skip("the guest's cards have groups of their own")
    guest.refused("vm_endpoint", GIVEN, "IOMMU group")
