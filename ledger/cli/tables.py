"""Tables on a terminal: one look for all commands."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from ledger.cli.screen import print_whole, shown


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> None:
    """Print rows under dim titles, as wide as they are.

    `right` are the columns to align to the right, from 0. Cells are rich's markup: foreign text goes through `shown`.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, header_style="dim")
    for place in right:
        table.columns[place].justify = "right"
    for row in rows:
        table.add_row(*row)
    print_whole(Console(highlight=False), table)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print dim names and their values below each other. Values may be foreign text."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False)
    for name, value in facts.items():
        table.add_row(f"[dim]{name}[/]", shown(value))
    Console(highlight=False, soft_wrap=True).print(table)
