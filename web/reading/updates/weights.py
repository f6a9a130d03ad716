"""Documents of what each admitted update weighs in a round's model."""

from fractions import Fraction

from ledger.errors import Malformed
from ledger.history.state import JobState, Round
from ledger.rounds.admission import Verdict
from ledger.rounds.carried import Carried
from ledger.rounds.scaled import Scalars, by_member, whole_of
from ledger.rounds.staleness import faded
from ledger.rounds.weights import shares
from web.documents.norms import RoundWeights, WeightPart
from web.reading.counting import admitted, verdicts
from web.reading.ledger import Reading

WHOLE = 1_000_000


def round_weights(now: Reading, state: JobState, round_: Round) -> RoundWeights:
    """What each admitted update weighs in the round's model."""
    found, whole = _weights(now, state, round_)
    return RoundWeights(
        round=round_.number,
        parts=tuple(
            WeightPart(index=index, weight=round_.updates[index].weight, share=_share(weight, whole))
            for index, weight in found.items()
        ),
    )


def share_of(now: Reading, state: JobState, round_: Round, index: int) -> int | None:
    """One update's part of the round's model, in parts per million; None where it is not in one."""
    found, whole = _weights(now, state, round_)
    return _share(found[index], whole) if index in found else None


def counted_of(now: Reading, state: JobState, round_: Round) -> tuple[dict[int, Scalars], int | None]:
    """What the latest aggregate says that each admitted update counted, by member index, and what shares are parts of;
    nothing where it says none, or its carried file has not been read.
    """
    job, latest = now.document(state), round_.aggregates[-1] if round_.aggregates else None
    file = now.state.carried.get(latest.carried) if latest else None
    if job is None or not isinstance(file, Carried):
        return {}, None
    judged = zip(sorted(round_.updates), verdicts(round_), strict=True)
    try:
        found = by_member(job, [index for index, verdict in judged if verdict == Verdict.ADMITTED], file.scalars)
    except Malformed:
        return {}, None
    return found, whole_of(job, found)


def _weights(now: Reading, state: JobState, round_: Round) -> tuple[dict[int, int], int]:
    """What the rule weighs each admitted update by, and of how much in all; its registered weight while the job's
    document is not read, or what updates counted is not.
    """
    updates = [round_.updates[index] for index in admitted(round_)]
    job, (counted, whole) = now.document(state), counted_of(now, state, round_)
    if whole is not None:
        return {index: counted[index].share or 0 for index in admitted(round_)}, whole
    weights = shares(state, job, round_, updates) if job else [update.weight for update in updates]
    ages = [counted[update.index].staleness for update in updates if update.index in counted]
    if job and job.buffered and job.buffered.fades and len(ages) == len(updates) and None not in ages:
        weights, _ = faded(weights, [age or 0 for age in ages])
    return {update.index: weight for update, weight in zip(updates, weights, strict=True)}, sum(weights)


def _share(weight: int, whole: int) -> int:
    """Parts per million of the whole, rounded as a fraction is."""
    return round(Fraction(WHOLE * weight, whole or 1))
