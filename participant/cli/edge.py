"""`fedledger edge`: what a member does that sums the updates of clients without an account on the chain."""

from pathlib import Path

import click

from ledger.cli.options import (
    home_option,
    job_option,
    json_option,
    network_option,
    passphrase_option,
    poll_option,
    proxy_option,
    rate_option,
    rpc_option,
)
from ledger.cli.screen import say
from ledger.config import Home
from ledger.formats.text import plural
from participant.cli.edge_client import client


@click.group(short_help="Be an edge: collect updates of clients, register their sum.")
def edge() -> None:
    """Collect updates over HTTP from clients that hold a key and have no account on the chain, and sum them exactly.

    An edge is a member whom a job names as one. Its service runs beside its node, in the same home: the service takes
    updates and gives receipts, the node registers the sum.
    """


edge.add_command(client)


@edge.command()
@home_option
@json_option
def init(home: Home, as_json: bool) -> None:
    """Make this member's home an edge's: a folder for what its clients send. Its node then needs no data of its own.

    \b
    Example:  fedledger edge init
    """
    from ledger.keys import address_of
    from participant.edge.collected import EdgeFolder

    home.require_key()
    folder = EdgeFolder(home.folder)
    folder.make()
    text = f"{folder.folder} keeps what clients send; next: {home.command('edge', 'members', 'ADDRESS', '...')}"
    say(as_json, text, folder=str(folder.folder), key=address_of(home.keystore))


@edge.command(short_help="Publish whose updates the edge sums.")
@click.argument("addresses", nargs=-1)
@click.option(
    "--file",
    "source",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A text file with one address a line, besides those given.",
)
@home_option
@json_option
def members(addresses: tuple[str, ...], source: Path | None, home: Home, as_json: bool) -> None:
    """Publish the list of the clients with these ADDRESSES, and print its digest; without any, show the present list.

    A job names the list by that digest (`[hierarchy] edges`): other clients need another list and another job. The list
    is put into the home's store, from which the node serves it.

    \b
    Example:  fedledger edge members --file addresses.txt
    """
    from participant.edge.lists import publish, published

    made = publish(home, addresses, source) if addresses or source else published(home)
    digest = made.digest.hex()
    lines = [*made.members, f"list {digest}, of {plural(len(made.members), 'client')}"]
    say(as_json, "\n".join(lines), digest=digest, cid=str(made.cid), members=list(made.members))


@edge.command(short_help="Check that a client's update is in an edge's sum.")
@click.argument("proof", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--round", "round_", type=click.IntRange(min=1), required=True, help="Number of the round.")
@job_option
@network_option
@rpc_option
@home_option
@json_option
def check(
    proof: Path, round_: int, job: int | None, network_file: Path | None, rpc: str | None, home: Home, as_json: bool
) -> None:
    """Hold a client's PROOF against the sums that edges registered in a round. Anyone can: no key is needed.

    PROOF is what `fedledger edge client proof --out FILE` wrote (child-proof/1). It shows that the client signed this
    update for this round, and that the update is in its edge's sum. The exit code is 1 where no sum of the round has
    it, 3 where that cannot be told: no edge opened a sum, one may open its sum yet, or a sum's header cannot be had.

    \b
    Example:  fedledger edge check proof.json --round 1 --network network.toml
    """
    from ledger.cli.connect import look
    from participant.edge.shown import check_proof, read_proof

    document = read_proof(proof)
    with look(network_file, home, rpc) as connection:
        connection.refresh()
        number, found = check_proof(connection, document, job, round_)
    child = document.child
    facts = {"job": number, "round": round_, "answer": found.said.value, "why": found.why, "party": child.party}
    text = f"job {number}, round {round_}, {child.party}, weight {child.weight:,}: {found.why}"
    say(as_json, text, **facts, edge=found.edge, admitted=found.admitted, weight=child.weight, root=child.root)
    if found.said.value != "shown":
        click.get_current_context().exit({"refuted": 1, "open": 3}[found.said.value])


@edge.command(short_help="Serve the edge's clients.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8300, show_default=True, help="0 takes a free one.")
@proxy_option
@rate_option
@click.option(
    "--uploads",
    type=click.IntRange(1, 256),
    default=8,
    show_default=True,
    help="Updates that are read and checked at a time; others are asked to come again.",
)
@poll_option
@passphrase_option
@home_option
@json_option
def run(
    host: str,
    port: int,
    proxies: tuple[str, ...],
    rate: float,
    uploads: int,
    poll: float,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Take clients' updates until Ctrl-C: checked, kept, and answered with a signed receipt.

    Run `fedledger node run` beside it, in the same home: that registers the sum. Every action is one line here and one
    JSON line in HOME/edge.jsonl (with --json, here as well). A second service in the same home is refused (exit code
    2). Killed at any moment and started again, it goes on from HOME/edge: no receipt is lost.

    \b
    Example:  fedledger edge run --port 8090
    """
    from participant.edge.serving import ServiceOptions
    from participant.edge.serving import run as serve

    serve(home, passphrase_file, ServiceOptions(host, port, proxies, rate, uploads, poll, as_json))
