# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A throw-away host, modules run on it, and what is there as `ip` and /proc tell it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from promises.runner import Host, Outcome, same
from promises.snapshot import difference

Args = Mapping[str, Any]
Result = dict[str, Any]


class Box:
    """The modules' side and the outside of one host."""

    def __init__(self, host: Host) -> None:
        self.host = host

    # ------------------------------------------------------------ modules

    def run(self, module: str, args: Args, *, check: bool = False) -> Outcome:
        """One run, whatever comes of it, but for a traceback."""
        outcome = self.host.run(module, dict(args), check=check)
        assert not outcome.traceback, f"{module} {json.dumps(args)}: {outcome}"
        return outcome

    def done(self, module: str, args: Args, *, check: bool = False) -> Result:
        """The result of a run that does not fail."""
        outcome = self.run(module, args, check=check)
        assert not outcome.failed, f"{module} {json.dumps(args)}: {outcome}"
        return outcome.result

    def change(self, module: str, args: Args) -> Result:
        """Check mode foretells it and does nothing; the run does it; a second run does nothing."""
        outcome = self.run(module, args, check=True)
        assert not outcome.failed, f"check mode of {module} {json.dumps(args)}: {outcome}"
        assert not outcome.calls, f"check mode makes mutating calls: {[*map(str, outcome.calls)]}"
        foretold = outcome.result
        result = self.done(module, args)
        assert foretold["changed"] and result["changed"], f"{module} {json.dumps(args)}: {result}"
        for key in sorted({*foretold, *result} - {"invocation", "diff", "warnings"}):
            assert same(foretold.get(key, "(missing)"), result.get(key, "(missing)")), (
                f"check mode foretells another {key}:\n" + "\n".join(difference(foretold.get(key), result.get(key)))
            )
        self.nothing_to_do(module, args)
        return result

    def nothing_to_do(self, module: str, args: Args) -> Result:
        """A run that finds everything as it should be, and makes not one mutating call."""
        outcome = self.run(module, args)
        text = f"{module} {json.dumps(args)}: {outcome}"
        assert not outcome.failed, text
        assert outcome.result["changed"] is False and outcome.result["operations"] == [], text
        touched = [str(call) for call in outcome.calls if not _of_the_lock(str(call))]
        assert not touched, f"{text}: {touched}"
        return outcome.result

    def refused(self, module: str, args: Args, *words: str) -> str:
        """Refused in check mode as in a real run, before anything is touched."""
        message = ""
        for check in (True, False):
            outcome = self.run(module, args, check=check)
            text = f"{module} {json.dumps(args)}{' in check mode' if check else ''}: {outcome}"
            assert outcome.result.get("failed"), f"accepted: {text}"
            message = outcome.result["msg"]
            for word in words:
                assert word in message, f"{word!r} is not named: {text}"
            touched = [str(call) for call in outcome.calls if not _of_the_lock(str(call))]
            assert not touched, f"{text}: {touched}"
        return message

    def fails(self, module: str, args: Args, *words: str) -> Result:
        """Fails on the way, and has put everything back."""
        before = self.snapshot()
        outcome = self.run(module, args)
        assert outcome.result.get("failed"), f"{module} {json.dumps(args)}: {outcome}"
        assert outcome.result["rolled_back"] is True, str(outcome)
        for word in words:
            assert word in outcome.result["msg"], f"{word!r} is not named: {outcome}"
        assert self.unlike(before) == [], str(outcome)
        return outcome.result

    # ------------------------------------------------------------ the outside

    def sh(self, *commands: str, check: bool = True) -> str:
        """Shell commands; what they print."""
        return self.host.shell(*commands, check=check)

    def ip(self, *words: str, netns: str | None = None) -> Any:
        """What `ip -json` says."""
        where = ["-n", netns] if netns else []
        printed = self.sh(shlex.join(["ip", "-j", "-d", *where, *words]), check=False)
        return json.loads(printed) if printed.startswith("[") else []

    def link(self, name: str, netns: str | None = None) -> Result | None:
        """A link, or None."""
        found = [one for one in self.ip("link", "show", netns=netns) if one.get("ifname") == name]
        return found[0] if found else None

    def links(self, netns: str | None = None) -> set[str]:
        """The names of the links."""
        return {one["ifname"] for one in self.ip("link", "show", netns=netns)}

    def addresses(self, name: str, netns: str | None = None) -> list[Result]:
        """The addresses of a link as `ip` shows them, without the kernel's own link-local ones."""
        (link,) = [one for one in self.ip("address", "show", netns=netns) if one.get("ifname") == name]
        return [
            one
            for one in link["addr_info"]
            if not (one["local"].startswith("fe80:") and one.get("protocol") == "kernel_ll")
        ]

    def cidrs(self, name: str, netns: str | None = None) -> list[str]:
        """The global addresses of a link, in the kernel's order."""
        return [f"{one['local']}/{one['prefixlen']}" for one in self.addresses(name, netns) if one["scope"] == "global"]

    def routes(self, netns: str | None = None, table: str = "all") -> list[Result]:
        """The routes that are not the kernel's own."""
        found = [
            route for family in ("-4", "-6") for route in self.ip(family, "route", "show", "table", table, netns=netns)
        ]
        return [route for route in found if route.get("protocol") not in ("kernel", "ra")]

    def gateways(self, netns: str | None = None) -> dict[str, str | None]:
        """The gateway of each route, by destination."""
        return {route["dst"]: route.get("gateway") for route in self.routes(netns)}

    def read(self, path: str, netns: str | None = None) -> str:
        """A file, as it is inside a namespace; below /proc/sys/net when relative."""
        enter = f"ip netns exec {shlex.quote(netns)} " if netns else ""
        path = path if path.startswith("/") else f"/proc/sys/net/{path}"
        return " ".join(self.sh(f"{enter}cat {shlex.quote(path)}").split())

    def names(self) -> list[str]:
        """The entries of /run/netns."""
        return self.sh("ls -1 /run/netns 2>/dev/null || true").splitlines()

    def state_files(self) -> list[str]:
        """The files of the state directory, but for the lock."""
        return self.sh("find /run/sandbox-network -type f -not -name lock", check=False).split()

    def snapshot(self) -> Result:
        """Everything that matters."""
        return self.host.snapshot("/run", "/etc/netns")

    def unlike(self, expected: Result) -> list[str]:
        """How the host differs from a snapshot."""
        return self.host.unlike(expected, "/run", "/etc/netns")

    def process_in_its_own_namespace(self) -> int:
        """Start a process with a network namespace of its own; its id."""
        self.sh(
            "unshare --net sleep 600 >/dev/null 2>&1 & echo $! > /run/box/sleeper",
            "until [ $(readlink /proc/$(cat /run/box/sleeper)/ns/net) != $(readlink /proc/self/ns/net) ]",
            "do sleep 0.02",
            "done",
        )
        return int(self.sh("cat /run/box/sleeper"))


def _of_the_lock(call: str) -> bool:
    """The state directory and its lock, which the first task of all makes."""
    return call.endswith(" mkdir /run/sandbox-network") or "/run/sandbox-network/lock" in call


def operations(result: Result) -> list[str]:
    """The kinds of the operations done."""
    return [operation["op"] for operation in result["operations"]]


def only(found: Sequence[Any]) -> Any:
    """The one and only."""
    assert len(found) == 1, found
    return found[0]
