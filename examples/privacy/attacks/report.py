"""The table as text, and as JSON."""

from collections.abc import Sequence
from typing import Any

from attacks.rows import Row

HEADS = ("attack", "what is read", "", "reached", "instead of it", "label", "chance", "bar", "")
READING = (
    "Masks make of an update's file what no image is like. They do not hide what the public sum shows: the sum of ten\n"
    "updates of one row and one step gives back all ten images and labels. Masks hide whose an update is. With more\n"
    "members, rows and steps the sum tells less; only noise bounds what it tells."
)


def lines(rows: Sequence[Row]) -> list[str]:
    """The table, a line each, columns as wide as they must be."""
    table = [HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(cells[at]) for cells in table) for at in range(len(HEADS))]
    made = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in table]
    made.insert(1, "─" * max(map(len, made)))
    for at in range(len(rows) - 1, 0, -1):
        if rows[at].attack != rows[at - 1].attack:
            made.insert(at + 2, "")
    return made


def failed(rows: Sequence[Row]) -> list[Row]:
    """Rows that are not within their bars."""
    return [row for row in rows if row.bound is not None and not row.bound[1]]


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """The table for programs."""
    return {"rows": [row.document() for row in rows], "held": not failed(rows)}


def _cells(row: Row) -> tuple[str, ...]:
    bound = row.bound
    return (
        row.attack,
        row.read,
        row.measure,
        f"{row.value:.3f} ± {row.spread:.3f}" if len(row.values) > 1 else f"{row.value:.3f}",
        ", ".join(f"{control.name} {control.value:.2f}" for control in row.controls),
        "" if row.label is None else f"{row.label:.2f}",
        "" if row.label_control is None else f"{row.label_control:.2f}",
        "" if bound is None else f"{bound[0]} {'✓' if bound[1] else 'FAILED'}",
        row.note,
    )
