"""What a round's model is made of where some of its updates are sums: these enter the weighted mean as they are.

Sums of integers are exact, so the model is that of all the children's updates at once, bit for bit.
"""

from collections.abc import Collection, Iterator
from typing import cast

import numpy as np

from ledger.errors import Malformed
from ledger.formats.artifact import Layout
from ledger.formats.cid import Cid
from ledger.rounds.inputs import Fetch, Inputs, Stream
from ledger.rounds.rules import blocks_of
from ledger.rounds.rules.arithmetic import Ints, Sums

WIDTH = 8


class SummedInputs(Inputs):
    """The artifacts of a round, of which those at the places `sums` are edges' sums: int64, weighted already."""

    def __init__(self, plain: Inputs, sums: Collection[int]) -> None:
        super().__init__(plain.layout, plain.rule, plain.base, plain.updates, plain.weights, plain.fetch)
        self.step, self.sums = plain.step, frozenset(sums)

    def update(self, position: int, start: int, stop: int) -> Ints:
        """As `Inputs.update`; of a sum int64."""
        if position not in self.sums:
            return super().update(position, start, stop)
        return next(_SumBands(self.layout, self.updates[position], self.fetch, run=(start, stop)))

    def readers(self) -> list[Iterator[Ints]]:
        """As `Inputs.readers`."""
        readers = super().readers()
        for place in self.sums:
            readers[place] = _SumBands(self.layout, self.updates[place], self.fetch, blocks_of(self.rule))
        return readers


class _SumBands:
    """A sum's values in the bands of the job's layout, or one run. Raises Malformed where there are fewer."""

    def __init__(
        self, layout: Layout, cid: Cid, fetch: Fetch, blocks: int = 1, run: tuple[int, int] | None = None
    ) -> None:
        head, (start, stop) = layout.wide.header_size, run or (0, layout.values)
        self._cid, self._bands = cid, iter([run]) if run else layout.bands(blocks)
        self._stream = Stream(fetch(cid, head + WIDTH * start, head + WIDTH * stop))

    def __iter__(self) -> Iterator[Ints]:
        return self

    def __next__(self) -> Ints:
        start, stop = next(self._bands)
        data = self._stream.take(WIDTH * (stop - start))
        if len(data) != WIDTH * (stop - start):
            raise Malformed(f"artifact {self._cid} is truncated", expected=WIDTH * (stop - start), actual=len(data))
        values: Sums = np.frombuffer(data, dtype="<i8")
        return cast(Ints, values)
