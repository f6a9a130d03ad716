"""`fedledger stats`: a draft of an analysis, and what one came to."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import ShownByDefault, home_option, json_option, network_option, rpc_option, wide_option
from ledger.cli.screen import print_json, shown
from ledger.cli.statistics.draft import draft
from ledger.cli.tables import print_line, print_table
from ledger.config import Home
from ledger.formats.text import listed, plural

if TYPE_CHECKING:
    from ledger.statistics.findings import JobStatistics
    from ledger.statistics.table import CountedClass, CountedColumn

SHOWN_DIGITS = 6


@click.group(cls=ShownByDefault, short_help="Ask for statistics of all tables, and show what came out.")
def stats() -> None:
    """Ask for statistics of all parties' tables, and show what came out: an analysis is a job (docs/statistics.md).

    fedledger stats JOB is fedledger stats show JOB.
    """


stats.add_command(draft)


@stats.command(short_help="Show what an analysis came to.")
@click.argument("job", type=click.IntRange(min=1), required=False)
@click.option("--bins", is_flag=True, help="Show every bin and category.")
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def show(
    job: int | None,
    bins: bool,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Show the statistics of JOB: what all parties' tables count and sum up to.

    All figures follow from the audited integers of the job's one round, exactly (docs/statistics.md); --json has the
    sums themselves. A quantile is known to lie in a bin. Noise, where the job adds any, is said below the tables. A
    party may have a floor of its own, and sits out a job that would tell of fewer rows: fedledger node told --min-cell.
    Without JOB, the latest analysis. Exit codes: 0 shown, 2 the job has no statistics, 3 its model cannot be had.

    \b
    Example:  fedledger stats show 2 --bins
    """
    from ledger.cli.connect import look
    from ledger.statistics.findings import document, findings

    with look(network_file, home, rpc) as connection:
        history = connection.refresh()
        asked = [number for number, state in history.jobs.items() if connection.document(state).analysis is not None]
        state = connection.job(job or (asked[-1] if asked else None))
        found = findings(connection.place, state, connection.document(state), connection.fetch)
        named = [connection.name(index) for index in found.members]
        name = connection.document(state).name
    if as_json:
        print_json({"job": state.number, "name": name, "parties": named, **document(found)})
        return
    print_line(f"[bold]{shown(name)}[/] [dim]job {state.number}[/]\nanswers of {shown(listed(named))}")
    _print(found, bins=bins)
    click.echo(f"Next: fedledger audit --job {state.number} works all of it out again")


def _print(found: "JobStatistics", *, bins: bool) -> None:
    from ledger.statistics.findings import decimal, deviation_of_counts

    by = found.analysis.by
    for group in found.groups:
        title = f"{shown(by)} = {shown(group.name)}" if by else "all rows"
        said = plural(group.rows, "row") if group.rows else "withheld by every party, or none"
        print_line(f"\n[bold]{title}[/]: {said}")
        if not group.rows:
            continue
        columns = ("column", "rows", "missing", "outside", "withheld", "mean", "std", "quartiles, each ± a bin")
        print_table(columns, list(_rows(group)), right=range(1, 7))
        _print_categories(group)
        if bins:
            _print_bins(group)
        _print_correlations(found, group)
    floors = found.analysis.min_cell, found.analysis.min_rows
    print_line(f"\n[dim]withheld are rows in cells of fewer than {floors[0]}, and what else would tell their number[/]")
    if found.noise:
        deviation = decimal(deviation_of_counts(found.noise, len(found.members)), 3)
        print_line(
            f"[dim]every party added noise of {shown(found.noise)} rows to each count: a total is right to about "
            f"{deviation} rows (standard deviation), as far as nothing of it was withheld[/]"
        )
    for trouble in found.troubles:
        print_line(f"[yellow]note[/] the sums contradict each other, so some party's answer is false: {shown(trouble)}")


def _rows(group: "CountedClass") -> Iterator[tuple[str, ...]]:
    from ledger.statistics import figures
    from ledger.statistics.findings import decimal

    for counted in group.columns:
        bins = [figures.quantile(counted, part) for part in figures.QUANTILES]
        middles = [decimal((bin_[0] + bin_[1]) / 2, SHOWN_DIGITS) or "" for bin_ in bins if bin_ is not None]
        numbers = (sum(counted.bins), counted.missing, counted.outside, counted.withheld)
        found = (decimal(one, SHOWN_DIGITS) or "" for one in (figures.mean(counted), figures.deviation(counted)))
        yield shown(counted.column.name), *map(str, numbers), *found, ", ".join(middles)


def _print_categories(group: "CountedClass") -> None:
    for counted in group.columns:
        if not counted.column.numeric:
            parts = zip(counted.column.categories, counted.bins, strict=True)
            print_line(
                f"{shown(counted.column.name)}: {', '.join(f'{shown(name)} {count:,}' for name, count in parts)}"
            )


def _print_bins(group: "CountedClass") -> None:
    for counted in group.columns:
        if counted.column.numeric:
            print_line("")
            print_table((shown(counted.column.name), "rows"), list(_bins(counted)), right=(1,))


def _bins(counted: "CountedColumn") -> Iterator[tuple[str, str]]:
    from ledger.statistics.figures import edges
    from ledger.statistics.findings import decimal

    for place, count in enumerate(counted.bins):
        low, high = (decimal(edge, SHOWN_DIGITS) for edge in edges(counted, place))
        yield f"{low} to {high}", f"{count:,}"


def _print_correlations(found: "JobStatistics", group: "CountedClass") -> None:
    from ledger.statistics.findings import errors, matrix

    sums = group.correlated
    if sums is None or not sums.rows:
        return
    names = [shown(found.analysis.asked[place].name) for place in found.analysis.numbers]
    beside: list[list[str | None]] = errors(found, sums, 2) if found.noise else [[None] * len(names) for _ in names]
    rows = [
        (name, *(f"{one or ''} ± {error}" if error else one or "" for one, error in zip(line, around, strict=True)))
        for name, line, around in zip(names, matrix(sums, 3), beside, strict=True)
    ]
    print_line("")
    print_table((f"correlation of {plural(sums.rows, 'row')}", *names), rows, right=range(1, len(names) + 1))
