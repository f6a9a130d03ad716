"""`fedledger job`: what the consortium trains, proposed by one member and approved by a majority."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, network_option, passphrase_option, rpc_option
from ledger.config import Home

if TYPE_CHECKING:
    from ledger.history.state import JobState
    from ledger.jobs.document import Job
    from ledger.party.connection import Connection


@click.group()
def job() -> None:
    """Create, propose, approve and read training jobs."""


@job.command(short_help="Propose a job to the members.")
@click.argument("document", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@passphrase_option
@home_option
@json_option
def propose(document: Path, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Propose the job in DOCUMENT (made by `fedledger job create`); proposing it counts as approving it."""
    from msgspec.structs import astuple

    from ledger.cli.connect import act
    from ledger.cli.decisions.describe import say
    from ledger.errors import Malformed
    from ledger.jobs.document import parse

    content = document.read_bytes()
    try:
        proposed = parse(content)
    except Malformed as error:
        raise Malformed(
            f"this is no job to propose: {error.message}",
            advice="make its document from a draft: fedledger job create DRAFT",
            **error.facts,
        ) from error
    with act(home, passphrase_file) as (connection, sender):
        connection.put([content], f"job/{proposed.digest.hex()}")
        connection.keep(proposed.initial_cid, f"initial/{proposed.initial_model.root}")
        _keep_set(connection, proposed)
        receipt = sender.send("ledger", "proposeJob", proposed.digest, astuple(proposed.terms))
        connection.refresh()
        number = max(n for n, state in connection.history.jobs.items() if state.digest == proposed.digest)
    say(as_json, f"proposed as job {number}", job=number, digest=proposed.digest.hex(), tx=receipt.tx.hex())


@job.command(short_help="Approve a job; a majority opens it.")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--yes", is_flag=True, help="Approve without being asked.")
@passphrase_option
@home_option
@json_option
def approve(number: int, yes: bool, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Approve job NUMBER, after reading its document; a majority of the members opens it."""
    from ledger.cli.connect import act
    from ledger.cli.decisions.describe import rows, say
    from ledger.errors import Refuted

    with act(home, passphrase_file) as (connection, sender):
        state = connection.job(number)
        document = connection.document(state)
        if document.terms != state.terms:
            raise Refuted(
                "document and contract disagree on the terms", expected=str(document.terms), actual=str(state.terms)
            )
        connection.keep(document.cid, f"job/{document.digest.hex()}")
        connection.keep(document.initial_cid, f"initial/{document.initial_model.root}")
        _keep_set(connection, document)
        if not yes:
            rows(_summary(state, document))
            click.confirm("Approve this job?", abort=True)
        receipt = sender.send("ledger", "approveJob", number)
        opened = connection.refresh().jobs[number].open
    say(
        as_json,
        f"approved job {number}" + ("; it is open" if opened else ""),
        job=number,
        open=opened,
        tx=receipt.tx.hex(),
    )


@job.command("list")
@network_option
@rpc_option
@home_option
@json_option
def list_(network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """List all jobs."""
    import json

    from ledger.cli.connect import look
    from ledger.errors import FedledgerError

    with look(network_file, home, rpc) as connection:
        rows = []
        for state in connection.refresh().jobs.values():
            try:
                name = connection.document(state).name
            except FedledgerError as error:
                name = f"(document: {error.message})"
            rows.append(
                {
                    "job": state.number,
                    "name": name,
                    "open": state.open,
                    "closed": state.closed,
                    "complete": state.complete,
                    "approvals": len(state.approvals),
                    "rounds": len(state.rounds),
                    "of": state.terms.rounds,
                    "digest": state.digest.hex(),
                }
            )
    if as_json:
        click.echo(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    from ledger.cli.screen import print_whole, shown

    table = Table("job", "name", "state", "rounds", "document", box=None, header_style="dim")
    for row in rows:
        state_word = next(
            (word for word in ("complete", "closed", "open") if row[word]), f"{row['approvals']} approvals"
        )
        table.add_row(
            str(row["job"]),
            shown(str(row["name"])),
            state_word,
            f"{row['rounds']} of {row['of']}",
            str(row["digest"])[:16] + "…",
        )
    if rows:
        print_whole(Console(highlight=False), table)
    else:
        click.echo("no job yet")


@job.command(short_help="Show a job's document.")
@click.argument("number", type=click.IntRange(min=1))
@network_option
@rpc_option
@home_option
@json_option
def show(number: int, network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Show job NUMBER's document, as every member approves it."""
    from ledger.cli.connect import look
    from ledger.cli.decisions.describe import rows

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        state = connection.job(number)
        document = connection.document(state)
    if as_json:
        click.echo(document.encode())
    else:
        rows(_summary(state, document))


def _keep_set(connection: "Connection", document: "Job") -> None:
    """A copy of the evaluation set that the job commits to, where it was opened."""
    from contextlib import suppress

    from ledger.errors import Unavailable
    from ledger.formats.cid import Cid
    from ledger.jobs.document import committed_set

    evidence = committed_set(document.scoring)
    if evidence is not None:
        with suppress(Unavailable):
            connection.keep(Cid.parse(evidence.cid), f"set/{evidence.root}")


def _summary(state: "JobState", document: "Job") -> dict[str, str]:
    from ledger.scores.tables import in_words

    task, terms, limits = document.task, document.terms, document.admission
    return {
        "job": f"{state.number}: {document.name}"
        + (" (open)" if state.open else f" ({len(state.approvals)} approvals)"),
        "document": state.digest.hex(),
        "task": f"{task.name} {task.version}, code {task.code[:16]}…",
        "settings": ", ".join(f"{name}={value}" for name, value in sorted(task.settings.items())),
        "model": f"{document.layout.values:,} values in {len(document.tensors)} tensors",
        "initial model": document.initial_model.cid,
        "aggregation": str(document.aggregation),
        "admission": f"at least {limits.min_updates} updates, weight up to {limits.max_weight:,}, "
        f"values up to {limits.max_value:,}, norm up to {limits.max_norm:,}",
        "terms": f"{terms.rounds} rounds; {terms.update_seconds} s to submit, "
        f"{terms.aggregate_seconds} s to aggregate, {terms.attest_seconds} s to attest, {terms.attempts} attempts",
        "scores": in_words(document),
        "privacy": str(document.privacy["mode"]),
    }
