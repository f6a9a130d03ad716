"""What a round's model is made of: the base model and the admitted updates, read side by side and combined.

The model is made in bands, each a few blocks of the stored file, so memory does not grow with the model.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import cycle, islice
from typing import NamedTuple, TypeVar

import numpy as np

from ledger.errors import FedledgerError, Malformed
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.cid import Cid
from ledger.formats.merkle import leaf_hashes
from ledger.jobs.document import Rule
from ledger.rounds.rules import blocks_of, combine, mean_of
from ledger.rounds.rules.arithmetic import Ints, Mean, add, add_mean

T = TypeVar("T")
R = TypeVar("R")

Fetch = Callable[[Cid, int, int | None], Iterator[Buffer]]
"""Returns a file's bytes from one offset up to another, in pieces of any size, each checked against the CID.

Pieces stay as they are after the next is asked for, and files are read by several threads at once. Raises Unavailable
where bytes cannot be had, Malformed where the blocks under the CID, though whole, are not a file.
"""


class Halted(Exception):
    """What is made on the way will not be used: an update is refused, or bytes of something cannot be had."""


class Inputs:
    """The artifacts that a round's model is made of, already judged; `weights` holds one for each update."""

    def __init__(
        self, layout: Layout, rule: Rule, base: Cid, updates: Sequence[Cid], weights: Sequence[int], fetch: Fetch
    ) -> None:
        self.layout, self.rule, self.base = layout, rule, base
        self.updates, self.weights, self.fetch = tuple(updates), tuple(weights), fetch

    def values(self, cid: Cid, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of an artifact: int32, one dimension.

        Raises as `Fetch`, and Malformed where the artifact is shorter.
        """
        offset = self.layout.header_size
        pieces = list(self.fetch(cid, offset + 4 * start, offset + 4 * stop))
        return _integers(pieces[0] if len(pieces) == 1 else b"".join(pieces), stop - start, cid)

    def model(self, start: int, stop: int) -> Ints:
        """Values `start` to `stop` of the next model. Raises as `values`, and Saturated where one does not fit."""
        change = combine(self.rule, self.weights, lambda k: self.values(self.updates[k], start, stop))
        return add(self.values(self.base, start, stop), change, start)

    def readers(self) -> list[Iterator[Ints]]:
        """The values of each update and of the base model, in bands. They raise as `values`."""
        return [self.reader(cid) for cid in (*self.updates, self.base)]

    def reader(self, cid: Cid) -> "Bands":
        """The values of an artifact, in bands."""
        return Bands(self.layout, cid, self.fetch, blocks_of(self.rule))

    def bands(self, threads: int, readers: Sequence[Iterator[Ints]] = ()) -> Generator["Band"]:
        """What the whole next model is made of, in bands, in order.

        Every artifact is read once, from front to back, by `threads` threads, a few pieces ahead of the arithmetic;
        `readers` are other than `self.readers()` where the updates are judged on the way. Raises as `values`.
        """
        with closing(in_turn(readers or self.readers(), threads)) as pieces:
            for start, _ in self.layout.bands(blocks_of(self.rule)):
                mean = mean_of(self.rule, self.weights, lambda _: next(pieces))
                yield Band(start, next(pieces), mean)

    def refusal(self, threads: int) -> str:
        """Why no model is made of what `bands` made, in words: nothing, of updates that were judged one by one."""
        return ""

    def leaves(self, threads: int) -> list[bytes]:
        """The leaf hashes of the whole next model. Raises as `model`."""
        return [leaf for band in self.bands(threads) for leaf in leaf_hashes(band.model().data)]


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
    """

    def __init__(self, layout: Layout, cid: Cid, fetch: Fetch, blocks: int) -> None:
        self._cid, self._bands = cid, layout.bands(blocks)
        self._stream = Stream(fetch(cid, layout.header_size, layout.size))

    def __iter__(self) -> Iterator[Ints]:
        return self

    def __next__(self) -> Ints:
        start, stop = next(self._bands)
        return _integers(self._stream.take(4 * (stop - start)), stop - start, self._cid)


def _integers(data: Buffer, count: int, cid: Cid) -> Ints:
    if len(data) != 4 * count:
        raise Malformed(f"artifact {cid} is truncated", expected=4 * count, actual=len(data))
    return np.frombuffer(data, dtype="<i4")


def in_turn(readers: Sequence[Iterator[T]], threads: int) -> Generator[T]:
    """A piece of each reader in turn, over and over until one ends, read by `threads` threads while others are used.

    At most `threads` pieces are ahead, and of each reader only one: so none is asked for two at a time.
    """
    turns = cycle(readers)
    with ThreadPoolExecutor(threads, thread_name_prefix="reader") as pool:
        first = islice(turns, min(threads, len(readers)))
        waiting = deque(pool.submit(_next, reader) for reader in first)
        try:
            while piece := waiting.popleft().result():
                waiting.append(pool.submit(_next, next(turns)))
                yield piece.pop()
        finally:
            pool.shutdown(cancel_futures=True)


def _next(reader: Iterator[T]) -> list[T]:
    """The next piece, if there is one, for a caller that hands it on and keeps none."""
    return list(islice(reader, 1))


def beside(work: Callable[[T], R], items: Generator[T]) -> Iterator[R]:
    """What `work` makes of each item, in order, in a thread beside this one, which makes the next item meanwhile.

    What it raises of an item comes before what the next one's making raises.
    """
    waiting: list[Future[R]] = []
    with ThreadPoolExecutor(1, thread_name_prefix="model") as thread, closing(items):
        try:
            for item in items:
                done = [future.result() for future in waiting]
                waiting = [thread.submit(work, item)]
                del item
                yield from done
        except (FedledgerError, Halted):
            for future in waiting:
                future.result()
            raise
        yield from (future.result() for future in waiting)
