# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Port forwards of user-mode networks: what gets through, what is refused, and that it is all or none."""

from __future__ import annotations

import time
from typing import Any

import pytest
from box import Box, operations
from promises.runner import FAIL, Fault, Host, Lane
from test_slirp_network import (
    GONE,
    OTHERS,
    OUTSIDE,
    SANDBOX,
    SB,
    both,
    forwarded,
    helper,
    nobody_runs,
    running,
    supervisor,
    wait_until,
)
from traffic import ask, heard, listeners, serve, start_talking, stop_talking

LO = "ip -n sb link set lo up"
THREE = ["8080:80", "8081:81", "198.18.0.1:5300:5353/udp"]


def ids(result: dict[str, Any]) -> dict[int, int]:
    """The ids by the ports of the host."""
    return {one["host_port"]: one["id"] for one in result["forwards"]}


def sides(result: dict[str, Any]) -> set[str]:
    return {f"{one['proto']}/{one['host_addr']}/{one['host_port']}" for one in result["forwards"]}


# ---------------------------------------------------------------- what gets through


@both
def test_every_kind_of_forward(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX, LO)
    places = ["tcp/0.0.0.0/80", "udp/0.0.0.0/5353", "tcp/0.0.0.0/7070", "udp/0.0.0.0/7070"]
    places += [f"{proto}/0.0.0.0/{port}" for proto in ("tcp", "udp") for port in (9100, 9101, 9102)]
    serve(box, "inside", *places, netns="sb")
    box.done("slirp_network", {**SB, "backend": backend})
    forwards = [
        "8080:80",
        "198.18.0.1:8085:80",
        "0.0.0.0:8090:80",
        "198.18.0.1:5300:5353/udp",
        "198.18.0.1:7070/tcp,udp",
        "198.18.0.1:9000-9002:9100-9102/tcp,udp",
    ]
    result = box.change("slirp_portfwd", {**SB, "forwards": forwards})
    assert sorted(sides(result)) == listeners(box) and len(result["forwards"]) == 12
    outside = [f"tcp/198.18.0.1/{port}" for port in (8085, 8090, 7070, 9000, 9001, 9002)]
    outside += [f"udp/198.18.0.1/{port}" for port in (5300, 7070, 9000, 9001, 9002)]
    answers = ask(box, *outside, netns="out")
    assert answers == dict.fromkeys(outside, "inside 198.18.0.2 hello"), "whoever comes from elsewhere is seen"
    here = ["tcp/127.0.0.1/8080", "tcp/127.0.0.1/8090", *outside]
    assert sorted(heard(ask(box, *here), "inside")) == sorted(here)
    closed = ["tcp/198.18.0.1/8080", "tcp/198.18.0.1/80", "udp/198.18.0.1/8085", "tcp/198.18.0.1/9003"]
    assert heard(ask(box, *closed, netns="out", patience=1), "inside") == []


def test_ipv6(box: Box) -> None:
    box.sh(OUTSIDE, SANDBOX, LO)
    serve(box, "inside", "tcp/::/80", "udp/::/5353", netns="sb")
    box.done("slirp_network", {**SB, "backend": "pasta", "ipv6": True})
    forwards = ["[::1]:8080:80", "[2001:db8:1::1]:8081:80", "[::]:8082:80", "[2001:db8:1::1]:5300:5353/udp"]
    result = box.change("slirp_portfwd", {**SB, "forwards": forwards})
    assert "[::]:8082/tcp: open to everybody" in str(result["warnings"])
    assert sorted(sides(result)) == listeners(box)
    outside = ["tcp/2001:db8:1::1/8081", "tcp/2001:db8:1::1/8082", "udp/2001:db8:1::1/5300"]
    wait_until(lambda: len(heard(ask(box, *outside, netns="out", patience=1), "inside")) == 3)
    assert ask(box, *outside, netns="out") == dict.fromkeys(outside, "inside 2001:db8:1::2 hello")
    assert heard(ask(box, "tcp/::1/8080", "tcp/::1/8082"), "inside") == ["tcp/::1/8080", "tcp/::1/8082"]
    assert heard(ask(box, "tcp/2001:db8:1::1/8080", netns="out", patience=1), "inside") == []
    box.change("slirp_portfwd", {**SB, "forwards": ["[::1]:8080"], "state": "absent"})
    assert "tcp/::1/8080" not in listeners(box)


