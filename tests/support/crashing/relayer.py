"""A relayer in a process of its own that kills itself (SIGKILL) at a named point, as in `crashing.aggregator`."""

import signal
from functools import wraps
from pathlib import Path
from typing import Any

from support.crashing import children
from support.crashing.aggregator import FLAVOURS
from support.crashing.children import die

PRELOADED = ["web3", "support.crashing.relayer", "ledger.chain.sender", "web.relay.relayer"]
POINTS = [
    "before sent",
    "after sent",
    "before persist",
    "after persist",
    "before transmit",
    "after transmit",
    "after receipt",
    "before done",
    "after done",
]


def arm(point: str) -> None:
    """Set the trap: at the mark `sent`, in `persist`, `transmit`, `receipt`, or at the mark `done`."""
    from ledger.chain.outbox import Outbox
    from ledger.chain.transactions import Transactor
    from web.relay.delivery import Delivery
    from web.relay.queue import Queue

    flavour, _, name = point.partition(" ")
    if name == "sent":
        _arm_mark(Queue, flavour)
        return
    owner, attribute = {
        "persist": (Outbox, "add"),
        "transmit": (Transactor, "_transmit"),
        "receipt": (Transactor, "_wait"),
        "done": (Delivery, "_done"),
    }[name]
    setattr(owner, attribute, FLAVOURS[flavour](getattr(owner, attribute)))


def _arm_mark(queue: Any, flavour: str) -> None:
    real = queue.mark

    @wraps(real)
    def dying(self: Any, messages: Any, status: str, *arguments: Any, **options: Any) -> None:
        if status == "sent" and flavour == "before":
            die()
        real(self, messages, status, *arguments, **options)
        if status == "sent":
            die()

    queue.mark = dying


def work(network_file: str, home: str, key: bytes, point: str) -> None:
    """Relay until nothing waits; with a point, die there."""
    from eth_account import Account

    from ledger.config import load_network
    from ledger.keys import LocalSigner
    from ledger.party.connection import Connection
    from web.reading.latest import Latest
    from web.reading.snapshot import freeze
    from web.relay.relayer import Relayer

    network, latest = load_network(Path(network_file)), Latest()
    with Connection.visit(network, Path(home) / "visitor") as connection:
        latest.post(snapshot=freeze(connection.refresh(), connection.follower.tip.number))
    relayer = Relayer(network, latest, LocalSigner(Account.from_key(key)), Path(home) / "relay")
    if point:
        arm(point)
    for _ in relayer._passes():
        if not relayer.queue.waiting():
            return


def run(network_file: Path, home: Path, key: bytes, point: str = "") -> int:
    """Run it to its end; the exit code, minus the signal's number where it was killed."""
    return children.run(PRELOADED, work, str(network_file), str(home), key, point)


KILLED = -signal.SIGKILL
