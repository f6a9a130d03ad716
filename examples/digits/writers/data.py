"""Handwritten digits among parties that have few of the ten each; what they are measured on was written by others.

Optical Recognition of Handwritten Digits (E. Alpaydin and C. Kaynak 1998): 8 × 8 images, values 0 to 16. The file of 30
writers is trained on, that of 13 others is measured on. Who wrote which digit is not in them, so the parties are made
up: rows are dealt by class, as `fedledger simulate` deals them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledger.errors import UsageError
from participant.comparing.arms import PartyFiles
from participant.simulation.partitions import divide, parse

PIXELS, BRIGHTEST, CLASSES = 64, 16, 10
PARTIES, ROWS = 20, 2_000
DIVISION = 7
"""Seed of the division, the same in every run: only models, turnout and batches differ."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Images n × 64, and which digit each shows, n."""

    x: NDArray[np.float64]
    y: NDArray[np.int64]

    def take(self, places: Sequence[int] | NDArray[np.int64]) -> "Digits":
        """The images at these places."""
        return Digits(self.x[places], self.y[places])

    def write(self, path: Path) -> Path:
        """An NPZ file as the task `tabular` reads it."""
        np.savez(path, x=self.x, y=self.y)
        return path


def read(folder: Path) -> tuple[Digits, Digits]:
    """Images to train on, of which a part is drawn, and those of other writers. Raises UsageError without the files."""
    train, test = (_read(folder / f"optdigits.{half}") for half in ("tra", "tes"))
    return train.take(np.random.default_rng(0).permutation(len(train.y))[:ROWS]), test


def made_up() -> tuple[Digits, Digits]:
    """As many images that are ten blurs, each with noise of its own."""
    random = np.random.default_rng(1)
    blurs, halves = random.uniform(0, BRIGHTEST, (CLASSES, PIXELS)), []
    for rows in (ROWS, 1_800):
        y = np.arange(rows) % CLASSES
        halves.append(Digits(np.clip(blurs[y] + random.normal(0, 8, (rows, PIXELS)), 0, BRIGHTEST), y))
    return halves[0], halves[1]


def dealt(train: Digits, test: Digits, partition: str, folder: Path) -> list[PartyFiles]:
    """Each party's images, and its share of the others: as many of each digit, in proportion."""
    places = divide(parse(partition), train.y.tolist(), PARTIES, DIVISION)
    counts = np.array([np.bincount(train.y[own], minlength=CLASSES) for own in places])
    random, others = np.random.default_rng(DIVISION), [list[int]() for _ in places]
    for digit in range(CLASSES):
        members = random.permutation(np.flatnonzero(test.y == digit))
        cuts = np.rint(np.cumsum(counts[:, digit]) / counts[:, digit].sum() * len(members)).astype(int)
        for other, part in zip(others, np.split(members, cuts[:-1]), strict=True):
            other.extend(part.tolist())
    parties = []
    for number, (own, other) in enumerate(zip(places, others, strict=True), 1):
        name = f"{number:02}"
        files = train.take(own).write(folder / f"{name}-train.npz"), test.take(other).write(folder / f"{name}-test.npz")
        parties.append(PartyFiles(name, *files))
    return parties


def _read(path: Path) -> Digits:
    try:
        table = np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the digits: {error}", file=str(path)) from error
    known = table.shape[1] == PIXELS + 1 and len(table) >= ROWS // 2
    if not known or table.min() < 0 or table[:, :PIXELS].max() > BRIGHTEST or table[:, PIXELS].max() >= CLASSES:
        raise UsageError("this is not a file of the Optical Recognition of Handwritten Digits", file=str(path))
    return Digits(table[:, :PIXELS], table[:, PIXELS].astype(np.int64))