def test_the_address_that_is_told_is_the_one_that_is_reached(box: Box) -> None:
    """Some pastas lead what comes to the host's loopback to that of the sandbox."""
    box.sh(OUTSIDE, SANDBOX, LO)
    box.done("slirp_network", {**SB, "backend": "pasta", "dns": False})
    serve(box, "loopback", "tcp/127.0.0.1/80", netns="sb")
    serve(box, "guest", "tcp/10.0.2.100/80", netns="sb")
    result = box.change("slirp_portfwd", {**SB, "forwards": ["8080:80", "198.18.0.1:8081:80"]})
    told = [one["guest_addr"] for one in result["forwards"]]
    reached = ask(box, "tcp/127.0.0.1/8080", "tcp/198.18.0.1/8081")
    names = {"127.0.0.1": "loopback", "10.0.2.100": "guest"}
    assert [names[address] for address in told] == [answer.split()[0] for answer in reached.values()]


def test_a_conversation_goes_on(box: Box) -> None:
    box.sh(SANDBOX, LO)
    serve(box, "inside", "tcp/0.0.0.0/80", netns="sb")
    box.done("slirp_network", {**SB, "forwards": ["8080:80"]})
    start_talking(box, "tcp/127.0.0.1/8080")
    box.change("slirp_portfwd", {**SB, "forwards": ["8081:81", "9000-9019"]})
    box.change("slirp_portfwd", {**SB, "forwards": ["8081:82"]})
    box.change("slirp_network", {**SB, "forwards": ["8082:82"]})
    box.change("slirp_portfwd", {**SB, "forwards": ["9000-9019"], "state": "absent"})
    box.change("slirp_portfwd", {**SB, "forwards": ["8080:80"], "purge": True})
    assert stop_talking(box) > 10
    assert listeners(box) == ["tcp/127.0.0.1/8080"]


# ---------------------------------------------------------------- the set of forwards


def test_what_is_there_keeps_its_id(box: Box) -> None:
    box.sh(SANDBOX)
    box.done("slirp_network", SB)
    before = box.snapshot()
    first = box.change("slirp_portfwd", {**SB, "forwards": ["8080:80", "8081:81"]})
    assert ids(first) == {8080: 1, 8081: 2}
    second = box.change("slirp_portfwd", {**SB, "forwards": ["8082:82"]})
    assert ids(second) == {8080: 1, 8081: 2, 8082: 3}, "others stay without purge"
    third = box.change("slirp_portfwd", {**SB, "forwards": ["8081:9999"]})
    assert operations(third) == ["forward.remove", "forward.add", "record.put"]
    assert ids(third) == {8080: 1, 8081: 4, 8082: 3} and ("tcp", 8081, 9999) in forwarded(third)
    fourth = box.change("slirp_portfwd", {**SB, "forwards": ["8082:82", "8083:83"], "purge": True})
    assert ids(fourth) == {8082: 3, 8083: 5} and sorted(sides(fourth)) == listeners(box)
    box.nothing_to_do("slirp_portfwd", {**SB, "forwards": ["8083:83", "8082:82"], "purge": True})
    box.nothing_to_do("slirp_portfwd", {**SB, "forwards": [], "purge": False})
    fifth = box.change("slirp_portfwd", {**SB, "forwards": ["8082"], "state": "absent"})
    assert ids(fifth) == {8083: 5}, "for absent the side of the host is enough"
    box.nothing_to_do("slirp_portfwd", {**SB, "forwards": ["8082", "1234/udp"], "state": "absent"})
    last = box.change("slirp_portfwd", {**SB, "forwards": [], "purge": True})
    assert last["forwards"] == [] and listeners(box) == []
    assert [line for line in box.unlike(before) if "records/slirp" not in line] == []


