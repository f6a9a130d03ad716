"""Clipping and noise on the ledger's integers, as a party of its own would add them before it stores its update.

Skellam noise, the difference of two Poisson numbers, is made of integers, and the sum of several parties' is Skellam
again (N. Agarwal et al., The Skellam Mechanism, NeurIPS 2021). The draws here are numpy's: good enough to show what
noise does to an attack, and not for a claim of differential privacy, which takes a generator that nobody can guess.
"""

import numpy as np

from attacks.victims import FRACTION_BITS, Update
from ledger.formats.dtypes import HIGHEST
from participant.integers.fixed_point import Stream

CLIP = 1.0


def noised(update: Update, scale: float, seed: int) -> Update:
    """The update clipped to norm `CLIP`, with noise on each value of standard deviation scale · CLIP."""
    random = np.random.default_rng(seed)
    clip = CLIP * 2**FRACTION_BITS
    mean = (scale * clip) ** 2 / 2
    values = _clipped(update.values, clip)
    noise = random.poisson(mean, len(values)) - random.poisson(mean, len(values))
    return update._replace(values=np.clip(values + noise, -HIGHEST, HIGHEST).astype(np.int32))


def _clipped(values: Stream, norm: float) -> Stream:
    length = float(np.linalg.norm(values.astype(np.float64)))
    return values if length <= norm else np.trunc(values * (norm / length)).astype(np.int32)
