"""Starting a client: what must be right before it runs, and what is put away after."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from ledger.cli.connect import look
from ledger.config import Home
from ledger.errors import UsageError
from ledger.http.outgoing import Outgoing
from ledger.keys import read_passphrase, unlock
from ledger.party.journal import Journal
from ledger.party.posts import at_post
from participant.edge.client.checks import UNCHECKED
from participant.edge.client.follow import ClientGoal, EdgeClient
from participant.edge.client.home import ClientHome
from participant.edge.client.ledger import LedgerChecks
from participant.edge.client.road import EdgeRoad
from participant.edge.client.training import ClientTraining
from participant.edge.documents import parse_tasks
from participant.tasks.machine import Machine
from participant.trainer.trainers import Trainers

LOG, ROLE = "client.jsonl", "client"


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """What the command line says about a run."""

    url: str
    data: Path
    goal: ClientGoal
    poll: float
    network: Path | None = None
    rpc: str | None = None
    device: str | None = None
    as_json: bool = False


def run(home: Home, passphrase_file: Path | None, options: FollowOptions) -> None:
    """Follow an edge until the goal is reached. Raises UsageError where home, key or data are not ready."""
    require_client(home)
    if not options.data.is_file():
        raise UsageError("no such data file", advice="name it: --data FILE", file=str(options.data))
    machine = machine_of(home, options.device)
    with at_post(home.folder, ROLE), Trainers(machine) as trainers:
        trainers.prepare()
        passphrase = read_passphrase(passphrase_file)
        journal = Journal(home.folder / LOG, click.echo, as_json=options.as_json)
        road = EdgeRoad(options.url, Outgoing(home.http()))
        with looked(home, options.network, options.rpc) as ledger:
            if ledger is None:
                journal.note("unchecked", UNCHECKED)
            kept = ClientHome(home)
            signer = unlock(home.keystore, passphrase, chain_id=_chain(kept, road, ledger))
            training = ClientTraining(kept, signer, trainers, options.data)
            client = EdgeClient(
                kept,
                signer.address,
                road,
                training,
                journal.note,
                ledger=ledger,
                goal=options.goal,
                poll=options.poll,
            )
            client.run()


def _chain(kept: ClientHome, road: EdgeRoad, ledger: LedgerChecks | None) -> int:
    """The chain that this client signs for. Raises Unavailable where an edge that was never met cannot be reached."""
    if ledger is not None:
        return ledger.connection.place.chain
    known = kept.edge()
    return known.chain if known is not None else parse_tasks(road.tasks()).chain


def require_client(home: Home) -> None:
    """Raises UsageError, with the command that makes one, where the home has no key."""
    if not home.keystore.exists():
        advice = home.command("edge", "client", "new")
        raise UsageError("this home has no key", advice=advice, home=str(home.folder))


def machine_of(home: Home, device: str | None) -> Machine:
    """The home's machine. Raises UsageError for a device that is not there."""
    machine = Machine.of(home, device)
    if machine.device not in ("auto", "cpu"):
        from participant.tasks.devices import choose

        choose(machine.device)
    return machine


@contextmanager
def looked(home: Home, network_file: Path | None, rpc: str | None) -> Iterator[LedgerChecks | None]:
    """A look at the ledger as anyone has it, with a network file; nothing without one. Raises UsageError for a chain
    node without a network file.
    """
    if network_file is None:
        if rpc is not None:
            advice = "name the consortium's network file, too: --network NETWORK.toml"
            raise UsageError("a chain node alone does not say which contracts to believe", advice=advice)
        yield None
        return
    with look(network_file, home, rpc) as connection:
        connection.refresh()
        yield LedgerChecks(connection)
