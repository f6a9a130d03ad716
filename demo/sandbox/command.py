"""`fedledger sandbox`: a whole consortium on this machine, with tables of one's own."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import json_option
from ledger.formats.text import command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.table import Table

    from demo.sandbox.result import SandboxResult
    from demo.sandbox.tables import TableDecisions

FILE = click.Path(path_type=Path, dir_okay=False)
SHOWN = {"local": "alone", "federated": "federated", "pooled": "pooled"}
"""Methods that are compared, and what they are called here."""


@click.command(
    short_help="Try it all on this machine, with tables of your own.",
    epilog="Example:  fedledger sandbox -n 3 --data a.csv b.csv c.csv --label ill",
)
@click.option("-n", "count", type=int, help="How many parties: as many as tables.")
@click.option("--data", "files", type=FILE, multiple=True, required=True, help="The parties' tables: FILE FILE …")
@click.argument("more", type=FILE, nargs=-1, metavar="[FILE]...")
@click.option("--party", "names", multiple=True, metavar="NAME", help="What each is called.  [default: as its file]")
@click.option("--names", "columns", metavar="A,B,…", help="The columns' names, for tables without a header.")
@click.option("--target", "--label", "label", help="The column that is to be learnt.")
@click.option("--predict", type=click.Choice(["class", "number", "time"]), help="As what.  [default: as it suggests]")
@click.option("--target-range", metavar="LOW:HIGH", help="Of a number: the range that all scale it by.")
@click.option("--time", metavar="COLUMN", help="Learn times until an event: this column has them.")
@click.option("--event", metavar="COLUMN", help="This one says whether the event was seen.")
@click.option("--bins", metavar="A,B,…", help="Of times: where each bin ends.")
@click.option("--task", help="Which task: tabular, regression, survival or sklearn.")
@click.option("--label-map", metavar="MAP", help='What its words stand for: "0=no,1,2,3,4=yes".')
@click.option("--drop", multiple=True, metavar="COLUMN", help="Leave this column out.")
@click.option("--accept", multiple=True, metavar="COLUMN", help="Take this column as it is, though parties differ.")
@click.option("--category", multiple=True, metavar="COLUMN", help="Take this column's numbers as words.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=3, show_default=True, help="Rounds to train.")
@click.option("--release", default="sandbox", show_default=True, help="Release the model by this name; - for none.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("fedledger-sandbox"),
    show_default=True,
    help="Where all of it is kept; an earlier sandbox there is replaced.",
)
@click.option("--patience", type=float, default=180, show_default=True, help="Seconds that a step may stand still.")
@json_option
def sandbox(
    count: int | None, files: tuple[Path, ...], more: tuple[Path, ...], names: tuple[str, ...],
    rounds: int, release: str, folder: Path, patience: float, as_json: bool, **decided: str | tuple[str, ...] | None,
) -> None:  # fmt: skip
    """Play a consortium on this machine, with a table for each party, by the commands of a real one.

    A local chain is started, each party gets a home, shares a profile of its table, and a job follows from the
    profiles; every party trains as a process of its own, an outsider audits it, the members release the model. What it
    leaves is of use later: draft.toml, from which a real consortium makes the same job, and the released model. Tables
    are copied into the folder, and nothing leaves this machine.

    Exit codes: 0 done, 1 the audit says no, 2 a person must decide something first, 3 unavailable.
    """
    from rich.console import Console

    from demo import forkserver
    from demo.folder import prepare
    from demo.sandbox.tables import parties_of

    parties = parties_of([*files, *more], names, folder.absolute(), count)
    where = prepare(folder)
    forkserver.warm()

    from demo.sandbox.play import Sandbox
    from demo.screen import DemoScreen
    from demo.stage import Stage

    console = Console(stderr=as_json, highlight=False)
    with ExitStack() as stack:
        stage = Stage(where, DemoScreen(console, str, live=False), stack, patience)
        play = Sandbox(stage, parties, _decisions(decided, rounds), "" if release == "-" else release)
        try:
            result = play.run()
        finally:
            stage.dismiss()
    _show(console, result, as_json)
    if result.audit != "yes":
        click.get_current_context().exit(1)


def _decisions(given: "Mapping[str, str | tuple[str, ...] | None]", rounds: int) -> "TableDecisions":
    """What was decided, as options of `data share` and `job draft`."""
    from demo.sandbox.tables import TableDecisions

    def options(*names: str) -> tuple[str, ...]:
        found = list[str]()
        for name in names:
            values = given[name] or ()
            for value in (values,) if isinstance(values, str) else values:
                found += ["--names" if name == "columns" else f"--{name.replace('_', '-')}", value]
        return tuple(found)

    learnt = ("label", "predict", "target_range", "time", "event", "bins", "task", "label_map")
    return TableDecisions(options("columns", "label"), options(*learnt, "drop", "accept", "category"), rounds)


def _show(console: "Console", result: "SandboxResult", as_json: bool) -> None:
    from ledger.cli.screen import print_json

    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(result))
        return
    console.print()
    console.print(_table(result))
    console.print("\non rows that each kept for the comparison, and nobody trained on; other rows, other figures\n")
    lines = [
        f"The job: {result.draft}. In a real consortium: {command('job', 'create', result.draft)}",
        f"Its members come together by {command('consortium', 'new')}, invite and join.",
    ]
    if result.released:
        lines.append(f"The released model: {result.released}, with its card.")
        new = command("predict", result.released, "--offline", "--data", "NEW.csv", "--output", "predictions.csv")
        lines.append(f"To predict, of a table with the same columns: {new}")
    again = command("up", "--home", result.folder, "--port", result.port)
    lines.append(
        f"To look around: {again}, and in another terminal {command('web', 'run', '--network', result.network)}"
    )
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


def _table(result: "SandboxResult") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    parties = next(iter(result.accuracy.values()))
    less = " (less is better)" if result.figure in ("mae", "log_loss", "loss") else ""
    table = Table(result.figure + less, *map(escape, parties), box=None, header_style="dim", pad_edge=False)
    for method, name in SHOWN.items():
        if method in result.accuracy:
            table.add_row(name, *(f"{value:.4f}" for value in result.accuracy[method].values()))
    return table
