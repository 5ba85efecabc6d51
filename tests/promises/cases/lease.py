# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""address_lease: addresses handed out and remembered."""

from __future__ import annotations

from promises.cases.case import Case

POOLS = ["10.80.0.0/24", "2001:db8:80::/64"]
GATEWAYS = ["10.80.0.1", "2001:db8:80::1"]

LEASE = [
    Case(
        "lease-one",
        "address_lease",
        present={"owner": "web1/eth0", "pools": POOLS, "exclude": GATEWAYS},
        update={
            "owner": "web1/eth0",
            "pools": POOLS[:1],
            "exclude": [*GATEWAYS, "10.80.0.2"],
            "addresses": ["10.81.0.7/24"],
        },
        absent={"owner": "web1/eth0"},
    ),
    Case(
        "lease-list",
        "address_lease",
        present={
            "leases": [
                {"owner": "web1", "pools": POOLS, "exclude": GATEWAYS},
                {"owner": "web10", "addresses": ["10.80.0.2/24"]},
                {"owner": "web 1 é", "pools": POOLS},
            ]
        },
        update={
            "leases": [
                {"owner": "web10", "state": "absent"},
                {"owner": "web1", "addresses": ["10.80.0.9/24"]},
                {"owner": "web 1 é", "pools": POOLS[1:]},
            ]
        },
        absent={"leases": [{"owner": "web10"}, {"owner": "web 1 é"}, {"owner": "web1"}]},
        foreign=False,
    ),
    Case(
        "lease-recurse",
        "address_lease",
        present={
            "leases": [
                {"owner": "web1", "pools": POOLS},
                {"owner": "web1/eth1", "addresses": ["10.81.0.7/24"]},
                {"owner": "web1/eth2", "addresses": ["10.82.0.7/24"]},
            ]
        },
        absent={"owner": "web1", "recurse": True},
        prepare=(("address_lease", {"owner": "web10/eth1", "addresses": ["10.81.0.8/24"]}),),
    ),
    Case(
        "lease-exhausted",
        "address_lease",
        present={"leases": [{"owner": name, "pools": ["10.80.0.0/30"]} for name in ("a", "b", "c")]},
        absent={"owner": "a"},
        refused="10.80.0.0/30",
    ),
]
