"""FedAvgM, FedAdam, FedYogi and FedAdagrad, in integers (docs/spec/round.md, "Server optimisers").

T. Hsu et al., Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification, 2019. S.
Reddi et al., Adaptive Federated Optimization, ICLR 2021: algorithm 2, its state 0 at first, without bias correction.

`m` is in the units of the tensor that it belongs to; `v` in their squares times 2^8, so that it fits int64 with room
to multiply: at most 2^45.
"""

import numpy as np

from ledger.jobs.server import ONE, TAU_BITS, Adagrad, Adam, Momentum, Yogi
from ledger.rounds.optimisers.arithmetic import BITS, held, ratio, share, square_root
from ledger.rounds.rules.arithmetic import Sums

LARGEST = 1 << 45
"""Of v: v · 2^8 is below 2^53, and v · 2^16 below 2^62."""
SQUARE_BITS = 8


def momentum(by: Momentum, mean: Sums, m: Sums) -> tuple[Sums, tuple[Sums]]:
    """The change of the model, and the next m: m ← β·m + d, change η·m."""
    m = held(share(m, by.integer("beta")) + mean)
    return share(m, by.integer("rate")), (m,)


def adam(by: Adam, mean: Sums, m: Sums, v: Sums, bits: int) -> tuple[Sums, tuple[Sums, Sums]]:
    """The change of the model, the next m and v: v ← β₂·v + (1 − β₂)·d²."""
    beta = by.integer("beta2")
    v = _sixteenths(v * beta + _squares(mean) * (ONE - beta))
    m = _first(mean, m, by.integer("beta1"))
    return _step(m, v, by.integer("rate"), by.integer("tau"), bits), (m, v)


def yogi(by: Yogi, mean: Sums, m: Sums, v: Sums, bits: int) -> tuple[Sums, tuple[Sums, Sums]]:
    """The same, but v moves by (1 − β₂)·d² at most: v ← v − (1 − β₂)·d²·sign(v − d²)."""
    squares = _squares(mean)
    v = np.minimum(v - np.sign(v - squares) * share(squares, ONE - by.integer("beta2")), LARGEST)
    m = _first(mean, m, by.integer("beta1"))
    return _step(m, v, by.integer("rate"), by.integer("tau"), bits), (m, v)


def adagrad(by: Adagrad, mean: Sums, v: Sums, bits: int) -> tuple[Sums, tuple[Sums]]:
    """The change of the model, and the next v: v ← v + d²."""
    v = np.minimum(v + _squares(mean), LARGEST)
    return _step(mean, v, by.integer("rate"), by.integer("tau"), bits), (v,)


def _first(mean: Sums, m: Sums, beta: int) -> Sums:
    """β₁·m + (1 − β₁)·d, rounded once."""
    return _sixteenths(m * beta + mean * (ONE - beta))


def _squares(mean: Sums) -> Sums:
    """d², rounded to multiples of 2^8, of which no more are counted than v may have."""
    sizes = np.minimum(np.abs(mean), 1 << 31)
    squares: Sums = np.minimum((sizes * sizes + (1 << (SQUARE_BITS - 1))) >> SQUARE_BITS, LARGEST)
    return squares


def _sixteenths(values: Sums) -> Sums:
    return ratio(values, ONE)


def _step(m: Sums, v: Sums, rate: int, tau: int, bits: int) -> Sums:
    """η·m / (√v + τ) in units of a tensor with so many fraction bits, rounded once; τ is 1 unit at least."""
    above, below = max(bits - BITS, 0), max(BITS - bits, 0)
    floor = max((tau << bits) + (1 << (TAU_BITS - 1)) >> TAU_BITS, 1)
    return ratio((m * rate) << above, (square_root(v << SQUARE_BITS) + floor) << below)
