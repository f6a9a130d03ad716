"""`fedledger job`: what the consortium trains, proposed by one member and approved by a majority."""

import sys
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.agreed import require_in_time
from ledger.cli.job_facts import name_of, phase, record_of, summary
from ledger.cli.options import home_option, json_option, network_option, passphrase_option, rpc_option, wide_option
from ledger.cli.screen import print_json, require_yes, say, shown
from ledger.cli.tables import print_facts, print_table
from ledger.cli.withdrawal import withdraw, withdrawal
from ledger.config import Home
from ledger.errors import FedledgerError, Malformed, Refuted, Unavailable, UsageError
from ledger.formats.text import json_text, plural

if TYPE_CHECKING:
    from ledger.history.state import JobState
    from ledger.jobs.document import Job
    from ledger.party.connection import Connection

CHECKS = "fedledger.checks"
"""The group of entry points with what a role checks before its member approves a job; each raises where it may not."""


@click.group()
def job() -> None:
    """Create, propose, approve and read training jobs."""


for _command in (withdraw, withdrawal):
    job.add_command(_command)


@job.command(short_help="Propose a job to the members.")
@click.argument("document", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--no-wait", is_flag=True, help="Serve nothing: fedledger node run of this home does, or will.")
@click.option("--unchecked", is_flag=True, help="Propose even if this home's data cannot be trained on.")
@passphrase_option
@home_option
@json_option
def propose(
    document: Path, no_wait: bool, unchecked: bool, passphrase_file: Path | None, home: Home, as_json: bool
) -> None:
    """Propose the job in DOCUMENT (made by `fedledger job create`); proposing it counts as approving it. Of a masked
    job, the contract is told how it is masked, too; where that was interrupted, the same command goes on.

    Where this home names data for the job's task, or for all jobs, they are read first, as the task reads them: what it
    cannot read in them is said before anything is sent.

    The others fetch the job and its initial model from this home: it serves both until a majority holds them. Ctrl-C
    ends that, and leaves the job proposed.

    \b
    Example:  fedledger job propose job.json
    """
    from ledger.cli.connect import unlocked
    from ledger.cli.offering import check_own_data, offer
    from ledger.files.foreign import read_named
    from ledger.files.kinds import JOB, another
    from ledger.history.convicted import begun
    from ledger.jobs.document import MAX_SIZE, parse
    from ledger.party.masking.proposing import propose as propose_job
    from ledger.party.pins import initial_pin, job_pin
    from ledger.party.sharing.hop import short_time

    content = read_named(document, MAX_SIZE + 1)
    try:
        proposed = parse(content)
    except Malformed as error:
        told, make = f"this is not a job to propose: {error.message}", "make its document: fedledger job create DRAFT"
        raise Malformed(told, advice=another(document, JOB) or make, **error.facts) from error
    if not unchecked:
        check_own_data(home, proposed)
    with unlocked(home, passphrase_file) as (connection, signer):
        found = (short_time(proposed.terms.aggregate_seconds), _require_room(connection, proposed))
        warnings = [one for one in found if one]
        require_in_time(connection, proposed, "proposing")
        _require_orders(connection, signer.address, proposed)
        connection.put([content], job_pin(proposed.digest))
        connection.keep(proposed.initial_cid, initial_pin(proposed.initial_root))
        _keep_set(connection, proposed)
        state = propose_job(connection, connection.sender(signer), proposed)
        number = state.number
        warnings += [*_twins(connection, state), *begun(connection.history.jobs.values(), state).values()]
        done = f"proposed as job {number}, and approved by this member"
        text = "\n".join([done, *(f"note: {one}" for one in warnings)])
        say(as_json, text, job=number, digest=proposed.digest.hex(), tx=state.tx.hex(), warnings=warnings)
        sys.stdout.flush()
        if not no_wait:
            offer(connection, signer, home.settings(), number, proposed)


def _twins(connection: "Connection", state: "JobState") -> list[str]:
    """What to know where other jobs that are not closed have the very same document."""
    jobs = connection.history.jobs.values()
    others = [
        str(one.number) for one in jobs if one.digest == state.digest and one.number != state.number and not one.closed
    ]
    if not others:
        return []
    way = "fedledger proposal propose close-job N puts one to the vote"
    return [f"the same document is {'job' if len(others) == 1 else 'jobs'} {', '.join(others)}, too: {way}"]


def _require_room(connection: "Connection", document: "Job") -> str:
    """What to know of the job's times where the blocks that members wait for take much of them; empty without.

    Raises UsageError where no round could ever end in time. A block is taken to come as fast as any did lately.
    """
    from ledger.rounds.depth import short_times

    confirmations = connection.network.chain.confirmations
    seconds = connection.client.shortest_block() if confirmations else 0
    masking = document.masked.masking if document.masked else None
    impossible, tight = short_times(document.terms, masking, confirmations, seconds)
    wait = f"members wait for {plural(confirmations, 'further block')} before they show or sign, {seconds} s each"
    if impossible:
        advice = "lengthen them in the draft, and make its document again: fedledger job create"
        raise UsageError(f"{wait}: too long for {', '.join(impossible)}", advice=advice)
    return f"{wait}: more than a quarter of {', '.join(tight)}" if tight else ""


@job.command(short_help="Approve a job; a majority opens it.")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--yes", is_flag=True, help="Approve without being asked.")
@click.option("--unchecked", is_flag=True, help="Approve even if this home's data cannot be trained on.")
@passphrase_option
@home_option
@json_option
def approve(number: int, yes: bool, unchecked: bool, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Approve job NUMBER, after reading its document; a majority of the members opens it.

    Where this home names data for the job, they are read first, as the job's task reads them.

    \b
    Example:  fedledger job approve 1
    """
    from ledger.cli.connect import act
    from ledger.party.pins import initial_pin, job_pin
    from ledger.party.proposed import not_had

    if not unchecked:
        for point in entry_points(group=CHECKS):
            point.load()(home, number, lambda text: click.echo(text, err=True))
    with act(home, passphrase_file) as (connection, sender):
        state = connection.job(number)
        document = connection.document(state)
        _require_agreement(connection, document, state)
        require_in_time(connection, document, "approving")
        _require_orders(connection, sender.address, document)
        connection.keep(document.cid, job_pin(document.digest))
        try:
            connection.keep(document.initial_cid, initial_pin(document.initial_root))
        except Unavailable as error:
            raise not_had(connection.history, state, "the initial model", document.initial_cid, error) from error
        _keep_set(connection, document)
        if not yes:
            print_facts(summary(connection, state, document))
            require_yes("Approve this job?")
        receipt = sender.send("ledger", "approveJob", number, document.digest)
        state = connection.refresh().jobs[number]
        stands = "it is open" if state.open else _approvals(connection, state)
    say(as_json, f"approved job {number}; {stands}", job=number, open=state.open, tx=receipt.tx.hex())


def _require_orders(connection: "Connection", key: str, document: "Job") -> None:
    """See `require_orders`, of the member with this key."""
    from ledger.party.proposed import require_orders

    history = connection.refresh()
    member = history.member_of(key)
    require_orders(history.jobs.values(), document, connection.document, member.index if member else None)


def _approvals(connection: "Connection", state: "JobState") -> str:
    """How many members approve a job, and how many must."""
    from ledger.history.jobs import approvals_needed, approving

    members = connection.history.members
    active = sum(member.active for member in members.values())
    return f"{len(approving(state, members))} of {active} members approve it, and {approvals_needed(members)} open it"


@job.command("list")
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def list_(network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """List all jobs.

    \b
    Example:  fedledger job list
    """
    from ledger.cli.connect import look

    with look(network_file, home, rpc) as connection:
        documents = [_document(connection, state) for state in connection.refresh().jobs.values()]
    if as_json:
        print_json(documents)
    elif documents:
        _print(documents)
    else:
        click.echo("no job yet")


def _document(connection: "Connection", state: "JobState") -> dict[str, Any]:
    """A job as the list has it, in JSON; where its document cannot be read, the name says why."""
    from ledger.history.jobs import approvals_needed, approving

    return {
        "job": state.number,
        "name": name_of(connection, state),
        "stage": state.stage,
        "open": state.open,
        "closed": state.closed,
        "approvals": [connection.name(index) for index in approving(state, connection.history.members)],
        "needed": approvals_needed(connection.history.members),
        "rounds": len(state.rounds),
        "finalised": state.finalised,
        "convicted": state.convicted or None,
        "of": state.terms.rounds,
        "digest": state.digest.hex(),
    }


def _print(documents: list[dict[str, Any]]) -> None:
    rows = [
        (str(one["job"]), shown(one["name"]), phase(one), f"{one['finalised']} of {one['of']}", one["digest"])
        for one in documents
    ]
    print_table(("job", "name", "state", "finalised", "document"), rows, short=(4,))


@job.command(short_help="Show a job's document, and how far it has come.")
@click.argument("number", type=click.IntRange(min=1))
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def show(number: int, network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Show job NUMBER's document, as every member approves it, and whom its round waits for; with --json when it was
    proposed, opened and closed. Where no holder returns the document, what the ledger alone has is shown.

    Exit codes: 0 shown; 1 or 2 the document is not a job's; 3 the chain cannot be asked, or the document not be had.

    \b
    Example:  fedledger job show 1
    """
    from ledger.cli.connect import look

    lacking: FedledgerError | None = None
    document: Job | None = None
    with look(network_file, home, rpc) as connection:
        connection.refresh()
        state = connection.job(number)
        try:
            document = connection.document(state)
        except (Unavailable, Malformed) as error:
            lacking = error
        facts = summary(connection, state, document, lacking)
        record = record_of(connection, state, document, lacking) if as_json else {}
    if as_json:
        click.echo(json_text(record))
    else:
        print_facts(facts)
    if lacking is not None:
        click.get_current_context().exit(lacking.exit_code)


def _require_agreement(connection: "Connection", document: "Job", state: "JobState") -> None:
    """Raises Refuted where the ledger says otherwise than the document: nobody should approve that."""
    from ledger.history.agreement import contradiction

    found = contradiction(document, state, connection.history.masks.get(state.number))
    if found is None:
        return
    if found.may_follow(state):
        raise found.error(Unavailable, advice="its proposer tells it by the same fedledger job propose, or its node")
    raise found.error(Refuted, advice="approve nothing of it: the job must be proposed again, as its document says")


def _keep_set(connection: "Connection", document: "Job") -> None:
    """Keep copies of the evaluation set that the job commits to, where it was opened, and of edges' member lists."""
    from ledger.formats.cid import Cid
    from ledger.jobs.scores import committed_set
    from ledger.party.pins import members_pin, set_pin

    hierarchy = document.hierarchy
    for cid in map(hierarchy.list_cid, hierarchy.indices) if hierarchy is not None else ():
        with suppress(Unavailable):
            connection.keep(cid, members_pin(cid.digest))
    evidence = committed_set(document.scoring)
    if evidence is not None:
        with suppress(Unavailable):
            connection.keep(Cid.parse(evidence.cid), set_pin(evidence))
