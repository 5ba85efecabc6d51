# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""A throw-away host that playbooks are run on, again and again, and that is looked at between.

It lives as long as its holder: a process that sleeps in namespaces made by tests/run/netbox.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).parent))
from forks import BUILD, CONTROLLER, Run, forks

ROOT = Path(__file__).resolve().parents[2]
NETBOX = ROOT / "tests" / "run" / "netbox"
PYTHON = os.environ.get("SANDBOX_PYTHON", "/usr/bin/python3")
COLLECTIONS = os.environ.get("SANDBOX_COLLECTIONS", str(BUILD / "collections"))
STATE_DIR = "/run/sandbox-network"

# What spares Python on the host the compiling of every module again.
COMPILED = {"PYTHONPATH": str(ROOT / "tests/integration/compiled"), "KEEP_COMPILED": str(BUILD / "compiled")}
Path(COMPILED["KEEP_COMPILED"]).mkdir(parents=True, exist_ok=True)

ANSIBLE = {
    "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
    "ANSIBLE_CONFIG": str(ROOT / "tests/integration/ansible.cfg"),
    "ANSIBLE_LOCALHOST_WARNING": "false",
    "ANSIBLE_NOCOLOR": "1",
    **COMPILED,
}

LOCAL = ("--inventory=localhost,", "--connection=local")

# How a play tells its result, and what that looks like in the output.
MARK = "result: "
TOLD = re.compile(rf'^ +"msg": ("{MARK}.*")$', re.MULTILINE)

Play = dict[str, Any]
Step = dict[str, Any]


