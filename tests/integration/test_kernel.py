# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Modules on a host that is busy, crowded, full, read-only, damaged or not ours."""

from __future__ import annotations

from typing import Any

import pytest
from box import Box
from promises.runner import KILL_AFTER, Fault

BR0: dict[str, Any] = {"name": "br0", "kind": "bridge", "mac": "02:00:00:00:00:01"}
STATE = "/run/sandbox-network"

# Adds and deletes one of many routes all the time, in both families.
CHURN = """
import itertools, subprocess
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
batch = subprocess.Popen(["ip", "-force", "-batch", "-"], stdin=subprocess.PIPE, text=True, **quiet)
for number in itertools.count():
    name = f"{number % 97:x}"
    for verb in ("add", "del"):
        print(f"-6 route {verb} 2001:db8:{name}::/48 dev churn0", file=batch.stdin)
        print(f"route {verb} 203.0.113.{number % 97} dev churn0", file=batch.stdin)
        print(f"addr {verb} 198.51.100.{number % 97 + 1}/32 dev churn0", file=batch.stdin)
        print(f"link {verb} churn{1 + number % 7} {'type bridge' if verb == 'add' else ''}", file=batch.stdin)
"""


def start_churn(box: Box) -> None:
    box.sh(
        "ip link add churn0 type ifb; ip link set churn0 up",
        f"cat > /run/box/churn.py <<'END'\n{CHURN}\nEND",
        "python3 /run/box/churn.py >/dev/null 2>&1 & echo $! > /run/box/churn.pid",
        "sleep 0.3",
    )


def with_many_routes(count: int) -> dict[str, Any]:
    routes = [{"dst": f"fd09:0:{number:x}::/64", "gateway": "fd00::9"} for number in range(count)]
    return {**BR0, "addresses": ["fd00::1/64", "10.0.0.1/24"], "routes": routes, "purge_routes": True}


def test_reads_are_right_while_others_change_the_tables(box: Box) -> None:
    args = with_many_routes(900)
    box.change("link", args)
    start_churn(box)
    for number in range(50):
        for check in (False, True):
            outcome = box.run("link", args, check=check)
            assert not outcome.failed, outcome
            assert outcome.result["changed"] is False, f"run {number}: {outcome.result['operations'][:5]}"
    box.sh("test -e /proc/$(cat /run/box/churn.pid); kill $(cat /run/box/churn.pid)")


def test_work_is_done_while_others_change_the_tables(box: Box) -> None:
    start_churn(box)
    for number in range(5):
        box.done("link", {**with_many_routes(50), "mtu": 1400 + number})
        assert len([route for route in box.routes() if route["dst"].startswith("fd09:")]) == 50
    box.done("link", {"name": "br0", "state": "absent"})
    assert "br0" not in box.links()


# ---------------------------------------------------------------- crowds


def test_the_first_use_by_many_at_once(box: Box) -> None:
    lines = "wc -l < /proc/self/mountinfo"
    before = int(box.sh(lines))
    outcomes = box.host.run_together([("netns", {"name": f"s{number}"}) for number in range(20)])
    assert not any(outcome.failed for outcome in outcomes), [str(one) for one in outcomes if one.failed]
    assert len(box.names()) == 20
    # the directory itself, and each namespace
    assert int(box.sh(lines)) == before + 1 + 20
    box.sh("ip netns add more")
    assert int(box.sh(lines)) == before + 2 + 20


def test_many_want_the_same(box: Box) -> None:
    outcomes = box.host.run_together([("netns", {"name": "web1"}) for _number in range(10)])
    assert not any(outcome.failed for outcome in outcomes), [str(one) for one in outcomes if one.failed]
    assert sorted(outcome.result["changed"] for outcome in outcomes) == [False] * 9 + [True]


def test_many_sandboxes_on_one_bridge_at_once(box: Box) -> None:
    box.done("link", BR0)
    box.done("netns", {"namespaces": [{"name": f"s{number}"} for number in range(12)]})
    runs = [
        (
            "link",
            {
                "name": "eth0",
                "netns": f"s{number}",
                "kind": "veth",
                "addresses": [f"10.0.0.{number + 2}/24"],
                "peer": {"name": f"vh{number}", "master": "br0"},
            },
        )
        for number in range(12)
    ]
    outcomes = box.host.run_together(runs)
    assert not any(outcome.failed for outcome in outcomes), [str(one) for one in outcomes if one.failed]
    assert len([one for one in box.ip("link", "show") if one.get("master") == "br0"]) == 12


