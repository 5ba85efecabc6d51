# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Traffic control of links: qdiscs, their classes and filters, each as the kernel tells it.

Options are kept as the kernel's own bytes, less counters and states: what it tells, it
takes again. That holds for the kinds of REPEATABLE only (it was tried). Numbers are those of
``rtnetlink.h``, ``pkt_sched.h``, ``pkt_cls.h`` in ``include/uapi/linux``.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .netlink import NetlinkSocket, attributes, decoder, nested_list, pack_attribute, text_of

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS = 40, 41, 42
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400

HEADER = struct.Struct("=BxxxiIII")  # struct tcmsg: family, index, handle, parent, info
TCA_KIND = 1
TCA_OPTIONS = 2
TCA_INGRESS_BLOCK, TCA_EGRESS_BLOCK = 13, 14
TCA_CHAIN = 11

TC_H_ROOT = 0xFFFFFFFF
TC_H_INGRESS = 0xFFFFFFF1
INGRESS_HANDLE = 0xFFFF0000
CLSACT_SIDES = (0xFFFFFFF2, 0xFFFFFFF3)  # ingress, egress

CLASSFUL = ("htb",)
REPEATABLE = ("ingress", "clsact", "htb", "tbf", "bfifo", "pfifo", "fq_codel", "fq", "prio", "sfq")
"""Kinds of qdisc that are as before when the kernel is given what it told."""
REPEATABLE_FILTERS = ("u32",)
REPEATABLE_ACTIONS = ("mirred", "gact")
TCA_HTB_PARMS, TCA_HTB_INIT, TCA_HTB_RATE64, TCA_HTB_CEIL64 = 1, 2, 6, 7
HTB_VERSION, HTB_QUANTUM_DIVISOR = 3, 10
RATE = struct.Struct("=BBHhHI")  # tc_ratespec: cell size, link layer, overhead, alignment, smallest, rate
LINKLAYER_ETHERNET = 1
BURSTS_A_SECOND = 100  # as often as a slow clock lets the next burst go
NANOSECONDS_OF_A_TICK = 64  # of the packet scheduler
CODEL_TIMES = (1, 3, 7)  # TCA_FQ_CODEL_TARGET, TCA_FQ_CODEL_INTERVAL, TCA_FQ_CODEL_CE_THRESHOLD
TCA_U32_SEL, TCA_U32_ACT, TCA_U32_PCNT, TCA_U32_FLAGS = 5, 7, 9, 11
U32_ROOT_TABLE = 0x80000000
U32_NODE = 0xFFF
TCA_ACT_KIND, TCA_ACT_OPTIONS, TCA_ACT_COOKIE = 1, 2, 6
ACTION_TIMES, ACTION_PARAMETERS = 1, 2  # the same number for both kinds of action
GENERIC_ACTION = struct.Struct("=IIiii")  # tc_gen: index, capabilities, action, references, bindings
SELECTOR = struct.Struct("=BBBxHHhhI")  # tc_u32_sel: flags, shift of offset, number of keys, ...
KEY = struct.Struct("=IIii")  # tc_u32_key: mask, value, offset, mask of offset
U32_TERMINAL = 1
TC_ACT_STOLEN = 4
TCA_EGRESS_REDIR = 1
ETH_P_ALL = 3
REDIRECTION_PRIORITY = 65000  # after all filters that somebody else has there
COOKIE = b"sandbox.network "
SKIPPED_SOMEWHERE = 0x3  # TCA_CLS_FLAGS_SKIP_HW, TCA_CLS_FLAGS_SKIP_SW: what a filter is given

Request = tuple[int, int, bytes]


@dataclass(frozen=True)
class Control:
    """A qdisc, a class or a filter: where it is, its kind, and its options as raw bytes.

    ``info`` is of filters: priority and protocol.
    """

    ifindex: int
    kind: str
    handle: int
    parent: int
    info: int = 0
    options: bytes = b""
    shared: bool = False
    """Whether it shares its filters with other links, or has chains of them."""


