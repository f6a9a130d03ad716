"""`fedledger node told`: what this home has told of its rows by statistics."""

from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from ledger.cli.options import home_option, json_option
from ledger.cli.screen import print_json, say, shown
from ledger.cli.tables import print_line, print_table
from ledger.config import Home, OwnFloors, save
from ledger.errors import UsageError
from ledger.formats.text import plural

if TYPE_CHECKING:
    from participant.statistics.questions import AnsweredQuestion


@click.command(short_help="Show which statistics this home has answered.")
@click.option("--forget", metavar="COLUMN", help="Hold later questions no longer against those about this column.")
@click.option("--reason", help="Why: it stays on record. Needed with --forget.")
@click.option(
    "--min-cell",
    type=click.IntRange(0, 1 << 20),
    help="This home's own floor: answer no analysis that would tell of cells of fewer rows, whatever was voted. 0 for "
    "none.",
)
@click.option("--min-rows", type=click.IntRange(0, 1 << 20), help="The same of classes and sums.")
@home_option
@json_option
def told(
    forget: str | None, reason: str | None, min_cell: int | None, min_rows: int | None, home: Home, as_json: bool
) -> None:
    """Show which statistics this home has answered, and its own floors.

    A column is answered in one way only, of the very same rows: the difference of two answers could show single rows
    (docs/statistics.md). --forget is the decision of the data's owner that earlier answers do not matter any more, as
    after a year's new rows. --min-cell and --min-rows are kept in the home's node.toml, in the table `[statistics]`: a
    running node refuses to answer a job with lower floors, and sits its round out. Exit codes: 0 done, 2 there is no
    such column.

    \b
    Example:  fedledger node told --forget age --reason "rows of a new year"
    """
    from participant.statistics.told import ToldFile

    record = ToldFile(home.folder)
    if (forget is None) != (reason is None):
        raise UsageError(
            "--forget and --reason go together", advice='fedledger node told --forget COLUMN --reason "WHY"'
        )
    if forget is not None and reason is not None:
        count = record.forget(forget, reason)
        say(as_json, f"forgot {plural(count, 'answer')} about {forget}; on record: {reason}", forgotten=count)
        return
    if min_cell is not None or min_rows is not None:
        kept = _keep_floors(home, min_cell, min_rows)
        said = " or ".join(f"{name} is below {least}" for name, least in kept.items() if least)
        text = f"no analysis is answered whose {said}" if said else "this home has no floors of its own"
        say(as_json, text, **kept)
        return
    found = record.read()
    lines = [_line(one) for one in found.told] + [_line(gone.question, gone.reason) for gone in found.forgotten]
    if as_json:
        print_json(lines)
    elif lines:
        _print(lines, home.settings().statistics)
    else:
        click.echo("this home has answered no statistics yet")


def _keep_floors(home: Home, min_cell: int | None, min_rows: int | None) -> OwnFloors:
    """Write the floors that are given into the home's settings; all of its floors."""
    settings = home.settings()
    kept = dict(settings.statistics)
    if min_cell is not None:
        kept["min_cell"] = min_cell
    if min_rows is not None:
        kept["min_rows"] = min_rows
    save(home.settings_file, replace(settings, statistics=kept))
    return kept


def _line(one: "AnsweredQuestion", reason: str = "") -> dict[str, Any]:
    floors = {"min_cell": one.min_cell, "min_rows": one.min_rows, "noise": one.noise}
    return {"job": one.job, "columns": sorted(one.names), **floors, "lost": one.is_lost, "reason": reason}


def _print(lines: list[dict[str, Any]], own: OwnFloors) -> None:
    rows = [
        (
            one["job"],
            shown(", ".join(one["columns"])),
            str(one["min_cell"]),
            shown(one["noise"] or "-"),
            "no: known from the ledger alone" if one["lost"] else "yes",
            shown(one["reason"] or "-"),
        )
        for one in lines
    ]
    columns = ("job's digest", "columns", "min_cell", "noise", "rows known", "forgotten because")
    print_table(columns, rows, short=(0,))
    print_line("[dim]what is forgotten stays on record[/]")
    if floors := ", ".join(f"{name} {least}" for name, least in own.items() if least):
        print_line(f"this home's own floors: {floors}")
