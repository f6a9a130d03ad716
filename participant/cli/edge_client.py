"""`fedledger edge client`: a client's commands. It needs a key, its data, and the address of its edge."""

from pathlib import Path

import click

from ledger.cli.options import home_option, json_option, network_option, passphrase_option, rpc_option
from ledger.cli.screen import say
from ledger.config import Home
from participant.cli.options import device_option

FILE = click.Path(path_type=Path, dir_okay=False)
_edge_option = click.option(
    "--edge", "url", required=True, help="The edge's address: https://… or http://127.0.0.1:8300."
)
_job_option = click.option("--job", type=click.IntRange(min=1), help="For this job only.  [default: every job]")


@click.group(short_help="Take part through an edge, without an account on the chain.")
def client() -> None:
    """Train for an edge's rounds on your own data, and keep its receipts.

    The data never leave this machine; the update does, and the edge sees it. An edge is believed in nothing: what it
    says is checked against digests, and with --network against the ledger.
    """


@client.command()
@click.option("--light", is_flag=True, help="A key that is cheap to guess, for the local test chain only.")
@passphrase_option
@home_option
@json_option
def new(light: bool, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Make a client's home: a new key, encrypted with a passphrase. Prints its address, for the edge's list.

    \b
    Example:  fedledger edge client new --home client
    """
    from ledger.keys import create, read_passphrase

    signer = create(home.keystore, read_passphrase(passphrase_file, confirm=True), light=light)
    text = f"{signer.address}\nhome {home.folder}; give the address to the edge's operator"
    say(as_json, text, address=signer.address, home=str(home.folder))


@client.command(short_help="Train for the edge's rounds.")
@_edge_option
@click.option("--data", type=FILE, required=True, help="The private data to train on: a CSV or NPZ file.")
@click.option("--rounds", type=click.IntRange(min=1), help="End after so many rounds.  [default: when the jobs end]")
@click.option("--once", is_flag=True, help="The same as --rounds 1.")
@_job_option
@click.option(
    "--digest", default="", help="Digest of the job's document, from somebody you trust; any other is refused."
)
@click.option("--edge-key", default="", help="The edge's key, from somebody you trust; any other is refused.")
@click.option(
    "--poll", type=click.FloatRange(0.05, 3600), default=2.0, show_default=True, help="Ask the edge so often."
)
@network_option
@rpc_option
@device_option
@passphrase_option
@home_option
@json_option
def run(
    url: str,
    data: Path,
    rounds: int | None,
    once: bool,
    job: int | None,
    digest: str,
    edge_key: str,
    poll: float,
    network_file: Path | None,
    rpc: str | None,
    device: str | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Ask the edge for its rounds, verify, train, send the signed update, and keep the receipt.

    Without --network nobody but the edge says that members approved the job and which model a round builds on: the
    first line names what is not checked. Killed and started again, it sends the update that it kept, never another.
    Every action is one line here and one JSON line in HOME/client.jsonl.

    \b
    Example:
      fedledger edge client run --edge http://127.0.0.1:8300 \\
        --data ward-a.csv --network network.toml
    """
    from participant.edge.client.follow import ClientGoal
    from participant.edge.client.start import FollowOptions
    from participant.edge.client.start import run as follow

    goal = ClientGoal(1 if once else rounds, job, digest.lower(), edge_key)
    follow(home, passphrase_file, FollowOptions(url, data, goal, poll, network_file, rpc, device, as_json))


@client.command(short_help="Show that an update is in the edge's sum.")
@_edge_option
@click.option("--job", type=click.IntRange(min=1), default=1, show_default=True, help="Number of the job.")
@click.option("--round", "round_", type=click.IntRange(min=1), required=True, help="Number of the round.")
@click.option("--out", type=FILE, help="Write the proof, or the receipt that convicts the edge, into this file.")
@network_option
@rpc_option
@home_option
@json_option
def proof(
    url: str,
    job: int,
    round_: int,
    out: Path | None,
    network_file: Path | None,
    rpc: str | None,
    home: Home,
    as_json: bool,
) -> None:
    """Hold this client's receipt of a round against the list of those whose updates are in the edge's sum.

    With --network the list is the one that the edge registered on the ledger, and an edge that left the update out is
    convicted by its own receipt (exit code 1). Without, it is the one that the edge shows now. Exit code 3: it cannot
    be told.

    \b
    Example:
      fedledger edge client proof --edge http://127.0.0.1:8300 --round 1 \\
        --network network.toml --out proof.json
    """
    from participant.edge.client.proof import prove

    shown = prove(home, url, job, round_, network_file, rpc)
    if out is not None:
        from ledger.store.disk import write_private

        write_private(out, [shown.document])
    facts = {"job": job, "round": round_, "kept": shown.kept, "checked": shown.checked}
    say(as_json, shown.text, **facts, document=shown.document.decode())
    if shown.kept == "broken":
        click.get_current_context().exit(1)
    if shown.kept == "open":
        click.get_current_context().exit(3)
