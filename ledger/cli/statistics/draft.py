"""`fedledger stats draft`: from several parties' shared profiles to the draft of an analysis."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import json_option, wide_option
from ledger.cli.screen import print_json, shown
from ledger.cli.tables import print_facts, print_table
from ledger.formats.text import command, listed, plural

if TYPE_CHECKING:
    from ledger.profiles.analysing import MergedAnalysis
    from ledger.profiles.merging import Merged

FILE = click.Path(path_type=Path, dir_okay=False)
DISAGREED = 2
ROWS = click.IntRange(2, 1 << 20)


@click.command(short_help="Make an analysis' draft from several parties' shared profiles.")
@click.option("--profiles", type=FILE, multiple=True, help="The parties' shared profiles: FILE FILE …")
@click.argument("more", type=FILE, nargs=-1, metavar="[FILE]...")
@click.option("--output", type=FILE, help="Where to write the draft.  [default: show what would be in it]")
@click.option(
    "--by", help="Ask all by this column's classes; '' for none.  [default: what all profiles call the label]"
)
@click.option("--name", default="", help="The job's name.")
@click.option("--drop", multiple=True, metavar="COLUMN", help="Leave this column out.")
@click.option("--accept", multiple=True, metavar="COLUMN", help="Take this column as it is, though parties differ.")
@click.option("--category", multiple=True, metavar="COLUMN", help="Take this column's numbers as words.")
@click.option("--min-cell", type=ROWS, default=5, show_default=True, help="No cell of fewer rows is told.")
@click.option("--min-rows", type=ROWS, default=10, show_default=True, help="Nothing of a class of fewer rows is.")
@click.option("--correlations", is_flag=True, help="Ask how columns of numbers hang together.")
@click.option("--masked", is_flag=True, help="Under masks: nobody sees a single party's answer.")
@click.option("--epsilon", default="", metavar="NUMBER", help="Noise on every number, within this ε; with --scope.")
@click.option("--scope", default="", help="Whose rows the noise hides, such as patients-2026.")
@click.option("--window", type=click.IntRange(30, 604_800), help="Seconds that a party has to count.")
@wide_option
@json_option
def draft(
    profiles: tuple[Path, ...], more: tuple[Path, ...], output: Path | None, by: str | None, name: str,
    drop: tuple[str, ...], accept: tuple[str, ...], category: tuple[str, ...], min_cell: int, min_rows: int,
    correlations: bool, masked: bool, epsilon: str, scope: str, window: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Merge shared profiles into the draft of an analysis: common columns, with bins and categories that all fit into.

    Where parties differ in what would pass unseen, such as units and codes, all of it is shown side by side, and there
    is no draft until a person decides. What a label's words stand for does not matter: they are counted as they are.

    Exit codes: 0 a draft; 2 wrong usage, or something to decide first; 3 unavailable.

    \b
    Example:  fedledger stats draft --profiles a.shared.json b.shared.json --output who.toml
    """
    from ledger.profiles.analysing import AnalysisChoices, analysis_text, merge_for_analysis
    from ledger.profiles.differences import Choices
    from ledger.profiles.files import named_after, read_profile, require_profiles
    from ledger.store import disk

    _check(epsilon, scope)
    asked = AnalysisChoices(by, min_cell, max(min_rows, min_cell), correlations, masked, epsilon, scope=scope)
    read = [named_after(path, read_profile(path)) for path in require_profiles(profiles, more)]
    choices = Choices(name=name, drop=drop, accept=accept, category=category, window=window)
    found = merge_for_analysis(read, choices, asked)
    written = "" if found.disagreements else analysis_text(found)
    if written and output is not None:
        disk.write_whole(output, [written.encode()])
    if as_json:
        print_json(_document(found, written, output))
    else:
        _show(found, output)
    if found.disagreements:
        click.get_current_context().exit(DISAGREED)


def _check(epsilon: str, scope: str) -> None:
    """Refuse noise that is half said. Raises UsageError."""
    from ledger.errors import UsageError
    from ledger.formats.grammar import check_name
    from ledger.jobs.preparation import is_decimal

    if bool(epsilon) != bool(scope):
        raise UsageError("--epsilon and --scope go together", advice="--epsilon 3 --scope patients-2026")
    if epsilon and not (is_decimal(epsilon) and Decimal(epsilon) > 0):
        raise UsageError("--epsilon is not a number above 0", advice="such as 3, or 0.5", actual=epsilon[:80])
    if scope:
        check_name(scope, "--scope")


def _document(found: "MergedAnalysis", written: str, output: Path | None) -> dict[str, object]:
    merged = found.merged
    return {
        "parties": dict(merged.rows),
        "by": found.by,
        "columns": [one.name for one in merged.columns],
        "left_out": [{"column": one.column, "why": one.why} for one in merged.left_out],
        "todo": [{"party": one.party, "column": one.column, "why": one.why, "line": one.line} for one in merged.todo],
        "disagreements": [
            {"kind": one.kind, "column": one.column, "message": one.message, "sides": dict(one.sides),
             "advice": one.advice}
            for one in merged.disagreements
        ],
        "draft": written or None,
        "output": str(output) if output is not None and written else None,
    }  # fmt: skip


def print_undone(merged: "Merged") -> None:
    """Which columns a draft leaves out, and what parties do first."""
    if merged.left_out:
        click.echo()
        print_table(("left out", "why"), [(shown(one.column), shown(one.why)) for one in merged.left_out])
    if merged.todo:
        click.echo()
        rows_of = [(shown(one.party), shown(one.column), shown(one.why), shown(one.line)) for one in merged.todo]
        print_table(("party", "column", "what it does first", "line in its columns file"), rows_of)


def _show(found: "MergedAnalysis", output: Path | None) -> None:
    merged = found.merged
    rows = ", ".join(f"{party} about {rows:,}" for party, rows in merged.rows.items())
    asked = [column.name for column in merged.columns if column.name != found.by]
    print_facts({"parties": rows, "columns": listed(asked), "by": found.by or "all rows together"})
    print_undone(merged)
    for one in merged.disagreements:
        click.echo()
        where = f"{one.column}: " if one.column else ""
        print_facts({one.kind: f"{where}{one.message}"} | {f"  {party}": words for party, words in one.sides})
        print_facts({"  try": one.advice})
    click.echo()
    if merged.disagreements:
        count = plural(len(merged.disagreements), "thing")
        click.echo(f"no draft was written: {count} to decide, or to correct and share again")
    elif output is None:
        click.echo("nothing was written: say --output who.toml")
    else:
        click.echo(f"written: {output}")
        click.echo(f"Next: {command('job', 'create', output)}")
