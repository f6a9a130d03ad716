"""A segment: some rounds of a job whose keys are dealt together, and what the ledger says of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ledger.errors import Malformed
from ledger.formats.claims import RoundName
from ledger.formats.digest import sha256
from ledger.masks.keys import check_point

LEAST, MOST = 3, 255
"""How many members a segment may have."""
MOST_ROUNDS = 256


def sound_keys(registered: Iterable[tuple[int, bytes]]) -> dict[int, bytes]:
    """The mask keys of the members that a roster may have, of all registrations in the ledger's order.

    A member's is its latest. One that is no point is none: a bad key keeps its member out, and nobody else. One that
    another member registered too counts for both: who copies a key opens nothing, and keeps its owner from nothing.
    """
    return {member: key for member, key in dict(registered).items() if _is_point(key)}


def _is_point(key: bytes) -> bool:
    try:
        check_point(key, "a mask key")
    except Malformed:
        return False
    return True


@dataclass(frozen=True)
class Segment:
    """Segment `number`, from 1, of `rounds` rounds; `keys` are its members' mask keys, by member index.

    Any `threshold` members can rebuild what was dealt. Raises Malformed where that is no more than half of them, and
    for a mask key that `check_point` refuses.
    """

    chain: int
    ledger: str
    job: int
    number: int
    rounds: int
    threshold: int
    keys: Mapping[int, bytes]

    def __post_init__(self) -> None:
        size = len(self.keys)
        if not LEAST <= size <= MOST or not all(0 <= member < MOST for member in self.keys):
            raise Malformed("a segment has 3 to 255 members", actual=size)
        if not size < 2 * self.threshold <= 2 * size:
            raise Malformed("the threshold is not above half of the members", members=size, actual=self.threshold)
        if not 1 <= self.rounds <= MOST_ROUNDS or self.number < 1:
            raise Malformed("a segment has 1 to 256 rounds, and a number from 1", actual=self.rounds)
        for member, key in self.keys.items():
            check_point(key, f"the mask key of member {member}")

    @cached_property
    def members(self) -> tuple[int, ...]:
        """Member indices, ascending."""
        return tuple(sorted(self.keys))

    @property
    def first(self) -> int:
        """The number of its first round."""
        return (self.number - 1) * self.rounds + 1

    def name(self, place: int) -> RoundName:
        """Its round number `place`, from 0."""
        return RoundName(self.chain, self.ledger, self.job, self.first + place)

    def place(self, round_: int) -> int:
        """Which of its rounds, from 0, has this number in the job. Raises Malformed for a round of another segment."""
        if not 0 <= round_ - self.first < self.rounds:
            raise Malformed("the round is of another segment", expected=self.first, actual=round_)
        return round_ - self.first

    @cached_property
    def roster(self) -> bytes:
        """32 bytes: a bitmap by member index, bit i for member i."""
        return sum(1 << member for member in self.keys).to_bytes(32, "big")

    @cached_property
    def keys_digest(self) -> bytes:
        """The SHA-256 over index and mask key of each member, ascending."""
        return sha256(b"".join(bytes([member]) + self.keys[member] for member in self.members))
