"""The court's judgement in Python: the same as that of `AggregateCourt.sol`, value by value.

Pure: it needs the job's terms, the round's name and the refutation. The means are those of `ledger.rounds.rules`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ledger.court.refutation import Accused, Point, ValuePlace, place_of
from ledger.errors import Malformed
from ledger.events.court import Ground
from ledger.events.records import ModelTerms
from ledger.formats.claims import OpenedEntry, RoundName
from ledger.formats.digest import NOTHING
from ledger.formats.integers import ratio
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean
from ledger.rounds.rules import mean_of
from ledger.rounds.rules.median import most_trimmed

_INT32, _INT64 = 31, 63
_MEAN, _MEDIAN, _RULES = 0, 1, 3


class Holds(Malformed):
    """What is shown refutes nothing: it is as it must be."""

    exit_code = 1


class CourtJudgement(NamedTuple):
    """Why an aggregate is false: which claim, and what must be (a value, or a bound) in place of what is."""

    claim: bytes
    point: Point
    expected: int
    actual: int


def judge(terms: ModelTerms, name: RoundName, accused: Accused, point: Point) -> CourtJudgement:
    """Judge a refutation, whose point has all records, also those that were shown in calls before it.

    1. The job is one whose models follow value by value.
    2. The claim follows from openings, calls and aggregate; there is one verdict for each opening.
    3. What the ground has no use for is zero.
    4. Value: there is a model, and enough updates for its rule; every record leads to its root; `low` and `high` are
       the values that count at both ends; the model's value is not base plus mean.
       Limit: the member's update is admitted, and its value above the bound. Weight: admitted with too large a weight.
       TooFew: there is a model of fewer updates than the terms ask for.

    Raises Holds where nothing is wrong with what is shown, Malformed for what the contract refuses otherwise.
    """
    require_by_value(terms)
    claim, admitted = accused.claim(name), accused.admitted
    _require_used(point)
    match point.ground:
        case Ground.VALUE:
            expected, actual = _value(terms, accused, point, admitted)
        case Ground.LIMIT:
            expected, actual = terms.max_value, _limit(terms, point, _of(admitted, point.member))
        case Ground.WEIGHT:
            expected, actual = terms.max_weight, _of(admitted, point.member).weight
        case _:
            _require_model(accused)
            expected, actual = terms.min_updates, len(admitted)
    if holds(point.ground, expected, actual):
        raise Holds("what is shown is as it must be", ground=point.ground.name, expected=expected, actual=actual)
    return CourtJudgement(claim, point, expected, actual)


def holds(ground: Ground, expected: int, actual: int) -> bool:
    """Whether what is shown is right: the value itself, or within its bound."""
    match ground:
        case Ground.VALUE:
            return actual == expected
        case Ground.LIMIT:
            return abs(actual) <= expected
        case Ground.WEIGHT:
            return actual <= expected
        case _:
            return actual >= expected


def require_by_value(terms: ModelTerms) -> None:
    """Refuse a job whose models do not follow value by value. Raises Malformed."""
    if not terms.by_value or terms.rule >= _RULES:
        raise Malformed(
            "the court cannot judge this job: its models do not follow value by value from open updates",
            advice="vote (fedledger node run attests against it) or fedledger audit: both recompute whole models",
            rule=terms.rule,
        )


def bounds_of(terms: ModelTerms, values: Sequence[int]) -> tuple[int, int]:
    """The lowest and highest of the values that count under a median or trimmed mean; zeros under a weighted mean.

    Raises Malformed where nothing is left.
    """
    trim = most_trimmed(len(values)) if terms.rule == _MEDIAN and values else terms.trim
    if 2 * trim >= len(values):
        raise Malformed("trimming leaves no update", trim=trim, updates=len(values))
    kept = sorted(values)[trim : len(values) - trim]
    return (0, 0) if terms.rule == _MEAN else (kept[0], kept[-1])


def expected_value(terms: ModelTerms, base: int, weights: Sequence[int], values: Sequence[int]) -> int:
    """The model's integer that follows; it may not fit into int32. Raises Malformed where the rule has no result."""
    if terms.rule == _MEAN and not any(weights):  # no claim has such entries; the contract divides by zero, and reverts
        raise Malformed("the admitted updates weigh nothing", updates=len(weights))
    if terms.rule == _MEAN and sum(weights) >> (_INT64 - _INT32):  # weights that no job allows: sums leave int64
        return base + ratio(sum(w * q for w, q in zip(weights, values, strict=True)), sum(weights))
    mean = mean_of(_rule(terms), weights, lambda k: np.array([values[k]], np.int32))
    return base + int(mean.divided()[0])


def _rule(terms: ModelTerms) -> Rule:
    return (WeightedMean(), Median(), TrimmedMean(terms.trim))[terms.rule]


def _value(terms: ModelTerms, accused: Accused, point: Point, admitted: Sequence[OpenedEntry]) -> tuple[int, int]:
    """What the model's value must be, and what it is."""
    _require_model(accused)
    said, place = accused.said, place_of(point.value, terms.values)
    model, base, *records = _records(point.proof, place, 2 + len(admitted))
    actual, under = place.read(model, said.root, "the model"), place.read(base, said.base, "the base")
    values = [
        place.read(record, entry.root, f"the update of member {entry.member}")
        for record, entry in zip(records, admitted, strict=True)
    ]
    bounds = bounds_of(terms, values)
    if bounds != (point.low, point.high):
        raise Malformed("other values than these count", expected=bounds, actual=(point.low, point.high))
    return expected_value(terms, under, [entry.weight for entry in admitted], values), actual


def _limit(terms: ModelTerms, point: Point, entry: OpenedEntry) -> int:
    place = place_of(point.value, terms.values)
    (record,) = _records(point.proof, place, 1)
    return place.read(record, entry.root, f"the update of member {entry.member}")


def _records(proof: bytes, place: ValuePlace, count: int) -> list[bytes]:
    size = place.size
    if len(proof) != count * size:
        raise Malformed("the proof has another length", expected=count * size, actual=len(proof))
    return [proof[at : at + size] for at in range(0, len(proof), size)]


def _of(admitted: Sequence[OpenedEntry], member: int) -> OpenedEntry:
    found = next((entry for entry in admitted if entry.member == member), None)
    if found is None:
        raise Malformed("no update of this member is admitted", member=member)
    return found


def _require_model(accused: Accused) -> None:
    if accused.said.root == NOTHING:
        raise Malformed("the aggregate says that there is no model: no value of one can be wrong")


def _require_used(point: Point) -> None:
    one, shown = point.ground in (Ground.LIMIT, Ground.WEIGHT), point.ground in (Ground.VALUE, Ground.LIMIT)
    unused = [] if one else [point.member]
    unused += [] if shown else [point.value, len(point.proof)]
    unused += [] if point.ground is Ground.VALUE else [point.low, point.high]
    if any(unused):
        raise Malformed("what the ground has no use for is not zero", ground=point.ground.name)
