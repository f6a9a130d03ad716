"""`fedledger track`: what the ledger finalised and released, in a tool that people watch training with."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.config import Home

if TYPE_CHECKING:
    from participant.tracking.tracking import TrackingPass


@click.group(short_help="Show rounds and releases in MLflow.")
def track() -> None:
    """Write finalised rounds and releases to a tracking server, one way: nothing there changes the ledger.

    \b
    fedledger track mlflow --tracking http://127.0.0.1:5000 --follow
    """


@track.command(short_help="Experiments, runs and model versions in MLflow.")
@click.option(
    "--tracking", required=True, metavar="URI", help="MLflow's tracking URI: http://host:5000, sqlite:///mlflow.db."
)
@click.option("--job", type=click.IntRange(min=1), help="This job alone.  [default: all]")
@click.option("--prefix", default="", help="Begins the names of registered models.  [default: none]")
@click.option("--follow", "following", is_flag=True, help="Go on with each change of the chain, until interrupted.")
@network_option
@rpc_option
@home_option
@json_option
def mlflow(
    tracking: str,
    job: int | None,
    prefix: str,
    following: bool,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Write an experiment for each job, a run for each finalised round, and a model version for each release.

    The alias `released` is at the current release of each name; it goes where all are revoked. Tags have chain,
    contract, job, round, root and CID. Running it again adds only what is missing. Needs "fedledger[mlflow]".

    \b
    Example: fedledger track mlflow --tracking sqlite:///mlflow.db --network network.toml
    Next:    mlflow ui --backend-store-uri sqlite:///mlflow.db

    Exit codes: 0 all is there, 1 MLflow has another model under this ledger's round or release, 2 wrong usage, or a
    name that is another ledger's, 3 the chain or MLflow is away, and nothing is lost: run it again.
    """
    from ledger.cli.connect import look
    from participant.tracking.tracking import follow
    from participant.tracking.tracking import track as once

    with look(network_file, home, rpc) as connection:
        if not following:
            _say(once(connection, tracking, job, prefix), as_json, always=True)
            return
        for made in follow(connection, tracking, job, prefix, lambda text: click.echo(text, err=True)):
            _say(made, as_json, always=False)


def _say(made: "TrackingPass", as_json: bool, *, always: bool) -> None:
    from dataclasses import asdict

    from ledger.cli.screen import print_json, shown
    from ledger.formats.text import plural

    written = made.written
    if not (always or written.anything or made.troubles):
        return
    if as_json:
        print_json({**asdict(written), "troubles": list(made.troubles)})
        return
    added = [(written.experiments, "experiment"), (written.runs, "run"), (written.versions, "model version")]
    parts = [plural(len(names), what) for names, what in added if names]
    parts += [plural(written.numbers, "number")] if written.numbers else []
    click.echo("MLflow has " + (", ".join(parts) + " more" if parts else "nothing that is missing"))
    for line in (*written.aliases, *written.marks, *(f"not read: {trouble}" for trouble in made.troubles)):
        click.echo(f"  {shown(line)}")
