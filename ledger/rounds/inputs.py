"""What a round's model is made of: the base model and the admitted updates, read side by side and combined.

The model is made in bands, each one block of the stored file, so memory does not grow with model or updates.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle, islice
from typing import TypeVar

import numpy as np

from ledger.errors import Malformed
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.cid import Cid
from ledger.formats.merkle import leaf_hashes
from ledger.jobs.document import Rule
from ledger.rounds.rules import combine, mean_of
from ledger.rounds.rules.arithmetic import Ints, Sums, add, add_mean

T = TypeVar("T")

Fetch = Callable[[Cid, int, int | None], Iterator[Buffer]]
"""Returns a file's bytes from one offset up to another, in pieces of any size, each checked against the CID.

Pieces stay as they are after the next is asked for, and files are read by several threads at once. Raises Unavailable
where bytes cannot be had, Malformed where the blocks under the CID, though whole, are not a file.
"""


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
        return [Bands(self.layout, cid, self.fetch) for cid in (*self.updates, self.base)]

    def bands(self, threads: int, readers: Sequence[Iterator[Ints]] = ()) -> Iterator[tuple[Ints, Sums]]:
        """The whole next model in bands, in order, each with the sums that were divided for it.

        Every artifact is read once, from front to back, by `threads` threads, a few pieces ahead of the arithmetic;
        `readers` are other than `self.readers()` where the updates are judged on the way. Raises as `model`.
        """
        with closing(in_turn(readers or self.readers(), threads)) as pieces:
            for start, _ in self.layout.bands():
                mean = mean_of(self.rule, self.weights, lambda _: next(pieces))
                yield add_mean(next(pieces), mean, start), mean.sums

    def leaves(self, threads: int) -> list[bytes]:
        """The leaf hashes of the whole next model. Raises as `model`."""
        return [leaf for band, _ in self.bands(threads) for leaf in leaf_hashes(band.data)]


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
                self._rest = memoryview(piece)[room:]
                break
        return held


class Bands:
    """An artifact's values, a band at a time. Raises Malformed where there are fewer.

    An object, not a generator: between two bands it holds none, so the memory of a round is not its updates' blocks.
    """

    def __init__(self, layout: Layout, cid: Cid, fetch: Fetch) -> None:
        self._cid, self._bands = cid, layout.bands()
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
