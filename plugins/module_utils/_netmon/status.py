# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The status of all sandboxes, as JSON and as a text file for Prometheus' node exporter."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from typing import Any

METRICS = {
    "events": ("counter", "Events of the namespace"),
    "overflows": ("counter", "Times that events were lost"),
    "looks": ("counter", "Reads of the namespace"),
    "commands": ("counter", "Commands that were started"),
    "failures": ("counter", "Commands that failed"),
    "lag": ("gauge", "Seconds from the last change until the runtime knew it"),
}


def write_status(files: Sequence[str], sandboxes: Sequence[dict[str, Any]], gone: Sequence[str]) -> None:
    """Write both files, those that have a name. ``gone``: the sandboxes that are to be watched, and are not there.

    Raises OSError.
    """
    status, metrics = files
    if status:
        _write(
            status,
            json.dumps({"time": int(time.time()), "sandboxes": list(sandboxes), "gone": sorted(gone)}, indent=1) + "\n",
            0o640,
        )
    if metrics:
        _write(metrics, metrics_text(sandboxes, gone), 0o644)


def metrics_text(sandboxes: Sequence[dict[str, Any]], gone: Sequence[str]) -> str:
    """In the exposition format of Prometheus."""
    lines = ["# HELP sandbox_netmon_watched Whether the namespace is there", "# TYPE sandbox_netmon_watched gauge"]
    lines += [f"sandbox_netmon_watched{_label(one['id'])} {int(one['state'] == 'watched')}" for one in sandboxes]
    lines += [f"sandbox_netmon_watched{_label(name)} 0" for name in sorted(gone)]
    for name, (kind, text) in METRICS.items():
        metric = f"sandbox_netmon_{name}" + ("_total" if kind == "counter" else "_seconds")
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} {kind}"]
        lines += [f"{metric}{_label(one['id'])} {one[name]:g}" for one in sandboxes]
    return "\n".join(lines) + "\n"


def _label(sandbox: str) -> str:
    text = sandbox.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{{sandbox="{text}"}}'


def _write(path: str, text: str, mode: int) -> None:
    os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o755, exist_ok=True)
    temporary = f"{path}.new-{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(text)
    os.rename(temporary, path)
