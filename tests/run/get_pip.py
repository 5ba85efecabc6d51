# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Stand in for the pip bootstrap script that ansible-test would download.

It installs the pip that ansible-test asks for, with the one that Python itself brings.
"""

from __future__ import annotations

import ensurepip
import subprocess
import sys
import sysconfig
from pathlib import Path

# Debian keeps the wheels that ensurepip needs in a directory of their own.
PLACES = (
    Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/nonexistent"),
    Path(ensurepip.__file__).parent / "_bundled",
)

# Arguments of the original that pip itself does not know.
arguments = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]

wheel = next(wheel for place in PLACES for wheel in place.glob("pip-*.whl"))
install = [sys.executable, str(wheel / "pip"), "install", "--force-reinstall", "--no-compile"]
sys.exit(subprocess.run([*install, *arguments], check=False).returncode)
