"""`fedledger node`: a participant's commands. torch is imported inside them, after their arguments are checked."""

from collections.abc import Mapping
from pathlib import Path

import click

from ledger.cli.options import home_option, job_option, json_option, passphrase_option
from ledger.config import Home
from ledger.formats.text import json_text, plural
from participant.cli.models import compare, evaluate, example, open_set
from participant.cli.options import device_option
from participant.cli.rows import replay, rows

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(short_help="Take part: train, submit, attest, score, serve copies.")
def node() -> None:
    """Take part: train on your own data, submit updates, attest global models, score what others contributed.

    The data never leaves this machine. Stop or kill a node whenever you like; started again, it goes on where the
    ledger says it stopped.

    Exit codes: 0 done, 1 refuted, 2 wrong usage or data, 3 unavailable or unknown, 4 rejected by the contract.
    """


for command in (compare, evaluate, example, open_set, replay, rows):
    node.add_command(command)


@node.command()
@click.option("--name", default="", help="What this party is called on its own screens.")
@click.option("--data", type=FILE, help="The private data to train on: a CSV or NPZ file.")
@click.option("--validation", type=FILE, help="A scorer's own data to evaluate updates on: a CSV or NPZ file.")
@click.option("--light", is_flag=True, help="A key that is cheap to guess, for the local test chain only.")
@passphrase_option
@home_option
@json_option
def init(
    name: str,
    data: Path | None,
    validation: Path | None,
    light: bool,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Make a home: a new key, encrypted with a passphrase, and this party's settings. Prints the key's address."""
    from ledger.config import HomeSettings, save
    from ledger.errors import UsageError
    from ledger.keys import create, read_passphrase

    if home.keystore.exists():
        raise UsageError("there is a key file already; it is not overwritten", file=str(home.keystore))
    for path in (data, validation):
        if path is not None and not path.is_file():
            raise UsageError("no such data file", file=str(path))
    signer = create(home.keystore, read_passphrase(passphrase_file, confirm=True), light=light)
    if not home.settings_file.exists():
        training, evaluation = (str(path.resolve()) if path else "" for path in (data, validation))
        save(home.settings_file, HomeSettings(name=name, data=training, validation=evaluation))
    facts = {"address": signer.address, "home": str(home.folder), "settings": str(home.settings_file)}
    _say(as_json, f"{signer.address}\nhome {home.folder}; give the address to the consortium", facts)


@node.command()
@click.argument("network", type=FILE)
@click.option("--replace", is_flag=True, help="Leave another network that this home joined before.")
@click.option(
    "--rpc",
    multiple=True,
    help="A chain node of this party's own, in place of the network file's; a further one is compared with it before "
    "anything is shown or signed. May be given again; kept in the home's settings.",
)
@home_option
@json_option
def join(network: Path, replace: bool, rpc: tuple[str, ...], home: Home, as_json: bool) -> None:
    """Join the consortium of the network file NETWORK: check chain, code and membership, then keep the file."""
    from participant.node.join import join as run

    facts = run(network, home, replace=replace, rpc=rpc)
    number = f"member {facts['member']}"
    who = number if facts["name"] == number else f"{facts['name']} ({number})"
    text = f"joined {facts['network']} as {who}"
    text += f"; {plural(int(str(facts['confirmations'])), 'confirmation')} before anything is shown or signed"
    _say(as_json, "\n".join(filter(None, [text, str(facts["sealed"]), str(facts["advice"])])), facts)


@node.command()
@click.option("--job", type=click.IntRange(min=1), help="Work for this job only.  [default: every open job]")
@click.option("--data", type=FILE, help="The private data.  [default: that of the home's settings]")
@click.option(
    "--validation", type=FILE, help="A scorer's own data to evaluate on.  [default: that of the home's settings]"
)
@click.option(
    "--poll", type=click.FloatRange(0.05, 3600), default=2.0, show_default=True, help="Look at least so often."
)
@click.option(
    "--until-complete",
    is_flag=True,
    help="Exit when every open job has had its last round, and its scores.",
)
@device_option
@passphrase_option
@home_option
@json_option
def run(
    job: int | None,
    data: Path | None,
    validation: Path | None,
    poll: float,
    until_complete: bool,
    device: str | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Train, submit, attest, score, and serve the own store to the others, for every open job.

    Every action is one line here and one JSON line in HOME/node.jsonl (with --json, here as well). A second node in the
    same home is refused (exit code 2).
    """
    from participant.node.start import Options
    from participant.node.start import run as work

    options = Options(job, data, validation, poll, until_complete, as_json, device)
    work(home, passphrase_file, options)


@node.command("data")
@click.argument("job", metavar="JOB")
@click.argument("file", type=FILE)
@click.option("--unchecked", is_flag=True, help="Name FILE without reading it.")
@home_option
@json_option
def name_file(job: str, file: Path, unchecked: bool, home: Home, as_json: bool) -> None:
    """Name the FILE that holds the data for JOB: a job's number, the name of a task, or `default`.

    For a job's number, FILE is first read as the job's task does. It is kept in the home's node.toml, in the table
    `[data]`; the file node.toml is written whole, without comments. A node that runs takes notice.
    """
    from participant.node.approval import name_data

    found = name_data(home, job, file, unchecked=unchecked)
    text = f"the data for {'job ' if job.isdecimal() else ''}{job}: {file}"
    _say(as_json, f"{text}; {found}" if found else text, {"job": job, "file": str(file.resolve()), "found": found})


@node.command("mask-key")
@passphrase_option
@home_option
@json_option
def mask_key(passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Take a new mask key, for masked jobs: others seal shares to it from the next segment on.

    A node makes its first one itself. Take another where somebody else may have read HOME/masks.
    """
    from participant.node.mask_key import rotate

    facts = rotate(home, passphrase_file)
    _say(as_json, f"mask key {facts['key']} is on the ledger; its private part is in {facts['folder']}", facts)


@node.command()
@home_option
@json_option
def status(home: Home, as_json: bool) -> None:
    """Show this party, its data and store, and what its node would do next for each job."""
    from participant.node.status import print_status, status_of

    facts = status_of(home)
    if as_json:
        _say(True, "", facts)
    else:
        print_status(facts)


@node.command()
@click.option("--dry-run", is_flag=True, help="Send and store nothing; show what would be registered.")
@click.option("--data", type=FILE, help="The private data.  [default: that of the home's settings]")
@job_option
@device_option
@passphrase_option
@home_option
@json_option
def submit(
    dry_run: bool,
    data: Path | None,
    job: int | None,
    device: str | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Train for the open round of a job and register the update.

    With --dry-run it also works between rounds, on the latest model: it trains, converts, checks the job's limits, and
    needs no passphrase.
    """
    from participant.node.submit import rehearse
    from participant.node.submit import submit as register

    facts = rehearse(home, job, data, device) if dry_run else register(home, job, data, passphrase_file, device)
    _say(as_json, "\n".join(f"{name:14} {value}" for name, value in facts.items()), facts)
    if dry_run and facts["verdict"] != "ADMITTED":
        click.get_current_context().exit(2)


def _say(as_json: bool, message: str, facts: Mapping[str, object]) -> None:
    click.echo(json_text(facts) if as_json else message)
