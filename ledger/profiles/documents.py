"""A merged draft as a document for programs, and what the web draws."""

from typing import Any

from msgspec import to_builtins

from ledger.profiles.differences import side_by_side
from ledger.profiles.merging import Merged
from ledger.profiles.numbers import text
from ledger.profiles.proposals import task_of
from ledger.profiles.targets import NumberTarget, TimeTarget
from ledger.profiles.writing import draft_text


def document(merged: Merged) -> dict[str, Any]:
    """All of it; `draft` is the file's text, null while something has to be decided."""
    label = merged.label
    return {
        "parties": [
            {
                "party": party,
                "rows": rows,
                "todo": [
                    {"column": one.column, "why": one.why, "line": one.line or None}
                    for one in merged.todo
                    if one.party == party
                ],
            }
            for party, rows in merged.rows.items()
        ],
        "columns": [
            to_builtins(column.input)
            | {"sides": dict(side_by_side(column.sides)), "missing_rows": column.missing, "notes": list(column.notes)}
            for column in merged.columns
        ],
        "left_out": [{"column": one.column, "why": one.why} for one in merged.left_out],
        "target": _target(merged),
        "label": label
        and {
            "column": label.group.name,
            "classes": list(label.classes),
            "rows": dict(label.counts),
            "values": dict(label.values),
            "weights": list(label.weights),
        },
        "disagreements": [
            {
                "kind": one.kind,
                "column": one.column,
                "message": one.message,
                "sides": dict(one.sides),
                "advice": one.advice,
            }
            for one in merged.disagreements
        ],
        "draft": None if merged.disagreements else draft_text(merged),
    }


def _target(merged: Merged) -> dict[str, Any] | None:
    """What is learnt, of any kind, by which task, and why; null while that is open."""
    target = merged.target
    if target is None:
        return None
    said: dict[str, Any] = {
        "task": task_of(merged),
        "columns": [group.name for group in target.groups],
        "why": target.why,
    }
    match target:
        case NumberTarget(low=low, high=high):
            said["range"] = f"{text(low)}:{text(high)}"
        case TimeTarget(bins=bins, events=events):
            said |= {"bins": list(bins), "rows": dict(events.counts)}
    return said
