# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""State on disk and locks: damaged, newer, full, read-only, contended."""

from __future__ import annotations

import json
import random
import re
import time
import typing as t

import pytest

from promises import cases
from promises.cases.case import FOREIGN
from promises.cases.link import BRIDGE
from promises.runner import KILL_AFTER, Args, Fault, Host, Lane, Outcome

STATE = "/run/sandbox-network"
WEB: Args = {"name": "web1", "dns": {"servers": ["192.0.2.53"]}}
LINK = cases.named("link-veth-sandbox")
SEED = 1

DAMAGE = {
    "empty": lambda _text: b"",
    "half": lambda text: text[: len(text) // 2],
    "last byte gone": lambda text: text.rstrip()[:-1],
    "a flipped bit": lambda text: (
        text[: len(text) // 2] + bytes([text[len(text) // 2] ^ 1]) + text[len(text) // 2 + 1 :]
    ),
    "zeros": lambda text: bytes(len(text)),
    "a list": lambda _text: b"[]",
    "a number": lambda _text: b"7",
    "not text": lambda _text: b"\xff\xfe\x00\x80",
    "deep": lambda _text: b'{"a":' * 20000,
    "no body": lambda text: altered(text, body=None),
    "another body": lambda text: altered(text, body={"x": 1}),
    "a body of another type": lambda text: altered(text, body=[1, 2]),
    "newer": lambda text: altered(text, schema=99, schema_version=99),
    "of schema none": lambda text: altered(text, schema="one"),
}


def altered(text: bytes, **values: t.Any) -> bytes:
    """A state file with other values."""
    return json.dumps({**json.loads(text), **values}).encode()


def files(host: Host, below: str) -> list[str]:
    """The state files below a directory of the state directory."""
    return host.shell(f"find {STATE}/{below} -type f -name '*.json'").split()


def read(host: Host, path: str) -> bytes:
    """Content of a file in the host."""
    return bytes.fromhex(host.shell(f"od -An -v -tx1 {path}").replace("\n", "").replace(" ", ""))


def write(host: Host, path: str, content: bytes) -> None:
    """Replace a file in the host."""
    program = f"import sys; open({path!r}, 'wb').write(bytes.fromhex(sys.stdin.read()))"
    host.shell(f"/usr/bin/python3 -c \"{program}\" <<'END'\n{content.hex()}\nEND")


def clean(outcome: Outcome, path: str = "") -> None:
    """Success, or an error that somebody can act on."""
    assert not outcome.traceback, str(outcome)
    assert not outcome.hung, str(outcome)
    if outcome.failed:
        assert path in outcome.result["msg"], f"the message does not name {path}: {outcome}"


def good(outcome: Outcome, changed: bool | None = None) -> None:
    """Success, with or without a change."""
    assert not outcome.failed, str(outcome)
    assert changed is None or outcome.result["changed"] is changed, str(outcome)


def damage_and_run(host: Host, path: str, damage: str) -> None:
    """With a damaged file every run is clean; with the file moved away all is well again."""
    good = read(host, path)
    write(host, path, DAMAGE[damage](good))
    now = host.snapshot()
    for state in ("present", "absent"):
        for check in (True, False):
            outcome = host.run(
                "netns",
                {**WEB, "state": state} if state == "present" else {"name": "web1", "state": state},
                check=check,
            )
            clean(outcome, path)
            if outcome.failed:
                assert host.unlike(now) == [], f"{state} failed, but changed something"
            else:
                now = host.snapshot()
    assert not host.run("netns", {"name": "web2", "state_dir": "/run/other-state"}).failed
    host.shell(f"rm -f {path}; ip netns del web2; rm -rf /run/other-state")
    for state in ("present", "absent"):
        outcome = host.run("netns", {"name": "web1", "state": state})
        assert not outcome.failed, str(outcome)


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_record(lane: Lane, damage: str) -> None:
    with Host(lane) as host:
        assert not host.run("netns", WEB).failed
        (path,) = files(host, "records")
        damage_and_run(host, path, damage)


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_journal(lane: Lane, damage: str) -> None:
    with Host(lane) as host:
        leave_journal(host)
        (path,) = files(host, "journals")
        damage_and_run(host, path, damage)


def leave_journal(host: Host) -> None:
    """Kill a run right after its first mount or netlink request."""
    with Host(host.lane) as other:
        calls = other.run("netns", WEB).calls
    journal = next(call.number for call in calls if call.text.startswith("rename") and "/journals/" in call.text)
    first = next(
        call for call in calls if call.number > journal and call.text.split()[0] in ("mount", "netlink", "unshare")
    )
    assert host.run("netns", WEB, fault=Fault(KILL_AFTER, first.number)).killed


@pytest.mark.parametrize("kind", ["huge", "a directory", "a fifo", "a link"])
def test_strange_record(lane: Lane, kind: str) -> None:
    make = {
        "huge": "truncate -s 3G {0}",
        "a directory": "rm {0}; mkdir {0}",
        "a fifo": "rm {0}; mkfifo {0}",
        "a link": "mv {0} {0}.x; ln -s {0}.x {0}",
    }[kind]
    with Host(lane) as host:
        assert not host.run("netns", WEB).failed
        (path,) = files(host, "records")
        host.shell(make.format(path))
        for state in ("present", "absent"):
            clean(host.run("netns", {"name": "web1", "state": state}), path)


@pytest.mark.parametrize("below", ["records", "journals"])
def test_of_another_boot(lane: Lane, below: str) -> None:
    """The kernel's part is gone with its boot; what is on disk is settled."""
    with Host(lane) as host:
        before = host.snapshot()
        if below == "records":
            assert not host.run("netns", WEB).failed
        else:
            leave_journal(host)
        for path in files(host, below):
            write(
                host,
                path,
                altered(read(host, path), boot_id="00000000-0000-0000-0000-000000000000"),
            )
        host.shell(
            "umount /run/netns/web1 2> /dev/null || :",
            "rm -f /run/netns/web1",
        )
        for state in ("present", "present", "absent", "absent"):
            outcome = host.run(
                "netns",
                {**WEB, "state": state} if state == "present" else {"name": "web1", "state": state},
            )
            assert not outcome.failed, str(outcome)
        assert host.unlike(before) == []


@pytest.mark.parametrize("room", range(0, 17, 2))
def test_full_state_directory(lane: Lane, room: int) -> None:
    """A tmpfs with ROOM blocks left: either it is enough, or nothing was changed and the path is
    named.
    """
    prepare = [
        FOREIGN,
        *LINK.prepare,
        f"mkdir -m 700 {STATE}; mount -t tmpfs -o size=96k,mode=700 none {STATE}",
        f"dd if=/dev/zero of={STATE}/ballast bs=4k count={24 - room} status=none 2> /dev/null || :",
    ]
    with Host(lane, prepare) as host:
        before = host.snapshot("/run/netns", "/etc/netns")
        for module, args in (("netns", WEB), ("link", LINK.present)):
            outcome = host.run(module, args)
            clean(outcome, STATE)
            if outcome.failed:
                assert "space" in outcome.result["msg"] or "ENOSPC" in outcome.result["msg"], str(outcome)
        host.shell(f"rm {STATE}/ballast")
        for args in ({"name": "web1", "state": "absent"},):
            assert not host.run("netns", args).failed
        assert not host.run("link", {**LINK.absent, "state": "absent"}).failed
        assert host.unlike(before, "/run/netns", "/etc/netns") == []


def test_read_only_state_directory(lane: Lane) -> None:
    with Host(lane) as host:
        assert not host.run("netns", WEB).failed
        host.shell(f"mount --bind {STATE} {STATE}; mount -o remount,ro,bind {STATE}")
        now = host.snapshot()
        for args in (
            {"name": "web2"},
            {"name": "web1", "state": "absent"},
            {**WEB, "loopback": False},
        ):
            outcome = host.run("netns", args)
            assert outcome.failed
            clean(outcome, STATE)
            assert host.unlike(now) == []
            assert not host.run("netns", args, check=True).failed, "check mode needs nothing to write to"


@pytest.mark.parametrize("limit", range(13, 28, 2))  # with fewer, Ansible itself does not start
def test_few_descriptors(lane: Lane, limit: int) -> None:
    with Host(lane, LINK.surroundings) as host:
        before = host.snapshot()
        outcome = host.run("link", LINK.present, limits={"RLIMIT_NOFILE": limit})
        if outcome.failed:
            clean(outcome)
            assert host.unlike(before) == []
        assert not host.run("link", LINK.present).failed


# ---- locks ----


def standing(host: Host) -> int:
    """A run that stands still in the middle; its process id.

    Not while it makes the directory of names ready: that is under the lock of iproute2, which is one for all names.
    """
    with Host(host.lane) as other:
        calls = other.run("netns", WEB).calls
    return host.run_until(
        "netns",
        WEB,
        next(call.number for call in calls if call.text.startswith("netlink")),
    )


def test_lock_holder_is_named_and_waited_for(lane: Lane) -> None:
    with Host(lane) as host:
        pid = standing(host)
        started = time.monotonic()
        outcome = host.run("netns", {**WEB, "lock_timeout": 1})
        assert outcome.failed, str(outcome)
        clean(outcome)
        assert re.search(rf"web1.*\b{pid}\b", outcome.result["msg"]), str(outcome)
        assert 0.9 < time.monotonic() - started < 5
        assert not host.run("netns", {"name": "web2", "lock_timeout": 1}).failed, "another subject does not wait"
        assert not host.let_go().failed
        outcome = host.run("netns", {**WEB, "lock_timeout": 1})
        good(outcome, changed=False)


def test_killed_lock_holder_blocks_nobody(lane: Lane) -> None:
    with Host(lane) as host:
        standing(host)
        assert host.let_go(kill=True).killed
        outcome = host.run("netns", {**WEB, "lock_timeout": 1})
        good(outcome)
        assert outcome.seconds < 1


def test_check_mode_beside_a_run(lane: Lane) -> None:
    """Check mode does not disturb a run under way, nor take it for a killed one."""
    with Host(lane) as host:
        standing(host)
        outcome = host.run("netns", {**WEB, "lock_timeout": 1}, check=True)
        clean(outcome)
        assert not outcome.calls, str(outcome)
        assert not host.let_go().failed


# ---- concurrency ----


def mount_lines(host: Host) -> int:
    """Lines about /run/netns in the mount table."""
    return int(host.shell("grep -c /run/netns /proc/self/mountinfo || :"))


@pytest.mark.parametrize("shared", [False, True], ids=["private", "shared"])
def test_first_use_by_twenty(lane: Lane, shared: bool) -> None:
    """However many come first, the mounts are those of `ip netns add`, one after the other."""
    names = [f"first{number}" for number in range(20)]
    prepare = ["mount --make-shared /run"] if shared else []
    with Host(lane, prepare) as host:
        host.shell(*(f"ip netns add {name}" for name in names))
        wanted = mount_lines(host)
    for _attempt in range(3):
        with Host(lane, prepare) as host:
            for outcome in host.run_together([("netns", {"name": name}) for name in names]):
                good(outcome, changed=True)
            assert mount_lines(host) == wanted
            assert not host.run("netns", {"namespaces": [{"name": name} for name in names], "state": "absent"}).failed
            assert int(host.shell("ls /run/netns | wc -l")) == 0


def test_same_subject_by_ten(lane: Lane) -> None:
    """One makes it, nine find it."""
    with Host(lane) as host:
        outcomes = host.run_together([("netns", WEB)] * 10)
        assert [outcome.failed for outcome in outcomes] == [False] * 10, str(outcomes)
        assert sum(outcome.result["changed"] for outcome in outcomes) == 1


def test_thirty_two_links_on_one_bridge(lane: Lane) -> None:
    numbers = range(32)
    boxes = [{"name": f"box{number}"} for number in numbers]
    with Host(lane, [BRIDGE]) as host:
        before = host.snapshot()
        assert not host.run("netns", {"namespaces": boxes}).failed
        runs: list[tuple[str, Args]] = [
            (
                "link",
                {
                    "name": "eth0",
                    "netns": f"box{number}",
                    "kind": "veth",
                    "peer": {"name": f"v{number}", "master": "br0"},
                    "addresses": [f"10.9.0.{number + 10}/24", f"2001:db8:9::{number + 10}/64"],
                    "routes": [{"dst": "default", "gateway": "10.9.0.1"}],
                },
            )
            for number in numbers
        ]
        for outcome in host.run_together(runs):
            good(outcome, changed=True)
        for module, args in runs:
            outcome = host.run(module, args)
            assert not outcome.failed and not outcome.result["changed"] and not outcome.calls, str(outcome)
        assert int(host.shell("ip -o link show master br0 | wc -l")) == 32
        gone = [(module, {"name": "eth0", "netns": args["netns"], "state": "absent"}) for module, args in runs]
        for outcome in host.run_together(gone):
            good(outcome, changed=True)
        assert not host.run("netns", {"namespaces": boxes, "state": "absent"}).failed
        assert host.unlike(before) == []


def test_eight_workers_on_four_sandboxes(lane: Lane) -> None:
    """Whatever the order, each run is clean, and the end is as it should be."""
    choice = random.Random(SEED)
    names = ["one", "two", "three", "four"]

    def action() -> tuple[str, Args]:
        name = choice.choice(names)
        link: Args = {
            "name": "eth0",
            "netns": name,
            "kind": "veth",
            "peer": {"name": f"p-{name}"},
            "mtu": choice.choice([1400, 1500]),
        }
        return choice.choice(
            [
                ("netns", {"name": name}),
                ("netns", {"name": name, "loopback": False}),
                ("netns", {"name": name, "state": "absent"}),
                ("link", link),
                ("link", {"name": "eth0", "netns": name, "state": "absent"}),
            ]
        )

    with Host(lane, [FOREIGN]) as host:
        before = host.snapshot()
        for _round in range(12):
            for outcome in host.run_together([action() for _worker in range(8)]):
                clean(outcome)
                # a link cannot be made in a sandbox that another worker has just taken away
                assert not outcome.failed or any(name in outcome.result["msg"] for name in names), str(outcome)
        assert not host.run("netns", {"namespaces": [{"name": name} for name in names], "state": "present"}).failed
        for name in names:
            assert not host.run("link", {"name": "eth0", "netns": name, "state": "absent"}).failed
        assert not host.run("netns", {"namespaces": [{"name": name} for name in names], "state": "absent"}).failed
        assert host.unlike(before) == []
