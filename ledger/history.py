"""The history: the ledger's events folded into members, jobs and rounds.

The contract enforces the rules; the fold checks that the events it is given could have come from it, in order and
without a gap, and so notices a log that was cut, reordered or forged on the way (docs/spec/audit.md).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ledger import commitment
from ledger import records as r
from ledger.errors import FedledgerError


class HistoryError(FedledgerError):
    """The events contradict each other: what delivered them cannot be trusted. Nothing was checked."""

    exit_code = 3


class Phase(Enum):
    """Where a round is; the last three are terminal."""

    COLLECTING = "Collecting"
    ATTESTING = "Attesting"
    AGGREGATING = "Aggregating"
    FINALISED = "Finalised"
    REFUTED = "Refuted"
    ABANDONED = "Abandoned"

    @property
    def terminal(self) -> bool:
        return self in (Phase.FINALISED, Phase.REFUTED, Phase.ABANDONED)


@dataclass(slots=True)
class Member:
    """A member: `key` speaks for it from epoch `since` on; `keys` are all it ever had."""

    index: int
    key: str
    roles: r.Role
    since: int
    keys: list[str]
    gateway: str = ""

    def has(self, role: r.Role) -> bool:
        return bool(self.roles & role)


@dataclass(frozen=True, slots=True)
class Update:
    """What a party registered for a round."""

    party: str
    index: int
    weight: int
    root: bytes
    cid: bytes
    tx: bytes


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a member says it computed for a round."""

    member: str
    index: int
    claim: bytes
    agrees: bool
    tx: bytes


@dataclass(slots=True)
class Aggregate:
    """One attempt at a round's outcome. `outcome` is None while members attest."""

    attempt: int
    aggregator: str
    index: int
    root: bytes
    cid: bytes
    verdicts: bytes
    claim: bytes
    deadline: int
    tx: bytes
    attestations: list[Attestation] = field(default_factory=list)
    outcome: Phase | None = None

    @property
    def empty(self) -> bool:
        """Whether it claims that no model can be made."""
        return self.root == bytes(32)

    def attested_by(self, index: int) -> bool:
        return index == self.index or any(a.index == index for a in self.attestations)


@dataclass(slots=True)
class Round:
    """A round. `deadline` is the end of its present phase, in seconds since 1970."""

    job: int
    number: int
    opener: str
    epoch: int
    update_deadline: int
    deadline: int
    phase: Phase = Phase.COLLECTING
    updates: dict[int, Update] = field(default_factory=dict)
    aggregates: list[Aggregate] = field(default_factory=list)
    reason: r.Reason = r.Reason.NONE

    @property
    def attempt(self) -> int:
        return len(self.aggregates)

    @property
    def final(self) -> Aggregate | None:
        """The aggregate that was finalised with a model, where there is one."""
        last = self.aggregates[-1] if self.aggregates else None
        return last if self.phase is Phase.FINALISED else None

    def sorted_updates(self) -> list[Update]:
        """By ascending member index: the order of verdicts, and of everything that is computed."""
        return [self.updates[index] for index in sorted(self.updates)]


