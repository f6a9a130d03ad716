"""Rows that stand twice, and columns in which every value stands once: by hashes, as many as fit."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST_ROWS = 24_000_000
"""Rows that are compared with each other, at most: 8 bytes each."""
MOST_VALUES = 4_000_000
Hashes = NDArray[np.uint64]


@dataclass(slots=True)
class Once:
    """Whether every value stands once. `looked` counts the values that were compared."""

    possible: bool = True
    looked: int = 0
    _hashes: list[Hashes] = field(default_factory=list)

    def add(self, cells: pl.Series) -> None:
        """Compare a batch's values with each other, and keep them to be compared with all others at the end."""
        if not self.possible or self.looked + len(cells) > MOST_VALUES:
            return
        if cells.n_unique() < len(cells):
            self.possible, self._hashes = False, []
            return
        self._hashes.append(cells.hash().to_numpy())
        self.looked += len(cells)

    def holds(self, least: int) -> bool:
        """Whether no value was seen twice, among so many or more."""
        if not self.possible or self.looked < least:
            return False
        every = np.concatenate(self._hashes)
        return len(np.unique(every)) == len(every)


@dataclass(slots=True)
class Doubled:
    """Rows that are equal to an earlier one in every cell, as they are in the file."""

    looked: int = 0
    _hashes: list[Hashes] = field(default_factory=list)
    _lines: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, frame: pl.DataFrame, lines: NDArray[np.int64]) -> None:
        """Note a batch's rows, while there is room."""
        if self.looked + len(lines) > MOST_ROWS or not len(lines):
            return
        self._hashes.append(frame.hash_rows().to_numpy())
        self._lines.append(lines[:1] if lines[-1] - lines[0] + 1 == len(lines) else lines)
        self.looked += len(lines)

    def found(self, shown: int) -> tuple[int, tuple[int, ...]]:
        """How many rows repeat an earlier one, and the lines of the first of them. Hashes have 64 bits: that two rows
        of 24 million that differ have one in common has a chance of 1 in 64,000.
        """
        if not self.looked:
            return 0, ()
        every = np.concatenate(self._hashes)
        ordered = np.sort(every)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        count = len(every) - (int((ordered[1:] != ordered[:-1]).sum()) + 1)
        del ordered
        return count, self._first(twice, shown) if count else ()

    def _first(self, twice: Hashes, shown: int) -> tuple[int, ...]:
        seen: set[int] = set()
        found: list[int] = []
        for hashes, lines in zip(self._hashes, self._lines, strict=True):
            for place in np.flatnonzero(np.isin(hashes, twice)).tolist():
                value = int(hashes[place])
                if value in seen:
                    found.append(int(lines[place] if len(lines) > 1 else lines[0] + place))
                seen.add(value)
                if len(found) == shown:
                    return tuple(found)
        return tuple(found)
