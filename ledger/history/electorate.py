"""Whose vote on a proposal counts: that of members, with the keys that they had when it was made."""

from ledger.events.proposals import Proposal
from ledger.events.records import Refusal
from ledger.history.state import Member


def vote_refusal(proposal: Proposal, member: Member | None) -> Refusal:
    """Why the contract would not count a vote by a member's present key, Refusal.NONE if it would.

    Time plays no part: whether the vote is still open is the proposal's state.
    """
    if member is None or not member.active:
        return Refusal.NOT_MEMBER
    if member.since > proposal.epoch:
        return Refusal.NOT_IN_ELECTORATE
    return Refusal.ALREADY_VOTED if member.index in proposal.votes else Refusal.NONE
