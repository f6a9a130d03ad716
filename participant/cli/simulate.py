"""`fedledger simulate`: a job tried out on many clients."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import json_option, workers_options
from ledger.cli.screen import print_json, shown
from ledger.cli.tables import print_facts, print_line
from ledger.formats.text import plural
from participant.cli.options import DEVICES

if TYPE_CHECKING:
    from participant.simulation.simulation import Simulation

FILE = click.Path(path_type=Path, dir_okay=False)
PARTITION = "How rows are dealt: iid, dirichlet:ALPHA, or classes:K, K classes for each client."


@click.command()
@click.argument("job", type=FILE)
@click.option("--data", type=FILE, multiple=True, required=True, help="Rows to deal to clients; or one file for each.")
@click.option("--test", type=FILE, help="Rows to evaluate on.  [default: what the clients hold out]")
@click.option("--clients", type=click.IntRange(1, 1_000_000), help="How many.  [default: 10, or one for each file]")
@click.option("--rounds", type=click.IntRange(1, (1 << 24) - 1), help="Rounds to train.  [default: the job's]")
@click.option("--partition", default="iid", show_default=True, help=PARTITION)
@click.option(
    "--ledger",
    type=click.Choice(["none", "root", "full"]),
    default="none",
    show_default=True,
    help="What is registered.",
)
@click.option(
    "--edges",
    type=click.IntRange(0, 255),
    default=0,
    help="Put the clients behind so many edges, which are the members, with --ledger full.  [default: none]",
)
@click.option("--slow", default="", metavar="COUNT:TIMES", help="Of a buffered job: COUNT clients take TIMES as long.")
@click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), default=1, show_default=True, help="Of the partition.")
@click.option("--exact/--together", default=None, help="Train one by one as nodes do, or many at once.")
@click.option("--device", metavar="DEVICE", default="cpu", show_default=True, help=DEVICES)
@workers_options("Processes that train side by side.  [default: the cores, one by one, once that pays; together, 1]")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="simulation",
    show_default=True,
    help="For the results; a simulation that was interrupted goes on there.",
)
@json_option
def simulate(as_json: bool, data: tuple[Path, ...], **asked: Any) -> None:
    """Try a JOB out on many simulated clients.

    JOB is its document (.json), or a draft of one (.toml).

    The job's own task trains, in this process or in --workers of it, and the ledger's own rules admit and aggregate. Up
    to 32 clients are trained one by one, to the bytes as their nodes would; more are trained many at once where the
    task's model allows. A buffered job runs in virtual time, in which some clients may be --slow. The number of workers
    changes no byte of it (docs/simulate.md).

    Exit codes: 0 done; 2 wrong usage or input, such as a partition that leaves a client without rows; 3 unavailable;
    130 interrupted: what is done is kept, and the same command goes on.

    \b
    Example:  fedledger simulate draft.toml --data patients.csv --clients 100 --rounds 20
    """
    from ledger.cli.progress import bar
    from ledger.errors import UsageError
    from participant.simulation.simulation import Simulation, Wanted

    for file in (asked["job"], *data, *([asked["test"]] if asked["test"] else [])):
        if not file.is_file():
            raise UsageError("no such file", file=str(file))
    simulation = Simulation(Wanted(data=data, **asked))
    if not as_json:
        _show_start(simulation)
    with bar("rounds", simulation.rounds - simulation.done, quiet=as_json, unit="steps") as advance:
        files = simulation.run(lambda _: advance(1))
    print_json(_facts(simulation, files)) if as_json else _show_end(simulation, files)


def _show_start(simulation: "Simulation") -> None:
    from ledger.jobs.rules import describe_rule
    from ledger.jobs.schedule import describe_schedule
    from ledger.jobs.server import describe

    again = f", {plural(simulation.done, 'round')} of them done before" if simulation.done else ""
    print_facts(
        {
            "job": shown(simulation.job.name),
            "clients": f"{len(simulation.clients):,}, trained {simulation.training.way}",
            "rule": describe_rule(simulation.job.aggregation),
            "server": describe(simulation.job.server),
            "schedule": describe_schedule(simulation.job.schedule, simulation.job.terms.buffer),
            "rounds": f"{simulation.rounds:,}{again}",
            "trained by": simulation.staffing.words,
            "evaluated on": simulation.evaluation.rows,
        }
    )


def _show_end(simulation: "Simulation", files: list[Path]) -> None:
    if not simulation.results.rows:
        return
    from participant.measuring.figures import figure

    last = simulation.results.rows[-1]
    print_facts(
        {
            "admitted": f"{last.admitted:,} of {len(simulation.clients):,} in the last round",
            **({"no model": shown(last.why)} if last.why else {}),
            **{shown(name): "" if value is None else figure(name, value) for name, value in last.figures.items()},
            **({} if last.time is None else {"time": f"{last.time:.2f} typical trainings"}),
            "model root": last.model_root,
            **({"updates root": last.updates_root} if last.updates_root else {}),
            **({"transaction": last.tx} if last.tx else {}),
        }
    )
    for file in files:
        print_line(shown(str(file)))


def _facts(simulation: "Simulation", files: list[Path]) -> dict[str, Any]:
    import msgspec

    return {
        "job": simulation.job.digest.hex(),
        "clients": len(simulation.clients),
        "training": simulation.training.way,
        "evaluated_on": simulation.evaluation.rows,
        "rounds": [msgspec.to_builtins(row) for row in simulation.results.rows],
        "seconds": {name: getattr(simulation.seconds, name) for name in ("training", "evaluation", "ledger")},
        "files": [str(file) for file in files],
    }
