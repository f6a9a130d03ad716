"""What ledger and job say of a round: where it is, which model it builds on, and what its files' headers must say."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats import merkle
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid, of_file
from ledger.formats.claims import RoundName
from ledger.formats.digest import NOTHING
from ledger.formats.header import Binding, Kind, explain
from ledger.history.state import Aggregate, JobState, Round, Update
from ledger.history.state.masking import JobMasks
from ledger.jobs.document import Job
from ledger.rounds.inputs import Fetch
from ledger.rounds.receipts import Roll
from ledger.rounds.sealed import Keys
from ledger.rounds.staleness import Ages, ages_of
from ledger.seals.keys import UpdateName


@dataclass(frozen=True, slots=True)
class Place:
    """The ledger that artifacts are bound to: chain id and RoundLedger's address."""

    chain: int
    contract: str


@dataclass(frozen=True, slots=True)
class Base:
    """The model that a round builds on; round 0 is the job's initial model. `carried` is the digest of what that round
    carried beside it, zero where nothing.
    """

    round: int
    root: bytes
    cid: Cid
    carried: bytes = NOTHING


class Standpoint(NamedTuple):
    """Where an aggregate is made from: a block of the past, its hash and the head up to it, and what is certified.

    `receipts` is the SHA-256 of the receipts file. Each party takes all but `as_of` from its own chain and files.
    """

    as_of: int
    anchor: bytes
    head: bytes
    receipts: bytes

    @classmethod
    def of(cls, aggregate: Aggregate) -> "Standpoint":
        """Where an aggregate says that it was made from."""
        return cls(aggregate.as_of, aggregate.anchor, aggregate.head, aggregate.receipts)


@dataclass(frozen=True, slots=True)
class Entry:
    """An opened update with what judging its bytes needs: where its file is, and what its header must say."""

    update: Update
    cid: Cid
    binding: Binding


@dataclass(frozen=True)
class RoundFacts:
    """A round with all that its outcome follows from, put together once (`of`) and handed on whole.

    `entries` are its updates by ascending member index; `binding` is what the header of its model must say. `masks` are
    those of its job, where the ledger has any. `keys` are what sealed updates are opened with, as far as its reader has
    them: none, but whose they are, until a reader puts them in. There are none of open updates.
    """

    place: Place
    state: JobState
    job: Job
    round: Round
    base: Base
    entries: tuple[Entry, ...]
    binding: Binding
    masks: JobMasks | None = None
    keys: Keys = field(default_factory=dict)

    @classmethod
    def of(cls, place: Place, state: JobState, job: Job, round_: Round, masks: JobMasks | None = None) -> "RoundFacts":
        """The facts of a round of this job, or of one that is not open yet."""
        base = base_of(state, job, round_.number)
        named = None if job.buffered else base
        entries = tuple(
            Entry(
                update,
                job.file_of(update.index, update.cid),
                update_binding(place, round_, update.party, named, job.kind_of(update.index)),
            )
            for update in round_.sorted_updates()
        )
        binding = model_binding(place, round_.job, round_.number, base.root)
        name = RoundName(place.chain, place.contract, round_.job, round_.number)
        closed = {one.update.cid: UpdateName(name, one.update.party) for one in entries} if job.sealed else {}
        return cls(place, state, job, round_, base, entries, binding, masks, closed)

    def are_of(self, state: JobState, job: Job, round_: Round, masks: JobMasks | None) -> bool:
        """Whether `of` would say the same of a round: it is the same, no update was opened since, and it builds on the
        same model.
        """
        same = self.state is state and self.job is job and self.round is round_ and self.masks is masks
        return same and len(self.entries) == len(round_.updates) and self.base == base_of(state, job, round_.number)

    @property
    def name(self) -> RoundName:
        """The round, as the contracts hash it."""
        return RoundName(self.place.chain, self.place.contract, self.round.job, self.round.number)

    def has_paid(self, index: int) -> bool:
        """Whether a member spent what the round costs before it committed; always where rounds cost nothing."""
        if self.job.dp is None:
            return True
        return self.state.spending is not None and self.state.spending.has_paid(self.round.number, index)

    @property
    def ages(self) -> Ages | None:
        """The staleness of the models that its updates may build on; None where that is the last one alone."""
        return ages_of(self.state, self.job, self.round.number)

    @cached_property
    def roll(self) -> Roll:
        """What the round's receipts are judged by, with the updates that were open at first."""
        return roll_of(self.place, self.round)

    @property
    def update_size(self) -> int:
        """The size in bytes of each of the round's updates, but for edges' sums (`Job.size_of`)."""
        return self.job.update_size

    @property
    def artifact_size(self) -> int:
        """The size in bytes of each of the round's updates before it is sealed."""
        return self.job.update_layout.size

    @property
    def model_size(self) -> int:
        """The size in bytes of the round's model, and of the one that it builds on."""
        return self.job.layout.size


