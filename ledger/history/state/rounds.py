"""A round: what was committed to, opened, published and attested."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from ledger.events import rounds as r
from ledger.formats.claims import Claimed, OpenedEntry
from ledger.formats.digest import NOTHING


class Phase(Enum):
    """Where a round is, in the contract's order; the last three are terminal."""

    COLLECTING = "Collecting"
    OPENING = "Opening"
    AGGREGATING = "Aggregating"
    ATTESTING = "Attesting"
    FINALISED = "Finalised"
    REFUTED = "Refuted"
    ABANDONED = "Abandoned"

    @property
    def terminal(self) -> bool:
        return self in (Phase.FINALISED, Phase.REFUTED, Phase.ABANDONED)


class UpdateCommitment(msgspec.Struct, frozen=True, gc=False):
    """What a party bound itself to before anyone saw it: 28 bytes, in transaction `tx` of `block`."""

    party: str
    index: int
    digest: bytes
    tx: bytes
    block: int = 0


class Update(msgspec.Struct, frozen=True, gc=False):
    """What a party had committed to, once it was opened.

    `tx` is the transaction in which the party committed to it; `opening` the one that showed it, sent by any key, and
    `block` that one's block.
    """

    party: str
    index: int
    weight: int
    root: bytes
    cid: bytes
    salt: bytes
    tx: bytes
    opening: bytes
    block: int


class Attestation(msgspec.Struct, frozen=True, gc=False):
    """What a member said on an attempt, in `block`; `ledger.events.rounds.Attested` says what claim and detail are."""

    member: str
    index: int
    form: r.Form
    claim: bytes
    detail: bytes
    tx: bytes
    block: int = 0

    @property
    def agrees(self) -> bool:
        return self.form is r.Form.AGREE


@dataclass(slots=True)
class Aggregate:
    """One attempt at a round's outcome, with all that it claims (`ledger.formats.claims.Claimed`).

    `outcome` is None while members attest: then FINALISED; REFUTED or ABANDONED where it failed, after a majority
    spoke on it or not; ABANDONED, too, where a majority agrees that there is no model. `block` is that of `tx`,
    `ended_in` that in which it ended, 0 while members attest.
    """

    attempt: int
    aggregator: str
    index: int
    base: bytes
    root: bytes
    cid: bytes
    as_of: int
    anchor: bytes
    head: bytes
    receipts: bytes
    carried: bytes
    verdicts: bytes
    claim: bytes
    deadline: int
    tx: bytes
    block: int
    attestations: list[Attestation] = field(default_factory=list)
    outcome: Phase | None = None
    ended_in: int = 0

    @property
    def said(self) -> Claimed:
        """What it claims, as the contract takes it."""
        history = (self.as_of, self.anchor, self.head)
        return Claimed(self.base, self.root, self.cid, *history, self.receipts, self.carried, self.verdicts)

    @property
    def empty(self) -> bool:
        """Whether it claims that no model can be made."""
        return self.root == NOTHING

    @property
    def agreeing(self) -> int:
        """How many members stand by it, its aggregator included, and those that agreed after it was final."""
        return 1 + sum(attestation.agrees for attestation in self.attestations)

    @property
    def against(self) -> int:
        """How many members computed another claim, or lack bytes."""
        return len(self.attestations) + 1 - self.agreeing

    def attested_by(self, index: int) -> bool:
        return index == self.index or any(a.index == index for a in self.attestations)


@dataclass(slots=True)
class Round:
    """A round, as the ledger stored it last; `ledger.history.phases.present` says where it is at a time.

    `deadline` is the end of `phase`, in seconds since 1970. `members`, `participants` and `aggregators` are how many
    there were when it opened, and `keys` the members' keys of that moment, by index. `commitments` and `updates` are by
    member index, both in the order of the commitments; `committed_in` and `opened_in` are the blocks of the latest
    commitment and of the latest opening. `batches` are the member indices that each call opened, in its order, and
    `opened` the digest over all of them (`ledger.formats.claims.opened_digest`). `scored_to` is the last round of the
    job whose scores were settled when this one opened: what came later cannot weigh its updates. `buffer` is the job's
    (`ledger.events.rounds.Terms`). `tx` is the transaction that opened it, in `block`; `ended_in` is the block of its
    end, 0 before that.
    """

    job: int
    number: int
    opener: str
    opener_index: int
    epoch: int
    members: int
    participants: int
    aggregators: int
    keys: Mapping[int, str]
    update_deadline: int
    deadline: int
    phase: Phase = Phase.COLLECTING
    commitments: dict[int, UpdateCommitment] = field(default_factory=dict)
    updates: dict[int, Update] = field(default_factory=dict)
    committed_in: int = 0
    opened_in: int = 0
    batches: tuple[tuple[int, ...], ...] = ()
    opened: bytes = NOTHING
    aggregates: list[Aggregate] = field(default_factory=list)
    reason: r.Reason = r.Reason.NONE
    scored_to: int = 0
    buffer: int = 0
    tx: bytes = b""
    block: int = 0
    ended_in: int = 0

    @property
    def attempt(self) -> int:
        return len(self.aggregates)

    @property
    def majority(self) -> int:
        return self.members // 2 + 1

    @property
    def target(self) -> int:
        """After how many commitments it collects no more."""
        return min(self.buffer, self.participants) if self.buffer else self.participants

    @property
    def full(self) -> bool:
        """Whether it has as many."""
        return len(self.commitments) == self.target

    @property
    def lacks(self) -> int:
        """How many members at least must still commit, or stand by the latest aggregate, before its phase ends but by
        time; 0 where that is not known.
        """
        if self.phase is Phase.COLLECTING:
            return self.target - len(self.commitments)
        return max(self.majority - self.aggregates[-1].agreeing, 0) if self.phase is Phase.ATTESTING else 0

    @property
    def final(self) -> Aggregate | None:
        """The aggregate that was finalised with a model, where there is one."""
        last = self.aggregates[-1] if self.aggregates else None
        return last if self.phase is Phase.FINALISED else None

    @property
    def unopened(self) -> list[UpdateCommitment]:
        """What was committed to and not opened, by ascending member index."""
        return [self.commitments[index] for index in sorted(self.commitments.keys() - self.updates.keys())]

    def entry(self, update: Update) -> OpenedEntry:
        """An open update as a claim covers it."""
        return OpenedEntry(update.index, update.weight, update.root, self.commitments[update.index].digest)

    def admitted(self) -> list[Update]:
        """The updates that the final model is made of, by ascending member index; none without a final model."""
        if self.final is None:
            return []
        return [u for u, verdict in zip(self.sorted_updates(), self.final.verdicts, strict=True) if verdict == 0]

    def sorted_updates(self) -> list[Update]:
        """By ascending member index: the order of verdicts, and of everything that is computed."""
        return [self.updates[index] for index in sorted(self.updates)]
