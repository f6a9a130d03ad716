"""One update by hand: rehearsed, or committed to."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ledger.config import Home
from ledger.errors import UsageError
from ledger.history.convicted import begun
from ledger.history.state import JobState, Phase, Round
from ledger.keys import address_of
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts
from participant.node.start import LOG, machine_of, member_of, unlocked
from participant.node.steps import Commit
from participant.tasks.data.files import DataFiles
from participant.trainer.trainers import Trainers

if TYPE_CHECKING:
    from ledger.keys import LocalSigner
    from participant.edge.below import MadeBelow


class JobBelow(NamedTuple):
    """A job by its number, None for the only one, on the ledger that another home of this machine has joined."""

    home: Path
    job: int | None


PATIENCE = 5.0
"""Seconds of training between two looks at the ledger."""


def rehearse(home: Home, job: int | None, data: Path | None, device: str | None = None) -> dict[str, object]:
    """Train and judge an update as the node would, for the open round or else the next; nothing is sent or stored."""
    files, key, machine = DataFiles(home, given=data), address_of(home.keystore), machine_of(home, device)
    with Trainers(machine) as trainers, Connection.open(home) as connection:
        connection.refresh()
        state = connection.job(job)
        document = connection.document(state)
        _refuse_edge(connection, state, key)
        path = files.found(state.number, document.task.name)
        from participant.integers.artifacts import UpdateFile
        from participant.node.trainings import Trainings
        from participant.node.updates import Updates

        facts = RoundFacts.of(connection.place, state, document, _target(state, key))
        made = Updates(connection, key, Trainings(trainers)).make(facts, path)
        file = None if document.masked else UpdateFile.of(document.update_layout, made.binding, made.values)
    return {
        "job": state.number,
        "round": facts.round.number,
        "base": facts.base.root.hex(),
        "weight": made.weight,
        "root": file.root.hex() if file else "hidden by masks",
        "cid": str(file.cid) if file else "hidden by masks",
        "loss": made.loss,
        "device": made.trained.device,
        **made.metrics,
        "verdict": made.decision.verdict.name,
        "because": made.decision.message,
    }


def submit(
    home: Home,
    job: int | None,
    data: Path | None,
    passphrase_file: Path | None,
    device: str | None = None,
    source: JobBelow | None = None,
) -> dict[str, object]:
    """Commit to one update now, trained here, or by the job `source`; the node shows it once the round's updates are
    opened.

    Raises UsageError where the round takes none from this member.
    """
    network, machine = home.network(), machine_of(home, device)
    with Trainers(machine) as trainers:
        trainers.prepare()
        signer = unlocked(home, passphrase_file, network.chain.id)
        return submitted(home, job, DataFiles(home, given=data), signer, trainers, source)


def submitted(
    home: Home,
    job: int | None,
    files: DataFiles,
    signer: "LocalSigner",
    trainers: Trainers,
    source: JobBelow | None = None,
) -> dict[str, object]:
    """The same, with a signer and trainers at hand."""
    with Connection.open(home) as connection:
        connection.refresh()
        state = connection.job(job)
        _refuse_edge(connection, state, signer.address)
        if source is None:
            files.found(state.number, connection.document(state).task.name)
        from ledger.party.journal import Journal
        from ledger.party.sharing.exchange import Exchange
        from participant.node.worker import NodeWorker

        journal = Journal(home.folder / LOG, lambda _: None)
        with Exchange(connection, signer, home.settings()) as exchange:
            worker = NodeWorker(connection, connection.sender(signer), journal, exchange, files, trainers)
            step = worker.decide(connection.history, state, connection.time())
            if not isinstance(step, Commit):
                why = getattr(step, "why", type(step).__name__.lower())
                raise UsageError("there is nothing to commit to", because=why)
            under_way, warned = source is None, begun(connection.history.jobs.values(), state)
            if source is not None:
                facts, found = _made_below(connection, state, step.round, source)
                warned |= {f"job {found.job} below": found.warning} if found.warning else {}
                worker.commit_given(step, facts, found)
            while under_way:
                now = connection.time()
                worker.advance(connection.history, connection.history.jobs[step.job], now, now)
                under_way = trainers.settle(PATIENCE)
                connection.refresh()
        connection.refresh()
        index = member_of(connection, signer.address).index
        made = connection.history.jobs[step.job].rounds[step.round].commitments.get(index)
    if made is None:
        raise UsageError("the round went on without this update", job=step.job, round=step.round)
    return {"job": step.job, "round": step.round, "commitment": made.digest.hex(), "tx": made.tx.hex(), **warned}


def _made_below(
    connection: Connection, state: JobState, number: int, source: JobBelow
) -> "tuple[RoundFacts, MadeBelow]":
    """A round, and what the job below made of its base. Raises as `participant.edge.below`."""
    from participant.edge.below import below, require_plain
    from participant.measuring.evaluation import read

    document = connection.document(state)
    require_plain(document)
    facts = RoundFacts.of(connection.place, state, document, state.rounds[number])
    with below(source.home, source.job) as found:
        return facts, found.made(facts, read(connection, state, document, facts.base))


def _refuse_edge(connection: Connection, state: JobState, key: str) -> None:
    """Raise UsageError where the job names this member as an edge: it trains nothing itself."""
    member = connection.history.member_of(key)
    if member is not None and connection.document(state).is_edge(member.index):
        raise UsageError(
            "the job names this member as an edge: its update is the sum of its clients'",
            advice="fedledger edge run takes these, and fedledger node run registers the sum",
            job=state.number,
        )


def _target(state: JobState, key: str) -> Round:
    """The round that collects, else the one that would be opened next."""
    current = state.current
    if current is not None and current.phase is Phase.COLLECTING:
        return current
    if current is None:
        return Round(state.number, 1, key, 0, 0, 0, 0, 0, {}, 0, 0)
    number = current.number + 1
    return replace(current, number=number, phase=Phase.COLLECTING, commitments={}, updates={}, aggregates=[])
