"""Proposals: how one stands, what it is called, and what a member signs (docs/spec/ballot.md)."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from ledger.events.actions import Action, ReleaseModel
from ledger.events.ballots import Choice, Rules
from ledger.events.contents import place_of, shown, vote_types
from ledger.events.encoding import name_word
from ledger.formats.digest import NOTHING, keccak
from ledger.formats.typed import TypedData, domain

WHOLE = 10_000


def votes_needed(members: int, majority: int) -> int:
    """How many of `members` must be for a proposal: more than `majority` of them, in 1/10,000."""
    return members * majority // WHOLE + 1


def release_id(name: str, version: str) -> bytes:
    """The name of a release's record: keccak256(abi.encode(name, version))."""
    return keccak(name_word(name) + name_word(version))


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


class VotedProposal(Protocol):
    """What a wallet shows of a proposal is made of this."""

    @property
    def proposer(self) -> str: ...
    @property
    def nonce(self) -> int: ...
    @property
    def kind(self) -> int: ...
    @property
    def action(self) -> Action: ...


def vote_to_sign(
    chain: int, contract: str, proposal: VotedProposal, member: str, choice: Choice, deadline: int
) -> TypedData:
    """What a member signs to vote; `contract` is Ballots' address. Raises Malformed where no wallet could show it."""
    content = shown(proposal.proposer, proposal.nonce, proposal.action)
    message = {
        "choice": choice.name.title(),
        place_of(proposal.kind): content,
        "member": member,
        "deadline": deadline,
    }
    return domain(chain, contract), vote_types(proposal.kind), message


@dataclass(slots=True)
class Release:
    """A released model. Its record never changes; `revoked` says whether members forbade its use, `convicted` whether
    its model is one that the court convicted, or stands on one: nobody undoes either.

    `block` is that of its record, `revoked_in` that of its revocation, 0 before one, `convicted_in` likewise.
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
    convicted: bool = False
    convicted_in: int = 0

    @property
    def usable(self) -> bool:
        """Whether anybody may use it."""
        return not self.revoked and not self.convicted

    @property
    def action(self) -> ReleaseModel:
        """What the members decided: this release."""
        digests = (digest.hex() for digest in (self.root, self.scores, self.report))
        return ReleaseModel(self.name, self.version, self.job, self.round, *digests)
