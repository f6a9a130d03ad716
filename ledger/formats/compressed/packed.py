"""From int32 values to the one encoding that a compressed update of them has."""

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.compressed.packing import Packing

Ints = NDArray[np.int32]


def packed(packing: Packing, values: Ints) -> memoryview:
    """The body of a compressed update's file: the shifts, then the tensors.

    Raises Malformed, naming it, for a tensor whose values no q · 2^s are.
    """
    if values.dtype != np.int32 or values.shape != (packing.model.values,):
        raise Malformed("not a stream of this layout", expected=packing.model.values, actual=str(values.shape))
    body = np.zeros(packing.values, np.uint8)
    for number, tensor in enumerate(packing.model.tensors):
        first = packing.model.starts[number]
        part = values[first : first + tensor.values]
        shift = least_shift(packing, part)
        small = part >> np.int32(shift)
        if (small << np.int32(shift) != part).any():
            raise Malformed(f"tensor {tensor.name!r} has values that {packing.bits} bits and a shift do not hold")
        body[number] = shift
        room = body[packing.starts[1 + number] : packing.starts[2 + number]]
        if packing.share == 1:
            room[:] = small.astype(np.int8).view(np.uint8)
            continue
        halves = (small & 15).astype(np.uint8)
        room[:] = halves[::2]
        room[: len(halves) // 2] |= halves[1::2] << np.uint8(4)
    return body.data


def least_shift(packing: Packing, values: Ints) -> int:
    """The least shift with which the largest of the values has a q. Raises Malformed for −2^31, which none has."""
    top = max(int(values.max()), -int(values.min()))
    if top >> 31:
        raise Malformed("a value is -2^31, which no q and no shift make")
    return max(0, top.bit_length() - packing.bits + 1)
