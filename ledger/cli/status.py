"""`fedledger status`: the consortium at a glance."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.job_facts import name_of, phase, waits_record
from ledger.cli.masks import mask_notes, masks_in
from ledger.cli.options import home_option, json_option, network_option, rpc_option, wide_option
from ledger.cli.screen import print_json, shown
from ledger.cli.tables import brief, print_line, print_table
from ledger.config import Home
from ledger.formats.text import clock_text, plural

if TYPE_CHECKING:
    from ledger.history.state import JobState, Round
    from ledger.party.connection import Connection

_MEMBERS = ("", "member", "key", "roles", "gateway announced")
_JOBS = (
    *("job", "name", "state", "finalised", "round", "phase", "until"),
    *("committed", "opened", "for", "latest model", "scored"),
)


@click.command(short_help="Show chain, members, jobs and rounds.")
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def status(network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Show the chain, the members, the jobs and the rounds under way.

    \b
    Example:  fedledger status
    """
    from ledger.cli.connect import look

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        document = _document(connection)
    if as_json:
        print_json(document)
    else:
        _print(document)


def _document(connection: "Connection") -> dict[str, Any]:
    network, history = connection.network, connection.history
    number, head = connection.client.head()
    now = connection.time()
    members = [
        {
            "index": member.index,
            "name": connection.name(member.index),
            "key": member.key,
            "active": member.active,
            "roles": [role.name.lower() for role in member.roles if role.name],
            "gateway": member.gateway,
        }
        for member in history.members.values()
    ]
    return {
        "network": network.name,
        "chain": network.chain.id,
        "rpc": connection.client.rpc.url,
        "confirmations": network.chain.confirmations,
        "block": number,
        "block_hash": head.hex(),
        "consortium": network.contracts.consortium.address,
        "ledger": network.contracts.ledger.address,
        "scores": network.contracts.scores.address,
        "releases": network.contracts.releases.address,
        "ballots": network.contracts.ballots.address,
        "masks": network.contracts.masks.address,
        "budgets": network.contracts.budgets.address,
        "court": network.contracts.court.address,
        "time": now,
        "epoch": history.epoch,
        "members": members,
        "jobs": [_job(connection, state, now) for state in history.jobs.values()],
    }


def _job(connection: "Connection", state: "JobState", now: int) -> dict[str, Any]:
    from ledger.history.jobs import approvals_needed, approving
    from ledger.party.moments import Moments

    moments = Moments(connection, state.block, state.opened_in, state.closed_in)
    latest, name = state.sound_model, connection.name
    approvals = approving(state, connection.history.members)
    return {
        "job": state.number,
        "name": name_of(connection, state),
        "digest": state.digest.hex(),
        "stage": state.stage,
        "open": state.open,
        "closed": state.closed,
        "approvals": [name(index) for index in approvals],
        "needed": approvals_needed(connection.history.members),
        "rounds": len(state.rounds),
        **moments.of(state.block),
        "opened": moments.at(state.opened_in),
        "closed_at": moments.at(state.closed_in),
        "finalised": state.finalised,
        "convicted": state.convicted or None,
        "sound": state.sound if state.convicted else None,
        "of": state.terms.rounds,
        "round": _round(connection, state, state.current, now) if state.current else None,
        "model": latest.root.hex() if latest else None,
        "strikes": {name(index): count for index, count in sorted(state.strikes.items()) if count},
        "scores": _scores(state) if state.terms.scored else None,
        "masks": masks_in(connection.history.masks.get(state.number), state.current, connection.name),
    }


def _scores(state: "JobState") -> dict[str, Any]:
    """How many finalised rounds have their scores, and which is being scored."""
    return {
        "settled": sum(scoring.medians is not None for scoring in state.scorings.values()),
        "of": sum(round_.final is not None for round_ in state.rounds.values()),
        "scoring": state.scoring.round if state.scoring else None,
    }


