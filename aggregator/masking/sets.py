"""What an aggregator does in a masked round once its updates are open: it proposes the set, and when members have
unmasked, publishes its model. Pure.

A set that is fixed stays the round's, and so do the receipts that it was proposed under: their proposer may be gone,
and any other aggregator goes on from there.
"""

from aggregator.acts import ProposeSet, PublishAggregate, Step
from aggregator.turns import Turn, able, barred, left_to, names, pause, rank, unsigned
from ledger.formats.text import clock_text, plural
from ledger.history.state.masking import JobMasks, MaskProposal, RoundMasks, SegmentState
from ledger.rounds.steps import COURTESY, Wait

PATIENCE_PART, LAST_PART = 4, 3
"""A set is proposed when so long a part of the time for it brought no further signature, and in the last part of it in
any case."""


def is_fixed(masks: JobMasks, round_: int) -> bool:
    """Whether a round has its set."""
    mine = masks.rounds.get(round_)
    return mine is not None and mine.set is not None


def aggregating(of: Turn, masks: JobMasks) -> Step:
    """The step of a masked round whose updates are open, while nothing is published."""
    number = of.round.number
    return _publish(of, masks.rounds[number]) if is_fixed(masks, number) else propose(of, masks)


def propose(of: Turn, masks: JobMasks) -> Step:
    """Propose the round's set, once this member may. The first proposal is the opener's alone for `set_seconds`; one
    that lapsed is followed by others', by rank. Also while an aggregate is attested that was published without a set,
    for it ends nothing here.
    """
    proposals = masks.rounds.get(of.round.number, RoundMasks(of.round.number)).proposals
    last = proposals[-1] if proposals else None
    if last is not None and of.at.now <= last.deadline:
        said = f"members agree with the set that {of.at.name(last.proposer)} proposed in {of.name}"
        return Wait(said, last.deadline + 1)
    segment = masks.segment_of(of.round.number)
    if segment is None or segment.cast is None:
        return Wait(f"{of.name} has no cast, and ends without an aggregate", of.deadline + 1)
    if of.member.index in {one.proposer for one in proposals}:
        return Wait(f"its own set of {of.name} lapsed", of.deadline + 1)
    if why := barred(of):
        return Wait(why, of.deadline + 1)
    start = _start(of, last, masks.terms.set_seconds)
    if of.at.now < start:
        opening = last is None and of.at.now <= of.at.masks.opened_until
        why = f"{of.name} has no set while members may open the round before" if opening else ""
        return Wait(why or f"leaves it to another to propose the set of {of.name}, until {clock_text(start)}", start)
    return _propose(of, masks, segment, start + masks.terms.set_seconds)


def _start(of: Turn, last: MaskProposal | None, seconds: int) -> int:
    """The second from which on this member proposes: not while members may open a round before, for who keeps silent
    is convicted, and the contract takes no opening once there is another set, and so no set.
    """
    others = [other for other in able(of) if other is not of.opener]
    later = COURTESY * (rank(others, of.member) if of.member in others else 0)
    opened = of.at.masks.opened_until
    if last is not None:
        return last.deadline + 1 + later
    if of.round.attempt:
        return max(of.at.since, opened + 1) + later
    begun = of.deadline - 2 * of.seconds
    return max(begun, opened + 1) if of.opens else max(begun, opened) + seconds + 1 + later


def _propose(of: Turn, masks: JobMasks, segment: SegmentState, end: int) -> Step:
    """As soon as every update that may be in the set has a certificate, and all certified bytes are here; with fewer
    near the `end` of the time for it.
    """
    at, seconds, least = of.at, masks.terms.set_seconds, masks.least(len(segment.roster))
    small = Wait(f"{of.name} has too few masked updates for a set of {least}", of.deadline + 1)
    candidates = (segment.cast or frozenset()) & of.round.updates.keys() - at.masks.convicted
    if len(candidates) < least:
        return small
    late, lacking = end - seconds // LAST_PART, candidates - at.certified
    until = min(max(at.since, at.signed) + seconds // PATIENCE_PART, late)
    if lacking and at.now < until:
        return unsigned(of, lacking, until)
    counted = at.certified
    if at.copying or at.missing:
        if not at.settled or at.now < late:
            what = ", ".join(at.copying) or f"the update of {names(of, at.missing)}"
            return Wait(f"{of.name} waits for {what}", late if at.now < late else of.deadline + 1)
        counted = at.settled
    if len(counted & candidates) < least or counted in at.masks.small:
        return small
    return ProposeSet(of.round.job, of.round.number, counted)


def _publish(of: Turn, mine: RoundMasks) -> Step:
    """Once the set is deep, and one secret of each member of the cast is known: in the turns of any round."""
    round_, at, first = of.round, of.at, of.round.attempt == 0
    if mine.fixed_in > at.deep.number:
        return Wait(f"{of.name} waits for further blocks of the chain", of.deadline + 1)
    if why := barred(of):
        return Wait(why, of.deadline + 1)
    if not at.masks.unmasked:
        return _await_answers(of, mine)
    if at.masks.named is None or at.copying or at.missing:
        return Wait(f"{of.name} waits for {', '.join(at.copying) or 'the files of its set'}", of.deadline + 1)
    if not (first and of.opens):
        start = of.deadline - of.seconds + first + pause(of)
        if at.now < start:
            return Wait(left_to(of, start), start)
    return PublishAggregate(round_.job, round_.number, round_.attempt + 1, at.masks.named)


def _await_answers(of: Turn, mine: RoundMasks) -> Wait:
    """Members of the set unmask; then all give shares of what is missing; what is missing then stays so."""
    silent = (mine.set or frozenset()) - mine.answers.keys()
    if of.at.now <= mine.unmask_deadline:
        lacking = f"{names(of, silent)} to unmask" if silent else "shares"
        return Wait(f"{of.name} waits for {lacking}", mine.unmask_deadline + 1)
    if of.at.now <= mine.share_deadline:
        given = plural(len(mine.given), "member")
        return Wait(f"{of.name} waits for shares of what is missing: {given} gave some", mine.share_deadline + 1)
    return Wait(f"{of.name}: too few members answered, and it ends without an aggregate", of.deadline + 1)
