"""A node in a process of its own that kills itself (SIGKILL) at a named point, as `crashing.aggregator` does."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from support.consortia.aggregators import drive
from support.crashing import aggregator, children
from support.warm import PRELOADED


def work(home: str, key: bytes, point: str) -> None:
    """Look at the chain until nothing is left to do; with a point, die there."""
    from eth_account import Account

    from ledger.config import Home, HomeSettings
    from ledger.keys import LocalSigner
    from ledger.party.connection import Connection
    from ledger.party.journal import Journal
    from ledger.party.masking.proposing import Proposer
    from ledger.party.sharing.exchange import Exchange
    from participant.node.node import Node
    from participant.node.worker import NodeWorker
    from participant.scoring.scorer import Scorer
    from participant.tasks.data.files import DataFiles
    from participant.tasks.machine import Machine
    from participant.trainer.launch import fork
    from participant.trainer.trainers import Trainers

    folder = Path(home)
    signer = LocalSigner(Account.from_key(key))
    with (
        Connection.open(Home(folder)) as connection,
        Exchange(connection, signer, HomeSettings(), later=0.0) as exchange,
        ExitStack() as stack,
    ):
        sender = connection.sender(signer)
        journal = Journal(folder / "node.jsonl", lambda _line: None)
        trainers = stack.enter_context(Trainers(Machine("cpu", connection.folder / "scratch"), fork))
        validation = DataFiles.at(folder / "validation.csv", "validation")
        scorer = Scorer(connection, sender, signer, journal, validation, trainers)
        worker = NodeWorker(connection, sender, journal, exchange, DataFiles.at(folder / "data.csv"), trainers)
        node = Node(connection, worker, journal, Proposer(connection, sender, journal), scorer=scorer)
        sender.settle()
        connection.refresh()
        if point:
            aggregator.arm(point)
        drive(node)


def run(member: Any, point: str = "") -> int:
    """Run a member's node until it rests; the exit code, minus the signal's number where it was killed."""
    key = bytes(member.signer._account.key)
    return children.run(PRELOADED, work, str(member.home.folder), key, point)
