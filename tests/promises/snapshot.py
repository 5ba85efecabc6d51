# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Everything that matters on a host, as one comparable value.

Read with ip, tc, bridge and nft and from /proc, never with the collection's own code.
What the kernel changes by itself is left out: counters, timers, indexes, learned entries,
and the link-local addresses that it derives from MAC addresses.
"""

from __future__ import annotations

import ctypes
import hashlib
import ipaddress
import json
import os
import re
import shutil
import stat
import subprocess
import threading
import time
import typing as t

Snapshot = dict[str, t.Any]

CLONE_NEWNET = 0x40000000
INSTALLED = ("/usr/local/sbin", "/usr/local/lib", "/var/lib")  # where the collection installs programs, and keeps files
OURS = ("/dev/sandbox-network", "/usr/local/sbin", "/usr/local/lib/sandbox-network", "/var/lib/sandbox-network")
PRIVATE = "/run/box"  # where the harness keeps its own files

VOLATILE = re.compile(
    r"""^(ifindex|link_index|link_netnsid|iflink|stats.*|operstate|expires|age|used|refcnt|prefsrc_age
    |.*_timer|bridge_id|root_.*|designated_.*|topology_change.*|port_id|port_no|no|hold_timer
    |valid_life_time|preferred_life_time|tentative|dadfailed|cacheinfo|gso_.*|gro_.*|tso_.*|handle|fdb_n_learned
    |config_pending|topology_change_ack|queued.*|bytes|packets|drops|overlimits|requeues|backlog|qlen
    |rate_est|hw|qdisc|cstats|in_hw_count|direct_packets_stat)$""",
    re.VERBOSE,
)
# What processes of the collection write about themselves: who they are, and what they have seen.
OF_A_PROCESS = re.compile(r"/sandbox-network/helpers/[^/]+/(log|helper\.log|helper\.pid|helper\.json|process\.json)$")
# What a monitor says of itself, and keeps for whoever starts after it: now and then, and of its own accord.
OF_A_MONITOR = re.compile(r"/netmon/(status\.json|metrics\.prom|sbs/[^/]+/told\.jsonl)(\.new.*)?$")
# Files about user-mode networks. The order of keys is of no matter, and namespaces have other numbers on each host.
ABOUT_A_NETWORK = re.compile(r"/sandbox-network/(helpers/[^/]+/spec|records/slirp/[^/]+)\.json$")
# Of an interface that a plugin made the end outside has another name and address each time.
ABOUT_AN_ATTACHMENT = re.compile(r"/cni-cache/results/")
OF_A_PLUGIN = re.compile(r"veth[0-9a-f]{8}")
LAST_CHOSEN = "last_reserved_ip."  # where host-local goes on
OF_THIS_HOST = ("checksum", "boot_id", "identity", "fingerprint")

# What follows from the carrier and from address detection comes and goes by itself.
VOLATILE_FLAGS = {
    "LOWER_UP",
    "NO-CARRIER",
    "RUNNING",
    "DORMANT",
    "M-DOWN",
    "linkdown",
    "dead",
    "tentative",
    "offload",
}

# lo gets these, and a queue, when it is first up, and does not lose them again.
LOOPBACK = {"127.0.0.1", "127.0.0.0/8", "127.255.255.255", "::1"}

SYSCTLS = (
    "ipv4/ip_forward", "ipv4/ip_local_port_range", "ipv4/ping_group_range",
    "ipv4/ip_unprivileged_port_start", "ipv4/ip_nonlocal_bind", "ipv4/tcp_syncookies",
    "ipv4/ip_default_ttl", "ipv6/bindv6only", "ipv6/ip_nonlocal_bind", "core/somaxconn",
)  # fmt: skip
SYSCTLS_OF_A_LINK = {
    "ipv4": ("forwarding", "rp_filter", "arp_notify", "arp_ignore", "arp_announce", "proxy_arp",
             "route_localnet", "accept_redirects", "send_redirects", "accept_source_route", "accept_local"),
    "ipv6": ("forwarding", "accept_ra", "autoconf", "disable_ipv6", "accept_dad", "dad_transmits",
             "addr_gen_mode", "keep_addr_on_down", "use_tempaddr", "proxy_ndp", "accept_redirects"),
}  # fmt: skip


def take(directories: t.Sequence[str] = ("/run",), tries: int = 20) -> Snapshot:
    """Read until two readings are equal."""
    before = read(directories)
    for _try in range(tries):
        after = read(directories)
        if after == before:
            return after
        before = after
    raise RuntimeError("the host does not come to rest")


def unlike(expected: Snapshot, directories: t.Sequence[str] = ("/run",)) -> list[str]:
    """How the host differs from a snapshot. A host that is as expected is read once only."""
    if read(directories) == expected:
        return []
    return difference(expected, take(directories))


def read(directories: t.Sequence[str] = ("/run",)) -> Snapshot:
    """Read once."""
    namespaces = {"host": None}
    mounts: dict[str, int] = {}
    for kind, place in mounted():
        mounts[place] = mounts.get(place, 0) + 1
        if kind == "nsfs":
            namespaces[place] = place
    for name in os.listdir(PRIVATE) if os.path.isdir(PRIVATE) else []:
        if name.endswith(".pid"):
            with open(os.path.join(PRIVATE, name), encoding="ascii") as file:
                namespaces[name] = f"/proc/{file.read().strip()}/ns/net"
    return {
        "namespaces": {name: inside(path, read_namespace) for name, path in namespaces.items()},
        # A directory of namespaces is mounted once, at first use, and stays.
        "mounts": {place: n for place, n in mounts.items() if not (place.endswith("netns") and n == 1)},
        "files": {path: kind for top in (*directories, *OURS) for path, kind in files(top)},
        "processes": sorted(processes()),
    }


def mounted() -> t.Iterator[tuple[str, str]]:
    """The mounts below /run and /etc, with the type of their file system."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            left, right = line.rstrip("\n").split(" - ", 1)
            place = left.split()[4].encode().decode("unicode_escape")
            if place.startswith(("/run/", "/etc/")) or right.startswith("nsfs"):
                yield right.split()[0], place


