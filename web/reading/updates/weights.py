"""Documents of what each admitted update weighs in a round's model."""

from fractions import Fraction

from ledger.history.state import JobState, Round
from ledger.rounds.weights import shares
from web.documents.norms import RoundWeights, WeightPart
from web.reading.counting import admitted
from web.reading.ledger import Reading

WHOLE = 1_000_000


def round_weights(now: Reading, state: JobState, round_: Round) -> RoundWeights:
    """What each admitted update weighs in the round's model."""
    found = _weights(now, state, round_)
    whole = sum(found.values())
    return RoundWeights(
        round=round_.number,
        parts=tuple(
            WeightPart(index=index, weight=round_.updates[index].weight, share=_share(weight, whole))
            for index, weight in found.items()
        ),
    )


def share_of(now: Reading, state: JobState, round_: Round, index: int) -> int | None:
    """One update's part of the round's model, in parts per million; None where it is not in one."""
    found = _weights(now, state, round_)
    return _share(found[index], sum(found.values())) if index in found else None


def _weights(now: Reading, state: JobState, round_: Round) -> dict[int, int]:
    """What the rule weighs each admitted update by; its registered weight while the job's document is not read."""
    updates = [round_.updates[index] for index in admitted(round_)]
    job = now.document(state)
    weights = shares(state, job, round_, updates) if job else [update.weight for update in updates]
    return {update.index: weight for update, weight in zip(updates, weights, strict=True)}


def _share(weight: int, whole: int) -> int:
    """Parts per million of the whole, rounded as a fraction is."""
    return round(Fraction(WHOLE * weight, whole or 1))
