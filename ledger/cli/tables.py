"""Tables and facts on a terminal, as wide as it is: one look for all commands.

Where a table is wider, digests, keys, CIDs and addresses are shortened in the middle, and texts wrap; where that does
not do, each row becomes a few lines. What is piped, or asked for with --wide, has every value whole, on one line.
"""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from ledger.cli.options import WIDE
from ledger.cli.screen import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree

SHORT, WORD, LINES, NARROW = 13, 20, 3, 24
"""Columns that a value shortened in the middle has at least; the longest word that is kept whole; lines of a text in a
table, at most; the width of a terminal below which nothing fits."""
UNLIMITED = 1_000_000
GAP = 2
EMPTY = ("", "-")


def wide() -> bool:
    """Whether --wide was given."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(WIDE))


def whole() -> bool:
    """Whether values are shown whole and on one line: on request, or because nobody reads this on a terminal."""
    return wide() or not sys.stdout.isatty()


def middle(text: str, width: int = SHORT) -> str:
    """A text of at most `width` signs: a longer one has an ellipsis in its middle."""
    if len(text) <= width:
        return text
    kept = max(width - 1, 2)
    return f"{text[: kept - kept // 2]}…{text[-(kept // 2) :]}"


def brief(text: str) -> str:
    """A digest, key, CID or address within a sentence: whole where values are, else shortened."""
    return text if whole() else middle(text, 17)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Collection[int] = (),
    short: Collection[int] = (),
) -> None:
    """Print rows under dim titles.

    `right` are the columns to align to the right, `short` those whose values may be shortened, from 0. Cells are rich's
    markup: foreign text goes through `shown`.
    """
    from rich.text import Text

    cells = [[Text.from_markup(cell) for cell in row] for row in rows]
    full = [max([len(title), *(row[place].cell_len for row in cells)]) for place, title in enumerate(columns)]
    room = _room()
    widths = (
        full if room is None else fitted(_least(columns, cells, short), full, room - GAP * (len(columns) - 1), short)
    )
    if widths is None:
        _print_records(columns, cells)
        return
    for row in cells:
        for place in short:
            _shorten(row[place], widths[place])
    table = _table(columns, widths, right)
    for row in cells:
        table.add_row(*row)
    _console(sum(widths) + GAP * len(columns)).print(table)


def fitted(least: Sequence[int], full: Sequence[int], room: int, short: Collection[int] = ()) -> list[int] | None:
    """Widths of columns that share `room`: none under its least nor over its full width. The narrow ones grow first,
    those of values that may be shortened last. None where their least widths are too wide together.
    """
    widths = list(least)
    left = room - sum(widths)
    if left < 0:
        return None
    while left and (growing := [place for place, width in enumerate(widths) if width < full[place]]):
        widths[min(growing, key=lambda place: (place in short, widths[place]))] += 1
        left -= 1
    return widths


def print_facts(facts: Mapping[str, str]) -> None:
    """Print dim names and their values below each other. Values may be foreign text."""
    from rich.text import Text

    _print_pairs([(name, Text.from_markup(shown(value))) for name, value in facts.items()])


def print_tree(tree: "Tree") -> None:
    """Print a tree; its labels wrap where values are not whole."""
    _console(_room() or UNLIMITED).print(tree)


def print_line(markup: str) -> None:
    """Print a line of rich's markup; on a terminal it wraps at words."""
    _console(_room() or UNLIMITED).print(markup)


def _room() -> int | None:
    """Columns of the terminal; None where values are whole."""
    return None if whole() else max(_console().width, NARROW)


def _console(width: int | None = None) -> "Console":
    from rich.console import Console

    return Console(highlight=False, width=width)


def _least(columns: Sequence[str], cells: "Sequence[Sequence[Text]]", short: Collection[int]) -> list[int]:
    """The least width of each column: that of its title's words, and of a value shortened, or of its longest text in a
    few lines.
    """
    from rich.cells import cell_len

    least = []
    for place, title in enumerate(columns):
        texts = [row[place].plain for row in cells]
        word = max((cell_len(word) for text in texts for word in text.split()), default=0)
        text = max(min(word, WORD), *(-(-cell_len(text) // LINES) for text in texts), 0)
        least.append(max(min(word, SHORT) if place in short else text, *map(len, title.split() or [""])))
    return least


def _shorten(cell: "Text", width: int) -> None:
    if cell.cell_len > width:
        cell.plain = middle(cell.plain, width)


def _table(columns: Sequence[str], widths: Sequence[int], right: Collection[int]) -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, GAP, 0, 0))
    for place, (title, width) in enumerate(zip(columns, widths, strict=True)):
        justify = "right" if place in right else "left"
        table.add_column(title, justify=justify, width=width, overflow="fold")  # type: ignore[arg-type]
    return table


def _print_records(columns: Sequence[str], cells: "Sequence[Sequence[Text]]") -> None:
    """Each row as its titles and values below each other, without what is empty or a dash, and with an empty line
    between two.
    """
    for number, row in enumerate(cells):
        if number:
            click.echo()
        full = [(title, cell) for title, cell in zip(columns, row, strict=True) if cell.plain.strip() not in EMPTY]
        _print_pairs([(title or "no.", cell) for title, cell in full])


def _print_pairs(pairs: "Sequence[tuple[str, Text]]") -> None:
    from rich.text import Text

    names = max((len(name) for name, _ in pairs), default=0)
    titled = [(Text(name.ljust(names), style="dim"), value) for name, value in pairs]
    room = _room()
    if room is None:
        for title, value in titled:
            _console().print(Text.assemble(title, " " * GAP, value), soft_wrap=True)
        return
    table = _table(("", ""), (names, max(room - names - GAP, SHORT)), ())
    table.show_header = False
    for row in titled:
        table.add_row(*row)
    _console(room).print(table)
