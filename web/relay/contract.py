"""A message and the contract: the call that it makes, whether it took effect, and whether it still may."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ledger.errors import Rejected
from ledger.events.proposals import ProposalState
from ledger.events.records import Event, Executed, Proposed, Refusal, VoteClosed, Voted
from web.documents.signatures import parse_signature
from web.relay.queue import Message

if TYPE_CHECKING:
    from ledger.chain.client import Client

PASSED = (ProposalState.WAITING, ProposalState.EXECUTABLE, ProposalState.EXECUTED)
Call = tuple[Any, ...]
_EFFECTS: dict[str, type[Event]] = {"ballot": Voted, "proposal": Proposed, "close": VoteClosed, "execute": Executed}


def call_of(messages: Sequence[Message]) -> Call:
    """The function of `Ballots` and its arguments, for one message or several votes on one proposal."""
    message = messages[0]
    proposal, action = bytes.fromhex(message.proposal), bytes.fromhex(message.action)
    if len(messages) > 1:
        return "voteBatch", proposal, message.action_kind, [_vote(vote) for vote in messages]
    if message.kind == "ballot":
        return "voteBySignature", proposal, message.action_kind, _vote(message)
    if message.kind == "close":
        return "close", proposal
    if message.kind == "execute":
        return "execute", message.member, message.nonce, message.action_kind, action
    signed = (message.nonce, message.member, message.deadline, *parse_signature(message.signature))
    return "proposeBySignature", message.action_kind, action, signed


def _vote(message: Message) -> Call:
    return message.member, message.choice, message.deadline, *parse_signature(message.signature)


def took_effect(client: "Client", message: Message) -> bool:
    """Whether what the message is for is on the ledger, by this transaction or another."""
    if message.kind == "ballot":
        return bool(_votes(client, message)[message.choice - 1] >> message.index & 1)
    try:
        proposer, *_, state = client.view("ballots", "proposalOf", bytes.fromhex(message.proposal))[0]
    except Rejected:
        return False
    if message.kind == "proposal":
        return bool(proposer == message.member)
    expected = PASSED if message.kind == "close" else (ProposalState.EXECUTED,)
    return list(ProposalState)[state] in expected


def may_still(client: "Client", message: Message, error: Rejected) -> bool:
    """Whether a message that the contract refuses now may take effect later."""
    name, facts = error.facts.get("error"), error.facts
    if name is None and "tx" in facts:  # its transaction fell out of the chain
        return True
    if name == "Ballots_UnknownProposal":  # a reorganisation took it away, and it may come back
        return client.time() <= message.deadline
    if facts.get("reason") == Refusal.ALREADY_VOTED.name:  # in a block that is still to come
        return not any(bits >> message.index & 1 for bits in _votes(client, message))
    early = (ProposalState.VOTING.value, ProposalState.WAITING.value)
    return message.kind == "execute" and name == "Ballots_WrongState" and facts.get("state") in early


def effect_event(client: "Client", message: Message, first: int) -> Event | None:
    """The event by which a message took effect, if that was in block `first` or later."""
    proposal = bytes.fromhex(message.proposal)
    for event in events(client, first, client.latest().number):
        mine = message.kind != "ballot" or getattr(event, "member", "") == message.member
        if mine and type(event) is _EFFECTS[message.kind] and getattr(event, "proposal", b"") == proposal:
            return event
    return None


def events(client: "Client", first: int, last: int) -> Iterable[Event]:
    """The ledger's events in these blocks."""
    for logs in client.read(first, last):
        yield from logs.events


def _votes(client: "Client", message: Message) -> list[int]:
    """The bitmaps of the members who voted for, against, and abstained."""
    return client.view("ballots", "bitmapsOf", bytes.fromhex(message.proposal))
