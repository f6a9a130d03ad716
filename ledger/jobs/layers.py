"""A network as a job describes it, layer by layer: all that exact inference needs beside the integers of the model.

`shapes` follows one input through the layers and refuses a network that the job's tensors do not make
(docs/spec/scores.md, "Committed sets").
"""

from collections.abc import Sequence
from math import prod

import msgspec

from ledger.errors import Malformed
from ledger.formats.artifact import Tensor

MAX_LAYERS = 64
MAX_FAN_IN = 1 << 16
"""Inputs of one output: the bound that keeps 64-bit sums exact (ledger/scores/inference.py)."""
MAX_ACTIVATIONS = 1 << 24
MAX_PADDING = 16
MAX_FRACTION_SHIFT = 16
Shape = tuple[int, ...]


class _Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="layer"):
    """`weight` and `bias` are names of the job's tensors."""


class Linear(_Layer, frozen=True, tag="linear"):
    """y = W·x + b, `weight` of shape (out, in), `bias` of shape (out,)."""

    weight: str
    bias: str


class Conv2d(_Layer, frozen=True, tag="conv2d"):
    """Cross-correlation with stride 1: `weight` of shape (out, in, height, width), zeros around the image."""

    weight: str
    bias: str
    padding: int


class Relu(_Layer, frozen=True, tag="relu"):
    """max(x, 0)."""


class MaxPool(_Layer, frozen=True, tag="max_pool"):
    """The maximum of each `size` × `size` square, side by side; rows and columns left over are dropped."""

    size: int


class Flatten(_Layer, frozen=True, tag="flatten"):
    """All values of one input in a row."""


Layer = Linear | Conv2d | Relu | MaxPool | Flatten


def shapes(inputs: Shape, layers: Sequence[Layer], tensors: Sequence[Tensor]) -> tuple[Shape, ...]:
    """The shape of one input, then of what each layer makes of it. Raises Malformed, naming the layer.

    1. There are layers and not too many; each takes the shape that the one before it makes.
    2. Each tensor of the table is weight or bias of exactly one layer, and of the shape that this demands.
    3. No output has more than 2^16 inputs, no input makes more than 2^24 values.
    4. A bias has at most 16 fraction bits more than its weight.
    """
    if not 0 < len(layers) <= MAX_LAYERS:
        raise Malformed("a network has at least one layer and not too many", layers=len(layers), maximum=MAX_LAYERS)
    table = {tensor.name: tensor for tensor in tensors}
    found = [inputs]
    for number, layer in enumerate(layers, 1):
        found.append(_Step(number, layer, table).after(found[-1]))
    if table:
        raise Malformed(f"tensor {min(table)!r} belongs to no layer", layers=len(layers))
    return tuple(found)


class _Step:
    """One layer's demands on what comes in; takes the tensors it uses out of the table."""

    def __init__(self, number: int, layer: Layer, table: dict[str, Tensor]) -> None:
        self.number, self.layer, self.table = number, layer, table

    def after(self, shape: Shape) -> Shape:
        made = self._made(shape)
        if min(made) < 1 or prod(made) > MAX_ACTIVATIONS:
            raise self._error(f"makes nothing, or more than {MAX_ACTIVATIONS} values", made)
        return made

    def _made(self, shape: Shape) -> Shape:
        match self.layer:
            case Relu():
                return shape
            case Flatten():
                return (prod(shape),)
            case MaxPool(size=size):
                self._demand(len(shape) == 3 and 1 <= size <= min(shape[1:]), "cannot pool", shape)
                return (shape[0], shape[1] // size, shape[2] // size)
            case Linear(weight=weight, bias=bias):
                outputs, inputs = self._weight(weight, 2)
                self._bias(weight, bias, outputs)
                self._demand(shape == (inputs,), f"takes {(inputs,)}", shape)
                return (outputs,)
            case Conv2d(weight=weight, bias=bias, padding=padding):
                self._demand(0 <= padding <= MAX_PADDING, f"cannot pad: 0 to {MAX_PADDING} is allowed", padding)
                outputs, inputs, high, wide = self._weight(weight, 4)
                self._bias(weight, bias, outputs)
                self._demand(len(shape) == 3 and shape[0] == inputs, f"takes {inputs} channels of an image", shape)
                return (outputs, shape[1] + 2 * padding - high + 1, shape[2] + 2 * padding - wide + 1)

    def _weight(self, name: str, dimensions: int) -> Shape:
        tensor = self._tensor(name)
        self._demand(len(tensor.shape) == dimensions, f"wants a weight of {dimensions} dimensions", tensor.shape)
        self._demand(prod(tensor.shape[1:]) <= MAX_FAN_IN, f"has more than {MAX_FAN_IN} inputs an output", tensor.shape)
        self._weight_bits = tensor.fraction_bits
        return tensor.shape

    def _bias(self, weight: str, name: str, outputs: int) -> None:
        tensor = self._tensor(name)
        self._demand(tensor.shape == (outputs,), f"wants a bias of shape {(outputs,)}", tensor.shape)
        finer = tensor.fraction_bits - self._weight_bits
        self._demand(finer <= MAX_FRACTION_SHIFT, f"has a bias much finer than its weight {weight!r}", finer)

    def _tensor(self, name: str) -> Tensor:
        tensor = self.table.pop(name, None)
        if tensor is None:
            raise self._error("uses a tensor that the job does not have, or that another layer uses", name[:80])
        return tensor

    def _demand(self, held: bool, what: str, actual: object) -> None:
        if not held:
            raise self._error(what, actual)

    def _error(self, what: str, actual: object) -> Malformed:
        name = self.layer.__struct_config__.tag
        return Malformed(f"scoring.evidence.layers: layer {self.number} ({name}) {what}", actual=actual)
