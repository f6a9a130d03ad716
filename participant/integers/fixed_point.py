"""The border between floats and the ledger's integers (docs/spec/artifact.md).

A float v becomes q = v · 2^f rounded to the nearest integer, half away from zero; q stands for q · 2^-f. The work is
done in float64: scaling by a power of two is exact there, and so is the split into whole part and fraction, so every
float32, float16 and bfloat16 has one q on any machine. What has none is refused here, before anything is stored.
"""

from collections.abc import Iterator, Mapping
from math import isinf, isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.dtypes import FLOAT, HIGHEST, LOWEST

Floats = NDArray[np.float64]
Stream = NDArray[np.int32]
"""The integers of a model or an update: shape (layout.values,), tensors by ascending name, each in row-major order."""

PIECE = 1 << 14
"""Values converted at a time: memory beside the model does not grow with it, and a piece stays in a core's cache."""
_BELOW_HALF = np.nextafter(0.5, 0)


class NotRepresentable(Malformed):
    """A value that has no place in the ledger's integers. `facts`: tensor, index, coordinates, value, bound."""


def to_integers(tensor: Tensor, values: NDArray[Any]) -> NDArray[np.int32]:
    """The integers of one tensor of floats or integers, flat. Raises NotRepresentable for NaN, Inf and out of range."""
    flat = values.ravel()
    integers = np.empty(flat.size, np.int32)
    whole = values.dtype.kind in "iub" and tensor.fraction_bits == 0
    room = np.empty((2, min(PIECE, flat.size)))
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE]
        place = integers[start : start + PIECE]
        if whole:
            place[:] = _narrow(tensor, piece, piece, start, float(HIGHEST))
        else:
            place[:] = _rounded(tensor, piece, start, room[:, : piece.size])
    return integers


def to_floats(tensor: Tensor, integers: NDArray[np.int32]) -> Floats:
    """The numbers that integers stand for, in the tensor's shape: exact in float64."""
    return np.ldexp(integers.astype(np.float64), -tensor.fraction_bits).reshape(tensor.shape)


def to_stream(layout: Layout, values: Mapping[str, NDArray[Any]]) -> Stream:
    """The integers of a whole model. `values[name]` must have the shape that the layout says.

    Raises Malformed for a missing, an extra or a misshapen tensor, NotRepresentable for a value.
    """
    check_names(layout, values)
    stream = np.empty(layout.values, np.int32)
    for tensor, start in zip(layout.tensors, layout.starts, strict=False):
        array = values[tensor.name]
        if array.shape != tensor.shape:
            raise Malformed(f"tensor {tensor.name!r} has another shape", expected=tensor.shape, actual=array.shape)
        stream[start : start + tensor.values] = to_integers(tensor, array)
    return stream


def from_stream(layout: Layout, stream: Stream) -> Iterator[tuple[str, Floats]]:
    """The numbers of a model, tensor by tensor. Raises Malformed where the stream is too short or too long."""
    check_length(layout, stream)
    for tensor, start in zip(layout.tensors, layout.starts, strict=False):
        yield tensor.name, to_floats(tensor, stream[start : start + tensor.values])


def difference(layout: Layout, model: Stream, base: Stream) -> Stream:
    """The update: model - base. Raises NotRepresentable where a difference leaves 32 bits, naming tensor and place."""
    check_length(layout, model)
    check_length(layout, base)
    update = np.empty_like(model)
    for start in range(0, layout.values, PIECE):
        wide = model[start : start + PIECE].astype(np.int64) - base[start : start + PIECE]
        outside = (wide < LOWEST) | (wide > HIGHEST)
        if outside.any():
            raise _too_far(layout, start + int(np.argmax(outside)), int(wide[np.argmax(outside)]))
        update[start : start + PIECE] = wide
    return update


