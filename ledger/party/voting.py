"""What a member does about proposals, over its connection and its key: propose, vote, sign, relay, close, execute.

The contract decides whether something is allowed; here is only how it is asked.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ledger.chain.advice import advice_on
from ledger.chain.build import committed
from ledger.chain.codec import decoder
from ledger.chain.reverts import MESSAGES
from ledger.chain.simulation import replay
from ledger.errors import Malformed, Rejected, Unavailable, UsageError
from ledger.events.actions import Action, encode_action
from ledger.events.ballots import Choice, Refusal, Voted
from ledger.events.contents import proposal_id, proposal_to_sign
from ledger.events.proposals import Proposal, ProposalState, vote_to_sign
from ledger.events.signed import WORDS, SignedBallot, SignedProposal
from ledger.history.electorate import vote_refusal
from ledger.party.connection import Connection

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.chain.transactions import Receipt
    from ledger.keys import Signer


def proposal(connection: Connection, number: int) -> Proposal:
    """Proposal `number`, as last read. Raises UsageError where there is none."""
    decisions = connection.history.decisions
    found = decisions.proposal(number)
    if found is None:
        made = len(decisions.proposals)
        raise UsageError(f"there is no proposal {number}", advice="fedledger proposal list", proposals=made)
    return found


def propose(connection: Connection, sender: "Sender", action: Action) -> Proposal:
    """Propose an action. Raises Malformed for one that the contract could not read, Rejected where it refuses."""
    return _made_by(connection, sender.send("ballots", action.call, *_arguments(action)))


def _made_by(connection: Connection, receipt: "Receipt") -> Proposal:
    made = connection.refresh().decisions.proposals.values()
    return next(one for one in reversed(made) if one.tx == receipt.tx)


def _arguments(action: Action) -> list[Any]:
    """What the proposing call takes: the very words that encode the action."""
    _, encoded = encode_action(action)
    entry = next(entry for entry in committed("ballots").abi if entry.get("name") == action.call)
    try:
        return decoder(entry["inputs"])(encoded)
    except ValueError as error:
        raise Malformed(f"the contract cannot read this action: {error}") from error


def vote(connection: Connection, sender: "Sender", found: Proposal, choice: Choice) -> "Receipt":
    """Vote as the sender's member."""
    receipt = sender.send("ballots", "vote", found.id, int(choice))
    connection.refresh()
    return receipt


def sign(connection: Connection, signer: "Signer", found: Proposal, choice: Choice, deadline: int) -> SignedBallot:
    """A vote as its member signs it; it is sent nowhere. `deadline` is the last second at which it counts."""
    chain, contract = connection.network.chain.id, connection.network.contracts.ballots.address
    parts = vote_to_sign(chain, contract, found, signer.address, choice, deadline)
    return SignedBallot(
        fedledger="signed/1",
        chain=chain,
        contract=contract,
        proposal=found.id.hex(),
        member=signer.address,
        choice=WORDS[choice],
        deadline=deadline,
        signature="0x" + signer.sign_typed_data(*parts).hex(),
    )


def sign_proposal(connection: Connection, signer: "Signer", action: Action, deadline: int) -> SignedProposal:
    """A proposal as its member signs it, with the next nonce of its key; it is sent nowhere. Once the key proposes
    something else, it is worth nothing. Raises Malformed as `propose`, Rejected for a key that may not propose."""
    encode_action(action)
    members = connection.history.members.values()
    if all(member.key != signer.address for member in members):
        raise _rejected("Consortium_NotMember", MESSAGES["Consortium_NotMember"], key=signer.address)
    chain, contract = connection.network.chain.id, connection.network.contracts.ballots.address
    nonce = connection.history.decisions.next_nonce(signer.address)
    parts = proposal_to_sign(chain, contract, nonce, signer.address, action, deadline)
    return SignedProposal(
        fedledger="signed/1",
        chain=chain,
        contract=contract,
        nonce=nonce,
        member=signer.address,
        action=action,
        deadline=deadline,
        signature="0x" + signer.sign_typed_data(*parts).hex(),
    )


def require_open(connection: Connection, found: Proposal, address: str) -> None:
    """Raises Rejected where the contract would not count a vote that this key signs, as far as is known now."""
    state = found.state(connection.client.time())
    if state is not ProposalState.VOTING:
        raise _rejected("Ballots_WrongState", f"proposal {found.number} is not open to votes", state=state.value)
    members = connection.history.members.values()
    member = next((member for member in members if member.key == address), None)
    reason = vote_refusal(found, member)
    if reason is not Refusal.NONE:
        raise _rejected("Ballots_VoteRefused", "this vote would not count", reason=reason.name, member=address)


def _rejected(error: str, message: str, **facts: object) -> Rejected:
    """What the contract would say, before it is asked."""
    return Rejected(message, advice=advice_on(error, facts), **facts)


