"""One job's next step, decided and carried out: what stands between the pure decision and chain and store."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from aggregator.replicas import Replicas, model_pin
from aggregator.steps import AggregatorSituation, OpenRound, PublishAggregate, next_step
from ledger.errors import Unavailable
from ledger.history.fold import History
from ledger.history.state import JobState, Phase, Round
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.journal import Journal
from ledger.party.watch import clock, runnable
from ledger.rounds.admission import Verdict
from ledger.rounds.outcome import Outcome, Progress, base_of, recompute
from ledger.rounds.steps import Abandon, Wait

if TYPE_CHECKING:
    from ledger.chain.sender import Sender

Meter = Callable[[str, int], Progress]
"""Begins to show the progress of a long work: its name, and the bytes that it will read."""


class Worker:
    """Does steps for jobs, as one member. Remembers nothing that matters."""

    def __init__(
        self,
        connection: Connection,
        sender: "Sender",
        journal: Journal,
        *,
        threads: int = 1,
        meter: Meter | None = None,
    ) -> None:
        self._connection, self._sender, self._journal = connection, sender, journal
        self._threads, self._meter = threads, meter or (lambda _name, _size: lambda _bytes: None)
        self.replicas = Replicas(connection)

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """Take the job's next step; the Wait where there is none to take now.

        Raises Rejected where the contract refuses (most often: another was faster), Unavailable and Malformed where
        the job's document, its model or an update's bytes stand in the way.
        """
        job = self._document(state)
        situation = self._situation(state, job, since, now)
        step = next_step(history, state, self._sender.address, situation)
        match step:
            case Wait():
                return step
            case OpenRound():
                self._sender.send("ledger", "openRound", state.number)
                number = len(state.rounds) + 1
                self.note("opened", state, f"round {number} opened", round=number)
            case PublishAggregate():
                self._aggregate(state, job, step, situation)
            case Abandon():
                self._sender.send("ledger", "abandonRound", state.number, step.round)
                self.note("abandoned", state, f"round {step.round} abandoned", round=step.round)
        return None

    def note(self, action: str, state: JobState, text: str, **facts: object) -> None:
        """Write an action of a job down."""
        self._journal.note(action, f"job {state.number}: {text}", job=state.number, **facts)

    def _document(self, state: JobState) -> Job:
        job = runnable(self._connection, state)
        self.replicas.hold(job.cid, f"job/{job.digest.hex()}", len(job.encode()))
        return job

    def _situation(self, state: JobState, job: Job, since: int, now: int) -> AggregatorSituation:
        """The chain's view and the updates' bytes, as far as the present phase needs them."""
        round_ = state.current
        if round_ is None or round_.phase not in (Phase.COLLECTING, Phase.AGGREGATING):
            return AggregatorSituation(now, since)
        base = base_of(state, job, round_.number)
        pin = model_pin(state.number, base.round) if base.round else f"initial/{base.root.hex()}"
        self.replicas.hold(base.cid, pin, job.layout.size)
        deadline = self._deadline(round_) if round_.phase is Phase.AGGREGATING else None
        return AggregatorSituation(now, since, deadline, self.replicas.gather(job, round_))

    def _deadline(self, round_: Round) -> int | None:
        """The contract's own deadline: after a refutation the history has only a bound."""
        view = self._connection.client.round(round_.job)
        same = view is not None and (view.round, view.phase) == (round_.number, round_.phase)
        return view.deadline if view is not None and same else None

    def _aggregate(self, state: JobState, job: Job, step: PublishAggregate, situation: AggregatorSituation) -> None:
        outcome = self._recompute(state, job, state.rounds[step.round], step)
        if not self._still_wanted(step, situation, outcome):
            self.note("overtaken", state, f"round {step.round} went on without this aggregate", round=step.round)
            return
        self._sender.send(
            "ledger", "publishAggregate", state.number, step.round, outcome.root, outcome.cid, outcome.verdicts
        )
        self.note(
            "published",
            state,
            f"round {step.round}, attempt {step.attempt}: {in_words(outcome)}",
            round=step.round,
            attempt=step.attempt,
            root=outcome.root.hex(),
            claim=outcome.claim.hex(),
            verdicts={str(j.update.index): j.decision.verdict.name for j in outcome.judged},
            reasons={str(j.update.index): j.decision.message for j in outcome.judged if j.decision.message},
        )

    def _recompute(self, state: JobState, job: Job, round_: Round, step: PublishAggregate) -> Outcome:
        """The honest outcome, its model stored and pinned on the way. Raises Unavailable and notes what was lost."""
        connection = self._connection
        advance = self._meter(f"round {round_.number}", bytes_to_read(job, round_))
        try:
            return recompute(
                connection.place,
                state,
                job,
                round_,
                connection.fetch,
                without=step.without,
                threads=self._threads,
                keep=lambda pieces: connection.put(pieces, model_pin(state.number, round_.number)),
                progress=advance,
            )
        except Unavailable as error:
            self.replicas.lost(round_, error.facts.get("file"), job.layout.size)
            raise

    def _still_wanted(self, step: PublishAggregate, situation: AggregatorSituation, outcome: Outcome) -> bool:
        """Look at the ledger again: computing took its time, and others are at work."""
        history = self._connection.refresh()
        state = history.jobs.get(step.job)
        round_ = state.current if state else None
        if state is None or round_ is None or round_.number != step.round:
            return False
        now = max(situation.now, clock(self._connection.client))
        later = AggregatorSituation(now, situation.since, situation.deadline, situation.missing)
        same = [judged.update for judged in outcome.judged] == round_.sorted_updates()
        return same and next_step(history, state, self._sender.address, later) == step


def bytes_to_read(job: Job, round_: Round) -> int:
    """What `recompute` reports to `progress` in all, where every update is admitted."""
    return 2 * job.layout.size * len(round_.updates)


def in_words(outcome: Outcome) -> str:
    """An outcome in one line."""
    admitted = sum(judged.decision.verdict is Verdict.ADMITTED for judged in outcome.judged)
    model = f"model {outcome.root.hex()[:16]}…" if any(outcome.root) else f"no model ({outcome.why})"
    return f"{model}, {admitted} of {len(outcome.judged)} updates admitted"