def roll_of(place: Place, round_: Round) -> Roll:
    """What a round's receipts are judged by: the keys that members had when it opened, whatever theirs are now."""
    return Roll(
        chain=place.chain,
        ledger=place.contract,
        job=round_.job,
        round=round_.number,
        members=round_.members,
        keys=round_.keys,
        opened={index: update.cid for index, update in round_.updates.items()},
    )


def base_of(state: JobState, job: Job, number: int) -> Base:
    """The model that round `number` builds on: that of the last round finalised before it (`JobState.built_on`)."""
    return model_of(state, job, state.built_on(number))


def model_of(state: JobState, job: Job, number: int) -> Base:
    """The model of round `number`, where it has one; else the job's initial model."""
    final = state.rounds[number].final if number else None
    if final is None:
        return Base(0, job.initial_root, job.initial_cid)
    return Base(number, final.root, of_file(final.cid, job.layout.size), final.carried)


def base_named(state: JobState, job: Job, number: int, root: bytes) -> Base:
    """The model with this tensor root that an update of a buffered job's round `number` builds on: the latest of them.

    Raises Malformed where no model of the job before the round has it.
    """
    base = base_of(state, job, number)
    while base.root != root and base.round:
        base = base_of(state, job, base.round)
    if base.root != root:
        raise Malformed("none of the job's models has the update's base as its root", actual=root.hex())
    return base


def initial_binding() -> Binding:
    """An initial model belongs to no job: the job's document names it."""
    return Binding(kind="initial")


def update_binding(place: Place, round_: Round, party: str, base: Base | None, kind: Kind = "update") -> Binding:
    """What the header of a party's update must say; `kind` is the job's (`Job.kind_of`). Without `base` it may be any:
    a buffered job's.
    """
    return Binding(
        kind=kind,
        chain=place.chain,
        contract=place.contract,
        job=round_.job,
        round=round_.number,
        party=party,
        base=b"" if base is None else base.root,
    )


def read_binding(job: Job, entry: Entry, fetch: Fetch) -> Binding:
    """What an opened update's header says, with what its party alone knows of it.

    Raises Malformed where it is not the header that it must be, Unavailable where it cannot be had.
    """
    layout = job.layout_of(entry.update.index)
    head = b"".join(bytes(piece) for piece in fetch(entry.cid, 0, layout.header_size))
    whole = layout.bound(head, entry.binding)
    if whole is None:
        raise explain(head, entry.binding, layout.entries())
    return whole


def model_binding(place: Place, job: int, number: int, base: bytes) -> Binding:
    """What a global model's header must say: not who made it, so that every aggregator makes the same bytes."""
    return Binding(kind="model", chain=place.chain, contract=place.contract, job=job, round=number, base=base)


def binding_of_base(place: Place, state: JobState, job: Job, base: Base) -> Binding:
    """The header of the model that a round builds on."""
    if base.round == 0:
        return initial_binding()
    return model_binding(place, state.number, base.round, base_of(state, job, base.round).root)


def read_model(place: Place, state: JobState, job: Job, base: Base, fetch: Fetch) -> Iterator[Buffer]:
    """The integers of a model, as bytes in pieces: header, length and root checked by the end.

    Raises Malformed where the file is not the model that the ledger names, Unavailable where it cannot be had.
    """
    binding = binding_of_base(place, state, job, base)
    leaves: list[bytes] = []
    for piece in job.layout.body(fetch(base.cid, 0, job.layout.size + 1), binding):
        leaves += merkle.leaf_hashes(piece)
        yield piece
    if merkle.root(leaves) != base.root:
        raise Malformed(
            f"the model of round {base.round} does not have its tensor root",
            expected=base.root.hex(),
            actual=merkle.root(leaves).hex(),
        )
