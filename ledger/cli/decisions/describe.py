"""Proposals and releases in words, and as JSON: what commands about decisions share."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, assert_never

import click
import msgspec

from ledger.events import actions as a
from ledger.events.proposals import Proposal
from ledger.events.records import Choice, Role, Rules
from ledger.history.names import reason_text

if TYPE_CHECKING:
    from ledger.party.connection import Connection


def describe(connection: "Connection", action: a.Action) -> str:
    """What a proposal wants done, in one line; foreign text in it is not made safe for a terminal."""
    match action:
        case a.AdmitMember(key, roles):
            text = f"admit {key} as {roles_text(roles)}"
        case a.RemoveMember(index):
            text = f"remove {_member(connection, index)}"
        case a.ChangeRoles(index, roles):
            text = f"make {_member(connection, index)} {roles_text(roles)}"
        case a.ChangeRules(rules):
            text = f"change the rules: {rules_text(rules)}"
        case a.CloseJob(job):
            text = f"close job {job}"
        case a.ReleaseModel():
            text = f"release the model of job {action.job}, round {action.round} as {action.name} {action.version}"
        case a.RevokeRelease(release, reason):
            text = f"revoke {_release(connection, release)}{_because(reason)}"
        case a.RollBack(release):
            text = f"roll back to {_release(connection, release)}"
        case a.NameSuccessor(chain, ledger):
            text = f"go on with the ledger {ledger} on chain {chain}"
        case _:
            assert_never(action)
    return text


def roles_text(roles: int) -> str:
    """Roles by name."""
    return ", ".join(role.name.lower() for role in Role if role in Role(roles & 7) and role.name) or "nothing"


def rules_text(rules: Rules) -> str:
    """The rules of a vote in one line."""
    return (
        f"more than {rules.quorum / 100:g} % vote, more than {rules.majority / 100:g} % of them for it; "
        f"{rules.vote_seconds} s to vote, {rules.extension_seconds} s more where the quorum is late, "
        f"{rules.delay_seconds} s until it is carried out, {rules.execute_seconds} s to do so"
    )


def when(seconds: int) -> str:
    """A time of the chain, in UTC."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s after 1970"


def document(connection: "Connection", proposal: Proposal, now: int) -> dict[str, Any]:
    """A proposal as JSON has it."""
    counts = {choice.name.lower(): proposal.count(choice) for choice in Choice}
    return {
        "proposal": proposal.number,
        "id": proposal.id.hex(),
        "action": msgspec.to_builtins(proposal.action),
        "words": describe(connection, proposal.action),
        "state": proposal.state(now).value,
        "proposer": proposal.proposer,
        **counts,
        "voted": len(proposal.votes),
        "quorum": proposal.quorum,
        "members": proposal.members,
        "passes": proposal.passes,
        "certain": proposal.certain,
        "deadline": proposal.deadline,
        "executable_from": proposal.executable_from,
        "executable_until": proposal.executable_until,
        "votes": [
            {"member": index, "name": connection.name(index), "choice": choice.name.lower()}
            for index, choice in sorted(proposal.votes.items())
        ],
        "tx": proposal.tx.hex(),
    }


def tally(proposal: Proposal) -> str:
    """How a vote stands, in one line."""
    said = ", ".join(f"{proposal.count(choice)} {choice.name.lower()}" for choice in Choice)
    return f"{said}; {len(proposal.votes)} of {proposal.members} voted, {proposal.quorum} must"


def say(as_json: bool, message: str, **facts: object) -> None:
    """What a command did: words for people, facts for programs."""
    click.echo(json.dumps(facts) if as_json else message)


def rows(facts: dict[str, str]) -> None:
    """Names and values below each other."""
    from rich.console import Console
    from rich.table import Table

    from ledger.cli.screen import shown

    table = Table(box=None, show_header=False)
    for name, value in facts.items():
        table.add_row(f"[dim]{name}[/]", shown(value))
    Console(highlight=False, soft_wrap=True).print(table)


def _member(connection: "Connection", index: int) -> str:
    return f"member {index} ({connection.name(index)})"


def _release(connection: "Connection", release: str) -> str:
    found = connection.history.decisions.releases.get(bytes.fromhex(release))
    return f"{found.name} {found.version}" if found else f"release {release}"


def _because(reason: str) -> str:
    text = reason_text(bytes.fromhex(reason))
    if text is None:
        return f", for the reason with SHA-256 {reason}"
    return f": {text}" if text else ""
