"""An aggregator in a process of its own that kills itself (SIGKILL) at a named point.

Each point comes in two flavours: the effect lost (killed before it) and kept (killed after it).
"""

import multiprocessing
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from support.consortia.aggregators import drive
from support.crashing import children
from support.crashing.children import die

PRELOADED = [
    "web3",
    "support.crashing.aggregator",
    "aggregator.service",
    "ledger.party.gateway",
    "ledger.store.embedded",
    "ledger.chain.sender",
]


def _before(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def dying(*_arguments: Any, **_options: Any) -> Any:
        die()

    return dying


def _after(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def dying(*arguments: Any, **options: Any) -> Any:
        function(*arguments, **options)
        die()

    return dying


def _midway(function: Callable[..., Any]) -> Callable[..., Any]:
    """Dies after the first piece of a model that is stored, or of an update that is kept."""

    def cut(pieces: Any) -> Iterator[Any]:
        yield next(iter(pieces))
        die()

    @wraps(function)
    def dying(self: Any, *arguments: Any, **options: Any) -> Any:
        if function.__name__ == "keep":
            name, opening, pieces = arguments
            return function(self, name, opening, cut(pieces))
        pieces, pin = arguments
        return function(self, cut(pieces) if pin.startswith("model/") else pieces, pin, **options)

    return dying


FLAVOURS = {"before": _before, "after": _after, "midway": _midway}


def arm(point: str) -> None:
    """Set the trap: one of the names below, with a flavour: "after put"."""
    from ledger.chain.outbox import Outbox
    from ledger.chain.transactions import Transactor
    from ledger.party.connection import Connection
    from ledger.party.masking.vault import Vault
    from ledger.party.sharing.haves import Haves
    from ledger.party.sharing.openings import Openings
    from ledger.store.embedded import Embedded
    from participant.node.harvest import Shelf
    from participant.node.masking.answers import AnswerJournal
    from participant.node.masking.pads import Pads
    from participant.node.masking.segments import SegmentSecrets
    from participant.private.states import PrivateStates
    from participant.scoring.kept import KeptScores
    from participant.tasks.scratch import Scratch

    flavour, _, name = point.partition(" ")
    owner, attribute = {
        "replicate": (Connection, "put_all"),
        "put": (Connection, "put"),
        "store": (Embedded, "put"),
        "persist": (Outbox, "add"),
        "transmit": (Transactor, "_transmit"),
        "receipt": (Transactor, "_wait"),
        "scores": (KeptScores, "keep"),
        "update": (Openings, "keep"),
        "show": (Openings, "show"),
        "said": (Haves, "say"),
        "masks": (Vault, "write"),
        "deal": (SegmentSecrets, "deal"),
        "own": (PrivateStates, "keep"),
        "harvest": (Shelf, "keep"),
        "pad": (Pads, "keep"),
        "answer": (AnswerJournal, "keep"),
        "scratch copy": (Scratch, "_copy"),
        "scratch publish": (Scratch, "_publish"),
    }[name]
    setattr(owner, attribute, FLAVOURS[flavour](getattr(owner, attribute)))


def work(home: str, key: bytes, point: str) -> None:
    """Look at the chain until nothing is left to do; with a point, die there."""
    from eth_account import Account

    from aggregator.service import Service
    from aggregator.worker import AggregatorWorker
    from ledger.config import Home, HomeSettings
    from ledger.keys import LocalSigner
    from ledger.party.connection import Connection
    from ledger.party.journal import Journal
    from ledger.party.sharing.exchange import Exchange

    folder, signer = Path(home), LocalSigner(Account.from_key(key))
    with (
        Connection.open(Home(folder)) as connection,
        Exchange(connection, signer, HomeSettings(), later=0.0) as exchange,
    ):
        sender = connection.sender(signer)
        journal = Journal(folder / "aggregator.jsonl", lambda _line: None)
        service = Service(connection, AggregatorWorker(connection, sender, journal, exchange), journal)
        sender.settle()
        connection.refresh()
        if point:
            arm(point)
        drive(service)


def process(home: Path, key: bytes, point: str = "") -> Any:
    """The process, not yet started; forked from a server that has loaded the slow imports once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context.Process(target=work, args=(str(home), key, point))


def run(home: Path, key: bytes, point: str = "") -> int:
    """Run it to its end; the exit code, minus the signal's number where it was killed."""
    child = process(home, key, point)
    child.start()
    return children.ended(child)
