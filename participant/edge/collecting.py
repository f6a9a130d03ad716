"""A round as an edge collects for it: what follows from ledger and job, for the service, the node and the clients."""

from dataclasses import dataclass

from ledger.errors import Malformed
from ledger.events.records import Role, Terms
from ledger.formats.header import Binding
from ledger.history.phases import present
from ledger.history.state import JobState, Member, Phase, Round
from ledger.jobs.document import Job
from ledger.jobs.hierarchy import Hierarchy
from ledger.rounds.facts import Base, Place, base_of, binding_of_base, update_binding
from participant.edge.documents import RoundTask, TaskBase

LONGEST_RESERVE = 300
"""Seconds before the ledger's deadline at which an edge takes no further update, at most: it sums and commits then."""


@dataclass(frozen=True, slots=True)
class Collecting:
    """A round that collects. `builds_on` is the root that its base model's header names; `members` are the keys whose
    updates may be in the edge's sum, and `closes` is the last second, by the chain's clock, in which one is taken.
    """

    place: Place
    job: Job
    round: Round
    base: Base
    builds_on: bytes
    edge: int
    closes: int
    members: frozenset[str]

    @property
    def hierarchy(self) -> Hierarchy:
        """The job's. Raises Malformed for a job without edges."""
        return hierarchy_of(self.job)

    @property
    def key(self) -> tuple[int, int]:
        return self.round.job, self.round.number

    def binding(self, key: str) -> Binding:
        """What everyone knows of the header of the edge's sum; `key` is the member's."""
        return update_binding(self.place, self.round, key, self.base, "sum")

    def task(self, now: int) -> RoundTask:
        """What clients are told."""
        base = TaskBase(
            round=self.base.round,
            root=self.base.root.hex(),
            cid=str(self.base.cid),
            builds_on=self.builds_on.hex(),
        )
        return RoundTask(
            job=self.round.job,
            digest=self.job.digest.hex(),
            round=self.round.number,
            base=base,
            seconds=max(self.closes - now, 0),
            members=self.hierarchy.members(self.edge).hex(),
        )


def hierarchy_of(job: Job) -> Hierarchy:
    """A job's section of edges. Raises Malformed where it has none."""
    if job.hierarchy is None:
        raise Malformed("this job has no edges", job=job.name)
    return job.hierarchy


def is_edge(job: Job, member: Member | None) -> bool:
    """Whether a member is an edge in a job."""
    return member is not None and job.is_edge(member.index)


def closes_at(round_: Round, terms: Terms) -> int:
    """The last second in which an edge takes updates: a quarter of the time that the ledger gives is left then, and
    never more than five minutes.
    """
    return round_.update_deadline - min(max(terms.update_seconds // 4, 1), LONGEST_RESERVE)


def collects(state: JobState, job: Job, member: Member, now: int) -> Round | None:
    """The job's round in which this edge collects updates, or still may; None where there is none."""
    round_ = state.current
    if round_ is None or not is_edge(job, member) or member.index in round_.commitments:
        return None
    if present(round_, state.terms, now).phase is not Phase.COLLECTING:
        return None
    return round_ if member.acts(Role.PARTICIPANT, round_.epoch) else None


def collecting(
    place: Place, state: JobState, job: Job, round_: Round, edge: int, members: frozenset[str]
) -> Collecting:
    """A round that an edge collects for; `members` are those of its list that are in no list before it."""
    base = base_of(state, job, round_.number)
    builds_on = binding_of_base(place, state, job, base).base
    return Collecting(place, job, round_, base, builds_on, edge, closes_at(round_, state.terms), members)


def is_due(collected: int, at: Collecting, now: int) -> bool:
    """Whether a sum is to be made of so many updates: all that can come have come, or the time is over; and they are
    enough.
    """
    if collected < at.hierarchy.min_children:
        return False
    return now > at.closes or collected >= min(len(at.members), at.hierarchy.max_children)
