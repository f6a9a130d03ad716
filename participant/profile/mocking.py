"""A made-up table of a shared profile's columns, for those who write code and may not see rows.

Each column is drawn by itself, from the counts that its owner let out: nothing of how columns hang together is in it,
and nobody's row. It shows whether code reads the table, never what a model would learn.
"""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from random import Random

from ledger.profiles.shared import CountedBin, SharedColumn, SharedProfile

STEPS = 10
"""Numbers that a bin has room for at least; bins in whole units of which there are fewer get two decimals more."""
UNTOLD = {"date": "2000-01-01", "text": "made up", "category": "made up", "number": "0"}


def mock(profile: SharedProfile, rows: int, seed: int = 1) -> str:
    """A plain CSV with a header and so many rows: the same for the same profile, number and seed."""
    drawn = [_column(column, rows, Random(f"{seed}/{column.name}")) for column in profile.columns]  # noqa: S311
    room = io.StringIO()
    writer = csv.writer(room, lineterminator="\n")
    writer.writerow([column.name for column in profile.columns])
    writer.writerows(zip(*drawn, strict=True))
    return room.getvalue()


def _column(column: SharedColumn, rows: int, random: Random) -> list[str]:
    """The cells of a column, in the proportions that are told."""
    cells: list[str | CountedBin] = [one.value for one in (*column.values, *column.apart)]
    counts = [one.count for one in (*column.values, *column.apart)]
    cells += column.bins
    counts += [one.count for one in column.bins]
    if not cells:
        cells, counts = [UNTOLD[column.kind]], [1]
    if column.missing:
        cells, counts = [*cells, ""], [*counts, column.missing]
    places = _places(column.bins)
    return [
        one if isinstance(one, str) else _number(one, places, random)
        for one in random.choices(cells, weights=counts, k=rows)
    ]


def _places(bins: Sequence[CountedBin]) -> int:
    """Decimals of a column's numbers: those of its bins, or two more where a bin would have too few numbers."""
    if not bins:
        return 0
    places = max(max(0, -int(Decimal(edge).as_tuple().exponent)) for one in bins for edge in (one.low, one.high))
    narrow = min(Decimal(one.high) - Decimal(one.low) for one in bins)
    return places if narrow * 10**places >= STEPS else places + 2


def _number(one: CountedBin, places: int, random: Random) -> str:
    low, high = (int(Decimal(edge) * 10**places) for edge in (one.low, one.high))
    return f"{Decimal(random.randrange(low, max(high, low + 1))) / 10**places:f}"
