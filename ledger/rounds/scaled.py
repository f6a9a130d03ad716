"""Inputs that take two passes: a first one makes a scalar for each update, and given these each chunk is made alone.

Factors shorten updates beyond the job's norm; shares are what updates count under a rule by shares
(docs/spec/round.md, "Clipping", "Shares"). Both stand in the claim, by the file of what the round carries.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np

from ledger.errors import Malformed
from ledger.formats.cid import Cid
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.jobs.rules import ByShares, CentredClipping
from ledger.rounds.admission import Judged
from ledger.rounds.facts import Base, base_of
from ledger.rounds.inputs import Inputs, in_turn
from ledger.rounds.rules import blocks_of, shares_of
from ledger.rounds.rules.arithmetic import Ints, Mean, Read, Sums
from ledger.rounds.rules.clipping import clipped
from ledger.rounds.rules.distances import WHOLE
from ledger.rounds.rules.products import Products
from ledger.rounds.rules.weighted_mean import weighted_mean

_INT32 = np.iinfo(np.int32)


class Centre(NamedTuple):
    """The last step of the global model: from the model before to the base."""

    base: Cid
    before: Cid


def centre_of(state: JobState, job: Job, base: Base) -> Centre | None:
    """The step that led to a round's base model; None where that is the initial one."""
    return Centre(base.cid, base_of(state, job, base.round).cid) if base.round else None


def cut(step: Ints | Sums) -> Ints:
    """A range of a step as a centre: a mean update fits int32; what does not was no mean update, and is cut to it."""
    centre: Ints = np.clip(step, _INT32.min, _INT32.max).astype("<i4")
    return centre


def _difference(base: Ints, before: Ints) -> Ints:
    return cut(np.subtract(base, before, dtype=np.int64))


class ScaledInputs(Inputs):
    """The artifacts of a round by their `factors`, which are those of a job that clips, else none; and by `shares`,
    once the first pass has made them, with the centre's last where there is a centre.
    """

    def __init__(
        self, plain: Inputs, factors: Sequence[int], centre: Centre | None, shares: Sequence[int] = ()
    ) -> None:
        super().__init__(plain.layout, plain.rule, plain.base, plain.updates, plain.weights, plain.fetch, plain.packing)
        self.step, self.divisor, self.staleness = plain.step, plain.divisor, plain.staleness
        self.factors, self.centre, self.shares = tuple(factors), centre, tuple(shares)

    @property
    def scalars(self) -> tuple[int, ...]:
        """The factors of the updates, then their shares, then their staleness."""
        return self.factors + self.shares[: len(self.updates)] + self.staleness

    @property
    def summed_by(self) -> tuple[int, ...]:
        """As `Inputs.summed_by`: the shares, under a rule that has them."""
        return self.shares or super().summed_by

    def update(self, position: int, start: int, stop: int) -> Ints:
        """As `Inputs.update`, by its factor; after the last update the centre."""
        if position < len(self.updates):
            values = self.update_values(self.updates[position], start, stop)
            return clipped(values, self.factors[position]) if self.factors else values
        if self.centre is None:
            return np.zeros(stop - start, "<i4")
        return _difference(*(self.values(cid, start, stop) for cid in self.centre))

    def combined(self, read: Read) -> Mean:
        """The mean by shares, under a rule that has them."""
        return weighted_mean(self.shares, read) if self.shares else super().combined(read)

    def readers(self) -> list[Iterator[Ints]]:
        """What is summed, then the base model."""
        return [*self.summed(), self.reader(self.base)]

    def summed(self, judged: Sequence[Iterator[Ints]] = ()) -> list[Iterator[Ints]]:
        """The updates, in bands, and the centre; `judged` are the updates as they are, where they are read so."""
        updates = list(judged) or [self.update_reader(cid) for cid in self.updates]
        if self.factors:
            updates = [_clipped(*one) for one in zip(updates, self.factors, strict=True)]
        return [*updates, self._centre()] if isinstance(self.rule, CentredClipping) else updates

    def _centre(self) -> Iterator[Ints]:
        if self.centre is None:
            for start, stop in self.layout.bands(blocks_of(self.rule)):
                yield np.zeros(stop - start, "<i4")
            return
        for base, before in zip(*(self.reader(cid) for cid in self.centre), strict=True):
            yield _difference(base, before)

    def shared(self, threads: int, readers: Sequence[Iterator[Ints]] = ()) -> "ScaledInputs":
        """The same with the shares that its rule makes: the first pass, over `readers` or all that is `summed`.

        Raises as `values`.
        """
        if not isinstance(self.rule, ByShares):
            return self
        summands = readers or self.summed()
        products = Products(len(summands))
        with closing(in_turn(summands, threads)) as pieces:
            for _ in self.layout.bands(blocks_of(self.rule)):
                products.add([next(pieces) for _ in summands])
        return ScaledInputs(self, self.factors, self.centre, shares_of(self.rule, products.matrix()))


def _clipped(bands: Iterator[Ints], factor: int) -> Iterator[Ints]:
    return (clipped(values, factor) for values in bands)


def is_scaled(job: Job) -> bool:
    """Whether the job's models take two passes."""
    return job.admission.clips or isinstance(job.aggregation, ByShares)


def scaled(plain: Inputs, state: JobState, job: Job, base: Base, judged: Sequence[Judged] = ()) -> ScaledInputs:
    """A round's inputs without their shares. `judged` are the admitted updates, none while all count as they are."""
    factors: list[int] = []
    if job.admission.clips:
        factors = [one.decision.factor for one in judged] or [WHOLE] * len(plain.updates)
    centre = centre_of(state, job, base) if isinstance(job.aggregation, CentredClipping) else None
    return ScaledInputs(plain, factors, centre)


def has_scalars(job: Job) -> bool:
    """Whether the job's rounds carry integers of their updates."""
    return is_scaled(job) or job.buffered is not None


class Scalars(NamedTuple):
    """What an admitted update was multiplied by, out of 2^16, its share, and its staleness; None for what its job does
    not make.
    """

    factor: int | None
    share: int | None
    staleness: int | None = None


def by_member(job: Job, admitted: Sequence[int], scalars: Sequence[int]) -> dict[int, Scalars]:
    """A carried file's scalars, by the indices of the members whose updates are admitted, ascending.

    Raises Malformed where there are not as many as the job makes.
    """
    made = job.admission.clips, isinstance(job.aggregation, ByShares), job.buffered is not None
    many = len(admitted)
    if len(scalars) != many * sum(made):
        raise Malformed(
            "the carried file has not the scalars that its job makes",
            expected=many * sum(made),
            actual=len(scalars),
        )
    runs = iter(scalars[start : start + many] for start in range(0, len(scalars), max(many, 1)))
    columns: list[Sequence[int | None]] = [next(runs, ()) if one else [None] * many for one in made]
    return {index: Scalars(*said) for index, *said in zip(admitted, *columns, strict=True)}


def whole_of(job: Job, scalars: Mapping[int, Scalars]) -> int | None:
    """What a round's shares are parts of; None where its updates have none. What they leave of it is the centre's."""
    if isinstance(job.aggregation, CentredClipping):
        return len(scalars) * WHOLE
    return sum(one.share or 0 for one in scalars.values()) or None
