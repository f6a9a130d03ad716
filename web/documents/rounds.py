"""The documents of rounds: commitments, updates with their verdicts and receipts, aggregates, attestations."""

from typing import Literal

from web.documents.common import Dated, Document, PartyDocument

AttemptEnd = Literal["finalised", "no_model", "outvoted", "unheard"]
FormName = Literal["agree", "other", "missing"]
ReceiptsStatus = Literal["read", "unread", "malformed"]


class RoundLine(Dated, frozen=True):
    """A round in a list, in its phase at the chain's time when it was last read.

    `committed` and `updates` count the updates that were committed to and opened; `deadline` is the end of the phase,
    null once the round has ended; `root` that of its global model, if any, and `convicted` whether the court convicted
    that or one that it stands on. `block` is that of its opening.
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
    convicted: bool


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


class ChildDocument(Document, frozen=True):
    """A child of an edge, by its key, and the update of its that a sum has; it has no account on the chain."""

    party: str
    weight: int
    root: str
    cid: str


class ChildrenDocument(Document, frozen=True):
    """Whose updates an edge's sum is made of: how many, the CID of their list, and the first of them; null and none
    while the list has not been read.
    """

    count: int | None
    cid: str | None
    children: tuple[ChildDocument, ...]


class UpdateDocument(Dated, frozen=True):
    """An open update, with the verdict of the round's latest aggregate; `opening` is the transaction that opened it, in
    `block`.

    `factor` is what it was multiplied by, out of 65,536, where the job cuts long updates; `share` what it counts in
    parts of `whole`, where the job's rule makes shares; `staleness` is how many models were finalised after the one
    that it builds on, in a buffered job; null where the carried file has not been read. `signers` are the members that
    signed to hold it, `certified` whether they are enough: both by the receipts file of that aggregate, null while that
    has not been read. `children` are those of an edge, whose update is a sum; null of any other.
    """

    party: PartyDocument
    weight: int
    root: str
    cid: str | None
    tx: str
    opening: str
    children: ChildrenDocument | None
    verdict: Judgement | None
    factor: int | None
    share: int | None
    whole: int | None
    staleness: int | None
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


class StreamDocument(Document, frozen=True):
    """A stream of a server optimiser's state, as a carried file names it; `cid` is null while the job's document is not
    here.
    """

    name: str
    root: str
    cid: str | None


class CarriedDocument(Document, frozen=True):
    """The carried file that an aggregate names: `streams` of its state, and how many `scalars` of its rule."""

    digest: str
    cid: str
    status: ReceiptsStatus
    trouble: str
    streams: tuple[StreamDocument, ...]
    scalars: int


class AggregateDocument(Dated, frozen=True):
    """An attempt at a round's outcome, as of block `as_of`; `root` is null if it claims that no model can be made.

    `base` is the root of the model that it builds on, `anchor` the block's hash, `head` that of all events up to it.
    `outcome` is null while members attest it, and `end` says then how it came to that. `other` members computed another
    claim, `missing` lack bytes. `carried` is null where it carries nothing beside the model.
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
    carried: CarriedDocument | None
    claim: str
    deadline: int
    agreeing: int
    other: int
    missing: int
    attestations: tuple[AttestationDocument, ...]
    tx: str


class AwaitedDocument(Document, frozen=True):
    """Whom a round waits for in `phase`, at the longest `until` this second of the chain's time.

    `parties` are those whose turn it is; while it is opened, those whose updates are not, of whom nobody need be late.
    `withdrawn` are participants that withdrew their data from the job, whom the round counts still; it goes on at once
    after `needed` more of them.
    """

    phase: str
    parties: tuple[PartyDocument, ...]
    withdrawn: tuple[PartyDocument, ...]
    needed: int
    until: int


class RoundDocument(Dated, frozen=True):
    """A round, whole, in its phase at the chain's time when it was last read.

    `base` is the round of the model that it builds on, 0 the initial one; `convicted`: whether the court convicted its
    own model, or one that it stands on. `signers_needed` signatures make a
    certificate. `unopened` are the parties that committed and whose updates are not open, `missing` the participants
    that did not commit while more may; `target` is after how many commitments it collects no more. `block` is that of
    its opening, in transaction `tx`; `deadline` is null once it has `ended`, and so is `awaited`, or once its time
    is over.
    """

    job: int
    round: int
    phase: str
    reason: str
    opener: PartyDocument
    epoch: int
    members: int
    participants: int
    target: int
    aggregators: int
    majority: int
    signers_needed: int
    base: int
    convicted: bool
    update_deadline: int
    deadline: int | None
    awaited: AwaitedDocument | None
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
