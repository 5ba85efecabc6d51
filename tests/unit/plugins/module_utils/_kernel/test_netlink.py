# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The rtnetlink socket against a kernel that interrupts, loses, repeats, mutters and lies."""

from __future__ import annotations

import contextlib
import itertools
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.sandbox.network.plugins.module_utils._kernel import netlink
from ansible_collections.sandbox.network.plugins.module_utils._kernel.errors import (
    KernelError,
    UnstableRead,
)
from ansible_collections.sandbox.network.plugins.module_utils._kernel.netlink import (
    HEADER,
    NLM_F_ACK_TLVS,
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    NetlinkSocket,
)

OBJECT = 24  # any type of message that is neither an error nor DONE
KERNEL, SOMEBODY = 0, 4711
INTERRUPTED = NLM_F_DUMP_INTR

Datagram = tuple[bytes, int]
Answers = Callable[[int], list[Datagram]]


def message(kind: int, sequence: int, payload: bytes = b"", flags: int = 0) -> bytes:
    return HEADER.pack(HEADER.size + len(payload), kind, flags, sequence, 0) + padded(payload)


def padded(payload: bytes) -> bytes:
    return payload + b"\0" * (-len(payload) % 4)


def done(sequence: int, flags: int = 0, code: int = 0) -> bytes:
    return message(NLMSG_DONE, sequence, struct.pack("=i", code), flags)


def refusal(sequence: int, errno: int, text: str = "") -> bytes:
    payload = struct.pack("=i", -errno) + HEADER.pack(0, 0, 0, 0, 0)
    flags = 0
    if text:
        encoded = text.encode() + b"\0"
        payload += struct.pack("=HH", 4 + len(encoded), 1) + padded(encoded)
        flags = NLM_F_ACK_TLVS
    return message(NLMSG_ERROR, sequence, payload, flags)


