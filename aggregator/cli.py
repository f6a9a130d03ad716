"""`fedledger aggregator`: build and publish global models, as a service."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import (
    home_option,
    job_option,
    json_option,
    network_option,
    passphrase_option,
    poll_option,
    wide_option,
)
from ledger.config import Home

if TYPE_CHECKING:
    from aggregator.service import Goal
    from ledger.keys import Signer
    from ledger.party.connection import Connection

_THREADS = click.option(
    "--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads to compute with."
)


@click.group()
def aggregator() -> None:
    """Collect updates, build global models, publish them.

    Any member with the role can run one. It decides nothing that another party cannot recompute, and keeps nothing
    that chain and store do not: stop it, or kill it, whenever you like, and start it again.
    """


@aggregator.command()
@click.option("--job", type=click.IntRange(min=1), help="Work for this job only.  [default: every open job]")
@click.option("--once", is_flag=True, help="Finish the present (or next) round of each job, then exit.")
@click.option("--rounds", type=click.IntRange(min=1), help="Exit when this round has ended; open none after it.")
@click.option("--until-complete", is_flag=True, help="Exit when every open job has had its last round.")
@poll_option
@_THREADS
@passphrase_option
@home_option
@json_option
def run(
    job: int | None,
    once: bool,
    rounds: int | None,
    until_complete: bool,
    poll: float,
    threads: int,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Open rounds, aggregate and publish, and serve the own store.

    Where another aggregator stopped, it takes over.

    Every action is one line here and one JSON line in HOME/aggregator.jsonl (with --json, here as well). A second one
    in the same home is refused (exit code 2).

    \b
    Example:  fedledger aggregator run --until-complete
    """
    from aggregator.service import Goal
    from ledger.cli.connect import unlocked
    from ledger.party.posts import at_post

    if once + until_complete + bool(rounds) > 1:
        raise click.UsageError("--once, --rounds and --until-complete exclude each other")
    home.network()
    with at_post(home.folder, "aggregator"), unlocked(home, passphrase_file, lasting=True) as (connection, signer):
        _require_aggregator(connection, signer.address)
        _work(connection, signer, home, job, Goal(until_complete, once, rounds), poll, threads, as_json)


def _work(
    connection: "Connection",
    signer: "Signer",
    home: Home,
    job: int | None,
    goal: "Goal",
    poll: float,
    threads: int,
    as_json: bool,
) -> None:
    from aggregator.service import Service
    from aggregator.worker import AggregatorWorker
    from ledger.cli.progress import bars
    from ledger.party.gateway import serve_and_announce
    from ledger.party.journal import Journal
    from ledger.party.sharing.exchange import Exchange

    sender, settings = connection.sender(signer), home.settings()
    sender.settle()
    member = connection.history.member_of(sender.address)
    name = sender.address if member is None else connection.name(member.index)
    exchange = Exchange(connection, signer, settings)
    serving = serve_and_announce(connection, sender, settings, signer)
    try:
        with bars(quiet=as_json) as shown:
            journal = Journal(home.folder / "aggregator.jsonl", shown.say, as_json=as_json)
            place = f"store at {serving.url}" if serving.url else "store that pushes"
            journal.note("started", f"aggregator of {name}, {place}", key=sender.address)
            worker = AggregatorWorker(connection, sender, journal, exchange, threads=threads, meter=shown.meter)
            Service(connection, worker, journal, serving=serving, only=job, goal=goal, poll=poll).run()
            journal.note("stopped", "done")
    finally:
        serving.close()
        exchange.close()


@aggregator.command()
@home_option
@wide_option
@json_option
def status(home: Home, as_json: bool) -> None:
    """Show every open job's round, and what this party's aggregator would do next.

    Reads no update: where bytes are missing, the step shown may still have to wait.

    \b
    Example:  fedledger aggregator status
    """
    import json

    from aggregator.status import print_status, status_of
    from ledger.keys import address_of
    from ledger.party.connection import Connection

    with Connection.open(home) as connection:
        connection.refresh()
        document = status_of(connection, address_of(home.keystore))
    if as_json:
        click.echo(json.dumps(document))
    else:
        print_status(document)


@aggregator.command()
@job_option
@click.option("--round", "number", type=click.IntRange(min=1), help="Number of the round.  [default: the latest]")
@click.option(
    "--without",
    type=click.IntRange(0, 254),
    multiple=True,
    help="Count the update of this member as UNAVAILABLE; may be given again.",
)
@_THREADS
@network_option
@home_option
@wide_option
@json_option
def preview(
    job: int | None,
    number: int | None,
    without: tuple[int, ...],
    threads: int,
    network_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Recompute a round's outcome and print it; nothing is sent or stored.

    It has every update's verdict, the model, and the claim.

    \b
    Exit codes: 0 recomputed (and equal to what was published, where anything was)
                1 another outcome was published
                3 bytes of an update or of the base model cannot be had

    \b
    Example:  fedledger aggregator preview --round 7 --without 2
    """
    import json

    from aggregator.status import preview_of, print_preview
    from ledger.cli.connect import look
    from ledger.cli.progress import bars

    with look(network_file, home) as connection, bars(quiet=as_json) as shown:
        connection.refresh()
        document = preview_of(connection, connection.job(job), number, without, threads, shown.meter)
    if as_json:
        click.echo(json.dumps(document))
    else:
        print_preview(document)
    click.get_current_context().exit(1 if document["agrees"] is False else 0)


def _require_aggregator(connection: "Connection", key: str) -> None:
    from ledger.errors import UsageError
    from ledger.events.records import Role

    member = connection.history.member_of(key)
    if member is None or member.key != key or not member.has(Role.AGGREGATOR):
        raise UsageError(
            "this home's key is not an aggregator's",
            advice="run it for a member with the role aggregator: fedledger status lists them",
            key=key,
        )
