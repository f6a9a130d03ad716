"""Jobs and their rounds: the fold of what is proposed, submitted, published and attested.

`ledger.history.fold` hands it those events.
"""

from dataclasses import dataclass, field
from typing import assert_never

from ledger.events import rounds as r
from ledger.events.members import Role
from ledger.formats import claims
from ledger.formats.digest import NOTHING
from ledger.history.members import NO_ROLE, Members
from ledger.history.state import Aggregate, Attestation, Impossible, JobState, Phase, Round, Update

MAXIMUM_VERDICTS = 255


@dataclass(slots=True)
class Jobs:
    """Jobs by number; `members` are those that act on them."""

    members: Members
    by_number: dict[int, JobState] = field(default_factory=dict)

    def require(self, number: int) -> JobState:
        """A job that was proposed. Raises Impossible where there is none."""
        if number not in self.by_number:
            raise Impossible(f"job {number} was never proposed")
        return self.by_number[number]

    def apply(self, event: r.AnyJobEvent) -> None:
        """Take one more event. Raises Impossible where it cannot follow, and then changes nothing."""
        match event:
            case r.JobProposed():
                self._propose(event)
            case r.JobApproved():
                self._approve(event)
            case r.JobOpened():
                self._open(event)
            case r.JobClosed():
                self._close(event)
            case _:
                assert_never(event)

    def apply_round(self, event: r.AnyRoundEvent) -> None:
        """The same, of an event of a round; the frequent ones first."""
        match event:
            case r.UpdateSubmitted():
                self._submit(event)
            case r.Attested():
                self._attest(event)
            case r.RoundOpened():
                self._open_round(event)
            case r.AggregatePublished():
                self._publish(event)
            case r.RoundFinalised():
                self._finalise(event)
            case r.RoundAbandoned():
                self._abandon(event)
            case r.AggregateRefuted():
                self._refute(event)
            case r.RoundRefuted():
                self._refute_round(event)
            case _:
                assert_never(event)

    def _round(self, job: int, number: int, *phases: Phase) -> Round:
        round_ = self.require(job).current
        if round_ is None or round_.number != number:
            raise Impossible(f"round {number} is not the current round of job {job}")
        if round_.phase not in phases:
            raise Impossible(f"round {number} of job {job} is {round_.phase.value}")
        return round_

    def _attempt(self, job: int, number: int, attempt: int) -> tuple[Round, Aggregate]:
        round_ = self._round(job, number, Phase.ATTESTING)
        if round_.attempt != attempt:
            raise Impossible(f"attempt {attempt} of round {number} is not the current one")
        return round_, round_.aggregates[-1]

    def _propose(self, event: r.JobProposed) -> None:
        self.members.holder(event.proposer, NO_ROLE, self.members.epoch)
        if event.job != len(self.by_number) + 1:
            raise Impossible(f"job {event.job} cannot be the next")
        self.by_number[event.job] = JobState(event.job, event.digest, event.proposer, event.terms, event.tx)

    def _approve(self, event: r.JobApproved) -> None:
        job = self.require(event.job)
        member = self.members.holder(event.member, NO_ROLE, self.members.epoch)
        approvals = job.approvals | {member.key}
        if job.closed or member.key in job.approvals or event.approvals != self.members.standing(approvals):
            raise Impossible(f"impossible: {event.approvals} approvals of job {event.job}")
        job.approvals = approvals

    def _open(self, event: r.JobOpened) -> None:
        job = self.require(event.job)
        majority = 2 * self.members.standing(job.approvals) > self.members.count
        if job.open or job.closed or not majority or event.epoch != self.members.epoch:
            raise Impossible(f"job {event.job} cannot open")
        job.open = True

    def _close(self, event: r.JobClosed) -> None:
        job = self.require(event.job)
        if job.closed:
            raise Impossible(f"job {event.job} is closed")
        job.open, job.closed = False, True

    def _open_round(self, event: r.RoundOpened) -> None:
        job = self.require(event.job)
        epoch = self.members.epoch
        self.members.holder(event.opener, Role.AGGREGATOR, epoch)
        last, number = job.current, event.round
        free = job.open and (last is None or last.phase.terminal)
        if not free or number != len(job.rounds) + 1 or number > job.terms.rounds or event.epoch != epoch:
            raise Impossible(f"round {number} of job {event.job} cannot be opened")
        ends = event.deadline
        opened = Round(event.job, number, event.opener, event.epoch, self.members.count, ends, ends)
        opened.scored_to = next((n for n in reversed(job.scorings) if job.scorings[n].medians is not None), 0)
        job.rounds[number] = opened

    def _submit(self, event: r.UpdateSubmitted) -> None:
        """A key that lost its rights since the round opened may still submit to it, if it was checked before."""
        round_ = self._round(event.job, event.round, Phase.COLLECTING)
        member = self.members.require(event.party)
        heads = self.by_number[event.job].heads
        current = event.party == member.key and member.acts(Role.PARTICIPANT, round_.epoch)
        known = current or self._submitted_since(round_, event.party, member.index)
        if member.index in round_.updates or not known or event.weight < 1:
            raise Impossible(f"an impossible update by member {member.index}")
        head = heads.get(event.party, claims.NO_HEAD)
        heads[event.party] = claims.next_head(head, event.job, event.round, event.weight, event.root, event.cid)
        update = Update(event.party, member.index, event.weight, event.root, event.cid, event.tx)
        round_.updates[member.index] = update

    def _submitted_since(self, round_: Round, party: str, index: int) -> bool:
        """Whether a key submitted to an earlier round of the same epoch."""
        for number in range(round_.number - 1, 0, -1):
            earlier = self.by_number[round_.job].rounds[number]
            if earlier.epoch != round_.epoch:
                return False
            if index in earlier.updates and earlier.updates[index].party == party:
                return True
        return False

    def _publish(self, event: r.AggregatePublished) -> None:
        round_ = self._round(event.job, event.round, Phase.COLLECTING, Phase.AGGREGATING)
        index = self.members.holder(event.aggregator, Role.AGGREGATOR, round_.epoch).index
        last = self.by_number[event.job].terms.attempts
        if event.attempt != round_.attempt + 1 or event.attempt > last or _unfit(event, round_, index):
            raise Impossible(f"attempt {event.attempt} of round {event.round} cannot be published")
        claim = claims.claim(event.job, event.round, event.root, event.cid, event.verdicts)
        round_.aggregates.append(
            Aggregate(
                event.attempt,
                event.aggregator,
                index,
                event.root,
                event.cid,
                event.verdicts,
                claim,
                event.deadline,
                event.tx,
            )
        )
        round_.phase, round_.deadline = Phase.ATTESTING, event.deadline

    def _attest(self, event: r.Attested) -> None:
        round_, aggregate = self._attempt(event.job, event.round, event.attempt)
        index = self.members.holder(event.member, NO_ROLE, round_.epoch).index
        if aggregate.attested_by(index) or event.agrees != (event.claim == aggregate.claim):
            raise Impossible(f"member {index} cannot attest this")
        aggregate.attestations.append(Attestation(event.member, index, event.claim, event.agrees, event.tx))

    def _refute(self, event: r.AggregateRefuted) -> None:
        round_, aggregate = self._attempt(event.job, event.round, event.attempt)
        if aggregate.disagreeing <= round_.members - round_.majority or event.aggregator != aggregate.aggregator:
            raise Impossible("an aggregate was refuted without the members' votes")
        aggregate.outcome = Phase.REFUTED
        round_.phase = Phase.AGGREGATING
        # The contract counts from the block that refuted; it did so by the aggregate's own deadline at the latest.
        round_.deadline = aggregate.deadline + self.by_number[event.job].terms.aggregate_seconds

    def _finalise(self, event: r.RoundFinalised) -> None:
        round_, aggregate = self._attempt(event.job, event.round, event.attempt)
        if (event.root, event.cid) != (aggregate.root, aggregate.cid):
            raise Impossible("another model was finalised than published")
        if aggregate.agreeing < round_.majority or aggregate.empty:
            raise Impossible("a model was finalised without the members' votes")
        round_.phase = aggregate.outcome = Phase.FINALISED

    def _refute_round(self, event: r.RoundRefuted) -> None:
        round_ = self._round(event.job, event.round, Phase.AGGREGATING)
        if round_.attempt < self.by_number[event.job].terms.attempts:
            raise Impossible(f"round {event.round} has attempts left")
        round_.phase = Phase.REFUTED

    def _abandon(self, event: r.RoundAbandoned) -> None:
        round_ = self._round(event.job, event.round, Phase.COLLECTING, Phase.ATTESTING, Phase.AGGREGATING)
        attesting = round_.phase is Phase.ATTESTING
        agreed = attesting and round_.aggregates[-1].agreeing >= round_.majority
        reason = r.Reason.NO_QUORUM if attesting else r.Reason.NO_AGGREGATE
        if event.reason != (r.Reason.TOO_FEW_UPDATES if agreed else reason):
            raise Impossible(f"round {event.round} cannot end for the reason {event.reason}")
        if attesting:
            round_.aggregates[-1].outcome = Phase.ABANDONED
        round_.phase, round_.reason = Phase.ABANDONED, event.reason


def _unfit(event: r.AggregatePublished, round_: Round, index: int) -> bool:
    """Whether the contract would refuse it: half an aggregate, or one by a member refuted in the round."""
    half = (event.root == NOTHING) != (event.cid == NOTHING)
    return half or len(event.verdicts) > MAXIMUM_VERDICTS or any(a.index == index for a in round_.aggregates)