def test_single_and_list_short_and_long(box: Box) -> None:
    box.sh(SANDBOX)
    box.done("slirp_network", SB)
    single = {"host_port": "8080", "guest_port": "80", "proto": "tcp,udp"}
    first = box.change("slirp_portfwd", {**SB, **single})
    assert forwarded(first) == [("tcp", 8080, 80), ("udp", 8080, 80)]
    for same in (
        {"forwards": ["8080:80/tcp,udp"]},
        {"forwards": ["127.0.0.1:8080:80/udp", "8080:80"]},
        {"forwards": [single]},
        {"forwards": [{"host_port": 8080, "guest_port": 80, "proto": "udp", "guest_addr": "10.0.2.100"}]},
        {"host_port": 8080, "guest_port": 80, "host_addr": "127.0.0.1"},
    ):
        box.nothing_to_do("slirp_portfwd", {**SB, **same})
    box.change("slirp_portfwd", {**SB, **single, "proto": "udp", "state": "absent"})
    assert listeners(box) == ["tcp/127.0.0.1/8080"]


@both
def test_a_forward_is_tightened(box: Box, backend: str) -> None:
    """What goes is in nobody's way."""
    box.sh(OUTSIDE, SANDBOX)
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["0.0.0.0:8080:80", "8081:81"]})
    box.change("slirp_portfwd", {**SB, "forwards": ["8080:80"], "purge": True})
    assert listeners(box) == ["tcp/127.0.0.1/8080"]
    box.change("slirp_network", {**SB, "backend": backend, "forwards": ["0.0.0.0:8080:80"], "purge": True})
    assert listeners(box) == ["tcp/0.0.0.0/8080"]
    box.refused("slirp_portfwd", {**SB, "forwards": ["8080:80"]}, "overlaps with 0.0.0.0:8080/tcp, which is there")


@both
def test_both_modules_know_of_each_other(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    before = box.snapshot()
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["8080:80"]})
    box.change("slirp_portfwd", {**SB, "forwards": ["8081:81"]})
    box.nothing_to_do("slirp_network", {**SB, "backend": backend})
    box.nothing_to_do("slirp_network", {**SB, "backend": backend, "forwards": ["8080:80"]})
    again = box.done("slirp_network", {**SB, "backend": backend, "state": "restarted"})["slirp"]
    assert forwarded(again) == [("tcp", 8080, 80), ("tcp", 8081, 81)] and len(listeners(box)) == 2
    box.change("slirp_network", {**SB, "backend": backend, "forwards": ["8082:82"], "purge": True})
    assert listeners(box) == ["tcp/127.0.0.1/8082"]
    box.change("slirp_portfwd", {**SB, "forwards": [], "purge": True})
    box.nothing_to_do("slirp_network", {**SB, "backend": backend})
    box.change("slirp_network", GONE)
    assert box.unlike(before) == []


def test_a_forward_that_somebody_removed_or_added(box: Box) -> None:
    box.sh(SANDBOX)
    socket = box.done("slirp_network", {**SB, "forwards": ["8080:80", "8081:81"]})["slirp"]["api_socket"]
    say(box, socket, '{"execute": "remove_hostfwd", "arguments": {"id": 1}}')
    new = '{"proto": "tcp", "host_addr": "127.0.0.1", "host_port": 8089, "guest_addr": "10.0.2.100", "guest_port": 89}'
    say(box, socket, f'{{"execute": "add_hostfwd", "arguments": {new}}}')
    result = box.change("slirp_network", SB)
    assert operations(result) == ["forward.add"], "what is missing comes back, and what is somebody's stays"
    assert listeners(box) == [f"tcp/127.0.0.1/{port}" for port in (8080, 8081, 8089)]
    told = box.done("slirp_portfwd", {**SB, "forwards": []})
    assert sides(told) == {f"tcp/127.0.0.1/{port}" for port in (8080, 8081, 8089)}
    box.change("slirp_portfwd", {**SB, "forwards": ["8080:80"], "purge": True})
    assert listeners(box) == ["tcp/127.0.0.1/8080"]


def say(box: Box, socket: str, request: str) -> None:
    script = (
        "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode());"
        " s.shutdown(1); assert b'return' in s.recv(4096)"
    )
    box.sh(f"python3 -I -S -c \"{script}\" {socket} '{request}'")


