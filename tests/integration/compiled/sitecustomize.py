# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Compile what is imported from an archive once, not in every process.

Ansible sends a module as an archive of sources, which Python compiles anew for each task: most of
what a task costs. With this directory in PYTHONPATH and KEEP_COMPILED naming another one, the
outcome is kept there, by name and content of the source. Every interpreter imports this file when it
starts, so it imports nothing that costs time.
"""

from __future__ import annotations

import _imp
import marshal
import os
import sys
import zipimport

KEEP = os.environ.get("KEEP_COMPILED", "")
VERSION = f"{sys.implementation.cache_tag}-{sys.hexversion:x}"
compile_source = getattr(zipimport, "_compile_source", None)


def compile_once(path, source):
    """The code of a source: what was kept, or what the original makes of it."""
    content = _imp.source_hash(sys.hexversion, source).hex()
    kept = os.path.join(KEEP, f"{VERSION}-{os.path.basename(path)}-{len(source)}-{content}")
    try:
        with open(kept, "rb") as file:
            code = marshal.load(file)
    except OSError:
        code = compile_source(path, source)
        keep(kept, code)
    else:
        _imp._fix_co_filename(code, path)
    return code


def keep(kept, code):
    """Write it down where one may; nobody sees half of it."""
    new = f"{kept}-{os.urandom(8).hex()}"
    try:
        with open(new, "wb") as file:
            marshal.dump(code, file)
        os.rename(new, kept)
    except OSError:
        pass


if KEEP and compile_source:
    zipimport._compile_source = compile_once
