"""The model of a masked round: the sum of masked updates, unmasked, then divided and added as any other.

So it is, byte for byte, the model of the open round of the same updates (docs/spec/masks.md). What is bounded is the
sum, and one update only once it is opened.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import cast

import numpy as np

from ledger import kernel
from ledger.errors import Malformed
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.cid import Cid
from ledger.formats.header import Binding
from ledger.formats.merkle import root
from ledger.jobs.document import Admission, WeightedMean
from ledger.masks.streams import Words
from ledger.masks.sums import Masks, unmasked
from ledger.rounds.admission import Decision, Verdict, within
from ledger.rounds.inputs import Band, Fetch, Inputs, Stream, in_turn
from ledger.rounds.rules import blocks_of
from ledger.rounds.rules.arithmetic import Ints, Mean, Sums, add_mean

_FEW = 1 << 14
"""Products of 48 bits whose sum fits into 64."""


class MaskedInputs(Inputs):
    """The masked updates of a round's set, which together with `masks` make the model; see `sums.unmasking`.

    `survey` knows the bounds of the sum once all bands were made.
    """

    def __init__(
        self, layout: Layout, base: Cid, updates: Sequence[Cid], weights: Sequence[int], fetch: Fetch, masks: Masks
    ) -> None:
        super().__init__(layout, WeightedMean(), base, updates, weights, fetch)
        self.masks, self.survey = masks, SumSurvey()

    def model(self, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of the next model. Raises as `Inputs.model`."""
        words = (next(MaskedBands(self.layout, cid, self.fetch, (start, stop))) for cid in self.updates)
        sums = unmasked(_total(words), self.masks, start)
        return add_mean(self.values(self.base, start, stop), Mean(sums, sum(self.weights)), start)

    def bands(self, threads: int, readers: Sequence[Iterator[Ints]] = ()) -> Generator[Band]:
        """As `Inputs.bands`. `readers` are those of the masked updates and of the base model."""
        self.survey = SumSurvey()
        with closing(in_turn(readers or self.readers(), threads)) as pieces:
            for start, _ in self.layout.bands(blocks_of(self.rule)):
                total = _total(cast(Words, next(pieces)) for _ in self.updates)
                sums = unmasked(total, self.masks, start, threads)
                self.survey.add(sums)
                yield Band(start, next(pieces), Mean(sums, sum(self.weights)))

    def readers(self) -> list[Iterator[Ints]]:
        """The words of each masked update, and the values of the base model, in bands."""
        bands = [MaskedBands(self.layout, cid, self.fetch, blocks=blocks_of(self.rule)) for cid in self.updates]
        return [*(cast("Iterator[Ints]", one) for one in bands), self.reader(self.base)]


class MaskedBands:
    """A masked update's words in the bands of the job's layout, or one run. Raises Malformed where there are fewer."""

    def __init__(
        self, layout: Layout, cid: Cid, fetch: Fetch, run: tuple[int, int] | None = None, blocks: int = 1
    ) -> None:
        head = layout.masked.header_size
        start, stop = run or (0, layout.values)
        self._cid, self._bands = cid, iter([run]) if run else layout.bands(blocks)
        self._stream = Stream(fetch(cid, head + 8 * start, head + 8 * stop))

    def __iter__(self) -> Iterator[Words]:
        return self

    def __next__(self) -> Words:
        start, stop = next(self._bands)
        data = self._stream.take(8 * (stop - start))
        if len(data) != 8 * (stop - start):
            raise Malformed(f"artifact {self._cid} is truncated", expected=8 * (stop - start), actual=len(data))
        return np.frombuffer(data, "<u8")


def _total(words: Iterator[Words]) -> Words:
    total = next(words).copy()
    for more in words:
        np.add(total, more, out=total)
    return total


def judge_masked(pieces: Iterator[Buffer], layout: Layout, binding: Binding, root_: bytes) -> Decision:
    """What can be judged of one masked update: its header and length (HEADER), and its registered root (ROOT).

    Raises as the pieces.
    """
    try:
        found = root(layout.masked.leaf_hashes(pieces, binding))
    except Malformed as error:
        return Decision(Verdict.HEADER, str(error))
    if found != root_:
        return Decision(Verdict.ROOT, f"registered root {root_.hex()}, the bytes' root {found.hex()}")
    return Decision(Verdict.ADMITTED)


class SumSurvey:
    """The largest magnitude of an unmasked sum, and the exact sum of its squares, run by run."""

    def __init__(self) -> None:
        self.largest = self.squares = 0

    def add(self, sums: Sums) -> None:
        """The next run, not empty."""
        largest = max(int(sums.max()), -int(sums.min()))
        self.largest, self.squares = max(self.largest, largest), self.squares + _squares(sums, largest)

    def judge(self, weights: Sequence[int], limits: Admission) -> Decision:
        """Whether the sum is one that admissible updates of these weights can have: RANGE and NORM, of the sum."""
        whole = sum(weights)
        if self.largest > whole * limits.max_value:
            most = whole * limits.max_value
            return Decision(Verdict.RANGE, f"a sum of magnitude {self.largest}, at most {most} possible")
        if self.squares > (whole * limits.max_norm) ** 2:
            most = (whole * limits.max_norm) ** 2
            return Decision(Verdict.NORM, f"squared norm {self.squares} of the sum, at most {most} possible")
        return Decision(Verdict.ADMITTED)


def judge_opened(products: Iterable[Sums], weight: int, limits: Admission) -> Decision:
    """The verdict on an update that was opened, by its products w·q in runs from the first value on.

    RANGE also where a product is not a multiple of the weight: no integer of an update leads there.
    """
    start = largest = squares = 0
    for run in products:
        quotients, rest = np.divmod(run, weight)
        wrong = rest.any() or max(int(quotients.max()), -int(quotients.min())) > limits.max_value
        if wrong:
            return Decision(Verdict.RANGE, _first_wrong(run, quotients, rest, start, limits))
        peak, more = kernel.survey(quotients.astype("<i4"))
        start, largest, squares = start + len(run), max(largest, peak), squares + more
    return within(largest, squares, limits)


def left_over(sums: Sums, opened: Iterable[Sums]) -> Sums:
    """A run of the one update that was not opened, of those that make a sum: the sum without the others' products."""
    rest = sums.copy()
    for products in opened:
        np.subtract(rest, products, out=rest)
    return rest


def _first_wrong(run: Sums, quotients: Sums, rest: Sums, start: int, limits: Admission) -> str:
    at = int(((rest != 0) | (quotients > limits.max_value) | (quotients < -limits.max_value)).argmax())
    if rest[at]:
        return f"value number {start + at} is not a multiple of the weight: {run[at]}"
    return f"value number {start + at} is {quotients[at]}, at most {limits.max_value} allowed"


def _squares(sums: Sums, largest: int) -> int:
    """The exact sum of squares of int64, none larger in magnitude than `largest`, of at most 2^31 values."""
    if largest * largest * len(sums) < 1 << 63:
        return int(sums @ sums)
    return sum(_large_squares(sums[at : at + _FEW]) for at in range(0, len(sums), _FEW))


def _large_squares(sums: Sums) -> int:
    high, low = sums >> 32, sums & 0xFFFFFFFF
    return (_dot(high, high) << 64) + (_dot(high, low) << 33) + _dot(low, low)


def _dot(one: Sums, other: Sums) -> int:
    """The exact sum of few products of integers from -2^31 to 2^32 - 1, by the second's halves."""
    high, low = other >> 16, other & 0xFFFF
    return (int((one * high).sum()) << 16) + int((one * low).sum())
