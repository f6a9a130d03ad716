"""Votes to sign, and signed votes as messages."""

from ledger.events.proposals import Proposal, ProposalState, vote_to_sign
from ledger.events.records import Choice, Refusal
from ledger.formats.digest import parse_address
from ledger.formats.typed import TypedData
from ledger.history.electorate import vote_refusal
from web.documents.refusals import AlreadyVoted, NotInElectorate
from web.documents.relay import ChoiceName, PostedBallot
from web.reading.ledger import NotFound
from web.relay.moment import Moment
from web.relay.queue import Message


def ballot_draft(moment: Moment, number: int, member: str, choice: ChoiceName) -> tuple[TypedData, int]:
    """What a member signs to vote, and the deadline of its signature. Raises what `ballot_message` raises."""
    index = moment.member_index(parse_address(member, "member"))
    proposal = moment.reading.proposal(number)
    _require_vote(moment, proposal, index)
    return _to_sign(moment, proposal, member, choice, proposal.deadline), proposal.deadline


def ballot_signed(moment: Moment, posted: PostedBallot) -> TypedData:
    """What was signed, made again from the proposal on the ledger. Raises NotFound where it is not there."""
    return _to_sign(moment, _proposal(moment, posted), posted.member, posted.choice, posted.deadline)


def ballot_message(moment: Moment, posted: PostedBallot, name: str) -> Message:
    """A vote that the contract would count.

    4. Its key speaks for a member: NotMember. 5. There is such a proposal: NotFound; 6. in Voting: WrongState. 7. The
    key was there when the proposal was made: NotInElectorate. 8. The member has not voted: AlreadyVoted. 9. The
    signature's deadline has not passed: SignatureExpired; 10. and is not absurdly far away: DeadlineTooFar.
    """
    index = moment.member_index(posted.member)
    proposal = _proposal(moment, posted)
    _require_vote(moment, proposal, index)
    moment.require_in_time(posted.deadline)
    return Message(
        id=name,
        kind="ballot",
        proposal=posted.proposal,
        number=proposal.number,
        index=index,
        member=posted.member,
        choice=int(Choice[posted.choice.upper()]),
        deadline=posted.deadline,
        signature=posted.signature,
        action_kind=proposal.kind,
    )


def _proposal(moment: Moment, posted: PostedBallot) -> Proposal:
    found = moment.reading.snapshot.decisions.proposals.get(bytes.fromhex(posted.proposal))
    if found is None:
        raise NotFound("there is no such proposal", advice="/proposals lists them all", proposal=posted.proposal)
    return found


def _require_vote(moment: Moment, proposal: Proposal, index: int) -> None:
    """Raises WrongState, NotInElectorate or AlreadyVoted if a member may not vote on a proposal now."""
    moment.require_state(proposal, ProposalState.VOTING)
    refusal = vote_refusal(proposal, moment.reading.snapshot.members[index])
    if refusal is Refusal.ALREADY_VOTED:
        choice = proposal.votes[index].name.lower()
        raise AlreadyVoted("the member has voted on the proposal", advice="a vote is final", choice=choice)
    if refusal is not Refusal.NONE:
        advice = "it votes on those that come later"
        raise NotInElectorate("the key came after the proposal", advice=advice, proposal=proposal.number)


def _to_sign(moment: Moment, proposal: Proposal, member: str, choice: ChoiceName, deadline: int) -> TypedData:
    return vote_to_sign(moment.chain, moment.contract, proposal, member, Choice[choice.upper()], deadline)
