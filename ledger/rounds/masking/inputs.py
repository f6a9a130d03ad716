"""What a masked round's model is made of: the sum of masked updates, unmasked, then divided and added as any other.

So it is, byte for byte, the model of the open round of the same updates (docs/spec/masks.md). What is bounded is the
sum, and one update only once it is opened.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import cast

import numpy as np

from ledger.errors import Malformed
from ledger.formats.artifact import Layout
from ledger.formats.cid import Cid
from ledger.jobs.document import Admission, WeightedMean
from ledger.masks.streams import WORD, Words
from ledger.masks.sums import Masks, unmasked
from ledger.rounds.admission import Decision, Verdict
from ledger.rounds.inputs import Band, Fetch, Inputs, Stream, in_turn
from ledger.rounds.masking.bounds import SumSurvey
from ledger.rounds.rules import blocks_of
from ledger.rounds.rules.arithmetic import Ints, Mean, Sums, add_mean


class MaskedInputs(Inputs):
    """The masked updates of a round's set, which together with `masks` make the model; see `sums.unmasking`.

    `survey` knows the bounds of the sum as far as bands were made; see `surveyed`. `limits` are those of one update.
    """

    def __init__(
        self,
        layout: Layout,
        base: Cid,
        updates: Sequence[Cid],
        weights: Sequence[int],
        fetch: Fetch,
        masks: Masks,
        limits: Admission,
    ) -> None:
        super().__init__(layout, WeightedMean(), base, updates, weights, fetch)
        self.masks, self.limits, self.survey = masks, limits, SumSurvey()

    def model(self, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of the next model. Raises as `Inputs.model`."""
        words = (next(MaskedBands(self.layout, cid, self.fetch, (start, stop))) for cid in self.updates)
        sums = unmasked(_total(words), self.masks, start)
        return add_mean(self.values(self.base, start, stop), Mean(sums, sum(self.weights)), start)

    def bands(self, threads: int, readers: Sequence[Iterator[Ints]] = ()) -> Generator[Band]:
        """As `Inputs.bands`. `readers` are those of the masked updates and of the base model."""
        with closing(in_turn(readers or self.readers(), threads)) as pieces:
            for start, sums in self._summed(pieces, threads):
                yield Band(start, next(pieces), Mean(sums, sum(self.weights)))

    def refusal(self, threads: int) -> str:
        """Why no model is made: the sum is one that no admissible updates have, and which of its bounds says so."""
        found = self.judged(threads)
        return "" if found.verdict is Verdict.ADMITTED else f"{found.verdict.name} of the sum: {found.message}"

    def judged(self, threads: int) -> Decision:
        """RANGE or NORM of the whole sum, or ADMITTED."""
        return self.surveyed(threads).judge(self.weights, self.limits)

    def surveyed(self, threads: int) -> SumSurvey:
        """The survey of the whole sum: bands are made again where a model that saturated ended them early, or garbage
        behind its first wrong value would be nobody's.
        """
        if self.survey.values != self.layout.values:
            for _ in self.sums(threads):
                pass
        return self.survey

    def sums(self, threads: int) -> Generator[Sums]:
        """The whole sum in bands, without the base model. Raises as `Fetch`, and Malformed for a file that is short."""
        with closing(in_turn(self._words(), threads)) as pieces:
            for _, sums in self._summed(pieces, threads):
                yield sums

    def readers(self) -> list[Iterator[Ints]]:
        """The words of each masked update, and the values of the base model, in bands."""
        return [*self._words(), self.reader(self.base)]

    def _words(self) -> "list[Iterator[Ints]]":
        bands = [MaskedBands(self.layout, cid, self.fetch, blocks=blocks_of(self.rule)) for cid in self.updates]
        return [cast("Iterator[Ints]", one) for one in bands]

    def _summed(self, pieces: Iterator[Ints], threads: int) -> Iterator[tuple[int, Sums]]:
        """The sum in bands, each with the number of its first value, of the updates' next pieces; surveyed."""
        self.survey = SumSurvey()
        for start, _ in self.layout.bands(blocks_of(self.rule)):
            sums = unmasked(_total(cast(Words, next(pieces)) for _ in self.updates), self.masks, start, threads)
            self.survey.add(sums)
            yield start, sums


class MaskedBands:
    """A masked update's words in the bands of the job's layout, or one run. Raises Malformed where there are fewer."""

    def __init__(
        self, layout: Layout, cid: Cid, fetch: Fetch, run: tuple[int, int] | None = None, blocks: int = 1
    ) -> None:
        head = layout.masked.header_size
        start, stop = run or (0, layout.values)
        self._cid, self._bands = cid, iter([run]) if run else layout.bands(blocks)
        self._stream = Stream(fetch(cid, head + WORD * start, head + WORD * stop))

    def __iter__(self) -> Iterator[Words]:
        return self

    def __next__(self) -> Words:
        start, stop = next(self._bands)
        data = self._stream.take(WORD * (stop - start))
        if len(data) != WORD * (stop - start):
            raise Malformed(f"artifact {self._cid} is truncated", expected=WORD * (stop - start), actual=len(data))
        return np.frombuffer(data, "<u8")


def _total(words: Iterator[Words]) -> Words:
    total = next(words).copy()
    for more in words:
        np.add(total, more, out=total)
    return total
