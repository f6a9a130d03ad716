"""A report's model beside models that were trained without the ledger: by each party alone, and on all data pooled.

One party has all of them measured on one file, and vouches for it; nobody else can recompute it.
"""

import re
from collections.abc import Sequence
from typing import Literal

from ledger.errors import Malformed
from ledger.formats.grammar import check_text
from ledger.formats.strict import Strict

MAX_COMPARISONS = 16
MAX_MODELS = 260
MOST = (1 << 53) - 1

Kind = Literal["alone", "federated", "pooled"]


class ComparedFigures(Strict, frozen=True, omit_defaults=True):
    """One model: `name` says whose data it was trained on, empty for the ledger's model and for all data pooled."""

    kind: Kind
    metrics: dict[str, str]
    name: str = ""


class Comparison(Strict, frozen=True):
    """What `party` measured on one file of `samples` rows, whose SHA-256 is `data`.

    The models of the kinds alone and pooled were trained for `rounds` rounds from `seed`, as the job would have it.
    """

    party: str
    key: str
    data: str
    samples: int
    rounds: int
    seed: int
    models: tuple[ComparedFigures, ...]


def check(comparisons: Sequence[Comparison]) -> None:
    """Refuse comparisons out of order, or that are not of one federated model and others. Raises Malformed."""
    if len(comparisons) > MAX_COMPARISONS:
        raise Malformed("too many comparisons", maximum=MAX_COMPARISONS, actual=len(comparisons))
    order = [(one.party, one.key) for one in comparisons]
    if order != sorted(order) or len({one.key for one in comparisons}) != len(order):
        raise Malformed("comparisons must be ascending by name, each key once")
    for one in comparisons:
        _check(one)


def _check(one: Comparison) -> None:
    check_text(one.party, "a party's name")
    if not re.fullmatch("[0-9a-f]{64}", one.data):
        raise Malformed("data is not 64 hexadecimal digits", party=one.party, actual=one.data[:80])
    for field, value, low in (("samples", one.samples, 1), ("rounds", one.rounds, 1), ("seed", one.seed, -MOST)):
        if not low <= value <= MOST:
            raise Malformed(f"{field} of a comparison is out of range", party=one.party, actual=value)
    kinds = [model.kind for model in one.models]
    if not 2 <= len(kinds) <= MAX_MODELS or kinds.count("federated") != 1 or kinds.count("pooled") > 1:
        raise Malformed("a comparison is of one federated model and others, at most one of them pooled", kinds=kinds)
    names = [model.name for model in one.models if model.kind == "alone"]
    if len(set(names)) != len(names):
        raise Malformed("a comparison has a name twice", party=one.party)
    for model in one.models:
        if (model.kind == "alone") != bool(model.name) or not model.metrics:
            raise Malformed("a compared model has no name or no figures, or one too many", party=one.party)
        if model.name:
            check_text(model.name, "a compared model's name")
