"""`fedledger predict`: what a released model says of rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.cli.screen import print_json, shown
from ledger.config import Home

if TYPE_CHECKING:
    from participant.predicting.predictor import Predictor
    from participant.predicting.table import Rows

FILE = click.Path(path_type=Path, dir_okay=False)
SHOWN = 10
"""So many cells that cannot be read are shown; the document has more."""


@click.command(short_help="Predict rows of a table by a released model.")
@click.argument("release")
@click.option(
    "--data",
    type=FILE,
    required=True,
    help="The rows: a table, or arrays, as training reads them; without labels.",
)
@click.option("--output", type=FILE, help="CSV to write; OUTPUT.json beside it says what it is of.")
@click.option("--skip-bad", is_flag=True, help="Predict the rows that can be read; the others are listed.")
@click.option(
    "--offline",
    is_flag=True,
    help="Ask no chain: RELEASE is a fetched folder. Nobody then knows whether it was revoked.",
)
@network_option
@rpc_option
@home_option
@json_option
def predict(
    release: str,
    data: Path,
    output: Path | None,
    skip_bad: bool,
    offline: bool,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Predict the rows of a table by RELEASE: NAME@VERSION, NAME (the current one), or a folder that `fedledger release
    fetch` wrote.

    \b
    fedledger release fetch cardio
    fedledger predict cardio-1.0 --data new.csv --output out.csv

    The model is checked first, and a revoked one is refused; of a folder without a chain to ask, the output says that
    nobody looked. Rows that cannot be read are listed, each with every reason, and nothing is written unless --skip-bad
    is given.

    Exit codes: 0 done, 1 refuted, 2 rows or words that cannot be read, revoked or expired, 3 unavailable.
    """
    from participant.predicting.describing import read_rows
    from participant.predicting.sources import opened
    from participant.predicting.table import refuse
    from participant.predicting.writing import csv_of, document_of, require_apart, rows_of, write

    if output is None and not as_json:
        raise click.UsageError("name a file to write (--output FILE), or ask for --json")
    if output is not None:
        require_apart(output, data, Path(release) if Path(release).is_dir() else None)
    with opened(release, network_file, home, rpc, offline=offline) as source:
        predictor = source.predictor
        source.require_permitted()
        rows = read_rows(data, predictor.description)
        if rows.unreadable and not skip_bad:
            _list(rows, as_json)
            refuse(data, rows)
        answers, saturated = predictor.counted(rows.inputs)
        source.look_again()
    table = csv_of(predictor, rows, answers)
    document: dict[str, Any] = document_of(predictor, rows, data, table if output else None, saturated)
    if output is not None:
        document |= {"files": [str(output), str(write(output, table, document))]}
    else:
        document |= {"predictions": rows_of(predictor, rows, answers)}
    _print(predictor, rows, document, source.notes, as_json)


def _print(predictor: "Predictor", rows: "Rows", document: dict[str, Any], notes: list[str], as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    _list(rows, as_json)
    for line in _words(predictor, rows, document, notes):
        click.echo(line)


def _list(rows: "Rows", as_json: bool) -> None:
    """Cells that cannot be read, on the error stream."""
    if as_json:
        return
    for one in rows.unreadable[:SHOWN]:
        where = f"column {shown(one.column)}: {shown(repr(one.value))} " if one.column else ""
        click.echo(f"{rows.place} {one.line}: {where}{shown(one.reason)}", err=True)
    left = len(rows.unreadable) - SHOWN
    if left > 0:
        click.echo(f"... and {left} more", err=True)


def _words(predictor: "Predictor", rows: "Rows", document: dict[str, Any], notes: list[str]) -> list[str]:
    released = predictor.released
    lines = [f"{len(rows.lines):,} rows predicted by {shown(released.title)}: root {released.root.hex()}"]
    lines += [f"  {path}" for path in document["files"]]
    lines.append(f"  {document['checked']['revoked']}")
    lines += [f"  {shown(note)}" for note in notes]
    if cut := document["rows"]["saturated"]:
        lines.append(f"  of {cut:,} rows an output was cut at ±32,768: the model says nothing of use about them")
    use = released.job.permitted_use
    if use is not None:
        lines += [f"  {name}: {shown(text)}" for name, text in use.words]
    if not predictor.network.exact:
        lines.append("  run by the task's own code: last digits may differ on another machine")
    return lines
