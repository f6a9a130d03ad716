"""`fedledger data`: look at a table before anybody trains on it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import json_option, wide_option
from ledger.cli.screen import print_json, shown
from ledger.cli.tables import print_facts, print_line, print_table
from ledger.formats.text import plural
from participant.cli.profiles.mock import mock
from participant.cli.profiles.share import names_option, share

if TYPE_CHECKING:
    from participant.profile.document import Profile, Remark

FILE = click.Path(path_type=Path, dir_okay=False)
FAULTY = 2


@click.group(short_help="Look at a table: its columns, and all that is wrong with it.")
def data() -> None:
    """Look at a table as it is: CSV of any kind, Excel, Parquet, or a query to a database (docs/data.md).

    profile is for its owner's eyes; share writes what other parties may see.
    """


data.add_command(share)
data.add_command(mock)


@data.command()
@click.argument("file", type=FILE)
@click.option("--columns", type=FILE, help="Its columns file.  [default: FILE.columns.toml, which training reads]")
@click.option("--again", is_flag=True, help="Have the columns file made again; the old one stays as .bak.")
@click.option("--label", default="", help="The column with the classes: few rows of one are warned of.")
@click.option("--url-file", default="", help="For a query (.sql): the file, mode 0600, with the database's URL.")
@names_option
@click.option("--html", type=FILE, help="Write a page with histograms to this file.")
@wide_option
@json_option
def profile(
    file: Path, columns: Path | None, again: bool, label: str, url_file: str, names: tuple[str, ...],
    html: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Say what the columns of FILE are, and all that is wrong or doubtful.

    Each is told with its count and its first lines.

    What was found out of how FILE is written goes into a columns file beside it, FILE.columns.toml, if there is none:
    edit it where it is wrong. It is what training, scoring and prediction read FILE by. What is printed, and the page,
    tell of the rows: keep them at home.

    Exit codes: 0 every row can be read; 2 wrong usage, or some cannot; 3 unavailable.

    Example: fedledger data profile patients.csv --label ill
    """
    from participant.profile.keeping import keep
    from participant.profile.profile import ProfileRequest
    from participant.profile.profile import profile as look
    from participant.tasks.data.sources.columns_file import encode

    request = ProfileRequest(file, columns, again, label, url_file, names)
    profiled, found = look(request)
    if profiled.made:
        keep(request.columns_file, encode(found, file.name))
    if html is not None:
        from participant.profile.page import page

        _write(html, page(profiled).encode())
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(profiled))
    else:
        _show(profiled, request.columns_file)
    if not profiled.right:
        click.get_current_context().exit(FAULTY)


def _write(path: Path, content: bytes) -> None:
    from ledger.store import disk

    disk.write_private(path, [content])


def _show(found: "Profile", columns_file: Path) -> None:
    source = f"{columns_file}, made now: look whether it is right" if found.made else str(columns_file)
    facts = {"file": found.file, "rows": f"{found.rows:,}", "read by": source}
    for words in found.inferred:
        name, rest = _pair(words)
        facts[name] = f"{facts[name]}; {rest}" if name in facts else rest
    if found.whole_rows is not None:
        facts["rows left"] = f"{found.whole_rows:,} have a value in every column; a job that asks for fewer keeps more"
    print_facts(facts)
    click.echo()
    print_table(("column", "kind", "missing", "values", "least", "mean", "most"), _rows(found), right=(2, 4, 5, 6))
    _findings("fault", "red", found.faults)
    _findings("warning", "yellow", found.warnings)
    click.echo()
    print_line(_verdict(found))


def _pair(words: str) -> tuple[str, str]:
    """A sentence as a name and the rest."""
    name, mark, rest = words.partition(": ")
    return (name, rest) if mark else ("found out", words)


def _rows(found: "Profile") -> list[tuple[str, ...]]:
    rows = []
    for column in found.columns:
        numbers = column.numbers
        figures = (
            ("", "", "")
            if numbers is None
            else tuple(f"{value:.6g}" for value in (numbers.minimum, numbers.mean, numbers.maximum))
        )
        rows.append((shown(column.name), column.kind, f"{column.missing:,}", shown(_values(column)), *figures))
    return rows


def _values(column: "object") -> str:
    from participant.profile.document import ColumnProfile

    if not isinstance(column, ColumnProfile) or column.kind == "ignore":
        return ""
    if column.distinct is None:
        return "more than 1,000"
    listed = [f"{one.value} {one.count:,}" for one in column.categories[:6]]
    few = column.kind in ("category", "text") or column.distinct <= 6
    return (
        ", ".join([*listed, "…"] if column.distinct > len(listed) else listed)
        if few and listed
        else (f"{column.distinct:,} different")
    )


def _findings(title: str, colour: str, findings: "tuple[Remark, ...]") -> None:
    if not findings:
        return
    click.echo()
    rows = []
    for one in findings:
        lines = ", ".join(map(str, one.lines)) + (", …" if one.count > len(one.lines) > 0 else "")
        example = f" ({one.example!r})" if one.example and one.kind not in ("sentinel",) else ""
        said = shown(f"{one.message}{example}")
        rows.append((f"[{colour}]{one.kind}[/]", shown(one.column), f"{one.count:,}", lines, said, shown(one.advice)))
    print_table((title, "column", "count", "lines", "what", "try"), rows, right=(2,))


def _verdict(found: "Profile") -> str:
    warned = f"; {plural(len(found.warnings), 'thing')} to look at" if found.warnings else ""
    if found.right:
        return f"[green]every row can be read[/]{warned}"
    return f"[red]faults of {plural(len(found.faults), 'kind')}: rows are refused[/]{warned}"
