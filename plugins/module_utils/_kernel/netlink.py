# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The rtnetlink socket: requests, acknowledgements and complete dumps.

Sending and receiving is our own, because a decision to delete rests on it: the
library hides the flag of an interrupted dump when it stands on the closing DONE
only, and decoding with it costs several times as much (docs/decisions.md).
"""

from __future__ import annotations

import errno
import functools
import socket
import struct
import sys
import time
from typing import Callable, TypeVar

from .errors import KernelError, UnstableRead

NETLINK_ROUTE = 0
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP = 1
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NETLINK_GET_STRICT_CHK = 12

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP = 0x300
NLM_F_DUMP_INTR = 0x10
NLM_F_ACK_TLVS = 0x200
NLMSGERR_ATTR_MSG = 1

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h
SO_NETNS_COOKIE = 71
RECEIVE_SIZE = 1 << 17
ANSWER_SECONDS = 20
STABLE_TRIES = 30
STABLE_SECONDS = 2.0

Attributes = dict[int, bytes]
Decoded = TypeVar("Decoded")


def attributes(data: bytes, offset: int = 0) -> Attributes:
    """The attributes of a message or of a nested attribute, by type (last one wins).

    The two high bits of the type (nested, byte order) are dropped; the layout is
    that of ``struct nlattr`` in the kernel's ``include/uapi/linux/netlink.h``.
    """
    found: Attributes = {}
    end = len(data)
    unpack = ATTRIBUTE.unpack_from
    while offset + 4 <= end:
        length, kind = unpack(data, offset)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def nested_list(data: bytes) -> list[tuple[int, bytes]]:
    """The attributes in order, also when one type occurs several times."""
    found = []
    offset = 0
    while offset + 4 <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            break
        found.append((kind & 0x3FFF, data[offset + 4 : offset + length]))
        offset += (length + 3) & ~3
    return found


def pack_attribute(kind: int, value: bytes) -> bytes:
    """One attribute as ``struct nlattr``, padded to four bytes."""
    return ATTRIBUTE.pack(4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


class NetlinkSocket:
    """One netlink socket, of rtnetlink unless another protocol is asked for; it stays bound to the namespace
    in which it was opened.
    """

    def __init__(self, protocol: int = NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        try:
            for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK):
                self._socket.setsockopt(SOL_NETLINK, option, 1)
            patience = struct.pack("@ll", ANSWER_SECONDS, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        except OSError:
            self._socket.close()
            raise
        self._sequence = 0
        self.patience = STABLE_SECONDS
        """Seconds for which a table is read again that changes meanwhile."""

    def close(self) -> None:
        """Close the socket; it no longer pins its namespace."""
        self._socket.close()

    def namespace_cookie(self) -> int:
        """The number of the socket's namespace, given once in a boot; 0 before Linux 5.14."""
        try:
            raw = self._socket.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
        except OSError:
            return 0
        return int.from_bytes(raw, sys.byteorder)

    def change(self, request: tuple[int, int, bytes]) -> None:
        """Send one changing request and wait for its acknowledgement.

        ``request`` is (message type, flags, payload). Raises KernelError.
        """
        kind, flags, payload = request
        self._send(kind, flags | NLM_F_ACK, payload)
        self._receive(until=NLMSG_ERROR)

    def get(self, kind: int, payload: bytes) -> bytes:
        """The payload of the one answer to a query. Raises KernelError."""
        self._send(kind, 0, payload)
        answers, _interrupted = self._receive(until=None)
        return answers[0]

    def dump(self, kind: int, payload: bytes) -> list[bytes]:
        """All objects of one table, from one dump that was not interrupted.

        Tried again while the kernel flags an interruption, on a message or only
        on the closing DONE. Raises UnstableRead after ``patience`` or thirty
        tries, KernelError when the kernel refuses.
        """
        deadline = time.monotonic() + self.patience
        for _attempt in range(STABLE_TRIES):
            self._send(kind, NLM_F_DUMP, payload)
            objects, interrupted = self._receive()
            if not interrupted:
                return objects
            if time.monotonic() > deadline:
                break
        raise UnstableRead("the kernel's table kept changing while it was read")

    def dump_twice(self, kind: int, payload: bytes) -> list[bytes]:
        """All objects of a table whose dumps lose or repeat objects without a flag.

        That is so for IPv6 routes: read until two dumps in a row hold the same
        set, and each object once. Raises UnstableRead.
        """
        deadline = time.monotonic() + self.patience
        previous: list[bytes] | None = None
        for _attempt in range(STABLE_TRIES):
            current = list(dict.fromkeys(self.dump(kind, payload)))
            if previous is not None and set(previous) == set(current):
                return current
            previous = current
            if time.monotonic() > deadline:
                break
        raise UnstableRead("the kernel's IPv6 routes kept changing while they were read")

    def _send(self, kind: int, flags: int, payload: bytes) -> None:
        self._sequence += 1
        header = HEADER.pack(HEADER.size + len(payload), kind, flags | NLM_F_REQUEST, self._sequence, 0)
        self._socket.send(header + payload)

    def _receive(self, until: int | None = NLMSG_DONE) -> tuple[list[bytes], bool]:
        """The answers to the last request, and whether their dump was interrupted.

        Ends with a message of type ``until``, or with the first answer for None.
        """
        answers: list[bytes] = []
        interrupted = False
        while True:
            data, sender = self._receive_datagram()
            if sender != 0:  # only the kernel, port 0, is believed
                continue
            offset = 0
            while offset + HEADER.size <= len(data):
                length, kind, flags, sequence, _port = HEADER.unpack_from(data, offset)
                if length < HEADER.size or offset + length > len(data):
                    raise KernelError(errno.EBADMSG, "reading an answer", "it was cut off")
                payload = data[offset + HEADER.size : offset + length]
                offset += (length + 3) & ~3
                if sequence != self._sequence:
                    continue
                interrupted = interrupted or bool(flags & NLM_F_DUMP_INTR)
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    raise_if_refused(payload, flags)
                else:
                    answers.append(payload)
                if kind == until or (until is None and answers):
                    return answers, interrupted

    def _receive_datagram(self) -> tuple[bytes, int]:
        try:
            data, _ancillary, flags, address = self._socket.recvmsg(RECEIVE_SIZE)
        except BlockingIOError:
            raise TimeoutError("the kernel did not answer a netlink request") from None
        if flags & socket.MSG_TRUNC:
            raise KernelError(errno.EMSGSIZE, "reading an answer", "it was larger than the buffer")
        return data, address[0]


