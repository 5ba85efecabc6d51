# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Operations on CNI attachments and on the address leases that host-local keeps for them.

How far an attachment has got is on disk before its first plugin runs: what was begun and not ended
is taken back by DEL, which may be repeated, and what was never begun is left alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..._kernel.errors import KernelError, NoSuchNamespace, NotANamespace
from ..._kernel.host import Host
from ..._kernel.stand_in import stand_in
from ..._programs.cni_chain import Chain
from ..._programs.cni_config import NetworkConfig
from ..._programs.cni_plugin import PluginError, wait_for_former
from ..._programs.cni_result import addresses_of
from ..._store.attachments import ADDING, ATTACHED, DELETING, Attachment, Attachments, Key
from ..._store.host_local import free_leases, put_leases_back
from ..operation import Operation
from ..state import State
from .contract import Args, Context, section

MASQUERADING = ("bridge", "ptp")
SETTLING = (0.0, 0.1)  # seconds between questions to plugins whose work may take effect a little later


class CniAdd:
    """Attach ``interface`` in the namespace ``sandbox``, which ``identity`` is the fingerprint of, to the
    network of ``config``. With ``keep``, the addresses that it is to have again.
    """

    def apply(self, args: Args, context: Context) -> None:
        store, key = Attachments(args["cache_dir"]), key_of(args)
        if not is_still(args["sandbox"], args["identity"], context.host):
            raise NoSuchNamespace(f"the namespace {args['sandbox']} has ended, or another one has its name")
        former = store.read(key)
        if former is not None and former.phase == ATTACHED:
            return
        if former is not None:
            _delete(former, args, context.host, store)
        attachment = Attachment(
            key,
            args["sandbox"],
            args["config"],
            tuple((name, value) for name, value in args["args"]),
            args["capabilities"],
            phase=ADDING,
            fingerprint=tuple(args["identity"]),
        )
        store.put(attachment)
        chain = chain_of(attachment, args, args["sandbox"], store.running(key))
        try:
            result = chain.add(args["keep"])
        except PluginError:
            if not args["keep"]:
                raise
            chain.delete(None)  # somebody else may have the addresses by now
            result = chain.add({})
        store.put(replace(attachment, phase=ATTACHED, result=result, expected=_expected(chain, result)))

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("cni.delete", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.attachments[key_of(args)] = Attachment(
            key_of(args),
            args["sandbox"],
            args["config"],
            tuple((name, value) for name, value in args["args"]),
            args["capabilities"],
        )
        state.unwell.pop(key_of(args), None)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "attachments").setdefault(called(args), None)
        section(after, "attachments")[called(args)] = _shown(args)


class CniDelete:
    """Detach an interface. The arguments are those that attach it again, and ``problem``, what is wrong with it.

    What runs is what is on disk: the configuration that it was attached with.
    """

    def apply(self, args: Args, context: Context) -> None:
        store = Attachments(args["cache_dir"])
        former = store.read(key_of(args))
        if former is not None:
            _delete(former, args, context.host, store)
        else:
            store.tidy()

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("cni.add", {name: value for name, value in args.items() if name != "problem"})]

    def foretell(self, args: Args, state: State) -> None:
        state.attachments[key_of(args)] = None
        state.unwell.pop(key_of(args), None)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        problem = {"problem": args["problem"]} if args.get("problem") else {}
        section(before, "attachments")[called(args)] = {**_shown(args), **problem}
        section(after, "attachments")[called(args)] = None


class LeasesFree:
    """Free the ``leases`` of a ``directory`` of host-local, by address: those that still say the same."""

    def apply(self, args: Args, context: Context) -> None:
        free_leases(args["directory"], args["leases"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("leases.restore", args)]

    def foretell(self, args: Args, state: State) -> None:
        for address in args["leases"]:
            state.host_local.get(args["directory"], {}).pop(address, None)

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "leases")[args["directory"]] = sorted(args["leases"])
        section(after, "leases")[args["directory"]] = []