@dataclass(slots=True)
class JobState:
    """A job as the ledger knows it; its document is in the content store under `digest`."""

    number: int
    digest: bytes
    proposer: str
    terms: r.Terms
    approvals: set[str] = field(default_factory=set)
    open: bool = False
    rounds: dict[int, Round] = field(default_factory=dict)
    heads: dict[str, bytes] = field(default_factory=dict)

    @property
    def current(self) -> Round | None:
        return self.rounds.get(len(self.rounds))

    @property
    def complete(self) -> bool:
        """Whether the job's last round has ended."""
        last = self.current
        return last is not None and last.number == self.terms.rounds and last.phase.terminal

    def latest_model(self, before: int | None = None) -> Aggregate | None:
        """The last finalised global model, of a round below `before` where given."""
        top = len(self.rounds) if before is None else before - 1
        for number in range(top, 0, -1):
            final = self.rounds[number].final
            if final is not None:
                return final
        return None


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
        if event.index != len(self.members) or event.key in self._index:
            raise self._impossible(event, f"member {event.index} cannot be admitted")
        self.members[event.index] = Member(event.index, event.key, r.Role(event.roles), event.epoch, keys=[event.key])
        self._index[event.key] = event.index
        self.epoch = event.epoch

    def _rotated(self, event: r.KeyRotated) -> None:
        member = self.members.get(event.index)
        if member is None or member.key != event.old_key or event.new_key in self._index:
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
        self._member(event, event.proposer)
        if event.job != len(self.jobs) + 1:
            raise self._impossible(event, f"job {event.job} cannot be the next")
        self.jobs[event.job] = JobState(event.job, event.digest, event.proposer, event.terms)

    def _approved(self, event: r.JobApproved) -> None:
        self._member(event, event.member)
        self._job(event, event.job).approvals.add(event.member)

    def _job_opened(self, event: r.JobOpened) -> None:
        job = self._job(event, event.job)
        if job.open:
            raise self._impossible(event, f"job {event.job} is open already")
        job.open = True

    def _round_opened(self, event: r.RoundOpened) -> None:
        job = self._job(event, event.job)
        self._member(event, event.opener)
        last = job.current
        if not job.open or event.round != len(job.rounds) + 1 or (last is not None and not last.phase.terminal):
            raise self._impossible(event, f"round {event.round} of job {event.job} cannot be opened")
        job.rounds[event.round] = Round(
            event.job, event.round, event.opener, event.epoch, event.deadline, event.deadline
        )

    def _submitted(self, event: r.UpdateSubmitted) -> None:
        round_ = self._round(event, event.job, event.round, Phase.COLLECTING)
        index = self._member(event, event.party).index
        if index in round_.updates:
            raise self._impossible(event, f"a second update by member {index}")
        round_.updates[index] = Update(event.party, index, event.weight, event.root, event.cid, event.tx)
        heads = self.jobs[event.job].heads
        heads[event.party] = commitment.next_head(
            heads.get(event.party, commitment.NO_HEAD), event.job, event.round, event.weight, event.root, event.cid
        )

    def _published(self, event: r.AggregatePublished) -> None:
        round_ = self._round(event, event.job, event.round, Phase.COLLECTING, Phase.AGGREGATING)
        index = self._member(event, event.aggregator).index
        if event.attempt != round_.attempt + 1:
            raise self._impossible(event, f"attempt {event.attempt} cannot be the next")
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

    def _attested(self, event: r.Attested) -> None:
        _, aggregate = self._attempt(event, event.job, event.round, event.attempt)
        index = self._member(event, event.member).index
        if aggregate.attested_by(index) or event.agrees != (event.claim == aggregate.claim):
            raise self._impossible(event, f"member {index} cannot attest this")
        aggregate.attestations.append(Attestation(event.member, index, event.claim, event.agrees, event.tx))

    def _aggregate_refuted(self, event: r.AggregateRefuted) -> None:
        round_, aggregate = self._attempt(event, event.job, event.round, event.attempt)
        aggregate.outcome = Phase.REFUTED
        round_.phase = Phase.AGGREGATING
        # The contract counts from the block that refuted; it did so by the aggregate's own deadline at the latest.
        round_.deadline = aggregate.deadline + self.jobs[event.job].terms.aggregate_seconds

    def _finalised(self, event: r.RoundFinalised) -> None:
        round_, aggregate = self._attempt(event, event.job, event.round, event.attempt)
        if (event.root, event.cid) != (aggregate.root, aggregate.cid):
            raise self._impossible(event, "another model was finalised than published")
        round_.phase = aggregate.outcome = Phase.FINALISED

    def _round_refuted(self, event: r.RoundRefuted) -> None:
        self._round(event, event.job, event.round, Phase.AGGREGATING).phase = Phase.REFUTED

    def _abandoned(self, event: r.RoundAbandoned) -> None:
        round_ = self._round(event, event.job, event.round, Phase.COLLECTING, Phase.ATTESTING, Phase.AGGREGATING)
        if round_.phase is Phase.ATTESTING:
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
