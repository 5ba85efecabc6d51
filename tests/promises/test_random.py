# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Random lives of three sandboxes: present, update, absent, and drift made by hand, against a plain
model.

The model says whether each run must report a change; a second run must never; the other sandboxes
are left alone; at the end everything is as before.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from promises.cases.case import FOREIGN
from promises.cases.link import BRIDGE
from promises.runner import Args, Host, Lane
from promises.snapshot import difference
from promises.sweep import FULL

NAMES = ("red", "red-1", "blue")
ADDRESSES = ("10.9.0.2/24", "10.9.0.3/24", "2001:db8:9::2/64", "2001:db8:9::3/64")

names = st.sampled_from(NAMES)
mtus = st.sampled_from((1300, 1400, 1500))
addresses = st.frozensets(st.sampled_from(ADDRESSES), max_size=3)


@dataclass
class Link:
    """A veth of a sandbox, as the model knows it."""

    mtu: int = 1500
    addresses: frozenset[str] = frozenset()
    up: bool = True
    alias: str = ""


@dataclass
class Sandbox:
    """A namespace, as the model knows it."""

    loopback: bool = True
    forward: str = "0"
    link: Link | None = None


class Lives(RuleBasedStateMachine):
    """One host, three sandboxes."""

    def __init__(self) -> None:
        super().__init__()
        self.host = Host(Lane.current(), [FOREIGN, BRIDGE]).__enter__()
        self.before = self.host.snapshot()
        self.model: dict[str, Sandbox] = {}
        self.remembered: set[str] = set()  # by records, also when somebody deleted the namespace

    def teardown(self) -> None:
        try:
            for name in NAMES:  # also those that somebody deleted by hand
                outcome = self.host.run("netns", {"name": name, "state": "absent"})
                assert not outcome.failed, str(outcome)
            assert self.host.unlike(self.before) == []
        finally:
            self.host.__exit__(None, None, None)

    def apply(self, module: str, args: Args, changes: bool, name: str) -> None:
        """Check mode and the run report what the model expects; once more changes nothing; others
        are left alone.
        """
        others = self.others(name)
        prediction = self.host.run(module, args, check=True)
        assert not prediction.failed, str(prediction)
        assert not prediction.calls, str(prediction)
        outcome = self.host.run(module, args)
        assert not outcome.failed, str(outcome)
        assert outcome.result["changed"] is prediction.result["changed"] is changes, f"expected {changes}: {outcome}"
        again = self.host.run(module, args)
        assert not again.failed, str(again)
        assert again.result["changed"] is False, str(again)
        assert not again.calls, str(again)
        assert difference(others, self.others(name)) == []

    def others(self, name: str) -> dict[str, t.Any]:
        """The other sandboxes."""
        namespaces = self.host.snapshot()["namespaces"]
        return {path: found for path, found in namespaces.items() if path not in ("host", f"/run/netns/{name}")}

    @rule(name=names, loopback=st.booleans(), forward=st.sampled_from("01"))
    def sandbox_present(self, name: str, loopback: bool, forward: str) -> None:
        found = self.model.get(name)
        changes = not found or (found.loopback, found.forward) != (loopback, forward)
        args = {"name": name, "loopback": loopback, "sysctl": {"net.ipv4.ip_forward": forward}}
        self.apply("netns", args, changes, name)
        self.model[name] = Sandbox(loopback, forward, found.link if found else None)
        self.remembered.add(name)

    @rule(name=names)
    def sandbox_absent(self, name: str) -> None:
        changes = name in self.model or name in self.remembered
        self.apply("netns", {"name": name, "state": "absent"}, changes, name)
        self.model.pop(name, None)
        self.remembered.discard(name)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), mtu=mtus, wanted=addresses, alias=st.sampled_from(("", "one", "two words")))
    def link_present(self, data: t.Any, mtu: int, wanted: frozenset[str], alias: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        link = Link(mtu, wanted, True, alias)
        args = {
            "name": "eth0",
            "netns": name,
            "kind": "veth",
            "peer": {"name": f"p-{name}", "master": "br0"},
            "mtu": mtu,
            "addresses": sorted(wanted),
            "purge_addresses": True,
            "alias": alias,
        }
        self.apply("link", args, self.model[name].link != link, name)
        self.model[name].link = link

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def link_absent(self, data: t.Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.apply(
            "link",
            {"name": "eth0", "netns": name, "state": "absent"},
            self.model[name].link is not None,
            name,
        )
        self.model[name].link = None

    # drift

    def linked(self) -> list[str]:
        return sorted(name for name, sandbox in self.model.items() if sandbox.link)

    @precondition(lambda self: self.linked())
    @rule(
        data=st.data(),
        what=st.sampled_from(("delete", "delete peer", "down", "mtu", "address gone", "address new")),
    )
    def drift(self, data: t.Any, what: str) -> None:
        name = data.draw(st.sampled_from(self.linked()))
        link = t.cast(Link, self.model[name].link)
        if what.startswith("delete"):
            self.host.shell(f"ip -n {name} link del eth0" if what == "delete" else f"ip link del p-{name}")
            self.model[name].link = None
        elif what == "down":
            self.host.shell(f"ip -n {name} link set eth0 down")
            link.up, link.addresses = False, frozenset(a for a in link.addresses if ":" not in a)
        elif what == "mtu":
            self.host.shell(f"ip -n {name} link set eth0 mtu 1280")
            link.mtu = 1280
        elif what == "address gone" and link.addresses:
            address = data.draw(st.sampled_from(sorted(link.addresses)))
            self.host.shell(f"ip -n {name} addr del {address} dev eth0")
            link.addresses -= {address}
            self.promoted(name, link)
        elif what == "address new":
            self.host.shell(f"ip -n {name} addr replace 10.66.0.1/24 dev eth0")
            link.addresses |= {"10.66.0.1/24"}

    def promoted(self, name: str, link: Link) -> None:
        """Deleting a primary IPv4 address takes its secondaries with it."""
        shown = self.host.shell(f"ip -n {name} -o -4 addr show dev eth0")
        link.addresses = frozenset(a for a in link.addresses if ":" in a or f" {a} " in shown)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def drift_of_loopback(self, data: t.Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.host.shell(f"ip -n {name} link set lo down")
        self.model[name].loopback = False

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def drift_of_name(self, data: t.Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.host.shell(f"ip netns del {name}", f"while [ -e /sys/class/net/p-{name} ]; do sleep 0.01; done")
        del self.model[name]

    @invariant()
    def namespaces_are_those_of_the_model(self) -> None:
        shown = set(self.host.shell("ls /run/netns").split()) - {"foreign"}
        assert shown == set(self.model)


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=int(os.environ.get("RANDOM_LIVES", "200" if FULL else "12")),
    stateful_step_count=20 if FULL else 12,
    deadline=None,
    # Shrinking takes minutes: ask for it.
    phases=[
        Phase.explicit,
        Phase.generate,
        *([Phase.shrink] if os.environ.get("RANDOM_SHRINK") else []),
    ],
    derandomize=not FULL,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
