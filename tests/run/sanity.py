# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Run `ansible-test sanity` in the current directory, and see to it that every check really ran.

Usage: sanity.py BIN HOME [CHECK...], with BIN the bin directory of the ansible-core to use, HOME a directory
for what ansible-test installs for itself, and the checks that are left out.

ansible-test passes over what it has no program for with no more than a warning.
Here that is a failure.
"""

from __future__ import annotations

import ast
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

from machine import find_pythons
from paths import RUN

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# For PowerShell files, of which there are none.
NOT_NEEDED = {"pwsh"}


def main() -> int:
    """Run all checks, say which ran, and return the exit code."""
    bin_directory, home, left_out = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    environment = {**os.environ, "HOME": str(home), "PATH": _search_path(bin_directory)}
    _prepare_home(bin_directory, home)

    program = str(bin_directory / "ansible-test")
    list_checks = [program, "sanity", "--list-tests"]
    wanted = subprocess.run(list_checks, env=environment, capture_output=True, text=True, check=True).stdout.split()

    run = subprocess.Popen(
        [program, "sanity", "--color", "no", *(f"--skip-test={check}" for check in left_out)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert run.stdout is not None
    output = []
    for line in run.stdout:
        print(line, end="", flush=True)
        output.append(line)
    code = run.wait()

    text = "".join(output)
    ran = set(re.findall(r'Running sanity test "(\S+)"', text))
    missing = set(re.findall(r'Required program "(\S+)" not found', text)) - NOT_NEEDED
    skipped = set(wanted) - ran - set(left_out)
    print(f"\n{len(ran)} checks ran: {' '.join(sorted(ran))}")
    print(f"Checks that did not run: {' '.join(sorted(skipped)) or 'none'}")
    print(f"Programs that checks lacked: {' '.join(sorted(missing)) or 'none'}")
    return code or int(bool(skipped or missing or not ran))


def _search_path(bin_directory: Path) -> str:
    """Let ansible-test find its own Python, and the oldest and the newest on the machine."""
    found = find_pythons()
    by_age = [found[version].parent for version in sorted(found, key=_minor)]
    return ":".join([str(bin_directory), str(by_age[0]), str(by_age[-1]), SYSTEM_PATH])


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _prepare_home(bin_directory: Path, home: Path) -> None:
    """Give ansible-test the pip bootstrap script and pip's settings, which it would not see."""
    constants = next(
        bin_directory.parent.glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py")
    )
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in re.findall(r"pip='([0-9.]+)'", constants.read_text(encoding="utf-8")):
        shutil.copy(RUN / "get_pip.py", cache / f"get_pip_{version.replace('.', '_')}.py")

    settings = home / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(_pip_settings(bin_directory), encoding="utf-8")


def _pip_settings(bin_directory: Path) -> str:
    """Write down pip's settings of this user, those from environment variables among them."""
    listing = subprocess.run(
        [str(bin_directory / "python"), "-m", "pip", "config", "list"],
        env={**os.environ, "HOME": pwd.getpwuid(os.getuid()).pw_dir},
        capture_output=True,
        text=True,
        check=True,
    )
    sections: dict[str, dict[str, str]] = {}
    for line in listing.stdout.splitlines():
        key, value = line.split("=", 1)
        section, name = key.rsplit(".", 1)
        sections.setdefault("global" if section == ":env:" else section, {})[name] = ast.literal_eval(value)
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {' '.join(value.split())}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
