# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The connection plugin on the real kernel: playbooks in namespaces, over local and ssh parents.

Everything happens in a private network and mount namespace that this process enters for the time
of the module: /run and /var/log are empty, /etc is a copy, where users, sudo rules and /etc/netns
are made. A test runs a playbook and judges the results, which a callback plugin writes down.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from forks import Forks
from throwaway import BUILD, COMPILED, CONTROLLER, PYTHON, ROOT

SYSTEM_PYTHON = "/usr/bin/python3"  # one that every user may run
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
PLUGIN = "sandbox.network.netns"
SSH_PORT = 2222
PASSWORD = "in the test only"

CALLBACK = """
import json, os
from ansible.plugins.callback import CallbackBase
DOCUMENTATION = "name: lines\\ntype: notification\\nshort_description: results as JSON lines\\n"
class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "notification", "lines"
    def note(self, status, result):
        where = {"host": result._host.get_name(), "task": result._task.get_name()}
        line = {**result._result, **where, "status": status}
        with open(os.environ["RESULT_LINES"], "a") as lines:
            lines.write(json.dumps(line, default=str) + "\\n")
    def v2_runner_on_ok(self, result): self.note("ok", result)
    def v2_runner_on_failed(self, result, ignore_errors=False): self.note("failed", result)
    def v2_runner_on_unreachable(self, result): self.note("unreachable", result)
"""

Result = dict[str, t.Any]
Task = dict[str, t.Any]


def run(*argv: str | os.PathLike[str], **kwargs: t.Any) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, **kwargs).stdout


def call(number: int, what: str) -> None:
    if number:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


