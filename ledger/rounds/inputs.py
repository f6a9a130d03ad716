"""What a round's model is made of: the base model and the admitted updates, read side by side and combined.

The model is made in bands, each a few blocks of the stored file, so memory does not grow with the model.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle, islice, repeat
from typing import Any, NamedTuple, Protocol, TypeVar, overload

import numpy as np

from ledger.errors import Malformed
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.cid import Cid
from ledger.formats.compressed.packing import Packing
from ledger.formats.compressed.unpacking import UnpackedBands, Unpacking
from ledger.formats.merkle import leaf_hashes
from ledger.jobs.rules import Rule, WeightedMean
from ledger.rounds.rules import blocks_of, mean_of
from ledger.rounds.rules.arithmetic import Ints, Mean, Read, Sums, add, add_mean
from ledger.rounds.rules.weighted_mean import WeightedSums

T = TypeVar("T")
R = TypeVar("R")

Fetch = Callable[[Cid, int, int | None], Iterator[Buffer]]
"""Returns a file's bytes from one offset up to another, in pieces of any size, each checked against the CID.

Pieces stay as they are after the next is asked for, and files are read by several threads at once. Raises Unavailable
where bytes cannot be had, Malformed where the blocks under the CID, though whole, are not a file.
"""


AHEAD = 2
"""Pieces besides one for each thread that are read before they are asked for, where none is kept."""


class Halted(Exception):
    """What is made on the way will not be used: an update is refused, or bytes of something cannot be had."""


class Stepping(Protocol):
    """What is done with a mean update before it is added, where that is more than nothing
    (`ledger.rounds.server_state.Step`)."""

    def state(self, start: int, stop: int) -> list[Sums]:
        """Values `start` to `stop` of the state that it goes on from."""

    def bands(self, blocks: int, *, halting: bool = False) -> Iterator[list[Sums]]:
        """The same of all values, in bands. With `halting` what it raises is Halted."""

    def apply(self, start: int, mean: Sums, state: Sequence[Sums]) -> tuple[Sums, list[Sums]]:
        """What is added to the base model from value `start` on, and the next state there."""


class Inputs:
    """The artifacts that a round's model is made of, already judged; `weights` holds one for each update. `packing` is
    the layout of the updates where they are compressed.
    """

    def __init__(
        self,
        layout: Layout,
        rule: Rule,
        base: Cid,
        updates: Sequence[Cid],
        weights: Sequence[int],
        fetch: Fetch,
        packing: Packing | None = None,
    ) -> None:
        self.layout, self.rule, self.base, self.packing = layout, rule, base, packing
        self.updates, self.weights, self.fetch = tuple(updates), tuple(weights), fetch
        self.step: Stepping | None = None
        """What is done with their mean; None where it is added as it is."""
        self.divisor = 0
        """What a sum by weights is divided by; 0 for the sum of the weights."""
        self.staleness: tuple[int, ...] = ()
        """How old the model is that each update builds on; nothing where that is `base` alone."""

    def values(self, cid: Cid, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of a model: int32, one dimension.

        Raises as `Fetch`, and Malformed where the artifact is shorter.
        """
        return _integers(self._bytes(cid, self.layout, 4 * start, 4 * stop), stop - start, cid)

    def update_values(self, cid: Cid, start: int, stop: int) -> Ints:
        """The same of an update as it is on the ledger."""
        if self.packing is None:
            return self.values(cid, start, stop)
        unpacking = Unpacking(self.packing, self._bytes(cid, self.packing, 0, self.packing.shifts))
        return unpacking.values(self._bytes(cid, self.packing, *self.packing.span(start, stop)), start, stop)

    def _bytes(self, cid: Cid, layout: Layout, start: int, stop: int) -> Buffer:
        """Bytes behind an artifact's header."""
        pieces = list(self.fetch(cid, layout.header_size + start, layout.header_size + stop))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def model(self, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of the next model. Raises as `values`, and Saturated where one does not fit."""
        return self.made(start, stop)[0]

    def mean(self, start: int, stop: int) -> Mean:
        """The mean of values `start` to `stop` of the updates. Raises as `values`."""
        return self.combined(lambda k: self.update(k, start, stop))

    def made(self, start: int, stop: int) -> tuple[Ints, list[Sums]]:
        """Values `start` to `stop` of the next model, and of each stream of its state. Raises as `model`."""
        band = Band(start, self.values(self.base, start, stop), self.mean(start, stop))
        return self.advance(band, [] if self.step is None else self.step.state(start, stop))

    def advance(self, band: "Band", state: Sequence[Sums]) -> tuple[Ints, list[Sums]]:
        """What a band becomes: the next model's values, the next state's. Raises Saturated where one does not fit."""
        if self.step is None:
            return band.model(), []
        change, after = self.step.apply(band.start, band.mean.divided(), state)
        return add(band.base, change, band.start), after

    def states(self, *, halting: bool = False) -> Iterator[list[Sums]]:
        """The state before the round, in the bands of `bands`. Raises as `Stepping.bands`."""
        if self.step is None:
            return repeat([])
        return self.step.bands(blocks_of(self.rule), halting=halting)

    def update(self, position: int, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of the update at a position, as they are summed. Raises as `values`."""
        return self.update_values(self.updates[position], start, stop)

    def combined(self, read: Read) -> Mean:
        """The mean of a range of the updates' values."""
        mean = mean_of(self.rule, self.weights, read)
        return mean._replace(divisor=self.divisor) if self.divisor else mean

    @property
    def summed_by(self) -> tuple[int, ...]:
        """What all that is summed is multiplied by, where the mean is one by weights; else nothing."""
        return self.weights if isinstance(self.rule, WeightedMean) else ()

    @property
    def scalars(self) -> tuple[int, ...]:
        """The integers that a first pass made for the second, as they stand in the claim: none without one; and what
        the headers of a buffered round's updates say of their bases.
        """
        return self.staleness

    def readers(self) -> list[Iterator[Ints]]:
        """The values of each update and of the base model, in bands. They raise as `values`."""
        return [*map(self.update_reader, self.updates), self.reader(self.base)]

    def reader(self, cid: Cid) -> "Bands":
        """The values of a model, in bands."""
        return Bands(self.layout, cid, self.fetch, blocks_of(self.rule))

    def update_reader(self, cid: Cid) -> "Bands":
        """The values of an update as it is on the ledger, in bands."""
        return Bands(self.layout, cid, self.fetch, blocks_of(self.rule), self.packing)

    def bands(self, threads: int, readers: Sequence[Iterator[Ints]] = ()) -> Generator["Band"]:
        """What the whole next model is made of, in bands, in order.

        Every artifact is read once, from front to back, by `threads` threads, a few pieces ahead of the arithmetic;
        `readers` are other than `self.readers()` where the updates are judged on the way. Raises as `values`.
        """
        readers = readers or self.readers()
        if self.summed_by:
            yield from self._added_up(threads, readers)
            return
        with closing(in_turn(readers, threads)) as pieces:
            for start, _ in self.layout.bands(blocks_of(self.rule)):
                mean = self.combined(lambda _: next(pieces))
                yield Band(start, next(pieces), mean)

    def _added_up(self, threads: int, readers: Sequence[Iterator[Ints]]) -> Generator["Band"]:
        """The same of a weighted mean: the thread that reads a piece of an update adds it up, so it is not kept."""
        sums = WeightedSums(self.summed_by, self.divisor)
        with closing(in_turn(readers, threads, sums.take)) as pieces:
            for number, (start, _) in enumerate(self.layout.bands(blocks_of(self.rule))):
                for _ in self.summed_by:
                    next(pieces)
                base = next(pieces)
                if base is None:
                    raise ValueError("the last reader is the base model's")
                yield Band(start, base, sums.of(number))

    def refusal(self, threads: int) -> str:
        """Why no model is made of what `bands` made, in words: nothing, of updates that were judged one by one."""
        return ""

    def leaves(self, threads: int) -> list[bytes]:
        """The leaf hashes of the whole next model. Raises as `model`."""
        states = self.states()
        made = (self.advance(band, next(states))[0] for band in self.bands(threads))
        return [leaf for values in made for leaf in leaf_hashes(values.data)]


class Band(NamedTuple):
    """A band of the next model before it is made: the number of its first value, the base model's, and their mean."""

    start: int
    base: Ints
    mean: Mean

    def model(self) -> Ints:
        """The next model's values. Raises Saturated where one does not fit."""
        return add_mean(self.base, self.mean, self.start)


class Stream:
    """A file's bytes, taken in runs from the pieces that come. Between two it holds only what a piece left over."""

    def __init__(self, pieces: Iterator[Buffer]) -> None:
        self._pieces = pieces
        self._rest: Buffer = b""

    def take(self, size: int) -> Buffer:
        """The next `size` bytes, or as many as there are; copied only where they straddle pieces."""
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
                self._rest = memoryview(piece)[room:] if room < len(piece) else b""
                break
        return held


class Bands:
    """An artifact's values, a band at a time. Raises Malformed where there are fewer.

    An object, not a generator: between two bands it holds none, so the memory of a round is not its updates' blocks.
    `packing` is the file's layout where it is a compressed update.
    """

    def __init__(self, layout: Layout, cid: Cid, fetch: Fetch, blocks: int, packing: Packing | None = None) -> None:
        self._cid, self._bands, self._packing, file = cid, layout.bands(blocks), packing, packing or layout
        self._stream = Stream(fetch(cid, file.header_size, file.size))
        self._unpacked: UnpackedBands | None = None

    def __iter__(self) -> Iterator[Ints]:
        return self

    def __next__(self) -> Ints:
        start, stop = next(self._bands)
        if self._packing is not None:
            self._unpacked = self._unpacked or UnpackedBands(self._packing, self._stream.take)
            return self._unpacked.values(start, stop)
        return _integers(self._stream.take(4 * (stop - start)), stop - start, self._cid)


def _integers(data: Buffer, count: int, cid: Cid) -> Ints:
    if len(data) != 4 * count:
        raise Malformed(f"artifact {cid} is truncated", expected=4 * count, actual=len(data))
    return np.frombuffer(data, dtype="<i4")


@overload
def in_turn(readers: Sequence[Iterator[T]], threads: int) -> Generator[T]: ...
@overload
def in_turn(readers: Sequence[Iterator[T]], threads: int, use: Callable[[int, T], R]) -> Generator[R]: ...
def in_turn(
    readers: Sequence[Iterator[Any]], threads: int, use: Callable[[int, Any], Any] | None = None
) -> Generator[Any]:
    """A piece of each reader in turn, over and over until one ends, read by `threads` threads while others are used.

    At most `threads` pieces are ahead, and of each reader only one: so none is asked for two at a time. What `use`
    makes of a piece, by its number from 0, comes in its place; that is done by the thread that read it, and as it is
    taken to be small, some more are ahead, so that no thread has to wait. With 0 threads nothing is ahead.
    """
    if not threads:
        yield from _one_by_one(readers, use)
        return
    turns, ahead = enumerate(cycle(readers)), threads if use is None else threads + AHEAD
    with ThreadPoolExecutor(threads, thread_name_prefix="reader") as pool:
        first = islice(turns, min(ahead, len(readers)))
        waiting = deque(pool.submit(_next, reader, number, use) for number, reader in first)
        try:
            while piece := waiting.popleft().result():
                number, reader = next(turns)
                waiting.append(pool.submit(_next, reader, number, use))
                yield piece.pop()
        finally:
            pool.shutdown(cancel_futures=True)


def _one_by_one(readers: Sequence[Iterator[Any]], use: Callable[[int, Any], Any] | None) -> Generator[Any]:
    """The same, all of it in the caller's thread."""
    for number, reader in enumerate(cycle(readers)):
        if not (piece := _next(reader, number, use)):
            return
        yield piece.pop()


def _next(reader: Iterator[Any], number: int = 0, use: Callable[[int, Any], Any] | None = None) -> list[Any]:
    """The next piece, if there is one, or what is made of it, for a caller that hands it on and keeps none."""
    pieces = list(islice(reader, 1))
    return pieces if use is None or not pieces else [use(number, pieces.pop())]


def beside(work: Callable[[T], R], items: Generator[T], threads: int = 1) -> Iterator[R]:
    """What `work` makes of each item, in order, while a thread beside this one makes the next item: one is ahead, at
    most, and neither the work nor what the caller does with it stops the making. With 0 threads none is ahead.

    What it raises of an item comes before what the next one's making raises.
    """
    if not threads:
        with closing(items):
            yield from map(work, items)
        return
    with closing(items), ThreadPoolExecutor(1, thread_name_prefix="model") as thread:
        coming = thread.submit(_next, items)
        while item := coming.result():
            coming = thread.submit(_next, items)
            yield work(item.pop())
