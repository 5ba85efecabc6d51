# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The guest's root: what this machine has installed, the kernel's modules, and the collection as built.

It is one archive that the kernel unpacks into memory, made afresh each time: that takes about as long
as finding out whether an older one would still do.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from archive import Archive
from promises.runner import CONTROL_SIZE, PACKAGE, Lane, shim

HERE = Path(__file__).resolve().parent
# The shell is not busybox's, which prefers an `ip` of its own.
PROGRAMS = ("bridge", "busybox", "dash", "ip", "kmod", "tc")
PROGRAM_DIRECTORIES = "/usr/sbin:/usr/bin:/sbin:/bin"
LIBRARIES = ("netaddr", "pyroute2", "pr2modules")

# What a module imports, and what that imports.
ANSIBLE_PARTS = ("__init__.py", "_vendor", "module_utils", "release.py")

# Large, or with large libraries, and of no use to a module.
LEFT_OUT = (
    *("_codecs_*", "_curses*", "_dbm*", "_sqlite3*", "_test*", "_tkinter*", "nis.*", "readline.*"),
    *("config-*", "ensurepip", "idlelib", "lib2to3", "pydoc*", "sqlite3", "test", "tkinter", "turtle*"),
    *("iab.txt", "oui.txt"),  # the makers of network cards
)

AGENT, ANSIBLE, COLLECTIONS = "/opt/agent", "/opt/ansible", "/opt/collections"

# What the guest's first process finds in its environment: the kernel hands over what it does not know.
ENVIRONMENT = {
    "AGENT_PYTHONPATH": f"{ANSIBLE}:{COLLECTIONS}:{AGENT}",
    "AGENT_PRELOAD": f"{AGENT}/faultpoint.so",
    "AGENT_MAP_SIZE": str(CONTROL_SIZE),
}


def write_image(lane: Lane, kernel: Path, work: Path) -> Path:
    """Write the archive into the directory `work`; its file."""
    image = work / "initrd"
    with image.open("wb") as file:
        archive = Archive(file)
        for name in ("dev", "proc", "run", "sys", "tmp", "root"):
            archive.directory(f"/{name}")
        archive.file("/init", HERE / "init", executable=True)
        archive.file("/etc/modprobe.d/guest.conf", HERE / "modprobe.conf")
        archive.tree("/etc/iproute2", Path("/etc/iproute2"))
        archive.tree("/lib/modules", kernel / "lib/modules")
        _add_programs(archive, lane.python)
        _add_python(archive, lane.python)
        _add_collection(archive, lane, work / "compiled")
        archive.close()
    shutil.rmtree(work / "compiled")
    return image


def _add_programs(archive: Archive, python: str) -> None:
    found = {name: shutil.which(name, path=PROGRAM_DIRECTORIES) for name in PROGRAMS}
    missing = [name for name, path in found.items() if path is None]
    assert not missing, f"programs are missing, which `make setup` installs: {missing}"
    paths = {name: Path(path) for name, path in found.items() if path}
    for name, path in {**paths, "python3": Path(python)}.items():
        archive.file(f"/usr/bin/{name}", path, executable=True)
    archive.link("/usr/sbin/modprobe", "../bin/kmod")
    archive.link("/usr/bin/sh", "dash")
    applets = subprocess.run([paths["busybox"], "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in applets:
        if f"/usr/bin/{name}" not in archive.there and name != "modprobe":
            archive.link(f"/usr/bin/{name}", "busybox")
    for path in shared_libraries([*paths.values(), Path(python), shim()]):
        archive.file(str(path), path, executable=True)


def _add_python(archive: Archive, python: str) -> None:
    """The interpreter's library and the two packages that modules need, with what is compiled of them."""
    question = (
        "import sysconfig, pyroute2, os; print(sysconfig.get_path('stdlib'), os.path.dirname(pyroute2.__path__[0]))"
    )
    answer = subprocess.run([python, "-I", "-c", question], capture_output=True, text=True, check=True)
    standard, packages = map(Path, answer.stdout.split())
    archive.tree(str(standard), standard, LEFT_OUT)
    for name in LIBRARIES:
        for path in packages.glob(f"{name}*"):
            archive.tree(f"{packages}/{path.name}", path, LEFT_OUT)
    extensions = (Path(path) for path in sorted(archive.there) if path.endswith(".so"))
    for path in shared_libraries(path for path in extensions if path.parent.name == "lib-dynload"):
        archive.file(str(path), path, executable=True)


def _add_collection(archive: Archive, lane: Lane, compiled: Path) -> None:
    """The collection, ansible-core's part of a module, and the agent: compiled here, where it is quick."""
    ansible = Path(lane.ansible_lib, "ansible")
    plugins = Path(*PACKAGE.split("."))
    for source, target in (
        *((ansible / name, f"{ANSIBLE}/ansible/{name}") for name in ANSIBLE_PARTS),
        (Path(lane.collections) / plugins, f"{COLLECTIONS}/{plugins}"),
        (HERE.parent / "promises/server.py", f"{AGENT}/server.py"),
        (HERE.parent / "promises/snapshot.py", f"{AGENT}/snapshot.py"),
    ):
        place = compiled / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", "powershell", "csharp"))
        else:
            shutil.copyfile(source, place)
    # The path that tracebacks show is that of the guest.
    options = ["-q", "-j", "0", "-s", str(compiled), "-p", "/", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([lane.python, "-m", "compileall", *options, str(compiled)], check=True)
    archive.tree("/opt", compiled / "opt")
    archive.file(f"{AGENT}/faultpoint.so", shim(), executable=True)


def shared_libraries(programs: Iterable[Path]) -> list[Path]:
    """The libraries of programs; a program without any is passed over."""
    listed = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    return sorted({Path(path) for path in re.findall(r"(/\S+) \(0x", listed)})
