"""The events of the contract RoundLedger: jobs, their rounds, updates, aggregates and attestations.

`job` and `round` are numbers from 1, a round's within its job; `attempt` counts a round's aggregates from 1. `epoch` is
the membership's when the event came: it fixes the members that attest the round. `deadline` is the last second of the
phase that the round is in after the event, in seconds since 1970 by the chain's clock. Parties are named by the key
that sent the transaction, an EIP-55 address. `root` is a tensor root, `cid` the SHA-256 digest in a CID, each 32 bytes.
"""

from enum import IntEnum

import msgspec

from ledger.events.event import Event
from ledger.formats.claims import Claimed


class Reason(IntEnum):
    """Why a round was abandoned."""

    NONE = 0
    TOO_FEW_UPDATES = 1
    NO_AGGREGATE = 2
    NO_QUORUM = 3
    BASE_CONVICTED = 4


class Form(IntEnum):
    """What a member attests: the published claim, another one, or that it lacks bytes which the published one needs."""

    AGREE = 0
    OTHER = 1
    MISSING = 2


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the contract itself enforces of a job. Times in seconds.

    `rounds` may be finalised; a round has so many `attempts` at most. The next three are of its scores (`scorers`: how
    many must reveal), all 0 where it makes none. A round collects no more after `buffer` commitments; 0 is for those of
    all participants. A document leaves out a 0.
    """

    rounds: int
    update_seconds: int
    open_seconds: int
    aggregate_seconds: int
    attest_seconds: int
    attempts: int
    score_seconds: int = 0
    reveal_seconds: int = 0
    scorers: int = 0
    buffer: int = 0

    @property
    def scored(self) -> bool:
        """Whether the job makes scores."""
        return self.scorers > 0


class ModelTerms(msgspec.Struct, frozen=True):
    """What the ledger says of a job's models: the same as the job's document.

    `initial` is the tensor root of the first round's base, `values` the number of integers of a model. `rule` is 0 for
    the weighted mean, 1 for the median, 2 for the trimmed mean, which leaves out `trim` values at each end, 3 for
    multi-Krum, which leaves out `trim` updates, 4 for the geometric median, 5 for centred clipping. `by_value` says
    whether each value of a model follows from the same values of its base and of the admitted updates alone: only of
    such a job can the court judge a model.
    """

    initial: bytes
    values: int
    rule: int
    trim: int
    min_updates: int
    max_weight: int
    max_value: int
    max_norm: int
    by_value: bool


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
    model: ModelTerms


class JobApproved(JobEvent, frozen=True, tag=True):
    """A member approved a job; `approvals` active members have since the latest recovery of a key."""

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


class ModelConvicted(JobEvent, frozen=True, tag=True):
    """The court convicted the model of a round, the one finalised next after round `before`, or after none where 0.

    No round of the job is opened until the members decide: the models from that round on are not built on.
    """

    job: int
    round: int
    before: int


class JobRewound(JobEvent, frozen=True, tag=True):
    """The members decided, of the conviction of round `round`, to go on from the model of round `latest`, or from the
    initial one where 0: the last that stands on no convicted model."""

    job: int
    round: int
    latest: int


class RoundOpened(RoundEvent, frozen=True, tag=True):
    """An aggregator opened the job's next round; parties commit to updates until `deadline`."""

    job: int
    round: int
    opener: str
    epoch: int
    deadline: int


class UpdateCommitted(RoundEvent, frozen=True, tag=True):
    """A participant fixed its update without showing it: `commitment` has 28 bytes."""

    job: int
    round: int
    party: str
    commitment: bytes
    deadline: int


class UpdatesOpened(RoundEvent, frozen=True, tag=True):
    """Updates were shown: 104 bytes each (`ledger.formats.claims.unpack_openings`), none of them open before."""

    job: int
    round: int
    deadline: int
    openings: bytes


class AggregatePublished(RoundEvent, frozen=True, tag=True):
    """An aggregator published the round's outcome; members attest it until `deadline`.

    Root and CID in `aggregate` are zero where there can be no model. Its verdicts are by ascending member index: 0
    admitted, else why not.
    """

    job: int
    round: int
    aggregator: str
    attempt: int
    aggregate: Claimed
    deadline: int


class Attested(RoundEvent, frozen=True, tag=True):
    """A member spoke on an attempt; `claim` is what was published or, in the form OTHER, what it computed itself.

    `detail` has 32 bytes. AGREE: its witness. OTHER: the digest of its own receipts file. MISSING: a bitmap by member
    index of the updates that it lacks, bit 255 for the receipts file.
    """

    job: int
    round: int
    member: str
    attempt: int
    form: Form
    claim: bytes
    detail: bytes


class AttemptFailed(RoundEvent, frozen=True, tag=True):
    """The aggregate can have no majority any more, or had none in time.

    The next one may be published until `deadline`, which is 0 where this was the last.
    """

    job: int
    round: int
    attempt: int
    deadline: int


class RoundFinalised(RoundEvent, frozen=True, tag=True):
    """A majority agreed: this is the round's global model."""

    job: int
    round: int
    attempt: int
    root: bytes


class RoundRefuted(RoundEvent, frozen=True, tag=True):
    """The round ended without a model: its last attempt failed, and a majority of the members had spoken on it."""

    job: int
    round: int


class RoundAbandoned(RoundEvent, frozen=True, tag=True):
    """The round ended without a model: a deadline passed, or a majority agreed that there can be none."""

    job: int
    round: int
    reason: Reason


AnyJobEvent = JobProposed | JobApproved | JobOpened | JobClosed | ModelConvicted | JobRewound
AnyRoundEvent = (
    RoundOpened
    | UpdateCommitted
    | UpdatesOpened
    | AggregatePublished
    | Attested
    | AttemptFailed
    | RoundFinalised
    | RoundRefuted
    | RoundAbandoned
)
