"""A torch model's state as the ledger's tensors: sorted by name, scalars as shape (1,), counters without fraction.

Integer and boolean buffers, such as batch normalisation's `num_batches_tracked`, take fraction_bits 0: they are exact
on the ledger, and their mean over parties is rounded to an integer like every other value.
"""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from participant.integers.fixed_point import Stream, check_names, from_stream, to_stream

State = Mapping[str, torch.Tensor]


def table(state: State, fraction_bits: int) -> tuple[Tensor, ...]:
    """The tensor table of a model, for its job. Raises Malformed for a dtype that has no place on the ledger."""
    return tuple(
        Tensor(name, _shape(state[name]), 0 if _integral(name, state[name]) else fraction_bits)
        for name in sorted(state)
    )


def stream_of(model: torch.nn.Module, layout: Layout) -> Stream:
    """The integers of a model. Raises what `participant.integers.fixed_point.to_stream` raises."""
    state: State = model.state_dict()
    return to_stream(layout, {name: _array(name, tensor) for name, tensor in state.items()})


def load(model: torch.nn.Module, layout: Layout, stream: Stream) -> None:
    """Set a model to what a stream stands for. Raises Malformed where the model is not the layout's.

    Going back with `stream_of` gives the same integers as long as they have at most 24 significant bits, float32's.
    """
    state: State = model.state_dict()
    check_names(layout, state)
    for tensor in layout.tensors:
        if _shape(state[tensor.name]) != tensor.shape:
            raise Malformed(
                f"tensor {tensor.name!r} has another shape", expected=tensor.shape, actual=_shape(state[tensor.name])
            )
    with torch.no_grad():
        for name, values in from_stream(layout, stream):
            state[name].copy_(torch.from_numpy(values).reshape(state[name].shape))


def _array(name: str, tensor: torch.Tensor) -> NDArray[Any]:
    """As numpy, widened where numpy lacks the type; every bfloat16 is a float32."""
    kind = torch.int64 if _integral(name, tensor) else tensor.dtype
    wide = torch.float32 if kind is torch.bfloat16 else kind
    array: NDArray[Any] = tensor.detach().to("cpu", wide).reshape(_shape(tensor)).numpy()
    return array


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape) or (1,)


def _integral(name: str, tensor: torch.Tensor) -> bool:
    if tensor.is_complex() or tensor.is_quantized or tensor.is_sparse:
        raise Malformed(f"tensor {name!r} has a dtype the ledger cannot hold", actual=str(tensor.dtype))
    return not tensor.is_floating_point()
