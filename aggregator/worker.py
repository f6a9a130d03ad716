"""The aggregator's steps, decided and carried out: what stands between the pure decision and chain and store."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from aggregator.steps import AggregatorSituation, OpenRound, PublishAggregate, gathered_by, next_step
from ledger.errors import Unavailable
from ledger.history.fold import History
from ledger.history.state import JobState, Phase, Round
from ledger.party.connection import Connection
from ledger.party.journal import Journal, judgements
from ledger.party.pins import model_pin
from ledger.party.worker import Worker
from ledger.rounds.admission import Progress, Verdict
from ledger.rounds.facts import RoundFacts
from ledger.rounds.outcome import Outcome, bytes_to_read, recompute
from ledger.rounds.steps import Abandon, Wait

if TYPE_CHECKING:
    from ledger.chain.sender import Sender

Meter = Callable[[str, int], Progress]
"""Begins to show the progress of a long work: its name, and the bytes that it will read."""
GATHERED = frozenset({Phase.COLLECTING, Phase.AGGREGATING})
"""The phases in which copies of a round's updates are gathered, to aggregate them."""


class AggregatorWorker(Worker):
    """Opens rounds, aggregates, publishes and abandons, as one member."""

    def __init__(
        self,
        connection: Connection,
        sender: "Sender",
        journal: Journal,
        *,
        threads: int = 1,
        meter: Meter | None = None,
    ) -> None:
        super().__init__(connection, sender, journal)
        self._threads, self._meter = threads, meter or (lambda _name, _size: lambda _bytes: None)

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """See `Worker.advance`."""
        facts = self._to_aggregate(state)
        situation = AggregatorSituation(now, since) if facts is None else self._situation(facts, since, now)
        step = next_step(history, state, self.key, situation)
        match step:
            case Wait():
                return step
            case OpenRound():
                self._open(state)
            case PublishAggregate():
                self._publish(facts or self.facts(state, step.round), step, situation)
            case Abandon():
                self.abandon(state, step)
        return None

    def _to_aggregate(self, state: JobState) -> RoundFacts | None:
        """The facts of the round that is to be aggregated now or soon; None without such a round.

        Even then the job's document is kept and checked: no round is opened for one that cannot be verified.
        """
        job, round_ = self.document(state), state.current
        if round_ is None or round_.phase not in GATHERED:
            return None
        return RoundFacts.of(self._connection.place, state, job, round_)

    def _situation(self, facts: RoundFacts, since: int, now: int) -> AggregatorSituation:
        """The chain's view, what is being copied, and whose updates' bytes are missing."""
        round_ = facts.round
        deadline = self._deadline(round_) if round_.phase is Phase.AGGREGATING else None
        gathering = self.copies.gather(facts, gathered_by(facts.state, round_, now, deadline) - now)
        self.note_missing(facts, gathering)
        return AggregatorSituation(now, since, deadline, gathering.copying, frozenset(gathering.missing))

    def _deadline(self, round_: Round) -> int | None:
        """The contract's own deadline: after a refutation the history has only a bound."""
        view = self._connection.client.round(round_.job)
        same = view is not None and (view.round, view.phase) == (round_.number, round_.phase)
        return view.deadline if view is not None and same else None

    def _open(self, state: JobState) -> None:
        self._sender.send("ledger", "openRound", state.number)
        number = len(state.rounds) + 1
        self.note("opened", state, f"round {number} opened", round=number)

    def _publish(self, facts: RoundFacts, step: PublishAggregate, situation: AggregatorSituation) -> None:
        self.copies.check_base(facts)
        state, outcome = facts.state, self._recompute(facts, step)
        if not self._is_due(step, situation, outcome):
            self.note("overtaken", state, f"round {step.round} went on without this aggregate", round=step.round)
            return
        self._sender.send(
            "ledger", "publishAggregate", step.job, step.round, outcome.root, outcome.cid, outcome.verdicts
        )
        self.note(
            "published",
            state,
            f"round {step.round}, attempt {step.attempt}: {describe(outcome)}",
            round=step.round,
            attempt=step.attempt,
            root=outcome.root.hex(),
            claim=outcome.claim.hex(),
            **judgements(outcome),
        )

    def _recompute(self, facts: RoundFacts, step: PublishAggregate) -> Outcome:
        """The honest outcome, its model stored and pinned on the way. Raises Unavailable and notes what was lost."""
        connection, pin = self._connection, model_pin(step.job, step.round)
        try:
            return recompute(
                facts,
                connection.fetch,
                without=step.without,
                threads=self._threads,
                keep=lambda pieces: connection.put(pieces, pin),
                progress=self._meter(f"round {step.round}", bytes_to_read(facts)),
            )
        except Unavailable as error:
            self.copies.lost(facts, error.facts.get("file"))
            raise

    def _is_due(self, step: PublishAggregate, situation: AggregatorSituation, outcome: Outcome) -> bool:
        """Look at the ledger again: computing took its time, and others are at work."""
        history = self._connection.refresh()
        state = history.jobs.get(step.job)
        if state is None or step.round not in state.rounds:
            return False
        later = replace(situation, now=max(situation.now, self._connection.time()))
        same = [judged.update for judged in outcome.judged] == state.rounds[step.round].sorted_updates()
        return same and next_step(history, state, self.key, later) == step


def describe(outcome: Outcome) -> str:
    """An outcome in one line."""
    admitted = sum(judged.decision.verdict is Verdict.ADMITTED for judged in outcome.judged)
    model = f"model {outcome.root.hex()[:16]}…" if any(outcome.root) else f"no model ({outcome.why})"
    return f"{model}, {admitted} of {len(outcome.judged)} updates admitted"