def processes() -> t.Iterator[str]:
    """The command lines of this process namespace, but for its first process and for those that
    have ended.
    """
    for entry in os.listdir("/proc"):
        if entry.isdigit() and entry not in ("1", str(os.getpid())):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    line = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            if line:
                yield line


def files(top: str) -> t.Iterator[tuple[str, str]]:
    """Every file below a directory: its type, and for a plain file mode and content."""
    for directory, _names, names in os.walk(top):
        if directory.startswith(PRIVATE + "/work"):
            continue
        for name in names:
            path = os.path.join(directory, name)
            if name.endswith(".previous") and name[: -len(".previous")] in names:
                continue  # the former generation of a state file that is there
            if OF_A_MONITOR.search(path):
                continue
            if (
                name == "lock"
                or name.startswith(LAST_CHOSEN)
                or (directory == PRIVATE and name.endswith((".pid", ".map")))
            ):
                continue
            try:
                status = os.lstat(path)
                if os.path.ismount(path) or status.st_dev != os.lstat(directory).st_dev:
                    kind = "namespace"
                elif stat.S_ISREG(status.st_mode):
                    kind = f"file {stat.S_IMODE(status.st_mode):o} {content_of(path)}"
                elif stat.S_ISLNK(status.st_mode):
                    kind = f"link {os.readlink(path)}"
                else:
                    kind = f"type {stat.S_IFMT(status.st_mode):o}"
            except FileNotFoundError:
                continue
            yield path, kind