@dataclass(frozen=True)
class Qdisc:
    """A qdisc that somebody made, with what is in it."""

    control: Control
    classes: tuple[Control, ...] = ()
    filters: tuple[Control, ...] = ()

    @property
    def repeatable(self) -> bool:
        """Whether it could be made again as it is."""
        return (
            self.control.kind in REPEATABLE
            and not self.control.shared
            and all(_is_repeatable_filter(one) for one in self.filters)
        )


def read_qdiscs(netlink: NetlinkSocket) -> dict[int, list[Qdisc]]:
    """The qdiscs that somebody made, outer ones first, by the index of their link.

    One that the kernel chose by itself has no handle.
    """
    found: dict[int, list[Qdisc]] = {}
    for payload in netlink.dump(RTM_GETQDISC, HEADER.pack(0, 0, 0, 0, 0)):
        control = decode_control(payload)
        if control.handle:
            found.setdefault(control.ifindex, []).append(_with_contents(control, netlink))
    return {ifindex: _outer_first(qdiscs) for ifindex, qdiscs in found.items()}


def read_filters(netlink: NetlinkSocket, ifindex: int, parent: int) -> list[Control]:
    """The filters at one place of a link, in the kernel's order."""
    payloads = netlink.dump(RTM_GETTFILTER, HEADER.pack(0, ifindex, 0, parent, 0))
    found = [decode_control(payload) for payload in payloads]
    return [replace(one, parent=parent) for one in found if _is_a_filter(one)]


def make(number: int, control: Control) -> Request:
    """The request that makes a qdisc, a class or a filter: RTM_NEWQDISC, and so on."""
    kind = control.kind.encode() + b"\0"
    payload = HEADER.pack(0, control.ifindex, control.handle, control.parent, control.info)
    payload += pack_attribute(TCA_KIND, kind)
    if control.options:
        payload += pack_attribute(TCA_OPTIONS, control.options)
    return number, NLM_F_CREATE | NLM_F_EXCL, payload


def remove(number: int, control: Control) -> Request:
    """The request that takes one away: RTM_DELQDISC, and so on."""
    kind = pack_attribute(TCA_KIND, control.kind.encode() + b"\0")
    payload = HEADER.pack(0, control.ifindex, control.handle, control.parent, control.info)
    return number, 0, payload + kind


@decoder
def decode_control(payload: bytes) -> Control:
    """A Control from the payload of an RTM_NEWQDISC, RTM_NEWTCLASS or RTM_NEWTFILTER message."""
    _family, ifindex, handle, parent, info = HEADER.unpack_from(payload)
    found = attributes(payload, HEADER.size)
    return Control(
        ifindex=ifindex,
        kind=text_of(found.get(TCA_KIND)),
        handle=handle,
        parent=parent,
        info=info,
        options=_as_given(text_of(found.get(TCA_KIND)), found.get(TCA_OPTIONS, b"")),
        shared=any(found.get(one, b"").strip(b"\0") for one in (TCA_INGRESS_BLOCK, TCA_EGRESS_BLOCK, TCA_CHAIN)),
    )


def redirection(ifindex: int, parent: int, target: int) -> Control:
    """The filter that sends every packet which arrives at a link out of another one.

    u32 with a key that matches all (``tc ... u32 match u32 0 0 action mirred egress redirect``),
    as the kernels for small machines have no matchall. Its action bears our cookie.
    """
    selector = SELECTOR.pack(U32_TERMINAL, 0, 1, 0, 0, 0, 0, 0) + KEY.pack(0, 0, 0, 0)
    generic = GENERIC_ACTION.pack(0, 0, TC_ACT_STOLEN, 0, 0)
    mirred = pack_attribute(ACTION_PARAMETERS, generic + struct.pack("=iI", TCA_EGRESS_REDIR, target))
    action = pack_attribute(TCA_ACT_KIND, b"mirred\0") + pack_attribute(TCA_ACT_COOKIE, COOKIE)
    action += pack_attribute(TCA_ACT_OPTIONS, mirred)
    options = pack_attribute(TCA_U32_SEL, selector) + pack_attribute(TCA_U32_ACT, pack_attribute(1, action))
    return Control(ifindex, "u32", 0, parent, REDIRECTION_PRIORITY << 16 | socket.htons(ETH_P_ALL), options)


