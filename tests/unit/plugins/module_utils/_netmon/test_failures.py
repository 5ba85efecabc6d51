# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""What failed is tried again later and later, and holds up nothing else."""

from __future__ import annotations

from ansible_collections.sandbox.network.plugins.module_utils._netmon.failures import LAST_BACK_OFF, NEVER, Failures
from ansible_collections.sandbox.network.plugins.module_utils._netmon.steps import Step

ONE, TWO = Step("add-iface", {"Name": "one"}, 1), Step("add-iface", {"Name": "two"}, 2)
OTHER = Step("add-iface", {"Name": "one", "Mtu": 9}, 1)
ROUTES = Step("update-routes", [])


def test_later_and_later() -> None:
    failures, now, waits = Failures(0), 100.0, []
    for _number in range(14):
        failures.failed(ONE, now)
        step, when = failures.choose([ONE], now)
        assert step is None
        waits.append(round(when - now, 3))
        now = when
        assert failures.choose([ONE], now) == (ONE, now)
    assert waits[:4] == [0.05, 0.1, 0.2, 0.4]
    assert waits[-1] == LAST_BACK_OFF


def test_others_go_on() -> None:
    failures = Failures(0)
    failures.failed(ONE, 0.0)
    assert failures.choose([ONE, TWO, ROUTES], 0.01)[0] == TWO
    failures.failed(TWO, 0.01)
    assert failures.choose([ONE, TWO, ROUTES], 0.02)[0] == ROUTES
    failures.failed(ROUTES, 0.02)
    assert failures.choose([ONE, TWO, ROUTES], 0.03) == (None, 0.05)


def test_something_else_is_wanted() -> None:
    failures = Failures(0)
    for _number in range(5):
        failures.failed(ONE, 0.0)
    assert failures.choose([OTHER], 0.0)[0] == OTHER
    failures.failed(OTHER, 0.0)
    assert failures.choose([OTHER], 0.0) == (None, 0.05)  # that one begins anew
    assert failures.choose([], 0.0) == (None, NEVER)
    assert not failures


def test_success_ends_it() -> None:
    failures = Failures(0)
    failures.failed(ONE, 0.0)
    failures.succeeded(ONE)
    assert not failures


def test_retries() -> None:
    failures = Failures(2)
    for tries in (1, 2, 3):
        failures.failed(ONE, 0.0)
        assert (failures.choose([ONE], 60.0)[0] is None) == (tries > 2)
    assert failures.choose([ONE], 1e9) == (None, NEVER)
    assert failures  # it is still a problem
    assert failures.choose([OTHER], 1e9)[0] == OTHER
