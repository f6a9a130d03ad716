"""The coins and noise of a private training, from a secret of the home: nobody else can take the noise off again.

A round's seed follows from all that its training depends on, so a crash changes no byte, and no noise is used twice.
"""

import hmac
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from math import floor

import numpy as np
from numpy.typing import NDArray

from ledger.masks.secret import Secret
from ledger.masks.streams import words

DOMAIN = b"fedledger noise/1\x00"
DRAWS = b"fedledger noise draws/1\x00"


def noise_seed(salt: bytes, job: bytes, number: int, base: bytes, leaves: Iterable[bytes]) -> Secret:
    """The seed of a round's coins and noise: HMAC-SHA256 under the home's salt of the job, over the job's digest, the
    round, the base model's tensor root and the leaves of all rows, each of fixed length.
    """
    said = DOMAIN + job + number.to_bytes(4, "big") + base + b"".join(leaves)
    return Secret(hmac.new(salt, said, sha256).digest())


class Randomness:
    """The stream of a seed, used up from its start: AES-256-CTR, as masks have it."""

    def __init__(self, seed: Secret) -> None:
        self._seed, self._at = seed, 0

    def seed(self) -> int:
        """63 bits that follow from the seed, for a generator of another kind; the stream is as it was."""
        return int.from_bytes(sha256(DRAWS + self._seed.reveal()).digest()[:8], "big") >> 1

    def coins(self, count: int, probability: Decimal) -> NDArray[np.bool_]:
        """`count` independent coins; each is true with the probability, to within 2^-64, and never more often."""
        bound = floor(Fraction(probability) * (1 << 64))
        if bound >= 1 << 64:
            return np.ones(count, np.bool_)
        return self.take(count) < np.uint64(bound)

    def normal(self, count: int) -> NDArray[np.float64]:
        """`count` standard normal numbers (G. Box, M. Muller 1958), from 53 bits each."""
        pairs = -(-count // 2)
        radius, angle = self._uniform(pairs), self._uniform(pairs)
        radius = np.sqrt(-2.0 * np.log(radius))
        turned = 2.0 * np.pi * angle
        return np.concatenate([radius * np.cos(turned), radius * np.sin(turned)])[:count]

    def _uniform(self, count: int) -> NDArray[np.float64]:
        """In (0, 1]: never 0, whose logarithm is none."""
        return ((self.take(count) >> np.uint64(11)).astype(np.float64) + 1.0) * 2.0**-53

    def take(self, count: int) -> NDArray[np.uint64]:
        """The next words of the stream."""
        found = words(self._seed, self._at, count)
        self._at += count
        return found
