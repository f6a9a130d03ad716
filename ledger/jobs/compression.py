"""How updates are compressed: the job's section `compression` (docs/spec/job.md, "Compressed updates").

An update has fewer bits for each value: integers of 8 or 4 bits, and a shift for each tensor. What everyone reckons
with is the int32 values that they stand for, so nothing of the arithmetic depends on it.
"""

from typing import Literal

from ledger.errors import Malformed
from ledger.formats.artifact import Layout
from ledger.formats.compressed.packing import Bits, Packing
from ledger.formats.strict import Strict


class Compression(Strict, frozen=True):
    """`bits` of a value in a file. With `error_feedback` a party keeps what rounding took from its update, and adds it
    to its next one (F. Seide et al. 2014); that stays at its home, and no verdict depends on it.
    """

    bits: Literal[8, 4]
    error_feedback: bool

    @property
    def words(self) -> str:
        """What becomes of an update, in a sentence for people."""
        kept = ", and what rounding takes away is added to the party's next update" if self.error_feedback else ""
        return f"to integers of {self.bits} bits, and a shift for each tensor{kept}"


def packing_of(compression: Compression, model: Layout) -> Packing:
    """The layout of a compressed update. Raises Malformed for a model that has none."""
    bits: Bits = compression.bits
    return Packing(model, bits)


def check_compression(compression: Compression, model: Layout, privacy: str) -> None:
    """Refuse a job that could not be run. Raises Malformed.

    1. The model's tensors have a place behind the shifts.
    2. Updates are not masked: a masked value is a word of 64 bits whatever it hides, so nothing would be saved.
    """
    packing_of(compression, model)
    if privacy == "masked":
        raise Malformed(
            "compression does not go with masks: a masked value has 64 bits whatever it hides",
            advice='leave compression out, or say privacy.mode = "none" or "sealed"',
            expected="none or sealed",
            actual=privacy,
        )
