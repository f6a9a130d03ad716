"""Columns of numbers and the ranges that a job publishes for them: all parties scale alike, and show no data for it."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ledger.errors import Malformed
from participant.tasks.data.preparing.scaling import scaled
from participant.tasks.settings import Settings

INPUT_OUTSIDE = 'correct the value, or its unit; a job with outside = "clip" takes an input as the nearest bound'
TARGET_OUTSIDE = (
    "correct the value, or its unit, or leave the row out; else agree on a job with wider target_ranges: "
    "fedledger job draft --target-range LOW:HIGH"
)


@dataclass(frozen=True, slots=True)
class Ranges:
    """Names of columns, and each one's `low` and `high`, which become -1 and 1; `texts` are these as plain decimals."""

    names: tuple[str, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    texts: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, settings: Settings, names: str, ranges: str) -> "Ranges":
        """From two settings of a task. Raises Malformed."""
        columns = tuple(settings.unique(names))
        bounds = np.array(settings.pairs(ranges, len(columns)))
        texts = [text.partition(":") for text in settings.texts(ranges)]
        return cls(columns, bounds[:, 0], bounds[:, 1], tuple((_plain(low), _plain(high)) for low, _, high in texts))

    def scaled(self, values: NDArray[np.float64]) -> Tensor:
        """Values n × columns as float32 from -1 to 1; what lies outside counts as the nearest bound."""
        return torch.from_numpy(scaled(values, self.low, self.high))

    def check(
        self, path: Path, values: NDArray[np.float64], lines: list[int] | None, advice: str = INPUT_OUTSIDE
    ) -> None:
        """Raise Malformed for the first value outside its range, naming line (or row), column and value, and how far
        the column goes.
        """
        outside = (values < self.low) | (values > self.high)
        if not outside.any():
            return
        row, column = (int(index) for index in np.argwhere(outside)[0])
        raise Malformed(
            "a value lies outside the range that the job publishes for its column",
            advice=advice,
            file=str(path),
            **({"line": lines[row]} if lines else {"row": row}),
            column=self.names[column],
            value=float(values[row, column]),
            range=f"{self.low[column]:g} to {self.high[column]:g}",
            actual=f"{values[:, column].min():g} to {values[:, column].max():g}",
            rows_outside=int(outside[:, column].sum()),
        )


def _plain(text: str) -> str:
    """A number without exponent, plus sign, or zeros that say nothing."""
    value = Decimal(text.strip())
    return format(value.normalize(), "f") if value else "0"
