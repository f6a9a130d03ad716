"""The documents of masks: a job's segments with their casts, and of a round whose updates are summed and who answered.

What a key, seed or share is worth, an audit says.
"""

from typing import Literal

from web.documents.common import Dated, Document, PartyDocument

Stage = Literal["none", "proposed", "fixed"]
MaskedState = Literal["outside", "waiting", "unmasked"]


class Agreement(Document, frozen=True):
    """How far members are with a cast or set: `agreeing` of those who fix it, `needed`. While it is only proposed,
    `proposer` proposed it, until `deadline`; one whose deadline passed has lapsed.
    """

    stage: Stage
    proposer: PartyDocument | None
    agreeing: int
    needed: int
    deadline: int | None
    lapsed: int


class SegmentDocument(Dated, frozen=True):
    """Rounds `first` to `last` of a job, whose keys are dealt together, as opened last. `roster` may set it up until
    `deadline`, `set_up` are those that did; `threshold` of the roster rebuild a secret. `cast` is null until it is
    fixed.
    """

    number: int
    first: int
    last: int
    opener: PartyDocument
    roster: tuple[PartyDocument, ...]
    set_up: tuple[PartyDocument, ...]
    threshold: int
    deadline: int
    agreement: Agreement
    cast: tuple[PartyDocument, ...] | None
    fixed: Dated | None
    tx: str


class MaskedMember(Document, frozen=True):
    """A member of a round's cast. `waiting` are those of the set that have not shown their self seed; of those outside
    of it none is taken. `shares` counts the shares it gave, `tx` showed the seed; `opened`: it showed its update.
    `group` is the number of its group, from 1; null where the job has none, or the files that tell were not read yet.
    """

    party: PartyDocument
    state: MaskedState
    shares: int
    tx: str | None
    opened: bool
    group: int | None


class RoundMasksDocument(Document, frozen=True):
    """What the board says of a round of segment `segment`. `set` is null until it is fixed; then its members unmask
    until `unmask_deadline`, and shares of what is missing are given until `share_deadline`. `receipts` is the SHA-256
    of the file under which the set was proposed. `members` are those of the cast.
    """

    segment: int
    agreement: Agreement
    set: tuple[PartyDocument, ...] | None
    fixed: Dated | None
    unmask_deadline: int | None
    share_deadline: int | None
    receipts: str | None
    members: tuple[MaskedMember, ...]
