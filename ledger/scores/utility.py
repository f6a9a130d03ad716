"""Utilities: what a model is worth on labelled data, as whole parts per million (docs/spec/scores.md, "Utilities").

From integer outputs, in integers throughout: exponential and logarithm are tables of integers and 64-bit
multiplications. So equal models have equal utilities on every machine.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from ledger.errors import FedledgerError, Malformed
from ledger.formats.integers import ratio
from ledger.scores.inference import FRACTION_BITS

Ints = NDArray[np.int32]
Sums = NDArray[np.int64]

MILLION = 1_000_000
BOUND = 1_000_000_000
MAX_DOUBLINGS = 12
"""log2 of the largest number of classes (ledger.jobs.document)."""
MAX_LOSS = 32
"""Nats: a sample's loss is cut here, as a model that is sure and wrong may have any."""
_BITS = 31
_ONE = 1 << _BITS
_FINE = 11
"""Low bits of an exponent that one table serves; the other serves the rest."""
_STEPS = 10
"""log2 of the entries of the table of logarithms."""


class BadUtility(FedledgerError):
    """A utility that is not a whole number of parts per million, or out of range: nothing can be scored by it."""

    exit_code = 1


def checked(value: object) -> int:
    """A utility, where it is one. Raises BadUtility, naming it."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadUtility("a utility must be a whole number of parts per million", actual=value)
    if abs(value) > BOUND:
        raise BadUtility("a utility is out of range", actual=value, minimum=-BOUND, maximum=BOUND)
    return value


def from_float(value: float) -> int:
    """Parts per million of a figure that a private evaluation gave. Raises BadUtility for NaN and the infinite."""
    if not isfinite(value):
        raise BadUtility("a utility is not a number", actual=value)
    return checked(round(value * MILLION))


def measure(name: str, outputs: Sums, labels: Ints) -> int:
    """The utility of that name. `outputs`: (n, classes) with 16 fraction bits; `labels`: (n,) classes from 0."""
    if outputs.ndim != 2 or outputs.shape[:1] != labels.shape or not len(labels):
        raise Malformed("a utility needs outputs for each of its labels", expected=labels.shape, actual=outputs.shape)
    return checked(_UTILITIES[name](outputs, labels))


def accuracy(outputs: Sums, labels: Ints) -> int:
    """The share of rows whose largest output is the label's; of equal outputs the first class counts."""
    right = int((outputs.argmax(axis=1) == labels).sum())
    return ratio(MILLION * right, len(labels))


def auc(outputs: Sums, labels: Ints) -> int:
    """The share of pairs, one row of each class, in which class 1 has the larger margin; equal margins count half."""
    margin = outputs[:, 1] - outputs[:, 0]
    ill, well = margin[labels == 1], np.sort(margin[labels == 0])
    if not len(ill) or not len(well):
        raise Malformed("an AUC needs rows of both classes", positive=len(ill), negative=len(well))
    below, through = np.searchsorted(well, ill, "left"), np.searchsorted(well, ill, "right")
    return ratio(MILLION * (int(below.sum()) + int(through.sum())), 2 * len(ill) * len(well))


def loss(outputs: Sums, labels: Ints) -> int:
    """Minus the mean cross-entropy in millionths of a nat: each row is rounded to one, then the mean, exactly."""
    return -ratio(int(cross_entropies(outputs, labels).sum()), len(labels))


def cross_entropies(outputs: Sums, labels: Ints) -> Sums:
    """ln Σ exp(o_k - o_y) of each row, in millionths of a nat, from 0 to 32,000,000.

    With m the largest output: m - o_y, plus the logarithm of Σ exp(o_k - m), which lies within 1 and the number of
    classes. Both in units of 2^-31, then rounded half up.
    """
    highest = outputs.max(axis=1)
    distance = np.minimum(highest - outputs[np.arange(len(labels)), labels], MAX_LOSS << FRACTION_BITS)
    sums = exponential(np.minimum(highest[:, None] - outputs, MAX_LOSS << FRACTION_BITS)).sum(axis=1)
    nats = (distance << (_BITS - FRACTION_BITS)) + logarithm(sums)
    losses: Sums = np.minimum((nats * MILLION + (_ONE >> 1)) >> _BITS, MAX_LOSS * MILLION)
    return losses


def make_tables() -> None:
    """Make the tables of `exponential` and `logarithm`, which the first use does else: 6,000 decimals."""
    _exponentials()
    _logarithms()


def exponential(x: Sums) -> Sums:
    """e^-(x · 2^-16) in units of 2^-31, for 0 <= x <= 32 · 2^16: two table entries multiplied, rounded half up."""
    coarse, fine = _exponentials()
    powers: Sums = (coarse[x >> _FINE] * fine[x & ((1 << _FINE) - 1)] + (_ONE >> 1)) >> _BITS
    return powers


def logarithm(s: Sums) -> Sums:
    """ln(s · 2^-31) in units of 2^-31, for 2^31 <= s <= 2^43.

    s = 2^e · f with f in [2^31, 2^32), rounded down; c is f without its bits below the tenth after the first. Then
    e · ln 2 + ln c from tables, and ln(1 + r) = r - r²/2 for r = (f - c) / c, each division rounded down.
    """
    logarithms, log_two = _logarithms()
    exponent = np.zeros_like(s)
    for power in range(_BITS + 1, _BITS + 1 + MAX_DOUBLINGS):
        exponent += s >= 1 << power
    f = s >> exponent
    step = f >> (_BITS - _STEPS)
    c = step << (_BITS - _STEPS)
    r = ((f - c) << _BITS) // c
    result: Sums = exponent * log_two + logarithms[step - (1 << _STEPS)] + r - (r * r >> (_BITS + 1))
    return result


@lru_cache(maxsize=1)
def _exponentials() -> tuple[Sums, Sums]:
    """round(e^-(k · 2^-5) · 2^31) for k = 0 … 1024, and round(e^-(k · 2^-16) · 2^31) for k = 0 … 2047.

    decimal rounds its exponential correctly on every machine.
    """
    coarse = [_rounded(_part(-k, FRACTION_BITS - _FINE).exp(_DECIMAL)) for k in range((MAX_LOSS << 5) + 1)]
    fine = [_rounded(_part(-k, FRACTION_BITS).exp(_DECIMAL)) for k in range(1 << _FINE)]
    return np.array(coarse, np.int64), np.array(fine, np.int64)


@lru_cache(maxsize=1)
def _logarithms() -> tuple[Sums, int]:
    """round(ln(1 + k · 2^-10) · 2^31) for k = 0 … 1023, and round(ln 2 · 2^31)."""
    steps = [_rounded(_part((1 << _STEPS) + k, _STEPS).ln(_DECIMAL)) for k in range(1 << _STEPS)]
    return np.array(steps, np.int64), _rounded(Decimal(2).ln(_DECIMAL))


_DECIMAL = Context(prec=28, rounding=ROUND_HALF_EVEN)


def _part(whole: int, bits: int) -> Decimal:
    """whole · 2^-bits, exactly."""
    return _DECIMAL.divide(Decimal(whole), Decimal(1 << bits))


def _rounded(value: Decimal) -> int:
    return int(_DECIMAL.to_integral_value(_DECIMAL.multiply(value, Decimal(_ONE))))


_UTILITIES: Mapping[str, Callable[[Sums, Ints], int]] = {"accuracy": accuracy, "auc": auc, "loss": loss}
