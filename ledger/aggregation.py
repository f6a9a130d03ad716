"""Aggregation: the admitted updates of a round become the next global model. Integers only, so bytes are the same
for any order of updates, any number of threads, and any grouping into partial sums (docs/spec/round.md).

The model is made in bands, each one block of the stored file, so memory does not grow with model or updates.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ledger.artifact import Buffer, Layout
from ledger.cid import Cid
from ledger.errors import FedledgerError, Malformed
from ledger.job import Median, Rule, TrimmedMean, WeightedMean

Fetch = Callable[[Cid, int, int | None], Iterator[Buffer]]
Ints = NDArray[np.int32]
Sums = NDArray[np.int64]
Read = Callable[[int], Ints]

MAX_UPDATES = 255
_INT32 = np.iinfo(np.int32)


class Saturated(FedledgerError):
    """A value of the next model does not fit into int32, so there is no next model."""

    exit_code = 1


def divide(sums: Sums, divisor: int) -> Sums:
    """sums / divisor, rounded half away from zero, exactly, for |sums| < 2^63 and a divisor below 2^32.

    A float quotient is off by less than one where the true one is below 2^31; the integer remainder then decides.
    """
    quotient = np.rint(sums / np.float64(divisor)).astype(np.int64)
    twice = (sums - quotient * divisor) * 2
    quotient += (twice > divisor) | ((twice == divisor) & (sums > 0))
    quotient -= (twice < -divisor) | ((twice == -divisor) & (sums < 0))
    return quotient


def weighted_sum(weights: Sequence[int], read: Read) -> Sums:
    """The sum of weight · value over updates: a partial sum that may be added to any other."""
    first = read(0)
    total = np.multiply(first, weights[0], dtype=np.int64)
    product = np.empty_like(total)
    for position in range(1, len(weights)):
        np.multiply(read(position), weights[position], out=product, dtype=np.int64)
        total += product
    return total


def combine(rule: Rule, weights: Sequence[int], read: Read) -> Sums:
    """One band of the mean update under the job's rule; `read(k)` gives the k-th admitted update's integers.

    The weighted mean reads one update at a time. Median and trimmed mean hold the band of all updates at once.
    """
    if not 0 < len(weights) <= MAX_UPDATES:
        raise Malformed("a round's aggregate is made of 1 to 255 updates", updates=len(weights))
    match rule:
        case WeightedMean():
            return divide(weighted_sum(weights, read), sum(weights))
        case Median():
            return _trimmed_mean((len(weights) - 1) // 2, len(weights), read)
        case TrimmedMean(trim=trim):
            return _trimmed_mean(trim, len(weights), read)


def _trimmed_mean(trim: int, updates: int, read: Read) -> Sums:
    """The mean of what is left without the `trim` lowest and highest; the median leaves one value or two."""
    if 2 * trim >= updates:
        raise Malformed("trimming leaves no update", trim=trim, updates=updates)
    columns = np.stack([read(position) for position in range(updates)])
    columns.sort(axis=0)
    kept = columns[trim : updates - trim]
    return divide(kept.sum(axis=0, dtype=np.int64), len(kept))


def add(base: Ints, change: Sums, start: int) -> Ints:
    """The next model's values. Raises Saturated, naming the first value that does not fit; never wraps or clips."""
    values = base + change
    outside = (values < _INT32.min) | (values > _INT32.max)
    if outside.any():
        at = int(outside.argmax())
        raise Saturated("the next model does not fit into int32", value=start + at, actual=int(values[at]))
    return values.astype("<i4")


class Inputs:
    """The artifacts that a round's model is made of, already judged: the base model and the admitted updates."""

    def __init__(
        self, layout: Layout, rule: Rule, base: Cid, updates: Sequence[Cid], weights: Sequence[int], fetch: Fetch
    ) -> None:
        self.layout, self.rule, self.base = layout, rule, base
        self.updates, self.weights, self.fetch = tuple(updates), tuple(weights), fetch

    def values(self, cid: Cid, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of an artifact."""
        offset = self.layout.header_size
        pieces = list(self.fetch(cid, offset + 4 * start, offset + 4 * stop))
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if len(data) != 4 * (stop - start):
            raise Malformed(f"artifact {cid} is truncated", expected=4 * (stop - start), actual=len(data))
        return np.frombuffer(data, dtype="<i4")

    def model(self, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of the next model."""
        change = combine(self.rule, self.weights, lambda k: self.values(self.updates[k], start, stop))
        return add(self.values(self.base, start, stop), change, start)

    def bands(self, threads: int) -> Iterator[Ints]:
        """The whole next model in bands, in order, worked out by `threads` threads, few bands ahead."""
        if threads <= 1:
            yield from (self.model(start, stop) for start, stop in self.layout.bands())
            return
        todo = self.layout.bands()
        with ThreadPoolExecutor(threads, thread_name_prefix="aggregation") as pool:
            ahead: deque[Future[Ints]] = deque()
            try:
                ahead.extend(pool.submit(self.model, *band) for band in islice(todo, threads + 1))
                while ahead:
                    yield ahead.popleft().result()
                    ahead.extend(pool.submit(self.model, *band) for band in islice(todo, 1))
            finally:
                for future in ahead:
                    future.cancel()