@dataclasses.dataclass
class Host:
    """The private host: its scratch directory, and how to run playbooks on it."""

    tmp: pathlib.Path
    collections: pathlib.Path
    environment: dict[str, str]
    forks: Forks
    as_user: tuple[str, ...] = ()

    def play(
        self,
        tasks: list[Task],
        hosts: dict[str, dict[str, t.Any]],
        env: dict[str, str] | None = None,
        **play: t.Any,
    ) -> dict[tuple[str, str], Result]:
        """Run tasks on hosts, given with their variables; return the results by host and task.

        With an environment of its own, or as another user, it is the command ansible-playbook, else a fork of it.
        """
        here = pathlib.Path(tempfile.mkdtemp(dir=self.tmp))
        here.chmod(0o777)
        (here / "lines").touch()
        (here / "lines").chmod(0o666)
        shared = {"ansible_control_path_dir": str(here / "cp")}
        (here / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": shared}}))
        book = [{"hosts": "all", "gather_facts": False, "tasks": tasks, **play}]
        (here / "play.json").write_text(json.dumps(book))
        environment = {**self.environment, "HOME": str(here), "RESULT_LINES": str(here / "lines"), **(env or {})}
        command = [str(CONTROLLER / "ansible-playbook"), "-i", f"{here}/inventory.json", f"{here}/play.json", "-v"]
        with open(here / "output", "w") as output:
            if env or self.as_user:
                to = {"stdout": output, "stderr": output}
                subprocess.run([*self.as_user, *command], env=environment, cwd=here, **to, timeout=300, check=False)
            else:
                self.forks.start(command, environment, output, output, cwd=here).code()
        lines = [json.loads(line) for line in (here / "lines").read_text().splitlines()]
        assert lines, (here / "output").read_text()
        print(*lines, sep="\n")  # pytest shows it for a test that fails
        return {(line["host"], line["task"]): line for line in lines}


@contextlib.contextmanager
def private_namespaces() -> t.Iterator[None]:
    """Be in a network and mount namespace of our own, and come back."""
    with open("/proc/self/ns/mnt") as mounts, open("/proc/self/ns/net") as net:
        cwd = pathlib.Path.cwd()
        call(LIBC.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
        try:
            run("mount", "--make-rprivate", "/")
            yield
        finally:
            call(LIBC.setns(net.fileno(), CLONE_NEWNET), "setns")
            call(LIBC.setns(mounts.fileno(), CLONE_NEWNS), "setns")
            os.chdir(cwd)


def collections_root(tmp: pathlib.Path) -> pathlib.Path:
    """Return where the collection is: as the runner says, as installed, or the checkout."""
    inside = "ansible_collections/sandbox/network/plugins/connection/netns.py"
    for place in (os.environ.get("SANDBOX_COLLECTIONS"), BUILD / "collections", BUILD / "tree"):
        if place and (pathlib.Path(place) / inside).exists():
            return pathlib.Path(place)
    (tmp / "tree/ansible_collections/sandbox").mkdir(parents=True)
    (tmp / "tree/ansible_collections/sandbox/network").symlink_to(ROOT)
    return tmp / "tree"


def add_users(tmp: pathlib.Path) -> None:
    """Write users into the copy of /etc: alice, bob whom sudo asks for a password, a tidy root."""
    hashed = run("openssl", "passwd", "-6", PASSWORD).strip()
    rules = ["Defaults !lecture", "alice ALL=(ALL:ALL) NOPASSWD: ALL", "bob ALL=(ALL:ALL) ALL"]
    passwd = pathlib.Path("/etc/passwd")
    passwd.write_text(passwd.read_text().replace(":/root:", f":{tmp}/root:"))
    (tmp / "root").mkdir(mode=0o700)
    for number, name in ((4001, "alice"), (4002, "bob")):
        home = tmp / name
        home.mkdir()
        os.chown(home, number, number)
        for file, line in (
            ("passwd", f"{name}:x:{number}:{number}::{home}:/bin/bash"),
            ("group", f"{name}:x:{number}:"),
            ("group", f"{name}-more:x:{number + 100}:{name}"),
            ("shadow", f"{name}:{hashed}:19000::::::"),
        ):
            with open(f"/etc/{file}", "a") as out:
                out.write(line + "\n")
    pathlib.Path("/etc/sudoers.d/test").write_text("\n".join(rules) + "\n")


@pytest.fixture(scope="module")
def host() -> t.Iterator[Host]:
    assert os.geteuid() == 0, "these tests need root"
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="n", dir="/tmp"))
    tmp.chmod(0o755)
    children: list[subprocess.Popen[bytes]] = []
    try:
        with private_namespaces():
            shutil.copytree("/etc", tmp / "etc", symlinks=True, ignore_dangling_symlinks=True)
            run("cp", "-a", "/etc/.", tmp / "etc")
            run("mount", "--bind", tmp / "etc", "/etc")
            for empty in ("/run", "/var/log"):
                run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", empty)
            run("ip", "link", "set", "lo", "up")
            add_users(tmp)
            (tmp / "callback").mkdir()
            (tmp / "callback/lines.py").write_text(CALLBACK)
            for name, address in (("red", "10.9.0.1"), ("blue", "10.9.0.2")):
                run("ip", "netns", "add", name)
                run("ip", "-n", name, "link", "set", "lo", "up")
                run("ip", "-n", name, "link", "add", f"{name}0", "type", "veth", "peer", f"{name}1")
                run("ip", "-n", name, "link", "set", f"{name}1", "up")
                run("ip", "-n", name, "link", "set", f"{name}0", "up")
                run("ip", "-n", name, "address", "add", f"{address}/24", "dev", f"{name}0")
            etc = pathlib.Path("/etc/netns/red")
            etc.mkdir(parents=True)
            (etc / "resolv.conf").write_text("nameserver 127.9.0.53\n")  # nobody there: it answers at once
            (etc / "hosts").write_text(f"127.0.0.1 localhost {os.uname().nodename}\n10.9.0.1 web.red\n")
            (tmp / "page").mkdir()
            (tmp / "page/index.html").write_text("only in red\n")
            serve = [
                SYSTEM_PYTHON,
                "-m",
                "http.server",
                "--bind",
                "10.9.0.1",
                "--directory",
                str(tmp / "page"),
                "8080",
            ]
            quiet: dict[str, t.Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            children.append(subprocess.Popen(["ip", "netns", "exec", "red", *serve], **quiet))
            collections = collections_root(tmp)
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(tmp),
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_COLLECTIONS_PATH": str(collections),
                "ANSIBLE_CONFIG": str(ROOT / "tests/integration/ansible.cfg"),
                "ANSIBLE_CALLBACK_PLUGINS": str(tmp / "callback"),
                "ANSIBLE_CALLBACKS_ENABLED": "lines",
                "ANSIBLE_HOST_KEY_CHECKING": "false",
                "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=5s",
                "ANSIBLE_FORKS": "20",
                **COMPILED,
            }
            with Forks("ansible", CONTROLLER / "python", environment) as forks:
                yield Host(tmp, collections, environment, forks)
            for child in children:
                child.kill()
                child.wait()
    finally:
        for child in children:
            child.kill()
        shutil.rmtree(tmp)


