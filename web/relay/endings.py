"""Votes to be closed and proposals to be executed, as messages. Nobody signs them: anyone may send them."""

from typing import Literal

from ledger.events.proposals import Proposal, ProposalState
from ledger.formats.digest import keccak
from web.documents.refusals import NotDecided
from web.documents.relay import CloseVote, Execute
from web.relay.moment import Moment
from web.relay.queue import Message


def ending_name(moment: Moment, posted: CloseVote | Execute) -> str:
    """The name of a message that is not signed. Raises NotFound if there is no such proposal."""
    proposal = moment.reading.proposal(posted.number)
    return keccak(f"{_kind(posted)} {moment.chain} {moment.contract} {proposal.id.hex()}".encode()).hex()


def ending_message(moment: Moment, posted: CloseVote | Execute, name: str) -> Message:
    """A closing or an execution that the contract would take, now or later. Raises WrongState, NotDecided."""
    proposal = moment.reading.proposal(posted.number)
    if isinstance(posted, CloseVote):
        _require_closable(moment, proposal)
    else:
        _require_executable(moment, proposal)
    return Message(
        id=name,
        kind=_kind(posted),
        proposal=proposal.id.hex(),
        number=proposal.number,
        index=-1,
        member=proposal.proposer,
        nonce=proposal.nonce,
        deadline=proposal.executable_until,
        action_kind=int(proposal.kind),
        action=proposal.encoded.hex(),
    )


def _require_closable(moment: Moment, proposal: Proposal) -> None:
    """In Voting: WrongState; and enough votes for it: NotDecided."""
    moment.require_state(proposal, ProposalState.VOTING)
    if not proposal.passes:
        advice = "wait for more votes, or the deadline"
        raise NotDecided("too few members are for it yet", advice=advice, needed=proposal.needed)


def _require_executable(moment: Moment, proposal: Proposal) -> None:
    """Passed or sure to, neither executed nor expired: WrongState. Until its time the message waits."""
    early = (ProposalState.VOTING,) if proposal.passes else ()
    moment.require_state(proposal, ProposalState.WAITING, ProposalState.EXECUTABLE, *early)


def _kind(posted: CloseVote | Execute) -> Literal["close", "execute"]:
    return "close" if isinstance(posted, CloseVote) else "execute"