def limiter(ifindex: int, rate: int, mtu: int) -> Qdisc:
    """HTB with one class of a rate in bit/s, into which all goes: root 1:, class 1:1, in it class 1:2."""
    root = pack_attribute(TCA_HTB_INIT, struct.pack("=IIIII", HTB_VERSION, HTB_QUANTUM_DIVISOR, 2, 0, 0))
    octets = rate // 8
    burst = octets // BURSTS_A_SECOND + mtu
    ticks = burst * 1_000_000_000 // octets // NANOSECONDS_OF_A_TICK
    speed = RATE.pack(0, LINKLAYER_ETHERNET, 0, -1, 0, min(octets, (1 << 32) - 1))
    parameters = speed + speed + struct.pack("=IIIII", ticks, ticks, 0, 0, 0)
    details = pack_attribute(TCA_HTB_PARMS, parameters)
    if octets >= 1 << 32:
        wide = struct.pack("=Q", octets)
        details += pack_attribute(TCA_HTB_RATE64, wide) + pack_attribute(TCA_HTB_CEIL64, wide)
    return Qdisc(
        Control(ifindex, "htb", 0x10000, TC_H_ROOT, options=root),
        (
            Control(ifindex, "htb", 0x10001, 0x10000, options=details),
            Control(ifindex, "htb", 0x10002, 0x10001, options=details),
        ),
    )


def rate_of(qdisc: Qdisc) -> int | None:
    """The rate in bit/s of what ``limiter`` made; None for another qdisc."""
    inner = [one for one in qdisc.classes if one.handle == 0x10002]
    if qdisc.control.kind != "htb" or qdisc.control.handle != 0x10000 or len(qdisc.classes) != 2 or not inner:
        return None
    found = attributes(inner[0].options)
    if TCA_HTB_RATE64 in found:
        return int.from_bytes(found[TCA_HTB_RATE64], sys.byteorder) * 8
    return int(RATE.unpack_from(found[TCA_HTB_PARMS])[-1]) * 8


def is_redirection(control: Control) -> bool:
    """Whether a filter is one that ``redirection`` made."""
    if control.kind != "u32" or control.info >> 16 != REDIRECTION_PRIORITY:
        return False
    actions = attributes(attributes(control.options).get(TCA_U32_ACT, b"")).values()
    return any(attributes(one).get(TCA_ACT_COOKIE) == COOKIE for one in actions)


def redirects_to(control: Control) -> set[int]:
    """The indexes of the links that the actions of a filter send packets to."""
    found = set()
    for action in attributes(attributes(control.options).get(TCA_U32_ACT, b"")).values():
        parts = attributes(action)
        parameters = attributes(parts.get(TCA_ACT_OPTIONS, b"")).get(ACTION_PARAMETERS, b"")
        if text_of(parts.get(TCA_ACT_KIND)) == "mirred":
            found.add(struct.unpack_from("=iI", parameters, GENERIC_ACTION.size)[1])
    return found


def _with_contents(control: Control, netlink: NetlinkSocket) -> Qdisc:
    classes: list[Control] = []
    if control.kind in CLASSFUL:
        payloads = netlink.dump(RTM_GETTCLASS, HEADER.pack(0, control.ifindex, 0, 0, 0))
        classes = [one for one in map(decode_control, payloads) if one.handle >> 16 == control.handle >> 16]
    if control.kind == "clsact":
        places: tuple[int, ...] = CLSACT_SIDES
    else:
        places = (control.handle, *(one.handle for one in classes))
    filters = [one for place in places for one in read_filters(netlink, control.ifindex, place)]
    return Qdisc(control, tuple(_parents_first(classes)), tuple(filters))


