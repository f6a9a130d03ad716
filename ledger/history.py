"""The history: the ledger's events folded into members, jobs and rounds.

The contract enforces the rules; the fold checks that the events it is given could have come from it, in order and
without a gap, and so notices a log that was cut, reordered or forged on the way (docs/spec/audit.md).
"""

from collections.abc import Callable, Iterable
from typing import Any

from ledger import commitment
from ledger import records as r
from ledger.errors import FedledgerError
from ledger.state import Aggregate, Attestation, JobState, Member, Phase, Round, Update

__all__ = ["Aggregate", "Attestation", "History", "HistoryError", "JobState", "Member", "Phase", "Round", "Update"]

NO_ROLE = r.Role(0)


class HistoryError(FedledgerError):
    """The events contradict each other: what delivered them cannot be trusted. Nothing was checked."""

    exit_code = 3


class History:
    """The state after a sequence of events, applied one by one. Readers must not change what it gives out."""

    def __init__(self, events: Iterable[r.Event] = ()) -> None:
        self.members: dict[int, Member] = {}
        self.jobs: dict[int, JobState] = {}
        self.epoch = 0
        self.applied = 0
        self._index: dict[str, int] = {}
        self._position = (-1, -1)
        for event in events:
            self.apply(event)

    def member_of(self, key: str) -> Member | None:
        """The member that holds or ever held `key`."""
        index = self._index.get(key)
        return None if index is None else self.members[index]

    def apply(self, event: r.Event) -> None:
        """Take one more event. Raises HistoryError where it cannot follow, and then changes nothing."""
        if (event.block, event.log) <= self._position:
            raise self._impossible(event, "events are out of order")
        handler = _HANDLERS[type(event)]
        handler(self, event)
        self._position = (event.block, event.log)
        self.applied += 1

    def round(self, job: int, number: int) -> Round | None:
        state = self.jobs.get(job)
        return state.rounds.get(number) if state else None

    def electorate(self, round_: Round) -> list[Member]:
        """The members who may attest the round: those whose key was valid when it opened."""
        return [m for m in self.members.values() if m.since <= round_.epoch]

    def _impossible(self, event: r.Event, why: str) -> HistoryError:
        return HistoryError(
            f"the ledger's log is damaged: {why}",
            event=type(event).__name__,
            block=event.block,
            log=event.log,
            advice="read the log again from another RPC endpoint",
        )

    def _member(self, event: r.Event, key: str) -> Member:
        member = self.member_of(key)
        if member is None:
            raise self._impossible(event, f"{key} is not a member")
        return member

    def _holder(self, event: r.Event, key: str, role: r.Role, epoch: int) -> Member:
        """The member whose key speaks now, did so in `epoch`, and who has the role."""
        member = self._member(event, key)
        if member.key != key or member.since > epoch or role not in member.roles:
            raise self._impossible(event, f"{key} had not the right to do this")
        return member

    def _standing(self, keys: set[str]) -> int:
        """How many members stand behind these keys: only a current key counts."""
        return sum(member.key in keys for member in self.members.values())

    def _job(self, event: r.Event, number: int) -> JobState:
        if number not in self.jobs:
            raise self._impossible(event, f"job {number} was never proposed")
        return self.jobs[number]

    def _round(self, event: r.Event, job: int, number: int, *phases: Phase) -> Round:
        round_ = self._job(event, job).current
        if round_ is None or round_.number != number:
            raise self._impossible(event, f"round {number} is not the current round of job {job}")
        if round_.phase not in phases:
            raise self._impossible(event, f"round {number} of job {job} is {round_.phase.value}")
        return round_

    def _attempt(self, event: r.Event, job: int, number: int, attempt: int) -> tuple[Round, Aggregate]:
        round_ = self._round(event, job, number, Phase.ATTESTING)
        if round_.attempt != attempt:
            raise self._impossible(event, f"attempt {attempt} of round {number} is not the current one")
        return round_, round_.aggregates[-1]

    def _admitted(self, event: r.MemberAdmitted) -> None:
        later = event.epoch in (self.epoch, self.epoch + 1)
        if event.index != len(self.members) or event.key in self._index or not 0 < event.roles < 8 or not later:
            raise self._impossible(event, f"member {event.index} cannot be admitted")
        self.members[event.index] = Member(event.index, event.key, r.Role(event.roles), event.epoch, keys=[event.key])
        self._index[event.key] = event.index
        self.epoch = event.epoch

    def _rotated(self, event: r.KeyRotated) -> None:
        member = self.members.get(event.index)
        known = member is not None and member.key == event.old_key and event.new_key not in self._index
        if member is None or not known or event.epoch != self.epoch + 1:
            raise self._impossible(event, f"member {event.index} cannot change its key")
        member.key, member.since = event.new_key, event.epoch
        member.keys.append(event.new_key)
        self._index[event.new_key] = event.index
        self.epoch = event.epoch

    def _rotation_approved(self, event: r.RotationApproved) -> None:
        if event.index not in self.members or event.member not in self.members:
            raise self._impossible(event, "an approval by or for nobody")

    def _announced(self, event: r.Announced) -> None:
        if event.index not in self.members:
            raise self._impossible(event, f"there is no member {event.index}")
        self.members[event.index].gateway = event.gateway

    def _proposed(self, event: r.JobProposed) -> None:
        self._holder(event, event.proposer, NO_ROLE, self.epoch)
        if event.job != len(self.jobs) + 1:
            raise self._impossible(event, f"job {event.job} cannot be the next")
        self.jobs[event.job] = JobState(event.job, event.digest, event.proposer, event.terms)

    def _approved(self, event: r.JobApproved) -> None:
        job = self._job(event, event.job)
        member = self._holder(event, event.member, NO_ROLE, self.epoch)
        approvals = job.approvals | {member.key}
        if member.key in job.approvals or event.approvals != self._standing(approvals):
            raise self._impossible(event, f"{event.approvals} approvals of job {event.job} cannot be")
        job.approvals = approvals

    def _job_opened(self, event: r.JobOpened) -> None:
        job = self._job(event, event.job)
        if job.open or 2 * self._standing(job.approvals) <= len(self.members) or event.epoch != self.epoch:
            raise self._impossible(event, f"job {event.job} cannot open")
        job.open = True

    def _round_opened(self, event: r.RoundOpened) -> None:
        job = self._job(event, event.job)
        self._holder(event, event.opener, r.Role.AGGREGATOR, self.epoch)
        last, number = job.current, event.round
        free = job.open and (last is None or last.phase.terminal)
        if not free or number != len(job.rounds) + 1 or number > job.terms.rounds or event.epoch != self.epoch:
            raise self._impossible(event, f"round {number} of job {event.job} cannot be opened")
        ends = event.deadline
        job.rounds[number] = Round(event.job, number, event.opener, event.epoch, len(self.members), ends, ends)

    def _submitted(self, event: r.UpdateSubmitted) -> None:
        """A key that was retired while the round is open may still submit to it, if it did so before."""
        round_ = self._round(event, event.job, event.round, Phase.COLLECTING)
        member = self._member(event, event.party)
        heads = self.jobs[event.job].heads
        known = member.since <= round_.epoch if event.party == member.key else event.party in heads
        if member.index in round_.updates or not member.has(r.Role.PARTICIPANT) or not known or event.weight < 1:
            raise self._impossible(event, f"an update by member {member.index} that cannot be")
        head = heads.get(event.party, commitment.NO_HEAD)
        heads[event.party] = commitment.next_head(head, event.job, event.round, event.weight, event.root, event.cid)
        update = Update(event.party, member.index, event.weight, event.root, event.cid, event.tx)
        round_.updates[member.index] = update

    def _published(self, event: r.AggregatePublished) -> None:
        round_ = self._round(event, event.job, event.round, Phase.COLLECTING, Phase.AGGREGATING)
        index = self._holder(event, event.aggregator, r.Role.AGGREGATOR, round_.epoch).index
        last = self.jobs[event.job].terms.attempts
        if event.attempt != round_.attempt + 1 or event.attempt > last or self._unfit(event, round_, index):
            raise self._impossible(event, f"attempt {event.attempt} of round {event.round} cannot be")
        claim = commitment.claim(event.job, event.round, event.root, event.cid, event.verdicts)
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

    @staticmethod
    def _unfit(event: r.AggregatePublished, round_: Round, index: int) -> bool:
        """Whether the contract would refuse it: half an aggregate, or one by whom the round has refuted."""
        half = (event.root == bytes(32)) != (event.cid == bytes(32))
        return half or len(event.verdicts) > 255 or any(a.index == index for a in round_.aggregates)

    def _attested(self, event: r.Attested) -> None:
        round_, aggregate = self._attempt(event, event.job, event.round, event.attempt)
        index = self._holder(event, event.member, NO_ROLE, round_.epoch).index
        if aggregate.attested_by(index) or event.agrees != (event.claim == aggregate.claim):
            raise self._impossible(event, f"member {index} cannot attest this")
        aggregate.attestations.append(Attestation(event.member, index, event.claim, event.agrees, event.tx))

    def _aggregate_refuted(self, event: r.AggregateRefuted) -> None:
        round_, aggregate = self._attempt(event, event.job, event.round, event.attempt)
        if aggregate.disagreeing <= round_.members - round_.majority or event.aggregator != aggregate.aggregator:
            raise self._impossible(event, "an aggregate was refuted without the members' votes")
        aggregate.outcome = Phase.REFUTED
        round_.phase = Phase.AGGREGATING
        # The contract counts from the block that refuted; it did so by the aggregate's own deadline at the latest.
        round_.deadline = aggregate.deadline + self.jobs[event.job].terms.aggregate_seconds

    def _finalised(self, event: r.RoundFinalised) -> None:
        round_, aggregate = self._attempt(event, event.job, event.round, event.attempt)
        if (event.root, event.cid) != (aggregate.root, aggregate.cid):
            raise self._impossible(event, "another model was finalised than published")
        if aggregate.agreeing < round_.majority or aggregate.empty:
            raise self._impossible(event, "a model was finalised without the members' votes")
        round_.phase = aggregate.outcome = Phase.FINALISED

    def _round_refuted(self, event: r.RoundRefuted) -> None:
        round_ = self._round(event, event.job, event.round, Phase.AGGREGATING)
        if round_.attempt < self.jobs[event.job].terms.attempts:
            raise self._impossible(event, f"round {event.round} has attempts left")
        round_.phase = Phase.REFUTED

    def _abandoned(self, event: r.RoundAbandoned) -> None:
        round_ = self._round(event, event.job, event.round, Phase.COLLECTING, Phase.ATTESTING, Phase.AGGREGATING)
        attesting = round_.phase is Phase.ATTESTING
        agreed = attesting and round_.aggregates[-1].agreeing >= round_.majority
        reason = r.Reason.NO_QUORUM if attesting else r.Reason.NO_AGGREGATE
        if event.reason != (r.Reason.TOO_FEW_UPDATES if agreed else reason):
            raise self._impossible(event, f"round {event.round} cannot end for the reason {event.reason}")
        if attesting:
            round_.aggregates[-1].outcome = Phase.ABANDONED
        round_.phase, round_.reason = Phase.ABANDONED, event.reason


_HANDLERS: dict[type[r.Event], Callable[[History, Any], None]] = {
    r.MemberAdmitted: History._admitted,
    r.KeyRotated: History._rotated,
    r.RotationApproved: History._rotation_approved,
    r.Announced: History._announced,
    r.JobProposed: History._proposed,
    r.JobApproved: History._approved,
    r.JobOpened: History._job_opened,
    r.RoundOpened: History._round_opened,
    r.UpdateSubmitted: History._submitted,
    r.AggregatePublished: History._published,
    r.Attested: History._attested,
    r.AggregateRefuted: History._aggregate_refuted,
    r.RoundFinalised: History._finalised,
    r.RoundRefuted: History._round_refuted,
    r.RoundAbandoned: History._abandoned,
}
