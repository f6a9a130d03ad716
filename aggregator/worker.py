"""The aggregator's steps, decided and carried out: what stands between the pure decision and chain and store."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aggregator.acts import MaskStep, OpenRound, OpenSegment, OpenUpdates, ProposeCast, ProposeSet, PublishAggregate
from aggregator.gathering import Gathered, Gatherer
from aggregator.masking.acting import MaskActs
from aggregator.masking.gathering import MaskGatherer
from aggregator.masking.segments import said_of
from aggregator.situation import AggregatorSituation, MaskSituation
from aggregator.steps import next_step, round_step
from ledger.errors import Unavailable
from ledger.formats.claims import Claimed, claim_of, pack_openings
from ledger.formats.text import plural
from ledger.history.fold import History
from ledger.history.state import JobState, Round
from ledger.jobs.permitted_use import ended
from ledger.party.connection import Connection
from ledger.party.journal import Journal, judgements
from ledger.party.masking.copies import MaskCopies
from ledger.party.pins import receipts_pin
from ledger.party.seals.reader import SealReader
from ledger.party.sharing.exchange import Exchange
from ledger.party.upkeep.making import make
from ledger.party.worker import Worker
from ledger.rounds.admission import Progress, Verdict
from ledger.rounds.facts import RoundFacts, Standpoint
from ledger.rounds.outcome import Outcome, bytes_to_read
from ledger.rounds.receipts import cid_of, encode
from ledger.rounds.steps import Advance, Wait

if TYPE_CHECKING:
    from ledger.chain.sender import Sender

Meter = Callable[[str, int], Progress]
"""Begins to show the progress of a long work: its name, and the bytes that it will read."""
OPENED_AT_ONCE = 60
"""Updates that one transaction opens, at most: what fits well under a block's gas."""


