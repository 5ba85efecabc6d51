# Copyright: (c) 2026, The sandbox.network authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Run tasks inside a network namespace of the target, over another connection."""

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
author: The sandbox.network authors (@sandbox-network)
short_description: Run tasks inside a network namespace of the target
version_added: 1.0.0
description:
  - Runs modules and commands inside a network namespace of the target, over a parent connection
    such as P(ansible.builtin.local#connection) or P(ansible.builtin.ssh#connection). The parent
    keeps all its own options and variables.
  - Files are shared with the target. Files below C(/etc/netns/NAME/) appear over those in C(/etc),
    as with C(ip netns exec), and C(/sys/class/net) shows the links of the namespace.
  - When the namespace cannot be entered, nothing is run and the host is reported as unreachable.
options:
  netns:
    description:
      - The network namespace, as a name in O(netns_dir), an absolute path, or V(pid:N) for that of
        the process with the number N.
    type: str
    required: true
    vars: [{name: ansible_netns}]
    env: [{name: ANSIBLE_NETNS}]
    ini: [{section: netns_connection, key: netns}]
  netns_connection:
    description:
      - The connection plugin that reaches the target, and whose options apply as if it were used
        directly. It must run commands with a POSIX shell.
    type: str
    default: local
    vars: [{name: ansible_netns_connection}]
    env: [{name: ANSIBLE_NETNS_CONNECTION}]
    ini: [{section: netns_connection, key: netns_connection}]
  netns_dir:
    description: The directory of named network namespaces on the target.
    type: str
    default: /run/netns
    vars: [{name: ansible_netns_dir}]
    env: [{name: ANSIBLE_NETNS_DIR}]
    ini: [{section: netns_connection, key: netns_dir}]
  privilege_command:
    description:
      - Entering needs root. This is the command by which an unprivileged user of the parent
        connection becomes root to enter, before the task runs inside as that user again. It must
        not ask for a password.
      - Not used when the parent's user is root, nor for a task with C(become), which enters by its
        own become method and password.
    type: str
    default: sudo -n
    vars: [{name: ansible_netns_privilege_command}]
    env: [{name: ANSIBLE_NETNS_PRIVILEGE_COMMAND}]
    ini: [{section: netns_connection, key: privilege_command}]
notes:
  - The target needs C(nsenter), C(unshare), C(mount) and, for an unprivileged user of the parent
    connection, C(setpriv), all of util-linux.
  - Mounts made by a task end with it, because every command has a mount namespace of its own.
"""

import re
import secrets
import shlex
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import connection_loader

REFUSED = 254  # with our token on stderr: entering failed, nothing was run

# nsenter and unshare serve names, paths and processes alike. `ip netns exec` takes only names,
# hides /sys/fs/cgroup, goes on when a file of /etc/netns cannot be mounted, and its failures cannot
# be told from those of the command.
# The namespace is opened once and entered through that descriptor, whatever becomes of its path; a
# trial entry has the kernel say (Invalid argument) whether it is a network namespace. Only regular
# files are opened, for a FIFO would block; `command exec` reports a failing open where `exec` alone
# would end the shell. System directories come first in PATH until the command itself starts.
OUTSIDE = """
token=$1; path=$2; names=$3; inside=$4; as=$5; old=$PATH; etc=; shift 5;
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH;
refuse() { echo "$token $*" >&2; exit 254; };
why=$(LC_ALL=C ls -Ld "$path" 2>&1) ||
case $why in *"No such file"*) refuse missing;; *) refuse "failed $why";; esac;
[ -f "$path" ] && command exec 9<"$path" || refuse wrong;
[ /proc/self/fd/9 -ef /proc/self/ns/net ] && refuse own;
[ "${path%/*}" -ef "$names" ] && etc=/etc/netns/${path##*/};
enter="nsenter --net=/proc/self/fd/9 unshare --mount --propagation slave";
why=$(LC_ALL=C $enter true 2>&1) ||
case $why in nsenter:*Invalid*) refuse wrong;; *) refuse "failed $why";; esac;
exec $enter /bin/sh -c "$inside" netns "$token" "$etc" "$as" "$old" "$@"
"""

# Only class and devices of /sys depend on the namespace; the rest, control groups above all, stays.
INSIDE = """
exec 9<&-; token=$1; etc=$2; as=$3; old=$4; shift 4;
refuse() { echo "$token $*" >&2; exit 254; };
cover() { why=$(mount "$@" 2>&1) || refuse "failed $why"; };
rw=ro; [ -w /sys ] && rw=rw;
if [ -d /sys/class/net ]; then
cover -t sysfs -o $rw sysfs /sys/devices;
cover --bind /sys/devices/class /sys/class;
cover --bind /sys/devices/devices /sys/devices;
fi;
if [ "$etc" ]; then
for file in "$etc"/*; do
if [ -e "$file" ] || [ -L "$file" ]; then cover --bind "$file" "/etc/${file##*/}"; fi;
done;
fi;
exec $as env "PATH=$old" "$@"
"""


class User(t.NamedTuple):
    """The parent connection's user on the target."""

    uid: str
    gid: str
    groups: str
    name: str
    home: str
    path: str


