"""The events of the contract RoundLedger: jobs, their rounds, updates, aggregates and attestations.

`job` and `round` are numbers from 1, a round's within its job; `attempt` counts a round's aggregates from 1. `epoch` is
the membership's when the event came: it fixes the members that attest the round. `deadline` is the last second of the
phase that begins, in seconds since 1970 by the chain's clock. Parties are named by the key that sent the transaction,
an EIP-55 address. `root` is a tensor root, `cid` the SHA-256 digest in a CID, each 32 bytes.
"""

from enum import IntEnum

import msgspec

from ledger.events.event import Event


class Reason(IntEnum):
    """Why a round was abandoned."""

    NONE = 0
    TOO_FEW_UPDATES = 1
    NO_AGGREGATE = 2
    NO_QUORUM = 3


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


class JobEvent(Event, frozen=True):
    """An event of RoundLedger about a job as a whole; all of them are in `AnyJobEvent`."""


class RoundEvent(Event, frozen=True):
    """An event of RoundLedger about a round; all of them are in `AnyRoundEvent`."""


class JobProposed(JobEvent, frozen=True, tag=True):
    """A member proposed the job whose document has SHA-256 `digest`."""

    job: int
    digest: bytes
    proposer: str
    terms: Terms


class JobApproved(JobEvent, frozen=True, tag=True):
    """A member approved a job; `approvals` members have by now, its proposer included."""

    job: int
    member: str
    approvals: int


class JobOpened(JobEvent, frozen=True, tag=True):
    """A majority approved the job: its rounds may be opened."""

    job: int
    epoch: int


class JobClosed(JobEvent, frozen=True, tag=True):
    """The members decided that no more rounds of the job be opened; the current one goes on to its end."""

    job: int


class RoundOpened(RoundEvent, frozen=True, tag=True):
    """An aggregator opened the job's next round; updates are taken until `deadline`."""

    job: int
    round: int
    opener: str
    epoch: int
    deadline: int


class UpdateSubmitted(RoundEvent, frozen=True, tag=True):
    """A participant registered its update, which stands for `weight` samples."""

    job: int
    round: int
    party: str
    weight: int
    root: bytes
    cid: bytes


class AggregatePublished(RoundEvent, frozen=True, tag=True):
    """An aggregator published the round's outcome; members attest it until `deadline`.

    `root` and `cid` are the global model's, zero where there can be none. `verdicts` has one byte for each update, by
    ascending member index: 0 admitted, else why not.
    """

    job: int
    round: int
    aggregator: str
    attempt: int
    root: bytes
    cid: bytes
    verdicts: bytes
    deadline: int


class Attested(RoundEvent, frozen=True, tag=True):
    """A member computed `claim` (32 bytes) for the round; `agrees` says whether it is the published one."""

    job: int
    round: int
    member: str
    attempt: int
    claim: bytes
    agrees: bool


class AggregateRefuted(RoundEvent, frozen=True, tag=True):
    """No majority can agree with the aggregate any more; the next attempt may be published."""

    job: int
    round: int
    aggregator: str
    attempt: int


class RoundFinalised(RoundEvent, frozen=True, tag=True):
    """A majority agreed: this is the round's global model."""

    job: int
    round: int
    attempt: int
    root: bytes
    cid: bytes


class RoundRefuted(RoundEvent, frozen=True, tag=True):
    """The round ended without a model: its last attempt was refuted."""

    job: int
    round: int


class RoundAbandoned(RoundEvent, frozen=True, tag=True):
    """The round ended without a model: a deadline passed, or a majority agreed that there can be none."""

    job: int
    round: int
    reason: Reason


AnyJobEvent = JobProposed | JobApproved | JobOpened | JobClosed
AnyRoundEvent = (
    RoundOpened
    | UpdateSubmitted
    | AggregatePublished
    | Attested
    | AggregateRefuted
    | RoundFinalised
    | RoundRefuted
    | RoundAbandoned
)
