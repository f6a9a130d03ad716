"""What an aggregator does for the segments of a masked job, beside its rounds: who has them opened, and proposes whose
set-ups count. Pure.

All times are seconds of the chain's clock; a deadline's own second is in time. An aggregator that dies after any of its
acts is followed by the next by rank: a segment without a cast is opened again, and a cast without a majority is
proposed again.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace

from aggregator.acts import OpenSegment, ProposeCast
from aggregator.situation import AggregatorSituation
from aggregator.turns import order, rank
from ledger.events.records import Role
from ledger.formats.text import clock_text, listed
from ledger.history.fold import History
from ledger.history.state import JobState, Member
from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState
from ledger.masks.segment import sound_keys
from ledger.rounds.steps import COURTESY, Wait

SegmentStep = OpenSegment | ProposeCast

WAITED_PART = 2
"""In the last of so many parts of the time to propose a cast, no set-up is waited for any more, nor its file: who
publishes late holds nobody up.
"""


def segment_step(history: History, state: JobState, me: str, at: AggregatorSituation) -> SegmentStep | Wait | None:
    """What the aggregator with the key `me` does next for a job's segments; None where none is to be set up."""
    masks, member = history.masks.get(state.number), history.member_of(me)
    if masks is None or not state.open or member is None or member.key != me or not member.has(Role.AGGREGATOR):
        return None
    wanted = wanted_segment(state, masks)
    if wanted is None:
        return None
    of = _Decision(history, state, masks, member, at, wanted)
    segment = masks.segments.get(wanted)
    return _open(of, at.since) if segment is None else _cast(of, segment)


@dataclass(frozen=True, slots=True)
class _Decision:
    """What the decisions of a segment look at; `number` is the one that is to have a cast."""

    history: History
    state: JobState
    masks: JobMasks
    member: Member
    at: AggregatorSituation
    number: int

    @property
    def name(self) -> str:
        return f"segment {self.number}"

    def in_turn(self, start: int, step: SegmentStep) -> SegmentStep | Wait:
        """The step, by rank from `start` on."""
        ranks = order(self.history, self.state)
        mine, first = start + COURTESY * rank(ranks, self.member), self.at.name(ranks[0].index)
        if self.at.now >= mine:
            return step
        does = "open" if isinstance(step, OpenSegment) else "propose the cast of"
        return Wait(f"leaves it to {first} to {does} {self.name}, until {clock_text(mine)}", mine)


def wanted_segment(state: JobState, masks: JobMasks) -> int | None:
    """The segment that is to have a cast, and has none: that of the round to be opened next, and while a segment's
    last round runs the one after it. None where there is none. The contract takes no other before it.
    """
    if state.complete:
        return None
    round_, number = state.current, len(state.rounds)
    under_way = round_ is not None and not round_.phase.terminal
    if under_way and state.finalised + 1 == state.terms.rounds:
        return None
    wanted = masks.number_of(number + 1)
    segment = masks.segments.get(wanted)
    return wanted if segment is None or segment.cast is None else None


def without_cast(state: JobState, masks: JobMasks, at: AggregatorSituation) -> str:
    """Why no round is to be opened yet: members bring nothing to one whose segment has no deep cast. Empty where it has
    one.
    """
    number = len(state.rounds) + 1
    segment = masks.segment_of(number)
    if segment is None or segment.cast is None:
        return f"round {number} waits for the cast of segment {masks.number_of(number)}"
    if segment.fixed_in > at.deep.number:
        return f"round {number} waits for further blocks of the chain"
    return ""


def said_of(masks: JobMasks, round_: int) -> Hashable:
    """What was said of the latest round, and of the segment opened last: what waiting for a next step depends on."""
    mine = masks.rounds.get(round_, RoundMasks(round_))
    segment = max(masks.segments.values(), key=lambda one: one.block, default=None)
    set_up = (segment.tx, len(segment.setups), len(segment.proposals), segment.fixed_in) if segment else ()
    return len(mine.proposals), mine.fixed_in, len(mine.answers), len(mine.given), set_up