def test_who_waits_too_long_is_told_for_whom(box: Box) -> None:
    box.change("netns", {"name": "web1"})
    pid = box.host.run_until("netns", {"name": "web1", "loopback": False}, 3)
    outcome = box.host.run("netns", {"name": "web1", "state": "absent", "lock_timeout": 0.3})
    assert outcome.failed and outcome.seconds < 5
    for word in ("/run/netns/web1", f"process {pid}", "0.3", "lock_timeout"):
        assert word in outcome.result["msg"], outcome
    assert not box.host.run("netns", {"name": "web2", "lock_timeout": 0.3}).failed
    assert not box.host.run("link", {**BR0, "lock_timeout": 0.3}).failed
    box.host.let_go()
    box.change("netns", {"name": "web1", "state": "absent"})


def test_a_namespace_and_its_links_are_one_subject(box: Box) -> None:
    box.change("netns", {"name": "web1"})
    box.host.run_until("link", {**BR0, "netns": "web1"}, 3)
    assert box.host.run("netns", {"name": "web1", "state": "absent", "lock_timeout": 0.2}).failed
    box.host.let_go(kill=True)
    outcome = box.host.run("netns", {"name": "web1", "state": "absent", "lock_timeout": 0.2})
    assert not outcome.failed, outcome


def test_the_lock_is_on_the_namespace_whatever_it_is_called(box: Box) -> None:
    pid = box.process_in_its_own_namespace()
    box.sh(f"ip netns attach web1 {pid}")
    box.host.run_until("link", {**BR0, "netns": "web1"}, 3)
    outcome = box.host.run("link", {**BR0, "name": "br1", "netns": f"pid:{pid}", "lock_timeout": 0.2})
    box.host.let_go()
    assert outcome.failed, outcome


# ---------------------------------------------------------------- the state directory


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (f"mkdir -m 700 {STATE}; mount -t tmpfs -o ro,mode=700 t {STATE}", (STATE, "Read-only")),
        (f"mkdir -m 700 {STATE}; mount -t tmpfs -o size=4k,mode=700,nr_inodes=3 t {STATE}", (STATE, "No space")),
        (f"mkdir -m 777 {STATE}", (STATE, "0777")),
        (f"mkdir -m 700 {STATE}; chown 1000 {STATE}", (STATE, "1000")),
        (f"mkdir -m 700 /run/elsewhere; ln -s /run/elsewhere {STATE}", (STATE, "not a directory")),
        (f"echo file > {STATE}", (STATE,)),
        (f"mkdir -m 700 {STATE}; mkdir {STATE}/lock", (f"{STATE}/lock",)),
        (f"mkdir -m 700 {STATE}; echo x > {STATE}/journals", (STATE,)),
    ],
)
def test_a_state_directory_that_cannot_be_used(box: Box, prepare: str, words: tuple[str, ...]) -> None:
    box.sh(prepare)
    before = box.snapshot()
    for module, args in (("netns", {"name": "web1"}), ("link", BR0)):
        outcome = box.run(module, args)
        assert outcome.failed, outcome
        for word in words:
            assert word in outcome.result["msg"], outcome
    assert [line for line in box.unlike(before) if STATE not in line] == []
    assert box.names() == [] and box.links() == {"lo"}


@pytest.mark.parametrize(
    ("prepare", "word"),
    [
        (f"mkdir -m 777 {STATE}", "0777"),
        (f"mkdir -m 700 {STATE}; chown 1000 {STATE}", "1000"),
        (f"mkdir -m 700 /run/elsewhere; ln -s /run/elsewhere {STATE}", "not a directory"),
        (f"ln -s /no/such {STATE}", "not a directory"),
        (f"echo file > {STATE}", "not a directory"),
    ],
)
def test_check_mode_refuses_a_state_directory_of_others(box: Box, prepare: str, word: str) -> None:
    box.sh(prepare)
    for module, args in (("netns", {"name": "web1"}), ("link", BR0)):
        box.refused(module, args, STATE, word)


def test_a_disk_that_is_full_in_the_middle(box: Box) -> None:
    """The journal fits; the record does not."""
    box.sh(f"mkdir -m 700 {STATE}; mount -t tmpfs -o size=16k,mode=700 t {STATE}")
    outcome = box.run(
        "netns", {"namespaces": [{"name": f"s{number}", "sysctl": {"net.ipv4.ip_forward": 1}} for number in range(8)]}
    )
    assert outcome.failed and outcome.result["rolled_back"] is True, outcome
    assert "No space" in outcome.result["msg"] and box.names() == []


