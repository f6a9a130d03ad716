"""An update within the clip that hides its member: scaled down and rounded to whole grains, in integers
(docs/spec/privacy.md, "Hiding members").

Rounding is by chance, up or down, so that what is smaller than a grain is not lost in the mean of many; the chances
follow from the update, and nobody needs to know them: whatever is within the clip is hidden alike.
"""

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from ledger import kernel
from ledger.budget.members import ceil_sqrt
from ledger.jobs.document import Admission
from ledger.jobs.members import ClientNoise
from ledger.masks.secret import Secret
from ledger.masks.streams import words

Integers = NDArray[np.int32]
DOMAIN = b"fedledger rounding/1\x00"
FINENESS = 30
"""Bits of the share that is left of an update: values have 31, grains up to 20, and all of it fits 63."""
TRIES = 16
_SLICE = 1 << 16


def clipped(update: Integers, said: ClientNoise, limits: Admission) -> Integers:
    """The update with no value and no norm beyond the job's limits, all values whole multiples of the grain.

    One whose norm is within the clip, in whole grains, stays as it is.
    """
    chances = Secret(sha256(DOMAIN + np.ascontiguousarray(update, "<i4").tobytes()).digest())
    most, squares = said.clip * said.grain, kernel.survey(update)[1]
    share = first = min(1 << FINENESS, (most << FINENESS) // max(ceil_sqrt(squares), 1))
    largest = limits.max_value // said.grain
    for _ in range(TRIES):
        grains = _rounded(update, share, said.grain, largest, chances)
        squares = kernel.survey(grains)[1]
        if squares <= said.clip**2:
            return grains * np.int32(said.grain)
        share = min(share * said.clip // ceil_sqrt(squares), share - 1)
    return _rounded(update, first, said.grain, largest, None) * np.int32(said.grain)


def _rounded(update: Integers, share: int, grain: int, largest: int, chances: Secret | None) -> Integers:
    """A share of the update in grains: rounded by chance, or towards zero without."""
    shift = FINENESS + grain.bit_length() - 1
    made = np.empty_like(update)
    for at in range(0, len(update), _SLICE):
        part = update[at : at + _SLICE].astype(np.int64)
        sizes = np.abs(part) * share
        if chances is not None:
            sizes += (words(chances, at, len(part)) >> np.uint64(64 - shift)).view(np.int64)
        made[at : at + _SLICE] = np.sign(part) * np.minimum(sizes >> shift, largest)
    return made
