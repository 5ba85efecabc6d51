# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""Services and clients on a throw-away host and in its namespaces: who can talk to whom.

A place is a text such as ``tcp/127.0.0.1/80`` or ``udp/::1/53``. A service answers with its name, the
address that it sees its client at, and what it was sent.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

from box import Box

SERVICE = """
import os, selectors, socket, sys
name, *places = sys.argv[1:]
heard = selectors.DefaultSelector()
for place in places:
    proto, address, port = place.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((address, int(port)))
    if proto == "tcp":
        one.listen(64)
    heard.register(one, selectors.EVENT_READ, "accept" if proto == "tcp" else "")
if os.fork():
    os._exit(0)
os.setsid()
null = os.open("/dev/null", os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(null, number)
while True:
    for key, _event in heard.select():
        one = key.fileobj
        try:
            if key.data == "accept":
                connection, peer = one.accept()
                heard.register(connection, selectors.EVENT_READ, peer[0])
            elif key.data:
                data = one.recv(65536)
                if data:
                    one.sendall(f"{name} {key.data} ".encode() + data)
                else:
                    heard.unregister(one)
                    one.close()
            else:
                data, peer = one.recvfrom(65536)
                one.sendto(f"{name} {peer[0]} ".encode() + data, peer)
        except OSError:
            if key.data not in ("", "accept"):
                heard.unregister(one)
                one.close()
"""

CLIENT = """
import json, selectors, socket, sys, time
patience, *places = sys.argv[1:]
found, waiting = {}, selectors.DefaultSelector()
for place in places:
    proto, address, port = place.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    one.setblocking(False)
    found[place] = "no answer"
    try:
        one.connect_ex((address, int(port)))
        waiting.register(one, selectors.EVENT_WRITE, place)
    except OSError as error:
        found[place] = error.strerror
deadline = time.monotonic() + float(patience)
while waiting.get_map() and time.monotonic() < deadline:
    for key, event in waiting.select(max(0, deadline - time.monotonic())):
        one = key.fileobj
        try:
            if event & selectors.EVENT_WRITE:
                problem = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if problem:
                    raise OSError(problem, __import__("os").strerror(problem))
                one.send(b"hello")
                waiting.modify(one, selectors.EVENT_READ, key.data)
            else:
                found[key.data] = one.recv(65536).decode() or "closed"
                waiting.unregister(one)
        except OSError as error:
            found[key.data] = error.strerror
            waiting.unregister(one)
print(json.dumps(found))
"""

# Talks through one connection until /run/box/enough is there, and then tells how often.
TALKER = """
import os, socket, sys, time
proto, address, port = sys.argv[1].split("/")
connection = socket.create_connection((address, int(port)), timeout=5)
said = 0
if os.fork():
    os._exit(0)
null = os.open("/dev/null", os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(null, number)
try:
    while not os.path.exists("/run/box/enough"):
        connection.sendall(b"hello")
        if not connection.recv(1000).endswith(b"hello"):
            raise OSError("another answer")
        said += 1
        time.sleep(0.01)
    outcome = str(said)
except OSError as error:
    outcome = f"broken after {said}: {error}"
with open("/run/box/said.new", "w") as target:
    target.write(outcome)
os.rename("/run/box/said.new", "/run/box/said")
"""


def serve(box: Box, name: str, *places: str, netns: str | None = None) -> None:
    """Start a service, which listens when this returns."""
    box.sh(_python(SERVICE, name, *places, netns=netns))


def ask(box: Box, *places: str, netns: str | None = None, patience: float = 3.0) -> dict[str, str]:
    """What comes back from each place, or why nothing does."""
    found: dict[str, str] = json.loads(box.sh(_python(CLIENT, str(patience), *places, netns=netns)))
    return found


def ask_from(
    box: Box, places: Mapping[str | None, Sequence[str]], patience: float = 1.0
) -> dict[str | None, dict[str, str]]:
    """As ``ask``, from many namespaces at the same time; None is the host itself."""
    lines = []
    for number, (netns, asked) in enumerate(places.items()):
        command = _python(CLIENT, str(patience), *asked, netns=netns)
        lines.append(f"{command} > /run/box/answers.{number} &")
    printed = box.sh(*lines, "wait", "cat /run/box/answers.*", "rm /run/box/answers.*")
    order = sorted(range(len(places)), key=str)  # as the shell has them
    sources = list(places)
    return {sources[number]: json.loads(line) for number, line in zip(order, printed.splitlines())}


def heard(answers: dict[str, str], name: str) -> list[str]:
    """The places where a service answered."""
    return [place for place, answer in answers.items() if answer.startswith(f"{name} ")]


def start_talking(box: Box, place: str) -> None:
    """Begin a conversation that goes on."""
    box.sh("rm -f /run/box/enough /run/box/said", _python(TALKER, place))


def stop_talking(box: Box) -> int:
    """How often it was answered; fails when the conversation broke."""
    said = box.sh(
        "touch /run/box/enough", "until [ -e /run/box/said ]", "do sleep 0.01", "done", "cat /run/box/said"
    ).strip()
    assert said.isdigit(), said
    return int(said)


def listeners(box: Box, netns: str | None = None) -> list[str]:
    """The places where somebody listens, of all addresses."""
    where = f"ip netns exec {netns} " if netns else ""
    rows = [line.split() for line in box.sh(f"{where}ss -Htuln").splitlines()]
    return sorted(f"{row[0]}/{row[4].rpartition(':')[0].strip('[]')}/{row[4].rpartition(':')[2]}" for row in rows)


def _python(script: str, *arguments: str, netns: str | None = None) -> str:
    enter: Sequence[str] = ("ip", "netns", "exec", netns) if netns else ()
    return shlex.join([*enter, "python3", "-I", "-S", "-c", script, *arguments])
