"""`fedledger serve`: a released model behind the Open Inference Protocol."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.cli.screen import say, shown
from ledger.config import Home

if TYPE_CHECKING:
    from participant.predicting.sources import OpenRelease


@click.command(short_help="Serve a released model over HTTP (Open Inference Protocol).")
@click.argument("release")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--host-name",
    "names",
    multiple=True,
    metavar="NAME",
    help="A name by which clients reach it; others are refused.  [default: this machine's own, or any behind --host]",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8200, show_default=True, help="0 takes a free one.")
@click.option(
    "--log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with a line for each answer, bound to the release.  [default: HOME/served/NAME.jsonl]",
)
@click.option("--check-log", is_flag=True, help="Go through the log instead of serving: no line was changed or lost.")
@click.option(
    "--poll", type=click.FloatRange(0.05, 3600), default=2.0, show_default=True, help="Look at the chain so often."
)
@click.option(
    "--stale",
    type=click.FloatRange(1, 86400),
    default=600.0,
    show_default=True,
    help="Seconds after which nothing is predicted where the chain could not be asked again.",
)
@click.option("--offline", is_flag=True, help="Ask no chain: RELEASE is a fetched folder. A revocation is not seen.")
@network_option
@rpc_option
@home_option
@json_option
def serve(
    release: str,
    host: str,
    names: tuple[str, ...],
    port: int,
    log: Path | None,
    check_log: bool,
    poll: float,
    stale: float,
    offline: bool,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Serve RELEASE until Ctrl-C: NAME, which follows the members' releases and roll-backs, NAME@VERSION, or a fetched
    folder.

    \b
    fedledger serve cardio --network network.toml
    curl localhost:8200/v2/models/cardio

    A revoked release is refused, from the first look at the chain that says so, and so is one whose permitted use has
    ended. Each answer is a line of the log, which is written first.

    Exit codes: 0 ended, 1 refuted, 2 wrong usage, revoked or expired, 3 unavailable.
    """
    from participant.predicting.sources import opened
    from participant.serving.serving import ServeOptions
    from participant.serving.serving import serve as run

    if check_log:
        _check(log or _place(home, release), as_json)
        return
    with opened(release, network_file, home, rpc, offline=offline) as source:
        found = source.released
        follows = found.title if source.folder is not None else release
        place = log or _place(home, found.name)

        def ready(url: str) -> None:
            _announce(source, url, place, as_json)

        run(
            source,
            ServeOptions(follows, place, host, port, poll, stale, tuple(name.lower() for name in names)),
            lambda text: click.echo(text, err=True),
            ready,
        )


def _announce(source: "OpenRelease", url: str, log: Path, as_json: bool) -> None:
    """Print where the model is."""
    found = source.released
    text = f"{shown(found.title)}, root {found.root.hex()}: {url}/v2/models/{shown(found.name)}  (Ctrl-C ends it)"
    facts = {"url": url, "log": str(log), **found.document()}
    click.echo(json.dumps(facts) if as_json else "\n".join([text, f"  log: {log}", *source.notes]))
    sys.stdout.flush()


def _place(home: Home, release: str) -> Path:
    """Where the log of a release is, whatever its version."""
    return home.folder / "served" / f"{Path(release).name.partition('@')[0]}.jsonl"


def _check(path: Path, as_json: bool) -> None:
    from participant.serving.log import check

    found = check(path)
    lines = [f"{found.lines} answers, each bound to the one before it; last line {found.last}"]
    lines += [f"  {rows} rows by the model with root {root}" for root, rows in found.rows.items()]
    say(as_json, "\n".join(lines), file=str(path), lines=found.lines, rows=found.rows, last=found.last)