def check_names(layout: Layout, values: Mapping[str, object]) -> None:
    """Raise Malformed, naming it, where a tensor is missing or not in the layout."""
    expected = {tensor.name for tensor in layout.tensors}
    for name in sorted(expected - values.keys()):
        raise Malformed(f"the model lacks tensor {name!r}", tensors=len(values), expected=len(expected))
    for name in sorted(values.keys() - expected):
        raise Malformed(f"the model has a tensor {name!r} that the job does not have", expected=len(expected))


def check_length(layout: Layout, stream: Stream) -> None:
    """Raise Malformed where a stream is not the layout's length, or not of int32."""
    if stream.dtype != np.int32 or stream.shape != (layout.values,):
        raise Malformed(
            "not a stream of this layout",
            expected=f"int32 {(layout.values,)}",
            actual=f"{stream.dtype} {stream.shape}",
        )


def _rounded(tensor: Tensor, values: NDArray[Any], start: int, room: Floats) -> Floats:
    """A piece of a tensor of floats that begins at its value number `start`, scaled and made ready to be cut off.

    Half away from zero is to add a half and cut the fraction off; what is added is the number below a half, or the one
    below a half would become 1. For what fits 32 bits, the sum reaches the next integer just where it must.
    """
    scaled: Floats = room[0]
    halves: Floats = room[1]
    scaled[:] = values
    with np.errstate(over="ignore"):
        scaled *= 2.0**tensor.fraction_bits
    if not (scaled.max() < HIGHEST + 0.5 and scaled.min() > LOWEST - 0.5):
        _refuse_first(tensor, scaled, values, start)
    np.copysign(_BELOW_HALF, scaled, out=halves)
    halves += scaled
    return halves


def _refuse_first(tensor: Tensor, scaled: Floats, values: NDArray[Any], start: int) -> None:
    bound = HIGHEST * 2.0**-tensor.fraction_bits
    numbers = np.isfinite(values.astype(np.float64))
    _refuse(tensor, ~numbers, values, start, "holds a value that is not a number the ledger can hold", bound)
    outside = (scaled <= LOWEST - 0.5) | (scaled >= HIGHEST + 0.5)
    _refuse(tensor, outside, values, start, "holds a value out of range", bound)


def _narrow(
    tensor: Tensor, integers: NDArray[Any], values: NDArray[Any], start: int, bound: float
) -> NDArray[np.int32]:
    outside = (integers < LOWEST) | (integers > HIGHEST)
    _refuse(tensor, outside, values, start, "holds a value out of range", bound)
    return integers.astype(np.int32)


def _refuse(tensor: Tensor, bad: NDArray[np.bool_], values: NDArray[Any], start: int, what: str, bound: float) -> None:
    if bad.any():
        index = int(np.argmax(bad))
        raise _error(tensor, start + index, what, value=values[index].item(), bound=bound)


def _too_far(layout: Layout, value: int, change: int) -> NotRepresentable:
    name, index = layout.locate(value)
    tensor = next(tensor for tensor in layout.tensors if tensor.name == name)
    return _error(
        tensor,
        index,
        "moved too far from the base model for one update",
        value=float(np.ldexp(float(change), -tensor.fraction_bits)),
        bound=HIGHEST * 2.0**-tensor.fraction_bits,
    )


def _advice(tensor: Tensor, value: float) -> str:
    """What helps, by what the value is."""
    if isnan(value):
        return "training has diverged: train with a lower learning rate, and look for a division by zero"
    if isinf(value):
        return (
            "if it is a constant, such as a mask, leave it out of shared(model); else train with a lower learning rate"
        )
    if tensor.released != FLOAT:
        return "the ledger holds integers of 32 bits: leave the tensor out of shared(model)"
    return "give the tensor fewer fraction_bits in the draft's [tensors], or train with a lower learning rate"


def _error(tensor: Tensor, index: int, what: str, value: float, bound: float) -> NotRepresentable:
    return NotRepresentable(
        f"tensor {tensor.name!r} {what}",
        advice=_advice(tensor, value),
        tensor=tensor.name,
        index=index,
        coordinates=tuple(int(i) for i in np.unravel_index(index, tensor.shape)),
        value=value,
        bound=bound,
        fraction_bits=tensor.fraction_bits,
    )
