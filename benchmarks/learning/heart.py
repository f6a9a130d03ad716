"""What parties get out of joining: four hospitals' accuracy on rows of their own."""

from typing import Any

import measure
from scenes import examples

OWN, WEIGHTED = 0.801, 0.79
"""Accuracy of a bias at home: in the mean of the four hospitals, and over all test rows."""


def rows_of(found: list[Any], real: bool) -> list[measure.Row]:
    rows = []
    for line in found:
        measured, bar = line.figures["accuracy"], line.arm == "private" and real
        note = f"± {measured.spread:.3f}" + (f"; rate {line.rate}" if line.rate else "")
        where = "own rows" if real else "own rows, made up"
        for work, must, value, said in (
            (where, OWN, measured.mean, note),
            ("all test rows", WEIGHTED, measured.weighted, ""),
        ):
            held, text = (value >= must, f"≥ {must}") if bar else (None, "")
            rows.append(measure.row(f"{line.arm}, {work}", text, value, "accuracy", held, said))
    return rows


def run() -> list[measure.Row]:
    return rows_of(*examples.lines("heart", "hospitals"))