@pytest.fixture(scope="module")
def red_pid(host: Host) -> t.Iterator[int]:
    """A process in the namespace red of the host."""
    assert host
    with subprocess.Popen(["ip", "netns", "exec", "red", "sleep", "600"]) as child:
        wait_until(lambda: inode(f"/proc/{child.pid}/ns/net") == inode("/run/netns/red"))
        yield child.pid
        child.kill()


@pytest.fixture(scope="module")
def sshd(host: Host) -> t.Iterator[dict[str, t.Any]]:
    """An ssh server on the private host; yields the variables by which it is reached."""
    server = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    assert server, "sshd is missing: install openssh-server"
    assert shutil.which("sudo"), "sudo is missing: install sudo"
    keys = host.tmp / "ssh"
    keys.mkdir()
    for name in ("host", "user"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / name)
    config = {
        "ListenAddress": f"127.0.0.1:{SSH_PORT}",
        "HostKey": keys / "host",
        "AuthorizedKeysFile": keys / "user.pub",
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "yes",
        "PidFile": "none",
        "MaxStartups": "100",
        "Subsystem": "sftp internal-sftp",
    }
    (keys / "config").write_text("".join(f"{key} {value}\n" for key, value in config.items()))
    pathlib.Path("/run/sshd").mkdir()
    with (
        open(keys / "log", "wb") as log,
        subprocess.Popen([server, "-D", "-e", "-f", keys / "config"], stderr=log) as child,
    ):
        wait_until(lambda: b"listening" in (keys / "log").read_bytes())
        yield {
            "ansible_host": "127.0.0.1",
            "ansible_port": SSH_PORT,
            "key_dir": str(keys),
            "ansible_ssh_private_key_file": "{{ key_dir }}/user",
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={keys}/known",
            "ansible_netns_connection": "ssh",
        }
        child.terminate()