def content_of(path: str) -> str:
    """A hash of what a file says."""
    if OF_A_PROCESS.search(path):
        return "of a process"
    with open(path, "rb") as file:
        content = file.read()
    if ABOUT_AN_ATTACHMENT.search(path):
        found = json.loads(content)
        interfaces = found["result"]["interfaces"]
        found["result"]["interfaces"] = [one for one in interfaces if not OF_A_PLUGIN.fullmatch(one["name"])]
        content = json.dumps(found, sort_keys=True).encode()
    if ABOUT_A_NETWORK.search(path):
        content = json.dumps(elsewhere(json.loads(content)), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def elsewhere(value: t.Any) -> t.Any:
    """Without what would be different on another host."""
    if isinstance(value, dict):
        return {key: elsewhere(item) for key, item in value.items() if key not in OF_THIS_HOST}
    return [elsewhere(item) for item in value] if isinstance(value, list) else value


def inside(path: str | None, work: t.Callable[[], t.Any]) -> t.Any:
    """Call work in a network namespace, in a thread of its own."""
    if path is None:
        return work()
    outcome: list[t.Any] = []

    def enter() -> None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns", path)
            finally:
                os.close(fd)
            outcome.append(work())
        except OSError as error:
            outcome.append(str(error))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return outcome[0]


def read_namespace() -> dict[str, t.Any]:
    """The namespace of the calling thread."""
    links, addresses, routes, rules, neighbours, proxies = settled()
    (rules6,) = batch(["ip", "-6", "-d", "-j", "-batch", "-"], "rule show")  # the routes came with those of IPv4
    names = sorted(link["ifname"] for link in links)
    (qdiscs,) = batch(["tc", "-d", "-j", "-batch", "-"], "qdisc show")
    # Those without a number are the kernel's own: a link gets them when it is first up.
    qdiscs = [qdisc for qdisc in qdiscs if qdisc["handle"] != "0:"]
    interesting = sorted({qdisc["dev"] for qdisc in qdiscs})
    own = {kernel_link_local(link.get("address", "")) for link in links}
    own |= LOOPBACK
    bridged = [link for link in links if link.get("linkinfo", {}).get("info_slave_kind") == "bridge"]
    found = {
        "links": {link["ifname"]: clean(without_port_state(without_chosen_address(link))) for link in links},
        "addresses": {
            link["ifname"]: ordered(a for a in link.get("addr_info", []) if a.get("local") not in own)
            for link in addresses
            if link
        },
        "routes": ordered(r for r in routes if not kernel_route(r, own)),
        "rules": ordered(rules) + ordered(rules6),
        "neighbours": ordered(n for n in neighbours if "PERMANENT" in n.get("state", [])),
        "proxies": ordered(proxies),
        "qdiscs": ordered(qdiscs),
        "classes": {link: classes(link) for link in interesting},
        "filters": filters(interesting),
        "fdb": forwarding_entries() if bridged else [],
        "nft": nft(),
        "listeners": listeners(),
        "sysctls": sysctls(names),
    }
    chosen = [link.get("address", "") for link in links if OF_A_PLUGIN.fullmatch(link["ifname"])]
    return without_chosen_names(found, chosen) if chosen else found


def without_chosen_names(found: dict[str, t.Any], macs: list[str]) -> dict[str, t.Any]:
    """A namespace in which all links that plugins of CNI named at random are called alike."""
    text = OF_A_PLUGIN.sub("veth of a plugin", json.dumps(found))
    for mac in macs:
        text = text.replace(mac, "of a plugin")
    renamed: dict[str, t.Any] = json.loads(text)
    return renamed


def without_port_state(link: dict[str, t.Any]) -> dict[str, t.Any]:
    """Whether a port of a bridge forwards follows its carrier, some time later."""
    details = link.get("linkinfo", {})
    data = {key: value for key, value in details.get("info_slave_data", {}).items() if key != "state"}
    return {**link, "linkinfo": {**details, "info_slave_data": data}} if data else link


def without_chosen_address(link: dict[str, t.Any]) -> dict[str, t.Any]:
    """A tap that ends with its process has another address whenever it begins."""
    data = link.get("linkinfo", {}).get("info_data", {})
    return {**link, "address": "of a process"} if data.get("persist") is False else link


def settled() -> list[t.Any]:
    """Answers to the questions for ip, once the kernel has told of all carriers."""
    deadline = time.monotonic() + 5
    while True:
        answers = batch(
            ["ip", "-d", "-j", "-batch", "-"],
            "link show",
            "addr show",
            "route show table all",
            "rule show",
            "neigh show",
            "neigh show proxy",
        )
        if not any(map(unsettled, answers[0])) or time.monotonic() > deadline:
            return answers
        time.sleep(0.01)


def unsettled(link: dict[str, t.Any]) -> bool:
    """Has a carrier that the kernel has not told of yet, to the bridge of a port for example."""
    return link["operstate"] == "DOWN" and {"LOWER_UP", "NO-CARRIER"} <= set(link["flags"])


def batch(command: list[str], *lines: str) -> list[t.Any]:
    """One process, many questions: each answer is one JSON list."""
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    decoder = json.JSONDecoder()
    answers, rest = [], done.stdout.strip()
    while rest:
        answer, end = decoder.raw_decode(rest)
        answers.append([item for item in answer if item])
        rest = rest[end:].lstrip()
    if len(answers) != len(lines):
        raise RuntimeError(f"{command}: {len(answers)} answers to {len(lines)} questions: {done.stderr}")
    return answers


def classes(link: str) -> list[str]:
    """The classes of the qdiscs of a link."""
    done = subprocess.run(["tc", "class", "show", "dev", link], capture_output=True, text=True, check=False)
    return sorted(done.stdout.split("\n"))


def filters(links: list[str]) -> dict[str, list[str]]:
    """The filters of links, at the places where this kernel has them."""
    return {link: filters_of(link) for link in links}


def filters_of(link: str) -> list[str]:
    """The filters of one link. tc's JSON of u32 is not valid in all versions; the plain text is as good
    for a comparison."""
    places = ("ingress", "egress", "root", "parent 1:", "parent ffff:")
    questions = [f"filter show dev {link} {place}" for place in places]
    done = subprocess.run(
        ["tc", "-d", "-force", "-batch", "-"],
        input="\n".join(questions) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    changing = r"\b(index|ref|bind|installed|used|firstused|Sent|rule hit) \S+( sec)?"
    # the kernel counts the tables of u32 up, however many there are
    return re.sub(r"\b(fh|ht) 8[0-9a-f]{2}\b", r"\1", re.sub(changing, "", done.stdout)).split("\n")


def forwarding_entries() -> list[t.Any]:
    """Permanent unicast entries of bridges."""
    (entries,) = batch(["bridge", "-d", "-j", "-batch", "-"], "fdb show")
    return ordered(e for e in entries if e.get("state") == "permanent" and not e["mac"].startswith(("33:33", "01:")))


def nft() -> list[t.Any]:
    """The nftables rules, where nft is installed. Elements of sets have no order, and a table that was made
    again stands behind others."""
    if not NFT:
        return []
    done = subprocess.run([NFT, "-j", "list", "ruleset"], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout or '{"nftables": []}')["nftables"]
    cleaned = [clean(item) for item in found if "metainfo" not in item]
    for item in cleaned:
        for described in item.values():
            if "elem" in described:
                described["elem"] = ordered(described["elem"])
    return sorted(cleaned, key=table_of)


def table_of(item: dict[str, t.Any]) -> tuple[str, str]:
    """The table that an object of nftables is in."""
    (described,) = item.values()
    return described["family"], described.get("table") or described["name"]


NFT = shutil.which("nft")


def listeners() -> list[str]:
    """Local addresses of listening TCP and bound UDP sockets."""
    found = []
    for table in tables_in_use():
        rows = [line.split() for line in proc_net(table)[1:]]
        found += [f"{table} {row[1]}" for row in rows if row[3] == ("0A" if "tcp" in table else "07")]
    return sorted(found)


def tables_in_use() -> list[str]:
    """The tables that have a socket of this namespace: to find none in one, the kernel goes through
    those of all namespaces.
    """
    counts = [line.split() for line in [*proc_net("sockstat"), *proc_net("sockstat6")]]
    used = {words[0].rstrip(":").lower() for words in counts if words[1:2] == ["inuse"] and words[2] != "0"}
    return [table for table in ("tcp", "tcp6", "udp", "udp6") if table in used]


def proc_net(name: str) -> list[str]:
    """The lines of a file of /proc/net, as the calling thread sees it; none when it is missing."""
    try:
        with open(f"/proc/thread-self/net/{name}", encoding="ascii") as file:
            return file.readlines()
    except OSError:
        return []


def sysctls(links: list[str]) -> dict[str, dict[str, str]]:
    """Settings below /proc/sys/net, which shows the reading thread's namespace; by link."""
    found = {"": {name: setting(name) for name in SYSCTLS}}
    for link in ["all", "default", *links]:
        found[link] = {
            f"{family}/{key}": setting(f"{family}/conf/{link}/{key}")
            for family, keys in SYSCTLS_OF_A_LINK.items()
            for key in keys
        }
    return found


def setting(name: str) -> str:
    """One setting; "-" when there is none."""
    try:
        fd = os.open("/proc/sys/net/" + name, os.O_RDONLY)
    except OSError:
        return "-"
    try:
        return os.read(fd, 256).decode().strip()
    finally:
        os.close(fd)


def clean(value: t.Any) -> t.Any:
    """Without what changes by itself."""
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items() if not VOLATILE.match(key)}
    if isinstance(value, list):
        return [clean(item) for item in value if not (isinstance(item, str) and item in VOLATILE_FLAGS)]
    return value


def ordered(values: t.Iterable[t.Any]) -> list[t.Any]:
    """Cleaned, in a fixed order."""
    return sorted((clean(value) for value in values), key=lambda value: json.dumps(value, sort_keys=True))


def kernel_link_local(mac: str) -> str:
    """The link-local address that the kernel makes from a MAC address."""
    try:
        octets = [int(part, 16) for part in mac.split(":")]
    except ValueError:
        return ""
    if len(octets) != 6:
        return ""
    octets = [octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes(octets)))


