"""`fedledger node personalise`: a model of one's own, from a round's."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, job_option, json_option, network_option
from ledger.cli.screen import print_json
from ledger.config import Home
from participant.cli.options import device_option

if TYPE_CHECKING:
    from participant.measuring.own_rows import OwnRows
    from participant.tasks.data.files import DataFiles
    from participant.trainer.trainers import Trainers

LAMBDA = 0.1


@click.command()
@click.option(
    "--method", type=click.Choice(["fine_tune", "ditto"]), required=True, help="Ditto is held by the global model."
)
@click.option("--steps", type=click.IntRange(1, 1_000_000), required=True, help="Batches to train on.")
@click.option(
    "--lambda",
    "pull",
    type=click.FloatRange(0, 1000),
    help=f"Of ditto: how hard the global model holds it.  [default: {LAMBDA}]",
)
@click.option("--round", "round_", type=click.IntRange(min=0), help="The round's model.  [default: the latest]")
@click.option("--data", type=click.Path(path_type=Path, dir_okay=False), help="The private data.")
@job_option
@device_option
@network_option
@home_option
@json_option
def personalise(
    method: str,
    steps: int,
    pull: float | None,
    round_: int | None,
    data: Path | None,
    job: int | None,
    device: str | None,
    network_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Train a model of this party's own from a finalised one.

    It trains on this home's rows that are not held out.

    It stays in the home's folder `private`, and nothing of it is on the ledger. `node evaluate --personal` measures it
    beside the global model.

    \b
    Example:  fedledger node personalise --method ditto --steps 300 --lambda 0.1
    """
    if pull is not None and method != "ditto":
        raise click.UsageError("--lambda is of the method ditto")
    from ledger.cli.connect import look
    from participant.measuring.own_rows import OwnRows
    from participant.node.start import machine_of
    from participant.rows.records import RowRecords
    from participant.tasks.data.files import DataFiles
    from participant.trainer.trainers import Trainers

    files = DataFiles(home, given=data)
    files.check()
    with Trainers(machine_of(home, device)) as trainers, look(network_file, home) as connection:
        trainers.prepare()
        own = OwnRows(connection, home, RowRecords(trainers.machine.rows))
        strength = (LAMBDA if pull is None else pull) if method == "ditto" else 0.0
        facts = _made(own, files, trainers, job, round_, method, steps, strength)
    if as_json:
        print_json(facts)
        return
    click.echo(f"job {facts['job']}, round {facts['round']}: a personal model, {method}, {facts['file']}")


def _made(
    own: "OwnRows",
    files: "DataFiles",
    trainers: "Trainers",
    number: int | None,
    round_: int | None,
    method: str,
    steps: int,
    pull: float,
) -> dict[str, object]:
    from msgspec import convert

    from ledger.releases.personal import Kind
    from participant.measuring.evaluation import finalised, model_of, read
    from participant.measuring.personal import personalise as run
    from participant.measuring.personal import seed_of
    from participant.trainer.messages import Personalise

    connection, kind = own.connection, convert(method, Kind)
    connection.refresh()
    state = connection.job(number)
    document = connection.document(state)
    chosen = round_ if round_ is not None else (finalised(state) or [0])[-1]
    base = model_of(state, document, chosen)
    path = files.found(state.number, document.task.name)
    do = Personalise(round=chosen, seed=seed_of(document.digest, chosen, method), steps=steps, pull=repr(pull))
    file, trained = run(own, state, chosen, read(connection, state, document, base), path, trainers, do, kind)
    return {
        "job": state.number,
        "round": chosen,
        "model": base.root.hex(),
        "method": method,
        "steps": steps,
        "lambda": pull,
        "loss": float(trained.loss),
        "samples": trained.samples,
        "file": str(file),
    }
