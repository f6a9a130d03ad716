"""Writes staleness.json beside it: `python tests/vectors/make_staleness.py`. A change of any byte is a new format."""

import json
from pathlib import Path
from typing import Any

from ledger.formats.integers import ratio
from ledger.rounds.staleness import factor, faded

FILE = Path(__file__).with_name("staleness.json")
AGES = (0, 1, 2, 3, 4, 7, 8, 15, 63, 99, 1023, 65_535)
BUFFERS = (
    ((100, 200, 300), (0, 1, 3), (7, -7, 9)),
    ((100, 200, 300), (0, 0, 0), (7, -7, 9)),
    ((16_383,) * 5, (0, 1, 2, 3, 10), (2_147_483_647, -2_147_483_648, 5, -5, 1)),
    ((1, 1), (3, 3), (1, 1)),
    ((1, 1), (0, 0), (1, 0)),
)


def buffer(weights: tuple[int, ...], ages: tuple[int, ...], values: tuple[int, ...]) -> dict[str, Any]:
    made, divisor = faded(weights, ages)
    total = sum(weight * value for weight, value in zip(made, values, strict=True))
    said = {"weights": weights, "staleness": ages, "values": values}
    return {**said, "sum": total, "divisor": divisor, "mean": ratio(total, divisor)}


def whole() -> dict[str, Any]:
    return {"factors": {str(age): factor(age) for age in AGES}, "buffers": [buffer(*one) for one in BUFFERS]}


if __name__ == "__main__":
    FILE.write_text(json.dumps(whole(), indent=1) + "\n")
