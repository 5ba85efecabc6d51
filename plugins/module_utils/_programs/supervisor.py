# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The program that stays with a helper process of a sandbox, such as slirp4netns.

It is a file of its own, run as ``python3 -I -S supervisor.py DIRECTORY``, and imports nothing of
the collection. It starts the helper described in DIRECTORY/spec.json, says when the helper is
ready, and ends it when it is told to end, or when the network namespace has gone: a helper that
holds a tap would keep that alive. When the helper ends, it ends.

It writes DIRECTORY/helper.json, and to descriptor 3 one line: ``ready``, or what went wrong.
Under systemd it notifies that it is ready instead, or leaves what went wrong in the journal and in
DIRECTORY/failure.json. When it was restarted, it enters the port forwards of the record again, for
slirp4netns forgets them with its end.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # whoever starts us waits for every import
    from collections.abc import Sequence
    from typing import Any

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_SLAVE = 0x1000, 0x4000, 1 << 19
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
REPORT, READY, EXIT = 3, 3, 4  # descriptors: ours, and those of the helper; pipes made here are above
LOOK_SECONDS = 1.0  # how often the namespace is looked for
ENDING_SECONDS = 3.0
LOG_SHOWN = 4000
LOG_SIZE = 1 << 20

libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """The helper did not become ready."""


def main(directory: str) -> int:
    """Run one helper from its start to its end; the exit status."""
    with open(os.path.join(directory, "spec.json"), encoding="utf-8") as source:
        spec = json.load(source)
    under_systemd = "NOTIFY_SOCKET" in os.environ
    report = None if under_systemd else REPORT
    woken = wake_on_signals()
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if under_systemd:
        write(directory, "process.json", known(os.getpid()))
    restarted = os.path.exists(os.path.join(directory, "helper.json"))
    for left in ("socket", "pid_file"):
        remove(spec.get(left))
    helper = Helper(spec, directory)
    status = 1
    try:
        helper.start(woken)
        if restarted and under_systemd:
            enter_forwards(spec)
        tell(report, "ready")
        status = helper.stay(woken)
    except Failed as failure:
        if under_systemd:
            write(directory, "failure.json", {"failure": str(failure)})
            status = 1 if restarted else os.EX_UNAVAILABLE
        tell(report, str(failure))
    finally:
        helper.end()
        for left in ("socket", "pid_file"):
            remove(spec.get(left))
    return status


