"""From the bytes of a compressed update to the int32 values that everyone reckons with: the one copy of it.

Of an update there is one encoding. So who reads one from front to back, to judge it, refuses all others.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.artifact import Buffer
from ledger.formats.compressed.packing import Packing, TensorRange

Ints = NDArray[np.int32]
Small = NDArray[np.int8]
Tops = NDArray[np.uint8]
"""The largest magnitude of a q so far, by tensor."""

_SIGNED = [half - 16 if half >= 8 else half for half in range(16)]
_PAIRS = np.frombuffer(bytes(_SIGNED[half] & 255 for byte in range(256) for half in (byte & 15, byte >> 4)), np.uint16)
"""By byte, its two integers of 4 bits as two of 8."""


class Unpacking:
    """The values of one update, whose first bytes are its `shifts`.

    With `whole` they come from front to back, in runs that follow each other, and are held to the one encoding:

    1. Each shift is 0 to 24, or 28 where a q has 4 bits: nothing leaves int32.
    2. No q is −128, or −8.
    3. Behind a tensor of an odd number of 4-bit integers the last half byte is zero.
    4. A tensor's shift is the least: it is 0, or a q of the tensor is 64 or more in magnitude, or 4.

    Raises Malformed where it is another: for 1 at once, else as the values come.
    """

    def __init__(self, packing: Packing, shifts: Buffer, *, whole: bool = False) -> None:
        self._packing, self._shifts = packing, np.frombuffer(shifts, np.uint8)
        if len(self._shifts) != packing.shifts:
            raise Malformed("the artifact is truncated", expected=packing.shifts, actual=len(self._shifts))
        self._tops: Tops | None = np.zeros(packing.shifts, np.uint8) if whole else None
        too_far = self._shifts > packing.largest_shift
        if too_far.any():
            at, allowed = int(too_far.argmax()), f"0 to {packing.largest_shift}"
            raise Malformed(
                f"tensor {self._name(at)!r} has a shift that is not in its form",
                expected=allowed,
                actual=int(self._shifts[at]),
            )

    def values(self, data: Buffer, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of the model, from the bytes of their `span`."""
        packing, made = self._packing, np.empty(stop - start, "<i4")
        first, last = packing.span(start, stop)
        if len(data) != last - first:
            raise Malformed("the artifact is truncated", expected=last - first, actual=len(data))
        done, packed = 0, np.frombuffer(data, np.uint8)
        for one in packing.segments(start, stop):
            begin = packing.starts[1 + one.tensor] - first
            held = packed[begin + one.start // packing.share : begin + -(-one.stop // packing.share)]
            small = held.view(np.int8) if packing.share == 1 else _halves(held)[one.start % 2 :]
            if self._tops is not None:
                self._check(self._tops, one, small)
            room = made[done : done + one.stop - one.start]
            np.left_shift(small[: len(room)], np.int32(self._shifts[one.tensor]), out=room, dtype=np.int32)
            done += len(room)
        return made

    def _check(self, tops: Tops, one: TensorRange, small: Small) -> None:
        """Checks 2 to 4. `small` has the half byte behind the last value of the tensor, where there is one."""
        packing, ends = self._packing, one.stop == self._packing.model.tensors[one.tensor].values
        if ends and len(small) > one.stop - one.start and small[-1]:
            raise Malformed(
                f"tensor {self._name(one.tensor)!r} has a last half byte that stands for no value",
                expected=0,
                actual=int(small[-1]) & 15,
            )
        low, high = int(small.min()), int(small.max())
        if low < -packing.most:
            raise Malformed(
                f"tensor {self._name(one.tensor)!r} holds an integer that no encoding has",
                minimum=-packing.most,
                actual=low,
            )
        top, shift = max(int(tops[one.tensor]), -low, high), int(self._shifts[one.tensor])
        tops[one.tensor] = top
        if ends and shift and 2 * top <= packing.most:
            least = max(0, shift - (packing.most // top).bit_length() + 1) if top else 0
            raise Malformed(
                f"tensor {self._name(one.tensor)!r} has a shift that is not the least", expected=least, actual=shift
            )

    def _name(self, tensor: int) -> str:
        return self._packing.model.tensors[tensor].name


class UnpackedBands:
    """The values of a compressed update in runs that follow each other, from the bytes of its body that `take` takes
    from front to back. Between two it holds one byte, which may have a value of each. Raises as `Unpacking` and `take`.
    """

    def __init__(self, packing: Packing, take: Callable[[int], Buffer], *, whole: bool = False) -> None:
        self._packing, self._take, self._at = packing, take, packing.shifts
        self._unpacking, self._held = Unpacking(packing, take(packing.shifts), whole=whole), b""

    def values(self, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of the model, the first run's start being 0."""
        first, behind = self._packing.span(start, stop)
        data = self._take(behind - self._at)
        if first < self._at:
            data = self._held + bytes(data)
        self._at, self._held = behind, bytes(data[-1:])
        return self._unpacking.values(data, start, stop)


def _halves(packed: NDArray[np.uint8]) -> Small:
    """The two integers of each byte, the one in its low half first."""
    return _PAIRS[packed].view(np.int8)
