"""What joining is worth: a comparison that a trainer makes (`participant.tasks.comparison`), waited for here."""

from collections.abc import Callable
from pathlib import Path

from participant.measuring.figures import check_names
from participant.trainer.errand import Errand
from participant.trainer.messages import Compare, Compared, ComparedModel
from participant.trainer.trainers import Trainers

LOOK = 0.1
"""Seconds between two looks at how far it is."""


def compare(
    trainers: Trainers, wanted: Compare, source: Path, advance: Callable[[int], None] = lambda _: None
) -> tuple[ComparedModel, ...]:
    """A row for each file, then one for all of them where the task can join data. `source` describes the job; `advance`
    hears of rounds that are trained.

    Raises UsageError where the task, its data or its code fail, Unavailable for a full disk.
    """
    errand = trainers.begin_without_job(wanted, task=wanted.task, job=str(source))
    try:
        _wait(errand, advance)
        rows = errand.expect(Compared).rows
    finally:
        trainers.close_errand(errand)
    for row in rows:
        check_names(wanted.task, row.measured.figures, ["name"])
    return rows


def _wait(errand: Errand, advance: Callable[[int], None]) -> None:
    known = 0
    while not errand.wait(LOOK):
        told = errand.progress
        if told is not None and told.done > known:
            advance(int(told.done) - known)
            known = int(told.done)
