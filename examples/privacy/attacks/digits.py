"""The 1,797 handwritten digits that scikit-learn ships (E. Alpaydin, C. Kaynak, UCI 1998), 8 × 8 pixels from 0 to 1."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Unavailable
from participant.tasks.data.leaves import leaves_of_rows

Images = NDArray[np.float64]
"""Shape (images, 64)."""
SIDE = 8
CLASSES = 10


@dataclass(frozen=True)
class Digits:
    """Images and the digit that each shows, 0 to 9: shapes (n, 64) and (n,)."""

    images: Images
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, places: Sequence[int] | slice | NDArray[np.int64]) -> "Digits":
        """Some of them, in this order."""
        return Digits(self.images[places], self.labels[places])

    @property
    def mean(self) -> Images:
        """The mean of all images, shape (1, 64)."""
        mean: Images = self.images.mean(0, keepdims=True)
        return mean

    @property
    def leaves(self) -> tuple[bytes, ...]:
        """What stands for each row where an update commits to its rows (docs/spec/rows.md)."""
        return leaves_of_rows(self.images, self.labels)

    def shuffled(self, seed: int) -> "Digits":
        """All of them, in an order that the seed decides."""
        return self.part(np.random.default_rng(seed).permutation(len(self)))


def read() -> Digits:
    """The data set, from the file that scikit-learn ships. Raises Unavailable without scikit-learn."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise Unavailable("scikit-learn is not installed", advice='pip install "fedledger[node]"')
    with gzip.open(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz", "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    return Digits(table[:, :-1] / 16, table[:, -1].astype(np.int64))