def test_another_state_directory(box: Box) -> None:
    args = {"name": "web1", "state_dir": "/run/deep/down/state"}
    box.change("netns", args)
    assert box.sh("stat -c %a /run/deep/down/state").strip() == "700"
    assert box.sh(f"ls {STATE} 2>&1 || true").startswith("ls: cannot")
    assert box.done("netns_info", {"state_dir": "/run/deep/down/state"})["namespaces"][0]["created"] is True


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        ("truncate -s 40 FILE", "damaged"),
        ("truncate -s 0 FILE", "damaged"),
        ("sed -i 's/created/creaded/' FILE", "damaged"),
        ("echo '[[[[' > FILE", "damaged"),
        ('sed -i \'s/"schema": 1/"schema": 2/\' FILE', "newer version of the collection"),
    ],
)
def test_a_record_that_cannot_be_believed(box: Box, damage: str, word: str) -> None:
    box.change("netns", {"name": "web1"})
    box.change("netns", {"name": "other"})
    file = box.sh(f"ls {STATE}/records/netns/*web1*.json").strip()
    box.sh(damage.replace("FILE", file))
    before = box.snapshot()
    for args in ({"name": "web1"}, {"name": "web1", "state": "absent"}, {"name": "web1", "loopback": False}):
        box.refused("netns", args, file, word)
    assert box.unlike(before) == []
    box.change("netns", {"name": "other", "state": "absent"})
    if word == "damaged":
        box.sh(f"mv {file} /run/box/")
        box.change("netns", {"name": "web1", "state": "absent"})


def test_a_journal_that_cannot_be_believed(box: Box) -> None:
    box.host.run("netns", {"name": "web1"}, fault=Fault(KILL_AFTER, 15))
    file = box.sh(f"ls {STATE}/journals/*.json").strip()
    box.sh(f"truncate -s -1 {file}")
    box.refused("netns", {"name": "web1"}, file, "damaged")


def test_a_record_of_another_boot_is_settled_not_believed(box: Box) -> None:
    box.change("netns", {"name": "web1", "dns": {"servers": ["10.0.0.1"]}})
    box.sh("ip netns del web1", f'sed -i \'s/"boot_id": "[^"]*"/"boot_id": "former"/\' {STATE}/records/netns/*.json')
    box.change("netns", {"name": "web1", "state": "absent"})
    assert box.state_files() == [] and box.sh("ls /etc/netns 2>/dev/null || true") == ""


def test_a_journal_of_another_boot_undoes_files_only(box: Box) -> None:
    outcome = box.host.run("link", BR0, fault=Fault(KILL_AFTER, 10))
    assert outcome.killed and box.links() == {"lo", "br0"}
    as_if_before_the_last_boot(box)
    box.sh("ip link del br0; ip link add br0 address 02:00:00:00:00:01 type bridge; ip link set br0 up")
    before = box.snapshot()
    foretold = box.done("link", BR0, check=True)
    real = box.done("link", BR0)
    assert [line for line in box.unlike(before) if STATE not in line] == []
    for result in (foretold, real):
        assert result["operations"] == [], result
    assert foretold.get("recovered", []) == real.get("recovered", [])
    assert not [file for file in box.state_files() if "/journals/" in file]


def as_if_before_the_last_boot(box: Box) -> None:
    """Write every journal once more, as of another boot."""
    code = (
        "import glob\n"
        "from ansible_collections.sandbox.network.plugins.module_utils._store import files\n"
        f"found = {{path: files.read_file(path)[0] for path in glob.glob('{STATE}/journals/*.json')}}\n"
        "files.boot_id = lambda: 'former'\n"
        "for path, body in found.items():\n"
        "    files.write_file(path, body)\n"
    )
    lane = box.host.lane
    answer = box.host.execute([lane.python, "-c", code], {"PYTHONPATH": lane.python_path})
    assert answer["code"] == 0, answer


@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_mode_after_a_kill_says_what_the_run_will_do(box: Box, state: str) -> None:
    present = {
        **BR0,
        "addresses": ["10.0.0.1/24", "fd00::1/64"],
        "routes": [{"dst": "10.9.0.0/16", "gateway": "10.0.0.9"}],
        "alias": "x",
    }
    args = present if state == "present" else {"name": "br0", "state": "absent"}
    unknown = ("ifindex", "group", "identity")

    def told(result: dict[str, Any], key: str) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in one.items() if name not in (*unknown, "restore", "keep")}
            for one in result.get(key, [])
        ]

    for at in range(3, 40):
        if state == "absent":
            box.done("link", present)
        outcome = box.host.run("link", args, fault=Fault(KILL_AFTER, at))
        if not outcome.killed:
            break
        foretold = box.done("link", args, check=True)
        real = box.done("link", args)
        for key in ("recovered", "operations"):
            assert told(foretold, key) == told(real, key), f"{key} after {outcome.calls[-1]}"
        box.nothing_to_do("link", args)
        box.done("link", {"name": "br0", "state": "absent"})
    else:
        raise AssertionError("the run has no end")


# ---------------------------------------------------------------- without rights


def unprivileged(box: Box, module: str, args: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
    read = "dac_read_search"  # the interpreter and the arguments may lie where only root can read
    wrapper = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        f"--inh-caps=+{read}",
        f"--ambient-caps=+{read}",
    ]
    outcome = box.host.run_directly(module, args, check=check, wrapper=wrapper)
    assert not outcome.traceback, outcome
    return outcome.result


