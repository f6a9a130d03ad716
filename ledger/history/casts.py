"""Casts of segments: the fold of openings, set-ups, proposals and agreement. `ledger.history.masking` hands it those
events.
"""

from dataclasses import dataclass
from typing import assert_never

from ledger.events import masks as r
from ledger.history.impossible import Impossible
from ledger.history.speakers import Speakers
from ledger.history.state import JobState
from ledger.history.state.masking import (
    Agreed,
    JobMasks,
    KeyRegistration,
    MaskProposal,
    SegmentState,
    SetUp,
    members_in,
)

AnyCastEvent = r.CastProposed | r.CastAgreed | r.CastFixed


@dataclass(slots=True)
class Casts:
    """The segments of one masked job."""

    speakers: Speakers
    job: JobState
    masks: JobMasks

    def open(self, event: r.SegmentOpened, keys: tuple[KeyRegistration, ...]) -> None:
        """A segment is opened, after these registrations of mask keys. Raises Impossible where it cannot be, and then
        changes nothing.
        """
        members, terms = self.speakers.members, self.masks.terms
        opener = self.speakers.aggregator(event.aggregator, members.epoch)
        current, last = self.job.current, self.masks.segments.get(self.masks.latest)
        number = self.masks.number_of((current.number if current else 0) + 1)
        following = self.masks.segments.get(number)
        early = event.segment == number + 1 and following is not None and following.cast is not None
        known = self.masks.segments.get(event.segment)
        fixed = known is not None and known.cast is not None
        begun = event.deadline - terms.set_up_seconds
        busy = last is not None and last.cast is None and begun <= last.quiet_until + terms.set_seconds
        if not (event.segment == number or early) or fixed or busy:
            raise Impossible(f"segment {event.segment} of job {event.job} cannot be opened")
        roster = frozenset(members.keys) & {one.index for one in keys}
        if members_in(event.roster) != roster or len(roster) < self.masks.least(len(roster)):
            raise Impossible(f"segment {event.segment} of job {event.job} has another roster")
        where = (members.epoch, members.count, event.deadline, event.tx, event.block)
        self.masks.segments[event.segment] = SegmentState(event.segment, opener, roster, keys, *where)
        self.masks.latest = event.segment

    def apply(self, event: AnyCastEvent) -> bool:
        """Take one more event: whether a majority agrees, by this one, with what is proposed.

        Raises Impossible where it cannot follow, and then changes nothing.
        """
        segment = self.masks.segments.get(event.segment)
        if segment is None or event.segment != self.masks.latest or segment.cast is not None:
            raise Impossible(f"segment {event.segment} of job {event.job} is not being set up")
        match event:
            case r.CastProposed():
                self._propose(event, segment)
            case r.CastAgreed():
                return self._agree(event, segment)
            case r.CastFixed():
                self._fix(event, segment)
            case _:
                assert_never(event)
        return False

    def set_up(self, event: r.SegmentSetUp, member: int) -> None:
        """A member's first counts that is for the latest opening of this segment, until its cast is fixed. That it came
        in time is the contract's word.
        """
        segment = self.masks.segments.get(event.segment)
        if segment is None or event.segment != self.masks.latest or segment.cast is not None:
            return
        if member in segment.roster and event.deadline == segment.deadline:
            segment.setups.setdefault(member, SetUp(member, event.cid, event.tx, event.block, event.member))

    def _propose(self, event: r.CastProposed, segment: SegmentState) -> None:
        index = self.speakers.aggregator(event.aggregator, segment.epoch)
        cast = members_in(event.cast)
        lapsed = {one.proposer for one in segment.proposals}
        # A first one lives until the end of the time to set up, or for `set_seconds` from its block on.
        after = self.masks.terms.set_seconds if segment.proposals else -1
        fits = cast <= segment.roster and len(cast) >= self.masks.least(len(segment.roster))
        if event.deadline - after <= segment.quiet_until or index in lapsed or not fits:
            raise Impossible(f"member {index} cannot propose this cast of segment {event.segment}")
        signer, where = event.aggregator, (event.tx, event.block)
        agreeing = {index: Agreed(signer, *where)}
        proposal = MaskProposal(index, cast, event.deadline, *where, signer, agreeing=agreeing)
        segment.proposals.append(proposal)

    def _agree(self, event: r.CastAgreed, segment: SegmentState) -> bool:
        index = self.speakers.member(event.member, segment.epoch)
        if not segment.proposals or index in segment.proposals[-1].agreeing:
            raise Impossible(f"member {index} cannot agree with a cast of segment {event.segment}")
        self.speakers.remember(event.member, index, segment.epoch)
        segment.proposals[-1].agreeing[index] = Agreed(event.member, event.tx, event.block)
        return len(segment.proposals[-1].agreeing) >= segment.majority

    def _fix(self, event: r.CastFixed, segment: SegmentState) -> None:
        proposal = segment.proposals[-1] if segment.proposals else None
        if proposal is None or len(proposal.agreeing) < segment.majority or members_in(event.cast) != proposal.members:
            raise Impossible(f"no majority agrees with this cast of segment {event.segment}")
        segment.cast, segment.fixed_in = proposal.members, event.block
