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


class Kind(IntEnum):
    """What a proposal is about."""

    NONE = 0
    ADMIT_MEMBER = 1
    REMOVE_MEMBER = 2
    CHANGE_ROLES = 3
    CHANGE_RULES = 4
    CLOSE_JOB = 5
    RELEASE = 6
    REVOKE = 7
    ROLL_BACK = 8
    NAME_SUCCESSOR = 9


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
    """How members decide. Quorum and majority in 1/10,000, times in seconds."""

    quorum: int
    majority: int
    vote_seconds: int
    extension_seconds: int
    delay_seconds: int
    execute_seconds: int


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the contract itself enforces of a job. Times in seconds.

    The last three are of its scores (`scorers`: how many must reveal), all 0 where it makes none. A document leaves out
    a 0.
    """

    rounds: int
    update_seconds: int
    aggregate_seconds: int
    attest_seconds: int
    attempts: int
    score_seconds: int = 0
    reveal_seconds: int = 0
    scorers: int = 0

    @property
    def scored(self) -> bool:
        """Whether the job makes scores."""
        return self.scorers > 0


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


class MemberRemoved(Event, frozen=True, tag=True):
    index: int
    key: str
    epoch: int


class RolesChanged(Event, frozen=True, tag=True):
    index: int
    roles: int
    epoch: int


class SuccessorNamed(Event, frozen=True, tag=True):
    chain: int
    ledger: str


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


class JobClosed(Event, frozen=True, tag=True):
    job: int


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


class ScoringOpened(Event, frozen=True, tag=True):
    job: int
    round: int
    opener: str
    seed: bytes
    epoch: int
    updates: int
    scorers: int
    commit_deadline: int


class ScoresCommitted(Event, frozen=True, tag=True):
    job: int
    round: int
    scorer: str
    commitment: bytes


class ScoresRevealed(Event, frozen=True, tag=True):
    job: int
    round: int
    scorer: str
    salt: bytes
    scores: bytes


class ScoresSettled(Event, frozen=True, tag=True):
    """`withheld` is a bitmap by member index, in 32 bytes as a big-endian number, here and in `ScoringVoid`."""

    job: int
    round: int
    medians: bytes
    root: bytes
    withheld: bytes


class ScoringVoid(Event, frozen=True, tag=True):
    job: int
    round: int
    withheld: bytes


class Proposed(Event, frozen=True, tag=True):
    proposal: bytes
    number: int
    proposer: str
    kind: Kind
    action: bytes
    epoch: int
    deadline: int


class Voted(Event, frozen=True, tag=True):
    proposal: bytes
    member: str
    choice: Choice


class VoteSkipped(Event, frozen=True, tag=True):
    proposal: bytes
    member: str
    reason: Refusal


class DeadlineExtended(Event, frozen=True, tag=True):
    proposal: bytes
    deadline: int


class VoteClosed(Event, frozen=True, tag=True):
    proposal: bytes
    deadline: int


class Cancelled(Event, frozen=True, tag=True):
    proposal: bytes


class Executed(Event, frozen=True, tag=True):
    proposal: bytes


class RulesChanged(Event, frozen=True, tag=True):
    rules: Rules


class Released(Event, frozen=True, tag=True):
    release: bytes
    name: bytes
    version: bytes
    job: int
    round: int
    root: bytes
    scores: bytes
    report: bytes


class Revoked(Event, frozen=True, tag=True):
    release: bytes
    reason: bytes


class RolledBack(Event, frozen=True, tag=True):
    release: bytes
    previous: bytes


EVENTS: tuple[type[Event], ...] = (
    MemberAdmitted,
    MemberRemoved,
    RolesChanged,
    SuccessorNamed,
    KeyRotated,
    RotationApproved,
    Announced,
    JobProposed,
    JobApproved,
    JobOpened,
    JobClosed,
    RoundOpened,
    UpdateSubmitted,
    AggregatePublished,
    Attested,
    AggregateRefuted,
    RoundFinalised,
    RoundRefuted,
    RoundAbandoned,
    ScoringOpened,
    ScoresCommitted,
    ScoresRevealed,
    ScoresSettled,
    ScoringVoid,
    Proposed,
    Voted,
    VoteSkipped,
    DeadlineExtended,
    VoteClosed,
    Cancelled,
    Executed,
    RulesChanged,
    Released,
    Revoked,
    RolledBack,
)