@both
def test_many(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    box.done("slirp_network", {**SB, "backend": backend})
    started = time.monotonic()
    result = box.change("slirp_portfwd", {**SB, "forwards": ["10000-10299:20000-20299"]})
    assert len(result["forwards"]) == len(listeners(box)) == 300
    box.change("slirp_portfwd", {**SB, "forwards": ["10000-10298"], "state": "absent"})
    assert listeners(box) == ["tcp/127.0.0.1/10299"] and time.monotonic() - started < 30


# ---------------------------------------------------------------- what is refused


BAD_FORWARDS: list[tuple[list[Any], tuple[str, ...]]] = [
    ([0], ("0", "between 1 and 65535")),
    (["0:80"], ("0", "between 1 and 65535")),
    (["8080:0"], ("0", "between 1 and 65535")),
    (["65536"], ("65536",)),
    (["70000:80"], ("70000", "between 1 and 65535")),
    (["83617:80"], ("83617", "between 1 and 65535")),
    (["8080:83617"], ("83617", "between 1 and 65535")),
    (["4294967376:80"], ("4294967376",)),
    ([-1], ("-1",)),
    (["-8080:80"], ("-8080",)),
    ([{"host_port": -8080}], ("-8080",)),
    ([{"host_port": 80.5}], ("80.5",)),
    ([{"host_port": True}], ("True",)),
    ([{"host_port": " 80"}], (" 80",)),
    ([{"host_port": "8\u0660"}], ("host_port",)),
    (["8010-8000"], ("8010-8000", "ends before it begins")),
    (["8000-8010:9010-9000"], ("9010-9000",)),
    (["8000-8010:9000-9005"], ("9000-9005", "range of 11 ports")),
    (["8000-8010:9000"], ("9000", "range of 11 ports")),
    (["65530-65540"], ("65530-65540",)),
    (["1-65535/tcp,udp"], ("are more than",)),
    (["8080:80", "8080:81"], ("127.0.0.1:8080/tcp", "given twice")),
    (["8080:80/tcp,tcp"], ("tcp", "given twice")),
    (["8000-8010", "8005:80"], ("127.0.0.1:8005/tcp", "given twice")),
    (["8080:80", "0.0.0.0:8080:80"], ("0.0.0.0:8080/tcp", "overlaps with 127.0.0.1:8080/tcp")),
    (["0.0.0.0:8080:80", "127.0.0.1:8080:80"], ("127.0.0.1:8080/tcp", "overlaps with 0.0.0.0:8080/tcp")),
    (["8080:80/sctp"], ("sctp", "tcp,udp")),
    (["8080:80/TCP"], ("TCP",)),
    (["8080:80/"], ("8080:80/",)),
    (["8080:80/tcp,"], ("tcp,",)),
    ([""], ("forwards[0]",)),
    ([None], ("forwards[0]",)),
    ([["8080:80"]], ("forwards[0]",)),
    (["http"], ("http",)),
    (["8080:80:80:80"], ("8080:80:80:80",)),
    (["localhost:8080:80"], ("localhost",)),
    (["127.0.0.1:8080:80 "], ("127.0.0.1:8080:80 ",)),
    (["127.0.0.256:8080:80"], ("127.0.0.256",)),
    (["127.1:8080:80"], ("127.1",)),
    (["[]:8080:80"], ("[]:8080:80",)),
    (["224.0.0.1:8080:80"], ("224.0.0.1", "multicast")),
    (["192.0.2.99:8080:80"], ("192.0.2.99:8080/tcp", "EADDRNOTAVAIL")),
    ([{"host_port": 8080, "guest_addr": "192.0.2.1"}], ("192.0.2.1",)),
    ([{"host_port": 8080, "guest_addr": "10.0.2.2"}], ("10.0.2.2",)),
    ([{"host_port": 8080, "guest_addr": "10.0.2.3"}], ("10.0.2.3",)),
    ([{"host_port": 8080, "guest_addr": "10.0.2.0"}], ("10.0.2.0",)),
    ([{"host_port": 8080, "guest_addr": "10.0.2.255"}], ("10.0.2.255",)),
    ([{"host_port": 8080, "guest_addr": "0.0.0.0"}], ("0.0.0.0",)),
    ([{"host_port": 8080, "port": 80}], ("port",)),
    ([{"hostport": 8080}], ("hostport",)),
    ([{"guest_port": 80}], ("forwards[0].host_port", "required")),
    (["[::1]:8080:80"], ("[::1]:8080/tcp", "IPv6")),
    (["[::]:8080:80"], ("[::]:8080/tcp", "IPv6")),
    (["[::ffff:127.0.0.1]:8080:80"], ("::ffff:127.0.0.1", "IPv4-mapped")),
    (["[::ffff:0:0]:8080:80"], ("::ffff:", "IPv4-mapped")),
    (["[fe80::1%lo]:8080:80"], ("fe80::1%lo",)),
]


@both
def test_bad_forwards(box: Box, backend: str) -> None:
    """In both modules, which leaves what is there as it is."""
    box.sh(OUTSIDE, SANDBOX)
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["7000:7000"]})
    before = box.snapshot()
    for forwards, words in BAD_FORWARDS:
        listed = {**SB, "forwards": ["7001", *forwards]}
        box.refused("slirp_portfwd", listed, *words_for(words, 1))
        box.refused("slirp_network", {**listed, "backend": backend}, *words_for(words, 1))
    assert listeners(box) == ["tcp/127.0.0.1/7000"] and box.unlike(before) == []