class Helper:
    """The helper process, and how it is told to end."""

    def __init__(self, spec: dict[str, Any], directory: str) -> None:
        self.spec = spec
        self.directory = directory
        self.pid = 0
        self.descriptor = -1
        self.exit = -1

    def start(self, woken: int) -> None:
        """Start it and wait until it is ready. Raises Failed."""
        go, ready, leave = os.pipe(), os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(go[1])
                if os.read(go[0], 1):  # our pid is on disk: whoever ends us finds us
                    self.become(ready[1], leave[0])
            except BaseException as error:
                say(f"{self.spec['argv'][0]}: {error}")
            os._exit(127)
        for one in (go[0], ready[1], leave[0]):
            os.close(one)
        self.exit = leave[1]
        self.descriptor = os.pidfd_open(self.pid)
        write(self.directory, "helper.json", known(self.pid))
        os.write(go[1], b"1")
        os.close(go[1])
        if self.spec["ready"] == "fork":
            self.wait_for_fork(woken)
        else:
            self.wait_for_ready(ready[0], woken)
        os.close(ready[0])

    def become(self, ready: int, leave: int) -> None:
        """In the child: the surroundings of the helper, then the helper."""
        log = os.open(os.path.join(self.directory, "log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        if self.spec.get("own_mounts"):
            # What the helper unmounts for its own safety must not be unmounted on the host, while
            # namespaces that lose their names there must lose them here.
            check(libc.unshare(CLONE_NEWNS), "unshare")
            check(libc.mount(b"none", b"/", None, MS_REC | MS_SLAVE, None), "mount")
            if self.spec.get("netns_at"):  # a name that leads there without the right to look into /proc/PID
                os.close(os.open(self.spec["netns_at"], os.O_RDONLY | os.O_CREAT, 0o600))
                source, target = os.fsencode(self.spec["netns"]["path"]), os.fsencode(self.spec["netns_at"])
                check(libc.mount(source, target, None, MS_BIND, None), "mount")
        if self.spec["netns"] is not None and not there(self.spec["netns"]):
            raise OSError("the network namespace has been replaced")
        user = self.spec.get("user")
        if user:
            import pwd

            entry = pwd.getpwnam(user)
            os.initgroups(entry.pw_name, entry.pw_gid)
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # which another user id would clear (prctl(2))
        os.umask(0o177)
        signal.set_wakeup_fd(-1)
        for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(one, signal.SIG_DFL)  # an ignored SIGPIPE is an error to pasta
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a helper that says too much is not heard any more
        if not self.spec.get("daemon"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (LOG_SIZE, LOG_SIZE))
        for descriptor, number in ((log, 1), (log, 2), (ready, READY), (leave, EXIT)):
            os.dup2(descriptor, number, inheritable=number < READY or self.spec["ready"] == "descriptor")
        os.chdir("/")
        os.execve(self.spec["argv"][0], self.spec["argv"], self.spec["environment"])

    def wait_for_ready(self, ready: int, woken: int) -> None:
        """A helper that writes a byte when it is ready (slirp4netns --ready-fd)."""
        seen = self.wait([ready, self.descriptor], woken)
        if ready in seen and os.read(ready, 1) == b"1":
            return
        if self.descriptor not in seen:  # closed, or something else written
            readable([self.descriptor], 1.0)
        raise Failed(self.last_words("did not become ready"))

    def wait_for_fork(self, woken: int) -> None:
        """A helper that goes to the background when it is ready (pasta): its child is ours then."""
        self.wait([self.descriptor], woken)
        _pid, status = os.waitpid(self.pid, 0)
        if status:
            raise Failed(self.last_words(f"ended with {outcome(status)}"))
        try:
            with open(self.spec["pid_file"], encoding="ascii") as source:
                self.pid = int(source.read())
            os.close(self.descriptor)
            self.descriptor = os.pidfd_open(self.pid)
            if parent_of(self.pid) != os.getpid():
                raise ValueError(f"{self.pid} is not a child of it")
        except (OSError, ValueError) as error:
            raise Failed(self.last_words(f"did not tell its pid: {error}")) from None
        write(self.directory, "helper.json", known(self.pid))

    def wait(self, descriptors: Sequence[int], woken: int, seconds: float | None = None) -> set[int]:
        """Those of the descriptors that have something to say. Raises Failed when time is over."""
        seconds = self.spec["ready_timeout"] if seconds is None else seconds
        seen = readable([*descriptors, woken], seconds)
        if woken in seen:
            raise Failed("it was told to end before it was ready")
        if not seen:
            raise Failed(self.last_words(f"was not ready within {seconds:g} seconds"))
        return seen

    def stay(self, woken: int) -> int:
        """Until the helper ends, the namespace goes, or somebody wants the end."""
        while True:
            seen = readable([self.descriptor, woken], LOOK_SECONDS)
            if woken in seen:
                return 0
            if self.descriptor in seen:
                return 1 if self.spec["netns"] is None or there(self.spec["netns"]) else 0
            if self.spec["netns"] is not None and not there(self.spec["netns"]):
                return 0

    def end(self) -> None:
        """End the helper and bury it."""
        if self.exit >= 0:
            os.close(self.exit)  # slirp4netns --exit-fd
            self.exit = -1
        if self.descriptor < 0:
            return
        steps: list[tuple[int | None, float]]
        steps = [(None, ENDING_SECONDS)] if self.spec["ready"] == "descriptor" and not self.spec.get("daemon") else []
        for number, seconds in [*steps, (signal.SIGTERM, ENDING_SECONDS), (signal.SIGKILL, ENDING_SECONDS)]:
            try:
                if number is not None:
                    signal.pidfd_send_signal(self.descriptor, number)
            except ProcessLookupError:
                break
            if self.descriptor in readable([self.descriptor], seconds):
                break
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        os.close(self.descriptor)
        self.descriptor = -1

    def last_words(self, what: str) -> str:
        """An error with what the helper has said."""
        try:
            with open(os.path.join(self.directory, "log"), "rb") as source:
                source.seek(max(0, os.fstat(source.fileno()).st_size - LOG_SHOWN))
                said = source.read().decode("utf-8", "replace").strip()
        except FileNotFoundError:
            said = ""
        return what + (f"; it said: {said}" if said else "; it said nothing")


def enter_forwards(spec: dict[str, Any]) -> None:
    """The port forwards of the record, of a slirp4netns that was restarted."""
    try:
        with open(spec["record"], encoding="utf-8") as source:
            forwards = json.load(source)["body"]["value"]["forwards"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    import socket

    for forward in forwards if spec.get("socket") else ():
        if spec.get("pesto"):
            enter_by_pesto(spec, forward)
            continue
        request = {"execute": "add_hostfwd", "arguments": forward}
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            try:
                connection.connect(spec["socket"])
                connection.sendall(json.dumps(request).encode())
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(4096)
            except OSError as error:
                answer = str(error).encode()
        if b'"return"' not in answer:
            say(f"forward {forward}: {answer.decode('utf-8', 'replace')}")


def enter_by_pesto(spec: dict[str, Any], forward: dict[str, Any]) -> None:
    """One port forward of a pasta that was restarted."""
    rule = f"{forward['host_addr']}/{forward['host_port']}:{forward['guest_port']}"
    words = [spec["pesto"], "--add", f"--{forward['proto']}-ports", rule, spec["socket"]]
    pid = os.posix_spawn(words[0], words, spec["environment"])  # pylint: disable=ansible-bad-function
    _pid, status = os.waitpid(pid, 0)
    if status:
        say(f"forward {forward}: {outcome(status)}")


def wake_on_signals() -> int:
    """A descriptor that becomes readable with a signal that asks for the end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # of the connection that we were started from
    return reading


def readable(descriptors: Sequence[int], seconds: float) -> set[int]:
    """Those of the descriptors that can be read, or have ended, within some time."""
    poll = select.poll()
    for one in descriptors:
        poll.register(one, select.POLLIN)
    deadline = time.monotonic() + seconds
    while True:
        found = {one for one, _event in poll.poll(max(0.0, deadline - time.monotonic()) * 1000)}
        if found or time.monotonic() >= deadline:
            return found


def there(netns: dict[str, Any]) -> bool:
    """Whether a path still leads to the namespace that it led to."""
    try:
        status = os.stat(netns["path"])
    except OSError:
        return False
    return bool([status.st_dev, status.st_ino] == netns["identity"])


def known(pid: int) -> dict[str, Any]:
    """A process by pid, start time and boot."""
    with open(f"/proc/{pid}/stat", "rb") as source:
        started = int(source.read().rpartition(b")")[2].split()[19])
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as source:
        return {"pid": pid, "started": started, "boot_id": source.read().strip()}


def parent_of(pid: int) -> int:
    """The parent of a process."""
    with open(f"/proc/{pid}/stat", "rb") as source:
        return int(source.read().rpartition(b")")[2].split()[1])


def tell(report: int | None, text: str) -> None:
    """Tell whoever waits for us."""
    if report is not None:
        try:
            os.write(report, text.encode() + b"\n")
            os.close(report)
        except OSError:  # nobody waits any more
            pass
        return
    if text != "ready":
        say(text)
        return
    import socket

    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)


def write(directory: str, name: str, content: dict[str, Any]) -> None:
    """A file that is whole or not there."""
    temporary = os.path.join(directory, name + ".new")
    with open(temporary, "w", encoding="utf-8") as target:
        json.dump(content, target)
    os.rename(temporary, os.path.join(directory, name))


def remove(path: str | None) -> None:
    """Remove a file that may be missing. Its directory may be another user's, who could lead us elsewhere."""
    if not path:
        return
    try:
        directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.basename(path), dir_fd=directory)
    os.close(directory)


def say(text: str) -> None:
    """For the journal, or the log of the helper."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def outcome(status: int) -> str:
    """An exit status in words."""
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"


def check(result: int, what: str) -> None:
    """Raise the error of a C library call."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


if __name__ == "__main__":
    os.umask(0o077)
    raise SystemExit(main(sys.argv[1]))
