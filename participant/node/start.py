"""Starting a node: what must be right before it runs, and what is put away after."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.config import Home
from ledger.errors import UsageError
from ledger.events.records import Role
from ledger.history.state import Member
from ledger.party.connection import Connection
from ledger.party.posts import at_post
from participant.edge.collected import EdgeFolder
from participant.tasks.data.files import DataFiles
from participant.tasks.machine import Machine
from participant.trainer.trainers import Trainers

if TYPE_CHECKING:
    from ledger.keys import LocalSigner


LOG, ROLE = "node.jsonl", "node"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about a run."""

    job: int | None
    data: Path | None
    validation: Path | None
    poll: float
    until_complete: bool
    as_json: bool
    device: str | None = None


Look = Callable[[Home, Connection], Iterable[str]]
"""Says what is wrong with a home, before its node begins."""


def run(home: Home, passphrase_file: Path | None, options: Options, look: Look = lambda *_: ()) -> None:
    """Run a member's node; what `look` says is noted first.

    Raises UsageError where home, data, device or key are not ready, or it runs already.
    """
    network, machine = home.network(), machine_of(home, options.device)
    files = DataFiles(home, given=options.data)
    with at_post(home.folder, ROLE), Trainers(machine) as trainers:
        trainers.prepare()
        signer = unlocked(home, passphrase_file, network.chain.id)
        with Connection.open(home) as connection:
            connection.refresh()
            trains = member_of(connection, signer.address).has(Role.PARTICIPANT)
            if trains and not EdgeFolder(home.folder).exists:  # an edge need not have data of its own
                files.check()
            _work(connection, signer, home, files, trainers, options, look)


def unlocked(home: Home, passphrase_file: Path | None, chain: int) -> "LocalSigner":
    """The home's key."""
    from ledger.keys import read_passphrase, unlock

    return unlock(home.keystore, read_passphrase(passphrase_file), chain_id=chain)


def member_of(connection: Connection, key: str) -> Member:
    """The member whose present key this is. Raises UsageError where there is none."""
    member = connection.history.member_of(key)
    if member is None or member.key != key:
        raise UsageError(
            "this home's key does not speak for a member of the consortium",
            advice="fedledger status lists the members and their keys",
            key=key,
        )
    return member


def machine_of(home: Home, device: str | None) -> Machine:
    """The home's machine. Raises UsageError for a device that is not there.

    The CPU is always there, and `auto` too: for them torch, which takes seconds to load, is left until it is needed.
    """
    machine = Machine.of(home, device)
    if machine.device not in ("auto", "cpu"):
        from participant.tasks.devices import choose

        choose(machine.device)
    return machine


def _work(
    connection: Connection,
    signer: "LocalSigner",
    home: Home,
    files: DataFiles,
    trainers: Trainers,
    options: Options,
    look: Look,
) -> None:
    from ledger.party.gateway import serve_and_announce
    from ledger.party.journal import Journal
    from ledger.party.masking.proposing import Proposer
    from ledger.party.sharing.exchange import Exchange
    from participant.node.node import Node
    from participant.node.worker import NodeWorker
    from participant.scoring.scorer import Scorer

    journal = Journal(home.folder / LOG, click.echo, as_json=options.as_json)
    sender = connection.sender(signer)
    sender.settle()
    name = connection.name(member_of(connection, signer.address).index)
    exchange = Exchange(connection, signer, home.settings(), counts=False)
    serving = serve_and_announce(connection, sender, home.settings(), signer, counts=False)
    try:
        place = f"store at {serving.url}" if serving.url else "store that pushes"
        for said in look(home, connection):
            journal.note("trouble", said)
        journal.note("started", f"node of {name}, {place}", key=signer.address, gateway=serving.url)
        worker = NodeWorker(connection, sender, journal, exchange, files, trainers)
        validation = DataFiles(home, "validation", options.validation)
        node = Node(
            connection,
            worker,
            journal,
            Proposer(connection, sender, journal),
            scorer=Scorer(connection, sender, signer, journal, validation, trainers),
            serving=serving,
            only=options.job,
            until_complete=options.until_complete,
            poll=options.poll,
        )
        node.run()
        journal.note("stopped", "every job is complete, and scored where it makes scores")
    finally:
        serving.close()
        exchange.close()
