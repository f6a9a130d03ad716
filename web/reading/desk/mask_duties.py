"""What a member owes to the masks of a job, by the ledger and the chain's time when it was last read
(docs/spec/masks.md). A member that opens its update of a void round is found by its node alone.
"""

from collections.abc import Iterator

from ledger.events.records import Role
from ledger.history.state import JobState, Member, Round
from ledger.history.state.masking import JobMasks, MaskProposal, RoundMasks, SegmentState
from ledger.masks.segment import sound_keys
from web.documents.desk import Duty, DutyKind
from web.reading.ledger import Reading


def mask_duties(now: Reading, state: JobState, member: Member) -> Iterator[Duty]:
    """Set-up files, words for a cast or a set, seeds and shares that are due; nothing in a job without masks."""
    masks = now.snapshot.masks.get(state.number)
    if masks is None:
        return
    time, round_ = now.state.time, state.current
    said = masks.rounds.get(round_.number) if round_ is not None else None
    if round_ is not None and said is not None and not round_.phase.terminal and member.since <= round_.epoch:
        yield from _of_round(masks, round_, said, member.index, time)
    for segment in masks.segments.values():
        if segment.cast is None:
            yield from _of_segment(masks, state.number, segment, member, time)


def _of_round(masks: JobMasks, round_: Round, said: RoundMasks, index: int, time: int) -> Iterator[Duty]:
    path = f"/jobs/{round_.job}/rounds/{round_.number}#h-masks"
    kind, deadline = _kind(masks, said, index, time)
    if kind is not None:
        yield Duty(kind=kind, job=round_.job, round=round_.number, attempt=None, deadline=deadline, path=path)


def _kind(masks: JobMasks, said: RoundMasks, index: int, time: int) -> tuple[DutyKind | None, int]:
    """What is due in a round under masks, and until when."""
    if said.set is None:
        open_ = _awaits(said.proposals, index, time)
        return ("agree_set", said.proposals[-1].deadline) if open_ else (None, 0)
    if time <= said.unmask_deadline:
        return ("unmask" if index in said.silent else None), said.unmask_deadline
    owed = index in masks.cast_of(said.round) and index not in said.given and bool(said.silent - {index})
    return ("give_shares" if owed and time <= said.share_deadline else None), said.share_deadline


def _of_segment(masks: JobMasks, job: int, segment: SegmentState, member: Member, time: int) -> Iterator[Duty]:
    """Of a segment without a cast; its duties stand at its first round."""
    first, index = (segment.number - 1) * masks.terms.segment + 1, member.index
    named = {"job": job, "round": first, "attempt": None, "path": f"/jobs/{job}"}
    awaited = index in segment.roster - segment.setups.keys() and member.has(Role.PARTICIPANT)
    if awaited and time <= segment.deadline and index in sound_keys((one.index, one.key) for one in segment.keys):
        yield Duty(kind="set_up", deadline=segment.deadline, **named)  # type: ignore[arg-type]
    if member.since <= segment.epoch and _awaits(segment.proposals, index, time):
        yield Duty(kind="agree_cast", deadline=segment.proposals[-1].deadline, **named)  # type: ignore[arg-type]


def _awaits(proposals: list[MaskProposal], index: int, time: int) -> bool:
    """Whether the latest proposal waits for a member's word."""
    return bool(proposals) and time <= proposals[-1].deadline and index not in proposals[-1].agreeing
