# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Stand in for the pip bootstrap script that ansible-test would download.

It installs the pip that ansible-test asks for: the first time with the one that Python itself
brings, later from a compiled copy of that, for ansible-test makes an environment for every check.
"""

from __future__ import annotations

import compileall
import ensurepip
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

# Debian keeps the wheels that ensurepip needs in a directory of their own.
PLACES = (
    Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/nonexistent"),
    Path(ensurepip.__file__).parent / "_bundled",
)

# Arguments of the original that pip itself does not know, and such as are no packages.
packages = [word for word in sys.argv[1:] if not word.startswith("--")]
options = [word for word in sys.argv[1:] if word.startswith("--") and word not in ("--no-setuptools", "--no-wheel")]

place = Path(sysconfig.get_path("purelib"))
kept = Path(__file__).parent / "-".join([f"python{sys.version_info[0]}.{sys.version_info[1]}", *packages])
if not kept.is_dir():
    wheel = next(wheel for place in PLACES for wheel in place.glob("pip-*.whl"))
    new = tempfile.mkdtemp(dir=kept.parent)
    install = [sys.executable, str(wheel / "pip"), "install", "--target", new, "--no-compile", *options, *packages]
    subprocess.run(install, check=True)
    shutil.rmtree(Path(new) / "bin", ignore_errors=True)
    compileall.compile_dir(new, quiet=1)
    os.rename(new, kept)
shutil.copytree(kept, place, dirs_exist_ok=True)
