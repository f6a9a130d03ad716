"""`fedledger node`: a participant's commands. torch is imported inside them, after their arguments are checked."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from ledger.cli.options import home_option, job_option, json_option, network_option, passphrase_option, poll_option
from ledger.config import Home
from ledger.formats.text import json_text, plural
from participant.cli.comparison import compare
from participant.cli.models import evaluate, example, open_set
from participant.cli.options import device_option
from participant.cli.personal import personalise
from participant.cli.rows import replay, rows
from participant.cli.told import told

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(short_help="Take part: train, submit, attest, score, serve copies.")
def node() -> None:
    """Take part: train on your own data, submit updates, attest global models, score what others contributed.

    The data never leaves this machine. Stop or kill a node whenever you like; started again, it goes on where the
    ledger says it stopped.
    """


for command in (compare, evaluate, example, open_set, personalise, replay, rows, told):
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
    """Make a home: a new key, encrypted with a passphrase, and this party's settings. Prints the key's address.

    \b
    Example:  fedledger node init --name "North clinic"
    """
    from participant.joining.home import make_home

    signer = make_home(home, passphrase_file, name=name, data=data, validation=validation, light=light)
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
    """Join the consortium of the network file NETWORK.

    Chain, code and membership are checked; then the file is kept.

    \b
    Example:  fedledger node join network.toml
    """
    from participant.joining.finishing import finish

    facts = finish(network, home, replace=replace, rpc=rpc)
    _say(as_json, joined_words(facts), facts)


@node.command()
@click.option("--job", type=click.IntRange(min=1), help="Work for this job only.  [default: every open job]")
@click.option("--data", type=FILE, help="The private data.  [default: that of the home's settings]")
@click.option(
    "--validation", type=FILE, help="A scorer's own data to evaluate on.  [default: that of the home's settings]"
)
@poll_option
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
    """Train, submit, attest and score for every open job; serve the own store.

    Every action is one line here and one JSON line in HOME/node.jsonl (with --json, here as well). A second node in the
    same home is refused (exit code 2).

    \b
    Example:  fedledger node run --until-complete
    """
    from participant.doctor.examining import urgent_words
    from participant.node.start import Options
    from participant.node.start import run as work

    options = Options(job, data, validation, poll, until_complete, as_json, device)
    work(home, passphrase_file, options, urgent_words)


@node.command("data")
@click.argument("job", metavar="JOB")
@click.argument("file", type=FILE)
@click.option("--unchecked", is_flag=True, help="Name FILE without reading it.")
@home_option
@json_option
def name_file(job: str, file: Path, unchecked: bool, home: Home, as_json: bool) -> None:
    """Name the FILE that holds the data for JOB.

    JOB is a job's number, the name of a task, or `default`.

    For a job's number, FILE is first read as the job's task does. It is kept in the home's node.toml, in the table
    `[data]`; the file node.toml is written whole, without comments. A node that runs takes notice.

    \b
    Example:  fedledger node data 1 patients.csv
    """
    from participant.node.approval import name_data

    found = name_data(home, job, file, unchecked=unchecked)
    text = f"the data for {'job ' if job.isdecimal() else ''}{job}: {file}"
    _say(as_json, f"{text}; {found}" if found else text, {"job": job, "file": str(file.resolve()), "found": found})


@node.command()
@click.argument("job", type=click.IntRange(min=1))
@click.option("--code", is_flag=True, help="List every file of the task's code, with its SHA-256.")
@network_option
@home_option
@json_option
def review(job: int, code: bool, network_file: Path | None, home: Home, as_json: bool) -> None:
    """Show what JOB would run, read, train and send at this home.

    For those who decide whether to approve it. Nothing of the job is run. The exit code is 1 where the code that is
    installed here is not the code that the job names.

    \b
    Example:  fedledger node review 1 --code
    """
    from ledger.cli.connect import look
    from ledger.cli.tables import print_facts, print_table
    from ledger.history.convicted import begun
    from participant.jobs.reviewing import review as reviewed
    from participant.tasks.data.files import DataFiles

    with look(network_file, home) as connection:
        connection.refresh()
        state = connection.job(job)
        warned = begun(connection.history.jobs.values(), state)
        found = reviewed(job, connection.document(state), DataFiles(home), warned)
    if as_json:
        _say(True, "", found.facts)
    else:
        print_facts({"job": f"{found.job}: {found.name}", "document": found.digest, **found.says})
        if code:
            print_table(("file", "SHA-256"), [(one.name, one.sha256) for one in found.code])
    if found.differs:
        sys.exit(1)


@node.command("mask-key")
@passphrase_option
@home_option
@json_option
def mask_key(passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Take a new mask key, for masked jobs.

    Others seal shares to it from the next segment on.

    A node makes its first one itself. Take another where somebody else may have read HOME/masks.

    \b
    Example:  fedledger node mask-key
    """
    from participant.node.mask_key import rotate

    facts = rotate(home, passphrase_file)
    _say(as_json, f"mask key {facts['key']} is on the ledger; its private part is in {facts['folder']}", facts)


