"""Small perceptrons trained by numpy alone, and the data sets that scores are measured on.

Floats live here only; what comes out are the ledger's integers.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.formats.artifact import Layout, Tensor
from ledger.jobs.layers import Layer, Linear, Relu

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
_ABOVE = [folder / "shared" / "data" for folder in Path(__file__).resolve().parents]
SHARED = next((folder for folder in _ABOVE if folder.exists()), _ABOVE[2])
"""Real data that is no part of the product: a folder beside the checkout, or above it."""
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


def optdigits(folder: Path = SHARED / "optdigits") -> Rows | None:
    """The larger set that scikit-learn's digits are a part of, where it is here."""
    if not folder.exists():
        return None
    table = np.vstack([np.loadtxt(folder / f"optdigits.{half}", delimiter=",") for half in ("tra", "tes")])
    return Rows(table[:, :64] / 16.0, table[:, 64].astype(np.int64))


HEART = SHARED / "heart"
HOSPITALS = {"Cleveland": "cleveland", "Hungary": "hungarian", "Switzerland": "switzerland", "Long Beach": "va"}
_RANGES = [(20, 80), (0, 1), (1, 4), (80, 200), (0, 600), (0, 1), (0, 2), (60, 210), (0, 1), (-3, 7)]


def heart(folder: Path = HEART) -> dict[str, Rows]:
    """Patients of four hospitals: ten columns that all of them have, scaled to -1 … 1; ill or not. Whole rows only."""
    low, high = np.array(_RANGES, float).T
    found = {}
    for hospital, name in HOSPITALS.items():
        lines = [line.split(",") for line in (folder / f"processed.{name}.data").read_text().split()]
        kept = [[*line[: len(low)], line[13]] for line in lines if "?" not in line[: len(low)]]
        table = np.array(kept, float)
        scaled = np.clip((table[:, :-1] - low) / (high - low), 0, 1) * 2 - 1
        found[hospital] = Rows(scaled, (table[:, -1] > 0).astype(np.int64))
    return found


def split(rows: Rows, first: int, random: np.random.Generator) -> tuple[Rows, Rows]:
    order = random.permutation(len(rows))
    return rows.take(order[:first]), rows.take(order[first:])


def flipped(labels: NDArray[np.int64], share: float, random: np.random.Generator) -> NDArray[np.int64]:
    """A share of the labels replaced by others."""
    labels = labels.copy()
    chosen = random.permutation(len(labels))[: round(share * len(labels))]
    labels[chosen] = (labels[chosen] + random.integers(1, 10, len(chosen))) % 10
    return labels


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
        self.plan, self.classes = plan, classes
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
        self.layers = tuple(layers)

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