class FakeKernel:
    """A socket whose answers are computed from the number of the request (1, 2, ...)."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.queue: list[Datagram] = []
        self.flags = 0

    def setsockopt(self, *_arguments: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, data: bytes) -> int:
        self.requests.append(data)
        self.queue += self.answers(len(self.requests))
        return len(data)

    def recvmsg(self, _size: int) -> tuple[bytes, list[Any], int, tuple[int, int]]:
        if not self.queue:
            raise BlockingIOError
        data, sender = self.queue.pop(0)
        return data, [], self.flags, (sender, 0)


def connected(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> tuple[NetlinkSocket, FakeKernel]:
    kernel = FakeKernel(answers)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", lambda *_arguments: kernel)
        return NetlinkSocket(), kernel


def scripted(*dumps: Iterable[bytes]) -> Answers:
    """Each dump as the payloads of its objects."""

    def answers(number: int) -> list[Datagram]:
        objects = b"".join(message(OBJECT, number, one) for one in dumps[number - 1])
        return [(objects + done(number), KERNEL)]

    return answers


A, B, C = b"aaaa", b"bbbb", b"cccc"


def test_a_dump_in_many_datagrams(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(number: int) -> list[Datagram]:
        return [
            (message(OBJECT, number, A) + message(OBJECT, number, B), KERNEL),
            (message(OBJECT, number, C), KERNEL),
            (done(number), KERNEL),
        ]

    netlink_socket, _kernel = connected(answers, monkeypatch)
    assert netlink_socket.dump(18, b"") == [A, B, C]


@pytest.mark.parametrize("where", ["first message", "last message", "done"])
def test_an_interrupted_dump_is_read_again(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def answers(number: int) -> list[Datagram]:
        marked = number == 1
        flags = [INTERRUPTED if marked and where == place else 0 for place in ("first message", "last message", "done")]
        if not marked:
            return [(message(OBJECT, number, C) + done(number), KERNEL)]
        return [
            (message(OBJECT, number, A, flags[0]), KERNEL),
            (message(OBJECT, number, B, flags[1]), KERNEL),
            (done(number, flags[2]), KERNEL),
        ]

    netlink_socket, kernel = connected(answers, monkeypatch)
    assert netlink_socket.dump(18, b"") == [C]
    assert len(kernel.requests) == 2


@pytest.mark.parametrize("twice", [False, True])
def test_a_dump_that_is_always_interrupted_is_an_error(monkeypatch: pytest.MonkeyPatch, twice: bool) -> None:
    def answers(number: int) -> list[Datagram]:
        return [(message(OBJECT, number, A) + done(number, INTERRUPTED), KERNEL)]

    netlink_socket, kernel = connected(answers, monkeypatch)
    started = time.monotonic()
    with pytest.raises(UnstableRead, match="kept changing"):
        (netlink_socket.dump_twice if twice else netlink_socket.dump)(18, b"")
    assert time.monotonic() - started < netlink.STABLE_SECONDS + 0.5
    assert 2 <= len(kernel.requests) <= netlink.STABLE_TRIES


def test_a_slow_kernel_does_not_hold_us_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=0.5)
    monkeypatch.setattr(netlink.time, "monotonic", lambda: float(next(clock)))

    def answers(number: int) -> list[Datagram]:
        return [(done(number, INTERRUPTED), KERNEL)]

    netlink_socket, kernel = connected(answers, monkeypatch)
    with pytest.raises(UnstableRead):
        netlink_socket.dump(18, b"")
    assert len(kernel.requests) <= 6


@pytest.mark.parametrize(
    ("dumps", "expected", "asked"),
    [
        ([[A, B, C], [A, B, C]], [A, B, C], 2),
        ([[A, B, C], [A, C], [A, C], [A, B, C]], [A, C], 3),  # two that agree
        ([[A, C], [A, B, C], [A, B, C]], [A, B, C], 3),  # one was lost
        ([[A, B, B, C], [A, B, C, A]], [A, B, C], 2),  # repeated ones
        ([[A, B, C], [C, B, A]], [C, B, A], 2),  # the order does not matter
        ([[], [A], []], None, 3),
        ([[], []], [], 2),
    ],
)
def test_routes_are_read_until_two_dumps_agree(
    monkeypatch: pytest.MonkeyPatch,
    dumps: list[list[bytes]],
    expected: list[bytes] | None,
    asked: int,
) -> None:
    monkeypatch.setattr(netlink, "STABLE_TRIES", len(dumps))
    netlink_socket, kernel = connected(scripted(*dumps), monkeypatch)
    if expected is None:
        with pytest.raises(UnstableRead):
            netlink_socket.dump_twice(26, b"")
    else:
        assert netlink_socket.dump_twice(26, b"") == expected
    assert len(kernel.requests) == asked


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_lossy_kernel_never_gives_a_dump_that_it_did_not_give_twice(data: st.DataObject) -> None:
    everything = [bytes([number]) * 4 for number in range(6)]
    given_dumps: list[list[bytes]] = []

    def answers(number: int) -> list[Datagram]:
        dump = data.draw(st.lists(st.sampled_from(everything), min_size=4, max_size=8))
        given_dumps.append(dump)
        return [(b"".join(message(OBJECT, number, one) for one in dump) + done(number), KERNEL)]

    with pytest.MonkeyPatch.context() as monkeypatch:
        netlink_socket, _kernel = connected(answers, monkeypatch)
        try:
            read = netlink_socket.dump_twice(26, b"")
        except UnstableRead:
            assert all(set(one) != set(two) for one, two in zip(given_dumps, given_dumps[1:]))
        else:
            assert set(read) == set(given_dumps[-1]) == set(given_dumps[-2])
            assert len(read) == len(set(read))


def test_only_the_kernel_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(number: int) -> list[Datagram]:
        return [
            (message(OBJECT, number, b"lie!") + done(number), SOMEBODY),
            (refusal(number, 1), SOMEBODY),
            (message(OBJECT, number, A) + done(number), KERNEL),
        ]

    netlink_socket, _kernel = connected(answers, monkeypatch)
    assert netlink_socket.dump(18, b"") == [A]


def test_answers_to_former_requests_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(number: int) -> list[Datagram]:
        late = message(OBJECT, number - 1, B) + refusal(number - 1, 17) + done(number - 1)
        return [(late + message(OBJECT, number, A), KERNEL), (done(number), KERNEL)]

    netlink_socket, _kernel = connected(answers, monkeypatch)
    assert netlink_socket.dump(18, b"") == [A]


@pytest.mark.parametrize("text", ["", "mtu greater than device maximum", "müll"])
def test_a_refusal_carries_the_kernels_words(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    netlink_socket, _kernel = connected(lambda number: [(refusal(number, 22, text), KERNEL)], monkeypatch)
    for ask in (
        lambda: netlink_socket.change((16, 0, b"")),
        lambda: netlink_socket.get(18, b""),
        lambda: netlink_socket.dump(18, b""),
    ):
        with pytest.raises(KernelError) as error:
            ask()
        assert (error.value.errno, error.value.name, error.value.text) == (22, "EINVAL", text)


def test_a_refusal_on_done_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    netlink_socket, _kernel = connected(
        lambda number: [(message(OBJECT, number, A) + done(number, code=-12), KERNEL)], monkeypatch
    )
    with pytest.raises(KernelError, match="ENOMEM"):
        netlink_socket.dump(18, b"")


def test_after_a_refusal_the_socket_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(number: int) -> list[Datagram]:
        if number == 1:
            return [(refusal(number, 16) + message(OBJECT, number, B) + done(number), KERNEL)]
        return [(message(OBJECT, number, A) + done(number), KERNEL)]

    netlink_socket, _kernel = connected(answers, monkeypatch)
    with pytest.raises(KernelError):
        netlink_socket.dump(18, b"")
    assert netlink_socket.dump(18, b"") == [A]


def test_a_truncated_datagram_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    netlink_socket, kernel = connected(scripted([A]), monkeypatch)
    kernel.flags = socket.MSG_TRUNC
    with pytest.raises(KernelError, match="larger than the buffer"):
        netlink_socket.dump(18, b"")


def test_a_silent_kernel_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    netlink_socket, _kernel = connected(lambda _number: [], monkeypatch)
    with pytest.raises(TimeoutError):
        netlink_socket.dump(18, b"")


@pytest.mark.parametrize("length", range(16))
def test_a_message_shorter_than_its_header_does_not_hang_us(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    def answers(number: int) -> list[Datagram]:
        broken = HEADER.pack(length, OBJECT, 0, number + 1, 0)
        return [(broken + message(OBJECT, number, A) + done(number), KERNEL)]

    netlink_socket, _kernel = connected(answers, monkeypatch)
    with limited(), contextlib.suppress(KernelError, OSError):
        netlink_socket.dump(18, b"")


@settings(max_examples=500, deadline=None, phases=[Phase.generate], report_multiple_bugs=False)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from([0, 1, 2, 3, 4, 15, 16, 17, 127, 255])), max_size=4),
    st.integers(0, 400),
)
def test_mutated_datagrams_never_hang_nor_crash(changes: list[tuple[int, int]], length: int) -> None:
    def answers(number: int) -> list[Datagram]:
        whole = message(OBJECT, number, A) + refusal(number - 1, 1, "text")
        whole += message(OBJECT, number, b"") + done(number)
        return [(mutated(whole, changes, length), KERNEL)]

    with pytest.MonkeyPatch.context() as monkeypatch, limited():
        netlink_socket, _kernel = connected(answers, monkeypatch)
        with contextlib.suppress(KernelError, UnstableRead, TimeoutError):
            netlink_socket.dump(18, b"")


def mutated(whole: bytes, changes: list[tuple[int, int]], length: int) -> bytes:
    """Some bytes changed, and perhaps the end cut off."""
    changed = bytearray(whole)
    for place, value in changes:
        changed[place % len(changed)] = value
    return bytes(changed[:length])


class limited:  # noqa: N801
    """A block that must end at once: an endless loop becomes a failure, not a hang."""

    def __enter__(self) -> None:
        def expired(_number: int, _frame: Any) -> None:
            raise AssertionError("did not come to an end")

        self.former = signal.signal(signal.SIGALRM, expired)
        signal.setitimer(signal.ITIMER_REAL, 2)

    def __exit__(self, *_exception: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.former)


@given(st.binary(max_size=200), st.integers(0, 50))
def test_attributes_take_any_bytes(data: bytes, offset: int) -> None:
    assert all(isinstance(value, bytes) for value in netlink.attributes(data, offset).values())
    listed = netlink.nested_list(data)
    assert dict(listed) == netlink.attributes(data)


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40)), max_size=8))
def test_attributes_are_read_as_they_were_written(wanted: list[tuple[int, bytes]]) -> None:
    encoded = b"".join(struct.pack("=HH", 4 + len(value), kind) + padded(value) for kind, value in wanted)
    assert netlink.nested_list(encoded) == wanted
    assert netlink.attributes(encoded) == dict(wanted)


def test_bytes_that_are_no_text_are_shown_escaped() -> None:
    assert netlink.text_of(b"x\xff\0") == "x\\xff"
    assert netlink.text_of(None) == ""


def _of_this_machine() -> Iterator[NetlinkSocket]:
    netlink_socket = NetlinkSocket()
    yield netlink_socket
    netlink_socket.close()


real = pytest.fixture(_of_this_machine, name="real")


def test_the_real_kernel_answers(real: NetlinkSocket) -> None:
    assert real.dump(18, struct.pack("=BxHiII", 0, 0, 0, 0, 0))
    with pytest.raises(KernelError, match="ENODEV"):
        real.get(18, struct.pack("=BxHiII", 0, 0, 0x7FFFFFF0, 0, 0))