def kernel_route(route: dict[str, t.Any], own: set[str]) -> bool:
    """Routes that follow from an address (once it is found to be unique) or from a link being up."""
    dst = route.get("dst", "")
    if route.get("protocol") != "kernel":
        return False
    return route.get("table") == "local" or dst in own or dst in ("ff00::/8", "fe80::/64", "fe80::")


def difference(before: t.Any, after: t.Any, place: str = "") -> list[str]:
    """Where two snapshots differ, one line each."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in sorted({*before, *after}, key=str)
            for line in difference(before.get(key, "(nothing)"), after.get(key, "(nothing)"), f"{place}/{key}")
        ]
    if isinstance(before, list) and isinstance(after, list):
        gone = [item for item in before if item not in after]
        new = [item for item in after if item not in before]
        if gone or new:
            return [f"{place}: - {short(item)}" for item in gone] + [f"{place}: + {short(item)}" for item in new]
    return [f"{place}: {short(before)} -> {short(after)}"]


def short(value: t.Any) -> str:
    """One line, not endless."""
    text = json.dumps(value, sort_keys=True)
    return text if len(text) < 300 else text[:300] + "..."


def part(snapshot: Snapshot, prefix: str) -> Snapshot:
    """What belongs to the namespaces and links whose names begin with a prefix."""

    def mine(name: str) -> bool:
        return os.path.basename(name).startswith(prefix)

    host = snapshot["namespaces"]["host"]
    return {
        "namespaces": {name: value for name, value in snapshot["namespaces"].items() if mine(name)},
        "links": {name: value for name, value in host["links"].items() if mine(name)},
        "addresses": {name: value for name, value in host["addresses"].items() if mine(name)},
        "routes": [route for route in host["routes"] if mine(route.get("dev", ""))],
        "neighbours": [n for n in host["neighbours"] if mine(n.get("dev", ""))],
        "qdiscs": [q for q in host["qdiscs"] if mine(q["dev"])],
        "rules": host["rules"],
        "nft": [item for item in host["nft"] if mine(table_of(item)[1])],
        "filters": {name: value for name, value in host["filters"].items() if mine(name)},
    }
