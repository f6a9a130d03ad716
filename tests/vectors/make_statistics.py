"""Writes statistics.json beside it: `python tests/vectors/make_statistics.py`. A change of any byte is a new format."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ledger.formats.merkle import root_of
from ledger.jobs.analysis import Analysis, AnalysisColumn
from ledger.masks.secret import Secret
from ledger.statistics.answers import CountedRows, answer
from ledger.statistics.noisy import noisy_answer
from ledger.statistics.suppression import shown
from ledger.statistics.table import integers_of, totals
from participant.privacy.discrete import DiscreteGaussian
from participant.privacy.randomness import Randomness

ANALYSIS = Analysis(
    columns=(
        AnalysisColumn(name="age", low="20", high="100", step="1", bins=8),
        AnalysisColumn(name="dose", low="-1", high="3", step="0.5", bins=4),
        AnalysisColumn(name="sex", categories=("F", "M")),
        AnalysisColumn(name="ill", categories=("no", "yes")),
    ),
    by="ill",
    correlations=True,
    min_cell=3,
    min_rows=4,
    moments=2,
)
COUNTS = (([0, 5, 9], 5), ([1, 5, 9], 5), ([4, 4], 5), ([2, 3, 0, 70], 5), ([1, 7, 7, 30], 4), ([12, 0, 3, 2, 9], 6))
"""Counts of cells, and a floor."""
NOISE, SEED = "1.25", bytes(range(32))
VARIANCES = ("1/4", "25/16", "1000000", "102741009857732710000/1")


def rows(party: int) -> list[list[int]]:
    """A made-up table: class, then of age, dose and sex the cell, then the steps."""
    found = []
    for number in range(24 + 7 * party):
        age, dose = (number * 13 + party) % 81, (number * 5 + party) % 9
        cells = [2 + min(age * 8 // 80, 7), 2 + min(dose * 4 // 8, 3), 2 + number % 2]
        if number % 11 == 5:
            cells[1], dose = number % 2, 0
        found.append([-1 if number == 3 else number % 3 % 2, *cells, age, dose, 0])
    return found


def counted(table: list[list[int]]) -> CountedRows:
    """The same as integers."""
    flat = np.array(table, np.int64)
    return CountedRows(flat[:, 0], list(flat[:, 1:4].T), list(flat[:, 4:].T))


def noise(deviation: str) -> Any:
    """The noise of each sum, by what one row changes it by."""
    source = DiscreteGaussian(Randomness(Secret(SEED)).take)
    return lambda most: source.draw((Fraction(deviation) * most) ** 2)


def text() -> str:
    """What the file must hold."""
    return json.dumps({"suppression": _suppression(), **_analysis(), "draws": _draws()}, indent=1) + "\n"


def _suppression() -> list[dict[str, Any]]:
    return [{"counts": counts, "floor": floor, "shown": shown(counts, floor)} for counts, floor in COUNTS]


def _analysis() -> dict[str, Any]:
    tables = [rows(party) for party in range(3)]
    answers = [answer(ANALYSIS, counted(table)) for table in tables]
    updates = [integers_of(ANALYSIS, one) for one in answers]
    model = [_mean(values) for values in zip(*updates, strict=True)]
    noisy = msgspec.structs.replace(ANALYSIS, correlations=False)
    return {
        "analysis": msgspec.to_builtins(ANALYSIS),
        "parties": [
            {"rows": table, "answer": said, "root": root_of(np.array(update, "<i4").tobytes()).hex()}
            for table, said, update in zip(tables, answers, updates, strict=True)
        ],
        "model": {"root": root_of(np.array(model, "<i4").tobytes()).hex(), "sums": totals(ANALYSIS, model, 3)},
        "noisy": {
            "seed": SEED.hex(),
            "noise": NOISE,
            "sums_of_a_row": noisy.sums_of_a_row,
            "answers": [noisy_answer(noisy, counted(table), noise(NOISE)) for table in tables],
        },
    }


def _mean(values: tuple[int, ...]) -> int:
    """Rounded half away from zero; no value is negative."""
    return (2 * sum(values) + len(values)) // (2 * len(values))


def _draws() -> list[dict[str, Any]]:
    found = []
    for variance in VARIANCES:
        source = DiscreteGaussian(Randomness(Secret(SEED)).take)
        values = [source.draw(Fraction(variance)) for _ in range(12)]
        found.append({"seed": SEED.hex(), "variance": variance, "values": values})
    return found


if __name__ == "__main__":
    Path(__file__).with_name("statistics.json").write_text(text())
