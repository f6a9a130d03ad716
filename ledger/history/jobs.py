"""Jobs: the fold of what is proposed, approved and closed, and of their rounds.

`ledger.history.fold` hands it those events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from ledger.events import rounds as r
from ledger.formats.claims import RoundName
from ledger.formats.digest import NOTHING
from ledger.formats.head import FoundingRecord
from ledger.history.impossible import Impossible
from ledger.history.members import NO_ROLE, Members
from ledger.history.rounds import Rounds
from ledger.history.state import JobState, Member

LONGEST = 365 * 86400


@dataclass(slots=True)
class Jobs:
    """Jobs by number; `members` are those that act on them, on the ledger that was founded so."""

    members: Members
    founding: FoundingRecord
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
            case r.ModelConvicted():
                self._convict(event)
            case r.JobRewound():
                self._rewind(event)
            case _:
                assert_never(event)

    def apply_round(self, event: r.AnyRoundEvent) -> None:
        """The same, of an event of a round."""
        name = RoundName(self.founding.chain, self.founding.ledger, event.job, event.round)
        Rounds(self.members, self.require(event.job), name).apply(event)

    def _propose(self, event: r.JobProposed) -> None:
        self.members.holder(event.proposer, NO_ROLE, self.members.epoch)
        if event.job != len(self.by_number) + 1 or not _proper(event):
            raise Impossible(f"job {event.job} cannot be the next")
        self.by_number[event.job] = JobState(
            event.job, event.digest, event.proposer, event.terms, event.model, event.tx, block=event.block
        )

    def _approve(self, event: r.JobApproved) -> None:
        """An approval is the member's, not its key's: it counts while the member is active."""
        job = self.require(event.job)
        index = self.members.holder(event.member, NO_ROLE, self.members.epoch).index
        earlier = job.approvals_after(self.members.recoveries)
        approvals = earlier | {index}
        if job.closed or index in earlier or event.approvals != self.members.standing(approvals):
            raise Impossible(f"impossible: {event.approvals} approvals of job {event.job}")
        job.approvals, job.recoveries = approvals, self.members.recoveries

    def _open(self, event: r.JobOpened) -> None:
        job = self.require(event.job)
        majority = 2 * self.members.standing(job.approvals_after(self.members.recoveries)) > self.members.count
        if job.open or job.closed or not majority or event.epoch != self.members.epoch:
            raise Impossible(f"job {event.job} cannot open")
        job.open, job.opened_in = True, event.block

    def _close(self, event: r.JobClosed) -> None:
        job = self.require(event.job)
        if job.closed:
            raise Impossible(f"job {event.job} is closed")
        job.open, job.closed, job.closed_in = False, True, event.block

    def _convict(self, event: r.ModelConvicted) -> None:
        """`ledger.history.court` has seen that the court convicted it."""
        job = self.require(event.job)
        job.convicted, job.sound = event.round, event.before

    def _rewind(self, event: r.JobRewound) -> None:
        job = self.require(event.job)
        standing = job.convicted and not job.closed
        if not standing or (event.round, event.latest) != (job.convicted, job.sound):
            raise Impossible(f"job {event.job} cannot be rewound to round {event.latest} for round {event.round}")
        job.void += ((job.convicted, len(job.rounds)),)
        job.latest, job.convicted, job.sound = job.sound, 0, 0


def approving(job: JobState, members: Mapping[int, Member]) -> list[int]:
    """The members that approved a job, ascending: all on record once it opened, before that those that still count."""
    if job.open or job.closed:
        return sorted(job.approvals)
    standing = job.approvals_after(sum(member.recoveries for member in members.values()))
    return [index for index in sorted(standing) if members[index].active]


def approvals_needed(members: Mapping[int, Member]) -> int:
    """How many of the members must approve a job before it opens: a majority of those there are now."""
    return sum(member.active for member in members.values()) // 2 + 1


def _proper(event: r.JobProposed) -> bool:
    """Whether the contract takes such terms."""
    terms, model = event.terms, event.model
    times = [terms.update_seconds, terms.open_seconds, terms.aggregate_seconds, terms.attest_seconds]
    if terms.score_seconds or terms.reveal_seconds or terms.scorers:
        times += [terms.score_seconds, terms.reveal_seconds]
    counts = terms.rounds and terms.attempts and (len(times) == 4 or terms.scorers)
    named = NOTHING not in (event.digest, model.initial) and model.values > 0
    return bool(counts) and named and all(0 < seconds <= LONGEST for seconds in times)