def free_at(masks: JobMasks, segment: SegmentState) -> int:
    """The second from which on a segment without a cast may be opened again, or give way to another."""
    last = segment.proposals[-1].deadline if segment.proposals else segment.deadline
    return last + masks.terms.set_seconds + 1


def _open(of: _Decision, start: int) -> SegmentStep | Wait:
    """From `start` on, once every participant has a sound key, or the time that members have to agree with anything has
    passed.
    """
    at, masks = of.at, of.masks
    other = max(masks.segments.values(), key=lambda one: one.block, default=None)
    if other is not None and other.cast is None and at.now < free_at(masks, other):
        return Wait(f"{of.name} waits until segment {other.number} gives way", free_at(masks, other))
    keys = sound_keys((one.index, one.key) for one in of.history.mask_keys)
    active = [one for one in of.history.members.values() if one.active]
    settled = keys.keys() | of.state.withdrawn.keys()
    keyless = [one.index for one in active if one.has(Role.PARTICIPANT) and one.index not in settled]
    until = start + masks.terms.set_seconds
    if keyless and at.now < until:
        return Wait(f"{of.name} waits for the mask keys of {listed(map(at.name, keyless))}", until)
    roster = [one.index for one in active if one.index in keys]
    least = masks.least(len(roster))
    if len(roster) < least:
        return Wait(f"{of.name} has too few members with a mask key: {len(roster)} of {least}")
    return of.in_turn(until if keyless else start, OpenSegment(of.state.number, of.number))


def _cast(of: _Decision, segment: SegmentState) -> SegmentStep | Wait:
    """Any aggregator proposes, once: as soon as nobody else can be in the cast, or the time to set up is over. One that
    has nothing to propose opens the segment again, as soon as it may.
    """
    at, last = of.at, segment.proposals[-1] if segment.proposals else None
    if last is not None and at.now <= last.deadline:
        return Wait(f"members agree with the cast that {at.name(last.proposer)} proposed", last.deadline + 1)
    in_set_up = at.now <= segment.deadline
    if in_set_up and not at.masks.whole:
        done = f"{len(segment.setups)} of {len(segment.roster)} members have set up {of.name}"
        return Wait(f"{done}, until {clock_text(segment.deadline)}", segment.deadline + 1)
    begun, free = at.since if in_set_up else (last or segment).deadline + 1, free_at(of.masks, segment)
    unready = _unready(of, segment, begun)
    if unready is None:
        return of.in_turn(begun, ProposeCast(of.state.number, of.number, at.masks.cast))
    if at.now < free:
        return replace(unready, until=min(unready.until or free, free))
    return _open(of, free)


def _unready(of: _Decision, segment: SegmentState, begun: int) -> Wait | None:
    """Why this member proposes no cast now, and until when that may last; None where it may."""
    at, masks = of.at, of.masks
    if of.member.index in {one.proposer for one in segment.proposals}:
        return Wait(f"its own cast of {of.name} lapsed")
    if not of.member.acts(Role.AGGREGATOR, segment.epoch):
        return Wait(f"this key or its role came after {of.name} was opened")
    files, late = at.masks, begun + masks.terms.set_seconds // WAITED_PART
    if at.now < late and any(one.block > at.deep.number for one in segment.setups.values()):
        return Wait(f"{of.name} waits for further blocks of the chain", late)
    if (files.copying or files.missing) and at.now < late:
        lacking = ", ".join(files.copying) or f"the set-up files of {listed(map(at.name, sorted(files.missing)))}"
        return Wait(f"{of.name} waits for {lacking}", late)
    least = masks.least(len(segment.roster))
    if len(files.cast) < least:
        return Wait(f"{of.name} has too few set-ups that count: {len(files.cast)} of {least}")
    return None
