"""How a job's rows are read: by what it says, or by its task's settings (docs/spec/job.md, "Preparation")."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from ledger.jobs.document import Job, Setting
from ledger.jobs.preparation import Number, Preparation

PLAIN = ("tabular", "regression", "survival", "multitask", "sklearn", "multimodal")
"""Tasks that read columns of numbers by their settings `columns` and `ranges`, where a job has no preparation."""


def preparation_of(job: Job) -> Preparation | None:
    """What a job says, or what the settings of a ready task for tables come to; None for other tasks."""
    if job.preparation is not None:
        return job.preparation
    return plain_preparation(job.task.name, job.task.settings) if job.task.name in PLAIN else None


def plain_preparation(task: str, settings: Mapping[str, Setting]) -> Preparation | None:
    """Columns of numbers as they are, in the ranges of a task's settings; None where it has none."""
    columns, ranges = settings.get("columns"), settings.get("ranges")
    if not isinstance(columns, list) or not isinstance(ranges, list) or len(columns) != len(ranges):
        return None
    refuses = task != "multitask" and settings.get("outside", "refuse") == "refuse"
    outside: Literal["refuse", "clip"] = "refuse" if refuses else "clip"
    inputs = []
    for column, text in zip(columns, ranges, strict=True):
        low, _, high = text.partition(":")
        inputs.append(Number(column=column, low=_decimal(low), high=_decimal(high), outside=outside))
    return Preparation(inputs=tuple(inputs))


def _decimal(text: str) -> str:
    value = Decimal(text.strip())
    return format(value.normalize(), "f") if value else "0"
