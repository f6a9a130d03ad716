"""`release list` and `show`: what was released, what it is, and the vote that decided it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option, network_option, rpc_option, wide_option
from ledger.cli.releases.title import release_argument
from ledger.cli.screen import print_json, shown
from ledger.cli.tables import print_facts, print_table
from ledger.config import Home
from ledger.formats.text import command

if TYPE_CHECKING:
    from ledger.events.proposals import Release
    from ledger.history.decisions import Decisions
    from ledger.party.connection import Connection


@click.command("list")
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def list_(network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """List all releases.

    \b
    Example:  fedledger release list
    """
    from ledger.cli.connect import look

    with look(network_file, home, rpc) as connection:
        decisions = connection.refresh().decisions
        documents = [_document(connection, release) for release in decisions.releases.values()]
    if as_json:
        print_json(documents)
    elif not documents:
        click.echo("nothing is released yet")
    else:
        _print_releases(documents)


def _print_releases(documents: list[dict[str, Any]]) -> None:
    rows = [
        (
            shown(f"{one['name']}@{one['version']}"),
            one["state"],
            str(one["job"]),
            str(one["round"]),
            one["root"],
            "yes" if one["report"] else "-",
        )
        for one in documents
    ]
    print_table(("release", "state", "job", "round", "model", "report"), rows, short=(4,))


@click.command(short_help="Show a release: model, evaluation, votes.")
@release_argument()
@network_option
@rpc_option
@home_option
@wide_option
@json_option
def show(release: str, network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Show NAME@VERSION (or NAME VERSION), or the current one of NAME: record, model, evaluation, votes.

    \b
    Example:  fedledger release show cardio
    """
    from ledger.cli.connect import look
    from ledger.cli.decisions.document import proposal_document
    from ledger.cli.decisions.model import read_model
    from ledger.cli.decisions.view import print_model
    from ledger.history.names import find, proposal_for

    with look(network_file, home, rpc) as connection:
        decisions = connection.refresh().decisions
        found = find(decisions, release)
        model = read_model(connection, found.action)
        if not as_json:
            print_facts(_words(connection, found))
            print_model(model)
            return
        proposal = proposal_for(decisions, found)
        vote = {"proposal": proposal_document(connection, proposal, 0) if proposal else None}
        print_json(_document(connection, found) | model.document() | vote)


def _words(connection: "Connection", found: "Release") -> dict[str, str]:
    """A release for people: its state, the vote on it, and how it is fetched."""
    from ledger.cli.decisions.describe import tally_text, voters
    from ledger.cli.decisions.model import read_reason
    from ledger.history.names import proposal_for

    decisions = connection.history.decisions
    facts = {f"{found.name} {found.version}": _state(decisions, found)}
    if found.convicted:
        facts["convicted"] = f"the model of round {found.round} of job {found.job}, or one that it stands on"
    if found.revoked:
        facts["reason"] = read_reason(connection, found.reason) or "none was given"
    proposal = proposal_for(decisions, found)
    if proposal is not None:
        facts |= {f"proposal {proposal.number}": tally_text(proposal), **voters(connection, proposal)}
    facts["record"] = f"{found.id.hex()}, transaction {found.tx.hex()}"
    if found.usable:
        facts["fetch it"] = command("release", "fetch", f"{found.name}@{found.version}")
    return facts


def _state(decisions: "Decisions", release: "Release") -> str:
    if release.revoked:
        return "revoked"
    if release.convicted:
        return "convicted"
    return "current" if decisions.current.get(release.name) is release else "released"


def _document(connection: "Connection", release: "Release") -> dict[str, Any]:
    """A release as JSON has it."""
    from ledger.events.encoding import reason_text
    from ledger.party.moments import Moments

    moments = Moments(connection, release.block, release.revoked_in)
    digests = {"scores": release.scores, "report": release.report}
    return {
        "release": release.id.hex(),
        "name": release.name,
        "version": release.version,
        "state": _state(connection.history.decisions, release),
        "job": release.job,
        "round": release.round,
        "root": release.root.hex(),
        **{name: digest.hex() if any(digest) else None for name, digest in digests.items()},
        "revoked": release.revoked,
        "convicted": release.convicted,
        "reason": (reason_text(release.reason) or release.reason.hex()) if release.revoked else None,
        "tx": release.tx.hex(),
        **moments.of(release.block),
        "revoked_at": moments.at(release.revoked_in),
    }
