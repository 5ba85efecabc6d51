# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The virtual environments: for each ansible-core, for the tools, for lane "newest"."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from paths import ANSIBLE_LIB, COLLECTION, REQUIREMENTS, ROOT, TREE, VENVS


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and the Python versions that may carry it, best first."""

    name: str
    pythons: tuple[str, ...]

    @property
    def bin(self) -> Path:
        """The directory of its programs."""
        return VENVS / self.name / "bin"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.bin / "python"


CORE_OLDEST = Environment("core-2.16", ("3.11", "3.12", "3.10"))
CORE = Environment("core-2.19", ("3.11", "3.12", "3.13"))
CORE_NEWEST = Environment("core-newest", ("3.14", "3.13", "3.12"))
LANE_NEWEST = Environment("newest", ("3.11", "3.12", "3.13"))
TOOLS = Environment("tools", ("3.11", "3.12", "3.13"))
IMPORTER = Environment("importer", ("3.11", "3.12", "3.13"))
UNIT_OLDEST = Environment("unit-3.9", ("3.9",))

# Those whose Python a machine may lack without harm; all others must be there.
OPTIONAL = (CORE_NEWEST, UNIT_OLDEST)


class NoPython(Exception):
    """No interpreter on this machine can carry an environment."""


def prepare(environment: Environment, pythons: dict[str, Path]) -> None:
    """Make an environment, or leave it alone when it is already what its requirements say."""
    python = next((pythons[version] for version in environment.pythons if version in pythons), None)
    if python is None:
        raise NoPython(f"no Python {' or '.join(reversed(environment.pythons))} on this machine")
    requirements = REQUIREMENTS / f"{environment.name}.txt"
    wanted = f"{python}\n{requirements.read_text(encoding='utf-8')}"
    stamp = VENVS / environment.name / "made-from.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print(f"Making the environment {environment.name} with {python}", flush=True)
    shutil.rmtree(VENVS / environment.name, ignore_errors=True)
    subprocess.run([str(python), "-m", "venv", str(VENVS / environment.name)], check=True)
    # What is never imported need not be compiled; the rest is at its first import.
    options = ["--quiet", "--disable-pip-version-check", "--no-compile"]
    install = [str(environment.python), "-m", "pip", "install", *options, "-r", str(requirements)]
    subprocess.run(install, env=_clean(), check=True)
    stamp.write_text(wanted, encoding="utf-8")


def _clean() -> dict[str, str]:
    """Return this process's environment without what would lead another Python astray."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def link_trees() -> None:
    """Make the checkout importable as a collection, and ansible-core importable alone.

    A lane's interpreter needs ansible-core's module_utils, but must not see the
    controller's pyroute2 and netaddr beside them.
    """
    library = next((VENVS / CORE.name / "lib").glob("python3*/site-packages/ansible"))
    for link, target in ((ANSIBLE_LIB / "ansible", library), (TREE / COLLECTION, ROOT)):
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink() or link.resolve() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(target, link.parent))


def version_of(python: Path, package: str) -> str:
    """Return the version of a package that an interpreter sees."""
    return _ask(python, f"from importlib.metadata import version; print(version({package!r}))")


def python_version(python: Path) -> str:
    """Return an interpreter's own version."""
    return _ask(python, "import platform; print(platform.python_version())")


def _ask(python: Path, question: str) -> str:
    answer = subprocess.run([str(python), "-c", question], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "none"
