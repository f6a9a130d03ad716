"""One update by hand: rehearsed, or committed to."""

from dataclasses import replace
from pathlib import Path

from ledger.config import Home
from ledger.errors import UsageError
from ledger.history.state import JobState, Phase, Round
from ledger.keys import address_of
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts
from participant.node.start import LOG, check_data, data_of, machine_of, member_of, unlocked
from participant.node.steps import Commit


def rehearse(home: Home, job: int | None, data: Path | None, device: str | None = None) -> dict[str, object]:
    """Train and judge an update as the node would, for the open round or else the next; nothing is sent or stored."""
    path, key, machine = data_of(home, data), address_of(home.keystore), machine_of(home, device)
    with Connection.open(home) as connection:
        connection.refresh()
        state = connection.job(job)
        document = connection.document(state)
        round_ = _target(state, key)
        check_data(path)
        from participant.node.updates import Updates

        facts = RoundFacts.of(connection.place, state, document, round_)
        made = Updates(connection, key, path, machine).make(facts, keep=False)
    result = made.trained.result
    return {
        "job": state.number,
        "round": round_.number,
        "base": facts.base.root.hex(),
        "weight": made.weight,
        "root": made.root.hex(),
        "cid": str(made.cid),
        "loss": result.loss,
        "device": made.trained.device,
        **result.metrics,
        "verdict": made.decision.verdict.name,
        "because": made.decision.message,
    }


def submit(
    home: Home, job: int | None, data: Path | None, passphrase_file: Path | None, device: str | None = None
) -> dict[str, object]:
    """Commit to one update now; the node shows it once the round's updates are opened.

    Raises UsageError where the round takes none from this member.
    """
    network, path, machine = home.network(), data_of(home, data), machine_of(home, device)
    signer = unlocked(home, passphrase_file, network.chain.id)
    with Connection.open(home) as connection:
        connection.refresh()
        state = connection.job(job)
        check_data(path)
        from ledger.party.journal import Journal
        from ledger.party.sharing.exchange import Exchange
        from participant.node.worker import NodeWorker

        journal = Journal(home.folder / LOG, lambda _: None)
        with Exchange(connection, signer, home.settings()) as exchange:
            worker = NodeWorker(connection, connection.sender(signer), journal, exchange, path, machine)
            now = connection.time()
            step = worker.decide(connection.history, state, now)
            if not isinstance(step, Commit):
                why = getattr(step, "why", type(step).__name__.lower())
                raise UsageError("there is nothing to commit to", because=why)
            worker.advance(connection.history, state, now, now)
        connection.refresh()
        index = member_of(connection, signer.address).index
        made = connection.history.jobs[step.job].rounds[step.round].commitments.get(index)
    if made is None:
        raise UsageError("the round went on without this update", job=step.job, round=step.round)
    return {"job": step.job, "round": step.round, "commitment": made.digest.hex(), "tx": made.tx.hex()}


def _target(state: JobState, key: str) -> Round:
    """The round that collects, else the one that would be opened next."""
    current = state.current
    if current is not None and current.phase is Phase.COLLECTING:
        return current
    if current is None:
        return Round(state.number, 1, key, 0, 0, 0, 0, 0, {}, 0, 0)
    number = current.number + 1
    return replace(current, number=number, phase=Phase.COLLECTING, commitments={}, updates={}, aggregates=[])
