"""Documents of masks: segments with their casts, and what members said of a round's set."""

from collections.abc import Iterable, Sequence

from ledger.history.state import JobState, Round
from ledger.history.state.masking import JobMasks, MaskProposal, RoundMasks, SegmentState
from ledger.masks.groups import Groups
from web.documents.common import PartyDocument
from web.documents.masks import Agreement, MaskedMember, RoundMasksDocument, SegmentDocument
from web.reading.ledger import Reading
from web.reading.updates.groups import of_round

LATEST = 4
"""So many segments stand on a job's page."""


def segments(now: Reading, state: JobState) -> tuple[SegmentDocument, ...]:
    """The latest segments of a masked job, newest first; none of an open one."""
    masks = now.snapshot.masks.get(state.number)
    newest = sorted(masks.segments.values(), key=lambda one: one.number, reverse=True) if masks else []
    return tuple(_segment(now, masks, one) for one in newest[:LATEST] if masks)


def round_masking(now: Reading, state: JobState, round_: Round) -> RoundMasksDocument | None:
    """What the board says of a round; None in an open job."""
    masks = now.snapshot.masks.get(state.number)
    if masks is None:
        return None
    said = masks.rounds.get(round_.number) or RoundMasks(round_.number, round_.epoch, round_.members)
    fixed, groups = said.set is not None, of_round(now, state.number, round_.number)
    return RoundMasksDocument(
        segment=masks.number_of(round_.number),
        agreement=_agreement(now, said.proposals, said.majority, fixed=fixed),
        set=_parties(now, said.set) if said.set is not None else None,
        fixed=now.moment(said.fixed_in),
        unmask_deadline=said.unmask_deadline if fixed else None,
        share_deadline=said.share_deadline if fixed else None,
        receipts=said.proposals[-1].receipts.hex() if said.proposals else None,
        members=tuple(_member(now, said, index, groups) for index in sorted(masks.cast_of(round_.number))),
    )


def _segment(now: Reading, masks: JobMasks, one: SegmentState) -> SegmentDocument:
    length = masks.terms.segment
    return SegmentDocument(
        number=one.number,
        first=(one.number - 1) * length + 1,
        last=one.number * length,
        opener=now.member_party(one.opener),
        roster=_parties(now, one.roster),
        set_up=_parties(now, one.setups),
        threshold=masks.threshold(len(one.roster)),
        deadline=one.deadline,
        agreement=_agreement(now, one.proposals, one.majority, fixed=one.cast is not None),
        cast=_parties(now, one.cast) if one.cast is not None else None,
        fixed=now.moment(one.fixed_in),
        tx=one.tx.hex(),
        **now.dated(one.block),
    )


def _agreement(now: Reading, proposals: Sequence[MaskProposal], majority: int, *, fixed: bool) -> Agreement:
    latest = proposals[-1] if proposals else None
    return Agreement(
        stage="fixed" if fixed else "proposed" if latest else "none",
        proposer=now.member_party(latest.proposer) if latest else None,
        agreeing=len(latest.agreeing) if latest else 0,
        needed=majority,
        deadline=latest.deadline if latest and not fixed else None,
        lapsed=max(0, len(proposals) - 1),
    )


def _member(now: Reading, said: RoundMasks, index: int, groups: Groups) -> MaskedMember:
    answer, given = said.answers.get(index), said.given.get(index)
    waiting = said.set is None or index in said.set
    return MaskedMember(
        party=now.member_party(index),
        state="unmasked" if answer else "waiting" if waiting else "outside",
        shares=sum(len(one.shares) for one in (answer, given) if one),
        tx=answer.tx.hex() if answer else None,
        opened=index in said.shown,
        group=next((number for number, group in enumerate(groups, 1) if index in group), None),
    )


def _parties(now: Reading, members: Iterable[int]) -> tuple[PartyDocument, ...]:
    return tuple(now.member_party(index) for index in sorted(members))
