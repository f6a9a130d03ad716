"""A node's steps in a job's rounds, decided and carried out: what stands between the pure decision and chain and
store.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import UsageError
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.party.connection import Connection
from ledger.party.copies import Gathering
from ledger.party.journal import Journal, judgements
from ledger.party.pins import model_pin
from ledger.party.worker import Worker
from ledger.rounds.facts import RoundFacts
from ledger.rounds.outcome import recompute, unavailable
from ledger.rounds.steps import Abandon, Wait, copied_by
from participant.node.evidence import find_difference
from participant.node.steps import Attest, Hold, NodeSituation, Step, Submit, next_step
from participant.node.updates import Updates
from participant.tasks.data.version import file_version
from participant.tasks.machine import Machine

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


class NodeWorker(Worker):
    """Trains and submits, attests, abandons, and keeps copies, as one member."""

    def __init__(
        self, connection: Connection, sender: "Sender", journal: Journal, data: Path, machine: Machine
    ) -> None:
        super().__init__(connection, sender, journal)
        self._data, self._version = data, file_version(data)
        self._updates = Updates(connection, sender.address, data, machine)
        self._unfit: dict[tuple[int, int], str] = {}
        self._held: set[tuple[int, int]] = set()

    def decide(self, history: History, state: JobState, now: int) -> Step:
        """The job's next step. Data that changed are tried again."""
        if file_version(self._data) != self._version:
            self._unfit, self._version = {}, file_version(self._data)
        return next_step(history, state, self.key, NodeSituation(now, self._unfit, frozenset(self._held)))

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """See `Worker.advance`."""
        step = self.decide(history, state, now)
        match step:
            case Wait():
                return step
            case Submit():
                return self._submit(step, self.facts(state, step.round), now)
            case Attest():
                return self._attest(step, self.facts(state, step.round), now)
            case Abandon():
                self.abandon(state, step)
            case Hold():
                return self._hold(step, self.facts(state, step.round))
        return None

    def _hold(self, step: Hold, facts: RoundFacts) -> Wait | None:
        """Copy what the round was made of, each file within the time that a round has for updates."""
        gathering = self.copies.round(facts, facts.state.terms.update_seconds)
        if gathering.copying:
            return _copies(gathering, step.round)
        self._held.add((step.job, step.round))
        return None

    def _submit(self, step: Submit, facts: RoundFacts, now: int) -> Wait | None:
        """Train, store, register: in this order, so that what is registered can be had."""
        gathering = self.copies.base(facts, facts.round.deadline - now)
        if gathering.copying:
            return _copies(gathering, step.round)
        try:
            update = self._updates.prepare(facts)
        except UsageError as error:
            self._unfit[step.job, step.round] = error.message
            raise
        if not self._is_due(step):
            text = f"round {step.round} went on without this update"
            self.note("late", facts.state, text, round=step.round)
            return None
        self._sender.send("ledger", "submitUpdate", step.job, step.round, update.weight, update.root, update.cid.digest)
        loss = f", loss {update.loss:.4f}" if update.loss is not None else ""
        samples = "1 sample" if update.weight == 1 else f"{update.weight} samples"
        self.note(
            "submitted",
            facts.state,
            f"round {step.round}: update registered, {samples}{loss}",
            round=step.round,
            weight=update.weight,
            root=update.root.hex(),
            cid=str(update.cid),
            loss=update.loss,
            metrics=update.metrics,
            device=update.device,
        )
        return None

    def _attest(self, step: Attest, facts: RoundFacts, now: int) -> Wait | None:
        """Recompute with the bytes of every update that can be had; what is on its way is waited for, up to the last
        third of the time. Raises Unavailable where what can be had is not enough.
        """
        connection, pin = self._connection, model_pin(step.job, step.round)
        by = copied_by(facts.round.deadline, facts.state.terms.attest_seconds, now)
        gathering = self.copies.gather(facts, by - now)
        if gathering.copying:
            return _copies(gathering, step.round)
        self.note_missing(facts, gathering)
        self.copies.check_base(facts)
        without = unavailable(facts.round, gathering.missing)
        for member, error in gathering.missing.items():
            if member not in without:
                raise error
        outcome = recompute(facts, connection.fetch, without=without, keep=lambda pieces: connection.put(pieces, pin))
        if not self._is_due(step):
            return None
        self._sender.send("ledger", "attest", step.job, step.round, step.attempt, outcome.claim)
        aggregate = facts.round.aggregates[-1]
        agrees, text, evidence = outcome.claim == aggregate.claim, "attested", {}
        if not agrees:
            evidence = find_difference(connection, facts, outcome)
            text = f"attested against {connection.name(aggregate.index)}: {evidence['why']}"
        self.note(
            "attested" if agrees else "refuted",
            facts.state,
            f"round {step.round}, attempt {step.attempt}: {text}",
            round=step.round,
            attempt=step.attempt,
            claim=outcome.claim.hex(),
            published=aggregate.claim.hex(),
            **judgements(outcome),
            evidence=evidence,
        )
        return None

    def _is_due(self, step: Submit | Attest) -> bool:
        """Look at the ledger again: the work took its time. Whether the step is still the one to take."""
        history = self._connection.refresh()
        state = history.jobs.get(step.job)
        return state is not None and self.decide(history, state, self._connection.time()) == step


def _copies(gathering: Gathering, number: int) -> Wait:
    return Wait(f"copies {', '.join(gathering.copying)} for round {number}")
