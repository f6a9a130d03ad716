"""`fedledger status`: the consortium at a glance."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.job import phase
from ledger.cli.options import home_option, json_option, network_option, rpc_option
from ledger.cli.screen import shown
from ledger.cli.tables import print_table
from ledger.config import Home

if TYPE_CHECKING:
    from ledger.history.state import JobState, Round
    from ledger.party.connection import Connection


@click.command(short_help="Show chain, members, jobs and rounds.")
@network_option
@rpc_option
@home_option
@json_option
def status(network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Show the chain, the members, the jobs and the rounds under way."""
    from ledger.cli.connect import look

    with look(network_file, home, rpc) as connection:
        connection.refresh()
        document = _document(connection)
    if as_json:
        click.echo(json.dumps(document))
    else:
        _print(document)


def _document(connection: "Connection") -> dict[str, Any]:
    network, history = connection.network, connection.history
    number, head = connection.client.head()
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
        "block": number,
        "block_hash": head.hex(),
        "consortium": network.contracts.consortium.address,
        "ledger": network.contracts.ledger.address,
        "scores": network.contracts.scores.address,
        "releases": network.contracts.releases.address,
        "ballots": network.contracts.ballots.address,
        "epoch": history.epoch,
        "members": members,
        "jobs": [_job(state) for state in history.jobs.values()],
    }


def _job(state: "JobState") -> dict[str, Any]:
    latest = state.latest_model()
    return {
        "job": state.number,
        "digest": state.digest.hex(),
        "open": state.open,
        "closed": state.closed,
        "complete": state.complete,
        "approvals": len(state.approvals),
        "rounds": state.terms.rounds,
        "round": _round(state.current) if state.current else None,
        "model": latest.root.hex() if latest else None,
        "scores": _scores(state) if state.terms.scored else None,
    }


def _scores(state: "JobState") -> dict[str, Any]:
    """How many finalised rounds have their scores, and which is being scored."""
    return {
        "settled": sum(scoring.medians is not None for scoring in state.scorings.values()),
        "of": sum(round_.final is not None for round_ in state.rounds.values()),
        "scoring": state.scoring.round if state.scoring else None,
    }


def _round(round_: "Round") -> dict[str, Any]:
    return {
        "number": round_.number,
        "phase": round_.phase.value,
        "reason": round_.reason.name.lower(),
        "updates": len(round_.updates),
        "attempt": round_.attempt,
        "deadline": round_.deadline,
    }


def _print(document: dict[str, Any]) -> None:
    from rich.console import Console

    Console(highlight=False).print(
        f"[bold]{shown(document['network'])}[/]: chain {document['chain']}, block {document['block']}, "
        f"epoch {document['epoch']}, ledger {document['ledger']}"
    )
    print_table(("", "member", "key", "roles", "gateway"), map(_member_row, document["members"]))
    if document["jobs"]:
        columns = ("job", "state", "round", "phase", "updates", "latest model", "scored")
        print_table(columns, map(_job_row, document["jobs"]))


def _member_row(member: dict[str, Any]) -> tuple[str, ...]:
    key, gateway = member["key"] or "removed", member["gateway"] or "-"
    return str(member["index"]), shown(member["name"]), key, ", ".join(member["roles"]), shown(gateway)


def _job_row(job: dict[str, Any]) -> tuple[str, ...]:
    current = job["round"] or {"number": 0, "phase": "-", "updates": "-"}
    rounds = f"{current['number']} of {job['rounds']}"
    model = job["model"][:16] + "…" if job["model"] else "-"
    scored = f"{job['scores']['settled']} of {job['scores']['of']}" if job["scores"] else "-"
    return str(job["job"]), phase(job), rounds, current["phase"], str(current["updates"]), model, scored