class Throwaway:
    """A host of its own. Commands and playbooks run on it from outside."""

    def __enter__(self) -> Throwaway:
        command = [str(NETBOX), "sh", "-c", "echo ready; exec sleep infinity"]
        self._holder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text(encoding="utf-8")
        self._inside = children.split()[0]
        self._enter = ["nsenter", "--target", self._inside, "--net", "--mount", "--pid"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a command on the host and return what it printed."""
        done = self.process(*command, **environment)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def process(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the host, whatever comes of it."""
        return subprocess.run(
            [*self._enter, *command],
            env=_environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def json(self, *command: str) -> Any:
        """Run a command on the host and read what it printed as JSON."""
        return json.loads(self.run(*command) or "[]")

    def ansible(self, program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Ansible against the host, at the price of a fork."""
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            code = self._start(program, *arguments, output=output, errors=errors, **environment).code()
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess((program, *arguments), code, output.read(), errors.read())

    def _start(self, program: str, *arguments: str, output: IO[str], errors: IO[str], **more: str) -> Run:
        """Start a command of Ansible. It is a fork, and so is every module."""
        environment = _environment(**ANSIBLE, ANSIBLE_PIPELINING="true", **more)
        commands = forks("ansible", CONTROLLER / "python", frozenset(environment.items()))
        command = ansible(program, *arguments, python=interpreter())
        return commands.start(command, environment, output, errors, self._inside)

    def ansible_playbook(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ansible-playbook against the host."""
        return self.ansible("ansible-playbook", *LOCAL, *arguments)

    def playbook(self, name: str, **variables: Any) -> str:
        """Run a playbook of the collection, which must go well and warn of nothing; what it printed."""
        done = self.ansible_playbook(f"sandbox.network.{name}", "--extra-vars", json.dumps(variables))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "[WARNING]" not in done.stderr, done.stderr
        return done.stdout

    def play(self, *steps: Step) -> list[dict[str, Any]]:
        """Run steps one after the other, in one playbook, and return what came of each.

        A step is ``{"role": NAME, "vars": {...}, "check": bool}`` or ``{"command": TEXT}``. One
        that fails does not stop those after it: its result has ``failed``, the error's text.
        ``changed`` is how many tasks and items of loops said so.
        """
        (results,) = self.play_in_parts(steps)
        return results

    def play_in_parts(self, *parts: Sequence[Step]) -> Iterator[list[dict[str, Any]]]:
        """Run steps as `play` does, but stand still after each part until the next is asked for.

        So a test can look at the host between, and ansible-playbook starts only once.
        """
        with tempfile.TemporaryDirectory(dir=BUILD) as directory:
            here = Path(directory)
            plays = [*map(_play, parts[0])]
            for number, steps in enumerate(parts[1:], 1):
                os.mkfifo(here / f"begin{number}")
                plays += [_stand_still(here, number), *map(_play, steps)]
            (here / "playbook.json").write_text(json.dumps(plays), encoding="utf-8")
            with (here / "output").open("w") as output:
                book = str(here / "playbook.json")
                run = self._start("ansible-playbook", *LOCAL, book, output=output, errors=output)
            told, shown = 0, ""
            for number, steps in enumerate(parts):
                if number:
                    assert (here / f"standing{number}").exists(), shown
                    (here / f"begin{number}").write_text("")
                _wait_for(here / f"standing{number + 1}", run)
                shown = (here / "output").read_text(encoding="utf-8")
                results = _results(shown)[told:]
                assert len(results) == len(steps), shown
                told += len(results)
                yield results

    def ping(self, netns: str, address: str) -> None:
        """See that an address answers a sandbox."""
        self.run("ip", "netns", "exec", netns, "ping", "-q", "-c", "1", "-W", "5", address)

    # ------------------------------------------------------------ what is there

    def snapshot(self) -> dict[str, Any]:
        """Everything that a role may have left: links, addresses, routes, namespaces, files."""
        namespaces = sorted(line.split()[0] for line in self.run("ip", "netns", "list").splitlines())
        places = [("host", []), *((name, ["-netns", name]) for name in namespaces)]
        return {
            "namespaces": {name: self._network(where) for name, where in places},
            "files": self.files(),
        }

    def _network(self, where: Sequence[str]) -> dict[str, Any]:
        self._settle(where)
        links = self.json("ip", "-json", "-details", *where, "address", "show")
        return {
            "links": {link["ifname"]: _stable(link) for link in links},
            "routes": [self._routes(where, family) for family in ("-4", "-6")],
        }

    def _routes(self, where: Sequence[str], family: str) -> list[str]:
        """Routes, in no order: those of equal links change places when a link loses its carrier for a moment."""
        return sorted(self.run("ip", *where, family, "route", "show", "table", "all").splitlines())

    def _settle(self, where: Sequence[str]) -> None:
        """Wait for duplicate address detection, after which addresses get their local routes."""
        deadline = time.monotonic() + 10
        while self.run("ip", *where, "-6", "address", "show", "tentative", "-dadfailed").strip():
            assert time.monotonic() < deadline, "an address stays tentative"
            time.sleep(0.1)

    def files(self) -> list[str]:
        """Files below the state directory and /etc/netns, but for locks."""
        found = self.run("find", STATE_DIR, "/etc/netns", "-type", "f", "-not", "-name", "lock*", check=False)
        return sorted(found.splitlines())

    def addresses(self, netns: str | None = None, interface: str = "eth0") -> list[str]:
        """Global addresses of an interface, as CIDR."""
        where = ["-netns", netns] if netns else []
        links = self.json("ip", "-json", *where, "address", "show", "dev", interface)
        found = [entry for link in links for entry in link.get("addr_info", []) if entry["scope"] == "global"]
        return [f"{entry['local']}/{entry['prefixlen']}" for entry in found]

    def gateways(self, netns: str) -> list[str]:
        """Where the default routes of a sandbox lead, IPv4 first."""
        where = ["ip", "-json", "-netns", netns]
        routes = [route for family in ("-4", "-6") for route in self.json(*where, family, "route", "show", "default")]
        return [route["gateway"] for route in routes]


def _stable(link: dict[str, Any]) -> dict[str, Any]:
    """What of a link does not change by itself."""
    addresses = sorted(f"{entry['local']}/{entry['prefixlen']}" for entry in link["addr_info"])
    kept = (
        "ifindex",
        "address",
        "mtu",
        "flags",
        "master",
        "linkinfo",
        "ifalias",
        "inet6_addr_gen_mode",
    )
    found = {key: link[key] for key in kept if key in link}
    found["linkinfo"] = found.get("linkinfo", {}).get("info_kind")
    return {**found, "addresses": addresses}


def _environment(**more: str) -> dict[str, str]:
    """The environment of a command on the host."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/run/tmp", "TMPDIR": "/run/tmp", **more}


def interpreter() -> str:
    """A Python for modules whose runs are forks, as whoever starts it."""
    return forks("python", PYTHON, frozenset(_environment(**ANSIBLE).items())).interpreter


def ansible(program: str, *arguments: str, python: str = PYTHON) -> list[str]:
    """A command of Ansible, whose modules are run by some Python."""
    return [str(CONTROLLER / program), f"--extra-vars=ansible_python_interpreter={python}", *arguments]


def _wait_for(path: Path, run: Run) -> None:
    """Wait until a file is there, or the run has ended and can no longer make it."""
    deadline = time.monotonic() + 300
    while not path.exists() and not run.ended(0.02):
        assert time.monotonic() < deadline, f"no {path.name}"


def _results(shown: str) -> list[dict[str, Any]]:
    """What came of each step so far, from the output of ansible-playbook."""
    parts = [(part, TOLD.findall(part)) for part in shown.split("\nPLAY ")]
    return [
        {"changed": part.count("\nchanged: ["), **json.loads(json.loads(text)[len(MARK) :])}
        for part, found in parts
        for text in found
    ]


def _stand_still(here: Path, number: int) -> Play:
    """A play that says that it is there, and waits until the part of this number may begin."""
    command = f"touch {here}/standing{number}; cat {here}/begin{number}"
    wait = {"ansible.builtin.debug": {"msg": f"{{{{ lookup('ansible.builtin.pipe', '{command}') }}}}"}}
    return {"hosts": "localhost", "gather_facts": False, "tasks": [wait]}


def _play(step: Step) -> Play:
    """A play that carries a step out and tells what came of it."""
    if "command" in step:
        tasks: list[Any] = [{"ansible.builtin.shell": step["command"], "register": "told"}]
        wanted = "{'failed': none, 'stdout': told.stdout | default('')}"
    else:
        tasks = [{"ansible.builtin.import_role": {"name": f"sandbox.network.{step['role']}"}}]
        wanted = step.get("results", "{'failed': none}")
    failure = "{'failed': ansible_failed_result.msg, 'task': ansible_failed_task.name}"
    block = {
        "block": [*tasks, _tell(wanted)],
        "rescue": [_tell(failure)],
        "check_mode": step.get("check", False),
        "vars": step.get("vars", {}),
    }
    return {"hosts": "localhost", "gather_facts": False, "tasks": [block]}


def _tell(wanted: str) -> dict[str, Any]:
    """A task that needs no module, for one costs as much as the step itself."""
    return {"ansible.builtin.debug": {"msg": f"{MARK}{{{{ {wanted} | to_json }}}}"}}