def words_for(words: tuple[str, ...], position: int) -> tuple[str, ...]:
    """Words of a message about an item at another position."""
    return tuple(word.replace("forwards[0]", f"forwards[{position}]") for word in words)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, ("forwards", "host_port")),
        ({"host_port": "8080", "forwards": ["8080"]}, ("forwards", "host_port")),
        ({"guest_port": "80", "forwards": ["8080"]}, ("guest_port", "80", "forwards")),
        ({"proto": "udp", "forwards": ["8080"]}, ("proto", "udp", "forwards")),
        ({"host_port": "70000"}, ("host_port", "70000")),
        ({"host_port": "8080", "proto": "icmp"}, ("proto", "icmp")),
        ({"host_port": "8080", "timeout": 0}, ("timeout", "0")),
        ({"host_port": "8080", "timeout": 601}, ("timeout", "601")),
        ({"host_port": "8080", "timeout": "nan"}, ("timeout", "nan")),
        ({"forwards": ["8080"], "purge": True, "state": "absent"}, ("purge",)),
        ({"host_port": "8080", "api_socket": "/run/some.sock"}, ("netns", "api_socket")),
        ({"host_port": "8080", "netns": None}, ("netns", "api_socket")),
        ({"host_port": "8080", "netns": "pid:1"}, ("netns", "Ansible itself")),
        ({"host_port": "8080", "netns": None, "api_socket": "some.sock"}, ("api_socket", "some.sock")),
        ({"host_port": "8080", "netns": None, "api_socket": "/" + "s" * 107}, ("api_socket", "107")),
        ({"host_port": "8080", "netns": None, "api_socket": "/run/none.sock"}, ("api_socket", "/run/none.sock")),
        ({"host_port": "8080", "netns": None, "api_socket": "/etc/passwd"}, ("api_socket", "/etc/passwd")),
    ],
)
def test_bad_input(box: Box, args: dict[str, Any], words: tuple[str, ...]) -> None:
    box.sh(SANDBOX)
    box.done("slirp_network", SB)
    before = box.snapshot()
    box.refused("slirp_portfwd", {name: value for name, value in {**SB, **args}.items() if value is not None}, *words)
    assert box.unlike(before) == []


