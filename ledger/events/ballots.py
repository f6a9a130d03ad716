"""The events of the contract Ballots: proposals, the votes on them, and what became of both.

`proposal` is a proposal's name, 32 bytes (`ledger.events.proposals.proposal_id`). Members are named by their keys,
EIP-55 addresses. `deadline` is the last second of the vote, in seconds since 1970 by the chain's clock.
"""

from enum import IntEnum

import msgspec

from ledger.events.event import Event


class Choice(IntEnum):
    """What a member says to a proposal."""

    FOR = 1
    AGAINST = 2
    ABSTAIN = 3


class Refusal(IntEnum):
    """Why a vote does not count."""

    NONE = 0
    INVALID_CHOICE = 1
    NOT_MEMBER = 2
    NOT_IN_ELECTORATE = 3
    ALREADY_VOTED = 4
    SIGNATURE_EXPIRED = 5
    SIGNATURE_NOT_CANONICAL = 6
    WRONG_SIGNER = 7


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How members decide. More than `majority` of all members, in 1/10,000, must be for it; times in seconds."""

    majority: int
    vote_seconds: int
    delay_seconds: int
    execute_seconds: int


class BallotEvent(Event, frozen=True):
    """An event of Ballots; all of them are in `AnyBallotEvent`."""


class Proposed(BallotEvent, frozen=True, tag=True):
    """A member proposed something.

    `number` counts proposals from 1, `nonce` those of the proposer's key. `kind` and `action` are read by
    `ledger.events.actions.parse_action`. `epoch` is the membership's: members whose key is of a later one do not vote
    on this.
    """

    proposal: bytes
    number: int
    proposer: str
    nonce: int
    kind: int
    action: bytes
    epoch: int
    deadline: int


class Voted(BallotEvent, frozen=True, tag=True):
    """A member voted, itself or by a signature that was relayed."""

    proposal: bytes
    member: str
    choice: Choice


class VoteClosed(BallotEvent, frozen=True, tag=True):
    """The vote ended early, at `deadline`: the proposal passes."""

    proposal: bytes
    deadline: int


class Cancelled(BallotEvent, frozen=True, tag=True):
    """Its proposer withdrew a proposal on which nobody had voted."""

    proposal: bytes


class Executed(BallotEvent, frozen=True, tag=True):
    """A proposal was carried out; the event of what it did follows at once."""

    proposal: bytes


class RulesChanged(BallotEvent, frozen=True, tag=True):
    """The rules of the proposals that follow: those of the founding first, later ones by a vote."""

    rules: Rules


AnyBallotEvent = Proposed | Voted | VoteClosed | Cancelled | Executed | RulesChanged
