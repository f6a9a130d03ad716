"""From a column's range to -1 … 1, and from pixels to what a tower takes: the one place where inputs are scaled, for
training and for prediction.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledger.jobs.preparation import Preparation


def scaled(values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values n × columns as float32 from -1 to 1; what lies outside counts as the nearest bound."""
    return (np.clip((values - low) / (high - low), 0, 1) * 2 - 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class PixelScale:
    """How a job scales pixels: from 0 to `brightest` to 0 … 1, then to the mean 0 and the deviation 1 of what all
    parties agreed on.
    """

    brightest: float
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def read(cls, decimal: Callable[..., float]) -> "PixelScale":
        """Settings brightest, pixel_mean and pixel_deviation, by `decimal` of a task's Settings. Raises Malformed."""
        mean, deviation = decimal("pixel_mean", "0", high=1), decimal("pixel_deviation", "1", low=1e-3, high=1)
        return cls(decimal("brightest", "255", low=1e-9), mean, deviation)

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Pixels of any shape as float32."""
        return ((values / self.brightest - self.mean) / self.deviation).astype(np.float32)


def scaled_inputs(preparation: Preparation, values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The same of prepared inputs, n × outputs, by the preparation's ranges."""
    outputs = preparation.outputs
    low, high = (np.array([float(getattr(one, side)) for one in outputs]) for side in ("low", "high"))
    return scaled(values, low, high)
