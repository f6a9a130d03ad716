"""Federations made up for measuring scores: small perceptrons on scikit-learn's digits, trained by numpy alone.

Floats live in `Federation.trained`; what comes out are the ledger's integers, and all that follows goes through the
ledger's own arithmetic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.aggregation import add, combine
from ledger.artifact import Layout, Tensor
from ledger.coalition import Coalitions, held
from ledger.inference import Network
from ledger.job import WeightedMean
from ledger.layers import Layer, Linear, Relu
from ledger.utility import measure

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
BITS = 24
SCALE = 1 << BITS


@dataclass(frozen=True)
class Rows:
    """Labelled rows, scaled to about ±1."""

    x: Floats
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, index: Any) -> "Rows":
        return Rows(self.x[index], self.y[index])


def digits() -> Rows:
    from sklearn.datasets import load_digits

    data = load_digits()
    return Rows(data.data / 16.0, data.target.astype(np.int64))


def split(rows: Rows, first: int, random: np.random.Generator) -> tuple[Rows, Rows]:
    order = random.permutation(len(rows))
    return rows.take(order[:first]), rows.take(order[first:])


@dataclass
class Plan:
    """How parties train."""

    hidden: int = 0
    epochs: int = 2
    batch: int = 16
    rate: float = 0.3


class Model:
    """A perceptron with one hidden layer, or none, over the ledger's table of tensors."""

    def __init__(self, inputs: int, classes: int, plan: Plan) -> None:
        self.plan = plan
        sizes = [inputs, *([plan.hidden] if plan.hidden else []), classes]
        self.sizes = list(pairwise(sizes))
        tensors = [
            Tensor(f"{k}.{name}", shape, BITS)
            for k, (a, b) in enumerate(self.sizes)
            for name, shape in (("bias", (b,)), ("weight", (b, a)))
        ]
        self.layout = Layout(tuple(tensors))
        layers: list[Layer] = []
        for k in range(len(self.sizes)):
            layers += [Relu()] * (k > 0) + [Linear(weight=f"{k}.weight", bias=f"{k}.bias")]
        self.network = Network((inputs,), layers, self.layout)

    def initial(self, random: np.random.Generator) -> Ints:
        parts = []
        for a, b in self.sizes:
            parts += [np.zeros(b), random.uniform(-1, 1, a * b) * (a**-0.5 if self.plan.hidden else 0)]
        return np.rint(np.concatenate(parts) * SCALE).astype(np.int32)

    def update(self, base: Ints, rows: Rows, random: np.random.Generator) -> Ints:
        """What a party registers: the integer difference that its training made."""
        flat = base / SCALE
        views = [
            flat[start : start + tensor.values].reshape(tensor.shape)
            for tensor, start in zip(self.layout.tensors, self.layout.starts, strict=False)
        ]
        pairs = list(zip(views[1::2], views[0::2], strict=True))
        plan = self.plan
        for _ in range(plan.epochs):
            order = random.permutation(len(rows))
            for start in range(0, len(rows), plan.batch):
                _step(pairs, rows.take(order[start : start + plan.batch]), plan.rate)
        return (np.rint(flat * SCALE).astype(np.int64) - base).astype(np.int32)


def _step(pairs: list[tuple[Floats, Floats]], rows: Rows, rate: float) -> None:
    """One step of stochastic gradient descent on the cross-entropy, in place."""
    seen = [rows.x]
    for k, (weight, bias) in enumerate(pairs):
        out = seen[-1] @ weight.T + bias
        seen.append(np.maximum(out, 0) if k + 1 < len(pairs) else out)
    grad = np.exp(seen[-1] - seen[-1].max(axis=1, keepdims=True))
    grad /= grad.sum(axis=1, keepdims=True)
    grad[np.arange(len(rows)), rows.y] -= 1
    grad *= rate / len(rows)
    for k in range(len(pairs) - 1, -1, -1):
        weight, bias = pairs[k]
        below = grad @ weight * (seen[k] > 0) if k else grad
        weight -= grad.T @ seen[k]
        bias -= grad.sum(axis=0)
        grad = below


class Judge:
    """A committed set: utilities of coalitions, exact, counted."""

    def __init__(self, model: Model, rows: Rows, utility: str) -> None:
        self.model, self.utility = model, utility
        self.inputs = np.rint(rows.x * (1 << 16)).astype(np.int32)
        self.labels = rows.y.astype(np.int32)

    def worth(self, integers: Ints) -> int:
        return measure(self.utility, self.model.network.outputs(integers, self.inputs), self.labels)

    def game(self, base: Ints, updates: Sequence[Ints], weights: Sequence[int]) -> Callable[[frozenset[int]], int]:
        coalitions = Coalitions(WeightedMean(), weights, len(base), held(base), [held(u) for u in updates])
        return lambda members: self.worth(coalitions.model(members))


def next_model(base: Ints, updates: Sequence[Ints], weights: Sequence[int]) -> Ints:
    return add(base, combine(WeightedMean(), weights, lambda k: updates[k]), 0)
