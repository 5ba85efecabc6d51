# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Commands of Ansible, and the Python that runs their modules, at the price of a fork.

`Forks` starts this file as a process that imports what runs of a kind need, and forks for each. A run is what the
command would be: a process of its own, in the namespaces asked for, with arguments, environment, working directory,
streams and exit code of its own, by the user who asks for it. Two things are told to the process once, and hold for
all its runs: the options of Ansible in the environment, and a directory for temporary files, where Ansible keeps each
module that it has packed. What is the collection's comes to a module as on any host, in what Ansible has packed.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import marshal
import os
import pkgutil
import pwd
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

BUILD = Path(__file__).resolve().parents[2] / ".build"
CONTROLLER = Path(os.environ.get("SANDBOX_CONTROLLER", BUILD / "venv/core-2.19/bin"))
NAMESPACES = ("net", "mnt", "pid")
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
COMMANDS = {"ansible": "ansible.cli.adhoc", "ansible-playbook": "ansible.cli.playbook"}
libc = ctypes.CDLL(None, use_errno=True)

# What Ansible starts in the place of Python. It imports nothing that costs time.
INTERPRETER = """
import _socket, marshal, os, sys
files = [0, 1, 2, *(os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in ("net", "mnt", "pid"))]
message = marshal.dumps((sys.argv[1:], dict(os.environ), os.getcwd()))
rights = b"".join(file.to_bytes(4, sys.byteorder) for file in files)
connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
connection.connect(os.path.dirname(__file__) + "/socket")
connection.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
sys.exit(int(connection.recv(16)))
"""


class Run:
    """A run under way."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def ended(self, seconds: float = 0) -> bool:
        """Whether it has ended, or does so within a time."""
        return bool(select.select([self._connection], [], [], seconds)[0])

    def code(self, seconds: float = 300) -> int:
        """Its exit code, once it has ended; negative if a signal ended it."""
        assert self.ended(seconds), "a run does not end"
        return int(self._connection.recv(16) or -signal.SIGKILL)


class Forks:
    """A process that forks for each run of a kind."""

    def __init__(self, kind: str, python: str | Path, environment: Mapping[str, str]) -> None:
        # In /tmp, which all throw-away hosts share.
        self._temporary = tempfile.TemporaryDirectory(prefix="forks", dir="/tmp")
        here = self._temporary.name
        Path(here).chmod(0o711)
        self._socket = f"{here}/socket"
        self.interpreter = f"{here}/python"
        Path(self.interpreter).write_text(f"#!{python} -IS\n{INTERPRETER}", encoding="utf-8")
        Path(self.interpreter).chmod(0o755)
        # Not all that the controller has installed beside it.
        (package,) = CONTROLLER.parent.glob("lib/python3*/site-packages/ansible")
        Path(here, "ansible").symlink_to(package)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
            listening.bind(self._socket)
            Path(self._socket).chmod(0o666)
            listening.listen()
            self._process = subprocess.Popen(
                [str(python), __file__, kind, here],
                env={**environment, "ANSIBLE_LOCAL_TEMP": here},
                stdin=listening,
                stdout=subprocess.DEVNULL,
            )

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        output: IO[Any],
        errors: IO[Any],
        process: int | str = "self",
        cwd: str | Path = "/",
    ) -> Run:
        """Start a run in the namespaces of a process."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(self._socket)
        with contextlib.ExitStack() as stack:
            names = [os.devnull, *(f"/proc/{process}/ns/{name}" for name in NAMESPACES)]
            nothing, *namespaces = [stack.enter_context(open(name, "rb")).fileno() for name in names]
            message = marshal.dumps((list(arguments), dict(environment), str(cwd)))
            socket.send_fds(connection, [message], [nothing, output.fileno(), errors.fileno(), *namespaces])
        return Run(connection)

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, with all runs that are still under way."""
        self._process.kill()
        self._process.wait()
        self._temporary.cleanup()


@functools.cache
def forks(kind: str, python: str | Path, environment: frozenset[tuple[str, str]]) -> Forks:
    """The process for runs of a kind with some environment, from the first use to the end of the tests."""
    found = Forks(kind, python, dict(environment))
    atexit.register(found.close)
    return found


# ---------------------------------------------------------------- in the process


def import_ansible() -> None:
    """Import the commands, and the plugins that they load as they go."""
    for module in COMMANDS.values():
        importlib.import_module(module)
    for kind in ("action", "callback", "connection", "filter", "inventory", "lookup", "shell", "strategy", "test"):
        package = importlib.import_module(f"ansible.plugins.{kind}")
        for plugin in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(plugin.name)


def run_ansible() -> None:
    """Do as a command does."""
    sys.modules[COMMANDS[Path(sys.argv[0]).name]].main()


def import_libraries() -> None:
    """Import what modules need and is not the collection's."""
    sys.path.insert(0, sys.argv[2])
    for name in ("ansible.module_utils.basic", "netaddr", "pyroute2", "zipfile"):
        importlib.import_module(name)
    del sys.path[0]


def run_script() -> None:
    """Do as Python does with the name of a script, or with one on its standard input."""
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    name = sys.argv[0]
    if name:
        main.__file__ = name
    with open(name or 0, "rb") as script:
        code = compile(script.read(), name or "<stdin>", "exec")
    exec(code, main.__dict__)


KINDS = {"ansible": (import_ansible, run_ansible), "python": (import_libraries, run_script)}


def serve(kind: str) -> None:
    """Fork for each run asked for."""
    del sys.path[0]  # the tests
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    preload, run = KINDS[kind]
    preload()
    gc.collect()
    gc.freeze()
    listening = socket.socket(fileno=os.dup(0))
    while True:
        connection = listening.accept()[0]
        if os.fork() == 0:
            listening.close()
            end_with(attend, connection, run)
        connection.close()


def attend(connection: socket.socket, run: Callable[[], None]) -> None:
    """Start a run in its namespaces, and tell its exit code."""
    message, files, _flags, _address = socket.recv_fds(connection, 1 << 18, 16)
    pid, user, group = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    humble = "NoNewPrivs:\t1\n" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for namespace in files[3:]:
        if libc.setns(namespace, 0):
            raise OSError(ctypes.get_errno(), "setns")
    child = os.fork()  # a process is in its process namespace from birth
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        connection.close()
        end_with(become, run, *marshal.loads(message), files, (user, group, humble))
    _child, status = os.waitpid(child, 0)
    connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def become(
    run: Callable[[], None],
    arguments: list[str],
    environment: dict[str, str],
    cwd: str,
    files: list[int],
    who: tuple[int, int, bool],
) -> None:
    """Be what was asked for, by a user."""
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    user, group, humble = who
    if user:
        os.initgroups(pwd.getpwuid(user).pw_name, group)
        os.setgid(group)
        os.setuid(user)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # which another user id clears
    if humble:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    sys.argv[:] = arguments or [""]
    run()


def end_with(last: Callable[..., None], *arguments: Any) -> None:
    """End this process with a function, but without what the process before it does at its end."""
    code: Any = 1
    try:
        last(*arguments)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
