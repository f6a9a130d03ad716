"""Adapters: an update's bytes beside those of the backbone's weights, and what training one together is worth."""

from typing import Any

import measure
from scenes import examples

MOST = 3.0
"""Parts in a hundred of the weights' file that an update may have."""


def share() -> measure.Row:
    """Of the example's backbone, a transformer of 64 wide and two layers, at rank 4."""
    from ledger.formats.artifact import Layout
    from participant.integers.tensors import table
    from participant.tasks.adapters.backbone import require
    from participant.tasks.discovery import find
    from participant.tasks.sharing import shared_state

    settings = examples.example("adapter", "desks").whole.settings("0.01")
    task = find("adapter").create(settings)
    layout = Layout(table(shared_state(task, task.build_model(1)), 24))
    weights = (require(str(settings["backbone"])) / "model.safetensors").stat().st_size
    part = 100 * layout.size / weights
    note = f"{layout.size:,} of {weights:,} bytes, headers included; {layout.values:,} values"
    return measure.row("adapter of a tiny BERT, rank 4: an update", f"≤ {MOST:g}", part, "%", part <= MOST, note)


def rows_of(found: list[Any], real: bool) -> list[measure.Row]:
    return [share(), *examples.rows(found, "accuracy", "own messages" if real else "own messages, made up")]


def run() -> list[measure.Row]:
    return rows_of(*examples.lines("adapter", "desks"))
