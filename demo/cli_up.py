"""`fedledger up`: a local chain in the foreground."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ledger.cli.options import home_option, json_option
from ledger.config import LOCAL_CHAIN, Home

WATCH_SECONDS = 0.5


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8545, show_default=True, help="0 takes a free one.")
@click.option(
    "--block-time",
    type=click.FloatRange(min=0.1),
    help="Seal a block every so many seconds.  [default: one for each transaction, at once]",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Go on from this file, such as a demo's chain.json.  [default: chain/state.json in the home]",
)
@home_option
@json_option
def up(port: int, block_time: float | None, state: Path | None, home: Home, as_json: bool) -> None:
    """Run a local chain until Ctrl-C. Its state is kept in the home folder, and it goes on from there.

    It is a real EVM node on this machine's loopback: gas is free, nobody else can reach it, and its keys are worth
    nothing. A consortium runs on a chain of its own, such as Besu.

    \b
    Example:  fedledger up --block-time 2
    """
    import json

    from demo.anvil import Anvil
    from ledger.errors import UsageError

    if state is not None and not state.exists():
        raise UsageError("no such file", file=str(state), advice="leave out --state to begin a chain in the home")
    state = state or home.folder / "chain" / "state.json"
    with _only_one(state.parent), Anvil.start(port, state, LOCAL_CHAIN, block_time) as node:
        facts = {"url": node.url, "chain_id": LOCAL_CHAIN, "pid": node.pid, "state": str(state)}
        if as_json:
            click.echo(json.dumps(facts))
        else:
            click.echo(f"Local chain {LOCAL_CHAIN} at {node.url}, state in {state}. Ctrl-C ends it.")
        try:
            while True:
                node.check()
                time.sleep(WATCH_SECONDS)
        except KeyboardInterrupt:
            node.stop()
    if not as_json:
        click.echo("The local chain has ended; its state is saved.")


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the lock of the home's chain: two nodes would overwrite each other's state. Raises UsageError."""
    import filelock

    from ledger.errors import UsageError

    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise UsageError("this home's chain runs already", home=str(folder.parent)) from error
    try:
        yield
    finally:
        lock.release()