@node.command()
@home_option
@json_option
def status(home: Home, as_json: bool) -> None:
    """Show this party, and what its node would do next for each job.

    It also shows the party's data and store.

    \b
    Example:  fedledger node status
    """
    from participant.node.status import print_status, status_of

    facts = status_of(home)
    if as_json:
        _say(True, "", facts)
    else:
        print_status(facts)


@node.command()
@click.option("--dry-run", is_flag=True, help="Send and store nothing; show what would be registered.")
@click.option("--data", type=FILE, help="The private data.  [default: that of the home's settings]")
@click.option(
    "--from-home",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Train nothing: register what a job made of the round's base model on the ledger that this other home joined.",
)
@click.option("--from-job", type=click.IntRange(min=1), help="That job.  [default: the only one there]")
@job_option
@device_option
@passphrase_option
@home_option
@json_option
def submit(
    dry_run: bool,
    data: Path | None,
    from_home: Path | None,
    from_job: int | None,
    job: int | None,
    device: str | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Train for the open round of a job and register the update.

    With --dry-run it also works between rounds, on the latest model: it trains, converts, checks the job's limits, and
    needs no passphrase. With --from-home the update is the last model of a job that is over, minus the base that both
    have (docs/edges.md, "Several rounds at an edge").

    \b
    Example:  fedledger node submit --dry-run
    """
    from ledger.errors import UsageError
    from participant.node.submit import JobBelow, rehearse
    from participant.node.submit import submit as register

    if from_home is None and from_job is not None:
        raise UsageError("--from-job is a job of another home", advice="name that home with --from-home")
    if from_home is not None and (dry_run or data is not None):
        raise UsageError("--from-home trains nothing", advice="leave --dry-run and --data out")
    source = JobBelow(from_home, from_job) if from_home is not None else None
    facts = rehearse(home, job, data, device) if dry_run else register(home, job, data, passphrase_file, device, source)
    _say(as_json, "\n".join(f"{name:14} {value}" for name, value in facts.items()), facts)
    if dry_run and facts["verdict"] != "ADMITTED":
        click.get_current_context().exit(2)


def joined_words(facts: Mapping[str, object]) -> str:
    """What joining found, for people."""
    number = f"member {facts['member']}"
    who = number if facts["name"] == number else f"{facts['name']} ({number})"
    text = f"joined {facts['network']} as {who}"
    text += f"; {plural(int(str(facts['confirmations'])), 'confirmation')} before anything is shown or signed"
    return "\n".join(filter(None, [text, str(facts["sealed"]), str(facts["advice"])]))


def _say(as_json: bool, message: str, facts: Mapping[str, object]) -> None:
    click.echo(json_text(facts) if as_json else message)
