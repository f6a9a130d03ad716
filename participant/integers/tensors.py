"""A torch model's state as the ledger's tensors: sorted by name, scalars as shape (1,), counters without fraction.

Integer and boolean buffers, such as batch normalisation's `num_batches_tracked`, take fraction_bits 0: they are exact
on the ledger, and their mean over parties is rounded to an integer like every other value.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import torch
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.dtypes import FLOAT, Dtype, bounds
from participant.integers.fixed_point import Stream, check_names, from_stream, to_stream
from participant.integers.precision import bits_of

State = Mapping[str, torch.Tensor]
_INTEGERS: dict[torch.dtype, Dtype] = {
    torch.bool: "BOOL",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.int32: "I32",
    torch.int64: "I64",
    torch.uint8: "U8",
    torch.uint16: "U16",
    torch.uint32: "U32",
    torch.uint64: "U64",
}
_IN_NUMPY = frozenset({torch.float16, torch.float32, torch.float64, *_INTEGERS})


def table(state: State, fraction_bits: int, by_pattern: Mapping[str, int] = MappingProxyType({})) -> tuple[Tensor, ...]:
    """The tensor table of a model, for its job: the fraction bits of its floats, and others by pattern of names.

    Raises Malformed for a dtype that has no place on the ledger, or as `participant.integers.precision.bits_of`.
    """
    kinds = {name: _kind(name, state[name]) for name in sorted(state)}
    bits = bits_of([name for name, kind in kinds.items() if kind is msgspec.UNSET], fraction_bits, by_pattern)
    return tuple(Tensor(name, _shape(state[name]), bits.get(name, 0), kind) for name, kind in kinds.items())


def stream_of(state: State, layout: Layout) -> Stream:
    """The integers of a model's tensors. Raises what `participant.integers.fixed_point.to_stream` raises.

    Malformed as well for a tensor of another type than the layout says.
    """
    _check_kinds(layout, state)
    return to_stream(layout, {name: _array(name, tensor) for name, tensor in state.items()})


def tensors_of(layout: Layout, stream: Stream, like: State) -> dict[str, torch.Tensor]:
    """What a stream stands for, with the shapes, dtypes and devices of the tensors in `like`.

    Raises Malformed where these are not the layout's. Going back with `stream_of` gives the same integers as long as
    they have at most 24 significant bits, float32's.
    """
    check_names(layout, like)
    for tensor in layout.tensors:
        if _shape(like[tensor.name]) != tensor.shape:
            raise Malformed(
                f"tensor {tensor.name!r} has another shape", expected=tensor.shape, actual=_shape(like[tensor.name])
            )
    _check_kinds(layout, like)
    return {name: _as(like[name], torch.from_numpy(values)) for name, values in from_stream(layout, stream)}


def _as(like: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Narrowed before it is moved: not every device has float64. Of integers, to the nearest that the type has."""
    if like.dtype in _INTEGERS:
        values = values.clamp(*bounds(_INTEGERS[like.dtype]))
    return values.reshape(like.shape).to(like.dtype).to(like.device)


def _array(name: str, tensor: torch.Tensor) -> NDArray[Any]:
    """As numpy, widened where numpy lacks the type; every bfloat16 and every float8 is a float32."""
    _kind(name, tensor)
    wide = tensor.dtype if tensor.dtype in _IN_NUMPY else torch.float32
    try:
        array: NDArray[Any] = tensor.detach().to("cpu", wide).reshape(_shape(tensor)).numpy()
    except (RuntimeError, TypeError) as error:
        raise _unheld(name, tensor, f"PyTorch cannot read it: {str(error)[:200]}") from error
    return array


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape) or (1,)


def _kind(name: str, tensor: torch.Tensor) -> Dtype | msgspec.UnsetType:
    """The type of a tensor of integers; none for one of floats. Raises Malformed, naming it, for one that has no place
    on the ledger.
    """
    kind = _INTEGERS.get(tensor.dtype)
    if tensor.is_quantized or (kind is None and not tensor.is_floating_point()):
        raise _unheld(name, tensor, str(tensor.dtype))
    if tensor.layout is not torch.strided or tensor.is_nested:
        raise _unheld(name, tensor, f"{tensor.dtype}, layout {'nested' if tensor.is_nested else tensor.layout}")
    if tensor.is_meta:
        raise _unheld(name, tensor, "a tensor without data, on the device meta")
    if _overlaps(tensor):
        raise _unheld(name, tensor, f"elements that share memory, strides {tuple(tensor.stride())}")
    return msgspec.UNSET if kind is None else kind


def _check_kinds(layout: Layout, state: State) -> None:
    """Raise Malformed where a tensor's type is not the one that the job says."""
    for tensor in layout.tensors:
        if tensor.name in state and _kind(tensor.name, state[tensor.name]) != tensor.dtype:
            raise Malformed(
                f"tensor {tensor.name!r} has another type",
                expected="floats" if tensor.released == FLOAT else tensor.released,
                actual=str(state[tensor.name].dtype),
            )


def _overlaps(tensor: torch.Tensor) -> bool:
    """Whether elements of one tensor share memory, as after `expand`: it could be read, but never loaded."""
    reach = 0
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1 and stride <= reach:
            return True
        reach += stride * (size - 1) if size else 0
    return False


def _unheld(name: str, tensor: torch.Tensor, actual: str) -> Malformed:
    return Malformed(
        f"tensor {name!r} is of a kind that the ledger cannot hold",
        advice="make it a dense tensor of numbers in memory of its own (`.contiguous()`), or do not share it",
        shape=tuple(tensor.shape) if not tensor.is_nested else "nested",
        actual=actual,
    )
