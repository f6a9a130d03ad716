"""`fedledger node rows` and `replay`: what an update was trained on, shown, checked, and trained again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, job_option, json_option, network_option
from ledger.cli.screen import say
from ledger.config import Home
from ledger.formats.text import plural
from participant.cli.options import device_option

if TYPE_CHECKING:
    from participant.node.rows import Found

FILE = click.Path(path_type=Path, dir_okay=False)
ROUND = click.IntRange(min=1)
SHOWN = 20
"""Rows of a file that are listed on a screen, each in a line."""


@click.group(short_help="Show which rows an update was trained on, or check what was shown.")
def rows() -> None:
    """Show an inspector whether rows are among those that an update was trained on, or check what was shown.

    An update on the ledger is bound to its rows by a salted root, which the party alone can open (docs/spec/rows.md).
    """


@rows.command()
@click.argument("data", type=FILE)
@click.option("--round", "number", type=ROUND, required=True, help="The round of the update.")
@click.option("--output", type=FILE, required=True, help="Where to write the proof.")
@job_option
@home_option
@json_option
def prove(data: Path, number: int, output: Path, job: int | None, home: Home, as_json: bool) -> None:
    """Show whether the rows in DATA were trained on, held out, or absent.

    Asked about is this party's update of a round.

    DATA is a file that the job's task reads, of one row or more. The proof's reader learns which it was of these rows,
    and how many rows there were. Of a row that is absent, the proof shows marks of two rows beside it: its reader
    can try whether a guess is one of them.

    \b
    Example:  fedledger node rows prove patients.csv --round 7 --output proof.json
    """
    from ledger.cli.streams import write_file
    from ledger.party.connection import Connection
    from participant.measuring.own_rows import OwnRows
    from participant.node.rows import prove_rows
    from participant.node.start import machine_of
    from participant.rows.records import RowRecords
    from participant.trainer.trainers import Trainers

    _require(data)
    with Trainers(machine_of(home, None)) as trainers, Connection.open(home) as connection:
        trainers.prepare()
        connection.refresh()
        own = OwnRows(connection, home, RowRecords(trainers.machine.rows))
        proof, found = prove_rows(own, connection.job(job), number, data, trainers)
    write_file(output, [proof.encode()])
    where = {"job": proof.job, "round": proof.round, "party": proof.party, "file": str(output)}
    say(as_json, "\n".join([*_lines(found), f"the proof is in {output}"]), **where, rows=_documents(found))


@rows.command()
@click.argument("proof", type=FILE)
@click.option("--data", type=FILE, help="The rows that it must speak of; needs the job's task.  [default: any]")
@network_option
@home_option
@json_option
def check(proof: Path, data: Path | None, network_file: Path | None, home: Home, as_json: bool) -> None:
    """Hold a PROOF of rows against the update on the ledger.

    It says of each row whether it was trained on.

    Without --data rows are named by their digests. The exit code is 1 where the proof contradicts the ledger.

    \b
    Example:  fedledger node rows check proof.json --data patients.csv
    """
    from ledger.cli.connect import look
    from ledger.errors import UsageError
    from ledger.formats.row_proofs import MAX_SIZE, parse
    from participant.node.rows import check_rows, leaves_of, require_rows
    from participant.node.start import machine_of
    from participant.trainer.trainers import Trainers

    for path in (proof, data):
        if path is not None:
            _require(path)
    try:
        with proof.open("rb") as file:
            shown = parse(file.read(MAX_SIZE + 1))
    except OSError as error:
        raise UsageError(f"cannot read the proof: {error.strerror}", file=str(proof)) from error
    with look(network_file, home) as connection:
        connection.refresh()
        found = check_rows(connection, shown)
        if data is not None:
            document = connection.document(connection.job(shown.job))
            with Trainers(machine_of(home, None)) as trainers:
                found = require_rows(found, leaves_of(document, shown.job, data, trainers))
        index = connection.history.jobs[shown.job].rounds[shown.round].updates
        name = next(connection.name(one.index) for one in index.values() if one.party == shown.party)
    title = f"update of {name}, job {shown.job}, round {shown.round}: {plural(shown.opening.trained, 'row')} trained on"
    facts = {"job": shown.job, "round": shown.round, "party": shown.party, "trained": shown.opening.trained}
    say(as_json, "\n".join([title, *_lines(found)]), **facts, rows=_documents(found))


@click.command()
@click.option("--round", "number", type=ROUND, required=True, help="The round to train again.")
@click.option("--data", type=FILE, help="The private data as they were.  [default: those of the home's settings]")
@click.option("--update", type=click.Path(path_type=Path, dir_okay=False), help="Write the update to this file, open.")
@job_option
@device_option
@home_option
@json_option
def replay(
    number: int, data: Path | None, update: Path | None, job: int | None, device: str | None, home: Home, as_json: bool
) -> None:
    """Train a round again from its bound rows, and compare: a training receipt.

    The rows are those that this party's update is bound to.

    Nothing is sent, and nothing but what --update asks for is left behind. The exit code is 1 where other integers come
    out. Rows that were added since are left out; where some are gone, name the data as they were. Of a masked round the
    ledger has no open update's root: nothing is compared.

    \b
    Example:  fedledger node replay --round 7 --update again.safetensors
    """
    from ledger.party.connection import Connection
    from participant.measuring.own_rows import OwnRows
    from participant.node.replay import replay as train_again
    from participant.node.start import machine_of
    from participant.rows.records import RowRecords
    from participant.tasks.data.files import DataFiles
    from participant.trainer.trainers import Trainers

    files = DataFiles(home, given=data)
    files.check()
    with Trainers(machine_of(home, device)) as trainers, Connection.open(home) as connection:
        trainers.prepare()
        connection.refresh()
        state = connection.job(job)
        path = files.found(state.number, connection.document(state).task.name)
        own = OwnRows(connection, home, RowRecords(trainers.machine.rows))
        facts = train_again(own, state, number, path, trainers, update)
    said = f"round {number} trained again on the same {facts['rows']} rows, {facts['held_out']} held out"
    found = "the same update" if facts["compared"] else "not compared, since it went under masks; the open update's"
    say(as_json, f"{said}: {found}, root {facts['root']}", **facts)


def _lines(found: "Found") -> list[str]:
    """One line for each row, the first of many."""
    width = len(str(len(found)))
    lines = [f"row {place:>{width}}  {answer}" for place, (_, answer) in enumerate(found[:SHOWN], 1)]
    if len(found) > SHOWN:
        kinds = [answer for _, answer in found]
        counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        lines.append(f"of {plural(len(found), 'row')}: {counted}")
    return lines


def _documents(found: "Found") -> list[dict[str, str]]:
    return [{"leaf": leaf.hex(), "answer": answer} for leaf, answer in found]


def _require(path: Path) -> None:
    from ledger.errors import UsageError

    if not path.is_file():
        raise UsageError("no such file", file=str(path))
