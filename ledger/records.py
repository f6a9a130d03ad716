"""What the contracts record, as frozen values: the events of the ledger.

Names and fields are those of contracts/interfaces/*.sol, in snake case. Keys are EIP-55 addresses; roots, CIDs'
digests and claims are 32 bytes.
"""

from enum import IntEnum, IntFlag

import msgspec


class Role(IntFlag):
    """What a member does, besides attesting and voting."""

    PARTICIPANT = 1
    AGGREGATOR = 2
    SCORER = 4


class Reason(IntEnum):
    """Why a round was abandoned."""

    NONE = 0
    TOO_FEW_UPDATES = 1
    NO_AGGREGATE = 2
    NO_QUORUM = 3


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the contract itself enforces of a job. Times in seconds."""

    rounds: int
    update_seconds: int
    aggregate_seconds: int
    attest_seconds: int
    attempts: int


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event stands on the chain: block, index in the block's log, and transaction hash."""

    block: int
    log: int
    tx: bytes


class MemberAdmitted(Event, frozen=True, tag=True):
    index: int
    key: str
    roles: int
    epoch: int


class KeyRotated(Event, frozen=True, tag=True):
    index: int
    old_key: str
    new_key: str
    epoch: int


class RotationApproved(Event, frozen=True, tag=True):
    index: int
    new_key: str
    member: int
    approvals: int


class Announced(Event, frozen=True, tag=True):
    index: int
    gateway: str


class JobProposed(Event, frozen=True, tag=True):
    job: int
    digest: bytes
    proposer: str
    terms: Terms


class JobApproved(Event, frozen=True, tag=True):
    job: int
    member: str
    approvals: int


class JobOpened(Event, frozen=True, tag=True):
    job: int
    epoch: int


class RoundOpened(Event, frozen=True, tag=True):
    job: int
    round: int
    opener: str
    epoch: int
    deadline: int


class UpdateSubmitted(Event, frozen=True, tag=True):
    job: int
    round: int
    party: str
    weight: int
    root: bytes
    cid: bytes


class AggregatePublished(Event, frozen=True, tag=True):
    job: int
    round: int
    aggregator: str
    attempt: int
    root: bytes
    cid: bytes
    verdicts: bytes
    deadline: int


class Attested(Event, frozen=True, tag=True):
    job: int
    round: int
    member: str
    attempt: int
    claim: bytes
    agrees: bool


class AggregateRefuted(Event, frozen=True, tag=True):
    job: int
    round: int
    aggregator: str
    attempt: int


class RoundFinalised(Event, frozen=True, tag=True):
    job: int
    round: int
    attempt: int
    root: bytes
    cid: bytes


class RoundRefuted(Event, frozen=True, tag=True):
    job: int
    round: int


class RoundAbandoned(Event, frozen=True, tag=True):
    job: int
    round: int
    reason: Reason


EVENTS: tuple[type[Event], ...] = (
    MemberAdmitted,
    KeyRotated,
    RotationApproved,
    Announced,
    JobProposed,
    JobApproved,
    JobOpened,
    RoundOpened,
    UpdateSubmitted,
    AggregatePublished,
    Attested,
    AggregateRefuted,
    RoundFinalised,
    RoundRefuted,
    RoundAbandoned,
)
