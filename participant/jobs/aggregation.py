"""How a draft says which rule makes a model of many updates: as the job does, but for lengths, which are real numbers
(docs/tasks.md, "Which rule").
"""

from decimal import Decimal
from typing import get_args

from ledger.formats.strict import Strict
from ledger.jobs.rules import GeometricMedian, Median, MultiKrum, TrimmedMean, WeightedMean


class DraftCentredClipping(Strict, frozen=True, tag="centred_clipping", tag_field="rule"):
    """Centred clipping; the radius is in units of the model, as the draft's norm."""

    radius: Decimal


DraftRule = WeightedMean | Median | TrimmedMean | MultiKrum | GeometricMedian | DraftCentredClipping


def rules() -> str:
    """All rules, each with the number that it takes, for people."""
    said = []
    for rule in get_args(DraftRule):
        numbers = ", ".join(rule.__struct_fields__)
        said.append(f"{rule.__struct_config__.tag} ({numbers})" if numbers else str(rule.__struct_config__.tag))
    return ", ".join(said)
