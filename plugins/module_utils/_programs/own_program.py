# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Programs on a host that are parts of this collection: what they consist of, where they are, how they start.

Installed, one is a directory whose name has a digest of what is in it: a new version stands beside the old
one until that has ended, and none is ever a mixture.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence

from .source import is_package, source_of

LIBRARY = "/usr/local/lib/sandbox-network"
PACKAGE = "sandbox_network"
# ``from .x import a, b`` and ``from .x import (`` to the closing parenthesis
IMPORT = re.compile(r"^ *from (\.+)([\w.]*) import (?:\(([^)]*)\)|([^\n(]*))", re.MULTILINE)


def program_files(entry: str, mark: str) -> dict[str, str]:
    """A program by its text: relative path to content. ``entry`` is the package and the file, such as
    ``_netmon.main``, whose function ``main`` is called with the words of the command line.

    It is what the entry imports of this collection, directly or not, wherever that is: in a directory or in
    an archive. Raises ProgramError.
    """
    above = __name__.rsplit(".", 2)[0]
    start = f"{mark}\nimport sys\n\nfrom {PACKAGE}.{entry} import main\n\nsys.exit(main(sys.argv[1:]))\n"
    files = {"__main__.py": start, f"{PACKAGE}/__init__.py": ""}
    waiting, seen = [f"{above}.{entry}"], {f"{above}.{entry}"}
    while waiting:
        name = waiting.pop()
        text, package = source_of(name), is_package(name)
        path = name[len(above) + 1 :].replace(".", "/")
        files[f"{PACKAGE}/{path}/__init__.py" if package else f"{PACKAGE}/{path}.py"] = text
        for found in _imported(name, text, package=package):
            for one in (found.rpartition(".")[0], found):
                if one.startswith(f"{above}.") and one not in seen:
                    seen.add(one)
                    waiting.append(one)
    return dict(sorted(files.items()))


def directory_for(name: str, files: Mapping[str, str], library: str = LIBRARY) -> str:
    """Where the files of a program are installed."""
    digest = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()[:16]
    return f"{library}/{name}-{digest}"


def installed_directories(name: str, library: str = LIBRARY) -> list[str]:
    """The directories of all versions of a program that are there."""
    pattern = re.compile(re.escape(name) + r"-[0-9a-f]{16}")
    try:
        return [f"{library}/{one}" for one in sorted(os.listdir(library)) if pattern.fullmatch(one)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def interpreter(directory: str, *, libraries: bool) -> list[str]:
    """The words that start a version, without PYTHON* variables and without a trace: by the Python that ran the
    module, and with the ``libraries`` that it has, or with none but its own.
    """
    if libraries:  # in an environment, only its own name for it finds them
        return [os.path.abspath(sys.executable), "-I", "-B", directory]
    return [os.path.realpath(sys.executable), "-I", "-S", "-B", directory]


def launcher(mark: str, command: Sequence[str]) -> str:
    """The text of the program in the search path that starts a version."""
    return f'#!/bin/sh\n{mark}\nexec {" ".join(command)} "$@"\n'


def _imported(name: str, text: str, *, package: bool) -> Iterator[str]:
    """The modules that a module names after ``from``, by their full names."""
    for dots, module, several, one in IMPORT.findall(text):
        levels = len(dots) - (1 if package else 0)
        base = name.rsplit(".", levels)[0] if levels else name
        source = f"{base}.{module}" if module else base
        if not is_package(source):
            yield source
            continue
        for part in (several or one).split(","):
            imported = part.split("#")[0].split(" as ")[0].strip()
            if imported:
                yield f"{source}.{imported}"
