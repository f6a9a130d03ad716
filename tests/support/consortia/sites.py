"""Members on hosts of their own: `python -m support.consortia.sites ROLE …`, each process in its own network namespace.

A site's router is a process between two namespaces that are not connected: it listens in the site, and dials from
outside. So nobody can dial into the site, and its members dial out by the router, as behind NAT or a firewall.
"""

import ctypes
import json
import os
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from support.consortia.neighbours import Neighbour
from support.content.proxy import ForwardProxy
from support.worlds.world import World

from ledger.events import records
from ledger.formats.artifact import Tensor
from ledger.rounds.receipts import certified

MEMBERS, SERVING, PORT = 5, (0, 1), 7001
TENSORS = (Tensor("weight", (1_000_000,)),)
"""Files of 3.9 MiB: a node and four leaves."""


def address(member: int) -> str:
    """Where a member's host is, inside or outside of a site."""
    return f"10.77.0.{member + 1}"


def url(member: int) -> str:
    """What a member that serves announces."""
    return f"http://{address(member)}:{PORT}"


def world() -> World:
    """The same history in every process: two members announced gateways, and all five opened an update."""
    made = World(MEMBERS, tensors=TENSORS).open_job().open_round()
    for member in SERVING:
        made.emit(records.Announced, index=member, gateway=url(member))
    for member in range(MEMBERS):
        made.submit(member)
    return made


def member(index: int, folder: Path) -> None:
    """Be a member until every update that was pushed has a certificate here; say so, and stay until stdin ends."""
    known, serves = world(), index in SERVING
    gateway = {"host": address(index), "port": PORT} if serves else {}
    home = Neighbour(known, index, folder, reachable=serves, allow=("10.77.0.0/24",), **gateway)
    entry = known.facts.entries[index]
    home.store.put([known.files.files[entry.cid]], "mine")
    roll, pushed = known.facts.roll, set(range(MEMBERS)) - set(SERVING)
    print("ready", flush=True)
    while not pushed <= certified(home.sharing.receipts(known.facts), roll):
        home.look()
        time.sleep(0.1)
    facts = {"certified": sorted(certified(home.sharing.receipts(known.facts), roll)), "held": home.held()}
    print(json.dumps(facts | {"pushed": sorted(home.sharing.pushed(known.facts))}), flush=True)
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        home.look()
    home.close()


def router(outside: int, pause: float) -> None:
    """Pass connections to the serving members on, `pause` seconds after each 64 KiB; `outside` is a process there."""
    listening = [(index, socket.create_server((address(index), PORT))) for index in SERVING]
    _enter(outside)
    for index, server in listening:
        threading.Thread(target=_accept, args=(index, server, pause), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


def proxy(outside: int) -> None:
    """An HTTP proxy that listens in the site and dials from outside."""
    with ForwardProxy(bind="10.78.0.254", port=3128, before=lambda: _enter(outside)):
        print("ready", flush=True)
        sys.stdin.read()


def _enter(process: int) -> None:
    """Go into the network namespace of a process, this thread and those that it starts."""
    handle = os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(handle, 0):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(handle)


def _accept(index: int, server: socket.socket, pause: float) -> None:
    while True:
        client, _ = server.accept()
        way = socket.create_connection((address(index), PORT))
        for source, to in ((client, way), (way, client)):
            threading.Thread(target=_copy, args=(source, to, pause), daemon=True).start()


def _copy(source: socket.socket, to: socket.socket, pause: float) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            to.sendall(data)
            time.sleep(pause)
    for end in (source, to):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    if role == "member":
        member(int(arguments[0]), Path(arguments[1]))
    elif role == "router":
        router(int(arguments[0]), float(arguments[1]))
    else:
        proxy(int(arguments[0]))