def wait_until(holds: t.Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def inode(path: str | pathlib.Path) -> int:
    return os.stat(path).st_ino


def inside(netns: str, **more: t.Any) -> dict[str, t.Any]:
    """The variables of a host whose tasks run in the namespace given."""
    return {
        "ansible_connection": PLUGIN,
        "ansible_netns": netns,
        "ansible_python_interpreter": PYTHON,
        **more,
    }


def task(name: str, module: str, args: t.Any, **more: t.Any) -> Task:
    return {"name": name, f"ansible.builtin.{module}": args, "ignore_errors": True, **more}


def on(*hosts: str) -> Task:
    """What lets a task run on some hosts only."""
    return {"when": f"inventory_hostname in {list(hosts)}"}


WHERE = "stat -Lc %i /proc/self/ns/net"

# Commands that one task runs, because a task costs more than they do.
LOOKS = {
    "where": WHERE,
    "links": "ls /sys/class/net",
    "resolv.conf": "cat /etc/resolv.conf",
    "hosts": "getent hosts web.red",
    "mtu": "cat /sys/class/net/red0/mtu",
}


def all_of(commands: dict[str, str]) -> str:
    """Commands as one that prints, after the output of each, its exit code and a form feed."""
    return "; ".join(f"{command}; printf '\\n%s\\f' $?" for command in commands.values())


def each_of(commands: dict[str, str], result: Result) -> t.Iterator[tuple[str, Result]]:
    """The result of each of the commands from that of all."""
    *parts, rest = result["stdout"].split("\f")
    assert (len(parts), rest) == (len(commands), ""), result
    for name, part in zip(commands, parts):
        stdout, code = part.rsplit("\n", 1)
        yield name, {"stdout": stdout.rstrip("\n"), "stdout_lines": stdout.splitlines(), "rc": int(code)}


@pytest.fixture(scope="module", params=["false", "true"], ids=["files", "pipelining"])
def results(request: pytest.FixtureRequest, host: Host, red_pid: int) -> dict[tuple[str, str], Result]:
    """One playbook over the local parent: in red by its three names, in blue, and outside."""
    (host.tmp / "script.sh").write_text("#!/bin/sh\necho $1; ls /sys/class/net\n")
    big = "0123456789abcdef" * 16384
    copied = f"{host.tmp}/{{{{ inventory_hostname }}}}-{request.param}"
    name, compared, three = on("name"), on("name", "outside"), on("name", "blue", "outside")
    tasks = [
        task("looks", "shell", all_of(LOOKS)),
        task("raw where", "raw", WHERE),
        task("fails", "shell", "echo out; echo err >&2; exit 7", **name),
        task("raw", "raw", "echo out; echo err >&2; exit 9", **name),
        task("unicode", "command", {"argv": ["printf", "%s", "grün ☂ '\"$x"]}, **name),
        task("stdin", "command", {"cmd": "sha256sum", "stdin": big, "stdin_add_newline": False}, **name),
        task("script", "script", f"{host.tmp}/script.sh argument", **name),
        task("copy", "copy", {"content": big, "dest": copied}, **name),
        task("fetch", "fetch", {"src": copied, "dest": f"{copied}-back", "flat": True}, **name),
        task("the rest", "shell", "ls /sys/fs/cgroup /sys/kernel; ls /proc/self/fd | wc -l", **compared),
        task("async", "shell", f"sleep 1; {WHERE}", **{"async": 30, "poll": 1}, **name),
        task("facts", "setup", {"gather_subset": ["!all", "network"]}, **three),
        task("services", "service_facts", {}, **compared),
        task(
            "wait",
            "wait_for",
            {"host": "10.9.0.1", "port": 8080, "timeout": 1, "connect_timeout": 1},
            **three,
        ),
        task("page", "uri", {"url": "http://10.9.0.1:8080/", "return_content": True, "timeout": 1}, **three),
        task(
            "mount",
            "shell",
            f"mount -t tmpfs tmpfs {host.tmp}/page && touch {host.tmp}/page/mounted",
            **name,
        ),
    ]
    hosts = {
        "name": inside("red"),
        "path": inside("/run/netns/red"),
        "pid": inside(f"pid:{red_pid}"),
        "blue": inside("blue"),
        "outside": {"ansible_connection": "local", "ansible_python_interpreter": PYTHON},
    }
    for vars_ in hosts.values():
        vars_["ansible_pipelining"] = request.param == "true"
        vars_["ansible_async_dir"] = f"{host.tmp}/async"
    found = host.play(tasks, hosts)
    for where in hosts:
        found |= {(where, name): result for name, result in each_of(LOOKS, found[where, "looks"])}
    return found


@pytest.mark.parametrize("red", ["name", "path", "pid"])
@pytest.mark.parametrize("how", ["where", "raw where"])
def test_a_task_runs_in_the_namespace(results: dict[tuple[str, str], Result], red: str, how: str) -> None:
    assert results[red, how]["stdout"].strip() == str(inode("/run/netns/red"))
    assert results["blue", how]["stdout"].strip() == str(inode("/run/netns/blue"))
    assert results["outside", how]["stdout"].strip() == str(inode("/proc/self/ns/net"))


@pytest.mark.parametrize("red", ["name", "path", "pid"])
def test_sysfs_shows_the_links_of_the_namespace(results: dict[tuple[str, str], Result], red: str) -> None:
    assert set(results[red, "links"]["stdout_lines"]) >= {"lo", "red0", "red1"}
    assert "blue0" not in results[red, "links"]["stdout"]
    for other in ("blue", "outside"):
        assert "red0" not in results[other, "links"]["stdout"]


def test_a_background_task_runs_in_the_namespace(results: dict[tuple[str, str], Result]) -> None:
    assert results["name", "async"]["stdout"] == str(inode("/run/netns/red"))


def test_exit_codes_and_streams_are_those_of_the_command(
    results: dict[tuple[str, str], Result],
) -> None:
    for how, code in (("fails", 7), ("raw", 9)):
        result = results["name", how]
        assert (result["rc"], result["stdout"].strip(), result["stderr"].strip()) == (
            code,
            "out",
            "err",
        )
    assert results["name", "unicode"]["stdout"] == "grün ☂ '\"$x"


def test_data_travels_whole(results: dict[tuple[str, str], Result]) -> None:
    big = ("0123456789abcdef" * 16384).encode()
    assert results["name", "stdin"]["stdout"].split()[0] == hashlib.sha256(big).hexdigest()
    copied = pathlib.Path(results["name", "copy"]["dest"])
    assert copied.read_bytes() == pathlib.Path(f"{copied}-back").read_bytes() == big
    assert results["name", "fetch"]["remote_checksum"] == hashlib.sha1(big).hexdigest()


def test_the_rest_of_the_host_is_as_outside(host: Host, results: dict[tuple[str, str], Result]) -> None:
    assert results["name", "mtu"]["stdout"] == "1500"
    assert results["name", "script"]["stdout"].split()[0] == "argument"
    assert "red0" in results["name", "script"]["stdout"]
    assert results["name", "the rest"]["stdout"] == results["outside", "the rest"]["stdout"]
    assert results["name", "services"]["ansible_facts"] == results["outside", "services"]["ansible_facts"]
    assert results["name", "mount"]["rc"] == 0
    assert not (host.tmp / "page/mounted").exists()


def test_files_of_etc_netns_are_seen_inside_only(results: dict[tuple[str, str], Result]) -> None:
    for red in ("name", "path"):
        assert results[red, "resolv.conf"]["stdout"] == "nameserver 127.9.0.53"
        assert results[red, "hosts"]["stdout"].split() == ["10.9.0.1", "web.red"]
    for other in ("pid", "blue", "outside"):
        assert "127.9.0.53" not in results[other, "resolv.conf"]["stdout"]
        assert results[other, "hosts"]["rc"] != 0
    assert "127.9.0.53" not in pathlib.Path("/etc/resolv.conf").read_text()


def test_facts_and_servers_are_those_of_the_namespace(
    results: dict[tuple[str, str], Result],
) -> None:
    facts = {where: results[where, "facts"]["ansible_facts"] for where in ("name", "blue", "outside")}
    assert facts["name"]["ansible_all_ipv4_addresses"] == ["10.9.0.1"]
    assert facts["blue"]["ansible_all_ipv4_addresses"] == ["10.9.0.2"]
    assert facts["outside"]["ansible_all_ipv4_addresses"] == []
    assert results["name", "wait"]["status"] == "ok"
    assert results["name", "page"]["content"] == "only in red\n"
    for other in ("blue", "outside"):
        assert results[other, "wait"]["status"] == "failed"
        assert results[other, "page"]["status"] == "failed"


REFUSED = {
    "missing": ("green", "network namespace 'green' does not exist: there is no /run/netns/green"),
    "missing-path": ("/run/netns/green", "does not exist: there is no /run/netns/green"),
    "plain": ("/tmp/PLAIN", "is not a network namespace"),
    "named-plain": ("plain", "is not a network namespace"),
    "directory": ("/run", "is not a network namespace"),
    "fifo": ("FIFO", "is not a network namespace"),
    "device": ("/dev/zero", "is not a network namespace"),
    "procfs": ("/proc/self/mem", "is not a network namespace"),
    "mount-ns": (f"/proc/{os.getpid()}/ns/mnt", "is not a network namespace"),
    "user-ns": ("/proc/self/ns/user", "is not a network namespace"),
    "dead-pid": ("pid:DEAD", "does not exist: there is no process DEAD"),
    "own": ("/proc/self/ns/net", "is the one that the parent connection is in already"),
    "option": ("-x", "is not a name, an absolute path or pid:N"),
    "slash": ("a/b", "is not a name, an absolute path or pid:N"),
    "dots": ("..", "is not a name, an absolute path or pid:N"),
    "newline": ("a\nb", "has control characters"),
    "not-a-pid": ("pid:x", "needs the number of a process"),
    "unmountable": ("torn", "cannot be entered: mount: /etc/not-there"),
}


@pytest.fixture(scope="module", params=["false", "true"], ids=["files", "pipelining"])
def refused(request: pytest.FixtureRequest, host: Host) -> dict[tuple[str, str], Result]:
    """Tasks that would leave a mark, on hosts whose namespace cannot be entered."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    plain, fifo = host.tmp / "plain", host.tmp / "fifo"
    plain.touch()
    pathlib.Path("/run/netns/plain").touch()
    if not fifo.exists():
        os.mkfifo(fifo)
        run("ip", "netns", "add", "torn")
        pathlib.Path("/etc/netns/torn").mkdir()
        pathlib.Path("/etc/netns/torn/not-there").touch()
    hosts = {}
    for name, (netns, message) in REFUSED.items():
        known = {"/tmp/PLAIN": str(plain), "FIFO": str(fifo), "pid:DEAD": f"pid:{dead.pid}"}
        hosts[name] = inside(known.get(netns, netns), ansible_pipelining=request.param == "true")
        hosts[name]["message"] = message.replace("DEAD", str(dead.pid))
    mark = f"{host.tmp}/ran-outside-{{{{ inventory_hostname }}}}"
    tasks = [
        task(
            f"{module}{become}",
            module,
            f"touch {mark}",
            become=bool(become),
            ignore_unreachable=True,
        )
        for module in ("command", "raw", "shell")
        for become in ("", " become")
    ]
    found = host.play(tasks, hosts, vars={"ansible_become_user": "nobody"})
    for (name, _task), result in found.items():
        result["wanted"] = hosts[name]["message"]
    return found


@pytest.mark.controller
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_entered_runs_nothing_anywhere(
    host: Host, refused: dict[tuple[str, str], Result], name: str
) -> None:
    mine = [result for (where, _task), result in refused.items() if where == name]
    assert len(mine) == 6
    for result in mine:
        assert result["status"] in ("unreachable", "failed")
        assert result["wanted"] in result["msg"]
    assert not list(host.tmp.glob(f"ran-outside-{name}*"))


def test_a_name_is_only_a_name(host: Host) -> None:
    names = [
        "$(touch HERE)",
        "`touch HERE`",
        "two words",
        "it's",
        'a"b',
        ";touch HERE",
        "*",
        "ümlaut",
        "a\\b",
        "%s{{"[:2],
    ]
    for name in names:
        run("ip", "netns", "add", name)
    found = host.play([task("where", "command", WHERE)], {f"h{i}": inside(name) for i, name in enumerate(names)})
    for i, name in enumerate(names):
        assert int(found[f"h{i}", "where"]["stdout"]) == inode(f"/run/netns/{name}")
    assert not list(host.tmp.rglob("HERE"))


@pytest.mark.controller
@pytest.mark.parametrize("pipelining", [False, True])
def test_root_enters_and_then_becomes_another_user(host: Host, pipelining: bool) -> None:
    one = inside("red", ansible_pipelining=pipelining, ansible_python_interpreter=SYSTEM_PYTHON)
    who = f"id -un; {WHERE}; cat /etc/resolv.conf"
    tasks = [
        task("root", "shell", who),
        task("nobody", "shell", who, become=True, become_user="nobody"),
        task("raw", "raw", who, become=True, become_user="nobody"),
        task("root by sudo", "shell", who, become=True, vars={"ansible_become_flags": "-H -S -n"}),
        task(
            "su",
            "shell",
            who,
            become=True,
            become_user="nobody",
            become_method="su",
            vars={"ansible_become_flags": "-s /bin/sh"},
        ),
    ]
    found = host.play(tasks, {"one": one}, env={"ANSIBLE_PIPELINING": str(pipelining)})
    for name, user in (
        ("root", "root"),
        ("nobody", "nobody"),
        ("raw", "nobody"),
        ("root by sudo", "root"),
        ("su", "nobody"),
    ):
        lines = found["one", name]["stdout"].split("\n")
        assert [line.strip() for line in lines][:3] == [
            user,
            str(inode("/run/netns/red")),
            "nameserver 127.9.0.53",
        ], found


# The pause is for ansible-core 2.16: its local connection drops what comes along with the news that
# sudo has let us in.
WHO = f'sleep 0.3; id -un; id -Gn; echo "$HOME"; echo err >&2; {WHERE}; exit 3'
AS_WHOM = ("self", "nobody", "raw self", "raw root")
USERS: dict[str, tuple[int, dict[str, t.Any]]] = {
    "alice": (4001, {"ansible_user": "alice"}),
    "bob": (4002, {"ansible_user": "bob", "ansible_become_password": PASSWORD, "ansible_become": True}),
}


@pytest.fixture(scope="module", params=["ssh", "local"])
def unprivileged(request: pytest.FixtureRequest, host: Host, sshd: dict[str, t.Any]) -> dict[tuple[str, str], Result]:
    """The same tasks inside and outside, by files and by pipelining, over a parent."""
    copied = f"{host.tmp}/{{{{ ansible_user }}}}/copied-{{{{ inventory_hostname }}}}"
    tasks = [
        task("self", "shell", WHO),
        task("nobody", "shell", WHO, become=True, become_user="nobody"),
        task("raw self", "raw", WHO),
        task("raw root", "raw", WHO, become=True),
        task("copy", "copy", {"content": "x" * 100000, "dest": copied}),
    ]
    shared = {**sshd, "ansible_python_interpreter": SYSTEM_PYTHON, "ansible_netns_connection": request.param}
    shared["ansible_shell_allow_world_readable_temp"] = True  # what Ansible offers for alice becoming nobody
    hosts: dict[str, dict[str, dict[str, t.Any]]] = {}
    for name, (_number, variables) in USERS.items():
        for pipelining in (False, True):
            one = inside("red", **shared, **variables, ansible_pipelining=pipelining)
            outside = {**one, "ansible_connection": request.param}
            hosts.setdefault(name, {}).update(
                {f"{name}-inside-{pipelining}": one, f"{name}-outside-{pipelining}": outside}
            )
    if request.param == "ssh":
        return host.play(tasks, {where: one for group in hosts.values() for where, one in group.items()})
    found = {}
    for name, (number, _variables) in USERS.items():
        # The controller itself runs as that user, who may read its files wherever they are.
        caps = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
        ids = ("--reuid", str(number), "--regid", str(number), "--init-groups")
        as_user = dataclasses.replace(host, as_user=("setpriv", *ids, *caps))
        found |= as_user.play(tasks, hosts[name], env={"HOME": str(host.tmp / name)})
    return found


@pytest.mark.controller
@pytest.mark.parametrize("pipelining", [False, True])
def test_an_unprivileged_user_enters_as_root_and_stays_who_they_are(
    unprivileged: dict[tuple[str, str], Result], pipelining: bool
) -> None:
    net = {"inside": str(inode("/run/netns/red")), "outside": str(inode("/proc/self/ns/net"))}
    for name in USERS:
        for how in (*AS_WHOM, "copy"):
            results = {where: unprivileged[f"{name}-{where}-{pipelining}", how] for where in net}
            if how == "copy":
                assert [result["status"] for result in results.values()] == ["ok", "ok"]
                continue
            own = "root" if name == "bob" else name  # bob always becomes: he cannot enter without his password
            assert how.split()[-1].replace("self", own) in results["inside"]["stdout"].split()
            assert net["inside"] in results["inside"]["stdout"].split()
            for key in ("rc", "stdout", "stderr"):
                # the newline that sudo answers a password with may come late, and is then taken for output
                values = [str(result[key]).replace(net[where], "NET").strip() for where, result in results.items()]
                assert values[0] == values[1]


def test_a_wrong_password_or_none_runs_nothing(host: Host, sshd: dict[str, t.Any]) -> None:
    shared = {**sshd, "ansible_python_interpreter": SYSTEM_PYTHON}
    hosts = {
        "none": inside("red", **shared, ansible_user="bob"),
        "wrong": inside("red", **shared, ansible_user="bob", ansible_become=True, ansible_become_password="no"),
    }
    found = host.play([task("touch", "raw", f"touch {host.tmp}/bob/touched")], hosts)
    assert found["none", "touch"]["status"] == "failed"
    assert "password is required" in found["none", "touch"]["stderr"] + found["none", "touch"]["stdout"]
    assert found["wrong", "touch"]["status"] in ("failed", "unreachable")
    assert not (host.tmp / "bob/touched").exists()


@pytest.mark.controller
def test_the_options_of_an_ssh_parent_arrive(host: Host, sshd: dict[str, t.Any]) -> None:
    tasks = [
        task("who", "shell", f"id -un; {WHERE}; echo $SSH_CONNECTION"),
        task("same", "shell", "echo $SSH_CONNECTION"),
        {"name": "reset", "ansible.builtin.meta": "reset_connection"},
        task("file", "copy", {"content": "over ssh", "dest": "/run/copied"}),
        task("other", "shell", "echo $SSH_CONNECTION"),
        task("again", "shell", f"cat /run/copied; {WHERE}"),
        task("lost", "command", "true", ignore_unreachable=True, vars={"ansible_port": SSH_PORT + 1}),
        task(
            "green",
            "command",
            "touch /run/ran-outside",
            ignore_unreachable=True,
            vars={"ansible_netns": "green"},
        ),
        task(
            "lost key",
            "command",
            "true",
            ignore_unreachable=True,
            vars={"key_dir": "/none", "ansible_control_path": "none"},
        ),
    ]
    red = str(inode("/run/netns/red"))
    shared = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=20s"}
    found = host.play(tasks, {"one": inside("red", **sshd, ansible_user="root")}, env=shared)
    who = found["one", "who"]["stdout_lines"]
    assert who[:2] == ["root", red]
    assert who[2].split()[2:] == ["127.0.0.1", str(SSH_PORT)]
    assert found["one", "same"]["stdout"] == who[2]
    assert found["one", "other"]["stdout"] != who[2]  # the connection was reset
    assert found["one", "again"]["stdout"].split() == ["over", f"ssh{red}"]
    assert "Connection refused" in found["one", "lost"]["msg"]
    assert "'green' does not exist" in found["one", "green"]["msg"]
    assert "Permission denied" in found["one", "lost key"]["msg"]
    assert not os.path.exists("/run/ran-outside")


def test_programs_planted_in_the_path_are_not_run(host: Host) -> None:
    planted = host.tmp / "planted"
    planted.mkdir()
    for name in ("nsenter", "unshare", "mount", "env", "setpriv", "ip"):
        (planted / name).write_text(f'#!/bin/sh\ntouch {host.tmp}/planted-{name}\nexec /usr/bin/{name} "$@"\n')
        (planted / name).chmod(0o755)
    path = f"{planted}:{os.environ['PATH']}"
    found = host.play([task("raw", "raw", f'{WHERE}; echo "$PATH"')], {"one": inside("red")}, env={"PATH": path})
    assert found["one", "raw"]["stdout"].split()[0] == str(inode("/run/netns/red"))
    assert str(planted) in found["one", "raw"]["stdout"]
    assert not list(host.tmp.glob("planted-*"))


def test_twenty_namespaces_at_once(host: Host) -> None:
    names = [f"n{i}" for i in range(20)]
    for name in names:
        run("ip", "netns", "add", name)
    before = run("ip", "-j", "address"), run("ip", "-j", "route", "show", "table", "all")
    tasks = [
        task("address", "shell", f"set -e; ip link set lo up; ip address add 10.8.0.1/32 dev lo; {WHERE}"),
        task("facts", "setup", {"gather_subset": ["!all", "network"]}),
    ]
    found = host.play(tasks, {name: inside(name) for name in names})
    for name in names:
        assert found[name, "address"]["rc"] == 0
        assert int(found[name, "address"]["stdout"]) == inode(f"/run/netns/{name}")
        assert found[name, "facts"]["ansible_facts"]["ansible_interfaces"] == ["lo"]
    assert (run("ip", "-j", "address"), run("ip", "-j", "route", "show", "table", "all")) == before


def test_the_example_playbook_runs_twice_and_cleans_up(host: Host) -> None:
    book = host.collections / "ansible_collections/sandbox/network/playbooks/run_inside.yml"
    inventory = f"localhost ansible_connection=local ansible_python_interpreter={PYTHON}\n"
    (host.tmp / "localhost").write_text(inventory)
    environment = {
        **os.environ,
        "HOME": str(host.tmp),
        "ANSIBLE_COLLECTIONS_PATH": str(host.collections),
        **COMPILED,
    }

    def state() -> tuple[str, str, list[str]]:
        return run("ip", "netns"), run("ip", "-j", "address"), sorted(os.listdir("/etc/netns"))

    before = state()
    for _time in range(2):
        done = subprocess.run(
            [CONTROLLER / "ansible-playbook", "-i", host.tmp / "localhost", book],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert state() == before


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
