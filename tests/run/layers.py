# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Check the layer contract: imports run downwards only, and each layer keeps to its business.

    modules -> _resources -> _engine -> _kernel, _programs, _store
    modules -> _services -> _resources, and all below
    _programs -> _netmon -> _kernel

Run from the checkout: prints what breaks the contract, and ends with 1 if anything does.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from paths import ROOT

# The line, and the full name of what is imported there.
Import = tuple[int, str]

PLUGINS = ROOT / "plugins"
OURS = "ansible_collections.sandbox.network.plugins."

# Which of the collection's packages each may import, besides itself.
MAY_IMPORT = {
    "modules": {"_services", "_resources", "_engine"},
    "_services": {"_resources", "_engine", "_kernel", "_programs", "_store", "_netmon"},
    "_resources": {"_engine", "_kernel", "_programs", "_store"},
    "_engine": {"_kernel", "_programs", "_store"},
    "_kernel": set(),
    "_programs": {"_netmon"},
    "_store": set(),
    "_netmon": {"_kernel"},
}

# The one layer that may import a library; pyroute2 has besides only one importer.
ONLY_IN = {"pyroute2": {"_kernel"}, "netaddr": {"_resources"}}

# What modules and resources leave to the layers below them.
LOW_LEVEL_IMPORTS = {"ctypes", "fcntl", "shutil", "socket", "subprocess"}
LOW_LEVEL_NAMES = {"check_mode", "_check_mode", "open", "run_command"}
HIGH_LAYERS = {"modules", "_resources"}


def main() -> int:
    """Check every Python file below plugins/modules and plugins/module_utils."""
    complaints = []
    netlink_users = []
    files = sorted([*PLUGINS.glob("modules/*.py"), *PLUGINS.glob("module_utils/**/*.py")])
    for path in files:
        name = path.relative_to(ROOT)
        tree = ast.parse(path.read_text(encoding="utf-8"), str(name))
        imports = list(find_imports(tree, _package(path)))
        complaints += [f"{name}:{line}: {text}" for line, text in check(_layer(path), imports, tree)]
        if any(_root(module) == "pyroute2" for line, module in imports):
            netlink_users.append(str(name))
    if len(netlink_users) > 1:
        complaints.append(f"pyroute2 must have one importer, and has: {' '.join(netlink_users)}")
    print("\n".join(complaints))
    print(f"{len(files)} files, {len(complaints)} complaints")
    return int(bool(complaints) or not files)


def check(layer: str, imports: list[Import], tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield what a file of a layer does that it must not, with the line."""
    if layer not in MAY_IMPORT:
        yield 1, f"there is no layer {layer}"
        return
    for line, module in imports:
        if module.startswith(OURS):
            yield from ((line, text) for text in _check_own(layer, module[len(OURS) :]))
        library = _root(module)
        if layer not in ONLY_IN.get(library, {layer}):
            yield line, f"{layer} must not import {library}"
        if layer in HIGH_LAYERS and library in LOW_LEVEL_IMPORTS:
            yield line, f"{layer} must leave {library} to the layers below"
    if layer in HIGH_LAYERS:
        for node in ast.walk(tree):
            if (isinstance(node, ast.Name) and node.id in LOW_LEVEL_NAMES) or (
                isinstance(node, ast.Attribute) and node.attr in LOW_LEVEL_NAMES
            ):
                yield node.lineno, f"{layer} must leave {ast.unparse(node)} to the layers below"


def _check_own(layer: str, module: str) -> Iterator[str]:
    """Yield what is wrong with the import of one of the collection's own files."""
    kind, *rest = module.split(".")
    target = rest[0] if rest else ""
    if kind != "module_utils":
        yield f"modules and module_utils import from module_utils only, not {kind}"
    elif target != layer and target not in MAY_IMPORT[layer]:
        yield f"{layer} must not import {target}"


def find_imports(tree: ast.Module, package: str) -> Iterator[Import]:
    """Yield every module that a file of a package imports, by its full name, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                above = package.split(".")[: -(node.level - 1) or None]
                source = ".".join([*above, *filter(None, [source])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def _package(path: Path) -> str:
    return ".".join([OURS.rstrip("."), *path.relative_to(PLUGINS).parent.parts])


def _layer(path: Path) -> str:
    parts = path.relative_to(PLUGINS).parts
    return parts[0] if parts[0] == "modules" else parts[1]


def _root(module: str) -> str:
    return module.split(".", 1)[0]


if __name__ == "__main__":
    sys.exit(main())