def decoder(decode: Callable[[bytes], Decoded]) -> Callable[[bytes], Decoded]:
    """Make a decoder raise KernelError (EBADMSG) for a message it cannot make sense of."""

    @functools.wraps(decode)
    def guarded(payload: bytes) -> Decoded:
        try:
            return decode(payload)
        except (struct.error, ValueError, IndexError) as error:
            raise KernelError(errno.EBADMSG, "reading an answer", str(error)) from None

    return guarded


def raise_if_refused(payload: bytes, flags: int) -> None:
    """Raise KernelError when an error or DONE message carries a negative errno."""
    if len(payload) < 4:
        return
    (code,) = struct.unpack_from("=i", payload)
    if code >= 0:
        return
    text = ""
    if flags & NLM_F_ACK_TLVS:
        # NETLINK_CAP_ACK leaves only the header of our request in the answer
        message = attributes(payload, 4 + HEADER.size).get(NLMSGERR_ATTR_MSG)
        if message is None:
            message = attributes(payload, 4).get(NLMSGERR_ATTR_MSG)
        if message:
            text = message.rstrip(b"\0").decode("utf-8", "backslashreplace")
    raise KernelError(-code, "", text)


def text_of(value: bytes | None) -> str:
    """A kernel string as text; bytes that are not UTF-8 are shown escaped."""
    return value.rstrip(b"\0").decode("utf-8", "backslashreplace") if value else ""


def number_of(value: bytes | None, default: int = 0) -> int:
    """A little 8, 16 or 32 bit number in host byte order."""
    if not value:
        return default
    return int.from_bytes(value, sys.byteorder)
