# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The process that holds the namespaces of a sandbox of an unprivileged user: a shell that waits.

It is in a user, a network and a mount namespace of its own, and is told apart by its command line.
"""

from __future__ import annotations

import os
import re

from .finding import ENVIRONMENT

MARK = "rootless_netns"
RESOLV_CONF = "/etc/resolv.conf"

# $1 is the name, $2 the directory of the helper, $3 the text of its resolv.conf, if it has one.
# Where the host's is a link into /run, its directory is covered, not the file: whoever writes that
# replaces it, and what was mounted on a file goes with the file. A directory stays.
# Descriptor 4 is closed when the supervisor wants the end, or has ended itself.
# systemd would start it again after its end: another namespace, empty and without a network.
SCRIPT = """
umask 022
[ ! -e "$2/born" ] || { echo its namespace has ended >&2; exit 1; }
: >"$2/born"
ip link set lo up
if [ $# -gt 2 ]; then
    target=$(readlink -f /etc/resolv.conf)
    case $target in
    /run/*/*) own=$2/resolv; mkdir "$own"; file=$own/${target##*/}; target=${target%/*} ;;
    *) own=$2/resolv.conf; file=$own ;;
    esac
    printf %s "$3" >"$file"
    mount --bind "$own" "$target"
fi
printf 1 >&3
exec 3>&-
read -r _ <&4
"""


def holder_command(unshare: str, name: str, directory: str, resolv_conf: str | None) -> list[str]:
    """The words by which a holder is started, in the environment below."""
    # slave: what is unmounted on the host goes here, too, and is not kept alive
    namespaces = ("--user", "--map-root-user", "--net", "--mount", "--propagation", "slave")
    shell = ("/bin/sh", "-ec", 'eval "$HOLDER"', MARK, name, directory)
    return [unshare, *namespaces, "--", *shell, *([] if resolv_conf is None else [resolv_conf])]


def holder_environment() -> dict[str, str]:
    """Where the script is: lists of processes and diffs show command lines."""
    return {**ENVIRONMENT, "HOLDER": SCRIPT}


def holder_of(netns: str) -> str | None:
    """The name of the sandbox whose holder has the namespace at a path such as /proc/4711/ns/net."""
    matched = re.fullmatch(r"(/proc/[1-9][0-9]*)/ns/net", netns)
    words = _read(f"{matched[1]}/cmdline").split("\0") if matched else []
    return words[4] if words[1:2] == ["-ec"] and words[3:4] == [MARK] and words[4:] else None


def read_resolver(pid: int) -> str | None:
    """The resolv.conf that programs beside a process read; None when it cannot be told."""
    return _read(f"/proc/{pid}/root{os.path.realpath(RESOLV_CONF)}") or None


def forbidden_by_kernel() -> str:
    """The setting of this kernel by which nobody, or no ordinary user, can make a user namespace; empty for none."""
    for setting, none in (("user/max_user_namespaces", "0"), ("kernel/unprivileged_userns_clone", "0")):
        everybody = setting.startswith("user/")
        if (everybody or os.geteuid() != 0) and _read(f"/proc/sys/{setting}").strip() == none:
            return f"{setting.replace('/', '.')} is {none}"
    return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as source:
            return source.read(1 << 20)
    except OSError:
        return ""