@both
def test_a_busy_port_is_told_with_its_process(box: Box, backend: str) -> None:
    box.sh(OUTSIDE, SANDBOX, "ip netns add other")
    serve(box, "host", "tcp/127.0.0.1/8081", "udp/0.0.0.0/5353", "tcp/::/8083")
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["8080:80"]})
    before = box.snapshot()
    for forward in ("8081:80", "0.0.0.0:8081:80", "5353:5354/udp"):
        box.refused("slirp_portfwd", {**SB, "forwards": ["9000", forward]}, "EADDRINUSE", "python3", "process ")
    box.refused("slirp_portfwd", {**SB, "forwards": ["8083:80"]}, "127.0.0.1:8083/tcp", "EADDRINUSE", "python3")
    box.refused("slirp_network", {"netns": "other", "forwards": ["8080:80"]}, "EADDRINUSE", "process ")
    box.change("slirp_portfwd", {**SB, "forwards": ["8081:82/udp"] if backend == "slirp4netns" else ["8081:8082/udp"]})
    box.done("slirp_portfwd", {**SB, "forwards": ["8081/udp"], "state": "absent"})
    assert box.unlike(before) == []


def test_ports_of_connections_that_have_ended_are_free(box: Box) -> None:
    """TIME_WAIT is in nobody's way."""
    box.sh(SANDBOX)
    script = """
import socket
listener = socket.create_server(("127.0.0.1", 8080))
client = socket.create_connection(("127.0.0.1", 8080))
server = listener.accept()[0]
server.close(); client.close(); listener.close()
"""
    box.done("slirp_network", SB)
    box.sh(f"python3 -I -S - <<'END'\n{script}\nEND")
    assert "8080" in box.sh("ss -Htan state time-wait")
    box.change("slirp_portfwd", {**SB, "forwards": ["8080:80"]})


# ---------------------------------------------------------------- all or none


def api_calls(lane: Lane, prepare: tuple[str, ...], runs: list[tuple[str, dict[str, Any]]]) -> list[int]:
    """The numbers of the requests to a slirp4netns in the last of some runs."""
    with Host(lane, prepare) as twin:
        outcomes = [twin.run(module, args) for module, args in runs]
        assert not outcomes[-1].failed, str(outcomes[-1])
    return [call.number for call in outcomes[-1].calls if "hostfwd" in call.text]


CHANGE = {**SB, "forwards": ["8080:8888", "8090:90", "8091:91", "8092:92"], "purge": True}


@pytest.mark.parametrize("position", range(7))
def test_all_or_none(box: Box, lane: Lane, position: int) -> None:
    """Whichever request fails, the set is the one that was."""
    box.sh(OUTSIDE, SANDBOX, LO)
    serve(box, "inside", "tcp/0.0.0.0/80", "tcp/0.0.0.0/81", netns="sb")
    started = {**SB, "forwards": THREE}
    numbers = api_calls(lane, (OUTSIDE, SANDBOX), [("slirp_network", started), ("slirp_portfwd", CHANGE)])
    assert len(numbers) == 7, "three go and four come"
    former = box.done("slirp_network", started)["slirp"]["forwards"]
    outcome = box.host.run("slirp_portfwd", CHANGE, fault=Fault(FAIL, numbers[position], 0, 32))
    assert outcome.result.get("failed") and outcome.result["rolled_back"] is True, str(outcome)
    box.nothing_to_do("slirp_network", started)
    told = box.done("slirp_portfwd", {**SB, "forwards": []})["forwards"]
    without_ids = [{**one, "id": None} for one in told]
    assert without_ids == [{**one, "id": None} for one in former]
    assert listeners(box) == ["tcp/127.0.0.1/8080", "tcp/127.0.0.1/8081", "udp/198.18.0.1/5300"]
    assert len(heard(ask(box, "tcp/127.0.0.1/8080", "tcp/127.0.0.1/8081"), "inside")) == 2


def test_a_port_that_is_taken_meanwhile(box: Box, lane: Lane) -> None:
    """slirp4netns refuses it, and all that was done is undone."""
    box.sh(OUTSIDE, SANDBOX)
    started = {**SB, "forwards": THREE}
    numbers = api_calls(lane, (OUTSIDE, SANDBOX), [("slirp_network", started), ("slirp_portfwd", CHANGE)])
    box.done("slirp_network", started)
    box.host.run_until("slirp_portfwd", CHANGE, numbers[-2])
    serve(box, "host", "tcp/127.0.0.1/8092")
    outcome = box.host.let_go()
    assert outcome.result.get("failed") and outcome.result["rolled_back"] is True, str(outcome)
    assert "8092" in outcome.result["msg"], outcome.result["msg"]
    assert listeners(box) == [
        "tcp/127.0.0.1/8080", "tcp/127.0.0.1/8081", "tcp/127.0.0.1/8092", "udp/198.18.0.1/5300",
    ]  # fmt: skip
    box.nothing_to_do("slirp_network", started)


