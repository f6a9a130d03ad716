"""What heads at home over a common trunk are worth to partners with assays of their own: made-up molecules."""

from typing import Any

import measure
from scenes import examples


def rows_of(found: list[Any]) -> list[measure.Row]:
    rows = examples.rows(found, "average_precision", "own assays, made up", "AUC-PR")
    alone, joined = (next(line for line in found if line.arm == arm) for arm in ("local", "private"))
    gain = joined.figures["average_precision"].mean - alone.figures["average_precision"].mean
    held = None if measure.small() else gain > 0
    return [*rows, measure.row("heads at home less each partner alone", "> 0", gain, "AUC-PR", held)]


def run() -> list[measure.Row]:
    return rows_of(examples.lines("melloddy", "partners")[0])
