# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The planner of network cards that are given to VMs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from worlds import WEB1, address_of, route_of, through_json, undone

from ansible_collections.sandbox.network.plugins.module_utils._engine.errors import InvalidOption, TaskError
from ansible_collections.sandbox.network.plugins.module_utils._engine.kinds.registry import foretell
from ansible_collections.sandbox.network.plugins.module_utils._engine.operation import Operation
from ansible_collections.sandbox.network.plugins.module_utils._engine.state import NamespaceState, State
from ansible_collections.sandbox.network.plugins.module_utils._kernel.links import Link
from ansible_collections.sandbox.network.plugins.module_utils._kernel.pci import Neighbour, PciDevice
from ansible_collections.sandbox.network.plugins.module_utils._resources.endpoint import EndpointResource
from ansible_collections.sandbox.network.plugins.module_utils._resources.endpoint_options import OPTIONS

BDF = "0000:01:00.0"
OTHER = Neighbour("0000:01:00.1", "e1000e")
MAC = "52:54:00:00:00:01"


def options(**given: Any) -> dict[str, Any]:
    """The options of an endpoint, as the module hands them over."""
    return {**{name: option.get("default") for name, option in OPTIONS.items()}, "netns": "web1", **given}


def host(**details: Any) -> State:
    """A card in web1, as it is read."""
    state = State(kinds={"tap": True}, pci_drivers={"vfio-pci": ""})
    state.namespaces[None] = NamespaceState(identity=(4, 1), cookie=1)
    namespace = state.namespaces[WEB1] = NamespaceState(identity=(4, 2), cookie=9)
    card = Link(7, "eth9", mac=MAC, mtu=1400, txqlen=1000, up=True, device=f"pci/{BDF}", permanent_mac=MAC)
    namespace.put(card)
    namespace.addresses[7] = [address_of("10.0.0.1/24", 7, label="eth9")]
    namespace.routes[7] = [route_of("0.0.0.0/0", 7, "10.0.0.254")]
    state.pci[BDF] = replace(PciDevice(BDF, "e1000e", "", "8086", "10d3", 5), **details)
    return state


def planned(there: State, **given: Any) -> list[Operation]:
    resource = EndpointResource()
    return resource.plan([resource.parse(options(interface="eth9", **given))], there)


def lent(state: State) -> State:
    return foretell(through_json(planned(state)), state)


def test_given_and_taken_back() -> None:
    state = host()
    operations = planned(state)
    assert [one.kind for one in operations] == ["pci.bind", "record.put"]
    after = foretell(operations, state)
    found = after.pci[BDF]
    assert found is not None and (found.driver, found.override) == ("vfio-pci", "vfio-pci")
    assert after.link(WEB1, "eth9") is None and planned(after) == []
    back = planned(after, state="absent")
    assert [one.kind for one in back][:2] == ["pci.release", "link.set"] and back[-1].kind == "record.drop"
    home = foretell(through_json(back), after)
    assert home.pci == state.pci
    namespace, before = home.existing(WEB1), state.existing(WEB1)
    assert namespace.existing("eth9") == before.existing("eth9")
    assert [one.local for one in namespace.addresses[7]] == [one.local for one in before.addresses[7]]
    assert [one.dst for one in namespace.routes[7] if one.gateway] == ["0.0.0.0/0"]
    assert planned(home, state="absent") == []


def test_undone() -> None:
    state = host()
    after = foretell(planned(state), state)
    again = undone(planned(state), after)
    assert again.pci == state.pci and again.link(WEB1, "eth9") == state.link(WEB1, "eth9")


def test_an_index_that_somebody_took() -> None:
    state = lent(host())
    state.existing(WEB1).put(Link(7, "dum0", "dummy"))
    release = planned(state, state="absent")[0]
    assert release.args["ifindex"] is None


def test_a_name_that_somebody_took() -> None:
    state = lent(host())
    state.existing(WEB1).put(Link(8, "eth9", "dummy"))
    with pytest.raises(TaskError, match="another link"):
        planned(state, state="absent")


def test_the_namespace_is_another_one() -> None:
    state = lent(host())
    state.namespaces[WEB1] = NamespaceState(identity=(4, 3), cookie=10)
    release, drop = planned(state, state="absent")
    assert (release.kind, drop.kind) == ("pci.release", "record.drop") and "netns" not in release.args
    state.namespaces[WEB1] = None
    assert planned(state, state="absent") == [release, drop]


@pytest.mark.parametrize("found", [None, PciDevice(BDF, "e1000e", group=5)], ids=["unplugged", "given to another"])
def test_only_forgotten(found: PciDevice | None) -> None:
    state = lent(host())
    state.pci[BDF] = found
    assert [one.kind for one in planned(state, state="absent")] == ["record.drop"]


def test_another_driver() -> None:
    state = lent(host())
    state.pci_drivers["other-vfio"] = ""
    kinds = [one.kind for one in planned(state, vfio_driver="other-vfio")]
    assert kinds.index("pci.release") < kinds.index("pci.bind")


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"group": None}, "no IOMMU"),
        ({"neighbours": (OTHER,)}, "IOMMU group 5 with 0000:01:00.1"),
        ({"functions": 4}, "4 virtual functions"),
    ],
)
def test_refused(details: dict[str, Any], words: str) -> None:
    state = host(**details)
    with pytest.raises(InvalidOption, match=words):
        planned(state)
    resource = EndpointResource()
    scan = resource.parse(options(scan=True))
    assert resource.plan([scan], state) == []
    assert words in resource.describe(scan, state, state)["unsupported"][0]["reason"]


@pytest.mark.parametrize(
    "other", [replace(OTHER, driver=""), replace(OTHER, driver="vfio-pci"), replace(OTHER, is_bridge=True)]
)
def test_a_group_that_can_be_given(other: Neighbour) -> None:
    assert planned(host(neighbours=(other,)))


def test_no_driver() -> None:
    state = host()
    state.pci_drivers["vfio-pci"] = "is not loaded; modprobe vfio-pci"
    with pytest.raises(InvalidOption, match="modprobe vfio-pci"):
        planned(state)


def test_outside_of_the_initial_namespace() -> None:
    state = host()
    state.existing(None).cookie = 4099
    with pytest.raises(InvalidOption, match="initial network namespace"):
        planned(state)


def test_the_connection_of_the_task() -> None:
    state = host()
    state.session = frozenset(["10.0.0.1"])
    with pytest.raises(InvalidOption, match="force: true"):
        planned(state)
    assert planned(state, force=True)


@pytest.mark.parametrize("given", [{"tap": "tap7"}, {"tx_rate": 1_000_000}, {"mac": "random"}])
def test_options_of_virtual_ones(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match=next(iter(given))):
        planned(host(), **given)


def test_described() -> None:
    resource = EndpointResource()
    wanted = resource.parse(options(interface="eth9"))
    (endpoint,) = resource.describe(wanted, host(), lent(host()))["endpoints"]
    assert endpoint["pci"] == {
        "bdf": BDF,
        "vendor_device_id": "8086 10d3",
        "driver": "e1000e",
        "bound_driver": "vfio-pci",
        "iommu_group": 5,
        "vfio_device": "/dev/vfio/5",
    }
    assert endpoint["hypervisor"]["qemu"] == ["-device", f"vfio-pci,host={BDF}"]
    assert endpoint["hypervisor"]["firecracker"] is None
    assert (endpoint["hard_addr"], endpoint["mtu"], endpoint["addresses"]) == (MAC, 1400, ["10.0.0.1/24"])
    assert endpoint["routes"] == [{"dst": "0.0.0.0/0", "gateway": "10.0.0.254"}]
