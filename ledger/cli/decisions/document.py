"""A proposal as JSON, and as names and values for people. Nothing here prints."""

from typing import TYPE_CHECKING, Any

import msgspec

from ledger.chain.advice import advice_on
from ledger.cli.decisions.describe import describe, signed_text, silent, tally_text, time_text, voters
from ledger.cli.decisions.model import read_reason
from ledger.events.actions import RevokeRelease
from ledger.events.ballots import Choice
from ledger.events.proposals import Proposal, ProposalState
from ledger.formats.text import command
from ledger.party.moments import Moments

if TYPE_CHECKING:
    from ledger.party.connection import Connection


def proposal_document(connection: "Connection", proposal: Proposal, now: int) -> dict[str, Any]:
    """A proposal as JSON has it, at `now` in seconds since 1970 by the chain's clock."""
    moments = Moments(connection, proposal.block, proposal.ended_in, *proposal.voted_in.values())
    counts = {choice.name.lower(): proposal.count(choice) for choice in Choice}
    return {
        "proposal": proposal.number,
        "id": proposal.id.hex(),
        "action": msgspec.to_builtins(proposal.action),
        "words": describe(connection, proposal.action),
        "state": proposal.state(now).value,
        "proposer": proposal.proposer,
        "nonce": proposal.nonce,
        **counts,
        "voted": len(proposal.votes),
        "needed": proposal.needed,
        "members": proposal.members,
        "passes": proposal.passes,
        "deadline": proposal.deadline,
        "executable_from": proposal.executable_from,
        "executable_until": proposal.executable_until,
        "votes": [
            {
                "member": index,
                "name": connection.name(index),
                "choice": choice.name.lower(),
                **moments.of(proposal.voted_in[index]),
            }
            for index, choice in sorted(proposal.votes.items())
        ],
        "tx": proposal.tx.hex(),
        **moments.of(proposal.block),
        "ended": moments.at(proposal.ended_in),
    }


def proposal_words(connection: "Connection", proposal: Proposal, now: int) -> dict[str, str]:
    """A proposal for people: what it wants, how it stands at `now`, and what can be done next."""
    state, action = proposal.state(now), proposal.action
    ends = f"; the vote ends {time_text(proposal.deadline)}" if state is ProposalState.VOTING else ""
    facts = {
        f"proposal {proposal.number}": describe(connection, action),
        "proposed by": f"{_owner(connection, proposal.proposer)}, {proposal.proposer}",
        "state": f"{state.value}{ends}",
        "votes": tally_text(proposal),
        **voters(connection, proposal),
        **(silent(connection, proposal) if state is ProposalState.VOTING else {}),
    }
    if state in (ProposalState.WAITING, ProposalState.EXECUTABLE):
        first, last = time_text(proposal.executable_from), time_text(proposal.executable_until)
        facts["carried out"] = f"from {first} until {last}"
    reason = read_reason(connection, bytes.fromhex(action.reason)) if isinstance(action, RevokeRelease) else ""
    if reason:
        facts["reason"] = reason
    if state is ProposalState.VOTING:
        facts["signed as"] = signed_text(proposal.proposer, proposal.nonce, action)
    facts["next"] = _next_step(proposal, state)
    return facts


def _next_step(proposal: Proposal, state: ProposalState) -> str:
    if state is not ProposalState.VOTING:
        return advice_on("Ballots_WrongState", {"state": state.value})
    if proposal.passes:
        return f"it passes; anyone may end the vote: {command('proposal', 'close', proposal.number)}"
    return f"{command('proposal', 'vote', proposal.number, 'for')}  (or against, or abstain)"


def _owner(connection: "Connection", key: str) -> str:
    """The name of the member that holds or held a key."""
    member = connection.history.member_of(key)
    return connection.name(member.index) if member else "somebody"
