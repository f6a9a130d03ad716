"""Masks of jobs: the fold of terms, keys, casts of segments, and sets of rounds with all that is answered for them.

`ledger.history.fold` hands it those events. The rules are MaskBoard's. The log has no clock; but events that name a
deadline tell their block's time, and that is held against the deadlines before it.
"""

from dataclasses import dataclass, field
from typing import assert_never

from ledger.events import masks as r
from ledger.events.members import Role
from ledger.formats.digest import NOTHING
from ledger.history.casts import Casts
from ledger.history.impossible import Impossible
from ledger.history.jobs import LONGEST, Jobs
from ledger.history.members import NO_ROLE, Members
from ledger.history.sets import Sets
from ledger.history.speakers import Speakers
from ledger.history.state.masking import JobMasks, KeyRegistration

MOST_ROUNDS, SMALLEST = 256, 3


@dataclass(slots=True)
class Maskings:
    """The masks of jobs by the job's number, and all registrations of mask keys, in order.

    `due` is the job with a cast or set that a majority agreed with: that it is fixed is the board's next event.
    """

    members: Members
    jobs: Jobs
    by_job: dict[int, JobMasks] = field(default_factory=dict)
    keys: list[KeyRegistration] = field(default_factory=list)
    speakers: Speakers = field(init=False)
    due: int | None = None

    def __post_init__(self) -> None:
        self.speakers = Speakers(self.members)

    def apply(self, event: r.AnyMaskEvent) -> None:
        """Take one more event. Raises Impossible where it cannot follow, and then changes nothing."""
        if self.due != (event.job if isinstance(event, r.CastFixed | r.SetFixed) else None):
            raise Impossible("what a majority agrees with is fixed at once, and nothing else is")
        match event:
            case r.MaskKeyRegistered():
                self._register(event)
            case r.MaskingConfigured():
                self._configure(event)
            case r.SegmentOpened():
                self._casts(event.job).open(event, tuple(self.keys))
            case r.SegmentSetUp():
                self._set_up(event)
            case r.CastProposed() | r.CastAgreed() | r.CastFixed():
                self._settle(event.job, self._casts(event.job).apply(event))
            case r.SetProposed() | r.SetAgreed() | r.SetFixed() | r.Unmasked() | r.SharesGiven() | r.UpdateUnmasked():
                self._settle(event.job, self._sets(event.job).apply(event))
            case _:
                assert_never(event)

    def _settle(self, job: int, agreed: bool) -> None:
        self.due = job if agreed else None

    def _register(self, event: r.MaskKeyRegistered) -> None:
        index = self.members.holder(event.member, NO_ROLE, self.members.epoch).index
        if event.key == NOTHING:
            raise Impossible(f"member {index} cannot have this mask key")
        self.keys.append(KeyRegistration(index, event.key, event.tx, event.block))

    def _configure(self, event: r.MaskingConfigured) -> None:
        job, terms = self.jobs.require(event.job), event.terms
        times = (terms.set_up_seconds, terms.set_seconds, terms.unmask_seconds, terms.share_seconds)
        proper = 0 < terms.segment <= MOST_ROUNDS and terms.smallest >= SMALLEST
        if job.open or event.job in self.by_job or not proper or not all(0 < one <= LONGEST for one in times):
            raise Impossible(f"job {event.job} cannot be masked so")
        self.by_job[event.job] = JobMasks(terms, event.tx, event.block)

    def _set_up(self, event: r.SegmentSetUp) -> None:
        """Of what does not fit, the contract takes note as well: it says nothing."""
        member = self.members.holder(event.member, Role.PARTICIPANT, self.members.epoch).index
        if event.cid == NOTHING:
            raise Impossible(f"member {member} cannot set up a segment without a file")
        if event.job in self.by_job:
            self._casts(event.job).set_up(event, member)

    def _casts(self, job: int) -> Casts:
        return Casts(self.speakers, self.jobs.require(job), self._masks(job))

    def _sets(self, job: int) -> Sets:
        return Sets(self.speakers, self.jobs.require(job), self._masks(job))

    def _masks(self, job: int) -> JobMasks:
        found = self.by_job.get(job)
        if found is None:
            raise Impossible(f"job {job} is not masked")
        return found
