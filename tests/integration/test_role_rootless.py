# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The role rootless through ansible-playbook, run by unprivileged users of a throw-away host."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from throwaway import ANSIBLE, BUILD, LOCAL, Step, Throwaway, ansible, interpreter
from throwaway import _play as as_play
from throwaway import _results as results_in

RESULTS = (
    "{'failed': none, 'sandboxes': rootless_sandboxes, 'namespaces': rootless_namespaces,"
    " 'networks': rootless_networks}"
)
COMPILED = "/run/compiled"
# The world: pasta wants an interface that leads there.
OUTSIDE = """
ip netns add out
ip link add up0 type veth peer name up1 netns out
ip address add 198.18.0.1/24 dev up0
ip link set up0 up
ip -n out link set up1 up
ip route add default via 198.18.0.2
"""
SERVER = "cd {page} && exec setsid python3 -m http.server --bind 0.0.0.0 80 >log 2>&1 </dev/null"


def command_line(*arguments: str) -> list[str]:
    """ansible-playbook as a user calls it, with modules that every user may run."""
    return ansible("ansible-playbook", *LOCAL, *arguments, python=interpreter())


class User:
    """A user of the host, who is not root and never will be."""

    def __init__(self, host: Throwaway, name: str, uid: int, runtime: bool = False) -> None:
        self.host = host
        self.home = f"/run/home/{name}"
        host.run("useradd", "--create-home", "--home-dir", self.home, "--uid", str(uid), name)
        self.become = ["setpriv", "--reuid", name, "--regid", name, "--init-groups", "--no-new-privs"]
        self.environment = {**ANSIBLE, "HOME": self.home, "KEEP_COMPILED": COMPILED, "ANSIBLE_PIPELINING": "true"}
        self.state_dir = f"{self.home}/.sandbox-network"
        if runtime:
            directory = f"/run/user/{uid}"
            host.run("install", "-d", "-m", "700", "-o", name, "-g", name, directory)
            self.environment["XDG_RUNTIME_DIR"] = directory
            self.state_dir = f"{directory}/sandbox-network"
        self.name = name

    def process(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the user, whatever comes of it."""
        return self.host.process(*self.become, *command, **self.environment)

    def sh(self, command: str) -> str:
        """Run a shell command as the user."""
        done = self.process("sh", "-ec", command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def ansible_playbook(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ansible-playbook as the user."""
        return self.process(*command_line(*arguments))

    def play(self, *steps: Step) -> list[dict[str, Any]]:
        """Run steps in one playbook, see Throwaway.play."""
        with tempfile.TemporaryDirectory(dir=BUILD) as directory:
            Path(directory).chmod(0o755)
            playbook = Path(directory) / "playbook.json"
            playbook.write_text(json.dumps([*map(as_play, steps)]), encoding="utf-8")
            done = self.ansible_playbook(str(playbook))
        found = results_in(done.stdout)
        assert len(found) == len(steps), done.stdout + done.stderr
        return found

    def processes(self) -> list[str]:
        """What the user runs: pid and command line of each. One that waits to be buried has ended."""
        found = self.host.run("ps", "-u", self.name, "-o", "stat=,pid=,args=", check=False)
        rows = [line.split(None, 1) for line in found.splitlines()]
        return [row[1] for row in rows if not row[0].startswith("Z")]

    def files(self) -> list[str]:
        """What the collection has left on disk, but for the lock."""
        return self.host.run("find", self.state_dir, "-not", "-type", "d", "-not", "-name", "lock").split()

    def serve(self, sandbox: dict[str, Any], text: str) -> None:
        """Start a web server in a sandbox."""
        page = f"{self.home}/{text}"
        self.sh(f"mkdir -p {page}; echo {text} >{page}/index.html")
        self.sh(f"{shlex.join(sandbox['enter'])} sh -c {shlex.quote(SERVER.format(page=page))} >/dev/null 2>&1 &")

    def kill_servers(self) -> None:
        """End the web servers."""
        for line in self.processes():
            if "http.server" in line:
                self.sh(f"kill {line.split()[0]}")
        wait_until(lambda: not any("http.server" in line for line in self.processes()))


@pytest.fixture(scope="module")
def host() -> Iterator[Throwaway]:
    """A host with slirp4netns, pasta, and users that may use the tun device."""
    with Throwaway() as throwaway:
        throwaway.run("sh", "-ec", OUTSIDE)
        throwaway.run("chmod", "0666", "/dev/net/tun")
        throwaway.run("install", "-d", "-m", "1777", COMPILED)
        throwaway.run("mkdir", "/run/home")
        interpreter()  # it would end with another thread that starts it
        yield throwaway


def present(*items: dict[str, Any], check: bool = False, **variables: Any) -> Step:
    return {"role": "rootless", "vars": {"rootless_list": items, **variables}, "check": check, "results": RESULTS}


def absent(*items: dict[str, Any], check: bool = False, **variables: Any) -> Step:
    return present(*items, check=check, rootless_state="absent", **variables)


def operations(result: dict[str, Any]) -> list[str]:
    """The kinds of what was done, or would be."""
    assert result["failed"] is None, result
    found = [*result["namespaces"].get("operations", ()), *result["networks"].get("operations", ())]
    return [operation["op"] for operation in found]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


def fetch(host: Throwaway, port: int) -> str:
    """What a web server answers at a port of the host; empty for no answer."""
    return host.process("curl", "--silent", "--max-time", "5", f"http://127.0.0.1:{port}/").stdout.strip()


def answers(host: Throwaway, port: int, text: str) -> None:
    wait_until(lambda: fetch(host, port) == text)


def inside(user: User, sandbox: dict[str, Any], command: str) -> str:
    """What a command prints in a sandbox."""
    return user.sh(f"{shlex.join(sandbox['enter'])} sh -c {shlex.quote(command)}")


def names(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": item["name"]} for item in items]


def test_two_users_with_the_same_names(host: Throwaway) -> None:
    alice, bob = User(host, "alice", 4001, runtime=True), User(host, "bob", 4002)
    items = [
        {"name": "web1", "forwards": ["8081:80"]},
        {"name": "web2", "forwards": ["8082:80"], "backend": "pasta", "cidr": "10.9.0.0/24", "mtu": 1400},
        {"name": "other", "dns": ["192.0.2.53"]},
    ]
    others = [{"name": "web1", "forwards": ["8083:80"]}, {"name": "web2", "dns": False}]
    before = host.run("ps", "-eo", "pid=").split()
    with ThreadPoolExecutor() as at_once:
        of_alice = at_once.submit(alice.play, present(*items, check=True), present(*items), present(*items))
        of_bob = at_once.submit(bob.play, present(*others))
    check, made, again = of_alice.result()
    for result in (check, made):
        assert result["failed"] is None and result["changed"] > 0
        told = [(one["guest_address"], one["gateway"], one["dns"]) for one in result["sandboxes"].values()]
        assert told[:2] == [("10.0.2.100", "10.0.2.2", "10.0.2.3"), ("10.9.0.100", "10.9.0.2", "10.9.0.3")]
    assert [one["pid"] for one in check["sandboxes"].values()] == [None] * 3
    assert again["changed"] == 0
    assert {one["created"] for one in made["sandboxes"].values()} == {True}
    assert {one["created"] for one in again["sandboxes"].values()} == {False}
    (bob_made,) = of_bob.result()
    assert bob_made["failed"] is None

    sandboxes, of_bob_too = made["sandboxes"], bob_made["sandboxes"]
    for user, sandbox, port in (
        (alice, sandboxes["web1"], 8081),
        (alice, sandboxes["web2"], 8082),
        (bob, of_bob_too["web1"], 8083),
    ):
        user.serve(sandbox, f"{user.name}{port}")
        answers(host, port, f"{user.name}{port}")
    seen = [inside(alice, one, "cat /etc/resolv.conf") for one in sandboxes.values()]
    assert seen == ["nameserver 10.0.2.3\n", "nameserver 10.9.0.3\n", "nameserver 192.0.2.53\n"]
    assert inside(bob, of_bob_too["web2"], "cat /etc/resolv.conf") == host.run("cat", "/etc/resolv.conf")
    assert inside(alice, sandboxes["web2"], "ip -o link show tap0").split().index("1400") > 0
    found = [line.split(None, 2) for line in host.run("ps", "-eo", "pid=,user=,args=").splitlines()]
    ours = {user for pid, user, args in found if pid not in before and not args.startswith("ps ")}
    assert ours == {"alice", "bob"}, found
    assert host.run("ls", "/run/netns").split() == ["out"]

    # Another forward; and who is inside is neither cut off nor left behind unasked.
    grown, refused, refused_too = alice.play(
        present({**items[0], "forwards": ["8081:80", "127.0.0.1:8084:80/tcp"]}),
        absent(*names(*items)),
        present({**items[0], "dns": ["192.0.2.53"]}),
    )
    assert operations(grown) == ["forward.add", "record.put"]
    assert refused["failed"].startswith("web1 has processes inside: ")
    assert "web1 would be made anew, and has processes inside: " in refused_too["failed"]
    for port, text in ((8081, "alice8081"), (8082, "alice8082"), (8084, "alice8081")):
        answers(host, port, text)

    # A helper that was killed comes back, and whoever is inside does not notice. A namespace whose holder
    # was killed is made anew, with its network. The forward that is no longer in the list goes.
    (pasta,) = [line.split()[0] for line in alice.processes() if "/pasta " in line]
    alice.sh(f"kill -9 {pasta} {sandboxes['web1']['pid']}")
    wait_until(lambda: fetch(host, 8082) == fetch(host, 8081) == "")
    check, mended, again = alice.play(present(*items, check=True), present(*items), present(*items))
    assert check["changed"] > 0 and again["changed"] == 0
    created = {name: one["created"] for name, one in mended["sandboxes"].items()}
    assert created == {"web1": True, "web2": False, "other": False}
    assert {name: one["created"] for name, one in check["sandboxes"].items()} == created
    assert check["sandboxes"]["web1"]["pid"] is None
    answers(host, 8082, "alice8082")
    alice.serve(mended["sandboxes"]["web1"], "mended")
    answers(host, 8081, "mended")
    assert fetch(host, 8084) == ""

    alice.kill_servers()
    check, gone, again = alice.play(absent(*names(*items), check=True), absent(*names(*items)), absent(*names(*items)))
    assert operations(check) == operations(gone) and check["changed"] > 0 and again["changed"] == 0
    assert (alice.processes(), alice.files()) == ([], [])
    answers(host, 8083, "bob8083")
    bob.kill_servers()
    bob.play(absent(*names(*others)))
    assert (bob.processes(), bob.files()) == ([], [])


def test_a_failing_task_leaves_nothing_of_this_run(host: Throwaway) -> None:
    carol = User(host, "carol", 4003)
    old, new, bad = {"name": "old", "forwards": ["8091:80"]}, {"name": "new"}, {"name": "bad", "forwards": ["8092:80"]}
    (made,) = carol.play(present(old))
    before = carol.processes(), carol.files()
    command = "import socket, time; s = socket.create_server(('127.0.0.1', 8092)); print(flush=True); time.sleep(600)"
    host.run(
        "sh", "-c", f"python3 -c {shlex.quote(command)} >/run/busy 2>&1 & until [ -s /run/busy ]; do sleep 0.05; done"
    )
    failed, check, wrong = carol.play(
        present(old, new, bad), present(old, bad, check=True), present(old, {**new, "cidr": "10.0.2.0/26"}, old)
    )
    assert failed["failed"].startswith("Connect them: ")
    assert "127.0.0.1:8092/tcp" in failed["failed"] and "EADDRINUSE" in failed["failed"]
    assert check["failed"] is None
    assert '(new): cidr: "10.0.2.0/26" is not an IPv4 network' in wrong["failed"]
    assert "rootless_list[2] (old): name: old is also the name of rootless_list[0] (old)" in wrong["failed"]
    assert (carol.processes(), carol.files()) == before
    carol.serve(made["sandboxes"]["old"], "carol")
    answers(host, 8091, "carol")
    (forced,) = carol.play(absent(old, rootless_force=True))
    assert forced["failed"] is None
    carol.kill_servers()
    assert (carol.processes(), carol.files()) == ([], [])


def test_a_host_that_does_not_let_its_users(host: Throwaway) -> None:
    dave = User(host, "dave", 4004)
    covered = ("/proc/sys/user/max_user_namespaces", "/usr/bin/slirp4netns")
    host.run("chmod", "0600", "/dev/net/tun")
    host.run("sh", "-c", "echo 0 >/run/zero; chmod 644 /run/zero")
    for path in covered:
        host.run("mount", "--bind", "/run/zero", path)
    try:
        real, check = dave.play(present({"name": "web1"}), present({"name": "web1"}, check=True))
        by_root, by_root_too = host.play(present({"name": "web1"}), absent({"name": "web1"}))
    finally:
        for path in covered:
            host.run("umount", path)
        host.run("chmod", "0666", "/dev/net/tun")
    for result in (real, check):
        assert result["task"] == "Refuse a user or a host that cannot have rootless sandboxes"
        for word in ("dave may not use /dev/net/tun", "no program slirp4netns", "max_user_namespaces, which is 0"):
            assert word in result["failed"]
    for result in (by_root, by_root_too):
        assert result["failed"].startswith("This role is for users who are not root")
    assert dave.processes() == [] and dave.process("test", "-e", dave.state_dir).returncode == 1


def recap(output: str) -> dict[str, int]:
    """The counts of the one host of a playbook."""
    line = next(line for line in output.splitlines() if line.startswith("localhost") and "changed=" in line)
    return {word.partition("=")[0]: int(word.partition("=")[2]) for word in line.split() if "=" in word}


@pytest.mark.controller
def test_the_playbook_for_users(host: Throwaway) -> None:
    """Run by root, who becomes the user."""
    erin = User(host, "erin", 4005)
    erin.sh("mkdir -p -m 700 ~/.ansible/tmp")  # which Ansible would warn about
    words = command_line("sandbox.network.rootless", "--become", "--become-user=erin")
    shown = [host.process(*words, **ANSIBLE) for _time in range(2)]
    for done in shown:
        assert done.returncode == 0 and "[WARNING]" not in done.stderr, done.stdout + done.stderr
    assert "http://127.0.0.1:8080/ says: A page of web1." in shown[0].stdout
    assert recap(shown[1].stdout)["changed"] == 0
    answers(host, 8080, "A page of web1.")
    done = host.process(*words, "--extra-vars=rootless_state=absent", **ANSIBLE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (erin.processes(), erin.files()) == ([], [])
    assert erin.process("test", "-e", f"{erin.home}/rootless-web1").returncode == 1


def test_the_playbook_for_root(host: Throwaway) -> None:
    before = host.snapshot()
    host.playbook("user_mode")
    listening = host.run("ss", "-Htuln")
    for place in ("127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8443", "127.0.0.1:5353"):
        assert place in listening
    host.playbook("user_mode", sandbox_state="absent")
    assert host.snapshot() == before
