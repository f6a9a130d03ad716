"""`fedledger demo`: see all of it on this machine, scores, lies and a vote included."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console

    from demo.scene import Demo
    from demo.result import Result


@click.command(short_help="See it all on this machine: training, scores, audit, two lies, a vote.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where homes, chain, logs and evidence go; an earlier demo there is replaced.",
)
@click.option("--rounds", type=click.IntRange(1, 1000), default=10, show_default=True, help="Rounds to train.")
@click.option("--lies/--no-lies", default=True, help="After training, tell two lies and watch them caught.")
@click.option("--live/--no-live", default=None, help="Redraw a table while it runs.  [default: on a terminal]")
@click.option("--keep", is_flag=True, help="Leave chain and nodes running at the end, until Ctrl-C.")
@click.option("--patience", type=float, default=180, show_default=True, help="Seconds to wait for any one step.")
@json_option
def demo(folder: Path, rounds: int, lies: bool, live: bool | None, keep: bool, patience: float, as_json: bool) -> None:
    """Four hospitals train one model on this machine and score what each contributed, an auditor checks it all, two
    lies are caught, a release is voted on.

    A real EVM node is started, the contracts are deployed, and every party runs as a process of its own with its own
    key, data and store. Needs the extra fedledger[node] and anvil. Everything started is stopped again.
    """
    import json
    from contextlib import ExitStack

    import msgspec
    from rich.console import Console

    from demo import forkserver
    from demo.folder import prepare

    where = prepare(folder)
    forkserver.warm()  # while the next lines import what they need themselves

    from demo.scene import PARTIES, Demo
    from demo.screen import DemoScreen

    console = Console(stderr=as_json, highlight=False)
    with ExitStack() as stack:
        view = DemoScreen(console, PARTIES.__getitem__, live=console.is_terminal if live is None else live)
        play = Demo(where, view, stack, rounds=rounds, lies=lies, patience=patience)
        try:
            with view:
                result = play.run()
            if as_json:
                click.echo(json.dumps(msgspec.to_builtins(result)))
            else:
                _print(console, result, where)
            if keep:
                _keep(console, play)
            elif not as_json:
                console.print("To look around yourself: fedledger demo --keep leaves everything running.")
        finally:
            play.dismiss()


def _keep(console: "Console", play: "Demo") -> None:
    play.revive()
    console.print(f"still running at {play.local.anvil.url}; Ctrl-C stops everything")
    keys = f"{play.folder}/hospital-1/keystore.json and its like, each with its passphrase beside it"
    console.print(f"To vote with a wallet, import a member's key: {keys}.", soft_wrap=True)
    signal.pause()


def _print(console: "Console", result: "Result", folder: Path) -> None:
    from rich.table import Table

    style: dict[str, Any] = {"box": None, "header_style": "dim", "pad_edge": False}
    console.print()
    accuracy = Table("trained on", "test accuracy", **style)
    for name, value in sorted(result.accuracy.items(), key=lambda row: row[1]):
        accuracy.add_row(name, f"{value:.4f}")
    console.print(accuracy)
    console.print()
    contributions = Table("contribution of", f"in round {result.scored}", "in all", **style)
    for column in contributions.columns[1:]:
        column.justify = "right"
    for name, found in result.contributions.items():
        contributions.add_row(name, f"{found.last:+,}", f"{found.all:+,}")
    console.print(contributions)
    console.print()
    verdicts = Table("audited", "verdict", "seconds", **style)
    colours = {"VERIFIED": "green", "REFUTED": "red", "UNKNOWN": "yellow"}
    for what, verdict in result.verdicts.items():
        verdicts.add_row(what, f"[bold {colours[verdict]}]{verdict}[/]", f"{result.seconds[f'audit: {what}']:.1f}")
    console.print(verdicts)
    where = (
        f"evidence lies in {folder}/evidence, the released model in {folder}/release, every party's log in {folder}/log"
    )
    console.print(f"\nThe {where}.", soft_wrap=True)
