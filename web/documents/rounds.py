"""The documents of rounds: commitments, updates with their verdicts and receipts, aggregates, attestations."""

from typing import Literal

from web.documents.common import Dated, Document, PartyDocument

AttemptEnd = Literal["finalised", "no_model", "outvoted", "unheard"]
FormName = Literal["agree", "other", "missing"]
ReceiptsStatus = Literal["read", "unread", "malformed"]


class RoundLine(Dated, frozen=True):
    """A round in a list, in its phase at the chain's time when it was last read.

    `committed` and `updates` count the updates that were committed to and opened; `deadline` is the end of the phase,
    null once the round has ended; `root` that of its global model, if any. `block` is that of its opening.
    """

    job: int
    round: int
    phase: str
    reason: str
    committed: int
    updates: int
    attempts: int
    members: int
    deadline: int | None
    ended: Dated | None
    root: str | None


class Judgement(Document, frozen=True):
    """An admission's verdict on an update, as an aggregate has it."""

    code: int
    name: str
    meaning: str


class CommitmentDocument(Dated, frozen=True):
    """What a party committed to before anyone saw it (28 bytes), and whether it was opened since."""

    party: PartyDocument
    commitment: str
    opened: bool
    tx: str


class UpdateDocument(Dated, frozen=True):
    """An open update, with the verdict of the round's latest aggregate; `opening` is the transaction that opened it, in
    `block`.

    `signers` are the members that signed to hold it, `certified` whether they are enough: both by the receipts file of
    that aggregate, null while that has not been read.
    """

    party: PartyDocument
    weight: int
    root: str
    cid: str | None
    tx: str
    opening: str
    verdict: Judgement | None
    signers: tuple[PartyDocument, ...] | None
    certified: bool | None


class AttestationDocument(Dated, frozen=True):
    """What a member said: it agrees, it computed another claim, or it lacks bytes.

    `detail` is its witness, its own receipts' SHA-256, or a bitmap. Those of what it lacks are `lacks`, the parties
    whose updates, and `lacks_receipts`.
    """

    party: PartyDocument
    form: FormName
    claim: str
    detail: str
    lacks: tuple[PartyDocument, ...]
    lacks_receipts: bool
    tx: str


class ReceiptsDocument(Document, frozen=True):
    """The receipts file that an aggregate names: `entries` messages by which `certified` updates have a certificate."""

    digest: str
    cid: str
    status: ReceiptsStatus
    trouble: str
    entries: int
    certified: int


class AggregateDocument(Dated, frozen=True):
    """An attempt at a round's outcome, as of block `as_of`; `root` is null if it claims that no model can be made.

    `base` is the root of the model that it builds on, `anchor` the block's hash, `head` that of all events up to it.
    `outcome` is null while members attest it, and `end` says then how it came to that. `other` members computed another
    claim, `missing` lack bytes.
    """

    attempt: int
    party: PartyDocument
    outcome: str | None
    end: AttemptEnd | None
    ended: Dated | None
    base: str
    root: str | None
    cid: str | None
    as_of: int
    anchor: str
    head: str
    receipts: ReceiptsDocument
    claim: str
    deadline: int
    agreeing: int
    other: int
    missing: int
    attestations: tuple[AttestationDocument, ...]
    tx: str


class RoundDocument(Dated, frozen=True):
    """A round, whole, in its phase at the chain's time when it was last read.

    `base` is the round of the model that it builds on, 0 the initial one. `signers_needed` signatures make a
    certificate. `unopened` are the parties that committed and whose updates are not open, `missing` the participants
    that did not commit. `block` is that of its opening, in transaction `tx`; `deadline` is null once it has `ended`.
    """

    job: int
    round: int
    phase: str
    reason: str
    opener: PartyDocument
    epoch: int
    members: int
    participants: int
    aggregators: int
    majority: int
    signers_needed: int
    base: int
    update_deadline: int
    deadline: int | None
    ended: Dated | None
    tx: str
    commitments: tuple[CommitmentDocument, ...]
    updates: tuple[UpdateDocument, ...]
    unopened: tuple[PartyDocument, ...]
    missing: tuple[PartyDocument, ...]
    aggregates: tuple[AggregateDocument, ...]


class Activity(Document, frozen=True):
    """The updates of a round by what became of them; `open` ones are not judged yet."""

    round: int
    admitted: int
    refused: int
    open: int
