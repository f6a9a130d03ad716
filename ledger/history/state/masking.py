"""The masks of a job, as the ledger knows them: keys, segments with their casts, rounds with their sets and answers.

Nothing here is judged but what the contract judges: a key may be no point, a set-up file may be refused, a seed or
share may be false (`ledger.masks` says which).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from ledger.events.masks import Masking


def members_in(bitmap: int) -> frozenset[int]:
    """The member indices whose bits are set."""
    return frozenset(_bits(bitmap))


def bitmap_of(members: Iterable[int]) -> int:
    """The number whose bit i is set for each member i."""
    return sum(1 << index for index in frozenset(members))


def _bits(bitmap: int) -> Iterator[int]:
    while bitmap:
        low = bitmap & -bitmap
        yield low.bit_length() - 1
        bitmap ^= low


class KeyRegistration(msgspec.Struct, frozen=True, gc=False):
    """A member's mask key, sound or not, as registered in transaction `tx` of `block`."""

    index: int
    key: bytes
    tx: bytes
    block: int


class SetUp(msgspec.Struct, frozen=True, gc=False):
    """A member's first set-up file for an opening of a segment, before its cast was fixed: its CID's digest."""

    index: int
    cid: bytes
    tx: bytes
    block: int
    signer: str


class MaskAnswer(msgspec.Struct, frozen=True, gc=False):
    """What a member showed of a round: `seed` (None in `giveShares`), and its shares by the dealer's index."""

    index: int
    seed: bytes | None
    shares: dict[int, bytes]
    tx: bytes
    block: int
    signer: str


class KeyShown(msgspec.Struct, frozen=True, gc=False):
    """A round key with which a member opened its update, in transaction `tx` of `block`."""

    index: int
    key: bytes
    tx: bytes
    block: int
    signer: str


class Agreed(msgspec.Struct, frozen=True, gc=False):
    """A member's word for what is proposed, by its key `signer`, in transaction `tx` of `block`."""

    signer: str
    tx: bytes
    block: int


@dataclass(slots=True)
class MaskProposal:
    """A cast or set that an aggregator proposed, until when members may agree, and who did: itself first.

    `receipts` is the SHA-256 that a set's proposer names; zero for a cast.
    """

    proposer: int
    members: frozenset[int]
    deadline: int
    tx: bytes
    block: int
    signer: str
    receipts: bytes = bytes(32)
    agreeing: dict[int, Agreed] = field(default_factory=dict)
    """By member index."""


@dataclass(slots=True)
class SegmentState:
    """A segment as opened last. `keys` are all registrations before that, in order: `ledger.masks.segment.sound_keys`
    says which count. `setups` are by member index: each member's first of this opening, until its cast is fixed.

    `epoch` and `members` are of its electorate. `cast` is None until it is fixed, in block `fixed_in`.
    """

    number: int
    opener: int
    roster: frozenset[int]
    keys: tuple[KeyRegistration, ...]
    epoch: int
    members: int
    deadline: int
    tx: bytes
    block: int
    setups: dict[int, SetUp] = field(default_factory=dict)
    proposals: list[MaskProposal] = field(default_factory=list)
    cast: frozenset[int] | None = None
    fixed_in: int = 0

    @property
    def majority(self) -> int:
        """How many members fix its cast."""
        return self.members // 2 + 1

    @property
    def quiet_until(self) -> int:
        """The last second of the time to set up, or to agree with the latest proposal. A first cast may be proposed
        before, and lives until then at least.
        """
        return self.proposals[-1].deadline if self.proposals else self.deadline


@dataclass(slots=True)
class RoundMasks:
    """What the board says of a round: `set` is None until it is fixed, in block `fixed_in`. The round ended no sooner
    than in the second `under_way`.

    `answers` are self seeds with shares, `given` later shares, `shown` openings, of which a member's first
    counts; each by member index. The epoch and the number of members are of its electorate, the round's.
    """

    round: int
    epoch: int = 0
    members: int = 0
    proposals: list[MaskProposal] = field(default_factory=list)
    set: frozenset[int] | None = None
    fixed_in: int = 0
    under_way: int = 0
    unmask_deadline: int = 0
    share_deadline: int = 0
    answers: dict[int, MaskAnswer] = field(default_factory=dict)
    given: dict[int, MaskAnswer] = field(default_factory=dict)
    shown: dict[int, KeyShown] = field(default_factory=dict)

    @property
    def majority(self) -> int:
        """How many members fix its set."""
        return self.members // 2 + 1

    @property
    def silent(self) -> frozenset[int]:
        """The members of the fixed set that did not unmask."""
        return (self.set or frozenset()) - self.answers.keys()


@dataclass(slots=True)
class JobMasks:
    """The masks of a job whose proposer configured them, in transaction `tx` of `block`.

    `latest` is the number of the segment opened last, which alone can be set up; 0 before the first. A round is in
    `rounds` once a set was proposed for it; the last one there alone is agreed with and answered.
    """

    terms: Masking
    tx: bytes
    block: int
    segments: dict[int, SegmentState] = field(default_factory=dict)
    rounds: dict[int, RoundMasks] = field(default_factory=dict)
    latest: int = 0

    def number_of(self, round_: int) -> int:
        """The segment that a round, from 1, is of."""
        return (round_ - 1) // self.terms.segment + 1

    def segment_of(self, round_: int) -> SegmentState | None:
        """The segment of a round, once it was opened."""
        return self.segments.get(self.number_of(round_))

    def cast_of(self, round_: int) -> frozenset[int]:
        """The cast of a round's segment; nobody until it is fixed."""
        segment = self.segment_of(round_)
        return (segment.cast if segment else None) or frozenset()

    def in_set_up(self, opened: SegmentState, proposal: MaskProposal) -> bool:
        """Whether a cast was proposed in the time to set up: others live for `set_seconds`, from later on."""
        return proposal.deadline <= opened.deadline + self.terms.set_seconds

    def threshold(self, roster: int) -> int:
        """How many shares rebuild a secret that was dealt to a roster of so many members."""
        return self.terms.threshold_of(roster)

    def least(self, roster: int) -> int:
        """How many members a cast out of a roster of so many has at least."""
        return self.terms.least(roster)
