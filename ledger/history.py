"""The history: the ledger's events folded into members, jobs and rounds; and, by `ledger.decisions`, what they decided.

The contract enforces the rules; the fold checks that the events it is given could have come from it, in order and
without a gap, and so notices a log that was cut, reordered or forged on the way (docs/spec/audit.md).
"""

from collections.abc import Callable, Iterable
from typing import Any

from ledger import commitment
from ledger import records as r
from ledger.actions import NameSuccessor
from ledger.decisions import HANDLERS as _DECISIONS
from ledger.decisions import Decisions, Impossible
from ledger.errors import FedledgerError
from ledger.state import Aggregate, Attestation, JobState, Member, Phase, Round, Update

__all__ = ["Aggregate", "Attestation", "History", "HistoryError", "JobState", "Member", "Phase", "Round", "Update"]

NO_ROLE = r.Role(0)
MINIMUM_MEMBERS = 3


class HistoryError(FedledgerError):
    """The events contradict each other: what delivered them cannot be trusted. Nothing was checked."""

    exit_code = 3


class History:
    """The state after a sequence of events, applied one by one. Readers must not change what it gives out."""

    def __init__(self, events: Iterable[r.Event] = ()) -> None:
        self.members: dict[int, Member] = {}
        self.jobs: dict[int, JobState] = {}
        self.decisions = Decisions()
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
        try:
            self.decisions.require_mandate(event)
            _HANDLERS[type(event)](self, event)
        except Impossible as error:
            raise self._impossible(event, str(error)) from error
        self.decisions.settled(event)
        self._position = (event.block, event.log)
        self.applied += 1

    def round(self, job: int, number: int) -> Round | None:
        state = self.jobs.get(job)
        return state.rounds.get(number) if state else None

    def electorate(self, round_: Round) -> list[Member]:
        """The members who may attest the round: those whose key was valid when it opened."""
        return [m for m in self.members.values() if m.active and m.since <= round_.epoch]

    @property
    def count(self) -> int:
        """How many members are active."""
        return sum(member.active for member in self.members.values())

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

    def _is_active(self, index: int) -> bool:
        member = self.members.get(index)
        return member is not None and member.active

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
        later = event.epoch == self.epoch + 1 or (event.epoch, self.epoch) == (1, 1)
        if event.index != len(self.members) or event.key in self._index or not 0 < event.roles < 8 or not later:
            raise self._impossible(event, f"member {event.index} cannot be admitted")
        self.members[event.index] = Member(event.index, event.key, r.Role(event.roles), event.epoch, keys=[event.key])
        self._index[event.key] = event.index
        self.epoch = event.epoch

    def _removed(self, event: r.MemberRemoved) -> None:
        member = self.members.get(event.index)
        if member is None or member.key != event.key or event.epoch != self.epoch + 1 or self.count <= MINIMUM_MEMBERS:
            raise self._impossible(event, f"member {event.index} cannot be removed")
        member.key, member.roles = "", NO_ROLE
        self.epoch = event.epoch

    def _roles_changed(self, event: r.RolesChanged) -> None:
        member = self.members.get(event.index)
        if member is None or not member.active or event.epoch != self.epoch + 1 or not 0 < event.roles < 8:
            raise self._impossible(event, f"member {event.index} cannot have these roles")
        member.roles = r.Role(event.roles)
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
        if not (self._is_active(event.index) and self._is_active(event.member)):
            raise self._impossible(event, "an approval by or for nobody")

    def _announced(self, event: r.Announced) -> None:
        if not self._is_active(event.index):
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
        if job.closed or member.key in job.approvals or event.approvals != self._standing(approvals):
            raise self._impossible(event, f"{event.approvals} approvals of job {event.job} cannot be")
        job.approvals = approvals

    def _job_opened(self, event: r.JobOpened) -> None:
        job = self._job(event, event.job)
        if job.open or job.closed or 2 * self._standing(job.approvals) <= self.count or event.epoch != self.epoch:
            raise self._impossible(event, f"job {event.job} cannot open")
        job.open = True

    def _job_closed(self, event: r.JobClosed) -> None:
        job = self._job(event, event.job)
        if job.closed:
            raise self._impossible(event, f"job {event.job} is closed")
        job.open, job.closed = False, True

    def _round_opened(self, event: r.RoundOpened) -> None:
        job = self._job(event, event.job)
        self._holder(event, event.opener, r.Role.AGGREGATOR, self.epoch)
        last, number = job.current, event.round
        free = job.open and (last is None or last.phase.terminal)
        if not free or number != len(job.rounds) + 1 or number > job.terms.rounds or event.epoch != self.epoch:
            raise self._impossible(event, f"round {number} of job {event.job} cannot be opened")
        ends = event.deadline
        job.rounds[number] = Round(event.job, number, event.opener, event.epoch, self.count, ends, ends)

    def _submitted(self, event: r.UpdateSubmitted) -> None:
        """A key that lost its rights since the round opened may still submit to it, if it was checked before."""
        round_ = self._round(event, event.job, event.round, Phase.COLLECTING)
        member = self._member(event, event.party)
        heads = self.jobs[event.job].heads
        current = event.party == member.key and member.since <= round_.epoch and member.has(r.Role.PARTICIPANT)
        known = current or self._submitted_since(round_, event.party, member.index)
        if member.index in round_.updates or not known or event.weight < 1:
            raise self._impossible(event, f"an update by member {member.index} that cannot be")
        head = heads.get(event.party, commitment.NO_HEAD)
        heads[event.party] = commitment.next_head(head, event.job, event.round, event.weight, event.root, event.cid)
        update = Update(event.party, member.index, event.weight, event.root, event.cid, event.tx)
        round_.updates[member.index] = update

    def _submitted_since(self, round_: Round, party: str, index: int) -> bool:
        """Whether a key submitted to an earlier round of the same epoch."""
        for number in range(round_.number - 1, 0, -1):
            earlier = self.jobs[round_.job].rounds[number]
            if earlier.epoch != round_.epoch:
                return False
            if index in earlier.updates and earlier.updates[index].party == party:
                return True
        return False

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

    def _proposal_made(self, event: r.Proposed) -> None:
        self._holder(event, event.proposer, NO_ROLE, self.epoch)
        self.decisions.propose(event, self.epoch, self.count)

    def _voted(self, event: r.Voted) -> None:
        epoch = self.decisions.open(event.proposal).epoch
        self.decisions.vote(event, self._holder(event, event.member, NO_ROLE, epoch).index)

    def _vote_skipped(self, event: r.VoteSkipped) -> None:
        self.decisions.open(event.proposal)

    def _rules_changed(self, event: r.RulesChanged) -> None:
        self.decisions.rules = event.rules

    def _successor_named(self, event: r.SuccessorNamed) -> None:
        self.decisions.successor = NameSuccessor(event.chain, event.ledger)

    def _released(self, event: r.Released) -> None:
        round_ = self.round(event.job, event.round)
        self.decisions.publish(event, round_.final.root if round_ and round_.final else None)

    def _decided(self, event: r.Event) -> None:
        _DECISIONS[type(event)](self.decisions, event)


_HANDLERS: dict[type[r.Event], Callable[[History, Any], None]] = {
    **dict.fromkeys(_DECISIONS, History._decided),
    r.MemberRemoved: History._removed,
    r.RolesChanged: History._roles_changed,
    r.SuccessorNamed: History._successor_named,
    r.JobClosed: History._job_closed,
    r.Proposed: History._proposal_made,
    r.Voted: History._voted,
    r.VoteSkipped: History._vote_skipped,
    r.RulesChanged: History._rules_changed,
    r.Released: History._released,
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
