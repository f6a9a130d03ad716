"""Masks on updates, and off their sum (docs/spec/masks.md, "Arithmetic"). All mod 2^64, and exact.

What a member does to its update, what aggregators and auditors do to the sum, and what an opening does to one update
are each some seeds whose streams are added and some whose streams are taken away.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ledger.errors import Malformed
from ledger.formats.artifact import Layout
from ledger.formats.header import Binding
from ledger.kernel.pure import Ints, Sums
from ledger.masks.keys import Cast
from ledger.masks.noise import MemberNoise, NoiseLaw
from ledger.masks.secret import Secret
from ledger.masks.streams import Words, add_streams_on


@dataclass(frozen=True, slots=True)
class Masks:
    """Seeds whose streams are added, and seeds whose streams are taken away; and a member's own noise."""

    plus: Sequence[Secret] = field(repr=False)
    minus: Sequence[Secret] = field(repr=False)
    noise: MemberNoise | None = field(default=None, repr=False)

    def apply(self, values: Words, start: int, threads: int = 1) -> None:
        """Add and take away, in place; `values` begin at value `start` of the model. Memory does not grow with them."""
        add_streams_on(threads, values, self.plus, self.minus, start)
        if self.noise is not None:
            self.noise.apply(values, start, threads)


def masking(cast: Cast, member: int, key: Secret, seed: Secret, law: NoiseLaw | None = None) -> Masks:
    """What a member adds to its weighted update, by both its secrets of the round; with a `law`, its noise, too.

    Raises Malformed where the key is not the round's: the masks would never go away.
    """
    if member not in cast.points or not cast.fits(member, key):
        raise Malformed("the round key is not the one of this member's set-up file", member=member)
    higher, lower = cast.signed_seeds(member, key)
    return Masks([seed, *higher], lower, law.of(cast.round, member, key) if law else None)


def unmasking(cast: Cast, chosen: Collection[int], seeds: Mapping[int, Secret], keys: Mapping[int, Secret]) -> Masks:
    """What takes the masks off the sum of the updates of members `chosen`: their self seeds, the others' round keys.

    All of them were held to the set-up files before. Raises Malformed unless there is a self seed for each member that
    is chosen, a round key for each of the cast that is not, and never both.
    """
    left = cast.points.keys() - set(chosen)
    if not set(chosen) <= cast.points.keys() or seeds.keys() != set(chosen) or keys.keys() != left:
        raise Malformed(
            "a sum is unmasked by one secret of each member of the cast",
            chosen=sorted(chosen),
            seeds=sorted(seeds),
            keys=sorted(keys),
        )
    pairs = [(one, cast.pairs(one, keys[one], sorted(chosen))) for one in sorted(left)]
    above = [seed for one, shared in pairs for other, seed in shared.items() if one > other]
    below = [seed for one, shared in pairs for other, seed in shared.items() if one < other]
    return Masks(below, [*seeds.values(), *above])


def opening(cast: Cast, member: int, key: Secret, seed: Secret, law: NoiseLaw | None = None) -> Masks:
    """What takes masks and noise off one member's update: the reverse of its `masking`. Raises Malformed as that."""
    masks = masking(cast, member, key, seed, law)
    return Masks(masks.minus, masks.plus, masks.noise.reversed() if masks.noise else None)


def masked(values: Ints, weight: int, masks: Masks, start: int, threads: int = 1) -> Words:
    """A run of an update under its masks: w·q plus all of them."""
    weighted = np.multiply(values, weight, dtype=np.int64).view(np.uint64)
    masks.apply(weighted, start, threads)
    return weighted


def unmasked(total: Words, masks: Masks, start: int, threads: int = 1) -> Sums:
    """A run of a sum, or of one update, without its masks, in place: Σ w·q, or w·q."""
    masks.apply(total, start, threads)
    return total.view(np.int64)


def masked_file(
    layout: Layout, binding: Binding, values: Ints, weight: int, masks: Masks, threads: int = 1
) -> Iterator[bytes]:
    """The masked update's file in blocks; `layout` is the job's, whose values are integers of 32 bits."""
    head = layout.masked.header(binding)
    for start, stop in layout.masked.bands():
        yield head + masked(values[start:stop], weight, masks, start, threads).astype("<u8", copy=False).tobytes()
        head = b""
