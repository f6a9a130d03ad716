"""The events of the contract MaskBoard: keys, set-ups, the cast of a segment, the set of a round, seeds and shares.

`job`, `segment` and `round` are numbers from 1. `roster`, `cast` and `set` are numbers of 256 bits: bit i is set for
member i. Members are named by their keys, EIP-55 addresses. Deadlines are seconds since 1970 by the chain's clock, each
still in time. What a seed, share or key is worth, the log does not say (docs/spec/masks.md).
"""

import msgspec

from ledger.events.event import Event


class Masking(msgspec.Struct, frozen=True, gc=False):
    """The terms of a masked job, as the contract keeps them: interfaces/IMaskBoard.sol says what each means."""

    segment: int
    smallest: int
    threshold: int
    set_up_seconds: int
    set_seconds: int
    unmask_seconds: int
    share_seconds: int

    def threshold_of(self, roster: int) -> int:
        """How many shares rebuild a secret that was dealt to a roster of so many members."""
        return max(self.threshold, roster // 2 + 1) if self.threshold else 2 * roster // 3 + 1

    def least(self, roster: int) -> int:
        """How many members a cast out of a roster of so many has at least."""
        return max(self.threshold_of(roster), self.smallest)


class MaskEvent(Event, frozen=True):
    """An event of MaskBoard; all of them are in `AnyMaskEvent`."""


class MaskingConfigured(MaskEvent, frozen=True, tag=True):
    """The job's proposer made it a masked one."""

    job: int
    terms: Masking


class MaskKeyRegistered(MaskEvent, frozen=True, tag=True):
    """A member named its mask key: an X25519 point (32 bytes), sound or not."""

    member: str
    key: bytes


class SegmentOpened(MaskEvent, frozen=True, tag=True):
    """An aggregator opened a segment for `roster` to set up until `deadline`; earlier set-ups count no more."""

    job: int
    segment: int
    aggregator: str
    roster: int
    deadline: int


class SegmentSetUp(MaskEvent, frozen=True, tag=True):
    """A participant published a set-up file, by the digest of its CID (32 bytes), until this deadline.

    The contract knows of no opening here: one that has another deadline says nothing.
    """

    job: int
    segment: int
    member: str
    deadline: int
    cid: bytes


class CastProposed(MaskEvent, frozen=True, tag=True):
    """An aggregator proposed whose set-ups count, and agrees with it; others may until `deadline`."""

    job: int
    segment: int
    aggregator: str
    cast: int
    deadline: int


class CastAgreed(MaskEvent, frozen=True, tag=True):
    """A member came to the proposed cast."""

    job: int
    segment: int
    member: str


class CastFixed(MaskEvent, frozen=True, tag=True):
    """A majority agrees with the cast; the segment has no other, ever."""

    job: int
    segment: int
    cast: int


class SetProposed(MaskEvent, frozen=True, tag=True):
    """An aggregator proposed whose updates are summed, under the receipts file of this SHA-256, and agrees with it."""

    job: int
    round: int
    aggregator: str
    set: int
    receipts: bytes
    deadline: int


class SetAgreed(MaskEvent, frozen=True, tag=True):
    """A member came to the proposed set."""

    job: int
    round: int
    member: str


class SetFixed(MaskEvent, frozen=True, tag=True):
    """A majority agrees with the set; the round has no other, ever."""

    job: int
    round: int
    set: int
    unmask_deadline: int
    share_deadline: int


class Unmasked(MaskEvent, frozen=True, tag=True):
    """A member of the set showed its self seed (32 bytes), and its shares of the others' round keys.

    `shares` has 33 bytes for each: the dealer's index, and the share.
    """

    job: int
    round: int
    member: str
    seed: bytes
    shares: bytes


class SharesGiven(MaskEvent, frozen=True, tag=True):
    """A member gave its shares of what is missing: self seeds of the silent in the set, round keys of those outside."""

    job: int
    round: int
    member: str
    shares: bytes


class UpdateUnmasked(MaskEvent, frozen=True, tag=True):
    """A member of the set of a round without a model showed its round key (32 bytes), and so its update."""

    job: int
    round: int
    member: str
    key: bytes


AnyMaskEvent = (
    MaskingConfigured
    | MaskKeyRegistered
    | SegmentOpened
    | SegmentSetUp
    | CastProposed
    | CastAgreed
    | CastFixed
    | SetProposed
    | SetAgreed
    | SetFixed
    | Unmasked
    | SharesGiven
    | UpdateUnmasked
)
