"""Actions, rules, times and tallies in words: what commands about decisions share. Nothing here prints."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from ledger.errors import Malformed
from ledger.events import actions as a
from ledger.events.ballots import Choice, Rules
from ledger.events.contents import place_of, shown
from ledger.events.encoding import reason_text, roles_text
from ledger.events.proposals import Proposal
from ledger.events.records import Refusal
from ledger.formats.text import listed, quoted
from ledger.history.electorate import vote_refusal
from ledger.history.naming import confusion

if TYPE_CHECKING:
    from ledger.party.connection import Connection


def describe(connection: "Connection", action: a.Action) -> str:
    """What a proposal wants done, in one line; foreign text in it is not made safe for a terminal."""
    match action:
        case a.AdmitMember(key, roles, name):
            text = f"admit {key} as {roles_text(roles)}, named {quoted(name)}{_doubt(connection, key, name)}"
        case a.RemoveMember(index):
            text = f"remove {_member(connection, index)}"
        case a.ChangeRoles(index, roles):
            text = f"make {_member(connection, index)} {roles_text(roles)}"
        case a.ChangeRules(rules):
            text = f"change the rules: {rules_text(rules)}"
        case a.CloseJob(job):
            text = f"close job {job}"
        case a.RewindJob(job, number):
            text = f"rewind job {job} to the last model before that of round {number}, which the court convicted"
        case a.ReleaseModel():
            text = f"release the model of job {action.job}, round {action.round} as {action.name} {action.version}"
        case a.RevokeRelease(name, version, reason):
            text = f"revoke {name} {version}{_because(reason)}"
        case a.RollBack(name, version):
            text = f"roll back to {name} {version}"
        case a.NameSuccessor(chain, ledger):
            text = f"go on with the ledger {ledger} on chain {chain}"
        case _:
            assert_never(action)
    return text


def signed_text(proposer: str, nonce: int, action: a.Action) -> str:
    """What is signed of a proposal, field by field, as wallets show it; foreign text in it is not made safe."""
    try:
        fields = shown(proposer, nonce, action)
    except Malformed as error:
        return error.message
    return f"{place_of(a.kind_of(type(action)))}: {', '.join(f'{name} {value}' for name, value in fields.items())}"


def rules_text(rules: Rules) -> str:
    """The rules of a vote in one line."""
    return (
        f"more than {rules.majority / 100:g} % of all members for it; {rules.vote_seconds} s to vote, "
        f"{rules.delay_seconds} s until it is carried out, {rules.execute_seconds} s to do so"
    )


def time_text(seconds: int) -> str:
    """A time of the chain, in seconds since 1970, as date and time in UTC."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s after 1970"


def tally_text(proposal: Proposal) -> str:
    """How a vote stands, in one line."""
    counts = ", ".join(f"{proposal.count(choice)} {choice.name.lower()}" for choice in Choice)
    return f"{counts}; {len(proposal.votes)} of {proposal.members} voted, {proposal.needed} must be for it"


def voters(connection: "Connection", proposal: Proposal) -> dict[str, str]:
    """The names of the members that voted, for each choice that one made."""
    names: dict[str, str] = {}
    for choice in Choice:
        found = [connection.name(index) for index, vote in sorted(proposal.votes.items()) if vote is choice]
        if found:
            names[choice.name.lower()] = listed(found)
    return names


def silent(connection: "Connection", proposal: Proposal) -> dict[str, str]:
    """The names of the members that may vote and have not."""
    members = connection.history.members.values()
    found = [connection.name(one.index) for one in members if vote_refusal(proposal, one) is Refusal.NONE]
    return {"not voted": listed(found)} if found else {}


def _doubt(connection: "Connection", key: str, name: str) -> str:
    """What to know of a newcomer's name before voting."""
    others = [member for member in connection.history.members.values() if key not in member.keys]
    why = confusion(name, others)
    return f"; mind that the name {why}" if why else ""


def _member(connection: "Connection", index: int) -> str:
    return f"member {index} ({quoted(connection.name(index))})"


def _because(reason: str) -> str:
    text = reason_text(bytes.fromhex(reason))
    if text is None:
        return f", for the reason with SHA-256 {reason}"
    return f": {text}" if text else ""
