# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Modules run in throw-away hosts, with or without a fault, at the price of a fork.

A `Host` answers for one fork server (server.py) and one fresh host in it. `host.run(...)` calls a
module's main() in a fork; `host.run_directly(...)` starts the interpreter as Ansible would.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import struct
import subprocess
import tempfile
import threading
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

Args = dict[str, t.Any]
Step = t.Union[str, tuple[str, Args]]  # a shell command, or a module that runs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / ".build"
PACKAGE = "ansible_collections.sandbox.network.plugins"

# What a fork server has compiled, for itself and for interpreters that are started afresh.
BYTECODE = {"PYTHONPYCACHEPREFIX": str(BUILD / "bytecode")}

COUNT, KILL_BEFORE, KILL_AFTER, FAIL, FAIL_DONE, STOP = range(6)  # modes of faultpoint.c
ONCE, SAME_KIND, ALL = range(3)
NETLINK, FILES, MOUNT, IOCTL, SOCKET, PROCESS = range(1, 7)
CONTROL_SIZE = struct.calcsize("<9I") + (4 << 20)


@dataclass(frozen=True)
class Lane:
    """The target interpreter, the controller's ansible package, the collection."""

    name: str
    python: str
    ansible_lib: str
    collections: str

    @classmethod
    def current(cls) -> Lane:
        """From the environment that the test runner sets, or as it would set it."""
        name = os.environ.get("SANDBOX_LANE", "debian")
        python = "/usr/bin/python3" if name == "debian" else str(BUILD / "venv" / name / "bin" / "python")
        return cls(
            name,
            os.environ.get("SANDBOX_PYTHON", python),
            os.environ.get("SANDBOX_ANSIBLE_LIB", str(BUILD / "ansible-lib")),
            os.environ.get("SANDBOX_COLLECTIONS", str(BUILD / "tree")),
        )

    @property
    def python_path(self) -> str:
        """What makes `import ansible` and the collection work, and nothing else of the
        controller's.
        """
        return f"{self.ansible_lib}:{self.collections}"

    def module_file(self, module: str) -> Path:
        """The module's source."""
        return Path(self.collections, *PACKAGE.split("."), "modules", f"{module}.py")

    def versions(self) -> dict[str, str]:
        """What the results were obtained with."""
        code = """
import importlib.metadata, json, platform
import ansible.release, netaddr, pyroute2
print(json.dumps({
    "python": platform.python_version(),
    "ansible-core": ansible.release.__version__,
    "netaddr": netaddr.__version__,
    "pyroute2": importlib.metadata.version("pyroute2"),
}))
"""
        output = subprocess.run(
            [self.python, "-c", code],
            env={"PYTHONPATH": self.python_path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        kernel = os.uname().release
        return {"lane": self.name, "kernel": kernel, **json.loads(output)}


@dataclass(frozen=True)
class Fault:
    """What is to happen at call number `at`; `sub` chooses one of several messages in a call."""

    mode: int = COUNT
    at: int = 0
    sub: int = 0
    error: int = 0
    persist: int = ONCE

    def __str__(self) -> str:
        if self.mode in (KILL_BEFORE, KILL_AFTER):
            return f"kill {'before' if self.mode == KILL_BEFORE else 'after'} call {self.at}"
        if self.mode == COUNT:
            return "no fault"
        if self.mode == STOP:
            return f"stop before call {self.at}"
        done = " (but done)" if self.mode == FAIL_DONE else ""
        later = ("", ", and later ones of its kind", ", and all later ones")[self.persist]
        message = f" message {self.sub}" if self.sub else ""
        return f"{errno.errorcode[self.error]} for call {self.at}{message}{later}{done}"


NO_FAULT = Fault()


@dataclass(frozen=True)
class Call:
    """One mutating call from the log."""

    number: int
    kind: int
    messages: int
    text: str

    @classmethod
    def parse(cls, line: str) -> Call:
        number, kind, messages, text = line.split(" ", 3)
        return cls(int(number), int(kind), int(messages), text)

    def __str__(self) -> str:
        return f"{self.number}: {self.text}"


@dataclass
class Outcome:
    """How a run ended."""

    code: int
    stdout: str
    stderr: str
    calls: list[Call] = field(default_factory=list)
    fired: bool = False
    hung: bool = False
    seconds: float = 0.0
    cpu: float = 0.0

    @property
    def killed(self) -> bool:
        """Ended by the fault."""
        return self.code == -9 and not self.hung

    @property
    def result(self) -> Args:
        """The module's answer; {} when there is none that can be read."""
        try:
            answer = json.loads(self.stdout)
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}

    @property
    def failed(self) -> bool:
        """Anything but a success."""
        return self.code != 0 or not self.result or bool(self.result.get("failed"))

    @property
    def traceback(self) -> bool:
        """The module died of an exception that it did not foresee."""
        return "Traceback (most recent call last)" in self.stdout + self.stderr or not self.result

    def __str__(self) -> str:
        shown = {key: value for key, value in self.result.items() if key not in ("invocation", "diff")}
        text = json.dumps(shown) if shown else self.stdout
        return f"exit {self.code}{' (hung)' if self.hung else ''}: {text[:3000]}{self.stderr[-3000:]}"


class HostError(Exception):
    """The harness itself failed."""


class Server:
    """One fork server process, used by one thread at a time."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.imported: set[str] = set()
        modules = lane.module_file("*").parent.glob("[a-z]*.py")
        self.wanted = {
            "ansible.module_utils.basic",
            *(f"{PACKAGE}.modules.{path.stem}" for path in modules),
        }
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """The process, whose standard input and output are the fork server's."""
        handle, self.map = tempfile.mkstemp(prefix="faultpoint-")
        os.ftruncate(handle, CONTROL_SIZE)
        os.close(handle)
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": f"{self.lane.python_path}:{HERE}",
            **BYTECODE,
            "LD_PRELOAD": str(shim()),
            "FAULTPOINT_MAP": self.map,
        }
        return subprocess.Popen(
            [self.lane.python, "-c", "import server; server.main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )

    def ask(self, **message: t.Any) -> dict[str, t.Any]:
        """Send a command, wait for its answer."""
        assert self.process.stdin
        assert self.process.stdout
        data = json.dumps(message).encode()
        try:
            self.process.stdin.write(b"%08x" % len(data) + data)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise HostError("the fork server is gone") from None
        head = self.process.stdout.read(8)
        if len(head) < 8:
            raise HostError("the fork server is gone")
        answer: dict[str, t.Any] = json.loads(self.process.stdout.read(int(head, 16)))
        if "error" in answer:
            raise HostError(answer["error"])
        return answer

    def learn(self) -> None:
        """Import beforehand what earlier runs had to import themselves."""
        fresh = sorted(self.wanted - self.imported)
        if fresh:
            self.ask(op="import", names=fresh)
            self.imported |= set(fresh)

    def close(self) -> None:
        """End the process and what belongs to it."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()
        os.unlink(self.map)


class Servers:
    """Fork servers for reuse: starting one costs more than a hundred runs."""

    def __init__(self, start: t.Callable[[Lane], Server] = Server) -> None:
        self.start = start
        self.idle: list[Server] = []
        self.lock = threading.Lock()

    def take(self, lane: Lane) -> Server:
        """An idle one, or a new one."""
        with self.lock:
            for server in self.idle:
                if server.lane == lane:
                    self.idle.remove(server)
                    return server
        return self.start(lane)

    def give(self, server: Server) -> None:
        """Back after use."""
        with self.lock:
            self.idle.append(server)

    def close(self) -> None:
        """End all."""
        while self.idle:
            self.idle.pop().close()


SERVERS = Servers()


class Host:
    """A throw-away host: `with Host(lane) as host`.

    With `network=False` it has no network of its own, but that of its fork server.
    """

    def __init__(
        self, lane: Lane, prepare: t.Sequence[Step] = (), *, servers: Servers = SERVERS, network: bool = True
    ) -> None:
        self.lane = lane
        self.prepare = prepare
        self.servers = servers
        self.network = network
        self.variables: dict[str, str] = {}

    def __enter__(self) -> Host:
        self.server = self.servers.take(self.lane)
        self.server.learn()
        self.server.ask(op="open", network=self.network)
        for by_shell, steps in itertools.groupby(self.prepare, lambda step: isinstance(step, str)):
            if by_shell:
                self.shell(*t.cast("t.Iterator[str]", steps))
            else:
                for module, args in t.cast("t.Iterator[tuple[str, Args]]", steps):
                    outcome = self.run(module, args)
                    assert not outcome.failed, f"{module} {args}: {outcome}"
        self.variables = self.server.ask(op="variables")["variables"]
        return self

    def __exit__(self, kind: t.Any, _value: t.Any, _traceback: t.Any) -> None:
        if kind is not None and issubclass(kind, HostError):
            with contextlib.suppress(OSError):
                self.server.close()
            return
        self.server.ask(op="close")
        self.servers.give(self.server)

    def shell(self, *commands: str, check: bool = True) -> str:
        """Run commands as a person would; the output of all."""
        if not commands:
            return ""
        answer = self.server.ask(op="sh", commands=commands)
        if check and answer["code"]:
            raise AssertionError(f"exit {answer['code']} of {commands}:\n{answer['output']}")
        return str(answer["output"])

    def snapshot(self, *directories: str) -> dict[str, t.Any]:
        """Everything that matters."""
        taken: dict[str, t.Any] = self.server.ask(op="snapshot", directories=directories or ("/run",))["snapshot"]
        return taken

    def unlike(self, expected: dict[str, t.Any], *directories: str) -> list[str]:
        """How the host differs from a snapshot, one line each."""
        lines: list[str] = self.server.ask(op="unlike", expected=expected, directories=directories or ("/run",))[
            "lines"
        ]
        return lines

    def arguments(self, args: Args, check: bool = False) -> Args:
        """With variables (`@name.pid@`) filled in and Ansible's own arguments added."""
        text = json.dumps(args)
        for name, value in self.variables.items():
            text = text.replace(f"@{name}@", value)
        filled: Args = json.loads(text)
        return {
            **filled,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_keep_remote_files": False,
        }

    def request(self, module: str, args: Args, check: bool, fault: Fault, limits: dict[str, int] | None) -> Args:
        """A run as the server understands it."""
        return {
            "module": f"{PACKAGE}.modules.{module}",
            "args": self.arguments(args, check),
            "fault": {name: getattr(fault, name) for name in ("mode", "at", "sub", "error", "persist")},
            "limits": limits or {},
        }

    def run(
        self,
        module: str,
        args: Args,
        *,
        check: bool = False,
        fault: Fault = NO_FAULT,
        limits: dict[str, int] | None = None,
    ) -> Outcome:
        """Call the module's main() in a fork."""
        return self.outcome(self.server.ask(op="run", **self.request(module, args, check, fault, limits)))

    def run_until(self, module: str, args: Args, at: int) -> int:
        """Start a run and leave it standing before a call, with all its locks; its process id."""
        request = self.request(module, args, False, Fault(STOP, at), None)
        return int(self.server.ask(op="run_until", **request)["pid"])

    def let_go(self, kill: bool = False) -> Outcome:
        """Let a standing run go on to its end, or kill it."""
        return self.outcome(self.server.ask(op="let_go", kill=kill))

    def run_together(self, runs: t.Sequence[tuple[str, Args]]) -> list[Outcome]:
        """Many at the same time, without a list of their calls."""
        requests = [self.request(module, args, False, NO_FAULT, None) for module, args in runs]
        return [self.outcome(answer) for answer in self.server.ask(op="together", runs=requests)["answers"]]

    def outcome(self, answer: dict[str, t.Any]) -> Outcome:
        """From the server's answer."""
        self.server.wanted |= {name for name in answer.pop("imported") if name != "__main__"}
        calls = [Call.parse(line) for line in answer.pop("calls")]
        return Outcome(calls=calls, fired=bool(answer.pop("fired")), **answer)

    def run_directly(self, module: str, args: Args, *, check: bool = False, wrapper: t.Sequence[str] = ()) -> Outcome:
        """Start the interpreter with the module, as Ansible does."""
        # not below TMPDIR, which may lie on /run: the host has a /run of its own
        with tempfile.NamedTemporaryFile("w", suffix=".json", dir="/tmp", encoding="utf-8") as file:
            json.dump({"ANSIBLE_MODULE_ARGS": self.arguments(args, check)}, file)
            file.flush()
            answer = self.execute(
                [*wrapper, self.lane.python, str(self.lane.module_file(module)), file.name],
                {"PYTHONPATH": self.lane.python_path, **BYTECODE, "PYTHONDONTWRITEBYTECODE": "1"},
            )
        return Outcome(**answer)

    def execute(self, argv: t.Sequence[str], environment: dict[str, str] | None = None) -> dict[str, t.Any]:
        """Run a program in the host."""
        return self.server.ask(op="exec", argv=list(argv), environment=environment or {})


def shim() -> Path:
    """The compiled faultpoint.c."""
    source = HERE / "faultpoint.c"
    target = Path(os.environ.get("SANDBOX_SHIM", BUILD / "faultpoint.so"))
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Both lanes may be here at once, each the same process number in its own namespace.
        handle, new = tempfile.mkstemp(dir=target.parent, suffix=".so")
        os.close(handle)
        strict = ["-O2", "-Wall", "-Wextra", "-Werror"]
        subprocess.run(["gcc", "-shared", "-fPIC", *strict, "-o", new, str(source), "-ldl"], check=True)
        Path(new).rename(target)
    return target


def same(predicted: t.Any, real: t.Any) -> bool:
    """Equal, where `None` in a prediction stands for what only a real run can know."""
    if predicted is None:
        return True
    if isinstance(predicted, dict) and isinstance(real, dict):
        return predicted.keys() == real.keys() and all(same(predicted[key], real[key]) for key in predicted)
    if isinstance(predicted, list) and isinstance(real, list):
        return len(predicted) == len(real) and all(same(one, other) for one, other in zip(predicted, real))
    return bool(predicted == real)
