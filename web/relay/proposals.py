"""Proposals to sign, and signed proposals as messages."""

from typing import NamedTuple

from ledger.events.actions import (
    Action,
    AdmitMember,
    ChangeRoles,
    CloseJob,
    ReleaseModel,
    RemoveMember,
    RevokeRelease,
    RewindJob,
    RollBack,
    encode_action,
)
from ledger.events.contents import proposal_id, proposal_to_sign
from ledger.events.proposals import ProposalState
from ledger.formats.digest import parse_address
from ledger.formats.typed import TypedData
from ledger.history.changes import require_change
from ledger.history.naming import require_new_name
from web.documents.refusals import RelayersAddress, TooManyProposals, WrongNonce
from web.documents.relay import PostedProposal
from web.reading.ledger import NotFound
from web.relay.moment import Moment
from web.relay.queue import Message

SECONDS = 3600
"""How long the signature of a proposal may be used."""
MOST = 16
"""So many in Voting are relayed for one member, or one member could spend all of the relayer's money."""


class UnsignedProposal(NamedTuple):
    """What a member signs to propose, under the name `proposal`; `encoded` is the action as the contract reads it."""

    parts: TypedData
    proposal: bytes
    nonce: int
    deadline: int
    kind: int
    encoded: bytes


def proposal_draft(moment: Moment, member: str, action: Action) -> UnsignedProposal:
    """An action as the member's next proposal, for it to sign.

    Raises NotMember, NotFound, RelayersAddress, NameTaken and ChangesNothing, and Malformed for what no contract can
    read, or no wallet show.
    """
    moment.member_index(parse_address(member, "member"))
    _require_possible(moment, action)
    nonce, deadline = moment.next_nonce(member), moment.now + SECONDS
    parts = proposal_to_sign(moment.chain, moment.contract, nonce, member, action, deadline)
    kind, encoded = encode_action(action)
    return UnsignedProposal(parts, proposal_id(member, nonce, kind, encoded), nonce, deadline, kind, encoded)


def proposal_signed(moment: Moment, posted: PostedProposal) -> TypedData:
    """What was signed, made again from the content. Raises Malformed for what no contract can read."""
    chain, contract = moment.chain, moment.contract
    return proposal_to_sign(chain, contract, posted.nonce, posted.member, posted.action, posted.deadline)


def proposal_message(moment: Moment, posted: PostedProposal, name: str) -> Message:
    """A proposal that the contract would take.

    4. Its key speaks for a member: NotMember. 5. What it names is there: NotFound; 6. and is not the relayer's key:
    RelayersAddress; a newcomer's name is nobody else's: NameTaken; something would change: ChangesNothing. 7. Its nonce
    is its key's next: WrongNonce. 8. The signature's deadline has not passed: SignatureExpired; 9. and is not absurdly
    far away: DeadlineTooFar. 10. The member has few others in Voting: TooManyProposals.
    """
    index, action = moment.member_index(posted.member), posted.action
    _require_possible(moment, action)
    expected = moment.next_nonce(posted.member)
    if posted.nonce != expected:
        raise WrongNonce(
            "the member's next proposal has another nonce",
            advice="request the typed data again, and sign that",
            expected=expected,
            actual=posted.nonce,
        )
    moment.require_in_time(posted.deadline)
    _require_few(moment, index)
    kind, encoded = encode_action(action)
    return Message(
        id=name,
        kind="proposal",
        proposal=proposal_id(posted.member, posted.nonce, kind, encoded).hex(),
        index=index,
        member=posted.member,
        nonce=posted.nonce,
        deadline=posted.deadline,
        signature=posted.signature,
        action_kind=kind,
        action=encoded.hex(),
    )


def _require_possible(moment: Moment, action: Action) -> None:
    """Raises NotFound if something that the action names is not there, RelayersAddress, NameTaken, Malformed, and
    ChangesNothing if it is there already."""
    reading = moment.reading
    match action:
        case AdmitMember(key=key) if key == moment.relayer:
            advice = "a member makes a key of its own"
            raise RelayersAddress("the relayer's key must never have any rights", advice=advice)
        case AdmitMember(name=name):
            require_new_name(name, reading.snapshot.members.values())
        case RemoveMember(index=index) | ChangeRoles(index=index):
            member = reading.snapshot.members.get(index)
            if member is None or not member.active:
                raise NotFound(f"there is no member {index}", advice="/members lists them all")
        case CloseJob(job=job) | RewindJob(job=job):
            reading.job(job)
        case ReleaseModel(job=job, round=number, root=root):
            final = reading.round(job, number).final
            if final is None or final.root.hex() != root:
                advice = f"/jobs/{job}/models lists the models of the job"
                raise NotFound("the round has not finalised this model", advice=advice)
        case RevokeRelease(name=name, version=version) | RollBack(name=name, version=version):
            if reading.snapshot.decisions.release(name, version) is None:
                raise NotFound("there is no such release", advice="/releases lists them all")
    require_change(reading.snapshot, action)


def _require_few(moment: Moment, index: int) -> None:
    """Raises TooManyProposals if the member has as many in Voting as are relayed for one."""
    snapshot = moment.reading.snapshot
    voting = [p for p in snapshot.decisions.proposals.values() if p.state(moment.now) is ProposalState.VOTING]
    if sum(snapshot.owners[proposal.proposer] == index for proposal in voting) >= MOST:
        raise TooManyProposals(
            "the member has as many proposals in Voting as are relayed for one",
            advice="wait until some have ended, or propose directly: fedledger proposal",
            most=MOST,
        )
