"""A member's own noise under its masks, which it commits to before it can know it (docs/spec/privacy.md).

It follows from the member's round key, whose point stands in its set-up file, and from a block that came after all
set-up files of the segment. Who opens an update shows the key, and so the noise.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from ledger.formats.claims import RoundName
from ledger.formats.digest import sha256
from ledger.masks.keys import agreed, derived
from ledger.masks.secret import SIZE, Secret
from ledger.masks.sharing import PRIME
from ledger.masks.skellam import skellam
from ledger.masks.streams import Words, words

POINT = b"fedledger beacon/1"
SEED = b"fedledger member noise/1"
LOWER = 1 << 32
"""Where in the stream the words stand that settle ties: behind those of all values that a model may have."""
_SLICE = 1 << 15
_CURVE = 486662
"""Curve25519's coefficient (RFC 7748)."""


def beacon_point(beacon: bytes) -> bytes:
    """A point of the curve whose logarithm nobody knows: the first that SHA-256 of beacon and counter is.

    On the curve, and not on its twist, what a key agrees on with it follows from the key's own point alone.
    """
    counter = 0
    while True:
        digest = sha256(POINT + beacon + counter.to_bytes(4, "big"))
        u = int.from_bytes(digest[:-1] + bytes([digest[-1] & 0x7F]), "little")
        if u < PRIME and pow(u * (u * u + _CURVE * u + 1), (PRIME - 1) // 2, PRIME) == 1:
            return u.to_bytes(SIZE, "little")
        counter += 1


def noise_seed(round_: RoundName, member: int, key: Secret, beacon: bytes) -> Secret:
    """The seed of a member's noise in a round, by its round key and the segment's beacon."""
    return Secret(derived(agreed(key, beacon_point(beacon)), SEED + round_.words + bytes([member])))


@dataclass(frozen=True, slots=True)
class NoiseLaw:
    """What each member of a segment's cast adds to its values: Skellam's numbers of `rate`, in units of `grain`."""

    rate: int
    grain: int
    beacon: bytes

    def of(self, round_: RoundName, member: int, key: Secret) -> "MemberNoise":
        """A member's noise in a round."""
        return MemberNoise(self.rate, self.grain, noise_seed(round_, member, key, self.beacon))


@dataclass(frozen=True, slots=True)
class MemberNoise:
    """A stream of noise, which is added, or taken away. Any part of it is made without what stands before it."""

    rate: int
    grain: int
    seed: Secret = field(repr=False)
    away: bool = False

    def reversed(self) -> "MemberNoise":
        """What undoes it."""
        return MemberNoise(self.rate, self.grain, self.seed, not self.away)

    def apply(self, values: Words, start: int, threads: int = 1) -> None:
        """Add it, or take it away, mod 2^64, in place; `values` begin at value `start` of the model."""
        _in_slices(threads, len(values), lambda at, stop: self._apply(values[at:stop], start + at))

    def _apply(self, values: Words, start: int) -> None:
        law, drawn = skellam(self.rate), words(self.seed, start, len(values))
        found, open_ = law.values(drawn)
        for place in open_.tolist():
            lower = words(self.seed, LOWER + start + place, 1)
            found[place] = law.settle(int(drawn[place]), int(lower[0]))
        found *= -self.grain if self.away else self.grain
        np.add(values, found.view(np.uint64), out=values)


def _in_slices(threads: int, count: int, work: Callable[[int, int], None]) -> None:
    """Call it with the bounds of each slice, by several threads."""
    slices = [(at, min(at + _SLICE, count)) for at in range(0, count, _SLICE)]
    if threads < 2 or len(slices) < 2:
        for at, stop in slices:
            work(at, stop)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="noise") as pool:
        for done in [pool.submit(work, at, stop) for at, stop in slices]:
            done.result()