@pytest.mark.parametrize(
    ("module", "args"),
    [("netns", {"name": "web1"}), ("link", BR0), ("address_lease", {"owner": "a", "pools": ["10.0.0.0/24"]})],
)
def test_without_root(box: Box, module: str, args: dict[str, Any]) -> None:
    before = box.snapshot()
    result = unprivileged(box, module, args)
    assert result["failed"] and "root" in result["msg"] and "become: true" in result["msg"]
    box.sh("mkdir -m 777 /run/public")
    result = unprivileged(box, module, {**args, "state_dir": "/run/public/state"})
    if module != "address_lease":
        assert result["failed"] and "become: true" in result["msg"], result
    box.sh("rm -r /run/public")
    assert box.unlike(before) == []


def test_without_capabilities(box: Box) -> None:
    before = box.snapshot()
    wrapper = ["setpriv", "--bounding-set=-net_admin,-sys_admin", "--inh-caps=-net_admin,-sys_admin"]
    for module, args in (("netns", {"name": "web1"}), ("link", BR0)):
        outcome = box.host.run_directly(module, args, wrapper=wrapper)
        assert not outcome.traceback and outcome.failed, outcome
        assert "EPERM" in str(outcome.result.get("errno")) and "CAP_NET_ADMIN" in outcome.result["msg"], outcome
        assert [line for line in box.unlike(before) if STATE not in line] == []


def test_reading_needs_no_root_where_the_kernel_allows_it(box: Box) -> None:
    box.change("netns", {"name": "web1"})
    result = unprivileged(box, "netns_info", {"name": ["web1"]})
    assert result.get("failed") and "become: true" in result["msg"], result


# ---------------------------------------------------------------- read-only and missing places


def test_settings_that_are_right_on_a_read_only_proc(box: Box) -> None:
    args = {"name": "web1", "sysctl": {"net.ipv4.ip_forward": 1}}
    box.change("netns", args)
    box.change("link", {**BR0, "netns": "web1", "accept_ra": False})
    box.sh("mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys")
    box.nothing_to_do("netns", args)
    box.nothing_to_do("link", {**BR0, "netns": "web1", "accept_ra": False})
    box.fails("netns", {**args, "sysctl": {"net.ipv4.ip_forward": 0}}, "net.ipv4.ip_forward", "EROFS")
    box.fails("netns", {"name": "web2", "sysctl": {"net.ipv4.ip_forward": 1}}, "net.ipv4.ip_forward", "EROFS")
    box.change("netns", {"name": "web3"})


def test_without_sysfs(box: Box) -> None:
    box.sh("umount -l /sys")
    box.change("netns", {"name": "web1"})
    box.change("link", {**BR0, "netns": "web1", "addresses": ["10.0.0.1/24", "fd00::1/64"]})


def test_a_read_only_etc(box: Box) -> None:
    box.sh("mount -o remount,ro /etc")
    box.fails("netns", {"name": "web1", "dns": {"servers": ["10.0.0.1"]}}, "/etc/netns", "Read-only")
    box.change("netns", {"name": "web1"})


def test_without_the_tun_device(box: Box) -> None:
    box.sh("mount -t tmpfs t /dev/net")
    box.refused("link", {"name": "tap0", "kind": "tap"}, "tap", "CONFIG_TUN")


@pytest.mark.parametrize("umask", ["000", "077"])
def test_the_umask_of_others(box: Box, umask: str) -> None:
    wrapper = ["sh", "-c", f'umask {umask}; exec "$@"', "sh"]
    dns = {"servers": ["10.0.0.1"]}
    assert not box.host.run_directly("netns", {"name": "web1", "dns": dns}, wrapper=wrapper).failed
    modes = box.sh(
        f"find {STATE} -type d -not -perm 700; find {STATE} -type f -not -perm 600; find /etc/netns -perm /022"
    )
    assert modes == ""
    assert box.sh("stat -c %a /etc/netns/web1 /etc/netns/web1/resolv.conf").split() == ["755", "644"]


@pytest.mark.parametrize(
    "environment",
    [{"LANG": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, {"TZ": "Asia/Kolkata", "PYTHONOPTIMIZE": "2"}],
)
def test_other_surroundings(box: Box, environment: dict[str, str]) -> None:
    wrapper = ["env", *(f"{name}={value}" for name, value in environment.items())]
    args = {**BR0, "alias": "über", "addresses": ["fd00::1/64"]}
    outcome = box.host.run_directly("link", args, wrapper=wrapper)
    assert not outcome.failed and outcome.result["link"]["alias"] == "über", outcome
    assert not box.host.run_directly("link", args, wrapper=wrapper).result["changed"]
