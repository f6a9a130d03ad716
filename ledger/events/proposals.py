"""Proposals: how one stands, what it is called, and what a member signs (docs/spec/ballot.md)."""

from dataclasses import dataclass, field
from enum import Enum

from ledger.events.actions import (
    WORD,
    Action,
    ReleaseModel,
    address_word,
    encode_action,
    kind_name,
    name_word,
    number_word,
)
from ledger.events.ballots import Choice, Rules
from ledger.formats.digest import NOTHING, keccak
from ledger.formats.typed import TypedData, domain

WHOLE = 10_000
BALLOT_TYPES = {
    "Ballot": [
        {"name": "proposal", "type": "bytes32"},
        {"name": "member", "type": "address"},
        {"name": "choice", "type": "string"},
        {"name": "deadline", "type": "uint64"},
    ]
}
PROPOSAL_TYPES = {
    "Proposal": [
        {"name": "nonce", "type": "uint32"},
        {"name": "member", "type": "address"},
        {"name": "kind", "type": "string"},
        {"name": "action", "type": "bytes"},
        {"name": "deadline", "type": "uint64"},
    ]
}


def proposal_id(proposer: str, nonce: int, kind: int, action: bytes) -> bytes:
    """The name of a proposal: keccak256(abi.encode(proposer, nonce, kind, action))."""
    padded = action.ljust(-(-len(action) // WORD) * WORD, b"\x00")
    fixed = address_word(proposer) + number_word(nonce) + number_word(kind) + number_word(4 * WORD)
    return keccak(fixed + number_word(len(action)) + padded)


def votes_needed(members: int, majority: int) -> int:
    """How many of `members` must be for a proposal: more than `majority` of them, in 1/10,000."""
    return members * majority // WHOLE + 1


def release_id(name: str, version: str) -> bytes:
    """The name of a release's record: keccak256(abi.encode(name, version))."""
    return keccak(name_word(name) + name_word(version))


def ballot_to_sign(chain: int, contract: str, proposal: bytes, member: str, choice: Choice, deadline: int) -> TypedData:
    """What a member signs to vote; `contract` is Ballots' address."""
    message = {"proposal": proposal, "member": member, "choice": choice.name.title(), "deadline": deadline}
    return domain(chain, contract), BALLOT_TYPES, message


def proposal_to_sign(chain: int, contract: str, nonce: int, member: str, action: Action, deadline: int) -> TypedData:
    """What a member signs to propose; `contract` is Ballots' address, `nonce` the next of the member's key.

    Raises Malformed for an action that the contract could not read.
    """
    kind, encoded = encode_action(action)
    message = {"nonce": nonce, "member": member, "kind": kind_name(kind), "action": encoded, "deadline": deadline}
    return domain(chain, contract), PROPOSAL_TYPES, message


class ProposalState(Enum):
    """Where a proposal is, as the contract says it; the index is the contract's number."""

    NONE = "None"
    VOTING = "Voting"
    REJECTED = "Rejected"
    WAITING = "Waiting"
    EXECUTABLE = "Executable"
    EXECUTED = "Executed"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"


@dataclass(slots=True)
class Proposal:
    """A proposal and the votes on it, by member index; `rules` and `members` are those of its making.

    `ended` says how it ended, where a transaction ended it; time ends the others (`state`). `block` is that of its
    making, `voted_in` are those of the votes, by member index, `ended_in` is that of the transaction that ended it.
    """

    id: bytes
    number: int
    proposer: str
    nonce: int
    kind: int
    encoded: bytes
    action: Action
    epoch: int
    members: int
    rules: Rules
    deadline: int
    tx: bytes
    votes: dict[int, Choice] = field(default_factory=dict)
    ended: ProposalState | None = None
    block: int = 0
    voted_in: dict[int, int] = field(default_factory=dict)
    ended_in: int = 0

    @property
    def needed(self) -> int:
        """How many members must be for it."""
        return votes_needed(self.members, self.rules.majority)

    def count(self, choice: Choice) -> int:
        """How many members said that."""
        return sum(said is choice for said in self.votes.values())

    @property
    def passes(self) -> bool:
        """Whether it passes, whatever else is said until the vote ends: votes for it are all that counts."""
        return self.count(Choice.FOR) >= self.needed

    @property
    def executable_from(self) -> int:
        return self.deadline + self.rules.delay_seconds + 1

    @property
    def executable_until(self) -> int:
        return self.deadline + self.rules.delay_seconds + self.rules.execute_seconds

    def state(self, now: int) -> ProposalState:
        """Where it is at `now`, in seconds since 1970 by the chain's clock."""
        if self.ended is not None:
            return self.ended
        if now <= self.deadline:
            return ProposalState.VOTING
        if not self.passes:
            return ProposalState.REJECTED
        if now < self.executable_from:
            return ProposalState.WAITING
        return ProposalState.EXECUTABLE if now <= self.executable_until else ProposalState.EXPIRED


@dataclass(slots=True)
class Release:
    """A released model. Its record never changes; `revoked` says whether members forbade its use.

    `block` is that of its record, `revoked_in` that of its revocation, 0 before one.
    """

    id: bytes
    name: str
    version: str
    job: int
    round: int
    root: bytes
    scores: bytes
    report: bytes
    tx: bytes
    revoked: bool = False
    reason: bytes = NOTHING
    block: int = 0
    revoked_in: int = 0

    @property
    def action(self) -> ReleaseModel:
        """What the members decided: this release."""
        digests = (digest.hex() for digest in (self.root, self.scores, self.report))
        return ReleaseModel(self.name, self.version, self.job, self.round, *digests)
