"""Aggregation: the admitted updates of a round become the next global model. Integers only, so bytes are the same
for any order of updates, any number of threads, and any grouping into partial sums (docs/spec/round.md).

The model is made in bands, each one block of the stored file, so memory does not grow with model or updates.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle, islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ledger.errors import FedledgerError, Malformed
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.cid import CHUNK, Cid
from ledger.jobs.document import Median, Rule, TrimmedMean, WeightedMean

T = TypeVar("T")

Fetch = Callable[[Cid, int, int | None], Iterator[Buffer]]
"""Gives a file's bytes from one offset up to another, in pieces of any size, each checked against the CID.

Pieces stay as they are after the next is asked for, and files are read by several threads at once. Raises Unavailable
where bytes cannot be had, Malformed where the blocks under the CID, though whole, are no file.
"""
Ints = NDArray[np.int32]
Sums = NDArray[np.int64]
Read = Callable[[int], Ints]

MAX_UPDATES = 255
_INT32 = np.iinfo(np.int32)
_STEP = 1 << 15
"""Values worked on at a time: as many as stay in a core's cache, which makes sums three times as fast."""


class Saturated(FedledgerError):
    """A value of the next model does not fit into int32, so there is no next model."""

    exit_code = 1


def divide(sums: Sums, divisor: int) -> Sums:
    """sums / divisor, rounded half away from zero, exactly, for |sums| < 2^63 and a divisor below 2^32."""
    quotients = np.empty_like(sums)
    for step in _steps(len(sums)):
        part = sums[step]
        quotient = part // divisor
        remainder = part - quotient * divisor
        np.add(quotient, 2 * remainder + (part > 0) > divisor, out=quotients[step])
    return quotients


def weighted_sum(weights: Sequence[int], read: Read) -> Sums:
    """The sum of weight · value over updates: a partial sum that may be added to any other."""
    total = np.multiply(read(0), weights[0], dtype=np.int64)
    for position in range(1, len(weights)):
        values = read(position)
        for step in _steps(len(values)):
            product = values[step].astype(np.int64)
            product *= weights[position]
            total[step] += product
    return total


def _steps(values: int) -> Iterator[slice]:
    return (slice(start, start + _STEP) for start in range(0, values, _STEP))


def combine(rule: Rule, weights: Sequence[int], read: Read) -> Sums:
    """One band of the mean update under the job's rule; `read(k)` gives the k-th admitted update's integers, and is
    called for each once, in order.

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
        """The whole next model in bands, in order. Every artifact is read once, from front to back, by `threads`
        threads, a few pieces ahead of the arithmetic."""
        readers = [_Bands(self.layout, cid, self.fetch) for cid in (*self.updates, self.base)]
        with closing(in_turn(readers, threads)) as pieces:
            for start, _ in self.layout.bands():
                change = combine(self.rule, self.weights, lambda _: next(pieces))
                yield add(next(pieces), change, start)


class _Bands:
    """An artifact's values, a band at a time. Raises Malformed where there are fewer.

    An object, not a generator: between two bands it holds none, so the memory of a round is not its updates' blocks.
    """

    def __init__(self, layout: Layout, cid: Cid, fetch: Fetch) -> None:
        self._cid, self._bands, self._skip = cid, layout.bands(), layout.header_size % CHUNK
        self._pieces = fetch(cid, layout.header_size - self._skip, layout.size)
        self._rest: Buffer = b""

    def __iter__(self) -> Iterator[Ints]:
        return self

    def __next__(self) -> Ints:
        start, stop = next(self._bands)
        skip, self._skip = self._skip, 0
        return np.frombuffer(self._take(skip + 4 * (stop - start)), dtype="<i4", offset=skip)

    def _take(self, size: int) -> Buffer:
        piece, self._rest = self._rest or next(self._pieces, b""), b""
        if len(piece) >= size:
            if len(piece) > size:
                self._rest = memoryview(piece)[size:]
            return memoryview(piece)[:size]
        held = bytearray(piece)
        for piece in self._pieces:
            room = size - len(held)
            held += memoryview(piece)[:room]
            if len(held) == size:
                self._rest = memoryview(piece)[room:]
                return held
        raise Malformed(f"artifact {self._cid} is truncated", expected=size, actual=len(held))


def in_turn(readers: Sequence[Iterator[T]], threads: int) -> Generator[T]:
    """A piece of each reader in turn, over and over until one ends, read by `threads` threads while others are used.

    At most `threads` + 1 pieces wait, and of each reader only one: so none is asked for two at a time.
    """
    turns = cycle(readers)
    with ThreadPoolExecutor(threads, thread_name_prefix="reader") as pool:
        first = islice(turns, min(threads + 1, len(readers)))
        waiting = deque(pool.submit(next, reader, None) for reader in first)
        try:
            while (piece := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, next(turns), None))
                yield piece
        finally:
            pool.shutdown(cancel_futures=True)
