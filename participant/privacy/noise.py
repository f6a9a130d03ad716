"""What a job's `dp` asks of one round's training, with the round's own randomness."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Self

from ledger.jobs.noise import ExampleNoise
from ledger.masks.secret import Secret
from ledger.statistics.noisy import NoiseOfSum
from participant.privacy.discrete import DiscreteGaussian
from participant.privacy.randomness import Randomness


@dataclass(frozen=True, slots=True)
class Noise:
    """`clip` bounds each row's gradient, `deviation` is the noise's in units of it; each of `steps` draws every row
    with probability `sampling`. `exact` is the deviation as the job says it.
    """

    clip: float
    deviation: float
    sampling: Decimal
    steps: int
    randomness: Randomness
    exact: Decimal = Decimal(0)

    @classmethod
    def of(cls, said: ExampleNoise, seed: Secret) -> Self:
        """A round's noise, as the job says it."""
        clip, deviation, sampling = (said.decimal(name) for name in ("clip", "noise", "sampling"))
        return cls(float(clip), float(deviation), sampling, said.steps, Randomness(seed), deviation)

    def of_sums(self) -> NoiseOfSum:
        """Noise of whole numbers for the sums of an analysis, one after another."""
        source, deviation = DiscreteGaussian(self.randomness.take), Fraction(self.exact)
        return lambda most: source.draw((deviation * most) ** 2)