@pytest.mark.parametrize("which", [0, 3, 5])
def test_a_helper_that_dies_meanwhile(box: Box, lane: Lane, which: int) -> None:
    """The task fails, and the next one mends it."""
    box.sh(OUTSIDE, SANDBOX)
    started = {**SB, "forwards": THREE}
    numbers = api_calls(lane, (OUTSIDE, SANDBOX), [("slirp_network", started), ("slirp_portfwd", CHANGE)])
    box.done("slirp_network", started)
    box.host.run_until("slirp_portfwd", CHANGE, numbers[which])
    box.sh(f"kill -9 {helper(box, 'slirp4netns')}")
    wait_until(lambda: not any(running(box, "/supervisor.py ")))
    outcome = box.host.let_go()
    assert outcome.result.get("failed") and not outcome.traceback, str(outcome)
    result = box.done("slirp_network", started)["slirp"]
    assert sides(result) == {"tcp/127.0.0.1/8080", "tcp/127.0.0.1/8081", "udp/198.18.0.1/5300"}
    assert sorted(sides(result)) == listeners(box)
    box.nothing_to_do("slirp_network", started)


# ---------------------------------------------------------------- networks that are not there, or not ours


def test_without_a_network(box: Box) -> None:
    box.sh(SANDBOX, OTHERS)
    before = box.snapshot()
    for netns in ("sb", "nowhere"):
        outcome = box.run("slirp_portfwd", {"netns": netns, "host_port": "8080"})
        assert outcome.result.get("failed") and "no user-mode network" in outcome.result["msg"], str(outcome)
        foretold = box.done("slirp_portfwd", {"netns": netns, "host_port": "8080"}, check=True)
        assert foretold["changed"] and foretold["forwards"][0]["guest_addr"] == "10.0.2.100"
        box.nothing_to_do("slirp_portfwd", {"netns": netns, "host_port": "8080", "state": "absent"})
    assert box.unlike(before) == []


@both
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_dead_network(box: Box, backend: str, state: str) -> None:
    box.sh(OUTSIDE, SANDBOX)
    box.done("slirp_network", {**SB, "backend": backend, "forwards": ["8080:80"]})
    box.sh(f"kill -9 {helper(box, backend)}")
    wait_until(lambda: nobody_runs(box))
    box.refused("slirp_portfwd", {**SB, "host_port": "8081", "state": state}, "/run/netns/sb", "is dead")


def test_a_network_that_hangs(box: Box) -> None:
    box.sh(SANDBOX)
    box.done("slirp_network", {**SB, "forwards": ["8080:80"]})
    box.sh(f"kill -STOP {helper(box, 'slirp4netns')}")
    started = time.monotonic()
    outcome = box.run("slirp_portfwd", {**SB, "host_port": "8081", "timeout": 0.5})
    assert outcome.result.get("failed") and "did not answer within" in outcome.result["msg"], str(outcome)
    assert time.monotonic() - started < 3, "the timeout is the user's"
    box.sh(f"kill -CONT {helper(box, 'slirp4netns')}")
    box.change("slirp_portfwd", {**SB, "host_port": "8081"})


BY_HAND = """
unshare -m slirp4netns --configure --api-socket=/run/hand.sock %s --netns-type=path /run/netns/sb tap0 \\
  </dev/null >/dev/null 2>&1 &
until [ -S /run/hand.sock ]; do sleep 0.01; done
"""


