# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The four promises, for each case: a second run changes nothing; check mode tells what would
change; a refused task changes nothing; absent restores. Foreign objects stay as they are through it
all.
"""

from __future__ import annotations

import functools
import re
import typing as t

import pytest

from promises.cases import CASES, Args, Case, named
from promises.runner import Host, Lane, Outcome, same
from promises.snapshot import difference, part

ORDINARY = [case for case in CASES if case.states]
READING = [case for case in CASES if case.reads]
REFUSED = [case for case in CASES if case.refused]
FIRST = list({case.module: case for case in reversed(ORDINARY)}.values())  # the first case of each module
UPDATED = list({case.module: case for case in reversed(ORDINARY) if case.update}.values())


def by_name(cases: t.Sequence[Case]) -> t.Any:
    """Parametrise with readable names."""
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def nothing(lines: list[str], what: str) -> None:
    """Fail and show them all, when there are any."""
    assert not lines, f"{what}:\n" + "\n".join(lines)


class Play:
    """A case on a host, step by step."""

    def __init__(self, host: Host, case: Case) -> None:
        self.host = host
        self.case = case
        self.now = host.snapshot()
        self.foreign = part(self.now, "f")

    def run(self, state: str, check: bool = False) -> Outcome:
        outcome = self.host.run(self.case.module, self.case.args(state), check=check)
        assert not outcome.failed, f"{state}{' (check mode)' if check else ''}: {outcome}"
        return outcome

    def predicted(self, state: str) -> Outcome:
        """Check mode: makes no change, and not one call that could."""
        outcome = self.run(state, check=True)
        assert not outcome.calls, f"check mode of {state} makes mutating calls: {[*map(str, outcome.calls)]}"
        nothing(self.host.unlike(self.now), "the host differs")
        return outcome

    def changed(self, state: str) -> Outcome:
        """Check mode, the run, and nothing left to do; the prediction is what was done."""
        prediction = self.predicted(state)
        outcome = self.run(state)
        assert prediction.result["changed"], f"check mode of {state}: {prediction}"
        assert outcome.result["changed"], f"{state}: {outcome}"
        for key in sorted({*prediction.result, *outcome.result} - {"invocation", "warnings"}):
            one, other = (
                prediction.result.get(key, "(missing)"),
                outcome.result.get(key, "(missing)"),
            )
            if key == "diff":
                nothing(unlike(one, other), f"{state}: check mode predicts another diff")
            else:
                assert same(one, other), f"{state}: check mode predicts another {key}:\n" + "\n".join(
                    difference(one, other)
                )
        self.now = self.host.snapshot()
        nothing(difference(self.foreign, part(self.now, "f")), f"{state}: foreign objects changed")
        self.unchanged(state)
        nothing(self.host.unlike(self.now), f"{state} again changed something")
        return outcome

    def unchanged(self, state: str) -> None:
        """The same once more, real and in check mode."""
        for check in (False, True):
            outcome = self.run(state, check)
            text = f"{state} again{' in check mode' if check else ''}: {outcome}"
            assert outcome.result["changed"] is False, text
            assert outcome.result["operations"] == [], text
            assert not outcome.calls, f"{text}: {[*map(str, outcome.calls)]}"
            diff = outcome.result.get("diff", {"before": "", "after": ""})
            assert diff["before"] == diff["after"], text


def unlike(one: t.Any, other: t.Any) -> list[str]:
    """Where two diffs differ; what only a real run can know is null in the predicted one."""
    if isinstance(one, str) and isinstance(other, str):
        lines, others = one.splitlines(), other.splitlines()
        pairs = [
            pair
            for pair in zip(lines, others)
            if pair[0] != pair[1] and not re.search(r"\bnull\b|\bnone\b", pair[0], re.I)
        ]
        return [f"{a!r} -> {b!r}" for a, b in pairs] + ([] if len(lines) == len(others) else [one, other])
    if isinstance(one, dict) and isinstance(other, dict):
        return [line for key in {*one, *other} for line in unlike(one.get(key), other.get(key))]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [line for a, b in zip(one, other) for line in unlike(a, b)]
    return [] if same(one, other) else [f"{one!r} -> {other!r}"]


@functools.cache
def after_absent(lane: Lane, name: str) -> dict[str, t.Any]:
    """What the host should look like at the end of a case."""
    case = named(name)
    with Host(lane, [*case.surroundings, *case.gone]) as host:
        return host.snapshot()


@by_name(ORDINARY)
def test_promises(lane: Lane, case: Case) -> None:
    expected = after_absent(lane, case.name)
    with Host(lane, case.surroundings) as host:
        play = Play(host, case)
        for state in case.states:
            play.changed(state)
        nothing(host.unlike(expected), "absent does not restore")


@by_name([case for case in ORDINARY if case.update])
def test_back_and_forth(lane: Lane, case: Case) -> None:
    """An update is as good as the first run: absent in between, the other way round, and absent
    again.
    """
    expected = after_absent(lane, case.name)
    with Host(lane, case.surroundings) as host:
        play = Play(host, case)
        for state in ("update", "present", "update", "absent"):
            play.run(state)
            play.unchanged(state)
        nothing(host.unlike(expected), "absent does not restore")


@by_name(FIRST)
def test_directly(lane: Lane, case: Case) -> None:
    """As Ansible starts it: a new interpreter each time."""
    expected = after_absent(lane, case.name)
    with Host(lane, case.surroundings) as host:
        for state, changes in (
            ("present", True),
            ("present", False),
            ("absent", True),
            ("absent", False),
        ):
            outcome = host.run_directly(case.module, case.args(state))
            assert not outcome.failed and outcome.result["changed"] is changes, f"{state}: {outcome}"
            assert not outcome.stderr
        nothing(host.unlike(expected), "the host differs")


@by_name(REFUSED)
def test_refused(lane: Lane, case: Case) -> None:
    """A clear error before anything changes, in check mode too; absent of what never was is
    nothing.
    """
    with Host(lane, case.surroundings) as host:
        before = host.snapshot()
        for check in (True, False):
            outcome = host.run(case.module, case.args("present"), check=check)
            assert outcome.failed, str(outcome)
            assert not outcome.traceback, str(outcome)
            assert re.search(t.cast(str, case.refused), outcome.result["msg"]), outcome.result["msg"]
            nothing(
                [str(call) for call in outcome.calls if "sandbox-network" not in call.text],
                "mutating calls",
            )
            nothing(host.unlike(before), "the host differs")


@by_name(READING)
def test_reads_only(lane: Lane, case: Case) -> None:
    """Whatever the answer, nothing changes, and nothing could."""
    with Host(lane, case.surroundings) as host:
        before = host.snapshot()
        for check in (True, False):
            outcome = host.run(case.module, case.present, check=check)
            assert not outcome.traceback, str(outcome)
            assert not outcome.result.get("changed"), str(outcome)
            nothing([*map(str, outcome.calls)], "mutating calls")
            nothing(host.unlike(before), "the host differs")
        outcome = host.run_directly(case.module, case.present)
        assert not outcome.traceback, str(outcome)
        nothing(host.unlike(before), "the host differs")


# Modules that start what outlives them, and those that call programs.
HELPED = ("slirp_network", "slirp_portfwd", "rootless_netns", "netmon_service", "cni_network", "firewall")
TRACED = (
    "sendto,sendmsg,mount,umount2,unshare,open,openat,link,linkat,unlink,unlinkat,rename,renameat,renameat2,"
    "mkdir,mkdirat,ioctl,connect"
)
NETLINK_TYPE = re.compile(r"nlmsg_type=(0x[0-9a-f]+|\w+(?:<<8\|\w+)?)")
CONNTRACK = 1  # the subsystem in the upper byte, and the lower byte for a question
CT_GET = 1
OTHER_CALLS = re.compile(
    r"\b(?:mount|umount2|unshare|rename\w*|link\w*|unlink\w*|rmdir|mkdir\w*)\(.*\) = 0"
    r"|open\w*\(.*O_(?:CREAT|TRUNC).*\) = \d|ioctl\(.*TUNSET.*\) = 0"
    r"|connect\(.*sun_path=(?!\"/dev/log|\"/run/systemd/journal|\".*/api\.sock)|send\w+\(.*(?:add|remove)_hostfwd"
)


def mutating(line: str) -> bool:
    """A system call that may change something. The first request on a socket shows its type as a
    bare number.
    """
    if '"/dev/null"' in line or '"/tmp/' in line:
        return False
    types = NETLINK_TYPE.findall(line)
    return bool(OTHER_CALLS.search(line)) or any(
        changes(int(name, 16)) if name.startswith("0x") else re.search("RTM_(NEW|DEL|SET)|_CT_(NEW|DELETE)", name)
        for name in types
    )


def changes(number: int) -> bool:
    """Whether a request of that type is one that changes something, of links and the like or of connections."""
    if number >> 8 == CONNTRACK:
        return number & 0xFF != CT_GET
    return number >= 16 and number % 4 != 2


def strace(host: Host, case: Case, args: Args, check: bool) -> list[str]:
    """The mutating system calls of a run, as strace saw them. A helper that it starts is left to itself,
    for strace would stay as long; a filter in the kernel is faster, and nothing to leave to a process.
    """
    how = ["-b", "execve"] if case.module in HELPED else ["--seccomp-bpf"]
    with_trace = ["strace", "-f", *how, "-s", "256", "-e", f"trace={TRACED}", "-o", "/run/box/strace.map"]
    outcome = host.run_directly(case.module, args, check=check, wrapper=with_trace)
    assert not outcome.failed, str(outcome)
    lines = host.shell("cat /run/box/strace.map").splitlines()
    assert len(lines) > 10, "strace saw nothing"
    return [line for line in lines if mutating(line)]


@by_name(UPDATED)
def test_strace_sees_no_mutating_call(lane: Lane, case: Case) -> None:
    """Check mode and second runs, proved without our own shim."""
    with Host(lane, case.surroundings) as host:
        for state in case.states:
            nothing(strace(host, case, case.args(state), check=True), f"check mode of {state}")
            assert strace(host, case, case.args(state), check=False), "the counter counts"
            again = strace(host, case, case.args(state), check=False)
            nothing([line for line in again if '/lock"' not in line], f"{state} again")


@by_name(FIRST)
def test_shim_and_strace_agree(lane: Lane, case: Case) -> None:
    """Both count the same netlink requests and mounts."""
    with Host(lane, case.surroundings) as host:
        by_shim = [call.text for call in host.run(case.module, case.args("present")).calls]
    with Host(lane, case.surroundings) as host:
        by_strace = strace(host, case, case.args("present"), check=False)
    for shim, trace in (
        (r"^netlink", r"nlmsg_type"),
        (r"^mount", r"\bmount\("),
        (r"^(rename|link)", r"\b(rename|link)\w*\("),
    ):
        one = sum(bool(re.search(shim, text)) for text in by_shim)
        other = sum(bool(re.search(trace, line)) for line in by_strace)
        assert one == other, f"{shim}: {by_shim} {by_strace}"
