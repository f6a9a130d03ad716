"""What a masked round's model is made of: the sum of masked updates, unmasked, then divided and added as any other.

So it is, byte for byte, the model of the open round of the same updates (docs/spec/masks.md). What is bounded is the
sum, and one update only once it is opened. In a job with groups there is a sum of each, and a rule over their means.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple, cast

import numpy as np

from ledger.errors import Malformed
from ledger.formats.artifact import Layout
from ledger.formats.cid import Cid
from ledger.jobs.document import Admission
from ledger.jobs.members import NO_ROOM, Room
from ledger.jobs.rules import Rule, WeightedMean
from ledger.masks.streams import WORD, Words
from ledger.masks.sums import Masks, unmasked
from ledger.rounds.admission import Decision, Verdict
from ledger.rounds.inputs import Band, Fetch, Inputs, Stream, in_turn
from ledger.rounds.masking.bounds import SumSurvey
from ledger.rounds.masking.means import mean_of_groups
from ledger.rounds.rules import blocks_of
from ledger.rounds.rules.arithmetic import Ints, Mean, Sums


class Summand(NamedTuple):
    """Updates that are summed under masks of their own: those at `places` of a round's, which `masks` show the sum of
    (`sums.unmasking`). `group` is its number, from 1; 0 in a job without groups.
    """

    places: tuple[int, ...]
    masks: Masks
    group: int = 0
    room: Room = NO_ROOM

    @property
    def name(self) -> str:
        """What its sum is called."""
        return f"the sum of group {self.group}" if self.group else "the sum"


def whole(masks: Masks, updates: int, room: Room = NO_ROOM) -> tuple[Summand, ...]:
    """All updates of a round as one part."""
    return (Summand(tuple(range(updates)), masks, room=room),)


class MaskedInputs(Inputs):
    """The masked updates of a round's set, which make the model, each in one of `parts`.

    `surveys` know the bounds of each part's sum as far as bands were made; see `surveyed`. `limits` are those of one
    update.
    """

    def __init__(
        self,
        layout: Layout,
        base: Cid,
        updates: Sequence[Cid],
        weights: Sequence[int],
        fetch: Fetch,
        parts: Sequence[Summand],
        limits: Admission,
        rule: Rule | None = None,
    ) -> None:
        super().__init__(layout, rule or WeightedMean(), base, updates, weights, fetch)
        self.parts, self.limits = tuple(parts), limits
        self.surveys = [SumSurvey() for _ in self.parts]
        self._part_of = {place: number for number, part in enumerate(self.parts) for place in part.places}

    @property
    def part_weights(self) -> list[list[int]]:
        """The weights of the updates of each part."""
        return [[self.weights[place] for place in part.places] for part in self.parts]

    def mean(self, start: int, stop: int) -> Mean:
        """As `Inputs.mean`."""
        return self.mean_of(self.part_sums(start, stop))

    def part_sums(self, start: int, stop: int) -> list[Sums]:
        """Values `start` to `stop` of each part's sum. Raises as `Inputs.values`."""
        words = (next(MaskedBands(self.layout, cid, self.fetch, (start, stop))) for cid in self.updates)
        return self._unmasked(words, start)

    def mean_of(self, sums: Sequence[Sums]) -> Mean:
        """The mean update before its division, of the parts' sums."""
        return mean_of_groups(self.rule, sums, [sum(weights) for weights in self.part_weights])

    def bands(self, threads: int, readers: Sequence[Iterator[Ints]] = ()) -> Generator[Band]:
        """As `Inputs.bands`. `readers` are those of the masked updates and of the base model."""
        with closing(in_turn(readers or self.readers(), threads)) as pieces:
            for start, sums in self._summed(pieces, threads):
                yield Band(start, next(pieces), self.mean_of(sums))

    def refusal(self, threads: int) -> str:
        """Why no model is made: a sum is one that no admissible updates have, and which of its bounds says so."""
        found = zip(self.parts, self.judged(threads), strict=True)
        bad = [(part, one) for part, one in found if one.verdict is not Verdict.ADMITTED]
        return "; ".join(f"{one.verdict.name} of {part.name}: {one.message}" for part, one in bad)

    def judged(self, threads: int) -> tuple[Decision, ...]:
        """RANGE or NORM of each part's whole sum, or ADMITTED."""
        found = zip(self.parts, self.surveyed(threads), self.part_weights, strict=True)
        return tuple(survey.judge(weights, self.limits, part.room) for part, survey, weights in found)

    def surveyed(self, threads: int) -> list[SumSurvey]:
        """The surveys of the whole sums: bands are made again where a model that saturated ended them early, or garbage
        behind its first wrong value would be nobody's.
        """
        if any(survey.values != self.layout.values for survey in self.surveys):
            for _ in self.sums(threads):
                pass
        return self.surveys

    def sums(self, threads: int) -> Generator[list[Sums]]:
        """The whole sum of each part in bands, without the base model.

        Raises as `Fetch`, and Malformed for a file that is short.
        """
        with closing(in_turn(self._words(), threads)) as pieces:
            for _, sums in self._summed(pieces, threads):
                yield sums

    def readers(self) -> list[Iterator[Ints]]:
        """The words of each masked update, and the values of the base model, in bands."""
        return [*self._words(), self.reader(self.base)]

    def _words(self) -> "list[Iterator[Ints]]":
        bands = [MaskedBands(self.layout, cid, self.fetch, blocks=blocks_of(self.rule)) for cid in self.updates]
        return [cast("Iterator[Ints]", one) for one in bands]

    def _summed(self, pieces: Iterator[Ints], threads: int) -> Iterator[tuple[int, list[Sums]]]:
        """The parts' sums in bands, each with the number of its first value, of the updates' next pieces; surveyed."""
        self.surveys = [SumSurvey() for _ in self.parts]
        for start, _ in self.layout.bands(blocks_of(self.rule)):
            sums = self._unmasked((cast(Words, next(pieces)) for _ in self.updates), start, threads)
            for survey, one in zip(self.surveys, sums, strict=True):
                survey.add(one)
            yield start, sums

    def _unmasked(self, words: Iterator[Words], start: int, threads: int = 1) -> list[Sums]:
        """The sums of a run, of the words of all updates in order."""
        totals = dict[int, Words]()
        for place, more in enumerate(words):
            number = self._part_of[place]
            if number in totals:
                np.add(totals[number], more, out=totals[number])
            else:
                totals[number] = more.copy()
        return [unmasked(totals[number], part.masks, start, threads) for number, part in enumerate(self.parts)]


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
