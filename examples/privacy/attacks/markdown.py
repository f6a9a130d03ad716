"""The table as Markdown, for a page that keeps it between two marks."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from attacks.rows import Row
from ledger.errors import Malformed

BEGIN, END = "<!-- figures of examples/privacy -->\n", "<!-- end of figures -->"


def write(page: Path, rows: Sequence[Row]) -> None:
    """Put the tables between the page's marks. Raises Malformed where it has none."""
    text = page.read_text("utf-8")
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise Malformed(f"{page} has no place for figures", advice=f"add the lines {BEGIN.strip()} and {END}")
    page.write_text(f"{before}{BEGIN}\n{tables(rows)}\n{END}{after}", "utf-8")


def tables(rows: Sequence[Row]) -> str:
    """One table for each attack."""
    return "\n".join(_table(list(group)) for _, group in groupby(rows, lambda row: row.attack))


def _table(rows: list[Row]) -> str:
    labels = any(row.label is not None for row in rows)
    heads = [rows[0].attack, rows[0].measure, *(control.name for control in rows[0].controls)]
    heads += ["labels found (chance)"] * labels + [""] * any(row.note for row in rows)
    sides = ["---:" if head else "---" for head in heads[1:]]
    lines = [heads, ["---", *sides], *(_cells(row, len(heads)) for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(row: Row, columns: int) -> list[str]:
    controls = [f"{control.value:.2f}" for control in row.controls]
    cells = [row.read, f"**{row.value:.2f}** ± {row.spread:.2f}", *controls]
    if row.label is not None:
        cells.append(f"{row.label:.2f} ({row.label_control:.2f})")
    return [*cells, row.note][:columns]
