# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Planning one device: moved into a sandbox, kept there as wanted, or brought back."""

from __future__ import annotations

from collections.abc import Sequence

from .._engine.draft import Draft
from .._engine.errors import InvalidOption, TaskError
from .._engine.kinds.contract import place
from .._engine.operation import Operation
from .._engine.state import State
from .._kernel.links import Link
from .device_baggage import Place, baggage_of, elsewhere, renaming
from .device_options import WantedDevice, is_of_template
from .device_record import (
    Remembered,
    is_given_to_vm,
    moved_link,
    moved_on,
    of_the_same_name,
    order_of_return,
    origin_of,
    record_key,
    remember,
    remembered_in,
    remembered_of,
    returned_link,
)
from .device_refusals import name_in_target, refuse_clash, refuse_immovable, refuse_without_force
from .device_return import plan_return
from .device_settling import plan_settling


def plan_present(one: WantedDevice, draft: Draft) -> None:
    """Move a device, or mend what is not as wanted of one that was moved. Raises TaskError."""
    found = remembered_of(one, draft.state)
    if found is not None:
        key, record = found
        link = moved_link(record, draft.state)
        if link is not None:
            _plan_rename(one, key, record, link, draft)
            plan_settling(one, record, draft)
            return
        if returned_link(record, draft.state) is not None:
            plan_absent([one], draft)  # from the initial namespace to where it was, as it was
            _plan_move(one, draft, known=record)
            return
        if is_given_to_vm(record, draft.state):
            if record["fingerprint"] != list(draft.state.existing(one.netns).fingerprint):
                raise _given_to_vm(record)
            return
    _plan_move(one, draft)


def plan_absent(wanted: Sequence[WantedDevice], draft: Draft) -> dict[str, list[str]]:
    """Bring devices back to where they were, as they were; forget those that are gone. Raises TaskError.

    Returns, by the key of the record, what cannot be put back any more, and why.
    """
    found = [(one, key, record) for one in wanted for key, record in remembered_in(one, draft.state)]
    left_out: dict[str, list[str]] = {}
    for one, key, record in sorted(found, key=lambda entry: order_of_return(entry[2])):
        link = moved_link(record, draft.state)
        whereabouts = (record["netns"], link) if link is not None else returned_link(record, draft.state)
        if whereabouts is None:
            _refuse_moved_on(record, draft.state)
            if is_given_to_vm(record, draft.state):
                raise _given_to_vm(record)
        elif not _is_given_up(one, record, draft.state):
            left_out[key] = plan_return(record, whereabouts[0], whereabouts[1], draft)
        draft.add([Operation("record.drop", {"kind": "device", "name": key, "before": record})])
    return left_out


def find_device(one: WantedDevice, state: State) -> Link | None:
    """The device where it is to come from, by name or MAC. Raises InvalidOption for several."""
    namespace = state.existing(one.from_netns)
    if one.name is not None:
        return namespace.link(one.name)
    found = [link for link in namespace.links.values() if one.mac in (link.mac, link.permanent_mac)]
    # a bridge has the address of a port, a VLAN or a macvlan often that of its parent
    own = [
        link for link in found if link.kind != "bridge" and not (link.data.get("parent") or _stands_on_another(link))
    ]
    if len(own or found) > 1:
        names = ", ".join(link.name for link in own or found)
        raise InvalidOption("mac", one.mac, f"is that of several devices: {names}; give device")
    return next(iter(own or found), None)


def _stands_on_another(link: Link) -> bool:
    return bool(link.parent) and link.kind != "veth"


def _plan_move(one: WantedDevice, draft: Draft, known: Remembered | None = None) -> None:
    """``known`` is what was remembered of the device: a foretold state does not tell all of it."""
    state = draft.state
    link = find_device(one, state)
    if link is None:
        raise _missing(one, draft)
    origin, target = state.existing(one.from_netns), state.existing(one.netns)
    refuse_immovable(link, one.from_netns, origin)
    new_name = name_in_target(one, link, target)
    if not one.force:
        refuse_without_force(link, one.from_netns, state)
    if known is None:
        baggage = baggage_of(link, one.from_netns, origin)
    else:
        here = Place(one.from_netns, link.name, link.ifindex)
        baggage = [elsewhere(step, origin_of(known), here) for step in known["baggage"]]
    key = record_key(one.netns, one.from_netns, link.name)
    before = state.record("device", key)
    record = remember(one, link, new_name, baggage, state)
    moving = {
        **Place(one.from_netns, link.name, link.ifindex)._asdict(),
        "to": Place(one.netns, new_name, None)._asdict(),
        "restore": record["baggage"],
    }
    draft.add([Operation("link.move", moving)])
    plan_settling(one, record, draft)
    remembering = {"kind": "device", "name": key, "value": record, "before": before}
    draft.add([Operation("record.put", remembering)])


def _plan_rename(one: WantedDevice, key: str, record: Remembered, link: Link, draft: Draft) -> None:
    """The name that is wanted, where somebody renamed the device, or the option changed."""
    state = draft.state
    target = state.existing(one.netns)
    if one.template and is_of_template(record["name"], one.template):
        name = record["name"]
    elif one.template:
        name = name_in_target(one, link, target)
    else:
        name = one.new_name or record["origin"]["name"]
    if link.name != name:
        refuse_clash("new_name", name, link.altnames, one.netns, target, itself=link)
        former, renamed = Place(one.netns, link.name, link.ifindex), Place(one.netns, name, link.ifindex)
        draft.add(renaming(former, renamed, link, target))
    if record["name"] != name:
        value = {**record, "name": name}
        draft.add([Operation("record.put", {"kind": "device", "name": key, "value": value, "before": record})])


def _given_to_vm(record: Remembered) -> TaskError:
    where = place(record["netns"], record["name"])
    name = record["origin"]["name"]
    return TaskError(f"device: {name}, moved to {where}, was given to a VM; absent of vm_endpoint takes it back first")


def _refuse_moved_on(record: Remembered, state: State) -> None:
    further = moved_on(record, state)
    if further is not None:
        raise TaskError(
            f"device: {record['origin']['name']} was moved on from {record['netns']} to"
            f" {place(further['netns'], further['name'])}; bring it back from there first"
        )


def _is_given_up(one: WantedDevice, record: Remembered, state: State) -> bool:
    """Whether a device stays where it is, because there is no way back. Raises TaskError without force."""
    origin = record["origin"]
    namespace = state.at(origin["netns"])
    if namespace is not None and list(namespace.fingerprint) == origin["fingerprint"]:
        return False
    if one.force:
        return True
    if origin["netns"] is None:
        raise TaskError(
            f"device: {origin['name']} was moved out of another network namespace (inode {origin['fingerprint'][1]})"
            " than the one this task runs in; run it there, or forget where it came from with force: true"
        )
    raise TaskError(
        f"device: the namespace {origin['netns']}, which {origin['name']} came from, is gone;"
        " force: true leaves it where it is, and forgets where it came from"
    )


def _missing(one: WantedDevice, draft: Draft) -> TaskError:
    where = one.from_netns or "the namespace Ansible runs in"
    value, option = (one.name, "device") if one.name else (one.mac, "mac")
    hint = ""
    for record in of_the_same_name(one, draft.observed):
        if moved_link(record, draft.observed) is not None:
            hint = f"; it was moved to {place(record['netns'], record['name'])}: absent there brings it back"
    return InvalidOption(option, value, f"is no device in {where}{hint}")
