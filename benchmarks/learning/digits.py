"""What helps unlike parties, by the product's own training: digits at twenty parties, five of whom train in a round."""

from typing import Any

import measure
from scenes import examples

SERVERS = ("momentum", "adam", "yogi", "adagrad", "dyn", "scaffold")
GAIN, OWN = 0.05, 0.97
"""Two digits a party, after 40 rounds: what the best server optimiser gains on FedAvg at all digits; and what the
better of fine-tuning and Ditto reaches at a party's own."""


def rows_of(found: list[Any], real: bool) -> list[measure.Row]:
    where = "real digits" if real else "made-up digits"
    rows = examples.rows(found, "all_digits", f"all digits, {where}", "accuracy")
    rows += examples.rows(found, "accuracy", f"own digits, {where}", "accuracy")
    all_digits, own = ({line.arm: line.figures[figure].mean for line in found} for figure in ("all_digits", "accuracy"))
    best = max(SERVERS, key=lambda arm: all_digits[arm])
    gain, personal = all_digits[best] - all_digits["federated"], max(own["fine_tune"], own["ditto"])
    for work, must, value, note in (
        ("the best server optimiser less FedAvg, all digits", GAIN, gain, best),
        ("the better personal model, own digits", OWN, personal, f"FedAvg {own['federated']:.3f}"),
    ):
        held, text = (value >= must, f"≥ {must}") if real else (None, "")
        rows.append(measure.row(work, text, value, "accuracy", held, note))
    return rows


def run() -> list[measure.Row]:
    return rows_of(*examples.lines("digits", "writers"))
