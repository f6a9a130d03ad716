"""How a draft asks for statistics instead of a model, and what the job says then (docs/statistics.md).

A draft with `[analysis]` says which columns are tabulated; all else that an analysis leaves no choice in is filled in.
Of noise (`[dp]`) it leaves the draft scope, ε, δ and, if it likes, `noise` and `orders`.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from ledger.errors import Malformed
from ledger.formats.strict import Strict
from ledger.jobs.analysis import MAX_STEPS, SCALE_BITS, TASK, Analysis, AnalysisColumn, check_question, limits_of
from ledger.jobs.document import Admission

MIN_CELL, MIN_ROWS, BINS = 5, 10, 20
FINEST = 11
"""Digits after the point of a step that is proposed, at most."""


class AskedColumn(Strict, frozen=True):
    """A column: `low` and `high` of numbers, or `categories`. Left out, `step` is the finest power of ten of which the
    range has no more than 65,536, and `bins` 20, or as many as there are steps.
    """

    name: str
    low: Decimal | None = None
    high: Decimal | None = None
    step: Decimal | None = None
    bins: int | None = None
    categories: tuple[str, ...] = ()


class DraftAnalysis(Strict, frozen=True):
    """The draft's [analysis]."""

    columns: tuple[AskedColumn, ...]
    by: str = ""
    moments: Literal[0, 1, 2] = 2
    correlations: bool = False
    min_cell: int = MIN_CELL
    min_rows: int | None = None


def filled(written: dict[str, Any]) -> dict[str, Any]:
    """A draft as it was written, with what an analysis leaves no choice in. Raises Malformed for another choice."""
    if "analysis" not in written:
        return written
    admission, task = dict(written.get("admission", {})), written.get("task", {"name": TASK})
    chosen = sorted(set(admission) - {"min_updates"})
    if chosen:
        raise Malformed(
            f"admission.{chosen[0]} does not go with an analysis: its limits follow from its columns",
            advice="leave all of [admission] out but min_updates",
        )
    if task.get("name") != TASK or task.get("settings"):
        raise Malformed(
            "an analysis has no task of one's own, and no settings",
            advice="leave [task] out",
            expected=TASK,
            actual=str(task.get("name"))[:80],
        )
    noise = _noise_filled(written)
    limits = {"max_weight": 1, "max_value": 1, "max_norm": 1}
    terms = {"rounds": 1, **written.get("terms", {})}
    rule = written.get("aggregation", {"rule": "weighted_mean"})
    bits = {"fraction_bits": SCALE_BITS}
    said = {"task": task, "admission": admission | limits, "terms": terms, "aggregation": rule}
    return {**written, **bits, **noise, **said}


def _noise_filled(written: dict[str, Any]) -> dict[str, Any]:
    """The draft's `dp` with what follows: a row counts for 1 at most in each of its sums, which are counted once the
    columns are known.
    """
    noise = written.get("dp")
    if not isinstance(noise, dict) or noise.get("level") == "client":
        return {}
    chosen = sorted({"clip", "sampling", "steps"} & set(noise))
    if chosen:
        raise Malformed(
            f"dp.{chosen[0]} does not go with an analysis: it follows from its columns",
            advice="leave clip, sampling and steps out of [dp]",
        )
    return {"dp": {"level": "example", **noise, "clip": 1, "sampling": 1, "steps": 1}}


def analysis_of(draft: DraftAnalysis | None) -> Analysis | None:
    """What the job says. Raises Malformed for a question that cannot be asked."""
    if draft is None:
        return None
    analysis = Analysis(
        columns=tuple(_column(column) for column in draft.columns),
        correlations=draft.correlations,
        min_cell=draft.min_cell,
        min_rows=max(MIN_ROWS, draft.min_cell) if draft.min_rows is None else draft.min_rows,
        moments=draft.moments,
        by=draft.by,
    )
    check_question(analysis)
    return analysis


def admission_of(analysis: Analysis, needed: int) -> Admission:
    """The limits of its answers."""
    weight, value, norm = limits_of(analysis)
    return Admission(min_updates=needed, max_weight=weight, max_value=value, max_norm=norm)


def _column(draft: AskedColumn) -> AnalysisColumn:
    if draft.categories:
        given = (draft.low, draft.high, draft.step, draft.bins)
        if any(value is not None for value in given):
            raise Malformed("a column has a range or categories, not both", column=draft.name[:80])
        return AnalysisColumn(name=draft.name, categories=draft.categories)
    if draft.low is None or draft.high is None:
        raise Malformed(
            f"column {draft.name[:80]!r} has neither a range nor categories",
            advice="give it low and high, or categories: no bin may depend on anybody's data",
        )
    for field, value in (("low", draft.low), ("high", draft.high)):
        if not value.is_finite() or abs(value) >= 10**12:
            raise Malformed(
                f"{field} of column {draft.name[:80]!r} is not a number below 10^12", actual=str(value)[:80]
            )
    step = _step(draft.high - draft.low) if draft.step is None else draft.step
    known = AnalysisColumn(name=draft.name, low=_text(draft.low), high=_text(draft.high), step=_text(step), bins=1)
    if draft.bins is not None:
        return msgspec.structs.replace(known, bins=draft.bins)
    return msgspec.structs.replace(known, bins=min(BINS, max(known.steps, 1)) if step > 0 else BINS)


def _step(width: Decimal) -> Decimal:
    """The finest power of ten, up to 1, that divides a range into no more steps than there may be."""
    for digits in range(FINEST, -1, -1):
        step = Decimal(1).scaleb(-digits)
        if 0 < width / step <= MAX_STEPS and width % step == 0:
            return step
    return Decimal(1)


def _text(value: Decimal) -> str:
    """A decimal in its one form."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
