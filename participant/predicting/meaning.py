"""What a model's outputs mean, by its task: classes with probabilities, numbers in their units, or times outlived.

Outputs are integers with 16 fraction bits (`ledger.scores.inference`). Exponentials are the ledger's tables of integers
(`ledger.scores.utility`), and each float64 operation here works on single values and is rounded as IEEE 754 says: so
equal outputs have equal answers on every machine.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ledger.scores.inference import FRACTION_BITS
from ledger.scores.utility import MAX_LOSS, exponential

Sums = NDArray[np.int64]
Tensors = dict[str, NDArray[np.float64] | NDArray[np.str_]]
"""What is said of n rows, by name: n, or n × several, numbers or texts."""
MILLION = 1_000_000
_ONE = 1 << 31
"""1 in the units of `exponential`."""
_FARTHEST = MAX_LOSS << FRACTION_BITS


class Meaning(Protocol):
    """What outputs say of a row."""

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """Names of the answers, and of the columns that each has in a table."""

    def of(self, outputs: Sums) -> Tensors:
        """The answers, by name, from outputs n × as many as the model has."""


@dataclass(frozen=True, slots=True)
class ClassAnswers:
    """The class with the largest output, the first of equal ones; probabilities by softmax, in whole millionths."""

    names: tuple[str, ...]

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        return {"class": ("class",), "probabilities": tuple(f"probability_{name}" for name in self.names)}

    def of(self, outputs: Sums) -> Tensors:
        powers = exponential(np.minimum(outputs.max(axis=1, keepdims=True) - outputs, _FARTHEST))
        total = powers.sum(axis=1, keepdims=True)
        shares = (powers * MILLION + (total >> 1)) // total
        return {"class": np.array(self.names)[outputs.argmax(axis=1)], "probabilities": shares / MILLION}


@dataclass(frozen=True, slots=True)
class EachAnswers:
    """The probability of each of several things, whatever the others are: 1 / (1 + e^-output), in whole millionths."""

    names: tuple[str, ...]

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        return {"probabilities": tuple(f"probability_{name}" for name in self.names)}

    def of(self, outputs: Sums) -> Tensors:
        powers = exponential(np.minimum(np.abs(outputs), _FARTHEST))
        total = _ONE + powers
        shares = (np.where(outputs >= 0, _ONE, powers) * MILLION + (total >> 1)) // total
        return {"probabilities": shares / MILLION}


@dataclass(frozen=True, slots=True)
class NumberAnswers:
    """Numbers in what each target is measured in; -1 stands for `low` of its range, 1 for `high`."""

    names: tuple[str, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        return {"values": self.names}

    def of(self, outputs: Sums) -> Tensors:
        share = (outputs + (1 << FRACTION_BITS)) / (2 << FRACTION_BITS)
        return {"values": self.low + (self.high - self.low) * share}


@dataclass(frozen=True, slots=True)
class TimeAnswers:
    """The probability of having outlived the end of each bin of time, and the risk, 1 less their mean; millionths."""

    ends: tuple[str, ...]

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        return {"risk": ("risk",), "outlived": tuple(f"outlived_{end}" for end in self.ends)}

    def of(self, outputs: Sums) -> Tensors:
        powers = exponential(np.minimum(np.abs(outputs), _FARTHEST))
        above = np.where(outputs >= 0, powers, _ONE)  # 1 - sigmoid(x): e^-x / (1 + e^-x), or 1 / (1 + e^x)
        staying = (above << 31) // (_ONE + powers)
        outlived = np.empty_like(staying)
        left = np.full(len(outputs), _ONE, np.int64)
        for place in range(outputs.shape[1]):
            left = (left * staying[:, place] + (_ONE >> 1)) >> 31
            outlived[:, place] = left
        shares = (outlived * MILLION + (_ONE >> 1)) >> 31
        bins = outputs.shape[1]
        return {"risk": (MILLION - (shares.sum(axis=1) + bins // 2) // bins) / MILLION, "outlived": shares / MILLION}