class LeasesRestore:
    """The opposite."""

    def apply(self, args: Args, context: Context) -> None:
        put_leases_back(args["directory"], args["leases"])

    def inverse(self, args: Args) -> Sequence[Operation]:
        return [Operation("leases.free", args)]

    def foretell(self, args: Args, state: State) -> None:
        state.host_local.setdefault(args["directory"], {}).update(args["leases"])

    def show(self, args: Args, before: dict[str, Any], after: dict[str, Any]) -> None:
        section(before, "leases")[args["directory"]] = []
        section(after, "leases")[args["directory"]] = sorted(args["leases"])


def key_of(args: Args) -> Key:
    """Which attachment an operation is about."""
    return Key(args["network"], args["container_id"], args["interface"])


def called(args: Args) -> str:
    """How an attachment is called in diffs and messages."""
    where = f" in {args['sandbox']}" if args["sandbox"] else ""
    return f"{args['interface']} of {args['container_id']}{where} at {args['network']}"


def _delete(attachment: Attachment, args: Args, host: Host, store: Attachments) -> None:
    """Raises ProgramError, StoreError. What is on disk goes last."""
    running = store.running(attachment.key)
    wait_for_former(running, args["timeout"])
    store.put(replace(attachment, phase=DELETING))
    with _place_of(attachment, host) as netns:
        chain_of(attachment, args, netns, running).delete(attachment.result)
    store.forget(attachment.key)


@contextlib.contextmanager
def _place_of(attachment: Attachment, host: Host) -> Iterator[str]:
    """The namespace of an attachment for DEL; empty when it has ended, or of another boot. Plugins that
    masquerade remove only the rules of addresses that they find inside, so these get a stand-in.
    """
    this_boot = attachment.this_boot or not attachment.ours
    if this_boot and is_still(attachment.netns, attachment.fingerprint, host):
        yield attachment.netns
        return
    with contextlib.ExitStack() as stack:
        netns, first = "", attachment.config["plugins"][0] if "plugins" in attachment.config else attachment.config
        addresses = addresses_of(attachment.result or {}, attachment.key.interface)
        if this_boot and addresses and first["type"] in MASQUERADING and first.get("ipMasq"):
            with contextlib.suppress(KernelError, OSError, ValueError):  # what remains then is two rules
                netns = stack.enter_context(stand_in(attachment.key.interface, addresses))
        yield netns


def chain_of(attachment: Attachment, args: Args, netns: str, running: str = "") -> Chain:
    """The plugins of an attachment; ``args`` says where they are (``plugin_dirs``) and how long each call
    may take (``timeout``).
    """
    return Chain(
        NetworkConfig.from_dict(attachment.config),
        attachment.key.container,
        netns,
        attachment.key.interface,
        tuple(args["plugin_dirs"]),
        args["timeout"],
        running,
        attachment.args,
        attachment.capabilities,
    )


def is_still(path: str, fingerprint: Sequence[int] | None, host: Host) -> bool:
    """Whether a path names the namespace that it named then, or any where that is not known."""
    if not path:
        return False
    try:
        found = host.at(path).fingerprint
    except (NoSuchNamespace, NotANamespace):
        return False
    return fingerprint is None or found == tuple(fingerprint)


def _expected(chain: Chain, result: Mapping[str, Any]) -> dict[str, str]:
    """What plugins find wrong with what they have just done: some releases cannot check all that they do.

    When they say something else later, something has changed.
    """
    found: dict[str, str] = {}
    for pause in SETTLING:
        time.sleep(pause)
        found = chain.check(result)
        if not found:
            break
    return found


def _shown(args: Args) -> dict[str, Any]:
    told = {name: args[name] for name in ("capabilities",) if args[name]}
    arguments = {"args": [f"{name}={value}" for name, value in args["args"]]} if args["args"] else {}
    plugins = [plugin["type"] for plugin in args["config"]["plugins"]]
    return {"plugins": plugins, **arguments, **told}
