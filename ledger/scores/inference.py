"""A network's outputs from the integers of a model, the same on every machine (docs/spec/scores.md, "Committed sets").

Activations are integers a that stand for a · 2^-16, within ±(2^31 - 1). A layer with weights makes, for each output,
T = Σ w·a + b · 2^(16 + f - g), exactly, with f and g the fraction bits of weight and bias; then T / 2^f, rounded half
away from zero, once, and clamped to that range. All other layers only choose or move values.

Why the sums are exact, though they are done as products of float64 matrices: a float64 holds every integer up to
2^53. A weight w is split into high · 2^16 + low with |high|, |low| <= 2^15, and the inputs into runs so short that
(number of inputs) · max|a| · 2^15 <= 2^53. Then every product, and every sum of some of them, is an integer that a
float64 holds, so nothing is ever rounded: the order of additions, fused multiply-adds, threads and the BLAS kernel
cannot show. `_width` computes the bound from the values that are there, at each call. Runs are added in int64: at most
2^16 inputs (`layers.MAX_FAN_IN`), so |Σ high·a| <= 2^16 · 2^15 · 2^31 = 2^62, which leaves room for the bias. Where
Σ|w| · max|a| <= 2^53 for every output, one product does.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.jobs.layers import MAX_FAN_IN, Conv2d, Flatten, Layer, Linear, MaxPool, Relu, Shape, shapes

Ints = NDArray[np.int32]
Sums = NDArray[np.int64]
Floats = NDArray[np.float64]

FRACTION_BITS = 16
HIGHEST = (1 << 31) - 1
_EXACT = 1 << 53
_ROOM = 1 << 22
"""Values of the largest matrix that one batch of inputs is turned into."""
_BEYOND = 1 << 46


class NeuralNetwork:
    """Layers over a table of tensors. Raises Malformed where they do not fit each other."""

    def __init__(self, inputs: Shape, layers: Sequence[Layer], layout: Layout) -> None:
        self.layers, self.layout = tuple(layers), layout
        self.shapes = shapes(inputs, layers, layout.tensors)
        self._places = {t.name: (t, start) for t, start in zip(layout.tensors, layout.starts, strict=False)}
        self._batch = max(1, _ROOM // max(map(self._room, range(len(layers)))))

    def outputs(self, model: Ints, inputs: Ints) -> Sums:
        """What the network makes of each input: (n, …) integers with 16 fraction bits, from a whole model's integers.

        Raises Malformed for a model or inputs of another length or shape.
        """
        if model.shape != (self.layout.values,) or inputs.shape[1:] != self.shapes[0]:
            raise Malformed(
                "not a model or not inputs of this network",
                expected=((self.layout.values,), self.shapes[0]),
                actual=(model.shape, inputs.shape[1:]),
            )
        batches = [self._run(model, inputs[at : at + self._batch]) for at in range(0, len(inputs), self._batch)]
        return np.concatenate(batches) if batches else np.empty((0, *self.shapes[-1]), np.int64)

    def _run(self, model: Ints, inputs: Ints) -> Sums:
        values = inputs.astype(np.int64)
        for layer in self.layers:
            values = self._apply(layer, model, values)
        return values

    def _apply(self, layer: Layer, model: Ints, values: Sums) -> Sums:
        match layer:
            case Relu():
                positive: Sums = np.maximum(values, 0)
                return positive
            case Flatten():
                return values.reshape(len(values), -1)
            case MaxPool(size=size):
                return _max_pool(values, size)
            case Linear(weight=weight, bias=bias):
                return _affine(values, *self._tensor(model, weight), *self._tensor(model, bias))
            case Conv2d(weight=weight, bias=bias, padding=padding):
                return _convolve(values, *self._tensor(model, weight), *self._tensor(model, bias), padding)

    def _tensor(self, model: Ints, name: str) -> tuple[Ints, int]:
        tensor, start = self._places[name]
        return model[start : start + tensor.values].reshape(tensor.shape), tensor.fraction_bits

    def _room(self, position: int) -> int:
        """Values of the matrix that one input becomes at a layer."""
        layer, made = self.layers[position], self.shapes[position + 1]
        weight: Tensor | None = self._places[layer.weight][0] if isinstance(layer, Conv2d) else None
        inputs = prod(weight.shape[1:]) * prod(made[1:]) if weight else 0
        return max(inputs, prod(made), prod(self.shapes[position]))


def _affine(values: Sums, weight: Ints, weight_bits: int, bias: Ints, bias_bits: int) -> Sums:
    """A linear layer: (n, inputs) to (n, outputs)."""
    high, low = _products(values, weight)
    shift = FRACTION_BITS + weight_bits - bias_bits
    wide = bias.astype(np.int64)
    if shift >= 16:
        high += wide << (shift - 16)
    else:
        low += wide << shift
    return _settle(high + (low >> 16), low & 0xFFFF, weight_bits)


def _convolve(values: Sums, weight: Ints, weight_bits: int, bias: Ints, bias_bits: int, padding: int) -> Sums:
    """A convolution as a linear layer over the patches of each image."""
    outputs, _, high, wide = weight.shape
    padded = np.pad(values, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    patches = sliding_window_view(padded, (high, wide), axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5)
    images, rows, columns = patches.shape[:3]
    flat = patches.reshape(images * rows * columns, -1)
    made = _affine(flat, weight.reshape(outputs, -1), weight_bits, bias, bias_bits)
    return made.reshape(images, rows, columns, outputs).transpose(0, 3, 1, 2)


def _max_pool(values: Sums, size: int) -> Sums:
    images, channels, rows, columns = values.shape
    kept = values[:, :, : rows // size * size, : columns // size * size]
    best: Sums = kept.reshape(images, channels, rows // size, size, columns // size, size).max(axis=(3, 5))
    return best


def _products(values: Sums, weight: Ints) -> tuple[Sums, Sums]:
    """Σ w·a for each row of values and each output, as high · 2^16 + low, exactly (see above)."""
    if weight.shape[1] > MAX_FAN_IN:
        raise Malformed("an output has too many inputs", maximum=MAX_FAN_IN, actual=weight.shape[1])
    floats = values.astype(np.float64)
    largest = _magnitude(values)
    wide = weight.astype(np.int64)
    if largest * int(np.abs(wide).sum(axis=1).max()) <= _EXACT:
        sums = (floats @ wide.T.astype(np.float64)).astype(np.int64)
        return sums >> 16, sums & 0xFFFF
    low = ((wide + (1 << 15)) & 0xFFFF) - (1 << 15)
    return _product(floats, largest, (wide - low) >> 16), _product(floats, largest, low)


def _product(values: Floats, largest: int, part: Sums) -> Sums:
    """values @ part.T, in runs of inputs whose sums a float64 holds, whatever their order."""
    total = np.zeros((len(values), len(part)), np.int64)
    width = _width(largest, _magnitude(part))
    for start in range(0, part.shape[1], width):
        run = slice(start, start + width)
        total += (values[:, run] @ part[:, run].T.astype(np.float64)).astype(np.int64)
    return total


def _width(largest: int, heaviest: int) -> int:
    """How many products of such magnitudes may be added up. At least 128: 2^31 · 2^15 · 2^7 = 2^53."""
    width = _EXACT // max(1, largest * heaviest)
    if width < 1:
        raise Malformed("values too large for exact sums", actual=(largest, heaviest), maximum=_EXACT)
    return width


def _magnitude(values: Sums) -> int:
    return max(int(values.max()), -int(values.min())) if values.size else 0


def _settle(high: Sums, low: Sums, bits: int) -> Sums:
    """(high · 2^16 + low) / 2^bits for 0 <= low < 2^16: rounded half away from zero, clamped.

    |high| beyond 2^46 is beyond the clamp too, as bits <= 30: so cutting it there changes nothing and all fits 64 bits.
    """
    total = (np.clip(high, -_BEYOND, _BEYOND) << 16) + low
    rounded = (np.abs(total) + ((1 << bits) >> 1)) >> bits
    settled: Sums = np.clip(np.where(total < 0, -rounded, rounded), -HIGHEST, HIGHEST)
    return settled
