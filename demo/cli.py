"""`fedledger demo`: see all of it on this machine, scores, lies and a vote included."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from ledger.cli.options import json_option
from participant.trainer.imports import kept_imports

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from demo.play import Demo
    from demo.result import Result

ENDED = "everything that the demo started has ended"


@contextmanager
def _told() -> Iterator[None]:
    """An interrupt, once it has ended everything, says so."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(ENDED) from error


@click.command(
    short_help="See it all on this machine: training, scores, audits, a lie, a vote.",
    epilog="Example: fedledger demo --rounds 3 --folder demo",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("fedledger-demo"),
    show_default=True,
    help="Where homes, chain, logs and evidence go; an earlier demo there is replaced.",
)
@click.option("--rounds", type=click.IntRange(1, 1000), default=10, show_default=True, help="Rounds to train.")
@click.option("--lies/--no-lies", default=True, help="After training, tell a lie and damage a copy.")
@click.option("--masked", is_flag=True, help="Train under masks: nobody reads a single update.")
@click.option("--live/--no-live", default=None, help="Redraw a table while it runs.  [default: on a terminal]")
@click.option("--keep", is_flag=True, help="Leave chain and nodes running at the end, until Ctrl-C.")
@click.option("--pages", is_flag=True, help="Serve the consortium's pages too; implies --keep.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="The pages' port; 0 takes a free one.",
)
@click.option("--patience", type=float, default=180, show_default=True, help="Seconds that a step may stand still.")
@json_option
@_told()
def demo(
    folder: Path,
    rounds: int,
    lies: bool,
    masked: bool,
    live: bool | None,
    keep: bool,
    pages: bool,
    port: int,
    patience: float,
    as_json: bool,
) -> None:
    """Four hospitals train one model on this machine and score what each contributed, an auditor checks it all, a lie
    is caught and a damaged copy found, a release is voted on. With --masked: four hospitals train under masks, one is
    lost in the middle of a round, and one that masks garbage is named.

    A real EVM node is started, the contracts are deployed, and every party runs as a process of its own with its own
    key, data and store. Needs anvil and the extra fedledger[node]; with --pages, fedledger[web] too. Everything started
    is stopped again.
    """
    from demo import forkserver
    from demo.folder import prepare

    where = prepare(folder)
    forkserver.load_torch()  # while the next lines import what they need themselves

    with kept_imports():
        from rich.console import Console

        from demo.masked import MaskedDemo
        from demo.parties import PARTIES
        from demo.play import Demo
        from demo.screen import DemoScreen
        from demo.stage import Stage
    forkserver.branch()
    console = Console(stderr=as_json, highlight=False)
    with ExitStack() as stack:
        screen = DemoScreen(console, PARTIES.__getitem__, live=console.is_terminal if live is None else live)
        stage = Stage(where, screen, stack, patience)
        play = (MaskedDemo if masked else Demo)(stage, rounds=rounds, lies=lies, pages=port if pages else None)
        try:
            with screen:
                result = play.run()
            _show(console, result, where, as_json)
            if keep or pages:
                _keep(console, play)
            elif not as_json:
                console.print(_again(where, play.parties.local.anvil.port), soft_wrap=True)
        finally:
            stage.dismiss()


def _again(folder: Path, port: int) -> str:
    """How the chain in a demo's folder is brought up later, and one hospital's pages beside it."""
    from demo.folder import STATE
    from ledger.formats.text import command

    lines = [
        "To see its pages later, each command in a terminal of its own:",
        f"  {command('up', '--state', folder / STATE, '--port', port)}",
        f"  {command('web', 'run', '--home', folder / 'hospital-1')}",
        "They read what Hospital 1 holds: an audit misses what the others alone kept.",
    ]
    return "\n".join(lines)


def _keep(console: "Console", play: "Demo") -> None:
    parties, folder = play.parties, play.stage.folder
    parties.restart_ended()
    console.print(f"still running at {parties.local.anvil.url}; Ctrl-C stops everything")
    if play.pages:
        console.print(f"The pages are at {play.pages.url}.")
    keys = f"{folder}/hospital-1/keystore.json and its like, each with its passphrase beside it"
    console.print(f"To vote with a wallet, import a member's key: {keys}.", soft_wrap=True)
    console.print(_again(folder, parties.local.anvil.port), soft_wrap=True)
    signal.pause()


def _show(console: "Console", result: "Result", folder: Path, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(result)))
        return
    tables = [_accuracies(result), *([_contributions(result)] if result.contributions else []), _audits(result)]
    for table in tables:
        console.print()
        console.print(table)
    released = f" the released model in {folder}/release," if result.release else ""
    where = f"evidence lies in {folder}/evidence,{released} every party's log in {folder}/log"
    console.print(f"\nThe {where}.", soft_wrap=True)


def _accuracies(result: "Result") -> "Table":
    table = _table("trained on", "test accuracy")
    for name, value in sorted(result.accuracy.items(), key=lambda row: row[1]):
        table.add_row(name, f"{value:.4f}")
    return table


def _contributions(result: "Result") -> "Table":
    table = _table("contribution of", f"in round {result.scored}", "in all")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, found in result.contributions.items():
        table.add_row(name, f"{found.last:+,}", f"{found.all:+,}")
    return table


def _audits(result: "Result") -> "Table":
    from demo.answers import coloured

    table = _table("audited", "right?", "lies", "exit", "seconds")
    for what, found in result.audits.items():
        seconds = result.seconds[f"audit: {what}"]
        table.add_row(what, coloured(found.right), found.lies, str(found.exit), f"{seconds:.1f}")
    return table


def _table(*columns: str) -> "Table":
    from rich.table import Table

    return Table(*columns, box=None, header_style="dim", pad_edge=False)
