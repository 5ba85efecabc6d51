# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The status as JSON and for Prometheus."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible_collections.sandbox.network.plugins.module_utils._netmon.status import METRICS, metrics_text, write_status

WEB1: dict[str, Any] = {"id": "web1", "state": "watched", "problem": None, **dict.fromkeys(METRICS, 3), "lag": 0.25}
STARTING = {**WEB1, "id": 'a"b\\c', "state": "starting"}


def test_metrics() -> None:
    lines = metrics_text([WEB1, STARTING], ["web9"]).splitlines()
    assert 'sandbox_netmon_watched{sandbox="web1"} 1' in lines
    assert 'sandbox_netmon_watched{sandbox="a\\"b\\\\c"} 0' in lines
    assert 'sandbox_netmon_watched{sandbox="web9"} 0' in lines
    assert 'sandbox_netmon_events_total{sandbox="web1"} 3' in lines
    assert 'sandbox_netmon_lag_seconds{sandbox="web1"} 0.25' in lines
    for name in {line.partition("{")[0] for line in lines if not line.startswith("#")}:
        assert sum(line.startswith(f"# TYPE {name} ") for line in lines) == 1


def test_files(tmp_path: Path) -> None:
    status, metrics = tmp_path / "new" / "status.json", tmp_path / "metrics.prom"
    write_status((str(status), str(metrics)), [WEB1], ["web9", "web2"])
    found = json.loads(status.read_text())
    assert found["sandboxes"] == [WEB1]
    assert found["gone"] == ["web2", "web9"]
    assert status.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["metrics.prom", "new"]
    write_status(("", ""), [WEB1], [])
    assert sorted(os.listdir(status.parent)) == ["status.json"]