def _round(connection: "Connection", state: "JobState", round_: "Round", now: int) -> dict[str, Any]:
    """The current round, in its phase by the chain's clock."""
    from ledger.history.phases import present
    from ledger.party.moments import Moments

    moments = Moments(connection, round_.block, round_.ended_in)
    phase, deadline = present(round_, state.terms, now)
    latest, name = round_.aggregates[-1] if round_.aggregates else None, connection.name
    return {
        "number": round_.number,
        **moments.of(round_.block),
        "ended": moments.at(round_.ended_in),
        "phase": phase.value,
        "reason": round_.reason.name.lower(),
        "deadline": None if phase.terminal else deadline,
        "left": None if round_.phase.terminal else deadline - now,
        "participants": round_.participants,
        "target": round_.target,
        "committed": [name(index) for index in sorted(round_.commitments)],
        "opened": [name(index) for index in sorted(round_.updates)],
        "unopened": [name(one.index) for one in round_.unopened],
        "attempt": round_.attempt,
        "agreeing": latest.agreeing if latest else 0,
        "against": latest.against if latest else 0,
        "members": round_.members,
        "majority": round_.majority,
        "waits": waits_record(connection, state, now),
    }


def _print(document: dict[str, Any]) -> None:
    print_line(
        f"[bold]{shown(document['network'])}[/]: chain {document['chain']}, block {document['block']}, "
        f"epoch {document['epoch']}, ledger {brief(document['ledger'])}, "
        f"{plural(document['confirmations'], 'confirmation')} before anything is shown or signed"
    )
    click.echo()
    print_table(_MEMBERS, map(_member_row, document["members"]), short=(2, 4))
    if document["jobs"]:
        click.echo()
        print_table(_JOBS, map(_job_row, document["jobs"]), short=(10,))
    for line in _notes(document["jobs"]):
        print_line(f"[dim]{shown(line)}[/]")


def _member_row(member: dict[str, Any]) -> tuple[str, ...]:
    key, gateway = member["key"] or "removed", member["gateway"] or "-"
    return str(member["index"]), shown(member["name"]), key, ", ".join(member["roles"]), shown(gateway)


def _job_row(job: dict[str, Any]) -> tuple[str, ...]:
    scored = f"{job['scores']['settled']} of {job['scores']['of']}" if job["scores"] else "-"
    known = str(job["job"]), shown(job["name"]), phase(job), f"{job['finalised']} of {job['of']}"
    return *known, *_round_cells(job["round"]), job["model"] or "-", scored


def _round_cells(current: dict[str, Any] | None) -> tuple[str, ...]:
    """The number, phase, deadline, commitments, openings and votes of the current round."""
    if current is None:
        return ("-",) * 6
    committed, opened = len(current["committed"]), len(current["opened"])
    votes = f"{current['agreeing']} of {current['members']}" if current["attempt"] else "-"
    of = f"{committed} of {current['target']}", f"{opened} of {committed}"
    return str(current["number"]), current["phase"], _until(current), *of, votes


def _until(current: dict[str, Any]) -> str:
    """When the phase ends, and how long that is from now, by the chain's clock."""
    if current["left"] is None:
        return "-"
    left = f"{current['left']} s left" if current["left"] >= 0 else "overdue"
    return f"{clock_text(current['deadline'])}, {left}"


def _notes(jobs: list[dict[str, Any]]) -> Iterator[str]:
    """Whom rounds wait for, and what is out of the ordinary: updates that are not open, votes against, strikes."""
    for job in jobs:
        current = job["round"]
        if current and current["unopened"] and current["phase"] not in ("Collecting", "Opening"):
            late = ", ".join(current["unopened"])
            yield f"job {job['job']}, round {current['number']}: committed, never opened: {late}"
        if current and current["waits"]:
            yield f"job {job['job']}, round {current['number']} waits {current['waits']['said']}"
        if current and current["against"]:
            against = plural(current["against"], "member")
            yield f"job {job['job']}, round {current['number']}: attempt {current['attempt']} opposed by {against}"
        if current and current["reason"] != "none":
            why = current["reason"].replace("_", " ")
            yield f"job {job['job']}, round {current['number']}: abandoned, {why}"
        yield from mask_notes(job)
        for who, count in job["strikes"].items():
            yield f"job {job['job']}: {who} has {plural(count, 'strike')}"
