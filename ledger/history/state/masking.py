"""The masks of a job, as the ledger knows them: keys, segments with their casts, rounds with their sets and answers.

Nothing here is judged but what the contract judges: a key may be no point, a set-up file may be refused, a seed or
share may be false (`ledger.masks` says which).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from ledger.events.masks import Masking


def members_in(bitmap: int) -> frozenset[int]:
    """The member indices whose bits are set."""
    return frozenset(_bits(bitmap))


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
    """A member's first set-up file since its segment was opened, in time: SHA-256 of the file and its CID's digest."""

    index: int
    digest: bytes
    cid: bytes
    tx: bytes
    block: int


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a member showed of a round: `seed` (None in `giveShares`), and its shares by the dealer's index."""

    index: int
    seed: bytes | None
    shares: dict[int, bytes]
    tx: bytes
    block: int


class KeyShown(msgspec.Struct, frozen=True, gc=False):
    """A round key with which a member opened its update, in transaction `tx` of `block`."""

    index: int
    key: bytes
    tx: bytes
    block: int


@dataclass(slots=True)
class Proposal:
    """A cast or set that an aggregator proposed, until when members may agree, and who did: itself first.

    `receipts` is the SHA-256 that a set's proposer names; zero for a cast.
    """

    proposer: int
    members: frozenset[int]
    deadline: int
    tx: bytes
    block: int
    receipts: bytes = bytes(32)
    agreeing: dict[int, bytes] = field(default_factory=dict)
    """Transactions by member index."""


@dataclass(slots=True)
class SegmentState:
    """A segment as opened last. `keys` are all registrations before that, in order: `ledger.masks.segment.sound_keys`
    says which count. `setups` are by member index; only those in time and of this opening are here.

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
    proposals: list[Proposal] = field(default_factory=list)
    cast: frozenset[int] | None = None
    fixed_in: int = 0


@dataclass(slots=True)
class RoundMasks:
    """What the board says of a round: `set` is None until it is fixed, in block `fixed_in`.

    `answers` are self seeds with shares, `given` later shares, `shown` openings; each by member index.
    """

    round: int
    proposals: list[Proposal] = field(default_factory=list)
    set: frozenset[int] | None = None
    fixed_in: int = 0
    unmask_deadline: int = 0
    share_deadline: int = 0
    answers: dict[int, Answer] = field(default_factory=dict)
    given: dict[int, list[Answer]] = field(default_factory=dict)
    shown: dict[int, KeyShown] = field(default_factory=dict)


@dataclass(slots=True)
class JobMasks:
    """The masks of a job whose proposer configured them, in transaction `tx` of `block`."""

    terms: Masking
    tx: bytes
    block: int
    segments: dict[int, SegmentState] = field(default_factory=dict)
    rounds: dict[int, RoundMasks] = field(default_factory=dict)

    def number_of(self, round_: int) -> int:
        """The segment that a round, from 1, is of."""
        return (round_ - 1) // self.terms.segment + 1

    def segment_of(self, round_: int) -> SegmentState | None:
        """The segment of a round, once it was opened."""
        return self.segments.get(self.number_of(round_))