def one_line(script: str) -> str:
    """Return a script without line breaks, which some login shells refuse within quotes."""
    return " ".join(script.split())


def locate(netns: str, netns_dir: str) -> str:
    """Return the path of a network namespace given as a name, an absolute path or pid:N."""
    if re.search(r"[\x00-\x1f\x7f]", netns):
        raise AnsibleError(f"ansible_netns: {netns!r} has control characters")
    if netns.startswith("/"):
        return netns
    if netns.startswith("pid:"):
        if not re.fullmatch(r"pid:[1-9][0-9]*", netns):
            raise AnsibleError(f"ansible_netns: {netns!r} needs the number of a process")
        return f"/proc/{netns[4:]}/ns/net"
    reserved = netns in ("", ".", "..") or netns.startswith("-")
    if reserved or "/" in netns or len(to_bytes(netns)) > 255:
        raise AnsibleError(f"ansible_netns: {netns!r} is not a name, an absolute path or pid:N")
    return f"{netns_dir.rstrip('/')}/{netns}"


class Connection(ConnectionBase):
    """Wraps every command of a parent connection so that it runs inside a network namespace."""

    transport = "sandbox.network.netns"

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._keywords = kwargs
        self._parent: t.Any = None
        self._parent_name = ""
        self._parent_user: User | None = None

    @property
    def ssh_type_conn(self) -> t.Any:
        """The parent, by the name under which core sets the options of a nested connection: the only way in 2.16."""
        return self._parent

    def _resolve_option_variables(self, variables: t.Any, templar: t.Any) -> dict[str, t.Any]:
        """Add the parent's variables to ours, in newer cores: `meta: reset_connection` sets no others."""
        own: dict[str, t.Any] = super()._resolve_option_variables(variables, templar)
        self.set_options(var_options=own)
        return {**self._parent._resolve_option_variables(variables, templar), **own}

    def set_options(self, task_keys: t.Any = None, var_options: t.Any = None, direct: t.Any = None) -> None:
        """Set our options and load the parent that they name."""
        options = {"task_keys": task_keys, "var_options": var_options, "direct": direct}
        super().set_options(**options)
        # An option called just `connection` would take its value from the task's keyword.
        name = self.get_option("netns_connection")
        if name != self._parent_name:
            keywords = {**self._keywords, "shell": self._shell}
            self._parent = connection_loader.get(name, self._play_context, **keywords)
            if self._parent is None or isinstance(self._parent, Connection):
                raise AnsibleError(f"ansible_netns_connection: {name!r} cannot be the parent")
            self._parent_name = name
        self._parent_user = None  # the options may name another
        self._parent.set_options(**options)
        self._parent.set_become_plugin(self.become)
        self.has_pipelining = self._parent.has_pipelining
        self.default_user = self._parent.default_user

    def get_option(self, option: str, hostvars: t.Any = None) -> t.Any:
        """Return an option of ours, else of the parent: callers ask for remote_user and others."""
        try:
            return super().get_option(option, hostvars)
        except KeyError:
            if self._parent is None:
                raise
            return self._parent.get_option(option, hostvars)

    def set_become_plugin(self, plugin: t.Any) -> None:
        """Share the become plugin with the parent, which answers its prompts."""
        super().set_become_plugin(plugin)
        if self._parent is not None:
            self._parent.set_become_plugin(plugin)

    @property
    def has_tty(self) -> bool:
        """Whether the parent offers a terminal; yes, as in the base class, until it is known."""
        return self._parent is None or bool(self._parent.has_tty)

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        """Pipelining is the parent's decision."""
        return bool(self._parent.is_pipelining_enabled(wrap_async))

    def _connect(self) -> Connection:
        self._parent._connect()
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command inside the namespace, or fail without having run it."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        token = secrets.token_hex(16)
        user = self._user()
        marker = self._become_marker(cmd)
        if user.uid == "0":  # enter, then become whom the task wants
            command = self._enter(token, cmd)
        elif self.become:  # become root, enter, then become whom the task wants or be who we were
            command = self._become_root(self._enter(token, cmd, None if marker else user))
            sudoable = True
        else:
            privilege = shlex.join(shlex.split(self.get_option("privilege_command")))
            command = f"{privilege} {self._enter(token, cmd, user)}"
        try:
            code, stdout, stderr = self._parent.exec_command(command, in_data, sudoable)
        except AnsibleError as error:  # the parent waited for become, which is inside
            self._check_entered(token, str(error))
            raise
        if code == REFUSED:
            self._check_entered(token, to_text(stderr + b"\n" + stdout))  # a terminal joins them
        if marker and user.uid != "0":  # the parent knows only the marker of _become_root
            stdout = re.sub(to_bytes(rf"^{marker}\r?\n"), b"", stdout, count=1, flags=re.MULTILINE)
        return code, stdout, stderr

    def _user(self) -> User:
        """Ask the target once who the parent's user is."""
        if self._parent_user is None:
            mark = secrets.token_hex(16)
            script = f'echo {mark}; id -u; id -g; id -G; id -un || id -u; echo "$HOME"; echo "$PATH"'
            command = shlex.join(["/bin/sh", "-c", script])
            _code, stdout, stderr = self._parent.exec_command(command, sudoable=False)
            answer = to_text(stdout).partition(mark)[2].splitlines()[1:]
            if len(answer) != len(User._fields):
                what = to_text(stderr or stdout).strip()
                raise AnsibleConnectionFailure(f"no answer from {self._parent_name}: {what}")
            self._parent_user = User(*answer)
        return self._parent_user

    def _enter(self, token: str, cmd: str, user: User | None = None) -> str:
        """Return the command by which root enters and runs cmd, as the user given or as root."""
        drop, env = "", []
        if user:  # what became root to enter has replaced these
            groups = user.groups.replace(" ", ",")
            drop = f"setpriv --reuid {user.uid} --regid {user.gid} --groups {groups}"
            own = {"HOME": user.home, "USER": user.name, "LOGNAME": user.name, "PATH": user.path}
            env = ["env", *(f"{key}={value}" for key, value in own.items())]
        directory = self.get_option("netns_dir")
        path = locate(self.get_option("netns"), directory)
        outside = ["/bin/sh", "-c", one_line(OUTSIDE), "netns", token, path, directory]
        return shlex.join([*outside, one_line(INSIDE), drop, *env, "/bin/sh", "-c", cmd])

    def _become_marker(self, cmd: str) -> str:
        """Return what the command prints once it has become another user, if it will."""
        marker = str(self.become.success) if self.become else ""
        return marker if marker and marker in cmd else ""

    def _become_root(self, command: str) -> str:
        """Return a command wrapped by the task's become method, as root instead of become_user."""
        wanted = self.become.get_option("become_user")
        self.become.set_option("become_user", "root")
        try:
            return str(self.become.build_become_command(command, self._shell))
        finally:
            self.become.set_option("become_user", wanted)

    def _check_entered(self, token: str, text: str) -> None:
        """Raise if the text has the line by which entering was refused."""
        found = re.search(rf"{token} (\w+) ?(.*)", text)
        if not found:
            return
        netns = self.get_option("netns")
        path = locate(netns, self.get_option("netns_dir"))
        what = f"process {netns[4:]}" if netns.startswith("pid:") else path
        reasons = {
            "missing": f"does not exist: there is no {what}",
            "wrong": f"is not a network namespace: {path} is something else",
            "own": "is the one that the parent connection is in already",
        }
        reason = reasons.get(found[1], f"cannot be entered: {found[2].strip()}")
        raise AnsibleConnectionFailure(f"network namespace {netns!r} {reason}; nothing was run")

    def put_file(self, in_path: str, out_path: str) -> None:
        """Send a file by the parent: the file system is the same inside."""
        super().put_file(in_path, out_path)
        self._parent.put_file(in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Fetch a file by the parent."""
        super().fetch_file(in_path, out_path)
        self._parent.fetch_file(in_path, out_path)

    def reset(self) -> None:
        """Reset the parent."""
        self._parent.reset()

    def close(self) -> None:
        """Close the parent."""
        if self._parent is not None:
            self._parent.close()
        self._connected = False