class AggregatorWorker(Worker):
    """Opens rounds and their updates, aggregates, publishes and moves on, as one member."""

    def __init__(
        self,
        connection: Connection,
        sender: "Sender",
        journal: Journal,
        exchange: Exchange,
        *,
        threads: int = 1,
        meter: Meter | None = None,
    ) -> None:
        super().__init__(connection, sender, journal)
        self.exchange, self.copies = exchange, MaskCopies(connection, signers=exchange.sharing.signers)
        self.gatherer = Gatherer(self.copies, exchange)
        self._masking = MaskGatherer(connection, self.copies, self.gatherer)
        self._acts = MaskActs(self, connection, sender, self._masking, threads)
        self._waits: dict[int, int] = {}
        self._threads, self._meter = threads, meter or (lambda _name, _size: lambda _bytes: None)

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """See `Worker.advance`."""
        facts = self._under_way(state)
        self.exchange.forget(state)
        gathered, masks, trouble = self._gather(history, state, facts, since, now)
        if facts is not None:
            self.note_missing(facts, gathered.files)
            self.exchange.sharing.offer(facts)
        known = gathered.situation(now, self._connection.deep(), since, self._ended(history, state))
        over = ended(self.document(state).permitted_use, now)
        situation = replace(known, name=self._connection.name, masks=masks, over=over)
        step = next_step(history, state, self.key, situation)
        self._waits.pop(state.number, None)
        if isinstance(step, Wait):
            if trouble is not None:
                raise trouble
            return self._wait(history, state, step)
        return self._take(step, state, facts, situation, gathered)

    def _take(
        self,
        step: OpenRound | OpenUpdates | PublishAggregate | MaskStep | Advance,
        state: JobState,
        facts: RoundFacts | None,
        situation: AggregatorSituation,
        gathered: Gathered,
    ) -> Wait | None:
        match step:
            case OpenRound():
                self._open(state)
            case OpenUpdates():
                return self._open_updates(facts or self.facts(state, step.round), gathered)
            case PublishAggregate():
                return self._publish(facts or self.facts(state, step.round), step, situation, gathered)
            case Advance():
                self.move_on(state, step)
            case OpenSegment():
                self._acts.open_segment(state, step)
            case ProposeCast():
                return self._acts.propose_cast(state, step)
            case ProposeSet():
                facts = facts or self.facts(state, step.round)
                due = partial(self._still_due, facts, step, situation)
                return self._acts.propose_set(facts, step, gathered.receipts_of(step.certified), due)
        return None

    def _gather(
        self, history: History, state: JobState, facts: RoundFacts | None, since: int, now: int
    ) -> tuple[Gathered, MaskSituation, Unavailable | None]:
        """What there is by now. Trouble with a segment that is set up holds the round up no more than it must."""
        masks = history.masks.get(state.number)
        if masks is None:
            return (Gathered() if facts is None else self.gatherer.gather(facts, since, now)), MaskSituation(), None
        known, trouble = MaskSituation(), None
        try:
            known = self._masking.segment(state, masks, now)
        except Unavailable as error:
            trouble = error
        if facts is None:
            return Gathered(), known, trouble
        return *self._masking.of_round(facts, masks, since, now, known), trouble

    def _wait(self, history: History, state: JobState, wait: Wait) -> Wait:
        """In a masked job more hangs on the time: until when it is waited is remembered."""
        if wait.until is not None and state.number in history.masks:
            self._waits[state.number] = wait.until
        return wait

    def due_in(self, jobs: frozenset[int]) -> list[float]:
        """Seconds until a step of these jobs is due that no change of the ledger announces."""
        now = self._connection.time()
        waits = [max(0.0, float(until - now)) for job, until in self._waits.items() if job in jobs]
        return waits + self.gatherer.due_in(jobs)

    def seen(self, state: JobState) -> Hashable:
        """Also what was said on the job's masks."""
        masks = self._connection.history.masks.get(state.number)
        return super().seen(state) if masks is None else (super().seen(state), said_of(masks, len(state.rounds)))

    def _under_way(self, state: JobState) -> RoundFacts | None:
        """The facts of the round that is open; None without such a round.

        Even then the job's document is kept and checked: no round is opened for one that cannot be verified.
        """
        self.document(state)
        round_ = state.current
        return None if round_ is None or round_.phase.terminal else self.facts(state, round_.number)

    def _ended(self, history: History, state: JobState) -> int:
        """When the last round ended, which only an aggregator with strikes has to know."""
        member = history.member_of(self.key)
        struck = member is not None and state.strikes.get(member.index, 0)
        return self._connection.client.course(state.number).ended_at if struck else 0

    def _open(self, state: JobState) -> None:
        self._sender.send("ledger", "openRound", state.number)
        number = len(state.rounds) + 1
        self.note("opened", state, f"round {number} opened", round=number)

    def _open_updates(self, facts: RoundFacts, gathered: Gathered) -> Wait | None:
        """In the order of members, so that a crash in between sends the same transaction again."""
        agreed = self.require_agreement_now(facts, "show")
        if isinstance(agreed, Wait):
            return agreed
        ready = [gathered.openings[index] for index in sorted(gathered.openings)]
        for start in range(0, len(ready), OPENED_AT_ONCE):
            batch = ready[start : start + OPENED_AT_ONCE]
            self._sender.send("ledger", "openUpdates", facts.round.job, facts.round.number, pack_openings(batch))
        text = f"round {facts.round.number}: {plural(len(ready), 'update')} opened"
        self.note("shown", facts.state, text, round=facts.round.number, members=sorted(gathered.openings))
        return None

    def _publish(
        self, facts: RoundFacts, step: PublishAggregate, situation: AggregatorSituation, gathered: Gathered
    ) -> Wait | None:
        """What was made is stored before it is claimed: the receipts, and the model."""
        earlier = self.require_agreement_now(facts, "publish")
        if isinstance(earlier, Wait):
            return earlier
        self.copies.check_base(facts)
        state, receipts = facts.state, encode(gathered.receipts_of(step.certified))
        self._connection.put([receipts], receipts_pin(step.job, step.round, step.attempt))
        outcome = self._recompute(facts, step)
        if not self._is_due(facts, step, situation, outcome):
            self.note("overtaken", state, f"round {step.round} went on without this aggregate", round=step.round)
            return None
        if facts.masks is None and (late := self.gatherer.overdue(facts, step.certified, self._connection.time())):
            text = f"round {step.round}: members signed for more updates meanwhile; it is computed again"
            self.note("signed", state, text, round=step.round, members=sorted(late))
            return None
        later = self.require_agreement_now(facts, "publish")
        point = earlier if isinstance(later, Wait) else later
        said = self.said(facts, outcome, Standpoint(point.number, point.hash, point.head, cid_of(receipts).digest))
        claim = claim_of(facts.name, outcome.opened, said)
        self._sender.send("ledger", "publishAggregate", step.job, step.round, tuple(said), claim)
        self.note(
            "published",
            state,
            f"round {step.round}, attempt {step.attempt}: {describe(outcome)}",
            round=step.round,
            attempt=step.attempt,
            root=said.root.hex(),
            claim=claim.hex(),
            **judgements(outcome),
        )
        return None

    def said(self, facts: RoundFacts, outcome: Outcome, point: Standpoint) -> Claimed:
        """What is published of an outcome."""
        return outcome.claimed(point)

    def _recompute(self, facts: RoundFacts, step: PublishAggregate) -> Outcome:
        """The honest outcome, its model stored and pinned on the way. Raises Unavailable and notes what was lost."""
        connection = self._connection
        facts = SealReader(connection.folder).open(facts, connection.fetch)
        progress = self._meter(f"round {step.round}", bytes_to_read(facts))
        try:
            return make(connection, facts, step.certified, threads=self._threads, progress=progress)
        except Unavailable as error:
            self.copies.lost(facts, error.facts.get("file"))
            raise

    def _is_due(
        self, facts: RoundFacts, step: PublishAggregate, situation: AggregatorSituation, outcome: Outcome
    ) -> bool:
        """Look at the ledger again: computing took its time, others are at work, and young signatures grew old."""
        same = self._still_due(facts, step, situation)
        return same is not None and [judged.update for judged in outcome.judged] == same.sorted_updates()

    def _still_due(
        self, facts: RoundFacts, step: PublishAggregate | ProposeSet, situation: AggregatorSituation
    ) -> Round | None:
        """The round by the ledger as it is now, where the step is to be taken still."""
        history = self._connection.refresh()
        state = history.jobs.get(step.job)
        if state is None or step.round not in state.rounds:
            return None
        now, deep = max(situation.now, self._connection.time()), self._connection.deep()
        later = replace(situation, now=now, deep=deep)
        if situation.settled:
            later = replace(later, settled=self.gatherer.settled(facts, later.now)[1])
        return state.rounds[step.round] if round_step(history, state, self.key, later) == step else None


def describe(outcome: Outcome) -> str:
    """An outcome in one line."""
    admitted = sum(judged.decision.verdict is Verdict.ADMITTED for judged in outcome.judged)
    model = f"model {outcome.root.hex()[:16]}…" if any(outcome.root) else f"no model ({outcome.why})"
    return f"{model}, {admitted} of {len(outcome.judged)} updates admitted"