def require_place(connection: Connection, signed: SignedBallot | SignedProposal) -> None:
    """Raises UsageError where something was signed for another consortium."""
    contracts = connection.network.contracts
    expected = {"chain": connection.network.chain.id, "contract": contracts.ballots.address}
    for field, value in expected.items():
        if getattr(signed, field) != value:
            raise UsageError(
                f"this was signed for another {field}",
                advice="pass the network file of the consortium that it was signed for",
                expected=value,
                actual=getattr(signed, field),
            )


def require_here(connection: Connection, ballot: SignedBallot) -> Proposal:
    """The proposal that a signed vote is for. Raises UsageError where it is not one of this consortium's."""
    require_place(connection, ballot)
    found = connection.history.decisions.proposals.get(bytes.fromhex(ballot.proposal))
    if found is None:
        raise UsageError(
            "this vote is for a proposal that was never made here",
            advice="fedledger proposal list",
            proposal=ballot.proposal,
        )
    return found


def relay(connection: Connection, sender: "Sender", ballots: Sequence[SignedBallot]) -> list[Refusal]:
    """Send votes that members signed for one proposal; for each, why it does not count, or Refusal.NONE.

    One alone is refused with Rejected; of several, those that do not count are skipped.
    """
    found = require_here(connection, ballots[0])
    if len(ballots) == 1:
        sender.send("ballots", "voteBySignature", found.id, found.kind, ballots[0].arguments)
        connection.refresh()
        return [Refusal.NONE]
    receipt = sender.send("ballots", "voteBatch", found.id, found.kind, [ballot.arguments for ballot in ballots])
    connection.refresh()
    return _outcomes(connection, receipt, found, ballots)


def relay_proposal(connection: Connection, sender: "Sender", signed: SignedProposal) -> Proposal:
    """Make the proposal that a member signed. Raises Rejected where it was made before, or is refused."""
    require_place(connection, signed)
    kind, encoded = encode_action(signed.action)
    before = connection.history.decisions.proposals.get(proposal_id(signed.member, signed.nonce, kind, encoded))
    if before is not None:
        advice = f"fedledger proposal show {before.number}"
        raise Rejected("this was proposed already", advice=advice, proposal=before.number)
    return _made_by(connection, sender.send("ballots", "proposeBySignature", kind, encoded, signed.arguments))


def _outcomes(
    connection: Connection, receipt: "Receipt", found: Proposal, ballots: Sequence[SignedBallot]
) -> list[Refusal]:
    """What became of each vote of a batch: those that count left an event, the contract is asked about the others."""
    events = [event for logs in connection.client.read(receipt.block, receipt.block) for event in logs.events]
    counted = {
        (event.member, WORDS[event.choice]) for event in events if event.tx == receipt.tx and isinstance(event, Voted)
    }
    outcomes = []
    for ballot in ballots:
        said = (ballot.member, ballot.choice)
        outcomes.append(Refusal.NONE if said in counted else _refusal(connection, receipt, found, ballot))
        counted.discard(said)
    return outcomes


def _refusal(connection: Connection, receipt: "Receipt", found: Proposal, ballot: SignedBallot) -> Refusal:
    """Why the contract did not count a vote of a batch. Raises Unavailable where the node cannot tell."""
    from ledger.chain.calldata import call_data

    client = connection.client
    data = call_data("ballots", "voteBySignature", found.id, found.kind, ballot.arguments)
    reason = replay(client.rpc, {"to": client.addresses["ballots"], "data": data}, hex(receipt.block))
    name = reason.facts.get("reason") if reason else None
    if not isinstance(name, str):
        raise Unavailable(
            "a vote of this batch does not count, and the node does not say why",
            advice=f"fedledger proposal show {found.number}",
            member=ballot.member,
            tx=receipt.tx.hex(),
        )
    return Refusal[name]


def close(connection: Connection, sender: "Sender", found: Proposal) -> "Receipt":
    """End the vote on what passes. Raises Rejected where it does not yet, as far as is known here."""
    _require_state(connection, found, ProposalState.VOTING)
    if not found.passes:
        raise _rejected(
            "Ballots_NotDecided",
            f"too few are for proposal {found.number} yet",
            expected=f"{found.needed} of {found.members} members",
            actual=found.count(Choice.FOR),
        )
    receipt = sender.send("ballots", "close", found.id)
    connection.refresh()
    return receipt


def cancel(connection: Connection, sender: "Sender", found: Proposal) -> "Receipt":
    """Withdraw the sender's own proposal, on which nobody voted."""
    receipt = sender.send("ballots", "cancel", found.id)
    connection.refresh()
    return receipt


def execute(connection: Connection, sender: "Sender", found: Proposal) -> "Receipt":
    """Carry out what passed. Raises Rejected where it may not be yet, or not any more, as far as is known here."""
    _require_state(connection, found, ProposalState.EXECUTABLE)
    receipt = sender.send("ballots", "execute", found.proposer, found.nonce, found.kind, found.encoded)
    connection.refresh()
    return receipt


def _require_state(connection: Connection, found: Proposal, wanted: ProposalState) -> None:
    state = found.state(connection.client.time())
    if state is not wanted:
        message = f"proposal {found.number} is in another state"
        raise _rejected("Ballots_WrongState", message, expected=wanted.value, state=state.value)
