"""The vectors of buffered rounds, in exact integers of any size, and the page's own example."""

import json
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ledger.formats.integers import ratio
from ledger.rounds.rules.arithmetic import Mean
from ledger.rounds.rules.weighted_mean import weighted_sum
from ledger.rounds.staleness import factor, faded

ROOT = Path(__file__).parents[2]
FILE = json.loads((ROOT / "tests" / "vectors" / "staleness.json").read_text())


def test_factors() -> None:
    for age, said in FILE["factors"].items():
        assert factor(int(age)) == said == isqrt((1 << 20) // (1 + int(age)))


@pytest.mark.parametrize("one", FILE["buffers"])
def test_buffers(one: dict[str, Any]) -> None:
    weights, divisor = faded(one["weights"], one["staleness"])
    total = sum(w * q for w, q in zip(weights, one["values"], strict=True))
    assert (total, divisor, ratio(total, divisor)) == (one["sum"], one["divisor"], one["mean"])
    sums = weighted_sum(weights, lambda k: np.array([one["values"][k]], "<i4"))
    assert Mean(sums, divisor).divided().tolist() == [one["mean"]]


def test_the_page_has_the_first_one() -> None:
    text = " ".join((ROOT / "docs" / "spec" / "round.md").read_text().split())
    first = FILE["buffers"][0]
    assert f"the sum is {first['sum']:,}, the divisor {first['divisor']:,}, the mean update {first['mean']}." in text
