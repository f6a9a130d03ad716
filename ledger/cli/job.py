"""`fedledger job`: what the consortium trains, proposed by one member and approved by a majority."""

import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import asdict

from ledger.cli.options import home_option, json_option, network_option, passphrase_option, rpc_option, wide_option
from ledger.cli.screen import print_json, require_yes, say, shown
from ledger.cli.tables import print_facts, print_table
from ledger.config import Home
from ledger.errors import FedledgerError, Malformed, Refuted, Unavailable, UsageError
from ledger.formats.text import listed, plural, quoted

if TYPE_CHECKING:
    from ledger.history.state import JobState
    from ledger.jobs.document import Job, Setting
    from ledger.party.connection import Connection

CHECKS = "fedledger.checks"
"""The group of entry points with what a role checks before its member approves a job; each raises where it may not."""


@click.group()
def job() -> None:
    """Create, propose, approve and read training jobs."""


@job.command(short_help="Propose a job to the members.")
@click.argument("document", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--no-wait", is_flag=True, help="Serve nothing: fedledger node run of this home does, or will.")
@passphrase_option
@home_option
@json_option
def propose(document: Path, no_wait: bool, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Propose the job in DOCUMENT (made by `fedledger job create`); proposing it counts as approving it. Of a masked
    job, the contract is told how it is masked, too; where that was interrupted, the same command goes on.

    The others fetch the job and its initial model from this home: it serves both until a majority holds them. Ctrl-C
    ends that, and leaves the job proposed.
    """
    from ledger.cli.connect import unlocked
    from ledger.cli.offering import offer
    from ledger.jobs.document import parse
    from ledger.party.masking.proposing import propose as propose_job
    from ledger.party.pins import initial_pin, job_pin
    from ledger.party.proposed import require_orders
    from ledger.party.sharing.hop import short_time

    content = document.read_bytes()
    try:
        proposed = parse(content)
    except Malformed as error:
        raise Malformed(
            f"this is not a job to propose: {error.message}",
            advice="make its document from a draft: fedledger job create DRAFT",
            **error.facts,
        ) from error
    with unlocked(home, passphrase_file) as (connection, signer):
        found = (short_time(proposed.terms.aggregate_seconds), _require_room(connection, proposed))
        warnings = [one for one in found if one]
        require_orders(connection.refresh().jobs.values(), proposed, connection.document)
        connection.put([content], job_pin(proposed.digest))
        connection.keep(proposed.initial_cid, initial_pin(proposed.initial_root))
        _keep_set(connection, proposed)
        state = propose_job(connection, connection.sender(signer), proposed)
        number = state.number
        done = f"proposed as job {number}, and approved by this member"
        text = "\n".join([done, *(f"note: {one}" for one in warnings)])
        say(as_json, text, job=number, digest=proposed.digest.hex(), tx=state.tx.hex(), warnings=warnings)
        sys.stdout.flush()
        if not no_wait:
            offer(connection, signer, home.settings(), number, proposed)


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
    """
    from ledger.cli.connect import act
    from ledger.party.pins import initial_pin, job_pin
    from ledger.party.proposed import not_had, require_orders

    if not unchecked:
        for point in entry_points(group=CHECKS):
            point.load()(home, number, lambda text: click.echo(text, err=True))
    with act(home, passphrase_file) as (connection, sender):
        state = connection.job(number)
        document = connection.document(state)
        _require_agreement(connection, document, state)
        require_orders(connection.history.jobs.values(), document, connection.document)
        connection.keep(document.cid, job_pin(document.digest))
        try:
            connection.keep(document.initial_cid, initial_pin(document.initial_root))
        except Unavailable as error:
            raise not_had(connection.history, state, "the initial model", document.initial_cid, error) from error
        _keep_set(connection, document)
        if not yes:
            print_facts(_summary(connection, state, document))
            require_yes("Approve this job?")
        receipt = sender.send("ledger", "approveJob", number, document.digest)
        state = connection.refresh().jobs[number]
        stands = "it is open" if state.open else _approvals(connection, state)
    say(as_json, f"approved job {number}; {stands}", job=number, open=state.open, tx=receipt.tx.hex())


def _approvals(connection: "Connection", state: "JobState") -> str:
    """How many members approve a job, and how many must."""
    from ledger.history.jobs import approving

    members = connection.history.members
    active = sum(member.active for member in members.values())
    return f"{len(approving(state, members))} of {active} members approve it, and {active // 2 + 1} open it"


@job.command("list")
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def list_(network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """List all jobs."""
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
    from ledger.history.jobs import approving

    return {
        "job": state.number,
        "name": name_of(connection, state),
        "stage": state.stage,
        "open": state.open,
        "closed": state.closed,
        "approvals": [connection.name(index) for index in approving(state, connection.history.members)],
        "rounds": len(state.rounds),
        "finalised": state.finalised,
        "of": state.terms.rounds,
        "digest": state.digest.hex(),
    }


def name_of(connection: "Connection", state: "JobState") -> str:
    """A job's name; where its document cannot be read, why."""
    try:
        return connection.document(state).name
    except FedledgerError as error:
        return f"(document: {error.message})"


def _print(documents: list[dict[str, Any]]) -> None:
    rows = [
        (str(one["job"]), shown(one["name"]), phase(one), f"{one['finalised']} of {one['of']}", one["digest"])
        for one in documents
    ]
    print_table(("job", "name", "state", "finalised", "document"), rows, short=(4,))


def phase(document: Mapping[str, Any]) -> str:
    """How far a job has come, in one word, or in its approvals while it is not open."""
    stage = str(document["stage"])
    return plural(len(document["approvals"]), "approval") if stage == "proposed" else stage


@job.command(short_help="Show a job's document.")
@click.argument("number", type=click.IntRange(min=1))
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def show(number: int, network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Show job NUMBER's document, as every member approves it; with --json when it was proposed, opened and closed."""
    from ledger.cli.connect import look

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        state = connection.job(number)
        document = connection.document(state)
        facts = _summary(connection, state, document)
        record = _record(connection, state, document) if as_json else {}
    if as_json:
        click.echo(json.dumps(record))
    else:
        print_facts(facts)


def _record(connection: "Connection", state: "JobState", document: "Job") -> dict[str, object]:
    """The document, whose bytes have the digest, with how far the job has come and when."""
    from ledger.party.moments import Moments

    moments = Moments(connection, state.block, state.opened_in, state.closed_in)
    return {
        "job": state.number,
        "digest": state.digest.hex(),
        "stage": state.stage,
        **moments.of(state.block),
        "opened": moments.at(state.opened_in),
        "closed": moments.at(state.closed_in),
        "document": json.loads(document.encode()),
    }


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
    """Keep a copy of the evaluation set that the job commits to, where it was opened."""
    from ledger.formats.cid import Cid
    from ledger.jobs.document import committed_set
    from ledger.party.pins import set_pin

    evidence = committed_set(document.scoring)
    if evidence is not None:
        with suppress(Unavailable):
            connection.keep(Cid.parse(evidence.cid), set_pin(evidence))


def _summary(connection: "Connection", state: "JobState", document: "Job") -> dict[str, str]:
    from ledger.history.jobs import approving
    from ledger.jobs.privacy import describe, describe_hidden, describe_masks
    from ledger.scores.tables import describe_method

    task, terms, limits, masked = document.task, document.terms, document.admission, document.masked
    approved = [connection.name(index) for index in approving(state, connection.history.members)]
    words = {"stage": state.stage, "approvals": approved}
    return {
        "job": f"{state.number}: {document.name} ({phase(words)})",
        "approved by": listed(approved) or "nobody",
        "rounds finalised": f"{state.finalised} of {terms.rounds}",
        "document": state.digest.hex(),
        "task": f"{task.name} {task.version}, code {task.code[:16]}…",
        "settings": ", ".join(f"{name} = {as_drafted(value)}" for name, value in sorted(task.settings.items())),
        "model": f"{plural(document.layout.values, 'value')} in {plural(len(document.tensors), 'tensor')}",
        "initial model": document.initial_model.cid,
        "aggregation": _rule(document),
        "admission": f"at least {plural(limits.min_updates, 'update')}, weight up to {limits.max_weight:,}, "
        f"values up to {_real(document, limits.max_value)}, norm up to {_real(document, limits.max_norm)}"
        f"{_caps(connection, document)}",
        "terms": f"{plural(terms.rounds, 'round')}, {plural(terms.attempts, 'attempt')}; {terms.update_seconds} s to "
        f"commit, {terms.open_seconds} s to open, {terms.aggregate_seconds} s to aggregate, "
        f"{terms.attest_seconds} s to attest",
        "scores": describe_method(document),
        "privacy": describe(document.privacy),
        **({"masks": describe_masks(masked), "masks hide": describe_hidden(masked)} if masked else {}),
        "noise hides": document.dp.words if document.dp else "nothing: training adds none",
    }


def _rule(document: "Job") -> str:
    """How updates become a model, in words."""
    fields = asdict(document.aggregation)
    words = str(document.aggregation.__struct_config__.tag).replace("_", " ")
    return ", ".join([words, *(f"{name} = {value}" for name, value in fields.items())])


def as_drafted(value: "Setting") -> str:
    """A setting as a draft in TOML has it; there a decimal is a number, in the document a text."""
    if isinstance(value, list):
        return f"[{', '.join(map(as_drafted, value))}]"
    if isinstance(value, str):
        return value if re.fullmatch(r"-?[0-9]+\.[0-9]+", value) else json.dumps(value, ensure_ascii=False)
    return str(value).lower()


def _real(document: "Job", limit: int) -> str:
    """A limit as a draft has it, and as the ledger counts it (docs/spec/job.md, "Limits")."""
    bits = max(tensor.fraction_bits for tensor in document.tensors)
    return f"{limit / 2**bits:g} ({limit:,} / 2^{bits})"


def _caps(connection: "Connection", document: "Job") -> str:
    """The members whose weights have a lower cap."""
    caps = document.admission.max_weights
    return "".join(f"; weight of {quoted(connection.name(int(index)))} up to {cap:,}" for index, cap in caps.items())
