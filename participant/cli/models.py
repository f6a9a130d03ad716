"""`fedledger node evaluate`, `example` and `set`: what models are worth, and data to try it on."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, job_option, json_option, network_option
from ledger.cli.screen import print_json
from ledger.config import Home
from ledger.formats.text import json_text
from participant.cli.options import device_option

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ledger.releases.report import Rows
    from participant.measuring.evaluation import Line
    from participant.measuring.own_rows import OwnRows

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog="Example: fedledger node evaluate --report report.json")
@click.option("--data", type=FILE, help="Data to evaluate on.  [default: what the home's own data hold out]")
@click.option("--trained-on", is_flag=True, help="Evaluate on the home's rows that were trained on: not a test.")
@job_option
@click.option(
    "--round", "rounds", type=click.IntRange(min=0), multiple=True,
    help="A round's model; 0 is the initial. May be repeated.  [default: the latest]",
)  # fmt: skip
@click.option(
    "--follow", "follow_job", is_flag=True, help="Every finalised model as it comes, until the job is complete."
)
@click.option("--personal", is_flag=True, help="Also measure this party's own models of the round: `node personalise`.")
@click.option("--report", type=FILE, help="Also add this party's figures on the newest of them to this report.")
@click.option("--compared", type=FILE, help="Or what `node compare --json` wrote of other models on the same --data.")
@device_option
@network_option
@home_option
@json_option
def evaluate(
    data: Path | None,
    trained_on: bool,
    job: int | None,
    rounds: tuple[int, ...],
    follow_job: bool,
    personal: bool,
    report: Path | None,
    compared: Path | None,
    device: str | None,
    network_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Evaluate finalised global models on data of your own, in a process of its own.

    What is measured are the rows that the job has this party hold out; nobody ever trained on them. A line and a report
    say which rows it was: held out, trained on, or an own file.

    With --json, one line of JSON for each model. With --report the figures go into an evaluation report as well, which
    parties hand on, and which a release may name; those of earlier models that were measured too are its history. With
    --compared it is the report's model that is measured, and set beside the others in the report.
    """
    if compared:
        job, rounds = _model_of_report(data, report, bool(rounds or follow_job))
    if rounds and follow_job:
        raise click.UsageError("--round and --follow exclude each other")
    if trained_on and data:
        raise click.UsageError("--data and --trained-on exclude each other")
    from ledger.cli.connect import look
    from participant.measuring.evaluation import Evaluator, follow, lines
    from participant.measuring.own_rows import OwnRows
    from participant.node.start import machine_of
    from participant.rows.records import RowRecords
    from participant.tasks.data.files import DataFiles
    from participant.trainer.trainers import Trainers

    if network_file is None:
        home.network()
    files = DataFiles(home, given=data)
    files.check()
    wanted: Rows = "own_file" if data else "trained_on" if trained_on else "held_out"
    with Trainers(machine_of(home, device)) as trainers, look(network_file, home) as connection:
        trainers.prepare()
        own = OwnRows(connection, home, RowRecords(trainers.machine.rows))
        evaluator = Evaluator(own, files, trainers, wanted, personal=personal)
        found = follow(evaluator, job, _waiting) if follow_job else lines(evaluator, job, list(rounds))
        measured = list(_printed(found, as_json))
        if report and measured:
            _add(own, measured, report, data, compared)


def _model_of_report(data: Path | None, report: Path | None, chosen: bool) -> tuple[int, tuple[int, ...]]:
    """The job and round that a comparison is about: the report says which."""
    from ledger.party.publishing import read_file

    if data is None or report is None:
        raise click.UsageError("--compared needs --data and --report")
    if chosen:
        raise click.UsageError("--compared measures the report's model: leave out --round and --follow")
    about = read_file(report)
    return about.job, (about.round,)


def _add(own: "OwnRows", measured: "Sequence[Line]", report: Path, data: Path | None, compared: Path | None) -> None:
    """Add to the report what was measured: as this party's figures, or beside the models of a comparison."""
    from participant.measuring.comparison_file import add_comparison, read
    from participant.measuring.evaluation import add_to_report

    if compared and data:
        add_comparison(own, read(compared), measured[-1], data, report)
    else:
        add_to_report(own, measured, report)
    click.echo(f"{'comparison' if compared else 'figures'} added to {report}", err=True)


def _printed(found: "Iterable[Line]", as_json: bool) -> "Iterator[Line]":
    from msgspec import to_builtins

    for line in found:
        click.echo(json_text(line, to_builtins) if as_json else _words(line))
        yield line


def _waiting(text: str) -> None:
    click.echo(f"waiting: {text}", err=True)


def _words(line: dict[str, object]) -> str:
    from ledger.releases.report import ROWS
    from participant.measuring.figures import figure

    figures = ", ".join(f"{name} {figure(name, value)}" for name, value in line.items() if isinstance(value, float))
    said = f"job {line['job']}, round {line['round']}, {ROWS[str(line['rows'])]}: {figures}"
    return "\n".join([said, *_personal_words(line.get("personal", ()))])


def _personal_words(figures: object) -> "Iterator[str]":
    from msgspec import convert

    from ledger.releases.personal import KINDS, PersonalFigures

    for one in convert(figures, tuple[PersonalFigures, ...]):
        metrics = ", ".join(f"{name} {float(value):.4f}" for name, value in one.metrics.items())
        yield f"  personal, {KINDS[one.kind]}: {metrics}"


@click.command()
@click.argument("name", type=click.Choice(["breast-cancer", "digits"]))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def example(name: str, folder: Path) -> None:
    """Write an example's data and its draft of a job into FOLDER.

    breast-cancer is a table, digits are images.

    \b
    Example:  fedledger node example breast-cancer start
    """
    from importlib import import_module

    from ledger.errors import Unavailable, UsageError

    try:
        written = import_module(f"participant.examples.{name.replace('-', '_')}").write(folder)
    except ModuleNotFoundError as error:
        raise UsageError("this example needs scikit-learn", advice='install "fedledger[node]"') from error
    except OSError as error:
        raise Unavailable(f"cannot write the example: {error.strerror}", folder=str(folder)) from error
    for path in written:
        click.echo(str(path))


@click.command("set")
@click.argument("data", type=FILE)
@job_option
@home_option
@json_option
def open_set(data: Path, job: int | None, home: Home, as_json: bool) -> None:
    """Open the evaluation set that a job commits to.

    Its file is made from DATA, checked, and put into the home's store.

    DATA is the CSV or NPZ file that the job was made from. From then on everyone can fetch the set and recompute the
    scores; the home's gateway serves it. The task's code runs in a process of its own.

    \b
    Example:  fedledger node set evaluation.csv --job 1
    """
    from ledger.errors import UsageError
    from ledger.party.connection import Connection

    if not data.is_file():
        raise UsageError("no such data file", file=str(data))
    from participant.tasks.machine import Machine
    from participant.trainer.committed_set import open_set as run
    from participant.trainer.trainers import Trainers

    with Trainers(Machine.of(home)) as trainers, Connection.open(home) as connection:
        trainers.prepare()
        connection.refresh()
        facts = run(trainers, connection, connection.job(job), data)
    if as_json:
        print_json(facts)
        return
    click.echo(f"the evaluation set of job {facts['job']} is open: {facts['rows']} rows, {facts['cid']}")