@pytest.mark.parametrize("cidr", ["", "--cidr=10.9.8.0/24", "--cidr 10.9.8.0/24"])
def test_a_slirp4netns_that_somebody_else_started(box: Box, cidr: str) -> None:
    box.sh(OUTSIDE, SANDBOX, LO, BY_HAND % cidr)
    serve(box, "inside", "tcp/0.0.0.0/80", netns="sb")
    box.host.run("slirp_portfwd", {"api_socket": "/run/hand.sock", "forwards": []})
    base = "10.9.8" if cidr else "10.0.2"
    before = box.snapshot()
    own = {"api_socket": "/run/hand.sock"}
    result = box.change("slirp_portfwd", {**own, "forwards": ["8080:80", "198.18.0.1:8081:80"]})
    assert {one["guest_addr"] for one in result["forwards"]} == {f"{base}.100"} and ids(result) == {8080: 1, 8081: 2}
    assert len(heard(ask(box, "tcp/127.0.0.1/8080", "tcp/198.18.0.1/8081"), "inside")) == 2
    box.refused("slirp_portfwd", {**own, "host_port": "9000", "guest_addr": f"{base}.2"}, f"{base}.2")
    box.refused("slirp_portfwd", {**own, "host_port": "9000", "guest_addr": "192.0.2.1"}, "192.0.2.1")
    box.refused("slirp_portfwd", {**own, "forwards": ["[::1]:9000:80"]}, "IPv6")
    box.refused("slirp_portfwd", {**own, "forwards": ["0.0.0.0:8080:80"]}, "overlaps with 127.0.0.1:8080/tcp")
    result = box.change("slirp_portfwd", {**own, "forwards": ["8080:81", "8082:82"]})
    assert ids(result) == {8080: 3, 8081: 2, 8082: 4}
    box.change("slirp_portfwd", {**own, "forwards": ["8082:82"], "state": "absent"})
    result = box.change("slirp_portfwd", {**own, "forwards": ["198.18.0.1:8081:80"], "purge": True})
    assert ids(result) == {8081: 2} and listeners(box) == ["tcp/198.18.0.1/8081"]
    box.change("slirp_portfwd", {**own, "forwards": [], "purge": True})
    assert box.unlike(before) == [] and box.state_files() == []


def test_a_slirp4netns_of_somebody_else_that_has_gone(box: Box) -> None:
    box.sh(SANDBOX, BY_HAND % "")
    box.sh(f"kill {running(box, 'slirp4netns ')[0]}")
    wait_until(lambda: "/run/hand.sock" not in box.sh("ss -xl"))
    own = {"api_socket": "/run/hand.sock", "host_port": "8080"}
    box.refused("slirp_portfwd", own, "api_socket", "/run/hand.sock", "ECONNREFUSED")
    box.nothing_to_do("slirp_portfwd", {**own, "state": "absent"})
    box.sh("rm /run/hand.sock")
    box.nothing_to_do("slirp_portfwd", {**own, "state": "absent"})


@pytest.mark.parametrize("reply", ["rubbish", "", "[]", '{"error": 7}', '{"error": {"desc": "no"}}', '{"return": 7}'])
def test_a_socket_of_something_else(box: Box, reply: str) -> None:
    server = f"""
import os, socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("/run/other.sock")
listener.listen()
if os.fork(): os._exit(0)
os.setsid()
for number in (0, 1, 2): os.dup2(os.open("/dev/null", 2), number)
while True:
    one = listener.accept()[0]
    one.recv(4096)
    one.sendall({reply!r}.encode())
    one.close()
"""
    box.sh(f"python3 -I -S - <<'END'\n{server}\nEND")
    before = box.snapshot()
    box.refused(
        "slirp_portfwd", {"api_socket": "/run/other.sock", "host_port": "8080"}, "api_socket", "/run/other.sock"
    )
    assert box.unlike(before) == []


def test_the_supervisor_stays_out_of_it(box: Box) -> None:
    """Forwards are no business of the process that looks after the helper: it may be stopped meanwhile."""
    box.sh(SANDBOX)
    box.done("slirp_network", SB)
    box.sh(f"kill -STOP {supervisor(box)}")
    box.change("slirp_portfwd", {**SB, "host_port": "8080"})
    box.sh(f"kill -CONT {supervisor(box)}")
    box.change("slirp_network", GONE)
    assert nobody_runs(box)