def _is_a_filter(control: Control) -> bool:
    """Not the heading of a priority, nor the table that each u32 priority begins with."""
    if not control.handle:
        return False
    is_table = control.kind == "u32" and not control.handle & U32_NODE
    return not (is_table and control.handle & U32_ROOT_TABLE)


def _is_repeatable_filter(control: Control) -> bool:
    actions = attributes(attributes(control.options).get(TCA_U32_ACT, b"")).values()
    kinds = [text_of(attributes(one).get(TCA_ACT_KIND)) for one in actions]
    return control.kind in REPEATABLE_FILTERS and not control.shared and all(one in REPEATABLE_ACTIONS for one in kinds)


def _as_given(kind: str, options: bytes) -> bytes:
    """The options as somebody gave them: without what the kernel adds when it tells them."""
    if kind == "htb":
        found = nested_list(options)
        return b"".join(
            pack_attribute(number, _htb_init(value) if number == TCA_HTB_INIT else value) for number, value in found
        )
    if kind == "fq_codel":
        return b"".join(pack_attribute(number, _codel(number, value)) for number, value in nested_list(options))
    if kind == "u32":
        return b"".join(_u32(options))
    return options


def _codel(number: int, value: bytes) -> bytes:
    """Times are told in microseconds, rounded down from units of 1024 ns: one more gives the same again."""
    return struct.pack("=I", struct.unpack("=I", value)[0] + 1) if number in CODEL_TIMES else value


def _htb_init(value: bytes) -> bytes:
    """``struct tc_htb_glob``: told is the whole version, taken its first half; then counters."""
    version, quantum, default = struct.unpack_from("=III", value)
    return struct.pack("=III", version >> 16, quantum, default) + bytes(len(value) - 12)


def _u32(options: bytes) -> Iterator[bytes]:
    for number, value in nested_list(options):
        if number == TCA_U32_FLAGS:
            yield pack_attribute(number, struct.pack("=I", struct.unpack("=I", value)[0] & SKIPPED_SOMEWHERE))
        elif number == TCA_U32_ACT:
            actions = (pack_attribute(order, _action(action)) for order, action in nested_list(value))
            yield pack_attribute(number, b"".join(actions))
        elif number != TCA_U32_PCNT:
            yield pack_attribute(number, value)


def _action(raw: bytes) -> bytes:
    found = attributes(raw)
    kept = b"".join(pack_attribute(one, found[one]) for one in (TCA_ACT_KIND, TCA_ACT_COOKIE) if one in found)
    options = b""
    for number, value in nested_list(found.get(TCA_ACT_OPTIONS, b"")):
        if number == ACTION_PARAMETERS:  # an action of its own again, not one that shares its number
            _index, capabilities, verdict, _references, _bindings = GENERIC_ACTION.unpack_from(value)
            alone = GENERIC_ACTION.pack(0, capabilities, verdict, 0, 0)
            options += pack_attribute(number, alone + value[GENERIC_ACTION.size :])
        elif number != ACTION_TIMES:
            options += pack_attribute(number, value)
    return kept + pack_attribute(TCA_ACT_OPTIONS, options)


def _outer_first(qdiscs: list[Qdisc]) -> list[Qdisc]:
    return sorted(qdiscs, key=lambda one: one.control.parent not in (TC_H_ROOT, TC_H_INGRESS))


def _parents_first(classes: list[Control]) -> list[Control]:
    ordered: list[Control] = []
    waiting = list(classes)
    while waiting:
        handles = {one.handle for one in waiting}
        ready = [one for one in waiting if one.parent not in handles] or waiting
        ordered += ready
        waiting = [one for one in waiting if one not in ready]
    return ordered
